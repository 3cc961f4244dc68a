//! What matching costs beside a plain hash join: `cargo bench -p ankuan-reconciliation -- [--rows N] [--runs N]`.
//!
//! The baseline joins the same lines and the same expected rows on (reference, amount) and runs in turn with what it is
//! compared to: ratios are what counts. Building the input (copying what is pushed) is timed by itself.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::hint::black_box;
use std::time::{Duration, Instant};

use ankuan_reconciliation::matching::{
    Arrival, BankLine, DetailRef, File, Input, Payment, Receipt, Report, Rules, SubAccount, run,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};

const START: Date = date(2026, 1, 5);
/// Prime and above every number of rows: multiplying by it visits every row once, far from its neighbour.
const FAR: u64 = 2_147_483_647;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| -> u64 {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
    };
    let (rows, runs) = (number("--rows", 1_000_000), number("--runs", 5));

    // First, so that the peak is that of one input and its run.
    let report = run(keyed_input(rows), Rules::standard());
    println!("{rows} lines x {rows} expected: {}", summary(&report));
    println!("peak resident memory with input and report: {} MB", peak_megabytes());
    drop(report);

    let [lines, expected] = join_rows(rows);
    let [mut plain, mut fast, mut full, mut build, mut sparse] = [const { Vec::new() }; 5];
    for _ in 0..runs {
        plain.push(timed(|| join::<RandomState>(&lines, &expected)).1);
        fast.push(timed(|| join::<BuildHasherDefault<Fast>>(&lines, &expected)).1);
        let (input, took) = timed(|| keyed_input(rows));
        build.push(took);
        full.push(timed(|| run(input, Rules::standard())).1);
        let input = sparse_input(rows);
        sparse.push(timed(|| run(input, Rules::standard())).1);
    }
    let [plain, fast, full, build, sparse] = [plain, fast, full, build, sparse].map(median);
    println!("medians of {runs}:");
    println!("  plain hash join, the standard library's hasher   {plain:?}");
    println!("  plain hash join, a multiplying hasher            {fast:?}");
    println!("  copying into the input                           {build:?}");
    println!("  all rules, nine tenths by key                    {full:?}");
    println!("    beside the joins: {:.2} and {:.2}", ratio(full, plain), ratio(full, fast));
    println!("    with the copying: {:.2} and {:.2}", ratio(full + build, plain), ratio(full + build, fast));
    println!("  all rules, no reference at all, payer and amount {sparse:?}");
    println!("    beside the joins: {:.2} and {:.2}", ratio(sparse, plain), ratio(sparse, fast));

    let input = equal_input(rows);
    let (report, took) = timed(|| run(input, Rules::standard()));
    println!("worst case, all amounts and names equal, nothing has a reference: {took:?}, {}", summary(&report));
    println!("peak resident memory of all of the above: {} MB", peak_megabytes());
}

/// Nine tenths of the lines are debits with the key of a payment; the others are a little of everything.
fn keyed_input(rows: u64) -> Input {
    let mut input = Input::new();
    for row in 0..rows {
        let other = row * FAR % rows;
        let booked_on = START + i64::try_from(row * 250 / rows).unwrap_or(0).days();
        let (kind, amount) = (other % 100, amount_of(other));
        let key = key_of(other);
        let name = format!("付款人{}", other % 5000);
        let mut line = BankLine {
            line_id: row.cast_signed() + 1,
            booked_on,
            amount_minor: amount,
            bank_reference: &format!("F{row:011}"),
            keys: &[],
            name: &name,
            account_index: 0,
            code: "转账",
            text: "执行案款",
            case_ids: &[],
            sub_account: None,
            is_reversal: false,
            details: &[] as &[DetailRef<'_>],
        };
        let reference = format!("H{other:011}");
        let case = [other.cast_signed()];
        let keys = [key.as_str()];
        match kind {
            0..90 => (line.amount_minor, line.keys) = (-amount, &keys),
            90 => line.keys = &keys,
            91..96 => line.bank_reference = &reference,
            96 | 97 => {}
            98 => line.sub_account = Some(SubAccount { id: other.cast_signed(), case_id: other.cast_signed() }),
            _ => line.case_ids = &case,
        }
        input.push_line(&line).expect("room");
    }
    for row in 0..rows {
        push_expected(&mut input, row);
    }
    for file in 0..rows / 5000 {
        let file = File {
            file_id: file.cast_signed(),
            message_id: &format!("ANKUAN-M-{file:08}"),
            name: "",
            released_on: START,
            total_minor: 1,
            lines: 5000,
            failed_minor: 0,
            failed_lines: 0,
            answered: false,
            debited: false,
            failed_returned: false,
        };
        input.push_file(&file).expect("room");
    }
    input
}

fn push_expected(input: &mut Input, row: u64) {
    let (kind, amount_minor) = (row % 100, amount_of(row));
    let name = format!("付款人{}", row % 5000);
    match kind {
        91..96 => {
            let bank_reference = format!("H{row:011}");
            let receipt_id = row.cast_signed();
            let receipt = Receipt {
                receipt_id,
                amount_minor,
                arrived_on: START,
                bank_reference: &bank_reference,
                payer_name: &name,
                by_card: false,
            };
            input.push_receipt(&receipt)
        }
        96 | 97 => input.push_arrival(&Arrival {
            expected_id: row.cast_signed(),
            case_id: row.cast_signed(),
            amount_minor,
            payer_name: &name,
            account_index: 0,
            sub_account_id: None,
            since: START,
        }),
        _ => input.push_payment(&Payment {
            payment_id: row.cast_signed(),
            file_id: (row / 5000).cast_signed(),
            amount_minor,
            key: &key_of(row),
            payee_name: &name,
            account_index: 0,
            answered: None,
            debited_on: (kind == 90).then_some(START),
        }),
    }
    .expect("room");
}

/// No references: receipts recorded by hand, by payer and amount.
fn sparse_input(rows: u64) -> Input {
    let mut input = Input::new();
    for row in 0..rows {
        let other = row * FAR % rows;
        push_bare_line(&mut input, row, amount_of(other), &format!("付款人{other}"));
        push_bare_receipt(&mut input, row, amount_of(row), &format!("付款人{row}"));
    }
    input
}

/// One amount, one payer, no references.
fn equal_input(rows: u64) -> Input {
    let mut input = Input::new();
    for row in 0..rows {
        push_bare_line(&mut input, row, 500_000, "张三");
        push_bare_receipt(&mut input, row, 500_000, "张三");
    }
    input
}

fn push_bare_line(input: &mut Input, row: u64, amount_minor: i64, name: &str) {
    let line = BankLine {
        line_id: row.cast_signed() + 1,
        booked_on: START,
        amount_minor,
        bank_reference: "",
        keys: &[],
        name,
        account_index: 0,
        code: "",
        text: "",
        case_ids: &[],
        sub_account: None,
        is_reversal: false,
        details: &[],
    };
    input.push_line(&line).expect("room");
}

fn push_bare_receipt(input: &mut Input, row: u64, amount_minor: i64, payer_name: &str) {
    let receipt_id = row.cast_signed();
    let receipt =
        Receipt { receipt_id, amount_minor, arrived_on: START, bank_reference: "", payer_name, by_card: false };
    input.push_receipt(&receipt).expect("room");
}

fn key_of(row: u64) -> String {
    format!("AK{:010}{row:010}", row / 5000)
}

fn amount_of(row: u64) -> i64 {
    (1 + row * 7_919 % 9_999_991).cast_signed()
}

/// The same rows as those of the keyed input, as a plain join would have them.
fn join_rows(rows: u64) -> [Vec<(String, i64)>; 2] {
    let expected = (0..rows).map(|row| (key_of(row), amount_of(row))).collect();
    let lines = (0..rows).map(|row| row * FAR % rows).map(|row| (key_of(row), amount_of(row))).collect();
    [lines, expected]
}

fn join<S: BuildHasher + Default>(lines: &[(String, i64)], expected: &[(String, i64)]) -> Vec<(u32, u32)> {
    let mut table: HashMap<(&str, i64), u32, S> = HashMap::with_capacity_and_hasher(expected.len(), S::default());
    for ((reference, amount), row) in expected.iter().zip(0..) {
        table.insert((reference, *amount), row);
    }
    let mut found = Vec::new();
    for ((reference, amount), line) in lines.iter().zip(0..) {
        if let Some(row) = table.get(&(reference.as_str(), *amount)) {
            found.push((line, *row));
        }
    }
    found
}

#[derive(Default)]
struct Fast(u64);

impl Fast {
    #[inline]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xf135_7aea_2e62_a9c5;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Fast {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        // Byte by byte: copying so few through memory costs more than all the rest.
        let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
        self.add(last ^ (bytes.len() as u64) << 56);
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.0 ^= u64::from(byte);
    }

    #[inline]
    fn write_i64(&mut self, word: i64) {
        self.add(word.cast_unsigned());
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn summary(report: &Report) -> String {
    format!(
        "{} matches, {} ambiguous, {} conflicts, {} open, {} searches given up",
        report.matches.len(),
        report.ambiguous.len(),
        report.conflicts.len(),
        report.open_lines.len(),
        report.gave_up.len()
    )
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
