//! What `mpirun` or `srun` tells a process that it starts, before MPI is there.

/// The place of this process among those that were started with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Which of them it is.
    pub rank: usize,
    /// How many there are, more than one.
    pub world: usize,
    /// Which it is of those on its machine.
    pub local_rank: usize,
}

/// Variables of Open MPI, of launchers that speak PMI (MPICH, Intel MPI, `srun --mpi=pmi2`), and of `srun --mpi=pmix`.
const RANK: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
const WORLD: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
const LOCAL: [&str; 3] = [
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "SLURM_LOCALID",
];

impl Launch {
    /// From the environment; `None` for a process on its own.
    pub fn from_env() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let first = |names: [&str; 3]| {
            let mut values = names.into_iter().filter_map(&variable);
            values.find_map(|value| value.trim().parse::<usize>().ok())
        };
        let (rank, world) = (first(RANK)?, first(WORLD)?);
        let launch = Launch {
            rank,
            world,
            local_rank: first(LOCAL).unwrap_or(rank),
        };
        (world > 1).then_some(launch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_told_apart_from_a_shell_and_from_a_batch_script() {
        let launch = |variables: &[(&str, &str)]| {
            Launch::of(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(launch(&[]), None);
        let alone = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "1")];
        assert_eq!(launch(&alone), None);
        // What sbatch sets for its script: nobody else runs it.
        let batch = [
            ("SLURM_PROCID", "0"),
            ("SLURM_NTASKS", "4"),
            ("SLURM_LOCALID", "0"),
        ];
        assert_eq!(launch(&batch), None);
        let third = |world| Launch {
            rank: 2,
            world,
            local_rank: 0,
        };
        let mpirun = [
            ("OMPI_COMM_WORLD_RANK", "2"),
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
        ];
        assert_eq!(launch(&mpirun), Some(third(4)));
        let srun = [
            ("PMIX_RANK", "2"),
            ("SLURM_STEP_NUM_TASKS", "8"),
            ("SLURM_LOCALID", "0"),
        ];
        assert_eq!(launch(&srun), Some(third(8)));
    }
}
