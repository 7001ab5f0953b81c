//! Many projects at once: `--projects-from LIST`, one JSON line a project and pin as it is done.
//!
//! Memory is that of the projects at work, whatever the length of the list: nothing is kept of one that is done, but for
//! the worst verdict and some counts. A project that cannot be read is a line, never the end of the run. A run that was
//! cut off goes on where it stopped, from its own output ([`Done`]).

use std::collections::HashSet;
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::ctx::{Ctx, Silent};
use crate::report::{Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::FsError;
use pinfold_core::text::{Secrets, plain_json};

use super::{audit, verify};

/// The value of `schema` in every line of this version.
pub const SCHEMA: &str = "pinfold/line/v1";

/// Longest line of a list, in bytes: the longest path that Linux takes (`PATH_MAX`).
pub const MAX_PATH_LEN: usize = 4096;

/// How a run over many projects came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Projects that were worked on.
    pub projects: u64,
    /// Projects that were done before.
    pub resumed: u64,
    /// Pins that were worked on, and projects that could not be read.
    pub lines: u64,
    /// How many of those passed.
    pub passed: u64,
    /// The worst verdict, those from before included; `None` where there was nothing at all.
    pub worst: Option<Verdict>,
}

impl Tally {
    /// The exit code: that of the worst verdict. Nothing to look at is no success.
    pub fn exit_code(&self) -> u8 {
        self.worst.unwrap_or(Verdict::Failed).exit_code()
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let resumed = match self.resumed {
            0 => String::new(),
            resumed => format!(", {resumed} done before"),
        };
        let others = self.lines.saturating_sub(self.passed);
        let noun = if self.projects == 1 { "project" } else { "projects" };
        format!("{} {noun}{resumed}: {} passed, {others} did not", self.projects, self.passed)
    }
}

/// What is done with each project.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The command's word.
    pub command: &'a str,
    /// How many projects are worked on at once.
    pub jobs: usize,
    /// What no line shows.
    pub secrets: &'a Secrets,
}

impl<'a> Run<'a> {
    const fn of(command: &'a str, ctx: &Ctx<'a>) -> Self {
        Self { command, jobs: ctx.jobs, secrets: ctx.secrets }
    }
}

/// One line of output.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'a str,
    command: &'a str,
    project: &'a str,
    /// Which line of how many of the project's this is, from 1: a run that was cut off may have left some of them.
    line: usize,
    lines: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    verdict: &'a str,
    codes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// What of a [`Line`] a later run needs.
#[derive(Deserialize)]
struct Before {
    schema: String,
    command: String,
    project: String,
    line: usize,
    lines: usize,
    verdict: String,
    codes: Vec<String>,
}

/// The projects that an earlier run has finished, read from its output.
#[derive(Debug, Default)]
pub struct Done {
    /// Those whose last line is there: a project's lines are written at once and in order.
    projects: HashSet<String>,
    worst: Option<Verdict>,
    /// Whether the output ends within a line.
    torn: bool,
}

impl Done {
    /// Reads the output of an earlier run of `command`. What is no line of it, such as one that was cut off, is passed
    /// over: its project is worked on again.
    pub fn read(command: &str, output: &mut dyn BufRead) -> io::Result<Self> {
        let mut done = Self::default();
        while let Some(line) = next_line(output, MAX_LINE_LEN)? {
            done.torn = !line.ended;
            let Ok(before) = serde_json::from_slice::<Before>(&line.text) else { continue };
            let verdict = [Verdict::Passed, Verdict::Failed, Verdict::Unverifiable, Verdict::Refused];
            let verdict = verdict.into_iter().find(|verdict| verdict.name() == before.verdict);
            let (Some(verdict), true, true) =
                (verdict, line.ended, before.schema == SCHEMA && before.command == command)
            else {
                continue;
            };
            done.worst = done.worst.max(Some(verdict));
            // What is no path is told as text that another project may be called.
            if before.line == before.lines && !before.codes.iter().any(|code| code == NO_PATH) {
                done.projects.insert(before.project);
            }
        }
        Ok(done)
    }

    fn has(&self, project: &str) -> bool {
        self.projects.contains(project)
    }
}

/// What all threads share.
struct Shared<'a> {
    list: &'a mut (dyn BufRead + Send),
    out: &'a mut (dyn io::Write + Send),
    tally: Tally,
    failure: Option<Fault>,
}

/// Calls `work` for the pin file of every project of a list, on as many threads as `jobs` says, and writes what came out
/// as it is done. The lines of a project stand together; projects come in the order in which they are done.
pub fn each(
    run: &Run<'_>,
    list: &mut (dyn BufRead + Send),
    done: &Done,
    out: &mut (dyn io::Write + Send),
    work: &(dyn Fn(&Path) -> Result<Report, Fault> + Sync),
) -> Result<Tally, Fault> {
    let Run { command, jobs, secrets } = *run;
    let tally = Tally { worst: done.worst, ..Tally::default() };
    let shared = Mutex::new(Shared { list, out, tally, failure: None });
    if done.torn {
        lock(&shared).write("\n");
    }
    let run = || {
        while let Some(project) = next(&shared, done) {
            let text = match &project {
                Ok(project) => {
                    let result = work(&pin_file(project));
                    lock(&shared).tally.count(&result);
                    lines(command, project, &result, secrets)
                }
                Err(unreadable) => {
                    lock(&shared).tally.one(Verdict::Failed);
                    let why = (NO_PATH, "the line is no path in UTF-8, or too long");
                    alone(command, unreadable, Verdict::Failed, why)
                }
            };
            lock(&shared).write(&text);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            // As many as are to be had, this one at least.
            if std::thread::Builder::new().spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
    let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    shared.failure.map_or(Ok(shared.tally), Err)
}

/// `pinfold verify` of many projects.
pub fn verify(
    ctx: &Ctx<'_>,
    options: &verify::Options,
    list: &mut (dyn BufRead + Send),
    done: &Done,
    out: &mut (dyn io::Write + Send),
) -> Result<Tally, Fault> {
    // One thread a project: with many of them there is always another to work on.
    let work = |pin_file: &Path| verify::run(&Ctx { pin_file, jobs: 1, progress: &Silent, ..*ctx }, options);
    each(&Run::of("verify", ctx), list, done, out, &work)
}

/// `pinfold audit` of many projects. Registries are those of this folder: a project's own `.npmrc` is not read.
pub fn audit(
    ctx: &Ctx<'_>,
    options: &audit::Options,
    list: &mut (dyn BufRead + Send),
    done: &Done,
    out: &mut (dyn io::Write + Send),
) -> Result<Tally, Fault> {
    let work = |pin_file: &Path| audit::run(&Ctx { pin_file, jobs: 1, progress: &Silent, ..*ctx }, options);
    each(&Run::of("audit", ctx), list, done, out, &work)
}

fn lock<'m, 'a>(shared: &'m Mutex<Shared<'a>>) -> MutexGuard<'m, Shared<'a>> {
    // Whoever panicked has left whole values behind.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next project that is not done; the line as it stands where it is no path.
fn next(shared: &Mutex<Shared<'_>>, done: &Done) -> Option<Result<String, String>> {
    let mut shared = lock(shared);
    loop {
        if shared.failure.is_some() {
            return None;
        }
        let line = match next_line(shared.list, MAX_PATH_LEN) {
            Ok(line) => line?,
            Err(source) => {
                shared.failure = Some(FsError::new("read", "the list of projects", source).into());
                return None;
            }
        };
        if line.text.is_empty() {
            continue;
        }
        let project = match String::from_utf8(line.text) {
            Ok(project) if !line.cut => Ok(project),
            Ok(project) => Err(project),
            Err(error) => Err(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        };
        if project.as_ref().is_ok_and(|project| done.has(project)) {
            shared.tally.resumed = shared.tally.resumed.saturating_add(1);
            continue;
        }
        return Some(project);
    }
}

impl Shared<'_> {
    fn write(&mut self, text: &str) {
        // At once, so that what is there is whole lines of whole projects, but where the system itself cuts.
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(source) = written {
            self.failure.get_or_insert_with(|| FsError::new("write to", "standard output", source).into());
        }
    }
}

impl Tally {
    fn count(&mut self, result: &Result<Report, Fault>) {
        match result {
            Ok(report) => {
                self.projects = self.projects.saturating_add(1);
                for row in &report.rows {
                    self.line(row.verdict);
                }
            }
            Err(error) => self.one(error.verdict()),
        }
    }

    /// A project of which there is nothing but one line.
    fn one(&mut self, verdict: Verdict) {
        self.projects = self.projects.saturating_add(1);
        self.line(verdict);
    }

    fn line(&mut self, verdict: Verdict) {
        self.lines = self.lines.saturating_add(1);
        self.passed = self.passed.saturating_add(u64::from(verdict == Verdict::Passed));
        self.worst = self.worst.max(Some(verdict));
    }
}

/// A project's pin file: the path itself where it is one of a `.toml`, else that of the folder.
fn pin_file(project: &str) -> PathBuf {
    let path = Path::new(project);
    if path.extension().is_some_and(|extension| extension == "toml") { path.to_owned() } else { path.join("pins.toml") }
}

fn lines(command: &str, project: &str, result: &Result<Report, Fault>, secrets: &Secrets) -> String {
    match result {
        Ok(report) => {
            let all = report.rows.len();
            (1..).zip(&report.rows).map(|(number, row)| line(command, project, (number, all), row)).collect()
        }
        Err(error) => alone(command, project, error.verdict(), (error.code(), &secrets.hide(&error.to_string()))),
    }
}

fn line(command: &str, project: &str, (line, lines): (usize, usize), row: &Row) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for finding in &row.findings {
        if !codes.contains(&finding.code.as_str()) {
            codes.push(&finding.code);
        }
    }
    let source = (!row.source.is_empty()).then_some(row.source.as_str());
    let (pin, verdict) = (Some(row.subject.as_str()), row.verdict.name());
    written(&Line { schema: SCHEMA, command, project, line, lines, pin, source, verdict, codes, message: None })
}

/// The one line of a project of which there is nothing else to say.
fn alone(command: &str, project: &str, verdict: Verdict, (code, message): (&str, &str)) -> String {
    let (verdict, codes) = (verdict.name(), vec![code]);
    // Cut where the whole line could not be read again; see [`MAX_LINE_LEN`].
    let end = (0..=MAX_MESSAGE_LEN.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
    let message = message.get(..end.unwrap_or_default());
    written(&Line {
        schema: SCHEMA,
        command,
        project,
        line: 1,
        lines: 1,
        pin: None,
        source: None,
        verdict,
        codes,
        message,
    })
}

#[expect(clippy::expect_used, reason = "strings and numbers are JSON")]
fn written(line: &Line<'_>) -> String {
    format!("{}\n", plain_json(&serde_json::to_string(line).expect("JSON")))
}

/// A line of text.
struct Text {
    text: Vec<u8>,
    /// Whether it was longer, so that only its beginning is here.
    cut: bool,
    /// Whether a line feed ended it.
    ended: bool,
}

/// The next line without its line feed, of which at most `limit` bytes are kept; `None` at the end.
fn next_line(from: &mut dyn BufRead, limit: usize) -> io::Result<Option<Text>> {
    let mut text = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    if (&mut *from).take(most).read_until(b'\n', &mut text)? == 0 {
        return Ok(None);
    }
    if text.last() == Some(&b'\n') {
        text.pop();
        return Ok(Some(Text { text, cut: false, ended: true }));
    }
    let cut = text.len() > limit;
    let ended = if cut { skip_line(from)? } else { false };
    text.truncate(limit);
    Ok(Some(Text { text, cut, ended }))
}

/// Passes over the rest of a line; whether it has an end.
fn skip_line(from: &mut dyn BufRead) -> io::Result<bool> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                from.consume(at.saturating_add(1));
                return Ok(true);
            }
            None => {
                let len = buffer.len();
                from.consume(len);
            }
        }
    }
}

/// The code of a line that is no path.
const NO_PATH: &str = "project-path";
/// Longest line of an output that is read again: a path and a message, each with every byte as an escape of six, and a code
/// for each kind of finding.
const MAX_LINE_LEN: usize = 64 << 10;
/// Longest message of a line, in bytes.
const MAX_MESSAGE_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_written_can_be_read_again() {
        let project = "\u{1}".repeat(MAX_PATH_LEN);
        for message in ["\u{1}".repeat(100_000), "\u{e9}".repeat(100_000), format!("x{}", "\u{e9}".repeat(100_000))] {
            let text = alone("verify", &project, Verdict::Failed, ("syntax", &message));
            assert!(text.len() <= MAX_LINE_LEN, "{}", text.len());
            let done = Done::read("verify", &mut text.as_bytes()).expect("read");
            assert!(done.has(&project));
        }
    }
}
