//! The data of a figure as a table.

use std::io;

use crate::chart::number;
use crate::figure::Figure;

/// The points of all curves of `figure` as CSV, a line each; gaps have no value. If some are means over
/// several runs, there are two more columns: their sample standard deviation, and the number of runs.
///
/// # Errors
/// Never in practice: the table is written to memory.
pub fn to_csv(figure: &Figure) -> io::Result<Vec<u8>> {
    let averaged = figure.curves.iter().any(|curve| curve.runs > 1);
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = [
        "run",
        "split",
        "metric",
        "step",
        "value",
        "deviation",
        "runs",
    ];
    table.write_record(&header[..if averaged { 7 } else { 5 }])?;
    for curve in &figure.curves {
        for (index, point) in curve.points.iter().enumerate() {
            let names = [&curve.run, &curve.split, &curve.metric];
            let mut record: Vec<String> = names.map(String::clone).to_vec();
            record.extend([point.step.to_string(), number(point.value)]);
            if averaged {
                let deviation = curve.deviations.get(index).copied().flatten();
                record.extend([number(deviation), curve.runs.to_string()]);
            }
            table.write_record(record)?;
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
