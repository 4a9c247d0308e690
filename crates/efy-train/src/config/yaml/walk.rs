//! A walk over the structure of a YAML text, before anything is built from it.
//!
//! What a configuration has no use for and what could exhaust the reader is refused here, with its line:
//! deep nesting, anchors and aliases (a few lines of them stand for gigabytes), tags, merge keys, keys given
//! twice, a second document, and numbers that are not finite. The parser is one of events, in safe code; it
//! needs memory for the current path alone.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

/// Deepest nesting that is read.
pub(in crate::config) const DEEPEST: usize = 32;
/// Most keys, items and values that are read: a byte of text can become a hundred bytes of values.
const MOST_NODES: usize = 1 << 16;
/// Longest key that is read, in bytes.
const LONGEST_KEY: usize = 256;

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Place {
    pub line: usize,
    pub column: usize,
}

impl From<&Marker> for Place {
    fn from(marker: &Marker) -> Self {
        Place {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

/// What is wrong, and where if that is known.
#[derive(Debug)]
pub(in crate::config) struct Flaw {
    pub place: Option<Place>,
    pub message: String,
}

/// Checks a text.
pub(super) fn check(text: &str) -> Result<(), Flaw> {
    walk(text, &mut |_, _| ())
}

/// Where a key like `train.lr` or `model.hidden[1]` stands in a text that [`check`] accepts.
pub(in crate::config) fn locate(text: &str, key: &str) -> Option<Place> {
    let mut found = None;
    let _ = walk(text, &mut |path, place| {
        if found.is_none() && path == key {
            found = Some(place);
        }
    });
    found
}

/// A mapping or list that has begun.
struct Open {
    /// Length of its own path.
    base: usize,
    content: Content,
}

enum Content {
    /// The keys so far with their lines, and whether one waits for its value.
    Mapping(BTreeMap<String, usize>, bool),
    /// The number of items so far.
    List(usize),
}

/// Tells `visit` the path and place of every entry and item.
fn walk(text: &str, visit: &mut dyn FnMut(&str, Place)) -> Result<(), Flaw> {
    let mut path = String::new();
    let mut open: Vec<Open> = Vec::new();
    let (mut documents, mut nodes) = (0, 0);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        let place = Place::from(&span.start);
        let flaw = |message: String| {
            let place = Some(place);
            Err(Flaw { place, message })
        };
        nodes += 1;
        if nodes > MOST_NODES {
            return flaw(format!("more than {MOST_NODES} keys and values"));
        }
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return flaw("expected one document, found a second one".to_owned());
                }
            }
            Event::Alias(_) => {
                return flaw("aliases (*) are not read here; repeat the value".to_owned());
            }
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return flaw("anchors (&) are not read here; repeat the value".to_owned());
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return flaw("tags (!) are not read here; write the plain value".to_owned());
            }
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                if let Some(key) = expects_key(&mut open) {
                    key.enter(&mut path, &text, plain, place).or_else(flaw)?;
                    visit(&path, place);
                    continue;
                }
                enter_item(&mut open, &mut path, |path| visit(path, place));
                if plain && is_not_finite(&text) {
                    let message = format!("expected a finite number, found {text}");
                    return flaw(about(&path, &message));
                }
                if plain && is_too_long(&text) {
                    let message = format!("expected an integer of 64 bits, found {text}");
                    return flaw(about(&path, &message));
                }
                leave(&mut open, &mut path);
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let mapping = matches!(event, Event::MappingStart(..));
                if expects_key(&mut open).is_some() {
                    let found = if mapping { "a mapping" } else { "a list" };
                    return flaw(about(&path, &format!("expected a key, found {found}")));
                }
                if open.len() == DEEPEST {
                    return flaw(format!("nested deeper than {DEEPEST} levels"));
                }
                enter_item(&mut open, &mut path, |path| visit(path, place));
                let content = match mapping {
                    true => Content::Mapping(BTreeMap::new(), false),
                    false => Content::List(0),
                };
                let base = path.len();
                open.push(Open { base, content });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                leave(&mut open, &mut path);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    Ok(())
}

/// The innermost mapping, if the next node is one of its keys.
fn expects_key(open: &mut [Open]) -> Option<Keys<'_>> {
    let Open { base, content } = open.last_mut()?;
    match content {
        Content::Mapping(seen, waits @ false) => Some(Keys {
            base: *base,
            seen,
            waits,
        }),
        _ => None,
    }
}

/// The keys of a mapping that expects another.
struct Keys<'a> {
    base: usize,
    seen: &'a mut BTreeMap<String, usize>,
    waits: &'a mut bool,
}

impl Keys<'_> {
    /// Makes `key` the end of the path.
    fn enter(self, path: &mut String, key: &str, plain: bool, place: Place) -> Result<(), String> {
        if key.len() > LONGEST_KEY {
            let length = key.len();
            return Err(about(
                path,
                &format!("expected a key of at most {LONGEST_KEY} bytes, found {length}"),
            ));
        }
        if plain && matches!(key, "" | "~" | "null" | "Null" | "NULL") {
            return Err(about(path, "expected a key, found nothing"));
        }
        if plain && key == "<<" {
            return Err(about(
                path,
                "merge keys (<<) are not read here; repeat the entries",
            ));
        }
        path.truncate(self.base);
        if self.base > 0 {
            path.push('.');
        }
        path.push_str(key);
        if let Some(line) = self.seen.insert(key.to_owned(), place.line) {
            return Err(about(path, &format!("given twice, first in line {line}")));
        }
        *self.waits = true;
        Ok(())
    }
}

/// Makes the next index the end of the path if the innermost node is a list.
fn enter_item(open: &mut [Open], path: &mut String, visit: impl FnOnce(&str)) {
    if let Some(Open {
        base,
        content: Content::List(next),
    }) = open.last_mut()
    {
        path.truncate(*base);
        path.push_str(&format!("[{next}]"));
        *next += 1;
        visit(path);
    }
}

/// A value is complete: the path is that of the innermost node again.
fn leave(open: &mut [Open], path: &mut String) {
    if let Some(Open { base, content }) = open.last_mut() {
        path.truncate(*base);
        if let Content::Mapping(_, waits) = content {
            *waits = false;
        }
    }
}

/// YAML's words for what JSON has no number for.
fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    )
}

/// An integer that would become a float, or nothing at all.
fn is_too_long(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 18
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
        && text.parse::<u64>().is_err()
}

fn about(path: &str, message: &str) -> String {
    match path {
        "" => message.to_owned(),
        path => format!("{path}: {message}"),
    }
}

fn syntax(error: &ScanError) -> Flaw {
    let message = match error.info() {
        // The parser looks ahead, and has a limit of its own.
        "recursion limit exceeded" => format!("nested deeper than {DEEPEST} levels"),
        info => format!("not YAML: {info}"),
    };
    Flaw {
        place: Some(error.marker().into()),
        message,
    }
}

#[cfg(test)]
mod tests;
