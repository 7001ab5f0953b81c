//! [`Reference`]: `host[:port]/name[:tag][@digest]` (the grammar of distribution's `reference` package).
//!
//! Refuses to guess: a name without a host is no reference, although other tools have a registry in mind for it, and
//! neither is one without a tag and a digest, which they call `latest`. Refuses every character that could change the
//! shape of the URL that is made of it.

use std::fmt;
use std::str::FromStr;

use super::digest::{DigestError, digest_text, parse_digest};
use crate::digest::Integrity;
use crate::url::{Url, UrlError};

/// An artifact in a registry, by its tag, its digest or both; where there is a digest, the tag is only said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    base: Url,
    repository: String,
    tag: Option<String>,
    digest: Option<Integrity>,
}

impl Reference {
    /// Longest host and name together, in bytes (distribution's `NameTotalLengthMax`).
    pub const MAX_NAME_LEN: usize = 255;
    /// Longest tag, in bytes (OCI distribution specification, "Pulling manifests").
    pub const MAX_TAG_LEN: usize = 128;

    /// The registry as it was written: `host` or `host:port`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The registry's server: by https, on loopback by plain http.
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// The repository's name: `team/tool`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where there is one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest or index, where there is one.
    pub const fn digest(&self) -> Option<&Integrity> {
        self.digest.as_ref()
    }

    /// What a manifest is asked for by: the digest, else the tag.
    pub fn by(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest_text(digest),
            (None, tag) => tag.clone().unwrap_or_default(),
        }
    }

    /// The same artifact by the digest that it turned out to have.
    #[must_use]
    pub fn at(&self, digest: Integrity) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{}", digest_text(digest)))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference = Self::read(text)?;
        if reference.tag.is_none() && reference.digest.is_none() {
            return Err(ReferenceError::Neither);
        }
        Ok(reference)
    }
}

impl Reference {
    /// A repository, perhaps with a tag, a digest or both.
    fn read(text: &str) -> Result<Self, ReferenceError> {
        let (registry, rest) = text.split_once('/').ok_or(ReferenceError::NoHost)?;
        let base = base_of(registry)?;
        let (named, digest) = rest.split_once('@').map_or((rest, None), |(named, digest)| (named, Some(digest)));
        let (repository, tag) = named.split_once(':').map_or((named, None), |(name, tag)| (name, Some(tag)));
        let fits = registry.len().saturating_add(repository.len()) < Self::MAX_NAME_LEN;
        if !fits || !repository.split('/').all(is_component) {
            return Err(ReferenceError::Name);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag);
        }
        let digest = digest.map(parse_digest).transpose().map_err(ReferenceError::Digest)?;
        let (registry, repository) = (registry.to_owned(), repository.to_owned());
        Ok(Self { registry, base, repository, tag: tag.map(str::to_owned), digest })
    }
}

/// A whole repository, `oci://host[:port]/name`: a place for many artifacts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location(Reference);

impl Location {
    /// How it begins, so that nobody takes it for a URL or an artifact.
    pub const SCHEME: &str = "oci://";

    /// The registry's server.
    pub const fn base(&self) -> &Url {
        self.0.base()
    }

    /// What stands under a tag of it, or is to stand there. `None` for what is no tag.
    pub fn tagged(&self, tag: &str) -> Option<Reference> {
        is_tag(tag).then(|| Reference { tag: Some(tag.to_owned()), ..self.0.clone() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::SCHEME, self.0)
    }
}

impl FromStr for Location {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let rest = text.strip_prefix(Self::SCHEME).ok_or(ReferenceError::Scheme)?;
        let reference = Reference::read(rest)?;
        match (&reference.tag, &reference.digest) {
            (None, None) => Ok(Self(reference)),
            _ => Err(ReferenceError::NotWhole),
        }
    }
}

/// The server of a registry. A first component without a dot or a port is a part of a name elsewhere.
fn base_of(registry: &str) -> Result<Url, ReferenceError> {
    let is_host = registry.contains(['.', ':']) || registry == "localhost";
    if !is_host || registry.is_empty() {
        return Err(ReferenceError::NoHost);
    }
    if registry.bytes().any(|byte| byte.is_ascii_uppercase() || matches!(byte, b'@' | b'?' | b'#' | b'%')) {
        return Err(ReferenceError::Host);
    }
    let url = |scheme: &str| format!("{scheme}://{registry}/").parse::<Url>();
    let secure = url("https").map_err(ReferenceError::Url)?;
    if secure.origin().is_loopback() { url("http").map_err(ReferenceError::Url) } else { Ok(secure) }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    if !ends(text.as_bytes().first()) || !ends(text.as_bytes().last()) {
        return false;
    }
    let mut run = String::new();
    for one in text.chars() {
        if u8::try_from(one).is_ok_and(is_word) {
            if !is_separator(&run) {
                return false;
            }
            run.clear();
        } else {
            run.push(one);
        }
    }
    true
}

fn is_separator(run: &str) -> bool {
    matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-')
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(text: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= Reference::MAX_TAG_LEN
        && text.bytes().next().is_some_and(first)
        && text.bytes().all(|byte| first(byte) || matches!(byte, b'.' | b'-'))
}

/// Why a text is no [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceError {
    /// No host in front.
    NoHost,
    /// A host with upper-case letters, or with something that belongs into no host.
    Host,
    /// A host that no URL can be made of.
    Url(UrlError),
    /// Not a name of a repository, or too long.
    Name,
    /// Not a tag.
    Tag,
    /// Neither a tag nor a digest.
    Neither,
    /// A pin names the digest, and this has none.
    NoDigest,
    /// Not a digest.
    Digest(DigestError),
    /// A whole repository begins with `oci://`.
    Scheme,
    /// A whole repository has neither a tag nor a digest.
    NotWhole,
}

impl ReferenceError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoHost => "oci-no-host",
            Self::Host | Self::Url(_) => "oci-host",
            Self::Name => "oci-name",
            Self::Tag => "oci-tag",
            Self::Neither => "oci-no-tag",
            Self::NoDigest => "oci-no-digest",
            Self::Digest(error) => error.code(),
            Self::Scheme => "oci-scheme",
            Self::NotWhole => "oci-not-whole",
        }
    }

    /// What to write instead.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoHost => Some("name the registry too, as in `oci.example.com/team/tool:v1`; none is implied"),
            Self::Neither => Some("add a tag, as in `:v1`, or a digest; no tag is implied"),
            Self::NoDigest => {
                Some("add `@sha256:…`: a tag may be moved; `pinfold add oci:…` pins the digest that it has now")
            }
            Self::Scheme | Self::NotWhole => Some("write it like `oci://oci.example.com/team/cache`"),
            _ => None,
        }
    }
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => f.write_str("a reference begins with the host of a registry"),
            Self::Host => f.write_str("the registry is not `host` or `host:port` in lower case"),
            Self::Url(error) => write!(f, "the registry is not `host` or `host:port`: {error}"),
            Self::Name => f.write_str(
                "the name has something other than lower-case letters, digits and `.`, `_`, `-`, `/` between them",
            ),
            Self::Tag => f.write_str(
                "a tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two",
            ),
            Self::Neither => f.write_str("the reference has neither a tag nor a digest"),
            Self::NoDigest => f.write_str("a pin names the digest of the artifact"),
            Self::Digest(error) => error.fmt(f),
            Self::Scheme => f.write_str("a place for many artifacts begins with `oci://`"),
            Self::NotWhole => f.write_str("a place for many artifacts has neither a tag nor a digest"),
        }
    }
}

impl std::error::Error for ReferenceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Digest(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn reads_what_registries_have() {
        let check = |text: &str, base: &str, repository: &str, by: &str| {
            let reference: Reference = text.parse().expect(text);
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.base().to_string(), base, "{text}");
            assert_eq!((reference.repository(), reference.by().as_str()), (repository, by), "{text}");
        };
        check("oci.example.com/tool:v1", "https://oci.example.com/", "tool", "v1");
        check(
            &format!("oci.example.com:8443/a/b_c/d__e/f-g--h.i@{DIGEST}"),
            "https://oci.example.com:8443/",
            "a/b_c/d__e/f-g--h.i",
            DIGEST,
        );
        check(&format!("oci.example.com/tool:V1_x.y-z@{DIGEST}"), "https://oci.example.com/", "tool", DIGEST);
        check("localhost/tool:v1", "http://localhost/", "tool", "v1");
        check("127.0.0.1:5000/tool:_", "http://127.0.0.1:5000/", "tool", "_");
        check("[::1]:5000/tool:v1", "http://[::1]:5000/", "tool", "v1");
    }

    #[test]
    fn a_whole_repository_has_neither_tag_nor_digest() {
        let location: Location = "oci://oci.example.com/team/cache".parse().expect("a repository");
        assert_eq!(location.to_string(), "oci://oci.example.com/team/cache");
        assert_eq!(location.tagged("a").expect("a tag").to_string(), "oci.example.com/team/cache:a");
        assert_eq!(location.tagged("../a"), None);
        for (text, code) in [
            ("oci.example.com/team/cache", "oci-scheme"),
            ("https://oci.example.com/team/cache", "oci-scheme"),
            ("oci://cache", "oci-no-host"),
            ("oci://oci.example.com/", "oci-name"),
            ("oci://oci.example.com/cache:v1", "oci-not-whole"),
            (&format!("oci://oci.example.com/cache@{DIGEST}"), "oci-not-whole"),
            ("oci://user:secret@oci.example.com/cache", "oci-host"),
        ] {
            assert_eq!(text.parse::<Location>().expect_err(text).code(), code, "{text}");
        }
    }

    #[test]
    fn refuses_what_changes_the_shape_of_a_url() {
        let check = |text: &str, code: &str| {
            assert_eq!(text.parse::<Reference>().expect_err(text).code(), code, "{text}");
        };
        for text in ["", "tool", "tool:v1", "team/tool:v1", "/tool:v1"] {
            check(text, "oci-no-host");
        }
        for host in
            ["Oci.example.com", "user@oci.example.com", "oci.example.com:99999", "a b.c", "x.y?z", "x.y%2f", ":5000"]
        {
            check(&format!("{host}/tool:v1"), "oci-host");
        }
        for name in
            ["", "Tool", "a//b", "../b", "a/..", "a/.b", "a.", "-a", "a___b", "a._b", "a b", "a%2fb", "a?b", "é"]
        {
            check(&format!("oci.example.com/{name}:v1"), "oci-name");
        }
        check(&format!("oci.example.com/{}:v1", "a".repeat(250)), "oci-name");
        for tag in ["", ".a", "-a", "a/b", "a:b", "a b", "a%2f", &"a".repeat(129)] {
            check(&format!("oci.example.com/tool:{tag}"), "oci-tag");
        }
        check("oci.example.com/tool", "oci-no-tag");
        check("oci.example.com/tool@", "oci-digest");
        check("oci.example.com/tool@sha256:00", "oci-digest");
        check("oci.example.com/tool@sha384:00", "oci-digest-algorithm");
        check(&format!("oci.example.com/tool@{DIGEST}@{DIGEST}"), "oci-digest");
    }
}
