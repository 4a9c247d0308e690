//! Configurations: as they were written, and key by key to compare them.

use serde_yaml::Value;

use crate::report::record::Record;

/// The resolved configuration of a run.
pub(crate) struct Config {
    /// The file.
    pub text: String,
    /// Keys with dots, as `--set` takes them, and values on one line, in the order of the file.
    keys: Vec<(String, String)>,
}

impl Config {
    /// Takes YAML apart.
    ///
    /// # Errors
    /// What the parser says.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let mut keys = Vec::new();
        flatten("", &value, &mut keys);
        Ok(Config {
            text: text.to_owned(),
            keys,
        })
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.keys.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

/// A key that is not the same in all runs, with its value in each; `None` where it is not set.
pub(crate) struct Difference<'a> {
    pub key: &'a str,
    pub values: Vec<Option<&'a str>>,
}

/// The keys in which the configurations differ, but for the name. Runs without one do not count.
pub(crate) fn differences(records: &[Record]) -> Vec<Difference<'_>> {
    let configs = || records.iter().filter_map(|record| record.config.as_ref());
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in configs().flat_map(|config| &config.keys) {
        if key != "name" && !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    keys.retain(|key| {
        let mut values = configs().map(|config| config.get(key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    });
    keys.into_iter()
        .map(|key| Difference {
            key,
            values: records
                .iter()
                .map(|record| record.config.as_ref()?.get(key))
                .collect(),
        })
        .collect()
}

fn flatten(prefix: &str, value: &Value, keys: &mut Vec<(String, String)>) {
    match value {
        Value::Mapping(members) if !members.is_empty() => {
            for (key, value) in members {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{}", inline(key)), value, keys);
            }
        }
        leaf => keys.push((prefix.to_owned(), inline(leaf))),
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(members) => {
            let member = |(key, value)| format!("{}: {}", inline(key), inline(value));
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Tagged(tagged) => inline(&tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_command_line() {
        let text = "name: a\nmodel:\n  hidden: [64, 32]\n  empty: {}\ntrain:\n  lr: 0.001\n  out: null\nlist: [{a: 1}]\n";
        let config = Config::parse(text).unwrap();
        let keys: Vec<_> = config
            .keys
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("name", "a"),
            ("model.hidden", "[64, 32]"),
            ("model.empty", "{}"),
            ("train.lr", "0.001"),
            ("train.out", "null"),
            ("list", "[{a: 1}]"),
        ];
        assert_eq!(keys, expected);
        assert_eq!(config.get("train.lr"), Some("0.001"));
        assert!(Config::parse("a: [").is_err());
    }
}
