//! Package URLs (purl specification 1.0, ECMA-427): the name of a pin's artifact that other tools understand.
//!
//! A name says which package is meant and proves nothing. Letters keep their case in npm's names: lowering it, as the
//! specification asks, would name another package (`JSONStream` is one, `jsonstream` another).

use pinfold_core::digest::Integrity;
use pinfold_core::oci::digest_text;
use pinfold_core::pins::Source;

/// The package URL of an artifact: `pkg:npm/%40scope/name@1.2.3`.
///
/// What is in no registry is `pkg:generic/…` with its digest, and the URL that it comes from where it has one.
pub fn of(source: &Source, integrity: &Integrity) -> String {
    match source {
        Source::Npm(package) => {
            let scope = package.scope().map_or_else(String::new, |scope| format!("{}/", encoded(scope)));
            format!("pkg:npm/{scope}{}@{}", encoded(package.base_name()), encoded(package.version()))
        }
        Source::Pypi(file) => format!("pkg:pypi/{}@{}", encoded(file.project()), encoded(file.version())),
        // "The namespace and name are not case sensitive and must be lowercased" (types, github).
        Source::Github(asset) => {
            let [owner, repo] = [asset.owner(), asset.repo()].map(|part| encoded(&part.to_ascii_lowercase()));
            format!("pkg:github/{owner}/{repo}@{}", encoded(asset.tag()))
        }
        // "The last fragment of the repository name", its digest, and where it is (types, oci).
        Source::Oci(layer) => {
            let reference = layer.reference();
            let place = format!("{}/{}", reference.registry(), reference.repository());
            let name = place.rsplit_once('/').map_or(place.as_str(), |(_, name)| name);
            let digest = reference.digest().map(digest_text).unwrap_or_default();
            let tag = reference.tag().map(|tag| format!("&tag={}", encoded(tag))).unwrap_or_default();
            format!("pkg:oci/{}@{}?repository_url={}{tag}", encoded(name), encoded(&digest), encoded(&place))
        }
        Source::Url(url) => {
            let from = encoded(&url.to_string());
            format!("{}&download_url={from}", generic(url.file_name(), integrity))
        }
        Source::File(path) => generic(path.file_name(), integrity),
    }
}

fn generic(name: &str, integrity: &Integrity) -> String {
    // A URL that ends in a slash names no file, and a purl without a name is none.
    let name = if name.is_empty() { "artifact" } else { name };
    format!("pkg:generic/{}?checksum={}:{}", encoded(name), integrity.algorithm().name(), integrity.hex())
}

/// Everything but letters, digits, `.`, `-`, `_`, `~` and the colon percent-encoded ("Character encoding").
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
        if plain { encoded.push(char::from(byte)) } else { encoded.push_str(&format!("%{byte:02X}")) }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinfold_core::digest::Algorithm;

    #[test]
    fn names_every_source() {
        let integrity = Integrity::of(Algorithm::Sha256, b"x");
        let check = |source: Source, expected: &str| assert_eq!(of(&source, &integrity), expected);
        let npm = |text: &str| Source::Npm(text.parse().expect("a package"));
        check(npm("terser@5.46.2"), "pkg:npm/terser@5.46.2");
        check(npm("@scope/name@1.2.3-rc.1+b.2"), "pkg:npm/%40scope/name@1.2.3-rc.1%2Bb.2");
        check(npm("JSONStream@1.3.5"), "pkg:npm/JSONStream@1.3.5");
        check(Source::Pypi("ruff==0.1.0#ruff-0.1.0.tar.gz".parse().expect("a file")), "pkg:pypi/ruff@0.1.0");
        check(
            Source::Github("BurntSushi/ripgrep@14.1.0#rg.tar.gz".parse().expect("an asset")),
            "pkg:github/burntsushi/ripgrep@14.1.0",
        );
        let hex = integrity.hex();
        check(
            Source::Url("https://example.com/a%20b.tgz?x=1&y=2".parse().expect("a URL")),
            &format!(
                "pkg:generic/a%2520b.tgz?checksum=sha256:{hex}\
                 &download_url=https:%2F%2Fexample.com%2Fa%2520b.tgz%3Fx%3D1%26y%3D2"
            ),
        );
        check(
            Source::Url("https://example.com/".parse().expect("a URL")),
            &format!("pkg:generic/artifact?checksum=sha256:{hex}&download_url=https:%2F%2Fexample.com%2F"),
        );
        check(
            Source::File("vendor/x y.tgz".parse().expect("a path")),
            &format!("pkg:generic/x%20y.tgz?checksum=sha256:{hex}"),
        );
    }
}
