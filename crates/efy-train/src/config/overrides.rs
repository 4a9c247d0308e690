//! `--set a.b=value`.

use serde_json::{Map, Value};

use super::text::one_line;
use super::yaml::{self, DEEPEST};
use crate::{Error, Result};

/// Puts `a.b=value` into a configuration; the value is read as YAML, keys that are missing are made.
pub(super) fn apply(config: &mut Value, assignment: &str) -> Result<()> {
    let origin = || one_line(&format!("--set {assignment}"));
    let invalid = |message: &str| Error::Config {
        origin: origin(),
        message: message.to_owned(),
    };
    let (path, text) = assignment
        .split_once('=')
        .ok_or_else(|| invalid("expected KEY=VALUE, found no `=`"))?;
    let keys: Vec<&str> = path.trim().split('.').collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err(invalid("expected a key like train.lr before the `=`"));
    }
    if keys.len() > DEEPEST {
        return Err(invalid(&format!("nested deeper than {DEEPEST} levels")));
    }
    let value = yaml::parse(text).map_err(|flaw| invalid(&one_line(&flaw.message)))?;
    let mut place = config;
    for (index, key) in keys.iter().enumerate() {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(entries) = place else {
            let parent = keys[..index].join(".");
            return Err(invalid(&format!(
                "{parent} is a single value, it has no key {key}"
            )));
        };
        place = entries.entry(*key).or_insert(Value::Null);
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_yaml_and_missing_keys_are_made() {
        let mut config = json!({"train": {"lr": 0.1}});
        for assignment in ["train.lr=3e-4", "model.hidden=[64, 32]", "data.name=yeast"] {
            apply(&mut config, assignment).unwrap();
        }
        let expected = json!({"train": {"lr": 3e-4}, "model": {"hidden": [64, 32]},
            "data": {"name": "yeast"}});
        assert_eq!(config, expected);
    }

    #[test]
    fn what_is_no_assignment_is_refused() {
        let mut config = json!({"task": "multilabel"});
        let message = |config: &mut Value, text: &str| apply(config, text).unwrap_err().to_string();
        assert_eq!(
            message(&mut config, "train.lr"),
            "--set train.lr: expected KEY=VALUE, found no `=`"
        );
        assert_eq!(
            message(&mut config, "task.name=x"),
            "--set task.name=x: task is a single value, it has no key name"
        );
        assert!(message(&mut config, ".a=1").contains("expected a key"));
        assert!(message(&mut config, "a=[1").starts_with("--set a=[1: "));
        assert_eq!(
            message(&mut config, &("a.".repeat(100_000) + "a=1")).len(),
            403 + ": nested deeper than 32 levels".len()
        );
        let nested = "[".repeat(100_000);
        assert!(message(&mut config, &format!("a={nested}")).ends_with("than 32 levels"));
    }
}
