//! git, asked for what is checked out; the one program that `attest` runs: without hooks, file-system monitor and pager,
//! without fetching what a partial clone lacks, and without what the environment says of another checkout. Filters
//! (gitattributes(5)) stay as they are configured: without them files differ that do not.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};

use pinfold::build::{Checkout, Source, repository};
use pinfold::error::{AttestError, Error, RunError};
use pinfold::fs;

/// What git says of the checkout that a pin file is in; `None` where it is in none, or in one without a commit. `place` is
/// what [`place`] found before a command ran, that may have laid out another checkout where git would look first.
pub(crate) fn checkout(pin_file: &Path, place: Option<&Place>) -> Result<Option<Checkout>, Error> {
    let folder = pin_file.parent().unwrap_or(Path::new(""));
    let git = Git { folder: if folder.as_os_str().is_empty() { Path::new(".") } else { folder }, place };
    let inside = git.run(&["rev-parse", "--is-inside-work-tree"])?;
    if !inside.status.success() {
        let said = String::from_utf8_lossy(&inside.stderr);
        // The words of a folder that is no repository; all others (`safe.directory`, a broken one) are told as they are.
        return if said.contains("not a git repository") { Ok(None) } else { Err(failed(&inside)) };
    }
    if inside.stdout.trim_ascii() != b"true" {
        return Ok(None);
    }
    let Some(commit) = git.line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])? else { return Ok(None) };
    let source = Source { repository: git.repository()?, git_ref: git.reference()?, commit };
    let prefix = git.line(&["rev-parse", "--show-prefix"])?.unwrap_or_default();
    let mut dirty = git.dirty()?;
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
    /// The top of the checkout.
    top: PathBuf,
    /// What git obeys and what it is told by: whoever writes there has git run programs. Absolute; of submodules too.
    pub(crate) own: Vec<PathBuf>,
}

impl Place {
    /// The submodules that are not there, and would be asked if they were.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &Path> {
        self.own.iter().map(PathBuf::as_path).filter(|path| path.symlink_metadata().is_err())
    }
}

/// Finds the place of the checkout that a folder is in.
pub(crate) fn place(folder: &Path) -> Result<Option<Place>, Error> {
    let git = Git { folder, place: None };
    let Some(top) = git.run(&["rev-parse", "--show-toplevel"]).ok().filter(|one| one.status.success()) else {
        return Ok(None);
    };
    let top = PathBuf::from(text(&top)?.trim_end_matches('\n'));
    let path =
        |of| Ok::<_, Error>(PathBuf::from(git.line(&["rev-parse", "--path-format=absolute", of])?.unwrap_or_default()));
    let (repository, common) = (path("--git-dir")?, path("--git-common-dir")?);
    let mut own = vec![top.join(".git"), repository.clone(), common];
    submodules(&top, &mut own)?;
    own.sort();
    own.dedup();
    Ok(Some(Place { repository, top, own }))
}

/// Adds the `.git` of each submodule, and the empty folder of one that is not checked out.
fn submodules(top: &Path, own: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in (Git { folder: top, place: None }).submodules()? {
        let folder = top.join(path);
        let link = folder.join(".git");
        if link.symlink_metadata().is_ok() {
            own.push(link);
            submodules(&folder, own)?;
        } else {
            own.push(folder);
        }
    }
    Ok(())
}

/// When the commit that is checked out was made, in seconds since 1970: what a reproducible build takes for its time.
pub(crate) fn commit_time(folder: &Path) -> Result<Option<i64>, Error> {
    let time =
        Git { folder, place: None }.line(&["show", "--no-patch", "--no-show-signature", "--format=%ct", "HEAD"])?;
    Ok(time.and_then(|time| time.parse().ok()))
}

/// Checks a commit out into a new folder: from the checkout that `here` is in, or from where the caller says. Only what
/// the caller names is asked over a network.
pub(crate) fn check_out(
    here: &Path,
    source: Option<&str>,
    (commit, repository): (&str, Option<&str>),
    to: &Path,
) -> Result<(), Error> {
    let local = Git { folder: here, place: None };
    let from = match source {
        // git would take a folder for one below `here`.
        Some(source) => fs::canonical(Path::new(source)).map_or(source.to_owned(), |path| path.display().to_string()),
        None => local.line(&["rev-parse", "--show-toplevel"]).ok().flatten().unwrap_or_default(),
    };
    let absent = || {
        let place = if from.is_empty() { here.display().to_string() } else { from.clone() };
        let (commit, repository) = (commit.to_owned(), repository.map(str::to_owned));
        Error::from(RunError::CommitAbsent { commit, place, repository })
    };
    if from.is_empty() {
        return Err(absent());
    }
    let target = to.to_str().ok_or_else(absent)?;
    // Without templates: they may bring hooks along.
    local.text(&["clone", "--quiet", "--no-checkout", "--template=", "--", &from, target])?;
    let copy = Git { folder: to, place: None };
    let object = format!("{commit}^{{commit}}");
    if copy.line(&["rev-parse", "--verify", "--quiet", &object])?.is_none() {
        // One that no branch leads to; a server hands it out, or does not.
        let _ = copy.run(&["fetch", "--quiet", "origin", commit])?;
        copy.line(&["rev-parse", "--verify", "--quiet", &object])?.ok_or_else(absent)?;
    }
    copy.text(&[
        "-c",
        "core.autocrlf=false",
        "-c",
        "advice.detachedHead=false",
        "checkout",
        "--quiet",
        "--detach",
        commit,
    ])?;
    Ok(())
}

struct Git<'a> {
    folder: &'a Path,
    place: Option<&'a Place>,
}

impl Git<'_> {
    /// Where the commit can be had: `origin`, or the only remote that there is.
    fn repository(&self) -> Result<Option<String>, Error> {
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
    fn reference(&self) -> Result<Option<String>, Error> {
        if let Some(branch) = self.line(&["symbolic-ref", "--quiet", "HEAD"])? {
            return Ok(Some(branch));
        }
        let tags = self.text(&["for-each-ref", "--points-at", "HEAD", "--format=%(refname)", "refs/tags/"])?;
        let mut tags = tags.lines();
        Ok(tags.next().filter(|_| tags.next().is_none()).map(str::to_owned))
    }

    /// The submodules, relative to the top.
    fn submodules(&self) -> Result<Vec<String>, Error> {
        let staged = self.text(&["ls-files", "--stage", "-z", "--full-name", ":/"])?;
        // Mode, object, stage, a tab, and the path (git-ls-files(1), "OUTPUT").
        let links = staged.split('\0').filter(|entry| entry.starts_with("160000 "));
        Ok(links.filter_map(|entry| Some(entry.split_once('\t')?.1.to_owned())).collect())
    }

    /// All paths that differ from the commit.
    fn dirty(&self) -> Result<Vec<String>, Error> {
        let status = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--ignored=no",
            "--ignore-submodules=none",
            "--no-renames",
        ];
        let status = self.text(&status)?;
        // Two letters and a space before each path (git-status(1), "Porcelain Format Version 1").
        let mut dirty: Vec<String> = status.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect();
        // Small letters are of files that git was told to assume unchanged, and does not look at; `S` of those that need
        // not be there (`skip-worktree`), which is a sparse checkout where they are not.
        let flags = self.text(&["ls-files", "-v", "-z", "--full-name", ":/"])?;
        for entry in flags.split('\0') {
            let Some((tag, path)) = entry.split_once(' ') else { continue };
            let assumed = tag.starts_with(|one: char| one.is_ascii_lowercase());
            if assumed || tag == "S" && self.is_there(path)? {
                dirty.push(path.to_owned());
            }
        }
        // git asks submodules by their own settings, and does not tell what is marked in them.
        for path in self.submodules()? {
            let folder = self.top()?.join(&path);
            if folder.join(".git").symlink_metadata().is_ok() {
                let inner = Git { folder: &folder, place: None }.dirty()?;
                dirty.extend(inner.into_iter().map(|one| format!("{path}/{one}")));
            }
        }
        dirty.sort();
        dirty.dedup();
        Ok(dirty)
    }

    /// The top of the checkout.
    fn top(&self) -> Result<PathBuf, Error> {
        Ok(self.line(&["rev-parse", "--show-toplevel"])?.unwrap_or_default().into())
    }

    /// Whether a path of the checkout is on disk.
    fn is_there(&self, path: &str) -> Result<bool, Error> {
        Ok(self.top()?.join(path).symlink_metadata().is_ok())
    }

    /// One line of an answer, `None` where git says quietly that there is none.
    fn line(&self, args: &[&str]) -> Result<Option<String>, Error> {
        let output = self.run(args)?;
        match output.status.code() {
            Some(0) => Ok(Some(text(&output)?.trim_end_matches('\n').to_owned())),
            Some(1) => Ok(None),
            _ => Err(failed(&output)),
        }
    }

    /// An answer.
    fn text(&self, args: &[&str]) -> Result<String, Error> {
        let output = self.run(args)?;
        if output.status.success() { text(&output) } else { Err(failed(&output)) }
    }

    fn run(&self, args: &[&str]) -> Result<Output, Error> {
        let mut command = process::Command::new("git");
        command.args(["--no-pager", "--no-optional-locks", "-C"]).arg(self.folder).args(FIXED);
        if let Some(Place { repository, top, .. }) = self.place {
            command.arg("--git-dir").arg(repository).arg("--work-tree").arg(top);
        }
        command.args(args);
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        // Messages are told apart by their words, and replacements (git-replace(1)) are not what a commit is.
        command.env("LC_ALL", "C").env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_NO_LAZY_FETCH", "1");
        command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => AttestError::GitAbsent.into(),
            _ => AttestError::Git { said: error.to_string() }.into(),
        })
    }
}

/// What git says has to be UTF-8: names of other encodings have no place in a statement.
fn text(output: &Output) -> Result<String, Error> {
    String::from_utf8(output.stdout.clone())
        .map_err(|_| AttestError::Git { said: "a path or a name is not UTF-8".to_owned() }.into())
}

fn failed(output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES).collect();
    AttestError::Git { said: said.join(" ").replace(char::is_control, " ") }.into()
}

/// Configuration that the checkout could have otherwise, and that would run programs or hide changes.
const FIXED: [&str; 16] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.ignoreStat=false",
    "-c",
    "core.checkStat=default",
    "-c",
    "core.trustctime=true",
    "-c",
    "core.fileMode=true",
    "-c",
    "core.symlinks=true",
];

/// Variables that name another checkout than the one that the project is in, as in a hook.
const ELSEWHERE: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_LITERAL_PATHSPECS",
];

/// Lines of git's words that a message has.
const LINES: usize = 4;
