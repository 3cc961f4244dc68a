//! Terms (期限): how long a freeze lasts and by when things must be done, as data in `terms.toml`; reckoned by
//! [`crate::calendar`].

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::{Text, from_toml, wrong_rules};
use crate::calendar::{self, Calendar, End, OnHoliday, Period, Unit};
use crate::message::Message;

/// The terms that are built in.
pub const STANDARD: &str = include_str!("terms.toml");

/// The name of the time in which unattributed money (待认领款) should find its case.
pub const UNATTRIBUTED: &str = "unattributed";

/// Terms by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Which text of the law they follow.
    pub version: String,
    /// In the order of the file.
    #[serde(rename = "term")]
    pub all: Vec<Term>,
    /// Law and article of what all have in common.
    pub sources: Sources,
}

/// The articles that all terms have in common.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// How periods are reckoned.
    pub reckoning: Text,
    /// By when a renewal is asked for.
    pub renewal: Text,
}

/// How long something lasts, or within which time it is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// `freeze_deposit`, `payout`…
    pub name: String,
    /// In words.
    pub title: Text,
    /// How long.
    pub period: Period,
    /// Whether a last day on which nobody works moves.
    pub on_holiday: OnHoliday,
    /// Whether an order may set less and never more: a freeze.
    #[serde(default)]
    pub is_limit: bool,
    /// So long before the end a renewal is to be asked for, in preservation.
    pub renewal: Option<Period>,
    /// Kinds of assets (`assets::AssetKind`) whose freeze it limits.
    #[serde(default)]
    pub assets: Vec<String>,
    /// Law and article.
    pub source: Text,
}

/// A term that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reckoned {
    /// From this day, which is not counted.
    pub start: Date,
    /// How long.
    pub period: Period,
    /// What becomes of a last day on which nobody works.
    pub on_holiday: OnHoliday,
    /// When it ends.
    pub end: End,
    /// The day by which a renewal is to be asked for.
    pub renew_by: Option<Date>,
}

impl Terms {
    /// Reads terms.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (a name that stands twice, a renewal that is not in days).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let terms: Self = from_toml(text)?;
        for (place, term) in terms.all.iter().enumerate() {
            if terms.all[..place].iter().any(|other| other.name == term.name) {
                return Err(wrong_rules(format!("{} × 2", term.name)));
            }
            if term.renewal.is_some_and(|renewal| renewal.unit != Unit::Days) {
                return Err(wrong_rules(format!("{}: renewal", term.name)));
            }
        }
        Ok(terms)
    }

    /// A term by its name.
    ///
    /// # Errors
    /// `calc.term_unknown`, with those that there are.
    pub fn find(&self, name: &str) -> Result<&Term, Message> {
        self.all.iter().find(|term| term.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.all.iter().map(|term| term.name.as_str()).collect();
            Message::new("calc.term_unknown").with("name", name.escape_debug()).with("known", known.join(", "))
        })
    }
}

impl Term {
    /// When the term ends that begins on `start`: with its own period, or the one that an order or a court's own rule
    /// sets instead; holidays as it says, or as `on_holiday` does.
    ///
    /// # Errors
    /// `calc.term_too_long` (longer than the law allows), `calendar.out_of_range`.
    pub fn reckon(
        &self,
        start: Date,
        period: Option<Period>,
        on_holiday: Option<OnHoliday>,
        calendar: &Calendar,
    ) -> Result<Reckoned, Message> {
        let on_holiday = Some(on_holiday.unwrap_or(self.on_holiday));
        let most = Reckoned::own(start, self.period, on_holiday, calendar)?;
        let mut reckoned = match period {
            None => most,
            Some(period) => {
                let shorter = Reckoned::own(start, period, on_holiday, calendar)?;
                if self.is_limit && shorter.end.last_day > most.end.last_day {
                    let message = Message::new("calc.term_too_long").with("day", shorter.end.last_day);
                    return Err(message.with("most", most.end.last_day));
                }
                shorter
            }
        };
        let last_day = reckoned.end.last_day;
        reckoned.renew_by = self.renewal.and_then(|renewal| last_day.checked_sub(i64::from(renewal.count).days()).ok());
        Ok(reckoned)
    }
}

impl Reckoned {
    /// When a period of no rule ends. It is one of procedure unless `on_holiday` says otherwise: its last day moves.
    ///
    /// # Errors
    /// `calendar.out_of_range`.
    pub fn own(
        start: Date,
        period: Period,
        on_holiday: Option<OnHoliday>,
        calendar: &Calendar,
    ) -> Result<Self, Message> {
        let on_holiday = on_holiday.unwrap_or(OnHoliday::Moves);
        let end = calendar::end(start, period, on_holiday, calendar)?;
        Ok(Self { start, period, on_holiday, end, renew_by: None })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn terms() -> Terms {
        Terms::parse(STANDARD).unwrap()
    }

    fn last_day(name: &str, start: Date) -> String {
        let reckoned = terms().find(name).unwrap().reckon(start, None, None, &Calendar::weekends_only());
        reckoned.unwrap().end.last_day.to_string()
    }

    #[test]
    fn freezes_last_one_two_and_three_years() {
        // 2026-03-01 is a Sunday: a freeze does not move.
        assert_eq!(last_day("freeze_deposit", date(2025, 3, 1)), "2026-03-01");
        assert_eq!(last_day("freeze_movable", date(2025, 3, 1)), "2027-03-01");
        assert_eq!(last_day("freeze_other", date(2025, 3, 1)), "2028-03-01");
        assert_eq!(last_day("freeze_deposit", date(2024, 2, 29)), "2025-02-28");
    }

    #[test]
    fn renewal_is_asked_for_seven_days_before() {
        let terms = terms();
        let deposit = terms.find("freeze_deposit").unwrap();
        let reckoned = deposit.reckon(date(2025, 3, 1), None, None, &Calendar::weekends_only()).unwrap();
        assert_eq!(reckoned.renew_by, Some(date(2026, 2, 22)));
    }

    #[test]
    fn an_order_may_freeze_for_less_and_never_for_more() {
        let terms = terms();
        let deposit = terms.find("freeze_deposit").unwrap();
        let reckon = |period: &str| {
            let period = Some(Period::parse(period).unwrap());
            deposit.reckon(date(2025, 3, 1), period, None, &Calendar::weekends_only())
        };
        assert_eq!(reckon("6m").unwrap().end.last_day, date(2025, 9, 1));
        assert_eq!(reckon("12m").unwrap().end.last_day, date(2026, 3, 1));
        assert_eq!(reckon("366d").unwrap_err().code, "calc.term_too_long");
        // A court's own rule may give longer than the default where nothing forbids it.
        let payout = terms.find("payout").unwrap();
        let period = Some(Period::parse("45d").unwrap());
        assert!(payout.reckon(date(2025, 3, 1), period, None, &Calendar::weekends_only()).is_ok());
    }

    #[test]
    fn deadlines_of_procedure_move_off_the_weekend() {
        // 2026-11-21 is a Saturday.
        assert_eq!(last_day("plan_objection", date(2026, 11, 6)), "2026-11-23");
        assert_eq!(last_day("payout", date(2026, 10, 22)), "2026-11-23");
        assert_eq!(last_day("unattributed", date(2026, 11, 18)), "2026-11-21");
        // Kangbao: ten working days.
        let terms = terms();
        let period = Some(Period::parse("10wd").unwrap());
        let reckoned =
            terms.find("payout").unwrap().reckon(date(2026, 11, 6), period, None, &Calendar::weekends_only());
        assert_eq!(reckoned.unwrap().end.last_day, date(2026, 11, 20));
        // Jinan: fifteen, from the identity check; and Sanyuan: a month.
        let own = |period: &str| {
            let period = Period::parse(period).unwrap();
            Reckoned::own(date(2026, 11, 6), period, None, &Calendar::weekends_only()).unwrap().end.last_day
        };
        assert_eq!((own("15wd"), own("1m")), (date(2026, 11, 27), date(2026, 12, 7)));
    }

    #[test]
    fn wrong_terms_are_refused() {
        assert_eq!(terms().find("freeze").unwrap_err().code, "calc.term_unknown");
        for (from, to, code) in [
            ("name = \"payout\"", "name = \"plan_suit\"", "calc.rules"),
            ("renewal = \"7d\"", "renewal = \"1m\"", "calc.rules"),
            ("period = \"1y\"", "period = \"a year\"", "calc.file"),
        ] {
            assert_eq!(Terms::parse(&STANDARD.replace(from, to)).unwrap_err().code, code, "{to}");
        }
    }

    proptest! {
        #[test]
        fn a_later_start_never_ends_sooner(days in 0_i32..20_000, place in 0_usize..14) {
            let terms = terms();
            let term = &terms.all[place];
            let start = date(1990, 1, 1).checked_add(days.days()).unwrap();
            let ends = |start| term.reckon(start, None, None, &Calendar::weekends_only()).unwrap().end.last_day;
            prop_assert!(ends(start) > start && ends(start) <= ends(start.tomorrow().unwrap()));
        }
    }
}
