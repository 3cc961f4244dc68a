//! What really happened, for whoever checks a reader of the bank's files: `truth.json`.

use std::collections::HashSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::Bank;
use super::plan::{Booking, End, What};

/// One object, an entry a line: it is streamed, as a payout has many lines.
pub fn write(bank: &Bank, out: &mut impl Write) -> io::Result<()> {
    let days = &bank.plan.days;
    let head = json!({
        "seed": bank.options.seed,
        "account": bank.account,
        "from": bank.options.from.to_string(),
        "opening_minor": days[0].opening,
        "closing_minor": days[days.len() - 1].closing,
    });
    let head = head.to_string();
    out.write_all(head.trim_end_matches('}').as_bytes())?;
    array(out, "days", days.iter(), |day| {
        Some(json!({
            "day": day.date.to_string(), "opening_minor": day.opening, "closing_minor": day.closing, "entries": day.bookings.len(),
        }))
    })?;
    array(out, "files", bank.files.iter().zip(&bank.plan.files), |(file, planned)| {
        Some(json!({
            "file": file.name,
            "message_id": file.message_id,
            "lines": file.lines.len(),
            "sum_minor": file.sum,
            "refused": planned.refused.map(|reason| reason.name()),
        }))
    })?;
    let entries = days.iter().flat_map(|day| day.bookings.iter().map(move |booking| (day, booking)));
    array(out, "entries", entries, |(day, booking)| {
        let mut entry = entry(bank, booking);
        entry["reference"] = bank.reference(day.date, booking).into();
        entry["day"] = day.date.to_string().into();
        entry["amount_minor"] = json!(booking.signed);
        Some(entry)
    })?;
    // A key stands here once. First what was taken: a refused file may come again, corrected, with the same keys.
    let mut known = HashSet::new();
    let mut again = Vec::new();
    array(out, "lines", places(bank, false).chain(places(bank, true)), |(file, line)| {
        let (payments, fate) = (&bank.files[file], &bank.plan.files[file].fates[line]);
        let payment = &payments.lines[line];
        let key = payments.texts(payment).key;
        if !known.insert(key) {
            again.push((file, line));
            return None;
        }
        let mut truth = json!({ "line_key": key, "file": payments.name, "amount_minor": payment.amount });
        match fate.end {
            End::Paid => truth["fate"] = "paid".into(),
            End::Rejected(reason) => {
                truth["fate"] = "rejected".into();
                truth["reason"] = reason.name().into();
            }
            End::Returned { day, reason, .. } => {
                truth["fate"] = "returned".into();
                truth["reason"] = reason.name().into();
                truth["returned_on"] = days[usize::from(day)].date.to_string().into();
            }
        }
        truth["decided_on"] = days[usize::from(fate.decided)].date.to_string().into();
        Some(truth)
    })?;
    array(out, "repeated_lines", again.into_iter(), |(file, line)| {
        let file = &bank.files[file];
        let payment = &file.lines[line];
        Some(json!({ "line_key": file.texts(payment).key, "file": file.name, "serial": payment.serial }))
    })?;
    out.write_all(b"}\n")
}

/// File and line of every payment of the files that were taken, or of those that were refused.
fn places(bank: &Bank, refused: bool) -> impl Iterator<Item = (usize, usize)> {
    let files = bank.files.iter().zip(&bank.plan.files).enumerate();
    files
        .filter(move |(_, (_, planned))| planned.refused.is_some() == refused)
        .flat_map(|(place, (file, _))| (0..file.lines.len()).map(move |line| (place, line)))
}

fn entry(bank: &Bank, booking: &Booking) -> Value {
    let key = |file: usize, line: usize| bank.files[file].texts(&bank.files[file].lines[line]).key;
    match booking.what {
        What::FileDebit { file, .. } => json!({
            "kind": "file_debit",
            "file": bank.files[file].name,
            "payments": bank.plan.lines_of(&bank.files, booking.what).count(),
        }),
        What::PaymentDebit { file, line } => json!({ "kind": "payment_debit", "line_key": key(file, line) }),
        What::LumpReturn { file, .. } => {
            let lines = bank.plan.lines_of(&bank.files, booking.what);
            let keys: Vec<&str> = lines.map(|(line, _)| key(file, line)).collect();
            json!({ "kind": "lump_return", "file": bank.files[file].name, "line_keys": keys })
        }
        What::Return { file, line } => json!({
            "kind": "return",
            "line_key": key(file, line),
            "given_key": bank.shown(booking).own_reference,
        }),
        What::Incoming(_) => json!({ "kind": "incoming" }),
        What::Reversal(credit) => json!({ "kind": "reversal", "of": bank.reference_of_credit(credit) }),
        What::Interest => json!({ "kind": "interest" }),
        What::Charge => json!({ "kind": "charge" }),
    }
}

/// A field that is an array, an element a line.
fn array<T, V: Serialize>(
    out: &mut impl Write,
    name: &str,
    items: impl Iterator<Item = T>,
    mut value: impl FnMut(T) -> Option<V>,
) -> io::Result<()> {
    write!(out, ",\n\"{name}\":[")?;
    let mut first = true;
    for item in items {
        let Some(value) = value(item) else { continue };
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &value)?;
    }
    out.write_all(b"]")
}
