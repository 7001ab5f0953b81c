//! `--bytes`: what upstream serves is fetched and hashed, and thrown away.

use std::io;

use super::Found;
use super::house::House;
use super::upstream::{self, Upstream};
use crate::ctx::Ctx;
use crate::install::{self, MAX_ARTIFACT_LEN};
use crate::project::Project;
use crate::report::audit::{Served, ServedBy};
use crate::report::{Finding, Level, Verdict};
use pinfold_core::digest::Hasher;
use pinfold_core::fault::Fault;
use pinfold_core::pins::Artifact;
use pinfold_net::http::{self, BodyLimit, Failure, Sink};

/// Fetches an artifact from its source, no mirror, and holds it to the pin.
pub(super) fn fetch(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, house): (&Artifact, &House),
    upstream: &mut Upstream,
    found: &mut Found,
) {
    let mut rules = upstream::rules(ctx);
    rules.hosts = house.hosts();
    let url = match install::own_place(ctx, project, artifact, &rules) {
        Ok(Some(url)) => url,
        Ok(None) => return,
        Err(error) => return tell(&error, upstream, found),
    };
    // The whole of what is there, however long: another length is other bytes, not a failure.
    let mut sink = Hashing { hasher: Hasher::new(artifact.integrity.algorithm()), artifact };
    let limit = BodyLimit::AtMost(artifact.size.map_or(MAX_ARTIFACT_LEN, |size| size.saturating_add(SLACK)));
    let outcome = http::download(ctx.http, &url, &rules, limit, ctx.clock, &mut sink);
    upstream.served_by = ServedBy::Download;
    match outcome {
        Ok(_) => {
            let received = sink.hasher.finish();
            upstream.served = if received == artifact.integrity { Served::Same } else { Served::Other };
            if upstream.served == Served::Other {
                let message = format!("`{url}`: other bytes than the pinned ones are served");
                let finding = Finding::new(Level::Error, "integrity-mismatch", message)
                    .compared(artifact.integrity.to_string(), received.to_string());
                found.count(vec![finding], Verdict::Refused);
            }
        }
        Err(error) if matches!(*error.failure, Failure::NotFound { .. }) => {
            if upstream.served != Served::Gone {
                found.count(vec![upstream::gone(artifact)], Verdict::Refused);
            }
            upstream.served = Served::Gone;
        }
        Err(error) => {
            upstream.served = Served::Unknown;
            let mut finding = Finding::new(Level::Error, error.code(), error.to_string());
            finding.hint = error.hint();
            found.count(vec![finding], if error.is_refusal() { Verdict::Refused } else { Verdict::Failed });
        }
    }
}

/// Why nobody knows where to fetch. What the metadata said already is not said again.
fn tell(error: &Fault, upstream: &mut Upstream, found: &mut Found) {
    if upstream.served != Served::Gone {
        upstream.served = Served::Unknown;
        let told = |finding: &Finding| found.findings.iter().all(|known| known.code != finding.code);
        let fresh: Vec<Finding> = error.findings().into_iter().filter(told).collect();
        found.count(fresh, error.verdict());
    }
}

/// Bytes on their way into a digest.
struct Hashing<'a> {
    hasher: Hasher,
    artifact: &'a Artifact,
}

impl Sink for Hashing<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.hasher = Hasher::new(self.artifact.integrity.algorithm());
        Ok(())
    }

    fn expect(&mut self, _bytes: u64) {}

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.hasher.update(chunk);
        Ok(())
    }

    fn is_expected(&self) -> Option<bool> {
        Some(self.hasher.clone().finish() == self.artifact.integrity)
    }
}

/// By how much what is served may be longer than the pin says before it is given up: enough to tell its digest.
const SLACK: u64 = 64 << 20;
