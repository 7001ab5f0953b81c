//! A policy beside the project's own: of both, the stricter one counts.

use std::path::Path;

use super::Found;
use crate::install::evidence::{self, Demand};
use crate::project::Project;
use crate::report::{Finding, Level, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};
use pinfold_core::pins::{Artifact, Host, MAX_FILE_LEN, Mode, Pin, Repository, Source, Trust};
use pinfold_evidence::policy::PROVENANCE_TYPES;

/// The policy of a house, and the hosts that it and the project allow both.
#[derive(Default)]
pub(in crate::commands) struct House {
    trust: Option<Trust>,
    hosts: Option<Vec<Host>>,
}

impl House {
    /// Reads a policy, for no file none.
    pub(in crate::commands) fn load(project: &Project, path: Option<&Path>) -> Result<Self, Fault> {
        let own = project.pin_file().trust().hosts.clone();
        let Some(path) = path else { return Ok(Self { trust: None, hosts: own }) };
        let bytes = fs::read(path, u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            FsError::new("read", path, std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
        })?;
        let trust = Trust::parse(&text).map_err(|error| error.in_file(&path.display().to_string()))?;
        let hosts = match (own, &trust.hosts) {
            (Some(own), Some(house)) => Some(own.into_iter().filter(|host| house.contains(host)).collect()),
            (own, house) => own.or_else(|| house.clone()),
        };
        Ok(Self { trust: Some(trust), hosts })
    }

    /// The hosts that may be asked, `None` for all.
    pub(in crate::commands) fn hosts(&self) -> Option<&[Host]> {
        self.hosts.as_deref()
    }

    /// What a pin has to meet: its own demands, and those of the house. What it names and the house does not is told.
    pub(in crate::commands) fn demand<'a>(
        &self,
        project: &Project,
        pin: &'a Pin,
        artifact: &Artifact,
        found: &mut Found,
    ) -> Demand<'a> {
        self.hold_hosts(artifact, found);
        let own = pin.provenance.as_ref().and_then(|one| one.mode).unwrap_or(project.pin_file().trust().provenance);
        let strict = own == Mode::Strict || self.trust.as_ref().is_some_and(|trust| trust.provenance == Mode::Strict);
        // Who audits looks, also where a fetch does not.
        let mode = if strict { Mode::Strict } else { Mode::Lenient };
        let mut demand = evidence::demand(project, pin, artifact, Some(mode));
        // Signatures have a mode of their own, which who looks at provenance neither softens nor sharpens.
        if let (Some(signatures), Some(own)) = (&mut demand.signatures, &pin.signature) {
            signatures.mode = if own.mode == Mode::Strict { Mode::Strict } else { Mode::Lenient };
        }
        let Some(trust) = &self.trust else { return demand };
        demand.policy.min_age = demand.policy.min_age.max(trust.min_age);
        hold_kind(trust, &mut demand, found);
        if trust.repositories.is_empty() {
            return demand;
        }
        let policy = &mut demand.policy;
        if policy.repositories.is_empty() {
            policy.repositories.clone_from(&trust.repositories);
            return demand;
        }
        let named = |one: &Repository| trust.repositories.iter().any(|house| same(house, one));
        let both: Vec<Repository> = policy.repositories.iter().filter(|one| named(one)).cloned().collect();
        if both.is_empty() {
            let message = "the pin trusts a repository that the policy does not name";
            let finding = Finding::new(Level::Error, "policy-repository", message);
            found
                .count(vec![finding.compared(list(&trust.repositories), list(&policy.repositories))], Verdict::Refused);
        } else {
            policy.repositories = both;
        }
        demand
    }

    /// What the pin itself names: registries are held to the hosts when they are asked.
    fn hold_hosts(&self, artifact: &Artifact, found: &mut Found) {
        let Some(hosts) = &self.hosts else { return };
        let own = match &artifact.source {
            Source::Url(url) => Some(url),
            Source::Oci(layer) => Some(layer.reference().base()),
            _ => None,
        };
        for url in own.into_iter().chain(&artifact.mirrors) {
            if !hosts.iter().any(|host| host.serves(url)) {
                let message = format!("the host `{}` is not allowed", url.origin().authority());
                found.count(vec![Finding::new(Level::Error, "host-not-allowed", message)], Verdict::Refused);
            }
        }
    }
}

/// The kind of claim that the house asks for, which is provenance where it names none: a pin may not have another counted
/// in its place.
fn hold_kind(trust: &Trust, demand: &mut Demand<'_>, found: &mut Found) {
    let house: Vec<String> = match &trust.predicate_type {
        Some(kind) => vec![kind.clone()],
        None if trust.provenance == Mode::Strict || !trust.repositories.is_empty() => {
            PROVENANCE_TYPES.map(str::to_owned).to_vec()
        }
        None => return,
    };
    let own = &mut demand.policy.predicate_types;
    // What counts where the pin names nothing.
    let is_default = own.is_empty() || own.iter().all(|kind| PROVENANCE_TYPES.contains(&kind.as_str()));
    if own.iter().any(|kind| house.contains(kind)) {
        own.retain(|kind| house.contains(kind));
    } else if is_default {
        if trust.predicate_type.is_some() {
            *own = house;
        }
    } else {
        let message = "the pin names a kind of claim that the policy does not name";
        let finding = Finding::new(Level::Error, "policy-predicate-type", message);
        found.count(vec![finding.compared(house.join(" or "), own.join(" or "))], Verdict::Refused);
    }
}

/// Whether two texts are one repository, whose host, owner and name have no case.
fn same(one: &Repository, other: &Repository) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

fn list(repositories: &[Repository]) -> String {
    repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
