//! `efy bench gpu`: a table of training steps on a GPU beside the CPU, over shapes, batches and precisions.
//!
//! Each cell is a process of its own: memory is that of one shape, and one that does not fit on the
//! device leaves the others alone.

mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use efy_core::device::{CudaReport, DeviceChoice};
use efy_tasks::config::{Dtype, ModelKind};
use efy_train::LIBTORCH_VERSION;
use efy_train::files::{read_text, write_atomically, write_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::Device;

use self::table::{Cell, Machine, Row, Table};
use super::measure::{Holder, Memory};
use crate::arguments::Bench;
use crate::exit::Usage;
use crate::output;

/// Where the table goes unless --out says otherwise.
const OUT: &str = "bench-gpu";
/// Fewest examples, and fewest batches, of a shape.
const EXAMPLES: usize = 1500;
const BATCHES: usize = 4;
/// The file that the CUDA stand-in writes its counts to.
const COUNTS: &str = "EFY_STAND_IN_REPORT";
/// Steps of the two runs whose difference is the launches of a step.
const COUNTED: [u64; 2] = [5, 15];

/// What is measured; every key is a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Plan {
    shapes: Vec<Shape>,
    batch: Vec<usize>,
    dtype: Vec<Dtype>,
}

impl Default for Plan {
    fn default() -> Self {
        use Shape::{Pairwise14, Pairwise101, Pairwise174, Spen14, Unary14};
        Plan {
            shapes: vec![Unary14, Pairwise14, Pairwise101, Pairwise174, Spen14],
            batch: vec![100, 1000, 10_000],
            dtype: vec![Dtype::F32, Dtype::F64],
        }
    }
}

/// An energy and its sizes: those of the data sets yeast (103 features, 14 labels), mediamill (120, 101)
/// and cal500 (68, 174).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    #[serde(rename = "unary_14")]
    Unary14,
    #[serde(rename = "pairwise_14")]
    Pairwise14,
    #[serde(rename = "pairwise_101")]
    Pairwise101,
    #[serde(rename = "pairwise_174")]
    Pairwise174,
    #[serde(rename = "spen_14")]
    Spen14,
}

impl Shape {
    /// The energy, features, labels and rank of the coupling.
    fn sizes(self) -> (ModelKind, usize, usize, u32) {
        match self {
            Shape::Unary14 => (ModelKind::Unary, 103, 14, 8),
            Shape::Pairwise14 => (ModelKind::Pairwise, 103, 14, 8),
            Shape::Pairwise101 => (ModelKind::Pairwise, 120, 101, 16),
            Shape::Pairwise174 => (ModelKind::Pairwise, 68, 174, 16),
            Shape::Spen14 => (ModelKind::Spen, 103, 14, 8),
        }
    }
}

pub(super) fn run(arguments: &Bench) -> Result<()> {
    let plan: Plan = efy_train::config::from_text("bench gpu", "{}", &arguments.set)?;
    if plan.batch.contains(&0) {
        let message = "bench gpu: batch: expected positive integers, found 0";
        return Err(anyhow!(Usage(message.to_owned())));
    }
    let index = match arguments.device.device.select()? {
        Device::Cuda(index) => index,
        _ if arguments.device.device == DeviceChoice::Auto => return no_gpu(arguments.json),
        other => {
            let message =
                format!("bench gpu: --device: expected auto, cuda or cuda:N, found {other:?}");
            return Err(anyhow!(Usage(message)));
        }
    };
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from(OUT));
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let runner = Runner {
        program: std::env::current_exe()?,
        seconds: arguments.seconds,
        scratch: tempfile::tempdir()?,
    };
    let mut table = Table {
        machine: machine(index, arguments.seconds),
        rows: Vec::new(),
    };
    for &shape in &plan.shapes {
        for &batch in &plan.batch {
            for &dtype in &plan.dtype {
                let row = runner.row(shape, batch, dtype, index)?;
                eprintln!("{}", row.summary());
                table.rows.push(row);
                // What was measured stays when the rest is interrupted.
                write(&table, &out)?;
            }
        }
    }
    match arguments.json {
        true => output::json(&table),
        false => output::line(table.markdown().trim_end()),
    }?;
    match table.rows.iter().all(|row| row.gpu.is_failed()) {
        true => Err(anyhow!(
            "nothing could be measured on cuda:{index}; see {}",
            out.display()
        )),
        false => Ok(()),
    }
}

/// A machine without a GPU has nothing to measure, and that is no failure.
fn no_gpu(json: bool) -> Result<()> {
    let reason = CudaReport::probe().explain();
    match json {
        true => output::json(&json!({"bench": "gpu", "rows": [], "reason": reason})),
        false => output::line(&format!("no GPU, nothing was measured: {reason}")),
    }
}

fn write(table: &Table, out: &Path) -> Result<()> {
    write_atomically(&out.join("bench-gpu.md"), table.markdown().as_bytes())?;
    Ok(write_json(&out.join("bench-gpu.json"), table)?)
}

fn machine(index: usize, seconds: f64) -> Machine {
    let mut cuda = CudaReport::probe();
    let device = (index < cuda.devices.len()).then(|| cuda.devices.swap_remove(index));
    let dotted = |(major, minor)| format!("{major}.{minor}");
    let (name, memory, capability) = device.map_or((None, None, None), |device| {
        (device.name, device.memory, device.capability)
    });
    Machine {
        device: format!("cuda:{index}"),
        name,
        memory,
        capability: capability.map(dotted),
        driver: cuda.driver,
        libtorch: LIBTORCH_VERSION.to_owned(),
        libtorch_cuda: cuda.libtorch_cuda.map(dotted),
        cpu: processor(),
        threads: std::thread::available_parallelism().map_or(1, |count| count.get()),
        seconds,
    }
}

/// What the system calls the processor.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Measures in processes.
struct Runner {
    program: PathBuf,
    seconds: f64,
    scratch: tempfile::TempDir,
}

impl Runner {
    fn row(&self, shape: Shape, batch: usize, dtype: Dtype, index: usize) -> Result<Row> {
        let (model, d, k, rank) = shape.sizes();
        let n = batch * EXAMPLES.div_ceil(batch).max(BATCHES);
        let settings = json!({
            "model": model, "d": d, "k": k, "rank": rank, "batch": batch, "n": n, "dtype": dtype,
        });
        Ok(Row {
            shape: name(&shape)?,
            d,
            k,
            batch,
            dtype: name(&dtype)?,
            gpu: self.cell(&settings, &format!("cuda:{index}"), batch)?,
            cpu: self.cell(&settings, "cpu", batch)?,
        })
    }

    /// One shape on one device.
    fn cell(&self, settings: &Value, device: &str, batch: usize) -> Result<Cell> {
        let counts = self.scratch.path().join("counts.json");
        let _ = std::fs::remove_file(&counts);
        let timed = match self.child(settings, device, None, &counts)? {
            Ok(timed) => timed,
            Err(error) => return Ok(Cell::Failed { error }),
        };
        let rate = timed["steps_per_second"].as_f64();
        let rate = rate.with_context(|| format!("no rate in {timed}"))?;
        let mut memory: Option<Memory> = serde_json::from_value(timed["memory"].clone())?;
        let mut launches = None;
        if device != "cpu" && counts.is_file() {
            let peak = count(&counts, "peak_bytes")?;
            memory = memory.or(peak.map(|bytes| Memory {
                bytes,
                of: Holder::Tensors,
            }));
            let mut counted = [0; 2];
            for (launches, steps) in counted.iter_mut().zip(COUNTED) {
                if let Err(error) = self.child(settings, device, Some(steps), &counts)? {
                    return Ok(Cell::Failed { error });
                }
                *launches = count(&counts, "launches")?.unwrap_or(0);
            }
            let steps = COUNTED[1] - COUNTED[0];
            launches = Some(counted[1].saturating_sub(counted[0]) as f64 / steps as f64);
        }
        Ok(Cell::Measured {
            steps_per_second: rate,
            examples_per_second: rate * batch as f64,
            launches_per_step: launches,
            memory,
        })
    }

    /// `efy bench fy`: what it printed, or the last line that it complained with.
    fn child(
        &self,
        settings: &Value,
        device: &str,
        steps: Option<u64>,
        counts: &Path,
    ) -> Result<std::result::Result<Value, String>> {
        let mut command = Command::new(&self.program);
        command
            .args(["bench", "fy", "--json", "--device", device])
            .args(["--seconds", &self.seconds.to_string()])
            .env(COUNTS, counts);
        for (key, value) in settings.as_object().into_iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            command.args(["--set", &format!("{key}={value}")]);
        }
        if let Some(steps) = steps {
            command.args(["--set", &format!("steps={steps}")]);
        }
        let ended = command.output();
        let ended = ended.with_context(|| self.program.display().to_string())?;
        if ended.status.success() {
            return Ok(Ok(serde_json::from_slice(&ended.stdout)?));
        }
        let told = String::from_utf8_lossy(&ended.stderr);
        let last = told.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.map_or_else(|| ended.status.to_string(), str::to_owned);
        Ok(Err(last.trim_start_matches("efy: ").to_owned()))
    }
}

/// A number in the stand-in's counts.
fn count(path: &Path, name: &str) -> Result<Option<u64>> {
    let counts: Value = serde_json::from_str(&read_text(path)?)?;
    Ok(counts[name].as_u64())
}

/// What serde calls a value.
fn name(value: &impl Serialize) -> Result<String> {
    let value = serde_json::to_value(value)?;
    let name = value
        .as_str()
        .with_context(|| format!("no name: {value}"))?;
    Ok(name.to_owned())
}
