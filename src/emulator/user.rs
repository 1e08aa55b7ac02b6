//! A user: credentials, authenticators, and what is counted against them.

use serde_json::{Map, Value, json};

use super::{
    action::FactorType,
    app::App,
    authenticator::{self, Authenticator, Channel, Device, Means, RecoveryCode, State},
    error::Refusal,
    limits::Bucket,
    tenant::{Enrolled, Factor, NewUser, Tenant},
    token::Scope,
};
use crate::{
    clock::{Entropy, Timestamp},
    secret::Secret,
};

/// How many authenticators that were never confirmed a user has at most: whoever tries one address
/// after the other for long does not fill the memory.
const PENDING: usize = 100;

/// A user of the tenant.
#[derive(Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    /// Who was not given one is called by the address \[rec\].
    pub(super) name: Option<String>,
    pub(super) password: Secret<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) user_metadata: Map<String, Value>,
    pub(super) app_metadata: Map<String, Value>,
    /// What was enrolled explicitly, in order.
    authenticators: Vec<Authenticator>,
    /// The id under which the verified address is listed: it must not change from list to list.
    own_address_id: String,
    recovery_code: Option<RecoveryCode>,
    pub(super) failed_codes: Bucket,
    pub(super) failed_recovery_codes: Bucket,
    sent_emails: Bucket,
    /// Text messages and calls.
    sent_messages: Bucket,
    sent_pushes: Bucket,
}

impl User {
    pub(super) fn new(
        user: NewUser,
        tenant: &Tenant,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let mut new = Self {
            id: format!("auth0|{}", entropy.text(24, b"0123456789abcdef")),
            email: user.email,
            email_verified: user.email_verified,
            name: None,
            password: user.password,
            created_at: now,
            updated_at: now,
            user_metadata: Map::new(),
            app_metadata: Map::new(),
            authenticators: Vec::new(),
            own_address_id: authenticator::id("email", entropy),
            recovery_code: None,
            failed_codes: Bucket::new(tenant.limits.failed_codes),
            failed_recovery_codes: Bucket::new(tenant.limits.failed_recovery_codes),
            sent_emails: Bucket::new(tenant.limits.emails),
            sent_messages: Bucket::new(tenant.limits.messages),
            sent_pushes: Bucket::new(tenant.limits.push),
        };
        for enrolled in user.enrolled {
            let means = match enrolled {
                Enrolled::Email { address } => {
                    let address = address.unwrap_or_else(|| new.email.clone());
                    Means::Sent(Channel::Email { address })
                }
                Enrolled::Sms { number } => Means::Sent(Channel::Sms { number }),
                Enrolled::Voice { number } => Means::Sent(Channel::Voice { number }),
                Enrolled::Otp { secret } => Means::Made(App::with_secret(secret.expose().clone())),
                Enrolled::Push { device, secret } => {
                    Means::Asked(Device { name: device, app: secret.expose().clone() })
                }
            };
            // A number may be there already, as the twin of the other channel's.
            new.enroll(means, tenant, entropy);
        }
        new
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.email)
    }

    /// Whether this is the address or the id.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.email.to_lowercase() == name.to_lowercase()
    }

    /// Notes a login, if it is one.
    pub(super) fn log_in(&mut self, password: &str, now: Timestamp) -> bool {
        let right = self.password.expose() == password;
        if right {
            self.updated_at = now;
        }
        right
    }
}

/// Authenticators.
impl User {
    /// What was enrolled explicitly and is of a factor that is on. While a factor is off, what was
    /// enrolled of it is as if it were not there \[guess\]; with the factor it is back.
    fn usable(&self, tenant: &Tenant) -> impl Iterator<Item = &Authenticator> {
        self.authenticators.iter().filter(|known| tenant.has(known.factor()))
    }

    /// Whether a factor that was enrolled explicitly is confirmed. A verified address that is
    /// listed by itself is none \[guess\]: the pages let such a user enrol another address.
    pub(super) fn is_enrolled(&self, tenant: &Tenant) -> bool {
        self.usable(tenant).any(Authenticator::is_active)
    }

    /// Whether a token for the MFA audience needs the second factor first: not without a factor,
    /// nor with e-mail only \[doc\].
    pub(super) fn guards_the_mfa_audience(&self, tenant: &Tenant) -> bool {
        let mut active = self.usable(tenant).filter(|known| known.is_active());
        active.any(|known| known.means.guards_the_mfa_audience())
    }

    /// Everything that a code can come from, or could once it is confirmed: what was enrolled,
    /// then the verified address, which is there by itself while the factor is on \[doc\] and not
    /// enrolled explicitly \[guess\].
    pub(super) fn authenticators(&self, tenant: &Tenant) -> Vec<Authenticator> {
        let mut all: Vec<_> = self.usable(tenant).cloned().collect();
        let own = Channel::Email { address: self.email.clone() };
        let is_own = |known: &Authenticator| known.means.channel() == Some(&own);
        let listed = all.iter().any(|known| known.is_active() && is_own(known));
        if self.email_verified && tenant.has(Factor::Email) && !listed {
            let id = self.own_address_id.clone();
            all.push(Authenticator::single(id, Means::Sent(own), State::Active));
        }
        all
    }

    /// The types of the factors that can be asked for.
    pub(super) fn factor_types(&self, tenant: &Tenant) -> Vec<FactorType> {
        let authenticators = self.authenticators(tenant);
        let active = authenticators.iter().filter(|known| known.is_active());
        let recovery_code = self.has_recovery_code(tenant).then_some(FactorType::RecoveryCode);
        active.map(Authenticator::factor_type).chain(recovery_code).collect()
    }

    /// As `GET /mfa/authenticators` has it: the recovery code stands behind the first
    /// authenticator, which it came with \[rec\].
    pub(super) fn entries(&self, tenant: &Tenant) -> Vec<Value> {
        let typed = |mut entry: Value, factor_type: FactorType| {
            // With customised MFA only [doc].
            if tenant.customize_mfa {
                entry["type"] = json!(factor_type.word());
            }
            entry
        };
        let authenticators = self.authenticators(tenant);
        let entries = authenticators.iter().map(|it| typed(it.entry(), it.factor_type()));
        let mut entries: Vec<_> = entries.collect();
        let is_on = tenant.has(Factor::RecoveryCode);
        if let Some(recovery_code) = self.recovery_code.as_ref().filter(|_| is_on) {
            let first = self.usable(tenant).next().map(|known| known.id.as_str());
            let is_first = |known: &&Authenticator| first.is_some_and(|id| known.belongs_to(id));
            let behind = self.usable(tenant).take_while(is_first).count();
            let entry = recovery_code.entry(self.is_enrolled(tenant));
            entries.insert(behind, typed(entry, FactorType::RecoveryCode));
        }
        entries
    }

    /// Adds an authenticator that has yet to be confirmed, and its twin if it has one, in place of
    /// what never was and makes room, with the twin of that; gives its id.
    pub(super) fn associate(
        &mut self,
        means: Means,
        tenant: &Tenant,
        entropy: &mut dyn Entropy,
    ) -> String {
        let pair = Authenticator::with_twin(means, State::Pending, tenant, entropy);
        let id = pair[0].id.clone();
        let old = self.authenticators.iter().filter(|known| !known.is_active());
        let old = old.filter(|known| pair.iter().any(|new| new.replaces(known)));
        let old: Vec<_> = old.map(|known| known.id.clone()).collect();
        let goes = |known: &Authenticator| old.iter().any(|id| known.belongs_to(id));
        let end = self.authenticators.len();
        let at = self.authenticators.iter().position(goes).unwrap_or(end);
        self.authenticators.retain(|known| !goes(known));
        self.authenticators.splice(at..at, pair);
        self.forget_pending();
        id
    }

    /// Of what was never confirmed only the newest is kept.
    fn forget_pending(&mut self) {
        let pending = |known: &&Authenticator| !known.is_active();
        while self.authenticators.iter().filter(pending).count() > PENDING
            && let Some(oldest) = self.authenticators.iter().find(pending)
        {
            let id = oldest.id.clone();
            self.authenticators.retain(|known| !known.belongs_to(&id));
        }
    }

    /// The code that comes with the first association, confirmed or not \[doc; rec, inferred\].
    /// To be asked before the association.
    pub(super) fn first_recovery_code(
        &mut self,
        tenant: &Tenant,
        entropy: &mut dyn Entropy,
    ) -> Option<String> {
        let first = self.authenticators.is_empty() && self.recovery_code.is_none();
        if !first || !tenant.has(Factor::RecoveryCode) {
            return None;
        }
        let new = self.recovery_code.insert(RecoveryCode::new(entropy));
        Some(new.code.clone())
    }

    /// The apps that make codes, or could once they are confirmed, with their ids.
    pub(super) fn apps(
        &mut self,
        tenant: &Tenant,
    ) -> impl Iterator<Item = (&str, State, &mut App)> {
        let usable = self.authenticators.iter_mut().filter(|known| tenant.has(known.factor()));
        usable.filter_map(|known| match &mut known.means {
            Means::Sent(_) | Means::Asked(_) => None,
            Means::Made(app) => Some((known.id.as_str(), known.state, app)),
        })
    }

    /// The code has come back, or the device has answered: that proves the number or the device,
    /// and so is worth as much for the twin \[guess\].
    pub(super) fn activate(&mut self, id: &str) {
        for known in self.authenticators.iter_mut().filter(|known| known.belongs_to(id)) {
            known.state = State::Active;
        }
    }

    /// Removes what was enrolled explicitly, its twin with it \[doc\], or the recovery code
    /// \[guess\]; says whether it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        if self.authenticators.iter().any(|known| known.id == id) {
            self.authenticators.retain(|known| !known.belongs_to(id));
            return true;
        }
        self.recovery_code.take_if(|known| known.id == id).is_some()
    }

    /// What was enrolled explicitly, in order.
    pub(super) fn enrolled(&self) -> &[Authenticator] {
        &self.authenticators
    }

    /// Adds an authenticator that is confirmed already, and its twin if it has one; gives it,
    /// unless the address or number is there already.
    pub(super) fn enroll(
        &mut self,
        means: Means,
        tenant: &Tenant,
        entropy: &mut dyn Entropy,
    ) -> Option<&Authenticator> {
        let mut known = self.authenticators.iter().filter(|known| known.is_active());
        if known.any(|known| means.channel().is_some() && known.means.channel() == means.channel())
        {
            return None;
        }
        let at = self.authenticators.len();
        self.authenticators.extend(Authenticator::with_twin(means, State::Active, tenant, entropy));
        self.authenticators.get(at)
    }

    /// Removes everything that was enrolled, and the recovery code.
    pub(super) fn remove_all(&mut self) {
        self.authenticators.clear();
        self.recovery_code = None;
    }

    pub(super) fn recovery_code_id(&self) -> Option<&str> {
        self.recovery_code.as_ref().map(|known| known.id.as_str())
    }

    /// Makes a recovery code in place of any that there was.
    pub(super) fn regenerate_recovery_code(&mut self, entropy: &mut dyn Entropy) -> String {
        match &mut self.recovery_code {
            Some(known) => known.replace(entropy),
            none => none.insert(RecoveryCode::new(entropy)).code.clone(),
        }
    }

    /// Whether there is a recovery code that can be used: like any inactive entry it cannot before
    /// the first factor is confirmed, nor while recovery codes are off \[guess\].
    fn has_recovery_code(&self, tenant: &Tenant) -> bool {
        self.recovery_code.is_some() && tenant.has(Factor::RecoveryCode) && self.is_enrolled(tenant)
    }

    /// The recovery code, while it can be used.
    pub(super) fn recovery_code(&mut self, tenant: &Tenant) -> Option<&mut RecoveryCode> {
        if self.has_recovery_code(tenant) { self.recovery_code.as_mut() } else { None }
    }
}

/// Messages.
impl User {
    /// Counts one more that is sent, if it may be.
    pub(super) fn count(&mut self, means: &Means, now: Timestamp) -> Result<(), Refusal> {
        let (bucket, refusal): (_, fn() -> Refusal) = match means {
            Means::Sent(Channel::Email { .. }) => (&mut self.sent_emails, Refusal::too_many_emails),
            Means::Sent(Channel::Sms { .. } | Channel::Voice { .. }) => {
                (&mut self.sent_messages, Refusal::too_many_messages)
            }
            Means::Asked(_) => (&mut self.sent_pushes, Refusal::too_many_pushes),
            Means::Made(_) => return Ok(()),
        };
        if bucket.is_empty(now) {
            return Err(refusal());
        }
        bucket.take(now);
        Ok(())
    }
}

/// Claims.
impl User {
    /// The claims of an ID token and of `/userinfo`, in the order recorded there \[rec\].
    pub(super) fn claims(&self, scope: &Scope) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".into(), json!(self.id));
        if scope.has("profile") {
            let nickname = self.email.split('@').next().unwrap_or_default();
            let letters = nickname.chars().filter(char::is_ascii_alphanumeric).take(2);
            let letters = letters.collect::<String>().to_ascii_lowercase();
            claims.insert("nickname".into(), json!(nickname));
            claims.insert("name".into(), json!(self.name()));
            // Auth0's own fallback picture. What comes before it, Gravatar, wants a digest.
            let picture = format!("https://cdn.auth0.com/avatars/{letters}.png");
            claims.insert("picture".into(), json!(picture));
            claims.insert("updated_at".into(), json!(iso_8601(self.updated_at)));
        }
        if scope.has("email") {
            claims.insert("email".into(), json!(self.email));
            claims.insert("email_verified".into(), json!(self.email_verified));
        }
        claims
    }
}

/// A moment in UTC, to the millisecond. The days are counted from a March, so that the leap day is
/// the last of its year.
pub(super) fn iso_8601(moment: Timestamp) -> String {
    let (days, seconds) = (moment.as_secs() / 86_400, moment.as_secs() % 86_400);
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        moment.as_millis() % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::iso_8601;
    use crate::clock::Timestamp;

    #[test]
    fn moments_are_dates() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_735_689_600_000, "2025-01-01T00:00:00.000Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(iso_8601(Timestamp::from_millis(millis)), text);
        }
    }
}
