//! Coverage as a page, or the summary of a job.

use super::{Coverage, Covered};

/// The counts, what nothing covers, and a table of all.
#[must_use]
pub fn markdown(coverage: &Coverage<'_>) -> String {
    let mut text = format!("# Coverage\n\n{}.\n", coverage.summary());
    let not: Vec<_> = coverage.covered.iter().filter(|one| !one.is_covered()).collect();
    if !not.is_empty() {
        text += "\n## Nothing covers\n\n";
        text.extend(not.into_iter().map(|one| {
            let requirement = one.requirement;
            let (id, statement) = (plain(&requirement.id.value), plain(&requirement.statement));
            format!("- **{id}** \\[{}\\] {statement}\n", requirement.confidence)
        }));
    }
    text += "\n## All requirements\n\n\
             | requirement | statement | source | confidence | covered by | seen |\n\
             | --- | --- | --- | --- | --- | --- |\n";
    text.extend(coverage.covered.iter().map(row));
    text
}

fn row(covered: &Covered<'_>) -> String {
    let requirement = covered.requirement;
    let scenarios: Vec<_> = covered.scenarios.iter().map(|id| plain(id)).collect();
    let seen =
        covered.seen.iter().map(|(target, seen)| plain(&format!("{target}: {}", seen.words())));
    let cells = [
        plain(&requirement.id.value),
        plain(&requirement.statement),
        plain(&requirement.source),
        requirement.confidence.to_string(),
        if scenarios.is_empty() { "**nothing**".to_owned() } else { scenarios.join("<br>") },
        seen.collect::<Vec<_>>().join("<br>"),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// A text that is no markup, and does not end the cell of a table.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '\n' | '\r' => plain.push(' '),
            '|' | '*' | '_' | '[' | ']' | '\\' | '`' | '~' => plain.extend(['\\', character]),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Coverage, markdown};
    use crate::coverage::tests::{catalogue, evidence};

    #[test]
    fn a_row_has_its_cells_whatever_is_in_them() {
        let ((requirements, scenarios), evidence) = (catalogue(), evidence());
        let text = markdown(&Coverage::of(&requirements, &scenarios, &evidence));
        assert!(text.contains("1 of 2 requirements are covered: 50.0 %.\n"), "{text}");
        assert!(text.contains("- **A-02** \\[guess\\] It is not.\n"), "{text}");
        let row = "| A-01 | It \\| is. | a page | documented | a/x<br>a/y | emulator: recorded<br>other: held<br>";
        assert!(text.contains(row), "{text}");
    }
}
