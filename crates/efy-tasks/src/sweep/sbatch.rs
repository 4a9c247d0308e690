//! A Slurm script that runs the trials of a sweep as an array job.

use std::path::Path;

/// What the script has to know.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The name of the job.
    pub name: &'a str,
    /// How many trials there are.
    pub trials: usize,
    /// The sweep directory, absolute.
    pub directory: &'a Path,
    /// The program `efy`, absolute.
    pub program: &'a Path,
}

/// The script. It names everything by absolute paths, so that it can be submitted from anywhere.
pub fn sbatch(submission: &Submission<'_>) -> String {
    let Submission {
        name,
        trials,
        directory,
        program,
    } = submission;
    let last = trials.saturating_sub(1);
    let logs = directory.join("trials/slurm-%A-%a.log");
    let script = quoted(&directory.join("submit.sbatch"));
    let [efy, sweep, out] = [*program, &directory.join("sweep.yaml"), *directory].map(quoted);
    format!(
        r#"#!/bin/bash
#
# Runs the {trials} trials of the sweep {name} as an array job, one task a trial. Edit the resources below,
# then, from anywhere:
#
#   sbatch {script}
#
# The table and the figures, when all tasks have ended, are made by a second job:
#
#   job=$(sbatch --parsable {script})
#   sbatch --dependency=afterany:"${{job%%;*}}" --job-name={name}-table --wrap \
#     "{collect}"
#
# Submitted again, tasks whose trials are done end at once, and the others go on from their last checkpoints.
#
# Lines that begin with a single # and SBATCH are read by Slurm; with two # they are switched off.
#
#SBATCH --job-name={name}
# The trials. %16: at most sixteen at a time.
#SBATCH --array=0-{last}%16
# EDIT: the time of one trial. One that is stopped goes on when this script is submitted again.
#SBATCH --time=01:00:00
# EDIT: what one trial gets.
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
##SBATCH --gres=gpu:1
# EDIT: where it runs.
##SBATCH --partition=PARTITION
##SBATCH --account=ACCOUNT
# A minute before time is up, the trial is told to save a checkpoint.
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --output="{logs}"

set -euo pipefail

# EDIT: modules or variables that efy needs here, such as EFY_DATA_DIR.

# srun does not take this over from sbatch by itself.
export SRUN_CPUS_PER_TASK="${{SLURM_CPUS_PER_TASK:-1}}"

srun {efy} sweep {sweep} --out {out} --index "$SLURM_ARRAY_TASK_ID"
"#,
        collect = in_double_quotes(&format!("{efy} sweep {sweep} --out {out} --collect")),
        logs = logs.display(),
    )
}

/// A path as one word of a shell, whatever is in it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    if text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command inside of double quotes.
fn in_double_quotes(text: &str) -> String {
    let special = |c: char| "\\\"$`".contains(c);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        escaped.extend(special(c).then_some('\\'));
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_and_quotes_are_one_word() {
        let script = sbatch(&Submission {
            name: "rates",
            trials: 12,
            directory: Path::new("/scratch/my it's $weeps"),
            program: Path::new("/opt/efy"),
        });
        assert!(script.contains("#SBATCH --array=0-11%16\n"));
        let command = script.lines().last().unwrap();
        assert_eq!(
            command,
            r#"srun /opt/efy sweep '/scratch/my it'\''s $weeps/sweep.yaml' --out '/scratch/my it'\''s $weeps' --index "$SLURM_ARRAY_TASK_ID""#
        );
        assert!(script.contains(r"'/scratch/my it'\\''s \$weeps' --collect"));
    }
}
