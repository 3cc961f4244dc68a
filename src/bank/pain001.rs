//! ISO 20022 customer credit transfer initiation, pain.001.001.09: one payment block per file.
//!
//! Lengths are those of the schema, in characters. The court's sub-account of a line (一案一账户) goes into
//! `InstrForDbtrAgt`, the instruction to the payer's bank. Telephones are left out: the bank does not need them to pay.

use super::profile::AmountUnit;
use super::table::push_amount;
use super::text::{Flaw, check_text};
use super::{FileHeader, PaymentLine};
use crate::message::Message;
use ankuan_ledger::Amount;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";
/// The clearing system of the bank codes (联行号), of the external code set ExternalClearingSystemIdentification1Code.
const CLEARING_SYSTEM: &str = "CNAPS";
/// `totalDigits` 18 of amounts and control sums: 9,999,999,999,999,999.99 yuan.
const MAX_AMOUNT: Amount = Amount::from_minor(999_999_999_999_999_999);

const MAX_KEY: usize = 35;
const MAX_ACCOUNT: usize = 34;
const MAX_NAME: usize = 140;

type Out<'o> = Writer<&'o mut Vec<u8>>;

/// From the declaration to the debtor's bank.
pub(super) fn push_opening(header: &FileHeader<'_>, out: &mut Vec<u8>) -> Result<(), super::BankFileError> {
    let field = |name: &str, text: &str, max: usize| check(text, max).map_err(|flaw| flaw.in_header(name));
    field("MsgId", header.message_id, MAX_KEY)?;
    field("Dbtr/Nm", header.payer_name, MAX_NAME)?;
    field("DbtrAcct", header.payer_account, MAX_ACCOUNT)?;
    field("DbtrAgt/MmbId", header.payer_bank_code, MAX_KEY)?;
    if header.sum > MAX_AMOUNT {
        return Err(Message::new("bank.pain001.amount").with("line", 0).with("max", MAX_AMOUNT).into());
    }
    let count = header.lines.to_string();
    let mut sum = String::new();
    push_amount(&mut sum, header.sum, AmountUnit::Yuan);

    let writer = &mut Writer::new(out);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.write_event(Event::Start(BytesStart::new("Document").with_attributes([("xmlns", NAMESPACE)])))?;
    open(writer, "CstmrCdtTrfInitn")?;
    open(writer, "GrpHdr")?;
    element(writer, "MsgId", header.message_id)?;
    element(writer, "CreDtTm", &header.created_at.to_string())?;
    element(writer, "NbOfTxs", &count)?;
    element(writer, "CtrlSum", &sum)?;
    party(writer, "InitgPty", header.payer_name)?;
    close(writer, "GrpHdr")?;
    open(writer, "PmtInf")?;
    element(writer, "PmtInfId", header.message_id)?;
    element(writer, "PmtMtd", "TRF")?;
    element(writer, "NbOfTxs", &count)?;
    element(writer, "CtrlSum", &sum)?;
    open(writer, "ReqdExctnDt")?;
    element(writer, "Dt", &header.execution_date.to_string())?;
    close(writer, "ReqdExctnDt")?;
    party(writer, "Dbtr", header.payer_name)?;
    account(writer, "DbtrAcct", header.payer_account)?;
    if !header.payer_bank_name.is_empty() {
        field("DbtrAgt/Nm", header.payer_bank_name, MAX_NAME)?;
    }
    agent(writer, "DbtrAgt", header.payer_bank_code, header.payer_bank_name)?;
    Ok(())
}

pub(super) fn push_line(
    line: &PaymentLine<'_>,
    scratch: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), super::BankFileError> {
    let field = |name: &str, text: &str, max: usize, required: bool| {
        if text.is_empty() && !required {
            return Ok(());
        }
        check(text, max).map_err(|flaw| flaw.in_line(line.line_number, name))
    };
    field("EndToEndId", line.line_key, MAX_KEY, true)?;
    // One of the two must say where the money goes.
    field("CdtrAgt/MmbId", line.bank_code, MAX_KEY, !line.same_bank && line.bank_name.is_empty())?;
    field("CdtrAgt/Nm", line.bank_name, MAX_NAME, false)?;
    field("Cdtr/Nm", line.payee_name, MAX_NAME, true)?;
    field("CdtrAcct", line.payee_account, MAX_ACCOUNT, true)?;
    field("InstrForDbtrAgt", line.payer_sub_account, MAX_NAME, false)?;
    field("RmtInf/Ustrd", line.purpose, MAX_NAME, false)?;
    if line.amount > MAX_AMOUNT {
        return Err(Message::new("bank.pain001.amount").with("line", line.line_number).with("max", MAX_AMOUNT).into());
    }
    scratch.clear();
    push_amount(scratch, line.amount, AmountUnit::Yuan);

    let writer = &mut Writer::new(out);
    open(writer, "CdtTrfTxInf")?;
    open(writer, "PmtId")?;
    element(writer, "EndToEndId", line.line_key)?;
    close(writer, "PmtId")?;
    open(writer, "Amt")?;
    writer.write_event(Event::Start(BytesStart::from_content("InstdAmt Ccy=\"CNY\"", "InstdAmt".len())))?;
    writer.write_event(Event::Text(BytesText::from_escaped(scratch.as_str())))?;
    close(writer, "InstdAmt")?;
    close(writer, "Amt")?;
    if !(line.bank_code.is_empty() && line.bank_name.is_empty()) {
        agent(writer, "CdtrAgt", line.bank_code, line.bank_name)?;
    }
    party(writer, "Cdtr", line.payee_name)?;
    account(writer, "CdtrAcct", line.payee_account)?;
    if !line.payer_sub_account.is_empty() {
        element(writer, "InstrForDbtrAgt", line.payer_sub_account)?;
    }
    if !line.purpose.is_empty() {
        open(writer, "RmtInf")?;
        element(writer, "Ustrd", line.purpose)?;
        close(writer, "RmtInf")?;
    }
    close(writer, "CdtTrfTxInf")?;
    Ok(())
}

pub(super) fn push_closing(out: &mut Vec<u8>) -> io::Result<()> {
    let writer = &mut Writer::new(out);
    close(writer, "PmtInf")?;
    close(writer, "CstmrCdtTrfInitn")?;
    close(writer, "Document")?;
    writer.get_mut().push(b'\n');
    Ok(())
}

fn check(text: &str, max: usize) -> Result<(), Flaw> {
    check_text(text)?;
    if text.is_empty() {
        return Err(Flaw::Missing);
    }
    let length = if text.len() <= max { text.len() } else { text.chars().count() };
    if length > max { Err(Flaw::TooLong { length, max }) } else { Ok(()) }
}

fn open(writer: &mut Out<'_>, name: &'static str) -> io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(name)))
}

fn close(writer: &mut Out<'_>, name: &'static str) -> io::Result<()> {
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn element(writer: &mut Out<'_>, name: &'static str, text: &str) -> io::Result<()> {
    open(writer, name)?;
    writer.write_event(Event::Text(BytesText::new(text)))?;
    close(writer, name)
}

fn party(writer: &mut Out<'_>, name: &'static str, text: &str) -> io::Result<()> {
    open(writer, name)?;
    element(writer, "Nm", text)?;
    close(writer, name)
}

fn account(writer: &mut Out<'_>, name: &'static str, number: &str) -> io::Result<()> {
    open(writer, name)?;
    open(writer, "Id")?;
    open(writer, "Othr")?;
    element(writer, "Id", number)?;
    close(writer, "Othr")?;
    close(writer, "Id")?;
    close(writer, name)
}

fn agent(writer: &mut Out<'_>, name: &'static str, bank_code: &str, bank_name: &str) -> io::Result<()> {
    open(writer, name)?;
    open(writer, "FinInstnId")?;
    if !bank_code.is_empty() {
        open(writer, "ClrSysMmbId")?;
        open(writer, "ClrSysId")?;
        element(writer, "Cd", CLEARING_SYSTEM)?;
        close(writer, "ClrSysId")?;
        element(writer, "MmbId", bank_code)?;
        close(writer, "ClrSysMmbId")?;
    }
    if !bank_name.is_empty() {
        element(writer, "Nm", bank_name)?;
    }
    close(writer, "FinInstnId")?;
    close(writer, name)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{header, lines, render};
    use super::super::{Profile, writer::file_name};
    use std::path::PathBuf;
    use std::process::Command;

    /// Validates with xmllint against the published schema, where both are at hand.
    #[test]
    fn is_valid_against_the_schema() {
        let shared = std::env::var_os("ANKUAN_SHARED")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
        let schema = shared.join("xsd/pain.001.001.09.xsd");
        if !schema.is_file() {
            println!("skipped: {} is not there", schema.display());
            return;
        }
        if Command::new("xmllint").arg("--version").output().is_err() {
            println!("skipped: xmllint is not installed (Debian package libxml2-utils)");
            return;
        }
        let profile = Profile::shipped("pain001").unwrap();
        let mut bare = lines();
        for line in &mut bare {
            (line.bank_name, line.purpose, line.payer_sub_account, line.payee_name) = ("", "", "", "<&>\"'𠮷");
        }
        let folder = tempfile::tempdir().unwrap();
        for (number, lines) in (1..).zip([lines(), bare]) {
            let header = header(&profile, &lines, number);
            let path = folder.path().join(file_name(&profile, &header).unwrap());
            std::fs::write(&path, render(&profile, &header, &lines).unwrap().0).unwrap();
            let check = Command::new("xmllint").args(["--noout", "--schema"]).args([&schema, &path]).output().unwrap();
            assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        }
    }
}
