//! Another order freezes an amount of one payee's share (冻结申请执行人的案款).

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use super::{Case, CaseNumber};
use crate::access::{Acting, Role};
use crate::books;
use crate::schema::read_date;
use crate::{Message, Outcome};

/// `payee_freeze`
pub static PAYEE_FREEZE: Table = Table {
    name: "payee_freeze",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("freeze_id", Int),
        ("case_id", Int),
        ("claim_id", Int),
        ("document_index", Int),
        ("amount_minor", Int),
        ("order_number", Text),
        ("ordered_by", Text),
        ("effective_on", Text),
        ("mark", Int),
    ],
    order: &["freeze_id"],
};

/// `payee_freeze_lift`
pub static PAYEE_FREEZE_LIFT: Table = Table {
    name: "payee_freeze_lift",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("freeze_id", Int),
        ("document", Text),
        ("effective_on", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Whose share is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrozenShare {
    /// The share of a claim.
    Claim(i64),
    /// Every share in the case of the person whose document number has this blind index.
    Document(i64),
}

/// A freeze of an amount of one payee's share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeeFreeze {
    /// Row.
    pub freeze_id: i64,
    /// Case out of which the payee would be paid.
    pub case_id: i64,
    /// Whose share.
    pub share: FrozenShare,
    /// The most that is frozen.
    pub amount: Amount,
    /// Case number of the other order.
    pub order_number: String,
    /// The court that ordered it.
    pub ordered_by: String,
    /// Legal date.
    pub effective_on: Date,
    /// The paper that lifted it; none while it is in force. It never ends by itself.
    pub lifted_by: Option<String>,
}

/// A freeze to be recorded.
#[derive(Clone, Debug)]
pub struct NewFreeze<'a> {
    /// Whose share.
    pub share: FrozenShare,
    /// Positive.
    pub amount: Amount,
    /// Case number of the other order, in any spelling.
    pub order_number: &'a str,
    /// The court that ordered it.
    pub ordered_by: &'a str,
    /// Legal date.
    pub effective_on: Date,
}

/// Records that another order freezes an amount of one payee's share. Needs [`Role::Handler`].
///
/// # Errors
/// `freezes.amount`, `freezes.court_missing`, the codes of [`CaseNumber::parse`] for the order, `access.role_missing`.
pub fn freeze_share(tx: &mut Tx<'_>, acting: &Acting, case: &Case, new: &NewFreeze<'_>) -> Outcome<PayeeFreeze> {
    let order_number = CaseNumber::parse(new.order_number).map_err(|refusal| refusal.message())?.to_string();
    if new.amount <= Amount::ZERO {
        return Err(Message::new("freezes.amount").with("amount", new.amount).into());
    }
    if new.ordered_by.trim().is_empty() {
        return Err(Message::new("freezes.court_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.freeze")?;
    acting.require(tx, Role::Handler)?;
    let freeze_id = act.take_ids(1);
    let (claim_id, document_index) = match &new.share {
        FrozenShare::Claim(claim_id) => (Value::Int(*claim_id), Value::Null),
        FrozenShare::Document(index) => (Value::Null, Value::Int(*index)),
    };
    act.insert(
        tx,
        &PAYEE_FREEZE,
        freeze_id,
        &[
            freeze_id.into(),
            case.case_id.into(),
            claim_id,
            document_index,
            new.amount.minor().into(),
            order_number.as_str().into(),
            new.ordered_by.trim().into(),
            new.effective_on.to_string().as_str().into(),
        ],
    )?;
    act.close(tx)?;
    Ok(PayeeFreeze {
        freeze_id,
        case_id: case.case_id,
        share: new.share,
        amount: new.amount,
        order_number,
        ordered_by: new.ordered_by.trim().to_owned(),
        effective_on: new.effective_on,
        lifted_by: None,
    })
}

/// Lifts a freeze. Needs [`Role::Handler`].
///
/// # Errors
/// `freezes.unknown` (not in this case), `freezes.lifted_already`, `gates.document_missing`, `access.role_missing`.
pub fn lift_freeze(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case: &Case,
    freeze_id: i64,
    document: &str,
    effective_on: Date,
) -> Outcome<()> {
    if document.trim().is_empty() {
        return Err(Message::new("gates.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.freeze_lift")?;
    acting.require(tx, Role::Handler)?;
    let freezes = freezes_of(tx, act.book(), case.case_id)?;
    let Some(freeze) = freezes.iter().find(|freeze| freeze.freeze_id == freeze_id) else {
        return Err(Message::new("freezes.unknown")
            .with("freeze", freeze_id)
            .with("number", case.current_number())
            .into());
    };
    if let Some(document) = &freeze.lifted_by {
        return Err(Message::new("freezes.lifted_already").with("freeze", freeze_id).with("document", document).into());
    }
    let id = act.take_ids(1);
    let on = effective_on.to_string();
    act.insert(tx, &PAYEE_FREEZE_LIFT, id, &[id.into(), freeze_id.into(), document.trim().into(), on.as_str().into()])?;
    act.close(tx)?;
    Ok(())
}

/// The freezes of a case, lifted ones included, in the order they were recorded.
///
/// # Errors
/// [`ankuan_ledger::Error::Inconsistent`] for a freeze of nobody's share.
pub fn freezes_of(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<PayeeFreeze>> {
    Ok(tx.query(
        "SELECT f.freeze_id, f.claim_id, f.document_index, f.amount_minor, f.order_number, f.ordered_by, \
         f.effective_on, l.document FROM payee_freeze AS f \
         LEFT JOIN payee_freeze_lift AS l \
         ON l.court_id = f.court_id AND l.book_id = f.book_id AND l.freeze_id = f.freeze_id \
         WHERE f.court_id = $1 AND f.book_id = $2 AND f.case_id = $3 ORDER BY f.freeze_id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| {
            let share = match (row.opt_int(1)?, row.opt_int(2)?) {
                (Some(claim_id), None) => FrozenShare::Claim(claim_id),
                (None, Some(index)) => FrozenShare::Document(index),
                _ => return Err(ankuan_ledger::Error::Inconsistent("a freeze names no one share".into())),
            };
            Ok(PayeeFreeze {
                freeze_id: row.int(0)?,
                case_id,
                share,
                amount: Amount::from_minor(row.int(3)?),
                order_number: row.text(4)?.to_owned(),
                ordered_by: row.text(5)?.to_owned(),
                effective_on: read_date(row, 6)?,
                lifted_by: row.opt_text(7)?.map(str::to_owned),
            })
        },
    )?)
}
