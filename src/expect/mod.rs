//! Matching: what a step expects against the response that came.

mod jwt;

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;

use crate::{
    exchange::{Content, Exchange},
    scenario::{Expect, JsonType, Matcher, Pattern, PatternData, Tree},
    source::{Diagnostic, Span},
    step::{Scope, find},
};

/// One expectation that does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Where the expectation is written.
    pub span: Span,
    /// What it is about: `status`, `header content-type`, `body.error`, a query.
    pub subject: String,
    /// What should have been there.
    pub expected: Side,
    /// What was there.
    pub found: Side,
}

/// One side of a mismatch. Values may be secret: redact before showing.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// A description, with nothing secret in it.
    Words(String),
    /// A value.
    Value(Value),
}

/// How a step's expectations were judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// What does not hold.
    pub mismatches: Vec<Mismatch>,
    /// What could not be evaluated: a template without a value.
    pub problems: Vec<Diagnostic>,
    /// How many expectations a recording cannot judge again.
    pub not_judged: usize,
}

/// What matching needs to know besides the response.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// For templates in expectations.
    pub scope: &'a Scope,
    /// The user who acted.
    pub actor: &'a str,
    /// The tenant's keys, for `$jwt`.
    pub keys: Option<&'a JwkSet>,
    /// What a recording leaves out, where the exchange is from one.
    pub replay: Option<Replayed>,
}

/// What a recording cannot tell.
#[derive(Clone, Copy)]
pub struct Replayed {
    /// Says whether a text contains a label in place of a value.
    pub is_label: fn(&str) -> bool,
    /// The header fields that it keeps; of others it does not say whether they were there.
    pub headers: &'static [&'static str],
}

/// Holds an exchange against what is expected of it.
#[must_use]
pub fn check(expect: &Expect, exchange: &Exchange, context: Context<'_>) -> Judgement {
    let mut checker = Checker { context, exact: false, judgement: Judgement::default() };
    let response = &exchange.response;
    if let Some(statuses) = &expect.status
        && !statuses.value.0.contains(&response.status)
    {
        checker.mismatch(
            statuses.span,
            "status",
            Side::Words(statuses.value.to_string()),
            Side::Words(response.status.to_string()),
        );
    }
    for (name, pattern) in &expect.headers {
        let is_kept = |replay: Replayed| {
            replay.headers.iter().any(|kept| kept.eq_ignore_ascii_case(&name.value))
        };
        if !context.replay.is_none_or(is_kept) {
            checker.judgement.not_judged += 1;
            continue;
        }
        let value = response.headers.get(&name.value).map(Value::from);
        checker.pattern(pattern, value.as_ref(), &format!("header {}", name.value));
    }
    let body = match response.content() {
        Content::Empty => None,
        Content::Json(value) => Some(value),
        Content::Text(text) => Some(Value::String(text)),
        Content::Form(_) | Content::Binary(_) => {
            Some(Value::String(String::from_utf8_lossy(&response.body).into_owned()))
        }
    };
    if let Some(pattern) = &expect.body {
        checker.pattern(pattern, body.as_ref(), "body");
    }
    if let Some(pattern) = &expect.body_exact {
        checker.exact = true;
        checker.pattern(pattern, body.as_ref(), "body");
        checker.exact = false;
    }
    for (query, pattern) in &expect.jsonpath {
        let found = body.as_ref().map(|body| find(query, body)).unwrap_or_default();
        if query.is_singular() {
            checker.pattern(pattern, found.first().copied(), &query.text.value);
        } else {
            let all = Value::Array(found.into_iter().cloned().collect());
            checker.pattern(pattern, Some(&all), &query.text.value);
        }
    }
    if expect.within.is_some() && context.replay.is_some() {
        checker.judgement.not_judged += 1;
    } else if let Some(limit) = expect.within
        && exchange.elapsed > limit.value
    {
        checker.mismatch(
            limit.span,
            "time",
            Side::Words(format!("an answer within {}", milliseconds(limit.value))),
            Side::Words(milliseconds(exchange.elapsed)),
        );
    }
    checker.judgement
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

struct Checker<'a> {
    context: Context<'a>,
    /// Whether members that are not named are wrong.
    exact: bool,
    judgement: Judgement,
}

impl Checker<'_> {
    fn pattern(&mut self, pattern: &Pattern, found: Option<&Value>, subject: &str) {
        match (&pattern.data, found) {
            (PatternData::Matcher(matcher), _) => self.matcher(matcher, pattern, found, subject),
            (PatternData::Equals(tree), _) => self.equals(tree, pattern.span, found, subject),
            (PatternData::List(patterns), Some(Value::Array(elements)))
                if patterns.len() == elements.len() =>
            {
                for (index, (pattern, element)) in patterns.iter().zip(elements).enumerate() {
                    self.pattern(pattern, Some(element), &format!("{subject}[{index}]"));
                }
            }
            (PatternData::List(patterns), Some(Value::Array(elements))) => {
                let count = |count| Side::Words(format!("{count} elements"));
                self.mismatch(pattern.span, subject, count(patterns.len()), count(elements.len()));
            }
            (PatternData::Map(entries), Some(Value::Object(members))) => {
                for (key, pattern) in entries {
                    let subject = format!("{subject}.{}", key.value);
                    self.pattern(pattern, members.get(&key.value), &subject);
                }
                if self.exact {
                    let named = |name: &str| entries.iter().any(|(key, _)| key.value == name);
                    for (name, value) in members.iter().filter(|(name, _)| !named(name)) {
                        self.mismatch(
                            pattern.span,
                            &format!("{subject}.{name}"),
                            Side::Words("nothing here".to_owned()),
                            Side::Value(value.clone()),
                        );
                    }
                }
            }
            (PatternData::List(_) | PatternData::Map(_), _) => {
                self.mismatch(pattern.span, subject, Side::Words(pattern.to_string()), side(found));
            }
        }
    }

    fn equals(&mut self, tree: &Tree, span: Span, found: Option<&Value>, subject: &str) {
        let expected = match self.context.scope.evaluate(tree, self.context.actor) {
            Ok(expected) => expected,
            Err(problem) => return self.judgement.problems.push(*problem),
        };
        if found.is_some_and(|found| equal(&expected, found)) {
            return;
        }
        // What was recorded as a label may have been this very value, unless that is a label too.
        if self.has_label(found) && !self.has_label(Some(&expected)) {
            self.judgement.not_judged += 1;
        } else {
            self.mismatch(span, subject, Side::Value(expected), side(found));
        }
    }

    fn matcher(
        &mut self,
        matcher: &Matcher,
        pattern: &Pattern,
        found: Option<&Value>,
        subject: &str,
    ) {
        if matcher.is_about_form() && self.not_judged(found) {
            return;
        }
        let text = found.and_then(Value::as_str);
        let problems = self.judgement.problems.len();
        let holds = match matcher {
            Matcher::Absent => found.is_none(),
            Matcher::Any => found.is_some(),
            Matcher::Type(expected) => {
                if *expected != JsonType::String && self.has_label(found) {
                    self.judgement.not_judged += 1;
                    return;
                }
                found.is_some_and(|found| has_type(found, *expected))
            }
            Matcher::Regex(regex) => text.is_some_and(|text| regex.is_match(text)),
            Matcher::GreaterThan(bound) => {
                found.and_then(Value::as_f64).is_some_and(|number| number > *bound)
            }
            Matcher::LessThan(bound) => {
                found.and_then(Value::as_f64).is_some_and(|number| number < *bound)
            }
            Matcher::Len(inner) => match found.and_then(length) {
                Some(length) => {
                    let subject = format!("length of {subject}");
                    return self.pattern(inner, Some(&Value::from(length)), &subject);
                }
                None => false,
            },
            Matcher::Contains(inner) => match found {
                Some(Value::Array(elements)) => {
                    let tried = elements
                        .iter()
                        .map(|element| self.try_pattern(inner, Some(element), subject));
                    let best = tried.max();
                    self.counted(best)
                }
                Some(Value::String(text)) => return self.contains(inner, pattern, text, subject),
                _ => false,
            },
            Matcher::OneOf(patterns) => {
                let tried = patterns.iter().map(|inner| self.try_pattern(inner, found, subject));
                let best = tried.max();
                self.counted(best)
            }
            Matcher::Not(inner) => match self.try_pattern(inner, found, subject) {
                Tried::Unknown => self.counted(Some(Tried::Unknown)),
                tried => tried == Tried::Fails,
            },
            Matcher::Each(inner) => match found {
                Some(Value::Array(elements)) => {
                    for (index, element) in elements.iter().enumerate() {
                        self.pattern(inner, Some(element), &format!("{subject}[{index}]"));
                    }
                    return;
                }
                _ => false,
            },
            Matcher::Jwt(parts) => {
                match jwt::verify(text, self.context.keys) {
                    Ok(token) => {
                        if let Some(inner) = &parts.header {
                            self.pattern(inner, Some(&token.header), &format!("{subject} header"));
                        }
                        if let Some(inner) = &parts.claims {
                            self.pattern(inner, Some(&token.claims), &format!("{subject} claims"));
                        }
                    }
                    Err(why) => {
                        let expected = Side::Words(pattern.to_string());
                        self.mismatch(
                            pattern.span,
                            subject,
                            expected,
                            Side::Words(why.to_string()),
                        );
                    }
                }
                return;
            }
        };
        // What could not be evaluated was not judged either, and says so itself.
        if !holds && self.judgement.problems.len() == problems {
            self.mismatch(pattern.span, subject, Side::Words(pattern.to_string()), side(found));
        }
    }

    /// A text contains another one; any other pattern is for the text as a whole.
    fn contains(&mut self, inner: &Pattern, pattern: &Pattern, text: &str, subject: &str) {
        let found = Value::from(text);
        let PatternData::Equals(tree) = &inner.data else {
            return self.pattern(inner, Some(&found), subject);
        };
        let part = match self.context.scope.evaluate(tree, self.context.actor) {
            Ok(part) => part,
            Err(problem) => return self.judgement.problems.push(*problem),
        };
        if part.as_str().is_some_and(|part| text.contains(part)) || self.not_judged(Some(&found)) {
            return;
        }
        let expected = Side::Words(pattern.to_string());
        self.mismatch(pattern.span, subject, expected, Side::Value(found));
    }

    /// Whether a pattern holds, without a word if it does not. A template without a value is never passed over.
    fn try_pattern(&mut self, pattern: &Pattern, found: Option<&Value>, subject: &str) -> Tried {
        let mut checker =
            Checker { context: self.context, exact: self.exact, judgement: Judgement::default() };
        checker.pattern(pattern, found, subject);
        let mut judgement = checker.judgement;
        self.judgement.problems.append(&mut judgement.problems);
        if !judgement.mismatches.is_empty() {
            Tried::Fails
        } else if judgement.not_judged > 0 {
            Tried::Unknown
        } else {
            Tried::Holds
        }
    }

    /// Whether the best of several attempts lets the expectation pass; what cannot be known is counted.
    fn counted(&mut self, best: Option<Tried>) -> bool {
        self.judgement.not_judged += usize::from(best == Some(Tried::Unknown));
        best.is_some_and(|best| best != Tried::Fails)
    }

    /// Counts an expectation about the form of a value of which there is only a label.
    fn not_judged(&mut self, found: Option<&Value>) -> bool {
        let label = self.has_label(found);
        self.judgement.not_judged += usize::from(label);
        label
    }

    fn has_label(&self, found: Option<&Value>) -> bool {
        let text = found.and_then(Value::as_str);
        text.zip(self.context.replay).is_some_and(|(text, replay)| (replay.is_label)(text))
    }

    fn mismatch(&mut self, span: Span, subject: &str, expected: Side, found: Side) {
        let mismatch = Mismatch { span, subject: subject.to_owned(), expected, found };
        self.judgement.mismatches.push(mismatch);
    }
}

/// What came of trying a pattern; in the order in which one of several is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tried {
    Fails,
    Unknown,
    Holds,
}

fn side(found: Option<&Value>) -> Side {
    found.map_or_else(|| Side::Words("nothing".to_owned()), |found| Side::Value(found.clone()))
}

/// JSON's equality, where `1` and `1.0` are one number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

fn has_type(value: &Value, expected: JsonType) -> bool {
    match expected {
        JsonType::String => value.is_string(),
        JsonType::Number => value.is_number(),
        JsonType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        JsonType::Boolean => value.is_boolean(),
        JsonType::Null => value.is_null(),
        JsonType::Array => value.is_array(),
        JsonType::Object => value.is_object(),
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use jsonwebtoken::jwk::JwkSet;
    use serde_json::{Value, json};

    use super::{Context, Judgement, Replayed, check};
    use crate::{
        clock::{SeededEntropy, Timestamp},
        emulator::{Client, Emulator, MfaPolicy, NewUser, Tenant},
        exchange::{Exchange, Request, Response},
        scenario::{self, Expect},
        secret::Secret,
        snapshot::redact::is_label,
        source::{Sources, Style, render},
        step::{Credentials, Person, Place, Scope},
    };

    fn expectation(text: &str) -> Expect {
        let mut sources = Sources::default();
        let text = format!("title: t\nsteps:\n- login: {{}}\n- login: {{}}\n  expect: {text}\n");
        let source = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let scenarios = scenario::parse("a", source, &sources, &mut problems);
        assert!(problems.is_empty(), "{}", render(&problems, &sources, Style::default()));
        scenarios[0].steps[1].expect.clone()
    }

    fn judge_with(text: &str, body: &Value, replay: bool, keys: Option<&JwkSet>) -> Judgement {
        let person = Person {
            email: "u@x.example".to_owned(),
            password: Secret::new("p".to_owned()),
            id: "id".to_owned(),
            phone_number: "+15550000000".to_owned(),
            otp_secret: None,
        };
        let mut scope = Scope::new(
            Place::new("t.example".to_owned()),
            Credentials { id: "APP".to_owned(), secret: None, assertion: None },
            BTreeMap::new(),
            BTreeMap::from([("user".to_owned(), person)]),
        );
        scope.capture("user", "mfa_token", json!("[mfa_token#1]"));
        let sent = Request::default().json(body);
        let exchange = Exchange {
            request: Request::default(),
            response: Response { status: 403, headers: sent.headers, body: sent.body },
            elapsed: Duration::from_millis(20),
        };
        let replay = replay.then_some(Replayed { is_label, headers: &["content-type"] });
        let context = Context { scope: &scope, actor: "user", keys, replay };
        check(&expectation(text), &exchange, context)
    }

    /// What does not hold, and how much was not judged.
    fn judge(text: &str, body: &Value, replay: bool) -> (Vec<String>, usize) {
        let judgement = judge_with(text, body, replay, None);
        assert_eq!(judgement.problems, [], "{text}");
        (
            judgement.mismatches.into_iter().map(|found| found.subject).collect(),
            judgement.not_judged,
        )
    }

    #[test]
    fn each_expectation_holds_or_does_not() {
        let body = json!({
            "error": "mfa_required", "n": 3, "f": 1.5, "yes": true, "nil": null, "list": [1, 2],
            "of": [{"a": 1}, {"a": 2, "b": 3}], "map": {"x": "y"}, "mail": "u@x.example",
        });
        for (text, wrong) in [
            ("{status: 403}", &[][..]),
            ("{status: [401, 403]}", &[]),
            ("{status: [200, 401]}", &["status"]),
            ("{headers: {Content-Type: application/json, x: {$absent: true}}}", &[]),
            ("{headers: {content-type: {$regex: '^text'}}}", &["header content-type"]),
            ("{within: 20ms}", &[]),
            ("{within: 19ms}", &["time"]),
            ("{body: {error: mfa_required, n: 3, f: 1.5, yes: true, nil: null}}", &[]),
            ("{body: {n: 3.0, map: {x: y}, mail: '{{ user.email }}'}}", &[]),
            ("{body: {n: '3', map: {x: 'a {{ user.email }}'}}}", &["body.n", "body.map.x"]),
            ("{body: {nothing: null}}", &["body.nothing"]),
            ("{body: {list: [1, 2], of: [{a: 1}, {a: 2}]}}", &[]),
            ("{body: {list: [1]}}", &["body.list"]),
            ("{body: {list: [1, 3]}}", &["body.list[1]"]),
            ("{body: {list: {a: 1}}}", &["body.list"]),
            ("{body: []}", &["body"]),
            (
                "{body: {n: {$type: integer}, f: {$type: number}, yes: {$type: boolean}, nil: {$type: 'null'}}}",
                &[],
            ),
            (
                "{body: {n: {$type: string}, f: {$type: integer}, x: {$type: 'null'}}}",
                &["body.n", "body.f", "body.x"],
            ),
            ("{body: {list: {$type: array}, map: {$type: object}, error: {$type: string}}}", &[]),
            ("{body: {error: {$regex: '^mfa_'}}}", &[]),
            ("{body: {error: {$regex: '^x'}, n: {$regex: '3'}}}", &["body.error", "body.n"]),
            ("{body: {x: {$absent: true}, nil: {$any: true}}}", &[]),
            ("{body: {nil: {$absent: true}, x: {$any: true}}}", &["body.nil", "body.x"]),
            ("{body: {list: {$len: 2}, error: {$len: {$gt: 11}}, map: {$len: 1}}}", &[]),
            ("{body: {list: {$len: 3}, n: {$len: 1}}}", &["length of body.list", "body.n"]),
            (
                "{body: {list: {$contains: 2}, error: {$contains: required}, of: {$contains: {b: 3}}}}",
                &[],
            ),
            (
                "{body: {list: {$contains: 3}, error: {$contains: x}, n: {$contains: 3}}}",
                &["body.list", "body.error", "body.n"],
            ),
            ("{body: {n: {$one_of: [1, {$gt: 2}]}}}", &[]),
            ("{body: {n: {$one_of: [1, '3']}}}", &["body.n"]),
            ("{body: {n: {$not: 4}, x: {$not: {$any: true}}}}", &[]),
            ("{body: {n: {$not: {$type: integer}}}}", &["body.n"]),
            ("{body: {of: {$each: {a: {$gt: 0}}}}}", &[]),
            ("{body: {of: {$each: {b: 3}}, n: {$each: 3}}}", &["body.of[0].b", "body.n"]),
            ("{body: {n: {$gt: 2}, f: {$lt: 2}}}", &[]),
            (
                "{body: {n: {$gt: 3}, f: {$lt: 1.5}, error: {$gt: 1}}}",
                &["body.n", "body.f", "body.error"],
            ),
            (
                "{jsonpath: {$.error: mfa_required, '$.list[1]': 2, '$.of[*].a': [1, 2], $.x: {$absent: true}}}",
                &[],
            ),
            (
                "{jsonpath: {$.error: x, '$.list[9]': 2, '$.of[*].b': []}}",
                &["$.error", "$.list[9]", "$.of[*].b"],
            ),
            ("{jsonpath: {'$.of[?@.a>1].b': [3], '$.nothing[*]': []}}", &[]),
        ] {
            assert_eq!(
                judge(text, &body, false),
                (wrong.iter().map(|&what| what.into()).collect(), 0),
                "{text}"
            );
        }
    }

    #[test]
    fn an_exact_body_has_nothing_beside_it() {
        let body = json!({"a": {"b": 1}, "c": [{"d": 1}]});
        for (text, wrong) in [
            ("{body_exact: {a: {b: 1}, c: [{d: {$type: integer}}]}}", &[][..]),
            ("{body_exact: {a: {b: 1}}}", &["body.c"]),
            ("{body_exact: {a: {}, c: [{}]}}", &["body.a.b", "body.c[0].d"]),
            ("{body_exact: {a: {$one_of: [{}]}, c: {$any: true}}}", &["body.a"]),
        ] {
            assert_eq!(
                judge(text, &body, false),
                (wrong.iter().map(|&what| what.into()).collect(), 0),
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_label_hides_is_counted_and_what_it_shows_is_judged() {
        let body =
            json!({"t": "[mfa_token#1]", "other": "[mfa_token#2]", "s": "plain", "l": ["[otp#1]"]});
        for (text, wrong, not_judged) in [
            ("{body: {t: {$regex: x}, other: {$len: 3}, s: {$len: 5}}}", &[][..], 2),
            ("{body: {t: {$jwt: {claims: {a: 1}}}, other: {$gt: 1}}}", &[], 2),
            ("{body: {t: {$type: string}, other: {$any: true}}}", &[], 0),
            ("{body: {t: {$type: integer}}}", &[], 1),
            ("{body: {t: '{{ mfa_token }}'}}", &[], 0),
            ("{body: {other: '{{ mfa_token }}'}}", &["body.other"], 0),
            ("{body: {t: clear, s: clear}}", &["body.s"], 1),
            ("{body: {t: {$not: {$regex: x}}, s: {$not: {$regex: x}}}}", &[], 1),
            (
                "{body: {t: {$one_of: [{$regex: x}, {$any: true}]}, l: {$contains: {$len: 6}}}}",
                &[],
                1,
            ),
            (
                "{body: {l: {$each: {$regex: x}}, t: {$contains: x}, x: {$regex: y}}}",
                &["body.x"],
                2,
            ),
        ] {
            let wrong: Vec<String> = wrong.iter().map(|&what| what.into()).collect();
            assert_eq!(judge(text, &body, true), (wrong, not_judged), "{text}");
        }
        // The same texts are texts where nothing is played back.
        assert_eq!(judge("{body: {t: {$regex: x}}}", &body, false), (vec!["body.t".into()], 0));
    }

    #[test]
    fn a_template_without_a_value_is_a_problem() {
        // In a matcher too: what was never there is neither equal nor unequal to anything.
        for text in [
            "{body: {a: '{{ access_token }}'}}",
            "{body: {a: {$not: '{{ access_token }}'}}}",
            "{body: {a: {$one_of: ['{{ access_token }}']}}}",
        ] {
            let judgement = judge_with(text, &json!({"a": 1}), false, None);
            assert_eq!(judgement.problems[0].message, "`access_token` has no value", "{text}");
            assert_eq!(judgement.mismatches, [], "{text}");
        }
    }

    /// A token of an emulated tenant, and its keys.
    fn token() -> (String, JwkSet) {
        let mut entropy = SeededEntropy::new(1);
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut emulator = Emulator::new(Tenant {
            policy: MfaPolicy::Never,
            clients: vec![Client::public("APP")],
            ..Tenant::new("t.example")
        });
        let user = NewUser { email_verified: true, ..NewUser::new("u@x.example", "p") };
        emulator.add_user(user, start, &mut entropy);
        let mut send = |request: &Request| {
            let body = emulator.handle(request, start, &mut entropy).response.body;
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let login = json!({
            "grant_type": "password", "client_id": "APP", "username": "u@x.example",
            "password": "p", "scope": "openid email",
        });
        let tokens = send(&Request::new("POST", "/oauth/token").json(&login));
        let keys = send(&Request::new("GET", "/.well-known/jwks.json"));
        (tokens["id_token"].as_str().unwrap().to_owned(), serde_json::from_value(keys).unwrap())
    }

    #[test]
    fn a_token_is_one_that_the_tenant_has_signed() {
        let (token, keys) = token();
        let (parts, signature) = token.rsplit_once('.').unwrap();
        let turned: String = signature.chars().rev().collect();
        let mut others = keys.clone();
        others.keys[0].common.key_id = Some("other".to_owned());
        let text = "{body: {t: {$jwt: {header: {alg: RS256}, claims: {iss: '{{ target.issuer }}', aud: APP, email: '{{ user.email }}', amr: {$absent: true}}}}}}";
        for (text, token, keys, wrong) in [
            (text, json!(token), Some(&keys), None),
            ("{body: {t: {$jwt: {}}}}", json!(token), Some(&keys), None),
            (
                "{body: {t: {$jwt: {claims: {aud: other}}}}}",
                json!(token),
                Some(&keys),
                Some(("body.t claims.aud", "\"APP\"")),
            ),
            (
                "{body: {t: {$jwt: {header: {alg: none}}}}}",
                json!(token),
                Some(&keys),
                Some(("body.t header.alg", "\"RS256\"")),
            ),
            (
                text,
                json!(format!("{parts}.{turned}")),
                Some(&keys),
                Some(("body.t", "a JWT whose signature is wrong")),
            ),
            (
                text,
                json!(token),
                Some(&others),
                Some(("body.t", "a JWT signed with a key that is not in the tenant's JWKS")),
            ),
            (
                text,
                json!(token),
                None,
                Some(("body.t", "a JWT, and no keys of the tenant to check it with")),
            ),
            (text, json!("a.b.c"), Some(&keys), Some(("body.t", "a string that is not a JWT"))),
            (text, json!(1), Some(&keys), Some(("body.t", "no string"))),
        ] {
            let judgement = judge_with(text, &json!({"t": token}), false, keys);
            let found = judgement.mismatches.iter().map(|mismatch| {
                let found = match &mismatch.found {
                    super::Side::Words(words) => words.clone(),
                    super::Side::Value(value) => value.to_string(),
                };
                (mismatch.subject.clone(), found)
            });
            let wrong = wrong.map(|(subject, found)| (subject.to_owned(), found.to_owned()));
            assert_eq!(found.collect::<Vec<_>>(), wrong.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }
}
