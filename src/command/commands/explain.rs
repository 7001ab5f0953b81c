//! `pinfold explain`: what is proven, claimed and not known about one pin, question by question.
//!
//! Asks nobody: what the pin file, the record, the store and the tree have is proved again. A claim is something that
//! stands there and that nobody who could be held to it has signed; not known is what nothing here says.

use crate::ctx::Ctx;
use crate::evidence::EvidenceError;
use crate::install;
use crate::install::evidence::Demand;
use crate::install::signature::SIGNATURE;
use crate::install::signed;
use crate::install::standing;
use crate::project::{Project, no_pins};
use crate::report::audit::{Provenance, Signature};
use crate::report::{self, Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_core::record::{Evidence, Record};
use pinfold_core::tree;
use pinfold_evidence::policy;

use super::audit::evidence::{self as judging, About};
use super::audit::house::House;
use super::audit::upstream::Upstream;
use super::audit::{self, Found};
use super::verify;

/// Explains a pin.
pub fn run(ctx: &Ctx<'_>, name: &str) -> Result<Report, Fault> {
    let verdicts = ctx.verdicts.forgetful();
    let ctx = &Ctx { verdicts: &verdicts, ..*ctx };
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&[name.to_owned()])?;
    let pin = *pins.first().ok_or_else(no_pins)?;
    let artifact = install::artifact_of(pin, ctx.platform)?;
    // `verify` takes the project's lock itself.
    let options = verify::Options { pins: vec![name.to_owned()], evidence: Some(Mode::Off), whole: false };
    let verified = verify::run(ctx, &options)?;
    let record = project.record(name)?.filter(|record| record.integrity == artifact.integrity);
    let mut on_demand = Found::default();
    let house = House::default();
    let demand = house.demand(&project, pin, artifact, &mut on_demand);
    let explaining = Explaining { ctx, project: &project, pin, artifact, record: record.as_ref(), demand: &demand };
    let mut rows = vec![explaining.demands(), explaining.tree(verified), explaining.transit()?];
    rows.push(explaining.registry()?);
    rows.extend(explaining.signature()?);
    rows.extend(explaining.files()?);
    rows.extend(explaining.builder(&house)?);
    rows.push(explaining.unknown());
    let count = |status: Status| rows.iter().filter(|row| row.status == status.name()).count();
    let mut summary = format!(
        "{name} ({}): {} proven, {} claimed, {} not known",
        artifact.source,
        count(Status::Proven),
        count(Status::Claimed),
        count(Status::Unknown)
    );
    if count(Status::Refuted) > 0 {
        summary.push_str(&format!(", {} refuted", count(Status::Refuted)));
    }
    Ok(Report { command: "explain", rows, notes: Vec::new(), summary, judges: true })
}

/// How sure an answer is.
#[derive(Clone, Copy)]
enum Status {
    Proven,
    Claimed,
    Unknown,
    /// The question has an answer, and it is no good.
    Refuted,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Claimed => "claimed",
            Self::Unknown => "not known",
            Self::Refuted => "refuted",
        }
    }
}

struct Explaining<'a> {
    ctx: &'a Ctx<'a>,
    project: &'a Project,
    pin: &'a Pin,
    artifact: &'a Artifact,
    record: Option<&'a Record>,
    demand: &'a Demand<'a>,
}

impl Explaining<'_> {
    fn row(&self, question: &str, status: Status, answer: impl Into<String>) -> Row {
        let verdict = if matches!(status, Status::Refuted) { Verdict::Refused } else { Verdict::Passed };
        Row {
            subject: question.to_owned(),
            verdict,
            status: status.name().to_owned(),
            source: self.artifact.source.to_string(),
            detail: answer.into(),
            evidence: None,
            audit: None,
            wasm: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// By the pin file itself.
    fn demands(&self) -> Row {
        let mut parts = vec![format!("bytes with the digest {}", self.artifact.integrity)];
        parts.extend(self.artifact.tree.map(|tree| format!("a tree with the hash {tree}")));
        let mode = self.pin.provenance.as_ref().and_then(|one| one.mode);
        let mode = mode.unwrap_or(self.project.pin_file().trust().provenance);
        parts.push(format!("provenance: {mode}"));
        let repositories: Vec<String> = self.demand.policy.repositories.iter().map(ToString::to_string).collect();
        if !repositories.is_empty() {
            parts.push(format!("built from {}", repositories.join(" or ")));
        }
        parts.extend(self.demand.policy.workflow.as_ref().map(|workflow| format!("by the workflow {workflow}")));
        let own = self.pin.provenance.as_ref().and_then(|one| one.predicate_type.as_ref());
        let kind = own.or(self.project.pin_file().trust().predicate_type.as_ref());
        parts.extend(kind.map(|kind| format!("a claim of the kind {}", kind.escape_debug())));
        let refs: Vec<String> = self.demand.policy.refs.iter().map(ToString::to_string).collect();
        if !refs.is_empty() {
            parts.push(format!("at {}", refs.join(" or ")));
        }
        if let Some(own) = &self.pin.signature {
            let keys: Vec<String> = own.files().map(ToString::to_string).collect();
            let by = if keys.is_empty() { String::new() } else { format!(" by the keys in {}", keys.join(", ")) };
            parts.push(format!("signature: {}{by}", own.mode));
        }
        let question = "What does the pin demand?";
        self.row(
            question,
            Status::Proven,
            format!("{} (line {} of the pin file)", parts.join("; "), self.artifact.line),
        )
    }

    /// By what `verify` found at the destination.
    fn tree(&self, verified: Report) -> Row {
        let question = "Is what stands in the project what was pinned?";
        let Some(row) = verified.rows.into_iter().next() else {
            return self.row(question, Status::Unknown, "nothing was looked at");
        };
        let (status, answer) = match row.verdict {
            Verdict::Passed if row.detail.ends_with("by record") => {
                (Status::Claimed, format!("`{}` is what its record lists, and nothing stronger is here", self.pin.to))
            }
            Verdict::Passed => {
                (Status::Proven, format!("every byte of `{}` was compared: {}", self.pin.to, row.detail))
            }
            Verdict::Refused if row.findings.iter().any(|one| one.code == "tree-absent") => {
                (Status::Unknown, format!("there is nothing at `{}`", self.pin.to))
            }
            Verdict::Refused => (Status::Refuted, format!("`{}` is not what was pinned", self.pin.to)),
            Verdict::Failed | Verdict::Unverifiable => {
                (Status::Unknown, format!("`{}` cannot be held against anything", self.pin.to))
            }
        };
        let findings = if matches!(status, Status::Refuted) { row.findings } else { Vec::new() };
        Row { findings, ..self.row(question, status, answer) }
    }

    /// By the digest of the bytes that are here.
    fn transit(&self) -> Result<Row, Fault> {
        let question = "Could the bytes have been changed in transit, or since they were pinned?";
        let algorithm = self.artifact.integrity.algorithm().name().replace("sha", "SHA-");
        Ok(match install::open_kept(self.ctx, self.project, self.artifact)? {
            Some(blob) => {
                let answer =
                    format!("no: all {} bytes were hashed just now, and have the pinned {algorithm}", blob.len());
                self.row(question, Status::Proven, answer)
            }
            None if self.record.is_some() => {
                let answer = format!(
                    "no, by the record's word: nothing is unpacked that has not the pinned {algorithm}, but the artifact \
                     is not in the store to be hashed again"
                );
                self.row(question, Status::Claimed, answer)
            }
            None => self.row(question, Status::Unknown, "the artifact was not fetched here"),
        })
    }

    /// By a registry's signature in the record.
    fn registry(&self) -> Result<Row, Fault> {
        let question = "Does the registry vouch for them?";
        let mut found = Found::default();
        let nobody = Upstream::default();
        let signature = judging::signature(self.ctx, self.project, self.artifact, &nobody, self.record, &mut found)?;
        let unsigned = match &self.artifact.source {
            Source::Npm(_) => "the record has no signature of the registry's",
            Source::Pypi(_) => "an index lists digests and signs none; `pinfold audit` compares them",
            Source::Github(_) => "a release lists digests and signs none; `pinfold audit` compares them",
            Source::Oci(_) => "registries of artifacts sign nothing themselves",
            Source::Url(_) | Source::File(_) => "there is no registry behind this source",
        };
        let mut row = match signature {
            Some(Signature::Valid) => {
                let answer = format!(
                    "the registry signed the name, the version and the pinned digest{}: what it served everybody, not \
                     who built it",
                    self.keys()
                );
                self.row(question, Status::Proven, answer)
            }
            Some(Signature::Refused) => self.row(question, Status::Refuted, "its signature is wrong"),
            Some(Signature::Unverifiable) => {
                let answer = format!(
                    "there is a signature{}, which cannot be judged: its key is in no trust root in use, or its digest is \
                     none that the pin or the bytes in the store have",
                    self.keys()
                );
                self.row(question, Status::Claimed, answer)
            }
            Some(Signature::Absent) | None => self.row(question, Status::Unknown, unsigned),
        };
        row.findings = found.findings.into_iter().filter(|finding| finding.level == Level::Error).collect();
        Ok(row)
    }

    /// By the signatures that the record keeps of an artifact in a registry of artifacts.
    fn signature(&self) -> Result<Option<Row>, Fault> {
        if !matches!(self.artifact.source, Source::Oci(_)) {
            return Ok(None);
        }
        let question = "Did somebody whom the pin names sign the artifact?";
        let Some(signatures) = self.demand.signatures.clone() else {
            return Ok(Some(self.row(question, Status::Unknown, "the pin names nobody: it has no `signature`")));
        };
        let (policy, signatures) = (self.demand.policy.clone(), Some(signatures));
        let demand = Demand { mode: Mode::Off, policy, file: None, has_place: true, signatures };
        let evidence = self.record.map_or(&Evidence::Unasked, |record| &record.evidence);
        let blob = install::open_kept(self.ctx, self.project, self.artifact)?;
        let held = install::evidence::hold(self.ctx, self.artifact, &demand, evidence, blob.as_ref());
        let first = |findings: &[Finding]| findings.first().map(|one| one.message.clone()).unwrap_or_default();
        Ok(Some(match held {
            Ok(judged) => match judged.signature {
                Some(proof) if blob.is_some() => {
                    let answer = format!("yes: {}", signed(&proof));
                    Row { evidence: Some(proof), ..self.row(question, Status::Proven, answer) }
                }
                Some(proof) => {
                    let word = "that this is about the pinned bytes is the record's word";
                    self.row(question, Status::Claimed, format!("yes: {}; {word}", signed(&proof)))
                }
                None => self.row(question, Status::Unknown, first(&judged.findings)),
            },
            Err(error) => {
                let findings = error.findings();
                let is_wrong =
                    error.verdict() == Verdict::Refused && error.cause() != Some(&EvidenceError::NoSignature);
                let status = if is_wrong { Status::Refuted } else { Status::Unknown };
                let row = self.row(question, status, first(&findings));
                if is_wrong { Row { findings, ..row } } else { row }
            }
        }))
    }

    /// By the signatures in the WebAssembly files of the tree.
    fn files(&self) -> Result<Option<Row>, Fault> {
        let is_good = |row: &Result<Option<Row>, Fault>| {
            row.as_ref().is_ok_and(|row| row.as_ref().is_none_or(|row| row.findings.is_empty()))
        };
        self.project.steadily(self.ctx, self.pin, is_good, || self.files_now()).0
    }

    fn files_now(&self) -> Result<Option<Row>, Fault> {
        let own = self.pin.signature.as_ref().filter(|own| !own.of_artifact && own.files().next().is_some());
        if own.is_none() {
            return Ok(None);
        }
        self.project.check_records()?;
        let question = "Did somebody whom the pin names sign its WebAssembly?";
        let (name, absent) = (self.pin.to.file_name(), format!("there is nothing at `{}`", self.pin.to));
        let Ok(Some(parent)) = tree::parent_of(self.project.root(), &self.pin.to) else {
            return Ok(Some(self.row(question, Status::Unknown, absent)));
        };
        let Some(mut found) = tree::scan(&parent, name, false, install::bounds_of(self.pin, self.artifact))? else {
            return Ok(Some(self.row(question, Status::Unknown, absent)));
        };
        if let Some(record) = self.record.filter(|record| record.to == self.pin.to) {
            standing::set_aside(&mut found.contents, &record.contents, &self.pin.ignore);
        }
        let demand = signed::demand(self.project, self.pin, None)?;
        Ok(Some(match demand.judge(&parent, name, &found.contents, &self.pin.to) {
            Ok(judged) => {
                let told = judged.files.iter().map(|file| format!("`{}`: {}", file.path, file.told()));
                let told =
                    told.chain(judged.findings.iter().map(|one| one.message.clone())).collect::<Vec<_>>().join("; ");
                match (judged.files.is_empty(), judged.findings.is_empty()) {
                    (true, true) => self.row(question, Status::Unknown, "the pin wants no signature looked for"),
                    (true, false) => self.row(question, Status::Unknown, told),
                    (false, true) => self.row(question, Status::Proven, format!("yes: {told}")),
                    (false, false) => self.row(question, Status::Proven, format!("of a part: {told}")),
                }
            }
            Err(error) if error.verdict() == Verdict::Refused => {
                let row = self.row(question, Status::Refuted, "no: what is demanded of it does not hold");
                Row { findings: error.findings(), ..row }
            }
            Err(error) => {
                Row { findings: error.findings(), ..self.row(question, Status::Unknown, "it cannot be judged") }
            }
        }))
    }

    /// The ids of the keys with which a registry signed.
    fn keys(&self) -> String {
        let Some(Evidence::Kept(kept)) = self.record.map(|record| &record.evidence) else { return String::new() };
        let id = |value: &serde_json::Value| value.get("registrySignature")?.get("keyid")?.as_str().map(str::to_owned);
        let ids: Vec<String> = kept.attestations.iter().filter_map(|one| id(&one.attestation)).collect();
        if ids.is_empty() { String::new() } else { format!(" with the key {}", ids.join(" and ")) }
    }

    /// By the record's evidence: who built it, and who signed where.
    fn builder(&self, house: &House) -> Result<[Row; 2], Fault> {
        let mut found = Found::default();
        let offline = audit::Options { offline: true, ..audit::Options::default() };
        let upstream = Upstream::default();
        let about = About {
            pin: self.pin,
            artifact: self.artifact,
            demand: self.demand,
            record: self.record,
            upstream: &upstream,
        };
        let looked = judging::look(self.ctx, self.project, about, house, &offline, &mut found)?;
        let (provenance, proof) = (looked.provenance, looked.proof);
        // Who signed the artifact has a question of its own.
        let is_signature = proof.as_ref().is_some_and(|proof| proof.kind == SIGNATURE);
        let proof = proof.filter(|_| !is_signature);
        let (status, answer) = match (provenance, &proof) {
            _ if is_signature => (Status::Unknown, format!("there is {SIGNATURE}, which says nothing of a build")),
            (_, Some(proof)) if !policy::says_who_made(proof) => (Status::Unknown, built(proof)),
            (Provenance::Proved, Some(proof)) => (Status::Proven, built(proof)),
            (Provenance::Claimed, Some(proof)) => {
                (Status::Claimed, format!("{}; that this is about the pinned bytes is the record's word", built(proof)))
            }
            (Provenance::Refused, _) => (Status::Refuted, "there is evidence, and it is wrong".to_owned()),
            (Provenance::Unnamed, _) => (
                Status::Claimed,
                "there is evidence that holds, and the pin does not say whose would be right".to_owned(),
            ),
            (Provenance::Unverifiable, _) => {
                (Status::Claimed, "there is evidence that cannot be judged with what is here".to_owned())
            }
            (Provenance::Unknown, _) => (Status::Unknown, "nobody has asked for evidence yet".to_owned()),
            _ => (Status::Unknown, self.silence()),
        };
        let question = "Did upstream's own machinery build them, from which source?";
        let findings: Vec<Finding> =
            found.findings.into_iter().filter(|one| one.code != "provenance-missing").collect();
        let by = Row { findings, ..self.row(question, status, answer) };
        let question = "Who signed that, where is it logged, and when?";
        let status = match provenance {
            Provenance::Proved => Status::Proven,
            Provenance::Claimed => Status::Claimed,
            _ => status,
        };
        let signed = match proof {
            Some(proof) => Row { detail: signed(&proof), evidence: Some(proof), ..self.row(question, status, "") },
            None if is_signature => self.row(question, Status::Unknown, "there is no evidence of a build"),
            None => self.row(question, Status::Unknown, "there is no signature that the pin accepts"),
        };
        Ok([by, signed])
    }

    /// That there is no provenance, by whose word.
    fn silence(&self) -> String {
        let server = match self.record.map(|record| &record.evidence) {
            Some(Evidence::None { asked }) => asked.as_ref(),
            Some(Evidence::Kept(kept)) => kept.none.as_ref(),
            _ => None,
        };
        match (server, self.demand.has_place) {
            (Some(server), _) => format!("none is recorded; `{server}` had no provenance when it was last asked"),
            (None, true) => "none is recorded, and not which server had none when it was asked".to_owned(),
            (None, false) => "none is recorded, and its source keeps none".to_owned(),
        }
    }

    /// What no evidence answers, and what is done to the tree here.
    fn unknown(&self) -> Row {
        let mut parts = vec![
            "whether the source does what it says, and whether whoever may change it or its build meant well"
                .to_owned(),
            "whether the same source would give the same bytes again".to_owned(),
        ];
        match self.pin.patches.len() {
            0 => {}
            1 => parts.push(
                "one patch of the project changes the tree after that, and nobody upstream vouches for it".into(),
            ),
            many => parts.push(format!(
                "{many} patches of the project change the tree after that, and nobody upstream vouches for them"
            )),
        }
        self.row("What is not known?", Status::Unknown, parts.join("; "))
    }
}

/// Who built it, in a sentence.
fn built(proof: &report::Evidence) -> String {
    let Some(repository) = proof.repository.as_ref().filter(|_| policy::says_who_made(proof)) else {
        return format!("{}, which says nothing of a build", proof.kind);
    };
    let at = proof.git_ref.as_ref().map(|one| format!(" at {one}")).unwrap_or_default();
    let commit = proof.commit.as_ref().map(|one| format!(", commit {one}")).unwrap_or_default();
    let runner = proof.runner.as_ref().map(|one| format!(", on a {one} machine")).unwrap_or_default();
    format!("yes: from {repository}{at}{commit}{runner} ({})", proof.kind)
}

/// Who signed and where it is logged, in a sentence.
fn signed(proof: &report::Evidence) -> String {
    let vouched = proof.issuer.as_ref().map(|one| format!(", vouched for by {one}")).unwrap_or_default();
    let logged = match (&proof.time, proof.log_index) {
        (Some(time), Some(index)) => format!("; in a public log as entry {index} since {time}"),
        (Some(time), None) => format!("; in no public log, timestamped {time}"),
        (None, _) => "; without a time that anybody vouches for".to_owned(),
    };
    let run = proof.run.as_ref().map(|one| format!("; in the run {one}")).unwrap_or_default();
    let root = proof.instance.as_ref().map(|one| format!("; proved against the {one} root")).unwrap_or_default();
    format!("{}{vouched}{logged}{run}{root}", proof.signer)
}
