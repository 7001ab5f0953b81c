//! [`Budget`]: memory that all jobs share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may be held in memory at once, over all jobs. Who gets none goes by way of the disk, so that the peak is
/// the same for every artifact and nobody waits.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// What keeps the whole process under 64 MiB above its start, beside the buffers of eight jobs.
    pub const DEFAULT: usize = 24 << 20;

    /// A budget of this many bytes.
    pub const fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Takes `bytes` if they are there.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}
