//! The page: whole in itself, safe with whatever evidence says, and fine in a real browser where there is one.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use pinfold::commands::{audit, explain, report, verify};
use pinfold::ctx::Ctx;
use pinfold::report::Report;
use pinfold_core::digest::Sha256;
use pinfold_net::http::Clock;

use crate::harness::ignore;
use crate::support::{Project, human, integrity, pin};
use crate::vsa::{FILE, REPOSITORY, artifact, built, fetched, vectors, with};

fn page(project: &Project, time: Option<i64>) -> (String, Report) {
    let paper = with(project, |ctx| report::run(ctx, time)).expect("a page");
    (paper.document, paper.report)
}

/// A pin with proved evidence, one with evidence that is wrong, and one with none.
fn three() -> Project {
    let project = built("ok-actions", FILE, REPOSITORY);
    let wrong = "format = \"raw\"\n[pins.wrong.provenance]\nrepository = \"https://github.com/upstream/left\"\n\
                 attestation = \"evidence.json\"\n";
    let more = [
        pin("wrong", FILE, &integrity(&artifact()), wrong),
        pin("bare", FILE, &integrity(&artifact()), "format = \"raw\"\n"),
    ];
    project.pins(&format!("{}{}", project.read("pins.toml"), more.concat()));
    fetched(&project);
    let pins = project.read("pins.toml");
    let (before, after) = pins.split_once("[pins.wrong.provenance]").expect("a table");
    project.pins(&format!("{before}[pins.wrong.provenance]{}", after.replacen("upstream/left", "upstream/right", 1)));
    project
}

#[test]
fn the_page_tells_all_and_needs_nothing() {
    let project = three();
    let (page, report) = page(&project, None);
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
    for told in [
        "<strong>1</strong> with proved evidence",
        "<strong>1</strong> with evidence that is wrong",
        "<strong>wrong</strong>: its evidence is wrong.",
        "expected <code>https://github.com/upstream/right</code>",
        "<strong>bare</strong>: no evidence of who built it is recorded.",
        "<title>https://github.com/upstream/left</title>",
        "class='line gap'",
    ] {
        assert!(page.contains(told), "{told}\n{page}");
    }
    for loader in ["<script", "src=", "@import", "url(", "srcset", "<iframe", "<object", "<form", " style=", " onload"]
    {
        assert!(!page.contains(loader), "{loader}");
    }
    // The policy lets through the one style, by its hash, and nothing else.
    let (_, rest) = page.split_once("<style>").expect("a style");
    let (style, _) = rest.split_once("</style>").expect("its end");
    let policy = format!("content=\"default-src 'none'; style-src '{}';", Sha256::of(style.as_bytes()));
    assert!(page.contains(&policy), "{policy}");
    assert_eq!(page.matches("<style").count(), 1);
    let links: BTreeSet<&str> =
        page.split("href='").skip(1).filter_map(|rest| rest.split_once('\'')).map(|(url, _)| url).collect();
    assert!(links.iter().all(|url| url.starts_with("https://") || *url == "data:,"), "{links:?}");
}

#[test]
fn the_same_bytes_each_time_and_no_time_unasked() {
    let (one, mut other) = (three(), three());
    let (first, _) = page(&one, None);
    other.jobs = 1;
    assert_eq!(page(&other, None).0, first);
    assert!(!first.contains("As of") && !first.contains(&one.root().display().to_string()));
    assert!(page(&one, Some(0)).0.contains("<p>As of 1970-01-01T00:00:00Z.</p>"));
}

#[test]
fn what_holds_by_the_record_alone_is_no_proof() {
    let project = built("ok-actions", "url = \"https://example.com/artifact.bin\"", REPOSITORY);
    fetched(&project);
    assert!(page(&project, None).0.contains("<strong>1</strong> with proved evidence"));
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let (page, report) = page(&project, None);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert!(page.contains("<strong>0</strong> with proved evidence") && page.contains(">L0<"), "{page}");
    assert!(page.contains("only the record says are the pinned ones") && !page.contains("class='line'"), "{page}");
}

#[test]
fn what_pins_say_is_text() {
    let project = Project::new(&pin("x", "url = \"https://example.com/<b>'&\\\"\"", &integrity(b"x"), ""));
    if let Ok(paper) = with(&project, |ctx| report::run(ctx, None)) {
        assert!(!paper.document.contains("<b>"), "{}", paper.document);
    }
    let file = pin("x", "file = \"a & b's.bin\"", &integrity(b"x"), "");
    let (page, _) = page(&Project::new(&file), None);
    assert!(page.contains("file:a &amp; b&#39;s.bin"), "{page}");
}

/// A browser.
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|path| path.is_file()).unwrap_or_else(|| ignore("needs chromium"))
}

/// Serves the page at every address, and tells what was asked for.
fn serve(page: String) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            let Some(Ok(request)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = tell.send(request);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    (port, told)
}

#[test]
fn a_real_browser_has_nothing_to_complain_of() {
    let chromium = chromium();
    let project = three();
    let (page, _) = page(&project, None);
    let (port, asked) = serve(page.clone());
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--v=0"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", &format!("http://127.0.0.1:{port}/page")])
        .output()
        .expect("a browser");
    let [dom, log] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(dom.contains("<strong id=\"bare\">bare</strong>"), "{dom}\n{log}");
    assert!(dom.contains("</svg>"), "{dom}");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let mut requests = Vec::new();
    while let Ok(request) = asked.recv_timeout(Duration::from_millis(200)) {
        requests.push(request);
    }
    assert_eq!(requests, ["GET /page HTTP/1.1"], "the page asks for nothing");
}

/// A clock of the test's own, for all that asks what day it is.
struct At(i64);

impl Clock for At {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(self.0).expect("after 1970"))
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

/// A verdict that an earlier run reached says so wherever it is told, and holds from then on and not before.
#[test]
fn a_verdict_that_is_recalled_says_so() {
    let project = built("ok-actions", FILE, REPOSITORY);
    let now =
        i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("now").as_secs()).expect("now");
    let verified = |seconds: i64| {
        let clock = At(seconds);
        with(&project, |ctx| verify::run(&Ctx { clock: &clock, ..*ctx }, &verify::Options::default()))
            .expect("a report")
    };
    let recalled = |report: &Report| {
        assert_eq!(report.exit_code(), 0, "{}", human(report));
        let said = human(report).contains("recalled");
        let document: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(document["recalled"].as_u64() == Some(1), said, "{document}");
        assert_eq!(document["rows"][0]["evidence"]["recalled"].as_bool() == Some(true), said, "{document}");
        assert_eq!(report.summary.contains("--no-cached-verdicts"), said, "{}", report.summary);
        said
    };
    fetched(&project);
    assert!(recalled(&verified(now + 10)));
    // Before the day on which it was reached it is no verdict: what is from the future is found out afresh.
    assert!(!recalled(&verified(now - 86_400)));
    // That one holds from then on.
    assert!(recalled(&verified(now - 86_400)));
    assert!(recalled(&verified(now + 10)));
    // Who says so has all of it proved.
    let afresh = with(&project, |ctx| {
        let verdicts = ctx.verdicts.forgetful();
        verify::run(&Ctx { verdicts: &verdicts, ..*ctx }, &verify::Options::default())
    });
    assert!(!recalled(&afresh.expect("a report")));
    let command = |more: &[&str]| {
        let mut command = project.command();
        command.args(["verify", "--json", "--trusted-root"]).arg(vectors().join("trusted_root.json")).args(more);
        let said = command.output().expect("the command").stdout;
        serde_json::from_slice::<serde_json::Value>(&said).expect("JSON")["recalled"].as_u64()
    };
    command(&[]);
    assert_eq!((command(&[]), command(&["--no-cached-verdicts"])), (Some(1), None));
    // What is kept by others is proved for them.
    let (page, report) = page(&project, None);
    assert!(page.contains("Evidence was proved again for this page"), "{page}");
    assert_eq!(report.recalled(), 0);
    for report in [
        with(&project, |ctx| audit::run(ctx, &audit::Options { offline: true, ..audit::Options::default() })),
        with(&project, |ctx| explain::run(ctx, "left")),
    ] {
        assert_eq!(report.expect("a report").recalled(), 0);
    }
}
