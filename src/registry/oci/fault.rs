//! [`Fault`]: in what way something that is attached cannot be read.

use std::fmt;

use crate::attestation::DocumentError;

/// What is wrong with something attached.
#[derive(Debug)]
pub enum Fault {
    /// It is no document that attestations come in.
    Document(DocumentError),
    /// The list of what is attached is called something else.
    ReferrersType,
    /// What stands around an older signature cannot be read.
    Annotations,
}

impl Fault {
    /// A stable identifier of the fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::ReferrersType => "oci-referrers-type",
            Self::Annotations => "oci-annotations",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(error) => error.fmt(f),
            Self::ReferrersType => f.write_str("the list is not called an index"),
            Self::Annotations => f.write_str("what the log promised cannot be read"),
        }
    }
}
