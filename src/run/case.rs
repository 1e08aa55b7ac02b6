//! One case: its attempts, its verdict, and its snapshot.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    Options,
    attempt::{self, Attempt},
    skipped,
};
use crate::{
    clock::{self, Stopwatch},
    event::{self, CaseFinished, Verdict},
    exchange::Retry,
    plan::{Case, Recorded},
    snapshot::{Difference, Snapshot, Update, format},
    source::Diagnostic,
    target::Target,
};

/// How often a case is begun anew because nobody knows what of it was done.
const RESTARTS: u32 = 8;
/// How long is waited before, times how often it was.
const RESTART_WAIT: Duration = Duration::from_millis(250);

/// Runs a case, again while it fails and may be retried. With it comes what the last attempt ran into.
pub(super) async fn run(
    index: usize,
    case: &Arc<Case>,
    target: &dyn Target,
    options: &Options,
    interrupt: watch::Receiver<bool>,
) -> (CaseFinished, Trouble) {
    if let Some(reason) = &case.skip {
        return (skipped(index, case, reason, options.no_skip), Trouble::default());
    }
    let watch = Stopwatch::start();
    let (mut attempts, mut restarts) = (0, 0);
    let mut retries = Vec::new();
    let mut earlier = Vec::new();
    let (mut attempt, compared) = loop {
        attempts += 1;
        let seed = seed(options.seed, case, attempts + restarts);
        let mut attempt = attempt::run(case, target, seed, interrupt.clone()).await;
        retries.append(&mut attempt.retries);
        if let Some(reason) = &attempt.lost
            && restarts < RESTARTS
            && !target.is_gone()
            && !*interrupt.borrow()
        {
            // It was no attempt: what it would have shown was lost on the way.
            attempts -= 1;
            restarts += 1;
            let wait = RESTART_WAIT * restarts;
            retries.push(Retry { what: "the scenario".to_owned(), reason: reason.clone(), wait });
            clock::wait(wait).await;
            continue;
        }
        let compared = compare(case, target.name(), &mut attempt, options);
        // What is new, or is to be accepted, is no better the next time.
        let differs = matches!(&compared, Compared::Differs(difference)
            if difference.old.is_some() && update(difference, options) != Update::Always);
        let failed = !attempt.failures.is_empty() || differs;
        if !failed || attempts > options.retries || *interrupt.borrow() {
            break (attempt, compared);
        }
        let difference = match compared {
            Compared::Differs(difference) => Some(difference),
            Compared::Alike | Compared::AsShared => None,
        };
        earlier.push(event::Attempt { failures: attempt.failures, difference });
    };
    let needless_exception = matches!(compared, Compared::AsShared);
    let difference = match compared {
        Compared::Differs(difference) => write(case, difference, &mut attempt, options),
        Compared::Alike | Compared::AsShared => None,
    };
    let verdict = if let (Some(step), true) = (attempt.stopped, attempt.failures.is_empty()) {
        Verdict::Skipped(format!("the run was stopped in its step {step}"))
    } else if attempt.errored || attempt.corrupt {
        Verdict::Errored
    } else if !attempt.failures.is_empty() || difference.is_some() {
        Verdict::Failed
    } else if attempts > 1 {
        Verdict::Flaky
    } else {
        Verdict::Passed
    };
    let finished = CaseFinished {
        index,
        case: Arc::clone(case),
        batch: String::new(),
        verdict,
        attempts,
        requests: attempt.requests,
        not_judged: attempt.not_judged,
        retries,
        elapsed: watch.elapsed(),
        seen: attempt.seen,
        failures: attempt.failures,
        earlier,
        difference,
        needless_exception,
    };
    let unreachable = attempt.unreachable || attempt.lost.is_some() && target.is_gone();
    (finished, Trouble { unreachable, corrupt: attempt.corrupt })
}

/// What keeps a run from judging, and decides how the program exits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    pub(super) unreachable: bool,
    pub(super) corrupt: bool,
}

/// What the case makes up is decided by the run's seed and by which case it is, not by the order in which cases run.
/// FNV-1a, since the standard library's hash may change from one release to the next.
fn seed(seed: u64, case: &Case, attempt: u32) -> u64 {
    let id = case.id();
    let bytes = seed.to_le_bytes().into_iter().chain(id.bytes()).chain(attempt.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What was seen, held against the snapshot.
enum Compared {
    /// There is nothing to say.
    Alike,
    /// It is what the snapshot of all targets says, though this one is said to differ.
    AsShared,
    Differs(Difference),
}

/// Holds what was seen against the snapshot. A case that failed is not compared: what it saw is no result.
fn compare(case: &Case, target: &str, attempt: &mut Attempt, options: &Options) -> Compared {
    if !attempt.failures.is_empty() || attempt.stopped.is_some() {
        return Compared::Alike;
    }
    let id = &case.scenario.id;
    let steps: Vec<_> = attempt.recorded(&case.scenario).collect();
    let (new, is_empty) = (format::to_yaml(&steps), steps.is_empty());
    let body = |text: &str| format::body(text).unwrap_or_default().trim_end().to_owned();
    let Some(Recorded { path, text }) = &case.recorded else {
        // Where every step is left out there is nothing to keep.
        let path = options.store.path(id).display().to_string();
        if is_empty {
            return Compared::Alike;
        }
        let difference = Difference { path, old: None, new, pending: None, property_of: None };
        return Compared::Differs(difference);
    };
    let path = path.to_string();
    let old = body(text);
    // A shared snapshot that cannot be read is none that this could be.
    let shared = options.store.read_shared(id).ok().flatten();
    let is_as_shared = shared.is_some_and(|shared| body(&shared) == new);
    if old == new || is_as_shared {
        // What was pending has been overtaken. Should it stay, the next review shows it.
        if options.update != Update::No {
            let _ = options.store.reject(id);
        }
        return if is_as_shared { Compared::AsShared } else { Compared::Alike };
    }
    // What cannot be read is named, and never overwritten.
    if let Err(corrupt) = Snapshot::parse(text) {
        attempt.fail("snapshot", corrupt.diagnostic(path));
        attempt.corrupt = true;
        return Compared::Alike;
    }
    // A recording is played back as the tenant's, and is not the tenant.
    let tenant = options.store.shared_by(id).filter(|tenant| *tenant == target);
    let property_of = tenant.map(ToOwned::to_owned);
    Compared::Differs(Difference { path, old: Some(old), new, pending: None, property_of })
}

/// What may be written of a difference: of one that may be a tenant's own no more than what is pending, for the
/// snapshot is every other target's too.
fn update(difference: &Difference, options: &Options) -> Update {
    match options.update {
        Update::Always if difference.property_of.is_some() => Update::New,
        update => update,
    }
}

/// Writes what differs, as far as the run may; what became the snapshot differs no longer.
fn write(
    case: &Case,
    mut difference: Difference,
    attempt: &mut Attempt,
    options: &Options,
) -> Option<Difference> {
    let scenario = &case.scenario;
    let steps = attempt.recorded(scenario).cloned().collect();
    let text = Snapshot { steps }.to_text(&scenario.file, &scenario.title.value);
    let update = update(&difference, options);
    let (path, written) = match update {
        Update::No => return Some(difference),
        Update::New => {
            let path = options.store.pending_path(&scenario.id);
            (path, options.store.write_pending(&scenario.id, &text))
        }
        Update::Always => {
            (options.store.path(&scenario.id), options.store.write(&scenario.id, &text))
        }
    };
    let path = path.display().to_string();
    match written {
        Ok(()) if update == Update::Always => return None,
        Ok(()) => difference.pending = Some(path),
        Err(error) => {
            let message = format!("the snapshot cannot be written: {error}");
            attempt.fail("snapshot", Diagnostic::file(path, message));
            attempt.errored = true;
        }
    }
    Some(difference)
}
