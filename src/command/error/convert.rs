//! What `?` makes an [`Error`] of, and what stands behind one.

use super::Error;
use pinfold_core::archive::ArchiveError;
use pinfold_core::digest::Changed;
use pinfold_core::fault::Fault;
use pinfold_core::fs::FsError;
use pinfold_evidence::trust::TrustError;
use pinfold_oci::registry::OciError;
use pinfold_sign::build::BuildError;
use pinfold_sign::keyless::KeylessError;
use pinfold_sign::signer::SigningKeyError;

impl From<FsError> for Error {
    fn from(error: FsError) -> Self {
        Self::Fs(error)
    }
}

impl From<OciError> for Error {
    fn from(error: OciError) -> Self {
        Self::Oci(Box::new(error))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<TrustError> for Error {
    fn from(error: TrustError) -> Self {
        Self::Trust(error)
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Input(error) if Changed::is_behind(&error) => Self::Changed,
            error => Self::Archive(error),
        }
    }
}

impl From<SigningKeyError> for Error {
    fn from(error: SigningKeyError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<KeylessError> for Error {
    fn from(error: KeylessError) -> Self {
        Self::Fault(error.into())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Fault(fault) => fault.source(),
            Self::Pins { source, .. } => Some(source),
            Self::Record { source, .. } => Some(source),
            Self::Registry(error) => Some(error),
            Self::Tarball(error) => Some(error),
            Self::Asset(error) => Some(error),
            Self::File { source, .. } => Some(source),
            Self::Archive(error) => Some(error),
            Self::Package(error) => Some(error),
            Self::Nar(error) => Some(error),
            Self::Trust(error) => Some(error),
            Self::Fs(error) => Some(error),
            _ => None,
        }
    }
}
