//! Predictions as CSV.

use crate::Result;
use crate::supervised::{Decision, LOG_PROBABILITY, Layout, csv_text};

/// `row`, then for each label `NAME` (0 or 1), then for each label `NAME:p` (its output in `[0, 1]` or its
/// probability, where there is one), `log_probability` of the set where there is one, and where the truth is known
/// `NAME:true`.
///
/// `outcome` is row-major with the columns of its layout; `rows` are the row numbers that are written, counted from 0.
///
/// # Errors
/// None that can happen in memory.
pub fn predictions_csv(
    labels: &[String],
    rows: &[usize],
    (outcome, layout): (&[f64], Layout),
    truth: Option<&[u8]>,
) -> Result<String> {
    let k = labels.len();
    let has_p = layout.decision != Decision::Vertex;
    let columns = match layout.decision {
        Decision::VertexAndMean => 2 * k,
        Decision::Prediction | Decision::Vertex => k,
    };
    let width = columns + usize::from(layout.log_probability);
    let suffixed = |suffix: &'static str| labels.iter().map(move |name| format!("{name}{suffix}"));
    let header = std::iter::once("row".to_owned())
        .chain(suffixed(""))
        .chain(suffixed(":p").filter(|_| has_p))
        .chain(layout.log_probability.then(|| LOG_PROBABILITY.to_owned()));
    let header = header.chain(truth.iter().flat_map(|_| suffixed(":true")));
    let records = rows.iter().enumerate().map(|(index, row)| {
        let (values, last) = outcome[index * width..(index + 1) * width].split_at(columns);
        let p = if has_p { &values[columns - k..] } else { &[] };
        std::iter::once(row.to_string())
            .chain(values[..k].iter().map(|&p| u8::from(p > 0.5).to_string()))
            .chain(p.iter().map(|p| format!("{p:.6}")))
            .chain(last.iter().map(|value| format!("{value:.6}")))
            .chain(
                truth
                    .iter()
                    .flat_map(|truth| &truth[index * k..(index + 1) * k])
                    .map(u8::to_string),
            )
            .collect()
    });
    csv_text(std::iter::once(header.collect()).chain(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_outputs_and_truth_stand_side_by_side() {
        let labels = ["a".to_owned(), "b, c".to_owned()];
        let outcome = (&[0.25, 0.75][..], Layout::default());
        let text = predictions_csv(&labels, &[7], outcome, Some(&[0, 1])).unwrap();
        let expected =
            "row,a,\"b, c\",a:p,\"b, c:p\",a:true,\"b, c:true\"\n7,0,1,0.250000,0.750000,0,1\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_decided_need_not_be_what_is_probable_and_its_probability_comes_last() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let layout = |decision| Layout {
            decision,
            log_probability: true,
        };
        let outcome = [1.0, 0.0, 0.25, 0.75, -1.5];
        let text = |outcome: &[f64], decision| {
            predictions_csv(&labels, &[7], (outcome, layout(decision)), None).unwrap()
        };
        let expected = "row,a,b,a:p,b:p,log_probability\n7,1,0,0.250000,0.750000,-1.500000\n";
        assert_eq!(text(&outcome, Decision::VertexAndMean), expected);
        let expected = "row,a,b,log_probability\n7,1,0,-1.500000\n";
        assert_eq!(text(&[1.0, 0.0, -1.5], Decision::Vertex), expected);
    }
}
