//! What a source is asked for beside the bytes, and how its answers can be bad; and `pypi` pins through `fetch`.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use pinfold::install::Conduct;
use pinfold::report::{Level, Verdict};
use pinfold_core::digest::{Algorithm, Integrity, Sha256};
use pinfold_core::pins::Host;
use pinfold_core::url::Url;
use pinfold_net::http::{Clock, Http, HttpError, Request, Response, Rules, Timeouts};
use pinfold_net::registry::{self, Answer, AskError, Document, NpmSignatures};
use pinfold_net::source::credentials::{Credentials, Secret};

use crate::support::{INDEX, Page, Project, QUIET, Tar, codes, human, integrity, pin};

const NPM: &str = "https://npm.example.com/";
const API: &str = "https://api.github.com/";
const BLOBS: &str = "https://blobs.example.net/";

/// A network that answers from a map, hears all headers, and whose time is its own.
pub(crate) struct Net {
    answers: BTreeMap<String, Vec<Reply>>,
    asked: Mutex<Vec<Asked>>,
    slept: Mutex<Vec<Duration>>,
    start: Instant,
    credentials: Credentials,
    hosts: Option<Vec<Host>>,
}

/// A URL, and the headers that came with the question.
type Asked = (String, Vec<(&'static str, String)>);

/// One answer of a server; the last of a URL is given again and again.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: Option<&'static str>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<&'static str>,
    pub(crate) body: Vec<u8>,
    /// Bytes of `[` without end follow the body.
    pub(crate) endless: bool,
    /// The length that is announced, where it is not that of the body.
    pub(crate) announced: Option<u64>,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

pub(crate) fn body(body: impl AsRef<[u8]>) -> Reply {
    Reply { status: 200, kind: Some("application/json"), body: body.as_ref().to_vec(), ..Reply::default() }
}

pub(crate) fn leads_to(location: &str) -> Reply {
    Reply { location: Some(location.to_owned()), ..status(302) }
}

impl Net {
    fn new() -> Self {
        Self {
            answers: BTreeMap::new(),
            asked: Mutex::default(),
            slept: Mutex::default(),
            start: Instant::now(),
            credentials: Credentials::default(),
            hosts: None,
        }
    }

    pub(crate) fn one(url: &str, reply: Reply) -> Self {
        Self::new().with(url, [reply])
    }

    pub(crate) fn with(mut self, url: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        self.answers.insert(url.to_owned(), replies);
        self
    }

    fn token(mut self, base: &str, token: &str) -> Self {
        self.credentials.add(&url(base), Secret::bearer(token).expect("a token"));
        self
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        let mut rules = Rules::new(&self.credentials, &Timeouts::default(), self.start + Duration::from_secs(900));
        rules.hosts = self.hosts.as_deref();
        rules
    }

    fn npm(&self) -> Result<Answer, AskError> {
        registry::npm_attestations(self, &self.rules(), self, &url(NPM), "@s/a", "1.0.0")
    }

    fn signatures(&self) -> Result<NpmSignatures, AskError> {
        registry::npm_signatures(self, &self.rules(), self, &url(NPM), "@s/a", "1.0.0")
    }

    fn github(&self) -> Result<Answer, AskError> {
        registry::github_attestations(self, &self.rules(), self, &url(API), "o", "r", &Sha256::of(b"x"))
    }

    fn pypi(&self) -> Result<Answer, AskError> {
        let file = "a-1.0-py3-none-any.whl";
        registry::pypi_provenance(self, &self.rules(), self, &url(INDEX), "a", "1.0", file)
    }

    /// What was asked for, with the value of a header.
    pub(crate) fn heard(&self, header: &str) -> Vec<(String, Option<String>)> {
        let value = |headers: &[(&str, String)]| {
            headers.iter().find(|(name, _)| *name == header).map(|(_, value)| value.clone())
        };
        self.asked.lock().expect("no panic").iter().map(|(url, headers)| (url.clone(), value(headers))).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }
}

impl Http for Net {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let url = request.url.to_string();
        let mut asked = self.asked.lock().expect("no panic");
        let before = asked.iter().filter(|(other, _)| *other == url).count();
        asked.push((url.clone(), request.headers.clone()));
        let replies = self.answers.get(&url).unwrap_or_else(|| panic!("nobody is at {url}"));
        let reply = replies.iter().rev().nth(before).unwrap_or(&replies[0]).clone();
        let len = u64::try_from(reply.body.len()).expect("fits");
        let tail: Box<dyn Read + Send> = if reply.endless { Box::new(io::repeat(b'[')) } else { Box::new(io::empty()) };
        Ok(Response {
            status: reply.status,
            location: reply.location,
            content_length: if reply.endless { None } else { Some(reply.announced.unwrap_or(len)) },
            content_type: reply.kind.map(str::to_owned),
            content_encoding: None,
            retry_after: reply.retry_after.map(str::to_owned),
            part: Default::default(),
            registry: pinfold_net::http::RegistryHeaders::default(),
            body: Box::new(Cursor::new(reply.body).chain(tail)),
        })
    }
}

impl Clock for Net {
    fn now(&self) -> Instant {
        self.start + self.slept.lock().expect("no panic").iter().sum::<Duration>()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, pause: Duration) {
        self.slept.lock().expect("no panic").push(pause);
    }
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().expect("a url")
}

fn npm_url() -> String {
    format!("{NPM}-/npm/v1/attestations/@s%2fa@1.0.0")
}

fn github_url() -> String {
    format!("{API}repos/o/r/attestations/sha256:{}?per_page=100", Sha256::of(b"x").hex())
}

fn pypi_url() -> String {
    "https://pypi.example.com/integrity/a/1.0/a-1.0-py3-none-any.whl/provenance".to_owned()
}

/// One question to a service.
type Question = fn(&Net) -> Result<Answer, AskError>;

/// Each service: where it is asked, what it answers when all is well, and the question.
fn services() -> [(String, &'static str, Question); 3] {
    [
        (npm_url(), r#"{"attestations":[{"predicateType":"x","bundle":{}}]}"#, Net::npm),
        (github_url(), r#"{"attestations":[{"bundle":{"a":1},"repository_id":1}]}"#, Net::github),
        (pypi_url(), r#"{"version":1,"attestation_bundles":[{"attestations":[]}]}"#, Net::pypi),
    ]
}

fn documents(answer: Answer) -> Vec<Document> {
    match answer {
        Answer::Documents(documents) => documents,
        Answer::None => panic!("no documents"),
    }
}

#[test]
fn documents_come_as_they_are() {
    for (url, text, ask) in services() {
        let net = Net::one(&url, body(text));
        let found = documents(ask(&net).expect("an answer"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].url, url.split('?').next().expect("a path"));
        let expected = if url == github_url() { r#"{"a":1}"# } else { text };
        assert_eq!(String::from_utf8_lossy(&found[0].bytes), expected);
    }
    let kinds = [
        (npm_url(), "application/json"),
        (github_url(), "application/vnd.github+json"),
        (pypi_url(), "application/vnd.pypi.integrity.v1+json"),
    ];
    for ((url, text, ask), (_, kind)) in services().into_iter().zip(kinds) {
        let net = Net::one(&url, body(text));
        ask(&net).expect("an answer");
        assert_eq!(net.heard("Accept"), [(url, Some(kind.to_owned()))]);
    }
}

#[test]
fn only_the_source_says_that_there_is_none() {
    for (url, _, ask) in services() {
        assert_eq!(ask(&Net::one(&url, status(404))).expect("an answer"), Answer::None, "{url}");
        // A renamed repository leads to its new place on the same server.
        let moved = Net::one(&url, leads_to("/elsewhere"));
        let origin = pinfold_core::url::Url::origin(&self::url(&url)).to_string();
        let moved = moved.with(&format!("{origin}/elsewhere"), [status(404)]);
        assert_eq!(ask(&moved).expect("an answer"), Answer::None, "{url}");
        // Another server cannot speak for it.
        let other =
            Net::one(&url, leads_to("https://cdn.example.net/x")).with("https://cdn.example.net/x", [status(404)]);
        assert_eq!(ask(&other).expect_err("another server").code(), "not-found", "{url}");
        // Nor is anything else the same as 404.
        for (code, expected) in [
            (410, "not-found"),
            (401, "not-authorized"),
            (400, "http-status"),
            (500, "http-status"),
            (204, "http-status"),
        ] {
            let error = ask(&Net::one(&url, status(code))).expect_err("no answer");
            assert_eq!((error.code(), error.is_refusal()), (expected, false), "{url} {code}");
        }
    }
}

#[test]
fn not_allowed_to_see_it_is_not_none() {
    for (url, _, ask) in services() {
        let error = ask(&Net::one(&url, status(403))).expect_err("no answer");
        let expected = if url == pypi_url() { "answer-disabled" } else { "not-authorized" };
        assert_eq!(error.code(), expected, "{url}");
        assert!(error.hint().is_some());
    }
    let error = Net::one(&github_url(), status(403)).github().expect_err("no answer");
    assert_eq!(error.hint().as_deref(), Some("GitHub answers few questions without a token: set `GH_TOKEN`"));
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    for (url, text, ask) in services() {
        let busy = Reply { retry_after: Some("7"), ..status(429) };
        let net = Net::one(&url, busy.clone()).with(&url, [busy.clone(), body(text)]);
        assert_eq!(documents(ask(&net).expect("the second answer")).len(), 1);
        assert_eq!(*net.slept.lock().expect("no panic"), [Duration::from_secs(7)]);

        let net = Net::one(&url, busy);
        let error = ask(&net).expect_err("always busy");
        assert_eq!((error.code(), error.is_refusal(), net.count()), ("http-status", false, 4));
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn a_web_page_is_no_answer() {
    for (url, text, ask) in services() {
        for reply in [
            body("<!DOCTYPE html><html></html>"),
            body(" \n <html>"),
            Reply { kind: Some("text/html; charset=utf-8"), ..body(text) },
            Reply { kind: Some("Text/HTML"), ..body("") },
        ] {
            let error = ask(&Net::one(&url, reply)).expect_err("a page");
            assert_eq!((error.code(), error.is_refusal()), ("answer-web-page", false));
            assert!(error.hint().is_some());
        }
        // What kind of text a server calls it is its own affair.
        for kind in [None, Some("text/plain"), Some("application/octet-stream")] {
            ask(&Net::one(&url, Reply { kind, ..body(text) })).expect("an answer");
        }
    }
}

#[test]
fn an_endless_answer_ends() {
    for (url, _, ask) in services() {
        let net = Net::one(&url, Reply { endless: true, ..body("") });
        let error = ask(&net).expect_err("too long");
        assert_eq!((error.code(), net.count()), ("body-too-long", 1));
        assert_eq!(error.hint(), None, "a pin's `size` is not the point");
        let announced = Reply { announced: Some(registry::MAX_ANSWER_LEN + 1), ..body("{}") };
        assert_eq!(ask(&Net::one(&url, announced)).expect_err("too long").code(), "body-too-long");
    }
}

#[test]
fn half_an_answer_is_none_at_all() {
    for (url, text, ask) in services() {
        for end in 0..text.len() {
            let error = ask(&Net::one(&url, body(&text[..end]))).expect_err("half");
            assert_eq!((error.code(), error.is_refusal()), ("answer-json", false), "{}", &text[..end]);
        }
        let cut = Reply { announced: Some(1000), ..body(text) };
        assert_eq!(ask(&Net::one(&url, cut)).expect_err("half").code(), "body-truncated");
        for bad in [format!("{text}{text}"), format!("{text}x"), text.replacen('{', "{\"x\":1,\"x\":2,", 1)] {
            assert_eq!(ask(&Net::one(&url, body(&bad))).expect_err("not strict").code(), "answer-json", "{bad}");
        }
        assert_eq!(ask(&Net::one(&url, body(b"{\"\xff\":1}"))).expect_err("not UTF-8").code(), "answer-json");
    }
}

#[test]
fn json_of_another_shape_is_no_answer() {
    for (url, _, ask) in services() {
        for text in
            ["[]", "null", "{}", "1", r#"{"attestations":null}"#, r#"{"attestations":{}}"#, r#"{"message":"?"}"#]
        {
            assert_eq!(ask(&Net::one(&url, body(text))).expect_err(text).code(), "answer-shape", "{text}");
        }
    }
    // Only GitHub says it so.
    let empty = r#"{"attestations":[],"attestation_bundles":[]}"#;
    assert_eq!(Net::one(&github_url(), body(empty)).github().expect("an answer"), Answer::None);
    let elsewhere = "https://cdn.example.net/x";
    let net = Net::one(&github_url(), leads_to(elsewhere)).with(elsewhere, [body(empty)]);
    assert_eq!(net.github().expect_err("another server").code(), "answer-shape");
    assert_eq!(Net::one(&npm_url(), body(empty)).npm().expect_err("empty").code(), "answer-shape");
    assert_eq!(Net::one(&pypi_url(), body(empty)).pypi().expect_err("empty").code(), "answer-shape");
    for item in ["null", "{}", r#"{"bundle":null}"#, r#"{"bundle":"x"}"#, r#"{"bundle":[],"bundle_url":"https://x/"}"#]
    {
        let answer = body(format!(r#"{{"attestations":[{{"bundle":{{}}}},{item}]}}"#));
        assert_eq!(Net::one(&github_url(), answer).github().expect_err(item).code(), "answer-shape");
    }
}

#[test]
fn redirects_obey_the_rules_of_downloads() {
    for (url, text, ask) in services() {
        let origin = self::url(&url).origin().to_string();
        let elsewhere = "https://cdn.example.net/x";
        let net =
            Net::one(&url, leads_to(elsewhere)).with(elsewhere, [body(text)]).token(&format!("{origin}/"), "hush");
        documents(ask(&net).expect("an answer"));
        let heard = net.heard("Authorization");
        assert_eq!(heard[0], (url.clone(), Some("Bearer hush".to_owned())));
        assert_eq!(heard[1], (elsewhere.to_owned(), None));

        let host = self::url(&url).host().parse().expect("a host");
        let net = Net { hosts: Some(vec![host]), ..Net::one(&url, leads_to(elsewhere)) };
        let error = ask(&net).expect_err("not allowed");
        assert_eq!((error.code(), error.is_refusal(), net.count()), ("host-not-allowed", true, 1));
        let net = Net { hosts: Some(Vec::new()), ..Net::one(&url, body(text)) };
        assert_eq!((ask(&net).expect_err("not allowed").is_refusal(), net.count()), (true, 0));

        let error = ask(&Net::one(&url, leads_to("http://127.0.0.1/x"))).expect_err("plain http");
        assert_eq!((error.code(), error.is_refusal()), ("redirect-downgrade", true));
    }
}

/// An answer of GitHub with bundles that are elsewhere.
fn addresses(addresses: &[&str]) -> Reply {
    let items: Vec<String> = addresses.iter().map(|at| format!(r#"{{"bundle":null,"bundle_url":"{at}"}}"#)).collect();
    body(format!(r#"{{"attestations":[{}]}}"#, items.join(",")))
}

fn snappy(text: &str) -> Reply {
    let packed = snap::raw::Encoder::new().compress_vec(text.as_bytes()).expect("memory");
    Reply { kind: Some("application/x-snappy"), ..body(packed) }
}

#[test]
fn bundles_that_are_elsewhere_are_unpacked() {
    let (one, two) = (format!("{BLOBS}1?sig=hush"), format!("{BLOBS}2?sig=hush"));
    let answer = r#"{"attestations":[{"bundle":{"in":1},"bundle_url":"https://not.asked/"}"#;
    let answer = format!(r#"{answer},{{"bundle_url":"{one}"}},{{"bundle":null,"bundle_url":"{two}"}}]}}"#);
    let net =
        Net::one(&github_url(), body(answer)).with(&one, [snappy(r#"{"n":1}"#)]).with(&two, [snappy(r#"{"n":2}"#)]);
    let found = documents(net.github().expect("an answer"));
    let shown: Vec<(&str, &str)> =
        found.iter().map(|one| (one.url.as_str(), std::str::from_utf8(&one.bytes).expect("text"))).collect();
    let api = github_url();
    let api = api.split('?').next().expect("a path");
    assert_eq!(
        shown,
        [
            (api, r#"{"in":1}"#),
            ("https://blobs.example.net/1", r#"{"n":1}"#),
            ("https://blobs.example.net/2", r#"{"n":2}"#)
        ]
    );
}

#[test]
fn no_credentials_go_to_where_bundles_are() {
    // Not to a server that has credentials of its own, not to the API itself.
    for at in [format!("{BLOBS}1?sig=x"), format!("{API}blobs/1?sig=x")] {
        let net = Net::one(&github_url(), addresses(&[&at])).with(&at, [snappy("{}")]);
        let net = net.token(API, "of-api").token(BLOBS, "of-blobs");
        documents(net.github().expect("an answer"));
        let heard = net.heard("Authorization");
        assert_eq!(heard, [(github_url(), Some("Bearer of-api".to_owned())), (at.clone(), None)]);
        assert_eq!(net.heard("Accept")[1].1, None);
    }
    // Nor after a redirect from there.
    let (at, back) = (format!("{BLOBS}1"), format!("{API}back"));
    let net = Net::one(&github_url(), addresses(&[&at])).with(&at, [leads_to(&back)]).with(&back, [snappy("{}")]);
    let net = net.token(API, "of-api");
    documents(net.github().expect("an answer"));
    assert_eq!(net.heard("Authorization")[1..], [(at, None), (back, None)]);
}

#[test]
fn a_bundle_that_does_not_come_is_never_left_out() {
    let at = format!("{BLOBS}1?sig=hush");
    let ask = |reply: Reply| Net::one(&github_url(), addresses(&[&at])).with(&at, [reply]).github();
    for (reply, code) in [
        (status(404), "not-found"),
        (status(403), "not-authorized"),
        (status(500), "http-status"),
        (Reply { endless: true, ..body("") }, "body-too-long"),
        (Reply { kind: Some("text/html"), ..body("<html>") }, "answer-web-page"),
        // Garbage: no length, a length that is not that of what follows, a copy from before the beginning.
        (body(b"\xff\xff\xff\xff\xff\xff"), "answer-snappy"),
        (body(b"\x05\x00a"), "answer-snappy"),
        (body(b"\x04\x01\x01"), "answer-snappy"),
        // 1 GiB in six bytes.
        (body(b"\x80\x80\x80\x80\x04\x00"), "answer-too-long"),
        (body(b""), "answer-snappy"),
        (snappy("{"), "answer-json"),
        (snappy("<html>"), "answer-json"),
    ] {
        let error = ask(reply).expect_err(code);
        assert_eq!(error.code(), code);
        assert!(!error.to_string().contains("hush"), "{error}");
        assert!(!error.hint().unwrap_or_default().contains("hush"));
    }
    for (address, refusal) in [
        ("http://127.0.0.1/1", true),
        ("http://blobs.example.net/1", true),
        ("https://u:hush@blobs.example.net/1", false),
        ("ftp://blobs.example.net/1", false),
        ("/1", false),
    ] {
        let net = Net::one(&github_url(), addresses(&[address]));
        let error = net.github().expect_err(address);
        assert_eq!((error.code(), error.is_refusal(), net.count()), ("answer-bundle-url", refusal, 1));
        assert!(!error.to_string().contains("hush"));
    }
    let net = Net::one(&github_url(), addresses(&[&at]));
    let net = Net { hosts: Some(vec!["api.github.com".parse().expect("a host")]), ..net };
    assert_eq!(net.github().expect_err("not allowed").code(), "host-not-allowed");
}

#[test]
fn bundles_share_one_limit() {
    // Each of 7 MiB packs to little; two fit, and three do not.
    let text = format!("{{\"a\":\"{}\"}}", "a".repeat(7 << 20));
    let at: Vec<String> = (0..3).map(|n| format!("{BLOBS}{n}")).collect();
    let ask = |count: usize| {
        let at: Vec<&str> = at.iter().take(count).map(String::as_str).collect();
        let net = Net::one(&github_url(), addresses(&at));
        at.iter().fold(net, |net, at| net.with(at, [snappy(&text)])).github()
    };
    assert_eq!(documents(ask(2).expect("an answer")).len(), 2);
    assert_eq!(ask(3).expect_err("too much").code(), "answer-too-long");
}

#[test]
fn a_full_page_may_not_be_all() {
    let page = |count: usize| body(format!(r#"{{"attestations":[{}]}}"#, vec![r#"{"bundle":{}}"#; count].join(",")));
    assert_eq!(documents(Net::one(&github_url(), page(99)).github().expect("an answer")).len(), 99);
    for count in [100, 101] {
        let error = Net::one(&github_url(), page(count)).github().expect_err("perhaps more");
        assert_eq!((error.code(), error.is_refusal()), ("answer-pages", false));
    }
}

#[test]
fn registries_sign_versions() {
    let at = format!("{NPM}@s%2fa/1.0.0");
    let ask = |text: &str| Net::one(&at, body(text)).signatures();
    let signed = ask(
        r#"{"name":"@s/a","dist":{"integrity":"sha512-x","signatures":[{"keyid":"SHA256:k","sig":"c2ln"},{"sig":"b","keyid":"k2"}]}}"#,
    );
    let signatures = [("SHA256:k", "c2ln"), ("k2", "b")].map(|(key, sig)| (key.to_owned(), sig.to_owned())).to_vec();
    assert_eq!(signed.expect("signed"), NpmSignatures { integrity: Some("sha512-x".to_owned()), signatures });
    // Old versions have neither.
    assert_eq!(ask(r#"{"dist":{}}"#).expect("unsigned"), NpmSignatures { integrity: None, signatures: Vec::new() });
    for bad in [
        "{}",
        "[]",
        r#"{"dist":{"integrity":1}}"#,
        r#"{"dist":{"signatures":{}}}"#,
        r#"{"dist":{"signatures":[{"sig":"x"}]}}"#,
        r#"{"dist":{"signatures":[{"keyid":"x","sig":1}]}}"#,
    ] {
        assert_eq!(ask(bad).expect_err(bad).code(), "answer-shape");
    }
    assert_eq!(ask(r#"{"dist":{},"dist":{}}"#).expect_err("twice").code(), "answer-json");
    // A registry that does not know the version has not said that it is unsigned.
    assert_eq!(Net::one(&at, status(404)).signatures().expect_err("unknown").code(), "not-found");
}

#[test]
fn what_has_no_address_is_not_asked_for() {
    let net = Net::new();
    let rules = net.rules();
    let npm = registry::npm_attestations(&net, &rules, &net, &url("https://npm.example.com/?x"), "a", "1.0.0");
    assert_eq!(npm.expect_err("a query").code(), "npm-registry-query");
    let github = registry::github_attestations(&net, &rules, &net, &url(API), "..", "r", &Sha256::of(b""));
    assert_eq!(github.expect_err("a folder").code(), "github-part");
    let index = url("https://pypi.example.com/all/");
    let error = registry::pypi_provenance(&net, &rules, &net, &index, "a", "1.0", "a-1.0.zip").expect_err("no root");
    assert_eq!(error.code(), "index-form");
    assert!(error.hint().is_some());
    assert_eq!(net.count(), 0);
}

// `pypi` pins.

const SDIST: &str = "foo_bar-1.0.tar.gz";
const AT: &str = "https://files.example.com/packages/foo_bar-1.0.tar.gz";

fn sdist() -> Vec<u8> {
    Tar::default().file("foo_bar-1.0/PKG-INFO", "Name: foo-bar\n").file("foo_bar-1.0/foo.py", "x = 1\n").gz()
}

/// A project with a `pypi` pin of the source archive; `more` goes below it.
fn python(more: &str) -> Project {
    Project::new(&pin("foo", &format!("pypi = \"foo-bar==1.0#{SDIST}\""), &integrity(&sdist()), more))
}

fn list(entries: &str) -> String {
    format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"foo-bar","files":[{entries}]}}"#)
}

fn entry(more: &str) -> String {
    format!(r#"{{"filename":"{SDIST}","url":"{AT}"{more}}}"#)
}

fn index_page() -> String {
    format!("{INDEX}foo-bar/")
}

#[test]
fn a_python_pin_is_fetched() {
    let project = python("");
    let hash = Integrity::of(Algorithm::Sha256, &sdist()).hex();
    let other = r#"{"filename":"foo_bar-1.0-py3-none-any.whl","url":"https://files.example.com/wheel"}"#;
    let hashes = format!(r#","hashes":{{"sha256":"{hash}"}},"yanked":false"#);
    project.web.serve(&index_page(), list(&format!("{other},{}", entry(&hashes))));
    project.web.serve(AT, sdist());
    let report = project.fetch();
    assert_eq!((report.verdict(), codes(&report)), (Verdict::Passed, Vec::new()), "{}", human(&report));
    assert_eq!(project.read("vendor/foo/foo.py"), "x = 1\n");
    assert_eq!(project.web.asked(), [index_page(), AT.to_owned()]);
    assert!(project.read(".pinfold/foo.json").contains("pypi:foo-bar==1.0#foo_bar-1.0.tar.gz"));

    // With nothing to do nobody is asked, and the store serves the same file.
    assert_eq!(project.fetch().verdict(), Verdict::Passed);
    std::fs::remove_dir_all(project.path("vendor/foo")).expect("a tree");
    let report = project.try_fetch(Conduct { offline: true, ..QUIET }).expect("a report");
    assert_eq!(report.verdict(), Verdict::Passed, "{}", human(&report));
    assert_eq!(project.verify().verdict(), Verdict::Passed);
    assert_eq!(project.web.asked(), Vec::<String>::new());

    // Bytes that came as one file do not stand for another.
    let moved = project.read("pins.toml").replace("1.0", "1.1").replace("pins.foo", "pins.moved");
    project.pins(&moved.replace("vendor/foo", "vendor/moved"));
    let report = project.try_fetch(Conduct { offline: true, ..QUIET }).expect("a report");
    assert_eq!(codes(&report), ["offline"]);
}

#[test]
fn a_wheel_is_unpacked_as_it_is() {
    let vector = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/formats/small.zip")).expect("a zip");
    let name = "small-1.0-py3-none-any.whl";
    let project = Project::new(&pin("small", &format!("pypi = \"small==1.0#{name}\""), &integrity(&vector), ""));
    let entry = format!(r#"{{"filename":"{name}","url":"../../files/{name}"}}"#);
    project.web.serve(&format!("{INDEX}small/"), list(&entry));
    project.web.serve(&format!("https://pypi.example.com/files/{name}"), vector);
    project.fetch_all();
    // Without `strip`: what the archive has at its top is at the top of the tree.
    let plain = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/formats/small.zip")).expect("a zip");
    let url = Project::new(&pin("small", "url = \"https://example.com/small.zip\"", &integrity(&plain), "strip = 0"));
    url.web.serve("https://example.com/small.zip", plain);
    url.fetch_all();
    assert_eq!(project.tree("vendor/small"), url.tree("vendor/small"));
}

#[test]
fn the_pin_decides_not_the_index() {
    let project = python("");
    project.web.serve(&index_page(), list(&entry(r#","hashes":{"sha256":"00"},"yanked":"broken build""#)));
    project.web.serve(AT, sdist());
    let report = project.fetch();
    assert_eq!((report.verdict(), codes(&report)), (Verdict::Passed, vec!["index-yanked", "index-hash"]));
    assert!(report.rows[0].findings.iter().all(|finding| finding.level == Level::Warning));
    assert!(human(&report).contains("broken build"));

    // The right hash in the index does not make other bytes right.
    let evil = Tar::default().file("foo_bar-1.0/foo.py", "evil\n").gz();
    let project = python("");
    let hash = Integrity::of(Algorithm::Sha256, &evil).hex();
    project.web.serve(&index_page(), list(&entry(&format!(r#","hashes":{{"sha256":"{hash}"}}"#))));
    project.web.serve(AT, evil);
    let report = project.fetch();
    assert_eq!((report.verdict(), codes(&report)), (Verdict::Refused, vec!["integrity-mismatch"]));
    assert!(!project.exists("vendor/foo"));
}

#[test]
fn an_index_that_does_not_say_where_fails() {
    let page = |status: u16, kind: Option<&str>, body: &str| Page {
        status,
        location: None,
        content_type: kind.map(str::to_owned),
        body: body.as_bytes().to_vec(),
    };
    let check = |page: Page, code: &str| {
        let project = python("");
        project.web.answer(&index_page(), page.clone());
        let report = project.fetch();
        assert_eq!((report.verdict(), codes(&report)), (Verdict::Failed, vec![code]));
        assert!(!project.exists("vendor/foo"));

        // A mirror may have the bytes all the same.
        let project = python("mirrors = [\"https://mirror.example.com/x.tar.gz\"]");
        project.web.answer(&index_page(), page);
        project.web.serve("https://mirror.example.com/x.tar.gz", sdist());
        let report = project.fetch();
        assert_eq!((report.verdict(), codes(&report)), (Verdict::Passed, vec![code]), "{}", human(&report));
    };
    check(page(404, None, ""), "not-found");
    check(page(403, None, ""), "not-authorized");
    check(page(200, Some("text/html"), "<html>"), "answer-web-page");
    check(page(200, None, "{"), "index-json");
    check(page(200, None, &list("")), "index-file-absent");
    check(page(200, None, &list(&format!("{0},{0}", entry("")))), "index-file-twice");
    check(page(200, None, &list(&entry("").replace("https://files", "https://u:p@files"))), "index-file-url");
    check(page(200, None, &list(&entry("").replace(AT, "http://127.0.0.1/x"))), "index-file-url");
}

#[test]
fn hosts_hold_for_files_of_an_index() {
    let project = python("");
    let pins = project.read("pins.toml");
    project.pins(&format!("[trust]\nhosts = [\"pypi.example.com\"]\n{}", pins.replace("version = 1\n", "")));
    project.web.serve(&index_page(), list(&entry("")));
    project.web.serve(AT, sdist());
    let report = project.fetch();
    assert_eq!((report.verdict(), codes(&report)), (Verdict::Refused, vec!["host-not-allowed"]));
    assert_eq!(project.web.asked(), [index_page()]);
}

#[test]
fn no_index_is_implied() {
    let project = python("");
    let fetch = |settings: &[(&str, &str)]| {
        let mut command = project.command();
        command.args(["fetch", "--json"]).env("PIP_CONFIG_FILE", "/dev/null").envs(settings.iter().copied());
        let output = command.output().expect("the command");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, text) = fetch(&[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("index-not-configured") && text.contains("PIP_INDEX_URL"), "{text}");
    // Nobody listens at port 9; what is tried there shows which of them counts, and no login.
    let (_, text) = fetch(&[("PIP_INDEX_URL", "http://user:hush@127.0.0.1:9/simple/")]);
    assert!(text.contains("http://127.0.0.1:9/simple/foo-bar/") && !text.contains("hush"), "{text}");
    let conf = project.path("pip.conf");
    project.write("pip.conf", "[global]\nindex-url = http://user:hush@127.0.0.1:9/conf/simple\n");
    let (_, text) = fetch(&[("PIP_CONFIG_FILE", conf.to_str().expect("text"))]);
    assert!(text.contains("http://127.0.0.1:9/conf/simple/foo-bar/") && !text.contains("hush"), "{text}");
}
