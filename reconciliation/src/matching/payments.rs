//! Payments by their key: debits settle them, credits return them.

use super::Answer;
use super::engine::{LOOKED_AT, Run, SHOWN};
use super::index::{Beginnings, Groups, Sorted};
use super::input::{LineView, NO_DAY, NONE};
use super::report::{Difference, How, Outcome, Target};

/// Payments by their key, and what else is looked up about them.
struct Keys<'a> {
    exact: Groups<&'a str>,
    files: Sorted<i64>,
    is_return: bool,
}

impl<'a> Run<'a> {
    /// Debits that carry keys of payments.
    pub(super) fn payment_debits(&mut self, shortest_cut: usize) {
        self.by_key(false, shortest_cut);
        self.sum_debited_of_files();
    }

    /// Credits that carry keys of payments: returns (退票).
    pub(super) fn payment_returns(&mut self, shortest_cut: usize) {
        self.by_key(true, shortest_cut);
        self.sum_returned_of_files();
    }

    fn by_key(&mut self, is_return: bool, shortest_cut: usize) {
        let input = self.input;
        let has_line = |line: &u32| (input.lines[*line as usize].amount_minor > 0) == is_return;
        if input.payments.is_empty() || !self.open.iter().any(has_line) {
            return;
        }
        let rows = input.payments.len() as u32;
        // Debits and credits look into the same index: it is built once.
        let exact = self.payment_keys.take().unwrap_or_else(|| {
            let named = (0..rows).rev().map(|payment| (payment, input.payment_key(payment)));
            Groups::new(rows as usize, named.filter(|(_, key)| !key.is_empty()))
        });
        let mut keys = Keys { exact, files: self.files_by_id(), is_return };
        let mut named: Vec<u32> = Vec::new();
        let mut cut = Vec::new();
        self.each(is_return, |run, line, view| {
            if view.details().len() > 0 && run.by_details(line, view, &mut keys) {
                return;
            }
            named.clear();
            named.extend(view.keys().flat_map(|key| keys.exact.get(key).take(LOOKED_AT)));
            if named.len() > 1 {
                named.sort_unstable();
                named.dedup();
            }
            match named[..] {
                [payment] => run.by_one_key(line, view, payment, How::Key, &mut keys),
                [_, _, ..] => run.by_several_keys(line, view, &named, How::Keys, &mut keys),
                [] => {
                    if view.keys().any(|key| key.chars().count() >= shortest_cut) {
                        cut.push(line);
                    }
                }
            }
        });
        self.by_cut_keys(&cut, shortest_cut, &mut keys);
        if !is_return {
            self.payment_keys = Some(keys.exact);
        }
    }

    fn by_one_key(&mut self, line: u32, view: LineView<'a>, payment: u32, how: How, keys: &mut Keys<'a>) {
        let row = &self.input.payments[payment as usize];
        let target = Target::Payment(row.payment_id);
        let difference = if view.amount_minor.unsigned_abs() == row.amount_minor.unsigned_abs() {
            self.obstacle(payment, keys)
        } else {
            Some(Difference::Amount)
        };
        if let Some(difference) = difference {
            return self.object(line, target, difference, row.amount_minor);
        }
        self.mark(line, payment, keys.is_return);
        let payment_id = row.payment_id;
        let outcome = if keys.is_return {
            Outcome::PaymentReturned { payment_id }
        } else {
            Outcome::PaymentDebited { payment_id }
        };
        self.settle(&[line], outcome, how, payment, 1);
    }

    /// Why a payment can not be debited, or returned, any more or yet.
    fn obstacle(&self, payment: u32, keys: &mut Keys<'a>) -> Option<Difference> {
        let row = &self.input.payments[payment as usize];
        let state = self.payments[payment as usize];
        let by = |line: u32| (line != NONE).then(|| self.line_id(line));
        let file = keys.files.open(row.file_id, 0, 0, |_| true).next();
        if !keys.is_return {
            let with_file = file.is_some_and(|file| self.input.files[file as usize].debited);
            let is_debited = row.debited != NO_DAY || state.debit != NONE || with_file;
            return is_debited.then(|| Difference::AlreadyDebited(by(state.debit)));
        }
        if state.returned != NONE {
            return Some(Difference::AlreadyReturned(by(state.returned)));
        }
        let in_lump = file.is_some_and(|file| self.input.files[file as usize].failed_returned);
        if in_lump && row.answered == Some(Answer::Failed) {
            return Some(Difference::AlreadyReturned(None));
        }
        (!self.is_debited(payment, file)).then_some(Difference::NotDebited)
    }

    fn mark(&mut self, line: u32, payment: u32, is_return: bool) {
        let state = &mut self.payments[payment as usize];
        *(if is_return { &mut state.returned } else { &mut state.debit }) = line;
    }

    /// Several payments in one line: all or none, and they must add up.
    fn by_several_keys(&mut self, line: u32, view: LineView<'a>, payments: &[u32], how: How, keys: &mut Keys<'a>) {
        let input = self.input;
        let sum: i128 = payments.iter().map(|payment| i128::from(input.payments[*payment as usize].amount_minor)).sum();
        let first = Target::Payment(input.payments[payments[0] as usize].payment_id);
        let expected = i64::try_from(sum).unwrap_or(i64::MAX);
        if sum != i128::from(view.amount_minor.unsigned_abs()) {
            return self.object(line, first, Difference::Details, expected);
        }
        for payment in payments {
            if let Some(difference) = self.obstacle(*payment, keys) {
                let row = &input.payments[*payment as usize];
                return self.object(line, Target::Payment(row.payment_id), difference, row.amount_minor);
            }
        }
        for payment in payments {
            self.mark(line, *payment, keys.is_return);
        }
        let mut payment_ids: Box<[i64]> =
            payments.iter().map(|payment| input.payments[*payment as usize].payment_id).collect();
        payment_ids.sort_unstable();
        let outcome = if keys.is_return {
            Outcome::PaymentsReturned { payment_ids }
        } else {
            Outcome::PaymentsDebited { payment_ids }
        };
        self.settle(&[line], outcome, how, payments[0], payments.len() as u32);
    }

    /// A batch entry by the payments it lists. `false`: none of them is ours, so that the entry may be anything.
    fn by_details(&mut self, line: u32, view: LineView<'a>, keys: &mut Keys<'a>) -> bool {
        let mut payments = Vec::new();
        let mut fits = true;
        for detail in view.details() {
            let mut named = keys.exact.get(detail.key).filter(|_| !detail.key.is_empty());
            let (Some(payment), None) = (named.next(), named.next()) else {
                fits = false;
                continue;
            };
            let amount = self.input.payments[payment as usize].amount_minor;
            fits &= detail.amount_minor.is_none_or(|said| said == amount);
            // A return inside a debit: the bank set one off against the other, and a person takes it apart.
            fits &= keys.is_return || !detail.is_return;
            payments.push(payment);
        }
        let Some(first) = payments.first().copied() else { return false };
        if payments.len() == 1 && fits {
            self.by_one_key(line, view, first, How::Key, keys);
            return true;
        }
        let count = payments.len();
        let mut distinct = payments.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if fits && distinct.len() == count {
            self.by_several_keys(line, view, &payments, How::Details, keys);
        } else {
            let input = self.input;
            let sum: i128 =
                payments.iter().map(|payment| i128::from(input.payments[*payment as usize].amount_minor)).sum();
            let target = Target::Payment(input.payments[first as usize].payment_id);
            self.object(line, target, Difference::Details, i64::try_from(sum).unwrap_or(i64::MAX));
        }
        true
    }

    /// Keys that the bank cut short: each must begin one open payment of the same amount, and one only.
    fn by_cut_keys(&mut self, lines: &[u32], shortest_cut: usize, keys: &mut Keys<'a>) {
        let input = self.input;
        let amount_of = |line: u32| input.lines[line as usize].amount_minor.checked_abs().unwrap_or(0);
        let mut amounts: Vec<i64> = lines.iter().map(|line| amount_of(*line)).collect();
        amounts.sort_unstable();
        amounts.dedup();
        // Only payments of those amounts are sorted: mostly a handful.
        let mut wanted = Vec::new();
        if !amounts.is_empty() {
            for (payment, row) in (0..).zip(&input.payments) {
                if amounts.binary_search(&row.amount_minor).is_ok() && self.obstacle(payment, keys).is_none() {
                    wanted.push((row.amount_minor, input.payment_key(payment), payment));
                }
            }
        }
        let mut beginnings = Beginnings::new(wanted.into_iter());
        for line in lines {
            let view = input.line(*line);
            let mut found = Vec::new();
            for key in view.keys().filter(|key| key.chars().count() >= shortest_cut) {
                let is_open = |payment: u32| {
                    let state = &self.payments[payment as usize];
                    (if keys.is_return { state.returned } else { state.debit }) == NONE
                };
                for payment in beginnings.open(amount_of(*line), key, is_open).take(SHOWN + 1) {
                    if found.len() <= SHOWN && !found.contains(&payment) {
                        found.push(payment);
                    }
                }
            }
            match found[..] {
                [] => {}
                [payment] => self.by_one_key(*line, view, payment, How::KeyCut, keys),
                _ => {
                    let target = |payment: u32| Target::Payment(input.payments[payment as usize].payment_id);
                    self.doubt(*line, found.iter().map(|payment| (target(*payment), How::KeyCut, *payment)), false);
                }
            }
        }
    }

    /// What was debited payment by payment is no longer part of a file's debit.
    fn sum_debited_of_files(&mut self) {
        if self.input.files.is_empty() {
            return;
        }
        let mut files = self.files_by_id();
        let mut last = (i64::MIN, None);
        for (payment, row) in self.payments.iter().zip(&self.input.payments) {
            if payment.debit == NONE {
                continue;
            }
            if last.0 != row.file_id || last.1.is_none() {
                last = (row.file_id, files.open(row.file_id, 0, 0, |_| true).next());
            }
            if let Some(file) = last.1 {
                let taken = &mut self.files[file as usize].taken_minor;
                *taken = taken.saturating_add(row.amount_minor);
            }
        }
    }

    /// What was returned payment by payment is no longer part of a lump return.
    fn sum_returned_of_files(&mut self) {
        if self.input.files.is_empty() {
            return;
        }
        let mut files = self.files_by_id();
        for (payment, row) in self.payments.iter().zip(&self.input.payments) {
            if payment.returned != NONE
                && row.answered == Some(Answer::Failed)
                && let Some(file) = files.open(row.file_id, 0, 0, |_| true).next()
            {
                let returned = &mut self.files[file as usize].returned_minor;
                *returned = returned.saturating_add(row.amount_minor);
            }
        }
    }
}
