//! A data set in memory: feature and label matrices with a training split.

use efy_core::random::{Stream, generator};
use rand::seq::SliceRandom;

use super::csv_table::MAX_RANKED;
use super::schema::Schema;
use super::table::Table;
use super::targets::Targets;
use crate::{Error, Result};

/// A data set; its matrices always fit its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    schema: Schema,
    targets: Targets,
    x: Vec<f32>,
    y: Vec<u8>,
    train: usize,
}

impl Dataset {
    /// Puts a multilabel data set together from row-major features `x` `[n, schema.width()]` and labels `y`
    /// `[n, k]`. The first `train` rows are the authors' training split, the others their test
    /// split; without a split in the source, `train == n`.
    ///
    /// # Errors
    /// When there is no feature, label or training row, a size does not fit, a feature is not
    /// finite or a label neither 0 nor 1.
    pub fn new(
        name: impl Into<String>,
        schema: Schema,
        x: Vec<f32>,
        y: Vec<u8>,
        train: usize,
    ) -> Result<Self> {
        Self::of(name.into(), (schema, Targets::Sets), x, y, train)
    }

    /// As [`new`](Self::new), for rankings: a row of `y` has the rank of each label, a permutation of 1 (the
    /// best) to k.
    ///
    /// # Errors
    /// As [`new`](Self::new); when there are fewer than two labels or more than 255, or a row of `y` is no
    /// permutation.
    pub fn rankings(
        name: impl Into<String>,
        schema: Schema,
        x: Vec<f32>,
        y: Vec<u8>,
        train: usize,
    ) -> Result<Self> {
        Self::of(name.into(), (schema, Targets::Rankings), x, y, train)
    }

    fn of(
        name: String,
        (schema, targets): (Schema, Targets),
        x: Vec<f32>,
        y: Vec<u8>,
        train: usize,
    ) -> Result<Self> {
        let data = Self {
            name,
            schema,
            targets,
            x,
            y,
            train,
        };
        match data.flaw() {
            Some(message) => Err(Error::Dataset {
                name: data.name,
                message,
            }),
            None => Ok(data),
        }
    }

    /// Encodes a training table and, if there is one, a test table.
    pub(crate) fn of_tables(
        name: &str,
        (schema, targets): (Schema, Targets),
        train: &Table,
        test: Option<&Table>,
    ) -> Result<Self> {
        let encode = match targets {
            Targets::Sets => Schema::encode_labels,
            Targets::Rankings => Schema::encode_ranks,
        };
        let mut x = schema.encode(train)?;
        let mut y = encode(&schema, train)?;
        if let Some(test) = test {
            x.extend(schema.encode(test)?);
            y.extend(encode(&schema, test)?);
        }
        Self::of(name.to_owned(), (schema, targets), x, y, train.rows())
    }

    /// The same rows, of which the first `train` are the training split.
    pub(crate) fn with_train_rows(self, train: usize) -> Result<Self> {
        Self::of(
            self.name,
            (self.schema, self.targets),
            self.x,
            self.y,
            train,
        )
    }

    /// The first promise of [`Dataset::new`] that does not hold.
    fn flaw(&self) -> Option<String> {
        let (d, k) = (self.features(), self.labels());
        if d == 0 {
            return Some("no features".to_owned());
        }
        if k == 0 {
            return Some("no labels".to_owned());
        }
        let n = self.rows();
        if self.y.len() != n * k || self.x.len() != n * d {
            let (x, y) = (self.x.len(), self.y.len());
            return Some(format!(
                "{x} and {y} cells make no rows of {d} features, {k} labels"
            ));
        }
        if self.train == 0 || self.train > n {
            return Some(format!("{} training rows out of {n}", self.train));
        }
        if !self.x.iter().all(|value| value.is_finite()) {
            return Some("a feature is not finite".to_owned());
        }
        match self.targets {
            Targets::Sets if !self.y.iter().all(|&bit| bit <= 1) => {
                Some("labels must be 0 or 1".to_owned())
            }
            Targets::Rankings if !(2..=MAX_RANKED).contains(&k) => {
                Some(format!("rankings have 2 to {MAX_RANKED} labels, found {k}"))
            }
            Targets::Rankings if !self.y.chunks_exact(k).all(is_permutation) => {
                Some(format!("a row of ranks is no permutation of 1 to {k}"))
            }
            _ => None,
        }
    }

    /// What the labels of a row say.
    #[must_use]
    pub fn targets(&self) -> Targets {
        self.targets
    }

    /// Name of the data set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the columns are.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Features, row-major `[rows(), features()]`.
    #[must_use]
    pub fn x(&self) -> &[f32] {
        &self.x
    }

    /// Labels, row-major `[rows(), labels()]`, each 0 or 1; of rankings, each the rank of its label.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        &self.y
    }

    /// Number of rows, training and test together.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.y.len() / self.labels().max(1)
    }

    /// Number of training rows: they come first. Equal to [`Dataset::rows`] without a test split.
    #[must_use]
    pub fn train_rows(&self) -> usize {
        self.train
    }

    /// Number of encoded feature columns, d.
    #[must_use]
    pub fn features(&self) -> usize {
        self.schema.width()
    }

    /// Number of labels, k.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.schema.labels.len()
    }

    /// Drops the rows that have no label at all, as no ranking has; the others stay in order and in their split.
    ///
    /// # Errors
    /// When no training row is left.
    pub fn without_empty_rows(self) -> Result<Self> {
        let (d, k) = (self.features(), self.labels());
        let (mut x, mut y, mut train) = (Vec::new(), Vec::new(), 0);
        for (row, (features, bits)) in self
            .x
            .chunks_exact(d)
            .zip(self.y.chunks_exact(k))
            .enumerate()
        {
            if bits.contains(&1) {
                x.extend_from_slice(features);
                y.extend_from_slice(bits);
                train += usize::from(row < self.train);
            }
        }
        Self::of(self.name, (self.schema, self.targets), x, y, train)
    }

    /// All rows for training: forgets which were the test split of its authors.
    #[must_use]
    pub fn pooled(self) -> Self {
        Dataset {
            train: self.rows(),
            ..self
        }
    }

    /// Draws a fraction of all rows as test split, a function of `seed`; the others come first, both in
    /// their order. A set that has a test split keeps it.
    ///
    /// # Errors
    /// When no training row is left.
    pub fn with_test_split(self, fraction: f64, seed: u64) -> Result<Self> {
        let n = self.rows();
        if self.train < n {
            return Ok(self);
        }
        let mut rows: Vec<usize> = (0..n).collect();
        rows.shuffle(&mut generator(seed, Stream::Split, 0));
        let test = (n as f64 * fraction).round().clamp(1.0, n as f64) as usize;
        let (test, train) = rows.split_at_mut(test);
        test.sort_unstable();
        train.sort_unstable();
        let (d, k) = (self.features(), self.labels());
        let order = || train.iter().chain(test.iter());
        let x = order().flat_map(|row| &self.x[row * d..(row + 1) * d]);
        let y = order().flat_map(|row| &self.y[row * k..(row + 1) * k]);
        let (x, y) = (x.copied().collect(), y.copied().collect());
        Self::of(self.name, (self.schema, self.targets), x, y, train.len())
    }
}

/// Whether each of 1 to k is there.
fn is_permutation(ranks: &[u8]) -> bool {
    let mut seen = [false; MAX_RANKED + 1];
    ranks.iter().all(|&rank| {
        let fits = (1..=ranks.len()).contains(&usize::from(rank));
        fits && !std::mem::replace(&mut seen[usize::from(rank)], true)
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::Feature;
    use super::*;

    fn schema() -> Schema {
        Schema {
            features: vec![Feature::Numeric {
                name: "x".to_owned(),
            }],
            labels: vec!["a".to_owned(), "b".to_owned()],
        }
    }

    fn flaw(x: Vec<f32>, y: Vec<u8>, train: usize) -> String {
        Dataset::new("t", schema(), x, y, train)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn dropping_empty_rows_keeps_order_and_split() {
        let y = vec![0, 0, 1, 0, 0, 1, 0, 0, 1, 1];
        let data = Dataset::new("t", schema(), vec![1.0, 2.0, 3.0, 4.0, 5.0], y, 3).unwrap();
        let data = data.without_empty_rows().unwrap();
        assert_eq!(data.x(), [2.0, 3.0, 5.0]);
        assert_eq!(data.y(), [1, 0, 0, 1, 1, 1]);
        assert_eq!((data.rows(), data.train_rows()), (3, 2));
    }

    #[test]
    fn a_drawn_test_split_is_seeded_and_complete() {
        let whole = || {
            let x: Vec<f32> = (0..20_u8).map(f32::from).collect();
            let y = (0..20).flat_map(|i| [i % 2, 0]).collect();
            Dataset::new("t", schema(), x, y, 20).unwrap()
        };
        let split = |seed| whole().with_test_split(0.2, seed).unwrap();
        let drawn = split(0);
        assert_eq!((drawn.rows(), drawn.train_rows()), (20, 16));
        for (x, y) in drawn.x().iter().zip(drawn.y().chunks(2)) {
            assert_eq!(y, [*x as u8 % 2, 0], "rows stay together");
        }
        assert!(drawn.x()[..16].is_sorted() && drawn.x()[16..].is_sorted());
        let mut all = drawn.x().to_vec();
        all.sort_unstable_by(f32::total_cmp);
        assert_eq!(all, whole().x());
        assert_eq!(drawn, split(0));
        assert_ne!(drawn, split(1));
        assert_eq!(split(0).with_test_split(0.5, 3).unwrap(), drawn);
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        assert_eq!(
            flaw(vec![1.0], vec![0, 1, 1], 1),
            "data set t: 1 and 3 cells make no rows of 1 features, 2 labels"
        );
        assert_eq!(
            flaw(vec![1.0], vec![0, 1], 2),
            "data set t: 2 training rows out of 1"
        );
        assert_eq!(
            flaw(vec![], vec![], 0),
            "data set t: 0 training rows out of 0"
        );
        assert_eq!(
            flaw(vec![f32::NAN], vec![0, 1], 1),
            "data set t: a feature is not finite"
        );
        assert_eq!(
            flaw(vec![1.0], vec![0, 2], 1),
            "data set t: labels must be 0 or 1"
        );
    }

    #[test]
    fn ranks_that_are_no_permutation_are_refused() {
        let rankings = |y: Vec<u8>| Dataset::rankings("t", schema(), vec![1.0], y, 1);
        assert_eq!(rankings(vec![2, 1]).unwrap().targets(), Targets::Rankings);
        for y in [vec![1, 1], vec![0, 1], vec![1, 3]] {
            assert_eq!(
                rankings(y).unwrap_err().to_string(),
                "data set t: a row of ranks is no permutation of 1 to 2"
            );
        }
    }
}
