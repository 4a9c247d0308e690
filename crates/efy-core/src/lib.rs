//! Energy networks on libtorch: energies, domains, regularizers, conjugate solvers and the
//! generalized Fenchel-Young loss, for any program that uses [`tch`].
//!
//! A *model* turns inputs into an [*energy*](energy::Energy) over outputs; a
//! [*solver*](solver::Solver) maximizes energy minus [*regularizer*](regularizer::Regularizer) over a
//! [*domain*](domain::Domain); a [*loss*](loss::FenchelYoung) compares that maximum with the truth and
//! needs no derivative of the solver.
//!
//! Every function works on batches of rows `[B, k]` in f32 or f64, on the CPU and on CUDA, and rows do
//! not influence each other. Formulas cite the paper: Blondel, Llinares-Lopez, Dadashi, Hussenot,
//! Geist, *Learning Energy Networks with Generalized Fenchel-Young Losses*, NeurIPS 2022.

pub mod decode;
pub mod dense;
pub mod device;
pub mod divergence;
pub mod domain;
pub mod duality;
pub mod energy;
mod error;
pub mod estimate;
pub mod flow;
pub mod functions;
pub mod joint;
pub mod loss;
mod native;
pub mod parallel;
pub mod parameters;
pub mod random;
pub mod regularizer;
pub mod score;
pub mod shallow;
mod shape;
pub mod solver;
pub mod teacher;

pub use error::{Error, Result};
