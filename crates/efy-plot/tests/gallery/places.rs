//! Values are drawn where their axes say they are.

use efy_plot::{
    Axis, Bars, Density, Dot, Drawing, HeatMap, ScaleKind, Scatter, ScatterGroup, SphereDensity,
    SpherePanel, Stroke,
};

fn axis(scale: ScaleKind) -> Axis {
    Axis {
        label: "value".to_owned(),
        scale,
        bounds: None,
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("n{index}")).collect()
}

/// The numbers of the attributes `keys` of every `element` in which `color` occurs.
fn numbers(svg: &str, element: &str, color: &str, keys: &[&str]) -> Vec<Vec<f64>> {
    let elements = svg.split('<').filter(|text| text.starts_with(element));
    let number = |text: &str, key: &str| -> f64 {
        let (_, rest) = text.split_once(&format!(" {key}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    elements
        .filter(|text| text.contains(color))
        .map(|text| keys.iter().map(|key| number(text, key)).collect())
        .collect()
}

/// The colour of a stroke as the documents write it.
fn color(index: usize) -> String {
    let color = Stroke::nth(index).color;
    format!("fill=\"#{:02X}{:02X}{:02X}\"", color.0, color.1, color.2)
}

fn bars(values: &[f64], scale: ScaleKind) -> Bars {
    let dot = |&mean: &f64| {
        Some(Dot {
            mean,
            deviation: 0.0,
        })
    };
    let series = [("a".to_owned(), values.iter().map(dot).collect())];
    Bars::new("bars", "Bars", names(values.len()), axis(scale), series)
}

#[test]
fn bars_are_as_long_as_their_values() {
    let boxes = |bars: &Bars| numbers(&bars.svg().unwrap(), "rect", &color(0), &["y", "height"]);
    let found = boxes(&bars(&[1.0, 2.0, -4.0], ScaleKind::Linear));
    let heights: Vec<f64> = found.iter().map(|bar| bar[1]).collect();
    assert!((heights[1] / heights[0] - 2.0).abs() < 0.01, "{heights:?}");
    assert!((heights[2] / heights[0] - 4.0).abs() < 0.01, "{heights:?}");
    let feet: Vec<f64> = found.iter().map(|bar| bar[0] + bar[1]).collect();
    assert_eq!(feet[0], feet[1]);
    assert_eq!(found[2][0], feet[0], "a negative bar hangs from zero");

    let mut raised = bars(&[0.6, 0.7], ScaleKind::Linear);
    raised.baseline = Some(0.5);
    let heights = boxes(&raised);
    assert!((heights[1][1] / heights[0][1] - 2.0).abs() < 0.01);

    let decades = boxes(&bars(&[1.0, 10.0, 100.0], ScaleKind::Log));
    let tops: Vec<f64> = decades.iter().map(|bar| bar[0]).collect();
    assert!(
        (tops[0] - tops[1] - (tops[1] - tops[2])).abs() <= 1.0,
        "{tops:?}"
    );
    let gap = boxes(&bars(&[1.0, f64::NAN, 2.0], ScaleKind::Linear));
    assert_eq!(gap.len(), 2, "there is no bar without a value");
}

#[test]
fn names_run_upwards_only_where_two_lines_are_not_enough() {
    let mut short = bars(&[1.0, 2.0], ScaleKind::Linear);
    short.categories = vec!["one name of two lines here".to_owned(), "b".to_owned()];
    let turned = |bars: &Bars| bars.svg().unwrap().matches("rotate(270").count();
    // The label of the vertical axis always does.
    assert_eq!(turned(&short), 1);
    short.categories[1] = "x".repeat(60);
    assert_eq!(turned(&short), 3);
}

#[test]
fn points_are_where_their_logarithms_are() {
    let points = vec![
        (1.0, 1.0),
        (10.0, 10.0),
        (100.0, 100.0),
        (0.0, 5.0),
        (5.0, f64::NAN),
    ];
    let axes = (axis(ScaleKind::Log), axis(ScaleKind::Log));
    let group = ScatterGroup::nth(0, "a", points);
    let mut scatter = Scatter::new("s", "S", axes, vec![group]);
    for identity in [false, true] {
        scatter.identity = identity;
        let svg = scatter.svg().unwrap();
        let dots = numbers(&svg, "circle", &color(0), &["cx", "cy"]);
        assert_eq!(dots.len(), 3, "what has no logarithm is left out");
        for side in 0..2 {
            let steps = [dots[1][side] - dots[0][side], dots[2][side] - dots[1][side]];
            assert!((steps[0] - steps[1]).abs() <= 1.0, "{dots:?}");
        }
        assert_eq!(svg.contains("y = x"), identity);
        let square = (dots[1][0] - dots[0][0] + dots[1][1] - dots[0][1]).abs() <= 1.0;
        assert_eq!(square, identity, "equal ranges are equally long");
    }
}

fn heat_map(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> HeatMap {
    let row = |row| (0..columns).map(|column| value(row, column)).collect();
    let values = (0..rows).map(row).collect();
    let named = (names(columns), names(rows));
    HeatMap::new("h", "H", named, values, axis(ScaleKind::Linear))
}

#[test]
fn heat_maps_write_numbers_only_where_all_of_them_fit() {
    let written = |map: &HeatMap| map.svg().unwrap().contains("\n0.25\n");
    assert!(written(
        &heat_map(3, 4, |row, column| 0.25 + 0.01 * (row * column) as f64)
    ));
    assert!(!written(
        &heat_map(30, 40, |row, column| 0.25 + 0.01 * (row * column) as f64)
    ));
    let full = heat_map(3, 4, |_, _| 0.25).svg().unwrap();
    let gap = heat_map(3, 4, |row, _| if row == 1 { f64::NAN } else { 0.25 });
    let hatches = |svg: &str| svg.matches("stroke=\"#737373\"").count();
    assert_eq!(hatches(&full), 0);
    assert!(hatches(&gap.svg().unwrap()) > 4 * 3);
}

#[test]
fn what_does_not_fit_together_is_named() {
    let mut map = heat_map(2, 3, |_, _| 1.0);
    map.values[1].pop();
    let message = map.svg().unwrap_err().to_string();
    let expected = "figure `h`: cannot be drawn: row 2: 2 values, 3 names of columns";
    assert_eq!(message, expected);
    map.values.pop();
    let message = map.svg().unwrap_err().to_string();
    assert!(
        message.ends_with("1 rows of values, 2 names of rows"),
        "{message}"
    );
    let sphere = SphereDensity::new(
        "s",
        "S",
        vec![SpherePanel {
            title: String::new(),
            density: Density::Grid(Vec::new()),
            points: Vec::new(),
            marks: Vec::new(),
        }],
    );
    let message = sphere.svg().unwrap_err().to_string();
    assert!(
        message.starts_with("figure `s`: cannot be drawn: a grid needs"),
        "{message}"
    );
}

#[test]
fn figures_without_data_can_be_drawn() {
    let empty: [Box<dyn Drawing>; 4] = [
        Box::new(bars(&[], ScaleKind::Linear)),
        Box::new(heat_map(0, 0, |_, _| 0.0)),
        Box::new(Scatter::new(
            "s",
            "S",
            (axis(ScaleKind::Linear), axis(ScaleKind::Log)),
            Vec::new(),
        )),
        Box::new(SphereDensity::new("s", "S", Vec::new())),
    ];
    for figure in empty {
        let svg = figure.svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        efy_plot::render_png(&svg).unwrap();
    }
}
