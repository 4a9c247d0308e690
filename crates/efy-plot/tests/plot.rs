//! From run directories to files, as `efy plot` does it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

use efy_plot::{Error, Format, Run, Width, draw, figures, plot, render_png};
use resvg::tiny_skia::Pixmap;

/// Writes a run of ten epochs called `name`.
fn write_run(dir: &Path, name: &str) -> PathBuf {
    let mut metrics = String::new();
    for epoch in 1..=10 {
        let (step, loss) = (15 * epoch, 1.0 / f64::from(epoch));
        metrics += &format!(
            r#"{{"step":{step},"epoch":{epoch},"split":"train","loss":{loss},"unconverged":0.0}}
{{"step":{step},"epoch":{epoch},"split":"validation","loss":{loss},"micro_f1":{},"macro_f1":null}}
"#,
            1.0 - loss / 2.0
        );
    }
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("metrics.jsonl"), metrics).unwrap();
    fs::write(dir.join("config.yaml"), format!("name: {name:?}\n")).unwrap();
    fs::write(dir.join("summary.json"), r#"{"best": {"step": 105}}"#).unwrap();
    dir.to_owned()
}

fn page(png: &[u8]) -> Pixmap {
    Pixmap::decode_png(png).unwrap()
}

/// The share of pixels that are not white.
fn inked(page: &Pixmap) -> f64 {
    let inked = page
        .pixels()
        .iter()
        .filter(|pixel| pixel.red() < 250 || pixel.green() < 250);
    inked.count() as f64 / page.pixels().len() as f64
}

#[test]
fn one_run_gives_the_loss_and_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let run = write_run(&dir.path().join("run"), "yeast");
    let out = dir.path().join("deep/figures");
    let written = plot(&[run], &out, &[Format::Svg, Format::Png]).unwrap();

    let names = [
        "loss.svg",
        "loss.png",
        "loss.csv",
        "metrics.svg",
        "metrics.png",
        "metrics.csv",
    ];
    assert_eq!(written, names.map(|name| out.join(name)));
    let mut there: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    there.sort_unstable();
    assert_eq!(
        there.len(),
        names.len(),
        "no temporary file is left: {there:?}"
    );

    let svg = fs::read_to_string(out.join("loss.svg")).unwrap();
    for text in [
        "yeast: loss",
        "train",
        "validation",
        "best (step 105)",
        "step",
        "0.2",
        "150",
    ] {
        assert!(
            svg.contains(&format!(">\n{text}\n<")),
            "{text} is not in {svg}"
        );
    }
    assert!(
        svg.starts_with("<svg width=\"85mm\" height=\""),
        "{}",
        &svg[..80]
    );
    let table = fs::read_to_string(out.join("metrics.csv")).unwrap();
    assert_eq!(
        table.lines().nth(1),
        Some("yeast,validation,micro_f1,15,0.5")
    );
    assert!(
        !table.contains("macro_f1"),
        "a metric without values is left out"
    );
}

#[test]
fn a_png_has_the_size_of_a_column_and_something_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::read(&write_run(dir.path(), "yeast")).unwrap();
    let mut figure = figures(&[run]).remove(0);
    let png = |width: Width| {
        (
            width,
            render_png(&{
                figure.width = width;
                draw(&figure).unwrap()
            }),
        )
    };
    for (width, png) in [Width::Single, Width::Double].map(png) {
        let page = page(&png.unwrap());
        let expected = width.millimetres() / 25.4 * 300.0;
        assert!(
            (f64::from(page.width()) - expected).abs() <= 2.0,
            "{}",
            page.width()
        );
        let share = inked(&page);
        assert!(
            (0.01..0.2).contains(&share),
            "{share} of the page is covered"
        );
    }
}

#[test]
fn text_in_a_png_comes_from_the_embedded_font() {
    let title = |text: &str| {
        let text = format!(r#"<text y="20" font-family="Inter, sans-serif">{text}</text>"#);
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30">{text}</svg>"#
        );
        page(&render_png(&svg).unwrap())
    };
    let opaque = |page: &Pixmap| {
        page.pixels()
            .iter()
            .filter(|pixel| pixel.alpha() > 0)
            .count()
    };
    assert_eq!(opaque(&title("")), 0);
    assert!(opaque(&title("loss")) > opaque(&title(".")));
}

#[test]
fn the_same_runs_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let runs = ["a", "b"].map(|name| write_run(&dir.path().join(name), name));
    let [first, second] = ["first", "second"].map(|name| {
        let out = dir.path().join(name);
        let written = plot(&runs, &out, &[Format::Svg, Format::Png]).unwrap();
        written
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(first.len(), 6, "loss and micro_f1");
    assert!(first == second);
}

#[test]
fn names_of_runs_cannot_break_the_svg() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["<script>alert('1')</script> & \"b\"", "tab\there \u{1}"];
    let runs = ["a", "b"].map(|name| dir.path().join(name));
    for (run, name) in runs.iter().zip(names) {
        write_run(run, "");
        let config = serde_json::json!({ "name": name }).to_string();
        fs::write(run.join("config.yaml"), config).unwrap();
    }
    let runs = runs.map(|run| Run::read(&run).unwrap());
    let svg = draw(&figures(&runs)[0]).unwrap();
    assert!(
        !svg.contains("<script>") && svg.contains("&lt;script&gt;"),
        "{svg}"
    );
    assert!(!svg.contains('\u{1}') && !svg.contains('\t'), "{svg}");
    render_png(&svg).unwrap();
}

#[test]
fn extreme_values_are_drawn_on_the_page() {
    let extremes: [&[f64]; 8] = [
        &[1.0],
        &[0.0, 0.0],
        &[1e-6, 1e2],
        &[-1e300, 1e300],
        &[f64::MIN, f64::MAX],
        &[1e300, f64::MAX],
        &[5e-324, 1e-310],
        &[0.1, 0.1 + 1e-16],
    ];
    for values in extremes {
        let dir = tempfile::tempdir().unwrap();
        let event = |(step, value): (usize, &f64)| {
            format!("{{\"step\":{step},\"split\":\"train\",\"loss\":{value:e}}}\n")
        };
        let events: String = values.iter().enumerate().map(event).collect();
        fs::write(dir.path().join("metrics.jsonl"), events).unwrap();
        let figure = figures(&[Run::read(dir.path()).unwrap()]).remove(0);
        let svg = draw(&figure).unwrap();
        assert!(
            !svg.contains("NaN") && !svg.contains("inf"),
            "{values:?}: {svg}"
        );
        assert!(svg.contains("<circle"), "{values:?}: {svg}");
        let share = inked(&page(&render_png(&svg).unwrap()));
        assert!((0.005..0.2).contains(&share), "{values:?}: {share}");
    }
}

#[test]
fn nothing_to_plot_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().to_owned();
    let error = || {
        plot(
            std::slice::from_ref(&run),
            &run.join("figures"),
            &[Format::Svg],
        )
        .unwrap_err()
    };
    assert!(
        matches!(error(), Error::Read { .. }),
        "there is no metrics file"
    );

    fs::write(run.join("metrics.jsonl"), "").unwrap();
    assert!(error().to_string().ends_with(
        "metrics.jsonl: no events yet; the first one is written at the end of the first epoch"
    ));

    fs::write(
        run.join("metrics.jsonl"),
        "{\"step\":1,\"split\":\"test\",\"loss\":1}\n",
    )
    .unwrap();
    assert!(matches!(error(), Error::NothingToPlot { .. }));
    assert!(!run.join("figures").exists());
    assert!(matches!(plot(&[], &run, &[]), Err(Error::NoRuns)));
}
