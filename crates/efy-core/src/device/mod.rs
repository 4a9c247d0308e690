//! Where tensors live: choosing a device, explaining why CUDA can or cannot be used, and the one
//! place that reads a tensor back to the host.

mod choice;
mod cuda;
mod phase;
pub mod read;

pub use choice::DeviceChoice;
pub use cuda::{CudaDevice, CudaReport, CudaState};
pub use phase::{Entered, Phase};
