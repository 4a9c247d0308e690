//! `efy bench gpu`: with a GPU a table, without one a line.

use efy_stand_in::library_or_skip;

use crate::cuda_stand_in::with_stand_in;
use crate::support::{Place, run};

#[test]
fn without_a_gpu_it_says_so_and_that_is_no_failure() {
    let place = Place::new();
    let without = |line: &str| run(place.command(line).env("EFY_CUDA_LIB", "none"), line);
    let told = without("bench gpu").ok().stdout;
    assert!(told.starts_with("no GPU, nothing was measured: "), "{told}");
    assert!(
        told.contains("EFY_CUDA_LIB=none") && told.lines().count() == 1,
        "{told}"
    );
    let json = without("bench gpu --json").ok().json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 0);
    // Whoever names a GPU wants one.
    let told = without("bench gpu --device cuda");
    assert!(told.failed(2).contains("device cuda:0"));
    let told = without("bench gpu --device cpu");
    assert!(told.failed(2).contains("expected auto, cuda or cuda:N"));
    assert!(place.names().is_empty(), "nothing is written");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = Place::new();
    for (line, expected) in [
        (
            "bench gpu --set batch=[0]",
            "batch: expected positive integers, found 0",
        ),
        ("bench gpu --set shapes=[cube]", "pairwise_174"),
        ("bench gpu --set k=3", "k"),
        ("bench fy --out x", "only `efy bench gpu` writes files"),
        (
            "bench fy --seconds=-1",
            "--seconds: expected a number >= 0, found -1",
        ),
    ] {
        let finished = place.efy(line);
        let told = finished.failed(2);
        assert!(told.contains(expected), "{line}: {told}");
    }
}

#[test]
fn the_table_is_printed_and_written() {
    let Some(library) = library_or_skip() else {
        return;
    };
    let place = Place::new();
    let line = "bench gpu --seconds 0 --set shapes=[unary_14,pairwise_14] --set batch=[10] --set dtype=[f32] --out out";
    let told = run(with_stand_in(&mut place.command(line), library), line).ok();
    assert_eq!(told.stdout, place.text("out/bench-gpu.md"));
    let table = place.json("out/bench-gpu.json");
    assert_eq!(table["machine"]["device"], "cuda:0");
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        for device in ["gpu", "cpu"] {
            let cell = &row[device];
            let [steps, examples] = ["steps_per_second", "examples_per_second"]
                .map(|name| cell[name].as_f64().unwrap());
            assert!(
                steps > 0.0 && (examples / steps - 10.0).abs() < 1e-9,
                "{row}"
            );
        }
        assert!(row["gpu"]["launches_per_step"].as_f64().unwrap() > 5.0);
        assert_eq!(row["gpu"]["memory"]["of"], "tensors");
        assert!(row["cpu"]["memory"]["bytes"].as_u64().unwrap() > 1 << 20);
        assert!(row["cpu"]["launches_per_step"].is_null());
        let shape = row["shape"].as_str().unwrap();
        assert!(told.stdout.contains(&format!("| {shape} | 10 | f32 |")));
        assert!(told.stderr.contains(&format!("{shape}, batch 10, f32: ")));
    }
}
