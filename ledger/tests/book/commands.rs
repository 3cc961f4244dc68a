//! Random commands over a few accounts: the same for the pure core and for whole acts.

use ankuan_ledger::{AccountId, Amount, Currency, ItemId, Line, NewAccount, Place, Side};
use proptest::prelude::*;

/// An account of the tests: code, normal side, currency, floor, item floor.
pub type Kind = (&'static str, Side, &'static str, Option<i64>, bool);

/// Accounts with and without floors, of accounts and of items, in two currencies. Commands name them by place,
/// counted from 0; the place after the last is an account that does not exist.
pub const ACCOUNTS: [Kind; 7] = [
    ("bank", Side::Debit, "CNY", None, false),
    ("case", Side::Credit, "CNY", Some(0), true),
    ("payable", Side::Credit, "CNY", Some(0), false),
    ("overdraft", Side::Debit, "CNY", Some(-500), false),
    ("items", Side::Credit, "CNY", None, true),
    ("usd_bank", Side::Debit, "USD", None, false),
    ("usd_case", Side::Credit, "USD", Some(0), true),
];

/// Account and item.
pub type Spot = (usize, i64);

/// One command. Holds are named by their order, whether they were placed or refused.
#[derive(Clone, Debug)]
pub enum Command {
    Post(Vec<(Spot, Spot, i64)>),
    Hold(Spot, i64),
    Capture { hold: usize, debit: Spot, credit: Spot, minor: i64 },
    Release { hold: usize, minor: i64 },
    Close(usize),
    Reverse(i64),
}

/// The account as it is opened.
pub fn new_account(kind: &Kind) -> NewAccount<'static> {
    let (code, normal_side, currency, floor, item_floor) = *kind;
    NewAccount {
        kind: code,
        code,
        name: code,
        normal_side,
        currency: Currency::parse(currency).expect("three letters"),
        case_id: None,
        floor: floor.map(Amount::from_minor),
        item_floor,
    }
}

/// The line as the ledger takes it; accounts are numbered on from `first`.
pub fn line(first: i64, debit: Spot, credit: Spot, minor: i64) -> Line {
    Line { debit: place(first, debit), credit: place(first, credit), amount: Amount::from_minor(minor) }
}

/// The place of a spot.
pub fn place(first: i64, (account, item): Spot) -> Place {
    Place { account: AccountId(first + account as i64), item: ItemId(item) }
}

fn spot() -> impl Strategy<Value = Spot> {
    let account = prop_oneof![30 => 0..ACCOUNTS.len(), 1 => Just(ACCOUNTS.len())];
    (account, 0..3_i64)
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => 1..1_000_i64,
        1 => Just(0),
        1 => Just(-7),
        1 => Just(i64::MAX),
        1 => Just(i64::MAX - 700),
    ]
}

/// Mostly money that comes in, so that there is something to hold and to pay.
fn posting() -> impl Strategy<Value = (Spot, Spot, i64)> {
    prop_oneof![
        3 => (spot(), spot(), amount()),
        2 => (0..3_i64, amount()).prop_map(|(item, minor)| ((0, 0), (1, item), minor)),
        1 => (0..3_i64, amount()).prop_map(|(item, minor)| ((5, 0), (6, item), minor)),
        1 => (0..3_i64, 0..3_i64, amount()).prop_map(|(from, to, minor)| ((1, from), (2, to), minor)),
    ]
}

/// One command; captures mostly take from where something is held.
pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        10 => proptest::collection::vec(posting(), 1..=4).prop_map(Command::Post),
        1 => Just(Command::Post(Vec::new())),
        4 => (spot(), amount()).prop_map(|(spot, minor)| Command::Hold(spot, minor)),
        5 => (0..6_usize, spot(), spot(), amount())
            .prop_map(|(hold, debit, credit, minor)| Command::Capture { hold, debit, credit, minor }),
        3 => (0..6_usize, amount()).prop_map(|(hold, minor)| Command::Release { hold, minor }),
        1 => (0..=ACCOUNTS.len()).prop_map(Command::Close),
        2 => (1..12_i64).prop_map(Command::Reverse),
    ]
}
