//! Verdicts on evidence that were reached before: the same artifact, documents, policy and roots have the same verdict,
//! and proving it again takes a thousand times as long as remembering it.
//!
//! A remembered verdict is believed, so nobody may be able to write one: each is [`Sealed`]. Only good verdicts are kept;
//! evidence that is wrong is found wrong again each time.
//!
//! A verdict holds from the time on at which it was reached, by the clock of then: with the clock set back before that it
//! is not recalled, as evidence may then be from the future. What was recalled says so ([`Evidence::recalled`]), and what
//! is written for others to keep is proved afresh ([`Verdicts::forgetful`]).

use std::path::Path;

use serde::{Deserialize, Serialize};

use pinfold_core::finding::Evidence;
use pinfold_core::fs::{self, FsError};
use pinfold_net::sealed::Sealed;

/// The verdicts in a folder.
#[derive(Debug)]
pub struct Verdicts(Sealed);

impl Verdicts {
    /// Verdicts in a folder of the store, sealed with a key in the folder of trust; nothing is touched yet. Without a
    /// place for the key nothing is remembered.
    pub fn new(store: &Path, trust: Option<&Path>) -> Self {
        Self(Sealed::new(store.join("verdicts"), trust, &[], MAX_LEN))
    }

    /// Verdicts that recall nothing and remember nothing: all is proved afresh.
    #[must_use]
    pub fn forgetful(&self) -> Self {
        Self(self.0.forgetful())
    }

    /// What was proved of these texts: all that a verdict depends on, in a fixed order. `now` is in seconds since 1970.
    pub fn recall(&self, on: &[&[u8]], now: i64) -> Option<Evidence> {
        let remembered: Remembered = serde_json::from_str(&self.0.recall(on)?).ok()?;
        (remembered.since <= now).then_some(Evidence { recalled: true, ..remembered.evidence })
    }

    /// Remembers it. What cannot be written is proved again the next time.
    pub fn remember(&self, on: &[&[u8]], evidence: &Evidence, now: i64) {
        let remembered = Remembered { since: now, evidence: Evidence { recalled: false, ..evidence.clone() } };
        if let Ok(body) = serde_json::to_string(&remembered) {
            let _ = self.0.remember(on, &body);
        }
    }

    /// Forgets all of them.
    pub fn clear(&self) -> Result<(), FsError> {
        for shelf in fs::names(self.0.folder())? {
            let shelf = self.0.folder().join(shelf);
            for name in fs::names(&shelf)? {
                fs::remove(&shelf.join(name))?;
            }
        }
        Ok(())
    }
}

/// A verdict as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// When it was reached, in seconds since 1970.
    since: i64,
    evidence: Evidence,
}

/// Longest remembered verdict, in bytes: its fields are some URLs.
const MAX_LEN: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_what_it_wrote_itself_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, trust) = (folder.path().join("store"), folder.path().join("trust"));
        let verdicts = Verdicts::new(&store, Some(&trust));
        let evidence = Evidence { kind: "SLSA provenance".into(), signer: "me".into(), ..Evidence::default() };
        let recalled = Evidence { recalled: true, ..evidence.clone() };
        let on: [&[u8]; 2] = [b"ab", b"c"];
        assert_eq!(verdicts.recall(&on, 7), None);
        verdicts.remember(&on, &evidence, 7);
        assert_eq!(Verdicts::new(&store, Some(&trust)).recall(&on, 7), Some(recalled.clone()));
        assert_eq!(verdicts.recall(&on, i64::MAX), Some(recalled));
        // With the clock set back it may be that the evidence is from the future.
        assert_eq!(verdicts.recall(&on, 6), None);
        assert_eq!(verdicts.forgetful().recall(&on, 7), None);
        assert_eq!(verdicts.recall(&[b"a", b"bc"], 7), None);
        assert_eq!(Verdicts::new(&store, None).recall(&on, 7), None);
        assert_eq!(Verdicts::new(&store, Some(&folder.path().join("other"))).recall(&on, 7), None);

        // What somebody who can write into the store makes of it: another text, another's file under this name.
        let path = verdicts.0.path(&on).expect("a key");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let good = std::fs::read_to_string(&path).expect("a verdict");
        for forged in [good.replace("me", "he"), good.replacen('\n', "", 1), String::new(), format!("{name}\n{{}}")] {
            std::fs::write(&path, forged).expect("written");
            assert_eq!(verdicts.recall(&on, 7), None);
        }
        let other: [&[u8]; 1] = [b"other"];
        verdicts.remember(&other, &evidence, 7);
        std::fs::copy(verdicts.0.path(&other).expect("a key"), &path).expect("copied");
        assert_eq!(verdicts.recall(&on, 7), None);

        verdicts.clear().expect("cleared");
        assert_eq!(verdicts.recall(&other, 7), None);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(trust.join("verdict.key")).expect("the key").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
}
