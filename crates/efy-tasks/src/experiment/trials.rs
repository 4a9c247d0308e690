//! Trials: run side by side, stored one by one, and never run twice.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use efy_train::files::write_json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::protocol::Request;
use crate::{Error, Result};

/// The folder of the stored trials.
const FOLDER: &str = "trials";
/// Characters of the name of a file.
const KEY: usize = 16;
/// Between two lines of progress.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// A trial that has been run, in `trials/KEY.json`, KEY being a hash of `trial` and the version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record<R> {
    /// Everything that the result depends on.
    trial: Value,
    /// The version of efy that ran it.
    efy: String,
    /// What came of it.
    pub result: R,
    /// How long it took.
    pub seconds: f64,
}

/// A folder of trials.
pub(super) struct Trials<'a> {
    folder: PathBuf,
    jobs: usize,
    say: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Trials<'a> {
    /// The trials in the directory of a request, `jobs` of them at a time.
    pub fn open(request: &Request<'a>, jobs: usize) -> Result<Self> {
        let folder = request.out.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Trials {
            folder,
            jobs: jobs.max(1),
            say: request.say,
        })
    }

    /// The records of `trials`, in their order. Those that are not stored are run: each on a thread
    /// of its own with one thread for libtorch and for native loops, so that nothing depends on how
    /// many run at a time. A trial that occurs twice is run once.
    ///
    /// # Errors
    /// The first error of a trial, once those that were running have ended; what reading and writing
    /// report.
    pub fn run<T, R>(
        &self,
        trials: &[T],
        work: &(dyn Fn(&T) -> Result<R> + Sync),
    ) -> Result<Vec<Record<R>>>
    where
        T: Serialize + Display + Sync,
        R: Serialize + DeserializeOwned + Clone + Send + Display,
    {
        let described: Vec<(Value, PathBuf)> = trials
            .iter()
            .map(|trial| self.describe(trial))
            .collect::<Result<_>>()?;
        let mut records: HashMap<&Path, Record<R>> = HashMap::new();
        let mut pending: Vec<usize> = Vec::new();
        for (index, (value, path)) in described.iter().enumerate() {
            if let Some(record) = stored(path, value) {
                records.insert(path, record);
            } else if !pending.iter().any(|&earlier| described[earlier].1 == *path) {
                pending.push(index);
            }
        }
        let progress = Progress::new(pending.len(), trials.len(), self.say);
        let finished = self.work_off(&pending, |index| {
            let (value, path) = &described[index];
            let started = Instant::now();
            let result = work(&trials[index])?;
            let record = Record {
                trial: value.clone(),
                efy: env!("CARGO_PKG_VERSION").to_owned(),
                result,
                seconds: started.elapsed().as_secs_f64(),
            };
            write_json(path, &record)?;
            progress.finished(&trials[index], &record.result);
            Ok(record)
        })?;
        for (index, record) in finished {
            records.insert(&described[index].1, record);
        }
        let in_order = described
            .iter()
            .filter_map(|(_, path)| records.get(path.as_path()).cloned());
        Ok(in_order.collect())
    }

    /// A trial as JSON, and the file of its record.
    fn describe(&self, trial: &impl Serialize) -> Result<(Value, PathBuf)> {
        let value = serde_json::to_value(trial)
            .map_err(|error| Error::io(&self.folder)(std::io::Error::other(error)))?;
        let text = format!("{} {value}", env!("CARGO_PKG_VERSION"));
        let hash = Sha256::digest(text.as_bytes());
        let key: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.folder.join(format!("{}.json", &key[..KEY]));
        Ok((value, path))
    }

    /// Works off `pending` on as many threads as there are jobs.
    fn work_off<R: Send>(
        &self,
        pending: &[usize],
        work: impl Fn(usize) -> Result<R> + Sync,
    ) -> Result<Vec<(usize, R)>> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let finished = Mutex::new(Vec::with_capacity(pending.len()));
        let errors = Mutex::new(Vec::new());
        let worker = || {
            while !failed.load(Ordering::Relaxed) {
                let Some(&index) = pending.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                match work(index) {
                    Ok(record) => lock(&finished).push((index, record)),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        lock(&errors).push((index, error));
                    }
                }
            }
        };
        std::thread::scope(|scope| -> Result<()> {
            for _ in 0..self.jobs.min(pending.len()) {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(1)
                    .build()
                    .map_err(|error| Error::io(&self.folder)(std::io::Error::other(error)))?;
                let worker = &worker;
                scope.spawn(move || {
                    pool.install(|| {
                        tch::set_num_threads(1);
                        worker();
                    });
                });
            }
            Ok(())
        })?;
        let errors = errors.into_inner().unwrap_or_else(|dead| dead.into_inner());
        match errors.into_iter().min_by_key(|(index, _)| *index) {
            Some((_, error)) => Err(error),
            None => Ok(finished
                .into_inner()
                .unwrap_or_else(|dead| dead.into_inner())),
        }
    }
}

/// The record in a file, if it is one of this trial. Anything else is run again.
fn stored<R: DeserializeOwned>(path: &Path, trial: &Value) -> Option<Record<R>> {
    let text = std::fs::read_to_string(path).ok()?;
    let record: Record<R> = serde_json::from_str(&text).ok()?;
    (record.trial == *trial).then_some(record)
}

/// A panic elsewhere does not make what is behind the lock less true.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|dead| dead.into_inner())
}

/// Tells how many trials have finished.
struct Progress<'a> {
    total: usize,
    started: Instant,
    state: Mutex<(usize, Option<Instant>)>,
    say: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Progress<'a> {
    fn new(total: usize, all: usize, say: &'a (dyn Fn(&str) + Sync)) -> Self {
        if all > 0 {
            say(&format!("{all} trials, {total} of them to run"));
        }
        Progress {
            total,
            started: Instant::now(),
            state: Mutex::new((0, None)),
            say,
        }
    }

    fn finished(&self, trial: &dyn Display, result: &dyn Display) {
        let mut state = lock(&self.state);
        let (done, last_line) = &mut *state;
        *done += 1;
        let quiet = last_line.is_some_and(|last| last.elapsed() < BETWEEN_LINES);
        if quiet && *done < self.total {
            return;
        }
        *last_line = Some(Instant::now());
        let left =
            self.started.elapsed().as_secs_f64() / *done as f64 * (self.total - *done) as f64;
        (self.say)(&format!(
            "{done}/{}  {trial}: {result}  eta {left:.0} s",
            self.total
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::data::Cache;

    fn trials<'a>(out: &'a Path, cache: &'a Cache, jobs: usize) -> Trials<'a> {
        let request = Request {
            quick: false,
            sets: &[],
            out,
            jobs,
            cache,
            program: out,
            say: &|_| {},
        };
        Trials::open(&request, jobs).unwrap()
    }

    #[test]
    fn what_is_stored_is_not_run_again() {
        let out = tempfile::tempdir().unwrap();
        let cache = Cache::new(out.path());
        let runs = AtomicUsize::new(0);
        let square = |x: &i64| {
            runs.fetch_add(1, Ordering::Relaxed);
            Ok(x * x)
        };
        let squares = |jobs, input: &[i64]| -> Vec<i64> {
            let trials = trials(out.path(), &cache, jobs);
            let records = trials.run(input, &square).unwrap();
            records.into_iter().map(|record| record.result).collect()
        };
        assert_eq!(squares(1, &[3, 1, 3]), [9, 1, 9]);
        assert_eq!(runs.load(Ordering::Relaxed), 2, "equal trials are one");
        assert_eq!(squares(2, &[1, 2, 3]), [1, 4, 9]);
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        // Half a file, or one of another trial, is no record.
        let folder = out.path().join(FOLDER);
        let first = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
        std::fs::write(first.path(), "{\"trial\": 1").unwrap();
        assert_eq!(squares(2, &[1, 2, 3]), [1, 4, 9]);
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn an_error_ends_the_run_and_what_is_done_stays() {
        let out = tempfile::tempdir().unwrap();
        let cache = Cache::new(out.path());
        let trials = trials(out.path(), &cache, 1);
        let fails_at_two = |x: &i64| match x {
            2 => Err(Error::Usage("two".to_owned())),
            x => Ok(*x),
        };
        let error = trials.run(&[1, 2, 3], &fails_at_two).unwrap_err();
        assert_eq!(error.to_string(), "two");
        let there = std::fs::read_dir(out.path().join(FOLDER)).unwrap().count();
        assert_eq!(there, 1);
    }
}
