//! [`Secrets`]: what was sent as a secret, and is shown nowhere, from whatever answer it comes back.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::is_hidden;
use super::location::{user_info, without_user_info};

/// The secrets of one process, shared by the client that sends them and by whoever prints. Its `Debug` says nothing.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Each in every form that it may come back in.
    forms: BTreeSet<Vec<char>>,
    /// Pieces of forms by their length, as hashes; made when they are first asked for.
    pieces: BTreeMap<usize, HashSet<u64>>,
}

impl Secrets {
    /// Least length, in characters, of what is left out: shorter ones stand in ordinary words, and keep nobody out.
    pub const MIN_LEN: usize = 6;

    /// Something that is sent as a secret: a token, a password.
    pub fn add(&self, secret: &str) {
        let plain = squeezed(secret);
        let mut known = self.known();
        if plain.len() < Self::MIN_LEN || known.forms.contains(&characters(&plain)) {
            return;
        }
        let mut forms = vec![secret.to_owned(), secret.bytes().map(|byte| format!("{byte:02x}")).collect()];
        // As base64 of more text, whose first characters have bits of what stands in front, and whose last of what follows.
        for before in 0..3_usize {
            let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
            let encoded = STANDARD_NO_PAD.encode(&bytes);
            let first = before.saturating_mul(8).div_ceil(6);
            forms.push(encoded.get(first..bytes.len().saturating_mul(8) / 6).unwrap_or_default().to_owned());
        }
        known
            .forms
            .extend(forms.iter().map(|form| characters(&squeezed(form))).filter(|form| form.len() >= Self::MIN_LEN));
        known.pieces.clear();
    }

    /// The value of an `Authorization` header: a token, or a user name and a password.
    pub fn add_authorization(&self, value: &str) {
        let Some((scheme, secret)) = value.split_once(' ') else { return self.add(value) };
        self.add(secret);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(Ok(login)) = STANDARD.decode(secret).map(String::from_utf8)
        {
            self.add_user_info(&login);
        }
    }

    /// The user information of what is to be a location, where it has some.
    pub fn add_location(&self, text: &str) {
        if let Some(login) = user_info(text).and_then(|range| text.get(range)) {
            self.add_user_info(login);
        }
    }

    /// `user:password`; a user is one where it is long enough to be a token.
    fn add_user_info(&self, login: &str) {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        if !password.is_empty() && password != "x-oauth-basic" {
            self.add(password);
            self.add(login);
        }
        if user.len() >= TOKEN {
            self.add(user);
        }
    }

    /// A text without user information and without secrets: `…` stands for what was left out, also where it is escaped,
    /// encoded, in other case, broken into lines, or a piece of it that is too long to be there by accident.
    pub fn hide(&self, text: &str) -> String {
        let text = without_user_info(text);
        let mut known = self.known();
        if known.forms.is_empty() {
            return text;
        }
        known.cut();
        let characters = squeezed(&text);
        let mut is_secret = vec![false; characters.len()];
        let letters: Vec<char> = characters.iter().map(|(one, _)| *one).collect();
        for (length, pieces) in &known.pieces {
            for (at, piece) in letters.windows(*length).enumerate() {
                if pieces.contains(&hash(piece)) {
                    is_secret.iter_mut().skip(at).take(*length).for_each(|one| *one = true);
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let (mut done, mut within) = (0, false);
        for ((_, Range { start, end }), is_secret) in characters.into_iter().zip(is_secret) {
            if is_secret {
                if !within {
                    shown.push_str(text.get(done..start).unwrap_or_default());
                    shown.push('…');
                }
                done = end;
            }
            within = is_secret;
        }
        shown.push_str(text.get(done..).unwrap_or_default());
        shown
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn cut(&mut self) {
        if !self.pieces.is_empty() {
            return;
        }
        for form in &self.forms {
            let length = form.len().min(PIECE);
            self.pieces.entry(length).or_default().extend(form.windows(length).map(hash));
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The characters of a text that count when it is compared, and where each stands: in one case, decoded where they are
/// escaped (`%2F`, `\u002f`, `\u{2f}`), of both alphabets of base64, and without all that lines are broken with.
fn squeezed(text: &str) -> Vec<(char, Range<usize>)> {
    let mut characters = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (one, length) = decoded(rest);
        let end = at.saturating_add(length.max(1));
        let one = match one.to_ascii_lowercase() {
            '-' => '+',
            '_' => '/',
            one => one,
        };
        if !(one == '\\' || one.is_whitespace() || is_hidden(one)) {
            characters.push((one, at..end));
        }
        at = end;
    }
    characters
}

/// The first character of a text, and how many bytes it takes there.
fn decoded(text: &str) -> (char, usize) {
    let first = text.chars().next().unwrap_or(' ');
    let hex = |digits: Option<&str>| {
        let digits =
            digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
    };
    let of = |prefix: usize, digits: usize| {
        let end = prefix.saturating_add(digits);
        hex(text.get(prefix..end)).map(|one| (one, end))
    };
    let escape = match (first, text.as_bytes().get(1)) {
        // Of a longer sequence of UTF-8, which `char` would take for Latin-1, the letters alone count.
        ('%', _) => of(1, 2).filter(|(one, _)| one.is_ascii()),
        ('\\', Some(b'n' | b'r' | b't')) => Some((' ', 2)),
        ('\\', Some(b'x')) => of(2, 2),
        ('\\', Some(b'u')) if text.as_bytes().get(2) == Some(&b'{') => {
            let end = text.find('}').filter(|end| *end <= "\\u{10ffff}".len()).unwrap_or_default();
            hex(text.get(3..end)).map(|one| (one, end.saturating_add(1)))
        }
        ('\\', Some(b'u')) => of(2, 4),
        _ => None,
    };
    escape.unwrap_or((first, first.len_utf8()))
}

fn characters(squeezed: &[(char, Range<usize>)]) -> Vec<char> {
    squeezed.iter().map(|(one, _)| *one).collect()
}

fn hash(piece: &[char]) -> u64 {
    let mut hasher = DefaultHasher::new();
    piece.hash(&mut hasher);
    hasher.finish()
}

/// How many characters of a longer secret are a piece of it, and no accident.
const PIECE: usize = 12;
/// A user name of this length is a token in its place, as `https://TOKEN@host/`.
const TOKEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_is_shown() {
        let secrets = Secrets::default();
        secrets.add_authorization("Bearer S3CRET/pw\"x");
        secrets.add_authorization(&format!("Basic {}", STANDARD.encode("alice:hunter-2_?")));
        let token: String = (0..40).map(|one| format!("{one:03}")).collect();
        secrets.add(&token);
        let check = |text: &str, expected: &str| assert_eq!(secrets.hide(text), expected, "{text}");
        check("it is S3CRET/pw\"x.", "it is ….");
        check("s3cret/PW\"X", "…");
        check("S3CRET%2Fpw%22x S3CRET\\/pw\\\"x S3CRET\\u002fpw\\u{22}x", "…");
        check("S3CRE\nT/pw\"x S3C\\r\\nRET/pw\"x S3\u{200b}CRET/pw\"x", "…");
        check("5333435245542f70772278 5333435245542F70772278", "…");
        check("alice:hunter-2_? hunter-2_? YWxpY2U6aHVudGVyLTJfPw==", "…");
        for before in ["", "a", "ab", "abc"] {
            let encoded = STANDARD.encode(format!("{before}S3CRET/pw\"x and more"));
            let shown = secrets.hide(&encoded);
            assert!(shown.contains('…') && !shown.contains("UzNDUkVUL3B3") && shown.len() < encoded.len(), "{shown}");
        }
        check(&format!("CN={}, CN={}", &token[..60], &token[60..]), "CN=…, CN=…");
        check(&token[50..90], "…");
        check("0123 alice S3CRET", "0123 alice S3CRET");
        check("https://u:x@a.example/", "https://…@a.example/");
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }

    #[test]
    fn what_is_short_is_none() {
        let secrets = Secrets::default();
        secrets.add("abcde");
        secrets.add_authorization("Basic YTpi");
        assert_eq!(secrets.hide("abcde a:b"), "abcde a:b");
    }

    #[test]
    fn the_logins_of_locations_are_secrets() {
        let secrets = Secrets::default();
        for text in [
            "npm=https://u:pass-one@a.example/",
            "w:pass%2Ftwo@a.example/a:v1",
            "https://ghp_0123456789abcdef@a.example",
        ] {
            secrets.add_location(text);
        }
        secrets.add_location("npm:rollup@3.30.0");
        secrets.add_location("ssh://deployer@a.example/");
        assert_eq!(secrets.hide("pass-one pass/two GHP_0123456789abcdef rollup deployer"), "… rollup deployer");
    }
}
