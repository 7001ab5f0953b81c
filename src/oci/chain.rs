//! Where a registry has what (OCI distribution specification 1.1), and how one leads from a digest to bytes.
//!
//! [`follow`] is the one way from a digest that was pinned to a manifest: what comes is held to the digest before it is
//! read, online as it comes and offline out of a record.

use std::fmt;

use crate::choice::ChoiceError;
use crate::manifest::{Document, Manifest, ManifestError};
use pinfold_core::digest::Integrity;
use pinfold_core::oci::{ImagePlatform, Reference, digest_text};
use pinfold_core::url::{Url, UrlError};
use pinfold_net::source::encode_segment;

/// Where everything of a repository is: `BASE/v2/NAME/`.
pub fn repository_url(reference: &Reference) -> Result<Url, UrlError> {
    reference.base().join(&format!("/v2/{}/", reference.repository()))
}

/// The manifest of a tag or digest.
pub fn manifest_url(repository: &Url, by: &str) -> Result<Url, UrlError> {
    repository.join(&format!("{}manifests/{by}", repository.path()))
}

/// The bytes of a digest.
pub fn blob_url(repository: &Url, digest: &Integrity) -> Result<Url, UrlError> {
    repository.join(&format!("{}blobs/{}", repository.path(), digest_text(digest)))
}

/// Where the bytes of a digest are asked to be taken.
pub fn uploads_url(repository: &Url) -> Result<Url, UrlError> {
    repository.join(&format!("{}blobs/uploads/", repository.path()))
}

/// Where the bytes of a digest are sent: what the registry named, with the digest behind the query that it has already.
pub fn upload_url(from: &Url, location: &str, digest: &Integrity) -> Result<Url, UrlError> {
    let text = from.join(location)?.to_string();
    let mark = if text.contains('?') { '&' } else { '?' };
    format!("{text}{mark}digest={}", digest_text(digest)).parse()
}

/// What is attached to a manifest.
pub fn referrers_url(repository: &Url, digest: &Integrity) -> Result<Url, UrlError> {
    repository.join(&format!("{}referrers/{}", repository.path(), digest_text(digest)))
}

/// Where the token for a repository is had, to do these actions with (`pull`, `pull,push`): the realm, with the service and our own scope behind what it has
/// already. The scope that a server asks for is not repeated: it might be another repository's.
pub fn token_url(realm: &Url, service: Option<&str>, repository: &str, actions: &'static str) -> Result<Url, UrlError> {
    let mut text = realm.to_string();
    let mut add = |name: &str, value: &str| {
        let mark = if text.contains('?') { '&' } else { '?' };
        text.push_str(&format!("{mark}{name}={}", encode_segment(value, ":/")));
    };
    if let Some(service) = service {
        add("service", service);
    }
    add("scope", &format!("repository:{repository}:{actions}"));
    text.parse()
}

/// What is sent to a realm with an identity token, for a token to do these actions with; it says no scope but our own.
pub fn refresh_form(service: Option<&str>, repository: &str, actions: &'static str, token: &str) -> String {
    let scope = format!("repository:{repository}:{actions}");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "pinfold"),
        ("scope", &scope),
        ("refresh_token", token),
        ("service", service.unwrap_or_default()),
    ];
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| format!("{name}={}", encode_segment(value, ""))).collect::<Vec<_>>().join("&")
}

/// The tag under which registries without the referrers API have what is attached (distribution specification, "Referrers
/// tag schema").
pub fn referrers_tag(digest: &Integrity) -> String {
    let hex = digest.hex();
    format!("{}-{}", digest.algorithm().name(), hex.get(..64).unwrap_or(&hex))
}

/// A manifest that was found by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The documents on the way, the pinned one first: for a record, to go the same way again.
    pub documents: Vec<Vec<u8>>,
    /// The last one.
    pub manifest: Manifest,
}

/// What comes when a manifest is asked for: its bytes, and what the server calls them.
pub type Received = (Vec<u8>, Option<String>);

/// Goes from a digest to the manifest that is meant: through an index, if it is one of an index. `ask` is given the digest
/// and, where it is known, the length.
pub fn follow<E: From<ChainError>>(
    digest: &Integrity,
    platform: Option<&ImagePlatform>,
    mut ask: impl FnMut(&Integrity, Option<u64>) -> Result<Received, E>,
) -> Result<Followed, E> {
    let mut documents = Vec::new();
    let (mut wanted, mut size) = (digest.clone(), None);
    loop {
        let (bytes, content_type) = ask(&wanted, size)?;
        hold(&wanted, size, &bytes)?;
        let document = Document::parse(&bytes, content_type.as_deref()).map_err(ChainError::Manifest)?;
        documents.push(bytes);
        match document {
            Document::Manifest(manifest) => return Ok(Followed { documents, manifest: *manifest }),
            Document::Index(_) if documents.len() > 1 => {
                return Err(ChainError::Choice(ChoiceError::NestedIndex).into());
            }
            Document::Index(index) => {
                let chosen = index.choose(platform).map_err(ChainError::Choice)?;
                (wanted, size) = (chosen.digest.clone(), Some(chosen.size));
            }
        }
    }
}

/// Holds bytes to a digest, and to a length where that is known.
pub fn hold(wanted: &Integrity, size: Option<u64>, bytes: &[u8]) -> Result<(), ChainError> {
    let received = Integrity::of(wanted.algorithm(), bytes);
    if received != *wanted {
        return Err(ChainError::Digest { expected: wanted.clone(), received });
    }
    match size {
        Some(expected) if u64::try_from(bytes.len()) != Ok(expected) => Err(ChainError::Size { expected }),
        _ => Ok(()),
    }
}

/// Why a digest does not lead to a manifest.
#[derive(Debug)]
pub enum ChainError {
    /// Other bytes.
    Digest {
        /// What was asked for.
        expected: Integrity,
        /// What came.
        received: Integrity,
    },
    /// The right bytes, of which another number was told.
    Size {
        /// What was told.
        expected: u64,
    },
    /// Neither a manifest nor an index.
    Manifest(ManifestError),
    /// Nothing in it is what is meant.
    Choice(ChoiceError),
}

impl ChainError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Digest { .. } => "integrity-mismatch",
            Self::Size { .. } => "oci-size",
            Self::Manifest(error) => error.code(),
            Self::Choice(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Choice(error) => error.hint(),
            _ => None,
        }
    }

    /// The two digests that were compared.
    pub fn compared(&self) -> Option<(String, String)> {
        match self {
            Self::Digest { expected, received } => Some((digest_text(expected), digest_text(received))),
            _ => None,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest { .. } => f.write_str("the bytes that came are not those of the digest"),
            Self::Size { expected } => write!(f, "the bytes that came are not the {expected} that were told"),
            Self::Manifest(error) => error.fmt(f),
            Self::Choice(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Manifest(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_nothing_of_others_in_them() {
        let reference: Reference = "oci.example.com:8443/team/tool:v1".parse().expect("a reference");
        let repository = repository_url(&reference).expect("a URL");
        assert_eq!(repository.to_string(), "https://oci.example.com:8443/v2/team/tool/");
        let digest = Integrity::of(pinfold_core::digest::Algorithm::Sha256, b"abc");
        let manifest = manifest_url(&repository, "v1").expect("a URL").to_string();
        assert_eq!(manifest, "https://oci.example.com:8443/v2/team/tool/manifests/v1");
        let text = digest_text(&digest);
        assert!(blob_url(&repository, &digest).expect("a URL").to_string().ends_with(&format!("/tool/blobs/{text}")));
        assert!(
            referrers_url(&repository, &digest).expect("a URL").to_string().ends_with(&format!("/referrers/{text}"))
        );
        assert_eq!(referrers_tag(&digest), text.replace(':', "-"));
        let realm: Url = "https://oci.example.com/token?a=b".parse().expect("a URL");
        let token = token_url(&realm, Some("mini,registry&x"), "team/tool", "pull").expect("a URL").to_string();
        let expected = "a=b&service=mini%2Cregistry%26x&scope=repository:team/tool:pull";
        assert_eq!(token, format!("https://oci.example.com/token?{expected}"));
        let token = token_url(&realm, None, "team/tool", "pull,push").expect("a URL").to_string();
        assert_eq!(token, "https://oci.example.com/token?a=b&scope=repository:team/tool:pull%2Cpush");
        let uploads = uploads_url(&repository).expect("a URL");
        assert_eq!(uploads.to_string(), "https://oci.example.com:8443/v2/team/tool/blobs/uploads/");
        let upload = |location: &str| upload_url(&uploads, location, &digest).expect("a URL").to_string();
        assert_eq!(upload("1?st=a%2Fb"), format!("{uploads}1?st=a%2Fb&digest={text}"));
        assert_eq!(upload("https://up.example.com/1"), format!("https://up.example.com/1?digest={text}"));
    }
}
