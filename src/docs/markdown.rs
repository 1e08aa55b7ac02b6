//! Markdown that reads the same on GitHub and in an mdBook.

/// Adds to a text.
macro_rules! put {
    ($text:ident, $($format:tt)+) => {{
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut $text, format_args!($($format)+));
    }};
}

/// A text that is no markup, but for its `code`.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let has_code = text.matches('`').count().is_multiple_of(2);
    let (mut is_inside, mut before) = (false, ' ');
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().is_some_and(|after| after.is_alphanumeric());
        let in_word = std::mem::replace(&mut before, character).is_alphanumeric() && after;
        match character {
            '`' if has_code => is_inside = !is_inside,
            '\n' | '\r' => {
                escaped.push(' ');
                continue;
            }
            _ if is_inside => {}
            '<' => {
                escaped.push_str("&lt;");
                continue;
            }
            '&' => {
                escaped.push_str("&amp;");
                continue;
            }
            '_' if in_word => {}
            '*' | '_' | '[' | ']' | '\\' | '`' | '~' => escaped.push('\\'),
            _ => {}
        }
        escaped.push(character);
    }
    escaped
}

/// A text as code.
pub(super) fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let longest = text.split(|character| character != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default() + 1);
    // A space beside the fence is taken off again.
    let is_bare = text.is_empty() || text.starts_with('`') || text.ends_with('`');
    let pad = if is_bare { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A link; the text is Markdown already.
pub(super) fn link(text: &str, target: &str) -> String {
    format!("[{text}]({target})")
}

/// A block of code.
pub(super) fn block(language: &str, text: &str) -> String {
    let fence = if text.contains("```") { "````" } else { "```" };
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// A table of cells that are Markdown already.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let rows = rows.into_iter().map(|row| line(&row));
    [line(&head), line(&rule)].into_iter().chain(rows).collect()
}

/// The path from a folder to a page, both below the same root; what a link cannot have is percent-encoded.
pub(super) fn relative(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let common = from.iter().zip(&to[..to.len() - 1]).take_while(|(from, to)| from == to).count();
    let up = "../".repeat(from.len() - common);
    let encoded = |character: char| match character {
        ' ' => "%20".to_owned(),
        '(' => "%28".to_owned(),
        ')' => "%29".to_owned(),
        '%' => "%25".to_owned(),
        '#' => "%23".to_owned(),
        '?' => "%3F".to_owned(),
        other => other.to_string(),
    };
    format!("{up}{}", to[common..].join("/").chars().map(encoded).collect::<String>())
}

/// The anchor of a heading.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|kept| kept.is_alphanumeric() || "-_".contains(*kept)).collect()
}

#[cfg(test)]
mod tests {
    use super::{anchor, block, code, plain, relative, table};

    #[test]
    fn a_text_is_no_markup_but_for_its_code() {
        assert_eq!(plain("a_b _c <d> [guess] `x_*`\nz"), "a_b \\_c &lt;d> \\[guess\\] `x_*` z");
        assert_eq!(plain("one ` alone"), "one \\` alone");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(block("", "```\n"), "````\n```\n````\n");
        assert_eq!(table(&["a"], [vec!["b|c".into()]]), "| a |\n| --- |\n| b\\|c |\n");
    }

    #[test]
    fn links_go_up_as_far_as_they_must() {
        assert_eq!(relative("email", "email/a b.md"), "a%20b.md");
        assert_eq!(relative("email", "errors.md"), "../errors.md");
        assert_eq!(relative("", "email/README.md"), "email/README.md");
        assert_eq!(relative("a/b", "a/c/d.md"), "../c/d.md");
        assert_eq!(anchor("What if, ASSOC-07?"), "what-if-assoc-07");
    }
}
