//! What writing a checkpoint asks of a file system.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Tests put a disk in its place that is full or loses its power.
pub(super) trait Disk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    /// Creates a file, or replaces it.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        File::create(path)?.write_all(content)
    }

    /// Waits until a file or the entries of a directory are on the disk.
    fn sync(&self, path: &Path) -> io::Result<()> {
        // Windows does not open directories, and does not need it.
        if cfg!(windows) && path.is_dir() {
            return Ok(());
        }
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a directory with everything in it.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}

/// The file system.
pub(super) struct Real;

impl Disk for Real {}
