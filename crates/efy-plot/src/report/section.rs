//! All that is said of one run.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::figure::gallery;
use crate::report::history::history;
use crate::report::page::{Level, heading, metric_name, nothing, scroll, value};
use crate::report::record::{Metrics, Record};
use crate::report::text::{count, duration, moment};
use crate::report::timeline::{environment, timeline};

/// The body of a page about one run.
///
/// # Errors
/// As [`gallery`].
pub(crate) fn whole_page(record: &Record) -> Result<Markup> {
    Ok(html! {
        header {
            h1 { (record.run.name) }
            (state(record))
            (facts(record))
        }
        (sections(record, Level::Two)?)
    })
}

/// Metrics, curves, events, history, configuration and environment of a run, with headings of `level`.
///
/// # Errors
/// As [`gallery`].
pub(crate) fn sections(record: &Record, level: Level) -> Result<Markup> {
    let name = &record.run.name;
    let history = history(record, &format!("Validation history of {name}"));
    Ok(html! {
        div.results {
            section {
                (heading(level, "Test metrics"))
                (test_metrics(record))
            }
            section {
                (heading(level, "Training curves"))
                (gallery(std::slice::from_ref(&record.run))?)
            }
        }
        section {
            (heading(level, "Events"))
            (events(record))
        }
        section {
            (heading(level, "Validation history"))
            @match history {
                None => p.note { "No evaluation yet." },
                Some(history) => details {
                    summary { (count(history.evaluations, "evaluation")) }
                    (history.table)
                },
            }
        }
        div.settings {
            section {
                (heading(level, "Configuration"))
                @match &record.config {
                    None => p.note { "There is no " code { "config.yaml" } "." },
                    Some(config) => pre { code { (config.text.trim_end()) } },
                }
            }
            section {
                (heading(level, "Environment"))
                (environment_table(record))
            }
        }
    })
}

/// Whether the run has finished, and if not, what is known.
pub(crate) fn state(record: &Record) -> Markup {
    if record.summary.is_some() {
        return html! { p.state { span.badge.done { "finished" } } };
    }
    let last = record.events.iter().map(|event| event.step).max();
    let diverged = record
        .events
        .iter()
        .rev()
        .find(|event| event.split == "train");
    let diverged = diverged.is_some_and(|event| {
        event
            .metrics
            .iter()
            .any(|(name, value)| name == "loss" && value.is_none())
    });
    html! {
        p.state {
            span.badge.open { "not finished" }
            " There is no " code { "summary.json" } ": the run is still going, was interrupted, or failed. "
            @if diverged { "Its last training loss is not finite. " }
            @match last {
                Some(step) => { "What is shown ends at step " (step) "." },
                None => "It has not written any metrics yet.",
            }
        }
    }
}

/// The run in a few words.
pub(crate) fn facts(record: &Record) -> Markup {
    let summary = record.summary.as_ref();
    let configured = |key: &str| record.configured(key).map(str::to_owned);
    let whole = |value: Option<u64>| value.map(|value| value.to_string());
    let facts = [
        ("Task", configured("task")),
        (
            "Data",
            configured("data.path").or_else(|| configured("data.name")),
        ),
        ("Model", configured("model.kind")),
        ("Loss", configured("loss.kind")),
        ("Seed", configured("train.seed")),
        ("Steps", whole(summary.and_then(|summary| summary.steps))),
        ("Epochs", whole(summary.and_then(|summary| summary.epochs))),
        ("Best step", whole(record.run.best_step)),
        (
            "Time",
            summary.and_then(|summary| summary.seconds).map(duration),
        ),
        ("Device", environment(record, "device").map(str::to_owned)),
        ("Started", environment(record, "started").map(moment)),
        ("Directory", Some(record.directory.clone())),
    ];
    html! {
        dl.facts {
            @for (name, fact) in facts {
                @if let Some(fact) = fact { div { dt { (name) } dd { (fact) } } }
            }
        }
    }
}

fn test_metrics(record: &Record) -> Markup {
    let (test, validation) = (record.test(), record.validation());
    if test.is_empty() {
        return html! { p.note { "None yet: the test split is evaluated when training has ended." } };
    }
    let find = |metrics: &Metrics, name: &str| {
        let found = metrics.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| *value)
    };
    scroll(
        &format!("Test metrics of {}", record.run.name),
        html! {
            table.numbers {
                thead { tr {
                    th scope="col" { "Metric" }
                    th scope="col" { "Test" }
                    @if !validation.is_empty() { th scope="col" { "Validation" } }
                } }
                tbody {
                    @for (name, found) in &test {
                        tr {
                            th scope="row" { (metric_name(name)) }
                            td.main { (value(*found)) }
                            @if !validation.is_empty() {
                                td { @match find(&validation, name) { Some(found) => (value(found)), None => (nothing()) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn events(record: &Record) -> Markup {
    let moments = timeline(record);
    if moments.is_empty() {
        return html! { p.note { "None yet." } };
    }
    scroll(
        &format!("Events of {}", record.run.name),
        html! {
            table.events {
                thead { tr { th scope="col" { "Step" } th scope="col" { "Epoch" } th scope="col" { "Event" } } }
                tbody {
                    @for moment in moments {
                        tr {
                            th scope="row" { (moment.step) }
                            td { @if let Some(epoch) = moment.epoch { (epoch) } }
                            td.text { (moment.what) }
                        }
                    }
                }
            }
        },
    )
}

fn environment_table(record: &Record) -> Markup {
    if record.environment.is_empty() {
        return html! { p.note { "There is no " code { "env.json" } "." } };
    }
    scroll(
        &format!("Environment of {}", record.run.name),
        html! {
            table.environment {
                tbody {
                    @for (key, value) in &record.environment {
                        tr { th scope="row" { (key) } td.text { code { (value) } } }
                    }
                }
            }
        },
    )
}
