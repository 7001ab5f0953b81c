//! What proved evidence is worth on SLSA's build track ([`BuildLevel`]), and the words of a verification summary.
//!
//! The level is what the evidence supports and never more (SLSA v1.1, "Security levels" and "Verifying artifacts"):
//! it is read off a proof, in which nothing stands that a certificate does not say or agree with.

use serde_json::{Value, json};

use crate::attestation::GITHUB_ISSUER;
use crate::policy;
use crate::root::Instance;
use crate::statement::VSA;
use pinfold_core::finding::Evidence;

/// A level of the build track (SLSA v1.1, "Build track").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildLevel {
    /// No guarantees: no provenance, or none that was proved.
    L0,
    /// Provenance exists, and somebody known signed it.
    L1,
    /// A hosted build platform made and signed the provenance.
    L2,
    /// And the build could not touch what signed it.
    L3,
}

impl BuildLevel {
    /// The level in a summary (`SlsaResult`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::L0 => "SLSA_BUILD_LEVEL_0",
            Self::L1 => "SLSA_BUILD_LEVEL_1",
            Self::L2 => "SLSA_BUILD_LEVEL_2",
            Self::L3 => "SLSA_BUILD_LEVEL_3",
        }
    }

    /// What a proof supports; `None` is no proof.
    pub fn of(proof: Option<&Evidence>) -> Self {
        match proof {
            // A publish attestation or a registry's word tells who published: "Provenance exists" is of how it was built.
            Some(proof) if proof.kind == policy::PROVENANCE => {}
            _ => return Self::L0,
        }
        let Some(proof) = proof else { return Self::L0 };
        // L2 "Provenance is authentic" and "Hosted": made by the platform, on machines that are not the project's own.
        // A key says neither where it was used nor by whom; a builder that the certificate does not bear out is a claim;
        // and Sigstore's staging instance is one whose logs nobody watches.
        let is_hosted = proof.issuer.as_deref() == Some(GITHUB_ISSUER)
            && proof.runner.as_deref() == Some("github-hosted")
            && proof.builder.is_some()
            && proof.instance.as_deref().is_some_and(|instance| instance != Instance::Staging.name());
        if !is_hosted {
            return Self::L1;
        }
        // L3 "Isolated" and "Unforgeable": what signs must be out of reach of the steps that the project defines. A
        // workflow of the project's own can sign whatever it likes; a reusable one of the generator runs on another
        // machine. It is trusted at its releases: "Build L3" is claimed for nothing else (slsa-github-generator, README).
        // Its delegator signs for a builder of whoever calls it, be that the project itself: what it names counts where
        // it is one of the generator's own.
        let builder = proof.builder.as_deref().unwrap_or_default();
        if is_generator(&proof.signer) && is_generator(builder) { Self::L3 } else { Self::L2 }
    }
}

/// Whether a signer is one of slsa-github-generator's builders, at a release.
fn is_generator(signer: &str) -> bool {
    let Some((workflow, _)) = signer.split_once('@') else { return false };
    let file = workflow.strip_prefix(GENERATOR).and_then(|file| file.strip_suffix("_slsa3.yml"));
    file.is_some_and(|file| !file.is_empty() && !file.contains('/')) && is_at_release(signer)
}

/// Whether a workflow is named at a tag of a version: a builder at a branch may be anything tomorrow.
fn is_at_release(workflow: &str) -> bool {
    let tag = workflow.split_once("@refs/tags/v").map(|(_, tag)| tag);
    tag.is_some_and(|tag| tag.starts_with(|one: char| one.is_ascii_digit()))
}

const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";

/// A verifier's verdict on one artifact (SLSA v1.1, "Verification Summary Attestation").
#[derive(Debug, Clone)]
pub struct Summary {
    /// What evidence would call the artifact: its package URL, or the name of a file.
    pub name: String,
    /// Its digests, each of which was seen to be right: in-toto's name of the algorithm, and hexadecimal.
    pub digests: Vec<(String, String)>,
    /// Who verified, a URI.
    pub verifier: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The artifact's package URL.
    pub resource: String,
    /// The policy: what its file is called, and its SHA-256.
    pub policy: (String, String),
    /// The attestations that were judged: where each lies, and its SHA-256.
    pub inputs: Vec<(String, String)>,
    /// The level where it passed, `None` where it did not.
    pub passed: Option<BuildLevel>,
}

impl Summary {
    /// The summary as an in-toto statement.
    pub fn statement(&self) -> Value {
        let digests = |pairs: &[(String, String)]| -> Value {
            pairs
                .iter()
                .map(|(algorithm, hex)| (algorithm.clone(), json!(hex)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let inputs = self.inputs.iter().map(|(uri, sha256)| json!({ "uri": uri, "digest": { "sha256": sha256 } }));
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": self.name, "digest": digests(&self.digests) }],
            "predicateType": VSA,
            "predicate": {
                "verifier": { "id": self.verifier, "version": { "pinfold": env!("CARGO_PKG_VERSION") } },
                "timeVerified": self.time,
                "resourceUri": self.resource,
                "policy": { "uri": self.policy.0, "digest": { "sha256": self.policy.1 } },
                "inputAttestations": inputs.collect::<Vec<_>>(),
                "verificationResult": if self.passed.is_some() { "PASSED" } else { "FAILED" },
                // "or FAILED if policy verification failed"
                "verifiedLevels": [self.passed.map_or("FAILED", BuildLevel::name)],
                "slsaVersion": "1.1",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted() -> Evidence {
        let text = |text: &str| Some(text.to_owned());
        let signer = "https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1.0.0";
        Evidence {
            kind: "SLSA provenance".to_owned(),
            signer: signer.to_owned(),
            issuer: text(GITHUB_ISSUER),
            builder: text(signer),
            runner: text("github-hosted"),
            instance: text("public-good"),
            ..Evidence::default()
        }
    }

    #[test]
    fn a_level_is_what_the_evidence_supports() {
        let check = |expected: BuildLevel, change: &dyn Fn(&mut Evidence)| {
            let mut proof = hosted();
            change(&mut proof);
            assert_eq!(BuildLevel::of(Some(&proof)), expected, "{proof:?}");
        };
        assert_eq!(BuildLevel::of(None), BuildLevel::L0);
        check(BuildLevel::L2, &|_| ());
        check(BuildLevel::L0, &|proof| proof.kind = "a publish attestation".to_owned());
        check(BuildLevel::L0, &|proof| proof.kind = "a verification summary".to_owned());
        check(BuildLevel::L1, &|proof| {
            *proof = Evidence { kind: proof.kind.clone(), signer: "the key x".to_owned(), ..Evidence::default() };
        });
        check(BuildLevel::L1, &|proof| proof.runner = Some("self-hosted".to_owned()));
        check(BuildLevel::L1, &|proof| proof.runner = None);
        check(BuildLevel::L1, &|proof| proof.builder = None);
        check(BuildLevel::L1, &|proof| proof.issuer = Some("https://gitlab.com".to_owned()));
        check(BuildLevel::L1, &|proof| proof.instance = Some("staging".to_owned()));
        check(BuildLevel::L1, &|proof| proof.instance = None);
    }

    #[test]
    fn the_highest_is_of_the_generator_at_its_releases() {
        let check = |expected: BuildLevel, signer: &str, builder: &str| {
            let proof = Evidence { signer: signer.to_owned(), builder: Some(builder.to_owned()), ..hosted() };
            assert_eq!(BuildLevel::of(Some(&proof)), expected, "{signer} {builder}");
        };
        let both = |expected, signer: &str| check(expected, signer, signer);
        let of = |rest: &str| format!("{GENERATOR}{rest}");
        both(BuildLevel::L3, &of("builder_go_slsa3.yml@refs/tags/v2.1.0"));
        both(BuildLevel::L2, &of("builder_go_slsa3.yml@refs/heads/main"));
        both(BuildLevel::L2, &of("builder_go_slsa3.yml@refs/heads/x@refs/tags/w2"));
        both(BuildLevel::L2, &of("builder_go_slsa3.yml@refs/tags/vnext"));
        both(BuildLevel::L2, &of("release.yml@refs/tags/v2.1.0"));
        both(BuildLevel::L2, &of("x/_slsa3.yml@refs/tags/v2.1.0"));
        both(BuildLevel::L2, &of("builder_go_slsa3.yml"));
        both(BuildLevel::L2, &GENERATOR.replace("slsa-framework/", "slsa-framework2/"));
        let delegator = of("delegator_generic_slsa3.yml@refs/tags/v2.1.0");
        check(BuildLevel::L3, &delegator, &of("builder_nodejs_slsa3.yml@refs/tags/v2.1.0"));
        check(BuildLevel::L2, &delegator, &of("builder_nodejs_slsa3.yml@refs/heads/main"));
        // Anybody's own, at a tag of their own.
        let builder = "https://github.com/o/r/.github/workflows/builder_slsa3.yml";
        check(BuildLevel::L2, &delegator, &format!("{builder}@refs/tags/v1.0.0"));
    }
}
