//! What a user can be asked for beside the password.

use serde_json::{Value, json};

use super::app::App;
use crate::clock::Entropy;

/// Something that proves who the user is.
#[derive(Clone)]
pub(super) struct Authenticator {
    /// `email|dev_` and sixteen letters and digits \[doc\].
    pub(super) id: String,
    pub(super) means: Means,
    pub(super) state: State,
}

/// How the user gets a code.
#[derive(Clone)]
pub(super) enum Means {
    /// It is sent.
    Sent(Channel),
    /// An app makes it.
    Made(App),
}

/// The way that a code is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Email { address: String },
}

/// Whether its first code has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Associated; listed, but not to be challenged \[doc\].
    Pending,
    /// Confirmed.
    Active,
}

impl Authenticator {
    pub(super) fn new(means: Means, state: State, entropy: &mut dyn Entropy) -> Self {
        Self { id: id(means.word(), entropy), means, state }
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
        }
    }
}

impl Means {
    /// What its ids begin with. The pages say `totp`, a review of an SDK `otp`.
    const fn word(&self) -> &'static str {
        match self {
            Self::Sent(channel) => channel.word(),
            Self::Made(_) => "totp",
        }
    }

    /// The channel, where there is one.
    pub(super) const fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Sent(channel) => Some(channel),
            Self::Made(_) => None,
        }
    }

    /// Its `challenge_type`.
    pub(super) const fn challenge_type(&self) -> &'static str {
        match self {
            Self::Sent(_) => "oob",
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
        }
    }

    /// The address, recognisable to who knows it: `****@exam*******` \[rec\].
    fn masked(&self) -> String {
        match self {
            Self::Email { address } => {
                let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
                let shown = domain.chars().enumerate();
                let shown: String =
                    shown.map(|(at, letter)| if at < 4 { letter } else { '*' }).collect();
                format!("****@{shown}")
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
    const ALPHANUMERICS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    format!("{kind}|dev_{}", entropy.text(16, ALPHANUMERICS))
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
}
