//! What is owed, performed outside the account and through it, and the certificate that all was; on both databases.

use ankuan::access::Actor;
use ankuan::audit::verify_court;
use ankuan::bank::PayeeKind as BankKind;
use ankuan::cases::gates::{CaseEvent, CaseEventKind, record_event};
use ankuan::cases::{self, Case, PartyRole};
use ankuan::claims::DocumentType;
use ankuan::documents::personal::PersonalDetail;
use ankuan::flows::undo::{Undoes, undo};
use ankuan::obligations::balance::Way;
use ankuan::obligations::closing::{Certificate, Rules, STANDARD, certificate};
use ankuan::obligations::performances::{self, Assigned, Performance, Said};
use ankuan::obligations::settlements::{self, End, Instalment, NewSettlement};
use ankuan::obligations::{self, NewObligation, Obligation};
use ankuan::payouts::runs::SourceKind;
use ankuan::payouts::sheet::{Head, PayeeKind};
use ankuan::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use ankuan::{Message, Outcome};
use ankuan_ledger::Amount;
use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::circle::{Circle, PROFILE, shown};
use crate::court::{BOOK, COURT, FINANCE, HANDLER, KEEPER, TODAY, code};
use crate::program::{CASE, Files, open_court, said as program_said, words};
use crate::support::Database;

const OTHER: &str = "（2026）浙0106执124号";
/// Day of the judgments.
pub const JUDGED: Date = date(2026, 3, 1);

pub const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

/// What tests say again and again.
pub trait Owes {
    fn party(&mut self, case: &Case, role: PartyRole, name: &str);
    fn payee(&mut self, case: &Case, kind: PayeeKind, name: &str) -> i64;
    fn owe(&mut self, new: &NewObligation<'_>) -> Outcome<Obligation>;
    fn perform(&mut self, obligation_id: i64, way: Way, amount: Amount, second: &str) -> Outcome<Performance>;
    fn open_amount(&mut self, obligation_id: i64) -> Amount;
    fn certificate(&mut self, case: &Case, on: Date) -> Certificate;
    fn refusal(&mut self, case: &Case) -> Option<Message>;
    fn pay_sheet(&mut self, case: &Case, receipt_id: i64, lines: &[(Head, i64, Amount)]) -> String;
    /// The bank debits every payment of the newest run; on a day.
    fn bank_pays(&mut self, run: &str, day: i64);
    fn today(&self) -> Date;
}

pub fn debt<'a>(case: &'a Case, creditor: &'a str, debtor: &'a str, principal: Amount) -> NewObligation<'a> {
    NewObligation {
        case,
        creditor,
        debtor,
        class: "ordinary",
        order: None,
        principal,
        interest: Amount::ZERO,
        costs: Amount::ZERO,
        document: "（2026）浙0106民初1号",
        document_on: JUDGED,
        due_on: None,
        general: None,
        payee_id: None,
    }
}

pub fn said<'a>(amount: Amount, on: Date, confirmed_by: &'a Actor) -> Said<'a> {
    Said { amount, on, evidence: "收条、笔录", confirmed_by }
}

impl Owes for Circle {
    fn party(&mut self, case: &Case, role: PartyRole, name: &str) {
        self.act(HANDLER, |tx, acting, _, _, _| cases::add_party(tx, acting, case, role, name)).expect("a party");
    }

    fn payee(&mut self, case: &Case, kind: PayeeKind, name: &str) -> i64 {
        let confirmed_by = self.court.person(KEEPER);
        let account = format!("62220200000{:08}", name.chars().map(u32::from).sum::<u32>());
        let detail = PersonalDetail {
            kind: BankKind::Person,
            payee_name: name,
            bank_name: "某银行",
            bank_code: "102100099996",
            document_number: "P00000001",
            account: &account,
            telephone: "",
        };
        let new = NewPayee {
            case,
            kind,
            name,
            document_type: DocumentType::Other,
            detail,
            basis: "收款账户确认书",
            confirmed_by: &confirmed_by,
        };
        self.act(HANDLER, |tx, acting, keys, random, _| sheets::add_payee(tx, acting, keys, random, &new))
            .expect("a payee")
            .payee_id
    }

    fn owe(&mut self, new: &NewObligation<'_>) -> Outcome<Obligation> {
        self.act(HANDLER, |tx, acting, _, _, chart| obligations::register(tx, acting, chart, new))
    }

    fn perform(&mut self, obligation_id: i64, way: Way, amount: Amount, second: &str) -> Outcome<Performance> {
        let (second, on) = (self.court.person(second), self.today());
        let said = said(amount, on, &second);
        self.act(HANDLER, |tx, acting, _, _, chart| performances::perform(tx, acting, chart, obligation_id, way, &said))
    }

    fn open_amount(&mut self, obligation_id: i64) -> Amount {
        let today = self.today();
        let mut tx = self.court.store.snapshot().expect("reads");
        performances::open_now(&mut tx, COURT, obligation_id, today).expect("reckons").1.open_total
    }

    fn certificate(&mut self, case: &Case, on: Date) -> Certificate {
        let mut tx = self.court.store.snapshot().expect("reads");
        let case = cases::case_by_id(&mut tx, BOOK, case.case_id).expect("known");
        certificate(&mut tx, COURT, &case, on).expect("draws up")
    }

    fn refusal(&mut self, case: &Case) -> Option<Message> {
        let today = self.today();
        self.certificate(case, today).refusal(&Rules::parse(STANDARD).expect("reads"))
    }

    fn pay_sheet(&mut self, case: &Case, receipt_id: i64, lines: &[(Head, i64, Amount)]) -> String {
        let line = |(head, payee_id, amount): &(Head, i64, Amount)| NewLine {
            head: *head,
            payee_id: *payee_id,
            amount: *amount,
            decision: None,
        };
        let lines: Vec<_> = lines.iter().map(line).collect();
        let sheet = self
            .act(HANDLER, |tx, acting, _, _, _| {
                sheets::record_sheet(
                    tx,
                    acting,
                    &NewSheet {
                        case,
                        source: ankuan::payouts::sheet::SheetSource::CaseFunds,
                        receipt_id,
                        lines: &lines,
                    },
                )
            })
            .expect("a sheet");
        self.send(&[(SourceKind::Sheet, sheet.sheet_id)], PROFILE)
    }

    fn bank_pays(&mut self, run: &str, day: i64) {
        run.clone_into(&mut self.run);
        let sent = self.sent();
        let lines: Vec<_> = sent.iter().map(|one| (one.key.clone(), one.amount.minor())).collect();
        let lines: Vec<_> = lines.iter().map(|(key, minor)| shown(key, -minor).key(key)).collect();
        self.bring(day, &lines);
        assert_eq!(self.reconcile().matched, lines.len() as u64);
    }

    fn today(&self) -> Date {
        TODAY.checked_add(self.day.days()).expect("a date")
    }
}

/// A case of 甲 against 乙, and one of 乙 against 甲.
fn two_cases(database: &Database) -> (Circle, Case, Case) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    let other = circle.court.case(OTHER);
    for (case, creditor, debtor) in [(&case, "甲", "乙"), (&other, "乙", "甲")] {
        circle.party(case, PartyRole::Applicant, creditor);
        circle.party(case, PartyRole::Debtor, debtor);
    }
    (circle, case, other)
}

/// A creditor who gets another account is another payee from then on: what the one before got stays paid.
fn a_new_payee_leaves_what_was_paid(database: &Database) {
    let (mut circle, case, _) = two_cases(database);
    let before = circle.payee(&case, PayeeKind::Applicant, "甲");
    let new = NewObligation { payee_id: Some(before), ..debt(&case, "甲", "乙", yuan(100)) };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    let receipt = circle.court.receive("FT-90", 9_000, Some(&case)).expect("receives").receipt().receipt_id;
    circle.bring(0, &[shown("FT-90", 9_000).name("李四")]);
    circle.reconcile();
    let run = circle.pay_sheet(&case, receipt, &[(Head::Principal, before, yuan(50))]);
    circle.bank_pays(&run, 1);
    assert_eq!(circle.open_amount(owed), yuan(50));
    let after = circle.payee(&case, PayeeKind::Applicant, "甲之代理人");
    circle.act(HANDLER, |tx, acting, _, _, _| obligations::set_payee(tx, acting, owed, after)).expect("names");
    assert_eq!(circle.open_amount(owed), yuan(50));
    let run = circle.pay_sheet(&case, receipt, &[(Head::Principal, after, yuan(40))]);
    circle.bank_pays(&run, 2);
    assert_eq!(circle.open_amount(owed), yuan(10));
}

/// 100: 30 handed over, 20 set off, 50 through the account; then nothing is open.
fn a_hundred_in_three_ways(database: &Database) {
    let (mut circle, case, other) = two_cases(database);
    let payee = circle.payee(&case, PayeeKind::Applicant, "甲");
    let new = NewObligation { payee_id: Some(payee), ..debt(&case, "甲", "乙", yuan(100)) };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    let back = circle.owe(&debt(&other, "乙", "甲", yuan(20))).expect("registers").obligation_id;
    assert_eq!(circle.refusal(&case).expect("open").code, "obligations.closing_refused");

    assert_eq!(code(circle.perform(owed, Way::Outside, yuan(30), HANDLER)), "access.second_person_same");
    assert_eq!(code(circle.perform(owed, Way::Outside, yuan(30), FINANCE)), "access.second_person_role");
    assert_eq!(code(circle.perform(owed, Way::Outside, yuan(101), KEEPER)), "obligations.exceeds_open");
    assert_eq!(code(circle.perform(owed, Way::Outside, Amount::ZERO, KEEPER)), "obligations.amount");
    assert_eq!(code(circle.perform(999, Way::Outside, yuan(1), KEEPER)), "obligations.unknown");
    circle.perform(owed, Way::Outside, yuan(30), KEEPER).expect("performs");
    assert_eq!(circle.open_amount(owed), yuan(70));

    let (second, today) = (circle.court.person(KEEPER), circle.today());
    let mut set_off = |one, other, amount| {
        let said = said(amount, today, &second);
        circle.act(HANDLER, |tx, acting, _, _, chart| performances::set_off(tx, acting, chart, (one, other), &said))
    };
    assert_eq!(code(set_off(owed, back, yuan(21))), "obligations.exceeds_open");
    assert_eq!(code(set_off(owed, owed, yuan(1))), "obligations.not_crosswise");
    let both = set_off(owed, back, yuan(20)).expect("sets off");
    assert_eq!(both[0].pair_id, Some(both[0].performance_id));
    assert_eq!(both[1].pair_id, both[0].pair_id);
    assert_eq!((circle.open_amount(owed), circle.open_amount(back)), (yuan(50), Amount::ZERO));
    // The other case is closed: nothing of it went through the account.
    assert_eq!(circle.refusal(&other), None);

    let receipt = circle.court.receive("FT-50", 5_000, Some(&case)).expect("receives").receipt().receipt_id;
    circle.bring(0, &[shown("FT-50", 5_000).name("李四")]);
    circle.reconcile();
    let refusal = circle.refusal(&case).expect("held");
    assert!(refusal.text(ankuan::Language::En).contains("in case funds C-"), "{refusal:?}");
    let run = circle.pay_sheet(&case, receipt, &[(Head::Principal, payee, yuan(50))]);
    assert_eq!(circle.open_amount(owed), yuan(50), "the bank has not debited it");
    let refusal = circle.refusal(&case).expect("on its way");
    assert!(refusal.text(ankuan::Language::En).contains("50.00 in payments on their way"), "{refusal:?}");
    circle.bank_pays(&run, 1);
    assert_eq!(circle.open_amount(owed), Amount::ZERO);
    assert_eq!(circle.refusal(&case), None);
    let today = circle.today();
    let certificate = circle.certificate(&case, today);
    let ways: Vec<_> = certificate.closed[0].reductions.iter().map(|one| (one.way, one.amount, one.done_on)).collect();
    let first = circle.date(0);
    assert_eq!(
        ways,
        [(Way::Outside, yuan(30), first), (Way::SetOff, yuan(20), first), (Way::Account, yuan(50), today)]
    );
    assert_eq!((certificate.registered, certificate.open), (yuan(100), Amount::ZERO));
    assert_eq!(certificate.digest(), circle.certificate(&case, today).digest());
    assert_ne!(certificate.digest(), circle.certificate(&case, first).digest());
    assert_eq!(circle.certificate(&case, first).open, yuan(50), "on the day before it was not");

    // The money comes back: the claim is open again, and the money is payable.
    let key = circle.sent()[0].key.clone();
    circle.bring(2, &[shown("BACK", 5_000).key(&key)]);
    assert_eq!(circle.reconcile().matched, 1);
    assert_eq!(circle.open_amount(owed), yuan(50));
    assert_eq!(circle.refusal(&case).expect("open").code, "obligations.closing_refused");
    // The match was wrong: paid after all.
    let line = circle.line("BACK");
    circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "认错")).expect("takes it back");
    assert_eq!(circle.open_amount(owed), Amount::ZERO);
    // Nothing is owed, but money is held: that alone is said.
    circle.court.receive("FT-MORE", 500, Some(&case)).expect("receives");
    let refusal = circle.refusal(&case).expect("held").text(ankuan::Language::Zh);
    assert!(refusal.contains("案款 C-") && !refusal.contains("未履行"), "{refusal}");
}

/// A paper turns out to be forged, a set-off void: both come back by counter-entries, and once only.
fn what_was_wrong_is_undone(database: &Database) {
    let (mut circle, case, other) = two_cases(database);
    let owed = circle.owe(&debt(&case, "甲", "乙", yuan(100))).expect("registers").obligation_id;
    let back = circle.owe(&debt(&other, "乙", "甲", yuan(40))).expect("registers").obligation_id;
    let outside = circle.perform(owed, Way::Outside, yuan(30), KEEPER).expect("performs").performance_id;
    let (second, today) = (circle.court.person(KEEPER), circle.today());
    let set_off = circle
        .act(HANDLER, |tx, acting, _, _, chart| {
            performances::set_off(tx, acting, chart, (owed, back), &said(yuan(40), today, &second))
        })
        .expect("sets off");
    circle.perform(owed, Way::Waived, yuan(5), KEEPER).expect("waives");
    let mut undo = |id, reason| {
        circle.act(HANDLER, |tx, acting, _, _, _| performances::undo(tx, acting, id, ("裁定", reason), &second))
    };
    assert_eq!(code(undo(outside, " ")), "obligations.text");
    assert_eq!(code(undo(999, "错")), "obligations.performance_unknown");
    assert_eq!(undo(outside, "收条系伪造").expect("takes it back").len(), 1);
    assert_eq!(code(undo(outside, "再次")), "obligations.undone_already");
    assert_eq!(undo(set_off[1].performance_id, "抵销无效").expect("takes it back").len(), 2);
    assert_eq!(code(undo(set_off[0].performance_id, "再次")), "obligations.undone_already");
    assert_eq!((circle.open_amount(owed), circle.open_amount(back)), (yuan(95), yuan(40)));
}

/// 甲 ← 乙 100 in one case, 丙 ← 甲 60 in another: 甲 gives 丙 60 of the claim on 乙.
fn three_parties(database: &Database) {
    let (mut circle, case, other) = two_cases(database);
    circle.party(&case, PartyRole::ThirdParty, "丙");
    circle.party(&other, PartyRole::Applicant, "丙");
    let due_on = Some(JUDGED);
    let new = NewObligation { due_on, ..debt(&case, "甲", "乙", yuan(10_000)) };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    let chained = circle.owe(&debt(&other, "丙", "甲", yuan(60))).expect("registers").obligation_id;
    let crosswise = circle.owe(&debt(&other, "乙", "甲", yuan(60))).expect("registers").obligation_id;
    let (second, today) = (circle.court.person(KEEPER), circle.today());
    let mut assign = |to, settles, amount| -> Outcome<Assigned> {
        let said = said(amount, today, &second);
        circle.act(HANDLER, |tx, acting, _, _, chart| {
            performances::assign(tx, acting, chart, owed, (to, None), settles, &said)
        })
    };
    assert_eq!(code(assign("甲", None, yuan(1))), "obligations.one_party");
    assert_eq!(code(assign("丁", None, yuan(1))), "cases.party_unknown");
    assert_eq!(code(assign("丙", Some(crosswise), yuan(60))), "obligations.not_triangle");
    assert_eq!(code(assign("丙", Some(chained), yuan(61))), "obligations.exceeds_open");
    let done = assign("丙", Some(chained), yuan(60)).expect("assigns");
    assert_eq!(done.obligation.assigned_by, Some(done.performance.performance_id));
    assert_eq!((done.obligation.creditor.as_str(), done.obligation.total), ("丙", yuan(60)));
    assert_eq!(done.settled.as_ref().expect("settled").pair_id, done.performance.pair_id);
    // 266 days on 10,000 × 0.0175% were 465.50; principal 60 is gone from today on.
    assert_eq!(circle.open_amount(owed), Amount::from_minor(994_000 + 46_550));
    let new = done.obligation.obligation_id;
    assert_eq!((circle.open_amount(new), circle.open_amount(chained)), (yuan(60), Amount::ZERO));
    // Doubled interest runs on for the new creditor, from the day of the assignment.
    circle.day = 100;
    assert_eq!(circle.open_amount(new), Amount::from_minor(6_000 + 105));
    let today = circle.today();
    let reduced = circle.perform(new, Way::Outside, yuan(1), KEEPER).expect("performs");
    let undo = |circle: &mut Circle, id| {
        let second = circle.court.person(KEEPER);
        circle.act(HANDLER, |tx, acting, _, _, _| performances::undo(tx, acting, id, ("裁定", "转让无效"), &second))
    };
    assert_eq!(code(undo(&mut circle, done.performance.performance_id)), "obligations.assigned_on");
    undo(&mut circle, reduced.performance_id).expect("takes it back");
    assert_eq!(undo(&mut circle, done.performance.performance_id).expect("takes it back").len(), 2);
    assert_eq!((circle.open_amount(new), circle.open_amount(chained)), (Amount::ZERO, yuan(60)));
    let days = i64::from((today - JUDGED).get_days());
    assert_eq!(circle.open_amount(owed), Amount::from_minor(1_000_000 + 175 * days));
}

/// 终本, then 执恢: the same account goes on, and interest with it; paid outside it is registered as it is met.
fn the_balance_survives_the_end_for_now(database: &Database) {
    let (mut circle, case, _) = two_cases(database);
    let new = NewObligation {
        interest: yuan(5),
        costs: yuan(2),
        due_on: Some(TODAY),
        ..debt(&case, "甲", "乙", yuan(100_000))
    };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    circle.perform(owed, Way::Outside, yuan(40_007), KEEPER).expect("performs");
    let before = circle.open_amount(owed);
    assert_eq!(before, yuan(60_000));
    circle
        .act(HANDLER, |tx, acting, _, _, _| {
            let event = CaseEvent {
                kind: CaseEventKind::Stayed,
                effective_on: acting.date,
                reason: "终结本次执行程序".into(),
                document: "（2026）浙0106执123号之一".into(),
            };
            record_event(tx, acting, &case, &event)
        })
        .expect("stays");
    circle.day = 365;
    let since = circle.today();
    let resumed = "（2027）浙0106执恢9号";
    circle.act(HANDLER, |tx, acting, _, _, _| cases::add_number(tx, acting, &case, resumed, since)).expect("resumes");
    let found = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let found = cases::find_case(&mut tx, BOOK, resumed).expect("the same case");
        obligations::of_case(&mut tx, COURT, found.case_id).expect("reads")
    };
    assert_eq!(found.iter().map(|one| one.obligation_id).collect::<Vec<_>>(), [owed]);
    // 60,000 × 0.0175% × 365.
    assert_eq!(circle.open_amount(owed), Amount::from_minor(6_000_000 + 383_250));
    let certificate = circle.certificate(&case, TODAY);
    assert_eq!((certificate.numbers.len(), certificate.open), (2, yuan(60_000)));
    let last = circle.perform(owed, Way::Outside, Amount::from_minor(6_383_250), KEEPER).expect("performs");
    assert_eq!(last.interest, Amount::from_minor(383_250), "interest that had run is registered as it is met");
    assert_eq!(circle.refusal(&case), None);
    let (second, today) = (circle.court.person(KEEPER), circle.today());
    let early = said(yuan(1), JUDGED.yesterday().expect("a day"), &second);
    let late = said(yuan(1), today.tomorrow().expect("a day"), &second);
    for (said, wanted) in [(early, "obligations.before_document"), (late, "obligations.day_ahead")] {
        let refused = circle.act(HANDLER, |tx, acting, _, _, chart| {
            performances::perform(tx, acting, chart, owed, Way::Outside, &said)
        });
        assert_eq!(code(refused), wanted);
    }
}

/// A changed amount is found, though the chain's own check of it is not asked.
fn a_changed_obligation_is_found(database: &Database) {
    let (mut circle, case, _) = two_cases(database);
    let owed = circle.owe(&debt(&case, "甲", "乙", yuan(100))).expect("registers").obligation_id;
    circle.perform(owed, Way::Outside, yuan(30), KEEPER).expect("performs");
    circle.verified();
    let mut change = |text: &'static str| {
        let mut tx = circle.court.store.begin().expect("begins");
        tx.execute(text, &[]).expect("changes");
        tx.commit().expect("commits");
        let report = verify_court(&mut circle.court.store, COURT, None, &[], &mut |_| ()).expect("verifies");
        report.checks.iter().filter(|check| !check.ok()).map(|check| check.name).collect::<Vec<_>>()
    };
    // Whoever can change the table can take its guard away first.
    if database.address.starts_with("sqlite:") {
        change("DROP TRIGGER performance_no_update");
    } else {
        change("DROP TRIGGER performance_no_change ON performance");
    }
    assert_eq!(change("UPDATE performance SET amount_minor = 2000"), ["facts", "obligations"]);
    assert!(change("UPDATE performance SET amount_minor = 3000").is_empty());
}

/// 120 open; three instalments of 30. The first is paid into the court, the second handed over, the third not: default.
fn a_settlement_is_broken_and_another_kept(database: &Database) {
    let (mut circle, case, _) = two_cases(database);
    let payee = circle.payee(&case, PayeeKind::Applicant, "甲");
    let new = NewObligation { payee_id: Some(payee), ..debt(&case, "甲", "乙", yuan(120)) };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    let (agreed_on, days) = (TODAY, [10, 20, 30].map(|day| circle.date(day)));
    let add = |circle: &mut Circle, amounts: [i64; 3]| {
        let instalments: Vec<Instalment> = days
            .iter()
            .zip(amounts)
            .map(|(due_on, amount)| Instalment { due_on: *due_on, amount: yuan(amount) })
            .collect();
        let new = NewSettlement { obligation_id: owed, document: "和解协议", agreed_on, instalments: &instalments };
        circle.act(HANDLER, |tx, acting, _, _, _| settlements::record(tx, acting, &new))
    };
    assert_eq!(code(add(&mut circle, [30, 30, 0])), "settlements.instalments");
    assert_eq!(code(add(&mut circle, [30, 30, 61])), "settlements.exceeds_open");
    let id = add(&mut circle, [30, 30, 30]).expect("records").settlement_id;
    assert_eq!(code(add(&mut circle, [1, 1, 1])), "settlements.running");
    let receipt = circle.court.receive("FT-30", 3_000, Some(&case)).expect("receives").receipt().receipt_id;
    circle.bring(0, &[shown("FT-30", 3_000).name("李四")]);
    circle.reconcile();
    let name = |circle: &mut Circle, id, amount| {
        circle.act(HANDLER, |tx, acting, _, _, _| settlements::name_receipt(tx, acting, id, receipt, amount))
    };
    assert_eq!(code(name(&mut circle, id, Some(yuan(31)))), "settlements.receipt");
    name(&mut circle, id, None).expect("names");
    assert_eq!(code(name(&mut circle, id, None)), "settlements.receipt");
    circle.day = 15;
    circle.perform(owed, Way::Outside, yuan(30), KEEPER).expect("performs");
    circle.day = 25;
    let overdue = |circle: &mut Circle| {
        let today = circle.today();
        let mut tx = circle.court.store.snapshot().expect("reads");
        let found = settlements::overdue(&mut tx, COURT, today).expect("reads");
        found.into_iter().map(|(one, stand)| (one.settlement_id, stand.instalment.due_on)).collect::<Vec<_>>()
    };
    assert_eq!(overdue(&mut circle), []);
    let end = |circle: &mut Circle, id, outcome, second: &str| {
        let second = circle.court.person(second);
        circle.act(HANDLER, |tx, acting, _, _, chart| {
            settlements::end(tx, acting, chart, id, outcome, ("恢复执行裁定", &second))
        })
    };
    assert_eq!(code(end(&mut circle, id, End::Defaulted, KEEPER)), "settlements.not_overdue");
    circle.day = 31;
    assert_eq!(overdue(&mut circle), [(id, days[2])]);
    assert_eq!(code(end(&mut circle, id, End::Performed, KEEPER)), "settlements.not_met");
    assert_eq!(code(end(&mut circle, id, End::Defaulted, HANDLER)), "access.second_person_same");
    end(&mut circle, id, End::Defaulted, KEEPER).expect("ends");
    assert_eq!(code(end(&mut circle, id, End::Defaulted, KEEPER)), "settlements.ended");
    assert_eq!(overdue(&mut circle), []);
    // The whole is enforced again, less what was paid: 30 handed over, and 30 once they are paid out.
    assert_eq!(circle.open_amount(owed), yuan(90));
    let run = circle.pay_sheet(&case, receipt, &[(Head::Principal, payee, yuan(30))]);
    circle.bank_pays(&run, 32);
    assert_eq!(circle.open_amount(owed), yuan(60));

    // Another settlement: 50 of the 60, in one; kept.
    let agreed_on = circle.today();
    let instalments = [Instalment { due_on: agreed_on, amount: yuan(50) }];
    let new =
        NewSettlement { obligation_id: owed, document: "第二份和解协议", agreed_on, instalments: &instalments };
    let id = circle.act(HANDLER, |tx, acting, _, _, _| settlements::record(tx, acting, &new)).expect("records");
    assert_eq!(id.open, yuan(60));
    circle.perform(owed, Way::Outside, yuan(50), KEEPER).expect("performs");
    assert_eq!(circle.open_amount(owed), yuan(10));
    end(&mut circle, id.settlement_id, End::Performed, KEEPER).expect("ends");
    assert_eq!(circle.open_amount(owed), Amount::ZERO);
    assert_eq!(circle.refusal(&case), None);
}

/// The same from the command line: obligations, set-off, a plan, the certificate in both languages and as JSON.
fn from_the_command_line(database: &Database) {
    let files = Files::new(1);
    open_court(&files, database);
    let done = |arguments: &[&str], who: &str| {
        let mut all = words(arguments);
        all.extend(words(&["--as", who]));
        files.done(&database.address, &all)
    };
    let refused = |arguments: &[&str], who: &str| {
        let mut all = words(arguments);
        all.extend(words(&["--as", who]));
        let output = files.run(&database.address, &all);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", program_said(&output));
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        said["error"]["code"].as_str().expect("a code").to_owned()
    };
    let handler = "钱承办";
    for (number, creditor, debtor) in [(CASE, "甲", "乙"), (OTHER, "乙", "甲")] {
        if number == OTHER {
            done(&["case", "open", number, "--title", "反向案件"], handler);
        }
        done(&["case", "party", number, "applicant", creditor], handler);
        done(&["case", "party", number, "debtor", debtor], handler);
    }
    let add = |number: &str, creditor: &str, debtor: &str, amount: &str| {
        let made = done(
            &[
                "obligation",
                "add",
                number,
                "--creditor",
                creditor,
                "--debtor",
                debtor,
                "--principal",
                amount,
                "--document",
                "（2026）浙0106民初1号",
                "--document-on",
                "2026-03-01",
                "--doubled-from",
                "2026-11-22",
            ],
            handler,
        );
        made["obligation_id"].as_i64().expect("a number").to_string()
    };
    let (owed, back) = (add(CASE, "甲", "乙", "100"), add(OTHER, "乙", "甲", "20"));
    let said = ["--evidence", "收条", "--confirmed-by", "周局长"];
    let with = |start: &[&str]| -> Vec<String> { words(&[start, &said[..]].concat()) };
    let set_off = with(&["obligation", "set-off", &owed, &back, "--amount", "20"]);
    done(&set_off.iter().map(String::as_str).collect::<Vec<_>>(), handler);
    let outside = with(&["obligation", "perform-outside", &owed, "--amount", "30"]);
    let outside = done(&outside.iter().map(String::as_str).collect::<Vec<_>>(), handler);
    assert_eq!(outside["open_minor"], 5_000);
    let shown = done(&["obligation", "show", &owed, "--on", "2026-11-22"], handler);
    assert_eq!(shown["open_principal_minor"], 5_000);
    assert_eq!(done(&["obligation", "list", CASE], handler)["obligations"][0]["open_minor"], 5_000);
    // Nothing of the other case went through the account: certified, with its digest.
    let certificate = done(&["report", "closing-certificate", OTHER], handler);
    assert_eq!((certificate["open_minor"].as_i64(), certificate["registered_minor"].as_i64()), (Some(0), Some(2_000)));
    assert_eq!(certificate["digest"].as_str().map(str::len), Some(64));
    assert!(certificate["text_zh"].as_str().is_some_and(|text| text.contains("结案") || text.contains("余额 0.00")));
    assert_eq!(refused(&["report", "closing-certificate", CASE], handler), "obligations.closing_refused");
    assert_eq!(
        refused(
            &["plan", "draft", CASE, "--receipt", "999", "--waterfall", "natural_person", "--document", "方案"],
            handler
        ),
        "sheets.receipt_elsewhere"
    );
    let payee = done(
        &[
            "payee",
            "add",
            CASE,
            "applicant",
            "甲",
            "--document-type",
            "other",
            "--document-number",
            "P1",
            "--account",
            "6222020000000001",
            "--bank",
            "某银行",
            "--bank-code",
            "102100099996",
            "--basis",
            "确认书",
            "--confirmed-by",
            "孙财务",
        ],
        handler,
    );
    let payee = payee["payee_id"].as_i64().expect("a number").to_string();
    done(&["obligation", "payee", &owed, &payee], handler);
    let receipts = done(&["case", "show", CASE], handler);
    let receipt = receipts["receipts"][0]["receipt_id"].as_i64().expect("a number").to_string();
    let plan = done(
        &["plan", "draft", CASE, "--receipt", &receipt, "--waterfall", "natural_person", "--document", "方案"],
        handler,
    );
    assert_eq!((plan["granted_minor"].as_i64(), plan["surplus_minor"].as_i64()), (Some(5_000), Some(99_995_000)));
    let plan = plan["plan_id"].as_i64().expect("a number").to_string();
    for party in ["甲", "乙"] {
        let served = done(&["plan", "serve", &plan, "--party", party], handler);
        assert_eq!(served["last_day"], "2026-12-07");
    }
    let objection = done(
        &["plan", "object", &plan, "--party", "乙", "--line", "1", "--amount", "10", "--document", "异议书"],
        handler,
    );
    let objection = objection["id"].as_i64().expect("a number").to_string();
    done(&["plan", "serve", &plan, "--party", "甲", "--objection", &objection], handler);
    assert_eq!(refused(&["plan", "settle", &plan, "--confirmed-by", "周局长"], handler), "plans.objectable");
    assert_eq!(done(&["plan", "show", &plan], handler)["objections"][0]["standing"], "may be opposed until 2026-12-07");
    let agreed =
        done(&["settlement", "add", &owed, "--document", "和解协议", "--instalment", "2026-12-31:25"], handler);
    assert_eq!((agreed["total_minor"].as_i64(), agreed["open_minor"].as_i64()), (Some(2_500), Some(5_000)));
    assert_eq!(done(&["settlement", "list"], handler)["overdue"].as_array().map(Vec::len), Some(0));
    files.verified(&database.address, &[]);
    // The form, as people read it.
    for (language, other) in [("zh", "certifies"), ("en", "截至")] {
        let all = words(&["report", "closing-certificate", OTHER, "--lang", language]);
        let command = files.command(&database.address, &all);
        let arguments: Vec<_> =
            command.get_args().filter(|argument| *argument != "--json").map(ToOwned::to_owned).collect();
        let output = std::process::Command::new(command.get_program()).args(arguments).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains(other) && text.contains("结案证明"), "{text}");
        assert!(text.contains(certificate["digest"].as_str().expect("a digest")), "{text}");
    }
}

crate::on_both!(
    a_new_payee_leaves_what_was_paid,
    a_hundred_in_three_ways,
    what_was_wrong_is_undone,
    three_parties,
    the_balance_survives_the_end_for_now,
    a_changed_obligation_is_found,
    a_settlement_is_broken_and_another_kept,
    from_the_command_line,
);
