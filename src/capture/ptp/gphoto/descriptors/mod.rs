//! What libgphoto2 does to file descriptors, made harmless.

mod sys;

pub(super) use self::sys::{close_strays, give_up_stdin, is_stdin_given_up, refill_stdin};
