//! From errors to one line on stderr and a documented exit code.
//!
//! 0 done, 1 failed, 2 usage or configuration, 3 diverged, 4 checkpoint unusable, 130 and 143 interrupted.

use std::fmt;
use std::process::ExitCode;

/// A mistake in what was asked for: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An end with an exit code of its own: of a signal, or of a trial.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Ended {}

/// Help and version go to standard output; a mistake becomes one line.
pub(crate) fn report_arguments(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that has gone away has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let facts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let line = facts.join("; ");
    eprintln!(
        "efy: {}; see --help",
        line.strip_prefix("error: ").unwrap_or(&line)
    );
    ExitCode::from(2)
}

/// Prints the error and returns its code. A reader that closed its end of a pipe has seen enough.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    });
    if broken_pipe {
        return ExitCode::SUCCESS;
    }
    let line = format!("{error:#}").replace('\n', " ");
    // One of several processes leaves it to another one to say why they end.
    if !line.is_empty() {
        eprintln!("efy: {line}");
    }
    ExitCode::from(code(error))
}

/// The exit code that an error stands for.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    let found = error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<efy_tasks::Error>() {
            return Some(error.exit_code());
        }
        if let Some(error) = cause.downcast_ref::<efy_envs::Error>() {
            return Some(error.exit_code());
        }
        if let Some(error) = cause.downcast_ref::<efy_train::Error>() {
            return Some(error.exit_code());
        }
        if let Some(error) = cause.downcast_ref::<efy_core::Error>() {
            return Some(efy_train::core_exit_code(error));
        }
        if let Some(ended) = cause.downcast_ref::<Ended>() {
            return Some(i32::from(ended.code));
        }
        let usage = cause.is::<Usage>() || cause.is::<efy_plot::Error>();
        usage.then_some(2)
    });
    found.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
