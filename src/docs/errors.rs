//! The page of all error bodies that were seen: what an application has to be ready for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Catalogue, Page,
    markdown::{code, link, plain, table},
    step::{endpoint, refusal},
};
use crate::snapshot::RecordedStep;

/// Where it is, below the root of pages.
pub(super) const PATH: &str = "errors.md";

/// So many scenarios are named; the others are counted.
const NAMED: usize = 4;

/// Where, which status, error and description.
type Seen = (String, u16, String, String);

pub(super) fn page(catalogue: &Catalogue<'_>) -> String {
    let mut errors: BTreeMap<Seen, BTreeSet<(&str, String)>> = BTreeMap::new();
    for page in &catalogue.pages {
        for recorded in recorded(page).filter(|one| one.response.status >= 400) {
            let (error, description) = match refusal(&recorded.response) {
                Some((error, description)) => (error, description.unwrap_or_default()),
                None => ("", ""),
            };
            let seen = (
                endpoint(&recorded.request),
                recorded.response.status,
                error.to_owned(),
                description.to_owned(),
            );
            errors.entry(seen).or_default().insert((&page.id, page.from("")));
        }
    }
    let mut text = "# All errors\n\nEvery error body that was seen, below the endpoint that answered it. Of the Management \
                    API the error is its `errorCode`.\n"
        .to_owned();
    let endpoints: BTreeSet<&String> = errors.keys().map(|(endpoint, ..)| endpoint).collect();
    for endpoint in endpoints {
        let rows = errors.iter().filter(|((of, ..), _)| of == endpoint);
        let rows = rows.map(|((_, status, error, description), pages)| {
            let optional = |text: &str| if text.is_empty() { String::new() } else { code(text) };
            let cells = [status.to_string(), optional(error), plain(description)];
            cells.into_iter().chain([named(pages)]).collect()
        });
        let head = ["status", "error", "description", "seen in"];
        put!(text, "\n## {}\n\n{}", code(endpoint), table(&head, rows));
    }
    text
}

/// Everything recorded of a page, of targets that differ too.
fn recorded<'a>(page: &'a Page<'a>) -> impl Iterator<Item = &'a RecordedStep> {
    page.cases.iter().flat_map(|case| {
        let own = case.exceptions.iter().flat_map(|(_, _, steps)| steps);
        case.steps.iter().chain(own).filter_map(|told| told.recorded)
    })
}

fn named(pages: &BTreeSet<(&str, String)>) -> String {
    let mut named: Vec<_> =
        pages.iter().take(NAMED).map(|(id, path)| link(&plain(id), path)).collect();
    if pages.len() > NAMED {
        named.push(format!("and {} more", pages.len() - NAMED));
    }
    named.join(", ")
}
