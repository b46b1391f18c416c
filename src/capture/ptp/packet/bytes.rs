//! Little-endian numbers, strings and arrays, read within bounds.

/// Most characters of a PTP string, its final zero included: the count is one byte.
const STRING_CHARS_MAX: usize = 255;

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is malformed at byte {at}")]
pub struct Malformed {
    /// What was read.
    pub what: &'static str,
    /// Where it went wrong, counted from the start of the dataset.
    pub at: usize,
}

/// Reads a dataset from its start to its end.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names the dataset in errors.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, what }
    }

    /// The error for the place that has been reached.
    pub fn malformed(&self) -> Malformed {
        Malformed { what: self.what, at: self.at }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.malformed())?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let malformed = self.malformed();
        self.take(N)?.try_into().map_err(|_| malformed)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// A PTP string: a count of UTF-16 units, then these, the last one zero.
    /// What is no text becomes replacement characters.
    pub fn string(&mut self) -> Result<String, Malformed> {
        let count = usize::from(self.u8()?);
        let units = self.take(count * 2)?.chunks_exact(2);
        let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        Ok(text(units.take_while(|unit| *unit != 0)))
    }

    /// A PTP array of 16-bit numbers.
    pub fn u16s(&mut self) -> Result<Vec<u16>, Malformed> {
        let bytes = self.counted(2)?;
        Ok(bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect())
    }

    /// A PTP array of 32-bit numbers.
    pub fn u32s(&mut self) -> Result<Vec<u32>, Malformed> {
        let bytes = self.counted(4)?;
        Ok(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn counted(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(self.u32()?).ok().and_then(|count| count.checked_mul(size));
        let malformed = self.malformed();
        self.take(count.ok_or(malformed)?)
    }
}

/// Text from UTF-16 units.
pub fn text(units: impl Iterator<Item = u16>) -> String {
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Writes a dataset.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A PTP string; what goes beyond 254 UTF-16 units is cut off.
    pub fn string(&mut self, text: &str) -> &mut Self {
        if text.is_empty() {
            return self.u8(0);
        }
        let units: Vec<u16> = text.encode_utf16().take(STRING_CHARS_MAX - 1).collect();
        self.u8(units.len() as u8 + 1);
        for unit in units {
            self.u16(unit);
        }
        self.u16(0)
    }

    /// A PTP array of 16-bit numbers.
    pub fn u16s(&mut self, values: &[u16]) -> &mut Self {
        self.u32(values.len() as u32);
        for value in values {
            self.u16(*value);
        }
        self
    }

    /// A PTP array of 32-bit numbers.
    pub fn u32s(&mut self, values: &[u32]) -> &mut Self {
        self.u32(values.len() as u32);
        for value in values {
            self.u32(*value);
        }
        self
    }
}
