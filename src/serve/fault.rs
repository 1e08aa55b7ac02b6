//! Faults: what goes wrong between a client and a tenant, and when.
//!
//! A latency and a status come before the tenant: with the status it has not seen the request. A
//! reset, a cut and malformed JSON come after it: the tenant did what it was asked, and its answer
//! was lost. So a client can be tried for both: what it may repeat, and what it must not.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::json;

use crate::{
    clock::{Entropy, SeededEntropy, Timestamp, parse_duration},
    exchange::{JSON, Response},
};

/// What goes wrong, where and when. As JSON:
///
/// ```
/// use countersign::serve::fault::{Fault, Faults, Rule};
///
/// let rules: Vec<Rule> = serde_json::from_str(
///     r#"[{"path": "/oauth/token", "method": "POST", "when": {"calls": [2]}, "fault": "reset"},
///         {"path": "/mfa/", "when": {"rate": 0.1}, "fault": {"latency": "500ms"}},
///         {"path": "/", "fault": {"status": {"code": 503, "plain": true}}}]"#,
/// )?;
/// let mut faults = Faults::new(rules[..1].to_vec(), 7);
/// assert_eq!(faults.next("POST", "/oauth/token"), None);
/// assert_eq!(faults.next("POST", "/oauth/token"), Some(Fault::Reset));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the path begins with: a `/`, at least.
    #[serde(deserialize_with = "path")]
    pub path: String,
    /// The method; any, unless it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// At which calls of these; at all of them, unless it is said.
    #[serde(default)]
    pub when: When,
    /// What goes wrong.
    pub fault: Fault,
}

/// At which calls.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// At all of them.
    #[default]
    Always,
    /// At these, counted from 1.
    #[serde(deserialize_with = "calls")]
    Calls(Vec<u64>),
    /// At this share of them, from 0 to 1, by chance.
    #[serde(deserialize_with = "rate")]
    Rate(f64),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The answer is late by this.
    #[serde(deserialize_with = "duration", serialize_with = "millis")]
    Latency(Duration),
    /// An error in place of an answer.
    Status(Status),
    /// The connection is closed without an answer.
    Reset,
    /// The connection is closed in the middle of the answer.
    Cut,
    /// The answer comes whole, but its JSON breaks off.
    Malformed,
}

/// An error in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Which.
    pub code: Code,
    /// Whether it is a page of text, as something in between would send it, and not Auth0's JSON.
    #[serde(default)]
    pub plain: bool,
}

/// The statuses that a client has to be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Code {
    /// 429
    TooManyRequests,
    /// 500
    InternalServerError,
    /// 503
    ServiceUnavailable,
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// This, after a while.
    Whole(Response, Duration),
    /// The head of this and half of its body, and then the end of the connection.
    Half(Response),
    /// Nothing but the end of the connection.
    Nothing,
}

/// Rules, with what has been counted so far. The same rules and seed give the same faults.
#[derive(Clone, Debug)]
pub struct Faults {
    rules: Vec<(Rule, u64)>,
    entropy: SeededEntropy,
}

impl Faults {
    /// Rules to which nothing has happened yet.
    #[must_use]
    pub fn new(rules: Vec<Rule>, seed: u64) -> Self {
        let rules = rules.into_iter().map(|rule| (rule, 0)).collect();
        Self { rules, entropy: SeededEntropy::new(seed) }
    }

    /// The rules, in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// What goes wrong with this call: of the rules that have it, the first. All count it.
    pub fn next(&mut self, method: &str, path: &str) -> Option<Fault> {
        let Self { rules, entropy } = self;
        let entropy: &mut dyn Entropy = entropy;
        let mut first = None;
        for (rule, calls) in rules {
            let is_its = path.starts_with(&rule.path)
                && rule.method.as_ref().is_none_or(|known| known.eq_ignore_ascii_case(method));
            if !is_its {
                continue;
            }
            *calls += 1;
            let goes_wrong = match &rule.when {
                When::Always => true,
                When::Calls(which) => which.contains(calls),
                // Of a million, so that no rounding makes 0 happen or 1 fail.
                When::Rate(rate) => {
                    let drawn = u32::try_from(entropy.below(1_000_000)).unwrap_or_default();
                    f64::from(drawn) < rate * 1_000_000.0
                }
            };
            if goes_wrong && first.is_none() {
                first = Some(rule.fault.clone());
            }
        }
        first
    }
}

impl Fault {
    /// What the client gets; `answer` asks the tenant, which a status keeps from it.
    pub fn deliver(
        fault: Option<&Self>,
        now: Timestamp,
        answer: impl FnOnce() -> Response,
    ) -> Delivery {
        match fault {
            None => Delivery::Whole(answer(), Duration::ZERO),
            Some(Self::Latency(latency)) => Delivery::Whole(answer(), *latency),
            Some(Self::Status(status)) => Delivery::Whole(status.response(now), Duration::ZERO),
            Some(Self::Malformed) => {
                let mut response = answer();
                // No more than this of it: what is cut off could not be told to be a secret.
                response.body.truncate(2);
                Delivery::Whole(response, Duration::ZERO)
            }
            Some(Self::Cut) => Delivery::Half(answer()),
            Some(Self::Reset) => {
                drop(answer());
                Delivery::Nothing
            }
        }
    }
}

impl Code {
    const fn number(self) -> u16 {
        match self {
            Self::TooManyRequests => 429,
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }
}

impl From<Code> for u16 {
    fn from(code: Code) -> Self {
        code.number()
    }
}

impl TryFrom<u16> for Code {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        [Self::TooManyRequests, Self::InternalServerError, Self::ServiceUnavailable]
            .into_iter()
            .find(|code| code.number() == number)
            .ok_or("expected 429, 500 or 503")
    }
}

impl Status {
    /// Auth0 documents the bodies of 429 and 500; the one of 503 is of the same form \[guess\].
    fn response(self, now: Timestamp) -> Response {
        let (error, text) = match self.code {
            Code::TooManyRequests => (
                "too_many_requests",
                "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and \
                 X-RateLimit-Reset headers.",
            ),
            Code::InternalServerError => ("server_error", "Unexpected internal error."),
            Code::ServiceUnavailable => ("temporarily_unavailable", "Service unavailable."),
        };
        let mut response = Response { status: self.code.number(), ..Response::default() };
        if self.plain {
            response.headers.set("content-type", "text/plain");
            response.body = text.into();
        } else {
            response.headers.set("content-type", JSON);
            let body = json!({"error": error, "error_description": text});
            response.body = body.to_string().into_bytes();
        }
        if self.code == Code::TooManyRequests {
            // A limit of one request a second.
            let reset = now.as_millis().div_ceil(1000) + 1;
            response.headers.set("retry-after", "1");
            response.headers.set("x-ratelimit-limit", "1");
            response.headers.set("x-ratelimit-remaining", "0");
            response.headers.set("x-ratelimit-reset", reset.to_string());
        }
        response
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        D::Error::custom("expected a length of time, such as `500ms`, `30s`, `6m` or `1h`")
    })
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}ms", duration.as_millis()))
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(D::Error::custom("expected a path, from its `/` on"))
    }
}

fn calls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let calls = Vec::<u64>::deserialize(deserializer)?;
    if calls.contains(&0) {
        Err(D::Error::custom("expected calls counted from 1"))
    } else {
        Ok(calls)
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err(D::Error::custom("expected 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::{Code, Delivery, Fault, Faults, Rule, Status, When};
    use crate::{
        clock::Timestamp,
        exchange::{Content, Response},
    };

    fn rule(path: &str, when: When, fault: Fault) -> Rule {
        Rule { path: path.to_owned(), method: Some("POST".to_owned()), when, fault }
    }

    #[test]
    fn the_first_rule_counts_and_all_are_counted() {
        let second = rule("/oauth", When::Calls(vec![2]), Fault::Reset);
        let third = rule("/", When::Calls(vec![2, 3]), Fault::Cut);
        let mut faults = Faults::new(vec![second, third], 1);
        let calls = [
            ("POST", "/oauth/token", None),
            ("GET", "/oauth/token", None),
            ("POST", "/oauth/token", Some(Fault::Reset)),
            ("POST", "/mfa/challenge", Some(Fault::Cut)),
            ("POST", "/mfa/challenge", None),
        ];
        for (method, path, expected) in calls {
            assert_eq!(faults.next(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in [
            json!({"path": "/", "fault": "explode"}),
            json!({"path": "/", "fault": {"status": {"code": 404}}}),
            json!({"path": "/", "fault": {"latency": "soon"}}),
            json!({"path": "/", "fault": "reset", "when": {"rate": 1.5}}),
            json!({"path": "/", "fault": "reset", "wen": "always"}),
            json!({"path": "/", "fault": "reset", "when": {"calls": [0]}}),
            json!({"path": "oauth/token", "fault": "reset"}),
            json!({"fault": "reset"}),
        ] {
            assert!(serde_json::from_value::<Rule>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        let written = json!([
            {"path": "/", "when": "always", "fault": {"latency": "1500ms"}},
            {"path": "/a", "method": "POST", "when": {"calls": [2]}, "fault": "cut"},
            {"path": "/", "when": {"rate": 0.5}, "fault": {"status": {"code": 503, "plain": true}}},
        ]);
        let rules: Vec<Rule> = serde_json::from_value(written.clone()).expect("rules");
        assert_eq!(serde_json::to_value(rules).expect("JSON"), written);
    }

    #[test]
    fn the_tenant_is_asked_unless_a_status_stands_before_it() {
        let answered = Response { status: 200, body: b"{\"a\":1}".to_vec(), ..Response::default() };
        let status = Status { code: Code::ServiceUnavailable, plain: false };
        for (fault, is_asked) in [
            (None, true),
            (Some(Fault::Latency(Duration::from_secs(1))), true),
            (Some(Fault::Status(status)), false),
            (Some(Fault::Reset), true),
            (Some(Fault::Cut), true),
            (Some(Fault::Malformed), true),
        ] {
            let mut asked = false;
            let delivery = Fault::deliver(fault.as_ref(), Timestamp::from_millis(0), || {
                asked = true;
                answered.clone()
            });
            assert_eq!(asked, is_asked, "{fault:?}");
            match (fault, delivery) {
                (None, Delivery::Whole(response, Duration::ZERO)) => {
                    assert_eq!(response, answered);
                }
                (Some(Fault::Latency(late)), Delivery::Whole(response, after)) => {
                    assert_eq!((response, after), (answered.clone(), late));
                }
                (Some(Fault::Status(_)), Delivery::Whole(response, _)) => {
                    assert_eq!(response.status, 503);
                    assert!(matches!(response.content(), Content::Json(_)));
                }
                (Some(Fault::Malformed), Delivery::Whole(response, _)) => {
                    assert_eq!(response.body, b"{\"");
                }
                (Some(Fault::Cut), Delivery::Half(response)) => assert_eq!(response, answered),
                (Some(Fault::Reset), Delivery::Nothing) => {}
                (fault, delivery) => panic!("{fault:?} gave {delivery:?}"),
            }
        }
    }

    #[test]
    fn a_limit_tells_what_is_left_of_it() {
        let status = Status { code: Code::TooManyRequests, plain: true };
        let now = Timestamp::from_millis(1_700_000_000_001);
        let response = status.response(now);
        for (name, value) in [
            ("retry-after", "1"),
            ("x-ratelimit-limit", "1"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1700000002"),
        ] {
            assert_eq!(response.headers.get(name), Some(value), "{name}");
        }
    }

    proptest! {
        #[test]
        fn chance_repeats_itself_and_keeps_its_bounds(seed: u64, rate in 0.0..=1.0_f64) {
            let faults = Faults::new(vec![rule("/", When::Rate(rate), Fault::Reset)], seed);
            let run = |mut faults: Faults| -> Vec<_> {
                (0..50).map(|_| faults.next("POST", "/").is_some()).collect()
            };
            prop_assert_eq!(run(faults.clone()), run(faults));
            for (bound, always) in [(0.0, false), (1.0, true)] {
                let rules = vec![rule("/", When::Rate(bound), Fault::Reset)];
                prop_assert!(run(Faults::new(rules, seed)).iter().all(|it| *it == always));
            }
        }
    }
}
