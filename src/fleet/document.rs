//! A signed configuration: TOML with a head of comments, so that people and their
//! tools read it as what it is.
//!
//! ```text
//! # watchpost-config 1
//! # signature: 128 hexadecimal digits
//! # version: 12
//! # for: fleet north
//! [camera.detect] and so on
//! ```
//!
//! The signature is Ed25519 over the first line and everything behind the line of the
//! signature. It is checked before anything else is read. Bytes from outside, at most
//! [`DOCUMENT_MAX_BYTES`]: whatever they are, they end as a document or as a sentence.

use std::fmt;
use std::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// Largest document. Sixteen cameras with all zones need 60 KB.
pub const DOCUMENT_MAX_BYTES: usize = 256 << 10;

/// Highest version: what every JSON reader takes.
pub const VERSION_MAX: u64 = 1 << 53;

/// Longest name of a device or a fleet, in bytes.
const NAME_MAX: usize = 64;

const FIRST_LINE: &str = "# watchpost-config 1\n";
const SIGNATURE: &str = "# signature: ";
const VERSION: &str = "# version: ";
const FOR: &str = "# for: ";

/// Bytes of a public key and of a signature.
const PUBLIC_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// A signed configuration whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Grows with every document of a box; a lower one is never taken again.
    pub version: u64,
    /// Who is meant.
    pub addressee: Addressee,
    /// The configuration: keys that lie over those of the file.
    pub toml: String,
}

/// Who a document is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// One box, by its name.
    Device(String),
    /// All boxes of a fleet, by its name.
    Fleet(String),
}

/// Who makes the documents that a box takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_BYTES]);

/// Signs documents.
pub struct SigningKey(Ed25519KeyPair);

/// Why bytes are no document for this box.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Too long.
    #[error("it is longer than {DOCUMENT_MAX_BYTES} bytes")]
    TooLarge,
    /// Something else.
    #[error("it is no signed configuration: {0}")]
    Form(&'static str),
    /// Altered, or of somebody else.
    #[error("its signature is by none of the configured keys, or it was altered")]
    Signature,
    /// For another box.
    #[error("it is for {0}, not for this box")]
    Foreign(Addressee),
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(&'static str);

impl Document {
    /// Reads a document that one of `keys` has signed.
    ///
    /// # Errors
    /// When it is not one.
    pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, DocumentError> {
        let (signed, signature) = split(bytes)?;
        if !keys.iter().any(|key| key.has_signed(&message(signed), &signature)) {
            return Err(DocumentError::Signature);
        }
        Self::read(signed)
    }

    /// Reads a document without asking who made it; for people who inspect one.
    ///
    /// # Errors
    /// When it is not one.
    pub fn peek(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::read(split(bytes)?.0)
    }

    /// The document as bytes, signed by `key`.
    ///
    /// # Errors
    /// When version, name or size are not what [`Self::open`] takes.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, DocumentError> {
        let signed = format!("{VERSION}{}\n{FOR}{}\n{}", self.version, self.addressee, self.toml);
        let signature = hex(key.0.sign(&message(signed.as_bytes())).as_ref());
        let bytes = format!("{FIRST_LINE}{SIGNATURE}{signature}\n{signed}").into_bytes();
        match Self::peek(&bytes)? == *self {
            true => Ok(bytes),
            false => Err(DocumentError::Form("its head is not what it should be")),
        }
    }

    /// # Errors
    /// When the document is for another box than `device` of `fleet`.
    pub fn check_addressee(&self, device: &str, fleet: Option<&str>) -> Result<(), DocumentError> {
        let is_ours = match &self.addressee {
            Addressee::Device(name) => name == device,
            Addressee::Fleet(name) => fleet == Some(name),
        };
        is_ours.then_some(()).ok_or_else(|| DocumentError::Foreign(self.addressee.clone()))
    }

    fn read(signed: &[u8]) -> Result<Self, DocumentError> {
        let form = DocumentError::Form;
        let text = str::from_utf8(signed).map_err(|_| form("it is not UTF-8"))?;
        let (version, rest) = line(text, VERSION).ok_or(form("its version is missing"))?;
        let version = number(version).ok_or(form("its version is no number from 1 to 2^53"))?;
        let (name, toml) = line(rest, FOR).ok_or(form("it does not say for whom it is"))?;
        let addressee = name.parse().map_err(|KeyError(what)| form(what))?;
        Ok(Self { version, addressee, toml: toml.to_owned() })
    }
}

/// What was signed, without its first line, and the signature.
fn split(bytes: &[u8]) -> Result<(&[u8], [u8; SIGNATURE_BYTES]), DocumentError> {
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let form = DocumentError::Form;
    let rest =
        bytes.strip_prefix(FIRST_LINE.as_bytes()).ok_or(form("its first line is another"))?;
    let rest = rest.strip_prefix(SIGNATURE.as_bytes()).ok_or(form("its signature is missing"))?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(form("it breaks off"))?;
    let digits = str::from_utf8(&rest[..end]).ok();
    let signature = digits.and_then(unhex).ok_or(form("its signature is no such number"))?;
    Ok((&rest[end + 1..], signature))
}

/// What the signature is made over.
fn message(signed: &[u8]) -> Vec<u8> {
    [FIRST_LINE.as_bytes(), signed].concat()
}

/// The value of a line of the head, and what follows the line.
fn line<'t>(text: &'t str, key: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(key)?.split_once('\n')
}

/// A number in the only way it is written.
fn number(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok().filter(|number| (1..=VERSION_MAX).contains(number))?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(name) => write!(f, "device {name}"),
            Self::Fleet(name) => write!(f, "fleet {name}"),
        }
    }
}

impl FromStr for Addressee {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = KeyError("it is neither for a device nor for a fleet");
        let (kind, name) = text.split_once(' ').ok_or(wrong.clone())?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(allowed) {
            return Err(KeyError("the name of its device or fleet is none"));
        }
        match kind {
            "device" => Ok(Self::Device(name.to_owned())),
            "fleet" => Ok(Self::Fleet(name.to_owned())),
            _ => Err(wrong),
        }
    }
}

impl PublicKey {
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self).ok_or(KeyError("a public key has 64 hexadecimal digits"))
    }
}

impl SigningKey {
    /// A new one, and the text to keep secret.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<(Self, String), KeyError> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| KeyError("the system gives no randomness"))?;
        let text = hex(pkcs8.as_ref());
        Ok((text.parse()?, text))
    }

    /// What boxes know it by.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex_any(text.trim()).ok_or(KeyError("it is not hexadecimal"))?;
        let pair = Ed25519KeyPair::from_pkcs8(&bytes);
        pair.map(Self).map_err(|_| KeyError("it is no Ed25519 key (PKCS#8 version 2)"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    unhex_any(text)?.try_into().ok()
}

fn unhex_any(text: &str) -> Option<Vec<u8>> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_plain || !text.len().is_multiple_of(2) || text.len() > 1024 {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document {
            version: 12,
            addressee: Addressee::Fleet("north".to_owned()),
            toml: "[assess]\ntimezone = \"UTC\"\n".to_owned(),
        }
    }

    #[test]
    fn what_is_signed_is_read_back_and_is_toml() {
        let (key, text) = SigningKey::generate().unwrap();
        let bytes = document().sign(&key).unwrap();
        let public = text.parse::<SigningKey>().unwrap().public();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(Document::open(&bytes, &[public]).unwrap(), document());
        let table: toml::Table = str::from_utf8(&bytes).unwrap().parse().unwrap();
        assert_eq!(table["assess"]["timezone"].as_str(), Some("UTC"));
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_found() {
        let (key, _) = SigningKey::generate().unwrap();
        let bytes = document().sign(&key).unwrap();
        let public = key.public();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(Document::open(&altered, &[public]).is_err(), "byte {at}");
            assert!(Document::open(&bytes[..at], &[public]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_stranger_is_not_believed_and_a_second_key_is() {
        let (mine, stranger) =
            (SigningKey::generate().unwrap().0, SigningKey::generate().unwrap().0);
        let bytes = document().sign(&stranger).unwrap();
        let open = |keys: &[PublicKey]| Document::open(&bytes, keys);
        assert_eq!(open(&[mine.public()]), Err(DocumentError::Signature));
        assert_eq!(open(&[]), Err(DocumentError::Signature));
        assert!(open(&[mine.public(), stranger.public()]).is_ok());
    }

    #[test]
    fn it_is_for_a_box_by_name_or_for_its_fleet() {
        let fleet = document();
        assert_eq!(fleet.check_addressee("box-1", Some("north")), Ok(()));
        for other in [None, Some("south")] {
            let refused = fleet.check_addressee("north", other).unwrap_err();
            assert_eq!(refused.to_string(), "it is for fleet north, not for this box");
        }
        let device = Document { addressee: "device box-1".parse().unwrap(), ..document() };
        assert_eq!(device.check_addressee("box-1", None), Ok(()));
        assert!(device.check_addressee("box-2", Some("box-1")).is_err());
    }

    #[test]
    fn what_could_not_be_read_is_not_signed() {
        let (key, _) = SigningKey::generate().unwrap();
        let long = "#".repeat(DOCUMENT_MAX_BYTES);
        assert_eq!(Document { toml: long, ..document() }.sign(&key), Err(DocumentError::TooLarge));
        for version in [0, VERSION_MAX + 1] {
            assert!(Document { version, ..document() }.sign(&key).is_err());
        }
        let addressee = Addressee::Device("a\n[x]".to_owned());
        assert!(Document { addressee, ..document() }.sign(&key).is_err());
    }

    #[test]
    fn numbers_are_written_in_one_way_only() {
        assert_eq!(number("12"), Some(12));
        for wrong in ["", "0", "012", "+12", "1e3", "-1", "9007199254740993"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
