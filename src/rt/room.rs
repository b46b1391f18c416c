//! Room on the disk, for those who must leave some.

use std::sync::Arc;

/// Tells the free bytes of a disk; `None` when the system does not tell them.
pub type FreeBytes = Arc<dyn Fn() -> Option<u64> + Send + Sync>;
