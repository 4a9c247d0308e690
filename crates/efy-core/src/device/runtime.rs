//! The CUDA runtime that libtorch is linked with, asked directly for what libtorch's interface leaves out.
//!
//! `libtorch_cpu.so` needs `libcudart.so`, so its functions are there in every process, without a driver
//! as well; where they are not, nothing is known.

use std::ffi::{CStr, c_char, c_int};

/// Longest PCI address, as CUDA's documentation has it.
const LONGEST_ADDRESS: usize = 13;

/// The CUDA version that libtorch was built for: major, minor.
pub(super) fn built_for() -> Option<(i32, i32)> {
    version(c"cudaRuntimeGetVersion")
}

/// The newest CUDA version that the driver knows; none without a driver.
pub(super) fn known_to_driver() -> Option<(i32, i32)> {
    version(c"cudaDriverGetVersion")
}

/// 13000 is 13.0; a missing driver has version 0.
fn version(name: &CStr) -> Option<(i32, i32)> {
    type Function = unsafe extern "C" fn(*mut c_int) -> c_int;
    let mut version = 0;
    // SAFETY: cudaError_t NAME(int *version), for both names, of which it writes one int.
    #[allow(unsafe_code)]
    let status = unsafe { symbol::<Function>(name)?(&raw mut version) };
    (status == 0 && version > 0).then_some((version / 1000, version % 1000 / 10))
}

/// The PCI address of `cuda:index`. Numbers of libtorch and of the driver's tools differ where
/// `CUDA_VISIBLE_DEVICES` is set or GPUs are not alike; addresses do not.
pub(super) fn pci_address(index: usize) -> Option<String> {
    type Function = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    let mut address = [0_u8; LONGEST_ADDRESS + 1];
    let (length, index) = (address.len() as c_int, c_int::try_from(index).ok()?);
    // SAFETY: cudaError_t cudaDeviceGetPCIBusId(char *address, int length, int device), which writes at most
    // `length` bytes, the last of them a zero.
    #[allow(unsafe_code)]
    let status = unsafe {
        symbol::<Function>(c"cudaDeviceGetPCIBusId")?(address.as_mut_ptr().cast(), length, index)
    };
    let text = CStr::from_bytes_until_nul(&address).ok()?.to_str().ok()?;
    (status == 0 && !text.is_empty()).then(|| text.to_owned())
}

/// A function among the libraries of this process.
///
/// # Safety
/// `F` has to be its type.
#[cfg(unix)]
#[allow(unsafe_code)]
unsafe fn symbol<F: Copy>(name: &CStr) -> Option<F> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the caller knows the type. Libraries that were loaded at the start stay.
    unsafe { process.get::<F>(name.to_bytes_with_nul()) }
        .ok()
        .map(|found| *found)
}

#[cfg(not(unix))]
#[allow(unsafe_code)]
unsafe fn symbol<F: Copy>(_name: &CStr) -> Option<F> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_that_libtorch_needs_tells_its_version() {
        // The pinned libtorch is the CUDA 13 build. Loaded because something of it is used.
        assert!(!tch::Tensor::new().defined());
        assert_eq!(built_for().map(|(major, _)| major), Some(13));
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!(version(c"cudaNoSuchFunction"), None);
        assert_eq!(pci_address(usize::MAX), None);
    }
}
