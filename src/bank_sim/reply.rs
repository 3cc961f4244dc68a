//! Answers to payment files (回盘): a table, or pain.002.001.10.

use std::io::{self, Write};

use ankuan_ledger::Amount;

use super::Bank;
use super::payments::{Line, PaymentFile};
use super::plan::{End, Fate, FilePlan, Reason};
use super::write::{Folder, Rows, Xml, evening};
use crate::Outcome;
use crate::amount::plain;

/// What an answer says of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Paid,
    Failed(Reason),
    InHand,
}

impl Answer {
    fn of(fate: &Fate, day: usize) -> Self {
        match fate.end {
            _ if usize::from(fate.decided) > day => Self::InHand,
            End::Rejected(reason) => Self::Failed(reason),
            // A return comes later, in the statement.
            End::Paid | End::Returned { .. } => Self::Paid,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Paid => "00",
            Self::Failed(_) => "01",
            Self::InHand => "02",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Paid => "成功",
            Self::Failed(reason) => reason.text(),
            Self::InHand => "处理中",
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Paid => "ACSC",
            Self::Failed(_) => "RJCT",
            Self::InHand => "PDNG",
        }
    }
}

/// One answer file.
struct Reply<'a> {
    bank: &'a Bank,
    file: &'a PaymentFile,
    planned: &'a FilePlan,
    /// Number of the day, from 0.
    day: usize,
    /// Whether it is the second copy, with a part of the lines.
    copy: bool,
}

/// The answers of a day: on the first to every file, on the second for what was in hand.
pub fn write_day(bank: &Bank, day: usize, folder: &mut Folder<'_>) -> Outcome<()> {
    for (file, planned) in bank.files.iter().zip(&bank.plan.files) {
        for copy in [false, true] {
            let reply = Reply { bank, file, planned, day, copy };
            if reply.lines().next().is_none() {
                continue;
            }
            let name = format!("{}-reply-{}{}", file.stem(), day + 1, if copy { "-copy" } else { "" });
            if bank.options.reply.has_csv() {
                folder.file(&format!("{name}.csv"), |out| reply.write_csv(out))?;
            }
            if bank.options.reply.has_xml() {
                folder.file(&format!("{name}.xml"), |out| reply.write_pain002(out))?;
            }
        }
    }
    Ok(())
}

impl Reply<'_> {
    fn lines(&self) -> impl Iterator<Item = (&Line, Answer)> {
        let (day, copy) = (self.day, self.copy);
        self.file.lines.iter().zip(&self.planned.fates).filter_map(move |(line, fate)| {
            let belongs = (day == 0 || usize::from(fate.decided) == day) && (!copy || fate.answered_twice);
            belongs.then(|| (line, Answer::of(fate, day)))
        })
    }

    fn count(&self, wanted: impl Fn(Answer) -> bool) -> (u64, Amount) {
        let found = self.lines().filter(|(_, answer)| wanted(*answer));
        // A part of the file's sum, which is in range.
        found.fold((0, Amount::ZERO), |(count, sum), (line, _)| (count + 1, sum.plus(line.amount).unwrap_or(sum)))
    }

    fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut rows = Rows::new(out);
        rows.row(&["原文件", &self.file.name])?;
        rows.row(&["批次号", &self.file.message_id])?;
        rows.row(&["序号", "业务编号", "收款人账号", "收款人户名", "金额", "状态码", "状态说明"])?;
        for (line, answer) in self.lines() {
            let texts = self.file.texts(line);
            rows.row(&[
                &line.serial.to_string(),
                texts.key,
                texts.account,
                texts.name,
                &plain(line.amount),
                answer.code(),
                answer.text(),
            ])?;
        }
        let (paid, paid_sum) = self.count(|answer| answer == Answer::Paid);
        let (failed, failed_sum) = self.count(|answer| matches!(answer, Answer::Failed(_)));
        rows.row(&[
            "合计",
            &self.lines().count().to_string(),
            &paid.to_string(),
            &plain(paid_sum),
            &failed.to_string(),
            &plain(failed_sum),
        ])
    }

    /// The status of the whole file on this day.
    fn group_status(&self) -> &'static str {
        let mut answers = self.planned.fates.iter().map(|fate| Answer::of(fate, self.day).status());
        let first = answers.next().unwrap_or_default();
        if answers.all(|other| other == first) { first } else { "PART" }
    }

    fn write_pain002(&self, out: &mut impl Write) -> io::Result<()> {
        let message = "CstmrPmtStsRpt";
        let date = self.bank.plan.days[self.day].date;
        let batch = self.file.batch_id();
        let mut xml = Xml::begin(out, "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10", message)?;
        xml.open("GrpHdr")?;
        xml.text(&["MsgId"], &self.message_id())?;
        xml.text(&["CreDtTm"], &evening(date))?;
        xml.close("GrpHdr")?;
        xml.open("OrgnlGrpInfAndSts")?;
        xml.text(&["OrgnlMsgId"], &batch)?;
        xml.text(&["OrgnlMsgNmId"], self.file.format.message_name())?;
        xml.text(&["OrgnlNbOfTxs"], &self.file.lines.len().to_string())?;
        xml.text(&["OrgnlCtrlSum"], &plain(self.file.sum))?;
        xml.text(&["GrpSts"], self.group_status())?;
        if let Some(reason) = self.planned.refused {
            write_reason(&mut xml, reason)?;
        }
        xml.close("OrgnlGrpInfAndSts")?;
        xml.line()?;
        // A file that was refused as a whole is answered as a whole.
        if self.planned.refused.is_none() {
            xml.open("OrgnlPmtInfAndSts")?;
            let block = if self.file.block_id.is_empty() { &batch } else { &self.file.block_id };
            xml.text(&["OrgnlPmtInfId"], block)?;
            xml.line()?;
            for (line, answer) in self.lines() {
                self.write_line(&mut xml, line, answer)?;
            }
            xml.close("OrgnlPmtInfAndSts")?;
        }
        xml.end(message)
    }

    /// The copy of a whole answer has its id; a copy of a part has its own.
    fn message_id(&self) -> String {
        let file = self.bank.files.iter().position(|file| std::ptr::eq(file, self.file)).unwrap_or_default();
        let date = self.bank.plan.days[self.day].date.strftime("%Y%m%d");
        let whole = self.planned.fates.iter().all(|fate| fate.answered_twice);
        let part = if self.copy && !whole { "-C" } else { "" };
        format!("SIM{date}R{:05}{part}", file + 1)
    }

    fn write_line(&self, xml: &mut Xml<impl Write>, line: &Line, answer: Answer) -> io::Result<()> {
        let texts = self.file.texts(line);
        xml.open("TxInfAndSts")?;
        xml.text(&["OrgnlEndToEndId"], texts.key)?;
        xml.text(&["TxSts"], answer.status())?;
        if let Answer::Failed(reason) = answer {
            write_reason(xml, reason)?;
        }
        xml.open("OrgnlTxRef")?;
        xml.open("Amt")?;
        xml.amount("InstdAmt", line.amount)?;
        xml.close("Amt")?;
        xml.text(&["Cdtr", "Pty", "Nm"], texts.name)?;
        xml.text(&["CdtrAcct", "Id", "Othr", "Id"], texts.account)?;
        xml.close("OrgnlTxRef")?;
        xml.close("TxInfAndSts")?;
        xml.line()
    }
}

fn write_reason(xml: &mut Xml<impl Write>, reason: Reason) -> io::Result<()> {
    xml.open("StsRsnInf")?;
    xml.text(&["Rsn", "Cd"], reason.code())?;
    xml.text(&["AddtlInf"], reason.text())?;
    xml.close("StsRsnInf")
}
