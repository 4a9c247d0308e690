//! One row of [`LbfgsB`](super::LbfgsB), as a machine that asks for one evaluation after the other.

use std::collections::VecDeque;

/// Pairs of steps and changes of gradient that are remembered.
const MEMORY: usize = 12;
/// The fraction of the promised descent that a step must bring (Armijo).
const ENOUGH: f64 = 1e-4;
/// A step is halved at most this often before the memory is forgotten, and then given up.
const MOST_HALVINGS: usize = 40;
/// A coordinate at most this far from its end, and pushed outwards, counts as there.
const NEAR: f64 = 1e-3;

/// Units in the last place that the values of two neighbours may differ by through rounding.
const NOISE: f64 = 16.0;
/// Pairs whose cosine is at most this power of a unit in the last place say nothing of the curvature: 1e-10 in
/// f64, 4e-5 in f32.
const BENT: f64 = 0.64;

/// What is known of $f = -F$ at a point.
#[derive(Clone, Copy)]
pub(super) struct Point<'a> {
    pub(super) point: &'a [f64],
    /// $\nabla f$.
    pub(super) gradient: &'a [f64],
    pub(super) value: f64,
    /// Whether the residual is small enough.
    pub(super) solved: bool,
}

/// The minimization of f over a box.
pub(super) struct Row {
    bounds: (f64, f64),
    /// A unit in the last place of 1 in the type that f is evaluated in.
    epsilon: f64,
    left: usize,
    iterations: usize,
    done: bool,
    p: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    memory: VecDeque<Pair>,
    direction: Vec<f64>,
    step: f64,
    halvings: usize,
    trial: Vec<f64>,
}

/// $s = p^+ - p$ and $y = \nabla f(p^+) - \nabla f(p)$.
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
}

impl Row {
    pub(super) fn new(
        start: Point<'_>,
        bounds: (f64, f64),
        epsilon: f64,
        max_iterations: usize,
    ) -> Self {
        let mut row = Row {
            bounds,
            epsilon,
            left: max_iterations,
            iterations: 0,
            done: start.solved || !start.value.is_finite() || max_iterations == 0,
            p: start.point.to_vec(),
            gradient: start.gradient.to_vec(),
            value: start.value,
            memory: VecDeque::with_capacity(MEMORY),
            direction: vec![0.0; start.point.len()],
            step: 1.0,
            halvings: 0,
            trial: start.point.to_vec(),
        };
        if !row.done {
            row.aim();
        } else if !start.solved {
            row.iterations = max_iterations;
        }
        row
    }

    pub(super) fn done(&self) -> bool {
        self.done
    }

    /// Where to evaluate next.
    pub(super) fn trial(&self) -> &[f64] {
        &self.trial
    }

    pub(super) fn answer(&self) -> &[f64] {
        &self.p
    }

    /// Steps that were accepted; for a row that was given up, all it was granted.
    pub(super) fn iterations(&self) -> usize {
        self.iterations
    }

    /// Takes or refuses the step to the trial point.
    pub(super) fn judge(&mut self, at: Point<'_>) {
        if self.done {
            return;
        }
        let d: Vec<f64> = at.point.iter().zip(&self.p).map(|(q, p)| q - p).collect();
        let promise = dot(&self.gradient, &d);
        let change = at.value - self.value;
        let noise = NOISE * self.epsilon * self.value.abs().max(1.0);
        // Near the minimum values are all rounding, and slopes are not: the same test for a parabola
        // (Hager and Zhang 2005).
        let flat = change <= noise && dot(at.gradient, &d) <= (2.0 * ENOUGH - 1.0) * promise;
        if promise < 0.0 && (change <= ENOUGH * promise || flat) {
            self.take(at, d);
        } else {
            self.shorten();
        }
    }

    fn take(&mut self, at: Point<'_>, s: Vec<f64>) {
        let y: Vec<f64> = at
            .gradient
            .iter()
            .zip(&self.gradient)
            .map(|(a, b)| a - b)
            .collect();
        if self.memory.len() == MEMORY {
            self.memory.pop_front();
        }
        self.memory.push_back(Pair { s, y });
        self.p.copy_from_slice(at.point);
        self.gradient.copy_from_slice(at.gradient);
        self.value = at.value;
        self.iterations += 1;
        self.left -= 1;
        self.done = at.solved || self.left == 0;
        if !self.done {
            self.aim();
        }
    }

    fn shorten(&mut self) {
        self.halvings += 1;
        if self.halvings <= MOST_HALVINGS {
            self.step *= 0.5;
            self.move_along();
        } else if self.memory.is_empty() {
            self.iterations += self.left;
            self.done = true;
        } else {
            self.memory.clear();
            self.aim();
        }
    }

    /// Chooses a direction and the first trial point along it.
    fn aim(&mut self) {
        let held = self.held();
        let steepest = |i: usize| -self.gradient[i];
        self.direction = self.two_loops(&held);
        let descent = |d: &[f64]| -> f64 {
            let free = (0..d.len()).filter(|&i| !held[i]);
            free.map(|i| d[i] * self.gradient[i]).sum()
        };
        let slope: f64 = (0..held.len())
            .filter(|&i| !held[i])
            .map(|i| self.gradient[i] * self.gradient[i])
            .sum();
        // Not finite is bad, too.
        let good = descent(&self.direction) <= -1e-12 * slope;
        if !good {
            self.direction = (0..held.len()).map(steepest).collect();
        }
        for i in (0..held.len()).filter(|&i| held[i]) {
            self.direction[i] = steepest(i);
        }
        if !good {
            self.memory.clear();
        }
        self.step = if self.memory.is_empty() {
            let largest = self.gradient.iter().fold(1.0_f64, |m, g| m.max(g.abs()));
            1.0 / largest
        } else {
            1.0
        };
        self.halvings = 0;
        self.move_along();
    }

    /// Which coordinates are at most `min(NEAR, residual)` from an end of the box and pushed outwards.
    fn held(&self) -> Vec<bool> {
        let (low, high) = self.bounds;
        let moves = self.p.iter().zip(&self.gradient).map(|(&p, &g)| (p, g));
        let residual = moves.clone().fold(0.0_f64, |m, (p, g)| {
            m.max(((p - g).clamp(low, high) - p).abs())
        });
        let near = residual.min(NEAR);
        moves
            .map(|(p, g)| (p - low <= near && g > 0.0) || (high - p <= near && g < 0.0))
            .collect()
    }

    /// $-H \nabla f$ with H of the pairs restricted to the coordinates that are not held.
    fn two_loops(&self, held: &[bool]) -> Vec<f64> {
        let inner = |a: &[f64], b: &[f64]| -> f64 {
            let terms = a.iter().zip(b).zip(held);
            terms
                .filter(|(_, held)| !**held)
                .map(|((a, b), _)| a * b)
                .sum()
        };
        let mut d: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        let bent = self.epsilon.powf(BENT);
        let usable: Vec<(&Pair, f64)> = self
            .memory
            .iter()
            .map(|pair| (pair, inner(&pair.s, &pair.y)))
            .filter(|(pair, sy)| {
                let lengths = inner(&pair.s, &pair.s) * inner(&pair.y, &pair.y);
                *sy > bent * lengths.sqrt()
            })
            .collect();
        let mut weights = Vec::with_capacity(usable.len());
        for (pair, sy) in usable.iter().rev() {
            let weight = inner(&pair.s, &d) / sy;
            d.iter_mut()
                .zip(&pair.y)
                .for_each(|(d, y)| *d -= weight * y);
            weights.push(weight);
        }
        if let Some((pair, sy)) = usable.last() {
            let scale = sy / inner(&pair.y, &pair.y);
            d.iter_mut().for_each(|d| *d *= scale);
        }
        for ((pair, sy), weight) in usable.iter().zip(weights.iter().rev()) {
            let back = inner(&pair.y, &d) / sy;
            d.iter_mut()
                .zip(&pair.s)
                .for_each(|(d, s)| *d += (weight - back) * s);
        }
        d
    }

    /// The point on the projection arc.
    fn move_along(&mut self) {
        let (low, high) = self.bounds;
        for ((trial, p), d) in self.trial.iter_mut().zip(&self.p).zip(&self.direction) {
            *trial = (p + self.step * d).clamp(low, high);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
