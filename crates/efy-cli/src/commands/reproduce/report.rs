//! The report: text, tables and figures in Markdown.

use efy_tasks::experiment::{Findings, Hardware, Picture, Table};
use efy_train::Environment;

/// How the findings came about.
pub(super) struct Setting<'a> {
    pub quick: bool,
    pub sets: &'a [String],
    pub environment: &'a Environment,
    pub hardware: &'a Hardware,
}

/// All tables.
pub(super) fn tables(tables: &[Table]) -> String {
    let parts: Vec<String> = tables.iter().map(table).collect();
    parts.join("\n")
}

fn table(table: &Table) -> String {
    let Table { title, caption, .. } = table;
    format!("### {title}\n\n{caption}\n\n{}", table.markdown())
}

/// The whole report.
pub(super) fn markdown(findings: &Findings, setting: &Setting<'_>) -> String {
    let mut notes = Vec::new();
    if setting.quick {
        notes.push(
            "This is a **quick** run: less data, smaller grids, fewer seeds. Its numbers are not the \
             reproduction."
                .to_owned(),
        );
    }
    if !setting.sets.is_empty() {
        let sets = setting.sets.join("`, `");
        notes.push(format!("The protocol was changed: `{sets}`."));
    }
    notes.extend(findings.notes.iter().cloned());

    let mut parts = vec![format!("# {}\n\n{}\n", findings.title, findings.about)];
    if !notes.is_empty() {
        parts.push(list(None, &notes));
    }
    if !findings.comparison.is_empty() {
        parts.push(list(Some("Beside the paper"), &findings.comparison));
    }
    let figures: Vec<String> = findings.pictures.iter().map(figure).collect();
    if !figures.is_empty() {
        parts.push(format!("## Figures\n\n{}", figures.join("\n")));
    }
    parts.push(format!("## Tables\n\n{}", tables(&findings.tables)));
    parts.push(list(Some("Deviations and limits"), &findings.deviations));
    parts.push(conditions(findings, setting));
    parts.join("\n")
}

fn list(heading: Option<&str>, items: &[String]) -> String {
    let heading = heading.map_or_else(String::new, |heading| format!("## {heading}\n\n"));
    let items: Vec<String> = items.iter().map(|item| format!("- {item}\n")).collect();
    heading + &items.concat()
}

fn figure(picture: &Picture) -> String {
    let Picture {
        name,
        title,
        caption,
        ..
    } = picture;
    format!("![{title}]({name}.svg)\n\n{caption} Data: [{name}.csv]({name}.csv).\n")
}

fn conditions(findings: &Findings, setting: &Setting<'_>) -> String {
    let Setting {
        environment,
        hardware,
        ..
    } = setting;
    let memory = hardware
        .memory_gib
        .map_or_else(String::new, |size| format!(", {size} GiB of memory"));
    let commit = match &environment.git_commit {
        Some(commit) => format!(", commit {commit}"),
        None => String::new(),
    };
    // The program's own path says where it lies, not what was asked for.
    let command: Vec<&str> = environment
        .command
        .iter()
        .skip(1)
        .map(String::as_str)
        .collect();
    format!(
        "## Conditions\n\n\
         - Command: `efy {}`\n\
         - efy {}{commit}, libtorch {}, {}, {}\n\
         - {} with {} processors{memory}\n\
         - Computing time, summed over trials: {:.0} s\n\
         - Every number and setting: [table.json](table.json)\n",
        command.join(" "),
        environment.efy,
        environment.libtorch,
        environment.platform,
        environment.started,
        hardware.processor,
        hardware.processors,
        findings.seconds,
    )
}
