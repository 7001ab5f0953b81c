//! Signatures with an identity: made by [`pinfold_sign::keyless`], proved here against the root of its instance.

use std::path::Path;

use serde_json::Value;

use super::{Signing, file, hold, provable};
use crate::ctx::Ctx;
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_evidence::attestation::{Artifact, Refusal, Trust};
use pinfold_evidence::root::{Instance, TrustRoots};
use pinfold_sign::keyless::{
    Content, Door, Identity, KeylessError, MAX_SIGNING_CONFIG_LEN, ServicesError, Session, SigningConfig,
};

/// Whose services certify, log and timestamp.
#[derive(Debug)]
pub enum Instances<'a> {
    /// Those of an instance whose configuration came with pinfold.
    Known(Instance),
    /// Those that a file lists.
    Listed(&'a Path),
}

impl Signing {
    /// Prepares to sign with an identity; nobody is asked yet. `root` is what to prove against, as
    /// [`pinfold_evidence::trust::Trust::from_option`] reads it; the instance's own for none, the public-good one for a file.
    pub fn by_identity(identity: Identity, services: &Instances<'_>, root: Option<String>) -> Result<Self, Fault> {
        let (config, instance) = match services {
            Instances::Known(instance) => {
                let config = SigningConfig::embedded(*instance);
                let none = ServicesError::NoConfig { instance: instance.name() };
                (config.unwrap_or(Err(none)).map_err(KeylessError::from)?, *instance)
            }
            Instances::Listed(path) => {
                let bytes = fs::read(path, u64::try_from(MAX_SIGNING_CONFIG_LEN).unwrap_or(u64::MAX))?;
                (SigningConfig::parse(&bytes).map_err(KeylessError::from)?, Instance::PublicGood)
            }
        };
        let root = root.unwrap_or_else(|| instance.name().to_owned());
        Ok(Self::Keyless(Box::new(Session::new(identity, config, root))))
    }
}

/// Signs a statement.
pub(super) fn statement(ctx: &Ctx<'_>, session: &Session, statement: &Value) -> Result<Value, Fault> {
    let wanted = provable(statement)?;
    let trust = trusting(ctx, session)?;
    let signed = session.sign(door(ctx), &trust, Content::Statement(statement.to_string().as_bytes()))?;
    hold(&trust, &signed.bundle, &wanted).map_err(|error| named(error, &signed.logs))?;
    Ok(signed.bundle)
}

/// Signs a file as it is.
pub(super) fn file(ctx: &Ctx<'_>, session: &Session, path: &Path) -> Result<Value, Fault> {
    let trust = trusting(ctx, session)?;
    let integrity = file::digest(path)?;
    let digest: Sha256 = integrity.to_string().parse().map_err(|_| KeylessError::Key)?;
    let signed = session.sign(door(ctx), &trust, Content::Digest(digest))?;
    let artifact = Artifact::of(&[integrity]);
    file::hold(&trust, &signed.bundle, &artifact).map_err(|error| named(error, &signed.logs))?;
    Ok(signed.bundle)
}

const fn door<'a>(ctx: &Ctx<'a>) -> Door<'a> {
    Door { http: ctx.http, clock: ctx.clock }
}

fn trusting(ctx: &Ctx<'_>, session: &Session) -> Result<Trust, Fault> {
    let roots = ctx.trust.from_option(session.root())?;
    Ok(Trust::new(TrustRoots { roots, registry_keys: ctx.trust.registry_keys()?.keys }, None))
}

/// What is wrong with the entry of a log, by the log's name: all else was looked at before it had one, and what else stands
/// in the bundle is our own.
fn named(fault: Fault, logs: &str) -> Fault {
    match fault.cause() {
        Some(Refusal::Log(why) | Refusal::Bundle(why)) => {
            KeylessError::Entry { url: logs.to_owned(), why: why.clone() }.into()
        }
        _ => fault,
    }
}
