//! A request before its templates are evaluated: what a verb is short for, with every override applied.

use super::{
    client::{Authentication, Client},
    given::{Channel, Tenant},
    step::Action,
    template::{Access, Expression, Text, Tree, TreeData},
    verb::{Confirm, Overrides, Plain, Request, Verb, Verify},
};
use crate::source::{Diagnostic, Located, Span, document::Reader};

/// A request with templates in it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The method.
    pub method: Tree,
    /// The path.
    pub path: Path,
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<Tree>,
    /// Header fields to set, or to leave out where the value is null.
    pub headers: Vec<(String, Tree)>,
    /// Id and secret of the application, to be sent by HTTP Basic.
    pub basic: Option<(Tree, Tree)>,
    /// The applications whose assertion has to be made first, as `assertion`: those of `given.tenant.clients` by name.
    pub assertions: Vec<Option<String>>,
    /// The body.
    pub body: Body,
    /// The one-time code that has to be fetched first, as `code`.
    pub fetch: Option<Channel>,
    /// The verb.
    pub span: Span,
}

/// A path.
#[derive(Clone, Debug)]
pub enum Path {
    /// As it is.
    Fixed(&'static str),
    /// A prefix, and a segment that is percent-encoded.
    Item(&'static str, Tree),
    /// As the scenario has it, with its query.
    Written(Tree),
}

/// A body.
#[derive(Clone, Debug)]
pub enum Body {
    /// No body; parameters go into the query.
    Query(Vec<(String, Tree)>),
    /// Named parameters.
    Parameters(Encoding, Vec<(String, Tree)>),
    /// Any JSON.
    Json(Tree),
    /// Any text.
    Text(Tree),
}

/// How parameters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

impl Draft {
    fn new(span: Span) -> Self {
        Self {
            method: Tree::text("GET", span),
            path: Path::Fixed("/"),
            bearer: None,
            headers: Vec::new(),
            basic: None,
            assertions: Vec::new(),
            body: Body::Query(Vec::new()),
            fetch: None,
            span,
        }
    }

    /// Calls `visit` with every expression in it.
    pub fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.trees(&mut |tree| tree.expressions(visit));
    }

    /// Calls `visit` with every text in it that has no template.
    pub fn literals<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        self.trees(&mut |tree| tree.literals(visit));
    }

    fn trees<'a>(&'a self, visit: &mut dyn FnMut(&'a Tree)) {
        visit(&self.method);
        match &self.path {
            Path::Fixed(_) => {}
            Path::Item(_, tree) | Path::Written(tree) => visit(tree),
        }
        self.bearer.iter().for_each(&mut *visit);
        self.basic.iter().flat_map(|(id, secret)| [id, secret]).for_each(&mut *visit);
        self.headers.iter().for_each(|(_, tree)| visit(tree));
        match &self.body {
            Body::Query(parameters) | Body::Parameters(_, parameters) => {
                for (_, tree) in parameters {
                    visit(tree);
                }
            }
            Body::Json(tree) | Body::Text(tree) => visit(tree),
        }
    }
}

impl Verb {
    /// What is done: for all but `advance`, the request that is sent. `channel` is the factor that the acting user
    /// enrolled or was challenged with last.
    pub(super) fn action(
        self,
        span: Span,
        channel: Channel,
        tenant: &Tenant,
        reader: &mut Reader<'_>,
    ) -> Action {
        let default = |path: &str| Tree::expression(path, span);
        let or_default = |written: Option<Text>, path: &str| {
            written.map_or_else(|| default(path), |text| text.0)
        };
        let text = |text: &str| Tree::text(text, span);
        let mut draft = Draft::new(span);
        let is_written = matches!(self, Self::Request(_));
        let overrides = match self {
            Self::Push(answer) => return Action::Answer(answer),
            Self::Advance(duration) => return Action::Advance(duration),
            Self::Login(login) => {
                draft.token_request(match &login.realm {
                    None => "password",
                    Some(_) => "http://auth0.com/oauth/grant-type/password-realm",
                });
                draft.set("username", or_default(login.username, "user.email"));
                draft.set("password", or_default(login.password, "user.password"));
                draft.set_written("realm", login.realm);
                draft.set_written("audience", login.audience);
                draft.set_written("scope", login.scope);
                login.overrides
            }
            Self::Enroll(enroll) => {
                draft.post("/mfa/associate", Encoding::Json);
                draft.bearer = Some(default("mfa_token"));
                let authenticator_type = enroll.channel.authenticator_type();
                draft.set("authenticator_types", Tree::list_of(authenticator_type, span));
                if let Some(oob_channel) = enroll.channel.oob_channel() {
                    draft.set("oob_channels", Tree::list_of(oob_channel, span));
                }
                draft.set_written("email", enroll.email);
                draft.set_written("phone_number", enroll.phone_number);
                enroll.overrides
            }
            Self::Confirm(Confirm { mfa_token, oob_code, code, overrides }) => {
                draft.proof(channel, mfa_token, oob_code, code);
                overrides
            }
            Self::Verify(Verify { mfa_token, oob_code, code, recovery_code, overrides }) => {
                if recovery_code.is_some() {
                    draft.token_request("http://auth0.com/oauth/grant-type/mfa-recovery-code");
                    draft.set("mfa_token", or_default(mfa_token, "mfa_token"));
                    draft.set_written("recovery_code", recovery_code);
                } else {
                    draft.proof(channel, mfa_token, oob_code, code);
                }
                overrides
            }
            Self::Challenge(challenge) => {
                draft.post("/mfa/challenge", Encoding::Json);
                draft.set("mfa_token", or_default(challenge.mfa_token, "mfa_token"));
                let challenge_type = challenge.channel.map_or("oob", Channel::authenticator_type);
                draft.set(
                    "challenge_type",
                    challenge.challenge_type.map_or_else(|| text(challenge_type), |text| text.0),
                );
                draft.set_written("authenticator_id", challenge.authenticator_id);
                if let Some(oob_channel) = challenge.channel.and_then(Channel::oob_channel) {
                    draft.set("oob_channel", text(oob_channel));
                }
                draft.authenticate();
                challenge.overrides
            }
            Self::List(Plain { overrides }) => {
                draft.path = Path::Fixed("/mfa/authenticators");
                draft.bearer = Some(default("mfa_token"));
                overrides
            }
            Self::Remove(remove) => {
                draft.method = text("DELETE");
                draft.path = Path::Item("/mfa/authenticators/", remove.authenticator_id.0);
                draft.bearer = Some(default("access_token"));
                remove.overrides
            }
            Self::Refresh(refresh) => {
                draft.token_request("refresh_token");
                draft.set("refresh_token", or_default(refresh.refresh_token, "refresh_token"));
                draft.set_written("scope", refresh.scope);
                refresh.overrides
            }
            Self::Userinfo(Plain { overrides }) => {
                draft.path = Path::Fixed("/userinfo");
                draft.bearer = Some(default("access_token"));
                overrides
            }
            Self::Request(request) => draft.request(*request, reader),
        };
        // A request is what the scenario says it is, and what a client sends only where the scenario says which.
        let proves = !is_written || overrides.client.is_some();
        draft.apply(overrides, proves, tenant, reader);
        Action::Send(Box::new(draft))
    }
}

impl Draft {
    fn post(&mut self, path: &'static str, encoding: Encoding) {
        self.method = Tree::text("POST", self.span);
        self.path = Path::Fixed(path);
        self.body = Body::Parameters(encoding, Vec::new());
    }

    fn token_request(&mut self, grant_type: &str) {
        self.post("/oauth/token", Encoding::Form);
        self.set("grant_type", Tree::text(grant_type, self.span));
        self.authenticate();
    }

    /// The client's id and secret, as `client_secret_post` sends them.
    fn authenticate(&mut self) {
        self.set("client_id", Tree::expression("client.id", self.span));
        self.set("client_secret", Tree::expression("client.secret", self.span));
    }

    /// The grant by which a user proves that the factor is theirs.
    fn proof(
        &mut self,
        channel: Channel,
        mfa_token: Option<Text>,
        oob_code: Option<Text>,
        code: Option<Text>,
    ) {
        let span = self.span;
        let or_capture = |written: Option<Text>, name: &str| {
            written.map_or_else(|| Tree::expression(name, span), |text| text.0)
        };
        let (grant_type, parameter) = match channel {
            Channel::Otp => ("http://auth0.com/oauth/grant-type/mfa-otp", "otp"),
            _ => ("http://auth0.com/oauth/grant-type/mfa-oob", "binding_code"),
        };
        self.token_request(grant_type);
        self.set("mfa_token", or_capture(mfa_token, "mfa_token"));
        if channel != Channel::Otp {
            self.set("oob_code", or_capture(oob_code, "oob_code"));
        }
        // A push is answered on the phone: there is no code to send.
        if channel != Channel::Push || code.is_some() {
            self.fetch = code.is_none().then_some(channel);
            self.set(parameter, or_capture(code, "code"));
        }
    }

    /// Any request, as it is written.
    fn request(&mut self, request: Request, reader: &mut Reader<'_>) -> Overrides {
        let bodies = [request.json.is_some(), request.form.is_some(), request.text.is_some()];
        if bodies.into_iter().filter(|is_given| *is_given).count() > 1 {
            let problem = Diagnostic::at(self.span, "a request has one body");
            reader.problem(problem.expected("one of `json`, `form`, `text`"));
        }
        if request.path.0.as_literal().is_some_and(|path| !path.starts_with('/')) {
            let problem = Diagnostic::at(request.path.0.span, "this is not a path");
            reader.problem(problem.expected("a path that begins with `/`"));
        }
        self.method = request.method.0;
        self.path = Path::Written(request.path.0);
        self.body = match (request.json, request.form, request.text) {
            (Some(json), ..) => Body::Json(json),
            (_, Some(form), _) => Body::Parameters(Encoding::Form, named(form)),
            (.., Some(text)) => Body::Text(text.0),
            _ => Body::Query(Vec::new()),
        };
        request.overrides
    }

    fn set(&mut self, name: &str, value: Tree) {
        let (Body::Parameters(_, parameters) | Body::Query(parameters)) = &mut self.body else {
            return;
        };
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => parameters.push((name.to_owned(), value)),
        }
    }

    fn set_written(&mut self, name: &str, value: Option<Text>) {
        if let Some(Text(value)) = value {
            self.set(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Body::Parameters(_, parameters) | Body::Query(parameters) = &mut self.body {
            parameters.retain(|(known, _)| known != name);
        }
    }

    fn apply(
        &mut self,
        overrides: Overrides,
        proves: bool,
        tenant: &Tenant,
        reader: &mut Reader<'_>,
    ) {
        let mut client = &tenant.client;
        let mut root = "client".to_owned();
        if let Some(name) = overrides.client {
            match tenant.clients.get(&name.value) {
                Some(known) => client = known,
                None => reader.problem(
                    Diagnostic::at(name.span, format!("there is no client `{}`", name.value))
                        .one_of(&name.value, tenant.clients.keys().map(String::as_str))
                        .or_hint("`given.tenant.clients` says which there are"),
                ),
            }
            root = format!("clients.{}", name.value);
            if self.has("client_id") {
                self.set("client_id", Tree::expression(&format!("{root}.id"), name.span));
                let secret = Tree::expression(&format!("{root}.secret"), name.span);
                self.set("client_secret", secret);
            } else {
                reader.problem(no_effect("client", name.span, "the request has no `client_id`"));
            }
        }
        if proves && self.has("client_id") {
            self.prove(client, &root);
        }
        match (overrides.encoding, &mut self.body) {
            (None, _) => {}
            (Some(encoding), Body::Parameters(known, _)) => *known = encoding.value,
            (Some(encoding), _) => {
                let why = "the request has no parameters in its body";
                reader.problem(no_effect("encoding", encoding.span, why));
            }
        }
        if let (Body::Json(_) | Body::Text(_), Some((name, _))) =
            (&self.body, overrides.params.first())
        {
            reader.problem(no_effect("params", name.span, "the body is given whole"));
        }
        for (name, value) in overrides.params {
            if value.data == TreeData::Null {
                self.remove(&name.value);
            } else {
                self.set(&name.value, value);
            }
        }
        if self.fetch.is_some() && !(self.uses_code("binding_code") || self.uses_code("otp")) {
            self.fetch = None;
        }
        if let Some(bearer) = overrides.bearer {
            self.bearer = (bearer.data != TreeData::Null).then_some(bearer);
        }
        self.headers = named(overrides.headers);
        self.assertions = self.asserted();
    }

    /// Replaces the secret in the body by what else the client proves itself with.
    fn prove(&mut self, client: &Client, root: &str) {
        let authentication = client.authentication();
        if client.public || authentication != Authentication::ClientSecretPost {
            self.remove("client_secret");
        }
        if client.public {
            return;
        }
        let member = |name: &str| Tree::expression(&format!("{root}.{name}"), self.span);
        match authentication {
            Authentication::ClientSecretPost => {}
            Authentication::ClientSecretBasic => {
                self.basic = Some((member("id"), member("secret")));
                self.remove("client_id");
            }
            Authentication::PrivateKeyJwt => {
                let assertion = member("assertion");
                let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                self.set("client_assertion_type", Tree::text(jwt_bearer, self.span));
                self.set("client_assertion", assertion);
            }
        }
    }

    /// The applications whose `assertion` a template names.
    fn asserted(&self) -> Vec<Option<String>> {
        let mut clients = Vec::new();
        self.expressions(&mut |expression| {
            let is_assertion =
                |access: &Access| matches!(access, Access::Member(name) if name == "assertion");
            match (expression.root.as_str(), expression.path.as_slice()) {
                ("client", [member]) if is_assertion(member) => clients.push(None),
                ("clients", [Access::Member(name), member]) if is_assertion(member) => {
                    clients.push(Some(name.clone()));
                }
                _ => {}
            }
        });
        clients
    }

    fn parameter(&self, name: &str) -> Option<&Tree> {
        let (Body::Parameters(_, parameters) | Body::Query(parameters)) = &self.body else {
            return None;
        };
        parameters.iter().find(|(known, _)| known == name).map(|(_, tree)| tree)
    }

    fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn uses_code(&self, name: &str) -> bool {
        let mut uses = false;
        if let Some(tree) = self.parameter(name) {
            tree.expressions(&mut |expression| uses |= expression.root == "code");
        }
        uses
    }
}

fn no_effect(key: &str, span: Span, why: &str) -> Diagnostic {
    Diagnostic::at(span, format!("`{key}` has no effect here: {why}")).hint("leave it out")
}

fn named(entries: Vec<(Located<String>, Tree)>) -> Vec<(String, Tree)> {
    entries.into_iter().map(|(name, tree)| (name.value, tree)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Body, Draft};
    use crate::{
        scenario::{Action, parse},
        source::{Sources, Style, render},
    };

    /// What a request by an application is, where it is written with these keys.
    fn request(client: &str, keys: &str) -> Draft {
        let mut sources = Sources::default();
        let given =
            format!("given: {{tenant: {{client: {client}, clients: {{basic: {client}}}}}}}");
        let form = "form: {client_id: a, client_secret: s}";
        let step = format!("- request: {{method: POST, path: /oauth/token, {form}{keys}}}");
        let text = format!("title: t\n{given}\nsteps:\n{step}\n");
        let source = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let scenarios = parse("a", source, &sources, &mut problems);
        assert!(problems.is_empty(), "{}", render(&problems, &sources, Style::default()));
        match scenarios[0].steps[0].action.clone() {
            Action::Send(draft) => *draft,
            other => panic!("{other:?}"),
        }
    }

    fn names(draft: &Draft) -> Vec<&str> {
        match &draft.body {
            Body::Parameters(_, parameters) => {
                parameters.iter().map(|(name, _)| name.as_str()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_sent_as_it_is_written_unless_it_says_by_whom() {
        for client in [
            "{public: true}",
            "{authentication: client_secret_basic}",
            "{authentication: private_key_jwt}",
        ] {
            let draft = request(client, "");
            assert_eq!(names(&draft), ["client_id", "client_secret"], "{client}");
            assert!(draft.basic.is_none() && draft.assertions.is_empty(), "{client}");
        }
        let draft = request("{authentication: client_secret_basic}", ", client: basic");
        assert_eq!(names(&draft), [""; 0]);
        assert!(draft.basic.is_some());
        let draft = request("{authentication: private_key_jwt}", ", client: basic");
        assert_eq!(names(&draft), ["client_id", "client_assertion_type", "client_assertion"]);
        assert_eq!(draft.assertions, [Some("basic".to_owned())]);
    }
}
