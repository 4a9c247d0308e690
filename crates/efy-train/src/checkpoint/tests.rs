//! What a checkpoint promises: old or new, whole or refused.
#![allow(clippy::disallowed_methods)]

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use efy_core::parameters::{Builder, Parameters};
use efy_core::random::{Stream, generator};
use efy_test::{device, everywhere, indices, kind, tensor, values};
use rand::RngExt;
use tempfile::TempDir;

use super::disk::Disk;
use super::*;
use crate::{Error, State};

fn model() -> Parameters {
    let mut builder = Builder::default();
    builder
        .add("0.weight", &[2, 3], (0..6).map(f64::from).collect(), true)
        .unwrap();
    builder.add("0.bias", &[2], vec![0.5, -0.5], false).unwrap();
    builder.build(kind(), device()).unwrap()
}

/// The model with all weights equal to `step`, and a state that says the same.
fn snapshot(step: u64) -> Snapshot {
    let parameters = model();
    let flat = parameters.flat().full_like(step as f64);
    parameters.assign(&flat).unwrap();
    let mut state = State::default();
    state.put("steps", &step).unwrap();
    state.put_tensor("moments", &tensor(&[step as f64; 5]));
    state.put_tensor("rows", &indices(&[step as i64; 3]));
    Snapshot::new(step, &parameters, Some(&(flat + 1.0)), state).unwrap()
}

/// That everything in a snapshot is of the same step.
fn assert_whole(found: &Snapshot) {
    let step = found.step;
    let parameters = model();
    let best = found.restore(&parameters).unwrap().unwrap();
    assert_eq!(parameters.flat(), &parameters.flat().full_like(step as f64));
    assert_eq!(best, parameters.flat() + 1.0);
    assert_eq!(found.state.get::<u64>("steps").unwrap(), step);
    let moments = found.state.find("moments").unwrap();
    assert_eq!(values(&moments.to_device(device())), [step as f64; 5]);
    let rows = found.state.find("rows").unwrap();
    assert_eq!(values(&rows.to_device(device())), [step as f64; 3]);
}

fn open(folder: &Path) -> Checkpoints {
    Checkpoints::new(folder, "config", &CheckpointConfig { every: 1, keep: 2 })
}

fn newest(folder: &Path) -> crate::Result<Option<Snapshot>> {
    open(folder).newest(&mut |_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[everywhere]
fn the_newest_checkpoint_comes_back_and_old_ones_go() {
    let place = TempDir::new().unwrap();
    assert!(newest(place.path()).unwrap().is_none());
    for step in [3, 20, 100] {
        open(place.path()).save(&snapshot(step)).unwrap();
        let found = newest(place.path()).unwrap().unwrap();
        assert_eq!(found.step, step);
        assert_whole(&found);
    }
    let expected = ["best", "latest", "step-000000020", "step-000000100"];
    assert_eq!(names(place.path()), expected);
    let latest = std::fs::read_to_string(place.path().join("latest")).unwrap();
    assert_eq!(latest, "step-000000100\n");
    let best = std::fs::read_to_string(place.path().join("best")).unwrap();
    assert!(place.path().join(best.trim()).is_file(), "{best}");
    // The same step once more replaces it.
    open(place.path()).save(&snapshot(100)).unwrap();
    assert_eq!(names(place.path()), expected);
}

#[everywhere]
fn equal_snapshots_are_equal_bytes() {
    let places = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let saved = places.each_ref().map(|place| {
        let path = open(place.path()).save(&snapshot(7)).unwrap();
        let read = |name: &String| std::fs::read(path.join(name)).unwrap();
        names(&path).iter().map(read).collect::<Vec<_>>()
    });
    assert_eq!(saved[0].len(), 5);
    assert_eq!(saved[0], saved[1]);
}

#[everywhere]
fn a_checkpoint_of_another_configuration_is_refused() {
    let place = TempDir::new().unwrap();
    open(place.path()).save(&snapshot(1)).unwrap();
    let other = Checkpoints::new(place.path(), "other", &CheckpointConfig::default());
    let error = other.newest(&mut |_| {}).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("another config.yaml"), "{error}");
}

/// A disk that loses its power at one operation: files and renames that were not synced are lost, and
/// nothing works any more. `full` only fails to write, as a full disk does.
struct Fragile {
    left: Rc<Cell<i64>>,
    full: bool,
    /// Files whose content has not been synced.
    files: RefCell<Vec<PathBuf>>,
    /// Renames whose directory has not been synced.
    renames: RefCell<Vec<(PathBuf, PathBuf)>>,
}

struct Whole;
impl Disk for Whole {}

impl Fragile {
    fn new(at: i64, full: bool) -> Self {
        Fragile {
            left: Rc::new(Cell::new(at)),
            full,
            files: RefCell::default(),
            renames: RefCell::default(),
        }
    }

    /// Counts an operation down; at the last one `half` is done of it.
    fn operate(
        &self,
        half: impl FnOnce() -> io::Result<()>,
        whole: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let left = self.left.get();
        self.left.set(left - 1);
        match left {
            1.. => whole(),
            0 => {
                half()?;
                if !self.full {
                    self.lose();
                }
                Err(io::Error::other("power lost"))
            }
            _ if self.full => whole(),
            _ => Err(io::Error::other("no power")),
        }
    }

    /// What becomes of everything that was not synced.
    fn lose(&self) {
        for file in self.files.take().iter().filter(|file| file.exists()) {
            Whole.write(file, b"").unwrap();
        }
        for (from, to) in self.renames.take().into_iter().rev() {
            if to.exists() && !from.exists() {
                Whole.rename(&to, &from).unwrap();
            }
        }
    }
}

impl Disk for Fragile {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(|| Ok(()), || Whole.create_directory(path))
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let torn = &content[..content.len() / 2];
        self.files.borrow_mut().push(path.to_owned());
        self.operate(|| Whole.write(path, torn), || Whole.write(path, content))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let whole = || {
            self.files.borrow_mut().retain(|file| file != path);
            self.renames
                .borrow_mut()
                .retain(|(_, to)| to.parent() != Some(path));
            Whole.sync(path)
        };
        self.operate(|| Ok(()), whole)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let whole = || {
            Whole.rename(from, to)?;
            // What lies in a directory moves with it.
            for file in self.files.borrow_mut().iter_mut() {
                if let Ok(rest) = file.strip_prefix(from) {
                    *file = if rest.as_os_str().is_empty() {
                        to.to_owned()
                    } else {
                        to.join(rest)
                    };
                }
            }
            self.renames
                .borrow_mut()
                .push((from.to_owned(), to.to_owned()));
            Ok(())
        };
        self.operate(|| Ok(()), whole)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let some = || match std::fs::read_dir(path)?.next() {
            Some(entry) => std::fs::remove_file(entry?.path()),
            None => Ok(()),
        };
        self.operate(some, || Whole.remove(path))
    }
}

/// Saves steps 1, 2, 3 and again 3 until operation `at` fails; the last step whose saving succeeded, and
/// whether any failed.
fn save_until(at: i64, full: bool, folder: &Path) -> (u64, bool) {
    let disk = Fragile::new(at, full);
    let checkpoints = Checkpoints::on(Box::new(disk), folder, "config", 1);
    let mut last = 0;
    for step in [1, 2, 3, 3] {
        match checkpoints.save(&snapshot(step)) {
            Ok(_) => last = step,
            Err(_) => return (last, true),
        }
    }
    (last, false)
}

/// About the disk: where the tensors were does not matter.
#[everywhere(cpu, f64)]
fn a_crash_at_every_operation_leaves_a_loadable_checkpoint() {
    for full in [false, true] {
        let mut at = 0;
        loop {
            let place = TempDir::new().unwrap();
            let (last, failed) = save_until(at, full, place.path());
            let found = newest(place.path()).unwrap_or_else(|error| panic!("{at}: {error}"));
            match found {
                Some(found) => {
                    assert_whole(&found);
                    assert!(found.step >= last, "operation {at}: lost step {last}");
                }
                None => assert_eq!(last, 0, "operation {at}"),
            }
            // Whatever was left behind does not keep the next one from being written.
            open(place.path()).save(&snapshot(9)).unwrap();
            assert_eq!(newest(place.path()).unwrap().unwrap().step, 9);
            assert!(
                !names(place.path())
                    .iter()
                    .any(|name| name.starts_with(".tmp"))
            );
            if !failed {
                break;
            }
            at += 1;
        }
        assert!(at > 60, "{at} operations: the disk was hardly used");
    }
}

/// Every file of a checkpoint.
fn files(checkpoint: &Path) -> Vec<PathBuf> {
    names(checkpoint)
        .iter()
        .map(|name| checkpoint.join(name))
        .collect()
}

/// About the disk: where the tensors were does not matter.
#[everywhere(cpu, f64)]
fn no_truncation_or_flipped_bit_is_loaded() {
    let place = TempDir::new().unwrap();
    open(place.path()).save(&snapshot(1)).unwrap();
    let path = open(place.path()).save(&snapshot(2)).unwrap();
    let mut random = generator(0, Stream::MadeUp, 0);
    for case in 0..1000 {
        let files = files(&path);
        let file = &files[random.random_range(0..files.len())];
        let content = std::fs::read(file).unwrap();
        let mut damaged = content.clone();
        let place_in = random.random_range(0..content.len());
        if random.random_bool(0.5) {
            damaged.truncate(place_in);
        } else {
            damaged[place_in] ^= 1 << random.random_range(0..8);
        }
        std::fs::write(file, &damaged).unwrap();
        let mut warnings = 0;
        let found = open(place.path())
            .newest(&mut |_| warnings += 1)
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.step, warnings),
            (1, 1),
            "case {case}: {}",
            file.display()
        );
        std::fs::write(file, content).unwrap();
    }
    assert_eq!(newest(place.path()).unwrap().unwrap().step, 2);
    // With nothing to fall back to it is an error that names the file.
    for path in [path, place.path().join("step-000000001")] {
        std::fs::remove_file(path.join("state.json")).unwrap();
    }
    let error = newest(place.path()).unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("step-000000002/state.json: cannot read"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 4);
}
