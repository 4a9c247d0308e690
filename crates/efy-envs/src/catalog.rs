//! Environments by name.

use crate::optimal::{LinearPlant, LinearPlantConfig};
use crate::{Environment, Error, Pendulum, Result};

/// Makes an environment.
type Make = fn() -> Result<Box<dyn Environment>>;

/// Every environment, in the order of the documentation.
const CATALOG: [(&str, Make); 2] = [
    ("pendulum", || Ok(Box::new(Pendulum::new()))),
    ("linear_plant", || {
        Ok(Box::new(LinearPlant::new(LinearPlantConfig::default())?))
    }),
];

/// The names that [`make`] knows.
pub fn names() -> Vec<&'static str> {
    CATALOG.iter().map(|(name, _)| *name).collect()
}

/// Makes an environment by name.
///
/// # Errors
/// [`Error::Unknown`] for a name that is not among [`names`].
pub fn make(name: &str) -> Result<Box<dyn Environment>> {
    match CATALOG.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => make(),
        None => Err(Error::Unknown {
            name: name.into(),
            known: names().join(", "),
        }),
    }
}

/// Makes `count` environments of one name, for [`rollout`](crate::rollout).
///
/// # Errors
/// As [`make`].
pub fn make_many(name: &str, count: usize) -> Result<Vec<Box<dyn Environment>>> {
    (0..count).map(|_| make(name)).collect()
}
