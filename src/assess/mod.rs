//! Assessment: how much an event matters, and why, in words.
