//! The wire, over loopback.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::server::{Server, accept, read_header, respond, serve, stall, trickle};
use super::{BodyLimit, Download};
use crate::http::{DownloadError, LowSpeed, Outcome, Timeouts, Wire, WireConfig};
use crate::source::credentials::Secret;

fn wire(timeouts: Timeouts) -> Wire {
    Wire::new(WireConfig { timeouts, ..WireConfig::default() }).expect("a wire")
}

/// Five bytes, over the wire, with these timeouts.
fn run(server: &Server, timeouts: Timeouts) -> Result<(Outcome, Vec<u8>), DownloadError> {
    let mut download = Download::new(BodyLimit::Exact(5));
    download.timeouts = timeouts.clone();
    let outcome = download.run(&wire(timeouts), &server.url("/file"))?;
    Ok((outcome, download.sink.bytes))
}

pub(super) fn hello(stream: &mut impl io::Write) -> io::Result<()> {
    respond(stream, "200 OK", "Content-Type: application/gzip\r\n", b"hello")
}

/// The code and the attempts of what must fail.
fn failure(server: &Server, timeouts: Timeouts) -> (&'static str, u32) {
    let error = run(server, timeouts).expect_err("fails");
    (error.code(), error.attempts)
}

/// For servers that never end: long enough not to be hit by an honest one on a busy machine.
fn short() -> Timeouts {
    Timeouts { idle: Duration::from_millis(200), ..Timeouts::default() }
}

#[test]
fn asks_politely_and_once() {
    let server = serve(|_, _, stream| hello(stream));
    let (outcome, bytes) = run(&server, Timeouts::default()).expect("downloads");
    assert_eq!(bytes, b"hello");
    assert_eq!(outcome.content_type.as_deref(), Some("application/gzip"));
    let asked = server.asked().join("").to_lowercase();
    assert!(asked.starts_with("get /file http/1.1\r\n"), "{asked}");
    assert!(asked.contains("accept-encoding: identity\r\n"), "{asked}");
    assert!(asked.contains(&format!("user-agent: pinfold/{}\r\n", env!("CARGO_PKG_VERSION"))), "{asked}");
    assert!(!asked.contains("authorization") && !asked.contains("cookie"), "{asked}");
}

#[test]
fn uses_a_connection_again() {
    let server = serve(|number, _, stream| match number {
        0 => respond(stream, "302 Found", "Location: /next\r\n", b""),
        _ => hello(stream),
    });
    let wire = wire(Timeouts::default());
    for _ in 0..3 {
        Download::new(BodyLimit::Exact(5)).run(&wire, &server.url("/file")).expect("downloads");
    }
    assert_eq!((server.asked().len(), server.connections()), (4, 1));
}

#[test]
fn uses_a_connection_again_after_a_refusal() {
    let server = serve(|_, path, stream| match path {
        "/file" => hello(stream),
        "/long" => respond(stream, "404 Not Found", "", &vec![b'x'; 1 << 20]),
        _ => respond(stream, "404 Not Found", "", b"{\"error\":\"not found\"}"),
    });
    let wire = wire(Timeouts::default());
    let ask = |path: &str| Download::new(BodyLimit::Exact(5)).run(&wire, &server.url(path));
    for _ in 0..3 {
        assert_eq!(ask("/none").expect_err("fails").code(), "not-found");
        ask("/file").expect("downloads");
    }
    assert_eq!((server.asked().len(), server.connections()), (6, 1));
    // What is long is not waited for.
    assert_eq!(ask("/long").expect_err("fails").code(), "not-found");
    ask("/file").expect("downloads");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_connection_that_went_stale_is_no_failure() {
    let server = serve(|_, _, stream| {
        hello(stream)?;
        Err(io::ErrorKind::ConnectionAborted.into())
    });
    let wire = wire(Timeouts::default());
    for _ in 0..3 {
        Download::new(BodyLimit::Exact(5)).run(&wire, &server.url("/file")).expect("downloads");
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn follows_redirects_to_another_host_without_credentials() {
    let other = serve(|_, _, stream| hello(stream));
    let target = other.url("/file");
    let first = serve(move |_, _, stream| respond(stream, "307 T", &format!("Location: {target}\r\n"), b"moved"));
    let mut download = Download::new(BodyLimit::Exact(5));
    download.credentials.add(&super::url(&first.url("/")), Secret::bearer("hush").expect("fits"));
    let outcome = download.run(&wire(Timeouts::default()), &first.url("/file")).expect("downloads");
    assert_eq!(outcome.url.to_string(), other.url("/file"));
    assert!(first.asked()[0].to_lowercase().contains("authorization: bearer hush\r\n"));
    assert!(!other.asked()[0].to_lowercase().contains("authorization"));
}

#[test]
fn a_redirect_loop_ends() {
    let server = serve(|_, path, stream| respond(stream, "301 M", &format!("Location: {path}\r\n"), b""));
    assert_eq!(failure(&server, Timeouts::default()), ("redirect-limit", 1));
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn judges_statuses() {
    let with = |status: &'static str, headers: &'static str| {
        let server = serve(move |_, _, stream| respond(stream, status, headers, b"hello"));
        failure(&server, Timeouts::default())
    };
    assert_eq!(with("404 Not Found", ""), ("not-found", 1));
    assert_eq!(with("401 Unauthorized", "WWW-Authenticate: Basic\r\n"), ("not-authorized", 1));
    assert_eq!(with("206 Partial Content", "Content-Range: bytes 0-4/9\r\n"), ("http-status", 1));
    assert_eq!(with("500 Oops", ""), ("http-status", 4));
    assert_eq!(with("302 Found", ""), ("redirect-nowhere", 1));
    assert_eq!(with("302 Found", "Location: /caf\u{e9}\r\n"), ("redirect-malformed", 1));
    assert_eq!(with("200 OK", "Content-Encoding: gzip\r\n"), ("content-encoding", 1));
    assert_eq!(with("200 OK", "Content-Encoding: identity\r\nContent-Encoding: br\r\n"), ("content-encoding", 1));
    let empty = serve(|_, _, stream| stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(failure(&empty, Timeouts::default()), ("http-status", 1));
    let nothing = serve(|_, _, stream| respond(stream, "200 OK", "", b""));
    assert_eq!(failure(&nothing, Timeouts::default()), ("body-size", 1));
}

#[test]
fn tries_again_after_errors_of_the_server() {
    let server = serve(|number, _, stream| match number {
        0 => respond(stream, "500 Oops", "", b"sorry"),
        1 => respond(stream, "429 Too Many Requests", "Retry-After: 3\r\n", b""),
        _ => hello(stream),
    });
    let mut download = Download::new(BodyLimit::Exact(5));
    let outcome = download.run(&wire(Timeouts::default()), &server.url("/file")).expect("downloads");
    assert_eq!((outcome.attempts, download.pauses()[1]), (3, Duration::from_secs(3)));
}

#[test]
fn notices_bodies_that_are_cut() {
    let cut: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhel",
    ];
    for response in cut {
        let server = serve(move |_, _, stream| {
            stream.write_all(response)?;
            Err(io::ErrorKind::ConnectionAborted.into())
        });
        assert_eq!(failure(&server, Timeouts::default()), ("body-truncated", 4));
    }
}

#[test]
fn reads_each_framing_of_a_whole_body() {
    let whole: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ];
    for response in whole {
        let server = serve(move |_, _, stream| {
            stream.write_all(response)?;
            Err(io::ErrorKind::ConnectionAborted.into())
        });
        assert_eq!(run(&server, Timeouts::default()).expect("downloads").1, b"hello");
    }
}

#[test]
fn stops_at_too_long_and_endless_bodies() {
    let long = serve(|_, _, stream| respond(stream, "200 OK", "", b"hello!"));
    assert_eq!(failure(&long, Timeouts::default()), ("body-size", 1));
    let endless = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"4\r\nmore\r\n")?;
        }
    });
    assert_eq!(failure(&endless, Timeouts::default()), ("body-too-long", 1));
    let mut capped = Download::new(BodyLimit::AtMost(1 << 20));
    let error = capped.run(&wire(Timeouts::default()), &endless.url("/file")).expect_err("endless");
    assert_eq!((error.code(), error.is_refusal()), ("body-too-long", true));
    assert!(capped.sink.bytes.len() <= 1 << 20);
}

/// Around a body of the right length: the client reads what is no body without returning.
#[test]
fn stops_at_framing_without_end() {
    let flood = |head: &'static [u8], line: &'static [u8]| {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let server = serve(move |_, _, stream| {
            stream.write_all(head)?;
            loop {
                let lines = line.repeat(100);
                stream.write_all(&lines)?;
                count.fetch_add(lines.len(), Ordering::Relaxed);
            }
        });
        let code = run(&server, Timeouts::default()).expect_err("no end").code();
        (code, sent.load(Ordering::Relaxed))
    };
    let body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
    let informed = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let trailer = b"X-Trailer: yyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
    for (head, line) in [(body.as_slice(), trailer.as_slice()), (b"", informed)] {
        let (code, sent) = flood(head, line);
        assert_eq!(code, "http-protocol");
        assert!(sent < 16 << 20, "{sent} bytes were taken");
    }
}

#[test]
fn gives_up_on_silent_servers() {
    let before = serve(|_, _, stream| stall(stream));
    assert_eq!(failure(&before, short()), ("http-timeout-idle", 4));
    let within = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le")?;
        stall(stream)
    });
    assert_eq!(failure(&within, short()), ("http-timeout-idle", 4));
    let body = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")?;
        stall(stream)
    });
    assert_eq!(failure(&body, short()), ("http-timeout-idle", 4));
}

#[test]
fn gives_up_on_headers_that_never_end() {
    let slow = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        trickle(stream, b"X: y\r\n")
    });
    assert_eq!(failure(&slow, short()), ("http-timeout-idle", 4));
    let fast = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"X: y\r\n")?;
        }
    });
    assert_eq!(failure(&fast, Timeouts::default()), ("http-protocol", 1));
}

#[test]
fn gives_up_on_slow_servers() {
    let server = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        trickle(stream, b"x")
    });
    let mut download = Download::new(BodyLimit::AtMost(1 << 20));
    download.timeouts.low_speed = LowSpeed { bytes_per_second: 1 << 20, window: Duration::from_millis(50) };
    let error = download.run(&wire(Timeouts::default()), &server.url("/file")).expect_err("too slow");
    assert_eq!((error.code(), error.attempts), ("http-timeout-low-speed", 4));
}

#[test]
fn gives_up_when_the_time_is_over() {
    let trickling = serve(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        trickle(stream, b"x")
    });
    let mut download = Download::new(BodyLimit::AtMost(1 << 20));
    download.timeouts.deadline = Duration::from_millis(200);
    let error = download.run(&wire(Timeouts::default()), &trickling.url("/file")).expect_err("too late");
    assert_eq!((error.code(), error.attempts), ("http-timeout-deadline", 1));

    let silent = serve(|_, _, stream| stall(stream));
    let deadline = Timeouts { deadline: Duration::from_millis(200), ..Timeouts::default() };
    assert_eq!(failure(&silent, deadline), ("http-timeout-deadline", 1));
}

#[test]
fn tries_again_after_a_reset() {
    // To close a socket that has unread input sends a reset.
    let server = accept(|number, mut stream| {
        stream.peek(&mut [0])?;
        if number == 0 {
            return Ok(());
        }
        if number == 1 {
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        }
        read_header(&mut stream)?;
        hello(&mut stream)
    });
    let (outcome, bytes) = run(&server, Timeouts::default()).expect("downloads");
    assert_eq!((outcome.attempts, bytes.as_slice()), (3, &b"hello"[..]));
}

#[test]
fn tries_a_closed_port_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let mut download = Download::new(BodyLimit::Exact(5));
    let error = download.run(&wire(Timeouts::default()), &format!("http://{port}/")).expect_err("nobody there");
    assert_eq!((error.code(), error.attempts, error.is_refusal()), ("http-connect", 4, false));
}

#[test]
fn refuses_what_is_not_http() {
    let check = |response: &'static [u8]| {
        let server = serve(move |_, _, stream| stream.write_all(response).and_then(|()| stall(stream)));
        assert_eq!(failure(&server, Timeouts::default()), ("http-protocol", 1), "{}", response.escape_ascii());
    };
    check(b"SSH-2.0-OpenSSH_9\r\n\r\n");
    check(b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello");
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
    check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n");
}

#[test]
fn is_shared_by_threads() {
    let server = serve(|_, _, stream| hello(stream));
    let wire = wire(Timeouts::default());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..8 {
                    Download::new(BodyLimit::Exact(5)).run(&wire, &server.url("/file")).expect("downloads");
                }
            });
        }
    });
    assert_eq!(server.asked().len(), 64);
    assert!(server.connections() <= 8, "{}", server.connections());
}
