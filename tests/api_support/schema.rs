//! A small validator of JSON Schema: the keywords that our papers use, and a
//! failure at any other, so that nothing is taken for checked that was not.

use serde_json::Value;

/// A document whose references are followed.
pub struct Schemas<'a>(&'a Value);

/// Keywords that say nothing about validity.
const NOTES: [&str; 6] = ["description", "title", "default", "examples", "$schema", "format"];

impl<'a> Schemas<'a> {
    pub fn new(document: &'a Value) -> Self {
        Self(document)
    }

    /// Whether `value` fits `schema`; the error says where it does not.
    pub fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let rules = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Object(rules) => rules,
            other => panic!("{other} is no schema"),
        };
        for (keyword, rule) in rules {
            let fits = match keyword.as_str() {
                "$ref" => {
                    let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    self.check(self.0.pointer(target).unwrap(), value)?;
                    true
                }
                "type" => has_type(rule, value),
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "minItems" => value.as_array().is_none_or(|list| list.len() >= size(rule)),
                "maxItems" => value.as_array().is_none_or(|list| list.len() <= size(rule)),
                "anyOf" => alternatives(rule).any(|one| self.check(one, value).is_ok()),
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(field) = value.get(name) {
                            self.check(schema, field).map_err(|e| format!("{name}: {e}"))?;
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = rules.get("properties").and_then(Value::as_object);
                    for (name, field) in value.as_object().into_iter().flatten() {
                        if known.is_none_or(|known| !known.contains_key(name)) {
                            if *rule == false {
                                return Err(format!("{name} is unknown"));
                            }
                            self.check(rule, field).map_err(|e| format!("{name}: {e}"))?;
                        }
                    }
                    true
                }
                "required" => value.as_object().is_none_or(|fields| {
                    alternatives(rule).all(|name| fields.contains_key(name.as_str().unwrap()))
                }),
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.check(rule, item)?;
                    }
                    true
                }
                note if NOTES.contains(&note) => true,
                other => panic!("the validator does not know {other}"),
            };
            if !fits {
                return Err(format!("{value} breaks {keyword} {rule}"));
            }
        }
        Ok(())
    }
}

fn alternatives(rule: &Value) -> impl Iterator<Item = &Value> {
    rule.as_array().unwrap().iter()
}

fn size(rule: &Value) -> usize {
    rule.as_u64().unwrap() as usize
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the validator does not know the type {other}"),
    };
    rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
}
