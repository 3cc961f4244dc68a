//! Statements: camt.053 (booked), camt.052 (intraday), camt.054 (detail).

use ankuan_reconciliation::statement::{
    Balance, Declared, Detail, Direction, Entry, Foot, Head, Kind, Piece, Status, Tally,
};
use rust_decimal::Decimal;

use super::super::{Content, Problem, Sink, amount, date, end_statement, push};
use super::tags::Tag;
use super::xml::Xml;
use crate::{Message, Outcome};

/// Payments of one entry. A payout to 170,000 is one entry of 170,000 details, some 500 bytes of memory each: at the
/// limit half a gigabyte.
const DETAILS_MAX: usize = 1_000_000;

/// Details kept for the next entry, with what they have allocated.
const SPARE_DETAILS_MAX: usize = 1_000;

/// Reads a message whose body is open.
pub(super) fn read(xml: &mut Xml<'_>, kind: Kind, sink: &mut dyn Sink) -> Outcome<Content> {
    let mut page = None;
    let mut statements = 0;
    let mut scratch = Scratch::default();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::GrpHdr => page = group_header(xml)?,
            Tag::Stmt | Tag::Rpt | Tag::Ntfctn => {
                statements += 1;
                read_statement(xml, Head { kind: Some(kind), page, ..Head::default() }, &mut scratch, sink)?;
            }
            _ => xml.skip()?,
        }
    }
    if statements == 0 {
        return Err(xml.refuse("reading.no_statement").into());
    }
    Ok(Content::Statement)
}

/// What is filled again and again.
#[derive(Debug, Default)]
struct Scratch {
    spare: Vec<Detail>,
    creditor: Party,
    debtor: Party,
    instruction_id: String,
    transaction_id: String,
    payment_id: String,
    batch_id: String,
}

#[derive(Debug, Default)]
struct Party {
    name: String,
    ultimate_name: String,
    account: String,
}

impl Party {
    fn clear(&mut self) {
        self.name.clear();
        self.ultimate_name.clear();
        self.account.clear();
    }

    const fn is_empty(&self) -> bool {
        self.name.is_empty() && self.ultimate_name.is_empty() && self.account.is_empty()
    }
}

fn group_header(xml: &mut Xml<'_>) -> Outcome<Option<(u32, bool)>> {
    let mut page = None;
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::MsgPgntn => page = pagination(xml)?,
            _ => xml.skip()?,
        }
    }
    Ok(page)
}

fn pagination(xml: &mut Xml<'_>) -> Outcome<Option<(u32, bool)>> {
    let (mut number, mut is_last) = (None, true);
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::PgNb => number = xml.text()?.parse().ok(),
            Tag::LastPgInd => is_last = is_true(xml.text()?),
            _ => xml.skip()?,
        }
    }
    Ok(number.map(|number| (number, is_last)))
}

fn is_true(text: &str) -> bool {
    matches!(text, "true" | "1")
}

fn read_statement(xml: &mut Xml<'_>, mut head: Head, scratch: &mut Scratch, sink: &mut dyn Sink) -> Outcome<()> {
    let mut balances = Balances::default();
    let mut declared = Declared::default();
    let mut currencies = Currencies::default();
    let mut tally = Tally::default();
    let mut entry = Entry::blank();
    let mut begun = false;
    while let Some(tag) = xml.child()? {
        xml.piece_begins();
        match tag {
            Tag::Id => push(&mut head.id, xml.text()?)?,
            Tag::ElctrncSeqNb => xml.text()?.clone_into(&mut head.sequence),
            Tag::LglSeqNb if head.sequence.is_empty() => xml.text()?.clone_into(&mut head.sequence),
            Tag::StmtPgntn | Tag::RptPgntn | Tag::NtfctnPgntn => head.page = pagination(xml)?.or(head.page),
            Tag::FrToDt => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::FrDt | Tag::FrDtTm => head.from = date(xml.text()?),
                        Tag::ToDt | Tag::ToDtTm => head.to = date(xml.text()?),
                        _ => xml.skip()?,
                    }
                }
            }
            Tag::Acct => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Id => account_number(xml, &mut head.account)?,
                        Tag::Ccy => xml.text()?.clone_into(&mut head.currency),
                        _ => xml.skip()?,
                    }
                }
            }
            Tag::Bal => balances.take(xml, tally.entries, sink)?,
            Tag::TxsSummry => read_declared(xml, &mut declared)?,
            Tag::Ntry => {
                if !begun {
                    begun = true;
                    sink.statement(Piece::Begin(&head))?;
                }
                recycle(&mut entry, &mut scratch.spare);
                entry.place = tally.entries + 1;
                read_entry(xml, &mut entry, scratch, sink)?;
                currencies.take(&entry.currency);
                if entry.currency == head.currency {
                    entry.currency.clear();
                }
                tally.take(&entry).ok_or_else(|| xml.refuse("reading.sum_too_large"))?;
                sink.statement(Piece::Entry(&entry))?;
            }
            _ => xml.skip()?,
        }
    }
    if !begun {
        sink.statement(Piece::Begin(&head))?;
    }
    let [opening, closing] = balances.opening_and_closing();
    for found in [&opening, &closing].into_iter().flatten() {
        currencies.take(&found.currency);
    }
    let foot = Foot { opening, closing, declared, mixed_currencies: currencies.mixed };
    end_statement(sink, &tally, &foot, tally.entries)
}

/// Whether amounts in more than one currency were met.
#[derive(Debug, Default)]
struct Currencies {
    first: String,
    mixed: bool,
}

impl Currencies {
    fn take(&mut self, currency: &str) {
        if self.first.is_empty() {
            currency.clone_into(&mut self.first);
        } else if !currency.is_empty() && currency != self.first {
            self.mixed = true;
        }
    }
}

/// The first balance of each kind that is used. Interim, expected and available balances are not: they say nothing
/// about the booked entries.
#[derive(Debug, Default)]
struct Balances {
    opening: Option<Balance>,
    previous_closing: Option<Balance>,
    closing: Option<Balance>,
}

impl Balances {
    fn take(&mut self, xml: &mut Xml<'_>, place: u64, sink: &mut dyn Sink) -> Outcome<()> {
        let mut code = Code::Unused;
        let mut value = String::new();
        let mut currency = String::new();
        let mut indicator = None;
        let mut day = None;
        let mut unreadable_day = None;
        while let Some(tag) = xml.child()? {
            match tag {
                Tag::Tp => code = balance_type(xml)?,
                Tag::Amt => {
                    xml.currency().clone_into(&mut currency);
                    value = xml.text()?.to_owned();
                }
                Tag::CdtDbtInd => indicator = read_direction(xml)?,
                Tag::Dt => {
                    let text = xml.text()?;
                    day = date(text);
                    unreadable_day = (day.is_none() && !text.is_empty()).then(|| shown(text));
                }
                _ => xml.skip()?,
            }
        }
        let place_of = match code {
            Code::Opening => &mut self.opening,
            Code::PreviousClosing => &mut self.previous_closing,
            Code::Closing => &mut self.closing,
            Code::Unused => return Ok(()),
        };
        // Without an indicator it is a credit, or what its sign says.
        let unsigned = value.strip_prefix('-').filter(|_| indicator.is_none());
        let is_debit = unsigned.is_some() || indicator == Some(Direction::Debit);
        let value = amount(unsigned.unwrap_or(&value)).map_err(|code| xml.refuse(code).with("text", shown(&value)))?;
        if let Some(text) = unreadable_day {
            sink.problem(Problem { line: place, message: Message::new("reading.balance_date").with("text", text) });
        }
        let signed = if is_debit && !value.is_zero() { -value } else { value };
        place_of.get_or_insert(Balance { amount: signed, date: day, currency });
        Ok(())
    }

    fn opening_and_closing(self) -> [Option<Balance>; 2] {
        [self.opening.or(self.previous_closing), self.closing]
    }
}

#[derive(Clone, Copy, Debug)]
enum Code {
    Opening,
    PreviousClosing,
    Closing,
    Unused,
}

fn balance_type(xml: &mut Xml<'_>) -> Outcome<Code> {
    let mut code = Code::Unused;
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::CdOrPrtry | Tag::Cd | Tag::Prtry => {
                code = match xml.text()? {
                    "OPBD" => Code::Opening,
                    "PRCD" => Code::PreviousClosing,
                    "CLBD" => Code::Closing,
                    _ => Code::Unused,
                }
            }
            _ => xml.skip()?,
        }
    }
    Ok(code)
}

fn read_declared(xml: &mut Xml<'_>, declared: &mut Declared) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::TtlNtries => (declared.entries, declared.sum) = number_and_sum(xml)?,
            Tag::TtlCdtNtries => (declared.credits, declared.credit_sum) = number_and_sum(xml)?,
            Tag::TtlDbtNtries => (declared.debits, declared.debit_sum) = number_and_sum(xml)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn number_and_sum(xml: &mut Xml<'_>) -> Outcome<(Option<u64>, Option<Decimal>)> {
    let (mut number, mut sum) = (None, None);
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::NbOfNtries => number = xml.text()?.parse().ok(),
            Tag::Sum => sum = amount(xml.text()?).ok(),
            _ => xml.skip()?,
        }
    }
    Ok((number, sum))
}

/// Makes the entry blank; its details go where they are taken from again.
fn recycle(entry: &mut Entry, spare: &mut Vec<Detail>) {
    let room = SPARE_DETAILS_MAX.saturating_sub(spare.len());
    spare.extend(entry.details.drain(..).take(room));
    entry.clear();
    entry.details.shrink_to(SPARE_DETAILS_MAX);
}

fn read_entry(xml: &mut Xml<'_>, entry: &mut Entry, scratch: &mut Scratch, sink: &mut dyn Sink) -> Outcome<()> {
    let mut value = None;
    let mut direction = None;
    scratch.batch_id.clear();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Amt => {
                xml.currency().clone_into(&mut entry.currency);
                value = Some(read_amount(xml)?);
            }
            Tag::CdtDbtInd => direction = read_direction(xml)?,
            Tag::RvslInd => entry.is_reversal = is_true(xml.text()?),
            Tag::Sts => {
                let text = xml.text()?;
                entry.status = if matches!(text, "BOOK" | "") { Status::Booked } else { Status::NotBooked };
                if !matches!(text, "BOOK" | "" | "PDNG" | "INFO" | "FUTR") {
                    odd(sink, entry.place, "reading.status", text);
                }
            }
            Tag::BookgDt => {
                let text = xml.text()?;
                entry.booking_date = date(text);
                if entry.booking_date.is_none() {
                    odd(sink, entry.place, "reading.booking_date", text);
                }
            }
            Tag::ValDt => {
                let text = xml.text()?;
                entry.value_date = date(text);
                if entry.value_date.is_none() {
                    odd(sink, entry.place, "reading.value_date", text);
                }
            }
            Tag::AcctSvcrRef => xml.text()?.clone_into(&mut entry.bank_reference),
            Tag::BkTxCd => bank_transaction_code(xml, &mut entry.code)?,
            Tag::AddtlNtryInf => xml.text()?.clone_into(&mut entry.text),
            Tag::NtryDtls => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Btch => read_batch(xml, &mut scratch.batch_id)?,
                        Tag::TxDtls => read_detail(xml, entry, direction, scratch)?,
                        _ => xml.skip()?,
                    }
                }
            }
            // The first versions have these directly within the entry.
            Tag::Btch => read_batch(xml, &mut scratch.batch_id)?,
            Tag::TxDtls => read_detail(xml, entry, direction, scratch)?,
            _ => xml.skip()?,
        }
    }
    entry.amount = value.ok_or_else(|| xml.refuse("reading.amount").with("text", ""))?;
    entry.direction = direction.ok_or_else(|| xml.refuse("reading.direction").with("text", ""))?;
    take_up_details(entry, &scratch.batch_id);
    Ok(())
}

fn odd(sink: &mut dyn Sink, line: u64, code: &'static str, text: &str) {
    sink.problem(Problem { line, message: Message::new(code).with("text", shown(text)) });
}

/// As much of a text as a sentence can quote.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// What the only detail says is what the entry says; of several the entry takes what they have in common.
fn take_up_details(entry: &mut Entry, batch_id: &str) {
    entry.own_reference.push_str(batch_id);
    match entry.details.as_slice() {
        [] => {}
        [only] => {
            if !only.end_to_end_id.is_empty() {
                only.end_to_end_id.clone_into(&mut entry.own_reference);
            } else if batch_id.is_empty() {
                entry.own_reference.push_str(&only.message_id);
            }
            if entry.bank_reference.is_empty() {
                entry.bank_reference.push_str(&only.bank_reference);
            }
            entry.name.push_str(&only.name);
            entry.account.push_str(&only.account);
            if !only.text.is_empty() {
                only.text.clone_into(&mut entry.text);
            }
        }
        [first, others @ ..] => {
            if batch_id.is_empty() && others.iter().all(|other| other.message_id == first.message_id) {
                entry.own_reference.push_str(&first.message_id);
            }
        }
    }
}

fn read_amount(xml: &mut Xml<'_>) -> Outcome<Decimal> {
    match amount(xml.text()?) {
        Ok(value) => Ok(value),
        Err(code) => Err(xml.refuse(code).with("text", xml.last_text()).into()),
    }
}

/// Which way an entry goes is never guessed.
fn read_direction(xml: &mut Xml<'_>) -> Outcome<Option<Direction>> {
    match xml.text()? {
        "CRDT" => Ok(Some(Direction::Credit)),
        "DBIT" => Ok(Some(Direction::Debit)),
        "" => Ok(None),
        _ => Err(xml.refuse("reading.direction").with("text", xml.last_text()).into()),
    }
}

/// `PMNT/ICDT/RRTN`, else the bank's own code.
fn bank_transaction_code(xml: &mut Xml<'_>, code: &mut String) -> Outcome<()> {
    code.clear();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Domn => {
                code.clear();
                domain(xml, code)?;
            }
            Tag::Prtry => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Cd if code.is_empty() => push(code, xml.text()?)?,
                        _ => xml.skip()?,
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn domain(xml: &mut Xml<'_>, code: &mut String) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Cd | Tag::SubFmlyCd => {
                if !code.is_empty() {
                    code.push('/');
                }
                code.extend(xml.text()?.chars().take(35));
            }
            Tag::Fmly => domain(xml, code)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// The id of the payment file that a batch entry books: its message id, else its payment information id.
fn read_batch(xml: &mut Xml<'_>, batch_id: &mut String) -> Outcome<()> {
    let mut is_message_id = false;
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::MsgId => {
                is_message_id = true;
                xml.text()?.clone_into(batch_id);
            }
            Tag::PmtInfId if !is_message_id => xml.text()?.clone_into(batch_id),
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn read_detail(
    xml: &mut Xml<'_>,
    entry: &mut Entry,
    direction: Option<Direction>,
    scratch: &mut Scratch,
) -> Outcome<()> {
    if entry.details.len() == DETAILS_MAX {
        return Err(xml.refuse("reading.too_many_details").with("max", DETAILS_MAX).into());
    }
    let mut detail = scratch.spare.pop().unwrap_or_default();
    detail.clear();
    let mut direction = direction;
    scratch.creditor.clear();
    scratch.debtor.clear();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Refs => read_references(xml, &mut detail, scratch)?,
            Tag::Amt => detail.amount = amount_in(xml, &entry.currency)?,
            Tag::CdtDbtInd => direction = read_direction(xml)?.or(direction),
            Tag::AmtDtls => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::TxAmt if detail.amount.is_none() => {
                            while let Some(tag) = xml.child()? {
                                match tag {
                                    Tag::Amt => detail.amount = amount_in(xml, &entry.currency)?,
                                    _ => xml.skip()?,
                                }
                            }
                        }
                        _ => xml.skip()?,
                    }
                }
            }
            Tag::RltdPties => read_parties(xml, scratch)?,
            Tag::RmtInf => read_remittance(xml, &mut detail.text)?,
            Tag::AddtlTxInf if detail.text.is_empty() => push(&mut detail.text, xml.text()?)?,
            Tag::RtrInf => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Rsn | Tag::AddtlInf => push(&mut detail.return_reason, xml.text()?)?,
                        _ => xml.skip()?,
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    let (other, own) = match direction {
        Some(Direction::Credit) => (&scratch.debtor, &scratch.creditor),
        _ => (&scratch.creditor, &scratch.debtor),
    };
    let party = if other.is_empty() { own } else { other };
    detail.name.push_str(if party.name.is_empty() { &party.ultimate_name } else { &party.name });
    detail.account.push_str(&party.account);
    entry.details.push(detail);
    Ok(())
}

/// The amount of a detail, if it is in the entry's currency.
fn amount_in(xml: &mut Xml<'_>, currency: &str) -> Outcome<Option<Decimal>> {
    let is_same = matches!(xml.currency(), "") || xml.currency() == currency;
    let value = read_amount(xml)?;
    Ok(is_same.then_some(value))
}

fn read_references(xml: &mut Xml<'_>, detail: &mut Detail, scratch: &mut Scratch) -> Outcome<()> {
    let Scratch { instruction_id, transaction_id, payment_id, .. } = scratch;
    for id in [&mut *instruction_id, &mut *transaction_id, &mut *payment_id] {
        id.clear();
    }
    while let Some(tag) = xml.child()? {
        let field = match tag {
            Tag::MsgId => &mut detail.message_id,
            Tag::AcctSvcrRef => &mut detail.bank_reference,
            Tag::PmtInfId => &mut *payment_id,
            Tag::InstrId => &mut *instruction_id,
            Tag::EndToEndId => &mut detail.end_to_end_id,
            Tag::TxId => &mut *transaction_id,
            _ => {
                xml.skip()?;
                continue;
            }
        };
        let text = xml.text()?;
        if text != "NOTPROVIDED" {
            text.clone_into(field);
        }
    }
    let fallbacks = [
        (&mut detail.message_id, payment_id),
        (&mut detail.end_to_end_id, instruction_id),
        (&mut detail.bank_reference, transaction_id),
    ];
    for (field, fallback) in fallbacks {
        if field.is_empty() {
            field.push_str(fallback);
        }
    }
    Ok(())
}

fn read_parties(xml: &mut Xml<'_>, scratch: &mut Scratch) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Cdtr => party_name(xml, &mut scratch.creditor.name)?,
            Tag::Dbtr => party_name(xml, &mut scratch.debtor.name)?,
            Tag::UltmtCdtr => party_name(xml, &mut scratch.creditor.ultimate_name)?,
            Tag::UltmtDbtr => party_name(xml, &mut scratch.debtor.ultimate_name)?,
            Tag::CdtrAcct => account(xml, &mut scratch.creditor.account)?,
            Tag::DbtrAcct => account(xml, &mut scratch.debtor.account)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// `Nm`, from version .08 on within `Pty` or, of a bank, `Agt/FinInstnId`.
pub(super) fn party_name(xml: &mut Xml<'_>, name: &mut String) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Nm => xml.text()?.clone_into(name),
            Tag::Pty | Tag::Agt | Tag::FinInstnId => party_name(xml, name)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// The number of an account that is open.
pub(super) fn account(xml: &mut Xml<'_>, number: &mut String) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Id => account_number(xml, number)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// IBAN, else the bank's own number; without spaces.
fn account_number(xml: &mut Xml<'_>, number: &mut String) -> Outcome<()> {
    number.clear();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::IBAN | Tag::BBAN | Tag::UPIC => take_number(xml.text()?, number),
            Tag::Othr | Tag::PrtryAcct => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Id => take_number(xml.text()?, number),
                        _ => xml.skip()?,
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn take_number(text: &str, number: &mut String) {
    if !number.is_empty() {
        return;
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        number.push_str(text);
    } else {
        number.extend(text.chars().filter(|character| !character.is_whitespace()));
    }
}

/// Free text, and the reference of structured remittance information.
fn read_remittance(xml: &mut Xml<'_>, text: &mut String) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Ustrd | Tag::AddtlRmtInf | Tag::CdtrRef | Tag::Ref => push(text, xml.text()?)?,
            Tag::Strd | Tag::CdtrRefInf => read_remittance(xml, text)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}
