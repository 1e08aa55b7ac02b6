//! What was sent, as the control API lists it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::{
    clock::Timestamp,
    emulator::{Effect, PhoneMessage},
};

/// What was sent to an address or number, or to any.
pub(super) fn list(
    sent: &mut dyn Iterator<Item = &(Timestamp, Effect)>,
    to: Option<&str>,
) -> Value {
    let entries = sent.filter(|(_, effect)| to.is_none_or(|to| goes_to(effect, to)));
    entries.map(|(at, effect)| entry(*at, effect)).collect()
}

/// The value of `to`. A `+` is itself: addresses and numbers have it, and no space.
pub(super) fn recipient(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, to) = pairs.find(|(name, _)| *name == "to")?;
    Some(percent_decode_str(to).decode_utf8_lossy())
}

fn goes_to(effect: &Effect, address: &str) -> bool {
    let to = match effect {
        Effect::Email(email) => &email.to,
        Effect::Sms(sent) | Effect::Voice(sent) => &sent.to,
        Effect::Push(push) => &push.to,
    };
    to.eq_ignore_ascii_case(address)
}

fn entry(at: Timestamp, effect: &Effect) -> Value {
    let at = at.as_millis();
    let spoken = |channel: &str, sent: &PhoneMessage| {
        json!({
            "at": at,
            "channel": channel,
            "to": sent.to,
            "code": sent.code,
            "subject": null,
            "text": sent.text,
            "html": null,
        })
    };
    match effect {
        Effect::Email(email) => json!({
            "at": at,
            "channel": "email",
            "to": email.to,
            "code": email.code,
            "subject": email.subject,
            "text": email.text,
            "html": email.html,
        }),
        Effect::Sms(sent) => spoken("sms", sent),
        Effect::Voice(sent) => spoken("voice", sent),
        // There is nothing to read in it: it is answered, by its id.
        Effect::Push(push) => json!({
            "at": at,
            "channel": "push",
            "to": push.to,
            "code": null,
            "subject": null,
            "text": null,
            "html": null,
            "id": push.id,
            "device": push.device,
        }),
    }
}
