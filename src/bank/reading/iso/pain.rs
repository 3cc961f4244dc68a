//! Answers (pain.002), and the control totals of payment files (pain.001).

use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::reply::{Cause, Foot, Head, Line, Piece, State};
use rust_decimal::Decimal;

use super::super::{Content, Problem, Sink, amount, date, push};
use super::camt::{account, party_name};
use super::tags::Tag;
use super::xml::Xml;
use crate::{Message, Outcome};

/// What a status says. Accepted, in hand, partly: not known yet.
fn state(code: &str) -> State {
    match code {
        "ACSC" | "ACCC" => State::Paid,
        "RJCT" => State::Failed,
        _ => State::Unknown,
    }
}

/// Every status of the external code set ExternalPaymentTransactionStatus1Code and its group counterpart that is met.
fn is_known(code: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "ACCC", "ACCP", "ACFC", "ACSC", "ACSP", "ACTC", "ACWC", "ACWP", "CANC", "PART", "PATC", "PDNG", "RCVD", "RJCT",
    ];
    KNOWN.contains(&code)
}

/// The status of a payment block, which holds for its lines that have none.
#[derive(Debug, Default)]
struct Block {
    id: String,
    status: String,
    reason: Reason,
    lines: u64,
}

impl Block {
    /// Of blocks without lines many may be kept, so no more of each text than people read.
    fn shortened(mut self) -> Self {
        const CHARACTERS_MAX: usize = 1_000;
        for text in [&mut self.id, &mut self.status, &mut self.reason.text] {
            if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
                text.truncate(end);
            }
            text.shrink_to_fit();
        }
        self
    }
}

#[derive(Debug, Default)]
struct Reason {
    cause: Option<Cause>,
    text: String,
}

/// Reads an answer whose body is open. Lines come while they are read, what is said of the whole file before them.
pub(super) fn read_answer(xml: &mut Xml<'_>, is_named: bool, sink: &mut dyn Sink) -> Outcome<Content> {
    let mut head = Head::default();
    let mut foot = Foot::default();
    let mut lines = Lines::default();
    let mut blocks_without_lines: Vec<Block> = Vec::new();
    while let Some(tag) = xml.child()? {
        xml.piece_begins();
        match tag {
            Tag::GrpHdr => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::MsgId => push(&mut head.id, xml.text()?)?,
                        _ => xml.skip()?,
                    }
                }
            }
            Tag::OrgnlGrpInfAndSts => read_group(xml, &mut head, &mut foot, sink)?,
            Tag::OrgnlPmtInfAndSts => {
                let block = read_block(xml, &head, &mut lines, sink)?;
                if block.lines == 0 && !block.status.is_empty() {
                    if blocks_without_lines.len() == BLOCKS_MAX {
                        return Err(xml.refuse("reading.too_many_blocks").with("max", BLOCKS_MAX).into());
                    }
                    blocks_without_lines.push(block.shortened());
                }
            }
            // The first versions have lines without a block.
            Tag::TxInfAndSts => lines.read(xml, &head, &Block::default(), sink)?,
            _ => xml.skip()?,
        }
    }
    if lines.count == 0 {
        take_up_blocks(&mut head, &mut blocks_without_lines);
    }
    if lines.count == 0 && !is_named && head.group.is_none() && blocks_without_lines.is_empty() {
        return Err(xml.refuse("reading.reply_says_nothing").into());
    }
    for block in &blocks_without_lines {
        let message = Message::new("reading.reply_block")
            .with("block", &block.id)
            .with("status", &block.status)
            .with("reason", &block.reason.text);
        sink.problem(Problem { line: 0, message });
    }
    lines.begin(&head, sink)?;
    sink.reply(Piece::End(&foot))?;
    Ok(Content::Reply)
}

/// A payment file has one block, or a few.
const BLOCKS_MAX: usize = 10_000;

/// Where nothing is said of lines or of the whole, and the same of every block, that is said of the whole.
fn take_up_blocks(head: &mut Head, blocks: &mut Vec<Block>) {
    let Some(first) = blocks.first() else { return };
    let common = state(&first.status);
    if head.group.is_some() || blocks.iter().any(|block| state(&block.status) != common) {
        return;
    }
    head.group = Some(common);
    head.group_cause = first.reason.cause;
    first.reason.text.clone_into(&mut head.group_reason);
    blocks.clear();
}

fn read_group(xml: &mut Xml<'_>, head: &mut Head, foot: &mut Foot, sink: &mut dyn Sink) -> Outcome<()> {
    let mut reason = Reason::default();
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::OrgnlMsgId => push(&mut head.original_message_id, xml.text()?)?,
            Tag::GrpSts => {
                let text = xml.text()?;
                text.clone_into(&mut head.group_code);
                report_unknown(text, 0, sink);
                head.group = Some(state(text));
            }
            Tag::StsRsnInf => read_reason(xml, &mut reason)?,
            Tag::NbOfTxsPerSts => read_count(xml, foot)?,
            _ => xml.skip()?,
        }
    }
    head.group_cause = reason.cause.filter(|_| head.group == Some(State::Failed));
    head.group_reason = reason.text;
    Ok(())
}

fn report_unknown(code: &str, place: u64, sink: &mut dyn Sink) {
    if !is_known(code) {
        let text = code.chars().take(40).collect::<String>();
        sink.problem(Problem { line: place, message: Message::new("reading.reply_status").with("text", text) });
    }
}

/// Code and words; several reasons stand one after another, the first known cause counts.
fn read_reason(xml: &mut Xml<'_>, reason: &mut Reason) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Rsn => {
                let code = xml.text()?;
                if matches!(reason.cause, None | Some(Cause::Other)) {
                    reason.cause = Some(Cause::of_reason_code(code));
                }
                push(&mut reason.text, code)?;
            }
            Tag::AddtlInf => push(&mut reason.text, xml.text()?)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn read_count(xml: &mut Xml<'_>, foot: &mut Foot) -> Outcome<()> {
    let (mut number, mut status, mut sum) = (None, State::Unknown, None);
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::DtldNbOfTxs => number = xml.text()?.parse::<u64>().ok(),
            Tag::DtldSts => status = state(xml.text()?),
            Tag::DtldCtrlSum => sum = amount(xml.text()?).ok(),
            _ => xml.skip()?,
        }
    }
    match status {
        State::Paid => (foot.paid, foot.paid_sum) = (number, sum),
        State::Failed => (foot.failed, foot.failed_sum) = (number, sum),
        State::Unknown => {}
    }
    Ok(())
}

fn read_block(xml: &mut Xml<'_>, head: &Head, lines: &mut Lines, sink: &mut dyn Sink) -> Outcome<Block> {
    let mut block = Block::default();
    while let Some(tag) = xml.child()? {
        xml.piece_begins();
        match tag {
            Tag::OrgnlPmtInfId => push(&mut block.id, xml.text()?)?,
            Tag::PmtInfSts => {
                xml.text()?.clone_into(&mut block.status);
                report_unknown(&block.status, 0, sink);
            }
            Tag::StsRsnInf => read_reason(xml, &mut block.reason)?,
            Tag::TxInfAndSts => {
                block.lines += 1;
                lines.read(xml, head, &block, sink)?;
            }
            _ => xml.skip()?,
        }
    }
    Ok(block)
}

#[derive(Debug, Default)]
struct Lines {
    begun: bool,
    count: u64,
    line: Line,
}

impl Lines {
    fn begin(&mut self, head: &Head, sink: &mut dyn Sink) -> Outcome<()> {
        if !self.begun {
            self.begun = true;
            sink.reply(Piece::Begin(head))?;
        }
        Ok(())
    }

    fn read(&mut self, xml: &mut Xml<'_>, head: &Head, block: &Block, sink: &mut dyn Sink) -> Outcome<()> {
        self.begin(head, sink)?;
        self.count += 1;
        self.line.clear();
        let line = &mut self.line;
        line.place = self.count;
        let mut instruction_id = String::new();
        let mut reason = Reason::default();
        while let Some(tag) = xml.child()? {
            match tag {
                Tag::OrgnlEndToEndId => {
                    let text = xml.text()?;
                    if text != "NOTPROVIDED" {
                        push(&mut line.key, text)?;
                    }
                }
                Tag::OrgnlInstrId => xml.text()?.clone_into(&mut instruction_id),
                Tag::TxSts => xml.text()?.clone_into(&mut line.code),
                Tag::StsRsnInf => read_reason(xml, &mut reason)?,
                Tag::OrgnlTxRef => read_original(xml, line)?,
                _ => xml.skip()?,
            }
        }
        if line.key.is_empty() {
            line.key.push_str(&instruction_id);
        }
        if line.code.is_empty() {
            let inherited = if block.status.is_empty() { &head.group_code } else { &block.status };
            line.code.push_str(inherited);
        }
        report_unknown(&line.code, line.place, sink);
        line.state = state(&line.code);
        line.reason.push_str(&reason.text);
        if line.state == State::Failed {
            line.cause = reason.cause.or(block.reason.cause).or(Some(Cause::Other));
            if line.reason.is_empty() {
                line.reason.push_str(&block.reason.text);
            }
        }
        sink.reply(Piece::Line(line))
    }
}

fn read_original(xml: &mut Xml<'_>, line: &mut Line) -> Outcome<()> {
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::Amt => line.amount = ordered_amount(xml)?.or(line.amount),
            Tag::IntrBkSttlmAmt if line.amount.is_none() => line.amount = Some(read_amount(xml)?),
            Tag::Cdtr => party_name(xml, &mut line.name)?,
            Tag::CdtrAcct => account(xml, &mut line.account)?,
            _ => xml.skip()?,
        }
    }
    Ok(())
}

/// `InstdAmt`, or of an amount ordered in another currency `EqvtAmt/Amt`.
fn ordered_amount(xml: &mut Xml<'_>) -> Outcome<Option<Decimal>> {
    let mut value = None;
    while let Some(tag) = xml.child()? {
        match tag {
            Tag::InstdAmt | Tag::Amt => value = Some(read_amount(xml)?),
            Tag::EqvtAmt => value = ordered_amount(xml)?,
            _ => xml.skip()?,
        }
    }
    Ok(value)
}

fn read_amount(xml: &mut Xml<'_>) -> Outcome<Decimal> {
    match amount(xml.text()?) {
        Ok(value) => Ok(value),
        Err(code) => Err(xml.refuse(code).with("text", xml.last_text()).into()),
    }
}

/// What a payment file, or a block of one, declares, and what is there.
#[derive(Debug, Default)]
struct Totals {
    declared_count: Option<u64>,
    declared_sum: Option<Decimal>,
    count: u64,
    sum: Decimal,
}

impl Totals {
    fn declare_count(&mut self, xml: &mut Xml<'_>) -> Outcome<()> {
        match xml.text()?.parse() {
            Ok(count) => self.declared_count = Some(count),
            Err(_) => return Err(xml.refuse("reading.count").with("text", xml.last_text()).into()),
        }
        Ok(())
    }

    fn check(&self, xml: &Xml<'_>, place: &str) -> Outcome<()> {
        let differs = |code, said: Decimal, found: Decimal| {
            xml.refuse(code).with("place", place).with("said", said).with("found", found)
        };
        if let Some(said) = self.declared_count
            && said != self.count
        {
            return Err(differs("reading.control_count", said.into(), self.count.into()).into());
        }
        if let Some(said) = self.declared_sum
            && said != self.sum
        {
            return Err(differs("reading.control_sum", said, self.sum).into());
        }
        Ok(())
    }
}

/// Checks a payment file whose body is open: counts and sums of the whole and of each block, and that each block says
/// on which day it shall be paid. A file that contradicts itself is refused.
pub(super) fn check_payments(xml: &mut Xml<'_>) -> Outcome<Content> {
    let mut whole = Totals::default();
    while let Some(tag) = xml.child()? {
        xml.piece_begins();
        match tag {
            Tag::GrpHdr => {
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::NbOfTxs => whole.declare_count(xml)?,
                        Tag::CtrlSum => whole.declared_sum = Some(read_amount(xml)?),
                        _ => xml.skip()?,
                    }
                }
            }
            Tag::PmtInf => {
                let block = check_block(xml)?;
                whole.count += block.count;
                whole.sum = exact_sum(whole.sum, block.sum).ok_or_else(|| xml.refuse("reading.sum_too_large"))?;
            }
            _ => xml.skip()?,
        }
    }
    if whole.count == 0 {
        return Err(xml.refuse("reading.no_payment").into());
    }
    whole.check(xml, "GrpHdr")?;
    Ok(Content::Payments { count: whole.count, sum: whole.sum })
}

fn check_block(xml: &mut Xml<'_>) -> Outcome<Totals> {
    let mut block = Totals::default();
    let mut id = String::new();
    while let Some(tag) = xml.child()? {
        xml.piece_begins();
        match tag {
            Tag::PmtInfId => push(&mut id, xml.text()?)?,
            Tag::NbOfTxs => block.declare_count(xml)?,
            Tag::CtrlSum => block.declared_sum = Some(read_amount(xml)?),
            Tag::ReqdExctnDt => {
                if date(xml.text()?).is_none() {
                    return Err(xml.refuse("reading.execution_date").with("text", xml.last_text()).into());
                }
            }
            Tag::CdtTrfTxInf => {
                block.count += 1;
                while let Some(tag) = xml.child()? {
                    match tag {
                        Tag::Amt => {
                            let value =
                                ordered_amount(xml)?.ok_or_else(|| xml.refuse("reading.amount").with("text", ""))?;
                            block.sum =
                                exact_sum(block.sum, value).ok_or_else(|| xml.refuse("reading.sum_too_large"))?;
                        }
                        _ => xml.skip()?,
                    }
                }
            }
            _ => xml.skip()?,
        }
    }
    block.check(xml, &format!("PmtInf {id}"))?;
    Ok(block)
}
