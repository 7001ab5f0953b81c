//! [`RelPath`], the only kind of path that comes out of pins.toml or an archive.
//!
//! Split into components once, here. Refuses what leaves its folder (`..`, absolute, drive letters), what two
//! systems read differently (backslash, empty components, control characters), and what is too long or too deep.
//! The rules follow CVE-2007-4559, CVE-2021-32804 and CVE-2021-37713.

mod git;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

pub use git::{is_dot_git, repository_in};

/// Longest path, in bytes; PATH_MAX is 4096 on Linux and 1024 on macOS.
pub const MAX_PATH_LEN: usize = 1024;
/// Longest component, in bytes (NAME_MAX).
pub const MAX_COMPONENT_LEN: usize = 255;
/// Deepest path, in components.
pub const MAX_DEPTH: usize = 64;

/// A relative path of one or more plain components, separated by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

impl RelPath {
    /// The path with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components in order; there is at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, name)| name)
    }

    /// All but the last component, `None` for a path of one.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The path without its first `count` components, `None` if nothing remains.
    pub fn strip(&self, count: usize) -> Option<Self> {
        let mut rest = self.as_str();
        for _ in 0..count {
            rest = rest.split_once('/')?.1;
        }
        Some(Self(rest.to_owned()))
    }

    /// `self`, then `/`, then `other`; refused when that is too long or too deep.
    pub fn join(&self, other: &Self) -> Result<Self, PathError> {
        format!("{self}/{other}").parse()
    }

    /// Whether `self` is `other` or a folder above it, as a case- and form-insensitive file system sees it.
    pub fn contains(&self, other: &Self) -> bool {
        let (above, below) = (self.collision_key(), other.collision_key());
        below.strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The order in which a tree is walked: by component, each by its bytes, a folder before what is in it. Records list
    /// files in this order and NAR (nix 2.x, `dumpPath`) requires it; plain string order puts `a-b` before `a/b`.
    pub fn tree_order(&self, other: &Self) -> Ordering {
        // No component has a control character, so NUL sorts a separator before every other byte.
        let key = |byte: u8| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(key).cmp(other.0.bytes().map(key))
    }

    /// A text that two paths share when some file system takes them for one: folded by case and Unicode form, without
    /// the characters that HFS+ ignores (CVE-2021-32803, CVE-2021-37712, CVE-2014-9390).
    pub fn collision_key(&self) -> String {
        fold(&self.0)
    }
}

/// See [`RelPath::collision_key`].
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let visible = text.chars().filter(
        |c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'),
    );
    // Upper case first, so that one-to-many folds (ß, ligatures) come out alike.
    let upper: String = visible.nfkd().collect::<String>().to_uppercase();
    upper.to_lowercase().nfkd().collect()
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RelPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > MAX_PATH_LEN {
            return Err(PathError::TooLong);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.contains('\\') {
            return Err(PathError::Backslash);
        }
        if text.contains(char::is_control) {
            return Err(PathError::Control);
        }
        let mut depth = 0_usize;
        for component in text.split('/') {
            depth = depth.saturating_add(1);
            match component {
                "" => return Err(PathError::EmptyComponent),
                "." => return Err(PathError::Dot),
                ".." => return Err(PathError::DotDot),
                _ if component.len() > MAX_COMPONENT_LEN => return Err(PathError::TooLong),
                _ => {}
            }
        }
        if depth > MAX_DEPTH {
            return Err(PathError::TooDeep);
        }
        if let [letter, b':', ..] = text.as_bytes()
            && letter.is_ascii_alphabetic()
        {
            return Err(PathError::Drive);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text is not a [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Nothing there.
    Empty,
    /// It starts with `/`.
    Absolute,
    /// It starts with a drive letter, `c:`.
    Drive,
    /// A `\`, which is a separator elsewhere.
    Backslash,
    /// A NUL or another control character.
    Control,
    /// Two separators in a row, or one at the end.
    EmptyComponent,
    /// A component `.`.
    Dot,
    /// A component `..`.
    DotDot,
    /// Longer than [`MAX_PATH_LEN`], or a component longer than [`MAX_COMPONENT_LEN`].
    TooLong,
    /// More than [`MAX_DEPTH`] components.
    TooDeep,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the path is empty",
            Self::Absolute => "the path is absolute",
            Self::Drive => "the path starts with a drive letter",
            Self::Backslash => "the path has a backslash",
            Self::Control => "the path has a control character",
            Self::EmptyComponent => "the path has an empty component",
            Self::Dot => "the path has a component `.`",
            Self::DotDot => "the path has a component `..`",
            Self::TooLong => "the path is longer than 1024 bytes, or a name in it longer than 255",
            Self::TooDeep => "the path is deeper than 64 components",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let check = |text: &str, expected: PathError| {
            assert_eq!(text.parse::<RelPath>(), Err(expected), "{text:?}");
        };
        check("", PathError::Empty);
        check("/etc/passwd", PathError::Absolute);
        check("c:/x", PathError::Drive);
        check("C:x", PathError::Drive);
        check("a\\b", PathError::Backslash);
        check("a\0b", PathError::Control);
        check("a\u{85}b", PathError::Control);
        check("a//b", PathError::EmptyComponent);
        check("a/", PathError::EmptyComponent);
        check("./a", PathError::Dot);
        check("a/../b", PathError::DotDot);
        check(&"a/".repeat(80), PathError::EmptyComponent);
        check(&vec!["a"; 65].join("/"), PathError::TooDeep);
        check(&"a".repeat(256), PathError::TooLong);
        check(&vec!["abcdefgh"; 120].join("/"), PathError::TooLong);
    }

    #[test]
    fn folds_what_some_file_system_folds() {
        let key = |text: &str| text.parse::<RelPath>().map(|path| path.collision_key());
        assert_eq!(key("README.md"), key("readme.MD"));
        assert_eq!(key("caf\u{e9}"), key("CAFE\u{301}"));
        assert_eq!(key("stra\u{df}e"), key("STRASSE"));
        assert_eq!(key("\u{fb01}x"), key("fix"));
        assert_eq!(key(".g\u{200c}it"), key(".git"));
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn tree_order_walks_folders_whole() {
        let mut paths = ["a.b", "a/c", "a-b", "a", "a/b/c", "B"].map(|text| text.parse::<RelPath>().expect("a path"));
        paths.sort_by(RelPath::tree_order);
        assert_eq!(paths.each_ref().map(RelPath::as_str), ["B", "a", "a/b/c", "a/c", "a-b", "a.b"]);
    }

    #[test]
    fn contains_compares_components() {
        let path = |text: &str| text.parse::<RelPath>().expect("a path");
        assert!(path("a/b").contains(&path("a/b")));
        assert!(path("a/b").contains(&path("A/B/c")));
        assert!(!path("a/b").contains(&path("a/bc")));
        assert_eq!(path("a/b/c").strip(1), Some(path("b/c")));
        assert_eq!(path("a/b/c").strip(3), None);
    }
}
