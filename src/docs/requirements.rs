//! The page of all requirements, which pages of scenarios link to.

use super::{
    Catalogue,
    markdown::{link, plain},
    scenario::mark,
};

/// Where it is, below the root of pages.
pub(super) const PATH: &str = "requirements.md";

pub(super) fn page(catalogue: &Catalogue<'_>) -> String {
    let mut text = "# Requirements\n\nWhat the API is documented to do, or was seen to do, who says so, how sure that \
                    is, and the scenarios that show it.\n"
        .to_owned();
    let mut area = "";
    for requirement in catalogue.requirements.iter() {
        let id = requirement.id.value.as_str();
        let of = id.rsplit_once('-').map_or(id, |(area, _)| area);
        if of != area {
            put!(text, "\n## {}\n", plain(of));
            area = of;
        }
        let covering: Vec<_> = catalogue
            .pages
            .iter()
            .filter(|page| {
                let mut covers = page.cases.iter().flat_map(|case| &case.scenario.covers);
                covers.any(|covered| covered.value == id)
            })
            .map(|page| link(&plain(&page.id), &page.from("")))
            .collect();
        let by = if covering.is_empty() {
            "No scenario shows it.".to_owned()
        } else {
            format!("Shown by {}.", covering.join(", "))
        };
        put!(
            text,
            "\n### {}\n\n{} {} *({})*\n\n{by}\n",
            plain(id),
            mark(requirement.confidence),
            plain(&requirement.statement),
            plain(&requirement.source)
        );
    }
    text
}
