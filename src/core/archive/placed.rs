//! [`Placed`]: the tree as it will stand, known before a byte of it is written.
//!
//! Two members that some file system takes for one are refused on every system (CVE-2021-32803, CVE-2021-37712,
//! CVE-2025-29787), as is a member below a file or a link (written through: CVE-2021-32804). Folders that members
//! imply are tracked like those that the archive names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::Rule;
use crate::path::RelPath;

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Node {
    /// A folder, named or implied.
    Folder,
    /// A regular file, or a hard link, which is a copy of one.
    File {
        /// Its length in bytes.
        size: u64,
        /// Whether it is executable.
        executable: bool,
    },
    /// A symbolic link.
    Link {
        /// Its target, as the archive says.
        target: String,
    },
}

/// Everything kept so far, by the key under which paths collide.
#[derive(Debug, Default)]
pub(super) struct Placed {
    nodes: HashMap<String, (RelPath, Node)>,
    links: Vec<RelPath>,
    /// Bytes of all paths and targets.
    bytes: u64,
    /// The folder of the last member: archives list folder by folder, so it is mostly that of the next one too.
    last_folder: Option<RelPath>,
}

impl Placed {
    /// What stands at exactly this path.
    pub(super) fn node(&self, path: &RelPath) -> Option<&Node> {
        let (placed, node) = self.nodes.get(&path.collision_key())?;
        (placed == path).then_some(node)
    }

    /// Bytes of all paths, those of implied folders too, and of all targets of links.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The symbolic links, in archive order.
    pub(super) fn links(&self) -> impl Iterator<Item = (&RelPath, &str)> {
        self.links.iter().filter_map(|path| match self.node(path) {
            Some(Node::Link { target }) => Some((path, target.as_str())),
            _ => None,
        })
    }

    /// Puts `node` at `path`. Only a folder may be named again.
    pub(super) fn insert(&mut self, path: &RelPath, node: Node) -> Result<(), Rule> {
        if matches!(node, Node::Folder) {
            return match self.node(path) {
                Some(Node::File { .. } | Node::Link { .. }) => Err(Rule::Duplicate),
                Some(Node::Folder) | None => self.folder(path.clone()),
            };
        }
        if let Some(folder) = path.parent()
            && self.last_folder.as_ref() != Some(&folder)
        {
            self.folder(folder.clone())?;
            self.last_folder = Some(folder);
        }
        let target_len = if let Node::Link { target } = &node { Some(target.len()) } else { None };
        match self.nodes.entry(path.collision_key()) {
            Entry::Vacant(place) => place.insert((path.clone(), node)),
            Entry::Occupied(place) if place.get().0 == *path => return Err(Rule::Duplicate),
            Entry::Occupied(place) => return Err(Rule::Collision(place.get().0.clone())),
        };
        self.count(path.as_str().len());
        if let Some(len) = target_len {
            self.count(len);
            self.links.push(path.clone());
        }
        Ok(())
    }

    /// Makes sure that `path` and all above it are folders. The recursion is as deep as a path has components.
    fn folder(&mut self, path: RelPath) -> Result<(), Rule> {
        let key = path.collision_key();
        match self.nodes.get(&key) {
            Some((placed, Node::Folder)) if *placed == path => return Ok(()),
            Some((placed, Node::File { .. })) if *placed == path => return Err(Rule::BelowFile(path)),
            Some((placed, Node::Link { .. })) if *placed == path => return Err(Rule::BelowLink(path)),
            Some((placed, _)) => return Err(Rule::Collision(placed.clone())),
            None => {}
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        self.count(path.as_str().len());
        self.nodes.insert(key, (path, Node::Folder));
        Ok(())
    }

    fn count(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
}
