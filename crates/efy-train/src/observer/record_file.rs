//! A file that grows by whole records and outlives a full disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Appends records, each with one write. One that cannot be written is lost: nothing of it stays in the
/// file, and the records after it are tried again.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole records.
    whole: u64,
    /// Whether a part of a record may lie behind them.
    torn: bool,
    lost: u64,
    warned: bool,
    warning: Option<String>,
}

impl RecordFile {
    /// An empty file in place of one that may be there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::file(path, "create"))?;
        Ok(Self::new(path, file, 0))
    }

    /// A new file.
    pub(super) fn create_new(path: &Path) -> Result<Self> {
        let file = File::create_new(path).map_err(Error::file(path, "create"))?;
        Ok(Self::new(path, file, 0))
    }

    /// A file that is there, cut to its first `bytes` bytes.
    ///
    /// # Errors
    /// [`Error::File`] when it has fewer or cannot be opened.
    pub(super) fn resume(path: &Path, bytes: u64) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(Error::file(path, "resume"))?;
        let mut this = Self::new(path, file, bytes);
        this.restore(bytes)?;
        Ok(this)
    }

    fn new(path: &Path, file: File, whole: u64) -> Self {
        RecordFile {
            path: path.to_owned(),
            file,
            whole,
            torn: false,
            lost: 0,
            warned: false,
            warning: None,
        }
    }

    /// Forgets what comes after the first `bytes` bytes.
    pub(super) fn restore(&mut self, bytes: u64) -> Result<()> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        let cut = length.and_then(|length| {
            if length < bytes {
                let message = format!("expected at least {bytes} bytes, found {length}");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            self.whole = bytes;
            self.cut()
        });
        cut.map_err(Error::file(&self.path, "resume"))
    }

    /// Takes away what lies behind the whole records.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.whole)?;
        self.file.seek(SeekFrom::Start(self.whole))?;
        self.torn = false;
        Ok(())
    }

    /// Whether the record was written.
    pub(super) fn append(&mut self, record: &[u8]) -> bool {
        let Err(error) = self.try_append(record) else {
            return true;
        };
        self.lost += 1;
        self.warn("write", &error);
        // At once, so that readers see whole records only; if this fails, before the next one.
        if self.torn {
            let _ = self.cut();
        }
        false
    }

    fn try_append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.torn {
            self.cut()?;
        }
        self.torn = true;
        self.file.write_all(record)?;
        self.torn = false;
        self.whole += record.len() as u64;
        Ok(())
    }

    /// Waits until everything is on the disk.
    pub(super) fn sync(&mut self) {
        if let Err(error) = self.file.sync_data() {
            self.warn("sync", &error);
        }
    }

    /// Once: a disk stays full for long.
    fn warn(&mut self, action: &str, error: &io::Error) {
        if !std::mem::replace(&mut self.warned, true) {
            let path = self.path.display();
            let message =
                format!("{path}: cannot {action}: {error}; training goes on, events may be lost");
            self.warning = Some(message);
        }
    }

    pub(super) fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// The bytes of whole records, where the next one goes.
    pub(super) fn position(&self) -> u64 {
        self.whole
    }

    /// Records that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_of_once_and_counted() {
        let mut file = RecordFile::create(Path::new("/dev/full")).unwrap();
        assert!((0..3).all(|_| !file.append(b"record\n")));
        assert_eq!((file.lost(), file.position()), (3, 0));
        let warning = file.take_warning().unwrap();
        let expected = "/dev/full: cannot write: No space left on device";
        assert!(warning.starts_with(expected), "{warning}");
        assert_eq!(file.take_warning(), None);
    }

    #[test]
    fn half_a_record_is_taken_away_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let mut file = RecordFile::create(&path).unwrap();
        file.append(b"first\n");
        // What a write leaves behind that was cut short, where it could not be taken away, either.
        file.file.write_all(b"sec").unwrap();
        file.torn = true;
        file.append(b"third\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"first\nthird\n");
        assert_eq!(file.position(), 12);
    }

    #[test]
    fn a_record_that_does_not_fit_leaves_nothing_and_shorter_ones_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        std::fs::write(&path, "").unwrap();
        // A file that is open for reading alone refuses every write.
        let read_only = File::open(&path).unwrap();
        let mut file = RecordFile::new(&path, read_only, 0);
        file.append(b"lost\n");
        assert_eq!((file.lost(), file.position()), (1, 0));
        file.file = OpenOptions::new().write(true).open(&path).unwrap();
        file.append(b"kept\n");
        assert_eq!((file.lost(), file.position()), (1, 5));
        assert_eq!(std::fs::read(&path).unwrap(), b"kept\n");
    }

    #[test]
    fn resuming_cuts_the_file_and_refuses_one_that_is_too_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        std::fs::write(&path, "first\nsecond\nthi").unwrap();
        let mut file = RecordFile::resume(&path, 6).unwrap();
        file.append(b"again\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"first\nagain\n");
        let error = RecordFile::resume(&path, 13).unwrap_err();
        let message = error.to_string();
        assert!(
            message.ends_with("cannot resume: expected at least 13 bytes, found 12"),
            "{message}"
        );
        // Refusing changes nothing.
        assert_eq!(std::fs::read(&path).unwrap(), b"first\nagain\n");
    }
}
