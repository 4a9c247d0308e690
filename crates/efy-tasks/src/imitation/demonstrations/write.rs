//! From demonstrations to files.

use std::fmt::Write as _;
use std::path::Path;

use efy_train::files::write_atomically;

use super::Demonstrations;
use crate::data::arrays::{self, Named};
use crate::{Error, Result};

/// Writes demonstrations: CSV or npz where the name ends so, else safetensors. All are f64, so that [`read`](super::read) gives back the
/// same numbers to the last bit; the name of the environment is in safetensors files alone.
///
/// Arrays: `observations` `[n, d]`, `actions` `[n, k]`, `rewards` `[n]` if known, and `starts`, the first row of each episode.
///
/// # Errors
/// [`efy_train::Error::File`] when the file cannot be written.
pub fn write(path: &Path, demonstrations: &Demonstrations) -> Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let content = match ending {
        Some("csv") => csv(demonstrations).into_bytes(),
        Some("npz") => of_arrays(demonstrations, arrays::npz)?,
        _ => of_arrays(demonstrations, |arrays| {
            let environment = demonstrations.environment.as_deref();
            arrays::safetensors(arrays, environment.map(|name| ("environment", name)))
        })?,
    };
    Ok(write_atomically(path, &content)?)
}

fn of_arrays(
    demonstrations: &Demonstrations,
    encode: impl FnOnce(&[Named<'_>]) -> Result<Vec<u8>, String>,
) -> Result<Vec<u8>> {
    let Demonstrations {
        observation,
        action,
        observations,
        actions,
        rewards,
        starts,
        ..
    } = demonstrations;
    let n = demonstrations.len();
    let starts: Vec<f64> = starts.iter().map(|&row| row as f64).collect();
    let mut all: Vec<Named<'_>> = vec![
        ("observations", vec![n, *observation], observations),
        ("actions", vec![n, *action], actions),
    ];
    if !rewards.is_empty() {
        all.push(("rewards", vec![n], rewards));
    }
    all.push(("starts", vec![starts.len()], &starts));
    encode(&all).map_err(|message| Error::Usage(format!("demonstrations: {message}")))
}

/// A row for each step: episode, reward if known, observation, action.
fn csv(demonstrations: &Demonstrations) -> String {
    let (d, k) = (demonstrations.observation, demonstrations.action);
    let rewards = &demonstrations.rewards;
    let mut text = "episode".to_owned();
    if !rewards.is_empty() {
        text.push_str(",reward");
    }
    text.extend((1..=d).map(|i| format!(",o{i}")));
    text.extend((1..=k).map(|i| format!(",a{i}")));
    text.push('\n');
    // Writing to a string does not fail.
    for episode in 0..demonstrations.count() {
        for row in demonstrations.rows(episode) {
            let _ = write!(text, "{episode}");
            let reward = rewards.get(row);
            let observation = &demonstrations.observations[row * d..(row + 1) * d];
            let action = &demonstrations.actions[row * k..(row + 1) * k];
            for number in reward.into_iter().chain(observation).chain(action) {
                let _ = write!(text, ",{number}");
            }
            text.push('\n');
        }
    }
    text
}
