//! A step: one verb, and what may stand beside it.

use std::time::Duration;

use schemars::JsonSchema;

use super::{
    draft::Draft,
    expectation::{Expect, Query},
    given::{Channel, DEFAULT_USER, Given},
    schema,
    verb::{
        Captures, Challenge, Confirm, Enroll, Login, Plain, PushAnswer, Refresh, Remove, Request,
        Topic, Verb, Verify,
    },
};
use crate::source::{
    Diagnostic, Located, Span,
    document::{Fields, FromNode, Reader},
    yaml::{Data, Node},
};

/// One action, with what is expected of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The verb.
    pub verb: &'static str,
    /// Where the verb stands.
    pub span: Span,
    /// What the step is for.
    pub name: Option<String>,
    /// The user who acts.
    pub actor: String,
    /// What is done.
    pub action: Action,
    /// The factor that it is about, as far as the steps say.
    pub channel: Channel,
    /// What the verb captures on its own.
    pub captures: Captures,
    /// What is captured besides.
    pub capture: Vec<(Located<String>, Query)>,
    /// What the response must be.
    pub expect: Expect,
    /// To be repeated until that holds.
    pub until: Option<Until>,
    /// Whether the exchange is part of the snapshot.
    pub snapshot: bool,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// It sends a request.
    Send(Box<Draft>),
    /// The user answers a push, on the device.
    Answer(PushAnswer),
    /// It lets time pass.
    Advance(Duration),
}

/// To be repeated, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Until {
    /// The pause between two attempts.
    #[schemars(with = "schema::Duration")]
    pub every: Duration,
    /// The time after which to give up.
    #[schemars(with = "schema::Duration")]
    pub timeout: Duration,
}

impl Step {
    /// What to call it: its name, or else its verb.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(self.verb)
    }
}

impl FromNode for Until {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let every: Option<Duration> = fields.required("every");
        let timeout = fields.required("timeout");
        // Without a pause in between, an emulated clock would stand still for ever.
        if every.is_some_and(|every| every.is_zero())
            && let Some((_, node)) = fields.entry("every")
        {
            let problem = Diagnostic::at(node.span, "there must be a pause before each repetition");
            fields.reader.problem(problem.expected("more than nothing, such as `1s`"));
        }
        fields.finish();
        Some(Self { every: every?, timeout: timeout? })
    }
}

/// A step as it is written.
pub(super) struct StepFile {
    keys: Keys,
    verb: Verb,
    word: &'static str,
    span: Span,
    /// Whether no other verb stands beside it.
    is_single: bool,
}

/// One verb, and what may stand beside it.
#[derive(JsonSchema)]
#[schemars(rename = "Step", deny_unknown_fields, transform = schema::exactly_one_verb)]
#[expect(dead_code, reason = "the shape of a step, for the schema")]
pub(super) struct StepShape {
    #[schemars(flatten)]
    keys: Keys,
    login: Option<Login>,
    enroll: Option<Enroll>,
    confirm: Option<Confirm>,
    challenge: Option<Challenge>,
    verify: Option<Verify>,
    list: Option<Plain>,
    remove: Option<Remove>,
    refresh: Option<Refresh>,
    userinfo: Option<Plain>,
    request: Option<Request>,
    /// Answers the newest push that waits for the user.
    push: Option<PushAnswer>,
    /// Lets time pass.
    advance: Option<schema::Duration>,
}

/// What may stand beside a verb.
#[derive(JsonSchema)]
struct Keys {
    /// What the step is for.
    name: Option<String>,
    /// The user who acts: one of `given.users`.
    #[schemars(rename = "as")]
    actor: Option<Located<String>>,
    /// What the response must be.
    #[schemars(default)]
    expect: Expect,
    /// Names for values of the body, for later steps.
    #[schemars(default, with = "std::collections::BTreeMap<String, Query>")]
    capture: Vec<(Located<String>, Query)>,
    /// Repeats the step until its expectations hold.
    until: Option<Until>,
    /// `false` leaves the step out of the snapshot.
    snapshot: Option<bool>,
}

impl FromNode for StepFile {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let mut verbs = Vec::new();
        for word in Verb::WORDS {
            if let Some((key, node)) = fields.entry(word) {
                verbs.push((word, key.span, Verb::read(word, node, fields.reader)));
            }
        }
        let keys = Keys {
            name: fields.optional("name"),
            actor: fields.optional("as"),
            expect: fields.default("expect"),
            capture: fields.default("capture"),
            until: fields.optional("until"),
            snapshot: fields.optional("snapshot"),
        };
        match verbs.as_slice() {
            [(word @ ("push" | "advance"), ..)] => refuse_judgements(word, &mut fields),
            [_] => {}
            // An unknown key is reported on its own: it may be the verb, misspelt.
            [] if fields.has_unknown() => {}
            [] => {
                let problem =
                    Diagnostic::at(fields.span(), "this step has no verb").one_of("", Verb::WORDS);
                fields.reader.problem(problem);
            }
            [(first, ..), others @ ..] => {
                for (word, span, _) in others {
                    fields.reader.problem(
                        Diagnostic::at(
                            *span,
                            format!("this step has two verbs: `{first}` and `{word}`"),
                        )
                        .hint("make a step of each"),
                    );
                }
            }
        }
        fields.finish();
        let is_single = verbs.len() == 1;
        let (word, span, verb) = verbs.pop()?;
        Some(Self { keys, verb: verb?, word, span, is_single })
    }
}

/// Reports what is about a response, where a step gets none.
fn refuse_judgements(verb: &str, fields: &mut Fields<'_, '_>) {
    for key in ["expect", "capture", "until", "snapshot"] {
        if let Some((key, _)) = fields.entry(key) {
            let message = format!("`{}` has no effect here: `{verb}` sends nothing", key.text);
            let problem = Diagnostic::at(key.span, message);
            fields.reader.problem(problem.hint("move it to a step that sends, or leave it out"));
        }
    }
}

/// Whether these are all the steps of a document, each with one verb.
pub(super) fn are_whole(document: &Node, steps: &[StepFile], cleanup: &[StepFile]) -> bool {
    let Data::Mapping(entries) = &document.data else { return false };
    let written = |name: &str| {
        entries.iter().find(|(key, _)| key.text == name).map_or(0, |(_, node)| match &node.data {
            Data::Sequence(nodes) => nodes.len(),
            _ => 0,
        })
    };
    let all = steps.iter().chain(cleanup);
    steps.len() == written("steps")
        && cleanup.len() == written("cleanup")
        && all.into_iter().all(|step| step.is_single)
}

/// Makes drafts of the verbs, in order: a `confirm` or `verify` is about the factor of the steps before it.
pub(super) fn resolve(
    steps: Vec<StepFile>,
    cleanup: Vec<StepFile>,
    given: &Given,
    reader: &mut Reader<'_>,
) -> (Vec<Step>, Vec<Step>) {
    let mut flows: Vec<Flow> = Vec::new();
    let mut resolve = |steps: Vec<StepFile>| {
        steps.into_iter().map(|step| step.resolve(&mut flows, given, reader)).collect()
    };
    (resolve(steps), resolve(cleanup))
}

/// What a user's next `confirm` or `verify` is about.
struct Flow {
    actor: String,
    channel: Channel,
    /// What it is about once it is no longer about `otp`.
    out_of_band: Channel,
}

impl Flow {
    /// At the start it is about the first factor that the user comes with.
    fn new(actor: &str, given: &Given) -> Self {
        let user = given.users.iter().find(|(name, _)| name.value == actor);
        let user = user.map_or(&given.user, |(_, user)| user);
        let mut enrolled = user.enrolled.iter().map(|enrolled| enrolled.channel.value);
        let channel = enrolled.clone().next().unwrap_or(Channel::Email);
        let out_of_band = enrolled.find(|channel| *channel != Channel::Otp);
        let out_of_band = out_of_band.unwrap_or(Channel::Email);
        Self { actor: actor.to_owned(), channel, out_of_band }
    }

    /// Goes on with a verb.
    fn follow(&mut self, verb: &Verb) -> Channel {
        match verb.topic() {
            Some(Topic::Channel(channel)) => self.channel = channel,
            Some(Topic::OutOfBand) => self.channel = self.out_of_band,
            None => {}
        }
        if self.channel != Channel::Otp {
            self.out_of_band = self.channel;
        }
        self.channel
    }
}

impl StepFile {
    fn resolve(self, flows: &mut Vec<Flow>, given: &Given, reader: &mut Reader<'_>) -> Step {
        let Self { keys, verb, word, span, .. } = self;
        let actor = keys.actor.map_or(DEFAULT_USER.to_owned(), |name| {
            let known = given.users.iter().map(|(known, _)| known.value.as_str());
            if !known.clone().any(|known| known == name.value) {
                reader.problem(
                    Diagnostic::at(name.span, format!("there is no user `{}`", name.value))
                        .one_of(&name.value, known)
                        .or_hint("`given.users` says which there are"),
                );
            }
            name.value
        });
        let position = flows.iter().position(|flow| flow.actor == actor);
        let position = position.unwrap_or_else(|| {
            flows.push(Flow::new(&actor, given));
            flows.len() - 1
        });
        let channel = flows[position].follow(&verb);
        let captures = verb.captures();
        let action = verb.action(span, channel, &given.tenant, reader);
        Step {
            verb: word,
            span,
            name: keys.name,
            actor,
            action,
            channel,
            captures,
            capture: keys.capture,
            expect: keys.expect,
            until: keys.until,
            snapshot: keys.snapshot.unwrap_or(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Channel;
    use crate::{
        scenario::parse,
        source::{Sources, Style, render},
    };

    /// What the last of some steps is about.
    fn topic(enrolled: &str, steps: &str) -> Channel {
        let mut sources = Sources::default();
        let given = format!("given: {{user: {{enrolled: [{enrolled}]}}}}");
        let text = format!("title: t\n{given}\nsteps:\n- login: {{}}\n{steps}\n");
        let source = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let scenarios = parse("a", source, &sources, &mut problems);
        assert!(problems.is_empty(), "{}", render(&problems, &sources, Style::default()));
        scenarios[0].steps.last().unwrap().channel
    }

    #[test]
    fn a_code_is_for_the_factor_of_the_steps_before() {
        let verify = "- verify: {code: x, oob_code: y}";
        for (enrolled, before, channel) in [
            ("", "", Channel::Email),
            ("{channel: otp}", "", Channel::Otp),
            ("{channel: sms}, {channel: otp}", "", Channel::Sms),
            ("{channel: otp}, {channel: sms}", "- challenge: {}\n", Channel::Sms),
            ("{channel: otp}", "- challenge: {challenge_type: oob}\n", Channel::Email),
            ("", "- challenge: {challenge_type: otp}\n", Channel::Otp),
            ("{channel: otp}", "- challenge: {challenge_type: otp oob}\n", Channel::Otp),
            ("{channel: sms}", "- challenge: {channel: voice}\n- list: {}\n", Channel::Voice),
            ("", "- enroll: {channel: otp}\n", Channel::Otp),
            (
                "{channel: sms}",
                "- enroll: {channel: voice}\n- enroll: {channel: otp}\n- challenge: {}\n",
                Channel::Voice,
            ),
        ] {
            let found = topic(enrolled, &format!("{before}{verify}"));
            assert_eq!(found, channel, "{enrolled}: {before}");
        }
    }
}
