//! The ordinary payout on record: payees with their accounts, and sheets that split one receipt.

use std::collections::HashSet;

use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Row, Table, Value};
use ankuan_ledger::{Act, Amount, Error, Tx};

use super::runs::{Source, SourceKind};
use super::sheet::{
    AvailableReceipt, Head, PayeeKind, Sheet as Decided, SheetHead, SheetPayee, SheetSource, decide_sheet,
};
use crate::access::{self, Acting, Actor, Role};
use crate::bank;
use crate::books;
use crate::cases::Case;
use crate::chart;
use crate::claims::DocumentType;
use crate::claims::details::{check_details, seal_details};
use crate::claims::events::{self, DETAILS_CONFIRMED_BY, DetailsOwner, NewDetails, Statement, insert_details};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::PersonalDetail;
use crate::failure::Outcome;
use crate::message::Message;
use crate::receipts::{self, CaseReceipt};
use crate::words::read_word;

/// `payee`
pub static PAYEE: Table = Table {
    name: "payee",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("payee_id", Int),
        ("case_id", Int),
        ("kind", Text),
        ("name", Text),
        ("document_type", Text),
        ("detail_id", Int),
        ("commitment", Bytes),
        ("basis", Text),
        ("proposed_by", Int),
        ("approved_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["payee_id"],
};

/// `sheet`
pub static SHEET: Table = Table {
    name: "sheet",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("sheet_id", Int),
        ("case_id", Int),
        ("receipt_id", Int),
        ("total_minor", Int),
        ("line_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["sheet_id"],
};

/// `sheet_line`
pub static SHEET_LINE: Table = Table {
    name: "sheet_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("sheet_line_id", Int),
        ("sheet_id", Int),
        ("head", Text),
        ("payee_id", Int),
        ("detail_id", Int),
        ("amount_minor", Int),
        ("decision", Text),
        ("mark", Int),
    ],
    order: &["sheet_line_id"],
};

/// `sheet_source`
pub static SHEET_SOURCE: Table = Table {
    name: "sheet_source",
    columns: &[("court_id", Int), ("book_id", Int), ("sheet_id", Int), ("kind", Text), ("mark", Int)],
    order: &["sheet_id"],
};

/// `set_aside_sheet`
pub static SET_ASIDE_SHEET: Table = Table {
    name: "set_aside_sheet",
    columns: &[("court_id", Int), ("book_id", Int), ("id", Int), ("sheet_id", Int), ("item_id", Int), ("mark", Int)],
    order: &["id"],
};

/// The most characters of a payee's name: what ISO 20022 takes (Max140Text).
const NAME_LENGTH_MAX: usize = 140;

/// A payee to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewPayee<'a> {
    /// The case.
    pub case: &'a Case,
    /// Who it is.
    pub kind: PayeeKind,
    /// Name, once a kind in the case.
    pub name: &'a str,
    /// What identifies the payee.
    pub document_type: DocumentType,
    /// Who is paid and where. The treasury may do without: fees are credited inside the books, and only a remittance
    /// needs its account.
    pub detail: PersonalDetail<'a>,
    /// The paper that the account was taken from.
    pub basis: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// A payee as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// Row.
    pub payee_id: i64,
    /// Case.
    pub case_id: i64,
    /// Who it is.
    pub kind: PayeeKind,
    /// Name.
    pub name: String,
    /// What identifies the payee.
    pub document_type: String,
    /// Payment details as they stand.
    pub detail_id: i64,
    /// The paper that they were taken from first.
    pub basis: String,
    /// First person.
    pub proposed_by: i64,
    /// Second person.
    pub approved_by: i64,
}

/// One line of a sheet to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLine<'a> {
    /// What for.
    pub head: Head,
    /// Who is paid.
    pub payee_id: i64,
    /// How much.
    pub amount: Amount,
    /// The document with the decision, where one is needed.
    pub decision: Option<&'a str>,
}

/// A sheet to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewSheet<'a> {
    /// The case.
    pub case: &'a Case,
    /// What it pays from.
    pub source: SheetSource,
    /// The receipt it splits, or the item of another source.
    pub receipt_id: i64,
    /// Its lines; those of one head stand together on the sheet.
    pub lines: &'a [NewLine<'a>],
}

/// A line of a recorded sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Row, and the item of its postings.
    pub sheet_line_id: i64,
    /// What for.
    pub head: Head,
    /// Who is paid.
    pub payee_id: i64,
    /// Name.
    pub payee_name: String,
    /// Who that is.
    pub kind: PayeeKind,
    /// Payment details when the sheet was recorded.
    pub detail_id: i64,
    /// How much.
    pub amount: Amount,
    /// The decision, empty where none is needed.
    pub decision: String,
}

/// A recorded sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Row.
    pub sheet_id: i64,
    /// Case.
    pub case_id: i64,
    /// What it pays from.
    pub source: SheetSource,
    /// The receipt it splits, or the item of another source.
    pub receipt_id: i64,
    /// What it pays.
    pub total: Amount,
    /// µs UTC.
    pub recorded_at: i64,
    /// Who recorded it.
    pub actor_id: i64,
    /// The newest run it stands in, and that run's status.
    pub run: Option<(String, String)>,
    /// In the order of the sheet.
    pub lines: Vec<Line>,
}

/// Adds a payee with an account: proposed by a handler, confirmed by whoever keeps the money. Invented payees passed
/// four eyes once ((2019)桂10刑终314号), hence the paper and the second person for every new account.
///
/// # Errors
/// `sheets.informer`, `sheets.payee_name`, `sheets.basis_missing`, `sheets.payee_exists`, those of [`check_details`] and of the two people
/// ([`access::require_second`]).
pub fn add_payee(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    new: &NewPayee<'_>,
) -> Outcome<Payee> {
    if new.kind == PayeeKind::Informer {
        return Err(Message::new("sheets.informer").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payees.add")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, new.confirmed_by, DETAILS_CONFIRMED_BY)?;
    let payee_id = insert_payee(tx, &mut act, acting, keys, randomness, new)?;
    act.close(tx)?;
    find_payee(tx, acting.actor.court_id, new.case, payee_id)
}

/// As [`add_payee`], inside an act; whoever calls has asked for both people.
///
/// # Errors
/// Those of [`add_payee`], but of the two people.
pub(crate) fn insert_payee(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    new: &NewPayee<'_>,
) -> Outcome<i64> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control) {
        return Err(Message::new("sheets.payee_name").with("max", NAME_LENGTH_MAX).into());
    }
    let basis = new.basis.trim();
    if basis.is_empty() {
        return Err(Message::new("sheets.basis_missing").into());
    }
    let detail = if new.kind == PayeeKind::Treasury && new.detail.account.is_empty() {
        treasury_detail(name)
    } else {
        check_details(new.document_type, &new.detail)?;
        new.detail
    };
    let case_id = new.case.case_id;
    let known = payees_of_case(tx, acting.actor.court_id, case_id)?;
    if let Some(known) = known.iter().find(|known| known.kind == new.kind && known.name == name) {
        return Err(Message::new("sheets.payee_exists")
            .with("name", name)
            .with_term("kind", &new.kind.message())
            .with("payee", known.payee_id)
            .into());
    }
    let payee_id = act.take_ids(1);
    let document_type = new.document_type.as_str();
    // The first details have the payee's own id, as a claim's have the claim's.
    let commitment = seal_details(tx, act, keys, randomness, payee_id, document_type, &detail)?;
    act.insert(
        tx,
        &PAYEE,
        payee_id,
        &[
            payee_id.into(),
            case_id.into(),
            new.kind.code().into(),
            name.into(),
            document_type.into(),
            payee_id.into(),
            Value::Bytes(&commitment),
            basis.into(),
            acting.actor.person_id.into(),
            new.confirmed_by.person_id.into(),
            acting.at.as_microsecond().into(),
        ],
    )?;
    Ok(payee_id)
}

/// The treasury where no account is given: it is credited inside the books and cannot be remitted to.
const fn treasury_detail(name: &str) -> PersonalDetail<'_> {
    PersonalDetail {
        kind: bank::PayeeKind::Company,
        payee_name: name,
        bank_name: "",
        bank_code: "",
        document_number: "",
        account: "",
        telephone: "",
    }
}

/// Records new payment details of a payee. A run that was approved with the old ones must be approved again; a line
/// that was committed with them is blocked at release.
///
/// # Errors
/// `sheets.payee_unknown`, `sheets.treasury_account`, `claim_events.basis_missing`, those of [`check_details`] and of
/// the two people.
pub fn change_payee_details(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    payee_id: i64,
    statement: &Statement<'_>,
    new: &NewDetails<'_>,
) -> Outcome<Payee> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payees.details")?;
    events::two_people(tx, acting, statement, DETAILS_CONFIRMED_BY)?;
    let payee = find_payee(tx, acting.actor.court_id, statement.case, payee_id)?;
    if payee.kind == PayeeKind::Treasury && !has_account(tx, acting.actor.court_id, payee.detail_id)? {
        return Err(Message::new("sheets.treasury_account").with("name", &payee.name).into());
    }
    let owner = DetailsOwner { id: payee_id, detail_id: payee.detail_id, document_type: &payee.document_type };
    insert_details(tx, &mut act, keys, randomness, statement, owner, new)?;
    act.close(tx)?;
    find_payee(tx, acting.actor.court_id, statement.case, payee_id)
}

/// The payees of a case in the order they were added, with their newest details.
///
/// # Errors
/// What the database says.
pub fn payees_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<Payee>> {
    Ok(tx.query(
        "SELECT p.payee_id, p.case_id, p.kind, p.name, p.document_type, p.basis, p.proposed_by, p.approved_by, \
         COALESCE((SELECT MAX(e.detail_id) FROM claim_event AS e WHERE e.court_id = p.court_id \
         AND e.book_id = p.book_id AND e.case_id = p.case_id AND e.claim_id = p.payee_id AND e.event = 'details'), \
         p.detail_id) FROM payee AS p \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.case_id = $3 ORDER BY p.payee_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| {
            Ok(Payee {
                payee_id: row.int(0)?,
                case_id: row.int(1)?,
                kind: read_word(row, 2, PayeeKind::from_code)?,
                name: row.text(3)?.to_owned(),
                document_type: row.text(4)?.to_owned(),
                detail_id: row.int(8)?,
                basis: row.text(5)?.to_owned(),
                proposed_by: row.int(6)?,
                approved_by: row.int(7)?,
            })
        },
    )?)
}

/// A payee of a case.
///
/// # Errors
/// `sheets.payee_unknown`.
pub fn find_payee(tx: &mut Tx<'_>, court_id: i64, case: &Case, payee_id: i64) -> Outcome<Payee> {
    let found = payees_of_case(tx, court_id, case.case_id)?.into_iter().find(|payee| payee.payee_id == payee_id);
    found.ok_or_else(|| payee_unknown(case, payee_id).into())
}

fn payee_unknown(case: &Case, payee_id: i64) -> Message {
    Message::new("sheets.payee_unknown").with("payee", payee_id).with("case", case.current_number())
}

/// Records a payout sheet (执行款发放审批表). Nothing moves yet: it goes into a run, which is approved and committed.
/// Needs [`Role::Handler`].
///
/// # Errors
/// `sheets.receipt_elsewhere`, `sheets.payee_unknown`, `sheets.same_pending` (the same sheet waits already), those of
/// [`decide_sheet`] and `access.role_missing`.
pub fn record_sheet(tx: &mut Tx<'_>, acting: &Acting, new: &NewSheet<'_>) -> Outcome<Sheet> {
    record(tx, acting, new, None)
}

/// Records a sheet that takes its money out of an item of what the case has set aside, X to P when its run is committed. It
/// names the receipt from which that money came. The caller asks for the second person. Needs [`Role::Handler`].
///
/// # Errors
/// As [`record_sheet`].
pub fn record_sheet_of_set_aside(
    tx: &mut Tx<'_>,
    acting: &Acting,
    new: &NewSheet<'_>,
    (item_id, amount): (i64, Amount),
) -> Outcome<Sheet> {
    record(tx, acting, new, Some((item_id, amount)))
}

fn record(tx: &mut Tx<'_>, acting: &Acting, new: &NewSheet<'_>, set_aside: Option<(i64, Amount)>) -> Outcome<Sheet> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "sheets.record")?;
    acting.require(tx, Role::Handler)?;
    let case_id = new.case.case_id;
    let receipt = money(tx, court_id, case_id, new.source)?
        .into_iter()
        .find(|receipt| receipt.receipt_id == new.receipt_id)
        .ok_or_else(|| {
            Message::new("sheets.receipt_elsewhere")
                .with("receipt", new.receipt_id)
                .with("case", new.case.current_number())
        })?;
    let payees = payees_of_case(tx, court_id, case_id)?;
    let available = set_aside.map_or(receipt.available, |(_, amount)| amount);
    let decided = decide(new, &payees, available)?;
    for line in &decided.lines {
        let payee = payees.iter().find(|payee| payee.payee_id == line.payee_id);
        if let Some(payee) = payee.filter(|payee| payee.kind == PayeeKind::Treasury)
            && new.source != SheetSource::CaseFunds
            && !has_account(tx, court_id, payee.detail_id)?
        {
            return Err(Message::new("sheets.treasury_without_account").with("name", &payee.name).into());
        }
    }
    // What was set aside is taken out of its own item, which has enough for one sheet only.
    if set_aside.is_none() {
        refuse_same_pending(tx, court_id, new, &decided)?;
    }

    // `runs::content` looks for the lines' digest behind the sheet's id: nothing else may take ids in between.
    let count = decided.lines.len() as i64;
    let sheet_id = act.take_ids(1);
    let first_line_id = act.take_ids(count);
    act.insert(
        tx,
        &SHEET,
        sheet_id,
        &[
            sheet_id.into(),
            case_id.into(),
            new.receipt_id.into(),
            decided.proof.paid.minor().into(),
            count.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    for (line_id, line) in (first_line_id..).zip(&decided.lines) {
        let payee = payees.iter().find(|payee| payee.payee_id == line.payee_id);
        let payee = payee.ok_or_else(|| payee_unknown(new.case, line.payee_id))?;
        act.insert(
            tx,
            &SHEET_LINE,
            line_id,
            &[
                line_id.into(),
                sheet_id.into(),
                line.head.code().into(),
                line.payee_id.into(),
                payee.detail_id.into(),
                line.amount.minor().into(),
                line.decision.as_deref().unwrap_or_default().trim().into(),
            ],
        )?;
    }
    if new.source != SheetSource::CaseFunds {
        act.insert(tx, &SHEET_SOURCE, sheet_id, &[sheet_id.into(), new.source.as_str().into()])?;
    }
    if let Some((item_id, _)) = set_aside {
        let id = act.take_ids(1);
        act.insert(tx, &SET_ASIDE_SHEET, id, &[id.into(), sheet_id.into(), item_id.into()])?;
    }
    act.close(tx)?;
    find_sheet(tx, court_id, sheet_id)
}

/// What of a source is there for a case: by receipt, or by item of the treasury.
///
/// # Errors
/// What the database says.
pub fn money(tx: &mut Tx<'_>, court_id: i64, case_id: i64, source: SheetSource) -> Outcome<Vec<CaseReceipt>> {
    let book = books::case_money(court_id);
    match source {
        SheetSource::Treasury => receipts::treasury_money(tx, book, case_id),
        _ => {
            let chart = chart::load(tx, court_id)?;
            receipts::money_of_case(tx, book, case_id, &chart, chart.event(source.event()).debit)
        }
    }
}

/// What a sheet pays from.
///
/// # Errors
/// What the database says.
pub fn source_of(tx: &mut Tx<'_>, court_id: i64, sheet_id: i64) -> Outcome<SheetSource> {
    let found = tx.query_opt(
        "SELECT kind FROM sheet_source WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), sheet_id.into()],
        |row| read_word(row, 0, SheetSource::parse),
    )?;
    Ok(found.unwrap_or(SheetSource::CaseFunds))
}

/// The lines of a source of a run that pay other money than case funds: those of such a sheet, and those that pay again
/// what came back of one.
///
/// # Errors
/// What the database says.
pub fn other_money(tx: &mut Tx<'_>, court_id: i64, source: &Source) -> Outcome<HashSet<i64>> {
    let text = match source.kind {
        SourceKind::Distribution => return Ok(HashSet::new()),
        SourceKind::Sheet => {
            "SELECT l.sheet_line_id FROM sheet_line AS l JOIN sheet_source AS s ON s.court_id = l.court_id \
             AND s.book_id = l.book_id AND s.sheet_id = l.sheet_id \
             WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3"
        }
        // What came back may have been paid again before.
        SourceKind::Reissue => {
            "WITH RECURSIVE back (line_id, from_id) AS (SELECT reissue_line_id, from_line_id FROM reissue_line \
              WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3 UNION ALL SELECT b.line_id, r.from_line_id \
              FROM back AS b JOIN reissue_line AS r ON r.court_id = $1 AND r.book_id = $2 \
              AND r.reissue_line_id = b.from_id) \
             SELECT b.line_id FROM back AS b JOIN sheet_line AS l ON l.court_id = $1 AND l.book_id = $2 \
             AND l.sheet_line_id = b.from_id JOIN sheet_source AS s ON s.court_id = l.court_id \
             AND s.book_id = l.book_id AND s.sheet_id = l.sheet_id"
        }
    };
    let key = [court_id.into(), books::CASE_MONEY.into(), source.source_id.into()];
    Ok(tx.query(text, &key, |row| row.int(0))?.into_iter().collect())
}

/// Whether payment details name an account; nothing sealed is opened.
fn has_account(tx: &mut Tx<'_>, court_id: i64, detail_id: i64) -> Outcome<bool> {
    let index = tx.query_opt(
        "SELECT account_index FROM personal_detail WHERE court_id = $1 AND book_id = $2 AND detail_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), detail_id.into()],
        |row| row.int(0),
    )?;
    Ok(index.is_some_and(|index| index != 0))
}

/// The item of what is set aside from which a sheet takes its money; none for a sheet that splits a receipt.
///
/// # Errors
/// What the database says.
pub fn set_aside_item(tx: &mut Tx<'_>, court_id: i64, sheet_id: i64) -> Outcome<Option<i64>> {
    Ok(tx.query_opt(
        "SELECT item_id FROM set_aside_sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), sheet_id.into()],
        |row| row.int(0),
    )?)
}

/// Gathers the lines under their heads and lets the rule decide.
fn decide(new: &NewSheet<'_>, payees: &[Payee], available: Amount) -> Outcome<Decided> {
    let mut heads: Vec<SheetHead> = Vec::new();
    for line in new.lines {
        let payee = payees.iter().find(|payee| payee.payee_id == line.payee_id);
        let payee = payee.ok_or_else(|| payee_unknown(new.case, line.payee_id))?;
        let place = heads.iter().position(|head| head.head == line.head).unwrap_or_else(|| {
            heads.push(SheetHead { head: line.head, amount: Amount::ZERO, payees: Vec::new() });
            heads.len() - 1
        });
        let head = &mut heads[place];
        head.amount = head.amount.plus(line.amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
        head.payees.push(SheetPayee {
            kind: payee.kind,
            payee_id: line.payee_id,
            amount: line.amount,
            decision: line.decision.map(str::to_owned),
        });
    }
    let receipt = AvailableReceipt { receipt_id: new.receipt_id, available };
    Ok(decide_sheet(new.source, receipt, &heads).map_err(|refusal| refusal.message())?)
}

/// The same sheet recorded twice by mistake would be paid twice, where the receipt has enough for both.
fn refuse_same_pending(tx: &mut Tx<'_>, court_id: i64, new: &NewSheet<'_>, decided: &Decided) -> Outcome<()> {
    for sheet in sheets_of_case(tx, court_id, new.case.case_id)? {
        let is_done = sheet
            .run
            .as_ref()
            .is_some_and(|(_, status)| ["committed", "released", "withdrawn"].contains(&status.as_str()));
        let lines = sheet.lines.iter().map(|line| (line.head, line.payee_id, line.amount));
        if !is_done
            && (sheet.source, sheet.receipt_id) == (new.source, new.receipt_id)
            && lines.eq(decided.lines.iter().map(|line| (line.head, line.payee_id, line.amount)))
        {
            return Err(Message::new("sheets.same_pending").with("sheet", sheet.sheet_id).into());
        }
    }
    Ok(())
}

/// A sheet with its lines.
///
/// # Errors
/// `sheets.unknown`.
pub fn find_sheet(tx: &mut Tx<'_>, court_id: i64, sheet_id: i64) -> Outcome<Sheet> {
    let case_id = tx.query_opt(
        "SELECT case_id FROM sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), sheet_id.into()],
        |row| row.int(0),
    )?;
    let unknown = || Message::new("sheets.unknown").with("sheet", sheet_id);
    let sheets = sheets_of_case(tx, court_id, case_id.ok_or_else(unknown)?)?;
    Ok(sheets.into_iter().find(|sheet| sheet.sheet_id == sheet_id).ok_or_else(unknown)?)
}

/// The sheets of a case, oldest first.
///
/// # Errors
/// What the database says.
pub fn sheets_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<Sheet>> {
    let key = [court_id.into(), books::CASE_MONEY.into(), case_id.into()];
    let mut sheets = tx.query(
        "SELECT s.sheet_id, s.case_id, s.receipt_id, s.total_minor, s.recorded_at, s.actor_id, x.kind FROM sheet AS s \
         LEFT JOIN sheet_source AS x ON x.court_id = s.court_id AND x.book_id = s.book_id AND x.sheet_id = s.sheet_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 ORDER BY s.sheet_id",
        &key,
        read_sheet,
    )?;
    // Both are ordered by the sheet; rows of other sheets do not occur.
    tx.each(
        "SELECT l.sheet_id, l.sheet_line_id, l.head, l.payee_id, p.name, p.kind, l.detail_id, l.amount_minor, \
         l.decision FROM sheet AS s JOIN sheet_line AS l ON l.court_id = s.court_id AND l.book_id = s.book_id \
         AND l.sheet_id = s.sheet_id JOIN payee AS p ON p.court_id = l.court_id AND p.book_id = l.book_id \
         AND p.payee_id = l.payee_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 ORDER BY l.sheet_line_id",
        &key,
        |row| {
            let sheet_id = row.int(0)?;
            if let Ok(place) = sheets.binary_search_by_key(&sheet_id, |sheet| sheet.sheet_id) {
                sheets[place].lines.push(read_line(row)?);
            }
            Ok::<(), Error>(())
        },
    )?;
    tx.each(
        "SELECT x.source_id, r.number, t.status FROM run_source AS x JOIN run AS r ON r.court_id = x.court_id \
         AND r.book_id = x.book_id AND r.run_id = x.run_id JOIN run_state AS t ON t.court_id = x.court_id \
         AND t.book_id = x.book_id AND t.run_id = x.run_id \
         WHERE x.court_id = $1 AND x.book_id = $2 AND x.case_id = $3 AND x.kind = 'sheet' ORDER BY x.id",
        &key,
        |row| {
            if let Ok(place) = sheets.binary_search_by_key(&row.int(0)?, |sheet| sheet.sheet_id) {
                sheets[place].run = Some((row.text(1)?.to_owned(), row.text(2)?.to_owned()));
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok(sheets)
}

fn read_sheet(row: &Row<'_>) -> Result<Sheet, Error> {
    Ok(Sheet {
        sheet_id: row.int(0)?,
        case_id: row.int(1)?,
        source: if row.opt_text(6)?.is_some() {
            read_word(row, 6, SheetSource::parse)?
        } else {
            SheetSource::CaseFunds
        },
        receipt_id: row.int(2)?,
        total: Amount::from_minor(row.int(3)?),
        recorded_at: row.int(4)?,
        actor_id: row.int(5)?,
        run: None,
        lines: Vec::new(),
    })
}

fn read_line(row: &Row<'_>) -> Result<Line, Error> {
    Ok(Line {
        sheet_line_id: row.int(1)?,
        head: read_word(row, 2, Head::from_code)?,
        payee_id: row.int(3)?,
        payee_name: row.text(4)?.to_owned(),
        kind: read_word(row, 5, PayeeKind::from_code)?,
        detail_id: row.int(6)?,
        amount: Amount::from_minor(row.int(7)?),
        decision: row.text(8)?.to_owned(),
    })
}
