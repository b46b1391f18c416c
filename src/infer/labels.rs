//! The names of a network's classes, one a line, in the order of its columns.
//!
//! A file is read up to [`LABELS_MAX`] lines of [`LABEL_LEN_MAX`] characters;
//! whatever is longer is not a label file.

use std::path::Path;

use super::InferError;
use super::load::read_bounded;
use crate::domain::Label;

/// COCO's 80 names, as the network was trained.
const COCO: &str = include_str!("models/labels.txt");
/// More classes than any network of this kind has.
const LABELS_MAX: usize = 1_000;
/// Longest accepted name, in characters.
const LABEL_LEN_MAX: usize = 64;
/// Largest label file, in bytes: all labels at four bytes a character.
const LABEL_FILE_MAX: u64 = 256 * 1024;

/// The names of the built-in networks.
pub fn coco() -> Vec<Label> {
    COCO.lines().map(Label::new).collect()
}

/// The names in a file; empty lines at its end are ignored.
pub fn from_file(path: &Path) -> Result<Vec<Label>, InferError> {
    let bytes = read_bounded(path, LABEL_FILE_MAX)?;
    parse(&bytes)
        .map_err(|reason| InferError::Unusable { name: path.display().to_string(), reason })
}

fn parse(bytes: &[u8]) -> Result<Vec<Label>, String> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| "its labels are not UTF-8 text".to_owned())?;
    let lines: Vec<_> = text.trim_end().lines().map(str::trim).collect();
    if lines.len() > LABELS_MAX {
        return Err(format!("it has {} labels, more than {LABELS_MAX}", lines.len()));
    }
    for (number, line) in lines.iter().enumerate() {
        let is_printable = !line.is_empty() && !line.chars().any(char::is_control);
        if !is_printable || line.chars().count() > LABEL_LEN_MAX {
            return Err(format!("line {} of its labels is not a name", number + 1));
        }
    }
    Ok(lines.into_iter().map(Label::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_names_are_the_80_of_coco_beginning_with_person() {
        let names = coco();
        assert_eq!(names.len(), 80);
        assert_eq!(names[0].as_str(), "person");
    }

    #[test]
    fn a_file_that_is_not_a_list_of_names_is_refused_with_the_line() {
        assert_eq!(parse(b"person\n\ncar\n"), Err("line 2 of its labels is not a name".to_owned()));
        assert!(parse(&[0xff, 0xfe]).is_err());
        assert!(parse("x\n".repeat(1_001).as_bytes()).is_err());
        assert_eq!(parse(b"person\r\ncar\r\n\r\n").map(|names| names.len()), Ok(2));
    }
}
