//! `configs/schema.json` says what the program says.

use efy_fuzz::mutate::{random, value};
use efy_tasks::config::Config;
use serde_json::Value;

use crate::{configurations, workspace};

const MUTATIONS: u64 = 200;

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(workspace().join("configs/schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn every_configuration_that_comes_along_fits_the_schema() {
    let schema = schema();
    for (origin, text) in configurations() {
        let value: Value = efy_train::config::from_text(&origin, &text, &[]).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{origin}: {errors:?}");
    }
}

#[test]
fn schema_and_program_refuse_the_same_mutations() {
    let schema = schema();
    let (mut refused, mut accepted) = (0, 0);
    for (origin, text) in configurations() {
        let good: Value = efy_train::config::from_text(&origin, &text, &[]).unwrap();
        for seed in 0..MUTATIONS {
            let (changed, change) = value(&mut random(seed), &good);
            if beyond_the_schema(&change) {
                continue;
            }
            let yaml = efy_train::config::to_yaml(&changed).unwrap();
            let found = Config::from_text(&origin, &yaml, &[]);
            // What one section says of another is beyond it, too.
            let message = found.as_ref().err().map(ToString::to_string);
            let of_sections = [
                " for task ",
                "data.teacher: expected a teacher, or",
                "data.expert: expected an expert, or",
                "train.monitor:",
            ];
            if message.is_some_and(|message| of_sections.iter().any(|part| message.contains(part)))
            {
                continue;
            }
            let fits = schema.is_valid(&changed);
            assert_eq!(fits, found.is_ok(), "{origin}: {change}: {found:?}");
            match fits {
                true => accepted += 1,
                false => refused += 1,
            }
        }
    }
    assert!(refused > 300 && accepted > 20, "{refused} {accepted}");
}

/// What a JSON Schema does not say: the names of metrics, that a whole number is not written as 1e3, how
/// large an integer may be, and that a key has no control characters.
fn beyond_the_schema(change: &str) -> bool {
    let metrics = change.starts_with("/train/monitor");
    let number = change.rsplit(' ').next().unwrap_or_default();
    let float = number
        .parse::<f64>()
        .is_ok_and(|number| number.abs() >= 1e3);
    metrics || float || number == "-0.0"
}
