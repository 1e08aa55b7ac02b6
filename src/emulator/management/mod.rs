//! The Management API, as far as preparing a tenant and tidying it up need it: users, what they
//! have enrolled, the factors and the policies.
//!
//! What it leaves out: passwords' rules, blocked users, linked identities, connections (there is
//! one, by its usual name), searches other than for one value, when a method was last used.

mod guardian;
mod methods;
mod refusal;
mod search;
mod users;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{Answer, Call, Emulator, error::Refusal, route, token::Holder};
use crate::exchange::{Content, Request};

/// Every scope that a call asks for.
pub(super) const SCOPES: &[&str] = &[
    "read:users",
    "create:users",
    "update:users",
    "delete:users",
    "read:authentication_methods",
    "create:authentication_methods",
    "delete:authentication_methods",
    "read:guardian_enrollments",
    "delete:guardian_enrollments",
    "read:guardian_factors",
    "update:guardian_factors",
    "read:mfa_policies",
    "update:mfa_policies",
];

/// A call; users, methods and enrolments by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListUsers,
    CreateUser,
    UsersByEmail,
    GetUser(String),
    UpdateUser(String),
    DeleteUser(String),
    ListEnrollments(String),
    ListMethods(String),
    CreateMethod(String),
    DeleteMethods(String),
    GetMethod(String, String),
    DeleteMethod(String, String),
    DeleteAuthenticators(String),
    RegenerateRecoveryCode(String),
    GetEnrollment(String),
    DeleteEnrollment(String),
    ListFactors,
    SetFactor(String),
    GetMessageTypes,
    SetMessageTypes,
    GetPolicies,
    SetPolicies,
}

impl Operation {
    /// What is called at a path below `/api/v2/`: 404 for an unknown path, 405 for an unknown
    /// method.
    pub(super) fn of(method: &str, path: &str) -> Result<Self, Refusal> {
        // Clients send the `|` of an id as `%7C` [rec].
        let decode = |part| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        let parts = path.split('/').map(decode).collect::<Option<Vec<_>>>();
        let parts = parts.filter(|parts| parts.iter().all(|part| !part.is_empty()));
        let parts = parts.ok_or_else(Refusal::no_such_route)?;
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let id = |id: &&str| (*id).to_owned();
        Ok(match (method, &parts[..]) {
            ("GET", ["users"]) => Self::ListUsers,
            ("POST", ["users"]) => Self::CreateUser,
            ("GET", ["users-by-email"]) => Self::UsersByEmail,
            ("GET", ["users", user]) => Self::GetUser(id(user)),
            ("PATCH", ["users", user]) => Self::UpdateUser(id(user)),
            ("DELETE", ["users", user]) => Self::DeleteUser(id(user)),
            ("GET", ["users", user, "enrollments"]) => Self::ListEnrollments(id(user)),
            ("GET", ["users", user, "authentication-methods"]) => Self::ListMethods(id(user)),
            ("POST", ["users", user, "authentication-methods"]) => Self::CreateMethod(id(user)),
            ("DELETE", ["users", user, "authentication-methods"]) => Self::DeleteMethods(id(user)),
            ("GET", ["users", user, "authentication-methods", method]) => {
                Self::GetMethod(id(user), id(method))
            }
            ("DELETE", ["users", user, "authentication-methods", method]) => {
                Self::DeleteMethod(id(user), id(method))
            }
            ("DELETE", ["users", user, "authenticators"]) => Self::DeleteAuthenticators(id(user)),
            ("POST", ["users", user, "recovery-code-regeneration"]) => {
                Self::RegenerateRecoveryCode(id(user))
            }
            ("GET", ["guardian", "enrollments", it]) => Self::GetEnrollment(id(it)),
            ("DELETE", ["guardian", "enrollments", it]) => Self::DeleteEnrollment(id(it)),
            ("GET", ["guardian", "factors"]) => Self::ListFactors,
            ("GET", ["guardian", "factors", "phone", "message-types"]) => Self::GetMessageTypes,
            ("PUT", ["guardian", "factors", "phone", "message-types"]) => Self::SetMessageTypes,
            ("PUT", ["guardian", "factors", name]) => Self::SetFactor(id(name)),
            ("GET", ["guardian", "policies"]) => Self::GetPolicies,
            ("PUT", ["guardian", "policies"]) => Self::SetPolicies,
            (
                _,
                ["users" | "users-by-email"]
                | ["users", _]
                | [
                    "users",
                    _,
                    "enrollments"
                    | "authentication-methods"
                    | "authenticators"
                    | "recovery-code-regeneration",
                ]
                | ["users", _, "authentication-methods", _]
                | ["guardian", "factors" | "policies"]
                | ["guardian", "enrollments" | "factors", _]
                | ["guardian", "factors", "phone", "message-types"],
            ) => return Err(Refusal::no_such_method()),
            _ => return Err(Refusal::no_such_route()),
        })
    }

    /// The scope that the bearer needs \[oas\].
    const fn scope(&self) -> &'static str {
        match self {
            Self::CreateUser => "create:users",
            Self::UpdateUser(_) | Self::RegenerateRecoveryCode(_) => "update:users",
            Self::DeleteUser(_) => "delete:users",
            Self::ListUsers | Self::UsersByEmail | Self::GetUser(_) | Self::ListEnrollments(_) => {
                "read:users"
            }
            Self::ListMethods(_) | Self::GetMethod(..) => "read:authentication_methods",
            Self::CreateMethod(_) => "create:authentication_methods",
            Self::DeleteMethods(_) | Self::DeleteMethod(..) => "delete:authentication_methods",
            Self::GetEnrollment(_) => "read:guardian_enrollments",
            Self::DeleteAuthenticators(_) | Self::DeleteEnrollment(_) => {
                "delete:guardian_enrollments"
            }
            Self::ListFactors | Self::GetMessageTypes => "read:guardian_factors",
            Self::SetFactor(_) | Self::SetMessageTypes => "update:guardian_factors",
            Self::GetPolicies => "read:mfa_policies",
            Self::SetPolicies => "update:mfa_policies",
        }
    }
}

impl Emulator {
    pub(super) fn manage(
        &mut self,
        operation: &Operation,
        call: &mut Call<'_>,
    ) -> Result<Answer, Refusal> {
        self.check_bearer(operation.scope(), call)?;
        match operation {
            Operation::ListUsers => self.list_users(call.request).map(Answer::Ok),
            Operation::CreateUser => self.create_user(call).map(Answer::Created),
            Operation::UsersByEmail => self.users_by_email(call.request).map(Answer::Ok),
            Operation::GetUser(id) => self.get_user(id).map(Answer::Ok),
            Operation::UpdateUser(id) => self.update_user(id, call).map(Answer::Ok),
            Operation::DeleteUser(id) => {
                // One who is not there is gone already.
                self.remove_user(id);
                Ok(Answer::NoContent)
            }
            Operation::ListEnrollments(id) => self.list_enrollments(id).map(Answer::Ok),
            Operation::ListMethods(id) => self.list_methods(id, call.request).map(Answer::Ok),
            Operation::CreateMethod(id) => self.create_method(id, call).map(Answer::Created),
            // None of the two is documented to refuse an unknown user [oas].
            Operation::DeleteMethods(id) | Operation::DeleteAuthenticators(id) => {
                if let Some(user) = self.users.get_mut(id) {
                    user.remove_all();
                }
                Ok(Answer::NoContent)
            }
            Operation::GetMethod(id, method) => self.get_method(id, method).map(Answer::Ok),
            Operation::DeleteMethod(id, method) => {
                self.delete_method(id, method).map(|()| Answer::NoContent)
            }
            Operation::RegenerateRecoveryCode(id) => {
                self.regenerate_recovery_code(id, call).map(Answer::Ok)
            }
            Operation::GetEnrollment(id) => self.get_enrollment(id).map(Answer::Ok),
            Operation::DeleteEnrollment(id) => {
                self.delete_enrollment(id).map(|()| Answer::NoContent)
            }
            Operation::ListFactors => Ok(Answer::Ok(self.factors())),
            Operation::SetFactor(name) => self.set_factor(name, call.request).map(Answer::Ok),
            Operation::GetMessageTypes => Ok(Answer::Ok(self.message_types())),
            Operation::SetMessageTypes => self.set_message_types(call.request).map(Answer::Ok),
            Operation::GetPolicies => Ok(Answer::Ok(self.policies())),
            Operation::SetPolicies => self.set_policies(call.request).map(Answer::Ok),
        }
    }

    /// Whether the bearer is good for the Management API now, and has this scope.
    fn check_bearer(&self, scope: &str, call: &Call<'_>) -> Result<(), Refusal> {
        if call.request.headers.get("authorization").is_none() {
            return Err(Refusal::no_authentication());
        }
        let bearer = route::bearer(call.request).filter(|token| token.split('.').count() == 3);
        let bearer = bearer.ok_or_else(Refusal::no_jwt)?;
        let known = self.access_tokens.get(bearer).filter(|known| call.now < known.expires);
        let audience = Some(self.tenant.management_audience());
        let known = known.filter(|known| known.grant.audience == audience);
        let known = known.ok_or_else(Refusal::invalid_management_token)?;
        let may = known.holder == Holder::Client && known.grant.scope.has(scope);
        if may { Ok(()) } else { Err(Refusal::lacks_scope(scope)) }
    }
}

/// The members of a body, which must be among `known`.
fn members(request: &Request, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let members = match request.content() {
        Content::Json(Value::Object(members)) => members,
        // Forms are documented beside JSON [oas]; all that they say is text.
        Content::Form(fields) => {
            fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
        }
        _ => return Err(Refusal::invalid_body("Expected type object")),
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            Err(Refusal::invalid_body(&format!("Additional properties not allowed: {name}")))
        }
        None => Ok(members),
    }
}

/// A text that may be missing.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Refusal::invalid_body(&format!("Expected a text: {name}"))),
    }
}

fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::invalid_body(&format!("Missing required property: {name}"));
    text(members, name)?.ok_or_else(missing)
}

/// A yes or no, which is a text in a form.
fn flag(members: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
        Some(_) => Err(Refusal::invalid_body(&format!("Expected type boolean: {name}"))),
    }
}

/// A parameter of the query.
fn query(request: &Request, name: &str) -> Option<String> {
    let (_, query) = request.path.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The page of a list that is asked for: where it starts, and how long it is at most.
fn page(request: &Request) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: usize| match query(request, name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Refusal::invalid_query(name)),
    };
    let (page, limit) = (number("page", 0)?, number("per_page", 50)?);
    if limit > 100 {
        return Err(Refusal::invalid_query("per_page"));
    }
    let start = page.checked_mul(limit).ok_or_else(|| Refusal::invalid_query("page"))?;
    Ok((start, limit))
}
