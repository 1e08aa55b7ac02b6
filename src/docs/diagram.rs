//! A scenario as a sequence diagram in Mermaid: what the user, the application, the tenant and the user's devices have to
//! do with each other, from the steps and what was recorded of them.

use super::step::{Told, grant, length, outcome, parameter, passes};
use crate::{
    scenario::{Action, Channel, DEFAULT_USER, Draft, Path, PushAnswer},
    snapshot::RecordedStep,
};

/// The diagram, without a fence.
pub(super) fn diagram(steps: &[Told<'_>]) -> String {
    let mut diagram = Diagram::default();
    for told in steps {
        diagram.step(told);
    }
    let mut lines = vec!["sequenceDiagram".to_owned()];
    for user in &diagram.users {
        lines.push(format!("    actor {} as {}", id(user), safe(&capital(user))));
    }
    lines.push("    participant application as Application".to_owned());
    if diagram.has_tenant {
        lines.push("    participant tenant as Tenant".to_owned());
    }
    for (device, name) in DEVICES {
        if diagram.devices.contains(&device) {
            lines.push(format!("    participant {device} as {name}"));
        }
    }
    lines.extend(diagram.lines.into_iter().map(|line| format!("    {line}")));
    lines.join("\n")
}

const DEVICES: [(&str, &str); 3] =
    [("mailbox", "Mailbox"), ("phone", "Phone"), ("app", "Authenticator app")];

#[derive(Default)]
struct Diagram {
    /// Who takes part, in the order in which they come in.
    users: Vec<String>,
    has_tenant: bool,
    devices: Vec<&'static str>,
    lines: Vec<String>,
}

impl Diagram {
    fn step(&mut self, told: &Told<'_>) {
        let actor = &told.step.actor;
        match &told.step.action {
            Action::Advance(duration) => {
                self.lines.push(format!("Note over application: {}", passes(*duration)));
            }
            Action::Answer(answer) => {
                let word = match answer {
                    PushAnswer::Accept => "accepts",
                    PushAnswer::Reject => "rejects",
                };
                self.user_sends(actor, self::device(Channel::Push), word);
                self.has_tenant = true;
                self.lines.push(format!("phone->>tenant: the user {word}"));
            }
            Action::Send(draft) => self.exchange(told, draft),
        }
    }

    fn exchange(&mut self, told: &Told<'_>, draft: &Draft) {
        let actor = &told.step.actor;
        self.has_tenant = true;
        if let Some(channel) = draft.fetch {
            let device = self.device(channel);
            let user = self.user(actor);
            self.lines.push(format!("{device}->>{user}: the code"));
            self.user_sends(actor, "application", "the code");
        }
        let grant = told.recorded.and_then(|recorded| grant(&recorded.request));
        let has = |name| told.recorded.is_some_and(|one| parameter(&one.request, name).is_some());
        if has("username") && has("password") {
            self.user_sends(actor, "application", "address and password");
        }
        if has("recovery_code") {
            self.user_sends(actor, "application", "a recovery code");
        }
        let sent = match (told.recorded, &draft.path) {
            (Some(recorded), _) => {
                format!("{} {}", recorded.request.method, without_query(&recorded.request.path))
            }
            (None, Path::Fixed(path)) => {
                format!("{} {path}", draft.method.as_literal().unwrap_or_default())
            }
            (None, _) => told.step.verb.to_owned(),
        };
        let grant = grant.map(|grant| format!(" ({grant})")).unwrap_or_default();
        self.lines.push(format!("application->>tenant: {}", safe(&format!("{sent}{grant}"))));
        if let Some(until) = told.step.until {
            let every = length(until.every);
            self.lines.push(format!("Note over application: again every {every} until it holds"));
        }
        match told.recorded {
            None => self.lines.push("tenant-->>application: not recorded".to_owned()),
            Some(recorded) => {
                if let Some((channel, what)) = message(told, recorded) {
                    let device = self.device(channel);
                    self.lines.push(format!("tenant->>{device}: {what}"));
                }
                let outcome = safe(&outcome(&recorded.response));
                self.lines.push(format!("tenant-->>application: {outcome}"));
            }
        }
    }

    fn user_sends(&mut self, actor: &str, to: &'static str, what: &str) {
        if to != "application" && !self.devices.contains(&to) {
            self.devices.push(to);
        }
        let user = self.user(actor);
        self.lines.push(format!("{user}->>{to}: {what}"));
    }

    fn user(&mut self, actor: &str) -> String {
        if !self.users.iter().any(|known| known == actor) {
            self.users.push(actor.to_owned());
        }
        id(actor)
    }

    fn device(&mut self, channel: Channel) -> &'static str {
        let device = self::device(channel);
        if !self.devices.contains(&device) {
            self.devices.push(device);
        }
        device
    }
}

/// What the tenant sends to the user with this answer, and by what: an out-of-band code that it hands out is of a
/// message. Enrolling push sends none: it shows a barcode.
fn message(told: &Told<'_>, recorded: &RecordedStep) -> Option<(Channel, &'static str)> {
    let json = recorded.response.json.as_ref()?;
    json.get("oob_code")?;
    match told.step.channel {
        Channel::Otp => None,
        Channel::Push if json.get("barcode_uri").is_some() => None,
        Channel::Push => Some((Channel::Push, "a push")),
        channel => Some((channel, "a code")),
    }
}

const fn device(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mailbox",
        Channel::Sms | Channel::Voice | Channel::Push => "phone",
        Channel::Otp => "app",
    }
}

/// A name as Mermaid takes it, which no other participant has.
fn id(user: &str) -> String {
    let word: String =
        user.chars().map(|part| if part.is_ascii_alphanumeric() { part } else { '_' }).collect();
    if user == DEFAULT_USER { word } else { format!("user_{word}") }
}

fn capital(user: &str) -> String {
    let mut characters = user.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), characters.as_str())
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

/// A text that ends no line and begins no entity.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '#' => safe.push_str("#35;"),
            ';' => safe.push_str("#59;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '\n' | '\r' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
