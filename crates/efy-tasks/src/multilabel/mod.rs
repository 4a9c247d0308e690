//! Multilabel classification with energy networks (Blondel et al. 2022, experiments).
//!
//! Labels are vertices of the unit cube C; the regularized prediction $\hat y(v)$ lies in C, and label i
//! is predicted where $\hat y_i > \frac12$. What is not about sets of labels is in
//! [`supervised`](crate::supervised).

mod metrics;
mod outputs;
mod predictions;
mod workload;

pub use metrics::{METRICS, MetricSums};
pub use outputs::LabelSets;
pub use predictions::predictions_csv;
pub use workload::Workload;
