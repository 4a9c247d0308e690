//! Environments by name.

use crate::optimal::{LinearPlant, LinearPlantConfig};
use crate::{Environment, Error, Pendulum, Result};

/// Those that need MuJoCo; they come first.
const MUJOCO: [&str; 5] = ["hopper", "half_cheetah", "walker2d", "swimmer", "ant"];

/// The names that [`make`] knows, in the order of the documentation. Those of MuJoCo are among them only where this
/// build has it (feature `mujoco`).
pub fn names() -> Vec<&'static str> {
    let mujoco = if cfg!(feature = "mujoco") {
        &MUJOCO[..]
    } else {
        &[]
    };
    [mujoco, &["pendulum", "linear_plant"]].concat()
}

/// Makes an environment by name.
///
/// # Errors
/// [`Error::Unknown`] for a name that is not among [`names`], and [`Error::WithoutMujoco`] for one that would be with MuJoCo.
pub fn make(name: &str) -> Result<Box<dyn Environment>> {
    match name {
        "pendulum" => Ok(Box::new(Pendulum::new())),
        "linear_plant" => Ok(Box::new(LinearPlant::new(LinearPlantConfig::default())?)),
        _ if MUJOCO.contains(&name) => mujoco(name),
        _ => Err(Error::Unknown {
            name: name.into(),
            known: names().join(", "),
        }),
    }
}

#[cfg(feature = "mujoco")]
fn mujoco(name: &str) -> Result<Box<dyn Environment>> {
    use crate::mujoco::{Body, Locomotion};
    Ok(Box::new(Locomotion::new(Body::from_name(name)?)?))
}

#[cfg(not(feature = "mujoco"))]
fn mujoco(name: &str) -> Result<Box<dyn Environment>> {
    Err(Error::WithoutMujoco { name: name.into() })
}

/// Makes `count` environments of one name, for [`rollout`](crate::rollout).
///
/// # Errors
/// As [`make`].
pub fn make_many(name: &str, count: usize) -> Result<Vec<Box<dyn Environment>>> {
    (0..count).map(|_| make(name)).collect()
}

/// The version of MuJoCo that is loaded, or `None` in a build without it.
pub fn mujoco_version() -> Option<&'static str> {
    #[cfg(feature = "mujoco")]
    return Some(crate::mujoco::version());
    #[cfg(not(feature = "mujoco"))]
    None
}
