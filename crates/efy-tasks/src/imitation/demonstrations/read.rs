//! From files to demonstrations.

use std::path::Path;

use super::Demonstrations;
use crate::data::arrays::Arrays;
use crate::data::csv_table::records::Records;
use crate::data::input;
use crate::data::npy::{Array, MAX_VALUES};
use crate::data::table::shown;
use crate::{Error, Result};

/// Reads demonstrations from npz, safetensors or CSV.
///
/// Arrays are found by the names that are in use: `observations`, `observation` or `obs`, `[n, d]`; `actions`, `action` or `acts`, `[n, k]`;
/// `rewards`, `reward` or `rews`, `[n]`, if any. Where episodes begin is told by one of `starts` (first rows), `episode_starts` (a mark for each
/// row), `lengths`, or by `terminals`, `terminal` or `dones` with `timeouts` or `truncations` (a mark for each row, of the last of an episode);
/// without any of them it is one episode. CSV has the columns `o1`, `o2`, ..., `a1`, `a2`, ..., and if known `reward` and `episode`, which changes
/// where an episode begins.
///
/// # Errors
/// [`Error::Input`] with file, key or line, what was expected and what was found.
pub fn read(path: &Path) -> Result<Demonstrations> {
    let name = path.to_string_lossy();
    let made = match name.trim_end_matches(".gz").ends_with(".csv") {
        true => read_csv(path)?,
        false => read_arrays(path)?,
    };
    made.check()
        .map_err(|(key, message)| Error::input(path, None, format!("{key}: {message}")))?;
    Ok(made)
}

fn read_arrays(path: &Path) -> Result<Demonstrations> {
    let mut file = Arrays::open(path)?;
    let (observations_key, observations) = file.expect(&["observations", "observation", "obs"])?;
    let (actions_key, actions) = file.expect(&["actions", "action", "acts"])?;
    let (n, d) =
        matrix(&observations).map_err(|message| file.wrong(&observations_key, &message))?;
    let (rows, k) = matrix(&actions).map_err(|message| file.wrong(&actions_key, &message))?;
    if rows != n {
        let message = format!("expected {n} rows, as many as of {observations_key}, found {rows}");
        return Err(file.wrong(&actions_key, &message));
    }
    let rewards = match file.find(&["rewards", "reward", "rews"])? {
        Some((key, array)) => one_a_row(&file, &key, array, n)?,
        None => Vec::new(),
    };
    let starts = starts(&mut file, n)?;
    Ok(Demonstrations {
        environment: file.metadata("environment"),
        observation: d,
        action: k,
        observations: observations.values,
        actions: actions.values,
        rewards,
        starts,
    })
}

fn matrix(array: &Array) -> Result<(usize, usize), String> {
    match *array.shape.as_slice() {
        [n, width] if n > 0 && width > 0 => Ok((n, width)),
        _ => Err(format!(
            "expected a matrix, a row for each step, found the shape {:?}",
            array.shape
        )),
    }
}

/// An array of n numbers, which some programs write as a column.
fn one_a_row(file: &Arrays, key: &str, array: Array, n: usize) -> Result<Vec<f64>> {
    match *array.shape.as_slice() {
        [rows] | [rows, 1] if rows == n => Ok(array.values),
        _ => {
            let message = format!("expected {n} numbers, found the shape {:?}", array.shape);
            Err(file.wrong(key, &message))
        }
    }
}

/// The first row of each episode.
fn starts(file: &mut Arrays, n: usize) -> Result<Vec<usize>> {
    if let Some((key, array)) = file.find(&["starts"])? {
        let rows = array.values.iter().map(|&row| index(row, n)).collect();
        let rows: Option<Vec<usize>> = rows;
        return rows.ok_or_else(|| file.wrong(&key, &format!("expected rows below {n}")));
    }
    if let Some((key, array)) = file.find(&["episode_starts"])? {
        let marks = one_a_row(file, &key, array, n)?;
        return Ok((0..n)
            .filter(|&row| row == 0 || marks[row] != 0.0)
            .collect());
    }
    if let Some((key, array)) = file.find(&["lengths"])? {
        let lengths: Option<Vec<usize>> = array.values.iter().map(|&l| index(l, n + 1)).collect();
        let lengths = lengths
            .filter(|lengths| !lengths.contains(&0) && lengths.iter().try_fold(0, sum) == Some(n));
        let message = format!("expected steps of episodes, {n} in all");
        let lengths = lengths.ok_or_else(|| file.wrong(&key, &message))?;
        let mut row = 0;
        return Ok(lengths
            .into_iter()
            .map(|length| {
                row += length;
                row - length
            })
            .collect());
    }
    let mut ends = vec![false; n];
    for names in [
        ["terminals", "terminal", "dones"],
        ["timeouts", "timeout", "truncations"],
    ] {
        if let Some((key, array)) = file.find(&names)? {
            let marks = one_a_row(file, &key, array, n)?;
            ends.iter_mut()
                .zip(marks)
                .for_each(|(end, mark)| *end |= mark != 0.0);
        }
    }
    Ok((0..n).filter(|&row| row == 0 || ends[row - 1]).collect())
}

fn sum(sum: usize, length: &usize) -> Option<usize> {
    sum.checked_add(*length)
}

/// A whole number below a bound.
fn index(number: f64, bound: usize) -> Option<usize> {
    let fits = number.fract() == 0.0 && number >= 0.0 && number < bound as f64;
    fits.then_some(number as usize)
}

/// What a column of a CSV file holds.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Episode,
    Reward,
    Observation,
    Action,
}

impl Column {
    fn of(name: &str) -> Option<Column> {
        match name {
            "episode" => return Some(Column::Episode),
            "reward" => return Some(Column::Reward),
            _ => (),
        }
        let numbered = |prefix: &str| {
            let number = name.strip_prefix(prefix);
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
        };
        match (numbered("o"), numbered("a")) {
            (true, _) => Some(Column::Observation),
            (_, true) => Some(Column::Action),
            _ => None,
        }
    }
}

fn read_csv(path: &Path) -> Result<Demonstrations> {
    let mut records = Records::new(input::open(path)?, path);
    if !records.advance()? {
        let message = "expected a header and a row for each step, found nothing";
        return Err(Error::input(path, None, message));
    }
    let columns: Vec<Column> = records
        .cells()
        .map(|name| {
            Column::of(name).ok_or_else(|| {
                let found = shown(name);
                records.error(format!(
                    "expected columns o1, o2, ..., a1, a2, ..., reward, episode, found {found}"
                ))
            })
        })
        .collect::<Result<_>>()?;
    let width = |of: Column| columns.iter().filter(|&&column| column == of).count();
    let mut made = Demonstrations {
        environment: None,
        observation: width(Column::Observation),
        action: width(Column::Action),
        observations: Vec::new(),
        actions: Vec::new(),
        rewards: Vec::new(),
        starts: Vec::new(),
    };
    let mut rows = 0;
    let mut episode = None;
    while records.advance()? {
        let cells: Vec<&str> = records.cells().collect();
        if cells.len() != columns.len() {
            let (expected, found) = (columns.len(), cells.len());
            return Err(records.error(format!("expected {expected} numbers, found {found}")));
        }
        let before = episode;
        for (cell, column) in cells.into_iter().zip(&columns) {
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| {
                records.error(format!("expected a finite number, found {}", shown(cell)))
            })?;
            match column {
                Column::Episode => episode = Some(number),
                Column::Reward => made.rewards.push(number),
                Column::Observation => made.observations.push(number),
                Column::Action => made.actions.push(number),
            }
        }
        if rows == 0 || before != episode {
            made.starts.push(rows);
        }
        rows += 1;
        if made.observations.len() > MAX_VALUES {
            return Err(records.error(format!("more than {MAX_VALUES} numbers")));
        }
    }
    Ok(made)
}
