//! Artifacts in OCI registries, as bytes and values: references, manifests and indexes, what stands in headers, cosign's
//! older signatures, and logins (OCI image and distribution specifications 1.1, Docker's schema 2 beside them).
//!
//! Refuses whatever two readers could see differently: a manifest that is an index too (CVE-2021-41190), a media type
//! that the server and the document do not agree on, names that stand twice, digests of other algorithms than sha256 and
//! sha512. Nothing here asks anybody, and nothing that is read is believed: the digest of the received bytes decides.
//!
//! ```
//! use pinfold_core::oci::{LayerChoice, digest_text};
//! use pinfold_oci::{Document, MANIFEST};
//!
//! let manifest = br#"{
//!   "schemaVersion": 2,
//!   "mediaType": "application/vnd.oci.image.manifest.v1+json",
//!   "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
//!     "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
//!   "layers": [
//!     {"mediaType": "application/wasm", "size": 8,
//!       "digest": "sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"},
//!     {"mediaType": "text/plain", "size": 6,
//!       "digest": "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163f6bcd3815c1c6a0345be03"}
//!   ]
//! }"#;
//! let Document::Manifest(manifest) = Document::parse(manifest, Some(MANIFEST))? else { return Err("an index".into()) };
//! let choice: LayerChoice = "media-type=application/wasm".parse()?;
//! let layer = manifest.choose(&choice)?;
//! assert_eq!(digest_text(&layer.digest), "sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476");
//! assert!(manifest.choose(&LayerChoice::default()).is_err(), "two layers fit");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod artifact;
pub mod chain;
mod challenge;
mod choice;
mod claims;
mod link;
mod manifest;
mod media_types;
pub mod registry;
pub mod remote_cache;

pub use artifact::{EMPTY, EMPTY_BYTES, artifact, index};
pub use challenge::{Challenge, ChallengeError, MAX_CHALLENGE_LEN};
pub use choice::ChoiceError;
pub use claims::Form;
pub use link::{LinkError, next_page};
pub use manifest::{Descriptor, Document, Index, MAX_MANIFEST_LEN, Manifest, ManifestError};
pub use media_types::{
    ACCEPT, BUNDLE, BUNDLE_CONTENT, BUNDLE_V03, DOCKER_LIST, DOCKER_MANIFEST, DSSE_ENVELOPE, INDEX, LAYOUT_FILE,
    MANIFEST, REF_NAME, REFERENCE_TYPE, SIMPLE_SIGNING, TITLE, WASM, WASM_CONFIG, is_type,
};
