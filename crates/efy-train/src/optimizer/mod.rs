//! Optimizers over the flat parameter buffer: a fixed number of operations whatever the number of
//! layers, and state that is plain tensors.

mod adam;

pub use adam::{Adam, AdamConfig};
