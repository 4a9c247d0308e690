//! Time zone and language of the machine change nothing that is read or written.

use crate::support::{Place, run};

#[test]
fn metrics_are_the_same_bytes_in_every_language_and_time_zone() {
    let place = Place::new();
    // Numbers with points and names with an i, which Turkish capitalizes in its own way.
    place.write(
        "c.yaml",
        "task: multilabel\nname: \u{131}I\u{130}i\ntrain: {lr: 0.001, epochs: 1, monitor: micro_f1}\n",
    );
    let trained = |out: &str, language: &str, zone: &str| {
        let line = format!("train c.yaml --device cpu --quiet --out {out}");
        let mut command = place.command(&line);
        for name in ["LANG", "LC_ALL", "LC_NUMERIC", "LANGUAGE"] {
            command.env(name, language);
        }
        run(command.env("TZ", zone), &line).ok();
        ["metrics.jsonl", "config.yaml", "predictions.csv"]
            .map(|name| place.bytes(&format!("{out}/{name}")))
    };
    let plain = trained("plain", "C", "UTC");
    assert!(!plain[0].is_empty());
    for (out, language, zone) in [
        ("german", "de_DE.UTF-8", "Europe/Berlin"),
        ("turkish", "tr_TR.UTF-8", "Pacific/Kiritimati"),
    ] {
        assert!(trained(out, language, zone) == plain, "{language}, {zone}");
    }
}
