//! The cube between two planes of constant sum.

use std::array::from_fn;
use std::hint::black_box;
use std::ops::Range;

use multiversion::multiversion;

use super::{LANES, RowMap, centred};
use crate::native::lanes::{gather, total};
use crate::native::{Real, real};

/// A number of each row of a block.
type Each<T> = [T; LANES];

/// Rows at least this long go one by one, all lanes on the same: a block of them would leave the cache.
const LONG: usize = 512;
/// Brackets wider than this are narrowed by a selection first: large multipliers cost digits.
const WIDE: f64 = 32.0;
/// Newton's method alone; after that every other step is a bisection.
const NEWTON_STEPS: usize = 10;
/// No bracket of two floats needs more bisections.
const MOST_STEPS: usize = 400;

/// Where $\sum_i \mathrm{clip}(x_i, 0, 1)$ lies in $[m_1, m_2]$ that is the projection; otherwise it is
/// $\mathrm{clip}(x - \tau, 0, 1)$ with $\tau$ such that the nearer bound m is met.
///
/// $\tau$ is found by Newton's method on the piecewise linear sum, kept in a bracket (compare Cominetti,
/// Mascarenhas and Silva 2014), and exact up to rounding once the pieces are known. A wide bracket is
/// narrowed to 1 first: with j = max(ceil(m), 1), $\tau$ lies in $[x_{(j)} - 1, x_{(j)}]$, where
/// $x_{(j)}$ is the j-th largest element. That also keeps all digits of rows with a large offset.
///
/// Rows go side by side, each in its lane; one that is done is left as it is.
pub(super) struct Knapsack {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl RowMap for Knapsack {
    fn fits(&self, k: usize) -> bool {
        self.min <= k as f64
    }

    fn work(&self, k: usize) -> usize {
        8 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        project(rows, k, real(self.min), real(self.max));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn project<T: Real>(rows: &mut [T], k: usize, min: T, max: T) {
    let mut block = Block::new(k);
    let mut selection = Vec::new();
    for rows in rows.chunks_mut(k * block.rows()) {
        block.load(rows);
        let zero = [T::zero(); LANES];
        let mut at_start = block.section(&zero);
        let mut search = Search::new(at_start.0, block.extent(), (min, max));
        let wide = search.wide();
        for (lane, row) in rows
            .chunks_exact_mut(k)
            .enumerate()
            .filter(|&(l, _)| wide[l])
        {
            selection.clear();
            selection.extend_from_slice(row);
            let pivot = at_rank(&mut selection, search.target[lane]);
            for value in row {
                *value = centred(*value, pivot).max(-T::one()).min(T::one());
            }
            search.narrow(if k < LONG { lane..lane + 1 } else { 0..LANES });
        }
        if wide.contains(&true) {
            block.load(rows);
            at_start = block.section(&search.tau);
        }
        let mut searching = search.step(at_start, false);
        for step in 0..MOST_STEPS {
            if !searching {
                break;
            }
            let bisect = step >= NEWTON_STEPS && step % 2 == 0;
            searching = search.step(block.section(&search.tau), bisect);
        }
        for (lane, row) in rows.chunks_exact_mut(k).enumerate() {
            let (tau, rest) = (search.tau[lane], search.rest[lane]);
            for value in row {
                *value = clip((*value - tau) - rest);
            }
        }
    }
}

/// The max(ceil(m), 1)-th largest element of a row without NaN.
fn at_rank<T: Real>(row: &mut [T], m: T) -> T {
    let rank = m.ceil().to_usize().unwrap_or(1).clamp(1, row.len()) - 1;
    let descending = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal);
    *row.select_nth_unstable_by(rank, descending).1
}

/// Rows side by side, element i of row l in `y[i][l]`, or a long row as it is, filled up with $-\infty$.
struct Block<T> {
    k: usize,
    y: Vec<Each<T>>,
}

impl<T: Real> Block<T> {
    fn new(k: usize) -> Self {
        let length = if k < LONG { k } else { k.div_ceil(LANES) };
        let y = vec![[T::neg_infinity(); LANES]; length];
        Block { k, y }
    }

    /// As many as a block holds.
    fn rows(&self) -> usize {
        if self.k < LONG { LANES } else { 1 }
    }

    #[inline(always)]
    fn load(&mut self, rows: &[T]) {
        if self.k < LONG {
            gather(rows, &mut self.y);
        } else {
            self.y.as_flattened_mut()[..self.k].copy_from_slice(rows);
        }
    }

    /// $\sum_i \mathrm{clip}(y_i - \tau, 0, 1)$ of each row, and how many of the summands clipping leaves as they are.
    #[inline(always)]
    fn section(&self, tau: &Each<T>) -> (Each<T>, Each<T>) {
        let add = |y: &Each<T>, (mut sum, mut free): (Each<T>, Each<T>)| {
            for lane in 0..LANES {
                let p = y[lane] - tau[lane];
                let clipped = clip(p);
                sum[lane] += clipped;
                free[lane] += if clipped == p { T::one() } else { T::zero() };
            }
            (sum, free)
        };
        // Two sums that do not wait for each other.
        let zero = ([T::zero(); LANES], [T::zero(); LANES]);
        let (mut even, mut odd) = (zero, zero);
        let (pairs, last) = self.y.as_chunks::<2>();
        for [a, b] in pairs {
            (even, odd) = (add(a, even), add(b, odd));
        }
        for y in last {
            even = add(y, even);
        }
        // A compiler that sees through the sums takes them apart.
        let (even, odd) = black_box((even, odd));
        let sum = from_fn(|lane| even.0[lane] + odd.0[lane]);
        let free = from_fn(|lane| even.1[lane] + odd.1[lane]);
        if self.k < LONG {
            (sum, free)
        } else {
            ([total(sum); LANES], [total(free); LANES])
        }
    }

    /// The smallest and the largest element of each row.
    #[inline(always)]
    fn extent(&self) -> [Each<T>; 2] {
        let mut bottom = [T::infinity(); LANES];
        let mut top = [T::neg_infinity(); LANES];
        let mut include = |y: &Each<T>| {
            let (mut low, mut high) = (bottom, top);
            for lane in 0..LANES {
                low[lane] = if y[lane] < low[lane] {
                    y[lane]
                } else {
                    low[lane]
                };
                high[lane] = if y[lane] > high[lane] {
                    y[lane]
                } else {
                    high[lane]
                };
            }
            (bottom, top) = (low, high);
        };
        if self.k < LONG {
            self.y.iter().for_each(include);
            return black_box([bottom, top]);
        }
        let (whole, last) = self.y.as_flattened()[..self.k].as_chunks();
        whole.iter().for_each(&mut include);
        last.iter().for_each(|&y| include(&[y; LANES]));
        [
            [bottom.into_iter().fold(T::infinity(), T::min); LANES],
            [top.into_iter().fold(T::neg_infinity(), T::max); LANES],
        ]
    }
}

/// The search for the multiplier of each row.
struct Search<T> {
    /// What the sum shall be.
    target: Each<T>,
    low: Each<T>,
    high: Each<T>,
    tau: Each<T>,
    /// What is left to add to $\tau$; added to differences, it costs no digits.
    rest: Each<T>,
    /// 1 or 0: a mask that the vector unit compares in one instruction.
    active: Each<T>,
}

impl<T: Real> Search<T> {
    /// From $\tau = 0$, where the sums are known.
    #[inline(always)]
    fn new(sum: Each<T>, [bottom, top]: [Each<T>; 2], (min, max): (T, T)) -> Self {
        // What is feasible, or no number, is done in the first step.
        let zero = T::zero();
        let bounds = from_fn(|l| match sum[l] {
            sum if sum > max => (max, zero, top[l]),
            sum if sum < min => (min, bottom[l] - T::one(), zero),
            sum => (sum, zero, zero),
        });
        black_box(Search {
            target: bounds.map(|(target, ..)| target),
            low: bounds.map(|(_, low, _)| low),
            high: bounds.map(|(.., high)| high),
            tau: [T::zero(); LANES],
            rest: [T::zero(); LANES],
            active: [T::one(); LANES],
        })
    }

    /// Rows whose bracket is to be narrowed.
    #[inline(always)]
    fn wide(&self) -> [bool; LANES] {
        from_fn(|l| self.high[l] - self.low[l] > real(WIDE))
    }

    /// A row has been centred, so that its multiplier is between -1 and 0.
    fn narrow(&mut self, lanes: Range<usize>) {
        self.low[lanes.clone()].fill(-T::one());
        self.high[lanes.clone()].fill(T::zero());
        self.tau[lanes].fill(real(-0.5));
    }

    /// Newton's step of each row that is not done, or a bisection, given the sum at $\tau$ and how many summands are free;
    /// whether any is left. A row is done where its sum is met, or where a step is lost in rounding; $\tau$ stays, and the rest
    /// of the way is known.
    #[inline(always)]
    fn step(&mut self, (sum, free): (Each<T>, Each<T>), bisect: bool) -> bool {
        let half = real::<T>(0.5);
        let Search {
            target,
            mut low,
            mut high,
            mut tau,
            mut rest,
            mut active,
        } = *self;
        let zero = [T::zero(); LANES];
        let excess: Each<T> = from_fn(|l| sum[l] - target[l]);
        let slope = choose(&above(&free, &zero), &free, &[T::infinity(); LANES]);
        // A NaN stays one.
        let correction: Each<T> = from_fn(|l| excess[l] / slope[l]);
        rest = choose(&active, &correction, &rest);
        let enough: Each<T> = from_fn(|l| T::epsilon() * target[l].max(T::one()));
        let lost: Each<T> = from_fn(|l| T::epsilon() * tau[l].abs());
        let lost = choose(&above(&free, &zero), &lost, &[-T::one(); LANES]);
        active = both(&active, &above(&excess.map(T::abs), &enough));
        active = both(&active, &above(&correction.map(T::abs), &lost));
        low = choose(&both(&active, &above(&excess, &zero)), &tau, &low);
        high = choose(&both(&active, &above(&zero, &excess)), &tau, &high);
        let within = |x: &Each<T>| both(&above(x, &low), &above(&high, x));
        let newton: Each<T> = from_fn(|l| tau[l] + correction[l]);
        let middle: Each<T> = from_fn(|l| low[l] + (high[l] - low[l]) * half);
        let next = if bisect {
            middle
        } else {
            choose(&within(&newton), &newton, &middle)
        };
        active = both(&active, &within(&next));
        tau = choose(&active, &next, &tau);
        *self = black_box(Search {
            target,
            low,
            high,
            tau,
            rest,
            active,
        });
        self.active.iter().any(|&active| active > T::zero())
    }
}

/// 1 where the first number is larger, else 0: masks that the vector unit compares in one instruction.
#[inline(always)]
fn above<T: Real>(a: &Each<T>, b: &Each<T>) -> Each<T> {
    from_fn(|l| if a[l] > b[l] { T::one() } else { T::zero() })
}

/// 1 where both masks are.
#[inline(always)]
fn both<T: Real>(a: &Each<T>, b: &Each<T>) -> Each<T> {
    from_fn(|l| a[l] * b[l])
}

/// The first number where the mask is 1, else the second one.
#[inline(always)]
fn choose<T: Real>(mask: &Each<T>, a: &Each<T>, b: &Each<T>) -> Each<T> {
    from_fn(|l| if mask[l] > T::zero() { a[l] } else { b[l] })
}

/// $\min(\max(p, 0), 1)$; a NaN stays one.
#[inline(always)]
fn clip<T: Real>(p: T) -> T {
    let above = if p < T::zero() { T::zero() } else { p };
    if above > T::one() { T::one() } else { above }
}
