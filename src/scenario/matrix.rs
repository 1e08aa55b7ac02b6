//! `matrix`: one document for each combination of its values, before anything else is read.

use super::template::place;
use crate::source::{
    Diagnostic, Located, Span,
    document::{FromNode, Reader},
    yaml::{Data, Key, Node},
};

/// More combinations than this are a mistake.
const MAX_CASES: usize = 1000;
/// And so are more values than this in all of them.
const MAX_NODES: usize = 500_000;
/// A longer value is cut in an id, which names a file.
const LONGEST_PART: usize = 40;

/// Whether a matrix name is left in a text: one that the matrix does not have, which is reported already.
pub(crate) fn is_name(node: &Node) -> bool {
    matches!(&node.data, Data::String(text) if text.contains("{{ matrix.") || text.contains("{{matrix."))
}

/// The document for every combination, with what its id ends in: nothing, or `[email,sms]`.
pub(super) fn expand(document: Node, reader: &mut Reader<'_>) -> Vec<(String, Node)> {
    let Data::Mapping(entries) = &document.data else { return vec![(String::new(), document)] };
    let matrix = entries.iter().find(|(key, _)| key.text == "matrix");
    let variables: Option<Vec<(Located<String>, Vec<Node>)>> =
        matrix.and_then(|(_, node)| FromNode::from_node(node, reader));
    let names = variables.iter().flatten().map(|(name, _)| name.value.as_str());
    check_names(&document, &names.collect::<Vec<_>>(), reader);
    let (Some((key, _)), Some(variables)) = (matrix, variables) else {
        return vec![(String::new(), document)];
    };
    let nodes = document.count();
    let Some(combinations) = combinations(&variables, nodes, key.span, reader) else {
        // The document is still read, for its other problems: with the first value of each variable.
        let first: Vec<_> = variables
            .iter()
            .filter_map(|(name, values)| Some((name.value.as_str(), values.first()?)))
            .collect();
        return vec![(String::new(), substitute(&document, &first))];
    };
    combinations
        .iter()
        .map(|combination| {
            let values: Vec<_> =
                combination.iter().map(|(_, node)| part_of_id(&text(node))).collect();
            (format!("[{}]", values.join(",")), substitute(&document, combination))
        })
        .collect()
}

/// Reports the names that the matrix does not have.
fn check_names(node: &Node, names: &[&str], reader: &mut Reader<'_>) {
    let mut check = |text: &str, span: Span| {
        for part in text.split("{{").skip(1) {
            let inner = part.split("}}").next().unwrap_or_default();
            let Some(name) = inner.trim().strip_prefix("matrix.") else { continue };
            if !names.contains(&name) {
                let span = place(span, &format!("{{{{{inner}}}}}"), reader);
                reader.problem(
                    Diagnostic::at(span, format!("the matrix has no `{name}`"))
                        .one_of(name, names.iter().copied())
                        .or_hint("`matrix` gives names their values"),
                );
            }
        }
    };
    match &node.data {
        Data::String(text) => check(text, node.span),
        Data::Sequence(nodes) => {
            for node in nodes {
                check_names(node, names, reader);
            }
        }
        Data::Mapping(entries) => {
            for (key, _) in entries {
                check(&key.text, key.span);
            }
            for (_, node) in entries {
                check_names(node, names, reader);
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) => {}
    }
}

impl FromNode for Node {
    fn from_node(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(node.clone())
    }
}

/// A value as a part of an id, and so of the name of a file.
fn part_of_id(value: &str) -> String {
    let safe = |next: char| !next.is_control() && !matches!(next, '/' | '\\' | ':');
    let cut = value.chars().take(LONGEST_PART);
    cut.map(|next| if safe(next) { next } else { '_' }).collect()
}

type Combination<'a> = Vec<(&'a str, &'a Node)>;

fn combinations<'a>(
    variables: &'a [(Located<String>, Vec<Node>)],
    nodes: usize,
    span: Span,
    reader: &mut Reader<'_>,
) -> Option<Vec<Combination<'a>>> {
    let before = reader.problems.len();
    if variables.is_empty() {
        reader.problem(
            Diagnostic::at(span, "the matrix has no values")
                .expected("names with lists of values, such as `{channel: [email, sms]}`"),
        );
    }
    for (name, values) in variables {
        if values.is_empty() {
            reader.problem(
                Diagnostic::at(name.span, format!("`{}` has no values", name.value))
                    .expected("at least one"),
            );
        }
        for (index, value) in values.iter().enumerate() {
            if values[..index].iter().any(|earlier| text(earlier) == text(value)) {
                let message = format!("`{}` has this value twice", name.value);
                reader.problem(Diagnostic::at(value.span, message));
            }
            if matches!(value.data, Data::Sequence(_) | Data::Mapping(_)) {
                reader.wrong_type::<()>(value, "a text, a number or a flag");
            }
        }
    }
    let count = variables.iter().try_fold(1_usize, |count, (_, values)| {
        count.checked_mul(values.len()).filter(|count| *count <= MAX_CASES.min(MAX_NODES / nodes))
    });
    if count.is_none() {
        reader.problem(
            Diagnostic::at(span, "the matrix has too many combinations")
                .expected(format!("at most {}", MAX_CASES.min(MAX_NODES / nodes))),
        );
    }
    if reader.problems.len() > before {
        return None;
    }
    Some(variables.iter().fold(vec![Vec::new()], |combinations, (name, values)| {
        combinations
            .iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut combination = combination.clone();
                    combination.push((name.value.as_str(), value));
                    combination
                })
            })
            .collect()
    }))
}

/// The same document with `{{ matrix.name }}` replaced in every text and key; alone in a text, by the value with its type.
fn substitute(node: &Node, combination: &[(&str, &Node)]) -> Node {
    let data = match &node.data {
        Data::String(text) if text.contains("matrix.") => {
            return Node { data: substitute_text(text, combination), span: node.span };
        }
        Data::Sequence(nodes) => {
            Data::Sequence(nodes.iter().map(|node| substitute(node, combination)).collect())
        }
        Data::Mapping(entries) => Data::Mapping(
            entries
                .iter()
                .map(|(key, node)| {
                    (substitute_key(key, combination), substitute(node, combination))
                })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { data, span: node.span }
}

fn substitute_key(key: &Key, combination: &[(&str, &Node)]) -> Key {
    match substitute_text(&key.text, combination) {
        Data::String(text) => Key { text, span: key.span },
        // A whole key that is a number or a flag is that value's text.
        data => Key { text: text(&Node { data, span: key.span }), span: key.span },
    }
}

fn substitute_text(text: &str, combination: &[(&str, &Node)]) -> Data {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, after)) = after.split_once("}}") else { break };
        let name = inner.trim().strip_prefix("matrix.");
        let value = name.and_then(|name| combination.iter().find(|(known, _)| *known == name));
        result += before;
        match value {
            Some((_, node)) if before.is_empty() && result.is_empty() && after.is_empty() => {
                return node.data.clone();
            }
            Some((_, node)) => result += &self::text(node),
            // Not ours, or unknown.
            None => result.extend(["{{", inner, "}}"]),
        }
        rest = after;
    }
    Data::String(result + rest)
}

fn text(node: &Node) -> String {
    match node.to_json() {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        scenario::{Action, Body, Scenario, parse},
        source::{Diagnostic, Sources},
    };

    fn read(text: &str) -> (Vec<Scenario>, Vec<Diagnostic>) {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        (parse("f/a", source, &sources, &mut problems), problems)
    }

    #[test]
    fn each_combination_is_a_scenario_with_typed_values() {
        let (scenarios, problems) = read(
            "title: on {{ matrix.channel }}\nmatrix: {channel: [email, sms], n: [1, true, null]}\n\
             steps:\n- request:\n    method: POST\n    path: /x\n    json: ['{{ matrix.n }}', 'a{{ matrix.n }}']\n",
        );
        assert_eq!(problems, []);
        let seen: Vec<_> = scenarios
            .iter()
            .map(|scenario| {
                let Action::Send(draft) = &scenario.steps[0].action else { panic!("it sends") };
                let Body::Json(json) = &draft.body else { panic!("it is JSON") };
                format!("{} {} {json}", scenario.id, scenario.title.value)
            })
            .collect();
        assert_eq!(
            seen,
            [
                r#"f/a[email,1] on email [1,"a1"]"#,
                r#"f/a[email,true] on email [true,"atrue"]"#,
                r#"f/a[email,null] on email [null,"anull"]"#,
                r#"f/a[sms,1] on sms [1,"a1"]"#,
                r#"f/a[sms,true] on sms [true,"atrue"]"#,
                r#"f/a[sms,null] on sms [null,"anull"]"#,
            ]
        );
    }

    #[test]
    fn a_matrix_that_is_none_is_refused_once() {
        for (matrix, message) in [
            ("{}", "the matrix has no values"),
            ("{a: []}", "`a` has no values"),
            ("{a: [{b: 1}]}", "expected a text, a number or a flag"),
        ] {
            let (scenarios, problems) =
                read(&format!("title: t\nmatrix: {matrix}\nsteps: [{{login: {{}}}}]\n"));
            assert!(scenarios.is_empty());
            assert_eq!(problems.len(), 1, "{matrix}: {problems:?}");
            let said = format!("{:?}", problems[0]);
            assert!(said.contains(message.trim_start_matches("expected ")), "{said}");
        }
        let many: Vec<_> = (0..40).map(|number| number.to_string()).collect();
        let many = many.join(", ");
        let (_, problems) = read(&format!(
            "title: t\nmatrix: {{a: [{many}], b: [{many}]}}\nsteps: [{{login: {{}}}}]\n"
        ));
        assert_eq!(problems[0].message, "the matrix has too many combinations");
    }
}
