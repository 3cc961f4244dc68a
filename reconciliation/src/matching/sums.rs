//! Several for one: a credit that is the sum of what a payer owes, and several credits of a payer that are one sum.

use std::collections::HashSet;

use super::engine::Run;
use super::index::{Fixed, Sorted};
use super::input::NONE;
use super::report::{GaveUp, How, Outcome, Target};

/// All searches of a run together take so many times the steps of one: some seconds at most.
const SEARCHES: usize = 1000;

/// The limits of a search, and what is left of all searches together.
struct Limits {
    days: i32,
    parts: usize,
    candidates: usize,
    steps: usize,
    left: usize,
    /// Payers of whom it was said that a search was given up, and what was searched: said once.
    said: HashSet<(u32, bool), Fixed>,
}

/// What a search came to; places in the list that was searched.
#[derive(Debug, PartialEq, Eq)]
enum Search {
    Nothing,
    One(Vec<usize>),
    /// More than one way to make the sum: two of them.
    Several(Vec<usize>, Vec<usize>),
    GaveUp,
}

/// Finds amounts that make a sum: all ways up to the second one. `amounts` are positive and descending. Also the number
/// of steps it took.
fn search(amounts: &[i64], sum: i64, parts: usize, steps: usize) -> (Search, usize) {
    // From each place on, everything together: what can not be reached any more is not searched.
    let mut rest = vec![0_i128; amounts.len() + 1];
    for place in (0..amounts.len()).rev() {
        rest[place] = rest[place + 1] + i128::from(amounts[place]);
    }
    let mut found: Option<Vec<usize>> = None;
    let mut chosen: Vec<usize> = Vec::new();
    let mut missing = sum;
    let mut place = 0;
    let mut taken = 0;
    loop {
        taken += 1;
        if taken > steps {
            return (Search::GaveUp, taken);
        }
        if missing == 0 {
            match found.take() {
                None => found = Some(chosen.clone()),
                Some(first) => return (Search::Several(first, chosen), taken),
            }
        }
        let left = i128::from(missing);
        let most = |place: usize| i128::from(amounts[place]) * (parts - chosen.len()) as i128;
        let goes_on = missing > 0
            && place < amounts.len()
            && chosen.len() < parts
            && rest[place] >= left
            && (amounts[place] > missing || most(place) >= left);
        if goes_on {
            if amounts[place] <= missing {
                missing -= amounts[place];
                chosen.push(place);
            }
            place += 1;
        } else {
            // Back to the last chosen one, and on without it.
            let Some(last) = chosen.pop() else { break };
            missing += amounts[last];
            place = last + 1;
        }
    }
    (found.map_or(Search::Nothing, Search::One), taken)
}

/// On what a sum is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Receipts,
    Arrivals,
}

impl Run<'_> {
    /// Sums of a payer, within the limits.
    pub(super) fn sums(&mut self, days: i32, parts: usize, candidates: usize, steps: usize) {
        let left = steps.saturating_mul(SEARCHES);
        let mut limits = Limits { days, parts, candidates, steps, left, said: HashSet::default() };
        for side in [Side::Receipts, Side::Arrivals] {
            let rows = self.open_of_payers(side);
            if rows.is_empty() {
                continue;
            }
            self.one_line_for_several(side, rows.clone(), &mut limits);
            self.several_lines_for_one(side, &rows, &mut limits);
        }
    }

    fn open_of_payers(&mut self, side: Side) -> Vec<(u32, i32, u32)> {
        let input = self.input;
        let mut rows = Vec::new();
        match side {
            Side::Receipts => {
                for (row, receipt) in (0..).zip(&input.receipts) {
                    let name = self.name(input.receipt_payer(row));
                    rows.push((name, receipt.arrived, row));
                }
            }
            Side::Arrivals => {
                for (row, arrival) in (0..).zip(&input.arrivals) {
                    let name = self.name(input.arrival_payer(row));
                    rows.push((name, arrival.since, row));
                }
            }
        }
        rows.retain(|(name, _, row)| *name != 0 && self.is_waiting(side, *row) && self.sum_of(side, *row) > 0);
        rows
    }

    fn is_waiting(&self, side: Side, row: u32) -> bool {
        let used = match side {
            Side::Receipts => &self.receipts,
            Side::Arrivals => &self.arrivals,
        };
        used[row as usize] == NONE
    }

    fn sum_of(&self, side: Side, row: u32) -> i64 {
        match side {
            Side::Receipts => self.input.receipts[row as usize].amount_minor,
            Side::Arrivals => self.input.arrivals[row as usize].amount_minor,
        }
    }

    fn target(&self, side: Side, row: u32) -> Target {
        match side {
            Side::Receipts => Target::Receipt(self.input.receipts[row as usize].receipt_id),
            Side::Arrivals => Target::Arrival(self.input.arrivals[row as usize].expected_id),
        }
    }

    /// A credit that is the sum of several receipts or arrivals of its payer.
    fn one_line_for_several(&mut self, side: Side, rows: Vec<(u32, i32, u32)>, limits: &mut Limits) {
        let how = match side {
            Side::Receipts => How::SumOfReceipts,
            Side::Arrivals => How::SumOfArrivals,
        };
        let mut rows = Sorted::new(rows);
        self.each_new_money(|run, line, view| {
            let name = run.line_name(line);
            let from = match side {
                Side::Receipts => view.day.saturating_sub(limits.days),
                Side::Arrivals => i32::MIN,
            };
            let to = if side == Side::Receipts { view.day.saturating_add(limits.days) } else { view.day };
            let of_payer: Vec<u32> =
                rows.open(name, from, to, |row| run.is_waiting(side, row)).take(limits.candidates + 1).collect();
            let amount = |row: u32| run.sum_of(side, row);
            match run.search(line, name, &of_payer, amount, view.amount_minor, limits) {
                Found::Nothing => {}
                Found::GaveUp(search) => run.gave_up.push(search),
                Found::One(mut rows) => {
                    rows.sort_unstable();
                    match side {
                        Side::Receipts => run.link_receipts(line, &rows, how),
                        Side::Arrivals => run.link_arrivals(line, &rows, how),
                    }
                }
                Found::Several(rows) => {
                    let targets: Vec<_> = rows.iter().map(|row| (run.target(side, *row), how, *row)).collect();
                    run.doubt(line, targets.into_iter(), false);
                }
            }
        });
    }

    /// A receipt or arrival that came in several credits of its payer.
    fn several_lines_for_one(&mut self, side: Side, rows: &[(u32, i32, u32)], limits: &mut Limits) {
        let how = match side {
            Side::Receipts => How::PartsOfReceipt,
            Side::Arrivals => How::PartsOfArrival,
        };
        let payers: HashSet<u32, Fixed> = rows.iter().map(|(name, _, _)| *name).collect();
        let mut lines = Vec::new();
        self.each_new_money(|run, line, view| {
            let name = run.line_name(line);
            if payers.contains(&name) {
                lines.push((name, view.day, line));
            }
        });
        let mut lines = Sorted::new(lines);
        for (name, day, row) in rows {
            if !self.is_waiting(side, *row) {
                continue;
            }
            // An arrival that was ordered long ago may come at any time; a recorded receipt came about its day.
            let (from, to) = match side {
                Side::Receipts => (day.saturating_sub(limits.days), day.saturating_add(limits.days)),
                Side::Arrivals => (*day, i32::MAX),
            };
            let of_payer: Vec<u32> =
                lines.open(*name, from, to, |line| self.is_open(line)).take(limits.candidates + 1).collect();
            let Some(first) = of_payer.first().copied() else { continue };
            let amount = |line: u32| self.input.lines[line as usize].amount_minor;
            match self.search(first, *name, &of_payer, amount, self.sum_of(side, *row), limits) {
                Found::Nothing => {}
                Found::GaveUp(search) => self.gave_up.push(search),
                Found::One(mut found) => {
                    found.sort_unstable();
                    let (used, outcome) = match self.target(side, *row) {
                        Target::Receipt(id) => {
                            (&mut self.receipts, Outcome::ReceiptLinked { receipt_ids: [id].into() })
                        }
                        Target::Arrival(id) => {
                            (&mut self.arrivals, Outcome::ArrivalArrived { expected_ids: [id].into() })
                        }
                        _ => continue,
                    };
                    used[*row as usize] = found[0];
                    self.settle(&found, outcome, how, *row, found.len() as u32);
                }
                Found::Several(found) => {
                    for line in found {
                        let target = self.target(side, *row);
                        self.doubt(line, [(target, how, *row)].into_iter(), false);
                    }
                }
            }
        }
    }

    /// One search; `line` is the one that a giving up is said of.
    fn search(
        &self,
        line: u32,
        name: u32,
        rows: &[u32],
        amount: impl Fn(u32) -> i64,
        sum: i64,
        limits: &mut Limits,
    ) -> Found {
        let give_up = |limits: &mut Limits, candidates: usize, steps: usize| {
            if limits.said.insert((name, steps == 0)) {
                Found::GaveUp(GaveUp { rule: self.rule, line_id: self.line_id(line), candidates, steps })
            } else {
                Found::Nothing
            }
        };
        if rows.len() > limits.candidates {
            return give_up(limits, rows.len(), 0);
        }
        let mut parts: Vec<(i64, u32)> =
            rows.iter().map(|row| (amount(*row), *row)).filter(|(part, _)| *part < sum).collect();
        if parts.len() < 2 {
            return Found::Nothing;
        }
        parts.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        let amounts: Vec<i64> = parts.iter().map(|(part, _)| *part).collect();
        let steps = limits.steps.min(limits.left);
        let row = |place: &usize| parts[*place].1;
        let (result, taken) = search(&amounts, sum, limits.parts, steps);
        limits.left = limits.left.saturating_sub(taken);
        match result {
            Search::Nothing => Found::Nothing,
            Search::One(places) => Found::One(places.iter().map(row).collect()),
            Search::Several(one, other) => {
                let mut all: Vec<u32> = one.iter().chain(&other).map(row).collect();
                all.sort_unstable();
                all.dedup();
                Found::Several(all)
            }
            Search::GaveUp => give_up(limits, rows.len(), taken),
        }
    }
}

/// What a search found, in rows.
enum Found {
    Nothing,
    One(Vec<u32>),
    Several(Vec<u32>),
    GaveUp(GaveUp),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All ways to make the sum, by trying every choice there is.
    fn all_ways(amounts: &[i64], sum: i64, parts: usize) -> Vec<Vec<usize>> {
        let choices = 1..1_u32 << amounts.len();
        let places = |choice: u32| (0..amounts.len()).filter(move |place| choice >> place & 1 == 1).collect::<Vec<_>>();
        let makes_it = |places: &Vec<usize>| {
            places.len() <= parts && places.iter().map(|place| amounts[*place]).sum::<i64>() == sum
        };
        choices.map(places).filter(makes_it).collect()
    }

    proptest! {
        // Broken to see it fail: going two places on after taking one back; giving up where exactly the rest is needed.
        #[test]
        fn finds_what_trying_everything_finds(
            mut amounts in proptest::collection::vec(1_i64..40, 0..11),
            sum in 1_i64..120,
            parts in 1_usize..6,
        ) {
            amounts.sort_unstable_by(|one, other| other.cmp(one));
            let ways = all_ways(&amounts, sum, parts);
            match search(&amounts, sum, parts, usize::MAX).0 {
                Search::Nothing => prop_assert!(ways.is_empty()),
                Search::One(way) => prop_assert_eq!(ways, vec![way]),
                Search::Several(one, other) => {
                    prop_assert!(one != other && ways.contains(&one) && ways.contains(&other));
                }
                Search::GaveUp => prop_assert!(false, "gave up"),
            }
        }

        #[test]
        fn ends_within_its_steps(amounts in proptest::collection::vec(1_i64..40, 0..40), sum in 1_i64..400) {
            let mut amounts = amounts;
            amounts.sort_unstable_by(|one, other| other.cmp(one));
            let (_, steps) = search(&amounts, sum, 6, 500);
            prop_assert!(steps <= 501);
        }
    }
}
