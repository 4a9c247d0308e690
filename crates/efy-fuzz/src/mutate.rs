//! Bad files made of good ones, as a function of a generator.

mod bytes;
mod config;

pub use bytes::{bytes, encoding};
pub use config::{Change, config, value};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What mutations are drawn with.
pub type Random = ChaCha8Rng;

/// The generator of a seed.
#[must_use]
pub fn random(seed: u64) -> Random {
    Random::seed_from_u64(seed)
}

/// Numbers at the edges of what formats and types can hold.
pub(crate) const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "-1",
    "1",
    "255",
    "65537",
    "4294967295",
    "4294967296",
    "4000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e3",
    "1.5",
    "-2.5",
    "1e308",
    "1e309",
    "1e-320",
    "NaN",
    "inf",
    "0x10",
];
