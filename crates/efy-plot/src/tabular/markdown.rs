//! Tables as Markdown.

use super::{Table, Written};

pub(super) fn table(table: &Table) -> String {
    let headers = table.columns.iter().map(|column| match &column.group {
        Some(group) => escape(&format!("{group}: {}", column.label)),
        None => escape(&column.label),
    });
    let mut text = row(escape(&table.stub), headers);
    text += &row(
        "---".to_owned(),
        table.columns.iter().map(|_| "---:".to_owned()),
    );
    for (label, cells) in table.written() {
        text += &row(escape(label), cells.iter().map(cell));
    }
    if !table.caption.is_empty() {
        text += &format!("\n{}\n", escape(&table.caption));
    }
    text
}

fn row(first: String, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = std::iter::once(first).chain(cells).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn cell(cell: &Written) -> String {
    match cell {
        Written::Empty => "\u{2013}".to_owned(),
        Written::Text(text) => escape(text),
        Written::Number {
            mean,
            deviation,
            bold,
        } => {
            let mean = if *bold {
                format!("**{mean}**")
            } else {
                mean.clone()
            };
            match deviation {
                Some(deviation) => format!("{mean} \u{b1} {deviation}"),
                None => mean,
            }
        }
    }
}

/// `text` so that it is shown as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '~' | '$' => escaped.extend(['\\', c]),
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_as_many_cells_in_every_row() {
        let expected = "| run | loss | F1: micro | F1: macro | note |\n\
             | --- | ---: | ---: | ---: | ---: |\n\
             | pairwise\\_a | **\u{2212}1.25** | **0.71** \u{b1} 0.01 | 0.50 | a\\|b |\n\
             | \\[unary\\] | 0.50 | **0.71** \u{b1} 0.02 | \u{2013} | \u{2013} |\n\
             | \\* | \u{2013} | 0.31 | \u{2013} | \u{2013} |\n\
             \nTest metrics, 50% of the data &amp; more\n";
        assert_eq!(table(&super::super::tests::table()), expected);
    }

    #[test]
    fn names_are_not_markup() {
        assert_eq!(escape("a<b>|c\n*"), "a&lt;b&gt;\\|c \\*");
    }
}
