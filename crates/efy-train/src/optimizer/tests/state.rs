//! A state is all that an optimizer needs to go on.

use super::*;
use crate::State;

/// Steps before the state is taken.
const BEFORE: usize = 20;

/// Every rule; the schedule makes the number of the step count for all of them.
fn scheduled() -> Vec<TrainConfig> {
    let mut configs = configs();
    for config in &mut configs {
        config.schedule = super::config("schedule: {kind: cosine, warmup_steps: 7}").schedule;
    }
    configs
}

/// An optimizer and its weights some steps into the training.
fn begun(config: &TrainConfig, make: Make) -> (Optimizer, Parameters) {
    let ours = parameters(false);
    let mut optimizer = make(config, &ours, TOTAL).unwrap();
    descend(&mut optimizer, &ours, BEFORE);
    (optimizer, ours)
}

/// A new optimizer goes on with these weights from a state.
fn resumed(
    config: &TrainConfig,
    make: Make,
    weights: &Parameters,
    state: &State,
) -> crate::Result<(Optimizer, Parameters)> {
    let ours = parameters(false);
    ours.assign(weights.flat())?;
    let mut optimizer = make(config, &ours, TOTAL)?;
    optimizer.restore(state)?;
    Ok((optimizer, ours))
}

fn without(state: &State, name: &str) -> State {
    let tensors = state.tensors().iter().filter(|(known, _)| known != name);
    let mut values = state.values().clone();
    values.remove(name);
    let copies = tensors.map(|(name, tensor)| (name.clone(), tensor.copy()));
    State::from_parts(copies.collect(), values)
}

#[everywhere]
fn going_on_from_a_state_gives_the_bits_of_going_on() {
    for config in scheduled() {
        for make in ENGINES {
            let (mut straight, weights) = begun(&config, make);
            let state = straight.state().unwrap();
            let (mut again, copy) = resumed(&config, make, &weights, &state).unwrap();
            assert_eq!(again.steps(), BEFORE as u64);
            descend(&mut straight, &weights, 10);
            descend(&mut again, &copy, 10);
            assert_eq!(bits(&straight, &weights), bits(&again, &copy));
        }
    }
}

#[everywhere]
fn a_state_of_one_engine_is_one_of_the_other() {
    for config in scheduled() {
        for (from, to) in [(0, 1), (1, 0)] {
            let (mut straight, weights) = begun(&config, ENGINES[from]);
            let state = straight.state().unwrap();
            let (mut again, copy) = resumed(&config, ENGINES[to], &weights, &state).unwrap();
            descend(&mut straight, &weights, 10);
            descend(&mut again, &copy, 10);
            assert!(difference(weights.flat(), copy.flat()) < rounding());
        }
    }
}

#[everywhere]
fn a_state_does_not_change_with_the_optimizer_that_gave_it() {
    for make in ENGINES {
        let (mut optimizer, weights) = begun(&config(""), make);
        let state = optimizer.state().unwrap();
        let copies = || -> Vec<Vec<f64>> {
            let tensors = state.tensors().iter();
            tensors.map(|(_, tensor)| values(tensor)).collect()
        };
        let before = copies();
        descend(&mut optimizer, &weights, 2);
        let nan = weights.flat() * f64::NAN;
        optimizer.step(&weights, nan, &scalar(f64::NAN)).unwrap();
        assert_eq!(copies(), before);
    }
}

#[everywhere]
fn nothing_in_a_state_can_be_left_out() {
    for config in scheduled() {
        for make in ENGINES {
            let (mut straight, weights) = begun(&config, make);
            let state = straight.state().unwrap();
            let tensors: Vec<String> = state
                .tensors()
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            let names: Vec<String> = state.values().keys().cloned().chain(tensors).collect();
            let (_, begin) = begun(&config, make);
            descend(&mut straight, &weights, 10);
            for name in names {
                let mut missing = without(&state, &name);
                let refused = resumed(&config, make, &begin, &missing);
                let message = refused.err().map(|error| error.to_string());
                assert_eq!(message, Some(format!("{name}: missing")));
                // As it is in the beginning, instead.
                match state.find(&name) {
                    Some(tensor) => missing.put_tensor(&name, &tensor.zeros_like()),
                    None => missing.put(&name, &0).unwrap(),
                }
                let (mut again, copy) = resumed(&config, make, &begin, &missing).unwrap();
                descend(&mut again, &copy, 10);
                let differ = bits(&straight, &weights) != bits(&again, &copy);
                // There was no fault; with one, see below.
                assert_eq!(differ, name != "faults", "{config:?} {name}");
            }
        }
    }
}

#[everywhere]
fn a_fault_that_is_to_stop_the_training_is_remembered() {
    for make in ENGINES {
        let (mut optimizer, weights) = begun(&config(""), make);
        let nan = weights.flat() * f64::NAN;
        optimizer.step(&weights, nan, &scalar(0.5)).unwrap();
        let state = optimizer.state().unwrap();
        let before = bits(&optimizer, &weights);
        let (mut again, copy) = resumed(&config(""), make, &weights, &state).unwrap();
        descend(&mut again, &copy, 1);
        assert_eq!(bits(&again, &copy), before);
        assert_eq!(values(again.faults().unwrap()), [2.0, BEFORE as f64 + 1.0]);
        // Without it the training goes on: it is needed.
        let mut forgotten = without(&state, "faults");
        forgotten.put_tensor("faults", &again.faults().unwrap().zeros_like());
        let (mut again, copy) = resumed(&config(""), make, &weights, &forgotten).unwrap();
        descend(&mut again, &copy, 1);
        assert_ne!(bits(&again, &copy), before);
    }
}

#[everywhere]
fn a_state_of_another_rule_or_model_is_refused_and_changes_nothing() {
    for make in ENGINES {
        let (adam, _) = begun(&config(""), make);
        let (mut sgd, weights) = begun(&config("optimizer: sgd"), make);
        let before = bits(&sgd, &weights);
        let error = sgd.restore(&adam.state().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "momentum: missing");
        let mut short = without(&sgd.state().unwrap(), "momentum");
        short.put_tensor("momentum", &Tensor::zeros([36], place()));
        let error = sgd.restore(&short).unwrap_err();
        let kind = kind();
        assert_eq!(
            error.to_string(),
            format!("momentum: expected [37] of {kind:?}, found [36] of {kind:?}")
        );
        assert_eq!(bits(&sgd, &weights), before);
        assert_eq!(sgd.steps(), BEFORE as u64);
    }
}
