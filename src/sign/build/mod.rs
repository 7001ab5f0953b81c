//! What a build says of itself, and the SLSA v1 provenance that is written about it.
//!
//! Everything here comes from arguments: the environment is a function, git's word a value. Nothing is invented: what
//! a statement needs and nobody said is an error that names it, and what is known of a platform is what its own
//! documents say of its variables. Refuses a half-named build (a type without a builder), and values that no URL has.

mod checkout;
mod error;
mod github;
mod gitlab;
mod remote;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use pinfold_evidence::statement::SLSA_V1;

pub use checkout::Checkout;
pub use error::BuildError;
pub use github::{BUILD_TYPE as GITHUB_BUILD_TYPE, VARIABLES as GITHUB_VARIABLES};
pub use gitlab::{VARIABLES as GITLAB_VARIABLES, pipeline as gitlab_pipeline};
pub use remote::repository;

/// The build of which provenance is written (SLSA provenance v1, `BuildDefinition` and `RunDetails`), without its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// `buildDefinition.buildType`, a URI.
    pub build_type: String,
    /// `runDetails.builder.id`, a URI.
    pub builder: String,
    /// `runDetails.builder.version`: parts of the platform with their versions.
    pub builder_version: BTreeMap<String, String>,
    /// `buildDefinition.externalParameters`: what the user of the platform chose.
    pub external: Map<String, Value>,
    /// `buildDefinition.internalParameters`: what the platform set.
    pub internal: Map<String, Value>,
    /// The source that the platform says it built; `None` where only git knows.
    pub source: Option<Source>,
    /// `runDetails.metadata.invocationId`.
    pub invocation: Option<String>,
    /// `runDetails.metadata.startedOn`, RFC 3339 in UTC.
    pub started: Option<String>,
    /// `runDetails.metadata.finishedOn`, RFC 3339 in UTC.
    pub finished: Option<String>,
}

/// The commit that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where the repository is, as [`repository`] writes it: `https://github.com/o/r`, `ssh://git@host/o/r`; `None` for
    /// one that is nowhere else.
    pub repository: Option<String>,
    /// `refs/heads/main`, `refs/tags/v1`; `None` for a commit that was checked out by its hash.
    pub git_ref: Option<String>,
    /// The commit's hash, in lower-case hexadecimal.
    pub commit: String,
}

impl Source {
    /// The source as a resolved dependency: SPDX's download location of a git repository, and the commit for a digest.
    pub fn descriptor(&self) -> Descriptor {
        let at = self.git_ref.as_ref().map(|git_ref| format!("@{git_ref}")).unwrap_or_default();
        Descriptor {
            uri: self.repository.as_ref().map(|repository| format!("git+{repository}{at}")),
            digest: BTreeMap::from([("gitCommit".to_owned(), self.commit.clone())]),
            ..Descriptor::default()
        }
    }
}

/// What the caller says of the build, in place of a platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// `--build-type`.
    pub build_type: Option<String>,
    /// `--builder-id`.
    pub builder: Option<String>,
    /// `--param NAME=VALUE`, in the order given.
    pub parameters: Vec<(String, String)>,
}

impl Build {
    /// The build as the caller names it, else as the platform whose environment `variable` looks up describes itself.
    ///
    /// A type and a builder that are both named stand for all that a platform would say; of a platform that is
    /// recognised only the builder can be named, and only where the platform itself would name another one.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>, named: &Named) -> Result<Self, BuildError> {
        if let (Some(build_type), Some(builder)) = (&named.build_type, &named.builder) {
            return Self::named(build_type, builder, &named.parameters);
        }
        let is_set = |name| variable(name).is_some_and(|value| value == "true");
        let is_like_github = github::LOOKALIKES.into_iter().any(|name| variable(name).is_some());
        match (is_set("GITHUB_ACTIONS") && !is_like_github, is_set("GITLAB_CI")) {
            (true, true) => Err(BuildError::TwoPlatforms),
            (true, false) => github::recognise(variable)?.with(named, github::PLATFORM),
            (false, true) => gitlab::recognise(variable)?.with(named, gitlab::PLATFORM),
            (false, false) => Err(BuildError::Unnamed {
                missing: if named.builder.is_none() { "--builder-id" } else { "--build-type" },
            }),
        }
    }

    fn named(build_type: &str, builder: &str, parameters: &[(String, String)]) -> Result<Self, BuildError> {
        for (option, uri) in [("--build-type", build_type), ("--builder-id", builder)] {
            if !is_uri(uri) {
                return Err(BuildError::NotUri { option, text: uri.to_owned() });
            }
        }
        let mut external = Map::new();
        for (name, value) in parameters {
            if name.is_empty() || external.insert(name.clone(), json!(value)).is_some() {
                return Err(BuildError::Parameter { name: name.clone() });
            }
        }
        Ok(Self { external, ..Self::new(build_type, builder) })
    }

    /// A build of which nothing else is known.
    pub fn new(build_type: &str, builder: &str) -> Self {
        Self {
            build_type: build_type.to_owned(),
            builder: builder.to_owned(),
            builder_version: BTreeMap::new(),
            external: Map::new(),
            internal: Map::new(),
            source: None,
            invocation: None,
            started: None,
            finished: None,
        }
    }

    /// A platform's own word with what the caller may add to it.
    fn with(mut self, named: &Named, platform: &'static str) -> Result<Self, BuildError> {
        if named.build_type.is_some() {
            return Err(BuildError::HalfNamed { platform, option: "--build-type" });
        }
        if !named.parameters.is_empty() {
            return Err(BuildError::HalfNamed { platform, option: "--param" });
        }
        if let Some(builder) = &named.builder {
            // In a reusable workflow the builder is that workflow, which no variable names.
            if platform != github::PLATFORM || !github::is_workflow(&self.builder, builder) {
                return Err(BuildError::HalfNamed { platform, option: "--builder-id" });
            }
            self.builder.clone_from(builder);
        }
        Ok(self)
    }
}

/// A URI as far as SLSA asks (`TypeURI`, RFC 3986, section 3): a scheme, a colon, and no white space.
fn is_uri(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
    plain
        && scheme.is_some_and(|scheme| {
            scheme.starts_with(|one: char| one.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        })
}

/// An artifact of a build or something that went into it (in-toto attestation framework v1, `ResourceDescriptor`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Descriptor {
    /// What it is called.
    pub name: Option<String>,
    /// What it is, or where.
    pub uri: Option<String>,
    /// Digests by in-toto's names of algorithms, in hexadecimal.
    pub digest: BTreeMap<String, String>,
    /// Where its bytes are served.
    pub download_location: Option<String>,
    /// What else is known.
    pub annotations: Map<String, Value>,
}

impl Descriptor {
    /// A thing by its name and SHA-256.
    pub fn of(name: &str, sha256: &str) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), sha256.to_owned())]);
        Self { name: Some(name.to_owned()), digest, ..Self::default() }
    }

    /// The descriptor as JSON.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        let texts = [("name", &self.name), ("uri", &self.uri), ("downloadLocation", &self.download_location)];
        for (key, text) in texts {
            if let Some(text) = text {
                object.insert(key.to_owned(), json!(text));
            }
        }
        if !self.digest.is_empty() {
            object.insert("digest".to_owned(), json!(self.digest));
        }
        if !self.annotations.is_empty() {
            object.insert("annotations".to_owned(), Value::Object(self.annotations.clone()));
        }
        Value::Object(object)
    }
}

/// The statement: an in-toto v1 Statement with SLSA v1 provenance.
pub fn statement(
    build: &Build,
    subjects: &[Descriptor],
    dependencies: &[Descriptor],
    byproducts: &[Descriptor],
) -> Value {
    let values = |all: &[Descriptor]| all.iter().map(Descriptor::to_value).collect::<Vec<_>>();
    let mut builder = Map::from_iter([("id".to_owned(), json!(build.builder))]);
    if !build.builder_version.is_empty() {
        builder.insert("version".to_owned(), json!(build.builder_version));
    }
    let mut details = Map::from_iter([("builder".to_owned(), Value::Object(builder))]);
    let mut metadata = Map::new();
    let known = [("invocationId", &build.invocation), ("startedOn", &build.started), ("finishedOn", &build.finished)];
    for (key, value) in known {
        if let Some(value) = value {
            metadata.insert(key.to_owned(), json!(value));
        }
    }
    if !metadata.is_empty() {
        details.insert("metadata".to_owned(), Value::Object(metadata));
    }
    if !byproducts.is_empty() {
        details.insert("byproducts".to_owned(), json!(values(byproducts)));
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": values(subjects),
        "predicateType": SLSA_V1,
        "predicate": {
            "buildDefinition": {
                "buildType": build.build_type,
                "externalParameters": build.external,
                "internalParameters": build.internal,
                "resolvedDependencies": values(dependencies),
            },
            "runDetails": details,
        },
    })
}
