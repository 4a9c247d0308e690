//! `efy expert`.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use efy_envs::ars::{self, Progress, Settings};
use efy_envs::{Purpose, Record, Returns, make_many, rollout, starts};
use efy_tasks::Error;
use efy_tasks::imitation::experts::{self, Expert, Judged};
use efy_train::Control;
use serde_json::{Value, json};

use super::signals;
use crate::arguments::{EvalExpert, Expert as Arguments, ImportExpert, TrainExpert};
use crate::exit::{Ended, Usage};
use crate::output;

/// Episodes that a trained expert is judged by, and the seed that they start by.
const EPISODES: usize = 20;
const SEED: u64 = 0;
/// Environments that act side by side.
const SIDE_BY_SIDE: usize = 64;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments {
        Arguments::List { json } => list(*json),
        Arguments::Train(arguments) => train(arguments),
        Arguments::Eval(arguments) => evaluate(arguments),
        Arguments::Import(arguments) => import(arguments),
    }
}

fn list(as_json: bool) -> Result<()> {
    let experts: Vec<(&str, Expert)> = Expert::names()
        .into_iter()
        .map(|name| Ok((name, Expert::load(name)?)))
        .collect::<Result<_>>()?;
    if as_json {
        let rows: Vec<Value> = experts
            .iter()
            .map(|(name, expert)| {
                json!({"name": name, "origin": expert.origin, "returns": expert.returns})
            })
            .collect();
        return output::json(&rows);
    }
    output::table(experts.iter().map(|(name, expert)| {
        let returns = expert.returns.as_ref().map_or(String::new(), |judged| {
            format!(": return {:.0} ± {:.0}", judged.mean, judged.deviation)
        });
        (*name, format!("{}{returns}", expert.origin))
    }))
}

/// Refuses to replace a file unasked.
fn free(path: &Path, force: bool) -> Result<()> {
    if path.exists() && !force {
        let message = format!(
            "{} is there already; use --force to replace it",
            path.display()
        );
        return Err(Usage(message).into());
    }
    Ok(())
}

fn settings(arguments: &TrainExpert) -> Settings {
    let usual = Settings::of(&arguments.environment);
    Settings {
        seed: arguments.seed,
        iterations: arguments.iterations.unwrap_or(usual.iterations),
        directions: arguments.directions.unwrap_or(usual.directions),
        top: arguments.top.unwrap_or(usual.top),
        step: arguments.step.unwrap_or(usual.step),
        noise: arguments.noise.unwrap_or(usual.noise),
        bonus: arguments.bonus.unwrap_or(usual.bonus),
        evaluate_every: arguments.evaluate_every.unwrap_or(usual.evaluate_every),
        episodes: usual.episodes,
    }
}

fn train(arguments: &TrainExpert) -> Result<()> {
    let environment = arguments.environment.as_str();
    let settings = settings(arguments);
    settings.check().map_err(Error::from)?;
    let own = format!("{environment}.json");
    let path = arguments.out.as_deref().unwrap_or(Path::new(&own));
    free(path, arguments.force)?;
    let control = Control::default();
    signals::handle(&control)?;

    let begun = Instant::now();
    let mut failed = None;
    let mut observer = |progress: &Progress<'_>| {
        if let Some(returns) = progress.evaluated.filter(|_| !arguments.quiet) {
            tell(environment, &settings, (progress, returns), begun);
        }
        if let Some(best) = progress.best.filter(|_| progress.improved()) {
            // Whatever happens after this, what was found is there.
            let expert = Expert::trained(environment, &settings, best);
            failed = expert.save(path).err();
        }
        match failed.is_some() || control.signal.load(Ordering::Relaxed) != 0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let make = || efy_envs::make(environment);
    let best = ars::train(&make, &settings, &mut observer).map_err(Error::from)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut expert = Expert::trained(environment, &settings, &best);
    let judged = Judged::new(SEED, &returns(&expert, EPISODES, SEED)?);
    let facts = json!({
        "expert": path, "environment": environment, "iteration": best.iteration, "returns": &judged,
    });
    expert.returns = Some(judged);
    expert.save(path)?;
    output::json(&facts)?;
    match control.signal.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Ended {
            code: u8::try_from(128 + signal).unwrap_or(1),
            message: format!("stopped by a signal; {} is the best so far", path.display()),
        }
        .into()),
    }
}

fn tell(
    environment: &str,
    settings: &Settings,
    (progress, returns): (&Progress<'_>, &Returns),
    begun: Instant,
) {
    let best = progress.best.map_or(f64::NAN, |best| best.returns.mean);
    eprintln!(
        "{environment}: iteration {} of {}, {} steps, return {:.1}, best {best:.1}, {:.0} s",
        progress.iteration.iteration,
        settings.iterations,
        progress.iteration.steps,
        returns.mean,
        begun.elapsed().as_secs_f64()
    );
}

/// Returns of an expert in episodes that had no part in making it.
fn returns(expert: &Expert, episodes: usize, seed: u64) -> Result<Returns, Error> {
    let mut environments = make_many(&expert.environment, episodes.min(SIDE_BY_SIDE))?;
    let spec = environments.first().map(|first| first.spec().clone());
    let spec = spec.ok_or(efy_envs::Error::NoEnvironments)?;
    let mut policy = expert.policy(&spec)?;
    let seeds = starts(Purpose::Evaluation, seed, episodes);
    let record = Record::Returns;
    let played = rollout(&mut environments, policy.as_mut(), &seeds, record)?;
    Ok(Returns::of(played.iter().map(|episode| episode.total)))
}

fn evaluate(arguments: &EvalExpert) -> Result<()> {
    let expert = Expert::load(&arguments.expert)?;
    let found = returns(&expert, arguments.episodes as usize, arguments.seed)?;
    let judged = Judged::new(arguments.seed, &found);
    if arguments.json {
        return output::json(&json!({"environment": expert.environment, "returns": judged}));
    }
    let [least, low, median, high, most] = judged.quantiles.map(|value| format!("{value:.2}"));
    output::table([
        ("environment", expert.environment),
        ("episodes", judged.episodes.to_string()),
        ("mean", format!("{:.2}", judged.mean)),
        ("deviation", format!("{:.2}", judged.deviation)),
        ("minimum", least),
        ("quartile", low),
        ("median", median),
        ("upper quartile", high),
        ("maximum", most),
    ])
}

fn import(arguments: &ImportExpert) -> Result<()> {
    free(&arguments.out, arguments.force)?;
    let expert = experts::import(&arguments.file, &arguments.environment)?;
    let environment = efy_envs::make(&arguments.environment).map_err(Error::from)?;
    // Sizes are wrong now rather than when it has to act.
    expert.policy(environment.spec())?;
    expert.save(&arguments.out)?;
    output::line(&format!(
        "{}: expert for {}",
        arguments.out.display(),
        expert.environment
    ))
}
