//! `efy doctor`.

use anyhow::Result;
use efy_core::device::{CudaDevice, CudaReport};
use efy_tasks::data::{self, Cache, registry};
use efy_train::{LIBTORCH_VERSION, parallel};
use serde_json::json;

use super::together;
use crate::arguments::Doctor;
use crate::output;

/// The oldest compute capability that the CUDA 13 build of libtorch has code for (PyTorch's release matrix).
const OLDEST: (i32, i32) = (7, 5);

pub(crate) fn run(arguments: &Doctor) -> Result<()> {
    let cuda = CudaReport::probe();
    let cache = Cache::from_env()?;
    let fetched: Vec<&str> = registry::known()
        .filter(|set| cache.has(set))
        .map(|set| set.name)
        .collect();
    let imported = data::imported(&cache);
    let mujoco = efy_envs::mujoco_version();
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let place = libtorch_place().unwrap_or_else(|| "unknown".to_owned());
    if arguments.json {
        let devices: Vec<_> = cuda
            .devices
            .iter()
            .map(|d| {
                json!({
                    "index": d.index, "name": d.name, "memory": d.memory,
                    "capability": d.capability.map(dotted),
                })
            })
            .collect();
        return output::pretty_json(&json!({
            "efy": env!("CARGO_PKG_VERSION"),
            "libtorch": {"version": LIBTORCH_VERSION, "place": place},
            "threads": threads,
            "mpi": {"built": parallel::HAS_MPI, "library": together::library()},
            "cuda": {
                "usable": cuda.usable(),
                "state": cuda.state.name(),
                "explanation": cuda.explain(),
                "next": cuda.next,
                "driver": cuda.driver,
                "driver_cuda": cuda.driver_cuda.map(dotted),
                "libtorch_cuda": cuda.libtorch_cuda.map(dotted),
                "devices": devices,
            },
            "data": {"cache": cache.root(), "fetched": fetched, "imported": imported},
            "mujoco": {"usable": mujoco.is_some(), "version": mujoco, "environments": efy_envs::names()},
        }));
    }
    output::table([
        ("efy", env!("CARGO_PKG_VERSION").to_owned()),
        ("libtorch", format!("{LIBTORCH_VERSION} in {place}")),
        ("threads", threads.to_string()),
        (
            "mpi",
            together::library().unwrap_or_else(|| "not in this build (--features mpi)".to_owned()),
        ),
        ("driver", driver(&cuda)),
        ("cuda", cuda.explain()),
    ])?;
    for device in &cuda.devices {
        output::line(&described(device))?;
    }
    output::table([
        ("data", cache.root().display().to_string()),
        (
            "fetched",
            if fetched.is_empty() {
                "none".to_owned()
            } else {
                fetched.join(" ")
            },
        ),
        (
            "imported",
            if imported.is_empty() {
                "none".to_owned()
            } else {
                imported.join(" ")
            },
        ),
        (
            "mujoco",
            mujoco
                .unwrap_or("not in this build (cargo feature mujoco)")
                .to_owned(),
        ),
        ("envs", efy_envs::names().join(" ")),
    ])
}

/// The driver and the newest CUDA version it knows.
fn driver(cuda: &CudaReport) -> String {
    match (&cuda.driver, cuda.driver_cuda) {
        (None, _) => "none".to_owned(),
        (Some(version), None) => version.clone(),
        (Some(version), Some(known)) => format!("{version}, knows CUDA {}", dotted(known)),
    }
}

/// A line about a device. A GPU for which libtorch has no code is listed by it like any other.
fn described(device: &CudaDevice) -> String {
    let name = device.name.as_deref().unwrap_or("unknown device");
    let mut line = format!("cuda:{}    {name}", device.index);
    if let Some(bytes) = device.memory {
        line += &format!(", {:.1} GB", bytes as f64 / 1e9);
    }
    if let Some(capability) = device.capability {
        line += &format!(", compute capability {}", dotted(capability));
        if capability < OLDEST {
            let oldest = dotted(OLDEST);
            line += &format!("; too old: this libtorch has code for {oldest} and newer");
        }
    }
    line
}

fn dotted((major, minor): (i32, i32)) -> String {
    format!("{major}.{minor}")
}

/// The folder that `libtorch_cpu` was loaded from.
fn libtorch_place() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .find(|line| line.ends_with("/libtorch_cpu.so"))?
        .split(' ')
        .next_back()?;
    Some(path.trim_end_matches("/libtorch_cpu.so").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_one_line_and_too_old_ones_are_called_so() {
        let mut device = CudaDevice {
            index: 1,
            name: None,
            memory: None,
            capability: None,
        };
        assert_eq!(described(&device), "cuda:1    unknown device");
        device.name = Some("NVIDIA A GPU".to_owned());
        device.memory = Some(25_769_803_776);
        device.capability = Some((8, 9));
        assert_eq!(
            described(&device),
            "cuda:1    NVIDIA A GPU, 25.8 GB, compute capability 8.9"
        );
        device.capability = Some((6, 1));
        assert!(
            described(&device).ends_with("6.1; too old: this libtorch has code for 7.5 and newer")
        );
    }
}
