//! The rows after `@data`, dense and sparse.

use super::header::Attribute;
use super::scan::Scanner;
use crate::data::table::shown;

/// Reads rows into cells that come as zeros.
pub(super) struct Rows<'a> {
    attributes: &'a [Attribute],
    /// For each attribute the sparse row that named it last: finds an index given twice without
    /// clearing a set for each row.
    named_by: Vec<usize>,
    sparse_rows: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(attributes: &'a [Attribute]) -> Self {
        Self {
            attributes,
            named_by: vec![0; attributes.len()],
            sparse_rows: 0,
        }
    }

    /// Fills `cells`, one for each attribute, from a line.
    pub(super) fn parse(&mut self, line: &str, cells: &mut [f32]) -> Result<(), String> {
        match line.strip_prefix('{') {
            Some(body) => self.sparse(body, cells),
            None => self.dense(line, cells),
        }
    }

    fn dense(&self, line: &str, cells: &mut [f32]) -> Result<(), String> {
        let mut scanner = Scanner::new(line);
        let mut filled = Ok(());
        let mut count = 0;
        loop {
            let token = scanner.token(|c| c == ',')?;
            if let (Some(attribute), Some(cell), Ok(())) =
                (self.attributes.get(count), cells.get_mut(count), &filled)
            {
                filled = attribute.cell(&token).map(|value| *cell = value);
            }
            count += 1;
            if scanner.eat(',') {
                continue;
            }
            match scanner.rest() {
                "" => break,
                rest => return Err(format!("expected a comma, found {}", shown(rest))),
            }
        }
        // A wrong count comes first: it is why the values after the gap look wrong.
        if count != cells.len() {
            return Err(format!("expected {} values, found {count}", cells.len()));
        }
        filled
    }

    fn sparse(&mut self, body: &str, cells: &mut [f32]) -> Result<(), String> {
        self.sparse_rows += 1;
        let mut scanner = Scanner::new(body);
        let mut closed = scanner.eat('}');
        while !closed {
            let index = scanner
                .token(|c| c.is_whitespace() || c == ',' || c == '}')?
                .text;
            let at: usize = index
                .parse()
                .map_err(|_| format!("expected an attribute index, found {}", shown(&index)))?;
            let (Some(attribute), Some(cell), Some(named_by)) = (
                self.attributes.get(at),
                cells.get_mut(at),
                self.named_by.get_mut(at),
            ) else {
                return Err(format!(
                    "expected an index below {}, found {at}",
                    cells.len()
                ));
            };
            if std::mem::replace(named_by, self.sparse_rows) == self.sparse_rows {
                return Err(format!("index {at} twice in one row"));
            }
            *cell = attribute.cell(&scanner.token(|c| c == ',' || c == '}')?)?;
            closed = scanner.eat('}');
            if !closed && !scanner.eat(',') {
                let found = shown(scanner.rest());
                return Err(format!("expected a comma or }}, found {found}"));
            }
        }
        match scanner.rest() {
            "" => Ok(()),
            rest => Err(format!("expected nothing after }}, found {}", shown(rest))),
        }
    }
}
