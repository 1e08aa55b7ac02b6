//! Those who hear a run: the reports and the progress bar. They have a thread of their own, so that a reader who is
//! slow, or gone, holds up no request.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, IsTerminal as _},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Failure,
    args::Format,
    output::{self, Output},
};
use crate::{
    event::Event,
    report::{Detail, Human, Json, Reporter},
    source::{Diagnostic, Sources, Style, suggest},
};

/// The reports of a run.
pub(super) struct Listeners {
    reporters: Vec<Box<dyn Reporter + Send>>,
    progress: ProgressBar,
}

/// A kind of report, and the file that it goes to.
pub(super) struct Wanted {
    format: Format,
    path: String,
}

/// Reads what `--report` was given.
pub(super) fn wanted(texts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<Wanted> {
    let kinds = [("human", Format::Human), ("json", Format::Json)];
    let mut wanted = Vec::new();
    for text in texts {
        let (kind, path) = text.split_once('=').unwrap_or((text, ""));
        match kinds.iter().find(|(word, _)| *word == kind) {
            Some((_, format)) if !path.is_empty() => {
                wanted.push(Wanted { format: *format, path: path.to_owned() });
            }
            _ => {
                let problem = Diagnostic::nowhere(format!("`{text}` is not a report"))
                    .expected("`json=FILE` or `human=FILE`");
                problems.push(match suggest(kind, ["human", "json"]) {
                    Some(meant) if meant != kind => {
                        problem.hint(format!("did you mean `{meant}`?"))
                    }
                    _ => problem,
                });
            }
        }
    }
    wanted
}

impl Listeners {
    /// Opens standard output and the reports; none is emptied unless all can be written.
    pub(super) fn open(
        wanted: Vec<Wanted>,
        format: Format,
        detail: Detail,
        sources: &Arc<Sources>,
        output: &Output,
    ) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for Wanted { format, path } in wanted {
            match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
                Ok(file) => files.push((format, file)),
                Err(error) => problems
                    .push(Diagnostic::file(path, format!("the report cannot be written: {error}"))),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::Input(problems, Sources::default()));
        }
        let mut reporters =
            vec![reporter(format, detail, output.result(), sources, output.style())];
        for (format, file) in files {
            // What is no file, such as a pipe, has nothing to empty.
            let _ = file.set_len(0);
            let writer = BufWriter::new(file);
            reporters.push(reporter(format, Detail::Verdict, writer, sources, Style::default()));
        }
        Ok(Self { reporters, progress: progress(format == Format::Human) })
    }

    /// Starts to listen. The thread ends when the sender is gone, and says what could not be written.
    pub(super) fn start(mut self) -> (mpsc::Sender<Event>, JoinHandle<io::Result<()>>) {
        let (sender, events) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut result = Ok(());
            for event in events {
                if let Err(error) = self.hear(&event) {
                    result = result.and(Err(error));
                }
            }
            result
        });
        (sender, thread)
    }

    /// A report that cannot be written is given up, and the others go on. That its reader has read enough is no error.
    fn hear(&mut self, event: &Event) -> io::Result<()> {
        follow(&self.progress, event);
        let mut result = Ok(());
        let reporters = &mut self.reporters;
        self.progress.suspend(|| {
            reporters.retain_mut(|reporter| match reporter.event(event) {
                Ok(()) => true,
                Err(error) => {
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        result = Err(error);
                    }
                    false
                }
            });
        });
        result
    }
}

fn reporter(
    format: Format,
    detail: Detail,
    writer: impl io::Write + Send + 'static,
    sources: &Arc<Sources>,
    style: Style,
) -> Box<dyn Reporter + Send> {
    let sources = Arc::clone(sources);
    match format {
        Format::Human => Box::new(Human::new(writer, sources, style).showing(detail)),
        Format::Json => Box::new(Json::new(writer, sources)),
    }
}

/// A bar on a terminal, where a person is looking; nothing anywhere else.
pub(super) fn progress(is_for_people: bool) -> ProgressBar {
    let visible = is_for_people && io::stderr().is_terminal() && !output::is_ci();
    let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let template = "{bar:30.green} {pos}/{len} {wide_msg:.dim}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(style);
    bar
}

fn follow(progress: &ProgressBar, event: &Event) {
    match event {
        Event::RunStarted { cases, .. } => progress.set_length(*cases as u64),
        Event::CaseStarted { case, .. } if !progress.is_hidden() => {
            progress.set_message(case.id());
        }
        Event::CaseStarted { .. } => {}
        Event::CaseFinished(_) => progress.inc(1),
        Event::RunFinished(_) => progress.finish_and_clear(),
    }
}
