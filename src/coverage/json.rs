//! Coverage for other programs. The version is raised when a member is renamed, removed or changes its meaning; new
//! members may come at any time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Coverage, Covered, Seen};

/// The version of this form.
const VERSION: u32 = 1;

/// The whole as one JSON object.
#[must_use]
pub fn json(coverage: &Coverage<'_>) -> Value {
    json!({
        "version": VERSION,
        "covered": coverage.count(),
        "total": coverage.covered.len(),
        "percent": coverage.percent(),
        "uncovered": coverage
            .covered
            .iter()
            .filter(|one| !one.is_covered())
            .map(|one| one.requirement.id.value.as_str())
            .collect::<Vec<_>>(),
        "requirements": coverage.covered.iter().map(covered).collect::<Vec<_>>(),
    })
}

fn covered(covered: &Covered<'_>) -> Value {
    let requirement = covered.requirement;
    let seen: BTreeMap<_, _> =
        covered.seen.iter().map(|(target, one)| (target, seen(one))).collect();
    json!({
        "id": requirement.id.value,
        "statement": requirement.statement,
        "source": requirement.source,
        "confidence": requirement.confidence.to_string(),
        "covered_by": covered.scenarios,
        "seen": seen,
    })
}

fn seen(seen: &Seen<'_>) -> Value {
    json!({
        "held": seen.has_held(),
        "held_at": seen.held,
        "recorded": seen.is_recorded,
        "differs_in": seen.differing,
        "fails_in": seen.failing,
    })
}

#[cfg(test)]
mod tests {
    use super::{Coverage, json};
    use crate::coverage::tests::{catalogue, evidence};

    #[test]
    fn programs_read_what_people_read() {
        let ((requirements, scenarios), evidence) = (catalogue(), evidence());
        let value = json(&Coverage::of(&requirements, &scenarios, &evidence));
        assert_eq!(value["version"], 1);
        assert_eq!(value["percent"], 50.0);
        assert_eq!(value["uncovered"], serde_json::json!(["A-02"]));
        let staging = &value["requirements"][0]["seen"]["staging"];
        assert_eq!(
            *staging,
            serde_json::json!({
                "held": true, "held_at": "2026-02-03", "recorded": true,
                "differs_in": ["a/y"], "fails_in": ["a/x"],
            })
        );
    }
}
