//! `serve --demo`: a court to look at: a mass payout and a debtor's case, made by the same commands, and people who can
//! sign in.

use std::path::Path;
use std::sync::Arc;

use ankuan_ledger::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::demo::{self, DemoArgs, StoryArg};
use super::super::output::{Output, Reached};
use super::super::{Context, DEFAULT_DATABASE};
use crate::access::{self, Acting, Role, credentials};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::failure::{Failure, Outcome};
use crate::service::DemoAccount;

/// Claimants of the mass case: enough that a page cannot show them all, few enough to be there at once.
const CLAIMANTS: u64 = 2_000;

/// Everybody's password. It protects invented money only.
pub const PASSWORD: &str = "ankuan-demo-2026";

/// Where the secrets of the second factors are, beside the demo's database.
const ACCOUNTS: &str = "demo-accounts.json";

#[derive(Serialize, Deserialize)]
struct Accounts {
    accounts: Vec<DemoAccount>,
}

/// Fills `dir` unless it was filled before, and points the context there; returns the accounts to sign in with.
///
/// # Errors
/// Those of the commands that fill it.
pub fn fill(context: &mut Context, dir: &Path) -> Outcome<Vec<DemoAccount>> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::of_file(dir, &error))?;
    if context.globals.database == DEFAULT_DATABASE {
        context.globals.database = format!("sqlite:{}", std::path::absolute(dir.join("ankuan.db"))?.display());
    }
    context.globals.keys = Some(std::path::absolute(dir.join("ankuan.key"))?);
    let path = dir.join(ACCOUNTS);
    if let Ok(text) = std::fs::read_to_string(&path) {
        let known: Accounts = serde_json::from_str(&text).map_err(std::io::Error::from)?;
        return Ok(known.accounts);
    }
    let mut quiet = context.clone();
    quiet.output = Output::keeping(context.output.language, Arc::new(Reached::default()));
    let args = |story| DemoArgs {
        claimants: CLAIMANTS,
        dir: dir.to_owned(),
        bad_accounts: 200,
        seed: 1,
        profile: "generic-csv".to_owned(),
        without_bank: false,
        story,
        without_verify: true,
    };
    demo::run(&quiet, &args(None))?;
    demo::run(&quiet, &args(Some(StoryArg::Debtor)))?;
    let keys = Keys::read(&context.key_path())?;
    let mut store = context.open()?;
    let mut accounts = Vec::new();
    for (place, court_id) in courts(&mut store)?.into_iter().enumerate() {
        // The stories made two courts; the first has an afternoon's work besides.
        if place == 0 {
            super::afternoon::fill(context, &mut store, &keys, court_id)?;
        }
        accounts.extend(enrol_all(context, &mut store, &keys, court_id)?);
    }
    let text = serde_json::to_string_pretty(&json!({"accounts": accounts})).map_err(std::io::Error::from)?;
    std::fs::write(&path, text).map_err(|error| Failure::of_file(&path, &error))?;
    Ok(accounts)
}

fn courts(store: &mut Store) -> Outcome<Vec<i64>> {
    let mut tx = store.snapshot()?;
    Ok(tx.query("SELECT DISTINCT court_id FROM court ORDER BY court_id", &[], |row| row.int(0))?)
}

/// Adds the people whom the stories do not need, and enrols everybody of a court.
fn enrol_all(context: &Context, store: &mut Store, keys: &Keys, court_id: i64) -> Outcome<Vec<DemoAccount>> {
    let (now, mut randomness) = (context.clock().now(), Randomness::system());
    let today = context.clock().today_in_shanghai();
    let (admin, people) = {
        let mut tx = store.begin()?;
        let roles = access::load_roles(&mut tx, court_id)?;
        let mut people = access::people(&mut tx, court_id)?;
        let found = people.iter().find(|person| roles.holds(person.person_id, Role::Admin, today)).cloned();
        let Some(actor) = found else { return Ok(Vec::new()) };
        let admin = Acting { actor, at: now, date: today };
        for (name, role) in [("郑审计", Role::Auditor), ("吴出纳", Role::Cashier)] {
            let person = access::add_person(&mut tx, &admin, name)?;
            access::grant(&mut tx, &admin, &person, role, today, "demo")?;
            people.push(person);
        }
        tx.commit()?;
        (admin, people)
    };
    let mut accounts = Vec::new();
    for person in people {
        let mut tx = store.begin()?;
        let code = credentials::invite(&mut tx, &admin, &person, &mut randomness)?;
        let roles =
            access::roles_of(&mut tx, &person, today)?.iter().map(|held| held.role.as_str().to_owned()).collect();
        tx.commit()?;
        let made = credentials::enrol(store, keys, court_id, &person.name, &code, PASSWORD, now, &mut randomness)?;
        accounts.push(DemoAccount { court_id, name: person.name, roles, totp_secret: made.totp_secret_base32 });
    }
    Ok(accounts)
}
