//! Tables, pictures and goals of what was trained.

use serde_json::{Value, json};

use super::Cell;
use super::protocol::{Column, Goal, Measure, Protocol};
use crate::experiment::statistics::Summary;
use crate::experiment::{Banded, Findings, Picture, Plot, Scale, Spread, Table};

/// The findings of trials that took so many seconds.
pub(super) fn findings(
    protocol: &Protocol,
    (columns, cells): (&[&Column], &[Cell<'_>]),
    mut notes: Vec<String>,
    seconds: f64,
) -> Findings {
    for cell in cells {
        let diverged = cell.outcomes.iter().filter(|one| one.diverged.is_some());
        let count = diverged.count();
        if count > 0 {
            let name = &protocol.settings[cell.setting].name;
            let place = format!("{}, {name}, {}", cell.column.title, cell.value);
            notes.push(format!(
                "{place}: {count} of {} seeds diverged.",
                protocol.seeds
            ));
        }
    }
    Findings {
        title: protocol.title.clone(),
        about: protocol.about.clone(),
        notes,
        tables: columns
            .iter()
            .map(|column| table(protocol, column, cells))
            .collect(),
        pictures: columns
            .iter()
            .map(|column| picture(protocol, column, cells))
            .collect(),
        comparison: (protocol.goals.iter())
            .filter_map(|goal| judged(protocol, goal, cells))
            .collect(),
        deviations: protocol.deviations.clone(),
        numbers: numbers(protocol, cells),
        seconds,
    }
}

fn find<'a>(
    cells: &'a [Cell<'a>],
    column: &str,
    setting: usize,
    value: f64,
) -> Option<&'a Cell<'a>> {
    let same = |cell: &&Cell<'_>| {
        cell.column.name == column && cell.setting == setting && cell.value == value
    };
    cells.iter().find(same)
}

fn summary(measure: Measure, cell: &Cell<'_>) -> Option<Summary> {
    let values: Vec<f64> = (cell.outcomes.iter())
        .filter_map(|outcome| measure.of(outcome))
        .collect();
    Summary::of(&values)
}

fn table(protocol: &Protocol, column: &Column, cells: &[Cell<'_>]) -> Table {
    let values = &protocol.vary.values;
    let of = |setting, value| find(cells, &column.name, setting, value);
    let rows = protocol
        .settings
        .iter()
        .enumerate()
        .map(|(index, setting)| {
            let text = |&value: &f64| {
                let found = of(index, value).and_then(|cell| summary(protocol.measure, cell));
                found.map_or_else(|| "diverged".to_owned(), |found| format!("{found:.3}"))
            };
            std::iter::once(setting.name.clone())
                .chain(values.iter().map(text))
                .collect()
        });
    let of_expert = |&value: &f64| {
        let outcomes = of(0, value).map_or(&[][..], |cell| &cell.outcomes);
        let (experts, randoms): (Vec<f64>, Vec<f64>) =
            outcomes.iter().map(|one| (one.expert, one.random)).unzip();
        let mean = |of: &[f64]| Summary::of(of).map_or(f64::NAN, |found| found.mean);
        format!("{:.1} / {:.1}", mean(&experts), mean(&randoms))
    };
    let references = std::iter::once("return of the expert / of random actions".to_owned());
    let references = references.chain(values.iter().map(of_expert)).collect();
    let head = std::iter::once(protocol.vary.label.clone());
    Table {
        title: format!("{}: {}", column.title, protocol.measure.words()),
        caption: format!(
            "Mean ± standard deviation over {} seeds, each the mean of the test episodes.",
            protocol.seeds
        ),
        header: head.chain(values.iter().map(f64::to_string)).collect(),
        rows: rows.chain([references]).collect(),
    }
}

fn picture(protocol: &Protocol, column: &Column, cells: &[Cell<'_>]) -> Picture {
    let series = protocol
        .settings
        .iter()
        .enumerate()
        .map(|(index, setting)| {
            let point = |&value: &f64| {
                let cell = find(cells, &column.name, index, value)?;
                let found = summary(protocol.measure, cell)?;
                let ends = |deviation| (found.mean - deviation, found.mean + deviation);
                Some(Spread {
                    x: value,
                    middle: found.mean,
                    ends: found.deviation.map(ends),
                })
            };
            Banded {
                label: setting.name.clone(),
                style: index,
                reference: false,
                points: protocol.vary.values.iter().filter_map(point).collect(),
            }
        });
    let words = protocol.measure.words();
    Picture {
        name: column.name.clone(),
        title: format!("{}: {words}", column.title),
        caption: format!(
            "Means over {} seeds; bands are standard deviations.",
            protocol.seeds
        ),
        plot: Plot::Bands {
            x: (protocol.vary.label.clone(), Scale::Linear),
            y: (words.to_owned(), Scale::Linear),
            series: series.collect(),
        },
    }
}

/// What was hoped for, what was found, and whether that is it; `None` for what was not run.
fn judged(protocol: &Protocol, goal: &Goal, cells: &[Cell<'_>]) -> Option<String> {
    let number = |name: &String| {
        let setting = protocol.settings.iter().position(|one| one.name == *name)?;
        let cell = find(cells, &goal.environment, setting, goal.at)?;
        Some((cell, summary(protocol.measure, cell)?.mean))
    };
    let (cell, own) = number(&goal.setting)?;
    let (found, unit) = match &goal.times {
        Some(other) => (own / number(other)?.1, format!(" times that of {other}")),
        None => (own, String::new()),
    };
    let met = goal.at_least.is_none_or(|bound| found >= bound)
        && goal.at_most.is_none_or(|bound| found <= bound);
    let bounds: Vec<String> = [("at least", goal.at_least), ("at most", goal.at_most)]
        .into_iter()
        .filter_map(|(word, bound)| Some(format!("{word} {}", bound?)))
        .collect();
    Some(format!(
        "{}, {}, {} {}: {} {found:.3}{unit}; the goal is {}: {}.",
        cell.column.title,
        goal.setting,
        protocol.vary.label,
        goal.at,
        protocol.measure.words(),
        bounds.join(" and "),
        if met { "reached" } else { "**not** reached" },
    ))
}

fn numbers(protocol: &Protocol, cells: &[Cell<'_>]) -> Value {
    let cell = |cell: &Cell<'_>| {
        json!({
            "environment": cell.column.name,
            "setting": protocol.settings[cell.setting].name,
            "value": cell.value,
            "seeds": cell.outcomes,
        })
    };
    json!({
        "base": protocol.base,
        "varied": protocol.vary.key,
        "settings": (protocol.settings.iter())
            .map(|one| json!({"name": one.name, "set": one.set}))
            .collect::<Vec<_>>(),
        "cells": cells.iter().map(cell).collect::<Vec<_>>(),
    })
}
