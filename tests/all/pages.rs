//! What the pages show and what is done from them: the desk's lists, screens that stop a run until they are cleared, a run
//! sent back, a preview that equals what is then recorded.

use ankuan::access::{self, Standing};
use ankuan::chart::AccountKind;
use ankuan::claims::DocumentType;
use ankuan::claims::record::{Import, import_list};
use ankuan::documents::personal::PersonalDetail;
use ankuan::payouts::distribute::{Outcome as ShareOutcome, Plan, Rule};
use ankuan::payouts::runs::{self, SourceKind, Status};
use ankuan::payouts::sheet::{Head, PayeeKind, SheetSource};
use ankuan::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use ankuan::payouts::{commit, release, rounds, screens, sent};
use ankuan::report::case_money::{case_page, journal, money_way};
use ankuan::report::desk::{Desk, desk};
use ankuan::report::payout_view::{Went, free_sources, pay_lines, run_view};
use ankuan::{bank, cases};
use ankuan_ledger::Amount;

use crate::circle::{Circle, PROFILE};
use crate::court::{ADMIN, BOOK, COURT, FINANCE, HANDLER, HEAD, KEEPER, TODAY, at, code};
use crate::support::Database;

fn detail<'a>(name: &'a str, account: &'a str) -> PersonalDetail<'a> {
    PersonalDetail {
        kind: bank::PayeeKind::Person,
        payee_name: name,
        bank_name: "某银行某支行",
        bank_code: "102100099996",
        document_number: "11010519491231002X",
        account,
        telephone: "",
    }
}

/// A sheet of a new case: the receipt's money to an applicant with an account.
fn sheet(circle: &mut Circle, number: &str, name: &str, account: &str, minor: i64) -> (cases::Case, i64) {
    sheet_of(circle, number, (PayeeKind::Applicant, Head::Principal), name, account, minor)
}

fn sheet_of(
    circle: &mut Circle,
    number: &str,
    (kind, head): (PayeeKind, Head),
    name: &str,
    account: &str,
    minor: i64,
) -> (cases::Case, i64) {
    let case = circle.court.case(number);
    let receipt =
        circle.court.receive(&format!("R-{number}-{minor}"), minor, Some(&case)).expect("records").receipt().receipt_id;
    let keeper = circle.court.person(KEEPER);
    let new = NewPayee {
        case: &case,
        kind,
        name,
        document_type: DocumentType::IdentityCard,
        detail: detail(name, account),
        basis: "收款账户确认书",
        confirmed_by: &keeper,
    };
    let payee = circle
        .act(HANDLER, |tx, acting, keys, random, _| Ok(sheets::add_payee(tx, acting, keys, random, &new)?.payee_id))
        .expect("adds");
    let lines = [NewLine {
        head,
        payee_id: payee,
        amount: Amount::from_minor(minor),
        decision: (kind != PayeeKind::Applicant).then_some("裁定"),
    }];
    let new = NewSheet { case: &case, source: SheetSource::CaseFunds, receipt_id: receipt, lines: &lines };
    let sheet = circle
        .act(HANDLER, |tx, acting, _, _, _| Ok(sheets::record_sheet(tx, acting, &new)?.sheet_id))
        .expect("records");
    (case, sheet)
}

fn submitted(circle: &mut Circle, sheets: &[i64]) -> String {
    let sources: Vec<(SourceKind, i64)> = sheets.iter().map(|id| (SourceKind::Sheet, *id)).collect();
    let bank_account_id = circle.court.bank_account().bank_account_id;
    let new = runs::NewRun { title: "下午发放", bank_account_id, profile: PROFILE, sources: &sources };
    let run = circle.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
    circle.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, &run)).expect("submits");
    run
}

fn approve(circle: &mut Circle, run: &str) {
    for who in [FINANCE, HEAD] {
        circle.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, run, None, None)).expect("approves");
    }
}

fn desk_of(circle: &mut Circle, who: &str) -> Desk {
    circle
        .act(who, |tx, acting, _, _, _| {
            let standings: Vec<Standing> = access::roles_of(tx, &acting.actor, TODAY)?.into_iter().collect();
            desk(tx, &acting.actor, &standings, TODAY)
        })
        .expect("reads")
}

fn numbers(lines: &[ankuan::report::payout_view::RunLine]) -> Vec<&str> {
    lines.iter().map(|line| line.run.number.as_str()).collect()
}

fn the_desk_says_what_waits_for_whom(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let (case, first) = sheet(&mut circle, "（2026）浙0106执901号", "王芳", "6222020000000000015", 8_000);
    circle.court.receive("U-1", 700, None).expect("records");
    assert_eq!(circle.act(HANDLER, |tx, _, _, _, _| Ok(free_sources(tx, COURT)?.len())).expect("reads"), 1);
    let run = submitted(&mut circle, &[first]);
    assert_eq!(circle.act(HANDLER, |tx, _, _, _, _| Ok(free_sources(tx, COURT)?.len())).expect("reads"), 0);
    let of_finance = desk_of(&mut circle, FINANCE);
    assert_eq!(numbers(&of_finance.approve), [run.as_str()]);
    assert_eq!(of_finance.unattributed.len(), 1);
    // The second step waits for the first; the maker approves nothing.
    assert!(desk_of(&mut circle, HEAD).approve.is_empty());
    assert!(desk_of(&mut circle, HANDLER).approve.is_empty());
    circle.act(FINANCE, |tx, acting, _, _, _| runs::approve(tx, acting, &run, None, None)).expect("approves");
    assert_eq!(numbers(&desk_of(&mut circle, HEAD).approve), [run.as_str()]);
    assert!(desk_of(&mut circle, FINANCE).approve.is_empty(), "nobody approves twice");
    circle.act(HEAD, |tx, acting, _, _, _| runs::approve(tx, acting, &run, None, None)).expect("approves");
    assert_eq!(numbers(&desk_of(&mut circle, KEEPER).commit), [run.as_str()]);
    assert!(desk_of(&mut circle, HEAD).commit.is_empty());
    circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).expect("commits");
    let later = desk_of(&mut circle, FINANCE);
    assert_eq!((later.commit.len(), numbers(&later.release)), (0, vec![run.as_str()]));
    let held = |desk: &Desk, kind| desk.balances.iter().find(|(known, _)| *known == kind).map(|(_, sum)| sum.minor());
    assert_eq!(held(&later, AccountKind::Payable), Some(8_000));
    assert_eq!(held(&later, AccountKind::Bank), Some(8_700));
    let month = later.months.last().expect("this month");
    assert_eq!((month.month.as_str(), month.received.minor(), month.held.minor()), ("2026-11", 8_700, 8_700));

    // The case: what came, what was granted, what is journalled.
    let (way, entries, found, lines) = circle
        .act(HANDLER, |tx, _, _, _, _| {
            let way = money_way(tx, BOOK, case.case_id)?;
            let entries = journal(tx, BOOK, case.case_id, None, 1)?;
            let older = journal(tx, BOOK, case.case_id, Some(entries[0].place), 10)?;
            let run = runs::find_run(tx, COURT, &run)?;
            let lines = pay_lines(tx, COURT, &run, 0, 10)?;
            Ok((way, (entries, older), case_page(tx, BOOK, "901", None, 10)?, lines))
        })
        .expect("reads");
    assert_eq!(way.from_to(AccountKind::Bank, AccountKind::CaseFunds).minor(), 8_000);
    assert_eq!(way.from_to(AccountKind::CaseFunds, AccountKind::Payable).minor(), 8_000);
    assert_eq!(way.held(AccountKind::Payable).minor(), 8_000);
    assert_eq!((entries.0.len(), entries.1.len()), (1, 1));
    assert_eq!((found.len(), found[0].held.minor()), (1, 8_000));
    assert_eq!((lines.len(), lines[0].name.as_str(), lines[0].went), (1, "王芳", None));
    circle
        .act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, &run, &mut |_| ()))
        .expect("releases");
    let lines = circle.act(HANDLER, |tx, _, _, _, _| {
        let run = runs::find_run(tx, COURT, &run)?;
        pay_lines(tx, COURT, &run, 0, 10)
    });
    assert_eq!(lines.expect("reads")[0].went, Some(Went::Sent(sent::Standing::Out)), "it is on its way");
    let nobody = circle.act(HANDLER, |tx, _, _, _, _| case_page(tx, BOOK, "%", None, 10)).expect("reads");
    assert!(nobody.is_empty(), "a wildcard means itself");
}

fn what_the_screens_find_is_cleared_by_name(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let account = "6222020000000000015";
    let (_, one) = sheet(&mut circle, "（2026）浙0106执901号", "王芳", account, 8_000);
    let (_, two) = sheet(&mut circle, "（2026）浙0106执902号", "王方", account, 9_000);
    let run = submitted(&mut circle, &[one, two]);
    approve(&mut circle, &run);
    let found = |circle: &mut Circle| {
        circle
            .act(HANDLER, |tx, _, _, _, _| {
                let run = runs::find_run(tx, COURT, &run)?;
                screens::screen(tx, COURT, &run, at())
            })
            .expect("reads")
    };
    let codes: Vec<&str> = found(&mut circle).iter().map(|finding| finding.message.code).collect();
    assert_eq!(codes, ["screens.account_of_several_names", "screens.account_in_several_cases"]);
    let commits = |circle: &mut Circle| {
        circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).map(drop)
    };
    assert_eq!(code(commits(&mut circle)), "runs.screens_open");
    let clears = |circle: &mut Circle, who: &str, which: &str, reason: &str| {
        circle.act(who, |tx, acting, _, _, _| screens::clear(tx, acting, &run, which, reason)).map(|done| done.len())
    };
    assert_eq!(code(clears(&mut circle, FINANCE, "account_of_several_names", " ")), "screens.reason_missing");
    assert_eq!(code(clears(&mut circle, HANDLER, "account_of_several_names", "同一人")), "screens.no_role");
    assert_eq!(code(clears(&mut circle, FINANCE, "name_of_staff", "同一人")), "screens.finding_unknown");
    assert_eq!(clears(&mut circle, FINANCE, "account_of_several_names", "笔误，银行已核实同一人").expect("clears"), 1);
    // One of two is not enough, and a clearance is for one run.
    assert_eq!(code(commits(&mut circle)), "runs.screens_open");
    let left = found(&mut circle).into_iter().find(|finding| finding.cleared.is_none()).expect("one is left");
    assert_eq!(code(clears(&mut circle, FINANCE, &left.short()[..11], "太短")), "screens.finding_unknown");
    assert_eq!(clears(&mut circle, FINANCE, &left.short(), "两案申请人相同").expect("clears"), 1);
    commits(&mut circle).expect("commits");

    // What comes to light after the commit stops the release.
    let (_, three) = sheet(&mut circle, "（2026）浙0106执903号", "王放", account, 1_000);
    let releases = |circle: &mut Circle| {
        circle
            .act(FINANCE, |tx, acting, keys, random, _| release::release(tx, acting, keys, random, &run, &mut |_| ()))
            .map(drop)
    };
    assert_eq!(code(releases(&mut circle)), "runs.screens_open");
    assert_eq!(clears(&mut circle, HEAD, "account_of_several_names", "已报局长").expect("clears"), 1);
    assert_eq!(clears(&mut circle, HEAD, "account_in_several_cases", "已报局长").expect("clears"), 1);
    releases(&mut circle).expect("releases");
    let cleared = circle
        .act(HANDLER, |tx, acting, _, _, _| {
            let suspects = screens::Suspects::read(tx, COURT)?;
            Ok(run_view(tx, &acting.actor, &[], &run, &suspects, at())?.findings)
        })
        .expect("reads");
    assert_eq!(cleared.len(), 4, "what was cleared stays with the run");
    assert!(cleared.iter().all(|finding| finding.cleared.is_some()));
    assert!(cleared[0].message.text(ankuan::Language::Zh).contains("王方、王芳"));
    // Another run with the same account is another matter.
    let next = submitted(&mut circle, &[three]);
    approve(&mut circle, &next);
    let again = circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &next, &mut |_| ())).map(drop);
    assert_eq!(code(again), "runs.screens_open");
}

/// A public body stands in many cases with one account; nobody else has it.
fn the_account_of_a_public_body_is_nobody_elses(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let treasury = "6222020000000000015";
    let found = |circle: &mut Circle, run: &str| -> Vec<&'static str> {
        circle
            .act(HANDLER, |tx, _, _, _, _| {
                let run = runs::find_run(tx, COURT, run)?;
                Ok(screens::screen(tx, COURT, &run, at())?.iter().map(|finding| finding.message.code).collect())
            })
            .expect("reads")
    };
    let of = |circle: &mut Circle, number: &str, kind: (PayeeKind, Head), name: &str| {
        let (_, sheet) = sheet_of(circle, number, kind, name, treasury, 8_000);
        submitted(circle, &[sheet])
    };
    let fees = of(&mut circle, "（2026）浙0106执901号", (PayeeKind::Treasury, Head::Fee), "某某市财政局");
    let others =
        of(&mut circle, "（2026）浙0106执902号", (PayeeKind::OtherCourt, Head::Principal), "宁波市中级人民法院");
    assert!(found(&mut circle, &fees).is_empty() && found(&mut circle, &others).is_empty());
    // One who is no public body has that account, whoever of them is paid.
    let private = of(&mut circle, "（2026）浙0106执903号", (PayeeKind::Applicant, Head::Principal), "王芳");
    for run in [&fees, &others, &private] {
        let both = ["screens.account_of_several_names", "screens.account_in_several_cases"];
        assert_eq!(found(&mut circle, run), both, "{run}");
    }
}

/// What came between the reading of the suspects and the reading of the run is not missed.
fn suspects_that_are_no_longer_all_are_read_again(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let account = "6222020000000000015";
    let (_, one) = sheet(&mut circle, "（2026）浙0106执901号", "王芳", account, 8_000);
    let run = submitted(&mut circle, &[one]);
    let suspects = circle.act(HANDLER, |tx, _, _, _, _| screens::Suspects::read(tx, COURT)).expect("reads");
    let found = |circle: &mut Circle| {
        circle
            .act(HANDLER, |tx, acting, _, _, _| {
                Ok(run_view(tx, &acting.actor, &[], &run, &suspects, at())?.findings.len())
            })
            .expect("reads")
    };
    assert_eq!(found(&mut circle), 0);
    sheet(&mut circle, "（2026）浙0106执902号", "王方", account, 9_000);
    assert_eq!(found(&mut circle), 2, "the account is shared now");
    circle.court.act(ADMIN, |tx, acting, _| ankuan::access::add_person(tx, acting, "王芳")).expect("adds");
    assert_eq!(found(&mut circle), 3, "and one of them works here");
}

fn sums_split_below_a_threshold_are_seen(database: &Database) {
    let mut circle = Circle::without_payout(database);
    // ¥100,000 asks for the vice president; ¥60,000 twice does not.
    let case = circle.court.case("（2026）浙0106执901号");
    let keeper = circle.court.person(KEEPER);
    let new = NewPayee {
        case: &case,
        kind: PayeeKind::Applicant,
        name: "王芳",
        document_type: DocumentType::IdentityCard,
        detail: detail("王芳", "6222020000000000015"),
        basis: "收款账户确认书",
        confirmed_by: &keeper,
    };
    let payee = circle
        .act(HANDLER, |tx, acting, keys, random, _| Ok(sheets::add_payee(tx, acting, keys, random, &new)?.payee_id))
        .expect("adds");
    let mut runs_made = Vec::new();
    for place in 0..2 {
        let receipt =
            circle.court.receive(&format!("R-{place}"), 6_000_000, Some(&case)).expect("records").receipt().receipt_id;
        let amount = Amount::from_minor(6_000_000);
        let lines = [NewLine { head: Head::Principal, payee_id: payee, amount, decision: None }];
        let new = NewSheet { case: &case, source: SheetSource::CaseFunds, receipt_id: receipt, lines: &lines };
        let sheet = circle
            .act(HANDLER, |tx, acting, _, _, _| Ok(sheets::record_sheet(tx, acting, &new)?.sheet_id))
            .expect("records");
        runs_made.push(submitted(&mut circle, &[sheet]));
    }
    let found = |circle: &mut Circle, run: &str| -> Vec<&'static str> {
        circle
            .act(HANDLER, |tx, _, _, _, _| {
                let run = runs::find_run(tx, COURT, run)?;
                Ok(screens::screen(tx, COURT, &run, at())?.iter().map(|finding| finding.message.code).collect())
            })
            .expect("reads")
    };
    assert_eq!(found(&mut circle, &runs_made[0]), ["screens.split_below_threshold"]);
    assert_eq!(found(&mut circle, &runs_made[1]), ["screens.split_below_threshold"]);
    // One of them given up, the other is what it seems.
    circle.act(HANDLER, |tx, acting, _, _, _| runs::cancel(tx, acting, &runs_made[0], "重做")).expect("cancels");
    assert!(found(&mut circle, &runs_made[1]).is_empty());
}

fn a_run_sent_back_keeps_its_sheets(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let (_, one) = sheet(&mut circle, "（2026）浙0106执901号", "王芳", "6222020000000000015", 8_000);
    let (_, two) = sheet(&mut circle, "（2026）浙0106执902号", "李明", "6222020000000000023", 9_000);
    let run = submitted(&mut circle, &[one, two]);
    let sends = |circle: &mut Circle, who: &str, reason: &str| {
        circle.act(who, |tx, acting, _, _, _| runs::send_back(tx, acting, &run, reason))
    };
    assert_eq!(code(sends(&mut circle, HANDLER, "金额有误")), "runs.no_approver");
    assert_eq!(code(sends(&mut circle, FINANCE, "")), "runs.reason_missing");
    circle.act(FINANCE, |tx, acting, _, _, _| runs::approve(tx, acting, &run, None, None)).expect("approves");
    sends(&mut circle, HEAD, "缺收款账户确认书").expect("sends back");
    assert_eq!(code(sends(&mut circle, HEAD, "再退")), "runs.wrong_status");
    let (status, sources) = circle
        .act(HANDLER, |tx, _, _, _, _| {
            let run = runs::find_run(tx, COURT, &run)?;
            Ok((run.status, run.sources.len()))
        })
        .expect("reads");
    assert_eq!((status, sources), (Status::Draft, 2), "no sheet is lost");
    assert_eq!(numbers(&desk_of(&mut circle, HANDLER).drafts), [run.as_str()]);
    // Submitted again as it is, it is another content: nobody's approval from before counts.
    circle.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, &run)).expect("submits");
    let committed = circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).map(drop);
    assert_eq!(code(committed), "runs.wrong_status");
    assert_eq!(numbers(&desk_of(&mut circle, FINANCE).approve), [run.as_str()], "the first step is open again");
    approve(&mut circle, &run);
    // An approved one may be sent back as well, as long as no money has moved.
    sends(&mut circle, FINANCE, "账户待核").expect("sends back");
    circle.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, &run)).expect("submits");
    approve(&mut circle, &run);
    circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ())).expect("commits");
    assert_eq!(code(sends(&mut circle, HEAD, "太迟")), "runs.wrong_status");
}

fn a_preview_is_what_is_then_recorded(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.court.case("（2026）浙0106执903号");
    circle.court.receive("R-903", 1_000, Some(&case)).expect("records");
    let path = circle.folder.path().join("list.csv");
    let list = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号\n\
                A1,甲,其他,D1,10.01,,6222020000000000015,某银行,102100099996,\n\
                A2,乙,其他,D2,20.02,,6222020000000000023,某银行,102100099996,\n\
                A3,丙,其他,D3,0.01,,,某银行,102100099996,\n";
    std::fs::write(&path, list).expect("writes");
    circle
        .act(HANDLER, |tx, acting, keys, random, _| {
            let import = Import { case_id: case.case_id, path: &path, expect_rows: None, expect_sum: None };
            import_list(tx, acting, keys, random, &import, &mut |_| (), &mut |_| ())
        })
        .expect("imports");
    let plan = Plan { smallest_payment: Some(Amount::from_minor(5)), ..Plan::new(Rule::ProRata) };
    let pot = Some(Amount::from_minor(999));
    let preview =
        circle.act(HANDLER, |tx, _, _, _, _| rounds::preview(tx, COURT, case.case_id, pot, &plan)).expect("previews");
    let (stored, proof) = circle
        .act(HANDLER, |tx, acting, _, _, _| rounds::record_distribution(tx, acting, case.case_id, pot, &plan))
        .expect("records");
    assert_eq!((preview.proof.clone(), preview.round_no), (proof, stored.round_no));
    assert_eq!(preview.plan, stored.plan);
    let shares: Vec<(i64, i64)> = preview
        .shares
        .iter()
        .filter(|share| share.outcome != ShareOutcome::Nothing)
        .map(|share| (share.claim_id, share.granted.minor()))
        .collect();
    let recorded = circle
        .act(HANDLER, |tx, _, _, _, _| {
            let (first, last) = stored.share_ids();
            Ok(tx.query(
                "SELECT claim_id, granted_minor FROM share WHERE court_id = $1 AND book_id = $2 AND share_id >= $3 \
                 AND share_id <= $4 ORDER BY share_id",
                &[COURT.into(), BOOK.book_id.into(), first.into(), last.into()],
                |row| Ok((row.int(0)?, row.int(1)?)),
            )?)
        })
        .expect("reads");
    assert_eq!(shares, recorded);
    let refused = circle.act(HANDLER, |tx, _, _, _, _| {
        rounds::preview(tx, COURT, case.case_id, Some(Amount::from_minor(1_001)), &plan).map(drop)
    });
    assert_eq!(code(refused), "payouts.pot_above_case_money");
}

crate::on_both!(
    the_desk_says_what_waits_for_whom,
    what_the_screens_find_is_cleared_by_name,
    the_account_of_a_public_body_is_nobody_elses,
    suspects_that_are_no_longer_all_are_read_again,
    sums_split_below_a_threshold_are_seen,
    a_run_sent_back_keeps_its_sheets,
    a_preview_is_what_is_then_recorded,
);
