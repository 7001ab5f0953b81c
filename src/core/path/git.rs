//! What git would take for its own in a stranger's tree.
//!
//! A repository names programs that git runs (`core.fsmonitor`, filters, hooks), and prompts and editors run git unasked in
//! whatever folder they are in. git finds a repository by the name `.git`, which some file systems have other spellings
//! for, and by the shape of a folder (`is_git_directory` in git's `setup.c`), whatever that one is called.
//! `.gitattributes`, `.gitignore` and `.gitmodules` name no program by themselves, and are files like others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{RelPath, fold};

/// Whether some file system takes the name of a file or folder for `.git`: one that ignores case, forms or characters that
/// cannot be seen (CVE-2014-9390), that drops dots and blanks at the end or what stands behind a colon, or that has short
/// names (CVE-2019-1352, CVE-2019-1353; git's `is_hfs_dotgit` and `is_ntfs_dotgit`).
pub fn is_dot_git(name: &str) -> bool {
    // Most names end here.
    matches!(name.as_bytes(), [b'.' | b'g' | b'G' | 0x80.., ..])
        && (is_called(name, ".git") || is_called(name, "git~1"))
}

/// A file, link or folder among these that makes git see a repository, `None` where there is none: one with `.git` in its
/// path, or the `HEAD` of a folder that has the shape of a repository.
pub fn repository_in<'a>(paths: impl IntoIterator<Item = &'a RelPath>) -> Option<&'a RelPath> {
    let mut shapes: BTreeMap<String, Shape<'a>> = BTreeMap::new();
    for path in paths {
        let mut start = 0_usize;
        for name in path.components() {
            let end = start.saturating_add(name.len());
            if is_dot_git(name) {
                return Some(path);
            }
            if let Some(part) = Part::of(name) {
                let folder = path.0.get(..start).unwrap_or_default();
                shapes.entry(fold(folder)).or_default().add(part, path, end == path.0.len());
            }
            start = end.saturating_add(1);
        }
    }
    shapes.values().find_map(Shape::head_of_repository)
}

/// What git looks for in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Objects,
    Refs,
    CommonDir,
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        // Most names end here.
        if !matches!(name.as_bytes(), [b'h' | b'H' | b'o' | b'O' | b'r' | b'R' | b'c' | b'C' | 0x80.., ..]) {
            return None;
        }
        let known =
            [("head", Self::Head), ("objects", Self::Objects), ("refs", Self::Refs), ("commondir", Self::CommonDir)];
        known.into_iter().find_map(|(known, part)| is_called(name, known).then_some(part))
    }
}

#[derive(Debug, Default)]
struct Shape<'a> {
    head: Option<&'a RelPath>,
    /// `HEAD` is read, so a folder of this name makes none.
    head_is_folder: bool,
    objects: bool,
    refs: bool,
    /// Says where `objects` and `refs` are: anywhere.
    common_dir: bool,
}

impl<'a> Shape<'a> {
    /// Adds what `path` has in this folder: its end, or a folder on its way. Of `objects` and `refs` git asks only whether
    /// it may enter them, and an executable file or a link will do.
    fn add(&mut self, part: Part, path: &'a RelPath, is_end: bool) {
        match part {
            Part::Head if is_end => self.head = Some(path),
            Part::Head => self.head_is_folder = true,
            Part::Objects => self.objects = true,
            Part::Refs => self.refs = true,
            Part::CommonDir => self.common_dir |= is_end,
        }
    }

    fn head_of_repository(&self) -> Option<&'a RelPath> {
        self.head.filter(|_| !self.head_is_folder && (self.common_dir || (self.objects && self.refs)))
    }
}

/// Whether some file system takes `name` for `known`, which is in lower case.
fn is_called(name: &str, known: &str) -> bool {
    let name = if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(fold(name)) };
    // The name of a stream of a file, `.git::$INDEX_ALLOCATION`, and what Windows drops at the end of a name.
    let file = name.split(':').next().unwrap_or_default();
    file.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_git() {
        let spellings = [
            ".git",
            ".GIT",
            ".Git",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".git\u{200d}",
            ".gi\u{206a}t",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git . .",
            "git~1.",
            ".git::$INDEX_ALLOCATION",
            ".GIT:x",
            "git~1:x",
            ".\u{ff47}it",
        ];
        for name in spellings {
            assert!(is_dot_git(name), "{name:?}");
        }
        for name in
            [".gitattributes", ".gitignore", ".gitmodules", ".github", "git", "git~2", ".gi", "x.git", "..git", ""]
        {
            assert!(!is_dot_git(name), "{name:?}");
        }
    }

    #[test]
    fn a_repository_is_found_by_its_shape() {
        let check = |texts: &[&str], expected: Option<&str>| {
            let paths: Vec<RelPath> = texts.iter().map(|text| text.parse().expect("a path")).collect();
            assert_eq!(repository_in(&paths).map(RelPath::as_str), expected, "{texts:?}");
        };
        check(&["HEAD", "config", "objects/x", "refs/heads/x"], Some("HEAD"));
        check(&["objects", "refs", "HEAD"], Some("HEAD"));
        check(&["a/b/refs/x", "a/b/objects/x", "a/b/HEAD"], Some("a/b/HEAD"));
        check(&["a/Head", "A/OBJECTS/x", "a/refs./x"], Some("a/Head"));
        check(&["a/he\u{200c}ad", "a/objects/x", "a/refs:y/x"], Some("a/he\u{200c}ad"));
        check(&["x/HEAD", "x/commondir"], Some("x/HEAD"));
        check(&["x/.git/y"], Some("x/.git/y"));
        check(&["x/.git"], Some("x/.git"));
        // Parts of different folders are no repository, nor are folders that git would have to read.
        check(&["a/HEAD", "objects/x", "refs/x"], None);
        check(&["HEAD", "objects/x"], None);
        check(&["HEAD", "HEAD/x", "objects/x", "refs/x"], None);
        check(&["HEAD", "commondir/x"], None);
        check(&["objects/x", "refs/x", "commondir"], None);
        check(&["HEADER", "objects/x", "refs/x", "head.js"], None);
        check(&[".gitattributes", "a/.gitignore", "a/.gitmodules"], None);
    }
}
