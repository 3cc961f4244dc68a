//! Approvals under keys: what is refused without a signature, and what the audit finds of changed ones.

use ankuan::access::credentials::{self, unlock_signer};
use ankuan::access::signing::Signer;
use ankuan::audit::verify_court;
use ankuan_ledger::engine::{Statement, Value};

use super::*;
use crate::court::{ADMIN, at};
use crate::sign_in::{PASSWORD, enrolled};

impl Day {
    fn signer(&mut self, who: &str) -> Signer {
        unlock_signer(&mut self.court.store, COURT, who, PASSWORD, at()).expect("unlocks")
    }

    fn approve_with(&mut self, who: &str, run: &str, signer: Option<&Signer>) -> Outcome<Status> {
        self.act(who, |tx, acting, _, _| Ok(runs::approve(tx, acting, run, None, signer)?.1))
    }

    /// What the audit says of signatures; other questions may have found the change as well.
    fn of_signatures(&mut self) -> Option<String> {
        let report = verify_court(&mut self.court.store, COURT, Some(&self.keys), &[], &mut |_| ()).expect("reads");
        report.checks.into_iter().find(|check| check.name == "signatures").expect("is asked").finding
    }

    fn submitted(&mut self, minor: i64) -> String {
        let case = self.case(minor);
        let receipt = self.receive(&case, minor);
        let payee = self.payee(&case, PayeeKind::Applicant, "王芳", 1);
        let sheet = self.sheet(&case, receipt, &[(Head::Principal, payee, minor)]).expect("records");
        let run = self.draft(&[(SourceKind::Sheet, sheet)]).expect("drafts");
        self.submit(&run).expect("submits");
        run
    }

    fn reset(&mut self, who: &str) {
        let person = self.court.person(who);
        self.act(ADMIN, |tx, acting, _, randomness| credentials::reset(tx, acting, &person, "密钥失控", randomness))
            .expect("resets");
    }
}

fn whoever_has_a_key_signs(database: &Database) {
    let mut day = Day::open(database);
    let run = day.submitted(1_000);
    for who in [FINANCE, HEAD] {
        enrolled(&mut day.court, &day.keys, who);
    }
    let (finance, head) = (day.signer(FINANCE), day.signer(HEAD));
    assert_eq!(code(day.approve_with(FINANCE, &run, None)), "runs.signature_missing");
    assert_eq!(code(day.approve_with(FINANCE, &run, Some(&head))), "runs.signature_missing");
    day.approve_with(FINANCE, &run, Some(&finance)).expect("first step");
    // A key that was reset does not count, nor does having none then.
    day.reset(HEAD);
    assert_eq!(code(day.approve_with(HEAD, &run, Some(&head))), "runs.signature_missing");
    assert_eq!(code(day.approve_with(HEAD, &run, None)), "runs.signature_missing");
    enrolled(&mut day.court, &day.keys, HEAD);
    assert_eq!(code(day.approve_with(HEAD, &run, Some(&head))), "runs.signature_missing");
    let newer = day.signer(HEAD);
    day.approve_with(HEAD, &run, Some(&newer)).expect("second step");
    // What was signed before a key ended stays signed.
    day.reset(FINANCE);
    day.commit(&run).expect("commits");
    assert_eq!(day.finding(), None);
    let other = day.submitted(2_000);
    assert_eq!(code(day.approve_with(FINANCE, &other, Some(&finance))), "runs.signature_missing");
    assert_eq!(day.finding(), None);
}

fn what_was_approved_before_anybody_had_a_key_stays(database: &Database) {
    let mut day = Day::open(database);
    let run = day.submitted(1_000);
    day.approve_with(FINANCE, &run, None).expect("first step");
    for who in [FINANCE, HEAD] {
        enrolled(&mut day.court, &day.keys, who);
    }
    let head = day.signer(HEAD);
    day.approve_with(HEAD, &run, Some(&head)).expect("second step");
    day.commit(&run).expect("commits");
    assert_eq!(day.finding(), None);
}

fn a_changed_signature_is_found(database: &Database) {
    let mut day = Day::open(database);
    let run = day.submitted(1_000);
    for who in [FINANCE, HEAD] {
        enrolled(&mut day.court, &day.keys, who);
        let signer = day.signer(who);
        day.approve_with(who, &run, Some(&signer)).expect("approves");
    }
    assert_eq!(day.finding(), None);

    // One who owns the database takes the guards away.
    let mut tx = day.court.store.begin().expect("begins");
    for statement in [
        Statement::twin("DROP TRIGGER approval_no_update", "DROP TRIGGER approval_no_change ON approval"),
        Statement::twin(
            "DROP TRIGGER approval_signature_no_update",
            "DROP TRIGGER approval_signature_no_change ON approval_signature",
        ),
        Statement::twin("DROP TRIGGER person_key_no_update", "DROP TRIGGER person_key_no_change ON person_key"),
    ] {
        tx.execute(statement, &[]).expect("drops");
    }
    let key = |row: &ankuan_ledger::engine::Row<'_>| Ok((row.int(0)?, row.bytes(1)?.to_vec()));
    let signed = tx
        .query("SELECT id, signature FROM approval_signature WHERE court_id = $1 ORDER BY id", &[COURT.into()], key)
        .expect("reads");
    let keys = tx
        .query("SELECT key_id, public_key FROM person_key WHERE court_id = $1 ORDER BY key_id", &[COURT.into()], key)
        .expect("reads");
    tx.commit().expect("commits");

    let signature = "UPDATE approval_signature SET signature = $3 WHERE court_id = $1 AND id = $2";
    let under = "UPDATE approval_signature SET key_id = $3 WHERE court_id = $1 AND id = $2";
    let public = "UPDATE person_key SET public_key = $3 WHERE court_id = $1 AND key_id = $2";
    let amount = "UPDATE approval SET amount_minor = $3 WHERE court_id = $1 AND step_no = $2";
    let behalf = "UPDATE approval SET recorded_at = recorded_at + $3 WHERE court_id = $1 AND step_no = $2";
    let of = "UPDATE approval_signature SET approval_id = approval_id + $3 WHERE court_id = $1 AND id = $2";
    let flipped = |bytes: &[u8], place: usize| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        changed
    };
    let (last, suite) = (flipped(&signed[0].1, 64), flipped(&signed[0].1, 0));
    let stranger = flipped(&keys[0].1, 7);
    for (text, id, changed, back) in [
        (signature, signed[0].0, Value::Bytes(&last), Value::Bytes(&signed[0].1)),
        (signature, signed[0].0, Value::Bytes(&suite), Value::Bytes(&signed[0].1)),
        // The other's signature in this one's place.
        (signature, signed[0].0, Value::Bytes(&signed[1].1), Value::Bytes(&signed[0].1)),
        (under, signed[0].0, keys[1].0.into(), keys[0].0.into()),
        (public, keys[0].0, Value::Bytes(&stranger), Value::Bytes(&keys[0].1)),
        (amount, 1, 999.into(), 1_000.into()),
        (behalf, 2, 1.into(), (-1).into()),
        (of, signed[0].0, 1_000_000.into(), (-1_000_000).into()),
    ] {
        for (value, is_found) in [(changed, true), (back, false)] {
            let mut tx = day.court.store.begin().expect("begins");
            assert_eq!(tx.execute(text, &[COURT.into(), id.into(), value]).expect("runs"), 1, "{text}");
            tx.commit().expect("commits");
            let finding = day.of_signatures();
            assert_eq!(finding.is_some(), is_found, "{text}: {finding:?}");
            if is_found {
                assert_eq!(code(day.commit(&run)), "runs.not_approved", "{text}");
            }
        }
    }
    assert_eq!(day.finding(), None);
    day.commit(&run).expect("commits");
}

crate::on_both!(
    whoever_has_a_key_signs,
    what_was_approved_before_anybody_had_a_key_stays,
    a_changed_signature_is_found,
);
