//! Where tensors live: choosing a device, explaining why CUDA can or cannot be used, and the one
//! place that reads a tensor back to the host.

mod choice;
mod constant;
mod cuda;
mod memory;
mod phase;
pub mod read;
mod runtime;

pub use choice::DeviceChoice;
pub(crate) use constant::{constant, constant_integers, constant_rows, constants};
pub use cuda::{CudaDevice, CudaReport, CudaState};
pub use memory::DeviceMemory;
pub use phase::{Entered, Phase};
