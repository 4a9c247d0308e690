//! What `efy train` says on stderr, for people or for machines.

use std::path::Path;

use efy_tasks::config::Config;
use efy_tasks::data::Dataset;
use efy_tasks::density::Examples;
use efy_tasks::imitation::Imitation;
use efy_tasks::supervised::{Placement, Prepared};
use efy_train::observer::{JsonLog, Observer, OnlyWarnings, Progress};
use efy_train::{Metrics, Objective, Split};
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

    /// Says nothing but warnings unless it is the one that speaks for all processes.
    pub(super) fn only(self, speaks: bool) -> Self {
        Log {
            quiet: self.quiet || !speaks,
            ..self
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
    pub(super) fn begin(
        self,
        config: &Config,
        data: &Dataset,
        device: Device,
        (prepared, run): (&Prepared<'_>, &Path),
    ) {
        let (name, rows, features, labels) =
            (&config.name, data.rows(), data.features(), data.labels());
        match self.format {
            _ if self.quiet => {}
            LogFormat::Text => {
                eprintln!(
                    "{name} on {}: {rows} rows, {features} features, {labels} labels; {device:?}; {}",
                    data.name(),
                    run.display()
                );
                if let Some(line) = placed(prepared.placement(), prepared.is_pinned(), device) {
                    eprintln!("{line}");
                }
            }
            LogFormat::Json => {
                let data = json!({"name": data.name(), "rows": rows, "features": features, "labels": labels});
                let device = format!("{device:?}");
                let Placement { host, bytes, free } = prepared.placement();
                let resident = json!({
                    "on": if host { "host" } else { "device" }, "bytes": bytes, "free": free,
                    "pinned": prepared.is_pinned(),
                });
                let fields = json!({
                    "name": name, "data": data, "device": device, "resident": resident,
                    "run": run.to_string_lossy(),
                });
                JsonLog::stderr().write("run", fields);
            }
        }
    }

    /// The same of a density.
    pub(super) fn begin_points(
        self,
        config: &Config,
        examples: &Examples,
        device: Device,
        run: &Path,
    ) {
        let d = examples.names().len();
        let [train, validation, test] = Split::ALL.map(|split| examples.split(split).size()[0]);
        match self.format {
            _ if self.quiet => {}
            LogFormat::Text => eprintln!(
                "{} on {}: {train} points of {d} numbers to learn from, {validation} to choose on, {test} to test on; {device:?}; {}",
                config.name,
                examples.name(),
                run.display()
            ),
            LogFormat::Json => {
                let data = json!({
                    "name": examples.name(), "dimension": d, "train": train, "validation": validation, "test": test,
                });
                let fields = json!({
                    "name": config.name, "data": data, "device": format!("{device:?}"), "run": run.to_string_lossy(),
                });
                JsonLog::stderr().write("run", fields);
            }
        }
    }

    /// The same of a policy.
    pub(super) fn begin_policy(
        self,
        config: &Config,
        objective: &Imitation,
        device: Device,
        run: &Path,
    ) {
        let (spec, references) = (objective.arena().spec(), objective.arena().references());
        let train = objective.examples();
        let validation = objective
            .learner()
            .splits()
            .get(Split::Validation)
            .rows
            .len();
        let (environment, d, k) = (&spec.name, spec.observation, spec.action());
        match self.format {
            _ if self.quiet => {}
            LogFormat::Text => eprintln!(
                "{} in {environment}: {train} pairs of {d} and {k} numbers to learn from, {validation} to choose on; return of \
                 the expert {:.2}, of random actions {:.2}; {device:?}; {}",
                config.name,
                references.expert,
                references.random,
                run.display()
            ),
            LogFormat::Json => {
                let data = json!({
                    "environment": environment, "observation": d, "action": k, "train": train,
                    "validation": validation, "expert_return": references.expert, "random_return": references.random,
                });
                let fields = json!({
                    "name": config.name, "data": data, "device": format!("{device:?}"), "run": run.to_string_lossy(),
                });
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

/// Where the examples live. On the CPU there is nothing to say of it.
fn placed(placement: Placement, pinned: bool, device: Device) -> Option<String> {
    let Device::Cuda(index) = device else {
        return None;
    };
    let gigabytes = |bytes: u64| format!("{:.3} GB", bytes as f64 / 1e9);
    let size = gigabytes(placement.bytes);
    let free = placement.free.map_or_else(String::new, |free| {
        format!(", of which {} are free", gigabytes(free))
    });
    Some(match (placement.host, pinned) {
        (false, _) => format!("examples on cuda:{index}: {size}{free}"),
        (true, true) => format!(
            "examples in host memory: {size}; batches are copied ahead to cuda:{index}{free}"
        ),
        (true, false) => format!(
            "examples in host memory: {size}; no memory can be pinned here, so every copy to cuda:{index} waits"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_where_the_examples_live_and_how_they_travel() {
        let line = |host, pinned, device| {
            let placement = Placement {
                host,
                bytes: 12_345_678_901,
                free: Some(8_000_000_000),
            };
            placed(placement, pinned, device)
        };
        let cuda = Device::Cuda(1);
        assert_eq!(line(true, false, Device::Cpu), None);
        assert_eq!(
            line(false, false, cuda).unwrap(),
            "examples on cuda:1: 12.346 GB, of which 8.000 GB are free"
        );
        let ahead = line(true, true, cuda).unwrap();
        assert!(ahead.contains("copied ahead to cuda:1"), "{ahead}");
        let waits = line(true, false, cuda).unwrap();
        assert!(waits.contains("every copy to cuda:1 waits"), "{waits}");
    }
}
