//! Dates of ISO 8601, as periods: `2026-01` is all of January.

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Days from 1970-01-01 to a day of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01 (the same source).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads digits and what separates them.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// As many digits, up to a largest number.
    fn digits(&mut self, count: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut number = 0;
        for digit in digits {
            number = number * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        self.0 = rest;
        range.contains(&number).then_some(number)
    }

    fn skip(&mut self, bytes: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if bytes.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}

/// The first and the last millisecond of a period since 1970, read by a clock that is so far ahead of UTC unless the text says otherwise.
pub(in crate::index) fn period(text: &str, offset_minutes: i32) -> Option<(i64, i64)> {
    let mut from = Reader(text.as_bytes());
    let mut offset = i64::from(offset_minutes) * MINUTE_MS;
    let year = from.digits(4, 0..=9999)?;
    let (start, length);
    if !from.skip(b"-") {
        start = days(year, 1, 1) * DAY_MS;
        length = days(year + 1, 1, 1) * DAY_MS - start;
    } else {
        let month = from.digits(2, 1..=12)?;
        let first = days(year, month, 1);
        let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
        if !from.skip(b"-") {
            start = first * DAY_MS;
            length = (next - first) * DAY_MS;
        } else {
            let day = from.digits(2, 1..=next - first)?;
            let midnight = (first + day - 1) * DAY_MS;
            if !from.skip(b"Tt") {
                start = midnight;
                length = DAY_MS;
            } else {
                let mut time = from.digits(2, 0..=23)? * 60 * MINUTE_MS;
                from.skip(b":").then_some(())?;
                time += from.digits(2, 0..=59)? * MINUTE_MS;
                let mut unit = MINUTE_MS;
                if from.skip(b":") {
                    time += from.digits(2, 0..=59)? * 1_000;
                    unit = 1_000;
                    if from.skip(b".") {
                        while unit > 1 && from.0.first().is_some_and(u8::is_ascii_digit) {
                            unit /= 10;
                            time += from.digits(1, 0..=9)? * unit;
                        }
                    }
                }
                if from.skip(b"Zz") {
                    offset = 0;
                } else if let Some(sign) = from.0.first().filter(|sign| b"+-".contains(sign)) {
                    let ahead = if *sign == b'+' { 1 } else { -1 };
                    from.skip(b"+-");
                    offset = from.digits(2, 0..=23)? * 60;
                    if from.skip(b":") || !from.0.is_empty() {
                        offset += from.digits(2, 0..=59)?;
                    }
                    offset *= ahead * MINUTE_MS;
                }
                start = midnight + time;
                length = unit;
            }
        }
    }
    from.0.is_empty().then_some((start - offset, start - offset + length - 1))
}

/// A millisecond as a date that [`period`] reads as just this; none outside of the years 0 to 9999.
pub(super) fn write(ms: f64) -> Option<String> {
    let whole = ms as i64;
    let (year, month, day) = date(whole.div_euclid(DAY_MS));
    let of_day = whole.rem_euclid(DAY_MS);
    let (minutes, rest) = (of_day / MINUTE_MS, of_day % MINUTE_MS);
    let (hour, minute, second, milli) = (minutes / 60, minutes % 60, rest / 1_000, rest % 1_000);
    (whole as f64 == ms && (0..=9999).contains(&year))
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_read_as_written() {
        let mut expected = -719_528;
        for year in 0..=9999 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for (month, length) in (1..).zip([31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for day in 1..=length {
                    assert_eq!((days(year, month, day), date(expected)), (expected, (year, month, day)));
                    expected += 1;
                }
                let bad = format!("{year:04}-{month:02}-{:02}", length + 1);
                assert_eq!(period(&bad, 0), None, "{bad}");
            }
        }
    }

    #[test]
    fn a_date_is_all_of_itself() {
        let start = 1_767_225_600_000; // 2026-01-01
        for (text, from, length) in [
            ("2026", 0, 365 * DAY_MS),
            ("2026-01", 0, 31 * DAY_MS),
            ("2026-01-01", 0, DAY_MS),
            ("2026-01-02t03:04", DAY_MS + 184 * MINUTE_MS, MINUTE_MS),
            ("2026-01-01T00:00:01", 1_000, 1_000),
            ("2026-01-01T00:00:01.5", 1_500, 100),
            ("2026-01-01T00:00:01.050", 1_050, 1),
        ] {
            assert_eq!(period(text, 0), Some((start + from, start + from + length - 1)), "{text}");
            // Further east the day begins earlier.
            assert_eq!(period(text, 60).unwrap().0, start + from - 60 * MINUTE_MS, "{text}");
        }
        for (text, from) in [("Z", 0), ("+01:30", -90), ("-0130", 90), ("+02", -120)] {
            let text = format!("2026-01-01T00:00{text}");
            assert_eq!(period(&text, 7).unwrap().0, start + from * MINUTE_MS, "{text}");
        }
        for bad in [
            "",
            "26",
            "2026-",
            "2026-1",
            "2026-00",
            "2026-13",
            "2026-01-00",
            "2026-01-01T",
            "2026-01-01T24:00",
            "2026-01-01T00:60",
        ] {
            assert_eq!(period(bad, 0), None, "{bad}");
        }
        for bad in [
            "2026-01-01T00:00:60",
            "2026-01-01T00:00:00.0000",
            "2026-01-01T00:00+1",
            "2026-01-01T00:00Zz",
            "２０２６",
            "2026-01-01 ",
        ] {
            assert_eq!(period(bad, 0), None, "{bad}");
        }
        assert_eq!(write(1_767_225_600_001.0).unwrap(), "2026-01-01T00:00:00.001Z");
        assert_eq!((write(f64::NAN), write(0.5), write(1e300)), (None, None, None));
    }
}
