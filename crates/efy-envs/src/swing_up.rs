//! An expert for the pendulum that needs no training.

use crate::{Policy, Result};

/// Swings the [`Pendulum`](crate::Pendulum) up by its energy and holds it by linear feedback.
///
/// With θ̈ = 15 sin θ + 3u the energy is E = θ̇²/2 + 15 cos θ, which changes by 3 u θ̇ and is 15 at rest upright. Away from there the torque is bang-bang,
/// u = 2 sign((15 - E) θ̇); near there it is u = -10 sin θ - 2.5 θ̇, which gives the linearized
/// rod the poles -3.75 ± 0.97i.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SwingUp;

/// cos θ from which on the rod is held.
const NEAR: f64 = 0.9;
/// Acceleration of the rod by its own weight, 3 g / 2 l.
const WEIGHT: f64 = 15.0;
/// Largest torque.
const TORQUE: f64 = 2.0;

impl Policy for SwingUp {
    fn act(&mut self, _count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()> {
        for (observation, action) in observations.as_chunks::<3>().0.iter().zip(actions) {
            let &[cosine, sine, speed] = observation;
            let missing = WEIGHT - (speed * speed / 2.0 + WEIGHT * cosine);
            *action = if cosine > NEAR {
                (-10.0 * sine - 2.5 * speed).clamp(-TORQUE, TORQUE)
            } else {
                TORQUE.copysign(missing * speed)
            };
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Record, make_many, rollout, starts};

    #[test]
    fn every_start_ends_upright() {
        let mut environments = make_many("pendulum", 8).unwrap();
        let seeds = starts(Purpose::Evaluation, 0, 100);
        let record = Record::Everything;
        let episodes = rollout(&mut environments, &mut SwingUp, &seeds, record).unwrap();
        for episode in &episodes {
            let last = episode.rewards[150..]
                .iter()
                .fold(0.0_f64, |low, r| low.min(*r));
            assert!(last > -1e-3, "seed {}: {last}", episode.seed);
        }
        let mean = episodes.iter().map(|episode| episode.total).sum::<f64>() / 100.0;
        assert!(mean > -175.0, "{mean}");
    }
}
