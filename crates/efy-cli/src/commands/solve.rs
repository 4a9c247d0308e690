//! `efy solve`: one inner problem, or a batch of rows, from JSON to JSON.

use std::io::Read;
use std::path::Path;

use anyhow::{Result, anyhow};
use efy_tasks::problem::Problem;

use crate::arguments::Solve;
use crate::exit::Usage;
use crate::output;

/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 27;

pub(crate) fn run(arguments: &Solve) -> Result<()> {
    let device = arguments.device.device.select()?;
    let problem = Problem::parse(&arguments.file, &read_input(&arguments.file)?)?;
    let answer = problem.solve(device).map_err(|error| {
        let name = arguments.file.display();
        anyhow!(Usage(format!("{name}: {error}")))
    })?;
    output::json(&answer)
}

fn read_input(path: &Path) -> Result<String> {
    let usage = |message: String| anyhow!(Usage(format!("{}: {message}", path.display())));
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| usage(format!("cannot read: {error}")))?;
    if text.len() as u64 == MOST_BYTES {
        return Err(usage("expected less than 128 MiB".to_owned()));
    }
    Ok(text)
}
