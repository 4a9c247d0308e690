//! `efy report`.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use efy_train::files::write_atomically;

use crate::arguments::Report;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Report) -> Result<()> {
    let out = match (&arguments.out, arguments.runs.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join(efy_plot::REPORT_FILE),
        (None, _) => return Err(anyhow!(Usage("--out: needed for several runs".to_owned()))),
    };
    if out.is_dir() {
        let message = format!("--out {}: is a directory, expected a file", out.display());
        return Err(anyhow!(Usage(message)));
    }
    let page = efy_plot::report(&arguments.runs)?;
    if let Some(directory) = out.parent().filter(|parent| *parent != Path::new("")) {
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    write_atomically(&out, page.as_bytes())?;
    output::line(&out.display().to_string())
}
