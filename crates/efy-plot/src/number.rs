//! Numbers as a reader expects them beside an axis.

/// A decimal number `mantissa * 10^exponent`.
///
/// Ticks are whole multiples of a decimal step; kept like this they never show the rounding error
/// of binary fractions (0.30000000000000004).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub mantissa: i64,
    pub exponent: i32,
}

impl Decimal {
    pub fn value(self) -> f64 {
        let power = 10f64.powi(self.exponent.abs());
        // Dividing by an exact power of ten rounds once, multiplying by 0.1 twice.
        if self.exponent < 0 {
            self.mantissa as f64 / power
        } else {
            self.mantissa as f64 * power
        }
    }

    /// All its digits, with as many decimals as the exponent calls for.
    fn plain(self) -> String {
        let digits = self.mantissa.unsigned_abs().to_string();
        let sign = if self.mantissa < 0 { "\u{2212}" } else { "" };
        if self.exponent >= 0 {
            let zeros = "0".repeat(self.exponent.unsigned_abs() as usize);
            return format!("{sign}{digits}{zeros}");
        }
        let decimals = self.exponent.unsigned_abs() as usize;
        let digits = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        format!("{sign}{whole}.{fraction}")
    }

    /// One digit before the point, and a power of ten.
    fn scientific(self) -> String {
        let mut short = self;
        while short.mantissa != 0 && short.mantissa % 10 == 0 {
            short = Self {
                mantissa: short.mantissa / 10,
                exponent: short.exponent + 1,
            };
        }
        let decimals = short.mantissa.unsigned_abs().checked_ilog10().unwrap_or(0) as i32;
        let front = Self {
            exponent: -decimals,
            ..short
        }
        .plain();
        format!("{front}\u{d7}{}", power_of_ten(short.exponent + decimals))
    }
}

/// `10` with a raised exponent.
pub(crate) fn power_of_ten(exponent: i32) -> String {
    let raised = exponent.to_string();
    let raised = raised.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    });
    format!("10{}", raised.collect::<String>())
}

/// `value` with so many decimals and a true minus sign; what rounds to zero has none.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => {
            format!("\u{2212}{digits}")
        }
        Some(digits) => digits.to_owned(),
        None => text,
    }
}

/// The decimals that leave `digits` significant ones of a number as large as `size`.
pub(crate) fn decimals(size: f64, digits: i32) -> usize {
    if !size.is_normal() {
        return 0;
    }
    let front = size.abs().log10().floor() as i32 + 1;
    usize::try_from(digits - front).unwrap_or(0)
}

/// The labels of one axis, all in the same notation: plain, in thousands (k), in millions (M) or
/// scientific, whichever is short for the largest of them.
pub(crate) fn axis_labels(numbers: &[Decimal]) -> Vec<String> {
    let largest = numbers
        .iter()
        .map(|number| number.value().abs())
        .fold(0.0, f64::max);
    let exponent = numbers
        .iter()
        .map(|number| number.exponent)
        .min()
        .unwrap_or(0);
    let label = |number: &Decimal| {
        let scaled = |by| {
            Decimal {
                exponent: number.exponent - by,
                ..*number
            }
            .plain()
        };
        if number.mantissa == 0 {
            "0".to_owned()
        } else if largest >= 1e10 || exponent < -4 && largest < 1e-2 {
            number.scientific()
        } else if largest >= 1e7 {
            scaled(6) + "M"
        } else if largest >= 1e4 {
            scaled(3) + "k"
        } else {
            number.plain()
        }
    };
    numbers.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(mantissas: &[i64], exponent: i32) -> Vec<String> {
        let decimal = |&mantissa| Decimal { mantissa, exponent };
        axis_labels(&mantissas.iter().map(decimal).collect::<Vec<_>>())
    }

    #[test]
    fn decimals_are_exact_and_uniform() {
        assert_eq!(
            labels(&[-1, 0, 1, 3, 10], -1),
            ["−0.1", "0", "0.1", "0.3", "1.0"]
        );
        assert_eq!(labels(&[25, 50, 75], -3), ["0.025", "0.050", "0.075"]);
        assert_eq!(
            Decimal {
                mantissa: 3,
                exponent: -1
            }
            .value(),
            0.3
        );
    }

    #[test]
    fn large_numbers_are_abbreviated() {
        assert_eq!(labels(&[0, 1, 2, 3], 3), ["0", "1000", "2000", "3000"]);
        assert_eq!(labels(&[0, 25, 50, 100], 2), ["0", "2.5k", "5.0k", "10.0k"]);
        assert_eq!(labels(&[5, 10], 6), ["5M", "10M"]);
        assert_eq!(labels(&[5, 15], 10), ["5×10¹⁰", "1.5×10¹¹"]);
    }

    #[test]
    fn tiny_numbers_are_powers_of_ten() {
        assert_eq!(labels(&[-5, 0, 15], -6), ["−5×10⁻⁶", "0", "1.5×10⁻⁵"]);
        assert_eq!(power_of_ten(-12), "10⁻¹²");
        assert_eq!(power_of_ten(0), "10⁰");
    }

    #[test]
    fn values_have_as_many_decimals_as_asked_for() {
        assert_eq!(fixed(-0.125, 2), "\u{2212}0.12");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(fixed(12.0, 0), "12");
        assert_eq!(
            [0.05, 0.5, 5.0, 55.0, 555.0].map(|size| decimals(size, 2)),
            [3, 2, 1, 0, 0]
        );
        assert_eq!(decimals(0.0, 2), 0);
    }
}
