//! What `efy train` says on stderr, for people or for machines.

use std::path::Path;

use efy_tasks::config::Config;
use efy_tasks::data::Dataset;
use efy_train::Metrics;
use efy_train::observer::{JsonLog, Observer, OnlyWarnings, Progress};
use serde_json::json;
use tch::Device;

use crate::arguments::{LogFormat, Train};

/// How and how much is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    format: LogFormat,
    quiet: bool,
}

impl Log {
    pub(super) fn new(arguments: &Train) -> Self {
        Log {
            format: arguments.log,
            quiet: arguments.quiet,
        }
    }

    /// Follows the training. Warnings are for those who want quiet, too.
    pub(super) fn observer(self, monitor: &str) -> Box<dyn Observer> {
        match (self.format, self.quiet) {
            (LogFormat::Text, false) => Box::new(Progress::new(monitor)),
            (LogFormat::Text, true) => Box::new(OnlyWarnings(Progress::new(monitor))),
            (LogFormat::Json, false) => Box::new(JsonLog::stderr()),
            (LogFormat::Json, true) => Box::new(OnlyWarnings(JsonLog::stderr())),
        }
    }

    /// What is about to be trained, and where it goes.
    pub(super) fn begin(self, config: &Config, data: &Dataset, device: Device, run: &Path) {
        let (name, rows, features, labels) =
            (&config.name, data.rows(), data.features(), data.labels());
        match self.format {
            _ if self.quiet => {}
            LogFormat::Text => eprintln!(
                "{name} on {}: {rows} rows, {features} features, {labels} labels; {device:?}; {}",
                data.name(),
                run.display()
            ),
            LogFormat::Json => {
                let data = json!({"name": data.name(), "rows": rows, "features": features, "labels": labels});
                let device = format!("{device:?}");
                let fields = json!({"name": name, "data": data, "device": device, "run": run.to_string_lossy()});
                JsonLog::stderr().write("run", fields);
            }
        }
    }

    /// What went wrong that a run can do without.
    pub(super) fn warn(self, message: &str) {
        match self.format {
            LogFormat::Text => eprintln!("warning: {message}"),
            LogFormat::Json => JsonLog::stderr().write("warning", json!({"message": message})),
        }
    }

    /// What came of it. The JSON log has the test metrics as an event already.
    pub(super) fn end(self, test: &Metrics, figures: usize, plots: &Path) {
        match self.format {
            _ if self.quiet => {}
            LogFormat::Text => {
                for (name, value) in test.iter() {
                    eprintln!("test {name:<17} {value:.4}");
                }
                eprintln!("{figures} figure files in {}", plots.display());
            }
            LogFormat::Json => {
                let fields = json!({"files": figures, "path": plots.to_string_lossy()});
                JsonLog::stderr().write("figures", fields);
            }
        }
    }
}
