//! Mistakes in the configuration: where, what, and how to put it right.
//!
//! All mistakes are collected and told at once. Values that may be secret are
//! never quoted; others are quoted shortened.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Most mistakes that are listed; the rest are counted. More than a screenful
/// means that the wrong file was given.
const LISTED_MAX: usize = 40;

/// Where a mistake is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file; both count from 1.
    File {
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// In an environment variable.
    Variable(String),
    /// In a command line flag.
    Flag(&'static str),
}

impl Place {
    /// The place of byte `offset` in `text`; the end of the text when there is
    /// no such byte.
    pub fn in_text(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::File {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "line {line}, column {column}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where it is.
    pub place: Place,
    /// What is wrong, naming the key.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.fix)
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error(
        "there is no configuration at {0}; copy watchpost.example.toml there, or try `watchpost run --demo`"
    )]
    Missing(PathBuf),
    /// The file is there but cannot be read.
    #[error("cannot read the configuration {path}; let the daemon's user read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is larger than any configuration can be.
    #[error("{path} is larger than {max_bytes} bytes; this is not a configuration of Watchpost")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        max_bytes: u64,
    },
    /// The file is read, but what it says cannot be done.
    #[error("{}", list(.file, .mistakes))]
    Mistakes {
        /// Name of the file, for people.
        file: String,
        /// All mistakes, in the order of the file.
        mistakes: Vec<Mistake>,
    },
    /// What the fleet has signed does not go with the file.
    #[error("the configuration of the fleet cannot lie over the file: {0}")]
    Layer(String),
}

/// Mistakes in one line, where their places would mislead.
pub fn without_places(mistakes: &[Mistake]) -> String {
    let said = mistakes.iter().take(LISTED_MAX);
    let said = said.map(|mistake| format!("{}; {}", mistake.what, mistake.fix));
    said.collect::<Vec<_>>().join(". ")
}

fn list(file: &str, mistakes: &[Mistake]) -> String {
    let count = match mistakes.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let mut text = format!("{file} has {count}:");
    for mistake in mistakes.iter().take(LISTED_MAX) {
        text.push_str(&format!("\n  {mistake}"));
    }
    if mistakes.len() > LISTED_MAX {
        text.push_str(&format!("\n  and {} more", mistakes.len() - LISTED_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a = 1\nü = 2";
        assert_eq!(Place::in_text(text, 0), Place::File { line: 1, column: 1 });
        assert_eq!(Place::in_text(text, 9), Place::File { line: 2, column: 3 });
        assert_eq!(Place::in_text(text, 900), Place::File { line: 2, column: 6 });
    }

    #[test]
    fn a_flood_of_mistakes_is_counted_instead_of_listed() {
        let mistake =
            Mistake { place: Place::Flag("--listen"), what: "x".to_owned(), fix: "y".to_owned() };
        let error =
            ConfigError::Mistakes { file: "w.toml".to_owned(), mistakes: vec![mistake; 100] };
        let text = error.to_string();
        assert!(text.starts_with("w.toml has 100 mistakes:"), "{text}");
        assert!(text.ends_with("and 60 more"), "{text}");
    }
}
