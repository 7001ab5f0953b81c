//! Bills of materials: what the schemas of CycloneDX 1.6 and SPDX 2.3 demand, the same bytes each time, and evidence told
//! as what it is.

use std::collections::BTreeSet;

use pinfold::commands::sbom::{self, Format};
use pinfold::report::Report;
use pinfold_core::digest::{Algorithm, Integrity, Sha256};
use serde_json::Value;

use crate::support::{Project, codes, human, integrity, pin};
use crate::vsa::{FILE, REPOSITORY, artifact, built, fetched, with};

const FORMATS: [Format; 2] = [Format::CycloneDx, Format::Spdx];

fn bill(project: &Project, format: Format, time: Option<i64>) -> (String, Value, Report) {
    let paper = with(project, |ctx| sbom::run(ctx, sbom::Options { format, time })).expect("a bill");
    let value = serde_json::from_str(&paper.document).expect("JSON");
    (paper.document, value, paper.report)
}

/// A project with a pin of every source, one of which has proved evidence.
fn every_source() -> Project {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    let digest = integrity(b"x");
    let more = [
        pin("under_score", "npm = \"@scope/name@1.2.3-rc.1+b\"", &digest, ""),
        pin("under-score", "pypi = \"ruff==0.1.0#ruff-0.1.0.tar.gz\"", &digest, ""),
        pin("rg", "github = \"BurntSushi/ripgrep@14.1.0#rg.tar.gz\"", &digest, ""),
        pin(
            "web",
            "url = \"https://example.com/a%20b.tgz?x=1&y=2\"",
            &digest,
            "mirrors = [\"https://m.example.com/a\"]",
        ),
        pin("same", "npm = \"@scope/name@1.2.3-rc.1+b\"", &digest, ""),
    ];
    project.pins(&format!("{}{}", project.read("pins.toml"), more.concat()));
    project
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value.as_array().expect("a list").iter().map(|one| one[key].as_str().expect("a text")).collect()
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.strip_prefix("urn:uuid:").expect("a URN").split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part, part.len()))
}

#[test]
fn cyclonedx_is_as_its_schema_has_it() {
    let (_, bill, report) = bill(&every_source(), Format::CycloneDx, None);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"], &bill["version"]),
        (&"CycloneDX".into(), &"1.6".into(), &1.into())
    );
    assert!(is_uuid(bill["serialNumber"].as_str().expect("a number")));
    assert!(bill["metadata"]["timestamp"].is_null(), "nobody said a time");
    let known = [
        "$schema",
        "bomFormat",
        "specVersion",
        "version",
        "metadata",
        "components",
        "dependencies",
        "compositions",
        "serialNumber",
    ];
    assert!(bill.as_object().expect("an object").keys().all(|key| known.contains(&key.as_str())));
    let components = bill["components"].as_array().expect("components");
    let references: BTreeSet<&str> = texts(&bill["components"], "bom-ref").into_iter().collect();
    assert_eq!((components.len(), references.len()), (6, 6), "each has a reference of its own");
    for component in components {
        assert!(["library", "file"].contains(&component["type"].as_str().expect("a type")));
        assert!(!component["name"].as_str().expect("a name").is_empty());
        for hash in component["hashes"].as_array().expect("hashes") {
            let len = match hash["alg"].as_str() {
                Some("SHA-512") => 128,
                Some("SHA-256") => 64,
                other => panic!("{other:?}"),
            };
            assert!(is_hex(hash["content"].as_str().expect("a digest"), len));
        }
        for reference in component["externalReferences"].as_array().into_iter().flatten() {
            let kind = reference["type"].as_str().expect("a type");
            assert!(["distribution", "vcs", "build-meta", "attestation"].contains(&kind), "{kind}");
            assert!(!reference["url"].as_str().expect("a place").contains(char::is_whitespace));
        }
        assert!(component["properties"].as_array().expect("properties").len() >= 3);
    }
    let purls = texts(&bill["components"], "purl");
    for purl in ["pkg:npm/%40scope/name@1.2.3-rc.1%2Bb", "pkg:pypi/ruff@0.1.0", "pkg:github/burntsushi/ripgrep@14.1.0"]
    {
        assert!(purls.contains(&purl), "{purls:?}");
    }
    assert!(purls.iter().any(|purl| purl.contains("&download_url=https:%2F%2Fexample.com%2Fa%2520b.tgz")), "{purls:?}");
    let kinds = texts(&components[0]["externalReferences"], "type");
    assert_eq!(kinds, ["vcs", "build-meta", "attestation"]);
    assert_eq!(components[0]["externalReferences"][0]["url"], REPOSITORY);
    assert_eq!(texts(&components[0]["hashes"], "alg"), ["SHA-512", "SHA-256"]);
}

#[test]
fn spdx_is_as_its_schema_has_it() {
    let (_, bill, report) = bill(&every_source(), Format::Spdx, None);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!((&bill["spdxVersion"], &bill["dataLicense"]), (&"SPDX-2.3".into(), &"CC0-1.0".into()));
    assert_eq!((&bill["SPDXID"], &bill["name"]), (&"SPDXRef-DOCUMENT".into(), &"pins.toml".into()));
    assert!(is_uuid(bill["documentNamespace"].as_str().expect("a namespace")));
    // The format wants a time; where nobody said one it is one that no bill was made at.
    assert_eq!(bill["creationInfo"]["created"], "1970-01-01T00:00:00Z");
    assert!(bill["creationInfo"]["creators"][0].as_str().expect("a tool").starts_with("Tool: pinfold-"));
    let packages = bill["packages"].as_array().expect("packages");
    let ids: BTreeSet<&str> = texts(&bill["packages"], "SPDXID").into_iter().collect();
    assert_eq!(ids.len(), 6, "{ids:?}");
    let described: BTreeSet<&str> = texts(&bill["relationships"], "relatedSpdxElement").into_iter().collect();
    assert_eq!(described, ids);
    for package in packages {
        let id = package["SPDXID"].as_str().and_then(|id| id.strip_prefix("SPDXRef-")).expect("an id");
        assert!(id.chars().all(|one| one.is_ascii_alphanumeric() || one == '-' || one == '.'), "{id}");
        assert_eq!(package["filesAnalyzed"], false);
        for checksum in package["checksums"].as_array().expect("checksums") {
            let len = if checksum["algorithm"] == "SHA512" { 128 } else { 64 };
            assert!(is_hex(checksum["checksumValue"].as_str().expect("a digest"), len));
        }
        let references = package["externalRefs"].as_array().expect("references");
        assert_eq!(
            (&references[0]["referenceCategory"], &references[0]["referenceType"]),
            (&"PACKAGE-MANAGER".into(), &"purl".into())
        );
        for reference in references {
            assert!(!reference["referenceLocator"].as_str().expect("a place").contains(char::is_whitespace));
        }
        assert!(package["annotations"].as_array().expect("annotations").len() >= 2);
    }
    assert_eq!(texts(&packages[0]["externalRefs"], "referenceType"), ["purl", "vcs", "build-meta", "attestation"]);
}

#[test]
fn the_same_bytes_each_time() {
    let (mut one, other) = (every_source(), every_source());
    for format in FORMATS {
        let (first, _, _) = bill(&one, format, None);
        one.jobs = 1;
        assert_eq!(bill(&one, format, None).0, first);
        assert_eq!(bill(&other, format, None).0, first, "wherever the project lies");
        assert!(!first.contains(&one.root().display().to_string()));
        let (dated, value, _) = bill(&one, format, Some(1_700_000_000));
        assert_ne!(dated, first);
        let time = value.pointer("/metadata/timestamp").or_else(|| value.pointer("/creationInfo/created"));
        assert_eq!(time.expect("a time"), "2023-11-14T22:13:20Z");
        for key in ["serialNumber", "documentNamespace"] {
            let [before, after]: [Value; 2] = [&first, &dated].map(|text| serde_json::from_str(text).expect("JSON"));
            assert!(before[key].is_null() || before[key] != after[key], "another bill has another name");
        }
    }
}

#[test]
fn evidence_that_is_wrong_is_told_and_refuses() {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    let pins = project.read("pins.toml");
    project.pins(&pins.replace("upstream/left", "upstream/right"));
    for format in FORMATS {
        let (document, _, report) = bill(&project, format, None);
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["repository-mismatch"]));
        assert!(document.contains("refused") && !document.contains("\"vcs\""), "{document}");
        // What it says is for whoever looks into the record, and is not said to be so.
        assert!(document.contains("evidence/attestations/0"), "{document}");
    }
    // Nobody says whose is good: the certificate's word is not taken.
    project.pins(
        &pins
            .replace("repository = ", "owner-id = \"770\"\n# ")
            .replace("strict", "lenient")
            .replace("owner-id = \"770\"", ""),
    );
    let (document, _, report) = bill(&project, Format::CycloneDx, None);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["nobody-named"]));
    assert!(document.contains("nobody named") && !document.contains("\"vcs\""), "{document}");
}

#[test]
fn what_holds_by_the_record_alone_is_no_proof() {
    let project = built("ok-actions", "url = \"https://example.com/artifact.bin\"", REPOSITORY);
    fetched(&project);
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    for format in FORMATS {
        let (document, _, report) = bill(&project, format, None);
        assert_eq!(codes(&report), ["evidence-by-record"]);
        assert!(document.contains("by the record's word") && !document.contains("\"vcs\""), "{document}");
    }
}

#[test]
fn a_record_gives_a_pin_no_second_sha256() {
    let project = built("ok-actions", "url = \"https://example.com/artifact.bin\"", REPOSITORY);
    fetched(&project);
    let (long, short) = (integrity(&artifact()), Integrity::of(Algorithm::Sha256, &artifact()));
    let pinned_short = |text: &str| text.replace(&long, &short.to_string());
    project.write("pins.toml", pinned_short(&project.read("pins.toml")));
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let record = pinned_short(&project.read(".pinfold/left.json"));
    let key = |digest: Sha256| format!("\"sha256\": \"{digest}\"");
    let (own, other) = (Sha256::of(&artifact()), Sha256::of(b"loot"));
    assert!(record.contains(&key(own)), "{record}");
    for (said, lies) in [(own, false), (other, true)] {
        project.write(".pinfold/left.json", record.replace(&key(own), &key(said)));
        for format in FORMATS {
            let (document, _, report) = bill(&project, format, None);
            assert_eq!(codes(&report).contains(&"record-false"), lies, "{}", human(&report));
            assert!(document.contains(&own.hex()) && !document.contains(&other.hex()), "{document}");
        }
    }
}

#[test]
fn a_record_that_lies_about_a_digest_refuses() {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    let record = project.read(".pinfold/left.json");
    let own = pinfold_core::digest::Sha256::of(&crate::vsa::artifact()).to_string();
    let other = pinfold_core::digest::Sha256::of(b"loot");
    assert!(record.contains(&own));
    project.write(".pinfold/left.json", record.replace(&own, &other.to_string()));
    for format in FORMATS {
        let (document, _, report) = bill(&project, format, None);
        assert!(report.exit_code() == 1 && codes(&report).contains(&"record-false"), "{}", human(&report));
        assert!(!document.contains(&other.hex()));
    }
    project.write(".pinfold/left.json", "{");
    let (document, _, report) = bill(&project, Format::Spdx, None);
    assert_eq!((report.exit_code(), codes(&report)), (2, vec!["record-malformed"]));
    assert!(document.contains("upstream evidence: failed"));
}

#[test]
fn by_the_command() {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "")).quiet();
    project.write("tool.bin", "tool");
    let run = |epoch: Option<&str>, args: &[&str]| {
        let mut command = project.command();
        let output = command.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch))).args(args).output();
        let output = output.expect("the command");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    };
    let (code, printed, stderr) = run(None, &["sbom", "--format", "cyclonedx"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let (code, told, _) = run(None, &["sbom", "--format", "cyclonedx", "--out", "bom.json"]);
    assert_eq!((code, project.read("bom.json")), (0, printed));
    assert!(told.contains("1 component"), "{told}");
    let (_, dated, _) = run(Some("1700000000"), &["sbom", "--format", "spdx"]);
    assert!(dated.contains("\"created\": \"2023-11-14T22:13:20Z\""), "{dated}");
    for epoch in ["yesterday", "-1", "99999999999"] {
        assert_eq!(run(Some(epoch), &["sbom", "--format", "spdx"]).0, 2, "{epoch}");
    }
    assert_eq!(run(None, &["sbom", "--format", "swid"]).0, 2);
    assert_eq!(run(None, &["sbom"]).0, 2);
}
