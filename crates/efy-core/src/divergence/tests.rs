#![allow(clippy::disallowed_methods)]

use super::*;
use crate::device::read;

fn all() -> Vec<Divergence> {
    let mut all = vec![
        Divergence::KullbackLeibler,
        Divergence::ReverseKullbackLeibler,
        Divergence::SquaredHellinger,
        Divergence::JensenShannon,
    ];
    all.extend([1.0001, 1.1, 1.5, 1.7, 2.0, 3.0].map(|alpha| Divergence::tsallis(alpha).unwrap()));
    all
}

fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn vector(t: &Tensor) -> Vec<f64> {
    read::to_vec(t).unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, context: &str) {
    for (found_i, expected_i) in found.iter().zip(expected) {
        let close = (found_i - expected_i).abs() <= tolerance * expected_i.abs().max(1.0);
        assert!(close, "{context}: {found:?} {expected:?}");
    }
}

#[test]
fn generators_are_normalized_and_conjugate_to_each_other() {
    let u = numbers(&[0.01, 0.3, 0.999, 1.0, 1.001, 2.5, 40.0]);
    for divergence in all() {
        let name = format!("{divergence:?}");
        let one = numbers(&[1.0]);
        assert_eq!(vector(&divergence.value(&one)), [0.0], "{name}");
        assert_eq!(vector(&divergence.derivative(&one)), [0.0], "{name}");
        let v = divergence.derivative(&u);
        close(&vector(&divergence.slope(&v)), &vector(&u), 1e-9, &name);
        // Fenchel and Young with equality: f(u) + f*(f'(u)) = u f'(u).
        let conjugate = &u * &v - divergence.value(&u);
        close(
            &vector(&divergence.conjugate(&v)),
            &vector(&conjugate),
            1e-10,
            &name,
        );
        for (u, v) in vector(&u).into_iter().zip(vector(&v)) {
            close(&[divergence.derivative_at(u)], &[v], 1e-13, &name);
        }
    }
}

#[test]
fn values_are_those_of_the_formulas() {
    let u = [0.0, 0.2, 1.0, 3.0];
    let expected = |f: fn(f64) -> f64| u.map(f);
    let cases = [
        (
            Divergence::chi_square(),
            expected(|u| 0.5 * (u - 1.0) * (u - 1.0)),
        ),
        (
            Divergence::entmax15(),
            expected(|u| (u.powf(1.5) - 1.0 - 1.5 * (u - 1.0)) / 0.75),
        ),
        (
            Divergence::KullbackLeibler,
            expected(|u| if u > 0.0 { u * u.ln() - u + 1.0 } else { 1.0 }),
        ),
        (
            Divergence::SquaredHellinger,
            expected(|u| (u.sqrt() - 1.0).powi(2)),
        ),
        (
            Divergence::JensenShannon,
            expected(|u| {
                let own = if u > 0.0 { u * u.ln() } else { 0.0 };
                own - (u + 1.0) * ((u + 1.0) / 2.0).ln()
            }),
        ),
    ];
    for (divergence, expected) in cases {
        let found = vector(&divergence.value(&numbers(&u)));
        close(&found, &expected, 1e-14, divergence.name());
    }
    let found = vector(&Divergence::ReverseKullbackLeibler.value(&numbers(&[0.2, 3.0])));
    let expected = [0.2_f64, 3.0].map(|u| u - 1.0 - u.ln());
    close(&found, &expected, 1e-14, "reverse");
}

#[test]
fn numbers_and_tensors_agree_and_slopes_are_derivatives() {
    let v: Vec<f64> = (-60..=6).map(|i| f64::from(i) * 0.1 + 0.03).collect();
    for divergence in all() {
        let name = format!("{divergence:?}");
        let t = numbers(&v);
        let pairs: Vec<(f64, f64)> = v.iter().map(|&v| divergence.pair(v)).collect();
        let (values, slopes): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        close(&values, &vector(&divergence.conjugate(&t)), 1e-11, &name);
        close(&slopes, &vector(&divergence.slope(&t)), 1e-11, &name);
        let h = 1e-6;
        let difference =
            (divergence.conjugate(&(&t + h)) - divergence.conjugate(&(&t - h))) / (2.0 * h);
        close(&vector(&difference), &slopes, 2e-6, &name);
    }
}

#[test]
fn orders_near_1_approach_kullback_leibler_without_losing_digits() {
    let v = numbers(&[-3.0, -1e-9, 0.0, 1e-9, 2.0]);
    for (delta, tolerance) in [(1e-6, 1e-4), (1e-9, 1e-7), (1e-12, 1e-10)] {
        let near = Divergence::tsallis(1.0 + delta).unwrap();
        let limit = Divergence::KullbackLeibler;
        close(
            &vector(&near.conjugate(&v)),
            &vector(&limit.conjugate(&v)),
            tolerance,
            "f*",
        );
        close(
            &vector(&near.slope(&v)),
            &vector(&limit.slope(&v)),
            tolerance,
            "f*'",
        );
        let u = numbers(&[0.0, 0.5, 4.0]);
        close(
            &vector(&near.value(&u)),
            &vector(&limit.value(&u)),
            tolerance,
            "f",
        );
    }
    assert_eq!(
        Divergence::tsallis(1.0).unwrap(),
        Divergence::KullbackLeibler
    );
    assert!(Divergence::tsallis(0.9).is_err() && Divergence::tsallis(f64::NAN).is_err());
}

#[test]
fn tails_are_flat_exactly_zero_or_infinite() {
    let low = numbers(&[-1e6]);
    for (divergence, floor) in [
        (Divergence::chi_square(), -0.5),
        (Divergence::entmax15(), -2.0 / 3.0),
        (Divergence::tsallis(1.7).unwrap(), -1.0 / 1.7),
    ] {
        assert_eq!(vector(&divergence.slope(&low)), [0.0]);
        close(
            &vector(&divergence.conjugate(&low)),
            &[floor],
            1e-15,
            "floor",
        );
        let margin = -1.0
            / if let Divergence::Tsallis(t) = divergence {
                t.alpha() - 1.0
            } else {
                0.0
            };
        close(&[divergence.support_margin()], &[margin], 1e-15, "margin");
    }
    for divergence in all() {
        if let Some(end) = divergence.domain_end() {
            let beyond = numbers(&[end + 0.5]);
            assert_eq!(vector(&divergence.conjugate(&beyond)), [f64::INFINITY]);
            assert_eq!(vector(&divergence.slope(&beyond)), [f64::INFINITY]);
            assert!(Conjugate::with_cap(divergence, end).is_err());
        }
    }
}

#[test]
fn past_the_cap_the_conjugate_is_its_tangent_with_a_finite_gradient() {
    for divergence in all() {
        let conjugate = Conjugate::new(divergence);
        if conjugate.cap() == f64::INFINITY {
            continue;
        }
        let cap = conjugate.cap();
        let v = numbers(&[cap - 0.1, cap, cap + 1.0, cap + 100.0]).set_requires_grad(true);
        let (value, slope) = conjugate.value_and_slope(&v.detach());
        let (values, slopes) = (vector(&value), vector(&slope));
        close(
            &values[..2],
            &vector(&divergence.conjugate(&v.detach()))[..2],
            1e-12,
            "below",
        );
        close(&slopes[1..], &[slopes[1]; 3], 1e-12, "slope");
        close(
            &values[2..],
            &[values[1] + slopes[1], values[1] + 100.0 * slopes[1]],
            1e-12,
            "tangent",
        );
        for (i, v) in vector(&v.detach()).into_iter().enumerate() {
            let (value, slope) = conjugate.pair(v);
            close(&[value, slope], &[values[i], slopes[i]], 1e-12, "number");
        }
        conjugate.value(&v).sum(tch::Kind::Double).backward();
        assert_eq!(vector(&v.grad()), slopes);
    }
}

#[test]
fn values_and_slopes_together_are_those_one_by_one() {
    let v = numbers(&[-30.0, -2.0, -1e-12, 0.0, 1e-12, 0.3, 0.6]);
    for divergence in all() {
        let name = format!("{divergence:?}");
        let (value, slope) = divergence.conjugate_and_slope(&v);
        close(
            &vector(&value),
            &vector(&divergence.conjugate(&v)),
            1e-15,
            &name,
        );
        close(
            &vector(&slope),
            &vector(&divergence.slope(&v)),
            1e-14,
            &name,
        );
        // Near 0 the value is v to the last digits.
        assert!((vector(&value)[4] / 1e-12 - 1.0).abs() < 1e-9, "{name}");
        let conjugate = Conjugate::new(divergence);
        let mut replaced = (&v * 2.0).set_requires_grad(false);
        let (value, slope) = conjugate.value_and_slope(&replaced);
        let found = conjugate.replace(&mut replaced).unwrap();
        assert_eq!(
            (vector(&replaced), vector(&found)),
            (vector(&value), vector(&slope)),
            "{name}"
        );
    }
}
