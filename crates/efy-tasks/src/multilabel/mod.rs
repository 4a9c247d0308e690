//! Multilabel classification with energy networks (Blondel et al. 2022, experiments).
//!
//! Labels are vertices of the unit cube C; the regularized prediction $\hat y(v)$ lies in C, and label i
//! is predicted where $\hat y_i > \frac12$.

mod build;
mod metrics;
mod objective;
mod placement;
mod predictions;
mod run;
mod splits;
mod workload;

pub use metrics::{METRICS, MetricSums};
pub use objective::Multilabel;
pub use placement::{Placement, Resident};
pub use predictions::{predictions_csv, write_predictions};
pub use run::{Attendance, Prepared, Trained, dataset, open, refit, replay};
pub use splits::{Examples, Scaling, Splits};
pub use workload::{Steps, Workload};
