//! `efy train` with files from strangers: exit code 2, one line that names the file, nothing left behind, and
//! neither time nor memory spent. A process of its own, because what children used is counted by process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]
#![cfg(unix)]

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use efy_fuzz::mutate::{config, random};
use efy_tasks::config::Config;
use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

/// Processor time that a refusal may take, most of it being libtorch's start. A bomb takes minutes.
const MOST_SECONDS: f64 = 2.0;
/// Memory that it may take.
const MOST_KIB: i64 = 200 << 10;
/// Mutations of the default configuration.
const MUTATIONS: u64 = 20;

/// One command at a time: what it used is what all children used less what they had used before.
static TURN: Mutex<()> = Mutex::new(());

/// Processor seconds of all children that have ended, and the largest memory of one of them in KiB.
fn used() -> (f64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    (
        seconds(usage.user_time()) + seconds(usage.system_time()),
        usage.max_rss(),
    )
}

/// `efy train` in `folder` refuses with a line that holds `words`.
fn refused(folder: &TempDir, arguments: &[&str], words: &[&str]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = names(folder.path());
    let (seconds, _) = used();
    let output = Command::new(cargo_bin!("efy"))
        .current_dir(folder.path())
        .env("EFY_DATA_DIR", folder.path().join("cache"))
        .env("OMP_WAIT_POLICY", "passive")
        .env_remove("EFY_CUDA_LIB")
        .env_remove("LD_PRELOAD")
        .timeout(Duration::from_secs(120))
        .args(["train", "--device", "cpu", "--out", "run"])
        .args(arguments)
        .output()
        .unwrap();
    let (after, kib) = used();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let told = format!("{arguments:?}: {:?}: {stderr}", output.status);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty(), "{told}");
    assert_eq!(stderr.lines().count(), 1, "{told}");
    assert!(!stderr.trim_end().contains(char::is_control), "{told}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} in {told}");
    }
    assert_eq!(names(folder.path()), before, "{told}");
    assert!(
        after - seconds < MOST_SECONDS,
        "{} s: {told}",
        after - seconds
    );
    assert!(kib < MOST_KIB, "{kib} KiB: {told}");
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort_unstable();
    names
}

fn default_config() -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/multilabel/yeast-pairwise.yaml");
    fs::read_to_string(path).unwrap()
}

#[test]
fn mutated_configurations() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    let good = default_config();
    let bad = (1000..)
        .map(|seed| config(&mut random(seed), &good).0)
        .filter(|bytes| {
            fs::write(&file, bytes).unwrap();
            Config::load(&file, &[]).is_err()
        });
    for bytes in bad.take(MUTATIONS as usize).collect::<Vec<_>>() {
        fs::write(&file, bytes).unwrap();
        refused(&folder, &["c.yaml"], &["efy: c.yaml:"]);
    }
}

#[test]
fn bombs_and_files_that_are_none() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    let aliases: String = (1..40)
        .map(|i| format!("a{i}: &a{i} [*a{}, *a{}, *a{}]\n", i - 1, i - 1, i - 1))
        .collect();
    let utf16: Vec<u8> = default_config()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(Vec<u8>, &str); 11] = [
        (
            format!("task: [{}]\n", "1,".repeat(500_000)).into_bytes(),
            "more than 65536 keys and values",
        ),
        (b"[".repeat(1 << 20), "c.yaml:1:"),
        (
            [b"task: ".to_vec(), b"{a: ".repeat(100_000)].concat(),
            "nested deeper than 32 levels",
        ),
        (b"- ".repeat(1 << 19), "nested deeper than 32 levels"),
        (
            format!("a0: &a0 [x]\n{aliases}").into_bytes(),
            "c.yaml:1:5: anchors",
        ),
        (
            b"x".repeat(10 << 20),
            "c.yaml: expected at most 1048576 bytes",
        ),
        (utf16, "c.yaml: expected UTF-8 text, found UTF-16"),
        (
            b"task: multilabel\nname: caf\xe9\n".to_vec(),
            "c.yaml:2: expected UTF-8 text, found the byte 0xE9",
        ),
        (b"task: multilabel\nname: a\0b\n".to_vec(), "c.yaml:2:"),
        (
            Vec::new(),
            "c.yaml: expected a section of keys, found nothing",
        ),
        (
            b"task: multilabel\nmodel: {hidden: [65536, 65536]}\n".to_vec(),
            "at most 2^28 weights",
        ),
    ];
    for (bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        refused(&folder, &["c.yaml", "--quiet"], &[words]);
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    refused(&folder, &["folder"], &["folder", "directory"]);
    refused(&folder, &["/dev/zero"], &["/dev/zero: expected at most"]);
    fs::write(&file, default_config()).unwrap();
    let deep = format!("train.lr={}", "[".repeat(50_000));
    refused(
        &folder,
        &["c.yaml", "--set", &deep],
        &["nested deeper than 32 levels"],
    );
    let path = format!("{}a=1", "a.".repeat(50_000));
    refused(
        &folder,
        &["c.yaml", "--set", &path],
        &["nested deeper than 32 levels"],
    );
}

#[test]
fn data_that_would_fill_the_memory() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("c.yaml"), default_config()).unwrap();
    fs::write(path("l.xml"), "<labels><label name='y'/></labels>").unwrap();
    // A gigabyte each, that takes no space on a disk.
    for name in ["line.arff", "line.csv"] {
        File::create(path(name)).unwrap().set_len(1 << 30).unwrap();
    }
    let attributes: String = (0..400_000)
        .map(|i| format!("@attribute a{i} real\n"))
        .collect();
    fs::write(path("wide.arff"), attributes + "@data\n{}\n").unwrap();
    let values = "ab,".repeat(3 << 20);
    fs::write(
        path("values.arff"),
        format!("@attribute y {{{values}}}\n@data\n"),
    )
    .unwrap();
    fs::write(
        path("index.arff"),
        "@attribute x real\n@attribute y {0,1}\n@data\n{4000000000 1}\n",
    )
    .unwrap();
    fs::write(path("utf16.arff"), b"\xff\xfe@\0").unwrap();
    let labels = "<label name='y'>".repeat(1 << 20);
    fs::write(path("deep.xml"), format!("<labels>{labels}")).unwrap();
    fs::write(
        path("good.arff"),
        "@attribute x real\n@attribute y {0,1}\n@data\n1,1\n",
    )
    .unwrap();
    let cases = [
        ("line.arff", "l.xml", "line.arff:1: a line is too long"),
        ("line.csv", "l.xml", "line.csv:1: a "),
        (
            "wide.arff",
            "l.xml",
            "wide.arff:262145: more than 262144 attributes",
        ),
        (
            "values.arff",
            "l.xml",
            "values.arff:1: attribute \"y\": value \"ab\" is declared twice",
        ),
        (
            "index.arff",
            "l.xml",
            "index.arff:4: expected an index below 2, found 4000000000",
        ),
        (
            "utf16.arff",
            "l.xml",
            "utf16.arff: expected UTF-8 text, found UTF-16",
        ),
        ("good.arff", "deep.xml", "deep.xml"),
        ("good.arff", "line.arff", "line.arff: more than"),
        ("good.arff", "l.xml", "too few"),
        ("/dev/zero.arff", "l.xml", "/dev/zero.arff: cannot read"),
    ];
    for (data, labels, words) in cases {
        let data = format!("data.path={data}");
        let labels = format!("data.labels_path={labels}");
        let sets = [
            "--set",
            &data,
            "--set",
            &labels,
            "--set",
            "data.label_prefix=y",
        ];
        refused(
            &folder,
            &[["c.yaml", "--quiet"].as_slice(), &sets].concat(),
            &[words],
        );
    }
}
