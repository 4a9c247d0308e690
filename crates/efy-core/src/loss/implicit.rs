//! The linear system of implicit differentiation.
//!
//! With $F = \Phi - \Omega$ and $\hat y$ its maximizer over C, $\nabla_v \ell(\hat y(v)) = q^\top \partial_v
//! \nabla_p \Phi(v, \hat y)$ where $-\nabla^2_{pp} F(\hat y)\, q = \nabla_p \ell$ on the tangent space of the
//! face of C that $\hat y$ lies inside of: the free coordinates F of a box, those with $1^\top q_F = 0$ on
//! the simplex.
//!
//! Solved in coordinates $q = S z$ with $S = \min(1, \mathrm{diag}(\nabla^2 \Omega)^{-1/2})$, in which the
//! curvature of an entropy, infinite at the ends of its domain, is 1.

mod conjugate_gradient;

use tch::{Kind, Tensor};

use crate::domain::Geometry;
use crate::energy::{Coupling, Form, by_row};
use crate::solver::Problem;
use crate::{Result, shape};

/// Refuses problems that are not on a box or a simplex.
pub(super) fn check(problem: &Problem<'_>) -> Result<()> {
    match problem.domain.geometry() {
        Geometry::Reals | Geometry::Box { .. } | Geometry::Simplex { .. } => Ok(()),
        _ => Err(problem.unsupported(
            "implicit differentiation",
            "it needs a box or the simplex: use the Fenchel-Young loss",
        )),
    }
}

/// q `[B, k]` for `gradient` $= \nabla_p \ell$ `[B, k]` at the maximizer `p`, without a graph.
pub(super) fn adjoint(problem: &Problem<'_>, p: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let system = System::new(problem, p);
    let right = system.tangent(&(gradient * &system.scale));
    let solved = match problem.energy.form() {
        Form::Linear { .. } => system.divide(&right),
        Form::Quadratic {
            coupling: Coupling::LowRank(a),
            ..
        } if system.direct(problem, a) => system.woodbury(&by_row(a, p.size()[0]), &right)?,
        Form::Quadratic { coupling, .. } => {
            system.eliminate(&coupling.dense_by_row(p.size()[0]), &right)?
        }
        _ => conjugate_gradient::solve(&system, problem.energy, p, &right)?,
    };
    Ok(system.tangent(&solved) * &system.scale)
}

/// $M = P (D - S \nabla^2\Phi\, S) P$ plus the identity off the tangent space, P projecting onto it.
struct System {
    /// S, 0 where p is not free, `[B, k]`.
    scale: Tensor,
    /// D $= S \nabla^2\Omega\, S$, 1 where p is not free, `[B, k]`.
    diagonal: Tensor,
    /// The unit normal $S 1_F / \|S 1_F\|$ of the simplex, `[B, k]`.
    normal: Option<Tensor>,
}

impl System {
    fn new(problem: &Problem<'_>, p: &Tensor) -> Self {
        let (low, high, on_simplex) = match problem.domain.geometry() {
            Geometry::Simplex { .. } => (0.0, f64::INFINITY, true),
            _ => {
                let (low, high) = problem
                    .domain
                    .bounds()
                    .unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                (low, high, false)
            }
        };
        let free = p.gt(low).logical_and(&p.lt(high));
        let curvature = problem.regularizer.curvature(p);
        // The curvature overflows a hair away from the ends: there the coordinate does not move.
        let free = free.logical_and(&curvature.isfinite());
        let fixed = free.logical_not();
        let curvature = curvature.masked_fill(&fixed, 1.0);
        let scale = curvature.clamp_min(1.0).rsqrt().masked_fill(&fixed, 0.0);
        let normal = on_simplex.then(|| {
            let length = scale.square().sum_dim_intlist(-1, true, None).sqrt();
            &scale / length.clamp_min(f64::from(f32::MIN_POSITIVE))
        });
        System {
            diagonal: curvature.clamp_max(1.0),
            scale,
            normal,
        }
    }

    /// P z, `[B, k]`, P projecting onto the tangent space of the simplex.
    fn tangent(&self, z: &Tensor) -> Tensor {
        match &self.normal {
            Some(normal) => z - normal * shape::dot(normal, z).unsqueeze(-1),
            None => z.shallow_clone(),
        }
    }

    /// $(P D P)^{-1}$ on the tangent space.
    fn divide(&self, right: &Tensor) -> Tensor {
        let z = right / &self.diagonal;
        match &self.normal {
            None => z,
            Some(normal) => self.without_normal(&z, &(normal / &self.diagonal)),
        }
    }

    /// `z` minus the multiple of `w` that leaves it in the tangent space: with $z = M^{-1} r$ and
    /// $w = M^{-1} n$, what solves the system on that space.
    fn without_normal(&self, z: &Tensor, w: &Tensor) -> Tensor {
        match &self.normal {
            None => z.shallow_clone(),
            Some(normal) => {
                let along = shape::dot(normal, w).clamp_min(f64::from(f32::MIN_POSITIVE));
                z - w * (shape::dot(normal, z) / along).unsqueeze(-1)
            }
        }
    }

    /// Whether [`woodbury`](Self::woodbury) applies and pays: D must not be 0 anywhere.
    fn direct(&self, problem: &Problem<'_>, a: &Tensor) -> bool {
        let (k, m) = (a.size()[a.dim() - 2], a.size()[a.dim() - 1]);
        m < k && problem.regularizer.modulus(problem.domain) > 0.0
    }

    /// $(D + S A A^\top S)^{-1}$ by the Woodbury identity: a system of m unknowns a row. The simplex adds
    /// a multiple of the normal to the right side, found by elimination.
    fn woodbury(&self, a: &Tensor, right: &Tensor) -> Result<Tensor> {
        let rank = a.size()[a.dim() - 1];
        let scaled = a * self.scale.unsqueeze(-1);
        let divided = &scaled / self.diagonal.unsqueeze(-1);
        let eye = Tensor::f_eye(rank, (a.kind(), a.device()))?;
        let inner = eye + scaled.transpose(1, 2).matmul(&divided);
        let (factor, _) = inner.f_linalg_cholesky_ex(false, false)?;
        let mut columns = vec![right.unsqueeze(-1)];
        columns.extend(self.normal.as_ref().map(|normal| normal.unsqueeze(-1)));
        let columns = Tensor::f_cat(&columns, 2)? / self.diagonal.unsqueeze(-1);
        let small = scaled
            .transpose(1, 2)
            .matmul(&columns)
            .f_cholesky_solve(&factor, false)?;
        let solved = columns - divided.matmul(&small);
        let z = solved.select(2, 0);
        Ok(match self.normal {
            None => z,
            Some(_) => self.without_normal(&z, &solved.select(2, 1)),
        })
    }

    /// The whole of M by LU elimination, `[B, k, k]`; `matrix` is $\nabla^2\Phi$.
    fn eliminate(&self, matrix: &Tensor, right: &Tensor) -> Result<Tensor> {
        let coupled = matrix * self.scale.unsqueeze(2) * self.scale.unsqueeze(1);
        let mut whole = self.diagonal.diag_embed(0, -2, -1) - coupled;
        if let Some(normal) = &self.normal {
            let outer = normal.unsqueeze(2) * normal.unsqueeze(1);
            let eye = Tensor::f_eye(right.size()[1], (right.kind(), right.device()))?;
            let project = eye - &outer;
            whole = project.matmul(&whole).matmul(&project) + outer;
        }
        let right = right.unsqueeze(-1);
        let (solved, _) = Tensor::f_linalg_solve_ex(&whole, &right, true, false)?;
        Ok(solved.squeeze_dim(-1))
    }

    /// $M z$ for z in the tangent space, given $\nabla^2\Phi$ as a product.
    fn product(&self, z: &Tensor, hessian: impl Fn(&Tensor) -> Tensor) -> Tensor {
        let bent = hessian(&(z * &self.scale)) * &self.scale;
        self.tangent(&(z * &self.diagonal - bent))
    }
}

/// $\|z\|^2$ for each row, `[B, 1]`.
fn square(z: &Tensor) -> Tensor {
    z.square().sum_dim_intlist(-1, true, None::<Kind>)
}
