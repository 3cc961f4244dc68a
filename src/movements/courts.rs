//! Money between courts (参与分配 and the like): what goes out by a line of a sheet, what comes in as a receipt, paired by
//! the letter that both courts hold. A transfer is open until the other court's paper is on record.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Amount, BookKey, Tx};

use crate::access::{Acting, Role};
use crate::books;
use crate::cases::CaseNumber;
use crate::receipts;
use crate::words::{read_word, words};
use crate::{Message, Outcome};

words! {
    /// Which way.
    Direction {
        /// 转出
        Out = "out",
        /// 转入
        In = "in",
    }
}

impl Direction {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Out => "court_transfers.direction_out",
            Self::In => "court_transfers.direction_in",
        })
    }
}

/// `court_transfer`
pub static COURT_TRANSFER: Table = Table {
    name: "court_transfer",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("transfer_id", Int),
        ("direction", Text),
        ("case_id", Int),
        ("other_court", Text),
        ("other_case", Text),
        ("reference", Text),
        ("amount_minor", Int),
        ("sheet_line_id", Int),
        ("receipt_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["transfer_id"],
};

/// `court_transfer_paper`
pub static COURT_TRANSFER_PAPER: Table = Table {
    name: "court_transfer_paper",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("transfer_id", Int),
        ("document", Text),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The most characters of a name or paper.
const TEXT_CHARS_MAX: usize = 200;

/// The other side of a transfer.
#[derive(Clone, Copy, Debug)]
pub struct OtherSide<'a> {
    /// The other court.
    pub court: &'a str,
    /// Its case.
    pub case_number: &'a str,
    /// Number of the letter, the same on both sides.
    pub reference: &'a str,
}

/// One side of money between courts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Row.
    pub transfer_id: i64,
    /// Which way.
    pub direction: Direction,
    /// Our case.
    pub case_id: i64,
    /// The other court, its case, the letter.
    pub other: [String; 3],
    /// How much.
    pub amount: Amount,
    /// The line of a sheet, or the receipt.
    pub item_id: i64,
    /// The other court's paper; open until it is there.
    pub paper: Option<String>,
}

/// What our side of a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// A line of a sheet that pays another court.
    SheetLine(i64),
    /// A receipt of a case.
    Receipt(i64),
}

/// Records one side of money between courts. Needs [`Role::Handler`] or [`Role::FundKeeper`].
///
/// # Errors
/// `court_transfers.text`, `court_transfers.line_unknown` (no such line, or it pays no court), `court_transfers.no_case`,
/// `court_transfers.known`, `receipts.unknown`, the codes of [`CaseNumber::parse`], `access.role_missing`.
pub fn record(tx: &mut Tx<'_>, acting: &Acting, ours: Ours, other: &OtherSide<'_>) -> Outcome<Transfer> {
    check_text("court", other.court)?;
    check_text("reference", other.reference)?;
    let other_case = CaseNumber::parse(other.case_number).map_err(|refusal| refusal.message())?.to_string();
    let mut act = acting.open_act(tx, books::CASE_MONEY, "court_transfer.record")?;
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    let book = act.book();
    let (direction, case_id, amount, line_id, receipt_id) = match ours {
        Ours::SheetLine(line_id) => {
            let found = tx.query_opt(
                "SELECT s.case_id, l.amount_minor FROM sheet_line AS l JOIN sheet AS s ON s.court_id = l.court_id \
                 AND s.book_id = l.book_id AND s.sheet_id = l.sheet_id JOIN payee AS p ON p.court_id = l.court_id \
                 AND p.book_id = l.book_id AND p.payee_id = l.payee_id AND p.kind = 'other_court' \
                 WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = $3",
                &[book.court_id.into(), book.book_id.into(), line_id.into()],
                |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
            )?;
            let (case_id, amount) =
                found.ok_or_else(|| Message::new("court_transfers.line_unknown").with("line", line_id))?;
            (Direction::Out, case_id, amount, Some(line_id), None)
        }
        Ours::Receipt(receipt_id) => {
            let receipt = receipts::find_receipt(tx, book, receipt_id)?;
            let case_id = receipt.owner_case_id();
            let case_id = case_id.ok_or_else(|| Message::new("court_transfers.no_case").with("receipt", receipt_id))?;
            (Direction::In, case_id, receipt.amount, None, Some(receipt_id))
        }
    };
    let item_id = line_id.or(receipt_id);
    if let Some(known) =
        transfers(tx, book)?.into_iter().find(|known| known.direction == direction && Some(known.item_id) == item_id)
    {
        return Err(Message::new("court_transfers.known").with("transfer", known.transfer_id).into());
    }
    let transfer_id = act.take_ids(1);
    act.insert(
        tx,
        &COURT_TRANSFER,
        transfer_id,
        &[
            transfer_id.into(),
            direction.as_str().into(),
            case_id.into(),
            other.court.trim().into(),
            other_case.as_str().into(),
            other.reference.trim().into(),
            amount.minor().into(),
            line_id.into(),
            receipt_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    find(tx, book, transfer_id)
}

/// Records the other court's paper: that the money is there, or that it was sent. Needs [`Role::Handler`] or
/// [`Role::FundKeeper`].
///
/// # Errors
/// `court_transfers.unknown`, `court_transfers.text`, `court_transfers.paired` (there is one already),
/// `court_transfers.amount_differs`, `access.role_missing`.
pub fn record_paper(
    tx: &mut Tx<'_>,
    acting: &Acting,
    transfer_id: i64,
    document: &str,
    amount: Amount,
) -> Outcome<Transfer> {
    check_text("document", document)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "court_transfer.paper")?;
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    let book = act.book();
    let transfer = find(tx, book, transfer_id)?;
    if transfer.paper.is_some() {
        return Err(Message::new("court_transfers.paired").with("transfer", transfer_id).into());
    }
    if amount != transfer.amount {
        return Err(Message::new("court_transfers.amount_differs")
            .with("amount", amount)
            .with("ours", transfer.amount)
            .into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &COURT_TRANSFER_PAPER,
        id,
        &[
            id.into(),
            transfer_id.into(),
            document.trim().into(),
            amount.minor().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    find(tx, book, transfer_id)
}

fn check_text(field: &str, text: &str) -> Result<(), Message> {
    let length = text.trim().chars().count();
    if length == 0 || length > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Message::new("court_transfers.text").with("field", field).with("max", TEXT_CHARS_MAX));
    }
    Ok(())
}

/// All transfers, oldest first.
///
/// # Errors
/// What the database says.
pub fn transfers(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Transfer>> {
    Ok(tx.query(
        "SELECT t.transfer_id, t.direction, t.case_id, t.other_court, t.other_case, t.reference, t.amount_minor, \
         COALESCE(t.sheet_line_id, t.receipt_id), p.document FROM court_transfer AS t LEFT JOIN court_transfer_paper AS p \
         ON p.court_id = t.court_id AND p.book_id = t.book_id AND p.transfer_id = t.transfer_id \
         WHERE t.court_id = $1 AND t.book_id = $2 ORDER BY t.transfer_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            Ok(Transfer {
                transfer_id: row.int(0)?,
                direction: read_word(row, 1, Direction::parse)?,
                case_id: row.int(2)?,
                other: [row.text(3)?.to_owned(), row.text(4)?.to_owned(), row.text(5)?.to_owned()],
                amount: Amount::from_minor(row.int(6)?),
                item_id: row.int(7)?,
                paper: row.opt_text(8)?.map(str::to_owned),
            })
        },
    )?)
}

fn find(tx: &mut Tx<'_>, book: BookKey, transfer_id: i64) -> Outcome<Transfer> {
    let found = transfers(tx, book)?.into_iter().find(|transfer| transfer.transfer_id == transfer_id);
    Ok(found.ok_or_else(|| Message::new("court_transfers.unknown").with("transfer", transfer_id))?)
}
