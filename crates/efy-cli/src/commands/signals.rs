//! INT, TERM and USR1 while a run is trained.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use efy_train::Control;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit code of a process that is told a second time to stop and leaves at once.
const AT_ONCE: i32 = 1;

/// The first INT or TERM asks `control` to stop, the second one ends the process where it is; USR1 asks
/// for a checkpoint. Handlers do nothing but set flags.
pub(super) fn handle(control: &Control) -> Result<()> {
    let second = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the exit looks whether an earlier signal has set the flag.
        flag::register_conditional_shutdown(signal, AT_ONCE, Arc::clone(&second))
            .and_then(|_| flag::register(signal, Arc::clone(&second)))
            .and_then(|_| {
                flag::register_usize(signal, Arc::clone(&control.signal), signal as usize)
            })
            .context("cannot handle signals")?;
    }
    #[cfg(unix)]
    flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&control.save))
        .context("cannot handle signals")?;
    Ok(())
}
