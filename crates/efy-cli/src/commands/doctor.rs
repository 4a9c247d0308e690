//! `efy doctor`.

use anyhow::Result;
use efy_core::device::{CudaReport, CudaState};
use efy_tasks::data::{self, Cache, registry};
use efy_train::LIBTORCH_VERSION;
use serde_json::json;

use crate::arguments::Doctor;
use crate::output;

pub(crate) fn run(arguments: &Doctor) -> Result<()> {
    let cuda = CudaReport::probe();
    let cache = Cache::from_env()?;
    let fetched: Vec<&str> = registry::known()
        .filter(|set| cache.has(set))
        .map(|set| set.name)
        .collect();
    let imported = data::imported(&cache);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let place = libtorch_place().unwrap_or_else(|| "unknown".to_owned());
    if arguments.json {
        let devices: Vec<_> = cuda
            .devices
            .iter()
            .map(|d| json!({"index": d.index, "name": d.name, "memory": d.memory}))
            .collect();
        return output::pretty_json(&json!({
            "efy": env!("CARGO_PKG_VERSION"),
            "libtorch": {"version": LIBTORCH_VERSION, "place": place},
            "threads": threads,
            "cuda": {
                "usable": cuda.usable(),
                "state": state_name(&cuda.state),
                "explanation": cuda.explain(),
                "driver": cuda.driver,
                "devices": devices,
            },
            "data": {"cache": cache.root(), "fetched": fetched, "imported": imported},
            "mujoco": {"usable": false, "explanation": "this version of efy does not use MuJoCo"},
        }));
    }
    output::table([
        ("efy", env!("CARGO_PKG_VERSION").to_owned()),
        ("libtorch", format!("{LIBTORCH_VERSION} in {place}")),
        ("threads", threads.to_string()),
        (
            "driver",
            cuda.driver.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("cuda", cuda.explain()),
    ])?;
    for device in &cuda.devices {
        let name = device.name.as_deref().unwrap_or("unknown device");
        let memory = device.memory.map_or_else(String::new, |bytes| {
            format!(", {:.1} GB", bytes as f64 / 1e9)
        });
        output::line(&format!("cuda:{}    {name}{memory}", device.index))?;
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
        ("mujoco", "not used by this version".to_owned()),
    ])
}

fn state_name(state: &CudaState) -> &'static str {
    match state {
        CudaState::Usable => "usable",
        CudaState::Disabled => "disabled",
        CudaState::NotInstalled(_) => "not_installed",
        CudaState::NoDriver => "no_driver",
        CudaState::NoDevice => "no_device",
        _ => "unknown",
    }
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
