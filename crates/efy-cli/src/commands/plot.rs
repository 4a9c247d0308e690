//! `efy plot`.

use anyhow::{Result, anyhow};
use efy_plot::Format;

use crate::arguments::Plot;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Plot) -> Result<()> {
    let formats: Vec<Format> = arguments
        .format
        .iter()
        .map(|name| {
            name.parse::<Format>()
                .map_err(|error| anyhow!(Usage(error.to_string())))
        })
        .collect::<Result<_>>()?;
    let out = match (&arguments.out, arguments.runs.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join("plots"),
        (None, _) => return Err(anyhow!(Usage("--out: needed for several runs".to_owned()))),
    };
    for path in efy_plot::plot(&arguments.runs, &out, &formats)? {
        output::line(&path.display().to_string())?;
    }
    Ok(())
}
