//! `pinfold audit` and `pinfold explain`: the forms in which they answer.

use pinfold::commands::{audit, explain, many};
use pinfold::http::{Clock as _, SystemClock};
use pinfold::report::{date, markdown, sarif};

use crate::cli::{self, Cli, Format};
use crate::world::World;
use crate::{Answer, Failure, papers, render};

/// The table for a document is the one output that has a date.
pub(crate) fn audit(cli: &Cli, world: &World, options: &cli::Audit) -> Result<Answer, Failure> {
    let asked = audit::Options {
        pins: options.pins.clone(),
        offline: options.offline,
        bytes: options.bytes,
        fail_on: options.fail_on.clone(),
        policy: options.policy.clone(),
    };
    if let Some(list) = &options.projects_from {
        let tally = papers::over("audit", list, options.resume.as_deref(), |list, done, out| {
            many::audit(&world.ctx(), &asked, list, done, out)
        })?;
        return Ok(Answer::Lines(tally));
    }
    let report = audit::run(&world.ctx(), &asked)?;
    let text = match options.format {
        Format::Human => return Ok(Answer::Report(report)),
        Format::Markdown => {
            let now = SystemClock.calendar().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let typed: Vec<String> =
                std::env::args_os().skip(1).map(|one| one.to_string_lossy().into_owned()).collect();
            markdown::audit(&report, &date::date(now.as_secs()), &format!("pinfold {}", typed.join(" ")))
        }
        Format::Sarif => sarif::document(&report, &cli.pin_file.display().to_string()),
    };
    Ok(Answer::Rendered(text, report.exit_code()))
}

/// Sentences for people, rows for programs.
pub(crate) fn explain(cli: &Cli, world: &World, options: &cli::Explain) -> Result<Answer, Failure> {
    let report = explain::run(&world.ctx(), &options.pin)?;
    if cli.output.json {
        return Ok(Answer::Report(report));
    }
    Ok(Answer::Rendered(render::answers(&report, &cli.output.style()), report.exit_code()))
}
