//! A court that pays and hears of it from its bank: with the practice bank, or with statements and answers written line
//! by line. When a test ends, everything that `verify` looks at is verified.

use std::path::{Path, PathBuf};

use ankuan::access::{self, Acting, Actor};
use ankuan::audit::verify_court;
use ankuan::bank_sim::{self, Options};
use ankuan::cases::Case;
use ankuan::chart::{BankAccount, Chart};
use ankuan::claims::DocumentType;
use ankuan::claims::events::{self, NewDetails, NewPart, Statement, Which};
use ankuan::claims::record::{Import, import_list};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::documents::personal::PersonalDetail;
use ankuan::flows::by_hand::{BySaying, Says, match_line};
use ankuan::flows::undo::{Undoes, Undone, undo};
use ankuan::flows::{Matched, match_account};
use ankuan::payouts::distribute::{Plan, Rule};
use ankuan::payouts::reissue::{self, Returned};
use ankuan::payouts::release::BankFile;
use ankuan::payouts::runs::{self, NewRun, SourceKind};
use ankuan::payouts::sent::{Sent, Standing, each_sent, sent_runs};
use ankuan::payouts::{commit, release, rounds};
use ankuan::receipts::Receipt;
use ankuan::report::bank_reconciliation::{BankReconciliation, bank_reconciliation};
use ankuan::statements::Channel;
use ankuan::statements::days::DayStep;
use ankuan::statements::import::{Import as StatementImport, Imported, import_statement};
use ankuan::{Outcome, bank, replies, report, signoff};
use ankuan_ledger::Amount;
use ankuan_ledger::Tx;
use ankuan_reconciliation::matching::Rules;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::court::{ACCOUNT, BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, at};
use crate::support::Database;

pub const PROFILE: &str = include_str!("../../profiles/generic-csv.toml");
pub const PAIN: &str = include_str!("../../profiles/pain001.toml");

/// A court that has sent a payout to the practice bank.
pub struct Circle {
    pub court: Court,
    pub keys: Keys,
    pub randomness: Randomness,
    pub folder: tempfile::TempDir,
    pub case: Case,
    pub run: String,
    /// Days from [`TODAY`] that have passed.
    pub day: i64,
    /// What the account holds after the lines that [`Circle::bring`] brought.
    pub bank_holds: i64,
    /// What `verify` must find when the test ends: its checks by their names, for books that a test breaks.
    pub broken: Vec<&'static str>,
    /// Files written so far.
    files_written: u32,
}

/// A line as a statement shows it.
#[derive(Clone, Copy, Default)]
pub struct Shown<'a> {
    day: Option<Date>,
    minor: i64,
    reference: &'a str,
    name: &'a str,
    code: &'a str,
    remark: &'a str,
    key: &'a str,
}

/// A line that adds `minor` to the account.
pub fn shown(reference: &str, minor: i64) -> Shown<'_> {
    Shown { reference, minor, ..Shown::default() }
}

impl<'a> Shown<'a> {
    pub const fn on(self, day: Date) -> Self {
        Self { day: Some(day), ..self }
    }

    pub const fn name(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    pub const fn code(self, code: &'a str) -> Self {
        Self { code, ..self }
    }

    pub const fn remark(self, remark: &'a str) -> Self {
        Self { remark, ..self }
    }

    /// The key or message id of ours that the bank gives back.
    pub const fn key(self, key: &'a str) -> Self {
        Self { key, ..self }
    }
}

/// What a court would look at: balances by account, where payments stand, and the open items of the newest day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Code, posted, held.
    pub accounts: Vec<(String, i64, i64)>,
    pub payments: Vec<(String, Standing)>,
    /// Reference and amount.
    pub open: Vec<(String, i64)>,
    pub ties: bool,
}

pub fn yuan(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

impl Drop for Circle {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.verified();
        }
    }
}

impl Circle {
    /// A payout to so many claimants, released and delivered to `files`.
    pub fn open(database: &Database, claimants: i64, profile: &str) -> Self {
        let mut circle = Self::without_payout(database);
        let pot = pot(claimants);
        circle.court.receive("FT-POT", pot, Some(&circle.case)).expect("receives");
        circle.run = circle.pay(claimants, pot, profile);
        circle
    }

    /// A court with a case, into which nothing has come.
    pub fn without_payout(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut randomness = Randomness::seeded(1);
        let keys = Keys::create(&folder.path().join("keys"), &mut randomness).expect("makes keys");
        let mut court = Court::open(database);
        let case = court.case(NUMBER);
        let (run, broken) = (String::new(), Vec::new());
        Self { court, keys, randomness, folder, case, run, day: 0, bank_holds: 0, broken, files_written: 0 }
    }

    /// Verifies everything; what a test broke must be found.
    pub fn verified(&mut self) {
        let report = verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("verifies");
        let findings: Vec<_> = report.checks.iter().filter(|check| !check.ok()).collect();
        let names: Vec<&str> = findings.iter().map(|check| check.name).collect();
        assert_eq!(names, self.broken, "{findings:?}");
    }

    /// Runs in a transaction on the circle's present day.
    pub fn act<T>(
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

    pub fn date(&self, day: i64) -> Date {
        TODAY.checked_add(day.days()).expect("a date")
    }

    pub fn pay(&mut self, claimants: i64, pot: i64, profile: &str) -> String {
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

    pub fn send(&mut self, sources: &[(SourceKind, i64)], profile: &str) -> String {
        let bank_account_id = self.court.bank_account().bank_account_id;
        let new = NewRun { title: "案款发放", bank_account_id, profile, sources };
        let run = self.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
        self.release(&run);
        run
    }

    pub fn release(&mut self, run: &str) {
        self.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, run)).expect("submits");
        for who in [FINANCE, HEAD] {
            self.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, run, None, None)).expect("approves");
        }
        self.court.clear_screens(run);
        self.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, run, &mut |_| ())).expect("commits");
        self.act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, run, &mut |_| ()))
            .expect("releases");
        let folder = self.folder.path().join(format!("files-{run}"));
        std::fs::create_dir_all(&folder).expect("makes it");
        self.act(FINANCE, |tx, acting, keys, _, _| release::deliver(tx, acting, keys, run, &folder)).expect("delivers");
    }

    /// Lets the bank answer the files of a run; gives the folder of its answers.
    pub fn bank(&self, run: &str, options: &Options, incoming: &str) -> PathBuf {
        let out = self.folder.path().join(format!("bank-{run}"));
        let path = self.folder.path().join(format!("incoming-{run}.csv"));
        std::fs::write(&path, format!("金额,付款人,附言,交易流水号,子账户\n{incoming}")).expect("writes");
        let files = self.folder.path().join(format!("files-{run}"));
        let incoming = (!incoming.is_empty()).then_some(path.as_path());
        bank_sim::simulate(&files, incoming, &out, options).expect("answers");
        out
    }

    pub fn options(&self) -> Options {
        Options { account: Some(ACCOUNT.to_owned()), opening: Some(Amount::ZERO), ..Options::plain(self.date(0)) }
    }

    pub fn import(&mut self, who: &str, path: &Path) -> Outcome<Imported> {
        let fetched_by = self.court.person(who);
        self.import_fetched(who, &fetched_by, path)
    }

    pub fn import_fetched(&mut self, who: &str, fetched_by: &Actor, path: &Path) -> Outcome<Imported> {
        self.act(who, |tx, acting, keys, random, _| {
            let import =
                StatementImport { path, profile: None, bank_account: None, channel: Channel::BankDirect, fetched_by };
            import_statement(tx, acting, keys, random, &import, &mut |_| ())
        })
    }

    pub fn reply(&mut self, path: &Path) -> Outcome<replies::Imported> {
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

    /// Runs the rules over the court's first account.
    pub fn reconcile(&mut self) -> Matched {
        let account = self.court.bank_account();
        self.reconcile_account(&account)
    }

    pub fn reconcile_account(&mut self, account: &BankAccount) -> Matched {
        self.act(FINANCE, |tx, acting, _, _, chart| {
            match_account(tx, acting, chart, account, Rules::standard(), "standard")
        })
        .expect("matches")
    }

    /// Writes a statement of an account from a day to a day.
    pub fn write_statement(&mut self, account: &str, days: (Date, Date), opening: i64, lines: &[Shown<'_>]) -> PathBuf {
        let mut text = format!(
            "账号,{account}\r\n户名,法院\r\n币种,CNY\r\n起止日期,{},{}\r\n期初余额,{}\r\n\
             交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n",
            days.0,
            days.1,
            signed_yuan(opening)
        );
        let mut balance = opening;
        for line in lines {
            balance += line.minor;
            let (day, amount) = (line.day.unwrap_or(days.0), yuan(line.minor.abs()));
            let (debit, credit) = if line.minor < 0 { (amount.as_str(), "") } else { ("", amount.as_str()) };
            text.push_str(&format!(
                "{day},{day},{debit},{credit},{},{},,{},{},{},{},\r\n",
                signed_yuan(balance),
                line.name,
                line.code,
                line.remark,
                line.reference,
                line.key
            ));
        }
        text.push_str(&format!("期末余额,{}\r\n", signed_yuan(balance)));
        self.write_file("statement.csv", &text)
    }

    /// Writes a file as the bank would: in GB18030, under a name of its own.
    pub fn write_file(&mut self, name: &str, text: &str) -> PathBuf {
        self.files_written += 1;
        let path = self.folder.path().join(format!("{}-{name}", self.files_written));
        std::fs::write(&path, encoding_rs::GB18030.encode(text).0).expect("writes");
        path
    }

    /// The bank's statement of a day with these lines, imported; it begins with what the account held.
    pub fn bring(&mut self, day: i64, lines: &[Shown<'_>]) {
        self.day = self.day.max(day);
        let date = self.date(day);
        let path = self.write_statement(ACCOUNT, (date, date), self.bank_holds, lines);
        self.import(FINANCE, &path).expect("a statement");
        self.bank_holds += lines.iter().map(|line| line.minor).sum::<i64>();
    }

    /// Writes an answer of the bank to the run's first file: key, amount, 00 paid, 01 failed or 02 in hand.
    pub fn write_answer(&mut self, lines: &[(&str, i64, &str)]) -> PathBuf {
        let file = self.sent_files().remove(0);
        let mut text = format!(
            "原文件,{}\r\n批次号,{}\r\n序号,业务编号,收款人账号,收款人户名,金额,状态码,状态说明\r\n",
            file.name, file.message_id
        );
        for (place, (key, minor, state)) in lines.iter().enumerate() {
            text.push_str(&format!("{},{key},,,{},{state},\r\n", place + 1, yuan(*minor)));
        }
        self.write_file("answer.csv", &text)
    }

    /// The bank answers that the payments with these keys were refused, and all others paid.
    pub fn answer_refused(&mut self, refused: &[&str]) {
        let sent = self.sent();
        let state = |key: &str| if refused.contains(&key) { "01" } else { "00" };
        let lines: Vec<_> = sent.iter().map(|one| (one.key.as_str(), one.amount.minor(), state(&one.key))).collect();
        let path = self.write_answer(&lines);
        self.reply(&path).expect("an answer");
    }

    /// The payments of the run, in the order of their lines.
    pub fn sent(&mut self) -> Vec<Sent> {
        let account = self.court.bank_account().bank_account_id;
        let mut tx = self.court.store.snapshot().expect("reads");
        let mut sent = Vec::new();
        for run in sent_runs(&mut tx, COURT, account).expect("reads") {
            if run.run.number == self.run {
                each_sent(&mut tx, COURT, &run, &mut |payment| {
                    sent.push(payment);
                    Ok(())
                })
                .expect("reads");
            }
        }
        sent
    }

    /// Where the payments of the run stand.
    pub fn standings(&mut self) -> Vec<Standing> {
        self.sent().iter().map(|payment| payment.standing).collect()
    }

    /// The files of the run.
    pub fn sent_files(&mut self) -> Vec<BankFile> {
        let mut tx = self.court.store.snapshot().expect("reads");
        let run = runs::find_run(&mut tx, COURT, &self.run).expect("known");
        release::files_of_run(&mut tx, COURT, run.run_id).expect("reads")
    }

    pub fn receipts(&mut self) -> Vec<Receipt> {
        let mut tx = self.court.store.snapshot().expect("reads");
        ankuan::receipts::receipts(&mut tx, BOOK).expect("reads")
    }

    /// The number of the line with the bank's reference.
    pub fn line(&mut self, reference: &str) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        let text = "SELECT bank_line_id FROM bank_line WHERE court_id = $1 AND bank_reference = $2";
        let lines = tx.query(text, &[COURT.into(), reference.into()], |row| row.int(0)).expect("reads");
        assert_eq!(lines.len(), 1, "{reference}: {lines:?}");
        lines[0]
    }

    /// The references of the lines that no match holds.
    pub fn open_lines(&mut self) -> Vec<String> {
        let account = self.court.bank_account().bank_account_id;
        let mut tx = self.court.store.snapshot().expect("reads");
        let mut open = Vec::new();
        ankuan::statements::each_open_line(&mut tx, COURT, account, &mut |line| {
            open.push(line.bank_reference);
            Ok(())
        })
        .expect("reads");
        open
    }

    /// Finance says what a line of the first account is.
    pub fn set(&mut self, reference: &str, says: &Says<'_>) -> Outcome<Matched> {
        let account = self.court.bank_account();
        self.set_on(&account, reference, says, None)
    }

    /// The same, with the fund keeper behind it.
    pub fn set_by_two(&mut self, reference: &str, says: &Says<'_>) -> Outcome<Matched> {
        let account = self.court.bank_account();
        self.set_on(&account, reference, says, Some(KEEPER))
    }

    pub fn set_on(
        &mut self,
        account: &BankAccount,
        reference: &str,
        says: &Says<'_>,
        second: Option<&str>,
    ) -> Outcome<Matched> {
        let line = self.line(reference);
        let second = second.map(|name| self.court.person(name));
        let said = BySaying { says, evidence: "回单", confirmed_by: second.as_ref() };
        self.act(FINANCE, |tx, acting, _, _, chart| match_line(tx, acting, chart, account, line, &said))
    }

    /// Takes back the match of a line.
    pub fn undo(&mut self, reference: &str) -> Outcome<Undone> {
        let line = self.line(reference);
        self.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "看错了"))
    }

    /// Prepares, reviews or closes a day of the first account.
    pub fn sign(&mut self, who: &str, day: i64, step: DayStep) -> Outcome<BankReconciliation> {
        let (account, day) = (self.court.bank_account(), self.date(day));
        let sign = match step {
            DayStep::Prepared => signoff::prepare,
            DayStep::Reviewed => signoff::review,
            _ => signoff::close,
        };
        self.act(who, |tx, acting, _, _, chart| sign(tx, acting, chart, &account, day))
    }

    /// A day signed by all who have to.
    pub fn close_day(&mut self, day: i64) {
        self.sign(KEEPER, day, DayStep::Prepared).expect("prepares");
        self.sign(FINANCE, day, DayStep::Reviewed).expect("reviews");
        self.sign(FINANCE, day, DayStep::Closed).expect("closes");
    }

    pub fn reopen(&mut self, who: &str, day: i64, reason: &str) -> Outcome<DayStep> {
        let (account, day) = (self.court.bank_account(), self.date(day));
        self.act(who, |tx, acting, _, _, _| signoff::reopen(tx, acting, &account, day, reason))
    }

    /// What the court would look at now.
    pub fn state(&mut self) -> State {
        let statement = self.statement(self.day);
        let payments = self.sent().into_iter().map(|payment| (payment.key, payment.standing)).collect();
        let mut open: Vec<(String, i64)> =
            statement.items.iter().map(|item| (item.reference.clone(), item.amount.minor())).collect();
        open.sort();
        let mut tx = self.court.store.snapshot().expect("reads");
        let accounts = report::accounts(&mut tx, BOOK).expect("reads");
        let accounts = accounts.into_iter().map(|one| (one.code, one.posted.minor(), one.held.minor())).collect();
        State { accounts, payments, open, ties: statement.ties() }
    }

    /// Imports what the bank wrote on a day, in the order of the names, and matches.
    pub fn bank_day(&mut self, bank: &Path, day: i64) -> Matched {
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

    pub fn statement(&mut self, day: i64) -> BankReconciliation {
        let account = self.court.bank_account();
        let date = self.date(day);
        let mut tx = self.court.store.snapshot().expect("reads");
        bank_reconciliation(&mut tx, &self.court.chart, COURT, &account, date).expect("adds up")
    }

    pub fn returned(&mut self) -> Vec<Returned> {
        let account = self.court.bank_account();
        let mut tx = self.court.store.snapshot().expect("reads");
        reissue::returned(&mut tx, COURT, account.bank_account_id).expect("reads")
    }

    pub fn balance(&mut self, code: &str) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        ankuan::report::find_account(&mut tx, BOOK, code).expect("opened").posted.minor()
    }

    pub fn in_transit(&mut self) -> i64 {
        let account = self.court.bank_account().bank_account_id;
        self.balance(&format!("T-{account}"))
    }

    /// What every change of a claim says.
    pub fn change<T>(
        &mut self,
        claim_id: i64,
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Keys, &mut Randomness, &Statement<'_>) -> Outcome<T>,
    ) -> Outcome<T> {
        let confirmed_by = self.court.person(KEEPER);
        let case = self.case.clone();
        let (reason, basis) = ("退票后查明", "公证书");
        let said = Statement { case: &case, claim: Which::Id(claim_id), reason, basis, confirmed_by: &confirmed_by };
        self.act(HANDLER, |tx, acting, keys, random, _| work(tx, acting, keys, random, &said))
    }

    /// Two heirs of a claim, by halves.
    pub fn record_heirs(&mut self, claim_id: i64) {
        let part = |name, account| NewPart {
            numerator: 1,
            denominator: 2,
            document_type: DocumentType::Other,
            detail: person(name, account, name),
        };
        let heirs = [part("配偶", "6222029999800000001"), part("长子", "6222029999800000002")];
        self.change(claim_id, |tx, acting, keys, random, said| {
            events::record_payees(tx, acting, keys, random, said, &heirs)
        })
        .expect("records");
    }

    /// A corrected account for whatever came back, by handler and fund keeper.
    pub fn correct_accounts(&mut self) {
        for (place, one) in self.returned().into_iter().enumerate() {
            let account = format!("62220299999{place:08}");
            self.change(one.claim_id, |tx, acting, keys, random, said| {
                let detail = person(&one.payment.name, &account, "P1");
                events::change_claim_details(tx, acting, keys, random, said, &NewDetails { detail })
            })
            .expect("changes");
        }
    }
}

fn person<'a>(name: &'a str, account: &'a str, document_number: &'a str) -> PersonalDetail<'a> {
    PersonalDetail {
        kind: bank::PayeeKind::Person,
        payee_name: name,
        bank_name: "某银行",
        bank_code: "102100099996",
        document_number,
        account,
        telephone: "",
    }
}

fn signed_yuan(minor: i64) -> String {
    if minor < 0 { format!("-{}", yuan(-minor)) } else { yuan(minor) }
}

/// What comes to a case for so many claimants: each gets a hundred yuan and as many fen as its number.
pub const fn pot(claimants: i64) -> i64 {
    claimants * 10_000 + claimants * (claimants + 1) / 2
}

pub fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.expect("reads").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}
