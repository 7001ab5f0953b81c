//! What a pin says of an artifact in an OCI registry: its reference, its platform and its layer, and how digests are
//! written there (OCI image and distribution specifications 1.1).

mod digest;
mod layer;
mod platform;
mod reference;

pub use digest::{DigestError, digest_text, parse_digest};
pub use layer::{LayerChoice, LayerChoiceError};
pub use platform::{ImagePlatform, ImagePlatformError};
pub use reference::{Location, Reference, ReferenceError};

/// How a place in a layout folder begins on the command line, as other tools have it.
pub const LAYOUT: &str = "oci-layout:";

/// Most layers of a manifest, and most entries of an index: images have at most 127 layers, fallback indexes some hundred
/// entries.
pub const MAX_DESCRIPTORS: usize = 4096;
