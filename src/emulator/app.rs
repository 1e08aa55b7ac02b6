//! One-time codes that an app makes from the time: RFC 6238.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret, Totp};

use crate::clock::{Entropy, Timestamp};

/// What the parts of the URI escape: all but what RFC 3986 leaves as it is.
pub(super) const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An authenticator app, as the tenant knows it: by the secret that both have.
#[derive(Clone)]
pub(super) struct App {
    /// In base32.
    secret: String,
    /// The step of the last code that was accepted. Codes of it, and of those before, have had
    /// their time: RFC 6238, section 5.2, and \[guess\] for Auth0.
    last_step: Option<u64>,
}

impl App {
    /// With a secret of its own, of 32 characters \[rec\].
    pub(super) fn new(entropy: &mut dyn Entropy) -> Self {
        Self::with_secret(entropy.text(32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    }

    pub(super) const fn with_secret(secret: String) -> Self {
        Self { secret, last_step: None }
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether its secret is one: base32, and of a byte at least, which takes two characters.
    pub(super) fn makes_codes(&self) -> bool {
        self.secret.len() > 1 && self.totp().is_some()
    }

    /// What the app scans \[rec\].
    pub(super) fn barcode_uri(&self, tenant: &str, user: &str) -> String {
        let [tenant, user] = [tenant, user].map(|text| utf8_percent_encode(text, PART));
        format!(
            "otpauth://totp/{tenant}:{user}?secret={}&issuer={tenant}&algorithm=SHA1&digits=6\
             &period=30",
            self.secret
        )
    }

    /// Takes a code, if it is one of this moment, of the step before or of the one after
    /// \[guess\], and newer than the last. A secret that is none makes no codes.
    pub(super) fn accept(&mut self, code: &str, now: Timestamp) -> bool {
        let Some(step) = self.totp().and_then(|totp| totp.check(code, now.as_secs())) else {
            return false;
        };
        let is_new = self.last_step.is_none_or(|last| last < step);
        if is_new {
            self.last_step = Some(step);
        }
        is_new
    }

    /// Steps of 30 s, SHA1, six digits \[doc\] and one step of tolerance are what the crate has
    /// unless told otherwise, and what the test below holds it to.
    fn totp(&self) -> Option<Totp> {
        let secret = Secret::try_from_base32(&self.secret).ok()?;
        Some(Builder::new().with_secret(secret).build_noncompliant())
    }
}

#[cfg(test)]
mod tests {
    use super::App;
    use crate::clock::{SeededEntropy, Timestamp};

    /// RFC 6238, appendix B, of whose eight digits the last six are these.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const CODES: [(u64, &str); 5] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        let mut app = App::with_secret(SECRET.to_owned());
        for (seconds, code) in CODES {
            assert!(!app.accept("000000", at(seconds)));
            assert!(app.accept(code, at(seconds)), "{code}");
            assert!(!app.accept(code, at(seconds)), "{code} again");
        }
        let (seconds, code) = CODES[0];
        assert!(!app.accept(code, at(seconds)), "older than the last");
    }

    #[test]
    fn a_step_of_tolerance_is_given_either_way() {
        // The code of the step from 30 to 59 seconds.
        for (seconds, accepted) in [(0, true), (29, true), (30, true), (89, true), (90, false)] {
            let mut app = App::with_secret(SECRET.to_owned());
            assert_eq!(app.accept("287082", at(seconds)), accepted, "at {seconds} s");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for code in ["", "28708", "2870820", "+28708", "28708a", "２８"] {
            assert!(!App::with_secret(SECRET.to_owned()).accept(code, at(59)), "{code}");
        }
        for secret in ["", "1", "GEZD GNBV"] {
            assert!(!App::with_secret(secret.to_owned()).makes_codes(), "{secret}");
            assert!(!App::with_secret(secret.to_owned()).accept("287082", at(59)), "{secret}");
        }
    }

    #[test]
    fn a_new_app_is_shown_as_recorded() {
        let app = App::new(&mut SeededEntropy::new(1));
        assert_eq!(app.secret().len(), 32);
        assert_eq!(
            app.barcode_uri("a tenant", "ada+1@example.com"),
            format!(
                "otpauth://totp/a%20tenant:ada%2B1%40example.com?secret={}&issuer=a%20tenant\
                 &algorithm=SHA1&digits=6&period=30",
                app.secret()
            )
        );
    }
}
