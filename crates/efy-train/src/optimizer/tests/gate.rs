//! Nothing that is not finite gets into weights or moments.

use super::super::Verdict;
use super::*;

/// A gradient of ones with one other value.
fn gradient_with(value: f64) -> Tensor {
    let mut values = vec![1.0; WEIGHTS];
    values[WEIGHTS - 2] = value;
    tensor(&values)
}

/// Gradients and losses of which one is not finite.
fn faults() -> Vec<(Tensor, f64)> {
    let too_large = by_kind(1e160, 1e20);
    vec![
        (gradient_with(f64::NAN), 0.5),
        (gradient_with(f64::INFINITY), 0.5),
        (gradient_with(f64::NEG_INFINITY), 0.5),
        (gradient_with(too_large), 0.5),
        (gradient_with(1.0), f64::NAN),
        (gradient_with(1.0), f64::INFINITY),
        (gradient_with(1.0), f64::NEG_INFINITY),
        (gradient_with(f64::INFINITY), f64::NEG_INFINITY),
    ]
}

/// Calls `check` with every rule, policy and engine after three good steps.
fn each_optimizer(policy: &str, check: impl Fn(&mut Optimizer, &Parameters)) {
    for mut config in configs() {
        config.on_nonfinite = serde_json::from_value(policy.into()).unwrap();
        for make in ENGINES {
            let ours = parameters(false);
            // Zeros with a sign, which adding a zero would lose.
            let mut few = ours.flat().narrow(0, 3, 4);
            let mut optimizer = make(&config, &ours, TOTAL).unwrap();
            descend(&mut optimizer, &ours, 3);
            let _ = few.fill_(-0.0);
            check(&mut optimizer, &ours);
        }
    }
}

fn assert_refused(verdict: Verdict) {
    assert_ne!(verdict, Verdict::Updated);
}

#[everywhere]
fn a_step_that_is_not_finite_is_skipped_and_the_next_is_not() {
    each_optimizer("skip", |optimizer, ours| {
        assert_eq!(values(optimizer.faults().unwrap()), [0.0, 0.0]);
        let before = bits(optimizer, ours);
        let faults = faults();
        for (number, (gradient, loss)) in faults.iter().enumerate() {
            let loss = scalar(*loss);
            let verdict = optimizer.step(ours, gradient.copy(), &loss);
            assert_refused(verdict.unwrap());
            assert_eq!(bits(optimizer, ours), before, "{number}");
            let counted = [number as f64 + 1.0, 4.0];
            assert_eq!(values(optimizer.faults().unwrap()), counted);
        }
        // They were steps all the same.
        assert_eq!(optimizer.steps(), 3 + faults.len() as u64);
        descend(optimizer, ours, 1);
        assert_ne!(bits(optimizer, ours), before);
        assert!(values(ours.flat()).into_iter().all(f64::is_finite));
        assert_eq!(
            values(optimizer.faults().unwrap()),
            [faults.len() as f64, 4.0]
        );
    });
}

#[everywhere]
fn after_the_first_fault_nothing_changes_when_it_is_to_stop_the_training() {
    each_optimizer("stop", |optimizer, ours| {
        descend(optimizer, ours, 1);
        let before = bits(optimizer, ours);
        let loss = scalar(0.5);
        let verdict = optimizer.step(ours, gradient_with(f64::NAN), &loss);
        assert_refused(verdict.unwrap());
        for _ in 0..3 {
            let verdict = optimizer.step(ours, gradient_with(1.0), &loss);
            assert_refused(verdict.unwrap());
        }
        assert_eq!(bits(optimizer, ours), before);
        assert_eq!(values(optimizer.faults().unwrap()), [4.0, 5.0]);
        assert_eq!(optimizer.steps(), 8);
    });
}

#[everywhere(cpu)]
fn the_native_engine_says_at_once_what_became_of_a_step() {
    let ours = parameters(true);
    let mut optimizer = Optimizer::new(&config(""), &ours, TOTAL).unwrap();
    let mut step = |value| {
        let gradient = gradient_with(value);
        optimizer.step(&ours, gradient, &scalar(0.5)).unwrap()
    };
    assert_eq!(step(1.0), Verdict::Updated);
    assert_eq!(step(f64::NAN), Verdict::NotFinite);
    assert_eq!(step(1.0), Verdict::NotFinite);
}

#[everywhere]
fn large_gradients_that_are_finite_pass() {
    let large = by_kind(1e150, 1e18);
    for make in ENGINES {
        let ours = parameters(true);
        let mut optimizer = make(&config(""), &ours, TOTAL).unwrap();
        let loss = scalar(-large);
        optimizer.step(&ours, gradient_with(large), &loss).unwrap();
        assert_eq!(values(optimizer.faults().unwrap()), [0.0, 0.0]);
        assert_ne!(values(ours.flat()), start());
        assert!(values(ours.flat()).into_iter().all(f64::is_finite));
    }
}
