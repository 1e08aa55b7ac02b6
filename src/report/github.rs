//! Annotations of GitHub Actions: what is wrong, at its line of the scenario in the pull request. They are workflow
//! commands, which the runner reads from either stream of a step.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use super::{
    Reporter,
    details::{earlier_wrong, wrong},
};
use crate::event::wire::{Case, Line, Place, Summary, Verdict};

/// Writes annotations.
pub struct Github<W> {
    writer: W,
    /// From the repository's root to the folder that files are named from.
    folder: PathBuf,
}

impl<W: io::Write> Github<W> {
    /// Writes to `writer`; `folder` is the folder that files are named from, as seen from the repository's root.
    pub const fn new(writer: W, folder: PathBuf) -> Self {
        Self { writer, folder }
    }

    fn finished(&mut self, case: &Case) -> io::Result<()> {
        if case.verdict.is_bad() {
            for one in wrong(case) {
                let title = format!("{} {}", case.id, case.verdict.word());
                self.annotate("error", &one.place, &title, &one.message)?;
            }
        }
        if case.verdict == Verdict::Flaky {
            let all = case.earlier.iter().flat_map(|attempt| earlier_wrong(case, attempt));
            for one in all {
                let title = format!("{} is flaky", case.id);
                self.annotate("warning", &one.place, &title, &one.message)?;
            }
        }
        Ok(())
    }

    fn annotate(
        &mut self,
        level: &str,
        place: &Place,
        title: &str,
        message: &str,
    ) -> io::Result<()> {
        let mut properties = vec![format!("file={}", property(&self.in_repository(&place.file)))];
        properties.extend(place.line.map(|line| format!("line={line}")));
        properties.extend(place.column.map(|column| format!("col={column}")));
        properties.push(format!("title={}", property(title)));
        writeln!(self.writer, "::{level} {}::{}", properties.join(","), data(message))
    }

    fn in_repository(&self, file: &str) -> String {
        let mut path = PathBuf::new();
        for component in self.folder.join(file).components() {
            match component {
                // A file above the root keeps its name: it is in no repository.
                Component::ParentDir if path.file_name().is_some() => {
                    path.pop();
                }
                Component::CurDir => {}
                other => path.push(other),
            }
        }
        slashed(&path)
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        if summary.interrupted {
            let rest = summary.not_run;
            writeln!(
                self.writer,
                "::warning title=countersign::the run was interrupted, {rest} not run"
            )?;
        }
        self.writer.flush()
    }
}

impl<W: io::Write + Send> Reporter for Github<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::RunStarted(_) | Line::CaseStarted { .. } => Ok(()),
            Line::CaseFinished(case) => self.finished(case),
            Line::RunFinished(summary) => self.summary(summary),
        }
    }
}

fn slashed(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

/// What the runner's `unescapeData` gives back; without what a terminal would obey.
fn data(text: &str) -> String {
    let is_shown = |character: &char| !character.is_control() || "\r\n\t".contains(*character);
    let text: String = text.chars().filter(is_shown).collect();
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What the runner's `unescapeProperty` gives back.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::Github;

    #[test]
    fn files_are_named_from_the_root() {
        let named = |folder: &str, file| Github::new(Vec::new(), folder.into()).in_repository(file);
        assert_eq!(named("", "scenarios/a.yaml"), "scenarios/a.yaml");
        assert_eq!(named("api/tests", "./a.yaml"), "api/tests/a.yaml");
        assert_eq!(named("api/tests", "../a.yaml"), "api/a.yaml");
        assert_eq!(named("api", "../../a.yaml"), "../a.yaml");
        assert_eq!(named("api", "/tmp/a.yaml"), "/tmp/a.yaml");
    }
}
