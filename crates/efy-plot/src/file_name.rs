//! Names of figures that are safe as names of files.

use std::collections::BTreeSet;

use crate::figure::Figure;

/// The longest stem, well below the limit of any file system.
const LONGEST: usize = 80;

/// Turns the names of the figures into file stems: metrics may be called anything, and two that
/// differ only in punctuation or case must not overwrite each other.
pub(crate) fn name_files(figures: &mut [Figure]) {
    let mut taken = BTreeSet::new();
    for figure in figures {
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || "-_".contains(c) {
                c
            } else {
                '_'
            }
        };
        let stem: String = figure.name.chars().take(LONGEST).map(safe).collect();
        let stem = if stem.is_empty() {
            "_".to_owned()
        } else {
            stem
        };
        let mut name = stem.clone();
        let mut count = 1;
        while !taken.insert(name.to_ascii_lowercase()) {
            count += 1;
            name = format!("{stem}_{count}");
        }
        figure.name = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Axis, ScaleKind};
    use crate::width::Width;

    #[test]
    fn metrics_cannot_name_files_elsewhere_or_twice() {
        let figure = |name: &str| Figure {
            name: name.to_owned(),
            title: String::new(),
            width: Width::Single,
            x_label: String::new(),
            y: Axis {
                label: String::new(),
                scale: ScaleKind::Linear,
                bounds: None,
            },
            curves: Vec::new(),
            legend: Vec::new(),
        };
        let mut figures = ["loss", "../../loss", "Loss", "top 1", "top/1", ""].map(figure);
        name_files(&mut figures);
        let names = figures.map(|figure| figure.name);
        assert_eq!(
            names,
            ["loss", "______loss", "Loss_2", "top_1", "top_1_2", "_"]
        );
    }
}
