//! `efy train` as one of the processes that `mpirun` or `srun` has started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use efy_train::Collective;
use efy_train::parallel::{HAS_MPI, Launch};

use crate::exit::{self, Ended, Usage};

/// How long a rank leaves the one before it to say what is wrong, which often is wrong on all of them.
const APART: Duration = Duration::from_secs(2);
/// Ranks after which nobody waits any longer.
const MOST: u32 = 2;
/// How often it looks whether somebody has, and the launcher ends all.
const LOOK: Duration = Duration::from_millis(20);

/// The processes that this one trains with, if there are any.
pub(super) struct Together {
    launch: Option<Launch>,
    /// TERM has come, with which a launcher ends all when one of them has failed.
    told: Arc<AtomicBool>,
    #[cfg(feature = "mpi")]
    job: std::cell::OnceCell<efy_train::parallel::mpi::Job>,
}

impl Together {
    /// As the launcher says.
    ///
    /// # Errors
    /// That this build trains in one process alone.
    pub(super) fn from_env() -> Result<Self> {
        let launch = Launch::from_env();
        let told = Arc::new(AtomicBool::new(false));
        if launch.is_some() {
            signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&told))
                .context("cannot handle signals")?;
        }
        if let Some(Launch { rank, world, .. }) = launch.filter(|_| !HAS_MPI) {
            let message = format!(
                "started as one of {world} processes, but built without MPI, so that each would train alone; \
                 build with `cargo build --release --package efy-cli --features mpi`"
            );
            let error = anyhow!(Usage(message));
            return Err(in_turn(rank, &told, error));
        }
        Ok(Together {
            launch,
            told,
            #[cfg(feature = "mpi")]
            job: std::cell::OnceCell::new(),
        })
    }

    /// Whether this process writes the run and speaks for all.
    pub(super) fn leads(&self) -> bool {
        self.launch.is_none_or(|launch| launch.rank == 0)
    }

    /// Connects to the others.
    ///
    /// # Errors
    /// What MPI reports.
    pub(super) fn join(&self) -> Result<Option<Box<dyn Collective>>> {
        #[cfg(feature = "mpi")]
        if self.launch.is_some() {
            let job = match self.job.get() {
                Some(job) => job,
                None => {
                    let joined = efy_train::parallel::mpi::Job::join()?;
                    self.job.get_or_init(|| joined)
                }
            };
            return Ok(Some(job.collective()));
        }
        Ok(None)
    }

    /// Ends as all processes do. What all of them know is said by the first; an error that they do not share ends all of
    /// them, and is said by the first that has it.
    ///
    /// # Errors
    /// The error itself, where it is to be said.
    pub(super) fn end(self, trained: Result<()>) -> Result<()> {
        let Some(Launch { rank, .. }) = self.launch else {
            return trained;
        };
        match trained {
            Ok(()) => {
                self.leave();
                Ok(())
            }
            Err(error) if is_shared(&error) => {
                let code = exit::code(&error);
                self.leave();
                Err(if rank == 0 { error } else { silent(code) })
            }
            Err(error) => {
                let error = in_turn(rank, &self.told, error);
                self.abort(&error);
                Err(error)
            }
        }
    }

    /// Waits for the others to leave.
    fn leave(self) {
        #[cfg(feature = "mpi")]
        if let Some(job) = self.job.into_inner() {
            job.leave();
        }
    }

    /// Ends all processes. Before they are connected the launcher does so when one of them fails.
    fn abort(self, _error: &anyhow::Error) {
        #[cfg(feature = "mpi")]
        if let Some(job) = self.job.into_inner() {
            exit::report(_error);
            job.abort(exit::code(_error).into());
        }
    }
}

/// Waits until it is the turn of a rank to say what is wrong: it is silent if somebody else has.
fn in_turn(rank: usize, told: &AtomicBool, error: anyhow::Error) -> anyhow::Error {
    if rank == 0 {
        return error;
    }
    let (begin, turn) = (Instant::now(), APART * (rank as u32).min(MOST));
    while begin.elapsed() < turn {
        if told.load(Ordering::Relaxed) {
            return silent(exit::code(&error));
        }
        std::thread::sleep(LOOK);
    }
    error.context(format!("rank {rank}"))
}

/// An end of which another process tells.
fn silent(code: u8) -> anyhow::Error {
    anyhow!(Ended {
        code,
        message: String::new()
    })
}

/// Whether all processes have found this out at the same step.
fn is_shared(error: &anyhow::Error) -> bool {
    use efy_train::Error::{Diverged, Interrupted};
    let train = error.chain().find_map(|cause| {
        let tasks = cause.downcast_ref::<efy_tasks::Error>();
        match tasks {
            Some(efy_tasks::Error::Train(error)) => Some(error),
            _ => cause.downcast_ref::<efy_train::Error>(),
        }
    });
    matches!(train, Some(Diverged { .. } | Interrupted { .. }))
}

/// The MPI library of this build.
pub(super) fn library() -> Option<String> {
    #[cfg(feature = "mpi")]
    return Some(efy_train::parallel::mpi::library());
    #[cfg(not(feature = "mpi"))]
    None
}
