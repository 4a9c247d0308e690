//! SIGINT and SIGTERM as flags.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGTERM};

/// A signal that ends a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// From a terminal, which sends it to the trials as well.
    Interrupt,
    /// From a scheduler or `kill`.
    Terminate,
}

impl Signal {
    /// 128 and the number of the signal, as shells have it.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

/// The signals that have come.
pub(super) struct Signals {
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

impl Signals {
    /// From now on signals do not end this process.
    pub(super) fn watch() -> Result<Self> {
        let signals = Signals {
            interrupt: Arc::default(),
            terminate: Arc::default(),
        };
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupt))?;
        signal_hook::flag::register(SIGTERM, Arc::clone(&signals.terminate))?;
        Ok(signals)
    }

    /// A signal that has come since the last call.
    pub(super) fn take(&self) -> Option<Signal> {
        if self.terminate.swap(false, Ordering::Relaxed) {
            return Some(Signal::Terminate);
        }
        let interrupted = self.interrupt.swap(false, Ordering::Relaxed);
        interrupted.then_some(Signal::Interrupt)
    }
}
