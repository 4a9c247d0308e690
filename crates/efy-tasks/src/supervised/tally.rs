//! Metrics of a split, on the device until they are read once.

use efy_core::Result;
use efy_core::device::read;
use efy_core::parallel::{Collective, gather};
use efy_train::Metrics;
use tch::{Kind, Tensor};

use super::outputs::Sums;
use crate::metrics::log_partition::{LOG_PARTITION_METRICS, log_partition_errors};

/// What has been seen of a replica so far.
#[derive(Default)]
pub(super) struct Tally {
    sums: Option<Tensor>,
    log_partitions: Vec<LogPartitions>,
}

/// Estimates of log-partitions beside exact values, `[B]` each.
pub(super) struct LogPartitions {
    /// $\tau(x)$.
    pub(super) estimated: Tensor,
    /// The log-partition, or the threshold of another divergence than Kullback-Leibler.
    pub(super) exact: Tensor,
    /// The mass $\mathbb E_q[f^{*\prime}(g - \tau)]$ and what the objective is above its minimum in $\tau$; `None`
    /// for Kullback-Leibler, where they follow from the difference.
    pub(super) mass_and_gap: Option<[Tensor; 2]>,
}

impl Tally {
    /// Adds the sums over a batch, `[n]` in f64.
    pub(super) fn add(&mut self, batch: Tensor) {
        self.sums = Some(match self.sums.take() {
            Some(sums) => sums + batch,
            None => batch,
        });
    }

    /// Adds log-partitions of a batch.
    pub(super) fn compare(&mut self, log_partitions: LogPartitions) {
        self.log_partitions.push(log_partitions);
    }

    /// The sums of all processes; leaves the log-partitions of all of them in one part.
    fn together(
        &mut self,
        (sums, rows): (Tensor, usize),
        collective: &mut dyn Collective,
    ) -> Result<Tensor> {
        if collective.world() == 1 {
            return Ok(sums);
        }
        let mut all = |of: &dyn Fn(&LogPartitions) -> Option<&Tensor>| -> Result<Option<Tensor>> {
            let parts = self.log_partitions.iter().filter_map(of);
            let parts: Vec<Tensor> = parts.map(|t| t.to_kind(Kind::Double)).collect();
            match parts.as_slice() {
                [] => Ok(None),
                _ => gather(&Tensor::f_cat(&parts, 0)?, rows, collective).map(Some),
            }
        };
        let (estimated, exact) = (
            all(&|part| Some(&part.estimated))?,
            all(&|part| Some(&part.exact))?,
        );
        let mass = all(&|part| Some(&part.mass_and_gap.as_ref()?[0]))?;
        let gap = all(&|part| Some(&part.mass_and_gap.as_ref()?[1]))?;
        if let (Some(estimated), Some(exact)) = (estimated, exact) {
            self.log_partitions = vec![LogPartitions {
                estimated,
                exact,
                mass_and_gap: mass.zip(gap).map(|(mass, gap)| [mass, gap]),
            }];
        }
        collective.sum(sums)
    }

    /// All metrics of a split of so many rows, of which each process has seen its share: the one read. Empty if there were no
    /// rows. Beside them estimated and exact log-partitions.
    pub(super) fn finish(
        mut self,
        (task, rows): (&dyn Sums, usize),
        collective: &mut dyn Collective,
    ) -> Result<(Metrics, Option<[Vec<f64>; 2]>)> {
        let Some(sums) = self.sums.take() else {
            return Ok((Metrics::default(), None));
        };
        let sums = self.together((sums, rows), collective)?;
        let n = sums.numel();
        let parts = &self.log_partitions;
        let column = |of: fn(&LogPartitions) -> Option<&Tensor>| parts.iter().filter_map(of);
        let columns: [Vec<&Tensor>; 4] = [
            column(|part| Some(&part.estimated)).collect(),
            column(|part| Some(&part.exact)).collect(),
            column(|part| Some(&part.mass_and_gap.as_ref()?[0])).collect(),
            column(|part| Some(&part.mass_and_gap.as_ref()?[1])).collect(),
        ];
        let flat = columns.iter().flatten().map(|t| t.to_kind(Kind::Double));
        let all: Vec<Tensor> = std::iter::once(sums).chain(flat).collect();
        let all: Vec<f64> = read::to_vec(&Tensor::f_cat(&all, 0)?)?;
        let (sums, rest) = all.split_at(n);
        let mut metrics = task.metrics(sums, rows as f64);
        let rows = parts.iter().map(|part| part.exact.numel()).sum::<usize>();
        if rows == 0 {
            return Ok((metrics, None));
        }
        let mut columns = rest.chunks(rows);
        let mut next = || columns.next().unwrap_or_default();
        let (estimated, exact) = (next(), next());
        let values = values(estimated, exact, [next(), next()]);
        for (name, value) in LOG_PARTITION_METRICS.into_iter().zip(values) {
            metrics.set(name, value);
        }
        Ok((metrics, Some([estimated.to_vec(), exact.to_vec()])))
    }
}

/// In the order of [`LOG_PARTITION_METRICS`]; not numbers where an estimate is not finite.
fn values(estimated: &[f64], exact: &[f64], [mass, gap]: [&[f64]; 2]) -> [f64; 6] {
    let Ok(errors) = log_partition_errors(estimated, exact) else {
        return [f64::NAN; 6];
    };
    let mean = |of: &[f64]| match of.len() {
        0 => None,
        n => Some(of.iter().sum::<f64>() / n as f64),
    };
    [
        errors.mae,
        errors.rmse,
        errors.bias,
        errors.correlation.unwrap_or(f64::NAN),
        mean(mass).unwrap_or(errors.normalization),
        mean(gap).unwrap_or(errors.gap),
    ]
}
