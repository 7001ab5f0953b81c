//! One block of PEM (RFC 7468, section 3, in its strict form), with a private key in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::SigningKeyError;

/// A block that may be a key to sign with.
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// What its label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `PRIVATE KEY`.
    Plain,
    /// `ENCRYPTED PRIVATE KEY`.
    Encrypted,
}

/// Reads a file that holds one block and nothing beside it but white space around.
pub(super) fn read(pem: &[u8]) -> Result<Block, SigningKeyError> {
    let pem = std::str::from_utf8(pem).map_err(|_| SigningKeyError::NotPem)?;
    let text = pem.trim_ascii();
    // minisign's and signify's own form: a comment, and base64 below it.
    if text.starts_with("untrusted comment:") {
        return Err(SigningKeyError::Minisign);
    }
    let (label, rest) =
        text.strip_prefix(BEGIN).and_then(|rest| rest.split_once("-----")).ok_or(SigningKeyError::NotPem)?;
    let kind = kind_of(label)?;
    let end = format!("-----END {label}-----");
    let (body, behind) = rest.split_once(end.as_str()).ok_or(SigningKeyError::NotPem)?;
    if !behind.is_empty() {
        return Err(if behind.contains(BEGIN) { SigningKeyError::Several } else { SigningKeyError::Trailing });
    }
    // Room for all of it from the start: what grows leaves copies behind that nobody wipes.
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; packed.len()]);
    let len = BASE64.decode_slice(&packed, &mut der).map_err(|_| SigningKeyError::NotPem)?;
    der.truncate(len);
    Ok(Block { kind, der })
}

fn kind_of(label: &str) -> Result<Kind, SigningKeyError> {
    match label {
        "PRIVATE KEY" => Ok(Kind::Plain),
        "ENCRYPTED PRIVATE KEY" => Ok(Kind::Encrypted),
        "EC PRIVATE KEY" | "EC PARAMETERS" => Err(SigningKeyError::NotPkcs8),
        "RSA PRIVATE KEY" | "DSA PRIVATE KEY" => Err(SigningKeyError::Algorithm("RSA or DSA")),
        "OPENSSH PRIVATE KEY" => Err(SigningKeyError::OpenSsh),
        "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => Err(SigningKeyError::Cosign),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(SigningKeyError::Public),
        "CERTIFICATE" => Err(SigningKeyError::Certificate),
        _ => Err(SigningKeyError::NotPem),
    }
}

/// A block of PEM: lines of 64 characters (RFC 7468, section 2).
pub(super) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(body.len().saturating_mul(2).saturating_add(128)));
    pem.push_str(BEGIN);
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so that any place is one between characters.
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

const BEGIN: &str = "-----BEGIN ";
