//! The part of an ARFF file before `@data`: what each attribute may hold.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::path::Path;

use super::scan::{Scanner, Token};
use crate::data::input::Lines;
use crate::data::table::{ColumnKind, MAX_HEADER, MAX_NAMES, parse_number, shown};
use crate::{Error, Result};

/// One attribute and how to read its cells.
pub(super) struct Attribute {
    pub name: String,
    kind: Kind,
}

enum Kind {
    Numeric,
    /// The values in file order, and where each of them stands.
    Nominal(Vec<String>, HashMap<String, usize>),
    Skipped,
}

/// Reads up to and including the line `@data`.
pub(super) fn parse(
    lines: &mut Lines<'_, impl BufRead>,
    file: &Path,
    keep: &dyn Fn(&str) -> bool,
) -> Result<Vec<Attribute>> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut names = HashSet::new();
    let (mut bytes, mut values) = (0, 0);
    while let Some((number, line)) = lines.next()? {
        let error = |message: String| Error::input(file, Some(number), message);
        let line = line.trim();
        if line.is_empty() || line.starts_with('%') {
            continue;
        }
        let (keyword, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
        match keyword.to_ascii_lowercase().as_str() {
            "@relation" => {}
            "@attribute" => {
                bytes += rest.len();
                if bytes > MAX_HEADER {
                    return Err(error(format!("more than {MAX_HEADER} bytes of attributes")));
                }
                if attributes.len() == MAX_NAMES {
                    return Err(error(format!("more than {MAX_NAMES} attributes")));
                }
                let attribute = Attribute::parse(rest, &mut values, keep).map_err(error)?;
                if !names.insert(attribute.name.clone()) {
                    let name = shown(&attribute.name);
                    return Err(error(format!("a second attribute called {name}")));
                }
                attributes.push(attribute);
            }
            "@data" if attributes.is_empty() => {
                return Err(error("@data before any @attribute".to_owned()));
            }
            "@data" => return Ok(attributes),
            _ => {
                let found = shown(keyword);
                let expected = "expected @relation, @attribute or @data";
                return Err(error(format!("{expected}, found {found}")));
            }
        }
    }
    Err(Error::input(
        file,
        Some(lines.number()),
        "expected @data, found the end of the file",
    ))
}

impl Attribute {
    /// Reads what follows `@attribute`: a name and a type. `declared` counts the values of all attributes.
    fn parse(
        text: &str,
        declared: &mut usize,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let mut scanner = Scanner::new(text);
        let name = scanner.token(|c| c.is_whitespace() || c == '{')?;
        if name.text.is_empty() && !name.quoted {
            return Err("an attribute without a name".to_owned());
        }
        let name = name.text.into_owned();
        let kind = if keep(&name) {
            Kind::parse(&mut scanner, declared).map_err(|message| about(&name, &message))?
        } else {
            Kind::Skipped
        };
        Ok(Self { name, kind })
    }

    pub(super) fn column_kind(&self) -> ColumnKind {
        match &self.kind {
            Kind::Numeric => ColumnKind::Numeric,
            Kind::Nominal(values, _) => ColumnKind::Nominal(values.clone()),
            Kind::Skipped => ColumnKind::Skipped,
        }
    }

    /// The cell a token stands for.
    pub(super) fn cell(&self, token: &Token<'_>) -> Result<f32, String> {
        let missing = token.text == "?" && !token.quoted;
        let cell = match &self.kind {
            Kind::Skipped => Ok(0.0),
            _ if missing => Err("missing value (?), expected complete rows".to_owned()),
            Kind::Numeric => parse_number(&token.text),
            Kind::Nominal(values, index) => match index.get(token.text.as_ref()) {
                Some(&at) => Ok(at as f32),
                None => Err(format!(
                    "expected {}, found {}",
                    one_of(values),
                    shown(&token.text)
                )),
            },
        };
        cell.map_err(|message| about(&self.name, &message))
    }
}

impl Kind {
    fn parse(scanner: &mut Scanner<'_>, declared: &mut usize) -> Result<Self, String> {
        if !scanner.eat('{') {
            let word = scanner.rest().trim_end();
            let numeric = ["numeric", "real", "integer"];
            return if numeric.iter().any(|known| word.eq_ignore_ascii_case(known)) {
                Ok(Self::Numeric)
            } else {
                let expected = "expected numeric, real, integer or {values}";
                Err(format!("{expected}, found type {}", shown(word)))
            };
        }
        let mut values = Vec::new();
        let mut index = HashMap::new();
        loop {
            let token = scanner.token(|c| c == ',' || c == '}')?;
            if token.text.is_empty() && !token.quoted {
                return Err("an empty value among the declared ones".to_owned());
            }
            if *declared == MAX_NAMES {
                return Err(format!("more than {MAX_NAMES} values in one header"));
            }
            *declared += 1;
            let value = token.text.into_owned();
            if index.insert(value.clone(), values.len()).is_some() {
                return Err(format!("value {} is declared twice", shown(&value)));
            }
            values.push(value);
            if scanner.eat('}') {
                break;
            }
            if !scanner.eat(',') {
                let found = shown(scanner.rest());
                return Err(format!("expected , or }} between values, found {found}"));
            }
        }
        match scanner.rest() {
            "" => Ok(Self::Nominal(values, index)),
            rest => Err(format!(
                "expected nothing after the values, found {}",
                shown(rest)
            )),
        }
    }
}

fn about(name: &str, message: &str) -> String {
    format!("attribute {}: {message}", shown(name))
}

/// The declared values for a message, a long list cut short.
fn one_of(values: &[String]) -> String {
    const MAX: usize = 8;
    let shown: Vec<_> = values.iter().take(MAX).map(|value| shown(value)).collect();
    let more = if values.len() > MAX { ", ..." } else { "" };
    format!("one of {}{more}", shown.join(", "))
}
