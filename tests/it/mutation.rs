//! Each byte flipped, of everything that a fetch reads: refused, or of no consequence; never a panic, never other bytes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold_core::pins::PinFile;
use pinfold_evidence::attestation::{Artifact, Signer, VerifiedAttestation, prove, read};

use serde_json::Value;

use crate::evidence::Vector;
use crate::support::{Project, QUIET, REGISTRY, Tar, human, integrity};

/// What every byte is flipped with: the lowest bit, the highest, all.
const FLIPS: [u8; 3] = [0x01, 0x80, 0xff];

/// All texts that differ from `bytes` in one byte, or that end early, each with what was done.
pub(crate) fn mutants(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let flipped = (0..bytes.len()).flat_map(move |at| {
        FLIPS.into_iter().map(move |flip| {
            let mut mutant = bytes.to_vec();
            mutant[at] ^= flip;
            (format!("byte {at} ^ {flip:#x}"), mutant)
        })
    });
    flipped.chain((0..bytes.len()).map(|end| (format!("cut at {end}"), bytes[..end].to_vec())))
}

const PACKAGE: &str = "{\"name\":\"left\",\"version\":\"1.0.0\"}";

fn package() -> Vec<u8> {
    Tar::default().file("package/package.json", PACKAGE).executable("package/run", "#!/bin/sh\n").gz()
}

fn url() -> String {
    format!("{REGISTRY}left/-/left-1.0.0.tgz")
}

/// A project with a pin of [`package`], not fetched yet.
fn project() -> Project {
    let project = Project::new("");
    project.web.serve(&url(), package());
    let integrity = integrity(&package());
    project.pins(&format!("[pins.left]\nnpm = \"left@1.0.0\"\nintegrity = \"{integrity}\"\nto = \"vendor/left\"\n"));
    project
}

#[test]
fn a_tarball_with_one_other_byte() {
    let project = project();
    let longer = (0..=255).map(|byte| (format!("and {byte:#x} behind it"), [package(), vec![byte]].concat()));
    for (what, mutant) in mutants(&package()).chain(longer) {
        project.web.serve(&url(), mutant);
        let report = project.fetch();
        let codes: Vec<&str> = report.rows[0].findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((report.exit_code(), codes), (1, vec!["integrity-mismatch"]), "{what}: {}", human(&report));
        assert_eq!(project.web.asked().len(), 1, "{what}: wrong bytes are not asked for twice");
        assert!(!project.exists("vendor/left") && !project.exists(".pinfold/left.json"), "{what}");
    }
    let kept = project.with(&Silent, |ctx| ctx.store.list()).expect("a list");
    assert!(kept.is_empty(), "{kept:?}");
    project.web.serve(&url(), package());
    project.fetch_all();
    assert_eq!(project.tree("vendor/left")["package.json"], format!("644 {PACKAGE}"));
}

#[test]
fn an_artifact_that_rotted_in_the_store() {
    let project = project();
    project.fetch_all();
    let good = project.tree("vendor/left");
    let pinned = integrity(&package()).parse().expect("an integrity");
    let blob = project.with(&Silent, |ctx| ctx.store.path_of(&pinned));
    std::fs::remove_file(&blob).expect("a blob");
    for (what, mutant) in mutants(&package()) {
        std::fs::write(&blob, mutant).expect("a blob");
        let _ = std::fs::remove_dir_all(project.path("vendor"));
        let report = project.try_fetch(Conduct { offline: true, ..QUIET }).expect("a report");
        assert_eq!(report.exit_code(), 2, "{what}: {}", human(&report));
        assert!(!project.exists("vendor/left") && !blob.exists(), "{what}");
    }
    // With the network it is fetched anew, and the report says so.
    std::fs::write(&blob, "rotten").expect("a blob");
    let report = project.fetch();
    assert_eq!(report.rows[0].findings[0].code, "store-corrupt", "{}", human(&report));
    assert_eq!((report.exit_code(), project.tree("vendor/left")), (0, good));
    assert_eq!(project.verify().exit_code(), 0);
}

#[test]
fn a_pin_file_with_one_other_byte() {
    let project = project();
    project.fetch_all();
    let good = project.tree("vendor/left");
    let pins = project.read("pins.toml");
    let mut installed = 0;
    for (what, mutant) in mutants(pins.as_bytes()) {
        for folder in std::fs::read_dir(project.root()).expect("a folder") {
            let path = folder.expect("an entry").path();
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        let parsed = std::str::from_utf8(&mutant).is_ok_and(|text| PinFile::parse(text).is_ok());
        project.write("pins.toml", &mutant);
        let report = project.try_fetch(QUIET);
        assert!(parsed || report.is_err(), "{what}");
        let mut found = project.tree("");
        found.retain(|path, _| path != "pins.toml" && !path.starts_with(".pinfold/"));
        match report {
            Ok(report) if report.exit_code() == 0 => {
                installed += 1;
                // Elsewhere perhaps, for `to` has bytes too; but the same tree.
                let prefix = found.keys().next().and_then(|path| path.strip_suffix("package.json")).expect(&what);
                let moved: BTreeMap<String, String> =
                    good.iter().map(|(path, file)| (format!("{prefix}{path}"), file.clone())).collect();
                assert_eq!(found, moved, "{what}");
            }
            _ => assert!(!found.values().any(|file| !file.is_empty()), "{what}: {found:?}"),
        }
    }
    // The name of the pin and its destination may be others.
    assert!(installed > 10, "{installed}");
}

#[test]
fn a_record_with_one_other_byte() {
    let project = project();
    project.fetch_all();
    let good = project.tree("vendor/left");
    let record = project.read(".pinfold/left.json");
    let attempts: Vec<_> = mutants(record.as_bytes()).collect();
    let write = |mutant: &[u8]| {
        // A new file each time: cutting one and writing it again makes ext4 go to the disk (`auto_da_alloc`).
        let _ = std::fs::remove_file(project.path(".pinfold/left.json"));
        project.write(".pinfold/left.json", mutant);
    };
    let verify = |what: &str, mutant: &[u8]| {
        write(mutant);
        project.with(&Silent, |ctx| pinfold::commands::verify::run(ctx, &Default::default()).expect(what).exit_code())
    };
    // The true tree: whatever a fetch says, what stands there is that tree, or still is after an error.
    for (what, mutant) in &attempts {
        write(mutant);
        let report = project.fetch();
        assert_eq!(project.tree("vendor/left"), good, "{what}: {}", human(&report));
        if report.exit_code() == 0 {
            // A fetch looks at sizes and times; what else a record says is held against the artifact by `verify`.
            let verified = project.verify();
            let codes: Vec<&str> = verified.rows[0].findings.iter().map(|finding| finding.code.as_str()).collect();
            assert!(matches!(codes.as_slice(), [] | ["record-false"]), "{what}: {}", human(&verified));
        }
    }
    // Another tree, with the artifact in the store and without it: nothing that a record says makes it the true one.
    for keep in [true, false] {
        if !keep {
            std::fs::remove_dir_all(project.store_folder()).expect("a store");
        }
        for spoil in ["run", "package.json"] {
            project.write(&format!("vendor/left/{spoil}"), good[spoil][4..].replace('s', "z"));
            for (what, mutant) in &attempts {
                assert_ne!(verify(what, mutant), 0, "{what}, {spoil}, {keep}");
            }
            project.write(&format!("vendor/left/{spoil}"), &good[spoil][4..]);
        }
        project.write(".pinfold/left.json", &record);
        assert_eq!(project.verify().exit_code(), 0);
    }
}

/// Documents with one thing changed, each with what: bytes of the text, bytes of what is base64 in it, whole values.
fn documents(text: &str) -> Vec<(String, Vec<u8>)> {
    // One flip a byte: all three of each would take half a minute.
    let mut changed: Vec<(String, Vec<u8>)> = (0..text.len())
        .zip(FLIPS.into_iter().cycle())
        .map(|(at, flip)| {
            let mut mutant = text.as_bytes().to_vec();
            mutant[at] ^= flip;
            (format!("byte {at} ^ {flip:#x}"), mutant)
        })
        .collect();
    changed.extend((0..text.len()).step_by(97).map(|end| (format!("cut at {end}"), text.as_bytes()[..end].to_vec())));
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let mut paths = Vec::new();
    each_path(&whole, &mut String::new(), &mut paths);
    for path in &paths {
        let mut with = |what: &str, value: Value| {
            let mut document = whole.clone();
            *document.pointer_mut(path).expect("a value") = value;
            changed.push((format!("{path}: {what}"), document.to_string().into_bytes()));
        };
        for value in
            [Value::Null, "".into(), 0.into(), "1".into(), Value::Array(vec![]), Value::Object(Default::default())]
        {
            with(&format!("{value}"), value);
        }
        match whole.pointer(path) {
            Some(Value::String(own)) => match BASE64.decode(own) {
                Ok(bytes) if bytes.len() > 8 => {
                    for (at, flip) in (0..bytes.len()).zip(FLIPS.into_iter().cycle()) {
                        let mut bytes = bytes.clone();
                        bytes[at] ^= flip;
                        with(&format!("byte {at} ^ {flip:#x}"), BASE64.encode(bytes).into());
                    }
                }
                _ => with("one more", format!("{own}0").into()),
            },
            Some(Value::Array(items)) => {
                with("reversed, and the first again", items.iter().rev().chain(items.first()).cloned().collect());
            }
            _ => {}
        }
        if let Some((parent, name)) = path.rsplit_once('/') {
            let mut document = whole.clone();
            match document.pointer_mut(parent) {
                Some(Value::Object(object)) => drop(object.remove(name)),
                Some(Value::Array(items)) => drop(items.remove(name.parse().expect("an index"))),
                other => panic!("{path}: {other:?}"),
            }
            changed.push((format!("{path}: gone"), document.to_string().into_bytes()));
        }
    }
    changed
}

/// The JSON pointers of all values in a value.
fn each_path(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    paths.push(path.clone());
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(name, part)| (name.clone(), part)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, part)| (index.to_string(), part)).collect(),
        _ => return,
    };
    for (name, part) in parts {
        let len = path.len();
        path.push('/');
        path.push_str(&name);
        each_path(part, path, paths);
        path.truncate(len);
    }
}

/// A good document, changed in every way: what still proves something proves the same.
fn evidence_with_one_change(vector: &str) {
    let vector = Vector::named(vector);
    let trust = vector.trust();
    let proof = |document: &[u8]| {
        let attestation = read(document).ok()?.into_iter().next()?;
        prove(&trust, &attestation, &Artifact { digests: vector.digests(), open: None }).ok()
    };
    let told = |one: &VerifiedAttestation| (one.signer().clone(), one.statement().cloned(), one.names().to_vec());
    let good = proof(&vector.document).expect("a good document");
    let text = std::str::from_utf8(&vector.document).expect("UTF-8");
    let (mut refused, mut same) = (0, 0);
    for (what, mutant) in documents(text) {
        match proof(&mutant) {
            None => refused += 1,
            Some(proof) => {
                // Without the log's promise nobody vouches for the index, nor for the time of a key's signature: the
                // proof says less then. It never says more, or anything else.
                let by_key = matches!(proof.signer(), Signer::Key { .. });
                assert!(proof.time() == good.time() || by_key && proof.time().is_none(), "{what}: {proof:?}");
                assert!(proof.log_index() == good.log_index() || proof.log_index().is_none(), "{what}: {proof:?}");
                assert_eq!((told(&proof), proof.instance()), (told(&good), good.instance()), "{what}");
                same += 1;
            }
        }
    }
    assert!(refused > 3_000, "{refused} refused, {same} the same");
}

#[test]
fn evidence_of_the_first_log_with_one_change() {
    evidence_with_one_change("ok-npm");
}

#[test]
fn evidence_of_the_second_log_with_one_change() {
    evidence_with_one_change("ok-rekor2");
}

#[test]
fn evidence_by_a_key_with_one_change() {
    evidence_with_one_change("ok-publish");
}

#[test]
fn real_evidence_with_one_change() {
    evidence_with_one_change("ok-real-public-good");
}

#[test]
fn real_evidence_of_github_with_one_change() {
    evidence_with_one_change("ok-real-github");
}
