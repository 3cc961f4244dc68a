//! A small book with a bank that rejects, delays, repeats and returns: in whatever order its files come, and whatever is
//! matched and undone in between, the end is the same.

use std::path::{Path, PathBuf};

use ankuan::bank_sim::{Debit, Options};
use ankuan::flows::undo::{Undoes, undo};
use ankuan_ledger::Amount;

use crate::circle::{Circle, PROFILE, State, files_of, pot, yuan};
use crate::court::{COURT, FINANCE, NUMBER, code};
use crate::support::Database;

const CLAIMANTS: i64 = 8;
const DAYS: i64 = 3;
/// Orders tried for each style of the bank.
const ORDERS: u64 = 12;

/// Small and the same everywhere: a step of a linear congruence, its high bits.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.roll(place + 1));
        }
    }
}

/// Imports a file, whatever it is; whether it was there already.
fn take(circle: &mut Circle, path: &Path) -> bool {
    if path.to_string_lossy().contains("-reply-") {
        circle.reply(path).expect("an answer").already
    } else {
        circle.import(FINANCE, path).expect("a statement").already
    }
}

/// The lines that stand in a match, newest match first.
fn matched_lines(circle: &mut Circle) -> Vec<i64> {
    let mut tx = circle.court.store.snapshot().expect("reads");
    let text = "SELECT bank_line_id FROM line_match WHERE court_id = $1 ORDER BY group_id DESC, bank_line_id";
    tx.query(text, &[COURT.into()], |row| row.int(0)).expect("reads")
}

/// The matches of a run of the rules that have no line: payments that an answer refused.
fn failed_matches(circle: &mut Circle, matching_id: i64) -> Vec<i64> {
    let mut tx = circle.court.store.snapshot().expect("reads");
    let text = "SELECT match_id FROM bank_match WHERE court_id = $1 AND matching_id = $2 AND match_id = group_id \
                AND bank_line_id = 0";
    tx.query(text, &[COURT.into(), matching_id.into()], |row| row.int(0)).expect("reads")
}

/// Matches until there is nothing more to match.
fn match_all(circle: &mut Circle) {
    while circle.reconcile().matching_id != 0 {}
}

/// Matches, takes all of it back again, and finds the book as it was.
fn match_and_undo(circle: &mut Circle) {
    let (before, known) = (circle.state(), matched_lines(circle));
    let matching_id = circle.reconcile().matching_id;
    let lines = matched_lines(circle).into_iter().filter(|line| !known.contains(line)).map(Undoes::Line);
    let without_line = failed_matches(circle, matching_id).into_iter().map(Undoes::Match);
    for which in lines.chain(without_line) {
        let undone = circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, which, "换个顺序"));
        // A line that went with another's match is open already.
        if let Err(failure) = undone {
            assert_eq!(code::<()>(Err(failure)), "flows.not_matched");
        }
    }
    let after = circle.state();
    assert_eq!((after.payments, after.open), (before.payments, before.open));
    // Accounts are opened by what comes first; those that stay are empty.
    let filled = |state: Vec<(String, i64, i64)>| {
        let filled: Vec<_> = state.into_iter().filter(|account| account.1 != 0 || account.2 != 0).collect();
        filled
    };
    assert_eq!(filled(after.accounts), filled(before.accounts));
}

/// What a court has in the end. A credit that the bank took back is money to be recovered, with a hold on as much of its
/// case, when it was a receipt already; when both lines were still open it was never anything. Both leave the case with
/// the same money to spend, so the pair is struck out.
fn end(circle: &mut Circle) -> State {
    let mut state = circle.state();
    let receivables: Vec<(String, i64)> = state
        .accounts
        .iter()
        .filter_map(|account| Some((format!("C-{}", account.0.strip_prefix("R-")?), account.1)))
        .collect();
    for (funds, taken_back) in receivables {
        for account in state.accounts.iter_mut().filter(|account| account.0 == funds) {
            *account = (funds.clone(), account.1 - taken_back, account.2 - taken_back);
        }
    }
    state.accounts.retain(|account| !account.0.starts_with("R-") && (account.1 != 0 || account.2 != 0));
    state.accounts.sort();
    state
}

fn any_order_gives_the_same_end(debit: Debit) {
    let template = Database::sqlite();
    let mut circle = Circle::open(&template, CLAIMANTS, PROFILE);
    let options = Options {
        reject: 150,
        returned: 250,
        delay: 200,
        duplicate: 200,
        reverse: 1,
        debit,
        opening: Some(Amount::ZERO),
        ..circle.options()
    };
    let incoming =
        format!("{},李四,案款,FT-POT,\n77.00,王五,{NUMBER},IN1,\n88.00,赵六,不明,IN2,\n", yuan(pot(CLAIMANTS)));
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, &incoming);
    circle.day = DAYS;
    let files: Vec<PathBuf> = (0..=DAYS).flat_map(|day| files_of(&bank.join(circle.date(day).to_string()))).collect();
    assert!(files.len() > 4, "{files:?}");
    // The state before, to begin from again and again: nobody may be connected while it is copied.
    let elsewhere = Database::sqlite();
    circle.court.store = elsewhere.open();
    let mut expected: Option<State> = None;
    for seed in 0..ORDERS {
        let database = template.copy();
        circle.court.store = database.open();
        let mut dice = Dice(seed);
        let mut order = files.clone();
        // The first time as it should be.
        if seed > 0 {
            let again: Vec<PathBuf> = files.iter().filter(|_| dice.roll(3) == 0).cloned().collect();
            order.extend(again);
            dice.shuffle(&mut order);
        }
        for (place, path) in order.iter().enumerate() {
            let before = circle.state();
            let already = take(&mut circle, path);
            assert_eq!(already, order[..place].contains(path), "{path:?}");
            assert!(!already || circle.state() == before, "{path:?} twice changes something");
            match dice.roll(4) {
                0 => drop(circle.reconcile()),
                1 => match_and_undo(&mut circle),
                _ => {}
            }
        }
        match_all(&mut circle);
        let found = end(&mut circle);
        assert!(found.ties, "order {seed}: {found:#?}");
        assert!(circle.open_lines().is_empty(), "order {seed}: {:?}", circle.open_lines());
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "order {seed}: {order:#?}");
        circle.verified();
        circle.court.store = elsewhere.open();
    }
    // The last one is verified once more when the test ends.
    let last = template.copy();
    circle.court.store = last.open();
    drop(circle);
}

#[test]
fn whole_files() {
    any_order_gives_the_same_end(Debit::Whole);
}

#[test]
fn single_payments() {
    any_order_gives_the_same_end(Debit::Each);
}

#[test]
fn less_what_failed() {
    any_order_gives_the_same_end(Debit::LessFailed);
}
