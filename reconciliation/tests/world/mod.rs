//! Everything that is compared, owned and easy to change, so that a test can shuffle it and run it again.

use ankuan_reconciliation::matching::{
    Answer, Arrival, BankLine, Credit, DetailRef, File, Input, Outcome, Payment, Receipt, Receivable, Report, Rules,
    SubAccount, run,
};
use jiff::ToSpan;
use jiff::civil::{Date, date};

#[derive(Clone, Debug, Default)]
pub struct Line {
    pub id: i64,
    pub day: i64,
    pub amount: i64,
    pub reference: String,
    pub keys: Vec<String>,
    pub name: String,
    pub account: i64,
    pub code: String,
    pub text: String,
    pub cases: Vec<i64>,
    pub sub_account: Option<(i64, i64)>,
    pub is_reversal: bool,
    pub details: Vec<(String, Option<i64>, bool)>,
}

#[derive(Clone, Debug)]
pub struct OwnedPayment {
    pub id: i64,
    pub file: i64,
    pub amount: i64,
    pub key: String,
    pub name: String,
    pub answered: Option<Answer>,
    pub debited: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct OwnedFile {
    pub id: i64,
    pub released: i64,
    pub total: i64,
    pub message_id: String,
    pub failed: i64,
    pub answered: bool,
    pub debited: bool,
}

#[derive(Clone, Debug)]
pub struct OwnedReceipt {
    pub id: i64,
    pub day: i64,
    pub amount: i64,
    pub reference: String,
    pub name: String,
    pub by_card: bool,
}

#[derive(Clone, Debug)]
pub struct OwnedArrival {
    pub id: i64,
    pub case: i64,
    pub since: i64,
    pub amount: i64,
    pub name: String,
    pub account: i64,
    pub sub_account: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct OwnedCredit {
    pub line: i64,
    pub receipt: Option<i64>,
    pub day: i64,
    pub amount: i64,
    pub reference: String,
}

#[derive(Clone, Debug)]
pub struct OwnedReceivable {
    pub id: i64,
    pub case: i64,
    pub amount: i64,
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub lines: Vec<Line>,
    pub payments: Vec<OwnedPayment>,
    pub files: Vec<OwnedFile>,
    pub receipts: Vec<OwnedReceipt>,
    pub arrivals: Vec<OwnedArrival>,
    pub credits: Vec<OwnedCredit>,
    pub receivables: Vec<OwnedReceivable>,
}

fn day(day: i64) -> Date {
    date(2026, 1, 1) + day.days()
}

impl World {
    pub fn line(&mut self, id: i64, day: i64, amount: i64) -> &mut Line {
        self.lines.push(Line { id, day, amount, ..Line::default() });
        self.lines.last_mut().unwrap()
    }

    pub fn payment(&mut self, id: i64, file: i64, amount: i64, key: &str, name: &str) -> &mut OwnedPayment {
        let (key, name) = (key.to_owned(), name.to_owned());
        self.payments.push(OwnedPayment { id, file, amount, key, name, answered: None, debited: None });
        self.payments.last_mut().unwrap()
    }

    pub fn file(&mut self, id: i64, released: i64, total: i64, message_id: &str) -> &mut OwnedFile {
        let message_id = message_id.to_owned();
        self.files.push(OwnedFile { id, released, total, message_id, failed: 0, answered: false, debited: false });
        self.files.last_mut().unwrap()
    }

    pub fn receipt(&mut self, id: i64, day: i64, amount: i64, reference: &str, name: &str) -> &mut OwnedReceipt {
        let (reference, name) = (reference.to_owned(), name.to_owned());
        self.receipts.push(OwnedReceipt { id, day, amount, reference, name, by_card: false });
        self.receipts.last_mut().unwrap()
    }

    pub fn arrival(&mut self, id: i64, case: i64, since: i64, amount: i64, name: &str) {
        let name = name.to_owned();
        self.arrivals.push(OwnedArrival { id, case, since, amount, name, account: 0, sub_account: None });
    }

    pub fn credit(&mut self, line: i64, receipt: Option<i64>, day: i64, amount: i64, reference: &str) {
        self.credits.push(OwnedCredit { line, receipt, day, amount, reference: reference.to_owned() });
    }

    pub fn receivable(&mut self, id: i64, case: i64, amount: i64, name: &str) {
        self.receivables.push(OwnedReceivable { id, case, amount, name: name.to_owned() });
    }

    pub fn run(&self) -> Report {
        self.run_by(Rules::standard())
    }

    pub fn run_by(&self, rules: Rules) -> Report {
        run(self.input(), rules)
    }

    fn input(&self) -> Input {
        let mut input = Input::new();
        for line in &self.lines {
            let keys: Vec<&str> = line.keys.iter().map(String::as_str).collect();
            let details = line.details.iter();
            let details: Vec<DetailRef<'_>> = details
                .map(|(key, amount_minor, is_return)| DetailRef {
                    key,
                    amount_minor: *amount_minor,
                    is_return: *is_return,
                })
                .collect();
            let line = BankLine {
                line_id: line.id,
                booked_on: day(line.day),
                amount_minor: line.amount,
                bank_reference: &line.reference,
                keys: &keys,
                name: &line.name,
                account_index: line.account,
                code: &line.code,
                text: &line.text,
                case_ids: &line.cases,
                sub_account: line.sub_account.map(|(id, case_id)| SubAccount { id, case_id }),
                is_reversal: line.is_reversal,
                details: &details,
            };
            input.push_line(&line).unwrap();
        }
        for payment in &self.payments {
            let payment = Payment {
                payment_id: payment.id,
                file_id: payment.file,
                amount_minor: payment.amount,
                key: &payment.key,
                payee_name: &payment.name,
                account_index: 0,
                answered: payment.answered,
                debited_on: payment.debited.map(day),
            };
            input.push_payment(&payment).unwrap();
        }
        for file in &self.files {
            let file = File {
                file_id: file.id,
                message_id: &file.message_id,
                name: "",
                released_on: day(file.released),
                total_minor: file.total,
                lines: 2,
                failed_minor: file.failed,
                failed_lines: 1,
                answered: file.answered,
                debited: file.debited,
                failed_returned: false,
            };
            input.push_file(&file).unwrap();
        }
        for receipt in &self.receipts {
            let receipt = Receipt {
                receipt_id: receipt.id,
                amount_minor: receipt.amount,
                arrived_on: day(receipt.day),
                bank_reference: &receipt.reference,
                payer_name: &receipt.name,
                by_card: receipt.by_card,
            };
            input.push_receipt(&receipt).unwrap();
        }
        for arrival in &self.arrivals {
            let arrival = Arrival {
                expected_id: arrival.id,
                case_id: arrival.case,
                amount_minor: arrival.amount,
                payer_name: &arrival.name,
                account_index: arrival.account,
                sub_account_id: arrival.sub_account,
                since: day(arrival.since),
            };
            input.push_arrival(&arrival).unwrap();
        }
        for credit in &self.credits {
            let credit = Credit {
                line_id: credit.line,
                receipt_id: credit.receipt,
                amount_minor: credit.amount,
                booked_on: day(credit.day),
                bank_reference: &credit.reference,
            };
            input.push_credit(&credit).unwrap();
        }
        for receivable in &self.receivables {
            let receivable = Receivable {
                id: receivable.id,
                case_id: receivable.case,
                amount_minor: receivable.amount,
                name: &receivable.name,
                account_index: 0,
            };
            input.push_receivable(&receivable).unwrap();
        }
        input
    }
}

/// The matches of a report: line ids and what they are.
pub fn outcomes(report: &Report) -> Vec<(Vec<i64>, Outcome)> {
    report.matches.iter().map(|found| (found.lines.to_vec(), found.outcome.clone())).collect()
}

/// A small world with a little of everything, by a seed: few amounts, names and keys, so that things meet.
pub fn random(seed: u64, size: u64) -> World {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: u64| -> i64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 20) % below).cast_signed()
    };
    let names = ["", "张三", "李四", "云岭有限公司", "某银行"];
    let texts = ["", "", "M-000000000001", "冲正", "利息", "手续费", "POS清算", "H-2", "M-000000000002 冲正"];
    let mut world = World::default();
    for id in 0..size.cast_signed() {
        let amount = (next(4) + 1) * 1_000;
        let (debit, kind, row) = (next(2) == 0, next(10), next(size));
        let name = names[next(5) as usize].to_owned();
        let text = texts[next(9) as usize].to_owned();
        let line = world.line(id, next(20), if debit { -amount } else { amount });
        (line.name, line.text, line.is_reversal) = (name, text, next(15) == 0);
        match kind {
            0..3 => line.keys = vec![format!("AK-00000000{row:03}")],
            3 => line.keys = vec![format!("AK-00000000{:02}", row / 10)],
            4 => line.reference = format!("H-{row}"),
            5 => line.cases = vec![next(3), next(3)],
            6 => line.sub_account = Some((next(3), next(3))),
            7 => {
                line.details = vec![
                    (format!("AK-00000000{row:03}"), None, false),
                    (format!("AK-00000000{:03}", next(size)), None, false),
                ]
            }
            _ => {}
        }
    }
    for id in 0..size.cast_signed() {
        let amount = (next(4) + 1) * 1_000;
        let name = names[next(5) as usize];
        match next(6) {
            0..2 => {
                let payment = world.payment(id, next(4), amount, &format!("AK-00000000{id:03}"), name);
                payment.answered = [None, Some(Answer::Paid), Some(Answer::Failed)][next(3) as usize];
                payment.debited = (next(3) == 0).then_some(1);
            }
            2 => world.receipt(id, next(20), amount, &format!("H-{id}"), name).by_card = next(4) == 0,
            3 => {
                world.arrival(id, next(3), next(20), amount, name);
                world.arrivals.last_mut().unwrap().sub_account = (next(2) == 0).then(|| next(3));
            }
            4 => world.credit(1_000_000 + id, (next(2) == 0).then_some(id), next(20), amount, &format!("H-{id}")),
            _ => world.receivable(id, next(3), amount, name),
        }
    }
    for id in 0..4 {
        let file = world.file(id, next(20), (next(4) + 1) * 1_000, &format!("M-00000000000{id}"));
        (file.failed, file.answered, file.debited) = (next(2) * 1_000, next(2) == 0, next(3) == 0);
    }
    world
}
