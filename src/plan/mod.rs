//! Which scenarios are run, in which order, and which of them are skipped for what reason.

mod applications;
mod gap;
mod shard;
mod tags;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use globset::GlobMatcher;

use crate::scenario::Scenario;

pub use self::{
    applications::{Application, Applications, grants_of},
    gap::gap,
    shard::Shard,
    tags::TagExpression,
};

/// What the command line says of which scenarios to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A pattern for ids.
    pub filter: Option<Filter>,
    /// A condition on tags.
    pub tags: Option<TagExpression>,
    /// Only these, by their ids.
    pub ids: Option<BTreeSet<String>>,
    /// One part of several.
    pub shard: Option<Shard>,
    /// How long scenarios took before, by their ids: the parts are made so that all take about as long.
    pub durations: BTreeMap<String, Duration>,
}

/// A pattern for ids: the id itself, or a glob in which `*` also stands for slashes.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    glob: GlobMatcher,
}

/// Which of the selected scenarios a run has: what tells parts that belong together from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Which part of several; nothing if it is all that was selected.
    pub shard: Option<Shard>,
    /// The [`fingerprint`] of all that was selected, the other parts' too.
    pub selection: String,
}

/// A scenario to run, or to skip.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Which repetition of it, from one; nothing if there is only one.
    pub repetition: Option<usize>,
    /// Why it is not run.
    pub skip: Option<String>,
    /// Its snapshot, if it has one.
    pub recorded: Option<Recorded>,
}

/// A snapshot as it was read.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The path of the file, as it is shown.
    pub path: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl Filter {
    /// Reads a pattern. The error is for a person.
    pub fn parse(text: &str) -> Result<Self, globset::Error> {
        let glob = globset::Glob::new(text)?.compile_matcher();
        Ok(Self { text: text.to_owned(), glob })
    }

    fn matches(&self, id: &str) -> bool {
        self.text == id || self.glob.is_match(id)
    }
}

impl Selection {
    /// Whether nothing is left out by it.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.filter.is_none() && self.tags.is_none() && self.ids.is_none() && self.shard.is_none()
    }

    /// Whether a scenario is selected, in whichever part it is.
    #[must_use]
    pub fn chooses(&self, scenario: &Scenario) -> bool {
        let tags = || scenario.tags.iter().map(|tag| tag.value.clone()).collect::<Vec<_>>();
        self.filter.as_ref().is_none_or(|filter| filter.matches(&scenario.id))
            && self.tags.as_ref().is_none_or(|wanted| wanted.matches(&tags()))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&scenario.id))
    }

    /// The scenarios that are selected, in the order of their ids.
    #[must_use]
    pub fn select(&self, mut scenarios: Vec<Scenario>) -> Vec<Arc<Scenario>> {
        scenarios.sort_by(|one, other| one.id.cmp(&other.id));
        scenarios.retain(|scenario| self.chooses(scenario));
        if let Some(shard) = self.shard {
            let ids: Vec<_> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
            let mut holds = shard.holds(&ids, &self.durations).into_iter();
            scenarios.retain(|_| holds.next() == Some(true));
        }
        scenarios.into_iter().map(Arc::new).collect()
    }
}

/// What stands for a set of ids: the same for the same ids in any order, in hexadecimal. FNV-1a, as it has to be the
/// same on other machines and in later releases.
#[must_use]
pub fn fingerprint<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let bytes = ids.iter().flat_map(|id| id.bytes().chain([b'\n']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

impl Case {
    /// The id, and of repeated ones which repetition.
    #[must_use]
    pub fn id(&self) -> String {
        match self.repetition {
            Some(repetition) => format!("{}#{repetition}", self.scenario.id),
            None => self.scenario.id.clone(),
        }
    }
}

/// Every scenario, with its snapshot, `repeat` times; `skip` says why a target cannot run one.
///
/// Cases are made as they are wanted, and each owns its scenario: what has been run is forgotten.
#[must_use]
pub fn build(
    scenarios: Vec<(Arc<Scenario>, Option<Recorded>)>,
    repeat: usize,
    skip: &dyn Fn(&Scenario) -> Option<String>,
) -> Box<dyn ExactSizeIterator<Item = Case>> {
    let cases: Vec<_> = scenarios
        .into_iter()
        .map(|(scenario, recorded)| {
            let skip = skip(&scenario);
            Case { scenario, repetition: None, skip, recorded }
        })
        .collect();
    if repeat == 1 {
        return Box::new(cases.into_iter());
    }
    let count = cases.len();
    Box::new((0..repeat * count).map(move |index| Case {
        repetition: Some(index / count + 1),
        ..cases[index % count].clone()
    }))
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn filters_take_ids_and_globs() {
        let matches = |filter: &str, id| Filter::parse(filter).unwrap().matches(id);
        assert!(matches("email/a[sms]", "email/a[sms]"));
        assert!(matches("*enrol*", "email/enrolled"));
        assert!(!matches("sms/*", "email/a"));
        assert!(Filter::parse("a[").is_err());
    }
}
