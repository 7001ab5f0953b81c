//! [`Unproved`]: the three ways in which an attestation can fail to be proved.

use super::{Lack, Refusal};

/// Why an attestation proves nothing here.
#[derive(Debug)]
pub enum Unproved {
    /// It holds, and is about other artifacts: a release's document has one of these for each of its files.
    NotAbout(Refusal),
    /// It is wrong.
    Refused(Refusal),
    /// It cannot be judged.
    Unverifiable(Lack),
}

impl From<Refusal> for Unproved {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Lack> for Unproved {
    fn from(lack: Lack) -> Self {
        Self::Unverifiable(lack)
    }
}
