//! The noise of flows in tensor operations.

use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::native::normal::{self, BLOCK, Key};
use crate::random::Gaussian;

/// The most steps that are drawn at a time.
const MOST_STEPS: i64 = 64;
/// The most words that are drawn at a time: 8 MB, and a few times as much while they are mixed.
const MOST_WORDS: i64 = 1 << 20;

/// A standard Gaussian matrix for each step of a stream, and who restarts where.
///
/// On the host, where a draw costs nothing but itself, it is drawn for each step. On a device a draw is 50
/// launches however large it is, and is made for as many steps as there is room for, up to 64.
#[derive(Debug)]
pub(super) struct Noise {
    /// Rows and columns of what is drawn.
    size: (i64, i64),
    /// Whether the rows are followed by their negatives.
    antithetic: bool,
    place: (Kind, Device),
    /// The most steps that are drawn at a time.
    most: i64,
    ahead: Option<Ahead>,
}

/// Steps that have been drawn.
#[derive(Debug)]
struct Ahead {
    key: Key,
    steps: i64,
    /// With negatives, `[steps, N, d]`.
    numbers: Tensor,
    /// What decides and what chooses, `[steps, 2, rows]` each.
    spare: (Tensor, Tensor),
    restarts: Option<Restarts>,
}

/// For each step and particle.
#[derive(Debug)]
struct Restarts {
    /// Their probability and the number of data points.
    of: (f64, i64),
    /// Who restarts, `[steps, N, 1]`, Bool.
    who: Tensor,
    /// At which data point, `[steps, N]`, Int64.
    place: Tensor,
}

impl Noise {
    /// For N particles in d dimensions; `antithetic`: the second half of them gets the negative of the first
    /// half's noise.
    pub(super) fn new((count, d): (i64, i64), antithetic: bool, place: (Kind, Device)) -> Self {
        let rows = if antithetic { count / 2 } else { count };
        Noise {
            size: (rows, d),
            antithetic,
            place,
            most: MOST_STEPS,
            ahead: None,
        }
    }

    /// If no more than so many steps will be asked for.
    pub(super) fn for_steps(mut self, steps: u64) -> Self {
        self.most = i64::try_from(steps)
            .unwrap_or(MOST_STEPS)
            .clamp(1, MOST_STEPS);
        self
    }

    /// The noise of a step, `[N, d]`.
    pub(super) fn at(&mut self, key: Key) -> Result<Tensor> {
        if self.place.1 == Device::Cpu {
            let noise = normal::tensor(key, self.size, self.place)?;
            return self.with_negatives(noise, 0);
        }
        let (ahead, step) = self.ahead(key)?;
        Ok(ahead.numbers.f_select(0, step)?)
    }

    /// Who restarts in a step, `[N, 1]`, Bool, and at which of `points` data points, `[N]`, Int64.
    pub(super) fn restarts(
        &mut self,
        key: Key,
        probability: f64,
        points: i64,
    ) -> Result<(Tensor, Tensor)> {
        if self.place.1 == Device::Cpu {
            return self.restarts_on_host(key, probability, points);
        }
        let groups = self.groups();
        let (ahead, step) = self.ahead(key)?;
        let known = ahead.restarts.take();
        let restarts = match known.filter(|restarts| restarts.of == (probability, points)) {
            Some(restarts) => restarts,
            None => {
                // As `normal::restart`.
                let (decisions, choices) = &ahead.spare;
                let decisions = decisions.narrow(1, 0, groups);
                let choices = choices.narrow(1, 0, groups);
                let place = (choices * points).f_bitwise_right_shift_tensor_scalar(32)?;
                Restarts {
                    of: (probability, points),
                    who: decisions.lt(probability * 4_294_967_296.0).f_reshape([
                        ahead.steps,
                        -1,
                        1,
                    ])?,
                    place: place.f_reshape([ahead.steps, -1])?,
                }
            }
        };
        let found = (
            restarts.who.f_select(0, step)?,
            restarts.place.f_select(0, step)?,
        );
        ahead.restarts = Some(restarts);
        Ok(found)
    }

    fn restarts_on_host(
        &self,
        key: Key,
        probability: f64,
        points: i64,
    ) -> Result<(Tensor, Tensor)> {
        let (rows, d) = (self.size.0 as usize, self.size.1 as usize);
        let groups = self.groups() as usize;
        let mut chosen = vec![-1_i64; rows * groups];
        let mut words = vec![0; 4 * BLOCK];
        for block in 0..rows.div_ceil(BLOCK) {
            normal::spare_words(key, block, d, &mut words);
            for (group, words) in words.chunks_exact(2 * BLOCK).take(groups).enumerate() {
                let (decisions, choices) = words.split_at(BLOCK);
                let rows = &mut chosen[group * rows..][..rows][block * BLOCK..];
                for ((row, &decision), &choice) in rows.iter_mut().zip(decisions).zip(choices) {
                    if let Some(i) = normal::restart(decision, choice, probability, points as usize)
                    {
                        *row = i as i64;
                    }
                }
            }
        }
        let chosen = Tensor::f_from_slice(&chosen)?;
        Ok((chosen.ge(0).unsqueeze(1), chosen.clamp_min(0)))
    }

    fn groups(&self) -> i64 {
        if self.antithetic { 2 } else { 1 }
    }

    fn with_negatives(&self, noise: Tensor, dim: i64) -> Result<Tensor> {
        Ok(match self.antithetic {
            true => Tensor::f_cat(&[&noise, &noise.neg()], dim)?,
            false => noise,
        })
    }

    /// What has been drawn, with this step among it, and where it is.
    fn ahead(&mut self, key: Key) -> Result<(&mut Ahead, i64)> {
        let (seed, stream, step) = key;
        let offset = |ahead: &Ahead| match (ahead.key.0, ahead.key.1) == (seed, stream) {
            true => step.wrapping_sub(ahead.key.2),
            false => u64::MAX,
        };
        let known = self.ahead.take();
        let known = known.filter(|ahead| offset(ahead) < ahead.steps.unsigned_abs());
        let ahead = match known {
            Some(ahead) => ahead,
            None => {
                let words = Gaussian::words(self.size).max(1);
                let steps = (MOST_WORDS / words).clamp(1, self.most);
                // From a multiple on, wherever a run goes on: kernels may round a number otherwise at another place.
                let first = step - step % steps.unsigned_abs();
                let drawn = Gaussian::draw((seed, stream), (first, steps), self.size, self.place)?;
                Ahead {
                    key: (seed, stream, first),
                    steps,
                    numbers: self.with_negatives(drawn.numbers, 1)?,
                    spare: drawn.spare,
                    restarts: None,
                }
            }
        };
        let at = offset(&ahead) as i64;
        Ok((self.ahead.insert(ahead), at))
    }
}
