//! A search from its beginning to its end, and the best policy on the way.

use std::ops::ControlFlow;

use super::{Iteration, Search, Settings};
use crate::{Environment, Linear, Purpose, Record, Result, Returns, rollout, starts};

/// A policy and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The policy with the largest mean return of all that were evaluated.
    pub policy: Linear,
    /// Its returns in that evaluation, bonus included; they chose it, and so are a little too good.
    pub returns: Returns,
    /// The iteration after which it was evaluated.
    pub iteration: u64,
}

/// What is told after an iteration.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The iteration.
    pub iteration: Iteration,
    /// The returns of the policy without noise, if it was evaluated.
    pub evaluated: Option<&'a Returns>,
    /// The best policy so far.
    pub best: Option<&'a Trained>,
}

impl Progress<'_> {
    /// Whether the best policy is that of this iteration.
    pub fn improved(&self) -> bool {
        let last = self.iteration.iteration;
        self.best.is_some_and(|best| best.iteration == last)
    }
}

/// Searches, evaluates the policy every so often and at the end, and returns the best. `observer` is told of every iteration; when it breaks, the search
/// ends, and what it has come to is evaluated once more.
///
/// The episodes of evaluations start elsewhere than those of the search, and elsewhere than [`starts`] for other purposes.
///
/// # Errors
/// What [`Search`] and [`rollout`] say.
pub fn train(
    make: &dyn Fn() -> Result<Box<dyn Environment>>,
    settings: &Settings,
    observer: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Trained> {
    let mut search = Search::new(make, settings.clone())?;
    let mut environments = (0..settings.episodes)
        .map(|_| make())
        .collect::<Result<Vec<_>>>()?;
    let seeds = starts(Purpose::Selection, settings.seed, settings.episodes);
    let mut evaluate = |search: &Search| -> Result<Trained> {
        let mut policy = search.policy()?;
        let episodes = rollout(&mut environments, &mut policy, &seeds, Record::Returns)?;
        Ok(Trained {
            policy,
            returns: Returns::of(episodes.iter().map(|episode| episode.total)),
            iteration: search.iteration(),
        })
    };
    let mut best: Option<Trained> = None;
    loop {
        let iteration = search.iterate()?;
        let last = iteration.iteration == settings.iterations;
        let mut evaluated = None;
        if last || iteration.iteration.is_multiple_of(settings.evaluate_every) {
            let now = evaluate(&search)?;
            evaluated = Some(now.returns.clone());
            best = Some(better(best, now));
        }
        let stop = observer(&Progress {
            iteration,
            evaluated: evaluated.as_ref(),
            best: best.as_ref(),
        });
        if stop.is_break() && evaluated.is_none() {
            best = Some(better(best, evaluate(&search)?));
        }
        match best {
            Some(best) if last || stop.is_break() => return Ok(best),
            so_far => best = so_far,
        }
    }
}

/// The one with the larger mean return; of equal ones the first.
fn better(best: Option<Trained>, now: Trained) -> Trained {
    match best {
        Some(best) if best.returns.mean >= now.returns.mean => best,
        _ => now,
    }
}
