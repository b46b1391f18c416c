//! A line on the terminal that says how far a command is.

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use crate::store::tools::Progress;

/// Written again with every percent; nothing at all when standard error is not a
/// terminal. Gone when dropped.
pub struct ProgressBar {
    what: &'static str,
    is_shown: bool,
    percent: Option<u64>,
}

impl ProgressBar {
    /// For `what` is being done.
    pub fn new(what: &'static str) -> Self {
        Self { what, is_shown: io::stderr().is_terminal(), percent: None }
    }

    /// So far now; a command goes on to its end.
    pub fn follow(&mut self, progress: Progress) -> ControlFlow<()> {
        self.tell(progress);
        ControlFlow::Continue(())
    }

    /// So far now. A terminal that takes nothing is no reason to end.
    pub fn tell(&mut self, progress: Progress) {
        let percent = percent(progress);
        // Of an input of unknown length there is no share.
        if !self.is_shown || progress.all_bytes == 0 || self.percent == Some(percent) {
            return;
        }
        self.percent = Some(percent);
        let (what, bar) = (self.what, bar(percent));
        let mib = progress.all_bytes >> 20;
        let _ = write!(io::stderr(), "\r{what} {bar} {percent:3} % of {mib} MiB\x1b[K");
        let _ = io::stderr().flush();
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if self.percent.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn percent(Progress { done_bytes, all_bytes }: Progress) -> u64 {
    (done_bytes.min(all_bytes) * 100).checked_div(all_bytes).unwrap_or(100)
}

fn bar(percent: u64) -> String {
    let done = usize::try_from(percent / 5).unwrap_or(20).min(20);
    format!("[{}{}]", "#".repeat(done), ".".repeat(20 - done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        let half = Progress { done_bytes: 512, all_bytes: 1024 };
        assert_eq!(percent(half), 50);
        assert_eq!(bar(50), "[##########..........]");
        assert_eq!(percent(Progress::default()), 100, "nothing to do is done");
    }
}
