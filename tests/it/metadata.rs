//! What sources say of packages: read as far as it is told, and however it is bad, bounded.

use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_net::registry::{self, AskError, MAX_PACKAGE_LEN, MAX_VERSIONS, Package, Release};

use crate::registry::{Net, Reply, body, status, url};
use crate::support::INDEX;

const NPM: &str = "https://npm.example.com/";
const API: &str = "https://api.github.com/";

fn npm_url() -> String {
    format!("{NPM}@s%2fa")
}

fn npm(reply: Reply) -> Result<Package, AskError> {
    let net = Net::one(&npm_url(), reply);
    registry::npm_package(&net, &net.rules(), &net, &url(NPM), "@s/a")
}

fn pypi(reply: Reply) -> Result<Package, AskError> {
    let net = Net::one(&format!("{INDEX}a-b/"), reply);
    registry::pypi_project(&net, &net.rules(), &net, &url(INDEX), "a-b")
}

fn release(tag: Option<&str>, reply: Reply) -> Result<Release, AskError> {
    let path = tag.map_or_else(|| "latest".to_owned(), |tag| format!("tags/{tag}"));
    let net = Net::one(&format!("{API}repos/o/r/releases/{path}"), reply);
    registry::github_release(&net, &net.rules(), &net, &url(API), "o", "r", tag)
}

/// A service: its least answer, and its question.
type Service = (&'static str, fn(Reply) -> Result<(), AskError>);

const SERVICES: [Service; 3] = [
    ("{}", |reply| npm(reply).map(|_| ())),
    (r#"{"files":[]}"#, |reply| pypi(reply).map(|_| ())),
    (r#"{"assets":[]}"#, |reply| release(None, reply).map(|_| ())),
];

#[test]
fn a_packument_says_what_it_says() {
    let digest = Integrity::of(Algorithm::Sha512, b"x");
    let text = format!(
        r#"{{"name":"@s/a","dist-tags":{{"latest":"1.10.0","next":"2.0.0-rc.1"}},
        "repository":{{"type":"git","url":"git+https://github.com/s/a.git"}},
        "time":{{"created":"2020-01-01T00:00:00.000Z","1.2.0":"2021-02-03T04:05:06.789Z","1.10.0":"yesterday"}},
        "versions":{{
          "1.10.0":{{"dist":{{"integrity":"{digest}","unpackedSize":42,
            "attestations":{{"url":"https://npm.example.com/x","provenance":{{"predicateType":"y"}}}},
            "signatures":[{{"keyid":"k","sig":"c2ln"}}]}},
            "license":"MIT","maintainers":[{{"name":"m","email":"m@example.com"}},"n <n@example.com>"],
            "hasInstallScript":true,"repository":"github:s/a"}},
          "2.0.0-rc.1":{{"dist":{{}},"licenses":[{{"type":"MIT"}},{{"type":"ISC"}}],"scripts":{{"postinstall":"x","test":"y"}}}},
          "1.2.0":{{"dist":{{"integrity":"sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}},"deprecated":"use 1.10","license":{{"type":"BSD"}},
            "scripts":{{"test":"y"}}}},
          "1.9.0":{{"deprecated":false,"license":[0,0],"maintainers":7}}
        }}}}"#
    );
    let package = npm(body(text)).expect("an answer");
    assert_eq!((package.name.as_str(), package.latest.as_deref()), ("@s/a", Some("1.10.0")));
    assert_eq!(package.repository.as_deref(), Some("git+https://github.com/s/a.git"));
    let versions: Vec<_> = package.versions.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(versions, ["1.2.0", "1.9.0", "1.10.0", "2.0.0-rc.1"]);
    let of = |version: &str| package.version(version).expect("there");
    let newest = of("1.10.0");
    assert_eq!(newest.integrity, Some(digest));
    assert_eq!((newest.published.as_deref(), newest.unpacked_size), (None, Some(42)));
    assert_eq!((newest.has_attestations, newest.install_scripts), (Some(true), true));
    assert_eq!(newest.signatures, [("k".to_owned(), "c2ln".to_owned())]);
    assert_eq!(newest.maintainers, ["m", "n <n@example.com>"]);
    assert_eq!((newest.license.as_deref(), newest.repository.as_deref()), (Some("MIT"), Some("github:s/a")));
    let old = of("1.2.0");
    assert_eq!((old.published.as_deref(), old.integrity.as_ref()), (Some("2021-02-03T04:05:06Z"), None));
    assert_eq!((old.withdrawn.as_deref(), old.license.as_deref()), (Some("use 1.10"), Some("BSD")));
    assert_eq!((old.has_attestations, old.install_scripts), (Some(false), false));
    let odd = of("1.9.0");
    assert_eq!((odd.withdrawn.as_deref(), odd.license.as_deref(), odd.maintainers.len()), (None, None, 0));
    let next = of("2.0.0-rc.1");
    assert_eq!((next.license.as_deref(), next.install_scripts), (Some("MIT OR ISC"), true));
}

/// What is short in an answer and large in memory is not kept for all versions, or at all.
#[test]
fn a_list_of_nothing_takes_no_memory() {
    let many = "{},".repeat(200_000);
    let text = format!(r#"{{"versions":{{"1.0.0":{{"dist":{{"signatures":[{many}{{"keyid":"k","sig":"s"}}]}}}}}}}}"#);
    let package = npm(body(text)).expect("an answer");
    assert!(package.version("1.0.0").expect("there").signatures.is_empty(), "no registry has so many");
}

#[test]
fn a_project_says_what_it_says() {
    let hex = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let file = |name: &str, more: &str| format!(r#"{{"filename":"{name}","url":"x","hashes":{{}}{more}}}"#);
    let wheel = format!(
        r#"{{"filename":"a_b-1.10-py3-none-any.whl","url":"x","hashes":{{"sha256":"{hex}"}},"size":3,
        "upload-time":"2024-01-02T03:04:05.678Z","provenance":"https://pypi.example.com/x"}}"#
    );
    let files = [
        file("a_b-2.0rc1.tar.gz", r#","provenance":null"#),
        wheel,
        file("a-b-1.10.tar.gz", r#","yanked":"broken","upload-time":"2024-01-02T03:04:04Z","provenance":null"#),
        file("a.b-1.9.zip", r#","yanked":false"#),
        file("a_b-1.11.tar.gz", r#","yanked":true"#),
        file("a_b-1.10-py3.exe", ""),
        file("other-9.0.tar.gz", ""),
    ];
    let package = pypi(body(format!(r#"{{"files":[{}]}}"#, files.join(",")))).expect("an answer");
    let versions: Vec<_> = package.versions.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(
        (versions.as_slice(), package.latest.as_deref()),
        (&["1.9", "1.10", "1.11", "2.0rc1"][..], Some("1.10"))
    );
    let of = |version: &str| package.version(version).expect("there");
    let whole = of("1.10");
    assert_eq!((whole.published.as_deref(), whole.withdrawn.as_deref()), (Some("2024-01-02T03:04:04Z"), None));
    assert_eq!(whole.has_attestations, Some(true));
    let wheel = &whole.files[0];
    assert_eq!(
        (wheel.name.as_str(), wheel.size, wheel.has_attestations),
        ("a_b-1.10-py3-none-any.whl", Some(3), Some(true))
    );
    assert_eq!(wheel.integrity, Some(Integrity::of(Algorithm::Sha256, b"x")));
    assert_eq!(whole.files[1].withdrawn.as_deref(), Some("broken"));
    assert_eq!(of("1.11").withdrawn.as_deref(), Some(""));
    assert_eq!((of("1.9").has_attestations, of("2.0rc1").has_attestations), (None, Some(false)));
}

#[test]
fn a_release_says_what_it_says() {
    let digest = Integrity::of(Algorithm::Sha256, b"x");
    let text = format!(
        r#"{{"tag_name":"v1","published_at":"2025-07-01T10:00:00Z","prerelease":true,"assets":[
        {{"name":"a.tgz","size":3,"digest":"sha256:{}","updated_at":"2025-07-02T10:00:00Z"}},
        {{"name":"b.tgz","digest":null}}]}}"#,
        digest.hex()
    );
    let found = release(Some("v1"), body(text)).expect("an answer");
    assert_eq!((found.tag.as_deref(), found.published.as_deref()), (Some("v1"), Some("2025-07-01T10:00:00Z")));
    assert!(found.is_pre_release);
    let asset = found.asset("a.tgz").expect("there");
    assert_eq!((asset.size, asset.digest.as_ref()), (Some(3), Some(&digest)));
    assert_eq!(asset.updated.as_deref(), Some("2025-07-02T10:00:00Z"));
    assert_eq!(found.asset("b.tgz").expect("there").digest, None);
    assert_eq!(found.asset("c.tgz"), None);
}

#[test]
fn what_is_no_answer_is_none() {
    for (least, ask) in SERVICES {
        assert!(ask(body(least)).is_ok(), "{least}");
        let code = |reply: Reply| ask(reply).expect_err("no answer").code();
        let absent = ask(status(404)).expect_err("no answer");
        assert_eq!((absent.code(), absent.is_absent()), ("not-found", true));
        assert_eq!(code(status(403)), "not-authorized");
        assert_eq!(code(status(429)), "http-status");
        assert_eq!(code(status(500)), "http-status");
        assert_eq!(code(body("<!doctype html>")), "answer-web-page");
        assert_eq!(code(Reply { kind: Some("text/html; charset=utf-8"), ..body(least) }), "answer-web-page");
        for text in ["", "[]x", "null", "{", "[1]", &format!("{least} {least}")] {
            assert_eq!(code(body(text)), "answer-json", "{text}");
        }
        assert_eq!(code(body(&least.as_bytes()[..least.len() - 1])), "answer-json", "{least}");
    }
    assert_eq!(npm(body(r#"{"versions":[]}"#)).expect_err("no answer").code(), "answer-json");
    assert_eq!(pypi(body("{}")).expect_err("no answer").code(), "answer-json");
    let nested = format!("{{\"versions\":{}", "{\"1\":".repeat(10_000));
    assert_eq!(npm(body(nested)).expect_err("no answer").code(), "answer-json");
}

#[test]
fn no_answer_is_longer_than_its_limit() {
    for (_, ask) in SERVICES {
        let error = ask(Reply { endless: true, ..body("[") }).expect_err("refused");
        assert_eq!((error.code(), error.is_refusal()), ("body-too-long", true));
    }
    let error = npm(Reply { endless: true, ..body("[") }).expect_err("refused").to_string();
    assert!(error.contains(&MAX_PACKAGE_LEN.to_string()), "{error}");
    let many = |count: usize| {
        let versions: Vec<String> = (0..count).map(|n| format!(r#""{n}":{{}}"#)).collect();
        npm(body(format!(r#"{{"versions":{{{}}}}}"#, versions.join(","))))
    };
    assert_eq!(many(MAX_VERSIONS).expect("an answer").versions.len(), MAX_VERSIONS);
    let error = many(MAX_VERSIONS + 1).expect_err("refused");
    assert_eq!(error.code(), "answer-json");
    let source = std::error::Error::source(&error).expect("a reason").to_string();
    assert!(source.contains("more than 100000 versions"), "{source}");
}
