//! Keys as OpenSSH writes them: public ones as lines (RFC 4253, section 6.6; RFC 8709), private ones in its own envelope
//! (`PROTOCOL.key` of OpenSSH).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::forms::{Form, KeyError, Seed, halves};

/// Reads a list of public keys, such as GitHub's `.keys`: every Ed25519 line counts, and not the first alone.
pub(super) fn lines(text: &str) -> Result<Vec<Form>, KeyError> {
    let mut forms = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some(NAME), Some(blob)) => {
                let blob = BASE64.decode(blob).map_err(|_| KeyError::Unknown)?;
                forms.push(Form::Public(public(&blob)?));
            }
            // Other algorithms stand in such lists too, and say twice which. Security keys among them sign more than the
            // message, with counters in it.
            (Some(name), Some(blob)) if BASE64.decode(blob).is_ok_and(|blob| names(&blob, name)) => {}
            _ => return Err(KeyError::Unknown),
        }
    }
    if forms.is_empty() { Err(KeyError::None) } else { Ok(forms) }
}

const NAME: &str = "ssh-ed25519";

/// Whether a key says that it is of this algorithm.
fn names(blob: &[u8], name: &str) -> bool {
    Input(blob).block().is_ok_and(|own| own == name.as_bytes())
}

fn public(blob: &[u8]) -> Result<[u8; 32], KeyError> {
    let mut input = Input(blob);
    if input.block()? != NAME.as_bytes() {
        return Err(KeyError::Unknown);
    }
    let key = input.block()?.try_into().map_err(|_| KeyError::Unknown)?;
    if input.0.is_empty() { Ok(key) } else { Err(KeyError::Unknown) }
}

/// Reads a private key without a passphrase.
pub(super) fn secret(bytes: &[u8]) -> Result<Seed, KeyError> {
    let mut input = Input(bytes.strip_prefix(b"openssh-key-v1\0").ok_or(KeyError::Unknown)?);
    let (cipher, kdf, options) = (input.block()?, input.block()?, input.block()?);
    if (cipher, kdf) != (b"none", b"none") || !options.is_empty() {
        return Err(KeyError::Encrypted);
    }
    if input.number()? != 1 {
        return Err(KeyError::Several);
    }
    let outside = input.block()?;
    let mut inside = Input(input.block()?);
    if !input.0.is_empty() || inside.number()? != inside.number()? {
        return Err(KeyError::Unknown);
    }
    if inside.block()? != NAME.as_bytes() {
        return Err(KeyError::Algorithm);
    }
    let (own, both, _comment) = (inside.block()?, inside.block()?, inside.block()?);
    let padding = inside.0.iter().zip(1_u8..);
    let (seed, again) = both.split_first_chunk::<32>().ok_or(KeyError::Unknown)?;
    if own != again
        || public(outside)? != own
        || inside.0.len() >= 8
        || padding.into_iter().any(|(got, one)| *got != one)
    {
        return Err(KeyError::Halves);
    }
    halves(*seed, own)
}

/// Bytes that are taken from the front: numbers of 32 bits, and strings behind their lengths (RFC 4251, section 5).
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn number(&mut self) -> Result<u32, KeyError> {
        let (number, rest) = self.0.split_first_chunk().ok_or(KeyError::Unknown)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn block(&mut self) -> Result<&'a [u8], KeyError> {
        let len = usize::try_from(self.number()?).map_err(|_| KeyError::Unknown)?;
        let (block, rest) = self.0.split_at_checked(len).ok_or(KeyError::Unknown)?;
        self.0 = rest;
        Ok(block)
    }
}
