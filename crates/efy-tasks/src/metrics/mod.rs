//! Measures of quality, for any program: how alike rankings are, and how good estimates of log-partitions.
//!
//! Those of sets of labels are [`multilabel::MetricSums`](crate::multilabel::MetricSums).

pub mod log_partition;
pub mod ranking;
