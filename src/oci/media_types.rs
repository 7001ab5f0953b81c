//! What things are called in registries: media types, annotations, and the files of a layout directory.

/// What is asked for where a manifest is: both of OCI's kinds and both of Docker's. Registries answer 404 to who does not
/// take the kind that they have.
pub const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
/// An OCI manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's list of manifests.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// How the media types of Sigstore bundles begin, as artifacts and as layers; the version follows.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// A Sigstore bundle of the version that pinfold writes.
pub const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The annotation that cosign writes beside a bundle with a statement in it.
pub const BUNDLE_CONTENT: (&str, &str) = ("dev.sigstore.bundle.content", "dsse-envelope");
/// The configuration of a WebAssembly artifact (CNCF TAG Runtime, "Wasm OCI Artifact layout").
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// A WebAssembly module or component.
pub const WASM: &str = "application/wasm";
/// A layer with a signature in cosign's older form.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// A layer with an attestation in cosign's older form.
pub const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The file that tells that a folder is a layout, and what is in it (image specification, "Image Layout").
pub const LAYOUT_FILE: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
/// The annotation with the tag, in the index of a layout folder.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of an entry of an index that is no artifact for any platform, and the value of what BuildKit says of how
/// one was built: statements that nobody signed.
pub const REFERENCE_TYPE: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");
/// The annotation with what a layer's file is called. Whoever pushes writes it: it is no path until it was read as one.
pub const TITLE: &str = "org.opencontainers.image.title";

/// A media type without its parameters, in lower case: what is compared.
pub(crate) fn plain(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a server calls a body this media type.
pub fn is_type(content_type: Option<&str>, media_type: &str) -> bool {
    content_type.is_some_and(|called| plain(called) == media_type)
}
