//! From numbers to colours.

use crate::palette::{INK, PAPER, Rgb};

/// A colour map that is even to the eye and can be read by colour-blind readers and in grey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMap {
    /// From dark violet over green to yellow (Smith and van der Walt, matplotlib): for most data.
    #[default]
    Viridis,
    /// From dark blue to yellow, the same to readers with and without red-green deficiency
    /// (Nuñez, Anderton and Renslow 2018).
    Cividis,
    /// From blue over white to red (ColorBrewer): for differences, the middle of the axis at zero.
    Diverging,
}

impl ColorMap {
    /// The colour of `share` of the axis, which is cut to 0 to 1.
    pub fn color(self, share: f64) -> Rgb {
        let color = match self {
            Self::Viridis => colorous::VIRIDIS.eval_continuous(share),
            Self::Cividis => colorous::CIVIDIS.eval_continuous(share),
            Self::Diverging => colorous::RED_BLUE.eval_continuous(1.0 - share),
        };
        Rgb(color.r, color.g, color.b)
    }
}

/// The colour of text that can be read on `background`: the one of the two that contrasts more.
pub(crate) fn readable_on(background: Rgb) -> Rgb {
    let contrast = |text: Rgb| {
        let (a, b) = (luminance(text) + 0.05, luminance(background) + 0.05);
        a.max(b) / a.min(b)
    };
    if contrast(PAPER) > contrast(INK) {
        PAPER
    } else {
        INK
    }
}

/// The relative luminance of a colour as the WCAG define it, from 0 to 1.
pub(crate) fn luminance(Rgb(red, green, blue): Rgb) -> f64 {
    let linear = |channel: u8| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_maps_get_lighter_all_the_way() {
        for map in [ColorMap::Viridis, ColorMap::Cividis] {
            let lights: Vec<f64> = (0..=100)
                .map(|share| luminance(map.color(f64::from(share) / 100.0)))
                .collect();
            assert!(lights.windows(2).all(|pair| pair[0] <= pair[1] + 2e-3));
            assert!(lights[100] - lights[0] > 0.6, "{lights:?}");
        }
        assert_eq!(ColorMap::Viridis.color(-1.0), Rgb(0x44, 0x01, 0x54));
        assert_eq!(ColorMap::Viridis.color(2.0), Rgb(0xfd, 0xe7, 0x25));
    }

    #[test]
    fn differences_are_white_where_there_are_none() {
        assert!(luminance(ColorMap::Diverging.color(0.5)) > 0.85);
        let Rgb(red, _, blue) = ColorMap::Diverging.color(0.1);
        assert!(blue > red);
    }

    #[test]
    fn text_can_be_read_on_every_colour() {
        for share in 0..=50 {
            for map in [ColorMap::Viridis, ColorMap::Cividis, ColorMap::Diverging] {
                let background = map.color(f64::from(share) / 50.0);
                let (a, b) = (luminance(readable_on(background)), luminance(background));
                assert!(
                    (a.max(b) + 0.05) / (a.min(b) + 0.05) > 3.8,
                    "{background:?}"
                );
            }
        }
    }
}
