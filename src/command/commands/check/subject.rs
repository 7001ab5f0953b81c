//! [`Subject`]: the artifact that was named, a file or a digest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::PathBuf;

use pinfold_core::digest::{Algorithm, Hasher, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};
use pinfold_evidence::attestation::is_weak;

/// An artifact as it was named on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A file that was there.
    File(PathBuf),
    /// A digest: in-toto's name of the algorithm, and the value as subjects of statements have it.
    Digest(String, String),
}

impl Subject {
    /// Reads what was given. What has the form of a digest is one, though there be a file of that name: somebody who can
    /// put a file there must not choose what is checked. `./` in front makes it a file's path.
    pub(super) fn find(given: &str) -> Result<Self, Fault> {
        if let Some((algorithm, value)) = given.split_once(':').filter(|parts| is_digest(*parts)) {
            return digest(given, algorithm, value);
        }
        let sri = given.parse::<Integrity>();
        if let Ok(integrity) = &sri {
            return Ok(Self::Digest(integrity.algorithm().name().to_owned(), integrity.hex()));
        }
        let path = PathBuf::from(given);
        if fs::open_if_exists(&path)?.is_some() {
            return Ok(Self::File(path));
        }
        let shown = given.escape_debug();
        let fault = match sri {
            Err(source) if SRI.iter().any(|start| given.starts_with(start)) => {
                Fault::failed("artifact-digest", format!("`{shown}` is no digest: {source}")).because(source)
            }
            _ => Fault::failed("artifact-absent", format!("`{shown}` is neither a file that is there nor a digest")),
        };
        Err(fault.hint(NAME_ONE))
    }

    /// Its digests by these algorithms, as far as they are known: a file is read once for all of them, in pieces.
    pub(super) fn digests(&self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Fault> {
        let path = match self {
            Self::Digest(algorithm, value) => return Ok(BTreeMap::from([(algorithm.clone(), value.clone())])),
            Self::File(path) => path,
        };
        let known = HASHES.into_iter().filter(|algorithm| wanted.contains(algorithm.name()));
        let mut hashers: Vec<Hasher> = known.map(Hasher::new).collect();
        if !hashers.is_empty() {
            let mut file = fs::open(path)?;
            let mut piece = vec![0; PIECE];
            loop {
                let read = match file.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(source) => return Err(FsError { action: "read", path: path.clone(), source }.into()),
                };
                let bytes = piece.get(..read).unwrap_or_default();
                hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
            }
        }
        let digests = hashers.into_iter().map(Hasher::finish);
        Ok(digests.map(|digest| (digest.algorithm().name().to_owned(), digest.hex())).collect())
    }

    /// Opens the bytes; only for a file.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read>> {
        match self {
            Self::File(path) => Ok(Box::new(fs::open(path).map_err(|error| error.source)?)),
            Self::Digest(..) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether the bytes are at hand.
    pub(super) const fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// `ALGORITHM:VALUE`, both of characters that no path needs. A path or a URL has a slash somewhere.
fn is_digest((algorithm, value): (&str, &str)) -> bool {
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || "_-+.=".contains(one));
    plain(algorithm) && plain(value)
}

fn digest(given: &str, algorithm: &str, value: &str) -> Result<Subject, Fault> {
    if is_weak(algorithm) {
        let message = format!("`{}` names no artifact: others may have the same", algorithm.escape_debug());
        let hint = "name the file itself, or its `sha256:…` or `sha512:…`";
        return Err(Fault::failed("artifact-weak-digest", message).hint(hint));
    }
    let Some(hash) = HASHES.into_iter().find(|hash| hash.name() == algorithm) else {
        return Ok(Subject::Digest(algorithm.to_owned(), value.to_owned()));
    };
    let digits = hash.digest_len().saturating_mul(2);
    if value.len() != digits || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let (shown, name) = (given.escape_debug(), hash.name());
        let message = format!("`{shown}` is no digest: {name} has {digits} hexadecimal digits");
        return Err(Fault::failed("artifact-digest", message).hint(NAME_ONE));
    }
    Ok(Subject::Digest(algorithm.to_owned(), value.to_ascii_lowercase()))
}

const NAME_ONE: &str =
    "name a file, or a digest: `sha256:…` or `sha512:…` in hexadecimal, or `sha512-…` as in pins.toml";

/// What a file is hashed by, where claims ask for it.
const HASHES: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

/// How the text forms of integrities begin, for telling a mistyped one from a file that is not there.
const SRI: [&str; 5] = ["sha256-", "sha384-", "sha512-", "sha1-", "md5-"];

/// Bytes that are read at once: enough for a disk, little for a machine.
const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_reading() {
        let (short, long) = ("ab".repeat(32), "cd".repeat(64));
        let check = |given: &str, algorithm: &str, value: &str| {
            let expected = Subject::Digest(algorithm.to_owned(), value.to_owned());
            assert_eq!(Subject::find(given).expect(given), expected, "{given}");
        };
        check(&format!("sha256:{short}"), "sha256", &short);
        check(&format!("sha256:{}", short.to_uppercase()), "sha256", &short);
        check(&format!("sha512:{long}"), "sha512", &long);
        check("gce_image_id:8970095005306000053", "gce_image_id", "8970095005306000053");
        let integrity = Integrity::of(Algorithm::Sha512, b"abc");
        check(&integrity.to_string(), "sha512", &integrity.hex());
    }

    #[test]
    fn refuses_what_is_neither() {
        let check = |given: &str, code: &str| {
            assert_eq!(Subject::find(given).expect_err(given).code(), code, "{given}");
        };
        check("", "artifact-absent");
        check("absent.tgz", "artifact-absent");
        check("https://example.com/a.tgz", "artifact-absent");
        check("sha256:", "artifact-absent");
        check("sha256:abcd", "artifact-digest");
        check(&format!("sha512:{}", "ab".repeat(32)), "artifact-digest");
        check(&format!("sha256:{}", "zz".repeat(32)), "artifact-digest");
        check("sha512-AAAA", "artifact-digest");
        check("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "artifact-digest");
        check(&format!("sha1:{}", "ab".repeat(20)), "artifact-weak-digest");
        check(&format!("gitCommit:{}", "ab".repeat(20)), "artifact-weak-digest");
        check(".", "disk");
    }
}
