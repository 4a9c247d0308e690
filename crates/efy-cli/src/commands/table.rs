//! `efy table`.

use anyhow::{Result, anyhow};
use efy_plot::{TableFormat, results_table, write_table};

use crate::arguments::Table;
use crate::exit::Usage;
use crate::output;

pub(crate) fn run(arguments: &Table) -> Result<()> {
    let formats = arguments.format.iter().map(|name| name.parse());
    let formats: Vec<TableFormat> = formats.collect::<Result<_, efy_plot::Error>>()?;
    let grouping = arguments.group.parse()?;
    let mut table = results_table(
        &arguments.runs,
        grouping,
        &arguments.split,
        &arguments.metric,
    )?;
    if let Some(caption) = &arguments.caption {
        table.caption.clone_from(caption);
    }
    table.label.clone_from(&arguments.label);
    match (&arguments.out, formats.as_slice()) {
        (Some(out), formats) => {
            for path in write_table(&table, "results", out, formats)? {
                output::line(&path.display().to_string())?;
            }
            Ok(())
        }
        (None, [format]) => output::line(table.to_format(*format)?.trim_end()),
        (None, _) => Err(anyhow!(Usage(
            "--out: needed for several formats".to_owned()
        ))),
    }
}
