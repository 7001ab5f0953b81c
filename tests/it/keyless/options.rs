//! What is wrong before anything is sent: tokens, signing configurations, options.

use pinfold_evidence::root::Instance;
use pinfold_sign::keyless::{IdentityToken, LogApi, SigningConfig};
use serde_json::{Value, json};

use super::loopback::{GOOD, claims, now, sigstore, token, token_of};
use super::{code, folder, run, sign, signing};

#[test]
fn a_token_that_is_none_is_sent_to_nobody() {
    let server = sigstore();
    let folder = folder();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token_of(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        token_of(&claims)
    };
    let long = with("groups", json!("x".repeat(70_000)));
    for (token, expected) in [
        (String::new(), "token-malformed"),
        (" \n".to_owned(), "token-malformed"),
        ("not a token".to_owned(), "token-malformed"),
        ("a.b".to_owned(), "token-malformed"),
        (format!("{}.x", token()), "token-malformed"),
        (token().replace('.', "=."), "token-malformed"),
        (without("iss"), "token-malformed"),
        (without("sub"), "token-malformed"),
        (without("exp"), "token-malformed"),
        (with("exp", json!("tomorrow")), "token-malformed"),
        (with("exp", json!(-1)), "token-malformed"),
        (without("aud"), "token-audience"),
        (with("aud", json!("somebody")), "token-audience"),
        (with("aud", json!(["somebody", "else"])), "token-audience"),
        (with("aud", json!("sigstore.example.com")), "token-audience"),
        (with("exp", json!(now() - 1)), "token-expired"),
        (with("exp", json!(0)), "token-expired"),
        (with("nbf", json!(now() + 3600)), "token-not-yet"),
    ] {
        folder.write("token", &token);
        let mut command = signing(server, &folder, "token", GOOD);
        let (exit, said) = run({
            command.args(["a.txt", "--identity-token-file", "token", "--json"]);
            command
        });
        assert_eq!((exit, code(&said).as_str()), (2, expected), "{token}: {said}");
        assert!(token.len() < 30 || !said.contains(&token[..30]), "{said}");
    }
    folder.write("token", &long);
    let mut command = signing(server, &folder, "token", GOOD);
    command.args(["a.txt", "--identity-token-file", "token", "--json"]);
    assert_eq!(code(&run(command).1), "disk", "a file that is too long is not read");
    assert_eq!(IdentityToken::parse(&long).expect_err("too long").code(), "token-malformed");
    assert_eq!(server.asked("token"), Vec::<Value>::new(), "nobody was asked");
    // Lists, fractions, and clocks that are a little apart are fine.
    for token in [
        with("aud", json!(["x", "sigstore"])),
        with("exp", serde_json::from_str(&format!("{}.5", now() + 100)).expect("a number")),
        with("nbf", json!(now() + 30)),
        format!("\n{}\n", token()),
    ] {
        folder.write("token", &token);
        let (exit, said) = sign(server, &folder, "token-fine", GOOD);
        assert_eq!(exit, 0, "{said}");
        std::fs::remove_file(folder.path("a.txt.sigstore.json")).expect("it was there");
    }
}

#[test]
fn a_token_comes_from_where_it_is_said_to() {
    let server = sigstore();
    let folder = folder();
    let token = token();
    let mut stdin = signing(server, &folder, "stdin", GOOD);
    stdin.args(["a.txt", "--out=1", "--identity-token-file=-"]);
    stdin.stdin(std::fs::File::open(folder.path("token")).expect("a file"));
    assert_eq!(run(stdin).0, 0);
    let mut named = signing(server, &folder, "named", GOOD);
    named.args(["a.txt", "--out=2", "--identity-token-env", "MY_TOKEN"]).env("MY_TOKEN", &token);
    assert_eq!(run(named).0, 0);
    let mut gitlab = signing(server, &folder, "gitlab", GOOD);
    gitlab.args(["a.txt", "--out=3"]).env("GITLAB_CI", "true").env("SIGSTORE_ID_TOKEN", &token);
    assert_eq!(run(gitlab).0, 0);
    for (variable, hint) in
        [("GITHUB_ACTIONS", "id-token: write"), ("GITLAB_CI", "SIGSTORE_ID_TOKEN"), ("CI", "--identity-token-file")]
    {
        let mut nothing = signing(server, &folder, "nothing", GOOD);
        nothing.args(["a.txt", "--json"]).env(variable, "true");
        let (exit, said) = run(nothing);
        assert_eq!((exit, code(&said).as_str(), said.contains(hint)), (2, "token-absent", true), "{said}");
    }
    let mut unset = signing(server, &folder, "nothing", GOOD);
    unset.args(["a.txt", "--identity-token-env", "MY_TOKEN", "--json"]);
    assert_eq!(code(&run(unset).1), "token-absent");
    assert_eq!(server.asked("nothing"), Vec::<Value>::new());
}

#[test]
fn options_that_exclude_each_other() {
    let folder = folder();
    let usage = |args: &[&str]| {
        let mut command = folder.command();
        command.args(["sign", "a.txt"]).args(args);
        let (exit, said) = run(command);
        assert_eq!(exit, 2, "{args:?}: {said}");
        assert!(!folder.exists("a.txt.sigstore.json"));
        said
    };
    assert!(usage(&["--keyless", "--key=key.pem"]).contains("cannot be used with"));
    assert!(usage(&["--identity-token-file=token"]).contains("--keyless"));
    assert!(usage(&["--signing-config=config.json"]).contains("--keyless"));
    let two = ["--keyless", "--identity-token-file=token", "--identity-token-env=X"];
    assert!(usage(&two).contains("cannot be used with"));
    assert!(usage(&["--keyless", "--instance=github"]).contains("public-good and staging"));
    // The token is no argument: everybody on a machine can read those.
    assert!(usage(&["--keyless", "--identity-token=x"]).contains("unexpected argument"));
    assert!(usage(&["--json"]).contains("nobody-signs"));
}

#[test]
fn signing_configurations_are_held_to_their_rules() {
    let service = |name: &str, version: u32, start: &str, operator: &str| {
        let url = format!("https://{name}.example.com");
        json!({ "url": url, "majorApiVersion": version, "validFor": { "start": start }, "operator": operator })
    };
    let good = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service("ca", 1, "2020-01-01T00:00:00Z", "a")],
        "rekorTlogUrls": [
            service("one", 1, "2020-01-01T00:00:00Z", "a"),
            service("old", 2, "2020-01-01T00:00:00Z", "a"),
            service("new", 2, "2021-01-01T00:00:00Z", "a"),
            service("other", 2, "2019-01-01T00:00:00Z", "b"),
            service("later", 2, "2100-01-01T00:00:00Z", "c"),
            service("third", 3, "2020-01-01T00:00:00Z", "c"),
        ],
        "tsaUrls": [service("tsa", 1, "2020-01-01T00:00:00Z", "a")],
        "rekorTlogConfig": { "selector": "ANY" }, "tsaConfig": { "selector": "ANY" },
    });
    let now = 1_700_000_000;
    let parse = |value: &Value| SigningConfig::parse(value.to_string().as_bytes());
    let logs = |selector: Value| {
        let mut config = good.clone();
        config["rekorTlogConfig"] = selector;
        let chosen = parse(&config).expect("a configuration").choose(now)?;
        assert!(chosen.logs.iter().all(|log| log.api == LogApi::V2));
        let hosts: Vec<String> = chosen.logs.iter().map(|log| log.url.host().replace(".example.com", "")).collect();
        Ok::<_, pinfold_sign::keyless::ServicesError>(hosts)
    };
    assert_eq!(logs(json!({ "selector": "ANY" })).expect("logs"), ["new"]);
    assert_eq!(logs(json!({ "selector": "ALL" })).expect("logs"), ["new", "other"]);
    assert_eq!(logs(json!({ "selector": "EXACT", "count": 2 })).expect("logs"), ["new", "other"]);
    assert_eq!(logs(json!({ "selector": "EXACT", "count": 3 })).expect_err("two").code(), "signing-config-too-few");
    assert_eq!(logs(json!({ "selector": "EXACT" })).expect_err("how many").code(), "signing-config-selector");
    let undefined = json!({ "selector": "SERVICE_SELECTOR_UNDEFINED" });
    assert_eq!(logs(undefined).expect_err("how many").code(), "signing-config-selector");

    let refused = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut config = good.clone();
        change(&mut config);
        let error = parse(&config).and_then(|config| config.choose(now)).expect_err(expected);
        assert_eq!(error.code(), expected, "{error}");
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    };
    refused(&|config| config["caUrls"] = json!([]), "signing-config-no-service");
    refused(&|config| config["rekorTlogUrls"] = json!([]), "signing-config-no-service");
    refused(&|config| config["caUrls"][0]["validFor"]["end"] = json!("2021-01-01T00:00:00Z"), "signing-config-expired");
    refused(
        &|config| config["tsaUrls"][0]["validFor"]["start"] = json!("2100-01-01T00:00:00Z"),
        "signing-config-expired",
    );
    refused(&|config| config["caUrls"][0]["majorApiVersion"] = json!(2), "signing-config-version");
    refused(&|config| config["tsaUrls"] = json!([]), "signing-config-no-time");
    refused(&|config| config["caUrls"][0]["url"] = json!("http://ca.example.com"), "signing-config-url");
    refused(&|config| config["caUrls"][0]["url"] = json!("https://user@ca.example.com"), "signing-config-url");
    refused(&|config| config["mediaType"] = json!("application/json"), "signing-config-malformed");
    refused(&|config| config["caUrls"] = json!({}), "signing-config-malformed");
    let twice = good.to_string().replacen("\"caUrls\"", "\"caUrls\":[],\"caUrls\"", 1);
    assert_eq!(SigningConfig::parse(twice.as_bytes()).expect_err("twice").code(), "signing-config-malformed");
    assert_eq!(SigningConfig::parse(b"[]").expect_err("a list").code(), "signing-config-malformed");

    // Those that came with pinfold are good today, and GitHub's instance has none.
    for instance in [Instance::PublicGood, Instance::Staging] {
        let config = SigningConfig::embedded(instance).expect("one").expect("a good one");
        let services = config.choose(i64::try_from(super::loopback::now()).expect("a time")).expect("services");
        assert!(!services.logs.is_empty() && !services.timestampers.is_empty());
    }
    assert!(SigningConfig::embedded(Instance::GitHub).is_none());
}

#[test]
fn a_configuration_that_serves_nobody_is_told_before_anything_is_sent() {
    let server = sigstore();
    let folder = folder();
    let mut config = server.config("empty", GOOD);
    config["rekorTlogUrls"] = json!([]);
    folder.write("config.json", config.to_string());
    let run_with = |config: &str| {
        let mut command = folder.command();
        command.args([
            "sign",
            "a.txt",
            "--keyless",
            "--identity-token-file=token",
            "--json",
            "--signing-config",
            config,
        ]);
        run(command)
    };
    let (exit, said) = run_with("config.json");
    assert_eq!((exit, code(&said).as_str()), (2, "signing-config-no-service"), "{said}");
    assert_eq!(server.asked("empty"), Vec::<Value>::new());
    assert_eq!(code(&run_with("absent.json").1), "disk");
    // What cannot be written is told before a signature is logged for ever.
    std::fs::create_dir(folder.path("a.txt.sigstore.json")).expect("a folder");
    let mut command = signing(server, &folder, "empty", GOOD);
    command.args(["a.txt", "--identity-token-file", "token", "--json"]);
    assert_eq!(code(&run(command).1), "out-not-a-file");
    assert_eq!(server.asked("empty"), Vec::<Value>::new());
    std::fs::remove_dir(folder.path("a.txt.sigstore.json")).expect("a folder");
    for (out, expected) in [
        ("nowhere/out.json", "disk"),
        ("/proc/out.json", "disk"),
        ("a.txt", "out-is-input"),
        ("./a.txt", "out-is-input"),
        ("token", "out-is-input"),
    ] {
        let before = (folder.read("a.txt"), folder.read("token"));
        let mut command = signing(server, &folder, "empty", GOOD);
        command.args(["a.txt", "--identity-token-file", "token", "--json", "--out", out]);
        assert_eq!(code(&run(command).1), expected, "{out}");
        assert_eq!((folder.read("a.txt"), folder.read("token")), before);
    }
    assert_eq!(server.asked("empty"), Vec::<Value>::new());
}
