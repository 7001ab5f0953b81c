//! Any bytes are trust roots or a refusal, and a root can be asked whom it knows.
#![no_main]

use pinfold_evidence::root::{Instance, TrustRoot};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for root in TrustRoot::parse(bytes, "fuzz".to_owned()).unwrap_or_default() {
        assert_ne!(root.instance(), Instance::GitHub, "only its own certificates make a root GitHub's");
        assert!(!root.knows_issuer(bytes) && !root.age().is_empty());
    }
});
