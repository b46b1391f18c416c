//! How a message is written for one kind of client, once for all of them.
//!
//! The hub knows no wire format. Whoever does brings a [`Form`]: a function and
//! the slot in which the hub keeps its result beside the message.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::LiveMessage;

/// Forms there can be: the two wire contracts.
const SLOTS: usize = 2;

/// Decimal digits of the longest number a connection can reach.
const NUMBER_DIGITS_MAX: usize = 20;

/// One way of writing messages.
#[derive(Clone, Copy)]
pub struct Form {
    slot: usize,
    encode: fn(&LiveMessage) -> Option<Wire>,
}

impl Form {
    /// The form of wire contract `slot`, 0 or 1; no two forms may share a slot.
    /// `encode` gives nothing for a message that this contract does not know.
    ///
    /// # Panics
    /// When there is no such slot; forms are constants, so this shows at build
    /// time.
    pub const fn new(slot: usize, encode: fn(&LiveMessage) -> Option<Wire>) -> Self {
        assert!(slot < SLOTS, "there are two wire contracts");
        Self { slot, encode }
    }
}

/// A message as it is sent, apart from what differs between connections: its
/// number, which stands between `head` and `tail`.
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

    /// A message that carries the connection's number between two parts.
    pub fn numbered(head: impl Into<Bytes>, tail: impl Into<Bytes>) -> Self {
        Self { head: head.into(), tail: Some(tail.into()) }
    }

    /// Bytes on the wire, at most.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.as_ref().map_or(0, |tail| tail.len() + NUMBER_DIGITS_MAX)
    }

    /// Whether nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message with its number. Shared, not copied, when it carries none.
    pub fn with_number(&self, number: u64) -> Bytes {
        let Some(tail) = &self.tail else { return self.head.clone() };
        let mut text = BytesMut::with_capacity(self.len());
        text.put_slice(&self.head);
        text.put_slice(number.to_string().as_bytes());
        text.put_slice(tail);
        text.freeze()
    }
}

/// A message on its way, with each form it has been written in so far.
pub(super) struct Envelope {
    pub(super) message: LiveMessage,
    /// Monotonic time of publication.
    pub(super) published: Duration,
    forms: [OnceLock<Option<Wire>>; SLOTS],
}

impl Envelope {
    pub(super) fn new(message: LiveMessage, published: Duration) -> Self {
        Self { message, published, forms: Default::default() }
    }

    /// The message in `form`, written now if nobody has needed it before.
    pub(super) fn wire(&self, form: &Form) -> Option<&Wire> {
        self.forms[form.slot].get_or_init(|| (form.encode)(&self.message)).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_between_the_parts() {
        let wire = Wire::numbered("{\"seq\":", "}");
        assert_eq!(wire.with_number(42), "{\"seq\":42}");
        assert_eq!(wire.with_number(u64::MAX).len(), wire.len());
    }

    #[test]
    fn a_message_without_a_number_is_shared_not_copied() {
        let wire = Wire::plain("data: {}\n\n");
        assert_eq!(wire.with_number(1).as_ptr(), wire.with_number(2).as_ptr());
    }
}
