//! Dates of the Gregorian calendar, in which a table for a document is dated. No other output has a time of its own.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The date, `YYYY-MM-DD` in UTC, of so many seconds since 1970; of those that no calendar holds, that of 1970.
pub fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC).date().to_string()
}

/// How many days lie between two texts that begin with a date; `None` where one does not.
pub fn days_between(earlier: &str, later: &str) -> Option<i64> {
    let date = |text: &str| text.get(..10)?.parse::<Date>().ok();
    Some(i64::from((date(later)? - date(earlier)?).get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), expected);
            assert_eq!(days_between("1970-01-01", expected), Some(seconds / 86_400), "{expected}");
        }
        assert_eq!(days_between("2024-02-28T23:59:59Z", "2024-03-01"), Some(2));
        for text in ["", "2024", "2024-13-01", "2024-01-00", "20240-1-01", "-024-01-01", "2024-01-0é"] {
            assert_eq!(days_between(text, "2024-01-01"), None, "{text}");
        }
    }
}
