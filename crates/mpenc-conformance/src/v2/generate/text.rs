//! How a file is written: fields one to a line, and lists of cases with one case to a line.

use serde_json::Value;

/// The text of a file.
pub(super) fn file(value: &Value) -> String {
    let Value::Object(fields) = value else { return format!("{value}\n") };
    // What people read first comes first.
    let first = ["format", "provenance", "note"];
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| first.iter().position(|name| name == key).unwrap_or(first.len()));
    let lines: Vec<String> = keys
        .into_iter()
        .filter_map(|key| {
            Some(format!(" {}: {}", Value::from(key.as_str()), list(fields.get(key)?)))
        })
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn list(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let lines: Vec<String> = items.iter().map(|item| format!("  {item}")).collect();
            format!("[\n{}\n ]", lines.join(",\n"))
        }
        Value::Array(_)
        | Value::Object(_)
        | Value::String(_)
        | Value::Number(_)
        | Value::Bool(_)
        | Value::Null => value.to_string(),
    }
}
