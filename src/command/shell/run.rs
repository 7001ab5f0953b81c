//! `pinfold run`: starts the command between the two halves of the library's work, as it is or in the sandbox.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pinfold::commands::attest::Options;
use pinfold::commands::run::{self, Isolation, Ran};
use pinfold::project::RECORDS;
use pinfold::report::{Finding, Level, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_evidence::provenance::RUN_BUILD_TYPE;
use pinfold_sign::build::{self, Build, BuildError, Checkout, Named};

use crate::cli::{Cli, Run};
use crate::sandbox::{self, Plan};
use crate::world::{self, World};
use crate::{Answer, Failure, attests, git, seal};

/// `pinfold run`.
pub(crate) fn run(cli: &Cli, world: &World, options: &Run) -> Result<Answer, Failure> {
    let made = &options.made;
    let environment = environment(&options.env)?;
    let folder = fs::canonical(world.project_folder_or_here()).map_err(Fault::from)?;
    let pin_file = folder.join(world.ctx().pin_file.file_name().unwrap_or_default());
    // Without a source git is asked of nothing, and what it has to say of the folder keeps nobody from a build.
    let place = if made.no_source { git::Place::of(&folder).ok().flatten() } else { git::Place::of(&folder)? };
    let own = match &place {
        Some(place) if options.hermetic => place.own()?,
        _ => Vec::new(),
    };
    let checkout = || if made.no_source { Ok(None) } else { attests::checkout(&pin_file, place.as_ref()) };
    let attest = Options {
        outputs: options.out.iter().map(|given| relative(&folder, given)).collect(),
        byproducts: made.byproduct.iter().map(|given| relative(&folder, given)).collect(),
        build: build(options.builder_id.clone())?,
        checkout: checkout()?,
        allow_dirty: made.allow_dirty,
        no_source: made.no_source,
        times: attests::times(world, made),
        signing: seal::signing(world, &options.sealing)?,
        out: options.attestation.clone(),
        force: options.force.force,
    };
    // Known before the build rather than after it.
    if attest.out.is_none() && (attest.signing.is_none() || attest.outputs.len() > 1) {
        return Err(run::no_place(attest.outputs.len()).into());
    }
    let ctx = world.ctx();
    let ready = run::prepare(&ctx, &attest)?;
    let source_date = match (environment.get(DATE), world.source_date_epoch()) {
        // As the command has it, where that is a time at all.
        (Some(named), _) => named.parse().ok(),
        (None, Some(seconds)) => Some(seconds),
        (None, None) => match place.as_ref().filter(|_| attest.checkout.is_some()) {
            Some(place) => git::commit_time(place)?,
            None => None,
        },
    };
    let started = ctx.clock.seconds();
    let token = options.sealing.keyless.identity_token_env.as_deref();
    let job = Job { folder: &folder, command: &options.command, environment: &environment, source_date, token };
    // The submodules that are not there, and would be asked if they were.
    let absent: Vec<&PathBuf> = own.iter().filter(|path| path.symlink_metadata().is_err()).collect();
    let isolation = if options.hermetic {
        let (root, prefix) = root(&folder, attest.checkout.as_ref());
        let mut believed = world::believed(cli);
        believed.extend(options.sealing.files());
        believed.extend(run::believed(&ctx)?.into_iter().map(|path| folder.join(path)).filter(|path| path.exists()));
        let within = Within { root: &root, prefix: &prefix, own: &own, pinned: &run::pinned(&ctx)?, believed };
        job.confined(within, cli.output.json).map(|(code, isolation)| (code, Some(isolation)))
    } else {
        job.plain(cli.output.json).map(|code| (code, None))
    };
    let (code, isolation) = isolation?;
    if code != 0 {
        return Ok(Answer::Ended(ended(&options.command, code, "nothing is attested"), code));
    }
    // Before git looks into it.
    if let Some(made) = absent.into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(run::changed(&[made.display().to_string()]).into());
    }
    let ran = Ran { command: options.command.clone(), environment, isolation, source_date, started };
    let now = Options { checkout: checkout()?, ..attest };
    Ok(Answer::Report(run::finish(&ctx, &now, (&ready, &ran))?))
}

/// A command that failed keeps its exit code.
pub(crate) fn ended(command: &[String], code: u8, lost: &'static str) -> Failure {
    let program = command.first().map(String::as_str).unwrap_or_default().escape_debug();
    Fault::failed("command-failed", format!("`{program}` ended with exit code {code}; {lost}")).into()
}

/// Who builds: the platform by its own word, else whom the caller names.
fn build(builder: Option<String>) -> Result<Build, Fault> {
    let named = Named { builder, ..Named::default() };
    match Build::of(&world::variable, &named) {
        Err(BuildError::Unnamed { .. }) if named.builder.is_some() => {
            Ok(Build::of(&world::variable, &Named { build_type: Some(RUN_BUILD_TYPE.to_owned()), ..named })?)
        }
        Err(BuildError::Unnamed { .. }) => {
            let fault = Fault::failed("builder-unnamed", "nothing says what builds here: there is no `--builder-id`");
            let hint = "outside of GitHub Actions and GitLab CI say who builds, a URI of yours: `--builder-id URI`";
            Err(fault.hint(hint))
        }
        // A run's builder is who signs for it, which on GitLab is the pipeline's definition, and not the runner.
        Ok(build) if named.builder.is_none() && world::variable("GITLAB_CI").is_some() => {
            let builder = build::gitlab_pipeline(&world::variable)?;
            Ok(Build { builder, ..build })
        }
        build => Ok(build?),
    }
}

/// The variables that were named, with their values.
fn environment(named: &[(String, Option<String>)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut environment = BTreeMap::new();
    for (name, value) in named {
        let value = value.clone().or_else(|| world::variable(name)).ok_or_else(|| {
            let message = format!("`--env {name}`: the variable is not set");
            let finding = Finding::new(Level::Error, "environment", message);
            let finding = finding.hint(format!("give it a value: `--env {name}=VALUE`"));
            Failure { findings: vec![finding], verdict: Verdict::Failed }
        })?;
        environment.insert(name.clone(), value);
    }
    Ok(environment)
}

/// An output relative to the project, so that a statement has no path of this machine.
fn relative(folder: &Path, given: &str) -> String {
    let inner = Path::new(given).strip_prefix(folder).ok().and_then(Path::to_str);
    inner.unwrap_or(given).to_owned()
}

/// What a command in a sandbox may write to: the whole checkout, else the project; and the project's place in it.
pub(crate) fn root(folder: &Path, checkout: Option<&Checkout>) -> (PathBuf, PathBuf) {
    let prefix = PathBuf::from(checkout.map(|checkout| checkout.prefix.trim_end_matches('/')).unwrap_or_default());
    let root = folder.ancestors().nth(prefix.components().count()).filter(|root| root.join(&prefix) == folder);
    match root {
        Some(root) => (root.to_owned(), prefix),
        None => (folder.to_owned(), PathBuf::new()),
    }
}

/// What a command in a sandbox may write to, and what in it not.
pub(crate) struct Within<'a> {
    /// The folder that it may write to, absolute.
    pub(crate) root: &'a Path,
    /// The project's place in it.
    pub(crate) prefix: &'a Path,
    /// git's own files, absolute: by them it is seen afterwards what the command changed.
    pub(crate) own: &'a [PathBuf],
    /// What was pinned, relative to the project.
    pub(crate) pinned: &'a [String],
    /// What pinfold believes, absolute or relative to where it was started.
    pub(crate) believed: Vec<PathBuf>,
}

impl Within<'_> {
    fn plan(self, command: &[String]) -> Plan {
        let Self { root, prefix, own, pinned, believed } = self;
        let is_there = |path: &PathBuf| root.join(path).symlink_metadata().is_ok();
        let pinned: Vec<PathBuf> = pinned.iter().map(|path| prefix.join(path)).filter(is_there).collect();
        let own = own.iter().filter_map(|path| path.strip_prefix(root).ok()).map(Path::to_owned).filter(is_there);
        let read_only = own.chain(pinned.iter().cloned()).collect();
        let (root, folder, command) = (root.to_owned(), prefix.to_owned(), command.to_vec());
        Plan { root, folder, read_only, pinned, believed, command }
    }
}

/// A command to run.
pub(crate) struct Job<'a> {
    /// Where, without links.
    pub(crate) folder: &'a Path,
    /// The program and its arguments.
    pub(crate) command: &'a [String],
    /// The variables that were named.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// `SOURCE_DATE_EPOCH`.
    pub(crate) source_date: Option<i64>,
    /// The variable with the token that signs, where the caller named one.
    pub(crate) token: Option<&'a str>,
}

impl Job<'_> {
    /// Runs it as it is, in this environment.
    fn plain(&self, is_json: bool) -> Result<u8, Fault> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(0) };
        let unstarted = |error: io::Error| unstarted(program, &error.to_string());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder).stdout(stdout(is_json).map_err(unstarted)?);
        for name in TOKENS.into_iter().chain(self.token) {
            command.env_remove(name);
        }
        command.envs(self.date()).envs(self.environment);
        Ok(sandbox::code_of(command.status().map_err(unstarted)?))
    }

    /// Runs it in the sandbox.
    pub(crate) fn confined(&self, within: Within<'_>, is_json: bool) -> Result<(u8, Isolation), Fault> {
        let own = FIXED.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // What the caller names takes the place of what pinfold would set.
        let is_own = |(name, _): &(String, String)| !self.environment.contains_key(name);
        let own: BTreeMap<String, String> = own.into_iter().chain(self.date()).filter(is_own).collect();
        let plan = within.plan(self.command);
        let mut all = own.clone();
        all.extend(self.environment.clone());
        let stdout = stdout(is_json).map_err(|error| unstarted("sandbox", &error.to_string()))?;
        let ended = sandbox::run(&plan, &all, &self.folder.join(RECORDS), stdout)?;
        let read_only = ended.read_only.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        Ok((ended.code, Isolation { read_only, variables: own }))
    }

    fn date(&self) -> Option<(String, String)> {
        self.source_date.map(|seconds| (DATE.to_owned(), seconds.to_string()))
    }
}

/// A command could not be started; `said` has the system's words.
pub(crate) fn unstarted(program: &str, said: &str) -> Fault {
    let hint = "with `--hermetic` programs are looked for in the folders of the system alone; name it by its path, or pass \
                `--env PATH`";
    Fault::failed("command-unstarted", format!("cannot start `{}`: {said}", program.escape_debug())).hint(hint)
}

/// Where the command prints to: standard output is the JSON document's alone.
fn stdout(is_json: bool) -> io::Result<Stdio> {
    if is_json { Ok(io::stderr().as_fd().try_clone_to_owned()?.into()) } else { Ok(Stdio::inherit()) }
}

const DATE: &str = "SOURCE_DATE_EPOCH";

/// With these whoever has them signs in the name of the job: they are for pinfold, and for a command only where it is told so.
const TOKENS: [&str; 3] = ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"];

/// The environment in a sandbox, the same on every machine.
const FIXED: [(&str, &str); 5] = [
    ("HOME", sandbox::HOME),
    ("LANG", "C.UTF-8"),
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("TMPDIR", "/tmp"),
    ("TZ", "UTC"),
];
