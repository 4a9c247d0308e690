//! Numbers, lengths of time and texts as a page shows them.

use crate::number::power_of_ten;

/// From here on down a number is a power of ten.
const SMALL: f64 = 1e-3;
/// And from here on up.
const LARGE: f64 = 1e6;

/// Four decimals, or a power of ten where these would say too little. Zero is `0` only if it is exact.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let text = if value == 0.0 {
        "0".to_owned()
    } else if !(SMALL..LARGE).contains(&size) {
        let text = format!("{value:.2e}");
        match text.split_once('e') {
            Some((front, exponent)) => {
                format!(
                    "{front}\u{d7}{}",
                    power_of_ten(exponent.parse().unwrap_or(0))
                )
            }
            None => text,
        }
    } else {
        format!("{value:.4}")
    };
    text.replacen('-', "\u{2212}", 1)
}

/// A length of time in its two largest units.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", whole % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A time in RFC 3339 to the second; anything else as it is.
pub(crate) fn moment(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..19)) {
        (Some(date), Some("T"), Some(clock)) if time.ends_with('Z') => {
            format!("{date} {clock} UTC")
        }
        _ => time.to_owned(),
    }
}

/// A number of things.
pub(crate) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// `text` with a capital letter at its beginning.
pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_tells_them_apart() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.808_225_58, "0.8082"),
            (-0.5, "−0.5000"),
            (12_345.6, "12345.6000"),
            (1.5e-5, "1.50×10⁻⁵"),
            (-2e8, "−2.00×10⁸"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn times_have_two_units() {
        let cases = [
            (0.481, "0.5 s"),
            (75.4, "1 min 15 s"),
            (7260.0, "2 h 1 min"),
            (180_000.0, "2 d 2 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
        let started = "2026-11-22T06:56:35.686970598Z";
        assert_eq!(moment(started), "2026-11-22 06:56:35 UTC");
        for other in [
            "",
            "yesterday",
            "2026-11-22T06:56:35+01:00",
            "ääääääääääääää",
        ] {
            assert_eq!(moment(other), other);
        }
        assert_eq!(capitalized("micro F1"), "Micro F1");
    }
}
