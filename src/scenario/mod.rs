//! Scenarios: from YAML to located values, with every problem of every file reported at once.
//!
//! This module knows what a scenario says, not how it is run: templates and patterns are syntax here, and a
//! verb becomes a [`Draft`] of the request that it is short for.

#[macro_use]
mod words;

mod client;
mod draft;
mod expectation;
pub mod fault;
mod given;
mod matrix;
mod names;
mod pattern;
pub mod policy;
mod requirements;
mod schema;
pub mod served_fault;
mod settings;
mod step;
mod template;
mod values;
mod verb;

pub use self::{
    client::{Authentication, Client, Grant, MANAGEMENT_SCOPES, ManagementScopes, PublicJwk},
    draft::{Body, Draft, Encoding, Path},
    expectation::{Expect, Query, Statuses},
    given::{Channel, DEFAULT_USER, Enrolled, Factor, Given, Policy, Tenant, User},
    pattern::{JsonType, JwtPattern, Matcher, Pattern, PatternData},
    requirements::{Confidence, Requirement, Requirements},
    schema::schema,
    settings::Settings,
    step::{Action, Step, Until},
    template::{Access, Expression, Part, Template, Text, Tree, TreeData},
    verb::{Captures, PushAnswer},
};

use crate::source::{
    Diagnostic, Located, Place, SourceId, Sources, Span,
    document::{Fields, Reader},
    suggest,
    yaml::{self, Data, Node},
};

/// A scenario: what must be given, and steps in order. With a matrix, one combination of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The path below the scenario folder without the ending, with the matrix's values in brackets.
    pub id: String,
    /// The file.
    pub source: SourceId,
    /// The path of the file, as it is shown.
    pub file: String,
    /// One sentence.
    pub title: Located<String>,
    /// What a reader has to know.
    pub summary: Option<String>,
    /// Words to choose it by.
    pub tags: Vec<Located<String>>,
    /// Ids of the requirements that it proves.
    pub covers: Vec<Located<String>>,
    /// What must be there.
    pub given: Given,
    /// What happens.
    pub steps: Vec<Step>,
    /// What happens at the end, whatever happened.
    pub cleanup: Vec<Step>,
}

/// Reads one file. `id` is its path below the scenario folder without the ending.
///
/// One scenario comes out, or one for each combination of the matrix; none if anything is wrong with it, and
/// then `problems` says all of it.
pub fn parse(
    id: &str,
    source: SourceId,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Scenario> {
    let before = problems.len();
    let Some(document) = yaml::load(source, sources, problems) else { return Vec::new() };
    let mut reader = Reader::new(sources.get(source), problems).without(matrix::is_name);
    let scenarios: Vec<_> = matrix::expand(document, &mut reader)
        .into_iter()
        .filter_map(|(values, document)| {
            // Enough is enough: the other combinations are no better.
            let is_worth_it = reader.problems.len() - before < MANY_PROBLEMS;
            is_worth_it
                .then(|| Scenario::read(&format!("{id}{values}"), source, &document, &mut reader))
                .flatten()
        })
        .collect();
    // Read in the order of the types, told in the order of the lines.
    problems[before..].sort_by_cached_key(|problem| {
        let start = match problem.place {
            Place::At(span) => span.start,
            Place::File(_) | Place::Nowhere => 0,
        };
        (start, problem.message.clone())
    });
    // The combinations of a matrix have most of their problems in common: those stand side by side now.
    let mut own = problems.split_off(before);
    own.dedup();
    problems.append(&mut own);
    if problems.len() == before { scenarios } else { Vec::new() }
}

/// After this many problems no further combination of a matrix is read.
const MANY_PROBLEMS: usize = 100;

impl Scenario {
    fn read(id: &str, source: SourceId, document: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let file = reader.source.name().to_owned();
        let mut fields = Fields::of(document, reader)?;
        let title: Option<Located<String>> = fields.required("title");
        if let Some(title) = title.as_ref().filter(|title| title.value.contains(char::is_control)) {
            let problem = Diagnostic::at(title.span, "the title has a line end or another control");
            fields.reader.problem(problem.expected("one line"));
        }
        let summary = fields.optional("summary");
        let tags = fields.default("tags");
        let covers = fields.default("covers");
        fields.entry("matrix");
        let given: Given = fields.default("given");
        let steps: Option<Vec<step::StepFile>> = fields.required("steps");
        let cleanup: Vec<step::StepFile> = fields.default("cleanup");
        if let (Some(steps), Some((key, node))) = (&steps, fields.entry("steps"))
            && steps.is_empty()
            && matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty())
        {
            fields.reader.problem(Diagnostic::at(key.span, "there are no steps"));
        }
        fields.finish();
        let whole = steps.as_ref().is_some_and(|steps| step::are_whole(document, steps, &cleanup));
        let (steps, cleanup) = step::resolve(steps?, cleanup, &given, reader);
        let scenario = Self {
            id: id.to_owned(),
            source,
            file,
            title: title?,
            summary,
            tags,
            covers,
            given,
            steps,
            cleanup,
        };
        // Where a step could not be read, nobody knows what it would have captured.
        if whole {
            names::check(&scenario, reader);
        }
        Some(scenario)
    }

    /// The user of this name; the default one unless it is one of `given.users`.
    #[must_use]
    pub fn user(&self, name: &str) -> &User {
        let users = &self.given.users;
        users
            .iter()
            .find(|(known, _)| known.value == name)
            .map_or(&self.given.user, |(_, user)| user)
    }

    /// The names of all users, the default one first.
    pub fn user_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(DEFAULT_USER)
            .chain(self.given.users.iter().map(|(name, _)| name.value.as_str()))
    }
}

/// Reports what `covers` names and `requirements` do not have.
pub fn check_covers(
    scenarios: &[Scenario],
    requirements: &Requirements,
    problems: &mut Vec<Diagnostic>,
) {
    let mut reported: Vec<Span> = Vec::new();
    for id in scenarios.iter().flat_map(|scenario| &scenario.covers) {
        if requirements.get(&id.value).is_none() && !reported.contains(&id.span) {
            reported.push(id.span);
            let problem =
                Diagnostic::at(id.span, format!("there is no requirement `{}`", id.value));
            let known = requirements.iter().map(|requirement| requirement.id.value.as_str());
            let written_out = written_out(&id.value);
            let meant = requirements.get(&written_out).map(|known| known.id.value.as_str());
            problems.push(match meant.or_else(|| suggest(&id.value, known)) {
                Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
                None => {
                    problem.hint("`countersign list --requirements` prints those that there are")
                }
            });
        }
    }
}

/// An id as ids are written: `assoc-7` is `ASSOC-07`.
fn written_out(id: &str) -> String {
    let id = id.to_uppercase();
    match id.rsplit_once('-') {
        Some((area, number)) => format!("{area}-{:0>2}", number.trim_start_matches('0')),
        None => id,
    }
}
