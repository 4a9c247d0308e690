//! Configurations: YAML files, overrides from the command line, and errors that name the key.

mod load;
mod message;
mod overrides;
mod section;
mod suggest;
mod text;
mod train;
mod yaml;

pub use load::{Document, from_text, load, origin_of};
pub use section::section;
pub use suggest::nearest;
pub use text::one_line;
pub use train::TrainConfig;
pub use yaml::to_yaml;
