//! The pure core against a model that recomputes everything from a list of legs, the slowest obvious way.

#[path = "book/commands.rs"]
mod commands;

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::decide::{AccountState, HoldState, ItemState, PostedLine, State};
use ankuan_ledger::{AccountId, Amount, HoldId, ItemId, Place, Refusal, Side};
use commands::{ACCOUNTS, Command, Spot, command, line, new_account, place};
use proptest::prelude::*;

/// Half of an entry's line: positive where the account's balance rises.
#[derive(Clone, Debug)]
struct Leg {
    entry_no: i64,
    spot: Spot,
    change: i128,
}

#[derive(Clone, Debug, Default)]
struct Model {
    entries: i64,
    /// Of each entry, as it was posted.
    lines: Vec<Vec<(Spot, Spot, i64)>>,
    legs: Vec<Leg>,
    /// Where it lies and what is left.
    holds: BTreeMap<usize, (Spot, i128)>,
    closed: BTreeSet<usize>,
}

type Verdict = Result<(), &'static str>;

fn in_range(value: i128) -> bool {
    i64::try_from(value).is_ok()
}

impl Model {
    fn posted(&self, account: usize) -> i128 {
        self.legs.iter().filter(|leg| leg.spot.0 == account).map(|leg| leg.change).sum()
    }

    fn item_posted(&self, spot: Spot) -> i128 {
        self.legs.iter().filter(|leg| leg.spot == spot).map(|leg| leg.change).sum()
    }

    fn held(&self, account: usize) -> i128 {
        self.holds.values().filter(|(spot, _)| spot.0 == account).map(|(_, left)| left).sum()
    }

    fn item_held(&self, spot: Spot) -> i128 {
        self.holds.values().filter(|(at, _)| *at == spot).map(|(_, left)| left).sum()
    }

    fn last_entry(&self, account: usize) -> i64 {
        self.legs.iter().filter(|leg| leg.spot.0 == account).map(|leg| leg.entry_no).max().unwrap_or(0)
    }

    /// A refused command leaves the model as it was, because it works on a copy.
    fn run(&mut self, number: usize, command: &Command) -> Verdict {
        let mut next = self.clone();
        match command {
            Command::Post(lines) => next.post(lines)?,
            Command::Hold(spot, minor) => next.hold(number, *spot, i128::from(*minor))?,
            Command::Capture { hold, debit, credit, minor } => next.capture(*hold, *debit, *credit, *minor)?,
            Command::Release { hold, minor } => next.release(*hold, i128::from(*minor))?,
            Command::Close(account) => next.close(*account)?,
            Command::Reverse(_) => unreachable!("turned into a posting"),
        }
        *self = next;
        Ok(())
    }

    fn usable(&self, accounts: &[usize]) -> Verdict {
        if accounts.iter().any(|account| *account >= ACCOUNTS.len()) {
            return Err("ledger.account_unknown");
        }
        if accounts.iter().any(|account| self.closed.contains(account)) {
            return Err("ledger.account_closed");
        }
        Ok(())
    }

    fn post(&mut self, lines: &[(Spot, Spot, i64)]) -> Verdict {
        if lines.is_empty() {
            return Err("ledger.entry_empty");
        }
        let before = self.clone();
        self.entries += 1;
        self.lines.push(lines.to_vec());
        for (debit, credit, minor) in lines {
            if *minor <= 0 {
                return Err("ledger.amount_not_positive");
            }
            if debit == credit {
                return Err("ledger.same_place");
            }
            self.usable(&[debit.0, credit.0])?;
            if ACCOUNTS[debit.0].2 != ACCOUNTS[credit.0].2 {
                return Err("ledger.currency_mismatch");
            }
            for (spot, side) in [(*debit, Side::Debit), (*credit, Side::Credit)] {
                let (_, normal, _, _, item_floor) = ACCOUNTS[spot.0];
                let change = if side == normal { i128::from(*minor) } else { -i128::from(*minor) };
                self.legs.push(Leg { entry_no: self.entries, spot, change });
                if !in_range(self.posted(spot.0)) || (item_floor && !in_range(self.item_posted(spot))) {
                    return Err("ledger.overflow");
                }
            }
        }
        for (account, (_, _, _, floor, _)) in ACCOUNTS.iter().enumerate() {
            let (was, is) = (before.posted(account), self.posted(account));
            if let Some(floor) = floor
                && is < was
                && is - self.held(account) < i128::from(*floor)
            {
                return Err("ledger.below_floor");
            }
        }
        for leg in &self.legs {
            let (was, is) = (before.item_posted(leg.spot), self.item_posted(leg.spot));
            if ACCOUNTS[leg.spot.0].4 && is < was && is < self.item_held(leg.spot) {
                return Err("ledger.item_below_zero");
            }
        }
        Ok(())
    }

    /// The lines that undo an entry; none where there is no such entry.
    fn reversed(&self, entry: i64) -> Vec<(Spot, Spot, i64)> {
        let lines = self.lines.get(entry as usize - 1).map_or(&[][..], Vec::as_slice);
        lines.iter().map(|(debit, credit, minor)| (*credit, *debit, *minor)).collect()
    }

    fn hold(&mut self, number: usize, spot: Spot, amount: i128) -> Verdict {
        if amount <= 0 {
            return Err("ledger.amount_not_positive");
        }
        self.usable(&[spot.0])?;
        let (_, _, _, floor, item_floor) = ACCOUNTS[spot.0];
        let free = self.posted(spot.0) - self.held(spot.0);
        let available = free - i128::from(floor.unwrap_or(0));
        if [self.held(spot.0) + amount, free, available].into_iter().any(|value| !in_range(value)) {
            return Err("ledger.overflow");
        }
        if available < amount {
            return Err("ledger.below_floor");
        }
        if item_floor && self.item_posted(spot) - self.item_held(spot) < amount {
            return Err("ledger.item_below_zero");
        }
        self.holds.insert(number, (spot, amount));
        Ok(())
    }

    fn capture(&mut self, hold: usize, debit: Spot, credit: Spot, minor: i64) -> Verdict {
        let (spot, _) = *self.holds.get(&hold).ok_or("hold.unknown")?;
        let source = if ACCOUNTS[spot.0].1 == Side::Debit { credit } else { debit };
        if source != spot {
            return Err("hold.elsewhere");
        }
        self.release(hold, i128::from(minor))?;
        self.post(&[(debit, credit, minor)])
    }

    fn release(&mut self, hold: usize, amount: i128) -> Verdict {
        let (_, left) = self.holds.get_mut(&hold).ok_or("hold.unknown")?;
        if amount <= 0 {
            return Err("ledger.amount_not_positive");
        }
        if amount > *left {
            return Err("hold.exceeds_remaining");
        }
        *left -= amount;
        Ok(())
    }

    fn close(&mut self, account: usize) -> Verdict {
        self.usable(&[account])?;
        if self.posted(account) != 0 || self.held(account) != 0 {
            return Err("ledger.account_not_empty");
        }
        self.closed.insert(account);
        Ok(())
    }
}

/// Account 0 of the commands is account 100 of the core.
const FIRST: i64 = 100;

fn opened() -> State {
    let mut state = State::after(1);
    for (number, kind) in ACCOUNTS.iter().enumerate() {
        let new = new_account(kind);
        let account = AccountState {
            normal_side: new.normal_side,
            currency: new.currency,
            floor: new.floor,
            item_floor: new.item_floor,
            open: true,
            posted: Amount::ZERO,
            held: Amount::ZERO,
            last_entry_no: 0,
        };
        state.accounts.insert(AccountId(FIRST + number as i64), account);
    }
    state
}

fn run(state: &mut State, number: usize, command: &Command, out: &mut Vec<PostedLine>) -> Verdict {
    let minor = Amount::from_minor;
    let hold_id = |hold: usize| HoldId(hold as i64);
    let result: Result<(), Refusal> = match command {
        Command::Post(lines) => {
            let lines: Vec<_> =
                lines.iter().map(|(debit, credit, amount)| line(FIRST, *debit, *credit, *amount)).collect();
            state.post(&lines, out).map(|_| ())
        }
        Command::Hold(spot, amount) => state.hold(hold_id(number), place(FIRST, *spot), minor(*amount)),
        Command::Capture { hold, debit, credit, minor: amount } => {
            state.capture(hold_id(*hold), line(FIRST, *debit, *credit, *amount), out).map(|_| ())
        }
        Command::Release { hold, minor: amount } => state.release(hold_id(*hold), minor(*amount)),
        Command::Close(account) => state.close_account(AccountId(FIRST + *account as i64)),
        // The core knows no entries of the past: a reversal is a posting, made by the act that looked it up.
        Command::Reverse(_) => unreachable!("turned into a posting"),
    };
    result.map_err(|refusal| refusal.code())
}

/// What can be seen of a state; an item with nothing is as good as none.
type Seen =
    (i64, BTreeMap<AccountId, AccountState>, BTreeMap<(AccountId, ItemId), ItemState>, BTreeMap<HoldId, HoldState>);

fn seen(state: &State) -> Seen {
    (
        state.next_entry_no,
        state.accounts.iter().map(|(account, known)| (*account, *known)).collect(),
        state
            .items
            .iter()
            .filter(|(_, item)| **item != ItemState::default())
            .map(|(place, item)| ((place.account, place.item), *item))
            .collect(),
        state.holds.iter().map(|(hold, known)| (*hold, *known)).collect(),
    )
}

fn compare(model: &Model, state: &State) {
    let minor = |amount: Amount| i128::from(amount.minor());
    assert_eq!(state.next_entry_no, model.entries + 1);
    for (number, kind) in ACCOUNTS.iter().enumerate() {
        let account = &state.accounts[&AccountId(FIRST + number as i64)];
        assert_eq!(minor(account.posted), model.posted(number), "balance of {}", kind.0);
        assert_eq!(minor(account.held), model.held(number), "held on {}", kind.0);
        assert_eq!(account.open, !model.closed.contains(&number), "{} open", kind.0);
        assert_eq!(account.last_entry_no, model.last_entry(number), "last entry of {}", kind.0);
        for item in 0..3 {
            let known = state.items.get(&place(FIRST, (number, item))).copied().unwrap_or_default();
            let expected =
                if kind.4 { (model.item_posted((number, item)), model.item_held((number, item))) } else { (0, 0) };
            assert_eq!((minor(known.posted), minor(known.held)), expected, "item {item} of {}", kind.0);
        }
    }
    let holds: BTreeMap<usize, (Place, i128)> =
        state.holds.iter().map(|(hold, known)| (hold.0 as usize, (known.place, minor(known.remaining)))).collect();
    let expected: BTreeMap<usize, (Place, i128)> =
        model.holds.iter().map(|(hold, (spot, left))| (*hold, (place(FIRST, *spot), *left))).collect();
    assert_eq!(holds, expected);
}

/// Each line of the last entry says what the account had after it and which entry it had before.
fn compare_lines(before: &Model, model: &Model, posted: &[PostedLine]) {
    let new = &model.legs[before.legs.len()..];
    assert_eq!(new.len(), posted.len() * 2);
    let mut running = before.clone();
    for (number, (line, legs)) in posted.iter().zip(new.chunks_exact(2)).enumerate() {
        assert_eq!(line.line_no, number as i64 + 1);
        assert_eq!(line.entry_no.0, model.entries);
        for (leg, after, previous) in
            [(&legs[0], line.debit_after, line.debit_previous), (&legs[1], line.credit_after, line.credit_previous)]
        {
            running.legs.push(leg.clone());
            assert_eq!(i128::from(after.minor()), running.posted(leg.spot.0));
            assert_eq!(previous, before.last_entry(leg.spot.0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_is_the_model(commands in proptest::collection::vec(command(), 1..40)) {
        let (mut model, mut state) = (Model::default(), opened());
        let mut holds = 0;
        for command in &commands {
            let command = match command {
                Command::Reverse(entry) => &Command::Post(model.reversed(*entry)),
                other => other,
            };
            let number = holds;
            holds += usize::from(matches!(command, Command::Hold(..)));
            let (model_before, before) = (model.clone(), seen(&state));
            let mut out = Vec::new();
            let expected = model.run(number, command);
            let found = run(&mut state, number, command, &mut out);
            prop_assert_eq!(found, expected, "{:?} of {:?}", command, commands);
            if expected.is_err() {
                prop_assert_eq!(seen(&state), before, "a refused command changes nothing");
                prop_assert!(out.is_empty());
            } else {
                compare_lines(&model_before, &model, &out);
            }
            compare(&model, &state);
        }
    }
}
