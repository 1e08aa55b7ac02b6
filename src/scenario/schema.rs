//! The JSON Schema of a scenario file, made from the types that read it.

use std::borrow::Cow;

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema,
    transform::transform_subschemas,
};
use serde_json::{Value, json};

use super::{Given, step::StepShape, verb::Verb};
use crate::source::Located;

/// The JSON Schema (draft 2020-12) of a scenario file.
#[must_use]
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(or_a_matrix_name);
    settings.into_generator().into_root_schema_for::<ScenarioShape>()
}

/// `{{ matrix.name }}` may stand for any value, so also for one that is not free text.
fn or_a_matrix_name(schema: &mut Schema) {
    transform_subschemas(&mut or_a_matrix_name, schema);
    if !is_typed(schema) {
        return;
    }
    let name = json!({"type": "string", "pattern": r"^\{\{ *matrix\..*\}\}$"});
    let mut whole = json_schema!({});
    // What an editor shows and fills in stays with the value as a whole.
    for key in ["description", "default"] {
        if let Some(value) = schema.remove(key) {
            whole.insert(key.to_owned(), value);
        }
    }
    let typed = std::mem::take(schema);
    whole.insert("anyOf".to_owned(), json!([typed, name]));
    *schema = whole;
}

/// Whether it is of a word of a list, of a text of a certain shape, or of a number or a flag.
fn is_typed(schema: &Schema) -> bool {
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return true;
    }
    let kinds = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(kind)) => vec![kind.as_str()],
        _ => return false,
    };
    let is_scalar = |kind: &&str| ["boolean", "integer", "number", "null"].contains(kind);
    schema.get("pattern").is_some() || kinds != ["null"] && kinds.iter().all(is_scalar)
}

/// A scenario of countersign: what must be given, and steps in order.
#[derive(JsonSchema)]
#[schemars(title = "countersign scenario", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of a file, for the schema")]
struct ScenarioShape {
    /// One sentence.
    title: String,
    /// What a reader who has never met this edge case has to know.
    summary: Option<String>,
    /// Words to choose the scenario by.
    #[schemars(default)]
    tags: Vec<String>,
    /// Ids of the requirements that the scenario proves.
    #[schemars(default)]
    covers: Vec<String>,
    /// One case for each combination of these values.
    matrix: Option<Matrix>,
    /// What must be there before the first step.
    #[schemars(default)]
    given: Given,
    /// What happens, in order.
    #[schemars(length(min = 1))]
    steps: Vec<StepShape>,
    /// What happens at the end, whatever happened.
    #[schemars(default)]
    cleanup: Vec<StepShape>,
}

struct Matrix;

impl JsonSchema for Matrix {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let scalar = json!({"type": ["string", "number", "boolean", "null"]});
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "array", "minItems": 1, "items": scalar},
        })
    }
}

/// A length of time, as it is written.
pub(super) struct Duration;

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]+(ms|s|m|h))+$",
            "description": "A length of time: `500ms`, `30s`, `6m`, `1h`, or several of them.",
        })
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Of the verbs, a step has exactly one.
pub(super) fn exactly_one_verb(schema: &mut Schema) {
    let required: Vec<Value> = Verb::WORDS.iter().map(|verb| json!({"required": [verb]})).collect();
    schema.insert("oneOf".to_owned(), required.into());
}
