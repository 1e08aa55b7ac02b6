//! What a tenant is asked before anything is done there: each question by itself, and none of them changes anything. A run
//! asks until something is in its way; `check --probe` asks them all.

use std::collections::BTreeSet;

use mail_parser::DateTime;
use serde_json::Value;

use super::{
    management::Management,
    open::{Field, OpenError},
    pace::Pace,
    settings::Settings,
    wire::{Call, Wire},
};
use crate::{
    clock::AdjustedClock,
    codes::CodeSource,
    config::{Allowed, BadSource, TargetSpec},
    exchange::{Request, Response, Retry},
    scenario::Channel,
    target::{PrepareError, SendError},
};

const DOMAIN_HINT: &str = "the domain is on the page of the application in Auth0's dashboard";
/// How far clocks may be apart without a word, in milliseconds.
const APART: u64 = 2000;

/// The scopes that a run needs of the application for the Management API, and what there is not without each.
const SCOPES: [(&str, &str); 8] = [
    ("read:users", "users that an interrupted run has left cannot be found"),
    ("create:users", "no user can be made for a scenario"),
    ("delete:users", "users that were made cannot be removed"),
    ("read:authentication_methods", "it cannot be seen whether a user has factors"),
    ("create:authentication_methods", "no user can be given a factor before a scenario"),
    ("delete:authentication_methods", "users' factors cannot be removed"),
    ("read:guardian_factors", "it cannot be seen which factors are on"),
    ("read:mfa_policies", "it cannot be seen when a login asks for a factor"),
];
/// Those that `allow: [provision]` needs besides.
const PROVISION_SCOPES: [(&str, &str); 2] = [
    ("update:guardian_factors", "factors cannot be made what a scenario asks for"),
    ("update:mfa_policies", "the policy cannot be made what a scenario asks for"),
];

/// The way to the tenant, of whose rate this run has one part of `parts`.
pub(super) fn wire(spec: &TargetSpec, parts: u32) -> Result<Wire, OpenError> {
    Wire::new(spec.authorities.as_deref(), Pace::new(spec.rate, parts)).map_err(|cause| {
        let message = format!("the authorities of this file cannot be trusted: {cause}");
        OpenError::new(Field::Authorities, message, "it has to be a file of certificates in PEM")
    })
}

/// Whether settings may be made what scenarios ask for.
pub(super) fn may_provision(spec: &TargetSpec) -> bool {
    spec.management.is_some() && spec.allow.contains(&Allowed::Provision)
}

/// The domains, each with what names it.
pub(super) fn domains(spec: &TargetSpec) -> Vec<(Field, &str)> {
    let custom = spec.custom_domain.as_deref().map(|domain| (Field::CustomDomain, domain));
    std::iter::once((Field::Domain, spec.domain.as_str())).chain(custom).collect()
}

/// What a domain says of its tenant.
#[derive(Debug)]
pub(super) struct Discovered {
    /// The names of its endpoints, without `_endpoint` behind them.
    pub(super) endpoints: BTreeSet<String>,
    /// The tenant's time, if it tells it.
    pub(super) clock: Option<AdjustedClock>,
}

/// Asks who the tenant at this domain is, and what time it has.
pub(super) async fn discover(
    wire: &Wire,
    field: Field,
    domain: &str,
    retries: &mut Vec<Retry>,
) -> Result<Discovered, OpenError> {
    let request = Request::new("GET", "/.well-known/openid-configuration");
    let what = "ask who the tenant is";
    let call = Call { domain, request, what, is_idempotent: true, accepts: &[] };
    let answer = wire.send(call, retries).await;
    let response = answer.map_err(|error| unreachable(field, domain, &error))?.response;
    let issuer = format!("https://{domain}/");
    let said = json_of(&response);
    let Some(named) = said["issuer"].as_str().filter(|_| response.status == 200) else {
        let said = match response.status {
            200 => "the answer names no `issuer`".to_owned(),
            status => format!("the answer was {status}"),
        };
        let message = format!("there is no tenant at `{domain}`: asked who it is, {said}");
        return Err(OpenError::new(field, message, DOMAIN_HINT));
    };
    if named != issuer {
        let message = format!("the tenant says that it is `{named}`, and not `{issuer}`");
        return Err(OpenError::new(field, message, DOMAIN_HINT));
    }
    let members = said.as_object().into_iter().flat_map(serde_json::Map::keys);
    let endpoints = members.filter_map(|name| name.strip_suffix("_endpoint")).map(str::to_owned);
    Ok(Discovered { endpoints: endpoints.collect(), clock: clock_of(&response) })
}

fn clock_of(response: &Response) -> Option<AdjustedClock> {
    let date = response.headers.get("date").and_then(DateTime::parse_rfc822)?;
    // Of the tenant's second nothing more is known: half a one is added.
    let theirs = date.to_timestamp().saturating_mul(1000).saturating_add(500);
    let ours = i64::try_from(AdjustedClock::default().now().as_millis());
    let ahead = theirs.saturating_sub(ours.unwrap_or(i64::MAX));
    Some(AdjustedClock { ahead: if ahead.unsigned_abs() > APART { ahead } else { 0 } })
}

/// What there is to say of clocks that are apart.
pub(super) fn clock_problem(clock: AdjustedClock) -> Option<OpenError> {
    let ahead = clock.ahead;
    let word = if ahead > 0 { "behind" } else { "ahead of" };
    let apart = ahead.unsigned_abs() / 1000;
    let message = format!("this machine's clock is {apart} s {word} the tenant's");
    let hint = "codes of authenticator apps are made for the tenant's time; set the clock right";
    (ahead != 0).then(|| OpenError::new(Field::Nothing, message, hint))
}

/// A source of codes, or why it cannot be used.
pub(super) fn source(
    channel: Channel,
    opened: Result<CodeSource, BadSource>,
) -> Result<CodeSource, OpenError> {
    opened.map_err(|cause| {
        let message = format!("the codes of `{}` cannot be had: {cause}", channel.word());
        let hint = "docs/configuration.md has the keys of every kind of source";
        OpenError::new(Field::Codes(channel), message, hint)
    })
}

/// The scopes of the application for the Management API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scopes {
    /// Those that are needed, and granted.
    pub(super) granted: Vec<&'static str>,
    /// Those that are needed, and not granted; each with what there is not without it.
    pub(super) missing: Vec<(&'static str, &'static str)>,
    /// How many are granted that are not needed.
    pub(super) others: usize,
}

/// Asks for a token, and which scopes it has.
pub(super) async fn scopes(
    management: &Management<'_>,
    may_provision: bool,
    retries: &mut Vec<Retry>,
) -> Result<Scopes, OpenError> {
    let granted = management.scopes(retries).await.map_err(|error| of_management(&error))?;
    Ok(Scopes::of(&granted, may_provision))
}

impl Scopes {
    fn of(granted: &str, may_provision: bool) -> Self {
        let all: BTreeSet<_> = granted.split_whitespace().collect();
        let needed = SCOPES.iter().chain(PROVISION_SCOPES.iter().filter(|_| may_provision));
        let (granted, missing): (Vec<_>, _) = needed.partition(|(scope, _)| all.contains(scope));
        let granted: Vec<_> = granted.into_iter().map(|(scope, _)| scope).collect();
        let others = all.len() - granted.len();
        Self { granted, missing, others }
    }

    /// An error if one is missing.
    pub(super) fn problem(&self) -> Option<OpenError> {
        let missing: Vec<_> = self.missing.iter().map(|(scope, _)| *scope).collect();
        let message = format!("the application lacks scopes: {}", missing.join(", "));
        let hint = "grant them to it in Auth0's dashboard: APIs, Auth0 Management API, Machine to Machine Applications";
        (!missing.is_empty()).then(|| OpenError::new(Field::Management, message, hint))
    }
}

/// Reads the settings.
pub(super) async fn settings(
    management: &Management<'_>,
    retries: &mut Vec<Retry>,
) -> Result<Settings, OpenError> {
    management.settings(retries).await.map_err(|error| of_management(&error))
}

pub(super) fn of_management(error: &PrepareError) -> OpenError {
    let hint = match error {
        PrepareError::Unreachable(_) => DOMAIN_HINT,
        _ => {
            "it has to be an application that may call the Auth0 Management API, with its id and secret"
        }
    };
    OpenError::new(Field::Management, error.to_string(), hint)
}

pub(super) fn unreachable(field: Field, domain: &str, error: &SendError) -> OpenError {
    let cause = match error {
        SendError::Unreachable(cause) => cause.clone(),
        other => other.to_string(),
    };
    let message = format!("the tenant `{domain}` cannot be reached: {cause}");
    if cause.contains("certificate") {
        let hint = "a private authority's certificate goes into the file that `ca` names";
        return OpenError::new(field, message, hint);
    }
    OpenError::new(field, message, DOMAIN_HINT)
}

pub(super) fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{SCOPES, Scopes, clock_problem};
    use crate::clock::AdjustedClock;

    #[test]
    fn scopes_that_are_missing_are_told_with_what_they_cost() {
        let needed: Vec<_> = SCOPES.iter().map(|(scope, _)| *scope).collect();
        let all = Scopes::of(&format!("read:logs {}", needed.join(" ")), false);
        assert_eq!((&all.granted, all.others), (&needed, 1));
        assert!(all.problem().is_none());
        let scopes = Scopes::of(&needed[1..].join(" "), true);
        let missing: Vec<_> = scopes.missing.iter().map(|(scope, _)| *scope).collect();
        assert_eq!(missing, ["read:users", "update:guardian_factors", "update:mfa_policies"]);
        let message = scopes.problem().map(|problem| problem.message);
        let wanted = "the application lacks scopes: read:users, update:guardian_factors, update:mfa_policies";
        assert_eq!(message.as_deref(), Some(wanted));
        assert_eq!(Scopes::of("", false).granted, Vec::<&str>::new());
    }

    #[test]
    fn clocks_that_are_apart_are_told() {
        let said = |ahead| clock_problem(AdjustedClock { ahead }).map(|problem| problem.message);
        assert_eq!(said(0), None);
        let behind = "this machine's clock is 90 s behind the tenant's";
        assert_eq!(said(90_400).as_deref(), Some(behind));
        let ahead = "this machine's clock is 3 s ahead of the tenant's";
        assert_eq!(said(-3000).as_deref(), Some(ahead));
    }
}
