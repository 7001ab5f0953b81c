//! What is shown, in every form: no login of a location, nothing that was sent as a secret, nothing that a terminal or a job
//! that reads the log would obey, no character that shows nothing.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use pinfold::report::audit::{Audit, Provenance, ProvenanceFrom, Served, ServedBy};
use pinfold::report::{Evidence, Finding, Level, Report, Row, Verdict, markdown, sarif};
use pinfold_core::text::{is_hidden, without_commands};

use crate::render::{self, Style};
use crate::support::{Project, Tar, files_below, integrity, npm_package, pin};
use crate::tidy;

const SECRET: &str = "S3CRETpw";

/// Locations with a login, as people write them: right, half right, and wrong.
const LOGINS: [&str; 7] = [
    "https://u:S3CRETpw@127.0.0.1:1/a",
    "oci://u:S3CRETpw@127.0.0.1:1/a",
    "u:S3CRETpw@127.0.0.1:1/a:v1",
    "https:u:S3CRETpw@127.0.0.1:1/a",
    "https://u:x S3CRETpw@127.0.0.1:1/a",
    "https://u:S3CRETpw@x@127.0.0.1:1/a",
    "https://u:S3CRETpw%40127.0.0.1:1/a",
];

/// Everything that a command says, on both streams; it is asked nothing.
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the command");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Fails where the secret is shown, also in a file that was written; `true` where a location was shown without it.
fn holds(project: &Project, said: &str, what: &str) -> bool {
    assert!(!said.contains(SECRET), "{what}: {said}");
    for file in files_below(&project.root()).iter().filter(|file| !file.contains(SECRET)) {
        if INPUTS.iter().all(|input| input != file) {
            let text = std::fs::read(project.path(file)).expect("a file");
            assert!(!String::from_utf8_lossy(&text).contains(SECRET), "{what}: in {file}");
        }
    }
    said.contains('…')
}

/// Files in which the tests put it.
const INPUTS: [&str; 4] = ["pins.toml", ".npmrc", "statement.json", "policy.toml"];

/// A statement that `reproduce` and `sign` read.
fn statement(text: &str) -> String {
    let git = json!({ "uri": format!("git+{text}"), "digest": { "gitCommit": "0123456789".repeat(4) } });
    let definition = json!({ "buildType": "urn:pinfold:run:v1", "externalParameters": { "command": ["true", text] },
        "internalParameters": { "pinfold": {} }, "resolvedDependencies": [git] });
    let predicate = json!({ "buildDefinition": definition, "runDetails": { "builder": { "id": text } } });
    let subject = json!([{ "name": "dist/app", "digest": { "sha256": "0".repeat(64) } }]);
    json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": subject, "predicate": predicate })
    .to_string()
}

/// A project with a pin of a file of it, which no command needs a network for.
fn local() -> Project {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "format = \"raw\"")).quiet();
    project.write("tool.bin", "tool");
    project.write("statement.json", statement("https://example.com/x"));
    project
}

/// The options of a command that take a value, and its arguments, by its help.
fn takes(words: &[String]) -> (Vec<(String, String)>, Vec<String>) {
    let help = tidy::help(words);
    let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-')).filter_map(|line| {
        let name = line.split([' ', ',']).find(|word| word.starts_with("--"))?;
        let (_, rest) = line.split_once('<')?;
        Some((name.to_owned(), rest.split('>').next()?.to_owned()))
    });
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or_default();
    let arguments = usage.split(' ').skip(words.len() + 1).filter(|word| word.starts_with('<') || *word == "--");
    (options.collect(), arguments.map(str::to_owned).collect())
}

#[test]
fn no_option_shows_a_login() {
    let project = local();
    let (mut options, mut shown, mut global) = (0, 0, BTreeSet::new());
    for words in tidy::commands(&[]) {
        let (taken, arguments) = takes(&words);
        // What an option needs beside it; `true` is what `run` runs.
        let rest: Vec<String> = arguments
            .iter()
            .map(|word| match word.as_str() {
                "--" => "--".to_owned(),
                "<COMMAND>..." | "<COMMAND>" => "true".to_owned(),
                _ => "statement.json".to_owned(),
            })
            .collect();
        let run = |words: &[String]| said(project.command().args(words).stdin(Stdio::null()));
        for (name, value) in taken {
            if matches!(name.as_str(), "--pins" | "--cache" | "--trust-dir") && !global.insert(name.clone()) {
                continue;
            }
            options += 1;
            let is_location = value.contains("URL") || value.contains("LOCATION") || value.contains("SOURCE");
            for (index, login) in LOGINS.iter().enumerate() {
                // Every option has one form, those of locations all.
                if !is_location && index != options % LOGINS.len() {
                    continue;
                }
                for kind in ["", "npm=", "npm:@scope=", "public-good="] {
                    if kind.is_empty() != value.contains('=') {
                        let more = if index % 2 == 0 { "--json" } else { "-v" };
                        let (option, more) = (format!("{name}={kind}{login}"), more.to_owned());
                        let line = [words.as_slice(), &[option, more], &rest].concat();
                        shown += usize::from(holds(&project, &run(&line), &line.join(" ")));
                    }
                }
            }
        }
        for login in
            LOGINS.iter().flat_map(|login| [(*login).to_owned(), format!("oci:{login}"), format!("npm:{login}")])
        {
            let one = |word: &String| if word.as_str() == "statement.json" { login.clone() } else { word.clone() };
            let line = [words.as_slice(), &rest.iter().map(one).collect::<Vec<_>>()].concat();
            if line.contains(&login) {
                shown += usize::from(holds(&project, &run(&line), &line.join(" ")));
            }
        }
    }
    assert!(options > 100 && shown > 100, "{options} options, {shown} of which were shown");
    let add = |login: &str| said(project.command().args(["add", "--yes", login]));
    let source = |login: &str| said(project.command().args(["reproduce", "--source", login, "statement.json"]));
    for login in LOGINS {
        holds(&project, &add(login), login);
        holds(&project, &source(login), login);
    }
}

#[test]
fn no_key_of_pins_toml_shows_a_login() {
    let places = [
        ("a pin", "[pins.x]"),
        ("a platform variant", "[pins.x.platform.linux-x64]"),
        ("a pin's `layer`", "[pins.x.layer]"),
        ("a pin's `provenance`", "[pins.x.provenance]"),
        ("a pin's `signature`", "[pins.x.signature]"),
        ("a patch", "[[pins.x.patch]]"),
        ("`[registries]`", "[registries]"),
        ("`[store]`", "[store]"),
        ("`[trust]`", "[trust]"),
        ("a policy", ""),
        ("pins.toml", ""),
    ];
    let mut keys = 0;
    let project = local();
    for file in files_below(&tidy::root().join("src/core/pins")) {
        let code = std::fs::read_to_string(tidy::root().join("src/core/pins").join(file)).expect("a source");
        for rest in code.split("noun: \"").skip(1) {
            let Some((noun, rest)) = rest.split_once('"') else { continue };
            let Some((_, rest)) = rest.split_once("keys: &[") else { continue };
            let list = rest.split(']').next().expect("a list");
            let place = places.iter().find(|(name, _)| *name == noun);
            let (_, place) = place.unwrap_or_else(|| panic!("where does {noun} stand?"));
            for key in list.split('"').skip(1).step_by(2) {
                keys += 1;
                for (index, login) in LOGINS.iter().enumerate() {
                    let form = match (keys + index) % 4 {
                        0 => format!("{key} = [\"{login}\"]"),
                        1 => format!("{key} = {login}"),
                        2 => format!("{key} = \"{login}\n"),
                        _ => format!("{key} = \"{login}\""),
                    };
                    for form in [form, format!("{key} = \"{login}\"")] {
                        project.pins(&format!("{place}\n{form}\n"));
                        let error =
                            said(project.command().args(["verify", if index % 2 == 0 { "--json" } else { "-v" }]));
                        assert!(!error.contains(SECRET), "{form}: {error}");
                    }
                }
            }
        }
    }
    assert!(keys > 60, "{keys}");
    let good = pin("x", "url = \"https://127.0.0.1:1/a\"", &integrity(b"x"), "");
    for login in LOGINS {
        for pins in [
            format!("[registries]\nnpm = \"{login}\"\n{good}"),
            format!("[store]\nremote = \"{login}\"\n{good}"),
            format!("\"{login}\" = 1\n{good}"),
            good.replace("url = \"https://127.0.0.1:1/a\"", &format!("url = \"{login}\"")),
            good.replace("url = \"https://127.0.0.1:1/a\"", &format!("oci = \"{login}\"")),
            good.replace("url = \"https://127.0.0.1:1/a\"", &format!("npm = \"{login}\"")),
            format!("{good}mirrors = [\"{login}\"]\n"),
            format!("{good}[pins.\"{login}\"]\n"),
        ] {
            project.pins(&pins);
            for command in
                [["fetch", "--offline"], ["fetch", "--json"], ["sbom", "--format=spdx"], ["report", "--html=page.html"]]
            {
                assert!(holds(&project, &said(project.command().args(command)), &pins), "{pins}");
            }
        }
    }
}

#[test]
fn no_variable_and_no_file_of_settings_shows_a_login() {
    let project = local();
    let npm = pin("left", "npm = \"left@1.0.0\"", &integrity(b"x"), "");
    let pypi = pin("right", "pypi = \"right==1.0#right-1.0.zip\"", &integrity(b"y"), "");
    project.pins(&format!("{}{npm}{pypi}", project.read("pins.toml")));
    let variables = tidy::variables();
    for name in variables.iter().filter(|name| !["HOME", "PATH"].contains(&name.as_str())) {
        // What names a file is shown as it is, but for a URL in it.
        let is_path =
            ["_FILE", "_DIR", "CONFIG", "PREFIX", "_HOME", "_CACHE", "_TRUST"].iter().any(|end| name.ends_with(end));
        for login in LOGINS.iter().filter(|login| !is_path || login.contains("//") && !login.contains(' ')) {
            for line in [
                &["fetch", "left", "tool"][..],
                &["fetch", "right"],
                &["attest", "tool.bin", "--no-source", "--no-times", "--json"],
                &["sign", "tool.bin", "--keyless"],
            ] {
                // A proxy would be asked, and there is none; the index is.
                let is_asked = name == "PIP_INDEX_URL" && line.contains(&"right");
                if !is_asked || login.contains(' ') {
                    holds(
                        &project,
                        &said(project.command().env(name, login).args(line)),
                        &format!("{name} {login} {line:?}"),
                    );
                }
            }
        }
    }
    for login in LOGINS {
        let github = pin("gh", "github = \"o/r@v1#x.zip\"", &integrity(b"z"), "");
        let with = |text: &str| project.write(".npmrc", text);
        for text in
            [format!("registry={login}\n"), format!("@left:registry={login}"), format!("{login}:_authToken=x y")]
        {
            with(&text);
            holds(&project, &said(project.command().args(["fetch", "left"])), &text);
        }
        with("");
        let pins = project.read("pins.toml");
        project.pins(&format!("{pins}{github}"));
        let bare = login.trim_start_matches("https://");
        holds(&project, &said(project.command().env("GH_HOST", bare).args(["fetch", "gh"])), login);
        project.pins(&pins);
        project.write("policy.toml", format!("[trust]\nhosts = [\"{login}\"]\nrepositories = [\"{login}\"]\n"));
        holds(&project, &said(project.command().args(["audit", "--offline", "--policy", "policy.toml"])), login);
        project.write("statement.json", statement(login));
        holds(&project, &said(project.command().args(["reproduce", "statement.json"])), login);
        holds(
            &project,
            &said(project.command().args(["audit", "--offline", "--format=markdown", "--policy", login])),
            login,
        );
    }
}

/// A server that answers each request with what `answer` makes of it.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that goes away early is the client's affair.
            std::thread::spawn(move || drop(answered(stream, &*answer)));
        }
    });
    port
}

fn answered(mut stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    stream.write_all(&answer(&String::from_utf8_lossy(&head)))
}

/// What a request shows of itself in `Authorization`, behind the scheme.
fn sent(head: &str) -> String {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or("nothing").to_owned()
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// Forms in which a server may hand back what it was sent.
const FORMS: [fn(&str) -> String; 6] = [
    |secret| secret.to_owned(),
    |secret| secret.to_uppercase(),
    |secret| secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    |secret| secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    |secret| secret.chars().map(|one| format!("{one}\u{200b}")).collect(),
    |secret| format!("{}-{}", &secret[..secret.len() / 2], secret),
];

/// No form of a secret, with whatever it was broken up.
fn hides(said: &str, secret: &str, what: &str) {
    let flat: String = said.to_lowercase().chars().filter(|one| !one.is_whitespace()).collect();
    let flat = flat.replace("\\u{200b}", "").replace("\\u200b", "");
    for form in FORMS {
        let form: String = form(secret).to_lowercase().replace('\u{200b}', "");
        assert!(!flat.contains(&form), "{what}: {form} in {said}");
    }
}

#[test]
fn a_token_comes_back_from_no_answer_of_a_registry() {
    const TOKEN: &str = "npm_S3CRETtokenOf36Characters0123456789";
    // What the server does with it, by what it is asked for.
    let places: [fn(&str) -> Vec<u8>; 8] = [
        |secret| response("302 X", &format!("Location: http://127.0.0.1:1/{secret}?t={secret}\r\n"), ""),
        |secret| response("302 X", &format!("Location: http://{secret}.example.com/\r\n"), ""),
        |secret| response("302 X", &format!("Location: https://u:{secret}@example.com/\r\n"), ""),
        |secret| response("200 X", &format!("Content-Type: text/{secret}\r\n"), secret),
        |secret| response("200 X", &format!("Content-Encoding: {secret}\r\n"), secret),
        |secret| response("401 X", &format!("WWW-Authenticate: Bearer realm=\"{secret}\"\r\n"), secret),
        |secret| response("403 X", "Content-Type: application/json\r\n", &json!({ "error": secret }).to_string()),
        |secret| format!("HTTP/1.1 {secret}\r\n{secret}\r\n\r\n").into_bytes(),
    ];
    for (index, place) in places.into_iter().enumerate() {
        for (at, form) in FORMS.into_iter().enumerate() {
            let seen = Arc::new(Mutex::new(false));
            let was = Arc::clone(&seen);
            let port = serve(move |head| {
                let secret = sent(head);
                *was.lock().expect("no panic") |= secret == TOKEN;
                place(&form(&secret))
            });
            let project = Project::new(&pin("left", "npm = \"left@1.0.0\"", &integrity(b"x"), "")).quiet();
            let url = format!("127.0.0.1:{port}/");
            project.write(".npmrc", format!("registry=http://{url}\n//{url}:_authToken={TOKEN}\n"));
            let lines = [
                &["fetch"][..],
                &["fetch", "--json"],
                &["audit"],
                &["audit", "--format=sarif"],
                &["add", "npm:right", "--yes"],
            ];
            // Each form by one command; by the others the first, as some of them pause before they ask again.
            let commands = if at == 0 { lines.len() } else { 1 };
            for line in &lines[..commands] {
                hides(&said(project.command().args(*line)), TOKEN, &format!("{index} {line:?}"));
            }
            assert!(*seen.lock().expect("no panic"), "the token was never sent");
        }
    }
}

#[test]
fn a_password_comes_back_from_no_metadata() {
    // `alice:S3CRETpassword`, and what a packument has room for.
    const LOGIN: &str = "YWxpY2U6UzNDUkVUcGFzc3dvcmQ=";
    let port = serve(|head| {
        let secret = if sent(head) == LOGIN { "S3CRETpassword" } else { "nothing" };
        let package = npm_package("left", "1.0.0", &[("index.js", "1;\n")]);
        if head.contains("/-/") {
            let head = format!("HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", package.len());
            return [head.into_bytes(), package].concat();
        }
        let version = json!({ "name": "left", "version": "1.0.0", "license": secret, "deprecated": secret,
            "repository": format!("https://{secret}.example.com/{secret}"), "maintainers": [{ "name": secret }],
            "dist": { "integrity": integrity(&package) } });
        let mut all = serde_json::Map::new();
        all.insert("1.0.0".to_owned(), version);
        let document = json!({ "dist-tags": { "latest": "1.0.0" }, "versions": all, "time": { "1.0.0": "2020-01-01T00:00:00.000Z" } });
        response("200 X", "Content-Type: application/json\r\n", &document.to_string())
    });
    let project = local();
    let url = format!("127.0.0.1:{port}/");
    project.write(".npmrc", format!("registry=http://{url}\n//{url}:_auth={LOGIN}\n"));
    let mut told = String::new();
    for line in [
        &["add", "npm:left", "--yes"][..],
        &["fetch"],
        &["audit"],
        &["audit", "--json"],
        &["audit", "--format=markdown"],
        &["explain", "left"],
    ] {
        told.push_str(&said(project.command().args(line)));
    }
    for secret in ["S3CRETpassword", LOGIN, "alice:S3CRETpassword"] {
        hides(&told, secret, "metadata");
    }
    assert!(told.contains('…') && told.contains("left"), "{told}");
}

#[test]
fn a_login_comes_back_from_no_registry_of_artifacts() {
    // What the registry is shown is `bob:S3CRETpassword`; what its realm hands out comes back too.
    const TOKEN: &str = "S3CRETtokenOfTheRealm";
    let port = Arc::new(Mutex::new(0));
    let own = Arc::clone(&port);
    *port.lock().expect("no panic") = serve(move |head| {
        let (secret, port) = (sent(head), *own.lock().expect("no panic"));
        if head.starts_with("GET /token") {
            return response("200 X", "", &json!({ "token": TOKEN }).to_string());
        }
        if secret == "nothing" {
            let challenge =
                format!("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"x\"\r\n");
            return response("401 X", &challenge, "");
        }
        let error =
            json!({ "errors": [{ "code": secret, "message": format!("S3CRETpassword {secret}"), "detail": secret }] });
        let status = if head.starts_with("GET") { "404 X" } else { "400 X" };
        response(
            status,
            &format!("Docker-Content-Digest: {secret}\r\nContent-Type: {secret}/x\r\n"),
            &error.to_string(),
        )
    });
    let port = *port.lock().expect("no panic");
    let project = local();
    let config = json!({ "auths": { (format!("127.0.0.1:{port}")): { "auth": "Ym9iOlMzQ1JFVHBhc3N3b3Jk" } } });
    project.write("docker/config.json", config.to_string());
    let at = format!("127.0.0.1:{port}/team/tool:v1");
    let key = said(project.command().args(["keygen", "--out", "release.key", "--no-passphrase"]));
    assert!(project.exists("release.key"), "{key}");
    for line in [
        &["oci", "verify", &at, "--key", "release.key.pub"][..],
        &["oci", "pull", &at, "--out", "pulled", "--allow-unsigned", "--json"],
        &["oci", "push", &at, "tool.bin", "--key", "release.key"],
        &["add", &format!("oci:{at}"), "--yes"],
    ] {
        let docker = project.path("docker");
        let told = said(project.command().env("DOCKER_CONFIG", docker).args(line));
        for secret in [TOKEN, "S3CRETpassword", "Ym9iOlMzQ1JFVHBhc3N3b3Jk"] {
            hides(&told, secret, &format!("{line:?}"));
        }
    }
}

/// Every character that shows nothing, and what jobs obey.
fn hostile() -> Vec<String> {
    // All of those that are assigned below the ideographs; of the others, which are a quarter of a million, some.
    let all = (0..0x3200).chain((0x3200..=0x10_ffff).step_by(499)).filter_map(char::from_u32);
    let hidden: String = all.filter(|one| is_hidden(*one)).collect();
    assert!(hidden.chars().count() > 1000);
    let few = "\u{1b}[31m\u{7f}\u{85}\u{9b}31m\u{9d}0;t\u{9c}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200d}\u{2028}\u{202e}\
               \u{2066}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{1d159}\u{e0041}\u{e0100}";
    let commands = [
        "##[set-output name=a]b",
        "::set-output name=a::b",
        "##vso[task.complete]",
        "##teamcity[x]",
        "\n::error::x",
        "\r\n  ::x::",
    ];
    [few]
        .into_iter()
        .chain(commands)
        .map(str::to_owned)
        .chain(hidden.chars().collect::<Vec<_>>().chunks(4000).map(|some| some.iter().collect()))
        .collect()
}

/// A report with this text wherever a text of others may stand.
fn report(text: &str) -> Report {
    let (one, some) = (|| text.to_owned(), || Some(text.to_owned()));
    let mut finding = Finding::new(Level::Warning, "left", one()).compared(one(), one()).at(one()).hint(one());
    finding.level = Level::Error;
    let evidence = Evidence {
        kind: one(),
        signer: one(),
        issuer: some(),
        repository: some(),
        git_ref: some(),
        commit: some(),
        builder: some(),
        runner: some(),
        run: some(),
        time: some(),
        instance: some(),
        ..Evidence::default()
    };
    let audit = Audit {
        line: 1,
        integrity: one(),
        served: Served::Same,
        served_by: ServedBy::Download,
        published_integrity: some(),
        registry_signature: None,
        provenance: Provenance::Proved,
        provenance_from: ProvenanceFrom::Source,
        asked: some(),
        first_with_evidence: some(),
        newest_with_evidence: some(),
        published: some(),
        withdrawn: some(),
        newest: some(),
    };
    let row = Row {
        subject: one(),
        verdict: Verdict::Refused,
        status: "refused".to_owned(),
        source: one(),
        detail: one(),
        evidence: Some(Box::new(evidence)),
        audit: Some(Box::new(audit)),
        wasm: Vec::new(),
        findings: vec![finding.clone()],
    };
    Report { command: "audit", rows: vec![row], notes: vec![finding], summary: one(), judges: true }
}

#[test]
fn no_form_of_a_report_is_obeyed() {
    let style = Style { verbose: true, ..Style::default() };
    for text in hostile() {
        let report = report(&text);
        let page: String = render::answers(&report, &style);
        for (form, shown) in [
            ("text", without_commands(&render::report(&report, &style)).into_owned()),
            ("answers", without_commands(&page).into_owned()),
            ("json", report.to_json()),
            ("sarif", sarif::document(&report, &text)),
            ("markdown", without_commands(&markdown::audit(&report, "2020-01-01", &text)).into_owned()),
        ] {
            let is_json = matches!(form, "json" | "sarif");
            if let Some(one) = shown.chars().find(|one| is_hidden(*one) && *one != '\n') {
                panic!("{form}: U+{:04X}", u32::from(one));
            }
            for command in ["##[", "##vso[", "##teamcity["] {
                assert!(!shown.contains(command), "{form}: {shown}");
            }
            assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{form}: {shown}");
            if is_json {
                let value: Value = serde_json::from_str(&shown).expect("JSON");
                assert!(form == "sarif" || value["rows"][0]["subject"] == text, "it means what it did");
            }
        }
    }
}

#[test]
fn names_of_files_are_obeyed_by_nobody() {
    let odd = [
        "##[set-output name=verified]yes",
        "c1\u{9b}31mred",
        "osc\u{9d}0;t\u{9c}",
        "bidi\u{202e}gpj",
        "del\u{7f}",
        "soft\u{ad}",
        "::error::x",
        "tag\u{e0041}",
    ];
    let tree = Tar::default().file("p/a", "x").gz();
    let mut pins = pin("tree", "file = \"t.tgz\"", &integrity(&tree), "strip = 1");
    let project = local();
    project.write("t.tgz", tree);
    for (index, name) in odd.iter().enumerate() {
        project.write(name, "tool");
        // A pin file refuses what a terminal obeys.
        if !name.contains(char::is_control) {
            let file = format!("file = {}", json!(name));
            pins.push_str(&pin(&format!("p{index}"), &file, &integrity(b"tool"), "format = \"raw\""));
        }
    }
    project.pins(&format!("{}{pins}", project.read("pins.toml")));
    let fetched = said(project.command().args(["fetch", "-v"]));
    assert!(project.exists("vendor/tree/a") && project.exists("vendor/p0"), "{fetched}");
    odd.iter().for_each(|name| project.write(&format!("vendor/tree/{name}"), "x"));
    let mut documents = Vec::new();
    for line in [
        &["verify"][..],
        &["verify", "--json"],
        &["fetch"],
        &["fetch", "--json"],
        &["audit", "--offline", "--format=markdown"],
        &["audit", "--offline", "--format=sarif"],
        &["sbom", "--format=cyclonedx"],
        &["sbom", "--format=spdx"],
        &["check", "##[x]", "--attestation", "::y"],
        &["check", "##[x]", "--attestation", "::y", "--json"],
        &["sign", "##[x]\u{202e}", "--key", "::y"],
        &["fetch", "--registry", "##[x]\u{9b}"],
        &["attest", "##[x]", "--no-source", "--builder-id", "##vso[x]"],
    ] {
        documents.push((format!("{line:?}"), said(project.command().args(line))));
    }
    let told = said(project.command().args(["report", "--html", "page.html"]));
    documents.push(("report".to_owned(), told + &project.read("page.html")));
    for (line, text) in documents {
        if let Some(one) = text.chars().find(|one| is_hidden(*one) && *one != '\n') {
            panic!("{line}: U+{:04X} in {text}", u32::from(one));
        }
        assert!(!text.contains("##[") && !text.contains("##vso["), "{line}: {text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{line}: {text}");
    }
}
