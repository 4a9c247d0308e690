//! One measurement, in a process of its own.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use efy_core::random::{Stream, generator};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::MEBIBYTE;
use super::gradient::{Inputs, Method};
use crate::config::{Dtype, RegularizerKind};
use crate::experiment::Hardware;
use crate::{Error, Result};

/// The standard deviation of the unary scores.
const UNARY: f64 = 2.0;
/// Outputs of the problem that loads the code.
const SMALL: usize = 4;

/// A gradient to be measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Measurement {
    pub method: Method,
    pub k: usize,
    pub batch: usize,
    pub rank: usize,
    pub dtype: Dtype,
    pub regularizer: RegularizerKind,
    pub seed: u64,
    pub repeats: usize,
    /// Times of another machine are no times of this one.
    pub hardware: Hardware,
}

/// What a gradient costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Cost {
    /// Wall time, the smallest of the repeats.
    pub seconds: f64,
    /// Growth of the peak of the resident set; `None` where the system does not tell.
    pub bytes: Option<u64>,
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, k = {}", self.method.name, self.k)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.seconds * 1e3)?;
        match self.bytes {
            Some(bytes) => write!(f, ", {:.2} MiB", bytes as f64 / MEBIBYTE),
            None => Ok(()),
        }
    }
}

impl Measurement {
    /// Runs `program measure`, which is to call [`measure`], with one thread.
    ///
    /// # Errors
    /// [`Error::Io`] naming the program, with what it said.
    pub fn in_child(&self, program: &Path) -> Result<Cost> {
        let failed = |text: String| Error::io(program)(std::io::Error::other(text));
        let mut child = Command::new(program)
            .arg("measure")
            .env("OMP_NUM_THREADS", "1")
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::io(program))?;
        let question = serde_json::to_string(self).map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(question.as_bytes())
                .map_err(Error::io(program))?;
        }
        let output = child.wait_with_output().map_err(Error::io(program))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(failed(text.trim().replace('\n', " ")));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
    }

    fn run(&self) -> Result<Cost> {
        let gradient = |inputs: &Inputs| self.method.kind.gradient(inputs, self.regularizer);
        gradient(&self.inputs(SMALL)?)?;
        let inputs = self.inputs(self.k)?;
        reset_peak();
        let before = peak();
        gradient(&inputs)?;
        let bytes = peak().zip(before).map(|(after, before)| after - before);
        let mut seconds = f64::INFINITY;
        for _ in 0..self.repeats.max(1) {
            let started = Instant::now();
            gradient(&inputs)?;
            seconds = seconds.min(started.elapsed().as_secs_f64());
        }
        Ok(Cost { seconds, bytes })
    }

    /// Made-up inputs with `k` outputs.
    fn inputs(&self, k: usize) -> Result<Inputs> {
        let mut random = generator(self.seed, Stream::MadeUp, k as u64);
        let bound = 3.0_f64.sqrt();
        let kind = self.dtype.kind();
        let mut matrix = |(rows, columns): (usize, usize), element: &dyn Fn(f64) -> f64| {
            let values: Vec<f64> = (0..rows * columns)
                .map(|_| element(random.random_range(-bound..=bound)))
                .collect();
            let flat = Tensor::f_from_slice(&values)?.f_to_kind(kind)?;
            flat.f_reshape([rows as i64, columns as i64])
        };
        let mut all = || -> std::result::Result<Inputs, tch::TchError> {
            let scale = 1.0 / (self.rank as f64).sqrt();
            Ok(Inputs {
                u: matrix((self.batch, k), &|x| UNARY * x)?.set_requires_grad(true),
                a: matrix((k, self.rank), &|x| scale * x)?.set_requires_grad(true),
                target: matrix((self.batch, k), &|x| f64::from(u8::from(x > 0.0)))?,
            })
        };
        Ok(all().map_err(efy_core::Error::from)?)
    }
}

/// Makes the measurement that `question`, JSON, describes, in this process, and returns what it cost as
/// JSON. For the child processes of the experiment.
///
/// # Errors
/// [`Error::Usage`] for a question that is none; what the loss reports.
pub fn measure(question: &str) -> Result<String> {
    let usage = |error: serde_json::Error| Error::Usage(format!("measure: {error}"));
    let measurement: Measurement = serde_json::from_str(question).map_err(usage)?;
    tch::set_num_threads(1);
    serde_json::to_string(&measurement.run()?).map_err(usage)
}

/// Sets the peak of the resident set to what is resident now (Linux); without that, the peak before
/// counts as the base line.
fn reset_peak() {
    let _not_supported = std::fs::write("/proc/self/clear_refs", "5");
}

/// The peak of the resident set in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
