//! The digests of an artifact that evidence may be about.

use super::demand::Demand;
use crate::archive::ArchiveError;
use crate::digest::{Algorithm, Integrity};
use crate::error::Error;
use crate::pins::{Artifact, Source};
use crate::record::Kept;
use crate::store::VerifiedBlob;

/// Whether evidence names the artifact by a digest that the pin does not have. npm's has SHA-512, all others SHA-256.
pub(super) fn needs_sha256(artifact: &Artifact, demand: &Demand<'_>) -> bool {
    let is_npm = matches!(artifact.source, Source::Npm(_)) && demand.file.is_none();
    artifact.integrity.algorithm() != Algorithm::Sha256 && !is_npm
}

/// All digests that are known of the artifact: of the bytes where they are here.
pub(super) fn digests(artifact: &Artifact, kept: &Kept, blob: Option<&VerifiedBlob>) -> Result<Vec<Integrity>, Error> {
    let mut digests = vec![artifact.integrity.clone()];
    match (kept.sha256, blob) {
        (None, None) => {}
        (Some(sha256), None) => digests.extend(sha256.to_string().parse::<Integrity>()),
        (recorded, Some(blob)) => {
            let is_npm = matches!(artifact.source, Source::Npm(_));
            for (algorithm, wanted) in [(Algorithm::Sha256, recorded.is_some()), (Algorithm::Sha512, is_npm)] {
                if wanted && artifact.integrity.algorithm() != algorithm {
                    digests.push(digest_of(blob, algorithm)?);
                }
            }
        }
    }
    Ok(digests)
}

/// The digest of an artifact's bytes, of an algorithm that its pin need not have.
pub fn digest_of(blob: &VerifiedBlob, algorithm: Algorithm) -> Result<Integrity, Error> {
    blob.digest(algorithm).map_err(|error| ArchiveError::from(error).into())
}
