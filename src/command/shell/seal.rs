//! Keys and passphrases on their way from the command line to what signs.

use pinfold::commands::keygen::{self, Options};
use pinfold::commands::seal::{self, Signing};
use pinfold::commands::sign;
use pinfold::report::{Finding, Level, Report, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::text::Untrusted;
use pinfold_sign::signer::{Passphrase, SigningKeyError};

use crate::Failure;
use crate::cli::{Key, Keygen, PassphraseFrom, Sealing, Sign};
use crate::terminal;
use crate::tokens;
use crate::world::World;

/// What signs, as the options say; `None` where they name nothing.
pub(crate) fn signing(_world: &World, options: &Sealing) -> Result<Option<Signing>, Failure> {
    let keyless = &options.keyless;
    if !keyless.keyless {
        return by_key(&options.key);
    }
    let identity = tokens::identity(keyless)?;
    Ok(Some(Signing::by_identity(identity, &keyless.services(), keyless.signing_root.clone())?))
}

/// `pinfold sign`.
pub(crate) fn sign(world: &World, options: &Sign) -> Result<Report, Failure> {
    let Some(signing) = signing(world, &options.sealing)? else {
        let hint = "say `--key FILE`, or `--keyless`";
        return Err(failed(Finding::new(Level::Error, "nobody-signs", "nothing says who signs").hint(hint)));
    };
    let request = sign::Options {
        file: options.file.clone(),
        out: options.out.clone(),
        force: options.force.force,
        in_toto: options.in_toto,
        secrets: options.sealing.files(),
        signing,
    };
    Ok(sign::run(&world.ctx(), &request)?)
}

/// The key that the options name. A passphrase is asked for only where the key has one.
pub(crate) fn by_key(options: &Key) -> Result<Option<Signing>, Failure> {
    let Some(path) = &options.key else { return Ok(None) };
    let given = given(&options.passphrase)?;
    match Signing::by_key(path, given.as_ref()) {
        Err(fault) if is_locked(&fault) && terminal::is_there() => {
            let prompt = format!("Passphrase of `{}`: ", Untrusted(&path.display().to_string()));
            Ok(Some(Signing::by_key(path, Some(&ask(&prompt)?))?))
        }
        signing => Ok(Some(signing?)),
    }
}

fn is_locked(fault: &Fault) -> bool {
    matches!(fault.cause(), Some(SigningKeyError::Encrypted))
}

/// The passphrase in the file or behind the descriptor that was named.
fn given(options: &PassphraseFrom) -> Result<Option<Passphrase>, Fault> {
    match (&options.passphrase_file, options.passphrase_fd) {
        (Some(path), _) => seal::passphrase(path).map(Some),
        (None, Some(number)) => seal::passphrase_from_descriptor(number).map(Some),
        (None, None) => Ok(None),
    }
}

/// Asks at the terminal.
fn ask(prompt: &str) -> Result<Passphrase, Failure> {
    let typed = terminal::ask(prompt).map_err(|error| failed(Finding::new(Level::Error, "terminal", error)))?;
    let passphrase = Passphrase::new(typed);
    Ok(passphrase.map_err(|source| seal::no_passphrase("the terminal", source))?)
}

/// `pinfold keygen`. Whether a key is to have a passphrase is said, by an option or at the terminal, and never assumed.
pub(crate) fn keygen(options: &Keygen) -> Result<Report, Failure> {
    keygen::can_make(&options.out)?;
    let passphrase = match given(&options.passphrase)? {
        Some(passphrase) => Some(passphrase),
        None if options.no_passphrase => None,
        None if terminal::is_there() => {
            let first = ask("Passphrase for the new key: ")?;
            if ask("The same again: ")? != first {
                let message = "the two passphrases are not the same";
                return Err(failed(Finding::new(Level::Error, "passphrase-differs", message)));
            }
            Some(first)
        }
        None => {
            let message = "nothing says whether the key is to have a passphrase";
            let hint = "say `--passphrase-file FILE`, `--passphrase-fd N` or `--no-passphrase`";
            return Err(failed(Finding::new(Level::Error, "passphrase-absent", message).hint(hint)));
        }
    };
    Ok(keygen::run(&Options { kind: options.kind, out: options.out.clone(), passphrase })?)
}

fn failed(finding: Finding) -> Failure {
    Failure { findings: vec![finding], verdict: Verdict::Failed }
}
