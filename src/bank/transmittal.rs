//! The transmittal sheet (交接单) that goes to the bank with the files of a run, signed by both sides.

use super::{PaymentGroup, capital_amount};
use crate::message::{Language, Message};
use ankuan_ledger::Amount;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use std::fmt::Write;

/// A file of the sheet.
#[derive(Clone, Debug)]
pub struct TransmittalFile {
    /// Its name.
    pub name: String,
    /// What it pays.
    pub group: PaymentGroup,
    /// How many lines.
    pub lines: u64,
    /// What they come to, in fen.
    pub sum: Amount,
    /// SHA-256 over its bytes.
    pub sha256: [u8; 32],
}

/// Someone who approved the run.
#[derive(Clone, Debug)]
pub struct Approver {
    /// Name.
    pub name: String,
    /// The role in which the approval was given.
    pub role: String,
    /// When.
    pub approved_at: Timestamp,
}

/// What is handed over, under which approvals and at which head of the chain.
#[derive(Clone, Debug)]
pub struct TransmittalSheet<'a> {
    /// Number of the run as people see it.
    pub run_number: &'a str,
    /// Name of the profile.
    pub profile: &'a str,
    /// Name of the payer's account.
    pub payer_name: &'a str,
    /// Number of the payer's account.
    pub payer_account: &'a str,
    /// Name of the payer's bank.
    pub payer_bank_name: &'a str,
    /// When the sheet was made.
    pub created_at: Timestamp,
    /// The day on which the bank shall pay.
    pub execution_date: Date,
    /// The files, in the order of their numbers.
    pub files: &'a [TransmittalFile],
    /// The approvals, in their order.
    pub approvers: &'a [Approver],
    /// Head of the book's chain when the files were released: whoever keeps the sheet can prove a later change.
    pub chain_head: &'a str,
}

impl TransmittalSheet<'_> {
    /// The sheet as text, to print and sign. Columns keep their places with Chinese characters of double width.
    ///
    /// # Errors
    /// `bank.transmittal.total` when the sums pass the range or are below zero.
    pub fn text(&self, language: Language) -> Result<String, Message> {
        let (lines, sum, capitals) = self.totals()?;
        let say = |code: &'static str| Message::new(code).text(language);
        let mut text = format!("{}\n\n", say("bank.transmittal.title"));
        let mut facts = plain_table();
        for (label, value) in [
            ("bank.transmittal.run", self.run_number.to_owned()),
            ("bank.transmittal.payer", self.payer_name.to_owned()),
            ("bank.transmittal.payer_account", self.payer_account.to_owned()),
            ("bank.transmittal.payer_bank", self.payer_bank_name.to_owned()),
            ("bank.transmittal.execution_date", self.execution_date.to_string()),
            ("bank.transmittal.profile", self.profile.to_owned()),
            ("bank.transmittal.file_count", self.files.len().to_string()),
            ("bank.transmittal.lines", lines.to_string()),
            ("bank.transmittal.sum", format!("¥{sum}")),
            ("bank.transmittal.capitals", capitals),
            ("bank.transmittal.chain_head", self.chain_head.to_owned()),
            ("bank.transmittal.created_at", in_china(self.created_at)),
        ] {
            facts.add_row([say(label), value]);
        }
        push_table(&mut text, &facts);

        let mut files = Table::new();
        files.load_style(presets::UTF8_FULL_CONDENSED);
        files.set_header(
            [
                "bank.transmittal.column_number",
                "bank.transmittal.column_file",
                "bank.transmittal.column_group",
                "bank.transmittal.lines",
                "bank.transmittal.column_sum",
            ]
            .map(say),
        );
        for column in [0, 3, 4] {
            if let Some(column) = files.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (index, file) in self.files.iter().enumerate() {
            files.add_row([
                (index + 1).to_string(),
                file.name.clone(),
                file.group.label().text(language),
                file.lines.to_string(),
                file.sum.to_string(),
            ]);
        }
        files.add_row([
            String::new(),
            say("bank.transmittal.total_row"),
            String::new(),
            lines.to_string(),
            sum.to_string(),
        ]);
        push_table(&mut text, &files);

        // Below the table: 64 digits beside the other columns do not fit on a page.
        let mut digests = plain_table();
        for (index, file) in self.files.iter().enumerate() {
            digests.add_row([(index + 1).to_string(), hex(&file.sha256)]);
        }
        let _ = writeln!(text, "SHA-256");
        push_table(&mut text, &digests);

        let mut signatures = plain_table();
        for approver in self.approvers {
            signatures.add_row([
                say("bank.transmittal.approved_by"),
                format!("{} ({})", approver.name, approver.role),
                in_china(approver.approved_at),
            ]);
        }
        push_table(&mut text, &signatures);
        for place in ["bank.transmittal.handed_over", "bank.transmittal.received"] {
            let _ = writeln!(text, "{}\n", say(place));
        }
        Ok(text)
    }

    /// The same for machines: amounts as `*_minor` in fen, digests in hexadecimal.
    ///
    /// # Errors
    /// `bank.transmittal.total` when the sums pass the range or are below zero.
    pub fn json(&self) -> Result<serde_json::Value, Message> {
        let (lines, sum, sum_in_capitals) = self.totals()?;
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                json!({
                    "name": file.name,
                    "group": file.group.name(),
                    "lines": file.lines,
                    "sum_minor": file.sum.minor(),
                    "sha256": hex(&file.sha256),
                })
            })
            .collect();
        let approvers: Vec<_> = self
            .approvers
            .iter()
            .map(|approver| {
                json!({ "name": approver.name, "role": approver.role, "approved_at": approver.approved_at.to_string() })
            })
            .collect();
        Ok(json!({
            "title": Message::new("bank.transmittal.title").text(Language::Zh),
            "run_number": self.run_number,
            "profile": self.profile,
            "payer_name": self.payer_name,
            "payer_account": self.payer_account,
            "payer_bank_name": self.payer_bank_name,
            "created_at": self.created_at.to_string(),
            "execution_date": self.execution_date.to_string(),
            "currency": "CNY",
            "file_count": files.len(),
            "lines": lines,
            "sum_minor": sum.minor(),
            "sum_in_capitals": sum_in_capitals,
            "files": files,
            "approvers": approvers,
            "chain_head": self.chain_head,
        }))
    }

    fn totals(&self) -> Result<(u64, Amount, String), Message> {
        let refuse = || Message::new("bank.transmittal.total").with("run", self.run_number);
        let lines = self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.lines)).ok_or_else(refuse)?;
        let sum = Amount::sum(self.files.iter().map(|file| file.sum)).ok_or_else(refuse)?;
        let capitals = capital_amount(sum).ok_or_else(refuse)?;
        Ok((lines, sum, capitals))
    }
}

/// On paper the time is that of the court: China has one zone and no summer time.
fn in_china(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn push_table(text: &mut String, table: &Table) {
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::{header, lines, render};
    use super::super::{Profile, file_name};
    use super::*;

    fn with_sheet(check: impl Fn(&TransmittalSheet<'_>)) {
        let profile = Profile::shipped("generic-csv").unwrap();
        let files: Vec<_> = lines()
            .chunks(1)
            .zip(1..)
            .map(|(lines, number)| {
                let header = header(&profile, lines, number);
                let rendered = render(&profile, &header, lines).unwrap().1;
                TransmittalFile {
                    name: file_name(&profile, &header).unwrap(),
                    group: header.group,
                    lines: rendered.lines,
                    sum: rendered.sum,
                    sha256: rendered.sha256,
                }
            })
            .collect();
        let approved_at = "2026-11-20T08:00:00Z".parse().unwrap();
        let approvers = [("李强", "财务负责人"), ("王敏", "执行局长")].map(|(name, role)| Approver {
            name: name.into(),
            role: role.into(),
            approved_at,
        });
        let first = header(&profile, &lines(), 1);
        check(&TransmittalSheet {
            run_number: first.run_number,
            profile: &profile.name,
            payer_name: first.payer_name,
            payer_account: first.payer_account,
            payer_bank_name: first.payer_bank_name,
            created_at: first.created_at,
            execution_date: first.execution_date,
            files: &files,
            approvers: &approvers,
            chain_head: "ring:3f9a…",
        });
    }

    #[test]
    fn sheet_in_chinese() {
        with_sheet(|sheet| insta::assert_snapshot!(sheet.text(Language::Zh).unwrap()));
    }

    #[test]
    fn sheet_in_english() {
        with_sheet(|sheet| insta::assert_snapshot!(sheet.text(Language::En).unwrap()));
    }

    #[test]
    fn sheet_as_json() {
        with_sheet(|sheet| {
            insta::assert_snapshot!(serde_json::to_string_pretty(&sheet.json().unwrap()).unwrap());
        });
    }

    #[test]
    fn totals_past_the_range_are_refused() {
        with_sheet(|sheet| {
            let mut files = sheet.files.to_vec();
            files[0].sum = Amount::from_minor(i64::MAX);
            let sheet = TransmittalSheet { files: &files, ..sheet.clone() };
            assert_eq!(sheet.text(Language::Zh).unwrap_err().code, "bank.transmittal.total");
        });
    }
}
