//! How values of evidence are held against what a policy names: whole, never by a part of them.

use std::fmt;
use std::str::FromStr;

use regex_lite::Regex;

use pinfold_core::pins::{Repository, Workflow};

/// A git reference, `*` standing for anything but `/`: `refs/tags/v*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPattern(String);

impl RefPattern {
    /// A pattern; every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether the whole of a reference is meant.
    pub fn matches(&self, git_ref: &str) -> bool {
        let (mut pattern, mut text) = (self.0.split('/'), git_ref.split('/'));
        loop {
            match (pattern.next(), text.next()) {
                (None, None) => return true,
                (Some(pattern), Some(text)) if segment_matches(pattern, text) => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is `pattern` with something in place of each `*`.
fn segment_matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        // The first place that fits leaves the most for what follows.
        match text.split_once(piece) {
            Some((_, rest)) => text = rest,
            None => return false,
        }
    }
    true
}

/// Whether `signer`, a URL with `@ref`, is a workflow file of a repository. GitLab writes `//` between the two.
pub(super) fn is_workflow(workflow: &Workflow, repository: &str, signer: &str) -> bool {
    let url = without_ref(signer);
    match workflow {
        Workflow::Url(expected) => same_repository_file(expected, url),
        Workflow::Path(path) => [format!("{repository}/{path}"), format!("{repository}//{path}")]
            .iter()
            .any(|expected| same_repository_file(expected, url)),
    }
}

/// A file's URL without its reference. References have `@` in them (`refs/tags/name@1.0.0`), and so may the names of
/// files, but no file in a folder of workflows has `@refs/` in its name; else it is a commit.
pub(super) fn without_ref(signer: &str) -> &str {
    let split = signer.split_once("@refs/").or_else(|| signer.rsplit_once('@'));
    split.map_or(signer, |(url, _)| url)
}

/// Equal, the case of host, owner and repository aside: what a file is called in a repository has one spelling.
fn same_repository_file(expected: &str, received: &str) -> bool {
    let split = |url: &str| {
        let mut slashes = url.match_indices('/').map(|(at, _)| at);
        let end = slashes.nth(4).unwrap_or(url.len());
        (url.get(..end).unwrap_or_default().to_ascii_lowercase(), url.get(end..).unwrap_or_default().to_owned())
    };
    split(expected) == split(received)
}

/// A pattern for identities that starts at their start.
#[derive(Debug, Clone)]
pub struct IdentityPattern(Regex);

impl IdentityPattern {
    /// Whether it matches from the start of an identity on.
    pub fn matches(&self, identity: &str) -> bool {
        // `^` cannot be undone by an alternative: `^a|b` would match `b` anywhere.
        self.0.find(identity).is_some_and(|found| found.start() == 0)
    }
}

impl fmt::Display for IdentityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl FromStr for IdentityPattern {
    type Err = IdentityPatternError;

    fn from_str(text: &str) -> Result<Self, IdentityPatternError> {
        if !text.starts_with('^') {
            return Err(IdentityPatternError::Unanchored);
        }
        Regex::new(text).map(Self).map_err(IdentityPatternError::Syntax)
    }
}

/// Why a text is not an [`IdentityPattern`].
#[derive(Debug, Clone)]
pub enum IdentityPatternError {
    /// It does not start with `^`: it would match anywhere, in `https://evil.example/?https://github.com/…` too.
    Unanchored,
    /// Not a regular expression.
    Syntax(regex_lite::Error),
}

impl fmt::Display for IdentityPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanchored => {
                f.write_str("a pattern for identities starts with `^`, or it would match anywhere in them")
            }
            Self::Syntax(error) => write!(f, "not a regular expression: {error}"),
        }
    }
}

impl std::error::Error for IdentityPatternError {}

/// What a claim has to call the artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An npm package: the subject is its purl, `pkg:npm/%40scope/name@version`.
    Npm {
        /// With its scope; `None` leaves it open.
        name: Option<String>,
        /// `None` leaves it open.
        version: Option<String>,
    },
    /// A file's name (PyPI).
    File(String),
    /// Anything, exactly.
    Exact(String),
}

impl Name {
    /// Whether a subject's name is meant.
    pub fn matches(&self, subject: &str) -> bool {
        match self {
            Self::File(expected) | Self::Exact(expected) => subject == expected,
            Self::Npm { name, version } => {
                // A registry's signature names the package without `pkg:npm/`, and its scope unescaped.
                let own = subject.strip_prefix("pkg:npm/").unwrap_or(subject).replace("%40", "@");
                let Some((own_name, own_version)) = own.rsplit_once('@') else { return false };
                name.as_deref().is_none_or(|name| name == own_name)
                    && version.as_deref().is_none_or(|version| version == own_version)
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) | Self::Exact(name) => f.write_str(name),
            Self::Npm { name, version } => {
                let name = name.as_deref().unwrap_or("…").replacen('@', "%40", 1);
                write!(f, "pkg:npm/{name}@{}", version.as_deref().unwrap_or("…"))
            }
        }
    }
}

/// Whether a URL of a certificate is this repository: host, owner and name without regard to case, and nothing more.
pub(super) fn is_repository(expected: &Repository, received: &str) -> bool {
    expected.to_string().eq_ignore_ascii_case(received)
}

/// The issuer of identities for a host of repositories.
pub(super) fn issuer_for(host: &str) -> String {
    match host {
        "github.com" => crate::attestation::GITHUB_ISSUER.to_owned(),
        // GitHub Enterprise Cloud with data residency: an issuer for each tenant.
        host if host.ends_with(".ghe.com") => format!("https://token.actions.{host}"),
        // GitLab, and what follows its example: the server is the issuer.
        host => format!("https://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_matches_whole() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(RefPattern::new(pattern).matches(text), expected, "{pattern} {text}");
        };
        check("refs/tags/v1", "refs/tags/v1", true);
        check("refs/tags/v1", "refs/tags/v10", false);
        check("refs/tags/v1", "xrefs/tags/v1", false);
        check("refs/tags/v*", "refs/tags/v1.2.3", true);
        check("refs/tags/v*", "refs/tags/v", true);
        check("refs/tags/v*", "refs/tags/v1/x", false);
        check("refs/tags/*", "refs/heads/v1", false);
        check("refs/*", "refs/tags/v1", false);
        check("refs/tags/*-*.0", "refs/tags/a-b-1.0", true);
        check("refs/tags/*-*.0", "refs/tags/a-b-1.1", false);
        check("refs/tags/a*a", "refs/tags/a", false);
        check("*", "", true);
    }

    #[test]
    fn a_workflow_is_one_file() {
        let signer = "https://github.com/o/r/.github/workflows/x.yml@refs/tags/a@b";
        let check = |workflow: &str, repository: &str, signer: &str, expected: bool| {
            let workflow: Workflow = workflow.parse().expect(workflow);
            assert_eq!(is_workflow(&workflow, repository, signer), expected, "{workflow} {repository} {signer}");
        };
        let plain = "https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1";
        check(".github/workflows/x.yml", "https://github.com/o/r", plain, true);
        check(".github/workflows/x.yml", "https://github.com/O/R", plain, true);
        check(".github/workflows/X.yml", "https://github.com/o/r", plain, false);
        check("workflows/x.yml", "https://github.com/o/r", plain, false);
        check(".github/workflows/x.yml", "https://github.com/o/rr", plain, false);
        check(".github/workflows/x.yml", "https://github.com/o", plain, false);
        check("https://github.com/o/r/.github/workflows/x.yml", "https://github.com/a/b", plain, true);
        check("https://github.com/o/r/.github/workflows/x.yml", "https://github.com/o/r", signer, true);
        check(".github/workflows/x.yml", "https://github.com/o/r", signer, true);
        let commit = "https://github.com/o/r/.github/workflows/x.yml@0123456789abcdef";
        check(".github/workflows/x.yml", "https://github.com/o/r", commit, true);
        for odd in ["x.yml@y.yml@refs/heads/main", "y.yml@refs/heads/x.yml", "y.yml@x.yml", "x.yml@y.yml@0123"] {
            let odd = format!("https://github.com/o/r/.github/workflows/{odd}");
            check(".github/workflows/x.yml", "https://github.com/o/r", &odd, false);
        }
        let gitlab = "https://gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main";
        check(".gitlab-ci.yml", "https://gitlab.com/o/r", gitlab, true);
    }

    #[test]
    fn a_pattern_starts_at_the_start() {
        let pattern: IdentityPattern = "^https://github.com/a/|b".parse().expect("a pattern");
        assert!(pattern.matches("https://github.com/a/x"));
        assert!(!pattern.matches("https://example.com/b"));
        assert!("https://github.com/a/".parse::<IdentityPattern>().is_err());
        assert!("^(".parse::<IdentityPattern>().is_err());
    }

    #[test]
    fn a_package_has_name_and_version() {
        let name = |name: &str, version: Option<&str>| Name::Npm {
            name: Some(name.to_owned()),
            version: version.map(str::to_owned),
        };
        assert!(name("@a/b", Some("1.0.0")).matches("pkg:npm/%40a/b@1.0.0"));
        assert!(name("@a/b", None).matches("@a/b@1.0.0"));
        assert!(!name("b", Some("1.0.0")).matches("pkg:npm/%40a/b@1.0.0"));
        assert!(!name("@a/b", Some("1.0.1")).matches("pkg:npm/%40a/b@1.0.0"));
        assert!(!name("@a/b", Some("1.0.0")).matches("pkg:pypi/%40a/b@1.0.0"));
        assert_eq!(name("@a/b", Some("1.0.0")).to_string(), "pkg:npm/%40a/b@1.0.0");
    }
}
