//! Estimators by quadrature.

use tch::{Kind, Tensor};

use super::rules::{self, Nodes};
use super::{Density, Estimate};
use crate::shallow::{Shallow, Space};
use crate::{Error, Result};

/// Nodes and weights for integrals over the base measure of a space of one or two dimensions, and a coarser rule beside them
/// whose distance is the error bar.
///
/// Rectifiers have kinks, across which no product rule is of high order: with n = 400 heights on $S^2$, $\log Z$ of the paper's
/// teachers is good to $2 \cdot 10^{-7}$, with 96 to $3 \cdot 10^{-6}$.
pub struct Quadrature {
    fine: Rule,
    coarse: Rule,
}

struct Rule {
    /// `[N, d]`.
    points: Tensor,
    /// `[N]`, f64.
    log_weights: Tensor,
}

impl Rule {
    fn new(nodes: &Nodes, network: &Shallow, basis: Option<&Tensor>) -> Result<Rule> {
        let (kind, device) = network.place();
        let weights = Tensor::f_from_slice(&nodes.weights)?;
        let points = Tensor::f_from_slice(&nodes.points)?.f_view([weights.size()[0], -1])?;
        let points = match basis {
            Some(basis) => points.f_mm(basis)?,
            None => points,
        };
        Ok(Rule {
            points: points.f_to_kind(kind)?.f_to_device(device)?,
            log_weights: weights.f_to_device(device)?.log(),
        })
    }

    /// $\log Z$, and the probability of each node under a density, `[N]`.
    fn distribution(&self, density: &Density<'_>) -> Result<(Tensor, Tensor)> {
        let log = density.log_unnormalized(&self.points)? + &self.log_weights;
        let log_partition = log.logsumexp([0], false);
        let probabilities = (log - &log_partition).exp();
        Ok((log_partition, probabilities))
    }
}

impl Quadrature {
    /// The rule for the space of a network: n nodes on the circle, on the line and on each axis of the plane or the torus; n heights times 2n
    /// longitudes on $S^2$.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more than two dimensions, for n below 2, and for $R^d$ without a deviation.
    pub fn of(network: &Shallow, n: usize) -> Result<Self> {
        let (space, d) = (network.space(), network.dimension());
        let served = matches!(
            (space, d),
            (Space::Sphere, 2 | 3) | (Space::Euclidean { .. } | Space::Torus, 1 | 2)
        );
        if !served {
            return Err(Error::Parameter {
                name: "dimension",
                expected: "at most 2 (quadrature); sample points instead",
                found: match space {
                    Space::Sphere => d - 1,
                    _ => d,
                }
                .to_string(),
            });
        }
        super::points::probability(space)?;
        let nodes = |n: usize| match space {
            Space::Sphere if d == 2 => rules::circle(n),
            Space::Sphere => rules::sphere(n),
            Space::Euclidean { deviation } => rules::gaussian(n, d, deviation.unwrap_or(1.0)),
            Space::Torus => rules::torus(n, d),
        };
        Quadrature::new(n, network, None, &nodes)
    }

    /// The rule for densities on a sphere $S^{d-1}$, d at least 3, **whose neurons all lie in the plane** of the at most two neurons of
    /// `network`: over the projection of a point onto that plane, with parts of n times n nodes that end at the kinks, so that few
    /// nodes are enough for all digits in any dimension.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more than two neurons, other spaces, fewer than three dimensions, and n below 2.
    pub fn plane(network: &Shallow, n: usize) -> Result<Self> {
        let d = network.dimension();
        let (space, m) = (network.space(), network.width());
        if space != Space::Sphere || d < 3 || m > 2 {
            return Err(Error::Parameter {
                name: "network",
                expected: "one or two neurons on the sphere of at least three dimensions",
                found: format!("{m} neurons on {space:?} of {d}"),
            });
        }
        let (basis, angles) = plane_of(network)?;
        Quadrature::new(n, network, Some(&basis), &|n| rules::plane(n, d, &angles))
    }

    fn new(
        n: usize,
        network: &Shallow,
        basis: Option<&Tensor>,
        nodes: &dyn Fn(usize) -> Nodes,
    ) -> Result<Self> {
        if n < 2 {
            return Err(Error::Parameter {
                name: "nodes",
                expected: "an integer of at least 2",
                found: n.to_string(),
            });
        }
        Ok(Quadrature {
            fine: Rule::new(&nodes(n), network, basis)?,
            coarse: Rule::new(&nodes(n / 2), network, basis)?,
        })
    }

    /// The nodes `[N, d]`.
    pub fn points(&self) -> &Tensor {
        &self.fine.points
    }

    /// The probability of each node under a density, `[N]`, f64.
    ///
    /// # Errors
    /// A network of another space, dimension, kind or device.
    pub fn probabilities(&self, density: &Density<'_>) -> Result<Tensor> {
        Ok(self.fine.distribution(density)?.1)
    }

    /// $\log Z = \log \int e^{-\beta f} d\tau$.
    ///
    /// # Errors
    /// As [`Quadrature::probabilities`].
    pub fn log_partition(&self, density: &Density<'_>) -> Result<Estimate> {
        self.both(|rule| Ok(rule.distribution(density)?.0))
    }

    /// $\mathrm{KL}(p \| q)$.
    ///
    /// # Errors
    /// As [`Quadrature::probabilities`].
    pub fn kullback_leibler(&self, p: &Density<'_>, q: &Density<'_>) -> Result<Estimate> {
        self.both(|rule| {
            let (log_p, probabilities) = rule.distribution(p)?;
            let (log_q, _) = rule.distribution(q)?;
            let difference =
                p.log_unnormalized(&rule.points)? - q.log_unnormalized(&rule.points)?;
            Ok((probabilities * difference).sum(None::<Kind>) - log_p + log_q)
        })
    }

    /// $E_p \|P_x (\nabla \log p - \nabla \log q)\|^2$.
    ///
    /// # Errors
    /// As [`Quadrature::probabilities`].
    pub fn fisher(&self, p: &Density<'_>, q: &Density<'_>) -> Result<Estimate> {
        self.both(|rule| {
            let (_, probabilities) = rule.distribution(p)?;
            let squares = p.squared_score_difference(q, &rule.points)?;
            Ok((probabilities * squares).sum(None::<Kind>))
        })
    }

    fn both(&self, integral: impl Fn(&Rule) -> Result<Tensor>) -> Result<Estimate> {
        let _guard = tch::no_grad_guard();
        let value = integral(&self.fine)?;
        let error = (integral(&self.coarse)? - &value).abs();
        Ok(Estimate {
            value,
            standard_error: error,
        })
    }
}

/// An orthonormal basis of the plane of at most two neurons, `[2, d]`, f64 on the CPU, and the angle of each neuron in it.
fn plane_of(network: &Shallow) -> Result<(Tensor, Vec<f64>)> {
    let (m, d) = (network.width() as usize, network.dimension() as usize);
    let neurons: Vec<f64> = crate::device::read::to_vec(network.neurons())?;
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let unit = |v: &[f64]| -> Vec<f64> {
        let length = dot(v, v).sqrt();
        v.iter().map(|x| x / length).collect()
    };
    let first = unit(&neurons[..d]);
    // What is orthogonal to the first: of the second neuron, or of the axis that is farthest from it.
    let rest = |v: &[f64]| -> Vec<f64> {
        let along = dot(v, &first);
        v.iter().zip(&first).map(|(v, f)| v - along * f).collect()
    };
    let mut second = rest(&neurons[(m - 1) * d..]);
    if dot(&second, &second) < 1e-20 {
        let farthest = (0..d).min_by(|&i, &j| first[i].abs().total_cmp(&first[j].abs()));
        let mut axis = vec![0.0; d];
        axis[farthest.unwrap_or(0)] = 1.0;
        second = rest(&axis);
    }
    let second = unit(&second);
    let angles = (neurons.chunks_exact(d))
        .map(|neuron| dot(neuron, &second).atan2(dot(neuron, &first)))
        .collect();
    let basis = Tensor::f_from_slice(&[first, second].concat())?.f_view([2, d as i64])?;
    Ok((basis, angles))
}
