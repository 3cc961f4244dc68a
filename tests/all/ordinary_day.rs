//! The ordinary day: sheets, claims that change, approvals, gates and freezes, on the way from receipt to bank file.

use std::path::Path;

use ankuan::access::{self, Acting, Role};
use ankuan::audit::verify_court;
use ankuan::bank;
use ankuan::cases::Case;
use ankuan::cases::freezes::{self, FrozenShare, NewFreeze};
use ankuan::cases::gates::{self, CaseEvent, CaseEventKind};
use ankuan::chart::{self, Chart};
use ankuan::claims::DocumentType;
use ankuan::claims::events::{self, ClaimRecord, ClaimStanding, NewDetails, NewPart, Statement, Which};
use ankuan::claims::record::{Import, StoredList, import_list};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::documents::personal::{DetailWriter, PersonalDetail};
use ankuan::payouts::commit::{self, Committed};
use ankuan::payouts::distribute::{Plan, Rule};
use ankuan::payouts::lines::Payment;
use ankuan::payouts::release::{self, Released};
use ankuan::payouts::rounds::{self, StoredDistribution};
use ankuan::payouts::runs::{self, NewRun, SourceKind, Status};
use ankuan::payouts::sheet::{Head, PayeeKind, SheetSource};
use ankuan::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use ankuan::{Outcome, report};
use ankuan_ledger::engine::Error;
use ankuan_ledger::{Amount, Tx};

use crate::court::{ADMIN, BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, TODAY, code};
use crate::support::Database;

mod audit;
mod signatures;

const PROFILE: &str = include_str!("../../profiles/generic-csv.toml");
const CARD: &str = "11010519491231002X";

/// A court with its keys.
struct Day {
    court: Court,
    keys: Keys,
    randomness: Randomness,
    folder: tempfile::TempDir,
}

impl Drop for Day {
    /// The court's own verification, with what is sealed; that of each book follows when the court is dropped.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let report =
                verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("verifies");
            let findings: Vec<_> = report.checks.iter().filter(|check| !check.ok()).collect();
            assert!(findings.is_empty(), "{findings:?}");
        }
    }
}

fn detail(name: &str, account: i64) -> (String, String) {
    (name.to_owned(), format!("62220200000{account:08}"))
}

fn person<'a>(name: &'a str, account: &'a str, document_number: &'a str) -> PersonalDetail<'a> {
    PersonalDetail {
        kind: bank::PayeeKind::Person,
        payee_name: name,
        bank_name: "某银行某支行",
        bank_code: "102100099996",
        document_number,
        account,
        telephone: "",
    }
}

impl Day {
    fn open(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut randomness = Randomness::seeded(1);
        let keys = Keys::create(&folder.path().join("keys"), &mut randomness).expect("makes keys");
        Self { court: Court::open(database), keys, randomness, folder }
    }

    fn case(&mut self, number: i64) -> Case {
        self.court.case(&format!("（2026）浙0106执{number}号"))
    }

    fn receive(&mut self, case: &Case, minor: i64) -> i64 {
        let reference = format!("R{}-{minor}-{}", case.case_id, self.available(case));
        self.court.receive(&reference, minor, Some(case)).expect("records").receipt().receipt_id
    }

    fn act<T>(
        &mut self,
        who: &str,
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Keys, &mut Randomness) -> Outcome<T>,
    ) -> Outcome<T> {
        let (keys, randomness) = (&self.keys, &mut self.randomness);
        self.court.act(who, |tx, acting, _: &Chart| work(tx, acting, keys, randomness))
    }

    fn payee(&mut self, case: &Case, kind: PayeeKind, name: &str, account: i64) -> i64 {
        self.payee_of(case, kind, name, account, KEEPER).expect("adds")
    }

    fn payee_of(&mut self, case: &Case, kind: PayeeKind, name: &str, account: i64, second: &str) -> Outcome<i64> {
        let confirmed_by = self.court.person(second);
        // 0: none, as the treasury has where nothing is remitted to it.
        let has_account = account != 0;
        let (name, account) = detail(name, account);
        let account = if has_account { account } else { String::new() };
        let is_applicant = kind == PayeeKind::Applicant;
        let new = NewPayee {
            case,
            kind,
            name: &name,
            document_type: if is_applicant { DocumentType::IdentityCard } else { DocumentType::Other },
            detail: person(&name, &account, if is_applicant { CARD } else { "" }),
            basis: "收款账户确认书",
            confirmed_by: &confirmed_by,
        };
        self.act(HANDLER, |tx, acting, keys, randomness| {
            Ok(sheets::add_payee(tx, acting, keys, randomness, &new)?.payee_id)
        })
    }

    fn change_account(&mut self, case: &Case, payee_id: i64, account: i64) -> Outcome<i64> {
        self.change_account_by(HANDLER, case, payee_id, account)
    }

    fn change_account_by(&mut self, who: &str, case: &Case, payee_id: i64, account: i64) -> Outcome<i64> {
        let confirmed_by = self.court.person(FINANCE);
        let (name, account) = detail("王芳", account);
        let statement = Statement {
            case,
            claim: Which::Id(payee_id),
            reason: "换卡",
            basis: "变更申请",
            confirmed_by: &confirmed_by,
        };
        let new = NewDetails { detail: person(&name, &account, "") };
        self.act(who, |tx, acting, keys, random| {
            Ok(sheets::change_payee_details(tx, acting, keys, random, payee_id, &statement, &new)?.detail_id)
        })
    }

    fn sheet(&mut self, case: &Case, receipt_id: i64, lines: &[(Head, i64, i64)]) -> Outcome<i64> {
        let lines: Vec<NewLine<'_>> = lines
            .iter()
            .map(|(head, payee_id, minor)| NewLine {
                head: *head,
                payee_id: *payee_id,
                amount: Amount::from_minor(*minor),
                decision: Some("合议庭评议笔录"),
            })
            .collect();
        let new = NewSheet { case, source: SheetSource::CaseFunds, receipt_id, lines: &lines };
        self.act(HANDLER, |tx, acting, _, _| Ok(sheets::record_sheet(tx, acting, &new)?.sheet_id))
    }

    fn draft(&mut self, sources: &[(SourceKind, i64)]) -> Outcome<String> {
        let bank_account_id = self.court.bank_account().bank_account_id;
        let new = NewRun { title: "案款发放", bank_account_id, profile: PROFILE, sources };
        self.act(HANDLER, |tx, acting, _, _| Ok(runs::draft(tx, acting, &new)?.number))
    }

    fn submit(&mut self, run: &str) -> Outcome<runs::Content> {
        self.act(HANDLER, |tx, acting, _, _| runs::submit(tx, acting, run))
    }

    fn approve(&mut self, who: &str, run: &str) -> Outcome<Status> {
        self.act(who, |tx, acting, _, _| Ok(runs::approve(tx, acting, run, None, None)?.1))
    }

    /// A run that waits to be committed.
    fn approved(&mut self, sources: &[(SourceKind, i64)]) -> String {
        let run = self.draft(sources).expect("drafts");
        self.approve_twice(&run);
        run
    }

    fn approve_twice(&mut self, run: &str) {
        self.submit(run).expect("submits");
        assert_eq!(self.approve(FINANCE, run).expect("first step"), Status::Submitted);
        assert_eq!(self.approve(HEAD, run).expect("second step"), Status::Approved);
    }

    fn commit(&mut self, run: &str) -> Outcome<Committed> {
        self.court.clear_screens(run);
        self.act(KEEPER, |tx, acting, _, _| commit::commit(tx, acting, run, &mut |_| ()))
    }

    fn release(&mut self, run: &str) -> Outcome<Released> {
        self.court.clear_screens(run);
        self.act(FINANCE, |tx, acting, keys, random| release::release(tx, acting, keys, random, run, &mut |_| ()))
    }

    fn case_event(&mut self, case: &Case, kind: CaseEventKind) {
        let event = CaseEvent { kind, effective_on: TODAY, reason: String::new(), document: "裁定".into() };
        self.act(HANDLER, |tx, acting, _, _| gates::record_event(tx, acting, case, &event)).expect("records");
    }

    fn freeze(&mut self, case: &Case, share: FrozenShare, minor: i64) -> i64 {
        let new = NewFreeze {
            share,
            amount: Amount::from_minor(minor),
            order_number: "（2026）浙0102执保9号",
            ordered_by: "另一法院",
            effective_on: TODAY,
        };
        self.act(HANDLER, |tx, acting, _, _| Ok(freezes::freeze_share(tx, acting, case, &new)?.freeze_id))
            .expect("freezes")
    }

    /// Balance of an account by its code.
    fn balance(&mut self, account: &str) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        report::find_account(&mut tx, BOOK, account).expect("opened").posted.minor()
    }

    fn available(&mut self, case: &Case) -> i64 {
        self.balance(&format!("C-{}", case.case_id))
    }

    /// Case funds, payable, set aside of a case.
    fn case_balances(&mut self, case: &Case) -> [i64; 3] {
        ["C", "P", "X"].map(|kind| self.balance(&format!("{kind}-{}", case.case_id)))
    }

    fn payments(&mut self, run: &str) -> Vec<Payment> {
        let mut tx = self.court.store.snapshot().expect("reads");
        let run = runs::find_run(&mut tx, COURT, run).expect("known");
        let mut payments = Vec::new();
        ankuan::payouts::lines::each_payment(&mut tx, COURT, &run, &mut |_, page| {
            payments.extend_from_slice(page);
            Ok(())
        })
        .expect("reads");
        payments
    }

    fn payment_amounts(&mut self, run: &str) -> Vec<i64> {
        self.payments(run).iter().map(|payment| payment.amount.minor()).collect()
    }

    fn import(&mut self, case: &Case, rows: &[&str]) -> StoredList {
        let heading = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号";
        let path = self.folder.path().join(format!("list-{}.csv", case.case_id));
        std::fs::write(&path, format!("{heading}\n{}\n", rows.join("\n"))).expect("writes");
        let import = Import { case_id: case.case_id, path: Path::new(&path), expect_rows: None, expect_sum: None };
        self.act(HANDLER, |tx, acting, keys, random| {
            import_list(tx, acting, keys, random, &import, &mut |_| (), &mut |_| ())
        })
        .expect("imports")
    }

    fn distribute(&mut self, case: &Case, pot: i64) -> Outcome<StoredDistribution> {
        let plan = Plan { rule: Rule::ProRata, smallest_payment: None, broken_claims: 0 };
        self.act(HANDLER, |tx, acting, _, _| {
            let pot = Amount::from_minor(pot);
            Ok(rounds::record_distribution(tx, acting, case.case_id, Some(pot), &plan)?.0)
        })
    }

    fn granted(&mut self, distribution: &StoredDistribution) -> Vec<i64> {
        let mut tx = self.court.store.snapshot().expect("reads");
        let (first, last) = distribution.share_ids();
        tx.query(
            "SELECT granted_minor FROM share WHERE court_id = $1 AND book_id = $2 AND share_id >= $3 \
             AND share_id <= $4 ORDER BY share_id",
            &[COURT.into(), BOOK.book_id.into(), first.into(), last.into()],
            |row| row.int(0),
        )
        .expect("reads")
    }

    /// Lets handler and fund keeper (unless another is named) change a claim.
    fn change<'a>(
        &mut self,
        case: &'a Case,
        claimant: &'a str,
        (basis, second): (&'a str, &str),
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Statement<'_>) -> Outcome<ClaimRecord>,
    ) -> Outcome<ClaimRecord> {
        let confirmed_by = self.court.person(second);
        let claim = Which::Number(claimant);
        let statement = Statement { case, claim, reason: "", basis, confirmed_by: &confirmed_by };
        self.act(HANDLER, |tx, acting, _, _| work(tx, acting, &statement))
    }
}

fn forty_sheets_go_out_in_one_run(database: &Database) {
    let mut day = Day::open(database);
    let mut sources = Vec::new();
    let (mut cases, mut due, mut treasury) = (Vec::new(), Vec::new(), 0);
    for number in 1..=40 {
        let case = day.case(number);
        let minor = 100_000 + number * 100;
        let receipt = day.receive(&case, minor);
        let applicant = day.payee(&case, PayeeKind::Applicant, "王芳", number);
        let lines = match number % 4 {
            0 => vec![(Head::Principal, applicant, minor)],
            1 => {
                let fee = day.payee(&case, PayeeKind::Treasury, "国库", 0);
                treasury += 5_000;
                vec![(Head::Principal, applicant, minor - 5_000), (Head::Fee, fee, 5_000)]
            }
            2 => {
                let payer = day.payee(&case, PayeeKind::Payer, "李四", 100 + number);
                vec![(Head::Principal, applicant, minor - 30_001), (Head::Surplus, payer, 30_001)]
            }
            _ => {
                let other = day.payee(&case, PayeeKind::OtherCourt, "另一法院", 200 + number);
                let valuer = day.payee(&case, PayeeKind::Valuer, "某评估公司", 300 + number);
                vec![
                    (Head::Principal, applicant, minor - 20_000),
                    (Head::Principal, other, 15_000),
                    (Head::Costs, valuer, 5_000),
                ]
            }
        };
        let paid: Vec<i64> = lines.iter().filter(|line| line.0 != Head::Fee).map(|line| line.2).collect();
        sources.push((SourceKind::Sheet, day.sheet(&case, receipt, &lines).expect("records")));
        due.push((minor, paid));
        cases.push(case);
    }
    let run = day.approved(&sources);

    // Between approval and commit one case is stayed (fee and all), between commit and release another.
    day.case_event(&cases[4], CaseEventKind::Stayed);
    let committed = day.commit(&run).expect("commits");
    assert_eq!(committed.blocked, 2);
    assert_eq!(committed.set_aside.minor(), due[4].0);
    assert_eq!(committed.treasury.minor(), treasury - 5_000);
    assert_eq!(day.case_balances(&cases[4]), [0, 0, due[4].0]);
    assert_eq!(day.case_balances(&cases[5]), [0, due[5].0, 0]);
    day.case_event(&cases[5], CaseEventKind::BankruptcyAccepted);
    let released = day.release(&run).expect("releases");
    assert_eq!(released.blocked, (2, Amount::from_minor(due[5].0)));
    let goes = || due.iter().enumerate().filter(|(place, _)| ![4, 5].contains(place)).flat_map(|(_, due)| &due.1);
    assert_eq!(released.lines, goes().count() as i64);
    assert_eq!(released.sum.minor(), goes().sum::<i64>());
    assert_eq!(day.case_balances(&cases[5]), [0, 0, due[5].0]);
    for (place, case) in cases.iter().enumerate().filter(|(place, _)| ![4, 5].contains(place)) {
        assert_eq!(day.case_balances(case), [0, 0, 0], "case {place}");
    }
    let bank = day.court.bank_account().bank_account_id;
    assert_eq!(day.balance(&format!("T-{bank}")), released.sum.minor());
    assert_eq!(day.balance("F"), treasury - 5_000);

    let folder = day.folder.path().join("out");
    std::fs::create_dir(&folder).expect("makes");
    let mut names = Vec::new();
    for _ in 0..2 {
        let delivered = day
            .act(FINANCE, |tx, acting, keys, _| release::deliver(tx, acting, keys, &run, &folder))
            .expect("delivers");
        assert_eq!(delivered.iter().map(|(file, _)| file.line_count).sum::<i64>(), released.lines);
        names = delivered.into_iter().map(|(file, _)| file.name).collect();
    }
    let mut there: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    there.sort_unstable();
    names.sort_unstable();
    assert_eq!(there, names);
}

fn only_what_is_frozen_stands_aside(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 100_000);
    let (one, two) =
        (day.payee(&case, PayeeKind::Applicant, "王芳", 1), day.payee(&case, PayeeKind::OtherCourt, "另一法院", 2));
    let lines = [(Head::Principal, one, 60_000), (Head::Principal, two, 40_000)];
    let sheet = day.sheet(&case, receipt, &lines).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.freeze(&case, FrozenShare::Claim(one), 25_000);
    let committed = day.commit(&run).expect("commits");
    assert_eq!((committed.blocked, committed.set_aside.minor(), committed.paid.minor()), (1, 25_000, 75_000));
    assert_eq!(day.payment_amounts(&run), [35_000, 40_000]);
    assert_eq!(day.case_balances(&case), [0, 75_000, 25_000]);
    // What the order names stands aside already: the rest goes out, and the next sheet is whole.
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.blocked.0), (2, 0));
    let receipt = day.receive(&case, 10_000);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, one, 10_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    assert_eq!(day.commit(&run).expect("commits").blocked, 0);
    // A freeze that comes after the commit holds back what it names: here by the document, found by its blind index.
    let other = day.case(2);
    let receipt = day.receive(&other, 9_000);
    let (applicant, payer) =
        (day.payee(&other, PayeeKind::Applicant, "王芳", 1), day.payee(&other, PayeeKind::Payer, "李四", 3));
    let lines = [(Head::Principal, applicant, 8_000), (Head::Surplus, payer, 1_000)];
    let sheet = day.sheet(&other, receipt, &lines).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.commit(&run).expect("commits");
    let index = day.keys.index(DocumentType::IdentityCard.as_str(), CARD);
    day.freeze(&other, FrozenShare::Document(index), 1);
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.sum.minor()), (2, 8_999));
    assert_eq!(released.blocked, (1, Amount::from_minor(1)));
    assert_eq!(day.case_balances(&other), [0, 0, 1]);
    // By the payee likewise, and what was held back at release counts for the order.
    let receipt = day.receive(&other, 5_000);
    day.freeze(&other, FrozenShare::Claim(payer), 1_500);
    let sheet = day.sheet(&other, receipt, &[(Head::Surplus, payer, 5_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    assert_eq!(day.commit(&run).expect("commits").set_aside.minor(), 1_500);
    day.freeze(&other, FrozenShare::Claim(payer), 500);
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.sum.minor(), released.blocked.1.minor()), (1, 3_000, 500));
    assert_eq!(day.case_balances(&other), [0, 0, 2_001]);
}

fn two_sheets_of_a_case_share_one_freeze(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 10_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let first = day.sheet(&case, receipt, &[(Head::Principal, payee, 4_000)]).expect("records");
    let second = day.sheet(&case, receipt, &[(Head::Interest, payee, 3_000)]).expect("records");
    let freeze = day.freeze(&case, FrozenShare::Claim(payee), 5_000);
    let run = day.approved(&[(SourceKind::Sheet, first), (SourceKind::Sheet, second)]);
    let committed = day.commit(&run).expect("commits");
    assert_eq!((committed.blocked, committed.set_aside.minor()), (2, 5_000));
    assert_eq!(day.payment_amounts(&run), [2_000]);
    assert_eq!(day.case_balances(&case), [3_000, 2_000, 5_000]);
    // Withdrawn, the freeze is open again; lifted, it stops nothing.
    let withdraw = |day: &mut Day, run: &str| {
        day.act(KEEPER, |tx, acting, _, _| release::withdraw(tx, acting, run, "改期")).expect("withdraws");
    };
    withdraw(&mut day, &run);
    assert_eq!(day.case_balances(&case), [10_000, 0, 0]);
    let third = day.sheet(&case, receipt, &[(Head::Principal, payee, 6_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, third)]);
    assert_eq!(day.commit(&run).expect("commits").set_aside.minor(), 5_000);
    withdraw(&mut day, &run);
    day.act(HANDLER, |tx, acting, _, _| freezes::lift_freeze(tx, acting, &case, freeze, "解除裁定", TODAY))
        .expect("lifts");
    let fourth = day.sheet(&case, receipt, &[(Head::Principal, payee, 6_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, fourth)]);
    assert_eq!(day.commit(&run).expect("commits").set_aside, Amount::ZERO);
}

fn a_changed_account_voids_approvals_and_blocks_lines(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 9_000);
    let (one, two) = (day.payee(&case, PayeeKind::Applicant, "王芳", 1), day.payee(&case, PayeeKind::Payer, "李四", 2));
    let lines = [(Head::Principal, one, 8_000), (Head::Surplus, two, 1_000)];
    let sheet = day.sheet(&case, receipt, &lines).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    let newer = day.change_account(&case, one, 11).expect("changes");
    assert_eq!(code(day.commit(&run)), "runs.changed");
    day.submit(&run).expect("submits again");
    assert_eq!(code(day.commit(&run)), "runs.wrong_status");
    day.approve(FINANCE, &run).expect("first step");
    assert_eq!(code(day.submit(&run)), "runs.unchanged");
    day.approve(HEAD, &run).expect("second step");
    day.commit(&run).expect("commits");
    assert_eq!(day.payments(&run)[0].detail_id, newer);
    day.change_account(&case, one, 12).expect("changes");
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.blocked), (1, (1, Amount::from_minor(8_000))));
    assert_eq!(day.case_balances(&case), [0, 0, 8_000]);
}

fn what_a_sheet_refuses(database: &Database) {
    let mut day = Day::open(database);
    let (case, other) = (day.case(1), day.case(2));
    let (receipt, elsewhere) = (day.receive(&case, 1_000), day.receive(&other, 1_000));
    assert_eq!(
        code(day.payee_of(&case, PayeeKind::Applicant, "王芳", 1, HANDLER)),
        "access.second_person_same",
        "nobody confirms alone"
    );
    assert_eq!(code(day.payee_of(&case, PayeeKind::Applicant, "王芳", 1, HEAD)), "access.second_person_role");
    assert_eq!(code(day.payee_of(&case, PayeeKind::Applicant, " ", 1, KEEPER)), "sheets.payee_name");
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    assert_eq!(code(day.payee_of(&case, PayeeKind::Applicant, "王芳", 2, KEEPER)), "sheets.payee_exists");
    let fee = day.payee(&case, PayeeKind::Treasury, "国库", 0);
    assert_eq!(code(day.change_account(&case, fee, 1)), "sheets.treasury_account");
    assert_eq!(code(day.change_account(&other, payee, 1)), "sheets.payee_unknown");
    let principal = |minor| [(Head::Principal, payee, minor)];
    assert_eq!(code(day.sheet(&case, elsewhere, &principal(1))), "sheets.receipt_elsewhere");
    assert_eq!(code(day.sheet(&other, elsewhere, &principal(1))), "sheets.payee_unknown");
    assert_eq!(code(day.sheet(&case, receipt, &principal(1_001))), "payouts.sheet_above_available");
    assert_eq!(code(day.sheet(&case, receipt, &[(Head::Fee, payee, 1)])), "payouts.sheet_payee_not_of_head");
    assert_eq!(code(day.sheet(&case, receipt, &[])), "payouts.sheet_no_heads");
    let sheet = day.sheet(&case, receipt, &principal(500)).expect("records");
    assert_eq!(code(day.sheet(&case, receipt, &principal(500))), "sheets.same_pending");
    // One sheet, one run.
    let run = day.draft(&[(SourceKind::Sheet, sheet)]).expect("drafts");
    assert_eq!(code(day.draft(&[(SourceKind::Sheet, sheet)])), "runs.source_taken");
    day.submit(&run).expect("submits");
    day.approve(FINANCE, &run).expect("first step");
    day.approve(HEAD, &run).expect("second step");
    day.commit(&run).expect("commits");
    assert_eq!(code(day.draft(&[(SourceKind::Sheet, sheet)])), "runs.source_taken");
    // An instalment of the same amount is another sheet.
    day.sheet(&case, receipt, &principal(500)).expect("records");
    let mut tx = day.court.store.snapshot().expect("reads");
    let stored = sheets::sheets_of_case(&mut tx, COURT, case.case_id).expect("reads");
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].run, Some((run, "committed".to_owned())));
    assert_eq!(stored[0].lines[0].payee_name, "王芳");
    assert_eq!(code(sheets::find_sheet(&mut tx, COURT, 1)), "sheets.unknown");
}

/// The name of the constraint that the database refuses by, when the functions are gone round.
fn refused_by(day: &mut Day, text: &'static str) -> String {
    let mut tx = day.court.store.begin().expect("begins");
    match tx.execute(text, &[COURT.into()]) {
        Err(Error::Constraint { name }) => name,
        other => panic!("{text}: {other:?}"),
    }
}

/// A copy of the first approval under another step, with these for approver, whom they stand in for, and principal.
macro_rules! approval_of {
    ($people:literal) => {
        concat!(
            "INSERT INTO approval (court_id, book_id, approval_id, run_id, step_no, role, approver_id, ",
            "on_behalf_of_id, principal_id, maker_id, digest, amount_minor, recorded_at, mark) ",
            "SELECT court_id, book_id, approval_id + 1000000, run_id, step_no + 7, role, ",
            $people,
            ", maker_id, digest, amount_minor, recorded_at, mark FROM approval WHERE court_id = $1 AND step_no = 1"
        )
    };
}

/// Whoever proposed the account that a sheet is paid to has made a part of the run, whoever made the sheet.
fn who_proposed_an_account_approves_no_sheet_that_pays_it(database: &Database) {
    let mut day = Day::open(database);
    let head = day.court.person(HEAD);
    day.court
        .act(ADMIN, |tx, acting, _| access::grant(tx, acting, &head, Role::Handler, TODAY, "兼任"))
        .expect("grants");
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    day.change_account_by(HEAD, &case, payee, 2).expect("proposes");
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let run = day.draft(&[(SourceKind::Sheet, sheet)]).expect("drafts");
    day.submit(&run).expect("submits");
    let cleared = day.court.act(HEAD, |tx, acting, _| {
        ankuan::payouts::screens::clear(tx, acting, &run, "account_changed_lately", "已核实")
    });
    assert_eq!(code(cleared), "screens.maker_clears");
    day.approve(FINANCE, &run).expect("first step");
    assert_eq!(code(day.approve(HEAD, &run)), "runs.maker_approves");
}

fn the_maker_never_approves(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let run = day.draft(&[(SourceKind::Sheet, sheet)]).expect("drafts");
    assert_eq!(code(day.approve(FINANCE, &run)), "runs.wrong_status");
    day.submit(&run).expect("submits");
    assert_eq!(code(day.commit(&run)), "runs.wrong_status");
    assert_eq!(code(day.approve(HANDLER, &run)), "runs.maker_approves");
    assert_eq!(code(day.approve(KEEPER, &run)), "access.role_missing");
    day.approve(FINANCE, &run).expect("first step");
    assert_eq!(code(day.approve(FINANCE, &run)), "runs.approved_before");
    let (head, keeper) = (day.court.person(HEAD), day.court.person(KEEPER));
    day.court
        .act(ADMIN, |tx, acting, _| {
            access::delegate(tx, acting, &head, &keeper, Role::BureauHead, TODAY, TODAY, "委托书")
        })
        .expect("delegates");
    assert_eq!(day.approve(KEEPER, &run).expect("second step"), Status::Approved);
    let given = {
        let mut tx = day.court.store.snapshot().expect("reads");
        let run = runs::find_run(&mut tx, COURT, &run).expect("known");
        runs::approvals(&mut tx, COURT, run.run_id).expect("reads")
    };
    assert_eq!(given[1].on_behalf_of_id, Some(head.person_id));
    assert_eq!((given[0].role.as_str(), given[1].role.as_str()), ("finance", "bureau_head"));

    // The floors stand when the functions are gone round.
    let by_maker = approval_of!("maker_id, NULL, maker_id");
    let for_maker = approval_of!("999, maker_id, maker_id");
    for text in [by_maker, for_maker] {
        assert!(refused_by(&mut day, text).contains("approval_not_maker"));
    }
    // SQLite names the columns of a unique constraint.
    let twice = refused_by(&mut day, approval_of!("approver_id, NULL, approver_id"));
    assert!(
        ["approval_person_once", "approval_principal_once", "approver_id", "principal_id"]
            .iter()
            .any(|name| twice.contains(name)),
        "{twice}"
    );
    let lent_twice = refused_by(&mut day, approval_of!("999, approver_id, approver_id"));
    assert!(lent_twice.contains("principal"), "{lent_twice}");
    let unsaid = refused_by(&mut day, approval_of!("998, NULL, 997"));
    assert!(unsaid.contains("approval_principal"), "{unsaid}");
    let alone = "INSERT INTO payee (court_id, book_id, payee_id, case_id, kind, name, document_type, detail_id, \
         commitment, basis, proposed_by, approved_by, recorded_at, mark) \
         SELECT court_id, book_id, payee_id + 1000000, case_id, kind, name, document_type, detail_id, commitment, \
         basis, proposed_by, proposed_by, recorded_at, mark FROM payee WHERE court_id = $1";
    assert!(refused_by(&mut day, alone).contains("payee_two_people"));
}

/// Runs pay sheets in any order, so what they record must not hang on the order of the sheets.
fn sheets_are_paid_in_any_order(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let mut sheets = Vec::new();
    for amount in [100, 200, 300, 400] {
        let receipt = day.receive(&case, amount);
        sheets.push(day.sheet(&case, receipt, &[(Head::Principal, payee, amount)]).expect("records"));
    }
    for order in [&[3, 0][..], &[2], &[1]] {
        let sources: Vec<_> = order.iter().map(|place: &usize| (SourceKind::Sheet, sheets[*place])).collect();
        let run = day.approved(&sources);
        day.commit(&run).expect("commits");
        let released = day.release(&run).expect("releases");
        assert_eq!(released.lines, order.len() as i64);
    }
}

fn of_two_commits_at_once_one_wins(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    let outcomes: Vec<Outcome<Committed>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let run = &run;
                scope.spawn(move || {
                    let chart = Chart::parse("x", ankuan::chart::DEFAULT).expect("sound");
                    let mut court = std::mem::ManuallyDrop::new(Court { store: database.open(), chart });
                    court.act(KEEPER, |tx, acting, _| commit::commit(tx, acting, run, &mut |_| ()))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for outcome in lost {
        assert_eq!(code(outcome), "runs.wrong_status");
    }
    assert_eq!(day.case_balances(&case), [0, 1_000, 0]);
}

const SOUND: [&str; 3] = [
    "A1,张三,其他,D1,6.00,,6222020000000000015,某银行,102100099996,",
    "A2,李四,其他,D2,6.00,,6222020000000000023,某银行,102100099996,",
    "A3,王五,其他,D3,2.00,,6222020000000000031,某银行,102100099996,",
];

fn money_is_distributed_once(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    day.import(&case, &SOUND);
    let receipt = day.receive(&case, 10);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1)]).expect("records");
    let first = day.distribute(&case, 10).expect("distributes");
    let second = day.distribute(&case, 10).expect("distributes");
    assert_eq!(day.granted(&first), [4, 4, 2]);
    let one = day.approved(&[(SourceKind::Distribution, first.distribution_id)]);
    let two = day.approved(&[(SourceKind::Distribution, second.distribution_id)]);
    day.commit(&one).expect("commits");
    assert_eq!(day.case_balances(&case), [0, 10, 0]);
    assert_eq!(code(day.commit(&two)), "payouts.distribution_stale");
    let short = day.approved(&[(SourceKind::Sheet, sheet)]);
    assert_eq!(code(day.commit(&short)), "payouts.case_money_short");
    assert_eq!(code(day.distribute(&case, 1)), "payouts.pot_above_case_money");
    // Withdrawn, the money is the case's again, and the other run may go.
    day.act(KEEPER, |tx, acting, _, _| release::withdraw(tx, acting, &one, "改期")).expect("withdraws");
    assert_eq!(day.case_balances(&case), [10, 0, 0]);
    assert_eq!(code(day.commit(&one)), "runs.wrong_status");
    day.commit(&two).expect("commits");
    day.release(&two).expect("releases");
    assert_eq!(code(day.release(&two)), "runs.wrong_status");
    // A fen more would give 5, 5, 1 from the start; what the third had is not taken back.
    day.receive(&case, 1);
    let third = day.distribute(&case, 1).expect("distributes");
    assert_eq!(day.granted(&third), [1]);
    assert_eq!(third.round_no, 2);
    let run = day.approved(&[(SourceKind::Distribution, third.distribution_id)]);
    day.commit(&run).expect("commits");
    assert_eq!(day.payment_amounts(&run), [1]);
}

fn a_claim_changes_by_two_people(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let list = day.import(
        &case,
        &[
            SOUND[0],
            SOUND[1],
            "A3,王五,其他,D3,2.00,,6.22E+18,某银行,102100099996,",
            "A4,赵六,其他,D4,不详,,6222020000000000049,某银行,102100099996,",
        ],
    );
    assert_eq!((list.broken, list.unsound), (1, 1));
    day.receive(&case, 1_400);
    assert_eq!(code(day.distribute(&case, 1_400)), "payouts.broken_claims");

    // Refusals first: one person, the wrong role, no paper, the wrong state, an unknown claimant.
    let paper = ("笔录", KEEPER);
    let reserve = |minor| {
        move |tx: &mut Tx<'_>, acting: &Acting, said: &Statement<'_>| {
            events::reserve_claim(tx, acting, said, Amount::from_minor(minor))
        }
    };
    let same = day.change(&case, "A4", ("笔录", HANDLER), reserve(200));
    assert_eq!(code(same), "access.second_person_same");
    assert_eq!(code(day.change(&case, "A4", ("笔录", FINANCE), reserve(200))), "access.second_person_role");
    assert_eq!(code(day.change(&case, "A4", (" ", KEEPER), reserve(200))), "claim_events.basis_missing");
    assert_eq!(code(day.change(&case, "A4", paper, reserve(0))), "claim_events.reserve_amount");
    assert_eq!(code(day.change(&case, "A1", paper, reserve(1))), "claim_events.not_broken");
    assert_eq!(code(day.change(&case, "A9", paper, reserve(1))), "claim_events.unknown");
    assert_eq!(code(day.change(&case, "A4", paper, events::confirm_claim)), "claim_events.broken");
    let alone = "INSERT INTO claim_event (court_id, book_id, id, case_id, claim_id, event, reason, basis, proposed_by, \
         approved_by, recorded_at, mark) VALUES ($1, 1, 1000000, 1, 1, 'reserve', '', '', 5, 5, 0, 0)";
    assert!(refused_by(&mut day, alone).contains("claim_event_two_people"));

    let reserved = day.change(&case, "A4", paper, reserve(200)).expect("reserves");
    assert_eq!((reserved.standing, reserved.amount.minor()), (ClaimStanding::Reserved, 200));
    let disputed = day.change(&case, "A2", paper, events::dispute_claim).expect("disputes");
    assert_eq!(disputed.standing, ClaimStanding::Disputed);
    assert_eq!(code(day.change(&case, "A2", paper, events::dispute_claim)), "claim_events.disputed_already");
    // 14.00 + 2.00 reserved, of which 14.00 are there.
    let first = day.distribute(&case, 1_400).expect("distributes");
    assert_eq!((first.paid.minor(), first.set_aside.minor(), first.carried), (525, 875, Amount::ZERO));
    let run = day.approved(&[(SourceKind::Distribution, first.distribution_id)]);
    // Withdrawn after the approval: the approval is void, and approved again, the share stands aside.
    day.change(&case, "A1", paper, events::withdraw_claim).expect("withdraws");
    assert_eq!(code(day.change(&case, "A1", paper, events::confirm_claim)), "claim_events.withdrawn");
    assert_eq!(code(day.commit(&run)), "runs.changed");
    day.submit(&run).expect("submits");
    day.approve(FINANCE, &run).expect("first step");
    day.approve(HEAD, &run).expect("second step");
    let committed = day.commit(&run).expect("commits");
    assert_eq!((committed.lines, committed.blocked, committed.set_aside.minor()), (0, 1, 1_400));
    let open = {
        let mut tx = day.court.store.snapshot().expect("reads");
        events::open_claims(&mut tx, COURT, &case).expect("reads")
    };
    assert_eq!(open.iter().map(|claim| claim.claimant_no.as_str()).collect::<Vec<_>>(), ["A2", "A3"]);
}

fn heirs_sum_exactly(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    // The claimant died and the account is closed: the list's details cannot be used.
    day.import(&case, &["A1,张三,其他,D1,10.00,,6.22E+18,某银行,102100099996,", SOUND[1], SOUND[2]]);
    let (keeper, accounts) = (day.court.person(KEEPER), [101, 102, 103].map(|number| detail("", number).1));
    let record = |day: &mut Day, parts: &[(i64, i64)]| {
        let new: Vec<NewPart<'_>> = parts
            .iter()
            .zip(["配偶", "长子", "次子"])
            .zip(&accounts)
            .map(|(((numerator, denominator), name), account)| NewPart {
                numerator: *numerator,
                denominator: *denominator,
                document_type: DocumentType::Other,
                detail: person(name, account, name),
            })
            .collect();
        let claim = Which::Number("A1");
        let said = Statement { case: &case, claim, reason: "继承", basis: "公证书", confirmed_by: &keeper };
        day.act(HANDLER, |tx, acting, keys, random| events::record_payees(tx, acting, keys, random, &said, &new))
    };
    assert_eq!(code(record(&mut day, &[])), "claim_events.parts_count");
    assert_eq!(code(record(&mut day, &[(1, 2), (1, 3)])), "claim_events.parts_sum");
    assert_eq!(code(record(&mut day, &[(3, 2), (-1, 2)])), "claim_events.part");
    record(&mut day, &[(1, 2), (1, 2)]).expect("records");
    // The newest set counts as a whole.
    let claim = record(&mut day, &[(1, 2), (1, 6), (1, 3)]).expect("records");
    assert_eq!(claim.payees().len(), 3);
    assert_eq!(claim.problem, None);
    day.receive(&case, 1_799);
    let distribution = day.distribute(&case, 1_799).expect("distributes");
    let shares = day.granted(&distribution);
    let run = day.approved(&[(SourceKind::Distribution, distribution.distribution_id)]);
    // One heir's money is frozen, by the document that only the heir has.
    let index = day.keys.index(DocumentType::Other.as_str(), "长子");
    day.freeze(&case, FrozenShare::Document(index), 10);
    let committed = day.commit(&run).expect("commits");
    assert_eq!((committed.lines, committed.blocked, committed.set_aside.minor()), (5, 1, 10));
    let amounts = day.payment_amounts(&run);
    assert_eq!(amounts[..3].iter().sum::<i64>() + 10, shares[0], "{amounts:?} of {shares:?}");
    let exact = [shares[0] / 2, shares[0] / 6, shares[0] / 3];
    for (paid, exact) in [amounts[0], amounts[1] + 10, amounts[2]].iter().zip(exact) {
        assert!((0..=1).contains(&(paid - exact)), "{amounts:?} of {shares:?}");
    }
    // Heirs recorded after the commit: the lines to those before are blocked.
    record(&mut day, &[(1, 1)]).expect("records");
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.blocked.0), (2, 3));
    assert_eq!(released.sum.minor(), shares[1] + shares[2]);
}

/// Heirs of A1 by halves, each with a document of their own.
fn record_two_heirs(day: &mut Day, case: &Case) {
    let keeper = day.court.person(KEEPER);
    let accounts = [101, 102].map(|number| detail("", number).1);
    let parts = ["配偶", "长子"].iter().zip(&accounts).map(|(name, account)| NewPart {
        numerator: 1,
        denominator: 2,
        document_type: DocumentType::Other,
        detail: person(name, account, name),
    });
    let parts: Vec<NewPart<'_>> = parts.collect();
    let said =
        Statement { case, claim: Which::Number("A1"), reason: "继承", basis: "公证书", confirmed_by: &keeper };
    day.act(HANDLER, |tx, acting, keys, random| events::record_payees(tx, acting, keys, random, &said, &parts))
        .expect("records");
}

const ONE_CLAIM: [&str; 1] = ["A1,张三,其他,D1,10.00,,6222020000000000015,某银行,102100099996,"];

fn an_heirs_part_set_aside_whole_counts_for_the_heir(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    day.import(&case, &ONE_CLAIM);
    record_two_heirs(&mut day, &case);
    let index = day.keys.index(DocumentType::Other.as_str(), "长子");
    day.freeze(&case, FrozenShare::Document(index), 300);
    // Of 300 frozen, the first round has 200 of the heir's, the second the other 100.
    for aside in [200, 100] {
        day.receive(&case, 400 + aside);
        let distribution = day.distribute(&case, 400).expect("distributes");
        let run = day.approved(&[(SourceKind::Distribution, distribution.distribution_id)]);
        let committed = day.commit(&run).expect("commits");
        assert_eq!((committed.set_aside.minor(), committed.paid.minor()), (aside, 400 - aside));
        day.release(&run).expect("releases");
    }
}

fn a_freeze_of_one_heir_lets_the_other_go(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    day.import(&case, &ONE_CLAIM);
    record_two_heirs(&mut day, &case);
    day.receive(&case, 400);
    let distribution = day.distribute(&case, 400).expect("distributes");
    let run = day.approved(&[(SourceKind::Distribution, distribution.distribution_id)]);
    day.commit(&run).expect("commits");
    let index = day.keys.index(DocumentType::Other.as_str(), "长子");
    day.freeze(&case, FrozenShare::Document(index), 1_000);
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.sum.minor()), (1, 200));
    assert_eq!(released.blocked, (1, Amount::from_minor(200)));
    assert_eq!(day.case_balances(&case), [0, 0, 200]);
}

fn what_a_line_says_after_approval_is_what_was_approved(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.commit(&run).expect("commits");
    let execute = |day: &mut Day, text: &'static str| {
        let mut tx = day.court.store.begin().expect("begins");
        assert_eq!(tx.execute(text, &[COURT.into(), payee.into()]).expect("changes"), 1);
        tx.commit().expect("commits");
    };
    // Past the program, in the columns that are not sealed.
    for (change, back) in [
        (
            "UPDATE personal_detail SET payee_name = '赵六' WHERE court_id = $1 AND detail_id = $2",
            "UPDATE personal_detail SET payee_name = '王芳' WHERE court_id = $1 AND detail_id = $2",
        ),
        (
            "UPDATE personal_detail SET bank_name = '他行' WHERE court_id = $1 AND detail_id = $2",
            "UPDATE personal_detail SET bank_name = '某银行某支行' WHERE court_id = $1 AND detail_id = $2",
        ),
        (
            "UPDATE personal_detail SET bank_code = '103100000026' WHERE court_id = $1 AND detail_id = $2",
            "UPDATE personal_detail SET bank_code = '102100099996' WHERE court_id = $1 AND detail_id = $2",
        ),
        (
            "UPDATE personal_detail SET payee_kind = 'company' WHERE court_id = $1 AND detail_id = $2",
            "UPDATE personal_detail SET payee_kind = 'person' WHERE court_id = $1 AND detail_id = $2",
        ),
    ] {
        execute(&mut day, change);
        assert_eq!(code(day.release(&run)), "keys.detail_cannot_open", "{change}");
        execute(&mut day, back);
    }
    // Sealed anew under the same id, by somebody who has the keys.
    let reseal = |day: &mut Day, account: &str| {
        execute(day, "UPDATE personal_detail SET detail_id = -detail_id WHERE court_id = $1 AND detail_id = $2");
        let mut tx = day.court.store.begin().expect("begins");
        let mut writer = DetailWriter::new(&day.keys, BOOK);
        let other = person("王芳", account, CARD);
        writer.write(&mut tx, payee, [9; 12], DocumentType::IdentityCard.as_str(), &other).expect("seals");
        writer.finish(&mut tx).expect("writes");
        tx.commit().expect("commits");
    };
    reseal(&mut day, "6222020000000000999");
    assert_eq!(code(day.release(&run)), "payouts.detail_changed");
    execute(&mut day, "DELETE FROM personal_detail WHERE court_id = $1 AND detail_id = $2");
    execute(&mut day, "UPDATE personal_detail SET detail_id = -detail_id WHERE court_id = $1 AND -detail_id = $2");
}

fn a_run_is_paid_from_the_account_that_has_the_money(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let second = day
        .court
        .act(FINANCE, |tx, acting, chart| {
            chart::add_bank_account(tx, acting, chart, "3303030001111", "法院", "另一银行", "103100000026")
        })
        .expect("a bank account");
    let sources = [(SourceKind::Sheet, sheet)];
    let new =
        NewRun { title: "案款发放", bank_account_id: second.bank_account_id, profile: PROFILE, sources: &sources };
    let run = day.act(HANDLER, |tx, acting, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
    day.approve_twice(&run);
    match day.commit(&run) {
        Err(ankuan::Failure::Refused(message)) => {
            assert_eq!(message.code, "payouts.case_money_short");
            for language in [ankuan::Language::Zh, ankuan::Language::En] {
                assert!(message.text(language).contains("3303030001111"), "{}", message.text(language));
            }
        }
        other => panic!("{other:?}"),
    }
}

fn a_run_for_the_treasury_alone_is_released_without_files(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let fee = day.payee(&case, PayeeKind::Treasury, "国库", 0);
    let applicant = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Fee, fee, 400)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.commit(&run).expect("commits");
    let released = day.release(&run).expect("releases");
    assert_eq!((released.lines, released.sum, released.blocked), (0, Amount::ZERO, (0, Amount::ZERO)));
    assert_eq!(released.files, []);
    assert_eq!(code(day.release(&run)), "runs.wrong_status");
    // Lines that are all blocked are another thing.
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, applicant, 600)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.commit(&run).expect("commits");
    day.case_event(&case, CaseEventKind::Stayed);
    assert_eq!(code(day.release(&run)), "payouts.all_blocked");
}

crate::on_both!(
    an_heirs_part_set_aside_whole_counts_for_the_heir,
    a_freeze_of_one_heir_lets_the_other_go,
    what_a_line_says_after_approval_is_what_was_approved,
    a_run_is_paid_from_the_account_that_has_the_money,
    a_run_for_the_treasury_alone_is_released_without_files,
    forty_sheets_go_out_in_one_run,
    only_what_is_frozen_stands_aside,
    two_sheets_of_a_case_share_one_freeze,
    a_changed_account_voids_approvals_and_blocks_lines,
    what_a_sheet_refuses,
    the_maker_never_approves,
    who_proposed_an_account_approves_no_sheet_that_pays_it,
    of_two_commits_at_once_one_wins,
    sheets_are_paid_in_any_order,
    money_is_distributed_once,
    a_claim_changes_by_two_people,
    heirs_sum_exactly,
);
