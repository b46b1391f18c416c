//! Properties: libgphoto2's settings in the camera SDK's names and numbers.
//!
//! libgphoto2 shows most properties twice: with words (`shutterspeed` = `1/125`)
//! and as the number PTP has (`d20d` = `65661`). Values come from the number,
//! because the SDK's numbers are nearly the same; they are set through the words
//! where there are some, because behind those libgphoto2 knows that some Sony
//! properties must be stepped to their value. Pure functions.

mod table;
mod words;

use self::table::{Meaning, SPECS, Spec};
use super::gphoto::{Value, Widget, WidgetKind};
use crate::capture::control::{Choice, ControlError, PriorityKey, Property};

/// "Automatic" as an ISO speed.
const ISO_AUTO: i64 = 0x00FF_FFFF;

/// PTP and SDK numbers of the places that stills go to.
const DESTINATIONS: [(i64, i64, &str); 3] =
    [(0x0001, 1, "host-pc"), (0x0010, 2, "memory-card"), (0x0011, 3, "host-pc-and-memory-card")];

/// PTP and SDK numbers of who has the say.
const PRIORITIES: [(i64, i64, &str); 2] = [(0, 1, "camera-position"), (1, 2, "pc-remote")];

/// PTP code of the focus indicator, which is no property of the SDK.
pub(super) const FOCUS_FOUND: u16 = 0xD213;

/// One property as it is, and how it is set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// As clients see it.
    pub property: Property,
    /// The setting of libgphoto2 that changes it.
    widget: String,
    /// What to write for each choice, in the order of the choices.
    tokens: Vec<String>,
    /// Whether the number itself is written.
    is_number: bool,
}

/// All properties of a camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    known: Vec<Known>,
    focus_found: Option<i64>,
    serial: Option<String>,
    model: Option<String>,
}

impl Table {
    /// What `widgets` say.
    pub(super) fn read(widgets: &[Widget]) -> Self {
        let text = |name: &str| {
            let widget = widgets.iter().find(|widget| widget.name == name)?;
            text_of(&widget.kind).map(str::to_owned).filter(|text| text != "None")
        };
        Self {
            known: SPECS.iter().filter_map(|spec| known(spec, widgets)).collect(),
            focus_found: raw(widgets, FOCUS_FOUND).and_then(|widget| number_of(&widget.kind)),
            serial: text("serialnumber"),
            model: text("cameramodel"),
        }
    }

    /// All properties, as clients see them.
    pub(super) fn properties(&self) -> Vec<Property> {
        self.known.iter().map(|known| known.property.clone()).collect()
    }

    /// One property.
    ///
    /// # Errors
    /// When the camera has none of this name.
    pub(super) fn get(&self, name: &str) -> Result<&Known, ControlError> {
        self.known.iter().find(|known| known.property.name == name).ok_or_else(|| {
            ControlError::Unknown(format!("this camera does not offer the property {name}"))
        })
    }

    /// The focus indicator, as PTP has it.
    pub(super) fn focus_found(&self) -> Option<i64> {
        self.focus_found
    }

    /// Serial number and model as the camera tells them.
    pub(super) fn identity(&self) -> (Option<&str>, Option<&str>) {
        (self.serial.as_deref(), self.model.as_deref())
    }

    /// Whether the lens is on manual focus.
    pub(super) fn is_manual_focus(&self) -> bool {
        self.get("focus-mode").is_ok_and(|known| known.property.value == 1)
    }

    /// Whether stills are sent to the box; a camera that does not say sends them.
    pub(super) fn sends_stills(&self) -> bool {
        !self.get("still-image-store-destination").is_ok_and(|known| known.property.value == 2)
    }

    /// Who has the say.
    pub(super) fn priority(&self) -> PriorityKey {
        match self.get("priority-key") {
            Ok(known) if known.property.value == 1 => PriorityKey::CameraPosition,
            _ => PriorityKey::PcRemote,
        }
    }

    /// SDK codes of the properties that differ from `earlier`.
    pub(super) fn changes_since(&self, earlier: &Self) -> Vec<u32> {
        let now = self.known.iter();
        now.filter(|known| {
            let before = earlier.get(known.property.name);
            !before.is_ok_and(|before| before.property == known.property)
        })
        .map(|known| known.property.code)
        .collect()
    }
}

impl Known {
    /// What to write to which setting for `value`.
    ///
    /// # Errors
    /// When it cannot be set now, or not to this.
    pub(super) fn setting(&self, value: i64) -> Result<(&str, Value), ControlError> {
        let property = &self.property;
        if !property.is_writable {
            return Err(ControlError::NotWritable(property.name.to_owned()));
        }
        let refused = || {
            let name = property.name;
            ControlError::NotAvailable(format!("{name} cannot be {value} now; see its choices"))
        };
        if property.is_range {
            let [least, most, step] = &property.choices[..] else { return Err(refused()) };
            let is_on_step = (value - least.value).checked_rem(step.value.max(1)) == Some(0);
            if !(least.value..=most.value).contains(&value) || !is_on_step {
                return Err(refused());
            }
            return Ok((&self.widget, Value::Text(value.to_string())));
        }
        let place = property.choices.iter().position(|choice| choice.value == value);
        match place.and_then(|place| self.tokens.get(place)) {
            Some(token) => Ok((&self.widget, Value::Text(token.clone()))),
            // Without a list of choices the camera judges.
            None if property.choices.is_empty() && self.is_number => {
                Ok((&self.widget, Value::Text(value.to_string())))
            }
            None => Err(refused()),
        }
    }
}

fn raw(widgets: &[Widget], code: u16) -> Option<&Widget> {
    let name = format!("{code:04x}");
    widgets.iter().find(|widget| widget.name == name)
}

fn known(spec: &Spec, widgets: &[Widget]) -> Option<Known> {
    let number = spec.ptp.iter().find_map(|code| raw(widgets, *code));
    let named = widgets.iter().find(|widget| !spec.widget.is_empty() && widget.name == spec.widget);
    let (value, label) = match (number, named) {
        (Some(widget), _) => {
            let value = spec.meaning.value(number_of(&widget.kind)?);
            (value, spec.meaning.label(value))
        }
        (None, Some(widget)) => {
            let text = text_of(&widget.kind)?;
            (spec.meaning.parse(text)?, text.to_owned())
        }
        (None, None) => return None,
    };
    let writing = named.or(number)?;
    let (choices, tokens, is_range) = choices(spec, number, named);
    let property = Property {
        name: spec.name,
        code: spec.code,
        value,
        label,
        is_writable: !spec.is_status()
            && writing.is_writable
            && number.is_none_or(|widget| widget.is_writable),
        choices,
        is_range,
    };
    let is_number = named.is_none();
    Some(Known { property, widget: writing.name.clone(), tokens, is_number })
}

/// Choices, what to write for each, and whether they are a range.
fn choices(
    spec: &Spec,
    number: Option<&Widget>,
    named: Option<&Widget>,
) -> (Vec<Choice>, Vec<String>, bool) {
    let numbers = number.map(|widget| &widget.kind);
    if let (Some(WidgetKind::Range { least, most, step, .. }), None) = (numbers, named) {
        let part = |label: &str, value: f32| Choice { value: value as i64, label: label.into() };
        let range = vec![part("min", *least), part("max", *most), part("step", *step)];
        return (range, Vec::new(), true);
    }
    let numbers = numbers.map(choices_of).unwrap_or_default();
    let texts = named.map(|widget| choices_of(&widget.kind)).unwrap_or_default();
    let meaning = spec.meaning;
    let choice = |value: i64| Choice { value, label: meaning.label(value) };
    let from_numbers =
        || numbers.iter().filter_map(|number| number.parse().ok()).map(|n: i64| meaning.value(n));
    // libgphoto2 lists its words in the order of the camera's numbers, and may add
    // some at the end (bulb).
    if !numbers.is_empty() && texts.len() >= numbers.len() {
        return (from_numbers().map(choice).collect(), texts.to_vec(), false);
    }
    if texts.is_empty() {
        return (from_numbers().map(choice).collect(), numbers.to_vec(), false);
    }
    let readable = texts.iter().filter_map(|text| Some((meaning.parse(text)?, text.clone())));
    let (values, tokens): (Vec<_>, Vec<_>) = readable.unzip();
    (values.into_iter().map(choice).collect(), tokens, false)
}

fn choices_of(kind: &WidgetKind) -> &[String] {
    match kind {
        WidgetKind::Choice { choices, .. } => choices,
        _ => &[],
    }
}

fn text_of(kind: &WidgetKind) -> Option<&str> {
    match kind {
        WidgetKind::Text(text) | WidgetKind::Choice { value: text, .. } => Some(text),
        WidgetKind::Range { .. } | WidgetKind::Toggle(_) => None,
    }
}

fn number_of(kind: &WidgetKind) -> Option<i64> {
    match kind {
        WidgetKind::Range { value, .. } => Some(*value as i64),
        WidgetKind::Toggle(is_on) => Some(i64::from(*is_on)),
        _ => text_of(kind)?.trim().parse().ok(),
    }
}

impl Meaning {
    /// The SDK's number for PTP's.
    fn value(self, number: i64) -> i64 {
        let mapped = |list: &[(i64, i64, &str)]| {
            list.iter().find(|(ptp, ..)| *ptp == number).map_or(number, |(_, sdk, _)| *sdk)
        };
        match self {
            // libgphoto2 prints unsigned numbers of 32 bits with a sign.
            Self::Shutter => number & 0xFFFF_FFFF,
            Self::Iso => number & ISO_AUTO,
            Self::Exposure => number & 0xFFFF,
            Self::Destination => mapped(&DESTINATIONS),
            Self::Priority => mapped(&PRIORITIES),
            Self::Aperture | Self::OneOf(_) | Self::Number => number,
        }
    }

    /// The SDK's number as people read it.
    fn label(self, value: i64) -> String {
        let word = |list: &[(i64, i64, &str)]| {
            let known = list.iter().find(|(_, sdk, _)| *sdk == value);
            known.map_or_else(|| format!("0x{value:x}"), |(.., word)| (*word).to_owned())
        };
        match self {
            Self::Aperture => format!("f/{}", value as f64 / 100.0),
            Self::Shutter => shutter_label(value),
            Self::Iso if value == ISO_AUTO => "auto".to_owned(),
            Self::Exposure => format!("{:+.1}", f64::from(value as u16 as i16) / 1000.0),
            Self::Destination => word(&DESTINATIONS),
            Self::Priority => word(&PRIORITIES),
            Self::OneOf(words) => {
                let known = words.iter().find(|(number, _)| *number == value);
                known.map_or_else(|| format!("0x{value:x}"), |(_, word)| (*word).to_owned())
            }
            Self::Iso | Self::Number => value.to_string(),
        }
    }

    /// The number behind libgphoto2's words, for the properties whose words are
    /// numbers.
    fn parse(self, text: &str) -> Option<i64> {
        let thousandths = |text: &str| Some((text.parse::<f64>().ok()? * 1000.0).round() as i64);
        match self {
            Self::Aperture => Some(thousandths(text.trim_start_matches("f/"))? / 10),
            Self::Shutter if text == "Bulb" => Some(0),
            Self::Shutter => {
                let (over, under) = text.split_once('/').unwrap_or((text, "1"));
                Some((over.parse::<i64>().ok()? & 0xFFFF) << 16 | under.parse::<u16>().ok()? as i64)
            }
            Self::Iso if text == "Auto ISO" => Some(ISO_AUTO),
            Self::Iso | Self::Number => text.parse().ok(),
            Self::Exposure => Some(thousandths(text)? & 0xFFFF),
            Self::Priority => match text {
                "Camera" => Some(1),
                "Application" => Some(2),
                _ => None,
            },
            Self::Destination | Self::OneOf(_) => None,
        }
    }
}

fn shutter_label(value: i64) -> String {
    let (over, under) = (value >> 16 & 0xFFFF, value & 0xFFFF);
    match (over, under) {
        (0, _) => "bulb".to_owned(),
        (over, 1) => format!("{over}"),
        (over, 10) if over % 10 == 0 => format!("{}", over / 10),
        (over, 10) => format!("{}.{}", over / 10, over % 10),
        (over, under) => format!("{over}/{under}"),
    }
}

#[cfg(test)]
mod tests;
