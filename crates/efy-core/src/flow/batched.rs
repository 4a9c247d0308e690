//! Gradient descent-ascent in tensor operations: at most 40 launches an iteration, and nothing is read.

use tch::Tensor;

use super::{Rates, Renewal};
use crate::Result;
use crate::native::gda::Noise;
use crate::native::normal::{self, BLOCK};
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
    antithetic: bool,
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
            particles: particles.copy(),
            measure,
            antithetic,
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
    ) -> Result<()> {
        self.renew(renewal)?;
        let noise = match noise {
            Noise::Given(noise) => noise.shallow_clone(),
            Noise::Drawn(key) => {
                let (count, d) = (self.particles.size()[0], self.particles.size()[1]);
                let rows = if self.antithetic { count / 2 } else { count };
                let noise = normal::tensor(*key, (rows, d), self.network.place())?;
                match self.antithetic {
                    true => Tensor::cat(&[&noise, &noise.neg()], 0),
                    false => noise,
                }
            }
        };
        let x = &self.particles;
        let space = self.network.space();
        let drift = self.network.drift(x, beta)?;
        let moved = x - drift * step + noise * (2.0 * step / beta).sqrt();
        self.particles = space.project(&moved);
        if let Some(rates) = rates {
            self.follow(rates);
        }
        Ok(())
    }

    fn renew(&mut self, renewal: Renewal) -> Result<()> {
        match renewal {
            Renewal::None => {}
            Renewal::All => self.particles = self.restarts.shallow_clone(),
            Renewal::Each { probability, key } => {
                let count = self.particles.size()[0] as usize;
                let groups = if self.antithetic { 2 } else { 1 };
                let (half, d) = (count / groups, self.particles.size()[1] as usize);
                let n = self.data.size()[0] as usize;
                let mut chosen = vec![-1_i64; count];
                let mut words = vec![0; 4 * BLOCK];
                for block in 0..half.div_ceil(BLOCK) {
                    normal::spare_words(key, block, d, &mut words);
                    for (group, words) in words.chunks_exact(2 * BLOCK).take(groups).enumerate() {
                        let (decisions, choices) = words.split_at(BLOCK);
                        let rows = &mut chosen[group * half..][..half][block * BLOCK..];
                        for ((row, &decision), &choice) in
                            rows.iter_mut().zip(decisions).zip(choices)
                        {
                            if let Some(i) = normal::restart(decision, choice, probability, n) {
                                *row = i as i64;
                            }
                        }
                    }
                }
                let chosen = Tensor::f_from_slice(&chosen)?.f_to_device(self.particles.device())?;
                let restarts = chosen.ge(0).unsqueeze(1);
                let points = self.data.index_select(0, &chosen.clamp_min(0));
                self.particles = points.where_self(&restarts, &self.particles);
            }
        }
        Ok(())
    }

    /// Neurons and weights, from data and particles in one pass.
    fn follow(&mut self, rates: &Rates) {
        let network = &self.network;
        let (theta, activation) = (network.neurons(), network.activation());
        let points = Tensor::cat(
            &[&self.embedded, &network.space().embed(&self.particles)],
            0,
        );
        let scores = points.mm(&theta.tr());
        let v = activation
            .value(&scores)
            .tr()
            .mm(&self.measure)
            .squeeze_dim(1);
        let rate = network.charges() * &v * -rates.weights;
        let mut weights = network.weights() * rate.exp();
        if let Some(cap) = rates.cap {
            weights *= (weights.mean(None).reciprocal() * cap).clamp_max(1.0);
        }
        let neurons = if rates.neurons == 0.0 {
            theta.shallow_clone()
        } else {
            let slopes = activation.slope(&scores) * &self.measure;
            let gradient = slopes.tr().mm(&points) * network.charges().unsqueeze(1);
            let tangent = &gradient - theta * dot(theta, &gradient).unsqueeze(1);
            normalized(&(theta - tangent * rates.neurons))
        };
        self.network = network.with(neurons, weights);
        self.discrepancy = v;
    }
}
