//! What a pin demands of evidence: its own tables over `[trust]`, and what it means that there is none.

use super::Conduct;
use super::evidence::Judged;
use super::signature::Signatures;
use crate::evidence::{self, Silence, Unasked};
use crate::project::Project;
use pinfold_core::fault::Fault;
use pinfold_core::finding::Level;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_core::record::{Evidence, Kept};
use pinfold_core::url::Origin;
use pinfold_evidence::attestation::{self, Attestation, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{Name, PROVENANCE_TYPES, Policy, RefPattern};

/// What a pin demands of evidence.
#[derive(Debug)]
pub struct Demand<'a> {
    /// What happens when there is none.
    pub mode: Mode,
    /// What it has to say.
    pub policy: Policy,
    /// The file of the project that it lies in, where the pin names one.
    pub file: Option<&'a RelPath>,
    /// Whether there is any place to look for it.
    pub has_place: bool,
    /// Whose signature the artifact has to carry; `None` where nobody is to look for one.
    pub signatures: Option<Signatures>,
}

/// What a pin demands: its own table over `[trust]`, and `over` over both modes.
pub fn demand<'a>(project: &Project, pin: &'a Pin, artifact: &Artifact, over: Option<Mode>) -> Demand<'a> {
    let trust = project.pin_file().trust();
    let own = pin.provenance.as_ref();
    let mode = over.or_else(|| own.and_then(|one| one.mode)).unwrap_or(trust.provenance);
    let file = own.and_then(|one| one.attestation.as_ref());
    let named = own.and_then(|one| one.predicate_type.clone()).or_else(|| trust.predicate_type.clone());
    let kinds = match (named, file) {
        (Some(named), _) => vec![named],
        // What a project put beside its pins itself may be a signature over the bytes too, which claims nothing.
        (None, Some(_)) => Vec::new(),
        (None, None) => PROVENANCE_TYPES.map(str::to_owned).to_vec(),
    };
    let text = |of: fn(&pinfold_core::pins::Expectations) -> &Option<String>| own.and_then(|one| of(one).clone());
    let policy = Policy {
        repositories: own
            .and_then(|one| one.repository.clone())
            .map_or_else(|| trust.repositories.clone(), |one| vec![one]),
        repository_id: text(|one| &one.repository_id),
        owner_id: text(|one| &one.owner_id),
        workflow: own.and_then(|one| one.workflow.clone()),
        refs: text(|one| &one.git_ref).iter().map(|pattern| RefPattern::new(pattern)).collect(),
        builder: text(|one| &one.builder),
        issuer: text(|one| &one.issuer),
        deny_self_hosted: own.is_some_and(|one| one.deny_self_hosted),
        predicate_types: kinds,
        only_known_parameters: mode == Mode::Strict,
        min_age: trust.min_age,
        name: name_of(&artifact.source),
        ..Policy::default()
    };
    let has_place = file.is_some() || !matches!(artifact.source, Source::Url(_) | Source::File(_));
    let signatures = Signatures::of(project, pin, over, &policy);
    Demand { mode, policy, file, has_place, signatures }
}

/// Whether a record has a signature of the artifact.
fn has_signature(kept: &Kept) -> bool {
    let texts = kept.attestations.iter().map(|one| one.attestation.to_string());
    texts.filter_map(|text| attestation::read(text.as_bytes()).ok()).flatten().any(|one| one.is_signature())
}

/// What the source calls its artifacts in evidence.
pub(super) fn name_of(source: &Source) -> Option<Name> {
    match source {
        Source::Npm(package) => {
            let (name, version) = (package.name().to_owned(), package.version().to_owned());
            Some(Name::Npm { name: Some(name), version: Some(version) })
        }
        Source::Pypi(file) => Some(Name::File(file.file().to_owned())),
        Source::Github(_) | Source::Oci(_) | Source::Url(_) | Source::File(_) => None,
    }
}

impl Demand<'_> {
    /// Whether a record's evidence leaves something to ask for: nobody looked, nobody could be asked, or there was none
    /// where some is demanded.
    pub fn wants_more(&self, evidence: &Evidence, conduct: Conduct) -> bool {
        let lacking = match evidence {
            Evidence::Off | Evidence::Unasked => true,
            Evidence::None { .. } => self.is_strict() || self.file.is_some(),
            Evidence::Kept(kept) => {
                let of_file = |file: &RelPath| kept.attestations.iter().all(|one| one.from != file.as_str());
                // Artifacts are often signed after they were pushed, and statements about them kept before that.
                let signed =
                    self.signatures.as_ref().is_some_and(|one| one.mode == Mode::Strict && !has_signature(kept));
                self.file.is_some_and(of_file) || signed
            }
        };
        lacking && self.has_place && !self.is_off() && !conduct.offline && !conduct.frozen
    }

    /// Whether nobody is to look for anything.
    pub(super) const fn is_off(&self) -> bool {
        matches!(self.mode, Mode::Off) && self.signatures.is_none()
    }

    /// Whether something has to be there.
    pub fn is_strict(&self) -> bool {
        self.mode == Mode::Strict || self.signatures.as_ref().is_some_and(|one| one.mode == Mode::Strict)
    }

    /// Whether an attestation claims to be of a kind that is asked for: a registry's signature is not.
    pub(super) fn asks_for(&self, attestation: &Attestation) -> bool {
        self.policy.counts(attestation.statement().as_ref())
    }

    /// Whether nothing is left to ask upstream for: all that is looked for was proved to be by whom the pin names. That
    /// there is no more, and nothing wrong, is upstream's word alone.
    pub(super) fn is_met_by(&self, judged: &Judged) -> bool {
        let is_proved = self.mode == Mode::Off || judged.proof.is_some();
        is_proved && (self.signatures.is_none() || judged.signature.is_some())
    }

    /// Whether a proof is of a kind that is asked for.
    pub(super) fn is_answered_by(&self, proof: &Result<VerifiedAttestation, Unproved>) -> bool {
        proof.as_ref().is_ok_and(|proof| self.policy.counts(proof.statement()))
    }

    /// There is none of the kind that was asked for; `instead` is what there is.
    pub(super) fn missing(&self, silence: &Silence, instead: &[String], judged: &mut Judged) -> Result<(), Fault> {
        let fault = evidence::missing(silence, instead);
        let hint =
            "a mirror may not pass it on; where upstream publishes none, `provenance.mode = \"lenient\"` accepts that";
        self.without(if self.mode == Mode::Strict { fault.hint(hint) } else { fault }, judged)
    }

    /// What came out where there is none that can be judged: an error where it is demanded, else a warning.
    pub(super) fn without(&self, fault: Fault, judged: &mut Judged) -> Result<(), Fault> {
        if self.mode == Mode::Strict {
            return Err(fault);
        }
        let mut findings = fault.findings_at(Level::Warning);
        for finding in findings.iter_mut().filter(|_| !self.has_place) {
            let hint = "its source keeps none; name a file with `provenance.attestation`, or set the mode to `off`";
            finding.hint = Some(hint.to_owned());
        }
        judged.findings.extend(findings);
        Ok(())
    }

    /// By whose word there is none; `asked` is the server that a record names.
    pub(super) fn silence(&self, asked: Option<&Origin>) -> Silence {
        match asked {
            Some(server) => Silence::Of(server.clone()),
            None if self.has_place && self.file.is_none() => Silence::Unknown,
            None => Silence::Nowhere,
        }
    }

    /// There is nothing at all: neither provenance nor a signature.
    pub(super) fn nothing(&self, evidence: Evidence) -> Result<Judged, Fault> {
        let silence = match &evidence {
            Evidence::None { asked } => self.silence(asked.as_ref()),
            _ => Silence::Nowhere,
        };
        let mut judged = Judged::new(evidence);
        if self.mode != Mode::Off {
            self.missing(&silence, &[], &mut judged)?;
        }
        self.signatures.iter().try_for_each(|signatures| signatures.without(&mut judged))?;
        Ok(judged)
    }

    /// Nobody could be asked, for either.
    pub(super) fn unasked(&self, evidence: Evidence, unasked: &Unasked) -> Result<Judged, Fault> {
        if self.is_strict() {
            return Err(unasked.fault());
        }
        Ok(Judged { findings: vec![unasked.finding(Level::Warning)], ..Judged::new(evidence) })
    }
}
