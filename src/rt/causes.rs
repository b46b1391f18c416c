//! Errors as people read them.

use std::error::Error;

/// An error and its causes in one line; what is already said is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    said_with_causes(error.to_string(), error)
}

/// `said`, and the causes of `error`, for one whose own words help nobody.
pub fn said_with_causes(said: impl Into<String>, error: &dyn Error) -> String {
    let (mut text, mut cause) = (said.into(), error.source());
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(&'static str);

    #[test]
    fn every_cause_is_said_once() {
        assert_eq!(with_causes(&Outer(Inner("no file"))), "cannot read: no file");
        assert_eq!(with_causes(&Outer(Inner("cannot read"))), "cannot read");
        assert_eq!(said_with_causes("no answer", &Outer(Inner("no file"))), "no answer: no file");
    }
}
