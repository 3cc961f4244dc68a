//! Money that is not plain case money: moved by a ruling, paid by a run, debited by the bank, on both databases. Each test
//! ends with everything verified (see [`Circle`]).

use ankuan::access;
use ankuan::calculators::fees::Base;
use ankuan::cases::freezes::{self, FrozenShare, NewFreeze};
use ankuan::cases::gates::{self, CaseEvent, CaseEventKind};
use ankuan::cases::progress::{self, Manner, MilestoneKind, NewMilestone};
use ankuan::cases::{self, Case, PartyRole};
use ankuan::chart::AccountKind;
use ankuan::claims::DocumentType;
use ankuan::claims::events::{NewDetails, Statement, Which};
use ankuan::deadlines::DeadlineKind;
use ankuan::deadlines::running::worklist;
use ankuan::documents::personal::PersonalDetail;
use ankuan::movements::{self, FeeOf, Movement, MovementKind, NewMovement, Part, Purpose};
use ankuan::obligations::NewObligation;
use ankuan::payouts::commit;
use ankuan::payouts::reissue::{self, NewReissue};
use ankuan::payouts::release;
use ankuan::payouts::runs::{self, NewRun, SourceKind};
use ankuan::payouts::sent::Standing;
use ankuan::payouts::sheet::{Head, PayeeKind, SheetSource};
use ankuan::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use ankuan::report::case_comparison::case_comparison;
use ankuan::report::monthly_return::{Reason, monthly_return};
use ankuan::{Outcome, bank};
use ankuan_ledger::Amount;
use jiff::civil::date;

use crate::circle::{Circle, PROFILE, Shown, shown};
use crate::court::{BOOK, COURT, FINANCE, HANDLER, HEAD, KEEPER, TODAY, code};
use crate::obligations::{Owes, debt};
use crate::program::{Files, open_court, words};
use crate::support::Database;

const OTHER: &str = "（2026）浙0106执124号";

const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

/// A movement with nothing said but its kind: the tests fill in what it asks for.
struct Order<'a> {
    kind: MovementKind,
    item: i64,
    amount: Option<i64>,
    party: &'a str,
    condition: &'a str,
    evidence: &'a str,
    parts: &'a [Part],
    fee: Option<FeeOf>,
    to_case: Option<&'a Case>,
    second: &'a str,
}

fn order(kind: MovementKind, item: i64) -> Order<'static> {
    let rule = movements::rule(kind);
    Order {
        kind,
        item,
        amount: None,
        party: if rule.asks_party { "担保公司" } else { "" },
        condition: if rule.asks_condition { "保全裁定生效后六个月" } else { "" },
        evidence: if rule.asks_evidence { "确认书" } else { "" },
        parts: &[],
        fee: None,
        to_case: None,
        second: KEEPER,
    }
}

/// A court at work on one case.
struct Desk(Circle);

impl Desk {
    fn open(database: &Database) -> Self {
        Self(Circle::without_payout(database))
    }

    fn receive(&mut self, reference: &str, amount: i64) -> i64 {
        let case = self.0.case.clone();
        self.0.court.receive(reference, amount * 100, Some(&case)).expect("receives").receipt().receipt_id
    }

    fn order(&mut self, order: &Order<'_>) -> Outcome<Movement> {
        let case = self.0.case.clone();
        self.order_in(&case, order)
    }

    fn order_in(&mut self, case: &Case, order: &Order<'_>) -> Outcome<Movement> {
        let confirmed_by = self.0.court.person(order.second);
        let new = NewMovement {
            kind: order.kind,
            case,
            to_case: order.to_case,
            item_id: order.item,
            amount: order.amount.map(yuan),
            ruling: "（2026）浙0106执123号之二",
            evidence: order.evidence,
            party: order.party,
            condition: order.condition,
            parts: order.parts,
            fee: order.fee,
            confirmed_by: &confirmed_by,
        };
        self.0.act(HANDLER, |tx, acting, _, _, chart| movements::order(tx, acting, chart, &new))
    }

    fn payee(&mut self, kind: PayeeKind, name: &str, account: &str) -> i64 {
        let case = self.0.case.clone();
        let confirmed_by = self.0.court.person(KEEPER);
        let detail = PersonalDetail {
            kind: bank::PayeeKind::Company,
            payee_name: name,
            bank_name: if account.is_empty() { "" } else { "某银行" },
            bank_code: if account.is_empty() { "" } else { "102100099996" },
            document_number: "",
            account,
            telephone: "",
        };
        let new = NewPayee {
            case: &case,
            kind,
            name,
            document_type: DocumentType::Other,
            detail,
            basis: "账户确认书",
            confirmed_by: &confirmed_by,
        };
        self.0
            .act(HANDLER, |tx, acting, keys, random, _| sheets::add_payee(tx, acting, keys, random, &new))
            .expect("adds")
            .payee_id
    }

    fn sheet(&mut self, source: SheetSource, item: i64, lines: &[(Head, i64, i64)]) -> Outcome<i64> {
        let case = self.0.case.clone();
        let lines: Vec<NewLine<'_>> = lines
            .iter()
            .map(|(head, payee_id, amount)| NewLine {
                head: *head,
                payee_id: *payee_id,
                amount: yuan(*amount),
                decision: Some("退还裁定"),
            })
            .collect();
        let new = NewSheet { case: &case, source, receipt_id: item, lines: &lines };
        self.0.act(HANDLER, |tx, acting, _, _, _| Ok(sheets::record_sheet(tx, acting, &new)?.sheet_id))
    }

    /// Pays sheets with a run of their own, up to the bank's debit of each payment.
    fn pay(&mut self, sheets: &[i64]) {
        let sources: Vec<_> = sheets.iter().map(|sheet| (SourceKind::Sheet, *sheet)).collect();
        self.0.run = self.0.send(&sources, PROFILE);
        let sent = self.0.sent();
        let references: Vec<String> = sent.iter().map(|one| format!("D-{}", one.key)).collect();
        let lines: Vec<Shown<'_>> = sent
            .iter()
            .zip(&references)
            .map(|(one, reference)| shown(reference, -one.amount.minor()).key(&one.key))
            .collect();
        let day = self.0.day + 1;
        self.0.bring(day, &lines);
        self.0.reconcile();
        assert!(self.0.standings().iter().all(|standing| *standing == Standing::Debited));
    }

    /// The bank shows what came in.
    fn bring(&mut self, lines: &[(&str, i64)]) {
        let lines: Vec<Shown<'_>> =
            lines.iter().map(|(reference, amount)| shown(reference, amount * 100).name("李四")).collect();
        self.0.bring(0, &lines);
        self.0.reconcile();
    }

    fn left(&mut self, source: SheetSource) -> Vec<(i64, i64)> {
        let case_id = self.0.case.case_id;
        let mut tx = self.0.court.store.snapshot().expect("reads");
        let money = sheets::money(&mut tx, COURT, case_id, source).expect("reads");
        let left = money.into_iter().filter(|item| item.available != Amount::ZERO);
        left.map(|item| (item.receipt_id, item.available.minor() / 100)).collect()
    }

    fn balance(&mut self, kind: &str) -> i64 {
        let code = format!("{kind}-{}", self.0.case.case_id);
        self.0.balance(&code) / 100
    }

    fn case_event(&mut self, kind: CaseEventKind) {
        let case = self.0.case.clone();
        let event = CaseEvent { kind, effective_on: TODAY, reason: String::new(), document: "裁定".into() };
        self.0.act(HANDLER, |tx, acting, _, _, _| gates::record_event(tx, acting, &case, &event)).expect("records");
    }

    /// Register and ledger agree on every case this month.
    fn agrees(&mut self) {
        let mut tx = self.0.court.store.snapshot().expect("reads");
        let months = case_comparison(&mut tx, COURT, (date(2026, 11, 1), date(2026, 11, 30))).expect("compares");
        assert!(!months.is_empty() && months.iter().all(|month| month.agrees()), "{months:?}");
    }
}

fn part(purpose: Purpose, amount: i64) -> Part {
    Part { purpose, amount: yuan(amount), basis: "票据".into() }
}

/// Security is taken out of what came in, kept apart, and goes back to the guarantor by a run that the bank debits.
fn security_goes_back_to_the_guarantor(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("G-1", 1_000);
    desk.bring(&[("G-1", 1_000)]);
    let refused = |desk: &mut Desk, order: &Order<'_>| code(desk.order(order));
    let taken = order(MovementKind::SecurityTaken, receipt);
    assert_eq!(refused(&mut desk, &Order { party: "", ..taken }), "movements.field_missing");
    let taken = order(MovementKind::SecurityTaken, receipt);
    assert_eq!(refused(&mut desk, &Order { second: HANDLER, ..taken }), "access.second_person_same");
    let taken = order(MovementKind::SecurityTaken, receipt);
    assert_eq!(refused(&mut desk, &Order { second: FINANCE, ..taken }), "access.second_person_role");
    let taken = order(MovementKind::SecurityTaken, receipt);
    assert_eq!(refused(&mut desk, &Order { amount: Some(1_001), ..taken }), "movements.above_available");
    assert_eq!(refused(&mut desk, &order(MovementKind::SecurityRealised, receipt)), "movements.item_elsewhere");
    assert_eq!(refused(&mut desk, &order(MovementKind::SecurityTaken, receipt + 999)), "movements.item_elsewhere");

    let done = desk.order(&Order { amount: Some(700), ..order(MovementKind::SecurityTaken, receipt) }).expect("orders");
    assert_eq!((done.amount, done.between), (yuan(700), (AccountKind::CaseFunds, AccountKind::Security)));
    assert_eq!((desk.balance("C"), desk.balance("G")), (300, 700));
    assert_eq!(desk.left(SheetSource::Security), [(receipt, 700)]);
    desk.agrees();
    // A part of it compensates: the rest stays security.
    desk.order(&Order { amount: Some(100), ..order(MovementKind::SecurityRealised, receipt) }).expect("orders");
    assert_eq!((desk.balance("C"), desk.balance("G")), (400, 600));

    let guarantor = desk.payee(PayeeKind::Payer, "担保公司", "3301040160001");
    let applicant = desk.payee(PayeeKind::Applicant, "张三", "3301040160002");
    let security = SheetSource::Security;
    assert_eq!(code(desk.sheet(security, receipt, &[(Head::Return, guarantor, 601)])), "payouts.sheet_above_available");
    assert_eq!(
        code(desk.sheet(security, receipt, &[(Head::Principal, applicant, 1)])),
        "payouts.sheet_payee_not_of_head"
    );
    assert_eq!(
        code(desk.sheet(SheetSource::CaseFunds, receipt, &[(Head::Return, guarantor, 1)])),
        "payouts.sheet_payee_not_of_head"
    );
    let back = desk.sheet(security, receipt, &[(Head::Return, guarantor, 600)]).expect("records");
    desk.pay(&[back]);
    assert_eq!((desk.balance("C"), desk.balance("G"), desk.balance("P")), (400, 0, 0));
    assert_eq!(desk.left(security), []);
    desk.agrees();
}

/// The deposit of the winner and the tail become price; tax and valuation are paid from it; the rest becomes case money.
/// The deposit of the loser goes back, and that of a bidder who defaulted is used in the order of the law.
fn an_auction_from_deposits_to_case_money(database: &Database) {
    let mut desk = Desk::open(database);
    // Nobody knew the case of the deposit when it came.
    let deposit = desk.0.court.receive("A-1", 20_000 * 100, None).expect("receives").receipt().receipt_id;
    let (tail, loser) = (desk.receive("A-2", 80_000), desk.receive("A-3", 20_000));
    let bad = desk.receive("A-4", 5_000);
    desk.bring(&[("A-1", 20_000), ("A-2", 80_000), ("A-3", 20_000), ("A-4", 5_000)]);
    for item in [deposit, tail, loser, bad] {
        desk.order(&order(MovementKind::AuctionPrice, item)).expect("orders");
    }
    assert_eq!((desk.balance("A"), desk.balance("C"), desk.0.balance("U")), (125_000, 0, 0));
    let parts = [part(Purpose::Tax, 9_000), part(Purpose::Valuation, 350)];
    let settled = desk.order(&Order { parts: &parts, ..order(MovementKind::AuctionSettle, tail) }).expect("orders");
    assert_eq!(settled.amount, yuan(70_650));
    assert_eq!(settled.parts.len(), 3);
    desk.order(&order(MovementKind::AuctionSettle, deposit)).expect("orders");
    let used = [part(Purpose::Costs, 500), part(Purpose::Shortfall, 3_000), part(Purpose::ThisDebt, 4_000)];
    let forfeited = desk.order(&Order { parts: &used, ..order(MovementKind::AuctionForfeit, bad) }).expect("orders");
    assert_eq!(forfeited.amount, yuan(4_500));
    assert_eq!(forfeited.parts.iter().map(|part| part.2.minor() / 100).collect::<Vec<_>>(), [500, 3_000, 1_500]);
    assert_eq!(desk.balance("C"), 70_650 + 20_000 + 4_500);
    assert_eq!(desk.left(SheetSource::AuctionPrice), [(deposit, 0), (tail, 9_350), (loser, 20_000), (bad, 500)][1..]);

    let tax = desk.payee(PayeeKind::TaxOffice, "税务局", "3301040160003");
    let valuer = desk.payee(PayeeKind::Valuer, "评估公司", "3301040160004");
    let bidder = desk.payee(PayeeKind::Payer, "竞买人乙", "3301040160005");
    let price = SheetSource::AuctionPrice;
    let first = desk.sheet(price, tail, &[(Head::Tax, tax, 9_000), (Head::Costs, valuer, 350)]).expect("records");
    let second = desk.sheet(price, loser, &[(Head::Return, bidder, 20_000)]).expect("records");
    let third = desk.sheet(price, bad, &[(Head::Costs, valuer, 500)]).expect("records");
    desk.pay(&[first, second, third]);
    assert_eq!(desk.balance("A"), 0);
    desk.agrees();
}

/// A tail payment under supervision: kept with condition and supervisor, a part released on proof, a part back to the buyer.
fn a_tail_payment_under_supervision(database: &Database) {
    let mut desk = Desk::open(database);
    let tail = desk.receive("S-1", 600);
    desk.bring(&[("S-1", 600)]);
    desk.order(&order(MovementKind::AuctionPrice, tail)).expect("orders");
    let keep = order(MovementKind::EscrowKeep, tail);
    assert_eq!(code(desk.order(&Order { condition: "", ..keep })), "movements.field_missing");
    let keep = Order {
        party: "路桥镇人民政府", condition: "过户登记办毕", ..order(MovementKind::EscrowKeep, tail)
    };
    desk.order(&keep).expect("orders");
    assert_eq!((desk.balance("A"), desk.balance("S")), (0, 600));
    let release = order(MovementKind::EscrowRelease, tail);
    assert_eq!(code(desk.order(&Order { evidence: "", ..release })), "movements.field_missing");
    desk.order(&Order { amount: Some(400), ..order(MovementKind::EscrowRelease, tail) }).expect("orders");
    let buyer = desk.payee(PayeeKind::Payer, "买受人", "3301040160006");
    let back = desk.sheet(SheetSource::Escrow, tail, &[(Head::Return, buyer, 200)]).expect("records");
    desk.pay(&[back]);
    assert_eq!((desk.balance("C"), desk.balance("S")), (400, 0));
    desk.agrees();
}

/// A fine and the fee are the treasury's, and are remitted by a run.
fn fines_and_fees_go_to_the_treasury(database: &Database) {
    let mut desk = Desk::open(database);
    let (fine, money) = (desk.receive("F-1", 5_000), desk.receive("F-2", 130_000));
    desk.bring(&[("F-1", 5_000), ("F-2", 130_000)]);
    let fined = desk.order(&order(MovementKind::FineTaken, fine)).expect("orders");
    let fee = |collected| FeeOf { claimed: yuan(500_000), collected: yuan(collected), base: Some(Base::Collected) };
    assert_eq!(code(desk.order(&order(MovementKind::FeeCharged, money))), "movements.fee_missing");
    let charged =
        desk.order(&Order { fee: Some(fee(130_000)), ..order(MovementKind::FeeCharged, money) }).expect("orders");
    assert_eq!(charged.amount, yuan(1_850));
    let again = Order { fee: Some(fee(130_000)), ..order(MovementKind::FeeCharged, money) };
    assert_eq!(code(desk.order(&again)), "movements.fee_charged");
    assert_eq!(desk.left(SheetSource::Treasury), [(fined.movement_id, 5_000), (charged.movement_id, 1_850)]);
    let inside = desk.payee(PayeeKind::Treasury, "国库", "");
    let treasury = desk.payee(PayeeKind::Treasury, "非税专户", "3301040160007");
    let from = SheetSource::Treasury;
    assert_eq!(
        code(desk.sheet(from, fined.movement_id, &[(Head::Remittance, inside, 5_000)])),
        "sheets.treasury_without_account"
    );
    assert_eq!(
        code(desk.sheet(from, fine, &[(Head::Remittance, treasury, 5_000)])),
        "sheets.receipt_elsewhere",
        "the receipt is not the treasury's item"
    );
    let sheets = [
        desk.sheet(from, fined.movement_id, &[(Head::Remittance, treasury, 5_000)]).expect("records"),
        desk.sheet(from, charged.movement_id, &[(Head::Remittance, treasury, 1_000)]).expect("records"),
        desk.sheet(from, charged.movement_id, &[(Head::Remittance, treasury, 850)]).expect("records"),
    ];
    desk.pay(&sheets);
    assert_eq!((desk.0.balance("F"), desk.balance("P")), (0, 0));
    assert_eq!(desk.left(from), []);
    desk.agrees();
}

/// Two sheets of one run cannot remit the same item twice: the treasury's items have no floor in the ledger.
fn the_treasury_is_not_remitted_to_twice(database: &Database) {
    let mut desk = Desk::open(database);
    let (fine, other) = (desk.receive("F-1", 500), desk.receive("F-2", 900));
    let fined = desk.order(&order(MovementKind::FineTaken, fine)).expect("orders").movement_id;
    desk.order(&order(MovementKind::FineTaken, other)).expect("orders");
    let treasury = desk.payee(PayeeKind::Treasury, "非税专户", "3301040160007");
    let lines = [500, 400].map(|amount| (Head::Remittance, treasury, amount));
    let sheets = lines.map(|line| desk.sheet(SheetSource::Treasury, fined, &[line]).expect("records"));
    let run = draft(&mut desk, &sheets);
    approve(&mut desk, &run);
    assert_eq!(
        code(desk.0.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ()))),
        "payouts.case_money_short"
    );
    assert_eq!(desk.0.balance("F"), 140_000);
}

fn draft(desk: &mut Desk, sheets: &[i64]) -> String {
    let bank_account_id = desk.0.court.bank_account().bank_account_id;
    let sources: Vec<_> = sheets.iter().map(|sheet| (SourceKind::Sheet, *sheet)).collect();
    let new = NewRun { title: "缴库", bank_account_id, profile: PROFILE, sources: &sources };
    desk.0.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts")
}

fn approve(desk: &mut Desk, run: &str) {
    desk.0.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, run)).expect("submits");
    for who in [FINANCE, HEAD] {
        desk.0.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, run, None, None)).expect("approves");
    }
}

/// What a gate stops is not set aside among case money: neither at commit nor at release.
fn stopped_security_stays_security(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("G-1", 1_000);
    desk.order(&order(MovementKind::SecurityTaken, receipt)).expect("orders");
    let guarantor = desk.payee(PayeeKind::Payer, "担保公司", "3301040160001");
    let sheet = desk.sheet(SheetSource::Security, receipt, &[(Head::Return, guarantor, 1_000)]).expect("records");
    let run = draft(&mut desk, &[sheet]);
    approve(&mut desk, &run);
    desk.0.court.clear_screens(&run);
    desk.case_event(CaseEventKind::Stayed);
    let commits = |desk: &mut Desk| {
        desk.0.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).map(drop)
    };
    assert_eq!(code(commits(&mut desk)), "payouts.source_blocked");
    assert_eq!((desk.balance("G"), desk.balance("X")), (1_000, 0));
    // Money of the case does not leave it either.
    let more = desk.receive("G-2", 100);
    assert_eq!(code(desk.order(&order(MovementKind::FineTaken, more))), "movements.gate");
    desk.case_event(CaseEventKind::Resumed);
    commits(&mut desk).expect("commits");
    desk.case_event(CaseEventKind::Stayed);
    let released = desk
        .0
        .act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, &run, &mut |_| ()));
    assert_eq!(code(released), "payouts.source_blocked");
    assert_eq!((desk.balance("P"), desk.balance("X")), (1_000, 0));
    // Withdrawn, it is security again.
    desk.0.act(FINANCE, |tx, acting, _, _, _| release::withdraw(tx, acting, &run, "中止")).expect("withdraws");
    assert_eq!((desk.balance("G"), desk.balance("P")), (1_000, 0));
    desk.agrees();
}

/// Security that the bank gives back waits for a corrected account, is paid again, and is stopped by a gate as before.
fn returned_security_is_paid_again(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("G-1", 1_000);
    desk.bring(&[("G-1", 1_000)]);
    desk.order(&order(MovementKind::SecurityTaken, receipt)).expect("orders");
    let guarantor = desk.payee(PayeeKind::Payer, "担保公司", "3301040160001");
    let sheet = desk.sheet(SheetSource::Security, receipt, &[(Head::Return, guarantor, 1_000)]).expect("records");
    desk.pay(&[sheet]);
    let key = desk.0.sent()[0].key.clone();
    let day = desk.0.day + 1;
    desk.0.bring(day, &[shown("BACK", 100_000).key(&key)]);
    desk.0.reconcile();
    assert_eq!((desk.0.standings(), desk.balance("P")), (vec![Standing::Returned], 1_000));
    let (case, confirmed_by) = (desk.0.case.clone(), desk.0.court.person(KEEPER));
    let said = Statement {
        case: &case,
        claim: Which::Id(guarantor),
        reason: "账号有误",
        basis: "更正函",
        confirmed_by: &confirmed_by,
    };
    let detail = PersonalDetail {
        kind: bank::PayeeKind::Company,
        payee_name: "担保公司",
        bank_name: "某银行",
        bank_code: "102100099996",
        document_number: "",
        account: "3301040160009",
        telephone: "",
    };
    desk.0
        .act(HANDLER, |tx, acting, keys, random, _| {
            sheets::change_payee_details(tx, acting, keys, random, guarantor, &said, &NewDetails { detail })
        })
        .expect("corrects");
    let bank_account_id = desk.0.court.bank_account().bank_account_id;
    let new = NewReissue { bank_account_id, run: None, case_id: None };
    let sources = desk.0.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new)).expect("records");
    let new = NewRun { title: "再付", bank_account_id, profile: PROFILE, sources: &sources };
    let run = desk.0.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
    approve(&mut desk, &run);
    desk.0.court.clear_screens(&run);
    desk.case_event(CaseEventKind::Stayed);
    let commits = |desk: &mut Desk| {
        desk.0.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).map(drop)
    };
    assert_eq!(code(commits(&mut desk)), "payouts.source_blocked");
    assert_eq!(desk.balance("X"), 0);
    desk.case_event(CaseEventKind::Resumed);
    commits(&mut desk).expect("commits");
    desk.0
        .act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, &run, &mut |_| ()))
        .expect("releases");
    desk.0.run = run;
    let key = desk.0.sent()[0].key.clone();
    desk.0.bring(day + 1, &[shown("AGAIN", -100_000).key(&key)]);
    desk.0.reconcile();
    assert_eq!((desk.0.standings(), desk.balance("P"), desk.balance("G")), (vec![Standing::Debited], 0, 0));
}

/// What a payee is due in one case goes to the case where he is the debtor: no bank line, and it is paid from there.
fn money_goes_to_the_case_where_the_payee_is_the_debtor(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("O-1", 900);
    desk.bring(&[("O-1", 900)]);
    let (here, there) = (desk.0.case.clone(), desk.0.court.case(OTHER));
    let to =
        |amount| Order { to_case: Some(&there), party: "张三", amount, ..order(MovementKind::ToOtherCase, receipt) };
    assert_eq!(code(desk.order(&Order { to_case: None, ..to(None) })), "movements.other_case_missing");
    assert_eq!(code(desk.order(&Order { to_case: Some(&here), ..to(None) })), "movements.same_case");
    assert_eq!(code(desk.order(&to(Some(600)))), "movements.not_party");
    for (case, role) in [(&here, PartyRole::Applicant), (&there, PartyRole::Debtor)] {
        desk.0.act(HANDLER, |tx, acting, _, _, _| cases::add_party(tx, acting, case, role, "张三")).expect("adds");
    }
    let moved = desk.order(&to(Some(600))).expect("orders");
    assert_eq!(moved.to_item_id, moved.movement_id);
    assert_eq!(desk.balance("C"), 300);
    desk.agrees();
    // In the other case it is money like any other.
    desk.0.case = there;
    assert_eq!(desk.left(SheetSource::CaseFunds), [(moved.movement_id, 600)]);
    let applicant = desk.payee(PayeeKind::Applicant, "王五", "3301040160008");
    let item = moved.movement_id;
    let sheet = desk.sheet(SheetSource::CaseFunds, item, &[(Head::Principal, applicant, 600)]).expect("records");
    desk.pay(&[sheet]);
    assert_eq!(desk.balance("C"), 0);
    desk.agrees();
}

/// The others' money stays: no more is moved than the payee is due.
fn no_more_is_moved_than_its_payee_is_due(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("O-1", 900);
    desk.bring(&[("O-1", 900)]);
    let (here, there) = (desk.0.case.clone(), desk.0.court.case(OTHER));
    for (case, role, name) in [
        (&here, PartyRole::Applicant, "张三"),
        (&here, PartyRole::Applicant, "王五"),
        (&here, PartyRole::Debtor, "乙"),
        (&there, PartyRole::Debtor, "张三"),
    ] {
        desk.0.party(case, role, name);
    }
    desk.0.owe(&debt(&here, "张三", "乙", yuan(300))).expect("registers");
    desk.0.owe(&debt(&here, "王五", "乙", yuan(600))).expect("registers");
    let to =
        |amount| Order { to_case: Some(&there), party: "张三", amount, ..order(MovementKind::ToOtherCase, receipt) };
    assert_eq!(code(desk.order(&to(Some(301)))), "movements.more_than_due");
    desk.order(&to(Some(300))).expect("orders");
    assert_eq!(code(desk.order(&to(Some(1)))), "movements.more_than_due");
}

/// What was moved to the case where its payee is the debtor has reached him: it is not open here any more. There it pays
/// those to whom he owes. What is not the debtor's money pays no debt: security that goes back, a fee that is remitted.
fn what_was_moved_is_paid_here_and_pays_there(database: &Database) {
    let mut desk = Desk::open(database);
    let (receipt, security) = (desk.receive("O-1", 900), desk.receive("O-2", 50));
    desk.bring(&[("O-1", 900), ("O-2", 50)]);
    let (here, there) = (desk.0.case.clone(), desk.0.court.case(OTHER));
    for (case, role, name) in [
        (&here, PartyRole::Applicant, "张三"),
        (&here, PartyRole::Debtor, "乙"),
        (&there, PartyRole::Applicant, "王五"),
        (&there, PartyRole::Debtor, "张三"),
    ] {
        desk.0.party(case, role, name);
    }
    let applicant = desk.0.payee(&here, PayeeKind::Applicant, "张三");
    let creditor = desk.0.payee(&there, PayeeKind::Applicant, "王五");
    let new = NewObligation { payee_id: Some(applicant), ..debt(&here, "张三", "乙", yuan(1_000)) };
    let owed = desk.0.owe(&new).expect("registers").obligation_id;
    let new = NewObligation { payee_id: Some(creditor), ..debt(&there, "王五", "张三", yuan(700)) };
    let theirs = desk.0.owe(&new).expect("registers").obligation_id;
    let to =
        Order {
            to_case: Some(&there), party: "张三", amount: Some(600), ..order(MovementKind::ToOtherCase, receipt)
        };
    let item = desk.order(&to).expect("orders").movement_id;
    assert_eq!((desk.0.open_amount(owed), desk.0.open_amount(theirs)), (yuan(400), yuan(700)));

    desk.order(&Order { party: "张三", ..order(MovementKind::SecurityTaken, security) }).expect("orders");
    let fee = FeeOf { claimed: yuan(1_000), collected: yuan(900), base: Some(Base::Collected) };
    let charged = desk.order(&Order { fee: Some(fee), ..order(MovementKind::FeeCharged, receipt) }).expect("orders");
    let treasury = desk.payee(PayeeKind::Treasury, "非税专户", "3301040160007");
    let amount = charged.amount.minor() / 100;
    let remitted = [(Head::Remittance, treasury, amount)];
    let first = desk.sheet(SheetSource::Treasury, charged.movement_id, &remitted).expect("records");
    let back = [(Head::Return, applicant, 50)];
    let second = desk.sheet(SheetSource::Security, security, &back).expect("records");
    desk.pay(&[first, second]);
    assert_eq!(desk.0.open_amount(owed), yuan(400));

    desk.0.case = there;
    let sheet = desk.sheet(SheetSource::CaseFunds, item, &[(Head::Principal, creditor, 600)]).expect("records");
    desk.pay(&[sheet]);
    assert_eq!(desk.0.open_amount(theirs), yuan(100));
}

/// Another court has frozen what the payee is due: a ruling of ours does not move it away.
fn a_frozen_share_is_not_moved_away(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("O-1", 900);
    desk.bring(&[("O-1", 900)]);
    let (here, there) = (desk.0.case.clone(), desk.0.court.case(OTHER));
    desk.0.party(&here, PartyRole::Applicant, "张三");
    desk.0.party(&there, PartyRole::Debtor, "张三");
    let to =
        |amount| Order { to_case: Some(&there), party: "张三", amount, ..order(MovementKind::ToOtherCase, receipt) };
    let payee = Owes::payee(&mut desk.0, &here, PayeeKind::Applicant, "张三");
    let new = NewFreeze {
        share: FrozenShare::Claim(payee),
        amount: yuan(500),
        order_number: "（2026）浙0106执300号",
        ordered_by: "某法院",
        effective_on: TODAY,
    };
    let frozen = desk.0.act(HANDLER, |tx, acting, _, _, _| freezes::freeze_share(tx, acting, &here, &new));
    let freeze_id = frozen.expect("freezes").freeze_id;
    assert_eq!(code(desk.order(&to(Some(400)))), "movements.frozen");
    desk.0
        .act(HANDLER, |tx, acting, _, _, _| freezes::lift_freeze(tx, acting, &here, freeze_id, "解除裁定", TODAY))
        .expect("lifts");
    let moved = desk.order(&to(Some(400))).expect("orders").movement_id;
    // There its clock runs as for any other money.
    let mut tx = desk.0.court.store.snapshot().expect("reads");
    let due = worklist(&mut tx, COURT, TODAY).expect("reads").due;
    let mut clocks: Vec<_> = due
        .iter()
        .filter(|due| due.deadline.kind == DeadlineKind::ReceiptPayout)
        .map(|due| (due.deadline.subject_id, due.deadline.case_id, due.deadline.amount))
        .collect();
    clocks.sort_unstable();
    assert_eq!(clocks, [(receipt, Some(here.case_id), Some(yuan(500))), (moved, Some(there.case_id), Some(yuan(400)))]);
}

/// Security, price and money under supervision are the case's: the certificate names them, the case is not closed over them,
/// and the monthly return adds up to the bank's balance with them.
fn what_lies_apart_is_still_held(database: &Database) {
    let mut desk = Desk::open(database);
    let (security, price, tail) = (desk.receive("H-1", 100), desk.receive("H-2", 200), desk.receive("H-3", 400));
    desk.bring(&[("H-1", 100), ("H-2", 200), ("H-3", 400)]);
    desk.order(&order(MovementKind::SecurityTaken, security)).expect("orders");
    desk.order(&order(MovementKind::AuctionPrice, price)).expect("orders");
    desk.order(&order(MovementKind::AuctionPrice, tail)).expect("orders");
    desk.order(&order(MovementKind::EscrowKeep, tail)).expect("orders");
    let case = desk.0.case.clone();
    let certificate = desk.0.certificate(&case, TODAY);
    let held: Vec<_> = certificate.held.iter().map(|(_, kind, amount)| (*kind, *amount)).collect();
    assert_eq!(
        held,
        [(AccountKind::Security, yuan(100)), (AccountKind::AuctionPrice, yuan(200)), (AccountKind::Escrow, yuan(400))]
    );
    let closed = desk.0.act(HANDLER, |tx, acting, _, _, _| {
        let (manner, document) = (Some(Manner::Performed), "结案通知书");
        let new = NewMilestone { kind: MilestoneKind::Closed, on: TODAY, document, manner, despite_money: "" };
        progress::record_milestone(tx, acting, &case, &new)
    });
    assert_eq!(code(closed), "progress.money_left");
    let found = {
        let mut tx = desk.0.court.store.snapshot().expect("reads");
        monthly_return(&mut tx, COURT, date(2026, 11, 1), date(2026, 11, 30)).expect("the return")
    };
    let held = Amount::sum(found.flows.iter().map(|(_, flow)| flow.closing));
    assert_eq!((held, found.bank.closing), (Some(yuan(700)), yuan(700)));
    let unpaid: Vec<_> = found.unpaid.iter().map(|line| (line.reason, line.amount)).collect();
    assert_eq!(unpaid, [(Reason::Security, yuan(100)), (Reason::AuctionPrice, yuan(200)), (Reason::Escrow, yuan(400))]);
}

/// A movement that was changed behind the program's back is found.
fn a_movement_that_posts_something_else_is_found(database: &Database) {
    let mut desk = Desk::open(database);
    let receipt = desk.receive("G-1", 1_000);
    desk.order(&order(MovementKind::SecurityTaken, receipt)).expect("orders");
    desk.0.verified();
    let mut tx = desk.0.court.store.begin().expect("begins");
    let actor = access::find_actor(&mut tx, COURT, HANDLER).expect("known");
    let acting = access::Acting { actor, at: crate::court::at(), date: TODAY };
    // A row that the program would never write: a movement of a voucher that posts another amount.
    let mut act = acting.open_act(&mut tx, BOOK.book_id, "movement.order").expect("opens");
    let id = act.take_ids(1);
    let (kind, from, to) = ("security_taken", "case_funds", "security");
    let case_id = desk.0.case.case_id;
    let people = (acting.actor.person_id, acting.actor.person_id + 1);
    act.insert(
        &mut tx,
        &movements::MOVEMENT,
        id,
        &[
            id.into(),
            kind.into(),
            case_id.into(),
            None::<i64>.into(),
            receipt.into(),
            receipt.into(),
            1.into(),
            from.into(),
            to.into(),
            5.into(),
            "x".into(),
            "".into(),
            "".into(),
            "".into(),
            1.into(),
            1.into(),
            people.0.into(),
            people.1.into(),
        ],
    )
    .expect("inserts");
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    desk.0.broken = vec!["movements"];
}

fn from_the_command_line(database: &Database) {
    let files = Files::new(2);
    open_court(&files, database);
    let case = crate::program::CASE;
    let run = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    let receipt = run(&[
        "receipt",
        "record",
        "G-1",
        "--amount",
        "1000",
        "--value-date",
        "2026-11-22",
        "--payer",
        "担保公司",
        "--case",
        case,
        "--as",
        "孙财务",
    ])["receipt_id"]
        .to_string();
    let done = run(&[
        "movement",
        "order",
        "security_taken",
        case,
        "--item",
        &receipt,
        "--ruling",
        "（2026）浙0106执保9号",
        "--party",
        "担保公司",
        "--condition",
        "诉前保全担保",
        "--confirmed-by",
        "周局长",
        "--as",
        "钱承办",
    ]);
    assert_eq!(
        (&done["from"], &done["to"], &done["amount_minor"]),
        (&"case_funds".into(), &"security".into(), &100_000.into())
    );
    let left = run(&["movement", "left", case, "security"]);
    assert_eq!(left["items"][0]["available_minor"], 100_000);
    let payee = run(&[
        "payee",
        "add",
        case,
        "payer",
        "担保公司",
        "--account",
        "3301040160001",
        "--bank",
        "某银行",
        "--bank-code",
        "102100099996",
        "--company",
        "--basis",
        "账户确认书",
        "--confirmed-by",
        "孙财务",
        "--as",
        "钱承办",
    ])["payee_id"]
        .to_string();
    let line = format!("return:{payee}:1000.00:退还裁定");
    let sheet =
        run(&["sheet", "record", case, "--from", "security", "--receipt", &receipt, "--line", &line, "--as", "钱承办"]);
    assert_eq!(sheet["source"], "security");
    assert_eq!(run(&["movement", "list", "--case", case])["movements"].as_array().map(Vec::len), Some(1));
    files.verified(&database.address, &[]);
}

crate::on_both!(
    security_goes_back_to_the_guarantor,
    an_auction_from_deposits_to_case_money,
    a_tail_payment_under_supervision,
    fines_and_fees_go_to_the_treasury,
    the_treasury_is_not_remitted_to_twice,
    stopped_security_stays_security,
    returned_security_is_paid_again,
    money_goes_to_the_case_where_the_payee_is_the_debtor,
    no_more_is_moved_than_its_payee_is_due,
    what_was_moved_is_paid_here_and_pays_there,
    a_frozen_share_is_not_moved_away,
    what_lies_apart_is_still_held,
    a_movement_that_posts_something_else_is_found,
    from_the_command_line,
);
