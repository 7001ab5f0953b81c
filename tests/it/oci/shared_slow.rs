//! Shared stores on loopback that answer, and take their time: what comes byte by byte, and what is taken and never
//! acknowledged.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Project, integrity, pin};

use super::registry::{EMPTY, digest};

/// Long enough that a drip takes half a minute.
const LENGTH: usize = 128 << 10;

/// What is done with a request, by its method and path.
type Behaviour = fn(&str, &[u8], &mut TcpStream);

/// Answers each request by `method path`; upstream is `/tool` on the same port.
fn serve(bytes: Vec<u8>, answer: Behaviour) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bytes = bytes.clone();
            std::thread::spawn(move || exchange(stream, &bytes, answer));
        }
    });
    port
}

fn exchange(mut stream: TcpStream, bytes: &[u8], answer: Behaviour) {
    let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    while let Ok(read) = lines.read_line(&mut line) {
        if first.is_empty() {
            first = line.rsplit_once(' ').map(|(before, _)| before.to_owned()).unwrap_or_default();
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if read == 0 || line == "\r\n" {
            break;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if lines.read_exact(&mut body).is_ok() {
        match first.as_str() {
            "GET /tool" => reply(&mut stream, 200, "", bytes),
            _ => answer(&first, bytes, &mut stream),
        }
    }
}

/// Who went away does not hear it.
fn reply(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Has everything, and hands out four kilobytes a second.
fn drip(request: &str, bytes: &[u8], stream: &mut TcpStream) {
    if request.contains("/manifests/") {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.pinfold.pin.v1",
            "config": { "mediaType": EMPTY, "digest": digest(b"{}"), "size": 2 },
            "layers": [{ "mediaType": "application/octet-stream", "digest": digest(bytes), "size": bytes.len() }],
        });
        let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
        return reply(stream, 200, kind, manifest.to_string().as_bytes());
    }
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes());
    for piece in bytes.chunks(2 << 10) {
        if stream.write_all(piece).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Has nothing, takes everything, and says no word about it.
fn swallow(request: &str, _: &[u8], stream: &mut TcpStream) {
    match request.split(' ').next() {
        Some("GET" | "HEAD") => reply(stream, 404, "", b""),
        Some("POST") => reply(stream, 202, "Location: /v2/cache/blobs/uploads/1\r\n", b""),
        _ => std::thread::sleep(Duration::from_secs(60)),
    }
}

#[test]
fn one_that_is_slow_holds_nobody_up_for_long() {
    let bytes: Vec<u8> = (0..LENGTH).map(|index| u8::try_from(index % 251).expect("small")).collect();
    let cases: [(&str, Behaviour, &str); 2] = [("drip", drip, "read"), ("swallow", swallow, "read-write")];
    for (what, answer, mode) in cases {
        let port = serve(bytes.clone(), answer);
        let source = format!("url = \"http://127.0.0.1:{port}/tool\"");
        let project = Project::new(&pin("tool", &source, &integrity(&bytes), "format = \"raw\"")).quiet();
        let store = format!("oci://127.0.0.1:{port}/cache");
        let started = Instant::now();
        let mut command = project.command();
        command.args(["fetch", "--store", &store, "--store-mode", mode, "--store-timeout", "1"]);
        let output = command.output().expect("the command");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{what}: {said}");
        assert!(said.contains("shared store"), "{what}: {said}");
        // Of what the store would take there are 32 seconds and 60; a busy machine may make a few of two.
        assert!(started.elapsed() < Duration::from_secs(25), "{what}: {:?}: {said}", started.elapsed());
    }
}
