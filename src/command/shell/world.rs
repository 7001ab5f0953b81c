//! The world as the command finds it: arguments, environment, configuration files. Nothing else in pinfold reads the
//! environment; `docs/pins.md` lists what is read here.

use std::path::{Path, PathBuf};
#[cfg(feature = "oci")]
use std::sync::Arc;
use std::time::Duration;

use pinfold::ctx::Ctx;
use pinfold_core::fs::{self, FsError};
use pinfold_core::pins::Platform;
use pinfold_core::store::Store;
use pinfold_core::text::{Location, Secrets};
use pinfold_core::tree::Gate;
#[cfg(feature = "evidence")]
use pinfold_evidence::{trust::Trust, verdicts::Verdicts};
use pinfold_net::asked::Asked;
#[cfg(feature = "oci")]
use pinfold_net::docker_config::Logins;
use pinfold_net::http::{ProxySettings, SystemClock, Timeouts, Wire, WireConfig};
use pinfold_net::source::registries::{Registries, RegistryFlag, Settings};
#[cfg(feature = "oci")]
use pinfold_oci::remote_cache::{self, Access, Shared, TIMEOUT};

use crate::bars::Bars;
#[cfg(feature = "evidence")]
use crate::cli;
#[cfg(feature = "oci")]
use crate::cli::SharedStore;
use crate::cli::{Cli, Command};
#[cfg(feature = "oci")]
use crate::keeper::Programs;

/// All that a [`Ctx`] borrows.
pub(crate) struct World {
    pin_file: PathBuf,
    store: Store,
    #[cfg(feature = "oci")]
    shared: Shared,
    wire: Wire,
    timeouts: Timeouts,
    #[cfg(feature = "evidence")]
    trust: Trust,
    #[cfg(feature = "evidence")]
    verdicts: Verdicts,
    asked: Asked,
    registries: Registries,
    platform: Platform,
    bars: Bars,
    gate: Gate,
    jobs: usize,
    lock_timeout: Duration,
    #[cfg(feature = "evidence")]
    source_date_epoch: Option<i64>,
    secrets: Secrets,
}

impl World {
    /// Gathers what the command needs, or says what is missing or malformed.
    pub(crate) fn gather(cli: &Cli, secrets: &Secrets) -> Result<Self, String> {
        let (flags, ca_file, platform, jobs): (&[RegistryFlag], _, _, _) = match &cli.command {
            Command::Fetch(fetch) => {
                (&fetch.registry, fetch.ca_file.as_deref(), fetch.target.platform.clone(), usize::from(fetch.jobs))
            }
            #[cfg(feature = "evidence")]
            Command::Audit(audit) => {
                (&audit.registry, audit.ca_file.as_deref(), audit.target.platform.clone(), usize::from(audit.jobs))
            }
            #[cfg(feature = "oci")]
            Command::Mirror(mirror) => (&mirror.registry, mirror.ca_file.as_deref(), None, usize::from(mirror.jobs)),
            #[cfg(feature = "sign")]
            Command::Sign(sign) => (&[], sign.ca_file.as_deref(), None, processors()),
            #[cfg(feature = "evidence")]
            Command::Explain(explain) => (&[], None, explain.target.platform.clone(), processors()),
            #[cfg(feature = "evidence")]
            Command::Trust(cli::Trust::Update(update)) => (&[], update.ca_file.as_deref(), None, processors()),
            Command::Verify(verify) => {
                #[cfg(feature = "evidence")]
                let jobs = verify.many.jobs.map_or_else(processors, usize::from);
                #[cfg(not(feature = "evidence"))]
                let jobs = processors();
                (&[], None, verify.target.platform.clone(), jobs)
            }
            #[cfg(feature = "sign")]
            Command::Run(run) => (&[], None, run.target.platform.clone(), processors()),
            #[cfg(feature = "sign")]
            Command::Attest(attest) => (&[], None, attest.target.platform.clone(), processors()),
            #[cfg(feature = "evidence")]
            Command::Sbom(sbom) => (&[], None, sbom.target.platform.clone(), processors()),
            #[cfg(feature = "evidence")]
            Command::Report(page) => (&[], None, page.target.platform.clone(), processors()),
            Command::Add(add) => (&add.network.registry, add.network.ca_file.as_deref(), None, processors()),
            #[cfg(feature = "oci")]
            Command::Oci(oci) => (&[], oci.network().ca_file.as_deref(), None, processors()),
            Command::Update(update) => (&update.network.registry, update.network.ca_file.as_deref(), None, JOBS),
            _ => (&[], None, None, processors()),
        };
        #[cfg(not(feature = "oci"))]
        if matches!(cli.command, Command::Fetch(_)) && variable("PINFOLD_STORE").is_some() {
            return Err("PINFOLD_STORE names a shared store, and this pinfold was built without `oci`".to_owned());
        }
        let timeouts = Timeouts::default();
        let ca_file = ca_file.map(|path| fs::read(path, MAX_CA_FILE_LEN)).transpose().map_err(told)?;
        let config = WireConfig { ca_file, proxies: proxies(), timeouts: timeouts.clone(), secrets: secrets.clone() };
        #[cfg(feature = "oci")]
        let shared = shared(cli, &config)?;
        let wire = Wire::new(config).map_err(|error| error.to_string())?;
        let store = store_folder(cli)?;
        let trust_folder = trust_folder(cli);
        Ok(Self {
            store: Store::new(store.clone()),
            #[cfg(feature = "oci")]
            shared,
            #[cfg(feature = "evidence")]
            verdicts: verdicts(cli, &store, trust_folder.as_deref()),
            asked: Asked::new(&store, trust_folder.as_deref()),
            #[cfg(feature = "evidence")]
            trust: Trust::new(trust_folder).with_root(trusted_root(cli)),
            registries: with_logins(registries(&cli.pin_file, flags)?),
            platform: platform.map_or_else(this_platform, Ok)?,
            bars: Bars::new(cli.output.quiet, cli.output.json),
            gate: Gate::new(processors()),
            pin_file: cli.pin_file.clone(),
            wire,
            timeouts,
            jobs,
            lock_timeout: lock_timeout(cli)?,
            #[cfg(feature = "evidence")]
            source_date_epoch: source_date_epoch()?,
            secrets: secrets.clone(),
        })
    }

    #[cfg(feature = "evidence")]
    /// When documents are said to be made, in seconds since 1970, where the environment says.
    pub(crate) const fn source_date_epoch(&self) -> Option<i64> {
        self.source_date_epoch
    }

    #[cfg(feature = "sign")]
    /// The folder of the pin file.
    pub(crate) fn project_folder(&self) -> &Path {
        self.pin_file.parent().unwrap_or(Path::new(""))
    }

    #[cfg(feature = "sign")]
    /// The same with a name that every system call takes.
    pub(crate) fn project_folder_or_here(&self) -> &Path {
        let folder = self.project_folder();
        if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
    }

    /// The context that commands take.
    pub(crate) fn ctx(&self) -> Ctx<'_> {
        Ctx {
            pin_file: &self.pin_file,
            store: &self.store,
            #[cfg(feature = "oci")]
            shared: &self.shared,
            http: &self.wire,
            clock: &SystemClock,
            timeouts: &self.timeouts,
            #[cfg(feature = "evidence")]
            trust: &self.trust,
            #[cfg(feature = "evidence")]
            verdicts: &self.verdicts,
            asked: &self.asked,
            registries: &self.registries,
            platform: &self.platform,
            progress: &self.bars,
            gate: &self.gate,
            jobs: self.jobs,
            secrets: &self.secrets,
            lock_timeout: self.lock_timeout,
        }
    }
}

#[cfg(feature = "sign")]
/// What pinfold believes at its next run: the store, with what it remembers of evidence, and the trust roots.
pub(crate) fn believed(cli: &Cli) -> Vec<PathBuf> {
    store_folder(cli).into_iter().chain(trust_folder(cli)).collect()
}

#[cfg(feature = "evidence")]
fn verdicts(cli: &Cli, store: &Path, trust: Option<&Path>) -> Verdicts {
    let verdicts = Verdicts::new(store, trust);
    if cli.no_cached_verdicts { verdicts.forgetful() } else { verdicts }
}

/// How long to wait for other processes: by the option, else the environment.
fn lock_timeout(cli: &Cli) -> Result<Duration, String> {
    let seconds = match (cli.lock_timeout, variable("PINFOLD_LOCK_TIMEOUT")) {
        (Some(seconds), _) => seconds,
        (None, None) => return Ok(fs::LOCK_TIMEOUT),
        (None, Some(text)) => {
            text.parse().map_err(|_| format!("PINFOLD_LOCK_TIMEOUT is `{}`, not seconds", Location(&text)))?
        }
    };
    Ok(Duration::from_secs(seconds.into()))
}

fn store_folder(cli: &Cli) -> Result<PathBuf, String> {
    if let Some(folder) = &cli.cache {
        return Ok(folder.clone());
    }
    if let Some(folder) = variable("PINFOLD_CACHE") {
        return Ok(folder.into());
    }
    // The specification has relative paths ignored (XDG Base Directory, "Environment variables").
    if let Some(folder) = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        return Ok(folder.join("pinfold"));
    }
    match variable("HOME") {
        Some(home) => Ok(Path::new(&home).join(".cache").join("pinfold")),
        None => Err("there is no place for the store: say `--cache DIR`, or set PINFOLD_CACHE or HOME".to_owned()),
    }
}

#[cfg(feature = "oci")]
/// The store that many machines share, as options and environment have it, over a network with its own timeouts. Commands
/// that fetch nothing that is pinned have none, and whatever is said of it is not theirs to read.
fn shared(cli: &Cli, config: &WireConfig) -> Result<Shared, String> {
    let nothing = SharedStore::default();
    let said = match &cli.command {
        Command::Fetch(fetch) => &fetch.shared,
        #[cfg(feature = "oci")]
        Command::Mirror(_) | Command::Update(_) => &nothing,
        _ => {
            let wire = Wire::new(config.clone()).map_err(|error| error.to_string())?;
            let settings = remote_cache::Settings { access: Access::Off, ..remote_cache::Settings::default() };
            return Ok(Shared::new(Arc::new(wire), settings));
        }
    };
    let malformed =
        |name: &str, value: &str, why: &dyn std::fmt::Display| format!("{name} is `{}`: {why}", Location(value));
    let at = match (&said.at, variable("PINFOLD_STORE")) {
        (Some(at), _) => Some(at.clone()),
        (None, Some(text)) => Some(text.parse().map_err(|error| malformed("PINFOLD_STORE", &text, &error))?),
        (None, None) => None,
    };
    let access = match (said.mode, variable("PINFOLD_STORE_MODE")) {
        (Some(mode), _) => mode.0,
        (None, Some(text)) => {
            let known = Access::ALL.into_iter().find(|access| access.name() == text);
            known.ok_or_else(|| malformed("PINFOLD_STORE_MODE", &text, &"it is `off`, `read` or `read-write`"))?
        }
        (None, None) => Access::default(),
    };
    // Only `fetch` writes there; `mirror` is told another time where to.
    if access == Access::ReadWrite && at.is_none() && matches!(cli.command, Command::Fetch(_)) {
        return Err(
            "which shared store is written to has to be said here: `--store LOCATION` or PINFOLD_STORE".to_owned()
        );
    }
    let timeout = said.timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
    let timeouts = Timeouts { connect: timeout, idle: timeout, ..config.timeouts.clone() };
    let wire = Wire::new(WireConfig { timeouts, ..config.clone() }).map_err(|error| error.to_string())?;
    Ok(Shared::new(Arc::new(wire), remote_cache::Settings { at, access, timeout }))
}

#[cfg(feature = "evidence")]
/// The trust roots of this machine, which is all of the world that `check` takes.
pub(crate) fn trust(cli: &Cli) -> Trust {
    Trust::new(trust_folder(cli))
}

#[cfg(feature = "evidence")]
/// The root that a command was told to prove evidence against.
fn trusted_root(cli: &Cli) -> Option<String> {
    match &cli.command {
        Command::Fetch(fetch) => fetch.evidence.trusted_root.clone(),
        Command::Verify(verify) => verify.evidence.trusted_root.clone(),
        Command::Add(add) => add.evidence.trusted_root.clone(),
        Command::Update(update) => update.trusted_root.clone(),
        #[cfg(feature = "evidence")]
        Command::Audit(audit) => audit.root.trusted_root.clone(),
        #[cfg(feature = "evidence")]
        Command::Explain(explain) => explain.root.trusted_root.clone(),
        #[cfg(feature = "sign")]
        Command::Attest(attest) => attest.root.trusted_root.clone(),
        #[cfg(feature = "oci")]
        Command::Oci(oci) => oci.network().trusted_root.clone(),
        #[cfg(feature = "oci")]
        Command::Mirror(mirror) => mirror.evidence.trusted_root.clone(),
        _ => None,
    }
}

/// Where refreshed trust roots are kept; without a place for them there are only those that came with pinfold.
#[cfg_attr(not(feature = "evidence"), expect(unused_variables, reason = "there is no option for it"))]
fn trust_folder(cli: &Cli) -> Option<PathBuf> {
    #[cfg(feature = "evidence")]
    if let Some(folder) = &cli.trust_dir {
        return Some(folder.clone());
    }
    if let Some(folder) = variable("PINFOLD_TRUST") {
        return Some(folder.into());
    }
    let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = state.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local").join("state")));
    state.map(|state| state.join("pinfold").join("trust"))
}

/// The registries, from flags, the environment and npm's own files; what the pin file says is known when it is read.
fn registries(pins: &Path, flags: &[RegistryFlag]) -> Result<Registries, String> {
    let mut npmrc = Vec::new();
    for path in npmrc_files(pins) {
        if let Some(bytes) = fs::read_if_exists(&path, MAX_SETTINGS_LEN).map_err(told)? {
            npmrc.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let mut pip_conf = Vec::new();
    for path in pip_files() {
        if let Some(bytes) = fs::read_if_exists(&path, MAX_SETTINGS_LEN).map_err(told)? {
            pip_conf.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(Registries::new(&Settings {
        flags,
        env: &|name| variable(name),
        npmrc: &npmrc,
        pip_conf: &pip_conf,
        built_in_npm: option_env!("PINFOLD_NPM_REGISTRY"),
    }))
}

/// The same with the logins for OCI registries, where these can be asked.
fn with_logins(registries: Registries) -> Registries {
    #[cfg(feature = "oci")]
    let registries = registries.with_logins(logins().with_keeper(Arc::new(Programs::new(variable("PATH")))));
    registries
}

#[cfg(feature = "oci")]
/// The logins of Docker's own file, which all tools for registries read. Where it cannot be read that is told by who misses
/// a login, as most commands need none.
fn logins() -> Logins {
    let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".docker")));
    let Some(path) = folder.map(|folder| folder.join("config.json")) else { return Logins::default() };
    match fs::read_if_exists(&path, MAX_SETTINGS_LEN) {
        Ok(None) => Logins::default(),
        Ok(Some(bytes)) => {
            Logins::parse(&bytes).unwrap_or_else(|error| Logins::unread(format!("`{}`: {error}", path.display())))
        }
        Err(error) => Logins::unread(told(error)),
    }
}

/// npm's own files, the strongest first: the project's, the user's, the system's.
fn npmrc_files(pins: &Path) -> Vec<PathBuf> {
    let config = |name: &str| {
        variable(&format!("NPM_CONFIG_{name}")).or_else(|| variable(&format!("npm_config_{}", name.to_lowercase())))
    };
    let mut files = vec![pins.with_file_name(".npmrc")];
    let user = config("USERCONFIG").map(PathBuf::from);
    files.extend(user.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".npmrc"))));
    match (config("GLOBALCONFIG"), config("PREFIX")) {
        (Some(file), _) => files.push(file.into()),
        (None, Some(prefix)) => files.push(Path::new(&prefix).join("etc/npmrc")),
        // npm reads the one below its own prefix, which only npm knows; these are the usual ones.
        (None, None) => files.extend(["/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc"].map(PathBuf::from)),
    }
    files
}

/// pip's own files, the strongest first: that of the environment, the user's, the system's. As in pip, the null device in
/// place of the first is for none at all.
fn pip_files() -> Vec<PathBuf> {
    let named = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let home = variable("HOME").map(PathBuf::from);
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")));
    let user = [config.map(|folder| folder.join("pip/pip.conf")), home.map(|home| home.join(".pip/pip.conf"))];
    named.into_iter().chain(user.into_iter().flatten()).chain([PathBuf::from("/etc/pip.conf")]).collect()
}

/// This machine in node's words, which platform variants use.
fn this_platform() -> Result<Platform, String> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "x86" => "ia32",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    };
    let libc = match (system, cfg!(target_env = "musl")) {
        ("linux", true) => "-musl",
        ("linux", false) => "-gnu",
        _ => "",
    };
    let text = format!("{system}-{processor}{libc}");
    text.parse()
        .map_err(|error| format!("`{text}` is no platform that pins can name: {error}; say `--platform OS-CPU`"))
}

/// The usual variables, in either case, the lower one first as curl has it.
fn proxies() -> ProxySettings {
    let either = |name: &str| variable(&name.to_lowercase()).or_else(|| variable(name));
    ProxySettings {
        https: either("HTTPS_PROXY"),
        all: either("ALL_PROXY"),
        // Lower case only: a CGI server sets HTTP_PROXY from a request's header (CVE-2016-5385).
        http: variable("http_proxy"),
        no_proxy: either("NO_PROXY"),
    }
}

#[cfg(feature = "evidence")]
/// The time of reproducible builds (reproducible-builds.org, SOURCE_DATE_EPOCH specification 1.1): "MUST be an ASCII
/// representation of an integer".
fn source_date_epoch() -> Result<Option<i64>, String> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(seconds) => Ok(Some(seconds.into())),
        Err(_) => Err(format!("SOURCE_DATE_EPOCH is `{}`, not seconds since 1970", Location(&text))),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A variable of the environment; an empty one counts as none.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn told(error: FsError) -> String {
    error.to_string()
}

/// Pins that are moved at once: most of the time is spent waiting for servers.
const JOBS: usize = 8;
/// All certificate authorities of an operating system take some 250 kB.
const MAX_CA_FILE_LEN: u64 = 16 << 20;

/// An `.npmrc` or `pip.conf` is written by hand.
const MAX_SETTINGS_LEN: u64 = 1 << 20;
