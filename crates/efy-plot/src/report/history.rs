//! The validation metrics over a run, as a table.

use maud::{Markup, html};

use crate::metrics_file::Event;
use crate::report::page::{metric_name, scroll, value};
use crate::report::record::Record;

/// A table of more rows than this is thinned out: it is there to be looked at.
const MOST_ROWS: usize = 500;

/// What was evaluated on the validation split.
pub(crate) struct History {
    pub evaluations: usize,
    /// A row for each of them, or for as many as anybody would look at.
    pub table: Markup,
}

/// The history of a run; `None` if nothing was evaluated.
pub(crate) fn history(record: &Record, label: &str) -> Option<History> {
    let events = evaluations(record);
    let every = events.len().div_ceil(MOST_ROWS).max(1);
    let best = record.run.best_step;
    let last = events.len().checked_sub(1)?;
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in events.iter().flat_map(|event| &event.metrics) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let shown = |(index, event): &(usize, &&Event)| {
        index.is_multiple_of(every) || *index == last || Some(event.step) == best
    };
    let table = html! {
        @if every > 1 {
            p.note { "One evaluation in " (every) " and the best one; " code { "metrics.jsonl" } " has all " (events.len()) "." }
        }
        (scroll(label, html! {
            table.numbers {
                thead { tr {
                    th scope="col" { "Step" }
                    th scope="col" { "Epoch" }
                    @for name in &names { th scope="col" { (metric_name(name)) } }
                } }
                tbody {
                    @for (_, event) in events.iter().enumerate().filter(shown) {
                        @let is_best = Some(event.step) == best;
                        tr.best[is_best] {
                            th scope="row" { (event.step) @if is_best { " " span.tag { "best" } } }
                            td { @if let Some(epoch) = event.epoch { (epoch) } }
                            @for name in &names {
                                td { @if let Some((_, found)) = event.metrics.iter().find(|(other, _)| other == name) { (value(*found)) } }
                            }
                        }
                    }
                }
            }
        }))
    };
    Some(History {
        evaluations: events.len(),
        table,
    })
}

/// The validation events. A run that was resumed repeats the steps after its checkpoint; the later event
/// holds, as in the curves.
fn evaluations(record: &Record) -> Vec<&Event> {
    let mut events: Vec<&Event> = Vec::new();
    let all = record.events.iter();
    for event in all.filter(|event| event.split == "validation") {
        let kept = events.partition_point(|earlier| earlier.step < event.step);
        events.truncate(kept);
        events.push(event);
    }
    events
}
