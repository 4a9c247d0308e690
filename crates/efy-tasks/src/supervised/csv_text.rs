//! CSV in memory.

use std::io;

use crate::{Error, Result};

/// The text of a table, header first.
///
/// # Errors
/// None that can happen in memory.
pub(crate) fn csv_text(records: impl IntoIterator<Item = Vec<String>>) -> Result<String> {
    let text = || {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for record in records {
            writer.write_record(record).map_err(io::Error::other)?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    text().map_err(|cause| Error::Io {
        path: "predictions".into(),
        cause,
    })
}
