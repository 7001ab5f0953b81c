//! Artifacts in OCI registries, as bytes and values: references, manifests and indexes, what stands in headers, cosign's
//! older signatures, and logins (OCI image and distribution specifications 1.1, Docker's schema 2 beside them).
//!
//! Refuses whatever two readers could see differently: a manifest that is an index too (CVE-2021-41190), a media type
//! that the server and the document do not agree on, names that stand twice, digests of other algorithms than sha256 and
//! sha512. Nothing here asks anybody, and nothing that is read is believed: the digest of the received bytes decides.

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
