//! Memory of CUDA devices, as the driver tells it.

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::UsedGpuMemory;
use tch::Device;

use super::runtime;

/// Memory of a device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// All of it.
    pub total: u64,
    /// What nobody uses.
    pub free: u64,
    /// What this process holds: tensors, what libtorch keeps for the next ones, and 0.3 GB or so of CUDA's
    /// own. Not told in most containers, where processes have other numbers than outside.
    pub process: Option<u64>,
}

impl DeviceMemory {
    /// Asks the driver. None on the CPU, and where there is no NVIDIA driver.
    pub fn of(device: Device) -> Option<Self> {
        let Device::Cuda(index) = device else {
            return None;
        };
        let nvml = Nvml::init().ok()?;
        let device = find(&nvml, index)?;
        let memory = device.memory_info().ok()?;
        let process = std::process::id();
        let used = device.running_compute_processes().ok();
        let used = used.into_iter().flatten();
        Some(DeviceMemory {
            total: memory.total,
            free: memory.free,
            process: used.filter(|other| other.pid == process).find_map(|own| {
                match own.used_gpu_memory {
                    UsedGpuMemory::Used(bytes) => Some(bytes),
                    UsedGpuMemory::Unavailable => None,
                }
            }),
        })
    }
}

/// What the driver's library calls `cuda:index`.
pub(super) fn find(nvml: &Nvml, index: usize) -> Option<nvml_wrapper::Device<'_>> {
    nvml.device_by_pci_bus_id(runtime::pci_address(index)?).ok()
}
