//! The names in templates: whether each can be known by the time it is used.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DEFAULT_USER, Scenario,
    document::Reader,
    step::{Action, Step},
    template::{Access, Expression},
};
use crate::source::Diagnostic;

/// Members that every user has.
const USER: [&str; 4] = ["email", "password", "id", "alias"];
const CLIENT: [&str; 2] = ["id", "secret"];
const TARGET: [&str; 3] = ["domain", "issuer", "mfa_audience"];

/// Reports every name that nothing captured before.
pub(super) fn check(scenario: &Scenario, reader: &mut Reader<'_>) {
    let mut checker = Checker {
        scenario,
        captured: scenario.user_names().map(|name| (name, BTreeSet::new())).collect(),
        reader,
    };
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        checker.step(step);
    }
}

struct Checker<'a, 'r> {
    scenario: &'a Scenario,
    captured: BTreeMap<&'a str, BTreeSet<&'a str>>,
    reader: &'a mut Reader<'r>,
}

impl<'a> Checker<'a, '_> {
    fn step(&mut self, step: &'a Step) {
        let mut expressions = Vec::new();
        if let Action::Send(draft) = &step.action {
            if draft.fetch.is_some() {
                self.capture(step, "code");
            }
            draft.expressions(&mut |expression| expressions.push(expression));
        }
        let expect = &step.expect;
        let patterns = expect.body.iter().chain(&expect.body_exact);
        let patterns = patterns.chain(expect.headers.iter().map(|(_, pattern)| pattern));
        for pattern in patterns.chain(expect.jsonpath.iter().map(|(_, pattern)| pattern)) {
            pattern.trees(&mut |tree| tree.expressions(&mut |found| expressions.push(found)));
        }
        for expression in expressions {
            self.expression(expression, &step.actor);
        }
        for (name, _) in step.captures {
            self.capture(step, name);
        }
        for (name, _) in &step.capture {
            self.capture(step, &name.value);
        }
    }

    fn capture(&mut self, step: &'a Step, name: &'a str) {
        self.captured.entry(&step.actor).or_default().insert(name);
    }

    fn expression(&mut self, expression: &Expression, actor: &str) {
        let root = expression.root.as_str();
        let scenario = self.scenario;
        let is_user =
            |name: &str| scenario.given.users.iter().any(|(known, _)| known.value == name);
        let captured = |name: &str| self.captured.get(name).into_iter().flatten().copied();
        match root {
            DEFAULT_USER => self.member(expression, 0, &USER),
            "target" => self.member(expression, 0, &TARGET),
            "client" => self.member(expression, 0, &CLIENT),
            "clients" => {
                let names: Vec<_> =
                    scenario.given.tenant.clients.keys().map(String::as_str).collect();
                self.member(expression, 0, &names) && self.member(expression, 1, &CLIENT)
            }
            _ if is_user(root) => {
                let known: Vec<_> = USER.into_iter().chain(captured(root)).collect();
                self.member(expression, 0, &known)
            }
            _ => {
                let users = scenario.given.users.iter().map(|(name, _)| name.value.as_str());
                let roots = [DEFAULT_USER, "client", "clients", "target"];
                let known: Vec<_> = captured(actor).chain(roots).chain(users).collect();
                self.known(expression, root, &known)
            }
        };
    }

    fn member(&mut self, expression: &Expression, index: usize, known: &[&str]) -> bool {
        match expression.path.get(index) {
            Some(Access::Member(member)) => self.known(expression, member, known),
            _ => {
                let problem = Diagnostic::at(
                    expression.span,
                    format!("`{expression}` has members, and no value"),
                )
                .one_of("", known.iter().copied());
                self.reader.problem(problem);
                false
            }
        }
    }

    fn known(&mut self, expression: &Expression, name: &str, known: &[&str]) -> bool {
        let is_known = known.contains(&name);
        if !is_known {
            let message = format!("nothing before this step gives `{name}`");
            self.reader.problem(
                Diagnostic::at(expression.span, message).one_of(name, known.iter().copied()),
            );
        }
        is_known
    }
}

#[cfg(test)]
mod tests {
    use crate::{scenario::parse, source::Sources};

    #[test]
    fn a_name_is_known_once_something_gives_it() {
        for (steps, unknown) in [
            ("- login: {}\n- list: {bearer: '{{ mfa_token }}'}", None),
            ("- list: {}", Some("nothing before this step gives `mfa_token`")),
            (
                "- login: {}\n- as: bob\n  list: {}",
                Some("nothing before this step gives `mfa_token`"),
            ),
            (
                "- login: {}\n- as: bob\n  list: {bearer: '{{ user.mfa_token }}'}",
                Some("nothing before this step gives `mfa_token`"),
            ),
            ("- as: bob\n  login: {}\n- list: {bearer: '{{ bob.mfa_token }}'}", None),
            (
                "- list: {bearer: '{{ bob.mfa_token }}'}",
                Some("nothing before this step gives `mfa_token`"),
            ),
            ("- login: {}\n  capture: {x: $.a}\n- list: {bearer: '{{ x.y[0] }}'}", None),
            (
                "- login: {username: '{{ user.mail }}'}",
                Some("nothing before this step gives `mail`"),
            ),
            ("- login: {username: '{{ user }}'}", Some("`user` has members, and no value")),
            (
                "- login: {username: '{{ clients.spa.id }}', audience: '{{ target.mfa_audience }}'}",
                None,
            ),
            (
                "- login: {username: '{{ clients.app.id }}'}",
                Some("nothing before this step gives `app`"),
            ),
            (
                "- login: {}\n  expect: {body: {a: '{{ client.name }}'}}",
                Some("nothing before this step gives `name`"),
            ),
            (
                "- login: {}\n  expect: {body: {$not: '{{ mfa_token }}'}}",
                Some("nothing before this step gives `mfa_token`"),
            ),
            ("- login: {}\n- verify: {oob_code: x}", None),
            (
                "- login: {}\n- verify: {oob_code: x, code: y, params: {z: '{{ code }}'}}",
                Some("nothing before this step gives `code`"),
            ),
        ] {
            let mut sources = Sources::default();
            let given = "given: {users: {bob: {}}, tenant: {clients: {spa: {}}}}";
            let source = sources.add("a.yaml", format!("title: t\n{given}\nsteps:\n{steps}\n"));
            let mut problems = Vec::new();
            let scenarios = parse("a", source, &sources, &mut problems);
            let messages: Vec<_> =
                problems.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(messages, unknown.into_iter().collect::<Vec<_>>(), "{steps}");
            assert_eq!(scenarios.len(), usize::from(unknown.is_none()));
        }
    }
}
