//! Tables as LaTeX.

use super::{Column, Table, Written};

pub(super) fn table(table: &Table) -> String {
    let mut lines = vec![
        "% needs \\usepackage{booktabs}".to_owned(),
        "\\begin{table}".to_owned(),
        "  \\centering".to_owned(),
    ];
    if !table.caption.is_empty() {
        lines.push(format!("  \\caption{{{}}}", escape(&table.caption)));
    }
    if !table.label.is_empty() {
        lines.push(format!("  \\label{{{}}}", label(&table.label)));
    }
    let alignment = "r".repeat(table.columns.len());
    lines.push(format!("  \\begin{{tabular}}{{l{alignment}}}"));
    lines.push("    \\toprule".to_owned());
    lines.extend(groups(&table.columns).map(|line| format!("    {line}")));
    let headers = table.columns.iter().map(|column| escape(&column.label));
    lines.push(row(escape(&table.stub), headers));
    lines.push("    \\midrule".to_owned());
    for (label, cells) in table.written() {
        lines.push(row(escape(label), cells.iter().map(cell)));
    }
    lines.push("    \\bottomrule".to_owned());
    lines.push("  \\end{tabular}".to_owned());
    lines.push("\\end{table}\n".to_owned());
    lines.join("\n")
}

fn row(first: String, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = std::iter::once(first).chain(cells).collect();
    format!("    {} \\\\", cells.join(" & "))
}

/// The line above the headers, and the rules below it; nothing without groups.
fn groups(columns: &[Column]) -> impl Iterator<Item = String> {
    let (mut line, mut rules) = (String::new(), String::new());
    // The first column is that of the names.
    let mut first = 2;
    for group in columns.chunk_by(|a, b| a.group == b.group) {
        let last = first + group.len() - 1;
        match group.first().and_then(|column| column.group.as_deref()) {
            Some(name) => {
                let (count, name) = (group.len(), escape(name));
                line += &format!(" & \\multicolumn{{{count}}}{{c}}{{{name}}}");
                rules += &format!(" \\cmidrule(lr){{{first}-{last}}}");
            }
            None => line += &" &".repeat(group.len()),
        }
        first = last + 1;
    }
    let some = !rules.is_empty();
    let lines = [format!("{line} \\\\"), rules].map(|line| line.trim_start().to_owned());
    lines.into_iter().filter(move |_| some)
}

fn cell(cell: &Written) -> String {
    match cell {
        Written::Empty => "--".to_owned(),
        Written::Text(text) => escape(text),
        Written::Number {
            mean,
            deviation,
            bold,
        } => {
            let mean = mean.replace('\u{2212}', "-");
            let mean = if *bold {
                format!("\\mathbf{{{mean}}}")
            } else {
                mean
            };
            match deviation {
                Some(deviation) => format!("${mean} \\pm {deviation}$"),
                None => format!("${mean}$"),
            }
        }
    }
}

/// `text` so that TeX writes it as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '<' => escaped += "\\textless{}",
            '>' => escaped += "\\textgreater{}",
            '|' => escaped += "\\textbar{}",
            // \textquotedbl needs another font encoding than TeX has by itself.
            '"' => escaped += "{''}",
            '\u{b1}' => escaped += "$\\pm$",
            '\u{2212}' => escaped += "$-$",
            // After the end of a row both would be taken for an argument of it.
            '[' | '*' => escaped.extend(['{', c, '}']),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A label may hold what TeX takes for characters only.
fn label(text: &str) -> String {
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() || ":-.".contains(c) => c,
        _ => '-',
    };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_booktabs() {
        let expected = r"% needs \usepackage{booktabs}
\begin{table}
  \centering
  \caption{Test metrics, 50\% of the data \& more}
  \label{tab:results}
  \begin{tabular}{lrrrr}
    \toprule
    & & \multicolumn{2}{c}{F1} & \\
    \cmidrule(lr){3-4}
    run & loss & micro & macro & note \\
    \midrule
    pairwise\_a & $\mathbf{-1.25}$ & $\mathbf{0.71} \pm 0.01$ & $0.50$ & a\textbar{}b \\
    {[}unary] & $0.50$ & $\mathbf{0.71} \pm 0.02$ & -- & -- \\
    {*} & -- & $0.31$ & -- & -- \\
    \bottomrule
  \end{tabular}
\end{table}
";
        assert_eq!(table(&super::super::tests::table()), expected);
    }

    #[test]
    fn without_groups_caption_and_label_there_are_none() {
        let mut plain = super::super::tests::table();
        plain.caption.clear();
        plain.label.clear();
        for column in &mut plain.columns {
            column.group = None;
        }
        let text = table(&plain);
        for command in ["caption", "label", "multicolumn", "cmidrule"] {
            assert!(!text.contains(command), "{text}");
        }
    }

    #[test]
    fn nothing_in_a_name_is_a_command() {
        let all: String = (32..127u8).map(char::from).collect();
        let escaped = escape(&format!("{all}\n\u{7}"));
        let known = [
            "textbackslash",
            "textasciitilde",
            "textasciicircum",
            "textless",
            "textgreater",
            "textbar",
        ];
        let mut rest = escaped.clone();
        for name in known {
            let command = format!("\\{name}{{}}");
            assert_eq!(rest.matches(&command).count(), 1, "{escaped}");
            rest = rest.replace(&command, "");
        }
        for c in "&%$#_{}".chars() {
            assert_eq!(
                rest.matches(&format!("\\{c}")).count(),
                1,
                "{c} in {escaped}"
            );
            rest = rest.replace(&format!("\\{c}"), "");
        }
        rest = rest
            .replace("{''}", "")
            .replace("{[}", "")
            .replace("{*}", "");
        assert!(
            !rest.contains(['\\', '{', '}', '\n', '\u{7}', '$', '%']),
            "{rest}"
        );
        assert_eq!(label("tab:a_b {c}"), "tab:a-b--c-");
    }
}
