//! The layout: which module may import which. The table is the one of the design, in the order of dependency.
#![expect(clippy::disallowed_methods, reason = "the sources are read from the tree")]

use std::{collections::BTreeSet, fs, path::Path};

use walkdir::WalkDir;

/// Each module, and what it may import: all of it is above it.
const LAYOUT: &[(&str, &[&str])] = &[
    ("address", &[]),
    ("clock", &[]),
    // Of the clock how a length of time is written.
    ("source", &["clock"]),
    ("secret", &[]),
    ("exchange", &["secret"]),
    // Above `serve`: an outbox is made of its `Message`.
    ("codes", &["secret", "exchange", "clock"]),
    ("scenario", &["address", "source", "secret", "clock"]),
    // Of code sources how they are set up, of scenarios the grants.
    ("config", &["address", "source", "secret", "codes", "scenario"]),
    // Of the configuration what a tenant cannot give.
    ("plan", &["address", "source", "scenario", "config"]),
    ("step", &["source", "secret", "exchange", "scenario"]),
    // Of `step` the scope, for templates in patterns.
    ("expect", &["source", "secret", "exchange", "scenario", "step"]),
    ("snapshot", &["source", "secret", "exchange"]),
    // Of snapshots the recorded exchange and its labels.
    ("observe", &["source", "secret", "exchange", "clock", "snapshot"]),
    // Of scenarios how sure a requirement is: rules of clients are requirements too.
    ("client", &["source", "clock", "scenario", "snapshot", "observe"]),
    // A case is what an event is about; of snapshots it has the redacted exchanges and the difference.
    ("event", &["source", "exchange", "plan", "expect", "snapshot"]),
    // What two runs saw, side by side.
    ("drift", &["source", "scenario", "plan", "snapshot", "event"]),
    // What proves a requirement, and where.
    ("coverage", &["source", "scenario"]),
    // Of snapshots the recorded exchanges, of exchanges how a request is shown.
    ("docs", &["source", "exchange", "scenario", "snapshot"]),
    ("emulator", &["address", "secret", "exchange", "clock"]),
    ("serve", &["address", "secret", "exchange", "clock", "codes", "emulator"]),
    // It is prepared for a case, and says what the scope knows before the first step.
    (
        "target",
        &[
            "source", "secret", "exchange", "clock", "codes", "scenario", "config", "plan", "step",
            "snapshot", "emulator", "serve",
        ],
    ),
    (
        "run",
        &[
            "source", "secret", "exchange", "clock", "codes", "scenario", "plan", "step", "expect",
            "snapshot", "event", "target",
        ],
    ),
    // Of snapshots the recorded exchange, which events carry.
    // Of the plan how the parts of a run are told apart.
    ("report", &["source", "scenario", "plan", "snapshot", "event"]),
    (
        "cli",
        &[
            "source", "secret", "exchange", "clock", "codes", "scenario", "config", "plan", "step",
            "expect", "snapshot", "observe", "client", "event", "drift", "coverage", "docs",
            "emulator", "serve", "target", "run", "report",
        ],
    ),
];

#[test]
fn every_module_imports_what_it_may() {
    let imports = imports();
    assert!(imports.len() > 50, "only {} imports were found", imports.len());
    let forbidden: Vec<_> = imports
        .iter()
        .filter(|(file, module, imported)| {
            let row = LAYOUT.iter().find(|(name, _)| name == module);
            let (_, allowed) = row.unwrap_or_else(|| panic!("{file} is not in the layout"));
            module != imported && !allowed.contains(&imported.as_str())
        })
        .map(|(file, _, imported)| format!("{file} imports `{imported}`"))
        .collect();
    assert_eq!(forbidden, Vec::<String>::new());
}

#[test]
fn the_layout_is_an_order_and_has_every_module() {
    for (index, (module, allowed)) in LAYOUT.iter().enumerate() {
        for imported in *allowed {
            let above = LAYOUT[..index].iter().any(|(name, _)| name == imported);
            assert!(above, "`{module}` may import `{imported}`, which is not above it");
        }
    }
    let library = fs::read_to_string("src/lib.rs").expect("the library can be read");
    let declared: BTreeSet<_> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, LAYOUT.iter().map(|(module, _)| *module).collect());
}

/// What must stay so however the table changes.
#[test]
fn the_layout_keeps_apart_what_must_not_know_of_each_other() {
    let imports = imports();
    for (module, never) in [
        ("emulator", &["scenario", "step", "expect", "snapshot"][..]),
        ("scenario", &["step", "expect", "target"]),
        ("report", &["run", "target"]),
        ("drift", &["run", "target"]),
        ("run", &["report", "serve", "emulator"]),
    ] {
        assert!(imports.iter().any(|(_, name, _)| name == module), "`{module}` imports nothing");
        let found = imports
            .iter()
            .find(|(_, name, imported)| name == module && never.contains(&imported.as_str()));
        assert_eq!(found, None);
    }
    let to_cli = imports.iter().find(|(_, module, imported)| imported == "cli" && module != "cli");
    assert_eq!(to_cli, None);
}

#[test]
fn imports_are_found_in_all_their_forms() {
    let text = "//! crate::no\nuse crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::F;\n\
                fn g(_: crate::h::I) {}\n#[cfg(test)]\nmod tests { use crate::j; }\n";
    assert_eq!(paths(text), ["a", "d", "e", "h"]);
}

/// The file, its module, and a module that it names; without what is there for tests only.
fn imports() -> Vec<(String, String, String)> {
    WalkDir::new("src")
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the folder can be read").into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter(|path| !matches!(path.to_str(), Some("src/lib.rs" | "src/main.rs")))
        .flat_map(|path| {
            let text = fs::read_to_string(&path).expect("the file can be read");
            let module = module(&path);
            let file = path.display().to_string();
            paths(&text).into_iter().map(move |name| (file.clone(), module.clone(), name))
        })
        .collect()
}

fn module(path: &Path) -> String {
    let first = path.components().nth(1).expect("a file below src").as_os_str();
    Path::new(first).file_stem().expect("a name").display().to_string()
}

/// The names that follow `crate::` in a text, each member of a braced list counted.
fn paths(text: &str) -> Vec<String> {
    let code: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|next| next.is_alphanumeric() || *next == '_')
            .collect()
    };
    let mut names = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let rest = &code[at + found.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.push(name(rest));
            continue;
        };
        names.push(name(list));
        let mut depth = 0;
        for (at, next) in list.char_indices() {
            match next {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => names.push(name(&list[at + 1..])),
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
