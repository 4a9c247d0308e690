//! Actions as points of the box.

use efy_core::Result;
use efy_core::domain::{BoxDomain, Domain};
use efy_core::energy::Energy;
use efy_train::Metrics;
use tch::{Kind, Tensor};

use crate::supervised::{Layout, Outputs, Sums, csv_text};

/// Actions of k numbers in $[-1, 1]^k$. What comes of a state is the regularized prediction itself.
#[derive(Debug, Clone, Copy)]
pub struct Actions {
    numbers: i64,
}

impl Actions {
    /// Actions of so many numbers.
    pub fn new(numbers: i64) -> Self {
        Actions { numbers }
    }
}

impl Outputs for Actions {
    fn domain(&self) -> Result<Box<dyn Domain>> {
        Ok(Box::new(BoxDomain::new(-1.0, 1.0)?))
    }

    fn centre(&self) -> f64 {
        0.0
    }

    fn encode(&self, y: &Tensor) -> Result<Tensor> {
        Ok(y.f_clamp(-1.0, 1.0)?)
    }

    fn outcome(&self, _energy: &dyn Energy, p: &Tensor) -> Result<Tensor> {
        Ok(p.shallow_clone())
    }

    fn decided(&self, vertices: &Tensor, mean: Option<&Tensor>) -> Result<Tensor> {
        Ok(mean.unwrap_or(vertices).shallow_clone())
    }

    fn outcome_width(&self, _layout: Layout) -> i64 {
        self.numbers
    }

    fn best_vertices(&self, u: &Tensor) -> Result<Tensor> {
        Ok(u.f_gt(0.0)?.f_to_kind(u.kind())? * 2.0 - 1.0)
    }

    fn sums(&self) -> Box<dyn Sums> {
        Box::new(ActionSums)
    }

    fn csv(
        &self,
        labels: &[String],
        rows: &[usize],
        (outcome, _): (&[f64], Layout),
        _truth: Option<&[u8]>,
    ) -> crate::Result<String> {
        let header = std::iter::once("row".to_owned()).chain(labels.iter().cloned());
        let records = rows.iter().zip(outcome.chunks(labels.len().max(1)));
        let records = records.map(|(row, action)| {
            let numbers = action.iter().map(|number| format!("{number:.6}"));
            std::iter::once(row.to_string()).chain(numbers).collect()
        });
        csv_text(std::iter::once(header.collect()).chain(records))
    }
}

/// Sums over rows, `[3]` in f64: losses, mean squared errors of actions, unsolved problems.
struct ActionSums;

impl Sums for ActionSums {
    fn of(&self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor) -> Tensor {
        let squares = (outcome - y).square().to_kind(Kind::Double);
        let errors = squares.mean_dim([1_i64].as_slice(), false, None::<Kind>);
        let total = |t: &Tensor| t.sum(Kind::Double).reshape([1]);
        let unconverged = converged.logical_not();
        Tensor::cat(
            &[total(&loss.detach()), total(&errors), total(&unconverged)],
            0,
        )
    }

    fn metrics(&self, sums: &[f64], rows: f64) -> Metrics {
        let mean = |index: usize| sums.get(index).map_or(f64::NAN, |sum| sum / rows);
        let values = [mean(0), mean(1).sqrt(), mean(2)];
        super::METRICS.into_iter().zip(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, place, values};

    use super::*;

    #[everywhere]
    fn errors_are_roots_of_mean_squares_over_rows_and_numbers() {
        let of = |rows: &[f64]| {
            Tensor::from_slice(rows)
                .reshape([2, 2])
                .to_kind(place().0)
                .to_device(place().1)
        };
        let (outcome, y) = (of(&[1.0, 0.0, 0.5, 0.5]), of(&[0.0, 0.0, 0.5, -0.5]));
        let loss = of(&[1.0, 2.0, 3.0, 4.0]).select(1, 0);
        let converged = loss.gt(1.0);
        let sums = values(&ActionSums.of(&outcome, &y, &loss, &converged));
        let metrics = ActionSums.metrics(&sums, 2.0);
        assert_eq!(metrics.get("loss"), Some(2.0));
        assert_eq!(metrics.get("action_error"), Some(0.5_f64.sqrt()));
        assert_eq!(metrics.get("unconverged"), Some(0.5));
    }

    #[test]
    fn predictions_have_a_column_for_each_number() {
        let names = ["a1".to_owned(), "a2".to_owned()];
        let outcome = (&[0.25, -1.0, 0.5, 1.0][..], Layout::default());
        let text = Actions::new(2).csv(&names, &[0, 1], outcome, None).unwrap();
        assert_eq!(
            text,
            "row,a1,a2\n0,0.250000,-1.000000\n1,0.500000,1.000000\n"
        );
    }
}
