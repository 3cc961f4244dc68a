//! A court to test with. When the test ends, both its books are verified as a whole.

use ankuan::access::{self, Acting, Actor, Role};
use ankuan::cases::{self, Case};
use ankuan::chart::{self, BankAccount, Chart, NewCourt};
use ankuan::payouts::{runs, screens};
use ankuan::receipts::{NewReceipt, Recorded};
use ankuan::schema::{self, MIGRATIONS};
use ankuan::webhooks::acts::ACTS;
use ankuan::{Failure, Outcome, books};
use ankuan_ledger::verify::verify;
use ankuan_ledger::{Amount, BookKey, Store, Tx};
use jiff::Timestamp;
use jiff::civil::{Date, date};

use crate::support::Database;

pub const COURT: i64 = 7;
pub const BOOK: BookKey = books::case_money(COURT);
pub const TODAY: Date = date(2026, 11, 22);
/// The court's first bank account.
pub const ACCOUNT: &str = "1202020009900";
pub const NUMBER: &str = "（2026）浙0106执123号";

/// People of the test court, each with one role.
pub const ADMIN: &str = "管理员";
pub const HANDLER: &str = "承办人";
pub const KEEPER: &str = "案款管理员";
pub const FINANCE: &str = "财务";
pub const HEAD: &str = "局长";

pub struct Court {
    pub store: Store,
    pub chart: Chart,
}

/// Ten in the morning of [`TODAY`] in China.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_795_312_800).expect("a time")
}

impl Court {
    /// A court with its people and one bank account.
    pub fn open(database: &Database) -> Self {
        let mut store = database.open();
        store.migrate(MIGRATIONS).expect("migrates");
        let mut tx = store.begin().expect("begins");
        let new = NewCourt {
            court_id: COURT,
            name: "某某市某某区人民法院",
            admin_name: ADMIN,
            chart_file: chart::DEFAULT_FILE,
            chart_text: chart::DEFAULT,
        };
        let admin = chart::open_court(&mut tx, &new, TODAY, at()).expect("opens");
        for (name, role) in
            [(HANDLER, Role::Handler), (KEEPER, Role::FundKeeper), (FINANCE, Role::Finance), (HEAD, Role::BureauHead)]
        {
            let person = access::add_person(&mut tx, &admin, name).expect("adds");
            access::grant(&mut tx, &admin, &person, role, TODAY, "任命").expect("grants");
        }
        let chart = chart::load(&mut tx, COURT).expect("the chart");
        tx.commit().expect("commits");
        let mut court = Self { store, chart };
        court
            .act(FINANCE, |tx, acting, chart| {
                chart::add_bank_account(tx, acting, chart, ACCOUNT, "法院", "某银行", "102100099996")
            })
            .expect("a bank account");
        court
    }

    /// One more bank account.
    pub fn open_account(&mut self, number: &str) -> BankAccount {
        self.act(FINANCE, |tx, acting, chart| {
            chart::add_bank_account(tx, acting, chart, number, "法院", "某银行", "102100099996")
        })
        .expect("a bank account")
    }

    /// Lets somebody do something in a transaction that is committed when it is done.
    pub fn act<T>(&mut self, name: &str, work: impl FnOnce(&mut Tx<'_>, &Acting, &Chart) -> Outcome<T>) -> Outcome<T> {
        let mut tx = self.store.begin()?;
        let actor = access::find_actor(&mut tx, COURT, name)?;
        let done = work(&mut tx, &Acting { actor, at: at(), date: TODAY }, &self.chart)?;
        tx.commit()?;
        Ok(done)
    }

    pub fn person(&mut self, name: &str) -> Actor {
        let mut tx = self.store.snapshot().expect("reads");
        access::find_actor(&mut tx, COURT, name).expect("known")
    }

    pub fn bank_account(&mut self) -> BankAccount {
        let mut tx = self.store.snapshot().expect("reads");
        chart::find_bank_account(&mut tx, COURT, Some(ACCOUNT)).expect("the first")
    }

    /// A case with its number.
    pub fn case(&mut self, number: &str) -> Case {
        self.act(HANDLER, |tx, acting, chart| cases::open_case(tx, acting, chart, number, "张三申请执行", TODAY))
            .expect("a case")
    }

    /// Lets finance clear what the screens find of a run; what cannot be cleared is left to whoever commits it.
    pub fn clear_screens(&mut self, run: &str) {
        let found = self.act(FINANCE, |tx, _, _| {
            let run = runs::find_run(tx, COURT, run)?;
            screens::screen(tx, COURT, &run, at())
        });
        let mut codes: Vec<&str> = found
            .unwrap_or_default()
            .iter()
            .filter(|finding| finding.cleared.is_none())
            .map(|finding| finding.message.code)
            .collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let _left = self.act(FINANCE, |tx, acting, _| screens::clear(tx, acting, run, code, "已电话核实"));
        }
    }

    /// Money that arrives for a case or for none.
    pub fn receive(&mut self, reference: &str, minor: i64, case: Option<&Case>) -> Outcome<Recorded> {
        let bank_account = self.bank_account();
        self.act(FINANCE, |tx, acting, chart| {
            let new = NewReceipt {
                bank_account: &bank_account,
                bank_reference: reference,
                value_date: TODAY,
                arrived_on: TODAY,
                amount: Amount::from_minor(minor),
                payer_name: "李四",
                case_id: case.map(|case| case.case_id),
                sub_account: None,
                remark: "",
            };
            ankuan::receipts::record_receipt(tx, acting, chart, &new)
        })
    }
}

impl Drop for Court {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let facts = schema::facts();
        for book in books::all(COURT) {
            let mut tx = self.store.snapshot().expect("reads");
            let exists = tx.query_one(
                "SELECT COUNT(*) FROM book_head WHERE court_id = $1 AND book_id = $2",
                &[book.court_id.into(), book.book_id.into()],
                |row| row.int(0),
            );
            if exists.expect("reads") == 0 {
                continue;
            }
            let text = "SELECT DISTINCT act FROM chain_link WHERE court_id = $1 AND book_id = $2";
            let acts = tx.query(text, &[book.court_id.into(), book.book_id.into()], |row| Ok(row.text(0)?.to_owned()));
            // Tests make acts of their own, named by a single word.
            let is_unlisted = |name: &String| name.contains('.') && !ACTS.contains(&name.as_str());
            let unlisted: Vec<String> = acts.expect("reads").into_iter().filter(is_unlisted).collect();
            assert_eq!(unlisted, Vec::<String>::new(), "acts that no webhook can ask for");
            let report = verify(&mut tx, book, &facts, &[], &mut |_| ()).expect("verifies");
            assert_eq!(report.first_finding(), None, "book {}", book.book_id);
        }
    }
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(outcome: Outcome<T>) -> &'static str {
    match outcome {
        Err(Failure::Refused(message)) => message.code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
