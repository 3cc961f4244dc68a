//! People, roles, delegation.

use ankuan::access::{self, Acting, Role, Standing};
use ankuan::bookkeeping;
use ankuan::cases::freezes::{self, FrozenShare, NewFreeze};
use ankuan::cases::gates::{self, CaseEvent, CaseEventKind};
use ankuan::cases::{self, PartyRole};
use ankuan::chart::{self, Chart, NewCourt};
use ankuan::{Outcome, books, receipts, report};
use ankuan_ledger::{Amount, ItemId, Store, Tx};
use jiff::civil::{Date, date};

use crate::court::{ADMIN, BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, at, code};
use crate::support::Database;

fn only_the_right_role_may(database: &Database) {
    let mut court = Court::open(database);
    assert_eq!(code(court.act("没有的人", |_, _, _| Ok(()))), "access.person_unknown");
    let add =
        |court: &mut Court, who: &str, name: &str| court.act(who, |tx, acting, _| access::add_person(tx, acting, name));
    assert_eq!(code(add(&mut court, HANDLER, "王五")), "access.role_missing");
    assert_eq!(code(add(&mut court, ADMIN, "  ")), "access.name_empty");
    assert_eq!(code(add(&mut court, ADMIN, HANDLER)), "access.person_exists");
    assert!(add(&mut court, ADMIN, "王五").is_ok());
}

fn duties_stay_apart(database: &Database) {
    let mut court = Court::open(database);
    let (finance, head, admin) = (court.person(FINANCE), court.person(HEAD), court.person(ADMIN));
    let mut grant = |person: &access::Actor, role: Role, from| {
        court.act(ADMIN, |tx, acting, _| access::grant(tx, acting, person, role, from, "任命"))
    };
    assert_eq!(code(grant(&finance, Role::Auditor, TODAY)), "access.duties_apart");
    assert_eq!(code(grant(&finance, Role::Handler, date(2027, 1, 1))), "access.duties_apart");
    assert_eq!(code(grant(&finance, Role::Finance, TODAY)), "access.role_held");
    // From a day before the conflicting role begins, the roles still meet later.
    assert_eq!(code(grant(&finance, Role::Auditor, date(2026, 1, 1))), "access.duties_apart");
    grant(&head, Role::Auditor, TODAY).expect("no conflict");
    let mut revoke = |person: &access::Actor, role: Role| {
        court.act(ADMIN, |tx, acting, _| access::revoke(tx, acting, person, role, TODAY, "免职"))
    };
    assert_eq!(code(revoke(&admin, Role::Admin)), "access.last_admin");
    assert_eq!(code(revoke(&head, Role::Finance)), "access.role_not_held");
    revoke(&head, Role::Auditor).expect("held");
}

fn a_stand_in_acts_for_another_on_the_days_given(database: &Database) {
    let mut court = Court::open(database);
    let (head, keeper, finance) = (court.person(HEAD), court.person(KEEPER), court.person(FINANCE));
    let mut delegate = |from: &access::Actor, to: &access::Actor, role, days: (i8, i8), document: &str| {
        court.act(ADMIN, |tx, acting, _| {
            let (first, last) = (date(2026, 12, days.0), date(2026, 12, days.1));
            access::delegate(tx, acting, from, to, role, first, last, document)
        })
    };
    assert_eq!(code(delegate(&head, &head, Role::BureauHead, (1, 5), "令")), "access.delegation_self");
    assert_eq!(code(delegate(&head, &keeper, Role::BureauHead, (5, 1), "令")), "access.delegation_dates");
    assert_eq!(code(delegate(&head, &keeper, Role::BureauHead, (1, 5), " ")), "access.document_missing");
    assert_eq!(code(delegate(&head, &keeper, Role::Finance, (1, 5), "令")), "access.role_not_held");
    assert_eq!(
        code({
            let handler = access::Actor { person_id: 0, ..finance.clone() };
            delegate(&handler, &finance, Role::Handler, (1, 5), "令")
        }),
        "access.role_not_held"
    );
    delegate(&head, &keeper, Role::BureauHead, (1, 5), "令").expect("delegates");
    let mut tx = court.store.snapshot().expect("reads");
    let lent = Standing { role: Role::BureauHead, on_behalf_of: Some(head.person_id) };
    for (day, held) in [(date(2026, 11, 30), false), (date(2026, 12, 1), true), (date(2026, 12, 6), false)] {
        assert_eq!(access::roles_of(&mut tx, &keeper, day).expect("reads").contains(&lent), held, "{day}");
    }
    assert_eq!(access::require(&mut tx, &keeper, date(2026, 12, 5), Role::BureauHead).expect("lent"), lent);
}

fn a_court_opens_once(database: &Database) {
    let mut court = Court::open(database);
    let mut again = |name: &str, admin_name: &str, court_id: i64| {
        let mut tx = court.store.begin().expect("begins");
        let text = chart::DEFAULT;
        let new = NewCourt { court_id, name, admin_name, chart_file: "x.toml", chart_text: text };
        chart::open_court(&mut tx, &new, TODAY, at())
    };
    assert_eq!(code(again("法院", "甲", COURT)), "court.exists");
    assert_eq!(code(again(" ", "甲", 8)), "court.name_empty");
    assert_eq!(code(again("法院", " ", 8)), "access.name_empty");
}

/// Lets somebody act today on another accounting date.
fn dated<T>(
    court: &mut Court,
    who: &str,
    on: Date,
    work: impl FnOnce(&mut Tx<'_>, &Acting) -> Outcome<T>,
) -> Outcome<T> {
    let actor = court.person(who);
    let mut tx = court.store.begin().expect("begins");
    work(&mut tx, &Acting { actor, at: at(), date: on })
}

fn the_accounting_date_neither_keeps_nor_gives_a_role(database: &Database) {
    let mut court = Court::open(database);
    let (keeper, finance) = (court.person(KEEPER), court.person(FINANCE));
    let (before, tomorrow) = (date(2026, 11, 21), date(2026, 11, 23));
    court
        .act(ADMIN, |tx, acting, _| {
            access::grant(tx, acting, &keeper, Role::Finance, date(2026, 1, 1), "任命")?;
            access::revoke(tx, acting, &keeper, Role::Finance, TODAY, "免职")?;
            access::delegate(tx, acting, &finance, &keeper, Role::Finance, tomorrow, tomorrow, "委托书")
        })
        .expect("a role that ended, and one that has not begun");
    let close = |tx: &mut Tx<'_>, acting: &Acting| bookkeeping::close_month(tx, acting, "2026-10");
    assert_eq!(code(dated(&mut court, KEEPER, before, close)), "access.role_missing");
    dated(&mut court, FINANCE, before, close).expect("today's role counts");
    // Nor does the date of the first make the second's role.
    let second = dated(&mut court, HANDLER, before, |tx, acting| {
        let first = Standing { role: Role::Handler, on_behalf_of: None };
        access::require_second(tx, acting, first, &keeper, &[Role::Finance])
    });
    assert_eq!(code(second), "access.second_person_role");
    assert_eq!(code(dated(&mut court, KEEPER, tomorrow, close)), "command.date_in_future");
    assert_eq!(code(dated(&mut court, FINANCE, tomorrow, close)), "command.date_in_future");
}

/// One person who has lent both roles is one person, whoever stands in.
fn two_who_stand_in_for_one_are_not_two(database: &Database) {
    let mut court = Court::open(database);
    let (keeper, head) = (court.person(KEEPER), court.person(HEAD));
    let (first, second) = court
        .act(ADMIN, |tx, acting, _| {
            access::grant(tx, acting, &keeper, Role::Handler, TODAY, "任命")?;
            let people = (access::add_person(tx, acting, "甲")?, access::add_person(tx, acting, "乙")?);
            access::delegate(tx, acting, &keeper, &people.0, Role::Handler, TODAY, TODAY, "委托书")?;
            access::delegate(tx, acting, &keeper, &people.1, Role::FundKeeper, TODAY, TODAY, "委托书")?;
            Ok(people)
        })
        .expect("two who stand in");
    let roles = [Role::FundKeeper, Role::BureauHead];
    let both = |court: &mut Court| {
        dated(court, "甲", TODAY, |tx, acting| {
            let proposer = acting.require(tx, Role::Handler)?;
            assert_eq!((proposer.on_behalf_of, acting.actor.person_id), (Some(keeper.person_id), first.person_id));
            access::require_second(tx, acting, proposer, &second, &roles)
        })
    };
    assert_eq!(code(both(&mut court)), "access.second_person_role");
    // In another's place, he is a second.
    court
        .act(ADMIN, |tx, acting, _| {
            access::delegate(tx, acting, &head, &second, Role::BureauHead, TODAY, TODAY, "委托书")
        })
        .expect("delegates");
    assert_eq!(both(&mut court).expect("a second").on_behalf_of, Some(head.person_id));
}

type Work = (&'static str, Box<dyn Fn(&mut Tx<'_>, &Acting, &Chart) -> Outcome<()> + Send + Sync>);

fn a_role_taken_while_one_waits_is_gone(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let unknown = court.receive("R1", 5, None).expect("records").receipt().receipt_id;
    let payer = court.act(HANDLER, |tx, acting, _| cases::add_party(tx, acting, &case, PartyRole::Payer, "吴某"));
    let (payer, bank_account) = (payer.expect("adds"), court.bank_account());
    let finance = court.person(FINANCE);
    let funds = format!("C-{}", case.case_id);
    let works: Vec<Work> = vec![
        (ADMIN, Box::new(|tx, acting, _| access::add_person(tx, acting, "王五").map(|_| ()))),
        (
            ADMIN,
            Box::new({
                let finance = finance.clone();
                move |tx, acting, _| access::grant(tx, acting, &finance, Role::BureauHead, TODAY, "任命")
            }),
        ),
        (
            ADMIN,
            Box::new({
                let finance = finance.clone();
                move |tx, acting, _| access::revoke(tx, acting, &finance, Role::Finance, TODAY, "免职")
            }),
        ),
        (
            HANDLER,
            Box::new(|tx, acting, chart| {
                cases::open_case(tx, acting, chart, "（2026）浙0106执9号", "题", TODAY).map(|_| ())
            }),
        ),
        (
            HANDLER,
            Box::new({
                let case = case.clone();
                move |tx, acting, _| cases::add_number(tx, acting, &case, "（2026）浙0106执恢9号", TODAY).map(|_| ())
            }),
        ),
        (
            HANDLER,
            Box::new({
                let case = case.clone();
                move |tx, acting, _| cases::add_party(tx, acting, &case, PartyRole::Debtor, "某").map(|_| ())
            }),
        ),
        (
            KEEPER,
            Box::new({
                let (case, bank_account) = (case.clone(), bank_account.clone());
                move |tx, acting, _| {
                    cases::open_sub_account(tx, acting, &case, &payer, &bank_account, "90001").map(|_| ())
                }
            }),
        ),
        (
            HANDLER,
            Box::new({
                let case = case.clone();
                move |tx, acting, _| {
                    let kind = CaseEventKind::Stayed;
                    let event =
                        CaseEvent { kind, effective_on: TODAY, reason: String::new(), document: "裁定".into() };
                    gates::record_event(tx, acting, &case, &event)
                }
            }),
        ),
        (
            HANDLER,
            Box::new({
                let case = case.clone();
                move |tx, acting, _| {
                    let new = NewFreeze {
                        share: FrozenShare::Claim(1),
                        amount: Amount::from_minor(1),
                        order_number: "（2026）浙0102执保9号",
                        ordered_by: "另一法院",
                        effective_on: TODAY,
                    };
                    freezes::freeze_share(tx, acting, &case, &new).map(|_| ())
                }
            }),
        ),
        (
            HANDLER,
            Box::new({
                let case = case.clone();
                move |tx, acting, _| receipts::claim_receipt(tx, acting, unknown, &case, None, "回单").map(|_| ())
            }),
        ),
        (KEEPER, Box::new(move |tx, acting, chart| receipts::confirm_receipt(tx, acting, chart, unknown).map(|_| ()))),
        (FINANCE, Box::new(|tx, acting, _| bookkeeping::close_month(tx, acting, "2026-10"))),
        (
            FINANCE,
            Box::new(move |tx, acting, _| {
                let funds = report::find_account(tx, BOOK, &funds)?;
                bookkeeping::hold(tx, acting, &funds, ItemId::NONE, Amount::from_minor(1), "x").map(|_| ())
            }),
        ),
    ];
    let mut tx = court.store.begin().expect("begins");
    let admin = access::find_actor(&mut tx, COURT, ADMIN).expect("known");
    let other = access::add_person(&mut tx, &Acting { actor: admin.clone(), at: at(), date: TODAY }, "钱管理");
    let other = other.expect("adds");
    let acting = Acting { actor: admin.clone(), at: at(), date: TODAY };
    access::grant(&mut tx, &acting, &other, Role::Admin, TODAY, "任命").expect("another admin");
    for (who, role) in [(HANDLER, Role::Handler), (KEEPER, Role::FundKeeper), (FINANCE, Role::Finance)] {
        let person = access::find_actor(&mut tx, COURT, who).expect("known");
        access::revoke(&mut tx, &acting, &person, role, TODAY, "免职").expect("revokes");
    }
    access::revoke(&mut tx, &acting, &admin, Role::Admin, TODAY, "免职").expect("revokes");
    // The other book's head as well: all wait for this transaction.
    let case_money = acting.open_act(&mut tx, books::CASE_MONEY, "test").expect("opens");
    let outcomes: Vec<Outcome<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = works
            .iter()
            .map(|(who, work)| {
                scope.spawn(move || {
                    let chart = Chart::parse("x", chart::DEFAULT).expect("sound");
                    let mut court = std::mem::ManuallyDrop::new(Court { store: database.open(), chart });
                    court.act(who, |tx, acting, chart| work(tx, acting, chart))
                })
            })
            .collect();
        // On SQLite they wait before they read anything.
        if database.address.starts_with("postgres") {
            let mut watcher = database.open();
            while waiting(&mut watcher) < works.len() as i64 {
                assert!(!threads.iter().any(|thread| thread.is_finished()), "one did not wait");
                std::thread::yield_now();
            }
        }
        case_money.close(&mut tx).expect("closes");
        tx.commit().expect("commits");
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    for (place, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(code(outcome), "access.role_missing", "work {place}");
    }
}

/// Sessions that wait for a lock of this database.
fn waiting(store: &mut Store) -> i64 {
    let mut tx = store.snapshot().expect("reads");
    let text = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    tx.query_one(text, &[], |row| row.int(0)).expect("reads")
}

crate::on_both!(
    two_who_stand_in_for_one_are_not_two,
    the_accounting_date_neither_keeps_nor_gives_a_role,
    a_role_taken_while_one_waits_is_gone,
    only_the_right_role_may,
    duties_stay_apart,
    a_stand_in_acts_for_another_on_the_days_given,
    a_court_opens_once,
);
