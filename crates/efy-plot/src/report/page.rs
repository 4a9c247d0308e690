//! The skeleton of the page, and the parts that are used all over it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::metric::written_out;
use crate::report::figure::dark_rules;
use crate::report::text::{capitalized, number};

const STYLE: &str = include_str!("style.css");
/// The font of the figures, whose text was measured in it.
const FONTS: [(u16, &[u8]); 2] = [
    (
        400,
        include_bytes!("../../../../assets/fonts/Inter-Regular.woff2"),
    ),
    (
        600,
        include_bytes!("../../../../assets/fonts/Inter-SemiBold.woff2"),
    ),
];
/// Nothing is run and nothing is fetched, even if something should get past the template.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// A level of headings.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// Below the title of the page.
    Two,
    /// Below the name of one of several runs.
    Three,
}

/// The whole document.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("efy ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                // Without one, a browser asks the server for it.
                link rel="icon" href="data:,";
                style { (PreEscaped(style())) }
            }
            body {
                main { (body) }
                footer { "Written by efy " (env!("CARGO_PKG_VERSION")) " from the files of the run directory." }
            }
        }
    };
    only_text(&document.into_string())
}

fn style() -> String {
    let mut style = String::new();
    for (weight, font) in FONTS {
        style += &format!(
            "@font-face {{ font-family: Inter; font-weight: {weight}; src: url(data:font/woff2;base64,{}) format(\"woff2\") }}\n",
            STANDARD.encode(font)
        );
    }
    style += STYLE;
    style += &format!(
        "@media screen and (prefers-color-scheme: dark) {{\n{}}}\n",
        dark_rules()
    );
    style
}

/// The document without the characters that HTML does not allow, not even escaped.
fn only_text(document: &str) -> String {
    let allowed = |c: char| match c {
        '\n' | '\t' => true,
        '\u{fdd0}'..='\u{fdef}' => false,
        _ => !c.is_control() && u32::from(c) & 0xfffe != 0xfffe,
    };
    document
        .chars()
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

/// A heading.
pub(crate) fn heading(level: Level, text: &str) -> Markup {
    match level {
        Level::Two => html! { h2 { (text) } },
        Level::Three => html! { h3 { (text) } },
    }
}

/// A box for something wide, which scrolls inside, with the keyboard too.
pub(crate) fn scroll(label: &str, inside: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (inside) } }
}

/// The name of a metric at the head of its column or row.
pub(crate) fn metric_name(metric: &str) -> String {
    capitalized(&written_out(metric))
}

/// A metric, with all its digits for who points at it.
pub(crate) fn value(value: Option<f64>) -> Markup {
    match value {
        Some(value) => html! { span title=(value) { (number(value)) } },
        None => html! { span.missing { "not finite" } },
    }
}

/// What stands in a cell that has no value.
pub(crate) fn nothing() -> Markup {
    html! { span.missing { span aria-hidden="true" { "–" } span.hidden { "none" } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_html_forbids_are_replaced() {
        assert_eq!(
            only_text("a\u{0}b\u{1b}\n\tc\u{85}\u{ffff}"),
            "a\u{fffd}b\u{fffd}\n\tc\u{fffd}\u{fffd}"
        );
        assert_eq!(only_text("é 😀 \u{10ffff}"), "é 😀 \u{fffd}");
    }

    #[test]
    fn the_style_fetches_nothing() {
        let style = style();
        assert_eq!(
            style.matches("url(").count(),
            style.matches("url(data:").count()
        );
        assert!(!style.contains("@import") && !style.contains("</"));
    }
}
