//! The rows of a statement.

use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::line_key::{find_line_keys, find_message_ids};
use ankuan_reconciliation::statement::{Balance, Declared, Direction, Entry, Foot, Head, Kind, Piece, Status};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::profile::Field;
use super::template::Value;
use super::{Out, Table, compare, refuse_value, values};
use crate::tables::Record;
use crate::{Message, Outcome};

pub(super) fn read(table: &mut Table<'_>, out: &mut Out<'_>) -> Outcome<()> {
    let mut record = Record::default();
    let mut entry = Entry::blank();
    let mut head: Option<Head> = None;
    let mut sums = Sums::default();
    let mut chain = Chain::default();
    let mut days: Option<(Date, Date)> = None;
    let mut order = Order::default();
    let mut told = Once::default();
    while let Some(row) = table.next(&mut record)? {
        let Some(side) = fill(table, row, &record, &mut entry, out)? else {
            out.problem(row, Message::new("reading.table_row_unknown").with("row", row));
            continue;
        };
        let head = match &mut head {
            Some(head) => head,
            None => {
                let begun = head_of(table, &record, &entry, out);
                out.statement(Piece::Begin(&begun))?;
                head.insert(begun)
            }
        };
        refuse_other_account(table, row, &record, head)?;
        if !entry.currency.is_empty() && entry.currency != head.currency && told.currencies() {
            let message = Message::new("reading.table_currencies").with("row", row).with("first", &head.currency);
            out.problem(row, message.with("second", &entry.currency));
            chain.give_up();
        }
        if let Some(date) = entry.booking_date {
            days = Some(days.map_or((date, date), |(first, last)| (first.min(date), last.max(date))));
            order.take(date);
        }
        let too_large = || Message::new("reading.table_sum_too_large").with("row", row);
        sums.take(&entry, side).ok_or_else(too_large)?;
        let cell = table.cell(&record, Field::Balance);
        let balance = table.number(&record, Field::Balance);
        if balance.is_none() && !cell.is_empty() && told.balance() {
            out.problem(row, refuse_value("reading.table_balance_unreadable", row, cell));
        }
        chain.take(row, sums.net, balance).ok_or_else(too_large)?;
        out.statement(Piece::Entry(&entry))?;
    }
    let head = match head {
        Some(head) => head,
        None => {
            let begun = head_of(table, &record, &Entry::blank(), out);
            out.statement(Piece::Begin(&begun))?;
            begun
        }
    };
    table.tell_missing_foot(&record, out)?;
    let foot = foot(table, &head, &sums, &chain, days, order, out);
    out.statement(Piece::End(&foot))
}

/// A problem that a whole column has is told once.
#[derive(Default)]
struct Once {
    currencies: bool,
    balance: bool,
}

impl Once {
    fn currencies(&mut self) -> bool {
        !std::mem::replace(&mut self.currencies, true)
    }

    fn balance(&mut self) -> bool {
        !std::mem::replace(&mut self.balance, true)
    }
}

/// Fills the entry from a row and says in which column the amount stood, and with which sign; `None` for a row that is
/// no data.
fn fill(
    table: &Table<'_>,
    row: u64,
    record: &Record,
    entry: &mut Entry,
    out: &mut Out<'_>,
) -> Outcome<Option<(Direction, Decimal)>> {
    let is_number = |field| table.columns.place(field).is_some_and(|place| record.is_number(place));
    let day = table.cell(record, Field::BookingDate);
    let Some(booking_date) = values::date(day, is_number(Field::BookingDate)) else {
        // A line of totals has words there. Digits beside an amount are a date that nobody can read.
        let amounts = [Field::Amount, Field::Credit, Field::Debit];
        if day.contains(|letter: char| letter.is_ascii_digit())
            && amounts.iter().any(|field| table.number(record, *field).is_some())
        {
            return Err(refuse_value("reading.table_date", row, day).into());
        }
        return Ok(None);
    };
    table.refuse_misshapen(row, record)?;
    entry.clear();
    entry.place = row;
    entry.booking_date = Some(booking_date);
    let value_day = table.cell(record, Field::ValueDate);
    entry.value_date = values::date(value_day, is_number(Field::ValueDate));
    if entry.value_date.is_none() && !value_day.is_empty() {
        out.problem(row, refuse_value("reading.table_value_date", row, value_day));
    }
    let mark = values::word(table.raw_cell(record, Field::Mark));
    let state = values::word(table.raw_cell(record, Field::State));
    if table.profile.marks.not_booked.contains(&mark) || table.profile.states.not_booked.contains(&state) {
        entry.status = Status::NotBooked;
    }
    let (side, amount) = side_and_amount(table, row, record, &mark, entry.status)?;
    // Red figures (红字): a negative amount in a column of its own side takes back.
    entry.is_reversal = amount.is_sign_negative();
    entry.direction = match (side, entry.is_reversal) {
        (Direction::Credit, false) | (Direction::Debit, true) => Direction::Credit,
        _ => Direction::Debit,
    };
    entry.amount = amount.abs();
    let currency = table.cell(record, Field::Currency);
    if !currency.is_empty() {
        entry.currency = values::currency(currency);
    }
    for (field, text) in [
        (Field::BankReference, &mut entry.bank_reference),
        (Field::OwnReference, &mut entry.own_reference),
        (Field::Code, &mut entry.code),
        (Field::Name, &mut entry.name),
        (Field::SubAccount, &mut entry.sub_account),
    ] {
        text.push_str(table.cell(record, field));
    }
    entry.account.extend(table.cell(record, Field::Account).chars().filter(|letter| !letter.is_whitespace()));
    table.join(record, Field::Text, &mut entry.text);
    if entry.sub_account.is_empty() {
        entry.sub_account.push_str(table.told.text(Value::SubAccount));
    }
    if entry.own_reference.is_empty() {
        let in_texts = |text| find_line_keys(text).next().or_else(|| find_message_ids(text).next());
        if let Some(reference) = in_texts(&entry.text).or_else(|| in_texts(&entry.code)) {
            entry.own_reference = reference.to_owned();
        }
    }
    let code = values::word(&entry.code);
    entry.is_reversal |= table.profile.reversals.iter().any(|reversal| code.contains(reversal));
    Ok(Some((side, amount)))
}

/// The side on which the amount stands, and the amount with the sign that it has there.
fn side_and_amount(
    table: &Table<'_>,
    row: u64,
    record: &Record,
    mark: &str,
    status: Status,
) -> Outcome<(Direction, Decimal)> {
    let missing = || refuse_value("reading.table_amount", row, "");
    if table.columns.place(Field::Credit).is_some() {
        let credit = table.amount(row, record, Field::Credit)?;
        let debit = table.amount(row, record, Field::Debit)?;
        return match (credit, debit) {
            (Some(credit), None) => Ok((Direction::Credit, credit)),
            (None, Some(debit)) => Ok((Direction::Debit, debit)),
            (Some(credit), Some(debit)) if debit.is_zero() => Ok((Direction::Credit, credit)),
            (Some(credit), Some(debit)) if credit.is_zero() => Ok((Direction::Debit, debit)),
            (Some(_), Some(_)) => Err(Message::new("reading.table_two_amounts").with("row", row).into()),
            (None, None) => Err(missing().into()),
        };
    }
    let amount = table.amount(row, record, Field::Amount)?.ok_or_else(missing)?;
    if table.columns.place(Field::Mark).is_none() {
        let side = if amount.is_sign_negative() { Direction::Debit } else { Direction::Credit };
        return Ok((side, amount.abs()));
    }
    let marks = &table.profile.marks;
    let is_in = |words: &[String]| words.iter().any(|word| word == mark);
    if is_in(&marks.credit) {
        Ok((Direction::Credit, amount))
    } else if is_in(&marks.debit) {
        Ok((Direction::Debit, amount))
    } else if status == Status::NotBooked {
        // Neither in nor out: what is not booked counts nowhere.
        Ok((Direction::Credit, amount.abs()))
    } else {
        Err(refuse_value("reading.table_mark", row, mark).into())
    }
}

fn head_of(table: &Table<'_>, record: &Record, first: &Entry, out: &mut Out<'_>) -> Head {
    let told = &table.told;
    let mut account: String = told.text(Value::Account).into();
    if account.is_empty() && first.place > 0 {
        account = table.cell(record, Field::OwnAccount).into();
    }
    account.retain(|letter| !letter.is_whitespace());
    let currency = match told.text(Value::Currency) {
        "" if first.currency.is_empty() => table.profile.currency.clone(),
        "" => first.currency.clone(),
        told => values::currency(told),
    };
    let date = |text: &str| values::date(text, false);
    Head {
        id: told.text(Value::Id).into(),
        kind: Some(Kind::Booked),
        account,
        currency,
        sequence: String::new(),
        from: told.read(Value::From, out, date),
        to: told.read(Value::To, out, date),
        page: None,
    }
}

/// A file of several accounts would book the entries of one in another.
fn refuse_other_account(table: &Table<'_>, row: u64, record: &Record, head: &Head) -> Outcome<()> {
    let mut account = table.cell(record, Field::OwnAccount).to_owned();
    account.retain(|letter| !letter.is_whitespace());
    if account.is_empty() || account == head.account || !table.told.text(Value::Account).is_empty() {
        return Ok(());
    }
    Err(Message::new("reading.table_two_accounts").with("row", row).into())
}

/// What the booked rows come to, by the column in which they stand.
#[derive(Default)]
struct Sums {
    entries: u64,
    credits: u64,
    debits: u64,
    credit_sum: Decimal,
    debit_sum: Decimal,
    net: Decimal,
}

impl Sums {
    /// `None` when a sum leaves the range of exact decimals.
    fn take(&mut self, entry: &Entry, (side, amount): (Direction, Decimal)) -> Option<()> {
        self.entries += 1;
        if entry.status == Status::NotBooked {
            return Some(());
        }
        let (count, sum) = match side {
            Direction::Credit => (&mut self.credits, &mut self.credit_sum),
            Direction::Debit => (&mut self.debits, &mut self.debit_sum),
        };
        *count += 1;
        *sum = exact_sum(*sum, amount)?;
        self.net = exact_sum(self.net, entry.signed())?;
        Some(())
    }
}

/// The running balances. Rows in order of time: balance less all movements so far is the opening balance, in each row.
/// Rows against it: balance and all movements before (which came later) are the closing balance.
#[derive(Default)]
struct Chain {
    given_up: bool,
    net: Decimal,
    opening_if_ascending: Option<Decimal>,
    closing_if_descending: Option<Decimal>,
    ascending_breaks: Option<u64>,
    descending_breaks: Option<u64>,
}

/// What the running balances say.
#[derive(Debug, PartialEq, Eq)]
enum Derived {
    Nothing,
    Balances {
        opening: Decimal,
        closing: Decimal,
    },
    /// Both orders fit, with different results.
    Unclear,
    BreaksAt(u64),
}

/// Which way the days of the rows go.
#[derive(Default)]
struct Order {
    first: Option<Date>,
    last: Option<Date>,
}

impl Order {
    fn take(&mut self, date: Date) {
        self.first.get_or_insert(date);
        self.last = Some(date);
    }
}

impl Chain {
    fn give_up(&mut self) {
        self.given_up = true;
    }

    /// `net`: movements up to and with this row. `None` when a sum leaves the range of exact decimals.
    fn take(&mut self, row: u64, net: Decimal, balance: Option<Decimal>) -> Option<()> {
        let before = std::mem::replace(&mut self.net, net);
        if let Some(balance) = balance {
            let opening = exact_sum(balance, -net)?;
            if *self.opening_if_ascending.get_or_insert(opening) != opening {
                self.ascending_breaks.get_or_insert(row);
            }
            let closing = exact_sum(balance, before)?;
            if *self.closing_if_descending.get_or_insert(closing) != closing {
                self.descending_breaks.get_or_insert(row);
            }
        }
        Some(())
    }

    fn derive(&self, order: &Order) -> Derived {
        let (Some(opening), Some(closing)) = (self.opening_if_ascending, self.closing_if_descending) else {
            return Derived::Nothing;
        };
        let ascending = exact_sum(opening, self.net).map(|closing| (opening, closing));
        let descending = exact_sum(closing, -self.net).map(|opening| (opening, closing));
        let chosen = match (self.ascending_breaks, self.descending_breaks) {
            _ if self.given_up => return Derived::Nothing,
            (Some(ascending), Some(descending)) => return Derived::BreaksAt(ascending.max(descending)),
            (None, Some(_)) => ascending,
            (Some(_), None) => descending,
            (None, None) if ascending == descending || order.first < order.last => ascending,
            (None, None) if order.first > order.last => descending,
            (None, None) => return Derived::Unclear,
        };
        chosen.map_or(Derived::Nothing, |(opening, closing)| Derived::Balances { opening, closing })
    }
}

/// Balances and totals that the file tells, compared with what its rows say.
fn foot(
    table: &Table<'_>,
    head: &Head,
    sums: &Sums,
    chain: &Chain,
    days: Option<(Date, Date)>,
    order: Order,
    out: &mut Out<'_>,
) -> Foot {
    let told = &table.told;
    let amount = |text: &str| values::amount(text).and_then(|amount| table.in_yuan(amount));
    let mut opening = told.read(Value::Opening, out, amount);
    let mut closing = told.read(Value::Closing, out, amount);
    let declared = Declared {
        entries: told.read(Value::Entries, out, values::count),
        credits: told.read(Value::Credits, out, values::count),
        debits: told.read(Value::Debits, out, values::count),
        credit_sum: told.read(Value::CreditSum, out, amount),
        debit_sum: told.read(Value::DebitSum, out, amount),
        sum: None,
    };
    compare(out, Value::Entries, declared.entries, Some(sums.entries));
    compare(out, Value::Credits, declared.credits, Some(sums.credits));
    compare(out, Value::Debits, declared.debits, Some(sums.debits));
    compare(out, Value::CreditSum, declared.credit_sum, Some(sums.credit_sum));
    compare(out, Value::DebitSum, declared.debit_sum, Some(sums.debit_sum));
    match chain.derive(&order) {
        Derived::Nothing => {}
        Derived::Balances { opening: first, closing: last } => {
            compare(out, Value::Opening, opening, Some(first));
            compare(out, Value::Closing, closing, Some(last));
            opening = opening.or(Some(first));
            closing = closing.or(Some(last));
        }
        // Told balances decide what the rows leave open.
        Derived::Unclear if opening.is_some() || closing.is_some() => {}
        Derived::Unclear => out.problem(0, Message::new("reading.table_balance_order")),
        Derived::BreaksAt(row) => out.problem(row, Message::new("reading.table_balance_breaks").with("row", row)),
    }
    if let (Some(opening), Some(closing)) = (opening, closing)
        && exact_sum(opening, sums.net) != Some(closing)
    {
        let message = Message::new("reading.table_balances_do_not_tie").with("opening", opening);
        out.problem(0, message.with("net", sums.net).with("closing", closing));
    }
    let balance = |amount, date| Balance { amount, date, currency: String::new() };
    Foot {
        opening: opening.map(|amount| balance(amount, head.from.or(days.map(|(first, _)| first)))),
        closing: closing.map(|amount| balance(amount, head.to.or(days.map(|(_, last)| last)))),
        declared,
        mixed_currencies: false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn derive(rows: &[(i64, Option<i64>)], order: &Order) -> Derived {
        let mut chain = Chain::default();
        let mut net = Decimal::ZERO;
        for (row, (movement, balance)) in (1..).zip(rows) {
            net += Decimal::new(*movement, 2);
            chain.take(row, net, balance.map(|balance| Decimal::new(balance, 2))).unwrap();
        }
        chain.derive(order)
    }

    fn balances(opening: i64, closing: i64) -> Derived {
        Derived::Balances { opening: Decimal::new(opening, 2), closing: Decimal::new(closing, 2) }
    }

    #[test]
    fn two_rows_that_fit_both_ways_are_told_apart_by_their_days() {
        let rows = [(50, Some(100)), (-50, Some(50))];
        let order = |first, last| Order { first: Some(date(2026, 1, first)), last: Some(date(2026, 1, last)) };
        assert_eq!(derive(&rows, &order(1, 2)), balances(50, 50));
        assert_eq!(derive(&rows, &order(2, 1)), balances(100, 100));
        assert_eq!(derive(&rows, &order(1, 1)), Derived::Unclear);
    }

    #[test]
    fn the_row_that_breaks_the_chain_is_named() {
        assert_eq!(
            derive(&[(1, Some(1)), (2, Some(3)), (3, Some(7)), (4, Some(11))], &Order::default()),
            Derived::BreaksAt(3)
        );
        assert_eq!(derive(&[(1, None)], &Order::default()), Derived::Nothing);
    }

    proptest! {
        #[test]
        fn running_balances_give_opening_and_closing(
            opening in -1_000_000_i64..1_000_000,
            movements in prop::collection::vec((1..1_000_000_i64, any::<bool>()), 3..40),
            descending: bool,
        ) {
            let mut balance = opening;
            let mut rows: Vec<_> = movements.iter().map(|(movement, shown)| {
                balance += movement;
                (*movement, shown.then_some(balance))
            }).collect();
            rows[0].1 = Some(opening + rows[0].0);
            rows.last_mut().unwrap().1 = Some(balance);
            if descending {
                rows.reverse();
            }
            prop_assert_eq!(derive(&rows, &Order::default()), balances(opening, balance));
        }
    }
}
