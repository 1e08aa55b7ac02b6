//! The scenarios that we ship, read as `cli::files` reads them.

use std::{fs, path::Path, sync::Arc};

use countersign::{
    scenario::{self, Scenario},
    source::{Sources, Style, render},
};
use walkdir::WalkDir;

/// A scenario file: its path, its id and its text.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) text: String,
}

/// The files of the scenario folder, in order.
pub(crate) fn files() -> Vec<File> {
    let root = Path::new("scenarios");
    let files: Vec<_> = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the folder can be read").into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter(|path| !path.ends_with("requirements.yaml"))
        .map(|path| File {
            id: path.strip_prefix(root).expect("below it").with_extension("").display().to_string(),
            text: fs::read_to_string(&path).expect("the file can be read"),
            path: path.display().to_string(),
        })
        .collect();
    assert!(files.len() >= 24, "only {} scenario files were found", files.len());
    files
}

/// Their scenarios; panics with everything that is wrong with them.
pub(crate) fn scenarios(files: &[File]) -> (Vec<Arc<Scenario>>, Arc<Sources>) {
    let (mut sources, mut problems) = (Sources::default(), Vec::new());
    let mut scenarios = Vec::new();
    for file in files {
        let source = sources.add(&file.path, &file.text);
        let parsed = scenario::parse(&file.id, source, &sources, &mut problems);
        scenarios.extend(parsed.into_iter().map(Arc::new));
    }
    assert!(problems.is_empty(), "{}", render(&problems, &sources, Style::default()));
    (scenarios, Arc::new(sources))
}
