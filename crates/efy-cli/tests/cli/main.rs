//! The command `efy` as a user runs it: arguments and files in; exit code, output and files out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod bad_input;
mod bad_problem;
mod bench_gpu;
mod bench_rollout;
mod budgets;
mod cuda_stand_in;
mod data;
mod density;
mod evaluate;
mod experts;
mod fetch;
mod imitation;
mod interrupted;
mod label_ranking;
mod likelihood;
mod locale;
mod observers;
mod optimizer;
mod precision;
mod predict;
mod reference;
mod replicas;
mod report;
mod reproduce;
mod resident;
mod resume;
mod soak;
mod solve;
mod solve_rows;
mod start_up;
mod support;
mod sweep;
mod sweep_apart;
mod sweep_slurm;
mod tools;
mod train;
mod train_again;
mod weights;
