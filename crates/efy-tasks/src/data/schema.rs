//! Which columns are features and which are labels, and how wide they are once encoded.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::table::{Column, ColumnKind, Table, shown};
use crate::Result;

/// The columns a model was trained on.
///
/// Saved beside the model, so that new rows, whatever the order of their columns, are encoded
/// like the training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Features, in the order of the encoded columns.
    pub features: Vec<Feature>,
    /// Label names, in the order of the label columns.
    pub labels: Vec<String>,
}

/// One feature before encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Feature {
    /// A number: one column.
    Numeric {
        /// Name of the column in the file.
        name: String,
    },
    /// One of a few values: one 0/1 column for each of them (one-hot).
    Nominal {
        /// Name of the column in the file.
        name: String,
        /// The values, in the order of their encoded columns.
        values: Vec<String>,
    },
}

impl Feature {
    /// Name of the column in the file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Numeric { name } | Self::Nominal { name, .. } => name,
        }
    }

    /// Number of encoded columns.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Numeric { .. } => 1,
            Self::Nominal { values, .. } => values.len(),
        }
    }

    /// A nominal column of exactly 0 and 1 is a number already: bags of words are written so.
    fn from_column(column: &Column) -> Self {
        let name = column.name.clone();
        match &column.kind {
            ColumnKind::Nominal(values) if !is_binary(values) => Self::Nominal {
                name,
                values: values.clone(),
            },
            _ => Self::Numeric { name },
        }
    }
}

fn is_binary(values: &[String]) -> bool {
    values.len() == 2 && values.iter().any(|v| v == "0") && values.iter().any(|v| v == "1")
}

impl Schema {
    /// Takes the named columns of a table as labels and the others as features, both in the
    /// table's order.
    ///
    /// # Errors
    /// When the table lacks one of the labels.
    pub fn of_table(table: &Table, labels: &[String]) -> Result<Self> {
        let positions = table.positions();
        if let Some(missing) = labels
            .iter()
            .find(|label| !positions.contains_key(label.as_str()))
        {
            return Err(table.error(format!("no column for label {}", shown(missing))));
        }
        let is_label: HashSet<&str> = labels.iter().map(String::as_str).collect();
        let mut schema = Self {
            features: Vec::new(),
            labels: Vec::new(),
        };
        for column in table.columns() {
            if column.kind == ColumnKind::Skipped {
                continue;
            }
            if is_label.contains(column.name.as_str()) {
                schema.labels.push(column.name.clone());
            } else {
                schema.features.push(Feature::from_column(column));
            }
        }
        Ok(schema)
    }

    /// Number of encoded feature columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.iter().map(Feature::width).sum()
    }

    /// Names of the encoded feature columns; one-hot columns are called `feature=value`.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.width());
        for feature in &self.features {
            match feature {
                Feature::Numeric { name } => names.push(name.clone()),
                Feature::Nominal { name, values } => {
                    names.extend(values.iter().map(|value| format!("{name}={value}")));
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let name = str::to_owned;
        Schema {
            features: vec![
                Feature::Numeric { name: name("x") },
                Feature::Nominal {
                    name: name("place"),
                    values: vec![name("sea"), name("hill")],
                },
            ],
            labels: vec![name("a")],
        }
    }

    #[test]
    fn nominal_features_are_as_wide_as_their_values_are_many() {
        assert_eq!(schema().width(), 3);
        assert_eq!(schema().column_names(), ["x", "place=sea", "place=hill"]);
    }

    #[test]
    fn a_saved_schema_reads_back_the_same() {
        let json = serde_json::to_string(&schema()).unwrap();
        assert_eq!(
            json,
            r#"{"features":[{"kind":"numeric","name":"x"},{"kind":"nominal","name":"place","values":["sea","hill"]}],"labels":["a"]}"#
        );
        assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema());
    }
}
