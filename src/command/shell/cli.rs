//! The command line: one set of types for parsing, help, completions and man pages.

#[cfg(feature = "sign")]
mod attest;
#[cfg(feature = "evidence")]
mod audit;
#[cfg(feature = "evidence")]
mod check;
#[cfg(feature = "sign")]
mod keygen;
#[cfg(feature = "sign")]
mod keyless;
mod life;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "evidence")]
mod paper;
#[cfg(feature = "sign")]
mod reproduce;
#[cfg(feature = "sign")]
mod run;
#[cfg(feature = "sign")]
mod seal;
#[cfg(feature = "oci")]
mod shared;
#[cfg(feature = "sign")]
mod sign;
#[cfg(feature = "wasm")]
mod wasm;
#[cfg(feature = "evidence")]
mod who;

use std::io::IsTerminal as _;
#[cfg(feature = "terminal")]
use std::path::Path;
use std::path::PathBuf;

#[cfg(feature = "terminal")]
use clap::CommandFactory as _;
use clap::{Args, Parser, Subcommand};

#[cfg(feature = "terminal")]
use pinfold::commands::output::Destination;
use pinfold::commands::verify;
#[cfg(feature = "terminal")]
use pinfold_core::fault::Fault;
#[cfg(feature = "terminal")]
use pinfold_core::fs;
use pinfold_core::pins::{Mode, Platform};
#[cfg(feature = "evidence")]
use pinfold_core::url::{Url, UrlError};
#[cfg(feature = "evidence")]
use pinfold_evidence::root::Instance;
#[cfg(feature = "evidence")]
use pinfold_evidence::trust::{Repository, TrustError};
use pinfold_net::source::registries::RegistryFlag;

use crate::render::Style;

#[cfg(feature = "sign")]
pub(crate) use attest::{Attest, Made, Stated};
#[cfg(feature = "evidence")]
pub(crate) use audit::{Audit, Explain, Format};
#[cfg(feature = "evidence")]
pub(crate) use check::Check;
#[cfg(feature = "sign")]
pub(crate) use keygen::Keygen;
#[cfg(feature = "sign")]
pub(crate) use keyless::Keyless;
pub(crate) use life::{Add, UpdatePins, Writing};
#[cfg(feature = "oci")]
pub(crate) use oci::Oci;
#[cfg(feature = "sign")]
pub(crate) use paper::Summaries;
#[cfg(feature = "evidence")]
pub(crate) use paper::{Many, Page, Sbom};
#[cfg(feature = "sign")]
pub(crate) use reproduce::Reproduce;
#[cfg(feature = "sign")]
pub(crate) use run::Run;
#[cfg(feature = "sign")]
pub(crate) use seal::{Key, Passphrase as PassphraseFrom, Sealing};
#[cfg(feature = "oci")]
pub(crate) use shared::{Mirror, SharedStore};
#[cfg(feature = "sign")]
pub(crate) use sign::Sign;
#[cfg(feature = "wasm")]
pub(crate) use wasm::Wasm;

/// Fetches what a project vendors, and puts it into the tree only when every byte of it was pinned.
///
/// pinfold reads pins.toml: artifact URLs and SHA-512 integrities. It fetches and unpacks them without a package
/// manager, runs nothing of what it fetches, and writes one record a pin to .pinfold/.
#[derive(Debug, Parser)]
#[command(version = VERSION, max_term_width = 100, arg_required_else_help = true, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The pin file; trees and records stand relative to its folder
    #[arg(long = "pins", global = true, value_name = "FILE", default_value = "pins.toml")]
    pub(crate) pin_file: PathBuf,
    /// The folder of the store [default: $PINFOLD_CACHE, else $XDG_CACHE_HOME/pinfold, else ~/.cache/pinfold]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// The folder of refreshed trust roots [default: $PINFOLD_TRUST, else $XDG_STATE_HOME/pinfold/trust, else
    /// ~/.local/state/pinfold/trust]
    #[cfg(feature = "evidence")]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) trust_dir: Option<PathBuf>,
    /// Prove all evidence afresh, and recall no verdict of an earlier run
    #[cfg(feature = "evidence")]
    #[arg(long, global = true)]
    pub(crate) no_cached_verdicts: bool,
    /// How long to wait for another pinfold at the same files [default: $PINFOLD_LOCK_TIMEOUT, else 300]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32))]
    pub(crate) lock_timeout: Option<u32>,
}

/// How to say it.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but what is wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print every finding, however many
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

impl Output {
    /// Colour on a terminal unless `NO_COLOR` is set (no-color.org).
    pub(crate) fn style(&self) -> Style {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Style { colour: !no_colour && std::io::stdout().is_terminal(), quiet: self.quiet, verbose: self.verbose }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the trees of pins into place
    ///
    /// Fetches what is not there yet, holds it to its integrity, unpacks it beside its place, patches it, and renames it
    /// into place. Pins that are in place already cost a look at their files and no network.
    Fetch(Fetch),
    /// Prove what is on disk against the pins, every byte of it, without the network
    ///
    /// A tree is held against the strongest thing there is: the tree hash in its pin, else the cached artifact unpacked
    /// again, else its record. Names each file that was changed, added or removed, or whose mode differs.
    Verify(Box<Verify>),
    /// Judge evidence about artifacts, without a pins.toml and without the network
    ///
    /// Proves every attestation in the documents, and that it is about the artifacts, then holds what was proved to what
    /// the options say. Evidence that is wrong refuses, whatever stands beside it. Where no option says who may have made
    /// the artifact there is no verdict (exit code 3), only what the evidence says.
    #[cfg(feature = "evidence")]
    Check(Box<Check>),
    /// Ask upstream about every pin: bytes, evidence, newer versions, what was taken back
    ///
    /// One row a pin: whether upstream still serves the pinned bytes, its registry's signature, the evidence for the
    /// pinned version, and which versions have some. Changes nothing.
    #[cfg(feature = "evidence")]
    Audit(Audit),
    /// State what was built and from what, as SLSA provenance
    ///
    /// Verifies every pin and its evidence, holds the git checkout to its commit, hashes the outputs, and writes an
    /// in-toto statement: the outputs, the commit, every pin with what was proved of it, and what built them. With a key
    /// it is signed, as a Sigstore bundle.
    #[cfg(feature = "sign")]
    Attest(Box<Attest>),
    /// Run a build and state what it made and from what
    ///
    /// Proves the pins, runs the command in the folder of pins.toml, proves them again, and attests the outputs as
    /// `pinfold attest` does, with the command and the variables that were named. With `--hermetic` it has no network, and
    /// the statement says what was enforced. The exit code is the command's where that fails, and nothing is attested.
    #[cfg(feature = "sign")]
    Run(Box<Run>),
    /// Do a build again, in a sandbox, and compare what comes out with what was stated
    ///
    /// Proves the bundle, checks its commit out into a scratch folder, fetches the stated pins, runs the stated command as
    /// `pinfold run --hermetic` does, and compares the outputs, file by file, with the first byte that differs.
    #[cfg(feature = "sign")]
    Reproduce(Box<Reproduce>),
    /// Tell what is proven, claimed and not known about one pin
    ///
    /// Question by question, from the pin file, the record and the store; asks nobody.
    #[cfg(feature = "evidence")]
    Explain(Explain),
    /// Write the pins as a bill of materials, with what is proved of who made them
    #[cfg(feature = "evidence")]
    Sbom(Sbom),
    /// Write a page to look at: who built what from where, and what nobody has proved
    #[cfg(feature = "evidence")]
    Report(Page),
    /// Pin something, and say what that means to trust
    ///
    /// Fetches it, holds the bytes to what their source lists, unpacks them where nobody sees it, proves what evidence there
    /// is, and writes one more table at the end of pins.toml, which demands the same evidence from then on. Nothing is put
    /// into the project; that is for `pinfold fetch`.
    Add(Add),
    /// Move pins to other versions, and show what changes
    ///
    /// Unpacks both versions where nobody sees it and compares them: files, executables, install scripts, sizes, licence,
    /// maintainers, evidence. A pin with proved evidence does not move to a version that has less of it.
    Update(UpdatePins),
    /// Make a key to sign with
    ///
    /// Writes the private half as PKCS#8 in PEM, which OpenSSL reads too, for its owner alone, and the public half beside
    /// it. Nothing that is there is written over.
    #[cfg(feature = "sign")]
    Keygen(Keygen),
    /// Sign a file: with a key, or with the identity of a job or a person
    ///
    /// Writes a Sigstore bundle, after proving it as whoever checks it would. With --keyless the signature is logged in
    /// public, and needs no key that somebody would have to keep.
    #[cfg(feature = "sign")]
    Sign(Box<Sign>),
    /// Sign WebAssembly, check who signed it, and cut it where it stays signed
    #[cfg(feature = "wasm")]
    #[command(subcommand)]
    Wasm(Wasm),
    /// Verify, pull, push and copy artifacts in OCI registries
    #[cfg(feature = "oci")]
    #[command(subcommand)]
    Oci(Oci),
    /// Fill a store that many machines share with what pins.toml pins
    ///
    /// Obtains every artifact and the evidence about it, holds both to the pin as a fetch does, and puts what is not there
    /// yet into a repository of an OCI registry, where `fetch --store` finds it. No tree is touched.
    #[cfg(feature = "oci")]
    Mirror(Mirror),
    /// Look after the store of fetched artifacts
    #[command(subcommand)]
    Cache(Cache),
    /// Look after the trust roots that upstream evidence is proved against
    #[cfg(feature = "evidence")]
    #[command(subcommand)]
    Trust(Trust),
    /// Print a completion script
    #[cfg(feature = "terminal")]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write all of them to a folder
    #[cfg(feature = "terminal")]
    Man {
        /// The folder to write them to
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        force: Force,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The pins to fetch [default: all]
    #[arg(value_name = "PIN")]
    pub(crate) pins: Vec<String>,
    /// How many pins to work on at once
    #[arg(short, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Ask nobody: fail where the store does not have the bytes
    #[arg(long)]
    pub(crate) offline: bool,
    /// Install only what the records say, to the byte; for release jobs
    #[arg(long)]
    pub(crate) frozen: bool,
    /// Put the pinned files back where a tree was changed, and throw the changes away
    #[arg(long)]
    pub(crate) restore: bool,
    /// Where packages come from: npm=URL, npm:@scope=URL, github=URL or pypi=URL
    #[arg(long, value_name = "KIND=URL")]
    pub(crate) registry: Vec<RegistryFlag>,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[cfg(feature = "oci")]
    #[command(flatten)]
    pub(crate) shared: SharedStore,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The pins to verify [default: all]
    #[arg(value_name = "PIN")]
    pub(crate) pins: Vec<String>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
    #[command(flatten)]
    pub(crate) target: Target,
    #[cfg(feature = "sign")]
    #[command(flatten)]
    pub(crate) summaries: Summaries,
    #[cfg(feature = "evidence")]
    #[command(flatten)]
    pub(crate) many: Many,
}

impl Verify {
    /// The same in the library's words.
    pub(crate) fn options(&self) -> verify::Options {
        verify::Options { pins: self.pins.clone(), evidence: self.evidence.verify_attestations, whole: false }
    }
}

/// How upstream evidence is judged.
#[derive(Debug, Args)]
pub(crate) struct Evidence {
    /// What missing evidence means, in place of what the pins say: it refuses, warns, or is not looked for
    #[arg(long, value_name = "strict|lenient|off")]
    pub(crate) verify_attestations: Option<Mode>,
    /// Prove evidence against this root alone: public-good, github, staging or a trusted_root.json
    #[cfg(feature = "evidence")]
    #[arg(long, value_name = "ROOT")]
    pub(crate) trusted_root: Option<String>,
}

#[cfg(any(feature = "evidence", feature = "terminal"))]
/// What an output may replace.
#[derive(Debug, Default, Args)]
pub(crate) struct Force {
    /// Replace a file at the output's place also where it holds something else
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which variant of a pin is meant.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The platform whose variants are meant, such as linux-x64 [default: this one]
    #[arg(long, value_name = "OS-CPU")]
    pub(crate) platform: Option<Platform>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// List the artifacts in the store
    List,
    /// Remove the artifacts that no project needs any more
    Gc {
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Hash every artifact in the store again and remove what has rotted
    Verify,
    /// Print the folder of the store
    Path,
}

#[cfg(feature = "evidence")]
#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show the trust roots in use and from when they are
    Show,
    /// Fetch newer trust roots over TUF, proved from what came with pinfold
    ///
    /// Refuses older metadata than was seen before, metadata that has expired, and roots of another instance. The roots
    /// in use stay when anything is wrong.
    Update(Update),
}

#[cfg(feature = "evidence")]
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Whose root: public-good, github or staging [default: public-good and github]
    #[arg(long, value_name = "INSTANCE", value_parser = instance)]
    pub(crate) instance: Vec<Instance>,
    /// Another place of an instance's TUF repository
    #[arg(long, value_name = "INSTANCE=URL", value_parser = tuf_url)]
    pub(crate) tuf_url: Vec<(Instance, Url)>,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[cfg(feature = "evidence")]
impl Update {
    /// The repositories to ask: those of the instances that were named, each once and in their order.
    pub(crate) fn repositories(&self) -> Result<Vec<Repository>, TrustError> {
        let usual = [Instance::PublicGood, Instance::GitHub];
        let named = if self.instance.is_empty() { &usual[..] } else { &self.instance };
        let instances = Instance::KNOWN.into_iter().filter(|known| named.contains(known));
        let url = |of: Instance| self.tuf_url.iter().rfind(|(instance, _)| *instance == of).map(|(_, url)| url.clone());
        instances.map(|instance| Repository::of(instance, url(instance))).collect()
    }
}

#[cfg(feature = "evidence")]
fn instance(text: &str) -> Result<Instance, String> {
    let known = Instance::KNOWN.map(Instance::name).join(", ");
    Instance::from_name(text).ok_or_else(|| format!("the instances are {known}"))
}

#[cfg(feature = "evidence")]
fn tuf_url(text: &str) -> Result<(Instance, Url), String> {
    let (name, url) = text.split_once('=').ok_or("it has the form INSTANCE=URL")?;
    Ok((instance(name)?, url.parse().map_err(|error: UrlError| error.to_string())?))
}

impl Command {
    /// The command's words, as reports name it.
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::Fetch(_) => "fetch",
            Self::Verify(_) => "verify",
            #[cfg(feature = "evidence")]
            Self::Check(_) => "check",
            #[cfg(feature = "evidence")]
            Self::Audit(_) => "audit",
            #[cfg(feature = "sign")]
            Self::Attest(_) => "attest",
            #[cfg(feature = "sign")]
            Self::Reproduce(_) => "reproduce",
            #[cfg(feature = "sign")]
            Self::Run(_) => "run",
            #[cfg(feature = "evidence")]
            Self::Explain(_) => "explain",
            #[cfg(feature = "evidence")]
            Self::Sbom(_) => "sbom",
            #[cfg(feature = "evidence")]
            Self::Report(_) => "report",
            Self::Add(_) => "add",
            Self::Update(_) => "update",
            #[cfg(feature = "sign")]
            Self::Keygen(_) => "keygen",
            #[cfg(feature = "sign")]
            Self::Sign(_) => "sign",
            #[cfg(feature = "wasm")]
            Self::Wasm(command) => command.words(),
            #[cfg(feature = "oci")]
            Self::Oci(Oci::Verify(_)) => "oci verify",
            #[cfg(feature = "oci")]
            Self::Oci(Oci::Pull(_)) => "oci pull",
            #[cfg(feature = "oci")]
            Self::Oci(Oci::Push(_)) => "oci push",
            #[cfg(feature = "oci")]
            Self::Oci(Oci::Copy(_)) => "oci copy",
            #[cfg(feature = "oci")]
            Self::Mirror(_) => "mirror",
            Self::Cache(Cache::List) => "cache list",
            Self::Cache(Cache::Gc { .. }) => "cache gc",
            Self::Cache(Cache::Verify) => "cache verify",
            Self::Cache(Cache::Path) => "cache path",
            #[cfg(feature = "evidence")]
            Self::Trust(Trust::Show) => "trust show",
            #[cfg(feature = "evidence")]
            Self::Trust(Trust::Update(_)) => "trust update",
            #[cfg(feature = "terminal")]
            Self::Completions { .. } => "completions",
            #[cfg(feature = "terminal")]
            Self::Man { .. } => "man",
        }
    }
}

#[cfg(feature = "terminal")]
/// The completion script for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pinfold", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(feature = "terminal")]
/// The man page of the command, or with a folder, one page a subcommand written there and the folder's name.
pub(crate) fn man_pages(out: Option<&Path>, force: &Force) -> Result<String, Fault> {
    let mut command = Cli::command().disable_help_subcommand(true);
    let Some(out) = out else { return Ok(String::from_utf8_lossy(&man_page(command).1).into_owned()) };
    fs::create_folders(out)?;
    command.build();
    write_pages(command, out, force)?;
    Ok(format!("{}\n", out.display()))
}

#[cfg(feature = "terminal")]
/// A command's page and those of its subcommands, each a file of its own.
fn write_pages(command: clap::Command, out: &Path, force: &Force) -> Result<(), Fault> {
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()).cloned() {
        write_pages(one, out, force)?;
    }
    let (name, page) = man_page(command);
    Destination { path: &out.join(name), force: force.force, pin_file: None }.put(&page)
}

#[cfg(feature = "terminal")]
/// A command's page, and what its file is called.
fn man_page(command: clap::Command) -> (String, Vec<u8>) {
    let (man, mut page) = (clap_mangen::Man::new(command), Vec::new());
    // Writing to memory cannot fail.
    let _ = man.render(&mut page);
    (man.get_filename(), page)
}

/// The version, and what it was built without.
const VERSION: &str = if cfg!(all(feature = "evidence", feature = "oci", feature = "sign", feature = "wasm")) {
    env!("CARGO_PKG_VERSION")
} else if cfg!(any(feature = "evidence", feature = "wasm")) {
    concat!(env!("CARGO_PKG_VERSION"), " (without some of evidence, oci, sign, wasm)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (without evidence, oci, sign, wasm)")
};

const EXIT_CODES: &str = "\
Exit codes:
  0  all passed
  1  refused: bytes or evidence are not what was pinned
  2  the work could not be done: usage, pins.toml, network, disk
  3  nothing was refuted, but a verdict is not possible

Start with a pins.toml:
  version = 1

  [pins.acorn]
  npm = \"acorn@8.16.0\"
  integrity = \"sha512-…\"  # `npm view acorn@8.16.0 dist.integrity` prints it
  to = \"tools/acorn\"

and run `pinfold fetch`.";
