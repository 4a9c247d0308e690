//! Every number of a sweep, as CSV and as JSON.

use efy_train::Metrics;
use indexmap::IndexSet;
use serde_json::{Value, json};

use super::space::plain;
use super::{Results, RunSummary, Score, State, Trial};
use crate::{Error, Result};

impl Results<'_> {
    /// Every number, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let plan = self.plan;
        let (finished, failed) = self.counts();
        let setting = |(number, score): (usize, &Score)| {
            json!({
                "setting": number,
                "settings": plan.settings[number],
                "finished": score.finished,
                "failed": score.failed,
                "validation": score.validation,
                "test": score.test,
            })
        };
        let trial = |(trial, state): (&Trial, &State)| {
            let mut entry = json!({
                "trial": trial.index,
                "name": trial.name,
                "setting": trial.setting,
                "settings": plan.settings[trial.setting],
                "seed": trial.config.train.seed,
                "status": status(state),
            });
            match state {
                State::Finished(summary) => {
                    entry["epochs"] = json!(summary.epochs);
                    entry["steps"] = json!(summary.steps);
                    entry["validation"] = json!(summary.validation);
                    entry["test"] = json!(summary.test);
                }
                State::Failed(failure) => {
                    entry["exit_code"] = json!(failure.exit_code);
                    entry["message"] = json!(failure.message);
                }
                _ => {}
            }
            entry
        };
        json!({
            "sweep": plan.name,
            "method": plan.sweep.method,
            "monitor": plan.monitor,
            "trials_planned": plan.trials.len(),
            "finished": finished,
            "failed": failed,
            "best": self.best_json(),
            "settings": self.scores.iter().enumerate().map(setting).collect::<Vec<_>>(),
            "trials": plan.trials.iter().zip(&self.states).map(trial).collect::<Vec<_>>(),
        })
    }

    /// A line for each trial, as CSV.
    ///
    /// # Errors
    /// Never in practice: the table is written to memory.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let plan = self.plan;
        let keys: Vec<&str> = plan.sweep.parameters.keys().map(String::as_str).collect();
        let validation = self.metric_names(|summary| &summary.validation);
        let test = self.metric_names(|summary| &summary.test);
        let prefixed = |split: &str, names: &IndexSet<&str>| -> Vec<String> {
            names.iter().map(|name| format!("{split}.{name}")).collect()
        };
        let mut header: Vec<String> = vec!["trial".into(), "setting".into()];
        header.extend(keys.iter().map(|key| (*key).to_owned()));
        let seed = !keys.contains(&"train.seed");
        header.extend(seed.then(|| "train.seed".to_owned()));
        header.extend(["status", "epochs", "steps"].map(str::to_owned));
        header.extend(prefixed("validation", &validation));
        header.extend(prefixed("test", &test));
        header.push("message".to_owned());

        let mut table = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| Error::Usage(error.to_string());
        table.write_record(&header).map_err(failed)?;
        for (trial, state) in plan.trials.iter().zip(&self.states) {
            let setting = &plan.settings[trial.setting];
            let mut row = vec![trial.name.clone(), trial.setting.to_string()];
            row.extend(
                keys.iter()
                    .map(|key| setting.get(*key).map(plain).unwrap_or_default()),
            );
            row.extend(seed.then(|| trial.config.train.seed.to_string()));
            row.push(status(state).to_owned());
            let summary = match state {
                State::Finished(summary) => Some(summary),
                _ => None,
            };
            let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
            row.push(number(summary.map(|summary| summary.epochs)));
            row.push(number(summary.map(|summary| summary.steps)));
            let value = |metrics: Option<&Metrics>, name: &str| {
                let value = metrics.and_then(|metrics| metrics.get(name));
                value.map_or_else(String::new, |value| value.to_string())
            };
            let (of_validation, of_test) =
                (summary.map(|s| &s.validation), summary.map(|s| &s.test));
            row.extend(validation.iter().map(|name| value(of_validation, name)));
            row.extend(test.iter().map(|name| value(of_test, name)));
            row.push(match state {
                State::Failed(failure) => failure.message.clone(),
                _ => String::new(),
            });
            table.write_record(&row).map_err(failed)?;
        }
        let written = table.into_inner();
        written.map_err(|error| Error::Usage(error.to_string()))
    }

    /// The names of the metrics of a split, in the order in which they occur.
    fn metric_names(&self, of: fn(&RunSummary) -> &Metrics) -> IndexSet<&str> {
        let summaries = self.states.iter().filter_map(|state| match state {
            State::Finished(summary) => Some(summary),
            _ => None,
        });
        summaries
            .flat_map(|summary| of(summary).iter().map(|(name, _)| name))
            .collect()
    }
}

/// A state in a word. A trial that runs somewhere else has not finished yet.
fn status(state: &State) -> &'static str {
    match state {
        State::Finished(_) => "finished",
        State::Failed(_) => "failed",
        State::Waiting | State::Interrupted | State::Foreign => "unfinished",
    }
}
