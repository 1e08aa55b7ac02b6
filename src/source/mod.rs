//! Source texts and what is wrong with them: spans, located YAML and how it is read into types, and diagnostics with
//! their rendering.

mod diagnostic;
pub(crate) mod document;
pub mod yaml;

pub use diagnostic::{Diagnostic, Level, Place, Style, render, suggest};

use std::ops::Range;

/// The texts that spans point into.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

/// A text, the name under which its reader knows it, and where its lines begin.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

/// Which source of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A part of a source, in bytes: `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The source.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A value with the place where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Located<T> {
    /// The same place with another value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: convert(self.value), span: self.span }
    }
}

impl Sources {
    /// Takes a text in; `name` is the path to show.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(Source::new(name.into(), text.into()));
        id
    }

    /// Shows `*` for each byte of some parts of a source from now on, but for its ends of lines: places stay as they are.
    pub(crate) fn conceal(&mut self, id: SourceId, parts: &[Range<usize>]) {
        let Source { text, .. } = &mut self.0[id.0 as usize];
        let mut concealed = std::mem::take(text).into_bytes();
        for part in parts {
            for byte in concealed.get_mut(part.clone()).into_iter().flatten() {
                if *byte != b'\n' {
                    *byte = b'*';
                }
            }
        }
        *text = String::from_utf8_lossy(&concealed).into_owned();
    }

    /// The source of this id, which must have come from here.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// `file:line:column` of where a span begins; both count from one, columns in characters.
    #[must_use]
    pub fn position(&self, span: Span) -> Position<'_> {
        let source = self.get(span.source);
        let start = (span.start as usize).min(source.text.len());
        let line = source.line_starts.partition_point(|&begin| begin <= start);
        let begin = source.line_starts[line - 1];
        let column = source.text[begin..start].chars().count() + 1;
        Position { file: &source.name, line, column }
    }
}

impl Source {
    fn new(name: String, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { name, text, line_starts }
    }

    /// The path that is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Where something begins, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    /// The path that is shown.
    pub file: &'a str,
    /// The line, from one.
    pub line: usize,
    /// The column, from one, in characters.
    pub column: usize,
}

impl std::fmt::Display for Position<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::{Sources, Span};

    #[test]
    fn positions_count_characters() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", "title: ü\nsteps: é x\n");
        let at = |start| sources.position(Span { source, start, end: start }).to_string();
        assert_eq!(at(0), "a.yaml:1:1");
        assert_eq!(at(10), "a.yaml:2:1");
        assert_eq!(at(20), "a.yaml:2:10");
    }
}
