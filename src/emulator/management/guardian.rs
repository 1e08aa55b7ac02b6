//! `/api/v2/guardian/factors` and `/api/v2/guardian/policies`.

use serde_json::{Value, json};

use super::{Emulator, Refusal, flag, members};
use crate::{
    emulator::{Factor, MfaPolicy},
    exchange::{Content, Request},
};

/// In the order recorded \[rec\]; those without a factor are not emulated, and always off. Text
/// messages and calls are one, told apart by the message types.
const FACTORS: [(&str, Option<Factor>); 8] = [
    ("sms", Some(Factor::Sms)),
    ("push-notification", Some(Factor::Push)),
    ("otp", Some(Factor::Otp)),
    ("email", Some(Factor::Email)),
    ("duo", None),
    ("webauthn-roaming", None),
    ("webauthn-platform", None),
    ("recovery-code", Some(Factor::RecoveryCode)),
];

impl Emulator {
    pub(super) fn factors(&self) -> Value {
        let is_on = |factor: Option<Factor>| match factor {
            Some(Factor::Sms) => self.tenant.has(Factor::Sms) || self.tenant.has(Factor::Voice),
            factor => factor.is_some_and(|factor| self.tenant.has(factor)),
        };
        let entry = |(name, factor): &(&str, Option<Factor>)| json!({"name": name, "enabled": is_on(*factor), "trial_expired": false});
        FACTORS.iter().map(entry).collect()
    }

    /// A dependent factor is switched on while no independent one is on, too: the recordings show
    /// it of e-mail \[rec\], though the pages say that it needs another.
    pub(super) fn set_factor(&mut self, name: &str, request: &Request) -> Result<Value, Refusal> {
        let factor = FACTORS.iter().find(|known| known.0 == name);
        let (_, factor) = factor.ok_or_else(|| Refusal::invalid_body("No enum match: name"))?;
        let members = members(request, &["enabled"])?;
        let enabled = flag(&members, "enabled")?;
        let enabled =
            enabled.ok_or_else(|| Refusal::invalid_body("Missing required property: enabled"))?;
        match (factor, enabled) {
            (None, true) => return Err(Refusal::not_managed(name)),
            (None, false) => {}
            // Which message types it brings is not said; here it is text messages [guess].
            (Some(Factor::Sms), true) if self.tenant.has(Factor::Voice) => {}
            (Some(factor), true) => {
                self.tenant.factors.insert(*factor);
            }
            (Some(factor), false) => {
                self.tenant.factors.remove(factor);
                if *factor == Factor::Sms {
                    self.tenant.factors.remove(&Factor::Voice);
                }
            }
        }
        Ok(json!({"enabled": enabled}))
    }

    pub(super) fn message_types(&self) -> Value {
        let on = [Factor::Sms, Factor::Voice].into_iter().filter(|&factor| self.tenant.has(factor));
        json!({"message_types": on.map(Factor::word).collect::<Vec<_>>()})
    }

    /// The factor is on with its types, and off without any \[guess\]: a tenant keeps the two
    /// apart.
    pub(super) fn set_message_types(&mut self, request: &Request) -> Result<Value, Refusal> {
        let members = members(request, &["message_types"])?;
        let types = members.get("message_types").and_then(Value::as_array);
        let types = types
            .ok_or_else(|| Refusal::invalid_body("Missing required property: message_types"))?;
        let types = types.iter().map(|word| match word.as_str() {
            Some("sms") => Ok(Factor::Sms),
            Some("voice") => Ok(Factor::Voice),
            _ => Err(Refusal::invalid_body("No enum match: message_types")),
        });
        let types = types.collect::<Result<Vec<_>, _>>()?;
        self.tenant.factors.retain(|factor| !matches!(factor, Factor::Sms | Factor::Voice));
        self.tenant.factors.extend(types);
        Ok(self.message_types())
    }

    pub(super) fn policies(&self) -> Value {
        match self.tenant.policy {
            MfaPolicy::Never => json!([]),
            MfaPolicy::Always => json!(["all-applications"]),
        }
    }

    /// `confidence-score` needs Adaptive MFA, which looks at things that the emulator does not
    /// have.
    pub(super) fn set_policies(&mut self, request: &Request) -> Result<Value, Refusal> {
        let Content::Json(Value::Array(policies)) = request.content() else {
            return Err(Refusal::invalid_body("Expected type array"));
        };
        let mut policy = MfaPolicy::Never;
        for word in &policies {
            match word.as_str() {
                Some("all-applications") => policy = MfaPolicy::Always,
                Some("confidence-score") => {
                    return Err(Refusal::not_managed("policy confidence-score"));
                }
                _ => return Err(Refusal::invalid_body("No enum match")),
            }
        }
        self.tenant.policy = policy;
        Ok(self.policies())
    }
}
