//! Episodes of a policy in many environments at once.

use std::fmt;
use std::time::Instant;

use anyhow::{Result, anyhow};
use efy_envs::{Linear, Policy, Random, Record, Spec, Zero, make_many, rollout};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::arguments::Bench;
use crate::exit::Usage;
use crate::output;

/// Windows that the time is divided into; the rate is the median of theirs.
const WINDOWS: usize = 5;

/// What is run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Workload {
    /// Which environment.
    environment: String,
    /// What acts in it.
    policy: Acts,
    /// Environments side by side.
    environments: usize,
    /// Threads that step them; as many as there are processors where nothing is said.
    threads: Option<usize>,
    /// Exactly so many episodes, in place of a time.
    episodes: Option<usize>,
    /// The first seed; the next episode has the next.
    seed: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            environment: "pendulum".to_owned(),
            policy: Acts::Random,
            environments: 16,
            threads: None,
            episodes: None,
            seed: 0,
        }
    }
}

/// The policies that need no training.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Acts {
    /// Nothing.
    Zero,
    /// Uniform in the box.
    Random,
    /// A linear policy with small weights.
    Linear,
}

impl fmt::Display for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Acts::Zero => "zero",
            Acts::Random => "random",
            Acts::Linear => "linear",
        })
    }
}

impl Acts {
    fn policy(self, spec: &Spec, seed: u64) -> Result<Box<dyn Policy>> {
        Ok(match self {
            Acts::Zero => Box::new(Zero::new(spec)),
            Acts::Random => Box::new(Random::new(spec, seed)),
            Acts::Linear => {
                let (d, k) = (spec.observation, spec.action());
                // As in `benches/peers/rollout.py`.
                let weights = (0..d * k).map(|i| 0.1 * (i as f64 + 1.0).sin()).collect();
                Box::new(Linear::new(spec, weights, vec![0.0; d], vec![1.0; d])?)
            }
        })
    }
}

/// What came of some episodes.
#[derive(Default)]
struct Done {
    episodes: usize,
    steps: usize,
    seconds: f64,
    total: f64,
}

pub(super) fn run(arguments: &Bench) -> Result<()> {
    let workload: Workload = efy_train::config::from_text("bench", "{}", &arguments.set)?;
    let available = std::thread::available_parallelism().map_or(1, |count| count.get());
    let threads = workload.threads.unwrap_or(available);
    for (name, value) in [
        ("environments", workload.environments),
        ("threads", threads),
        ("episodes", workload.episodes.unwrap_or(1)),
    ] {
        if value == 0 {
            let message = format!("bench: {name}: expected a positive integer, found 0");
            return Err(anyhow!(Usage(message)));
        }
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let done = pool.install(|| workload.windows(arguments.seconds))?;
    let mut rates: Vec<f64> = done
        .iter()
        .map(|window| window.steps as f64 / window.seconds)
        .collect();
    rates.sort_by(f64::total_cmp);
    let rate = rates[rates.len() / 2];
    let sum = |of: &dyn Fn(&Done) -> f64| -> f64 { done.iter().map(of).sum() };
    let episodes: usize = done.iter().map(|window| window.episodes).sum();
    let steps: usize = done.iter().map(|window| window.steps).sum();
    let seconds = sum(&|window| window.seconds);
    let mean = sum(&|window| window.total) / episodes as f64;
    if arguments.json {
        let mut settings = serde_json::to_value(&workload)?;
        settings["threads"] = json!(threads);
        return output::json(&json!({
            "bench": "rollout", "episodes": episodes, "steps": steps, "seconds": seconds,
            "steps_per_second": rate, "mean_return": mean, "settings": settings,
        }));
    }
    let Workload {
        environment,
        policy,
        environments,
        ..
    } = workload;
    output::line(&format!(
        "{rate:.0} steps/s  ({steps} steps of {episodes} episodes in {seconds:.2} s; {environment}, {policy} policy, \
         {environments} environments, threads {threads}; mean return {mean:.4})"
    ))
}

impl Workload {
    /// One window of exactly the episodes asked for, or as many windows as share the time, after one to warm up.
    fn windows(&self, seconds: f64) -> Result<Vec<Done>> {
        let mut environments = make_many(&self.environment, self.environments)?;
        let mut policy = self.policy.policy(environments[0].spec(), self.seed)?;
        let mut next = self.seed;
        let mut window = |episodes: usize| -> Result<Done> {
            let seeds: Vec<u64> = (0..episodes as u64).map(|i| next.wrapping_add(i)).collect();
            next = next.wrapping_add(episodes as u64);
            let started = Instant::now();
            let episodes = rollout(&mut environments, &mut *policy, &seeds, Record::Returns)?;
            Ok(Done {
                episodes: episodes.len(),
                steps: episodes.iter().map(|episode| episode.steps).sum(),
                seconds: started.elapsed().as_secs_f64(),
                total: episodes.iter().map(|episode| episode.total).sum(),
            })
        };
        if let Some(episodes) = self.episodes {
            return Ok(vec![window(episodes)?]);
        }
        let share = seconds / WINDOWS as f64;
        // Rounds of all environments that a window holds, so that few of them are idle at its end.
        let mut rounds = 1;
        let warm = window(self.environments)?;
        if warm.seconds < share {
            rounds = (share / warm.seconds) as usize;
        }
        (0..WINDOWS)
            .map(|_| window(rounds.max(1) * self.environments))
            .collect()
    }
}
