//! `efy plot`.

use anyhow::{Result, anyhow};
use efy_plot::{Output, PlotOptions};

use crate::arguments::Plot;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Plot) -> Result<()> {
    let formats = arguments.format.iter().map(|name| name.parse());
    let options = PlotOptions {
        output: Output {
            formats: formats.collect::<Result<_, efy_plot::Error>>()?,
            dots_per_inch: f64::from(arguments.dpi),
        },
        width: arguments.width.parse()?,
        grouping: arguments.group.parse()?,
    };
    let out = match (&arguments.out, arguments.runs.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join("plots"),
        (None, _) => return Err(anyhow!(Usage("--out: needed for several runs".to_owned()))),
    };
    for path in efy_plot::plot_with(&arguments.runs, &out, &options)? {
        output::line(&path.display().to_string())?;
    }
    Ok(())
}
