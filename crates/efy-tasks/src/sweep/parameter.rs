//! What a key of the configuration is varied over.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Integers up to this have a number of their own in f64.
const LARGEST_INTEGER: f64 = 9_007_199_254_740_992.0;

/// What a key is varied over: a list of values, or a section.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Parameter {
    /// These values; the short form of a section with `values`.
    List(Vec<Value>),
    /// Values, or a range of numbers.
    Section(Range),
}

/// Values, or a range of numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// These values, whatever they are: numbers, names, lists, whole sections. Random search draws one of
    /// them, each as likely as the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// The lowest number of a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The highest number of a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether equal differences or equal ratios count as equally far. Random search draws uniformly on this
    /// scale, a grid has its points on it, and figures have it as their axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleKind>,
    /// Whole numbers only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub integer: bool,
    /// How many points of the range a grid has, both ends among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<usize>,
}

/// A scale of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleKind {
    /// Equal differences are equally far.
    Linear,
    /// Equal ratios are equally far.
    Log,
}

/// A checked parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// One of these.
    Values(Vec<Value>),
    /// A number from a range.
    Range(Interval),
}

/// Numbers from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) scale: ScaleKind,
    pub(super) integer: bool,
    pub(super) points: Option<usize>,
}

impl Parameter {
    /// What is varied, checked; or the key below this one that is wrong, if it is one, and what is wrong.
    pub(super) fn choice(&self) -> Result<Choice, (&'static str, String)> {
        match self {
            Parameter::List(values) => checked(values, ""),
            Parameter::Section(range) => range.choice(),
        }
    }

    /// The scale that the file asks for.
    pub fn scale(&self) -> Option<ScaleKind> {
        match self {
            Parameter::List(_) => None,
            Parameter::Section(range) => range.scale,
        }
    }
}

impl Range {
    fn choice(&self) -> Result<Choice, (&'static str, String)> {
        let Range {
            values,
            min,
            max,
            scale,
            integer,
            points,
        } = self;
        let scale = scale.unwrap_or(ScaleKind::Linear);
        let (min, max) = match (values, min, max) {
            (Some(values), None, None) => {
                if *integer || points.is_some() {
                    let key = if *integer { "integer" } else { "points" };
                    return Err((key, "is for a range, not for values".to_owned()));
                }
                return checked(values, "values");
            }
            (None, Some(min), Some(max)) => (*min, *max),
            (Some(_), ..) => return Err(("", "expected values or a range, found both".to_owned())),
            _ => return Err(("", "expected values, or min and max".to_owned())),
        };
        let finite = min.is_finite() && max.is_finite();
        if !(finite && min < max) {
            let message = format!("expected min < max, found {min} and {max}");
            return Err(("", message));
        }
        if scale == ScaleKind::Log && min <= 0.0 {
            let message = format!("expected a positive number on a log scale, found {min}");
            return Err(("min", message));
        }
        for (key, end) in [("min", min), ("max", max)] {
            if *integer && (end.fract() != 0.0 || end.abs() > LARGEST_INTEGER) {
                return Err((key, format!("expected an integer, found {end}")));
            }
        }
        if let Some(points) = points.filter(|points| *points < 2) {
            let message = format!("expected at least 2, the ends of the range, found {points}");
            return Err(("points", message));
        }
        Ok(Choice::Range(Interval {
            min,
            max,
            scale,
            integer: *integer,
            points: *points,
        }))
    }
}

/// At least one value, none of them twice: equal trials would say the same.
fn checked(values: &[Value], key: &'static str) -> Result<Choice, (&'static str, String)> {
    if values.is_empty() {
        return Err((key, "expected at least one value, found none".to_owned()));
    }
    let mut pairs = values.iter().enumerate();
    if let Some((_, twice)) = pairs.find(|(index, value)| values[..*index].contains(value)) {
        return Err((
            key,
            format!("expected different values, found {twice} twice"),
        ));
    }
    Ok(Choice::Values(values.to_vec()))
}

/// By hand: what serde derives for untagged enums names neither the key nor what is wrong with it.
impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrSection;

        impl<'de> Visitor<'de> for ListOrSection {
            type Value = Parameter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, or a section with values or with min and max")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Parameter, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(Parameter::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Parameter, A::Error> {
                Range::deserialize(MapAccessDeserializer::new(entries)).map(Parameter::Section)
            }
        }

        deserializer.deserialize_any(ListOrSection)
    }
}
