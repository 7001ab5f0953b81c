//! Artifacts in OCI registries: pins, signatures, `oci verify` and `oci pull`, against a registry in memory and, where it
//! is there, against the one in Python that other tools were run against.

mod add;
mod between;
mod carried;
mod confusion;
mod copy;
mod copy_faults;
mod distribution;
mod hiding;
mod keeper;
mod keyless;
mod killed;
mod logins;
mod mirror;
mod peers;
mod pins;
mod pull;
mod push;
mod push_faults;
mod push_inputs;
mod real;
mod records;
pub(crate) mod registry;
mod resume;
mod servers;
mod shared;
mod shared_abuse;
mod shared_slow;
mod signatures;
mod signer;
mod skopeo;
mod strangers;
mod suite;
mod unread;
mod words;
mod writes;

use std::sync::Arc;

use pinfold::commands::oci::{self, Options};
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_core::fault::Fault;
use pinfold_evidence::policy::Policy;

use crate::support::{Project, codes};

use registry::{HOST, Knobs, Registry, Signer};

/// A project, a registry that serves it, and somebody whose key is `keys/a.pem`.
struct Scene {
    project: Project,
    registry: Arc<Registry>,
    signer: Signer,
}

const REPO: &str = "team/tool";

impl Scene {
    fn new() -> Self {
        Self::with(Knobs::default())
    }

    fn with(knobs: Knobs) -> Self {
        let (project, registry, signer) = (Project::new(""), Arc::new(Registry::with(knobs)), Signer::new());
        for server in [HOST, "cdn.example.com", "auth.example.com"] {
            project.web.lead(&format!("https://{server}/"), Arc::clone(&registry));
        }
        project.write("keys/a.pem", signer.pem());
        Self { project, registry, signer }
    }

    fn set(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.registry.knobs.lock().expect("no panic"));
    }

    /// `oci verify` of the tag `v1` with the key.
    fn try_verify(&self) -> Result<Report, Fault> {
        let options = self.options("v1");
        self.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into()))
    }

    fn options(&self, tag: &str) -> Options {
        Options {
            reference: format!("{HOST}/{REPO}:{tag}").parse().expect("a reference"),
            platform: None,
            keys: vec![self.project.path("keys/a.pem")],
            policy: Policy::default(),
        }
    }

    /// How `oci verify` ends: its exit code, and the codes that it tells.
    fn verified(&self) -> (u8, Vec<String>) {
        outcome(self.try_verify())
    }
}

/// Exit code and codes, of a report or of a failure.
fn outcome(result: Result<Report, Fault>) -> (u8, Vec<String>) {
    match result {
        Ok(report) => (report.exit_code(), codes(&report).into_iter().map(str::to_owned).collect()),
        Err(error) => (error.verdict().exit_code(), error.findings().into_iter().map(|one| one.code).collect()),
    }
}

fn is(result: (u8, Vec<String>), exit: u8, expected: &[&str]) {
    assert_eq!(result, (exit, expected.iter().map(|code| (*code).to_owned()).collect()));
}
