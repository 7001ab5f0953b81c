//! One pin, from its text to its tree: the whole flow of pinfold, in the order in which it happens.

#[cfg(feature = "evidence")]
mod ask;
#[cfg(feature = "evidence")]
mod demand;
#[cfg(feature = "evidence")]
mod digests;
#[cfg(feature = "evidence")]
pub mod draft;
#[cfg_attr(not(feature = "evidence"), path = "install/without_evidence.rs")]
pub mod evidence;
mod obtain;
#[cfg_attr(not(feature = "oci"), path = "install/without_oci.rs")]
mod oci;
mod preview;
mod recipe;
#[cfg_attr(not(feature = "oci"), path = "install/without_remote_cache.rs")]
pub mod shared;
#[cfg(feature = "evidence")]
pub mod signature;
#[cfg_attr(not(feature = "wasm"), path = "install/without_wasm.rs")]
pub mod signed;
pub mod standing;
mod unpack;

use crate::ctx::{Ctx, Step};
use crate::project::Project;
use crate::report::wasm::SignedFile;
use crate::report::{self, Finding, Level, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::layout::Limits;
use pinfold_core::patch::{MAX_PATCHED, Patches};
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Mode, Pin, Platform};
use pinfold_core::record::{Contents, Evidence, Record, RecordError, Signatures};
use pinfold_core::store::VerifiedBlob;
use pinfold_core::tree::{self, Assembled, Bounds};

use evidence::{Again, Judged};
pub use obtain::{MAX_ARTIFACT_LEN, digest_of, obtain_pinned, obtain_unpinned, open_kept, own_place, register, rules};
#[cfg(feature = "sign")]
pub use oci::manifest_url;
#[cfg(feature = "oci")]
pub use oci::resolve_layer;
pub use preview::preview;
pub use recipe::{load_patches, recipe};
use signed::Judged as Judgement;
pub use unpack::{describe, read_file};

/// What a fetch may do, and must not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conduct {
    /// Ask nobody: what is not in the store fails.
    pub offline: bool,
    /// Install only what the records say, to the byte.
    pub frozen: bool,
    /// Put the pinned files back where somebody changed a tree.
    pub restore: bool,
    /// What missing evidence means, in place of what the pins say.
    pub evidence: Option<Mode>,
}

/// A pin that is in place.
#[derive(Debug)]
pub struct Installed {
    /// What stands there.
    pub record: Record,
    /// What had to be done for it.
    pub done: Done,
    /// Who made it, where that was proved.
    pub proof: Option<Box<report::Evidence>>,
    /// The signed WebAssembly in it, where that was looked at anew.
    pub wasm: Vec<SignedFile>,
    /// What is worth knowing, such as a mirror that served other bytes.
    pub findings: Vec<Finding>,
}

/// What had to be done for a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing: record and tree are as they should be.
    Unchanged,
    /// The tree that stood there without a record of it is the right one, to the byte; it has a record now.
    Adopted,
    /// A tree was put there.
    Installed,
    /// What stood there was not what its record says, and the right tree was put in its place.
    Restored,
}

/// Brings one pin's tree into place: whole, proved and recorded, or not at all. A tree that somebody changed is left as it
/// is, unless it was said that it is to be restored.
pub fn install(ctx: &Ctx<'_>, project: &Project, pin: &Pin, conduct: Conduct) -> Result<Installed, Fault> {
    ctx.progress.step(pin.name.as_str(), Step::Looking);
    let artifact = artifact_of(pin, ctx.platform)?;
    let demand = evidence::demand(project, pin, artifact, conduct.evidence);
    let patches = load_patches(project, pin)?;
    let signed = signed::demand(project, pin, conduct.evidence)?;
    let wanted = Wanted { pin, artifact, patches: &patches, signed };

    let seen = Seen::of(project, &wanted, conduct)?;
    for to in [Some(&pin.to), seen.before.as_ref().map(|before| &before.to)].into_iter().flatten() {
        project.sweep_beside(ctx, to)?;
    }
    let lacks = |record: &Record| evidence::is_lacking(ctx, artifact, &demand, &record.evidence, conduct);
    let mut has_more = false;
    if let Some(record) = seen.standing.as_ref().filter(|record| !lacks(record)) {
        let mut outcome = unchanged(ctx, project, (&wanted, &demand), record, conduct);
        if evidence::is_lacking_some(&told(&outcome)) {
            match evidence::ask_again(ctx, project, (artifact, &demand), &record.evidence, conduct)? {
                Again::NotAsked => {}
                Again::More => has_more = true,
                Again::Unasked(finding) => {
                    if let Ok(installed) = &mut outcome {
                        installed.findings.push(finding);
                    }
                }
                // The record says who had none when it was written. It is not written anew for every server that has none
                // either: people who ask different ones share it.
                Again::Nothing(evidence) => {
                    let now = Record { evidence, ..record.clone() };
                    outcome = unchanged(ctx, project, (&wanted, &demand), &now, conduct);
                }
            }
        }
        // A record of an earlier pinfold may lack a digest that its evidence names: the bytes have it, where they are.
        let has_bytes = || Ok::<_, Fault>(!conduct.offline || ctx.store.has(&artifact.integrity)?);
        let is_without_digest = told(&outcome).iter().any(|finding| finding.code == "no-common-digest")
            && evidence::lacks_digest(artifact, &record.evidence);
        let is_over = !is_without_digest || !has_bytes()?;
        if is_over && !has_more {
            return outcome.map(|mut installed| {
                installed.findings.extend(standing::ignored(seen.ignored));
                installed
            });
        }
    }
    match bring(ctx, project, (&wanted, &demand), (&seen, has_more), conduct) {
        Ok(mut installed) => {
            installed.findings.extend(seen.damage);
            Ok(installed)
        }
        // What somebody changed is named even where the pinned bytes are not to be had.
        Err(error) if (evidence::is_of_evidence(&error) || error.verdict() != Verdict::Refused) && !conduct.restore => {
            Err(changed(project, (pin, artifact), &seen)?.unwrap_or(error))
        }
        Err(error) => Err(error),
    }
}

/// Gets the artifact and its evidence, judges both, and puts the tree into place. `seen` is what was found of the pin;
/// `has_more` says that its source has more evidence than the record keeps.
fn bring(
    ctx: &Ctx<'_>,
    project: &Project,
    (wanted, demand): (&Wanted<'_>, &evidence::Demand<'_>),
    (seen, has_more): (&Seen, bool),
    conduct: Conduct,
) -> Result<Installed, Fault> {
    let Wanted { pin, artifact, .. } = wanted;
    let obtained = match seen.moved_from(artifact) {
        None => obtain::obtain(ctx, project, pin, artifact, conduct),
        Some(source) => obtain::obtain_moved(ctx, project, pin, artifact, source, conduct),
    };
    let (blob, mut findings) = obtained.map_err(|error| {
        let record = seen.standing.as_ref().filter(|_| error.verdict() != Verdict::Refused);
        let held = record.map(|record| evidence::hold(ctx, artifact, demand, &record.evidence, None));
        match held {
            // What is refuted stays refuted, whatever could not be had beside it.
            Some(Err(refuted)) if refuted.verdict() == Verdict::Refused && !evidence::is_absence(&refuted) => refuted,
            _ => error,
        }
    })?;
    if let Some(expected) = artifact.size
        && expected != blob.len()
    {
        return Err(other_size(expected, blob.len()));
    }
    if conduct.frozen && seen.before.as_ref().is_some_and(|before| before.size != blob.len()) {
        return Err(frozen("the record has another size than the artifact"));
    }
    let known = seen.before.as_ref().filter(|before| before.integrity == artifact.integrity);
    let known = known.map(|before| &before.evidence);
    let judged = evidence::look(ctx, project, (pin, artifact, demand), (known, has_more), &blob, conduct)?;
    findings.extend(judged.findings);
    let evidence = judged.evidence.as_recorded(known.filter(|_| seen.moved_from(artifact).is_none()));

    // Nobody is asked for anything from here to the record. Another process may have been faster.
    let publishing = project.publishing(ctx)?;
    let seen = Seen::of(project, wanted, conduct)?;
    let stood = seen.fits && something_stands(project, pin)?;
    let (record, mut done, signatures) = match &seen.standing {
        Some(record) => {
            let mut signatures = wanted.signatures(project, record, conduct)?;
            let recorded = signatures.recorded.take();
            let record = Record { evidence, signatures: recorded, ..record.clone() };
            project.write_record(&record)?;
            findings.extend(standing::ignored(seen.ignored));
            (record, Done::Unchanged, signatures)
        }
        None => {
            let before = seen.before.as_ref();
            let placed = put_in_place(ctx, project, wanted, (&blob, evidence), before, conduct)?;
            findings.extend(placed.findings);
            (placed.record, placed.done, placed.signatures)
        }
    };
    drop(publishing);
    findings.extend(signatures.findings);
    if done == Done::Installed && stood {
        done = Done::Restored;
    }
    ctx.progress.step(pin.name.as_str(), Step::Recorded);
    if !conduct.offline {
        shared::offer(ctx, project, (artifact, demand), (&blob, &record.evidence), &mut findings)?;
    }
    if let Some(before) = seen.before.filter(|before| before.to != pin.to) {
        let message = format!("the tree that stood at `{}` stays there, and nothing holds it any more", before.to);
        findings.push(Finding::new(Level::Warning, "orphan-tree", message).at(before.to.as_str()).hint("remove it"));
    }
    Ok(Installed { record, done, proof: judged.proof, wasm: signatures.files, findings })
}

/// What is there of a pin before anything is done for it.
struct Seen {
    /// Its record.
    before: Option<Record>,
    /// That its record is damaged, and will be written anew.
    damage: Option<Finding>,
    /// Whether the record is of the pin as it is now.
    fits: bool,
    /// The record where it is, and its tree stands.
    standing: Option<Record>,
    /// How many ignored paths are in that tree.
    ignored: usize,
}

impl Seen {
    fn of(project: &Project, wanted: &Wanted<'_>, conduct: Conduct) -> Result<Self, Fault> {
        let (before, damage) = recorded(project, wanted.pin, conduct)?;
        let why = before.as_ref().map_or(Some("the pin has no record"), |record| wanted.difference_from(record));
        let fitting = before.as_ref().filter(|_| why.is_none());
        let ignored = fitting.map(|record| stands(project, record, wanted.pin)).transpose()?.flatten();
        let standing = fitting.filter(|_| ignored.is_some()).cloned();
        match why {
            Some(why) if conduct.frozen => Err(frozen(why)),
            why => Ok(Self { fits: why.is_none(), before, damage, standing, ignored: ignored.unwrap_or_default() }),
        }
    }

    /// The source in the record, where the pin names another one for the same bytes.
    fn moved_from(&self, artifact: &Artifact) -> Option<&str> {
        let before = self.before.as_ref().filter(|before| before.integrity == artifact.integrity);
        before.map(|before| before.source.as_str()).filter(|source| *source != artifact.source.to_string())
    }
}

/// The record of a pin. One that is damaged (empty after a loss of power, with the marks of a merge in it) is written anew:
/// all of it follows from the pin. One of a newer pinfold is not, nor is any where the record is what decides.
fn recorded(project: &Project, pin: &Pin, conduct: Conduct) -> Result<(Option<Record>, Option<Finding>), Fault> {
    match project.record(pin.name.as_str()) {
        Err(error) if error.cause().is_some_and(|error: &RecordError| !error.is_newer()) && !conduct.frozen => {
            let message = format!("{error}; it was written anew");
            Ok((None, Some(Finding::new(Level::Warning, error.code(), message))))
        }
        read => Ok((read?, None)),
    }
}

/// What somebody changed in the tree of a record, as the error that it is; `None` where there is nothing of that.
fn changed(project: &Project, (pin, artifact): (&Pin, &Artifact), seen: &Seen) -> Result<Option<Fault>, Fault> {
    // The tree of another pin may be one that a checkout brought, and without the pinned bytes nobody can tell.
    let before = seen.before.as_ref().filter(|_| seen.fits && seen.standing.is_none());
    let Some(before) = before else { return Ok(None) };
    let Some(parent) = tree::parent_of(project.root(), &pin.to)? else { return Ok(None) };
    let Some(found) = standing::scan(&parent, &pin.to, bounds_of(pin, artifact))? else { return Ok(None) };
    let changes = standing::compare(&parent, &pin.to, &found, &before.contents, &pin.ignore)?.changes();
    Ok((!changes.is_empty()).then(|| tree_changed(&pin.to, changes)))
}

/// What `--frozen` says of a record that was made under other demands, or for another tree.
const OTHER_SIGNATURES: &str = "the record has other signatures than the pin demands, or than the tree has";

/// What stands is what the record says, and the record answers to all that is asked of it, or can be made to.
fn unchanged(
    ctx: &Ctx<'_>,
    project: &Project,
    (wanted, demand): (&Wanted<'_>, &evidence::Demand<'_>),
    record: &Record,
    conduct: Conduct,
) -> Result<Installed, Fault> {
    let Judged { proof, mut findings, .. } = evidence::hold(ctx, wanted.artifact, demand, &record.evidence, None)?;
    // All that is looked at here holds by the record's word; `verify` is for more.
    findings.retain(|finding| finding.code != "evidence-by-record");
    let signatures = wanted.signatures(project, record, conduct)?;
    findings.extend(signatures.findings);
    let now = Record { signatures: signatures.recorded, ..record.clone() };
    if now != *record {
        rewrite(ctx, project, record, &now)?;
    }
    Ok(Installed { record: now, done: Done::Unchanged, proof, wasm: signatures.files, findings })
}

/// What is told of evidence, whether that keeps the pin from its tree or not.
fn told(outcome: &Result<Installed, Fault>) -> Vec<Finding> {
    match outcome {
        Ok(installed) => installed.findings.clone(),
        Err(error) if evidence::is_of_evidence(error) => error.findings(),
        Err(_) => Vec::new(),
    }
}

/// Writes a record anew of which the tree stands. Where another process was here meanwhile, what it wrote stays.
fn rewrite(ctx: &Ctx<'_>, project: &Project, before: &Record, now: &Record) -> Result<(), Fault> {
    let _publishing = project.publishing(ctx)?;
    if project.record(before.pin.as_str())?.as_ref() == Some(before) {
        project.write_record(now)?;
    }
    Ok(())
}

/// A pin with all that decides what its tree is.
struct Wanted<'a> {
    pin: &'a Pin,
    artifact: &'a Artifact,
    patches: &'a Patches,
    signed: signed::Demand,
}

impl Wanted<'_> {
    /// In what way a record is not this pin's, `None` if it is.
    fn difference_from(&self, record: &Record) -> Option<&'static str> {
        difference(self.pin, self.artifact, self.patches, record)
    }

    /// The signatures in a tree that stands: by its record's word where that answers to the demand, else from the files.
    fn signatures(&self, project: &Project, record: &Record, conduct: Conduct) -> Result<Judgement, Fault> {
        if let Some(judged) = self.signed.recall(record.signatures.as_ref(), &record.to) {
            return Ok(judged);
        }
        if conduct.frozen {
            return Err(frozen(OTHER_SIGNATURES));
        }
        match tree::parent_of(project.root(), &record.to)? {
            Some(parent) => self.signed.judge(&parent, record.to.file_name(), &record.contents, &record.to),
            None => Ok(Judgement::default()),
        }
    }

    fn record(
        &self,
        blob: &VerifiedBlob,
        evidence: Evidence,
        assembled: Assembled,
        signatures: Option<Signatures>,
    ) -> Record {
        Record {
            pin: self.pin.name.to_string(),
            source: self.artifact.source.to_string(),
            integrity: self.artifact.integrity.clone(),
            size: blob.len(),
            to: self.pin.to.clone(),
            recipe: recipe(&self.pin.layout, self.patches),
            tree: self.artifact.tree,
            evidence,
            signatures,
            contents: assembled.contents,
        }
    }
}

/// In what way a record was not made for a pin as it is now, `None` if it was.
pub fn difference(pin: &Pin, artifact: &Artifact, patches: &Patches, record: &Record) -> Option<&'static str> {
    let same = [
        (record.pin == pin.name.as_str(), "the record names another pin"),
        (record.source == artifact.source.to_string(), "the record has another source"),
        (record.integrity == artifact.integrity, "the record has another integrity"),
        (artifact.size.is_none_or(|size| size == record.size), "the record has another size"),
        (record.to == pin.to, "the record has another destination"),
        (record.recipe == recipe(&pin.layout, patches), "the record has another layout or other patches"),
        (record.tree == artifact.tree, "the record has another tree hash"),
    ];
    let why = same.into_iter().find_map(|(same, why)| (!same).then_some(why));
    // Made before such trees were refused; what was pinned is refused when it is unpacked again.
    why.or_else(|| record.contents.has_repository().then_some("the record lists a repository of git"))
}

/// `--frozen`, and the pin is not what its record says.
fn frozen(why: &str) -> Fault {
    Fault::refused("frozen", format!("--frozen: {why}"))
        .hint("run `pinfold fetch` without `--frozen` and review the change of the record")
}

/// The bytes have another length than the pin says.
pub fn other_size(expected: u64, received: u64) -> Fault {
    Fault::refused("size-mismatch", "the artifact has another size than the pin says")
        .compared(format!("{expected} bytes"), format!("{received} bytes"))
        .hint("`size` in pins.toml is the length of the packed artifact, in bytes")
}

/// Somebody changed a tree that pinfold put there.
fn tree_changed(to: &RelPath, changes: Vec<Finding>) -> Fault {
    Fault::refused("tree-changed", format!("`{to}` was changed: {} from its record", differ(&changes)))
        .hint(
            "`pinfold fetch --restore` puts the pinned files back and throws these changes away; what programs write there \
             when they run is named by `ignore` in pins.toml, what is to stay changed by a patch",
        )
        .with(changes)
}

/// How many paths differ, in words.
fn differ(changes: &[Finding]) -> String {
    format!("{} {}", changes.len(), if changes.len() == 1 { "path differs" } else { "paths differ" })
}

/// The artifact of a pin for a platform.
pub fn artifact_of<'a>(pin: &'a Pin, platform: &Platform) -> Result<&'a Artifact, Fault> {
    pin.artifact_for(platform).ok_or_else(|| {
        let known: Vec<&str> = pin.variants.keys().map(Platform::as_str).collect();
        Fault::failed("no-variant", format!("the pin has no artifact for `{platform}`"))
            .hint(format!("the pin has {}; add a table for this platform", known.join(", ")))
    })
}

/// Whether a record's tree stands, by names, sizes, modes and times, and how many ignored paths are in it.
fn stands(project: &Project, record: &Record, pin: &Pin) -> Result<Option<usize>, Fault> {
    match tree::parent_of(project.root(), &record.to)? {
        Some(parent) => Ok(tree::looks_like(&parent, record.to.file_name(), &record.contents, &pin.ignore)?),
        None => Ok(None),
    }
}

/// Whether there is anything at a pin's destination.
fn something_stands(project: &Project, pin: &Pin) -> Result<bool, Fault> {
    match tree::parent_of(project.root(), &pin.to)? {
        Some(parent) => Ok(tree::exists(&parent, &pin.to)?),
        None => Ok(false),
    }
}

/// A tree in its place, recorded.
struct Placed {
    record: Record,
    done: Done,
    signatures: Judgement,
    findings: Vec<Finding>,
}

/// Unpacks beside the destination, holds the result to the pin, and renames it into place.
fn put_in_place(
    ctx: &Ctx<'_>,
    project: &Project,
    wanted: &Wanted<'_>,
    (blob, evidence): (&VerifiedBlob, Evidence),
    before: Option<&Record>,
    conduct: Conduct,
) -> Result<Placed, Fault> {
    let Wanted { pin, artifact, patches, signed } = wanted;
    let name = pin.name.as_str();
    let parent = tree::make_parent_of(project.root(), &pin.to)?;
    tree::sweep(&parent, &pin.to)?;
    let mut pass = ctx.gate.enter(blob.len());
    ctx.progress.step(name, Step::Unpacking);
    let stage = tree::stage_name(&pin.to);
    let ready =
        unpack::unpack((&parent, &stage, &mut pass.memory), pin, artifact, blob, patches).and_then(|assembled| {
            hold(artifact, &assembled, before, conduct)?;
            ctx.progress.step(name, Step::Unpacked);
            let mut signatures = signed.judge(&parent, &stage, &assembled.contents, &pin.to)?;
            let recorded = remember(signatures.recorded.take(), before, &assembled.contents);
            if conduct.frozen && before.is_none_or(|before| before.signatures != recorded) {
                return Err(frozen(OTHER_SIGNATURES));
            }
            let record = wanted.record(blob, evidence, assembled, recorded);
            // What comes now waits for the disk, and others can unpack meanwhile.
            drop(pass);
            let (done, findings) = match replaceable(&parent, (pin, artifact), before, &record.contents, conduct)? {
                Replaceable::IsRight => {
                    tree::sweep(&parent, &pin.to)?;
                    project.write_record(&record)?;
                    (Done::Adopted, Vec::new())
                }
                Replaceable::Yes(findings) => {
                    // What is to stand there is known before it does: killed in between, the next run finds a tree that is
                    // absent, the old one or this one, and never one that seems to be somebody else's.
                    let announced = project.announce(&record)?;
                    tree::exchange(&parent, &pin.to)?;
                    ctx.progress.step(name, Step::Published);
                    project.confirm(&announced)?;
                    tree::sweep(&parent, &pin.to)?;
                    (Done::Installed, findings)
                }
            };
            Ok(Placed { record, done, signatures, findings })
        });
    if ready.is_err() {
        // The first error is the one to tell; what stays on the stage is swept by the next run.
        let _ = tree::sweep(&parent, &pin.to);
    }
    ready
}

/// Whether a staged tree may take the place of what stands at its destination.
enum Replaceable {
    /// What stands there is the staged tree already, to the byte.
    IsRight,
    /// Nothing of anybody's is lost by it, or that was asked for; this is to be told.
    Yes(Vec<Finding>),
}

/// Refuses to throw away what pinfold did not put there. What stands is nobody's work where it is what the record of it
/// says, or the staged tree itself, which a checkout may have brought.
fn replaceable(
    parent: &pinfold_core::fs::Dir,
    (pin, artifact): (&Pin, &Artifact),
    before: Option<&Record>,
    staged: &Contents,
    conduct: Conduct,
) -> Result<Replaceable, Fault> {
    let (to, ignore) = (&pin.to, &pin.ignore);
    let ours = before.filter(|before| before.to == *to);
    if let Some(ours) = ours
        && tree::looks_like(parent, to.file_name(), &ours.contents, ignore)?.is_some()
    {
        return Ok(Replaceable::Yes(Vec::new()));
    }
    // Sizes and times are enough to know a tree by its own record, and not by another: every byte is read.
    let Some(found) = standing::scan(parent, to, bounds_of(pin, artifact))? else {
        return Ok(Replaceable::Yes(Vec::new()));
    };
    let mut differences = standing::compare(parent, to, &found, staged, ignore)?;
    if differences.is_empty() {
        return Ok(Replaceable::IsRight);
    }
    let Some(ours) = ours else {
        if !differences.lost.is_empty() {
            let message = format!("`{to}` was not put there by pinfold, and {}", differ(&differences.lost));
            let fault = Fault::refused("not-ours", message).hint("move it away, or let the pin point elsewhere");
            return Err(fault.with(differences.lost));
        }
        // A part of what is pinned, and nothing else.
        differences.absent.clear();
        return Ok(Replaceable::Yes(differences.told()));
    };
    let is_whole = differences.lost.is_empty() && differences.absent.is_empty();
    if !is_whole && ours.contents != *staged {
        differences = standing::compare(parent, to, &found, &ours.contents, ignore)?;
        // The old tree goes as it is meant to.
        differences.put_right.clear();
    }
    if conduct.restore || (differences.lost.is_empty() && differences.absent.is_empty()) {
        return Ok(Replaceable::Yes(differences.told()));
    }
    Err(tree_changed(to, differences.changes()))
}

/// Where nobody looks at signatures, what was proved of the same tree before.
fn remember(now: Option<Signatures>, before: Option<&Record>, contents: &Contents) -> Option<Signatures> {
    match before {
        Some(before) if now == Some(Signatures::Off) && before.contents == *contents && before.signatures.is_some() => {
            before.signatures.clone()
        }
        _ => now,
    }
}

/// Holds an unpacked tree to the tree hash of its pin, and under `--frozen` to its record.
fn hold(artifact: &Artifact, assembled: &Assembled, before: Option<&Record>, conduct: Conduct) -> Result<(), Fault> {
    if let (Some(expected), Some(received)) = (artifact.tree, assembled.tree)
        && expected != received
    {
        return Err(Fault::refused("tree-mismatch", "the unpacked tree is not the pinned one")
            .compared(expected.to_string(), received.to_string())
            .hint("the artifact, the layout or a patch has changed; if that was meant, pin the new hash"));
    }
    if conduct.frozen && before.is_none_or(|before| before.contents != assembled.contents) {
        return Err(frozen("the record lists other files than the artifact has"));
    }
    Ok(())
}

/// The most that the tree of a pin can be.
pub fn bounds_of(pin: &Pin, artifact: &Artifact) -> Bounds {
    let Limits { unpacked, members, .. } = pin.layout.limits;
    let patched = u64::try_from(pin.patches.len()).unwrap_or(u64::MAX).saturating_mul(MAX_PATCHED);
    Bounds {
        file: artifact.size.unwrap_or(MAX_ARTIFACT_LEN),
        folder: unpacked.saturating_add(patched),
        entries: members,
    }
}
