//! Where a repository is, out of what git has for its remote: without credentials, and as its readers would write it.

use pinfold_core::url::Url;

/// Hosts where `git@HOST:owner/name` and `https://HOST/owner/name` are the same repository by their own documents.
const SAME_OVER_HTTPS: [&str; 4] = ["github.com", "gitlab.com", "codeberg.org", "bitbucket.org"];

/// The URL of a remote: `https://host/o/r`, or `ssh://git@host/o/r` where only that is known to work. User names and
/// passwords are left out, but for ssh's `git`, which is everybody's; so are queries and a `.git` at the end.
///
/// `None` for what is nowhere but on this machine (a path, `file:`) and for what cannot be read.
pub fn repository(remote: &str) -> Option<String> {
    let remote = remote.trim();
    let (scheme, rest) = match remote.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        // `user@host:path` (git-clone(1), "GIT URLS"): only where no slash comes before the colon.
        None => {
            let (host, path) = remote.split_once(':').filter(|(host, _)| !host.contains('/'))?;
            // A drive of Windows is no host.
            if host.len() < 2 {
                return None;
            }
            ("ssh".to_owned(), format!("{host}/{}", path.trim_start_matches('/')))
        }
    };
    let scheme = match scheme.as_str() {
        "https" | "http" | "git" => scheme,
        "ssh" | "git+ssh" | "ssh+git" => "ssh".to_owned(),
        _ => return None,
    };
    let (authority, path) = rest.split_once('/')?;
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host = host.to_ascii_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let well_formed = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !well_formed(&host) || !well_formed(path) || host.contains(['\\', '/']) {
        return None;
    }
    if scheme == "ssh" && SAME_OVER_HTTPS.contains(&host.as_str()) {
        return Some(format!("https://{host}/{path}"));
    }
    let user = if scheme == "ssh" && user == Some("git") { "git@" } else { "" };
    // What a URL of the web cannot have, such as a port that is none, it does not have here either.
    format!("https://{host}/{path}").parse::<Url>().ok()?;
    Some(format!("{scheme}://{user}{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn remotes_as_people_write_them() {
        let check = |remote: &str, expected: Option<&str>| {
            assert_eq!(repository(remote).as_deref(), expected, "{remote}");
        };
        check("https://github.com/o/r.git", Some("https://github.com/o/r"));
        check("https://x-access-token:ghs_secret@github.com/o/r", Some("https://github.com/o/r"));
        check("https://user@Git.Example.com:8443/a/b/c.git/", Some("https://git.example.com:8443/a/b/c"));
        check("https://git.example.com/o/r?token=secret#x", Some("https://git.example.com/o/r"));
        check("http://git.example.com/o/r", Some("http://git.example.com/o/r"));
        check("git@github.com:o/r.git", Some("https://github.com/o/r"));
        check("ssh://git@gitlab.com/group/sub/r.git", Some("https://gitlab.com/group/sub/r"));
        check("ssh://git@git.example.com:2222/o/r.git", Some("ssh://git@git.example.com:2222/o/r"));
        check("alice@git.example.com:/srv/o/r.git", Some("ssh://git.example.com/srv/o/r"));
        check("git://git.example.com/o/r", Some("git://git.example.com/o/r"));
        for nowhere in
            ["/srv/r.git", "../r", "file:///srv/r.git", "C:\\r", "C:/r", "", "ext::sh -c x", "https://", "x:"]
        {
            check(nowhere, None);
        }
        check("https://git.example.com:port/o/r", None);
        check("https://git.example.com/o/r with blanks", None);
    }
}
