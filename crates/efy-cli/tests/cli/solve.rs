//! `efy solve` against the golden vectors, and its forms of input and output.

use std::fs;

use serde_json::{Map, Value, json};

use crate::support::{Place, assert_close, run, workspace};

/// The golden case whose id begins so.
fn golden(id: &str) -> Value {
    let path = workspace().join("assets/golden/fy/golden.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut cases = file["cases"].as_array().unwrap().iter();
    let found = cases.find(|case| case["id"].as_str().unwrap().starts_with(id));
    found.unwrap().clone()
}

/// The problem of a golden case, with its coupling in the form `coupling`.
fn problem(case: &Value, coupling: Option<&str>) -> Value {
    let inputs = &case["inputs"];
    let mut energy = Map::new();
    energy.insert("kind".into(), "linear".into());
    energy.insert("u".into(), inputs["u"].clone());
    if let Some(name) = coupling {
        energy.insert("kind".into(), "quadratic".into());
        energy.insert(name.into(), inputs[name].clone());
    }
    let regularizer = match case["regularizer"]["name"].as_str().unwrap() {
        "half_sq_l2" => "half_squared_norm",
        "gini_negentropy_half_p_dot_p_minus_1" => "gini",
        "binary_negentropy_fermi_dirac" => "binary_entropy",
        other => panic!("{other}"),
    };
    let domain = match case["domain"].as_str().unwrap() {
        "[0,1]^k" => json!({"kind": "cube"}),
        "R^k" => json!({"kind": "reals"}),
        "[-1,1]^k" => json!({"kind": "box", "low": -1, "high": 1}),
        other => panic!("{other}"),
    };
    let gamma = &case["regularizer"]["gamma"];
    json!({
        "energy": energy,
        "regularizer": {"kind": regularizer, "gamma": gamma},
        "domain": domain,
        "target": inputs["y"],
    })
}

fn solve(place: &Place, problem: &Value) -> Value {
    place.write("problem.json", &problem.to_string());
    place.efy("solve problem.json").ok().json()
}

#[test]
fn golden_cases_come_out_of_the_command() {
    let place = Place::new();
    let mut solved = 0;
    for id in ["B02", "B04", "B05", "P01", "P02", "P03", "P06", "P07"] {
        let case = golden(id);
        let given = |name: &&str| case["inputs"].get(*name).is_some();
        let mut couplings: Vec<Option<&str>> =
            ["A", "U"].into_iter().filter(given).map(Some).collect();
        if couplings.is_empty() {
            couplings.push(None);
        }
        for coupling in couplings {
            let answer = solve(&place, &problem(&case, coupling));
            let expected = &case["expected"];
            let close = |key: &str, found: &Value, expected: &Value| {
                assert_close(&format!("{id} {coupling:?} {key}"), found, expected, 1e-7);
            };
            close("argmax", &answer["argmax"], &expected["p_hat"]);
            close("conjugate", &answer["conjugate"], &expected["conjugate"]);
            close("loss", &answer["loss"], &expected["loss"]);
            close("gradient u", &answer["gradient"]["u"], &expected["grad_u"]);
            if let Some(name) = coupling {
                let gradient = &expected[format!("grad_{name}")];
                close("gradient", &answer["gradient"][name], gradient);
            }
            assert_eq!(answer["report"]["converged"], true, "{id}");
            solved += 1;
        }
    }
    assert_eq!(solved, 11);
}

#[test]
fn the_report_says_how_the_problem_was_solved() {
    let place = Place::new();
    let answer = solve(&place, &problem(&golden("P02"), Some("A")));
    let keys = answer["report"].as_object().unwrap().keys();
    assert!(keys.eq(["solver", "iterations", "residual", "gap", "converged"]));
    let report = &answer["report"];
    assert!(report["iterations"].as_u64().unwrap() > 0);
    assert!(report["residual"].as_f64().unwrap() <= 1e-9);
    assert!(report["gap"].as_f64().unwrap() >= 0.0);

    let closed = solve(&place, &problem(&golden("B05"), None));
    assert_eq!(closed["report"]["solver"], "closed_form");
}

#[test]
fn a_solver_can_be_named_and_stopped() {
    let place = Place::new();
    let case = golden("P02");
    let mut problem = problem(&case, Some("A"));
    for solver in ["projected_gradient", "fista", "coordinate_ascent"] {
        problem["solver"] = json!({"kind": solver, "tol": 1e-10, "max_iterations": 5000});
        let answer = solve(&place, &problem);
        let name = answer["report"]["solver"].as_str().unwrap();
        assert_eq!(name, solver);
        assert_close(solver, &answer["argmax"], &case["expected"]["p_hat"], 1e-7);
    }
    problem["solver"] = json!({"kind": "projected_gradient", "tol": 1e-12, "max_iterations": 1});
    let stopped = solve(&place, &problem);
    assert_eq!(stopped["report"]["iterations"], 1);
    assert_eq!(stopped["report"]["converged"], false);
    let gap = stopped["report"]["gap"].as_f64().unwrap();
    let best = case["expected"]["conjugate"].as_f64().unwrap();
    let short = best - stopped["conjugate"].as_f64().unwrap();
    assert!(
        short > 0.0 && gap >= short,
        "the gap {gap} bounds what is missing, {short}"
    );
}

#[test]
fn without_a_target_there_is_no_loss_and_no_gradient() {
    let place = Place::new();
    let case = golden("P01");
    let mut problem = problem(&case, Some("U"));
    problem.as_object_mut().unwrap().remove("target");
    let answer = solve(&place, &problem);
    assert!(
        answer
            .as_object()
            .unwrap()
            .keys()
            .eq(["argmax", "conjugate", "report"])
    );
    assert_close(
        "argmax",
        &answer["argmax"],
        &case["expected"]["p_hat"],
        1e-7,
    );
}

#[test]
fn single_precision_is_near_double_precision() {
    let place = Place::new();
    for (id, coupling) in [("B05", None), ("P03", Some("A")), ("P07", Some("U"))] {
        let case = golden(id);
        let mut problem = problem(&case, coupling);
        problem["dtype"] = "f32".into();
        problem["solver"] = json!({"tol": 1e-6});
        let answer = solve(&place, &problem);
        for (key, expected) in [("argmax", "p_hat"), ("loss", "loss")] {
            assert_close(id, &answer[key], &case["expected"][expected], 1e-4);
        }
    }
}

#[test]
fn a_dash_is_standard_input() {
    let place = Place::new();
    let problem = problem(&golden("B04"), None);
    let expected = solve(&place, &problem);
    let line = "solve -";
    let finished = run(place.command(line).write_stdin(problem.to_string()), line);
    assert_eq!(finished.ok().json(), expected);
}

#[test]
fn a_vector_is_a_batch_of_one_without_the_brackets() {
    let place = Place::new();
    let mut problem = problem(&golden("P02"), Some("A"));
    let single = solve(&place, &problem);
    problem["energy"]["u"] = json!([problem["energy"]["u"]]);
    problem["target"] = json!([problem["target"]]);
    let batch = solve(&place, &problem);
    for key in ["argmax", "conjugate", "loss"] {
        assert_eq!(batch[key][0], single[key], "{key}");
    }
    assert_eq!(batch["gradient"]["u"][0], single["gradient"]["u"]);
    assert_eq!(batch["gradient"]["A"], single["gradient"]["A"]);
    assert_eq!(batch["report"]["gap"][0], single["report"]["gap"]);
    assert_eq!(batch["report"]["solver"], single["report"]["solver"]);
}
