//! What the bank's own files bring: each line once, to the account they name, into days that are open; and what a court
//! takes over from an old system before the first of them.

use std::path::PathBuf;

use ankuan::receipts::opening::{self, import_opening};
use ankuan::statements::days::DayStep;
use ankuan::statements::{balance, notes};
use ankuan::{Outcome, flows};
use ankuan_ledger::Amount;

use crate::circle::{Circle, shown, yuan};
use crate::court::{ACCOUNT, BOOK, COURT, FINANCE, HANDLER, KEEPER, NUMBER, code};
use crate::support::Database;

/// The same money under one reference, in the statement of the day, in that of the week and announced during the day, is
/// one line; under another day it is told to a person.
fn the_same_money_is_one_line(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let entry = |reference: &str, minor: i64| {
        format!(
            "<Ntry><Amt Ccy=\"CNY\">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt>\
             <Dt>2026-11-22</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>",
            yuan(minor)
        )
    };
    let intraday = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.052.001.08\">\
         <BkToCstmrAcctRpt><GrpHdr><MsgId>I1</MsgId><CreDtTm>2026-11-22T12:00:00</CreDtTm></GrpHdr><Rpt><Id>I1</Id>\
         <Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>{}{}</Rpt></BkToCstmrAcctRpt></Document>",
        entry("S1", 700),
        entry("GONE", 11)
    );
    let path = circle.write_file("intraday.xml", &intraday);
    circle.import(FINANCE, &path).expect("an intraday statement");
    // What is announced is not there yet.
    let matched = circle.reconcile();
    assert_eq!((matched.lines, matched.matched), (0, 0));
    let lines = [shown("S1", 700).name("王五"), shown("S2", 800).name("王五")];
    circle.bring(0, &lines);
    circle.reconcile();
    let first = circle.state();
    // The week's statement shows both again, in other words, and one that is new.
    let (from, to) = (circle.date(0), circle.date(1));
    let week = [lines[1].remark("另一种写法").on(from), lines[0].on(from), shown("S3", 900).on(to)];
    let path = circle.write_statement(ACCOUNT, (from, to), 0, &week);
    let imported = circle.import(FINANCE, &path).expect("a statement").statements;
    assert_eq!((imported[0].entry_count, imported[0].new_count), (3, 1));
    assert_eq!(circle.open_lines(), ["S3"]);
    assert_eq!(circle.receipts().len(), 2);
    assert_eq!(first.open, [], "{first:?}");
    // What was announced and never came is told; what came is not.
    let missing: Vec<String> = {
        let account = circle.court.bank_account().bank_account_id;
        let mut tx = circle.court.store.snapshot().expect("reads");
        let missing = balance::provisional_missing(&mut tx, COURT, account).expect("reads");
        missing.into_iter().map(|line| line.bank_reference).collect()
    };
    assert_eq!(missing, ["GONE"]);
    // The same reference and sum on another day: perhaps the same money, says the worklist, and nothing is posted.
    circle.day = 2;
    let (day, holds) = (circle.date(2), 700 + 800 + 900);
    let path = circle.write_statement(ACCOUNT, (day, day), holds, &[shown("S1", 700).name("王五")]);
    circle.import(FINANCE, &path).expect("a statement");
    let matched = circle.reconcile();
    let why: Vec<_> = matched.left.iter().map(|left| (left.line.bank_reference.as_str(), left.why[0].code)).collect();
    assert_eq!(why, [("S1", "flows.reference_taken")]);
    assert_eq!(circle.receipts().len(), 3, "S1, S2 and S3");
}

/// Receipts recorded by hand under a reference are what the statement shows under it, not new money beside it.
fn recorded_by_hand_and_shown_by_the_bank_is_one(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    circle.court.receive("R1", 700, Some(&case)).expect("records");
    circle.court.receive("R2", 800, None).expect("records");
    circle.bring(0, &[shown("R1", 700), shown("R2", 801)]);
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.receipts.count, matched.unattributed.count), (1, 0, 0), "{matched:?}");
    assert_eq!(circle.open_lines(), ["R2"]);
    assert_eq!(circle.receipts().len(), 2);
}

/// A statement goes to the account that it names, of which another may be the beginning.
fn one_number_may_begin_another(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let longer = circle.court.open_account("12020200099001");
    let first = circle.court.bank_account();
    let date = circle.date(0);
    let write = |circle: &mut Circle, number: &str, reference: &str| -> PathBuf {
        circle.write_statement(number, (date, date), 0, &[shown(reference, 100)])
    };
    for (number, wanted) in [
        ("12020200099001", longer.bank_account_id),
        (ACCOUNT, first.bank_account_id),
        // Branch, currency and spaces are the bank's way of writing.
        ("0579/1202020009900", first.bank_account_id),
        ("1202020009900CNY", first.bank_account_id),
        ("1202 0200 0990 01", longer.bank_account_id),
    ] {
        let path = write(&mut circle, number, &format!("R{}", number.len()));
        let imported = circle.import(FINANCE, &path).expect(number);
        assert_eq!(imported.statements[0].bank_account_id, wanted, "{number}");
    }
    for number in ["120202000990", "12020200099", "120202000990012", "2020009900", "12020200099002", "9900CNY"] {
        let path = write(&mut circle, number, "X");
        assert_eq!(code(circle.import(FINANCE, &path)), "statements.account_unknown", "{number}");
    }
    // Without a number, somebody has to say which of the two.
    let path = write(&mut circle, "", "Y");
    assert_eq!(code(circle.import(FINANCE, &path)), "statements.account_missing");
}

/// What is signed off does not change: a new line in a closed day is refused with its whole file, a known one is known.
fn a_closed_day_takes_no_lines(database: &Database) {
    let mut circle = Circle::without_payout(database);
    circle.bring(0, &[shown("A", 100)]);
    circle.bring(1, &[shown("B", 200)]);
    circle.reconcile();
    circle.close_day(0);
    let (from, to) = (circle.date(0), circle.date(1));
    let known = [shown("A", 100).on(from), shown("B", 200).on(to), shown("C", 300).on(to)];
    let before = circle.state();
    let late = [known[0], shown("LATE", 5).on(from), known[1]];
    let path = circle.write_statement(ACCOUNT, (from, to), 0, &late);
    assert_eq!(code(circle.import(FINANCE, &path)), "statements.day_closed");
    assert_eq!(circle.state(), before);
    let path = circle.write_statement(ACCOUNT, (from, to), 0, &known);
    assert_eq!(circle.import(FINANCE, &path).expect("a statement").statements[0].new_count, 1);
    // Nor is a match of the day taken back, nor the day prepared once more.
    assert_eq!(code(circle.undo("A")), "signoff.day_closed");
    assert_eq!(code(circle.sign(KEEPER, 0, DayStep::Prepared)), "signoff.day_closed");
    // Opened again, it takes the line.
    circle.reopen(FINANCE, 0, "银行补送流水").expect("asks");
    circle.reopen(crate::court::HEAD, 0, "").expect("agrees");
    let path = circle.write_statement(ACCOUNT, (from, to), 0, &late);
    assert_eq!(circle.import(FINANCE, &path).expect("a statement").statements[0].new_count, 1);
}

/// Records an opening list on the day before the first.
fn take_over(circle: &mut Circle, day: i64, balance: i64, rows: &str) -> Outcome<opening::Imported> {
    let text = format!("银行流水号,金额,到账日期,案号,付款人\r\n{rows}");
    let path = circle.write_file("opening.csv", &text);
    let (account, day) = (circle.court.bank_account(), circle.date(day));
    circle.act(FINANCE, |tx, acting, keys, random, chart| {
        let balance = Amount::from_minor(balance);
        import_opening(
            tx,
            acting,
            chart,
            keys,
            random,
            &opening::Import { path: &path, account: &account, day, balance },
        )
    })
}

fn note(circle: &mut Circle, who: &str, item_id: i64, text: &str) -> Outcome<()> {
    let owner = circle.court.person(KEEPER);
    circle.act(who, |tx, acting, _, _, _| notes::note(tx, acting, item_id, &owner, (text, "函"), true))
}

/// Open items that are no line of the bank are taken on by somebody as well: a receipt recorded by hand, what an opening
/// list does not explain.
fn receipts_and_openings_are_explained(database: &Database) {
    let mut circle = Circle::without_payout(database);
    // The bank holds one yuan more than the list says.
    let rows = format!("OLD1,3.00,2025-01-02,{NUMBER},李四\r\nOLD2,4.00,2025-03-04,,\r\n");
    let taken = take_over(&mut circle, -1, 800, &rows).expect("takes over");
    assert_eq!((taken.items, taken.difference.minor(), taken.differences.len()), (2, 100, 1));
    let case = circle.case.clone();
    let hand = circle.court.receive("HAND", 50, Some(&case)).expect("records").receipt().receipt_id;
    circle.bank_holds = 800;
    circle.bring(0, &[shown("A", 100)]);
    circle.reconcile();
    let found = circle.statement(0);
    assert!(found.ties(), "{found:#?}");
    assert_eq!((found.items.len(), found.unexplained()), (2, 2), "{found:#?}");
    assert_eq!(code(circle.sign(KEEPER, 0, DayStep::Prepared)), "signoff.unexplained");
    let opening = found.items.iter().find_map(|item| item.receipt_id.filter(|id| *id != hand)).expect("the opening");
    assert_eq!(code(note(&mut circle, FINANCE, 999_999, "在查")), "statements.item_unknown");
    assert_eq!(code(note(&mut circle, FINANCE, hand, " ")), "signoff.note_missing");
    assert_eq!(code(note(&mut circle, HANDLER, hand, "在查")), "access.role_missing");
    note(&mut circle, FINANCE, opening, "旧系统漏记").expect("notes");
    assert_eq!(circle.statement(0).unexplained(), 1);
    note(&mut circle, FINANCE, hand, "银行次日入账").expect("notes");
    let found = circle.statement(0);
    assert_eq!((found.items.len(), found.unexplained()), (2, 0), "{found:#?}");
    circle.close_day(0);
}

/// An opening list stands before everything else: over receipts, lines or another list it is refused.
fn an_opening_comes_first(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    circle.court.receive("OLD1", 300, Some(&case)).expect("records");
    let rows = "OLD1,3.00,2025-01-02,,\r\n";
    assert_eq!(code(take_over(&mut circle, -1, 300, rows)), "opening.has_receipts");
    // Another reference does not help: whatever was recorded before may stand in the list under any.
    assert_eq!(code(take_over(&mut circle, -1, 300, "OLD9,3.00,2025-01-02,,\r\n")), "opening.has_receipts");
    assert_eq!(circle.receipts().len(), 1);
}

fn an_opening_is_taken_once_and_bounds_the_statements(database: &Database) {
    let mut circle = Circle::without_payout(database);
    circle.bring(1, &[shown("A", 100)]);
    let rows = "OLD1,3.00,2025-01-02,,\r\n";
    assert_eq!(code(take_over(&mut circle, 1, 300, rows)), "opening.has_lines");
    assert_eq!(code(take_over(&mut circle, 5, 300, rows)), "opening.has_lines");
    take_over(&mut circle, 0, 300, rows).expect("takes over");
    assert_eq!(code(take_over(&mut circle, 0, 300, rows)), "opening.already");
    // A statement of that day or before would bring the same money again.
    let date = circle.date(0);
    let path = circle.write_statement(ACCOUNT, (date, date), 0, &[shown("OLD1", 300)]);
    assert_eq!(code(circle.import(FINANCE, &path)), "statements.before_opening");
    assert_eq!(circle.receipts().len(), 1);
    let mut tx = circle.court.store.snapshot().expect("reads");
    assert_eq!(flows::standing_unattributed(&mut tx, COURT).expect("reads").len(), 1);
    assert_eq!(ankuan::receipts::receipts(&mut tx, BOOK).expect("reads")[0].bank_reference, "OLD1");
}

crate::on_both!(
    the_same_money_is_one_line,
    recorded_by_hand_and_shown_by_the_bank_is_one,
    one_number_may_begin_another,
    a_closed_day_takes_no_lines,
    receipts_and_openings_are_explained,
    an_opening_comes_first,
    an_opening_is_taken_once_and_bounds_the_statements,
);
