//! The exceptions of a tenant: what `countersign.yaml` says of them, held against the snapshots.

use std::collections::BTreeSet;

use crate::{
    config::Exceptions,
    snapshot::{Snapshot, Store, format},
    source::{Diagnostic, Located},
};

/// What is wrong with exceptions to the snapshots of these ids; `needless` are those in which the tenant was seen not to
/// differ.
pub(super) fn warnings(
    target: &str,
    exceptions: &Exceptions,
    store: &Store,
    ids: &BTreeSet<String>,
    needless: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let judged = exceptions.iter().filter(|(id, _)| ids.contains(&id.value));
    judged
        .filter_map(|(id, _)| {
            let (message, hint) = match (needless.contains(&id.value), store.has_own(&id.value)) {
                (true, true) => (
                    format!("`{target}` no longer differs from the snapshot here"),
                    format!("remove the exception, and {}", shown(store, id)),
                ),
                (true, false) => (
                    format!("`{target}` does not differ from the snapshot here"),
                    "remove the exception".to_owned(),
                ),
                (false, true) => return None,
                (false, false) => (
                    format!("there is no snapshot of what `{target}` does here"),
                    missing(target, store, id),
                ),
            };
            Some(Diagnostic::at(id.span, message).warning().hint(hint))
        })
        .collect()
}

fn missing(target: &str, store: &Store, id: &Located<String>) -> String {
    if store.pending_path(&id.value).exists() {
        return "`countersign accept` takes the one that is pending".to_owned();
    }
    format!("`countersign run --target {target} --update new` makes {} pending", shown(store, id))
}

fn shown(store: &Store, id: &Located<String>) -> String {
    store.path(&id.value).display().to_string()
}

/// The ids of exceptions whose snapshot is the shared one: what files alone tell. Those that cannot be read are reported.
pub(super) fn needless(
    exceptions: &Exceptions,
    store: &Store,
    problems: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let mut needless = BTreeSet::new();
    for (id, _) in exceptions.iter().filter(|(id, _)| store.has_own(&id.value)) {
        let fail = |message| Diagnostic::file(shown(store, id), message);
        match store.read(&id.value).map(Option::unwrap_or_default) {
            Err(error) => problems.push(fail(format!("the snapshot cannot be read: {error}"))),
            Ok(own) => {
                if let Err(corrupt) = Snapshot::parse(&own) {
                    problems.push(corrupt.diagnostic(shown(store, id)));
                }
                // Of the shared one a run says what is wrong.
                let shared = store.read_shared(&id.value).ok().flatten();
                if shared.is_some_and(|shared| format::body(&shared) == format::body(&own)) {
                    needless.insert(id.value.clone());
                }
            }
        }
    }
    needless
}
