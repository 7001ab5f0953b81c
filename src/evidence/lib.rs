//! What evidence about an artifact proves: attestations, the trust roots they are verified against, and the policies of
//! pins.
//!
//! ```
//! use pinfold_core::digest::{Algorithm, Integrity};
//! use pinfold_evidence::attestation::{self, Artifact, Trust};
//! use pinfold_evidence::policy::{Policy, Verdict, judge};
//! use pinfold_evidence::root::{RegistryKeys, TrustRoot, TrustRoots};
//!
//! # macro_rules! vector {
//! #     ($name:literal) => {
//! #         include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/evidence/", $name))
//! #     };
//! # }
//! # let document = vector!("ok-actions");
//! # let header = document.windows(2).position(|two| two == b"\n\n").ok_or("no header")?;
//! # let document = &document[header + 2..];
//! # let (artifact, root) = (vector!("artifact.bin"), vector!("trusted_root.json"));
//! // Sigstore's own roots are `TrustRoots::embedded()`; this one is that of pinfold's tests.
//! let roots = TrustRoot::parse(root, "trusted_root.json".to_owned())?;
//! let trust = Trust::new(TrustRoots { roots, registry_keys: RegistryKeys::embedded()? }, None);
//!
//! // What does the bundle prove about this artifact?
//! let digests = [Integrity::of(Algorithm::Sha512, artifact)];
//! let attestations = attestation::read(document)?;
//! let prove = |one| attestation::prove(&trust, one, &Artifact::of(&digests));
//! let proofs: Vec<_> = attestations.iter().map(prove).collect();
//!
//! // Is that what the policy demands?
//! let mut policy = Policy { repositories: vec!["https://github.com/upstream/left".parse()?], ..Policy::default() };
//! let now = 1_750_000_000;
//! assert!(matches!(judge(&policy, now, &proofs), Verdict::Verified(0)));
//! policy.repositories = vec!["https://github.com/upstream/right".parse()?];
//! assert!(matches!(judge(&policy, now, &proofs), Verdict::Refused(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod root;
pub mod statement;

pub mod attestation;
pub mod policy;
pub mod provenance;
pub mod slsa;

pub mod trust;
pub mod verdicts;
