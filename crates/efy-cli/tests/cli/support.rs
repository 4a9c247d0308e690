//! A folder of its own for every test, and what came of a command that ran there.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

/// What a multilabel run reports, in this order.
pub(crate) const METRICS: [&str; 7] = [
    "loss",
    "hamming_accuracy",
    "subset_accuracy",
    "micro_f1",
    "macro_f1",
    "example_f1",
    "unconverged",
];

/// A temporary folder in which commands run. Their data cache is `cache` in it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    /// Everything in the folder and below, sorted.
    pub(crate) fn names(&self) -> Vec<PathBuf> {
        let mut names = below(self.0.path());
        names.sort_unstable();
        names
    }

    /// `efy` with the arguments of `line`, which spaces separate. `CONFIG` stands for the default
    /// configuration. Whatever the environment of the test says, it is a plain machine.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(cargo_bin!("efy"));
        for name in [
            "EFY_CUDA_LIB",
            "EFY_DATA_MIRROR",
            "EFY_LOG",
            "EFY_STAND_IN_REPORT",
            "EFY_STAND_IN_STEPS",
            "EFY_STAND_IN_TRACE",
            "LD_PRELOAD",
        ] {
            command.env_remove(name);
        }
        command
            .current_dir(self.0.path())
            .env("EFY_DATA_DIR", self.path("cache"))
            // Tests run side by side: threads that spin while they wait would take each other's time.
            .env("OMP_WAIT_POLICY", "passive");
        for word in line.split_whitespace() {
            match word {
                "CONFIG" => command.arg(default_config()),
                word => command.arg(word),
            };
        }
        command
    }

    pub(crate) fn efy(&self, line: &str) -> Finished {
        run(&mut self.command(line), line)
    }

    /// `efy` with files that cannot grow beyond so many KiB, as on a full disk. The signal that would end
    /// the program has to be ignored, as a program that runs `efy` may do.
    pub(crate) fn efy_with_room(&self, kibibytes: u32, line: &str) -> Finished {
        let plain = self.command(line);
        let limited = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        let mut command = Command::new("bash");
        command
            .args(["-c", limited, "bash", &kibibytes.to_string()])
            .arg(plain.get_program())
            .args(plain.get_args());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        run(command.current_dir(self.0.path()), line)
    }

    /// Trains the default configuration on the CPU for two epochs, `more` arguments after that, into
    /// `out`; the test metrics.
    pub(crate) fn train(&self, out: &str, more: &str) -> Value {
        let line =
            format!("train CONFIG --device cpu --quiet --out {out} --set train.epochs=2 {more}");
        self.efy(&line).ok().last_json()["test"].clone()
    }
}

/// Runs a command; `line` is what reports call it.
pub(crate) fn run(command: &mut Command, line: &str) -> Finished {
    let output = command.output().unwrap();
    Finished {
        line: line.to_owned(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that has ended.
pub(crate) struct Finished {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// It did what it was asked for.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.told());
        self
    }

    /// It failed with this code, and its last line on stderr, which is returned, says why.
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}", self.told());
        assert_eq!(self.stdout, "", "{}", self.told());
        let last = self.stderr.lines().last();
        last.unwrap_or_else(|| panic!("{}", self.told()))
    }

    /// All of stdout as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    /// The last line of stdout as JSON.
    pub(crate) fn last_json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    pub(crate) fn told(&self) -> String {
        let Finished {
            line,
            code,
            stdout,
            stderr,
        } = self;
        format!("efy {line}\nexit code {code:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// All files and folders below a folder.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

pub(crate) fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn default_config() -> PathBuf {
    workspace().join("configs/multilabel/yeast-pairwise.yaml")
}

/// A file of the folder `shared` beside the workspace; says so where there is none.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("no ../shared/{name} beside the workspace"));
    None
}

/// Says, past the capture of the test harness, that a test could not check what it is there for.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {name}: {why}");
}

/// A Python that has these modules: of an environment in the workspace, or the one that `EFY_PYTHON` names.
pub(crate) fn python_with(modules: &str, hint: &str) -> Option<String> {
    let installed =
        [".venv-tensorboard", ".venv-peers"].map(|venv| workspace().join(venv).join("bin/python"));
    let installed = installed.iter().map(|path| path.display().to_string());
    let found = installed.chain(std::env::var("EFY_PYTHON")).find(|python| {
        let import = format!("import {modules}");
        let tried = std::process::Command::new(python)
            .args(["-c", &import])
            .output();
        tried.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        skipped(&format!("no Python with {modules}; {hint}"));
    }
    found
}

/// Numbers of two JSON values, member by member, differ by at most `tolerance`, or that share of those beyond 1; all else
/// is the same.
pub(crate) fn assert_close(what: &str, found: &Value, expected: &Value, tolerance: f64) {
    match (found, expected) {
        (Value::Array(f), Value::Array(e)) if f.len() == e.len() => f
            .iter()
            .zip(e)
            .for_each(|(f, e)| assert_close(what, f, e, tolerance)),
        (Value::Object(f), Value::Object(e)) => {
            assert!(f.keys().eq(e.keys()), "{what}: {found} is not {expected}");
            for (key, e) in e {
                assert_close(&format!("{what} {key}"), &f[key], e, tolerance);
            }
        }
        (_, Value::Null | Value::Bool(_) | Value::String(_)) => {
            assert_eq!(found, expected, "{what}");
        }
        _ => {
            let (f, e) = (found.as_f64(), expected.as_f64());
            let near =
                (f.zip(e)).is_some_and(|(f, e)| (f - e).abs() <= tolerance * e.abs().max(1.0));
            assert!(near, "{what}: {found} is not {expected}");
        }
    }
}

/// A CSV file of `rows` rows with the columns `x1`, `place`, `x2`, `y1` and `y2`, in which the labels
/// follow from the features.
pub(crate) fn small_csv(rows: usize, seed: u64) -> String {
    let mut text = "x1,place,x2,y1,y2\n".to_owned();
    for (x1, sea, x2) in small_rows(rows, seed) {
        let place = if sea { "sea" } else { "hill" };
        let (y1, y2) = (u8::from(x1 + x2 > 0.0), u8::from(sea));
        writeln!(text, "{x1:.4},{place},{x2:.4},{y1},{y2}").unwrap();
    }
    text
}

/// The rows of [`small_csv`] as ARFF; `y1` and `y2` are for the label list.
pub(crate) fn small_arff(rows: usize, seed: u64) -> String {
    let csv = small_csv(rows, seed);
    let (_, data) = csv.split_once('\n').unwrap();
    format!(
        "@relation small\n@attribute x1 numeric\n@attribute place {{hill,sea}}\n\
         @attribute x2 numeric\n@attribute y1 {{0,1}}\n@attribute y2 {{0,1}}\n@data\n{data}"
    )
}

/// The label list of [`small_arff`].
pub(crate) const SMALL_XML: &str =
    "<labels>\n<label name=\"y1\"></label>\n<label name=\"y2\"></label>\n</labels>\n";

fn small_rows(rows: usize, seed: u64) -> impl Iterator<Item = (f64, bool, f64)> {
    let mut state = seed;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0
    };
    (0..rows).map(move |_| (uniform(), uniform() > 0.0, uniform()))
}
