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

mod axes;
mod bars;
mod canvas;
mod chart;
mod color_map;
mod curves;
mod density;
mod dots;
mod draw;
mod drawing;
mod entries;
mod error;
mod export;
mod figure;
mod file_name;
mod film;
mod film_file;
mod font;
mod format;
mod group;
mod heat_map;
mod layout;
mod legend;
mod log_partitions;
mod loss_curves;
mod marker;
mod metric;
mod metrics_file;
mod number;
mod output;
mod palette;
mod plane;
mod plot;
mod polyline;
mod render;
mod report;
mod run;
mod scale;
mod scatter;
mod series;
mod sphere;
mod statistics;
mod symbol;
mod table;
mod tabular;
mod test_bars;
mod ticks;
mod width;

pub use crate::bars::{BarSeries, Bars};
pub use crate::chart::{Chart, Line};
pub use crate::color_map::ColorMap;
pub use crate::curves::{figures, fractions_figure, group_figures, metric_figure};
pub use crate::density::{PICTURE_FILE, density_drawings};
pub use crate::dots::{Dot, DotPlot, Panel, Reference};
pub use crate::draw::bars::draw_bars;
pub use crate::draw::dots::draw_dots;
pub use crate::draw::film::draw_film;
pub use crate::draw::heat_map::draw_heat_map;
pub use crate::draw::plane::draw_plane;
pub use crate::draw::scatter::draw_scatter;
pub use crate::draw::sphere::draw_sphere;
pub use crate::draw::{draw, draw_chart};
pub use crate::drawing::{Drawing, Output, write_drawing, write_figure};
pub use crate::error::{Error, Result};
pub use crate::export::{export_metrics, metrics_csv};
pub use crate::figure::{Axis, Curve, Figure, ScaleKind};
pub use crate::film::{Capsule, Film};
pub use crate::film_file::write_film;
pub use crate::format::Format;
pub use crate::group::{Group, Grouping, group_runs};
pub use crate::heat_map::HeatMap;
pub use crate::log_partitions::LOG_PARTITIONS_FILE;
pub use crate::loss_curves::loss_figure;
pub use crate::marker::Marker;
pub use crate::metrics_file::{METRICS_FILE, read_metrics};
pub use crate::palette::{Dash, Rgb, Stroke};
pub use crate::plane::PlaneDensity;
pub use crate::plot::{PlotOptions, plot, plot_with};
pub use crate::render::{DOTS_PER_INCH, render_pdf, render_png, render_png_at};
pub use crate::report::{REPORT_FILE, report};
pub use crate::run::{Run, read_runs};
pub use crate::scatter::{Scatter, ScatterGroup};
pub use crate::series::{Point, SeriesSet};
pub use crate::sphere::{Density, SphereDensity, SphereMark, SpherePanel};
pub use crate::symbol::{LegendEntry, Symbol};
pub use crate::table::to_csv;
pub use crate::tabular::results::results_table;
pub use crate::tabular::{Best, Cell, Column, Row, Table, TableFormat, write_table};
pub use crate::width::Width;
