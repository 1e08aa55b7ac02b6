//! A scenario's part of a tenant: its users, the codes that come to them, and what has to be removed again.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::{self, BoxFuture};
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::{Tenant, journal::Entry, pool::Lease, settings::Settings, wire::Call};
use crate::{
    clock::{self, Entropy, SystemEntropy},
    codes::{Address, Baseline, CodeSource, NoCode, Wanted},
    config::Proof,
    exchange::{Content, Exchange, Request, Retry},
    plan::{Application, Applications},
    scenario::{self, Action, Channel, PushAnswer, Scenario, User},
    secret::Secret,
    snapshot::Redactor,
    step::{Credentials, Person, Scope},
    target::{
        Intent, NoAssertion, NoPush, NotPrepared, PrepareError, SendError, Session, assertion,
    },
};

/// How long to wait for what an inbox has before a message is sent to it.
const BASELINE: Duration = Duration::from_secs(20);
const PASSWORD: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// The settings, which stay as they are as long as this is held.
pub(super) enum Held {
    /// Others may rely on them at the same time.
    #[expect(dead_code, reason = "it is held, not read")]
    Shared(OwnedRwLockReadGuard<Settings>),
    /// The scenario may change them.
    Alone(OwnedRwLockWriteGuard<Settings>),
}

pub(super) struct TenantSession<'a> {
    tenant: &'a Tenant,
    client: Credentials,
    clients: BTreeMap<String, Credentials>,
    /// By the id of an application what it signs assertions with.
    keys: BTreeMap<String, &'a Secret<String>>,
    people: BTreeMap<String, Person>,
    /// Whether users are the tenant's own, and only what they enrolled is removed.
    is_pool: bool,
    /// The channels of which the scenario fetches codes that are sent.
    channels: Vec<Channel>,
    /// What there was before the last request that sent something there.
    baselines: BTreeMap<(Channel, String), Baseline>,
    /// By a channel and a user's own address the others of theirs that were enrolled.
    aliases: BTreeMap<(Channel, String), Vec<String>>,
    /// By the name of a user where the last request has sent a code, as long as nobody has fetched it.
    awaited: BTreeMap<String, Vec<(Channel, String)>>,
    retries: Vec<Retry>,
    settings: Option<Held>,
    leases: Vec<Lease<'a>>,
}

impl<'a> TenantSession<'a> {
    /// A session with all that the scenario is given; what was made until something failed is removed again.
    pub(super) async fn prepare(
        tenant: &'a Tenant,
        scenario: &'a Scenario,
    ) -> Result<Self, NotPrepared> {
        let mut session = Self::new(tenant, scenario)?;
        match session.provision(scenario).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.undo().await;
                Err(NotPrepared { error, retries: session.retries })
            }
        }
    }

    fn new(tenant: &'a Tenant, scenario: &'a Scenario) -> Result<Self, PrepareError> {
        let found = Applications::find(&scenario.given.tenant, &tenant.spec);
        let found = found.map_err(PrepareError::Refused)?;
        let mut keys = BTreeMap::new();
        for application in std::iter::once(&found.client).chain(found.clients.values()) {
            if let Application::Client(client) = application
                && let Proof::PrivateKeyJwt(key) = &client.proof
            {
                keys.insert(client.id.clone(), key);
            }
        }
        let others = found.clients.iter();
        Ok(Self {
            tenant,
            client: credentials(found.client),
            clients: others.map(|(name, it)| ((*name).to_owned(), credentials(*it))).collect(),
            keys,
            people: BTreeMap::new(),
            is_pool: !tenant.spec.users.is_empty(),
            channels: fetched(scenario),
            baselines: BTreeMap::new(),
            aliases: BTreeMap::new(),
            awaited: BTreeMap::new(),
            retries: Vec::new(),
            settings: None,
            leases: Vec::new(),
        })
    }

    async fn provision(&mut self, scenario: &Scenario) -> Result<(), PrepareError> {
        let tenant = self.tenant;
        let names: Vec<_> = scenario.user_names().collect();
        // Before the numbers: who waits for other settings must not keep one from those who have theirs.
        self.settings = tenant.settle(scenario, &mut self.retries).await?;
        let numbers = if tenant.numbers.len() >= names.len() && needs_numbers(scenario) {
            let lease = tenant.numbers.take(names.len()).await.map_err(PrepareError::Journal)?;
            let numbers = lease.numbers.iter().map(|number| tenant.number(*number)).collect();
            self.leases.push(lease);
            numbers
        } else {
            // Nobody is called or written to there: the scenario has no use for a number.
            vec!["+15555550100".to_owned(); names.len()]
        };
        if self.is_pool {
            let lease = tenant.users.take(names.len()).await.map_err(PrepareError::Journal)?;
            for ((name, number), phone_number) in names.iter().zip(&lease.numbers).zip(numbers) {
                let person = self.take_user(*number, phone_number).await?;
                self.people.insert((*name).to_owned(), person);
            }
            self.leases.push(lease);
        } else {
            for (name, phone_number) in names.iter().zip(numbers) {
                let person = self.make_user(scenario.user(name), phone_number).await?;
                self.people.insert((*name).to_owned(), person);
            }
        }
        for name in names {
            self.enroll(name, scenario.user(name)).await?;
        }
        Ok(())
    }

    /// Makes a user; on disk before in the tenant.
    async fn make_user(
        &mut self,
        given: &User,
        phone_number: String,
    ) -> Result<Person, PrepareError> {
        let tenant = self.tenant;
        let management = tenant.management()?;
        let email = tenant.address();
        let random: &mut dyn Entropy = &mut SystemEntropy;
        // Good enough for every policy of passwords that Auth0 has [doc].
        let made_up = || Secret::new(format!("{}aA1!", random.text(20, PASSWORD)));
        let password = given.password.clone().unwrap_or_else(made_up);
        let journal = |entry| tenant.journal.write(&entry).map_err(PrepareError::Journal);
        journal(Entry::Creating { email: email.clone() })?;
        let profile = json!({
            "connection": tenant.spec.realm,
            "email": email,
            "password": password.expose(),
            "email_verified": given.email_verified,
            "verify_email": false,
        });
        let made = management.create_user(&profile, &mut self.retries).await;
        let id = match made {
            Ok(id) => id,
            Err(error) => {
                // It may be there even so: the journal still has it, and at the end it is looked for.
                return Err(error);
            }
        };
        journal(Entry::Created { email: email.clone(), id: id.clone() })?;
        Ok(Person { email, password, id, phone_number, otp_secret: None })
    }

    /// A user who is there already, without any factor.
    async fn take_user(
        &mut self,
        number: usize,
        phone_number: String,
    ) -> Result<Person, PrepareError> {
        let user = &self.tenant.spec.users[number];
        let mut id = String::new();
        if self.tenant.spec.management.is_some() {
            let management = self.tenant.management()?;
            let found = management.user_with(&user.email, &mut self.retries).await?;
            let refused = |why: &str| {
                let user = number + 1;
                PrepareError::Refused(format!("user {user} of those in the target's `users` {why}"))
            };
            id = found.ok_or_else(|| refused("is not there"))?;
            if management.has_factors(&id, &mut self.retries).await? {
                if !self.tenant.may_remove() {
                    return Err(refused("has factors, and `allow` has no `remove`"));
                }
                management.remove_factors(&id, &mut self.retries).await?;
            }
        }
        let phone_number = user.phone_number.clone().unwrap_or(phone_number);
        let (email, password) = (user.email.clone(), user.password.clone());
        Ok(Person { email, password, id, phone_number, otp_secret: None })
    }

    async fn enroll(&mut self, name: &str, given: &User) -> Result<(), PrepareError> {
        let Some(person) = self.people.get(name).cloned() else { return Ok(()) };
        for enrolled in &given.enrolled {
            let method = method(enrolled, &person);
            let management = self.tenant.management()?;
            let answer = management.enroll(&person.id, &method, &mut self.retries).await?;
            if enrolled.channel.value == Channel::Otp
                && let Some(person) = self.people.get_mut(name)
                && person.otp_secret.is_none()
            {
                let secret = method["totp_secret"].as_str().or(answer["totp_secret"].as_str());
                person.otp_secret = secret.map(|secret| Secret::new(secret.to_owned()));
            }
        }
        Ok(())
    }

    /// Removes what was made. What cannot be removed stays in the journal.
    async fn undo(&mut self) {
        for person in std::mem::take(&mut self.people).into_values() {
            let Ok(management) = self.tenant.management() else { continue };
            if self.is_pool {
                if self.tenant.may_remove() {
                    let _ = management.remove_factors(&person.id, &mut self.retries).await;
                }
            } else if management.remove_user(&person.id, &mut self.retries).await.is_ok() {
                // Should that not be written, the user is looked for in vain.
                let _ = self.tenant.journal.write(&Entry::Removed { email: person.email });
            }
        }
        if let Some(Held::Alone(settings)) = &mut self.settings {
            self.tenant.look_again(settings, &mut self.retries).await;
        }
    }

    /// Before something is sent to a user: what the inboxes have that it may go to.
    async fn baselines(
        &mut self,
        request: &Request,
        actor: &str,
    ) -> Result<Vec<((Channel, String), Baseline)>, SendError> {
        if request.method != "POST" || !request.path.starts_with("/mfa/") {
            return Ok(Vec::new());
        }
        self.let_arrive(actor).await;
        let mut found = Vec::new();
        for channel in self.channels.clone() {
            let own = self.people.get(actor).map(|person| own(channel, person));
            let mut places = own.map_or_else(Vec::new, |own| self.places(channel, own));
            places.extend(named(request, channel));
            places.sort_unstable();
            places.dedup();
            for place in places {
                let Some(codes) = self.tenant.codes.get(&channel) else { continue };
                let address = address(channel, &place);
                let wanted = Wanted::Message(&address);
                let limit = BASELINE.min(self.timeout(channel));
                let baseline = codes.baseline(wanted, limit, &self.tenant.clock).await;
                let baseline = baseline.map_err(SendError::NoInbox)?;
                found.push(((channel, place), baseline));
            }
        }
        Ok(found)
    }

    /// Waits for a message to a user that is on its way: it could not be told from the one that comes of the next
    /// request. One that never comes cannot be mistaken for it either.
    async fn let_arrive(&mut self, actor: &str) {
        let awaited = self.awaited.remove(actor).unwrap_or_default();
        let addresses: Vec<_> = awaited
            .into_iter()
            // Others, such as a person, are asked for each code once.
            .filter(|(channel, _)| self.tenant.codes.get(channel).is_some_and(CodeSource::is_inbox))
            .map(|place| (place.0, address(place.0, &place.1), self.baselines.get(&place)))
            .collect();
        if !addresses.is_empty() {
            let _ = self.first_of(&addresses, BASELINE).await;
        }
    }

    /// Where a user's codes may go: the own address or number, and others that were enrolled.
    fn places(&self, channel: Channel, own: &str) -> Vec<String> {
        let others = self.aliases.get(&(channel, own.to_owned()));
        std::iter::once(own.to_owned()).chain(others.into_iter().flatten().cloned()).collect()
    }

    /// Remembers an address that was enrolled, by whose it is.
    fn remember(&mut self, place: String) {
        let owner = self.people.values().find(|person| is_alias(&place, &person.email));
        if let Some(own) = owner.map(|person| person.email.clone()).filter(|own| *own != place) {
            self.aliases.entry((Channel::Email, own)).or_default().push(place);
        }
    }

    async fn exchange(
        &mut self,
        request: Request,
        intent: Intent<'_>,
    ) -> Result<Exchange, SendError> {
        let Intent { actor, accepts } = intent;
        let baselines = self.baselines(&request, actor).await?;
        let what = format!("{} {}", request.method, request.path);
        let is_idempotent = is_idempotent(&request);
        let domain = self.tenant.domain();
        let call = Call { domain, request, what: &what, is_idempotent, accepts };
        let exchange = self.tenant.wire.send(call, &mut self.retries).await?;
        if (200..300).contains(&exchange.response.status) {
            let places = baselines.iter().map(|(place, _)| place.clone());
            let places = places.filter(|(channel, _)| is_sent(&exchange, *channel));
            let (told, others): (Vec<_>, Vec<_>) = places.partition(|(channel, place)| {
                named(&exchange.request, *channel).as_ref() == Some(place)
            });
            let places = if told.is_empty() { others } else { told };
            self.awaited.insert(actor.to_owned(), places);
            self.baselines.extend(baselines);
            if let Some(place) = named(&exchange.request, Channel::Email) {
                self.remember(place);
            }
        }
        Ok(exchange)
    }

    async fn fetch(&mut self, channel: Channel, source: &str) -> Result<String, NoCode> {
        if channel == Channel::Otp {
            if source.is_empty() {
                return Err(NoCode::NoSecret);
            }
            let secret = Secret::new(source.to_owned());
            let limit = self.timeout(channel);
            return self.wait(channel, Wanted::App(&secret), None, limit).await;
        }
        let places = self.places(channel, source);
        for awaited in self.awaited.values_mut() {
            awaited.retain(|(_, place)| !places.contains(place));
        }
        let addresses: Vec<_> = places
            .into_iter()
            .map(|place| (channel, address(channel, &place), self.baselines.get(&(channel, place))))
            .collect();
        self.first_of(&addresses, Duration::MAX).await
    }

    /// The code that comes to the first of these addresses, of which there is one at least.
    async fn first_of(
        &self,
        addresses: &[(Channel, Address, Option<&Baseline>)],
        limit: Duration,
    ) -> Result<String, NoCode> {
        let codes = addresses.iter().map(|(channel, address, since)| {
            let limit = limit.min(self.timeout(*channel));
            Box::pin(self.wait(*channel, Wanted::Message(address), *since, limit))
        });
        future::select_ok(codes).await.map(|(code, _)| code)
    }

    /// How long a code of this channel may take.
    fn timeout(&self, channel: Channel) -> Duration {
        self.tenant.spec.codes.get(&channel).map_or(BASELINE, |codes| codes.timeout)
    }

    async fn wait(
        &self,
        channel: Channel,
        wanted: Wanted<'_>,
        since: Option<&Baseline>,
        limit: Duration,
    ) -> Result<String, NoCode> {
        let clock = &self.tenant.clock;
        let codes = self.tenant.codes.get(&channel).ok_or(NoCode::NotHere("this channel"))?;
        let since = match since {
            Some(since) => since.clone(),
            None => codes.baseline(wanted, BASELINE.min(limit), clock).await?,
        };
        let code = codes.code(wanted, &since, limit, clock).await?;
        Ok(code.expose().clone())
    }
}

impl Session for TenantSession<'_> {
    fn scope(&self) -> Scope {
        let place = self.tenant.place();
        Scope::new(place, self.client.clone(), self.clients.clone(), self.people.clone())
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        intent: Intent<'a>,
        _: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        Box::pin(self.exchange(request, intent))
    }

    fn code<'a>(
        &'a mut self,
        channel: Channel,
        source: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>> {
        Box::pin(self.fetch(channel, source))
    }

    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        let random: &mut dyn Entropy = &mut SystemEntropy;
        let id = random.text(32, PASSWORD);
        let issuer = format!("https://{}/", self.tenant.domain());
        let key = self.keys.get(client_id).ok_or(NoAssertion);
        let now = self.tenant.clock.now();
        let signed = key.and_then(|key| assertion::by_pem(key, client_id, &issuer, &id, now));
        Box::pin(std::future::ready(signed))
    }

    /// There is no device.
    fn answer_push<'a>(
        &'a mut self,
        _: &'a str,
        _: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        Box::pin(std::future::ready(Err(NoPush)))
    }

    /// It passes by itself.
    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(clock::wait(duration))
    }

    fn finish<'a>(mut self: Box<Self>) -> BoxFuture<'a, Vec<Retry>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            self.undo().await;
            std::mem::take(&mut self.retries)
        })
    }
}

fn credentials(application: Application<'_>) -> Credentials {
    let (id, secret) = match application {
        Application::Management(client) => (&client.client_id, Some(&client.client_secret)),
        Application::Client(client) => match &client.proof {
            Proof::SecretPost(secret) | Proof::SecretBasic(secret) => (&client.id, Some(secret)),
            Proof::Public | Proof::PrivateKeyJwt(_) => (&client.id, None),
        },
    };
    Credentials { id: id.clone(), secret: secret.cloned(), assertion: None }
}

/// A factor, as the Management API is told to give it to a user \[oas\].
fn method(enrolled: &scenario::Enrolled, person: &Person) -> Value {
    let number = enrolled.phone_number.as_ref().unwrap_or(&person.phone_number);
    let phone = |by: &str| json!({"type": "phone", "name": "phone", "phone_number": number, "preferred_authentication_method": by});
    match enrolled.channel.value {
        Channel::Email => {
            let email = enrolled.email.as_ref().unwrap_or(&person.email);
            json!({"type": "email", "name": "email", "email": email})
        }
        Channel::Sms => phone("sms"),
        Channel::Voice => phone("voice"),
        Channel::Otp | Channel::Push => {
            let random: &mut dyn Entropy = &mut SystemEntropy;
            let made_up = || random.text(32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
            let given = enrolled.secret.as_ref().map(|secret| secret.expose().clone());
            json!({"type": "totp", "name": "app", "totp_secret": given.unwrap_or_else(made_up)})
        }
    }
}

/// The channels of which codes are fetched from messages.
fn fetched(scenario: &Scenario) -> Vec<Channel> {
    let mut channels = Vec::new();
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        let Action::Send(draft) = &step.action else { continue };
        let Some(channel @ (Channel::Email | Channel::Sms | Channel::Voice)) = draft.fetch else {
            continue;
        };
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    channels
}

/// Whether any number of the scenario's users is used.
fn needs_numbers(scenario: &Scenario) -> bool {
    let is_phone = |channel: Channel| matches!(channel, Channel::Sms | Channel::Voice);
    let users = scenario.user_names().map(|name| scenario.user(name));
    let mut needs = users.flat_map(|user| &user.enrolled).any(|it| is_phone(it.channel.value));
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        if let Action::Send(draft) = &step.action {
            draft.expressions(&mut |expression| {
                needs |= expression.to_string().contains("phone_number");
            });
        }
    }
    needs
}

fn own(channel: Channel, person: &Person) -> &str {
    match channel {
        Channel::Email => &person.email,
        _ => &person.phone_number,
    }
}

fn address(channel: Channel, place: &str) -> Address {
    match channel {
        Channel::Sms => Address::Sms(place.to_owned()),
        Channel::Voice => Address::Voice(place.to_owned()),
        _ => Address::Email(place.to_owned()),
    }
}

/// Whether an answer says that a code was sent, which the user is to be asked for, and not by another channel.
fn is_sent(exchange: &Exchange, channel: Channel) -> bool {
    let content = exchange.response.content();
    content.as_json().is_some_and(|body| {
        let is_channel = body["oob_channel"].as_str().is_none_or(|word| word == channel.word());
        body["binding_method"] == "prompt" && is_channel
    })
}

/// The address or number that a request names, of which it has a code sent there.
fn named(request: &Request, channel: Channel) -> Option<String> {
    let Content::Json(body) = request.content() else { return None };
    let name = match channel {
        Channel::Email => "email",
        _ => "phone_number",
    };
    body[name].as_str().map(str::to_owned)
}

/// Whether an address is the other or a subaddress of it, as `Person::alias` makes them.
fn is_alias(place: &str, email: &str) -> bool {
    let parts = email.split_once('@').zip(place.split_once('@'));
    parts.is_some_and(|((local, domain), (alias, other))| {
        let rest = alias.strip_prefix(local);
        domain == other && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
    })
}

/// Whether twice is the same as once. A login is not: the tenant counts them, and the wrong ones.
fn is_idempotent(request: &Request) -> bool {
    let is_of_machine = |grant: Option<&str>| grant == Some("client_credentials");
    // An assertion is taken once.
    let is_token = match request.content() {
        Content::Json(body) => {
            is_of_machine(body["grant_type"].as_str()) && body["client_assertion"].is_null()
        }
        Content::Form(fields) => {
            let field = |name: &str| {
                fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
            };
            is_of_machine(field("grant_type")) && field("client_assertion").is_none()
        }
        _ => false,
    };
    is_token || matches!(&*request.method, "GET" | "HEAD")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_idempotent;
    use crate::exchange::Request;

    #[test]
    fn only_what_has_no_effect_is_repeated() {
        let token = |grant: &str| json!({"grant_type": grant, "client_id": "a"});
        let asserted = json!({"grant_type": "client_credentials", "client_assertion": "x"});
        for (method, path, body, is_safe) in [
            ("GET", "/mfa/authenticators", json!(null), true),
            ("DELETE", "/mfa/authenticators/totp|dev_1", json!(null), false),
            ("POST", "/mfa/challenge", json!({"mfa_token": "x"}), false),
            ("POST", "/oauth/token", token("password"), false),
            ("POST", "/oauth/token", token("refresh_token"), false),
            ("POST", "/oauth/token", token("client_credentials"), true),
            ("POST", "/oauth/token", asserted, false),
        ] {
            let request = Request::new(method, path).json(&body);
            assert_eq!(is_idempotent(&request), is_safe, "{method} {path} {body}");
        }
    }
}
