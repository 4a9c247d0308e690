//! numpy's npy format: one array of numbers.

use super::table::shown;

/// What a file of the format begins with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// Most numbers of an array: 1 GiB in f64.
pub(crate) const MAX_VALUES: usize = 1 << 27;

/// A type of numbers: its name, its bytes, and how they are read.
type Kind = (&'static str, usize, fn(&[u8]) -> f64);

/// Numbers that are measured.
pub(crate) const FLOATS: &[Kind] = &[F64, F32];
/// Numbers that are measured or counted, and truth values.
pub(crate) const NUMBERS: &[Kind] = &[F64, F32, I64, I32, BOOL];

const F64: Kind = ("<f8", 8, |b| first(b).map_or(0.0, f64::from_le_bytes));
const F32: Kind = ("<f4", 4, |b| {
    first(b).map_or(0.0, |b| f64::from(f32::from_le_bytes(b)))
});
const I64: Kind = ("<i8", 8, |b| {
    first(b).map_or(0.0, |b| i64::from_le_bytes(b) as f64)
});
const I32: Kind = ("<i4", 4, |b| {
    first(b).map_or(0.0, |b| f64::from(i32::from_le_bytes(b)))
});
const BOOL: Kind = ("|b1", 1, |b| f64::from(u8::from(b != [0])));

fn first<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

/// An array in the order of C.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    /// One size for each dimension, at most two.
    pub(crate) shape: Vec<usize>,
    /// The numbers, all finite.
    pub(crate) values: Vec<f64>,
}

/// What a file of the format holds: one or two dimensions, one of the types of `kinds`, in the order of C or of Fortran.
/// (tch has a reader, which takes the header's word for how many bytes follow.)
pub(crate) fn parse(content: &[u8], kinds: &[Kind]) -> Result<Array, String> {
    let short = || "the file ends within its header".to_owned();
    let content = content
        .strip_prefix(MAGIC)
        .ok_or("expected an array in the npy format")?;
    let (version, rest) = content.split_at_checked(2).ok_or_else(short)?;
    let width = match version[0] {
        1 => 2,
        2 | 3 => 4,
        other => return Err(format!("expected version 1 to 3 of npy, found {other}")),
    };
    let (length, rest) = rest.split_at_checked(width).ok_or_else(short)?;
    let length = length
        .iter()
        .rev()
        .fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header =
        std::str::from_utf8(header).map_err(|_| "the header is not UTF-8 text".to_owned())?;
    let &(_, size, read) = kind(entry(header, "descr")?, kinds)?;
    let by_columns = entry(header, "fortran_order")?.starts_with("True");
    let shape = shape(entry(header, "shape")?)?;
    let count = shape
        .iter()
        .try_fold(1_usize, |count, &size| count.checked_mul(size))
        .filter(|count| (1..=MAX_VALUES).contains(count));
    let count = count.ok_or_else(|| {
        format!("expected 1 to {MAX_VALUES} numbers, found an array of shape {shape:?}")
    })?;
    if data.len() != count * size {
        return Err(format!(
            "expected {} bytes of numbers, found {}",
            count * size,
            data.len()
        ));
    }
    let numbers: Vec<f64> = data.chunks_exact(size).map(read).collect();
    if let Some(at) = numbers.iter().position(|value| !value.is_finite()) {
        return Err(format!(
            "expected finite numbers, found {} at number {at}",
            numbers[at]
        ));
    }
    let values = match *shape.as_slice() {
        [n, d] if by_columns => (0..count).map(|i| numbers[i % d * n + i / d]).collect(),
        _ => numbers,
    };
    Ok(Array { shape, values })
}

/// What stands after a key of the header, which is a dictionary of Python.
fn entry<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let found = header.split_once(&format!("'{key}':"));
    let (_, rest) = found.ok_or_else(|| format!("the header has no {key:?}"))?;
    Ok(rest.trim_start())
}

fn kind<'a>(described: &str, kinds: &'a [Kind]) -> Result<&'a Kind, String> {
    let is = |kind: &&Kind| described.starts_with(&format!("'{}'", kind.0));
    kinds.iter().find(is).ok_or_else(|| {
        let names: Vec<String> = kinds.iter().map(|kind| format!("'{}'", kind.0)).collect();
        let names = match names.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => names.concat(),
        };
        let found = shown(described.split(',').next().unwrap_or_default());
        format!("expected numbers of type {names}, found {found}")
    })
}

/// The sizes in parentheses.
fn shape(described: &str) -> Result<Vec<usize>, String> {
    let inner = described
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'));
    let (inner, _) = inner.ok_or("the header has no shape")?;
    let sizes: Option<Vec<usize>> = inner
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().ok())
        .collect();
    sizes
        .filter(|sizes| (1..=2).contains(&sizes.len()))
        .ok_or_else(|| {
            let found = shown(inner);
            format!("expected an array of one or two dimensions, found the shape ({found})")
        })
}

/// A matrix in version 1.0, in f64 or f32: the header is padded so that the numbers begin at a multiple of 64 bytes.
pub(crate) fn encode(shape: &[usize], values: &[f64], wide: bool) -> Vec<u8> {
    let size = if wide { 8 } else { 4 };
    let shape = match shape {
        [n] => format!("({n},)"),
        shape => {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    };
    let header = format!("{{'descr': '<f{size}', 'fortran_order': False, 'shape': {shape}, }}");
    let before = MAGIC.len() + 4;
    let length = (before + header.len() + 1).next_multiple_of(64) - before;
    let mut content = [MAGIC, &[1, 0], &(length as u16).to_le_bytes()].concat();
    content.extend(header.bytes());
    content.resize(before + length - 1, b' ');
    content.push(b'\n');
    for &value in values {
        match wide {
            true => content.extend(value.to_le_bytes()),
            false => content.extend((value as f32).to_le_bytes()),
        }
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back_with_their_shape() {
        for shape in [&[6][..], &[2, 3]] {
            let values: Vec<f64> = (0..6).map(|i| f64::from(i) / 7.0).collect();
            let array = parse(&encode(shape, &values, true), FLOATS).unwrap();
            assert_eq!((array.shape.as_slice(), array.values), (shape, values));
        }
    }

    #[test]
    fn counts_and_truth_values_are_numbers_where_they_are_wanted() {
        let file = |descr: &str, data: &[u8]| {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}");
            let length = (header.len() as u16).to_le_bytes();
            [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
        };
        let counts = [7_i64.to_le_bytes(), (-1_i64).to_le_bytes()].concat();
        let counts = file("<i8", &counts);
        assert_eq!(parse(&counts, NUMBERS).unwrap().values, [7.0, -1.0]);
        let marks = file("|b1", &[0, 1]);
        assert_eq!(parse(&marks, NUMBERS).unwrap().values, [0.0, 1.0]);
        assert_eq!(
            parse(&counts, FLOATS).unwrap_err(),
            "expected numbers of type '<f8' or '<f4', found \"'<i8'\""
        );
        assert_eq!(
            parse(b"PK", FLOATS).unwrap_err(),
            "expected an array in the npy format"
        );
    }
}
