//! Paying again what came back: a linked payment to a corrected account, approved like every other. A payment that came
//! back is paid again once; the new one may come back in its turn.

use std::collections::HashMap;

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Kind::Int;
use ankuan_ledger::engine::{Error, Table, Tx};

use super::lines::{DueLine, standing};
use super::runs::{Source, SourceKind};
use super::sent::{Answer, Sent, Standing, each_sent, sent_runs, write_states};
use crate::access::{Acting, Role};
use crate::books;
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// `reissue`
pub static REISSUE: Table = Table {
    name: "reissue",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("reissue_id", Int),
        ("case_id", Int),
        ("bank_account_id", Int),
        ("line_count", Int),
        ("total_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["reissue_id"],
};

/// `reissue_line`
pub static REISSUE_LINE: Table = Table {
    name: "reissue_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("reissue_line_id", Int),
        ("reissue_id", Int),
        ("payment_id", Int),
        ("from_line_id", Int),
        ("claim_id", Int),
        ("detail_id", Int),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["reissue_line_id"],
};

/// A payment that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The payment.
    pub payment: Sent,
    /// Number of its run.
    pub run: String,
    /// Claim or payee.
    pub claim_id: i64,
    /// The details it would be paid to now; none where the claim has several payees (heirs, agents): then a person
    /// decides, by a distribution or sheet of its own.
    pub detail_id: Option<i64>,
    /// Why nothing of the claim or case may be paid now.
    pub blocked: Option<String>,
    /// The reissue it stands in, if any.
    pub reissue_id: Option<i64>,
}

impl Returned {
    /// Whether the account was corrected since: a paper and a second person.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.detail_id.is_some_and(|detail_id| detail_id != self.payment.detail_id)
    }
}

/// The payments from an account that came back and have no new payment yet.
///
/// # Errors
/// What the database says.
pub fn returned(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<Returned>> {
    let mut back = Vec::new();
    for sent in sent_runs(tx, court_id, bank_account_id)? {
        each_sent(tx, court_id, &sent, &mut |payment| {
            if matches!(payment.standing, Standing::Failed | Standing::Returned) {
                back.push((sent.run.number.clone(), payment));
            }
            Ok(())
        })?;
    }
    let open: HashMap<i64, i64> = tx
        .query(
            "SELECT payment_id, reissue_id FROM open_reissue WHERE court_id = $1 AND book_id = $2",
            &[court_id.into(), books::CASE_MONEY.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?
        .into_iter()
        .collect();
    let mut standings: HashMap<i64, super::lines::Standing> = HashMap::new();
    let mut returned = Vec::with_capacity(back.len());
    for (run, payment) in back {
        let claim_id = claim_of(tx, court_id, payment.line_id)?;
        if let std::collections::hash_map::Entry::Vacant(place) = standings.entry(payment.case_id) {
            // Every event of the case counts, whenever it came.
            let source = Source { kind: SourceKind::Reissue, source_id: 0, case_id: payment.case_id };
            place.insert(standing(tx, court_id, &source)?);
        }
        let (detail_id, blocked) = match standings.get(&payment.case_id) {
            Some(standing) => {
                (standing.detail_now(claim_id, payment.detail_id), standing.blocked(claim_id).map(str::to_owned))
            }
            None => (None, None),
        };
        let reissue_id = open.get(&payment.payment_id).copied();
        returned.push(Returned { payment, run, claim_id, detail_id, blocked, reissue_id });
    }
    Ok(returned)
}

/// The claim or payee whose item a line is.
fn claim_of(tx: &mut Tx<'_>, court_id: i64, line_id: i64) -> Outcome<i64> {
    let key = [court_id.into(), books::CASE_MONEY.into(), line_id.into()];
    for text in [
        "SELECT claim_id FROM share WHERE court_id = $1 AND book_id = $2 AND share_id = $3",
        "SELECT payee_id FROM sheet_line WHERE court_id = $1 AND book_id = $2 AND sheet_line_id = $3",
        "SELECT claim_id FROM reissue_line WHERE court_id = $1 AND book_id = $2 AND reissue_line_id = $3",
    ] {
        if let Some(claim_id) = tx.query_opt(text, &key, |row| row.int(0))? {
            return Ok(claim_id);
        }
    }
    Err(Error::Inconsistent(format!("payment line {line_id} belongs to no claim")).into())
}

/// What a reissue takes.
#[derive(Debug, Clone, Copy)]
pub struct NewReissue<'a> {
    /// Account that it is paid from.
    pub bank_account_id: i64,
    /// Only payments of this run.
    pub run: Option<&'a str>,
    /// Only payments of this case.
    pub case_id: Option<i64>,
}

/// Records reissues of all payments that came back and whose account was corrected, one reissue for each case; gives
/// them as sources of a run. Needs a handler.
///
/// # Errors
/// `reissue.nothing`, `reissue.not_corrected` (some came back, none was corrected).
pub fn record(tx: &mut Tx<'_>, acting: &Acting, new: &NewReissue<'_>) -> Outcome<Vec<(SourceKind, i64)>> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.reissue")?;
    acting.require(tx, Role::Handler)?;
    let mut waiting = returned(tx, court_id, new.bank_account_id)?;
    waiting.retain(|one| {
        one.reissue_id.is_none()
            && new.run.is_none_or(|run| run == one.run)
            && new.case_id.is_none_or(|case_id| case_id == one.payment.case_id)
    });
    if waiting.is_empty() {
        return Err(Message::new("reissue.nothing").into());
    }
    let waits = waiting.len();
    // What a gate or dispute blocks stays with its payee until that is lifted, instead of being set aside.
    waiting.retain(|one| one.is_corrected() && one.blocked.is_none());
    if waiting.is_empty() {
        return Err(Message::new("reissue.not_corrected").with("count", waits).into());
    }
    waiting.sort_by_key(|one| (one.payment.case_id, one.payment.payment_id));
    let mut sources = Vec::new();
    for of_case in waiting.chunk_by(|one, other| one.payment.case_id == other.payment.case_id) {
        let reissue_id = act.take_ids(1);
        let mut total = Amount::ZERO;
        for one in of_case {
            let line_id = act.take_items(1);
            total = total.plus(one.payment.amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
            act.insert(
                tx,
                &REISSUE_LINE,
                line_id,
                &[
                    line_id.into(),
                    reissue_id.into(),
                    one.payment.payment_id.into(),
                    one.payment.line_id.into(),
                    one.claim_id.into(),
                    one.detail_id.unwrap_or(one.payment.detail_id).into(),
                    one.payment.amount.minor().into(),
                ],
            )?;
            // The key of this state is the payment: of two reissues at once, the second is refused.
            tx.execute(
                "INSERT INTO open_reissue (court_id, book_id, payment_id, reissue_id) VALUES ($1, $2, $3, $4)",
                &[court_id.into(), books::CASE_MONEY.into(), one.payment.payment_id.into(), reissue_id.into()],
            )?;
        }
        act.insert(
            tx,
            &REISSUE,
            reissue_id,
            &[
                reissue_id.into(),
                of_case[0].payment.case_id.into(),
                new.bank_account_id.into(),
                (of_case.len() as i64).into(),
                total.minor().into(),
                acting.at.as_microsecond().into(),
                acting.actor.person_id.into(),
            ],
        )?;
        sources.push((SourceKind::Reissue, reissue_id));
    }
    act.close(tx)?;
    Ok(sources)
}

/// The lines of a reissue that a run pays.
///
/// # Errors
/// What the database says.
pub fn due_lines(tx: &mut Tx<'_>, court_id: i64, reissue_id: i64) -> Outcome<Vec<DueLine>> {
    Ok(tx.query(
        "SELECT reissue_line_id, claim_id, amount_minor, detail_id, from_line_id FROM reissue_line \
         WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3 ORDER BY reissue_line_id",
        &[court_id.into(), books::CASE_MONEY.into(), reissue_id.into()],
        |row| {
            Ok(DueLine {
                line_id: row.int(0)?,
                claim_id: row.int(1)?,
                amount: Amount::from_minor(row.int(2)?),
                set_aside: None,
                to_treasury: false,
                detail_id: row.int(3)?,
                came_back_to: Some(row.int(4)?),
            })
        },
    )?)
}

/// A run with a reissue was committed: the payments that came back now have a new one.
///
/// # Errors
/// `reissue.moved_on`: one of them no longer stands as having come back.
pub fn committed(tx: &mut Tx<'_>, court_id: i64, reissue_id: i64) -> Outcome<()> {
    set(tx, court_id, reissue_id, |standing| {
        matches!(standing, Standing::Failed | Standing::Returned).then_some(Standing::Reissued)
    })
}

/// A run with a reissue was cancelled or withdrawn: what came back waits again. `was_committed`: it had been committed.
///
/// # Errors
/// What the database says.
pub fn let_go(tx: &mut Tx<'_>, court_id: i64, reissue_id: i64, was_committed: bool) -> Outcome<()> {
    if was_committed {
        let events: HashMap<i64, Standing> = tx
            .query(
                "SELECT e.payment_id, e.event FROM payment_event AS e JOIN reissue_line AS l \
                 ON l.court_id = e.court_id AND l.book_id = e.book_id AND l.payment_id = e.payment_id \
                 WHERE e.court_id = $1 AND e.book_id = $2 AND l.reissue_id = $3 \
                 AND e.event IN ('failed', 'returned') ORDER BY e.id",
                &[court_id.into(), books::CASE_MONEY.into(), reissue_id.into()],
                |row| {
                    let standing = if row.text(1)? == "failed" { Standing::Failed } else { Standing::Returned };
                    Ok((row.int(0)?, standing))
                },
            )?
            .into_iter()
            .collect();
        let lines = states_of(tx, court_id, reissue_id)?;
        let states: Vec<(i64, Answer, &str, Standing)> = lines
            .iter()
            .filter_map(|(payment, answer, cause, _)| Some((*payment, *answer, cause.as_str(), *events.get(payment)?)))
            .collect();
        write_states(tx, court_id, &states)?;
    }
    tx.execute(
        "DELETE FROM open_reissue WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), reissue_id.into()],
    )?;
    Ok(())
}

fn set(tx: &mut Tx<'_>, court_id: i64, reissue_id: i64, next: impl Fn(Standing) -> Option<Standing>) -> Outcome<()> {
    let lines = states_of(tx, court_id, reissue_id)?;
    let mut states = Vec::with_capacity(lines.len());
    for (payment, answer, cause, standing) in &lines {
        let next = next(*standing).ok_or_else(|| {
            Failure::from(
                Message::new("reissue.moved_on").with("payment", payment).with_term("standing", &standing.message()),
            )
        })?;
        states.push((*payment, *answer, cause.as_str(), next));
    }
    write_states(tx, court_id, &states)
}

fn states_of(tx: &mut Tx<'_>, court_id: i64, reissue_id: i64) -> Outcome<Vec<(i64, Answer, String, Standing)>> {
    use crate::words::read_word;
    Ok(tx.query(
        "SELECT l.payment_id, s.answer, s.cause, s.outcome FROM reissue_line AS l JOIN payment_state AS s \
         ON s.court_id = l.court_id AND s.book_id = l.book_id AND s.payment_id = l.payment_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.reissue_id = $3 ORDER BY l.reissue_line_id",
        &[court_id.into(), books::CASE_MONEY.into(), reissue_id.into()],
        |row| {
            Ok((
                row.int(0)?,
                read_word(row, 1, Answer::parse)?,
                row.text(2)?.to_owned(),
                read_word(row, 3, Standing::parse)?,
            ))
        },
    )?)
}
