//! Bytes that clients were promised, in `tests/golden`.

use std::path::Path;

pub fn assert_golden(name: &str, bytes: impl AsRef<[u8]>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, bytes.as_ref()).unwrap();
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    assert_eq!(
        String::from_utf8_lossy(bytes.as_ref()),
        String::from_utf8_lossy(&expected),
        "{name} is no longer what clients were promised"
    );
}
