//! The `pinfold` command: parse, run, render, exit code.

mod bars;
mod cli;
mod render;
mod world;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use pinfold::error::Error;
use pinfold::report::{Report, json};

use cli::{Cli, Command};
use world::World;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let style = cli.output.style();
    let outcome = match World::gather(&cli) {
        Ok(world) => run(&cli, &world),
        Err(message) => return fail(&format!("error: {message}\n")),
    };
    match outcome {
        Ok(Answer::Report(report)) => {
            let text = if cli.output.json { report.to_json() } else { render::report(&report, &style) };
            answer(&text, report.exit_code())
        }
        Ok(Answer::Text(text)) => answer(&text, 0),
        Err(error) => {
            let findings = error.findings();
            let code = render::exit_code(&error);
            match findings.first() {
                Some(first) if cli.output.json => answer(&json::failure(cli.command.words(), first, code), code),
                _ => {
                    let _ = std::io::stderr().write_all(render::failure(&findings, &style).as_bytes());
                    ExitCode::from(code)
                }
            }
        }
    }
}

/// What goes to standard output.
enum Answer {
    Report(Report),
    Text(String),
}

fn run(cli: &Cli, world: &World) -> Result<Answer, Error> {
    use pinfold::commands::{cache, fetch, verify};
    let ctx = world.ctx();
    let report = match &cli.command {
        Command::Fetch(options) => {
            let conduct = pinfold::install::Conduct { offline: options.offline, frozen: options.frozen };
            fetch::run(&ctx, &fetch::Options { pins: options.pins.clone(), conduct })?
        }
        Command::Verify(options) => verify::run(&ctx, &verify::Options { pins: options.pins.clone() })?,
        Command::Cache(cli::Cache::List) => cache::list(&ctx)?,
        Command::Cache(cli::Cache::Gc { dry_run }) => cache::gc(&ctx, *dry_run)?,
        Command::Cache(cli::Cache::Verify) => cache::verify(&ctx)?,
        Command::Cache(cli::Cache::Path) => return Ok(Answer::Text(format!("{}\n", ctx.store.root().display()))),
        Command::Completions { shell } => return Ok(Answer::Text(cli::completions(*shell))),
        Command::Man { out } => return cli::man_pages(out.as_deref()).map(Answer::Text).map_err(Error::Fs),
    };
    Ok(Answer::Report(report))
}

/// Prints the answer. Somebody who closed the pipe has seen enough; the exit code stays what it is.
fn answer(text: &str, code: u8) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            fail(&format!("error: cannot write to standard output: {error}\n"))
        }
        _ => ExitCode::from(code),
    }
}

/// Could not do the work.
fn fail(text: &str) -> ExitCode {
    // Where standard error is closed too there is nobody left to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}
