//! Vectorized rollouts beside gymnasium's vector environments, in alternating rounds of one run, at equal cores: one thread beside
//! `SyncVectorEnv`, as many as there are processors beside `AsyncVectorEnv`, which has a process for each environment. And beside the
//! floor: the same states and actions through MuJoCo's `mj_step` alone, in a bare loop.
//!
//! `cargo bench -p efy-bench --bench rollout -- 64 hopper` has 64 environments, and Hopper alone. Times are the smallest of all rounds:
//! other programs can only add to them. Beside the time that passed stands processor time, to which they add less.

mod peer;

use std::error::Error;
use std::time::{Duration, Instant};

use efy_envs::mujoco::{Body, Locomotion};
use efy_envs::{Environment, Episode, Linear, Record, Spec, make_many, rollout};
use nix::sys::resource::{UsageWho, getrusage};
use peer::Peer;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const NAMES: [&str; 6] = [
    "hopper",
    "half_cheetah",
    "walker2d",
    "swimmer",
    "ant",
    "pendulum",
];
/// Environments, unless the command says another number.
const ENVIRONMENTS: usize = 16;
const ROUNDS: usize = 7;
/// Seconds of a round on either side, nearly.
const SECONDS: f64 = 0.4;
/// Episodes whose states the floor is measured on.
const FLOOR_EPISODES: u64 = 8;

/// Microseconds of a step of one environment: the time that passed, and processor time of all threads.
#[derive(Clone, Copy)]
struct Cost {
    passed: f64,
    processor: f64,
}

impl Cost {
    const NONE: Cost = Cost {
        passed: f64::INFINITY,
        processor: f64::INFINITY,
    };

    fn of(passed: Duration, processor: Duration, steps: usize) -> Cost {
        let each = |time: Duration| 1e6 * time.as_secs_f64() / steps.max(1) as f64;
        Cost {
            passed: each(passed),
            processor: each(processor),
        }
    }

    /// The smaller of both, either for itself.
    fn or_less(self, other: Cost) -> Cost {
        Cost {
            passed: self.passed.min(other.passed),
            processor: self.processor.min(other.processor),
        }
    }
}

/// Processor time of this process.
fn processor() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs_f64(time.tv_sec() as f64 + 1e-6 * time.tv_usec() as f64)
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration, Duration)> {
    let (started, busy) = (Instant::now(), processor()?);
    let done = work()?;
    Ok((done, started.elapsed(), processor()? - busy))
}

/// A linear policy, as in `peers/rollout.py`.
fn policy(spec: &Spec) -> Result<Linear> {
    let (d, k) = (spec.observation, spec.action());
    let weights = (0..d * k).map(|i| 0.1 * (i as f64 + 1.0).sin()).collect();
    Ok(Linear::new(spec, weights, vec![0.0; d], vec![1.0; d])?)
}

/// Steps of whole episodes.
struct Efy {
    environments: Vec<Box<dyn Environment>>,
    policy: Linear,
    pool: rayon::ThreadPool,
    episodes: u64,
    next: u64,
}

impl Efy {
    fn new(name: &str, count: usize, threads: usize) -> Result<Efy> {
        let environments = make_many(name, count)?;
        Ok(Efy {
            policy: policy(environments[0].spec())?,
            environments,
            pool: rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?,
            episodes: count as u64,
            next: 0,
        })
    }

    fn round(&mut self) -> Result<Cost> {
        let seeds: Vec<u64> = (self.next..self.next + self.episodes).collect();
        self.next += self.episodes;
        let (environments, policy) = (&mut self.environments, &mut self.policy);
        let (episodes, passed, busy) = timed(|| {
            let record = Record::Returns;
            let run = || rollout(environments, policy, &seeds, record);
            Ok(self.pool.install(run)?)
        })?;
        // The next round takes about the time it should.
        let rate = self.episodes as f64 / passed.as_secs_f64();
        self.episodes = ((rate * SECONDS) as u64).max(self.environments.len() as u64);
        let steps = episodes.iter().map(|episode| episode.steps).sum();
        Ok(Cost::of(passed, busy, steps))
    }
}

/// The states and actions of some episodes, to go through again with nothing but physics.
struct Floor {
    body: Locomotion,
    /// Of each episode: positions and velocities to begin with, and what was done.
    episodes: Vec<(Vec<f64>, Vec<f64>, Episode)>,
}

impl Floor {
    /// `None` for an environment that has no physics engine.
    fn new(name: &str) -> Result<Option<Floor>> {
        let Ok(body) = Body::from_name(name) else {
            return Ok(None);
        };
        let seeds: Vec<u64> = (0..FLOOR_EPISODES).collect();
        let mut environments = make_many(name, seeds.len())?;
        let mut policy = policy(environments[0].spec())?;
        let done = rollout(&mut environments, &mut policy, &seeds, Record::Everything)?;
        let mut body = Locomotion::new(body)?;
        let mut observation = vec![0.0; body.spec().observation];
        let mut episodes = Vec::new();
        for episode in done {
            body.reset(episode.seed, &mut observation)?;
            let (positions, velocities) = body.state();
            episodes.push((positions.to_vec(), velocities.to_vec(), episode));
        }
        Ok(Some(Floor { body, episodes }))
    }

    fn round(&mut self) -> Result<Cost> {
        let k = self.body.spec().action();
        let (mut steps, mut passed, mut busy) = (0, Duration::ZERO, Duration::ZERO);
        while passed.as_secs_f64() < SECONDS {
            for (positions, velocities, episode) in &self.episodes {
                self.body.set_state(positions, velocities)?;
                let ((), time, processor) = timed(|| {
                    for action in episode.actions.chunks_exact(k) {
                        self.body.simulate(action);
                    }
                    Ok(())
                })?;
                steps += episode.steps;
                passed += time;
                busy += processor;
            }
        }
        Ok(Cost::of(passed, busy, steps))
    }
}

/// A peer and how many steps its rounds have.
struct Gymnasium(Option<Peer>, u64);

impl Gymnasium {
    fn round(&mut self, count: usize) -> Cost {
        let Gymnasium(Some(peer), steps) = self else {
            return Cost::NONE;
        };
        let [passed, busy] = peer.times(*steps);
        let cost = Cost::of(passed, busy, *steps as usize * count);
        *steps = ((*steps as f64 * SECONDS / passed.as_secs_f64()) as u64).max(10);
        cost
    }
}

fn compare(name: &str, count: usize, threads: usize) -> Result<()> {
    let size = count.to_string();
    let mut sides = [(1, "sync"), (threads, "async")]
        .map(|(threads, mode)| (threads, mode, Cost::NONE, Cost::NONE))
        .to_vec();
    let mut floor = Floor::new(name)?;
    let mut least = Cost::NONE;
    for (threads, mode, ours, theirs) in &mut sides {
        let mut efy = Efy::new(name, count, *threads)?;
        efy.round()?;
        let mut peer = Gymnasium(Peer::start("rollout.py", &[name, &size, mode]), 20);
        peer.round(count);
        for _ in 0..ROUNDS {
            *ours = ours.or_less(efy.round()?);
            *theirs = theirs.or_less(peer.round(count));
            if let Some(floor) = &mut floor {
                least = least.or_less(floor.round()?);
            }
        }
    }
    for (threads, mode, ours, theirs) in sides {
        let line = |what: &str, of: &dyn Fn(&Cost) -> f64| {
            let (efy, gymnasium) = (of(&ours), of(&theirs));
            let part = match floor {
                Some(_) => format!(
                    "physics alone {:7.2} us: {:3.0} % of efy, {:3.0} % of gymnasium",
                    of(&least),
                    100.0 * of(&least) / efy,
                    100.0 * of(&least) / gymnasium
                ),
                None => String::new(),
            };
            println!(
                "{name:12} {count:3} environments, {threads} threads, {mode:5} {what:9} efy {efy:7.2} us a step, \
                 gymnasium {gymnasium:7.2} us, {:5.2} times; {part}",
                gymnasium / efy
            );
        };
        line("processor", &|cost| cost.processor);
        line("passed", &|cost| cost.passed);
    }
    Ok(())
}

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let words: Vec<String> = std::env::args().skip(1).collect();
    let count = words.iter().find_map(|word| word.parse().ok());
    let chosen = |name: &&str| words.iter().any(|word| word == name);
    let some = NAMES.iter().any(chosen);
    for name in NAMES.iter().filter(|name| !some || chosen(name)) {
        if let Err(error) = compare(name, count.unwrap_or(ENVIRONMENTS), threads) {
            eprintln!("skipped: {name}: {error}");
        }
    }
}
