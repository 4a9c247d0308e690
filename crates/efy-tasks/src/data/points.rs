//! Points in rows, from CSV and from numpy's npy format, and back.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use efy_train::files::write_atomically;

use super::csv_table::records::Records;
use super::input::{self, MAX_BYTES};
use super::npy::{self, Array, MAGIC, MAX_VALUES};
use super::table::{parse_number, shown};
use crate::{Error, Result};

/// Most entries of a point.
const MAX_DIMENSION: usize = 4096;

/// Points as rows of a matrix `[n, d]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// The names of the entries; `x1`, `x2`, ... where a file has none.
    pub names: Vec<String>,
    /// The points, one after the other.
    pub values: Vec<f64>,
}

impl Points {
    /// d.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.names.len()
    }

    /// n.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.names.len().max(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `x1`, `x2`, ...
    #[must_use]
    pub fn numbered(d: usize) -> Vec<String> {
        (1..=d).map(|i| format!("x{i}")).collect()
    }
}

/// Reads points: npy (two dimensions, f4 or f8, in the order of C or of Fortran) by what it begins with, or else CSV, a point a
/// line. A CSV file may have a header: it is one if not all of its cells are numbers.
///
/// # Errors
/// [`Error::Input`] naming the file and, in CSV, the line: what was expected and what was found.
pub fn read_points(path: &Path) -> Result<Points> {
    let unreadable = |error| Error::input(path, None, format!("cannot read: {error}"));
    let mut start = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    (&file)
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    if start != MAGIC {
        return read_csv(path);
    }
    let mut content = start;
    file.take(MAX_BYTES)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    parse_npy(&content).map_err(|message| Error::input(path, None, message))
}

fn read_csv(path: &Path) -> Result<Points> {
    let mut records = Records::new(input::open(path)?, path);
    let mut points = Points {
        names: Vec::new(),
        values: Vec::new(),
    };
    while records.advance()? {
        let cells: Vec<&str> = records.cells().collect();
        if points.names.is_empty() {
            if cells.len() > MAX_DIMENSION {
                let message = format!(
                    "expected at most {MAX_DIMENSION} columns, found {}",
                    cells.len()
                );
                return Err(records.error(message));
            }
            if cells.iter().any(|cell| parse_number(cell).is_err()) && !is_point(&cells) {
                points.names = cells.iter().map(|cell| (*cell).to_owned()).collect();
                continue;
            }
            points.names = Points::numbered(cells.len());
        }
        let d = points.names.len();
        if cells.len() != d {
            return Err(records.error(format!("expected {d} numbers, found {}", cells.len())));
        }
        for cell in cells {
            let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
            let value = value.ok_or_else(|| {
                records.error(format!("expected a finite number, found {}", shown(cell)))
            })?;
            points.values.push(value);
        }
        if points.values.len() > MAX_VALUES {
            return Err(records.error(format!("more than {MAX_VALUES} numbers")));
        }
    }
    if points.is_empty() {
        return Err(Error::input(path, None, "expected points, found none"));
    }
    Ok(points)
}

/// Whether all cells were meant to be numbers, though not all are finite: such a line is no header.
fn is_point(cells: &[&str]) -> bool {
    cells.iter().all(|cell| cell.parse::<f64>().is_ok())
}

fn parse_npy(content: &[u8]) -> Result<Points, String> {
    let Array { shape, values } = npy::parse(content, npy::FLOATS)?;
    match *shape.as_slice() {
        [_, d] if d <= MAX_DIMENSION => Ok(Points {
            names: Points::numbered(d),
            values,
        }),
        [n, d] => Err(format!(
            "expected rows of at most {MAX_DIMENSION} numbers, found {n} rows of {d}"
        )),
        _ => Err(format!(
            "expected a matrix of points in rows, found an array of shape {shape:?}"
        )),
    }
}

/// Points as CSV with a header; numbers as short as reads back the same in f32 or, if `wide`, in f64.
#[must_use]
pub fn points_csv(points: &Points, wide: bool) -> String {
    let mut text = points.names.join(",");
    text.push('\n');
    for point in points.values.chunks_exact(points.dimension().max(1)) {
        for (i, &value) in point.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = match wide {
                true => write!(text, "{comma}{value}"),
                false => write!(text, "{comma}{}", value as f32),
            };
        }
        text.push('\n');
    }
    text
}

/// Writes points as npy where the name ends so, as CSV otherwise; `wide` is f64, else f32.
///
/// # Errors
/// [`efy_train::Error::File`] when the file cannot be written.
pub fn write_points(path: &Path, points: &Points, wide: bool) -> Result<()> {
    let content = match path.extension() {
        Some(extension) if extension == "npy" => {
            npy::encode(&[points.len(), points.dimension()], &points.values, wide)
        }
        _ => points_csv(points, wide).into_bytes(),
    };
    Ok(write_atomically(path, &content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<Points, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let place = format!("{}: ", path.display());
        let line = format!("{}:", path.display());
        read_points(&path).map_err(|error| {
            let error = error.to_string();
            error.replace(&place, "").replace(&line, "")
        })
    }

    #[test]
    fn csv_has_a_header_or_not() {
        let with = read("a.csv", b"east,north\n1,2\n\n-3.5,4e-3\n").unwrap();
        assert_eq!(with.names, ["east", "north"]);
        assert_eq!(with.values, [1.0, 2.0, -3.5, 0.004]);
        let without = read("a.csv", b"1,2\r\n3,4").unwrap();
        assert_eq!(
            (without.names, without.values.len()),
            (Points::numbered(2), 4)
        );
        let refused = |text: &str| read("a.csv", text.as_bytes()).unwrap_err();
        assert_eq!(refused("x,y\n1,2\n3\n"), "3: expected 2 numbers, found 1");
        assert_eq!(
            refused("1,2\n3,nan\n"),
            "2: expected a finite number, found \"nan\""
        );
        assert_eq!(
            refused("1,inf\n"),
            "1: expected a finite number, found \"inf\""
        );
        assert_eq!(refused("x,y\n"), "expected points, found none");
        assert_eq!(refused(""), "expected points, found none");
    }

    #[test]
    fn both_formats_come_back_to_the_last_bit() {
        let points = Points {
            names: Points::numbered(3),
            values: vec![0.1, -2.0, 1e-300, std::f64::consts::PI, 7.0, -0.3],
        };
        let folder = tempfile::tempdir().unwrap();
        for name in ["p.csv", "p.npy"] {
            let path = folder.path().join(name);
            write_points(&path, &points, true).unwrap();
            assert_eq!(read_points(&path).unwrap(), points, "{name}");
            write_points(&path, &points, false).unwrap();
            let rounded = read_points(&path).unwrap().values;
            assert_eq!(rounded[3] as f32, points.values[3] as f32, "{name}");
        }
        let content = npy::encode(&[points.len(), points.dimension()], &points.values, true);
        assert_eq!((content.len() - 48) % 64, 0);
    }

    #[test]
    fn npy_of_columns_and_what_is_wrong_with_npy() {
        let file = |header: &str, data: &[f64]| -> Vec<u8> {
            let mut content = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes()].concat();
            content.extend(header.bytes());
            content.extend(data.iter().flat_map(|value| value.to_le_bytes()));
            content
        };
        let of = |descr: &str, order: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
        };
        let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let rows = read("a.npy", &file(&of("<f8", "True", "(3, 2)"), &data)).unwrap();
        assert_eq!(rows.values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let refused =
            |header: String, data: &[f64]| read("a.npy", &file(&header, data)).unwrap_err();
        assert_eq!(
            refused(of("<f8", "False", "(4, 2)"), &data),
            "expected 64 bytes of numbers, found 48"
        );
        assert_eq!(
            refused(of("<i8", "False", "(3, 2)"), &data),
            "expected numbers of type '<f8' or '<f4', found \"'<i8'\""
        );
        assert!(
            refused(of("<f8", "False", "(6,)"), &data).starts_with("expected a matrix of points")
        );
        let huge = format!("({}, {})", u64::MAX, 3);
        assert!(refused(of("<f8", "False", &huge), &data).starts_with("expected 1 to"));
        assert!(
            refused(of("<f8", "False", "(3, 2)"), &[f64::NAN; 6]).contains("found NaN at number 0")
        );
        assert_eq!(
            refused("{}".to_owned(), &data),
            "the header has no \"descr\""
        );
        assert_eq!(
            read("a.npy", MAGIC).unwrap_err(),
            "the file ends within its header"
        );
    }
}
