//! From the values of an axis to places on it.

use crate::figure::ScaleKind;

/// The space left free at both ends of an axis, relative to its length.
const PADDING: f64 = 0.04;
/// A range that is narrower than this, relative to its values, is treated as a constant: what
/// varies is rounding error, and its ticks would need more digits than anyone reads.
const NARROWEST: f64 = 1e-6;
/// Values smaller than this are as good as zero.
const TINIEST: f64 = 1e-300;

/// A fitted axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    kind: ScaleKind,
    /// The ends, as logarithms if the scale is logarithmic.
    low: f64,
    high: f64,
}

impl Scale {
    /// The scale that shows all of `values` with some space around; a constant is in the middle.
    pub fn fit(kind: ScaleKind, values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter_map(|value| transform(kind, value));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        if low > high {
            return Self {
                kind,
                low: 0.0,
                high: 1.0,
            };
        }
        let size = low.abs().max(high.abs());
        let padding = if size > TINIEST && high - low > size * NARROWEST {
            (high - low) * PADDING
        } else if kind == ScaleKind::Log {
            0.5
        } else if size > TINIEST {
            size * 0.1
        } else {
            0.1
        };
        Self {
            kind,
            low: low - padding,
            high: high + padding,
        }
    }

    /// The scale from `low` to `high`, with nothing around; both have a place on it.
    pub fn exact(kind: ScaleKind, low: f64, high: f64) -> Option<Self> {
        let (low, high) = (transform(kind, low)?, transform(kind, high)?);
        (low < high).then_some(Self { kind, low, high })
    }

    /// The same scale without the space beyond `value`, if that is where the data end: bars stand on
    /// the frame.
    pub fn ending_at(self, value: f64, values: impl Iterator<Item = f64>) -> Self {
        let Some(end) = transform(self.kind, value) else {
            return self;
        };
        let (mut above, mut below) = (true, true);
        for value in values.filter_map(|value| transform(self.kind, value)) {
            above &= value >= end;
            below &= value <= end;
        }
        match (above, below) {
            (true, false) => Self { low: end, ..self },
            (false, true) => Self { high: end, ..self },
            _ => self,
        }
    }

    /// Whether the axis is more than rounding error long.
    pub fn is_wide(self) -> bool {
        let size = self.low.abs().max(self.high.abs());
        size > TINIEST && self.high - self.low > size * NARROWEST
    }

    /// The ends of the axis.
    pub fn range(self) -> (f64, f64) {
        match self.kind {
            ScaleKind::Linear | ScaleKind::Whole => (self.low, self.high),
            ScaleKind::Log => {
                let end = |exponent| 10f64.powf(exponent).clamp(f64::MIN_POSITIVE, f64::MAX);
                (end(self.low), end(self.high))
            }
        }
    }

    /// Where on the axis `value` is, from 0 to 1; `None` if it has no place there.
    pub fn place(self, value: f64) -> Option<f64> {
        transform(self.kind, value).map(|value| (value - self.low) / (self.high - self.low))
    }
}

fn transform(kind: ScaleKind, value: f64) -> Option<f64> {
    let value = match kind {
        ScaleKind::Linear | ScaleKind::Whole => value,
        ScaleKind::Log => value.log10(),
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_constant_is_in_the_middle() {
        for kind in [ScaleKind::Linear, ScaleKind::Log] {
            for value in [5e-324, 0.7, 1.0, 1e300] {
                let place = Scale::fit(kind, [value, value].into_iter())
                    .place(value)
                    .unwrap();
                assert!((place - 0.5).abs() < 1e-9, "{kind:?} {value}: {place}");
            }
        }
        assert_eq!(
            Scale::fit(ScaleKind::Linear, [0.0].into_iter()).place(0.0),
            Some(0.5)
        );
    }

    #[test]
    fn nothing_positive_has_no_place_on_a_log_axis() {
        let scale = Scale::fit(ScaleKind::Log, [0.0, -1.0, 1.0, 10.0].into_iter());
        assert_eq!(scale.place(0.0), None);
        assert_eq!(scale.place(-1.0), None);
        assert!(scale.place(1.0).is_some());
    }

    proptest! {
        #[test]
        fn every_value_is_inside(values in prop::collection::vec(1e-9..1e9f64, 1..20)) {
            for kind in [ScaleKind::Linear, ScaleKind::Log] {
                let scale = Scale::fit(kind, values.iter().copied());
                for &value in &values {
                    let place = scale.place(value).unwrap();
                    prop_assert!((0.0..=1.0).contains(&place));
                }
            }
        }
    }
}
