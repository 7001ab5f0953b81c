//! Every file of `tests/vectors/wasm/`: one attack, and the code that it is refused with. `make.py` there makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::pins::Mode;
use pinfold_wasm::wasmfile::{Cut, EditError, Kind, Selection, attach, detach, inspect, split, strip};
use pinfold_wasm::{
    Gate, KeyId, Policy, PublicKey, Refusal, Scope, SecretKey, Standing, Threshold, TrustedKeys, delimiter, prove,
    prove_by_part, sign, sign_detached, verify,
};

use super::made::{key, trusting};

/// One attack, or one thing that must pass.
struct Vector {
    headers: Vec<(String, String)>,
    bytes: Vec<u8>,
}

/// The vectors by name.
fn all() -> BTreeMap<String, Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wasm");
    let mut vectors = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() || path.extension().is_some_and(|one| one == "py") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let (header, payload) = text.split_once("\n\n").expect("an empty line");
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = header.lines().map(|line| field(line).expect("a field")).collect();
        let bytes = BASE64.decode(payload.replace('\n', "")).expect("base64");
        vectors.insert(path.file_name().expect("a name").to_string_lossy().into_owned(), Vector { headers, bytes });
    }
    assert!(vectors.len() > 140, "the vectors were not found");
    vectors
}

/// The names of the vectors, by the code that they expect.
pub(crate) fn by_code() -> BTreeMap<String, BTreeSet<String>> {
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, vector) in all() {
        let expect = vector.one("expect").expect("what to expect").to_owned();
        if expect != "ok" {
            codes.entry(expect).or_default().insert(name);
        }
    }
    codes
}

impl Vector {
    fn every(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.every(name).next()
    }

    fn policy(&self) -> Policy {
        let read = |hex: &str| PublicKey::from_bytes(from_hex(hex)).expect("a key");
        let mut keys: Vec<PublicKey> = self.every("key").map(read).collect();
        let role = |line: &str| line.split_once('=').map(|(name, key)| (name.to_owned(), vec![read(key)]));
        let roles: Vec<_> = self.every("role").map(|line| role(line).expect("a role")).collect();
        if keys.is_empty() && roles.is_empty() {
            keys.push(key("alice").public());
        }
        let threshold = self.one("threshold").map(|text| Threshold::AtLeast(text.parse().expect("a number")));
        let trusted = TrustedKeys::new(keys, roles, threshold.unwrap_or_default()).expect("keys");
        let scope = self.one("sections").map(|word| Scope::Sections(Selection::of([word]).expect("a word")));
        let kinds = [Kind::Module, Kind::Component];
        let kind = self.one("kind").map(|name| kinds.into_iter().find(|kind| kind.name() == name).expect("a kind"));
        Policy { trusted, scope: scope.unwrap_or(Scope::Whole), kind, digest: false }
    }

    fn detached(&self) -> Option<Vec<u8>> {
        self.one("detached").map(|text| BASE64.decode(text).expect("base64"))
    }
}

fn from_hex(text: &str) -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    std::array::from_fn(|index| byte(2 * index))
}

/// What came of it: a code, and what a user reads.
type Outcome = Result<(), (&'static str, String, Option<String>)>;

fn told(error: &EditError) -> (&'static str, String, Option<String>) {
    (error.code(), error.to_string(), error.hint())
}

/// Every door to the same judgement says the same.
fn judged(vector: &Vector) -> Outcome {
    let (policy, detached) = (vector.policy(), vector.detached());
    let detached = detached.as_deref();
    let proof = prove(&policy, vector.bytes.as_slice(), detached);
    let mut doors = vec![verify(&policy, vector.bytes.as_slice(), detached).map(|one| one.proof().clone())];
    doors.push(prove_by_part(&policy, vector.bytes.as_slice(), detached, &mut |_| {}));
    doors.push(verify(&policy, vector.bytes.clone(), detached).map(|one| one.proof().clone()));
    let gate = Gate::new(Mode::Strict, policy.clone());
    let admitted = gate.admit(vector.bytes.as_slice(), detached);
    doors.push(admitted.map(|one| one.verified().expect("a proof").proof().clone()));
    for door in doors {
        assert_eq!(format!("{door:?}"), format!("{proof:?}"));
    }
    // Lenient takes what has no signature, and nothing else that strict refuses; off takes all.
    let lenient = Gate::new(Mode::Lenient, policy.clone()).admit(vector.bytes.as_slice(), detached);
    match (&proof, lenient.map(|one| one.standing().clone())) {
        (Ok(proof), Ok(Standing::Proved(same))) => assert_eq!(same, *proof),
        (Err(Refusal::Missing), Ok(Standing::Unsigned)) => {}
        (Err(Refusal::Missing), Err(refusal)) => {
            // Strict stops where there is no signature; lenient reads on.
            assert!(matches!(refusal, Refusal::File(_)), "{refusal:?}");
            return Err((refusal.code(), refusal.to_string(), refusal.hint()));
        }
        (Err(strict), Err(refusal)) => assert_eq!(strict.code(), refusal.code()),
        (strict, lenient) => panic!("strict: {strict:?}, lenient: {lenient:?}"),
    }
    let off = Gate::new(Mode::Off, policy).admit(vector.bytes.as_slice(), detached).expect("anything");
    assert_eq!((off.bytes(), off.standing()), (vector.bytes.as_slice(), &Standing::Unchecked));
    proof.map(drop).map_err(|refusal| (refusal.code(), refusal.to_string(), refusal.hint()))
}

fn outcome(vector: &Vector) -> Outcome {
    let (verb, word) =
        vector.one("do").unwrap_or("verify").split_once(' ').unwrap_or((vector.one("do").unwrap_or("verify"), ""));
    let (file, signer) = (vector.bytes.as_slice(), vector.one("by").map_or_else(|| key("alice"), by_seed));
    let accepted = |signed: &[u8], detached: Option<&[u8]>| {
        let keys = [signer.public()];
        let policy = Policy::whole(TrustedKeys::new(keys, [], Threshold::Any).expect("a key"));
        verify(&policy, signed, detached).expect("what was signed just now");
    };
    match verb {
        "verify" => judged(vector),
        "sign" => {
            sign(file, &signer, KeyId::Default).map(|signed| accepted(&signed, None)).map_err(|error| told(&error))
        }
        "sign-detached" => sign_detached(file, None, &signer, KeyId::None)
            .map(|signature| accepted(file, Some(&signature)))
            .map_err(|error| told(&error)),
        "attach" => attach(file, &vector.detached().expect("a signature"))
            .map(|attached| assert_eq!(detach(&attached).expect("a signature").0, file))
            .map_err(|error| told(&error)),
        "split" => {
            let selection = Selection::of([word]).expect("a word");
            split(file, Some(&selection), &mut delimiter).map(drop).map_err(|error| told(&error))
        }
        "strip" => {
            let selection = Selection::of([word]).expect("a word");
            let cut = word.parse().map_or(Cut::Before(&selection), Cut::Behind);
            strip(file, cut)
                .map(|stripped| {
                    let policy = Policy {
                        scope: Scope::Sections(Selection::of(["^$"]).expect("a word")),
                        ..trusting(&["alice"], Threshold::Any)
                    };
                    verify(&policy, stripped, None).expect("what stays signed");
                })
                .map_err(|error| told(&error))
        }
        "public" => PublicKey::read(file)
            .map(|keys| assert_eq!(keys.last(), Some(&key("alice").public())))
            .map_err(|error| (error.code(), error.to_string(), error.hint())),
        "secret" => SecretKey::read(file)
            .map(|secret| assert_eq!(secret.public(), key("alice").public()))
            .map_err(|error| (error.code(), error.to_string(), error.hint())),
        other => panic!("{other}"),
    }
}

fn by_seed(hex: &str) -> SecretKey {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    SecretKey::read(&[&prefix[..], &from_hex(hex)].concat()).expect("a key")
}

#[test]
fn every_vector_comes_out_as_it_says() {
    let mut wrong = Vec::new();
    for (name, vector) in all() {
        let expect = vector.one("expect").expect("what to expect");
        match outcome(&vector) {
            Ok(()) if expect == "ok" => {}
            Err((code, message, hint)) if code == expect => {
                let texts = [Some(message), hint].into_iter().flatten();
                for text in texts {
                    assert!(!text.contains(char::is_control) && !text.ends_with('.'), "{name}: {text:?}");
                }
            }
            outcome => wrong.push(format!("{name}: {outcome:?}, not {expect}")),
        }
        let _ = inspect(vector.bytes.as_slice(), None);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Each code that the judges and readers of WebAssembly can give is in docs/threats.md.
#[test]
fn every_code_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let threats = std::fs::read_to_string(root.join("docs/threats.md")).expect("a document");
    let mut codes = BTreeSet::new();
    for folder in ["src/wasm/signatures", "src/wasm/wasmfile"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("code");
            codes.extend(
                text.split('"').filter(|word| word.starts_with("wasm-") && !word.contains(' ')).map(str::to_owned),
            );
        }
    }
    assert!(codes.len() > 40, "{codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !threats.contains(&format!("\n| `{code}` |"))).collect();
    assert!(missing.is_empty(), "not in docs/threats.md: {missing:?}");
}

/// Every vector with each byte flipped, through everything that reads: no panic, and what is signed is proved.
#[test]
fn nothing_that_reads_gives_up() {
    let (alice, policy) = (key("alice"), trusting(&["alice"], Threshold::Any));
    let selection = Selection::pattern("^[.]debug").expect("a pattern");
    let mut signed_ones = 0;
    for (name, vector) in all().iter().filter(|(_, vector)| vector.bytes.len() < 2000) {
        for at in 0..vector.bytes.len() {
            let mut mutant = vector.bytes.clone();
            mutant[at] ^= [0x01, 0x80, 0xff, 0x7f][at % 4];
            let look = inspect(mutant.as_slice(), vector.detached().as_deref());
            let _ = (PublicKey::read(&mutant), SecretKey::read(&mutant), strip(&mutant, Cut::Behind(1)));
            let _ = split(&mutant, Some(&selection), &mut delimiter);
            if let Ok(signed) = sign(&mutant, &alice, KeyId::None) {
                assert!(look.is_ok(), "{name} {at}");
                prove(&policy, signed.as_slice(), None).unwrap_or_else(|refusal| panic!("{name} {at}: {refusal}"));
                signed_ones += 1;
            }
        }
    }
    assert!(signed_ones > 1000, "{signed_ones}");
}
