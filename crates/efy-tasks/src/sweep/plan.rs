//! The trials of a sweep: a pure function of its file and of the base configuration.

use std::path::Path;

use serde_json::json;

use super::config::{Method, SweepConfig, wrong};
use super::space::{Setting, describe, grid, random};
use crate::config::{Config, DataConfig};
use crate::data::Cache;
use crate::supervised::dataset;
use crate::{Error, Result};

/// All trials of a sweep, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What messages call the file.
    pub origin: String,
    /// The sweep with everything that it leaves to defaults; `base` is as the file has it.
    pub sweep: SweepConfig,
    /// Its name.
    pub name: String,
    /// The validation metric that the best setting is chosen by.
    pub monitor: String,
    /// The configuration that is varied.
    pub base: Config,
    /// The settings.
    pub settings: Vec<Setting>,
    /// The trials: all seeds of the first setting, then all of the second.
    pub trials: Vec<Trial>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its place in the plan.
    pub index: usize,
    /// The place of its setting.
    pub setting: usize,
    /// What its run directory is called: 007 for the first seed of setting 7, 007-1 for the second. It
    /// stays the same when settings or seeds are added to a sweep.
    pub name: String,
    /// What is trained.
    pub config: Config,
}

impl Plan {
    /// Reads a sweep and its base configuration, and checks every trial.
    ///
    /// # Errors
    /// [`efy_train::Error`] naming the file and the key, what was expected and what was found.
    pub fn load(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        let mut sweep = SweepConfig::load(path)?;
        let choices = sweep.choices(&origin)?;
        let name = sweep.resolve_name(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let base = Config::load(&folder.join(&sweep.base), &[])?;
        let monitor = sweep.resolve_monitor(&origin, &base)?;
        sweep.name = Some(name.clone());
        sweep.monitor = Some(monitor.clone());

        let settings = match sweep.method {
            Method::Grid => grid(&choices),
            Method::Random => (0..sweep.trials.unwrap_or_default())
                .map(|index| random(&choices, sweep.seed, index))
                .collect(),
        };
        let text = efy_train::config::to_yaml(&base)?;
        let mut trials = Vec::with_capacity(settings.len() * sweep.seeds);
        for (number, setting) in settings.iter().enumerate() {
            let varied = varied(&origin, &text, setting)?;
            for repetition in 0..sweep.seeds {
                let mut config = varied.clone();
                let index = trials.len();
                let trial = match repetition {
                    0 => format!("{number:03}"),
                    _ => format!("{number:03}-{repetition}"),
                };
                config.name = format!("{name}-{trial}");
                config.train.seed = seed(&origin, varied.train.seed, repetition)?;
                trials.push(Trial {
                    index,
                    setting: number,
                    name: trial,
                    config,
                });
            }
        }
        Ok(Plan {
            origin,
            sweep,
            name,
            monitor,
            base,
            settings,
            trials,
        })
    }

    /// Reads every data set that these trials are about.
    ///
    /// # Errors
    /// [`Error`] naming the file or the data set.
    pub fn check_data<'a>(
        &self,
        trials: impl IntoIterator<Item = &'a Trial>,
        cache: &Cache,
    ) -> Result<()> {
        let mut seen: Vec<&DataConfig> = Vec::new();
        for trial in trials {
            if !seen.contains(&&trial.config.data) {
                dataset(&trial.config, cache)?;
                seen.push(&trial.config.data);
            }
        }
        Ok(())
    }

    /// A trial in a few words: `trial 003 (train.lr 0.001, train.seed 1)`.
    #[must_use]
    pub fn describe(&self, trial: &Trial) -> String {
        let mut setting = self.settings[trial.setting].clone();
        if self.sweep.seeds > 1 {
            setting.insert("train.seed".to_owned(), json!(trial.config.train.seed));
        }
        format!("trial {} ({})", trial.name, describe(&setting))
    }
}

impl Trial {
    /// Whether another configuration describes the same run; names do not matter.
    #[must_use]
    pub fn is_of(&self, config: &Config) -> bool {
        let name = config.name.clone();
        let own = Config {
            name,
            ..self.config.clone()
        };
        own == *config
    }
}

fn seed(origin: &str, first: u64, repetition: usize) -> Result<u64> {
    first.checked_add(repetition as u64).ok_or_else(|| {
        let message = format!("train.seed {first} leaves no room for them");
        wrong(origin, "seeds", &message)
    })
}

/// The base configuration with a setting; what is wrong is put down to the key that sets it.
fn varied(origin: &str, base: &str, setting: &Setting) -> Result<Config> {
    let sets: Vec<String> = setting
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let put_down = |error: efy_train::Error| match error {
        efy_train::Error::Config {
            origin: at,
            message,
        } => blame(origin, &at, &message, setting),
        error => error.into(),
    };
    let mut config = Config::from_text(origin, base, &sets).map_err(put_down)?;
    config.data.make_absolute()?;
    Ok(config)
}

/// `--set train.lr=-1: train.lr: expected ...` becomes `SWEEP.yaml: parameters.train.lr: expected ...`.
fn blame(origin: &str, at: &str, message: &str, setting: &Setting) -> Error {
    let set = at
        .strip_prefix("--set ")
        .and_then(|set| set.split_once('='));
    let (named, rest) = message.split_once(": ").unwrap_or(("", message));
    let parent = format!("{named}.");
    // A section that does not exist is named without the key that made it up.
    let by_name = || setting.keys().find(|key| key.starts_with(&parent));
    match set
        .map(|(key, _)| key)
        .or_else(|| by_name().map(String::as_str))
    {
        Some(key) if key == named => wrong(origin, &format!("parameters.{key}"), rest),
        Some(key) => wrong(origin, &format!("parameters.{key}"), message),
        None => wrong(
            origin,
            &format!("parameters: {}", describe(setting)),
            message,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan;

    #[test]
    fn a_grid_has_a_trial_for_every_setting_and_seed() {
        let plan =
            plan("seeds: 2\nparameters: {train.lr: [0.1, 0.2], model.rank: [1, 2, 3]}").unwrap();
        assert_eq!((plan.settings.len(), plan.trials.len()), (6, 12));
        assert_eq!(
            (plan.name.as_str(), plan.monitor.as_str()),
            ("rates", "micro_f1")
        );
        let trial = &plan.trials[9];
        assert_eq!(
            (trial.index, trial.setting, trial.name.as_str()),
            (9, 4, "004-1")
        );
        assert_eq!(trial.config.name, "rates-004-1");
        assert_eq!((trial.config.train.lr, trial.config.model.rank), (0.2, 2));
        assert_eq!((trial.config.train.seed, trial.config.train.epochs), (6, 3));
        let described = plan.describe(trial);
        assert_eq!(
            described,
            "trial 004-1 (train.lr 0.2, model.rank 2, train.seed 6)"
        );
    }

    #[test]
    fn more_trials_and_more_seeds_keep_the_earlier_ones() {
        let text = |trials, seeds| {
            format!(
                "method: random\ntrials: {trials}\nseed: 4\nseeds: {seeds}\nparameters:\n  \
                 train.lr: {{min: 1e-4, max: 1e-1, scale: log}}\n  model.kind: [unary, pairwise]\n"
            )
        };
        let few = plan(&text(5, 1)).unwrap();
        assert_eq!(few.trials, plan(&text(5, 1)).unwrap().trials);
        let many = plan(&text(9, 3)).unwrap();
        assert_eq!(few.settings[..], many.settings[..5]);
        for trial in &few.trials {
            let same = many.trials.iter().find(|other| other.name == trial.name);
            assert_eq!(trial.config, same.unwrap().config);
        }
        let rates: std::collections::BTreeSet<String> = many
            .settings
            .iter()
            .map(|setting| setting["train.lr"].to_string())
            .collect();
        assert_eq!(rates.len(), 9, "{rates:?}");
    }

    #[test]
    fn whole_sections_can_be_varied() {
        let text = "parameters:\n  model: [{kind: unary, hidden: [4, 5]}, {kind: spen}]\n";
        let plan = plan(text).unwrap();
        assert_eq!(plan.trials[0].config.model.hidden, [4, 5]);
        assert!(plan.trials[1].config.model.hidden.is_empty());
    }

    #[test]
    fn the_name_of_a_configuration_does_not_make_another_run() {
        let plan = plan("parameters: {train.lr: [0.1, 0.2]}").unwrap();
        let mut config = plan.trials[0].config.clone();
        config.name = "another".to_owned();
        assert!(plan.trials[0].is_of(&config) && !plan.trials[1].is_of(&config));
    }
}
