//! Weights as other programs read them.

use crate::support::{Place, python_with, run, small_csv, workspace};

#[test]
fn pytorch_computes_the_predictions_of_a_run_from_its_weights() {
    let hint = "EFY_PYTHON names one";
    let Some(python) = python_with("torch, safetensors.torch", hint) else {
        return;
    };
    let place = Place::new();
    let numeric = |text: String| {
        text.replace("hill", "0.5")
            .replace("sea", "-0.25")
            .replace("place", "x3")
    };
    place.write("train.csv", &numeric(small_csv(80, 1)));
    place.write("test.csv", &numeric(small_csv(30, 2)));
    place.train(
        "run",
        "--set data.path=train.csv --set data.test_path=test.csv --set data.label_prefix=y \
         --set model.kind=unary --set model.hidden=[8,5] --set train.lr=0.05 --set train.epochs=10",
    );
    let mut command = assert_cmd::Command::new(python);
    command
        .arg(workspace().join("scripts/read_run.py"))
        .arg(place.path("run"));
    command.arg(place.path("test.csv"));
    let read = run(&mut command, "read_run.py").ok();
    assert!(
        read.stdout.starts_with("largest difference"),
        "{}",
        read.told()
    );
}
