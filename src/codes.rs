//! Where one-time codes come from: messages, read as a person would read them.

use thiserror::Error;

/// A message that reached a mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The address.
    pub to: String,
    /// Its text.
    pub text: String,
}

/// Why there is no code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoCode {
    /// Nothing came for the mailbox.
    #[error("no message with a code has come to the user ({others} to others)")]
    NoMessage {
        /// How many messages there are for other mailboxes.
        others: usize,
    },
    /// A message came, and no code is in it.
    #[error("a message has come, but there are no six digits in it")]
    NoDigits,
}

/// The code in the newest message that reached the mailbox of `address`; a subaddress (`name+detail@domain`)
/// reaches the mailbox of the address without it. `messages` are oldest first.
pub fn newest(messages: &[Message], address: &str) -> Result<String, NoCode> {
    let wanted = mailbox(address);
    messages
        .iter()
        .rev()
        .find(|message| mailbox(&message.to) == wanted)
        .ok_or(NoCode::NoMessage { others: messages.len() })
        .and_then(|message| code(&message.text).ok_or(NoCode::NoDigits))
}

fn mailbox(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let name = local.split('+').next().unwrap_or_default();
    format!("{name}@{domain}").to_lowercase()
}

/// The first six digits that stand by themselves.
fn code(text: &str) -> Option<String> {
    text.split(|character: char| !character.is_ascii_digit())
        .find(|digits| digits.len() == 6)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Message, NoCode, newest};

    #[test]
    fn the_newest_code_for_the_mailbox_counts() {
        let message = |to: &str, text: &str| Message { to: to.to_owned(), text: text.to_owned() };
        let messages = [
            message("ann@x.example", "old: 111111"),
            message("Ann+second@x.example", "order 1234567, code 222222."),
            message("bob@x.example", "333333"),
            message("cay@x.example", "hello"),
        ];
        let find = |to| newest(&messages, to);
        assert_eq!(find("ann@x.example"), Ok("222222".to_owned()));
        assert_eq!(find("dan@x.example"), Err(NoCode::NoMessage { others: 4 }));
        assert_eq!(find("cay@x.example"), Err(NoCode::NoDigits));
    }
}
