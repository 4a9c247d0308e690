//! Silence, but for warnings.

use super::{Event, Observer};
use crate::Result;

/// Passes nothing on but warnings.
#[derive(Debug)]
pub struct OnlyWarnings<O>(pub O);

impl<O: Observer> Observer for OnlyWarnings<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Warning { .. } => self.0.on(event),
            _ => Ok(()),
        }
    }
}
