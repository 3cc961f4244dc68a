//! Practice: what matching found, held against the truth that the practice bank keeps apart.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ankuan_ledger::engine::{Error, Tx};
use serde::Deserialize;

use crate::books;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::payouts::sent::{Standing, each_sent, sent_runs};

/// What really happened, as far as it is compared.
#[derive(Debug, Deserialize)]
struct Truth {
    entries: Vec<TrueEntry>,
    lines: Vec<TrueLine>,
}

#[derive(Debug, Deserialize)]
struct TrueEntry {
    kind: String,
    reference: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    line_key: String,
}

#[derive(Debug, Deserialize)]
struct TrueLine {
    line_key: String,
    fate: String,
}

/// How often matching was right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Lines of the bank.
    pub lines: u64,
    /// Lines matched with what they are not.
    pub false_matches: u64,
    /// Lines not matched.
    pub missed: u64,
    /// Payments.
    pub payments: u64,
    /// Payments that stand otherwise than they ended.
    pub wrong_payments: u64,
    /// Payments that ended and are still on their way in the books.
    pub open_payments: u64,
    /// The first lines and payments that are wrong.
    pub examples: Vec<String>,
}

/// Wrong lines and payments that are named.
const EXAMPLES: usize = 10;

impl Score {
    fn say(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }
}

/// Compares the matches of an account with the truth of the practice bank. A payment that was paid again counts by what
/// became of the first one.
///
/// # Errors
/// `flows.truth`, `file.*`; what the database says.
pub fn score(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64, path: &Path) -> Outcome<Score> {
    let file = File::open(path).map_err(|error| Failure::of_file(path, &error))?;
    let truth: Truth = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| Message::new("flows.truth").with("detail", error).in_file(path))?;
    tx.expect_whole_tables()?;
    let mut score = Score::default();
    let (mut keys, mut file_names) = (HashMap::new(), HashMap::new());
    let mut standings: HashMap<String, Standing> = HashMap::new();
    for sent in sent_runs(tx, court_id, bank_account_id)? {
        file_names.extend(sent.files.iter().map(|file| (file.file_id, file.name.clone())));
        each_sent(tx, court_id, &sent, &mut |payment| {
            standings.insert(payment.key.clone(), payment.standing);
            keys.insert(payment.payment_id, payment.key);
            Ok(())
        })?;
    }
    // The present match of each line, by the bank's reference; rows without a target of their own are left out.
    let mut found: HashMap<String, (String, i64)> = HashMap::new();
    tx.each(
        "SELECT l.bank_reference, b.outcome, b.target_id FROM bank_line AS l \
         JOIN line_match AS m ON m.court_id = l.court_id AND m.book_id = l.book_id AND m.bank_line_id = l.bank_line_id \
         JOIN bank_match AS b ON b.court_id = m.court_id AND b.book_id = m.book_id AND b.match_id = m.group_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| {
            found.insert(row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.int(2)?));
            Ok::<(), Error>(())
        },
    )?;
    for entry in &truth.entries {
        score.lines += 1;
        let Some((outcome, target)) = found.get(&entry.reference) else {
            score.missed += 1;
            score.say(|| format!("{} {}: -", entry.reference, entry.kind));
            continue;
        };
        let is_file = || file_names.get(target).is_some_and(|name| *name == entry.file);
        let is_payment = || keys.get(target).is_some_and(|key| *key == entry.line_key);
        let right = match (entry.kind.as_str(), outcome.as_str()) {
            ("file_debit", "file_debited" | "file_debited_less_failed") | ("lump_return", "lump_returned") => is_file(),
            ("payment_debit", "payment_debited") | ("return", "payment_returned") => is_payment(),
            ("file_debit", "payments_debited") | ("lump_return", "payments_returned") => true,
            ("incoming", "receipt_linked" | "case_receipt" | "unattributed" | "washed") => true,
            ("reversal", "receipt_reversed" | "washed") => true,
            ("interest", "interest") | ("charge", "charges") => true,
            _ => false,
        };
        if !right {
            score.false_matches += 1;
            score.say(|| format!("{} {}: {outcome} {target}", entry.reference, entry.kind));
        }
    }
    for line in &truth.lines {
        score.payments += 1;
        let standing = standings.get(&line.line_key).copied().unwrap_or(Standing::Out);
        let right = match line.fate.as_str() {
            "paid" => standing == Standing::Debited,
            _ => matches!(standing, Standing::Failed | Standing::Returned | Standing::Reissued),
        };
        if standing == Standing::Out {
            score.open_payments += 1;
        } else if !right {
            score.wrong_payments += 1;
        }
        if !right {
            score.say(|| format!("{} {}: {}", line.line_key, line.fate, standing.as_str()));
        }
    }
    Ok(score)
}
