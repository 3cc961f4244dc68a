//! The same request twice does its work once.

use ankuan::access::{self, Acting};
use ankuan::request::{Answer, Request, once};
use ankuan::{Message, Outcome};
use serde_json::json;

use crate::court::{ADMIN, COURT, Court, TODAY, at, code};
use crate::support::Database;

fn add(court: &mut Court, request: Option<&Request>, name: &str) -> Outcome<Answer> {
    let acting = Acting { actor: court.person(ADMIN), at: at(), date: TODAY };
    once(&mut court.store, &acting, request, |tx| {
        let person = access::add_person(tx, &acting, name)?;
        Ok(Answer::new(
            &Message::new("command.person_added").with("name", name),
            json!({"person_id": person.person_id}),
        ))
    })
}

fn people(court: &mut Court) -> usize {
    let mut tx = court.store.snapshot().expect("reads");
    access::people(&mut tx, COURT).expect("reads").len()
}

fn repeated_it_changes_nothing_and_answers_the_same(database: &Database) {
    let mut court = Court::open(database);
    let before = people(&mut court);
    let request = Request::new("person.add", "k1", &[b"\xe7\x94\xb2"]).expect("a key");
    let first = add(&mut court, Some(&request), "甲").expect("adds");
    let second = add(&mut court, Some(&request), "甲").expect("answers");
    assert_eq!(first, second);
    assert_eq!(people(&mut court), before + 1);
    let other = Request::new("person.add", "k1", &[b"\xe4\xb9\x99"]).expect("a key");
    assert_eq!(code(add(&mut court, Some(&other), "乙")), "request.differs");
    assert_eq!(people(&mut court), before + 1);
}

fn a_refusal_is_remembered(database: &Database) {
    let mut court = Court::open(database);
    let request = Request::new("person.add", "k2", &[b"x"]).expect("a key");
    assert_eq!(code(add(&mut court, Some(&request), ADMIN)), "access.person_exists");
    assert_eq!(code(add(&mut court, Some(&request), ADMIN)), "request.refused_before");
    // Without a key each time is its own.
    assert_eq!(code(add(&mut court, None, ADMIN)), "access.person_exists");
    assert_eq!(code(add(&mut court, None, ADMIN)), "access.person_exists");
}

#[test]
fn a_key_has_a_size() {
    for wrong in [String::new(), " ".into(), "x".repeat(101)] {
        assert_eq!(Request::new("x", &wrong, &[]).expect_err("refused").code, "request.key");
    }
}

crate::on_both!(repeated_it_changes_nothing_and_answers_the_same, a_refusal_is_remembered);
