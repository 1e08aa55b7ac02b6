//! The settings of a tenant that is served to other programs: written as a scenario writes what is given.

use super::{
    client::Client,
    given::{Channel, Enrolled, Tenant, User, distinct_addresses, known_users},
    served_fault::ServedFault,
};
use crate::source::{
    Diagnostic, Located, SourceId, Sources,
    document::{Fields, FromNode, Reader},
    yaml::{self, Node},
};

/// A tenant, its users and its faults at the start.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The tenant's settings.
    pub tenant: Tenant,
    /// The users, by name.
    pub users: Vec<(Located<String>, User)>,
    /// What goes wrong between it and its clients.
    pub faults: Vec<ServedFault>,
}

impl Settings {
    /// Reads a file; where anything is wrong, `problems` says all of it.
    pub fn parse(
        source: SourceId,
        sources: &Sources,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let before = problems.len();
        let document = yaml::load(source, sources, problems)?;
        let mut reader = Reader::new(sources.get(source), problems);
        let settings = Self::from_node(&document, &mut reader);
        settings.filter(|_| problems.len() == before)
    }
}

impl User {
    /// Whoever logs in has to know the address and the password: neither can be made up.
    fn can_be_known(&self, name: &Located<String>, reader: &mut Reader<'_>) {
        let given = [("email", self.email.is_some()), ("password", self.password.is_some())];
        for (key, _) in given.into_iter().filter(|(_, is_given)| !is_given) {
            let problem = format!("the user `{}` has no `{key}`", name.value);
            reader.problem(Diagnostic::at(name.span, problem).hint("nobody could log in"));
        }
    }
}

impl Enrolled {
    /// Whoever wants its codes has to know what they are made of.
    fn can_be_used(&self, reader: &mut Reader<'_>) {
        let makes_codes = matches!(self.channel.value, Channel::Otp | Channel::Push);
        if makes_codes && self.secret.is_none() {
            let problem = Diagnostic::at(self.channel.span, "nobody knows the secret of this app");
            reader
                .problem(problem.hint("give it one: a `secret` in base32, which the app has too"));
        }
    }
}

impl Client {
    /// The key of a run is in no hand but the run's.
    fn can_be_known(&self, reader: &mut Reader<'_>) {
        if let Some(authentication) = &self.authentication
            && self.has_assertions()
            && self.jwk.is_none()
        {
            let message = "nobody has the private key of this application";
            let problem = Diagnostic::at(authentication.span, message);
            reader.problem(problem.hint("give it a `jwk`: the public half of a key of yours"));
        }
    }
}

impl FromNode for Settings {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let settings = Self {
            tenant: fields.default("tenant"),
            users: fields.default("users"),
            faults: fields.default("faults"),
        };
        fields.finish();
        distinct_addresses(settings.users.iter().map(|(_, user)| user), reader);
        for (name, user) in &settings.users {
            user.can_be_known(name, reader);
            user.enrolled.iter().for_each(|enrolled| enrolled.can_be_used(reader));
        }
        let names = settings.users.iter().map(|(name, _)| name.value.as_str());
        known_users(&settings.tenant.actions, names, reader);
        let others = settings.tenant.clients.values();
        for client in std::iter::once(&settings.tenant.client).chain(others) {
            client.can_be_known(reader);
        }
        Some(settings)
    }
}
