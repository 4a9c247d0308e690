//! TF32, which libtorch asks the environment about, once, when it is loaded.

use anyhow::Result;
use efy_core::device::DeviceChoice;
use efy_train::parallel::Launch;
use efy_train::{TF32_VARIABLE, TrainConfig, tf32_allowed};
use tch::Device;

/// The device that was chosen, each process of a machine its own, which computes with or without TF32 as the configuration says: see [`settle`].
///
/// # Errors
/// That there is no such device; as [`settle`].
pub(crate) fn device(choice: DeviceChoice, config: &TrainConfig) -> Result<Device> {
    let device = match Launch::from_env() {
        Some(launch) => choice.select_for(launch.local_rank)?,
        None => choice.select()?,
    };
    settle(config.tf32, device)?;
    Ok(device)
}

/// Makes CUDA compute with or without TF32, as `train.tf32` says, whatever the environment does.
///
/// tch has no function for it and libtorch reads the variable before `main`: where it is not what it should
/// be, the program starts again in its place, the same process with the same arguments. To be called before
/// anything is written.
///
/// # Errors
/// That it could not start again.
fn settle(tf32: bool, device: Device) -> Result<()> {
    match device {
        Device::Cuda(_) if tf32_allowed() != tf32 => again(tf32),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn again(tf32: bool) -> Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use anyhow::Context;

    let mut arguments = std::env::args_os();
    let mut command = Command::new(std::env::current_exe().context("cannot start again for TF32")?);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let value = if tf32 { "1" } else { "0" };
    // It only comes back when it failed.
    let error = command.args(arguments).env(TF32_VARIABLE, value).exec();
    Err(error).context("cannot start again for TF32")
}

#[cfg(not(unix))]
fn again(tf32: bool) -> Result<()> {
    let value = if tf32 { "1" } else { "0" };
    Err(anyhow::anyhow!(crate::exit::Usage(format!(
        "train.tf32: {tf32} needs {TF32_VARIABLE}={value} in the environment here"
    ))))
}
