//! From a file and overrides to a checked configuration.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::suggest::nearest;
use super::{overrides, yaml};
use crate::files::read_text;
use crate::{Error, Result};

/// Reads a YAML file, applies `--set` overrides in their order, and gives it the type `T`.
///
/// # Errors
/// [`Error::File`] when it cannot be read; [`Error::Config`] naming the file, the key, what was
/// expected and what was found, and for an unknown key the nearest one that is known.
pub fn load<T: DeserializeOwned>(path: &Path, sets: &[String]) -> Result<T> {
    from_text(&path.display().to_string(), &read_text(path)?, sets)
}

/// As [`load`], from a text that came from `origin`.
///
/// # Errors
/// As [`load`].
pub fn from_text<T: DeserializeOwned>(origin: &str, text: &str, sets: &[String]) -> Result<T> {
    let mut value = yaml::parse(origin, text)?;
    for assignment in sets {
        overrides::apply(&mut value, assignment)?;
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let key = path.strip_prefix('.').unwrap_or(&path);
        Error::Config {
            origin: origin_of(origin, key, sets),
            message: describe(key, &text),
        }
    })
}

/// Where the value of a key came from: the last override that set it, else the file.
pub fn origin_of(origin: &str, key: &str, sets: &[String]) -> String {
    let setting = sets.iter().rev().find(|set| {
        let path = set.split('=').next().unwrap_or_default().trim();
        path == key || key.starts_with(&format!("{path}."))
    });
    setting.map_or_else(|| origin.to_owned(), |set| format!("--set {set}"))
}

/// `train.lrr: unknown key, did you mean lr? (known: epochs, lr)`, or serde's sentence after the key.
fn describe(key: &str, text: &str) -> String {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let at = if key.is_empty() || key == "." {
        String::new()
    } else {
        format!("{key}: ")
    };
    match quoted.split_first() {
        Some((found, known)) if text.starts_with("unknown field") => {
            // serde's path ends with the unknown key itself or with its parent.
            let parent = key.strip_suffix(found).unwrap_or(key).trim_end_matches('.');
            let full = if parent.is_empty() || parent == "." {
                (*found).to_owned()
            } else {
                format!("{parent}.{found}")
            };
            let guess = nearest(found, known.iter().copied())
                .map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            format!("{full}: unknown key{guess} (known: {})", known.join(", "))
        }
        Some((found, known)) if text.starts_with("unknown variant") => {
            let guess = nearest(found, known.iter().copied())
                .map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            format!(
                "{at}expected one of {}, found {found}{guess}",
                known.join(", ")
            )
        }
        _ => format!("{at}{text}"),
    }
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
                "c.yaml: train.lrr: unknown key, did you mean lr? (known: lr, mode)",
            ),
            (
                "train: {lr: fast}",
                "c.yaml: train.lr: invalid type: string \"fast\", expected f64",
            ),
            (
                "trian: {lr: 1}",
                "c.yaml: trian: unknown key, did you mean train? (known: train)",
            ),
            (
                "train: {lr: 1, mode: slwo}",
                "c.yaml: train.mode: expected one of fast, slow, found slwo, did you mean slow?",
            ),
            ("{}", "c.yaml: missing field `train`"),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text, &[]), expected);
        }
        assert!(message("train: [", &[]).starts_with("c.yaml: "));
    }

    #[test]
    fn errors_name_the_override_that_caused_them() {
        let found = message("train: {lr: 1}", &["train.lr=x"]);
        assert_eq!(
            found,
            "--set train.lr=x: train.lr: invalid type: string \"x\", expected f64"
        );
        let unknown = message("train: {lr: 1}", &["train.rate=1"]);
        assert!(
            unknown.starts_with("--set train.rate=1: train.rate: unknown key"),
            "{unknown}"
        );
    }
}
