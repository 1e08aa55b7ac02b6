//! Two texts as a diff for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use similar::{ChangeTag, TextDiff};

use crate::source::Style;

/// The lines that differ, with three around them; `-` is the old text, `+` the new one.
#[must_use]
pub fn diff(old: &str, new: &str, style: Style) -> String {
    // The last line is a line like any other, whether or not it has an end.
    let whole = |text: &str| match text.trim_end_matches('\n') {
        "" => String::new(),
        lines => format!("{lines}\n"),
    };
    let (old, new) = (whole(old), whole(new));
    let diff = TextDiff::from_lines(&old, &new);
    let mut text = String::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "  {}", paint(style, Ansi::new().dimmed(), "..."));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, ansi) = match change.tag() {
                ChangeTag::Delete => ("-", AnsiColor::Red.on_default()),
                ChangeTag::Insert => ("+", AnsiColor::Green.on_default()),
                ChangeTag::Equal => (" ", Ansi::new().dimmed()),
            };
            let line = format!("{sign}{}", change.value().trim_end_matches('\n'));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", paint(style, ansi, &line));
        }
    }
    text
}

/// A text in a colour, where there are colours.
pub(super) fn paint(style: Style, ansi: Ansi, text: &str) -> String {
    if style.color { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
}
