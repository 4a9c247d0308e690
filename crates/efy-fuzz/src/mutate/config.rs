//! Mutations of configurations: of their values, which stay valid YAML, and of their text.

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Map, Number, Value, json};

use super::{NUMBERS, Random, bytes, encoding};

/// What was changed: the key, and in words how.
pub type Change = String;

/// A text made of a good configuration by one change.
#[must_use]
pub fn config(random: &mut Random, good: &str) -> (Vec<u8>, Change) {
    if random.random_bool(0.5) {
        let parsed: Value = efy_train::config::from_text("good", good, &[]).unwrap();
        let (changed, change) = value(random, &parsed);
        return (
            efy_train::config::to_yaml(&changed).unwrap().into_bytes(),
            change,
        );
    }
    let lines: Vec<&str> = good.lines().filter(|line| !line.starts_with('#')).collect();
    let at = random.random_range(0..lines.len());
    let with = |line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        (lines.join("\n") + "\n").into_bytes()
    };
    let line = lines[at];
    let (key, _) = line.split_once(':').unwrap_or((line, ""));
    let change = |what: &str| format!("line {}: {what}", at + 1);
    match random.random_range(0..12) {
        0 => (with(&format!("{line}\n{line}")), change("twice")),
        1 => (with(&line.replacen("  ", "\t", 1)), change("tab")),
        2 => (with(&format!(" {line}")), change("indentation")),
        3 => (with(&line.replacen(':', "", 1)), change("no colon")),
        4 => (
            with(&format!("{key}: {}", "[".repeat(5000))),
            change("depth"),
        ),
        5 => (with(&format!("{key}: &a [*a, *a]")), change("alias")),
        6 => (with(&format!("{key}: !!binary x")), change("tag")),
        7 => (with(&format!("{line}\n<<: {{a: 1}}")), change("merge key")),
        8 => (with(&format!("{key}: .nan")), change("not a number")),
        9 => {
            let cut = random.random_range(0..good.len());
            (good.as_bytes()[..cut].to_vec(), format!("cut at {cut}"))
        }
        10 => (encoding(random, good.as_bytes()), "encoding".to_owned()),
        _ => (
            bytes(random, good.as_bytes(), b"[{*&!: "),
            "bytes".to_owned(),
        ),
    }
}

/// A configuration with one value changed, one key renamed, removed or added.
#[must_use]
pub fn value(random: &mut Random, good: &Value) -> (Value, Change) {
    let mut changed = good.clone();
    let mut places = Vec::new();
    pointers(good, "", &mut places);
    let place = places.choose(random).cloned().unwrap_or_default();
    let (parent, key) = place.rsplit_once('/').unwrap_or(("", ""));
    let kind = random.random_range(0..10);
    let change = match (kind, changed.pointer_mut(parent)) {
        (0, Some(Value::Object(entries))) => {
            entries.remove(key);
            "removed".to_owned()
        }
        (1, Some(Value::Object(entries))) => {
            let moved = entries.remove(key).unwrap_or_default();
            entries.insert(misspelt(random, key), moved);
            "misspelt".to_owned()
        }
        (2, Some(Value::Object(entries))) => {
            entries.insert("nonsense".to_owned(), json!(1));
            "another key beside it".to_owned()
        }
        _ => {
            let other = junk(random);
            let change = format!(
                "is {}",
                other.to_string().chars().take(60).collect::<String>()
            );
            if let Some(found) = changed.pointer_mut(&place) {
                *found = other;
            }
            change
        }
    };
    (changed, format!("{place} {change}"))
}

/// Pointers to all entries and items.
fn pointers(value: &Value, at: &str, places: &mut Vec<String>) {
    let mut visit = |key: &str, value: &Value| {
        let place = format!("{at}/{key}");
        pointers(value, &place, places);
        places.push(place);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| visit(key, value)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| visit(&index.to_string(), value));
        }
        _ => {}
    }
}

fn misspelt(random: &mut Random, key: &str) -> String {
    let mut letters: Vec<char> = key.chars().collect();
    let at = random.random_range(0..letters.len());
    match random.random_range(0..3) {
        0 => letters.insert(at, 'q'),
        1 => letters[at] = letters[at].to_ascii_uppercase(),
        _ => letters.push('\u{1b}'),
    }
    letters.into_iter().collect()
}

/// A value of some type, rarely one that fits.
fn junk(random: &mut Random) -> Value {
    match random.random_range(0..9) {
        0 => Value::Null,
        1 => json!(random.random_bool(0.5)),
        2 => json!(["", "no", "gini", "pairwize", "a\nb", "\u{202e}x"].choose(random)),
        3 => json!("x".repeat(random.random_range(1..100_000))),
        4 => json!([]),
        5 => json!({"kind": {"kind": "unary"}}),
        6 => (0..random.random_range(1..60)).fold(json!(1), |inner, _| json!([inner])),
        7 => {
            let entries = (0..500).map(|index| (format!("key{index}"), json!(index)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        _ => {
            let text = NUMBERS.choose(random).copied().unwrap_or_default();
            text.parse::<Number>()
                .map_or_else(|_| json!(text), Value::Number)
        }
    }
}
