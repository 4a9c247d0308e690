//! The points of a run, by split.

use std::path::Path;

use efy_core::device::read;
use efy_core::random::{Stream, generator};
use efy_core::teacher::Teacher;
use efy_train::Split;
use rand::seq::SliceRandom;
use tch::{Device, Kind, Tensor};

use crate::config::{Config, SpaceKind, TeacherKind};
use crate::data::{Points, read_points};
use crate::{Error, Result};

/// How far from 1 the length of a point on the sphere may be: it is brought to 1.
const LENGTH: f64 = 1e-3;

/// Points as they were read or drawn, in f64 on the CPU, whatever the device: the same everywhere.
#[derive(Debug)]
pub struct Examples {
    name: String,
    names: Vec<String>,
    train: Tensor,
    validation: Tensor,
    test: Tensor,
}

impl Examples {
    /// Reads the points of `data.path`, or draws those of `data.teacher`.
    ///
    /// # Errors
    /// [`Error::Input`] naming file and line; [`Error::Dataset`] for points that do not lie in `model.space`, and for a
    /// split that would be empty; what the teacher reports.
    pub fn new(config: &Config) -> Result<Self> {
        match &config.data.path {
            Some(path) => Examples::read(config, path),
            None => Examples::draw(config),
        }
    }

    fn draw(config: &Config) -> Result<Self> {
        let data = &config.data;
        let teacher =
            teacher(config, (Kind::Double, Device::Cpu))?.ok_or_else(|| Error::Dataset {
                name: "teacher".to_owned(),
                message: "expected data.teacher, found none".to_owned(),
            })?;
        let seed = config.train.seed;
        let sample = |n: u32, set| teacher.sample(n.into(), seed, set);
        let kind = serde_json::to_value(data.teacher).unwrap_or_default();
        Ok(Examples {
            name: kind.as_str().unwrap_or("teacher").to_owned(),
            names: Points::numbered(teacher.network().dimension() as usize),
            train: sample(data.samples, 0)?,
            validation: sample(data.test_samples, 1)?,
            test: sample(data.test_samples, 2)?,
        })
    }

    fn read(config: &Config, path: &Path) -> Result<Self> {
        let data = &config.data;
        let (points, names) = in_space(config, path)?;
        let test = match &data.test_path {
            Some(test_path) => {
                let (test, others) = in_space(config, test_path)?;
                if others.len() != names.len() {
                    let message = format!(
                        "expected points of {} numbers, found {}",
                        names.len(),
                        others.len()
                    );
                    return Err(Error::input(test_path, None, message));
                }
                Some(test)
            }
            None => None,
        };
        let mut rows: Vec<i64> = (0..points.size()[0]).collect();
        rows.shuffle(&mut generator(config.train.seed, Stream::Split, 0));
        let mut draw = |fraction: f64| {
            let count = (rows.len() as f64 * fraction).round() as usize;
            rows.split_off(rows.len() - count.min(rows.len()))
        };
        let test_rows = if test.is_some() {
            Vec::new()
        } else {
            draw(data.test)
        };
        let validation = draw(data.validation);
        let take = |mut rows: Vec<i64>, split: Split| -> Result<Tensor> {
            if rows.len() < 2 {
                return Err(Error::Dataset {
                    name: path.display().to_string(),
                    message: format!(
                        "the {} split would have {} points",
                        split.name(),
                        rows.len()
                    ),
                });
            }
            rows.sort_unstable();
            let rows = Tensor::f_from_slice(&rows).map_err(efy_core::Error::from)?;
            Ok(points.index_select(0, &rows))
        };
        Ok(Examples {
            name: path.display().to_string(),
            validation: take(validation, Split::Validation)?,
            test: match test {
                Some(test) => test,
                None => take(test_rows, Split::Test)?,
            },
            train: take(rows, Split::Train)?,
            names,
        })
    }

    /// What they are called: the teacher, or the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the entries of a point.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The points of a split `[n, d]`.
    pub fn split(&self, split: Split) -> &Tensor {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// All numbers as bytes: what a checkpoint belongs to.
    ///
    /// # Errors
    /// [`Error::Core`] when libtorch fails.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for split in Split::ALL {
            let values: Vec<f64> = read::to_vec(self.split(split))?;
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok(bytes)
    }
}

/// The density that a configuration names, if it does.
pub(super) fn teacher(config: &Config, place: (Kind, Device)) -> Result<Option<Teacher>> {
    let data = &config.data;
    let Some(kind) = data.teacher else {
        return Ok(None);
    };
    Ok(Some(match kind {
        TeacherKind::BimodalS2 => Teacher::bimodal_s2(place)?,
        TeacherKind::MonomodalS2 => Teacher::monomodal_s2(place)?,
        TeacherKind::BimodalS14 => Teacher::bimodal_s14(place)?,
        TeacherKind::MonomodalS14 => Teacher::monomodal_s14(place)?,
        TeacherKind::Neurons => {
            let neurons = data.teacher_neurons.as_deref().unwrap_or_default();
            let amplitudes = data.teacher_amplitudes.as_deref().unwrap_or_default();
            let flat = Tensor::f_from_slice(&neurons.concat())
                .and_then(|flat| flat.f_view([neurons.len() as i64, -1]))
                .map_err(efy_core::Error::from)?;
            Teacher::of_neurons(&flat, amplitudes, place)?
        }
    }))
}

/// The points of a file `[n, d]`, which have to lie in the model's space, and the names of their entries.
fn in_space(config: &Config, path: &Path) -> Result<(Tensor, Vec<String>)> {
    let Points { names, values } = read_points(path)?;
    let d = names.len();
    let space = config.model.space;
    let refuse = |row: usize, expected: &str, found: f64| {
        let message = format!("point {row} (from 1): expected {expected}, found {found}");
        Err(Error::input(path, None, message))
    };
    if space == SpaceKind::Sphere && d < 2 {
        let message = format!("expected points of at least 2 numbers on a sphere, found {d}");
        return Err(Error::input(path, None, message));
    }
    for (row, point) in values.chunks_exact(d).enumerate() {
        match space {
            SpaceKind::Sphere => {
                let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
                if (length - 1.0).abs() > LENGTH {
                    return refuse(
                        row + 1,
                        "a vector of length 1 (model.space: sphere)",
                        length,
                    );
                }
            }
            SpaceKind::Torus => {
                if let Some(&outside) = point.iter().find(|x| !(0.0..1.0).contains(*x)) {
                    return refuse(row + 1, "numbers in [0, 1) (model.space: torus)", outside);
                }
            }
            SpaceKind::Euclidean => {}
        }
    }
    let points = Tensor::f_from_slice(&values)
        .and_then(|flat| flat.f_view([-1, d as i64]))
        .map_err(efy_core::Error::from)?;
    let points = match space {
        SpaceKind::Sphere => config.model.points().project(&points),
        _ => points,
    };
    Ok((points, names))
}
