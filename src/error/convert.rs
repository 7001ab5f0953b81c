//! What `?` makes an [`Error`] of.

use super::{AttestError, CheckError, Error, EvidenceError, LifeError};
use crate::archive::ArchiveError;
use crate::build::BuildError;
use crate::fs::FsError;
use crate::trust::TrustError;

impl From<FsError> for Error {
    fn from(error: FsError) -> Self {
        Self::Fs(error)
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        Self::Check(error)
    }
}

impl From<EvidenceError> for Error {
    fn from(error: EvidenceError) -> Self {
        Self::Evidence(error)
    }
}

impl From<LifeError> for Error {
    fn from(error: LifeError) -> Self {
        Self::Life(Box::new(error))
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<AttestError> for Error {
    fn from(error: AttestError) -> Self {
        Self::Attest(Box::new(error))
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        AttestError::Build(error).into()
    }
}
