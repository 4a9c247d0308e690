//! What happened in a run, in the order of its steps.

use crate::report::record::Record;
use crate::report::text::{count, moment, number};
use crate::run::Run;

/// Something worth telling.
pub(crate) struct Moment {
    pub step: u64,
    pub epoch: Option<u64>,
    pub what: String,
}

/// Beginning and end, the best step, where values stopped to be finite, and every text in the metrics
/// file.
pub(crate) fn timeline(record: &Record) -> Vec<Moment> {
    let mut moments = Vec::new();
    if let Some(started) = environment(record, "started") {
        moments.push(at(0, None, format!("Started, {}", moment(started))));
    }
    moments.extend(not_finite(record));
    for event in &record.events {
        for (name, text) in &event.notes {
            moments.push(at(event.step, event.epoch, format!("{name}: {text}")));
        }
    }
    moments.extend(best(record));
    moments.extend(end(record));
    if let Some(event) = record.events.iter().find(|event| event.split == "test") {
        let what = "Test split evaluated with the weights of this step".to_owned();
        moments.push(at(event.step, None, what));
    }
    moments.sort_by_key(|moment| moment.step);
    moments
}

/// A member of `env.json`.
pub(crate) fn environment<'a>(record: &'a Record, key: &str) -> Option<&'a str> {
    let found = record.environment.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}

/// For each metric of each split that was not finite somewhere: where first, and how often.
fn not_finite(record: &Record) -> Vec<Moment> {
    let mut found: Vec<(&str, &str, u64, Option<u64>, usize)> = Vec::new();
    for event in &record.events {
        for (name, _) in event.metrics.iter().filter(|(_, value)| value.is_none()) {
            let known = found
                .iter_mut()
                .find(|(split, metric, ..)| (*split, *metric) == (event.split.as_str(), name));
            match known {
                Some((.., times)) => *times += 1,
                None => found.push((&event.split, name, event.step, event.epoch, 1)),
            }
        }
    }
    let told = found
        .into_iter()
        .map(|(split, metric, step, epoch, times)| {
            let times = count(times, "time");
            let what = format!("{split} {metric} is not finite from here on ({times})");
            at(step, epoch, what.replace(" from here on (1 time)", ""))
        });
    told.collect()
}

fn best(record: &Record) -> Option<Moment> {
    let Run {
        best_step, series, ..
    } = &record.run;
    let step = (*best_step)?;
    let monitor = record.summary.as_ref()?.best.as_ref()?.monitor.as_deref()?;
    let points = series.get("validation", monitor)?;
    let index = points
        .binary_search_by_key(&step, |point| point.step)
        .ok()?;
    let value = number(points[index].value?);
    let event = record
        .events
        .iter()
        .find(|event| event.step == step && event.split == "validation");
    let what = format!("Best validation {monitor}, {value}: these weights were kept");
    Some(at(step, event.and_then(|event| event.epoch), what))
}

fn end(record: &Record) -> Option<Moment> {
    let trained = |split: &str| matches!(split, "train" | "validation");
    let last = record
        .events
        .iter()
        .rev()
        .find(|event| trained(&event.split))?;
    let what = match record.summary {
        Some(_) => "Training ended",
        None => "Last values that were written",
    };
    Some(at(last.step, last.epoch, what.to_owned()))
}

fn at(step: u64, epoch: Option<u64>, what: String) -> Moment {
    Moment { step, epoch, what }
}
