//! Any bytes are what a registry sends or a refusal; what is read says the same when it is written.
#![no_main]

use pinfold_core::oci::{LayerChoice, Reference};
use pinfold_evidence::attestation::SimpleSigning;
use pinfold_net::docker_config::Logins;
use pinfold_oci::{Challenge, Document, next_page};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match Document::parse(bytes, None) {
        Ok(Document::Manifest(manifest)) => drop(manifest.choose(&LayerChoice::default())),
        Ok(Document::Index(index)) => drop(index.choose(None)),
        Err(error) => assert!(!error.code().is_empty()),
    }
    let _ = (SimpleSigning::parse(bytes), Logins::parse(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = (Challenge::parse_all(text), next_page(text));
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text);
    }
});
