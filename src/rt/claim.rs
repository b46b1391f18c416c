//! The right to a place that one process at a time may use.

use std::fmt;
use std::sync::Arc;

/// Why a place may not be used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another process has it; the text names it.
    #[error("{0}")]
    InUse(String),
    /// It cannot be had at all; the text says why.
    #[error("{0}")]
    Unusable(String),
}

/// The right to a place, taken by whoever is about to write there. What was
/// refused once may be granted later, and what was granted may have to be taken
/// again. Cheap to clone; clones are the same right.
#[derive(Clone)]
pub struct Claim(Arc<Take>);

type Take = dyn Fn() -> Result<(), Refused> + Send + Sync;

impl Claim {
    /// Of a place that nobody disputes.
    pub fn free() -> Self {
        Self::new(|| Ok(()))
    }

    /// Granted by `take`, which does nothing while the right is held. It may
    /// touch the disk; it must not wait.
    pub fn new(take: impl Fn() -> Result<(), Refused> + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Takes the right, or sees that it is still held.
    ///
    /// # Errors
    /// When another process has it, or the place is unusable.
    pub fn take(&self) -> Result<(), Refused> {
        (self.0)()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}
