//! `countersign check`

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use super::{
    Exit, Failure, args::Check, configuration, exceptions, files, output::Output, probe, run,
};
use crate::{
    config::{CodeSource, Proof, TargetSpec},
    plan,
    scenario::Scenario,
    source::Diagnostic,
};

pub(super) fn check(args: &Check, output: &Output) -> Result<Exit, Failure> {
    let mut problems = Vec::new();
    let (mut catalogue, tenants) =
        configuration::load(&args.selection.paths, &[&*args.target], &mut problems)?;
    let selection = files::selection(&args.selection, None, &mut catalogue.sources, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, catalogue.sources));
    }
    let tenant = tenants.into_iter().next().flatten();
    if args.probe && tenant.is_none() {
        let message = format!("there is nothing to ask of `{}`", args.target);
        let hint = "`--target` names a tenant of countersign.yaml";
        return Err(Failure::input(Diagnostic::nowhere(message).hint(hint)));
    }
    let ids: BTreeSet<_> = catalogue.scenarios.iter().map(|one| one.id.clone()).collect();
    if let Some(tenant) = &tenant {
        let exceptions = &tenant.exceptions;
        let names = exceptions.iter().map(|(id, _)| id.value.clone());
        let store = catalogue.store.of(&args.target, names);
        let needless = exceptions::needless(exceptions, &store, &mut problems);
        if !problems.is_empty() {
            return Err(Failure::Input(problems, catalogue.sources));
        }
        let mut warnings = exceptions::warnings(&args.target, exceptions, &store, &ids, &needless);
        if catalogue.whole {
            warnings.extend(run::unused(&store, &ids));
        }
        output.problems(&warnings, &catalogue.sources);
    }
    let selected = selection.select(catalogue.scenarios);
    let count = selected.len();
    if count == 0 {
        return Err(Failure::input(files::nothing_selected()));
    }
    let what = if count == 1 { "scenario is" } else { "scenarios are" };
    let mut text = format!("{count} {what} well-formed\n");
    if let Some(tenant) = tenant.as_ref().filter(|_| args.probe) {
        output.write(&text)?;
        return probe::probe(args, tenant, &selected, &catalogue.sources, output);
    }
    if let Some(tenant) = tenant {
        summarize(&args.target, &tenant, &selected, &mut text);
    }
    output.write(&text)?;
    Ok(Exit::Passed)
}

/// What the file says of a tenant, and what that costs. Secrets are named, not shown.
fn summarize(name: &str, tenant: &TargetSpec, selected: &[Arc<Scenario>], text: &mut String) {
    let proof = match tenant.client.proof {
        Proof::Public => "",
        Proof::SecretPost(_) | Proof::SecretBasic(_) => " with [client_secret]",
        Proof::PrivateKeyJwt(_) => " with [private_key]",
    };
    let codes: Vec<_> = tenant
        .codes
        .iter()
        .map(|(channel, codes)| {
            let from = match &codes.source {
                CodeSource::Imap(imap, _) => format!(" from {}:{}", imap.host, imap.port),
                _ => String::new(),
            };
            format!("{} by {}{from}", channel.word(), codes.source.word())
        })
        .collect();
    let users = match (&tenant.users[..], &tenant.management) {
        ([], _) => "made for each scenario".to_owned(),
        (users, _) => format!("{} that are there", users.len()),
    };
    let management = tenant.management.as_ref().map(|_| "[client_id] with [client_secret]");
    let clients = tenant.clients.len();
    let rate = tenant
        .rate
        .map(|rate| format!("{} requests a second, {} at once", rate.per_second, rate.burst));
    let lines = [
        ("domain", Some(tenant.domain.clone())),
        ("custom domain", tenant.custom_domain.clone()),
        ("client", Some(format!("[client_id], {}{proof}", tenant.client.proof.word()))),
        ("clients", (clients > 0).then(|| format!("{clients} more"))),
        ("audience", tenant.audience.clone()),
        ("realm", Some(tenant.realm.clone())),
        ("management", management.map(ToOwned::to_owned)),
        ("users", Some(users)),
        ("codes", Some(codes.join(", "))),
        ("rate", rate),
        ("max_wait", Some(format!("{:?}", tenant.max_wait))),
        ("production", tenant.production.then(|| "yes".to_owned())),
    ];
    // Writing to a string cannot fail.
    let _ = writeln!(text, "the target `{name}` has what its file must say; nothing was sent");
    for (name, value) in lines {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<14}{value}");
        }
    }
    let gaps: Vec<_> = selected
        .iter()
        .filter_map(|scenario| Some((scenario.id.as_str(), plan::gap(scenario, tenant)?)))
        .collect();
    let _ = writeln!(text, "{} of {} scenarios would be skipped", gaps.len(), selected.len());
    let width = gaps.iter().map(|(id, _)| id.len()).max().unwrap_or_default();
    for (id, reason) in gaps {
        let _ = writeln!(text, "  {id:<width$}  {reason}");
    }
}
