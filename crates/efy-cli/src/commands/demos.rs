//! `efy demos`.

use anyhow::Result;
use efy_envs::{Purpose, Record, Returns, make_many, rollout, starts};
use efy_tasks::Error;
use efy_tasks::imitation::demonstrations::{self, Demonstrations};
use efy_tasks::imitation::experts::Expert;

use crate::arguments::Demos;
use crate::output;

/// Environments that act side by side.
const SIDE_BY_SIDE: usize = 64;

pub(crate) fn run(arguments: &Demos) -> Result<()> {
    let expert = Expert::load(&arguments.expert)?;
    let count = arguments.episodes as usize;
    let made = make(&expert, count, arguments.seed)?;
    demonstrations::write(&arguments.out, &made)?;
    let returns = Returns::of(made.returns());
    output::line(&format!(
        "{}: {} episodes of {}, {} steps, return {:.2} ± {:.2}",
        arguments.out.display(),
        made.count(),
        expert.environment,
        made.len(),
        returns.mean,
        returns.deviation
    ))
}

fn make(expert: &Expert, count: usize, seed: u64) -> Result<Demonstrations, Error> {
    let mut environments = make_many(&expert.environment, count.min(SIDE_BY_SIDE))?;
    let spec = environments.first().map(|first| first.spec().clone());
    let spec = spec.ok_or(efy_envs::Error::NoEnvironments)?;
    let mut policy = expert.policy(&spec)?;
    let seeds = starts(Purpose::Demonstration, seed, count);
    let record = Record::Everything;
    let episodes = rollout(&mut environments, policy.as_mut(), &seeds, record)?;
    Demonstrations::of_episodes(&spec, &episodes)
}
