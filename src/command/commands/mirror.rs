//! `pinfold mirror`: fills a shared store from pins.toml, so that others need not ask upstream.
//!
//! Each artifact, of every platform, is obtained and its evidence judged as for a fetch; no tree is touched. What is refused
//! is not put there.

use super::{fetch, work};
use crate::ctx::{Ctx, Step};
use crate::install::Conduct;
use crate::install::shared::{Stocked, stock};
use crate::project::Project;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::oci::Location;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_oci::remote_cache::{PutError, Remote};

/// What `pinfold mirror` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// The store that is filled.
    pub to: Location,
    /// Ask nobody else: what is not here fails.
    pub offline: bool,
    /// What missing evidence means, in place of what the pins say.
    pub evidence: Option<Mode>,
}

/// Puts what is not there yet into the store. A pin that fails does not keep the others from it.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&options.pins)?;
    project.check_records()?;
    let _store_lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    let shared = ctx.shared.to(options.to.clone());
    let (world, hosts) = ((ctx.clock, ctx.timeouts), project.pin_file().trust().hosts.as_deref());
    // It was named just now, so that there is one.
    let remote = shared.open(None, world, ctx.registries, hosts);
    let all: Vec<Item<'_>> = pins.iter().flat_map(|pin| items(pin)).collect();
    let conduct = Conduct { offline: options.offline, evidence: options.evidence, ..Conduct::default() };
    let rows = work::each(
        &all,
        ctx.jobs,
        |item| item.artifact.size.unwrap_or(0),
        |item| {
            let row = remote.as_ref().map(|remote| item.mirror(ctx, &project, remote, conduct));
            ctx.progress.step(item.pin.name.as_str(), Step::Over);
            row
        },
    );
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let mut report = Report {
        command: "mirror",
        rows,
        notes: fetch::shared_notes(ctx, &project),
        summary: String::new(),
        judges: true,
    };
    let (count, noun) = (report.rows.len(), if report.rows.len() == 1 { "artifact" } else { "artifacts" });
    report.summary = format!("{count} {noun}: {}", fetch::counts(&report, &STATUSES));
    Ok(report)
}

/// An artifact of a pin, and what its row is called.
struct Item<'a> {
    subject: String,
    pin: &'a Pin,
    artifact: &'a Artifact,
}

fn items(pin: &Pin) -> impl Iterator<Item = Item<'_>> {
    let own = pin.artifact.iter().map(|artifact| (pin.name.to_string(), artifact));
    let variants = pin.variants.iter().map(|(platform, artifact)| (format!("{} {platform}", pin.name), artifact));
    own.chain(variants).map(move |(subject, artifact)| Item { subject, pin, artifact })
}

impl Item<'_> {
    fn mirror(&self, ctx: &Ctx<'_>, project: &Project, remote: &Remote<'_>, conduct: Conduct) -> Row {
        if matches!(self.artifact.source, Source::File(_)) {
            return self.row(Verdict::Passed, "in the project", String::new(), Vec::new());
        }
        match stock(ctx, project, (self.pin, self.artifact), remote, conduct) {
            Ok(Ok(Stocked { is_new, size, proof, findings })) => {
                let status = if is_new { "mirrored" } else { "there" };
                Row { evidence: proof, ..self.row(Verdict::Passed, status, fetch::size(size), findings) }
            }
            Ok(Err(PutError::GivenUp(why))) => {
                let message = format!("it could not be put into the shared store: {why}");
                self.failed(Verdict::Failed, vec![Finding::new(Level::Error, "shared-store-put", message)])
            }
            Ok(Err(PutError::Oci(error))) => {
                let error = Fault::from(*error);
                self.failed(error.verdict(), error.findings())
            }
            Err(error) => self.failed(error.verdict(), error.findings()),
        }
    }

    fn failed(&self, verdict: Verdict, findings: Vec<Finding>) -> Row {
        self.row(verdict, fetch::status_of(verdict), String::new(), findings)
    }

    fn row(&self, verdict: Verdict, status: &str, detail: String, findings: Vec<Finding>) -> Row {
        Row {
            subject: self.subject.clone(),
            verdict,
            status: status.to_owned(),
            source: self.artifact.source.to_string(),
            detail,
            evidence: None,
            audit: None,
            wasm: Vec::new(),
            findings,
        }
    }
}

/// In the order of a summary.
const STATUSES: [&str; 6] = ["mirrored", "there", "in the project", "refused", "failed", "unverifiable"];
