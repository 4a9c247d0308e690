//! Draws an example of each kind of figure, as the book shows them: SVG, PDF, PNG and CSV.
//!
//! `cargo run --package efy-plot --example gallery -- DIR`

mod kinds;

use std::path::PathBuf;

use efy_plot::{Format, write_figure};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args_os().nth(1).ok_or("expected a directory")?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    for figure in kinds::figures(None)? {
        let formats = [Format::Svg, Format::Pdf, Format::Png];
        for file in write_figure(figure.as_ref(), &out, &formats)? {
            println!("{}", file.display());
        }
    }
    Ok(())
}
