//! One line of `cases.jsonl`, and what it means in pinfold's words.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_evidence::attestation::{Artifact, NamedKey};
use pinfold_evidence::policy::{Name, Policy, RefPattern, SummaryPolicy};
use pinfold_evidence::root::{Instance, RegistryKeys, RootError, TrustRoot, TrustRoots};
use serde_json::Value;

use super::Corpus;

/// A document, what it is held to, and how it has to come out.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) attestation: String,
    pub(crate) artifact: Option<String>,
    /// Which attestation of the document.
    pub(crate) index: usize,
    pub(crate) why: String,
    value: Value,
}

impl Case {
    pub(crate) fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).expect("a case is JSON");
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let selector = text("/selector");
        let selected = selector.as_deref().and_then(|selector| selector.split('/').find_map(|part| part.parse().ok()));
        let line = value["line"].as_u64().map(|line| usize::try_from(line).expect("small"));
        Self {
            id: text("/id").expect("an id"),
            attestation: text("/files/attestation").expect("a document"),
            artifact: text("/files/artifact"),
            index: selected.or(line).unwrap_or(0),
            why: text("/expected_why").unwrap_or_default(),
            value,
        }
    }

    /// What nobody can prove offline must come out as unverifiable, whatever the suite's own verdict was online.
    pub(crate) fn expectation(&self) -> &'static str {
        match (self.value["offline_verifiable"].as_bool(), self.value["expected"].as_str()) {
            (Some(false), _) => "unverifiable",
            (_, Some("pass")) => "verified",
            (_, Some("fail")) => "refused",
            other => panic!("{} expects {other:?}", self.id),
        }
    }

    fn text(&self, pointer: &str) -> Option<String> {
        self.value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) fn roots(&self, corpus: &Corpus) -> Result<TrustRoots, RootError> {
        let of = |instance| vec![TrustRoot::embedded(instance).expect("an embedded root")];
        let roots = match (self.text("/files/trusted_root"), self.text("/trust").as_deref()) {
            (Some(path), _) => TrustRoot::parse(&corpus.bytes(&path), path)?,
            (None, Some("github")) => of(Instance::GitHub),
            (None, Some("staging")) => of(Instance::Staging),
            (None, _) => of(Instance::PublicGood),
        };
        Ok(TrustRoots { roots, registry_keys: RegistryKeys::embedded().expect("the keys") })
    }

    pub(crate) fn key(&self, corpus: &Corpus) -> Option<NamedKey> {
        let pem = corpus.text(&self.text("/files/key")?);
        NamedKey::from_pem(&pem, self.text("/policy/key_id")).ok()
    }

    /// The digests of the bytes where they are there, else those that the case names, else the claim's own.
    pub(crate) fn artifact(&self, bytes: Option<&Vec<u8>>, document: &[u8]) -> Artifact<'static> {
        if let Some(bytes) = bytes {
            return Artifact::of(
                &[Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512].map(|one| Integrity::of(one, bytes)),
            );
        }
        let named = |value: &Value| -> BTreeMap<String, String> {
            let object = value.as_object().into_iter().flatten();
            object.map(|(name, digest)| (name.clone(), digest.as_str().expect("a digest").to_owned())).collect()
        };
        let mut digests = named(&self.value["artifact_digests"]);
        if let Some((algorithm, digest)) =
            self.text("/policy/subject_digest").as_deref().and_then(|one| one.split_once(':'))
        {
            digests = BTreeMap::from([(algorithm.to_owned(), digest.to_owned())]);
        }
        // A signature over bytes that nobody kept: the digest that it names itself.
        let document: Option<Value> = serde_json::from_slice(document).ok();
        let signed = document.as_ref().and_then(|one| one.pointer("/messageSignature/messageDigest/digest")?.as_str());
        if let Some(digest) = signed.filter(|_| digests.is_empty()) {
            let digest = BASE64.decode(digest).expect("base64");
            return Artifact::of(&[Integrity::from_digest(Algorithm::Sha256, digest).expect("SHA-256")]);
        }
        if digests.is_empty() {
            digests = named(&self.value["subjects"][0]["digest"]);
        }
        Artifact { digests, open: None }
    }

    pub(crate) fn policy(&self) -> Policy {
        let source = self.text("/policy/source");
        let owner = self.text("/policy/owner").map(|owner| format!("https://github.com/{owner}"));
        let by_key = self.text("/files/key").is_some() || self.value["key_hint"].is_string();
        let mut policy = Policy {
            repositories: source.iter().map(|one| format!("https://{one}").parse().expect("a repository")).collect(),
            owner,
            refs: self.refs(),
            builder: self.text("/policy/builder_id"),
            predicate_types: self.text("/policy/predicate_type").into_iter().collect(),
            issuer: self.text("/policy/issuer"),
            identity: self.text("/policy/san"),
            identity_pattern: self.text("/policy/san_regex").map(|text| text.parse().expect("a pattern")),
            key: by_key,
            ..Policy::default()
        };
        let (name, version) = (self.text("/policy/package_name"), self.text("/policy/package_version"));
        if name.is_some() || version.is_some() {
            policy.name = Some(Name::Npm { name, version });
        }
        if let Some(verifier) = self.text("/policy/verifier_id") {
            let levels = self.value["policy"]["verified_levels"].as_array().into_iter().flatten();
            policy.summary = Some(SummaryPolicy {
                verifier: Some(verifier),
                resource: self.text("/policy/resource_uri"),
                levels: levels.map(|level| level.as_str().expect("a level").to_owned()).collect(),
            });
        }
        if let Some(signer) = self.text("/policy/signer_repo") {
            let pattern = format!("^https://github.com/{}/", signer.replace('.', "\\."));
            policy.identity_pattern = Some(pattern.parse().expect("a pattern"));
        }
        if !policy.names_somebody() {
            // The case is about something else than who signed.
            policy.identity = self.text("/signer_san");
            policy.key = policy.identity.is_none();
        }
        policy
    }

    /// The algorithms by which the claim names its first subject.
    pub(crate) fn claimed(&self) -> Vec<String> {
        self.value["subjects"][0]["digest"].as_object().into_iter().flat_map(|digest| digest.keys().cloned()).collect()
    }

    /// The same as options of `pinfold check`, the artifact and the documents aside. `file` says where a file of the
    /// corpus lies.
    pub(crate) fn options(&self, file: impl Fn(&str) -> String) -> Vec<String> {
        let mut options = Vec::new();
        let mut say = |option: &str, value: Option<String>| {
            options.extend(value.into_iter().map(|value| format!("--{option}={value}")));
        };
        say("repository", self.text("/policy/source").map(|one| format!("https://{one}")));
        say("owner", self.text("/policy/owner"));
        for one in self.refs() {
            say("ref", Some(one.to_string()));
        }
        for (option, pointer) in [
            ("builder", "/policy/builder_id"),
            ("predicate-type", "/policy/predicate_type"),
            ("issuer", "/policy/issuer"),
            ("identity", "/policy/san"),
            ("identity-regexp", "/policy/san_regex"),
            ("verifier-id", "/policy/verifier_id"),
            ("resource-uri", "/policy/resource_uri"),
            ("key-id", "/policy/key_id"),
        ] {
            say(option, self.text(pointer));
        }
        for level in self.value["policy"]["verified_levels"].as_array().into_iter().flatten() {
            say("verified-level", level.as_str().map(str::to_owned));
        }
        let name = self.text("/policy/package_name");
        match self.text("/policy/package_version") {
            // The command takes no version without a name; the claim's own is what leaves it open.
            Some(version) => {
                let own = self.text("/subjects/0/name").unwrap_or_default().replace("pkg:npm/", "").replace("%40", "@");
                let own = own.rsplit_once('@').map(|(name, _)| name.to_owned());
                say("package", name.or(own).map(|name| format!("{name}@{version}")));
            }
            None => say("package", name),
        }
        let signer = self.text("/policy/signer_repo").map(|one| one.replace('.', "\\."));
        say("identity-regexp", signer.map(|signer| format!("^https://github.com/{signer}/")));
        let root = self.text("/files/trusted_root").map(|path| file(&path));
        let instance = self.text("/trust").filter(|trust| ["github", "staging"].contains(&trust.as_str()));
        say("trusted-root", Some(root.or(instance).unwrap_or_else(|| "public-good".to_owned())));
        let key = self.text("/files/key").map(|path| file(&path));
        let policy = self.policy();
        say("key", key.or_else(|| policy.key.then(|| "registry".to_owned())));
        if self.text("/policy/san").is_none() {
            say("identity", policy.identity);
        }
        options
    }

    /// The references that a tag, a branch or a tag as a version (`v14` for `v14.2.0` too) stand for.
    fn refs(&self) -> Vec<RefPattern> {
        let mut refs = Vec::new();
        refs.extend(self.text("/policy/tag").map(|tag| RefPattern::new(&format!("refs/tags/{tag}"))));
        refs.extend(self.text("/policy/branch").map(|branch| RefPattern::new(&format!("refs/heads/{branch}"))));
        if let Some(version) = self.text("/policy/versioned_tag") {
            refs.push(RefPattern::new(&format!("refs/tags/{version}")));
            if version.matches('.').count() < 2 {
                refs.push(RefPattern::new(&format!("refs/tags/{version}.*")));
            }
            let mut short = version.as_str();
            while let Some(shorter) = short.strip_suffix(".0") {
                refs.push(RefPattern::new(&format!("refs/tags/{shorter}")));
                short = shorter;
            }
        }
        refs
    }
}
