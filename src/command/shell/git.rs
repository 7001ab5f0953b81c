//! git, asked for what is checked out; the one program that `attest` runs. Every call goes through [`Git::run`], which
//! forbids what [`FORBIDDEN`] lists: without it, the files of a checkout name programs that git runs.
//!
//! git is asked of a repository at a `.git` only. A folder of a commit may have git's own files (`HEAD`, `config`,
//! `objects`, `refs`), and git takes such a folder for a repository; what is in it is content, and obeyed by nothing here.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};

use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::text::Location;
use pinfold_sign::build::{Checkout, Source, repository};

use crate::world::variable;

/// What git says of the checkout that a pin file is in; `None` where it is in none, or in one without a commit. `place` is
/// what [`Place::of`] found before a command ran, that may have laid out another checkout where git would look first.
pub(crate) fn checkout(pin_file: &Path, place: Option<&Place>) -> Result<Option<Checkout>, Fault> {
    let Some(place) = place else { return Ok(None) };
    let folder = pin_file.parent().unwrap_or(Path::new(""));
    let git = Git::at(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }, place);
    let Some(commit) = git.line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])? else { return Ok(None) };
    let source = Source { repository: git.repository()?, git_ref: git.reference()?, commit };
    let prefix = git.line(&["rev-parse", "--show-prefix"])?.unwrap_or_default();
    let mut dirty = dirty(place)?;
    // One that git ignores is not in the commit, which then has nothing to do with what was built.
    let name = pin_file.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let own = format!("{prefix}{name}");
    if git.text(&["ls-files", "-z", &format!(":(top,literal){own}")])?.is_empty() && !dirty.contains(&own) {
        dirty.push(own);
        dirty.sort();
    }
    Ok(Some(Checkout { source, prefix, dirty }))
}

/// Where a checkout and git's own files are.
pub(crate) struct Place {
    /// The repository.
    repository: PathBuf,
    /// The repository that it shares objects and configuration with, in a linked worktree; else the same.
    common: PathBuf,
    /// The top of the checkout.
    top: PathBuf,
}

impl Place {
    /// Finds the checkout that a folder is in; `None` where it is in none. Refuses a repository that is not at a `.git`.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>, Fault> {
        let git = Git { folder, place: None, asks: Asks::Nothing, filters: Vec::new() };
        let inside = git.run(&["rev-parse", "--is-inside-work-tree"])?;
        if !inside.status.success() {
            let said = String::from_utf8_lossy(&inside.stderr);
            // The words of a folder that is no repository; all others (`safe.directory`, a broken one) are told as they are.
            return if said.contains("not a git repository") { Ok(None) } else { Err(failed(&inside)) };
        }
        if inside.stdout.trim_ascii() != b"true" {
            return Ok(None);
        }
        let path = |of| {
            let line = git.line(&["rev-parse", "--path-format=absolute", of])?;
            Ok::<_, Fault>(PathBuf::from(line.unwrap_or_default()))
        };
        let (top, repository, common) = (path("--show-toplevel")?, path("--git-dir")?, path("--git-common-dir")?);
        // For git before 2.38, which does not know `safe.bareRepository`, and for `core.worktree`, by which a repository
        // declares another folder to be its checkout.
        if !fs::canonical(folder)?.starts_with(&top) || linked(&top)? != Some(fs::canonical(&repository)?) {
            let said = format!("the repository `{}` is not the `.git` of the checkout", repository.display());
            return Err(no_answer(&said));
        }
        Ok(Some(Self { repository, common, top }))
    }

    /// What git obeys and what it is told by: whoever writes there has git run programs. Absolute; of submodules too.
    pub(crate) fn own(&self) -> Result<Vec<PathBuf>, Fault> {
        let mut own = vec![self.top.join(".git"), self.repository.clone(), self.common.clone()];
        for folder in self.submodules()? {
            match Self::at_top(&folder)? {
                Some(inner) => own.extend(inner.own()?),
                // The empty folder of one that is not checked out.
                None => own.push(folder),
            }
        }
        own.sort();
        own.dedup();
        Ok(own)
    }

    /// The folders of the submodules, absolute.
    fn submodules(&self) -> Result<Vec<PathBuf>, Fault> {
        let staged = Git::at(&self.top, self).text(&["ls-files", "--stage", "-z", "--full-name", ":/"])?;
        // Mode, object, stage, a tab, and the path (git-ls-files(1), "OUTPUT").
        let links = staged.split('\0').filter(|entry| entry.starts_with("160000 "));
        Ok(links.filter_map(|entry| Some(self.top.join(entry.split_once('\t')?.1))).collect())
    }

    /// The checkout that a folder is the top of.
    fn at_top(folder: &Path) -> Result<Option<Self>, Fault> {
        if folder.join(".git").symlink_metadata().is_err() {
            return Ok(None);
        }
        let found = Self::of(folder)?;
        let here = fs::canonical(folder)?;
        Ok(found.filter(|found| found.top == here))
    }
}

/// The repository that the `.git` of a folder is, or leads to (gitrepository-layout(5)).
fn linked(top: &Path) -> Result<Option<PathBuf>, Fault> {
    let path = top.join(".git");
    if !path.is_file() {
        return Ok(if path.is_dir() { Some(fs::canonical(&path)?) } else { None });
    }
    let text = fs::read(&path, MAX_LINK_LEN)?;
    let target = std::str::from_utf8(&text).ok().and_then(|text| text.strip_prefix("gitdir: "));
    Ok(match target {
        Some(target) => Some(fs::canonical(&top.join(target.trim_end_matches(['\n', '\r'])))?),
        None => None,
    })
}

/// All paths that differ from the commit, relative to the top.
fn dirty(place: &Place) -> Result<Vec<String>, Fault> {
    let git = Git::at(&place.top, place);
    // Now, and not when the place was found: the configuration may include a file that a command wrote since.
    let git = Git { filters: git.filters()?, ..git };
    let status = [
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--ignored=no",
        // git would ask each submodule by that submodule's own configuration; what is in one is looked at below.
        "--ignore-submodules=dirty",
        "--no-renames",
    ];
    let status = git.text(&status)?;
    // Two letters and a space before each path (git-status(1), "Porcelain Format Version 1").
    let mut dirty: Vec<String> = status.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect();
    // Small letters are of files that git was told to assume unchanged, and does not look at; `S` of those that need
    // not be there (`skip-worktree`), which is a sparse checkout where they are not.
    let flags = git.text(&["ls-files", "-v", "-z", "--full-name", ":/"])?;
    for entry in flags.split('\0') {
        let Some((tag, path)) = entry.split_once(' ') else { continue };
        let assumed = tag.starts_with(|one: char| one.is_ascii_lowercase());
        if assumed || tag == "S" && place.top.join(path).symlink_metadata().is_ok() {
            dirty.push(path.to_owned());
        }
    }
    for folder in place.submodules()? {
        let Some(inner) = Place::at_top(&folder)? else { continue };
        let path = folder.strip_prefix(&place.top).unwrap_or(&folder).to_string_lossy().into_owned();
        let inside = self::dirty(&inner)?;
        if !inside.is_empty() {
            dirty.push(path.clone());
        }
        dirty.extend(inside.into_iter().map(|one| format!("{path}/{one}")));
    }
    dirty.sort();
    dirty.dedup();
    Ok(dirty)
}

/// When the commit that is checked out was made, in seconds since 1970: what a reproducible build takes for its time.
pub(crate) fn commit_time(place: &Place) -> Result<Option<i64>, Fault> {
    let git = Git::at(&place.top, place);
    let time = git.line(&["show", "--no-patch", "--no-show-signature", "--format=%ct", "HEAD"])?;
    Ok(time.and_then(|time| time.parse().ok()))
}

/// The commit to check out, and where it is to be had.
pub(crate) struct Wanted<'a> {
    pub(crate) commit: &'a str,
    /// The repository that the statement names, for a message.
    pub(crate) repository: Option<&'a str>,
    /// The repository that the caller names.
    pub(crate) source: Option<&'a str>,
}

/// Checks a commit out into a new folder: from the checkout that `here` is in, or from where the caller says. Only what
/// the caller names is asked over a network.
pub(crate) fn check_out(here: &Path, wanted: &Wanted<'_>, to: &Path) -> Result<Place, Fault> {
    let Wanted { commit, repository, source } = *wanted;
    let from = match source {
        // git would take a folder for one below `here`.
        Some(source) => fs::canonical(Path::new(source)).map_or(source.to_owned(), |path| path.display().to_string()),
        None => Place::of(here)?.map(|place| place.top.display().to_string()).unwrap_or_default(),
    };
    let absent = || {
        let place = if from.is_empty() { here.display().to_string() } else { from.clone() };
        let fault = Fault::failed("commit-absent", format!("there is no commit `{commit}` in `{}`", Location(&place)));
        let from = repository.unwrap_or("URL");
        fault.hint(format!("fetch it with git, or say where it is: `--source {from}`"))
    };
    if from.is_empty() {
        return Err(absent());
    }
    let (Some(target), Some(parent)) = (to.to_str(), to.parent()) else { return Err(absent()) };
    // Without templates: they may bring hooks along. By the protocol, so that each object is hashed, and nothing of the
    // source but objects and names of commits gets here.
    let outside = Git { folder: parent, place: None, asks: Asks::Source, filters: Vec::new() };
    let clone = ["clone", "--quiet", "--no-checkout", "--no-local", "--no-recurse-submodules", "--template="];
    outside.text(&[&clone[..], &["--", &from, target]].concat())?;
    let place = Place::of(to)?.ok_or_else(absent)?;
    let copy = Git { asks: Asks::Source, ..Git::at(to, &place) };
    let object = format!("{commit}^{{commit}}");
    if copy.line(&["rev-parse", "--verify", "--quiet", &object])?.is_none() {
        // One that no branch leads to; a server hands it out, or does not.
        let _ = copy.run(&["fetch", "--quiet", "--no-recurse-submodules", "origin", commit])?;
        copy.line(&["rev-parse", "--verify", "--quiet", &object])?.ok_or_else(absent)?;
    }
    let checkout = ["-c", "core.autocrlf=false", "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach"];
    copy.text(&[&checkout[..], &["--no-recurse-submodules", commit]].concat())?;
    Ok(place)
}

/// What git may ask for over a network, or of another repository on this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    /// What the caller named as the source, with the caller's own credential helper and ssh.
    Source,
}

struct Git<'a> {
    folder: &'a Path,
    /// The repository to ask of; where there is none, git looks for one.
    place: Option<&'a Place>,
    asks: Asks,
    /// What takes the place of filters: see [`Git::filters`].
    filters: Vec<(String, String)>,
}

impl<'a> Git<'a> {
    const fn at(folder: &'a Path, place: &'a Place) -> Self {
        Self { folder, place: Some(place), asks: Asks::Nothing, filters: Vec::new() }
    }

    /// The settings of filters that are the repository's own, each with the one of the user's configuration in its place,
    /// or with nothing: who can write to `.git/config` says what runs by it, and a filter runs for each file that changed.
    fn filters(&self) -> Result<Vec<(String, String)>, Fault> {
        let listed = self.text(&["config", "--list", "--null", "--show-scope"])?;
        let mut words = listed.split_terminator('\0');
        let (mut users, mut own) = (BTreeMap::new(), BTreeMap::new());
        while let (Some(scope), Some(entry)) = (words.next(), words.next()) {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            if key.starts_with("filter.") {
                let of = if ["local", "worktree"].contains(&scope) { &mut own } else { &mut users };
                of.insert(key.to_owned(), value.to_owned());
            }
        }
        let replaced = own.into_keys().map(|key| {
            let users = users.remove(&key);
            let none = if key.ends_with(".required") { "false" } else { "" };
            (key, users.unwrap_or_else(|| none.to_owned()))
        });
        Ok(replaced.collect())
    }

    /// Where the commit can be had: `origin`, or the only remote that there is.
    fn repository(&self) -> Result<Option<String>, Fault> {
        let names = self.text(&["remote"])?;
        let names: Vec<&str> = names.lines().collect();
        let name = match names[..] {
            [only] => only,
            _ if names.contains(&"origin") => "origin",
            _ => return Ok(None),
        };
        // As it is configured: what `insteadOf` makes of it is of this machine alone.
        let url = self.line(&["config", "--get", &format!("remote.{name}.url")])?;
        Ok(url.as_deref().and_then(repository))
    }

    /// The branch that is checked out, else the only tag of the commit.
    fn reference(&self) -> Result<Option<String>, Fault> {
        if let Some(branch) = self.line(&["symbolic-ref", "--quiet", "HEAD"])? {
            return Ok(Some(branch));
        }
        let tags = self.text(&["for-each-ref", "--points-at", "HEAD", "--format=%(refname)", "refs/tags/"])?;
        let mut tags = tags.lines();
        Ok(tags.next().filter(|_| tags.next().is_none()).map(str::to_owned))
    }

    /// One line of an answer, `None` where git says quietly that there is none.
    fn line(&self, args: &[&str]) -> Result<Option<String>, Fault> {
        let output = self.run(args)?;
        match output.status.code() {
            Some(0) => Ok(Some(text(&output)?.trim_end_matches('\n').to_owned())),
            Some(1) => Ok(None),
            _ => Err(failed(&output)),
        }
    }

    /// An answer.
    fn text(&self, args: &[&str]) -> Result<String, Fault> {
        let output = self.run(args)?;
        if output.status.success() { text(&output) } else { Err(failed(&output)) }
    }

    fn run(&self, args: &[&str]) -> Result<Output, Fault> {
        let mut command = process::Command::new("git");
        command.args(["--no-pager", "--no-optional-locks", "-C"]).arg(self.folder);
        if let Some(Place { repository, top, .. }) = self.place {
            command.arg("--git-dir").arg(repository).arg("--work-tree").arg(top);
        }
        command.args(args);
        for (name, value) in std::env::vars_os() {
            let known = name.to_string_lossy();
            if known == "PATH" {
                // A relative folder is wherever the command happens to be run: git would be a program of the checkout's.
                let absolute = std::env::split_paths(&value).filter(|folder| folder.is_absolute());
                command.env(&name, std::env::join_paths(absolute).unwrap_or_default());
            } else if known.starts_with("GIT_") && !KEPT.contains(&known.as_ref()) || known == "SSH_ASKPASS" {
                command.env_remove(&name);
            }
        }
        // The user's configuration is where no command of a build writes; in the checkout it is anybody's.
        let top = self.place.map(|place| place.top.as_path());
        let is_within = |name: &str| {
            let path = variable(name).map(PathBuf::from);
            path.is_some_and(|path| top.is_some_and(|top| fs::canonical(&path).unwrap_or(path).starts_with(top)))
        };
        if USERS.iter().any(|name| is_within(name)) {
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        }
        // Messages are told apart by their words, and replacements (git-replace(1)) are not what a commit is.
        command.env("LC_ALL", "C").env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_NO_LAZY_FETCH", "1");
        let transports = if self.asks == Asks::Source { "file:git:http:https:ssh" } else { "" };
        command.env("GIT_ALLOW_PROTOCOL", transports);
        // In the environment, as there the name of a filter may have any characters (git-config(1), GIT_CONFIG_COUNT).
        let filters = self.filters.iter().map(|(key, value)| (&**key, &**value));
        let asked = if self.asks == Asks::Source { &[] } else { FORBIDDEN_UNASKED };
        let settings = FORBIDDEN.iter().chain(asked).copied().chain(filters);
        let mut count = 0_usize;
        for (key, value) in settings {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count = count.saturating_add(1);
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let fault = Fault::failed("git-absent", "there is no `git` to ask for the commit");
                let hint = "install git, or say `--no-source`, and the statement says that no commit is known";
                fault.hint(hint)
            }
            _ => no_answer(&error.to_string()),
        })
    }
}

/// What git says has to be UTF-8: names of other encodings have no place in a statement.
fn text(output: &Output) -> Result<String, Fault> {
    String::from_utf8(output.stdout.clone()).map_err(|_| no_answer("a path or a name is not UTF-8"))
}

fn failed(output: &Output) -> Fault {
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES).collect();
    no_answer(&said.join(" ").replace(char::is_control, " "))
}

/// git does not answer; `said` has its own words, without control characters.
fn no_answer(said: &str) -> Fault {
    Fault::failed("git-failed", format!("git does not say what is checked out: {said}"))
}

/// Settings that the checkout could have otherwise, and that would run programs, ask others or hide changes. Beside them:
/// filters (see [`Git::filters`]), transports and the environment (see [`Git::run`]).
const FORBIDDEN: &[(&str, &str)] = &[
    ("safe.bareRepository", "explicit"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.alternateRefsCommand", ":"),
    ("core.editor", ":"),
    ("core.pager", ""),
    ("diff.external", ""),
    ("gpg.program", "false"),
    ("gpg.openpgp.program", "false"),
    ("gpg.ssh.program", "false"),
    ("gpg.x509.program", "false"),
    ("log.showSignature", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.untrackedCache", "false"),
    ("core.ignoreStat", "false"),
    ("core.checkStat", "default"),
    ("core.trustctime", "true"),
    ("core.fileMode", "true"),
    ("core.symlinks", "true"),
];

/// What besides is forbidden where the caller named no source to ask.
const FORBIDDEN_UNASKED: &[(&str, &str)] = &[
    ("core.sshCommand", "false"),
    ("core.gitProxy", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
];

/// The variables of git's that are obeyed: where the user's own configuration is, what git must not pass, and certificates.
/// All others name another checkout than the one that the project is in, as in a hook, or programs.
const KEPT: &[&str] = &[
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    // Makes git stricter, and nothing else.
    "GIT_TEST_ASSUME_DIFFERENT_OWNER",
];

/// By these git finds the user's configuration, and the system's.
const USERS: &[&str] = &["HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"];

/// Lines of git's words that a message has.
const LINES: usize = 4;
/// A `.git` that is a file holds one path.
const MAX_LINK_LEN: u64 = 64 << 10;
