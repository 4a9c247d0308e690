//! A Slurm script that runs the trials of a sweep as an array job.

use std::fmt::Display;
use std::path::Path;

use super::Slurm;

/// Tasks of one array: where nobody has changed `MaxArraySize`, Slurm numbers them from 0 to 1000 at most.
const MOST_TASKS: usize = 1000;

/// What the script has to know.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The name of the job.
    pub name: &'a str,
    /// How many trials there are.
    pub trials: usize,
    /// What each of them gets.
    pub slurm: &'a Slurm,
    /// The sweep directory, absolute.
    pub directory: &'a Path,
    /// The program `efy`, absolute.
    pub program: &'a Path,
}

/// The script. It names everything by absolute paths, so that it can be submitted from anywhere. What the sweep says nothing
/// of is marked EDIT.
pub fn sbatch(submission: &Submission<'_>) -> String {
    let Submission {
        name,
        trials,
        slurm,
        directory,
        program,
    } = submission;
    let logs = directory.join("trials/slurm-%A-%a.log");
    let script = quoted(&directory.join("submit.sbatch"));
    let [efy, sweep, out] = [*program, &directory.join("sweep.yaml"), *directory].map(quoted);
    let device = match slurm.gpus {
        Some(0) => " --device cpu",
        Some(_) => " --device cuda",
        None => "",
    };
    let Array {
        head,
        tasks,
        check,
        index,
    } = Array::new(
        submission,
        &script,
        &format!("{efy} sweep {sweep} --out {out} --collect"),
    );
    format!(
        r#"#!/bin/bash
#
# Runs the {trials} trials of the sweep {name} as an array job, one task a trial. Edit what is marked EDIT, if
# anything has to be, then, from anywhere:
#
{head}#
# Submitted again, tasks whose trials are done end at once, and the others go on from their last checkpoints.
#
# Lines that begin with a single # and SBATCH are read by Slurm; with two # they are switched off.
#
#SBATCH --job-name={name}
# The trials, and how many of them at a time.
#SBATCH --array=0-{last}%{at_once}
{resources}# A minute before time is up, the trial is told to save a checkpoint.
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --output="{logs}"
{extra}
set -euo pipefail

{setup}
# srun does not take this over from sbatch by itself.
export SRUN_CPUS_PER_TASK="${{SLURM_CPUS_PER_TASK:-1}}"

{check}srun {efy} sweep {sweep} --out {out}{device} --index "{index}"
"#,
        last = tasks.saturating_sub(1),
        at_once = slurm.at_once.unwrap_or(16),
        resources = resources(slurm),
        logs = logs.display(),
        extra = lines("#SBATCH ", &slurm.extra),
        setup = match slurm.setup.as_slice() {
            [] => "# EDIT: modules or variables that efy needs here, such as EFY_DATA_DIR.\n"
                .to_owned(),
            setup => lines("", setup),
        },
    )
}

/// Trials as the tasks of one array, or of several where there are more than Slurm takes.
struct Array {
    /// How the script is submitted.
    head: String,
    /// Tasks of an array.
    tasks: usize,
    /// What comes before a trial.
    check: String,
    /// The trial of a task.
    index: &'static str,
}

impl Array {
    /// `collect` is the command that makes the table.
    fn new(submission: &Submission<'_>, script: &str, collect: &str) -> Self {
        let Submission { name, trials, .. } = *submission;
        if trials <= MOST_TASKS {
            let wrapped = in_double_quotes(collect);
            return Array {
                head: format!(
                    r#"#   sbatch {script}
#
# The table and the figures, when all tasks have ended, are made by a second job:
#
#   job=$(sbatch --parsable {script})
#   sbatch --dependency=afterany:"${{job%%;*}}" --job-name={name}-table --wrap \
#     "{wrapped}"
"#
                ),
                tasks: trials,
                check: String::new(),
                index: "$SLURM_ARRAY_TASK_ID",
            };
        }
        let last = trials - 1;
        Array {
            head: format!(
                r#"#   for first in $(seq 0 {MOST_TASKS} {last}); do
#     sbatch --export=ALL,EFY_FIRST="$first" {script}
#   done
#
# Slurm takes no array of so many tasks (MaxArraySize): these are several, each from the trial EFY_FIRST on. The
# table and the figures, when all have ended:
#
#   {collect}
"#
            ),
            tasks: MOST_TASKS,
            check: format!(
                r#"trial=$((${{EFY_FIRST:-0}} + SLURM_ARRAY_TASK_ID))
# The last array is longer than what is left.
[ "$trial" -lt {trials} ] || exit 0
"#
            ),
            index: "$trial",
        }
    }
}

/// What a trial gets: an option of the sweep, or what is to be edited.
fn resources(slurm: &Slurm) -> String {
    let Slurm {
        partition,
        account,
        qos,
        time,
        cpus_per_task,
        memory,
        gpus,
        ..
    } = slurm;
    let given = |option: &str, value: Option<&dyn Display>, otherwise: &str| match value {
        Some(value) => format!("#SBATCH --{option}={value}\n"),
        None => otherwise.to_owned(),
    };
    let shown = |text: &Option<String>, option: &str, otherwise: &str| {
        given(
            option,
            text.as_ref().map(|text| text as &dyn Display),
            otherwise,
        )
    };
    [
        "# What one trial gets. One that is out of time goes on when this script is submitted again.\n".to_owned(),
        shown(
            time,
            "time",
            "# EDIT, or set slurm.time: the time of one trial.\n#SBATCH --time=01:00:00\n",
        ),
        given(
            "cpus-per-task",
            cpus_per_task.as_ref().map(|count| count as &dyn Display),
            "# EDIT, or set slurm.cpus_per_task.\n#SBATCH --cpus-per-task=1\n",
        ),
        shown(
            memory,
            "mem",
            "# EDIT, or set slurm.memory.\n#SBATCH --mem=4G\n",
        ),
        match gpus {
            Some(0) => String::new(),
            Some(count) => format!("#SBATCH --gres=gpu:{count}\n"),
            None => "# EDIT, or set slurm.gpus.\n##SBATCH --gres=gpu:1\n".to_owned(),
        },
        shown(
            partition,
            "partition",
            "# EDIT, or set slurm.partition: where it runs.\n##SBATCH --partition=PARTITION\n",
        ),
        shown(
            account,
            "account",
            "# EDIT, or set slurm.account.\n##SBATCH --account=ACCOUNT\n",
        ),
        shown(qos, "qos", ""),
    ]
    .concat()
}

/// A line for each, behind `before`.
fn lines<T: Display>(before: &str, all: &[T]) -> String {
    all.iter().map(|one| format!("{before}{one}\n")).collect()
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

    fn script(trials: usize, slurm: &str) -> String {
        sbatch(&Submission {
            name: "rates",
            trials,
            slurm: &serde_json::from_str(slurm).unwrap(),
            directory: Path::new("/scratch/my it's $weeps"),
            program: Path::new("/opt/efy"),
        })
    }

    #[test]
    fn paths_with_spaces_and_quotes_are_one_word() {
        let script = script(12, "{}");
        assert!(script.contains("#SBATCH --array=0-11%16\n"));
        let command = script.lines().last().unwrap();
        assert_eq!(
            command,
            r#"srun /opt/efy sweep '/scratch/my it'\''s $weeps/sweep.yaml' --out '/scratch/my it'\''s $weeps' --index "$SLURM_ARRAY_TASK_ID""#
        );
        assert!(script.contains(r"'/scratch/my it'\\''s \$weeps' --collect"));
    }

    #[test]
    fn what_is_not_given_is_marked() {
        let marked = |slurm: &str| script(12, slurm).matches("# EDIT").count();
        assert_eq!(marked("{}"), 7);
        assert_eq!(marked(r#"{"gpus": 1, "time": 90}"#), 5);
        let all = r#"{"partition": "gpu", "account": 12, "time": "1-0", "cpus_per_task": 4, "memory": 800, "gpus": 0, "setup": ["true"]}"#;
        assert_eq!(marked(all), 0);
        assert!(script(12, all).contains("\n#SBATCH --account=12\n"));
        assert!(!script(12, all).contains("--gres"));
        assert!(script(12, all).contains(" --device cpu --index "));
    }

    #[test]
    fn more_trials_than_an_array_takes_are_several_arrays() {
        let script = script(2001, "{}");
        assert!(script.contains("#SBATCH --array=0-999%16\n"), "{script}");
        assert!(script.contains("#   for first in $(seq 0 1000 2000); do\n"));
        assert!(script.contains("[ \"$trial\" -lt 2001 ] || exit 0\n"));
    }
}
