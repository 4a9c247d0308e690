//! Learning from examples: what all such tasks share.
//!
//! A task says in [`Outputs`] what its energy is over, how its labels are encoded, what is decided, and how
//! good that is. Everything else is here: [`Splits`] of the data, model and loss as the configuration says, the
//! objective ([`Supervised`]) that the trainer minimizes, and a run from its configuration to its directory and
//! back.

mod build;
mod csv_text;
mod inference;
mod learner;
mod likelihood;
mod objective;
mod outputs;
mod partition;
mod placement;
mod replicas;
mod run;
mod splits;
mod tally;

pub(crate) use csv_text::csv_text;
pub use objective::Supervised;
pub(crate) use outputs::LOG_PROBABILITY;
pub use outputs::{Decision, Layout, Outputs, Sums};
pub use partition::{Partition, partition};
pub use placement::{Placement, Resident};
pub(crate) use run::kept_fault;
pub use run::{Attendance, Prepared, Trained, dataset, open, refit, replay};
pub use splits::{Examples, Scaling, Splits};
