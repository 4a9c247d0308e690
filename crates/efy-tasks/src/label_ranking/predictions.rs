//! Rankings as CSV.

use std::iter::once;

use crate::Result;
use crate::supervised::{LOG_PROBABILITY, Layout, csv_text};

/// `row`, `ranking` (`a>b>c`, the best label first), then for each label `NAME` (its rank), then for each label
/// `NAME:score` (its expected place value, the larger the better), `log_probability` of the ranking where there is
/// one, and where the truth is known `ranking:true` and for each label `NAME:true`.
///
/// `outcome` is row-major, ranks and scores and what else its layout has; `truth` are ranks, row-major `[n, k]`; `rows` are the row
/// numbers that are written, counted from 0.
///
/// # Errors
/// None that can happen in memory.
pub fn rankings_csv(
    labels: &[String],
    rows: &[usize],
    (outcome, layout): (&[f64], Layout),
    truth: Option<&[u8]>,
) -> Result<String> {
    let k = labels.len();
    let suffixed = |suffix: &'static str| labels.iter().map(move |name| format!("{name}{suffix}"));
    let header = ["row", "ranking"].map(str::to_owned).into_iter();
    let header = header
        .chain(suffixed(""))
        .chain(suffixed(":score"))
        .chain(layout.log_probability.then(|| LOG_PROBABILITY.to_owned()));
    let width = 2 * k + usize::from(layout.log_probability);
    let true_names = || once("ranking:true".to_owned()).chain(suffixed(":true"));
    let header = header.chain(truth.iter().flat_map(|_| true_names()));
    let records = rows.iter().enumerate().map(|(index, row)| {
        // Scores, and with them the log-probability.
        let (ranks, scores) = outcome[index * width..(index + 1) * width].split_at(k);
        let truth = truth.iter().flat_map(|truth| {
            let ranks: Vec<f64> = truth[index * k..(index + 1) * k]
                .iter()
                .map(|&rank| rank.into())
                .collect();
            once(in_order(labels, &ranks)).chain(ranks.into_iter().map(|rank| rank.to_string()))
        });
        [row.to_string(), in_order(labels, ranks)]
            .into_iter()
            .chain(ranks.iter().map(f64::to_string))
            .chain(scores.iter().map(|score| format!("{score:.6}")))
            .chain(truth)
            .collect()
    });
    csv_text(once(header.collect()).chain(records))
}

/// The labels by their ranks: `a>b>c`.
fn in_order(labels: &[String], ranks: &[f64]) -> String {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
    let names: Vec<&str> = order
        .into_iter()
        .map(|label| labels[label].as_str())
        .collect();
    names.join(">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankings_ranks_scores_and_truth_stand_side_by_side() {
        let labels = ["a", "b, c", "d"].map(str::to_owned);
        let outcome = [3.0, 1.0, 2.0, -1.0, 0.75, 0.25];
        let text = rankings_csv(
            &labels,
            &[7],
            (&outcome, Layout::default()),
            Some(&[1, 2, 3]),
        )
        .unwrap();
        let expected = "row,ranking,a,\"b, c\",d,a:score,\"b, c:score\",d:score,\
            ranking:true,a:true,\"b, c:true\",d:true\n\
            7,\"b, c>d>a\",3,1,2,-1.000000,0.750000,0.250000,\"a>b, c>d\",1,2,3\n";
        assert_eq!(text, expected);
    }
}
