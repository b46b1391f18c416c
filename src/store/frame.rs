//! How bytes lie in a journal segment.
//!
//! A segment begins with a header of [`SEGMENT_HEADER`] bytes, then frames follow:
//!
//! | bytes | frame header |
//! | --- | --- |
//! | 4 | [`MARKER`], so that a reader finds its way after damage |
//! | 4 | length of the body, at most [`BODY_MAX`] |
//! | 4 | CRC-32 of the body |
//! | 4 | CRC-32 of segment number, offset, length and body CRC |
//!
//! All numbers are little-endian. Number and offset are part of the checksum, so
//! a frame that ended up in another place (a stale block, a copy inside another
//! frame) is not taken for one. Pure functions over bytes; whatever the bytes
//! are, they never panic and take linear time.

/// Begins every frame. Not text, and not what an erased block reads as.
const MARKER: [u8; 4] = [0xF7, b'W', b'P', 0x9E];
/// Bytes before the body.
pub(super) const FRAME_HEADER: usize = 16;
/// Largest body: bounds what a reader must hold in memory for one frame.
pub(super) const BODY_MAX: usize = 1 << 20;
/// Bytes before the first frame.
pub(super) const SEGMENT_HEADER: usize = 40;
const MAGIC: [u8; 8] = *b"WPJRNL\r\n";
/// Version of the layout described above. The segment header itself stays as it is
/// for ever, so that a program finds its ids even in segments of a later one.
const FORMAT: u32 = 1;

/// Where the next ids continue; every id in earlier segments is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextIds {
    pub detection: u64,
    pub event: u64,
}

impl NextIds {
    /// The larger of each.
    pub fn max(self, other: Self) -> Self {
        Self { detection: self.detection.max(other.detection), event: self.event.max(other.event) }
    }

    /// Both so much further.
    pub fn plus(self, gap: u64) -> Self {
        Self {
            detection: self.detection.saturating_add(gap),
            event: self.event.saturating_add(gap),
        }
    }
}

/// The header of segment `number`.
pub(super) fn segment_header(number: u64, next: NextIds) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    for value in [number, next.detection, next.event] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// What the header of a segment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Frames of this layout follow; ids stood here when it was begun.
    Ours(NextIds),
    /// A later version of the program wrote it; its frames are not for this one.
    Later(NextIds),
    /// It cannot be read; frames may follow all the same.
    Damaged,
}

/// Reads the header of segment `number`.
pub(super) fn read_segment_header(number: u64, bytes: &[u8]) -> Header {
    let Some(header) = bytes.get(..SEGMENT_HEADER) else { return Header::Damaged };
    let (fields, crc) = header.split_at(SEGMENT_HEADER - 4);
    let is_whole = fields.starts_with(&MAGIC)
        && crc == crc32fast::hash(fields).to_le_bytes()
        && u64_at(fields, 12) == number;
    let next = NextIds { detection: u64_at(fields, 20), event: u64_at(fields, 28) };
    match u32_at(fields, 8) {
        FORMAT if is_whole => Header::Ours(next),
        later if is_whole && later > FORMAT => Header::Later(next),
        _ => Header::Damaged,
    }
}

/// Appends a frame to `out`, which will be written at `offset` of `segment`.
pub(super) fn push_frame(out: &mut Vec<u8>, segment: u64, offset: u32, body: &[u8]) {
    debug_assert!(body.len() <= BODY_MAX, "the sender limits the size");
    let len = body.len() as u32;
    let body_crc = crc32fast::hash(body);
    out.extend(MARKER);
    out.extend(len.to_le_bytes());
    out.extend(body_crc.to_le_bytes());
    out.extend(head_crc(segment, offset, len, body_crc).to_le_bytes());
    out.extend(body);
}

/// What a frame header says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub body_len: usize,
    body_crc: u32,
}

impl Head {
    /// Reads the header of a frame at `offset` of `segment`, if there is one.
    pub fn read(bytes: &[u8], segment: u64, offset: u32) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER)?;
        let (len, body_crc) = (u32_at(bytes, 4), u32_at(bytes, 8));
        let is_head = bytes.starts_with(&MARKER)
            && len as usize <= BODY_MAX
            && u32_at(bytes, 12) == head_crc(segment, offset, len, body_crc);
        is_head.then_some(Self { body_len: len as usize, body_crc })
    }

    /// Whether `body` is the one the header was written for.
    pub fn matches(&self, body: &[u8]) -> bool {
        body.len() == self.body_len && crc32fast::hash(body) == self.body_crc
    }
}

/// One stretch of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An undamaged frame.
    Frame { offset: u32, body: &'a [u8] },
    /// Bytes that are no frame, with frames or other damage behind them.
    Damaged { offset: u32, len: u32 },
    /// No frame from here to the end: what a cut left half written.
    Torn { offset: u32, len: u32 },
}

/// Walks over all stretches of a segment.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    segment: u64,
    /// Where in the segment `bytes` begin.
    base: u32,
    position: usize,
}

impl<'a> Scan<'a> {
    /// Over the frames of `segment`, whose file is `bytes` (below 4 GiB), from
    /// `offset` on.
    pub fn new(bytes: &'a [u8], segment: u64, offset: u32) -> Self {
        Self { bytes, segment, base: 0, position: offset as usize }
    }

    /// Over the frames in `bytes`, which begin at `base` of `segment`.
    pub fn part(bytes: &'a [u8], segment: u64, base: u32) -> Self {
        Self { bytes, segment, base, position: 0 }
    }

    fn head_at(&self, position: usize) -> Option<Head> {
        Head::read(self.bytes.get(position..)?, self.segment, self.base + position as u32)
    }

    fn next_head(&self, from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        let markers = rest.windows(MARKER.len()).enumerate().filter(|(_, w)| **w == MARKER);
        markers.map(|(at, _)| from + at).find(|at| self.head_at(*at).is_some())
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let (start, end) = (self.position, self.bytes.len());
        if start >= end {
            return None;
        }
        let offset = self.base + start as u32;
        let Some(head) = self.head_at(start) else {
            let next = self.next_head(start + 1);
            self.position = next.unwrap_or(end);
            let len = (self.position - start) as u32;
            return Some(match next {
                Some(_) => Found::Damaged { offset, len },
                None => Found::Torn { offset, len },
            });
        };
        let body_start = start + FRAME_HEADER;
        self.position = (body_start + head.body_len).min(end);
        let body = &self.bytes[body_start..self.position];
        let len = (self.position - start) as u32;
        Some(if head.matches(body) {
            Found::Frame { offset, body }
        } else if body.len() < head.body_len {
            Found::Torn { offset, len }
        } else {
            Found::Damaged { offset, len }
        })
    }
}

fn head_crc(segment: u64, offset: u32, len: u32, body_crc: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(&len.to_le_bytes());
    hasher.update(&body_crc.to_le_bytes());
    hasher.finalize()
}

/// The number at `at`, 0 beyond the end.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: u64 = 7;

    fn segment(bodies: &[&[u8]]) -> Vec<u8> {
        let mut bytes = segment_header(SEGMENT, NextIds { detection: 5, event: 3 });
        for body in bodies {
            let offset = bytes.len() as u32;
            push_frame(&mut bytes, SEGMENT, offset, body);
        }
        bytes
    }

    fn bodies(bytes: &[u8]) -> Vec<Vec<u8>> {
        Scan::new(bytes, SEGMENT, SEGMENT_HEADER as u32)
            .filter_map(|found| match found {
                Found::Frame { body, .. } => Some(body.to_vec()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_layout_is_pinned_byte_for_byte() {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, 1, 40, b"abc");
        let wanted =
            [0xF7, 0x57, 0x50, 0x9E, 3, 0, 0, 0, 0xC2, 0x41, 0x24, 0x35, 0xD1, 0xEE, 0x47, 0xF0];
        assert_eq!(bytes[..FRAME_HEADER], wanted);
        let header = segment_header(SEGMENT, NextIds { detection: 5, event: 3 });
        assert_eq!(header.len(), SEGMENT_HEADER);
        let next = read_segment_header(SEGMENT, &header);
        assert_eq!(next, Header::Ours(NextIds { detection: 5, event: 3 }));
        assert_eq!(read_segment_header(SEGMENT + 1, &header), Header::Damaged);
    }

    #[test]
    fn a_flipped_bit_costs_the_frame_it_lies_in_and_no_other() {
        let clean = segment(&[b"first", b"second", b"third"]);
        for bit in SEGMENT_HEADER * 8..clean.len() * 8 {
            let mut bytes = clean.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(bodies(&bytes).len(), 2, "bit {bit}");
        }
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_frames_before_it() {
        let clean = segment(&[b"first", b"second", b"third"]);
        let ends = [40, 61, 83, 104];
        for cut in SEGMENT_HEADER..clean.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(bodies(&clean[..cut]).len(), whole, "cut at {cut}");
            let last = Scan::new(&clean[..cut], SEGMENT, SEGMENT_HEADER as u32).last();
            let is_torn = matches!(last, Some(Found::Torn { .. }));
            assert_eq!(is_torn, !ends.contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_inside_another_frame_or_from_another_place_is_not_taken_for_one() {
        let mut inner = Vec::new();
        push_frame(&mut inner, SEGMENT, 0, b"stale");
        let mut bytes = segment(&[&inner, b"next"]);
        bytes[SEGMENT_HEADER] ^= 1;
        assert_eq!(bodies(&bytes), [b"next"]);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut random = fastrand::Rng::with_seed(42);
        for _ in 0..2000 {
            let mut bytes = segment(&[b"one", b"two"]);
            for _ in 0..random.usize(0..40) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let total: u64 = Scan::new(&bytes, SEGMENT, 0)
                .map(|found| match found {
                    Found::Frame { body, .. } => (FRAME_HEADER + body.len()) as u64,
                    Found::Damaged { len, .. } | Found::Torn { len, .. } => u64::from(len),
                })
                .sum();
            assert_eq!(total, bytes.len() as u64, "every byte is accounted for");
        }
    }
}
