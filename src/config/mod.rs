//! `countersign.yaml`: the tenants that a run can be sent to, each by its name.
//!
//! Nothing is read here but a text, and the variables that it names are handed in. Only the variables of the target
//! that is asked for have to be set; of the others is judged what stands in the file.

mod client;
mod code;
mod conceal;
mod http;
mod listing;
mod open;
mod target;
mod text;
mod value;

use std::collections::BTreeMap;

pub use self::{
    client::{Client, Management, Proof},
    code::{CodeSource, Codes},
    http::Http,
    open::BadSource,
    target::{Allowed, Exceptions, Places, PoolUser, Rate, TargetSpec},
};

use self::target::ExceptionsOnly;
use crate::source::{
    Diagnostic, Place, SourceId, Sources,
    document::{Fields, FromNode, Reader},
    yaml::{self, Node},
};

/// The targets that need no configuration.
pub const BUILT_IN: [&str; 2] = ["emulator", "replay"];
/// A word that other commands give a meaning.
const SNAPSHOTS: &str = "snapshots";

/// Reads the target of this name; everything that is wrong with the file, and that is missing for the target, goes to
/// `problems`.
///
/// The text is kept so that a diagnostic can show its lines, but what may be a secret in it is shown as `***`.
pub fn read(
    source: SourceId,
    sources: &mut Sources,
    variables: &BTreeMap<String, String>,
    target: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<TargetSpec> {
    read_as(source, sources, Some(variables), target, problems)
}

/// Reads the exceptions of the target of this name. None of its variables has to be set; what else is wrong with the file
/// goes to `problems`.
pub fn exceptions(
    source: SourceId,
    sources: &mut Sources,
    target: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Exceptions> {
    let read: ExceptionsOnly = read_as(source, sources, None, target, problems)?;
    Some(read.0)
}

fn read_as<T: FromNode>(
    source: SourceId,
    sources: &mut Sources,
    variables: Option<&BTreeMap<String, String>>,
    target: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<T> {
    let before = problems.len();
    let document = yaml::load(source, sources, problems);
    let text = sources.get(source).text();
    if document.is_none() && text.contains("${") {
        for problem in &mut problems[before..] {
            *problem = problem.clone().or_hint("within `{ }`, quote a variable: `\"${NAME}\"`");
        }
    }
    let concealed = conceal::spans(text, document.as_ref());
    let spec = document.and_then(|document| {
        let mut reader = Reader::new(sources.get(source), problems);
        let mut spec = None;
        let mut fields = Fields::of(&document, &mut reader)?;
        let targets: Option<Vec<_>> = fields.required("targets");
        fields.finish();
        let targets = targets?;
        for (name, Unread(node)) in &targets {
            if !is_name(&name.value) {
                reader.problem(
                    Diagnostic::at(name.span, "this cannot be the name of a target")
                        .expected("letters, digits, `-` and `_`")
                        .hint("exceptions to snapshots are in a folder of that name"),
                );
            } else if name.value == SNAPSHOTS || BUILT_IN.contains(&name.value.as_str()) {
                reader.problem(
                    Diagnostic::at(name.span, format!("`{}` means something else", name.value))
                        .hint("give the target another name"),
                );
            }
            let is_wanted = name.value == target;
            reader.variables = variables.filter(|_| is_wanted);
            let found = T::from_node(node, &mut reader);
            if is_wanted {
                spec = found;
            }
        }
        if !targets.iter().any(|(name, _)| name.value == target) {
            let names = targets.iter().map(|(name, _)| name.value.as_str());
            // Where exceptions alone are read, a target that needs no configuration is none to choose.
            let built_in = BUILT_IN.into_iter().filter(|_| variables.is_some());
            let known = names.chain(built_in);
            let problem = Diagnostic::nowhere(format!("there is no target `{target}`"));
            reader.problem(problem.one_of(target, known));
        }
        spec
    });
    sources.conceal(source, &concealed);
    // Read in the order of the types, told in the order of the lines.
    problems[before..].sort_by_key(|problem| match problem.place {
        Place::At(span) => span.start,
        Place::File(_) | Place::Nowhere => 0,
    });
    spec.filter(|_| problems.len() == before)
}

/// What is read once its name is known.
struct Unread(Node);

impl FromNode for Unread {
    fn from_node(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(Self(node.clone()))
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    !name.is_empty() && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::{CodeSource, Proof, TargetSpec, read};
    use crate::{
        codes,
        scenario::{Channel, Grant},
        source::{Sources, Style, render},
    };

    const FULL: &str = r#"
targets:
  other: {domain: "${OTHER}", client: {id: "${OTHER}", secret: "${OTHER}"}, users: [{email: a@b.example, password: "${OTHER}"}]}
  staging:
    domain: ${DOMAIN}
    custom_domain: localhost:4455
    client: {id: "the-${ID}-$${x}", authentication: private_key_jwt, private_key: "${KEY}"}
    clients: [{id: "${ID}-spa", public: true, grants: [password, mfa]}]
    management: {client_id: m, client_secret: "${SECRET}"}
    codes:
      email: {kind: http, address: "${USER}+*@example.com", preset: mailosaur, server: "${SECRET}", key: "${SECRET}", headers: {x-a: "${SECRET}"}}
      sms:
        kind: http
        address: "+15005550006"
        url: "https://sms.example.com/?key=${SECRET}&to={recipient}"
        headers: {authorization: "Bearer ${SECRET}"}
        body: "{\"key\": \"${SECRET}\"}"
        list: $.messages
        time: $.date
        text: [$.body]
        pattern: "code: ([0-9]+)"
      voice: {kind: command, address: ["+15005550006", "${NUMBER}"], command: [read-code, "${SECRET}"], timeout: 5s}
      otp: {kind: fixed, code: "${SECRET}"}
    rate: {per_second: "${RATE}", burst: 20}
    users: [{email: ada@example.com, password: "${SECRET}"}]
"#;

    pub(super) fn variables() -> BTreeMap<String, String> {
        let key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
        [
            ("DOMAIN", "a.example.com"),
            ("ID", "app"),
            ("KEY", key),
            ("SECRET", "hunter2"),
            ("USER", "qa"),
            ("NUMBER", "+15005550007"),
            ("RATE", "2.5"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    pub(super) fn spec(
        text: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<TargetSpec, String> {
        let mut sources = Sources::default();
        let source = sources.add("countersign.yaml", text);
        let mut problems = Vec::new();
        let spec = read(source, &mut sources, variables, "staging", &mut problems);
        spec.ok_or_else(|| render(&problems, &sources, Style::default()))
    }

    #[test]
    fn a_target_is_read_with_its_variables() {
        let spec = spec(FULL, &variables()).expect("a target");
        assert_eq!(
            (spec.domain.as_str(), spec.client.id.as_str()),
            ("a.example.com", "the-app-${x}")
        );
        assert_eq!(spec.custom_domain.as_deref(), Some("localhost:4455"));
        assert!(
            matches!(&spec.client.proof, Proof::PrivateKeyJwt(key) if key.expose().contains("hunter2"))
        );
        assert_eq!(spec.rate.map(|rate| (rate.per_second, rate.burst)), Some((2.5, 20)));
        assert_eq!(spec.max_wait, Duration::from_secs(30));
        let grants = Some(vec![Grant::Password, Grant::Mfa]);
        assert_eq!((spec.client.grants, &spec.clients[0].grants), (None, &grants));
        assert_eq!(spec.clients[0].id, "app-spa");
        let email = &spec.codes[&Channel::Email];
        assert_eq!(
            (&email.addresses[..], email.timeout.as_secs()),
            (&["qa+*@example.com".to_owned()][..], 60)
        );
        let voice = &spec.codes[&Channel::Voice];
        assert_eq!((voice.addresses.len(), voice.timeout.as_secs()), (2, 5));
        assert!(matches!(spec.codes[&Channel::Otp].source, CodeSource::Fixed(_)));
    }

    #[test]
    fn a_target_without_codes_has_those_of_apps() {
        let text = "targets: {staging: {domain: a, client: {id: a, public: true}, users: [{email: a@b, password: '${SECRET}'}]}}";
        let spec = spec(text, &variables()).expect("a target");
        assert!(spec.codes.keys().eq([&Channel::Otp]));
        assert!(matches!(spec.open_codes()[&Channel::Otp], Ok(codes::CodeSource::Totp(_))));
    }

    /// What is in a file without errors can be opened: what cannot be is an error of the file.
    #[test]
    fn what_is_read_can_be_opened() {
        let mut spec = spec(FULL, &variables()).expect("a target");
        let opened = spec.open_codes();
        assert!(opened.keys().eq(spec.codes.keys()) && opened.values().all(Result::is_ok));
        assert!(matches!(opened[&Channel::Sms], Ok(codes::CodeSource::Http(_))));
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        spec.authorities = Some(pem.into());
        let opened = spec.open_codes();
        let refused =
            opened.iter().filter(|(_, source)| source.is_err()).map(|(channel, _)| channel);
        assert!(refused.eq([&Channel::Email, &Channel::Sms]));
    }

    #[test]
    fn no_secret_is_in_what_is_shown() {
        let spec = spec(FULL, &variables()).expect("a target");
        let shown = format!("{spec:?} {spec:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("mailosaur") || shown.contains("Mailosaur"));
    }

    /// Every variable in turn is what none may be: the diagnostics name it, and do not show it.
    #[test]
    fn no_value_of_a_variable_is_in_a_diagnostic() {
        let mut told = 0;
        for name in variables().keys() {
            for value in ["hunter2", "https://hunter2/x?y=1", "hunter2 {x}\nhunter2"] {
                let mut variables = variables();
                variables.insert(name.clone(), value.to_owned());
                if let Err(shown) = spec(FULL, &variables) {
                    told += 1;
                    assert!(!shown.contains("hunter2"), "{name}: {shown}");
                }
            }
            let mut variables = variables();
            variables.remove(name);
            let shown = spec(FULL, &variables).expect_err("a variable is missing");
            assert!(shown.contains(&format!("the variable `{name}` is not set")), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(told >= 8, "only {told} were wrong");
    }
}
