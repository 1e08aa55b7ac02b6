//! What a user has enrolled: `authentication-methods`, `enrollments`, the recovery code.

use serde_json::{Value, json};

use super::{Call, Emulator, Refusal, members, page, query, required, text};
use crate::{
    address::{is_address, is_phone_number},
    emulator::{
        app::App,
        authenticator::{Authenticator, Channel, Means},
        user::{User, iso_8601},
    },
    exchange::Request,
};

impl Emulator {
    pub(super) fn list_methods(&self, id: &str, request: &Request) -> Result<Value, Refusal> {
        let user = self.users.get(id).ok_or_else(Refusal::no_such_user)?;
        let all = methods(user);
        let (start, limit) = page(request)?;
        let total = all.len();
        let shown: Vec<_> = all.into_iter().skip(start).take(limit).collect();
        // In the order recorded [rec].
        Ok(if query(request, "include_totals").as_deref() == Some("true") {
            json!({"authenticators": shown, "total": total, "start": start, "limit": limit})
        } else {
            Value::Array(shown)
        })
    }

    pub(super) fn get_method(&self, id: &str, method: &str) -> Result<Value, Refusal> {
        let user = self.users.get(id).ok_or_else(Refusal::no_such_user)?;
        let mut all = methods(user).into_iter();
        all.find(|known| known["id"] == method).ok_or_else(Refusal::no_such_method_of_user)
    }

    /// Confirmed at once, and without a recovery code \[doc\].
    pub(super) fn create_method(
        &mut self,
        id: &str,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        const KNOWN: &[&str] = &[
            "type",
            "name",
            "email",
            "phone_number",
            "preferred_authentication_method",
            "totp_secret",
        ];
        let user = self.users.get_mut(id).ok_or_else(Refusal::no_such_user)?;
        let members = members(call.request, KNOWN)?;
        let means = match required(&members, "type")? {
            "email" => {
                let address = required(&members, "email")?.to_owned();
                if !is_address(&address) {
                    return Err(Refusal::invalid_body(
                        "Object didn't pass validation for format email: email",
                    ));
                }
                Means::Sent(Channel::Email { address })
            }
            "phone" => {
                let number = required(&members, "phone_number")?.to_owned();
                if !is_phone_number(&number) {
                    return Err(Refusal::invalid_body("Invalid phone number: phone_number"));
                }
                match text(&members, "preferred_authentication_method")? {
                    None | Some("sms") => Means::Sent(Channel::Sms { number }),
                    Some("voice") => Means::Sent(Channel::Voice { number }),
                    Some(_) => {
                        return Err(Refusal::invalid_body(
                            "No enum match: preferred_authentication_method",
                        ));
                    }
                }
            }
            "totp" => Means::Made(match text(&members, "totp_secret")? {
                Some(secret) => {
                    let app = App::with_secret(secret.to_owned());
                    if !app.makes_codes() {
                        return Err(Refusal::invalid_body("Invalid secret: totp_secret"));
                    }
                    app
                }
                // It need not be given [oas]; then it is told in the answer [guess].
                None => App::new(call.entropy),
            }),
            "webauthn-roaming" | "passkey" => return Err(Refusal::not_managed("webauthn")),
            _ => return Err(Refusal::invalid_body("No enum match: type")),
        };
        let mut answer = json!({"type": means_word(&means)});
        if let Some(name) = text(&members, "name")? {
            answer["name"] = json!(name);
        }
        answer["created_at"] = json!(iso_8601(call.now));
        if let (Means::Made(app), None) = (&means, members.get("totp_secret")) {
            answer["totp_secret"] = json!(app.secret());
        }
        tell_target(&mut answer, &means);
        let new = user.enroll(means, &self.tenant, call.entropy);
        let new = new.ok_or_else(Refusal::method_exists)?;
        answer["id"] = json!(method_id(new));
        Ok(answer)
    }

    pub(super) fn delete_method(&mut self, id: &str, method: &str) -> Result<(), Refusal> {
        let user = self.users.get_mut(id).ok_or_else(Refusal::no_such_user)?;
        let known = user.enrolled().iter().find(|known| method_id(known) == method);
        let id = known.map_or(method, |known| &known.id).to_owned();
        if user.remove(&id) { Ok(()) } else { Err(Refusal::no_such_method_of_user()) }
    }

    pub(super) fn list_enrollments(&self, id: &str) -> Result<Value, Refusal> {
        let user = self.users.get(id).ok_or_else(Refusal::no_such_user)?;
        let confirmed = user.enrolled().iter().filter(|known| known.is_active());
        Ok(confirmed.map(|known| enrollment(user, known)).collect())
    }

    pub(super) fn get_enrollment(&self, id: &str) -> Result<Value, Refusal> {
        let (user, known) = self.find_enrollment(id)?;
        let mut entry = enrollment(user, known);
        // The single one has neither [oas].
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("type");
            entry.remove("auth_method");
        }
        Ok(entry)
    }

    fn find_enrollment(&self, id: &str) -> Result<(&User, &Authenticator), Refusal> {
        let found = self.users.iter().find_map(|user| {
            let known = user.enrolled().iter().find(|known| device(&known.id) == id)?;
            Some((user, known))
        });
        found.ok_or_else(Refusal::no_such_enrollment)
    }

    pub(super) fn delete_enrollment(&mut self, id: &str) -> Result<(), Refusal> {
        let (user, known) = self.find_enrollment(id)?;
        let (user, known) = (user.id.clone(), known.id.clone());
        let user = self.users.get_mut(&user).ok_or_else(Refusal::no_such_enrollment)?;
        user.remove(&known);
        Ok(())
    }

    /// Also for a user who has enrolled nothing \[rec\], though the document lists a 404.
    pub(super) fn regenerate_recovery_code(
        &mut self,
        id: &str,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let user = self.users.get_mut(id).ok_or_else(Refusal::no_such_user)?;
        Ok(json!({"recovery_code": user.regenerate_recovery_code(call.entropy)}))
    }
}

/// Twins are one method \[doc\]. When each was made is not kept: it is told as the day on which
/// the user was.
fn methods(user: &User) -> Vec<Value> {
    let created_at = iso_8601(user.created_at);
    let all = user.enrolled();
    let firsts = all
        .iter()
        .enumerate()
        .filter(|(at, known)| !all[..*at].iter().any(|earlier| earlier.belongs_to(&known.id)));
    let mut entries: Vec<_> = firsts
        .map(|(_, known)| {
            let mut entry = json!({
                "id": method_id(known),
                "type": means_word(&known.means),
                "confirmed": known.is_active(),
            });
            tell_target(&mut entry, &known.means);
            if matches!(entry["type"].as_str(), Some("phone" | "push")) {
                entry["authentication_methods"] = all
                    .iter()
                    .filter(|twin| twin.belongs_to(&known.id))
                    .map(|twin| json!({"id": twin.id, "type": kind(&twin.id)}))
                    .collect();
            }
            entry["created_at"] = json!(created_at);
            entry
        })
        .collect();
    entries.extend(user.recovery_code_id().map(|id| {
        json!({
            "id": id, "type": "recovery-code", "confirmed": all.iter().any(Authenticator::is_active),
            "created_at": created_at,
        })
    }));
    entries
}

/// The words of `authentication-methods`: a number is one, however it is reached \[oas\].
const fn means_word(means: &Means) -> &'static str {
    match means {
        Means::Sent(Channel::Email { .. }) => "email",
        Means::Sent(Channel::Sms { .. } | Channel::Voice { .. }) => "phone",
        Means::Made(_) => "totp",
        Means::Asked(_) => "push",
    }
}

/// Where codes go: a number in clear \[doc\], an address masked but for its first four letters
/// and those of its domain \[rec\].
fn tell_target(entry: &mut Value, means: &Means) {
    match means {
        Means::Sent(channel @ Channel::Email { address }) => {
            let name = address.rsplit_once('@').map_or("", |(name, _)| name);
            let shown: String = name.chars().take(4).collect();
            entry["email"] = json!(format!("{shown}{}", channel.masked()));
        }
        Means::Sent(channel @ (Channel::Sms { number } | Channel::Voice { number })) => {
            entry["phone_number"] = json!(number);
            entry["preferred_authentication_method"] = json!(channel.word());
        }
        Means::Made(_) => {}
        Means::Asked(device) => entry["name"] = json!(device.name),
    }
}

/// An enrolment's id is what an authenticator's ends with: `dev_` and what follows \[rec\].
fn enrollment(user: &User, known: &Authenticator) -> Value {
    let mut entry = json!({
        "id": device(&known.id),
        "status": if known.is_active() { "confirmed" } else { "pending" },
        "type": kind(&known.id),
        "enrolled_at": iso_8601(user.created_at),
    });
    match &known.means {
        // The last two words are not among the document's.
        Means::Sent(Channel::Email { .. } | Channel::Voice { .. }) => {}
        Means::Sent(Channel::Sms { .. }) => entry["auth_method"] = json!("sms"),
        Means::Made(_) => entry["auth_method"] = json!("authenticator"),
        Means::Asked(_) => entry["auth_method"] = json!("guardian"),
    }
    if let Means::Sent(Channel::Sms { number } | Channel::Voice { number }) = &known.means {
        entry["phone_number"] = json!(number);
    }
    entry
}

fn method_id(known: &Authenticator) -> String {
    match means_word(&known.means) {
        "phone" => format!("phone|{}", device(&known.id)),
        _ => known.id.clone(),
    }
}

fn kind(id: &str) -> &str {
    id.split_once('|').map_or(id, |(kind, _)| kind)
}

fn device(id: &str) -> &str {
    id.split_once('|').map_or(id, |(_, device)| device)
}
