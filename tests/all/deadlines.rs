//! Deadlines: from the facts that begin them to those that end them, on both databases.

use ankuan::assets::AssetKind;
use ankuan::cases::progress::{self, Manner, MilestoneKind, NewMilestone};
use ankuan::deadlines::record::{self, CourtRuleKind, NewPause};
use ankuan::deadlines::running::{Due, worklist};
use ankuan::deadlines::{Colour, DeadlineKind, STANDARD};
use ankuan::{Outcome, access, receipts};
use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::court::{ADMIN, BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, code};
use crate::support::Database;

fn due(court: &mut Court, today: Date) -> Vec<Due> {
    let mut tx = court.store.snapshot().expect("reads");
    worklist(&mut tx, COURT, today).expect("the worklist").due
}

fn of(due: &[Due], kind: DeadlineKind) -> Vec<(i64, Colour, String)> {
    let of_kind = due.iter().filter(|due| due.deadline.kind == kind);
    let last = |due: &Due| due.standing.last_day.map(|day| day.to_string()).unwrap_or_default();
    of_kind.map(|due| (due.deadline.subject_id, due.standing.colour, last(due))).collect()
}

fn milestone(court: &mut Court, number: &str, kind: MilestoneKind, on: Date, despite: &str) -> Outcome<()> {
    court.act(HANDLER, |tx, acting, _| {
        let case = ankuan::cases::find_case(tx, BOOK, number)?;
        let manner = (kind == MilestoneKind::Closed).then_some(Manner::Performed);
        let new = NewMilestone { kind, on, document: "结案通知书", manner, despite_money: despite };
        progress::record_milestone(tx, acting, &case, &new)
    })
}

fn receipts_run_from_their_notice_and_unattributed_money_from_its_arrival(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let known = court.receive("A-1", 10_000, Some(&case)).expect("received").receipt().receipt_id;
    let unknown = court.receive("A-2", 5_000, None).expect("received").receipt().receipt_id;
    let on = due(&mut court, TODAY);
    // 30 days from 22 November: 22 December, a Tuesday. 3 days: 25 November.
    assert_eq!(of(&on, DeadlineKind::ReceiptPayout), [(known, Colour::Running, "2026-12-22".to_owned())]);
    assert_eq!(of(&on, DeadlineKind::Unattributed), [(unknown, Colour::Running, "2026-11-25".to_owned())]);
    let later = due(&mut court, date(2026, 11, 26));
    assert_eq!(of(&later, DeadlineKind::Unattributed)[0].1, Colour::Overdue);
    // Attributed, it has the other deadline, from that day.
    court
        .act(HANDLER, |tx, acting, _| receipts::claim_receipt(tx, acting, unknown, &case, None, "附言"))
        .expect("claimed");
    court.act(KEEPER, |tx, acting, chart| receipts::confirm_receipt(tx, acting, chart, unknown)).expect("confirmed");
    let later = due(&mut court, TODAY);
    assert!(of(&later, DeadlineKind::Unattributed).is_empty());
    assert_eq!(of(&later, DeadlineKind::ReceiptPayout).len(), 2);
}
fn a_pause_has_a_reason_and_a_second_person_and_ends(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let receipt = court.receive("A-1", 10_000, Some(&case)).expect("received").receipt().receipt_id;
    let head = court.person(HEAD);
    let pause = |court: &mut Court, approved_by, kind, reason: &str| {
        court.act(HANDLER, |tx, acting, _| {
            let rules = record::court_rules(tx, COURT)?.rules;
            let new =
                NewPause {
                    kind, subject_id: receipt, from: TODAY, reason, document: "延缓发放审批表", approved_by
                };
            record::pause(tx, acting, &rules, &new)
        })
    };
    let handler = court.person(HANDLER);
    let kind = DeadlineKind::ReceiptPayout;
    assert_eq!(code(pause(&mut court, &handler, kind, "收款人失联")), "access.second_person_same");
    assert_eq!(code(pause(&mut court, &head, kind, " ")), "deadlines.reason_missing");
    assert_eq!(code(pause(&mut court, &head, DeadlineKind::FreezeEnd, "x")), "deadlines.no_pause");
    let number = pause(&mut court, &head, kind, "收款人失联").expect("paused");
    assert_eq!(code(pause(&mut court, &head, kind, "再次")), "deadlines.paused_already");
    assert_eq!(of(&due(&mut court, TODAY), kind)[0].1, Colour::Paused);
    let resume = |court: &mut Court, until| {
        court.act(HANDLER, |tx, acting, _| record::resume(tx, acting, number, until, "已联系上"))
    };
    assert_eq!(code(resume(&mut court, TODAY.tomorrow().expect("a day"))), "deadlines.resume_day");
    resume(&mut court, TODAY).expect("resumed");
    assert_eq!(code(resume(&mut court, TODAY)), "deadlines.resumed_already");
    // The pause lay on the day that begins the deadline, which does not count anyway.
    assert_eq!(of(&due(&mut court, TODAY), kind)[0].2, "2026-12-22");
}
fn a_case_runs_until_it_is_closed_which_money_forbids(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let later = date(2027, 6, 1);
    let on = due(&mut court, later);
    // Six months and 75 days from 22 November 2026.
    assert_eq!(of(&on, DeadlineKind::CaseUnclosed), [(case.case_id, Colour::Overdue, "2027-05-24".to_owned())]);
    assert_eq!(of(&on, DeadlineKind::SecondCheck), [(case.case_id, Colour::Overdue, "2027-02-05".to_owned())]);
    milestone(&mut court, NUMBER, MilestoneKind::SecondCheck, TODAY, "").expect("recorded");
    assert!(of(&due(&mut court, later), DeadlineKind::SecondCheck).is_empty());
    court.receive("A-1", 10_000, Some(&case)).expect("received");
    assert_eq!(code(milestone(&mut court, NUMBER, MilestoneKind::Closed, TODAY, "")), "progress.money_left");
    milestone(&mut court, NUMBER, MilestoneKind::EndedForNow, TODAY, "其余财产另案处理").expect("recorded");
    assert!(of(&due(&mut court, later), DeadlineKind::CaseUnclosed).is_empty());
    assert_eq!(code(milestone(&mut court, NUMBER, MilestoneKind::Closed, TODAY, "x")), "progress.not_open");
    milestone(&mut court, NUMBER, MilestoneKind::Reopened, TODAY, "").expect("recorded");
    assert_eq!(of(&due(&mut court, later), DeadlineKind::CaseUnclosed).len(), 1);
    assert_eq!(code(milestone(&mut court, NUMBER, MilestoneKind::Reopened, TODAY, "")), "progress.open_already");
}
fn the_handler_of_a_case_has_its_deadlines(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let handler = court.person(HANDLER);
    let finance = court.person(FINANCE);
    let assign = |court: &mut Court, by: &str, to: &access::Actor| {
        court.act(by, |tx, acting, _| progress::assign(tx, acting, &case, to, TODAY))
    };
    assert_eq!(code(assign(&mut court, KEEPER, &handler)), "access.role_missing");
    assert_eq!(code(assign(&mut court, HEAD, &finance)), "access.role_missing");
    assign(&mut court, HEAD, &handler).expect("assigned");
    let officers: Vec<String> = due(&mut court, TODAY).into_iter().map(|due| due.deadline.officer).collect();
    assert_eq!(officers, [HANDLER, HANDLER]);
}
fn a_court_sets_its_own_rules_and_calendar(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    court.receive("A-1", 10_000, Some(&case)).expect("received");
    let set = |court: &mut Court, by: &str, kind, text: &str| {
        court.act(by, |tx, acting, _| record::set_rules(tx, acting, kind, "本院.toml", text.as_bytes()))
    };
    // Kangbao: ten working days.
    let own = STANDARD.replacen("period = \"30d\"", "period = \"10wd\"", 1);
    assert_eq!(code(set(&mut court, HANDLER, CourtRuleKind::Deadlines, &own)), "access.role_missing");
    let wrong = own.replacen("name = \"unattributed\"", "name = \"unknown\"", 1);
    assert_eq!(code(set(&mut court, ADMIN, CourtRuleKind::Deadlines, &wrong)), "deadlines.rules");
    set(&mut court, ADMIN, CourtRuleKind::Deadlines, &own).expect("set");
    let found = due(&mut court, TODAY);
    assert_eq!(of(&found, DeadlineKind::ReceiptPayout)[0].2, "2026-12-04");
    let receipt = |due: &[Due]| due.iter().find(|due| due.deadline.kind == DeadlineKind::ReceiptPayout).cloned();
    assert_eq!(receipt(&found).expect("one").standing.unknown_years, [2026]);
    let calendar = "[[year]]\nyear = 2026\nsource = \"试\"\nholidays = [\"2026-12-01..2026-12-02\"]\nworkdays = []\n";
    set(&mut court, ADMIN, CourtRuleKind::Calendar, calendar).expect("set");
    let found = due(&mut court, TODAY);
    assert_eq!(of(&found, DeadlineKind::ReceiptPayout)[0].2, "2026-12-08");
    assert!(receipt(&found).expect("one").standing.unknown_years.is_empty());
}
fn an_application_runs_until_it_is_a_case_and_property_until_it_is_controlled(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case("（2026）浙0106执前督7号");
    milestone(&mut court, "（2026）浙0106执前督7号", MilestoneKind::Applied, TODAY, "").expect("recorded");
    let on = due(&mut court, TODAY);
    assert_eq!(of(&on, DeadlineKind::CaseFiling), [(case.case_id, Colour::Running, "2026-11-30".to_owned())]);
    assert!(of(&on, DeadlineKind::CaseUnclosed).is_empty());
    court.act(HANDLER, |tx, acting, _| ankuan::cases::add_number(tx, acting, &case, NUMBER, TODAY)).expect("numbered");
    let on = due(&mut court, TODAY);
    assert!(of(&on, DeadlineKind::CaseFiling).is_empty());
    assert_eq!(of(&on, DeadlineKind::CaseUnclosed).len(), 1);

    let folder = tempfile::tempdir().expect("a folder");
    let mut random = ankuan::clock::Randomness::seeded(5);
    let keys = ankuan::documents::keys::Keys::create(&folder.path().join("court.key"), &mut random).expect("keys");
    let new = ankuan::assets::register::NewAsset {
        kind: AssetKind::Deposit,
        institution: "某银行",
        holder_name: "李四",
        identifier: "6222021234567890128",
        is_company: false,
    };
    let asset = court
        .act(HANDLER, |tx, acting, _| ankuan::assets::register::register(tx, acting, &keys, &mut random, &new))
        .expect("registered");
    let later = TODAY.checked_add(16.days()).expect("a day");
    assert_eq!(
        of(&due(&mut court, later), DeadlineKind::PropertyControl),
        [(asset.asset.asset_id, Colour::Overdue, "2026-12-07".to_owned())]
    );
}

crate::on_both!(
    receipts_run_from_their_notice_and_unattributed_money_from_its_arrival,
    a_pause_has_a_reason_and_a_second_person_and_ends,
    a_case_runs_until_it_is_closed_which_money_forbids,
    the_handler_of_a_case_has_its_deadlines,
    a_court_sets_its_own_rules_and_calendar,
    an_application_runs_until_it_is_a_case_and_property_until_it_is_controlled,
);
