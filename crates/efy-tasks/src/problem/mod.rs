//! One inner problem, or a batch of rows, from JSON to JSON: what `efy solve` does.
//!
//! ```
//! use std::path::Path;
//!
//! use efy_tasks::problem::Problem;
//! use tch::Device;
//!
//! let text = r#"{"energy": {"kind": "linear", "u": [1.0, -1.0]},
//!     "regularizer": {"kind": "gini"}, "domain": {"kind": "cube"}}"#;
//! let answer = Problem::parse(Path::new("p.json"), text)?.solve(Device::Cpu)?;
//! assert_eq!(answer["argmax"], serde_json::json!([1.0, 0.0]));
//! # Ok::<(), efy_tasks::Error>(())
//! ```

mod answer;
mod domain;
mod energy;
mod numbers;
mod regularizer;
mod specification;
mod tagged;

pub use specification::Problem;
