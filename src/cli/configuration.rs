//! `countersign.yaml` and `.env` in the current folder, and the environment, for `--target`.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is asked for variables"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use super::{Failure, args::Paths, files};
use crate::{
    config::{self, BUILT_IN, Exceptions, TargetSpec},
    scenario::Scenario,
    source::{self, Diagnostic, SourceId, Sources, Style, suggest},
};

/// The file's name.
const FILE: &str = "countersign.yaml";
/// The file with more variables.
const VARIABLES: &str = ".env";

/// Reads scenarios and the tenants of these names, as far as they are tenants; what is wrong with those goes to
/// `problems`. The error is everything that is wrong with the scenarios, and then with the tenants as well.
pub(super) fn load(
    paths: &Paths,
    targets: &[&str],
    problems: &mut Vec<Diagnostic>,
) -> Result<(files::Catalogue, Vec<Option<TargetSpec>>), Failure> {
    let (catalogue, specs) =
        load_with(paths, problems, |sources, problems| tenants(targets, sources, problems))?;
    for spec in specs.iter().flatten().filter(|_| catalogue.whole) {
        unknown_exceptions(&spec.exceptions, &catalogue.scenarios, problems);
    }
    Ok((catalogue, specs))
}

/// The same, of the tenant its exceptions alone: none of its variables has to be set.
pub(super) fn load_exceptions(
    paths: &Paths,
    target: &str,
    problems: &mut Vec<Diagnostic>,
) -> Result<(files::Catalogue, Option<Exceptions>), Failure> {
    let (catalogue, exceptions) = load_with(paths, problems, |sources, problems| {
        if BUILT_IN.contains(&target) {
            let problem = Diagnostic::nowhere(format!("`{target}` is no tenant to play back as"));
            problems.push(problem.hint("leave out `--as`: the recording is of all targets"));
            return None;
        }
        let source = file(target, &[], sources, problems)?;
        config::exceptions(source, sources, target, problems)
    })?;
    if let Some(exceptions) = exceptions.as_ref().filter(|_| catalogue.whole) {
        unknown_exceptions(exceptions, &catalogue.scenarios, problems);
    }
    Ok((catalogue, exceptions))
}

fn load_with<T>(
    paths: &Paths,
    problems: &mut Vec<Diagnostic>,
    read: impl FnOnce(&mut Sources, &mut Vec<Diagnostic>) -> T,
) -> Result<(files::Catalogue, T), Failure> {
    match files::load(paths) {
        Ok(mut catalogue) => {
            let found = read(&mut catalogue.sources, problems);
            Ok((catalogue, found))
        }
        Err(Failure::Input(mut all, mut sources)) => {
            read(&mut sources, &mut all);
            Err(Failure::Input(all, sources))
        }
        Err(failure) => Err(failure),
    }
}

/// An exception of a scenario that is not there would never apply.
fn unknown_exceptions(
    exceptions: &Exceptions,
    scenarios: &[Scenario],
    problems: &mut Vec<Diagnostic>,
) {
    for (id, _) in exceptions {
        if !scenarios.iter().any(|scenario| scenario.id == id.value) {
            let problem = Diagnostic::at(id.span, format!("there is no scenario `{}`", id.value));
            let ids = scenarios.iter().map(|scenario| scenario.id.as_str());
            problems.push(match suggest(&id.value, ids) {
                Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
                None => problem.hint("`countersign list` prints those that there are"),
            });
        }
    }
}

/// What is wrong with the file as a whole is said once, however many of its targets are read.
fn tenants(
    targets: &[&str],
    sources: &mut Sources,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Option<TargetSpec>> {
    let mut said = BTreeSet::new();
    let read = |target: &&str| {
        if BUILT_IN.contains(target) {
            return None;
        }
        let mut wrong = Vec::new();
        let spec = tenant(target, sources, &mut wrong);
        let words = |problem: &Diagnostic| {
            source::render(std::slice::from_ref(problem), sources, Style::default())
        };
        wrong.retain(|problem| said.insert(words(problem)));
        problems.append(&mut wrong);
        spec
    };
    targets.iter().map(read).collect()
}

/// The text of the file.
fn file(
    target: &str,
    others: &[&str],
    sources: &mut Sources,
    problems: &mut Vec<Diagnostic>,
) -> Option<SourceId> {
    let path = Path::new(FILE);
    if !path.exists() {
        problems.push(
            Diagnostic::nowhere(format!("there is no target `{target}`"))
                .one_of(target, others.iter().copied())
                .or_hint("`countersign.yaml` in this folder names others, and there is none"),
        );
        return None;
    }
    let text = files::read(path, problems)?;
    Some(sources.add(FILE, text))
}

/// Reads the tenant of this name.
pub(super) fn tenant(
    target: &str,
    sources: &mut Sources,
    problems: &mut Vec<Diagnostic>,
) -> Option<TargetSpec> {
    let source = file(target, &BUILT_IN, sources, problems)?;
    let mut variables = variables(problems);
    // The environment wins.
    variables.extend(
        env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    let mut spec = config::read(source, sources, &variables, target, problems)?;
    if let Some(ca) = &spec.ca {
        match authorities(&ca.value) {
            Ok(authorities) => spec.authorities = Some(authorities),
            Err(wrong) => problems.push(
                Diagnostic::at(ca.span, "this file is of no use")
                    .expected("a file with certificates in PEM, from this folder")
                    .hint(wrong),
            ),
        }
    }
    Some(spec)
}

/// What is in a file of certificates. Whether they are any good is told where they are used.
fn authorities(path: &str) -> Result<Vec<u8>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let is_pem = text.contains("-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(text.into_bytes()) } else { Err("there is no certificate in it".to_owned()) }
}

/// The variables of `.env`, if it is there.
fn variables(problems: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let path = Path::new(VARIABLES);
    let text = if path.exists() { files::read(path, problems) } else { None };
    parse(&text.unwrap_or_default(), problems)
}

/// Lines of `NAME=value`; with quotes around it, a value may go over several lines. Wrong lines are told by their number
/// alone: they may have a secret in them.
fn parse(text: &str, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let mut wrong = |what: &str| {
            problems.push(
                Diagnostic::file(format!("{VARIABLES}:{number}"), what)
                    .expected("`NAME=value`, `NAME='value'` or a comment after `#`"),
            );
        };
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let (begun, next) = (rest, after);
        rest = next;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            wrong("this line sets no variable");
            continue;
        };
        let name = name.trim();
        let name = name.strip_prefix("export ").map_or(name, str::trim);
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_part) {
            wrong("this line sets no variable");
            continue;
        }
        let value = value.trim();
        let Some(quote) = value.chars().next().filter(|first| "'\"".contains(*first)) else {
            let value = value.split(" #").next().unwrap_or_default().trim_end();
            variables.insert(name.to_owned(), value.to_owned());
            continue;
        };
        let open = begun.find(quote).map_or("", |at| &begun[at + 1..]);
        let Some((value, after)) = quoted(open, quote) else {
            wrong("the quoted value has no end");
            break;
        };
        let (left, next) = after.split_once('\n').unwrap_or((after, ""));
        if !(left.trim().is_empty() || left.trim_start().starts_with('#')) {
            wrong("something stands behind the quoted value");
        }
        rest = next;
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// The text up to the quote, and what is behind it. Between double quotes `\n` is a new line, and a backslash takes what is
/// behind it as it is.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((value, &text[at + 1..])),
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_are_variables() {
        let text = "# all\nA=1\n export B = two words # said\n\nC='#a\n\\nb' # c\nD=\"x\\n\\\"y\\\"\"\nE=\nF=a#b=c\r\n";
        let mut problems = Vec::new();
        let variables = parse(text, &mut problems);
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "#a\n\\nb"),
            ("D", "x\n\"y\""),
            ("E", ""),
            ("F", "a#b=c"),
        ];
        assert_eq!(problems, []);
        assert!(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected));
    }

    #[test]
    fn wrong_lines_are_told_without_what_is_in_them() {
        let mut problems = Vec::new();
        let variables = parse("A=1\nhunter2\nB='b' c\nC-D=1\nE=\"hunter2\nF=1\n", &mut problems);
        let told: Vec<_> = problems
            .iter()
            .map(|problem| format!("{:?} {}", problem.place, problem.message))
            .collect();
        assert_eq!(
            told,
            [
                "File(\".env:2\") this line sets no variable",
                "File(\".env:3\") something stands behind the quoted value",
                "File(\".env:4\") this line sets no variable",
                "File(\".env:5\") the quoted value has no end",
            ]
        );
        assert_eq!(variables.len(), 2);
    }
}
