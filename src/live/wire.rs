//! How a message is written for one kind of client, once for all of them.
//!
//! The hub knows no wire format. Whoever does brings a [`Form`]: two functions and
//! the slot in which the hub keeps the first one's result beside the message.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Cursor, LiveMessage};

/// Forms there can be: the two wire contracts, and the camera SDK's with ids.
const SLOTS: usize = 3;

/// Room for a stamp: a number of 20 digits, a cursor of 25, and what a form
/// writes around them.
const STAMP_MAX_BYTES: usize = 96;

/// One way of writing messages.
#[derive(Clone, Copy)]
pub struct Form {
    slot: usize,
    encode: fn(&LiveMessage) -> Option<Wire>,
    stamp: fn(&Stamp) -> String,
    /// Whether clients see numbers.
    pub(super) is_stamped: bool,
}

/// What differs between two deliveries of the same message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its number on the connection.
    pub seq: u64,
    /// Its position in the stream, the same for every connection.
    pub cursor: Cursor,
    /// Whether it comes from the history.
    pub is_replay: bool,
}

impl Form {
    /// The form of wire contract `slot`, 0 to 2; no two forms may share a slot.
    /// `encode` gives nothing for a message that this contract does not know;
    /// `stamp` writes what stands between the parts of a stamped message.
    ///
    /// # Panics
    /// When there is no such slot; forms are constants, so this shows at build
    /// time.
    pub const fn new(
        slot: usize,
        encode: fn(&LiveMessage) -> Option<Wire>,
        stamp: fn(&Stamp) -> String,
    ) -> Self {
        assert!(slot < SLOTS, "there are three wire forms");
        Self { slot, encode, stamp, is_stamped: true }
    }

    /// The form of a contract whose clients see no numbers, and cannot ask again.
    ///
    /// # Panics
    /// When there is no such slot, as [`Self::new`].
    pub const fn plain(slot: usize, encode: fn(&LiveMessage) -> Option<Wire>) -> Self {
        Self { is_stamped: false, ..Self::new(slot, encode, |_| String::new()) }
    }

    /// A message as one connection gets it.
    pub fn text(&self, message: &LiveMessage, stamp: &Stamp) -> Option<Bytes> {
        (self.encode)(message).map(|wire| wire.stamp(self, stamp))
    }
}

/// A message as it is sent, apart from what differs between connections: its
/// stamp, which stands between `head` and `tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    head: Bytes,
    tail: Option<Bytes>,
}

impl Wire {
    /// A message that is the same for every connection.
    pub fn plain(text: impl Into<Bytes>) -> Self {
        Self { head: text.into(), tail: None }
    }

    /// A message that carries a stamp between two parts.
    pub fn stamped(head: impl Into<Bytes>, tail: impl Into<Bytes>) -> Self {
        Self { head: head.into(), tail: Some(tail.into()) }
    }

    /// Bytes on the wire, at most.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.as_ref().map_or(0, |tail| tail.len() + STAMP_MAX_BYTES)
    }

    /// Whether nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message with its stamp. Shared, not copied, when it carries none.
    pub(super) fn stamp(&self, form: &Form, stamp: &Stamp) -> Bytes {
        let Some(tail) = &self.tail else { return self.head.clone() };
        let mut text = BytesMut::with_capacity(self.len());
        text.put_slice(&self.head);
        text.put_slice((form.stamp)(stamp).as_bytes());
        text.put_slice(tail);
        text.freeze()
    }
}

/// A message on its way, with each form it has been written in so far.
pub(super) struct Envelope {
    pub(super) message: LiveMessage,
    /// Monotonic time of publication.
    pub(super) published: Duration,
    /// Position in the stream; for a message to one subscriber alone, the position
    /// it follows.
    pub(super) cursor: Cursor,
    forms: [OnceLock<Option<Wire>>; SLOTS],
}

impl Envelope {
    pub(super) fn new(message: LiveMessage, published: Duration, cursor: Cursor) -> Self {
        Self { message, published, cursor, forms: Default::default() }
    }

    /// The message in `form`, written now if nobody has needed it before.
    pub(super) fn wire(&self, form: &Form) -> Option<&Wire> {
        self.forms[form.slot].get_or_init(|| (form.encode)(&self.message)).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form::new(0, |_| None, |stamp| format!("{}@{}", stamp.seq, stamp.cursor));

    fn stamp(seq: u64) -> Stamp {
        Stamp { seq, cursor: Cursor::new(u32::MAX, u64::MAX), is_replay: false }
    }

    #[test]
    fn the_stamp_stands_between_the_parts() {
        let wire = Wire::stamped("{\"seq\":", "}");
        let text = wire.stamp(&FORM, &stamp(42));
        assert_eq!(text, "{\"seq\":42@ffffffff-ffffffffffffffff}");
        assert!(wire.stamp(&FORM, &stamp(u64::MAX)).len() <= wire.len());
    }

    #[test]
    fn a_message_without_a_stamp_is_shared_not_copied() {
        let wire = Wire::plain("data: {}\n\n");
        let texts = [1, 2].map(|seq| wire.stamp(&FORM, &stamp(seq)));
        assert_eq!(texts[0].as_ptr(), texts[1].as_ptr());
    }
}
