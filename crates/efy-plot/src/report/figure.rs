//! Figures inside of the page: readable in both colour schemes, and told to those who cannot see them.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::curves::figures;
use crate::draw::draw;
use crate::error::Result;
use crate::figure::Figure;
use crate::palette::{CYCLE, GREY, GRID, INK, PAPER, Rgb};
use crate::report::text::number;
use crate::run::Run;

/// What the colours of figures become on a dark page, the curves in the order of the cycle.
const DARK: [(Rgb, Rgb); 11] = [
    (INK, Rgb(0xE3, 0xE6, 0xEA)),
    (GREY, Rgb(0xA0, 0xA8, 0xB3)),
    (GRID, Rgb(0x33, 0x39, 0x42)),
    (PAPER, CARD),
    (CYCLE[0], Rgb(0x3D, 0x9B, 0xE0)),
    (CYCLE[1], Rgb(0xF4, 0x7F, 0x2E)),
    (CYCLE[2], Rgb(0x22, 0xC2, 0x97)),
    (CYCLE[3], Rgb(0xE0, 0x90, 0xBE)),
    (CYCLE[4], Rgb(0xF2, 0xB2, 0x33)),
    (CYCLE[5], Rgb(0xA3, 0xDB, 0xFA)),
    (CYCLE[6], Rgb(0xFF, 0xFF, 0xFF)),
];
/// The paper of a dark page, as in `style.css`.
const CARD: Rgb = Rgb(0x1B, 0x1F, 0x25);

/// Every figure of `runs`, or a line that says that there is none.
///
/// # Errors
/// [`crate::Error::Draw`].
pub(crate) fn gallery(runs: &[Run]) -> Result<Markup> {
    let drawn = figures(runs)
        .iter()
        .map(|figure| Ok(inline(&draw(figure)?, figure)))
        .collect::<Result<Vec<_>>>()?;
    Ok(html! {
        @if drawn.is_empty() {
            p.note { "No curves: there is no finite train or validation value." }
        } @else {
            div.gallery { @for figure in drawn { figure.card { (figure) } } }
        }
    })
}

/// A short line in the colour and dash of run `index`, as in the legends.
pub(crate) fn swatch(index: usize) -> Markup {
    let stroke = crate::palette::Stroke::nth(index);
    let dashes = match stroke.dash {
        crate::palette::Dash::Solid => None,
        crate::palette::Dash::Dashed => Some("4 2"),
        crate::palette::Dash::Dotted => Some("2 2"),
    };
    html! {
        svg.swatch viewBox="0 0 18 8" aria-hidden="true" {
            line x1="0" y1="4" x2="18" y2="4" stroke=(hex(stroke.color)) stroke-width="3" stroke-dasharray=[dashes] {}
        }
    }
}

/// The rules that swap the colours of figures on a dark page.
pub(crate) fn dark_rules() -> String {
    let mut rules = String::new();
    for (light, dark) in DARK {
        let (light, dark) = (hex(light), hex(dark));
        for property in ["fill", "stroke"] {
            // Writing to a string cannot fail.
            let _ = writeln!(
                rules,
                "  svg [{property}=\"{light}\"] {{ {property}: {dark} }}"
            );
        }
    }
    rules
}

/// The document `svg` as a part of an HTML page: without the namespace, which HTML implies, and with a name
/// and a description.
fn inline(svg: &str, figure: &Figure) -> Markup {
    let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    let start = svg.find("<svg").unwrap_or(0);
    let (root, inside) = match svg[start..].split_once('>') {
        Some((root, inside)) => (root, inside),
        None => (&svg[start..], ""),
    };
    html! {
        (PreEscaped(root)) (PreEscaped(" role=\"img\">"))
        title { (figure.title) }
        desc { (description(figure)) }
        (PreEscaped(inside))
    }
}

/// Where each curve begins and ends.
fn description(figure: &Figure) -> String {
    let mut text = String::new();
    for curve in &figure.curves {
        let mut finite = curve
            .points
            .iter()
            .filter_map(|point| Some((point.step, point.value?)));
        let Some((first, from)) = finite.next() else {
            continue;
        };
        let (last, to) = finite.next_back().unwrap_or((first, from));
        let (from, to) = (number(from), number(to));
        let _ = write!(
            text,
            "{}, {} {}: {from} at step {first}, {to} at step {last}. ",
            curve.run, curve.split, curve.metric
        );
    }
    text.trim_end().to_owned()
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::series::{Point, SeriesSet};

    /// The contrast of WCAG 2.2, from 1 to 21.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = |Rgb(red, green, blue): Rgb| {
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_colour_of_a_figure_has_one_for_the_dark() {
        let mut runs = Vec::new();
        for index in 0..8 {
            let mut series = SeriesSet::default();
            for split in ["train", "validation"] {
                let value = Some(f64::from(index));
                series.push(split, "loss", Point { step: 1, value });
            }
            let name = index.to_string();
            runs.push(Run {
                name,
                best_step: Some(1),
                series,
            });
        }
        let page = gallery(&runs).unwrap().into_string();
        let mut colours = BTreeSet::new();
        for piece in page.split("=\"#").skip(1) {
            colours.insert(&piece[..6]);
        }
        assert_eq!(colours.len(), 11, "{colours:?}");
        let rules = dark_rules();
        for colour in colours {
            assert!(
                rules.contains(&format!("[stroke=\"#{colour}\"]")),
                "{colour}"
            );
            assert!(rules.contains(&format!("[fill=\"#{colour}\"]")), "{colour}");
        }
    }

    #[test]
    fn dark_figures_can_be_read() {
        let style = include_str!("style.css");
        assert!(
            style.contains(&format!("--card: {}", hex(CARD))),
            "{}",
            hex(CARD)
        );
        for (light, dark) in DARK {
            let least = match light {
                INK => 7.0,
                GRID | PAPER => 1.0,
                // Graphical objects: WCAG 2.2, 1.4.11.
                _ => 4.5,
            };
            assert!(
                contrast(dark, CARD) >= least,
                "{light:?}: {}",
                contrast(dark, CARD)
            );
        }
    }
}
