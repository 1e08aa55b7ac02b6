//! What of a tenant holds for all its users: the factors that are on, and when a login asks for one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::scenario::{self, Factor, Policy};

/// Settings that a scenario can ask for and the Management API can read and change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The words of the factors that are on, as scenarios have them.
    factors: BTreeSet<String>,
    /// The policies, as the Management API has them.
    policies: BTreeSet<String>,
}

/// The policy of a tenant whose every login asks for a factor \[doc\].
const ALWAYS: &str = "all-applications";

/// Factors of scenarios, and as the Management API has them. Text messages and calls are one there, told apart by the
/// message types \[doc\]. Those that need another one beside them are last: they come later, and go first.
const FACTORS: [(Factor, &str); 6] = [
    (Factor::Otp, "otp"),
    (Factor::Push, "push-notification"),
    (Factor::Sms, "sms"),
    (Factor::Voice, "sms"),
    (Factor::Email, "email"),
    (Factor::RecoveryCode, "recovery-code"),
];

/// A change, as a request: the path below `/api/v2/guardian/`, and the body.
pub(super) type Change = (String, Value);

impl Settings {
    /// What a scenario asks for.
    pub(super) fn of(given: &scenario::Tenant) -> Self {
        let factors = given.factors.iter().map(|factor| factor.word().to_owned());
        let policies = match given.policy {
            Policy::Always => BTreeSet::from([ALWAYS.to_owned()]),
            Policy::Never => BTreeSet::new(),
        };
        Self { factors: factors.collect(), policies }
    }

    /// What a tenant says: its factors, its message types and its policies. What is off in it is not asked for.
    pub(super) fn read(factors: &Value, types: &Value, policies: &Value) -> Option<Self> {
        let is_on = |name: &str| {
            let found = factors.as_array()?.iter().find(|factor| factor["name"] == name)?;
            found["enabled"].as_bool()
        };
        let types = &types["message_types"];
        let has = |word: &str| types.as_array().is_some_and(|all| all.iter().any(|it| it == word));
        let on = FACTORS.iter().filter(|(factor, name)| {
            let is_sent = matches!(factor, Factor::Sms | Factor::Voice);
            is_on(name).unwrap_or_default() && (!is_sent || has(factor.word()))
        });
        let words = policies.as_array()?.iter().filter_map(Value::as_str);
        Some(Self {
            factors: on.map(|(factor, _)| factor.word().to_owned()).collect(),
            policies: words.map(str::to_owned).collect(),
        })
    }

    /// What makes these of `now`, in an order in which it can be done.
    pub(super) fn changes(&self, now: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let has = |settings: &Self, factor: Factor| settings.factors.contains(factor.word());
        let mut switch = |name: &str, on: bool| {
            changes.push((format!("factors/{name}"), json!({"enabled": on})));
        };
        let single = |factor: Factor| !matches!(factor, Factor::Sms | Factor::Voice);
        let is_phone = |settings: &Self| has(settings, Factor::Sms) || has(settings, Factor::Voice);
        if is_phone(self) && !is_phone(now) {
            switch("sms", true);
        }
        for (factor, name) in FACTORS.iter().filter(|(factor, _)| single(*factor)) {
            if has(self, *factor) && !has(now, *factor) {
                switch(name, true);
            }
        }
        for (factor, name) in FACTORS.iter().rev().filter(|(factor, _)| single(*factor)) {
            if !has(self, *factor) && has(now, *factor) {
                switch(name, false);
            }
        }
        if !is_phone(self) && is_phone(now) {
            switch("sms", false);
        }
        let phone = [Factor::Sms, Factor::Voice];
        if is_phone(self) && phone.iter().any(|it| has(self, *it) != has(now, *it)) {
            let types = phone.iter().filter(|it| has(self, **it)).map(|it| it.word());
            let types = json!({"message_types": types.collect::<Vec<_>>()});
            changes.push(("factors/phone/message-types".to_owned(), types));
        }
        if self.policies != now.policies {
            changes.push(("policies".to_owned(), json!(self.policies)));
        }
        changes
    }

    /// How `now` is not as asked for, for a person; nothing if it is.
    pub(super) fn differs(&self, now: &Self) -> Option<String> {
        let list = |factors: &BTreeSet<String>| match factors.len() {
            0 => "none".to_owned(),
            _ => factors.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        if self.factors != now.factors {
            let (wanted, there) = (list(&self.factors), list(&now.factors));
            return Some(format!("it needs the factors {wanted}; those that are on are {there}"));
        }
        let policy =
            |settings: &Self| if settings.policies.is_empty() { "never" } else { "always" };
        (self.policies != now.policies).then(|| {
            format!("it needs the policy `{}`; the tenant's is `{}`", policy(self), policy(now))
        })
    }

    /// The factors that are on, how messages to a phone go, and when a login asks for a factor; each with what it is
    /// called.
    pub(super) fn shown(&self) -> [(&'static str, String); 3] {
        let is_sent = |word: &&str| ["sms", "voice"].contains(word);
        let words = self.factors.iter().map(String::as_str);
        let types: Vec<_> = words.filter(is_sent).collect();
        let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        let policy = if self.policies.is_empty() {
            "never".to_owned()
        } else {
            self.policies.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let factors = self.factors.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        [
            ("factors", or_none(factors)),
            ("message types", or_none(types.join(", "))),
            ("policy", policy),
        ]
    }

    /// The same for the same settings.
    pub(super) fn key(&self) -> String {
        format!("{:?} {:?}", self.policies, self.factors)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Settings;

    fn settings(factors: &[&str], policies: &[&str]) -> Settings {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Settings { factors: owned(factors), policies: owned(policies) }
    }

    #[test]
    fn what_a_tenant_says_is_read() {
        let factors = json!([
            {"name": "sms", "enabled": true, "trial_expired": false},
            {"name": "otp", "enabled": false},
            {"name": "email", "enabled": true},
            {"name": "webauthn-roaming", "enabled": true},
        ]);
        let types = json!({"message_types": ["voice"]});
        let read = Settings::read(&factors, &types, &json!(["all-applications"]));
        assert_eq!(read, Some(settings(&["voice", "email"], &["all-applications"])));
        let shown =
            |settings: &Settings| settings.shown().map(|(name, text)| format!("{name}: {text}"));
        assert_eq!(
            read.as_ref().map(shown),
            Some(
                ["factors: email, voice", "message types: voice", "policy: all-applications"]
                    .map(str::to_owned)
            )
        );
        let none = shown(&settings(&[], &[]));
        assert_eq!(none, ["factors: none", "message types: none", "policy: never"]);
    }

    #[test]
    fn changes_never_leave_a_dependent_factor_alone() {
        let now = settings(&["otp", "email"], &["all-applications"]);
        let wanted = settings(&["sms"], &[]);
        let paths = |changes: Vec<(String, serde_json::Value)>| {
            changes.into_iter().map(|(path, body)| format!("{path} {body}")).collect::<Vec<_>>()
        };
        assert_eq!(
            paths(wanted.changes(&now)),
            [
                r#"factors/sms {"enabled":true}"#,
                r#"factors/email {"enabled":false}"#,
                r#"factors/otp {"enabled":false}"#,
                r#"factors/phone/message-types {"message_types":["sms"]}"#,
                "policies []",
            ]
        );
        assert_eq!(
            paths(now.changes(&wanted)),
            [
                r#"factors/otp {"enabled":true}"#,
                r#"factors/email {"enabled":true}"#,
                r#"factors/sms {"enabled":false}"#,
                r#"policies ["all-applications"]"#,
            ]
        );
        assert_eq!(now.changes(&now), []);
    }
}
