use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::*;

fn text(instance: SigstoreInstance) -> &'static str {
    instance.embedded_trusted_root_json()
}

fn value(instance: SigstoreInstance) -> Value {
    serde_json::from_str(text(instance)).expect("JSON")
}

/// The instance of a root after a change.
fn changed(instance: SigstoreInstance, change: impl FnOnce(&mut Value)) -> Instance {
    let mut value = value(instance);
    change(&mut value);
    let roots = TrustRoot::parse(value.to_string().as_bytes(), "a.json".to_owned()).expect("a root");
    assert_eq!(roots.len(), 1);
    roots[0].instance()
}

/// A certificate of an embedded root, in DER.
fn certificate(instance: SigstoreInstance, authority: usize, number: usize) -> Vec<u8> {
    let value = &value(instance)["certificateAuthorities"][authority]["certChain"]["certificates"][number]["rawBytes"];
    BASE64.decode(value.as_str().expect("text")).expect("base64")
}

#[test]
fn the_embedded_roots_are_what_they_are_called() {
    for (instance, date, authorities, logs, timestampers) in [
        (Instance::PublicGood, "2025-09-23", 2, 4, 1),
        (Instance::GitHub, "2026-06-12", 6, 0, 6),
        (Instance::Staging, "2026-06-12", 2, 10, 2),
    ] {
        let root = TrustRoot::embedded(instance).expect("a root");
        assert_eq!((root.instance(), root.origin()), (instance, "embedded"));
        assert_eq!(root.date().as_deref(), Some(date), "{instance}");
        let counts = (root.authorities_hold().len(), root.logs_hold().len(), root.timestampers_hold().len());
        assert_eq!(counts, (authorities, logs, timestampers), "{instance}");
        assert_eq!(Instance::from_name(instance.name()), Some(instance));
        // Each known anchor is in the root, and each end of a chain is a known anchor.
        let ends: std::collections::BTreeSet<_> = root.authorities.iter().map(|one| one.anchor().hex()).collect();
        assert_eq!(ends, instance.anchors().iter().map(|one| (*one).to_owned()).collect(), "{instance}");
    }
    assert_eq!(TrustRoot::embedded(Instance::Other).expect_err("no root").code(), "root-not-embedded");
    assert_eq!(Instance::from_name("other"), None);
    let roots = TrustRoots::embedded().expect("roots");
    let instances: Vec<_> = roots.roots.iter().map(TrustRoot::instance).collect();
    assert_eq!(instances, [Instance::PublicGood, Instance::GitHub]);
}

#[test]
fn only_what_ends_in_a_known_certificate_is_of_a_known_instance() {
    use SigstoreInstance::{GitHub, PublicGood, Staging};
    let authority = |from: SigstoreInstance, number: usize| value(from)["certificateAuthorities"][number].clone();
    let part = |from: SigstoreInstance, name: &str| value(from)[name].clone();
    let push = |root: &mut Value, one: Value| {
        root["certificateAuthorities"].as_array_mut().expect("a list").push(one);
    };
    assert_eq!(changed(GitHub, |_| ()), Instance::GitHub);
    // With fewer or more of its own.
    assert_eq!(
        changed(GitHub, |root| root["certificateAuthorities"] = json!([authority(GitHub, 5)])),
        Instance::GitHub
    );
    assert_eq!(changed(GitHub, |root| push(root, authority(GitHub, 0))), Instance::GitHub);
    // What has logs has to show them, whoever the authorities are.
    assert_eq!(changed(GitHub, |root| root["tlogs"] = part(PublicGood, "tlogs")), Instance::Other);
    assert_eq!(changed(GitHub, |root| root["ctlogs"] = part(PublicGood, "ctlogs")), Instance::Other);
    assert_eq!(changed(GitHub, |root| root["timestampAuthorities"] = json!([])), Instance::Other);
    // One authority beside GitHub's is enough not to be GitHub's.
    assert_eq!(changed(GitHub, |root| push(root, authority(PublicGood, 0))), Instance::PublicGood);
    assert_eq!(changed(GitHub, |root| push(root, authority(Staging, 0))), Instance::Staging);
    let anchor = |root: &mut Value, from: SigstoreInstance| {
        let last = certificate(from, 1, 1);
        root["certificateAuthorities"][2]["certChain"]["certificates"][2]["rawBytes"] = json!(BASE64.encode(last));
    };
    assert_eq!(changed(GitHub, |root| anchor(root, PublicGood)), Instance::PublicGood);
    // The right end does not make a chain of another organization GitHub's.
    let first = |root: &mut Value, from: SigstoreInstance| {
        let first = certificate(from, 1, 0);
        root["certificateAuthorities"][2]["certChain"]["certificates"][0]["rawBytes"] = json!(BASE64.encode(first));
    };
    assert_eq!(changed(GitHub, |root| first(root, PublicGood)), Instance::Other);
    assert_eq!(changed(GitHub, |root| root["certificateAuthorities"] = json!([])), Instance::Other);

    assert_eq!(changed(PublicGood, |root| push(root, authority(GitHub, 0))), Instance::PublicGood);
    assert_eq!(changed(PublicGood, |root| push(root, authority(Staging, 0))), Instance::Other);
    assert_eq!(changed(Staging, |_| ()), Instance::Staging);
    assert_eq!(changed(PublicGood, |root| root["certificateAuthorities"] = json!([])), Instance::Other);
}

#[test]
fn the_issuer_of_a_certificate_is_known_by_name_and_key() {
    let public = TrustRoot::embedded(Instance::PublicGood).expect("a root");
    let github = TrustRoot::embedded(Instance::GitHub).expect("a root");
    let staging = TrustRoot::embedded(Instance::Staging).expect("a root");
    let knowing = |certificate: &[u8]| [&public, &github, &staging].map(|root| root.knows_issuer(certificate));
    // The issuers have one name in both instances of Sigstore.
    assert_eq!(knowing(&certificate(SigstoreInstance::PublicGood, 1, 0)), [true, false, false]);
    assert_eq!(knowing(&certificate(SigstoreInstance::Staging, 0, 0)), [false, false, true]);
    assert_eq!(knowing(&certificate(SigstoreInstance::GitHub, 5, 0)), [false, true, false]);
    assert_eq!(knowing(b"no certificate"), [false; 3]);
    // A root from before an intermediate does not know what that issued, although it knows its issuer's.
    let mut old = value(SigstoreInstance::PublicGood);
    old["certificateAuthorities"].as_array_mut().expect("a list").pop();
    let old = TrustRoot::parse(old.to_string().as_bytes(), "old".to_owned()).expect("a root");
    assert!(!old[0].knows_issuer(&certificate(SigstoreInstance::PublicGood, 1, 0)));
}

#[test]
fn reads_one_document_or_json_lines() {
    let count = |text: &str| TrustRoot::parse(text.as_bytes(), "a.json".to_owned()).expect("roots").len();
    let (public, github) = (value(SigstoreInstance::PublicGood), value(SigstoreInstance::GitHub));
    assert_eq!(count(text(SigstoreInstance::PublicGood)), 1);
    assert_eq!(count(&public.to_string()), 1);
    assert_eq!(count(&format!("{public}\n{github}\n")), 2);
    assert_eq!(count(&format!("\n{public}\r\n\n{github}")), 2);
}

#[test]
fn the_digest_is_that_of_what_is_trusted() {
    let parse = |json: &str| TrustRoot::parse(json.as_bytes(), "a.json".to_owned()).expect("a root").remove(0);
    let embedded = TrustRoot::embedded(Instance::GitHub).expect("a root");
    let compact = value(SigstoreInstance::GitHub);
    assert_eq!(parse(&compact.to_string()).digest(), embedded.digest());
    let mut other = compact;
    other["timestampAuthorities"][0]["validFor"]["end"] = json!("2024-05-25T00:00:01Z");
    assert_ne!(parse(&other.to_string()).digest(), embedded.digest());
}

#[test]
fn refuses_what_is_no_root() {
    let check = |text: &str, code: &str| {
        let error = TrustRoot::parse(text.as_bytes(), "a.json".to_owned()).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    };
    let with = |change: fn(&mut Value)| {
        let mut value = value(SigstoreInstance::PublicGood);
        change(&mut value);
        value.to_string()
    };
    check("", "root-json");
    check("<html>", "root-json");
    check("{} {}", "root-json");
    check(&text(SigstoreInstance::PublicGood).replacen("\"tlogs\"", "\"ctlogs\"", 1), "root-json");
    check(&text(SigstoreInstance::GitHub)[..2000], "root-json");
    check(&" ".repeat(4 << 20 | 1), "root-too-long");
    check("[]", "root-shape");
    check("{}", "root-shape");
    check(&with(|root| root["tlogs"] = json!({})), "root-shape");
    check(&with(|root| root["tlogs"][0]["publicKey"]["validFor"]["start"] = json!("soon")), "root-shape");
    check(&with(|root| root["certificateAuthorities"][0]["certChain"] = json!({})), "root-shape");
    check(&with(|root| root["mediaType"] = json!("text/\u{1b}[2J")), "root-media-type");
    check(&with(|root| root["tlogs"] = json!([root["tlogs"][0], root["tlogs"][0]])), "root-logs");
    check(&with(|root| root["tlogs"][0]["logId"]["keyId"] = json!("AQID")), "root-logs");
    check(&with(|root| root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([])), "root-certificate");
    let broken =
        with(|root| root["certificateAuthorities"][1]["certChain"]["certificates"][0]["rawBytes"] = json!("AQID"));
    check(&broken, "root-certificate");
    let broken =
        with(|root| root["timestampAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] = json!("AQID"));
    check(&broken, "root-timestamp-authority");
    check(&json!({ "mediaType": MEDIA_TYPES[0] }).to_string(), "root-empty");
    // One line of several.
    check(&format!("{}\n{{}}", value(SigstoreInstance::GitHub)), "root-shape");
}

/// The registry's list with the keys of the target, as its own endpoint has them.
const REGISTRY: &str = r#"{"keys": [
    {"expires": "2025-01-29T00:00:00.000Z", "keyid": "a", "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "key": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg=="},
    {"expires": null, "keyid": "b", "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "key": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEY6Ya7W++7aUPzvMTrezH6Ycx3c+HOKYCcNGybJZSCJq/fd7Qa8uuAKtdIkUQtQiEKERhAmE5lMMJhP8OkDOa2g=="}
]}"#;

#[test]
fn keys_of_a_registry_have_a_use_and_a_time() {
    let embedded = RegistryKeys::embedded().expect("keys");
    assert_eq!(embedded.keys().len(), 4);
    let old = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA";
    let signing = embedded.find(old, Usage::Signatures).expect("a key");
    let attesting = embedded.find(old, Usage::Attestations).expect("a key");
    // 1999-01-01, 2022-12-01 and 2025-01-29.
    assert_eq!((signing.start, signing.end), (Some(915_148_800), Some(1_738_108_800)));
    assert_eq!((attesting.start, attesting.end), (Some(1_669_852_800), Some(1_738_108_800)));
    assert!(attesting.holds_at(1_738_108_800) && !attesting.holds_at(1_738_108_801));
    assert!(attesting.holds_at(1_669_852_800) && !attesting.holds_at(1_669_852_799));
    assert_eq!(embedded.find("SHA256:x", Usage::Signatures), None);

    let own = RegistryKeys::parse(REGISTRY.as_bytes()).expect("keys");
    let [first, second] = own.keys() else { panic!("two keys") };
    assert_eq!((first.usage, first.start, first.end), (Usage::Any, None, Some(1_738_108_800)));
    assert_eq!(second.end, None);
    assert_eq!(first.spki, signing.spki);
    assert_eq!(own.find("b", Usage::Attestations), Some(second));
}

#[test]
fn refuses_what_are_no_keys() {
    let check = |text: &str, code: &str| {
        let error = RegistryKeys::parse(text.as_bytes()).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
    };
    let target = include_str!("registry_keys.json");
    check("", "registry-keys-json");
    check("{}", "registry-keys-shape");
    check("{\"keys\": [{\"keyid\": \"a\"}]}", "registry-keys-shape");
    check(&target.replacen("keyId", "keyUsage", 1), "registry-keys-json");
    check(&target.replacen("1999-01-01", "never", 1), "registry-keys-shape");
    check(&target.replacen("validFor", "validUntil", 1), "registry-keys-shape");
    check("{\"keys\": []}", "registry-keys-empty");
    check(&" ".repeat((1 << 20) + 1), "registry-keys-json");
    check(&target.replacen("npm:signatures", "npm:anything", 1), "registry-keys-usage");
    check(&target.replacen("npm:signatures", "npm:attestations", 1), "registry-keys-twice");
    check(&REGISTRY.replace("\"b\"", "\"a\""), "registry-keys-twice");
    check(&target.replacen("MFkw", "MFkx", 1), "registry-keys-key");
    check(&target.replacen("Ugg==", "Ugh==", 1), "registry-keys-key");
    check(&target.replacen("Ugg==", "Ugg", 1), "registry-keys-key");
    check(&target.replacen("PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519", 1), "registry-keys-key");
    // Ed25519 (RFC 8410, section 10.1).
    let other = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    check(&format!("{{\"keys\": [{{\"keyid\": \"a\", \"key\": \"{other}\"}}]}}"), "registry-keys-key");
}
