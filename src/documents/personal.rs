//! Personal data: sealed, versioned by id, outside the chain. Facts carry the id and a salted commitment.

use std::fmt;

use ankuan_ledger::BookKey;
use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Bulk, Row, RowBytes, Table, Tx, Value};
use ring::aead::NONCE_LEN;

use super::keys::Keys;
use super::rotation::Sealed;
use crate::bank::PayeeKind;
use crate::failure::Outcome;
use crate::message::Message;

/// `personal_detail`
pub static PERSONAL_DETAIL: Table = Table {
    name: "personal_detail",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("detail_id", Int),
        ("payee_kind", Text),
        ("payee_name", Text),
        ("bank_name", Text),
        ("bank_code", Text),
        ("document_index", Int),
        ("account_index", Int),
        ("sealed", Bytes),
    ],
    order: &["detail_id"],
};

/// Who is paid, and where. Masks itself when printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonalDetail<'a> {
    /// Person or company: banks take them in different files.
    pub kind: PayeeKind,
    /// Name of the account (户名).
    pub payee_name: &'a str,
    /// Bank (开户行).
    pub bank_name: &'a str,
    /// Bank code (联行号).
    pub bank_code: &'a str,
    /// Number of the identity document.
    pub document_number: &'a str,
    /// Account number.
    pub account: &'a str,
    /// Telephone.
    pub telephone: &'a str,
}

impl fmt::Debug for PersonalDetail<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PersonalDetail({}, {})", self.payee_name, mask(self.account))
    }
}

/// All but the last four characters hidden.
#[must_use]
pub fn mask(text: &str) -> String {
    let length = text.chars().count();
    text.chars().enumerate().map(|(place, letter)| if place + 4 < length { '*' } else { letter }).collect()
}

/// Writes personal details; reuses its buffers.
#[derive(Debug)]
pub struct DetailWriter<'k> {
    keys: &'k Keys,
    book: BookKey,
    bulk: Bulk,
    place: RowBytes,
    plain: RowBytes,
    sealed: Vec<u8>,
}

impl<'k> DetailWriter<'k> {
    /// For one book.
    #[must_use]
    pub fn new(keys: &'k Keys, book: BookKey) -> Self {
        Self {
            keys,
            book,
            bulk: Bulk::new(&PERSONAL_DETAIL),
            place: RowBytes::default(),
            plain: RowBytes::default(),
            sealed: Vec::new(),
        }
    }

    /// Writes one under its id and returns its commitment: SHA-256 over the nonce and all fields. The nonce is the
    /// salt, and stands only in the sealed value: with it removed, the commitment says nothing about anybody.
    ///
    /// # Errors
    /// What the database says.
    pub fn write(
        &mut self,
        tx: &mut Tx<'_>,
        detail_id: i64,
        nonce: [u8; NONCE_LEN],
        document_kind: &str,
        detail: &PersonalDetail<'_>,
    ) -> Outcome<Digest> {
        self.plain.clear();
        for field in [detail.document_number, detail.account, detail.telephone] {
            self.plain.value(field.into());
        }
        self.sealed.clear();
        write_place(&mut self.place, self.book, detail_id, detail);
        self.keys.seal(nonce, self.place.as_bytes(), self.plain.as_bytes(), &mut self.sealed)?;
        let index = |kind: &str, value: &str| if value.is_empty() { 0 } else { self.keys.index(kind, value) };
        self.bulk.push(
            tx,
            &[
                self.book.court_id.into(),
                self.book.book_id.into(),
                detail_id.into(),
                kind_word(detail.kind).into(),
                detail.payee_name.into(),
                detail.bank_name.into(),
                detail.bank_code.into(),
                index(document_kind, detail.document_number).into(),
                index("account", detail.account).into(),
                Value::Bytes(&self.sealed),
            ],
        )?;
        Ok(commitment(&nonce, detail))
    }

    /// Sends what is left.
    ///
    /// # Errors
    /// What the database says.
    pub fn finish(self, tx: &mut Tx<'_>) -> Outcome<()> {
        self.bulk.finish(tx)?;
        Ok(())
    }
}

fn commitment(nonce: &[u8], detail: &PersonalDetail<'_>) -> Digest {
    let mut bytes = RowBytes::default();
    let fields = [
        kind_word(detail.kind),
        detail.payee_name,
        detail.bank_name,
        detail.bank_code,
        detail.document_number,
        detail.account,
        detail.telephone,
    ];
    bytes.begin(fields.len());
    for field in fields {
        bytes.value(field.into());
    }
    ankuan_ledger::chain::sha256(&[b"ankuan-detail-1", nonce, bytes.as_bytes()])
}

const fn kind_word(kind: PayeeKind) -> &'static str {
    match kind {
        PayeeKind::Person => "person",
        PayeeKind::Company => "company",
    }
}

/// From what is stored; the schema has a CHECK.
pub(crate) fn kind_of(word: &str) -> PayeeKind {
    if word == "company" { PayeeKind::Company } else { PayeeKind::Person }
}

/// What a sealed value is bound to: its row, and the columns beside it that are not sealed. With one of them changed it
/// cannot be opened, so nobody is paid under another name or at another bank.
fn write_place(place: &mut RowBytes, book: BookKey, detail_id: i64, detail: &PersonalDetail<'_>) {
    place.clear();
    for number in [book.court_id, book.book_id, detail_id] {
        place.value(number.into());
    }
    for text in [kind_word(detail.kind), detail.payee_name, detail.bank_name, detail.bank_code] {
        place.value(text.into());
    }
}

/// The salt of a commitment, as it stands in the sealed value.
#[derive(Debug, Clone, Copy)]
pub struct Salt([u8; NONCE_LEN]);

impl Salt {
    /// The commitment that the fact must carry.
    #[must_use]
    pub fn commitment(&self, detail: &PersonalDetail<'_>) -> Digest {
        commitment(&self.0, detail)
    }
}

/// Reads personal details of a range of ids, in order, and hands each to `read` with the salt of its commitment.
///
/// # Errors
/// `keys.detail_cannot_open`; what the database or `read` says.
pub fn each_detail(
    tx: &mut Tx<'_>,
    keys: &Keys,
    book: BookKey,
    ids: (i64, i64),
    read: &mut dyn FnMut(i64, &PersonalDetail<'_>, Salt) -> Outcome<()>,
) -> Outcome<()> {
    let (mut scratch, mut place) = (Vec::new(), RowBytes::default());
    tx.scan(&PERSONAL_DETAIL, book.court_id, book.book_id, ids, |row: &Row<'_>| {
        let detail_id = row.int(2)?;
        let cannot = || Message::new("keys.detail_cannot_open").with("detail", detail_id);
        scratch.clear();
        scratch.extend_from_slice(row.bytes(9)?);
        let nonce: [u8; NONCE_LEN] =
            scratch.get(1..=NONCE_LEN).and_then(|nonce| nonce.try_into().ok()).ok_or_else(cannot)?;
        let open = open_part(row, 3)?;
        write_place(&mut place, book, detail_id, &open);
        let plain = keys.open(place.as_bytes(), &mut scratch).map_err(|_| cannot())?;
        keys.count_detail();
        let [document_number, account, telephone] = fields(plain).ok_or_else(cannot)?;
        let detail = PersonalDetail { document_number, account, telephone, ..open };
        read(detail_id, &detail, Salt(nonce))
    })
}

/// What is not sealed of a detail: kind, name, bank and its code, from a column on.
fn open_part<'r>(row: &Row<'r>, first: usize) -> ankuan_ledger::engine::Result<PersonalDetail<'r>> {
    Ok(PersonalDetail {
        kind: kind_of(row.text(first)?),
        payee_name: row.text(first + 1)?,
        bank_name: row.text(first + 2)?,
        bank_code: row.text(first + 3)?,
        document_number: "",
        account: "",
        telephone: "",
    })
}

/// What is sealed of personal details.
pub(crate) const SEALED_DETAILS: Sealed = Sealed {
    table: "personal_detail",
    key: &["court_id", "book_id", "detail_id"],
    column: "sealed",
    page: "SELECT court_id, book_id, detail_id, sealed, payee_kind, payee_name, bank_name, bank_code \
           FROM personal_detail WHERE (court_id, book_id, detail_id) > ($1, $2, $3) \
           ORDER BY court_id, book_id, detail_id LIMIT 2000",
    place: |row| {
        let mut place = RowBytes::default();
        let open = open_part(row, 4)?;
        write_place(&mut place, BookKey { court_id: row.int(0)?, book_id: row.int(1)? }, row.int(2)?, &open);
        Ok(place.as_bytes().to_vec())
    },
};

/// What of personal details is not sealed.
#[derive(Debug, Clone, Copy)]
pub struct Unsealed<'a> {
    /// Person or company.
    pub kind: PayeeKind,
    /// 户名.
    pub payee_name: &'a str,
    /// 联行号.
    pub bank_code: &'a str,
    /// Keyed hash of the account number; 0 for none.
    pub account_index: i64,
}

/// Reads of a range of personal details only what is not sealed.
///
/// # Errors
/// What the database says.
pub fn each_unsealed(
    tx: &mut Tx<'_>,
    book: BookKey,
    ids: (i64, i64),
    read: &mut dyn FnMut(i64, &Unsealed<'_>),
) -> Outcome<()> {
    tx.scan(&PERSONAL_DETAIL, book.court_id, book.book_id, ids, |row: &Row<'_>| {
        let unsealed = Unsealed {
            kind: kind_of(row.text(3)?),
            payee_name: row.text(4)?,
            bank_code: row.text(6)?,
            account_index: row.int(8)?,
        };
        read(row.int(2)?, &unsealed);
        Ok(())
    })
}

/// Three texts, each with its length before it.
fn fields(mut plain: &[u8]) -> Option<[&str; 3]> {
    let mut next = || {
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
        plain = rest;
        std::str::from_utf8(text).ok()
    };
    Some([next()?, next()?, next()?])
}
