//! Mulan's data sets: ARFF files and an XML file that says which attributes are labels.

use std::collections::HashSet;
use std::path::Path;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::arff;
use super::dataset::Dataset;
use super::input;
use super::schema::Schema;
use super::table::{Table, shown};
use super::targets::Targets;
use crate::{Error, Result};

/// Most bytes of a label file. The largest in use (4000 labels) has 0.2 MB.
const MAX_XML: u64 = 8 << 20;

/// Reads a data set. The labels may stand anywhere among the attributes and keep the order of the
/// training file, whatever their order in the XML file.
///
/// # Errors
/// When a file cannot be read or is not valid, when an XML label is no attribute, or when a label
/// is neither 0 nor 1.
pub fn read(name: &str, train: &Path, test: Option<&Path>, xml: &Path) -> Result<Dataset> {
    let labels = label_names(xml)?;
    let train = arff::read(train, &|_| true)?;
    check_labels(&train, xml, &labels)?;
    let schema = Schema::of_table(&train, &labels)?;
    let test = test.map(|path| arff::read(path, &|_| true)).transpose()?;
    if let Some(test) = &test {
        check_labels(test, xml, &labels)?;
    }
    Dataset::of_tables(name, (schema, Targets::Sets), &train, test.as_ref())
}

fn check_labels(table: &Table, xml: &Path, labels: &[String]) -> Result<()> {
    let positions = table.positions();
    match labels
        .iter()
        .find(|label| !positions.contains_key(label.as_str()))
    {
        Some(label) => Err(table.error(format!(
            "no attribute for label {}, which {} lists",
            shown(label),
            xml.display()
        ))),
        None => Ok(()),
    }
}

/// Reads the label names of an XML file (plain or gzipped), in document order.
///
/// Labels may be nested, as in Mulan's hierarchical sets; inner and outer ones count alike.
///
/// # Errors
/// When the file cannot be read, or, with its line, when it is no list of labels.
pub fn label_names(path: &Path) -> Result<Vec<String>> {
    parse_label_names(&input::read_text(path, MAX_XML)?, path)
}

/// Reads label names from XML text; `file` is what errors call it.
///
/// # Errors
/// As [`label_names`].
pub fn parse_label_names(text: &str, file: &Path) -> Result<Vec<String>> {
    let mut reader = Reader::from_str(text);
    let mut labels = Vec::new();
    let mut seen = HashSet::new();
    let mut depth = 0_usize;
    let mut rooted = false;
    let error = |at: u64, message: String| Error::input(file, Some(line_at(text, at)), message);
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(cause) => return Err(error(reader.error_position(), format!("bad XML: {cause}"))),
        };
        let at = reader.buffer_position();
        let (element, opens) = match event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = element.local_name();
        if depth == 0 {
            if rooted || name.as_ref() != "labels" {
                let found = shown(name.as_ref());
                return Err(error(
                    at,
                    format!("expected one element <labels>, found {found}"),
                ));
            }
            rooted = true;
        } else if name.as_ref() == "label" {
            let label = label_name(&element).map_err(|message| error(at, message))?;
            if !seen.insert(label.clone()) {
                return Err(error(
                    at,
                    format!("label {} is listed twice", shown(&label)),
                ));
            }
            labels.push(label);
        } else {
            let found = shown(name.as_ref());
            return Err(error(
                at,
                format!("expected <label name=\"...\">, found {found}"),
            ));
        }
        depth += usize::from(opens);
    }
    if depth > 0 {
        return Err(error(
            reader.buffer_position(),
            "bad XML: an element is not closed".to_owned(),
        ));
    }
    if labels.is_empty() {
        return Err(Error::input(file, None, "no <label name=\"...\"> in it"));
    }
    Ok(labels)
}

/// The `name` of a label element.
fn label_name(element: &BytesStart<'_>) -> Result<String, String> {
    let bad = |cause: &dyn std::fmt::Display| format!("bad XML: {cause}");
    let attribute = element
        .try_get_attribute("name")
        .map_err(|cause| bad(&cause))?;
    let attribute = attribute.ok_or_else(|| "a label without a name".to_owned())?;
    let name = attribute
        .normalized_value(XmlVersion::Implicit1_0)
        .map_err(|cause| bad(&cause))?;
    Ok(name.into_owned())
}

/// The line a byte of the text is in.
fn line_at(text: &str, at: u64) -> u64 {
    let end = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    1 + text.as_bytes()[..end]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count() as u64
}

#[cfg(test)]
mod tests;
