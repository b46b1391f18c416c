//! Boxes: a length, a name, and what is inside.

/// Bytes of a file in the making.
#[derive(Default)]
pub(super) struct Bytes(pub Vec<u8>);

impl Bytes {
    /// A box with what `fill` writes. Boxes are far below 4 GiB here.
    pub fn boxed(&mut self, name: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.u32(0);
        self.0.extend(name);
        fill(self);
        let length = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        self.0[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// A box with a version and flags.
    pub fn full(&mut self, name: &[u8; 4], version: u8, flags: u32, fill: impl FnOnce(&mut Self)) {
        self.boxed(name, |inner| {
            inner.u32(u32::from(version) << 24 | flags);
            fill(inner);
        });
    }

    pub fn u16(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }

    /// The matrix that turns nothing.
    pub fn matrix(&mut self) {
        for value in [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] {
            self.u32(value);
        }
    }
}
