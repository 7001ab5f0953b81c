//! SLSA provenance, 0.2 and 1.x: what it claims of builder and source, and whether that agrees with who signed it.
//!
//! A valid signature under a predicate that names another builder is the classic forgery, so nothing in a predicate is
//! believed before [`Provenance::disagreement`] has held it against the certificate. Refuses a predicate without builder
//! or build type.

use std::fmt;

use serde_json::Value;

use crate::attestation::Certificate;
use crate::statement::{SLSA_V1, Statement};

/// What a predicate claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// `runDetails.builder.id`, or `builder.id` (0.2).
    pub builder: String,
    /// `buildDefinition.buildType`, or `buildType` (0.2).
    pub build_type: String,
    /// The repositories, references and commits that it says were built; often the same one in several places.
    pub sources: Vec<Source>,
    /// The workflow file that was started, relative to the repository.
    pub workflow: Option<String>,
    /// The run, as a URL where it is one.
    pub invocation: Option<String>,
    /// The parameters that a user of the builder chose, by name.
    pub parameters: Vec<String>,
}

/// A source that a predicate names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// A URL without `git+`.
    pub repository: Option<String>,
    /// `refs/…`.
    pub git_ref: Option<String>,
    /// A commit's hash.
    pub commit: Option<String>,
}

/// How a build type's builder is told by the certificate.
enum BuilderRule {
    /// The builder is the workflow that signed, or the person, as `mailto:` and the address.
    Signer,
    /// The builder is GitHub's runner, of the kind that the certificate names.
    Runner,
    /// The builder is one of these, followed by `@` and a version or by nothing: the certificate says nothing of it.
    OneOf(&'static [&'static str]),
    /// The signer is a delegator that is trusted to name the builder.
    Delegated,
}

/// What `pinfold run` says of its builds, told in `docs/run.md`. It names no host that could change hands.
pub const RUN_BUILD_TYPE: &str = "urn:pinfold:run:v1";

/// The build types whose predicates pinfold understands, with where their builder is found.
const BUILD_TYPES: &[(&str, BuilderRule)] = &[
    ("https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1", BuilderRule::Runner),
    ("https://actions.github.io/buildtypes/workflow/v1", BuilderRule::Signer),
    ("https://github.com/slsa-framework/slsa-github-generator/generic@v1", BuilderRule::Signer),
    ("https://github.com/slsa-framework/slsa-github-generator/go@v1", BuilderRule::Signer),
    ("https://github.com/slsa-framework/slsa-github-generator/container@v1", BuilderRule::Signer),
    ("https://slsa.dev/container-based-build/v0.1?draft", BuilderRule::Signer),
    ("https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0", BuilderRule::Delegated),
    ("https://github.com/npm/cli/gha/v2", BuilderRule::OneOf(&["https://github.com/actions/runner"])),
    ("https://github.com/npm/cli/gha@v0", BuilderRule::OneOf(&["https://github.com/npm/cli"])),
    (RUN_BUILD_TYPE, BuilderRule::Signer),
    ("https://github.com/npm/slsa-provenance/gha@v0", BuilderRule::OneOf(&["https://github.com/npm/slsa-provenance"])),
];

/// The workflows whose word on the builder is believed (slsa-github-generator, "BYOB").
const DELEGATORS: [&str; 2] = [
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml",
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml",
];

/// Who keeps the delegators.
const DELEGATORS_OWNER: &str = "https://github.com/slsa-framework";

/// Whether a signer is a delegator at a release of its own, or, in the builds of its own keepers, at their main branch:
/// nobody else's builds may be vouched for by what was never released.
fn is_delegator(signer: &str, owner: Option<&str>) -> bool {
    let Some((workflow, git_ref)) = signer.split_once('@') else { return false };
    let at_home = owner == Some(DELEGATORS_OWNER) && git_ref == "refs/heads/main";
    DELEGATORS.contains(&workflow) && (git_ref.starts_with("refs/tags/v") || at_home)
}

impl Provenance {
    /// Reads the predicate of a statement whose type is SLSA provenance.
    pub fn of(statement: &Statement) -> Result<Self, ProvenanceError> {
        let predicate = &statement.predicate;
        if statement.predicate_type == SLSA_V1 { Self::of_v1(predicate) } else { Self::of_v02(predicate) }
    }

    fn of_v1(predicate: &Value) -> Result<Self, ProvenanceError> {
        let definition = predicate.get("buildDefinition").ok_or(ProvenanceError("`buildDefinition`"))?;
        let external = definition.get("externalParameters");
        let internal = definition.get("internalParameters");
        let mut sources = Vec::new();
        let workflow = external.and_then(|parameters| parameters.get("workflow"));
        if let Some(workflow) = workflow {
            let (repository, git_ref) = (text(workflow, "/repository"), text(workflow, "/ref"));
            sources.push(Source { repository, git_ref, commit: None });
        }
        let source = external.and_then(|parameters| parameters.get("source"));
        sources.extend(source.and_then(Source::of_resource));
        sources.extend(internal.and_then(Source::of_environment));
        let dependencies = definition.get("resolvedDependencies").and_then(Value::as_array);
        let own = sources.iter().find_map(|source| source.repository.clone());
        sources
            .extend(dependencies.into_iter().flatten().filter_map(Source::of_resource).filter(of_the(own.as_deref())));
        Ok(Self {
            builder: required(predicate, "/runDetails/builder/id", "`runDetails.builder.id`")?,
            build_type: required(definition, "/buildType", "`buildDefinition.buildType`")?,
            sources,
            workflow: workflow.and_then(|workflow| text(workflow, "/path")),
            invocation: text(predicate, "/runDetails/metadata/invocationId"),
            parameters: names(external),
        })
    }

    fn of_v02(predicate: &Value) -> Result<Self, ProvenanceError> {
        let invocation = predicate.get("invocation");
        let config = invocation.and_then(|invocation| invocation.get("configSource"));
        let mut sources: Vec<Source> = config.and_then(Source::of_resource).into_iter().collect();
        sources.extend(invocation.and_then(|one| one.get("environment")).and_then(Source::of_environment));
        let own = sources.iter().find_map(|source| source.repository.clone());
        let materials = predicate.get("materials").and_then(Value::as_array);
        sources.extend(materials.into_iter().flatten().filter_map(Source::of_resource).filter(of_the(own.as_deref())));
        let entry = config.and_then(|config| text(config, "/entryPoint"));
        Ok(Self {
            builder: required(predicate, "/builder/id", "`builder.id`")?,
            build_type: required(predicate, "/buildType", "`buildType`")?,
            sources,
            // npm's first versions wrote the name of the workflow, or `owner/repo/path@ref`.
            workflow: entry.filter(|entry| entry.starts_with(".github/workflows/") && !entry.contains('@')),
            invocation: text(predicate, "/metadata/buildInvocationId"),
            parameters: names(invocation.and_then(|invocation| invocation.get("parameters"))),
        })
    }

    /// Whether pinfold knows what the predicate of this build type means.
    pub fn is_of_known_type(&self) -> bool {
        self.rule().is_some()
    }

    /// Parameters that the build type does not define, for policies that take only what they understand.
    pub fn unrecognized_parameters(&self) -> Vec<&str> {
        let known = ["workflow", "source", "inputs", "vars", "builderImage", "configPath", "buildConfig"];
        let of_run = ["command", "environment", "outputs"];
        let is_known =
            |name: &str| known.contains(&name) || self.build_type == RUN_BUILD_TYPE && of_run.contains(&name);
        self.parameters.iter().map(String::as_str).filter(|name| !is_known(name)).collect()
    }

    /// The first claim that is not what the certificate says; `None` if all agree.
    ///
    /// A claim that the certificate does not make either is no disagreement, but for the builder: it has to be what the
    /// build type says, or the workflow that signed.
    pub fn disagreement(&self, certificate: &Certificate) -> Option<Disagreement> {
        if let Some(expected) = self.wrong_builder(certificate) {
            return Some(Disagreement { claim: "builder", certificate: expected, predicate: self.builder.clone() });
        }
        for source in &self.sources {
            let pairs = [
                ("repository", &certificate.repository, &source.repository, true),
                ("ref", &certificate.git_ref, &source.git_ref, false),
                ("commit", &certificate.commit, &source.commit, false),
            ];
            for (claim, certified, claimed, any_case) in pairs {
                if let (Some(certified), Some(claimed)) = (certified, claimed)
                    && !(certified == claimed || any_case && certified.eq_ignore_ascii_case(claimed))
                {
                    return Some(Disagreement { claim, certificate: certified.clone(), predicate: claimed.clone() });
                }
            }
        }
        let (Some(started), Some(path)) = (&certificate.build_config, &self.workflow) else { return None };
        let (url, _) = started.split_once('@').unwrap_or((started, ""));
        let certified = url.split_once("/.github/").map(|(_, file)| format!(".github/{file}"))?;
        (certified != *path).then(|| Disagreement {
            claim: "workflow",
            certificate: certified,
            predicate: path.clone(),
        })
    }

    /// What the builder has to be, if it is not that.
    fn wrong_builder(&self, certificate: &Certificate) -> Option<String> {
        let signer = certificate.signer_workflow.as_deref().unwrap_or(&certificate.identity);
        let is_one_of = |known: &[&str]| {
            known.iter().any(|one| self.builder == *one || self.builder.starts_with(&format!("{one}@")))
        };
        match self.rule() {
            Some(BuilderRule::Runner) => {
                let kind = certificate.runner.as_deref().unwrap_or("…");
                let expected = format!("https://github.com/actions/runner/{kind}");
                (self.builder != expected || certificate.runner.is_none()).then_some(expected)
            }
            Some(BuilderRule::OneOf(known)) => (!is_one_of(known)).then(|| known.join(" or ")),
            Some(BuilderRule::Delegated) => {
                (!is_delegator(signer, certificate.owner.as_deref())).then(|| signer.to_owned())
            }
            Some(BuilderRule::Signer) => {
                let person = format!("mailto:{signer}");
                // A builder is a URI, which an address is not.
                let is_person = !signer.contains(':') && signer.contains('@');
                let expected = if is_person { person.as_str() } else { signer };
                (self.builder != expected && self.builder != signer).then(|| expected.to_owned())
            }
            // Nobody knows what it means; who signed is all that can be believed.
            None => None,
        }
    }

    /// Whether the builder that the predicate names may be believed, where nothing disagrees.
    pub fn builder_is_certified(&self, certificate: &Certificate) -> bool {
        let signer = certificate.signer_workflow.as_deref().unwrap_or(&certificate.identity);
        self.wrong_builder(certificate).is_none() && (self.is_of_known_type() || self.builder == signer)
    }

    /// Whether the builder's id stands for the workflow that signed, so that who names the one names the other.
    pub fn builder_is_signer(&self) -> bool {
        matches!(self.rule(), None | Some(BuilderRule::Signer | BuilderRule::Delegated))
    }

    fn rule(&self) -> Option<&'static BuilderRule> {
        BUILD_TYPES.iter().find(|(name, _)| *name == self.build_type).map(|(_, rule)| rule)
    }
}

/// A claim of a predicate that is not what the certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// What it is about.
    pub claim: &'static str,
    /// What the certificate says.
    pub certificate: String,
    /// What the predicate says.
    pub predicate: String,
}

impl Source {
    /// A resource descriptor: `git+https://host/owner/repo@refs/…` with the commit for a digest.
    fn of_resource(value: &Value) -> Option<Self> {
        let uri = text(value, "/uri")?;
        let url = uri.strip_prefix("git+")?;
        // A reference may have `@` in it too, `refs/tags/name@1.0.0`; and a host a user before it.
        let (repository, git_ref) = match (url.find("@refs/"), url.rsplit_once('@')) {
            (Some(at), _) => (url.get(..at)?, url.get(at.saturating_add(1)..).map(str::to_owned)),
            (None, Some((repository, git_ref))) => (repository, Some(git_ref.to_owned())),
            (None, None) => (url, None),
        };
        let commit = text(value, "/digest/gitCommit").or_else(|| text(value, "/digest/sha1"));
        Some(Self { repository: Some(repository.trim_end_matches(".git").to_owned()), git_ref, commit })
    }

    /// The environment of GitHub Actions, as several builders copy it.
    fn of_environment(value: &Value) -> Option<Self> {
        let name = text(value, "/GITHUB_REPOSITORY")?;
        Some(Self {
            repository: Some(format!("https://github.com/{name}")),
            git_ref: text(value, "/GITHUB_REF"),
            commit: text(value, "/GITHUB_SHA"),
        })
    }
}

/// Whether a dependency is the source itself, and not one of the things that the build used beside it.
fn of_the<'a>(own: Option<&'a str>) -> impl Fn(&Source) -> bool + 'a {
    move |source| match (own, source.repository.as_deref()) {
        (Some(own), Some(repository)) => own.eq_ignore_ascii_case(repository),
        _ => false,
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn required(value: &Value, pointer: &str, what: &'static str) -> Result<String, ProvenanceError> {
    text(value, pointer).ok_or(ProvenanceError(what))
}

fn names(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_object).map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

/// A predicate that calls itself provenance and lacks what provenance has: what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenanceError(pub &'static str);

impl fmt::Display for ProvenanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provenance has no {}", self.0)
    }
}

impl std::error::Error for ProvenanceError {}
