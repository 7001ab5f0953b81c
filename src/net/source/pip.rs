//! pip's own configuration, as far as it says where packages come from: `index-url` of `[global]`.
//!
//! It is pip's file, not ours, so what is unknown or malformed here is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::credentials::Secret;

/// `index-url` of `[global]` in a `pip.conf`, as Python's `configparser` reads it; the last one counts.
pub(super) fn index_url(text: &str) -> Option<String> {
    let (mut global, mut ours, mut found) = (false, false, None::<String>);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        // A line that stands further in goes on with the value above it.
        if line.starts_with([' ', '\t']) {
            if let Some(value) = found.as_mut().filter(|_| ours) {
                value.push_str(bare);
            }
            continue;
        }
        ours = false;
        if let Some(section) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            global = section.0 == "global";
        } else if let Some((key, value)) = bare.split_once(['=', ':'])
            && global
            && is_index_url(key)
        {
            ours = true;
            found = Some(value.trim().to_owned());
        }
    }
    found.filter(|value| !value.is_empty())
}

/// pip takes `INDEX_URL`, `--index-url` and the like for the same.
fn is_index_url(key: &str) -> bool {
    key.trim().to_ascii_lowercase().replace('_', "-").trim_start_matches("--") == "index-url"
}

/// An index URL without what stands in front of its host, and that as a header. Both are percent-encoded there, as in
/// pip; a name without a password has an empty one.
pub(super) fn split_login(text: &str) -> (String, Option<Secret>) {
    let whole = || (text.to_owned(), None);
    let Some((scheme, rest)) = text.split_once("//") else { return whole() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((login, host)) = authority.rsplit_once('@') else { return whole() };
    let (name, password) = login.split_once(':').unwrap_or((login, ""));
    let (Some(name), Some(password)) = (decoded(name), decoded(password)) else { return whole() };
    let secret = Secret::basic(&BASE64.encode([name, password].join(&b':')));
    (format!("{scheme}//{host}{path}"), secret)
}

/// Bytes without percent-encoding, `None` where that is malformed.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(part.get(2..)?.as_bytes());
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_index() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(index_url(text).as_deref(), expected, "{text:?}");
        check("", None);
        check("index-url = https://a/", None);
        check("[global]\nindex-url = https://a/simple/", Some("https://a/simple/"));
        check("\u{feff}[global]\r\nINDEX_URL: https://a/\r\n", Some("https://a/"));
        check("[global]\n# index-url = https://no/\n; index-url = https://no/\n", None);
        check("[install]\nindex-url = https://no/\n[global]\ntimeout = 5\n", None);
        check("[install]\nx = 1\n[global]\nindex-url=https://a/\n[list]\nindex-url=https://no/", Some("https://a/"));
        check("[global]\nindex-url =\n    https://a/\nextra-index-url =\n    https://no/\n", Some("https://a/"));
        check("[global]\nindex-url =\n", None);
        check("[global]\nextra-index-url = https://no/\n", None);
    }

    #[test]
    fn takes_the_login_off() {
        let check = |text: &str, bare: &str, header: Option<&str>| {
            let (found, secret) = split_login(text);
            assert_eq!((found.as_str(), secret.as_ref().map(Secret::expose)), (bare, header), "{text}");
        };
        check("https://a/simple/", "https://a/simple/", None);
        check("https://u:p@a/simple/", "https://a/simple/", Some("Basic dTpw"));
        check("https://token@a:8443", "https://a:8443", Some("Basic dG9rZW46"));
        check("https://u%40x:p%2Fq@a/", "https://a/", Some("Basic dUB4OnAvcQ=="));
        check("https://u:p@q@a/", "https://a/", Some("Basic dTpwQHE="));
        check("https://a/x@y", "https://a/x@y", None);
        // Stays, and is refused as a URL with credentials.
        check("https://u%4:p@a/", "https://u%4:p@a/", None);
        check("a@b", "a@b", None);
    }
}
