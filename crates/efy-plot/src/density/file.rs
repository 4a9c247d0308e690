//! `density.json` of a run directory.

use std::path::Path;

use serde::Deserialize;

use crate::error::Result;
use crate::run::read_optional;

/// The file of a run directory.
pub const PICTURE_FILE: &str = "density.json";

/// What efy writes at the end of a training: see `efy_tasks::density::Picture`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PictureFile {
    pub(super) space: String,
    pub(super) names: Vec<String>,
    pub(super) bounds: Option<[[f64; 2]; 2]>,
    pub(super) model: Vec<Vec<f64>>,
    pub(super) teacher: Option<Vec<Vec<f64>>>,
    pub(super) data: Vec<Vec<f64>>,
    pub(super) neurons: Vec<Neuron>,
    pub(super) teacher_neurons: Vec<Neuron>,
    pub(super) frames: Vec<Moment>,
}

/// A direction and whether it lowers the energy (amplitude below 0).
#[derive(Debug, Deserialize)]
pub(super) struct Neuron {
    pub(super) at: Vec<f64>,
    pub(super) amplitude: f64,
}

/// A moment of the training.
#[derive(Debug, Deserialize)]
pub(super) struct Moment {
    pub(super) step: u64,
    pub(super) particles: Vec<Vec<f64>>,
    pub(super) neurons: Vec<Neuron>,
}

impl PictureFile {
    /// `None` where there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        read_optional(path, |text| {
            serde_json::from_str(text)
                .map(Some)
                .map_err(|error| error.to_string())
        })
    }
}
