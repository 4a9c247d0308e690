//! Opening files from strangers: gzip seen through, sizes capped, lines numbered.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// Most bytes read from one file, after decompression. The largest multilabel benchmarks stay
/// well below it; a gzip bomb does not.
pub(crate) const MAX_BYTES: u64 = 2 << 30;

/// Most bytes in one line, so that no reader has to hold more than this at once.
const MAX_LINE: u64 = 16 << 20;

/// Opens a plain or gzipped file (told apart by its first bytes, not its name) under the caps.
pub(crate) fn open(path: &Path) -> Result<BufReader<Capped<Box<dyn Read>>>> {
    let unreadable = |error| Error::input(path, None, format!("cannot read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut raw = BufReader::new(file);
    let gzipped = raw
        .fill_buf()
        .map_err(unreadable)?
        .starts_with(&[0x1f, 0x8b]);
    let bytes: Box<dyn Read> = if gzipped {
        Box::new(MultiGzDecoder::new(raw))
    } else {
        Box::new(raw)
    };
    let mut text = BufReader::with_capacity(1 << 16, Capped::new(bytes, MAX_BYTES, MAX_LINE));
    let start = text
        .fill_buf()
        .map_err(|error| read_error(path, None, error))?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        let message = "expected UTF-8 text, found UTF-16; save it as UTF-8";
        return Err(Error::input(path, None, message));
    }
    Ok(text)
}

/// Reads a whole text file of at most `max_bytes`.
pub(crate) fn read_text(path: &Path, max_bytes: u64) -> Result<String> {
    let mut bytes = Vec::new();
    let mut input = open(path)?.take(max_bytes + 1);
    input
        .read_to_end(&mut bytes)
        .map_err(|error| read_error(path, None, error))?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::input(
            path,
            None,
            format!("more than {max_bytes} bytes"),
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count() as u64;
        Error::input(path, Some(line), NOT_UTF8)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Tells a file with bad contents (broken gzip, over a cap) from a disk that fails.
pub(crate) fn read_error(file: &Path, line: Option<u64>, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData
        | ErrorKind::InvalidInput
        | ErrorKind::UnexpectedEof
        | ErrorKind::FileTooLarge => Error::input(file, line, error.to_string()),
        _ => Error::io(file)(error),
    }
}

const NOT_UTF8: &str = "not UTF-8 text";

/// A reader that fails, rather than going on, past a number of bytes or in an endless line.
pub(crate) struct Capped<R> {
    inner: R,
    left: u64,
    line: u64,
    max_line: u64,
}

impl<R> Capped<R> {
    fn new(inner: R, max_bytes: u64, max_line: u64) -> Self {
        Self {
            inner,
            left: max_bytes,
            line: 0,
            max_line,
        }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let chunk = &buffer[..count];
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::new(ErrorKind::FileTooLarge, "too much text in one file"))?;
        self.line = match chunk.iter().rposition(|&byte| byte == b'\n') {
            Some(at) => (count - 1 - at) as u64,
            None => self.line + count as u64,
        };
        if self.line > self.max_line {
            return Err(io::Error::new(
                ErrorKind::FileTooLarge,
                "a line is too long",
            ));
        }
        Ok(count)
    }
}

/// Numbered lines without their ends (LF or CRLF) and without a leading byte order mark.
pub(crate) struct Lines<'a, R> {
    file: &'a Path,
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(crate) fn new(file: &'a Path, input: R) -> Self {
        Self {
            file,
            input,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// Number of the line read last: at the end of the file, that of its last line.
    pub(crate) fn number(&self) -> u64 {
        self.number.max(1)
    }

    /// The next line with its number, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>> {
        let number = self.number + 1;
        self.buffer.clear();
        let count = self
            .input
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| read_error(self.file, Some(number), error))?;
        if count == 0 {
            return Ok(None);
        }
        self.number = number;
        let line = std::str::from_utf8(&self.buffer)
            .map_err(|_| Error::input(self.file, Some(number), NOT_UTF8))?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if number == 1 {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        Ok(Some((number, line)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn reading_past_the_byte_cap_fails() {
        let text = "ab\n".repeat(10);
        let mut all = String::new();
        assert!(
            Capped::new(text.as_bytes(), 30, 10)
                .read_to_string(&mut all)
                .is_ok()
        );
        let error = Capped::new(text.as_bytes(), 29, 10)
            .read_to_string(&mut all)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_line_past_the_line_cap_fails() {
        let mut capped = Capped::new("a\nbcdefgh".as_bytes(), 100, 6);
        let error = capped.read_to_string(&mut String::new()).unwrap_err();
        assert_eq!(error.to_string(), "a line is too long");
    }

    #[test]
    fn lines_lose_their_ends_and_the_byte_order_mark() {
        let mut lines = Lines::new(Path::new("t"), "\u{feff}a\r\n\nb".as_bytes());
        assert_eq!(lines.next().unwrap(), Some((1, "a")));
        assert_eq!(lines.next().unwrap(), Some((2, "")));
        assert_eq!(lines.next().unwrap(), Some((3, "b")));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_line() {
        let mut lines = Lines::new(Path::new("t"), &b"a\n\xff\xfe"[..]);
        lines.next().unwrap();
        assert_eq!(lines.next().unwrap_err().to_string(), "t:2: not UTF-8 text");
    }

    #[test]
    fn gzip_is_seen_through_whatever_the_file_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.txt");
        let mut gz =
            flate2::write::GzEncoder::new(File::create(&path).unwrap(), Default::default());
        gz.write_all(b"hello").unwrap();
        gz.finish().unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "hello");
        assert!(
            read_text(&path, 4)
                .unwrap_err()
                .to_string()
                .ends_with("more than 4 bytes")
        );
    }

    #[test]
    fn utf16_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.arff");
        for bytes in [b"\xff\xfe@\0", b"\xfe\xff\0@"] {
            std::fs::write(&path, bytes).unwrap();
            let message = read_text(&path, 100).unwrap_err().to_string();
            assert!(message.contains("found UTF-16"), "{message}");
        }
    }

    #[test]
    fn broken_gzip_is_bad_input_not_a_failing_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        std::fs::write(&path, b"\x1f\x8b\x08\x00broken").unwrap();
        assert_eq!(read_text(&path, 100).unwrap_err().exit_code(), 2);
    }
}
