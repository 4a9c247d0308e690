//! The check that every loss begins with.

use tch::Tensor;

use crate::energy::Energy;
use crate::{Result, shape};

/// Refuses a target that is not shaped and placed like the energy's outputs.
pub(super) fn check(energy: &dyn Energy, target: &Tensor) -> Result<()> {
    shape::matrix_of("target", target, energy.size(), energy.options())
}
