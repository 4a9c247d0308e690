//! `efy solve`: what is wrong with a problem is said in one line.

use crate::support::Place;

/// A problem whose energy is `energy` and whose other members are `more`.
fn problem(energy: &str, more: &str) -> String {
    format!(
        r#"{{"energy": {energy}, "regularizer": {{"kind": "gini"}}, "domain": {{"kind": "cube"}}{more}}}"#
    )
}

#[test]
fn problems_that_are_none_are_refused_in_one_line() {
    let place = Place::new();
    let linear = r#"{"kind": "linear", "u": [1, 2]}"#;
    let soft = |temperature: &str, more: &str| {
        let pieces = r#""kind": "log_sum_exp", "u": [1], "W": [[1]], "b": [0]"#;
        problem(
            &format!(r#"{{{pieces}, "temperature": {temperature}}}"#),
            more,
        )
    };
    let gated = |gate: &str| {
        let layer = format!(r#"{{"W": [[1, 1]], "b": [0], {gate}}}"#);
        problem(
            &format!(r#"{{"kind": "icnn", "u": [1, 2], "layers": [{layer}], "w": [1]}}"#),
            "",
        )
    };
    let cases = [
        ("syntax", r#"{"energy": "#.to_owned(), "syntax.json:1: "),
        ("nothing", String::new(), "nothing.json:1: "),
        ("parts", "{}".to_owned(), "energy"),
        (
            "trailing",
            problem(linear, "") + " more",
            "trailing.json:1: trailing characters",
        ),
        ("member", problem(linear, r#", "traget": [1, 0]"#), "traget"),
        (
            "kind",
            problem(r#"{"kind": "cubic", "u": [1]}"#, ""),
            "cubic",
        ),
        (
            "empty",
            problem(r#"{"kind": "linear", "u": []}"#, ""),
            "energy.u",
        ),
        (
            "rows",
            problem(r#"{"kind": "linear", "u": [[], []]}"#, ""),
            "at least one number",
        ),
        ("temperature", soft("0", ""), "temperature"),
        ("gates", gated(r#""g": [1]"#), "energy.layers.g:"),
        (
            "first",
            gated(r#""gz": [1]"#),
            "energy.layers.gz: expected none",
        ),
        ("small", soft("1e-46", r#", "dtype": "f32""#), "temperature"),
        ("null", soft("null", ""), "energy: temperature: "),
        (
            "gate",
            gated(r#""g": 1"#),
            "energy: layers[0].g: expected numbers",
        ),
        (
            "bounds",
            problem(linear, r#", "dtype": "f32""#)
                .replace(r#""cube""#, r#""box", "low": 0, "high": 1e300"#),
            "domain.high",
        ),
        (
            "tag",
            problem(r#"{"u": [1]}"#, ""),
            "energy: missing field `kind`",
        ),
        (
            "number",
            problem(r#"{"kind": 3, "u": [1]}"#, ""),
            "energy: kind: expected a name, found 3",
        ),
        (
            "words",
            problem(r#"{"kind": "linear", "u": ["a"]}"#, ""),
            "numbers",
        ),
        (
            "ragged",
            problem(r#"{"kind": "linear", "u": [[1, 2], [1]]}"#, ""),
            "energy.u",
        ),
        (
            "factor",
            problem(
                r#"{"kind": "quadratic", "u": [1, 2], "A": [[1], [2, 3]]}"#,
                "",
            ),
            "energy.A",
        ),
        (
            "shapes",
            problem(
                r#"{"kind": "quadratic", "u": [1, 2], "A": [[1], [2], [3]]}"#,
                "",
            ),
            "shape",
        ),
        (
            "both",
            problem(
                r#"{"kind": "quadratic", "u": [1], "A": [[1]], "U": [[1]]}"#,
                "",
            ),
            "either U or A",
        ),
        (
            "neither",
            problem(r#"{"kind": "quadratic", "u": [1]}"#, ""),
            "either U or A",
        ),
        (
            "target",
            problem(linear, r#", "target": [1, 0, 1]"#),
            "target",
        ),
        ("tol", problem(linear, r#", "solver": {"tol": -1}"#), "tol"),
        (
            "solver",
            problem(linear, r#", "solver": {"kind": "magic"}"#),
            "magic",
        ),
        (
            "starts",
            problem(linear, r#", "solver": {"starts": 0}"#),
            "solver.starts",
        ),
        ("dtype", problem(linear, r#", "dtype": "f16""#), "f16"),
        (
            "gamma",
            problem(linear, "").replace(r#""gini""#, r#""gini", "gamma": 0"#),
            "gamma",
        ),
        (
            "large",
            problem(r#"{"kind": "linear", "u": [1e300]}"#, r#", "dtype": "f32""#),
            "f32",
        ),
        (
            "regularizers",
            problem(linear, "").replace("gini", "ginny"),
            "tsallis",
        ),
        (
            "domains",
            problem(linear, "").replace("cube", "cuboid"),
            "order_simplex",
        ),
        (
            "square",
            problem(linear, "").replace("cube", "birkhoff"),
            "n^2",
        ),
        (
            "weights",
            problem(linear, "").replace(r#""cube""#, r#""permutahedron", "weights": [2, 1, 0]"#),
            "permutahedron",
        ),
        (
            "layers",
            problem(
                r#"{"kind": "icnn", "u": [1, 2], "layers": [], "w": [1]}"#,
                "",
            ),
            "layer",
        ),
        (
            "box",
            problem(linear, "").replace(r#""cube""#, r#""box", "low": 1, "high": 0"#),
            "low",
        ),
    ];
    for (name, text, word) in cases {
        let file = format!("{name}.json");
        place.write(&file, &text);
        let finished = place.efy(&format!("solve {file}"));
        let message = finished.failed(2);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
        assert!(message.contains(&file), "{}", finished.told());
        assert!(message.contains(word), "{word:?} in {}", finished.told());
    }
}

#[test]
fn a_target_outside_of_the_domain_is_refused() {
    let place = Place::new();
    let linear = r#"{"kind": "linear", "u": [1, 2]}"#;
    for target in ["[2, 0]", "[0.5, -0.1]"] {
        place.write(
            "p.json",
            &problem(linear, &format!(r#", "target": {target}"#)),
        );
        let finished = place.efy("solve p.json");
        let message = finished.failed(2);
        assert!(message.contains("target"), "{}", finished.told());
    }
}
