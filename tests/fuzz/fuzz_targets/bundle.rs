//! Any document is proved, refused or found unverifiable under the root of the vectors: no panic, and no proof of what
//! is not the artifact.
#![no_main]

use std::sync::LazyLock;

use pinfold_evidence::attestation::{Artifact, Trust, prove, read};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_evidence::root::{RegistryKeys, TrustRoot, TrustRoots};

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let root = include_bytes!("../../vectors/evidence/trusted_root.json");
    let roots = TrustRoot::parse(root, "the vectors".to_owned()).expect("a root");
    let keys = include_bytes!("../../vectors/evidence/registry_keys.json");
    Trust::new(TrustRoots { roots, registry_keys: RegistryKeys::parse(keys).expect("keys") }, None)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let start = bytes.windows(2).position(|two| two == b"\n\n").map_or(0, |at| at + 2);
    let Ok(attestations) = read(&bytes[start..]) else { return };
    let digests = |bytes: &[u8]| [Algorithm::Sha256, Algorithm::Sha512].map(|one| Integrity::of(one, bytes));
    let artifact = Artifact::of(&digests(include_bytes!("../../vectors/evidence/artifact.bin")));
    for attestation in &attestations {
        let _ = prove(&TRUST, attestation, &artifact);
        assert!(prove(&TRUST, attestation, &Artifact::of(&digests(b"nobody's"))).is_err());
    }
});
