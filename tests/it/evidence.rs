//! Every file of `tests/vectors/evidence/`: evidence that is valid but for one thing, and what has to come of it.
//!
//! `make.py` there says how they are made and what their headers mean. The document goes through `attestation::read`,
//! `attestation::prove` and `policy::judge`, as in `fetch`, `verify` and `check`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_evidence::attestation::{
    Artifact, Attestation, MAX_ATTESTATIONS, MAX_DOCUMENT_LEN, NamedKey, Trust, Unproved, VerifiedAttestation, prove,
    read,
};
use pinfold_evidence::policy::{Name, Policy, RefPattern, SummaryPolicy, Verdict, evidence, judge};
use pinfold_evidence::root::{Instance, RegistryKeys, TrustRoot, TrustRoots};
use pinfold_evidence::statement::MAX_SUBJECTS;
use serde_json::{Value, json};

/// Thirty days after almost everything was signed, 2025-07-02.
const NOW: i64 = 1_751_457_600;

/// One attack, or one thing that must pass.
pub(crate) struct Vector {
    headers: Vec<(String, String)>,
    pub(crate) document: Vec<u8>,
}

impl Vector {
    pub(crate) fn named(name: &str) -> Self {
        Self::parse(&std::fs::read(folder().join(name)).expect(name))
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|two| two == b"\n\n").expect("an empty line");
        let header = std::str::from_utf8(&bytes[..end]).expect("UTF-8");
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("a field: {line}"));
            (name.to_owned(), value.to_owned())
        };
        Self { headers: header.lines().map(field).collect(), document: bytes[end + 2..].to_vec() }
    }

    /// All values of a header.
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> Option<String> {
        assert!(self.all(name).count() <= 1, "{name} stands there twice");
        self.all(name).next().map(str::to_owned)
    }

    pub(crate) fn trust(&self) -> Trust {
        let named = self.one("root").unwrap_or_else(|| "trusted_root.json".to_owned());
        let roots = match Instance::from_name(&named) {
            Some(instance) => vec![TrustRoot::embedded(instance).expect("an embedded root")],
            None => TrustRoot::parse(&file(&named), named).expect("a root"),
        };
        let registry_keys = match self.one("keys") {
            Some(name) => RegistryKeys::parse(&file(&name)),
            None => RegistryKeys::embedded(),
        };
        let pem = self.one("key").filter(|key| key != "yes").map(|name| file(&name));
        let key = pem.map(|pem| {
            NamedKey::from_pem(std::str::from_utf8(&pem).expect("UTF-8"), self.one("key-id")).expect("a key")
        });
        Trust::new(TrustRoots { roots, registry_keys: registry_keys.expect("keys") }, key)
    }

    /// The digests that are known of the artifact.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        let Some(named) = self.one("artifact") else {
            return Artifact::of(&[Algorithm::Sha256, Algorithm::Sha512].map(|one| Integrity::of(one, &artifact())))
                .digests;
        };
        let pair = |one: &str| one.split_once(':').map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        named.split(' ').map(|one| pair(one).expect("algorithm:digest")).collect()
    }

    pub(crate) fn attestations(&self) -> Result<Vec<Attestation>, &'static str> {
        match self.one("form").as_deref() {
            Some("registry-signature") => {
                let value: Value = serde_json::from_slice(&self.document).expect("JSON");
                let text = |name: &str| value[name].as_str().expect("a text");
                let integrity = text("integrity").parse().expect("an integrity");
                let one = Attestation::registry_signature(text("package"), &integrity, text("keyid"), text("sig"));
                Ok(vec![one])
            }
            _ => read(&self.document).map_err(|error| error.code()),
        }
    }

    pub(crate) fn proofs(&self, trust: &Trust) -> Result<Vec<Result<VerifiedAttestation, Unproved>>, &'static str> {
        let artifact = Artifact { digests: self.digests(), open: None };
        Ok(self.attestations()?.iter().map(|one| prove(trust, one, &artifact)).collect())
    }

    pub(crate) fn policy(&self) -> Policy {
        let yes = |name: &str| self.one(name).is_some_and(|value| value == "yes");
        let summary = SummaryPolicy {
            verifier: self.one("verifier"),
            resource: self.one("resource"),
            levels: self.all("level").map(str::to_owned).collect(),
        };
        let package = self.one("package").map(|package| {
            let (name, version) = package.rsplit_once('@').expect("name@version");
            Name::Npm { name: Some(name.to_owned()), version: Some(version.to_owned()) }
        });
        let name = package.or_else(|| self.one("file").map(Name::File)).or_else(|| self.one("name").map(Name::Exact));
        let policy = Policy {
            repositories: self.all("repository").map(|one| one.parse().expect("a repository")).collect(),
            owner: self.one("owner"),
            repository_id: self.one("repository-id"),
            owner_id: self.one("owner-id"),
            workflow: self.one("workflow").map(|one| one.parse().expect("a workflow")),
            refs: self.all("ref").map(RefPattern::new).collect(),
            builder: self.one("builder"),
            build_type: self.one("build-type"),
            predicate_types: self.all("predicate-type").map(str::to_owned).collect(),
            issuer: self.one("issuer"),
            identity: self.one("identity"),
            identity_pattern: self.one("identity-pattern").map(|one| one.parse().expect("a pattern")),
            key: self.one("key").is_some(),
            deny_self_hosted: yes("deny-self-hosted"),
            only_known_parameters: yes("only-known-parameters"),
            min_age: self.one("min-age").map(|days| Duration::from_secs(86_400 * days.parse::<u64>().expect("days"))),
            name,
            summary: (summary != SummaryPolicy::default()).then_some(summary),
        };
        assert!(policy.names_somebody(), "a policy that names nobody judges nothing");
        policy
    }

    /// How it comes out: the verdict, and the codes of what is wrong, in order.
    fn outcome(&self, trust: &Trust) -> (&'static str, String) {
        let proofs = match self.proofs(trust) {
            Ok(proofs) => proofs,
            Err(code) => return ("refused", code.to_owned()),
        };
        let codes = |all: Vec<&str>| all.join(" ");
        match judge(&self.policy(), NOW, &proofs) {
            Verdict::Verified(index) => {
                // What is told of it stands in the certificate.
                let told = evidence(proofs[index].as_ref().expect("a proof"));
                assert!(!told.signer.is_empty(), "{told:?}");
                ("verified", "ok".to_owned())
            }
            Verdict::Refused(failures) => {
                let received = failures.first().and_then(|first| first.received.clone());
                assert!(self.one("received").is_none_or(|wanted| Some(wanted) == received), "{failures:?}");
                ("refused", codes(failures.iter().map(|one| one.code).collect()))
            }
            Verdict::Unverifiable(lacks) => ("unverifiable", codes(lacks.iter().map(|one| one.code()).collect())),
            Verdict::Missing(_) => ("missing", "provenance-missing".to_owned()),
        }
    }

    /// What a header says that has to come out.
    pub(crate) fn expected(&self) -> (String, String) {
        let expect = self.one("expect").expect("what to expect");
        let verdict = if expect == "ok" { "verified" } else { "refused" };
        (self.one("verdict").unwrap_or_else(|| verdict.to_owned()), expect)
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/evidence")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect(name)
}

/// What almost all vectors are about.
fn artifact() -> Vec<u8> {
    file("artifact.bin")
}

/// All vectors by name. Files with an extension are what they are made with.
pub(crate) fn vectors() -> BTreeMap<String, Vector> {
    let entries = std::fs::read_dir(folder()).expect("the folder of vectors");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let named: BTreeMap<String, Vector> =
        names.filter(|name| !name.contains(['.', '_'])).map(|name| (name.clone(), Vector::named(&name))).collect();
    assert!(named.len() > 180, "the vectors were not found");
    named
}

#[test]
fn every_vector_comes_out_as_expected() {
    let mut wrong = Vec::new();
    for (name, vector) in vectors() {
        let (verdict, codes) = vector.outcome(&vector.trust());
        let expected = vector.expected();
        if (verdict, codes.as_str()) != (&expected.0, &expected.1) {
            let proofs = vector.proofs(&vector.trust());
            wrong.push(format!("{name}: {verdict} {codes}, not {} {}: {proofs:?}", expected.0, expected.1));
        }
    }
    assert!(wrong.is_empty(), "{} came out wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// An attack says which rule it is for: under a policy without anything but that it would pass.
#[test]
fn good_vectors_pass_for_one_artifact_only() {
    let mut seen = 0;
    for (name, vector) in vectors().iter().filter(|(name, _)| name.starts_with("ok-")) {
        let attestations = vector.attestations().expect(name);
        let other = Artifact::of(&[Algorithm::Sha256, Algorithm::Sha512].map(|one| Integrity::of(one, b"a third")));
        let trust = vector.trust();
        let proofs: Vec<_> = attestations.iter().map(|one| prove(&trust, one, &other)).collect();
        assert!(proofs.iter().all(Result::is_err), "{name}: {proofs:?}");
        let verdict = judge(&vector.policy(), NOW, &proofs);
        assert!(!matches!(verdict, Verdict::Verified(_)), "{name}: {verdict:?}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

/// What a document may be made of is in a vector that must pass, so that a clone without any corpus tries it. GitHub's own
/// instance is in a real document alone: only its root goes without a log.
#[test]
fn each_kind_of_evidence_must_pass() {
    let mut seen = BTreeSet::new();
    for (name, vector) in vectors().iter().filter(|(name, _)| name.starts_with("ok-")) {
        let text = std::str::from_utf8(&vector.document).expect("UTF-8");
        let documents = serde_json::from_str(text).map_or_else(
            |_| text.lines().map(|line| serde_json::from_str(line).expect(name)).collect(),
            |whole: Value| vec![whole],
        );
        documents.iter().for_each(|document| parts(document, &mut seen));
        seen.extend(vector.one("root").into_iter().chain(vector.one("form")));
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), KINDS);
}

/// The kinds that are named in a document: its own, those of its log entries and its statements, and who signed.
fn parts(value: &Value, seen: &mut BTreeSet<String>) {
    let named = [
        "attestation_bundles",
        "attestations",
        "bundle_url",
        "certificate",
        "dsseEnvelope",
        "inclusionPromise",
        "inclusionProof",
        "messageSignature",
        "publicKey",
        "rfc3161Timestamps",
        "x509CertificateChain",
    ];
    match value {
        Value::Array(all) => all.iter().for_each(|one| parts(one, seen)),
        Value::Object(all) => {
            seen.extend(all.keys().filter(|key| named.contains(&key.as_str())).cloned());
            seen.extend(all.get("mediaType").and_then(Value::as_str).map(str::to_owned));
            if let Some(kind) = all.get("kindVersion") {
                seen.insert(format!(
                    "{} {}",
                    kind["kind"].as_str().expect("a kind"),
                    kind["version"].as_str().expect("one")
                ));
            }
            for payload in ["payload", "statement"].into_iter().filter_map(|name| all.get(name)?.as_str()) {
                let statement: Value = serde_json::from_slice(&BASE64.decode(payload).expect("base64")).expect("JSON");
                seen.insert(statement["predicateType"].as_str().expect("a type").to_owned());
            }
            all.values().for_each(|one| parts(one, seen));
        }
        _ => {}
    }
}

/// What [`parts`] finds in the vectors, sorted.
const KINDS: &[&str] = &[
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "attestation_bundles",
    "attestations",
    "bundle_url",
    "certificate",
    "dsse 0.0.1",
    "dsseEnvelope",
    "github",
    "hashedrekord 0.0.1",
    "hashedrekord 0.0.2",
    "https://cyclonedx.org/bom",
    concat!("https://docs.pyp", "i.org/attestations/publish/v1"),
    "https://example.com/note",
    "https://github.com/npm/attestation/tree/main/specs/publish/v0.1",
    "https://in-toto.io/attestation/test-result/v0.1",
    "https://slsa.dev/provenance/v0.2",
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/verification_summary/v0.2",
    "https://slsa.dev/verification_summary/v1",
    "inclusionPromise",
    "inclusionProof",
    "intoto 0.0.2",
    "messageSignature",
    "public-good",
    "publicKey",
    "registry-signature",
    "rfc3161Timestamps",
    "x509CertificateChain",
];

/// Whatever good evidence stands beside it, evidence that does not hold refuses; and no evidence makes up for what
/// another lacks.
#[test]
fn evidence_that_does_not_hold_beside_good_evidence() {
    let good = Vector::named("ok-npm");
    let policy = good.policy();
    let trust = good.trust();
    let proofs = |names: [&str; 2]| -> Vec<_> {
        names.iter().flat_map(|name| Vector::named(name).proofs(&trust).expect(name)).collect()
    };
    for name in
        ["signature-flipped", "entry-of-another", "certificate-expired", "payload-changed", "json-twice-statement"]
    {
        for names in [["ok-npm", name], [name, "ok-npm"]] {
            let verdict = judge(&policy, NOW, &proofs(names));
            assert!(matches!(verdict, Verdict::Refused(_)), "{names:?}: {verdict:?}");
        }
    }
    // The right repository in one, the right name in another.
    for names in [["repository-other", "name-other"], ["name-other", "repository-other"]] {
        let verdict = judge(&policy, NOW, &proofs(names));
        assert!(matches!(verdict, Verdict::Refused(_)), "{names:?}: {verdict:?}");
    }
    // What nobody can judge is not what is missing.
    let verdict = judge(&policy, NOW, &proofs(["repository-other", "entry-none"]));
    assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
    let verdict = judge(&policy, NOW, &proofs(["entry-none", "ok-npm"]));
    assert!(matches!(verdict, Verdict::Verified(1)), "{verdict:?}");
}

/// Where an entry stands in the log is told where the log signed it.
#[test]
fn an_index_that_nobody_signed_is_not_told() {
    for (name, index) in [("ok-npm", Some(4242)), ("ok-rekor2", Some(1)), ("ok-index-unsigned", None)] {
        let vector = Vector::named(name);
        let proofs = vector.proofs(&vector.trust()).expect(name);
        assert_eq!(proofs[0].as_ref().expect(name).log_index(), index, "{name}");
    }
}

/// The bytes at hand in place of their digest.
#[test]
fn signatures_over_bytes() {
    let vector = Vector::named("ok-blob");
    let trust = vector.trust();
    let check = |bytes: &'static [u8], digests: BTreeMap<String, String>| {
        let open = || -> std::io::Result<Box<dyn Read>> { Ok(Box::new(Cursor::new(bytes))) };
        prove(&trust, &vector.attestations().expect("a bundle")[0], &Artifact { digests, open: Some(&open) })
    };
    let good = artifact().leak();
    assert!(check(good, BTreeMap::new()).is_ok());
    assert!(check(b"other", BTreeMap::new()).is_err());
    // What is known of the bytes does not stand in for them.
    assert!(check(b"other", vector.digests()).is_err());
}

/// A signature that takes the bytes whole, over bytes that do not end.
#[test]
fn bytes_without_end() {
    // The public key of RFC 8032, section 7.1, test 1.
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let key = NamedKey::from_pem(pem, None).expect("a key");
    let trust = Trust::new(TrustRoots::embedded().expect("roots"), Some(key));
    let bundle = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":
        {"publicKey":{"hint":""},"tlogEntries":[]},"messageSignature":{"signature":"AAAA"}}"#;
    let attestation = read(bundle.as_bytes()).expect("an attestation").remove(0);
    let open = || -> std::io::Result<Box<dyn std::io::Read>> { Ok(Box::new(std::io::repeat(0))) };
    let artifact = Artifact { digests: BTreeMap::default(), open: Some(&open) };
    match prove(&trust, &attestation, &artifact) {
        Err(Unproved::Unverifiable(lack)) => assert_eq!(lack.code(), "bytes-to-hold"),
        other => panic!("{other:?}"),
    }
}

/// Limits, each with a document that is built here: `json-too-long`, `json-too-large`, `document-many-attestations`,
/// `statement-many-subjects`.
#[test]
fn documents_without_end() {
    let code = |document: &[u8]| read(document).expect_err("a refusal").code();
    let mut long = file("ok-npm");
    long.resize(MAX_DOCUMENT_LEN + 1, b' ');
    assert_eq!(code(&long), "json-too-long");
    assert_eq!(code(&vec![b'['; MAX_DOCUMENT_LEN]), "json-malformed");
    // Few bytes that take many, in one value and in lines.
    let objects = format!("{{\"mediaType\":[{}0]}}", "{\"\":0},".repeat(100_000));
    assert_eq!(code(format!("[{}]", vec![objects.as_str(); 20].join(",")).as_bytes()), "json-too-large");
    assert_eq!(code(vec![objects; 20].join("\n").as_bytes()), "json-too-large");
    let many = vec![r#"{"mediaType":"x"}"#; MAX_ATTESTATIONS + 1];
    assert_eq!(code(format!("[{}]", many.join(",")).as_bytes()), "document-many-attestations");
    assert_eq!(code(many.join("\n").as_bytes()), "document-many-attestations");

    // No signature is needed: a statement is read before anything is proved, and refused.
    let good = Vector::named("ok-npm");
    let trust = good.trust();
    let with = |subjects: Vec<Value>, predicate: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
            "subject": subjects, "predicate": predicate,
        });
        let mut document: Value = serde_json::from_slice(&good.document).expect("JSON");
        let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, statement.to_string());
        document["dsseEnvelope"]["payload"] = payload.into();
        let attestations = read(document.to_string().as_bytes()).expect("a bundle");
        match prove(&trust, &attestations[0], &Artifact { digests: good.digests(), open: None }) {
            Err(Unproved::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        }
    };
    let subject = json!({ "name": "left", "digest": { "sha512": good.digests()["sha512"] } });
    assert_eq!(with(vec![subject.clone(); MAX_SUBJECTS + 1], ""), "statement-many-subjects");
    assert_eq!(
        with(vec![subject.clone()], &"x".repeat(pinfold_evidence::statement::MAX_STATEMENT_LEN)),
        "json-too-long"
    );
    // The limit itself is fine, and what was changed is then found out.
    assert_eq!(with(vec![subject; MAX_SUBJECTS], ""), "signature-invalid");
}

/// A policy that names nobody is met by anybody's evidence, so nobody may ask with one.
#[test]
fn a_policy_names_somebody() {
    assert!(!Policy::default().names_somebody());
    let demands = Policy { refs: vec![RefPattern::new("*")], builder: Some("x".to_owned()), ..Policy::default() };
    assert!(!demands.names_somebody());
}

/// Each code of what judges evidence is written down in docs/threats.md.
#[test]
fn every_code_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = std::fs::read_to_string(root.join("docs/threats.md")).expect("a document");
    let mut codes = BTreeSet::new();
    for path in CODED {
        let text = std::fs::read_to_string(root.join("src").join(path)).expect(path);
        let code = text.split("#[cfg(test)]").next().expect("code");
        codes.extend(code.split('"').skip(1).step_by(2).filter(|text| is_code(text)).map(str::to_owned));
    }
    assert!(codes.len() > 50, "{codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !threats.contains(&format!("\n| `{code}` |"))).collect();
    assert!(missing.is_empty(), "not in docs/threats.md: {missing:?}");
}

/// Where codes of evidence are made; what a command makes of a verdict is in docs/report.md.
const CODED: [&str; 9] = [
    "evidence/attestation/document.rs",
    "evidence/attestation/lack.rs",
    "evidence/attestation/refusal.rs",
    "core/json.rs",
    "evidence/policy/criteria.rs",
    "evidence/policy/summary.rs",
    "evidence/root.rs",
    "evidence/root/registry_keys.rs",
    "evidence/statement.rs",
];

/// Words with hyphens between them, and what there is of such texts that is no code.
fn is_code(text: &str) -> bool {
    // A name of an instance, kinds of runners, a name of a root; and what no evidence can bring about: a caller's mistake,
    // a proof that nobody knows how to get.
    let other = ["public-good", "self-hosted", "-hosted", "registry-keys", "root-not-embedded", "proof-incomplete"];
    text.contains('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
        && !other.contains(&text)
}

/// A timestamp beside a key's signature, one bit after the other: none may give another time, or pass for good.
#[test]
fn no_bit_of_a_timestamp_can_be_changed() {
    let vector = Vector::named("ok-key-stamped");
    let trust = vector.trust();
    let time = |document: &Value| {
        let attestation = read(document.to_string().as_bytes()).expect("an attestation").remove(0);
        let artifact = Artifact { digests: vector.digests(), open: None };
        prove(&trust, &attestation, &artifact).map(|proof| (proof.time(), proof.lack().is_some()))
    };
    let document: Value = serde_json::from_slice(&vector.document).expect("JSON");
    let good = time(&document).expect("a proof");
    assert!(matches!(good, (Some(_), false)), "{good:?}");
    let pointer = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let token = BASE64.decode(document.pointer(pointer).and_then(Value::as_str).expect("a token")).expect("base64");
    let (mut refused, mut same) = (0, 0);
    for at in 0..token.len() {
        let mut token = token.clone();
        token[at] ^= 1;
        let mut document = document.clone();
        *document.pointer_mut(pointer).expect("a token") = BASE64.encode(&token).into();
        match time(&document) {
            Err(Unproved::Refused(_)) => refused += 1,
            // What no signature covers, such as the certificates that are packed along.
            Ok(found) if found == good => same += 1,
            other => panic!("byte {at}: {other:?}"),
        }
    }
    assert!(refused > token.len() / 3 && refused > same, "{refused} refused, {same} the same");
}

#[test]
fn a_timestamp_of_a_stranger_is_told() {
    for (name, time) in [("ok-key-stamp-unknown", false), ("ok-key-stamp-two", true)] {
        let vector = Vector::named(name);
        let proofs = vector.proofs(&vector.trust()).expect("attestations");
        let proof = proofs[0].as_ref().expect("a proof");
        assert_eq!(proof.lack().map(|lack| lack.code()), Some("unknown-timestamp-authority"), "{name}");
        assert_eq!(proof.time().is_some(), time, "{name}");
    }
}
