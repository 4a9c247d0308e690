//! CSV records with the line each begins on.

use std::cell::Cell;
use std::io::{self, Chain, ErrorKind as IoErrorKind, Read};
use std::path::Path;
use std::rc::Rc;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator};

use crate::data::input;
use crate::{Error, Result};

/// Most bytes of a record. A quote that is never closed makes one of the whole file.
const MAX_RECORD: usize = 16 << 20;

/// The records of a file, blank lines left out.
///
/// The `csv` crate places a record where the one before it ended, which is off after blank lines
/// and in files with CRLF. Here every record ends with LF, the last one included, and the carriage
/// return goes as white space; so the line a record begins on can be counted back from its end.
pub(crate) struct Records<'a, R> {
    reader: Reader<Metered<Chain<R, &'static [u8]>>>,
    /// Bytes read since the current record was asked for.
    read: Rc<Cell<usize>>,
    file: &'a Path,
    record: StringRecord,
    /// Line the current record begins on.
    pub line: u64,
}

impl<'a, R: Read> Records<'a, R> {
    pub(crate) fn new(input: R, file: &'a Path) -> Self {
        let read = Rc::new(Cell::new(0));
        let metered = Metered {
            inner: input.chain(&b"\n"[..]),
            read: Rc::clone(&read),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(metered);
        Self {
            reader,
            read,
            file,
            record: StringRecord::new(),
            line: 0,
        }
    }

    /// Goes to the next record; `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            self.read.set(0);
            let more = self.reader.read_record(&mut self.record);
            let more = more.map_err(|error| self.wrap(error))?;
            let breaks = self
                .record
                .iter()
                .flat_map(str::bytes)
                .filter(|&byte| byte == b'\n');
            let end = self.reader.position().line();
            self.line = end.saturating_sub(1 + breaks.count() as u64);
            let blank = self.record.len() == 1 && self.cells().all(str::is_empty);
            if !more || !blank {
                return Ok(more);
            }
        }
    }

    /// The cells of the current record, without surrounding white space.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        self.record.iter().map(str::trim)
    }

    /// An error in the current record.
    pub(crate) fn error(&self, message: String) -> Error {
        Error::input(self.file, Some(self.line), message)
    }

    fn wrap(&self, error: csv::Error) -> Error {
        let line = Some(self.reader.position().line().saturating_sub(1).max(1));
        let message = error.to_string();
        match error.into_kind() {
            ErrorKind::Io(error) => input::read_error(self.file, line, error),
            ErrorKind::Utf8 { .. } => Error::input(self.file, line, "not UTF-8 text"),
            _ => Error::input(self.file, line, message),
        }
    }
}

/// A reader that fails once a record takes too many bytes.
struct Metered<R> {
    inner: R,
    read: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.set(self.read.get() + count);
        if self.read.get() > MAX_RECORD {
            let message = "a record is too long; is a quote not closed?";
            return Err(io::Error::new(IoErrorKind::FileTooLarge, message));
        }
        Ok(count)
    }
}
