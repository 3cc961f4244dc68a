//! Papers that people sign, made from what is recorded: a form is data, one function a kind loads it, one template prints
//! it. Every print is a fact with the digest of what the form said; the first one gives the form its number.

pub mod attached;
pub mod load;
pub mod template;

use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Row, RowBytes, Table, Value};
use ankuan_ledger::{Amount, BookKey, Tx};

use crate::access::{self, Acting, Role};
use crate::books;
use crate::failure::Outcome;
use crate::message::{Language, Message};
use crate::words::{read_word, words};

/// `paper_print`
pub static PAPER_PRINT: Table = Table {
    name: "paper_print",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("kind", Text),
        ("subject", Text),
        ("number", Text),
        ("print_no", Int),
        ("digest", Bytes),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Who may print: everybody who works with the money. Who only looks sees the form without a print of it.
const MAY_PRINT: [Role; 6] =
    [Role::Handler, Role::FundKeeper, Role::Finance, Role::Cashier, Role::BureauHead, Role::VicePresident];

words! {
    /// The kinds of forms.
    PaperKind {
        /// 执行款发放审批表, of a sheet.
        PayoutSheet = "payout_sheet",
        /// 执行款发放审批表, of a run.
        PayoutRun = "payout_run",
        /// 延缓发放审批表, of a pause.
        Pause = "pause",
        /// 提存审批表, of a case.
        Deposit = "deposit",
        /// 收款凭据, of money that the bank received.
        Receipt = "receipt",
        /// 收款凭据（现金）, by its number.
        CashReceipt = "cash_receipt",
        /// 退款审批表, of a sheet.
        Refund = "refund",
        /// 缴库单, of a sheet.
        Treasury = "treasury",
        /// 分配方案, of a plan by law or the parties.
        Plan = "plan",
        /// 分配方案, of a distribution over a list of claimants.
        Distribution = "distribution",
        /// 送盘交接单, of a released run.
        Transmittal = "transmittal",
        /// 结案证明, of a case.
        ClosingCertificate = "closing_certificate",
    }
}

impl PaperKind {
    /// What the form is called.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::PayoutSheet => "forms.payout_sheet",
            Self::PayoutRun => "forms.payout_run",
            Self::Pause => "forms.pause",
            Self::Deposit => "forms.deposit",
            Self::Receipt => "forms.receipt",
            Self::CashReceipt => "forms.cash_receipt",
            Self::Refund => "forms.refund",
            Self::Treasury => "forms.treasury",
            Self::Plan => "forms.plan",
            Self::Distribution => "forms.distribution",
            Self::Transmittal => "forms.transmittal",
            Self::ClosingCertificate => "forms.closing_certificate",
        })
    }

    /// What it is asked for by.
    #[must_use]
    pub const fn subject(self) -> Message {
        Message::new(match self {
            Self::PayoutSheet | Self::Refund | Self::Treasury => "forms.by_sheet",
            Self::PayoutRun | Self::Transmittal => "forms.by_run",
            Self::Pause => "forms.by_pause",
            Self::Deposit | Self::ClosingCertificate => "forms.by_case",
            Self::Receipt => "forms.by_receipt",
            Self::CashReceipt => "forms.by_cash",
            Self::Plan => "forms.by_plan",
            Self::Distribution => "forms.by_distribution",
        })
    }

    /// What its numbers begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::PayoutSheet => "FF",
            Self::PayoutRun => "PC",
            Self::Pause => "YH",
            Self::Deposit => "TC",
            Self::Receipt => "SK",
            Self::CashReceipt => "XJ",
            Self::Refund => "TK",
            Self::Treasury => "JK",
            Self::Plan => "FA",
            Self::Distribution => "FP",
            Self::Transmittal => "JJ",
            Self::ClosingCertificate => "JA",
        }
    }
}

/// What stands in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// As recorded.
    Text(String),
    /// In the reader's language.
    Term(Message),
    /// What a court or a rule calls something, in Chinese and in English.
    Both(String, String),
    /// Money.
    Amount(Amount),
}

impl Said {
    /// What is said of something in each language.
    #[must_use]
    pub fn both(said: impl Fn(Language) -> String) -> Self {
        Self::Both(said(Language::Zh), said(Language::En))
    }

    /// In a language.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Term(message) => message.text(language),
            Self::Both(zh, en) => {
                if language == Language::Zh {
                    zh.clone()
                } else {
                    en.clone()
                }
            }
            Self::Amount(amount) => amount.to_string(),
        }
    }

    fn digest_into(&self, bytes: &mut RowBytes) {
        match self {
            Self::Text(text) => bytes.value(Value::Text(text)),
            Self::Term(message) => message_into(message, bytes),
            Self::Both(zh, en) => {
                bytes.value(Value::Text(zh));
                bytes.value(Value::Text(en));
            }
            Self::Amount(amount) => bytes.value(amount.minor().into()),
        }
    }
}

impl From<Message> for Said {
    fn from(message: Message) -> Self {
        Self::Term(message)
    }
}

impl From<Amount> for Said {
    fn from(amount: Amount) -> Self {
        Self::Amount(amount)
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Said {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Said {
    fn from(number: i64) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<jiff::civil::Date> for Said {
    fn from(date: jiff::civil::Date) -> Self {
        Self::Text(date.to_string())
    }
}

/// A message as it counts in a digest: its code and arguments, whatever the texts in `locales/` say later.
fn message_into(message: &Message, bytes: &mut RowBytes) {
    bytes.value(Value::Text(message.code));
    for (name, value) in &message.arguments {
        bytes.value(Value::Text(name));
        bytes.value(Value::Text(value));
    }
}

/// A table of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormTable {
    /// What it lists; its code.
    pub caption: &'static str,
    /// Codes of its columns, and whether each is of numbers.
    pub columns: Vec<(&'static str, bool)>,
    /// Its rows.
    pub rows: Vec<Vec<Said>>,
}

/// Who signed a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Name.
    pub name: String,
    /// For whom, where they stood in (代).
    pub on_behalf_of: Option<String>,
    /// When, µs UTC.
    pub at: i64,
    /// The beginning of the signature, where the approval was signed with a key.
    pub signature: Option<String>,
}

/// A box in which somebody signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureBox {
    /// What is signed for: 经办, 复核, 审批.
    pub label: Said,
    /// In which role.
    pub role: Option<Message>,
    /// Who has signed; empty: it waits for a hand.
    pub signed: Option<Signed>,
}

/// A form, from what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Kind.
    pub kind: PaperKind,
    /// What it is about, in one spelling.
    pub subject: String,
    /// Name of the court.
    pub court: String,
    /// Labels by their codes, and what stands there.
    pub fields: Vec<(&'static str, Said)>,
    /// The money it is about, which is also written in capitals.
    pub amount: Option<Amount>,
    /// Tables.
    pub tables: Vec<FormTable>,
    /// Boxes.
    pub boxes: Vec<SignatureBox>,
    /// What has to be said besides, such as what is not in the books.
    pub notes: Vec<Message>,
    /// What stands across it: void, reversed.
    pub stamp: Option<Message>,
}

impl Form {
    /// Names exactly what the form says, in whichever language it is read.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = RowBytes::default();
        for text in [self.kind.as_str(), &self.subject, &self.court] {
            bytes.value(Value::Text(text));
        }
        bytes.value(self.amount.map(Amount::minor).into());
        for (label, said) in &self.fields {
            bytes.value(Value::Text(label));
            said.digest_into(&mut bytes);
        }
        for table in &self.tables {
            bytes.value(Value::Text(table.caption));
            for (column, _) in &table.columns {
                bytes.value(Value::Text(column));
            }
            for row in &table.rows {
                bytes.value((row.len() as i64).into());
                row.iter().for_each(|cell| cell.digest_into(&mut bytes));
            }
        }
        for one in &self.boxes {
            one.label.digest_into(&mut bytes);
            match &one.signed {
                None => bytes.value(0_i64.into()),
                Some(signed) => {
                    bytes.value(Value::Text(&signed.name));
                    bytes.value(Value::Text(signed.on_behalf_of.as_deref().unwrap_or_default()));
                    bytes.value(signed.at.into());
                    bytes.value(Value::Text(signed.signature.as_deref().unwrap_or_default()));
                }
            }
        }
        for message in self.notes.iter().chain(&self.stamp) {
            message_into(message, &mut bytes);
        }
        sha256(&[b"ankuan-paper-1", bytes.as_bytes()])
    }
}

/// A print of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Kind.
    pub kind: PaperKind,
    /// What it is about.
    pub subject: String,
    /// Number of the form.
    pub number: String,
    /// 1: the original.
    pub print_no: i64,
    /// Of what it said.
    pub digest: Digest,
    /// When, µs UTC.
    pub recorded_at: i64,
    /// Who printed it.
    pub actor_name: String,
}

macro_rules! prints_where {
    ($rest:literal) => {
        concat!(
            "SELECT r.kind, r.subject, r.number, r.print_no, r.digest, r.recorded_at, p.name FROM paper_print AS r \
             LEFT JOIN person AS p ON p.court_id = r.court_id AND p.book_id = $3 AND p.person_id = r.actor_id \
             WHERE r.court_id = $1 AND r.book_id = $2 AND ",
            $rest
        )
    };
}

fn read_print(row: &Row<'_>) -> ankuan_ledger::engine::Result<Print> {
    Ok(Print {
        kind: read_word(row, 0, PaperKind::parse)?,
        subject: row.text(1)?.to_owned(),
        number: row.text(2)?.to_owned(),
        print_no: row.int(3)?,
        digest: row.digest(4)?,
        recorded_at: row.int(5)?,
        actor_name: row.opt_text(6)?.unwrap_or_default().to_owned(),
    })
}

/// The prints of a form, oldest first.
///
/// # Errors
/// What the database says.
pub fn prints_of(tx: &mut Tx<'_>, book: BookKey, kind: PaperKind, subject: &str) -> Outcome<Vec<Print>> {
    let key = [book.court_id.into(), book.book_id.into(), books::REGISTER.into(), kind.as_str().into(), subject.into()];
    Ok(tx.query(prints_where!("r.kind = $4 AND r.subject = $5 ORDER BY r.print_no"), &key, read_print)?)
}

/// The newest prints of all forms, newest first.
///
/// # Errors
/// What the database says.
pub fn newest_prints(tx: &mut Tx<'_>, book: BookKey, limit: i64) -> Outcome<Vec<Print>> {
    let key = [book.court_id.into(), book.book_id.into(), books::REGISTER.into(), limit.into()];
    Ok(tx.query(prints_where!("r.id > 0 ORDER BY r.id DESC LIMIT $4"), &key, read_print)?)
}

/// All prints in the order they were recorded, for verification.
///
/// # Errors
/// What the database says.
pub fn all_prints(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Print>> {
    let key = [book.court_id.into(), book.book_id.into(), books::REGISTER.into()];
    Ok(tx.query(prints_where!("r.id > 0 ORDER BY r.id"), &key, read_print)?)
}

/// Records a print of a form as it stands now. Needs one of [`MAY_PRINT`].
///
/// # Errors
/// `forms.print_role`.
pub fn print(tx: &mut Tx<'_>, acting: &Acting, form: &Form) -> Outcome<Print> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "paper.print")?;
    let standings = access::roles_of(tx, &acting.actor, acting.today())?;
    if !standings.iter().any(|standing| MAY_PRINT.contains(&standing.role)) {
        return Err(Message::new("forms.print_role").with("name", &acting.actor.name).into());
    }
    // Under the head's lock: two at once get two numbers.
    let before = prints_of(tx, act.book(), form.kind, &form.subject)?;
    let number = match before.first() {
        Some(first) => first.number.clone(),
        None => next_number(tx, act.book(), form.kind, acting)?,
    };
    let print = Print {
        kind: form.kind,
        subject: form.subject.clone(),
        number,
        print_no: before.len() as i64 + 1,
        digest: form.digest(),
        recorded_at: acting.at.as_microsecond(),
        actor_name: acting.actor.name.clone(),
    };
    let id = act.take_ids(1);
    act.insert(
        tx,
        &PAPER_PRINT,
        id,
        &[
            id.into(),
            print.kind.as_str().into(),
            print.subject.as_str().into(),
            print.number.as_str().into(),
            print.print_no.into(),
            Value::Bytes(&print.digest),
            print.recorded_at.into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(print)
}

fn next_number(tx: &mut Tx<'_>, book: BookKey, kind: PaperKind, acting: &Acting) -> Outcome<String> {
    let begins = format!("{}{}-", kind.prefix(), acting.today().strftime("%Y"));
    let used = tx.query_one(
        "SELECT COUNT(*) FROM paper_print WHERE court_id = $1 AND book_id = $2 AND kind = $3 AND print_no = 1 \
         AND number LIKE $4",
        &[book.court_id.into(), book.book_id.into(), kind.as_str().into(), format!("{begins}%").as_str().into()],
        |row| row.int(0),
    )?;
    Ok(format!("{begins}{:04}", used + 1))
}
