//! Income of the debtor that a third party pays from time to time (分红、租金; 扣留提取: Execution Rules 29, 36, CPC 254): when
//! it is due, what became of it. Paid to somebody else is an alarm until it is made good: the payer recovers it within a
//! time that the court sets, or answers for it itself (Execution Rules 30).

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Table};
use ankuan_ledger::{Act, Amount, BookKey, Tx};
use jiff::ToSpan;
use jiff::civil::Date;

use super::measures::load;
use super::register::Asset;
use super::rules::State;
use crate::access::{Acting, Role};
use crate::books;
use crate::words::{read_date, read_word, words};
use crate::{Message, Outcome};

/// The most dates that are expected at once: monthly for twenty years.
const TIMES_MAX: u16 = 240;

/// `expectation`
pub static EXPECTATION: Table = Table {
    name: "expectation",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("expectation_id", Int),
        ("asset_id", Int),
        ("measure_id", Int),
        ("due_on", Text),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["expectation_id"],
};

/// `expectation_event`
pub static EXPECTATION_EVENT: Table = Table {
    name: "expectation_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("expectation_id", Int),
        ("asset_id", Int),
        ("event", Text),
        ("on_day", Text),
        ("amount_minor", Int),
        ("payee", Text),
        ("document", Text),
        ("money_id", Int),
        ("answer_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

words! {
    /// What became of an expectation.
    Became {
        /// Paid to the court.
        Paid = "paid",
        /// Paid to somebody else.
        PaidElsewhere = "paid_elsewhere",
        /// What was paid to somebody else came to the court after all.
        MadeGood = "made_good",
        /// Will not come.
        Cancelled = "cancelled",
    }
}

/// One thing that became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub became: Became,
    /// Day.
    pub on: Date,
    /// How much; none when cancelled.
    pub amount: Option<Amount>,
    /// To whom, when elsewhere.
    pub payee: String,
    /// Paper, or the payer's answer.
    pub document: String,
    /// Deduction or receipt.
    pub money_id: Option<i64>,
}

/// Income expected on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Row.
    pub expectation_id: i64,
    /// The income.
    pub asset_id: i64,
    /// The freeze that withholds it.
    pub measure_id: i64,
    /// When it is due.
    pub due_on: Date,
    /// How much, where it is known.
    pub amount: Option<Amount>,
    /// What became of it, oldest first.
    pub happened: Vec<Happened>,
}

/// Where it stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Due on that day or later.
    Due,
    /// The day is over.
    Overdue,
    /// Here.
    Paid(Amount),
    /// An alarm: so much went elsewhere and has not been made good.
    Elsewhere(Amount),
    /// Went elsewhere, and was made good.
    MadeGood(Amount),
    /// Will not come.
    Cancelled,
}

impl Standing {
    /// A word for machines.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Paid(_) => "paid",
            Self::Elsewhere(_) => "paid_elsewhere",
            Self::MadeGood(_) => "made_good",
            Self::Cancelled => "cancelled",
        }
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Due => "assets.income_due",
            Self::Overdue => "assets.income_overdue",
            Self::Paid(_) => "assets.income_paid",
            Self::Elsewhere(_) => "assets.income_elsewhere",
            Self::MadeGood(_) => "assets.income_made_good",
            Self::Cancelled => "assets.income_cancelled",
        })
    }
}

impl Expectation {
    /// Where it stands. Pure.
    #[must_use]
    pub fn standing(&self, today: Date) -> Standing {
        let sum = |became: Became| {
            let of = self.happened.iter().filter(|one| one.became == became);
            Amount::sum(of.filter_map(|one| one.amount)).unwrap_or(Amount::from_minor(i64::MAX))
        };
        let (paid, elsewhere, good) = (sum(Became::Paid), sum(Became::PaidElsewhere), sum(Became::MadeGood));
        if elsewhere > good {
            return Standing::Elsewhere(elsewhere.minus(good).unwrap_or(elsewhere));
        }
        if elsewhere > Amount::ZERO {
            return Standing::MadeGood(good);
        }
        if paid > Amount::ZERO {
            return Standing::Paid(paid);
        }
        if self.happened.iter().any(|one| one.became == Became::Cancelled) {
            return Standing::Cancelled;
        }
        if today > self.due_on { Standing::Overdue } else { Standing::Due }
    }

    /// Whether nothing became of it yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.happened.is_empty()
    }

    /// What may become of it next: paid, elsewhere or cancelled once; made good while it stands elsewhere. Pure.
    ///
    /// # Errors
    /// `assets.income_settled`, `assets.income_not_elsewhere`, `assets.not_positive`.
    pub fn may_become(&self, next: &Happened) -> Result<(), Message> {
        let settled = || Message::new("assets.income_settled").with("expectation", self.expectation_id);
        if next.amount.is_some_and(|amount| amount <= Amount::ZERO) {
            return Err(Message::new("assets.not_positive").with("amount", next.amount.unwrap_or_default()));
        }
        match next.became {
            Became::MadeGood if matches!(self.standing(next.on), Standing::Elsewhere(_)) => Ok(()),
            Became::MadeGood => {
                Err(Message::new("assets.income_not_elsewhere").with("expectation", self.expectation_id))
            }
            _ if self.is_open() => Ok(()),
            _ => Err(settled()),
        }
    }
}

/// The dates of a series: every so many months from the first, its day kept where the month has it. Pure.
///
/// # Errors
/// `assets.times` (none, too many, or several without months between), `assets.out_of_range`.
pub fn dates(first: Date, every_months: u16, times: u16) -> Result<Vec<Date>, Message> {
    if times == 0 || times > TIMES_MAX || (times > 1 && every_months == 0) {
        return Err(Message::new("assets.times").with("max", TIMES_MAX));
    }
    let after = |number: u16| {
        let months = i64::from(number) * i64::from(every_months);
        first.checked_add(months.months()).map_err(|_| Message::new("assets.out_of_range"))
    };
    (0..times).map(after).collect()
}

/// Expects income on days, under the first freeze of ours on it that is sent, waits or is in force (of this case, where one
/// is named). Needs [`Role::Handler`]. Returns the freeze and the new expectations; a day that is expected already stays.
///
/// # Errors
/// `assets.times`, `assets.not_positive`, `assets.income_no_freeze`, `access.role_missing`.
pub fn expect(
    tx: &mut Tx<'_>,
    acting: &Acting,
    asset: &Asset,
    case_id: Option<i64>,
    days: &[Date],
    amount: Option<Amount>,
) -> Outcome<(i64, Vec<i64>)> {
    if let Some(amount) = amount.filter(|amount| *amount <= Amount::ZERO) {
        return Err(Message::new("assets.not_positive").with("amount", amount).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.expect")?;
    acting.require(tx, Role::Handler)?;
    let standing = load(tx, act.book(), asset.asset_id)?;
    let measure = standing.line.measures().iter().find(|measure| {
        let record = standing.record(measure.measure_id);
        let of_case = |record: &super::measures::MeasureRecord| {
            record.case_id.is_some() && (case_id.is_none() || record.case_id == case_id)
        };
        !matches!(measure.state, State::Ended { .. }) && record.is_some_and(of_case)
    });
    let no_freeze = || Message::new("assets.income_no_freeze").with("asset", asset.asset_id);
    let measure_id = measure.ok_or_else(no_freeze)?.measure_id;
    let known = of_asset(tx, act.book(), asset.asset_id)?;
    let mut new = Vec::new();
    for day in days {
        if known.iter().any(|one| one.measure_id == measure_id && one.due_on == *day) {
            continue;
        }
        new.push(insert(tx, &mut act, (asset.asset_id, measure_id), *day, amount)?);
    }
    if !new.is_empty() {
        act.close(tx)?;
    }
    Ok((measure_id, new))
}

fn insert(
    tx: &mut Tx<'_>,
    act: &mut Act,
    (asset_id, measure_id): (i64, i64),
    due_on: Date,
    amount: Option<Amount>,
) -> Outcome<i64> {
    let id = act.take_ids(1);
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &EXPECTATION,
        id,
        &[
            id.into(),
            asset_id.into(),
            measure_id.into(),
            due_on.to_string().as_str().into(),
            amount.map(Amount::minor).into(),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(id)
}

fn insert_event(
    tx: &mut Tx<'_>,
    act: &mut Act,
    (expectation_id, asset_id): (i64, i64),
    happened: &Happened,
    answer_id: Option<i64>,
) -> Outcome<()> {
    let id = act.take_ids(1);
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &EXPECTATION_EVENT,
        id,
        &[
            id.into(),
            expectation_id.into(),
            asset_id.into(),
            happened.became.as_str().into(),
            happened.on.to_string().as_str().into(),
            happened.amount.map(Amount::minor).into(),
            happened.payee.as_str().into(),
            happened.document.as_str().into(),
            happened.money_id.into(),
            answer_id.into(),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(())
}

/// Where the money of a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// A receipt of the case, or the bank line that brought it: the numbers are of one sequence.
    Receipt(i64),
    /// A deduction confirmed on the same asset.
    Deduction(i64),
}

/// Records that what was expected was paid to the court (made good, where it stood elsewhere). Needs [`Role::Handler`] or
/// [`Role::FundKeeper`].
///
/// # Errors
/// `assets.income_unknown`, `assets.income_money` (no such receipt or deduction, of another case or asset, or counted
/// already), those of [`Expectation::may_become`], `access.role_missing`.
pub fn paid(tx: &mut Tx<'_>, acting: &Acting, expectation_id: i64, money: Money) -> Outcome<Happened> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.income")?;
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    let one = find(tx, act.book(), expectation_id)?;
    let (money_id, amount, on) = find_money(tx, act.book(), &one, money)?;
    let is_elsewhere = one.happened.iter().any(|past| past.became == Became::PaidElsewhere);
    let became = if is_elsewhere { Became::MadeGood } else { Became::Paid };
    let happened = Happened {
        became,
        on,
        amount: Some(amount),
        payee: String::new(),
        document: String::new(),
        money_id: Some(money_id),
    };
    one.may_become(&happened)?;
    insert_event(tx, &mut act, (expectation_id, one.asset_id), &happened, None)?;
    act.close(tx)?;
    Ok(happened)
}

/// Receipt or deduction, its amount and day.
fn find_money(tx: &mut Tx<'_>, book: BookKey, one: &Expectation, money: Money) -> Outcome<(i64, Amount, Date)> {
    let key = [book.court_id.into(), book.book_id.into()];
    // Receipts of the freeze's case; of them the one, those of a line, or deductions on the same asset.
    let (text, id) = match money {
        Money::Receipt(id) => (
            "SELECT r.receipt_id, r.amount_minor, r.arrived_on FROM receipt AS r JOIN measure AS m \
             ON m.court_id = r.court_id AND m.book_id = r.book_id AND m.measure_id = $4 WHERE r.court_id = $1 \
             AND r.book_id = $2 AND (r.case_id = m.case_id OR EXISTS (SELECT 1 FROM receipt_attribution AS a \
             WHERE a.court_id = $1 AND a.book_id = $2 AND a.receipt_id = r.receipt_id AND a.case_id = m.case_id)) \
             AND (r.receipt_id = $3 OR r.receipt_id IN (SELECT x.receipt_id FROM line_match AS l JOIN receipt_match AS x \
             ON x.court_id = l.court_id AND x.book_id = l.book_id AND x.group_id = l.group_id \
             WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_line_id = $3)) ORDER BY r.receipt_id",
            id,
        ),
        Money::Deduction(id) => (
            "SELECT d.deduction_id, d.amount_minor, d.confirmed_on FROM deduction AS d JOIN measure AS m \
             ON m.court_id = d.court_id AND m.book_id = d.book_id AND m.measure_id = d.measure_id JOIN measure AS e \
             ON e.court_id = d.court_id AND e.book_id = d.book_id AND e.measure_id = $4 AND e.asset_id = m.asset_id \
             WHERE d.court_id = $1 AND d.book_id = $2 AND d.deduction_id = $3",
            id,
        ),
    };
    let found = tx.query(text, &[key[0], key[1], id.into(), one.measure_id.into()], |row| {
        Ok((row.int(0)?, Amount::from_minor(row.int(1)?), read_date(row, 2)?))
    })?;
    let wrong = || Message::new("assets.income_money").with("expectation", one.expectation_id);
    let [money] = found.as_slice() else { return Err(wrong().into()) };
    let counted = tx.query_opt(
        "SELECT id FROM expectation_event WHERE court_id = $1 AND book_id = $2 AND money_id = $3",
        &[key[0], key[1], money.0.into()],
        |row| row.int(0),
    )?;
    if counted.is_some() {
        return Err(wrong().into());
    }
    Ok(*money)
}

/// Records that a payer paid somebody else, as a person found it; or that nothing will come (`payee` none). Needs
/// [`Role::Handler`].
///
/// # Errors
/// `assets.income_unknown`, `assets.document_missing`, `assets.day_ahead`, those of [`Expectation::may_become`],
/// `access.role_missing`.
pub fn not_paid(
    tx: &mut Tx<'_>,
    acting: &Acting,
    expectation_id: i64,
    elsewhere: Option<(&str, Amount, Date)>,
    document: &str,
) -> Outcome<Happened> {
    let is_unnamed = elsewhere.is_some_and(|(payee, ..)| payee.trim().is_empty());
    if document.trim().is_empty() || is_unnamed {
        return Err(Message::new("assets.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.income")?;
    acting.require(tx, Role::Handler)?;
    let one = find(tx, act.book(), expectation_id)?;
    let document = document.trim().to_owned();
    let happened = match elsewhere {
        Some((payee, amount, on)) => Happened {
            became: Became::PaidElsewhere,
            on,
            amount: Some(amount),
            payee: payee.trim().to_owned(),
            document,
            money_id: None,
        },
        None => Happened {
            became: Became::Cancelled,
            on: acting.date,
            amount: None,
            payee: String::new(),
            document,
            money_id: None,
        },
    };
    if happened.on > acting.date {
        return Err(Message::new("assets.day_ahead").with("on", happened.on).into());
    }
    one.may_become(&happened)?;
    insert_event(tx, &mut act, (expectation_id, one.asset_id), &happened, None)?;
    act.close(tx)?;
    Ok(happened)
}

/// The income of one asset while an answer is taken: what is recorded in the act is not read from the database again.
#[derive(Debug)]
pub struct Income {
    asset_id: i64,
    all: Vec<Expectation>,
}

impl Income {
    /// Of an asset.
    ///
    /// # Errors
    /// What the database says.
    pub fn of(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Self> {
        Ok(Self { asset_id, all: of_asset(tx, book, asset_id)? })
    }

    /// A deduction fulfils the earliest that is open, due by its day; of none due, nothing. Returns the expectation.
    ///
    /// # Errors
    /// What the database says.
    pub fn deducted(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        (deduction_id, amount, on): (i64, Amount, Date),
        answer_id: i64,
    ) -> Outcome<Option<i64>> {
        let Some(place) = self.earliest_open(on) else { return Ok(None) };
        let happened = Happened {
            became: Became::Paid,
            on,
            amount: Some(amount),
            payee: String::new(),
            document: String::new(),
            money_id: Some(deduction_id),
        };
        let expectation_id = self.all[place].expectation_id;
        insert_event(tx, act, (expectation_id, self.asset_id), &happened, Some(answer_id))?;
        self.all[place].happened.push(happened);
        Ok(Some(expectation_id))
    }

    /// The payer says that it paid somebody else: an alarm on the earliest that is open and due by then; of none, on one
    /// of its own. Returns the expectation; none when it was said before.
    ///
    /// # Errors
    /// What the database says.
    pub fn paid_elsewhere(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        measure_id: i64,
        (payee, amount, on): (&str, Amount, Date),
        answer_id: i64,
    ) -> Outcome<Option<i64>> {
        let happened = Happened {
            became: Became::PaidElsewhere,
            on,
            amount: Some(amount),
            payee: payee.to_owned(),
            document: String::new(),
            money_id: None,
        };
        if self.all.iter().any(|one| one.happened.contains(&happened)) {
            return Ok(None);
        }
        let place = match self.earliest_open(on) {
            Some(place) => place,
            None => {
                // A day that is expected once under a freeze: another payment of that day stands on the next.
                let mut due_on = on;
                while self.all.iter().any(|one| one.measure_id == measure_id && one.due_on == due_on) {
                    due_on = due_on.tomorrow().map_err(|_| Message::new("assets.out_of_range"))?;
                }
                let expectation_id = insert(tx, act, (self.asset_id, measure_id), due_on, None)?;
                let (asset_id, happened) = (self.asset_id, Vec::new());
                self.all.push(Expectation { expectation_id, asset_id, measure_id, due_on, amount: None, happened });
                self.all.len() - 1
            }
        };
        let expectation_id = self.all[place].expectation_id;
        insert_event(tx, act, (expectation_id, self.asset_id), &happened, Some(answer_id))?;
        self.all[place].happened.push(happened);
        Ok(Some(expectation_id))
    }

    fn earliest_open(&self, by: Date) -> Option<usize> {
        let open = self.all.iter().enumerate().filter(|(_, one)| one.is_open() && one.due_on <= by);
        open.min_by_key(|(_, one)| (one.due_on, one.expectation_id)).map(|(place, _)| place)
    }
}

fn read_all(tx: &mut Tx<'_>, book: BookKey, asset_id: Option<i64>) -> Outcome<Vec<Expectation>> {
    let key = [book.court_id.into(), book.book_id.into(), asset_id.into()];
    // The type of a parameter that may be absent is said for PostgreSQL.
    let mut all = tx.query(
        "SELECT expectation_id, asset_id, measure_id, due_on, amount_minor FROM expectation WHERE court_id = $1 \
         AND book_id = $2 AND (CAST($3 AS BIGINT) IS NULL OR asset_id = $3) ORDER BY due_on, expectation_id",
        &key,
        |row| {
            Ok(Expectation {
                expectation_id: row.int(0)?,
                asset_id: row.int(1)?,
                measure_id: row.int(2)?,
                due_on: read_date(row, 3)?,
                amount: row.opt_int(4)?.map(Amount::from_minor),
                happened: Vec::new(),
            })
        },
    )?;
    let events = tx.query(
        "SELECT expectation_id, event, on_day, amount_minor, payee, document, money_id FROM expectation_event \
         WHERE court_id = $1 AND book_id = $2 AND (CAST($3 AS BIGINT) IS NULL OR asset_id = $3) ORDER BY id",
        &key,
        |row| {
            let happened = Happened {
                became: read_word(row, 1, Became::parse)?,
                on: read_date(row, 2)?,
                amount: row.opt_int(3)?.map(Amount::from_minor),
                payee: row.text(4)?.to_owned(),
                document: row.text(5)?.to_owned(),
                money_id: row.opt_int(6)?,
            };
            Ok((row.int(0)?, happened))
        },
    )?;
    let places: std::collections::HashMap<i64, usize> =
        all.iter().enumerate().map(|(place, one)| (one.expectation_id, place)).collect();
    for (expectation_id, happened) in events {
        let place = places.get(&expectation_id).copied().and_then(|place| all.get_mut(place));
        let unknown = || Error::Inconsistent(format!("an event of expectation {expectation_id}, which is not there"));
        place.ok_or_else(unknown)?.happened.push(happened);
    }
    Ok(all)
}

/// The income expected of an asset, by day.
///
/// # Errors
/// What the database says.
pub fn of_asset(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Vec<Expectation>> {
    read_all(tx, book, Some(asset_id))
}

/// All income expected, by day.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Expectation>> {
    read_all(tx, book, None)
}

fn find(tx: &mut Tx<'_>, book: BookKey, expectation_id: i64) -> Outcome<Expectation> {
    let asset_id = tx.query_opt(
        "SELECT asset_id FROM expectation WHERE court_id = $1 AND book_id = $2 AND expectation_id = $3",
        &[book.court_id.into(), book.book_id.into(), expectation_id.into()],
        |row| row.int(0),
    )?;
    let unknown = || Message::new("assets.income_unknown").with("expectation", expectation_id);
    let all = of_asset(tx, book, asset_id.ok_or_else(unknown)?)?;
    Ok(all.into_iter().find(|one| one.expectation_id == expectation_id).ok_or_else(unknown)?)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const fn yuan(amount: i64) -> Amount {
        Amount::from_minor(amount * 100)
    }

    fn happened(became: Became, amount: i64) -> Happened {
        let (payee, document) = (String::new(), String::new());
        Happened { became, on: date(2026, 11, 22), amount: Some(yuan(amount)), payee, document, money_id: None }
    }

    #[test]
    fn a_series_keeps_its_day_where_the_month_has_it() {
        let days = dates(date(2026, 10, 31), 4, 3).unwrap();
        assert_eq!(days, [date(2026, 10, 31), date(2027, 2, 28), date(2027, 6, 30)]);
        assert_eq!(dates(date(2026, 10, 31), 0, 2).unwrap_err().code, "assets.times");
        assert_eq!(dates(date(2026, 10, 31), 1, TIMES_MAX + 1).unwrap_err().code, "assets.times");
        assert_eq!(dates(date(9999, 12, 31), 1, 2).unwrap_err().code, "assets.out_of_range");
    }

    #[test]
    fn what_went_elsewhere_is_an_alarm_until_all_of_it_is_made_good() {
        let due_on = date(2026, 11, 20);
        let mut one =
            Expectation { expectation_id: 1, asset_id: 2, measure_id: 3, due_on, amount: None, happened: Vec::new() };
        assert_eq!(one.standing(due_on), Standing::Due);
        assert_eq!(one.standing(date(2026, 11, 21)), Standing::Overdue);
        assert_eq!(one.may_become(&happened(Became::MadeGood, 1)).unwrap_err().code, "assets.income_not_elsewhere");
        assert_eq!(one.may_become(&happened(Became::PaidElsewhere, 0)).unwrap_err().code, "assets.not_positive");
        one.happened.push(happened(Became::PaidElsewhere, 800));
        assert_eq!(one.may_become(&happened(Became::Paid, 800)).unwrap_err().code, "assets.income_settled");
        one.happened.push(happened(Became::MadeGood, 500));
        assert_eq!(one.standing(due_on), Standing::Elsewhere(yuan(300)));
        one.may_become(&happened(Became::MadeGood, 300)).unwrap();
        one.happened.push(happened(Became::MadeGood, 300));
        assert_eq!(one.standing(due_on), Standing::MadeGood(yuan(800)));
        assert_eq!(one.may_become(&happened(Became::MadeGood, 1)).unwrap_err().code, "assets.income_not_elsewhere");
    }
}
