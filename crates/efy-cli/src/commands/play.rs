//! `efy play`: one episode of a policy, as figures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use efy_envs::{
    Environment, Episode, Policy, Pose, Purpose, Record, Spec, make_many, rollout, starts,
};
use efy_plot::{
    Axis, Capsule, Chart, Drawing, Film, Format, Output, ScaleKind, write_drawing, write_film,
};
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
    let (environment, out, played) = match run.is_dir() {
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
            let played = play(&environment, |_| Ok(Box::new(policy)), arguments.seed)?;
            (environment, run.join("play"), played)
        }
        false => {
            let expert = Expert::load(&arguments.policy)?;
            let of = |spec: &Spec| expert.policy(spec);
            let played = play(&expert.environment, of, arguments.seed)?;
            let name = run.file_stem().unwrap_or_default().to_string_lossy();
            let out = PathBuf::from(format!("play-{name}"));
            (expert.environment.clone(), out, played)
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
    let Played {
        spec,
        episode,
        poses,
    } = played;
    for chart in charts(&spec, &episode) {
        files.extend(write_drawing(&chart as &dyn Drawing, &out, &how)?);
    }
    let film = film(&spec, poses);
    if let Some(film) = &film {
        files.extend(write_drawing(film, &out, &how)?);
    }
    let drawn = match (arguments.video, film) {
        (true, Some(film)) => {
            files.extend(write_film(&film, &out)?);
            "film"
        }
        (true, None) => {
            eprintln!("{environment} does not look like anything: no film, its trajectory only");
            "trajectory"
        }
        (false, _) => "trajectory",
    };
    output::json(&json!({
        "environment": environment, "seed": arguments.seed, "return": episode.total,
        "steps": episode.steps, "terminated": episode.terminated, "drawn": drawn, "files": files,
    }))
}

/// An episode, and what it looked like.
struct Played {
    spec: Spec,
    episode: Episode,
    /// Before the first step and after each, of an environment that looks like something.
    poses: Vec<Pose>,
}

/// One episode from a start for evaluations.
fn play(
    environment: &str,
    policy: impl FnOnce(&Spec) -> Result<Box<dyn Policy>, Error>,
    seed: u64,
) -> Result<Played, Error> {
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
    let poses = match environments.first_mut() {
        Some(first) => watch(first.as_mut(), &episode)?,
        None => Vec::new(),
    };
    Ok(Played {
        spec,
        episode,
        poses,
    })
}

/// The poses of an episode, which is gone through once more: the same start and actions lead to the same states.
fn watch(environment: &mut dyn Environment, episode: &Episode) -> Result<Vec<Pose>, Error> {
    let mut observation = vec![0.0; environment.spec().observation];
    environment.reset(episode.seed, &mut observation)?;
    let mut poses = Vec::from_iter(environment.pose());
    for action in episode
        .actions
        .chunks_exact(environment.spec().action().max(1))
    {
        environment.step(action, &mut observation)?;
        poses.extend(environment.pose());
    }
    Ok(poses)
}

/// Poses as a film.
fn film(spec: &Spec, poses: Vec<Pose>) -> Option<Film> {
    let (ground, seconds) = poses.first().map(|first| (first.ground, first.seconds))?;
    let part = |part: efy_envs::Capsule| Capsule {
        from: part.from,
        to: part.to,
        radius: part.radius,
        limb: part.limb,
    };
    let pictures = poses.into_iter();
    let pictures = pictures.map(|pose| pose.capsules.into_iter().map(part).collect());
    let title = format!("{}: poses", spec.name);
    Some(Film::new(
        "poses",
        title,
        ground,
        seconds,
        pictures.collect(),
    ))
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
