//! Queries (查询): what an institution has of a debtor, asked without a freeze. What was found is a fact of its day; the
//! newest counts for the cash executability of the case (现金可执行率: deposits found ÷ claimed).

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Row, Table, Value};
use ankuan_ledger::{Act, Amount, BookKey, Tx};
use jiff::civil::Date;

use super::register::Asset;
use super::rules::{Refusal, Said, Verdict};
use super::{AssetKind, Basis};
use crate::access::{Acting, Role};
use crate::books;
use crate::cases::Case;
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// `asset_query`
pub static ASSET_QUERY: Table = Table {
    name: "asset_query",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("query_id", Int),
        ("asset_id", Int),
        ("case_id", Int),
        ("paper", Text),
        ("officer", Text),
        ("basis", Text),
        ("ordered_on", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["query_id"],
};

/// `query_event`
pub static QUERY_EVENT: Table = Table {
    name: "query_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("query_id", Int),
        ("asset_id", Int),
        ("event", Text),
        ("on_day", Text),
        ("amount_minor", Int),
        ("share_bp", Int),
        ("instruction_id", Int),
        ("answer_id", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// What was found of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// As of this day.
    pub on: Date,
    /// Balance, cash value, value.
    pub amount: Option<Amount>,
    /// Share of a company, hundredths of a per cent.
    pub share_bp: Option<i64>,
}

/// Where a query stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryState {
    /// Nobody was told.
    Ordered,
    /// Not answered.
    Sent,
    /// Answered.
    Found(Found),
    /// Refused on this day, with the institution's words.
    Refused(Date, String),
}

/// A query as recorded, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The number under which it is answered.
    pub query_id: i64,
    /// Of what.
    pub asset_id: i64,
    /// For which case.
    pub case_id: i64,
    /// Number of the notice.
    pub paper: String,
    /// Who carries it out.
    pub officer: String,
    /// What it rests on.
    pub basis: Basis,
    /// Day of the order.
    pub ordered_on: Date,
    /// In which message it went out.
    pub instruction_id: Option<i64>,
    /// Where it stands.
    pub state: QueryState,
}

impl Query {
    /// What an answer makes of it: none when it was said before. Pure.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderUnknown`] (never sent), [`Refusal::AnsweredDifferently`], [`Refusal::AnswerDay`]
    /// (before the query or after today), [`Refusal::AnswerKind`] (found nothing said; a freeze's answer),
    /// [`Refusal::NotPositive`] (below zero).
    pub fn answer(
        &self,
        said: &Said,
        share_bp: Option<i64>,
        reason: &str,
        today: Date,
    ) -> Result<Option<QueryState>, Refusal> {
        let order_id = self.query_id;
        let next = match said.verdict {
            Verdict::Done(amount) => QueryState::Found(Found { on: said.on, amount, share_bp }),
            Verdict::Refused => QueryState::Refused(said.on, reason.to_owned()),
            _ => return Err(Refusal::AnswerKind { order_id }),
        };
        match &self.state {
            QueryState::Ordered => return Err(Refusal::OrderUnknown { order_id }),
            QueryState::Sent => {}
            QueryState::Refused(on, _) if matches!(next, QueryState::Refused(again, _) if again == *on) => {
                return Ok(None);
            }
            known if *known == next => return Ok(None),
            _ => return Err(Refusal::AnsweredDifferently { order_id }),
        }
        if said.on < self.ordered_on || said.on > today {
            return Err(Refusal::AnswerDay { order_id, on: said.on });
        }
        match &next {
            QueryState::Found(Found { amount: None, share_bp: None, .. }) => Err(Refusal::AnswerKind { order_id }),
            QueryState::Found(Found { amount: Some(amount), .. }) if *amount < Amount::ZERO => {
                Err(Refusal::NotPositive { amount: *amount })
            }
            _ => Ok(Some(next)),
        }
    }
}

/// Orders a query. Needs [`Role::Handler`]. Any kind of asset, frozen or not.
///
/// # Errors
/// `assets.ruling_missing` (no paper), `assets.query_open` (the case asked already and was not answered),
/// `access.role_missing`.
pub fn order(
    tx: &mut Tx<'_>,
    acting: &Acting,
    asset: &Asset,
    case: &Case,
    basis: Basis,
    (paper, officer): (&str, &str),
) -> Outcome<i64> {
    if paper.trim().is_empty() {
        return Err(Message::new("assets.ruling_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.query")?;
    acting.require(tx, Role::Handler)?;
    let book = act.book();
    let is_open =
        |query: &&Query| query.case_id == case.case_id && matches!(query.state, QueryState::Ordered | QueryState::Sent);
    if let Some(open) = queries_of(tx, book, asset.asset_id)?.iter().find(is_open) {
        return Err(Message::new("assets.query_open").with("order", open.query_id).into());
    }
    let query_id = act.take_ids(1);
    act.insert(
        tx,
        &ASSET_QUERY,
        query_id,
        &[
            query_id.into(),
            asset.asset_id.into(),
            case.case_id.into(),
            paper.trim().into(),
            officer.trim().into(),
            basis.as_str().into(),
            acting.date.to_string().as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    write_open(tx, book, query_id, asset.asset_id, false)?;
    act.close(tx)?;
    Ok(query_id)
}

fn write_open(tx: &mut Tx<'_>, book: BookKey, query_id: i64, asset_id: i64, is_sent: bool) -> Outcome<()> {
    let row: [Value<'_>; 5] =
        [book.court_id.into(), book.book_id.into(), query_id.into(), asset_id.into(), i64::from(is_sent).into()];
    tx.upsert_many("open_query", &["court_id", "book_id", "query_id"], &["asset_id", "is_sent"], &row)?;
    Ok(())
}

/// Records that a query went out.
///
/// # Errors
/// What the database says.
pub fn record_sent(tx: &mut Tx<'_>, act: &mut Act, query: &Query, on: Date, instruction_id: i64) -> Outcome<()> {
    insert_event(tx, act, query, ("sent", on), None, (Some(instruction_id), None), "")?;
    write_open(tx, act.book(), query.query_id, query.asset_id, true)
}

/// Records what an answer says.
///
/// # Errors
/// What the database says.
pub fn record_answer(
    tx: &mut Tx<'_>,
    act: &mut Act,
    query: &Query,
    state: &QueryState,
    answer_id: i64,
    reason: &str,
) -> Outcome<()> {
    let (event, on, found) = match state {
        QueryState::Found(found) => ("found", found.on, Some(*found)),
        QueryState::Refused(on, _) => ("refused", *on, None),
        QueryState::Ordered | QueryState::Sent => return Ok(()),
    };
    insert_event(tx, act, query, (event, on), found, (None, Some(answer_id)), reason)?;
    let book = act.book();
    tx.execute(
        "DELETE FROM open_query WHERE court_id = $1 AND book_id = $2 AND query_id = $3",
        &[book.court_id.into(), book.book_id.into(), query.query_id.into()],
    )?;
    Ok(())
}

fn insert_event(
    tx: &mut Tx<'_>,
    act: &mut Act,
    query: &Query,
    (event, on): (&str, Date),
    found: Option<Found>,
    (instruction_id, answer_id): (Option<i64>, Option<i64>),
    reason: &str,
) -> Outcome<()> {
    let id = act.take_ids(1);
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &QUERY_EVENT,
        id,
        &[
            id.into(),
            query.query_id.into(),
            query.asset_id.into(),
            event.into(),
            on.to_string().as_str().into(),
            found.and_then(|found| found.amount).map(Amount::minor).into(),
            found.and_then(|found| found.share_bp).into(),
            instruction_id.into(),
            answer_id.into(),
            reason.into(),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(())
}

/// The question with its end: statements are fixed texts.
macro_rules! queries {
    ($end:literal) => {
        concat!(
            "SELECT q.query_id, q.asset_id, q.case_id, q.paper, q.officer, q.basis, q.ordered_on, \
    s.instruction_id, e.event, e.on_day, e.amount_minor, e.share_bp, e.reason FROM asset_query AS q \
    LEFT JOIN query_event AS s ON s.court_id = q.court_id AND s.book_id = q.book_id AND s.query_id = q.query_id \
    AND s.event = 'sent' \
    LEFT JOIN query_event AS e ON e.court_id = q.court_id AND e.book_id = q.book_id AND e.query_id = q.query_id \
    AND e.event <> 'sent' WHERE q.court_id = $1 AND q.book_id = $2",
            $end
        )
    };
}

fn read_query(row: &Row<'_>) -> ankuan_ledger::engine::Result<Query> {
    let instruction_id = row.opt_int(7)?;
    let state = match (row.opt_text(8)?, instruction_id) {
        (None, None) => QueryState::Ordered,
        (None, Some(_)) => QueryState::Sent,
        (Some("found"), _) => QueryState::Found(Found {
            on: read_date(row, 9)?,
            amount: row.opt_int(10)?.map(Amount::from_minor),
            share_bp: row.opt_int(11)?,
        }),
        (Some("refused"), _) => {
            QueryState::Refused(read_date(row, 9)?, row.opt_text(12)?.unwrap_or_default().to_owned())
        }
        (Some(other), _) => return Err(Error::Inconsistent(format!("an event {other:?} of a query"))),
    };
    Ok(Query {
        query_id: row.int(0)?,
        asset_id: row.int(1)?,
        case_id: row.int(2)?,
        paper: row.text(3)?.to_owned(),
        officer: row.text(4)?.to_owned(),
        basis: read_word(row, 5, Basis::parse)?,
        ordered_on: read_date(row, 6)?,
        instruction_id,
        state,
    })
}

/// The queries on an asset, oldest first.
///
/// # Errors
/// What the database says.
pub fn queries_of(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Vec<Query>> {
    let text = queries!(" AND q.asset_id = $3 ORDER BY q.query_id");
    Ok(tx.query(text, &[book.court_id.into(), book.book_id.into(), asset_id.into()], read_query)?)
}

/// A query by its number, if it is one.
///
/// # Errors
/// What the database says.
pub fn find(tx: &mut Tx<'_>, book: BookKey, query_id: i64) -> Outcome<Option<Query>> {
    let text = queries!(" AND q.query_id = $3");
    Ok(tx.query_opt(text, &[book.court_id.into(), book.book_id.into(), query_id.into()], read_query)?)
}

/// The newest of what was found, by its day.
#[must_use]
pub fn newest(queries: &[Query]) -> Option<(&Query, Found)> {
    let found = queries.iter().filter_map(|query| match query.state {
        QueryState::Found(found) => Some((query, found)),
        _ => None,
    });
    found.max_by_key(|(query, found)| (found.on, query.query_id))
}

/// What a case found of an asset: the newest answer to its own queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFound {
    /// The asset.
    pub asset_id: i64,
    /// Its kind: only deposits and wallets are cash.
    pub kind: AssetKind,
    /// Who holds it.
    pub institution: String,
    /// The newest answer.
    pub found: Found,
}

impl CaseFound {
    /// Whether it counts for the cash executability of the case (存款).
    #[must_use]
    pub const fn is_cash(&self) -> bool {
        matches!(self.kind, AssetKind::Deposit | AssetKind::Wallet)
    }
}

/// What a case found, by asset: the newest answer of each.
///
/// # Errors
/// What the database says.
pub fn found_of_case(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<CaseFound>> {
    let assets = tx.query(
        "SELECT DISTINCT a.asset_id, a.kind, a.institution FROM asset_query AS q JOIN asset AS a \
         ON a.court_id = q.court_id AND a.book_id = q.book_id AND a.asset_id = q.asset_id \
         WHERE q.court_id = $1 AND q.book_id = $2 AND q.case_id = $3 ORDER BY a.asset_id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| Ok((row.int(0)?, read_word(row, 1, AssetKind::parse)?, row.text(2)?.to_owned())),
    )?;
    let mut all = Vec::new();
    for (asset_id, kind, institution) in assets {
        let queries = queries_of(tx, book, asset_id)?;
        let own: Vec<Query> = queries.into_iter().filter(|query| query.case_id == case_id).collect();
        if let Some((_, found)) = newest(&own) {
            all.push(CaseFound { asset_id, kind, institution, found });
        }
    }
    Ok(all)
}

/// The cash executability of a case in hundredths of a per cent, rounded down: deposits found ÷ claimed. None where
/// nothing is claimed.
#[must_use]
pub fn cash_ratio_bp(found: Amount, claimed: Amount) -> Option<i128> {
    (claimed > Amount::ZERO).then(|| i128::from(found.minor()) * 10_000 / i128::from(claimed.minor()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY: Date = date(2026, 11, 20);

    fn query(state: QueryState) -> Query {
        let (paper, officer) = (String::new(), String::new());
        Query {
            query_id: 7,
            asset_id: 1,
            case_id: 2,
            paper,
            officer,
            basis: Basis::Enforcement,
            ordered_on: DAY,
            instruction_id: None,
            state,
        }
    }

    #[test]
    fn a_query_is_answered_once() {
        let answer = |query: &Query, verdict, on| {
            query.answer(&Said { order_id: 7, verdict, on, until: None }, None, "无此户", date(2026, 11, 22))
        };
        let sent = query(QueryState::Sent);
        let amount = Some(Amount::from_minor(5));
        let found = QueryState::Found(Found { on: DAY, amount, share_bp: None });
        assert_eq!(answer(&sent, Verdict::Done(amount), DAY).unwrap(), Some(found.clone()));
        assert_eq!(answer(&query(found.clone()), Verdict::Done(amount), DAY).unwrap(), None);
        let order_id = 7;
        let differs = Refusal::AnsweredDifferently { order_id };
        assert_eq!(answer(&query(found.clone()), Verdict::Done(Some(Amount::ZERO)), DAY).unwrap_err(), differs);
        assert_eq!(answer(&query(found), Verdict::Refused, DAY).unwrap_err(), differs);
        let unknown = Refusal::OrderUnknown { order_id };
        assert_eq!(answer(&query(QueryState::Ordered), Verdict::Refused, DAY).unwrap_err(), unknown);
        let kind = Refusal::AnswerKind { order_id };
        assert_eq!(answer(&sent, Verdict::Done(None), DAY).unwrap_err(), kind);
        assert_eq!(answer(&sent, Verdict::Waiting(1), DAY).unwrap_err(), kind);
        for on in [date(2026, 11, 19), date(2026, 11, 23)] {
            assert_eq!(answer(&sent, Verdict::Refused, on).unwrap_err(), Refusal::AnswerDay { order_id, on });
        }
        let below = Amount::from_minor(-1);
        assert_eq!(answer(&sent, Verdict::Done(Some(below)), DAY).unwrap_err(), Refusal::NotPositive { amount: below });
    }

    #[test]
    fn the_cash_ratio_is_exact_and_of_something() {
        let yuan = |amount: i64| Amount::from_minor(amount * 100);
        assert_eq!(cash_ratio_bp(yuan(1), yuan(3)), Some(3_333));
        assert_eq!(
            cash_ratio_bp(Amount::from_minor(i64::MAX), Amount::from_minor(1)),
            Some(i128::from(i64::MAX) * 10_000)
        );
        assert_eq!(cash_ratio_bp(yuan(1), Amount::ZERO), None);
    }
}
