//! A target: a tenant, what a run may do there, and what it has to wait for.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Client, Codes, Management,
    client::Named,
    code::CHANNELS,
    text::{Plain, Text},
    value::{Domain, Email, PhoneNumber, Time, Whole, positive, report_repeated},
};
use crate::{
    scenario::Channel,
    secret::Secret,
    source::{
        Diagnostic, Located, Span,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Key, Node},
    },
};

/// A tenant as a target.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// Its domain, with a port if that is not 443.
    pub domain: String,
    /// The domain that its clients use, if that is another.
    pub custom_domain: Option<String>,
    /// The application that sends the requests.
    pub client: Client,
    /// Further ones, for what that one cannot do.
    pub clients: Vec<Client>,
    /// The API whose access tokens are asked for.
    pub audience: Option<String>,
    /// The connection that users are in.
    pub realm: String,
    /// The application for the Management API: with it users can be made.
    pub management: Option<Management>,
    /// A file with the certificates, in PEM, that are trusted besides the system's.
    pub ca: Option<Located<String>>,
    /// What is in that file, once it was read.
    pub authorities: Option<Vec<u8>>,
    /// Where codes come from. Those of `otp` are made of the app's secret unless the file says otherwise.
    pub codes: BTreeMap<Channel, Codes>,
    /// How often it may be asked.
    pub rate: Option<Rate>,
    /// How long a scenario may wait for time to pass.
    pub max_wait: Duration,
    /// What may be done to what the run did not make.
    pub allow: Vec<Allowed>,
    /// Whether people depend on it.
    pub production: bool,
    /// Users that are there already; none where they are made.
    pub users: Vec<PoolUser>,
    /// The snapshots that it is known to differ from, and why.
    pub exceptions: Exceptions,
    /// Where it stands in the file.
    pub places: Places,
}

/// Ids of scenarios, each with the reason why the snapshot does not hold.
pub type Exceptions = Vec<(Located<String>, String)>;

/// Where the parts of a target stand in the file, for what is found out about them later.
#[derive(Clone, Debug)]
pub struct Places {
    /// `domain`
    pub domain: Option<Span>,
    /// `custom_domain`
    pub custom_domain: Option<Span>,
    /// `ca`
    pub ca: Option<Span>,
    /// `client`, and behind it `clients` in their order.
    pub clients: Vec<Span>,
    /// `management`
    pub management: Option<Span>,
    /// `codes`, by channel.
    pub codes: BTreeMap<Channel, Span>,
}

/// How often a tenant may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests in a second, on the whole.
    pub per_second: f64,
    /// Requests at once.
    pub burst: u32,
}

/// What may be done to what the run did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// The tenant's settings may be made what a scenario asks for.
    Provision,
    /// Factors of users, and users, may be removed.
    Remove,
}

/// A user who is there already.
#[derive(Clone, Debug)]
pub struct PoolUser {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret<String>,
    /// Their phone number.
    pub phone_number: Option<String>,
}

/// How long a scenario may wait unless the target says so.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The connection that every new tenant of Auth0's has.
const REALM: &str = "Username-Password-Authentication";

impl TargetSpec {
    /// The phone numbers that codes can be read from, each once.
    pub fn phone_numbers(&self) -> impl Iterator<Item = &str> {
        let of = |channel| self.codes.get(&channel).map_or(&[][..], |codes| &codes.addresses);
        let (sms, voice) = (of(Channel::Sms), of(Channel::Voice));
        let others = voice.iter().filter(|number| !sms.contains(number));
        sms.iter().chain(others).map(String::as_str)
    }
}

impl FromNode for TargetSpec {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let plain = |Plain(text): Plain| text;
        let domain = fields.required("domain").map(|Domain(domain)| domain);
        let custom_domain = fields.optional("custom_domain").map(|Domain(domain)| domain);
        let client: Option<Named<Client>> = fields.required("client");
        let clients: Vec<Named<Client>> = fields.default("clients");
        let audience = fields.optional("audience").map(plain);
        let realm = fields.optional("realm").map_or_else(|| REALM.to_owned(), plain);
        let management = fields.optional("management");
        let ca =
            fields.optional("ca").map(|text: Text| Located { value: text.value, span: text.span });
        let mut codes: BTreeMap<Channel, Codes> = fields.default("codes");
        codes.entry(Channel::Otp).or_insert(Codes::APP);
        let rate = fields.optional("rate");
        let max_wait = fields.optional("max_wait").map_or(MAX_WAIT, |Time(time)| time);
        let allow: Vec<Allowed> = fields.default("allow");
        let production = fields.default("production");
        let users: Vec<Named<PoolUser>> = fields.default("users");
        let exceptions: Vec<(Located<String>, Reason)> = fields.default("exceptions");
        if fields.entry("management").is_none() && fields.entry("users").is_none() {
            let problem = Diagnostic::at(fields.span(), "there are no users");
            fields.reader.problem(problem.expected("`management` or `users`").hint(
                "with `management` users are made for each scenario; `users` names some that are there",
            ));
        }
        if let Some((key, _)) = fields.entry("allow")
            && production
            && !allow.is_empty()
        {
            let problem = Diagnostic::at(key.span, "a target in production allows nothing more");
            fields.reader.problem(problem.hint("leave out `allow`, or `production`"));
        }
        if let Some((key, node)) = fields.entry("users")
            && matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty())
        {
            let problem = Diagnostic::at(key.span, "there is no user in it");
            fields.reader.problem(problem.hint("leave it out, and users are made"));
        }
        report_repeated(
            users.iter().map(|user| (user.value.email.to_lowercase(), user.place)),
            |place| {
                Diagnostic::at(place, "two users have one address")
                    .hint("two scenarios must never share a user")
            },
            fields.reader,
        );
        report_repeated(
            client.iter().chain(&clients).map(|client| (&client.value.id, client.place)),
            |place| {
                Diagnostic::at(place, "two applications have one id")
                    .hint("in `clients` are those that `client` is not")
            },
            fields.reader,
        );
        let places = Places::of(&mut fields);
        fields.finish();
        Some(Self {
            places,
            domain: domain?,
            custom_domain,
            client: client?.value,
            clients: clients.into_iter().map(|client| client.value).collect(),
            audience,
            realm,
            management,
            ca,
            authorities: None,
            codes,
            rate,
            max_wait,
            allow,
            production,
            users: users.into_iter().map(|user| user.value).collect(),
            exceptions: exceptions.into_iter().map(|(id, Reason(reason))| (id, reason)).collect(),
        })
    }
}

impl Places {
    fn of(fields: &mut Fields<'_, '_>) -> Self {
        let mut key = |name: &'static str| fields.entry(name).map(|(key, _)| key.span);
        let (domain, custom_domain) = (key("domain"), key("custom_domain"));
        let (ca, client, management) = (key("ca"), key("client"), key("management"));
        let others = match fields.entry("clients").map(|(_, node)| &node.data) {
            Some(Data::Sequence(clients)) => clients.iter().map(|client| client.span).collect(),
            _ => Vec::new(),
        };
        let codes = match fields.entry("codes").map(|(_, node)| &node.data) {
            Some(Data::Mapping(codes)) => codes.as_slice(),
            _ => &[],
        };
        let of = |(key, _): &(Key, Node)| {
            let channel = CHANNELS.iter().find(|channel| channel.word() == key.text)?;
            Some((*channel, key.span))
        };
        Self {
            domain,
            custom_domain,
            ca,
            clients: client.into_iter().chain(others).collect(),
            management,
            codes: codes.iter().filter_map(of).collect(),
        }
    }
}

/// Why a snapshot does not hold, as it is written: it must be there where no variable is set.
struct Reason(String);

impl FromNode for Reason {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let reason = String::from_node(node, reader)?;
        if reason.trim().is_empty() {
            reader.problem(
                Diagnostic::at(node.span, "this is empty")
                    .expected("why the tenant differs from the snapshot"),
            );
            return None;
        }
        Some(Self(reason))
    }
}

/// A target's exceptions alone, which need none of its variables; the rest of it is judged and forgotten.
pub(super) struct ExceptionsOnly(pub(super) Exceptions);

impl FromNode for ExceptionsOnly {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        TargetSpec::from_node(node, reader);
        let mut judged = Vec::new();
        let mut reader = Reader::new(reader.source, &mut judged);
        let mut fields = Fields::of(node, &mut reader)?;
        let exceptions: Vec<(Located<String>, Reason)> = fields.default("exceptions");
        Some(Self(exceptions.into_iter().map(|(id, Reason(reason))| (id, reason)).collect()))
    }
}

impl FromNode for Rate {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let per_second = fields.required("per_second").map(|PerSecond(number)| number);
        let burst = fields.required("burst").map(|Whole::<10_000>(number)| number);
        fields.finish();
        Some(Self { per_second: per_second?, burst: burst? })
    }
}

struct PerSecond(f64);

impl FromNode for PerSecond {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        positive(node, "a number above zero", reader).map(Self)
    }
}

impl FromNode for Allowed {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let words = [("provision", Self::Provision), ("remove", Self::Remove)];
        word(node, "permission", &words, reader)
    }
}

/// Their name is their address.
impl FromNode for Named<PoolUser> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let email: Option<Located<Email>> = fields.required("email");
        let password = fields.required("password");
        let phone_number = fields.optional("phone_number").map(|PhoneNumber(number)| number);
        fields.finish();
        let Located { value: Email(email), span: place } = email?;
        Some(Self { value: PoolUser { email, password: password?, phone_number }, place })
    }
}
