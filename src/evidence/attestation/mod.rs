//! Signed claims about artifacts: as received ([`Attestation`]), and proved ([`VerifiedAttestation`]).
//!
//! [`prove`] is the one way from the first to the second: chain, signed certificate timestamp, log entry, inclusion,
//! time, signature, and that the claim is about *these* bytes. Whether whoever signed may be believed is asked later, by
//! [`crate::policy`]; nothing here knows what a project trusts.
//!
//! Refuses what does not hold ([`Unproved::Refused`]), and keeps apart what cannot be judged with what is at hand
//! ([`Unproved::Unverifiable`]): no log entry, an authority that no root knows.

mod document;
mod image;
mod keyed;
mod keyless;
mod lack;
mod refusal;
mod signer;
mod simple_signing;
mod stamps;
mod unproved;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::OnceLock;

use serde_json::Value;
use sigstore_verify::Verifier;
use sigstore_verify::types::{Bundle, SignatureContent};

use crate::root::{Instance, RegistryKeys, TrustRoot, TrustRoots};
use crate::statement::{PAYLOAD_TYPE, Statement};
use pinfold_core::digest::{Algorithm, Integrity, Sha256, from_hex};

pub use document::{DocumentError, MAX_ATTESTATIONS, MAX_DOCUMENT_LEN, read, read_within};
pub use image::{ImageSignature, prove_claim, prove_signature};
pub use keyed::{NamedKey, NamedKeyError};
pub use lack::Lack;
pub use refusal::Refusal;
pub use signer::{Certificate, GITHUB_ISSUER, Signer};
pub use simple_signing::{MAX_SIMPLE_SIGNING_LEN, SimpleSigning, SimpleSigningError};
pub use unproved::Unproved;

/// A signed claim as received: nothing in it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    form: Form,
    value: Value,
}

/// How an attestation is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A Sigstore bundle.
    Bundle,
    /// A DSSE envelope alone.
    Envelope,
    /// A registry's signature over the name, version and integrity of a package.
    RegistrySignature,
    /// A signature of an image in cosign's older form.
    ImageSignature,
}

impl Attestation {
    /// A registry's signature, as npm's `dist.signatures` has it: `sig` in base64 over `NAME@VERSION:INTEGRITY`.
    pub fn registry_signature(package: &str, integrity: &Integrity, keyid: &str, sig: &str) -> Self {
        let value = serde_json::json!({ "registrySignature": {
            "package": package, "integrity": integrity.to_string(), "keyid": keyid, "sig": sig,
        }});
        Self { form: Form::RegistrySignature, value }
    }

    /// The attestation as JSON, which [`read`] takes again; what stood around it is gone.
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// Its statement, unproved: for who has to know what it is about.
    pub fn statement(&self) -> Option<Statement> {
        // Where the proof will look for it and nowhere else: what stands around may be there to be taken for it.
        let envelope = match self.form {
            Form::Bundle => self.value.get("dsseEnvelope")?,
            Form::Envelope => &self.value,
            Form::RegistrySignature | Form::ImageSignature => return None,
        };
        Statement::parse(&keyed::payload_of(envelope).ok()?).ok()
    }

    /// The algorithms of the digests by which it names what it is about, unproved: for who has to know which of an
    /// artifact's are wanted.
    pub fn algorithms(&self) -> BTreeSet<Algorithm> {
        let named = |name: &str| Algorithm::ALL.into_iter().find(|one| one.name() == name);
        match self.form {
            Form::ImageSignature => BTreeSet::new(),
            Form::RegistrySignature => {
                let integrity = self.value.get("registrySignature").and_then(|one| one.get("integrity")?.as_str());
                integrity
                    .and_then(|text| text.parse::<Integrity>().ok())
                    .map(|one| one.algorithm())
                    .into_iter()
                    .collect()
            }
            Form::Bundle | Form::Envelope => match (self.statement(), self.value.get("messageSignature")) {
                (Some(statement), _) => {
                    let digests = statement.subjects.iter().flat_map(|subject| subject.digests.keys());
                    digests.filter_map(|name| named(name)).collect()
                }
                // As Sigstore's bundle calls them; without a name it is SHA-256.
                (None, Some(signature)) => {
                    let digest = signature.get("messageDigest").and_then(|one| one.get("algorithm")?.as_str());
                    let name = digest.unwrap_or("SHA2_256").to_ascii_lowercase().replace("sha2_", "sha");
                    named(&name).into_iter().collect()
                }
                (None, None) => BTreeSet::new(),
            },
        }
    }

    /// What it claims, unproved: for who asks what a document says at all.
    pub fn claim(&self) -> Claim {
        let statement = self.statement();
        let certificate = (self.form == Form::Bundle).then(|| keyless::certificate_of(&self.value)).flatten();
        Claim { statement, certificate }
    }
}

/// What an attestation says, unproved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its statement, where it has one that can be read.
    pub statement: Option<Statement>,
    /// Who claims to have signed, where a certificate says so.
    pub certificate: Option<Certificate>,
}

/// What claims have to be about: an artifact's digests, by in-toto's names of algorithms, in lower-case hexadecimal.
#[derive(Default)]
pub struct Artifact<'a> {
    /// Such as `sha256` and `sha512`; for things that are no files also others, as they stand in a subject.
    pub digests: BTreeMap<String, String>,
    /// Opens the bytes, where they are at hand: only signatures over the bytes themselves ask for them.
    pub open: Option<&'a dyn Fn() -> io::Result<Box<dyn Read + 'a>>>,
}

impl Artifact<'_> {
    /// An artifact of which digests are known, and nothing else.
    pub fn of(digests: &[Integrity]) -> Self {
        let named = |digest: &Integrity| (digest.algorithm().name().to_owned(), digest.hex());
        Self { digests: digests.iter().map(named).collect(), open: None }
    }

    /// Which subjects of a statement are this artifact: all digests that both sides have agree, and at least one of them
    /// is not weak.
    fn among<'s>(&self, statement: &'s Statement) -> Vec<&'s crate::statement::Subject> {
        let same = |subject: &&crate::statement::Subject| {
            let mut strong = false;
            for (algorithm, digest) in &subject.digests {
                match self.digests.get(algorithm) {
                    Some(own) if own == digest => strong |= !WEAK.contains(&algorithm.as_str()),
                    Some(_) => return false,
                    None => {}
                }
            }
            strong
        };
        statement.subjects.iter().filter(same).collect()
    }
}

/// Whether a digest by this algorithm proves nothing: others have the same, or it is not one of the artifact's bytes.
pub fn is_weak(algorithm: &str) -> bool {
    WEAK.contains(&algorithm)
}

/// Whether one of a subject's digests is one that verification takes.
pub fn is_provable(digests: &BTreeMap<String, String>) -> bool {
    strongest(digests).is_some()
}

/// Digests that prove nothing.
const WEAK: [&str; 4] = ["sha1", "md5", "gitCommit", "sha224"];

/// A root made ready for verification, when it is first asked for.
type Prepared = OnceLock<Result<Verifier, String>>;

/// What evidence is proved against.
pub struct Trust {
    roots: Vec<(TrustRoot, Prepared)>,
    registry_keys: RegistryKeys,
    key: Option<NamedKey>,
}

impl Trust {
    /// Roots and keys, and the one key that the caller names for what is signed by a key.
    pub fn new(roots: TrustRoots, key: Option<NamedKey>) -> Self {
        let TrustRoots { roots, registry_keys } = roots;
        Self { roots: roots.into_iter().map(|root| (root, OnceLock::new())).collect(), registry_keys, key }
    }

    /// A digest of all of it: what is proved against the same has the same outcome.
    pub fn digest(&self) -> Sha256 {
        let roots: Vec<String> = self.roots().map(|root| root.digest().to_string()).collect();
        Sha256::of(format!("{roots:?} {:?} {:?}", self.registry_keys, self.key).as_bytes())
    }

    /// The root that knows the log of a bundle's entry, for bundles whose signer no root knows.
    fn root_of_log(&self, bundle: &Bundle) -> Result<(&TrustRoot, &Result<Verifier, String>), Lack> {
        let chosen = self.roots.iter().find(|(root, _)| log_ids(bundle).all(|id| knows_log(root, id)));
        let (root, prepared) = chosen.ok_or_else(|| Lack::UnknownLog {
            log: log_ids(bundle).next().map(pinfold_core::digest::hex).unwrap_or_default(),
            roots: self.roots().map(TrustRoot::age).collect(),
        })?;
        Ok((root, ready(root, prepared)))
    }

    /// The roots, in the order in which they were given.
    pub fn roots(&self) -> impl Iterator<Item = &TrustRoot> {
        self.roots.iter().map(|(root, _)| root)
    }
}

/// The logs that a bundle has entries of.
fn log_ids(bundle: &Bundle) -> impl Iterator<Item = &[u8]> {
    bundle.verification_material.tlog_entries.iter().map(|entry| entry.log_id.key_id.as_bytes())
}

/// Whether a root has the log of this id.
fn knows_log(root: &TrustRoot, id: &[u8]) -> bool {
    root.sigstore().tlogs.iter().any(|log| log.log_id.key_id.as_bytes() == id)
}

fn ready<'a>(root: &TrustRoot, prepared: &'a Prepared) -> &'a Result<Verifier, String> {
    prepared.get_or_init(|| Verifier::new(root.sigstore()).map_err(|error| error.to_string()))
}

/// A claim that was proved: by whom it was made, when, and that it is about the artifact. Only [`prove`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAttestation {
    signer: Signer,
    statement: Option<Statement>,
    names: Vec<String>,
    time: Option<i64>,
    logged: Option<u64>,
    instance: Option<Instance>,
    lack: Option<Box<Lack>>,
}

impl VerifiedAttestation {
    /// Who made it.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The claim; `None` for a signature over the bytes alone.
    pub const fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// What the claim calls the artifact, empty where it does not name it.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// When the log or the timestamp authority saw it first, in seconds since 1970; `None` where nobody vouches for that.
    pub const fn time(&self) -> Option<i64> {
        self.time
    }

    /// Its index in the transparency log, where there is an entry.
    pub const fn log_index(&self) -> Option<u64> {
        self.logged
    }

    /// What came with it, proves nothing and could not be judged: a timestamp by an authority that no root knows.
    pub fn lack(&self) -> Option<&Lack> {
        self.lack.as_deref()
    }

    /// Whose root it was proved against, `None` for a key alone.
    pub const fn instance(&self) -> Option<Instance> {
        self.instance
    }
}

/// Proves an attestation, and that it is about `artifact`.
pub fn prove(
    trust: &Trust,
    attestation: &Attestation,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    prove_by((trust, trust.key.as_ref()), attestation, artifact)
}

/// The same with another key than that of `trust` for what is signed by a key.
fn prove_by(
    (trust, named): (&Trust, Option<&NamedKey>),
    attestation: &Attestation,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let value = &attestation.value;
    match attestation.form {
        Form::Bundle => prove_bundle((trust, named), value, artifact),
        Form::Envelope => keyed::prove_envelope(named, value, artifact),
        Form::RegistrySignature => keyed::prove_registry_signature((trust, named), value, artifact),
        Form::ImageSignature => image::prove((trust, named), value, artifact),
    }
}

/// A bundle. A timestamp that is wrong is also wrong where the rest cannot be judged.
fn prove_bundle(
    by: (&Trust, Option<&NamedKey>),
    value: &Value,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let outcome = prove_parts(by, value, artifact);
    if matches!(outcome, Err(Unproved::Unverifiable(_)))
        && let Ok(bundle) = Bundle::from_json(&value.to_string())
    {
        stamps::of_bundle(by.0, &bundle)?;
    }
    outcome
}

fn prove_parts(
    (trust, named): (&Trust, Option<&NamedKey>),
    value: &Value,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    if !MEDIA_TYPES.contains(&media_type) {
        return Err(Lack::MediaType(media_type.to_owned()).into());
    }
    is_plain(value)?;
    // What was read strictly is what gets verified: the text is written anew from it.
    let bundle = Bundle::from_json(&value.to_string()).map_err(|error| Refusal::Bundle(error.to_string()))?;
    let about = About::of(&bundle, artifact)?;
    let has_none = bundle.verification_material.tlog_entries.is_empty()
        && bundle.verification_material.timestamp_verification_data.rfc3161_timestamps.is_empty();
    match bundle.signing_certificate() {
        Some(_) if has_none => Err(Lack::NoTime.into()),
        Some(certificate) => keyless::prove(trust, &bundle, certificate.as_bytes(), about, artifact),
        None => keyed::prove((trust, named), &bundle, about, artifact),
    }
}

/// Refuses two of what a bundle has one of: readers differ in which they take (protobuf's `oneof`, and its two spellings).
fn is_plain(bundle: &Value) -> Result<(), Refusal> {
    let material = bundle.get("verificationMaterial").unwrap_or(&Value::Null);
    for (part, names) in [(bundle, &MATERIAL_NAMES[..]), (bundle, &CONTENT_NAMES[..]), (material, &SIGNER_NAMES[..])] {
        let present: Vec<&str> =
            names.iter().copied().filter(|name| part.get(name).is_some_and(|one| !one.is_null())).collect();
        if present.len() > 1 {
            return Err(Refusal::Bundle(format!("it has {}, of which there is one", present.join(" and "))));
        }
    }
    Ok(())
}

const MATERIAL_NAMES: [&str; 2] = ["verificationMaterial", "verification_material"];
const CONTENT_NAMES: [&str; 4] = ["dsseEnvelope", "dsse_envelope", "messageSignature", "message_signature"];
const SIGNER_NAMES: [&str; 5] =
    ["certificate", "publicKey", "public_key", "x509CertificateChain", "x509_certificate_chain"];

/// Bundles v0.1 to v0.3, the last in both of its spellings.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];

/// What a bundle is about, before anything in it is proved: enough to hand the right digest to the verification.
struct About {
    statement: Option<Statement>,
    names: Vec<String>,
    /// The digest that a subject and the artifact have in common.
    digest: Option<Integrity>,
    /// The claim is about other artifacts. It is proved all the same, lest a forgery pass for somebody else's claim.
    other: Option<Refusal>,
}

impl About {
    fn of(bundle: &Bundle, artifact: &Artifact<'_>) -> Result<Self, Unproved> {
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
            return Ok(Self { statement: None, names: Vec::new(), digest: None, other: None });
        };
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::PayloadType(envelope.payload_type.clone()).into());
        }
        Self::of_payload(envelope.payload.as_bytes(), artifact)
    }

    fn of_payload(payload: &[u8], artifact: &Artifact<'_>) -> Result<Self, Unproved> {
        let statement = Statement::parse(payload).map_err(Refusal::Statement)?;
        let algorithms = || statement.subjects.iter().flat_map(|subject| subject.digests.keys());
        if algorithms().all(|algorithm| WEAK.contains(&algorithm.as_str())) {
            return Err(Refusal::WeakDigest.into());
        }
        if !algorithms().any(|algorithm| artifact.digests.contains_key(algorithm)) {
            let known = algorithms().cloned().collect::<BTreeSet<_>>().into_iter().collect();
            return Err(Lack::NoCommonDigest(known).into());
        }
        let same = artifact.among(&statement);
        let digest = same.first().and_then(|subject| strongest(&subject.digests));
        let other = same.is_empty().then(|| Refusal::not_about(artifact, &statement));
        // A digest of the claim's own, so that the signature can be checked although the artifact is another.
        let digest = digest.or_else(|| statement.subjects.iter().find_map(|subject| strongest(&subject.digests)));
        let names = same.iter().map(|subject| subject.name.clone()).collect();
        Ok(Self { names, digest, other, statement: Some(statement) })
    }

    /// The proof, now that all else holds.
    fn proved(self, signer: Signer, seen: Seen, instance: Option<Instance>) -> Result<VerifiedAttestation, Unproved> {
        match self.other {
            Some(other) => Err(Unproved::NotAbout(other)),
            None => Ok(VerifiedAttestation {
                signer,
                statement: self.statement,
                names: self.names,
                time: seen.time,
                logged: seen.logged,
                instance,
                lack: seen.lack,
            }),
        }
    }
}

/// When and where an attestation was seen by somebody who vouches for it.
#[derive(Debug, Clone, Default)]
struct Seen {
    time: Option<i64>,
    logged: Option<u64>,
    /// What else speaks of a time, and could not be judged.
    lack: Option<Box<Lack>>,
}

impl Seen {
    fn of(bundle: &Bundle, result: &sigstore_verify::VerificationResult) -> Self {
        let times = result.verified_timestamps().iter().copied().chain(result.integrated_time());
        let entry = bundle.verification_material.tlog_entries.first().filter(|_| result.tlog_verified());
        // The index in a log of several parts stands in the log's promise alone, that in one part in the proof too.
        let logged = entry.filter(|entry| {
            let proof = entry.inclusion_proof.as_ref();
            entry.inclusion_promise.is_some() || proof.is_some_and(|proof| proof.log_index == entry.log_index)
        });
        let logged = logged.map(|entry| entry.log_index.get());
        Self { time: times.map(|time| time.as_second()).min(), logged, lack: None }
    }
}

/// The strongest digest that verification takes.
fn strongest(digests: &BTreeMap<String, String>) -> Option<Integrity> {
    use pinfold_core::digest::Algorithm::{Sha256, Sha512};
    [Sha512, Sha256].into_iter().find_map(|algorithm| {
        let digest = from_hex(digests.get(algorithm.name())?)?;
        Integrity::from_digest(algorithm, digest)
    })
}
