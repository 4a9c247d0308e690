//! Products of domains on consecutive coordinates.

use tch::Tensor;

use super::{Domain, Geometry};
use crate::{Error, Result};

/// Lists with more numbers than this are not made.
const MOST_NUMBERS: usize = 1 << 20;

/// $C_1 \times C_2 \times \dots$: each factor has its own consecutive coordinates, in their order.
pub struct Product {
    parts: Vec<(Box<dyn Domain>, usize)>,
}

impl Product {
    /// The product of domains, each with its number of coordinates.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no factor, one has no coordinates, or does not fit its number.
    pub fn new(parts: Vec<(Box<dyn Domain>, usize)>) -> Result<Self> {
        if parts.is_empty() || parts.iter().any(|&(_, k)| k == 0) {
            let sizes: Vec<usize> = parts.iter().map(|&(_, k)| k).collect();
            return Err(Error::Parameter {
                name: "product",
                expected: "factors with at least one coordinate each",
                found: format!("sizes {sizes:?}"),
            });
        }
        for (domain, k) in &parts {
            domain.check(*k as i64)?;
        }
        Ok(Product { parts })
    }

    /// Each factor with its columns of `rows`.
    fn split<'a>(&'a self, rows: &'a Tensor) -> impl Iterator<Item = (&'a dyn Domain, Tensor)> {
        let mut from = 0;
        self.parts.iter().map(move |(domain, k)| {
            let columns = rows.narrow(-1, from, *k as i64);
            from += *k as i64;
            (domain.as_ref(), columns)
        })
    }

    fn columns(&self) -> usize {
        self.parts.iter().map(|&(_, k)| k).sum()
    }
}

impl Domain for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn check(&self, k: i64) -> Result<()> {
        let own = self.columns();
        if own as i64 == k {
            Ok(())
        } else {
            let found = format!("{own} coordinates");
            Err(super::misfit(
                "product",
                "factors with k coordinates in all",
                found,
                k,
            ))
        }
    }

    fn project(&self, z: &Tensor) -> Tensor {
        let parts: Vec<Tensor> = self
            .split(z)
            .map(|(domain, z)| domain.project(&z))
            .collect();
        Tensor::cat(&parts, -1)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let parts = self.split(theta);
        let parts = parts.map(|(domain, theta)| domain.linear_argmax(&theta));
        Some(Tensor::cat(&parts.collect::<Option<Vec<Tensor>>>()?, -1))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let parts = self.split(p);
        let inside: Vec<Tensor> = parts
            .map(|(domain, p)| domain.contains(&p, tolerance))
            .collect();
        Tensor::stack(&inside, -1).all_dim(-1, false)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        let parts: Vec<Tensor> = self
            .split(like)
            .map(|(domain, like)| domain.start(&like))
            .collect();
        Tensor::cat(&parts, -1)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Product { parts: &self.parts }
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        let mut all: Option<Tensor> = None;
        for (domain, columns) in &self.parts {
            let own = domain.vertices(*columns)?;
            all = Some(match all {
                None => own,
                Some(before) => {
                    let (rows, more) = (before.size()[0], own.size()[0]);
                    if (rows * more) as usize * k > MOST_NUMBERS {
                        return None;
                    }
                    let before = before.repeat_interleave_self_int(more, 0, None);
                    Tensor::cat(&[before, own.repeat([rows, 1])], -1)
                }
            });
        }
        all
    }
}
