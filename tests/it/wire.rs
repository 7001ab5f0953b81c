//! The real command against a real server on loopback: what is asked of whom, and what is sent along.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::{Project, files_below, integrity, npm_package, pin};

/// A server on a port of its own, which answers from a map and remembers who asked what. It ends with the test process.
struct Server {
    port: u16,
    answers: Arc<Mutex<BTreeMap<String, Vec<Answer>>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// An answer; of several for one path each is given once, the last for ever.
#[derive(Clone)]
enum Answer {
    Body(Vec<u8>),
    /// All that was announced but the last byte.
    Truncated(Vec<u8>),
    /// At most so many bytes at once of what is asked for, from where it is asked for.
    Pieces(Vec<u8>, usize),
    /// No length is announced; the body ends when the connection does.
    Unannounced(Vec<u8>),
    Redirect(String),
    Status(u16),
}

/// A request: its path, and its headers with lower-case names.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    headers: BTreeMap<String, String>,
}

impl Asked {
    fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            port: listener.local_addr().expect("an address").port(),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let (answers, asked) = (Arc::clone(&server.answers), Arc::clone(&server.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                // A client that goes away early is the client's affair.
                std::thread::spawn(move || drop(serve(stream, &answers, &asked)));
            }
        });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn answer(&self, path: &str, answers: &[Answer]) {
        self.answers.lock().expect("no panic").insert(path.to_owned(), answers.to_vec());
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }

    /// The paths that were asked for since the last call.
    fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    answers: &Mutex<BTreeMap<String, Vec<Answer>>>,
    asked: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        match line?.split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let start = headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    asked.lock().expect("no panic").push(Asked { path: path.clone(), headers });
    let answer = match answers.lock().expect("no panic").get_mut(&path) {
        Some(several) if several.len() > 1 => several.remove(0),
        Some(several) => several[0].clone(),
        None => Answer::Status(404),
    };
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{more}\r\n");
    let length = |body: &[u8]| format!("Content-Length: {}\r\n", body.len());
    let (head, body) = match answer {
        Answer::Body(body) => (head(200, &length(&body)), body),
        Answer::Truncated(body) => (head(200, &length(&body)), body[..body.len() - 1].to_vec()),
        Answer::Pieces(body, size) => {
            let (start, end): (usize, usize) = (start.unwrap_or(0), body.len());
            let range = format!("Content-Range: bytes {start}-{}/{end}\r\n{}", end - 1, length(&body[start..]));
            let head = if start > 0 { head(206, &range) } else { head(200, &length(&body)) };
            (head, body[start..end.min(start + size)].to_vec())
        }
        Answer::Unannounced(body) => (head(200, ""), body),
        Answer::Redirect(to) => (head(302, &format!("Location: {to}\r\nContent-Length: 0\r\n")), Vec::new()),
        Answer::Status(status) => (head(status, "Content-Length: 0\r\n"), Vec::new()),
    };
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The package of all these tests, and where a registry has it.
fn left() -> Vec<u8> {
    npm_package("left", "1.0.0", &[("index.js", "export default 1;\n")])
}

const LEFT: &str = "/left/-/left-1.0.0.tgz";

/// A project with that package as a pin, and with `more` in its table.
fn project(more: &str) -> Project {
    Project::new(&pin("left", "npm = \"left@1.0.0\"", &integrity(&left()), more)).quiet()
}

/// `pinfold fetch`, all it said, and its exit code.
fn fetch(project: &Project, args: &[&str]) -> (i32, String) {
    run(project.command().arg("fetch").args(args))
}

fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("the command");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("not killed"), String::from_utf8(said).expect("UTF-8"))
}

fn registry(server: &Server) -> String {
    format!("--registry=npm={}", server.url("/"))
}

#[test]
fn end_to_end() {
    let server = Server::start();
    server.answer(LEFT, &[Answer::Body(left())]);
    let project = project("");
    let flag = registry(&server);
    assert_eq!(fetch(&project, &[&flag]).0, 0);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers.get("accept-encoding").map(String::as_str), Some("identity"));
    assert_eq!(asked[0].authorization(), None);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 1;\n");

    let (code, said) = fetch(&project, &[&flag]);
    assert!(code == 0 && said.starts_with("unchanged"), "{said}");
    let (code, said) = run(project.command().arg("verify"));
    assert!(code == 0 && said.ends_with("1 pin verified\n"), "{said}");
    assert!(server.asked().is_empty());

    project.write("vendor/left/index.js", "export default 2;\n");
    let (code, said) = run(project.command().arg("verify"));
    assert!(code == 1 && said.contains("`vendor/left/index.js` was changed"), "{said}");
    // The bytes are in the store, so that nobody is asked to put it right.
    assert_eq!(fetch(&project, &["--offline"]).0, 1);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 2;\n");
    assert_eq!(fetch(&project, &["--offline", "--restore"]).0, 0);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 1;\n");
}

#[test]
fn many_pins_at_once() {
    let server = Server::start();
    let names: Vec<String> = (0..20).map(|number| format!("pin{number}")).collect();
    let mut pins = String::new();
    for name in &names {
        let package = npm_package(name, "1.0.0", &[("index.js", name)]);
        pins += &pin(name, &format!("npm = \"{name}@1.0.0\""), &integrity(&package), "");
        server.answer(&format!("/{name}/-/{name}-1.0.0.tgz"), &[Answer::Body(package)]);
    }
    let project = Project::new(&pins).quiet();
    let (code, said) = fetch(&project, &[&registry(&server), "--jobs=6"]);
    assert!(code == 0 && said.ends_with("20 pins: 20 installed\n"), "{said}");
    let subjects: Vec<&str> = said.lines().take(20).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(subjects, names);
    assert_eq!(server.asked().len(), 20);
}

#[test]
fn where_packages_come_from() {
    let server = Server::start();
    let places = ["/flag", "/pins", "/env", "/npmrc", "/user"];
    for place in places {
        server.answer(&format!("{place}{LEFT}"), &[Answer::Body(left())]);
    }
    // Each place counts before those behind it.
    for (first, place) in places.into_iter().enumerate() {
        let project = project("");
        let (mut command, pins) = (project.command(), project.read("pins.toml"));
        command.arg("fetch");
        for place in &places[first..] {
            let url = server.url(place);
            match *place {
                "/flag" => drop(command.arg(format!("--registry=npm={url}"))),
                "/pins" => project.pins(&pins.replacen('\n', &format!("\n[registries]\nnpm = \"{url}\"\n"), 1)),
                "/env" => drop(command.env("NPM_CONFIG_REGISTRY", url)),
                "/npmrc" => project.write(".npmrc", format!("registry={url}\n")),
                _ => {
                    project.write("../home.npmrc", format!("registry={url}\n"));
                    command.env("NPM_CONFIG_USERCONFIG", project.root().with_file_name("home.npmrc"));
                }
            }
        }
        let (code, said) = run(&mut command);
        assert_eq!((code, server.paths()), (0, vec![format!("{place}{LEFT}")]), "{said}");
    }
}

#[test]
fn a_token_goes_to_its_own_registry_only() {
    let (ours, other) = (Server::start(), Server::start());
    other.answer("/tarball", &[Answer::Body(left())]);
    let mirrors = format!("mirrors = [\"{}\"]", other.url("/tarball"));
    let project = project(&mirrors);
    project.write(".npmrc", format!("registry={}\n//127.0.0.1:{}/:_authToken=hush-hush\n", ours.url("/"), ours.port));
    let check = |what: &str, answer: Answer, expected: i32| {
        ours.answer(LEFT, &[answer]);
        for folder in [project.store_folder(), project.path("vendor")] {
            if folder.exists() {
                std::fs::remove_dir_all(folder).expect("a folder");
            }
        }
        let (code, said) = fetch(&project, &["-v"]);
        assert_eq!(code, expected, "{what}: {said}");
        let (_, document) = fetch(&project, &["--json"]);
        assert!(!said.contains("hush") && !document.contains("hush"), "{what}: {said}{document}");
        let ours = ours.asked();
        assert!(!ours.is_empty());
        assert!(ours.iter().all(|asked| asked.authorization() == Some("Bearer hush-hush")), "{what}: {ours:?}");
        let other = other.asked();
        assert!(other.iter().all(|asked| asked.authorization().is_none()), "{what}: {other:?}");
        other.len()
    };
    assert_eq!(check("served", Answer::Body(left()), 0), 0);
    assert_eq!(check("a redirect elsewhere", Answer::Redirect(other.url("/tarball")), 0), 1);
    assert_eq!(check("a mirror after a mismatch", Answer::Body(b"evil".to_vec()), 0), 1);
    assert_eq!(check("a mirror after a refusal", Answer::Status(403), 0), 1);
    other.answer("/tarball", &[Answer::Status(404)]);
    assert_eq!(check("nobody", Answer::Status(401), 2), 2);
    for file in files_below(&project.path(".pinfold")) {
        assert!(!project.read(&format!(".pinfold/{file}")).contains("hush"));
    }
}

#[test]
fn a_body_that_is_cut_short_is_asked_for_again() {
    let server = Server::start();
    server.answer(LEFT, &[Answer::Truncated(left()), Answer::Body(left())]);
    let project = project("");
    assert_eq!(fetch(&project, &[&registry(&server)]).0, 0);
    assert_eq!(server.asked().len(), 2);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 1;\n");
}

#[test]
fn a_body_that_is_always_cut_short_fails() {
    let server = Server::start();
    server.answer(LEFT, &[Answer::Truncated(left())]);
    let project = project("");
    let (code, said) = fetch(&project, &[&registry(&server)]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("failed"), "{said}");
    assert_eq!(server.asked().len(), 4);
    assert!(!project.exists("vendor") && files_below(&project.path(".pinfold")).is_empty());
    assert!(files_below(&project.store_folder().join("sha512")).is_empty());
}

#[test]
fn a_body_without_a_length_may_not_be_longer_than_pinned() {
    let server = Server::start();
    let size = left().len();
    let project = project(&format!("size = {size}"));
    server.answer(LEFT, &[Answer::Unannounced([left(), vec![0; 1 << 20]].concat())]);
    let (code, said) = fetch(&project, &[&registry(&server), "--json"]);
    assert!(code == 1 && said.contains("\"body-too-long\""), "{said}");
    assert_eq!(server.asked().len(), 1);
    server.answer(LEFT, &[Answer::Unannounced(left())]);
    assert_eq!(fetch(&project, &[&registry(&server)]).0, 0);
}

#[test]
fn wrong_bytes_are_asked_for_once() {
    let server = Server::start();
    server.answer(LEFT, &[Answer::Body(b"evil".to_vec())]);
    let project = project("");
    let (code, said) = fetch(&project, &[&registry(&server)]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("expected {}\n", integrity(&left()))), "{said}");
    assert!(said.contains(&format!("received {}\n", integrity(b"evil"))), "{said}");
    assert_eq!(server.paths(), [LEFT]);
    assert!(!project.exists("vendor"));
}

#[test]
fn a_host_is_allowed_with_its_port() {
    let (ours, other) = (Server::start(), Server::start());
    ours.answer(LEFT, &[Answer::Redirect(other.url("/tarball"))]);
    other.answer("/tarball", &[Answer::Body(left())]);
    let project = project("");
    let pins = project.read("pins.toml");
    let hosts = |hosts: &str| project.pins(&format!("{pins}hosts = [{hosts}]\n"));
    hosts(&format!("\"127.0.0.1:{}\"", ours.port));
    let (code, said) = fetch(&project, &[&registry(&ours), "--json"]);
    assert!(code == 1 && said.contains("\"host-not-allowed\""), "{said}");
    assert!(other.asked().is_empty());
    hosts(&format!("\"127.0.0.1:{}\", \"127.0.0.1:{}\"", ours.port, other.port));
    assert_eq!(fetch(&project, &[&registry(&ours)]).0, 0);
}

#[test]
fn nobody_there_is_a_failure_and_no_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let project = project("");
    let (code, said) = fetch(&project, &[&format!("--registry=npm=http://127.0.0.1:{port}/"), "--json"]);
    assert!(code == 2 && said.contains("\"http-connect\""), "{said}");
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let (server, cdn) = (Server::start(), Server::start());
    let size = left().len() / 3 + 1;
    cdn.answer("/bytes?signature=1", &[Answer::Pieces(left(), size)]);
    server.answer(LEFT, &[Answer::Redirect(cdn.url("/bytes?signature=1"))]);
    let project = project("");
    let flag = registry(&server);
    let (code, said) = fetch(&project, &[&flag]);
    assert_eq!(code, 0, "{said}");
    // The registry is asked anew each time, as the address that it leads to may be good for some minutes only.
    assert_eq!(server.paths(), [LEFT, LEFT, LEFT]);
    let ranges: Vec<_> = cdn.asked().into_iter().map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges, [None, Some(format!("bytes={size}-")), Some(format!("bytes={}-", 2 * size))]);
    // The start of another version, and the rest of the right one: the whole is asked for, and right.
    let project = self::project("");
    let mut other = left();
    other[0] ^= 1;
    cdn.answer("/bytes?signature=1", &[Answer::Pieces(other.clone(), size), Answer::Pieces(left(), left().len())]);
    assert_eq!(fetch(&project, &[&flag]).0, 0);
    let ranges: Vec<_> = cdn.asked().into_iter().map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges, [None, Some(format!("bytes={size}-")), None]);
    // And what is wrong as a whole is refused.
    let project = self::project("");
    cdn.answer("/bytes?signature=1", &[Answer::Pieces(other.clone(), size), Answer::Pieces(other, left().len())]);
    let (code, said) = fetch(&project, &[&flag]);
    assert_eq!((code, cdn.asked().len()), (1, 3), "{said}");
    assert!(said.contains("integrity-mismatch") || said.contains("expected"), "{said}");
}
