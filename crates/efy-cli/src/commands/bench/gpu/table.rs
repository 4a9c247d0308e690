//! What `efy bench gpu` found, as Markdown and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::commands::bench::measure::{Holder, Memory};

/// What is not known.
const NONE: &str = "–";

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) machine: Machine,
    pub(super) rows: Vec<Row>,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) device: String,
    /// The GPU, where the driver names it.
    pub(super) name: Option<String>,
    /// Its memory in bytes.
    pub(super) memory: Option<u64>,
    pub(super) capability: Option<String>,
    pub(super) driver: Option<String>,
    pub(super) libtorch: String,
    pub(super) libtorch_cuda: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) threads: usize,
    /// How long each cell was measured.
    pub(super) seconds: f64,
}

/// One shape on both devices.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) shape: String,
    pub(super) d: usize,
    pub(super) k: usize,
    pub(super) batch: usize,
    pub(super) dtype: String,
    pub(super) gpu: Cell,
    pub(super) cpu: Cell,
}

/// One shape on one device.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Measured {
        steps_per_second: f64,
        examples_per_second: f64,
        /// Where something counts them.
        launches_per_step: Option<f64>,
        /// The most that was held.
        memory: Option<Memory>,
    },
    Failed {
        error: String,
    },
}

impl Cell {
    pub(super) fn is_failed(&self) -> bool {
        matches!(self, Cell::Failed { .. })
    }

    fn rate(&self) -> Option<f64> {
        match self {
            Cell::Measured {
                steps_per_second, ..
            } => Some(*steps_per_second),
            Cell::Failed { .. } => None,
        }
    }

    fn memory(&self) -> Option<Memory> {
        match self {
            Cell::Measured { memory, .. } => *memory,
            Cell::Failed { .. } => None,
        }
    }
}

impl Row {
    /// One line for people who wait.
    pub(super) fn summary(&self) -> String {
        let Row {
            shape,
            batch,
            dtype,
            ..
        } = self;
        let told = |cell: &Cell| match cell {
            Cell::Measured {
                steps_per_second, ..
            } => format!("{} steps/s", number(*steps_per_second)),
            Cell::Failed { error } => error.clone(),
        };
        let [gpu, cpu] = [&self.gpu, &self.cpu].map(told);
        format!("{shape}, batch {batch}, {dtype}: {gpu} on the GPU, {cpu} on the CPU")
    }

    fn cells(&self) -> Vec<String> {
        let known = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), number);
        let memory = |cell: &Cell| cell.memory().map_or_else(|| NONE.to_owned(), megabytes);
        let (gpu, cpu) = (self.gpu.rate(), self.cpu.rate());
        let launches = match &self.gpu {
            Cell::Measured {
                launches_per_step, ..
            } => *launches_per_step,
            Cell::Failed { .. } => None,
        };
        let examples = |rate: f64| rate * self.batch as f64;
        vec![
            self.shape.clone(),
            self.batch.to_string(),
            self.dtype.clone(),
            known(gpu),
            known(gpu.map(examples)),
            known(launches),
            memory(&self.gpu),
            known(cpu),
            known(cpu.map(examples)),
            memory(&self.cpu),
            known(gpu.zip(cpu).map(|(gpu, cpu)| gpu / cpu)),
        ]
    }
}

impl Table {
    /// A title, what it was measured on, the table, and what is not self-evident in it.
    pub(super) fn markdown(&self) -> String {
        let Machine {
            device,
            name,
            memory,
            capability,
            driver,
            libtorch,
            libtorch_cuda,
            cpu,
            threads,
            seconds,
        } = &self.machine;
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
        let mut text = "# Training steps on a GPU\n\n".to_owned();
        let lines = [
            ("device", format!("{device}: {}", known(name))),
            (
                "its memory",
                memory.map_or_else(
                    || NONE.to_owned(),
                    |bytes| format!("{:.1} GB", bytes as f64 / 1e9),
                ),
            ),
            ("compute capability", known(capability)),
            ("driver", known(driver)),
            (
                "libtorch",
                format!("{libtorch}, CUDA {}", known(libtorch_cuda)),
            ),
            ("CPU", format!("{}, {threads} threads", known(cpu))),
            ("each cell", format!("{seconds} s, median of five windows")),
        ];
        for (name, value) in lines {
            let _ = writeln!(text, "- {name}: {value}");
        }
        let head = [
            "shape",
            "batch",
            "precision",
            "GPU steps/s",
            "GPU examples/s",
            "launches a step",
            "GPU memory",
            "CPU steps/s",
            "CPU examples/s",
            "CPU memory",
            "GPU / CPU",
        ];
        let _ = writeln!(text, "\n| {} |", head.join(" | "));
        let _ = writeln!(text, "|---|--:|---{}|", "|--:".repeat(head.len() - 3));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.cells().join(" | "));
        }
        for note in self.notes() {
            let _ = writeln!(text, "\n{note}");
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let holders = [
            (
                Holder::Process,
                "GPU memory is the most that the process held, CUDA's own part included.",
            ),
            (
                Holder::Device,
                "GPU memory is what all programs on the device held: the driver did not tell them apart.",
            ),
            (
                Holder::Tensors,
                "GPU memory is the most that tensors took, counted by the CUDA stand-in: this is no GPU, and its \
                 times say nothing about one.",
            ),
        ];
        let held = |holder| {
            let mut memory = self.rows.iter().filter_map(|row| row.gpu.memory());
            memory.any(|memory| memory.of == holder)
        };
        let mut notes: Vec<String> = holders
            .into_iter()
            .filter(|(holder, _)| held(*holder))
            .map(|(_, note)| note.to_owned())
            .collect();
        for row in &self.rows {
            for (place, cell) in [("GPU", &row.gpu), ("CPU", &row.cpu)] {
                if let Cell::Failed { error } = cell {
                    let (shape, batch, dtype) = (&row.shape, row.batch, &row.dtype);
                    notes.push(format!(
                        "{shape}, batch {batch}, {dtype}, {place}: {error}."
                    ));
                }
            }
        }
        notes
    }
}

/// Three digits or more.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn megabytes(memory: Memory) -> String {
    format!("{} MB", number(memory.bytes as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let measured = |steps_per_second: f64, launches, memory| Cell::Measured {
            steps_per_second,
            examples_per_second: 100.0 * steps_per_second,
            launches_per_step: launches,
            memory,
        };
        let memory = |bytes, of| Some(Memory { bytes, of });
        let row = |shape: &str, gpu, cpu| Row {
            shape: shape.to_owned(),
            d: 103,
            k: 14,
            batch: 100,
            dtype: "f32".to_owned(),
            gpu,
            cpu,
        };
        let cpu = || measured(500.0, None, memory(250_000_000, Holder::Process));
        Table {
            machine: Machine {
                device: "cuda:0".to_owned(),
                name: Some("A GPU".to_owned()),
                memory: Some(24_000_000_000),
                capability: None,
                driver: Some("580.65.06".to_owned()),
                libtorch: "2.13.0".to_owned(),
                libtorch_cuda: Some("13.0".to_owned()),
                cpu: None,
                threads: 2,
                seconds: 2.0,
            },
            rows: vec![
                row("unary_14", measured(2000.0, None, None), cpu()),
                row(
                    "pairwise_14",
                    measured(1000.0, Some(61.5), memory(1_500_000, Holder::Tensors)),
                    cpu(),
                ),
                row(
                    "spen_14",
                    Cell::Failed {
                        error: "out of memory".to_owned(),
                    },
                    cpu(),
                ),
            ],
        }
    }

    #[test]
    fn what_was_not_measured_is_absent_and_nothing_else_is() {
        let text = table().markdown();
        for line in [
            "- device: cuda:0: A GPU",
            "- libtorch: 2.13.0, CUDA 13.0",
            "- compute capability: –",
            "| unary_14 | 100 | f32 | 2000 | 200000 | – | – | 500 | 50000 | 250 MB | 4.00 |",
            "| pairwise_14 | 100 | f32 | 1000 | 100000 | 61.5 | 1.50 MB | 500 | 50000 | 250 MB | 2.00 |",
            "| spen_14 | 100 | f32 | – | – | – | – | 500 | 50000 | 250 MB | – |",
            "spen_14, batch 100, f32, GPU: out of memory.",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("counted by the CUDA stand-in"));
        let columns = |line: &&str| line.starts_with('|').then(|| line.matches('|').count());
        let mut widths: Vec<usize> = text.lines().filter_map(|line| columns(&line)).collect();
        widths.dedup();
        assert_eq!(widths, [12]);
    }

    #[test]
    fn the_json_has_the_numbers_and_nulls() {
        let json = serde_json::to_value(table()).unwrap();
        assert_eq!(json["rows"][0]["gpu"]["steps_per_second"], 2000.0);
        assert!(json["rows"][0]["gpu"]["launches_per_step"].is_null());
        assert_eq!(json["rows"][1]["gpu"]["memory"]["of"], "tensors");
        assert_eq!(json["rows"][2]["gpu"]["error"], "out of memory");
        assert_eq!(json["machine"]["driver"], "580.65.06");
    }
}
