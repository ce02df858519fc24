//! Durations as people write them, moments as people read them. Moments are in UTC.

use crate::types::Millis;
use crate::types::time::{DAY, HOUR, MINUTE, SECOND};

/// A duration such as `90s`, `15m`, `12h`, `7d` or `2w`.
pub fn parse_duration(text: &str) -> Result<Millis, String> {
    let wrong = || format!("“{text}” is not a duration: write a number and s, m, h, d or w, such as 7d");
    let text = text.trim();
    let (digits, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let unit = match unit {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|ms| (1..=DURATION_MAX).contains(ms)).ok_or_else(wrong)
}

/// Longer is a mistake.
const DURATION_MAX: Millis = 10 * 365 * DAY;

/// `2026-11-14`.
pub fn day(at: Millis) -> String {
    let (year, month, day) = civil(at / DAY);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `14 Nov`.
pub fn short_day(at: Millis) -> String {
    let (_, month, day) = civil(at / DAY);
    let name = MONTHS.get(month.saturating_sub(1) as usize).copied().unwrap_or_default();
    format!("{day} {name}")
}

/// `18:55`.
pub fn clock(at: Millis) -> String {
    format!("{:02}:{:02}", at % DAY / HOUR, at % HOUR / MINUTE)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month and day of a count of days since the Unix epoch (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.min(DAYS_MAX) + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// The year 9999 and a little more: a clock that says so is wrong anyway.
const DAYS_MAX: u64 = 3_000_000;
