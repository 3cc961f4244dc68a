//! Statements of the account: a table, or camt.053.001.08 with the details of its sums in camt.054.001.08.

use std::io::{self, Write};

use ankuan_ledger::Amount;

use super::plan::{Booking, Day, End, What};
use super::write::{Folder, Rows, Xml, evening};
use super::{Bank, Shown};
use crate::Outcome;
use crate::amount::plain;

/// The statements of a day.
pub fn write_day(bank: &Bank, day: usize, folder: &mut Folder<'_>) -> Outcome<()> {
    let statement = Statement { bank, day: &bank.plan.days[day], number: day + 1 };
    let account: Vec<char> = bank.account.chars().collect();
    let last: String = account[account.len().saturating_sub(4)..].iter().collect();
    let name = format!("{}-{}", file_part(&last), statement.day.date);
    if bank.options.statement.has_csv() {
        folder.file(&format!("statement-{name}.csv"), |out| statement.write_csv(out))?;
    }
    if bank.options.statement.has_xml() {
        folder.file(&format!("statement-{name}.xml"), |out| statement.write_camt053(out))?;
        if statement.day.bookings.iter().any(has_details) {
            folder.file(&format!("details-{name}.xml"), |out| statement.write_camt054(out))?;
        }
    }
    Ok(())
}

/// What may stand in a file's name of the end of an account number.
fn file_part(text: &str) -> String {
    text.chars().map(|character| if character.is_alphanumeric() { character } else { '_' }).collect()
}

/// Whether a booking is listed in the notice: sums, and what comes back.
const fn has_details(booking: &Booking) -> bool {
    matches!(booking.what, What::FileDebit { .. } | What::LumpReturn { .. } | What::Return { .. })
}

struct Statement<'a> {
    bank: &'a Bank,
    day: &'a Day,
    /// From 1.
    number: usize,
}

impl Statement<'_> {
    fn total(&self, debits: bool) -> (usize, Amount) {
        let found = self.day.bookings.iter().map(|booking| booking.signed.minor());
        let found = found.filter(|signed| (*signed < 0) == debits);
        // Days are checked to tie, and no amount is the least of its range.
        found.fold((0, Amount::ZERO), |(count, sum), signed| {
            (count + 1, sum.plus(Amount::from_minor(signed.abs())).unwrap_or(sum))
        })
    }

    fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let date = self.day.date.to_string();
        let mut rows = Rows::new(out);
        rows.row(&["账号", &self.bank.account])?;
        rows.row(&["户名", &self.bank.holder])?;
        rows.row(&["币种", "CNY"])?;
        rows.row(&["起止日期", &date, &date])?;
        rows.row(&["期初余额", &plain(self.day.opening)])?;
        rows.row(&[
            "交易日期",
            "起息日",
            "借方金额",
            "贷方金额",
            "余额",
            "对方户名",
            "对方账号",
            "摘要",
            "附言",
            "交易流水号",
            "业务编号",
            "子账户",
        ])?;
        for booking in &self.day.bookings {
            let shown = self.bank.shown(booking);
            let amount = plain(Amount::from_minor(booking.signed.minor().abs()));
            let (debit, credit) =
                if booking.signed < Amount::ZERO { (amount.as_str(), "") } else { ("", amount.as_str()) };
            rows.row(&[
                &date,
                &date,
                debit,
                credit,
                &plain(booking.balance),
                shown.name,
                shown.account,
                shown.summary,
                &shown.remark,
                &self.bank.reference(self.day.date, booking),
                &shown.own_reference,
                shown.sub_account,
            ])?;
        }
        rows.row(&["期末余额", &plain(self.day.closing)])?;
        let ((debits, debit_sum), (credits, credit_sum)) = (self.total(true), self.total(false));
        rows.row(&["合计", &debits.to_string(), &plain(debit_sum), &credits.to_string(), &plain(credit_sum)])
    }

    fn write_camt053(&self, out: &mut impl Write) -> io::Result<()> {
        let message = "BkToCstmrStmt";
        let mut xml = Xml::begin(out, "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", message)?;
        self.write_opening(&mut xml, "Stmt", "S")?;
        self.write_balance(&mut xml, "OPBD", self.day.opening)?;
        self.write_balance(&mut xml, "CLBD", self.day.closing)?;
        let ((debits, debit_sum), (credits, credit_sum)) = (self.total(true), self.total(false));
        xml.open("TxsSummry")?;
        xml.text(&["TtlNtries", "NbOfNtries"], &(debits + credits).to_string())?;
        for (name, count, sum) in [("TtlCdtNtries", credits, credit_sum), ("TtlDbtNtries", debits, debit_sum)] {
            xml.open(name)?;
            xml.text(&["NbOfNtries"], &count.to_string())?;
            xml.text(&["Sum"], &plain(sum))?;
            xml.close(name)?;
        }
        xml.close("TxsSummry")?;
        xml.line()?;
        for booking in &self.day.bookings {
            self.write_entry(&mut xml, booking, false)?;
        }
        xml.close("Stmt")?;
        xml.end(message)
    }

    fn write_camt054(&self, out: &mut impl Write) -> io::Result<()> {
        let message = "BkToCstmrDbtCdtNtfctn";
        let mut xml = Xml::begin(out, "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08", message)?;
        self.write_opening(&mut xml, "Ntfctn", "N")?;
        for booking in self.day.bookings.iter().filter(|booking| has_details(booking)) {
            self.write_entry(&mut xml, booking, true)?;
        }
        xml.close("Ntfctn")?;
        xml.end(message)
    }

    /// From the group header to the account.
    fn write_opening(&self, xml: &mut Xml<impl Write>, name: &str, mark: &str) -> io::Result<()> {
        let date = self.day.date;
        let id = format!("SIM{}{mark}", date.strftime("%Y%m%d"));
        xml.open("GrpHdr")?;
        xml.text(&["MsgId"], &id)?;
        xml.text(&["CreDtTm"], &evening(date))?;
        xml.close("GrpHdr")?;
        xml.open(name)?;
        xml.text(&["Id"], &id)?;
        xml.text(&["ElctrncSeqNb"], &self.number.to_string())?;
        xml.text(&["CreDtTm"], &evening(date))?;
        xml.open("FrToDt")?;
        xml.text(&["FrDtTm"], &format!("{date}T00:00:00+08:00"))?;
        xml.text(&["ToDtTm"], &format!("{date}T23:59:59+08:00"))?;
        xml.close("FrToDt")?;
        xml.open("Acct")?;
        xml.text(&["Id", "Othr", "Id"], &self.bank.account)?;
        xml.text(&["Ccy"], "CNY")?;
        xml.text(&["Ownr", "Nm"], &self.bank.holder)?;
        xml.close("Acct")?;
        xml.line()
    }

    fn write_balance(&self, xml: &mut Xml<impl Write>, code: &str, balance: Amount) -> io::Result<()> {
        xml.open("Bal")?;
        xml.text(&["Tp", "CdOrPrtry", "Cd"], code)?;
        xml.amount("Amt", balance)?;
        xml.direction(balance)?;
        xml.text(&["Dt", "Dt"], &self.day.date.to_string())?;
        xml.close("Bal")?;
        xml.line()
    }

    /// An entry; `listed`: with every payment that a sum is made of.
    fn write_entry(&self, xml: &mut Xml<impl Write>, booking: &Booking, listed: bool) -> io::Result<()> {
        let (bank, date) = (self.bank, self.day.date.to_string());
        let reference = bank.reference(self.day.date, booking);
        let shown = bank.shown(booking);
        xml.open("Ntry")?;
        xml.text(&["NtryRef"], &booking.number.to_string())?;
        xml.amount("Amt", booking.signed)?;
        xml.direction(booking.signed)?;
        if matches!(booking.what, What::Reversal(_)) {
            xml.text(&["RvslInd"], "true")?;
        }
        xml.text(&["Sts", "Cd"], "BOOK")?;
        xml.text(&["BookgDt", "Dt"], &date)?;
        xml.text(&["ValDt", "Dt"], &date)?;
        xml.text(&["AcctSvcrRef"], &reference)?;
        write_code(xml, booking.what, shown.summary)?;
        match booking.what {
            What::FileDebit { file, .. } | What::LumpReturn { file, .. } => {
                let lines = || bank.plan.lines_of(&bank.files, booking.what);
                xml.open("NtryDtls")?;
                xml.open("Btch")?;
                xml.text(&["MsgId"], &bank.files[file].batch_id())?;
                xml.text(&["PmtInfId"], &bank.files[file].block_id)?;
                xml.text(&["NbOfTxs"], &lines().count().to_string())?;
                xml.amount("TtlAmt", booking.signed)?;
                xml.direction(booking.signed)?;
                xml.close("Btch")?;
                if listed {
                    for (line, _) in lines() {
                        xml.line()?;
                        self.write_detail(xml, booking, file, line)?;
                    }
                }
                xml.close("NtryDtls")?;
                xml.text(&["AddtlNtryInf"], &shown.remark)?;
            }
            What::PaymentDebit { file, line } | What::Return { file, line } => {
                xml.open("NtryDtls")?;
                self.write_detail(xml, booking, file, line)?;
                xml.close("NtryDtls")?;
            }
            What::Incoming(_) | What::Reversal(_) => {
                xml.open("NtryDtls")?;
                xml.open("TxDtls")?;
                write_references(xml, &reference, &shown)?;
                xml.amount("Amt", booking.signed)?;
                xml.direction(booking.signed)?;
                if !shown.name.is_empty() {
                    xml.text(&["RltdPties", "Dbtr", "Pty", "Nm"], shown.name)?;
                }
                xml.text(&["RmtInf", "Ustrd"], &shown.remark)?;
                xml.close("TxDtls")?;
                xml.close("NtryDtls")?;
            }
            What::Interest | What::Charge => xml.text(&["AddtlNtryInf"], shown.summary)?,
        }
        xml.close("Ntry")?;
        xml.line()
    }

    /// One payment of an entry.
    fn write_detail(&self, xml: &mut Xml<impl Write>, booking: &Booking, file: usize, line: usize) -> io::Result<()> {
        let file_of_line = &self.bank.files[file];
        let payment = &file_of_line.lines[line];
        let texts = file_of_line.texts(payment);
        let single = matches!(booking.what, What::PaymentDebit { .. } | What::Return { .. });
        let end = self.bank.plan.files[file].fates[line].end;
        let (key, reason) = match (booking.what, end) {
            (What::Return { .. }, End::Returned { reason, key, .. }) => (key.of(texts.key), Some(reason)),
            (What::LumpReturn { .. }, End::Rejected(reason)) => (texts.key.to_owned(), Some(reason)),
            _ => (texts.key.to_owned(), None),
        };
        xml.open("TxDtls")?;
        xml.open("Refs")?;
        if single {
            xml.text(&["AcctSvcrRef"], &self.bank.reference(self.day.date, booking))?;
        }
        xml.text(&["EndToEndId"], &key)?;
        write_sub_account(xml, texts.sub_account)?;
        xml.close("Refs")?;
        xml.amount("Amt", payment.amount)?;
        xml.direction(booking.signed)?;
        xml.open("RltdPties")?;
        xml.text(&["Cdtr", "Pty", "Nm"], texts.name)?;
        xml.text(&["CdtrAcct", "Id", "Othr", "Id"], texts.account)?;
        xml.close("RltdPties")?;
        if let Some(reason) = reason {
            xml.open("RtrInf")?;
            xml.text(&["Rsn", "Cd"], reason.code())?;
            xml.text(&["AddtlInf"], reason.text())?;
            xml.close("RtrInf")?;
        }
        xml.close("TxDtls")
    }
}

fn write_references(xml: &mut Xml<impl Write>, reference: &str, shown: &Shown<'_>) -> io::Result<()> {
    xml.open("Refs")?;
    xml.text(&["AcctSvcrRef"], reference)?;
    write_sub_account(xml, shown.sub_account)?;
    xml.close("Refs")
}

/// The message has no place of its own for the account within the account: a reference with the bank's name for it.
fn write_sub_account(xml: &mut Xml<impl Write>, sub_account: &str) -> io::Result<()> {
    // Max35Text; an instruction to the bank may be longer and then is no account.
    if sub_account.is_empty() || sub_account.chars().count() > 35 {
        return Ok(());
    }
    xml.open("Prtry")?;
    xml.text(&["Tp"], "子账户")?;
    xml.text(&["Ref"], sub_account)?;
    xml.close("Prtry")
}

/// Codes of the external set ExternalBankTransaction, and the bank's word.
fn write_code(xml: &mut Xml<impl Write>, what: What, summary: &str) -> io::Result<()> {
    let (domain, family, sub_family) = match what {
        What::FileDebit { .. } | What::PaymentDebit { .. } => ("PMNT", "ICDT", "DMCT"),
        What::LumpReturn { .. } | What::Return { .. } => ("PMNT", "ICDT", "RRTN"),
        What::Incoming(_) => ("PMNT", "RCDT", "DMCT"),
        What::Reversal(_) => ("PMNT", "RCDT", "RPCR"),
        What::Interest => ("ACMT", "MCOP", "INTR"),
        What::Charge => ("ACMT", "MDOP", "CHRG"),
    };
    xml.open("BkTxCd")?;
    xml.open("Domn")?;
    xml.text(&["Cd"], domain)?;
    xml.open("Fmly")?;
    xml.text(&["Cd"], family)?;
    xml.text(&["SubFmlyCd"], sub_family)?;
    xml.close("Fmly")?;
    xml.close("Domn")?;
    xml.text(&["Prtry", "Cd"], summary)?;
    xml.close("BkTxCd")
}
