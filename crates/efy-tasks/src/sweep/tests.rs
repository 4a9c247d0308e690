//! What is wrong with a sweep is said in one line, with its key.

use super::Plan;
use crate::Result;

const BASE: &str = "task: multilabel\nname: base\ntrain: {epochs: 3, seed: 5, monitor: micro_f1}\n";

/// The plan of a sweep over [`BASE`], from the text of its file without the line `base`.
pub(super) fn plan(text: &str) -> Result<Plan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.yaml"), BASE).unwrap();
    let path = folder.path().join("rates.yaml");
    std::fs::write(&path, format!("base: base.yaml\n{text}")).unwrap();
    Plan::load(&path)
}

fn message(text: &str) -> String {
    let message = plan(text).unwrap_err().to_string();
    let (_, message) = message.rsplit_once("rates.yaml:").unwrap();
    // Line and column, where there are some.
    message
        .trim_start_matches(|c: char| c.is_ascii_digit() || ": ".contains(c))
        .to_owned()
}

#[test]
fn what_is_wrong_is_said_with_its_key() {
    let lr = |range: &str| format!("parameters: {{train.lr: {range}}}");
    let random = |rest: &str| format!("method: random\n{rest}");
    let cases = [
        (
            "paramters: {}".to_owned(),
            "paramters: unknown key, did you mean parameters? (known: base, name, method, trials, \
             seed, parameters, seeds, monitor, slurm)",
        ),
        ("seeds: 1".to_owned(), "expected a key parameters"),
        (
            "parameters: {}".to_owned(),
            "parameters: expected at least one key",
        ),
        (
            format!("method: gird\n{}", lr("[1]")),
            "method: expected one of grid, random, found gird, did you mean grid?",
        ),
        (
            lr("0.1"),
            "parameters.train.lr: expected a list of values, or a section with values or with min and max, \
             found 0.1",
        ),
        (
            lr("{minn: 1, max: 2}"),
            "parameters.train.lr.minn: unknown key, did you mean min? (known: values, min, max, scale, \
             integer, points)",
        ),
        (
            lr("{min: 1, max: 2, scale: logs}"),
            "parameters.train.lr.scale: expected one of linear, log, found logs, did you mean log?",
        ),
        (
            lr("[]"),
            "parameters.train.lr: expected at least one value, found none",
        ),
        (
            lr("{values: [1, 2, 1]}"),
            "parameters.train.lr.values: expected different values, found 1 twice",
        ),
        (
            lr("{values: [1], points: 2}"),
            "parameters.train.lr.points: is for a range, not for values",
        ),
        (
            lr("{min: 1}"),
            "parameters.train.lr: expected values, or min and max",
        ),
        (
            lr("{min: 1, max: 2, values: [1]}"),
            "parameters.train.lr: expected values or a range, found both",
        ),
        (
            lr("{min: 2, max: 1}"),
            "parameters.train.lr: expected min < max, found 2 and 1",
        ),
        (
            lr("{min: 0, max: 1, scale: log}"),
            "parameters.train.lr.min: expected a positive number on a log scale, found 0",
        ),
        (
            lr("{min: 1, max: 2.5, integer: true}"),
            "parameters.train.lr.max: expected an integer, found 2.5",
        ),
        (
            lr("{min: 1, max: 2, points: 1}"),
            "parameters.train.lr.points: expected at least 2, the ends of the range, found 1",
        ),
        (
            lr("{min: 1, max: 2}"),
            "parameters.train.lr.points: missing; a grid needs the number of points of a range",
        ),
        (
            random(&format!("trials: 2\n{}", lr("{min: 1, max: 2, points: 3}"))),
            "parameters.train.lr.points: is for method grid, not for random",
        ),
        (
            random(&lr("[1]")),
            "trials: missing; method random needs it",
        ),
        (
            format!("trials: 3\n{}", lr("[1]")),
            "trials: is for method random, not for grid",
        ),
        (
            format!("seeds: 0\n{}", lr("[1]")),
            "seeds: expected a positive integer, found 0",
        ),
        (
            format!("seeds: 10001\n{}", lr("[1]")),
            "parameters: expected at most 10000 trials, found 10001",
        ),
        (
            format!("monitor: mirco_f1\n{}", lr("[1]")),
            "monitor: expected one of loss, hamming_accuracy, subset_accuracy, micro_f1, macro_f1, \
             example_f1, unconverged, found mirco_f1, did you mean micro_f1?",
        ),
        (
            format!("name: a/b\n{}", lr("[1]")),
            "name: expected letters, digits, -, _ and ., found \"a/b\"",
        ),
        (
            "parameters: {train.lrr: [1]}".to_owned(),
            "parameters.train.lrr: unknown key, did you mean lr? (known: ",
        ),
        (
            "parameters: {trian.lr: [1]}".to_owned(),
            "parameters.trian.lr: trian: unknown key, did you mean train? (known: ",
        ),
        (
            lr("[0.1, -1]"),
            "parameters.train.lr: expected a positive number, found -1",
        ),
        (
            "parameters: {model: [{kind: unray}]}".to_owned(),
            "parameters.model: model.kind: expected one of unary, ",
        ),
        (
            "parameters: {name: [a]}".to_owned(),
            "parameters.name: every trial has a name of its own, from the sweep's",
        ),
        (
            "parameters: {model: [{}], model.rank: [1]}".to_owned(),
            "parameters.model: sets model.rank as well, which is varied on its own",
        ),
        (
            "seeds: 2\nparameters: {train.seed: [1]}".to_owned(),
            "parameters.train.seed: sets the seed, and so does seeds; choose one of them",
        ),
    ];
    let slurm = [
        (
            "{times: 1}",
            "slurm.times: unknown key, did you mean time? (known: partition, account, qos, time, ",
        ),
        (
            "{partition: a b}",
            "slurm.partition: expected a name without spaces, found \"a b\"",
        ),
        (
            "{partition: [a]}",
            "slurm.partition: expected a name without spaces, found a list",
        ),
        (
            "{time: 1h}",
            "slurm.time: expected minutes, HH:MM:SS or D-HH:MM:SS, found \"1h\"",
        ),
        (
            "{time: 0}",
            "slurm.time: expected minutes, HH:MM:SS or D-HH:MM:SS, found 0",
        ),
        (
            "{cpus_per_task: 0}",
            "slurm.cpus_per_task: expected a positive integer, found 0",
        ),
        (
            "{memory: 4 GB}",
            "slurm.memory: expected a size such as 800M or 4G, found \"4 GB\"",
        ),
        (
            "{gpus: 4}",
            "slurm.gpus: expected 0 or 1 as a trial trains on one device, found 4",
        ),
        (
            "{at_once: 0}",
            "slurm.at_once: expected a positive integer, found 0",
        ),
        (
            "{extra: [-N1]}",
            "slurm.extra[0]: expected --option=value, found \"-N1\"",
        ),
        (
            "{extra: [--array=0-9]}",
            "slurm.extra[0]: expected an option that the sweep does not set itself, found --array",
        ),
        (
            "{setup: [\"a\\nb\"]}",
            "slurm.setup[0]: expected one line of a shell, found \"a\\nb\"",
        ),
    ];
    let slurm =
        slurm.map(|(section, expected)| (format!("{}\nslurm: {section}", lr("[1]")), expected));
    let wrong: Vec<String> = cases
        .into_iter()
        .chain(slurm)
        .map(|(text, expected)| (message(&text), expected))
        .filter(|(found, expected)| !found.starts_with(expected))
        .map(|(found, expected)| format!("found    {found}\nexpected {expected}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
