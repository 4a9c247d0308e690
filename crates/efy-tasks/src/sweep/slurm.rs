//! What Slurm gives each trial of a sweep.

use std::fmt;

use schemars::{JsonSchema, Schema, json_schema};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What Slurm gives each trial, for `efy sweep --sbatch`; what is not said is left in the script to be edited. A training is
/// the same without this section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slurm {
    /// Where trials run.
    #[serde(deserialize_with = "word", skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Who pays for them.
    #[serde(deserialize_with = "word", skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The quality of service.
    #[serde(deserialize_with = "word", skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// The time of a trial: minutes, HH:MM:SS, or days first, as in 1-12:00:00. A trial that needs more goes on when the script is
    /// submitted again.
    #[serde(deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub time: Option<String>,
    /// Processors of a trial.
    #[serde(deserialize_with = "positive", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub cpus_per_task: Option<u32>,
    /// Memory of a trial: 800M, 4G; without a unit in megabytes.
    #[serde(deserialize_with = "memory", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "memory_schema")]
    pub memory: Option<String>,
    /// GPUs of a trial, which trains in one process: 1, on that GPU, or 0, on the CPU.
    #[serde(deserialize_with = "gpus", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1))]
    pub gpus: Option<u32>,
    /// At most so many trials at a time [default: 16].
    #[serde(deserialize_with = "positive", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub at_once: Option<u32>,
    /// Further options of sbatch, as they are: --constraint=a100. They come last, and so hold where they say something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Directive>,
    /// Lines of the shell before the trial: module load cuda.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<ShellLine>,
}

/// An option of sbatch, `--name` or `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Directive(String);

/// One line of a shell script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct ShellLine(String);

/// Options of sbatch that a sweep needs for itself.
const OWN: [&str; 3] = ["--array", "--job-name", "--wrap"];

impl TryFrom<String> for Directive {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let name = text.split('=').next().unwrap_or_default();
        let letters = name.strip_prefix("--").unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if letters.is_empty() || !letters.chars().all(plain) || !is_line(&text) {
            return Err(format!("expected --option=value, found {text:?}"));
        }
        if OWN.contains(&name) {
            return Err(format!(
                "expected an option that the sweep does not set itself, found {name}"
            ));
        }
        Ok(Directive(text))
    }
}

impl TryFrom<String> for ShellLine {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match is_line(&text) {
            true => Ok(ShellLine(text)),
            false => Err(format!("expected one line of a shell, found {text:?}")),
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ShellLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Nothing that would begin another line of the script.
fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Text or a whole number that is what an option of Slurm takes.
struct Text {
    expected: &'static str,
    is_one: fn(&str) -> bool,
}

impl Visitor<'_> for Text {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match (self.is_one)(text) {
            true => Ok(Some(text.to_owned())),
            false => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        match (self.is_one)(&number.to_string()) {
            true => Ok(Some(number.to_string())),
            false => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Text {
        expected: "a name without spaces",
        is_one: |text| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:+@/".contains(c);
            !text.is_empty() && text.chars().all(plain)
        },
    })
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Text {
        expected: "minutes, HH:MM:SS or D-HH:MM:SS",
        is_one: is_time,
    })
}

/// Not `MM:SS`, which Slurm takes as well: who writes 24:00 means hours.
fn is_time(text: &str) -> bool {
    let parts = |text: &str| -> Option<Vec<u32>> {
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        let number = |part: &str| part.parse().ok().filter(|_| digits(part));
        text.split(':').map(number).collect()
    };
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (parts(days), clock),
        None => (None, text),
    };
    let is_days = days.is_some_and(|days| days.len() == 1);
    if text.contains('-') && !is_days {
        return false;
    }
    let Some(clock) = parts(clock) else {
        return false;
    };
    let sixty = |numbers: &[u32]| numbers.iter().all(|&number| number < 60);
    let positive = text.contains(|c: char| ('1'..='9').contains(&c));
    let shape = match (is_days, clock.as_slice()) {
        (false, [_]) => true,
        (false, [_, rest @ ..]) => rest.len() == 2 && sixty(rest),
        (true, [hours, rest @ ..]) => rest.len() <= 2 && *hours < 24 && sixty(rest),
        (_, []) => false,
    };
    shape && positive
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Text {
        expected: "a size such as 800M or 4G",
        is_one: |text| {
            let size = text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(text);
            let is_number = size.chars().all(|c| c.is_ascii_digit());
            is_number && size.parse::<u32>().is_ok_and(|size| size > 0)
        },
    })
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(deserializer)? {
        Some(0) => Err(D::Error::invalid_value(
            Unexpected::Unsigned(0),
            &"a positive integer",
        )),
        number => Ok(number),
    }
}

fn gpus<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(deserializer)? {
        Some(more) if more > 1 => Err(D::Error::invalid_value(
            Unexpected::Unsigned(more.into()),
            &"0 or 1 as a trial trains on one device",
        )),
        number => Ok(number),
    }
}

fn time_schema(_: &mut schemars::SchemaGenerator) -> Schema {
    let clock = "([0-9]+|[0-9]+:[0-5]?[0-9]:[0-5]?[0-9]|[0-9]+-[0-9]+(:[0-5]?[0-9]){0,2})";
    json_schema!({"type": ["string", "integer", "null"], "minimum": 1, "pattern": format!("^{clock}$")})
}

fn memory_schema(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer", "null"], "minimum": 1, "pattern": "^[0-9]+[KMGT]?$"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_slurm_takes_but_for_minutes_with_seconds() {
        for time in [
            "1",
            "90",
            "01:00:00",
            "100:00:00",
            "1-0",
            "2-12",
            "2-12:30",
            "2-12:30:59",
        ] {
            assert!(is_time(time), "{time}");
        }
        for time in [
            "",
            "0",
            "00:00:00",
            "24:00",
            "1h",
            "-1",
            "+5",
            "1:2:3:4",
            "1:60:00",
            "1-24",
            "1-2-3",
            "1:0:0-2",
            "1 0",
            "1-",
            "a-1",
            "99999999999",
        ] {
            assert!(!is_time(time), "{time}");
        }
    }
}
