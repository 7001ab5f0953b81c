//! Whose signature an artifact of a registry has to carry, and whether one does.

use std::path::{Path, PathBuf};

use super::evidence::Judged;
use super::oci::About;
use crate::ctx::Ctx;
use crate::evidence as words;
use crate::project::Project;
use crate::report::{Evidence, Level};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::pins::{Mode, Pin};
use pinfold_evidence::attestation::{
    Attestation, NamedKey, NamedKeyError, Unproved, VerifiedAttestation, prove_signature,
};
use pinfold_evidence::policy::{self, Policy, Verdict};

/// What a pin demands of signatures.
#[derive(Debug, Clone, Default)]
pub struct Signatures {
    /// What happens when there is none.
    pub mode: Mode,
    /// The files with the keys of those who may have signed.
    keys: Vec<PathBuf>,
    /// Whose certificates are good.
    policy: Policy,
}

impl Signatures {
    /// What a pin's own table says, with `over` over its mode; `None` where nobody is to look.
    pub(super) fn of(project: &Project, pin: &Pin, over: Option<Mode>, policy: &Policy) -> Option<Self> {
        let own = pin.signature.as_ref().filter(|own| own.of_artifact)?;
        let mode = over.unwrap_or(own.mode);
        let keys: Vec<PathBuf> = own.keys.iter().map(|key| project.folder().join(key.as_str())).collect();
        let policy = Policy { key: !keys.is_empty(), ..policy.clone() };
        (mode != Mode::Off).then_some(Self { mode, keys, policy })
    }

    /// There is none: an error where one is demanded, else a warning.
    pub(super) fn without(&self, judged: &mut Judged) -> Result<(), Fault> {
        self.lacking(words::unsigned(), judged)
    }

    fn lacking(&self, fault: Fault, judged: &mut Judged) -> Result<(), Fault> {
        if self.mode == Mode::Strict {
            return Err(fault);
        }
        judged.findings.extend(fault.findings_at(Level::Warning));
        Ok(())
    }

    /// Judges the signatures among what is attached: into `judged`, or an error that keeps the pin from its tree.
    pub(super) fn judge(
        &self,
        ctx: &Ctx<'_>,
        about: &About,
        attestations: &[Attestation],
        judged: &mut Judged,
    ) -> Result<(), Fault> {
        let keys = self.keys.iter().map(|key| read_key(key)).collect::<Result<Vec<_>, Fault>>()?;
        let trust = ctx.trust.proving()?;
        let proofs: Vec<Proof> = attestations
            .iter()
            .filter(|one| one.is_signature())
            .map(|one| about.with_manifest(|artifact| prove_signature(trust, &keys, one, artifact)))
            .collect();
        match policy::judge_signatures(&self.policy, ctx.clock.seconds(), &proofs) {
            Verdict::Verified(index) => {
                judged.findings.extend(beside(&proofs));
                let proof = proofs.get(index).and_then(|proof| proof.as_ref().ok());
                judged.signature = proof.map(|proof| Box::new(signature(proof)));
                if judged.proof.is_none() {
                    judged.proof.clone_from(&judged.signature);
                }
                Ok(())
            }
            Verdict::Refused(failures) => Err(words::refused(&failures)),
            Verdict::Missing(_) => self.without(judged),
            Verdict::Unverifiable(lacks) if lacks.is_empty() => self.lacking(words::signer_unnamed(), judged),
            Verdict::Unverifiable(lacks) => self.lacking(words::unverifiable(&lacks), judged),
        }
    }
}

type Proof = Result<VerifiedAttestation, Unproved>;

/// What is wrong beside a good signature: worth knowing, and no more.
pub fn beside(proofs: &[Proof]) -> Vec<pinfold_core::finding::Finding> {
    let told = |proof: &Proof| match proof {
        Ok(proof) => proof.lack().map(|lack| words::lack(lack, Level::Note)),
        Err(Unproved::Unverifiable(lack)) => Some(words::lack(lack, Level::Note)),
        Err(Unproved::Refused(refusal) | Unproved::NotAbout(refusal)) => {
            let message = format!("beside a good signature there is one that is not: {refusal}");
            Some(pinfold_core::finding::Finding::new(Level::Warning, refusal.code(), message))
        }
    };
    proofs.iter().filter_map(told).collect()
}

/// A proved signature in plain words.
pub fn signature(proof: &VerifiedAttestation) -> Evidence {
    Evidence { kind: SIGNATURE.to_owned(), ..policy::evidence(proof) }
}

/// Reads a file with a public key.
pub fn read_key(path: &Path) -> Result<NamedKey, Fault> {
    let bytes = fs::read(path, MAX_KEY_LEN)?;
    let key = NamedKey::from_pem(&String::from_utf8_lossy(&bytes), None);
    key.map_err(|source| no_key(path, source))
}

/// A file that was named for a public key, and has none.
pub fn no_key(path: &Path, source: NamedKeyError) -> Fault {
    let fault = Fault::unverifiable("key-malformed", format!("`{}` is {source}", path.display()));
    fault.hint(source.hint()).because(source)
}

/// What kind of evidence a signature is.
pub const SIGNATURE: &str = "a signature of the artifact";
/// Longest file with a key, in bytes.
const MAX_KEY_LEN: u64 = 64 << 10;
