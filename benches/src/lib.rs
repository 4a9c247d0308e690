//! Nothing but benchmarks: `just bench`.
