//! `requirements.yaml`: the documented behaviours of the API, each with an id, that scenarios say they cover.

use std::fmt;

use serde::Deserialize;

use crate::source::{
    Diagnostic, Located, SourceId, Sources,
    document::{Fields, FromNode, Reader, word},
    yaml::{self, Node},
};

/// The requirements of a catalogue, in their order.
#[derive(Clone, Debug, Default)]
pub struct Requirements(Vec<Requirement>);

/// One documented behaviour.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// `AREA-NN`.
    pub id: Located<String>,
    /// The behaviour, in our words.
    pub statement: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub confidence: Confidence,
}

/// How sure a requirement is, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Recorded on the wire.
    Recorded,
    /// In the official documentation.
    Documented,
    /// In the official OpenAPI document.
    Openapi,
    /// In an official SDK's source.
    Sdk,
    /// Quoted from a real tenant.
    Seen,
    /// In the invented answer of an SDK's test.
    Mock,
    /// Documented nowhere: our choice.
    Guess,
}

impl Confidence {
    const WORDS: [(&'static str, Self); 7] = [
        ("recorded", Self::Recorded),
        ("documented", Self::Documented),
        ("openapi", Self::Openapi),
        ("sdk", Self::Sdk),
        ("seen", Self::Seen),
        ("mock", Self::Mock),
        ("guess", Self::Guess),
    ];
}

impl fmt::Display for Confidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, known)| known == self);
        formatter.pad(word.map_or("", |(word, _)| word))
    }
}

impl Requirements {
    /// Reads a `requirements.yaml`.
    #[must_use]
    pub fn parse(source: SourceId, sources: &Sources, problems: &mut Vec<Diagnostic>) -> Self {
        let Some(document) = yaml::load(source, sources, problems) else { return Self::default() };
        let mut reader = Reader::new(sources.get(source), problems);
        let requirements: Vec<Requirement> =
            FromNode::from_node(&document, &mut reader).unwrap_or_default();
        for (index, requirement) in requirements.iter().enumerate() {
            let id = &requirement.id;
            if requirements[..index].iter().any(|earlier| earlier.id.value == id.value) {
                let message = format!("the requirement `{}` is here twice", id.value);
                reader.problem(Diagnostic::at(id.span, message));
            }
        }
        Self(requirements)
    }

    /// The requirement of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.iter().find(|requirement| requirement.id.value == id)
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> + Clone {
        self.0.iter()
    }
}

impl FromNode for Requirement {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let id = fields.required("id");
        let statement = fields.required("statement");
        let source = fields.required("source");
        let confidence = fields.required("confidence");
        fields.finish();
        Some(Self { id: id?, statement: statement?, source: source?, confidence: confidence? })
    }
}

impl FromNode for Confidence {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "confidence", &Self::WORDS, reader)
    }
}
