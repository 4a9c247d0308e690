//! Trials as processes: so many side by side, none of them twice, and none to the harm of another.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use efy_tasks::sweep::{Failure, State, SweepDirectory, Trial};

use super::progress::Progress;
use super::signals::{Signal, Signals};

/// Between two looks at the processes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// A scheduler may send SIGTERM to the trials as well, and a second one makes them leave without a
/// checkpoint: only those that are still there after this time are sent it.
const BEFORE_FORWARDING: Duration = Duration::from_secs(10);
/// The last line of a log is looked for in so many bytes.
const TAIL: u64 = 16 * 1024;
/// Exit codes of a trial that was interrupted.
const INTERRUPTED: [i32; 2] = [130, 143];
/// The exit code of a trial whose checkpoints cannot be used.
const CHECKPOINT_UNUSABLE: i32 = 4;
/// What limits the threads of a trial, each overridden by the user's own setting.
const THREADS: [&str; 2] = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Processors that this process may use.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// Runs trials.
pub(super) struct Pool<'a> {
    /// The program that trains.
    pub(super) program: PathBuf,
    /// Where the trials are.
    pub(super) directory: &'a SweepDirectory,
    /// What each of the trials that run side by side runs on.
    pub(super) devices: &'a [String],
}

/// How working off trials ended.
pub(super) struct Ended<'p> {
    /// The signal that ended it early.
    pub(super) signal: Option<Signal>,
    /// Trials that another process is running.
    pub(super) elsewhere: Vec<&'p Trial>,
}

/// A trial that runs. The lock is the log, which the process has as its stderr: it is held for as long
/// as either lives.
struct Running<'p> {
    trial: &'p Trial,
    child: Child,
    log: File,
    device: usize,
    resumed: bool,
}

impl Pool<'_> {
    /// Runs the trials that have not ended yet, or have failed in a way that may not happen again.
    ///
    /// # Errors
    /// What keeps trials from being started or recorded, once those that were running have ended.
    pub(super) fn run<'p>(
        &self,
        trials: &'p [Trial],
        progress: &mut Progress<'_>,
    ) -> Result<Ended<'p>> {
        let signals = Signals::watch()?;
        let is_pending = |trial: &&Trial| !is_settled(&self.directory.state(trial));
        let mut queue: VecDeque<&Trial> = trials.iter().filter(is_pending).collect();
        let mut devices = self.devices.to_vec();
        devices.sort_unstable();
        devices.dedup();
        progress.begin(
            trials.len() - queue.len(),
            self.devices.len(),
            &devices.join(", "),
        );
        let mut ended = Ended {
            signal: None,
            elsewhere: Vec::new(),
        };
        let mut running: Vec<Running<'p>> = Vec::new();
        let mut failed = Ok(());
        let mut forward_at = None;
        loop {
            if let Some(signal) = signals.take() {
                let again = ended.signal.replace(signal).is_some();
                if signal == Signal::Terminate {
                    let wait = if again {
                        Duration::ZERO
                    } else {
                        BEFORE_FORWARDING
                    };
                    forward_at = Some(Instant::now() + wait);
                }
                let count = running.len();
                progress.say(&format!("interrupted; waiting for {count} trials to stop"));
            }
            if forward_at.is_some_and(|time| Instant::now() >= time) {
                running.iter().for_each(|running| terminate(&running.child));
                forward_at = None;
            }
            while ended.signal.is_none() && failed.is_ok() {
                let Some(device) = self.free_device(&running) else {
                    break;
                };
                let Some(trial) = queue.pop_front() else {
                    break;
                };
                match self.start(trial, device, progress) {
                    Ok(Started::Runs(process)) => running.push(process),
                    Ok(Started::Elsewhere) => ended.elsewhere.push(trial),
                    Ok(Started::Settled(state)) => progress.ended(trial, &state),
                    Err(error) => failed = Err(error),
                }
            }
            if running.is_empty() {
                return failed.map(|()| ended);
            }
            let mut index = 0;
            while index < running.len() {
                match running[index].child.try_wait() {
                    Ok(None) => index += 1,
                    Ok(Some(status)) => {
                        let process = running.swap_remove(index);
                        let stopping = ended.signal.is_some();
                        match self.settle(process, status, stopping, progress) {
                            Ok(again) => running.extend(again),
                            Err(error) => failed = failed.and(Err(error)),
                        }
                    }
                    Err(error) => {
                        let process = running.swap_remove(index);
                        failed = failed.and(Err(error).context(process.trial.name.clone()));
                    }
                }
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// The first place on which nothing runs.
    fn free_device(&self, running: &[Running<'_>]) -> Option<usize> {
        let taken = |device: &usize| running.iter().any(|running| running.device == *device);
        (0..self.devices.len()).find(|device| !taken(device))
    }

    /// Starts a trial or goes on with it, unless someone else does or has done so.
    fn start<'p>(
        &self,
        trial: &'p Trial,
        device: usize,
        progress: &Progress<'_>,
    ) -> Result<Started<'p>> {
        let path = self.directory.log(trial);
        let log = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(&path);
        let log = log.with_context(|| path.display().to_string())?;
        match log.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Started::Elsewhere),
            // Some file systems of clusters have no locks; there, array jobs keep trials apart.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{}: cannot lock", path.display()));
            }
        }
        // Now that nobody else can change it.
        let state = self.directory.state(trial);
        if is_settled(&state) {
            return Ok(Started::Settled(state));
        }
        let resume = match &state {
            State::Interrupted => true,
            State::Failed(failure) => {
                !failure.spoils_checkpoints() && self.directory.has_checkpoints(trial)
            }
            _ => false,
        };
        if resume {
            progress.resumed(trial);
        }
        Ok(Started::Runs(self.launch(trial, device, log, resume)?))
    }

    fn launch<'p>(
        &self,
        trial: &'p Trial,
        device: usize,
        log: File,
        resume: bool,
    ) -> Result<Running<'p>> {
        let run = self.directory.run(trial);
        let mut command = Command::new(&self.program);
        command.arg("train");
        if resume {
            self.directory.forget_failure(trial)?;
            command.arg("--resume").arg(&run);
        } else {
            self.directory.begin(trial)?;
            log.set_len(0)?;
            let config = self.directory.config(trial);
            command.arg(&config).arg("--out").arg(&run);
        }
        command.args(["--device", &self.devices[device]]);
        if self.devices.len() > 1 {
            let share = (processors() / self.devices.len()).max(1).to_string();
            let unset = THREADS
                .iter()
                .filter(|name| std::env::var_os(name).is_none());
            command.envs(unset.map(|name| (*name, share.as_str())));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        Ok(Running {
            trial,
            child,
            log,
            device,
            resumed: resume,
        })
    }

    /// Takes note of how a trial ended. One whose checkpoints are of no use begins again.
    fn settle<'p>(
        &self,
        process: Running<'p>,
        status: ExitStatus,
        stopping: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Option<Running<'p>>> {
        let Running {
            trial,
            mut log,
            device,
            resumed,
            ..
        } = process;
        let code = status.code();
        let interrupted = code.is_none_or(|code| INTERRUPTED.contains(&code));
        if stopping && interrupted {
            return Ok(None);
        }
        if resumed && code == Some(CHECKPOINT_UNUSABLE) && !stopping {
            let name = &trial.name;
            progress.say(&format!(
                "trial {name} has no usable checkpoint and begins again"
            ));
            return self.launch(trial, device, log, false).map(Some);
        }
        let mut state = self.directory.state(trial);
        if !matches!(state, State::Finished(_)) {
            let failure = Failure {
                exit_code: code,
                message: match code {
                    Some(0) => "it ended without a summary.json".to_owned(),
                    // Tables are the same wherever the sweep lies.
                    Some(_) => last_line(&mut log).map_or_else(
                        || status.to_string(),
                        |line| line.replace(&format!("{}/", self.directory.path().display()), ""),
                    ),
                    None => format!("it was ended by {status}"),
                },
            };
            self.directory.record_failure(trial, &failure)?;
            state = State::Failed(failure);
        }
        progress.ended(trial, &state);
        Ok(None)
    }
}

/// What came of starting a trial.
enum Started<'p> {
    Runs(Running<'p>),
    Elsewhere,
    Settled(State),
}

/// Whether a trial would say the same if it ran again.
fn is_settled(state: &State) -> bool {
    match state {
        State::Finished(_) => true,
        State::Failed(failure) => failure.is_final(),
        State::Waiting | State::Interrupted | State::Foreign => false,
    }
}

/// The last line that is not empty, without the name of the program.
fn last_line(log: &mut File) -> Option<String> {
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut bytes = Vec::new();
    log.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    Some(line.strip_prefix("efy: ").unwrap_or(line).to_owned())
}

/// Asks a process to stop. One that has ended in the meantime is not told.
#[cfg(unix)]
fn terminate(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(id) = id {
        // It has not been waited for, so the number is still its own.
        let _ = kill_process(id, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_child: &Child) {}
