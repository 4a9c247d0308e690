//! The section `checkpoint` of every configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// When checkpoints are written, and how many stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Steps between two checkpoints; 0: only when the run is interrupted.
    pub every: u64,
    /// How many of the newest checkpoints are kept.
    #[schemars(range(min = 1))]
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        CheckpointConfig {
            every: 1000,
            keep: 3,
        }
    }
}

impl CheckpointConfig {
    /// Checks ranges; `origin` tells where the value of a key came from.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key.
    pub fn validate(&self, origin: &dyn Fn(&str) -> String) -> Result<()> {
        let key = "checkpoint.keep";
        match self.keep {
            0 => Err(Error::Config {
                origin: origin(key),
                message: format!("{key}: expected a positive integer, found 0"),
            }),
            _ => Ok(()),
        }
    }
}
