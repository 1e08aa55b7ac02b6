//! What happens in a run, as lines.

use super::{
    Attempt, Case, Difference, Failure, Line, Place, Problem, Retry, RunStarted, Shard, Step,
    Summary, Texts, VERSION, Verdict,
};
use crate::{
    event::{self, Event},
    exchange, plan, snapshot,
    source::{self, Diagnostic, Located, Sources, Span, Style},
};

impl Line {
    /// The event as a line; problems are drawn in `style`.
    #[must_use]
    pub fn of(event: Event, sources: &Sources, style: Style) -> Self {
        let draw = Draw { sources, style };
        match event {
            Event::RunStarted { target, seed, cases, part } => Self::RunStarted(RunStarted {
                version: VERSION,
                target,
                seed: Some(seed.to_string()),
                cases,
                shard: part.shard.map(Shard::from),
                selection: part.selection,
            }),
            Event::CaseStarted { index, case } => Self::CaseStarted { index, id: case.id() },
            Event::CaseFinished(finished) => Self::CaseFinished(Box::new(draw.case(*finished))),
            Event::RunFinished(summary) => Self::RunFinished(summary.into()),
        }
    }
}

impl From<plan::Shard> for Shard {
    fn from(shard: plan::Shard) -> Self {
        Self { index: shard.index(), count: shard.count() as usize }
    }
}

impl From<event::Summary> for Summary {
    fn from(summary: event::Summary) -> Self {
        Self {
            passed: summary.passed,
            failed: summary.failed,
            skipped: summary.skipped,
            flaky: summary.flaky,
            errored: summary.errored,
            not_run: summary.not_run,
            not_judged: summary.not_judged,
            retries: summary.retries,
            seconds: summary.elapsed.as_secs_f64(),
            interrupted: summary.interrupted,
            unreachable: summary.unreachable,
            corrupt: summary.corrupt,
        }
    }
}

impl From<snapshot::Difference> for Difference {
    fn from(difference: snapshot::Difference) -> Self {
        let snapshot::Difference { path, old, new, pending, property_of } = difference;
        Self { path, pending, old, new, property_of }
    }
}

/// Draws problems, and finds the lines of places.
struct Draw<'a> {
    sources: &'a Sources,
    style: Style,
}

impl Draw<'_> {
    fn case(&self, finished: event::CaseFinished) -> Case {
        let scenario = &finished.case.scenario;
        let texts = |located: &[Located<String>]| {
            located.iter().map(|located| located.value.clone()).collect()
        };
        let (verdict, reason) = match finished.verdict {
            event::Verdict::Passed => (Verdict::Passed, None),
            event::Verdict::Flaky => (Verdict::Flaky, None),
            event::Verdict::Failed => (Verdict::Failed, None),
            event::Verdict::Skipped(reason) => (Verdict::Skipped, Some(reason)),
            event::Verdict::Errored => (Verdict::Errored, None),
        };
        let retry = |retry: exchange::Retry| Retry {
            what: retry.what,
            reason: retry.reason,
            seconds: retry.wait.as_secs_f64(),
        };
        let earlier = |attempt: event::Attempt| Attempt {
            failures: self.failures(attempt.failures),
            snapshot: attempt.difference.map(Difference::from),
        };
        let step = |seen: event::SeenStep| Step {
            step: seen.step,
            place: self.place(seen.span),
            exchange: seen.exchange,
            seconds: seen.elapsed.as_secs_f64(),
        };
        Case {
            index: finished.index,
            id: finished.case.id(),
            title: scenario.title.value.clone(),
            file: scenario.file.clone(),
            line: self.sources.position(scenario.title.span).line,
            tags: texts(&scenario.tags),
            covers: texts(&scenario.covers),
            repetition: finished.case.repetition,
            batch: finished.batch,
            verdict,
            reason,
            attempts: finished.attempts,
            requests: finished.requests,
            not_judged: finished.not_judged,
            retries: finished.retries.into_iter().map(retry).collect(),
            seconds: finished.elapsed.as_secs_f64(),
            failures: self.failures(finished.failures),
            earlier: finished.earlier.into_iter().map(earlier).collect(),
            snapshot: finished.difference.map(Difference::from),
            needless_exception: finished.needless_exception,
            steps: finished.seen.into_iter().map(step).collect(),
        }
    }

    fn failures(&self, failures: Vec<event::Failure>) -> Vec<Failure> {
        let failure = |failure: event::Failure| Failure {
            step: failure.step,
            title: failure.title,
            problems: failure.diagnostics.into_iter().map(|found| self.problem(found)).collect(),
            exchange: failure.exchange,
            difference: failure.difference.map(|(old, new)| Texts { old, new }),
        };
        failures.into_iter().map(failure).collect()
    }

    fn problem(&self, found: Diagnostic) -> Problem {
        let rendered = source::render(std::slice::from_ref(&found), self.sources, self.style);
        let place = match found.place {
            source::Place::At(span) => Some(self.place(span)),
            source::Place::File(file) => Some(Place { file, line: None, column: None }),
            source::Place::Nowhere => None,
        };
        let Diagnostic { message, expected, found, hint, .. } = found;
        Problem { message, place, expected, found, hint, rendered }
    }

    fn place(&self, span: Span) -> Place {
        let position = self.sources.position(span);
        Place {
            file: position.file.to_owned(),
            line: Some(position.line),
            column: Some(position.column),
        }
    }
}
