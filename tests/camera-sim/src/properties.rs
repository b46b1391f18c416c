//! The properties of the body: their values and what these may become.

use crate::packet::codes::{control as c, property as p};
use crate::packet::{DataType, Form, PropertyInfo, Value, write_table};

use DataType::{I8, I16, U8, U16, U32};

const WHITE_BALANCES: [i64; 14] =
    [2, 4, 0x8011, 0x8010, 6, 0x8001, 0x8002, 0x8003, 0x8004, 7, 0x8012, 0x8020, 0x8021, 0x8022];
const F_NUMBERS: [i64; 19] = [
    280, 320, 350, 400, 450, 500, 560, 630, 710, 800, 900, 1000, 1100, 1300, 1400, 1600, 1800,
    2000, 2200,
];
const ISOS: [i64; 16] =
    [0xFF_FFFF, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1600, 3200, 6400, 12800, 25600];
/// Seconds as fractions, slow to fast, in thirds of a stop.
#[rustfmt::skip]
const SHUTTER_SPEEDS: [(i64, i64); 55] = [
    (30, 1), (25, 1), (20, 1), (15, 1), (13, 1), (10, 1), (8, 1), (6, 1), (5, 1), (4, 1),
    (32, 10), (25, 10), (2, 1), (16, 10), (13, 10), (1, 1), (8, 10), (6, 10), (5, 10), (4, 10),
    (1, 3), (1, 4), (1, 5), (1, 6), (1, 8), (1, 10), (1, 13), (1, 15), (1, 20), (1, 25),
    (1, 30), (1, 40), (1, 50), (1, 60), (1, 80), (1, 100), (1, 125), (1, 160), (1, 200),
    (1, 250), (1, 320), (1, 400), (1, 500), (1, 640), (1, 800), (1, 1000), (1, 1250), (1, 1600),
    (1, 2000), (1, 2500), (1, 3200), (1, 4000), (1, 5000), (1, 6400), (1, 8000),
];
const DRIVE_MODES: [i64; 8] = [1, 0x8012, 0x8015, 2, 0x8010, 0x8005, 0x8003, 0x8004];

/// Properties that are set by steps through `SDIO_CONTROL_DEVICE`, as bodies
/// without the newer direct codes want it.
const STEPPED: [u16; 4] = [p::ISO, p::F_NUMBER, p::SHUTTER_SPEED, p::EXPOSURE_BIAS];

/// How the table marks a control.
const CONTROL: u8 = 0x81;

/// What becomes of an attempt to set something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is different now.
    Changed,
    /// It was like that already.
    Same,
    /// There is no such property.
    Unknown,
    /// It can only be read.
    ReadOnly,
    /// It cannot become that.
    OutOfRange,
}

/// All properties.
#[derive(Debug)]
pub struct Properties(Vec<PropertyInfo>);

impl Properties {
    /// As after switching the body on.
    pub fn new() -> Self {
        let thirds = (-15..=15).map(|third: i64| third * 1000 / 3 / 100 * 100);
        let speeds = SHUTTER_SPEEDS.map(|(over, under)| over << 16 | under);
        let mut all = vec![
            choices(p::COMPRESSION, U8, 3, &[2, 3, 4, 0x10, 0x12, 0x13]),
            choices(p::WHITE_BALANCE, U16, 2, &WHITE_BALANCES),
            choices(p::F_NUMBER, U16, 560, &F_NUMBERS),
            choices(p::FOCUS_MODE, U16, 2, &[1, 2, 0x8004, 0x8005, 0x8006]),
            choices(p::METERING, U16, 0x8001, &[0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x8006]),
            choices(p::FLASH_MODE, U16, 3, &[1, 2, 3, 0x8003, 0x8032]),
            choices(p::EXPOSURE_PROGRAM, U16, 1, &[1, 2, 3, 4, 0x8000, 0x8050, 0x8053]),
            choices(p::EXPOSURE_BIAS, I16, 0, &thirds.collect::<Vec<_>>()),
            choices(p::DRIVE_MODE, U16, 1, &DRIVE_MODES),
            choices(p::DRO, U8, 1, &[1, 0x11, 0x1F]),
            choices(p::IMAGE_SIZE, U8, 1, &[1, 2, 3]),
            choices(p::SHUTTER_SPEED, U32, (1 << 16) | 125, &speeds),
            range(p::COLOR_TEMPERATURE, U16, 5500, (2500, 9900, 100)),
            choices(p::ASPECT_RATIO, U8, 1, &[1, 2, 3, 4]),
            range(p::ZOOM, U32, 28_000_000, (28_000_000, 135_000_000, 1)),
            choices(p::AE_LOCK, U8, 1, &[1, 2]),
            choices(p::SENSOR_CROP, U8, 1, &[1, 2]),
            choices(p::ISO, U32, 400, &ISOS),
            choices(p::STORE_DESTINATION, U16, 1, &[1, 0x10, 0x11]),
            choices(p::FOCUS_AREA, U16, 1, &[1, 2, 3, 0x101, 0x102, 0x103]),
            choices(p::PICTURE_PROFILE, U8, 0, &[0, 1, 2, 3]),
            choices(p::AWB_LOCK, U8, 1, &[1, 2]),
            choices(p::PRIORITY, I8, 0, &[0, 1]),
        ];
        for (code, kind, value) in [
            (p::FOCUS_FOUND, U8, 1),
            (p::OBJECT_IN_MEMORY, U16, 0),
            (p::RECORDING_STATE, U8, 0),
            (p::SLOT1_STATUS, U8, 1),
            (p::SLOT1_PHOTOS, U32, 1742),
            (p::SLOT1_SECONDS, U32, 9240),
            (p::OVERHEATING, U8, 0),
            (p::SLOT2_STATUS, U8, 1),
            (p::SLOT2_PHOTOS, U32, 3485),
            (p::SLOT2_SECONDS, U32, 18_480),
        ] {
            all.push(shown(code, kind, value, Form::Free));
        }
        // Controls stand in the table too: what they take, not what they are.
        let key = || Form::Choices(vec![1.into(), 2.into()]);
        let area = Form::Range(0.into(), 0x027F_01DF.into(), 1.into());
        let speed = Form::Range((-8).into(), 8.into(), 1.into());
        for (code, kind, form) in [
            (c::HALF_PRESS, U16, key()),
            (c::SHUTTER, U16, key()),
            (c::MOVIE, U16, key()),
            (c::NEAR_FAR, U16, Form::Range(0xFFF9.into(), 7.into(), 1.into())),
            (c::FOCUS_HOLD, U16, key()),
            (c::AF_AREA, U32, area),
            (c::ZOOM, I8, speed),
        ] {
            let value = i64::from(matches!(form, Form::Choices(_)));
            all.push(PropertyInfo { enabled: CONTROL, ..shown(code, kind, value, form) });
        }
        let percent = Form::Range((-1).into(), 100.into(), 1.into());
        all.push(shown(p::BATTERY, I8, 87, percent));
        all.sort_by_key(|property| property.code);
        Self(all)
    }

    /// Their codes.
    pub fn codes(&self) -> Vec<u16> {
        self.0.iter().map(|property| property.code).collect()
    }

    /// The table as it goes over the wire.
    pub fn table(&self) -> Vec<u8> {
        write_table(self.0.iter())
    }

    /// The property with this code.
    pub fn find(&self, code: u16) -> Option<&PropertyInfo> {
        self.0.iter().find(|property| property.code == code)
    }

    /// Its value; 0 when there is none.
    pub fn number(&self, code: u16) -> i64 {
        let number = self.find(code).and_then(|property| property.current.number());
        number.and_then(|number| i64::try_from(number).ok()).unwrap_or_default()
    }

    /// The camera itself changes it. Says whether it is different now.
    pub fn put(&mut self, code: u16, number: i64) -> bool {
        let Some(property) = self.0.iter_mut().find(|property| property.code == code) else {
            return false;
        };
        let value = Value::from(number);
        let is_changed = property.current != value;
        property.current = value;
        is_changed
    }

    /// The host sets it.
    ///
    /// After it has stepped a property or worked a control, libgphoto2 sets the
    /// same code once more, to something it did not think about. Bodies take that
    /// without a word, and so do we.
    pub fn set(&mut self, code: u16, value: &Value) -> Change {
        let Some(property) = self.find(code) else { return Change::Unknown };
        if property.enabled == CONTROL {
            return Change::Same;
        }
        if !property.is_writable {
            return Change::ReadOnly;
        }
        let Some(number) = value.number().filter(|number| allows(&property.form, *number)) else {
            return if Self::is_stepped(code) { Change::Same } else { Change::OutOfRange };
        };
        let is_changed = i64::try_from(number).is_ok_and(|number| self.put(code, number));
        if is_changed { Change::Changed } else { Change::Same }
    }

    /// Whether it is set by steps.
    pub fn is_stepped(code: u16) -> bool {
        STEPPED.contains(&code)
    }

    /// The host steps it, as far as it goes.
    pub fn step(&mut self, code: u16, by: i8) -> Change {
        let Some(property) = self.find(code) else { return Change::Unknown };
        let Form::Choices(choices) = &property.form else { return Change::ReadOnly };
        let at = choices.iter().position(|choice| *choice == property.current).unwrap_or(0);
        let target = at.saturating_add_signed(isize::from(by)).min(choices.len() - 1);
        let value = choices[target].clone();
        self.set(code, &value)
    }
}

fn allows(form: &Form, number: i128) -> bool {
    match form {
        Form::Free => true,
        Form::Choices(choices) => choices.contains(&Value::Number(number)),
        Form::Range(from, to, _) => {
            let (from, to) = (from.number(), to.number());
            from.zip(to).is_some_and(|(from, to)| (from..=to).contains(&number))
        }
    }
}

fn shown(code: u16, kind: DataType, value: i64, form: Form) -> PropertyInfo {
    let value = Value::from(value);
    PropertyInfo {
        code,
        kind,
        is_writable: false,
        enabled: 2,
        default: value.clone(),
        current: value,
        form,
    }
}

fn settable(code: u16, kind: DataType, value: i64, form: Form) -> PropertyInfo {
    PropertyInfo { is_writable: true, enabled: 1, ..shown(code, kind, value, form) }
}

fn choices(code: u16, kind: DataType, value: i64, all: &[i64]) -> PropertyInfo {
    settable(code, kind, value, Form::Choices(all.iter().copied().map(Value::from).collect()))
}

fn range(code: u16, kind: DataType, value: i64, (from, to, step): (i64, i64, i64)) -> PropertyInfo {
    settable(code, kind, value, Form::Range(from.into(), to.into(), step.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_to_the_neighbor_and_stops_at_the_end() {
        let mut properties = Properties::new();
        assert_eq!(properties.step(p::ISO, 2), Change::Changed);
        assert_eq!(properties.number(p::ISO), 640);
        assert_eq!(properties.step(p::ISO, -128), Change::Changed);
        assert_eq!(properties.number(p::ISO), 0xFF_FFFF);
        assert_eq!(properties.step(p::ISO, -1), Change::Same);
    }

    #[test]
    fn a_value_that_is_not_offered_is_refused() {
        let mut properties = Properties::new();
        assert_eq!(properties.set(p::FOCUS_MODE, &Value::from(561)), Change::OutOfRange);
        assert_eq!(properties.set(p::BATTERY, &Value::from(3)), Change::ReadOnly);
        assert_eq!(properties.set(0x1234, &Value::from(3)), Change::Unknown);
        assert_eq!(properties.set(p::COLOR_TEMPERATURE, &Value::from(3000)), Change::Changed);
    }

    #[test]
    fn what_a_property_is_lies_among_what_it_may_become() {
        let all = Properties::new().0.into_iter();
        for property in all.filter(|property| property.enabled != CONTROL) {
            let number = property.current.number().unwrap();
            assert!(allows(&property.form, number), "{:x}", property.code);
        }
    }
}
