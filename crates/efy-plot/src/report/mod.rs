//! One HTML page about one or more runs, to be read offline.
//!
//! The page is one file: style, fonts and figures are in it, nothing is fetched, and there are no
//! scripts. Every text that comes from a run is escaped by the template, and a content security policy
//! forbids scripts and requests all the same.

mod comparison;
mod config;
mod figure;
mod history;
mod page;
mod record;
mod section;
mod text;
mod timeline;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::report::record::read_records;

/// The name of the page in a run directory.
pub const REPORT_FILE: &str = "report.html";

/// An HTML page about the runs in these directories: the metrics on the test split, curves,
/// configuration, environment, validation history and events of each, and for several a comparison
/// before that.
///
/// A run that has not finished is shown as far as it has come. The page depends on nothing but the files
/// of the runs and the names of their directories: the same runs give the same bytes.
///
/// # Errors
/// [`Error::NoRuns`]; [`Error::NotARun`] for a directory that has neither `config.yaml` nor
/// `metrics.jsonl` nor `summary.json`; [`Error::Event`] and [`Error::RunFile`] for a file that is there
/// and cannot be understood; [`Error::Read`] and [`Error::Draw`].
pub fn report(runs: &[PathBuf]) -> Result<String> {
    let records = read_records(runs)?;
    let (title, body) = match records.as_slice() {
        [] => return Err(Error::NoRuns),
        [record] => (record.run.name.clone(), section::whole_page(record)?),
        records => (
            format!("Comparison of {} runs", records.len()),
            comparison::whole_page(records)?,
        ),
    };
    Ok(page::page(&title, &body))
}
