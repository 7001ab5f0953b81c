//! The `pinfold` command: parse, run, render, exit code.

#[cfg(feature = "sign")]
mod attests;
#[cfg(feature = "evidence")]
mod audits;
#[cfg_attr(not(feature = "terminal"), path = "no_bars.rs")]
mod bars;
mod cli;
mod consent;
#[cfg(feature = "sign")]
mod git;
#[cfg(feature = "oci")]
mod keeper;
#[cfg(feature = "evidence")]
mod papers;
mod render;
#[cfg(feature = "sign")]
mod reproduce;
#[cfg(feature = "sign")]
mod run;
#[cfg(feature = "sign")]
mod sandbox;
mod say;
#[cfg(feature = "sign")]
mod seal;
#[cfg(feature = "sign")]
mod terminal;
#[cfg(feature = "sign")]
mod tokens;
#[cfg(feature = "wasm")]
mod wasms;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

#[cfg(feature = "evidence")]
use pinfold::commands::{many::Tally, paper::Paper};
use pinfold::report::{Finding, Level, Report, Verdict, json};
use pinfold_core::fault::Fault;
use pinfold_core::text::{Secrets, plain_lines};
#[cfg(feature = "evidence")]
use pinfold_net::http::SystemClock;

use cli::{Cli, Command};
#[cfg(feature = "evidence")]
use papers::Verified;
#[cfg(feature = "evidence")]
use render::Style;
use world::World;

fn main() -> ExitCode {
    #[cfg(feature = "sign")]
    if let Some(code) = sandbox::stage() {
        return code;
    }
    let secrets = Secrets::default();
    // Whatever comes to quote an argument: a login in it is nobody's to read.
    std::env::args_os().for_each(|argument| secrets.add_location(&argument.to_string_lossy()));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &secrets),
    };
    let style = cli.output.style();
    match run(&cli, &secrets) {
        Ok(Answer::Report(mut report)) => {
            report.keep(&secrets);
            let text = if cli.output.json { report.to_json() } else { render::report(&report, &style) };
            answered(say::answer(&text), report.exit_code())
        }
        #[cfg(feature = "evidence")]
        Ok(Answer::Formed(mut report, form)) => {
            report.keep(&secrets);
            answered(say::answer(&form(&report)), report.exit_code())
        }
        Ok(Answer::Text(text)) => answered(say::document(&secrets.hide(&text)), 0),
        #[cfg(feature = "evidence")]
        Ok(Answer::Paper(paper)) => {
            // The document has standard output for itself; what is wrong with it goes beside.
            say::aside(&say::told(&paper.report, &secrets, &Style { colour: false, quiet: true, ..style }));
            answered(say::document(&paper.document), paper.report.exit_code())
        }
        #[cfg(feature = "evidence")]
        Ok(Answer::Lines(tally)) => {
            if !style.quiet {
                say::aside(&format!("{}\n", tally.summary()));
            }
            ExitCode::from(tally.exit_code())
        }
        #[cfg(feature = "wasm")]
        Ok(Answer::Rendered(text, code)) => answered(say::answer(&text), code),
        #[cfg(feature = "sign")]
        Ok(Answer::Ended(failure, code)) => failed(&cli, failure, code, &secrets),
        Err(failure) => {
            let code = failure.verdict.exit_code();
            failed(&cli, failure, code, &secrets)
        }
    }
}

/// Tells what is wrong with the arguments, which are quoted, or gives the help that they ask for.
fn misused(error: &clap::Error, secrets: &Secrets) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    say::aside(&plain_lines(&secrets.hide(&error.render().to_string())));
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Tells why there is no report.
fn failed(cli: &Cli, mut failure: Failure, code: u8, secrets: &Secrets) -> ExitCode {
    failure.findings.iter_mut().for_each(|finding| finding.keep(secrets));
    match failure.findings.first() {
        Some(first) if cli.output.json => {
            answered(say::answer(&json::failure(cli.command.words(), first, failure.verdict, code)), code)
        }
        _ => {
            say::aside(&render::failure(&failure.findings, &cli.output.style()));
            ExitCode::from(code)
        }
    }
}

/// What goes to standard output.
enum Answer {
    Report(Report),
    Text(String),
    #[cfg(feature = "evidence")]
    Paper(Paper),
    #[cfg(feature = "evidence")]
    /// They went there already.
    Lines(Tally),
    #[cfg(feature = "evidence")]
    /// A report in a form of its own.
    Formed(Report, Form),
    #[cfg(feature = "wasm")]
    /// Another answer, and its exit code.
    Rendered(String, u8),
    #[cfg(feature = "sign")]
    /// A command that ran and failed, and its exit code.
    Ended(Failure, u8),
}

/// How a report is written.
#[cfg(feature = "evidence")]
type Form = Box<dyn Fn(&Report) -> String>;

/// Why there is no report.
struct Failure {
    findings: Vec<Finding>,
    verdict: Verdict,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { findings: fault.findings(), verdict: fault.verdict() }
    }
}

fn run(cli: &Cli, secrets: &Secrets) -> Result<Answer, Failure> {
    use pinfold::commands::fetch;
    #[cfg(feature = "oci")]
    use pinfold::commands::mirror;
    #[cfg(feature = "evidence")]
    use pinfold::commands::{check, report, sbom, trust};
    // Gathered only by the commands that need it: scripts and pages are to be had where nothing is configured.
    let world = || {
        let failure = |message| Failure {
            findings: vec![Finding::new(Level::Error, "environment", message)],
            verdict: Verdict::Failed,
        };
        World::gather(cli, secrets).map_err(failure)
    };
    let report = match &cli.command {
        Command::Fetch(options) => {
            let conduct = pinfold::install::Conduct {
                offline: options.offline,
                frozen: options.frozen,
                restore: options.restore,
                evidence: options.evidence.verify_attestations,
            };
            fetch::run(&world()?.ctx(), &fetch::Options { pins: options.pins.clone(), conduct })?
        }
        #[cfg(not(feature = "evidence"))]
        Command::Verify(options) => pinfold::commands::verify::run(&world()?.ctx(), &options.options())?,
        #[cfg(feature = "evidence")]
        Command::Verify(options) => match papers::verify(&world()?, options)? {
            Verified::Report(report) => report,
            Verified::Lines(tally) => return Ok(Answer::Lines(tally)),
        },
        #[cfg(feature = "evidence")]
        Command::Sbom(options) => {
            let world = world()?;
            let time = world.source_date_epoch();
            let paper = sbom::run(&world.ctx(), sbom::Options { format: options.format, time })?;
            match &options.out {
                Some(path) => papers::put(&world, paper, path, &options.force)?,
                None => return Ok(Answer::Paper(paper)),
            }
        }
        Command::Add(options) => consent::add(world, options, secrets, &cli.output.style())?,
        Command::Update(options) => consent::update(world, options, secrets, &cli.output.style())?,
        #[cfg(feature = "evidence")]
        Command::Report(options) => {
            let world = world()?;
            let page = report::run(&world.ctx(), world.source_date_epoch())?;
            papers::put(&world, page, &options.html, &options.force)?
        }
        // Nothing of the world but the roots: a process for each artifact should cost no more than its evidence.
        #[cfg(feature = "evidence")]
        Command::Check(options) => check::run(&world::trust(cli), &SystemClock, &options.options())?,
        #[cfg(feature = "sign")]
        Command::Attest(options) => return attests::attest(&world()?, options),
        #[cfg(feature = "sign")]
        Command::Reproduce(options) => reproduce::reproduce(cli, &world()?, options)?,
        #[cfg(feature = "sign")]
        Command::Run(options) => return run::run(cli, &world()?, options),
        #[cfg(feature = "evidence")]
        Command::Audit(options) => return audits::audit(cli, &world()?, options),
        #[cfg(feature = "evidence")]
        Command::Explain(options) => return audits::explain(cli, &world()?, options),
        #[cfg(feature = "oci")]
        Command::Oci(command) => artifacts(&world()?, command)?,
        #[cfg(feature = "oci")]
        Command::Mirror(options) => mirror::run(&world()?.ctx(), &options.library())?,
        #[cfg(feature = "sign")]
        Command::Keygen(options) => seal::keygen(options)?,
        #[cfg(feature = "sign")]
        Command::Sign(options) => seal::sign(&world()?, options)?,
        #[cfg(feature = "wasm")]
        Command::Wasm(command) => return wasms::run(command, cli.output.json),
        Command::Cache(command) => return caches(&world()?, command),
        #[cfg(feature = "evidence")]
        Command::Trust(cli::Trust::Show) => trust::show(&world()?.ctx())?,
        #[cfg(feature = "evidence")]
        Command::Trust(cli::Trust::Update(update)) => {
            trust::update(&world()?.ctx(), &update.repositories().map_err(Fault::from)?)?
        }
        #[cfg(feature = "terminal")]
        Command::Completions { shell } => return Ok(Answer::Text(cli::completions(*shell))),
        #[cfg(feature = "terminal")]
        Command::Man { out, force } => return Ok(Answer::Text(cli::man_pages(out.as_deref(), force)?)),
    };
    Ok(Answer::Report(report))
}

/// `pinfold oci`.
#[cfg(feature = "oci")]
fn artifacts(world: &World, command: &cli::Oci) -> Result<Report, Failure> {
    use pinfold::commands::oci;
    let ctx = world.ctx();
    Ok(match command {
        cli::Oci::Verify(options) => oci::verify(&ctx, &options.options())?,
        cli::Oci::Copy(options) => oci::copy::run(&ctx, &options.options())?,
        cli::Oci::Pull(options) => oci::pull::run(&ctx, &options.options())?,
        cli::Oci::Push(options) => oci::push::run(&ctx, &options.options(seal::signing(world, &options.sealing)?))?,
    })
}

/// `pinfold cache`.
fn caches(world: &World, command: &cli::Cache) -> Result<Answer, Failure> {
    use pinfold::commands::cache;
    let ctx = world.ctx();
    Ok(Answer::Report(match command {
        cli::Cache::List => cache::list(&ctx)?,
        cli::Cache::Gc { dry_run } => cache::gc(&ctx, *dry_run)?,
        cli::Cache::Verify => cache::verify(&ctx)?,
        cli::Cache::Path => return Ok(Answer::Text(format!("{}\n", ctx.store.root().display()))),
    }))
}

/// The answer is printed. Somebody who closed the pipe has seen enough; the exit code stays what it is.
fn answered(printed: std::io::Result<()>, code: u8) -> ExitCode {
    match printed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say::aside(&format!("error: cannot write to standard output: {error}\n"));
            ExitCode::from(2)
        }
        _ => ExitCode::from(code),
    }
}
