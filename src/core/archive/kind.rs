//! [`KindRule`]: members and modes that no tree gets.

use super::error::Rule;

/// Refuses the bits of a Unix mode that give a file more rights than its reader has: set-id and sticky bits. Of the
/// others only the owner's x bit is looked at, by the caller (CVE-2023-38497).
pub(super) const fn check_mode(mode: u32) -> Result<(), Rule> {
    if mode & 0o6000 != 0 {
        Err(Rule::Kind(KindRule::SetId))
    } else if mode & 0o1000 != 0 {
        Err(Rule::Kind(KindRule::Sticky))
    } else {
        Ok(())
    }
}

/// Members and modes that are refused whether they are wanted or not: readers differ over what follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindRule {
    /// A character or block device.
    Device,
    /// A named pipe.
    Fifo,
    /// A socket (zip only; tar has none).
    Socket,
    /// A sparse file, GNU or PAX: its size has two meanings.
    Sparse,
    /// A part of a file from another volume.
    MultiVolume,
    /// A GNU incremental dump's folder, whose body is a list of names.
    DumpDir,
    /// A contiguous file, which some readers take for a file and others skip.
    Contiguous,
    /// A GNU volume label.
    VolumeLabel,
    /// A type flag that no standard names.
    Unknown,
    /// A regular file whose name ends in `/`, which old readers take for a folder.
    FolderAsFile,
    /// A set-user-id or set-group-id bit.
    SetId,
    /// The sticky bit.
    Sticky,
}

impl KindRule {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Device => "kind-device",
            Self::Fifo => "kind-fifo",
            Self::Socket => "kind-socket",
            Self::Sparse => "kind-sparse",
            Self::MultiVolume => "kind-multi-volume",
            Self::DumpDir => "kind-dump-dir",
            Self::Contiguous => "kind-contiguous",
            Self::VolumeLabel => "kind-volume-label",
            Self::Unknown => "kind-unknown",
            Self::FolderAsFile => "kind-folder-as-file",
            Self::SetId => "mode-set-id",
            Self::Sticky => "mode-sticky",
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Device => "a device is not unpacked",
            Self::Fifo => "a named pipe is not unpacked",
            Self::Socket => "a socket is not unpacked",
            Self::Sparse => "a sparse file is not unpacked",
            Self::MultiVolume => "a part of a multi-volume archive is not unpacked",
            Self::DumpDir => "a folder of an incremental dump is not unpacked",
            Self::Contiguous => "a contiguous file is not unpacked",
            Self::VolumeLabel => "a volume label is not unpacked",
            Self::Unknown => "the type of the member is not known",
            Self::FolderAsFile => "a regular file has a name that ends in `/`",
            Self::SetId => "the mode has a set-user-id or set-group-id bit",
            Self::Sticky => "the mode has the sticky bit",
        }
    }
}
