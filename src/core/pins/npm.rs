//! [`NpmPackage`]: one version of one package of an npm registry, `terser@5.46.2` or `@scope/name@1.2.3`.
//!
//! Refuses ranges, tags and everything else that a registry would have to resolve, and every character that could
//! change the shape of the URL that is made of it.

use std::fmt;
use std::str::FromStr;

/// A package name (npm's `validate-npm-package-name`) and an exact version (Semantic Versioning 2.0.0).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NpmPackage {
    name: String,
    version: String,
}

impl NpmPackage {
    /// Longest name with its scope, in bytes; npm's own bound.
    pub const MAX_NAME_LEN: usize = 214;
    /// Longest version, in bytes; node-semver's `MAX_LENGTH`.
    pub const MAX_VERSION_LEN: usize = 256;

    /// The name with its scope: `terser`, `@scope/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version: `5.46.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The scope with its `@`, `None` for a name without.
    pub fn scope(&self) -> Option<&str> {
        self.name.split_once('/').map(|(scope, _)| scope)
    }

    /// The name without its scope.
    pub fn base_name(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(_, base)| base)
    }
}

impl fmt::Display for NpmPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for NpmPackage {
    type Err = NpmError;

    fn from_str(text: &str) -> Result<Self, NpmError> {
        // The `@` of a scope is no separator.
        let (name, version) = text.rsplit_once('@').filter(|(name, _)| !name.is_empty()).ok_or(NpmError::NoVersion)?;
        check_name(name)?;
        if version.starts_with(['v', 'V', '=']) {
            return Err(NpmError::VersionPrefix);
        }
        if version.len() > Self::MAX_VERSION_LEN || !is_version(version) {
            return Err(NpmError::Version);
        }
        Ok(Self { name: name.to_owned(), version: version.to_owned() })
    }
}

fn check_name(name: &str) -> Result<(), NpmError> {
    if name.len() > NpmPackage::MAX_NAME_LEN {
        return Err(NpmError::NameTooLong);
    }
    let base = match name.strip_prefix('@') {
        Some(scoped) => {
            let (scope, base) = scoped.split_once('/').ok_or(NpmError::Scope)?;
            check_part(scope)?;
            base
        }
        None => name,
    };
    check_part(base)?;
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(NpmError::NameReserved);
    }
    Ok(())
}

fn check_part(part: &str) -> Result<(), NpmError> {
    if part.is_empty() {
        return Err(NpmError::NameEmpty);
    }
    if part.starts_with(['.', '_']) {
        return Err(NpmError::NameStart);
    }
    // The unreserved characters of RFC 3986, section 2.3: what stands in a URL as it is. Upper case is legacy.
    if !part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')) {
        return Err(NpmError::NameCharacter);
    }
    Ok(())
}

/// Semantic Versioning 2.0.0, items 2, 9 and 10.
fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let is_number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text == "0" || !text.starts_with('0'))
    };
    let is_identifier =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_pre_identifier =
        |text: &str| is_identifier(text) && (is_number(text) || text.bytes().any(|byte| !byte.is_ascii_digit()));
    let is_safe = |text: &str| is_number(text) && text.parse::<u64>().is_ok_and(|number| number <= MAX_NUMBER);
    core.split('.').count() == 3
        && core.split('.').all(is_safe)
        && pre.is_none_or(|pre| pre.split('.').all(is_pre_identifier))
        && build.is_none_or(|build| build.split('.').all(is_identifier))
}

/// Names that npm refuses because they are files.
const RESERVED: [&str; 2] = ["node_modules", "favicon.ico"];
/// Largest number in a version, JavaScript's `Number.MAX_SAFE_INTEGER`: above it node-semver refuses.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Why a text is not an [`NpmPackage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NpmError {
    /// No `@` between name and version.
    NoVersion,
    /// An empty name, or an empty part of a scoped one.
    NameEmpty,
    /// Longer than [`NpmPackage::MAX_NAME_LEN`].
    NameTooLong,
    /// The name or scope starts with `.` or `_`.
    NameStart,
    /// The name or scope has a character that a URL does not carry as it is.
    NameCharacter,
    /// `node_modules` or `favicon.ico`.
    NameReserved,
    /// A scope that no `/` ends.
    Scope,
    /// The version starts with `v` or `=`.
    VersionPrefix,
    /// The version is not `major.minor.patch` with optional pre-release and build.
    Version,
}

impl NpmError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoVersion => "npm-no-version",
            Self::NameEmpty => "npm-name-empty",
            Self::NameTooLong => "npm-name-too-long",
            Self::NameStart => "npm-name-start",
            Self::NameCharacter => "npm-name-character",
            Self::NameReserved => "npm-name-reserved",
            Self::Scope => "npm-scope",
            Self::VersionPrefix => "npm-version-prefix",
            Self::Version => "npm-version",
        }
    }

    /// What to write instead.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::NoVersion | Self::Version => {
                Some("name one exact version, such as `terser@5.46.2`; ranges and tags are not pins")
            }
            Self::VersionPrefix => Some("write the version as package.json has it, such as `5.46.2`"),
            Self::Scope => Some("a scoped package has the form `@scope/name@1.2.3`"),
            _ => None,
        }
    }
}

impl fmt::Display for NpmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoVersion => "an npm package has the form `name@version`",
            Self::NameEmpty => "the package name has an empty part",
            Self::NameTooLong => "the package name is longer than 214 bytes",
            Self::NameStart => "the package name or its scope starts with `.` or `_`",
            Self::NameCharacter => "the package name has a character other than letters, digits, `-`, `.`, `_` and `~`",
            Self::NameReserved => "the package name is one that npm refuses",
            Self::Scope => "the scope is not followed by `/` and a name",
            Self::VersionPrefix => "the version starts with `v` or `=`",
            Self::Version => "the version is not an exact one",
        })
    }
}

impl std::error::Error for NpmError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_serve() {
        for text in [
            "terser@5.46.2",
            "@scope/name@1.2.3",
            "JSONStream@1.3.5",
            "-@0.0.1",
            "a.b_c~d@0.0.0-alpha-1.0.x",
            "next@15.0.0-canary.7",
            "x@1.0.0-0a+build.01",
        ] {
            assert_eq!(text.parse::<NpmPackage>().expect("a package").to_string(), text);
        }
        let scoped: NpmPackage = "@scope/name@1.2.3".parse().expect("a package");
        assert_eq!((scoped.scope(), scoped.base_name(), scoped.version()), (Some("@scope"), "name", "1.2.3"));
        let plain: NpmPackage = "terser@5.46.2".parse().expect("a package");
        assert_eq!((plain.scope(), plain.base_name(), plain.name()), (None, "terser", "terser"));
    }

    #[test]
    fn refuses_what_a_registry_would_have_to_resolve() {
        let check = |text: &str, expected: NpmError| assert_eq!(text.parse::<NpmPackage>(), Err(expected), "{text}");
        for version in [
            "",
            "latest",
            "^1.2.3",
            "1",
            "1.2",
            "1.x.0",
            "1.2.3 ",
            "01.2.3",
            "1.2.3-01",
            "1.2.3-",
            "1.2.3+",
            "1.2.3.4",
            "1.2.9007199254740992",
            "1.2.3-a..b",
            "1.2.3 || 2.0.0",
            "-1.2.3",
            "+1.2.3",
            "1.2.3/x",
            "1.2.3-é",
        ] {
            check(&format!("a@{version}"), NpmError::Version);
        }
        check("a@v1.2.3", NpmError::VersionPrefix);
        check("a@=1.2.3", NpmError::VersionPrefix);
        check("", NpmError::NoVersion);
        check("@1.2.3", NpmError::NoVersion);
        check("@scope/name", NpmError::NoVersion);
        check("@scope@1.2.3", NpmError::Scope);
        check("@/name@1.2.3", NpmError::NameEmpty);
        check("@scope/@1.2.3", NpmError::NameEmpty);
        check("@a/b/c@1.2.3", NpmError::NameCharacter);
        check("a/b@1.2.3", NpmError::NameCharacter);
        check("a%2fb@1.2.3", NpmError::NameCharacter);
        check("a@b@1.2.3", NpmError::NameCharacter);
        check("a@@1.2.3", NpmError::NameCharacter);
        check("..@1.2.3", NpmError::NameStart);
        check("@../a@1.2.3", NpmError::NameStart);
        check("node_modules@1.2.3", NpmError::NameReserved);
        check(&format!("{}@1.2.3", "a".repeat(215)), NpmError::NameTooLong);
    }
}
