//! The names in templates: whether each can be known by the time it is used.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Client, DEFAULT_USER, Scenario,
    given::RESERVED,
    step::{Action, Step},
    template::{Access, Expression},
};
use crate::source::{Diagnostic, document::Reader};

/// Members that every user has.
const USER: [&str; 5] = ["email", "password", "id", "phone_number", "alias"];
const CLIENT: [&str; 4] = ["id", "secret", "assertion", "last_assertion"];
const TARGET: [&str; 6] =
    ["domain", "issuer", "mfa_audience", "management_audience", "connection", "audience"];

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

/// Whether a template can name it.
fn is_capture_name(name: &str) -> bool {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    is_word && begins_well && !RESERVED.contains(&name)
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
            if !is_capture_name(&name.value) {
                let message = format!("nothing can be captured as `{}`", name.value);
                self.reader.problem(
                    Diagnostic::at(name.span, message)
                        .expected("a word of letters, digits and `_` that means nothing else"),
                );
            }
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
            DEFAULT_USER => self.member(expression, 0, &USER, "a user has no"),
            "target" => self.member(expression, 0, &TARGET, "the target has no"),
            "client" => {
                self.member(expression, 0, &CLIENT, "an application has no")
                    && self.proof(expression, 0, &scenario.given.tenant.client)
            }
            "clients" => {
                let names: Vec<_> =
                    scenario.given.tenant.clients.keys().map(String::as_str).collect();
                self.member(expression, 0, &names, "there is no client")
                    && self.member(expression, 1, &CLIENT, "an application has no")
                    && scenario.given.tenant.clients.iter().all(|(name, client)| {
                        expression.path.first() != Some(&Access::Member(name.clone()))
                            || self.proof(expression, 1, client)
                    })
            }
            // Reported where the matrix is expanded.
            "matrix" => true,
            _ if is_user(root) => {
                let known: Vec<_> = captured(root).chain(USER).collect();
                let message = format!("no step of `{root}` before this one gives");
                self.member(expression, 0, &known, &message)
            }
            _ => {
                let users = scenario.given.users.iter().map(|(name, _)| name.value.as_str());
                let roots = [DEFAULT_USER, "client", "clients", "target"];
                let known: Vec<_> = captured(actor).chain(roots).chain(users).collect();
                self.known(expression, root, &known, "nothing before this step gives")
            }
        };
    }

    /// Reports what an application proves itself with, if this one does not.
    fn proof(&mut self, expression: &Expression, index: usize, client: &Client) -> bool {
        let Some(Access::Member(member)) = expression.path.get(index) else { return true };
        let (has_it, whose) = match member.as_str() {
            "secret" => (client.has_secret(), "`client_secret_post` or `client_secret_basic`"),
            "assertion" | "last_assertion" => (client.has_assertions(), "`private_key_jwt`"),
            _ => return true,
        };
        if !has_it {
            let problem =
                Diagnostic::at(expression.span, format!("this application has no `{member}`"));
            let hint = format!("it is of one whose `authentication` is {whose}");
            self.reader.problem(problem.hint(hint));
        }
        has_it
    }

    fn member(
        &mut self,
        expression: &Expression,
        index: usize,
        known: &[&str],
        message: &str,
    ) -> bool {
        if let Some(Access::Member(member)) = expression.path.get(index) {
            return self.known(expression, member, known, message);
        }
        let message = format!("`{expression}` has members, and no value");
        let problem = Diagnostic::at(expression.span, message).one_of("", known.iter().copied());
        self.reader.problem(problem);
        false
    }

    fn known(
        &mut self,
        expression: &Expression,
        name: &str,
        known: &[&str],
        message: &str,
    ) -> bool {
        let is_known = known.contains(&name);
        if !is_known {
            let problem = Diagnostic::at(expression.span, format!("{message} `{name}`"));
            self.reader.problem(problem.one_of(name, known.iter().copied()));
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
                Some("a user has no `mfa_token`"),
            ),
            ("- as: bob\n  login: {}\n- list: {bearer: '{{ bob.mfa_token }}'}", None),
            (
                "- list: {bearer: '{{ bob.mfa_token }}'}",
                Some("no step of `bob` before this one gives `mfa_token`"),
            ),
            ("- login: {}\n  capture: {x: $.a}\n- list: {bearer: '{{ x.y[0] }}'}", None),
            ("- login: {username: '{{ user.mail }}'}", Some("a user has no `mail`")),
            ("- login: {username: '{{ user }}'}", Some("`user` has members, and no value")),
            (
                "- login: {username: '{{ clients.spa.id }}', audience: '{{ target.mfa_audience }}'}",
                None,
            ),
            ("- login: {username: '{{ clients.app.id }}'}", Some("there is no client `app`")),
            (
                "- login: {}\n  expect: {body: {a: '{{ client.name }}'}}",
                Some("an application has no `name`"),
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
