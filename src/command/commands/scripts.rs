//! The scripts that a package manager would run when it installs a package. pinfold never runs one; who reviews a package
//! wants to know of them.

use serde_json::Value;

use crate::install;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Pin, Source};
use pinfold_core::store::VerifiedBlob;
use pinfold_net::source::npm::MAX_PACKAGE_JSON;

/// The package.json of an npm package, as a value; `None` for other sources, and where it cannot be read as one.
pub(super) fn package_json(pin: &Pin, artifact: &Artifact, blob: &VerifiedBlob) -> Result<Option<Value>, Fault> {
    if !matches!(artifact.source, Source::Npm(_)) {
        return Ok(None);
    }
    let limit = u64::try_from(MAX_PACKAGE_JSON).unwrap_or(u64::MAX);
    let bytes = install::read_file(pin, artifact, blob, "package.json", limit)?;
    Ok(bytes.and_then(|bytes| pinfold_core::json::parse(&bytes, MAX_PACKAGE_JSON).ok()))
}

/// The scripts that npm runs on installation, by name; npm builds whatever has a `binding.gyp`, too.
pub(super) fn of(pin: &Pin, artifact: &Artifact, blob: &VerifiedBlob) -> Result<Vec<(String, String)>, Fault> {
    let Some(package) = package_json(pin, artifact, blob)? else { return Ok(Vec::new()) };
    let script = |name: &str| {
        let script = package.get("scripts")?.get(name)?.as_str()?;
        Some((name.to_owned(), script.to_owned()))
    };
    let mut scripts: Vec<(String, String)> = INSTALL.iter().filter_map(|name| script(name)).collect();
    let has_own = scripts.iter().any(|(name, _)| name == "install" || name == "preinstall");
    if !has_own && install::read_file(pin, artifact, blob, "binding.gyp", MAX_GYP)?.is_some() {
        scripts.push(("binding.gyp".to_owned(), "node-gyp rebuild".to_owned()));
    }
    Ok(scripts)
}

/// One of them, told.
pub(super) fn finding(what: &str, script: &str) -> Finding {
    let shown: String = script.chars().take(MAX_SHOWN).collect();
    let message =
        format!("{what}, which package managers run on installation and pinfold does not: `{}`", shown.escape_debug());
    Finding::new(Level::Warning, "install-script", message)
}

const INSTALL: [&str; 3] = ["preinstall", "install", "postinstall"];
/// Longest `binding.gyp`, in bytes; its content is not looked at.
const MAX_GYP: u64 = 1 << 20;
/// Most characters of a script that are shown.
const MAX_SHOWN: usize = 120;
