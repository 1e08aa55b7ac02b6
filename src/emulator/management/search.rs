//! Searches for users, as far as finding those of one maker needs it: one term in Lucene's syntax,
//! and the order of what is found.
//!
//! `FIELD:"VALUE"`, or the value without quotes, of `email`, `name` and what is in `app_metadata`;
//! `FIELD:BEGINNING*` of the first two. Whether `app_metadata` may be searched so is told in two
//! ways \[doc, contradicts\], so here it is not.

use serde_json::Value;

use super::{Refusal, query};
use crate::{emulator::user::User, exchange::Request};

/// Nobody is found beyond so many \[doc\].
pub(super) const MOST: usize = 1000;

/// What is looked for.
#[derive(Debug, PartialEq)]
pub(super) enum Term {
    /// In lower case: the case of these does not count \[doc\].
    Email(Wanted),
    Name(Wanted),
    /// Where it is in `app_metadata`, and the text of the value, whose case counts \[doc\].
    AppMetadata(Vec<String>, String),
}

#[derive(Debug, PartialEq)]
pub(super) enum Wanted {
    Exactly(String),
    Beginning(String),
}

impl Term {
    /// The `q` of a request, if it has one that says anything.
    pub(super) fn of(request: &Request) -> Result<Option<Self>, Refusal> {
        match query(request, "search_engine").as_deref() {
            None | Some("v3") => {}
            Some(_) => return Err(Refusal::invalid_query("search_engine")),
        }
        let text = query(request, "q").unwrap_or_default();
        match text.trim() {
            "" => Ok(None),
            text => Self::parse(text).map(Some).ok_or_else(|| {
                Refusal::not_managed(
                    "search other than for one value of email, name or app_metadata, or for how \
                     an email or a name begins",
                )
            }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (field, value) = text.split_once(':')?;
        let wanted = wanted(value)?;
        match (field.split_once('.'), wanted) {
            (None, wanted) if field == "email" => Some(Self::Email(wanted.in_lower_case())),
            (None, wanted) if field == "name" => Some(Self::Name(wanted.in_lower_case())),
            (Some(("app_metadata", path)), Wanted::Exactly(value)) => {
                Some(Self::AppMetadata(path.split('.').map(str::to_owned).collect(), value))
            }
            _ => None,
        }
    }

    pub(super) fn matches(&self, user: &User) -> bool {
        match self {
            Self::Email(wanted) => wanted.matches(&user.email),
            Self::Name(wanted) => wanted.matches(user.name()),
            Self::AppMetadata(path, value) => match path.split_first() {
                Some((first, rest)) => {
                    user.app_metadata.get(first).is_some_and(|known| holds(known, rest, value))
                }
                None => false,
            },
        }
    }
}

impl Wanted {
    fn in_lower_case(self) -> Self {
        match self {
            Self::Exactly(text) => Self::Exactly(text.to_lowercase()),
            Self::Beginning(text) => Self::Beginning(text.to_lowercase()),
        }
    }

    /// Values are not taken apart into words \[doc\].
    fn matches(&self, known: &str) -> bool {
        let known = known.to_lowercase();
        match self {
            Self::Exactly(text) => known == *text,
            Self::Beginning(text) => known.starts_with(text),
        }
    }
}

/// The users in the order asked for; without a word that of their ids.
pub(super) fn sort(users: &mut [&User], request: &Request) -> Result<(), Refusal> {
    match query(request, "sort").as_deref() {
        None => {}
        Some("created_at:1") => users.sort_by_key(|user| user.created_at),
        Some("created_at:-1") => users.sort_by_key(|user| std::cmp::Reverse(user.created_at)),
        Some(_) => return Err(Refusal::not_managed("order other than by created_at")),
    }
    Ok(())
}

/// A value with its quotes, or one that needs none: nothing in it means more than itself, but a
/// star at its end.
fn wanted(value: &str) -> Option<Wanted> {
    if let Some(quoted) = value.strip_prefix('"') {
        let mut text = String::new();
        let mut rest = quoted.chars();
        loop {
            match rest.next()? {
                '\\' => text.push(rest.next()?),
                '"' => break,
                letter => text.push(letter),
            }
        }
        return (rest.as_str().is_empty() && !text.is_empty()).then_some(Wanted::Exactly(text));
    }
    let (text, is_whole) = value.strip_suffix('*').map_or((value, true), |text| (text, false));
    let means_more =
        |letter: char| letter.is_whitespace() || r#"*?"\:/()[]{}^~!&|"#.contains(letter);
    if text.is_empty() || text.contains(means_more) || text.starts_with(['+', '-']) {
        return None;
    }
    let text = text.to_owned();
    Some(if is_whole { Wanted::Exactly(text) } else { Wanted::Beginning(text) })
}

/// Whether a value is there; that it is in a list on the way does not matter \[doc\].
fn holds(known: &Value, path: &[String], value: &str) -> bool {
    match (known, path) {
        (Value::Array(all), _) => all.iter().any(|known| holds(known, path, value)),
        (Value::Object(members), [first, rest @ ..]) => {
            members.get(first).is_some_and(|known| holds(known, rest, value))
        }
        (Value::String(text), []) => text == value,
        (Value::Bool(known), []) => known.to_string() == value,
        (Value::Number(known), []) => known.to_string() == value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Term, Wanted};

    #[test]
    fn terms_are_read_or_not_at_all() {
        let exactly = |text: &str| Wanted::Exactly(text.to_owned());
        let path = |path: &[&str]| path.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
        for (text, term) in [
            ("email:Ada+1@Example.com", Term::Email(exactly("ada+1@example.com"))),
            (r#"name:"a \"b\" c*""#, Term::Name(exactly(r#"a "b" c*"#))),
            ("email:Ann-*", Term::Email(Wanted::Beginning("ann-".to_owned()))),
            (r#"app_metadata.a.b:"C d""#, Term::AppMetadata(path(&["a", "b"]), "C d".to_owned())),
        ] {
            assert_eq!(Term::parse(text), Some(term), "{text}");
        }
        for text in [
            "ada",
            "email:",
            "email:*",
            "email:\"\"",
            "email:\"ada",
            "email:\"ada\" OR email:\"bob\"",
            "NOT email:ada",
            "email:ada bob",
            "email:*@example.com",
            "email:a*a*",
            "email:(ada)",
            "created_at:[2026-01-01 TO *]",
            "_exists_:app_metadata.made",
            "app_metadata:made",
            "app_metadata.made:by*",
            "email.domain:\"example.com\"",
        ] {
            assert_eq!(Term::parse(text), None, "{text}");
        }
    }
}
