//! Dates of the Gregorian calendar, in which a table for a document is dated. No other output has a time of its own.

/// The date, `YYYY-MM-DD` in UTC, of so many seconds since 1970.
pub fn date(seconds: u64) -> String {
    let days = i64::try_from(seconds / DAY).unwrap_or(0);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// How many days lie between two texts that begin with a date; `None` where one does not.
pub fn days_between(earlier: &str, later: &str) -> Option<i64> {
    Some(days(later)?.saturating_sub(days(earlier)?))
}

/// Days since 1970; days_from_civil of the same source.
fn days(text: &str) -> Option<i64> {
    let text = text.get(..10).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))?;
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if year > 9999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || parts.next().is_some() {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Seconds of a day.
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (DAY - 1, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), expected);
            assert_eq!(days(expected), i64::try_from(seconds / DAY).ok(), "{expected}");
        }
        assert_eq!(days_between("2024-02-28T23:59:59Z", "2024-03-01"), Some(2));
        for text in ["", "2024", "2024-13-01", "2024-01-00", "20240-1-01", "-024-01-01", "2024-01-0é"] {
            assert_eq!(days_between(text, "2024-01-01"), None, "{text}");
        }
    }
}
