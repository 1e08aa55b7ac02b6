//! Pages made of scenarios, requirements and snapshots, so that they say only what was seen: the tree of an mdBook whose
//! files read as well one by one.
//!
//! Texts come in and texts go out; `cli::docs` has the files. What is in a page is redacted already: requests and
//! responses are those of snapshots, and what a scenario gives is masked here.

#[macro_use]
mod markdown;

mod diagram;
mod errors;
mod given;
mod index;
mod questions;
mod requirements;
mod scenario;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    scenario::{Requirement, Requirements, Scenario},
    snapshot::Snapshot,
    source::{Diagnostic, Sources},
};
use step::{Misfit, Told, told};

/// What every page begins with; a file without it was made by somebody else.
pub const MARK: &str = "<!-- Made by `countersign docs`: change the scenarios, not this page. -->";
/// The same in `book.toml`. Without it the file is the reader's own, and is left alone.
pub const BOOK_MARK: &str =
    "# Made by `countersign docs`; without this line it is yours, and is left alone.";
/// The path of the book's settings.
pub const BOOK: &str = "book.toml";

/// A scenario with what was seen of it.
#[derive(Clone, Debug)]
pub struct Documented<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The snapshot that targets share, if there is one.
    pub recording: Option<Recording>,
    /// The snapshots of targets that are known to differ, by their names.
    pub exceptions: Vec<(String, Recording)>,
}

/// A snapshot, and where it is.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The path, as it is shown.
    pub path: String,
    /// What is in it.
    pub snapshot: Snapshot,
}

/// Everything that pages are made of.
struct Catalogue<'a> {
    pages: Vec<Page<'a>>,
    requirements: &'a Requirements,
}

/// The page of a scenario file: its scenario, or the combinations of its matrix.
struct Page<'a> {
    /// The id without the matrix's values.
    id: String,
    cases: Vec<Case<'a>>,
    /// `given` as the file has it, masked.
    given: Option<String>,
}

/// A scenario, its steps with what was recorded of each.
struct Case<'a> {
    scenario: &'a Scenario,
    steps: Vec<Told<'a>>,
    /// Where it is recorded, if it is.
    path: Option<&'a str>,
    /// Of targets that differ: the name, the path, and the steps.
    exceptions: Vec<(&'a str, &'a str, Vec<Told<'a>>)>,
}

/// All pages by their paths below the book's folder, or what is wrong with what they are to be made of.
pub fn pages(
    documented: &[Documented<'_>],
    requirements: &Requirements,
    sources: &Sources,
) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let pages = Page::of_all(documented, sources, &mut problems);
    let catalogue = Catalogue { pages, requirements };
    let mut written: Vec<(String, String)> = vec![(BOOK.to_owned(), index::book())];
    let mut page = |path: &str, text: String| {
        written.push((format!("src/{path}"), format!("{MARK}\n\n{}\n", text.trim())));
    };
    page("SUMMARY.md", index::summary(&catalogue));
    page("README.md", index::front(&catalogue));
    page(errors::PATH, errors::page(&catalogue));
    page(requirements::PATH, requirements::page(&catalogue));
    for (path, text) in questions::pages(&catalogue) {
        page(&path, text);
    }
    for group in catalogue.groups().into_iter().filter(|group| !group.is_empty()) {
        page(&format!("{group}/README.md"), index::group(&catalogue, group));
    }
    for one in &catalogue.pages {
        page(&one.path(), scenario::page(one, catalogue.requirements));
    }
    let mut paths = BTreeSet::new();
    for (path, _) in &written {
        if !paths.insert(path.to_lowercase()) {
            let id = path.trim_start_matches("src/").trim_end_matches(".md");
            let problem = format!("the page of the scenario `{id}` has the path of another one");
            problems.push(Diagnostic::nowhere(problem).hint("give the scenario another name"));
        }
    }
    if problems.is_empty() { Ok(written.into_iter().collect()) } else { Err(problems) }
}

impl Catalogue<'_> {
    /// The folders of scenarios, sorted; that of scenarios in no folder is empty.
    fn groups(&self) -> Vec<&str> {
        let groups: BTreeSet<&str> = self.pages.iter().map(Page::group).collect();
        groups.into_iter().collect()
    }

    fn of_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Page<'a>> {
        self.pages.iter().filter(move |page| page.group() == group)
    }
}

impl<'a> Page<'a> {
    fn of_all(
        documented: &'a [Documented<'a>],
        sources: &Sources,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Self> {
        let mut pages: BTreeMap<&str, Self> = BTreeMap::new();
        for one in documented {
            let id = base(&one.scenario.id);
            let page = pages.entry(id).or_insert_with(|| Self {
                id: id.to_owned(),
                cases: Vec::new(),
                given: given::yaml(one.scenario.source, sources),
            });
            match Case::of(one) {
                Ok(case) => page.cases.push(case),
                Err(Misfit(path)) => problems.push(
                    Diagnostic::file(path, "the snapshot has other steps than the scenario")
                        .hint("`countersign run` makes the new one pending, `countersign accept` takes it"),
                ),
            }
        }
        pages.into_values().filter(|page| !page.cases.is_empty()).collect()
    }

    /// The folder that the scenario is in.
    fn group(&self) -> &str {
        self.id.rsplit_once('/').map_or("", |(group, _)| group)
    }

    fn path(&self) -> String {
        format!("{}.md", self.id)
    }

    /// The link's target from a page in some folder.
    fn from(&self, folder: &str) -> String {
        markdown::relative(folder, &self.path())
    }

    fn first(&self) -> &Scenario {
        self.cases[0].scenario
    }

    fn title(&self) -> String {
        markdown::plain(&self.first().title.value)
    }

    fn has_tag(&self, wanted: &str) -> bool {
        self.first().tags.iter().any(|tag| tag.value == wanted)
    }

    /// The requirements that it covers, each once, as far as they are known.
    fn covers<'r>(&self, requirements: &'r Requirements) -> Vec<&'r Requirement> {
        let covered = self.cases.iter().flat_map(|case| &case.scenario.covers);
        let covered: BTreeSet<&str> = covered.map(|id| id.value.as_str()).collect();
        covered.into_iter().filter_map(|id| requirements.get(id)).collect()
    }
}

impl<'a> Case<'a> {
    fn of(one: &'a Documented<'a>) -> Result<Self, Misfit> {
        let exceptions = one.exceptions.iter().map(|(target, recording)| {
            let steps = told(one.scenario, Some(recording))?;
            Ok((target.as_str(), recording.path.as_str(), steps))
        });
        Ok(Self {
            scenario: one.scenario,
            steps: told(one.scenario, one.recording.as_ref())?,
            path: one.recording.as_ref().map(|recording| recording.path.as_str()),
            exceptions: exceptions.collect::<Result<_, _>>()?,
        })
    }

    /// The matrix's values, if there is one.
    fn values(&self) -> Option<&str> {
        let values = &self.scenario.id[base(&self.scenario.id).len()..];
        values.strip_prefix('[')?.strip_suffix(']')
    }
}

/// An id without the matrix's values.
fn base(id: &str) -> &str {
    id.split_once('[').map_or(id, |(base, _)| base)
}
