//! The settings of a tenant that is served to other programs: written as a scenario writes what is given.

use super::{
    document::{Fields, FromNode, Reader},
    given::{Tenant, User, distinct_addresses},
    served_fault::ServedFault,
};
use crate::source::{
    Diagnostic, Located, SourceId, Sources,
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
        let mut reader = Reader { source: sources.get(source), problems };
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
        }
        Some(settings)
    }
}
