//! Who is told what happens during training.

mod event;
mod json_log;
mod jsonl;
mod observers;
mod only_warnings;
mod progress;
mod record_file;
mod tensorboard;

pub use event::Event;
pub use json_log::JsonLog;
pub use jsonl::MetricsFile;
pub use observers::Observers;
pub use only_warnings::OnlyWarnings;
pub use progress::Progress;
pub use tensorboard::TensorBoard;

use crate::{Result, State};

/// Listens to a training.
pub trait Observer {
    /// What its state is called in a checkpoint. No two observers that have one may share it.
    fn name(&self) -> &'static str;

    /// Takes note of an event.
    ///
    /// # Errors
    /// An error ends the training: an observer that can do without reports none and has a
    /// [`warning`](Self::warning).
    fn on(&mut self, event: &Event<'_>) -> Result<()>;

    /// What it has to say since it was last asked, in one line. All observers are told.
    fn warning(&mut self) -> Option<String> {
        None
    }

    /// What it needs to go on from here later; asked for when a checkpoint is made. What it has written
    /// so far must outlast a crash of the machine.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    fn state(&mut self) -> Result<State> {
        Ok(State::default())
    }

    /// Takes back what [`state`](Self::state) gave and forgets everything after it.
    ///
    /// # Errors
    /// [`crate::Error::State`] for what it did not give; as [`on`](Self::on).
    fn restore(&mut self, _state: &State) -> Result<()> {
        Ok(())
    }
}
