//! First lines that count before they name: `n,d,k,feature names,label names`.

/// Cells of the first line before the names.
pub(super) const COUNTS: usize = 3;

/// The numbers of such a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Rows of the file.
    pub rows: usize,
    /// Labels: the last columns.
    pub labels: usize,
}

impl Counts {
    /// The counts of a first line, if it has them: three whole numbers, of which the second and the third
    /// add up to the number of names behind them.
    pub(super) fn of(header: &[String]) -> Option<Self> {
        let [rows, features, labels, names @ ..] = header else {
            return None;
        };
        let (features, labels): (usize, usize) = (features.parse().ok()?, labels.parse().ok()?);
        let counts = Counts {
            rows: rows.parse().ok()?,
            labels,
        };
        (features.checked_add(labels)? == names.len()).then_some(counts)
    }
}
