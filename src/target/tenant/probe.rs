//! `check --probe`: what a run would find at a tenant, all of it at once. Nothing is changed, and within a minute there is
//! an end, whatever does not answer.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::Mutex, time::timeout};

use super::{
    MARK, around_name, ask,
    finding::{self, Finding, or_none},
    grants::{self, Compared, GRANTS, Told},
    management::Management,
    open::{Field, OpenError},
    settings::Settings,
    tidy,
    wire::Wire,
};
use crate::{
    clock::{AdjustedClock, RunningClock, Stopwatch},
    codes::{Address, Wanted},
    config::{self, Client, Proof, TargetSpec},
    exchange::Retry,
    scenario::{Channel, Scenario},
    secret::Secret,
};

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// When there is an end, whatever is not answered.
const LIMIT: Duration = Duration::from_secs(50);

/// What was found out about a tenant.
pub struct Probed<'a> {
    /// All of it, in the order of the file.
    pub findings: Vec<Finding>,
    spec: &'a TargetSpec,
    settings: Option<Settings>,
}

impl Probed<'_> {
    /// Whether the tenant's settings are known; what is not is taken to be what scenarios ask for.
    #[must_use]
    pub const fn knows_settings(&self) -> bool {
        self.settings.is_some()
    }

    /// Why a run would skip a scenario, if it would, as it would say it.
    #[must_use]
    pub fn skip(&self, scenario: &Scenario) -> Option<String> {
        super::skip(scenario, self.spec, self.settings.as_ref())
    }
}

/// Asks the tenant of this name, and where its codes come from, everything that a run relies on.
pub async fn probe<'a>(name: &str, spec: &'a TargetSpec) -> Probed<'a> {
    let questions = Questions { watch: Stopwatch::start(), name, spec };
    let leftovers = tidy::leftovers(name);
    let alive = leftovers.as_ref().map_or(&[][..], |left| &left.alive);
    let (tenant, codes) = tokio::join!(questions.of_tenant(alive), questions.of_codes());
    let Seen { mut findings, settings, marked } = tenant;
    findings.extend(codes);
    findings.push(finding::of_journals(name, leftovers));
    findings.extend(marked);
    Probed { findings, spec, settings }
}

/// What the tenant itself tells.
#[derive(Default)]
struct Seen {
    findings: Vec<Finding>,
    settings: Option<Settings>,
    /// Of the users that runs have left.
    marked: Option<Finding>,
}

struct Questions<'a> {
    watch: Stopwatch,
    name: &'a str,
    spec: &'a TargetSpec,
}

const NOT_ASKED: &str = "not asked: the tenant cannot be reached";

impl Questions<'_> {
    /// The answer to a question, or that there was none in time, and what was in its way the last time.
    async fn within<T>(
        &self,
        field: Field,
        question: impl AsyncFnOnce(&mut Vec<Retry>) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let limit = PATIENCE.min(LIMIT.saturating_sub(self.watch.elapsed()));
        let mut retries = Vec::new();
        let answer = timeout(limit, question(&mut retries)).await;
        answer.unwrap_or_else(|_| {
            let last = retries.last().map(|retry| format!(" ({})", retry.reason));
            let last = last.unwrap_or_default();
            let message = format!("there was no answer in time{last}");
            Err(OpenError::new(field, message, "see whether the tenant can be reached from here"))
        })
    }

    async fn of_tenant(&self, alive: &[String]) -> Seen {
        let spec = self.spec;
        let mut seen = Seen::default();
        let wire = match ask::wire(spec, 1) {
            Ok(wire) => wire,
            Err(problem) => {
                seen.findings.push(Finding::bad("ca", "certificates", problem));
                return seen;
            }
        };
        let (mut clock, mut reached) = (None, Vec::new());
        let asked = ask::domains(spec).into_iter().map(async |(field, domain)| {
            let discover =
                async |retries: &mut Vec<Retry>| ask::discover(&wire, field, domain, retries).await;
            (field, domain, self.within(field, discover).await)
        });
        for (field, domain, discovered) in join_all(asked).await {
            let part = if field == Field::Domain { "domain" } else { "custom_domain" };
            reached.push(discovered.is_ok());
            match discovered {
                Ok(discovered) => {
                    clock = discovered.clock.or(clock);
                    seen.findings.extend(finding::of_domain(part, domain, &discovered));
                }
                Err(problem) => seen.findings.push(Finding::bad(part, "reachable", problem)),
            }
        }
        seen.findings.push(finding::of_clock(clock));
        // No secret is sent to what is not the tenant; clients have the custom domain, if there is one.
        let is_there = |reached: Option<&bool>| reached.copied().unwrap_or_default();
        let for_clients = is_there(reached.last());
        let for_management = is_there(reached.first());
        let clock = clock.unwrap_or_default();
        let clients = grants::clients(spec).into_iter().map(async |client| {
            let part = part_of(client.0);
            if for_clients {
                self.of_client(&wire, clock, client, part).await
            } else {
                vec![Finding::told(part, "proof", NOT_ASKED)]
            }
        });
        let (clients, managed) = tokio::join!(join_all(clients), async {
            match &spec.management {
                None => {
                    let text = "none: the settings are taken to be what scenarios ask for";
                    Seen {
                        findings: vec![Finding::told("management", "token", text)],
                        ..Seen::default()
                    }
                }
                Some(_) if !for_management => {
                    let finding = Finding::told("management", "token", NOT_ASKED);
                    Seen { findings: vec![finding], ..Seen::default() }
                }
                Some(client) => self.of_management(&wire, client, alive).await,
            }
        });
        seen.findings.extend(clients.into_iter().flatten());
        seen.findings.extend(managed.findings);
        Seen { settings: managed.settings, marked: managed.marked, ..seen }
    }

    /// Whether an application proves itself, and which grants it may use.
    async fn of_client(
        &self,
        wire: &Wire,
        clock: AdjustedClock,
        (field, client): (Field, &Client),
        part: String,
    ) -> Vec<Finding> {
        let mut found = Vec::new();
        for (grant, by) in GRANTS {
            let question = async |retries: &mut Vec<Retry>| {
                grants::try_grant(wire, self.spec, clock, (field, client), by, retries).await
            };
            match self.within(field, question).await {
                // Where the first question is answered with trouble, others are too.
                Ok(Told::Nothing(answer)) if found.is_empty() => {
                    let message = "it cannot be told whether the tenant accepts this application";
                    let message = format!("{message}: the answer was {answer}");
                    let problem = OpenError::new(field, message, "try again");
                    return vec![Finding::bad(part, "proof", problem)];
                }
                Ok(told) => found.push((grant, told)),
                Err(problem) => return vec![Finding::bad(part, "proof", problem)],
            }
        }
        let words = |wanted: fn(&Told) -> bool| -> Vec<_> {
            found.iter().filter(|(_, told)| wanted(told)).map(|(grant, _)| grant.word()).collect()
        };
        let allowed = words(|told| *told == Told::Allowed);
        let denied = words(|told| *told == Told::NotAllowed);
        let proof = match &client.proof {
            Proof::Public => "known, and public".to_owned(),
            proof => format!("accepted, by {}", proof.word()),
        };
        let mut findings = vec![
            Finding::new(&part, "proof", proof),
            Finding::new(&part, "grants", or_none(&allowed)),
        ];
        if !denied.is_empty() {
            findings.push(Finding::told(&part, "not allowed", denied.join(", ")));
        }
        let Compared { denied, unsaid } = Compared::of(client, &found);
        if !denied.is_empty() {
            let why = if client.grants.is_some() {
                "which `grants` has"
            } else {
                "which scenarios take for granted"
            };
            let message = format!("it may not use {}, {why}", denied.join(", "));
            findings.push(Finding::bad(
                &part,
                "grants",
                OpenError::new(field, message, GRANTS_HINT),
            ));
        }
        if !unsaid.is_empty() {
            let message =
                format!("it may use {} too, which `grants` does not have", unsaid.join(", "));
            findings.push(Finding::poor(
                &part,
                "grants",
                OpenError::new(field, message, GRANTS_HINT),
            ));
        }
        for (grant, told) in &found {
            if let Told::Nothing(answer) = told {
                let message =
                    format!("it cannot be told of {}: the answer was {answer}", grant.word());
                findings.push(Finding::poor(
                    &part,
                    "grants",
                    OpenError::new(field, message, "try again"),
                ));
            }
        }
        findings
    }

    async fn of_management(
        &self,
        wire: &Wire,
        client: &config::Management,
        alive: &[String],
    ) -> Seen {
        let spec = self.spec;
        let part = "management";
        let (field, token) = (Field::Management, Mutex::new(None));
        let management = Management::new(wire, &spec.domain, client, &token);
        let may_provision = ask::may_provision(spec);
        let mut seen = Seen::default();
        let question =
            async |retries: &mut Vec<Retry>| ask::scopes(&management, may_provision, retries).await;
        let scopes = match self.within(field, question).await {
            Ok(scopes) => scopes,
            Err(problem) => {
                seen.findings.push(Finding::bad(part, "token", problem));
                return seen;
            }
        };
        seen.findings.push(Finding::new(part, "token", "the tenant gives one"));
        let granted = match (&scopes.missing[..], scopes.others) {
            ([], 0) => format!("all {} that a run needs", scopes.granted.len()),
            ([], others) => {
                format!("all {} that a run needs, and {others} more", scopes.granted.len())
            }
            _ => or_none(&scopes.granted),
        };
        seen.findings.push(Finding::new(part, "scopes", granted));
        if let Some(problem) = scopes.problem() {
            seen.findings.push(Finding::bad(part, "scopes", problem));
            for (scope, cost) in &scopes.missing {
                seen.findings.push(Finding::told(part, "missing", format!("{scope}: {cost}")));
            }
        }
        let can = |scope| scopes.granted.contains(&scope);
        if can("read:guardian_factors") && can("read:mfa_policies") {
            let question =
                async |retries: &mut Vec<Retry>| ask::settings(&management, retries).await;
            match self.within(field, question).await {
                Ok(settings) => {
                    seen.findings.extend(finding::of_settings(spec, &settings));
                    seen.settings = Some(settings);
                }
                Err(problem) => seen.findings.push(Finding::bad("settings", "factors", problem)),
            }
        }
        if can("read:users") {
            let question = async |retries: &mut Vec<Retry>| {
                let marked = tidy::marked(&management, spec, alive, retries).await;
                marked.map_err(|error| ask::of_management(&error))
            };
            seen.marked = Some(match self.within(field, question).await {
                Ok(marked) => finding::of_users(self.name, marked),
                Err(problem) => Finding::poor("leftovers", "users", problem),
            });
        }
        seen
    }

    /// Whether each source of codes can be used.
    async fn of_codes(&self) -> Vec<Finding> {
        let opened: BTreeMap<_, _> = self.spec.open_codes();
        let asked = opened.into_iter().map(async |(channel, opened)| {
            let field = Field::Codes(channel);
            let looked = async {
                let source = ask::source(channel, opened)?;
                let clock = RunningClock::default();
                let looked = match wanted(self.spec, channel) {
                    Some(address) => source.look(Wanted::Message(&address), PATIENCE, &clock).await,
                    None => {
                        source
                            .look(Wanted::App(&Secret::new(String::new())), PATIENCE, &clock)
                            .await
                    }
                };
                looked
                    .map(|messages| finding::shown(&self.spec.codes[&channel], &source, messages))
                    .map_err(|cause| {
                        let message =
                            format!("the codes of `{}` cannot be had: {cause}", channel.word());
                        OpenError::new(
                            field,
                            message,
                            "see the keys of this source in docs/configuration.md",
                        )
                    })
            };
            match looked.await {
                Ok(text) => Finding::new("codes", channel.word(), text),
                Err(problem) => Finding::bad("codes", channel.word(), problem),
            }
        });
        join_all(asked).await
    }
}

const GRANTS_HINT: &str = "in Auth0's dashboard they are on the application's page: Advanced Settings, Grant Types; in \
the file `grants` says which it may use";

/// What names an application in the file.
fn part_of(field: Field) -> String {
    match field {
        Field::Client(Some(number)) => format!("clients[{number}]"),
        _ => "client".to_owned(),
    }
}

/// Whose messages are listed: an address that runs could use. An app has none.
fn wanted(spec: &TargetSpec, channel: Channel) -> Option<Address> {
    let number = || spec.codes.get(&channel)?.addresses.first().cloned();
    match channel {
        Channel::Email => {
            let (before, after) = around_name(spec);
            Some(Address::Email(format!("{before}{MARK}-probe{after}")))
        }
        Channel::Sms => number().map(Address::Sms),
        Channel::Voice => number().map(Address::Voice),
        _ => None,
    }
}
