//! `github = "owner/repo@tag#asset"`: where a release asset is served, and where its attestations are asked for.

use std::fmt;

use super::{encode_segment, is_no_segment};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::url::{Url, UrlError};

/// `BASE/OWNER/REPO/releases/download/TAG/ASSET`, as the web interface links it.
///
/// `base` is the server (`https://github.com/`, or an enterprise one). Tag and asset may hold any character: they are
/// percent-encoded as one segment each, so that `cli/v1` stays one tag.
pub fn asset_url(base: &Url, owner: &str, repo: &str, tag: &str, asset: &str) -> Result<Url, AssetError> {
    if base.to_string().contains('?') {
        return Err(AssetError::BaseQuery { base: base.clone() });
    }
    for (part, text) in [(Part::Owner, owner), (Part::Repo, repo), (Part::Tag, tag), (Part::Asset, asset)] {
        if is_no_segment(text) {
            return Err(AssetError::Part { part, text: text.to_owned() });
        }
    }
    let [owner, repo, tag, asset] = [owner, repo, tag, asset].map(|text| encode_segment(text, ""));
    let base = base.to_string();
    format!("{}/{owner}/{repo}/releases/download/{tag}/{asset}", base.trim_end_matches('/'))
        .parse()
        .map_err(AssetError::Url)
}

/// The base of the API of a server, by the base of its web interface, with a `/` at its end.
///
/// `https://api.github.com/` for github.com, `https://api.H/` for H below ghe.com (GitHub's own names for tenants), and
/// `BASE/api/v3/` for every other server, which is where GitHub's Enterprise Server has it.
pub fn api_url(base: &Url) -> Result<Url, AssetError> {
    let text = base.to_string();
    if text.contains('?') {
        return Err(AssetError::BaseQuery { base: base.clone() });
    }
    let authority = base.origin().authority();
    let is_githubs = base.is_https() && (authority == "github.com" || authority.ends_with(".ghe.com"));
    let api = match is_githubs {
        true => format!("https://api.{authority}/"),
        false => format!("{}/api/v3/", text.trim_end_matches('/')),
    };
    api.parse().map_err(AssetError::Url)
}

/// `API/repos/OWNER/REPO/attestations/sha256:HEX`, with as many on a page as there may be.
pub fn attestations_url(api: &Url, owner: &str, repo: &str, sha256: &Sha256) -> Result<Url, AssetError> {
    if api.to_string().contains('?') {
        return Err(AssetError::BaseQuery { base: api.clone() });
    }
    for (part, text) in [(Part::Owner, owner), (Part::Repo, repo)] {
        if is_no_segment(text) {
            return Err(AssetError::Part { part, text: text.to_owned() });
        }
    }
    let [owner, repo] = [owner, repo].map(|text| encode_segment(text, ""));
    let (api, digest) = (api.to_string(), sha256.hex());
    let api = api.trim_end_matches('/');
    format!("{api}/repos/{owner}/{repo}/attestations/sha256:{digest}?per_page={PER_PAGE}")
        .parse()
        .map_err(AssetError::Url)
}

/// `API/repos/OWNER/REPO/releases/tags/TAG`, or `…/releases/latest` for no tag.
pub fn release_url(api: &Url, owner: &str, repo: &str, tag: Option<&str>) -> Result<Url, AssetError> {
    if api.to_string().contains('?') {
        return Err(AssetError::BaseQuery { base: api.clone() });
    }
    for (part, text) in [(Part::Owner, owner), (Part::Repo, repo), (Part::Tag, tag.unwrap_or("latest"))] {
        if is_no_segment(text) {
            return Err(AssetError::Part { part, text: text.to_owned() });
        }
    }
    let [owner, repo] = [owner, repo].map(|text| encode_segment(text, ""));
    let which = tag.map_or_else(|| "latest".to_owned(), |tag| format!("tags/{}", encode_segment(tag, "")));
    let api = api.to_string();
    format!("{}/repos/{owner}/{repo}/releases/{which}", api.trim_end_matches('/')).parse().map_err(AssetError::Url)
}

/// As many attestations as GitHub's API puts on a page at most. Where there are so many, there may be more.
pub const PER_PAGE: usize = 100;

/// A part of a release asset's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The user or organisation.
    Owner,
    /// The repository.
    Repo,
    /// The release's tag.
    Tag,
    /// The asset's file name.
    Asset,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Repo => "repository",
            Self::Tag => "tag",
            Self::Asset => "asset",
        })
    }
}

/// Why there is no URL for a release asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetError {
    /// The server's address has a query.
    BaseQuery {
        /// The server.
        base: Url,
    },
    /// A part is empty, `.`, `..` or has control characters.
    Part {
        /// Which one.
        part: Part,
        /// As it was given.
        text: String,
    },
    /// What was put together is no URL.
    Url(UrlError),
}

impl AssetError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BaseQuery { .. } => "github-base-query",
            Self::Part { .. } => "github-part",
            Self::Url(_) => "github-url",
        }
    }
}

impl fmt::Display for AssetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseQuery { base } => write!(f, "the server `{base}` has a query"),
            Self::Part { part, text } => write!(f, "`{}` cannot be the {part} of a release asset", text.escape_debug()),
            Self::Url(_) => f.write_str("the release asset has no valid URL"),
        }
    }
}

impl From<AssetError> for Fault {
    fn from(error: AssetError) -> Self {
        Self::failed(error.code(), error.to_string()).because(error)
    }
}

impl std::error::Error for AssetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::BaseQuery { .. } | Self::Part { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_the_address_of_an_asset() {
        let check = |base: &str, tag: &str, asset: &str, expected: &str| {
            let base = base.parse().expect("a url");
            assert_eq!(asset_url(&base, "owner", "repo", tag, asset).expect("builds").to_string(), expected);
        };
        let github = "https://github.com/";
        check(github, "v1.0", "a.tar.gz", "https://github.com/owner/repo/releases/download/v1.0/a.tar.gz");
        check(github, "cli/v1", "a+b", "https://github.com/owner/repo/releases/download/cli%2Fv1/a%2Bb");
        check(
            github,
            "@a/b@1?#%",
            "\u{e9}",
            "https://github.com/owner/repo/releases/download/%40a%2Fb%401%3F%23%25/%C3%A9",
        );
        check("https://git.example.com/gh", "v1", "a", "https://git.example.com/gh/owner/repo/releases/download/v1/a");
    }

    #[test]
    fn finds_the_api() {
        let check = |base: &str, expected: &str| {
            assert_eq!(api_url(&base.parse().expect("a url")).expect("builds").to_string(), expected);
        };
        check("https://github.com/", "https://api.github.com/");
        check("https://github.com:443", "https://api.github.com/");
        check("https://tenant.ghe.com/", "https://api.tenant.ghe.com/");
        check("https://git.example.com", "https://git.example.com/api/v3/");
        check("https://git.example.com:8443/gh/", "https://git.example.com:8443/gh/api/v3/");
        check("https://github.com.example.com/", "https://github.com.example.com/api/v3/");
        check("https://github.com:8443/", "https://github.com:8443/api/v3/");
        check("http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/v3/");
        let query: Url = "https://github.com/?x=1".parse().expect("a url");
        assert_eq!(api_url(&query).expect_err("refused").code(), "github-base-query");
    }

    #[test]
    fn builds_the_address_of_attestations() {
        let api: Url = "https://git.example.com/api/v3/".parse().expect("a url");
        let digest = Sha256::of(b"");
        assert_eq!(
            attestations_url(&api, "owner", "re.po", &digest).expect("builds").to_string(),
            "https://git.example.com/api/v3/repos/owner/re.po/attestations/\
             sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855?per_page=100"
        );
        let release = |tag| release_url(&api, "owner", "repo", tag).expect("builds").to_string();
        assert_eq!(release(None), "https://git.example.com/api/v3/repos/owner/repo/releases/latest");
        assert_eq!(release(Some("cli/v1")), "https://git.example.com/api/v3/repos/owner/repo/releases/tags/cli%2Fv1");
        assert_eq!(release_url(&api, "o", "r", Some("..")).expect_err("refused").code(), "github-part");
        assert_eq!(attestations_url(&api, "o", "..", &digest).expect_err("refused").code(), "github-part");
        assert_eq!(attestations_url(&api, "", "r", &digest).expect_err("refused").code(), "github-part");
    }

    #[test]
    fn refuses_parts_that_are_no_segment() {
        let base: Url = "https://github.com/".parse().expect("a url");
        let code = |owner, repo, tag, asset| asset_url(&base, owner, repo, tag, asset).expect_err("refused").code();
        assert_eq!(code("", "r", "t", "a"), "github-part");
        assert_eq!(code("o", "..", "t", "a"), "github-part");
        assert_eq!(code("o", "r", ".", "a"), "github-part");
        assert_eq!(code("o", "r", "t", "a\n"), "github-part");
        assert_eq!(code("o", "r", "t", &"a".repeat(9000)), "github-url");
        let query: Url = "https://github.com/?x=1".parse().expect("a url");
        assert_eq!(asset_url(&query, "o", "r", "t", "a").expect_err("refused").code(), "github-base-query");
    }
}
