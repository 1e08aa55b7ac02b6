//! The applications of a tenant: those that the scenarios are about, and the one that makes their users.

use super::text::Plain;
use crate::{
    scenario::Grant,
    secret::Secret,
    source::{
        Diagnostic, Located, Span,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Node},
    },
};

/// An application that sends requests of scenarios.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// How it proves that it is the one.
    pub proof: Proof,
    /// The grants that it may use, if the file says them; else all.
    pub grants: Option<Vec<Grant>>,
}

/// What is told from others by a name, with the place of that.
pub(super) struct Named<T> {
    pub(super) value: T,
    pub(super) place: Span,
}

/// How an application proves that it is the one.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Not at all: it is public.
    Public,
    /// By its secret in the body: `client_secret_post`.
    SecretPost(Secret<String>),
    /// By its secret in the header: `client_secret_basic`.
    SecretBasic(Secret<String>),
    /// By an assertion that this key signs, in PEM: `private_key_jwt`.
    PrivateKeyJwt(Secret<String>),
}

/// The application for the Management API.
#[derive(Clone, Debug)]
pub struct Management {
    /// Its `client_id`.
    pub client_id: String,
    /// Its `client_secret`.
    pub client_secret: Secret<String>,
    /// The audience of its tokens; `https://DOMAIN/api/v2/` unless given.
    pub audience: Option<String>,
}

impl Proof {
    /// The word of `OpenID` Connect for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Public => "none",
            Self::SecretPost(_) => "client_secret_post",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::PrivateKeyJwt(_) => "private_key_jwt",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Authentication {
    SecretPost,
    SecretBasic,
    PrivateKeyJwt,
}

const AUTHENTICATIONS: [(&str, Authentication); 3] = [
    ("client_secret_post", Authentication::SecretPost),
    ("client_secret_basic", Authentication::SecretBasic),
    ("private_key_jwt", Authentication::PrivateKeyJwt),
];

impl FromNode for Authentication {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "authentication", &AUTHENTICATIONS, reader)
    }
}

/// Its name is its id.
impl FromNode for Named<Client> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let id: Option<Located<Plain>> = fields.required("id");
        let proof = Proof::read(&mut fields);
        let grants: Option<Vec<Grant>> = fields.optional("grants");
        if let Some((key, node)) = fields.entry("grants")
            && matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty())
        {
            let problem = Diagnostic::at(key.span, "there is no grant in it");
            fields.reader.problem(problem.hint("leave it out, and it may use all"));
        }
        fields.finish();
        let Located { value: Plain(id), span: place } = id?;
        Some(Self { value: Client { id, proof: proof?, grants }, place })
    }
}

impl Proof {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        if fields.default("public") {
            for key in ["secret", "authentication", "private_key"] {
                refuse(key, "a public application does not prove itself", fields);
            }
            return Some(Self::Public);
        }
        let authentication = match fields.entry("authentication") {
            None => Authentication::SecretPost,
            Some((_, node)) => Authentication::from_node(node, fields.reader)?,
        };
        if authentication != Authentication::PrivateKeyJwt {
            refuse("private_key", "`authentication: private_key_jwt` takes a key", fields);
            let secret = fields.required("secret")?;
            return Some(match authentication {
                Authentication::SecretBasic => Self::SecretBasic(secret),
                _ => Self::SecretPost(secret),
            });
        }
        refuse("secret", "`private_key_jwt` has no secret", fields);
        let key: Secret<String> = fields.required("private_key")?;
        if let Some((entry, _)) = fields.entry("private_key")
            && !(key.expose().contains("-----BEGIN") && key.expose().contains("PRIVATE KEY-----"))
        {
            let problem = Diagnostic::at(entry.span, "the variable is not a private key");
            fields.reader.problem(problem.expected("an RSA key in PEM, its lines included"));
            return None;
        }
        Some(Self::PrivateKeyJwt(key))
    }
}

fn refuse(key: &'static str, why: &str, fields: &mut Fields<'_, '_>) {
    if let Some((key, _)) = fields.entry(key) {
        let problem = Diagnostic::at(key.span, format!("`{}` is of no use here", key.text));
        fields.reader.problem(problem.hint(why));
    }
}

impl FromNode for Management {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let client_id = fields.required("client_id");
        let client_secret = fields.required("client_secret");
        let audience = fields.optional("audience").map(|Plain(audience)| audience);
        fields.finish();
        let Plain(client_id) = client_id?;
        Some(Self { client_id, client_secret: client_secret?, audience })
    }
}
