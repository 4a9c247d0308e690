//! Several runs side by side, then each of them.

use maud::{Markup, html};

use crate::error::Result;
use crate::metric::lower_is_better;
use crate::report::config::{Difference, differences};
use crate::report::figure::{gallery, swatch};
use crate::report::page::{Level, heading, metric_name, nothing, scroll, value};
use crate::report::record::{Metrics, Record};
use crate::report::section::{facts, sections, state};
use crate::report::text::{count, number};
use crate::run::Run;

/// The keys that decide which examples the test split has.
const DATA: [&str; 9] = [
    "task",
    "data.name",
    "data.path",
    "data.test_path",
    "data.labels_path",
    "data.label_columns",
    "data.label_prefix",
    "data.test",
    "data.drop_empty",
];

/// The body of a page about several runs.
///
/// # Errors
/// As [`gallery`].
pub(crate) fn whole_page(records: &[Record]) -> Result<Markup> {
    let differences = differences(records);
    let runs: Vec<Run> = records.iter().map(|record| record.run.clone()).collect();
    let unfinished = records
        .iter()
        .filter(|record| record.summary.is_none())
        .count();
    Ok(html! {
        header {
            h1 { "Comparison of " (records.len()) " runs" }
            @if unfinished > 0 {
                p.state { span.badge.open { (unfinished) " not finished" } }
            }
            nav aria-label="Runs" {
                ul.runs {
                    @for (index, record) in records.iter().enumerate() {
                        li { a href=(format!("#run-{}", index + 1)) { (swatch(index)) (record.run.name) } }
                    }
                }
            }
        }
        section {
            (heading(Level::Two, "Test metrics"))
            (test_metrics(records, &differences))
        }
        section {
            (heading(Level::Two, "Configuration differences"))
            (differences_table(records, &differences))
        }
        section {
            (heading(Level::Two, "Training curves"))
            (gallery(&runs)?)
        }
        @for (index, record) in records.iter().enumerate() {
            article id=(format!("run-{}", index + 1)) {
                h2 { (swatch(index)) (record.run.name) }
                (state(record))
                (facts(record))
                (sections(record, Level::Three)?)
            }
        }
    })
}

/// What can be said of a metric over all runs.
struct Column {
    name: String,
    /// A value for each run; the outer `None` if the run has none.
    values: Vec<Option<Option<f64>>>,
    /// The best of them, if they can be compared and differ.
    best: Option<f64>,
}

fn columns(records: &[Record], differences: &[Difference<'_>]) -> Vec<Column> {
    let tables: Vec<Metrics> = records.iter().map(Record::test).collect();
    let mut columns: Vec<Column> = Vec::new();
    for (name, _) in tables.iter().flatten() {
        if columns.iter().any(|column| column.name == *name) {
            continue;
        }
        let find = |metrics: &Metrics| {
            let found = metrics.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| *value)
        };
        let values: Vec<_> = tables.iter().map(find).collect();
        let best = best(&values, lower_is_better(name)).filter(|_| comparable(name, differences));
        columns.push(Column {
            name: name.clone(),
            values,
            best,
        });
    }
    columns
}

/// The best finite value; `None` if there are not two different ones.
fn best(values: &[Option<Option<f64>>], lower_is_better: bool) -> Option<f64> {
    let finite = || values.iter().filter_map(|value| value.flatten());
    let (least, most) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
    (least < most).then_some(if lower_is_better { least } else { most })
}

/// Whether values of a metric mean the same in all runs: on the same examples, and a loss that is the same
/// function.
fn comparable(metric: &str, differences: &[Difference<'_>]) -> bool {
    let mut keys = differences.iter().map(|difference| difference.key);
    keys.all(|key| !DATA.contains(&key) && (metric != "loss" || !key.starts_with("loss.")))
}

fn test_metrics(records: &[Record], differences: &[Difference<'_>]) -> Markup {
    let columns = columns(records, differences);
    if columns.is_empty() {
        return html! { p.note { "None yet: no run was evaluated on its test split." } };
    }
    // Runs that differ in nothing but the seed are samples of one thing.
    let seeds = matches!(differences, [only] if only.key == "train.seed");
    let table = html! {
        table.numbers {
            thead { tr {
                th scope="col" { "Run" }
                @for column in &columns { th scope="col" { (metric_name(&column.name)) } }
            } }
            tbody {
                @for (index, record) in records.iter().enumerate() {
                    tr {
                        th scope="row" { (swatch(index)) (record.run.name) }
                        @for column in &columns { (cell(column, index)) }
                    }
                }
            }
            @if seeds {
                tfoot { tr {
                    th scope="row" { "Mean ± deviation" }
                    @for column in &columns { td { (spread(&column.values)) } }
                } }
            }
        }
    };
    html! {
        (scroll("Test metrics by run", table))
        @for note in notes(&columns, differences, seeds) { p.note { (note) } }
    }
}

fn cell(column: &Column, index: usize) -> Markup {
    let Some(found) = column.values.get(index).copied().flatten() else {
        return html! { td { (nothing()) } };
    };
    let is_best = found.is_some() && found == column.best;
    html! {
        td.best[is_best] {
            @if is_best { span.star aria-hidden="true" { "★" } span.hidden { "best: " } }
            (value(found))
        }
    }
}

/// What a reader has to know of the table.
fn notes(columns: &[Column], differences: &[Difference<'_>], seeds: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !comparable("", differences) {
        notes.push("The runs are not on the same data: no best value is marked.".to_owned());
    } else {
        if columns.iter().any(|column| column.best.is_some()) {
            notes.push("★ is the best value on the test split.".to_owned());
        }
        if !comparable("loss", differences) {
            let note =
                "The runs do not have the same loss function: their losses cannot be compared.";
            notes.push(note.to_owned());
        }
    }
    if seeds {
        let note =
            "The runs differ in their seed only; the last row has mean and standard deviation.";
        notes.push(note.to_owned());
    }
    notes
}

/// Mean and sample standard deviation, if all values are finite.
fn spread(values: &[Option<Option<f64>>]) -> Markup {
    let finite: Option<Vec<f64>> = values.iter().map(|value| value.flatten()).collect();
    let Some(finite) = finite.filter(|finite| finite.len() > 1) else {
        return nothing();
    };
    let count = finite.len() as f64;
    let mean = finite.iter().sum::<f64>() / count;
    let squares: f64 = finite.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    html! { (number(mean)) " " span.deviation { "± " (number(deviation)) } }
}

fn differences_table(records: &[Record], differences: &[Difference<'_>]) -> Markup {
    let without = records
        .iter()
        .filter(|record| record.config.is_none())
        .count();
    let table = html! {
        table.differences {
            thead { tr {
                th scope="col" { "Key" }
                @for (index, record) in records.iter().enumerate() {
                    th scope="col" { (swatch(index)) (record.run.name) }
                }
            } }
            tbody {
                @for difference in differences {
                    tr {
                        th scope="row" { code { (difference.key) } }
                        @for value in &difference.values {
                            td { @match value { Some(value) => code { (value) }, None => (nothing()) } }
                        }
                    }
                }
            }
        }
    };
    html! {
        @if without > 0 {
            p.note { (count(without, "run")) " without " code { "config.yaml" } "." }
        }
        @if differences.is_empty() {
            p.note { "The configurations are the same but for the names." }
        } @else {
            (scroll("Keys that differ", table))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(key: &str) -> Difference<'_> {
        Difference {
            key,
            values: Vec::new(),
        }
    }

    #[test]
    fn best_is_least_for_costs_and_needs_two_different_values() {
        let values = [Some(Some(1.0)), Some(None), None, Some(Some(2.0))];
        assert_eq!(best(&values, true), Some(1.0));
        assert_eq!(best(&values, false), Some(2.0));
        assert_eq!(best(&values[..3], false), None);
        assert_eq!(best(&[Some(Some(1.0)); 3], false), None);
    }

    #[test]
    fn what_means_different_things_is_not_compared() {
        assert!(comparable(
            "loss",
            &[difference("train.lr"), difference("model.hidden")]
        ));
        assert!(!comparable("loss", &[difference("loss.gamma")]));
        assert!(comparable("micro_f1", &[difference("loss.gamma")]));
        assert!(!comparable("micro_f1", &[difference("data.name")]));
        assert!(comparable("micro_f1", &[difference("data.standardize")]));
    }

    #[test]
    fn deviations_are_those_of_a_sample() {
        let of = |values: &[Option<Option<f64>>]| spread(values).into_string();
        let found = of(&[Some(Some(1.0)), Some(Some(3.0))]);
        assert!(
            found.starts_with("2.0000 ") && found.contains("± 1.4142"),
            "{found}"
        );
        assert!(of(&[Some(Some(1.0)), Some(None)]).contains("none"));
    }
}
