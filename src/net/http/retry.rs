//! When to try again: the pause between two attempts, and the clock that measures it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant, SystemTime};

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// How often a URL is tried, unless the rules say otherwise.
pub const ATTEMPTS: u32 = 4;
/// How many bytes more than ever before make an attempt one that got somewhere: with it, the count of [`ATTEMPTS`] begins
/// anew.
pub const PROGRESS: u64 = 64 << 10;
/// How often a URL is tried where attempts get somewhere: a gigabyte in pieces of 16 MiB, and an end to servers that hand
/// out crumbs.
pub const MAX_PARTS: u32 = 64;
/// How long a server's `Retry-After` is heeded: who asks for more is asked again sooner, or given up.
pub const RETRY_AFTER_CAP: Duration = Duration::from_secs(30);

/// Time, as far as a download needs it; tests have their own.
pub trait Clock: Sync {
    /// Now, for measuring.
    fn now(&self) -> Instant;
    /// Now by the calendar, for an HTTP date.
    fn calendar(&self) -> SystemTime;
    /// The same in seconds since 1970, which is where a clock that is set before it stays.
    fn seconds(&self) -> i64 {
        let since = self.calendar().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
    /// Waits.
    fn sleep(&self, pause: Duration);
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

/// Pauses that double, each shortened at random so that clients which failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
}

impl Default for Backoff {
    /// 0.5 s, 1 s, 2 s … 10 s: a restarting server needs seconds, a person watching has no minutes.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The pause after the attempt of this number, counted from 1: between half and all of its full length.
    pub fn pause(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.first.saturating_mul(doubled).min(self.most);
        let half = full / 2;
        // A fresh `RandomState` is seeded by the system: the only randomness in the standard library.
        let random = u32::try_from(RandomState::new().hash_one(attempt) % 1024).unwrap_or_default();
        half + half * random / 1024
    }
}

/// The pause that a `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date. `None` for anything else.
pub(super) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(http_date(text)?))?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`: the one form of date that servers may still send (RFC 9110,
/// section 5.6.7).
fn http_date(text: &str) -> Option<u64> {
    let (_weekday, date) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let date = strtime::parse("%d %b %Y %H:%M:%S", date).ok()?.to_datetime().ok()?;
    u64::try_from(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(5) };
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (4, 5), (40, 5)] {
            let full = Duration::from_secs(full);
            let pause = backoff.pause(attempt);
            assert!(pause >= full / 2 && pause <= full, "{attempt}: {pause:?}");
        }
        let pauses: std::collections::BTreeSet<Duration> = (0..20).map(|_| backoff.pause(1)).collect();
        assert!(pauses.len() > 1, "no jitter");
    }

    #[test]
    fn reads_http_dates() {
        // RFC 9110's own example, and `date -u -d @N` for the others.
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(http_date("Sun, 01 Mar 2026 00:00:00 GMT"), Some(1_772_323_200));
        // The weekday says nothing that the date does not, and a leap second is the one before it.
        assert_eq!(http_date("Mon, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_799));
        for bad in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_retry_after() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999999999999999", now), Some(Duration::MAX));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("-1", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
