//! Registries of other people on loopback, each on a port of its own and ended by its own process id, and the real command
//! before them. Without the program a test is ignored.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pinfold_oci::ACCEPT;

use crate::corpus::beside_corpora;
use crate::needs::program;
use crate::support::Project;

/// A registry that runs; what it says goes to its own folder.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How docker-registry is set up.
#[derive(Default)]
pub(super) struct Config<'a> {
    /// Where it keeps what it has; in memory unless it says.
    pub(super) storage: Option<&'a Path>,
    pub(super) is_read_only: bool,
    /// Its `auth`, in YAML.
    pub(super) auth: &'a str,
    /// A file for whoever may log in.
    pub(super) htpasswd: &'a str,
}

/// The user `u` with the password `p`, in bcrypt, which is all that docker-registry reads.
pub(super) const HTPASSWD: &str = "u:$2b$04$abcdefghijklmnopqrstuudMegMbPN37MbpdEfAtP66w1z0RBCtLG\n";

impl Server {
    /// The registry in Python that cosign, oras and crane were run against, with these knobs, in which `PORT` is its own. It
    /// lies beside the project, in `shared/tools`.
    pub(super) fn python(knobs: &[&str]) -> Self {
        let script = beside_corpora("../tools/miniregistry.py");
        let python = program("python3");
        let start = || {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = Command::new(&python);
            let knobs = knobs.iter().map(|knob| knob.replace("PORT", &port.to_string()));
            command.arg(&script).arg(port.to_string()).args(knobs);
            command.arg(format!("log={}", folder.path().join("log").display())).stderr(Stdio::null());
            let mut server = Self { child: command.spawn().expect("python"), port, folder };
            // It writes down what it was asked; who answers and does not took the port in between.
            let answers = |server: &Self| server.pings() && folder_has(&server.folder, "log");
            patiently("the registry in Python answers", || {
                let is_over = server.child.try_wait().expect("a child").is_some();
                (is_over || answers(&server)).then_some(!is_over)
            })
            .then_some(server)
        };
        (0..5).find_map(|_| start()).expect("a registry in Python that starts")
    }

    /// Debian's docker-registry, which has no referrers API.
    pub(super) fn distribution(config: &Config<'_>) -> Self {
        let program = program("docker-registry");
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let mut text = "version: 0.1\nlog: { level: info }\nhttp: { addr: \"127.0.0.1:0\", secret: none }\n".to_owned();
        let _ = match config.storage {
            Some(storage) => write!(text, "storage:\n  filesystem: {{ rootdirectory: {} }}\n", storage.display()),
            None => write!(text, "storage:\n  inmemory: {{}}\n"),
        };
        text.push_str("  delete: { enabled: true }\n");
        if config.is_read_only {
            text.push_str("  maintenance: { readonly: { enabled: true } }\n");
        }
        if !config.htpasswd.is_empty() {
            std::fs::write(path("htpasswd"), config.htpasswd).expect("a file");
            let _ = writeln!(text, "auth: {{ htpasswd: {{ realm: all, path: {} }} }}", path("htpasswd").display());
        }
        text.push_str(config.auth);
        std::fs::write(path("config.yml"), text).expect("a file");
        let file = |name: &str| Stdio::from(std::fs::File::create(path(name)).expect("a file"));
        let mut command = Command::new(program);
        command.arg("serve").arg(path("config.yml")).env_clear().stdout(file("log")).stderr(file("said"));
        let mut server = Self { child: command.spawn().expect("docker-registry"), port: 0, folder };
        server.port = patiently("docker-registry says where it listens", || {
            let said = std::fs::read_to_string(server.folder.path().join("said")).ok()?;
            said.split_once("listening on 127.0.0.1:")?.1.split_once('"')?.0.parse().ok()
        });
        server
    }

    /// What something there is called.
    pub(super) fn place(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// What was asked so far: `METHOD path`, in order.
    pub(super) fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let asked = |line: &str| {
            let line = line.split_once('"').map_or(line, |(_, rest)| rest);
            let mut words = line.split(' ');
            format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
        };
        log.lines().map(asked).filter(|line| !line.ends_with(" /v2/")).collect()
    }

    /// What was sent since there were so many requests: uploads that were begun, and manifests.
    pub(super) fn sent_since(&self, asked: usize) -> Vec<String> {
        self.log()
            .into_iter()
            .skip(asked)
            .filter(|line| line.starts_with("POST ") || line.starts_with("PUT "))
            .collect()
    }

    /// Whether it is alive.
    pub(super) fn pings(&self) -> bool {
        self.ask("GET", "/v2/").starts_with("HTTP/1.1 ")
    }

    /// The answer to a request, all of it; empty where there is none.
    pub(super) fn ask(&self, method: &str, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return String::new() };
        // docker-registry says of a manifest that nobody takes that it is not there.
        let head = format!("Host: x\r\nAccept: {ACCEPT}\r\nConnection: close\r\n");
        let asked = write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\n");
        let mut answer = Vec::new();
        let _ = asked.and_then(|()| stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What the registry in Python has, as it takes it with `load`.
    pub(super) fn dump(&self) -> String {
        self.ask("GET", "/_dump").split_once("\r\n\r\n").expect("a body").1.to_owned()
    }
}

fn folder_has(folder: &tempfile::TempDir, name: &str) -> bool {
    std::fs::metadata(folder.path().join(name)).is_ok_and(|file| file.len() > 0)
}

/// Waits for something that other processes do.
pub(super) fn patiently<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Gives the project a login for a registry.
pub(super) fn log_in(project: &Project, server: &Server, login: &str) {
    let config = format!("{{\"auths\":{{\"127.0.0.1:{}\":{{\"auth\":\"{login}\"}}}}}}", server.port);
    project.write("docker/config.json", config);
}

/// `u:p`, as `config.json` has it.
pub(super) const LOGIN: &str = "dTpw";
/// `u:q`, which is wrong.
pub(super) const WRONG: &str = "dTpx";

/// Runs the command with the project's logins; its exit code, and all that it says.
pub(super) fn pinfold(project: &Project, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(project, arguments).output().expect("the command");
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

pub(super) fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command();
    command.env("DOCKER_CONFIG", project.path("docker")).args(arguments);
    command
}

/// Runs the command, which has to end with this exit code; what it says.
pub(super) fn ends(project: &Project, exit: i32, arguments: &[&str]) -> String {
    let (code, text) = pinfold(project, arguments);
    assert_eq!(code, Some(exit), "{arguments:?}: {text}");
    assert!(!text.contains(LOGIN) && !text.contains(WRONG), "{arguments:?}: {text}");
    text
}

/// The same, and one of the findings has this code.
pub(super) fn refuses(project: &Project, exit: i32, code: &str, arguments: &[&str]) -> String {
    let text = ends(project, exit, &[arguments, &["--json"]].concat());
    assert!(text.contains(&format!("\"code\": \"{code}\"")), "{arguments:?}: {text}");
    text
}

/// A project with the files `tool` and `README`, and a key.
pub(super) fn project() -> Project {
    let project = Project::new("");
    project.write("tool", "#!tool");
    project.write("README", "read me");
    ends(&project, 0, &["keygen", "--no-passphrase", "--out", "key"]);
    project
}

/// The digest that `oci verify` prints for a reference.
pub(super) fn digest_of(said: &str) -> String {
    let after = said.split_once("@sha256:").expect("a digest").1;
    format!("sha256:{}", after.get(..64).expect("a digest"))
}
