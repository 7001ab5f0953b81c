//! The corpus of real evidence: every document comes out as the suites that it is from say, or is listed with a reason.
//!
//! It lies beside the project, in `shared/corpus`, or where `PINFOLD_TEST_CORPUS` says; without it its tests are ignored.

pub(crate) mod case;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use case::Case;
use pinfold_evidence::attestation::{Artifact, Trust, prove, read};
use pinfold_evidence::policy::{Verdict, judge};

use crate::harness::ignore;

/// Cases that come out otherwise than expected, each with the reason why that is right. One that no longer does fails.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "sv-npm-provenance-npm-test-cli-v1-prega-valid-npm-cli-builder-v1-no-builder",
        "the suite's tool asks its caller for a builder always; here a policy on the repository alone is one",
    ),
    ("github-api-response-0", NO_TYPE),
    ("github-api-response-1", NO_TYPE),
    ("carabiner-vex", NO_TYPE),
];

const NO_TYPE: &str = "its statement has `type` where in-toto demands `_type`, so that it is no statement at all";

#[test]
fn every_case_comes_out_as_expected() {
    let corpus = Corpus::open("attestations");
    let cases = corpus.text("cases.jsonl");
    let (mut wrong, mut excused, mut counts) = (Vec::new(), Vec::new(), BTreeMap::new());
    for line in cases.lines() {
        let case = Case::parse(line);
        let (came_out, why) = outcome(&corpus, &case);
        *counts.entry((case.expectation(), came_out)).or_insert(0_usize) += 1;
        let right = came_out == case.expectation() || (case.expectation() == "refused" && came_out == "unverifiable");
        match EXCEPTIONS.iter().find(|(id, _)| *id == case.id) {
            Some((id, _)) if !right => excused.push(*id),
            Some((id, _)) => wrong.push(format!("{id}: the exception is stale: it came out {came_out}, as expected")),
            None if right => {}
            None => wrong.push(format!("{}: {came_out}, not {}: {why} ({})", case.id, case.expectation(), case.why)),
        }
    }
    for (id, reason) in EXCEPTIONS {
        assert!(excused.contains(id) || !wrong.is_empty(), "no case is called {id} ({reason})");
    }
    say(&format!("corpus: {} cases: {counts:?}, {} of them excused", cases.lines().count(), excused.len()));
    assert!(wrong.is_empty(), "{} cases came out wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases.lines().count() > 300, "the corpus is not whole");
}

/// How a case came out: `verified`, `refused` or `unverifiable`, and why.
fn outcome(corpus: &Corpus, case: &Case) -> (&'static str, String) {
    let document = corpus.bytes(&case.attestation);
    let attestations = match read(&document) {
        Ok(attestations) => attestations,
        Err(error) => return ("refused", error.to_string()),
    };
    let chosen = &attestations[case.index];
    let roots = match case.roots(corpus) {
        Ok(roots) => roots,
        Err(error) => return ("refused", format!("the root: {error}")),
    };
    let trust = Trust::new(roots, case.key(corpus));
    let bytes = case.artifact.as_ref().and_then(|path| corpus.files.get(path));
    let open = || -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(bytes.map(Vec::as_slice).unwrap_or_default()))
    };
    let mut artifact = Artifact { digests: case.artifact(bytes, &document).digests, open: None };
    if bytes.is_some() {
        artifact.open = Some(&open);
    }
    let policy = case.policy();
    assert!(policy.names_somebody(), "{} names nobody", case.id);
    let proofs = [prove(&trust, chosen, &artifact)];
    match judge(&policy, NOW, &proofs) {
        Verdict::Verified(_) => ("verified", String::new()),
        Verdict::Refused(failures) => ("refused", format!("{failures:?}")),
        Verdict::Missing(kinds) => ("refused", format!("missing: {kinds:?}")),
        Verdict::Unverifiable(lacks) => ("unverifiable", format!("{lacks:?}")),
    }
}

/// 2026-11-20, for what asks how old something is.
const NOW: i64 = 1_795_132_800;

/// A corpus, unpacked into memory.
pub(crate) struct Corpus {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Corpus {
    /// Unpacks one; where it is not beside the project the test is ignored.
    pub(crate) fn open(name: &str) -> Self {
        let path = beside_corpora(&format!("{name}.tar.gz"));
        let packed = std::fs::read(&path).expect("a corpus");
        let mut files = BTreeMap::new();
        let layout = pinfold_core::layout::Layout { strip: 1, ..Default::default() };
        let len = u64::try_from(packed.len()).expect("short");
        let format = pinfold_core::layout::Format::TarGz;
        pinfold_core::archive::unpack(std::io::Cursor::new(packed), len, format, &layout, &mut |member| {
            let mut bytes = Vec::new();
            member.body.read_to_end(&mut bytes)?;
            files.insert(member.path.to_string(), bytes);
            Ok::<_, std::io::Error>(())
        })
        .expect("the corpus unpacks");
        Self { files }
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        self.files.get(path).unwrap_or_else(|| panic!("{path} is not in the corpus")).clone()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).expect("UTF-8")
    }
}

/// A file in the folder of the corpora, which is beside the project or where `PINFOLD_TEST_CORPUS` says.
pub(crate) fn beside_corpora(file: &str) -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("PINFOLD_TEST_CORPUS").map_or_else(usual, PathBuf::from).join(file);
    if !path.exists() {
        ignore(format!("needs {file} in ../shared/corpus or in PINFOLD_TEST_CORPUS"));
    }
    path
}

/// For people, who do not look at what a test counts unless it says so.
pub(crate) fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
}
