//! Everything that reads what a stranger may have written.

use std::fs;
use std::path::{Path, PathBuf};

use efy_core::parameters::Builder;
use efy_plot::{METRICS_FILE, PICTURE_FILE, Run, Width, density_drawings, read_metrics};
use efy_tasks::config::Config;
use efy_tasks::data::{self, Cache, Feature, LabelColumns, Schema, arff, mulan};
use efy_tasks::imitation::{demonstrations, experts};
use efy_tasks::problem::Problem;
use efy_train::weights;
use tch::{Device, Kind};

/// Iterations that a solver gets: this is about reading.
const MOST_ITERATIONS: usize = 20;
/// Longest message, in bytes: a terminal or two full, whatever the file holds.
const LONGEST_MESSAGE: usize = 4096;

/// A reader, by the name of its corpus.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the folder of its corpus and the name for `cargo fuzz run`.
    pub name: &'static str,
    /// How the file is called that the reader gets to see.
    file: &'static str,
    /// Reads the file in a folder of its own; what is wrong with it, if anything is.
    read: fn(&Path) -> Result<(), String>,
}

/// All readers.
pub const TARGETS: [Target; 19] = [
    Target {
        name: "yaml_config",
        file: "config.yaml",
        read: yaml_config,
    },
    Target {
        name: "arff",
        file: "input.arff",
        read: read_arff,
    },
    Target {
        name: "labels_xml",
        file: "labels.xml",
        read: labels_xml,
    },
    Target {
        name: "csv",
        file: "input.csv",
        read: csv,
    },
    Target {
        name: "ranks_csv",
        file: "ranks.csv",
        read: ranks_csv,
    },
    Target {
        name: "rankings_csv",
        file: "rankings.csv",
        read: rankings_csv,
    },
    Target {
        name: "rows_csv",
        file: "rows.csv",
        read: rows_csv,
    },
    Target {
        name: "dataset_manifest",
        file: "dataset.json",
        read: dataset_manifest,
    },
    Target {
        name: "solve_json",
        file: "problem.json",
        read: solve_json,
    },
    Target {
        name: "run_metrics",
        file: METRICS_FILE,
        read: run_metrics,
    },
    Target {
        name: "run_config",
        file: "config.yaml",
        read: run_config,
    },
    Target {
        name: "checkpoint_manifest",
        file: efy_train::checkpoint::MANIFEST,
        read: checkpoint_manifest,
    },
    Target {
        name: "weights",
        file: "weights.safetensors",
        read: read_weights,
    },
    Target {
        name: "points",
        file: "points.bin",
        read: points,
    },
    Target {
        name: "density_picture",
        file: PICTURE_FILE,
        read: density_picture,
    },
    Target {
        name: "demonstrations",
        file: "demonstrations.npz",
        read: read_demonstrations,
    },
    Target {
        name: "demonstrations_csv",
        file: "demonstrations.csv",
        read: read_demonstrations,
    },
    Target {
        name: "expert",
        file: "expert.json",
        read: expert,
    },
    Target {
        name: "expert_network",
        file: "expert.npz",
        read: expert_network,
    },
];

/// The target of this name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target {name}"))
}

impl Target {
    /// Gives bytes to the reader.
    ///
    /// # Errors
    /// What the reader says is wrong with them.
    ///
    /// # Panics
    /// When the reader does, or when its message is not one that helps: it names the file, in one line that
    /// can be shown on a terminal.
    pub fn run(&self, bytes: &[u8]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(self.file);
        fs::write(&path, bytes).unwrap();
        let verdict = (self.read)(&path);
        if let Err(message) = &verdict {
            let name = self.name;
            assert!(message.contains(self.file), "{name}: no file: {message}");
            assert!(
                message.len() <= LONGEST_MESSAGE,
                "{name}: {} bytes",
                message.len()
            );
            let control = message.chars().find(|c| c.is_control());
            assert_eq!(control, None, "{name}: {message:?}");
        }
        verdict
    }
}

fn told<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// What is accepted is written as it was read.
fn yaml_config(path: &Path) -> Result<(), String> {
    let config = told(Config::load(path, &[]))?;
    let yaml = efy_train::config::to_yaml(&config).unwrap();
    assert_eq!(
        Config::from_text("again", &yaml, &[]).unwrap(),
        config,
        "{yaml}"
    );
    Ok(())
}

/// Points as CSV or npy, told apart by how they begin.
fn points(path: &Path) -> Result<(), String> {
    let points = told(data::read_points(path))?;
    assert_eq!(points.len() * points.dimension(), points.values.len());
    assert!(points.values.iter().all(|value| value.is_finite()));
    Ok(())
}

/// What is read is drawn as well.
fn density_picture(path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    for drawing in told(density_drawings(folder, "run", Width::default()))? {
        // What cannot be drawn is told with the name of the figure.
        let svg = drawing
            .svg()
            .map_err(|error| format!("{PICTURE_FILE}: {error}"))?;
        assert!(svg.contains("<svg"));
    }
    Ok(())
}

fn read_arff(path: &Path) -> Result<(), String> {
    let table = told(arff::read(path, &|_| true))?;
    let last = table.columns().last().map(|column| column.name.clone());
    let schema = told(Schema::of_table(
        &table,
        &last.into_iter().collect::<Vec<_>>(),
    ))?;
    told(schema.encode(&table))?;
    told(schema.encode_labels(&table)).map(drop)
}

fn labels_xml(path: &Path) -> Result<(), String> {
    let names = told(mulan::label_names(path))?;
    assert!(!names.is_empty());
    Ok(())
}

fn csv(path: &Path) -> Result<(), String> {
    let labels = LabelColumns::Prefix("y".to_owned());
    match data::load_path(path, None, None, Some(&labels)) {
        Ok(data) => {
            assert!(data.x().iter().all(|value| value.is_finite()));
            Ok(())
        }
        // What is wrong with the data set as a whole is told with the name of the set.
        Err(error @ efy_tasks::Error::Dataset { .. }) => Err(format!("input.csv: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Ranks in the last columns of a file that begins with its counts.
fn ranks_csv(path: &Path) -> Result<(), String> {
    rankings(path, None)
}

/// Rankings such as `a>b>c` in a column.
fn rankings_csv(path: &Path) -> Result<(), String> {
    rankings(path, Some(&LabelColumns::Ranked("ranking".to_owned())))
}

fn rankings(path: &Path, columns: Option<&LabelColumns>) -> Result<(), String> {
    let name = path.file_name().unwrap().display();
    match data::load_rankings(path, None, columns) {
        Ok(data) => {
            assert!(data.x().iter().all(|value| value.is_finite()));
            let k = data.labels();
            let sum = |ranks: &[u8]| ranks.iter().map(|&rank| usize::from(rank)).sum::<usize>();
            assert!(
                data.y()
                    .chunks(k)
                    .all(|ranks| sum(ranks) == k * (k + 1) / 2)
            );
            Ok(())
        }
        Err(error @ efy_tasks::Error::Dataset { .. }) => Err(format!("{name}: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

/// As `efy predict` reads new rows.
fn rows_csv(path: &Path) -> Result<(), String> {
    let name = str::to_owned;
    let schema = Schema {
        features: vec![
            Feature::Numeric { name: name("x") },
            Feature::Nominal {
                name: name("place"),
                values: vec![name("sea"), name("hill")],
            },
        ],
        labels: vec![name("y")],
    };
    let table = told(data::read_rows(path, &schema))?;
    let x = told(schema.encode(&table))?;
    assert_eq!(x.len(), table.rows() * schema.width());
    Ok(())
}

/// The file that says what an imported data set is made of.
fn dataset_manifest(path: &Path) -> Result<(), String> {
    let root = path.parent().unwrap().join("cache");
    let set: PathBuf = root.join("multilabel/own");
    fs::create_dir_all(&set).unwrap();
    fs::copy(path, set.join("dataset.json")).unwrap();
    fs::write(set.join("train.csv"), "x,y1\n1,0\n2,1\n").unwrap();
    // What is wrong may also be wrong with the files that it refers to.
    data::load("own", &Cache::new(root))
        .map(drop)
        .map_err(|error| match error.exit_code() {
            2 => format!("dataset.json: {error}"),
            code => panic!("exit code {code}: {error}"),
        })
}

fn solve_json(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let problem = told(Problem::parse(path, &text))?.with_iterations_at_most(MOST_ITERATIONS);
    let answer = problem.solve(Device::Cpu);
    answer.map(drop).map_err(|error| {
        assert!(
            !matches!(error, efy_core::Error::Torch(_)),
            "not checked: {error}: {text}"
        );
        format!("{}: {error}", path.display())
    })
}

fn run_metrics(path: &Path) -> Result<(), String> {
    told(read_metrics(path)).map(drop)
}

fn run_config(path: &Path) -> Result<(), String> {
    let run = path.parent().unwrap();
    fs::write(
        run.join(METRICS_FILE),
        "{\"step\":1,\"split\":\"train\",\"loss\":1}\n",
    )
    .unwrap();
    told(Run::read(run)).map(drop)
}

/// Weights that are refused change nothing.
fn read_weights(path: &Path) -> Result<(), String> {
    let mut builder = Builder::default();
    builder.add("w", &[2, 2], vec![1.0; 4], true).unwrap();
    let parameters = builder.build(Kind::Float, Device::Cpu).unwrap();
    let before = parameters.flat().copy();
    let loaded = told(weights::load(path, &parameters, &["mean"]));
    assert!(loaded.is_ok() || *parameters.flat() == before);
    loaded.map(drop)
}

/// The manifest of a checkpoint, of which every byte counts.
fn checkpoint_manifest(path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap();
    told(efy_train::checkpoint::Manifest::read(folder)).map(drop)
}

/// Demonstrations: npz and safetensors, told apart by how they begin, or CSV. What is accepted is written, and read again as the same.
fn read_demonstrations(path: &Path) -> Result<(), String> {
    let read = told(demonstrations::read(path))?;
    let rows = read.len();
    assert!(rows > 0 && read.count() > 0);
    assert_eq!(read.observations().len(), rows * read.observation());
    assert_eq!(read.actions().len(), rows * read.action());
    assert!(read.rewards().is_empty() || read.rewards().len() == rows);
    let numbers = [read.observations(), read.actions(), read.rewards()].concat();
    assert!(numbers.iter().all(|number| number.is_finite()));
    let again = path.with_file_name("again.npz");
    demonstrations::write(&again, &read).unwrap();
    let again = demonstrations::read(&again).unwrap();
    assert_eq!(again.starts(), read.starts());
    assert_eq!(
        [again.observations(), again.actions(), again.rewards()].concat(),
        numbers
    );
    Ok(())
}

/// An expert of ours, as JSON; it then acts, or says why it cannot.
fn expert(path: &Path) -> Result<(), String> {
    let name = path.to_string_lossy();
    acts(path, &told(experts::Expert::load(&name))?)
}

/// A network of somebody else.
fn expert_network(path: &Path) -> Result<(), String> {
    acts(path, &told(experts::import(path, "pendulum"))?)
}

fn acts(path: &Path, expert: &experts::Expert) -> Result<(), String> {
    // What does not fit the environment is told with the name of the weights.
    let named = |error: String| format!("{}: {error}", path.display());
    let environment = told(efy_envs::make("pendulum")).map_err(named)?;
    let policy = told(expert.policy(environment.spec())).map_err(named)?;
    let (mut policy, mut action) = (policy, [0.0]);
    told(policy.act(1, &[1.0, 0.0, 0.0], &mut action)).map_err(named)
}
