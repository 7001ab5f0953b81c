//! [`Pace`]: whether a body comes too slowly.

use std::time::Duration;

use super::LowSpeed;

/// How fast a body comes, window by window; only time spent waiting for it counts.
#[derive(Default)]
pub(super) struct Pace {
    waited: Duration,
    bytes: u128,
}

impl Pace {
    /// Whether it is too slow, after so many bytes more that were waited for so long.
    pub(super) fn is_too_slow(&mut self, length: usize, waited: Duration, least: LowSpeed) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(u128::try_from(length).unwrap_or(u128::MAX));
        if self.waited < least.window {
            return false;
        }
        let enough = u128::from(least.bytes_per_second).saturating_mul(self.waited.as_millis()) / 1000;
        let too_slow = self.bytes < enough;
        *self = Self::default();
        too_slow
    }
}
