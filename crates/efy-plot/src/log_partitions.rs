//! The figure of learned log-partitions beside exact ones.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::figure::{Axis, ScaleKind};
use crate::run::{Run, read_optional};
use crate::scatter::{Scatter, ScatterGroup};
use crate::width::Width;

/// The file of a run that has them, a test example a line: `row,estimated,exact`.
pub const LOG_PARTITIONS_FILE: &str = "log_partitions.csv";

/// Learned over exact log-partitions of the runs in `dirs`, a colour each; `None` where no run has such a file.
///
/// # Errors
/// [`crate::Error::Read`] and [`crate::Error::RunFile`], naming the file.
pub(crate) fn log_partitions(
    (dirs, runs): (&[PathBuf], &[Run]),
    width: Width,
) -> Result<Option<Scatter>> {
    let mut groups = Vec::new();
    for (dir, run) in dirs.iter().zip(runs) {
        let points = read(&dir.join(LOG_PARTITIONS_FILE))?;
        if !points.is_empty() {
            groups.push(ScatterGroup::nth(groups.len(), &run.name, points));
        }
    }
    if groups.is_empty() {
        return Ok(None);
    }
    let axis = |label: &str| Axis {
        label: label.to_owned(),
        scale: ScaleKind::Linear,
        bounds: None,
    };
    let title = match runs {
        [run] => format!("{}: log-partition of unseen inputs", run.name),
        _ => "Log-partition of unseen inputs".to_owned(),
    };
    let axes = (axis("exact"), axis("learned"));
    Ok(Some(Scatter {
        identity: true,
        width,
        ..Scatter::new("log_partition", title, axes, groups)
    }))
}

/// Exact and estimated values.
fn read(path: &Path) -> Result<Vec<(f64, f64)>> {
    read_optional(path, |text| {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.deserialize::<(u64, f64, f64)>();
        rows.map(|row| match row {
            Ok((_, estimated, exact)) => Ok((exact, estimated)),
            Err(error) => Err(error.to_string()),
        })
        .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::SeriesSet;

    fn drawn(text: Option<&str>) -> Result<Option<Scatter>> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join(LOG_PARTITIONS_FILE), text).unwrap();
        }
        let run = Run {
            name: "joint".to_owned(),
            best_step: None,
            series: SeriesSet::default(),
        };
        log_partitions((&[dir.path().to_owned()], &[run]), Width::default())
    }

    #[test]
    fn exact_values_are_across_and_learned_ones_up() {
        let scatter = drawn(Some("row,estimated,exact\n7,-1.5,-1\n8,2,3\n")).unwrap();
        let scatter = scatter.unwrap();
        assert_eq!(scatter.groups[0].points, [(-1.0, -1.5), (3.0, 2.0)]);
        assert!(scatter.identity);
    }

    #[test]
    fn runs_without_them_have_no_figure_and_broken_files_are_named() {
        assert_eq!(drawn(None).unwrap(), None);
        let error = drawn(Some("row,estimated,exact\n7,x,1\n")).unwrap_err();
        assert!(error.to_string().contains(LOG_PARTITIONS_FILE), "{error}");
    }
}
