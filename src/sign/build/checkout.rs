//! [`Checkout`]: git's word on the source, as the shell asked for it.

use super::Source;

/// What git says of the checkout that a project is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The commit at HEAD, its repository (credentials are never in it) and its reference.
    pub source: Source,
    /// The project's folder within the checkout: empty, or components that end in `/`.
    pub prefix: String,
    /// Paths that are not as the commit has them, relative to the checkout's top: changed, staged, removed, untracked, or
    /// marked so that git does not look (`assume-unchanged`). Sorted.
    pub dirty: Vec<String>,
}

impl Checkout {
    /// The paths that differ, but for those that `is_known` takes: it is asked for each path relative to the project,
    /// `None` standing for one outside of it.
    pub fn unknown_changes(&self, is_known: &dyn Fn(&str) -> bool) -> Vec<&str> {
        let known = |path: &&String| path.strip_prefix(&self.prefix).is_some_and(is_known);
        self.dirty.iter().filter(|path| !known(path)).map(String::as_str).collect()
    }
}
