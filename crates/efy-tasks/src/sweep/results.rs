//! What came of a sweep: every trial, every setting over its seeds, and which setting is best.

use std::cmp::Ordering;

use efy_train::{Direction, Metrics};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{Plan, RunSummary, State, SweepDirectory, Trial};
use crate::experiment::statistics::Summary;

/// What came of a sweep so far.
#[derive(Debug)]
pub struct Results<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// What has become of each trial.
    pub states: Vec<State>,
    /// Each setting over its seeds.
    pub scores: Vec<Score>,
    /// Settings with a value of the monitored metric, the best first.
    pub ranking: Vec<usize>,
}

/// A setting over its seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Trials that have finished.
    pub finished: usize,
    /// Trials that have failed.
    pub failed: usize,
    /// The validation metrics over the trials that have finished.
    pub validation: IndexMap<String, Summary>,
    /// The test metrics. Nothing is decided by them.
    pub test: IndexMap<String, Summary>,
}

impl<'a> Results<'a> {
    /// Looks at what there is.
    #[must_use]
    pub fn collect(plan: &'a Plan, directory: &SweepDirectory) -> Self {
        let states = plan.trials.iter();
        let states = states.map(|trial| directory.state(trial)).collect();
        Self::from_states(plan, states)
    }

    /// The results of trials in these states, in the order of the plan.
    pub(super) fn from_states(plan: &'a Plan, states: Vec<State>) -> Self {
        let score = |chunk: &[State]| Score::of(chunk);
        let scores: Vec<Score> = states.chunks(plan.sweep.seeds).map(score).collect();
        let direction = Direction::of(&plan.monitor);
        let monitored = |setting: usize| scores[setting].validation.get(&plan.monitor).copied();
        let mut ranking: Vec<usize> = (0..scores.len())
            .filter(|&setting| monitored(setting).is_some())
            .collect();
        // Stable: of equals, the first.
        ranking.sort_by(|&a, &b| match (monitored(a), monitored(b)) {
            (Some(a), Some(b)) => better_first(direction, a, b),
            _ => Ordering::Equal,
        });
        Results {
            plan,
            states,
            scores,
            ranking,
        }
    }

    /// How many trials have finished, and how many have failed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let sum = |count: fn(&Score) -> usize| self.scores.iter().map(count).sum();
        (sum(|score| score.finished), sum(|score| score.failed))
    }

    /// The monitored metric of a setting.
    #[must_use]
    pub fn monitored(&self, setting: usize) -> Option<Summary> {
        self.scores[setting]
            .validation
            .get(&self.plan.monitor)
            .copied()
    }

    /// The first trial of the best setting.
    #[must_use]
    pub fn best(&self) -> Option<&'a Trial> {
        let setting = *self.ranking.first()?;
        self.plan.trials.get(setting * self.plan.sweep.seeds)
    }

    /// The best setting: its first trial, what it sets, means of its metrics, and deviations if there are any.
    #[must_use]
    pub fn best_json(&self) -> Option<Value> {
        let trial = self.best()?;
        let score = &self.scores[trial.setting];
        let mut best = json!({
            "trial": trial.index,
            "name": trial.name,
            "settings": self.plan.settings[trial.setting],
            "validation": means(&score.validation),
            "test": means(&score.test),
        });
        if self.plan.sweep.seeds > 1 {
            best["seeds"] = json!(score.finished);
            best["deviation"] = json!({
                "validation": deviations(&score.validation),
                "test": deviations(&score.test),
            });
        }
        Some(best)
    }
}

impl Score {
    /// The trials of one setting.
    fn of(states: &[State]) -> Self {
        let finished = states.iter().filter_map(|state| match state {
            State::Finished(summary) => Some(summary),
            _ => None,
        });
        let finished: Vec<&RunSummary> = finished.collect();
        let is_failure = |state: &&State| matches!(state, State::Failed(_));
        Score {
            finished: finished.len(),
            failed: states.iter().filter(is_failure).count(),
            validation: summarize(finished.iter().map(|summary| &summary.validation)),
            test: summarize(finished.iter().map(|summary| &summary.test)),
        }
    }
}

/// More seeds before fewer: a mean without the seeds that failed is not the mean of the setting. Then the
/// better mean.
fn better_first(direction: Direction, a: Summary, b: Summary) -> Ordering {
    let by_mean = match direction {
        Direction::Minimize => a.mean.total_cmp(&b.mean),
        Direction::Maximize => b.mean.total_cmp(&a.mean),
    };
    b.count.cmp(&a.count).then(by_mean)
}

/// Each metric over runs; values that are not finite do not count.
fn summarize<'m>(metrics: impl Iterator<Item = &'m Metrics>) -> IndexMap<String, Summary> {
    let mut values: IndexMap<String, Vec<f64>> = IndexMap::new();
    for (name, value) in metrics.flat_map(|metrics| metrics.iter()) {
        let of_name = values.entry(name.to_owned()).or_default();
        of_name.extend(value.is_finite().then_some(value));
    }
    let summary = |(name, values): (String, Vec<f64>)| Some((name, Summary::of(&values)?));
    values.into_iter().filter_map(summary).collect()
}

fn means(metrics: &IndexMap<String, Summary>) -> Map<String, Value> {
    let mean = |(name, summary): (&String, &Summary)| (name.clone(), json!(summary.mean));
    metrics.iter().map(mean).collect()
}

fn deviations(metrics: &IndexMap<String, Summary>) -> Map<String, Value> {
    let deviation = |(name, summary): (&String, &Summary)| (name.clone(), json!(summary.deviation));
    metrics.iter().map(deviation).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sweep::Failure;

    /// A plan of three rates with two seeds each.
    pub(in crate::sweep) fn plan(monitor: &str) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.yaml"), "task: multilabel\n").unwrap();
        let path = folder.path().join("rates.yaml");
        let text = format!(
            "base: base.yaml\nseeds: 2\nmonitor: {monitor}\nparameters: {{train.lr: [0.1, 0.2, 0.3]}}\n"
        );
        std::fs::write(&path, text).unwrap();
        Plan::load(&path).unwrap()
    }

    pub(in crate::sweep) fn finished(loss: f64, accuracy: f64, test: f64) -> State {
        let metrics = |loss, accuracy| -> Metrics {
            [("loss", loss), ("hamming_accuracy", accuracy)]
                .into_iter()
                .collect()
        };
        State::Finished(RunSummary {
            epochs: 2,
            steps: 10,
            validation: metrics(loss, accuracy),
            test: metrics(test, test),
        })
    }

    pub(in crate::sweep) fn failed() -> State {
        State::Failed(Failure {
            exit_code: Some(3),
            message: "diverged: a, b".to_owned(),
        })
    }

    #[test]
    fn the_best_setting_has_the_best_mean_and_test_metrics_do_not_matter() {
        let states = vec![
            finished(0.5, 0.7, 9.0),
            finished(0.5, 0.7, 9.0),
            // The best single trial, but not the best setting.
            finished(0.1, 0.9, 0.0),
            finished(0.8, 0.4, 0.0),
            finished(0.4, 0.6, 9.0),
            finished(0.5, 0.6, 9.0),
        ];
        let plan_by_loss = plan("loss");
        let by_loss = Results::from_states(&plan_by_loss, states.clone());
        // 0.45, 0.45, 0.5: of equals the first.
        assert_eq!(by_loss.ranking, [1, 2, 0]);
        let plan = plan("hamming_accuracy");
        let by_accuracy = Results::from_states(&plan, states);
        assert_eq!(by_accuracy.ranking, [0, 1, 2]);
        let best = by_accuracy.best_json().unwrap();
        assert_eq!(best["trial"], 0);
        assert_eq!(best["settings"], json!({"train.lr": 0.1}));
        assert_eq!(best["test"]["loss"], 9.0);
        assert_eq!(best["deviation"]["validation"]["loss"], 0.0);
    }

    #[test]
    fn a_setting_with_a_failure_is_behind_those_without() {
        let plan = plan("loss");
        let states = vec![
            finished(0.1, 0.9, 0.0),
            failed(),
            finished(0.5, 0.5, 0.0),
            finished(0.5, 0.5, 0.0),
            State::Waiting,
            State::Interrupted,
        ];
        let results = Results::from_states(&plan, states);
        assert_eq!(results.ranking, [1, 0]);
        assert_eq!(results.best().unwrap().index, 2);
        assert_eq!(results.counts(), (3, 1));
        let csv = String::from_utf8(results.csv().unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        let expected = [
            "trial,setting,train.lr,train.seed,status,epochs,steps,validation.loss,\
             validation.hamming_accuracy,test.loss,test.hamming_accuracy,message",
            "000,0,0.1,0,finished,2,10,0.1,0.9,0,0,",
            "000-1,0,0.1,1,failed,,,,,,,\"diverged: a, b\"",
        ];
        assert_eq!(lines[..3], expected);
        assert_eq!(lines[6], "002-1,2,0.3,1,unfinished,,,,,,,");
    }

    #[test]
    fn a_value_that_is_not_finite_is_no_value() {
        let plan = plan("loss");
        let mut states = vec![State::Waiting; 6];
        states[0] = finished(f64::NAN, 0.9, 0.0);
        let results = Results::from_states(&plan, states);
        assert!(results.ranking.is_empty() && results.best().is_none());
        assert_eq!(results.counts(), (1, 0));
        assert_eq!(results.json()["best"], Value::Null);
    }
}
