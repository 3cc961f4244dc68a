//! Lines that take earlier lines back (冲正).

use std::collections::{HashMap, HashSet};

use super::engine::{LOOKED_AT, Run, Standing};
use super::index::{Fixed, Groups, Sorted};
use super::input::{LineView, NONE};
use super::names::Words;
use super::report::{How, Outcome, Target};

impl<'a> Run<'a> {
    /// Debits that take a credit back, and credits that take back a debit nobody knows what to do with.
    pub(super) fn reversals(&mut self, words: &[String], days: i32) {
        let mut words = Words::new(words);
        for credits in [false, true] {
            let mut flagged = Vec::new();
            self.each(credits, |_, line, view| {
                if view.is_reversal || words.are_in(&[view.code(), view.text()]) {
                    flagged.push(line);
                }
            });
            if flagged.is_empty() {
                continue;
            }
            self.take_back(&flagged, credits, days);
        }
    }

    /// What may be taken back: first the earlier credits by their row, then the lines by theirs.
    fn take_back(&mut self, flagged: &[u32], credits: bool, days: i32) {
        let input = self.input;
        let amount_of = |line: u32| input.lines[line as usize].amount_minor.checked_abs().unwrap_or(0);
        let amounts: HashSet<i64, Fixed> = flagged.iter().map(|line| amount_of(*line)).collect();
        let earlier = input.credits.len() as u32;
        let known = self.money_of_lines(&amounts);
        let mut rows: Vec<(i64, i32, u32)> = Vec::new();
        if !credits {
            let wanted = (0..).zip(&input.credits).filter(|(_, row)| amounts.contains(&row.amount_minor));
            rows.extend(wanted.map(|(credit, row)| (row.amount_minor, row.day, credit)));
        }
        for (line, row) in (0..).zip(&input.lines) {
            let is_opposite = if credits { row.amount_minor < 0 } else { row.amount_minor > 0 };
            if is_opposite
                && amounts.contains(&row.amount_minor.checked_abs().unwrap_or(0))
                && (self.is_open(line) || (!credits && known.contains_key(&row.line_id)))
            {
                rows.push((row.amount_minor.checked_abs().unwrap_or(0), row.day, earlier + line));
            }
        }
        let reference = |item: u32| match item.checked_sub(earlier) {
            None => input.credit_reference(item),
            Some(line) => input.line(line).reference(),
        };
        let mut items: Vec<u32> =
            rows.iter().map(|(_, _, item)| *item).filter(|item| !reference(*item).is_empty()).collect();
        items.sort_unstable_by(|one, other| other.cmp(one));
        let most = items.first().map_or(0, |item| *item as usize + 1);
        let by_reference = Groups::new(most, items.iter().map(|item| (*item, reference(*item))));
        let about = |item: u32| match item.checked_sub(earlier) {
            None => (input.credits[item as usize].amount_minor, input.credits[item as usize].day),
            Some(line) => (amount_of(line), input.lines[line as usize].day),
        };
        let mut rows = Sorted::new(rows);
        let mut taken_back: HashSet<u32, Fixed> = HashSet::default();
        for line in flagged {
            if !self.is_open(*line) {
                continue;
            }
            let view = input.line(*line);
            let amount = amount_of(*line);
            let is_free = |item: u32| match item.checked_sub(earlier) {
                None => self.credits[item as usize] == NONE,
                Some(other) => {
                    other != *line
                        && !taken_back.contains(&item)
                        && matches!(self.standing[other as usize], Standing::Open | Standing::Matched)
                }
            };
            let mut named: Vec<u32> = Vec::new();
            for given in view.names_given().chain([view.reference()]).filter(|given| !given.is_empty()) {
                for item in by_reference.get(given).take(LOOKED_AT) {
                    let (its_amount, its_day) = about(item);
                    if its_amount == amount
                        && its_day <= view.day
                        && is_free(item)
                        && named.len() < LOOKED_AT
                        && !named.contains(&item)
                    {
                        named.push(item);
                    }
                }
            }
            let by_amount = |rows: &mut Sorted<i64>| -> Vec<u32> {
                rows.open(amount, view.day.saturating_sub(days), view.day, is_free).take(LOOKED_AT).collect()
            };
            let (found, how) = if named.is_empty() {
                (by_amount(&mut rows), How::ReversalAmount)
            } else {
                (named, How::ReversalReference)
            };
            match found[..] {
                [] => {}
                [item] => {
                    taken_back.insert(item);
                    self.take_back_one(*line, item, view, how, &known);
                }
                _ => {
                    let id = |item: u32| match item.checked_sub(earlier) {
                        None => input.credits[item as usize].line_id,
                        Some(line) => input.lines[line as usize].line_id,
                    };
                    self.doubt(*line, found.iter().map(|item| (Target::Line(id(*item)), how, *item)), false);
                }
            }
        }
    }

    fn take_back_one(
        &mut self,
        line: u32,
        item: u32,
        view: LineView<'a>,
        how: How,
        known: &HashMap<i64, Option<i64>, Fixed>,
    ) {
        let earlier = self.input.credits.len() as u32;
        let Some(other) = item.checked_sub(earlier) else {
            let credit = &self.input.credits[item as usize];
            self.credits[item as usize] = line;
            let outcome = Outcome::Reversed { line_id: credit.line_id, receipt_id: credit.receipt_id };
            return self.settle(&[line], outcome, how, item, 1);
        };
        let line_id = self.line_id(other);
        let receipt_id = known.get(&line_id).copied().flatten();
        let outcome = Outcome::Reversed { line_id, receipt_id };
        debug_assert!(view.amount_minor != 0);
        if self.is_open(other) {
            self.settle(&[other, line], outcome, how, item, 2);
        } else {
            self.settle(&[line], outcome, how, item, 1);
        }
    }

    /// Credits of such amounts that this run found to be receipts or expected money, with the receipt if it is one.
    fn money_of_lines(&self, amounts: &HashSet<i64, Fixed>) -> HashMap<i64, Option<i64>, Fixed> {
        let mut known = HashMap::default();
        for found in &self.matches {
            let receipt = match &found.outcome {
                Outcome::ReceiptLinked { receipt_ids } => (receipt_ids.len() == 1).then(|| receipt_ids[0]),
                Outcome::ArrivalArrived { .. } | Outcome::CaseReceipt { .. } | Outcome::Unattributed => None,
                _ => continue,
            };
            let amount = self.input.lines[found.place as usize].amount_minor;
            if let [line_id] = found.lines[..]
                && amounts.contains(&amount)
            {
                known.insert(line_id, receipt);
            }
        }
        known
    }
}
