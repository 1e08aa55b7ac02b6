//! The steps of a scenario beside what was recorded of them, and the texts of an exchange.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    Recording,
    markdown::{self, block, code},
};
use crate::{
    exchange::message::{Body, Message},
    scenario::{Action, DEFAULT_USER, PushAnswer, Scenario, Step},
    snapshot::{RecordedRequest, RecordedResponse, RecordedStep},
};

/// A step, and what was recorded of it.
#[derive(Clone)]
pub(super) struct Told<'a> {
    /// Its number, from one; clean-up steps count on.
    pub(super) number: usize,
    pub(super) step: &'a Step,
    pub(super) is_cleanup: bool,
    pub(super) recorded: Option<&'a RecordedStep>,
}

/// The recording at this path has other steps than the scenario.
pub(super) struct Misfit(pub(super) String);

/// The steps in order. A recording has those that send and are not left out.
pub(super) fn told<'a>(
    scenario: &'a Scenario,
    recording: Option<&'a Recording>,
) -> Result<Vec<Told<'a>>, Misfit> {
    let steps = scenario.steps.iter().map(|step| (step, false));
    let steps = steps.chain(scenario.cleanup.iter().map(|step| (step, true)));
    let mut recorded = recording.into_iter().flat_map(|recording| &recording.snapshot.steps);
    let misfit = |recording: &Recording| Misfit(recording.path.clone());
    let mut all = Vec::new();
    for (index, (step, is_cleanup)) in steps.enumerate() {
        let is_recorded = step.snapshot && matches!(step.action, Action::Send(_));
        let recorded = match recording {
            Some(recording) if is_recorded => {
                let next = recorded.next().filter(|next| next.step == step.title());
                Some(next.ok_or_else(|| misfit(recording))?)
            }
            _ => None,
        };
        all.push(Told { number: index + 1, step, is_cleanup, recorded });
    }
    match recording {
        Some(recording) if recorded.next().is_some() => Err(misfit(recording)),
        _ => Ok(all),
    }
}

impl Told<'_> {
    /// What it is called, as Markdown.
    pub(super) fn title(&self) -> String {
        let mut title = match (&self.step.action, &self.step.name) {
            (_, Some(name)) => markdown::plain(name),
            (Action::Advance(duration), None) => passes(*duration),
            (Action::Answer(PushAnswer::Accept), None) => "the push is accepted".to_owned(),
            (Action::Answer(PushAnswer::Reject), None) => "the push is rejected".to_owned(),
            (Action::Send(_), None) => self.step.verb.to_owned(),
        };
        if self.step.actor != DEFAULT_USER {
            title = format!("{title}, as {}", markdown::plain(&self.step.actor));
        }
        if self.is_cleanup { format!("{title} (clean-up)") } else { title }
    }
}

/// That time passes, in words.
pub(super) fn passes(duration: Duration) -> String {
    let length = length(duration);
    let verb = if length.starts_with("1 ") { "passes" } else { "pass" };
    format!("{length} {verb}")
}

/// A length of time in words.
pub(super) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (count, unit) = match unit {
        Some((unit, name)) => ((seconds / unit).to_string(), *name),
        None => (duration.as_secs_f64().to_string(), "second"),
    };
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A recorded request as HTTP, and folded away as curl.
pub(super) fn request(request: &RecordedRequest) -> String {
    let message = message(request);
    format!(
        "{}\n<details><summary>curl</summary>\n\n{}\n</details>\n",
        block("http", &message.http()),
        block("sh", &message.curl())
    )
}

/// A recorded response as HTTP.
pub(super) fn response(response: &RecordedResponse) -> String {
    let mut lines = vec![format!("HTTP/1.1 {}", response.status)];
    lines.extend(fields(&response.headers).map(|(name, value)| format!("{name}: {value}")));
    let json = response.json.as_ref().map(|json| format!("{json:#}"));
    lines.extend(json.or(response.text.clone()).into_iter().flat_map(|body| [String::new(), body]));
    block("http", &lines.join("\n"))
}

/// What an answer comes to: its status, and what it refuses or gives.
pub(super) fn outcome(response: &RecordedResponse) -> String {
    let status = response.status;
    match refusal(response) {
        Some((error, _)) if status >= 400 => format!("{status} {error}"),
        _ => match &response.json {
            Some(Value::Array(entries)) => format!("{status}, {} in the list", entries.len()),
            Some(Value::Object(members)) => {
                let given: Vec<_> =
                    GIVEN.into_iter().filter(|name| members.contains_key(*name)).collect();
                if given.is_empty() {
                    status.to_string()
                } else {
                    format!("{status} {}", given.join(", "))
                }
            }
            _ => status.to_string(),
        },
    }
}

/// What an answer may give that the next steps live on.
const GIVEN: [&str; 9] = [
    "mfa_token",
    "oob_code",
    "secret",
    "barcode_uri",
    "recovery_codes",
    "recovery_code",
    "access_token",
    "id_token",
    "refresh_token",
];

/// The error and its description, as the APIs name them.
pub(super) fn refusal(response: &RecordedResponse) -> Option<(&str, Option<&str>)> {
    let body = response.json.as_ref()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    // The Management API has the reason phrase in `error`, and what is meant in `errorCode`.
    let error = text("errorCode").or_else(|| text("error"))?;
    Some((error, text("error_description").or_else(|| text("message"))))
}

/// What the path of one authenticator begins with.
const AUTHENTICATORS: &str = "/mfa/authenticators/";

/// The method and the path of a request without what varies in it.
pub(super) fn endpoint(request: &RecordedRequest) -> String {
    let path = request.path.split('?').next().unwrap_or_default();
    if path.starts_with(AUTHENTICATORS) {
        // Also one that was made up.
        return format!("{} {AUTHENTICATORS}{{authenticator_id}}", request.method);
    }
    let parts = path.split('/').map(|part| match part.find('[') {
        Some(at) => {
            let label = part[at + 1..].split(['#', ']']).next().unwrap_or_default();
            format!("{{{label}}}")
        }
        None => part.to_owned(),
    });
    format!("{} {}", request.method, parts.collect::<Vec<_>>().join("/"))
}

/// The last word of a grant, or nothing where a request is for none.
pub(super) fn grant(request: &RecordedRequest) -> Option<&str> {
    parameter(request, "grant_type")?.as_str()?.rsplit('/').next()
}

/// A parameter of the body.
pub(super) fn parameter<'a>(request: &'a RecordedRequest, name: &str) -> Option<&'a Value> {
    let json = request.json.as_ref().and_then(Value::as_object);
    request.form.as_ref().or(json)?.get(name)
}

/// An answer in a sentence's end, as Markdown: status, error and description.
pub(super) fn answer(response: &RecordedResponse) -> String {
    match refusal(response) {
        Some((error, Some(description))) if response.status >= 400 => {
            format!("{} {}: {}", response.status, code(error), markdown::plain(description))
        }
        Some((error, None)) if response.status >= 400 => {
            format!("{} {}", response.status, code(error))
        }
        _ => outcome(response),
    }
}

fn message(request: &RecordedRequest) -> Message {
    let body = match (&request.form, &request.json, &request.text) {
        (Some(form), ..) => Body::Form(fields(form).collect()),
        (_, Some(json), _) => Body::Json(json.clone()),
        (.., Some(text)) => Body::Text(text.clone()),
        _ => Body::Empty,
    };
    Message {
        method: request.method.clone(),
        host: "[domain#1]".to_owned(),
        path: request.path.clone(),
        headers: fields(&request.headers).collect(),
        body,
    }
}

/// Names with their values; what came several times has a list.
fn fields(map: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.iter().flat_map(move |(name, value)| {
        let values = match value {
            Value::Array(values) => values.iter().map(text).collect(),
            value => vec![text(value)],
        };
        values.into_iter().map(|value| (name.clone(), value))
    })
}
