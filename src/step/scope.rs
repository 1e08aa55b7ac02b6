//! What is known while a scenario runs, and what a template is worth by it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    scenario::{Access, Action, DEFAULT_USER, Expression, Part, Step, Tree, TreeData},
    secret::{Kind, Secret},
    source::Diagnostic,
};

/// What is known while a scenario runs: users, applications, the tenant, and what was captured.
pub struct Scope {
    place: Place,
    client: Credentials,
    clients: BTreeMap<String, Credentials>,
    people: BTreeMap<String, (Person, Map<String, Value>)>,
}

/// Where a tenant is, and where in it its users are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The domain that requests go to; the issuer is made of it.
    pub domain: String,
    /// The domain that the Management API's audience is made of: the tenant's own, if requests go to a custom one.
    pub management_domain: String,
    /// The connection that the users are in.
    pub connection: String,
    /// An API of the tenant's, whose access tokens can be asked for, by its audience.
    pub audience: Option<String>,
}

impl Place {
    /// A tenant without a custom domain, whose users are in the connection that Auth0 makes first.
    #[must_use]
    pub fn new(domain: String) -> Self {
        let connection = "Username-Password-Authentication".to_owned();
        // Of an emulated tenant every API is one.
        let audience = Some("https://api.emulator.test/".to_owned());
        Self { management_domain: domain.clone(), domain, connection, audience }
    }
}

/// A user, as a scenario knows one.
#[derive(Clone, Debug)]
pub struct Person {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
    /// The tenant's id for the user.
    pub id: String,
    /// The number of the user's telephone, in the form of E.164.
    pub phone_number: String,
    /// What the user's authenticator app makes codes of, in base32, if there is one before the first step.
    pub otp_secret: Option<Secret<String>>,
}

/// An application, as a scenario knows one.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The id.
    pub id: String,
    /// The secret, if it has one.
    pub secret: Option<Secret<String>>,
    /// The assertion that was made for the request at hand, if it proves itself by one.
    pub assertion: Option<Secret<String>>,
}

impl Scope {
    /// What is known before the first step.
    #[must_use]
    pub fn new(
        place: Place,
        client: Credentials,
        clients: BTreeMap<String, Credentials>,
        people: BTreeMap<String, Person>,
    ) -> Self {
        let people =
            people.into_iter().map(|(name, person)| (name, (person, Map::new()))).collect();
        Self { place, client, clients, people }
    }

    /// Everything in it that a snapshot has to label whatever happens, in an order that is always the same.
    #[must_use]
    pub fn known(&self) -> Vec<(Kind, String)> {
        let mut known = vec![(Kind::Domain, self.place.domain.clone())];
        if self.place.management_domain != self.place.domain {
            known.push((Kind::Domain, self.place.management_domain.clone()));
        }
        known.push((Kind::Connection, self.place.connection.clone()));
        known.extend(self.place.audience.iter().map(|api| (Kind::Audience, api.clone())));
        for client in std::iter::once(&self.client).chain(self.clients.values()) {
            known.push((Kind::ClientId, client.id.clone()));
            known.extend(
                client.secret.iter().map(|secret| (Kind::ClientSecret, secret.expose().clone())),
            );
        }
        let default = self.people.get(DEFAULT_USER).into_iter();
        let others = self.people.iter().filter(|(name, _)| *name != DEFAULT_USER);
        for (person, _) in default.chain(others.map(|(_, person)| person)) {
            known.push((Kind::Email, person.email.clone()));
            known.push((Kind::Password, person.password.expose().clone()));
            known.push((Kind::UserId, person.id.clone()));
            known.push((Kind::PhoneNumber, person.phone_number.clone()));
        }
        known
    }

    /// A user.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.get(name).map(|(person, _)| person)
    }

    /// Whether every template of a step's request has a value.
    #[must_use]
    pub fn knows_all(&self, step: &Step) -> bool {
        let mut known = true;
        if let Action::Send(draft) = &step.action {
            draft.expressions(&mut |expression| {
                let is_fetched = draft.fetch.is_some() && expression.root == "code"
                    || !draft.assertions.is_empty() && expression.root.starts_with("client");
                known &= is_fetched || self.lookup(expression, &step.actor).is_some();
            });
        }
        known
    }

    /// What a user's authenticator app makes codes of: the one that was enrolled last.
    #[must_use]
    pub fn otp_secret(&self, name: &str) -> Option<&str> {
        let (person, captures) = self.people.get(name)?;
        let enrolled = captures.get("secret").and_then(Value::as_str);
        enrolled.or_else(|| person.otp_secret.as_ref().map(|secret| secret.expose().as_str()))
    }

    /// The id of an application: of one of `given.tenant.clients`, if there is a name.
    #[must_use]
    pub fn client_id(&self, name: Option<&str>) -> Option<&str> {
        let client = name.map_or(Some(&self.client), |name| self.clients.get(name));
        client.map(|client| client.id.as_str())
    }

    /// Lends an application an assertion, for the next request.
    pub fn assert_client(&mut self, name: Option<&str>, assertion: String) {
        let client = match name {
            None => Some(&mut self.client),
            Some(name) => self.clients.get_mut(name),
        };
        if let Some(client) = client {
            client.assertion = Some(Secret::new(assertion));
        }
    }

    /// Remembers a value for a user's later steps.
    pub fn capture(&mut self, actor: &str, name: &str, value: Value) {
        if let Some((_, captures)) = self.people.get_mut(actor) {
            captures.insert(name.to_owned(), value);
        }
    }

    /// The value of a tree, its templates evaluated for the user `actor`.
    ///
    /// The error says which template has no value.
    pub fn evaluate(&self, tree: &Tree, actor: &str) -> Result<Value, Box<Diagnostic>> {
        Ok(match &tree.data {
            TreeData::Null => Value::Null,
            TreeData::Bool(value) => Value::Bool(*value),
            TreeData::Number(value) => Value::Number(value.clone()),
            TreeData::Text(template) => match template.0.as_slice() {
                [Part::Expression(expression)] => self.expression(expression, actor)?,
                parts => Value::String(self.text(parts, actor)?),
            },
            TreeData::List(trees) => {
                let values: Result<_, _> =
                    trees.iter().map(|tree| self.evaluate(tree, actor)).collect();
                Value::Array(values?)
            }
            TreeData::Map(entries) => {
                let entries: Result<_, Box<Diagnostic>> = entries
                    .iter()
                    .map(|(name, tree)| Ok((name.clone(), self.evaluate(tree, actor)?)))
                    .collect();
                Value::Object(entries?)
            }
        })
    }

    fn text(&self, parts: &[Part], actor: &str) -> Result<String, Box<Diagnostic>> {
        parts.iter().try_fold(String::new(), |text, part| {
            Ok(text
                + &match part {
                    Part::Text(text) => text.clone(),
                    Part::Expression(expression) => {
                        super::plain(self.expression(expression, actor)?)
                    }
                })
        })
    }

    fn expression(&self, expression: &Expression, actor: &str) -> Result<Value, Box<Diagnostic>> {
        self.lookup(expression, actor).ok_or_else(|| {
            Box::new(
                Diagnostic::at(expression.span, format!("`{expression}` has no value"))
                    .hint("no response before this step contained it"),
            )
        })
    }

    fn lookup(&self, expression: &Expression, actor: &str) -> Option<Value> {
        let mut path = expression.path.iter();
        let value = match expression.root.as_str() {
            DEFAULT_USER => self.of_person(actor, &mut path)?,
            "target" => {
                let Place { domain, management_domain, connection, audience } = &self.place;
                Value::String(match path.next()? {
                    Access::Member(name) if name == "domain" => domain.clone(),
                    Access::Member(name) if name == "issuer" => format!("https://{domain}/"),
                    Access::Member(name) if name == "mfa_audience" => {
                        format!("https://{domain}/mfa/")
                    }
                    Access::Member(name) if name == "management_audience" => {
                        format!("https://{management_domain}/api/v2/")
                    }
                    Access::Member(name) if name == "connection" => connection.clone(),
                    Access::Member(name) if name == "audience" => audience.clone()?,
                    _ => return None,
                })
            }
            "client" => self.client.member(path.next()?)?,
            "clients" => {
                let Access::Member(name) = path.next()? else { return None };
                self.clients.get(name)?.member(path.next()?)?
            }
            name if name != actor && self.people.contains_key(name) => {
                self.of_person(name, &mut path)?
            }
            name => match self.people.get(actor)?.1.get(name) {
                Some(value) => value.clone(),
                None => self.of_person(name, &mut path)?,
            },
        };
        path.try_fold(value, |value, access| match access {
            Access::Member(name) => value.get(name).cloned(),
            Access::Index(index) => value.get(index).cloned(),
            Access::Call(_) => None,
        })
    }

    fn of_person<'a>(
        &self,
        name: &str,
        path: &mut impl Iterator<Item = &'a Access>,
    ) -> Option<Value> {
        let (person, captures) = self.people.get(name)?;
        let Access::Member(member) = path.next()? else { return None };
        Some(match member.as_str() {
            "email" => person.email.clone().into(),
            "password" => person.password.expose().clone().into(),
            "id" => person.id.clone().into(),
            "phone_number" => person.phone_number.clone().into(),
            "alias" => {
                let Access::Call(argument) = path.next()? else { return None };
                person.alias(argument).into()
            }
            capture => captures.get(capture)?.clone(),
        })
    }
}

impl Person {
    /// Another address that reaches the same mailbox, by subaddressing (RFC 5233).
    #[must_use]
    pub fn alias(&self, detail: &str) -> String {
        let (local, domain) = self.email.split_once('@').unwrap_or((&self.email, ""));
        let separator = if local.contains('+') { '.' } else { '+' };
        format!("{local}{separator}{detail}@{domain}")
    }
}

impl Credentials {
    fn member(&self, access: &Access) -> Option<Value> {
        match access {
            Access::Member(name) if name == "id" => Some(self.id.clone().into()),
            Access::Member(name) if name == "secret" => {
                self.secret.as_ref().map(|secret| secret.expose().clone().into())
            }
            Access::Member(name) if name == "assertion" || name == "last_assertion" => {
                self.assertion.as_ref().map(|assertion| assertion.expose().clone().into())
            }
            _ => None,
        }
    }
}
