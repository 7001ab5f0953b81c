//! Which server said lately that it has no evidence about an artifact, so that an unchanged fetch does not ask it each time.
//!
//! A record says who had none, and never when: the same pins give the same records. When is remembered here, in the user's
//! own store. As with verdicts, what is remembered is believed, so that it carries a seal; whoever can write into the
//! store can make pinfold ask more often, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sealed::Sealed;
use pinfold_core::fs::{self, Dir, FsError};

/// How long a server's word that it has none is good for. Evidence is published with an artifact or within hours after it;
/// a day bounds what a mirror's silence hides, and costs one request a day for each pin without evidence.
pub const ASK_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What was asked lately.
#[derive(Debug)]
pub struct Asked {
    kept: Sealed,
    /// The servers that could not be reached in this run.
    unreachable: Mutex<BTreeSet<String>>,
}

/// A question for evidence.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The whole address of the registry, of which a record has only the server.
    pub server: &'a str,
    /// The source of the artifact.
    pub source: &'a str,
    /// Its integrity.
    pub integrity: &'a str,
}

impl<'a> Question<'a> {
    fn texts(&self) -> [&'a [u8]; 3] {
        [self.server.as_bytes(), self.source.as_bytes(), self.integrity.as_bytes()]
    }
}

impl Asked {
    /// What is remembered in a folder of the store, sealed with the key that verdicts are sealed with; nothing is touched
    /// yet. Without a place for the key nothing is remembered.
    pub fn new(store: &Path, trust: Option<&Path>) -> Self {
        let kept = Sealed::new(store.join("asked"), trust, &[b"asked"], MAX_LEN);
        Self { kept, unreachable: Mutex::default() }
    }

    /// Whether the server said lately, as of `now` in seconds since 1970, that it has none.
    pub fn is_fresh(&self, question: Question<'_>, now: i64) -> bool {
        self.kept.recall(&question.texts()).is_some_and(|time| is_recent(&time, now))
    }

    /// Remembers that it said so at `now`. What cannot be written is asked again the next time.
    pub fn remember(&self, question: Question<'_>, now: i64) {
        let path = self.kept.remember(&question.texts(), &now.to_string());
        // Nobody need call `cache gc` for this to stay small.
        if let Some(folder) = path.as_deref().and_then(Path::parent)
            && fs::names(folder).is_ok_and(|names| names.len() > MOST)
        {
            let _ = sweep(folder, now);
        }
    }

    /// Forgets what is too old to be of use, and what killed processes left behind.
    pub fn sweep(&self, now: i64) -> Result<(), FsError> {
        let folder = self.kept.folder();
        fs::names(folder)?.iter().try_for_each(|shelf| sweep(&folder.join(shelf), now))
    }

    /// Remembers for this run that a server cannot be reached: a hundred pins do not wait for it one after the other.
    pub fn give_up(&self, server: &str) {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).insert(server.to_owned());
    }

    /// Whether it could not be reached in this run.
    pub fn is_given_up(&self, server: &str) -> bool {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).contains(server)
    }
}

/// Whether a time is not too long ago. One that is yet to come is of a clock that was set back since, and says nothing.
fn is_recent(time: &str, now: i64) -> bool {
    let longest = i64::try_from(ASK_AGAIN.as_secs()).unwrap_or(i64::MAX);
    let age = time.parse::<i64>().ok().and_then(|time| now.checked_sub(time));
    age.is_some_and(|age| (0..longest).contains(&age))
}

fn sweep(folder: &Path, now: i64) -> Result<(), FsError> {
    if let Ok(folder) = Dir::open(folder) {
        fs::sweep_partials(&folder);
    }
    for name in fs::names(folder)?.iter().filter(|name| !fs::is_partial(name)) {
        let path = folder.join(name);
        let text = fs::read_if_exists(&path, MAX_LEN).ok().flatten().unwrap_or_default();
        let text = String::from_utf8(text).unwrap_or_default();
        if !text.split_once('\n').is_some_and(|(_, time)| is_recent(time, now)) {
            fs::remove(&path)?;
        }
    }
    Ok(())
}

/// Longest entry, in bytes: a seal and a time.
const MAX_LEN: u64 = 256;

/// Entries in one of 256 folders from which on old ones are looked for.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_750_000_000;
    const QUESTION: Question<'_> =
        Question { server: "https://npm.example.com/a/", source: "npm:left@1.0.0", integrity: "sha512-x" };

    #[test]
    fn a_day_and_one_question() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, trust) = (folder.path().join("store"), folder.path().join("trust"));
        let asked = Asked::new(&store, Some(&trust));
        assert!(!asked.is_fresh(QUESTION, NOW));
        asked.remember(QUESTION, NOW);
        let again = Asked::new(&store, Some(&trust));
        let day = 24 * 60 * 60;
        for (time, fresh) in [(0, true), (day - 1, true), (day, false), (-1, false)] {
            assert_eq!(again.is_fresh(QUESTION, NOW + time), fresh, "{time}");
        }
        for other in [
            Question { server: "https://npm.example.com/b/", ..QUESTION },
            Question { source: "npm:left@1.0.1", ..QUESTION },
            Question { integrity: "sha512-y", ..QUESTION },
        ] {
            assert!(!again.is_fresh(other, NOW), "{other:?}");
        }
        assert!(!Asked::new(&store, None).is_fresh(QUESTION, NOW));
        assert!(!Asked::new(&store, Some(&folder.path().join("other"))).is_fresh(QUESTION, NOW));
    }

    #[test]
    fn nobody_else_can_say_that_a_server_was_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let asked = Asked::new(folder.path(), Some(&folder.path().join("trust")));
        asked.remember(QUESTION, NOW);
        let path = asked.kept.path(&QUESTION.texts()).expect("a key");
        let good = std::fs::read_to_string(&path).expect("an entry");
        let later = good.replace(&NOW.to_string(), &(NOW + 1).to_string());
        for forged in [later, good.replacen('\n', "", 1), String::new(), format!("x\n{NOW}")] {
            std::fs::write(&path, forged).expect("written");
            assert!(!asked.is_fresh(QUESTION, NOW + 1));
        }
    }

    #[test]
    fn what_is_old_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let asked = Asked::new(folder.path(), Some(&folder.path().join("trust")));
        let other = Question { source: "npm:left@2.0.0", ..QUESTION };
        let day = i64::try_from(ASK_AGAIN.as_secs()).expect("short");
        asked.remember(QUESTION, NOW);
        asked.remember(other, NOW + day);
        asked.sweep(NOW + day).expect("a folder");
        let left = |question: Question<'_>| asked.kept.path(&question.texts()).expect("a key").exists();
        assert_eq!((left(QUESTION), left(other)), (false, true));
    }
}
