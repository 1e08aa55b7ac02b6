//! The two streams of the program: standard output for the result, standard error for everything else.
#![expect(
    clippy::disallowed_methods,
    reason = "whether there are colours depends on the environment"
)]

use std::io::{self, IsTerminal as _, Write as _};

use super::args::Color;
use crate::source::{self, Diagnostic, Level, Sources, Style};

/// Where results and messages go, and how they look.
pub(super) struct Output {
    color: Color,
}

impl Output {
    pub(super) const fn new(color: Color) -> Self {
        Self { color }
    }

    /// Standard output: line by line where somebody is watching, else by larger pieces.
    #[expect(clippy::unused_self, reason = "the stream is this type's to give")]
    pub(super) fn result(&self) -> Box<dyn io::Write + Send> {
        let stream = io::stdout();
        if stream.is_terminal() { Box::new(stream) } else { Box::new(io::BufWriter::new(stream)) }
    }

    /// Writes a result that is ready.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        let mut writer = self.result();
        writer.write_all(text.as_bytes())?;
        writer.flush()
    }

    /// How results look.
    pub(super) fn style(&self) -> Style {
        self.style_of(io::stdout().is_terminal())
    }

    fn style_of(&self, terminal: bool) -> Style {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                !set("NO_COLOR") && (set("CLICOLOR_FORCE") || terminal && !dumb_terminal())
            }
        };
        Style { color }
    }

    /// Diagnostics, to standard error, and how many there are.
    pub(super) fn problems(&self, problems: &[Diagnostic], sources: &Sources) {
        let style = self.style_of(io::stderr().is_terminal());
        let mut text = source::render(problems, sources, style);
        let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
        if errors > 1 {
            text.extend([errors.to_string().as_str(), " errors\n"]);
        }
        // If this cannot be written, there is nobody left to tell.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// A line for the person, to standard error.
pub(super) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether nobody is there to look or to answer: `CI` is set, and not to say no.
pub(super) fn is_ci() -> bool {
    std::env::var_os("CI")
        .is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn dumb_terminal() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
