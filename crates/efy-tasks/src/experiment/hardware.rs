//! What machine this is.

use serde::{Deserialize, Serialize};

/// The machine that numbers were measured on, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// The model name of the processor.
    pub processor: String,
    /// Processors that this program may use.
    pub processors: usize,
    /// Main memory in GiB, rounded.
    pub memory_gib: Option<u64>,
}

impl Hardware {
    /// This machine.
    #[must_use]
    pub fn detect() -> Self {
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kibibytes = memory.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        Hardware {
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            processors: std::thread::available_parallelism().map_or(1, |count| count.get()),
            memory_gib: kibibytes.map(|size| (size / f64::from(1 << 20)).round() as u64),
        }
    }
}
