//! Papers attached to vouchers: the bank's receipts (回单), rulings. The bytes are sealed like every document.

use std::collections::HashMap;
use std::path::Path;

use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{BookKey, Tx};

use crate::access::{Acting, Role};
use crate::books;
use crate::clock::Randomness;
use crate::documents::{self, NewDocument, keys::Keys};
use crate::failure::Outcome;
use crate::message::Message;
use crate::report::{VoucherView, find_voucher};
use crate::words::{read_word, words};

/// `voucher_attachment`
pub static VOUCHER_ATTACHMENT: Table = Table {
    name: "voucher_attachment",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("voucher_id", Int),
        ("document_id", Int),
        ("kind", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The largest paper: a scan of many pages, no film.
pub const PAPER_BYTES_MAX: u64 = 20 << 20;

/// Who attaches papers: who keeps the money, who pays, who books.
const MAY_ATTACH: [Role; 3] = [Role::Finance, Role::FundKeeper, Role::Cashier];

words! {
    /// What is attached.
    AttachmentKind {
        /// 银行回单
        ReceiptOfBank = "receipt_of_bank",
        /// 裁定书、通知书
        Ruling = "ruling",
        /// 其他
        Other = "other",
    }
}

impl AttachmentKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::ReceiptOfBank => "forms.attached_receipt_of_bank",
            Self::Ruling => "forms.attached_ruling",
            Self::Other => "forms.attached_other",
        })
    }
}

/// A paper that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The document.
    pub document_id: i64,
    /// What it is.
    pub kind: AttachmentKind,
    /// Name of the file.
    pub name: String,
    /// Its length.
    pub byte_count: i64,
    /// Its digest.
    pub sha256: Digest,
    /// When, µs UTC.
    pub recorded_at: i64,
    /// Who attached it.
    pub actor_name: String,
}

/// Attaches a file to a voucher of case money. Needs one of [`MAY_ATTACH`].
///
/// # Errors
/// `report.voucher_unknown`, `forms.attach_role`, `forms.attach_size` (empty, or above [`PAPER_BYTES_MAX`]),
/// `forms.attached_already`, `file.*`.
pub fn attach(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    (voucher_id, kind): (i64, AttachmentKind),
    path: &Path,
) -> Outcome<(VoucherView, i64)> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "voucher.attach")?;
    let standings = crate::access::roles_of(tx, &acting.actor, acting.today())?;
    if !standings.iter().any(|standing| MAY_ATTACH.contains(&standing.role)) {
        return Err(Message::new("forms.attach_role").with("name", &acting.actor.name).into());
    }
    let voucher = find_voucher(tx, act.book(), voucher_id)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = documents::read_small(path, PAPER_BYTES_MAX)?.filter(|bytes| !bytes.is_empty());
    let wrong = || Message::new("forms.attach_size").with("file", &name).with("max", PAPER_BYTES_MAX >> 20);
    let bytes = bytes.ok_or_else(wrong)?;
    let sha256 = ankuan_ledger::chain::sha256(&[&bytes]);
    if of_voucher(tx, act.book(), voucher_id)?.iter().any(|known| known.sha256 == sha256) {
        return Err(Message::new("forms.attached_already").with("file", &name).with("voucher", voucher_id).into());
    }
    let new = NewDocument { kind: "voucher_attachment", name: &name, media_type: "application/octet-stream" };
    let stored = documents::store(tx, &mut act, keys, randomness, &new, bytes.as_slice())?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &VOUCHER_ATTACHMENT,
        id,
        &[
            id.into(),
            voucher_id.into(),
            stored.document_id.into(),
            kind.as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok((voucher, stored.document_id))
}

/// The papers of a voucher, in the order they were attached.
///
/// # Errors
/// What the database says.
pub fn of_voucher(tx: &mut Tx<'_>, book: BookKey, voucher_id: i64) -> Outcome<Vec<Attached>> {
    Ok(tx.query(
        "SELECT a.document_id, a.kind, d.name, d.byte_count, d.sha256, a.recorded_at, p.name \
         FROM voucher_attachment AS a JOIN document AS d ON d.court_id = a.court_id AND d.book_id = a.book_id \
         AND d.document_id = a.document_id \
         LEFT JOIN person AS p ON p.court_id = a.court_id AND p.book_id = $4 AND p.person_id = a.actor_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.voucher_id = $3 ORDER BY a.id",
        &[book.court_id.into(), book.book_id.into(), voucher_id.into(), books::REGISTER.into()],
        |row| {
            Ok(Attached {
                document_id: row.int(0)?,
                kind: read_word(row, 1, AttachmentKind::parse)?,
                name: row.text(2)?.to_owned(),
                byte_count: row.int(3)?,
                sha256: row.digest(4)?,
                recorded_at: row.int(5)?,
                actor_name: row.opt_text(6)?.unwrap_or_default().to_owned(),
            })
        },
    )?)
}

/// A paper of a voucher: its name and its bytes.
///
/// # Errors
/// `forms.paper_unknown`, `documents.changed`.
pub fn read(
    tx: &mut Tx<'_>,
    keys: &Keys,
    book: BookKey,
    voucher_id: i64,
    document_id: i64,
) -> Outcome<(String, Vec<u8>)> {
    let found = of_voucher(tx, book, voucher_id)?.into_iter().find(|known| known.document_id == document_id);
    let found = found.ok_or_else(|| Message::new("forms.paper_unknown").with("document", document_id))?;
    Ok((found.name, documents::read(tx, keys, book, document_id)?))
}

/// How many papers the vouchers of a book have that have any.
///
/// # Errors
/// What the database says.
pub fn counts(tx: &mut Tx<'_>, book: BookKey) -> Outcome<HashMap<i64, i64>> {
    let rows = tx.query(
        "SELECT voucher_id, CAST(COUNT(*) AS BIGINT) FROM voucher_attachment WHERE court_id = $1 AND book_id = $2 \
         GROUP BY voucher_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}
