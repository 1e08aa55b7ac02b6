//! `/api/v2/users` and `/api/v2/users-by-email`.

use serde_json::{Map, Value, json};

use super::{Call, Emulator, Refusal, members, page, query, required, text};
use crate::{
    emulator::{
        NewUser,
        token::Scope,
        user::{User, iso_8601},
    },
    exchange::Request,
    secret::Secret,
};

impl Emulator {
    pub(super) fn list_users(&self, request: &Request) -> Result<Value, Refusal> {
        let address = query(request, "q").map(|query| wanted_address(&query)).transpose()?;
        let users = match address {
            Some(address) => self.users.with_email(&address).into_iter().collect::<Vec<_>>(),
            None => self.users.iter().collect(),
        };
        let (start, limit) = page(request)?;
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

    /// The profile is made of the address, as for a user who gave no more.
    pub(super) fn create_user(&mut self, call: &mut Call<'_>) -> Result<Value, Refusal> {
        const KNOWN: &[&str] = &[
            "connection",
            "email",
            "password",
            "email_verified",
            "verify_email",
            "user_metadata",
            "app_metadata",
        ];
        let members = members(call.request, KNOWN)?;
        // There is one connection, so any name is it.
        required(&members, "connection")?;
        let (email, password) = (required(&members, "email")?, required(&members, "password")?);
        flag(&members, "verify_email")?;
        if self.users.with_email(email).is_some() {
            return Err(Refusal::user_exists());
        }
        let new = NewUser {
            email_verified: flag(&members, "email_verified")?.unwrap_or_default(),
            ..NewUser::new(email, password)
        };
        let mut user = User::new(new, &self.tenant, call.now, call.entropy);
        merge(&mut user.user_metadata, &members, "user_metadata")?;
        merge(&mut user.app_metadata, &members, "app_metadata")?;
        let entry = entry(&user);
        self.users.insert(user);
        Ok(entry)
    }

    pub(super) fn get_user(&self, id: &str) -> Result<Value, Refusal> {
        self.users.get(id).map(entry).ok_or_else(Refusal::no_such_user)
    }

    pub(super) fn update_user(&mut self, id: &str, call: &Call<'_>) -> Result<Value, Refusal> {
        const KNOWN: &[&str] =
            &["connection", "password", "email_verified", "user_metadata", "app_metadata"];
        let user = self.users.get_mut(id).ok_or_else(Refusal::no_such_user)?;
        let members = members(call.request, KNOWN)?;
        let (password, verified) = (text(&members, "password")?, flag(&members, "email_verified")?);
        if password.is_some() && verified.is_some() {
            // The text is the document's.
            return Err(Refusal::invalid_body(
                "Cannot update password and email_verified simultaneously.",
            ));
        }
        merge(&mut user.user_metadata, &members, "user_metadata")?;
        merge(&mut user.app_metadata, &members, "app_metadata")?;
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

    /// With everything that was given out to the user. One who is not there is gone already.
    pub(super) fn delete_user(&mut self, id: &str) {
        self.remove_user(id);
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
            "connection": "Username-Password-Authentication",
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

/// The address of a search for one: `email:"ada@example.com"`.
fn wanted_address(query: &str) -> Result<String, Refusal> {
    let address = query.trim().strip_prefix("email:");
    let address = address.ok_or_else(|| Refusal::not_managed("search other than by email"))?;
    Ok(address.trim_matches('"').to_owned())
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

/// Takes over metadata, on the first level member by member \[doc\]; `null` unsets one \[doc\].
fn merge(
    metadata: &mut Map<String, Value>,
    members: &Map<String, Value>,
    name: &str,
) -> Result<(), Refusal> {
    match members.get(name) {
        None => Ok(()),
        Some(Value::Object(new)) => {
            metadata.extend(new.clone());
            metadata.retain(|_, value| !value.is_null());
            Ok(())
        }
        Some(_) => Err(Refusal::invalid_body(&format!("Expected type object: {name}"))),
    }
}
