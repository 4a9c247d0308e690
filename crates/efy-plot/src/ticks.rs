//! Where the ticks of an axis go.

use crate::number::{Decimal, axis_labels, power_of_ten};

/// A place on an axis, with its label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub value: f64,
    pub label: String,
}

/// The ticks of one axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    /// Those with a label and a grid line.
    pub major: Vec<Tick>,
    /// Those in between, on a logarithmic axis.
    pub minor: Vec<f64>,
}

/// How much closer than asked for ticks may be, to avoid a step twice as wide.
const CROWDING: f64 = 0.8;

/// At most about `count` ticks between `low` and `high`, a step of 1, 2, 2.5 or 5 times a power of
/// ten apart, and of at least one if they have to be `whole` numbers.
pub(crate) fn linear_ticks((low, high): (f64, f64), count: i32, whole: bool) -> Ticks {
    let least = (high - low) / f64::from(count.max(1));
    if !least.is_normal() {
        return Ticks::default();
    }
    let step = nice_step(least, whole);
    // The ends of the range are sums of floats: a tick that is only just outside belongs to it.
    let first = (low / step.value() - 1e-9).ceil() as i64;
    let last = (high / step.value() + 1e-9).floor() as i64;
    let multiple = |index: i64| Decimal {
        mantissa: index.saturating_mul(step.mantissa),
        ..step
    };
    let numbers: Vec<_> = (first..=last).map(multiple).collect();
    let labels = axis_labels(&numbers);
    let major = numbers.iter().zip(labels);
    let major = major
        .map(|(number, label)| Tick {
            value: number.value(),
            label,
        })
        .collect();
    Ticks {
        major,
        minor: Vec::new(),
    }
}

/// The smallest nice step that is not far below `least`.
fn nice_step(least: f64, whole: bool) -> Decimal {
    let exponent = least.log10().floor() as i32;
    let candidates = [(1, 0), (2, 0), (25, -1), (5, 0), (1, 1)];
    let candidates = candidates.map(|(mantissa, shift)| Decimal {
        mantissa,
        exponent: exponent.saturating_add(shift),
    });
    let one = Decimal {
        mantissa: 1,
        exponent: 0,
    };
    if whole && least <= 1.0 {
        return one;
    }
    let fits = |step: &Decimal| step.value() >= least * CROWDING;
    let allowed = |step: &Decimal| !whole || step.exponent >= 0;
    candidates
        .into_iter()
        .find(|step| fits(step) && allowed(step))
        .unwrap_or(one)
}

/// Ticks at powers of ten between `low` and `high`, both positive; at most about `count`
/// have a label.
///
/// A range within two decades also has ticks at 2 and 5 times a power of ten.
pub(crate) fn log_ticks((low, high): (f64, f64), count: i32) -> Ticks {
    let inside = |value: f64| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = last - first;
    // Rounded up; both ends of the range are seldom powers of ten, so `decades` of them are inside.
    let stride = ((decades + count.max(1) - 1) / count.max(1)).max(1);
    let plain = first >= -4 && last <= 4;
    let steps: &[i64] = if decades <= 2 { &[1, 2, 5] } else { &[1] };

    let mut ticks = Ticks::default();
    for exponent in first..=last {
        for mantissa in 1..10 {
            let value = Decimal { mantissa, exponent }.value();
            if !inside(value) {
                continue;
            }
            if steps.contains(&mantissa) && exponent.rem_euclid(stride) == 0 {
                let label = log_label(mantissa, exponent, plain);
                ticks.major.push(Tick { value, label });
            } else if stride == 1 || mantissa == 1 {
                ticks.minor.push(value);
            }
        }
    }
    ticks
}

fn log_label(mantissa: i64, exponent: i32, plain: bool) -> String {
    if plain {
        axis_labels(&[Decimal { mantissa, exponent }]).concat()
    } else if mantissa == 1 {
        power_of_ten(exponent)
    } else {
        format!("{mantissa}\u{d7}{}", power_of_ten(exponent))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(ticks: &Ticks) -> Vec<&str> {
        ticks.major.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let ticks = linear_ticks((-0.02, 1.02), 5, false);
        assert_eq!(labels(&ticks), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let ticks = linear_ticks((0.61, 0.93), 6, false);
        assert_eq!(
            labels(&ticks),
            ["0.65", "0.70", "0.75", "0.80", "0.85", "0.90"]
        );
        let ticks = linear_ticks((0.0, 3000.0), 4, true);
        assert_eq!(labels(&ticks), ["0", "1000", "2000", "3000"]);
    }

    #[test]
    fn steps_are_whole() {
        assert_eq!(labels(&linear_ticks((0.96, 2.04), 6, true)), ["1", "2"]);
        assert_eq!(
            labels(&linear_ticks((0.0, 12.0), 3, true)),
            ["0", "5", "10"]
        );
    }

    #[test]
    fn many_decades_are_thinned_out() {
        let ticks = log_ticks((1e-6, 1e2), 5);
        assert_eq!(labels(&ticks), ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰", "10²"]);
        assert_eq!(ticks.minor, [1e-5, 1e-3, 1e-1, 1e1]);
    }

    #[test]
    fn few_decades_are_plain() {
        let ticks = log_ticks((0.004, 2.0), 5);
        assert_eq!(labels(&ticks), ["0.01", "0.1", "1"]);
        assert_eq!(labels(&log_ticks((0.3, 7.0), 5)), ["0.5", "1", "2", "5"]);
    }

    proptest! {
        #[test]
        fn every_range_has_a_few_ticks_inside(
            low in -1e6..1e6f64,
            exponent in -3..9i32,
            count in 2..8i32,
        ) {
            let high = low + 10f64.powi(exponent);
            let ticks = linear_ticks((low, high), count, false).major;
            prop_assert!(!ticks.is_empty() && ticks.len() <= (count * 5 / 4) as usize + 1);
            let slack = (high - low) * 1e-6;
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].value < pair[1].value && pair[0].label != pair[1].label);
            }
            for tick in ticks {
                prop_assert!(tick.value >= low - slack && tick.value <= high + slack);
            }
        }
    }
}
