//! Credits that are money: recorded by hand already, expected, to be recovered, or new.

use super::engine::{LOOKED_AT, Run};
use super::index::{Groups, Sorted};
use super::input::{LineView, NONE};
use super::names::Words;
use super::report::{Difference, How, Outcome, Target};

/// What the other party of a line and of a row have in common, by which rows are found.
const BY_SUB_ACCOUNT: u8 = 0;
const BY_ACCOUNT: u8 = 1;
const BY_NAME: u8 = 2;

/// Amount, what is in common, and its value.
type PartyKey = (i64, u8, i64);

impl<'a> Run<'a> {
    /// The bank's reference is that of a receipt recorded by hand.
    pub(super) fn receipts_by_reference(&mut self) {
        let input = self.input;
        let rows = input.receipts.len() as u32;
        if rows == 0 {
            return;
        }
        let references = (0..rows).rev().map(|row| (row, input.receipt_reference(row)));
        let receipts = Groups::new(rows as usize, references.filter(|(_, reference)| !reference.is_empty()));
        self.each_new_money(|run, line, view| {
            let of_reference = || receipts.get(view.reference()).take(LOOKED_AT);
            if view.reference().is_empty() || of_reference().next().is_none() {
                return;
            }
            let open: Vec<u32> = of_reference().filter(|row| run.receipts[*row as usize] == NONE).collect();
            let amount = |row: u32| input.receipts[row as usize].amount_minor;
            let target = |row: u32| Target::Receipt(input.receipts[row as usize].receipt_id);
            let equal: Vec<u32> = open.iter().copied().filter(|row| amount(*row) == view.amount_minor).collect();
            let sum: i128 = open.iter().map(|row| i128::from(amount(*row))).sum();
            match (&equal[..], &open[..]) {
                ([receipt], _) => run.link_receipts(line, &[*receipt], How::ReceiptReference),
                ([], [receipt, ..]) => {
                    // One transfer that was recorded in parts, for several cases.
                    if open.len() < LOOKED_AT && sum == i128::from(view.amount_minor) {
                        run.link_receipts(line, &open, How::ReceiptsReference);
                    } else {
                        run.object(line, target(*receipt), Difference::Amount, i64::try_from(sum).unwrap_or(i64::MAX));
                    }
                }
                ([], []) => {
                    if let Some(receipt) = of_reference().next() {
                        let by = run.line_id(run.receipts[receipt as usize]);
                        run.object(line, target(receipt), Difference::AlreadyLinked(by), amount(receipt));
                    }
                }
                _ => run.doubt(line, equal.iter().map(|row| (target(*row), How::ReceiptReference, *row)), false),
            }
        });
    }

    /// `receipts` in order.
    pub(super) fn link_receipts(&mut self, line: u32, receipts: &[u32], how: How) {
        for receipt in receipts {
            self.receipts[*receipt as usize] = line;
        }
        let mut receipt_ids: Box<[i64]> =
            receipts.iter().map(|receipt| self.input.receipts[*receipt as usize].receipt_id).collect();
        receipt_ids.sort_unstable();
        self.settle(&[line], Outcome::ReceiptLinked { receipt_ids }, how, receipts[0], receipts.len() as u32);
    }

    /// A receipt recorded by hand under another reference or none: equal amount and name, within days.
    pub(super) fn receipts_by_payer(&mut self, days: i32) {
        let input = self.input;
        let mut rows = Vec::new();
        self.expect_names(input.receipts.len());
        for (receipt, row) in (0..).zip(&input.receipts) {
            if self.receipts[receipt as usize] == NONE {
                let name = self.name(input.receipt_payer(receipt));
                rows.push(((row.amount_minor, name), row.arrived, receipt));
            }
        }
        if rows.is_empty() {
            return;
        }
        let mut receipts = Sorted::new(rows);
        self.each_new_money(|run, line, view| {
            let name = run.line_name(line);
            if name == 0 {
                return;
            }
            let (from, to) = (view.day.saturating_sub(days), view.day.saturating_add(days));
            let is_open = |row: u32| run.receipts[row as usize] == NONE;
            let found: Vec<u32> = receipts.open((view.amount_minor, name), from, to, is_open).take(LOOKED_AT).collect();
            match found[..] {
                [] => {}
                [receipt] => run.link_receipts(line, &[receipt], How::ReceiptPayer),
                _ => {
                    let target = |row: u32| Target::Receipt(input.receipts[row as usize].receipt_id);
                    run.doubt(line, found.iter().map(|row| (target(*row), How::ReceiptPayer, *row)), false);
                }
            }
        });
    }

    /// Expected money: equal amount, and payer or sub-account are equal.
    pub(super) fn arrivals(&mut self) {
        let input = self.input;
        let mut rows = Vec::new();
        self.expect_names(input.arrivals.len());
        for (arrival, row) in (0..).zip(&input.arrivals) {
            let name = self.name(input.arrival_payer(arrival));
            let sub_account = row.sub_account_id.map(|id| (BY_SUB_ACCOUNT, id));
            let by = [sub_account, Some((BY_ACCOUNT, row.account_index)), Some((BY_NAME, i64::from(name)))];
            for (by, value) in by.into_iter().flatten().filter(|(by, value)| *by == BY_SUB_ACCOUNT || *value != 0) {
                rows.push(((row.amount_minor, by, value), row.since, arrival));
            }
        }
        if rows.is_empty() {
            return;
        }
        let mut arrivals = Sorted::new(rows);
        self.each_new_money(|run, line, view| {
            let until = view.day;
            let is_open = |run: &Self, row: u32| run.arrivals[row as usize] == NONE;
            let (mut found, more) = run.by_party(line, view, &mut arrivals, until, is_open);
            // Expected on another sub-account than this: other money of the same payer.
            if let Some(sub_account) = view.sub_account() {
                let elsewhere = |row: u32| {
                    input.arrivals[row as usize].sub_account_id.is_some_and(|expected| expected != sub_account.id)
                };
                found.retain(|(row, _)| !elsewhere(*row));
            }
            let case_of = |row: u32| input.arrivals[row as usize].case_id;
            let target = |row: u32| Target::Arrival(input.arrivals[row as usize].expected_id);
            if found.is_empty() {
                return;
            }
            let cases = view.case_ids();
            if !cases.is_empty() {
                let agrees = |(row, _): &(u32, How)| cases.contains(&case_of(*row));
                if found.iter().any(agrees) {
                    found.retain(agrees);
                } else {
                    // The text names another case than the one that expects such a sum.
                    let named = cases.iter().map(|case| (Target::Case(*case), How::CaseNumber, 0));
                    let expected = found.iter().map(|(row, how)| (target(*row), *how, *row));
                    return run.doubt(line, expected.chain(named), more);
                }
            }
            let what = |row: u32| (case_of(row), input.arrivals[row as usize].sub_account_id);
            let (first, how) = found[0];
            if !more && found.iter().all(|(row, _)| what(*row) == what(first)) {
                // Of equal ones of a case, the one expected longest.
                run.link_arrivals(line, &[first], how);
            } else {
                run.doubt(line, found.iter().map(|(row, how)| (target(*row), *how, *row)), more);
            }
        });
    }

    /// `arrivals` in order.
    pub(super) fn link_arrivals(&mut self, line: u32, arrivals: &[u32], how: How) {
        for arrival in arrivals {
            self.arrivals[*arrival as usize] = line;
        }
        let mut expected_ids: Box<[i64]> =
            arrivals.iter().map(|arrival| self.input.arrivals[*arrival as usize].expected_id).collect();
        expected_ids.sort_unstable();
        self.settle(&[line], Outcome::ArrivalArrived { expected_ids }, how, arrivals[0], arrivals.len() as u32);
    }

    /// Open rows of the line's amount with its sub-account, account or name, in order, each once with the strongest of
    /// these; and whether there are more than were looked at.
    fn by_party(
        &mut self,
        line: u32,
        view: LineView<'a>,
        rows: &mut Sorted<PartyKey>,
        until: i32,
        is_open: impl Fn(&Self, u32) -> bool + Copy,
    ) -> (Vec<(u32, How)>, bool) {
        let name = i64::from(self.line_name(line));
        let sub_account =
            view.sub_account().map(|sub_account| (BY_SUB_ACCOUNT, sub_account.id, How::ArrivalSubAccount));
        let account = (view.account_index != 0).then_some((BY_ACCOUNT, view.account_index, How::ArrivalAccount));
        let name = (name != 0).then_some((BY_NAME, name, How::ArrivalName));
        let mut found: Vec<(u32, u8, How)> = Vec::new();
        let mut more = false;
        for (by, value, how) in [sub_account, account, name].into_iter().flatten() {
            let before = found.len();
            let open = rows.open((view.amount_minor, by, value), i32::MIN, until, |row| is_open(self, row));
            found.extend(open.take(LOOKED_AT).map(|row| (row, by, how)));
            more |= found.len() - before == LOOKED_AT;
        }
        found.sort_unstable_by_key(|(row, by, _)| (*row, *by));
        found.dedup_by_key(|(row, _, _)| *row);
        (found.into_iter().map(|(row, _, how)| (row, how)).collect(), more)
    }

    /// Money to be recovered comes back.
    pub(super) fn receivables(&mut self) {
        let input = self.input;
        let mut rows = Vec::new();
        for (receivable, row) in (0..).zip(&input.receivables) {
            let name = self.name(input.receivable_name(receivable));
            for (by, value) in [(BY_ACCOUNT, row.account_index), (BY_NAME, i64::from(name))] {
                if value != 0 {
                    rows.push(((row.amount_minor, by, value), 0, receivable));
                }
            }
        }
        if rows.is_empty() {
            return;
        }
        let mut receivables = Sorted::new(rows);
        self.each_new_money(|run, line, view| {
            let is_open = |run: &Self, row: u32| run.receivables[row as usize] == NONE;
            let (mut found, more) = run.by_party(line, view, &mut receivables, 0, is_open);
            let how = |how: How| if how == How::ArrivalName { How::ReceivableName } else { How::ReceivableAccount };
            let row = |row: u32| &input.receivables[row as usize];
            let cases = view.case_ids();
            if !found.is_empty() && !cases.is_empty() {
                let agrees = |(receivable, _): &(u32, How)| cases.contains(&row(*receivable).case_id);
                if found.iter().any(agrees) {
                    found.retain(agrees);
                } else {
                    // The text names another case: a person looks, and the receivable waits for another line.
                    let named = cases.iter().map(|case| (Target::Case(*case), How::CaseNumber, 0));
                    let receivables =
                        found.iter().map(|(other, by)| (Target::Receivable(row(*other).id), how(*by), *other));
                    return run.doubt(line, receivables.chain(named), more);
                }
            }
            match found[..] {
                [] => {}
                [(first, by), ..]
                    if !more && found.iter().all(|(other, _)| row(*other).case_id == row(first).case_id) =>
                {
                    run.receivables[first as usize] = line;
                    run.settle(&[line], Outcome::Recovered { id: row(first).id }, how(by), first, 1);
                }
                _ => {
                    let targets =
                        found.iter().map(|(other, by)| (Target::Receivable(row(*other).id), how(*by), *other));
                    run.doubt(line, targets, more);
                }
            }
        });
    }

    /// A day's card takings in one sum, less the bank's fee.
    pub(super) fn cards(&mut self, words: &[String], days: i32, most_fee_bp: i64) {
        let input = self.input;
        let is_open = |row: u32| self.receipts[row as usize] == NONE;
        let by_card: Vec<(i32, u32)> = (0..)
            .zip(&input.receipts)
            .filter(|(row, receipt)| receipt.by_card && is_open(*row))
            .map(|(row, receipt)| (receipt.arrived, row))
            .collect();
        // Day, sum, receipts; nothing is left of a day once it is found.
        let mut takings: Vec<(i32, i128, Vec<u32>)> = Vec::new();
        for day in by_card.chunk_by(|one, other| one.0 == other.0) {
            let receipts: Vec<u32> = day.iter().map(|(_, receipt)| *receipt).collect();
            let amounts = receipts.iter().map(|receipt| i128::from(input.receipts[*receipt as usize].amount_minor));
            takings.push((day[0].0, amounts.sum(), receipts));
        }
        if takings.is_empty() {
            return;
        }
        let mut words = Words::new(words);
        self.each_new_money(|run, line, view| {
            if !words.are_in(&[view.code(), view.text(), view.name()]) {
                return;
            }
            let from = takings.partition_point(|(day, _, _)| *day < view.day.saturating_sub(days));
            let to = takings.partition_point(|(day, _, _)| *day <= view.day);
            let fee_of = |sum: i128| sum - i128::from(view.amount_minor);
            let fits = |place: &usize| {
                let (_, sum, receipts) = &takings[*place];
                let most = sum.saturating_mul(i128::from(most_fee_bp));
                !receipts.is_empty() && fee_of(*sum) >= 0 && fee_of(*sum).saturating_mul(10_000) <= most
            };
            let found: Vec<usize> = (from..to.max(from)).filter(fits).take(LOOKED_AT).collect();
            match found[..] {
                [] => {}
                [place] => {
                    let (_, sum, receipts) = &mut takings[place];
                    let receipts = std::mem::take(receipts);
                    let fee_minor = i64::try_from(fee_of(*sum)).unwrap_or(i64::MAX);
                    for receipt in &receipts {
                        run.receipts[*receipt as usize] = line;
                    }
                    let ids = receipts.iter().map(|receipt| input.receipts[*receipt as usize].receipt_id);
                    let mut receipt_ids: Box<[i64]> = ids.collect();
                    receipt_ids.sort_unstable();
                    let outcome = Outcome::CardTakings { receipt_ids, fee_minor };
                    run.settle(&[line], outcome, How::Cards, receipts[0], receipts.len() as u32);
                }
                _ => {
                    let target = |row: u32| Target::Receipt(input.receipts[row as usize].receipt_id);
                    let firsts = found.iter().map(|place| takings[*place].2[0]);
                    run.doubt(line, firsts.map(|row| (target(row), How::Cards, row)), false);
                }
            }
        });
    }

    /// A credit on a sub-account is for its case.
    pub(super) fn sub_accounts(&mut self) {
        self.each_new_money(|run, line, view| {
            if let Some(sub_account) = view.sub_account() {
                let outcome =
                    Outcome::CaseReceipt { case_id: sub_account.case_id, sub_account_id: Some(sub_account.id) };
                run.settle(&[line], outcome, How::SubAccount, NONE, 1);
            }
        });
    }

    /// One case number in the text; several are for a person.
    pub(super) fn case_numbers(&mut self) {
        self.each_new_money(|run, line, view| {
            let mut cases = view.case_ids().to_vec();
            cases.sort_unstable();
            cases.dedup();
            match cases[..] {
                [] => {}
                [case_id] => {
                    let outcome = Outcome::CaseReceipt { case_id, sub_account_id: None };
                    run.settle(&[line], outcome, How::CaseNumber, NONE, 1);
                }
                _ => run.doubt(line, cases.iter().map(|case| (Target::Case(*case), How::CaseNumber, NONE)), false),
            }
        });
    }

    /// Money of which nobody knows for which case it is (待认领款).
    pub(super) fn unattributed(&mut self) {
        self.each_new_money(|run, line, _| run.settle(&[line], Outcome::Unattributed, How::Unattributed, NONE, 1));
    }
}
