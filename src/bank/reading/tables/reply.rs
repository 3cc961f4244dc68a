//! The rows of a reply file (回盘).

use std::collections::BTreeSet;

use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::line_key::find_line_keys;
use ankuan_reconciliation::reply::{Cause, Foot, Head, Line, Piece, State};
use rust_decimal::Decimal;

use super::profile::Field;
use super::template::Value;
use super::{Out, Table, compare, refuse_value, shown, values};
use crate::tables::Record;
use crate::{Message, Outcome};

/// Unknown states that are told of, each once.
const STATES_TOLD_MAX: usize = 100;

/// What banks write when a payment fails, the first that is found decides. 户名 before 账号: 账号户名不符 is the name.
const REASONS: [(&str, Cause); 24] = [
    ("户名不符", Cause::NameDiffers),
    ("户名不一致", Cause::NameDiffers),
    ("户名不匹配", Cause::NameDiffers),
    ("户名有误", Cause::NameDiffers),
    ("户名错误", Cause::NameDiffers),
    ("账号不存在", Cause::AccountUnknown),
    ("账户不存在", Cause::AccountUnknown),
    ("无此账", Cause::AccountUnknown),
    ("账号有误", Cause::AccountUnknown),
    ("账号错误", Cause::AccountUnknown),
    ("销户", Cause::AccountClosed),
    ("注销", Cause::AccountClosed),
    ("久悬", Cause::AccountClosed),
    ("睡眠", Cause::AccountClosed),
    ("冻结", Cause::AccountBlocked),
    ("止付", Cause::AccountBlocked),
    ("挂失", Cause::AccountBlocked),
    ("状态异常", Cause::AccountBlocked),
    ("限额", Cause::Limit),
    ("超限", Cause::Limit),
    ("余额不足", Cause::FundsShort),
    ("重复", Cause::Duplicate),
    ("行号", Cause::BankUnknown),
    ("行名", Cause::BankUnknown),
];

pub(super) fn read(table: &mut Table<'_>, out: &mut Out<'_>) -> Outcome<()> {
    let told = &table.told;
    let original = match told.text(Value::MessageId) {
        "" => told.text(Value::OriginalFile),
        message_id => message_id,
    };
    let head =
        Head { id: told.text(Value::Id).to_owned(), original_message_id: original.to_owned(), ..Head::default() };
    out.reply(Piece::Begin(&head))?;
    let mut record = Record::default();
    let mut line = Line::default();
    let mut sums = Sums::default();
    let mut unknown = BTreeSet::new();
    while let Some(row) = table.next(&mut record)? {
        if !fill(table, row, &record, &mut line, &mut unknown, out)? {
            out.problem(row, Message::new("reading.table_row_unknown").with("row", row));
            continue;
        }
        sums.take(&line).ok_or_else(|| Message::new("reading.table_sum_too_large").with("row", row))?;
        out.reply(Piece::Line(&line))?;
    }
    table.tell_missing_foot(&record, out)?;
    let foot = foot(table, &sums, out);
    out.reply(Piece::End(&foot))
}

/// Fills the line from a row; false if the row is no data.
fn fill(
    table: &Table<'_>,
    row: u64,
    record: &Record,
    line: &mut Line,
    unknown: &mut BTreeSet<String>,
    out: &mut Out<'_>,
) -> Outcome<bool> {
    let cell = |field| table.cell(record, field);
    let (key, serial, account, code) =
        (cell(Field::Key), cell(Field::Serial), cell(Field::Account), cell(Field::State));
    let serial_number = values::count(serial);
    // Words where the serial number stands are those of a line of totals.
    let is_total = !serial.is_empty() && serial_number.is_none();
    let names_a_payment = !key.is_empty() || serial_number.is_some() || !account.is_empty();
    let has_amount = table.number(record, Field::Amount).is_some();
    if is_total || !names_a_payment || code.is_empty() && !has_amount {
        return Ok(false);
    }
    table.refuse_misshapen(row, record)?;
    let amount = table.amount(row, record, Field::Amount)?;
    // Nobody pays less than nothing: a minus here has a meaning that the profile does not know.
    if amount.is_some_and(|amount| amount.is_sign_negative()) {
        let message = Message::new("reading.amount_negative").with("line", row);
        return Err(message.with("text", shown(cell(Field::Amount))).into());
    }
    *line = Line {
        place: row,
        key: find_line_keys(key).next().unwrap_or(key).to_owned(),
        serial: serial_number,
        account: account.chars().filter(|letter| !letter.is_whitespace()).collect(),
        name: cell(Field::Name).to_owned(),
        amount,
        code: code.to_owned(),
        ..Line::default()
    };
    table.join(record, Field::Reason, &mut line.reason);
    let state = values::word(code);
    let states = &table.profile.states;
    line.state = if states.paid.contains(&state) {
        State::Paid
    } else if states.failed.contains(&state) {
        State::Failed
    } else {
        let is_known = states.unknown.contains(&state);
        if !is_known && unknown.len() < STATES_TOLD_MAX && unknown.insert(state) {
            out.problem(row, refuse_value("reading.table_state_unknown", row, code));
        }
        State::Unknown
    };
    let reason_code = cell(Field::ReasonCode);
    if !reason_code.is_empty() {
        line.code = reason_code.to_owned();
    }
    if line.state == State::Failed {
        line.cause = Some(cause(table, &line.code, &line.reason));
    }
    Ok(true)
}

fn cause(table: &Table<'_>, code: &str, reason: &str) -> Cause {
    if let Some(cause) = table.profile.causes.get(&values::word(code)) {
        return *cause;
    }
    let reason = values::word(reason).replace('帐', "账");
    REASONS.iter().find(|(words, _)| reason.contains(words)).map_or(Cause::Other, |(_, cause)| *cause)
}

#[derive(Default)]
struct Sums {
    lines: u64,
    paid: u64,
    paid_sum: Decimal,
    failed: u64,
    failed_sum: Decimal,
    /// A line without an amount: sums say nothing.
    incomplete: bool,
}

impl Sums {
    fn take(&mut self, line: &Line) -> Option<()> {
        self.lines += 1;
        let (count, sum) = match line.state {
            State::Paid => (&mut self.paid, &mut self.paid_sum),
            State::Failed => (&mut self.failed, &mut self.failed_sum),
            State::Unknown => return Some(()),
        };
        *count += 1;
        *sum = exact_sum(*sum, line.amount.unwrap_or_default())?;
        self.incomplete |= line.amount.is_none();
        Some(())
    }
}

fn foot(table: &Table<'_>, sums: &Sums, out: &mut Out<'_>) -> Foot {
    let told = &table.told;
    let amount = |text: &str| values::amount(text).and_then(|amount| table.in_yuan(amount));
    let foot = Foot {
        lines: told.read(Value::Lines, out, values::count),
        paid: told.read(Value::Paid, out, values::count),
        paid_sum: told.read(Value::PaidSum, out, amount),
        failed: told.read(Value::Failed, out, values::count),
        failed_sum: told.read(Value::FailedSum, out, amount),
    };
    let known = |sum: Decimal| (!sums.incomplete).then_some(sum);
    compare(out, Value::Lines, foot.lines, Some(sums.lines));
    compare(out, Value::Paid, foot.paid, Some(sums.paid));
    compare(out, Value::PaidSum, foot.paid_sum, known(sums.paid_sum));
    compare(out, Value::Failed, foot.failed, Some(sums.failed));
    compare(out, Value::FailedSum, foot.failed_sum, known(sums.failed_sum));
    foot
}
