//! The contrastive loss of implicit behavioural cloning: the truth among uniform negatives.

use std::cell::Cell;

use rand::RngExt;
use tch::{Device, Tensor};

use crate::energy::Energy;
use crate::parallel::Part;
use crate::random::{Stream, generator, uniform};
use crate::{Error, Result};

use super::{FenchelYoung, Found, Loss, LossValue, target};

/// $L(v, y) = \log\Bigl(e^{\Phi(v, y)} + \sum_{j=1}^n e^{\Phi(v, \tilde y_j)}\Bigr) - \Phi(v, y)$ with negatives
/// $\tilde y_j$ uniform in the box: the cross-entropy of telling the truth among them (InfoNCE; Florence et al. 2021
/// train policies by it).
///
/// What is drawn is a function of (seed, step) and the row in the whole batch, the same on all devices. Predictions are those of the
/// regularizer, domain and solver given; the domain has to be a box with finite bounds.
pub struct InfoNce {
    predictor: FenchelYoung,
    negatives: i64,
    bounds: (f64, f64),
    seed: u64,
    step: u64,
    /// Which rows of the batch the next ones are; none: all of them.
    part: Cell<Option<Part>>,
}

impl InfoNce {
    /// The loss with so many negatives a row.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no negatives, and for a domain that is no bounded box.
    pub fn new(predictor: FenchelYoung, negatives: u32, seed: u64) -> Result<Self> {
        let wrong = |name, expected, found: String| Error::Parameter {
            name,
            expected,
            found,
        };
        if negatives == 0 {
            return Err(wrong("samples", "a positive integer", "0".to_owned()));
        }
        let domain = predictor.domain();
        let bounds = (domain.bounds())
            .filter(|(low, high)| low.is_finite() && high.is_finite())
            .ok_or_else(|| wrong("domain", "a bounded box", domain.name().to_owned()))?;
        Ok(InfoNce {
            bounds,
            predictor,
            negatives: negatives.into(),
            seed,
            step: 0,
            part: Cell::new(None),
        })
    }

    /// Uniform points of the box for each row, `[B, n, k]`.
    fn draw(&self, like: &Tensor) -> Result<Tensor> {
        let (rows, k) = crate::shape::size2(like);
        let part = self.part.get().unwrap_or(Part::whole(rows));
        let (low, high) = self.bounds;
        let stream = (self.seed, Stream::Negatives);
        let count = part.of * self.negatives * k;
        let numbers = match like.device() {
            Device::Cpu => {
                let random = &mut generator(self.seed, Stream::Negatives, self.step);
                let numbers: Vec<f64> = (0..count).map(|_| random.random()).collect();
                Tensor::f_from_slice(&numbers)?
            }
            device => uniform(stream, (self.step, 1), count, device)?,
        };
        let unit = numbers
            .f_to_kind(like.kind())?
            .f_reshape([part.of, self.negatives, k])?
            .f_narrow(0, part.first, part.count)?;
        Ok(unit * (high - low) + low)
    }
}

impl Loss for InfoNce {
    fn name(&self) -> &'static str {
        "info_nce"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        _start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        let truth = energy.value(target).f_unsqueeze(1)?;
        let all = Tensor::f_cat(&[&truth, &energy.values(&self.draw(target)?)], 1)?;
        Ok(LossValue {
            per_row: all.f_logsumexp([1_i64].as_slice(), false)? - truth.f_squeeze_dim(1)?,
            solution: Found::Nothing,
        })
    }

    fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    fn set_part(&self, part: Option<Part>) {
        self.part.set(part);
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, number, place, tolerance, values};

    use super::super::LeastSquares;
    use super::*;
    use crate::domain::{BoxDomain, Simplex};
    use crate::energy::Linear;
    use crate::regularizer::HalfSquaredNorm;
    use crate::solver::Auto;

    fn predictor(low: f64, high: f64) -> FenchelYoung {
        let (omega, domain) = (
            HalfSquaredNorm::new(1.0).unwrap(),
            BoxDomain::new(low, high).unwrap(),
        );
        FenchelYoung::new(omega, domain, Auto::default())
    }

    #[everywhere]
    fn negatives_fill_the_box_and_are_a_function_of_the_step() {
        let mut loss = InfoNce::new(predictor(-2.0, 3.0), 500, 7).unwrap();
        let like = Tensor::zeros([2, 3], place());
        let first = values(&loss.draw(&like).unwrap());
        assert!(first.iter().all(|p| (-2.0..=3.0).contains(p)));
        let mean = first.iter().sum::<f64>() / first.len() as f64;
        let deviation = 5.0 / 12.0_f64.sqrt() / (first.len() as f64).sqrt();
        assert!((mean - 0.5).abs() < 5.0 * deviation, "{mean}");
        assert_eq!(values(&loss.draw(&like).unwrap()), first);
        loss.set_step(1);
        assert_ne!(values(&loss.draw(&like).unwrap()), first);
    }

    #[everywhere]
    fn an_energy_that_says_nothing_costs_the_logarithm_of_the_candidates() {
        let loss = InfoNce::new(predictor(-1.0, 1.0), 255, 0).unwrap();
        let energy = Linear::new(Tensor::zeros([4, 2], place())).unwrap();
        let y = Tensor::zeros([4, 2], place());
        let found = number(&loss.loss(&energy, &y, None).unwrap().per_row.mean(None));
        assert!((found - 256.0_f64.ln()).abs() < tolerance(1e-12), "{found}");
        // The truth in a corner that the energy points to is the best of all candidates.
        let energy = Linear::new(Tensor::full([4, 2], 50.0, place())).unwrap();
        let corner = Tensor::ones([4, 2], place());
        assert!(
            number(
                &loss
                    .loss(&energy, &corner, None)
                    .unwrap()
                    .per_row
                    .mean(None)
            ) < 3.0
        );
    }

    #[everywhere]
    fn least_squares_penalizes_scores_beyond_the_bound_and_the_box_does_not() {
        let energy = Linear::new(Tensor::full([1, 2], 3.0, place())).unwrap();
        let y = Tensor::ones([1, 2], place());
        let apart = LeastSquares::new(predictor(-1.0, 1.0));
        let plain = number(&apart.loss(&energy, &y, None).unwrap().per_row.mean(None));
        assert!((plain - 4.0).abs() < tolerance(1e-12));
        let inside = predictor(-1.0, 1.0)
            .loss(&energy, &y, None)
            .unwrap()
            .per_row;
        assert!(number(&inside.mean(None)).abs() < tolerance(1e-12));
        let found = values(&apart.predict(&energy, None).unwrap().argmax);
        assert_eq!(found, [1.0, 1.0], "what is predicted lies in the box");
    }

    #[everywhere]
    fn a_part_of_the_batch_has_the_negatives_of_its_rows() {
        let loss = InfoNce::new(predictor(0.0, 1.0), 4, 7).unwrap();
        let like = |rows| Tensor::zeros([rows, 3], place());
        let whole = values(&loss.draw(&like(5)).unwrap());
        loss.set_part(Some(Part::whole(5).inner(2, 2)));
        assert_eq!(values(&loss.draw(&like(2)).unwrap()), whole[2 * 12..4 * 12]);
    }

    #[test]
    fn what_is_no_box_is_refused() {
        let omega = HalfSquaredNorm::new(1.0).unwrap();
        let simplex = FenchelYoung::new(omega, Simplex::new(1.0).unwrap(), Auto::default());
        assert!(InfoNce::new(simplex, 3, 0).is_err());
        assert!(InfoNce::new(predictor(0.0, 1.0), 0, 0).is_err());
    }
}
