//! `countersign check --probe`

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _, sync::Arc};

use anstyle::{AnsiColor, Style as Ansi};

use super::{Exit, Failure, args::Check, output::Output, target};
use crate::{
    config::TargetSpec,
    scenario::Scenario,
    source::{Sources, Style},
    target::tenant::{self, Finding, Probed, State},
};

/// Asks a tenant, shows what was found and what it costs, and tells what is wrong at its place in the file.
pub(super) fn probe(
    args: &Check,
    tenant: &TargetSpec,
    selected: &[Arc<Scenario>],
    sources: &Sources,
    output: &Output,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let probed = runtime.block_on(tenant::probe(&args.target, tenant));
    let mut text = format!("the target `{}` was asked; nothing was changed\n", args.target);
    text += &table(&probed.findings, output.style());
    text += &skips(&probed, selected, args.verbose);
    output.write(&text)?;
    let mut exit = Exit::Passed;
    let mut problems = Vec::new();
    for finding in &probed.findings {
        match &finding.state {
            State::Good | State::Told => {}
            State::Poor(problem) => {
                problems.push(target::diagnostic(problem, &tenant.places).warning());
            }
            State::Bad(problem) => {
                problems.push(target::diagnostic(problem, &tenant.places));
                if exit != Exit::Usage {
                    exit = target::exit(problem);
                }
            }
        }
    }
    output.problems(&problems, sources);
    Ok(exit)
}

/// A line for each finding; a part is named in the first of its lines.
fn table(findings: &[Finding], style: Style) -> String {
    let width = |text: fn(&Finding) -> &str| findings.iter().map(|it| text(it).len()).max();
    let parts = width(|finding| &finding.part).unwrap_or_default();
    let whats = width(|finding| finding.what).unwrap_or_default();
    let mut text = String::new();
    let mut before = "";
    for Finding { part, what, text: said, state } in findings {
        let (ansi, word) = match state {
            State::Good => (AnsiColor::Green.on_default(), "ok"),
            State::Told => (Ansi::new(), ""),
            State::Poor(_) => (AnsiColor::Yellow.on_default(), "warn"),
            State::Bad(_) => (AnsiColor::Red.on_default(), "FAIL"),
        };
        let word = format!("{word:<4}");
        let word =
            if style.color { format!("{}{word}{:#}", ansi.bold(), ansi.bold()) } else { word };
        let shown = if part == before { "" } else { part };
        before = part;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {word}  {shown:<parts$}  {what:<whats$}  {said}");
    }
    text
}

/// Why scenarios would be skipped, the reason of most of them first; below each, if wanted, their ids.
fn skips(probed: &Probed<'_>, selected: &[Arc<Scenario>], with_ids: bool) -> String {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for scenario in selected {
        if let Some(reason) = probed.skip(scenario) {
            reasons.entry(reason).or_default().push(&scenario.id);
        }
    }
    let skipped: usize = reasons.values().map(Vec::len).sum();
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, ids)| Reverse(ids.len()));
    let known = if probed.knows_settings() { "" } else { ", as far as the file tells" };
    let mut text = format!("{skipped} of {} scenarios would be skipped{known}\n", selected.len());
    let width = reasons.first().map_or(0, |(_, ids)| ids.len().to_string().len());
    for (reason, ids) in reasons {
        let _ = writeln!(text, "  {:>width$}  {reason}", ids.len());
        for id in ids.iter().filter(|_| with_ids) {
            let _ = writeln!(text, "  {:>width$}    {id}", "");
        }
    }
    text
}
