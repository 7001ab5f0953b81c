//! Whether a request goes through a proxy, and through which.
//!
//! The client's own reading of the environment is not used: it takes `ALL_PROXY` before `HTTPS_PROXY`, matches
//! `NO_PROXY` by exact name and without trimming, and goes round a SOCKS proxy that it cannot use in silence.

use ureq::{Proxy, ProxyProtocol};

use super::HttpError;
use pinfold_core::url::Url;

/// The usual variables, as the shell finds them (in either case); empty is as good as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// `HTTPS_PROXY`: the first that counts, since everything beyond loopback is https.
    pub https: Option<String>,
    /// `ALL_PROXY`: the second.
    pub all: Option<String>,
    /// `HTTP_PROXY`: the last, as npm takes it for https too.
    pub http: Option<String>,
    /// `NO_PROXY`: who is asked directly, separated by commas or white space: `*`; `example.com`, `.example.com` or
    /// `*.example.com`, each for the domain and all below it; an address; each with a `:port` or without.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// The proxy for `url`: none on loopback, where a proxy could only reach its own machine.
    pub(super) fn proxy_for(&self, url: &Url) -> Option<&str> {
        if url.origin().is_loopback() || self.is_exempt(url) {
            return None;
        }
        [&self.https, &self.all, &self.http].into_iter().flatten().map(|text| text.trim()).find(|text| !text.is_empty())
    }

    fn is_exempt(&self, url: &Url) -> bool {
        let entries = self.no_proxy.as_deref().unwrap_or_default();
        entries.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty()).any(|entry| exempts(entry, url))
    }
}

/// The proxy that `text` names: `http://host:port`, `https://…`, with credentials or without, or just `host:port`.
pub(super) fn parse(text: &str) -> Result<Proxy, HttpError> {
    let proxy = Proxy::new(text).map_err(HttpError::from_ureq)?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
        other => Err(HttpError::Proxy { reason: format!("{other} proxies are not supported") }),
    }
}

fn exempts(entry: &str, url: &Url) -> bool {
    if entry == "*" {
        return true;
    }
    let entry = entry.to_ascii_lowercase();
    // `[::1]:80` and `host:80` have a port, `::1` has none.
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if name.ends_with(']') || !name.contains(':') => match digits.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry.as_str(), None),
        },
        _ => (entry.as_str(), None),
    };
    if wanted.is_some_and(|wanted| wanted != url.origin().port()) {
        return false;
    }
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (host, name) = (bare(url.host()), bare(name.trim_start_matches('*').trim_start_matches('.')));
    let below = || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
    !name.is_empty() && (host == name || below())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a url")
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn takes_the_first_that_is_set() {
        let mut settings = ProxySettings { https: some("s"), all: some("a"), http: some("h"), no_proxy: None };
        let target = url("https://example.com/");
        assert_eq!(settings.proxy_for(&target), Some("s"));
        settings.https = some("");
        assert_eq!(settings.proxy_for(&target), Some("a"));
        settings.all = None;
        assert_eq!(settings.proxy_for(&target), Some("h"));
        settings.http = None;
        assert_eq!(settings.proxy_for(&target), None);
    }

    #[test]
    fn never_sends_loopback_through_a_proxy() {
        let settings = ProxySettings { all: some("p"), ..ProxySettings::default() };
        for text in ["http://localhost/", "http://127.1.2.3:80/", "https://[::1]/"] {
            assert_eq!(settings.proxy_for(&url(text)), None, "{text}");
        }
        assert_eq!(settings.proxy_for(&url("https://10.0.0.1/")), Some("p"));
    }

    #[test]
    fn exempts_domains_and_what_is_below_them() {
        let check = |entry: &str, text: &str, expected: bool| {
            let settings = ProxySettings { all: some("p"), no_proxy: some(entry), ..ProxySettings::default() };
            assert_eq!(settings.proxy_for(&url(text)).is_none(), expected, "{entry} {text}");
        };
        for entry in ["example.com", ".example.com", "*.example.com", "EXAMPLE.com", "a, example.com", "*", "a b *"] {
            check(entry, "https://example.com/", true);
            check(entry, "https://npm.example.com:8443/", true);
        }
        check("example.com", "https://notexample.com/", false);
        check("npm.example.com", "https://example.com/", false);
        check("example.com:8443", "https://example.com:8443/", true);
        check("example.com:8443", "https://example.com/", false);
        check("example.com:443", "https://example.com/", true);
        check("10.0.0.1", "https://10.0.0.1/", true);
        check("fe80::1", "https://[fe80::1]:8443/", true);
        check("[fe80::1]:8443", "https://[fe80::1]:8443/", true);
        check("[fe80::1]:8443", "https://[fe80::1]/", false);
        check(",,", "https://example.com/", false);
        check(".", "https://example.com/", false);
    }

    #[test]
    fn refuses_proxies_that_it_cannot_use() {
        for good in ["http://proxy.example.com:3128", "https://u:p@proxy.example.com", "proxy.example.com:8080"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["socks5://proxy.example.com", "socks4://proxy.example.com", "ftp://proxy.example.com", "/x", ""] {
            assert_eq!(parse(bad).expect_err("refused").code(), "http-proxy", "{bad}");
        }
    }
}
