//! Plans with objections: the undisputed part first, the disputed part set aside and then paid or given back.

use ankuan::calculators::terms::{self, Terms};
use ankuan::calculators::waterfall::{self, Waterfalls};
use ankuan::calendar::Calendar;
use ankuan::cases::{Case, PartyRole};
use ankuan::obligations::NewObligation;
use ankuan::obligations::balance::Way;
use ankuan::obligations::plan_rules::{Basis, Fact};
use ankuan::obligations::plans::{self, Decision, NewPlan, Plan, Recorded, Settled};
use ankuan::payouts::release;
use ankuan::payouts::runs::{self, SourceKind};
use ankuan::payouts::sheet::PayeeKind;
use ankuan::payouts::sheets::Sheet;
use ankuan::report::case_comparison::case_comparison;
use ankuan::{Outcome, report};
use ankuan_ledger::Amount;
use jiff::civil::date;

use crate::circle::{Circle, PROFILE, shown};
use crate::court::{BOOK, COURT, FINANCE, HANDLER, HEAD, KEEPER, code};
use crate::obligations::{Owes, debt, yuan};
use crate::support::Database;

/// 乙 owes 甲 600, 丙 600 and 丁 200; 700 has come in. Pro rata: 300, 300, 100.
struct Desk {
    circle: Circle,
    case: Case,
    receipt: i64,
    owed: Vec<i64>,
}

const CREDITORS: [(&str, i64); 3] = [("甲", 600), ("丙", 600), ("丁", 200)];

impl Desk {
    fn open(database: &Database, pot: i64) -> Self {
        let mut circle = Circle::without_payout(database);
        let case = circle.case.clone();
        circle.party(&case, PartyRole::Debtor, "乙");
        let mut owed = Vec::new();
        for (creditor, amount) in CREDITORS {
            circle.party(&case, PartyRole::Applicant, creditor);
            let payee = circle.payee(&case, PayeeKind::Applicant, creditor);
            let new = NewObligation { payee_id: Some(payee), ..debt(&case, creditor, "乙", yuan(amount)) };
            owed.push(circle.owe(&new).expect("registers").obligation_id);
        }
        let receipt = circle.court.receive("POT", pot * 100, Some(&case)).expect("receives").receipt().receipt_id;
        circle.bring(0, &[shown("POT", pot * 100).name("李四")]);
        circle.reconcile();
        Self { circle, case, receipt, owed }
    }

    fn draft(&mut self, waterfall: &str) -> Outcome<Plan> {
        let (case, receipt_id) = (self.case.clone(), self.receipt);
        self.draft_with(&case, receipt_id, waterfall, &[])
    }

    fn draft_with(&mut self, case: &Case, receipt_id: i64, waterfall: &str, also: &[(i64, i64)]) -> Outcome<Plan> {
        let waterfalls = Waterfalls::parse(waterfall::STANDARD).expect("reads");
        let terms = Terms::parse(terms::STANDARD).expect("reads");
        let document = "（2026）浙0106执123号分配方案";
        let (waterfalls, terms) = (&waterfalls, &terms);
        let new = NewPlan { case, receipt_id, waterfall, waterfalls, terms, document, also };
        self.circle.act(HANDLER, |tx, acting, _, _, _| plans::draft(tx, acting, &new))
    }

    fn said<'a>(&self, plan_id: i64, party: &'a str, objection_id: Option<i64>) -> Recorded<'a> {
        Recorded { plan_id, party, objection_id, on: self.circle.today(), document: "送达回证、异议书" }
    }

    fn serve(&mut self, plan_id: i64, party: &str, objection_id: Option<i64>) -> Outcome<Fact> {
        let said = self.said(plan_id, party, objection_id);
        let terms = Terms::parse(terms::STANDARD).expect("reads");
        let calendar = Calendar::weekends_only();
        self.circle.act(HANDLER, |tx, acting, _, _, _| plans::serve(tx, acting, &said, &terms, &calendar))
    }

    fn serve_all(&mut self, plan_id: i64) {
        for party in ["甲", "乙", "丙", "丁"] {
            self.serve(plan_id, party, None).expect("serves");
        }
    }

    fn object(&mut self, plan_id: i64, party: &str, line: i64, amount: Amount) -> Outcome<Fact> {
        let said = self.said(plan_id, party, None);
        self.circle.act(HANDLER, |tx, acting, _, _, _| plans::object(tx, acting, &said, line, amount))
    }

    fn answer(&mut self, plan_id: i64, party: &str, objection: i64, is_suit: bool) -> Outcome<Fact> {
        let said = self.said(plan_id, party, Some(objection));
        self.circle.act(HANDLER, |tx, acting, _, _, _| plans::answer(tx, acting, &said, is_suit))
    }

    fn settle(&mut self, plan_id: i64, second: &str) -> Outcome<Settled> {
        let (case, second) = (self.case.clone(), self.circle.court.person(second));
        self.circle.act(HANDLER, |tx, acting, _, _, chart| plans::settle(tx, acting, chart, &case, plan_id, &second))
    }

    fn decide(
        &mut self,
        (plan_id, objection_id): (i64, i64),
        basis: Basis,
        pay: Option<Amount>,
    ) -> Outcome<(Fact, Option<Sheet>)> {
        let (case, second) = (self.case.clone(), self.circle.court.person(HEAD));
        let new = Decision { plan_id, objection_id, basis, pay, document: "民事判决书", confirmed_by: &second };
        self.circle.act(HANDLER, |tx, acting, _, _, chart| plans::decide(tx, acting, chart, &case, &new))
    }

    /// Puts a sheet in a run and lets the bank debit it.
    fn pay(&mut self, sheet: &Sheet) -> String {
        let run = self.circle.send(&[(SourceKind::Sheet, sheet.sheet_id)], PROFILE);
        let day = self.circle.day + 1;
        self.circle.bank_pays(&run, day);
        run
    }

    /// What the case holds: case funds, payable, set aside.
    fn held(&mut self) -> [i64; 3] {
        let case_id = self.case.case_id;
        let mut tx = self.circle.court.store.snapshot().expect("reads");
        let accounts = report::accounts(&mut tx, BOOK).expect("reads");
        ["C", "P", "X"].map(|kind| {
            let code = format!("{kind}-{case_id}");
            accounts.iter().find(|one| one.code == code).expect("opened").posted.minor() / 100
        })
    }

    fn open_amounts(&mut self) -> Vec<i64> {
        let owed = self.owed.clone();
        owed.into_iter().map(|id| self.circle.open_amount(id).minor() / 100).collect()
    }

    fn comparison_agrees(&mut self) {
        let mut tx = self.circle.court.store.snapshot().expect("reads");
        for (from, until) in [
            (date(2026, 11, 1), date(2026, 11, 30)),
            (date(2026, 12, 1), date(2026, 12, 31)),
            (date(2027, 1, 1), date(2027, 1, 31)),
        ] {
            let months = case_comparison(&mut tx, COURT, (from, until)).expect("compares");
            assert!(months.iter().all(|month| month.agrees()), "{months:?}");
        }
    }
}

fn without_objection_the_whole_is_paid(database: &Database) {
    let mut desk = Desk::open(database, 700);
    assert_eq!(code(desk.draft("company")), "calc.order_missing");
    let plan = desk.draft("natural_person").expect("drafts");
    let id = plan.plan_id;
    let shares: Vec<_> = plan.lines.iter().map(|line| (line.creditor.as_str(), line.share)).collect();
    assert_eq!(shares, [("甲", yuan(300)), ("丙", yuan(300)), ("丁", yuan(100))]);
    assert_eq!((plan.pot, plan.granted, plan.surplus), (yuan(700), yuan(700), Amount::ZERO));
    assert_eq!(plan.parties, ["丁", "丙", "乙", "甲"]);
    assert_eq!(code(desk.draft("natural_person")), "plans.open_plan");
    assert_eq!(code(desk.settle(id, KEEPER)), "plans.unserved");
    assert_eq!(code(desk.serve(id, "戊", None)), "plans.party_unknown");
    desk.serve_all(id);
    // Served on 22 November: fifteen days end on Monday, 7 December.
    let last = desk.serve(id, "甲", None).expect("serves again").last_day;
    assert_eq!(last, Some(date(2026, 12, 7)));
    desk.circle.day = 15;
    assert_eq!(code(desk.settle(id, KEEPER)), "plans.objectable");
    desk.circle.day = 16;
    assert_eq!(code(desk.object(id, "甲", 2, yuan(1))), "plans.late");
    assert_eq!(code(desk.settle(id, HANDLER)), "access.second_person_same");
    assert_eq!(code(desk.settle(id, FINANCE)), "access.second_person_role");
    let settled = desk.settle(id, KEEPER).expect("settles");
    assert_eq!((settled.paid, settled.set_aside.len()), (yuan(700), 0));
    assert_eq!(code(desk.settle(id, KEEPER)), "plans.settled");
    assert_eq!(desk.held(), [700, 0, 0], "a sheet moves nothing");
    desk.pay(&settled.sheet.expect("a sheet"));
    assert_eq!(desk.held(), [0, 0, 0]);
    assert_eq!(desk.open_amounts(), [300, 300, 100]);
    desk.comparison_agrees();
}

fn the_undisputed_part_is_paid_first(database: &Database) {
    let mut desk = Desk::open(database, 700);
    let id = desk.draft("natural_person").expect("drafts").plan_id;
    desk.serve_all(id);
    assert_eq!(code(desk.object(id, "甲", 9, yuan(1))), "plans.line_unknown");
    assert_eq!(code(desk.object(id, "甲", 2, yuan(301))), "plans.exceeds_line");
    // 甲: 丙 is owed 100 less. 丁: so is 甲, by 50. 丙 says that 丁's whole share is wrong, and takes it back later.
    let one = desk.object(id, "甲", 2, yuan(100)).expect("objects").id;
    assert_eq!(code(desk.object(id, "丁", 2, yuan(201))), "plans.exceeds_line");
    let two = desk.object(id, "丁", 1, yuan(50)).expect("objects").id;
    let three = desk.object(id, "丙", 3, yuan(100)).expect("objects").id;
    assert_eq!(code(desk.answer(id, "丙", one, false)), "plans.not_told");
    assert_eq!(code(desk.serve(id, "甲", Some(one))), "plans.not_opposed");
    desk.circle.day = 1;
    for (objection, parties) in [(one, ["乙", "丙", "丁"]), (two, ["甲", "乙", "丙"]), (three, ["甲", "乙", "丁"])]
    {
        for party in parties {
            let told = desk.serve(id, party, Some(objection)).expect("tells");
            assert_eq!(told.last_day, Some(date(2026, 12, 8)));
        }
    }
    assert_eq!(code(desk.answer(id, "甲", one, false)), "plans.own_objection");
    desk.answer(id, "丙", one, false).expect("opposes");
    desk.answer(id, "丁", three, false).expect("opposes");
    desk.circle.day = 2;
    let told = desk.serve(id, "甲", Some(one)).expect("tells");
    assert_eq!(told.last_day, Some(date(2026, 12, 9)));
    desk.serve(id, "丙", Some(three)).expect("tells");
    desk.answer(id, "甲", one, true).expect("sues");
    assert_eq!(code(desk.decide((id, one), Basis::Lapsed, None)), "plans.basis");
    assert_eq!(code(desk.decide((id, three), Basis::Lapsed, None)), "plans.basis");
    desk.circle.day = 16;
    assert_eq!(code(desk.decide((id, two), Basis::Unopposed, None)), "plans.basis");
    let settled = desk.settle(id, KEEPER).expect("settles");
    assert_eq!(settled.paid, yuan(450));
    assert_eq!(settled.set_aside, [(two, yuan(50)), (one, yuan(100)), (three, yuan(100))]);
    assert_eq!(desk.held(), [450, 0, 250]);
    desk.pay(&settled.sheet.expect("a sheet"));
    assert_eq!(desk.held(), [0, 0, 250]);
    assert_eq!(desk.open_amounts(), [600 - 250, 600 - 200, 200]);
    desk.comparison_agrees();

    // Nobody opposed 丁: the 50 go back to be distributed. The judgment gives 丙 70 of 100. 丙 takes the third back.
    desk.circle.day = 20;
    assert_eq!(code(desk.decide((id, two), Basis::Judgment, Some(yuan(1)))), "plans.basis");
    assert_eq!(code(desk.decide((id, one), Basis::Judgment, Some(yuan(101)))), "plans.pay");
    assert_eq!(code(desk.decide((id, one), Basis::Judgment, None)), "plans.pay");
    let (fact, sheet) = desk.decide((id, two), Basis::Unopposed, None).expect("decides");
    assert_eq!((fact.amount, fact.rest, sheet), (Some(Amount::ZERO), Some(yuan(50)), None));
    assert_eq!(desk.held(), [50, 0, 200]);
    assert_eq!(code(desk.decide((id, two), Basis::Unopposed, None)), "plans.decided_already");
    let (fact, sheet) = desk.decide((id, one), Basis::Judgment, Some(yuan(70))).expect("decides");
    assert_eq!((fact.amount, fact.rest), (Some(yuan(70)), Some(yuan(30))));
    assert_eq!(desk.held(), [80, 0, 170], "what is paid leaves when its run is committed");
    let of_judgment = sheet.expect("a sheet");
    desk.pay(&of_judgment);
    assert_eq!(desk.held(), [80, 0, 100]);
    let (_, sheet) = desk.decide((id, three), Basis::Withdrawn, None).expect("decides");
    desk.pay(&sheet.expect("a sheet"));
    assert_eq!(desk.held(), [80, 0, 0]);
    assert_eq!(desk.open_amounts(), [350, 330, 100]);
    desk.comparison_agrees();
    // What went back is distributed anew.
    let again = desk.draft("natural_person").expect("drafts");
    assert_eq!((again.pot, again.granted), (yuan(80), yuan(80)));
}

/// A run with money that was set aside is withdrawn: it is set aside again.
fn a_withdrawn_run_gives_back_what_was_set_aside(database: &Database) {
    let mut desk = Desk::open(database, 700);
    let id = desk.draft("natural_person").expect("drafts").plan_id;
    desk.serve_all(id);
    let objection = desk.object(id, "甲", 2, yuan(100)).expect("objects").id;
    desk.circle.day = 16;
    desk.settle(id, KEEPER).expect("settles");
    let (_, sheet) = desk.decide((id, objection), Basis::Withdrawn, None).expect("decides");
    let sheet_id = sheet.expect("a sheet").sheet_id;
    let bank_account_id = desk.circle.court.bank_account().bank_account_id;
    let sources = [(SourceKind::Sheet, sheet_id)];
    let new =
        ankuan::payouts::runs::NewRun { title: "争议款", bank_account_id, profile: PROFILE, sources: &sources };
    let run = desk
        .circle
        .act(HANDLER, |tx, acting, _, _, _| Ok(ankuan::payouts::runs::draft(tx, acting, &new)?.number))
        .expect("drafts");
    desk.circle.act(HANDLER, |tx, acting, _, _, _| ankuan::payouts::runs::submit(tx, acting, &run)).expect("submits");
    for who in [FINANCE, HEAD] {
        desk.circle
            .act(who, |tx, acting, _, _, _| ankuan::payouts::runs::approve(tx, acting, &run, None, None))
            .expect("approves");
    }
    desk.circle
        .act(KEEPER, |tx, acting, _, _, _| ankuan::payouts::commit::commit(tx, acting, &run, &mut |_| ()))
        .expect("commits");
    assert_eq!(desk.held(), [600, 100, 0]);
    desk.circle
        .act(KEEPER, |tx, acting, _, _, _| release::withdraw(tx, acting, &run, "收款人有误"))
        .expect("withdraws");
    assert_eq!(desk.held(), [600, 0, 100]);
    desk.comparison_agrees();
    // The same on a new sheet, and once only.
    let case = desk.case.clone();
    let again = |desk: &mut Desk, objection| {
        let second = desk.circle.court.person(KEEPER);
        desk.circle.act(HANDLER, |tx, acting, _, _, _| plans::pay_again(tx, acting, &case, (id, objection), &second))
    };
    assert_eq!(code(again(&mut desk, None)), "plans.not_withdrawn");
    let sheet = again(&mut desk, Some(objection)).expect("pays again");
    assert_eq!(code(again(&mut desk, Some(objection))), "plans.not_withdrawn");
    desk.pay(&sheet);
    assert_eq!(desk.held(), [600, 0, 0]);
    assert_eq!(desk.open_amounts(), [600, 500, 200]);
    desk.comparison_agrees();
}

/// What was performed otherwise after the draft is not paid a second time.
fn a_stale_plan_is_not_settled(database: &Database) {
    let mut desk = Desk::open(database, 700);
    let id = desk.draft("natural_person").expect("drafts").plan_id;
    desk.serve_all(id);
    desk.circle.day = 16;
    desk.circle.perform(desk.owed[2], Way::Outside, yuan(150), KEEPER).expect("performs");
    assert_eq!(code(desk.settle(id, KEEPER)), "plans.stale");
    desk.circle.act(HANDLER, |tx, acting, _, _, _| plans::cancel(tx, acting, id, "撤销通知")).expect("cancels");
    assert_eq!(code(desk.settle(id, KEEPER)), "plans.cancelled");
    let again = desk.draft("natural_person").expect("drafts");
    let shares: Vec<_> = again.lines.iter().map(|line| line.share.minor()).collect();
    assert_eq!(shares, [33_600, 33_600, 2_800], "600, 600 and 50 of 1,250");
}

/// Two plans of two receipts, drafted before either was paid, do not pay the same debt twice: what one has promised is not
/// open for the other, whether it is on a sheet or set aside.
fn two_plans_do_not_pay_a_debt_twice(database: &Database) {
    let mut desk = Desk::open(database, 700);
    let case = desk.case.clone();
    let second = desk.circle.court.receive("POT-2", 100_000, Some(&case)).expect("receives").receipt().receipt_id;
    desk.circle.bring(1, &[shown("POT-2", 100_000).name("李四")]);
    desk.circle.reconcile();
    let one = desk.draft("natural_person").expect("drafts").plan_id;
    let two = desk.draft_with(&case, second, "natural_person", &[]).expect("drafts").plan_id;
    for plan in [one, two] {
        desk.serve_all(plan);
    }
    let objection = desk.object(one, "甲", 2, yuan(300)).expect("objects").id;
    desk.circle.day = 20;
    let settled = desk.settle(one, KEEPER).expect("settles");
    assert_eq!((settled.paid, settled.set_aside), (yuan(400), vec![(objection, yuan(300))]));
    assert_eq!(code(desk.settle(two, KEEPER)), "plans.stale");
    desk.pay(&settled.sheet.expect("a sheet"));
    assert_eq!(code(desk.settle(two, KEEPER)), "plans.stale");
    desk.circle.act(HANDLER, |tx, acting, _, _, _| plans::cancel(tx, acting, two, "撤销通知")).expect("cancels");
    // Drafted anew, it leaves what is set aside for 丙 out.
    let three = desk.draft_with(&case, second, "natural_person", &[]).expect("drafts");
    let shares: Vec<_> = three.lines.iter().map(|line| line.share).collect();
    assert_eq!((shares, three.surplus), (vec![yuan(300), yuan(300), yuan(100)], yuan(300)));
    desk.serve_all(three.plan_id);
    desk.circle.day = 40;
    let settled = desk.settle(three.plan_id, KEEPER).expect("settles");
    desk.pay(&settled.sheet.expect("a sheet"));
    let (_, sheet) = desk.decide((one, objection), Basis::Withdrawn, None).expect("decides");
    desk.pay(&sheet.expect("a sheet"));
    assert_eq!(desk.open_amounts(), [0, 0, 0]);
    assert_eq!(desk.held(), [300, 0, 0]);
}

/// What was set aside lies in one bank account, and a run that pays from another does not take it.
fn set_aside_money_is_paid_from_its_own_bank_account(database: &Database) {
    let mut desk = Desk::open(database, 700);
    let id = desk.draft("natural_person").expect("drafts").plan_id;
    desk.serve_all(id);
    let objection = desk.object(id, "甲", 2, yuan(100)).expect("objects").id;
    desk.circle.day = 16;
    desk.settle(id, KEEPER).expect("settles");
    let (_, sheet) = desk.decide((id, objection), Basis::Withdrawn, None).expect("decides");
    let sources = [(SourceKind::Sheet, sheet.expect("a sheet").sheet_id)];
    let bank_account_id = desk.circle.court.open_account("3301040160099999999").bank_account_id;
    let new = runs::NewRun { title: "争议款", bank_account_id, profile: PROFILE, sources: &sources };
    let run =
        desk.circle.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
    desk.circle.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, &run)).expect("submits");
    for who in [FINANCE, HEAD] {
        desk.circle.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, &run, None, None)).expect("approves");
    }
    let committed = desk
        .circle
        .act(KEEPER, |tx, acting, _, _, _| ankuan::payouts::commit::commit(tx, acting, &run, &mut |_| ()).map(drop));
    assert_eq!(code(committed), "payouts.case_money_short");
}

/// Money debts first, doubled interest of all after them, and what is left stays; an obligation of another case takes part.
fn doubled_interest_comes_after_all_money_debts(database: &Database) {
    let mut desk = Desk::open(database, 1_500);
    let other = desk.circle.court.case("（2026）浙0106执200号");
    for (role, name) in [(PartyRole::Applicant, "戊"), (PartyRole::Debtor, "乙")] {
        desk.circle.party(&other, role, name);
    }
    let new = NewObligation { due_on: Some(date(2026, 10, 13)), ..debt(&other, "戊", "乙", yuan(50)) };
    let theirs = desk.circle.owe(&new).expect("registers").obligation_id;
    let case = desk.case.clone();
    let payee = desk.circle.payee(&case, PayeeKind::Applicant, "戊");
    let receipt = desk.receipt;
    assert_eq!(code(desk.draft_with(&case, receipt, "natural_person", &[(desk.owed[0], payee)])), "plans.also_own");
    let plan = desk.draft_with(&case, receipt, "natural_person", &[(theirs, payee)]).expect("drafts");
    // 50 for 40 days: 0.35.
    let last = plan.lines.last().expect("a line");
    assert_eq!(
        (last.share, last.doubled, last.doubled_share),
        (yuan(50), Amount::from_minor(35), Amount::from_minor(35))
    );
    assert_eq!(plan.surplus, Amount::from_minor(150_000 - 145_035));
    for party in ["甲", "乙", "丙", "丁", "戊"] {
        desk.serve(plan.plan_id, party, None).expect("serves");
    }
    desk.circle.day = 16;
    let settled = desk.settle(plan.plan_id, KEEPER).expect("settles");
    desk.pay(&settled.sheet.expect("a sheet"));
    assert_eq!(desk.open_amounts(), [0, 0, 0]);
    // Paid in the other case, of which nothing is held; interest stopped when the money came in, not when it was paid out.
    assert_eq!(desk.circle.open_amount(theirs), Amount::ZERO);
    assert_eq!(desk.circle.refusal(&other), None);
    let refusal = desk.circle.refusal(&case).expect("the surplus is held");
    assert!(refusal.text(ankuan::Language::En).contains("49.65"), "{refusal:?}");
}

crate::on_both!(
    without_objection_the_whole_is_paid,
    the_undisputed_part_is_paid_first,
    a_withdrawn_run_gives_back_what_was_set_aside,
    a_stale_plan_is_not_settled,
    two_plans_do_not_pay_a_debt_twice,
    set_aside_money_is_paid_from_its_own_bank_account,
    doubled_interest_comes_after_all_money_debts,
);
