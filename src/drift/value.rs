//! Where two JSON values differ, by normalised paths (RFC 9535, section 2.7): `$['factors'][0]`.

use std::fmt::Write as _;

use serde_json::Value;

/// The smallest parts that differ, in the order of `a`, and then what only `b` has. The order of members does not
/// matter; that of elements does.
pub(super) fn differences(
    a: Option<&Value>,
    b: Option<&Value>,
) -> Vec<(String, [Option<Value>; 2])> {
    let mut found = Vec::new();
    collect("$", a, b, &mut found);
    found
}

fn collect(
    path: &str,
    a: Option<&Value>,
    b: Option<&Value>,
    found: &mut Vec<(String, [Option<Value>; 2])>,
) {
    match (a, b) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let only_b = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(only_b) {
                collect(&format!("{path}['{}']", escaped(name)), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                collect(&format!("{path}[{index}]"), a.get(index), b.get(index), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((path.to_owned(), [a.cloned(), b.cloned()])),
    }
}

/// A name as it stands between the quotes of a normalised path.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\'' => text.push_str("\\'"),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Writing to a string cannot fail.
            control @ '\0'..='\u{1f}' => drop(write!(text, "\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::differences;
    use serde_json::{Value, json};

    /// `path: a / b`, with `-` for nothing.
    fn found(a: &Value, b: &Value) -> Vec<String> {
        let side = |side: &Option<Value>| side.as_ref().map_or("-".to_owned(), Value::to_string);
        let shown = |(path, [a, b]): &(String, [Option<Value>; 2])| {
            format!("{path}: {} / {}", side(a), side(b))
        };
        differences(Some(a), Some(b)).iter().map(shown).collect()
    }

    #[test]
    fn members_may_be_missing_and_have_no_order() {
        let a = json!({"error": "a", "same": {"x": 1, "y": null}, "only a": null});
        let b = json!({"same": {"y": null, "x": 1}, "error": "b", "only b": {"z": []}});
        assert_eq!(
            found(&a, &b),
            [r#"$['error']: "a" / "b""#, "$['only a']: null / -", r#"$['only b']: - / {"z":[]}"#]
        );
    }

    #[test]
    fn arrays_may_be_of_other_lengths() {
        let a = json!([{"id": "[authenticator_id#1]"}, [1, 2], 3]);
        let b = json!([{"id": "[authenticator_id#2]"}, [1]]);
        let expected = [
            r#"$[0]['id']: "[authenticator_id#1]" / "[authenticator_id#2]""#,
            "$[1][1]: 2 / -",
            "$[2]: 3 / -",
        ];
        assert_eq!(found(&a, &b), expected);
        assert_eq!(found(&json!([]), &json!({})), ["$: [] / {}"]);
    }

    #[test]
    fn a_number_is_no_text_and_null_is_not_nothing() {
        let a = json!({"expires_in": 86400, "active": true, "n": null});
        let b = json!({"expires_in": "86400", "active": "true", "n": 0});
        let expected = [
            r#"$['expires_in']: 86400 / "86400""#,
            r#"$['active']: true / "true""#,
            "$['n']: null / 0",
        ];
        assert_eq!(found(&a, &b), expected);
        assert_eq!(differences(None, None), []);
        let nothing = differences(None, Some(&Value::Null));
        assert_eq!(nothing, [("$".to_owned(), [None, Some(Value::Null)])]);
    }

    #[test]
    fn paths_are_normalised() {
        let a = json!({"it's": 1, "a\\b": 1, "\u{b}\n": 1, "ü \"": 1});
        let paths: Vec<_> =
            differences(Some(&a), Some(&json!({}))).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [r"$['it\'s']", r"$['a\\b']", r"$['\u000b\n']", "$['ü \"']"]);
    }
}
