//! `pinfold report`: a page to look at, from pins.toml and the records, without the network.
//!
//! One file that needs nothing else: no script, no font, no picture from elsewhere, and a policy in it that forbids them
//! all. The same project in the same state gives the same bytes.

mod graph;
mod html;
mod page;

use crate::ctx::Ctx;
use crate::project::Project;
use crate::report::Report;
use pinfold_core::fault::Fault;

use super::held;
use super::paper::{Paper, time};

/// Writes the page; `at` is the time that it tells, in seconds since 1970, where somebody said one.
pub fn run(ctx: &Ctx<'_>, at: Option<i64>) -> Result<Paper, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&[])?;
    project.check_records()?;
    let held = held::all(ctx, &project, &pins);
    let document = page::page(&held, at.and_then(time).as_deref());
    let proved = held.iter().filter(|one| one.standing == held::Standing::Verified).count();
    let signed = held.iter().filter(|one| one.standing == held::Standing::Signed).count();
    let noun = if held.len() == 1 { "pin" } else { "pins" };
    let mut summary = format!("{} {noun}, {proved} with proved evidence", held.len());
    if signed > 0 {
        summary.push_str(&format!(", {signed} only signed"));
    }
    let rows = held.into_iter().map(|one| one.row(ctx)).collect();
    let mut report = Report { command: "report", rows, notes: Vec::new(), summary, judges: true };
    report.summary.push_str(&held::not_listed(&report));
    Ok(Paper { document, report })
}
