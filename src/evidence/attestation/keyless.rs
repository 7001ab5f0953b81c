//! Bundles that a certificate signed: Fulcio's short-lived ones.
//!
//! The root is chosen by who issued the certificate, before anything is verified; there is no second try with another
//! root or with fewer checks. A fallback of that kind let forged bundles pass elsewhere.

use serde_json::Value;
use sigstore_verify::crypto::{CertificateInfo, parse_certificate_info};
use sigstore_verify::types::{ArtifactDigest, Bundle, DerCertificate, HashAlgorithm, SignatureContent};
use sigstore_verify::{Error as SigstoreError, VerificationPolicy, VerificationResult, Verifier};

use super::signer::{Certificate, Signer};
use super::{About, Artifact, Lack, Refusal, Seen, Trust, Unproved, VerifiedAttestation, strongest};
use crate::root::{Instance, TrustRoot};
use pinfold_core::digest::{Algorithm, Integrity, from_hex};

pub(super) fn prove(
    trust: &Trust,
    bundle: &Bundle,
    certificate: &[u8],
    about: About,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content
        && !envelope.signature.keyid.is_empty()
    {
        return Err(Refusal::KeyId(envelope.signature.keyid.to_string()).into());
    }
    let info = parse_certificate_info(&DerCertificate::from_bytes(certificate));
    let info = info.map_err(|error| Refusal::Certificate(error.to_string()))?;
    let chosen = trust.roots.iter().find(|(root, _)| root.knows_issuer(certificate));
    let Some((root, verifier)) = chosen else {
        let issuer = crate::root::issuer_of(certificate).unwrap_or_else(|| "an unnamed one".to_owned());
        return Err(Lack::UnknownAuthority { issuer, roots: trust.roots().map(TrustRoot::age).collect() }.into());
    };
    let instance = root.instance();
    if instance != Instance::GitHub {
        let mut ids = super::log_ids(bundle).peekable();
        if ids.peek().is_none() {
            return Err(Lack::NoLogEntry.into());
        }
        // A log that began after the root was made: the root is too old, and nothing is wrong with the evidence.
        if let Some(id) = ids.find(|id| !super::knows_log(root, id)) {
            return Err(Lack::UnknownLog { log: pinfold_core::digest::hex(id), roots: vec![root.age()] }.into());
        }
    }
    let verifier = super::ready(root, verifier).as_ref().map_err(|error| Refusal::Certificate(error.clone()))?;
    let policy = checks_of(instance);
    let result = verify(verifier, bundle, &policy, &about, artifact).map_err(|unproved| match unproved {
        Failed::Sigstore(error) => Refusal::of(&error).into(),
        Failed::Own(unproved) => unproved,
    })?;
    if !is_whole(instance, &result) {
        return Err(Refusal::Incomplete.into());
    }
    let signer = Signer::Certificate(Box::new(Certificate::new(&info)));
    about.proved(signer, Seen::of(bundle, &result), Some(instance))
}

/// Which checks an instance's evidence has to pass.
///
/// All of them, but for GitHub's own: its certificates carry no signed certificate timestamp and its log is not public,
/// so that an RFC 3161 timestamp is all there is. That holds for certificates of GitHub's root alone, which `root` tells
/// by the bytes of the root certificate; no other place in pinfold asks for fewer checks (a tidy test says so).
fn checks_of(instance: Instance) -> VerificationPolicy {
    let all = VerificationPolicy::any_identity();
    match instance {
        Instance::GitHub => all.skip_tlog_unsafe().skip_sct(),
        Instance::PublicGood | Instance::Staging | Instance::Other => all,
    }
}

/// Whether all was checked that had to be, by the verification's own account.
fn is_whole(instance: Instance, result: &VerificationResult) -> bool {
    let timed = !result.verified_timestamps().is_empty();
    let logged = result.tlog_verified() && result.sct_verified();
    result.certificate_verified() && timed && (logged || instance == Instance::GitHub)
}

enum Failed {
    Sigstore(SigstoreError),
    Own(Unproved),
}

/// Hands the verification what it needs of the artifact: a digest for statements, the bytes for signatures over them.
fn verify(
    verifier: &Verifier,
    bundle: &Bundle,
    policy: &VerificationPolicy,
    about: &About,
    artifact: &Artifact<'_>,
) -> Result<VerificationResult, Failed> {
    if let Some(digest) = &about.digest {
        let digest = sigstore_digest(digest).ok_or(Failed::Own(Refusal::WeakDigest.into()))?;
        return verifier.verify(digest, bundle, policy).map_err(Failed::Sigstore);
    }
    if about.statement.is_some() {
        // All digests of the claim are spelled otherwise than in-toto says, or are none that verification knows.
        return Err(Failed::Own(Refusal::WeakDigest.into()));
    }
    if let Some(open) = artifact.open {
        let bytes = open().map_err(SigstoreError::ArtifactRead).map_err(Failed::Sigstore)?;
        return verifier.verify_reader(bytes, bundle, policy).map_err(Failed::Sigstore);
    }
    let known = digest_for(bundle, artifact).ok_or(Failed::Own(Lack::NoBytes.into()))?;
    match verifier.verify(known, bundle, policy) {
        Err(SigstoreError::UnsupportedArtifact(_)) => Err(Failed::Own(Lack::NoBytes.into())),
        result => result.map_err(Failed::Sigstore),
    }
}

/// The digest that a signature over bytes asks for: the one that it names, else SHA-256.
pub(super) fn digest_for(bundle: &Bundle, artifact: &Artifact<'_>) -> Option<ArtifactDigest> {
    let named = match &bundle.content {
        SignatureContent::MessageSignature(signature) => signature.message_digest.as_ref(),
        _ => None,
    };
    let algorithm = match named.map(|digest| digest.algorithm) {
        Some(HashAlgorithm::Sha2512) => Algorithm::Sha512,
        Some(HashAlgorithm::Sha2384) => Algorithm::Sha384,
        _ => Algorithm::Sha256,
    };
    let digest = from_hex(artifact.digests.get(algorithm.name())?)?;
    sigstore_digest(&Integrity::from_digest(algorithm, digest)?)
}

pub(super) fn sigstore_digest(digest: &Integrity) -> Option<ArtifactDigest> {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => HashAlgorithm::Sha2256,
        Algorithm::Sha384 => HashAlgorithm::Sha2384,
        Algorithm::Sha512 => HashAlgorithm::Sha2512,
    };
    ArtifactDigest::new(algorithm, digest.digest().to_vec()).ok()
}

/// Who claims to have signed a bundle, unproved.
pub(super) fn certificate_of(value: &Value) -> Option<Certificate> {
    let bundle = Bundle::from_json(&value.to_string()).ok()?;
    let info: CertificateInfo = parse_certificate_info(bundle.signing_certificate()?).ok()?;
    Some(Certificate::new(&info))
}

/// What is left of the strongest digest, for signatures by keys.
pub(super) fn digest_of(about: &About) -> Option<ArtifactDigest> {
    let statement = about.statement.as_ref()?;
    let own = about.digest.clone().or_else(|| statement.subjects.iter().find_map(|one| strongest(&one.digests)));
    sigstore_digest(&own?)
}
