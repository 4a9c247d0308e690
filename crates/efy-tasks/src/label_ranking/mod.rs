//! Label ranking with energy networks (Sander, Roulet, Liu, Blondel 2025, experiments): each input has an order
//! of all k labels.
//!
//! Rankings are vertices of a polytope C, the permutahedron or the Birkhoff polytope, and what is decided is the
//! vertex of the largest energy. What is not about rankings is in [`supervised`](crate::supervised).

mod metrics;
mod outputs;
mod predictions;

pub use metrics::{METRICS, RankingSums};
pub use outputs::{Rankings, ranks_of_scores};
pub use predictions::rankings_csv;
