//! `efy completions` and `efy man`.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use efy_train::files::write_atomically;

use crate::arguments::Arguments;
use crate::output;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "efy", &mut script);
    output::line(String::from_utf8(script)?.trim_end())
}

/// Writes `efy.1` and a page for every command, `efy-train.1` and so on.
pub(crate) fn manual(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let mut root = Arguments::command();
    root.build();
    write_page(root, "efy", dir)
}

fn write_page(command: clap::Command, name: &str, dir: &Path) -> Result<()> {
    for sub in command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        write_page(sub.clone(), &format!("{name}-{}", sub.get_name()), dir)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(name)
        .render(&mut page)?;
    Ok(write_atomically(&dir.join(format!("{name}.1")), &page)?)
}
