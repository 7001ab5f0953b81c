//! [`Beside`]: a digest that is taken on a second thread, beside whatever else is done with the same bytes.
//!
//! They are received, written, or hashed from another start or with another function meanwhile. One after the other takes
//! twice the time, and for few bytes that is still less than to start a thread.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::{Hasher, Sha256Hasher};

/// A running digest, on a thread of its own once there is much of it.
#[derive(Debug)]
pub struct Beside<H>(Place<H>);

/// What takes a digest.
pub trait Running: Clone + Send + 'static {
    /// Feeds the next bytes.
    fn feed(&mut self, bytes: &[u8]);
}

#[derive(Debug)]
enum Place<H> {
    /// On this thread, of this many bytes; `None` where it stays here.
    Here(H, Option<usize>),
    /// On another.
    There { full: SyncSender<Word<H>>, empty: Receiver<Vec<u8>>, next: Vec<u8>, thread: JoinHandle<H> },
}

/// What the other thread is told.
#[derive(Debug)]
enum Word<H> {
    /// More bytes.
    Bytes(Vec<u8>),
    /// Somebody wants to see how far it is.
    Show(SyncSender<H>),
}

/// Bytes that are hashed before a second thread is worth its start: most packages are shorter, and many are fetched at once.
const SHORT: usize = 4 << 20;

/// Bytes handed over at once, and how many such pieces are under way: what the second thread may lag behind.
const PIECE: usize = 128 << 10;
const PIECES: usize = 8;

impl<H: Running> Beside<H> {
    /// Goes on from what `hasher` was fed.
    pub const fn new(hasher: H) -> Self {
        Self(Place::Here(hasher, Some(0)))
    }

    /// The same without a second thread: for one of several that run at once and have no processor to spare.
    pub const fn staying(hasher: H) -> Self {
        Self(Place::Here(hasher, None))
    }

    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Place::Here(hasher, len) => {
                hasher.feed(bytes);
                let Some(len) = len else { return };
                *len = len.saturating_add(bytes.len());
                if *len > SHORT {
                    // Where no thread starts, the next bytes stay here too.
                    *len = 0;
                    if let Some(there) = there(hasher.clone()) {
                        self.0 = there;
                    }
                }
            }
            Place::There { full, empty, next, .. } => {
                next.extend(bytes);
                if next.len() >= PIECE {
                    let free = empty.try_recv().unwrap_or_default();
                    // The other end only goes away by a panic, which `back` hands on.
                    let _ = full.send(Word::Bytes(std::mem::replace(next, free)));
                }
            }
        }
    }

    /// A copy of the hasher, fed with all that came so far; `None` only where the other thread is gone by a panic.
    pub fn so_far(&self) -> Option<H> {
        match &self.0 {
            Place::Here(hasher, _) => Some(hasher.clone()),
            Place::There { full, next, .. } => {
                let (answer, asked) = sync_channel(1);
                full.send(Word::Show(answer)).ok()?;
                let mut hasher = asked.recv().ok()?;
                hasher.feed(next);
                Some(hasher)
            }
        }
    }

    /// The hasher, fed with all of it.
    pub fn back(self) -> H {
        match self.0 {
            Place::Here(hasher, _) => hasher,
            Place::There { full, next, thread, .. } => {
                let _ = full.send(Word::Bytes(next));
                drop(full);
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}

fn there<H: Running>(mut hasher: H) -> Option<Place<H>> {
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        return None;
    }
    let (full, words) = sync_channel(PIECES);
    let (back, empty) = channel();
    let work = move || {
        for word in words {
            match word {
                Word::Bytes(mut piece) => {
                    hasher.feed(&piece);
                    piece.clear();
                    let _ = back.send(piece);
                }
                Word::Show(answer) => drop(answer.send(hasher.clone())),
            }
        }
        hasher
    };
    let thread = thread::Builder::new().spawn(work).ok()?;
    Some(Place::There { full, empty, next: Vec::new(), thread })
}

impl Running for Hasher {
    fn feed(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Running for Sha256Hasher {
    fn feed(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Integrity, Sha256};

    #[test]
    fn both_ways_give_the_digest() {
        let bytes: Vec<u8> = (0..5_000_011_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
        for len in [0, 1, SHORT, SHORT + 1, SHORT + PIECE + 1, bytes.len()] {
            for step in [7_777, 128 << 10, 1 << 20] {
                let mut beside = Beside::new(Sha256Hasher::default());
                bytes[..len].chunks(step).for_each(|chunk| beside.update(chunk));
                let so_far = beside.so_far().map(Sha256Hasher::finish);
                assert_eq!(so_far, Some(Sha256::of(&bytes[..len])), "{len} bytes by {step}, so far");
                assert_eq!(beside.back().finish(), Sha256::of(&bytes[..len]), "{len} bytes by {step}");
                let mut staying = Beside::staying(Sha256Hasher::default());
                bytes[..len].chunks(step).for_each(|chunk| staying.update(chunk));
                assert!(matches!(&staying.0, Place::Here(..)));
                assert_eq!(staying.back().finish(), Sha256::of(&bytes[..len]), "{len} bytes by {step}, staying");
            }
        }
    }

    #[test]
    fn to_look_ends_nothing() {
        let bytes = vec![7; SHORT + PIECE + 1];
        let mut beside = Beside::new(Hasher::new(Algorithm::Sha512));
        beside.update(&bytes);
        assert_eq!(beside.so_far().map(Hasher::finish), Some(Integrity::of(Algorithm::Sha512, &bytes)));
        beside.update(&bytes);
        let twice = [bytes.as_slice(), bytes.as_slice()].concat();
        assert_eq!(beside.back().finish(), Integrity::of(Algorithm::Sha512, &twice));
    }
}
