//! The pages of the catalogue that we ship: current, with links that lead somewhere, and a book without a warning.
//! `tests/run` installs mdBook; without it the book is skipped, and named at the end.
#![expect(clippy::disallowed_methods, reason = "pages are files")]

#[path = "../trials/mod.rs"]
mod trials;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Failed, Trial};
use regex::Regex;
use walkdir::WalkDir;

const BOOK: &str = "docs/catalogue";
const MDBOOK: &str = "target/clients/mdbook/bin/mdbook";

fn main() {
    let is_missing = !Path::new(MDBOOK).exists();
    let skipped = is_missing.then(|| format!("the_book_is_built: there is no {MDBOOK}"));
    let skipped: Vec<_> = skipped.into_iter().collect();
    let trials = vec![
        Trial::test("the_pages_are_current", the_pages_are_current),
        Trial::test("links_lead_somewhere", links_lead_somewhere),
        Trial::test("the_book_is_built", the_book_is_built).with_ignored_flag(is_missing),
    ];
    trials::run(trials, &skipped)
}

fn the_pages_are_current() -> Result<(), Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = command.args(["docs", "--check"]).output()?;
    if output.status.success() {
        return Ok(());
    }
    let seen = [output.stdout, output.stderr].concat();
    let seen = String::from_utf8_lossy(&seen);
    Err(format!("{seen}\ncargo run --locked -- docs").into())
}

/// On GitHub: each link is to a file beside it, and its anchor is a heading there.
fn links_lead_somewhere() -> Result<(), Failed> {
    let pages = files(Path::new(BOOK).join("src"), "md")?;
    let mut lost = BTreeSet::new();
    let mut found = 0;
    let is_link = Regex::new(r"\]\(([^)]+)\)")?;
    for (path, text) in &pages {
        for link in is_link.captures_iter(&without_code(text)) {
            found += 1;
            let (to, anchor) = link[1].split_once('#').unwrap_or((&link[1], ""));
            let to = beside(path, &to.replace("%20", " "));
            let leads = pages
                .get(&to)
                .is_some_and(|page| anchor.is_empty() || anchors(page).contains(anchor));
            if !leads {
                lost.insert(format!("{}: {}", path.display(), &link[1]));
            }
        }
    }
    if found < 1000 {
        return Err(format!("only {found} links were found").into());
    }
    none(&lost)
}

/// And there, too, each link leads somewhere.
fn the_book_is_built() -> Result<(), Failed> {
    let built = std::env::current_dir()?.join(env!("CARGO_TARGET_TMPDIR")).join("book");
    let output = Command::new(MDBOOK).args(["build", BOOK, "-d"]).arg(&built).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || said.contains("WARN") || said.contains("ERROR") {
        return Err(said.into());
    }
    let pages = files(built.clone(), "html")?;
    if pages.len() < 200 {
        return Err(format!("only {} pages were built", pages.len()).into());
    }
    let is_link = Regex::new(r##"<a [^>]*href="([^"#:]+\.html)(#[^"]*)?""##)?;
    let mut lost = BTreeSet::new();
    for (path, text) in pages.iter().filter(|(path, _)| !path.ends_with("404.html")) {
        for link in is_link.captures_iter(text) {
            let to = beside(path, &link[1].replace("%20", " "));
            let anchor = link.get(2).map(|anchor| anchor.as_str().trim_start_matches('#'));
            let leads = pages.get(&to).is_some_and(|page| {
                anchor.is_none_or(|anchor| page.contains(&format!("id=\"{anchor}\"")))
            });
            if !leads {
                lost.insert(format!("{}: {}", path.display(), &link[0]));
            }
        }
    }
    none(&lost)
}

fn none(lost: &BTreeSet<String>) -> Result<(), Failed> {
    if lost.is_empty() {
        return Ok(());
    }
    Err(lost.iter().cloned().collect::<Vec<_>>().join("\n").into())
}

/// The texts below a folder, by their paths.
fn files(folder: PathBuf, ending: &str) -> Result<BTreeMap<PathBuf, String>, Failed> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(folder) {
        let path = entry?.into_path();
        if path.extension().is_some_and(|known| known == ending) {
            let text = fs::read_to_string(&path)?;
            files.insert(path, text);
        }
    }
    Ok(files)
}

/// The path that a link from a page is to.
fn beside(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(page).to_owned();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

/// What is between fences is no Markdown.
fn without_code(text: &str) -> String {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let text = without_code(page);
    for heading in text.lines().filter(|line| line.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let kept = heading.chars().filter(|kept| kept.is_alphanumeric() || "-_".contains(*kept));
        anchors.insert(kept.collect());
    }
    anchors
}
