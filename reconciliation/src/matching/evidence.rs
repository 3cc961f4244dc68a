//! The sentences of a report, made on demand. Their texts stand in `locales/matching.yml`.

use super::input::date_of;
use super::report::{
    Ambiguous, Candidate, Conflict, Difference, Evidence, GaveUp, How, Match, Outcome, Report, Target,
};

/// Fen as yuan with two decimals.
fn yuan(minor: i64) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// What a sentence may speak of.
#[derive(Clone, Copy)]
struct About {
    how: How,
    /// Row of the line.
    place: u32,
    /// Row of what it is about.
    item: u32,
    number: u32,
}

impl Report {
    /// Why a match was made: one sentence.
    #[must_use]
    pub fn evidence(&self, found: &Match) -> Evidence {
        let about = About { how: found.how, place: found.place, item: found.item, number: found.number };
        let mut evidence = self.sentence(about);
        match &found.outcome {
            Outcome::Reversed { line_id, .. } => evidence.arguments.push(("line", line_id.to_string())),
            Outcome::CaseReceipt { case_id, .. } => evidence.arguments.push(("case", case_id.to_string())),
            Outcome::CardTakings { fee_minor, .. } => evidence.arguments.push(("fee", yuan(*fee_minor))),
            _ => {}
        }
        evidence
    }

    /// Why a line may be that: one sentence.
    #[must_use]
    pub fn why(&self, line: &Ambiguous, candidate: &Candidate) -> Evidence {
        let about = About { how: candidate.how, place: line.place, item: candidate.item, number: 1 };
        let mut evidence = self.sentence(about);
        // Where the evidence of a match says that there is only one, a candidate is one of several.
        evidence.code = match candidate.how {
            How::KeyCut => "matching.candidate.line_key_cut",
            How::FileAmount => "matching.candidate.file_amount",
            How::LumpAmount => "matching.candidate.lump_amount",
            How::ReversalAmount => "matching.candidate.reversal_amount",
            How::Cards => "matching.candidate.cards",
            How::SumOfReceipts | How::PartsOfReceipt => "matching.candidate.sum_of_receipts",
            How::SumOfArrivals | How::PartsOfArrival => "matching.candidate.sum_of_arrivals",
            _ => evidence.code,
        };
        match candidate.target {
            Target::Line(line_id) => evidence.arguments.push(("line", line_id.to_string())),
            Target::Case(case_id) => evidence.arguments.push(("case", case_id.to_string())),
            _ => {}
        }
        evidence
    }

    /// What does not agree: one sentence, with both amounts.
    #[must_use]
    pub fn difference(&self, conflict: &Conflict) -> Evidence {
        let line = |line: Option<i64>| line.map(|line| ("line", line.to_string()));
        let (code, line) = match conflict.difference {
            Difference::Amount if matches!(conflict.target, Target::File(_)) => ("matching.conflict.file_amount", None),
            Difference::Amount => ("matching.conflict.amount", None),
            Difference::AlreadyDebited(None) => ("matching.conflict.debited_before", None),
            Difference::AlreadyDebited(by) => ("matching.conflict.debited_by_line", line(by)),
            Difference::AlreadyReturned(None) => ("matching.conflict.returned_before", None),
            Difference::AlreadyReturned(by) => ("matching.conflict.returned_by_line", line(by)),
            Difference::NotDebited => ("matching.conflict.not_debited", None),
            Difference::AlreadyLinked(by) => ("matching.conflict.linked_by_line", line(Some(by))),
            Difference::Details => ("matching.conflict.details", None),
        };
        let amounts = [("amount", yuan(conflict.amount_minor)), ("expected", yuan(conflict.expected_minor))];
        Evidence { code, arguments: amounts.into_iter().chain(line).collect() }
    }

    /// What was given up: one sentence.
    #[must_use]
    pub fn given_up(&self, search: &GaveUp) -> Evidence {
        let code = if search.steps == 0 { "matching.gave_up.candidates" } else { "matching.gave_up.steps" };
        let arguments = vec![
            ("line", search.line_id.to_string()),
            ("candidates", search.candidates.to_string()),
            ("steps", search.steps.to_string()),
        ];
        Evidence { code, arguments }
    }

    fn sentence(&self, about: About) -> Evidence {
        let input = &self.input;
        let line = input.line(about.place);
        let item = about.item;
        let amount = || ("amount", yuan(line.amount_minor.saturating_abs()));
        let number = || ("number", about.number.to_string());
        let name = || ("name", line.name().to_owned());
        let booked = || ("booked", date_of(line.day).to_string());
        let file = || {
            let name = input.file_name(item);
            ("file", if name.is_empty() { input.message_id(item) } else { name }.to_owned())
        };
        let lines = || ("lines", input.files[item as usize].lines.to_string());
        let failed = || ("failed", input.files[item as usize].failed_lines.to_string());
        let released = || ("released", date_of(input.files[item as usize].released).to_string());
        let key = || ("key", input.payment_key(item).to_owned());
        let (code, arguments) = match about.how {
            How::Key => ("matching.evidence.line_key", vec![key(), amount()]),
            How::KeyCut => {
                let whole = input.payment_key(item);
                let given = line.keys().find(|given| whole.starts_with(given)).unwrap_or_default();
                ("matching.evidence.line_key_cut", vec![("given", given.to_owned()), key(), amount()])
            }
            How::Keys => ("matching.evidence.line_keys", vec![number(), amount()]),
            How::Details => ("matching.evidence.details", vec![number(), amount()]),
            How::ReceiptReference | How::ReceiptsReference => {
                let code = match about.how {
                    How::ReceiptReference => "matching.evidence.receipt_reference",
                    _ => "matching.evidence.receipts_reference",
                };
                (code, vec![("reference", line.reference().to_owned()), amount(), number()])
            }
            How::ReceiptPayer => {
                let arrived = date_of(input.receipts[item as usize].arrived);
                (
                    "matching.evidence.amount_and_payer",
                    vec![name(), amount(), ("arrived", arrived.to_string()), booked()],
                )
            }
            How::ArrivalName => ("matching.evidence.arrival_name", vec![name(), amount()]),
            How::ArrivalAccount => ("matching.evidence.arrival_account", vec![amount()]),
            How::ArrivalSubAccount => ("matching.evidence.arrival_sub_account", vec![amount()]),
            How::FileReference => ("matching.evidence.file_reference", vec![file(), lines(), amount()]),
            How::FileParts => ("matching.evidence.file_parts", vec![file(), number()]),
            How::FileAmount => ("matching.evidence.file_amount", vec![file(), amount(), released(), booked()]),
            How::FilePaired => {
                ("matching.evidence.file_paired", vec![file(), amount(), number(), released(), booked()])
            }
            How::FileDebits => ("matching.evidence.file_debits", vec![file(), number()]),
            How::LumpReference => ("matching.evidence.lump_reference", vec![file(), failed(), amount()]),
            How::LumpAnswer => ("matching.evidence.lump_answer", vec![file(), amount()]),
            How::LumpAmount => ("matching.evidence.lump_amount", vec![file(), amount(), released(), booked()]),
            How::LumpPaired => {
                ("matching.evidence.lump_paired", vec![file(), amount(), number(), released(), booked()])
            }
            How::ReversalReference => ("matching.evidence.reversal_reference", vec![amount()]),
            How::ReversalAmount => ("matching.evidence.reversal_amount", vec![amount()]),
            How::Own => {
                let said = if line.code().is_empty() { line.text() } else { line.code() };
                ("matching.evidence.own_words", vec![("words", said.to_owned()), amount()])
            }
            How::Cards => ("matching.evidence.cards", vec![amount(), number()]),
            How::ReceivableName => ("matching.evidence.receivable_name", vec![name(), amount()]),
            How::ReceivableAccount => ("matching.evidence.receivable_account", vec![amount()]),
            How::SubAccount => ("matching.evidence.sub_account", vec![amount()]),
            How::CaseNumber => ("matching.evidence.case_number", vec![amount()]),
            How::SumOfReceipts => ("matching.evidence.sum_of_receipts", vec![name(), amount(), number()]),
            How::SumOfArrivals => ("matching.evidence.sum_of_arrivals", vec![name(), amount(), number()]),
            How::PartsOfReceipt => ("matching.evidence.parts_of_receipt", vec![name(), amount(), number()]),
            How::PartsOfArrival => ("matching.evidence.parts_of_arrival", vec![name(), amount(), number()]),
            How::Unattributed => ("matching.evidence.unattributed", vec![amount()]),
        };
        Evidence { code, arguments }
    }
}
