//! `github = "owner/repo@tag#asset"`: where a release asset is served.

use std::fmt;

use super::{encode_segment, is_no_segment};
use crate::url::{Url, UrlError};

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
