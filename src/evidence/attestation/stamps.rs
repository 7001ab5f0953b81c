//! Timestamps (RFC 3161) of what no verification with a root looks at: bundles that a key signed and no log has, and
//! signatures of images in the older form.
//!
//! Every one that is there is looked at. Refuses one that cannot be read, that is over another signature, or that an
//! authority that a root in use knows did not make so. One by an authority that no root in use knows is neither good nor
//! wrong: it gives no time, and that is said.

use sigstore_verify::tsa::{Error as StampError, verify_timestamp_for_authority};
use sigstore_verify::types::{Bundle, DerCertificate, SignatureBytes, SignatureContent, TimestampToken, TsaAuthority};

use super::{Lack, Refusal, Seen, Trust};
use crate::root::{Instance, TrustRoot};

/// What timestamps say.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    /// The earliest time, and what else there is to know.
    pub(super) seen: Seen,
    /// Whose root knows the authority.
    pub(super) instance: Option<Instance>,
}

/// Judges the timestamps of a bundle.
pub(super) fn of_bundle(trust: &Trust, bundle: &Bundle) -> Result<Stamped, Refusal> {
    let signature = match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => &envelope.signature.sig,
        SignatureContent::MessageSignature(signature) => &signature.signature,
        _ => return Ok(Stamped::default()),
    };
    let stamps = &bundle.verification_material.timestamp_verification_data.rfc3161_timestamps;
    judge(trust, stamps.iter().map(|stamp| &stamp.signed_timestamp), signature)
}

/// Judges timestamps over a signature.
pub(super) fn judge<'a>(
    trust: &Trust,
    tokens: impl Iterator<Item = &'a TimestampToken>,
    signature: &SignatureBytes,
) -> Result<Stamped, Refusal> {
    let mut stamped = Stamped::default();
    for token in tokens {
        match one(trust, token, signature)? {
            Some((time, instance)) if stamped.seen.time.is_none_or(|earliest| time < earliest) => {
                stamped.seen.time = Some(time);
                stamped.instance = Some(instance);
            }
            Some(_) => {}
            None => {
                let roots = trust.roots().map(TrustRoot::age).collect();
                stamped.seen.lack = Some(Box::new(Lack::UnknownTimestamper { roots }));
            }
        }
    }
    Ok(stamped)
}

/// The time of one, and whose root knows its authority; `None` where no root does.
fn one(trust: &Trust, token: &TimestampToken, signature: &SignatureBytes) -> Result<Option<(i64, Instance)>, Refusal> {
    let mut wrong = None;
    for root in trust.roots() {
        for authority in root.sigstore().tsa_authorities() {
            match verify_timestamp_for_authority(token, signature, &authority) {
                Ok(time) => return Ok(Some((time.as_second(), root.instance()))),
                // What has the authority's own certificate in it is not by another one.
                Err(error) if is_by_another(&error) && !contains(token.as_bytes(), authority.leaf.as_bytes()) => {}
                Err(error) => wrong = Some(error),
            }
        }
    }
    // Without any authority it is still read, and held to the signature.
    let nobody = || DerCertificate::from_bytes(&[]);
    let nobody = TsaAuthority::new(nobody(), Vec::new(), nobody(), None);
    let unread = verify_timestamp_for_authority(token, signature, &nobody).err();
    let unread = unread.filter(|error| !matches!(error, StampError::SignatureVerificationError(_)));
    match wrong.or(unread) {
        Some(error) => Err(Refusal::Timestamp(error.to_string())),
        None => Ok(None),
    }
}

/// Whether a timestamp was not held to an authority at all, as it names another signer.
fn is_by_another(error: &StampError) -> bool {
    matches!(error, StampError::SignatureVerificationError(text) if text.starts_with(BY_ANOTHER))
}

/// What sigstore-tsa says then; it has no variant for it. Were the words changed, such a timestamp would be refused.
const BY_ANOTHER: &str = "CMS signer does not match any trusted TSA certificate";

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}
