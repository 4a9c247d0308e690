//! The clock: warm up, then several windows of time, each of which ends when the device is done.

use std::time::Instant;

use anyhow::Result;
use efy_core::device::{DeviceMemory, read};
use serde::{Deserialize, Serialize};
use tch::{Cuda, Device, Tensor};

/// Steps before the clock starts, unless they take longer than what is measured.
const WARM_UP: u64 = 50;
/// Windows that a measurement is divided into. Its rate is the median of theirs, so that one
/// interruption by another program does not show.
const WINDOWS: usize = 5;

pub(super) struct Measured {
    pub(super) steps: u64,
    pub(super) seconds: f64,
    /// Steps a second: the median of the windows.
    pub(super) rate: f64,
    pub(super) memory: Option<Memory>,
    /// What the last step returned.
    pub(super) last: f64,
}

/// The most memory that was held.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) bytes: u64,
    pub(super) of: Holder,
}

/// Who held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holder {
    /// This process: what libtorch holds, with CUDA's own part; on the CPU all resident memory.
    Process,
    /// Everyone on the device, where the driver does not tell processes apart.
    Device,
    /// The tensors, as the CUDA stand-in counts them.
    Tensors,
}

/// Exactly so many steps if given, else as many as fit into the seconds after some to warm up.
pub(super) fn measure(
    step: &mut dyn FnMut() -> Result<Tensor>,
    device: Device,
    (steps, seconds): (Option<u64>, f64),
) -> Result<Measured> {
    let mut last = None;
    let mut window = |end: &dyn Fn(u64, f64) -> bool| -> Result<(u64, f64)> {
        let started = Instant::now();
        let mut done = 0;
        while !end(done, started.elapsed().as_secs_f64()) {
            last = Some(step()?);
            done += 1;
        }
        synchronize(device);
        Ok((done, started.elapsed().as_secs_f64()))
    };
    let windows = match steps {
        Some(steps) => vec![window(&|done, _| done >= steps)?],
        None => {
            window(&|done, time| done >= WARM_UP || done > 0 && time >= seconds)?;
            let share = seconds / WINDOWS as f64;
            (0..WINDOWS)
                .map(|_| window(&|done, time| done > 0 && time >= share))
                .collect::<Result<_>>()?
        }
    };
    let last = last.map_or(Ok(f64::NAN), |last| read::scalar(&last.max()))?;
    Ok(Measured {
        steps: windows.iter().map(|(steps, _)| steps).sum(),
        seconds: windows.iter().map(|(_, seconds)| seconds).sum(),
        rate: median(
            windows
                .iter()
                .map(|&(steps, seconds)| steps as f64 / seconds),
        ),
        memory: memory(device),
        last,
    })
}

/// Waits until the device has done all that it was given.
fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The most that was held. libtorch gives nothing back to a GPU until it ends, so what it holds is that.
fn memory(device: Device) -> Option<Memory> {
    let of = |bytes, of| Memory { bytes, of };
    if device == Device::Cpu {
        return resident().map(|bytes| of(bytes, Holder::Process));
    }
    let memory = DeviceMemory::of(device)?;
    Some(match memory.process {
        Some(bytes) => of(bytes, Holder::Process),
        None => of(memory.total.saturating_sub(memory.free), Holder::Device),
    })
}

/// The largest resident size of this process, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_middle_one() {
        assert_eq!(median([3.0, 100.0, 2.0, 4.0, 1.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn so_many_steps_are_so_many_steps_and_a_time_has_all_its_windows() {
        let mut made = 0;
        let mut step = || {
            made += 1;
            Ok(Tensor::from(f64::from(made)))
        };
        let measured = measure(&mut step, Device::Cpu, (Some(7), 100.0)).unwrap();
        assert_eq!((measured.steps, measured.last), (7, 7.0));
        let measured = measure(&mut step, Device::Cpu, (None, 0.0)).unwrap();
        assert_eq!(measured.steps, WINDOWS as u64, "one in each window");
        assert_eq!(made, 7 + 1 + WINDOWS as i32, "and one to warm up");
        assert!(measured.rate > 0.0);
        let memory = measured.memory.unwrap();
        assert!(memory.bytes > 1 << 20 && memory.of == Holder::Process);
    }
}
