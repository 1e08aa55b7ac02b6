//! The pages that lead to others: the front page, the contents, and one for each folder.

use super::{
    BOOK_MARK, Catalogue, Page, errors,
    markdown::{anchor, link, plain, relative, table},
    questions, requirements,
};

/// The book's settings.
pub(super) fn book() -> String {
    // Links to a README.md lead to its README.html only where mdBook does not make an index.html of it.
    format!(
        "{BOOK_MARK}\n[book]\ntitle = \"What the MFA API does\"\nlanguage = \"en\"\n\n\
         [build]\n# Pages are as they are on GitHub: README.md stays README.html, and no text is a command.\n\
         use-default-preprocessors = false\n"
    )
}

/// The contents, as an mdBook wants them.
pub(super) fn summary(catalogue: &Catalogue<'_>) -> String {
    let mut text = "# Summary\n\n[The scenarios](README.md)\n\n".to_owned();
    put!(text, "- {}\n", link("What happens if …", &format!("{}/README.md", questions::FOLDER)));
    for (title, path) in questions::contents(catalogue) {
        put!(text, "  - {}\n", link(&title, &path));
    }
    put!(text, "- {}\n", link("All errors", errors::PATH));
    put!(text, "- {}\n\n", link("Requirements", requirements::PATH));
    text += "# Scenarios\n\n";
    for group in catalogue.groups() {
        let indent = if group.is_empty() {
            ""
        } else {
            put!(text, "- {}\n", link(&plain(group), &relative("", &format!("{group}/README.md"))));
            "  "
        };
        for page in catalogue.of_group(group) {
            put!(text, "{indent}- {}\n", link(&page.title(), &page.from("")));
        }
    }
    text
}

/// The first page.
pub(super) fn front(catalogue: &Catalogue<'_>) -> String {
    let scenarios: usize = catalogue.pages.iter().map(|page| page.cases.len()).sum();
    let mut text = format!(
        "# What the MFA API does\n\n{scenarios} scenarios, each with the requests that it sends and the answers that came. \
         The pages are made of the scenarios and their recordings, so they say only what was seen.\n\n\
         A label stands for a value: `[mfa_token#1]` is the same token wherever it occurs on a page. A requirement says how \
         sure it is; what is documented nowhere is marked **\\[guess\\]**.\n\n"
    );
    put!(text, "- {}\n", link("What happens if …", &format!("{}/README.md", questions::FOLDER)));
    put!(text, "- {}, by endpoint\n", link("All errors", errors::PATH));
    let statements = catalogue.requirements.iter().count();
    put!(text, "- {}: {statements} of them\n\n", link("Requirements", requirements::PATH));
    text += "## Scenarios\n\n";
    let groups: Vec<_> = catalogue.groups().into_iter().filter(|group| !group.is_empty()).collect();
    if !groups.is_empty() {
        let rows = groups.into_iter().map(|group| {
            let target = relative("", &format!("{group}/README.md"));
            let count: usize = catalogue.of_group(group).map(|page| page.cases.len()).sum();
            vec![link(&plain(group), &target), count.to_string()]
        });
        text += &table(&["folder", "scenarios"], rows);
    }
    if catalogue.groups().contains(&"") {
        put!(text, "\n{}", pages(catalogue, ""));
    }
    text
}

/// The page of a folder.
pub(super) fn group(catalogue: &Catalogue<'_>, group: &str) -> String {
    format!("# {}\n\n{}", plain(group), pages(catalogue, group))
}

fn pages(catalogue: &Catalogue<'_>, group: &str) -> String {
    let row = |page: &Page<'_>| {
        let target = relative(group, requirements::PATH);
        let covers = page.covers(catalogue.requirements).into_iter().map(|requirement| {
            let id = &requirement.id.value;
            link(&plain(id), &format!("{target}#{}", anchor(id)))
        });
        let name = page.id.rsplit('/').next().unwrap_or_default();
        let covers = covers.collect::<Vec<_>>().join(", ");
        vec![link(&plain(name), &page.from(group)), page.title(), covers]
    };
    table(&["scenario", "what it shows", "requirements"], catalogue.of_group(group).map(row))
}
