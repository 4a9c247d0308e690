//! Maximum likelihood over a ball of shallow networks and its dual, on a finite set of points and of neurons.
//!
//! With features $\Phi_{ij} = \varphi(\theta_j, x_i)$, base measure $\tau$ and data $q$ on N points, $f = \Phi\mu$ and $\beta > 0$:
//!
//! ```text
//! (51) P(μ) = ⟨q, f⟩ + (1/β) log Σ_i τ_i exp(-β f_i)              over ‖μ‖ ≤ 1
//! (52) D(p) = KL(p ‖ τ)/β + ‖Φᵀ(p - q)‖*                          over probabilities p
//!      F₁: ‖μ‖ = Σ_j |μ_j|,          ‖e‖* = max_j |e_j|
//!      F₂: ‖μ‖ = √(M Σ_j μ_j²),      ‖e‖* = √(mean_j e_j²) = MMD     μ_j = h_j/M
//! (53) min P = -min D;  P(μ) + D(p) ≥ 0 for every pair; for p = Gibbs(μ) it is ‖Φᵀ(p - q)‖* + ⟨μ, Φᵀ(q - p)⟩
//! ```

use tch::{Kind, Tensor};

use crate::error::positive;
use crate::{Result, shape};

/// Which ball, and with it which distance between measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Feature learning: total variation at most 1.
    F1,
    /// Lazy: the ball of the kernel's Hilbert space.
    F2,
}

/// The problem on N points and M neurons.
#[derive(Debug)]
pub struct Discretized {
    features: Tensor,
    /// Of $\tau$.
    log_base: Tensor,
    data: Tensor,
    beta: f64,
}

/// A pair of solutions and their certificate; scalars on the device.
#[derive(Debug)]
pub struct Optimum {
    /// $\mu$, `[M]`. In $F_1$ it need not be the only one.
    pub mu: Tensor,
    /// p, `[N]`.
    pub p: Tensor,
    /// P(mu).
    pub primal: Tensor,
    /// D(p).
    pub dual: Tensor,
    /// P(mu) + D(p), at least 0 and above the error of either.
    pub gap: Tensor,
}

impl Optimum {
    fn new((mu, p): (Tensor, Tensor), (primal, dual): (Tensor, Tensor)) -> Self {
        Optimum {
            gap: &primal + &dual,
            mu,
            p,
            primal,
            dual,
        }
    }
}

impl Discretized {
    /// From features `[N, M]`, base measure `[N]` and data `[N]`, both probabilities, that of the base positive.
    ///
    /// # Errors
    /// Wrong shapes, kinds or devices; $\beta$ that is not positive.
    pub fn new(features: Tensor, base: &Tensor, data: Tensor, beta: f64) -> Result<Self> {
        shape::float_matrix("features", &features)?;
        let n = features.size()[0];
        let place = (features.kind(), features.device());
        shape::tensor_of("base", base, &[n], place)?;
        shape::tensor_of("data", &data, &[n], place)?;
        positive("beta", beta)?;
        Ok(Discretized {
            features,
            log_base: base.log(),
            data,
            beta,
        })
    }

    /// $\log p_i$ of the Gibbs measure of $\mu$ `[M]`, and $\log\sum_i\tau_i e^{-\beta f_i}$.
    fn log_gibbs(&self, mu: &Tensor) -> (Tensor, Tensor) {
        let scores = &self.log_base - self.features.mv(mu) * self.beta;
        let log_partition = scores.logsumexp(0, false);
        (scores - &log_partition, log_partition)
    }

    /// The Gibbs measure $p \propto \tau e^{-\beta\Phi\mu}$ of $\mu$ `[M]`, `[N]`.
    pub fn gibbs(&self, mu: &Tensor) -> Tensor {
        self.log_gibbs(mu).0.exp()
    }

    /// P of (51) at $\mu$ `[M]`.
    pub fn primal(&self, mu: &Tensor) -> Tensor {
        let (_, log_partition) = self.log_gibbs(mu);
        self.data.dot(&self.features.mv(mu)) + log_partition / self.beta
    }

    /// $\mathrm{KL}(p \| \tau)$ of p `[N]`, with 0 log 0 = 0.
    pub fn kl(&self, p: &Tensor) -> Tensor {
        (p.xlogy(p) - p * &self.log_base).sum(None)
    }

    /// $\Phi^\top(p - q)$, `[M]`: by how much the features of p exceed those of the data.
    pub fn excess(&self, p: &Tensor) -> Tensor {
        self.features.tr().mv(&(p - &self.data))
    }

    /// $\|\Phi^\top(p - q)\|_*$: how far p is from the data.
    pub fn distance(&self, regime: Regime, p: &Tensor) -> Tensor {
        let excess = self.excess(p);
        match regime {
            Regime::F1 => excess.abs().max(),
            Regime::F2 => excess.square().mean(None).sqrt(),
        }
    }

    /// D of (52) at p `[N]`.
    pub fn dual(&self, regime: Regime, p: &Tensor) -> Tensor {
        self.kl(p) / self.beta + self.distance(regime, p)
    }

    /// P($\mu$) + D(p).
    pub fn gap(&self, regime: Regime, mu: &Tensor, p: &Tensor) -> Tensor {
        self.primal(mu) + self.dual(regime, p)
    }

    /// A pair after so many iterations; nothing is read, so look at the gap.
    ///
    /// $F_1$: gradient descent-ascent on $\langle f, q - p\rangle - \mathrm{KL}(p\|\tau)/\beta$ by multiplicative updates with a look ahead (mirror
    /// prox) over signed neurons and p. $F_2$: accelerated projected gradient in $\mu$ with p its Gibbs measure.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when libtorch fails.
    pub fn solve(&self, regime: Regime, iterations: u64) -> Result<Optimum> {
        let _guard = tch::no_grad_guard();
        let (mu, p) = match regime {
            Regime::F1 => self.mirror_prox(iterations),
            Regime::F2 => self.accelerated(0.0, iterations),
        };
        let (primal, dual) = (self.primal(&mu), self.dual(regime, &p));
        Ok(Optimum::new((mu, p), (primal, dual)))
    }

    /// The problem with a penalty in place of the ball, $\min_\mu P(\mu) + \frac\lambda2 M\sum_j\mu_j^2$, whose dual is
    /// $\min_p \mathrm{KL}(p\|\tau)/\beta + \mathrm{MMD}^2/(2\lambda)$; at the optimum $M\mu = \Phi^\top(p - q)/\lambda$.
    ///
    /// # Errors
    /// $\lambda$ that is not positive; [`crate::Error::Torch`] when libtorch fails.
    pub fn solve_penalized(&self, lambda: f64, iterations: u64) -> Result<Optimum> {
        let _guard = tch::no_grad_guard();
        positive("lambda", lambda)?;
        let (mu, p) = self.accelerated(lambda, iterations);
        let width = self.features.size()[1] as f64;
        let primal = self.primal(&mu) + mu.square().sum(None) * (0.5 * lambda * width);
        let mmd = self.distance(Regime::F2, &p);
        let dual = self.kl(&p) / self.beta + mmd.square() / (2.0 * lambda);
        Ok(Optimum::new((mu, p), (primal, dual)))
    }

    fn mirror_prox(&self, iterations: u64) -> (Tensor, Tensor) {
        let width = self.features.size()[1];
        let place = (self.features.kind(), self.features.device());
        // Both signs of each neuron, and a slack that takes what is missing to total variation 1.
        let mut y = Tensor::zeros([2 * width + 1], place).log_softmax(0, None::<Kind>);
        let mut p = self.log_base.log_softmax(0, None::<Kind>);
        let slack = Tensor::zeros([1], place);
        // Probabilities differ by what sums to 0, so that half the range of a feature bounds the bilinear part; 1/beta
        // bounds the entropy.
        let range = (self.features.amax(0, false) - self.features.amin(0, false)).max();
        let step = (range * 0.5 + 1.0 / self.beta).reciprocal();
        let signed = |y: &Tensor| {
            let y = y.exp();
            y.narrow(0, 0, width) - y.narrow(0, width, width)
        };
        let moved = |from: (&Tensor, &Tensor), at: (&Tensor, &Tensor)| {
            let (y, p) = at;
            let rise = self.features.mv(&signed(y)) + (p - &self.log_base) / self.beta;
            let excess = self.excess(&p.exp());
            let fall = Tensor::cat(&[&-&excess, &excess, &slack], 0);
            (
                (from.0 - fall * &step).log_softmax(0, None::<Kind>),
                (from.1 - rise * &step).log_softmax(0, None::<Kind>),
            )
        };
        for _ in 0..iterations {
            let ahead = moved((&y, &p), (&y, &p));
            (y, p) = moved((&y, &p), (&ahead.0, &ahead.1));
        }
        (signed(&y), p.exp())
    }

    /// In $h = M\mu$ with the inner product mean(h h'), in which the gradient is $\Phi^\top(q - p)$.
    fn accelerated(&self, lambda: f64, iterations: u64) -> (Tensor, Tensor) {
        let width = self.features.size()[1];
        let mut h = Tensor::zeros([width], (self.features.kind(), self.features.device()));
        let mut ahead = h.shallow_clone();
        let largest = self.features.square().mean_dim(1, false, None).max();
        let step = (largest * self.beta + lambda).reciprocal();
        let mut momentum = h.new_zeros([1_i64; 0], (h.kind(), h.device()));
        for _ in 0..iterations {
            let p = self.gibbs(&(&ahead / width as f64));
            let descent = self.excess(&p) - &ahead * lambda;
            let mut next = &ahead + &descent * &step;
            if lambda == 0.0 {
                next /= next.square().mean(None).sqrt().clamp_min(1.0);
            }
            // The momentum starts anew, on the device, where it points uphill.
            let change = &next - &h;
            let uphill = (&ahead - &next).dot(&change).gt(0.0).to_kind(h.kind());
            momentum = (1.0_f64 - uphill) * (momentum + 1.0);
            let factor = &momentum / (&momentum + 3.0);
            ahead = &next + change * factor;
            h = next;
        }
        let mu = h / width as f64;
        let p = self.gibbs(&mu);
        (mu, p)
    }
}
