//! `countersign check`

use super::{Exit, Failure, args::Check, files, output::Output};

pub(super) fn check(args: &Check, output: &Output) -> Result<Exit, Failure> {
    let mut catalogue = files::load(&args.selection.paths)?;
    let mut problems = Vec::new();
    let selection = files::selection(&args.selection, None, &mut catalogue.sources, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, catalogue.sources));
    }
    let count = selection.select(catalogue.scenarios).len();
    if count == 0 {
        return Err(Failure::input(files::nothing_selected()));
    }
    let what = if count == 1 { "scenario is" } else { "scenarios are" };
    output.write(&format!("{count} {what} well-formed\n"))?;
    Ok(Exit::Passed)
}
