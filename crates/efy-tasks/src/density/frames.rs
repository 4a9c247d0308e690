//! Where particles and neurons were, at a few moments of training.

use efy_core::shallow::Shallow;
use efy_train::State;
use tch::Tensor;

use crate::Result;

/// Particles of a frame.
const PARTICLES: i64 = 256;
/// Neurons of a frame.
const NEURONS: i64 = 256;

/// One moment. Tensors stay on the device until they are written.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) step: u64,
    /// The first particles, `[k, d]`.
    pub(super) particles: Tensor,
    /// The first neurons, `[k, e]`.
    pub(super) neurons: Tensor,
    /// Their amplitudes w c, `[k]`.
    pub(super) amplitudes: Tensor,
}

/// The steps 0, 1, 2, 5, 10, 20, 50, ...
#[derive(Debug, Default)]
pub(super) struct Frames(Vec<Frame>);

impl Frames {
    /// Keeps a frame if the step is one of them.
    pub(super) fn look(
        &mut self,
        step: u64,
        particles: impl FnOnce() -> Result<Tensor>,
        network: &Shallow,
    ) -> Result<()> {
        // Processes come here together, and so do they to `particles`.
        if !due(step) {
            return Ok(());
        }
        let first =
            |tensor: &Tensor, most: i64| tensor.narrow(0, 0, tensor.size()[0].min(most)).copy();
        self.0.push(Frame {
            step,
            particles: first(&particles()?, PARTICLES),
            neurons: first(network.neurons(), NEURONS),
            amplitudes: first(&network.amplitudes(), NEURONS),
        });
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.0.iter()
    }

    pub(super) fn state(&self) -> Result<State> {
        let mut state = State::default();
        let steps: Vec<u64> = self.0.iter().map(|frame| frame.step).collect();
        state.put("steps", &steps)?;
        for (index, frame) in self.0.iter().enumerate() {
            state.put_tensor(format!("{index}.particles"), &frame.particles);
            state.put_tensor(format!("{index}.neurons"), &frame.neurons);
            state.put_tensor(format!("{index}.amplitudes"), &frame.amplitudes);
        }
        Ok(state)
    }

    /// What [`state`](Self::state) gave, for frames like the first one of this training.
    pub(super) fn restore(&mut self, state: &State) -> efy_train::Result<()> {
        let steps: Vec<u64> = state.get("steps")?;
        let Some(like) = self.0.first() else {
            return Err(efy_train::Error::State("frames: there is none".to_owned()));
        };
        let frames = steps.into_iter().enumerate().map(|(index, step)| {
            let tensor = |name: &str, like: &Tensor| state.tensor(&format!("{index}.{name}"), like);
            Ok(Frame {
                step,
                particles: tensor("particles", &like.particles)?,
                neurons: tensor("neurons", &like.neurons)?,
                amplitudes: tensor("amplitudes", &like.amplitudes)?,
            })
        });
        self.0 = frames.collect::<efy_train::Result<_>>()?;
        Ok(())
    }
}

/// Whether a step is 0 or 1, 2 or 5 times a power of ten.
fn due(step: u64) -> bool {
    let mut leading = step;
    while leading != 0 && leading.is_multiple_of(10) {
        leading /= 10;
    }
    matches!(leading, 0 | 1 | 2 | 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_ever_more_rarely() {
        let steps: Vec<u64> = (0..=1000).filter(|&step| due(step)).collect();
        assert_eq!(steps, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]);
    }
}
