//! What tests stand on: a project in a temporary folder, a map for the network, archives made in memory.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use pinfold::commands::{cache, fetch, verify};
use pinfold::ctx::{Ctx, Progress, Silent};
use pinfold::install::Conduct;
use pinfold::report::{Report, Verdict};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Mode, Platform};
use pinfold_core::store::Store;
use pinfold_core::text::Secrets;
use pinfold_core::tree::Gate;
use pinfold_evidence::trust::Trust;
use pinfold_evidence::verdicts::Verdicts;
use pinfold_net::asked::Asked;
use pinfold_net::http::{Http, HttpError, Request, Response, SystemClock, Timeouts};
use pinfold_net::source::registries::{Registries, RegistryFlag, Settings};
use pinfold_oci::remote_cache::{self, Shared};

use crate::render::{self, Style};

/// A project in a temporary folder with a store of its own; the network is a map.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    pub(crate) web: Web,
    pub(crate) platform: Platform,
    pub(crate) jobs: usize,
    /// The store that many machines share; that of no machine unless a test says otherwise.
    pub(crate) shared: Shared,
}

/// Fetches without a look at evidence, which has tests of its own.
pub(crate) const QUIET: Conduct = Conduct { offline: false, frozen: false, restore: false, evidence: Some(Mode::Off) };

impl Project {
    /// A project with this pins.toml, of which `version = 1` may be left out.
    pub(crate) fn new(pins: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            web: Web::default(),
            platform: "linux-x64".parse().expect("a platform"),
            jobs: 2,
            shared: Shared::new(Arc::new(Web::default()), remote_cache::Settings::default()),
        };
        project.pins(pins);
        project
    }

    /// The same with pins that want no evidence, for tests of the command: it has tests of its own.
    pub(crate) fn quiet(self) -> Self {
        let pins = self.read("pins.toml");
        let off = "[trust]\nprovenance = \"off\"\n";
        self.pins(&if pins.contains("[trust]\n") { pins.replace("[trust]\n", off) } else { format!("{pins}\n{off}") });
        self
    }

    /// Writes another pins.toml.
    pub(crate) fn pins(&self, pins: &str) {
        let version = if pins.contains("version =") { "" } else { "version = 1\n" };
        // A new file: cutting one and writing it again makes ext4 go to the disk (`auto_da_alloc`).
        let _ = std::fs::remove_file(self.path("pins.toml"));
        self.write("pins.toml", format!("{version}{pins}"));
    }

    /// The folder of pins.toml.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The folder of the store.
    pub(crate) fn store_folder(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The folder of refreshed trust roots.
    pub(crate) fn trust_folder(&self) -> PathBuf {
        self.folder.path().join("trust")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(std::fs::read(self.path(path)).expect(path)).expect("text")
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Calls `work` with the context of this project.
    pub(crate) fn with<R>(&self, progress: &dyn Progress, work: impl FnOnce(&Ctx<'_>) -> R) -> R {
        let flags = [format!("npm={REGISTRY}"), format!("pypi={INDEX}")];
        let flags: Vec<RegistryFlag> = flags.iter().map(|flag| flag.parse().expect("a flag")).collect();
        let settings = Settings { flags: &flags, env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
        let registries = Registries::new(&settings);
        work(&Ctx {
            pin_file: &self.path("pins.toml"),
            store: &Store::new(self.store_folder()),
            shared: &self.shared,
            http: &self.web,
            clock: &SystemClock,
            timeouts: &Timeouts::default(),
            trust: &Trust::new(Some(self.trust_folder())),
            verdicts: &Verdicts::new(&self.store_folder(), Some(&self.trust_folder())),
            asked: &Asked::new(&self.store_folder(), Some(&self.trust_folder())),
            registries: &registries,
            platform: &self.platform,
            progress,
            gate: &Gate::new(2),
            jobs: self.jobs,
            secrets: &Secrets::default(),
            lock_timeout: pinfold_core::fs::LOCK_TIMEOUT,
        })
    }

    /// `pinfold fetch` of all pins.
    pub(crate) fn fetch(&self) -> Report {
        self.try_fetch(QUIET).expect("a report")
    }

    pub(crate) fn try_fetch(&self, conduct: Conduct) -> Result<Report, Fault> {
        self.with(&Silent, |ctx| fetch::run(ctx, &fetch::Options { pins: Vec::new(), conduct }))
    }

    /// `pinfold fetch` that must install or keep everything.
    pub(crate) fn fetch_all(&self) {
        let report = self.fetch();
        assert_eq!(report.verdict(), Verdict::Passed, "{}", human(&report));
    }

    /// `pinfold verify` of all pins.
    pub(crate) fn verify(&self) -> Report {
        self.with(&Silent, |ctx| {
            let options = verify::Options { evidence: QUIET.evidence, ..verify::Options::default() };
            verify::run(ctx, &options)
        })
        .expect("a report")
    }

    /// `pinfold cache gc`.
    pub(crate) fn collect(&self, dry_run: bool) -> Result<Report, Fault> {
        self.with(&Silent, |ctx| patiently(|| cache::gc(ctx, dry_run)))
    }

    /// The real command in this project, with a store of its own, no configuration of this machine, and no network but
    /// loopback.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
        command.current_dir(self.root()).env_clear().env("HOME", self.folder.path().join("home"));
        command.env("PINFOLD_CACHE", self.store_folder()).env("NPM_CONFIG_GLOBALCONFIG", "/nonexistent");
        command.env("PINFOLD_TRUST", self.trust_folder());
        command
    }

    /// Everything under a path: for a file its mode and text, for a link its target, for an empty folder nothing.
    pub(crate) fn tree(&self, to: &str) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        list(&self.path(to), "", &mut tree);
        tree
    }
}

fn list(path: &Path, name: &str, tree: &mut BTreeMap<String, String>) {
    let metadata = path.symlink_metadata().expect("something there");
    if metadata.is_symlink() {
        tree.insert(name.to_owned(), format!("-> {}", path.read_link().expect("a link").display()));
    } else if metadata.is_file() {
        let bytes = std::fs::read(path).expect("a file");
        let mode = metadata.permissions().mode() & 0o7777;
        tree.insert(name.to_owned(), format!("{mode:o} {}", String::from_utf8_lossy(&bytes)));
    } else {
        let mut names: Vec<String> = std::fs::read_dir(path)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        if names.is_empty() {
            tree.insert(format!("{name}/"), String::new());
        }
        for inner in names {
            let full = if name.is_empty() { inner.clone() } else { format!("{name}/{inner}") };
            list(&path.join(&inner), &full, tree);
        }
    }
}

/// Collects the store although it seems busy for a moment. Other tests start processes meanwhile, and between `fork` and
/// `exec` each has a copy of every lock that is held here.
pub(crate) fn patiently(collect: impl Fn() -> Result<Report, Fault>) -> Result<Report, Fault> {
    for _ in 0..50 {
        match collect() {
            Err(error) if error.code() == "store-busy" => std::thread::sleep(std::time::Duration::from_millis(5)),
            result => return result,
        }
    }
    collect()
}

/// The report as people see it.
pub(crate) fn human(report: &Report) -> String {
    render::report(report, &Style::default())
}

/// The registry of all projects in tests.
pub(crate) const REGISTRY: &str = "https://npm.example.com/";

/// The Python index of all projects in tests.
pub(crate) const INDEX: &str = "https://pypi.example.com/simple/";

/// The network as a map from URL to response.
#[derive(Default)]
pub(crate) struct Web {
    pages: Mutex<BTreeMap<String, Page>>,
    asked: Mutex<Vec<String>>,
    /// Who answers in place of the map, by how URLs begin.
    others: Mutex<Vec<(String, Arc<dyn Http>)>>,
}

/// A response.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Web {
    /// Serves bytes at a URL.
    pub(crate) fn serve(&self, url: &str, body: impl Into<Vec<u8>>) {
        self.answer(url, Page { status: 200, location: None, content_type: None, body: body.into() });
    }

    /// Serves a package where npm's registry would; returns its integrity.
    pub(crate) fn serve_npm(&self, name: &str, version: &str, files: &[(&str, &str)]) -> String {
        let package = npm_package(name, version, files);
        let integrity = integrity(&package);
        let base = name.rsplit('/').next().unwrap_or(name);
        self.serve(&format!("{REGISTRY}{name}/-/{base}-{version}.tgz"), package);
        integrity
    }

    /// Serves a package where npm's registry would, and returns what the registry says of that version; `more` is added to
    /// it, and wins.
    pub(crate) fn serve_listed(&self, name: &str, version: &str, files: &[(&str, &str)], more: Value) -> Value {
        let integrity = self.serve_npm(name, version, files);
        let mut listed = serde_json::json!({ "name": name, "version": version, "dist": { "integrity": integrity } });
        for (key, value) in more.as_object().expect("an object") {
            listed[key] = value.clone();
        }
        listed
    }

    /// Serves what npm's registry says of a package, the last version being the latest; versions are published a day apart.
    pub(crate) fn serve_packument(&self, name: &str, versions: &[Value]) {
        let text = |one: &Value| one["version"].as_str().expect("a version").to_owned();
        let times: serde_json::Map<String, Value> = versions
            .iter()
            .enumerate()
            .map(|(day, one)| (text(one), format!("2020-01-{:02}T00:00:00.000Z", day + 1).into()))
            .collect();
        let all: serde_json::Map<String, Value> = versions.iter().map(|one| (text(one), one.clone())).collect();
        let latest = versions.last().map(text);
        let document = serde_json::json!({ "dist-tags": { "latest": latest }, "versions": all, "time": times });
        self.serve(&format!("{REGISTRY}{}", name.replace('/', "%2f")), document.to_string());
    }

    /// What is served at a URL.
    pub(crate) fn body(&self, url: &str) -> Vec<u8> {
        self.pages.lock().expect("no panic").get(url).expect("a page").body.clone()
    }

    /// Serves nothing at a URL any more.
    pub(crate) fn remove(&self, url: &str) {
        self.pages.lock().expect("no panic").remove(url);
    }

    /// Serves nothing at all any more, and forgets what was asked.
    pub(crate) fn forget(&self) {
        self.pages.lock().expect("no panic").clear();
        self.others.lock().expect("no panic").clear();
        self.asked();
    }

    /// Answers a URL in any way.
    pub(crate) fn answer(&self, url: &str, page: Page) {
        self.pages.lock().expect("no panic").insert(url.to_owned(), page);
    }

    /// Leads everything that begins so to somebody else.
    pub(crate) fn lead(&self, prefix: &str, other: Arc<impl Http + 'static>) {
        self.others.lock().expect("no panic").push((prefix.to_owned(), other));
    }

    /// What was asked for since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl Http for Web {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let url = request.url.to_string();
        self.asked.lock().expect("no panic").push(url.clone());
        let others = self.others.lock().expect("no panic").clone();
        if let Some((_, other)) = others.iter().find(|(prefix, _)| url.starts_with(prefix)) {
            return other.exchange(request);
        }
        let missing = Page { status: 404, location: None, content_type: None, body: Vec::new() };
        let page = self.pages.lock().expect("no panic").get(&url).cloned().unwrap_or(missing);
        Ok(Response {
            status: page.status,
            location: page.location,
            content_length: u64::try_from(page.body.len()).ok(),
            content_type: page.content_type,
            content_encoding: None,
            retry_after: None,
            part: Default::default(),
            registry: pinfold_net::http::RegistryHeaders::default(),
            body: Box::new(Cursor::new(page.body)),
        })
    }
}

/// The SHA-512 of bytes as pins have it.
pub(crate) fn integrity(bytes: &[u8]) -> String {
    Integrity::of(Algorithm::Sha512, bytes).to_string()
}

/// A package as npm packs it: one folder `package`, with a package.json unless `files` has one.
pub(crate) fn npm_package(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Tar::default();
    if files.iter().all(|(path, _)| *path != "package.json") {
        tar = tar.file("package/package.json", format!("{{\"name\":\"{name}\",\"version\":\"{version}\"}}"));
    }
    for (path, text) in files {
        tar = tar.file(&format!("package/{path}"), text);
    }
    tar.gz()
}

/// A tar archive in the making.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn file(self, path: &str, body: impl AsRef<[u8]>) -> Self {
        self.member(path, b'0', 0o644, "", body.as_ref())
    }

    pub(crate) fn executable(self, path: &str, body: impl AsRef<[u8]>) -> Self {
        self.member(path, b'0', 0o755, "", body.as_ref())
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        self.member(path, b'5', 0o755, "", b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.member(path, b'2', 0o777, target, b"")
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.member(path, b'1', 0o644, target, b"")
    }

    /// Any member: ustar header (POSIX.1-1988), body, padding.
    pub(crate) fn member(mut self, path: &str, kind: u8, mode: u32, target: &str, body: &[u8]) -> Self {
        let mut header = [0_u8; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", body.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = kind;
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(body);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The archive, uncompressed.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    /// The archive in gzip.
    pub(crate) fn gz(self) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&self.bytes()).expect("memory");
        gz.finish().expect("memory")
    }
}

/// A table of pins.toml for a pin whose tree stands at `vendor/<name>`; `more` goes below.
pub(crate) fn pin(name: &str, source: &str, integrity: &str, more: &str) -> String {
    format!("[pins.{name}]\n{source}\nintegrity = \"{integrity}\"\nto = \"vendor/{name}\"\n{more}\n")
}

/// Both reports of one run, for one snapshot. Temporary folders and digests of archives are replaced: the first would
/// differ each time, the second whenever the compressor is updated.
pub(crate) fn both(project: &Project, report: &Report) -> String {
    scrub(project, &format!("{}\n{}", human(report), report.to_json()))
}

/// Text without what differs from run to run: temporary folders, and SHA-512 values, which become numbers in the order
/// in which they first come.
pub(crate) fn scrub(project: &Project, text: &str) -> String {
    let text = text.replace(&project.folder.path().display().to_string(), "TEMP");
    let mut seen: Vec<&str> = Vec::new();
    let mut scrubbed = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("sha512-") {
        let len = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)).count();
        let (digest, behind) = after.split_at(len);
        let number = seen.iter().position(|known| *known == digest).unwrap_or_else(|| {
            seen.push(digest);
            seen.len() - 1
        });
        scrubbed.push_str(&format!("{before}sha512-<{}>", number + 1));
        rest = behind;
    }
    scrubbed + rest
}

/// The codes of all findings of all rows, in order.
pub(crate) fn codes(report: &Report) -> Vec<&str> {
    report.rows.iter().flat_map(|row| &row.findings).map(|finding| finding.code.as_str()).collect()
}

/// The paths of all files below a folder, relative to it and sorted; none where there is no folder.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = BTreeMap::new();
    if folder.exists() {
        list(folder, "", &mut found);
    }
    found.into_keys().filter(|name| !name.ends_with('/')).collect()
}

/// A redirect.
pub(crate) fn redirect(location: &str) -> Page {
    Page { status: 302, location: Some(location.to_owned()), content_type: None, body: Vec::new() }
}
