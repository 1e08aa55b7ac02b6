//! Codes.

use std::time::Duration;

use crate::clock::Entropy;

/// How long a code that was sent can be used \[doc\].
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// Six digits, never `000000`: a scenario that needs a wrong code has one that is surely wrong.
pub(super) fn six_digits(entropy: &mut dyn Entropy) -> String {
    format!("{:06}", 1 + entropy.below(999_999))
}

/// Twenty-four capitals and digits \[rec\].
pub(super) fn recovery_code(entropy: &mut dyn Entropy) -> String {
    entropy.text(24, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
}

#[cfg(test)]
mod tests {
    use super::{recovery_code, six_digits};
    use crate::clock::SeededEntropy;

    #[test]
    fn codes_have_their_form() {
        let mut entropy = SeededEntropy::new(7);
        for _ in 0..1000 {
            let code = six_digits(&mut entropy);
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert_ne!(code, "000000");
        }
        let code = recovery_code(&mut entropy);
        assert_eq!(code.len(), 24);
        assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    }
}
