//! The experts that are part of the program: see `assets/experts`.

use std::path::Path;

use super::{Expert, Weights, parse};
use crate::Result;

/// Trained by `efy expert train`.
const TRAINED: &[(&str, &str)] = &[
    (
        "half_cheetah",
        include_str!("../../../../../assets/experts/half_cheetah.json"),
    ),
    (
        "hopper",
        include_str!("../../../../../assets/experts/hopper.json"),
    ),
    (
        "swimmer",
        include_str!("../../../../../assets/experts/swimmer.json"),
    ),
    (
        "walker2d",
        include_str!("../../../../../assets/experts/walker2d.json"),
    ),
];
/// Known from mathematics.
const KNOWN: [(&str, &str, Weights); 2] = [
    (
        "linear_plant",
        "model predictive control with a horizon of one step",
        Weights::Optimal,
    ),
    (
        "pendulum",
        "swing-up by energy, linear feedback at the top",
        Weights::SwingUp,
    ),
];

pub(super) fn names() -> Vec<&'static str> {
    let known = KNOWN.iter().map(|(name, ..)| *name);
    let mut names: Vec<_> = TRAINED.iter().map(|(name, _)| *name).chain(known).collect();
    names.sort_unstable();
    names
}

/// The expert of this name, if there is one.
pub(super) fn find(name: &str) -> Option<Result<Expert>> {
    if let Some((_, text)) = TRAINED.iter().find(|(known, _)| *known == name) {
        return Some(parse(Path::new(&format!("{name}.json")), text));
    }
    let (_, origin, policy) = KNOWN.into_iter().find(|(known, ..)| *known == name)?;
    Some(Ok(Expert {
        environment: name.to_owned(),
        origin: origin.to_owned(),
        training: None,
        returns: None,
        policy,
    }))
}
