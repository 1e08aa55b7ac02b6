//! What a scenario needs and a tenant cannot give, as far as its configuration says.

use crate::{
    config::TargetSpec,
    scenario::{Action, Channel, Scenario, Step},
};

/// The first reason for which this tenant cannot run this scenario, for a person; nothing if none is known.
#[must_use]
pub fn gap(scenario: &Scenario, target: &TargetSpec) -> Option<String> {
    if !scenario.given.faults.is_empty() {
        return Some("it makes requests fail, which only the emulator does".to_owned());
    }
    let users = scenario.given.users.len() + 1;
    if !target.users.is_empty() && users > target.users.len() {
        let known = target.users.len();
        return Some(format!("it needs {users} users, and `users` has {known}"));
    }
    let mut steps = scenario.steps.iter().chain(&scenario.cleanup);
    steps.find_map(|step| gap_of_step(step, target))
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
            // A push has no code.
            let channel = draft.fetch.filter(|channel| *channel != Channel::Push)?;
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
            "targets: {{t: {{domain: a.example, client: {{id: a, public: true}}, {target}}}}}"
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
            (advance, MADE, Some("it waits 60s, and `max_wait` is 30s")),
            (advance, &waits, None),
        ] {
            assert_eq!(gap_of(scenario, target).as_deref(), reason, "{scenario} {target}");
        }
    }
}
