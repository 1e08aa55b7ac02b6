//! The policy that a scenario gives its tenant, in the emulator's types.

use std::collections::BTreeMap;

use crate::{
    emulator,
    scenario::{
        self,
        fault::Status,
        policy::{Action, BruteForceProtection, FactorType, Lifetimes, Limit, Limits, Then},
        served_fault::{self, Kind, ServedFault},
    },
    serve::fault::{self, Code, Fault, Faults, Rule},
    step::{Credentials, Person},
};

/// An Action; names of applications and users become what they were given.
pub(super) fn action(
    action: &Action,
    client: &Credentials,
    clients: &BTreeMap<String, Credentials>,
    people: &BTreeMap<String, Person>,
) -> emulator::Action {
    let when = &action.when;
    let user = when.user.as_ref().map(|name| {
        people.get(&name.value).map_or_else(|| name.value.clone(), |person| person.email.clone())
    });
    let client =
        when.client.as_ref().map(|name| clients.get(&name.value).unwrap_or(client).id.clone());
    emulator::Action {
        when: emulator::When {
            user,
            client,
            scope: when.scope.clone(),
            audience: when.audience.clone(),
        },
        then: match &action.then {
            Then::Mfa(_) => emulator::Then::Mfa,
            Then::Challenge(types) => emulator::Then::Challenge(factor_types(types)),
            Then::Enroll(types) => emulator::Then::Enroll(factor_types(types)),
            Then::Deny(reason) => emulator::Then::Deny(reason.clone()),
        },
    }
}

fn factor_types(types: &[FactorType]) -> Vec<emulator::FactorType> {
    let emulated = types.iter().map(|it| match it {
        FactorType::Otp => emulator::FactorType::Otp,
        FactorType::PushNotification => emulator::FactorType::PushNotification,
        FactorType::Phone => emulator::FactorType::Phone,
        FactorType::RecoveryCode => emulator::FactorType::RecoveryCode,
        FactorType::Email => emulator::FactorType::Email,
    });
    emulated.collect()
}

/// The faults between the tenant and its clients.
pub(super) fn faults(given: &[scenario::fault::Fault], seed: u64) -> Faults {
    let rules = given.iter().map(|it| Rule {
        path: it.path.clone(),
        method: it.method.clone(),
        when: it.calls.clone().map_or(fault::When::Always, fault::When::Calls),
        fault: match it.kind {
            scenario::fault::Kind::Latency(latency) => Fault::Latency(latency),
            scenario::fault::Kind::Status(status) => fault_status(status, false),
            scenario::fault::Kind::Malformed => Fault::Malformed,
        },
    });
    Faults::new(rules.collect(), seed)
}

/// The same of a tenant that is served.
#[must_use]
pub fn served_faults(given: &[ServedFault]) -> Vec<Rule> {
    let rules = given.iter().map(|it| Rule {
        path: it.path.clone(),
        method: it.method.clone(),
        when: match &it.when {
            served_fault::When::Always => fault::When::Always,
            served_fault::When::Calls(calls) => fault::When::Calls(calls.clone()),
            served_fault::When::Rate(rate) => fault::When::Rate(*rate),
        },
        fault: match it.kind {
            Kind::Latency(latency) => Fault::Latency(latency),
            Kind::Status { status, plain } => fault_status(status, plain),
            Kind::Malformed => Fault::Malformed,
            Kind::Reset => Fault::Reset,
            Kind::Cut => Fault::Cut,
        },
    });
    rules.collect()
}

const fn fault_status(status: Status, plain: bool) -> Fault {
    let code = match status {
        Status::TooManyRequests => Code::TooManyRequests,
        Status::InternalServerError => Code::InternalServerError,
        Status::ServiceUnavailable => Code::ServiceUnavailable,
    };
    Fault::Status(fault::Status { code, plain })
}

pub(super) fn lifetimes(given: Lifetimes) -> emulator::Lifetimes {
    let default = emulator::Lifetimes::default();
    emulator::Lifetimes {
        access_token: given.access_token.unwrap_or(default.access_token),
        id_token: given.id_token.unwrap_or(default.id_token),
    }
}

pub(super) fn limits(given: &Limits) -> emulator::Limits {
    let default = emulator::Limits::default();
    let limit = |it: Limit| emulator::Limit::new(it.burst, it.every);
    let or = |given: Option<Limit>, default| given.map_or(default, limit);
    emulator::Limits {
        authentication_api: given.authentication_api.map(limit),
        management_api: given.management_api.map(limit),
        oauth_token: given.oauth_token.map(limit),
        logins: or(given.logins, default.logins),
        failed_codes: or(given.failed_codes, default.failed_codes),
        failed_recovery_codes: or(given.failed_recovery_codes, default.failed_recovery_codes),
        emails: or(given.emails, default.emails),
        messages: or(given.messages, default.messages),
        push: or(given.push, default.push),
    }
}

pub(super) const fn brute_force_protection(
    given: BruteForceProtection,
) -> emulator::BruteForceProtection {
    if given.enabled {
        emulator::BruteForceProtection::Block { max_attempts: given.max_attempts }
    } else {
        emulator::BruteForceProtection::Off
    }
}
