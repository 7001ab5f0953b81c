//! In place of `evidence`, where pinfold is built without it. Nothing is proved here, so a pin that demands evidence is
//! refused; of one that demands none it is told that nobody looked, and what its record has of evidence stays as it is.

use super::Conduct;
use crate::ctx::Ctx;
use crate::features::left_out;
use crate::project::Project;
use crate::report::{self, Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Expectations, Mode, Pin};
use pinfold_core::record::{Evidence, Kept};
use pinfold_core::store::VerifiedBlob;

/// What a pin demands of evidence, as far as that can be told apart from nothing.
#[derive(Debug)]
pub struct Demand<'a> {
    /// What happens when there is none.
    pub mode: Mode,
    /// The pin that demands it, where it does: it says whose evidence is good, or that there has to be some.
    demanding: Option<&'a Pin>,
}

/// What a pin demands: its own table over `[trust]`, and `over` over the mode.
pub fn demand<'a>(project: &Project, pin: &'a Pin, _artifact: &Artifact, over: Option<Mode>) -> Demand<'a> {
    let trust = project.pin_file().trust();
    let own = pin.provenance.as_ref();
    let mode = over.or_else(|| own.and_then(|own| own.mode)).unwrap_or(trust.provenance);
    // Wrong evidence refuses under `lenient` too, wherever something says what is right.
    let says_more =
        own.is_some_and(|own| *own != Expectations { mode: own.mode, line: own.line, ..Expectations::default() });
    let trusts_some = !trust.repositories.is_empty() || trust.min_age.is_some() || trust.predicate_type.is_some();
    let demands = mode == Mode::Strict || (mode == Mode::Lenient && (says_more || trusts_some));
    Demand { mode, demanding: demands.then_some(pin) }
}

impl Demand<'_> {
    /// Whether something has to be there.
    pub const fn is_strict(&self) -> bool {
        self.demanding.is_some()
    }
}

/// How the evidence of a pin came out: nobody looked.
#[derive(Debug)]
pub struct Judged {
    /// What the record is to keep.
    pub evidence: Evidence,
    /// Never anything.
    pub proof: Option<Box<report::Evidence>>,
    /// That nobody looked.
    pub findings: Vec<Finding>,
}

/// Refuses what demands evidence; else keeps what a record has, for a pinfold that can judge it.
pub fn hold(
    _ctx: &Ctx<'_>,
    _artifact: &Artifact,
    demand: &Demand<'_>,
    evidence: &Evidence,
    _blob: Option<&VerifiedBlob>,
) -> Result<Judged, Fault> {
    if let Some(pin) = demand.demanding {
        return Err(left_out(pin.name.as_str(), "provenance", "evidence"));
    }
    let findings = if demand.mode == Mode::Off { Vec::new() } else { vec![unchecked()] };
    Ok(Judged { evidence: evidence.clone(), proof: None, findings })
}

pub(super) fn look(
    ctx: &Ctx<'_>,
    _project: &Project,
    (_pin, artifact, demand): (&Pin, &Artifact, &Demand<'_>),
    (before, _has_more): (Option<&Evidence>, bool),
    blob: &VerifiedBlob,
    _conduct: Conduct,
) -> Result<Judged, Fault> {
    let unlooked = if demand.mode == Mode::Off { Evidence::Off } else { Evidence::Unasked };
    hold(ctx, artifact, demand, before.unwrap_or(&unlooked), Some(blob))
}

fn unchecked() -> Finding {
    let message = "provenance not checked: this pinfold was built without `evidence`";
    Finding::new(Level::Note, "provenance-unchecked", message)
}

/// What came of asking again for evidence: nobody asks.
pub(super) enum Again {
    /// Nobody was asked.
    NotAsked,
    #[expect(dead_code, reason = "where evidence is asked for there are answers")]
    Nothing(Evidence),
    #[expect(dead_code, reason = "see above")]
    Unasked(Finding),
    #[expect(dead_code, reason = "see above")]
    More,
}

pub(super) const fn ask_again(
    _ctx: &Ctx<'_>,
    _project: &Project,
    _of: (&Artifact, &Demand<'_>),
    _evidence: &Evidence,
    _conduct: Conduct,
) -> Result<Again, Fault> {
    Ok(Again::NotAsked)
}

pub(super) const fn is_lacking(
    _ctx: &Ctx<'_>,
    _artifact: &Artifact,
    _demand: &Demand<'_>,
    _evidence: &Evidence,
    _conduct: Conduct,
) -> bool {
    false
}

pub(super) const fn is_of_evidence(_error: &Fault) -> bool {
    false
}

pub(super) const fn is_absence(_error: &Fault) -> bool {
    false
}

pub(super) const fn is_lacking_some(_findings: &[Finding]) -> bool {
    false
}

/// Whether it takes the bytes of an artifact to judge what a record keeps: nothing is judged.
pub const fn is_of_bytes(_artifact: &Artifact, _kept: &Kept) -> bool {
    false
}

/// Whether a record does not say a digest of the artifact that its evidence names: nobody reads it.
pub const fn lacks_digest(_artifact: &Artifact, _evidence: &Evidence) -> bool {
    false
}
