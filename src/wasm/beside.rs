//! The digest of the whole file, taken beside the hash that signatures are over.
//!
//! The two are over the same bytes from different starts, and neither follows from the other. Taken one after the other
//! they would double the time of a check, so a long file's digest is taken on a second thread.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use crate::digest::{Sha256, Sha256Hasher};

/// A running digest.
pub(super) enum Beside {
    /// On this thread, of this many bytes.
    Here(Sha256Hasher, usize),
    /// On another.
    There { full: SyncSender<Vec<u8>>, empty: Receiver<Vec<u8>>, next: Vec<u8>, thread: JoinHandle<Sha256> },
}

/// Bytes that are hashed before a second thread is worth its start.
const SHORT: usize = 1 << 20;

/// Bytes handed over at once, and how many such pieces are under way: what the second thread may lag behind.
const PIECE: usize = 128 << 10;
const PIECES: usize = 8;

impl Beside {
    pub(super) fn new() -> Self {
        Self::Here(Sha256Hasher::default(), 0)
    }

    /// Feeds the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Here(hasher, len) => {
                hasher.update(bytes);
                *len = len.saturating_add(bytes.len());
                if *len > SHORT {
                    // Once: where no thread starts, all stays here.
                    *len = 0;
                    let hasher = hasher.clone();
                    if let Some(there) = Self::there(hasher) {
                        *self = there;
                    }
                }
            }
            Self::There { full, empty, next, .. } => {
                next.extend(bytes);
                if next.len() >= PIECE {
                    let free = empty.try_recv().unwrap_or_default();
                    // The other end only goes away by a panic, which `finish` hands on.
                    let _ = full.send(std::mem::replace(next, free));
                }
            }
        }
    }

    fn there(mut hasher: Sha256Hasher) -> Option<Self> {
        if thread::available_parallelism().map_or(1, usize::from) < 2 {
            return None;
        }
        let (full, pieces) = sync_channel::<Vec<u8>>(PIECES);
        let (back, empty) = channel();
        let work = move || {
            for mut piece in pieces {
                hasher.update(&piece);
                piece.clear();
                let _ = back.send(piece);
            }
            hasher.finish()
        };
        let thread = thread::Builder::new().spawn(work).ok()?;
        Some(Self::There { full, empty, next: Vec::new(), thread })
    }

    /// The digest of all that was fed.
    pub(super) fn finish(self) -> Sha256 {
        match self {
            Self::Here(hasher, _) => hasher.finish(),
            Self::There { full, next, thread, .. } => {
                let _ = full.send(next);
                drop(full);
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_digest() {
        let bytes: Vec<u8> = (0..5_000_011_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
        for len in [0, 1, SHORT, SHORT + 1, SHORT + PIECE + 1, bytes.len()] {
            for step in [7_777, 128 << 10, 1 << 20] {
                let mut beside = Beside::new();
                bytes[..len].chunks(step).for_each(|chunk| beside.update(chunk));
                assert_eq!(beside.finish(), Sha256::of(&bytes[..len]), "{len} bytes by {step}");
            }
        }
    }
}
