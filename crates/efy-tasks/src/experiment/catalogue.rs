//! The experiments there are.

use super::protocol::Request;
use super::{Findings, differentiation, dual, imitation, joint, multilabel, solvers};
use crate::{Error, Result};

/// An experiment that can be run by name.
#[derive(Debug)]
pub struct Experiment {
    /// Its name in commands.
    pub name: &'static str,
    /// What it makes.
    pub about: &'static str,
    /// What is run, in YAML.
    pub protocol: &'static str,
    run: fn(&Experiment, &Request<'_>) -> Result<Findings>,
}

/// All experiments.
pub static EXPERIMENTS: [Experiment; 15] = [
    Experiment {
        name: "fy-multilabel",
        about: "Blondel et al. 2022: multilabel accuracy of energy networks and of losses compared",
        protocol: include_str!("../../protocols/fy-multilabel.yaml"),
        run: multilabel::run,
    },
    Experiment {
        name: "fy-solvers",
        about: "Blondel et al. 2022: residual and certified gap of the inner solvers over time",
        protocol: include_str!("../../protocols/fy-solvers.yaml"),
        run: solvers::run,
    },
    Experiment {
        name: "fy-differentiation",
        about: "Blondel et al. 2022: time and memory of gradients as the number of outputs grows",
        protocol: include_str!("../../protocols/fy-differentiation.yaml"),
        run: differentiation::run,
    },
    Experiment {
        name: "imitation",
        about: "Blondel et al. 2022: returns of policies learned from demonstrations, energies and losses compared",
        protocol: include_str!("../../../../configs/paper/fy/imitation.yaml"),
        run: imitation::run,
    },
    Experiment {
        name: "imitation-coupling",
        about: "Unary and pairwise policies of a plant whose actuators are coupled more and more",
        protocol: include_str!("../../../../configs/paper/fy/imitation-coupling.yaml"),
        run: imitation::run,
    },
    Experiment {
        name: "dual-s2-bimodal",
        about: "Domingo-Enrich et al. 2022: two modes on S^2, restarts never, at every and at every 60th iteration",
        protocol: include_str!("../../protocols/dual-s2-bimodal.yaml"),
        run: dual::run,
    },
    Experiment {
        name: "dual-s2-monomodal",
        about: "Domingo-Enrich et al. 2022: one mode on S^2, where all neurons first gather between the teacher's",
        protocol: include_str!("../../protocols/dual-s2-monomodal.yaml"),
        run: dual::run,
    },
    Experiment {
        name: "dual-s14",
        about: "Domingo-Enrich et al. 2022: both teachers on S^14",
        protocol: include_str!("../../protocols/dual-s14.yaml"),
        run: dual::run,
    },
    Experiment {
        name: "dual-timescales",
        about: "Domingo-Enrich et al. 2022: neurons slower, as fast, and faster than particles",
        protocol: include_str!("../../protocols/dual-timescales.yaml"),
        run: dual::run,
    },
    Experiment {
        name: "dual-lazy",
        about: "Domingo-Enrich et al. 2022: trained neurons beside random features as the dimension grows",
        protocol: include_str!("../../protocols/dual-lazy.yaml"),
        run: dual::run,
    },
    Experiment {
        name: "joint-multilabel",
        about: "Sander et al. 2025: losses and couplings compared on multilabel data",
        protocol: include_str!("../../../../configs/paper/joint/multilabel.yaml"),
        run: joint::run,
    },
    Experiment {
        name: "joint-ranking",
        about: "Sander et al. 2025: losses and polytopes compared on label ranking",
        protocol: include_str!("../../../../configs/paper/joint/ranking.yaml"),
        run: joint::run,
    },
    Experiment {
        name: "joint-convergence",
        about: "Sander et al. 2025: training by few and by many samples, beside exact likelihood",
        protocol: include_str!("../../../../configs/paper/joint/convergence.yaml"),
        run: joint::convergence::run,
    },
    Experiment {
        name: "joint-logpartition",
        about: "Sander et al. 2025: learned log-partitions beside exact ones on unseen inputs",
        protocol: include_str!("../../../../configs/paper/joint/logpartition.yaml"),
        run: joint::run,
    },
    Experiment {
        name: "joint-tau",
        about: "Sander et al. 2025: networks for the log-partition compared",
        protocol: include_str!("../../../../configs/paper/joint/tau.yaml"),
        run: joint::run,
    },
];

impl Experiment {
    /// Runs what is not yet there in the request's directory and puts the findings together.
    ///
    /// # Errors
    /// What the protocol's overrides, the data and the trials report.
    pub fn run(&self, request: &Request<'_>) -> Result<Findings> {
        (self.run)(self, request)
    }
}

/// The experiment of this name.
///
/// # Errors
/// [`Error::Usage`] that lists the names there are.
pub fn find(name: &str) -> Result<&'static Experiment> {
    EXPERIMENTS
        .iter()
        .find(|experiment| experiment.name == name)
        .ok_or_else(|| {
            let known: Vec<&str> = EXPERIMENTS.iter().map(|known| known.name).collect();
            let guess = efy_train::config::nearest(name, known.iter().copied())
                .map_or_else(String::new, |guess| format!(", did you mean {guess}?"));
            Error::Usage(format!(
                "unknown experiment {name:?}{guess} (known: {})",
                known.join(", ")
            ))
        })
}
