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
    /// Says whether a text contains a label in place of a value: only in a replay.
    pub is_label: Option<fn(&str) -> bool>,
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
    if let Some(limit) = expect.within
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
        if !holds {
            self.mismatch(pattern.span, subject, Side::Words(pattern.to_string()), side(found));
        }
    }

    fn contains(&mut self, inner: &Pattern, pattern: &Pattern, text: &str, subject: &str) {
        let part = match &inner.data {
            PatternData::Equals(tree) => {
                match self.context.scope.evaluate(tree, self.context.actor) {
                    Ok(part) => part,
                    Err(problem) => return self.judgement.problems.push(*problem),
                }
            }
            _ => Value::Null,
        };
        let found = Value::from(text);
        if part.as_str().is_some_and(|part| text.contains(part)) || self.not_judged(Some(&found)) {
            return;
        }
        let expected = Side::Words(pattern.to_string());
        self.mismatch(pattern.span, subject, expected, Side::Value(found));
    }

    /// Whether a pattern holds, without a word if it does not.
    fn try_pattern(&self, pattern: &Pattern, found: Option<&Value>, subject: &str) -> Tried {
        let mut checker =
            Checker { context: self.context, exact: self.exact, judgement: Judgement::default() };
        checker.pattern(pattern, found, subject);
        let judgement = checker.judgement;
        if !judgement.mismatches.is_empty() || !judgement.problems.is_empty() {
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
        text.zip(self.context.is_label).is_some_and(|(text, is_label)| is_label(text))
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
