//! People, roles, delegation.

use ankuan::access::{self, Role, Standing};
use ankuan::chart::{self, NewCourt};
use jiff::civil::date;

use crate::court::{ADMIN, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, TODAY, at, code};
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

crate::on_both!(
    only_the_right_role_may,
    duties_stay_apart,
    a_stand_in_acts_for_another_on_the_days_given,
    a_court_opens_once,
);
