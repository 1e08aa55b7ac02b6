//! What is wrong, as data, and its one rendering: with lines and a caret, as compilers do it.

use std::fmt::Write as _;

use annotate_snippets::{
    AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet, renderer::DecorStyle,
};

use serde::Deserialize;

use super::{Sources, Span};

/// One thing that is wrong: in a file, on the command line, or in what a tenant answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// What happened; lower case, no full stop.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there instead.
    pub found: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What it conflicts with, in the same text, and a word on that.
    pub beside: Option<(Span, String)>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It stops what was asked.
    Error,
    /// It does not.
    Warning,
}

/// Where something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a text.
    At(Span),
    /// In a file as a whole, or one that could not be read.
    File(String),
    /// In no file: the command line, the target.
    Nowhere,
}

impl Diagnostic {
    /// An error in a text.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self::new(Place::At(span), message)
    }

    /// An error in a file as a whole.
    pub fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Place::File(path.into()), message)
    }

    /// An error that is in no file.
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self::new(Place::Nowhere, message)
    }

    fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            place,
            expected: None,
            found: None,
            hint: None,
            beside: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { level: Level::Warning, ..self }
    }

    /// The same, saying what should have been there.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// The same, saying what was there.
    #[must_use]
    pub fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    /// The same, saying what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, showing another place of the text that it conflicts with.
    #[must_use]
    pub fn beside(self, span: Span, label: impl Into<String>) -> Self {
        Self { beside: Some((span, label.into())), ..self }
    }

    /// The same, saying what to do unless it says so already.
    #[must_use]
    pub fn or_hint(self, hint: &str) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint) }
    }

    /// The same, with the word of `known` that was probably meant by `word`, or else all of them.
    #[must_use]
    pub fn one_of<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        if let Some(meant) = suggest(word, known.clone()) {
            return self.hint(format!("did you mean `{meant}`?"));
        }
        let words: Vec<_> = known.into_iter().map(|word| format!("`{word}`")).collect();
        if words.is_empty() { self } else { self.expected(one_of(&words)) }
    }

    /// What stands beside the caret.
    fn label(&self) -> Option<String> {
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => Some(format!("expected {expected}, found {found}")),
            (Some(expected), None) => Some(format!("expected {expected}")),
            (None, Some(found)) => Some(format!("found {found}")),
            (None, None) => None,
        }
    }
}

fn one_of(words: &[String]) -> String {
    match words {
        [word] => word.clone(),
        words => format!("one of {}", words.join(", ")),
    }
}

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
}

/// Draws diagnostics, each followed by an empty line.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
        let drawn = renderer.render(&[group(diagnostic, sources)]);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{drawn}\n");
        text
    })
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let title = match diagnostic.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let title = title.primary_title(diagnostic.message.as_str());
    let label = diagnostic.label();
    let group = match &diagnostic.place {
        Place::At(span) => {
            let source = sources.get(span.source);
            let annotation = AnnotationKind::Primary
                .span(span.start as usize..(span.end as usize).min(source.text().len()))
                .label(label);
            let beside = diagnostic.beside.as_ref().map(|(span, label)| {
                AnnotationKind::Context.span(span.start as usize..span.end as usize).label(label)
            });
            let snippet = Snippet::source(source.text()).path(source.name());
            title.element(snippet.annotation(annotation).annotations(beside))
        }
        Place::File(path) => {
            let group = title.element(Origin::path(path.as_str()));
            noted(group, label)
        }
        Place::Nowhere => noted(Group::with_title(title), label),
    };
    match &diagnostic.hint {
        Some(hint) => group.element(Title::HELP.message(hint.as_str())),
        None => group,
    }
}

fn noted(group: Group<'_>, label: Option<String>) -> Group<'_> {
    match label {
        Some(label) => group.element(Title::NOTE.message(label)),
        None => group,
    }
}

/// The word of `known` that was probably meant by `word`.
///
/// ```
/// use countersign::source::suggest;
///
/// assert_eq!(suggest("enrol", ["login", "enroll"]), Some("enroll"));
/// assert_eq!(suggest("banana", ["login", "enroll"]), None);
/// ```
#[must_use]
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |candidate: &str| strsim::jaro_winkler(word, candidate);
    known
        .into_iter()
        .map(|candidate| (candidate, similarity(candidate)))
        .filter(|(_, similarity)| *similarity > 0.84)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}
