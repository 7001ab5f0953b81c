//! Runs the tests, as the compiler's own harness does, but for one thing: a test that finds out that it cannot run here
//! ends by [`ignore`], and is counted and named as ignored, with the reason.
//!
//! What needs the tool, the kernel or the corpus decides that itself, while the test runs. The compiler's harness knows
//! `#[ignore]` only, which is fixed when the tests are compiled: a build script that looks for tools has to run before each
//! run of the tests to be believed, and cargo compiles the whole crate again after each run of its build script, whatever
//! came of it. `libtest-mimic` has tests that end as ignored, and needs clap with all its features, which are then those of
//! the command that is tested. What is left is little: `#[test]` of tests/attribute registers a function, and this file runs
//! the functions.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A function with `#[test]`.
pub(crate) struct Test {
    /// The path of the module that it is in, with that of the crate.
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    /// Why it is run by those alone who ask for it.
    pub(crate) ignored: Option<&'static str>,
}

inventory::collect!(Test);

impl Test {
    /// The name to choose it by: its path in this crate.
    fn path(&self) -> String {
        let module = self.module.split_once("::").map_or("", |(_, module)| module);
        if module.is_empty() { self.name.to_owned() } else { format!("{module}::{}", self.name) }
    }
}

/// The paths of all tests.
pub(crate) fn all() -> BTreeMap<String, &'static Test> {
    inventory::iter::<Test>.into_iter().map(|test| (test.path(), test)).collect()
}

/// Why a test cannot run here: what it unwinds with.
struct Ignored(String);

/// Ends the test: it cannot run here, for this reason. Not for what this project itself is to blame for.
pub(crate) fn ignore(reason: impl Into<String>) -> ! {
    // Without the hook, so that nothing is printed.
    std::panic::resume_unwind(Box::new(Ignored(reason.into())))
}

/// What a test ended with.
enum Outcome {
    Passed,
    Failed,
    Ignored(String),
}

impl Outcome {
    fn of(end: Result<(), Box<dyn Any + Send>>) -> Self {
        match end.map_err(|panic| panic.downcast::<Ignored>()) {
            Ok(()) => Self::Passed,
            Err(Ok(ignored)) => Self::Ignored(ignored.0),
            Err(Err(_)) => Self::Failed,
        }
    }
}

/// What is said to a test program; the same as to the compiler's.
#[derive(Default)]
struct Options {
    filters: Vec<String>,
    without: Vec<String>,
    is_exact: bool,
    is_list: bool,
    only_ignored: bool,
    with_ignored: bool,
    is_terse: bool,
    threads: Option<usize>,
}

impl Options {
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.flat_map(|argument| match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![argument],
        });
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--exact" => options.is_exact = true,
                "--list" => options.is_list = true,
                "--ignored" => options.only_ignored = true,
                "--include-ignored" => options.with_ignored = true,
                "--skip" => options.without.push(value()?),
                "--test-threads" => options.threads = Some(number(&value()?)?),
                "-q" | "--quiet" => options.is_terse = true,
                // Terse and pretty lists are the same here.
                "--format" => options.is_terse = value()? == "terse",
                // Nothing is captured: what a test prints is seen at once.
                "--nocapture" | "--no-capture" | "--show-output" => {}
                "--color" => drop(value()?),
                unknown if unknown.starts_with('-') => return Err(format!("unknown option {unknown}")),
                filter => options.filters.push(filter.to_owned()),
            }
        }
        if options.threads.is_none() {
            options.threads = std::env::var("RUST_TEST_THREADS").ok().map(|text| number(&text)).transpose()?;
        }
        Ok(options)
    }

    fn chooses(&self, path: &str, test: &Test) -> bool {
        let is = |filter: &String| if self.is_exact { path == filter } else { path.contains(filter) };
        (self.filters.is_empty() || self.filters.iter().any(is))
            && !self.without.iter().any(is)
            && (!self.only_ignored || test.ignored.is_some())
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| format!("{text} is no number of threads"))
}

/// What is written to standard output; where there is none, the exit code still says it.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Runs what the arguments choose.
pub(crate) fn main() -> ExitCode {
    let options = match Options::of(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            print(&format!("error: {wrong}\n"));
            return ExitCode::FAILURE;
        }
    };
    let all = all();
    let chosen: BTreeMap<&str, &Test> = (all.iter().map(|(path, test)| (path.as_str(), *test)))
        .filter(|(path, test)| options.chooses(path, test))
        .collect();
    if options.is_list {
        chosen.keys().for_each(|path| print(&format!("{path}: test\n")));
        return ExitCode::SUCCESS;
    }
    run(&chosen, all.len() - chosen.len(), &options)
}

/// How long nothing ends until what runs is named.
const LONG: Duration = Duration::from_secs(60);

fn run(chosen: &BTreeMap<&str, &Test>, unchosen: usize, options: &Options) -> ExitCode {
    let start = Instant::now();
    let panics = hear_panics();
    print(&format!("\nrunning {} tests\n", chosen.len()));
    let queue: Vec<(&str, &Test)> = chosen.iter().map(|(path, test)| (*path, *test)).collect();
    let next = AtomicUsize::new(0);
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let asks_for_ignored = options.only_ignored || options.with_ignored;
    let tally = std::thread::scope(|scope| {
        let (sender, events) = channel();
        for _ in 0..threads {
            let (sender, queue, next) = (sender.clone(), &queue, &next);
            scope.spawn(move || work(queue, next, asks_for_ignored, &sender));
        }
        // What is left are the threads' own: the events end with the last of them.
        drop(sender);
        Tally::of(&events, options.is_terse)
    });
    let (failed, ignored) = (tally.failed.len(), tally.ignored.values().sum::<usize>());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    print(&format!(
        "{}\ntest result: {word}. {} passed; {failed} failed; {ignored} ignored; 0 measured; {unchosen} filtered out; \
         finished in {:.2}s\n\n",
        tally.text(&panics.lock().expect("no panic in the hook")),
        tally.passed,
        start.elapsed().as_secs_f64(),
    ));
    // The code of the compiler's harness.
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

enum Event<'a> {
    Started(&'a str),
    Ended(&'a str, Outcome),
}

/// How the tests ended.
#[derive(Default)]
struct Tally<'a> {
    passed: usize,
    failed: Vec<&'a str>,
    /// How many, by reason.
    ignored: BTreeMap<String, usize>,
}

impl<'a> Tally<'a> {
    /// Says what ends as it does, and what does not end.
    fn of(events: &Receiver<Event<'a>>, is_terse: bool) -> Self {
        let mut tally = Self::default();
        let mut running = BTreeMap::new();
        loop {
            match events.recv_timeout(LONG) {
                Ok(Event::Started(path)) => drop(running.insert(path, Instant::now())),
                Ok(Event::Ended(path, outcome)) => {
                    running.remove(path);
                    let (word, mark) = match &outcome {
                        Outcome::Passed => ("ok".to_owned(), "."),
                        Outcome::Failed => ("FAILED".to_owned(), "F"),
                        Outcome::Ignored(reason) => (format!("ignored, {reason}"), "i"),
                    };
                    if is_terse {
                        print(mark)
                    } else {
                        print(&format!("test {path} ... {word}\n"))
                    }
                    tally.add(path, outcome);
                }
                Err(RecvTimeoutError::Timeout) => {
                    for (path, since) in &running {
                        print(&format!("test {path} has been running for {} seconds\n", since.elapsed().as_secs()));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return tally,
            }
        }
    }

    fn add(&mut self, path: &'a str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed.push(path),
            Outcome::Ignored(reason) => *self.ignored.entry(reason).or_default() += 1,
        }
    }

    /// Why tests were ignored, and what those said that failed.
    fn text(&self, panics: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        if !self.ignored.is_empty() {
            text.push_str("\nignored:\n");
            self.ignored.iter().for_each(|(reason, count)| text.push_str(&format!("    {count}: {reason}\n")));
        }
        if !self.failed.is_empty() {
            text.push_str("\nfailures:\n");
            for path in &self.failed {
                let said = panics.get(*path).map_or("", String::as_str);
                text.push_str(&format!("\n---- {path} ----\n{said}\n"));
            }
            text.push_str("\nfailures:\n");
            self.failed.iter().for_each(|path| text.push_str(&format!("    {path}\n")));
        }
        text
    }
}

/// Takes tests from the queue, each in a thread with its name, until there are none.
fn work<'a>(queue: &[(&'a str, &Test)], next: &AtomicUsize, asks_for_ignored: bool, results: &Sender<Event<'a>>) {
    while let Some(&(path, test)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
        let outcome = match test.ignored {
            Some(reason) if !asks_for_ignored => Outcome::Ignored(reason.to_owned()),
            _ => {
                results.send(Event::Started(path)).expect("the main thread counts");
                let thread = std::thread::Builder::new().name(path.to_owned());
                Outcome::of(thread.spawn(test.run).expect("a thread").join())
            }
        };
        results.send(Event::Ended(path, outcome)).expect("the main thread counts");
    }
}

/// What panics said, by the thread's name, which is the test's. That of other threads is seen at once.
fn hear_panics() -> &'static Mutex<BTreeMap<String, String>> {
    static HEARD: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let other = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
        Some(name) => {
            let trace = Backtrace::capture();
            let trace = if trace.status() == BacktraceStatus::Captured { format!("{trace}\n") } else { String::new() };
            let said = format!("{panic}\n{trace}");
            HEARD.lock().expect("no panic in here").entry(name.to_owned()).or_default().push_str(&said);
        }
        None => other(panic),
    }));
    &HEARD
}
