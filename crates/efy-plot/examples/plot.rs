//! Plots runs: `cargo run -p efy-plot --example plot -- FIGURES RUN...`

use std::path::PathBuf;

use efy_plot::{Error, Format, plot};

fn main() -> Result<(), Error> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let out = paths.next().unwrap_or_else(|| PathBuf::from("figures"));
    let runs: Vec<_> = paths.collect();
    for file in plot(&runs, &out, &[Format::Svg, Format::Png])? {
        println!("{}", file.display());
    }
    Ok(())
}
