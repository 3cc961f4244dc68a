//! What the audit finds when the tables that follow from facts, and the sealed details, are changed in the database.

use ankuan::audit::verify_court;
use ankuan_ledger::Act;
use ankuan_ledger::engine::Value;

use super::*;
use crate::court::at;

impl Day {
    /// The first finding of the audit, with its question.
    pub(super) fn finding(&mut self) -> Option<(&'static str, String)> {
        let report = verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("reads");
        let found = report.checks.into_iter().find(|check| check.finding.is_some())?;
        Some((found.name, found.finding.unwrap_or_default()))
    }

    /// Changes the database, sees the audit find it under a question, and changes it back.
    fn found(&mut self, question: &str, change: &'static str, back: &'static str) {
        assert_eq!(self.finding(), None, "before {change}");
        for (text, expected) in [(change, Some(question)), (back, None)] {
            let mut tx = self.court.store.begin().expect("begins");
            assert!(tx.execute(text, &[COURT.into()]).expect("runs") > 0, "{text}");
            tx.commit().expect("commits");
            let finding = self.finding();
            assert_eq!(finding.as_ref().map(|(name, _)| *name), expected, "{text}: {finding:?}");
        }
    }
}

fn the_status_of_a_run_follows_from_its_facts(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let mut sheets = Vec::new();
    for minor in [100, 200, 300, 400] {
        sheets.push(day.sheet(&case, receipt, &[(Head::Principal, payee, minor)]).expect("records"));
    }
    let runs: Vec<String> =
        sheets.iter().map(|sheet| day.draft(&[(SourceKind::Sheet, *sheet)]).expect("drafts")).collect();
    day.submit(&runs[1]).expect("submits");
    day.act(HANDLER, |tx, acting, _, _| runs::cancel(tx, acting, &runs[2], "x")).expect("cancels");
    day.submit(&runs[3]).expect("submits");
    day.approve(FINANCE, &runs[3]).expect("first step");
    day.found(
        "approvals",
        "UPDATE run_state SET status = 'approved' WHERE court_id = $1 AND status = 'draft'",
        "UPDATE run_state SET status = 'draft' WHERE court_id = $1 AND status = 'approved'",
    );
    day.approve(HEAD, &runs[3]).expect("second step");
    day.found(
        "approvals",
        "UPDATE run_state SET status = 'released' WHERE court_id = $1 AND status = 'approved'",
        "UPDATE run_state SET status = 'approved' WHERE court_id = $1 AND status = 'released'",
    );
    day.commit(&runs[3]).expect("commits");
    // A run set back could be committed again; one taken off the list was never looked at.
    day.found(
        "approvals",
        "UPDATE run_state SET status = 'approved' WHERE court_id = $1 AND status = 'committed'",
        "UPDATE run_state SET status = 'committed' WHERE court_id = $1 AND status = 'approved'",
    );
    day.found(
        "approvals",
        "UPDATE run_state SET run_id = run_id + 1000000 WHERE court_id = $1 AND status = 'committed'",
        "UPDATE run_state SET run_id = run_id - 1000000 WHERE court_id = $1 AND status = 'committed'",
    );
    day.found(
        "approvals",
        "UPDATE open_source SET source_id = source_id + 1000000 WHERE court_id = $1",
        "UPDATE open_source SET source_id = source_id - 1000000 WHERE court_id = $1",
    );
    day.release(&runs[3]).expect("releases");
    assert_eq!(day.finding(), None);
}

fn a_second_commit_is_refused_by_the_database(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    let receipt = day.receive(&case, 1_000);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    let sheet = day.sheet(&case, receipt, &[(Head::Principal, payee, 1_000)]).expect("records");
    let run = day.approved(&[(SourceKind::Sheet, sheet)]);
    day.commit(&run).expect("commits");
    // Through the ledger, so that the chain holds.
    let mut tx = day.court.store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOK, "test", 5, at()).expect("opens");
    let run_id = runs::find_run(&mut tx, COURT, &run).expect("known").run_id;
    let id = act.take_ids(1);
    let values = [
        id.into(),
        run_id.into(),
        "committed".into(),
        Value::Bytes(&[7; 32]),
        1.into(),
        1_000.into(),
        Value::Null,
        "".into(),
        0.into(),
        5.into(),
    ];
    act.insert(&mut tx, &runs::RUN_EVENT, id, &values).expect("inserts");
    let refused = act.close(&mut tx).expect_err("is refused");
    assert!(matches!(refused, ankuan_ledger::Error::Constraint { .. }), "{refused}");
}

fn changed_details_of_payees_and_heirs_are_found(database: &Database) {
    let mut day = Day::open(database);
    let case = day.case(1);
    day.import(&case, &SOUND);
    let payee = day.payee(&case, PayeeKind::Applicant, "王芳", 1);
    day.change_account(&case, payee, 2).expect("changes");
    let (keeper, account) = (day.court.person(KEEPER), detail("", 9).1);
    let part = NewPart {
        numerator: 1,
        denominator: 1,
        document_type: DocumentType::Other,
        detail: person("配偶", &account, "配偶"),
    };
    let claim = Which::Number("A1");
    let said = Statement { case: &case, claim, reason: "继承", basis: "公证书", confirmed_by: &keeper };
    day.act(HANDLER, |tx, acting, keys, random| events::record_payees(tx, acting, keys, random, &said, &[part]))
        .expect("records");
    macro_rules! swapped {
        ($set:literal, $back:literal, $of:literal) => {
            day.found(
                "personal_details",
                concat!("UPDATE personal_detail SET ", $set, " WHERE court_id = $1 AND detail_id IN (", $of, ")"),
                concat!("UPDATE personal_detail SET ", $back, " WHERE court_id = $1 AND detail_id IN (", $of, ")"),
            )
        };
    }
    // The name in clear and both indexes, of a claim, a payee, new details and an heir.
    macro_rules! each_column {
        ($of:literal) => {
            swapped!(
                "payee_name = payee_name || 'x'",
                "payee_name = substr(payee_name, 1, length(payee_name) - 1)",
                $of
            );
            swapped!("bank_code = bank_code || 'x'", "bank_code = substr(bank_code, 1, length(bank_code) - 1)", $of);
            swapped!("document_index = document_index - 1", "document_index = document_index + 1", $of);
            swapped!("account_index = account_index - 1", "account_index = account_index + 1", $of);
        };
    }
    each_column!("SELECT claim_id FROM claim WHERE claimant_no = 'A2'");
    each_column!("SELECT payee_id FROM payee");
    each_column!("SELECT id FROM claim_event WHERE event = 'details'");
    each_column!("SELECT id FROM claim_event WHERE event = 'payee'");
    day.found(
        "personal_details",
        "UPDATE personal_detail SET detail_id = detail_id + 1000000 WHERE court_id = $1 AND detail_id IN \
         (SELECT payee_id FROM payee)",
        "UPDATE personal_detail SET detail_id = detail_id - 1000000 WHERE court_id = $1 AND detail_id > 1000000",
    );
}

crate::on_both!(
    the_status_of_a_run_follows_from_its_facts,
    a_second_commit_is_refused_by_the_database,
    changed_details_of_payees_and_heirs_are_found,
);
