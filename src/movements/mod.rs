//! Movements (案款划转): money of an item goes from one kind of account to another inside the book of case money, by a
//! ruling and two people. Security, auction price, money under supervision, fines and fees are kept apart from case
//! money; nothing here leaves the bank: that is done by payout runs alone.

pub mod courts;
pub mod rules;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Row, Table};
use ankuan_ledger::{Amount, BookKey, Error, ItemId, Line, Place, Tx};

use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::calculators::fees::{Base, Fees, STANDARD};
use crate::cases::freezes::{self, FrozenShare};
use crate::cases::{self, Case, PartyRole, gates};
use crate::chart::{AccountKind, Chart, Owner};
use crate::obligations::closing::certificate;
use crate::payouts::sheets;
use crate::receipts::{self, money_of_case};
use crate::words::read_word;
use crate::{Message, Outcome};

pub use rules::{MovementKind, Part, Purpose, Reckoned, Rule, rule};

/// Who may confirm a movement.
pub const CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::BureauHead, Role::VicePresident];

/// The most characters of a text of a movement.
const TEXT_CHARS_MAX: usize = 500;

/// `movement`
pub static MOVEMENT: Table = Table {
    name: "movement",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("movement_id", Int),
        ("kind", Text),
        ("case_id", Int),
        ("to_case_id", Int),
        ("item_id", Int),
        ("to_item_id", Int),
        ("bank_account_id", Int),
        ("from_kind", Text),
        ("to_kind", Text),
        ("amount_minor", Int),
        ("ruling", Text),
        ("evidence", Text),
        ("party", Text),
        ("condition", Text),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("mark", Int),
    ],
    order: &["movement_id"],
};

/// `movement_line`
pub static MOVEMENT_LINE: Table = Table {
    name: "movement_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("movement_id", Int),
        ("line_no", Int),
        ("purpose", Text),
        ("stays", Int),
        ("amount_minor", Int),
        ("basis", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The fee of a case: what was claimed, and what of it was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeOf {
    /// 申请执行标的额
    pub claimed: Amount,
    /// 执行到位金额
    pub collected: Amount,
    /// On which of the two; none: as the built-in scale has it.
    pub base: Option<Base>,
}

/// A movement to be ordered.
#[derive(Clone, Copy, Debug)]
pub struct NewMovement<'a> {
    /// What it does.
    pub kind: MovementKind,
    /// Whose money it is.
    pub case: &'a Case,
    /// The other case, where it goes to one.
    pub to_case: Option<&'a Case>,
    /// The receipt (or deduction, or what came from another case).
    pub item_id: i64,
    /// How much; none: all of the item, or what the rule reckons.
    pub amount: Option<Amount>,
    /// Number of the ruling.
    pub ruling: &'a str,
    /// The paper that proves what the kind asks for; '' where it asks for none.
    pub evidence: &'a str,
    /// Guarantor, bidder, supervisor, who is fined; '' likewise.
    pub party: &'a str,
    /// What is secured, or must happen before it is released; '' likewise.
    pub condition: &'a str,
    /// What is taken out first, or what a forfeited deposit is used for.
    pub parts: &'a [Part],
    /// What a fee is reckoned on.
    pub fee: Option<FeeOf>,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// A movement on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Row; the item of what it begins.
    pub movement_id: i64,
    /// What it did.
    pub kind: MovementKind,
    /// Whose money it was.
    pub case_id: i64,
    /// Whose it is, where that is another.
    pub to_case_id: Option<i64>,
    /// Item before.
    pub item_id: i64,
    /// Item after.
    pub to_item_id: i64,
    /// Kinds of accounts.
    pub between: (AccountKind, AccountKind),
    /// How much.
    pub amount: Amount,
    /// Ruling, evidence, party, condition.
    pub texts: [String; 4],
    /// Its voucher.
    pub voucher_id: i64,
    /// First person.
    pub proposed_by: i64,
    /// Second person.
    pub confirmed_by: i64,
    /// How it was reckoned: purpose, whether it stays, amount, basis.
    pub parts: Vec<(Purpose, bool, Amount, String)>,
}

/// Orders a movement and posts it: proposed by a handler, confirmed by [`CONFIRMED_BY`]. Money whose case was not known is
/// attributed to the case first, whole, by the same two people.
///
/// # Errors
/// `movements.ruling_missing`, `movements.field_missing` (evidence, party or condition that the kind asks for),
/// `movements.field_not_asked`, `movements.text_long`, `movements.item_elsewhere`, `movements.gate`,
/// `movements.other_case_missing`, `movements.same_case`, `movements.not_party`, `movements.frozen`, those of [`rules`], of the two people, of
/// the fee's scale and of posting.
pub fn order(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewMovement<'_>) -> Outcome<Movement> {
    let rule = rule(new.kind);
    check_fields(&rule, new)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "movement.order")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, new.confirmed_by, CONFIRMED_BY)?;
    let book = act.book();
    let case_id = new.case.case_id;
    if rule.is_gated
        && let Some(gate) = gates::gates(&gates::events_of(tx, book, case_id)?).first()
    {
        return Err(Message::new("movements.gate")
            .with("case", new.case.current_number())
            .with_term("gate", &gate.kind.message())
            .into());
    }
    check_other_case(tx, book, new)?;
    if new.kind == MovementKind::ToOtherCase {
        must_not_be_frozen(tx, book, new)?;
    }
    let (from, to) = (chart.event(rule.event).debit, chart.event(rule.event).credit);
    let item = if from == AccountKind::CaseFunds && is_unattributed(tx, book, new.item_id)? {
        let ruling = (new.ruling.trim(), new.confirmed_by.person_id);
        receipts::attribute_by_ruling(tx, &mut act, acting, chart, new.item_id, case_id, ruling)?
    } else {
        let money = money_of_case(tx, book, case_id, chart, from)?;
        money.into_iter().find(|item| item.receipt_id == new.item_id).ok_or_else(|| {
            Message::new("movements.item_elsewhere")
                .with("item", new.item_id)
                .with("case", new.case.current_number())
                .with_said("kind", |language| chart.kind(from).name(language).to_owned())
        })?
    };
    let owner = Owner { bank_account_id: Some(item.bank_account_id), case_id: Some(case_id) };
    let available = item.available;
    let reckoned = match (&new.fee, new.kind) {
        (Some(fee), MovementKind::FeeCharged) => {
            if new.amount.is_some() || !new.parts.is_empty() {
                return Err(Message::new("movements.amount_reckoned").with_term("kind", &new.kind.message()).into());
            }
            let before = charged_before(tx, book, case_id)?;
            let mut fees = Fees::parse(STANDARD)?;
            fees.taking.base = fee.base.unwrap_or(fees.taking.base);
            rules::fee(&fees, fee.claimed, fee.collected, before, available)?
        }
        (None, MovementKind::FeeCharged) => return Err(Message::new("movements.fee_missing").into()),
        (Some(_), _) => {
            let message = Message::new("movements.field_not_asked").with("field", "--claimed, --collected");
            return Err(message.with_term("kind", &new.kind.message()).into());
        }
        (None, _) => rules::reckon(new.kind, available, new.amount, new.parts)?,
    };
    if new.kind == MovementKind::ToOtherCase {
        must_be_due(tx, acting, new, reckoned.amount)?;
    }

    let movement_id = act.take_items(1);
    let to_item = if rule.begins_item { movement_id } else { new.item_id };
    // What is available of an item lies in an account that was opened.
    let debit = chart.account(tx, book.court_id, from, owner)?;
    let to_owner = Owner { case_id: Some(new.to_case.map_or(case_id, |case| case.case_id)), ..owner };
    let credit = chart.account_or_open(tx, &mut act, to, to_owner)?;
    let line = Line {
        debit: Place { account: debit, item: ItemId(new.item_id) },
        credit: Place { account: credit, item: ItemId(to_item) },
        amount: reckoned.amount,
    };
    act.begin_voucher(tx, &chart.voucher(rule.event, acting.date, 1))?;
    act.post(tx, &[line])?;
    let voucher_id = act.open_voucher_id()?;
    act.insert(
        tx,
        &MOVEMENT,
        movement_id,
        &[
            movement_id.into(),
            new.kind.as_str().into(),
            case_id.into(),
            new.to_case.map(|case| case.case_id).into(),
            new.item_id.into(),
            to_item.into(),
            item.bank_account_id.into(),
            from.as_str().into(),
            to.as_str().into(),
            reckoned.amount.minor().into(),
            new.ruling.trim().into(),
            new.evidence.trim().into(),
            new.party.trim().into(),
            new.condition.trim().into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
            new.confirmed_by.person_id.into(),
        ],
    )?;
    for (line_no, part) in (1_i64..).zip(&reckoned.parts) {
        let id = act.take_ids(1);
        act.insert(
            tx,
            &MOVEMENT_LINE,
            id,
            &[
                id.into(),
                movement_id.into(),
                line_no.into(),
                part.purpose.as_str().into(),
                i64::from(part.stays).into(),
                part.amount.minor().into(),
                part.basis.as_str().into(),
            ],
        )?;
    }
    act.close(tx)?;
    let all = movements(tx, book, Some(case_id))?;
    let found = all.into_iter().find(|movement| movement.movement_id == movement_id);
    Ok(found.ok_or_else(|| Error::Inconsistent(format!("movement {movement_id} is not on record")))?)
}

/// What the kind asks for is there, and nothing else.
fn check_fields(rule: &Rule, new: &NewMovement<'_>) -> Result<(), Message> {
    if new.ruling.trim().is_empty() {
        return Err(Message::new("movements.ruling_missing"));
    }
    for (field, text, is_asked) in [
        ("--evidence", new.evidence, rule.asks_evidence),
        ("--party", new.party, rule.asks_party),
        ("--condition", new.condition, rule.asks_condition),
        ("--ruling", new.ruling, true),
    ] {
        let refuse = |code| Err(Message::new(code).with("field", field).with_term("kind", &new.kind.message()));
        if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(Message::new("movements.text_long").with("field", field).with("max", TEXT_CHARS_MAX));
        }
        // A paper more than is asked for does no harm; a party or condition would say what the movement is not.
        match (is_asked, text.trim().is_empty()) {
            (true, true) => return refuse("movements.field_missing"),
            (false, false) if field != "--evidence" => return refuse("movements.field_not_asked"),
            _ => {}
        }
    }
    Ok(())
}

/// Money goes to another case only where its payee here is the debtor there.
fn check_other_case(tx: &mut Tx<'_>, book: BookKey, new: &NewMovement<'_>) -> Outcome<()> {
    let is_other = new.kind == MovementKind::ToOtherCase;
    let Some(to_case) = new.to_case else {
        return if is_other { Err(Message::new("movements.other_case_missing").into()) } else { Ok(()) };
    };
    if !is_other {
        return Err(Message::new("movements.field_not_asked")
            .with("field", "--to-case")
            .with_term("kind", &new.kind.message())
            .into());
    }
    if to_case.case_id == new.case.case_id {
        return Err(Message::new("movements.same_case").with("case", to_case.current_number()).into());
    }
    for (case, role) in [(new.case, PartyRole::Applicant), (to_case, PartyRole::Debtor)] {
        let parties = cases::parties(tx, book, case.case_id)?;
        if !parties.iter().any(|party| party.role == role && party.name == new.party.trim()) {
            return Err(Message::new("movements.not_party")
                .with("name", new.party.trim())
                .with("case", case.current_number())
                .with_term("role", &role.message())
                .into());
        }
    }
    Ok(())
}

/// No more goes to another case than its payee is due here, where claims are on record, and nothing of a receipt over which a
/// plan runs: it is for the others as well.
fn must_be_due(tx: &mut Tx<'_>, acting: &Acting, new: &NewMovement<'_>, amount: Amount) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let running = tx.query(
        "SELECT p.plan_id FROM plan AS p WHERE p.court_id = $1 AND p.book_id = $2 AND p.receipt_id = $3 AND NOT EXISTS \
         (SELECT 1 FROM plan_event AS e WHERE e.court_id = p.court_id AND e.book_id = p.book_id \
         AND e.plan_id = p.plan_id AND e.event IN ('settled', 'cancelled')) ORDER BY p.plan_id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), new.item_id.into()],
        |row| row.int(0),
    )?;
    if let Some(plan) = running.first() {
        return Err(Message::new("movements.plan_runs").with("plan", plan).with("item", new.item_id).into());
    }
    let claims = certificate(tx, court_id, new.case, acting.date)?.closed;
    if claims.is_empty() {
        return Ok(());
    }
    let own = claims.iter().filter(|claim| claim.obligation.creditor == new.party.trim()).map(|claim| claim.open);
    let due = Amount::sum(own).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
    if amount <= due {
        return Ok(());
    }
    let message = Message::new("movements.more_than_due").with("name", new.party.trim()).with("due", due);
    Err(message.with("amount", amount).into())
}

/// What a payee is due and another order has frozen stays where the order finds it: a run sets the frozen part aside. Where it
/// is not known whose share is frozen, it may be this one.
fn must_not_be_frozen(tx: &mut Tx<'_>, book: BookKey, new: &NewMovement<'_>) -> Outcome<()> {
    let in_force = freezes::freezes_of(tx, book, new.case.case_id)?;
    let in_force: Vec<_> = in_force.into_iter().filter(|freeze| freeze.lifted_by.is_none()).collect();
    if in_force.is_empty() {
        return Ok(());
    }
    let mut of_index: Vec<(i64, String)> = Vec::new();
    let payees = sheets::payees_of_case(tx, book.court_id, new.case.case_id)?;
    for payee in &payees {
        let index = tx.query_opt(
            "SELECT document_index FROM personal_detail WHERE court_id = $1 AND book_id = $2 AND detail_id = $3",
            &[book.court_id.into(), book.book_id.into(), payee.detail_id.into()],
            |row| row.int(0),
        )?;
        of_index.extend(index.map(|index| (index, payee.name.clone())));
    }
    for freeze in in_force {
        let names: Vec<&str> = match freeze.share {
            FrozenShare::Claim(id) => {
                payees.iter().filter(|payee| payee.payee_id == id).map(|payee| payee.name.as_str()).collect()
            }
            FrozenShare::Document(index) => {
                of_index.iter().filter(|(known, _)| *known == index).map(|(_, name)| name.as_str()).collect()
            }
        };
        if names.is_empty() || names.contains(&new.party.trim()) {
            return Err(Message::new("movements.frozen")
                .with("name", new.party.trim())
                .with("order", freeze.order_number)
                .with("court", freeze.ordered_by)
                .into());
        }
    }
    Ok(())
}

fn is_unattributed(tx: &mut Tx<'_>, book: BookKey, item_id: i64) -> Outcome<bool> {
    let count = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM receipt AS r WHERE r.court_id = $1 AND r.book_id = $2 \
         AND r.receipt_id = $3 AND r.case_id IS NULL AND NOT EXISTS (SELECT 1 FROM receipt_attribution AS a \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.receipt_id = $3)",
        &[book.court_id.into(), book.book_id.into(), item_id.into()],
        |row| row.int(0),
    )?;
    Ok(count > 0)
}

/// What was charged as the fee of a case before: by ruling, and by sheets that were committed.
fn charged_before(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Amount> {
    let minor = tx.query_one(
        "SELECT CAST(COALESCE(SUM(c.amount_minor), 0) AS BIGINT) FROM (SELECT amount_minor FROM movement \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND kind = 'fee_charged' \
         UNION ALL SELECT l.amount_minor FROM sheet AS s JOIN sheet_line AS l ON l.court_id = s.court_id \
         AND l.book_id = s.book_id AND l.sheet_id = s.sheet_id JOIN run_source AS x ON x.court_id = s.court_id \
         AND x.book_id = s.book_id AND x.kind = 'sheet' AND x.source_id = s.sheet_id JOIN run_state AS t \
         ON t.court_id = x.court_id AND t.book_id = x.book_id AND t.run_id = x.run_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 AND l.head = 'fee' \
         AND t.status IN ('committed', 'released')) AS c",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| row.int(0),
    )?;
    Ok(Amount::from_minor(minor))
}

/// The movements of a case, or of all, oldest first; those that brought money to the case as well.
///
/// # Errors
/// What the database says.
pub fn movements(tx: &mut Tx<'_>, book: BookKey, case_id: Option<i64>) -> Outcome<Vec<Movement>> {
    let key = [book.court_id.into(), book.book_id.into(), case_id.unwrap_or_default().into()];
    let mut all = tx.query(
        "SELECT movement_id, kind, case_id, to_case_id, item_id, to_item_id, from_kind, to_kind, amount_minor, ruling, \
         evidence, party, condition, voucher_id, proposed_by, confirmed_by FROM movement \
         WHERE court_id = $1 AND book_id = $2 AND (CAST($3 AS BIGINT) = 0 OR case_id = $3 OR to_case_id = $3) ORDER BY movement_id",
        &key,
        read_movement,
    )?;
    tx.each(
        "SELECT l.movement_id, l.purpose, l.stays, l.amount_minor, l.basis FROM movement_line AS l \
         WHERE l.court_id = $1 AND l.book_id = $2 ORDER BY l.movement_id, l.line_no",
        &key[..2],
        |row| {
            if let Ok(place) = all.binary_search_by_key(&row.int(0)?, |movement| movement.movement_id) {
                let part = (
                    read_word(row, 1, Purpose::parse)?,
                    row.int(2)? == 1,
                    Amount::from_minor(row.int(3)?),
                    row.text(4)?.to_owned(),
                );
                all[place].parts.push(part);
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok(all)
}

fn read_movement(row: &Row<'_>) -> Result<Movement, Error> {
    let text = |column| row.text(column).map(str::to_owned);
    Ok(Movement {
        movement_id: row.int(0)?,
        kind: read_word(row, 1, MovementKind::parse)?,
        case_id: row.int(2)?,
        to_case_id: row.opt_int(3)?,
        item_id: row.int(4)?,
        to_item_id: row.int(5)?,
        between: (read_word(row, 6, AccountKind::parse)?, read_word(row, 7, AccountKind::parse)?),
        amount: Amount::from_minor(row.int(8)?),
        texts: [text(9)?, text(10)?, text(11)?, text(12)?],
        voucher_id: row.int(13)?,
        proposed_by: row.int(14)?,
        confirmed_by: row.int(15)?,
        parts: Vec::new(),
    })
}
