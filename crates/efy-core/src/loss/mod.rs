//! Losses that compare a regularized prediction with the truth.

mod fenchel_young;

pub use fenchel_young::{FenchelYoung, LossValue, MeanGradient, MeanLoss};
