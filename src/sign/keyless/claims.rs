//! What a statement says of its build, held to the certificate: whoever checks the bundle does the same, and what is in a
//! public log by then is there for ever.

use super::Content;
use super::error::KeylessError;
use pinfold_evidence::attestation::Certificate;
use pinfold_evidence::provenance::Provenance;
use pinfold_evidence::statement::Statement;

/// What provenance claims; nothing, where something else is signed.
pub(super) struct Claims(Option<Provenance>);

impl Claims {
    /// Reads them, before anybody is asked for anything.
    pub(super) fn of(content: &Content<'_>) -> Result<Self, KeylessError> {
        let Content::Statement(payload) = content else { return Ok(Self(None)) };
        // What is no statement claims nothing; who hands it over has to be able to read it.
        let statement = Statement::parse(payload).ok().filter(Statement::is_provenance);
        let provenance = statement.as_ref().map(Provenance::of).transpose();
        provenance.map(Self).map_err(KeylessError::Provenance)
    }

    /// Refuses where the certificate says something else.
    pub(super) fn hold(&self, certificate: &Certificate) -> Result<(), KeylessError> {
        let wrong = self.0.as_ref().and_then(|provenance| provenance.disagreement(certificate));
        wrong.map_or(Ok(()), |wrong| Err(KeylessError::Disagrees(wrong)))
    }
}
