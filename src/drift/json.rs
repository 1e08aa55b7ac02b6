//! Drift for other programs: one object, whose form docs/drift.md has.

use serde_json::{Map, Value, json};

use super::{Compared, ComparedStep, Counts, Difference, Drift, Outcome, What, millis};

/// The version of this form. It is raised when a member is renamed, removed or changes its meaning; new members may come
/// at any time.
const VERSION: u32 = 1;

/// All of it, the same scenarios and steps included.
#[must_use]
pub fn json(drift: &Drift) -> Value {
    let [a, b] = &drift.names;
    let Counts { same, differ, skipped } = drift.counts();
    json!({
        "version": VERSION,
        "a": a,
        "b": b,
        "same": same,
        "differ": differ,
        "skipped": skipped,
        "not_run": drift.not_run,
        "seconds": drift.elapsed.as_secs_f64(),
        "scenarios": drift.compared.iter().map(compared).collect::<Vec<_>>(),
    })
}

fn compared(compared: &Compared) -> Value {
    let scenario = &compared.case.scenario;
    let outcome = match compared.outcome() {
        Outcome::Same => "same",
        Outcome::Differs => "differs",
        Outcome::Skipped => "skipped",
    };
    let mut object = json!({
        "id": compared.case.id(),
        "title": scenario.title.value,
        "file": scenario.file,
        "outcome": outcome,
        "verdicts": sides(compared.verdicts.map(Some)),
    });
    if outcome == "skipped" {
        object["reasons"] = sides(compared.skipped.clone());
    } else {
        object["differences"] = compared.differences.iter().map(difference).collect();
        object["steps"] = compared.steps.iter().map(step).collect();
    }
    object
}

fn step(step: &ComparedStep) -> Value {
    json!({
        "step": step.step,
        "title": step.title,
        "request": step.request,
        "milliseconds": sides(step.elapsed.map(|elapsed| elapsed.map(millis))),
        "differences": step.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn difference(difference: &Difference) -> Value {
    let Difference { what, sides } = difference;
    let mut object = Map::from_iter([("what".to_owned(), what.word().into())]);
    match what {
        What::Header(name) => drop(object.insert("name".to_owned(), name.as_str().into())),
        What::Body(path) => drop(object.insert("path".to_owned(), path.as_str().into())),
        _ => {}
    }
    if let Value::Object(sides) = self::sides(sides.clone()) {
        object.extend(sides);
    }
    Value::Object(object)
}

/// `a` and `b`; a side that has nothing is left out, since `null` is something.
fn sides<T: Into<Value>>(sides: [Option<T>; 2]) -> Value {
    let named = ["a", "b"].into_iter().zip(sides);
    let named = named.filter_map(|(name, side)| Some((name.to_owned(), side?.into())));
    Value::Object(named.collect())
}
