//! From a file and overrides to a checked configuration.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::message::describe;
use super::{overrides, text, yaml};
use crate::{Error, Result};

/// Reads a YAML file, applies `--set` overrides in their order, and gives it the type `T`.
///
/// # Errors
/// [`Error::File`] when it cannot be read; [`Error::Config`] naming the file with line and column, or
/// the override, the key, what was expected and what was found, and for an unknown key the nearest one
/// that is known.
pub fn load<T: DeserializeOwned>(path: &Path, sets: &[String]) -> Result<T> {
    Document::load(path, sets)?.typed()
}

/// As [`load`], from a text that came from `origin`.
///
/// # Errors
/// As [`load`].
pub fn from_text<T: DeserializeOwned>(origin: &str, text: &str, sets: &[String]) -> Result<T> {
    Document::parse(origin, text, sets)?.typed()
}

/// A configuration that has no type yet, and where its values came from.
#[derive(Debug)]
pub struct Document {
    origin: String,
    text: String,
    sets: Vec<String>,
    value: Value,
}

impl Document {
    /// Reads a YAML file and applies `--set` overrides in their order.
    ///
    /// A configuration has at most 1 MiB of UTF-8 text, nested at most 32 levels deep, without anchors,
    /// aliases, tags and merge keys; a key is given once, and numbers are finite.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Config`] when it is no such text.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self> {
        Document::parse(&path.display().to_string(), &text::read(path)?, sets)
    }

    /// As [`load`](Self::load), from a text that came from `origin`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(origin: &str, text: &str, sets: &[String]) -> Result<Self> {
        text::check_length(origin, text)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut value = yaml::parse(text).map_err(|flaw| Error::Config {
            origin: placed(origin, flaw.place),
            message: text::one_line(&flaw.message),
        })?;
        for assignment in sets {
            overrides::apply(&mut value, assignment)?;
        }
        Ok(Document {
            origin: origin.to_owned(),
            text: text.to_owned(),
            sets: sets.to_vec(),
            value,
        })
    }

    /// The values as a `T`.
    ///
    /// # Errors
    /// [`Error::Config`] naming place, key, what was expected and what was found.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T> {
        let wrong = |found: &str| Error::Config {
            origin: self.origin.clone(),
            message: format!("expected a section of keys, found {found}"),
        };
        match &self.value {
            Value::Object(_) => {}
            Value::Null => return Err(wrong("nothing")),
            Value::Array(_) => return Err(wrong("a list")),
            _ => return Err(wrong("a single value")),
        }
        serde_path_to_error::deserialize(&self.value).map_err(|error| {
            let path = error.path().to_string();
            let key = path.strip_prefix('.').unwrap_or(&path);
            let (key, message) = describe(key, &error.inner().to_string());
            Error::Config {
                origin: self.origin_of(&key),
                message: text::one_line(&message),
            }
        })
    }

    /// Where the value of a key came from: the last override that set it, else the file with the line and
    /// column of the key, or of the section that lacks it.
    pub fn origin_of(&self, key: &str) -> String {
        let origin = origin_of(&self.origin, key, &self.sets);
        if origin != self.origin {
            return text::one_line(&origin);
        }
        let mut ancestors = std::iter::successors(Some(key), |key| {
            key.rfind(['.', '[']).map(|end| &key[..end])
        });
        placed(
            &origin,
            ancestors.find_map(|key| yaml::locate(&self.text, key)),
        )
    }
}

/// `FILE:LINE:COLUMN`.
fn placed(origin: &str, place: Option<yaml::Place>) -> String {
    match place {
        Some(yaml::Place { line, column }) => format!("{origin}:{line}:{column}"),
        None => origin.to_owned(),
    }
}

/// The last override that set a key, else `origin`. [`Document::origin_of`] knows the line, too.
pub fn origin_of(origin: &str, key: &str, sets: &[String]) -> String {
    let setting = sets.iter().rev().find(|set| {
        let path = set.split('=').next().unwrap_or_default().trim();
        path == key || key.starts_with(&format!("{path}.")) || key.starts_with(&format!("{path}["))
    });
    setting.map_or_else(|| origin.to_owned(), |set| format!("--set {set}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        train: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        lr: f64,
        #[serde(default)]
        mode: Mode,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Fast,
        Slow,
    }

    fn message(text: &str, sets: &[&str]) -> String {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        from_text::<Outer>("c.yaml", text, &sets)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn errors_name_file_key_expected_and_found() {
        let cases = [
            (
                "train: {lr: 1, lrr: 2}",
                "c.yaml:1:16: train.lrr: unknown key, did you mean lr? (known: lr, mode)",
            ),
            (
                "train: {lr: fast}",
                "c.yaml:1:9: train.lr: expected a number, found \"fast\"",
            ),
            (
                "trian: {lr: 1}",
                "c.yaml:1:1: trian: unknown key, did you mean train? (known: train)",
            ),
            (
                "train: {lr: 1, mode: slwo}",
                "c.yaml:1:16: train.mode: expected one of fast, slow, found slwo, did you mean slow?",
            ),
            ("{}", "c.yaml: expected a key train, found none"),
            (
                "\u{feff}# comment\r\ntrain:\r\n  mode: slow\r\n",
                "c.yaml:2:1: train: expected a key lr, found none",
            ),
            (
                "train: {lr: 1, \"a\\nb\\e[1m\": 2}",
                "c.yaml:1:16: train.a\\nb\\u{1b}[1m: unknown key (known: lr, mode)",
            ),
            ("", "c.yaml: expected a section of keys, found nothing"),
            (
                "train: {lr: .nan}",
                "c.yaml:1:13: train.lr: expected a finite number, found .nan",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text, &[]), expected);
        }
        let syntax = message("train: [", &[]);
        assert!(syntax.contains(": not YAML: "), "{syntax}");
        assert!(
            syntax.starts_with("c.yaml:1:") || syntax.starts_with("c.yaml:2:"),
            "{syntax}"
        );
    }

    #[test]
    fn errors_name_the_override_that_caused_them() {
        let found = message("train: {lr: 1}", &["train.lr=x"]);
        assert_eq!(
            found,
            "--set train.lr=x: train.lr: expected a number, found \"x\""
        );
        let unknown = message("train: {lr: 1}", &["train.rate=1"]);
        assert!(
            unknown.starts_with("--set train.rate=1: train.rate: unknown key"),
            "{unknown}"
        );
    }
}
