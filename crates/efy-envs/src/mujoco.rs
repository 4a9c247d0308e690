//! Locomotion in MuJoCo: the environments of gymnasium's `-v4`, number by number.

mod body;
mod locomotion;
mod pose;

pub use body::Body;
pub use locomotion::Locomotion;

use crate::{Error, Result};

/// The version of MuJoCo that this crate was built for.
const BUILT_FOR: &str = "3.17.0";

/// The version of the library that was loaded.
pub fn version() -> &'static str {
    mujoco_rs::mujoco_version()
}

/// Refuses another version than that of the build, whose structures may be laid out differently.
fn check_version() -> Result<()> {
    match version() {
        BUILT_FOR => Ok(()),
        found => Err(Error::Mujoco(format!(
            "expected libmujoco {BUILT_FOR}, found {found}; run `just setup`"
        ))),
    }
}
