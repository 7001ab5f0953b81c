//! Bodies that break off, and what comes behind them.

use std::io;
use std::sync::Mutex;

use super::download::{answer, broken};
use super::{BodyLimit, Download};
use crate::http::{DownloadError, Http, HttpError, MAX_PARTS, Outcome, PartHeaders, Request, Response};

const HERE: &str = "https://a.example.com/file";
const BODY: &[u8] = b"hello, world";
const OTHER: &[u8] = b"HELLO, WORLD";
const STRONG: Option<&str> = Some("\"one\"");

/// Answers by the number of the question (from 0), and by where it should begin if that is asked for.
struct Scripted<F>(F, Mutex<Vec<(Option<String>, Option<String>)>>);

impl<F: Fn(usize, u64) -> Result<Response, HttpError> + Send + Sync> Http for Scripted<F> {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let header = |name: &str| request.headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.clone());
        let (range, if_range) = (header("Range"), header("If-Range"));
        let start = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let mut asked = self.1.lock().expect("no panic");
        asked.push((range, if_range));
        (self.0)(asked.len() - 1, start.unwrap_or(0))
    }
}

/// What came of it.
struct Came {
    result: Result<Outcome, DownloadError>,
    bytes: Vec<u8>,
    restarts: u32,
    pauses: usize,
    /// `Range` and `If-Range` of each request.
    asked: Vec<(Option<String>, Option<String>)>,
}

impl Came {
    fn is_body(&self, attempts: usize, restarts: u32, pauses: usize) {
        assert_eq!(self.result.as_ref().map(|came| came.bytes).expect("comes"), 12);
        assert_eq!(String::from_utf8_lossy(&self.bytes), "hello, world");
        assert_eq!((self.asked.len(), self.restarts, self.pauses), (attempts, restarts, pauses), "{:?}", self.asked);
    }
}

fn fetch(
    limit: BodyLimit,
    wanted: Option<&[u8]>,
    script: impl Fn(usize, u64) -> Result<Response, HttpError> + Send + Sync,
) -> Came {
    let mut download = Download::new(limit);
    download.sink.wanted = wanted.map(<[u8]>::to_vec);
    let server = Scripted(script, Mutex::default());
    let result = download.run(&server, HERE);
    let (pauses, asked) = (download.pauses().len(), server.1.into_inner().expect("no panic"));
    Came { result, bytes: download.sink.bytes, restarts: download.sink.restarts, pauses, asked }
}

const HELD: Option<&[u8]> = Some(BODY);
const SIZE: BodyLimit = BodyLimit::Exact(12);
const CAP: BodyLimit = BodyLimit::AtMost(100);

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("fits")
}

fn etag(name: Option<&str>, content_range: Option<String>) -> PartHeaders {
    PartHeaders { etag: name.map(str::to_owned), content_range }
}

/// The whole, of which only so much comes.
fn cut(body: &[u8], at: usize, name: Option<&str>) -> Response {
    let content_length = Some(length(body));
    let broken = broken(&body[..at], io::ErrorKind::ConnectionReset);
    Response { content_length, part: etag(name, None), ..broken }
}

/// The rest of a body, of which only so much comes.
fn rest(body: &[u8], start: u64, at: usize, name: Option<&str>) -> Response {
    let range = format!("bytes {start}-{}/{}", body.len() - 1, body.len());
    let from = usize::try_from(start).expect("fits");
    let content_length = Some(length(body) - start);
    let broken = broken(&body[from..at], io::ErrorKind::UnexpectedEof);
    let body: Box<dyn io::Read + Send> =
        if at == body.len() { Box::new(io::Cursor::new(body[from..].to_vec())) } else { broken.body };
    Response { content_length, part: etag(name, Some(range)), body, ..answer(206) }
}

fn whole(body: &[u8], name: Option<&str>) -> Response {
    let (content_length, body) = (Some(length(body)), Box::new(io::Cursor::new(body.to_vec())));
    Response { content_length, part: etag(name, None), body, ..answer(200) }
}

#[test]
fn goes_on_from_every_byte() {
    for (limit, wanted, name) in
        [(SIZE, HELD, None), (CAP, HELD, STRONG), (CAP, None, STRONG), (SIZE, HELD, Some("W/\"x\""))]
    {
        for first in 0..BODY.len() {
            for second in first..=BODY.len() {
                let came = fetch(limit, wanted, |number, start| {
                    Ok(match number {
                        0 => cut(BODY, first, name),
                        1 if first == 0 => cut(BODY, second.min(11), name),
                        1 => rest(BODY, start, second, name),
                        _ if start == 0 => whole(BODY, name),
                        _ => rest(BODY, start, BODY.len(), name),
                    })
                });
                let is_late = second == BODY.len() && first > 0;
                let restarts = u32::from(first == 0) + u32::from(second == 0);
                came.is_body(if is_late { 2 } else { 3 }, restarts, if is_late { 1 } else { 2 });
                let (range, if_range) = came.asked.last().expect("asked");
                let stopped = if is_late { first } else { second.min(11) };
                assert_eq!(range.clone(), (stopped > 0).then(|| format!("bytes={stopped}-")));
                assert_eq!(if_range.as_deref(), name.filter(|name| stopped > 0 && !name.starts_with('W')));
            }
        }
    }
}

#[test]
fn goes_on_after_silence_and_after_a_refusal_that_passes() {
    let came = fetch(SIZE, HELD, |number, start| match number {
        0 => Ok(Response { body: broken(&BODY[..5], io::ErrorKind::TimedOut).body, ..whole(BODY, None) }),
        1 => Ok(answer(503)),
        2 => Err(HttpError::Closed(io::ErrorKind::ConnectionReset.into())),
        _ => Ok(rest(BODY, start, 12, None)),
    });
    came.is_body(4, 0, 3);
    assert!(came.asked[1..].iter().all(|(range, _)| range.as_deref() == Some("bytes=5-")), "{:?}", came.asked);
    // What will not pass does not.
    for (status, code) in [(404, "not-found"), (403, "not-authorized"), (412, "http-status")] {
        let came = fetch(SIZE, HELD, |number, _| Ok(if number == 0 { cut(BODY, 5, None) } else { answer(status) }));
        assert_eq!((came.result.expect_err("fails").code(), came.asked.len()), (code, 2));
    }
}

#[test]
fn without_a_digest_only_a_strong_name_binds_parts() {
    for name in [None, Some("W/\"one\""), Some("one"), Some("\"a\", \"b\"")] {
        let came = fetch(CAP, None, |number, start| {
            assert_eq!(start, 0);
            Ok(if number == 0 { cut(BODY, 5, name) } else { whole(BODY, name) })
        });
        came.is_body(2, 1, 1);
    }
    // Whoever sends a part says which version it is of, and it is the same address.
    for name in [None, Some("\"two\""), Some("W/\"one\"")] {
        let came = fetch(CAP, None, |number, start| {
            Ok(match number {
                0 => cut(BODY, 5, STRONG),
                1 => rest(OTHER, start, 12, name),
                _ => whole(BODY, STRONG),
            })
        });
        came.is_body(3, 1, 1);
        assert_eq!(came.asked[2], (None, None));
    }
    let led = |to: &str| Ok(Response { location: Some(to.to_owned()), ..answer(302) });
    for (second, asked) in [("https://b.example.com/2?y", 6), ("https://b.example.com/1?y", 4)] {
        let came = fetch(CAP, None, |number, start| match number {
            0 => led("https://b.example.com/1?x"),
            2 | 4 => led(second),
            1 => Ok(cut(BODY, 5, STRONG)),
            3 => Ok(rest(BODY, start, 12, STRONG)),
            _ => Ok(whole(BODY, STRONG)),
        });
        came.is_body(asked, u32::from(asked == 6), 1);
    }
    // With a digest another address is as good, whatever it calls the version.
    let came = fetch(CAP, HELD, |number, start| match number {
        0 => led("https://b.example.com/1?x"),
        1 => Ok(cut(BODY, 5, STRONG)),
        2 => led("https://c.example.com/1?x"),
        _ => Ok(rest(BODY, start, 12, Some("\"two\""))),
    });
    came.is_body(4, 0, 1);
}

#[test]
fn a_server_may_send_the_whole_again() {
    // It ignores the header, or the version is another.
    for (body, wanted) in [(BODY, HELD), (BODY, None)] {
        let came = fetch(CAP, wanted, |number, _| {
            Ok(if number == 0 { cut(OTHER, 5, STRONG) } else { whole(body, Some("\"two\"")) })
        });
        came.is_body(2, 1, 1);
        assert_eq!(came.asked[1], (Some("bytes=5-".to_owned()), Some("\"one\"".to_owned())));
    }
    // And the whole is held to the limit.
    let came = fetch(SIZE, HELD, |number, _| Ok(if number == 0 { cut(BODY, 5, None) } else { whole(b"short", None) }));
    assert_eq!(came.result.expect_err("refused").code(), "body-size");
}

#[test]
fn a_part_that_does_not_fit_is_no_part() {
    type Change = fn(&mut Response);
    let changes: [(&str, Change); 16] = [
        ("none", |part| part.part.content_range = None),
        ("early", |part| part.part.content_range = Some("bytes 4-11/12".into())),
        ("late", |part| part.part.content_range = Some("bytes 6-11/12".into())),
        ("backwards", |part| part.part.content_range = Some("bytes 5-4/12".into())),
        ("beyond", |part| part.part.content_range = Some("bytes 5-12/12".into())),
        ("longer", |part| part.part.content_range = Some("bytes 5-11/13".into())),
        ("shorter", |part| part.part.content_range = Some("bytes 5-10/11".into())),
        ("unsatisfied", |part| part.part.content_range = Some("bytes */12".into())),
        ("unit", |part| part.part.content_range = Some("lines 5-11/12".into())),
        ("twice", |part| part.part.content_range = Some("bytes 5-11/12, bytes 5-11/12".into())),
        ("huge", |part| part.part.content_range = Some("bytes 5-18446744073709551615/*".into())),
        ("length", |part| part.content_length = Some(8)),
        ("multipart", |part| part.content_type = Some("Multipart/Byteranges; boundary=x".into())),
        ("version", |part| part.part.etag = Some("\"two\"".into())),
        ("too much", |part| {
            part.content_length = None;
            part.body = Box::new(io::repeat(b'x'));
        }),
        ("416", |part| part.status = 416),
    ];
    for (what, change) in changes {
        for (limit, wanted) in [(SIZE, HELD), (CAP, None)] {
            let came = fetch(limit, wanted, |number, start| {
                let mut part = rest(BODY, start.min(11), 12, STRONG);
                change(&mut part);
                Ok(match number {
                    0 => cut(BODY, 5, STRONG),
                    1 => part,
                    // From now on the whole is asked for, also when it breaks off.
                    2 => cut(BODY, 7, STRONG),
                    _ => whole(BODY, STRONG),
                })
            });
            came.is_body(4, 2, 2);
            assert_eq!((&came.asked[2], &came.asked[3]), (&(None, None), &(None, None)), "{what}");
        }
    }
    // Nobody asked for one.
    let came = fetch(SIZE, HELD, |_, start| Ok(rest(BODY, start, 12, None)));
    assert_eq!((came.result.expect_err("refused").code(), came.asked.len()), ("http-status", 1));
}

#[test]
fn a_part_of_a_part_and_parts_of_unknown_wholes() {
    // Less than was asked for, which a server may send (RFC 9110, section 15.3.7).
    let came = fetch(SIZE, HELD, |number, start| {
        let mut part = rest(BODY, start, 12, None);
        if number == 1 {
            part.part.content_range = Some("bytes 5-8/12".into());
            (part.content_length, part.body) = (Some(4), Box::new(&BODY[5..9]));
        }
        Ok(if number == 0 { cut(BODY, 5, None) } else { part })
    });
    came.is_body(3, 0, 2);
    assert_eq!(came.asked[2].0.as_deref(), Some("bytes=9-"));
    // How long the whole is, somebody has to say.
    let unannounced = || Response { content_length: None, ..cut(BODY, 5, STRONG) };
    for (limit, range, asked) in [
        (CAP, "bytes 5-11/*", 3),
        (CAP, "bytes 5-11/12", 2),
        (SIZE, "bytes 5-11/*", 2),
        (BodyLimit::AtMost(12), "bytes 5-12/13", 3),
    ] {
        let came = fetch(limit, HELD, |number, start| {
            let mut part = rest(BODY, start.min(11), 12, STRONG);
            part.part.content_range = Some(range.into());
            part.content_length = None;
            Ok([unannounced(), part, whole(BODY, STRONG)].into_iter().nth(number).expect("no more"))
        });
        came.is_body(asked, u32::from(asked == 3), 1);
    }
}

#[test]
fn parts_of_two_versions_are_asked_for_anew_once() {
    let came = fetch(SIZE, HELD, |number, start| {
        Ok(match number {
            0 => cut(OTHER, 5, None),
            1 => rest(BODY, start, 12, None),
            _ => whole(BODY, None),
        })
    });
    came.is_body(3, 1, 1);
    // What is wrong as a whole is wrong.
    let came = fetch(SIZE, HELD, |number, start| {
        Ok(match number {
            0 => cut(OTHER, 5, None),
            1 => rest(OTHER, start, 12, None),
            _ => whole(OTHER, None),
        })
    });
    assert_eq!((came.result.is_ok(), came.bytes.as_slice(), came.asked.len()), (true, OTHER, 3));
    // So it is where it came as one.
    let came = fetch(SIZE, HELD, |_, _| Ok(whole(OTHER, None)));
    assert_eq!((came.result.is_ok(), came.asked.len()), (true, 1));
}

#[test]
fn who_gets_somewhere_may_go_on_but_not_for_ever() {
    let in_pieces = |size: usize, piece: usize| {
        let body: Vec<u8> = (0..size).map(|number| u8::try_from(number % 251).expect("fits")).collect();
        let limit = BodyLimit::Exact(length(&body));
        fetch(limit, Some(&body), |_, start| {
            let end = body.len().min(usize::try_from(start).expect("fits") + piece);
            Ok(if start == 0 { cut(&body, end, None) } else { rest(&body, start, end, None) })
        })
    };
    let came = in_pieces(1 << 20, 64 << 10);
    assert_eq!((came.result.expect("comes").bytes, came.asked.len(), came.restarts), (1 << 20, 16, 0));
    let failed = |came: Came| {
        let error = came.result.expect_err("gives up");
        (error.code(), error.attempts, came.bytes.len())
    };
    assert_eq!(failed(in_pieces(1 << 20, (64 << 10) - 1)), ("body-truncated", 4, 4 * ((64 << 10) - 1)));
    assert_eq!(failed(in_pieces(1 << 20, 1)), ("body-truncated", 4, 4));
    let most = usize::try_from(MAX_PARTS).expect("fits");
    assert_eq!(failed(in_pieces(8 << 20, 64 << 10)), ("body-truncated", MAX_PARTS, most * (64 << 10)));
    // To get as far as before is to get nowhere.
    let body = vec![0; 1 << 20];
    let came = fetch(BodyLimit::Exact(1 << 20), Some(&body), |_, _| Ok(cut(&body, 200 << 10, None)));
    assert_eq!((came.result.expect_err("gives up").attempts, came.asked.len()), (4, 4));
}
