//! Which roles may give which command: what pages offer and what the service begins at all. The rules stand in the rooms,
//! which ask again under the lock of the book; a test walks this table against them, both ways.

use std::collections::BTreeSet;

use super::{Actor, Role, SEES_NUMBERS, Standing};
use crate::failure::Outcome;
use crate::message::Message;
use Role::{Admin, BureauHead, Cashier, Finance, FundKeeper, Handler, VicePresident};

const PEOPLE: &[Role] = &[Admin];
const CASE: &[Role] = &[Handler];
const BOOKS: &[Role] = &[Finance];
const KEEPING: &[Role] = &[FundKeeper, Finance];
const DESK: &[Role] = &[Handler, FundKeeper];
const APPROVING: &[Role] = &[FundKeeper, Finance, BureauHead, VicePresident];

const RECORDING: &[Role] = &[Handler, FundKeeper, Finance, Cashier, BureauHead, VicePresident, Admin];

/// What a person says themselves, signed in or with their password, and no program's key for them: approvals, what a second
/// person agrees to, and that a key may act for them. So is the answer to a job.
pub const IN_PERSON: &[&str] =
    &["payout approve", "payout clear", "reconcile review", "reconcile reopen", "api-key confirm"];

/// Who may answer for what somebody else proposed; which of them for which command, its room says.
pub const ANSWERING: &[Role] = &[Handler, FundKeeper, Finance, BureauHead, VicePresident];

/// Commands that record something, and the roles of whoever begins them. Whoever confirms one as a second person has the
/// roles that its room names. All other commands only read.
pub const MAY: &[(&str, &[Role])] = &[
    ("person add", PEOPLE),
    ("person grant", PEOPLE),
    ("person revoke", PEOPLE),
    ("person delegate", PEOPLE),
    ("person invite", PEOPLE),
    ("person reset", PEOPLE),
    ("person lock-reset", PEOPLE),
    ("api-key add", PEOPLE),
    ("api-key revoke", PEOPLE),
    ("api-key confirm", RECORDING),
    ("upper-court add", PEOPLE),
    ("upper-court end", PEOPLE),
    ("webhook add", PEOPLE),
    ("webhook remove", PEOPLE),
    ("webhook pause", PEOPLE),
    ("webhook resume", PEOPLE),
    ("webhook replay", PEOPLE),
    ("webhook test", PEOPLE),
    ("payout policy", PEOPLE),
    ("ledger attach", &[Finance, FundKeeper, Cashier]),
    ("paper print", &[Handler, FundKeeper, Finance, Cashier, BureauHead, VicePresident]),
    ("deadlines rules", PEOPLE),
    ("bank-account add", BOOKS),
    ("case open", CASE),
    ("case number", CASE),
    ("case party", CASE),
    ("case sub-account", &[FundKeeper]),
    ("case event", CASE),
    ("case handler", &[Handler, BureauHead]),
    ("case milestone", CASE),
    ("case freeze", CASE),
    ("receipt record", BOOKS),
    ("receipt attribute", DESK),
    ("cash take", CASE),
    ("cash banked", BOOKS),
    ("cash void", &[FundKeeper]),
    ("claims import", CASE),
    ("claim confirm", CASE),
    ("claim dispute", CASE),
    ("claim reserve", CASE),
    ("claim details", CASE),
    ("claim withdraw", CASE),
    ("claim payees", CASE),
    ("claimants key", DESK),
    ("claimants letters", DESK),
    ("claimants messages", DESK),
    ("claimants outbox", DESK),
    ("claimants arrived", DESK),
    ("claimants export", DESK),
    ("claimants corrections", DESK),
    ("claimants accept", CASE),
    ("claimants refuse", DESK),
    ("payee add", CASE),
    ("payee details", CASE),
    ("sheet record", CASE),
    ("distribute make", CASE),
    ("payout draft", CASE),
    ("payout submit", CASE),
    ("payout approve", APPROVING),
    ("payout commit", KEEPING),
    ("payout release", KEEPING),
    ("payout withdraw", KEEPING),
    ("payout cancel", CASE),
    ("payout clear", APPROVING),
    ("payout send-back", APPROVING),
    ("payout reissue", CASE),
    ("statement import", KEEPING),
    ("reply import", KEEPING),
    ("reconcile match", KEEPING),
    ("reconcile set", KEEPING),
    ("reconcile undo", KEEPING),
    ("reconcile note", KEEPING),
    ("reconcile prepare", KEEPING),
    ("reconcile review", KEEPING),
    ("reconcile close", KEEPING),
    ("reconcile reopen", &[FundKeeper, Finance, BureauHead]),
    ("opening import", KEEPING),
    ("asset add", CASE),
    ("asset day", DESK),
    ("asset ground", CASE),
    ("asset expect", CASE),
    ("asset income", DESK),
    ("asset notice", CASE),
    ("asset objection", CASE),
    ("asset use", CASE),
    ("asset substitute", CASE),
    ("freeze", CASE),
    ("renew", CASE),
    ("deduct", CASE),
    ("lift", CASE),
    ("query", CASE),
    ("surrender", CASE),
    ("instructions out", CASE),
    ("instructions in", CASE),
    ("salary import", DESK),
    ("salary sweep", CASE),
    ("deduction arrived", KEEPING),
    ("deduction explain", KEEPING),
    ("deadlines pause", CASE),
    ("deadlines resume", CASE),
    ("movement order", CASE),
    ("relief fund-in", BOOKS),
    ("relief pay", CASE),
    ("relief refund", BOOKS),
    ("relief premium", CASE),
    ("relief claim", CASE),
    ("relief insurer-paid", BOOKS),
    ("relief pass-through", CASE),
    ("court-transfer record", DESK),
    ("court-transfer paper", DESK),
    ("bounty announce", CASE),
    ("bounty report", CASE),
    ("bounty award", CASE),
    ("bounty draw", CASE),
    ("ledger hold", BOOKS),
    ("ledger capture", BOOKS),
    ("ledger release", BOOKS),
    ("ledger reverse", BOOKS),
    ("ledger close-month", BOOKS),
    ("obligation add", CASE),
    ("obligation payee", CASE),
    ("obligation perform-outside", CASE),
    ("obligation set-off", CASE),
    ("obligation assign", CASE),
    ("obligation waive", CASE),
    ("obligation undo", CASE),
    ("plan draft", CASE),
    ("plan serve", CASE),
    ("plan object", CASE),
    ("plan oppose", CASE),
    ("plan suit", CASE),
    ("plan settle", CASE),
    ("plan decide", CASE),
    ("plan pay-again", CASE),
    ("plan cancel", CASE),
    ("settlement add", CASE),
    ("settlement receipt", CASE),
    ("settlement default", CASE),
    ("settlement complete", CASE),
];

/// The roles that may record with a command; none for one that only reads.
#[must_use]
pub fn recorders(words: &str) -> Option<&'static [Role]> {
    MAY.iter().find(|(known, _)| *known == words).map(|(_, roles)| *roles)
}

/// Commands that record nothing and give out files full of account numbers: for whose work it is to see them.
const GIVE_OUT: &[&str] = &["payout deliver", "payout verification-request"];

/// The roles that a command asks for; none where any role will do.
fn asked_of(words: &str) -> Option<&'static [Role]> {
    if GIVE_OUT.contains(&words) { Some(SEES_NUMBERS) } else { recorders(words) }
}

/// Whether somebody with these standings may record with a command; of one that only reads, whether they may read.
#[must_use]
pub fn may<'s>(standings: impl IntoIterator<Item = &'s Standing>, words: &str) -> bool {
    let held: BTreeSet<Role> = standings.into_iter().map(|standing| standing.role).collect();
    match asked_of(words) {
        Some(roles) => roles.iter().any(|role| held.contains(role)),
        None => may_read(held),
    }
}

/// Whether anything of the court may be read: by whoever has any role in it that day.
#[must_use]
pub fn may_read(held: impl IntoIterator<Item = Role>) -> bool {
    held.into_iter().next().is_some()
}

/// Refuses a command that these standings do not allow.
///
/// # Errors
/// `access.role_missing` of a command that one role gives, `access.roles_missing` of one that several do,
/// `access.no_role` of whoever may not even read.
pub fn require(actor: &Actor, standings: &BTreeSet<Standing>, words: &str) -> Outcome<()> {
    if may(standings, words) {
        return Ok(());
    }
    Err(why_not(&actor.name, words).into())
}

/// Refuses whoever may not even read.
///
/// # Errors
/// `access.no_role`.
pub fn require_reading(actor: &Actor, standings: &BTreeSet<Standing>) -> Outcome<()> {
    if may_read(standings.iter().map(|standing| standing.role)) {
        return Ok(());
    }
    Err(Message::new("access.no_role").with("name", &actor.name).into())
}

/// Why somebody may not give a command.
#[must_use]
pub fn why_not(name: &str, words: &str) -> Message {
    match asked_of(words) {
        None => Message::new("access.no_role").with("name", name),
        Some(roles) => Message::new("access.roles_missing").with("name", name).with_said("roles", |language| {
            let said: Vec<String> = roles.iter().map(|role| role.message().text(language)).collect();
            language.list(&said)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::catalogue::{COMMANDS, Kind};

    /// A job that changes nothing in the books.
    const READING_JOBS: &[&str] = &["verify", "payout deliver", "payout verification-request"];

    #[test]
    fn every_command_that_records_is_in_the_table_and_no_other() {
        let recording = COMMANDS
            .iter()
            .filter(|(words, kind)| !matches!(kind, Kind::Read | Kind::Local) && !READING_JOBS.contains(words))
            .map(|(words, _)| *words);
        let table: BTreeSet<&str> = MAY.iter().map(|(words, _)| *words).collect();
        assert_eq!(table, recording.collect::<BTreeSet<_>>());
        assert_eq!(table.len(), MAY.len(), "each once");
    }

    #[test]
    fn what_is_said_in_person_is_a_command_that_records() {
        assert!(IN_PERSON.iter().all(|words| recorders(words).is_some()));
        assert!(crate::cli::catalogue::SIGNED.iter().all(|words| IN_PERSON.contains(words)));
    }

    #[test]
    fn auditors_and_the_upper_court_record_nothing_and_admins_touch_no_money() {
        let may_all = |role: Role| {
            let standing = Standing { role, on_behalf_of: None };
            MAY.iter().map(|(words, _)| *words).filter(|words| may([&standing], words)).collect::<Vec<_>>()
        };
        assert_eq!(may_all(Role::Auditor), Vec::<&str>::new());
        assert_eq!(may_all(Role::UpperCourt), Vec::<&str>::new());
        for words in may_all(Role::Admin) {
            let word = words.split(' ').next().unwrap_or_default();
            assert!(
                ["person", "api-key", "upper-court", "webhook"].contains(&word)
                    || ["payout policy", "deadlines rules"].contains(&words),
                "{words}"
            );
        }
    }

    #[test]
    fn who_has_no_role_reads_nothing() {
        assert!(!may([], "case list"));
        assert!(may([&Standing { role: Role::Auditor, on_behalf_of: Some(3) }], "case list"));
    }
}
