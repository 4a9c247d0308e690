//! Experts, demonstrations and playing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Expert {
    /// The experts that can be used by name.
    List {
        /// A JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Search a linear policy by augmented random search; ends with one JSON line: the file and its returns.
    Train(TrainExpert),
    /// Returns of an expert over episodes.
    Eval(EvalExpert),
    /// Make an expert of somebody else's network: npz or safetensors with obs_mean, obs_std, W0, b0, ..., Wout, bout.
    Import(ImportExpert),
}

/// Settings without a default have one for each environment, which `--help` cannot show; the file says what it was.
#[derive(Debug, Args)]
pub(crate) struct TrainExpert {
    /// The environment.
    pub(crate) environment: String,
    /// The seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Iterations.
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<u64>,
    /// Directions of an iteration, two episodes each.
    #[arg(long, value_name = "N")]
    pub(crate) directions: Option<usize>,
    /// Directions that a step is made of: those with the largest returns.
    #[arg(long, value_name = "B")]
    pub(crate) top: Option<usize>,
    /// Step size.
    #[arg(long, value_name = "ALPHA")]
    pub(crate) step: Option<f64>,
    /// Deviation of the noise.
    #[arg(long, value_name = "NU")]
    pub(crate) noise: Option<f64>,
    /// The reward of a step for being alive, taken off in training.
    #[arg(long, value_name = "REWARD", allow_negative_numbers = true)]
    pub(crate) bonus: Option<f64>,
    /// Iterations between evaluations, of which the best policy is kept.
    #[arg(long, value_name = "N")]
    pub(crate) evaluate_every: Option<u64>,
    /// Where the expert goes, each time that it is better [default: ENVIRONMENT.json].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// No progress on stderr.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvalExpert {
    /// The name of an expert, or its file.
    pub(crate) expert: String,
    /// Episodes.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) episodes: u32,
    /// The seed that they start by.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportExpert {
    /// The network.
    pub(crate) file: PathBuf,
    /// The environment that it was made for.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: String,
    /// Where the expert goes, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demos {
    /// The name of an expert, which is that of its environment, or its file.
    pub(crate) expert: String,
    /// Episodes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) episodes: u32,
    /// The seed that they start by.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where they go: CSV or npz where the name ends so, else safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// The run directory of a policy, or the name or file of an expert.
    pub(crate) policy: String,
    /// The seed that the episode starts by.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// A film: an animated PNG, and its pictures.
    #[arg(long)]
    pub(crate) video: bool,
    /// svg, pdf and png.
    #[arg(long, value_delimiter = ',', default_value = "svg")]
    pub(crate) format: Vec<String>,
    /// Where the files go [default: RUN/play, or play-NAME for an expert].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
