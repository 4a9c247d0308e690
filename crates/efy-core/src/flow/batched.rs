//! Gradient descent-ascent in tensor operations: at most 40 launches an iteration, and nothing is read.

use tch::Tensor;

use super::{Rates, Renewal, noise};
use crate::Result;
use crate::device::constant;
use crate::native::gda::Noise;
use crate::parallel::{Collective, gather, own};
use crate::shallow::{Shallow, normalized};
use crate::shape::dot;

/// Data, particles and neurons.
pub(super) struct State {
    network: Shallow,
    /// The data, and the same as the neurons see them.
    data: Tensor,
    embedded: Tensor,
    /// The data from the first on, over and over, as many as there are particles.
    restarts: Tensor,
    particles: Tensor,
    /// 1/n for each data point, -1/N for each particle, `[n + N, 1]`.
    measure: Tensor,
    noise: noise::Noise,
    discrepancy: Tensor,
}

impl State {
    pub(super) fn new(
        network: &Shallow,
        data: &Tensor,
        particles: &Tensor,
        antithetic: bool,
    ) -> Self {
        let (n, count) = (data.size()[0], particles.size()[0]);
        let place = network.place();
        let measure = Tensor::cat(
            &[
                Tensor::full([n, 1], 1.0 / n as f64, place),
                Tensor::full([count, 1], -1.0 / count as f64, place),
            ],
            0,
        );
        State {
            network: network.copy(),
            embedded: network.space().embed(data),
            restarts: data.repeat([(count + n - 1) / n, 1]).narrow(0, 0, count),
            data: data.shallow_clone(),
            // Row by row, as those of a run that goes on: products of another layout round otherwise.
            particles: particles.contiguous().copy(),
            measure,
            noise: noise::Noise::new((count, network.dimension()), antithetic, place),
            discrepancy: Tensor::zeros([network.width()], place),
        }
    }

    pub(super) fn network(&self) -> &Shallow {
        &self.network
    }

    pub(super) fn particles(&self) -> &Tensor {
        &self.particles
    }

    pub(super) fn discrepancy(&self) -> &Tensor {
        &self.discrepancy
    }

    /// As `native::gda::State::advance`.
    pub(super) fn advance(
        &mut self,
        (step, beta): (f64, f64),
        renewal: Renewal,
        noise: &Noise<'_>,
        rates: Option<&Rates>,
        collective: &mut dyn Collective,
    ) -> Result<()> {
        self.renew(renewal)?;
        let noise = match noise {
            Noise::Given(noise) => noise.shallow_clone(),
            Noise::Drawn(key) => self.noise.at(*key)?,
        };
        let place = self.network.place();
        let range = own(self.particles.size()[0] as usize, collective);
        let alone = collective.world() == 1;
        let part = |all: &Tensor| match alone {
            true => all.shallow_clone(),
            false => all.narrow(0, range.start as i64, range.len() as i64),
        };
        let (x, noise) = (&part(&self.particles), part(&noise));
        let space = self.network.space();
        let moved = x
            .f_addcmul(&self.network.drift(x, beta)?, &constant(-step, place)?)?
            .f_addcmul(&noise, &constant((2.0 * step / beta).sqrt(), place)?)?;
        let moved = space.project(&moved);
        self.particles = match alone {
            true => moved,
            false => {
                // Those of the others stay behind until all are asked for.
                let all = self.particles.copy();
                part(&all).f_copy_(&moved)?;
                all
            }
        };
        if let Some(rates) = rates {
            self.follow(rates, collective)?;
        }
        Ok(())
    }

    /// As `native::gda::State::gather`.
    pub(super) fn gather(&mut self, collective: &mut dyn Collective) -> Result<()> {
        let rows = self.particles.size()[0] as usize;
        self.particles = gather(&self.particles, rows, collective)?;
        Ok(())
    }

    fn renew(&mut self, renewal: Renewal) -> Result<()> {
        match renewal {
            Renewal::None => {}
            Renewal::All => self.particles = self.restarts.shallow_clone(),
            Renewal::Each { probability, key } => {
                let n = self.data.size()[0];
                let (who, place) = self.noise.restarts(key, probability, n)?;
                let points = self.data.f_index_select(0, &place)?;
                self.particles = points.f_where_self(&who, &self.particles)?;
            }
        }
        Ok(())
    }

    /// Neurons and weights, from data and particles in one pass.
    fn follow(&mut self, rates: &Rates, collective: &mut dyn Collective) -> Result<()> {
        let network = &self.network;
        let place = network.place();
        let (theta, activation) = (network.neurons(), network.activation());
        let particles = network.space().embed(&self.particles);
        let mut measure = self.measure.shallow_clone();
        let points = match collective.world() {
            1 => Tensor::f_cat(&[&self.embedded, &particles], 0)?,
            _ => {
                let rows = self.embedded.size()[0];
                let own = |all: &Tensor| {
                    let range = own(all.size()[0] as usize, collective);
                    (range.start as i64, range.len() as i64)
                };
                let (data, moved) = (own(&self.embedded), own(&particles));
                let of = |all: &Tensor, (from, count)| all.narrow(0, from, count);
                let measures = [of(&measure, data), of(&measure, (rows + moved.0, moved.1))];
                measure = Tensor::f_cat(&measures, 0)?;
                Tensor::f_cat(&[of(&self.embedded, data), of(&particles, moved)], 0)?
            }
        };
        let scores = points.f_mm(&theta.tr())?;
        let values = activation
            .value(&scores)
            .tr()
            .f_mm(&measure)?
            .squeeze_dim(1);
        let moments = match rates.neurons == 0.0 {
            true => None,
            false => Some(
                activation
                    .slopes_times(&scores, &measure)
                    .tr()
                    .f_mm(&points)?,
            ),
        };
        let (v, moments) = sum(values, moments, collective)?;
        let rate = network.charges() * &v * -rates.weights;
        let mut weights = network.weights() * rate.exp();
        if let Some(cap) = rates.cap {
            weights /= (weights.mean(None) / cap).clamp_min(1.0);
        }
        let neurons = match moments {
            None => theta.shallow_clone(),
            Some(moments) => {
                let gradient = moments * network.charges().unsqueeze(1);
                let tangent = &gradient - theta * dot(theta, &gradient).unsqueeze(1);
                normalized(&theta.f_addcmul(&tangent, &constant(-rates.neurons, place)?)?)
            }
        };
        self.network = network.with(neurons, weights);
        self.discrepancy = v;
        Ok(())
    }
}

/// Values `[m]` and moments `[m, e]` over the points of all processes, in one sum.
fn sum(
    values: Tensor,
    moments: Option<Tensor>,
    collective: &mut dyn Collective,
) -> Result<(Tensor, Option<Tensor>)> {
    if collective.world() == 1 {
        return Ok((values, moments));
    }
    let m = values.size()[0];
    let Some(moments) = moments else {
        return Ok((collective.sum(values)?, None));
    };
    let size = moments.size();
    let all = collective.sum(Tensor::f_cat(&[values, moments.f_reshape([-1])?], 0)?)?;
    let moments = all
        .f_narrow(0, m, all.size()[0] - m)?
        .f_view(size.as_slice())?;
    Ok((all.f_narrow(0, 0, m)?, Some(moments)))
}
