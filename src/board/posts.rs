//! A wired line with its place and its trouble: taken when it can be had, given up
//! when it fails, tried again later.

use std::time::Duration;

use super::panel::{RETRY_FIRST, RETRY_LONGEST};
use super::{Input, LineError, Lines, Output, Profile, Wire};

struct Post<T: ?Sized> {
    what: &'static str,
    wire: Wire,
    line: Option<Box<T>>,
    trouble: Option<String>,
    next_try: Duration,
    /// The wait after the next failure.
    patience: Duration,
}

impl<T: ?Sized> Post<T> {
    fn new(what: &'static str, wire: &Wire) -> Self {
        let wire = wire.clone();
        Self {
            what,
            wire,
            line: None,
            trouble: None,
            next_try: Duration::ZERO,
            patience: RETRY_FIRST,
        }
    }

    /// Uses the line, which is taken first if need be; `None` when that fails.
    fn with<R>(
        &mut self,
        profile: &Profile,
        now: Duration,
        take: impl FnOnce(&Wire, super::Pin) -> Result<Box<T>, LineError>,
        work: impl FnOnce(&mut T) -> Result<R, LineError>,
    ) -> Option<R> {
        if self.line.is_none() && now < self.next_try {
            return None;
        }
        let result = self.taken(profile, take).and_then(work);
        match result {
            Ok(value) => {
                (self.trouble, self.patience) = (None, RETRY_FIRST);
                Some(value)
            }
            Err(error) => {
                (self.line, self.next_try) = (None, now + self.patience);
                self.patience = (self.patience * 2).min(RETRY_LONGEST);
                self.trouble = Some(format!("{}: {error}", self.what));
                None
            }
        }
    }

    fn taken(
        &mut self,
        profile: &Profile,
        take: impl FnOnce(&Wire, super::Pin) -> Result<Box<T>, LineError>,
    ) -> Result<&mut T, LineError> {
        let line = match self.line.take() {
            Some(line) => line,
            None => take(&self.wire, self.wire.place(self.what, profile)?)?,
        };
        Ok(self.line.insert(line))
    }
}

/// A line that is read; off while it cannot be had.
pub(super) struct InputPost(Post<dyn Input>);

impl InputPost {
    pub fn new(what: &'static str, wire: &Wire) -> Self {
        Self(Post::new(what, wire))
    }

    pub fn read(&mut self, lines: &dyn Lines, profile: &Profile, now: Duration) -> bool {
        let take = |wire: &Wire, pin| lines.input(&pin, wire.is_active_low);
        self.0.with(profile, now, take, |line| line.is_on()).unwrap_or(false)
    }

    pub fn trouble(&self) -> Option<&str> {
        self.0.trouble.as_deref()
    }
}

/// A line that is switched, only when it changes.
pub(super) struct OutputPost {
    post: Post<dyn Output>,
    shown: Option<bool>,
}

impl OutputPost {
    pub fn new(what: &'static str, wire: &Wire) -> Self {
        Self { post: Post::new(what, wire), shown: None }
    }

    pub fn show(&mut self, is_on: bool, lines: &dyn Lines, profile: &Profile, now: Duration) {
        if self.shown == Some(is_on) {
            return;
        }
        let take = |wire: &Wire, pin| lines.output(&pin, wire.is_active_low);
        let shown = self.post.with(profile, now, take, |line| line.set(is_on));
        self.shown = shown.map(|()| is_on);
    }

    /// What the line shows; absent while it cannot be had.
    pub fn shown(&self) -> Option<bool> {
        self.shown
    }

    pub fn trouble(&self) -> Option<&str> {
        self.post.trouble.as_deref()
    }
}
