//! 200 mutations of each data format: a data set, or what is wrong with the file and where.

use std::fs::{self, File};
use std::path::Path;

use efy_fuzz::mutate::{bytes, random};
use efy_tasks::data::{self, LabelColumns, arff, mulan};
use efy_tasks::problem::Problem;
use efy_tasks::{Error, Result};

const MUTATIONS: u64 = 250;

const ARFF: &str = "@relation r\n@attribute x1 numeric\n@attribute place {hill,sea}\n\
    @attribute 'x 2' real\n@attribute y1 {0,1}\n@attribute y2 {0,1}\n@data\n\
    1.5,hill,-2e-3,0,1\n% comment\n{0 3,1 sea,4 1}\n0,sea,1,1,0\n";
const CSV: &str = "x1,place,x2,y1,y2\n1.5,hill,-2e-3,0,1\n3,\"sea\",0,0,1\n0,sea,1,TRUE,0\n";
const XML: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
    <labels xmlns=\"http://mulan.sourceforge.net/labels\">\n\
    <label name=\"y1\"><label name='a &amp; b'/></label>\n<label name=\"y2\"></label>\n</labels>\n";
const JSON: &str = "{\"energy\": {\"kind\": \"quadratic\", \"u\": [1, -2.5, 0.5],\n\
    \"A\": [[1, 0], [0.5, 1], [0, 2]]},\n\"regularizer\": {\"kind\": \"gini\", \"gamma\": 1.5},\n\
    \"domain\": {\"kind\": \"cube\"},\n\"target\": [1, 0, 1], \"dtype\": \"f64\",\n\
    \"solver\": {\"kind\": \"auto\", \"tol\": 1e-9, \"max_iterations\": 100}}\n";

/// Mutates `good`; a refusal has exit code 2 and names the file, and the line unless it is one of `whole`,
/// which are about the file as a whole.
fn mutated(name: &str, good: &str, read: &dyn Fn(&Path) -> Result<()>, whole: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, good).unwrap();
    read(&file).unwrap();
    let mut refused = 0;
    for seed in 0..MUTATIONS {
        let content = bytes(&mut random(seed), good.as_bytes(), good.as_bytes());
        fs::write(&file, &content).unwrap();
        let Err(error) = read(&file) else { continue };
        refused += 1;
        let message = error.to_string();
        let told = format!("{name}: {:?}: {message}", String::from_utf8_lossy(&content));
        assert_eq!(error.exit_code(), 2, "{told}");
        assert!(!message.contains(char::is_control), "{told}");
        let Some(rest) = message.strip_prefix(&file.display().to_string()) else {
            assert!(matches!(error, Error::Dataset { .. }), "{told}");
            continue;
        };
        let line = rest.strip_prefix(':').unwrap();
        let located = line.starts_with(|c: char| c.is_ascii_digit() && c != '0');
        assert!(
            located || whole.iter().any(|whole| rest.contains(whole)),
            "{told}"
        );
    }
    assert!(
        refused > MUTATIONS / 3,
        "{name}: only {refused} were refused"
    );
}

#[test]
fn mutated_arff() {
    let read = |path: &Path| arff::read(path, &|_| true).map(drop);
    mutated("t.arff", ARFF, &read, &["found UTF-16"]);
}

#[test]
fn mutated_label_lists() {
    let read = |path: &Path| mulan::label_names(path).map(drop);
    mutated("t.xml", XML, &read, &["found UTF-16", "no <label"]);
}

#[test]
fn mutated_arff_with_its_labels() {
    let labels = tempfile::tempdir().unwrap();
    let labels = labels.path().join("t.xml");
    fs::create_dir_all(labels.parent().unwrap()).unwrap();
    fs::write(
        &labels,
        "<labels><label name='y1'/><label name='y2'/></labels>",
    )
    .unwrap();
    let read = |path: &Path| data::load_path(path, None, Some(&labels), None).map(drop);
    mutated(
        "t.arff",
        ARFF,
        &read,
        &["found UTF-16", "no attribute for label"],
    );
}

#[test]
fn mutated_csv() {
    let columns = LabelColumns::Prefix("y".to_owned());
    let read = |path: &Path| data::load_path(path, None, None, Some(&columns)).map(drop);
    let whole = [
        "found UTF-16",
        "no rows after",
        "header line",
        "label prefix",
    ];
    mutated("t.csv", CSV, &read, &whole);
}

#[test]
fn mutated_rankings() {
    const RANKS: &str = "3,2,3,x1,place,L1,L2,L3\n1.5,hill,1,2,3\n0,sea,3,1,2\n2,sea,2,3,1\n";
    const TEXT: &str = "x1,place,ranking\n1.5,hill,a>b>c\n0,sea,c > a>b\n2,sea,b>c>a\n";
    let whole = [
        "found UTF-16",
        "no rows after",
        "header line",
        "first line says",
    ];
    let counted = |path: &Path| data::load_rankings(path, None, None).map(drop);
    let told = [whole.as_slice(), &["which columns are ranks"]].concat();
    mutated("t.csv", RANKS, &counted, &told);
    let columns = LabelColumns::Ranked("ranking".to_owned());
    let text = |path: &Path| data::load_rankings(path, None, Some(&columns)).map(drop);
    let told = [whole.as_slice(), &["no column"]].concat();
    mutated("t.csv", TEXT, &text, &told);
}

#[test]
fn mutated_rows_to_predict() {
    let folder = tempfile::tempdir().unwrap();
    let train = folder.path().join("train.csv");
    fs::write(&train, CSV).unwrap();
    let columns = LabelColumns::Prefix("y".to_owned());
    let schema = data::load_path(&train, None, None, Some(&columns)).unwrap();
    let schema = schema.schema().clone();
    let read = |path: &Path| schema.encode(&data::read_rows(path, &schema)?).map(drop);
    let whole = [
        "found UTF-16",
        "no rows after",
        "header line",
        "which is a feature",
    ];
    mutated("new.csv", CSV, &read, &whole);
    mutated(
        "new.arff",
        ARFF.replace("'x 2'", "x2").as_str(),
        &read,
        &whole,
    );
}

#[test]
fn mutated_problems() {
    let read = |path: &Path| -> Result<()> {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Problem::parse(path, &text).map(drop)
    };
    mutated("p.json", JSON, &read, &[]);
}

/// Reads a file that is written by `write`; the message.
fn refusal(
    name: &str,
    write: impl FnOnce(&Path),
    read: impl FnOnce(&Path) -> Result<()>,
) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    write(&file);
    let error = read(&file).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    error
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "")
}

/// 1 GB of zeros that take no space on a disk.
fn one_long_line(path: &Path) {
    File::create(path).unwrap().set_len(1 << 30).unwrap();
}

fn read_arff(path: &Path) -> Result<()> {
    arff::read(path, &|_| true).map(drop)
}

fn read_csv(path: &Path) -> Result<()> {
    let columns = LabelColumns::Prefix("y".to_owned());
    data::load_path(path, None, None, Some(&columns)).map(drop)
}

#[test]
fn a_line_of_a_gigabyte_is_refused() {
    assert_eq!(
        refusal("t.arff", one_long_line, read_arff),
        "t.arff:1: a line is too long"
    );
    let message = refusal("t.csv", one_long_line, read_csv);
    assert!(message.starts_with("t.csv:1: a "), "{message}");
    let labels = |path: &Path| mulan::label_names(path).map(drop);
    let message = refusal("t.xml", one_long_line, labels);
    assert!(message.starts_with("t.xml: more than "), "{message}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let write = |path: &Path| {
        let text = "x,y\n\"1,2\n".to_owned() + &"3,4\n".repeat(5 << 20);
        fs::write(path, text).unwrap();
    };
    let message = refusal("t.csv", write, read_csv);
    assert!(
        message.ends_with("a record is too long; is a quote not closed?"),
        "{message}"
    );
}

#[test]
fn a_header_of_a_million_columns_is_refused() {
    let arff = |path: &Path| {
        let lines = (0..300_000).map(|index| format!("@attribute a{index} real\n"));
        fs::write(path, lines.collect::<String>() + "@data\n{}\n").unwrap();
    };
    let message = refusal("t.arff", arff, read_arff);
    assert_eq!(message, "t.arff:262145: more than 262144 attributes");
    let nominal = |path: &Path| {
        let values: Vec<String> = (0..300_000).map(|index| index.to_string()).collect();
        fs::write(path, format!("@attribute a {{{}}}\n", values.join(","))).unwrap();
    };
    let message = refusal("t.arff", nominal, read_arff);
    assert_eq!(
        message,
        "t.arff:1: attribute \"a\": more than 262144 values in one header"
    );
    let csv = |path: &Path| fs::write(path, format!("{}y\n1\n", "x,".repeat(300_000))).unwrap();
    assert_eq!(
        refusal("t.csv", csv, read_csv),
        "t.csv:1: more than 262144 columns"
    );
}

#[test]
fn an_index_beyond_the_attributes_is_refused() {
    for (index, found) in [
        ("4000000000", "expected an index below 1, found 4000000000"),
        (
            "18446744073709551616",
            "expected an attribute index, found \"18446744073709551616\"",
        ),
    ] {
        let text = format!("@attribute a real\n@data\n{{{index} 1}}\n");
        let message = refusal("t.arff", |path| fs::write(path, text).unwrap(), read_arff);
        assert_eq!(message, format!("t.arff:3: {found}"));
    }
}

#[test]
fn a_part_of_a_domain_is_not_made_before_it_fits() {
    let text = r#"{"energy": {"kind": "linear", "u": [1, 2]}, "regularizer": {"kind": "gini"}, "domain":
        {"kind": "product", "parts": [{"domain": {"kind": "permutahedron"}, "size": 1000000000000}]}}"#;
    let problem = Problem::parse(Path::new("p.json"), text).unwrap();
    let message = problem.solve(tch::Device::Cpu).unwrap_err().to_string();
    assert!(
        message.contains("sizes that add up to the number of scores"),
        "{message}"
    );
}
