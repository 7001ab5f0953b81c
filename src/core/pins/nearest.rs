//! "Did you mean": the nearest of some known words.

/// The known word with the fewest edits from `word`, if that is few enough to be a slip: a third of its length, at
/// least one.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let within = |candidate: &'a str| Some((distance(word, candidate, limit)?, candidate));
    known.filter_map(within).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, change, swap of neighbours; ASCII case is free) from `a` to `b`, `None` above `limit`.
///
/// Only so much of a word is looked at: a key of megabytes costs nothing.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let a: Vec<char> = a.chars().take(MAX_WORD).map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().take(MAX_WORD).map(|c| c.to_ascii_lowercase()).collect();
    if a.len() == MAX_WORD || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, &x) in a.iter().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        let mut left = None;
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let changed = at(&row, j).saturating_add(usize::from(x != y));
            let removed = at(&row, j.saturating_add(1)).saturating_add(1);
            let added = at(&next, j).saturating_add(1);
            let swapped = match j.checked_sub(1) {
                Some(j) if previous == Some(y) && left == Some(x) => at(&before, j).saturating_add(1),
                _ => usize::MAX,
            };
            next.push(changed.min(removed).min(added).min(swapped));
            left = Some(y);
        }
        before = std::mem::replace(&mut row, next);
        previous = Some(x);
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

/// Longest word that is compared, in characters: twice the longest pin name.
const MAX_WORD: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let known = ["integrity", "include", "strip", "to", "size"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
        };
        check("intgrity", Some("integrity"));
        check("integirty", Some("integrity"));
        check("Integrity", Some("integrity"));
        check("stirp", Some("strip"));
        check("ot", Some("to"));
        check("siz", Some("size"));
        check("destination", None);
        check("", None);
        check(&"x".repeat(100_000), None);
    }
}
