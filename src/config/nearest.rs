//! "Did you mean": the known word nearest to a mistyped one.

/// Longest word that is compared; longer ones are not slips of the finger.
const WORD_MAX: usize = 48;

/// The one of `known` that differs from `word` by at most a third of its
/// letters, if any.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_MAX {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(steps, candidate)| *steps <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove or replace to get from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word_and_strangers_find_none() {
        let known = ["listen", "state_dir", "min_confidence"];
        assert_eq!(nearest("litsen", known), Some("listen"));
        assert_eq!(nearest("state-dir", known), Some("state_dir"));
        assert_eq!(nearest("min_confidance", known), Some("min_confidence"));
        assert_eq!(nearest("color", known), None);
        assert_eq!(nearest(&"listen".repeat(100), known), None);
    }
}
