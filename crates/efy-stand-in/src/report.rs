//! What the stand-in counted.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Counts of a program, or of a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Operators on the device, each at least one kernel; copies within it are among them. Views are not.
    pub launches: u64,
    /// Times that the host waited for the device.
    pub syncs: u64,
    /// Copies from pageable host memory to the device; each is a wait, too.
    pub h2d: u64,
    /// Copies from pinned host memory; a wait unless they were asked not to.
    pub h2d_pinned: u64,
    /// Copies to the host; each is a wait, too, unless it went to pinned memory and was asked not to.
    pub d2h: u64,
    /// Copies within the device or between two.
    pub d2d: u64,
    /// The most bytes that were allocated at a time, in blocks of 512, on all devices.
    pub peak_bytes: u64,
    /// Launches by operator.
    pub ops: BTreeMap<String, u64>,
    /// Waits by what waited.
    pub waits: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.launches += other.launches;
        self.syncs += other.syncs;
        self.h2d += other.h2d;
        self.h2d_pinned += other.h2d_pinned;
        self.d2h += other.d2h;
        self.d2d += other.d2d;
        self.peak_bytes = self.peak_bytes.max(other.peak_bytes);
        let pairs = [(&mut self.ops, &other.ops), (&mut self.waits, &other.waits)];
        for (sums, counts) in pairs {
            for (name, count) in counts {
                *sums.entry(name.clone()).or_default() += count;
            }
        }
    }
}

/// Counts of a phase, without those inside of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseCounts {
    /// How often it was entered.
    pub entries: u64,
    /// What was counted in it.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Counts of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// All of it.
    #[serde(flatten)]
    pub total: Counts,
    /// The most bytes that were allocated on each device that was used.
    pub device_peak_bytes: Vec<u64>,
    /// By phase; one inside of another is `outer/inner`, outside of all is the empty name.
    pub phases: BTreeMap<String, PhaseCounts>,
}

impl Report {
    /// Reads what a process left at [`REPORT`](crate::REPORT).
    ///
    /// # Errors
    /// When there is no such file, as after a process that was killed, or it is not a report.
    pub fn read(path: &Path) -> io::Result<Self> {
        let reports = Report::read_steps(path)?;
        let last = reports.into_iter().next_back();
        last.ok_or_else(|| io::Error::other(format!("{}: empty", path.display())))
    }

    /// Reads what a process wrote to [`STEPS`](crate::STEPS): what it had counted when each step began. The
    /// difference of two is what a step costs with everything around it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_steps(path: &Path) -> io::Result<Vec<Self>> {
        let named = |reason: String| io::Error::other(format!("{}: {reason}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        let reports = text.lines().map(serde_json::from_str);
        reports
            .collect::<Result<_, _>>()
            .map_err(|error| named(error.to_string()))
    }

    /// Counts of a phase with everything inside of it, and how often it was entered.
    pub fn within(&self, phase: &str) -> PhaseCounts {
        let inside = format!("{phase}/");
        let mut sum = PhaseCounts::default();
        for (name, phase_counts) in &self.phases {
            if name == phase {
                sum.entries = phase_counts.entries;
            }
            if name == phase || name.starts_with(&inside) {
                sum.counts.add(&phase_counts.counts);
            }
        }
        sum
    }
}
