//! What the bank has to move in its own sub-ledger (子账户): money that came into the main account and now has a case.

use ankuan_ledger::engine::Kind::Int;
use ankuan_ledger::engine::{Table, Tx};
use ankuan_ledger::{Act, Amount, BookKey};

use super::Receipt;
use crate::books;
use crate::cases;
use crate::failure::Outcome;

/// `transfer_instruction`
pub static TRANSFER_INSTRUCTION: Table = Table {
    name: "transfer_instruction",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("bank_account_id", Int),
        ("receipt_id", Int),
        ("case_id", Int),
        ("sub_account_id", Int),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// An instruction as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferInstruction {
    /// Row.
    pub id: i64,
    /// The receipt whose money it is.
    pub receipt_id: i64,
    /// The bank's reference of its arrival.
    pub reference: String,
    /// Number of the case.
    pub case_number: String,
    /// Sub-account that it goes to.
    pub sub_account: String,
    /// How much.
    pub amount: Amount,
}

/// Records what the bank has to move when a receipt of the main account is attributed to a case that has a sub-account.
///
/// # Errors
/// What the database says.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    act: &mut Act,
    receipt: &Receipt,
    case_id: i64,
    claimed: Option<i64>,
) -> Outcome<()> {
    if receipt.sub_account_id.is_some() {
        return Ok(());
    }
    let mut of_case = cases::sub_accounts(tx, act.book(), case_id)?;
    of_case.retain(|one| one.bank_account_id == receipt.bank_account_id);
    let sub_account = match (claimed, of_case.as_slice()) {
        (Some(claimed), all) => all.iter().find(|one| one.sub_account_id == claimed),
        (None, [only]) => Some(only),
        // One a payer: which one it is, a person says with the claim.
        (None, _) => None,
    };
    let Some(sub_account) = sub_account else { return Ok(()) };
    let id = act.take_ids(1);
    let at = act.recorded_at();
    act.insert(
        tx,
        &TRANSFER_INSTRUCTION,
        id,
        &[
            id.into(),
            receipt.bank_account_id.into(),
            receipt.receipt_id.into(),
            case_id.into(),
            sub_account.sub_account_id.into(),
            receipt.amount.minor().into(),
            at.into(),
        ],
    )?;
    Ok(())
}

/// The instructions of an account, oldest first.
///
/// # Errors
/// What the database says.
pub fn transfer_instructions(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
) -> Outcome<Vec<TransferInstruction>> {
    let book: BookKey = books::case_money(court_id);
    let rows = tx.query(
        "SELECT t.id, t.receipt_id, r.bank_reference, t.case_id, s.number, t.amount_minor \
         FROM transfer_instruction AS t JOIN receipt AS r ON r.court_id = t.court_id AND r.book_id = t.book_id \
         AND r.receipt_id = t.receipt_id JOIN sub_account AS s ON s.court_id = t.court_id AND s.book_id = t.book_id \
         AND s.sub_account_id = t.sub_account_id \
         WHERE t.court_id = $1 AND t.book_id = $2 AND t.bank_account_id = $3 ORDER BY t.id",
        &[book.court_id.into(), book.book_id.into(), bank_account_id.into()],
        |row| {
            Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_owned(), row.int(3)?, row.text(4)?.to_owned(), row.int(5)?))
        },
    )?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, receipt_id, reference, case_id, sub_account, amount) in rows {
        found.push(TransferInstruction {
            id,
            receipt_id,
            reference,
            case_number: cases::case_by_id(tx, book, case_id)?.current_number().to_owned(),
            sub_account,
            amount: Amount::from_minor(amount),
        });
    }
    Ok(found)
}
