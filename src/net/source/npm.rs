//! `npm = "name@version"`: where the tarball is served, and whether what came says that it is that package.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{encode_segment, is_no_segment};
use pinfold_core::fault::Fault;
use pinfold_core::url::{Url, UrlError};

/// Largest package.json that is read, in bytes: the largest on the npm registry are some hundred kilobytes.
pub const MAX_PACKAGE_JSON: usize = 4 << 20;

/// `REGISTRY/NAME/-/BASE-VERSION.tgz`, where every registry since npm's own serves the tarball of a version.
///
/// `registry` may have a path (`https://host/artifactory/api/npm/npm/`) and may end in `/` or not. The scope stays in
/// the path as `@scope/name`; BASE is the name without it.
pub fn tarball_url(registry: &Url, name: &str, version: &str) -> Result<Url, TarballError> {
    let Parts { registry, scope, base, version } = Parts::of(registry, name, version)?;
    let folder = scope.map(|scope| format!("@{scope}/")).unwrap_or_default();
    format!("{registry}/{folder}{base}/-/{base}-{version}.tgz").parse().map_err(TarballError::Url)
}

/// `REGISTRY/-/npm/v1/attestations/NAME@VERSION`: where npm's registry keeps the attestations of a version.
pub fn attestations_url(registry: &Url, name: &str, version: &str) -> Result<Url, TarballError> {
    let parts = Parts::of(registry, name, version)?;
    let (name, Parts { registry, version, .. }) = (parts.name(), &parts);
    format!("{registry}/-/npm/v1/attestations/{name}@{version}").parse().map_err(TarballError::Url)
}

/// `REGISTRY/NAME/VERSION`: the version document, whose `dist` has the registry's own signatures.
pub fn version_url(registry: &Url, name: &str, version: &str) -> Result<Url, TarballError> {
    let parts = Parts::of(registry, name, version)?;
    let (name, Parts { registry, version, .. }) = (parts.name(), &parts);
    format!("{registry}/{name}/{version}").parse().map_err(TarballError::Url)
}

/// `REGISTRY/NAME`: everything that the registry says of a package, all its versions together.
pub fn package_url(registry: &Url, name: &str) -> Result<Url, TarballError> {
    // Any version: it is no part of the address.
    let parts = Parts::of(registry, name, "0.0.0")?;
    format!("{}/{}", parts.registry, parts.name()).parse().map_err(TarballError::Url)
}

/// What the addresses of a package are made of, percent-encoded.
struct Parts {
    /// Without a `/` at the end.
    registry: String,
    /// Without its `@`.
    scope: Option<String>,
    base: String,
    version: String,
}

impl Parts {
    fn of(registry: &Url, name: &str, version: &str) -> Result<Self, TarballError> {
        let registry_text = registry.to_string();
        if registry_text.contains('?') {
            return Err(TarballError::RegistryQuery { registry: registry.clone() });
        }
        let bad_name = || TarballError::Name { name: name.to_owned() };
        let (scope, base) = match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').map(|(scope, base)| (Some(scope), base)).ok_or_else(bad_name)?,
            None => (None, name),
        };
        if scope.is_some_and(is_no_segment) || is_no_segment(base) || base.contains('/') {
            return Err(bad_name());
        }
        if is_no_segment(version) || version.contains('/') {
            return Err(TarballError::Version { version: version.to_owned() });
        }
        Ok(Self {
            registry: registry_text.trim_end_matches('/').to_owned(),
            scope: scope.map(|scope| encode_segment(scope, SAFE)),
            base: encode_segment(base, SAFE),
            version: encode_segment(version, SAFE),
        })
    }

    /// The name as one segment: npm's own clients write a scope's `/` as `%2f`.
    fn name(&self) -> String {
        let scope = self.scope.as_ref().map(|scope| format!("@{scope}%2f")).unwrap_or_default();
        format!("{scope}{}", self.base)
    }
}

/// What `encodeURIComponent` leaves alone (names are URL-safe by its measure), and `+` of a version's build metadata.
const SAFE: &str = "!'()*+";

/// Holds a package.json to the pin: its name and version are those that were asked for.
///
/// As npm does, a byte order mark is passed over and `v` or `=` in front of the version is ignored. Two `name` or two
/// `version` keys refuse, because readers disagree about which counts.
pub fn package_identity(package_json: &[u8], name: &str, version: &str) -> Result<(), IdentityError> {
    if package_json.len() > MAX_PACKAGE_JSON {
        return Err(IdentityError::TooLarge);
    }
    let json = package_json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(package_json);
    let identity: Identity = serde_json::from_slice(json).map_err(IdentityError::Json)?;
    let found = single("name", identity.names)?;
    if found != name {
        return Err(IdentityError::Name { expected: name.to_owned(), found });
    }
    let found = single("version", identity.versions)?;
    if found.trim_start_matches(['v', '=', ' ']) != version {
        return Err(IdentityError::Version { expected: version.to_owned(), found });
    }
    Ok(())
}

/// The one value of `key`, a string.
fn single(key: &'static str, mut values: Vec<Text>) -> Result<String, IdentityError> {
    match (values.pop(), values.is_empty()) {
        (Some(Text(Some(text))), true) => Ok(text),
        (Some(_), false) => Err(IdentityError::Duplicate { key }),
        (Some(_) | None, true) | (None, false) => Err(IdentityError::Missing { key }),
    }
}

/// Every `name` and every `version` of an object, in order.
#[derive(Default)]
struct Identity {
    names: Vec<Text>,
    versions: Vec<Text>,
}

/// A string, `None` for any other value: a list of two million numbers, which is 60 MiB as values, is read and not kept.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IdentityVisitor)
    }
}

struct IdentityVisitor;

impl<'de> Visitor<'de> for IdentityVisitor {
    type Value = Identity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Identity, A::Error> {
        let mut identity = Identity::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => identity.names.push(map.next_value()?),
                "version" => identity.versions.push(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(identity)
    }
}

/// Why there is no URL for a package's tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarballError {
    /// The registry's address has a query.
    RegistryQuery {
        /// The registry.
        registry: Url,
    },
    /// Not `name` or `@scope/name`.
    Name {
        /// As it was given.
        name: String,
    },
    /// A version that could not be part of a file name.
    Version {
        /// As it was given.
        version: String,
    },
    /// What was put together is no URL.
    Url(UrlError),
}

impl TarballError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RegistryQuery { .. } => "npm-registry-query",
            Self::Name { .. } => "npm-name",
            Self::Version { .. } => "npm-version",
            Self::Url(_) => "npm-url",
        }
    }
}

impl fmt::Display for TarballError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegistryQuery { registry } => write!(f, "the registry `{registry}` has a query"),
            Self::Name { name } => write!(f, "`{}` is not the name of an npm package", name.escape_debug()),
            Self::Version { version } => write!(f, "`{}` is not the version of a package", version.escape_debug()),
            Self::Url(_) => f.write_str("the package has no valid URL"),
        }
    }
}

impl From<TarballError> for Fault {
    fn from(error: TarballError) -> Self {
        Self::failed(error.code(), error.to_string()).because(error)
    }
}

impl std::error::Error for TarballError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::RegistryQuery { .. } | Self::Name { .. } | Self::Version { .. } => None,
        }
    }
}

/// Why a package.json does not say what the pin says.
#[derive(Debug)]
pub enum IdentityError {
    /// Larger than [`MAX_PACKAGE_JSON`].
    TooLarge,
    /// Not a JSON object.
    Json(serde_json::Error),
    /// No such key, or its value is not a string.
    Missing {
        /// `name` or `version`.
        key: &'static str,
    },
    /// The key stands there twice.
    Duplicate {
        /// `name` or `version`.
        key: &'static str,
    },
    /// Another package.
    Name {
        /// What the pin says.
        expected: String,
        /// What package.json says.
        found: String,
    },
    /// Another version.
    Version {
        /// What the pin says.
        expected: String,
        /// What package.json says.
        found: String,
    },
}

impl IdentityError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "package-json-size",
            Self::Json(_) => "package-json",
            Self::Missing { .. } => "package-json-missing",
            Self::Duplicate { .. } => "package-json-duplicate",
            Self::Name { .. } => "package-name",
            Self::Version { .. } => "package-version",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Name { .. } | Self::Version { .. } => {
                Some("the integrity belongs to another package or version: when one changes, so does the other".into())
            }
            Self::TooLarge | Self::Json(_) | Self::Missing { .. } | Self::Duplicate { .. } => None,
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "package.json is larger than {MAX_PACKAGE_JSON} bytes"),
            Self::Json(error) => write!(f, "package.json is not a JSON object: {error}"),
            Self::Missing { key } => write!(f, "package.json has no `{key}`"),
            Self::Duplicate { key } => write!(f, "package.json has `{key}` twice"),
            Self::Name { expected, found } => {
                write!(f, "package.json names `{}` where the pin names `{expected}`", found.escape_debug())
            }
            Self::Version { expected, found } => {
                write!(f, "package.json is of version `{}` where the pin is of `{expected}`", found.escape_debug())
            }
        }
    }
}

impl From<IdentityError> for Fault {
    fn from(error: IdentityError) -> Self {
        Self::refused(error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_the_address_of_a_tarball() {
        let check = |registry: &str, name: &str, version: &str, expected: &str| {
            let registry = registry.parse().expect("a url");
            assert_eq!(tarball_url(&registry, name, version).expect("builds").to_string(), expected);
        };
        let npm = "https://npm.example.com/";
        check(npm, "terser", "5.46.2", "https://npm.example.com/terser/-/terser-5.46.2.tgz");
        check(
            npm,
            "@esbuild/linux-x64",
            "0.25.12",
            "https://npm.example.com/@esbuild/linux-x64/-/linux-x64-0.25.12.tgz",
        );
        check("https://npm.example.com", "a", "1.0.0-rc.1+b", "https://npm.example.com/a/-/a-1.0.0-rc.1+b.tgz");
        check("https://h.example.com/api/npm/npm/", "a", "1.0.0", "https://h.example.com/api/npm/npm/a/-/a-1.0.0.tgz");
        check("https://h.example.com/api/npm/npm", "a", "1.0.0", "https://h.example.com/api/npm/npm/a/-/a-1.0.0.tgz");
        check("http://127.0.0.1:4873", "a~(b)", "1.0.0", "http://127.0.0.1:4873/a~(b)/-/a~(b)-1.0.0.tgz");
        check(npm, "a b%?", "1.0.0", "https://npm.example.com/a%20b%25%3F/-/a%20b%25%3F-1.0.0.tgz");
    }

    #[test]
    fn builds_the_addresses_of_what_is_said_of_a_version() {
        let registry = "https://h.example.com/api/npm".parse().expect("a url");
        let check = |name: &str, version: &str, attestations: &str, document: &str| {
            let text = |url: Result<Url, TarballError>| url.expect("builds").to_string();
            let base = "https://h.example.com/api/npm/";
            let found = text(attestations_url(&registry, name, version));
            assert_eq!(found, format!("{base}-/npm/v1/attestations/{attestations}"));
            assert_eq!(text(version_url(&registry, name, version)), format!("{base}{document}"));
        };
        let package = |name: &str| package_url(&registry, name).expect("builds").to_string();
        assert_eq!(package("terser"), "https://h.example.com/api/npm/terser");
        assert_eq!(package("@s/a"), "https://h.example.com/api/npm/@s%2fa");
        assert_eq!(package_url(&registry, "..").expect_err("refused").code(), "npm-name");
        check("terser", "5.46.2", "terser@5.46.2", "terser/5.46.2");
        check("@s/a", "1.0.0-rc.1+b", "@s%2fa@1.0.0-rc.1+b", "@s%2fa/1.0.0-rc.1+b");
        check("a?", "1#", "a%3F@1%23", "a%3F/1%23");
        for build in [attestations_url, version_url] {
            let code = |name: &str, version: &str| build(&registry, name, version).expect_err("refused").code();
            assert_eq!(code("@s", "1.0.0"), "npm-name");
            assert_eq!(code("..", "1.0.0"), "npm-name");
            assert_eq!(code("a", "../b"), "npm-version");
        }
    }

    #[test]
    fn refuses_names_that_would_leave_their_place() {
        let code = |registry: &str, name: &str, version: &str| {
            tarball_url(&registry.parse().expect("a url"), name, version).expect_err("refused").code()
        };
        let npm = "https://npm.example.com/";
        for name in ["", "..", "a/b", "@a", "@a/", "@/b", "@../b", "@a/..", "@a/b/c", "a\n"] {
            assert_eq!(code(npm, name, "1.0.0"), "npm-name", "{name}");
        }
        for version in ["", "../x", "1/2"] {
            assert_eq!(code(npm, "a", version), "npm-version", "{version}");
        }
        assert_eq!(code("https://npm.example.com/?a=b", "a", "1.0.0"), "npm-registry-query");
        assert_eq!(code(npm, &"a".repeat(9000), "1.0.0"), "npm-url");
    }

    #[test]
    fn accepts_the_package_that_was_asked_for() {
        let check = |json: &str| package_identity(json.as_bytes(), "@a/b", "1.2.3").expect("agrees");
        check(r#"{"name":"@a/b","version":"1.2.3"}"#);
        check(r#"{"x":{"name":"c","version":[1]},"version":"v1.2.3","name":"@a/b"}"#);
        check(r#"{"name":"@a/b","version":"=1.2.3","x":1,"x":2}"#);
        check("\u{feff}{\"name\":\"\\u0040a/b\",\"version\":\"1.2.3\"}\n");
    }

    #[test]
    fn refuses_another_package() {
        let check = |json: &str, expected: &str| {
            let error = package_identity(json.as_bytes(), "@a/b", "1.2.3").expect_err("refused");
            assert_eq!(error.code(), expected, "{json}");
        };
        check(r#"{"name":"b","version":"1.2.3"}"#, "package-name");
        check(r#"{"name":"@a/b","version":"1.2.4"}"#, "package-version");
        check(r#"{"name":"@a/b","version":"1.2.3+x"}"#, "package-version");
        check(r#"{"name":"@a/b"}"#, "package-json-missing");
        check(r#"{"name":"@a/b","version":1}"#, "package-json-missing");
        for other in ["null", "true", "-1", "1.5", "[\"@a/b\",{}]", "{\"name\":[\"@a/b\"]}"] {
            check(&format!(r#"{{"name":{other},"version":"1.2.3"}}"#), "package-json-missing");
            check(&format!(r#"{{"name":{other},"version":"1.2.3","name":{other}}}"#), "package-json-duplicate");
        }
        check(r#"{"name":"c","name":"@a/b","version":"1.2.3"}"#, "package-json-duplicate");
        check(r#"{"name":"@a/b","version":"1.2.3","version":"1.2.3"}"#, "package-json-duplicate");
        check(r#"["name"]"#, "package-json");
        check(r#"{"name":"@a/b","version":"1.2.3"} x"#, "package-json");
        check(&"[".repeat(100_000), "package-json");
        check(&format!("{}{}", " ".repeat(MAX_PACKAGE_JSON), "{}"), "package-json-size");
    }
}
