//! The tensor path gives what the native one does.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use efy_test::{by_kind, everywhere, kind, tolerance, uniform, values};
use tch::{Device, Tensor};

use super::{ball, birkhoff, knapsack, order_simplex, permutahedron, simplex, sphere};
use crate::device::read;
use crate::native::projection as native;

const WEIGHTS: [f64; 9] = [7.5, 3.0, 3.0, 2.0, 1.0, 0.5, 0.0, -1.0, -1.0];

/// Name, native and tensor path for rows of 9.
type Pair = (
    &'static str,
    fn(&Tensor) -> Option<Tensor>,
    fn(&Tensor) -> Tensor,
);

const PAIRS: [Pair; 10] = [
    ("simplex", |z| native::simplex(z, 1.0), |z| simplex(z, 1.0)),
    ("scaled", |z| native::simplex(z, 20.0), |z| simplex(z, 20.0)),
    (
        "at most 2.5",
        |z| native::knapsack(z, 0.0, 2.5),
        |z| knapsack(z, 0.0, 2.5),
    ),
    (
        "4 to 5",
        |z| native::knapsack(z, 4.0, 5.0),
        |z| knapsack(z, 4.0, 5.0),
    ),
    (
        "all",
        |z| native::knapsack(z, 9.0, 20.0),
        |z| knapsack(z, 9.0, 20.0),
    ),
    (
        "permutahedron",
        |z| native::permutahedron(z, &WEIGHTS),
        |z| permutahedron(z, &WEIGHTS),
    ),
    ("ball", |z| native::ball(z, 3.0), |z| ball(z, 3.0)),
    ("sphere", |z| native::sphere(z, 3.0), |z| sphere(z, 3.0)),
    ("order", native::order_simplex, order_simplex),
    ("birkhoff", |z| native::birkhoff(z, 3), |z| birkhoff(z, 3)),
];

fn assert_same(context: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    let found = values(found);
    let expected: Vec<f64> = read::to_vec(expected).unwrap();
    let close = |(f, e): (&f64, &f64)| {
        (f.is_nan() && e.is_nan()) || (f - e).abs() <= tolerance * e.abs().max(1.0)
    };
    assert_eq!(found.len(), expected.len());
    for (row, (f, e)) in found.chunks(9).zip(expected.chunks(9)).enumerate() {
        let same = f.iter().zip(e).all(close);
        assert!(same, "{context}, row {row}:\n{f:?}\n{e:?}");
    }
}

fn compare(name: &str, z: &Tensor, tolerance: [f64; 2]) {
    let tolerance = by_kind(tolerance[0], tolerance[1]);
    for (domain, fast, batched) in PAIRS {
        let fast = fast(&z.to_device(Device::Cpu)).unwrap();
        let batched = batched(z);
        assert_eq!((batched.kind(), batched.size()), (kind(), z.size()));
        // A fixed number of Newton steps, which are not quadratic where several assignments tie.
        let tolerance = match domain {
            "birkhoff" if name == "ties" => tolerance.max(1e-8),
            _ => tolerance,
        };
        assert_same(&format!("{domain}, {name}"), &batched, &fast, tolerance);
    }
}

fn spread(rows: i64, scale: f64) -> Tensor {
    uniform(&[rows, 9], 2.0 * scale, 1)
}

#[everywhere]
fn paths_agree_on_rows_of_every_size() {
    for scale in [0.1, 1.0, 5.0, 30.0] {
        compare("random", &spread(500, scale), [1e-11, 3e-6]);
    }
    compare("empty", &spread(0, 1.0), [0.0, 0.0]);
}

#[everywhere]
fn paths_agree_on_ties_offsets_and_infinities() {
    compare("ties", &spread(500, 1.5).round(), [1e-11, 3e-6]);
    compare("zeros", &spread(3, 0.0), [1e-11, 3e-6]);
    compare("offset", &(spread(200, 2.0) + 1e6), [1e-9, 3e-6]);
    compare("far apart", &spread(200, 1e6), [1e-9, 3e-6]);
    let infinite = spread(6, 1.0);
    for (row, sign) in [(0, -1.0), (1, 1.0), (2, -1.0), (3, 1.0)] {
        let columns = if row < 2 { 2 } else { 9 };
        let _ = infinite
            .get(row)
            .narrow(0, 0, columns)
            .fill_(f64::INFINITY * sign);
    }
    for row in [4, 5] {
        let _ = infinite.get(row).get(3).fill_(f64::NAN);
    }
    let _ = infinite.get(5).get(0).fill_(1e9);
    compare("infinite", &infinite, [1e-11, 3e-6]);
}

#[everywhere]
fn many_rows_are_split_by_both_paths() {
    let k = 600;
    let z = uniform(&[60, k], 2.0, 2);
    let weights: Vec<f64> = (0..k).rev().map(|w| w as f64 / 100.0).collect();
    let host = z.to_device(Device::Cpu);
    let fast = native::permutahedron(&host, &weights).unwrap();
    assert_same(
        "split",
        &permutahedron(&z, &weights),
        &fast,
        tolerance(1e-10),
    );
    let fast = native::simplex(&host.repeat([20, 1]), 3.0).unwrap();
    assert_same(
        "split",
        &simplex(&z, 3.0).repeat([20, 1]),
        &fast,
        tolerance(1e-12),
    );
    for (min, max) in [(0.0, 3.0), (400.0, 410.5)] {
        let shifted = [&host, &(&host - 50.0), &(&host + 1e6)];
        for host in shifted {
            let fast = native::knapsack(host, min, max).unwrap();
            let expected = knapsack(&host.to_device(z.device()), min, max);
            // Rows of 600 numbers are added up.
            assert_same(
                "long",
                &expected,
                &fast,
                tolerance(1e-9).max(by_kind(0.0, 1e-4)),
            );
        }
    }
}
