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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Feature, Schema};

    fn rows(n: usize, train: usize, targets: Targets) -> Dataset {
        let schema = Schema {
            features: vec![Feature::Numeric { name: "x".into() }],
            labels: vec!["a".into(), "b".into()],
        };
        let (x, y) = (vec![0.5; n], [1, 2].repeat(n));
        match targets {
            Targets::Sets => Dataset::new("t", schema, x, y.iter().map(|y| y - 1).collect(), train),
            Targets::Rankings => Dataset::rankings("t", schema, x, y, train),
        }
        .unwrap()
    }

    fn config(folds: Option<u32>, fold: u32) -> DataConfig {
        DataConfig {
            validation: 0.2,
            folds,
            fold,
            ..DataConfig::default()
        }
    }

    #[test]
    fn a_fifth_of_the_published_sets_has_the_sizes_of_the_published_protocol() {
        for (n, test) in [
            (841, 169),
            (214, 43),
            (150, 30),
            (846, 170),
            (528, 106),
            (178, 36),
        ] {
            let rankings = rows(n, n, Targets::Rankings);
            let found = partition(&rankings, &config(None, 0), 0).unwrap();
            assert_eq!(found.test.len(), test, "{n}");
            let rest = n - test;
            assert_eq!(found.validation.len(), rest.div_ceil(5), "{n}");
            let mut all = [found.train, found.validation, found.test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
        }
        let sets = partition(&rows(841, 841, Targets::Sets), &config(None, 0), 0).unwrap();
        assert_eq!(sets.test.len(), 168, "rounded to the nearest");
    }

    #[test]
    fn folds_are_disjoint_nearly_equal_and_drawn_with_the_seed() {
        let data = rows(53, 53, Targets::Rankings);
        let folds = |seed| {
            let fold = |fold| partition(&data, &config(Some(10), fold), seed).unwrap();
            (0..10).map(fold).collect::<Vec<_>>()
        };
        let parts = folds(1);
        let mut all: Vec<usize> = parts.iter().flat_map(|part| part.test.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..53).collect::<Vec<_>>(), "each row is tested once");
        for part in &parts {
            assert!((5..=6).contains(&part.test.len()));
            let mut rows = [part.train.as_slice(), &part.validation, &part.test].concat();
            rows.sort_unstable();
            assert_eq!(rows, (0..53).collect::<Vec<_>>());
            assert_eq!(part.validation.len(), (53 - part.test.len()).div_ceil(5));
        }
        assert_eq!(parts, folds(1));
        assert_ne!(parts[0].test, folds(2)[0].test);
    }

    #[test]
    fn a_split_of_the_authors_is_kept_whatever_the_folds() {
        let data = rows(20, 12, Targets::Sets);
        for folds in [None, Some(5)] {
            let found = partition(&data, &config(folds, 0), 3).unwrap();
            assert_eq!(found.test, (12..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn too_few_rows_are_refused() {
        let data = rows(5, 5, Targets::Rankings);
        let error = partition(&data, &config(Some(6), 0), 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data set t: 5 rows are too few for 6 folds"
        );
        assert!(partition(&rows(1, 1, Targets::Sets), &config(None, 0), 0).is_err());
    }
}
