//! Bundles that are attached to an artifact: as referrers, in cosign's layout, and under the tag that stands in for the
//! list where the registry keeps none.

use serde_json::{Value, json};

use pinfold_core::fault::Fault;
use pinfold_core::oci::digest_text;
use pinfold_oci::registry::Repository;
use pinfold_oci::{BUNDLE_CONTENT, BUNDLE_V03, Descriptor, EMPTY, EMPTY_BYTES, MANIFEST, artifact};

/// A bundle that is to be attached.
pub(super) struct Attachment {
    /// The bundle.
    pub(super) bundle: Value,
    /// What its statement says of the artifact.
    pub(super) predicate_type: String,
}

impl Attachment {
    /// Sends the bundle, and the manifest that says what it is attached to. What it is attached to need not be there.
    pub(super) fn put(&self, repository: &Repository<'_>, subject: &Descriptor) -> Result<(), Fault> {
        let bytes = self.bundle.to_string().into_bytes();
        let kind = self.bundle.get("mediaType").and_then(Value::as_str).unwrap_or(BUNDLE_V03);
        let (config, layer) = (Descriptor::of_bytes(EMPTY, EMPTY_BYTES), Descriptor::of_bytes(kind, &bytes));
        repository.put_blob(&config, &EMPTY_BYTES)?;
        repository.put_blob(&layer, &bytes.as_slice())?;
        let notes = [BUNDLE_CONTENT, (PREDICATE_TYPE, self.predicate_type.as_str())];
        let manifest = artifact(Some(kind), &config, &[layer], Some(subject), &notes);
        let own = Descriptor::of_bytes(MANIFEST, &manifest);
        if !repository.put_manifest(&digest_text(&own.digest), MANIFEST, &manifest, Some(&subject.digest))? {
            let mut entry = own.to_value();
            if let Some(object) = entry.as_object_mut() {
                object.insert("artifactType".to_owned(), json!(kind));
                object.insert("annotations".to_owned(), json!(std::collections::BTreeMap::from(notes)));
            }
            repository.list(&subject.digest, &entry)?;
        }
        Ok(())
    }
}

/// What cosign writes beside a bundle: what the statement in it is of.
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
