//! What a user can be asked for beside the password.

use serde_json::{Value, json};

use super::{
    app::App,
    tenant::{Factor, Tenant},
};
use crate::clock::Entropy;

/// Something that proves who the user is.
#[derive(Clone)]
pub(super) struct Authenticator {
    /// `email|dev_` and sixteen letters and digits \[doc\].
    pub(super) id: String,
    pub(super) means: Means,
    pub(super) state: State,
    /// The id of the one that came with it, and goes with it.
    twin: Option<String>,
}

/// How the user answers a challenge.
#[derive(Clone)]
pub(super) enum Means {
    /// With a code that is sent.
    Sent(Channel),
    /// With a code that an app makes.
    Made(App),
    /// With yes or no, on a device that a push notification is sent to.
    Asked(Device),
}

/// A telephone with the Guardian app.
#[derive(Clone)]
pub(super) struct Device {
    /// What its owner calls it.
    pub(super) name: String,
    /// The secret of the app on it that makes codes.
    pub(super) app: String,
}

/// The way that a code is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Email { address: String },
    Sms { number: String },
    Voice { number: String },
}

/// Whether its first code has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Associated; listed, but not to be challenged \[doc\].
    Pending,
    /// Confirmed.
    Active,
}

impl Device {
    /// A user's, which has yet to scan a barcode. What its owner calls it is made up.
    pub(super) fn of(email: &str, entropy: &mut dyn Entropy) -> Self {
        let owner = email.split('@').next().unwrap_or_default();
        Self { name: format!("{owner}'s phone"), app: App::new(entropy).secret().to_owned() }
    }
}

impl Authenticator {
    /// One that comes alone.
    pub(super) const fn single(id: String, means: Means, state: State) -> Self {
        Self { id, means, state, twin: None }
    }

    /// One authenticator, and its twin if it has one: SMS and voice for one number come as a pair
    /// where both are on, and push brings an app that makes codes \[doc\].
    pub(super) fn with_twin(
        means: Means,
        state: State,
        tenant: &Tenant,
        entropy: &mut dyn Entropy,
    ) -> Vec<Self> {
        let device = device(entropy);
        let id = |means: &Means, device: &str| format!("{}|{device}", means.word());
        let twin = match &means {
            Means::Sent(channel) => channel
                .twin()
                .filter(|(factor, _)| tenant.has(*factor))
                // The pages show both with the same letters behind `dev_`.
                .map(|(_, channel)| (Means::Sent(channel), device.clone())),
            // Here they differ [rec].
            Means::Asked(asked) => {
                let app = App::with_secret(asked.app.clone());
                Some((Means::Made(app), self::device(entropy)))
            }
            Means::Made(_) => None,
        };
        let own = id(&means, &device);
        let Some((twin, device)) = twin else { return vec![Self::single(own, means, state)] };
        let other = id(&twin, &device);
        vec![
            Self { twin: Some(other.clone()), ..Self::single(own.clone(), means, state) },
            Self { twin: Some(own), ..Self::single(other, twin, state) },
        ]
    }

    /// Whether it is the authenticator of this id, or came with it.
    pub(super) fn belongs_to(&self, id: &str) -> bool {
        self.id == id || self.twin.as_deref() == Some(id)
    }

    /// Whether an association of `other` that was never confirmed makes room for it: one for the
    /// same address or number, or another app or device \[guess\]. The app of a device is none
    /// by itself.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        match (&self.means, &other.means) {
            (Means::Sent(channel), Means::Sent(other)) => channel == other,
            (Means::Made(_), Means::Made(_)) => self.twin.is_none() && other.twin.is_none(),
            (Means::Asked(_), Means::Asked(_)) => true,
            _ => false,
        }
    }

    /// The factor that it is of: the app of a device is there with push \[guess\].
    pub(super) const fn factor(&self) -> Factor {
        match &self.means {
            Means::Sent(Channel::Email { .. }) => Factor::Email,
            Means::Sent(Channel::Sms { .. }) => Factor::Sms,
            Means::Sent(Channel::Voice { .. }) => Factor::Voice,
            Means::Made(_) if self.twin.is_none() => Factor::Otp,
            Means::Made(_) | Means::Asked(_) => Factor::Push,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// As `GET /mfa/authenticators` has it \[rec\].
    pub(super) fn entry(&self) -> Value {
        match &self.means {
            Means::Sent(channel) => json!({
                "id": self.id,
                "authenticator_type": "oob",
                "active": self.is_active(),
                "oob_channel": channel.word(),
                "name": channel.masked(),
            }),
            Means::Made(_) => json!({
                "id": self.id,
                "authenticator_type": "otp",
                "active": self.is_active(),
            }),
            Means::Asked(device) => {
                let mut entry = json!({
                    "id": self.id,
                    "authenticator_type": "oob",
                    "active": self.is_active(),
                    "oob_channel": "auth0",
                });
                // Before it has scanned the barcode it is not known what it is called [rec].
                if self.is_active() {
                    entry["name"] = json!(device.name);
                }
                entry
            }
        }
    }
}

impl Means {
    /// What its ids begin with. The pages say `totp`, a review of an SDK `otp`.
    const fn word(&self) -> &'static str {
        match self {
            Self::Sent(channel) => channel.word(),
            Self::Made(_) => "totp",
            Self::Asked(_) => "push",
        }
    }

    /// The channel, where there is one.
    pub(super) const fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Sent(channel) => Some(channel),
            Self::Made(_) | Self::Asked(_) => None,
        }
    }

    /// Its `oob_channel`, if it is out of band.
    pub(super) const fn oob_channel(&self) -> Option<&'static str> {
        match self {
            Self::Sent(channel) => Some(channel.word()),
            Self::Asked(_) => Some("auth0"),
            Self::Made(_) => None,
        }
    }

    /// Its `challenge_type`.
    pub(super) const fn challenge_type(&self) -> &'static str {
        match self {
            Self::Sent(_) | Self::Asked(_) => "oob",
            Self::Made(_) => "otp",
        }
    }

    /// Whether a token for the MFA audience waits for this factor. It does not for e-mail \[doc\].
    pub(super) const fn guards_the_mfa_audience(&self) -> bool {
        !matches!(self, Self::Sent(Channel::Email { .. }))
    }
}

impl Channel {
    /// The `oob_channel`.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Sms { .. } => "sms",
            Self::Voice { .. } => "voice",
        }
    }

    /// The other way to the same number, with the factor that it is.
    pub(super) fn twin(&self) -> Option<(Factor, Self)> {
        match self {
            Self::Email { .. } => None,
            Self::Sms { number } => Some((Factor::Voice, Self::Voice { number: number.clone() })),
            Self::Voice { number } => Some((Factor::Sms, Self::Sms { number: number.clone() })),
        }
    }

    /// The address or number, recognisable to who knows it: `****@exam*******`, `XXXXXXXXX9167`
    /// \[rec\].
    pub(super) fn masked(&self) -> String {
        match self {
            Self::Email { address } => {
                let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
                let shown = domain.chars().enumerate();
                let shown: String =
                    shown.map(|(at, letter)| if at < 4 { letter } else { '*' }).collect();
                format!("****@{shown}")
            }
            Self::Sms { number } | Self::Voice { number } => {
                let hidden = number.len().saturating_sub(4);
                let shown = number.chars().enumerate();
                shown.map(|(at, digit)| if at < hidden { 'X' } else { digit }).collect()
            }
        }
    }
}

/// The code for the day when nothing else is at hand.
#[derive(Clone)]
pub(super) struct RecoveryCode {
    pub(super) id: String,
    pub(super) code: String,
}

impl RecoveryCode {
    pub(super) fn new(entropy: &mut dyn Entropy) -> Self {
        Self { id: id("recovery-code", entropy), code: super::code::recovery_code(entropy) }
    }

    /// Makes another code of it, and shows it.
    pub(super) fn replace(&mut self, entropy: &mut dyn Entropy) -> String {
        self.code = super::code::recovery_code(entropy);
        self.code.clone()
    }

    /// As `GET /mfa/authenticators` has it \[rec\].
    pub(super) fn entry(&self, active: bool) -> Value {
        json!({"id": self.id, "authenticator_type": "recovery-code", "active": active})
    }
}

/// A fresh id.
pub(super) fn id(kind: &str, entropy: &mut dyn Entropy) -> String {
    format!("{kind}|{}", device(entropy))
}

/// What an id ends with.
fn device(entropy: &mut dyn Entropy) -> String {
    const ALPHANUMERICS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    format!("dev_{}", entropy.text(16, ALPHANUMERICS))
}

#[cfg(test)]
mod tests {
    use super::Channel;

    #[test]
    fn an_address_is_masked_as_recorded() {
        for (address, masked) in [
            ("user@example.com", "****@exam*******"),
            ("a@b.c", "****@b.c"),
            ("ü@münchen.de", "****@münc******"),
        ] {
            assert_eq!(Channel::Email { address: address.into() }.masked(), masked);
        }
    }

    #[test]
    fn a_number_is_masked_as_recorded() {
        for (number, masked) in [("+919876549167", "XXXXXXXXX9167"), ("167", "167")] {
            assert_eq!(Channel::Sms { number: number.into() }.masked(), masked);
            assert_eq!(Channel::Voice { number: number.into() }.masked(), masked);
        }
    }
}
