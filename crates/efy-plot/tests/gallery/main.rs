//! Every kind of figure: what is on it, that it fits, and that the book shows what is drawn now.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its files has failed"
)]

#[path = "../../examples/gallery/kinds.rs"]
mod kinds;
mod page;
mod places;

use std::fs;
use std::path::Path;

use efy_plot::{Drawing, Width, render_pdf, render_png_at};

use crate::page::Page;

const WIDTHS: [Option<Width>; 4] = [
    None,
    Some(Width::Single),
    Some(Width::Double),
    Some(Width::Millimetres(55.0)),
];

fn every_figure(check: impl Fn(&str, Option<Width>, &dyn Drawing)) {
    for width in WIDTHS {
        let figures = kinds::figures(width).unwrap();
        assert_eq!(figures.len(), 7);
        for figure in figures {
            let name = format!("{} at {width:?}", figure.name());
            check(&name, width, figure.as_ref());
        }
    }
}

#[test]
fn the_book_shows_what_is_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/figures");
    for figure in kinds::figures(None).unwrap() {
        let svg = figure.svg().unwrap();
        assert!(svg == figure.svg().unwrap(), "the same bytes again");
        let path = folder.join(format!("{}.svg", figure.name()));
        if std::env::var_os("EFY_BLESS").is_some_and(|value| value == "1") {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, svg).unwrap();
            continue;
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == svg,
            "docs/src/figures/{}.svg is not what is drawn; write it anew with EFY_BLESS=1",
            figure.name()
        );
    }
}

#[test]
fn everything_is_on_the_page_and_no_text_covers_another() {
    every_figure(|name, _, figure| {
        let page = Page::read(&figure.svg().unwrap());
        assert!(page.texts.len() > 5, "{name}");
        for (index, (text, area)) in page.texts.iter().enumerate() {
            assert!(page.holds(area), "{name}: {text} at {area:?}");
            for (other, its_area) in &page.texts[..index] {
                let apart = !page::overlap(area, its_area);
                assert!(apart, "{name}: {text} and {other}: {area:?} {its_area:?}");
            }
        }
        for area in &page.shapes {
            assert!(page.holds(area), "{name}: a shape at {area:?}");
        }
    });
}

#[test]
fn no_text_touches_the_frame_or_a_tick() {
    every_figure(|name, _, figure| {
        let page = Page::read(&figure.svg().unwrap());
        for (text, area) in &page.texts {
            for line in &page.axes {
                let apart = !page::overlap(area, line);
                assert!(apart, "{name}: {text} at {area:?} and a line at {line:?}");
            }
        }
    });
}

#[test]
fn text_is_text_in_the_embedded_font() {
    every_figure(|name, _, figure| {
        let svg = figure.svg().unwrap();
        let texts = svg.matches("<text ").count();
        assert!(texts > 5, "{name}");
        let named = svg.matches("font-family=\"Inter, sans-serif\"").count();
        assert_eq!(named, texts, "{name}");
        // 8.5, 8 and 7 points in hundredths of a millimetre, at every width.
        for size in svg.split("font-size=\"").skip(1) {
            let (size, _) = size.split_once('"').unwrap();
            let points = size.parse::<f64>().unwrap() / 2540.0 * 72.0;
            let known = [8.5, 8.0, 7.0]
                .iter()
                .any(|size| (size - points).abs() < 0.02);
            assert!(known, "{name}: {points}");
        }
    });
}

#[test]
fn a_figure_has_its_width_in_every_format() {
    every_figure(|name, width, figure| {
        let svg = figure.svg().unwrap();
        let page = Page::read(&svg);
        if let Some(width) = width {
            let found = page.millimetres().0;
            assert!(
                (found - width.millimetres()).abs() < 0.01,
                "{name}: {found}"
            );
        }
        let (across, down) = page.millimetres();
        let pdf = render_pdf(&svg).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        let (_, media_box) = text.split_once("/MediaBox").unwrap();
        let (media_box, _) = media_box
            .trim_start_matches([' ', '['])
            .split_once(']')
            .unwrap();
        let sides: Vec<f64> = media_box
            .split(' ')
            .map(|side| side.parse().unwrap())
            .collect();
        assert_eq!(sides[..2], [0.0, 0.0], "{name}");
        for (points, millimetres) in sides[2..].iter().zip([across, down]) {
            assert!((points / 72.0 * 25.4 - millimetres).abs() < 0.01, "{name}");
        }
        assert!(
            text.contains("+Inter-Regular"),
            "{name}: the font is embedded"
        );
        assert!(
            pdf == render_pdf(&svg).unwrap(),
            "{name}: the same bytes again"
        );
    });
}

#[test]
fn a_png_has_the_resolution_that_was_asked_for() {
    for figure in kinds::figures(None).unwrap() {
        let svg = figure.svg().unwrap();
        let (across, _) = Page::read(&svg).millimetres();
        let png = render_png_at(&svg, 100.0).unwrap();
        let width = u32::from_be_bytes([png[16], png[17], png[18], png[19]]);
        assert!(
            (f64::from(width) - across / 25.4 * 100.0).abs() <= 1.5,
            "{width}"
        );
        assert!(png.windows(4).any(|bytes| bytes == b"pHYs"));
    }
}

#[test]
fn the_data_are_beside_every_figure() {
    let rows = [120, 183, 9, 30, 180, 45 * 90 + 2 * 400, 8 * 5];
    for (figure, rows) in kinds::figures(None).unwrap().iter().zip(rows) {
        let table = String::from_utf8(figure.csv().unwrap()).unwrap();
        // A line more for the header.
        assert_eq!(table.lines().count(), rows + 1, "{}", figure.name());
        assert!(!table.contains("NaN"), "{}", figure.name());
    }
}
