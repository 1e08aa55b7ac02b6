//! `--tag`: `email and not (slow or expiry)`.

use crate::source::{Diagnostic, SourceId, Sources, Span};

/// A condition on the tags of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagExpression {
    /// The scenario has this tag.
    Tag(String),
    /// The condition does not hold.
    Not(Box<Self>),
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// One of them holds.
    Or(Box<Self>, Box<Self>),
}

impl TagExpression {
    /// Reads an expression; `not` binds tightest, then `and`, then `or`.
    pub fn parse(source: SourceId, sources: &Sources) -> Result<Self, Box<Diagnostic>> {
        let text = sources.get(source).text();
        let mut parser = Parser { source, text, tokens: tokens(text), position: 0 };
        let expression = parser.or()?;
        match parser.next() {
            None => Ok(expression),
            Some((token, at)) => Err(parser.unexpected(Some((token, at)), "`and` or `or`").into()),
        }
    }

    /// Whether it holds for these tags.
    #[must_use]
    pub fn matches(&self, tags: &[String]) -> bool {
        match self {
            Self::Tag(tag) => tags.contains(tag),
            Self::Not(inner) => !inner.matches(tags),
            Self::And(one, other) => one.matches(tags) && other.matches(tags),
            Self::Or(one, other) => one.matches(tags) || other.matches(tags),
        }
    }
}

struct Parser<'a> {
    source: SourceId,
    text: &'a str,
    tokens: Vec<(&'a str, usize)>,
    position: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<TagExpression, Box<Diagnostic>> {
        let mut left = self.and()?;
        while self.take("or") {
            left = TagExpression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<TagExpression, Box<Diagnostic>> {
        let mut left = self.not()?;
        while self.take("and") {
            left = TagExpression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<TagExpression, Box<Diagnostic>> {
        // Each `not` and `(` takes a token, and the command line is not long: the depth is bounded.
        if self.take("not") {
            return Ok(TagExpression::Not(Box::new(self.not()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            return match self.next() {
                Some((")", _)) => Ok(inner),
                other => Err(self.unexpected(other, "`)`").into()),
            };
        }
        match self.next() {
            Some((word, _)) if !["and", "or", ")"].contains(&word) => {
                Ok(TagExpression::Tag(word.to_owned()))
            }
            other => Err(self.unexpected(other, "a tag, `not` or `(`").into()),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.position).is_some_and(|(next, _)| *next == token);
        self.position += usize::from(found);
        found
    }

    fn next(&mut self) -> Option<(&'a str, usize)> {
        let token = self.tokens.get(self.position).copied();
        self.position += 1;
        token
    }

    fn unexpected(&self, token: Option<(&str, usize)>, expected: &str) -> Diagnostic {
        let (start, end) =
            token.map_or((self.text.len(), self.text.len()), |(token, at)| (at, at + token.len()));
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span { source: self.source, start: place(start), end: place(end) };
        Diagnostic::at(span, "this is not a tag expression").expected(expected)
    }
}

fn tokens(text: &str) -> Vec<(&str, usize)> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() || character == '(' || character == ')' {
            if let Some(start) = start.take() {
                tokens.push((&text[start..at], start));
            }
            if !character.is_whitespace() {
                tokens.push((&text[at..=at], at));
            }
        } else {
            start.get_or_insert(at);
        }
    }
    if let Some(start) = start {
        tokens.push((&text[start..], start));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::TagExpression;
    use crate::source::Sources;

    fn holds(text: &str, tags: &[&str]) -> Result<bool, String> {
        let mut sources = Sources::default();
        let source = sources.add("--tag", text);
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        match TagExpression::parse(source, &sources) {
            Ok(expression) => Ok(expression.matches(&tags)),
            Err(problem) => Err(problem.expected.unwrap_or_default()),
        }
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert_eq!(holds("a or b and c", &["a"]), Ok(true));
        assert_eq!(holds("(a or b) and c", &["a"]), Ok(false));
        assert_eq!(holds("not a and not not b", &["b"]), Ok(true));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for wrong in ["", "and", "a and", "not", "( )"] {
            assert_eq!(holds(wrong, &[]), Err("a tag, `not` or `(`".to_owned()), "{wrong}");
        }
        assert_eq!(holds("a b", &[]), Err("`and` or `or`".to_owned()));
        assert_eq!(holds("(a", &[]), Err("`)`".to_owned()));
    }
}
