//! Those who hear a run: the reports and the progress bar. They have a thread of their own, so that a reader who is
//! slow, or gone, holds up no request.

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Failure,
    args::Format,
    github,
    output::{self, Output},
    report_file::ReportFile,
};
use crate::{
    event::{Event, wire::Line},
    report::{Detail, Github, Human, InOrder, Json, Junit, Markdown, Reporter, Tap},
    source::{Diagnostic, Sources, Style},
};

/// The reports of a run.
pub(super) struct Listeners {
    /// Standard output.
    result: Listening,
    format: Format,
    style: Style,
    reports: Vec<Listening>,
    progress: ProgressBar,
}

/// A report, until it cannot be written any more, and the file that it becomes.
struct Listening {
    reporter: Option<Box<dyn Reporter>>,
    file: Option<ReportFile>,
}

/// A kind of report, and the file that it goes to.
pub(super) struct Wanted {
    kind: Kind,
    path: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Human,
    Json,
    Junit,
    Tap,
    Markdown,
    Github,
}

const KINDS: [(&str, Kind); 6] = [
    ("human", Kind::Human),
    ("json", Kind::Json),
    ("junit", Kind::Junit),
    ("tap", Kind::Tap),
    ("markdown", Kind::Markdown),
    ("github", Kind::Github),
];

/// Reads what `--report` was given.
pub(super) fn wanted(texts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for text in texts {
        let (word, path) = text.split_once('=').unwrap_or((text, ""));
        let kind = KINDS.iter().find(|(known, _)| *known == word);
        let problem = Diagnostic::nowhere(format!("`{text}` is not a report"));
        match kind {
            Some(_) if path.is_empty() => problems.push(problem.expected(format!("`{word}=FILE`"))),
            Some(_) if wanted.iter().any(|other| other.path == path) => {
                problems.push(Diagnostic::nowhere(format!("two reports would be in `{path}`")));
            }
            Some((_, kind)) => wanted.push(Wanted { kind: *kind, path: path.to_owned() }),
            None => {
                let problem = problem.one_of(word, KINDS.map(|(known, _)| known));
                problems.push(problem.or_hint("a report is asked for as `KIND=FILE`"));
            }
        }
    }
    wanted
}

impl Listeners {
    /// Opens standard output and the reports. An older report is removed: should the run not come to an end, there is
    /// none. That is done only if all can be written.
    pub(super) fn open(
        wanted: Vec<Wanted>,
        format: Format,
        detail: Detail,
        output: &Output,
    ) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let mut opened = Vec::new();
        for Wanted { kind, path } in wanted {
            match ReportFile::create(path.as_ref()) {
                Ok((file, writer)) => opened.push((kind, file, writer)),
                Err(error) => problems
                    .push(Diagnostic::file(path, format!("the report cannot be written: {error}"))),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::Input(problems, Sources::default()));
        }
        let mut reports = Vec::new();
        for (kind, file, writer) in opened {
            file.remove_older()?;
            let plain = Style::default();
            let reporter: Box<dyn Reporter> = match kind {
                Kind::Human => Box::new(Human::new(writer, plain)),
                Kind::Json => Box::new(Json::new(writer)),
                Kind::Junit => Box::new(Junit::new(writer)),
                Kind::Tap => Box::new(Tap::new(writer)),
                Kind::Markdown => Box::new(Markdown::new(writer)),
                Kind::Github => Box::new(Github::new(writer, github::folder())),
            };
            reports.push(Listening { reporter: Some(reporter), file: Some(file) });
        }
        reports.extend(
            github::reporters()
                .into_iter()
                .map(|reporter| Listening { reporter: Some(reporter), file: None }),
        );
        let style = output.style();
        let reporter: Box<dyn Reporter> = match format {
            Format::Human => Box::new(Human::new(output.result(), style).showing(detail)),
            Format::Json => Box::new(Json::new(output.result())),
        };
        let result = Listening { reporter: Some(reporter), file: None };
        let progress = progress(format == Format::Human);
        Ok(Self { result, format, style, reports, progress })
    }

    /// Starts to listen. The thread ends when the sender is gone, and says what could not be written.
    pub(super) fn start(
        mut self,
        sources: Arc<Sources>,
    ) -> (mpsc::Sender<Event>, JoinHandle<io::Result<()>>) {
        let (sender, events) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut result = Ok(());
            let mut order = InOrder::default();
            for event in events {
                follow(&self.progress, &event);
                let mut written = Ok(());
                if self.format == Format::Json {
                    // Who reads events wants to have them at once.
                    let line = Line::of(event.clone(), &sources, Style::default());
                    written = self.show(&line);
                }
                order.event(event, &mut |event| {
                    let heard = self.hear(event, &sources);
                    written = std::mem::replace(&mut written, Ok(())).and(heard);
                });
                result = result.and(written);
            }
            result
        });
        (sender, thread)
    }

    /// Hears an event when it is its turn.
    fn hear(&mut self, event: Event, sources: &Sources) -> io::Result<()> {
        let is_shown = self.format == Format::Human;
        if !is_shown && self.reports.is_empty() {
            return Ok(());
        }
        let mut shown = Ok(());
        if is_shown && self.style.color {
            shown = self.show(&Line::of(event.clone(), sources, self.style));
        }
        let line = Line::of(event, sources, Style::default());
        if is_shown && !self.style.color {
            shown = self.show(&line);
        }
        shown.and(self.report(&line))
    }

    /// Hears a line of a run that is over. Problems are not in colours then: they were drawn by the run.
    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        let shown = self.show(line);
        shown.and(self.report(line))
    }

    fn show(&mut self, line: &Line) -> io::Result<()> {
        let Self { result, progress, .. } = self;
        progress.suspend(|| result.hear(line))
    }

    fn report(&mut self, line: &Line) -> io::Result<()> {
        let Self { reports, progress, .. } = self;
        let mut written = Ok(());
        progress.suspend(|| {
            for report in reports {
                let heard = report.hear(line);
                written = std::mem::replace(&mut written, Ok(())).and(heard);
            }
        });
        written
    }
}

impl Listening {
    /// A report that cannot be written is given up, and the others go on. That its reader has read enough is no error.
    fn hear(&mut self, line: &Line) -> io::Result<()> {
        let Some(reporter) = &mut self.reporter else { return Ok(()) };
        let heard = reporter.line(line);
        if heard.is_err() {
            self.reporter = None;
            self.file = None;
            return heard.or_else(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error),
            });
        }
        match self.file.take() {
            Some(file) if matches!(line, Line::RunFinished(_)) => {
                self.reporter = None;
                file.put_in_place()
            }
            file => {
                self.file = file;
                Ok(())
            }
        }
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
