//! The property table of Sony bodies: every property with its type, whether it
//! can be set, its value and what it may become.

use super::{Malformed, Reader, Writer};

/// Most properties of one table; bodies have about 150.
const PROPERTIES_MAX: usize = 1024;
/// Bytes of the shortest property: code, type, two flags, two values, form.
const PROPERTY_BYTES_MIN: usize = 9;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Eight bits, signed.
    I8,
    /// Eight bits.
    U8,
    /// 16 bits, signed.
    I16,
    /// 16 bits.
    U16,
    /// 32 bits, signed.
    I32,
    /// 32 bits.
    U32,
    /// 64 bits, signed.
    I64,
    /// 64 bits.
    U64,
    /// Text.
    Text,
}

impl DataType {
    const ALL: [(Self, u16); 9] = [
        (Self::I8, 1),
        (Self::U8, 2),
        (Self::I16, 3),
        (Self::U16, 4),
        (Self::I32, 5),
        (Self::U32, 6),
        (Self::I64, 7),
        (Self::U64, 8),
        (Self::Text, 0xFFFF),
    ];

    /// The number of the type on the wire.
    pub fn code(self) -> u16 {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or(0, |(_, code)| *code)
    }

    /// The type of a number on the wire.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind)
    }

    /// Reads one value.
    pub fn read(self, r: &mut Reader<'_>) -> Result<Value, Malformed> {
        Ok(match self {
            Self::I8 => Value::Number(i128::from(r.u8()?.cast_signed())),
            Self::U8 => Value::Number(i128::from(r.u8()?)),
            Self::I16 => Value::Number(i128::from(r.u16()?.cast_signed())),
            Self::U16 => Value::Number(i128::from(r.u16()?)),
            Self::I32 => Value::Number(i128::from(r.u32()?.cast_signed())),
            Self::U32 => Value::Number(i128::from(r.u32()?)),
            Self::I64 => Value::Number(i128::from(r.u64()?.cast_signed())),
            Self::U64 => Value::Number(i128::from(r.u64()?)),
            Self::Text => Value::Text(r.string()?),
        })
    }

    /// Writes one value; a number that does not fit loses its high bits, a value
    /// of the other sort is written as 0 or as nothing.
    pub fn write(self, value: &Value, w: &mut Writer) {
        let number = value.number().unwrap_or_default();
        match self {
            Self::I8 | Self::U8 => w.u8(number as u8),
            Self::I16 | Self::U16 => w.u16(number as u16),
            Self::I32 | Self::U32 => w.u32(number as u32),
            Self::I64 | Self::U64 => w.u64(number as u64),
            Self::Text => w.string(if let Value::Text(text) = value { text } else { "" }),
        };
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any of the number types.
    Number(i128),
    /// Text.
    Text(String),
}

impl Value {
    /// The number, unless it is text.
    pub fn number(&self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(i128::from(number))
    }
}

/// What a property may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not said.
    Free,
    /// From, to, in steps of.
    Range(Value, Value, Value),
    /// One of these.
    Choices(Vec<Value>),
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyInfo {
    /// PTP code.
    pub code: u16,
    /// How values are written.
    pub kind: DataType,
    /// Whether it can be set at all (`SetControlDeviceA`).
    pub is_writable: bool,
    /// Whether it can be set now: 0 no, 1 yes, 2 shown only.
    pub enabled: u8,
    /// Value after a reset.
    pub default: Value,
    /// Value.
    pub current: Value,
    /// What it may become.
    pub form: Form,
}

impl PropertyInfo {
    fn parse(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code = r.u16()?;
        let malformed = r.malformed();
        let kind = DataType::from_code(r.u16()?).ok_or(malformed)?;
        Ok(Self {
            code,
            kind,
            is_writable: r.u8()? == 1,
            enabled: r.u8()?,
            default: kind.read(r)?,
            current: kind.read(r)?,
            form: Form::parse(kind, r)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.u16(self.code).u16(self.kind.code());
        w.u8(u8::from(self.is_writable)).u8(self.enabled);
        self.kind.write(&self.default, w);
        self.kind.write(&self.current, w);
        self.form.write(self.kind, w);
    }
}

impl Form {
    fn parse(kind: DataType, r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let malformed = r.malformed();
        match r.u8()? {
            0 => Ok(Self::Free),
            1 => Ok(Self::Range(kind.read(r)?, kind.read(r)?, kind.read(r)?)),
            2 => {
                let count = usize::from(r.u16()?);
                // Every value has at least one byte: a lying count cannot reserve more.
                let mut choices = Vec::with_capacity(count.min(r.remaining()));
                for _ in 0..count {
                    choices.push(kind.read(r)?);
                }
                Ok(Self::Choices(choices))
            }
            _ => Err(malformed),
        }
    }

    fn write(&self, kind: DataType, w: &mut Writer) {
        match self {
            Self::Free => {
                w.u8(0);
            }
            Self::Range(from, to, step) => {
                w.u8(1);
                [from, to, step].into_iter().for_each(|value| kind.write(value, w));
            }
            Self::Choices(choices) => {
                w.u8(2).u16(choices.len() as u16);
                choices.iter().for_each(|value| kind.write(value, w));
            }
        }
    }
}

/// Reads the answer to `SDIO_GET_ALL_EXT_DEVICE_PROP_INFO`.
pub fn parse_table(bytes: &[u8]) -> Result<Vec<PropertyInfo>, Malformed> {
    let mut r = Reader::new("property table", bytes);
    let malformed = r.malformed();
    let count = usize::try_from(r.u64()?).unwrap_or(usize::MAX);
    if count > PROPERTIES_MAX || count > r.remaining() / PROPERTY_BYTES_MIN {
        return Err(malformed);
    }
    (0..count).map(|_| PropertyInfo::parse(&mut r)).collect()
}

/// Writes the answer to `SDIO_GET_ALL_EXT_DEVICE_PROP_INFO`.
pub fn write_table<'a>(properties: impl ExactSizeIterator<Item = &'a PropertyInfo>) -> Vec<u8> {
    let mut w = Writer::new();
    w.u64(properties.len() as u64);
    properties.for_each(|property| property.write(&mut w));
    w.into_bytes()
}
