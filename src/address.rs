//! Where people are reached: what is an e-mail address, and what a phone number.

/// Whether this could be an e-mail address: something on either side of one `@`, and no space.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@')
    }) && !text.contains(char::is_whitespace)
}

/// Whether a number is one of E.164: a plus, a country's code, fifteen digits at most. Fewer than
/// seven are too few for any country \[guess\].
#[must_use]
pub fn is_phone_number(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::{is_address, is_phone_number};

    #[test]
    fn addresses_have_two_sides() {
        assert!(is_address("ada+1@example.com"));
        for text in ["", "nonsense", "@b", "a@", "a@@b", "a@b@c", "a b@c", "a@b "] {
            assert!(!is_address(text), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_e_164() {
        for (number, is_one) in [
            ("+15551234567", true),
            ("+4930901820", true),
            ("+123456789012345", true),
            ("+1234567890123456", false),
            ("+155512", false),
            ("+05551234567", false),
            ("15551234567", false),
            ("+1 555 123 4567", false),
            ("+1555123456a", false),
            ("+１５５５１２３", false),
            ("", false),
        ] {
            assert_eq!(is_phone_number(number), is_one, "{number}");
        }
    }
}
