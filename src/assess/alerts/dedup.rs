//! Dedup keys: what makes two alerts the same.
//!
//! A template has at most [`KEY_MAX`] bytes of `A-Z a-z 0-9 _ : . -` and the
//! variables `{camera_id}`, `{rule_id}`, `{object_type}`. One with any other
//! variable is replaced by the default template. In the key, which has no more
//! than [`KEY_MAX`] bytes either, everything else becomes `_`.

use crate::domain::{AlertRule, Event};

/// The template of rules that have none of their own.
pub const TEMPLATE_DEFAULT: &str = "{camera_id}:{rule_id}";

/// Longest template and key, bytes (realtime contract 3.4).
pub const KEY_MAX: usize = 255;

/// Whether a text can be a template.
pub fn is_template(text: &str) -> bool {
    let is_allowed = |c: char| is_key_char(c) || matches!(c, '{' | '}');
    !text.is_empty() && text.len() <= KEY_MAX && text.chars().all(is_allowed)
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-')
}

/// The key of an alert of `rule` for `event`.
pub fn key(rule: &AlertRule, event: &Event) -> String {
    let value = |name: &str| match name {
        "camera_id" => Some(event.camera.to_string()),
        "rule_id" => Some(rule.id.to_string()),
        "object_type" => Some(match event.label.as_str() {
            "" => "unknown".to_owned(),
            label => label.to_owned(),
        }),
        _ => None,
    };
    let filled = fill(&rule.dedup_key_template, value);
    let filled = filled.or_else(|| fill(TEMPLATE_DEFAULT, value)).unwrap_or_default();
    let allowed = filled.chars().map(|c| if is_key_char(c) { c } else { '_' });
    allowed.take(KEY_MAX).collect()
}

/// The template with its variables filled in, if all of them have a value.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        out.push_str(text);
        out.push_str(&value(name)?);
        rest = after;
    }
    out.push_str(rest);
    (!rest.contains('}') && !out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, rule};
    use super::*;
    use crate::domain::Label;

    fn key_of(template: &str) -> String {
        let rule = AlertRule { dedup_key_template: template.into(), ..rule("r") };
        let event = Event { label: Label::new("traffic light"), ..event(1, 50) };
        key(&rule, &event).replace(&rule.id.to_string(), "RULE")
    }

    #[test]
    fn variables_are_filled_in() {
        assert_eq!(key_of("{camera_id}:{object_type}:rule1"), "yard:traffic_light:rule1");
        assert_eq!(key_of("x-{rule_id}"), "x-RULE");
        assert_eq!(key_of("all"), "all");
    }

    #[test]
    fn a_template_that_cannot_be_filled_in_makes_way_for_the_default() {
        for template in ["", "{camera}", "{camera_id", "camera_id}", "{}", "{{camera_id}}", "{ab}}"]
        {
            assert_eq!(key_of(template), "yard:RULE", "{template}");
        }
    }

    #[test]
    fn a_key_is_no_longer_than_promised() {
        assert_eq!(key_of(&"{rule_id}".repeat(20)).len(), KEY_MAX - 36 * 7 + 7 * 4);
    }

    #[test]
    fn templates_are_short_and_plain() {
        assert!(is_template(TEMPLATE_DEFAULT) && is_template(&"x".repeat(255)));
        for text in ["", "a b", "ä", "a/b", "\n", &"x".repeat(256)] {
            assert!(!is_template(text), "{text:?}");
        }
    }
}
