//! The results for people, in Markdown.

use efy_train::Direction;

use super::space::plain;
use super::{Method, Results, State};
use crate::experiment::Table;
use crate::experiment::statistics::Summary;

/// The results as Markdown: settings with the best first, validation and test metrics of the best one,
/// and what failed.
pub fn markdown(results: &Results<'_>) -> String {
    let plan = results.plan;
    let (finished, failed) = results.counts();
    let unfinished = plan.trials.len() - finished - failed;
    let method = match plan.sweep.method {
        Method::Grid => "grid search".to_owned(),
        Method::Random => format!("random search, seed {}", plan.sweep.seed),
    };
    let direction = match Direction::of(&plan.monitor) {
        Direction::Maximize => "highest",
        Direction::Minimize => "lowest",
    };
    let numbers = match plan.sweep.seeds {
        1 => "",
        _ => " Numbers are mean ± standard deviation over seeds.",
    };
    let mut text = format!(
        "# {}\n\n{method}; {} settings, {} of each; {finished} trials finished, {failed} failed, \
         {unfinished} unfinished.\n\nSettings are ranked by the {direction} mean of the validation \
         {}; those with seeds that failed or have not finished come after the others.{numbers}\n\n",
        plan.name,
        plan.settings.len(),
        seeds(plan.sweep.seeds),
        plan.monitor,
    );
    text += &settings(results).markdown();
    if let Some(best) = best(results) {
        text += &format!("\n## Best setting\n\n{}", best.markdown());
        text += "\nIts configuration is `best.yaml`. The test metrics had no part in the choice.\n";
    }
    if failed > 0 {
        text += &format!("\n## Failures\n\n{}", failures(results).markdown());
    }
    text
}

fn seeds(count: usize) -> String {
    match count {
        1 => "one seed".to_owned(),
        count => format!("{count} seeds"),
    }
}

fn table(header: Vec<String>, rows: Vec<Vec<String>>) -> Table {
    Table {
        title: String::new(),
        caption: String::new(),
        header,
        rows,
    }
}

fn number(summary: Option<&Summary>) -> String {
    summary.map_or_else(|| "-".to_owned(), |summary| format!("{summary:.4}"))
}

/// A row a setting, the best first, those without a number last.
fn settings(results: &Results<'_>) -> Table {
    let plan = results.plan;
    let mut header = vec!["setting".to_owned()];
    header.extend(plan.sweep.parameters.keys().cloned());
    header.push(format!("validation {}", plan.monitor));
    header.push("finished".to_owned());
    let ranked = results.ranking.iter().copied();
    let others = (0..plan.settings.len()).filter(|setting| !results.ranking.contains(setting));
    let row = |setting: usize| {
        let score = &results.scores[setting];
        let mut row = vec![format!("{setting:03}")];
        row.extend(plan.settings[setting].values().map(plain));
        row.push(number(results.monitored(setting).as_ref()));
        let mut finished = format!("{} of {}", score.finished, plan.sweep.seeds);
        if score.failed > 0 {
            finished += &format!(", {} failed", score.failed);
        }
        row.push(finished);
        row
    };
    table(header, ranked.chain(others).map(row).collect())
}

/// All metrics of the best setting.
fn best(results: &Results<'_>) -> Option<Table> {
    let setting = results.best()?.setting;
    let score = &results.scores[setting];
    let header = [
        format!("setting {setting:03}"),
        "validation".into(),
        "test".into(),
    ];
    let row = |(name, validation): (&String, &Summary)| {
        let test = number(score.test.get(name));
        vec![name.clone(), number(Some(validation)), test]
    };
    let rows = score.validation.iter().map(row).collect();
    Some(table(header.to_vec(), rows))
}

fn failures(results: &Results<'_>) -> Table {
    let trials = results.plan.trials.iter().zip(&results.states);
    let rows = trials.filter_map(|(trial, state)| match state {
        State::Failed(failure) => Some(vec![results.plan.describe(trial), failure.message.clone()]),
        _ => None,
    });
    let header = vec!["trial".to_owned(), "last line on stderr".to_owned()];
    table(header, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{failed, finished, plan};
    use super::*;

    #[test]
    fn settings_are_ranked_and_failures_are_told() {
        let plan = plan("hamming_accuracy");
        let states = vec![
            finished(0.5, 0.7, 0.1),
            finished(0.5, 0.8, 0.3),
            finished(0.5, 0.9, 0.1),
            failed(),
            State::Waiting,
            State::Waiting,
        ];
        let text = markdown(&Results::from_states(&plan, states));
        let lines: Vec<&str> = text.lines().collect();
        let at = |line: &str| lines.iter().position(|found| *found == line);
        let expected = [
            "| setting | train.lr | validation hamming_accuracy | finished |",
            "| 000 | 0.1 | 0.7500 ± 0.0707 | 2 of 2 |",
            "| 001 | 0.2 | 0.9000 | 1 of 2, 1 failed |",
            "| 002 | 0.3 | - | 0 of 2 |",
            "| setting 000 | validation | test |",
            "| hamming_accuracy | 0.7500 ± 0.0707 | 0.2000 ± 0.1414 |",
            "| trial 001-1 (train.lr 0.2, train.seed 1) | diverged: a, b |",
        ];
        let places: Vec<Option<usize>> = expected.iter().map(|line| at(line)).collect();
        assert!(places.iter().all(Option::is_some), "{places:?}\n{text}");
        assert!(places.is_sorted(), "{text}");
        assert!(
            text.contains("3 trials finished, 1 failed, 2 unfinished"),
            "{text}"
        );
    }
}
