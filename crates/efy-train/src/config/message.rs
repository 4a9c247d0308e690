//! From what serde says about a value to what a user is told.

use super::suggest::nearest;

/// `train.lrr: unknown key, did you mean lr? (known: epochs, lr)`: the key with its sentence.
pub(super) fn describe(key: &str, text: &str) -> (String, String) {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let guess = |found: &str, known: &[&str]| {
        nearest(found, known.iter().copied())
            .map_or_else(String::new, |guess| format!(", did you mean {guess}?"))
    };
    let (key, sentence) = match quoted.split_first() {
        Some((found, known)) if text.starts_with("unknown field") => {
            // serde's path ends with the unknown key itself or with its parent.
            let parent = key.strip_suffix(found).unwrap_or(key).trim_end_matches('.');
            let full = match parent {
                "" | "." => (*found).to_owned(),
                parent => format!("{parent}.{found}"),
            };
            let (guess, known) = (guess(found, known), known.join(", "));
            (full, format!("unknown key{guess} (known: {known})"))
        }
        Some((found, known)) if text.starts_with("unknown variant") => {
            let (guess, known) = (guess(found, known), known.join(", "));
            (
                key.to_owned(),
                format!("expected one of {known}, found {found}{guess}"),
            )
        }
        Some((missing, _)) if text.starts_with("missing field") => (
            key.to_owned(),
            format!("expected a key {missing}, found none"),
        ),
        _ => (key.to_owned(), expected_and_found(text)),
    };
    let message = match key.as_str() {
        "" | "." => sentence,
        key => format!("{key}: {sentence}"),
    };
    (key, message)
}

/// `expected a number, found "fast"` for serde's `invalid type: string "fast", expected f64`; other
/// sentences stay as they are.
fn expected_and_found(text: &str) -> String {
    let parts = ["invalid type: ", "invalid value: ", "invalid length "]
        .into_iter()
        .find_map(|start| text.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = parts else {
        return text.to_owned();
    };
    let expected = match expected {
        "f32" | "f64" => "a number",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 to 18446744073709551615",
        "i64" | "isize" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "path string" => "text",
        "a sequence" => "a list",
        "string or map" => "a name",
        other if other.starts_with("struct ") || other == "a map" => "a section of keys",
        other => other,
    };
    let found = match found {
        "map" => "a section of keys",
        "sequence" => "a list",
        "null" | "unit value" => "nothing",
        other => ["string ", "integer ", "floating point ", "boolean "]
            .into_iter()
            .find_map(|kind| other.strip_prefix(kind))
            .map_or(other, |value| value.trim_matches('`')),
    };
    format!("expected {expected}, found {found}")
}
