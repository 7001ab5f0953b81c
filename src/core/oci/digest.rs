//! Digests as registries write them, `sha256:HEX` (OCI image specification, "Descriptor", digests).
//!
//! Refuses other algorithms than sha256 and sha512, which are the registered ones, and other spellings than lower case.

use std::fmt;

use crate::digest::{Algorithm, Integrity};

/// Reads `sha256:HEX` or `sha512:HEX`.
pub fn parse_digest(text: &str) -> Result<Integrity, DigestError> {
    let (name, value) = text.split_once(':').ok_or(DigestError::Form)?;
    let algorithm = match name {
        "sha256" => Algorithm::Sha256,
        "sha512" => Algorithm::Sha512,
        _ => return Err(DigestError::Algorithm(name.to_owned())),
    };
    Integrity::from_hex(algorithm, value).ok_or(DigestError::Form)
}

/// A digest as registries write it.
pub fn digest_text(digest: &Integrity) -> String {
    format!("{}:{}", digest.algorithm().name(), digest.hex())
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestError {
    /// Not `ALGORITHM:HEX` in lower case and of the algorithm's length.
    Form,
    /// Another algorithm than sha256 and sha512.
    Algorithm(String),
}

impl DigestError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "oci-digest",
            Self::Algorithm(_) => "oci-digest-algorithm",
        }
    }
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("a digest has the form `sha256:` and 64 lower-case hexadecimal digits"),
            Self::Algorithm(name) => {
                write!(f, "`{}` is no algorithm of registries: they are sha256 and sha512", name.escape_debug())
            }
        }
    }
}

impl std::error::Error for DigestError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Integrity::of(algorithm, b"abc");
            assert_eq!(parse_digest(&digest_text(&digest)), Ok(digest));
        }
        let good = digest_text(&Integrity::of(Algorithm::Sha256, b"abc"));
        let check = |text: &str, code: &str| assert_eq!(parse_digest(text).expect_err(text).code(), code, "{text}");
        check("", "oci-digest");
        check("sha256", "oci-digest");
        check("sha256:", "oci-digest");
        check(&good.to_uppercase().replace("SHA", "sha"), "oci-digest");
        check(&good.replace("sha256", "sha512"), "oci-digest");
        check(&format!("{good}0"), "oci-digest");
        check(&good.replace("sha256:", "sha256:+"), "oci-digest");
        check("sha384:00", "oci-digest-algorithm");
        check("md5:d41d8cd98f00b204e9800998ecf8427e", "oci-digest-algorithm");
        check("SHA256:00", "oci-digest-algorithm");
    }
}
