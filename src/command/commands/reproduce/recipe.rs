//! [`Recipe`]: what a statement says of how its outputs were built.
//!
//! Every value becomes a type that cannot do harm on the way to a system call: paths are relative, a commit is
//! hexadecimal, variables have names. Refuses provenance without a source commit, and outputs without a strong digest.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::path::RelPath;
use pinfold_core::pins::Platform;
use pinfold_evidence::statement::{SLSA_V1, Statement};

/// How to build what a statement is about.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The commit, hexadecimal.
    pub commit: String,
    /// Where the commit can be had, where that is stated; nothing is fetched from there unasked.
    pub repository: Option<String>,
    /// The folder of the pin file in the checkout, `None` for its top.
    pub folder: Option<RelPath>,
    /// The name of the pin file.
    pub pin_file: RelPath,
    /// Its SHA-256, where that is stated.
    pub pins_digest: Option<String>,
    /// The pins: package URL, and the digest in hexadecimal.
    pub pins: BTreeMap<String, String>,
    /// The platform whose variants were built from.
    pub platform: Option<Platform>,
    /// The program and its arguments; `None` where none is stated.
    pub command: Option<Vec<String>>,
    /// The variables that were named.
    pub environment: BTreeMap<String, String>,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date: Option<i64>,
    /// The outputs.
    pub outputs: Vec<Stated>,
    /// Whether the build was hermetic.
    pub hermetic: bool,
    /// Whether the checkout was not its commit.
    pub dirty: bool,
}

/// An output: its name, relative to the pin file, and its digests by algorithm.
pub type Stated = (RelPath, BTreeMap<String, String>);

impl Recipe {
    /// Reads SLSA provenance v1, as `pinfold attest` and `pinfold run` write it.
    pub fn of(statement: &Statement) -> Result<Self, Fault> {
        if statement.predicate_type != SLSA_V1 {
            return Err(wrong(&format!("it is `{}`, not SLSA provenance v1", statement.predicate_type.escape_debug())));
        }
        let definition = statement.predicate.get("buildDefinition").unwrap_or(&Value::Null);
        let own = definition.pointer("/internalParameters/pinfold").unwrap_or(&Value::Null);
        let external = definition.get("externalParameters").unwrap_or(&Value::Null);
        let dependencies = definition.get("resolvedDependencies").and_then(Value::as_array);
        let dependencies: Vec<&Value> = dependencies.into_iter().flatten().collect();
        let source = dependencies.iter().find(|one| one.pointer("/digest/gitCommit").is_some());
        let commit = source.and_then(|source| text(source, "/digest/gitCommit")).ok_or_else(|| {
            Fault::unverifiable("statement-no-commit", "the statement names no source commit")
                .hint("it was attested with `--no-source`, or by something else; nobody can tell what to build")
        })?;
        if !is_hex(&commit) || !matches!(commit.len(), 40 | 64) {
            return Err(wrong(&format!("`{}` is no commit", commit.escape_debug())));
        }
        let uri = source.and_then(|source| text(source, "/uri"));
        let repository = uri.as_deref().and_then(|uri| uri.strip_prefix("git+"));
        let repository = repository.map(|url| url.split_once("@refs/").map_or(url, |(url, _)| url).to_owned());
        let folder = text(own, "/folder").map(|folder| folder.trim_end_matches('/').to_owned());
        let folder = folder.filter(|folder| !folder.is_empty()).map(|folder| path(&folder)).transpose()?;
        let pin_file = path(&text(own, "/pins/name").unwrap_or_else(|| "pins.toml".to_owned()))?;
        if pin_file.components().count() != 1 {
            return Err(wrong(&format!("the pin file is `{pin_file}`, which is no name")));
        }
        let platform = text(own, "/platform").map(|text| text.parse());
        let platform = platform.transpose().map_err(|_| wrong("its platform is none"))?;
        Ok(Self {
            commit,
            repository,
            folder,
            pin_file,
            pins_digest: text(own, "/pins/digest/sha256"),
            pins: pins(&dependencies),
            platform,
            command: external.get("command").map(strings).transpose()?.filter(|words| !words.is_empty()),
            environment: external.get("environment").map(variables).transpose()?.unwrap_or_default(),
            source_date: own.get("sourceDateEpoch").and_then(Value::as_i64),
            outputs: outputs(statement)?,
            hermetic: own.get("hermetic").is_some(),
            dirty: own.get("dirty").is_some(),
        })
    }

    /// Why the same bytes are not to be expected.
    pub(super) fn doubts(&self) -> Vec<Finding> {
        let mut doubts = Vec::new();
        let mut doubt = |code, message: &str| doubts.push(Finding::new(Level::Warning, code, message));
        if self.dirty {
            doubt("source-dirty", "it was built from a checkout that was not its commit; what differed is not known");
        }
        if !self.hermetic {
            doubt(
                "not-hermetic",
                "it was not built hermetically; the network or the environment may have played a part",
            );
        }
        doubts
    }
}

fn pins(dependencies: &[&Value]) -> BTreeMap<String, String> {
    let digest = |one: &Value| {
        let digests = one.get("digest")?.as_object()?;
        ["sha512", "sha384", "sha256"].iter().find_map(|name| digests.get(*name)?.as_str().map(str::to_owned))
    };
    dependencies.iter().filter_map(|one| Some((text(one, "/uri")?, digest(one)?))).collect()
}

fn outputs(statement: &Statement) -> Result<Vec<Stated>, Fault> {
    let output = |subject: &pinfold_evidence::statement::Subject| {
        let name = path(&subject.name)?;
        if ["sha256", "sha512"].iter().all(|algorithm| !subject.digests.contains_key(*algorithm)) {
            return Err(wrong(&format!("`{name}` has neither SHA-256 nor SHA-512")));
        }
        Ok((name, subject.digests.clone()))
    };
    statement.subjects.iter().map(output).collect()
}

fn strings(value: &Value) -> Result<Vec<String>, Fault> {
    let words = value.as_array().and_then(|words| words.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let words = words.ok_or_else(|| wrong("its command is no list of words"))?;
    // No argument of a program can have one.
    if words.iter().any(|word| word.contains('\0')) {
        return Err(wrong("its command has a NUL byte"));
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

fn variables(value: &Value) -> Result<BTreeMap<String, String>, Fault> {
    let object = value.as_object().ok_or_else(|| wrong("its environment is no table"))?;
    let is_name = |name: &str| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        plain && !name.is_empty() && !name.starts_with(|one: char| one.is_ascii_digit())
    };
    let variable = |(name, value): (&String, &Value)| match value.as_str().filter(|value| !value.contains('\0')) {
        Some(value) if is_name(name) => Ok((name.clone(), value.to_owned())),
        _ => Err(wrong(&format!("its variable `{}` is none", name.escape_debug()))),
    };
    object.iter().map(variable).collect()
}

fn path(text: &str) -> Result<RelPath, Fault> {
    text.parse().map_err(|error| wrong(&format!("`{}` is no path: {error}", text.escape_debug())))
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What should be done again is not told in a way that could be done.
pub(super) fn wrong(why: &str) -> Fault {
    Fault::failed("statement-unusable", format!("the statement cannot be done again: {why}"))
}
