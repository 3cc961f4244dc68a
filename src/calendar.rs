//! Days, working days, and when a period ends. Pure: the calendar is data, the day from which one counts an argument.

use std::collections::BTreeSet;
use std::fmt;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use crate::message::{Language, Message};

/// Which days courts and banks work: Monday to Friday, and what the State Council's yearly arrangement changes in it
/// (节假日安排: days off, and weekends worked instead, 调休). A year that it does not know has weekends only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    years: BTreeSet<i16>,
    holidays: BTreeSet<Date>,
    workdays: BTreeSet<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarFile {
    year: Vec<YearRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearRow {
    year: i16,
    /// The announcement, for the reader of the file.
    #[serde(rename = "source")]
    _source: String,
    holidays: Vec<String>,
    workdays: Vec<String>,
}

impl Calendar {
    /// Knows of no holiday.
    #[must_use]
    pub fn weekends_only() -> Self {
        Self::default()
    }

    /// Reads a calendar: for each `[[year]]` its number, `source`, `holidays` and `workdays`, days or spans of days
    /// (`"2026-02-15..2026-02-23"`, both ends included).
    ///
    /// # Errors
    /// `calendar.file` (not such a file, with the line), `calendar.year_twice`, `calendar.day` (no day, or not of its
    /// year), `calendar.workday_is_weekday` (a weekday needs no entry to be worked: a slip), `calendar.both`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let file: CalendarFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Message::new("calendar.file").with("line", before.split('\n').count()).with("detail", error.message())
        })?;
        let mut calendar = Self::default();
        for row in &file.year {
            if !calendar.years.insert(row.year) {
                return Err(Message::new("calendar.year_twice").with("year", row.year));
            }
            for entry in &row.holidays {
                calendar.holidays.extend(days_of(entry, row.year)?);
            }
            for entry in &row.workdays {
                calendar.workdays.extend(days_of(entry, row.year)?);
            }
        }
        if let Some(day) = calendar.workdays.iter().find(|day| !is_weekend(**day)) {
            return Err(Message::new("calendar.workday_is_weekday").with("day", day));
        }
        if let Some(day) = calendar.workdays.intersection(&calendar.holidays).next() {
            return Err(Message::new("calendar.both").with("day", day));
        }
        Ok(calendar)
    }

    /// Whether the arrangement of a year is known.
    #[must_use]
    pub fn knows(&self, year: i16) -> bool {
        self.years.contains(&year)
    }

    /// Whether courts and banks work that day.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> bool {
        self.workdays.contains(&day) || !(is_weekend(day) || self.holidays.contains(&day))
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn days_of(entry: &str, year: i16) -> Result<Vec<Date>, Message> {
    let refused = || Message::new("calendar.day").with("day", entry.escape_debug()).with("year", year);
    let (first, last) = entry.split_once("..").unwrap_or((entry, entry));
    let (first, last): (Date, Date) = (first.parse().map_err(|_| refused())?, last.parse().map_err(|_| refused())?);
    if first > last || first.year() != year || last.year() != year {
        return Err(refused());
    }
    Ok(first.series(1.day()).take_while(|day| *day <= last).collect())
}

/// In what a period is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Days of the calendar.
    Days,
    /// Days that courts and banks work.
    WorkingDays,
    /// Months.
    Months,
    /// Years.
    Years,
}

/// A length of time as laws and orders state it: `30d`, `10wd`, `6m`, `1y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Period {
    /// How many, from 1.
    pub count: u16,
    /// Of what.
    pub unit: Unit,
}

impl Period {
    /// Reads `30d`, `10wd`, `6m`, `1y`.
    ///
    /// # Errors
    /// `calendar.period`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let refused = || Message::new("calendar.period").with("text", text.escape_debug());
        let split = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(refused)?;
        let unit = match &text[split..] {
            "d" => Unit::Days,
            "wd" => Unit::WorkingDays,
            "m" => Unit::Months,
            "y" => Unit::Years,
            _ => return Err(refused()),
        };
        let count = text[..split].parse().ok().filter(|count| *count > 0).ok_or_else(refused)?;
        Ok(Self { count, unit })
    }

    /// In words.
    #[must_use]
    pub fn message(self) -> Message {
        let code = match (self.unit, self.count) {
            (Unit::Days, 1) => "calendar.one_day",
            (Unit::Days, _) => "calendar.days",
            (Unit::WorkingDays, 1) => "calendar.one_working_day",
            (Unit::WorkingDays, _) => "calendar.working_days",
            (Unit::Months, 1) => "calendar.one_month",
            (Unit::Months, _) => "calendar.months",
            (Unit::Years, 1) => "calendar.one_year",
            (Unit::Years, _) => "calendar.years",
        };
        Message::new(code).with("count", self.count)
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|message| message.text(Language::En))
    }
}

/// As [`Period::parse`] reads it.
impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "d",
            Unit::WorkingDays => "wd",
            Unit::Months => "m",
            Unit::Years => "y",
        };
        write!(out, "{}{unit}", self.count)
    }
}

/// What becomes of a last day on which nobody works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OnHoliday {
    /// 顺延至其后第一个工作日 · Moves to the first working day after it: Civil Code 203, CPC 85
    Moves,
    /// 不顺延 · Stays
    Stays,
}

impl OnHoliday {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Moves => "calendar.moves",
            Self::Stays => "calendar.stays",
        })
    }
}

/// When a period ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The last day; the period runs until its 24:00 (Civil Code 203).
    pub last_day: Date,
    /// The last day as counted, where a holiday moved it.
    pub moved_from: Option<Date>,
    /// Years in which working days had to be told by weekends alone.
    pub unknown_years: Vec<i16>,
}

/// The last day of a period that begins on `start`. The day on which it begins is not counted (Civil Code 201); months and
/// years end on the day of the same number, else on the month's last (202); a holiday moves the last day (203, and CPC
/// 85) if it moves at all. Holidays in between count, except in working days.
///
/// # Errors
/// `calendar.out_of_range`: past the year 9999.
pub fn end(start: Date, period: Period, on_holiday: OnHoliday, calendar: &Calendar) -> Result<End, Message> {
    let out_of_range = || Message::new("calendar.out_of_range").with("day", start);
    let count = i64::from(period.count);
    let plain = |span: jiff::Span| start.checked_add(span).map_err(|_| out_of_range());
    // jiff cuts a day that the month does not have to the month's last, as article 202 does.
    let counted = match period.unit {
        Unit::Days => plain(count.days())?,
        Unit::Months => plain(count.months())?,
        Unit::Years => plain(count.years())?,
        Unit::WorkingDays => {
            let mut day = start;
            for _ in 0..count {
                day = day.tomorrow().map_err(|_| out_of_range())?;
                while !calendar.is_working_day(day) {
                    day = day.tomorrow().map_err(|_| out_of_range())?;
                }
            }
            day
        }
    };
    let mut last_day = counted;
    while on_holiday == OnHoliday::Moves && !calendar.is_working_day(last_day) {
        last_day = last_day.tomorrow().map_err(|_| out_of_range())?;
    }
    let asked_from = match (period.unit, on_holiday) {
        (Unit::WorkingDays, _) => start.tomorrow().ok().map(Date::year),
        (_, OnHoliday::Moves) => Some(counted.year()),
        (_, OnHoliday::Stays) => None,
    };
    let unknown_years = asked_from
        .map(|first| (first..=last_day.year()).filter(|year| !calendar.knows(*year)).collect())
        .unwrap_or_default();
    Ok(End { last_day, moved_from: (last_day != counted).then_some(counted), unknown_years })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    /// Invented: what matters is the form.
    const INVENTED: &str = r#"
        [[year]]
        year = 2026
        source = "虚构的安排"
        holidays = ["2026-10-01..2026-10-07", "2026-11-23"]
        workdays = ["2026-10-10"]
    "#;

    fn ends(start: &str, period: &str, on_holiday: OnHoliday, calendar: &Calendar) -> String {
        let period = Period::parse(period).unwrap();
        end(start.parse().unwrap(), period, on_holiday, calendar).unwrap().last_day.to_string()
    }

    #[test]
    fn periods_end_as_the_civil_code_says() {
        let bare = Calendar::weekends_only();
        for (start, period, last) in [
            // 201: the day on which it begins is not counted.
            ("2026-11-02", "1d", "2026-11-03"),
            ("2026-11-02", "15d", "2026-11-17"),
            // 202: the corresponding day, else the month's last.
            ("2025-03-01", "1y", "2026-03-01"),
            ("2024-02-29", "1y", "2025-02-28"),
            ("2024-02-29", "4y", "2028-02-29"),
            ("2026-01-31", "1m", "2026-02-28"),
            ("2026-08-31", "6m", "2027-02-28"),
        ] {
            assert_eq!(ends(start, period, OnHoliday::Stays, &bare), last, "{start} {period}");
        }
        // 203, 2026-11-21 is a Saturday.
        assert_eq!(ends("2026-11-06", "15d", OnHoliday::Stays, &bare), "2026-11-21");
        assert_eq!(ends("2026-11-06", "15d", OnHoliday::Moves, &bare), "2026-11-23");
    }

    #[test]
    fn a_calendar_moves_last_days_and_counts_working_days() {
        let calendar = Calendar::parse(INVENTED).unwrap();
        assert_eq!(ends("2026-11-06", "15d", OnHoliday::Moves, &calendar), "2026-11-24", "Monday is off too");
        // 2026-09-30 is a Wednesday; Thursday to Wednesday off; Saturday the 10th is worked.
        assert_eq!(ends("2026-09-30", "1wd", OnHoliday::Moves, &calendar), "2026-10-08");
        assert_eq!(ends("2026-09-30", "3wd", OnHoliday::Moves, &calendar), "2026-10-10");
        assert_eq!(ends("2026-09-30", "4wd", OnHoliday::Moves, &calendar), "2026-10-12");
        assert_eq!(ends("2026-09-30", "3wd", OnHoliday::Moves, &Calendar::weekends_only()), "2026-10-05");
        // 10 days end on the worked Saturday: it does not move.
        assert_eq!(ends("2026-09-30", "10d", OnHoliday::Moves, &calendar), "2026-10-10");
    }

    #[test]
    fn what_was_told_by_weekends_alone_is_said() {
        let calendar = Calendar::parse(INVENTED).unwrap();
        let period = Period { count: 3, unit: Unit::WorkingDays };
        let over_new_year = end(date(2026, 12, 30), period, OnHoliday::Moves, &calendar).unwrap();
        assert_eq!((over_new_year.last_day, over_new_year.unknown_years), (date(2027, 1, 4), vec![2027]));
        let new_year_eve = Period { count: 1, ..period };
        let eve = end(date(2025, 12, 31), new_year_eve, OnHoliday::Moves, &calendar).unwrap();
        assert!(eve.unknown_years.is_empty(), "the day on which it begins is not asked for");
        let known = end(date(2026, 11, 2), period, OnHoliday::Moves, &calendar).unwrap();
        assert!(known.unknown_years.is_empty());
        let year = Period { count: 1, unit: Unit::Years };
        assert!(end(date(2026, 1, 1), year, OnHoliday::Stays, &calendar).unwrap().unknown_years.is_empty());
        let moved = end(date(2026, 9, 26), Period { count: 7, unit: Unit::Days }, OnHoliday::Moves, &calendar).unwrap();
        assert_eq!((moved.last_day, moved.moved_from), (date(2026, 10, 8), Some(date(2026, 10, 3))));
    }

    #[test]
    fn a_wrong_calendar_is_refused() {
        let year = "[[year]]\nyear = 2026\nsource = \"x\"\n";
        for (text, code) in [
            ("years = 1".to_owned(), "calendar.file"),
            (format!("{year}holidays = []\n"), "calendar.file"),
            (
                format!("{year}holidays = []\nworkdays = []\n{year}holidays = []\nworkdays = []\n"),
                "calendar.year_twice",
            ),
            (format!("{year}holidays = [\"2025-10-01\"]\nworkdays = []\n"), "calendar.day"),
            (format!("{year}holidays = [\"2026-02-30\"]\nworkdays = []\n"), "calendar.day"),
            (format!("{year}holidays = [\"2026-10-03..2026-10-01\"]\nworkdays = []\n"), "calendar.day"),
            (format!("{year}holidays = []\nworkdays = [\"2026-10-12\"]\n"), "calendar.workday_is_weekday"),
            (format!("{year}holidays = [\"2026-10-10\"]\nworkdays = [\"2026-10-10\"]\n"), "calendar.both"),
        ] {
            assert_eq!(Calendar::parse(&text).unwrap_err().code, code, "{text}");
        }
        for text in ["", "d", "0d", "3", "3x", "-3d", "3 d", "70000d"] {
            assert_eq!(Period::parse(text).unwrap_err().code, "calendar.period", "{text}");
        }
        let long = Period { count: 9_000, unit: Unit::Years };
        let refused = end(date(2026, 1, 1), long, OnHoliday::Stays, &Calendar::weekends_only()).unwrap_err();
        assert_eq!(refused.code, "calendar.out_of_range");
    }

    fn units() -> impl Strategy<Value = Unit> {
        prop::sample::select(vec![Unit::Days, Unit::WorkingDays, Unit::Months, Unit::Years])
    }

    proptest! {
        #[test]
        fn longer_periods_end_later(days in 0_i32..20_000, count in 1_u16..60, unit in units()) {
            let calendar = Calendar::parse(INVENTED).unwrap();
            let start = date(1990, 1, 1).checked_add(days.days()).unwrap();
            let ends = |count| end(start, Period { count, unit }, OnHoliday::Moves, &calendar).unwrap().last_day;
            prop_assert!(start < ends(count) && ends(count) <= ends(count + 1));
            prop_assert!(calendar.is_working_day(ends(count)));
        }

        #[test]
        fn later_starts_end_no_sooner(days in 0_i32..20_000, count in 1_u16..60, unit in units()) {
            let calendar = Calendar::weekends_only();
            let start = date(1990, 1, 1).checked_add(days.days()).unwrap();
            let ends = |start| end(start, Period { count, unit }, OnHoliday::Moves, &calendar).unwrap().last_day;
            prop_assert!(ends(start) <= ends(start.tomorrow().unwrap()));
        }

        #[test]
        fn periods_read_back(count in 1_u16.., unit in units()) {
            let period = Period { count, unit };
            prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
        }
    }
}
