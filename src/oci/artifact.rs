//! Manifests and indexes that pinfold writes: the same ones for the same contents, to the byte. Nothing in them says when
//! or where they were made.

use serde_json::{Map, Value, json};

use crate::manifest::Descriptor;
use crate::media_types::{INDEX, MANIFEST};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::oci::digest_text;

/// The media type of a configuration that says nothing (image specification, "Guidance for an Empty Descriptor").
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Its bytes.
pub const EMPTY_BYTES: &[u8] = b"{}";

/// The manifest of an artifact. `subject` is what it is attached to; a type that the configuration has already is not
/// said again.
pub fn artifact(
    artifact_type: Option<&str>,
    config: &Descriptor,
    layers: &[Descriptor],
    subject: Option<&Descriptor>,
    annotations: &[(&str, &str)],
) -> Vec<u8> {
    let layers: Vec<Value> = layers.iter().map(Descriptor::to_value).collect();
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.to_value(),
        "layers": layers,
    });
    if let Some(object) = manifest.as_object_mut() {
        let mut add = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        artifact_type.iter().for_each(|kind| add("artifactType", json!(kind)));
        subject.iter().for_each(|subject| add("subject", subject.to_value()));
        if !annotations.is_empty() {
            let notes: Map<String, Value> =
                annotations.iter().map(|(name, note)| ((*name).into(), json!(note))).collect();
            add("annotations", Value::Object(notes));
        }
    }
    manifest.to_string().into_bytes()
}

/// An index of these entries, which stay as they are.
pub fn index(entries: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string().into_bytes()
}

impl Descriptor {
    /// What says what these bytes are, which are here.
    pub fn of_bytes(media_type: &str, bytes: &[u8]) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self::of(media_type, Integrity::of(Algorithm::Sha256, bytes), size)
    }

    /// What says what bytes of this digest and length are.
    pub fn of(media_type: &str, digest: Integrity, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: std::collections::BTreeMap::new(),
            platform: None,
            is_foreign: false,
        }
    }

    /// As it stands in a manifest or an index.
    pub fn to_value(&self) -> Value {
        let mut value = json!({ "mediaType": self.media_type, "digest": digest_text(&self.digest), "size": self.size });
        if let Some(object) = value.as_object_mut() {
            if let Some(kind) = &self.artifact_type {
                object.insert("artifactType".to_owned(), json!(kind));
            }
            if !self.annotations.is_empty() {
                object.insert("annotations".to_owned(), json!(self.annotations));
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BUNDLE_V03, Document, TITLE};

    #[test]
    fn what_is_written_is_read_back() {
        let blob = |kind: &str, bytes: &[u8]| {
            Descriptor::of(kind, Integrity::of(Algorithm::Sha256, bytes), u64::try_from(bytes.len()).expect("fits"))
        };
        let config = blob(EMPTY, EMPTY_BYTES);
        let mut layer = blob("application/octet-stream", b"tool");
        layer.annotations.insert(TITLE.to_owned(), "tool".to_owned());
        let subject = blob(MANIFEST, b"x");
        let layers = [layer];
        let bytes = artifact(Some(BUNDLE_V03), &config, &layers, Some(&subject), &[("a", "b")]);
        assert_eq!(bytes, artifact(Some(BUNDLE_V03), &config, &layers, Some(&subject), &[("a", "b")]));
        let Ok(Document::Manifest(read)) = Document::parse(&bytes, Some(MANIFEST)) else { panic!("no manifest") };
        assert_eq!((read.artifact_type.as_str(), read.subject), (BUNDLE_V03, Some(subject.clone())));
        assert_eq!((read.config, read.layers.as_slice()), (config, layers.as_slice()));
        let bytes = index(&[subject.to_value()]);
        let Ok(Document::Index(read)) = Document::parse(&bytes, Some(INDEX)) else { panic!("no index") };
        assert_eq!(read.manifests, [subject]);
    }
}
