//! Looking into an inbox until the code is there, and what there is to say if it never comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::{
    Baseline, NoCode, Pattern,
    mail::{Mail, masked},
};
use crate::{
    clock::{self, Clock, Stopwatch, Timestamp},
    secret::Secret,
};

/// A look that takes longer is given up, and begun anew: a connection may have died without a sign.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Something that messages of many users come to.
pub(super) trait Inbox: Sync {
    /// Host and port, for people.
    fn place(&self) -> &str;

    /// How long to wait between two looks.
    fn interval(&self) -> Duration;

    /// How a code is found in a text.
    fn pattern(&self) -> &Pattern;

    /// The messages to `address`, and what else is easily seen. Those in `known` need not be told again; what is
    /// earlier is asked for in the first look only.
    fn look<'a>(
        &'a self,
        address: &'a str,
        since: &'a Baseline,
        known: &'a BTreeSet<String>,
        is_first: bool,
    ) -> BoxFuture<'a, Result<View, Trouble>>;
}

/// What one look shows; the newest first.
#[derive(Default)]
pub(super) struct View {
    /// What came after the baseline.
    pub arrivals: Vec<Arrival>,
    /// Some of what was there before: it is never read for a code.
    pub earlier: Vec<Arrival>,
}

/// A message in an inbox.
pub(super) struct Arrival {
    pub id: String,
    /// When the inbox got it, by its own clock.
    pub received: Option<Timestamp>,
    pub mail: Mail,
}

/// Why an inbox shows nothing.
pub(super) enum Trouble {
    /// Asking again is of no use.
    Refused(String),
    /// It may pass.
    Broken(String),
}

/// Looks until there is a code in a message to `address`, or the limit is over.
pub(super) async fn wait(
    inbox: &dyn Inbox,
    (address, since): (&str, &Baseline),
    limit: Duration,
    clock: &(dyn Clock + Sync),
) -> Result<Secret<String>, NoCode> {
    let watch = Stopwatch::start();
    let left = || limit.saturating_sub(watch.elapsed());
    let mut seen = Seen::default();
    let mut trouble = None;
    loop {
        let granted = left().min(LONGEST_LOOK);
        match timeout(granted, inbox.look(address, since, &seen.known, seen.looks == 0)).await {
            Ok(Ok(view)) => {
                trouble = None;
                if let Some(code) = seen.read(view, address, inbox.pattern()) {
                    return Ok(Secret::new(code));
                }
            }
            Ok(Err(Trouble::Refused(cause))) => return Err(unavailable(inbox, cause)),
            Ok(Err(Trouble::Broken(cause))) => trouble = Some(cause),
            // One that the limit has cut short is nothing to complain of.
            Err(_) if seen.looks == 0 || granted == LONGEST_LOOK => {
                trouble.get_or_insert_with(|| no_answer(granted));
            }
            Err(_) => {}
        }
        if left().is_zero() {
            break;
        }
        clock::wait(inbox.interval().min(left())).await;
    }
    Err(match trouble {
        Some(cause) => unavailable(inbox, cause),
        None => NoCode::NotCome(Box::new(seen.report(address, since, limit, clock.now()))),
    })
}

/// An error for what has not been answered within a limit, or has been answered with trouble.
pub(super) async fn within<T>(
    inbox: &dyn Inbox,
    limit: Duration,
    question: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, NoCode> {
    match timeout(limit, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Trouble::Refused(cause) | Trouble::Broken(cause))) => Err(unavailable(inbox, cause)),
        Err(_) => Err(unavailable(inbox, no_answer(limit))),
    }
}

fn unavailable(inbox: &dyn Inbox, cause: String) -> NoCode {
    NoCode::Unavailable { place: inbox.place().to_owned(), cause }
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {}", Length(limit))
}

/// What all looks together have shown.
#[derive(Default)]
struct Seen {
    looks: usize,
    /// What came since, and was read.
    known: BTreeSet<String>,
    /// Those among it that are to others, counted by their masked addresses.
    others: BTreeMap<String, usize>,
    /// Those among it that are to the address, and have no code in them.
    without_code: usize,
    /// When the newest message was received that is older than the request: any, and to the address.
    earlier: Option<Timestamp>,
    earlier_to_address: Option<Timestamp>,
}

impl Seen {
    /// The code in the newest message to the address that has one.
    fn read(&mut self, view: View, address: &str, pattern: &Pattern) -> Option<String> {
        self.looks += 1;
        for arrival in view.arrivals {
            if !self.known.insert(arrival.id) {
                continue;
            }
            if arrival.mail.is_to(address) {
                if let Some(code) = arrival.mail.code(pattern) {
                    return Some(code);
                }
                self.without_code += 1;
            } else {
                let mail = &arrival.mail;
                let place = mail.to.first().or(mail.delivered_to.first());
                let place = place.map_or_else(|| "nobody".to_owned(), |place| masked(place));
                *self.others.entry(place).or_default() += 1;
            }
        }
        for arrival in view.earlier {
            self.earlier = self.earlier.max(arrival.received);
            if arrival.mail.is_to(address) {
                self.earlier_to_address = self.earlier_to_address.max(arrival.received);
            }
        }
        None
    }

    fn report(self, address: &str, since: &Baseline, limit: Duration, now: Timestamp) -> Waited {
        let age = |received: Timestamp| now.since(received);
        Waited {
            to: masked(address),
            limit,
            looks: self.looks,
            without_code: self.without_code,
            others: self.others,
            before: since.messages(),
            earlier: self.earlier.map(age),
            earlier_to_address: self.earlier_to_address.map(age),
        }
    }
}

/// What was seen while a code was waited for in vain. Addresses are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// To whom the message should have come.
    pub to: String,
    /// How long was waited.
    pub limit: Duration,
    /// How often was looked.
    pub looks: usize,
    /// How many messages came to the address with no code in them.
    pub without_code: usize,
    /// How many came to others since the request, by address.
    pub others: BTreeMap<String, usize>,
    /// How many messages were there before the request.
    pub before: usize,
    /// How old the newest of them is, if that was seen.
    pub earlier: Option<Duration>,
    /// How old the newest of them to the address is.
    pub earlier_to_address: Option<Duration>,
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, limit, looks, without_code, before, .. } = self;
        let messages = |number: usize| if number == 1 { "message" } else { "messages" };
        write!(f, "no code came to {to} within {}; since the request, ", Length(*limit))?;
        if self.others.is_empty() && *without_code == 0 {
            write!(f, "nothing came at all")?;
        } else {
            let others: usize = self.others.values().sum();
            write!(f, "{without_code} {} without a code came to it", messages(*without_code))?;
            write!(f, ", and {others} to others")?;
        }
        // A crowd is no help.
        for (index, (place, number)) in self.others.iter().take(3).enumerate() {
            write!(f, "{}{number} to {place}", if index == 0 { ": " } else { ", " })?;
        }
        write!(f, "; {before} {} older", if *before == 1 { "is" } else { "are" })?;
        if let Some(age) = self.earlier {
            write!(f, ", the newest by {}", Length(age))?;
        }
        if let Some(age) = self.earlier_to_address {
            write!(f, ", the newest to {to} by {}", Length(age))?;
        }
        write!(f, " (looked {looks} {})", if *looks == 1 { "time" } else { "times" })
    }
}

/// A length of time, for people.
struct Length(Duration);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..10 => {
                let rounded = Duration::from_millis(u64::from(self.0.subsec_millis()));
                let rounded = Duration::from_secs(self.0.as_secs()) + rounded;
                write!(f, "{} s", rounded.as_secs_f32())
            }
            seconds @ 10..120 => write!(f, "{seconds} s"),
            seconds @ 120..7200 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::{Arrival, Length, Seen, View};
    use crate::{
        clock::Timestamp,
        codes::{Baseline, Pattern, mail::Mail},
    };

    fn arrival(id: &str, to: &str, text: &str) -> Arrival {
        let mail =
            Mail { to: vec![to.to_owned()], texts: vec![text.to_owned()], ..Mail::default() };
        Arrival { id: id.to_owned(), received: Some(Timestamp::from_millis(60_000)), mail }
    }

    #[test]
    fn the_newest_message_with_a_code_to_the_address_counts() {
        let mut seen = Seen::default();
        let mut read = |arrivals, earlier| {
            seen.read(View { arrivals, earlier }, "ann@x.example", &Pattern::SixDigits)
        };
        assert_eq!(read(vec![], vec![arrival("0", "ann@x.example", "000000")]), None);
        let hello = || arrival("1", "ann@x.example", "hello");
        let other = || arrival("2", "bob@y.example", "222222");
        assert_eq!(read(vec![other(), hello()], vec![]), None);
        let found = read(
            vec![arrival("4", "ann@x.example", "444444"), arrival("3", "ann@x.example", "333333")],
            vec![],
        );
        assert_eq!(found.as_deref(), Some("444444"));
        // What was read is not counted again.
        assert_eq!(read(vec![other(), hello()], vec![]), None);

        let before = BTreeSet::from(["0".to_owned()]);
        let since = Baseline::of_ids(Timestamp::from_millis(0), before);
        let now = Timestamp::from_millis(300_000);
        let report = seen.report("ann@x.example", &since, Duration::from_millis(1500), now);
        assert_eq!(
            report.to_string(),
            "no code came to a***@x*** within 1.5 s; since the request, 1 message without a code came to it, and 1 \
             to others: 1 to b***@y***; 1 is older, the newest by 4 min, the newest to a***@x*** by 4 min (looked \
             4 times)"
        );
    }

    #[test]
    fn lengths_are_for_people() {
        for (millis, text) in [
            (0, "0 s"),
            (9_999, "9.999 s"),
            (10_500, "10 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(Length(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
