//! `/api/v2/users` and `/api/v2/users-by-email`.

use serde_json::{Map, Value, json};

use super::{Call, Emulator, Refusal, flag, members, page, query, required, search, text};
use crate::{
    address::is_address,
    emulator::{
        NewUser,
        tenant::CONNECTION,
        token::Scope,
        user::{User, iso_8601},
    },
    exchange::Request,
    secret::Secret,
};

impl Emulator {
    pub(super) fn list_users(&self, request: &Request) -> Result<Value, Refusal> {
        let term = search::Term::of(request)?;
        let is_wanted = |user: &&User| term.as_ref().is_none_or(|term| term.matches(user));
        let mut users: Vec<_> = self.users.iter().filter(is_wanted).collect();
        search::sort(&mut users, request)?;
        let (start, limit) = page(request)?;
        if start.saturating_add(limit) > search::MOST {
            return Err(Refusal::too_far_in());
        }
        let shown: Vec<_> = users.iter().skip(start).take(limit).map(|user| entry(user)).collect();
        Ok(if query(request, "include_totals").as_deref() == Some("true") {
            json!({
                "start": start, "limit": limit, "length": shown.len(), "users": shown,
                "total": users.len(),
            })
        } else {
            Value::Array(shown)
        })
    }

    pub(super) fn users_by_email(&self, request: &Request) -> Result<Value, Refusal> {
        let address = query(request, "email").ok_or_else(|| Refusal::invalid_query("email"))?;
        Ok(self.users.with_email(&address).into_iter().map(entry).collect())
    }

    /// What a profile has besides a name is made of the address, as for a user who gave no more.
    pub(super) fn create_user(&mut self, call: &mut Call<'_>) -> Result<Value, Refusal> {
        const KNOWN: &[&str] = &[
            "connection",
            "email",
            "name",
            "password",
            "email_verified",
            "verify_email",
            "user_metadata",
            "app_metadata",
        ];
        let members = members(call.request, KNOWN)?;
        required(&members, "connection")?;
        check_connection(&members)?;
        let (email, password) = (required(&members, "email")?, required(&members, "password")?);
        if !is_address(email) {
            return Err(Refusal::invalid_body(
                "Object didn't pass validation for format email: email",
            ));
        }
        flag(&members, "verify_email")?;
        if self.users.with_email(email).is_some() {
            return Err(Refusal::user_exists());
        }
        let new = NewUser {
            email_verified: flag(&members, "email_verified")?.unwrap_or_default(),
            ..NewUser::new(email, password)
        };
        let mut user = User::new(new, &self.tenant, call.now, call.entropy);
        user.name = name(&members)?;
        user.user_metadata = merged(&Map::new(), &members, "user_metadata")?;
        user.app_metadata = merged(&Map::new(), &members, "app_metadata")?;
        let entry = entry(&user);
        self.users.insert(user);
        Ok(entry)
    }

    pub(super) fn get_user(&self, id: &str) -> Result<Value, Refusal> {
        self.users.get(id).map(entry).ok_or_else(Refusal::no_such_user)
    }

    pub(super) fn update_user(&mut self, id: &str, call: &Call<'_>) -> Result<Value, Refusal> {
        const KNOWN: &[&str] =
            &["connection", "name", "password", "email_verified", "user_metadata", "app_metadata"];
        let user = self.users.get_mut(id).ok_or_else(Refusal::no_such_user)?;
        let members = members(call.request, KNOWN)?;
        check_connection(&members)?;
        let (password, verified) = (text(&members, "password")?, flag(&members, "email_verified")?);
        if password.is_some() && verified.is_some() {
            // The text is the document's.
            return Err(Refusal::invalid_body(
                "Cannot update password and email_verified simultaneously.",
            ));
        }
        let name = name(&members)?;
        let user_metadata = merged(&user.user_metadata, &members, "user_metadata")?;
        let app_metadata = merged(&user.app_metadata, &members, "app_metadata")?;
        user.user_metadata = user_metadata;
        user.app_metadata = app_metadata;
        if name.is_some() {
            user.name = name;
        }
        if let Some(password) = password {
            user.password = Secret::new(password.to_owned());
        }
        if let Some(verified) = verified {
            user.email_verified = verified;
        }
        user.updated_at = call.now;
        let (answer, email) = (entry(user), user.email.clone());
        if password.is_some() {
            self.unblock(&email);
        }
        Ok(answer)
    }
}

/// As the recordings have it, in their order \[rec\].
fn entry(user: &User) -> Value {
    let profile = user.claims(&Scope::new("profile"));
    let own_id = user.id.split_once('|').map_or(user.id.as_str(), |(_, own)| own);
    let mut entry = json!({
        "created_at": iso_8601(user.created_at),
        "email": user.email,
        "email_verified": user.email_verified,
        "identities": [{
            "connection": CONNECTION,
            "user_id": own_id,
            "provider": "auth0",
            "isSocial": false,
        }],
        "name": profile["name"],
        "nickname": profile["nickname"],
        "picture": profile["picture"],
        "updated_at": profile["updated_at"],
        "user_id": user.id,
    });
    for (name, metadata) in
        [("user_metadata", &user.user_metadata), ("app_metadata", &user.app_metadata)]
    {
        if !metadata.is_empty() {
            entry[name] = json!(metadata);
        }
    }
    entry
}

/// The name of a profile: up to 150 characters \[doc\].
fn name(members: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match text(members, "name")? {
        Some(name) if name.chars().count() > 150 => {
            Err(Refusal::invalid_body("String is too long: name"))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// Metadata with what a body has of it, on the first level member by member \[doc\]; `null` unsets
/// one \[doc\].
fn merged(
    metadata: &Map<String, Value>,
    members: &Map<String, Value>,
    name: &str,
) -> Result<Map<String, Value>, Refusal> {
    let mut metadata = metadata.clone();
    match members.get(name) {
        None => {}
        Some(Value::Object(new)) => {
            metadata.extend(new.clone());
            metadata.retain(|_, value| !value.is_null());
        }
        Some(_) => return Err(Refusal::invalid_body(&format!("Expected type object: {name}"))),
    }
    Ok(metadata)
}

/// Whether the connection that a body names, if it does, is the one there is.
fn check_connection(members: &Map<String, Value>) -> Result<(), Refusal> {
    match text(members, "connection")? {
        None | Some(CONNECTION) => Ok(()),
        Some(_) => Err(Refusal::no_such_connection()),
    }
}
