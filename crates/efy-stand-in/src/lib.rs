//! CUDA without a GPU, for tests: a library that is preloaded into a program and answers for the device type CUDA.
//!
//! Tensors lie in host memory and are tagged `cuda:N`, operators run on libtorch's CPU kernels, an operator that mixes
//! devices fails as it does on a GPU, and launches, waits of the host and copies are counted, by phase
//! (`efy_core::device::Phase`). What that proves and what it does not is said in `docs/src/cuda-testing.md`.
//!
//! The library is C++ (`cpp/`), since libtorch has no other interface for backends. [`library`] compiles it with the
//! libtorch that the project is linked with when it is first needed, and keeps it under `target/`.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut command = std::process::Command::new("target/debug/efy");
//! command.args(["doctor", "--json"]);
//! command.envs(efy_stand_in::environment(efy_stand_in::library()?));
//! command.env(efy_stand_in::REPORT, "report.json");
//! command.status()?;
//! let report = efy_stand_in::Report::read("report.json".as_ref())?;
//! println!("{} launches, {} waits", report.total.launches, report.total.syncs);
//! # Ok(())
//! # }
//! ```

mod compile;
mod report;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use report::{Counts, PhaseCounts, Report};

/// The environment variable that names the file for the counts, written at exit.
pub const REPORT: &str = "EFY_STAND_IN_REPORT";
/// The environment variable that names the file for the counts at the beginning of each training step.
pub const STEPS: &str = "EFY_STAND_IN_STEPS";
/// The environment variable that names the file for a line per operator.
pub const TRACE: &str = "EFY_STAND_IN_TRACE";
/// The environment variable for the number of devices, 1 to 8.
pub const DEVICES: &str = "EFY_STAND_IN_DEVICES";

/// Why there is no stand-in.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Preloading is a thing of Linux.
    #[error("the CUDA stand-in runs on Linux only")]
    System,
    /// Nothing that compiles C++.
    #[error("no C++ compiler: {0} cannot be run (CXX names another one)")]
    Compiler(String),
    /// No libtorch, or one without headers.
    #[error("no headers of libtorch beside {0}")]
    Headers(PathBuf),
    /// The compiler refused, which is a defect of the stand-in.
    #[error("the CUDA stand-in cannot be built: {0}")]
    Build(String),
}

impl Unavailable {
    /// Whether it is the machine that lacks something; if not, a test has to fail.
    pub fn is_for_want_of_tools(&self) -> bool {
        !matches!(self, Unavailable::Build(_))
    }
}

/// The stand-in, built when it is first asked for.
///
/// # Errors
/// [`Unavailable`], with the reason.
pub fn library() -> Result<&'static Path, Unavailable> {
    static LIBRARY: OnceLock<Result<PathBuf, Unavailable>> = OnceLock::new();
    match LIBRARY.get_or_init(compile::library) {
        Ok(path) => Ok(path),
        Err(reason) => Err(reason.clone()),
    }
}

/// As [`library`], for tests: says past the capture of the harness that a test is skipped.
///
/// # Panics
/// Where a test must not be skipped: in continuous integration (`CI` is set), and when the build fails.
#[expect(clippy::panic, reason = "in a test, a panic is the report")]
pub fn library_or_skip() -> Option<&'static Path> {
    let reason = match library() {
        Ok(path) => return Some(path),
        Err(reason) => reason,
    };
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    if in_ci || !reason.is_for_want_of_tools() {
        panic!("{reason}");
    }
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
    None
}

/// What the environment of a program has to have for it to see the stand-in as its GPU. The real library stays
/// unloaded: there is room for one answer to the device type.
pub fn environment(library: &Path) -> [(&'static OsStr, OsString); 2] {
    [
        (OsStr::new("LD_PRELOAD"), library.into()),
        (OsStr::new("EFY_CUDA_LIB"), "none".into()),
    ]
}
