//! What a diagnostic must not show of a configuration, though it shows the line: secrets that stand in it, whether they
//! may or not.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::{
    secret::Kind,
    source::{
        suggest,
        yaml::{Data, Node},
    },
};

/// Keys whose values are secret; so are those of names that a slip of the finger makes of them.
const SECRET: [&str; 7] =
    ["secret", "client_secret", "private_key", "password", "code", "authorization", "token"];

/// Keys that are near to those, and not secret.
const PUBLIC: [&str; 4] = ["authentication", "client_id", "codes", "security"];

/// `key: value` in a line, as far as it can be told without reading YAML.
static ENTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"([\w-]+)["']?[ \t]*:[ \t]+(\$\{\w*\}[^,}\n]*|"[^"\n]*"?|'[^'\n]*'?|[^\s,}][^,}\n]*)"#,
    )
    .ok()
});

/// What looks like a key or a token, wherever it stands: of a key in PEM each line does.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[A-Za-z0-9+/_=-]{32,}").ok());

/// A password in a URL.
static IN_URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"://[^/\s@:]*:([^/\s@]+)@").ok());

/// The places, in bytes. The text is looked through as well as the tree: a part that is not YAML, or a key that is there
/// twice, is not in the tree.
pub(super) fn spans(text: &str, document: Option<&Node>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if let Some(document) = document {
        below(document, &mut found);
    }
    for entry in ENTRY.iter().flat_map(|entry| entry.captures_iter(text)) {
        if let (Some(key), Some(value)) = (entry.get(1), entry.get(2))
            && is_secret(key.as_str())
            && !is_variable(value.as_str())
            && !value.as_str().starts_with(['{', '[', '|', '>', '#'])
        {
            found.push(value.range());
        }
    }
    let in_urls = IN_URL.iter().flat_map(|url| url.captures_iter(text));
    found.extend(in_urls.filter_map(|url| Some(url.get(1)?.range())));
    found.extend(TOKEN.iter().flat_map(|token| token.find_iter(text)).map(|token| token.range()));
    found
}

fn below(node: &Node, found: &mut Vec<Range<usize>>) {
    match &node.data {
        Data::Sequence(nodes) => nodes.iter().for_each(|node| below(node, found)),
        Data::Mapping(entries) => {
            for (key, node) in entries {
                let is_collection = matches!(node.data, Data::Mapping(_) | Data::Sequence(_));
                let is_shown =
                    matches!(&node.data, Data::String(text) if is_variable(text)) || is_collection;
                if is_secret(&key.text) && !is_shown {
                    found.push(node.span.start as usize..node.span.end as usize);
                }
                below(node, found);
            }
        }
        _ => {}
    }
}

/// Whether a value under this key is taken for a secret.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let ends = ["-key", "_key", "-token", "-secret"].iter().any(|end| key.ends_with(end));
    ends || key == "key"
        || matches!(Kind::of_field(&key), Some(Kind::Secret | Kind::Password | Kind::TotpSecret))
        || !PUBLIC.contains(&key.as_str()) && suggest(&key, SECRET).is_some()
}

/// Whether nothing stands there but variables.
fn is_variable(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    text.starts_with("${") && text.ends_with('}') && !text[..text.len() - 1].contains('}')
}

#[cfg(test)]
mod tests {
    use super::spans;
    use crate::source::{Sources, yaml};

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for (text, shown) in [
            (
                "client: {id: a, secret: b c, public: true}",
                "client: {id: a, secret: ***, public: true}",
            ),
            ("secret: ${A}\npassword: 'x y'\n", "secret: ${A}\npassword: *****\n"),
            ("secert: abc\nsecret: ab\nsecret: cd\n", "secert: ***\nsecret: **\nsecret: **\n"),
            ("private_key: |\n  ab\n  cd\nx: 1\n", "private_key: |\n  **\n****\nx: 1\n"),
            ("x-api-key: abc\ncodes: {a: b}\nurl: x\n", "x-api-key: ***\ncodes: {a: b}\nurl: x\n"),
            ("client_id: ab\npassword: ${A}\n", "client_id: ab\npassword: ${A}\n"),
            ("url: http://a:b@c/\n", "url: http://a:*@c/\n"),
            ("secret: abc\n - broken: [", "secret: ***\n - broken: ["),
        ] {
            let mut sources = Sources::default();
            let source = sources.add("a.yaml", text);
            let document = yaml::load(source, &sources, &mut Vec::new());
            let found = spans(text, document.as_ref());
            sources.conceal(source, &found);
            assert_eq!(sources.get(source).text(), shown);
        }
    }
}
