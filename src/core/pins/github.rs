//! [`GithubAsset`]: one file of one GitHub release, `owner/repo@tag#asset`.
//!
//! Refuses every character that could change the shape of the URL that is made of it, and the tags that git refuses
//! (git-check-ref-format).

use std::fmt;
use std::str::FromStr;

/// An asset of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GithubAsset {
    owner: String,
    repo: String,
    tag: String,
    asset: String,
}

impl GithubAsset {
    /// Longest tag and longest asset, in bytes: each is a file name somewhere (NAME_MAX).
    pub const MAX_TEXT_LEN: usize = 255;

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// The tag of the release; it may have slashes: `@scope/name@1.2.3`, `cli/v2.0.0`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The name of the file.
    pub fn asset(&self) -> &str {
        &self.asset
    }
}

impl fmt::Display for GithubAsset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}#{}", self.owner, self.repo, self.tag, self.asset)
    }
}

impl FromStr for GithubAsset {
    type Err = GithubError;

    fn from_str(text: &str) -> Result<Self, GithubError> {
        // A tag may have an `@`, an owner and a repository may not.
        let (repository, release) = text.split_once('@').ok_or(GithubError::Form)?;
        let (owner, repo) = repository.split_once('/').ok_or(GithubError::Form)?;
        let (tag, asset) = release.split_once('#').ok_or(GithubError::Form)?;
        if !is_owner(owner) {
            return Err(GithubError::Owner);
        }
        if !is_repo(repo) {
            return Err(GithubError::Repo);
        }
        if tag.len() > Self::MAX_TEXT_LEN || tag.contains("..") || !tag.split('/').all(is_tag_part) {
            return Err(GithubError::Tag);
        }
        if asset.len() > Self::MAX_TEXT_LEN || !is_plain(asset) {
            return Err(GithubError::Asset);
        }
        Ok(Self { owner: owner.to_owned(), repo: repo.to_owned(), tag: tag.to_owned(), asset: asset.to_owned() })
    }
}

/// At most 39 letters, digits, `-`; managed users have an `_` too.
fn is_owner(text: &str) -> bool {
    (1..=39).contains(&text.len())
        && !text.starts_with(['-', '_'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// At most 100 letters, digits, `-`, `_`, `.`; GitHub reads `name.git` as `name`, so that would be a second spelling.
fn is_repo(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.to_ascii_lowercase().ends_with(".git")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_tag_part(text: &str) -> bool {
    is_plain(text) && !text.ends_with('.') && !text.ends_with(".lock")
}

/// Characters that a path of a URL carries as they are, and no name that means a folder.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'@');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

/// Why a text is not a [`GithubAsset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GithubError {
    /// Not `owner/repo@tag#asset`.
    Form,
    /// The owner is not what GitHub allows.
    Owner,
    /// The repository is not what GitHub allows, or ends in `.git`.
    Repo,
    /// The tag is not what git allows, or has characters that a URL does not carry as they are.
    Tag,
    /// The asset starts with `.`, is too long, or has characters that a URL does not carry as they are.
    Asset,
}

impl GithubError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "github-form",
            Self::Owner => "github-owner",
            Self::Repo => "github-repo",
            Self::Tag => "github-tag",
            Self::Asset => "github-asset",
        }
    }
}

impl fmt::Display for GithubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a release asset has the form `owner/repo@tag#asset`",
            Self::Owner => "the owner is not a name on GitHub",
            Self::Repo => "the repository is not a name on GitHub",
            Self::Tag => "the tag has something other than letters, digits, `/`, `.`, `+`, `-`, `_` and `@`",
            Self::Asset => "the asset has something other than letters, digits, `.`, `+`, `-`, `_` and `@`",
        })
    }
}

impl std::error::Error for GithubError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_real_releases() {
        for text in [
            "owner/repo@v1.2.3#tool-linux-x64.tar.gz",
            "owner/repo@@scope/name@1.2.3#tool_x64",
            "o/r.js@cli/v2.0.0+build-1#SHA256SUMS",
        ] {
            assert_eq!(text.parse::<GithubAsset>().expect("an asset").to_string(), text);
        }
        let asset: GithubAsset = "o/r@cli/v2@x#a.zip".parse().expect("an asset");
        assert_eq!((asset.owner(), asset.repo(), asset.tag(), asset.asset()), ("o", "r", "cli/v2@x", "a.zip"));
    }

    #[test]
    fn refuses_what_changes_the_shape_of_a_url() {
        let check =
            |text: &str, expected: GithubError| assert_eq!(text.parse::<GithubAsset>(), Err(expected), "{text}");
        check("", GithubError::Form);
        check("o/r@v1", GithubError::Form);
        check("o/r#a", GithubError::Form);
        check("o@v1#a", GithubError::Form);
        check("/r@v1#a", GithubError::Owner);
        check("-o/r@v1#a", GithubError::Owner);
        check("o%2f/r@v1#a", GithubError::Owner);
        check(&format!("{}/r@v1#a", "o".repeat(40)), GithubError::Owner);
        for repo in ["", ".", "..", "r/s", "r?x", "r.git", "r.GIT", "r s"] {
            check(&format!("o/{repo}@v1#a"), GithubError::Repo);
        }
        for tag in
            ["", "a//b", "/a", "a/", "../x", "a..b", "a%2e", "a?b", "a\\b", "a b", ".a", "a.", "a.lock", "a\u{7}"]
        {
            check(&format!("o/r@{tag}#a"), GithubError::Tag);
        }
        for asset in ["", "a/b", "..", ".a", "a#b", "a?b", "a%20b", "a b", "é"] {
            check(&format!("o/r@v1#{asset}"), GithubError::Asset);
        }
    }
}
