//! [`Identity`]: what tells that a file is still the one that it was.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// Which file it is and when it was last written to, as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    // The one time that no program can set back.
    changed: (i64, i64),
}

impl Identity {
    /// That of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// The length, in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }
}
