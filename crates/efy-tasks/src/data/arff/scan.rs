//! Cutting a line of ARFF into names and values.

use std::borrow::Cow;

/// A name or value. Quoting matters once: a quoted `?` is a value, a bare one a gap.
pub(super) struct Token<'a> {
    pub text: Cow<'a, str>,
    pub quoted: bool,
}

/// What is left of a line.
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    /// What is left, without leading blanks.
    pub(super) fn rest(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    /// Takes `sign` if it comes next.
    pub(super) fn eat(&mut self, sign: char) -> bool {
        match self.rest().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a quoted token, or a bare one up to a character that `ends` it (or the line's end).
    pub(super) fn token(&mut self, ends: impl Fn(char) -> bool) -> Result<Token<'a>, String> {
        let rest = self.rest();
        if let Some(quote @ ('\'' | '"')) = rest.chars().next() {
            return Ok(Token {
                text: self.quoted(quote)?,
                quoted: true,
            });
        }
        let (text, rest) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        self.rest = rest;
        Ok(Token {
            text: Cow::Borrowed(text.trim_end()),
            quoted: false,
        })
    }

    /// Takes a quoted token; a backslash makes the next character an ordinary one.
    fn quoted(&mut self, quote: char) -> Result<Cow<'a, str>, String> {
        let body = &self.rest[1..];
        let mut unescaped: Option<String> = None;
        let mut chars = body.char_indices();
        while let Some((at, mut c)) = chars.next() {
            if c == quote {
                self.rest = &body[at + 1..];
                return Ok(unescaped.map_or(Cow::Borrowed(&body[..at]), Cow::Owned));
            }
            if c == '\\' {
                unescaped.get_or_insert_with(|| body[..at].to_owned());
                c = match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, other)) => other,
                    None => break,
                };
            }
            if let Some(text) = &mut unescaped {
                text.push(c);
            }
        }
        Err(format!("a quote ({quote}) is not closed"))
    }
}
