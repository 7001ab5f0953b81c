//! [`AttachmentError`]: in what way something that is attached cannot be read.

use std::fmt;

use pinfold_evidence::attestation::DocumentError;

/// What is wrong with something attached.
#[derive(Debug)]
pub enum AttachmentError {
    /// It is no document that attestations come in.
    Document(DocumentError),
    /// The list of what is attached is called something else.
    ReferrersType,
    /// What stands around an older signature cannot be read.
    Annotations,
    /// It is listed, and not there.
    Absent,
    /// An index, where one manifest belongs.
    Kind,
    /// It may be a signature or an attestation, of a kind that is not read: what says so.
    Unread(String),
    /// Nothing more is read.
    Much,
}

impl AttachmentError {
    /// A stable identifier of the fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::ReferrersType => "oci-referrers-type",
            Self::Annotations => "oci-annotations",
            Self::Absent => "oci-attached-absent",
            Self::Kind => "oci-attached-kind",
            Self::Unread(_) => "oci-attached-unread",
            Self::Much => "oci-attached-much",
        }
    }
}

impl fmt::Display for AttachmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(error) => error.fmt(f),
            Self::ReferrersType => f.write_str("the list is not called an index"),
            Self::Annotations => f.write_str("what the log promised cannot be read"),
            Self::Absent => f.write_str("it is listed and not there, so that nobody knows what it says"),
            Self::Kind => f.write_str("it is an index, where signatures are a manifest"),
            Self::Unread(kind) => {
                let kind: String = kind.chars().take(SHOWN).collect();
                write!(f, "`{}` may be a signature or an attestation, which pinfold does not read", kind.escape_debug())
            }
            Self::Much => f.write_str("more is attached than is read (64 MiB, 1000 documents or attestations)"),
        }
    }
}

/// The code of what may be a signature and is not read.
pub const UNREAD: &str = "oci-attached-unread";
/// How much of a stranger's words a message shows, in characters.
const SHOWN: usize = 100;
