//! The judge: each check goes through the calls once, with what it must remember by label.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{Answer, Call, CallKind, Check, Pause, Violation};
use crate::clock::Timestamp;

/// What a check found.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) exercised: bool,
    pub(super) violations: Vec<Violation>,
}

/// The values by which calls belong together.
type Values<'a> = Vec<Option<&'a str>>;

pub(super) fn check(check: &Check, calls: &[Call<'_>]) -> Findings {
    let mut findings = Findings::default();
    match check {
        Check::NotAfter { after, then, same } => findings.not_after(calls, after, then, same),
        Check::Wait { after, then, same, pause } => {
            findings.wait(calls, (after, *pause), then, same);
        }
        Check::Slower { calls: kinds, error, same } => findings.slower(calls, kinds, error, same),
        Check::Youth { seconds } => findings.youth(calls, Duration::from_secs(*seconds)),
        Check::Kept { parameter } => findings.kept(calls, parameter),
        Check::Given { by, then } => findings.given(calls, by, then),
        Check::Prompted { by, then, parameter } => findings.prompted(calls, by, then, parameter),
        Check::GoOn { seconds, same } => {
            findings.go_on(calls, Duration::from_secs(*seconds), same);
        }
        Check::NeverInUrl(kinds) => findings.never_in_url(calls, kinds),
        Check::Scheme { calls: kinds, scheme } => findings.scheme(calls, kinds, scheme),
        Check::ContentType { calls: kinds, one_of } => findings.content_type(calls, kinds, one_of),
        Check::Required(required) => {
            for (at, call) in calls.iter().enumerate() {
                for name in required.get(&call.kind).into_iter().flatten() {
                    findings.exercised = true;
                    if !call.has(name) {
                        findings.broken(at, format!("no `{name}`"), None);
                    }
                }
            }
        }
    }
    findings
}

impl Findings {
    fn broken(&mut self, at: usize, message: String, earlier: Option<(usize, String)>) {
        self.exercised = true;
        self.violations.push(Violation { at, message, earlier });
    }

    fn not_after(
        &mut self,
        calls: &[Call<'_>],
        after: &Answer,
        then: &[CallKind],
        same: &[String],
    ) {
        let mut ended: HashMap<Values<'_>, usize> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            let Some(values) = values(call, same) else { continue };
            if let Some(&earlier) = ended.get(&values).filter(|_| then.contains(&call.kind)) {
                let message = format!("{} again", words(&values));
                self.broken(at, message, Some((earlier, answered(&calls[earlier]))));
            } else if call.is(after) {
                self.exercised = true;
                ended.insert(values, at);
            }
        }
    }

    fn wait(
        &mut self,
        calls: &[Call<'_>],
        (after, pause): (&Answer, Pause),
        then: &[CallKind],
        same: &[String],
    ) {
        let mut until: HashMap<Values<'_>, (usize, Timestamp)> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            let Some(values) = values(call, same) else { continue };
            if then.contains(&call.kind)
                && let Some(&(earlier, end)) = until.get(&values)
                && call.at() < end
            {
                let passed = seconds(call.at().since(calls[earlier].at()));
                let pause = seconds(end.since(calls[earlier].at()));
                let told = format!("{}, {pause} to wait", answered(&calls[earlier]));
                self.broken(at, format!("the same after {passed}"), Some((earlier, told)));
            }
            if call.is(after)
                && let Some(end) = end(call, pause)
            {
                self.exercised = true;
                until.insert(values, (at, end));
            }
        }
    }

    fn slower(&mut self, calls: &[Call<'_>], kinds: &[CallKind], error: &str, same: &[String]) {
        struct Last {
            at: usize,
            /// How long the pause before it was.
            pause: Option<Duration>,
        }
        let mut last: HashMap<Values<'_>, Last> = HashMap::new();
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| kinds.contains(&call.kind)) {
            let Some(values) = values(call, same) else { continue };
            let mut pause = None;
            if let Some(last) = last.get(&values) {
                let earlier = &calls[last.at];
                let now = call.at().since(earlier.at());
                pause = Some(now);
                if let Some(before) =
                    last.pause.filter(|_| earlier.answered("error") == Some(error))
                {
                    self.exercised = true;
                    if now <= before {
                        let message = format!("the same after {}", seconds(now));
                        let told = format!(
                            "{}, {} after the one before",
                            answered(earlier),
                            seconds(before)
                        );
                        self.broken(at, message, Some((last.at, told)));
                    }
                }
            }
            last.insert(values, Last { at, pause });
        }
    }

    fn youth(&mut self, calls: &[Call<'_>], limit: Duration) {
        let mut issued: HashMap<&str, usize> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            if let Some((token, &earlier)) =
                call.mfa_token().and_then(|token| Some((token, issued.get(token)?)))
            {
                self.exercised = true;
                let age = call.at().since(calls[earlier].at());
                if age >= limit {
                    let message = format!("{token} after {}", seconds(age));
                    self.broken(at, message, Some((earlier, "it came with this".to_owned())));
                }
            }
            issue(&mut issued, at, call);
        }
    }

    fn kept(&mut self, calls: &[Call<'_>], parameter: &str) {
        let mut issued: HashMap<&str, usize> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            let earlier = call.mfa_token().and_then(|token| issued.get(token)).copied();
            if let Some(earlier) = earlier
                && let Some(now) = call.parameter(parameter)
                && let Some(then) = calls[earlier].parameter(parameter)
            {
                self.exercised = true;
                if now != then {
                    let told = format!("the mfa_token came for {then}");
                    self.broken(at, now.to_owned(), Some((earlier, told)));
                }
            }
            issue(&mut issued, at, call);
        }
    }

    fn given(&mut self, calls: &[Call<'_>], by: &[CallKind], then: &[CallKind]) {
        let mut given: HashMap<&str, usize> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            if then.contains(&call.kind)
                && let Some(code) = call.parameter("oob_code")
            {
                self.exercised = true;
                match given.get(code) {
                    None => self.broken(at, format!("{code}, which no answer had"), None),
                    Some(&earlier) => {
                        // An access token may have given it: which logins that goes with is not said.
                        let both = calls[earlier].mfa_token().zip(call.mfa_token());
                        if let Some((then, now)) = both.filter(|(then, now)| then != now) {
                            let told = format!("{code} came for {then}");
                            self.broken(at, format!("{code} with {now}"), Some((earlier, told)));
                        }
                    }
                }
            }
            if let Some(code) = gives(call, by) {
                given.insert(code, at);
            }
        }
    }

    fn prompted(
        &mut self,
        calls: &[Call<'_>],
        by: &[CallKind],
        then: &[CallKind],
        parameter: &str,
    ) {
        let mut prompted: HashMap<&str, usize> = HashMap::new();
        for (at, call) in calls.iter().enumerate() {
            let earlier = call.parameter("oob_code").and_then(|code| prompted.get(code)).copied();
            if let Some(earlier) = earlier.filter(|_| then.contains(&call.kind)) {
                self.exercised = true;
                if !call.has(parameter) {
                    let told = "it said `binding_method: prompt`".to_owned();
                    self.broken(at, format!("no `{parameter}`"), Some((earlier, told)));
                }
            }
            if let Some(code) = gives(call, by)
                && call.answered("binding_method") == Some("prompt")
            {
                prompted.insert(code, at);
            }
        }
    }

    fn go_on(&mut self, calls: &[Call<'_>], at_once: Duration, same: &[String]) {
        let mut open: HashMap<Values<'_>, (usize, &str)> = HashMap::new();
        let mut used = HashSet::new();
        for (at, call) in calls.iter().enumerate() {
            used.extend(call.mfa_token());
            if call.kind != CallKind::Password {
                continue;
            }
            let Some(values) = values(call, same) else { continue };
            if let Some((earlier, token)) = open.remove(&values) {
                let passed = call.at().since(calls[earlier].at());
                if !used.contains(token) && passed < at_once {
                    let message = format!("the same login after {}", seconds(passed));
                    let told =
                        format!("{} with {token}, which nothing used", answered(&calls[earlier]));
                    self.broken(at, message, Some((earlier, told)));
                }
            }
            if let Some(token) = call.answered("mfa_token") {
                self.exercised = true;
                open.insert(values, (at, token));
            }
        }
    }

    fn never_in_url(&mut self, calls: &[Call<'_>], kinds: &[String]) {
        for (at, call) in calls.iter().enumerate() {
            self.exercised = true;
            let label = labels(call.path())
                .find(|label| kinds.iter().any(|kind| label.starts_with(&format!("[{kind}#"))));
            if let Some(label) = label {
                self.broken(at, format!("{label} in the URL"), None);
            }
        }
    }

    fn scheme(&mut self, calls: &[Call<'_>], kinds: &[CallKind], expected: &str) {
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| kinds.contains(&call.kind)) {
            self.exercised = true;
            match call.authorization() {
                None => self.broken(at, "no `Authorization`".to_owned(), None),
                Some((None, _)) => {
                    self.broken(at, "an `Authorization` without a scheme".to_owned(), None);
                }
                Some((Some(scheme), _)) if !scheme.eq_ignore_ascii_case(expected) => {
                    self.broken(at, format!("`Authorization: {scheme}`"), None);
                }
                Some(_) => {}
            }
        }
    }

    fn content_type(&mut self, calls: &[Call<'_>], kinds: &[CallKind], one_of: &[String]) {
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| kinds.contains(&call.kind)) {
            let Some(found) = call.content_type() else { continue };
            self.exercised = true;
            if !one_of.iter().any(|known| found.eq_ignore_ascii_case(known)) {
                let found = if found.is_empty() { "none" } else { found };
                self.broken(at, format!("the content type {found}"), None);
            }
        }
    }
}

/// The values of a call; nothing if it lacks the first, which says what the others belong to.
fn values<'a>(call: &Call<'a>, names: &[String]) -> Option<Values<'a>> {
    let values: Values<'_> = names.iter().map(|name| call.value(name)).collect();
    values.first().copied().flatten().map(|_| values)
}

fn words(values: &Values<'_>) -> String {
    values.iter().flatten().copied().collect::<Vec<_>>().join(", ")
}

fn answered(call: &Call<'_>) -> String {
    format!("this was answered {}", call.outcome())
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// When a client may come again.
fn end(call: &Call<'_>, pause: Pause) -> Option<Timestamp> {
    match pause {
        Pause::Millis(millis) => Some(call.at() + Duration::from_millis(millis)),
        Pause::Told => {
            let after = call.number("retry-after");
            after.map(|seconds| call.at() + Duration::from_secs(seconds)).or_else(|| {
                let reset = call.number("x-ratelimit-reset")?;
                Some(Timestamp::from_millis(reset.saturating_mul(1000)))
            })
        }
    }
}

/// Notes the `mfa_token` that an answer has.
fn issue<'a>(issued: &mut HashMap<&'a str, usize>, at: usize, call: &Call<'a>) {
    if let Some(token) = call.answered("mfa_token") {
        issued.insert(token, at);
    }
}

/// The `oob_code` that an answer has.
fn gives<'a>(call: &Call<'a>, by: &[CallKind]) -> Option<&'a str> {
    call.answered("oob_code").filter(|_| by.contains(&call.kind) && call.is_accepted())
}

/// The labels in a text.
fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('[').filter_map(|(at, _)| text[at..].split_inclusive(']').next())
}
