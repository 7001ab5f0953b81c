//! Symbolic links: relative, inside the tree, and at the end pointing at something that is there.
//!
//! Two looks at each. [`parse_target`] as the link is met: the target, normalised by its words, stays inside the tree
//! (CVE-2021-37713, CVE-2025-4517: without asking the file system). [`resolve`] when all members are known: no step of
//! the way is itself a link, the end is a member, chains are short. A link to a folder that contains it is refused too:
//! inside, but a tree without end to whoever follows it.

use super::placed::{Node, Placed};
use crate::path::{MAX_PATH_LEN, RelPath};

/// Most links one after another (Linux: 40, path_resolution(7)).
const MAX_CHAIN: usize = 40;

/// Why a symbolic link may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRule {
    /// The target is empty.
    Empty,
    /// The target is not UTF-8.
    NotUtf8,
    /// The target is longer than a path may be.
    TooLong,
    /// The target is absolute, or starts with a drive letter.
    Absolute,
    /// The target has a backslash, which is a separator elsewhere.
    Backslash,
    /// The target has a NUL or another control character.
    Control,
    /// The target has an empty component: `a//b`, or `a/`, at which safe openers have slipped.
    EmptyComponent,
    /// The target is outside the tree.
    Escapes,
    /// The target, or a folder on the way to it, is not in the tree.
    Dangling,
    /// The way to the target passes through another link.
    ThroughLink,
    /// The links point at one another, or more than 40 of them in a row.
    Loop,
    /// The target is a folder that contains the link.
    ContainsItself,
}

impl LinkRule {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Empty => "link-empty",
            Self::NotUtf8 => "link-not-utf8",
            Self::TooLong => "link-too-long",
            Self::Absolute => "link-absolute",
            Self::Backslash => "link-backslash",
            Self::Control => "link-control",
            Self::EmptyComponent => "link-empty-component",
            Self::Escapes => "link-escapes",
            Self::Dangling => "link-dangling",
            Self::ThroughLink => "link-through-link",
            Self::Loop => "link-loop",
            Self::ContainsItself => "link-contains-itself",
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "the target is empty",
            Self::NotUtf8 => "the target is not UTF-8",
            Self::TooLong => "the target is longer than 1024 bytes",
            Self::Absolute => "the target is absolute",
            Self::Backslash => "the target has a backslash",
            Self::Control => "the target has a control character",
            Self::EmptyComponent => "the target has an empty component",
            Self::Escapes => "the target is outside the tree",
            Self::Dangling => "the target is not in the tree",
            Self::ThroughLink => "the way to the target passes through another link",
            Self::Loop => "the links lead round in a circle, or through more than 40 others",
            Self::ContainsItself => "the target is a folder that contains the link",
        }
    }
}

/// The target of the link at `link`, if by its words it stays inside the tree.
pub(super) fn parse_target<'a>(link: &RelPath, target: &'a [u8]) -> Result<&'a str, LinkRule> {
    let target = str::from_utf8(target).map_err(|_| LinkRule::NotUtf8)?;
    if target.is_empty() {
        return Err(LinkRule::Empty);
    }
    if target.len() > MAX_PATH_LEN {
        return Err(LinkRule::TooLong);
    }
    if target.contains('\\') {
        return Err(LinkRule::Backslash);
    }
    if target.contains(char::is_control) {
        return Err(LinkRule::Control);
    }
    match target.as_bytes() {
        [b'/', ..] => return Err(LinkRule::Absolute),
        [letter, b':', ..] if letter.is_ascii_alphabetic() => return Err(LinkRule::Absolute),
        _ => {}
    }
    let mut depth = link.components().count().saturating_sub(1);
    for component in target.split('/') {
        match component {
            "" => return Err(LinkRule::EmptyComponent),
            "." => {}
            ".." => depth = depth.checked_sub(1).ok_or(LinkRule::Escapes)?,
            _ => depth = depth.saturating_add(1),
        }
    }
    Ok(target)
}

/// Follows the link at `link` through the finished tree.
pub(super) fn resolve(tree: &Placed, link: &RelPath, target: &str) -> Result<(), LinkRule> {
    let mut here = link.clone();
    let mut target = target;
    for _ in 0..MAX_CHAIN {
        let end = walk(tree, &here, target)?;
        match tree.node(&end) {
            Some(Node::Folder) if contains(&end, link) => return Err(LinkRule::ContainsItself),
            Some(Node::Folder | Node::File { .. }) => return Ok(()),
            Some(Node::Link { target: next }) => target = next,
            None => return Err(LinkRule::Dangling),
        }
        here = end;
    }
    Err(LinkRule::Loop)
}

/// Where `target` ends, seen from the link `here`; every folder on the way is one of the tree.
fn walk(tree: &Placed, here: &RelPath, target: &str) -> Result<RelPath, LinkRule> {
    let mut at = here.parent();
    let mut rest = target.split('/').peekable();
    while let Some(component) = rest.next() {
        at = match (component, at) {
            (".", at) => at,
            ("..", Some(folder)) => folder.parent(),
            ("..", None) => return Err(LinkRule::Escapes),
            (name, None) => Some(name.parse().map_err(|_| LinkRule::Dangling)?),
            // Longer or deeper than any member may be, so it is none.
            (name, Some(folder)) => Some(format!("{folder}/{name}").parse().map_err(|_| LinkRule::Dangling)?),
        };
        if rest.peek().is_some()
            && let Some(folder) = &at
        {
            match tree.node(folder) {
                Some(Node::Folder) => {}
                Some(Node::Link { .. }) => return Err(LinkRule::ThroughLink),
                Some(Node::File { .. }) | None => return Err(LinkRule::Dangling),
            }
        }
    }
    // The root of the tree contains every link.
    at.ok_or(LinkRule::ContainsItself)
}

/// Whether `folder` is above `link`.
fn contains(folder: &RelPath, link: &RelPath) -> bool {
    link.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
}
