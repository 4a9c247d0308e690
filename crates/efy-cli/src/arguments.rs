//! The command line.

mod control;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use efy_core::device::DeviceChoice;

pub(crate) use self::control::{Demos, EvalExpert, Expert, ImportExpert, Play, TrainExpert};
use crate::commands::Subject;

/// Train energy networks on libtorch.
#[derive(Debug, Parser)]
#[command(name = "efy", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train; writes a run directory and ends with one JSON line: the run and its test metrics.
    Train(Train),
    /// Make the step of a run once more whose loss or gradient was not finite, and say what was wrong.
    Replay(Replay),
    /// Score a finished run.
    Eval(Eval),
    /// Predict the labels of new rows.
    Predict(Predict),
    /// Draw points from the density that a run has learned.
    Sample(Sample),
    /// Draw the curves of one or more runs.
    Plot(Plot),
    /// Write the metrics of a run as CSV: a row for each event, a column for each metric.
    Export(Export),
    /// Write one HTML page about one or more runs, to be read offline.
    Report(Report),
    /// The final metrics of one or more runs as a table.
    Table(Table),
    /// Data sets: list, describe, fetch, import.
    #[command(subcommand)]
    Data(Data),
    /// Policies to be imitated: list, train, score, import.
    #[command(subcommand)]
    Expert(Expert),
    /// Write demonstrations of an expert.
    Demos(Demos),
    /// Play an episode of a trained policy or an expert, and draw it.
    Play(Play),
    /// Solve one inner problem, or a batch, given as JSON.
    Solve(Solve),
    /// Make a paper's table or figure and a report on it; goes on where it stopped.
    Reproduce(Reproduce),
    /// Train with many settings, a process each: grid and random search; goes on where it stopped.
    Sweep(Sweep),
    /// Steps per second of one training step on made-up data.
    Bench(Bench),
    /// Say which libtorch, devices and data there are, and why CUDA is or is not usable.
    Doctor(Doctor),
    /// Print a completion script.
    Completions {
        /// bash, zsh, fish, elvish or powershell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages.
    Man {
        /// The directory they go to.
        dir: PathBuf,
    },
    /// Make one measurement of `reproduce fy-differentiation`: JSON in, JSON out.
    #[command(hide = true)]
    Measure,
    /// Print the reference of all configuration keys: Markdown, or with --json the JSON schema.
    #[command(hide = true)]
    Reference {
        /// The JSON schema instead.
        #[arg(long)]
        json: bool,
        /// The JSON schema of sweeps.
        #[arg(long, conflicts_with = "json")]
        sweep: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Device {
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub(crate) device: DeviceChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// The configuration, a YAML file.
    #[arg(required_unless_present = "resume")]
    pub(crate) config: Option<PathBuf>,
    /// Go on with a run where it stopped, to the last bit; configuration and state come from the run,
    /// --device does not.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "set", "out", "seed", "force"])]
    pub(crate) resume: Option<PathBuf>,
    /// Stop after so many steps in all, with a checkpoint.
    #[arg(long, value_name = "STEPS")]
    pub(crate) stop_after: Option<u64>,
    /// Override a key: --set train.lr=3e-4 (any number of times, the last one counts).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) device: Device,
    /// The run directory [default: runs/NAME-TIME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The same as --set train.seed=N.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Replace the run in a directory that is not empty.
    #[arg(long)]
    pub(crate) force: bool,
    /// No progress on stderr; warnings remain.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Progress for people, or one JSON object a line.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        env = "EFY_LOG",
        hide_env_values = true
    )]
    pub(crate) log: LogFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The run directory.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// A run directory.
    pub(crate) run: PathBuf,
    /// train, validation or test.
    #[arg(long, default_value = "test", value_parser = ["train", "validation", "test"])]
    pub(crate) split: String,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// A run directory.
    pub(crate) run: PathBuf,
    /// New rows: CSV with a header, or ARFF; columns are found by name. Of a policy: observations in CSV, npy, npz or safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where the predictions go, as CSV [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// The run directory of a density.
    pub(crate) run: PathBuf,
    /// How many points.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub(crate) n: u32,
    /// Where they go: npy where the name ends so, else CSV [default: standard output, as CSV].
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// langevin: a chain for each point, from the particles of the training; rejection: exact, on the sphere and the
    /// torus, slow where the density has high peaks.
    #[arg(long, default_value = "langevin", value_parser = ["langevin", "rejection"])]
    pub(crate) method: String,
    /// Steps of a chain.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) steps: u64,
    /// Step size of a chain [default: flow.particle_step of the run].
    #[arg(long, value_name = "H")]
    pub(crate) step_size: Option<f64>,
    /// Take every step of a chain: no Metropolis correction of its error.
    #[arg(long)]
    pub(crate) uncorrected: bool,
    /// The seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// Run directories; several are drawn together.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// svg, pdf and png.
    #[arg(long, value_delimiter = ',', default_value = "svg,png")]
    pub(crate) format: Vec<String>,
    /// seeds: runs that differ only by their seed as their mean and standard deviation; none.
    #[arg(long, default_value = "seeds", value_parser = ["seeds", "none"])]
    pub(crate) group: String,
    /// single (85 mm), double (178 mm), or millimetres such as 120mm.
    #[arg(long, default_value = "single")]
    pub(crate) width: String,
    /// Dots per inch of png.
    #[arg(long, default_value = "300", value_parser = clap::value_parser!(u16).range(30..=2400))]
    pub(crate) dpi: u16,
    /// Where the figures go [default: RUN/plots; needed for several runs].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A run directory.
    pub(crate) run: PathBuf,
    /// Where the table goes [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run directories, finished or not; several are compared.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The page [default: RUN/report.html; needed for several runs].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Run directories; a row each, or a row for all that differ only by their seed.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// Metrics, a column each [default: all].
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) metric: Vec<String>,
    /// validation or test.
    #[arg(long, default_value = "test", value_parser = ["validation", "test"])]
    pub(crate) split: String,
    /// seeds: runs that differ only by their seed as their mean and standard deviation; none.
    #[arg(long, default_value = "seeds", value_parser = ["seeds", "none"])]
    pub(crate) group: String,
    /// md, tex (booktabs) and csv; several need --out.
    #[arg(long, value_delimiter = ',', default_value = "md")]
    pub(crate) format: Vec<String>,
    /// Where the files results.FORMAT go [default: standard output].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The caption [default: says what the table shows].
    #[arg(long, value_name = "TEXT")]
    pub(crate) caption: Option<String>,
    /// The label of the table in LaTeX.
    #[arg(long, value_name = "NAME", default_value = "tab:results")]
    pub(crate) label: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// All data sets that can be trained on by name.
    List {
        /// A JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// What a data set holds and where it comes from.
    Info {
        /// Its name.
        name: String,
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Download a known data set and verify it.
    Fetch {
        /// Its name.
        name: String,
    },
    /// Make a data set of your own known by a name.
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The name: a-z, 0-9, - and _.
    pub(crate) name: String,
    /// ARFF (its labels are listed in an XML file) or CSV with a header.
    #[arg(long, value_name = "FILE", required_unless_present = "demonstrations")]
    pub(crate) train: Option<PathBuf>,
    /// Demonstrations instead: npz, safetensors or CSV.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["train", "test", "xml", "labels", "label_prefix", "rankings", "ranking_column"])]
    pub(crate) demonstrations: Option<PathBuf>,
    /// The environment that demonstrations come from, where their file does not say.
    #[arg(long, value_name = "NAME", requires = "demonstrations")]
    pub(crate) environment: Option<String>,
    /// The test examples, in the same format.
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// The XML file that lists the labels of an ARFF file [default: the one beside it].
    #[arg(long, value_name = "FILE")]
    pub(crate) xml: Option<PathBuf>,
    /// The label columns of a CSV file, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        conflicts_with = "label_prefix"
    )]
    pub(crate) labels: Option<Vec<String>>,
    /// The label columns of a CSV file, by the beginning of their names.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) label_prefix: Option<String>,
    /// The label columns of a CSV file hold ranks, 1 for the best; without --labels or --label-prefix its first
    /// line begins with the counts n,d,k and the last k columns are labels.
    #[arg(long)]
    pub(crate) rankings: bool,
    /// The column of a CSV file that holds whole rankings such as a>b>c.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["labels", "label_prefix"])]
    pub(crate) ranking_column: Option<String>,
    /// Replace an imported data set of this name.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Solve {
    /// The problem; - is standard input.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What is timed.
    pub(crate) what: Subject,
    /// Change the problem. fy: d, k, n, batch, rank, model, hidden, regularizer, solver, tolerance,
    /// max_iterations, warm_start, resident, dtype, seed, steps; gda: d, n, particles, neurons, power,
    /// restart, tensors, dtype, seed, steps; joint: d, k, n, batch, m, hidden, rank, coupling,
    /// tau, on_logits, divergence, shared, part, dtype, seed, steps; project: domain, k, batch, dtype, seed,
    /// steps; rollout: environment, policy (zero, random, linear), environments, threads, episodes, seed;
    /// gpu: the lists shapes, batch, dtype.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// How long to measure, unless steps are set.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Where gpu writes bench-gpu.md and bench-gpu.json [default: bench-gpu].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// The experiment; --list shows them.
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// The experiments there are.
    #[arg(long)]
    pub(crate) list: bool,
    /// A smaller version that is done in minutes; data sets that are not there are left out.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where everything goes; finished trials in it are not run again [default: reproduce/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Trials that run side by side [default: the number of processors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Change the protocol, such as --set seeds=3; the report says so.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// No progress on stderr.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// What is varied, a YAML file.
    pub(crate) file: PathBuf,
    /// Where everything goes; finished trials in it are not run again [default: sweeps/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Trials that run side by side [default: the number of processors, or of GPUs].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// auto, cpu, cuda, cuda:N, or several that take turns: cuda:0,cuda:1.
    #[arg(
        long,
        default_value = "auto",
        value_delimiter = ',',
        value_name = "DEVICES"
    )]
    pub(crate) device: Vec<DeviceChoice>,
    /// Run one trial, counted from 0, and make no tables: a task of an array job.
    #[arg(long, value_name = "I", conflicts_with_all = ["jobs", "collect", "sbatch"])]
    pub(crate) index: Option<usize>,
    /// Run nothing; make tables and figures of the trials that have ended.
    #[arg(long)]
    pub(crate) collect: bool,
    /// Run nothing; write DIR/submit.sbatch, a Slurm script that runs the trials as an array job, each with what the section slurm
    /// of the file says.
    #[arg(long, visible_alias = "slurm", conflicts_with = "collect")]
    pub(crate) sbatch: bool,
    /// Run nothing and write nothing; say how many trials have finished, failed, begun and not begun.
    #[arg(long, conflicts_with_all = ["jobs", "collect", "sbatch", "index"])]
    pub(crate) status: bool,
    /// Run trials again that are there with another configuration.
    #[arg(long)]
    pub(crate) force: bool,
    /// No progress on stderr.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
