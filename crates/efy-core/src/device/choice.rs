//! `auto | cpu | cuda | cuda:N`, parsed and turned into a [`tch::Device`].

use std::fmt;
use std::str::FromStr;

use tch::Device;

use super::cuda::{self, CudaReport};
use crate::{Error, Result};

/// A device as a user asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA device where CUDA can be used, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device with this index; `cuda` alone is `cuda:0`.
    Cuda(usize),
}

impl DeviceChoice {
    /// The device to compute on.
    ///
    /// `libtorch_cuda` is loaded (0.1 s, 400 MB) only when CUDA is asked for by name, or for `Auto`
    /// when the machine has an NVIDIA driver.
    ///
    /// # Errors
    /// [`Error::Device`] with the reason when CUDA is asked for by name and cannot be used.
    ///
    /// ```
    /// use efy_core::device::DeviceChoice;
    /// assert_eq!("cpu".parse::<DeviceChoice>()?.select()?, tch::Device::Cpu);
    /// # Ok::<(), efy_core::Error>(())
    /// ```
    pub fn select(self) -> Result<Device> {
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Auto if !cuda::already_available() && !cuda::driver_present() => {
                Ok(Device::Cpu)
            }
            DeviceChoice::Auto => Ok(if CudaReport::probe().usable() {
                Device::Cuda(0)
            } else {
                Device::Cpu
            }),
            DeviceChoice::Cuda(index) => {
                let report = CudaReport::probe();
                let fail = |reason| {
                    Err(Error::Device {
                        device: self.to_string(),
                        reason,
                    })
                };
                if !report.usable() {
                    return fail(report.explain());
                }
                match report.devices.len() {
                    count if index < count => Ok(Device::Cuda(index)),
                    1 => fail("no such device; this machine has one, cuda:0".to_owned()),
                    n => fail(format!(
                        "no such device; this machine has cuda:0 to cuda:{}",
                        n - 1
                    )),
                }
            }
        }
    }
}

impl DeviceChoice {
    /// [`select`](Self::select) for the process of number `local_rank` on its machine: where no index was given, each has a
    /// CUDA device of its own, and they begin again at `cuda:0` where there are fewer.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_for(self, local_rank: usize) -> Result<Device> {
        let found = self.select()?;
        let count = match found {
            Device::Cuda(0) => CudaReport::probe().devices.len(),
            _ => 0,
        };
        Ok(match count {
            0 => found,
            count => Device::Cuda(local_rank % count),
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = |digits: &str| digits.parse().ok().map(DeviceChoice::Cuda);
        match text {
            "auto" => Some(DeviceChoice::Auto),
            "cpu" => Some(DeviceChoice::Cpu),
            "cuda" => Some(DeviceChoice::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(index),
        }
        .ok_or_else(|| Error::Parameter {
            name: "device",
            expected: "auto, cpu, cuda or cuda:N",
            found: format!("{text:?}"),
        })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_round_trip_and_others_are_refused() {
        for name in ["auto", "cpu", "cuda:0", "cuda:9"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        assert_eq!(
            "cuda".parse::<DeviceChoice>().unwrap(),
            DeviceChoice::Cuda(0)
        );
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            let message = name.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(
                message.contains("expected auto, cpu, cuda or cuda:N"),
                "{message}"
            );
        }
    }
}
