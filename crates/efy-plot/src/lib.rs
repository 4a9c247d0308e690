//! Figures from the metrics files of runs, ready for print.
//!
//! [`plot`] does it all: it reads run directories, draws their losses and metrics over the steps of
//! training, and writes SVG or PNG files, each with the data beside it. The parts can be used one
//! by one: [`read_metrics`] and [`Run::read`] read, [`figures`] decides what is shown, [`draw`]
//! makes an SVG document of a [`Figure`], and [`render_png`] makes a PNG of that. A [`Chart`] has lines
//! over any axis, a [`DotPlot`] compares settings on several data sets. [`report`] makes one HTML page about
//! runs, with their figures in it.
//!
//! The same data give the same bytes again: the font is embedded, nothing is taken from the system,
//! and nothing depends on the time or on the order of a hash map.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//!
//! use efy_plot::{Format, plot};
//!
//! let runs = [PathBuf::from("runs/yeast-seed0"), PathBuf::from("runs/yeast-seed1")];
//! for file in plot(&runs, Path::new("figures"), &[Format::Svg, Format::Png])? {
//!     println!("{}", file.display());
//! }
//! # Ok::<(), efy_plot::Error>(())
//! ```
#![forbid(unsafe_code)]

mod canvas;
mod chart;
mod curves;
mod dots;
mod draw;
mod draw_dots;
mod error;
mod export;
mod figure;
mod file_name;
mod font;
mod layout;
mod legend;
mod loss_curves;
mod metric;
mod metrics_file;
mod number;
mod output;
mod palette;
mod plot;
mod polyline;
mod render;
mod report;
mod run;
mod scale;
mod series;
mod table;
mod ticks;

pub use crate::chart::{Chart, Line};
pub use crate::curves::{figures, fractions_figure, metric_figure};
pub use crate::dots::{Dot, DotPlot, Panel, Reference};
pub use crate::draw::{draw, draw_chart};
pub use crate::draw_dots::draw_dots;
pub use crate::error::{Error, Result};
pub use crate::export::{export_metrics, metrics_csv};
pub use crate::figure::{Axis, Curve, Figure, LegendEntry, ScaleKind, Symbol, Width};
pub use crate::loss_curves::loss_figure;
pub use crate::metrics_file::{METRICS_FILE, read_metrics};
pub use crate::palette::{Dash, Rgb, Stroke};
pub use crate::plot::{Drawing, plot, write_figure};
pub use crate::render::{Format, render_png};
pub use crate::report::{REPORT_FILE, report};
pub use crate::run::{Run, read_runs};
pub use crate::series::{Point, SeriesSet};
pub use crate::table::to_csv;
