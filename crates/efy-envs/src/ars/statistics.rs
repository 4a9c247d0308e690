//! Running mean and deviation of observations.

/// Below this an entry counts as constant.
const CONSTANT: f64 = 1e-7;

/// Mean and sum of squared differences from it of rows `[d]` seen so far, by Welford's recurrence; Chan's formula joins two of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Statistics {
    /// Of no rows yet, with d numbers each.
    pub fn new(d: usize) -> Statistics {
        Statistics {
            count: 0.0,
            mean: vec![0.0; d],
            squares: vec![0.0; d],
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.count = 0.0;
        self.mean.fill(0.0);
        self.squares.fill(0.0);
    }

    /// Takes a row in, `[d]`.
    pub fn push(&mut self, row: &[f64]) {
        self.count += 1.0;
        for ((mean, squares), &value) in self.mean.iter_mut().zip(&mut self.squares).zip(row) {
            let before = value - *mean;
            *mean += before / self.count;
            *squares += before * (value - *mean);
        }
    }

    /// Takes in what other statistics have seen.
    pub fn merge(&mut self, other: &Statistics) {
        let count = self.count + other.count;
        if count == 0.0 {
            return;
        }
        let share = other.count / count;
        let entries = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (&m, &s)) in entries.zip(other.mean.iter().zip(&other.squares)) {
            let difference = m - *mean;
            *mean += difference * share;
            *squares += s + difference * difference * self.count * share;
        }
        self.count = count;
    }

    /// The mean, `[d]`; 0 before the first row.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The deviation (n - 1), `[d]`; 1 for an entry that does not change, and before the second row.
    pub fn deviation(&self) -> Vec<f64> {
        let entry = |&squares: &f64| match (squares / (self.count - 1.0)).sqrt() {
            deviation if self.count > 1.0 && deviation >= CONSTANT => deviation,
            _ => 1.0,
        };
        self.squares.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_in_parts_are_those_of_all_rows() {
        let rows: Vec<[f64; 2]> = (0..50).map(|i| [f64::from(i).sin() + 1e3, 4.0]).collect();
        let mean = rows.iter().map(|row| row[0]).sum::<f64>() / 50.0;
        let squares: f64 = rows.iter().map(|row| (row[0] - mean).powi(2)).sum();
        let mut joined = Statistics::new(2);
        for part in [&rows[..3], &rows[3..3], &rows[3..]] {
            let mut own = Statistics::new(2);
            part.iter().for_each(|row| own.push(row));
            joined.merge(&own);
        }
        assert!((joined.mean()[0] - mean).abs() < 1e-10);
        assert!((joined.deviation()[0] - (squares / 49.0).sqrt()).abs() < 1e-10);
        assert_eq!((joined.mean()[1], joined.deviation()[1]), (4.0, 1.0));
        joined.clear();
        assert_eq!(joined, Statistics::new(2));
        assert_eq!(joined.deviation(), [1.0, 1.0]);
    }
}
