//! Settlements in enforcement (执行和解): instalments, overdue ones, default with resumption, and what is given up once all are
//! met. An instalment is met by a receipt that a person names for it, or by a performance outside the account.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Amount, Tx};
use jiff::civil::Date;

use super::balance::Way;
use super::paid::stops_on;
use super::performances::{Said, open_now, perform, performances_of, two_people};
use super::{less, lock, not_ahead, sum, text};
use crate::access::{Acting, Actor, Role};
use crate::chart::Chart;
use crate::receipts::{receipts_of_case, reversed_of};
use crate::words::{read_date, read_word, words};
use crate::{Message, Outcome, books, cases};

/// `settlement`
pub static SETTLEMENT: Table = Table {
    name: "settlement",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("settlement_id", Int),
        ("case_id", Int),
        ("obligation_id", Int),
        ("document", Text),
        ("agreed_on", Text),
        ("open_minor", Int),
        ("total_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["settlement_id"],
};

/// `settlement_instalment`
pub static SETTLEMENT_INSTALMENT: Table = Table {
    name: "settlement_instalment",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("instalment_id", Int),
        ("settlement_id", Int),
        ("due_on", Text),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["instalment_id"],
};

/// `settlement_receipt`
pub static SETTLEMENT_RECEIPT: Table = Table {
    name: "settlement_receipt",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("settlement_id", Int),
        ("receipt_id", Int),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `settlement_end`
pub static SETTLEMENT_END: Table = Table {
    name: "settlement_end",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("settlement_id", Int),
        ("outcome", Text),
        ("on_day", Text),
        ("document", Text),
        ("waived_id", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A settlement with its instalments, what met them and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Row.
    pub settlement_id: i64,
    /// Case.
    pub case_id: i64,
    /// The obligation that is settled.
    pub obligation_id: i64,
    /// The agreement.
    pub document: String,
    /// Its day.
    pub agreed_on: Date,
    /// What was open that day.
    pub open: Amount,
    /// The instalments together.
    pub total: Amount,
    /// By their days.
    pub instalments: Vec<Instalment>,
    /// What was paid toward it, by its day: receipts that were named for it, performances outside the account.
    pub payments: Vec<(Date, Amount)>,
    /// How and when it ended.
    pub end: Option<(End, Date)>,
}

words! {
    /// How a settlement ends.
    End {
        /// 不履行和解协议: the debtor defaulted, the original document is enforced again.
        Defaulted = "defaulted",
        /// 和解协议履行完毕
        Performed = "performed",
    }
}

impl End {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Defaulted => "settlements.end_defaulted",
            Self::Performed => "settlements.end_performed",
        })
    }
}

/// An instalment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instalment {
    /// The last day on which it is in time.
    pub due_on: Date,
    /// Positive.
    pub amount: Amount,
}

/// Where an instalment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    /// The instalment.
    pub instalment: Instalment,
    /// What has met it.
    pub met: Amount,
    /// The day on which it was met whole.
    pub met_on: Option<Date>,
}

impl Stands {
    /// Whether its day has passed, and it was not met whole.
    #[must_use]
    pub fn is_overdue(&self, today: Date) -> bool {
        self.met_on.is_none() && self.instalment.due_on < today
    }
}

/// What of each instalment was met: payments meet the oldest first. Pure.
///
/// # Errors
/// `calc.too_large`.
pub fn stands(instalments: &[Instalment], payments: &[(Date, Amount)]) -> Result<Vec<Stands>, Message> {
    let mut payments = payments.to_vec();
    payments.sort();
    let mut payments = payments.into_iter();
    let mut left = (Date::MIN, Amount::ZERO);
    let mut all = Vec::with_capacity(instalments.len());
    for instalment in instalments {
        let mut one = Stands { instalment: *instalment, met: Amount::ZERO, met_on: None };
        while one.met < instalment.amount {
            if left.1 == Amount::ZERO {
                match payments.next() {
                    Some(next) => left = next,
                    None => break,
                }
            }
            let part = left.1.min(less(instalment.amount, one.met)?);
            left.1 = less(left.1, part)?;
            one.met = sum([one.met, part])?;
            one.met_on = (one.met == instalment.amount).then_some(left.0);
        }
        all.push(one);
    }
    Ok(all)
}

/// A settlement to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewSettlement<'a> {
    /// The obligation.
    pub obligation_id: i64,
    /// The agreement.
    pub document: &'a str,
    /// Its day.
    pub agreed_on: Date,
    /// Days and amounts.
    pub instalments: &'a [Instalment],
}

/// Records a settlement (执行和解). What the instalments leave of the debt is given up only when all of them are met. Needs
/// [`Role::Handler`].
///
/// # Errors
/// `settlements.running` (another one of the obligation has not ended), `settlements.instalments` (none, not positive, or a day
/// before the agreement), `settlements.exceeds_open`, `obligations.unknown`, `obligations.text`, `obligations.day_ahead`,
/// `access.role_missing`.
pub fn record(tx: &mut Tx<'_>, acting: &Acting, new: &NewSettlement<'_>) -> Outcome<Settlement> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "settlement.add")?;
    acting.require(tx, Role::Handler)?;
    not_ahead(acting, new.agreed_on)?;
    let document = text("document", new.document)?;
    let is_wrong = |one: &Instalment| one.amount <= Amount::ZERO || one.due_on < new.agreed_on;
    if new.instalments.is_empty() || new.instalments.iter().any(is_wrong) {
        return Err(Message::new("settlements.instalments").with("agreed_on", new.agreed_on).into());
    }
    let mut instalments = new.instalments.to_vec();
    instalments.sort_by_key(|one| one.due_on);
    let (obligation, statement) = open_now(tx, court_id, new.obligation_id, new.agreed_on)?;
    let total = sum(instalments.iter().map(|one| one.amount))?;
    if total > statement.open_total {
        return Err(Message::new("settlements.exceeds_open")
            .with("total", total)
            .with("open", statement.open_total)
            .with("date", new.agreed_on)
            .into());
    }
    let running = settlements_of_case(tx, court_id, obligation.case_id)?
        .into_iter()
        .find(|one| one.obligation_id == new.obligation_id && one.end.is_none());
    if let Some(running) = running {
        return Err(Message::new("settlements.running").with("settlement", running.settlement_id).into());
    }
    let settlement_id = act.take_ids(1);
    act.insert(
        tx,
        &SETTLEMENT,
        settlement_id,
        &[
            settlement_id.into(),
            obligation.case_id.into(),
            obligation.obligation_id.into(),
            document.into(),
            new.agreed_on.to_string().as_str().into(),
            statement.open_total.minor().into(),
            total.minor().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    for one in &instalments {
        let id = act.take_ids(1);
        act.insert(
            tx,
            &SETTLEMENT_INSTALMENT,
            id,
            &[id.into(), settlement_id.into(), one.due_on.to_string().as_str().into(), one.amount.minor().into()],
        )?;
    }
    act.close(tx)?;
    find_settlement(tx, court_id, settlement_id)
}

/// Says that a receipt of the case, or a part of it, was paid toward a settlement. Needs [`Role::Handler`].
///
/// # Errors
/// `settlements.unknown`, `settlements.ended`, `settlements.receipt` (more than the receipt brought and no settlement has of it),
/// `sheets.receipt_elsewhere`, `access.role_missing`.
pub fn name_receipt(
    tx: &mut Tx<'_>,
    acting: &Acting,
    settlement_id: i64,
    receipt_id: i64,
    amount: Option<Amount>,
) -> Outcome<Settlement> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "settlement.receipt")?;
    acting.require(tx, Role::Handler)?;
    let settlement = running(tx, court_id, settlement_id)?;
    let money = books::case_money(court_id);
    let receipt = receipts_of_case(tx, money, settlement.case_id)?.into_iter().find(|one| one.receipt_id == receipt_id);
    let case = cases::case_by_id(tx, money, settlement.case_id)?;
    let receipt = receipt.ok_or_else(|| {
        Message::new("sheets.receipt_elsewhere").with("receipt", receipt_id).with("case", case.current_number())
    })?;
    let named = tx.query_one(
        "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM settlement_receipt \
         WHERE court_id = $1 AND book_id = $2 AND receipt_id = $3",
        &[court_id.into(), books::MEMORANDUM.into(), receipt_id.into()],
        |row| row.int(0),
    )?;
    let free = less(receipt.amount, Amount::from_minor(named))?;
    let amount = amount.unwrap_or(free);
    if amount <= Amount::ZERO || amount > free {
        return Err(Message::new("settlements.receipt").with("receipt", receipt_id).with("free", free).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &SETTLEMENT_RECEIPT,
        id,
        &[
            id.into(),
            settlement_id.into(),
            receipt_id.into(),
            amount.minor().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    find_settlement(tx, court_id, settlement_id)
}

fn running(tx: &mut Tx<'_>, court_id: i64, settlement_id: i64) -> Outcome<Settlement> {
    let settlement = find_settlement(tx, court_id, settlement_id)?;
    match settlement.end {
        None => Ok(settlement),
        Some((_, on)) => Err(Message::new("settlements.ended").with("settlement", settlement_id).with("on", on).into()),
    }
}

/// Ends a settlement. `Defaulted`: an instalment is overdue, the original document is enforced again, less what was paid
/// (执行和解规定 art. 17); nothing is posted. `Performed`: all instalments are met; what is still open of the obligation once the
/// money has reached the creditor is given up with it. A handler proposes, another confirms.
///
/// # Errors
/// `settlements.not_overdue`, `settlements.not_met`, `settlements.not_paid_out` (received money has not reached the creditor),
/// `settlements.ended`, and those of the two people.
pub fn end(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    settlement_id: i64,
    outcome: End,
    (document, confirmed_by): (&str, &Actor),
) -> Outcome<Settlement> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    two_people(tx, acting, confirmed_by)?;
    let document = text("document", document)?;
    let settlement = running(tx, court_id, settlement_id)?;
    let stand = stands(&settlement.instalments, &settlement.payments)?;
    let mut waived_id = None;
    match outcome {
        End::Defaulted => {
            if !stand.iter().any(|one| one.is_overdue(acting.date)) {
                return Err(Message::new("settlements.not_overdue").with("settlement", settlement_id).into());
            }
        }
        End::Performed => {
            if stand.iter().any(|one| one.met_on.is_none()) {
                return Err(Message::new("settlements.not_met").with("settlement", settlement_id).into());
            }
            let (_, statement) = open_now(tx, court_id, settlement.obligation_id, acting.date)?;
            // The creditor gives up what was left on the day of the agreement and the interest since, not money on its way.
            let reached = sum(statement.met.iter().filter(|one| one.on >= settlement.agreed_on).map(|one| one.amount))?;
            if reached < settlement.total {
                return Err(Message::new("settlements.not_paid_out")
                    .with("settlement", settlement_id)
                    .with("reached", reached)
                    .with("total", settlement.total)
                    .into());
            }
            if statement.open_total > Amount::ZERO {
                let said = Said { amount: statement.open_total, on: acting.date, evidence: document, confirmed_by };
                let waived = perform(tx, acting, chart, settlement.obligation_id, Way::Waived, &said)?;
                waived_id = Some(waived.performance_id);
            }
        }
    }
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "settlement.end")?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &SETTLEMENT_END,
        id,
        &[
            id.into(),
            settlement_id.into(),
            outcome.as_str().into(),
            acting.date.to_string().as_str().into(),
            document.into(),
            waived_id.into(),
            acting.actor.person_id.into(),
            confirmed_by.person_id.into(),
            acting.at.as_microsecond().into(),
        ],
    )?;
    act.close(tx)?;
    find_settlement(tx, court_id, settlement_id)
}

/// A settlement.
///
/// # Errors
/// `settlements.unknown`.
pub fn find_settlement(tx: &mut Tx<'_>, court_id: i64, settlement_id: i64) -> Outcome<Settlement> {
    let case_id = tx.query_opt(
        "SELECT case_id FROM settlement WHERE court_id = $1 AND book_id = $2 AND settlement_id = $3",
        &[court_id.into(), books::MEMORANDUM.into(), settlement_id.into()],
        |row| row.int(0),
    )?;
    let unknown = || Message::new("settlements.unknown").with("settlement", settlement_id);
    let all = settlements_of_case(tx, court_id, case_id.ok_or_else(unknown)?)?;
    Ok(all.into_iter().find(|one| one.settlement_id == settlement_id).ok_or_else(unknown)?)
}

/// The settlements of a case, oldest first.
///
/// # Errors
/// What the database says.
pub fn settlements_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<Settlement>> {
    let mut all = tx.query(
        "SELECT s.settlement_id, s.obligation_id, s.document, s.agreed_on, s.open_minor, s.total_minor, e.outcome, e.on_day \
         FROM settlement AS s LEFT JOIN settlement_end AS e ON e.court_id = s.court_id AND e.book_id = s.book_id \
         AND e.settlement_id = s.settlement_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 ORDER BY s.settlement_id",
        &[court_id.into(), books::MEMORANDUM.into(), case_id.into()],
        |row| {
            let end = match row.opt_text(6)?.is_some() {
                true => Some((read_word(row, 6, End::parse)?, read_date(row, 7)?)),
                false => None,
            };
            Ok(Settlement {
                settlement_id: row.int(0)?,
                case_id,
                obligation_id: row.int(1)?,
                document: row.text(2)?.to_owned(),
                agreed_on: read_date(row, 3)?,
                open: Amount::from_minor(row.int(4)?),
                total: Amount::from_minor(row.int(5)?),
                instalments: Vec::new(),
                payments: Vec::new(),
                end,
            })
        },
    )?;
    for one in &mut all {
        let key = [court_id.into(), books::MEMORANDUM.into(), one.settlement_id.into()];
        one.instalments = tx.query(
            "SELECT due_on, amount_minor FROM settlement_instalment \
             WHERE court_id = $1 AND book_id = $2 AND settlement_id = $3 ORDER BY instalment_id",
            &key,
            |row| Ok(Instalment { due_on: read_date(row, 0)?, amount: Amount::from_minor(row.int(1)?) }),
        )?;
        let named = tx.query(
            "SELECT receipt_id, amount_minor FROM settlement_receipt \
             WHERE court_id = $1 AND book_id = $2 AND settlement_id = $3 ORDER BY id",
            &key,
            |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
        )?;
        let gone = reversed_of(tx, books::case_money(court_id), named.iter().map(|(receipt_id, _)| *receipt_id))?;
        for (receipt_id, amount) in named {
            // Money that was never there meets nothing.
            if !gone.contains(&receipt_id) {
                one.payments.push((stops_on(tx, court_id, receipt_id)?, amount));
            }
        }
        // Only what the debtor did himself, and since the agreement.
        for done in performances_of(tx, court_id, one.obligation_id)? {
            let counts = matches!(done.way, Way::Outside | Way::SetOff) && done.undone_by.is_none();
            if counts && done.on >= one.agreed_on {
                one.payments.push((done.on, done.amount));
            }
        }
        one.payments.sort();
    }
    Ok(all)
}

/// Instalments of running settlements of a court whose day has passed and that are not met.
///
/// # Errors
/// As [`unmet`].
pub fn overdue(tx: &mut Tx<'_>, court_id: i64, today: Date) -> Outcome<Vec<(Settlement, Stands)>> {
    let mut found = unmet(tx, court_id)?;
    found.retain(|(_, stands)| stands.is_overdue(today));
    Ok(found)
}

/// Instalments of running settlements of a court that are not met whole, by their days.
///
/// # Errors
/// What the database says.
pub fn unmet(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<(Settlement, Stands)>> {
    let cases = tx.query(
        "SELECT DISTINCT s.case_id FROM settlement AS s WHERE s.court_id = $1 AND s.book_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM settlement_end AS e WHERE e.court_id = s.court_id AND e.book_id = s.book_id \
         AND e.settlement_id = s.settlement_id) ORDER BY s.case_id",
        &[court_id.into(), books::MEMORANDUM.into()],
        |row| row.int(0),
    )?;
    let mut found = Vec::new();
    for case_id in cases {
        for one in settlements_of_case(tx, court_id, case_id)?.into_iter().filter(|one| one.end.is_none()) {
            for stand in stands(&one.instalments, &one.payments)? {
                if stand.met_on.is_none() {
                    found.push((one.clone(), stand));
                }
            }
        }
    }
    found.sort_by_key(|(one, stand)| (stand.instalment.due_on, one.settlement_id));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn day(day: i8) -> Date {
        date(2026, 11, day)
    }

    #[test]
    fn payments_meet_the_oldest_instalment_first() {
        let instalment = |on, amount| Instalment { due_on: day(on), amount: Amount::from_minor(amount) };
        let all = [instalment(5, 100), instalment(10, 100), instalment(15, 100)];
        let payments = [(day(9), Amount::from_minor(60)), (day(4), Amount::from_minor(90))];
        let made = stands(&all, &payments).unwrap();
        let shown: Vec<_> = made.iter().map(|one| (one.met.minor(), one.met_on)).collect();
        assert_eq!(shown, [(100, Some(day(9))), (50, None), (0, None)]);
        let overdue: Vec<_> = made.iter().map(|one| one.is_overdue(day(11))).collect();
        assert_eq!(overdue, [false, true, false]);
        assert!(!made[1].is_overdue(day(10)), "the day itself is in time");
    }

    proptest! {
        #[test]
        fn nothing_is_met_twice(
            due in prop::collection::vec((1_i8..28, 1_i64..1_000), 1..6),
            paid in prop::collection::vec((1_i8..28, 1_i64..1_000), 0..6),
        ) {
            let mut all: Vec<Instalment> =
                due.iter().map(|(on, amount)| Instalment { due_on: day(*on), amount: Amount::from_minor(*amount) }).collect();
            all.sort_by_key(|one| one.due_on);
            let payments: Vec<_> = paid.iter().map(|(on, amount)| (day(*on), Amount::from_minor(*amount))).collect();
            let made = stands(&all, &payments).unwrap();
            let met: i64 = made.iter().map(|one| one.met.minor()).sum();
            let (total, came) = (due.iter().map(|one| one.1).sum::<i64>(), paid.iter().map(|one| one.1).sum::<i64>());
            prop_assert_eq!(met, total.min(came));
            prop_assert!(made.windows(2).all(|pair| pair[0].met_on.is_some() || pair[1].met == Amount::ZERO));
        }
    }
}
