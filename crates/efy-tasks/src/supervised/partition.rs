//! Which rows of a data set are for training, for validation and for testing.

use efy_core::random::{Stream, generator};
use rand::seq::SliceRandom;

use crate::config::DataConfig;
use crate::data::{Dataset, Targets};
use crate::{Error, Result};

/// Rows of each split, in increasing order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// What is learned from.
    pub train: Vec<usize>,
    /// What weights and epochs are chosen on.
    pub validation: Vec<usize>,
    /// What is looked at once.
    pub test: Vec<usize>,
}

impl Partition {
    /// The same, but validation rows are training rows, too.
    pub(super) fn with_validation_rows(mut self) -> Self {
        self.train.extend_from_slice(&self.validation);
        self.train.sort_unstable();
        self
    }
}

/// The rows of each split, a function of the data's size and of `seed`.
///
/// The test rows are the authors'. Where they made no split, they are `data.test` of all rows, drawn, or with
/// `data.folds` = f one of f parts of the rows in random order, whose sizes differ by at most one: the seed is
/// the repetition of a cross-validation and `data.fold` its part. `data.validation` of the other rows, drawn,
/// are for validation. A fraction of n rows is rounded to the nearest number, for rankings up, as in the
/// protocol that their published results follow.
///
/// # Errors
/// [`Error::Dataset`] when a split would be empty, or when there are more folds than rows.
pub fn partition(data: &Dataset, config: &DataConfig, seed: u64) -> Result<Partition> {
    let n = data.rows();
    let refuse = |message: String| Error::Dataset {
        name: data.name().to_owned(),
        message,
    };
    let mut random = generator(seed, Stream::Split, 0);
    let mut draw = |mut rows: Vec<usize>, fraction: f64| {
        rows.shuffle(&mut random);
        let taken = share(rows.len(), fraction, data.targets());
        let rest = rows.split_off(taken.min(rows.len()));
        (rest, rows)
    };
    let (first, mut test) = match config.folds {
        _ if data.train_rows() < n => (
            (0..data.train_rows()).collect(),
            (data.train_rows()..n).collect(),
        ),
        None => draw((0..n).collect(), config.test),
        Some(folds) => {
            let folds = folds as usize;
            if folds > n {
                return Err(refuse(format!("{n} rows are too few for {folds} folds")));
            }
            let (mut rows, _) = draw((0..n).collect(), 0.0);
            let bound = |fold: usize| fold * n / folds;
            let fold = config.fold as usize;
            let test: Vec<usize> = rows.drain(bound(fold)..bound(fold + 1)).collect();
            (rows, test)
        }
    };
    let (mut train, mut validation) = draw(first, config.validation);
    if train.is_empty() || validation.is_empty() {
        return Err(refuse(format!("{n} rows are too few to split")));
    }
    for rows in [&mut train, &mut validation, &mut test] {
        rows.sort_unstable();
    }
    Ok(Partition {
        train,
        validation,
        test,
    })
}

/// How many of n rows a fraction is.
fn share(n: usize, fraction: f64, targets: Targets) -> usize {
    if fraction == 0.0 {
        return 0;
    }
    let share = n as f64 * fraction;
    let whole = match targets {
        Targets::Sets => share.round(),
        // 0.2 is a little more than a fifth: 0.2 * 150 must not become 31.
        Targets::Rankings => (share - 1e-9 * share).ceil(),
    };
    (whole as usize).max(1)
}
