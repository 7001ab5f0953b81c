//! Patches: what a project chose to change in a tree, exact in content.
//!
//! Refuses a patch that does not apply as it was written: a file that is not there, a text that occurs more or less
//! often than said. A patch that silently does nothing is how a vendored tool gets its old behaviour back.

use std::collections::BTreeMap;
use std::fmt;

use crate::fault::Fault;
use crate::path::RelPath;

/// One change to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file gets these bytes.
    Replace(Vec<u8>),
    /// The file goes.
    Delete,
    /// Each of exactly `count` occurrences of `find` becomes `replace`.
    Substitute {
        /// What to look for; not empty.
        find: String,
        /// What to put in its place.
        replace: String,
        /// How often it occurs, without overlaps.
        count: usize,
    },
}

/// The changes to a tree, by file, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patches(BTreeMap<RelPath, Vec<Edit>>);

impl Patches {
    /// Adds a change behind those that are there.
    pub fn push(&mut self, path: RelPath, edit: Edit) {
        self.0.entry(path).or_default().push(edit);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a file is changed.
    pub fn touch(&self, path: &RelPath) -> bool {
        self.0.contains_key(path)
    }

    /// The files that are changed, and how.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &[Edit])> {
        self.0.iter().map(|(path, edits)| (path, edits.as_slice()))
    }

    /// The bytes of a file after its changes, `None` when it goes.
    pub fn apply(&self, path: &RelPath, mut bytes: Vec<u8>) -> Result<Option<Vec<u8>>, PatchError> {
        for edit in self.0.get(path).into_iter().flatten() {
            bytes = match edit {
                Edit::Replace(replacement) => replacement.clone(),
                Edit::Delete => return Ok(None),
                Edit::Substitute { find, replace, count } => {
                    let found = occurrences(&bytes, find);
                    if found.len() != *count {
                        return Err(PatchError::Count {
                            path: path.clone(),
                            find: find.clone(),
                            expected: *count,
                            found: found.len(),
                        });
                    }
                    let kept = bytes.len().saturating_sub(found.len().saturating_mul(find.len()));
                    let len = kept.saturating_add(found.len().saturating_mul(replace.len()));
                    // Looked at before it is made: a few edits that each multiply ask for more memory than there is.
                    if u64::try_from(len).map_or(true, |len| len > MAX_PATCHED) {
                        return Err(PatchError::TooLong(path.clone()));
                    }
                    substitute(&bytes, &found, find.len(), replace.as_bytes())
                }
            };
        }
        Ok(Some(bytes))
    }
}

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// The text occurs more or less often than said.
    Count {
        /// The file.
        path: RelPath,
        /// What was looked for.
        find: String,
        /// How often it should occur.
        expected: usize,
        /// How often it does.
        found: usize,
    },
    /// There is no such file in the tree.
    Missing(RelPath),
    /// The path is a link or a folder.
    NotAFile(RelPath),
    /// The file is a hard link to a file that is patched, or the reverse: which of the two is meant is not said.
    HardLink(RelPath),
    /// The file is longer than a patched one may be, or becomes so.
    TooLong(RelPath),
}

impl PatchError {
    /// A stable identifier.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Count { .. } => "patch-count",
            Self::Missing(_) => "patch-missing-file",
            Self::NotAFile(_) => "patch-not-a-file",
            Self::HardLink(_) => "patch-hard-link",
            Self::TooLong(_) => "patch-too-long",
        }
    }

    /// The file that the patch is for.
    pub const fn path(&self) -> &RelPath {
        match self {
            Self::Count { path, .. }
            | Self::Missing(path)
            | Self::NotAFile(path)
            | Self::HardLink(path)
            | Self::TooLong(path) => path,
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Count { .. } => {
                "the file differs from the one that the patch was written for; adapt `find` or `count`"
            }
            Self::Missing(_) => "paths of patches are seen after `strip`, `include` and `exclude`",
            Self::NotAFile(_) | Self::HardLink(_) => "patch the file itself",
            Self::TooLong(_) => "patches are for text that people review",
        }
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { path, find, expected, found } => {
                write!(f, "the patch of `{path}` no longer applies: `{}` occurs ", shorten(find))?;
                match found {
                    0 => f.write_str("nowhere")?,
                    1 => f.write_str("once")?,
                    _ => write!(f, "{found} times")?,
                }
                write!(f, ", not {expected} time{}", if *expected == 1 { "" } else { "s" })
            }
            Self::Missing(path) => write!(f, "the patch of `{path}` no longer applies: there is no such file"),
            Self::NotAFile(path) => write!(f, "the patch of `{path}` cannot apply: that is no regular file"),
            Self::HardLink(path) => write!(f, "the patch of `{path}` cannot apply: that file is a hard link"),
            Self::TooLong(path) => {
                write!(
                    f,
                    "the patch of `{path}` cannot apply: the file is, or becomes, longer than {MAX_PATCHED} bytes"
                )
            }
        }
    }
}

impl From<PatchError> for Fault {
    fn from(error: PatchError) -> Self {
        Self::refused(error.code(), error.to_string()).hint(error.hint()).because(error)
    }
}

impl std::error::Error for PatchError {}

/// Longest file that a patch may touch, in bytes: it is held in memory, whole, twice.
pub const MAX_PATCHED: u64 = 8 << 20;

/// Where `needle` stands in `haystack`, without overlaps, from the front. It takes as long as both are together: the search of
/// the standard library is linear, but for text alone, and a text stands in what is text or nowhere.
fn occurrences(haystack: &[u8], needle: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 0_usize;
    for chunk in haystack.utf8_chunks() {
        let text = chunk.valid();
        // A search begins with a look at all of the needle, which is not for each of many short texts.
        if !needle.is_empty() && text.len() >= needle.len() {
            found.extend(text.match_indices(needle).map(|(at, _)| start.saturating_add(at)));
        }
        start = start.saturating_add(text.len()).saturating_add(chunk.invalid().len());
    }
    found
}

fn substitute(bytes: &[u8], found: &[usize], len: usize, replacement: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut copied = 0_usize;
    for at in found {
        result.extend_from_slice(bytes.get(copied..*at).unwrap_or_default());
        result.extend_from_slice(replacement);
        copied = at.saturating_add(len);
    }
    result.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    result
}

/// The first line of a text, escaped and cut, for a message.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(60).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RelPath {
        "lib/a.js".parse().expect("a path")
    }

    fn apply(edits: Vec<Edit>, bytes: &str) -> Result<Option<String>, PatchError> {
        let mut patches = Patches::default();
        for edit in edits {
            patches.push(path(), edit);
        }
        let bytes = patches.apply(&path(), bytes.into())?;
        Ok(bytes.map(|bytes| String::from_utf8(bytes).expect("text")))
    }

    fn substitute(find: &str, replace: &str, count: usize) -> Edit {
        Edit::Substitute { find: find.into(), replace: replace.into(), count }
    }

    #[test]
    fn applies_in_order() {
        let edits = vec![substitute("aa", "b", 2), substitute("bb", "c", 1)];
        assert_eq!(apply(edits, "aaaa."), Ok(Some("c.".into())));
        assert_eq!(apply(vec![Edit::Replace(b"new".into())], "old"), Ok(Some("new".into())));
        assert_eq!(apply(vec![Edit::Delete], "old"), Ok(None));
    }

    /// A search that goes on one byte after each false start would take a quarter of an hour for the last of these.
    #[test]
    fn occurrences_do_not_overlap_and_take_no_longer_than_the_bytes_are_long() {
        assert_eq!(occurrences(b"aaaaa", "aa"), [0, 2]);
        assert_eq!(occurrences(b"abcab", "ab"), [0, 3]);
        assert_eq!(occurrences(b"a", ""), [0; 0]);
        // Around bytes that are no text, and next to those that begin a character and do not end it.
        assert_eq!(occurrences(b"\xffab\xe2\x82ab\xc3\xa9ab\x80", "ab"), [1, 5, 9]);
        assert_eq!(occurrences("\u{e9}\u{e9}".as_bytes(), "\u{e9}"), [0, 2]);
        assert_eq!(occurrences(b"\xe9\xc3\xa9", "\u{e9}"), [1]);
        let (long, needle) = (vec![b'a'; 8 << 20], format!("{}b", "a".repeat(1 << 20)));
        assert_eq!(occurrences(&long, &needle), [0; 0]);
        assert_eq!(occurrences(&[long.as_slice(), b"b"].concat(), &needle), [(8 << 20) - (1 << 20)]);
        let broken = [vec![b'a'; 1 << 10], vec![0xff]].concat().repeat(1 << 12);
        assert_eq!(occurrences(&broken, &needle), [0; 0]);
    }

    #[test]
    fn what_a_patch_makes_is_bounded_too() {
        let long = "b".repeat(1 << 20);
        let once = vec![substitute("a", &long, 1)];
        assert!(apply(once, "a").is_ok());
        // Each alone is short: together they would be a terabyte.
        let edits = vec![substitute("a", &long, 1), substitute("b", &long, 1 << 20)];
        assert_eq!(apply(edits, "a"), Err(PatchError::TooLong(path())));
    }

    #[test]
    fn a_text_that_moved_refuses() {
        let check = |find: &str, count, bytes: &str, found| {
            let error = apply(vec![substitute(find, "x", count)], bytes);
            assert_eq!(error, Err(PatchError::Count { path: path(), find: find.into(), expected: count, found }));
        };
        check("abc", 1, "ab ac", 0);
        check("abc", 1, "abc abc", 2);
        check("abc", 2, "ababc", 1);
        check("abc", 1, "", 0);
        let text = PatchError::Count { path: path(), find: "x".repeat(100), expected: 1, found: 2 }.to_string();
        assert!(text.ends_with("x…` occurs 2 times, not 1 time"), "{text}");
    }
}
