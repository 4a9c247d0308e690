//! From which states episodes start.

use crate::random::Start;

/// What episodes are for. Those of one purpose start elsewhere than those of another, so that nothing is judged by the starts it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// To say how good a policy is.
    Evaluation = 1,
    /// To choose among policies.
    Selection = 2,
    /// To be imitated.
    Demonstration = 3,
}

/// Seeds of `count` starts, for [`Environment::reset`](crate::Environment::reset): a function of purpose and seed. More of them begin with the same.
pub fn starts(purpose: Purpose, seed: u64, count: usize) -> Vec<u64> {
    // Streams from 2^63 on: the search for policies has those below.
    let mut random = Start::of_stream(seed, 1 << 63 | purpose as u64);
    (0..count).map(|_| random.word()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_seeds_start_elsewhere() {
        let all = [
            starts(Purpose::Evaluation, 0, 50),
            starts(Purpose::Selection, 0, 50),
            starts(Purpose::Demonstration, 0, 50),
            starts(Purpose::Evaluation, 1, 50),
        ]
        .concat();
        let distinct: std::collections::BTreeSet<u64> = all.iter().copied().collect();
        assert_eq!(distinct.len(), 200);
        assert_eq!(starts(Purpose::Evaluation, 0, 20), all[..20]);
    }
}
