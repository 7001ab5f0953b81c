//! Asks the person at the terminal whether pins.toml may be changed. Where nobody sits, nobody is asked: a script says
//! `--yes`, and without it nothing begins.

use std::io::IsTerminal as _;

use pinfold::commands::{self, consent::Consent};
use pinfold::report::{Finding, Level, Report, Verdict};
use pinfold_core::text::Secrets;

use crate::Failure;
use crate::cli::{Add, UpdatePins as Update, Writing};
use crate::render::Style;
use crate::say;
use crate::world::World;

/// `pinfold add`; the world is not gathered for who will not be asked.
pub(crate) fn add(
    world: impl FnOnce() -> Result<World, Failure>,
    options: &Add,
    secrets: &Secrets,
    style: &Style,
) -> Result<Report, Failure> {
    let ask = |planned: &Report| ask(planned, secrets, style);
    let consent = of(&options.writing, &ask)?;
    Ok(commands::add::run(&world()?.ctx(), &options.library(), consent)?)
}

/// `pinfold update`, likewise.
pub(crate) fn update(
    world: impl FnOnce() -> Result<World, Failure>,
    options: &Update,
    secrets: &Secrets,
    style: &Style,
) -> Result<Report, Failure> {
    let ask = |planned: &Report| ask(planned, secrets, style);
    let consent = of(&options.writing, &ask)?;
    Ok(commands::update::run(&world()?.ctx(), &options.library(), consent)?)
}

/// What the flags say, and else whoever is at the terminal.
fn of<'a>(writing: &Writing, ask: &'a dyn Fn(&Report) -> bool) -> Result<Consent<'a>, Failure> {
    match (writing.dry_run, writing.yes, std::io::stdin().is_terminal()) {
        (true, _, _) => Ok(Consent::DryRun),
        (false, true, _) => Ok(Consent::Given),
        (false, false, true) => Ok(Consent::Ask(ask)),
        (false, false, false) => {
            let message = "it would change pins.toml, and there is no terminal to ask at";
            let hint = "say `--yes` to change it, `--dry-run` to see what would be";
            let finding = Finding::new(Level::Error, "consent-missing", message).hint(hint);
            Err(Failure { findings: vec![finding], verdict: Verdict::Failed })
        }
    }
}

/// Shows what is planned on standard error, and waits for a `y`.
fn ask(planned: &Report, secrets: &Secrets, style: &Style) -> bool {
    let shown = say::told(planned, secrets, &Style { quiet: false, verbose: true, ..*style });
    let mut answer = String::new();
    say::prompt(&format!("{shown}\nWrite this to pins.toml? [y/N] "))
        && std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
