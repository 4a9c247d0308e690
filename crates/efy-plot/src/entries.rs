//! The legends of curves over training.

use std::collections::BTreeSet;

use crate::figure::Curve;
use crate::group::Group;
use crate::palette::Stroke;
use crate::symbol::{LegendEntry, Symbol};

/// An entry that shows a piece of a line.
pub(crate) fn line(label: &str, stroke: Stroke) -> LegendEntry {
    LegendEntry::new(label, Symbol::Line(stroke))
}

/// An entry for each group that one of `curves` is from; with the number of its runs, if that is not
/// the same for all, as [`explained`] says it then.
pub(crate) fn group_entries(groups: &[Group<'_>], curves: &[Curve]) -> Vec<LegendEntry> {
    let shown: BTreeSet<&str> = curves.iter().map(|curve| curve.run.as_str()).collect();
    let entries = groups.iter().enumerate();
    let entries = entries.filter(|(_, group)| shown.contains(group.name.as_str()));
    let several = counts(curves).len() > 1;
    let label = |group: &Group<'_>| match group.runs.len() {
        count @ 2.. if several => format!("{} (n = {count})", group.name),
        _ => group.name.clone(),
    };
    entries
        .map(|(index, group)| line(&label(group), Stroke::nth(index)))
        .collect()
}

/// The numbers of runs that curves with bands are means of.
fn counts(curves: &[Curve]) -> BTreeSet<usize> {
    let banded = curves.iter().filter(|curve| !curve.band().is_empty());
    banded.map(|curve| curve.runs).collect()
}

/// The entries that explain rings and bands, if there are any: the ring with the step, if it is the
/// same for all, and the band with the number of runs.
pub(crate) fn explained(curves: &[Curve], step: Option<u64>) -> Vec<LegendEntry> {
    let mut entries = Vec::new();
    if curves.iter().any(|curve| curve.best().is_some()) {
        let label = match step {
            Some(step) => format!("best (step {step})"),
            None => "best step".to_owned(),
        };
        entries.push(LegendEntry::new(label, Symbol::Ring));
    }
    let label = match counts(curves).into_iter().collect::<Vec<_>>().as_slice() {
        [] => return entries,
        [count] => format!("mean \u{b1} s.d., {count} seeds"),
        _ => "mean \u{b1} s.d. over seeds".to_owned(),
    };
    entries.push(LegendEntry::new(label, Symbol::Band(Stroke::nth(0).grey())));
    entries
}
