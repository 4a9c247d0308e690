//! Where and with what a run was made.

use serde::Serialize;
use tch::Device;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What `env.json` holds.
#[derive(Debug, Serialize)]
pub struct Environment {
    /// Version of efy.
    pub efy: &'static str,
    /// Version of libtorch that the program was built for.
    pub libtorch: &'static str,
    /// Operating system and architecture.
    pub platform: String,
    /// `Cpu` or `Cuda(N)`.
    pub device: String,
    /// Whether CUDA may round the factors of f32 products to TF32.
    pub tf32: bool,
    /// Threads for native loops.
    pub threads: usize,
    /// Threads that libtorch uses inside an operation.
    pub libtorch_threads: i32,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The commit of the working directory, where it is a git repository.
    pub git_commit: Option<String>,
    /// When the run began, RFC 3339, UTC.
    pub started: String,
}

/// The variable that libtorch reads when it is loaded: `1` lets cuBLAS use TF32.
pub const TF32_VARIABLE: &str = "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE";

/// The libtorch version that goes with the pinned tch.
pub const LIBTORCH_VERSION: &str = "2.13.0";

/// Whether the environment lets cuBLAS use TF32.
pub fn tf32_allowed() -> bool {
    std::env::var_os(TF32_VARIABLE).is_some_and(|value| value == "1")
}

impl Environment {
    /// What holds now, for a run on `device`.
    pub fn capture(device: Device) -> Self {
        Environment {
            efy: env!("CARGO_PKG_VERSION"),
            libtorch: LIBTORCH_VERSION,
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            device: format!("{device:?}"),
            tf32: tf32_allowed(),
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            libtorch_threads: tch::get_num_threads(),
            command: std::env::args().collect(),
            git_commit: git_commit(),
            started: OffsetDateTime::now_utc()
                .format(&Rfc3339)
                .unwrap_or_default(),
        }
    }
}

/// Reads `.git` of the working directory or one of its parents; packed references are followed.
fn git_commit() -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let git = here
        .ancestors()
        .map(|dir| dir.join(".git"))
        .find(|git| git.is_dir())?;
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else {
        return Some(head.trim().to_owned());
    };
    if let Ok(commit) = std::fs::read_to_string(git.join(reference)) {
        return Some(commit.trim().to_owned());
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.ends_with(reference))?;
    line.split(' ').next().map(str::to_owned)
}
