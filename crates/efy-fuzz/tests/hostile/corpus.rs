//! The corpus that is kept, and mutations of it, through every target. `EFY_FUZZ_INPUTS` sets the number of
//! mutations of a target.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use efy_fuzz::mutate::{bytes, random};
use efy_fuzz::{TARGETS, Target, target};
use rand::seq::IndexedRandom;

use crate::{files, workspace};

/// Mutations of a target without `EFY_FUZZ_INPUTS`.
const INPUTS: usize = 250;
/// Largest file of the corpus, and most files of a target: it is read in every test run.
const MOST_BYTES: usize = 4096;
const MOST_FILES: usize = 30;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = workspace().join("fuzz/corpus").join(target.name);
    let files = files(&folder);
    assert!((2..=MOST_FILES).contains(&files.len()), "{folder:?}");
    let contents = files.iter().map(|path| fs::read(path).unwrap());
    contents
        .inspect(|content| assert!(content.len() <= MOST_BYTES, "{folder:?}"))
        .collect()
}

/// Runs a target; a panic is reported with the bytes that caused it.
fn run(target: &Target, bytes: &[u8]) -> bool {
    let run = catch_unwind(AssertUnwindSafe(|| target.run(bytes).is_ok()));
    run.unwrap_or_else(|_| panic!("{}: {:?}", target.name, String::from_utf8_lossy(bytes)))
}

fn fuzz(name: &str) {
    let target = target(name);
    let corpus = corpus(&target);
    let good = corpus.iter().filter(|bytes| run(&target, bytes)).count();
    assert!(good > 0, "{name}: nothing in the corpus is accepted");
    assert!(
        good < corpus.len(),
        "{name}: nothing in the corpus is refused"
    );
    let inputs = std::env::var("EFY_FUZZ_INPUTS").ok();
    let inputs = inputs.map_or(INPUTS, |inputs| inputs.parse().unwrap());
    let mut random = random(1);
    for _ in 0..inputs {
        let one = corpus.choose(&mut random).unwrap();
        let other = corpus.choose(&mut random).unwrap();
        run(&target, &bytes(&mut random, one, other));
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = fs::read_dir(workspace().join("fuzz/corpus")).unwrap();
    let mut folders: Vec<_> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort_unstable();
    let mut names = TARGETS.map(|target| target.name);
    names.sort_unstable();
    assert_eq!(folders, names);
    for name in names {
        let source = workspace().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let source = fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("target(\"{name}\")")), "{name}");
    }
}

macro_rules! fuzzed {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_fuzzed() {
            assert_eq!(TARGETS.map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

fuzzed!(
    yaml_config arff labels_xml csv ranks_csv rankings_csv rows_csv dataset_manifest solve_json run_metrics run_config
    checkpoint_manifest weights points density_picture demonstrations demonstrations_csv expert expert_network
);
