//! `efy play`: one episode of a policy, as figures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use efy_envs::{Episode, Policy, Purpose, Record, Spec, make_many, rollout, starts};
use efy_plot::{Axis, Chart, Drawing, Format, Output, ScaleKind, write_drawing};
use efy_tasks::Error;
use efy_tasks::config::{Config, Task};
use efy_tasks::imitation::{self, experts::Expert};
use efy_train::RunDirectory;
use serde_json::json;
use tch::Device;

use crate::arguments::Play;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Play) -> Result<()> {
    let formats: Vec<Format> = arguments
        .format
        .iter()
        .map(|format| format.parse())
        .collect::<Result<_, efy_plot::Error>>()?;
    let run = Path::new(&arguments.policy);
    let (environment, out, episode, spec) = match run.is_dir() {
        true => {
            let directory = RunDirectory::open(run)?;
            let config = Config::load(&directory.config(), &[])?;
            if config.task != Task::Imitation {
                let (run, task) = (run.display(), config.task.name());
                let message = format!("{run}: expected a run of task imitation, found {task}");
                return Err(Usage(message).into());
            }
            let policy = imitation::open(&directory, &config, Device::Cpu)?;
            let environment = policy.environment().to_owned();
            let (episode, spec) = play(&environment, |_| Ok(Box::new(policy)), arguments.seed)?;
            (environment, run.join("play"), episode, spec)
        }
        false => {
            let expert = Expert::load(&arguments.policy)?;
            let of = |spec: &Spec| expert.policy(spec);
            let (episode, spec) = play(&expert.environment, of, arguments.seed)?;
            let name = run.file_stem().unwrap_or_default().to_string_lossy();
            let out = PathBuf::from(format!("play-{name}"));
            (expert.environment.clone(), out, episode, spec)
        }
    };
    let out = arguments.out.clone().unwrap_or(out);
    std::fs::create_dir_all(&out)
        .map_err(|error| anyhow::anyhow!("{}: cannot make it: {error}", out.display()))?;
    let how = Output {
        formats,
        ..Output::default()
    };
    let mut files = Vec::new();
    for chart in charts(&spec, &episode) {
        files.extend(write_drawing(&chart as &dyn Drawing, &out, &how)?);
    }
    if arguments.video {
        eprintln!("no renderer in this build: drew the trajectory instead of frames");
    }
    output::json(&json!({
        "environment": environment, "seed": arguments.seed, "return": episode.total,
        "steps": episode.steps, "terminated": episode.terminated, "drawn": "trajectory", "files": files,
    }))
}

/// One episode from a start for evaluations.
fn play(
    environment: &str,
    policy: impl FnOnce(&Spec) -> Result<Box<dyn Policy>, Error>,
    seed: u64,
) -> Result<(Episode, Spec), Error> {
    let mut environments = make_many(environment, 1)?;
    let spec = environments.first().map(|first| first.spec().clone());
    let spec = spec.ok_or(efy_envs::Error::NoEnvironments)?;
    let mut policy = policy(&spec)?;
    let seeds = starts(Purpose::Evaluation, seed, 1);
    let mut episodes = rollout(
        &mut environments,
        policy.as_mut(),
        &seeds,
        Record::Everything,
    )?;
    let episode = episodes.pop().ok_or(efy_envs::Error::NoEnvironments)?;
    Ok((episode, spec))
}

/// Observation and action over time, the action as the environment clips it, and the sum of rewards so far.
fn charts(spec: &Spec, episode: &Episode) -> [Chart; 3] {
    let columns = |numbers: &[f64], width: usize, letter: char| -> Vec<_> {
        (0..width)
            .map(|column| {
                let values = numbers.iter().skip(column).step_by(width).enumerate();
                let points = values.map(|(step, &value)| (step as f64, value)).collect();
                (column, format!("{letter}{}", column + 1), points)
            })
            .collect()
    };
    let bounds = spec.low.iter().zip(&spec.high).cycle();
    let actions = episode.actions.iter().zip(bounds);
    let actions: Vec<f64> = actions
        .map(|(a, (&low, &high))| a.clamp(low, high))
        .collect();
    let mut sum = 0.0;
    let sums = episode.rewards.iter().map(|reward| {
        sum += reward;
        sum
    });
    let sums: Vec<f64> = sums.collect();
    let mut reward = columns(&sums, 1, 'r');
    reward
        .iter_mut()
        .for_each(|line| line.1 = "return so far".to_owned());
    let chart = |name: &str, label: &str, lines| {
        let axis = |label: &str, scale| Axis {
            label: label.to_owned(),
            scale,
            bounds: None,
        };
        let axes = (
            axis("step", ScaleKind::Whole),
            axis(label, ScaleKind::Linear),
        );
        Chart::new(name, format!("{}: {label}", spec.name), axes, lines)
    };
    [
        chart(
            "observation",
            "observation",
            columns(&episode.observations, spec.observation, 'o'),
        ),
        chart("action", "action", columns(&actions, spec.action(), 'a')),
        chart("return", "sum of rewards", reward),
    ]
}
