//! What may be a signature or an attestation, by what is said of it.
//!
//! There are more kinds of signatures than pinfold reads. One of a kind that it does not read has to be told, and may not
//! pass for none; what else is attached, such as a bill of materials or documentation, is none.

use crate::manifest::{Descriptor, Manifest};
use crate::media_types::{BUNDLE, DSSE_ENVELOPE, SIMPLE_SIGNING, TITLE};

/// In what form a layer has signatures or attestations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Sigstore bundles.
    Bundle,
    /// A signature in cosign's older form.
    SimpleSigning,
    /// An attestation in cosign's older form.
    Envelope,
}

impl Manifest {
    /// The form of one of its layers that pinfold reads; `None` for all others.
    pub fn form_of(&self, layer: &Descriptor) -> Option<Form> {
        match layer.media_type.as_str() {
            SIMPLE_SIGNING => Some(Form::SimpleSigning),
            DSSE_ENVELOPE => Some(Form::Envelope),
            kind if kind.starts_with(BUNDLE) || self.artifact_type.starts_with(BUNDLE) => Some(Form::Bundle),
            _ => None,
        }
    }

    /// What says that it may be a signature or an attestation and pinfold does not read it; `None` where nothing does. A
    /// layer that is read speaks for the manifest around it, and not for other layers.
    pub fn unread_claim(&self) -> Option<&str> {
        let unread = self.layers.iter().filter(|layer| self.form_of(layer).is_none());
        let of_layers = unread.filter_map(|layer| said(&layer.media_type).or_else(|| noted(&layer.annotations))).next();
        let is_read = self.layers.iter().any(|layer| self.form_of(layer).is_some());
        let own = || {
            let kinds = [self.artifact_type.as_str(), self.config.media_type.as_str()];
            kinds.into_iter().find_map(said).or_else(|| noted(&self.annotations))
        };
        of_layers.or_else(|| if is_read { None } else { own() })
    }
}

/// A text that speaks of a signature or an attestation.
fn said(text: &str) -> Option<&str> {
    let folded = text.to_ascii_lowercase();
    let mut words = folded.split(|one: char| !one.is_ascii_alphanumeric());
    (PARTS.iter().any(|part| folded.contains(part)) || words.any(|word| WORDS.contains(&word))).then_some(text)
}

/// The name of an annotation that does, or its value, unless that is a text for people or an address.
fn noted<'a>(notes: impl IntoIterator<Item = (&'a String, &'a String)>) -> Option<&'a str> {
    let is_address = |value: &str| value.contains("://");
    let is_text = |value: &str| value.contains(char::is_whitespace);
    notes.into_iter().find_map(|(name, value)| {
        let value = Some(value.as_str()).filter(|value| name == TITLE || !(is_address(value) || is_text(value)));
        said(name).or_else(|| value.and_then(said))
    })
}

/// What is part of the names of such kinds: those of cosign, Notary, in-toto, SLSA, DSSE, PKCS #7, OpenPGP, minisign.
const PARTS: [&str; 11] = [
    "signature",
    "simplesigning",
    "sigstore",
    "attest",
    "provenance",
    "in-toto",
    "intoto",
    "dsse",
    "notary",
    "pkcs7",
    "openpgp",
];
/// Those that are words of their own, because other words have them in the middle; ends of file names too.
const WORDS: [&str; 20] = [
    "sig", "sigs", "sign", "signed", "signer", "signing", "att", "asc", "pgp", "gpg", "p7s", "p7m", "cms", "cose",
    "jws", "jose", "notation", "slsa", "vsa", "minisig",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, MANIFEST};

    fn claim(artifact_type: &str, layer: &str, notes: &str, own_notes: &str) -> Option<String> {
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{artifact_type}","annotations":{{{own_notes}}},
            "config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}},
            "layers":[{{"mediaType":"{layer}","digest":"{digest}","size":3,"annotations":{{{notes}}}}}]}}"#
        );
        let Ok(Document::Manifest(manifest)) = Document::parse(text.as_bytes(), None) else { panic!("{text}") };
        manifest.unread_claim().map(str::to_owned)
    }

    #[test]
    fn what_may_be_a_signature_is_told() {
        let check = |artifact_type, layer, notes, own_notes, expected: &str| {
            assert_eq!(claim(artifact_type, layer, notes, own_notes).as_deref(), Some(expected), "{artifact_type}");
        };
        for kind in [
            "application/vnd.cncf.notary.signature",
            "application/vnd.dev.cosign.artifact.sig.v1+json",
            "application/vnd.dev.cosign.artifact.att.v1+json",
            "application/vnd.in-toto+json",
            "application/vnd.dsse.envelope.v2+json",
            "application/vnd.docker.attestation.manifest.v1+json",
            "application/pgp-signature",
            "application/pkcs7-signature",
            "application/jose+json",
            "application/cose",
            "Application/Vnd.Example.SIGNATURE",
            "application/vnd.example.attestations",
        ] {
            check(kind, "application/octet-stream", "", "", kind);
            check("application/x", kind, "", "", kind);
        }
        // A form that is read, spelled otherwise.
        let odd = format!("{SIMPLE_SIGNING}; charset=utf-8");
        check("application/x", &odd, "", "", &odd);
        for (notes, expected) in [
            (r#""dev.cosignproject.cosign/signature":"x""#, "dev.cosignproject.cosign/signature"),
            (r#""in-toto.io/predicate-type":"https://example.com/x""#, "in-toto.io/predicate-type"),
            (r#""org.opencontainers.image.title":"tool.asc""#, "tool.asc"),
            (r#""org.opencontainers.image.title":"tool.sigstore.json""#, "tool.sigstore.json"),
            (r#""vnd.docker.reference.type":"attestation-manifest""#, "attestation-manifest"),
            (r#""com.example.kind":"signature""#, "signature"),
        ] {
            check("application/x", "application/octet-stream", notes, "", expected);
            check("application/x", "application/octet-stream", "", notes, expected);
        }
    }

    #[test]
    fn what_is_none_is_none() {
        let notes = r#""org.opencontainers.image.source":"https://example.com/signature","org.opencontainers.image.title":"design.pdf",
            "org.opencontainers.image.description":"signed by nobody","org.opencontainers.annotation":"assigned""#;
        for kind in [
            "application/vnd.cyclonedx+json",
            "application/spdx+json",
            "application/vnd.dev.cosign.artifact.sbom.v1+json",
            "application/vnd.example.signal",
            "application/sarif+json",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        ] {
            assert_eq!(claim(kind, kind, notes, notes), None, "{kind}");
        }
        // What is read is judged by what is in it.
        for kind in [SIMPLE_SIGNING, DSSE_ENVELOPE, "application/vnd.dev.sigstore.bundle.v0.3+json"] {
            assert_eq!(claim("application/vnd.dev.cosign.artifact.sig.v1+json", kind, "", ""), None, "{kind}");
        }
    }
}
