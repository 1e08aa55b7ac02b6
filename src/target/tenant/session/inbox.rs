//! The codes that come to a scenario's users: where, since when, and which of them.

use std::time::Duration;

use futures_util::future;

use super::TenantSession;
use crate::{
    codes::{Address, Baseline, CodeSource, NoCode, Wanted},
    exchange::{Content, Exchange, Request},
    scenario::{Action, Channel, Scenario},
    secret::Secret,
    step::Person,
    target::SendError,
};

/// How long to wait for what an inbox has before a message is sent to it.
const BASELINE: Duration = Duration::from_secs(20);
impl TenantSession<'_> {
    /// Before something is sent to a user: what the inboxes have that it may go to.
    pub(super) async fn baselines(
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

    /// Hears that a request of a user has succeeded: what there was before it, and what it has sent.
    pub(super) fn heard(
        &mut self,
        actor: &str,
        exchange: &Exchange,
        baselines: Vec<((Channel, String), Baseline)>,
    ) {
        let places = baselines.iter().map(|(place, _)| place.clone());
        let places = places.filter(|(channel, _)| is_sent(exchange, *channel));
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

    /// Remembers an address that was enrolled, by whose it is.
    fn remember(&mut self, place: String) {
        let owner = self.people.values().find(|person| is_alias(&place, &person.email));
        if let Some(own) = owner.map(|person| person.email.clone()).filter(|own| *own != place) {
            self.aliases.entry((Channel::Email, own)).or_default().push(place);
        }
    }

    /// The code that has come, or comes, to a user; or that the user's app shows.
    pub(super) async fn fetch(&mut self, channel: Channel, source: &str) -> Result<String, NoCode> {
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

/// The channels of which codes are fetched from messages.
pub(super) fn fetched(scenario: &Scenario) -> Vec<Channel> {
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
