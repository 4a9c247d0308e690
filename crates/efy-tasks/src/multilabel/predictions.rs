//! Predictions as CSV.

use crate::Result;
use crate::supervised::csv_text;

/// `row`, then for each label `NAME` (0 or 1), then for each label `NAME:p` (its output in `[0, 1]`), and where
/// the truth is known `NAME:true`.
///
/// `p` is row-major `[n, k]`; `rows` are the row numbers that are written, counted from 0.
///
/// # Errors
/// None that can happen in memory.
pub fn predictions_csv(
    labels: &[String],
    rows: &[usize],
    p: &[f64],
    truth: Option<&[u8]>,
) -> Result<String> {
    let k = labels.len();
    let suffixed = |suffix: &'static str| labels.iter().map(move |name| format!("{name}{suffix}"));
    let header = std::iter::once("row".to_owned())
        .chain(suffixed(""))
        .chain(suffixed(":p"));
    let header = header.chain(truth.iter().flat_map(|_| suffixed(":true")));
    let records = rows.iter().enumerate().map(|(index, row)| {
        let cells = index * k..(index + 1) * k;
        let outputs = &p[cells.clone()];
        std::iter::once(row.to_string())
            .chain(outputs.iter().map(|&p| u8::from(p > 0.5).to_string()))
            .chain(outputs.iter().map(|p| format!("{p:.6}")))
            .chain(
                truth
                    .iter()
                    .flat_map(|truth| &truth[cells.clone()])
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
        let text = predictions_csv(&labels, &[7], &[0.25, 0.75], Some(&[0, 1])).unwrap();
        let expected =
            "row,a,\"b, c\",a:p,\"b, c:p\",a:true,\"b, c:true\"\n7,0,1,0.250000,0.750000,0,1\n";
        assert_eq!(text, expected);
    }
}
