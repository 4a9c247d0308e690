//! The plant and its controller, held to the mathematics.

use efy_envs::optimal::{BoxQp, Controller, LinearPlant, LinearPlantConfig};
use efy_envs::{Environment, Random, Record, Zero, make, rollout};
use nalgebra::{DMatrix, DVector};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn plant(coupling: f64) -> LinearPlant {
    LinearPlant::new(LinearPlantConfig {
        coupling,
        ..LinearPlantConfig::default()
    })
    .unwrap()
}

/// Which of the 3^n combinations of bounds satisfies the conditions of Karush, Kuhn and Tucker.
fn by_enumeration(h: &DMatrix<f64>, f: &DVector<f64>) -> DVector<f64> {
    let n = f.len();
    for code in 0..3_usize.pow(n as u32) {
        let place: Vec<i32> = (0..n)
            .map(|i| (code / 3_usize.pow(i as u32) % 3) as i32 - 1)
            .collect();
        let free: Vec<usize> = (0..n).filter(|&i| place[i] == 0).collect();
        let mut x = DVector::from_iterator(n, place.iter().map(|&p| f64::from(p)));
        if !free.is_empty() {
            let block = h.select_rows(&free).select_columns(&free);
            let right = -(h * &x + f).select_rows(&free);
            let solved = block.lu().solve(&right).unwrap();
            for (&i, &value) in free.iter().zip(solved.iter()) {
                x[i] = value;
            }
        }
        let gradient = h * &x + f;
        let holds = |i: usize| match place[i] {
            0 => x[i].abs() <= 1.0,
            1 => gradient[i] <= 0.0,
            _ => gradient[i] >= 0.0,
        };
        if (0..n).all(holds) {
            return x;
        }
    }
    panic!("no combination of bounds is optimal");
}

#[test]
fn box_programs_are_solved_to_the_last_digits() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut at_bounds = 0;
    for _ in 0..200 {
        let root = DMatrix::from_fn(5, 5, |_, _| random.random::<f64>() * 2.0 - 1.0);
        let h = &root * root.transpose() + DMatrix::identity(5, 5) * 0.01;
        let f = DVector::from_fn(5, |_, _| random.random::<f64>() * 6.0 - 3.0);
        let solution = BoxQp::new(h.clone(), &[-1.0; 5], &[1.0; 5])
            .unwrap()
            .solve(&f)
            .unwrap();
        let expected = by_enumeration(&h, &f);
        assert!(
            (&solution.x - &expected).amax() < 1e-9,
            "{} {expected}",
            solution.x
        );
        let value = |x: &DVector<f64>| 0.5 * x.dot(&(&h * x)) + f.dot(x);
        assert!(value(&solution.x) - value(&expected) <= solution.gap + 1e-12);
        at_bounds += expected.iter().filter(|x| x.abs() == 1.0).count();
    }
    assert!(
        (300..900).contains(&at_bounds),
        "{at_bounds} of 1000 at bounds"
    );
}

#[test]
fn bad_programs_are_refused() {
    let refused =
        |h: DMatrix<f64>, low: f64| BoxQp::new(h, &[low; 2], &[1.0; 2]).unwrap_err().to_string();
    assert_eq!(
        refused(DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0]), -1.0),
        "H: expected a positive definite matrix"
    );
    assert_eq!(
        refused(DMatrix::identity(2, 2), 2.0),
        "box: expected finite bounds with low ≤ high"
    );
    let problem = BoxQp::new(DMatrix::identity(2, 2), &[-1.0; 2], &[1.0; 2]).unwrap();
    assert!(problem.solve(&DVector::from_element(2, f64::NAN)).is_err());
}

#[test]
fn riccati_solution_is_a_fixed_point_and_the_free_controller_is_linear() {
    let plant = plant(0.5);
    let controller = Controller::new(&plant, 1).unwrap();
    let (a, b, p) = (plant.a(), plant.b(), controller.riccati());
    let gain = (plant.r() + b.transpose() * p * b)
        .cholesky()
        .unwrap()
        .solve(&(b.transpose() * p * a));
    let closed = a - b * &gain;
    // Joseph's form of the same equation.
    let again = plant.q() + gain.transpose() * plant.r() * &gain + closed.transpose() * p * &closed;
    assert!((&again - p).amax() < 1e-9 * p.amax());
    // Near 0 no bound holds, and a longer horizon changes nothing.
    let state: Vec<f64> = (0..8).map(|i| 1e-3 * (f64::from(i) - 3.5)).collect();
    let expected = -&gain * DVector::from_row_slice(&state);
    for horizon in [1, 4] {
        let action = Controller::new(&plant, horizon)
            .unwrap()
            .action(&state)
            .unwrap();
        assert!((DVector::from_vec(action) - &expected).amax() < 1e-9);
    }
}

#[test]
fn coupling_is_what_it_says() {
    let off_diagonal = |coupling| {
        let controller = Controller::new(&plant(coupling), 1).unwrap();
        let h = controller.problem().hessian().clone();
        (&h - DMatrix::from_diagonal(&h.diagonal())).amax() / h.diagonal().amin()
    };
    assert!(off_diagonal(0.0) < 1e-12);
    assert!(off_diagonal(0.4) < off_diagonal(0.9));
    assert!(off_diagonal(0.9) > 0.5, "{}", off_diagonal(0.9));
}

/// The mean return of a policy, and how many of its actions are at a bound.
fn returns(coupling: f64, policy: &mut dyn efy_envs::Policy) -> (f64, f64) {
    let mut plants: Vec<Box<dyn Environment>> =
        vec![Box::new(plant(coupling)), Box::new(plant(coupling))];
    let seeds: Vec<u64> = (0..20).collect();
    let episodes = rollout(&mut plants, policy, &seeds, Record::Everything).unwrap();
    let actions: Vec<f64> = episodes
        .iter()
        .flat_map(|episode| episode.actions.clone())
        .collect();
    let at_bounds = actions.iter().filter(|a| a.abs() >= 1.0).count();
    let total: f64 = episodes.iter().map(|episode| episode.total).sum();
    (
        total / seeds.len() as f64,
        at_bounds as f64 / actions.len() as f64,
    )
}

#[test]
fn the_controller_beats_clipped_linear_control_where_saturation_is_coupled() {
    let coupling = 0.9;
    let plant = plant(coupling);
    let mut controller = Controller::new(&plant, 1).unwrap();
    let gain = controller
        .problem()
        .hessian()
        .clone()
        .cholesky()
        .unwrap()
        .solve(controller.linear());
    let rows: Vec<f64> = (-gain).transpose().iter().copied().collect();
    let d = plant.spec().observation;
    let mut clipped =
        efy_envs::Linear::new(plant.spec(), rows, vec![0.0; d], vec![1.0; d]).unwrap();
    let (expert, at_bounds) = returns(coupling, &mut controller);
    let (clipped, _) = returns(coupling, &mut clipped);
    let (nothing, _) = returns(coupling, &mut Zero::new(plant.spec()));
    let (random, _) = returns(coupling, &mut Random::new(plant.spec(), 0));
    assert!(at_bounds > 0.1, "{at_bounds} at bounds");
    assert!(clipped < 2.0 * expert, "costs {} and {}", -clipped, -expert);
    assert!(
        clipped > nothing && nothing > random,
        "{clipped} {nothing} {random}"
    );
}

#[test]
fn bad_plants_are_refused() {
    let refused = |config| LinearPlant::new(config).unwrap_err().to_string();
    let config = LinearPlantConfig::default();
    assert_eq!(
        refused(LinearPlantConfig {
            coupling: 1.0,
            ..config
        }),
        "linear_plant: coupling: expected a number in [0, 1), found 1"
    );
    assert_eq!(
        refused(LinearPlantConfig {
            effort: f64::NAN,
            ..config
        }),
        "linear_plant: effort: expected a finite number above 0, found NaN"
    );
    assert!(refused(LinearPlantConfig { axes: 0, ..config }).contains("expected at least 1"));
}

#[test]
fn states_that_are_no_longer_finite_are_an_error() {
    let mut plant = plant(0.0);
    plant.set_state(&[f64::MAX; 8]).unwrap();
    let error = plant.step(&[0.0; 4], &mut [0.0; 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear_plant: the state is no longer finite after 1 steps"
    );
    assert!(make("linear_plant").is_ok());
}
