//! What a scenario needs and a tenant cannot give, as far as its configuration says.

use super::Applications;
use crate::{
    address::is_phone_number,
    config::{Allowed, TargetSpec},
    scenario::{
        Access, Action, Channel, Path, Scenario, Step, Tenant, policy::BruteForceProtection,
    },
};

/// The first reason for which this tenant cannot run this scenario, for a person; nothing if none is known.
#[must_use]
pub fn gap(scenario: &Scenario, target: &TargetSpec) -> Option<String> {
    if !scenario.given.faults.is_empty() {
        return Some("it makes requests fail, which only the emulator does".to_owned());
    }
    let steps = || scenario.steps.iter().chain(&scenario.cleanup);
    gap_of_tenant(&scenario.given.tenant, target)
        .or_else(|| gap_of_users(scenario, target))
        .or_else(|| steps().find_map(|step| gap_of_step(step, target)))
        .or_else(|| gap_of_names(scenario, target))
}

/// What of a tenant's settings cannot be read or changed from outside, or must not be.
fn gap_of_tenant(given: &Tenant, target: &TargetSpec) -> Option<String> {
    let lifetimes = [given.lifetimes.access_token, given.lifetimes.id_token];
    let is_changed = given.brute_force_protection != BruteForceProtection::default();
    let sets = [
        (!given.actions.is_empty(), "Actions"),
        (given.customize_mfa, "the choice of factors by Actions"),
        (lifetimes.iter().any(Option::is_some), "the lifetimes of tokens"),
        (given.limits.are_set(), "limits"),
        (is_changed, "the protection against brute force"),
    ];
    if let Some((_, what)) = sets.iter().find(|(sets, _)| *sets) {
        return Some(format!("it sets {what}, which is not done in a tenant"));
    }
    let applications = match Applications::find(given, target) {
        Ok(applications) => applications,
        Err(missing) => return Some(missing),
    };
    (applications.manages() && !target.allow.contains(&Allowed::Provision))
        .then(|| "it calls the Management API, and `allow` has no `provision`".to_owned())
}

/// What cannot be made of users that are there already, or of any.
fn gap_of_users(scenario: &Scenario, target: &TargetSpec) -> Option<String> {
    let users: Vec<_> = scenario.user_names().map(|name| scenario.user(name)).collect();
    if users.iter().any(|user| user.email.is_some()) {
        return Some("it says what the address of a user is".to_owned());
    }
    let enrolled = || users.iter().flat_map(|user| &user.enrolled);
    if enrolled().any(|enrolled| enrolled.channel.value == Channel::Push) {
        return Some("it needs a user who has a device for push, and none can be made".to_owned());
    }
    if target.users.is_empty() {
        return None;
    }
    let known = target.users.len();
    if users.len() > known {
        return Some(format!("it needs {} users, and `users` has {known}", users.len()));
    }
    if users.iter().any(|user| user.password.is_some()) {
        return Some("it says what the password of a user is".to_owned());
    }
    if users.iter().any(|user| user.email_verified) {
        return Some("it says that the address of a user is verified".to_owned());
    }
    if target.management.is_some() && target.allow.contains(&Allowed::Remove) {
        return None;
    }
    let takes = "takes `management` and `allow: [remove]`";
    if enrolled().next().is_some() {
        return Some(format!("it needs a user with a factor, which {takes}"));
    }
    // It may end before a step that would remove it.
    let mut steps = scenario.steps.iter().chain(&scenario.cleanup);
    steps.any(enrols).then(|| format!("it enrols a factor, and to have it removed {takes}"))
}

fn enrols(step: &Step) -> bool {
    let Action::Send(draft) = &step.action else { return false };
    let mut enrols = matches!(draft.path, Path::Fixed("/mfa/associate"));
    draft.literals(&mut |text| enrols |= text.starts_with("/mfa/associate"));
    enrols
}

/// Phone numbers and an API that are needed, and strangers' numbers that must not be reached.
fn gap_of_names(scenario: &Scenario, target: &TargetSpec) -> Option<String> {
    let numbers: Vec<_> = target.phone_numbers().collect();
    let (mut needs_number, mut needs_audience, mut stranger) = (false, false, false);
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        let Action::Send(draft) = &step.action else { continue };
        draft.expressions(&mut |expression| {
            let names =
                |access: &Access| matches!(access, Access::Member(name) if name == "phone_number");
            needs_number |= expression.path.iter().any(names);
            needs_audience |= expression.to_string() == "target.audience";
        });
        draft.literals(&mut |text| stranger |= is_phone_number(text) && !numbers.contains(&text));
    }
    let users = scenario.user_names().map(|name| scenario.user(name));
    for enrolled in users.flat_map(|user| &user.enrolled) {
        match &enrolled.phone_number {
            Some(number) => stranger |= !numbers.contains(&number.as_str()),
            None => needs_number |= matches!(enrolled.channel.value, Channel::Sms | Channel::Voice),
        }
    }
    if needs_audience && target.audience.is_none() {
        return Some("it needs an API of the tenant's, and there is no `audience`".to_owned());
    }
    let users = scenario.given.users.len() + 1;
    if stranger {
        return Some("it has a phone number of its own, which may be somebody's".to_owned());
    }
    (needs_number && numbers.len() < users).then(|| match numbers.len() {
        0 => "it needs a phone number, and `codes` has neither `sms` nor `voice`".to_owned(),
        known => format!("it needs {users} phone numbers, and `codes` has {known}"),
    })
}

fn gap_of_step(step: &Step, target: &TargetSpec) -> Option<String> {
    match &step.action {
        Action::Answer(_) => {
            Some("it answers a push, and there is no device to do that".to_owned())
        }
        Action::Advance(wait) if *wait > target.max_wait => {
            Some(format!("it waits {wait:?}, and `max_wait` is {:?}", target.max_wait))
        }
        Action::Advance(_) => None,
        Action::Send(draft) => {
            // A code of an app is made of the secret that the enrolment gave; a push has none.
            let is_sent = |channel: &Channel| !matches!(channel, Channel::Otp | Channel::Push);
            let channel = draft.fetch.filter(is_sent)?;
            let is_there = target.codes.contains_key(&channel);
            (!is_there).then(|| format!("it needs a code, and `codes` has no `{}`", channel.word()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::gap;
    use crate::{config, scenario, source::Sources};

    const POOL: &str = "users: [{email: a@b.example, password: '${X}'}]";
    const MADE: &str = "management: {client_id: x, client_secret: '${X}'}";

    fn gap_of(scenario: &str, target: &str) -> Option<String> {
        let mut sources = Sources::default();
        let mut problems = Vec::new();
        let text = format!(
            "targets: {{t: {{domain: a.example, client: {{id: a, secret: '${{X}}'}}, {target}}}}}"
        );
        let source = sources.add("countersign.yaml", text);
        let variables = BTreeMap::from([("X".to_owned(), "x".to_owned())]);
        let target = config::read(source, &mut sources, &variables, "t", &mut problems);
        let source = sources.add("a.yaml", format!("title: t\n{scenario}"));
        let scenarios = scenario::parse("a", source, &sources, &mut problems);
        assert_eq!(problems, []);
        gap(&scenarios[0], &target.expect("a target"))
    }

    #[test]
    fn what_the_file_does_not_have_is_a_reason() {
        let enrol = |channel: &str| {
            format!(
                "steps: [{{login: {{}}}}, {{enroll: {{channel: {channel}}}}}, {{confirm: {{}}}}]"
            )
        };
        let prompt = format!("{MADE}, codes: {{email: {{kind: prompt, address: '*@b.example'}}}}");
        let bob = "given: {users: {bob: {}}}\nsteps: [{login: {}}]";
        let advance = "steps: [{login: {}}, {advance: 1m}]";
        let waits = format!("{MADE}, max_wait: 1m");
        for (scenario, target, reason) in [
            (enrol("email").as_str(), MADE, Some("it needs a code, and `codes` has no `email`")),
            (&enrol("email"), &prompt, None),
            (&enrol("otp"), MADE, None),
            (bob, POOL, Some("it needs 2 users, and `users` has 1")),
            (bob, &format!("{MADE}, {POOL}"), Some("it needs 2 users, and `users` has 1")),
            (bob, MADE, None),
            ("given: {user: {email_verified: true}}\nsteps: [{login: {}}]", MADE, None),
            (
                "given: {user: {email_verified: true}}\nsteps: [{login: {}}]",
                POOL,
                Some("it says that the address of a user is verified"),
            ),
            (
                &enrol("otp"),
                &format!("{MADE}, {POOL}"),
                Some(
                    "it enrols a factor, and to have it removed takes `management` and `allow: [remove]`",
                ),
            ),
            (&enrol("otp"), &format!("{MADE}, {POOL}, allow: [remove]"), None),
            (
                "steps: [{request: {method: POST, path: /mfa/associate}}]",
                POOL,
                Some(
                    "it enrols a factor, and to have it removed takes `management` and `allow: [remove]`",
                ),
            ),
            (advance, MADE, Some("it waits 60s, and `max_wait` is 30s")),
            (advance, &waits, None),
        ] {
            assert_eq!(gap_of(scenario, target).as_deref(), reason, "{scenario} {target}");
        }
    }
}
