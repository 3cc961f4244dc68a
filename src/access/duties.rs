//! Duties that are written down a second time, person by person and day by day, so that the database itself refuses two
//! that must stay apart: role events and delegations are dated, and no constraint can say it of them.

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::Tx;
use ankuan_ledger::engine::Value;
use jiff::civil::Date;

use super::{Role, Roles, load_roles, people};
use crate::failure::Outcome;
use crate::words::read_date;

/// Each person's duties from each day on.
type Held = BTreeMap<(i64, Date), BTreeSet<Role>>;

impl Roles {
    /// The duties of people from a day on: that day, and each later one on which a role or delegation begins or a role
    /// ends. That a delegation ends brings no duties together, so its last day is none of these.
    fn held(&self, people: impl IntoIterator<Item = i64>, since: Date) -> Held {
        let mut days: BTreeSet<Date> = self.events.iter().map(|event| event.effective_on).collect();
        days.extend(self.delegations.iter().map(|delegation| delegation.from_date));
        days.insert(since);
        let mut held = Held::new();
        for person_id in people {
            for day in days.range(since..) {
                let roles: BTreeSet<Role> = self.of(person_id, *day).iter().map(|standing| standing.role).collect();
                if !roles.is_empty() {
                    held.insert((person_id, *day), roles);
                }
            }
        }
        held
    }
}

/// Writes down what everybody of a court holds from a day on, in the transaction of the change.
///
/// # Errors
/// What the database says: a constraint of `duty_held`, where two duties would meet.
pub(crate) fn write(tx: &mut Tx<'_>, court_id: i64, since: Date) -> Outcome<()> {
    let roles = load_roles(tx, court_id)?;
    let everybody = people(tx, court_id)?;
    tx.execute("DELETE FROM duty_held WHERE court_id = $1", &[court_id.into()])?;
    for ((person_id, day), held) in roles.held(everybody.iter().map(|person| person.person_id), since) {
        let day = day.to_string();
        let mut values: Vec<Value<'_>> = vec![court_id.into(), person_id.into(), day.as_str().into()];
        values.extend(Role::ALL.iter().map(|role| Value::from(i64::from(held.contains(role)))));
        tx.execute(
            "INSERT INTO duty_held (court_id, person_id, from_day, handler, fund_keeper, finance, cashier, \
             bureau_head, vice_president, auditor, upper_court, admin) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &values,
        )?;
    }
    Ok(())
}

/// What is written down is what follows from roles and delegations. A court that was opened before duties were written
/// down has none until somebody's duties change.
///
/// # Errors
/// What the database says.
pub fn finding(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let rows = tx.query(
        "SELECT person_id, from_day, handler, fund_keeper, finance, cashier, bureau_head, vice_president, auditor, \
         upper_court, admin FROM duty_held WHERE court_id = $1",
        &[court_id.into()],
        |row| {
            let mut held = BTreeSet::new();
            for (column, role) in (2..).zip(Role::ALL) {
                if row.int(column)? == 1 {
                    held.insert(*role);
                }
            }
            Ok(((row.int(0)?, read_date(row, 1)?), held))
        },
    )?;
    let written: Held = rows.into_iter().collect();
    let Some(since) = written.keys().map(|(_, day)| *day).min() else { return Ok(None) };
    let everybody = people(tx, court_id)?;
    let follows = load_roles(tx, court_id)?.held(everybody.iter().map(|person| person.person_id), since);
    let differs = written.keys().chain(follows.keys()).find(|key| written.get(key) != follows.get(key));
    Ok(differs.map(|(person_id, day)| format!("the duties of person {person_id} from {day} on do not follow")))
}

#[cfg(test)]
mod tests {
    use super::super::APART;
    use super::*;

    /// The columns of the table are the roles in their order, and its constraints keep apart exactly what the rule does.
    #[test]
    fn the_table_says_what_the_rule_says() {
        let text = include_str!("../../migrations/0019_sign_in_elsewhere.sql");
        let table = text.split("CREATE TABLE duty_held").nth(1).and_then(|rest| rest.split(");").next()).expect("it");
        let columns: Vec<&str> = table
            .lines()
            .filter_map(|line| line.trim().strip_suffix(" BIGINT NOT NULL,"))
            .filter(|name| name.parse::<i64>().is_err() && !name.ends_with("_id"))
            .collect();
        assert_eq!(columns, Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>());
        let rules: Vec<&str> =
            table.split("CONSTRAINT ").filter(|rule| rule.contains("_apart")).map(|rule| rule.trim()).collect();
        // "a = 0 OR b + c = 0" keeps a apart from each of the others; "a + b <= 1" the two.
        let is_apart = |one: Role, other: Role| {
            rules.iter().any(|rule| {
                let said = rule.split("CHECK (").nth(1).unwrap_or_default();
                let words = |text: &str| {
                    let separated = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
                    separated.filter_map(Role::parse).collect::<BTreeSet<_>>()
                };
                match said.split_once(" OR ") {
                    Some((head, rest)) => {
                        let (head, rest) = (words(head), words(rest));
                        (head.contains(&one) && rest.contains(&other)) || (head.contains(&other) && rest.contains(&one))
                    }
                    None => words(said) == BTreeSet::from([one, other]),
                }
            })
        };
        for one in Role::ALL {
            for other in Role::ALL.iter().filter(|other| *other > one) {
                let wanted = APART.iter().any(|pair| *pair == (*one, *other) || *pair == (*other, *one));
                assert_eq!(is_apart(*one, *other), wanted, "{one:?} {other:?}");
            }
        }
    }
}
