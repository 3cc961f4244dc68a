//! Assets: from the order to money on its way, on both databases.

use std::fs;
use std::path::PathBuf;

use ankuan::Outcome;
use ankuan::assets::answers::{Answered, import};
use ankuan::assets::day::{DayRun, run_day};
use ankuan::assets::instructions::{Sent, deliver_files, send};
use ankuan::assets::measures::{self, Allowance, NewMeasure, Ordered, Whose, load};
use ankuan::assets::register::{Asset, NewAsset, Registered, register};
use ankuan::assets::rules::Extent;
use ankuan::assets::{AssetKind, Basis, MeasureStatus, expected};
use ankuan::audit::verify_court;
use ankuan::bank::deliver::Delivered;
use ankuan::cases::{self, Case};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::flows::match_account;
use ankuan::flows::undo::{Undoes, undo};
use ankuan::institution_sim::{Options, simulate};
use ankuan::receipts::receipts_of_case;
use ankuan::report::case_comparison::case_comparison;
use ankuan::statements::Channel;
use ankuan::statements::import::{Import, import_statement};
use ankuan_ledger::Amount;
use ankuan_reconciliation::matching::Rules;
use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::court::{ACCOUNT, BOOK, COURT, Court, FINANCE, HANDLER, KEEPER, NUMBER, TODAY, code};
use crate::program::{Files, open_court, words};
use crate::support::Database;

pub const BANK: &str = "某银行某支行";

pub const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

/// A court with keys and a folder for messages, on a day that goes on.
pub struct Desk {
    pub court: Court,
    pub keys: Keys,
    pub random: Randomness,
    pub folder: tempfile::TempDir,
    pub today: Date,
    pub files: usize,
}

impl Desk {
    pub fn open(database: &Database) -> Self {
        let court = Court::open(database);
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = Randomness::seeded(5);
        let keys = Keys::create(&folder.path().join("court.key"), &mut random).expect("makes keys");
        Self { court, keys, random, folder, today: TODAY, files: 0 }
    }

    pub fn act<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut ankuan_ledger::Tx<'_>, &ankuan::access::Acting, &Keys, &mut Randomness) -> Outcome<T>,
    ) -> Outcome<T> {
        let (keys, random, today) = (&self.keys, &mut self.random, self.today);
        self.court.act(name, |tx, acting, _| {
            // A day that has come: the clock goes with it.
            let ahead = (today - TODAY).get_days();
            let at = acting.at + i64::from(ahead).checked_mul(24).expect("small").hours();
            let acting = ankuan::access::Acting { actor: acting.actor.clone(), at, date: today };
            work(tx, &acting, keys, random)
        })
    }

    pub fn asset(&mut self, kind: AssetKind, identifier: &str) -> Outcome<Registered> {
        self.act(HANDLER, |tx, acting, keys, random| {
            let new = NewAsset { kind, institution: BANK, holder_name: "李四", is_company: false, identifier };
            register(tx, acting, keys, random, &new)
        })
    }

    pub fn freeze(&mut self, asset: &Asset, case: &Case, extent: Extent, basis: Basis) -> Outcome<Ordered> {
        let new = order(asset, extent, basis);
        self.act(HANDLER, |tx, acting, _, _| measures::freeze(tx, acting, &Whose::Case(case), &new))
    }

    /// A freeze of a deposit in enforcement.
    pub fn deposit(&mut self, asset: &Asset, case: &Case, amount: i64) -> Ordered {
        self.freeze(asset, case, Extent::Amount(yuan(amount)), Basis::Enforcement).expect("orders")
    }

    pub fn outside(&mut self, asset: &Asset, court: &str, amount: i64, frozen: Option<i64>) -> Ordered {
        let new = order(asset, Extent::Amount(yuan(amount)), Basis::Enforcement);
        let whose = Whose::Outside { court, frozen: frozen.map(yuan), since: self.today, document: "银行告知函" };
        self.act(HANDLER, |tx, acting, _, _| measures::freeze(tx, acting, &whose, &new)).expect("records")
    }

    pub fn send(&mut self) -> Option<Sent> {
        self.act(HANDLER, |tx, acting, keys, random| send(tx, acting, keys, random, BANK)).expect("sends")
    }

    /// Writes an answer to a message: for each order its number and the rest of the JSON.
    pub fn answer_file(&mut self, sent: &Sent, lines: &[(i64, &str)]) -> PathBuf {
        self.files += 1;
        let lines: Vec<String> = lines.iter().map(|(order, rest)| format!(r#"{{"order":{order},{rest}}}"#)).collect();
        let text = format!(
            r#"{{"schema":"ankuan-answer-1","instruction":"{}","institution":"{BANK}","answers":[{}]}}"#,
            sent.number,
            lines.join(",")
        );
        let path = self.folder.path().join(format!("answer-{}.json", self.files));
        fs::write(&path, text).expect("writes");
        path
    }

    pub fn read(&mut self, path: &std::path::Path) -> Outcome<Answered> {
        let chart = self.court.chart.clone();
        self.act(HANDLER, |tx, acting, keys, random| import(tx, acting, &chart, keys, random, path))
    }

    /// Sends what waits and reads the bank's answer to it.
    pub fn told(&mut self, lines: &[(i64, &str)]) -> Answered {
        let sent = self.send().expect("something to send");
        assert_eq!(sent.order_count, lines.len() as i64);
        let path = self.answer_file(&sent, lines);
        self.read(&path).expect("reads")
    }

    pub fn deduct(&mut self, measure_id: i64, amount: i64, second: &str) -> Outcome<Ordered> {
        let (account, second) = (self.court.bank_account(), self.court.person(second));
        self.act(HANDLER, |tx, acting, _, _| {
            measures::deduct(tx, acting, measure_id, yuan(amount), &account, "扣划裁定", &second)
        })
    }

    pub fn renew(&mut self, measure_id: i64, months: Option<u16>) -> Outcome<Ordered> {
        self.act(HANDLER, |tx, acting, _, _| measures::renew(tx, acting, measure_id, months, "续行裁定"))
    }

    pub fn lift(&mut self, measure_id: i64, on: Option<Date>) -> Outcome<Ordered> {
        self.act(HANDLER, |tx, acting, _, _| measures::lift(tx, acting, measure_id, on, "解除裁定"))
    }

    pub fn day(&mut self, today: Date) -> DayRun {
        self.today = today;
        self.act(KEEPER, |tx, acting, _, _| run_day(tx, acting)).expect("runs")
    }

    /// Where an order stands: status, frozen, since, last day.
    pub fn stands(&mut self, ordered: &Ordered) -> (MeasureStatus, Option<(Amount, Date, Date)>) {
        let mut tx = self.court.store.snapshot().expect("reads");
        let asset = measures::asset_of(&mut tx, BOOK, ordered.measure_id).expect("known");
        let standing = load(&mut tx, BOOK, asset).expect("loads");
        let measure = standing.line.measure(ordered.measure_id).expect("known");
        (measure.status(), measure.in_force().map(|freeze| (freeze.frozen, freeze.since, freeze.ends_on)))
    }

    pub fn verified(&mut self) {
        let report = verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("verifies");
        let wrong: Vec<_> = report.checks.iter().filter(|check| !check.ok()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    pub fn expected(&mut self) -> Vec<(i64, i64, String)> {
        let account = self.court.bank_account();
        let mut tx = self.court.store.snapshot().expect("reads");
        let all = expected(&mut tx, COURT, account.bank_account_id).expect("reads");
        all.into_iter().map(|one| (one.deduction_id, one.amount.minor() / 100, one.payer_name)).collect()
    }
}

pub fn order<'a>(asset: &'a Asset, extent: Extent, basis: Basis) -> NewMeasure<'a> {
    let allowance = (asset.kind == AssetKind::Salary).then_some(Allowance { monthly: yuan(2_000), carries_over: true });
    NewMeasure {
        asset, ruling: "（2026）浙0106执123号之一", officer: "承办人", basis, extent, months: None, allowance
    }
}

const ON: &str = r#""on":"2026-11-22""#;

fn done(amount: i64) -> String {
    format!(r#""result":"done",{ON},"amount":"{amount}.00""#)
}

fn waiting(place: i64) -> String {
    format!(r#""result":"waiting",{ON},"place":{place}"#)
}

fn from_the_order_to_money_on_its_way(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let asset = desk.asset(AssetKind::Deposit, "6222 0210 0111").expect("registers").asset;
    let again = desk.asset(AssetKind::Deposit, "622202100111").expect("the same number");
    assert!(!again.is_new && again.asset == asset);
    let freeze = desk.deposit(&asset, &case, 1_000);
    assert_eq!(freeze.months, Some(12));
    let sent = desk.send().expect("one message");
    assert_eq!((sent.number.as_str(), sent.order_count), ("I2026-0001", 1));
    assert_eq!(desk.send(), None, "nothing is sent twice");
    let folder = desk.folder.path().to_owned();
    let mut deliver = |wanted| {
        let mut tx = desk.court.store.snapshot().expect("reads");
        assert_eq!(deliver_files(&mut tx, &desk.keys, BOOK, &sent, &folder).expect("delivers"), [wanted; 2]);
    };
    deliver(Delivered::Written);
    deliver(Delivered::AlreadyThere);
    let text = fs::read_to_string(folder.join("I2026-0001.json")).expect("a file");
    let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(message["orders"][0]["asset"]["identifier"], "622202100111");
    assert_eq!(message["orders"][0]["amount"], "1000.00");
    assert!(fs::read_to_string(folder.join("I2026-0001.csv")).expect("a file").contains("622202100111"));
    let path = desk.answer_file(&sent, &[(freeze.order_id.expect("an order"), &done(1_000))]);
    assert_eq!(desk.read(&path).expect("reads").applied, 1);
    assert_eq!(desk.stands(&freeze).1, Some((yuan(1_000), TODAY, date(2027, 11, 22))));

    assert_eq!(code(desk.deduct(freeze.measure_id, 1_001, KEEPER)), "assets.exceeds_frozen");
    assert_eq!(code(desk.deduct(freeze.measure_id, 600, HANDLER)), "access.second_person_same");
    assert_eq!(code(desk.deduct(freeze.measure_id, 600, FINANCE)), "access.second_person_role");
    let deduction = desk.deduct(freeze.measure_id, 600, KEEPER).expect("orders");
    let answered = desk.told(&[(deduction.order_id.expect("an order"), &done(600))]);
    assert_eq!(answered.deductions.len(), 1);
    let deduction_id = answered.deductions[0].0;
    assert_eq!(desk.expected(), [(deduction_id, 600, BANK.to_owned())]);
    // In the case's funds, but not to be touched before it is here.
    let (funds, held) = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        let account = cases::case_account(&mut tx, BOOK, case.case_id, ankuan::chart::AccountKind::CaseFunds);
        tx.query_one(
            "SELECT posted_minor, held_minor FROM item_balance \
             WHERE court_id = $1 AND book_id = $2 AND account_id = $3 AND item_id = $4",
            &[COURT.into(), BOOK.book_id.into(), account.expect("opened").0.into(), deduction_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .expect("an item")
    };
    assert_eq!((funds, held), (60_000, 60_000));
    // The register and the ledger agree on it in the monthly comparison.
    let months = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        case_comparison(&mut tx, COURT, (date(2026, 11, 1), date(2026, 11, 30))).expect("compares")
    };
    assert!(months.len() == 1 && months[0].agrees() && months[0].register_in == yuan(600), "{months:?}");
    desk.verified();
    // The bank's statement shows it: it is no longer on its way, and may be distributed.
    let available = |desk: &mut Desk| {
        let mut tx = desk.court.store.snapshot().expect("reads");
        let money = receipts_of_case(&mut tx, BOOK, case.case_id).expect("reads");
        money.iter().map(|one| (one.receipt_id, one.available)).collect::<Vec<_>>()
    };
    assert_eq!(available(&mut desk), [(deduction_id, Amount::ZERO)]);
    let statement = desk.folder.path().join("statement.csv");
    let text = format!(
        "账号,{ACCOUNT}\r\n户名,法院\r\n币种,CNY\r\n起止日期,{TODAY},{TODAY}\r\n期初余额,0.00\r\n\
         交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n\
         {TODAY},{TODAY},,600.00,600.00,{BANK},,,扣划款,KH-1,,\r\n期末余额,600.00\r\n"
    );
    fs::write(&statement, text).expect("writes");
    let fetched_by = desk.court.person(FINANCE);
    let imported = desk.act(FINANCE, |tx, acting, keys, random| {
        let import = Import {
            path: &statement,
            profile: None,
            bank_account: None,
            channel: Channel::BankDirect,
            fetched_by: &fetched_by,
        };
        import_statement(tx, acting, keys, random, &import, &mut |_| ())
    });
    assert_eq!(imported.expect("imports").problems, []);
    let (chart, account) = (desk.court.chart.clone(), desk.court.bank_account());
    let reconcile = |desk: &mut Desk| {
        desk.act(FINANCE, |tx, acting, _, _| match_account(tx, acting, &chart, &account, Rules::standard(), "standard"))
            .expect("matches")
    };
    let matched = reconcile(&mut desk);
    assert_eq!((matched.matched, matched.receipts.amount), (1, yuan(600)), "{matched:?}");
    assert_eq!(desk.expected(), []);
    assert_eq!(available(&mut desk), [(deduction_id, yuan(600))]);
    desk.verified();
    // Taken back, it is on its way again and cannot be distributed; matched again, it can.
    let line = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        tx.query("SELECT bank_line_id FROM bank_line", &[], |row| row.int(0)).expect("reads")[0]
    };
    desk.act(FINANCE, |tx, acting, _, _| undo(tx, acting, Undoes::Line(line), "认错")).expect("takes it back");
    assert_eq!(desk.expected(), [(deduction_id, 600, BANK.to_owned())]);
    assert_eq!(available(&mut desk), [(deduction_id, Amount::ZERO)]);
    desk.verified();
    assert_eq!(reconcile(&mut desk).matched, 1);
    assert_eq!(available(&mut desk), [(deduction_id, yuan(600))]);
    let months = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        case_comparison(&mut tx, COURT, (date(2026, 11, 1), date(2026, 11, 30))).expect("compares")
    };
    assert!(months[0].agrees() && months[0].register_in == yuan(600), "{months:?}");
    desk.verified();
}

fn three_courts_stand_in_line(database: &Database) {
    let mut desk = Desk::open(database);
    let (one, other) = (desk.court.case(NUMBER), desk.court.case("（2026）浙0106执124号"));
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let first = desk.outside(&asset, "南京中院", 500, Some(500));
    let second = desk.deposit(&asset, &one, 300);
    let answered = desk.told(&[(second.order_id.expect("is there"), &waiting(1))]);
    assert_eq!((answered.applied, answered.conflicts.len()), (1, 0));
    let third = desk.outside(&asset, "宁波中院", 400, None);
    let fourth = desk.deposit(&asset, &other, 50);
    let answered = desk.told(&[(fourth.order_id.expect("is there"), &waiting(2))]);
    assert_eq!(answered.conflicts[0].message.code, "assets.place", "two wait before it");
    let sent = desk
        .court
        .store
        .snapshot()
        .map(|mut tx| ankuan::assets::instructions::find_instruction(&mut tx, BOOK, "I2026-0002").expect("sent"));
    let path = desk.answer_file(&sent.expect("is there"), &[(fourth.order_id.expect("is there"), &waiting(3))]);
    assert_eq!(desk.read(&path).expect("reads").applied, 1);
    assert_eq!(code(desk.renew(first.measure_id, None)), "assets.outside");
    assert_eq!(code(desk.deduct(second.measure_id, 1, KEEPER)), "assets.not_in_force");

    // The first lets go on the 24th; we are told on the 26th.
    desk.today = date(2026, 11, 26);
    desk.lift(first.measure_id, Some(date(2026, 11, 24))).expect("is told");
    let day = date(2026, 11, 24);
    assert_eq!(desk.stands(&second).1, Some((yuan(300), day, date(2027, 11, 24))));
    assert_eq!(desk.stands(&third).1, Some((yuan(200), day, date(2027, 11, 24))));
    assert_eq!(desk.stands(&fourth).0, MeasureStatus::Waiting);
    desk.verified();

    // Nobody renews: ours lapses, the third gets what it lacks and the fourth the rest; another court's end is never assumed.
    let run = desk.day(date(2027, 12, 1));
    assert_eq!((run.lapsed(), run.facts.len(), run.unclear.len()), (1, 3, 1));
    assert_eq!(desk.stands(&second).0, MeasureStatus::Lapsed);
    assert_eq!(desk.stands(&third).1.map(|freeze| freeze.0), Some(yuan(400)));
    assert_eq!(
        desk.stands(&fourth).1,
        Some((yuan(50), day.checked_add(1.years()).expect("is there"), date(2028, 11, 24)))
    );
    let again = desk.day(date(2027, 12, 2));
    assert_eq!((again.facts.len(), again.unclear.len()), (0, 1));
    desk.verified();
}

fn a_renewal_comes_before_the_end_or_not_at_all(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let freeze = desk.deposit(&asset, &case, 100);
    desk.told(&[(freeze.order_id.expect("is there"), &done(100))]);
    desk.today = date(2027, 11, 20);
    assert_eq!(code(desk.renew(freeze.measure_id, Some(13))), "calc.term_too_long");
    let renewal = desk.renew(freeze.measure_id, None).expect("orders");
    assert_eq!(code(desk.renew(freeze.measure_id, None)), "assets.order_open");
    desk.told(&[(renewal.order_id.expect("is there"), r#""result":"done","on":"2027-11-20","until":"2028-11-22""#)]);
    assert_eq!(desk.day(date(2027, 11, 23)).facts.len(), 0);
    assert_eq!(desk.stands(&freeze).1.map(|freeze| freeze.2), Some(date(2028, 11, 22)));
    // After the end there is nothing to renew.
    desk.today = date(2028, 11, 23);
    assert_eq!(code(desk.renew(freeze.measure_id, None)), "assets.past_end");
    assert_eq!(desk.day(date(2028, 11, 23)).lapsed(), 1);
    assert_eq!(code(desk.renew(freeze.measure_id, None)), "assets.ended");
    desk.verified();
}

fn answers_count_once_and_contradictions_are_told(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let other = desk.asset(AssetKind::Policy, "P-77").expect("registers").asset;
    let freeze = desk.deposit(&asset, &case, 100);
    let policy = desk.freeze(&other, &case, Extent::Whole, Basis::Preservation).expect("orders");
    assert_eq!(policy.months, Some(36));
    let (one, two) = (freeze.order_id.expect("is there"), policy.order_id.expect("is there"));
    let sent = desk.send().expect("one message");
    let refused = format!(r#""result":"refused",{ON},"reason":"保单已失效""#);
    let too_much = desk.answer_file(&sent, &[(one, &done(101)), (two, &refused), (9_999, &done(1))]);
    let answered = desk.read(&too_much).expect("reads");
    let codes: Vec<_> = answered.conflicts.iter().map(|conflict| conflict.message.code).collect();
    assert_eq!((answered.applied, codes), (1, vec!["assets.answer_exceeds", "assets.order_unknown"]));
    assert_eq!(desk.stands(&policy).0, MeasureStatus::Refused);
    assert_eq!(desk.stands(&freeze).0, MeasureStatus::Sent);
    assert!(desk.read(&too_much).expect("reads").already, "the same file changes nothing");

    let right = desk.answer_file(&sent, &[(one, &done(100)), (two, &refused)]);
    let answered = desk.read(&right).expect("reads");
    assert_eq!((answered.applied, answered.repeated, answered.conflicts.len()), (1, 1, 0));
    let partly = format!(r#""result":"partly",{ON},"amount":"60.00""#);
    let contradicts = desk.answer_file(&sent, &[(one, &partly)]);
    let answered = desk.read(&contradicts).expect("reads");
    assert_eq!((answered.applied, answered.conflicts[0].message.code), (0, "assets.answer_amount"));

    // A file that is not for us, or for nothing that was sent.
    let broken = desk.folder.path().join("broken.json");
    fs::write(&broken, "{").expect("writes");
    assert_eq!(code(desk.read(&broken)), "assets.answer_file");
    let text = fs::read_to_string(&right).expect("reads");
    for (from, to, wanted) in [
        ("I2026-0001", "I2026-0009", "assets.instruction_unknown"),
        (BANK, "另一银行", "assets.institution_differs"),
        ("100.00", "100.001", "assets.answer_line"),
    ] {
        fs::write(&broken, text.replace(from, to)).expect("writes");
        assert_eq!(code(desk.read(&broken)), wanted);
    }
    desk.verified();
}

fn what_an_order_may_say(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case("（2026）浙0106执保5号");
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let salary = desk.asset(AssetKind::Salary, "622202100111").expect("registers").asset;
    assert_ne!(salary.asset_id, asset.asset_id);
    let mut freeze = |asset: &Asset, extent, basis| desk.freeze(asset, &case, extent, basis);
    assert_eq!(code(freeze(&asset, Extent::Whole, Basis::Preservation)), "assets.exact_amount");
    assert_eq!(code(freeze(&asset, Extent::Amount(yuan(0)), Basis::Preservation)), "assets.not_positive");
    assert_eq!(code(freeze(&asset, Extent::Share(10_001), Basis::Enforcement)), "assets.share");
    freeze(&salary, Extent::Amount(yuan(5_000)), Basis::Enforcement).expect("with its allowance");
    let preserved = freeze(&asset, Extent::Amount(yuan(100)), Basis::Preservation).expect("orders");
    let new = NewMeasure { allowance: None, ..order(&salary, Extent::Whole, Basis::Enforcement) };
    let refused = desk.act(HANDLER, |tx, acting, _, _| measures::freeze(tx, acting, &Whose::Case(&case), &new));
    assert_eq!(code(refused), "assets.allowance_missing");
    let new = NewMeasure { months: Some(13), ..order(&asset, Extent::Whole, Basis::Enforcement) };
    let refused = desk.act(HANDLER, |tx, acting, _, _| measures::freeze(tx, acting, &Whose::Case(&case), &new));
    assert_eq!(code(refused), "calc.term_too_long");
    let refused = desk.act(FINANCE, |tx, acting, _, _| {
        measures::freeze(tx, acting, &Whose::Case(&case), &order(&asset, Extent::Whole, Basis::Enforcement))
    });
    assert_eq!(code(refused), "access.role_missing");
    let sent = desk.send().expect("both");
    let lines = [(preserved.order_id.expect("is there"), done(100))];
    let path = desk.answer_file(&sent, &lines.each_ref().map(|(order, text)| (*order, text.as_str())));
    desk.read(&path).expect("reads");
    // Preservation deducts nothing until the case is enforced; its term runs on.
    assert_eq!(code(desk.deduct(preserved.measure_id, 50, KEEPER)), "assets.preservation_only");
    desk.act(HANDLER, |tx, acting, _, _| cases::add_number(tx, acting, &case, NUMBER, TODAY)).expect("a number");
    let deduction = desk.deduct(preserved.measure_id, 50, KEEPER).expect("enforced now");
    desk.told(&[(deduction.order_id.expect("is there"), &done(50))]);
    // An order that was never sent is taken back without a word.
    let extra = desk.deposit(&asset, &case, 10);
    assert_eq!(desk.lift(extra.measure_id, None).expect("takes back").order_id, None);
    assert_eq!(desk.send(), None);
    desk.verified();
}

fn a_changed_state_is_found(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let freeze = desk.deposit(&asset, &case, 100);
    let waits = desk.deposit(&asset, &case, 100);
    desk.told(&[(freeze.order_id.expect("is there"), &done(100)), (waits.order_id.expect("is there"), &waiting(1))]);
    let lift = desk.lift(freeze.measure_id, None).expect("orders");
    assert!(lift.order_id.is_some());
    desk.verified();
    for (change, back) in [
        (
            "UPDATE measure_state SET frozen_minor = frozen_minor + 1",
            "UPDATE measure_state SET frozen_minor = frozen_minor - 1",
        ),
        ("UPDATE measure_state SET line_no = line_no + 1", "UPDATE measure_state SET line_no = line_no - 1"),
        (
            "UPDATE measure_state SET status = 'lapsed' WHERE status = 'waiting'",
            "UPDATE measure_state SET status = 'waiting' WHERE status = 'lapsed'",
        ),
        ("UPDATE open_order SET is_sent = 1 - is_sent", "UPDATE open_order SET is_sent = 1 - is_sent"),
        (
            "UPDATE open_order SET action = 'renew' WHERE action = 'lift'",
            "UPDATE open_order SET action = 'lift' WHERE action = 'renew'",
        ),
        (
            "UPDATE personal_detail SET account_index = account_index + 1",
            "UPDATE personal_detail SET account_index = account_index - 1",
        ),
    ] {
        let mut run = |text: &'static str| {
            let mut tx = desk.court.store.begin().expect("begins");
            assert!(tx.execute(text, &[]).expect("changes") > 0, "{text}");
            tx.commit().expect("commits");
        };
        run(change);
        let report = verify_court(&mut desk.court.store, COURT, None, &[], &mut |_| ()).expect("verifies");
        let wrong: Vec<_> = report.checks.iter().filter(|check| !check.ok()).map(|check| check.name).collect();
        // What is frozen is also what the memorandum says.
        assert_eq!(wrong.first(), Some(&"measures"), "{change}");
        let mut tx = desk.court.store.begin().expect("begins");
        tx.execute(back, &[]).expect("changes back");
        tx.commit().expect("commits");
    }
    desk.verified();
}

/// The program, with institutions that read only its files: what they hold is what the books say.
fn institutions_play_along(database: &Database) {
    let files = Files::new(1);
    open_court(&files, database);
    let done = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    done(&["person", "grant", "周局长", "fund_keeper", "--as", "赵管理"]);
    let (out, back) = (files.path("out"), files.path("back"));
    for folder in [&out, &back] {
        fs::create_dir(folder).expect("a folder");
    }
    let (out, back) = (out.to_str().expect("is there"), back.to_str().expect("is there"));
    let mut measures_of_asset = Vec::new();
    for (kind, institution) in [("deposit", "甲银行"), ("policy", "乙保险公司"), ("housing_fund", "丙公积金中心")]
    {
        let asset = done(&[
            "asset",
            "add",
            kind,
            "--institution",
            institution,
            "--holder",
            "吴某",
            "--identifier",
            "330100123",
            "--as",
            "钱承办",
        ]);
        let asset = asset["asset_id"].to_string();
        for amount in ["90000", "90000", "90000"] {
            let freeze = done(&[
                "freeze",
                &asset,
                "--case",
                crate::program::CASE,
                "--ruling",
                "之一",
                "--basis",
                "enforcement",
                "--amount",
                amount,
                "--as",
                "钱承办",
            ]);
            measures_of_asset.push((institution, freeze["measure_id"].as_i64().expect("is there")));
        }
    }
    let round = || {
        for institution in ["甲银行", "乙保险公司", "丙公积金中心"] {
            done(&["instructions", "out", "--institution", institution, "--out", out, "--as", "钱承办"]);
        }
        let options = Options { seed: 3, refuse: 0, differ: 0, elsewhere: 0 };
        let report = simulate(out.as_ref(), back.as_ref(), &options).expect("answers");
        for name in &report.answers {
            let path = format!("{back}/{name}");
            let read = done(&["instructions", "in", &path, "--as", "钱承办"]);
            assert_eq!(read["answers"][0]["conflicts"], serde_json::json!([]), "{read}");
        }
        report
    };
    let report = round();
    assert_eq!(report.answers.len(), 3);
    assert_eq!(report.results.values().sum::<usize>(), 9);
    // All that is frozen at the first bank is deducted, the first in line lifted elsewhere.
    let mut ordered = 0;
    for (institution, measure) in &measures_of_asset {
        let assets = done(&["asset", "list"]);
        let asset = assets["assets"]
            .as_array()
            .expect("is there")
            .iter()
            .find(|one| one["institution"] == *institution)
            .expect("is there");
        let shown = done(&["asset", "show", &asset["asset_id"].to_string()]);
        let one = shown["measures"]
            .as_array()
            .expect("is there")
            .iter()
            .find(|one| one["measure_id"] == *measure)
            .expect("is there");
        let frozen = one["frozen_minor"].as_i64().expect("is there");
        if *institution == "甲银行" && frozen > 0 {
            let amount = format!("{}.{:02}", frozen / 100, frozen % 100);
            let measure = measure.to_string();
            done(&[
                "deduct",
                &measure,
                "--amount",
                &amount,
                "--ruling",
                "之二",
                "--confirmed-by",
                "周局长",
                "--as",
                "钱承办",
            ]);
            ordered += frozen;
        }
    }
    let (_, first) = measures_of_asset.iter().find(|(institution, _)| *institution == "乙保险公司").expect("is there");
    done(&["lift", &first.to_string(), "--ruling", "之三", "--as", "钱承办"]);
    let report = round();
    assert_eq!(report.deducted_minor.minor(), ordered);
    // The institutions' own books and ours say the same of every asset.
    let world: serde_json::Value =
        serde_json::from_slice(&fs::read(format!("{back}/world.json")).expect("is there")).expect("is there");
    let ours = done(&["asset", "list"]);
    for asset in ours["assets"].as_array().expect("is there") {
        let key = format!(
            "{}|{}|330100123",
            asset["institution"].as_str().expect("is there"),
            asset["kind"].as_str().expect("is there")
        );
        let theirs = world["assets"][&key]["freezes"].as_array().expect("is there");
        let frozen: i64 = theirs.iter().map(|one| one["frozen_minor"].as_i64().expect("is there")).sum();
        assert_eq!(asset["frozen_minor"].as_i64().expect("is there"), frozen, "{key}");
        let waiting = theirs.iter().filter(|one| one["ends_on"].is_null()).count();
        assert_eq!(asset["waiting"].as_u64().expect("is there"), waiting as u64, "{key}");
    }
    let expected = done(&["instructions", "expected"]);
    let expected = expected["expected"].as_array().expect("is there").iter();
    assert_eq!(expected.map(|one| one["amount_minor"].as_i64().expect("is there")).sum::<i64>(), ordered);
    done(&["asset", "day", "--as", "周局长"]);
    files.verified(&database.address, &[]);
}

crate::on_both!(
    from_the_order_to_money_on_its_way,
    three_courts_stand_in_line,
    a_renewal_comes_before_the_end_or_not_at_all,
    answers_count_once_and_contradictions_are_told,
    what_an_order_may_say,
    a_changed_state_is_found,
    institutions_play_along,
);
