//! Values of properties as they are written: lower-case hex without padding, and
//! whatever clients write instead: hex, decimal, or a label.
//!
//! Labels are compared without regard to case, with space and `_` as `-`
//! (contract section 4). Nothing here asks a camera.

use crate::capture::{ControlError, Property};

/// The three places of a still by their SDK number, in the words that clients use.
const STORE_DESTINATIONS: [(i64, &[&str]); 3] = [
    (1, &["host-pc", "hostpc", "pc", "host"]),
    (2, &["memory-card", "memorycard", "card", "camera"]),
    (3, &["host-pc-and-memory-card", "both", "pc-and-card", "host-and-camera"]),
];

/// A value as a token.
pub(super) fn hex(value: i64) -> String {
    format!("{:#x}", number_of(value))
}

/// A value as the number that its token says. Negative ones have the width that
/// they need: the exposure compensation of -2 EV is `0xf830`.
pub(super) fn number_of(value: i64) -> u64 {
    match (i16::try_from(value), i32::try_from(value)) {
        _ if value >= 0 => value.unsigned_abs(),
        (Ok(narrow), _) => u64::from(narrow.cast_unsigned()),
        (_, Ok(word)) => u64::from(word.cast_unsigned()),
        _ => value.cast_unsigned(),
    }
}

/// The value that `text` means for `property`.
///
/// # Errors
/// When it means none, or one that the property cannot have now.
pub(super) fn meant(property: &Property, text: &str) -> Result<i64, ControlError> {
    let text = text.trim();
    if let Some(value) = by_label(property, text).or_else(|| by_form(property, text)) {
        return Ok(value);
    }
    let number = number(property, text).ok_or_else(|| {
        ControlError::Unknown(format!("Invalid value for {}: {}", property.name, shown(text)))
    })?;
    match is_available(property, number) {
        true => Ok(number),
        false => {
            let why =
                format!("{} is not among the available values of {}", shown(text), property.name);
            Err(ControlError::NotAvailable(why))
        }
    }
}

/// What is quoted back is bounded, whatever was sent.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn plain(label: &str) -> String {
    label.trim().to_lowercase().replace([' ', '_'], "-")
}

fn by_label(property: &Property, text: &str) -> Option<i64> {
    let wanted = plain(text);
    let mut choices = property.choices.iter().filter(|_| !property.is_range);
    if let Some(choice) = choices.find(|choice| plain(&choice.label) == wanted) {
        return Some(choice.value);
    }
    if property.name != "still-image-store-destination" {
        return None;
    }
    let found = STORE_DESTINATIONS.iter().find(|(_, words)| words.contains(&wanted.as_str()))?;
    Some(found.0).filter(|value| is_available(property, *value))
}

/// `f/5.6` and `1/250`, however the camera writes them.
fn by_form(property: &Property, text: &str) -> Option<i64> {
    match property.name {
        "aperture" => {
            let number = text.trim_start_matches(['f', 'F']).trim_start_matches('/');
            let is_form = number.len() < text.len() || number.contains('.');
            let stop: f64 = number.parse().ok().filter(|_| is_form)?;
            let value = (stop * 100.0).round() as i64;
            Some(value).filter(|value| is_available(property, *value))
        }
        "shutter-speed" => {
            let wanted = ratio(text)?;
            let is_wanted = |value: i64| {
                let (over, under) = (value >> 16 & 0xffff, value & 0xffff);
                under != 0 && over * wanted.1 == under * wanted.0
            };
            property.choices.iter().map(|choice| choice.value).find(|value| is_wanted(*value))
        }
        _ => None,
    }
}

/// `1/250`, `2"` or `0.5"` as a fraction.
fn ratio(text: &str) -> Option<(i64, i64)> {
    const LARGEST: i64 = 0xffff;
    if let Some((over, under)) = text.split_once('/') {
        let part = |text: &str| text.trim().parse().ok().filter(|n| (1..=LARGEST).contains(n));
        return Some((part(over)?, part(under)?));
    }
    let seconds: f64 = text.strip_suffix('"')?.parse().ok()?;
    let tenths = (seconds * 10.0).round() as i64;
    (1..=LARGEST).contains(&tenths).then_some((tenths, 10))
}

/// Hex or decimal.
fn number(property: &Property, text: &str) -> Option<i64> {
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return text.parse().ok();
    };
    let raw = u64::from_str_radix(digits, 16).ok()?;
    // A token stands for the value that is written so, which may be negative.
    let mut known = property.choices.iter().map(|choice| choice.value).chain([property.value]);
    known.find(|value| number_of(*value) == raw).or_else(|| i64::try_from(raw).ok())
}

fn is_available(property: &Property, value: i64) -> bool {
    match property.choices.as_slice() {
        // The camera alone knows what it takes.
        [] => true,
        [low, high, step] if property.is_range => {
            let is_inside = (low.value..=high.value).contains(&value);
            let offset = value.saturating_sub(low.value);
            is_inside && (step.value <= 0 || offset % step.value == 0)
        }
        choices => choices.iter().any(|choice| choice.value == value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Choice;

    fn property(name: &'static str, choices: &[(i64, &str)]) -> Property {
        let choices: Vec<_> = choices
            .iter()
            .map(|(value, label)| Choice { value: *value, label: (*label).to_owned() })
            .collect();
        let (value, label) = (choices[0].value, choices[0].label.clone());
        Property { name, code: 1, value, label, is_writable: true, choices, is_range: false }
    }

    #[test]
    fn values_are_written_as_the_contract_writes_them() {
        for (value, token) in [
            (560, "0x230"),
            (0x1007d, "0x1007d"),
            (-2000, "0xf830"),
            (0, "0x0"),
            (-70_000, "0xfffeee90"),
        ] {
            assert_eq!(hex(value), token);
        }
    }

    #[test]
    fn a_value_is_understood_in_each_of_its_forms() {
        let shutter =
            property("shutter-speed", &[(0x1007d, "1/125"), (0x1_00fa, "1/250"), (0xa000a, "1\"")]);
        for text in ["0x100fa", "65786", "1/250", " 1/250 ", "2/500"] {
            assert_eq!(meant(&shutter, text), Ok(0x1_00fa), "{text}");
        }
        assert_eq!(meant(&shutter, "1.0\""), Ok(0xa000a));
        let aperture = property("aperture", &[(560, "f/5.6"), (400, "f/4")]);
        for text in ["f/5.6", "F5.6", "5.6", "0x230", "560"] {
            assert_eq!(meant(&aperture, text), Ok(560), "{text}");
        }
        let bias = property("exposure-compensation", &[(0, "0"), (-2000, "-2.0")]);
        for text in ["0xf830", "-2000", "-2.0"] {
            assert_eq!(meant(&bias, text), Ok(-2000), "{text}");
        }
        let area = property("focus-area", &[(1, "Wide"), (6, "Flexible Spot S")]);
        assert_eq!(meant(&area, "flexible_spot-s"), Ok(6));
        let place = property("still-image-store-destination", &[(1, "sdram"), (3, "card+sdram")]);
        assert_eq!((meant(&place, "both"), meant(&place, "host-pc")), (Ok(3), Ok(1)));
    }

    #[test]
    fn what_is_not_offered_is_refused_and_garbage_is_told_apart() {
        let iso = property("iso", &[(100, "100"), (0xff_ffff, "AUTO")]);
        assert_eq!(meant(&iso, "auto"), Ok(0xff_ffff));
        for text in ["123", "0x7b", "-1", "0xffffffffffffffff"] {
            let refused = meant(&iso, text);
            let is_refusal =
                matches!(refused, Err(ControlError::NotAvailable(_) | ControlError::Unknown(_)));
            assert!(is_refusal, "{text}: {refused:?}");
        }
        for text in ["", "loud", "0x", "0xzz", "1e9", "99999999999999999999"] {
            assert!(matches!(meant(&iso, text), Err(ControlError::Unknown(_))), "{text}");
        }
    }

    #[test]
    fn a_range_has_steps() {
        let mut kelvin = property("white-balance-color-temp", &[(2500, ""), (9900, ""), (100, "")]);
        kelvin.is_range = true;
        assert_eq!(meant(&kelvin, "5600"), Ok(5600));
        for text in ["2400", "9901", "5650"] {
            assert!(matches!(meant(&kelvin, text), Err(ControlError::NotAvailable(_))), "{text}");
        }
    }
}
