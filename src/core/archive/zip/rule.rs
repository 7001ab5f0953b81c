//! [`ZipRule`]: what a zip archive may not do.

use std::fmt;

use crate::archive::error::{ArchiveError, Rule};

/// A disagreement or an extension of the zip format that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZipRule {
    /// No end-of-central-directory record that ends with the file.
    NoEnd,
    /// A second record that some reader would take for the end.
    AmbiguousEnd,
    /// An archive in several parts.
    MultiDisk,
    /// Zip64 fields: sizes with two homes.
    Zip64,
    /// The central directory is not what the end record says.
    Directory,
    /// Bytes between the members that belong to none, or members that overlap.
    Gap,
    /// The local and the central header disagree, on this.
    HeadersDisagree(&'static str),
    /// An encrypted member.
    Encrypted,
    /// Neither stored nor deflated.
    Method,
    /// A flag whose meaning is not known.
    Flags,
    /// Extra fields that do not fit their length.
    Extra,
    /// A Unicode path that is not the name (Info-ZIP).
    UnicodePath,
    /// A name that is not ASCII, and not said to be UTF-8.
    NameEncoding,
    /// The data descriptor does not say what the central header says.
    Descriptor,
    /// A stored member with a descriptor inside it that fits what is ahead of it.
    DescriptorInside,
    /// An extra field by which other readers make something else of the member.
    ExtraDisagrees,
    /// The name, the mode and the attributes disagree on what the member is.
    Type,
}

impl ZipRule {
    pub(in crate::archive) const fn code(self) -> &'static str {
        match self {
            Self::NoEnd => "zip-no-end",
            Self::AmbiguousEnd => "zip-ambiguous-end",
            Self::MultiDisk => "zip-multi-disk",
            Self::Zip64 => "zip-zip64",
            Self::Directory => "zip-directory",
            Self::Gap => "zip-gap",
            Self::HeadersDisagree(_) => "zip-headers-disagree",
            Self::Encrypted => "zip-encrypted",
            Self::Method => "zip-method",
            Self::Flags => "zip-flags",
            Self::Extra => "zip-extra",
            Self::UnicodePath => "zip-unicode-path",
            Self::NameEncoding => "zip-name-encoding",
            Self::Descriptor => "zip-descriptor",
            Self::DescriptorInside => "zip-descriptor-inside",
            Self::ExtraDisagrees => "zip-extra-disagrees",
            Self::Type => "zip-type",
        }
    }
}

impl fmt::Display for ZipRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEnd => "the zip archive has no end record at its end",
            Self::AmbiguousEnd => "the zip archive has two end records",
            Self::MultiDisk => "the zip archive is a part of several",
            Self::Zip64 => "zip64 is not read",
            Self::Directory => "the central directory is not what the end record says",
            Self::Gap => "the members do not stand one behind the other",
            Self::HeadersDisagree(field) => {
                return write!(f, "the local and the central header disagree on the {field}");
            }
            Self::Encrypted => "the member is encrypted",
            Self::Method => "the member is neither stored nor deflated",
            Self::Flags => "the member has a flag whose meaning is not known",
            Self::Extra => "the extra fields are malformed",
            Self::UnicodePath => "the Unicode path is not the name",
            Self::NameEncoding => "the name is not ASCII and not said to be UTF-8",
            Self::Descriptor => "the data descriptor does not fit the central header",
            Self::DescriptorInside => "the stored member contains a data descriptor at which some readers end it",
            Self::ExtraDisagrees => "an extra field makes something else of the member for some readers",
            Self::Type => "the name and the attributes disagree on what the member is",
        })
    }
}

impl From<ZipRule> for Rule {
    fn from(rule: ZipRule) -> Self {
        Self::Zip(rule)
    }
}

impl From<ZipRule> for ArchiveError {
    fn from(rule: ZipRule) -> Self {
        Rule::Zip(rule).into()
    }
}

impl From<ZipRule> for std::io::Error {
    fn from(rule: ZipRule) -> Self {
        Rule::Zip(rule).into()
    }
}
