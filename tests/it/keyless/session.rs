//! The library's part alone: one identity that signs more than once.

use pinfold_core::digest::Sha256;
use pinfold_evidence::attestation::Trust;
use pinfold_evidence::root::{RegistryKeys, TrustRoot, TrustRoots};
use pinfold_net::http::{SystemClock, Wire, WireConfig};
use pinfold_sign::keyless::{Content, Door, Identity, IdentityToken, Session, SigningConfig};

use super::loopback::{GOOD, sigstore, token};

#[test]
fn a_certificate_is_for_more_than_one_signature() {
    let server = sigstore();
    let json = std::fs::read(server.root()).expect("a root");
    let roots = TrustRoot::parse(&json, "test".to_owned()).expect("a root");
    let trust = Trust::new(TrustRoots { roots, registry_keys: RegistryKeys::embedded().expect("keys") }, None);
    let config = SigningConfig::parse(server.config("session", GOOD).to_string().as_bytes()).expect("a configuration");
    let identity = Identity::Token(IdentityToken::parse(&token()).expect("a token"));
    let session = Session::new(identity, config, server.root());
    let wire = Wire::new(WireConfig::default()).expect("a network");
    let door = Door { http: &wire, clock: &SystemClock };
    let signed: Vec<_> = [&b"one"[..], b"two"]
        .iter()
        .map(|bytes| session.sign(door, &trust, Content::Digest(Sha256::of(bytes))).expect("a bundle").bundle)
        .collect();
    let certificate = |at: usize| &signed[at]["verificationMaterial"]["certificate"];
    assert_eq!(certificate(0), certificate(1));
    assert_ne!(signed[0]["messageSignature"], signed[1]["messageSignature"]);
    let asked = server.places("session");
    assert_eq!(asked.iter().filter(|place| place.ends_with("signingCert")).count(), 1, "{asked:?}");
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(!format!("{session:?} {:?}", IdentityToken::parse(&token())).contains("eyJ"), "a token is in no output");
}
