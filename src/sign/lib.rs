//! Signing: private keys, keyless signing with an identity, and what a CI system says of a build.
//!
//! ```
//! use pinfold_core::digest::{Algorithm, Integrity};
//! use pinfold_evidence::attestation::{self, Artifact, NamedKey, Trust};
//! use pinfold_evidence::root::TrustRoots;
//! use pinfold_sign::signer::{KeyKind, SigningKey};
//! use serde_json::json;
//!
//! let digest = Integrity::of(Algorithm::Sha256, b"hello\n");
//! let key = SigningKey::generate(KeyKind::P256)?;
//! let bundle = key.bundle(&json!({
//!     "_type": "https://in-toto.io/Statement/v1",
//!     "subject": [{ "name": "hello.txt", "digest": { "sha256": digest.hex() } }],
//!     "predicateType": "https://example.com/note",
//!     "predicate": {},
//! }))?;
//!
//! // Who has the public key and the file verifies that.
//! let named = NamedKey::from_pem(key.public_pem(), None)?;
//! let trust = Trust::new(TrustRoots::embedded()?, Some(named));
//! let attestations = attestation::read(bundle.to_string().as_bytes())?;
//! assert!(attestation::prove(&trust, &attestations[0], &Artifact::of(&[digest])).is_ok());
//! let other = Integrity::of(Algorithm::Sha256, b"HELLO\n");
//! assert!(attestation::prove(&trust, &attestations[0], &Artifact::of(&[other])).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod build;
pub mod keyless;
pub mod signer;
