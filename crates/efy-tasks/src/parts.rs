//! From the names of a configuration to parts of efy-core.

use efy_core::Result;
use efy_core::domain::Domain;
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{
    Auto, ClosedForm, CoordinateAscent, CoordinateNewton, FrankWolfe, LbfgsB, Mirror, MultiStart,
    Newton, Options, ProjectedGradient, ProximalGradient, Solver,
};
use tch::Kind;

use crate::config::{Dtype, RegularizerKind, SolverKind};

impl Dtype {
    /// The element kind of tensors.
    pub fn kind(self) -> Kind {
        match self {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
        }
    }
}

impl RegularizerKind {
    /// The regularizer of strength `gamma`; the binary entropy of a bounded box is that of the box.
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] unless `gamma` is a positive number.
    pub fn on(self, domain: &dyn Domain, gamma: f64) -> Result<Box<dyn Regularizer>> {
        match (self, domain.bounds()) {
            (RegularizerKind::BinaryEntropy, Some((low, high))) => {
                Ok(Box::new(BinaryEntropy::on_box(gamma, low, high)?))
            }
            _ => self.build(gamma),
        }
    }

    /// The regularizer of strength `gamma` on the unit cube and its subsets.
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] unless `gamma` is a positive number.
    pub fn build(self, gamma: f64) -> Result<Box<dyn Regularizer>> {
        Ok(match self {
            RegularizerKind::HalfSquaredNorm => Box::new(HalfSquaredNorm::new(gamma)?),
            RegularizerKind::Gini => Box::new(Gini::new(gamma)?),
            RegularizerKind::BinaryEntropy => Box::new(BinaryEntropy::new(gamma)?),
            RegularizerKind::OneSidedShannon => Box::new(OneSidedShannon::new(gamma)?),
        })
    }
}

impl SolverKind {
    /// The solver with these options.
    pub fn build(self, options: Options) -> Box<dyn Solver> {
        match self {
            SolverKind::Auto => Box::new(Auto { options }),
            SolverKind::ClosedForm => Box::new(ClosedForm { options }),
            SolverKind::ProjectedGradient => Box::new(ProjectedGradient {
                options,
                ..ProjectedGradient::default()
            }),
            SolverKind::Fista => Box::new(ProjectedGradient {
                options,
                ..ProjectedGradient::fista()
            }),
            SolverKind::ProximalGradient => Box::new(ProximalGradient {
                options,
                ..ProximalGradient::default()
            }),
            SolverKind::Mirror => Box::new(Mirror {
                options,
                ..Mirror::default()
            }),
            SolverKind::CoordinateAscent => Box::new(CoordinateAscent { options }),
            SolverKind::CoordinateNewton => Box::new(CoordinateNewton { options }),
            SolverKind::FrankWolfe => Box::new(FrankWolfe {
                options,
                ..FrankWolfe::default()
            }),
            SolverKind::Lbfgsb => Box::new(LbfgsB { options }),
            SolverKind::Newton => Box::new(Newton { options }),
        }
    }

    /// The solver with these options, from the domain's start and `starts - 1` others that `seed` draws.
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] when there is no start.
    pub fn from_starts(
        self,
        options: Options,
        starts: usize,
        seed: u64,
    ) -> Result<Box<dyn Solver>> {
        let solver = self.build(options);
        Ok(match starts {
            1 => solver,
            _ => Box::new(MultiStart::from_parts(solver, starts, seed)?),
        })
    }
}
