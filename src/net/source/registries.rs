//! Which server stands behind `npm = …`, `github = …` and `pypi = …`: the first place that says so, in a fixed order.
//!
//! There is no registry that is used because nobody said anything, except what the build was told.

mod error;

use std::collections::BTreeMap;
use std::str::FromStr;

use super::credentials::{Credentials, Secret};
use super::github;
use super::npmrc::{self, Npmrc, Warning};
use super::pip;
use crate::docker_config::Logins;
use pinfold_core::text::Location;
use pinfold_core::url::Url;

pub use self::error::{FlagError, Place, RegistryError};

/// Where `github = …` pins come from unless something else is said: the service that the key is named after.
pub const GITHUB: &str = "https://github.com/";

/// Everything that may say where packages come from, as text: judgement reads no files and no environment itself.
pub struct Settings<'a> {
    /// The values of `--registry`, in order.
    pub flags: &'a [RegistryFlag],
    /// The environment: asked for [`NPM_VARIABLES`], [`GITHUB_VARIABLE`], [`GITHUB_TOKENS`], [`PYPI_VARIABLE`], and the
    /// variables that an `.npmrc` names.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The `.npmrc` files that exist, as (what to call it, text): project, user, system.
    pub npmrc: &'a [(String, String)],
    /// The `pip.conf` files that exist, as (what to call it, text), the strongest first.
    pub pip_conf: &'a [(String, String)],
    /// The build-time default, `PINFOLD_NPM_REGISTRY`.
    pub built_in_npm: Option<&'a str>,
}

/// The variables that name npm's registry, in the order in which they count.
pub const NPM_VARIABLES: [&str; 2] = ["NPM_CONFIG_REGISTRY", "npm_config_registry"];
/// The variable that names GitHub's host, as GitHub's own command line reads it.
pub const GITHUB_VARIABLE: &str = "GH_HOST";
/// The variables with a token for github.com's API, in the order in which they count, as GitHub's own command line reads
/// them. It is sent nowhere else: which other server is asked, a pin file may say.
pub const GITHUB_TOKENS: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];
/// The variable that names the Python index, as pip reads it.
pub const PYPI_VARIABLE: &str = "PIP_INDEX_URL";

/// One `--registry KIND=URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryFlag {
    /// `npm=URL`: all of npm.
    Npm(Url),
    /// `npm:@scope=URL`: one scope (with its `@`).
    NpmScope(String, Url),
    /// `github=URL`: the server of release assets.
    Github(Url),
    /// `pypi=URL`: the Python index.
    Pypi(Url),
}

impl FromStr for RegistryFlag {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let (kind, url) = text.split_once('=').ok_or(FlagError::Form)?;
        let url = url.parse().map_err(FlagError::Url)?;
        match (kind, kind.strip_prefix("npm:@")) {
            ("npm", _) => Ok(Self::Npm(url)),
            ("github", _) => Ok(Self::Github(url)),
            ("pypi", _) => Ok(Self::Pypi(url)),
            (_, Some(scope)) if !scope.is_empty() && !scope.contains('/') => {
                Ok(Self::NpmScope(format!("@{scope}"), url))
            }
            _ => Err(FlagError::Kind { kind: kind.to_owned() }),
        }
    }
}

/// Where each kind of package comes from, with the credentials for it.
pub struct Registries {
    flags: Vec<RegistryFlag>,
    /// In the order in which they count.
    npm: Vec<Setting>,
    /// Of the strongest file that names the scope.
    scopes: BTreeMap<String, Setting>,
    github: Vec<Setting>,
    /// In the order in which they count, each perhaps with a login in it.
    pypi: Vec<Setting>,
    credentials: Credentials,
    logins: Logins,
    warnings: Vec<(String, Warning)>,
}

/// A value, and who said it.
#[derive(Clone)]
struct Setting {
    place: Place,
    value: String,
}

impl Registries {
    /// Reads all the settings. What is malformed is an error only when it is asked for.
    pub fn new(settings: &Settings<'_>) -> Self {
        let files: Vec<Npmrc> = settings.npmrc.iter().map(|(_, text)| npmrc::parse(text, settings.env)).collect();
        let (mut credentials, overall) = npmrc::credentials(&files);
        let said = |place: Place, value: Option<&str>| {
            value.filter(|value| !value.is_empty()).map(|value| Setting { place, value: value.to_owned() })
        };

        let mut npm = Vec::new();
        for variable in NPM_VARIABLES {
            npm.extend(said(Place::Variable(variable), (settings.env)(variable).as_deref()));
        }
        let mut scopes = BTreeMap::new();
        let mut warnings = Vec::new();
        for (file, (label, _)) in files.into_iter().zip(settings.npmrc) {
            let place = || Place::Npmrc(label.clone());
            npm.extend(said(place(), file.registry.as_deref()));
            for (scope, value) in file.scopes {
                scopes.entry(scope).or_insert(Setting { place: place(), value });
            }
            warnings.extend(file.warnings.into_iter().map(|warning| (label.clone(), warning)));
        }
        warnings.extend(overall.into_iter().map(|warning| (".npmrc".to_owned(), warning)));
        npm.extend(said(Place::BuiltIn, settings.built_in_npm));

        let mut github = Vec::new();
        // A host, not a URL: `github.example.com`.
        let host = (settings.env)(GITHUB_VARIABLE).filter(|host| !host.is_empty());
        github.extend(said(Place::Variable(GITHUB_VARIABLE), host.map(|host| format!("https://{host}/")).as_deref()));
        github.extend(said(Place::BuiltIn, Some(GITHUB)));

        add_token(settings.env, &mut credentials);

        let mut pypi = Vec::new();
        pypi.extend(said(Place::Variable(PYPI_VARIABLE), (settings.env)(PYPI_VARIABLE).as_deref()));
        for (label, text) in settings.pip_conf {
            pypi.extend(said(Place::PipConf(label.clone()), pip::index_url(text).as_deref()));
        }
        add_logins(&pypi, &mut credentials);

        let (flags, logins) = (settings.flags.to_vec(), Logins::default());
        Self { flags, npm, scopes, github, pypi, credentials, logins, warnings }
    }

    /// The same with logins for registries of artifacts.
    #[must_use]
    pub fn with_logins(self, logins: Logins) -> Self {
        Self { logins, ..self }
    }

    /// The logins for registries of artifacts.
    pub const fn logins(&self) -> &Logins {
        &self.logins
    }

    /// The registry of a package, by its scope (with its `@`).
    ///
    /// The order: `--registry npm:@scope=URL`; `--registry npm=URL`, which overrides scopes too (in npm it does not,
    /// but whoever types it into a pinfold command wants all packages from there); `@scope:registry` of an `.npmrc`,
    /// the strongest file first, which as in npm beats every registry that is not the scope's own;
    /// `[registries] npm` of the pin file, here as `pinned`; the environment; `registry` of the `.npmrc` files; the
    /// build-time default.
    pub fn npm(&self, scope: Option<&str>, pinned: Option<&Url>) -> Result<Url, RegistryError> {
        let of_scope = |flag: &RegistryFlag| match flag {
            RegistryFlag::NpmScope(of, url) if Some(of.as_str()) == scope => Some(url.clone()),
            _ => None,
        };
        let of_all = |flag: &RegistryFlag| match flag {
            RegistryFlag::Npm(url) => Some(url.clone()),
            _ => None,
        };
        let flags = || self.flags.iter().rev();
        if let Some(url) = flags().find_map(of_scope).or_else(|| flags().find_map(of_all)) {
            return Ok(url);
        }
        match (scope.and_then(|scope| self.scopes.get(scope)), pinned) {
            (Some(setting), _) => setting.url(),
            (None, Some(url)) => Ok(url.clone()),
            (None, None) => self.npm.first().ok_or(RegistryError::NotConfigured)?.url(),
        }
    }

    /// The server of GitHub release assets: `--registry github=URL`, `[registries] github` of the pin file, here as
    /// `pinned`, `GH_HOST`, [`GITHUB`].
    pub fn github(&self, pinned: Option<&Url>) -> Result<Url, RegistryError> {
        let of_github = |flag: &RegistryFlag| match flag {
            RegistryFlag::Github(url) => Some(url.clone()),
            _ => None,
        };
        match self.flags.iter().rev().find_map(of_github).or_else(|| pinned.cloned()) {
            Some(url) => Ok(url),
            None => self.github.first().ok_or(RegistryError::NotConfigured)?.url(),
        }
    }

    /// The base of GitHub's API, whose web interface [`Self::github`] names.
    pub fn github_api(&self, pinned: Option<&Url>) -> Result<Url, RegistryError> {
        let base = self.github(pinned)?;
        github::api_url(&base).map_err(|_| RegistryError::NoApi { base })
    }

    /// The Python index: `--registry pypi=URL`, `[registries] pypi` of the pin file, here as `pinned`, `PIP_INDEX_URL`,
    /// `index-url` of the `pip.conf` files.
    pub fn pypi(&self, pinned: Option<&Url>) -> Result<Url, RegistryError> {
        let of_pypi = |flag: &RegistryFlag| match flag {
            RegistryFlag::Pypi(url) => Some(url.clone()),
            _ => None,
        };
        match self.flags.iter().rev().find_map(of_pypi).or_else(|| pinned.cloned()) {
            Some(url) => Ok(url),
            None => self.pypi.first().ok_or(RegistryError::NoIndex)?.index(),
        }
    }

    /// What to send to whom.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What is wrong with the `.npmrc` files, each with the name of the file.
    pub fn warnings(&self) -> &[(String, Warning)] {
        &self.warnings
    }
}

impl Setting {
    fn url(&self) -> Result<Url, RegistryError> {
        let text = || Location(&self.value).to_string();
        if let Some(variable) = npmrc::unset_variable(&self.value) {
            return Err(RegistryError::Unset { place: self.place.clone(), variable: variable.to_owned() });
        }
        let malformed = |error| RegistryError::Malformed { place: self.place.clone(), text: text(), error };
        self.value.parse().map_err(malformed)
    }

    /// The value as an index, without the login that pip has in front of its host.
    fn index(&self) -> Result<Url, RegistryError> {
        let text = || Location(&self.value).to_string();
        let malformed = |error| RegistryError::Malformed { place: self.place.clone(), text: text(), error };
        pip::split_login(&self.value).0.parse().map_err(malformed)
    }

    /// The login of an index, and where it belongs.
    fn login(&self) -> Option<(Url, Secret)> {
        let (url, secret) = pip::split_login(&self.value);
        Some((url.parse().ok()?, secret?))
    }
}

/// The token of the environment, for the API of [`GITHUB`].
fn add_token(env: &dyn Fn(&str) -> Option<String>, credentials: &mut Credentials) {
    let token = GITHUB_TOKENS.iter().find_map(|name| env(name).filter(|token| !token.is_empty()));
    let secret = token.and_then(|token| Secret::bearer(&token));
    let api = GITHUB.parse().ok().and_then(|base| github::api_url(&base).ok());
    if let Some((secret, api)) = secret.zip(api) {
        credentials.add(&api, secret);
    }
}

/// The logins in front of the hosts of indexes, of which the first count.
///
/// Files may lie beside the index, so that its whole server gets the login, unless an `.npmrc` has one for it.
fn add_logins(pypi: &[Setting], credentials: &mut Credentials) {
    let with_root = |(url, secret): (Url, Secret)| {
        let root = url.join("/").ok().filter(|root| credentials.for_url(root).is_none());
        (root, url, secret)
    };
    let logins: Vec<_> = pypi.iter().rev().filter_map(Setting::login).map(with_root).collect();
    for (root, url, secret) in logins {
        root.iter().chain([&url]).for_each(|base| credentials.add(base, secret.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything set at once, each place with its own host; tests take the strongest away one by one.
    #[derive(Clone, Copy)]
    struct Case<'a> {
        flags: &'a [&'a str],
        pins: Option<&'a str>,
        env: &'a [(&'a str, &'a str)],
        npmrc: &'a [&'a str],
        pip_conf: &'a [&'a str],
        built_in: Option<&'a str>,
    }

    const NOTHING: Case<'_> = Case { flags: &[], pins: None, env: &[], npmrc: &[], pip_conf: &[], built_in: None };

    fn pinned(case: Case<'_>) -> Option<Url> {
        case.pins.map(|text| text.parse().expect("a URL"))
    }

    fn registries(case: Case<'_>) -> Registries {
        let flags: Vec<RegistryFlag> = case.flags.iter().map(|flag| flag.parse().expect("a flag")).collect();
        let env = |name: &str| case.env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let labelled = |texts: &[&str]| -> Vec<(String, String)> {
            texts.iter().enumerate().map(|(i, text)| (format!("file {i}"), (*text).to_owned())).collect()
        };
        let (npmrc, pip_conf) = (labelled(case.npmrc), labelled(case.pip_conf));
        Registries::new(&Settings {
            flags: &flags,
            env: &env,
            npmrc: &npmrc,
            pip_conf: &pip_conf,
            built_in_npm: case.built_in,
        })
    }

    #[test]
    fn takes_the_first_place_that_names_a_registry() {
        let check = |case: Case<'_>, expected: &str| {
            assert_eq!(registries(case).npm(None, pinned(case).as_ref()).expect("configured").to_string(), expected);
        };
        let mut case = Case {
            flags: &["npm=https://a.example/", "npm=https://flag.example/", "npm:@s=https://scope.example/"],
            pins: Some("https://pins.example/"),
            env: &[("NPM_CONFIG_REGISTRY", "https://env.example/"), ("npm_config_registry", "https://lower.example/")],
            npmrc: &["registry=https://project.example/", "registry=https://user.example/"],
            pip_conf: &[],
            built_in: Some("https://built.example/"),
        };
        check(case, "https://flag.example/");
        case.flags = &[];
        check(case, "https://pins.example/");
        case.pins = None;
        check(case, "https://env.example/");
        case.env = &[("NPM_CONFIG_REGISTRY", ""), ("npm_config_registry", "https://lower.example/")];
        check(case, "https://lower.example/");
        case.env = &[];
        check(case, "https://project.example/");
        case.npmrc = &["", "registry=https://user.example/"];
        check(case, "https://user.example/");
        case.npmrc = &[];
        check(case, "https://built.example/");
        case.built_in = None;
        let error = registries(case).npm(None, None).expect_err("nothing is implied");
        assert_eq!(error.code(), "registry-not-configured");
        let hint = error.hint().expect("says where");
        for place in ["--registry", "[registries]", "NPM_CONFIG_REGISTRY", ".npmrc", "PINFOLD_NPM_REGISTRY"] {
            assert!(hint.contains(place), "{place}");
        }
    }

    #[test]
    fn a_scope_beats_what_is_not_its_own() {
        let check = |case: Case<'_>, expected: &str| {
            assert_eq!(
                registries(case).npm(Some("@s"), pinned(case).as_ref()).expect("configured").to_string(),
                expected
            );
        };
        let mut case = Case {
            flags: &["npm:@s=https://own.example/", "npm=https://flag.example/"],
            pins: Some("https://pins.example/"),
            env: &[],
            npmrc: &["registry=https://project.example/", "@s:registry=https://user.example/"],
            pip_conf: &[],
            built_in: None,
        };
        check(case, "https://own.example/");
        case.flags = &["npm=https://flag.example/", "npm:@other=https://other.example/"];
        check(case, "https://flag.example/");
        case.flags = &[];
        check(case, "https://user.example/");
        case.npmrc = &["@s:registry=https://project.example/", "@s:registry=https://user.example/"];
        check(case, "https://project.example/");
        case.npmrc = &["@other:registry=https://other.example/"];
        check(case, "https://pins.example/");
    }

    #[test]
    fn what_is_malformed_fails_only_when_it_is_asked_for() {
        let text =
            "@bad:registry=https://u:hush@x.example/\n@unset:registry=https://${NOT_SET}/\nregistry=https://r.example/";
        let registries = registries(Case { npmrc: &[text], ..NOTHING });
        assert_eq!(registries.npm(Some("@other"), None).expect("configured").to_string(), "https://r.example/");
        let error = registries.npm(Some("@bad"), None).expect_err("credentials");
        assert_eq!(error.code(), "registry-malformed");
        assert_eq!(
            error.to_string(),
            "the registry `https://…@x.example/` of `file 0` cannot be used: the URL has credentials in it"
        );
        let error = registries.npm(Some("@unset"), None).expect_err("unset");
        assert_eq!(error.code(), "registry-unset-variable");
        assert_eq!(error.to_string(), "the registry of `file 0` names `NOT_SET`, which is not set");
    }

    #[test]
    fn finds_github() {
        let check = |case: Case<'_>, expected: &str| {
            assert_eq!(registries(case).github(pinned(case).as_ref()).expect("configured").to_string(), expected);
        };
        let env: &[(&str, &str)] = &[("GH_HOST", "gh.example.com")];
        check(
            Case { flags: &["github=https://flag.example/"], pins: Some("https://p.example/"), env, ..NOTHING },
            "https://flag.example/",
        );
        check(Case { pins: Some("https://p.example/"), env, ..NOTHING }, "https://p.example/");
        check(Case { env, ..NOTHING }, "https://gh.example.com/");
        check(NOTHING, GITHUB);
        let error = registries(Case { env: &[("GH_HOST", "a b")], ..NOTHING }).github(None).expect_err("no host");
        assert_eq!(error.code(), "registry-malformed");
    }

    #[test]
    fn finds_the_python_index() {
        let check = |case: Case<'_>, expected: &str| {
            assert_eq!(registries(case).pypi(pinned(case).as_ref()).expect("configured").to_string(), expected);
        };
        let mut case = Case {
            flags: &["pypi=https://a.example/", "pypi=https://flag.example/simple/", "npm=https://npm.example/"],
            pins: Some("https://pins.example/simple/"),
            env: &[("PIP_INDEX_URL", "https://env.example/simple")],
            pip_conf: &[
                "",
                "[global]\nindex-url = https://user.example/",
                "[global]\nindex-url = https://sys.example/",
            ],
            ..NOTHING
        };
        check(case, "https://flag.example/simple/");
        case.flags = &[];
        check(case, "https://pins.example/simple/");
        case.pins = None;
        check(case, "https://env.example/simple");
        case.env = &[("PIP_INDEX_URL", "")];
        check(case, "https://user.example/");
        case.pip_conf = &[];
        let error = registries(case).pypi(None).expect_err("nothing is implied");
        assert_eq!(error.code(), "index-not-configured");
        let hint = error.hint().expect("says where");
        for place in ["--registry", "[registries]", "PIP_INDEX_URL", "pip.conf", "PIP_CONFIG_FILE"] {
            assert!(hint.contains(place), "{place}");
        }
        let error = registries(Case { env: &[("PIP_INDEX_URL", "http://u:hush@x.example/")], ..NOTHING });
        let error = error.pypi(None).expect_err("plain http");
        assert_eq!(
            error.to_string(),
            "the registry `http://…@x.example/` of the variable `PIP_INDEX_URL` cannot be used: plain http is for \
             loopback only"
        );
    }

    #[test]
    fn a_login_of_the_index_goes_to_its_server_only() {
        let env: &[(&str, &str)] = &[("PIP_INDEX_URL", "https://u:p@pypi.example/team/simple/")];
        let registries = registries(Case {
            env,
            npmrc: &["//npm.example/:_authToken=t", "//pypi.example/api/npm/:_authToken=n"],
            pip_conf: &["[global]\nindex-url = https://weaker@pypi.example/team/simple/"],
            ..NOTHING
        });
        assert_eq!(registries.pypi(None).expect("configured").to_string(), "https://pypi.example/team/simple/");
        let sent = |url: &str| {
            let url: Url = url.parse().expect("a url");
            registries.credentials().for_url(&url).map(|secret| secret.expose().to_owned())
        };
        let login = Some("Basic dTpw".to_owned());
        assert_eq!(sent("https://pypi.example/team/simple/a/"), login);
        assert_eq!(sent("https://pypi.example/packages/a.whl"), login);
        assert_eq!(sent("https://pypi.example/api/npm/a"), Some("Bearer n".to_owned()));
        assert_eq!(sent("https://npm.example/a"), Some("Bearer t".to_owned()));
        assert_eq!(sent("https://files.pypi.example/a.whl"), None);
        assert_eq!(sent("https://pypi.example:8443/team/simple/a/"), None);
    }

    #[test]
    fn a_token_of_github_goes_to_its_api_only() {
        let sent = |env: &[(&str, &str)], url: &str| {
            let registries = registries(Case { env, ..NOTHING });
            let url: Url = url.parse().expect("a url");
            registries.credentials().for_url(&url).map(|secret| secret.expose().to_owned())
        };
        let env: &[(&str, &str)] = &[("GH_TOKEN", "one"), ("GITHUB_TOKEN", "two"), ("GH_HOST", "gh.example.com")];
        assert_eq!(sent(env, "https://api.github.com/repos/o/r"), Some("Bearer one".to_owned()));
        assert_eq!(sent(&env[1..], "https://api.github.com/repos/o/r"), Some("Bearer two".to_owned()));
        for url in ["https://github.com/o/r", "https://gh.example.com/api/v3/x", "https://uploads.github.com/"] {
            assert_eq!(sent(env, url), None, "{url}");
        }
        assert_eq!(sent(&[("GH_TOKEN", "a\r\nX: y")], "https://api.github.com/"), None);

        let api = |case: Case<'_>| registries(case).github_api(pinned(case).as_ref()).map(|url| url.to_string());
        assert_eq!(api(NOTHING).as_deref(), Ok("https://api.github.com/"));
        assert_eq!(api(Case { env, ..NOTHING }).as_deref(), Ok("https://gh.example.com/api/v3/"));
        let error = api(Case { pins: Some("https://gh.example.com/?x"), ..NOTHING }).expect_err("a query");
        assert_eq!(error.code(), "github-no-api");
    }

    #[test]
    fn reads_flags() {
        let code = |text: &str| text.parse::<RegistryFlag>().expect_err("refused").code();
        assert_eq!(code("https://a.example/"), "registry-flag-form");
        assert_eq!(code("oci=https://a.example/"), "registry-flag-kind");
        assert_eq!(code("pypi=https://u:p@a.example/simple/"), "registry-flag-url");
        assert_eq!(code("npm:scope=https://a.example/"), "registry-flag-kind");
        assert_eq!(code("npm:@=https://a.example/"), "registry-flag-kind");
        assert_eq!(code("npm=http://a.example/"), "registry-flag-url");
    }

    #[test]
    fn gives_credentials_and_warnings_on() {
        let registries = registries(Case { npmrc: &["", "//r.example/:_authToken=t\n_auth=x"], ..NOTHING });
        assert!(registries.credentials().for_url(&"https://r.example/a".parse().expect("a url")).is_some());
        let labels: Vec<&str> = registries.warnings().iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["file 1"]);
    }
}
