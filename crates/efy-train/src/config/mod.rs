//! Configurations: YAML files, overrides from the command line, and errors that name the key.

mod load;
mod overrides;
mod suggest;
mod train;
mod yaml;

pub use load::{from_text, load, origin_of};
pub use suggest::nearest;
pub use train::TrainConfig;
pub use yaml::to_yaml;
