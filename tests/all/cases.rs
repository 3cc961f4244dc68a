//! Cases: numbers in turn, parties, sub-accounts, gates, freezes.

use ankuan::cases::freezes::{self, FrozenShare, NewFreeze};
use ankuan::cases::gates::{self, CaseEvent, CaseEventKind, GateKind};
use ankuan::cases::{self, PartyRole};
use ankuan::chart::AccountKind;
use ankuan::report;
use ankuan_ledger::Amount;
use jiff::civil::date;

use crate::court::{BOOK, Court, FINANCE, HANDLER, KEEPER, NUMBER, TODAY, code};
use crate::support::Database;

fn a_case_is_found_by_all_its_numbers(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case("(2026)浙0106执保5号");
    let mut add =
        |number: &str, since| court.act(HANDLER, |tx, acting, _| cases::add_number(tx, acting, &case, number, since));
    assert_eq!(code(add(NUMBER, date(2026, 1, 1))), "cases.number_order");
    add(NUMBER, TODAY).expect("a new number");
    assert_eq!(code(add("2026浙0106执保5号", TODAY)), "cases.number_taken");
    assert_eq!(code(add("浙0106执5号", TODAY)), "cases.number_year");
    let mut tx = court.store.snapshot().expect("reads");
    for spelling in ["〔2026〕浙0106执保第5号", "(2026) 浙0106执123号", "２０２６浙0106执0123号"] {
        let found = cases::find_case(&mut tx, BOOK, spelling).expect(spelling);
        assert_eq!((found.case_id, found.current_number()), (case.case_id, NUMBER), "{spelling}");
    }
    assert_eq!(code(cases::find_case(&mut tx, BOOK, "（2026）浙0106执124号")), "cases.unknown");
}

fn a_case_has_one_control_account_of_each_kind(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let other = court.case("（2026）浙0106执124号");
    let mut tx = court.store.snapshot().expect("reads");
    let accounts = report::accounts(&mut tx, BOOK).expect("reads");
    let codes: Vec<&str> = accounts
        .iter()
        .filter(|account| account.case_id == Some(case.case_id))
        .map(|account| account.code.as_str())
        .collect();
    assert_eq!(codes, ["C", "P", "X", "D", "R"].map(|letter| format!("{letter}-{}", case.case_id)));
    let funds = |tx: &mut _, case_id| cases::case_account(tx, BOOK, case_id, AccountKind::CaseFunds).expect("opened");
    assert_ne!(funds(&mut tx, case.case_id), funds(&mut tx, other.case_id));
}

fn a_payer_has_one_sub_account_in_a_case(database: &Database) {
    let mut court = Court::open(database);
    let (case, bank_account) = (court.case(NUMBER), court.bank_account());
    let mut party =
        |role, name: &str| court.act(HANDLER, |tx, acting, _| cases::add_party(tx, acting, &case, role, name));
    let payer = party(PartyRole::Debtor, "李四").expect("adds");
    let other = party(PartyRole::Payer, "某公司").expect("adds");
    assert_eq!(code(party(PartyRole::Debtor, "李四")), "cases.party_exists");
    assert_eq!(code(party(PartyRole::Debtor, "")), "cases.party_name_empty");
    let mut open = |payer: &cases::Party, number: &str| {
        court.act(KEEPER, |tx, acting, _| cases::open_sub_account(tx, acting, &case, payer, &bank_account, number))
    };
    open(&payer, "00123").expect("opens");
    assert_eq!(code(open(&payer, "00124")), "cases.sub_account_exists");
    assert_eq!(code(open(&other, "00123")), "cases.sub_account_taken");
    assert_eq!(code(open(&other, "００124")), "cases.sub_account_number");
    open(&other, "00124").expect("opens");
}

fn gates_shut_and_open_in_turn(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let mut record = |kind, document: &str| {
        court.act(HANDLER, |tx, acting, _| {
            let document = document.to_owned();
            gates::record_event(
                tx,
                acting,
                &case,
                &CaseEvent { kind, effective_on: TODAY, reason: "".into(), document },
            )
        })
    };
    assert_eq!(code(record(CaseEventKind::Resumed, "裁定")), "gates.not_shut");
    assert_eq!(code(record(CaseEventKind::Stayed, "")), "gates.document_missing");
    record(CaseEventKind::Stayed, "（2026）浙0106执123号之一裁定").expect("records");
    assert_eq!(code(record(CaseEventKind::Stayed, "裁定")), "gates.shut_already");
    record(CaseEventKind::BankruptcyAccepted, "受理裁定").expect("records");
    record(CaseEventKind::Resumed, "恢复").expect("records");
    let mut tx = court.store.snapshot().expect("reads");
    let shut = gates::gates(&gates::events_of(&mut tx, BOOK, case.case_id).expect("reads"));
    assert_eq!(shut.iter().map(|gate| gate.kind).collect::<Vec<_>>(), [GateKind::Bankruptcy]);
    assert_eq!(shut[0].message(NUMBER).code, "gates.bankruptcy");
}

fn a_share_stays_frozen_until_it_is_lifted(database: &Database) {
    let mut court = Court::open(database);
    let (case, other) = (court.case(NUMBER), court.case("（2026）浙0106执124号"));
    let mut freeze = |share, minor, order_number: &str, ordered_by: &str| {
        court.act(HANDLER, |tx, acting, _| {
            let amount = Amount::from_minor(minor);
            let new = NewFreeze { share, amount, order_number, ordered_by, effective_on: TODAY };
            freezes::freeze_share(tx, acting, &case, &new)
        })
    };
    let order = "（2026）苏01执88号";
    assert_eq!(code(freeze(FrozenShare::Claim(1), 0, order, "南京中院")), "freezes.amount");
    assert_eq!(code(freeze(FrozenShare::Claim(1), 5, order, " ")), "freezes.court_missing");
    assert_eq!(code(freeze(FrozenShare::Claim(1), 5, "88号", "南京中院")), "cases.number_year");
    let made = freeze(FrozenShare::Claim(1), 500, order, "南京中院").expect("freezes");
    let index = FrozenShare::Document(123);
    freeze(index, 700, order, "南京中院").expect("freezes");
    let mut lift = |case: &cases::Case, document: &str| {
        court.act(HANDLER, |tx, acting, _| freezes::lift_freeze(tx, acting, case, made.freeze_id, document, TODAY))
    };
    assert_eq!(code(lift(&other, "解除")), "freezes.unknown");
    assert_eq!(code(lift(&case, "")), "gates.document_missing");
    lift(&case, "解除裁定").expect("lifts");
    assert_eq!(code(lift(&case, "解除裁定")), "freezes.lifted_already");
    assert_eq!(
        code(court.act(FINANCE, |tx, acting, _| freezes::lift_freeze(tx, acting, &case, 1, "x", TODAY))),
        "access.role_missing"
    );
    let mut tx = court.store.snapshot().expect("reads");
    let known = freezes::freezes_of(&mut tx, BOOK, case.case_id).expect("reads");
    assert_eq!(known.iter().map(|freeze| freeze.lifted_by.as_deref()).collect::<Vec<_>>(), [Some("解除裁定"), None]);
    assert_eq!(known[1].share, index);
}

/// SQLite does not count rows; without the figures that the schema sets it would read the numbers of all cases.
#[test]
fn what_belongs_to_a_case_is_read_by_its_index() {
    let mut court = Court::open(&Database::sqlite());
    let case = court.case(NUMBER);
    let mut tx = court.store.snapshot().expect("reads");
    for (index, question) in [
        (
            "case_number_by_case",
            "EXPLAIN QUERY PLAN SELECT number FROM case_number \
             WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY id",
        ),
        (
            "party_by_case",
            "EXPLAIN QUERY PLAN SELECT name FROM party \
             WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY party_id",
        ),
        (
            "claim_event_by_case",
            "EXPLAIN QUERY PLAN SELECT event FROM claim_event \
             WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND id < 9 ORDER BY id",
        ),
    ] {
        let key = [BOOK.court_id.into(), BOOK.book_id.into(), case.case_id.into()];
        let steps = tx.query(question, &key, |row| Ok(row.text(3)?.to_owned())).expect("a plan");
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
    }
}

crate::on_both!(
    a_case_is_found_by_all_its_numbers,
    a_case_has_one_control_account_of_each_kind,
    a_payer_has_one_sub_account_in_a_case,
    gates_shut_and_open_in_turn,
    a_share_stays_frozen_until_it_is_lifted,
);
