//! What was sent, as the control API lists it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::refusal::Refusal;
use crate::{
    clock::Timestamp,
    emulator::{Effect, PhoneMessage},
};

/// Which messages are asked for.
pub(super) struct Wanted<'a> {
    /// To this address or number only.
    to: Option<Cow<'a, str>>,
    /// No more than so many, the newest.
    last: Option<usize>,
}

impl<'a> Wanted<'a> {
    /// Reads a query. A `+` is itself: addresses and numbers have it, and no space.
    pub(super) fn read(query: Option<&'a str>) -> Result<Self, Refusal> {
        let mut wanted = Wanted { to: None, last: None };
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        for (name, value) in pairs {
            match name {
                "to" => wanted.to = Some(percent_decode_str(value).decode_utf8_lossy()),
                "last" => {
                    let text = "`last` is not a number. Expected: one as in `?last=100`";
                    wanted.last = Some(value.parse().map_err(|_| Refusal::invalid(text))?);
                }
                _ => {}
            }
        }
        Ok(wanted)
    }
}

/// What was sent of that, oldest first.
pub(super) fn list(
    sent: &mut dyn DoubleEndedIterator<Item = &(Timestamp, Effect)>,
    wanted: &Wanted<'_>,
) -> Value {
    let to = wanted.to.as_deref();
    let newest_first = sent.rev().filter(|(_, effect)| to.is_none_or(|to| goes_to(effect, to)));
    let kept: Vec<_> = newest_first.take(wanted.last.unwrap_or(usize::MAX)).collect();
    kept.into_iter().rev().map(|(at, effect)| entry(*at, effect)).collect()
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
