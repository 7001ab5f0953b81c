//! `pinfold audit` and `pinfold explain`: the forms in which they answer.

use pinfold::commands::{audit, explain, many};
use pinfold::report::{date, markdown, sarif};
use pinfold_net::http::{Clock as _, SystemClock};

use crate::cli::{self, Cli, Format};
use crate::world::World;
use crate::{Answer, Failure, Form, papers, render};

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
    let form: Form = match options.format {
        Format::Human => return Ok(Answer::Report(report)),
        Format::Markdown => {
            let typed: Vec<String> =
                std::env::args_os().skip(1).map(|one| one.to_string_lossy().into_owned()).collect();
            // With a line for who would do it again, and without what nobody else should know.
            let typed = world.ctx().secrets.hide(&typed.join(" "));
            let today = date::date(SystemClock.seconds());
            Box::new(move |report| markdown::audit(report, &today, &format!("pinfold {typed}")))
        }
        Format::Sarif => {
            let pins = cli.pin_file.display().to_string();
            Box::new(move |report| sarif::document(report, &pins))
        }
    };
    Ok(Answer::Formed(report, form))
}

/// Sentences for people, rows for programs.
pub(crate) fn explain(cli: &Cli, world: &World, options: &cli::Explain) -> Result<Answer, Failure> {
    let report = explain::run(&world.ctx(), &options.pin)?;
    if cli.output.json {
        return Ok(Answer::Report(report));
    }
    let style = cli.output.style();
    Ok(Answer::Formed(report, Box::new(move |report| render::answers(report, &style))))
}
