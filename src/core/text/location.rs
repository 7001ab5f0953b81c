//! User information in locations (RFC 3986, section 3.2.1): a user name and a password in front of a host. It is left out
//! wherever a location is shown, also of what should have been one and is not.

use std::fmt;
use std::ops::Range;

use super::plain;

/// A text that is to be a location, whatever it turned out to be: a URL, a reference of a registry, `user@host:path`. Its
/// `Display` leaves the user information out, and shows the rest as [`super::Untrusted`] does.
#[derive(Clone, Copy)]
pub struct Location<'a>(pub &'a str);

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = without_user_info(self.0);
        let shown = match user_info(&bare) {
            Some(Range { start, end }) => format!("{}…{}", part(&bare, 0..start), part(&bare, end..bare.len())),
            None => bare,
        };
        f.write_str(&plain(&shown))
    }
}

impl fmt::Debug for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// A text without the user information of the URLs in it: `https://…@host/`. The user `git` alone stays, who is everybody.
pub fn without_user_info(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices("//") {
        let start = at.saturating_add(2);
        let rest = part(text, start..text.len());
        let word = part(rest, 0..rest.find(ends_word).unwrap_or(rest.len()));
        if start < done {
            continue;
        }
        if let Some(end) = end_in(word).filter(|end| part(word, 0..*end) != "git") {
            bare.push_str(part(text, done..start));
            bare.push('…');
            done = start.saturating_add(end);
        }
    }
    bare.push_str(part(text, done..text.len()));
    bare
}

/// The user information in a text that is to be a location as a whole: it may have blanks, and no `//` in front of it.
pub(super) fn user_info(text: &str) -> Option<Range<usize>> {
    let (mut start, mut is_url) = (0, false);
    // `--option=`, `npm=`, `@scope=`, `https://`, `oci:`, `git+ssh://`: as many as there are.
    loop {
        let rest = part(text, start..text.len());
        let end = rest.find(|one: char| !(one.is_ascii_alphanumeric() || "+-.@/_".contains(one))).unwrap_or(rest.len());
        let (name, behind) = (part(rest, 0..end).to_ascii_lowercase(), end.saturating_add(1));
        let slashes = part(rest, behind..rest.len()).bytes().take_while(|byte| *byte == b'/').count();
        let sign = rest.as_bytes().get(end);
        match sign {
            _ if rest.starts_with("//") => {
                (start, is_url) = (start.saturating_add(2), true);
                break;
            }
            Some(b':') if slashes > 0 => {
                (start, is_url) = (start.saturating_add(behind).saturating_add(slashes), true);
                break;
            }
            Some(b':') if SCHEMES.contains(&name.as_str()) => {
                (start, is_url) = (start.saturating_add(behind), true);
            }
            Some(b':') if PACKAGES.contains(&name.as_str()) => start = start.saturating_add(behind),
            Some(b'=') => start = start.saturating_add(behind),
            _ => break,
        }
    }
    let rest = part(text, start..text.len());
    let end = end_in(rest)?;
    let named = part(rest, 0..end);
    // Without a scheme `a@b` is an address of a person, and `a/b@c` a package.
    let has_password = || {
        let host = part(named, 0..named.find('/').unwrap_or(named.len())).to_ascii_lowercase();
        host.contains(':') || host.contains("%3a")
    };
    let is_one = if is_url { !named.is_empty() && named != "git" } else { has_password() };
    is_one.then(|| start..start.saturating_add(end))
}

/// Where the user information ends at the beginning of an authority: at its last `@`, also `%40`. A slash ends an authority;
/// one behind what is no port is part of a password that was not encoded.
fn end_in(text: &str) -> Option<usize> {
    let authority = part(text, 0..text.find(['/', '?', '#']).unwrap_or(text.len()));
    let is_host = |text: &str| {
        text.starts_with('[')
            || text.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let within = if last_at(authority).is_none() && !is_host(authority) { text } else { authority };
    last_at(within)
}

/// The last `@` that no digest follows, as one does in `host/name@sha256:…`.
fn last_at(text: &str) -> Option<usize> {
    let is_digest = |rest: &str| ["sha256:", "sha384:", "sha512:"].iter().any(|name| rest.starts_with(name));
    let plain = text.rmatch_indices('@').find(|(at, _)| !is_digest(part(text, at.saturating_add(1)..text.len())));
    let encoded = text.rfind("%40");
    plain.map(|(at, _)| at).max(encoded)
}

fn ends_word(one: char) -> bool {
    one.is_whitespace() || matches!(one, '"' | '\'' | '`' | '<' | '>')
}

fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

/// What stands in front of a `:` and is no user: schemes, which people write without slashes too.
const SCHEMES: [&str; 9] = ["http", "https", "oci", "docker", "git", "ssh", "ftp", "file", "url"];
/// And the kinds of packages that pinfold and others have.
const PACKAGES: [&str; 23] = [
    "npm", "pypi", "github", "pkg", "cargo", "crates", "gem", "golang", "go", "maven", "nuget", "deb", "rpm", "hex",
    "composer", "jsr", "yarn", "pnpm", "bun", "pip", "gitlab", "purl", "mailto",
];

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "S3CRETpw";

    #[test]
    fn no_form_shows_it() {
        for text in [
            "https://u:S3CRETpw@example.com/a",
            "https://S3CRETpw@example.com/a",
            "https://S3CRETpw:x-oauth-basic@example.com/a",
            "https://u:S3CRETpw@",
            "https://u:S3CRETpw%40example.com/a",
            "https://u:S3CRETpw@evil@example.com/a",
            "https://u:@S3CRETpw@example.com/a",
            "https://u:S3/CRETpw/S3CRETpw@example.com/a",
            "https://u:a?b#S3CRETpw@example.com/a",
            "HTTPS://u:S3CRETpw@example.com",
            "https:u:S3CRETpw@example.com/a",
            "https:/u:S3CRETpw@example.com/a",
            "//u:S3CRETpw@example.com/a",
            "u:S3CRETpw@example.com/a:v1",
            "u:S3CRETpw@example.com:8080",
            "u:S3CRETpw@example.com:path/x.git",
            "u:S3CRETpw@example.com/a@sha256:00",
            "oci:u:S3CRETpw@example.com/a:v1",
            "oci://u:S3CRETpw@example.com/a",
            "git+ssh://u:S3CRETpw@example.com/a.git",
            "ftp://u:S3CRETpw@example.com/a",
            "npm=https://u:S3CRETpw@example.com/",
            "npm:@scope=https://u:S3CRETpw@example.com/",
            "--store=oci://u:S3CRETpw@example.com/a",
            "npm:https://u:S3CRETpw@example.com/",
            "npm:@scope=u:S3CRETpw@example.com/",
            "npm:u:S3CRETpw@example.com/a",
            "oci:https://u:x S3CRETpw@example.com/a",
            "git:S3CRETpw@example.com/a",
            "https://u:S3CRETpw \u{202e}x@example.com/a",
            "https://u:x S3CRETpw@example.com/a",
            "https://npm:S3CRETpw@example.com/a",
            "https%3A%2F%2Fu%3AS3CRETpw%40example.com/a",
        ] {
            let shown = Location(text).to_string();
            assert!(!shown.contains(SECRET), "{text}: {shown}");
            assert!(shown.contains('…'), "{text}: {shown}");
            assert_eq!(Location(&shown).to_string(), shown, "it stays what it is");
        }
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "npm:rollup@3.30.0",
            "npm:@scope/a@1.0.0",
            "npm=https://example.com/",
            "cargo:serde_json@1.0.0",
            "pkg:npm/%40scope/a@1.0.0?a=b",
            "pypi:a==1.0#a-1.0.zip",
            "github:o/r@v1#x.zip",
            "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main",
            "https://registry.example.com:8443/@scope/a",
            "https://registry.example.com/@scope/a?x=@y",
            "https://[::1]:8443/@scope/a",
            "localhost:5000/a/b@sha256:00",
            "localhost:5000/a/b:v1",
            "example.com/a:v1@sha256:00",
            "me@example.com",
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r.git",
            "/srv/x",
            "",
        ] {
            assert_eq!(Location(text).to_string(), text);
            assert_eq!(without_user_info(text), text);
        }
    }

    #[test]
    fn sentences_keep_their_words() {
        let check = |text: &str, expected: &str| assert_eq!(without_user_info(text), expected);
        check("`https://u:p@a.example/x` and ssh://t@b, u:p@c", "`https://…@a.example/x` and ssh://…@b, u:p@c");
        check("from https://a.example/x by me@b.example", "from https://a.example/x by me@b.example");
        check("https://u:p/w@a.example", "https://…@a.example");
        check("https://u@a//v@b", "https://…@a//…@b");
    }
}
