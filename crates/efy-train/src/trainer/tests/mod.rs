//! What the training loop promises, on least squares with a warm start that matters.
#![allow(clippy::disallowed_methods)]

mod squares;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use efy_core::device::read;
use efy_test::{everywhere, tolerance};
use tch::Tensor;
use tempfile::TempDir;

use self::squares::{Diary, Squares, config};
use super::*;
use crate::Error;
use crate::checkpoint::CheckpointConfig;
use crate::optimizer::OnNonFinite;
use crate::parallel::Threads;

fn checkpoints(place: &TempDir) -> Checkpoints {
    Checkpoints::new(place.path(), "", &CheckpointConfig { every: 0, keep: 1 })
}

/// Trains until `stop_after`, from `resume`; the diary, the last state, the weights and how it ended.
fn train(
    config: &TrainConfig,
    stop_after: Option<u64>,
    resume: Option<Snapshot>,
) -> (Vec<String>, Option<Snapshot>, Tensor, Result<Outcome>) {
    let place = TempDir::new().unwrap();
    let mut objective = Squares::new();
    let diary = Diary::default();
    let control = Control {
        stop_after,
        ..Control::default()
    };
    let outcome = Trainer::new(config, vec![Box::new(diary.clone())])
        .controlled(control)
        .saving(checkpoints(&place), 0, place.path())
        .resuming(resume)
        .fit(&mut objective);
    let snapshot = checkpoints(&place).newest(&mut |_| {}).unwrap();
    let weights = objective.parameters.flat().copy();
    let lines = diary.0.borrow().clone();
    (lines, snapshot, weights, outcome)
}

/// Everything in a snapshot, in a form that can be compared.
fn content(snapshot: &Snapshot) -> Vec<(&'static str, Vec<u8>)> {
    snapshot.files().unwrap()
}

#[everywhere]
fn a_training_that_was_stopped_anywhere_ends_with_the_same_bits() {
    let config = config();
    let (lines, none, weights, outcome) = train(&config, None, None);
    assert!(none.is_none(), "no checkpoint was due");
    let (_, last, ..) = train(&config, Some(23), None);
    for stop in [1, 3, 4, 8, 16, 22] {
        let (_, snapshot, _, stopped) = train(&config, Some(stop), None);
        let Err(Error::Interrupted {
            signal: 0,
            step,
            checkpoint: Some(_),
        }) = stopped
        else {
            panic!("{stopped:?}");
        };
        assert_eq!(step, stop);
        let (_, later, ..) = train(&config, Some(23), snapshot);
        let [later, last] = [&later, &last].map(|snapshot| content(snapshot.as_ref().unwrap()));
        assert_eq!(later, last, "all state at step 23, after a stop at {stop}");
        let (_, snapshot, ..) = train(&config, Some(stop), None);
        let resumed = train(&config, None, snapshot);
        assert_eq!(resumed.0, lines, "metrics after a stop at {stop}");
        assert_eq!(resumed.2, weights);
        assert_eq!(resumed.3.unwrap(), *outcome.as_ref().unwrap());
    }
}

/// On the CPU, where every loss is looked at: on a device nothing that comes after depends on `interval.measure.last`.
#[everywhere(cpu)]
fn every_part_of_the_state_matters() {
    let config = config();
    // In the middle of an epoch, between two log points, after an evaluation.
    let at = |stop| train(&config, Some(stop), None).1.unwrap();
    let expected = content(&at(23));
    let (early, late) = (at(1), at(10));
    let go_on = |tensors: Vec<(String, Tensor)>, values| {
        let mut snapshot = at(10);
        snapshot.state = State::from_parts(tensors, values);
        train(&config, Some(23), Some(snapshot)).1
    };
    let copies = |state: &State| -> Vec<(String, Tensor)> {
        let copy = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        state.tensors().iter().map(copy).collect()
    };
    let same = go_on(copies(&late.state), late.state.values().clone()).unwrap();
    assert_eq!(content(&same), expected, "the control");
    let mut changed = Vec::new();
    for (index, (name, tensor)) in late.state.tensors().iter().enumerate() {
        let Some(other) = early.state.find(name) else {
            continue;
        };
        if other == tensor {
            continue;
        }
        changed.push(name.as_str());
        let mut tensors = copies(&late.state);
        tensors[index].1 = other.shallow_clone();
        let found = go_on(tensors, late.state.values().clone());
        assert!(
            found.is_none_or(|found| content(&found) != expected),
            "{name}"
        );
    }
    for (name, value) in late.state.values() {
        let other = &early.state.values()[name];
        if other == value {
            continue;
        }
        let mut values = late.state.values().clone();
        values.insert(name.clone(), other.clone());
        changed.push(name.as_str());
        let found = go_on(copies(&late.state), values);
        assert!(
            found.is_none_or(|found| content(&found) != expected),
            "{name}"
        );
    }
    for part in [
        "optimizer",
        "interval",
        "objective",
        "observers",
        "replica",
        "batch",
    ] {
        let named = changed.iter().any(|name| name.starts_with(part));
        assert!(named, "{part} is not among {changed:?}");
    }
}

#[everywhere]
fn parts_of_a_batch_give_its_gradient() {
    let whole = train(&config(), None, None);
    let parts = train(
        &TrainConfig {
            accumulate: 3,
            ..config()
        },
        None,
        None,
    );
    let difference = read::scalar(&(whole.2 - parts.2).abs().max()).unwrap();
    assert!(difference < tolerance(1e-12), "{difference}");
}

#[everywhere]
fn a_batch_that_does_not_fit_is_split_and_nothing_else_changes() {
    let config = config();
    let whole = train(&config, None, None);
    for panics in [false, true] {
        let mut objective = Squares {
            room: 2,
            panics,
            ..Squares::new()
        };
        let diary = Diary::default();
        let mut trainer = Trainer::new(&config, vec![Box::new(diary.clone())]);
        trainer.fit(&mut objective).unwrap();
        let difference = (&whole.2 - objective.parameters.flat()).abs().max();
        let difference = read::scalar(&difference).unwrap();
        assert!(difference < tolerance(1e-12), "{difference}");
        let lines = diary.0.take();
        let warnings: Vec<&String> = lines
            .iter()
            .filter(|line| line.starts_with("warning"))
            .collect();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].contains("in 4 parts"), "{warnings:?}");
    }
    let mut none = Squares {
        room: 0,
        ..Squares::new()
    };
    let error = Trainer::new(&config, Vec::new())
        .fit(&mut none)
        .unwrap_err();
    assert!(matches!(error, Error::Memory { batch: 1, .. }), "{error}");
}

/// On the CPU, where every loss is looked at: on a device a fault is noticed at the next log point.
#[everywhere(cpu)]
fn what_led_to_a_loss_that_is_not_finite_is_kept_and_can_be_repeated() {
    let config = config();
    let place = TempDir::new().unwrap();
    let mut objective = Squares {
        broken: Some(7),
        ..Squares::new()
    };
    let error = Trainer::new(&config, Vec::new())
        .saving(checkpoints(&place), 0, place.path())
        .fit(&mut objective)
        .unwrap_err();
    let Error::Diverged {
        step: 7,
        loss,
        dump: Some(_),
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(loss.is_nan());
    let (_, before, ..) = train(&config, Some(6), None);
    let weights = Squares::new();
    before.unwrap().restore(&weights.parameters).unwrap();
    assert_eq!(
        objective.parameters.flat(),
        weights.parameters.flat(),
        "not updated"
    );
    let kept = newest_fault(place.path()).unwrap().unwrap();
    let mut again = Squares {
        broken: Some(7),
        ..Squares::new()
    };
    let fault = replay(&config, &mut again, &kept).unwrap();
    assert_eq!(
        (fault.step, fault.epoch, fault.loss.as_str()),
        (7, 2, "NaN")
    );
    assert_eq!(fault.gradients, ["weight"]);
    assert_eq!(fault.examples.len(), 6);
    assert!(fault.weights.is_empty() && !fault.is_finite());
}

/// On the CPU, where every loss is looked at: on a device a fault is noticed at the next log point.
#[everywhere(cpu)]
fn a_skipped_step_changes_nothing_and_too_many_end_the_training() {
    let skip = TrainConfig {
        on_nonfinite: OnNonFinite::Skip,
        epochs: 40,
        ..config()
    };
    let run = |heals| {
        let mut objective = Squares {
            broken: Some(7),
            heals,
            ..Squares::new()
        };
        let diary = Diary::default();
        let mut trainer = Trainer::new(&skip, vec![Box::new(diary.clone())]);
        let outcome = trainer.fit(&mut objective);
        (outcome, objective, diary.0.take())
    };
    let (outcome, objective, lines) = run(true);
    assert_eq!(outcome.unwrap().steps, 160);
    assert_eq!(
        objective.steps, 159,
        "a step that was skipped leaves no trace"
    );
    let warnings: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("1 steps before step 9"),
        "{warnings:?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("null")),
        "means are over steps that were made"
    );

    let (outcome, objective, _) = run(false);
    assert!(
        matches!(outcome, Err(Error::Diverged { step: 106, .. })),
        "{outcome:?}"
    );
    let (_, before, ..) = train(&config(), Some(6), None);
    let weights = Squares::new();
    before.unwrap().restore(&weights.parameters).unwrap();
    assert_eq!(objective.parameters.flat(), weights.parameters.flat());
}

/// A group's member that counts what it sums.
struct Counting {
    inner: Threads,
    lengths: Arc<Mutex<Vec<usize>>>,
}

impl Collective for Counting {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn world(&self) -> usize {
        self.inner.world()
    }

    fn sum(&mut self, tensor: Tensor) -> efy_core::Result<Tensor> {
        self.lengths.lock().unwrap().push(tensor.numel());
        self.inner.sum(tensor)
    }
}

#[everywhere]
fn processes_train_what_one_does_with_one_sum_a_step() {
    // A warm start lives where its example was last, which is another process each time.
    let forgetful = || Squares {
        pull: 0.0,
        ..Squares::new()
    };
    let mut objective = forgetful();
    let outcome = Trainer::new(&config(), Vec::new())
        .fit(&mut objective)
        .unwrap();
    let alone: Vec<f64> = read::to_vec(objective.parameters.flat()).unwrap();
    for world in [2, 3] {
        let lengths = Arc::new(Mutex::new(Vec::new()));
        // Threads of their own have no place: what they train is made here.
        let members = Threads::group(world).into_iter().map(|inner| {
            let lengths = Arc::clone(&lengths);
            (Counting { inner, lengths }, forgetful())
        });
        let handles: Vec<_> = members
            .map(|(member, mut objective)| {
                std::thread::spawn(move || {
                    let config = config();
                    let mut trainer = Trainer::new(&config, Vec::new()).together(Box::new(member));
                    trainer.fit(&mut objective).unwrap();
                    read::to_vec::<f64>(objective.parameters.flat()).unwrap()
                })
            })
            .collect();
        let weights: Vec<_> = handles.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(
            weights.iter().all(|one| *one == weights[0]),
            "all processes have the same weights"
        );
        for (a, b) in weights[0].iter().zip(&alone) {
            assert!((a - b).abs() < tolerance(1e-12), "{a} and {b}");
        }
        // The gradient, the loss and three flags.
        let size = objective.parameters.flat().numel() + 4;
        let lengths = lengths.lock().unwrap();
        let steps = lengths.iter().filter(|&&length| length == size).count();
        assert_eq!(steps, world * outcome.steps as usize);
    }
}

#[everywhere]
fn what_one_process_is_asked_all_do_after_the_same_step() {
    let controls: Vec<Control> = (0..2).map(|_| Control::default()).collect();
    controls[1].signal.store(15, Ordering::Relaxed);
    let members = Threads::group(2).into_iter().zip(controls);
    let handles: Vec<_> = members
        .map(|(member, control)| {
            let mut objective = Squares::new();
            std::thread::spawn(move || {
                let config = config();
                let trainer = Trainer::new(&config, Vec::new()).controlled(control);
                let mut trainer = trainer.together(Box::new(member));
                trainer.fit(&mut objective).unwrap_err()
            })
        })
        .collect();
    for handle in handles {
        let error = handle.join().unwrap();
        let stopped = matches!(
            error,
            Error::Interrupted {
                signal: 15,
                step: 1,
                ..
            }
        );
        assert!(stopped, "{error}");
    }
}

#[everywhere]
fn processes_that_are_about_to_do_different_things_do_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let members = Threads::group(2).into_iter().zip(["aa01", "aa02"]);
    let handles: Vec<_> = members
        .map(|(member, hash)| {
            let mut objective = Squares::new();
            let folder = folder.path().to_owned();
            std::thread::spawn(move || {
                let checkpoints = Checkpoints::new(&folder, hash, &CheckpointConfig::default());
                let faults = folder.join("faults");
                let config = config();
                let trainer = Trainer::new(&config, Vec::new()).saving(checkpoints, 0, &faults);
                let mut trainer = trainer.together(Box::new(member));
                trainer.fit(&mut objective).unwrap_err().to_string()
            })
        })
        .collect();
    for (rank, handle) in handles.into_iter().enumerate() {
        let error = handle.join().unwrap();
        let expected = format!("rank {rank} has another configuration");
        assert!(error.starts_with(&expected), "{error}");
    }
}
