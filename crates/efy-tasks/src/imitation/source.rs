//! Where demonstrations come from: an expert that acts now, or a file.

use efy_envs::optimal::{Controller, LinearPlant, LinearPlantConfig};
use efy_envs::{Environment, Policy, Purpose, Record, make, rollout, starts};

use super::demonstrations::{self, Demonstrations};
use super::experts::{Expert, HORIZON, Weights};
use crate::config::DataConfig;
use crate::data::Cache;
use crate::{Error, Result};

/// The plant whose controller is known.
const LINEAR_PLANT: &str = "linear_plant";

/// What a policy is compared with.
pub enum Yardstick {
    /// The expert itself.
    Policy(Box<dyn Policy>),
    /// What it reached, as a file says.
    Return(f64),
}

/// Makes environments of a configuration.
#[derive(Debug, Clone)]
pub struct Place {
    /// The environment's name.
    pub name: String,
    coupling: Option<f64>,
}

impl Place {
    pub(super) fn new(data: &DataConfig, name: &str) -> Result<Self> {
        if data.coupling.is_some() && name != LINEAR_PLANT {
            let message =
                format!("data.coupling: expected nothing for {name} ({LINEAR_PLANT} has it)");
            return Err(Error::Usage(message));
        }
        Ok(Place {
            name: name.to_owned(),
            coupling: data.coupling,
        })
    }

    fn plant(&self) -> Result<LinearPlant> {
        let mut config = LinearPlantConfig::default();
        config.coupling = self.coupling.unwrap_or(config.coupling);
        Ok(LinearPlant::new(config)?)
    }

    /// So many environments.
    ///
    /// # Errors
    /// For an environment that is not there.
    pub fn environments(&self, count: usize) -> Result<Vec<Box<dyn Environment>>> {
        let one = |_| -> Result<Box<dyn Environment>> {
            match self.coupling {
                Some(_) => Ok(Box::new(self.plant()?)),
                None => Ok(make(&self.name)?),
            }
        };
        (0..count).map(one).collect()
    }

    /// The policy of an expert here.
    ///
    /// # Errors
    /// [`Error::Usage`] for an expert of another environment; what its weights report.
    pub fn policy(&self, expert: &Expert) -> Result<Box<dyn Policy>> {
        if expert.environment != self.name {
            return Err(Error::Usage(format!(
                "data.environment: expected {}, as of the expert, found {}",
                expert.environment, self.name
            )));
        }
        match &expert.policy {
            // It knows the plant that it controls.
            Weights::Optimal => Ok(Box::new(Controller::new(&self.plant()?, HORIZON)?)),
            _ => {
                let environments = self.environments(1)?;
                let first = environments
                    .first()
                    .ok_or(efy_envs::Error::NoEnvironments)?;
                expert.policy(first.spec())
            }
        }
    }
}

/// The demonstrations that a configuration asks for, whole episodes, with the place and the expert.
///
/// # Errors
/// What files, environments and experts report; [`Error::Dataset`] when there are fewer episodes than asked for.
pub(super) fn demonstrations(
    data: &DataConfig,
    seed: u64,
    cache: &Cache,
) -> Result<(Place, Demonstrations, Yardstick)> {
    let count = data.episodes as usize;
    if let Some(name) = &data.expert {
        let known = Expert::load(name)?;
        let place = Place::new(
            data,
            data.environment.as_ref().unwrap_or(&known.environment),
        )?;
        let mut expert = place.policy(&known)?;
        let seeds = starts(Purpose::Demonstration, seed, count);
        let mut environments = place.environments(count)?;
        let episodes = rollout(
            &mut environments,
            expert.as_mut(),
            &seeds,
            Record::Everything,
        )?;
        let spec = match environments.first() {
            Some(first) => first.spec(),
            None => return Err(efy_envs::Error::NoEnvironments.into()),
        };
        let demonstrations = Demonstrations::of_episodes(spec, &episodes)?;
        return Ok((place, demonstrations, Yardstick::Policy(expert)));
    }
    let Some(path) = &data.demonstrations else {
        let message = "data.expert: expected an expert, or data.demonstrations".to_owned();
        return Err(Error::Usage(message));
    };
    let name = path.display().to_string();
    let all = demonstrations::load(&name, cache)?;
    let wrong = |message: String| Error::Dataset {
        name: name.clone(),
        message,
    };
    let environment = (data.environment.clone())
        .or_else(|| all.environment.clone())
        .ok_or_else(|| {
            wrong("it does not say of which environment it is: set data.environment".to_owned())
        })?;
    if all.count() < count {
        let message = format!(
            "data.episodes: expected at most {}, found {count}",
            all.count()
        );
        return Err(wrong(message));
    }
    let returns = all.returns();
    let mean = match returns.is_empty() {
        true => f64::NAN,
        false => returns.iter().sum::<f64>() / returns.len() as f64,
    };
    let first = (seed as usize).wrapping_mul(count) % (all.count() - count + 1);
    let some = all.episodes(first..first + count)?;
    Ok((
        Place::new(data, &environment)?,
        some,
        Yardstick::Return(mean),
    ))
}
