//! What a scenario gives: in words, and as its file has it.

use super::{markdown::code, step::length};
use crate::{
    scenario::{
        Given, Policy, Tenant, User,
        fault::{Fault, Kind},
        policy::{Action, BruteForceProtection, FactorType, Lifetimes, Limits, Then, When},
    },
    snapshot::format::to_yaml,
    source::{SourceId, Sources, yaml},
};
use serde_json::{Map, Value};

/// Stands for what is nobody's business.
const MASKED: &str = "[masked]";

/// `given` and `matrix` of a scenario's file, in the block style and without its secrets; nothing where it has neither.
pub(super) fn yaml(source: SourceId, sources: &Sources) -> Option<String> {
    // It was read before, without a problem.
    let Value::Object(document) = yaml::load(source, sources, &mut Vec::new())?.to_json() else {
        return None;
    };
    let kept = document.into_iter().filter(|(key, _)| key == "given" || key == "matrix");
    let mut kept: Map<String, Value> = kept.collect();
    kept.values_mut().for_each(mask);
    (!kept.is_empty()).then(|| to_yaml(&kept))
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if matches!(key.as_str(), "password" | "secret") {
                    *value = MASKED.into();
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

/// What is given, a sentence each.
pub(super) fn words(given: &Given) -> Vec<String> {
    let mut words = tenant(&given.tenant);
    words.push(user("The user", &given.user));
    for (name, other) in &given.users {
        words.push(user(&format!("A user {}", code(&name.value)), other));
    }
    words.extend(given.faults.iter().map(fault));
    words
}

fn tenant(tenant: &Tenant) -> Vec<String> {
    let factors: Vec<_> = tenant.factors.iter().map(|factor| factor.word()).collect();
    let factors = match factors.as_slice() {
        [] => "no factor".to_owned(),
        [one] => format!("the factor {one}"),
        several => format!("the factors {}", and(several)),
    };
    let policy = match tenant.policy {
        Policy::Always => "asks every login for a second factor",
        Policy::Never => "asks for a second factor only where an Action does",
    };
    let mut words = vec![format!("The tenant has {factors} switched on, and {policy}.")];
    if tenant.customize_mfa {
        words.push("Factors are chosen by Actions.".to_owned());
    }
    words.extend(tenant.actions.iter().map(action));
    let own = [
        (tenant.limits != Limits::default(), "limits"),
        (tenant.lifetimes != Lifetimes::default(), "lifetimes of tokens"),
        (
            tenant.brute_force_protection != BruteForceProtection::default(),
            "brute-force protection",
        ),
    ];
    let own: Vec<_> = own.into_iter().filter_map(|(is_set, what)| is_set.then_some(what)).collect();
    if !own.is_empty() {
        words.push(format!("It has its own {}.", and(&own)));
    }
    let client = &tenant.client;
    if client.public {
        words.push("The application is public: it has no secret.".to_owned());
    }
    if let Some(authentication) = &client.authentication {
        let word = authentication.value.word();
        words.push(format!("The application proves itself by {}.", code(word)));
    }
    if let Some(grants) = &client.grants {
        let grants: Vec<_> = grants.iter().map(|grant| code(grant.word())).collect();
        words.push(format!("The application may use {} only.", list(&grants, "no grant")));
    }
    if client.management.is_some() {
        words.push("The application may use the Management API.".to_owned());
    }
    if !tenant.clients.is_empty() {
        let names: Vec<_> = tenant.clients.keys().map(|name| code(name)).collect();
        words.push(format!("There are other applications: {}.", list(&names, "none")));
    }
    words
}

fn action(action: &Action) -> String {
    let When { user, client, scope, audience } = &action.when;
    let conditions = [
        ("the user", user.as_ref().map(|user| &user.value)),
        ("the application", client.as_ref().map(|client| &client.value)),
        ("the scope", scope.as_ref()),
        ("the audience", audience.as_ref()),
    ];
    let conditions: Vec<_> = conditions
        .into_iter()
        .filter_map(|(what, value)| Some(format!("{what} {}", code(value?))))
        .collect();
    let when = if conditions.is_empty() {
        String::new()
    } else {
        format!(" for {}", list(&conditions, ""))
    };
    let factors = |types: &[FactorType]| {
        let types: Vec<_> = types.iter().map(|one| one.word()).collect();
        types.join(" or ")
    };
    let what = match &action.then {
        Then::Mfa(_) => "asks for any factor".to_owned(),
        Then::Challenge(types) => format!("asks for {}", factors(types)),
        Then::Enroll(types) => format!("asks to enrol {}", factors(types)),
        Then::Deny(reason) => format!("refuses the login: {}", code(reason)),
    };
    format!("An Action{when} {what}.")
}

fn user(who: &str, user: &User) -> String {
    let enrolled: Vec<_> = user.enrolled.iter().map(|one| one.channel.value.word()).collect();
    let has = if enrolled.is_empty() {
        "has no factor".to_owned()
    } else {
        format!("has enrolled and confirmed {}", and(&enrolled))
    };
    let verified = if user.email_verified { "verified" } else { "not verified" };
    format!("{who} {has}; their own address is {verified}.")
}

fn fault(fault: &Fault) -> String {
    let calls = match &fault.calls {
        None => "Every call".to_owned(),
        Some(calls) => {
            let calls: Vec<_> = calls.iter().map(u64::to_string).collect();
            format!("Call {}", list(&calls, ""))
        }
    };
    let method = fault.method.as_ref().map(|method| format!("{method} ")).unwrap_or_default();
    let what = match fault.kind {
        Kind::Latency(duration) => format!("is answered {} late", length(duration)),
        Kind::Status(_) => "gets an error in place of an answer".to_owned(),
        Kind::Malformed => "gets an answer that breaks off".to_owned(),
    };
    format!("{calls} of {} {what}.", code(&format!("{method}{}", fault.path)))
}

fn and(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
    list(&words, "")
}

fn list(words: &[String], none: &str) -> String {
    match words {
        [] => none.to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{words, yaml};
    use crate::{scenario::parse, source::Sources};

    const TEXT: &str = "title: t\ngiven:\n  tenant: {factors: [email, otp], policy: never, client: {secret: hush}}\n  \
                        user: {email: a@b.test, password: hush, enrolled: [{channel: otp, secret: GEZDGNBVGY3TQOJQ}]}\n\
                        steps: [{login: {}}]\n";

    #[test]
    fn secrets_are_masked() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", TEXT);
        let given = yaml(source, &sources).unwrap();
        assert_eq!(given.matches("\"[masked]\"").count(), 3, "{given}");
        assert!(!given.contains("hush") && !given.contains("GEZD"), "{given}");
        let none = sources.add("b.yaml", "title: t\nsteps: [{login: {}}]\n");
        assert_eq!(yaml(none, &sources), None);
    }

    #[test]
    fn what_is_given_is_told() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", TEXT);
        let scenarios = parse("a", source, &sources, &mut Vec::new());
        let told = words(&scenarios[0].given);
        let expected = [
            "The tenant has the factors email and otp switched on, and asks for a second factor only where an Action does.",
            "The user has enrolled and confirmed otp; their own address is not verified.",
        ];
        assert_eq!(told, expected);
    }
}
