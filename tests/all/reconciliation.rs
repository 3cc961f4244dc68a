//! The circle: released files → the practice bank → answers and statements → matched, settled, returned, paid again →
//! a bank reconciliation statement that ties.

use std::path::{Path, PathBuf};

use ankuan::access::{self, Acting};
use ankuan::audit::verify_court;
use ankuan::bank_sim::{self, Debit, Options, ReplyFormat, StatementFormat};
use ankuan::cases::Case;
use ankuan::chart::{self, Chart};
use ankuan::claims::events::{self, NewDetails, Statement, Which};
use ankuan::claims::record::{Import, import_list};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::documents::personal::PersonalDetail;
use ankuan::flows::by_hand::{BySaying, Says, match_line};
use ankuan::flows::undo::{Undoes, undo};
use ankuan::flows::{Matched, match_account};
use ankuan::payouts::distribute::{Plan, Rule};
use ankuan::payouts::reissue::{self, NewReissue, Returned};
use ankuan::payouts::runs::{self, NewRun, SourceKind};
use ankuan::payouts::sent::Standing;
use ankuan::payouts::{commit, release, rounds};
use ankuan::report::bank_reconciliation::{BankReconciliation, bank_reconciliation};
use ankuan::statements::Channel;
use ankuan::statements::import::{Import as StatementImport, Imported, import_statement};
use ankuan::{Outcome, bank, replies, signoff};
use ankuan_ledger::Amount;
use ankuan_ledger::Tx;
use ankuan_reconciliation::matching::Rules;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::court::{BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, at, code};
use crate::support::Database;

const PROFILE: &str = include_str!("../../profiles/generic-csv.toml");
const PAIN: &str = include_str!("../../profiles/pain001.toml");

/// A court that has sent a payout to the practice bank.
struct Circle {
    court: Court,
    keys: Keys,
    randomness: Randomness,
    folder: tempfile::TempDir,
    case: Case,
    run: String,
    /// Days from [`TODAY`] that have passed.
    day: i64,
}

impl Drop for Circle {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let report =
                verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("verifies");
            let findings: Vec<_> = report.checks.iter().filter(|check| !check.ok()).collect();
            assert!(findings.is_empty(), "{findings:?}");
        }
    }
}

impl Circle {
    /// A payout to so many claimants, released and delivered to `files`.
    fn open(database: &Database, claimants: i64, profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut randomness = Randomness::seeded(1);
        let keys = Keys::create(&folder.path().join("keys"), &mut randomness).expect("makes keys");
        let mut court = Court::open(database);
        let case = court.case(NUMBER);
        let pot = claimants * 10_000 + claimants * (claimants + 1) / 2;
        court.receive("FT-POT", pot, Some(&case)).expect("receives");
        let run = String::new();
        let mut circle = Self { court, keys, randomness, folder, case, run, day: 0 };
        circle.run = circle.pay(claimants, pot, profile);
        circle
    }

    /// Runs in a transaction on the circle's present day.
    fn act<T>(
        &mut self,
        who: &str,
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Keys, &mut Randomness, &Chart) -> Outcome<T>,
    ) -> Outcome<T> {
        let date = self.date(self.day);
        let at = at().checked_add((24 * self.day).hours()).expect("a time");
        let mut tx = self.court.store.begin()?;
        let actor = access::find_actor(&mut tx, COURT, who)?;
        let acting = Acting { actor, at, date };
        let done = work(&mut tx, &acting, &self.keys, &mut self.randomness, &self.court.chart)?;
        tx.commit()?;
        Ok(done)
    }

    fn date(&self, day: i64) -> Date {
        TODAY.checked_add(day.days()).expect("a date")
    }

    fn pay(&mut self, claimants: i64, pot: i64, profile: &str) -> String {
        let heading = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号";
        let rows: Vec<String> = (1..=claimants)
            .map(|n| {
                format!(
                    "A{n},张三{n},其他,P{n:08},{}.{:02},张三{n},62220200000{n:08},某银行,102100099996,",
                    100 + n / 100,
                    n % 100
                )
            })
            .collect();
        let path = self.folder.path().join("list.csv");
        std::fs::write(&path, format!("{heading}\n{}\n", rows.join("\n"))).expect("writes");
        let case_id = self.case.case_id;
        self.act(HANDLER, |tx, acting, keys, random, _| {
            let import = Import { case_id, path: &path, expect_rows: None, expect_sum: None };
            import_list(tx, acting, keys, random, &import, &mut |_| (), &mut |_| ())
        })
        .expect("imports");
        let plan = Plan { rule: Rule::ProRata, smallest_payment: None, broken_claims: 0 };
        let distribution = self
            .act(HANDLER, |tx, acting, _, _, _| {
                Ok(rounds::record_distribution(tx, acting, case_id, Some(Amount::from_minor(pot)), &plan)?.0)
            })
            .expect("distributes");
        self.send(&[(SourceKind::Distribution, distribution.distribution_id)], profile)
    }

    fn send(&mut self, sources: &[(SourceKind, i64)], profile: &str) -> String {
        let bank_account_id = self.court.bank_account().bank_account_id;
        let new = NewRun { title: "案款发放", bank_account_id, profile, sources };
        let run = self.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
        self.release(&run);
        run
    }

    fn release(&mut self, run: &str) {
        self.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, run)).expect("submits");
        for who in [FINANCE, HEAD] {
            self.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, run, None)).expect("approves");
        }
        self.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, run, &mut |_| ())).expect("commits");
        self.act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, run, &mut |_| ()))
            .expect("releases");
        let folder = self.folder.path().join(format!("files-{run}"));
        std::fs::create_dir_all(&folder).expect("makes it");
        self.act(FINANCE, |tx, acting, keys, _, _| release::deliver(tx, acting, keys, run, &folder)).expect("delivers");
    }

    /// Lets the bank answer the files of a run; gives the folder of its answers.
    fn bank(&self, run: &str, options: &Options, incoming: &str) -> PathBuf {
        let out = self.folder.path().join(format!("bank-{run}"));
        let path = self.folder.path().join(format!("incoming-{run}.csv"));
        std::fs::write(&path, format!("金额,付款人,附言,交易流水号,子账户\n{incoming}")).expect("writes");
        let files = self.folder.path().join(format!("files-{run}"));
        let incoming = (!incoming.is_empty()).then_some(path.as_path());
        bank_sim::simulate(&files, incoming, &out, options).expect("answers");
        out
    }

    fn options(&self) -> Options {
        let account = self.court_account();
        Options { account: Some(account), opening: Some(Amount::ZERO), ..Options::plain(self.date(0)) }
    }

    fn court_account(&self) -> String {
        "1202020009900".to_owned()
    }

    fn import(&mut self, who: &str, path: &Path) -> Outcome<Imported> {
        let fetched_by = self.court.person(who);
        self.act(who, |tx, acting, keys, random, _| {
            let import = StatementImport {
                path,
                profile: None,
                bank_account: None,
                channel: Channel::BankDirect,
                fetched_by: &fetched_by,
            };
            import_statement(tx, acting, keys, random, &import, &mut |_| ())
        })
    }

    fn reply(&mut self, path: &Path) -> Outcome<replies::Imported> {
        let fetched_by = self.court.person(FINANCE);
        self.act(FINANCE, |tx, acting, keys, random, _| {
            let import = replies::Import {
                path,
                profile: None,
                payment_file: None,
                channel: Channel::BankDirect,
                fetched_by: &fetched_by,
            };
            replies::import_reply(tx, acting, keys, random, &import)
        })
    }

    fn reconcile(&mut self) -> Matched {
        let account = self.court.bank_account();
        self.act(FINANCE, |tx, acting, _, _, chart| {
            match_account(tx, acting, chart, &account, Rules::standard(), "standard")
        })
        .expect("matches")
    }

    /// Imports what the bank wrote on a day, in the order of the names, and matches.
    fn bank_day(&mut self, bank: &Path, day: i64) -> Matched {
        self.day = self.day.max(day);
        let folder = bank.join(self.date(day).to_string());
        for path in files_of(&folder) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if name.contains("-reply-") {
                self.reply(&path).expect("an answer");
            } else {
                self.import(FINANCE, &path).expect("a statement");
            }
        }
        self.reconcile()
    }

    fn statement(&mut self, day: i64) -> BankReconciliation {
        let account = self.court.bank_account();
        let date = self.date(day);
        let mut tx = self.court.store.snapshot().expect("reads");
        bank_reconciliation(&mut tx, &self.court.chart, COURT, &account, date).expect("adds up")
    }

    fn returned(&mut self) -> Vec<Returned> {
        let account = self.court.bank_account();
        let mut tx = self.court.store.snapshot().expect("reads");
        reissue::returned(&mut tx, COURT, account.bank_account_id).expect("reads")
    }

    fn balance(&mut self, code: &str) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        ankuan::report::find_account(&mut tx, BOOK, code).expect("opened").posted.minor()
    }

    fn in_transit(&mut self) -> i64 {
        let account = self.court.bank_account().bank_account_id;
        self.balance(&format!("T-{account}"))
    }

    /// A corrected account for whatever came back, by handler and fund keeper.
    fn correct_accounts(&mut self) {
        let confirmed_by = self.court.person(KEEPER);
        for (place, one) in self.returned().into_iter().enumerate() {
            let account = format!("62220299999{place:08}");
            let case = self.case.clone();
            let name = one.payment.name.clone();
            self.act(HANDLER, |tx, acting, keys, random, _| {
                let statement = Statement {
                    case: &case,
                    claim: Which::Id(one.claim_id),
                    reason: "退票后更正",
                    basis: "收款账户确认书",
                    confirmed_by: &confirmed_by,
                };
                let detail = PersonalDetail {
                    kind: bank::PayeeKind::Person,
                    payee_name: &name,
                    bank_name: "某银行",
                    bank_code: "102100099996",
                    document_number: "P1",
                    account: &account,
                    telephone: "",
                };
                events::change_claim_details(tx, acting, keys, random, &statement, &NewDetails { detail })
            })
            .expect("changes");
        }
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.expect("reads").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

/// The whole circle with one style of the bank.
fn circle(database: &Database, profile: &str, debit: Debit, reply: ReplyFormat, statement: StatementFormat) {
    let claimants = 40;
    let mut circle = Circle::open(database, claimants, profile);
    let pot = claimants * 10_000 + claimants * (claimants + 1) / 2;
    assert_eq!(circle.in_transit(), pot);
    let options = Options { reject: 100, returned: 100, debit, reply, statement, ..circle.options() };
    let incoming = format!("{}.{:02},李四,案款,FT-POT,\n", pot / 100, pot % 100);
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, &incoming);
    let mut left = Vec::new();
    for day in 0..=3 {
        left.extend(circle.bank_day(&bank, day).left);
    }
    assert!(left.is_empty(), "{debit:?} {reply:?} {statement:?}: {left:#?}");
    // Nothing is on its way any more, and what came back is owed again, each payment to its own payee.
    assert_eq!(circle.in_transit(), 0, "{debit:?} {reply:?} {statement:?}");
    let back = circle.returned();
    assert!(!back.is_empty());
    let owed: i64 = back.iter().map(|one| one.payment.amount.minor()).sum();
    let case = circle.case.case_id;
    assert_eq!(circle.balance(&format!("P-{case}")), owed);
    let truth = std::fs::read_to_string(bank.join("truth.json")).expect("the truth");
    let truth: serde_json::Value = serde_json::from_str(&truth).expect("reads");
    for one in &back {
        let fate = truth["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .find(|line| line["line_key"] == one.payment.key.as_str())
            .expect("the line");
        assert_ne!(fate["fate"], "paid", "{fate}");
    }
    let found = circle.statement(2);
    assert!(found.ties() && found.items.is_empty(), "{found:#?}");

    // Nobody has corrected an account yet.
    let account = circle.court.bank_account();
    let new = NewReissue { bank_account_id: account.bank_account_id, run: None, case_id: None };
    let refused = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new));
    assert_eq!(code(refused), "reissue.not_corrected");
    circle.correct_accounts();
    let sources = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new)).expect("records");
    // A second reissue of the same finds nothing: never two open payments for one debt.
    let refused = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new));
    assert_eq!(code(refused), "reissue.nothing");
    let again = circle.send(&sources, profile);
    assert_eq!(circle.balance(&format!("P-{case}")), 0);
    assert_eq!(circle.in_transit(), owed);
    assert!(circle.returned().is_empty());
    let from = circle.date(4);
    let options =
        Options { opening: Some(Amount::from_minor(owed)), from, debit, reply, statement, ..circle.options() };
    let bank = circle.bank(&again, &options, "");
    for day in 4..=5 {
        assert!(circle.bank_day(&bank, day).left.is_empty());
    }
    assert_eq!(circle.in_transit(), 0);
    let found = circle.statement(4);
    assert!(found.ties() && found.items.is_empty() && found.bank == Amount::ZERO, "{found:#?}");
}

fn the_circle_ties_in_every_style_of_the_bank(database: &Database) {
    circle(database, PROFILE, Debit::Whole, ReplyFormat::Csv, StatementFormat::Csv);
}

fn the_circle_ties_with_less_failed(database: &Database) {
    circle(database, PAIN, Debit::LessFailed, ReplyFormat::Pain002, StatementFormat::Camt053);
}

fn the_circle_ties_line_by_line(database: &Database) {
    circle(database, PROFILE, Debit::Each, ReplyFormat::Csv, StatementFormat::Camt053);
}

/// Importing again, whatever comes twice, changes nothing.
fn what_comes_twice_changes_nothing(database: &Database) {
    let mut circle = Circle::open(database, 30, PROFILE);
    let options = Options {
        reject: 100,
        returned: 100,
        reply: ReplyFormat::Both,
        statement: StatementFormat::Both,
        ..circle.options()
    };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "3004.65,李四,案款,FT-POT,\n");
    for day in 0..=3 {
        circle.bank_day(&bank, day);
    }
    let (before, balance) = (circle.statement(3), circle.in_transit());
    for day in 0..=3 {
        for path in files_of(&bank.join(circle.date(day).to_string())) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if name.contains("-reply-") {
                assert!(circle.reply(&path).expect("reads").already, "{name}");
            } else {
                assert!(circle.import(FINANCE, &path).expect("reads").already, "{name}");
            }
        }
    }
    let matched = circle.reconcile();
    assert_eq!((matched.lines, matched.matched), (0, 0));
    assert_eq!((circle.statement(3), circle.in_transit()), (before, balance));
}

/// Undo restores: the line is open, the payments stand where they stood, and matching again gives the same.
fn undo_restores(database: &Database) {
    let mut circle = Circle::open(database, 20, PROFILE);
    let options = Options { reject: 100, returned: 100, ..circle.options() };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "2002.10,李四,案款,FT-POT,\n");
    circle.day = 0;
    let day0 = bank.join(circle.date(0).to_string());
    for path in files_of(&day0) {
        if path.to_string_lossy().contains("-reply-") {
            circle.reply(&path).expect("an answer");
        } else {
            circle.import(FINANCE, &path).expect("a statement");
        }
    }
    let transit = circle.in_transit();
    let first = circle.reconcile();
    assert!(first.matched > 0);
    let after = (circle.statement(0), circle.in_transit());
    let lines: Vec<i64> = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        tx.query(
            "SELECT bank_line_id FROM line_match WHERE court_id = $1 AND book_id = $2 ORDER BY bank_line_id DESC",
            &[COURT.into(), BOOK.book_id.into()],
            |row| row.int(0),
        )
        .expect("reads")
    };
    let refused = circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(lines[0]), " "));
    assert_eq!(code(refused), "flows.reason_missing");
    for line in lines {
        let done = circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "看错了"));
        // A line that went with another's group is open already.
        if let Err(failure) = done {
            assert_eq!(code::<()>(Err(failure)), "flows.not_matched");
        }
    }
    assert_eq!(circle.in_transit(), transit);
    assert!(!circle.statement(0).items.is_empty());
    let again = circle.reconcile();
    assert_eq!(again.matched, first.matched);
    assert_eq!((circle.statement(0).ties(), circle.in_transit()), (after.0.ties(), after.1));
    assert_eq!(circle.statement(0).items, after.0.items);
}

/// A missing day shows as a gap and blocks the sign-off; with it imported, the day can be signed by two people, neither
/// of whom fetched the statement, and nothing is posted into it afterwards.
fn days_are_signed_by_two_and_stay_closed(database: &Database) {
    let mut circle = Circle::open(database, 20, PROFILE);
    let options = Options { returned: 200, reject: 100, return_after: 1, ..circle.options() };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "2002.10,李四,案款,FT-POT,\n");
    circle.day = 2;
    let statements: Vec<PathBuf> = (0..=2)
        .flat_map(|day| files_of(&bank.join(circle.date(day).to_string())))
        .filter(|path| !path.to_string_lossy().contains("-reply-"))
        .collect();
    for day in 0..=2 {
        for path in files_of(&bank.join(circle.date(day).to_string())) {
            if path.to_string_lossy().contains("-reply-") {
                circle.reply(&path).expect("an answer");
            }
        }
    }
    assert!(statements.len() >= 2, "{statements:?}");
    let (account, day) = (circle.court.bank_account(), circle.date(1));
    let prepare = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::prepare(tx, acting, chart, &account, day))
    };
    assert_eq!(code(prepare(&mut circle, KEEPER)), "signoff.no_statement");
    for path in statements.iter().skip(1) {
        circle.import(FINANCE, path).expect("a statement");
    }
    let first = statements[0].clone();
    let without = circle.statement(1);
    circle.import(FINANCE, &first).expect("the missing day");
    let with = circle.statement(1);
    assert!(!without.ties() || without.bank_says == with.bank_says);
    let matched = circle.reconcile();
    assert!(matched.left.is_empty(), "{:?}", matched.left);

    assert_eq!(code(prepare(&mut circle, FINANCE)), "signoff.fetched_it");
    prepare(&mut circle, KEEPER).expect("prepares");
    let close = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::close(tx, acting, chart, &account, day))
    };
    let review = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::review(tx, acting, chart, &account, day))
    };
    assert_eq!(code(close(&mut circle, FINANCE)), "signoff.not_reviewed");
    assert_eq!(code(review(&mut circle, KEEPER)), "signoff.same_person");
    review(&mut circle, FINANCE).expect("reviews");
    close(&mut circle, FINANCE).expect("closes");
    circle.day = 1;
    let late = circle.act(FINANCE, |tx, acting, _, _, chart| {
        let bank_account = chart::find_bank_account(tx, COURT, None)?;
        let new = ankuan::receipts::NewReceipt {
            bank_account: &bank_account,
            bank_reference: "LATE",
            value_date: acting.date,
            arrived_on: acting.date,
            amount: Amount::from_minor(1),
            payer_name: "",
            case: None,
            sub_account: None,
            remark: "",
        };
        ankuan::receipts::record_receipt(tx, acting, chart, &new)
    });
    assert_eq!(code(late), "signoff.day_closed");
    circle.day = 2;
    let reopen = |circle: &mut Circle, who: &str, reason: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, _| signoff::reopen(tx, acting, &account, day, reason))
    };
    assert_eq!(code(reopen(&mut circle, FINANCE, "")), "signoff.reason_missing");
    reopen(&mut circle, FINANCE, "补记").expect("asks");
    assert_eq!(code(reopen(&mut circle, FINANCE, "")), "signoff.same_person");
    reopen(&mut circle, HEAD, "").expect("agrees");
    assert_eq!(code(close(&mut circle, FINANCE)), "signoff.not_reviewed");
}

/// A corrupted answer is caught: a changed amount, an answer that contradicts an earlier one.
fn corrupted_answers_are_caught(database: &Database) {
    let mut circle = Circle::open(database, 10, PROFILE);
    let options = circle.options();
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "1000.55,李四,案款,FT-POT,\n");
    let day0 = bank.join(circle.date(0).to_string());
    let reply = files_of(&day0).into_iter().find(|path| path.to_string_lossy().contains("-reply-")).expect("an answer");
    let bytes = std::fs::read(&reply).expect("reads");
    let text = encoding_rs::GB18030.decode(&bytes).0.into_owned();
    let changed = circle.folder.path().join("changed.csv");
    let write = |text: &str| {
        let (bytes, _, _) = encoding_rs::GB18030.encode(text);
        std::fs::write(&changed, bytes).expect("writes");
    };
    // One amount changed: the answer contradicts its own footer.
    write(&text.replacen("100.01", "200.01", 1));
    assert_eq!(code(circle.reply(&changed)), "replies.totals_differ");
    // Footer changed as well: the amount differs from what was sent, and the line does not count.
    let without_footer: String =
        text.lines().filter(|line| !line.starts_with("合计")).map(|line| format!("{line}\r\n")).collect();
    write(&without_footer.replacen("100.01", "200.01", 1));
    let imported = circle.reply(&changed).expect("reads");
    assert_eq!((imported.conflicts.len(), imported.paid.count), (1, 9));
    assert_eq!(imported.conflicts[0].message.code, "replies.conflict_amount");
    // The true answer: nine say the same again, one is new.
    let imported = circle.reply(&reply).expect("reads");
    assert_eq!((imported.paid.count, imported.repeated, imported.conflicts.len()), (1, 9, 0));
    // An answer that says the contrary does not count.
    write(&without_footer.replacen(",00,", ",01,", 1));
    let imported = circle.reply(&changed).expect("reads");
    assert_eq!(imported.conflicts[0].message.code, "replies.conflict_answered_before");
}

/// A line matched by hand must agree with what it is matched with.
fn by_hand_amounts_must_agree(database: &Database) {
    let mut circle = Circle::open(database, 5, PROFILE);
    let options = circle.options();
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "500.15,李四,案款,OTHER,\n7.00,王五,不明,X1,\n");
    let day0 = bank.join(circle.date(0).to_string());
    for path in files_of(&day0).into_iter().filter(|path| !path.to_string_lossy().contains("-reply-")) {
        circle.import(FINANCE, &path).expect("a statement");
    }
    let mut lines: Vec<(i64, i64)> = Vec::new();
    {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let account = chart::find_bank_account(&mut tx, COURT, None).expect("one");
        ankuan::statements::each_open_line(&mut tx, COURT, account.bank_account_id, &mut |line| {
            lines.push((line.bank_line_id, line.amount.minor()));
            Ok(())
        })
        .expect("reads");
    }
    let line = |minor: i64| lines.iter().find(|line| line.1 == minor).expect("the line").0;
    let account = circle.court.bank_account();
    let keeper = circle.court.person(KEEPER);
    let set_by = |circle: &mut Circle, line: i64, says: &Says<'_>, second: bool| {
        let account = account.clone();
        let said = BySaying { says, evidence: "回单", confirmed_by: second.then_some(&keeper) };
        circle.act(FINANCE, |tx, acting, _, _, chart| match_line(tx, acting, chart, &account, line, &said))
    };
    let set = |circle: &mut Circle, line: i64, says: &Says<'_>| set_by(circle, line, says, false);
    let pot = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        ankuan::receipts::receipts(&mut tx, BOOK).expect("reads")[0].receipt_id
    };
    assert_eq!(code(set(&mut circle, line(700), &Says::Receipts(&[pot]))), "flows.amount_differs");
    assert_eq!(code(set(&mut circle, line(700), &Says::Charges)), "flows.not_a_debit");
    assert_eq!(code(set(&mut circle, line(50_015), &Says::Receipts(&[pot, pot]))), "flows.receipt_matched");
    set(&mut circle, line(50_015), &Says::Receipts(&[pot])).expect("links");
    assert_eq!(code(set(&mut circle, line(50_015), &Says::Receipts(&[pot]))), "flows.line_not_open");
    assert_eq!(code(set(&mut circle, line(700), &Says::Interest)), "flows.second_person");
    set_by(&mut circle, line(700), &Says::Interest, true).expect("the bank's");
    let file = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let run = runs::find_run(&mut tx, COURT, &run).expect("known");
        release::files_of_run(&mut tx, COURT, run.run_id).expect("reads")[0].name.clone()
    };
    set(&mut circle, line(-50_015), &Says::File(&file)).expect("debited");
    assert_eq!(circle.in_transit(), 0);
    assert!(circle.statement(0).ties());
    assert!(circle.returned().iter().all(|one| one.payment.standing != Standing::Out));
}

crate::on_both!(
    the_circle_ties_in_every_style_of_the_bank,
    the_circle_ties_with_less_failed,
    the_circle_ties_line_by_line,
    what_comes_twice_changes_nothing,
    undo_restores,
    days_are_signed_by_two_and_stay_closed,
    corrupted_answers_are_caught,
    by_hand_amounts_must_agree,
);
