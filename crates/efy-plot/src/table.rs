//! The data of a figure as a table.

use std::io;

use crate::figure::Figure;

/// The points of all curves of `figure` as CSV, a line each; gaps have no value.
///
/// # Errors
/// Never in practice: the table is written to memory.
pub fn to_csv(figure: &Figure) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["run", "split", "metric", "step", "value"])?;
    for curve in &figure.curves {
        for point in &curve.points {
            let step = point.step.to_string();
            let value = point
                .value
                .map(|value| value.to_string())
                .unwrap_or_default();
            table.write_record([&curve.run, &curve.split, &curve.metric, &step, &value])?;
        }
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::metric_figure;
    use crate::run::Run;
    use crate::series::{Point, SeriesSet};

    #[test]
    fn a_gap_is_an_empty_cell() {
        let mut series = SeriesSet::default();
        series.push(
            "validation",
            "tau",
            Point {
                step: 1,
                value: Some(0.1 + 0.2),
            },
        );
        series.push(
            "validation",
            "tau",
            Point {
                step: 2,
                value: None,
            },
        );
        let run = Run {
            name: "a, \"b\"".to_owned(),
            best_step: None,
            series,
        };
        let table = to_csv(&metric_figure(&[run], "tau").unwrap()).unwrap();
        let expected = "run,split,metric,step,value\n\
             \"a, \"\"b\"\"\",validation,tau,1,0.30000000000000004\n\
             \"a, \"\"b\"\"\",validation,tau,2,\n";
        assert_eq!(String::from_utf8(table).unwrap(), expected);
    }
}
