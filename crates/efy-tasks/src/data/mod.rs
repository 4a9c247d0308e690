//! Data sets of sets of labels and of rankings: reading, fetching, importing.
//!
//! Every reader ends in a [`Table`] (columns by name, as the file has them). A [`Schema`] says
//! which columns are features and labels and turns any table into matrices the same way, so that
//! rows read long after training meet the columns the model was trained on. A [`Dataset`] is a
//! schema with its training and test matrices.
//!
//! Files come from strangers: readers cap what they hold, never panic, and name file, line and
//! column in their errors.

pub mod arff;
pub(crate) mod arrays;
pub mod csv_table;
pub mod mulan;
pub mod registry;

mod cache;
mod dataset;
mod embedded;
mod encode;
mod fetch;
mod import;
pub(crate) mod input;
mod load;
pub(crate) mod npy;
mod points;
mod schema;
mod source;
pub(crate) mod table;
mod targets;

pub use cache::Cache;
pub use csv_table::LabelColumns;
pub use dataset::Dataset;
pub use fetch::fetch;
pub(crate) use import::check_name;
pub use import::import;
pub use load::{imported, load, load_path, load_rankings, read_rows};
pub use points::{Points, points_csv, read_points, write_points};
pub use schema::{Feature, Schema};
pub use source::Source;
pub use table::{Column, ColumnKind, Table};
pub use targets::Targets;
