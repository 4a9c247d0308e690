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
    let flat = |matrix: &Value| -> Value {
        let rows = matrix.as_array().unwrap().iter();
        rows.flat_map(|row| row.as_array().unwrap().clone())
            .collect()
    };
    let mut energy = Map::new();
    let mut target = inputs["y"].clone();
    let mut take = |name: &str, key: &str| energy.insert(name.into(), inputs[key].clone());
    if inputs.get("W1").is_some() {
        for name in ["u", "W1", "b1", "w2"] {
            take(name, name);
        }
        energy.insert("kind".into(), "spen".into());
    } else if inputs.get("Wz").is_some() {
        take("u", "u");
        take("w", "wo");
        let first = json!({"W": inputs["W0"], "b": inputs["b0"]});
        let second = json!({"Wz": inputs["Wz"], "W": inputs["Wp"], "b": inputs["b"]});
        energy.insert("layers".into(), json!([first, second]));
        energy.insert("kind".into(), "icnn".into());
    } else if inputs.get("S").is_some() {
        energy.insert("u".into(), flat(&inputs["S"]));
        energy.insert("kind".into(), "linear".into());
        target = flat(&inputs["Y"]);
    } else {
        take("u", "u");
        let kind = if coupling.is_some() {
            "quadratic"
        } else {
            "linear"
        };
        coupling.map(|name| energy.insert(name.into(), inputs[name].clone()));
        energy.insert("kind".into(), kind.into());
    }
    let domain = match case["domain"].as_str().unwrap() {
        "[0,1]^k" => json!({"kind": "cube"}),
        "R^k" => json!({"kind": "reals"}),
        "[-1,1]^k" => json!({"kind": "box", "low": -1, "high": 1}),
        "simplex" => json!({"kind": "simplex"}),
        "{p in [0,1]^k, sum p <= 2}" => json!({"kind": "knapsack", "max": 2}),
        "permutahedron P((4,3,2,1,0))" => json!({"kind": "permutahedron"}),
        "Birkhoff polytope (3x3 doubly stochastic)" => json!({"kind": "birkhoff"}),
        "{1>=p1>=...>=pk>=0}" => json!({"kind": "order_simplex"}),
        other => panic!("{other}"),
    };
    let given = &case["regularizer"];
    let cube = domain["kind"] == "cube";
    let kind = match given["name"].as_str().unwrap() {
        "half_sq_l2" => "half_squared_norm",
        "gini_negentropy_half_p_dot_p_minus_1" => "gini",
        "binary_negentropy_fermi_dirac" | "box_fermi" => "binary_entropy",
        "shannon_negentropy_sum_plogp" if cube => "one_sided_shannon",
        "shannon_negentropy_sum_plogp" => "shannon",
        "tsallis_negentropy" => "tsallis",
        "binary_tsallis_negentropy" => "binary_tsallis",
        other => panic!("{other}"),
    };
    let mut regularizer = json!({"kind": kind, "gamma": given["gamma"]});
    if let Some(alpha) = given.get("alpha") {
        regularizer["alpha"] = alpha.clone();
    }
    json!({"energy": energy, "regularizer": regularizer, "domain": domain, "target": target})
}

fn solve(place: &Place, problem: &Value) -> Value {
    place.write("problem.json", &problem.to_string());
    place.efy("solve problem.json").ok().json()
}

/// The name of a gradient in the golden file.
fn golden_name(name: &str) -> &str {
    match name {
        "layers.0.W" => "W0",
        "layers.0.b" => "b0",
        "layers.1.Wz" => "Wz",
        "layers.1.W" => "Wp",
        "layers.1.b" => "b",
        "w" => "wo",
        other => other,
    }
}

#[test]
fn golden_cases_come_out_of_the_command() {
    let place = Place::new();
    let numbered = |letter: &str, count: usize| {
        (1..=count)
            .map(|number| format!("{letter}{number:02}"))
            .collect::<Vec<_>>()
    };
    let more = ["R01", "R02", "R03"].map(str::to_owned).to_vec();
    let mut solved = 0;
    for id in [numbered("B", 16), numbered("P", 11), numbered("S", 3), more].concat() {
        let case = golden(&id);
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
            if expected["p_hat"][0].is_number() {
                close("argmax", &answer["argmax"], &expected["p_hat"]);
            }
            close("conjugate", &answer["conjugate"], &expected["conjugate"]);
            close("loss", &answer["loss"], &expected["loss"]);
            for (name, gradient) in answer["gradient"].as_object().unwrap() {
                let key = format!("grad_{}", golden_name(name));
                if let Some(expected) = expected.get(&key) {
                    close(&key, gradient, expected);
                }
            }
            assert_eq!(answer["report"]["converged"], true, "{id}");
            solved += 1;
        }
    }
    assert!(solved > 33, "{solved}");
}

#[test]
fn gates_are_factors_of_the_columns_behind_them() {
    let place = Place::new();
    let mut problem = problem(&golden("S03"), None);
    let scaled = |matrix: &Value, gates: &[f64]| -> Value {
        let rows = matrix.as_array().unwrap().iter();
        let row = |row: &Value| -> Value {
            let entries = row.as_array().unwrap().iter().zip(gates);
            entries.map(|(w, g)| w.as_f64().unwrap() * g).collect()
        };
        rows.map(row).collect()
    };
    let layers = problem["energy"]["layers"].clone();
    let width = |name: &str| layers[1][name][0].as_array().unwrap().len();
    let gates = |width: usize| -> Vec<f64> { (1..=width).map(|j| 0.3 * j as f64).collect() };
    let (g, gz) = (gates(width("W")), gates(width("Wz")));

    problem["energy"]["layers"][0]["g"] = json!(g);
    problem["energy"]["layers"][1]["gz"] = json!(gz);
    let gated = solve(&place, &problem);
    let first = json!({"W": scaled(&layers[0]["W"], &g), "b": layers[0]["b"]});
    let mut second = layers[1].clone();
    second["Wz"] = scaled(&layers[1]["Wz"], &gz);
    problem["energy"]["layers"] = json!([first, second]);
    let folded = solve(&place, &problem);

    for key in ["argmax", "conjugate", "loss"] {
        assert_close(key, &gated[key], &folded[key], 1e-8);
    }
    assert!(gated["report"]["gap"].is_number(), "{gated}");
    let (gated, folded) = (&gated["gradient"], &folded["gradient"]);
    let chain = [
        ("layers.0.W", "layers.0.g", &layers[0]["W"], &g),
        ("layers.1.Wz", "layers.1.gz", &layers[1]["Wz"], &gz),
    ];
    for (matrix, gate, weights, gates) in chain {
        let folded = &folded[matrix];
        assert_close(matrix, &gated[matrix], &scaled(folded, gates), 1e-7);
        // Of the gate of a column: the sum over the column of weights times gradients.
        let column = |j: usize| -> f64 {
            let rows = weights
                .as_array()
                .unwrap()
                .iter()
                .zip(folded.as_array().unwrap());
            rows.map(|(w, g)| w[j].as_f64().unwrap() * g[j].as_f64().unwrap())
                .sum()
        };
        let expected: Vec<f64> = (0..gates.len()).map(column).collect();
        assert_close(gate, &gated[gate], &json!(expected), 1e-7);
    }
}

#[test]
fn a_soft_minimum_of_one_piece_is_linear() {
    let place = Place::new();
    let rest = r#""regularizer": {"kind": "binary_entropy"}, "domain": {"kind": "cube"}, "target": [1, 0]"#;
    let solved = |energy: &str| {
        let text = format!(r#"{{"energy": {energy}, {rest}}}"#);
        solve(&place, &serde_json::from_str(&text).unwrap())
    };
    let soft = solved(
        r#"{"kind": "log_sum_exp", "u": [1.5, 0.5], "W": [[0.5, -0.25]], "b": [2], "temperature": 0.1}"#,
    );
    let linear = solved(r#"{"kind": "linear", "u": [1, 0.75]}"#);
    assert_close("argmax", &soft["argmax"], &linear["argmax"], 1e-7);
    assert_close("loss", &soft["loss"], &linear["loss"], 1e-7);
    let gradient = |answer: &Value| answer["gradient"]["u"].clone();
    assert_close("u", &gradient(&soft), &gradient(&linear), 1e-7);
    // The offset cancels in the loss, and the gradient in W is minus that in u.
    assert_close("b", &soft["gradient"]["b"], &json!([0]), 1e-12);
    let rows = [&soft["gradient"]["W"][0], &gradient(&soft)].map(|row| {
        let row = row.as_array().unwrap().iter();
        row.map(|x| x.as_f64().unwrap()).collect::<Vec<_>>()
    });
    let [w, u] = rows;
    assert!(
        w.iter().zip(&u).all(|(w, u)| (w + u).abs() < 1e-12),
        "{w:?} {u:?}"
    );
    assert!(soft["report"]["gap"].as_f64().unwrap() < 1e-6);
}

#[test]
fn a_soft_minimum_of_two_pieces_is_balanced() {
    let place = Place::new();
    // Both pieces are p/2 and (1 - p)/2 at a temperature: by symmetry the maximum of -max is in the middle, where the
    // energy is -1/4 - τ log 2.
    let problem = json!({
        "energy": {"kind": "log_sum_exp", "u": [0], "W": [[0.5], [-0.5]], "b": [0, 0.5], "temperature": 0.25},
        "regularizer": {"kind": "none"}, "domain": {"kind": "cube"},
    });
    let answer = solve(&place, &problem);
    assert_close("argmax", &answer["argmax"], &json!([0.5]), 1e-7);
    let value = -0.25 - 0.25 * 2.0_f64.ln();
    assert_close("value", &answer["conjugate"], &json!(value), 1e-9);
}

#[test]
fn starts_between_the_widest_bounds_are_numbers() {
    let place = Place::new();
    let problem = json!({
        "energy": {"kind": "linear", "u": [1]}, "regularizer": {"kind": "gini"},
        "domain": {"kind": "box", "low": -1e308, "high": 1e308}, "solver": {"starts": 3},
    });
    assert_close(
        "argmax",
        &solve(&place, &problem)["argmax"],
        &json!([1.5]),
        1e-7,
    );
}

/// The blocks of a page that begin with such a line, in their order.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

#[test]
fn problems_of_the_page_have_the_answers_of_the_page() {
    let place = Place::new();
    let page = fs::read_to_string(workspace().join("docs/src/solve.md")).unwrap();
    let (problems, answers) = (blocks(&page, "json"), blocks(&page, "text"));
    assert!(problems.len() > 15 && problems.len() == answers.len());
    for (problem, answer) in problems.into_iter().zip(answers) {
        let finished = run(place.command("solve -").write_stdin(problem), "solve -");
        match serde_json::from_str::<Value>(answer) {
            Ok(answer) => {
                // Numbers up to the rounding of another machine; numbers of iterations not at all.
                let [found, answer] = [finished.ok().json(), answer].map(|mut answer| {
                    let report = answer["report"].as_object_mut().unwrap();
                    assert!(report.remove("iterations").is_some());
                    answer
                });
                assert_close(problem, &found, &answer, 1e-9);
            }
            Err(_) => {
                finished.failed(2);
                assert_eq!(finished.stderr, answer, "{problem}");
            }
        }
    }
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
    for solver in [
        "projected_gradient",
        "fista",
        "proximal_gradient",
        "coordinate_ascent",
        "frank_wolfe",
        "lbfgsb",
        "newton",
    ] {
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
fn several_starts_find_the_better_maximum_and_certify_nothing() {
    let place = Place::new();
    let mut problem = json!({
        "energy": {"kind": "quadratic", "u": [-1.1, -0.8], "U": [[0, 2], [2, 0]]},
        "regularizer": {"kind": "binary_entropy", "gamma": 0.1},
        "domain": {"kind": "cube"},
    });
    let one = solve(&place, &problem);
    problem["solver"] = json!({"starts": 8});
    let eight = solve(&place, &problem);
    // Both labels: -1.1 - 0.8 + 2. None: 0.
    for (answer, value) in [(&one, 0.0), (&eight, 0.1)] {
        assert_close("value", &answer["conjugate"], &json!(value), 1e-3);
        assert!(answer["report"]["gap"].is_null(), "{answer}");
    }
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
