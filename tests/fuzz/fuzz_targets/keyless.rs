//! Any bytes are an identity token or none, and a signing configuration that serves somebody or nobody.
#![no_main]

use pinfold_sign::keyless::{IdentityToken, SigningConfig};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(token) = IdentityToken::parse(&String::from_utf8_lossy(bytes)) {
        assert!(!token.challenge().is_empty() && token.may_come_from(token.issuer()));
    }
    if let Ok(config) = SigningConfig::parse(bytes)
        && let Ok(services) = config.choose(1_700_000_000)
    {
        assert!(!services.logs.is_empty(), "what is logged nowhere is signed nowhere");
    }
});
