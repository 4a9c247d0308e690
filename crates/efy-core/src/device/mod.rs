//! Where tensors live: choosing a device, explaining why CUDA can or cannot be used, and the one
//! place that reads a tensor back to the host.

mod choice;
mod constant;
mod cuda;
pub mod read;

pub use choice::DeviceChoice;
pub(crate) use constant::{constant, constant_rows};
pub use cuda::{CudaDevice, CudaReport, CudaState};
