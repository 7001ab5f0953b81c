//! `tests/sigstore/serve.py`, started once for all tests, and what is asked of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::needs;

/// A Sigstore on loopback.
pub(crate) struct Sigstore {
    folder: PathBuf,
    port: u16,
    /// The server ends when this does, and this does when the tests do.
    _input: ChildStdin,
}

/// What is wrong with each service's answers.
#[derive(Clone, Copy)]
pub(crate) struct Faults<'a> {
    pub(crate) authority: &'a str,
    pub(crate) timestampers: &'a [&'a str],
    pub(crate) log: &'a str,
    pub(crate) version: u32,
}

/// Nothing.
pub(crate) const GOOD: Faults<'static> = Faults { authority: "good", timestampers: &["good"], log: "good", version: 1 };

/// The server.
pub(crate) fn sigstore() -> &'static Sigstore {
    static SERVER: OnceLock<Sigstore> = OnceLock::new();
    let python = needs::python_with_cryptography();
    SERVER.get_or_init(|| start(&python))
}

fn start(python: &Path) -> Sigstore {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sigstore-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut command = Command::new(python);
    command.arg(SERVER).arg(&folder);
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    #[expect(clippy::zombie_processes, reason = "it ends with the tests, and there is nobody left to wait for it")]
    let mut child = command.spawn().expect("python");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut line).expect("a line");
    let port = line.trim().parse().expect("a port");
    Sigstore { folder, port, _input: child.stdin.take().expect("a pipe") }
}

impl Sigstore {
    /// The trusted root.
    pub(crate) fn root(&self) -> String {
        self.folder.join("trusted_root.json").display().to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// A signing configuration with these faults, for a test of this name.
    pub(crate) fn config(&self, tag: &str, faults: Faults<'_>) -> Value {
        let service = |fault: &str, place: &str, version: u32| {
            json!({
                "url": self.url(&format!("{tag}/{fault}{place}")),
                "majorApiVersion": version,
                "validFor": { "start": "2020-01-01T00:00:00Z" },
                "operator": format!("{fault}.example.com"),
            })
        };
        let timestampers: Vec<Value> =
            faults.timestampers.iter().map(|fault| service(fault, "/api/v1/timestamp", 1)).collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service(faults.authority, "", 1)],
            "oidcUrls": [],
            "rekorTlogUrls": [service(faults.log, "", faults.version)],
            "tsaUrls": timestampers,
            "rekorTlogConfig": { "selector": "ANY" },
            "tsaConfig": { "selector": "ALL" },
        })
    }

    /// What was asked below a tag.
    pub(crate) fn asked(&self, tag: &str) -> Vec<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server");
        write!(stream, "GET /asked/{tag} HTTP/1.0\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str::<Vec<Value>>(body).expect("a list")
    }

    /// The methods and places of what was asked below a tag.
    pub(crate) fn places(&self, tag: &str) -> Vec<String> {
        let text = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
        self.asked(tag).iter().map(|one| format!("{} {}", text(one, "method"), text(one, "path"))).collect()
    }

    /// What the token service of a tag hands out.
    pub(crate) fn hand_out_as(&self, tag: &str, token: &str) {
        std::fs::write(self.folder.join(format!("token-{tag}")), token).expect("a file");
    }

    /// What the token service of GitHub's runner hands out.
    pub(crate) fn hand_out(&self, token: &str) {
        std::fs::write(self.folder.join("token"), token).expect("a file");
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A token with these claims, and a signature that nobody looks at.
pub(crate) fn token_of(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode("nobody looks at this signature");
    format!("{}.{}.{signature}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims))
}

/// A person's token.
pub(crate) fn token() -> String {
    token_of(&claims())
}

/// The claims of a person's token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "1234", "email": EMAIL, "email_verified": true, "aud": "sigstore",
        "iat": now() - 5, "nbf": now() - 5, "exp": now() + 600,
    })
}

/// The claims of a job's token in GitHub Actions.
pub(crate) fn job() -> Value {
    json!({
        "iss": "https://token.actions.githubusercontent.com", "sub": "repo:o/r:ref:refs/heads/main",
        "aud": "sigstore", "exp": now() + 600, "repository": "o/r",
        "job_workflow_ref": "o/r/.github/workflows/release.yml@refs/heads/main",
    })
}

pub(crate) const ISSUER: &str = "https://accounts.example.com";
pub(crate) const EMAIL: &str = "signer@example.com";

pub(crate) const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sigstore/serve.py");
