//! Arrays by name: numpy's npz, which is a zip archive of npy files, and safetensors. Never pickle, which runs code when it is
//! read.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::npy::{self, Array, MAX_VALUES};
use crate::{Error, Result};

/// What a zip archive begins with.
const ZIP: &[u8] = b"PK";
/// Most bytes of a file, compressed as it may be.
const MAX_FILE: u64 = 1 << 30;
/// Most bytes of an array: its numbers in f64, and a header.
const MAX_ARRAY: u64 = 8 * MAX_VALUES as u64 + (1 << 16);

/// A file of arrays, which are read when they are asked for.
pub(crate) struct Arrays {
    path: PathBuf,
    content: Content,
}

enum Content {
    Npz(Box<ZipArchive<Cursor<Vec<u8>>>>),
    Safetensors(Vec<u8>),
}

impl Arrays {
    /// Opens a file of one of the formats, told apart by what it begins with.
    ///
    /// # Errors
    /// [`Error::Input`] when it cannot be read or is of neither format.
    pub(crate) fn open(path: &Path) -> Result<Arrays> {
        let unreadable = |error| Error::input(path, None, format!("cannot read: {error}"));
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut content = Vec::new();
        file.take(MAX_FILE + 1)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
        if content.len() as u64 > MAX_FILE {
            let message = format!("expected at most {MAX_FILE} bytes, found more");
            return Err(Error::input(path, None, message));
        }
        let content = if content.starts_with(ZIP) {
            let archive = ZipArchive::new(Cursor::new(content)).map_err(|error| {
                Error::input(path, None, format!("no valid npz archive: {error}"))
            })?;
            Content::Npz(Box::new(archive))
        } else {
            SafeTensors::deserialize(&content).map_err(|error| {
                let message = format!(
                    "expected an npz archive or a safetensors file, found neither ({error})"
                );
                Error::input(path, None, message)
            })?;
            Content::Safetensors(content)
        };
        Ok(Arrays {
            path: path.to_owned(),
            content,
        })
    }

    /// The names there are, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.content {
            Content::Npz(archive) => archive
                .file_names()
                .flatten()
                .filter_map(|name| name.strip_suffix(".npy").map(str::to_owned))
                .collect(),
            Content::Safetensors(content) => SafeTensors::deserialize(content)
                .map(|file| file.iter().map(|(name, _)| name.to_owned()).collect())
                .unwrap_or_default(),
        };
        names.sort_unstable();
        names
    }

    /// A word of the file about itself. Only safetensors files have any.
    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let Content::Safetensors(content) = &self.content else {
            return None;
        };
        let (_, header) = SafeTensors::read_metadata(content).ok()?;
        header.metadata().as_ref()?.get(key).cloned()
    }

    /// The first of `names` that is there, with its array.
    ///
    /// # Errors
    /// [`Error::Input`] naming the key, when the array cannot be read.
    pub(crate) fn find(&mut self, names: &[&str]) -> Result<Option<(String, Array)>> {
        let there = self.names();
        let Some(name) = names
            .iter()
            .find(|name| there.iter().any(|known| known == *name))
        else {
            return Ok(None);
        };
        let array = self
            .read(name)
            .map_err(|message| self.wrong(name, &message))?;
        Ok(Some(((*name).to_owned(), array)))
    }

    /// As [`Arrays::find`], for what has to be there.
    ///
    /// # Errors
    /// As [`Arrays::find`], and when none of `names` is there: which there are.
    pub(crate) fn expect(&mut self, names: &[&str]) -> Result<(String, Array)> {
        self.find(names)?.ok_or_else(|| {
            let message = format!(
                "expected an array {}, found {}",
                names.join(" or "),
                match self.names().join(", ") {
                    none if none.is_empty() => "none".to_owned(),
                    names => names,
                }
            );
            Error::input(&self.path, None, message)
        })
    }

    /// An error about a key of this file.
    pub(crate) fn wrong(&self, key: &str, message: &str) -> Error {
        Error::input(&self.path, None, format!("{key}: {message}"))
    }

    fn read(&mut self, name: &str) -> Result<Array, String> {
        match &mut self.content {
            Content::Npz(archive) => {
                let file = archive
                    .by_name(&format!("{name}.npy"))
                    .map_err(|error| error.to_string())?;
                let mut content = Vec::new();
                file.take(MAX_ARRAY + 1)
                    .read_to_end(&mut content)
                    .map_err(|error| error.to_string())?;
                if content.len() as u64 > MAX_ARRAY {
                    return Err(format!("expected at most {MAX_VALUES} numbers, found more"));
                }
                npy::parse(&content, npy::NUMBERS)
            }
            Content::Safetensors(content) => {
                let file = SafeTensors::deserialize(content).map_err(|error| error.to_string())?;
                array(&file.tensor(name).map_err(|error| error.to_string())?)
            }
        }
    }
}

/// A tensor as numbers.
fn array(view: &TensorView<'_>) -> Result<Array, String> {
    if view.shape().is_empty() || view.shape().len() > 2 {
        return Err(format!(
            "expected an array of one or two dimensions, found the shape {:?}",
            view.shape()
        ));
    }
    fn all<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        data.as_chunks().0.iter().map(|b| number(*b)).collect()
    }
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F64 => all(data, f64::from_le_bytes),
        Dtype::F32 => all(data, |b| f64::from(f32::from_le_bytes(b))),
        Dtype::I64 => all(data, |b| i64::from_le_bytes(b) as f64),
        Dtype::I32 => all(data, |b| f64::from(i32::from_le_bytes(b))),
        Dtype::BOOL => all(data, |[b]| f64::from(u8::from(b != 0))),
        other => {
            return Err(format!(
                "expected numbers of type F64, F32, I64, I32 or BOOL, found {other:?}"
            ));
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(format!(
            "expected finite numbers, found {} at number {at}",
            values[at]
        )),
        None => Ok(Array {
            shape: view.shape().to_vec(),
            values,
        }),
    }
}

/// An array to be written: its name, its shape and its numbers.
pub(crate) type Named<'a> = (&'a str, Vec<usize>, &'a [f64]);

/// A safetensors file of f64, with a word about itself. One, since more have no order.
pub(crate) fn safetensors(
    arrays: &[Named<'_>],
    about: Option<(&str, &str)>,
) -> Result<Vec<u8>, String> {
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|(_, _, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = arrays
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| {
            let view = TensorView::new(Dtype::F64, shape.clone(), bytes)?;
            Ok((*name, view))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| error.to_string())?;
    let about = about.map(|(key, value)| HashMap::from([(key.to_owned(), value.to_owned())]));
    safetensors::serialize(views, about).map_err(|error| error.to_string())
}

/// An npz archive of f64, compressed, and without the time of day.
pub(crate) fn npz(arrays: &[Named<'_>]) -> Result<Vec<u8>, String> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, shape, values) in arrays {
        archive
            .start_file(format!("{name}.npy"), options)
            .map_err(|error| error.to_string())?;
        archive
            .write_all(&npy::encode(shape, values, true))
            .map_err(|error| error.to_string())?;
    }
    let written = archive.finish().map_err(|error| error.to_string())?;
    Ok(written.into_inner())
}
