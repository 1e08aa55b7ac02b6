//! What `check --probe` finds, in words.

use super::{
    MARK, ask, journal,
    open::{Field, OpenError},
    settings::Settings,
    tidy::Leftovers,
};
use crate::{
    clock::AdjustedClock,
    codes::CodeSource,
    config::{Codes, TargetSpec},
};

/// One thing that was found out.
#[derive(Debug)]
pub struct Finding {
    /// The key of the target that it is about.
    pub part: String,
    /// What of it.
    pub what: &'static str,
    /// What was found.
    pub text: String,
    /// How good that is.
    pub state: State,
}

/// How good something is that was found out.
#[derive(Debug)]
pub enum State {
    /// As it should be.
    Good,
    /// To be known, or not asked.
    Told,
    /// A run goes on all the same.
    Poor(OpenError),
    /// It keeps a run, or some of its scenarios, from going well.
    Bad(OpenError),
}

impl Finding {
    pub(super) fn new(
        part: impl Into<String>,
        what: &'static str,
        text: impl Into<String>,
    ) -> Self {
        // Some of it is the tenant's, which has no say in what a terminal does.
        let text = text.into().replace(char::is_control, "\u{fffd}");
        Self { part: part.into(), what, text, state: State::Good }
    }

    pub(super) fn told(
        part: impl Into<String>,
        what: &'static str,
        text: impl Into<String>,
    ) -> Self {
        Self { state: State::Told, ..Self::new(part, what, text) }
    }

    pub(super) fn poor(part: impl Into<String>, what: &'static str, problem: OpenError) -> Self {
        let text = problem.message.clone();
        Self { state: State::Poor(problem), ..Self::new(part, what, text) }
    }

    pub(super) fn bad(part: impl Into<String>, what: &'static str, problem: OpenError) -> Self {
        let text = problem.message.clone();
        Self { state: State::Bad(problem), ..Self::new(part, what, text) }
    }
}

pub(super) fn of_domain(part: &str, domain: &str, discovered: &ask::Discovered) -> Vec<Finding> {
    let issuer = format!("https://{domain}/, trusted, and its issuer");
    let endpoints: Vec<_> = discovered.endpoints.iter().map(String::as_str).collect();
    let mut findings = vec![
        Finding::new(part, "reachable", issuer),
        Finding::told(part, "endpoints", or_none(&endpoints)),
    ];
    if !discovered.endpoints.contains("mfa_challenge") {
        let field = if part == "domain" { Field::Domain } else { Field::CustomDomain };
        let message = "discovery does not name the endpoint of MFA challenges";
        let hint = "whether the tenant has the MFA API, a scenario will tell";
        findings.push(Finding::poor(part, "endpoints", OpenError::new(field, message, hint)));
    }
    findings
}

pub(super) fn of_clock(clock: Option<AdjustedClock>) -> Finding {
    let Some(clock) = clock else {
        return Finding::told("clock", "difference", "not known: no answer has a date");
    };
    match ask::clock_problem(clock) {
        Some(problem) => Finding::poor("clock", "difference", problem),
        None => Finding::new("clock", "difference", "less than 2 s"),
    }
}

pub(super) fn of_settings(spec: &TargetSpec, settings: &Settings) -> Vec<Finding> {
    let shown = settings.shown().into_iter();
    let mut findings: Vec<_> =
        shown.map(|(what, text)| Finding::told("settings", what, text)).collect();
    findings.push(if ask::may_provision(spec) {
        Finding::new("settings", "provision", "allowed: they are made what scenarios ask for")
    } else {
        let text = "not in `allow`: scenarios that ask for others are skipped";
        Finding::told("settings", "provision", text)
    });
    if journal::is_changing(&spec.domain) {
        let message = "a run in this folder may be changing the settings at this moment";
        let hint = "ask again when it has ended";
        findings.push(Finding::poor(
            "settings",
            "run",
            OpenError::new(Field::Nothing, message, hint),
        ));
    }
    findings
}

pub(super) fn of_journals(name: &str, leftovers: std::io::Result<Leftovers>) -> Finding {
    let (part, what) = ("leftovers", "journals");
    let left = match leftovers {
        Ok(left) => left,
        Err(error) => {
            let message = format!("the journals cannot be read: {error}");
            let hint = format!("they are in `{}/{name}`", journal::FOLDER);
            return Finding::poor(part, what, OpenError::new(Field::Nothing, message, hint));
        }
    };
    let going_on = match left.alive.len() {
        0 => String::new(),
        1 => "; 1 run goes on".to_owned(),
        runs => format!("; {runs} runs go on"),
    };
    if left.over == 0 {
        return Finding::new(part, what, format!("none{going_on}"));
    }
    let runs = count(left.over, "run");
    let settings = if left.settings { ", and settings that it changed" } else { "" };
    let message =
        format!("{runs} ended and left {}{settings}{going_on}", count(left.users, "user"));
    Finding::poor(part, what, OpenError::new(Field::Nothing, message, cleanup_hint(name)))
}

pub(super) fn of_users(name: &str, (all, young): (usize, usize)) -> Finding {
    let (part, what) = ("leftovers", "users");
    if all == 0 {
        return Finding::new(part, what, format!("none whose address has `{MARK}-` in it"));
    }
    let old = all - young;
    if old == 0 {
        let text =
            format!("{}, made within the last hour: a run elsewhere may go on", count(all, "user"));
        return Finding::told(part, what, text);
    }
    let message = format!("{} of runs that are over", count(old, "user"));
    Finding::poor(part, what, OpenError::new(Field::Nothing, message, cleanup_hint(name)))
}

fn cleanup_hint(name: &str) -> String {
    format!("`countersign cleanup --target {name}` removes what is left")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

pub(super) fn or_none(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// What a source is, and how many messages it has.
pub(super) fn shown(codes: &Codes, source: &CodeSource, messages: Option<usize>) -> String {
    let word = codes.source.word();
    let messages = count(messages.unwrap_or_default(), "message");
    match source {
        CodeSource::Imap(_) => format!("{word}: the folder is read, {messages}"),
        CodeSource::Http(_) => format!("{word}: the list is read, {messages}"),
        CodeSource::Command(_) => format!("{word}: the program is there"),
        CodeSource::Prompt(_) => format!("{word}: there is a terminal"),
        CodeSource::Totp(_) => format!("{word}: made of the secret of an enrolment"),
        CodeSource::Fixed(_) => format!("{word}: always the same"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Finding, State, ask::Discovered, of_domain, of_journals, of_users};
    use crate::target::tenant::tidy::Leftovers;

    fn said(finding: &Finding) -> (&str, &str) {
        let state = match finding.state {
            State::Good => "good",
            State::Told => "told",
            State::Poor(_) => "poor",
            State::Bad(_) => "bad",
        };
        (state, &finding.text)
    }

    #[test]
    fn what_is_left_is_counted() {
        for (users, wanted) in [
            ((0, 0), ("good", "none whose address has `countersign-` in it")),
            ((2, 2), ("told", "2 users, made within the last hour: a run elsewhere may go on")),
            ((3, 2), ("poor", "1 user of runs that are over")),
        ] {
            assert_eq!(said(&of_users("t", users)), wanted);
        }
        let alive = vec!["a".to_owned()];
        let going_on = Leftovers { alive: alive.clone(), ..Leftovers::default() };
        assert_eq!(said(&of_journals("t", Ok(going_on))), ("good", "none; 1 run goes on"));
        let left = Leftovers { alive, over: 2, users: 3, settings: true };
        let text = "2 runs ended and left 3 users, and settings that it changed; 1 run goes on";
        assert_eq!(said(&of_journals("t", Ok(left))), ("poor", text));
    }

    #[test]
    fn a_tenant_without_the_endpoint_of_challenges_is_told() {
        let endpoints = ["token", "mfa_challenge"].map(str::to_owned);
        let of = |endpoints: &[String]| {
            let endpoints = endpoints.iter().cloned().collect();
            of_domain("domain", "a.example", &Discovered { endpoints, clock: None })
        };
        let whole = of(&endpoints);
        assert_eq!(
            whole.iter().map(said).collect::<Vec<_>>(),
            [
                ("good", "https://a.example/, trusted, and its issuer"),
                ("told", "mfa_challenge, token"),
            ]
        );
        let without = of(&endpoints[..1]);
        let Some(State::Poor(problem)) = without.last().map(|finding| &finding.state) else {
            panic!("{without:?}");
        };
        assert_eq!(problem.field, Field::Domain);
    }

    #[test]
    fn what_a_tenant_says_moves_no_cursor() {
        assert_eq!(Finding::new("domain", "x", "a\u{1b}[2Jb\n").text, "a\u{fffd}[2Jb\u{fffd}");
    }
}
