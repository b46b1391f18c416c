//! Cursors: a place in a list as text that means nothing to whoever carries it.

/// Bytes as text, with a checksum.
pub(super) fn seal(fields: &[u8]) -> String {
    let crc = crc32fast::hash(fields).to_be_bytes();
    fields.iter().chain(&crc).map(|byte| format!("{byte:02x}")).collect()
}

/// The `len` bytes that [`seal`] was given, and nothing else.
pub(super) fn unseal(text: &str, len: usize) -> Option<Vec<u8>> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != (len + 4) * 2 || !text.bytes().all(is_hex) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..len + 4).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()).collect();
    let mut bytes = bytes?;
    let crc = bytes.split_off(len);
    (crc == crc32fast::hash(&bytes).to_be_bytes()).then_some(bytes)
}
