//! Vectorized rollouts beside gymnasium's vector environments, in alternating rounds of one run, at equal cores: one thread beside
//! `SyncVectorEnv`, as many as there are processors beside `AsyncVectorEnv`, which has a process for each environment.

mod peer;

use std::time::Instant;

use efy_envs::{Linear, Record, Result, make_many, rollout};
use peer::Peer;

const NAMES: [&str; 5] = ["hopper", "half_cheetah", "walker2d", "swimmer", "ant"];
const ENVIRONMENTS: usize = 16;
/// Rounds, of which medians are taken.
const ROUNDS: usize = 7;
/// Seconds of a round on either side, nearly.
const SECONDS: f64 = 0.5;

/// Steps a second of whole episodes with a linear policy, as in `peers/rollout.py`.
struct Efy {
    name: &'static str,
    pool: rayon::ThreadPool,
    episodes: u64,
    next: u64,
}

impl Efy {
    fn rate(&mut self) -> Result<f64> {
        self.pool.install(|| {
            let mut environments = make_many(self.name, ENVIRONMENTS)?;
            let spec = environments[0].spec().clone();
            let (d, k) = (spec.observation, spec.action());
            let weights = (0..d * k).map(|i| 0.1 * (i as f64 + 1.0).sin()).collect();
            let mut policy = Linear::new(&spec, weights, vec![0.0; d], vec![1.0; d])?;
            let seeds: Vec<u64> = (self.next..self.next + self.episodes).collect();
            self.next += self.episodes;
            let started = Instant::now();
            let episodes = rollout(&mut environments, &mut policy, &seeds, Record::Returns)?;
            let seconds = started.elapsed().as_secs_f64();
            // The next round takes about the time it should.
            self.episodes =
                ((self.episodes as f64 * SECONDS / seconds) as u64).max(ENVIRONMENTS as u64);
            Ok(episodes.iter().map(|episode| episode.steps).sum::<usize>() as f64 / seconds)
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn compare(name: &'static str, threads: usize, mode: &str) -> Result<()> {
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        eprintln!("skipped: {name}: no threads");
        return Ok(());
    };
    let mut efy = Efy {
        name,
        pool,
        episodes: ENVIRONMENTS as u64,
        next: 0,
    };
    efy.rate()?;
    let count = ENVIRONMENTS.to_string();
    let mut peer = Peer::start("rollout.py", &[name, &count, mode]);
    let mut steps = 50;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let own = efy.rate()?;
        ours.push(own);
        if let Some(peer) = &mut peer {
            let seconds = peer.time(steps).as_secs_f64();
            let other = (steps as usize * ENVIRONMENTS) as f64 / seconds;
            steps = ((steps as f64 * SECONDS / seconds) as u64).max(10);
            theirs.push(other);
            ratios.push(own / other);
        }
    }
    println!(
        "{name:12}  {threads} threads, {mode:5}  efy {:8.0} steps/s  gymnasium {:8.0} steps/s  {:5.1} times",
        median(ours),
        median(theirs),
        median(ratios)
    );
    Ok(())
}

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    for name in NAMES {
        for (threads, mode) in [(1, "sync"), (threads, "async")] {
            if let Err(error) = compare(name, threads, mode) {
                eprintln!("skipped: {name}: {error}");
            }
        }
    }
}
