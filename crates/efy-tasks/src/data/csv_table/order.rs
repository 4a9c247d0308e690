//! Rankings as text: `a>b>c`, the best label first.

use std::collections::HashMap;
use std::mem;

use super::MAX_RANKED;
use crate::data::table::shown;

/// The labels that the rankings of a column order.
pub(super) struct Orders {
    /// In the order of their columns.
    labels: Vec<String>,
    place: HashMap<String, usize>,
}

impl Orders {
    /// Rankings of known labels.
    pub(super) fn of(labels: &[String]) -> Self {
        Orders {
            place: labels.iter().cloned().zip(0..).collect(),
            labels: labels.to_vec(),
        }
    }

    /// Rankings of the labels of the first one, sorted by their names.
    pub(super) fn of_first(text: &str) -> Result<Self, String> {
        let mut labels: Vec<String> = items(text)?.into_iter().map(str::to_owned).collect();
        if labels.len() > MAX_RANKED {
            return Err(format!("more than {MAX_RANKED} labels in a ranking"));
        }
        if labels.len() < 2 {
            let found = shown(text);
            return Err(format!("expected a ranking such as a>b>c, found {found}"));
        }
        labels.sort_unstable();
        labels.dedup();
        Ok(Self::of(&labels))
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Writes the rank of each label, 1 for the first.
    pub(super) fn read(&self, text: &str, ranks: &mut [f32]) -> Result<(), String> {
        ranks.fill(0.0);
        for (rank, item) in (1..).zip(items(text)?) {
            let Some(&place) = self.place.get(item) else {
                let (first, found) = (shown(&self.labels[0]), shown(item));
                let others = self.labels.len() - 1;
                return Err(format!(
                    "expected the labels of the rankings before it ({first} and {others} others), found {found}"
                ));
            };
            let before = mem::replace(&mut ranks[place], rank as f32);
            if before > 0.0 {
                return Err(format!("label {} stands twice in the ranking", shown(item)));
            }
        }
        match ranks.iter().position(|&rank| rank == 0.0) {
            None => Ok(()),
            Some(missing) => Err(format!(
                "label {} is missing in the ranking; expected all labels, partial rankings are not supported",
                shown(&self.labels[missing])
            )),
        }
    }
}

/// The labels of a ranking, best first.
fn items(text: &str) -> Result<Vec<&str>, String> {
    let items: Vec<&str> = text.split('>').map(str::trim).collect();
    if items.contains(&"") {
        let found = shown(text);
        return Err(format!("expected a ranking such as a>b>c, found {found}"));
    }
    if let Some(tie) = items.iter().find(|item| item.contains(['=', '~', '<'])) {
        let found = shown(tie);
        return Err(format!(
            "expected a strict order such as a>b>c, found {found}; ties are not supported"
        ));
    }
    Ok(items)
}
