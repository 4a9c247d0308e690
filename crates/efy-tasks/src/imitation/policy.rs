//! Trained energies as policies.

use efy_core::device::read;
use efy_envs::Policy;
use efy_train::Objective;
use tch::{Kind, Tensor};

use super::lesson::matrix;
use super::{ActionBox, References};
use crate::Result;
use crate::supervised::{Scaling, Supervised};

/// A trained energy that acts: for a batch of states one pass of the network and one solve.
///
/// ```no_run
/// use efy_envs::{Record, make_many, rollout};
/// use efy_tasks::config::Config;
/// use efy_tasks::imitation;
/// use efy_train::RunDirectory;
/// use tch::Device;
///
/// let run = RunDirectory::open("runs/pendulum".as_ref())?;
/// let config = Config::load(&run.config(), &[])?;
/// let mut policy = imitation::open(&run, &config, Device::Cpu)?;
/// let mut environments = make_many(policy.environment(), 8)?;
/// for episode in rollout(&mut environments, &mut policy, &[1, 2, 3], Record::Returns)? {
///     println!("{}", episode.total);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EnergyPolicy {
    pub(super) learner: Supervised,
    pub(super) scaling: Scaling,
    pub(super) action_box: ActionBox,
    pub(super) environment: String,
    pub(super) references: References,
}

impl EnergyPolicy {
    /// The environment it was trained for.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// What its returns were measured by when it was trained.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Numbers of an observation, d.
    #[must_use]
    pub fn observation(&self) -> usize {
        self.scaling.mean.numel()
    }

    /// Numbers of an action, k.
    #[must_use]
    pub fn action(&self) -> usize {
        self.action_box.dimension()
    }

    /// The model.
    #[must_use]
    pub fn learner(&self) -> &Supervised {
        &self.learner
    }

    /// The actions for `observations`, `[n, d]` row by row: `[n, k]`, in the box.
    ///
    /// # Errors
    /// Those of the model and the solver.
    pub fn actions(&self, observations: &[f64]) -> Result<Vec<f64>> {
        self.acting().actions(observations)
    }

    fn acting(&self) -> Acting<'_> {
        Acting {
            learner: &self.learner,
            scaling: &self.scaling,
            action_box: &self.action_box,
        }
    }
}

impl Policy for EnergyPolicy {
    fn act(
        &mut self,
        count: usize,
        observations: &[f64],
        actions: &mut [f64],
    ) -> efy_envs::Result<()> {
        self.acting().act(count, observations, actions)
    }
}

/// A model that acts while it is being trained.
pub(super) struct Acting<'a> {
    pub(super) learner: &'a Supervised,
    pub(super) scaling: &'a Scaling,
    pub(super) action_box: &'a ActionBox,
}

impl Acting<'_> {
    fn actions(&self, observations: &[f64]) -> Result<Vec<f64>> {
        // Observations are normalized in f64, as those of training were.
        let x = matrix(observations, self.scaling.mean.numel())?;
        let kind = self.learner.parameters().flat().kind();
        let x: Tensor = self.scaling.apply(&x.to_kind(Kind::Double)).to_kind(kind);
        let points: Vec<f64> = read::to_vec(&self.learner.predict(&x)?)?;
        Ok(self.action_box.from_unit(&points))
    }
}

impl Policy for Acting<'_> {
    fn act(
        &mut self,
        _count: usize,
        observations: &[f64],
        actions: &mut [f64],
    ) -> efy_envs::Result<()> {
        let found = self.actions(observations);
        let found = found.map_err(|error| efy_envs::Error::Policy(error.to_string()))?;
        if found.len() != actions.len() {
            return Err(efy_envs::Error::Length {
                what: "action",
                expected: actions.len(),
                found: found.len(),
            });
        }
        actions.copy_from_slice(&found);
        Ok(())
    }
}
