//! The rules, over a map.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::Mutex;
use std::time::Duration;

use super::{BodyLimit, Download, url};
use crate::http::{Http, HttpError, Outcome, PartHeaders, RegistryHeaders, Request, Response, TimeoutKind};
use crate::source::credentials::Secret;

/// What a URL answers: each time the next, the last for ever.
#[derive(Default)]
struct Map {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    /// URL and `Authorization` of each request.
    asked: Mutex<Vec<(String, Option<String>)>>,
}

type Answer = fn() -> Result<Response, HttpError>;

impl Map {
    fn with(self, url: &str, answers: &[Answer]) -> Self {
        self.answers.lock().expect("no panic elsewhere").insert(url.to_owned(), answers.iter().copied().collect());
        self
    }

    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().expect("no panic elsewhere").clone()
    }
}

impl Http for Map {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let authorization = request.headers.iter().find(|(name, _)| *name == "Authorization");
        let asked = (request.url.to_string(), authorization.map(|(_, value)| value.clone()));
        self.asked.lock().expect("no panic elsewhere").push(asked);
        let mut answers = self.answers.lock().expect("no panic elsewhere");
        let answers = answers.get_mut(&request.url.to_string()).expect("a URL of the map");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        answer.expect("an answer")()
    }
}

pub(super) fn answer(status: u16) -> Response {
    Response {
        status,
        location: None,
        content_length: None,
        content_type: None,
        content_encoding: None,
        retry_after: None,
        part: PartHeaders::default(),
        registry: RegistryHeaders::default(),
        body: Box::new(io::empty()),
    }
}

fn redirect(to: &str) -> Result<Response, HttpError> {
    Ok(Response { location: Some(to.to_owned()), ..answer(302) })
}

fn hello() -> Result<Response, HttpError> {
    Ok(Response { content_length: Some(5), body: Box::new(&b"hello"[..]), ..answer(200) })
}

/// `text`, then an error of the connection.
pub(super) fn broken(text: impl Into<Vec<u8>>, kind: io::ErrorKind) -> Response {
    struct Break(io::ErrorKind);
    impl Read for Break {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
    }
    Response { body: Box::new(io::Cursor::new(text.into()).chain(Break(kind))), ..answer(200) }
}

const HERE: &str = "https://a.example.com/x/file";
const SIZE: BodyLimit = BodyLimit::Exact(5);
const CAP: BodyLimit = BodyLimit::AtMost(5);

/// The code, whether it is a refusal, and the attempts of what must fail.
fn failure(limit: BodyLimit, answers: &[Answer]) -> (&'static str, bool, u32) {
    let mut download = Download::new(limit);
    let error = download.run(&Map::default().with(HERE, answers), HERE).expect_err("fails");
    assert!(u64::try_from(download.sink.bytes.len()).expect("fits") <= 5, "nothing is written beyond the limit");
    (error.code(), error.is_refusal(), error.attempts)
}

fn success(limit: BodyLimit, answers: &[Answer]) -> (Outcome, Download) {
    let mut download = Download::new(limit);
    let outcome = download.run(&Map::default().with(HERE, answers), HERE).expect("downloads");
    assert_eq!(download.sink.bytes, b"hello");
    (outcome, download)
}

#[test]
fn brings_a_body_and_says_where_from() {
    for limit in [SIZE, CAP, BodyLimit::AtMost(1000)] {
        let html: Answer = || hello().map(|response| Response { content_type: Some("text/html".into()), ..response });
        let (outcome, download) = success(limit, &[html]);
        let content_type = Some("text/html".to_owned());
        assert_eq!(
            outcome,
            Outcome { url: url(HERE), content_type, attempts: 1, bytes: 5, registry: RegistryHeaders::default() }
        );
        assert_eq!((download.sink.restarts, download.pauses()), (0, vec![]));
    }
    success(SIZE, &[|| hello().map(|response| Response { content_length: None, ..response })]);
    success(SIZE, &[|| hello().map(|response| Response { content_encoding: Some("Identity".into()), ..response })]);
}

#[test]
fn says_how_much_will_come_where_somebody_knows() {
    let silent: Answer = || hello().map(|response| Response { content_length: None, ..response });
    let announced: Answer = hello;
    for (limit, answer, expected) in [
        (SIZE, silent, Some(5)),
        (CAP, announced, Some(5)),
        (BodyLimit::AtMost(1000), announced, Some(5)),
        (BodyLimit::AtMost(1000), silent, None),
    ] {
        assert_eq!(success(limit, &[answer]).1.sink.expected, expected);
    }
}

#[test]
fn tries_again_what_may_pass() {
    let closed: Answer = || Err(HttpError::Closed(io::ErrorKind::ConnectionReset.into()));
    let silent: Answer = || Err(HttpError::Timeout(TimeoutKind::Idle));
    let refused: Answer = || Err(HttpError::Connect(io::ErrorKind::ConnectionRefused.into()));
    let statuses: [Answer; 7] = [
        || Ok(answer(408)),
        || Ok(answer(425)),
        || Ok(answer(429)),
        || Ok(answer(500)),
        || Ok(answer(502)),
        || Ok(answer(503)),
        || Ok(answer(504)),
    ];
    let short: Answer = || Ok(broken(b"hel", io::ErrorKind::UnexpectedEof));
    let shorter: Answer = || Ok(Response { body: Box::new(&b"h"[..]), ..answer(200) });
    for once in statuses.into_iter().chain([closed, silent, refused, short, shorter]) {
        let (outcome, download) = success(SIZE, &[once, hello]);
        assert_eq!((outcome.attempts, download.sink.restarts, download.pauses().len()), (2, 1, 1));
    }
    let (outcome, download) = success(SIZE, &[closed, silent, short, hello]);
    assert_eq!((outcome.attempts, download.sink.restarts), (4, 3));
    let pauses = download.pauses();
    assert!(pauses[1] >= Duration::from_millis(500) && pauses[2] >= Duration::from_secs(1), "{pauses:?}");
}

#[test]
fn gives_up_after_the_last_attempt() {
    assert_eq!(failure(SIZE, &[|| Ok(answer(503))]), ("http-status", false, 4));
    assert_eq!(failure(SIZE, &[|| Ok(broken(b"hel", io::ErrorKind::ConnectionReset))]), ("body-truncated", false, 4));
    let announced: Answer = || Ok(Response { content_length: Some(5), body: Box::new(&b"hel"[..]), ..answer(200) });
    assert_eq!(failure(CAP, &[announced]), ("body-truncated", false, 4));
    assert_eq!(failure(CAP, &[|| Ok(broken(b"h", io::ErrorKind::UnexpectedEof))]), ("body-truncated", false, 4));
    assert_eq!(failure(CAP, &[|| Ok(broken(b"h", io::ErrorKind::TimedOut))]), ("http-timeout-idle", false, 4));
    let refused: Answer = || Err(HttpError::Connect(io::ErrorKind::ConnectionRefused.into()));
    assert_eq!(failure(SIZE, &[refused]), ("http-connect", false, 4));
}

#[test]
fn never_tries_again_what_will_not_pass() {
    let check = |answer: Answer, code: &str, refusal: bool| {
        assert_eq!(failure(SIZE, &[answer]), (code, refusal, 1));
    };
    check(|| Ok(answer(404)), "not-found", false);
    check(|| Ok(answer(410)), "not-found", false);
    check(|| Ok(answer(401)), "not-authorized", false);
    check(|| Ok(answer(403)), "not-authorized", false);
    check(|| Ok(answer(204)), "http-status", false);
    check(|| Ok(answer(206)), "http-status", false);
    check(|| Ok(answer(300)), "http-status", false);
    check(|| Ok(answer(304)), "http-status", false);
    check(|| Ok(answer(501)), "http-status", false);
    check(|| Err(HttpError::Tls("unknown issuer".into())), "http-tls", false);
    check(|| Err(HttpError::Roots { reason: "none".into() }), "http-roots", false);
    check(|| Err(HttpError::Proxy { reason: "407".into() }), "http-proxy", false);
    check(|| Err(HttpError::Protocol { reason: "gopher".into() }), "http-protocol", false);
    check(|| Ok(broken(b"h", io::ErrorKind::InvalidData)), "http-io", false);
    check(|| Err(HttpError::Timeout(TimeoutKind::Deadline)), "http-timeout-deadline", false);
    check(|| Ok(Response { content_encoding: Some("gzip".into()), ..answer(200) }), "content-encoding", false);
    check(|| Ok(Response { content_length: Some(6), ..answer(200) }), "body-size", true);
    check(|| Ok(Response { content_length: Some(4), ..answer(200) }), "body-size", true);
    check(|| Ok(Response { body: Box::new(&b"hello!"[..]), ..answer(200) }), "body-too-long", true);
    check(|| Ok(Response { body: Box::new(io::repeat(b'x')), ..answer(200) }), "body-too-long", true);
}

#[test]
fn holds_a_body_to_the_cap() {
    let over: Answer = || Ok(Response { body: Box::new(&b"hello!"[..]), ..answer(200) });
    assert_eq!(failure(CAP, &[over]), ("body-too-long", true, 1));
    let announced: Answer = || Ok(Response { content_length: Some(6), ..answer(200) });
    assert_eq!(failure(CAP, &[announced]), ("body-too-long", true, 1));
    let endless: Answer = || Ok(Response { body: Box::new(io::repeat(b'x')), ..answer(200) });
    assert_eq!(failure(CAP, &[endless]), ("body-too-long", true, 1));
}

#[test]
fn heeds_retry_after_up_to_a_limit() {
    let pauses = |answer: Answer| success(SIZE, &[answer, hello]).1.pauses();
    assert_eq!(pauses(|| Ok(Response { retry_after: Some("7".into()), ..answer(429) })), [Duration::from_secs(7)]);
    assert_eq!(pauses(|| Ok(Response { retry_after: Some("9999".into()), ..answer(503) })), [Duration::from_secs(30)]);
    let date: Answer = || Ok(Response { retry_after: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()), ..answer(429) });
    assert_eq!(pauses(date), [Duration::from_secs(7)]);
    let nonsense = pauses(|| Ok(Response { retry_after: Some("soon".into()), ..answer(429) }));
    assert!(nonsense[0] <= Duration::from_millis(500), "{nonsense:?}");
}

#[test]
fn never_waits_beyond_the_deadline() {
    let mut download = Download::new(SIZE);
    download.timeouts.deadline = Duration::from_secs(20);
    let map = Map::default().with(HERE, &[|| Ok(Response { retry_after: Some("25".into()), ..answer(503) })]);
    let error = download.run(&map, HERE).expect_err("gives up");
    assert_eq!((error.code(), error.attempts, download.pauses()), ("http-status", 1, vec![]));

    download.timeouts.deadline = Duration::ZERO;
    let error = download.run(&map, HERE).expect_err("gives up");
    assert_eq!((error.code(), map.asked().len()), ("http-timeout-deadline", 1));
}

#[test]
fn follows_redirects_of_each_kind() {
    let kinds: [Answer; 5] = [
        || redirect("../y?q=1").map(|response| Response { status: 301, ..response }),
        || redirect("/y?q=1").map(|response| Response { status: 302, ..response }),
        || redirect("//a.example.com/y?q=1").map(|response| Response { status: 303, ..response }),
        || redirect("https://a.example.com/y?q=1").map(|response| Response { status: 307, ..response }),
        || redirect("https://A.example.com:443/y?q=1#part").map(|response| Response { status: 308, ..response }),
    ];
    for kind in kinds {
        let map = Map::default().with(HERE, &[kind]).with("https://a.example.com/y?q=1", &[hello]);
        let outcome = Download::new(SIZE).run(&map, HERE).expect("follows");
        assert_eq!(outcome.url.to_string(), "https://a.example.com/y?q=1");
    }
}

#[test]
fn begins_again_at_the_first_url() {
    let signed = "https://cdn.example.net/file?signature=1";
    let map = Map::default()
        .with(HERE, &[|| redirect("https://cdn.example.net/file?signature=1")])
        .with(signed, &[|| Ok(answer(503)), hello]);
    Download::new(SIZE).run(&map, HERE).expect("downloads");
    let asked: Vec<String> = map.asked().into_iter().map(|(url, _)| url).collect();
    assert_eq!(asked, [HERE, signed, HERE, signed]);
}

#[test]
fn stops_at_the_fifth_redirect() {
    let map = Map::default()
        .with(HERE, &[|| redirect("https://b.example.com/1?secret")])
        .with("https://b.example.com/1?secret", &[|| redirect("https://a.example.com/x/file")]);
    let error = Download::new(SIZE).run(&map, HERE).expect_err("a loop");
    assert_eq!((error.code(), error.is_refusal(), error.attempts), ("redirect-limit", false, 1));
    assert_eq!((error.hops.len(), map.asked().len()), (6, 6));
    let hint = error.hint().expect("names the way");
    assert!(hint.contains("https://a.example.com/x/file → https://b.example.com/1?… → "), "{hint}");
    assert!(!hint.contains("secret") && !error.to_string().contains("secret"), "{error} {hint}");
}

#[test]
fn five_redirects_are_no_loop() {
    let mut map = Map::default().with("https://a.example.com/5", &[hello]);
    let steps: [(&str, Answer); 5] = [
        ("https://a.example.com/0", || redirect("1")),
        ("https://a.example.com/1", || redirect("2")),
        ("https://a.example.com/2", || redirect("3")),
        ("https://a.example.com/3", || redirect("4")),
        ("https://a.example.com/4", || redirect("5")),
    ];
    for (from, to) in steps {
        map = map.with(from, &[to]);
    }
    Download::new(SIZE).run(&map, "https://a.example.com/0").expect("follows five");
}

#[test]
fn refuses_redirects_that_lead_astray() {
    let check = |answer: Answer, code: &str, refusal: bool| {
        assert_eq!(failure(SIZE, &[answer]), (code, refusal, 1));
    };
    check(|| redirect("http://a.example.com/x"), "redirect-downgrade", true);
    check(|| redirect("http://127.0.0.1/x"), "redirect-downgrade", true);
    check(|| redirect("http://localhost:8080/x"), "redirect-downgrade", true);
    check(|| redirect("file:///etc/passwd"), "redirect-malformed", false);
    check(|| redirect("https://u:p@a.example.com/"), "redirect-malformed", false);
    check(|| redirect("/a b"), "redirect-malformed", false);
    check(|| redirect("https://a.example.com\\@evil.example/"), "redirect-malformed", false);
    check(|| Ok(answer(302)), "redirect-nowhere", false);

    let map = Map::default().with(HERE, &[|| redirect("https://u:hush@a.example.com/")]);
    let error = Download::new(SIZE).run(&map, HERE).expect_err("credentials");
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn asks_only_hosts_of_the_allowlist() {
    let map = Map::default()
        .with(HERE, &[|| redirect("https://cdn.example.net:8443/file")])
        .with("https://cdn.example.net:8443/file", &[hello]);
    let check = |hosts: &[&str], refused: Option<&str>| {
        let mut download = Download::new(SIZE);
        download.hosts = Some(hosts.iter().map(|host| host.parse().expect("a host")).collect());
        match (download.run(&map, HERE), refused) {
            (Ok(_), None) => {}
            (Err(error), Some(host)) => {
                assert_eq!((error.code(), error.is_refusal(), error.attempts), ("host-not-allowed", true, 1));
                assert!(error.to_string().contains(&format!("the host `{host}` is not allowed")), "{error}");
            }
            (result, _) => panic!("{hosts:?}: {result:?}"),
        }
    };
    check(&["a.example.com:443", "cdn.example.net:8443"], None);
    check(&["a.example.com", "cdn.example.net"], Some("cdn.example.net:8443"));
    check(&["a.example.com", "cdn.example.net:443"], Some("cdn.example.net:8443"));
    check(&["a.example.com", "example.net"], Some("cdn.example.net:8443"));
    check(&["cdn.example.net"], Some("a.example.com"));
    check(&[], Some("a.example.com"));
}

#[test]
fn sends_credentials_to_their_origin_only() {
    let map = Map::default()
        .with(HERE, &[|| redirect("https://a.example.com:8443/file")])
        .with("https://a.example.com:8443/file", &[|| redirect("https://cdn.example.net/file")])
        .with("https://cdn.example.net/file", &[|| redirect("https://a.example.com/other")])
        .with("https://a.example.com/other", &[hello]);
    let mut download = Download::new(SIZE);
    download.credentials.add(&url("https://a.example.com/x/"), Secret::bearer("hush").expect("fits"));
    download.run(&map, HERE).expect("downloads");
    let sent: Vec<Option<String>> = map.asked().into_iter().map(|(_, authorization)| authorization).collect();
    assert_eq!(sent, [Some("Bearer hush".to_owned()), None, None, None]);
}

#[test]
fn says_whose_credentials_are_missing() {
    let map = Map::default().with(HERE, &[|| Ok(answer(401))]);
    let mut download = Download::new(SIZE);
    let hint = |download: &mut Download| download.run(&map, HERE).expect_err("fails").hint().expect("a hint");
    let missing = "no credentials are configured for `https://a.example.com`: an `.npmrc` may name a token for it";
    assert_eq!(hint(&mut download), missing);
    download.credentials.add(&url(HERE), Secret::bearer("hush").expect("fits"));
    assert_eq!(hint(&mut download), "the credentials for `https://a.example.com` are not accepted");
}

#[test]
fn says_that_a_web_page_came() {
    let page: Answer =
        || Ok(Response { content_length: Some(9), content_type: Some("text/html; charset=x".into()), ..answer(200) });
    let error = Download::new(SIZE).run(&Map::default().with(HERE, &[page]), HERE).expect_err("fails");
    let expected = "`https://a.example.com/x/file`: the server announces 9 bytes where the pin says 5 (as \
                    `text/html; charset=x`)";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().expect("a hint").contains("web page"));
}

#[test]
fn never_tries_again_when_the_disk_is_full() {
    let mut download = Download::new(SIZE);
    download.sink.full = true;
    let error = download.run(&Map::default().with(HERE, &[hello]), HERE).expect_err("full");
    assert_eq!((error.code(), error.is_refusal(), error.attempts), ("download-write", false, 1));
    assert!(std::error::Error::source(&error).is_some());
}
