//! The schema of the application: its steps, its fact tables, and how their columns are read.

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::{Migration, Statement, Table};
use ankuan_ledger::{Store, schema};

use crate::assets::{
    answers, debts, deductions, differences, expectations, grounds, instructions, measures, queries, register,
    salary_reports, substitution,
};
use crate::payouts::{lines, policy, reissue, release, rounds, runs, screens, settle, sheets, signatures};
use crate::{
    Message, Outcome, access, bounties, cases, chart, claims, deadlines, documents, flows, movements, obligations,
    papers, receipts, relief, replies, statements,
};

/// People, chart, bank accounts, cases, money in. `role_event` and `delegation` are made anew by a later step, which guards
/// them.
pub const COURT: Migration = Migration {
    name: "0002_court",
    text: include_str!("../migrations/0002_court.sql"),
    facts: &[
        &chart::COURT,
        &chart::CHART,
        &chart::BANK_ACCOUNT,
        &access::PERSON,
        &cases::COURT_CASE,
        &cases::CASE_NUMBER,
        &cases::PARTY,
        &cases::SUB_ACCOUNT,
        &cases::gates::CASE_EVENT,
        &cases::freezes::PAYEE_FREEZE,
        &cases::freezes::PAYEE_FREEZE_LIFT,
        &receipts::RECEIPT,
        &receipts::RECEIPT_CLAIM,
        &receipts::RECEIPT_ATTRIBUTION,
    ],
};

/// Claims, distributions, payout runs, approvals, payment lines, bank files, documents.
pub const PAYOUTS: Migration = Migration {
    name: "0003_payouts",
    text: include_str!("../migrations/0003_payouts.sql"),
    facts: &[
        &documents::DOCUMENT,
        &claims::record::CLAIM_LIST,
        &claims::record::CLAIM,
        &claims::record::CLAIM_EVENT,
        &rounds::DISTRIBUTION,
        &rounds::SHARE,
        &sheets::PAYEE,
        &sheets::SHEET,
        &sheets::SHEET_LINE,
        &runs::RUN,
        &runs::RUN_EVENT,
        &runs::APPROVAL,
        &policy::APPROVAL_POLICY,
        &lines::PAYMENT_LINE,
        &lines::LINE_EVENT,
        &release::BANK_FILE,
    ],
};

/// Statements, answers, matches, settlement, sign-off. It makes `run_source` anew, so that is guarded here.
pub const RECONCILIATION: Migration = Migration {
    name: "0004_reconciliation",
    text: include_str!("../migrations/0004_reconciliation.sql"),
    facts: &[
        &statements::STATEMENT,
        &statements::BANK_LINE,
        &statements::LINE_DETAIL,
        &statements::PROVISIONAL_LINE,
        &receipts::opening::BANK_OPENING,
        &receipts::opening::OPENING_ITEM,
        &replies::REPLY,
        &replies::REPLY_LINE,
        &flows::MATCHING,
        &flows::BANK_MATCH,
        &flows::MATCH_UNDO,
        &receipts::transfers::TRANSFER_INSTRUCTION,
        &settle::PAYMENT_EVENT,
        &reissue::REISSUE,
        &reissue::REISSUE_LINE,
        &statements::notes::ITEM_NOTE,
        &statements::days::DAY_EVENT,
        &runs::RUN_SOURCE,
    ],
};

/// Assets, orders on them, messages to institutions, money deducted. What a later step makes anew is guarded there.
pub const ASSETS: Migration = Migration {
    name: "0005_assets",
    text: include_str!("../migrations/0005_assets.sql"),
    facts: &[
        &register::ASSET,
        &measures::MEASURE,
        &instructions::INSTRUCTION,
        &answers::INSTRUCTION_ANSWER,
        &deductions::DEDUCTION,
    ],
};

/// Handlers and steps of cases, the court's own deadlines and calendar, pauses.
pub const DEADLINES: Migration = Migration {
    name: "0010_deadlines",
    text: include_str!("../migrations/0010_deadlines.sql"),
    facts: &[
        &cases::progress::CASE_HANDLER,
        &cases::progress::CASE_MILESTONE,
        &deadlines::record::COURT_RULE,
        &deadlines::record::DEADLINE_PAUSE,
        &deadlines::record::DEADLINE_RESUMPTION,
    ],
};

/// Money that is not plain case money: movements, sources of sheets, money between courts, bounties, relief.
pub const MOVEMENTS: Migration = Migration {
    name: "0008_movements",
    text: include_str!("../migrations/0008_movements.sql"),
    facts: &[
        &movements::MOVEMENT,
        &movements::MOVEMENT_LINE,
        &sheets::SHEET_SOURCE,
        &movements::courts::COURT_TRANSFER,
        &movements::courts::COURT_TRANSFER_PAPER,
        &bounties::BOUNTY,
        &bounties::BOUNTY_CLUE,
        &bounties::BOUNTY_AWARD,
        &bounties::BOUNTY_DRAW,
        &relief::RELIEF_ENTRY,
        &relief::claims::RELIEF_POLICY,
        &relief::claims::RELIEF_CLAIM,
        &relief::claims::RELIEF_CLAIM_LINE,
    ],
};

/// Queries, surrender, explained differences, grounds, expected income, debts owed to the debtor, substitution. It makes
/// `measure_event` and `instruction_answer_line` anew, so they are guarded here.
pub const EXTRACTION: Migration = Migration {
    name: "0006_extraction",
    text: include_str!("../migrations/0006_extraction.sql"),
    facts: &[
        &measures::MEASURE_EVENT,
        &answers::INSTRUCTION_ANSWER_LINE,
        &queries::ASSET_QUERY,
        &queries::QUERY_EVENT,
        &deductions::SURRENDER,
        &differences::DEDUCTION_DIFFERENCE,
        &grounds::ASSET_GROUND,
        &expectations::EXPECTATION,
        &expectations::EXPECTATION_EVENT,
        &debts::DEBT_NOTICE,
        &debts::DEBT_OBJECTION,
        &substitution::MEASURE_USE,
        &substitution::SUBSTITUTION,
    ],
};

/// What is owed and how it was performed, settlements, plans with objections.
pub const OBLIGATIONS: Migration = Migration {
    name: "0009_obligations",
    text: include_str!("../migrations/0009_obligations.sql"),
    facts: &[
        &obligations::OBLIGATION,
        &obligations::OBLIGATION_PAYEE,
        &obligations::performances::PERFORMANCE,
        &obligations::settlements::SETTLEMENT,
        &obligations::settlements::SETTLEMENT_INSTALMENT,
        &obligations::settlements::SETTLEMENT_RECEIPT,
        &obligations::settlements::SETTLEMENT_END,
        &obligations::plans::PLAN,
        &obligations::plans::PLAN_LINE,
        &obligations::plans::PLAN_EVENT,
        &obligations::plans::PLAN_PAYOUT,
        &sheets::SET_ASIDE_SHEET,
    ],
};

/// Banks' reports of salary accounts.
pub const SALARY: Migration = Migration {
    name: "0007_salary",
    text: include_str!("../migrations/0007_salary.sql"),
    facts: &[&salary_reports::SALARY_REPORT, &salary_reports::SALARY_LINE],
};

/// Cash that officers take, until the bank has it.
pub const CASH: Migration = Migration {
    name: "0011_cash",
    text: include_str!("../migrations/0011_cash.sql"),
    facts: &[&receipts::cash::CASH_RECEIPT, &receipts::cash::CASH_END],
};

/// Sign-in: keys, signatures, credentials. It makes `role_event` and `delegation` anew, so they are guarded here.
pub const SIGN_IN: Migration = Migration {
    name: "0012_sign_in",
    text: include_str!("../migrations/0012_sign_in.sql"),
    facts: &[
        &access::signing::PERSON_KEY,
        &access::signing::PERSON_KEY_END,
        &signatures::APPROVAL_SIGNATURE,
        &access::ROLE_EVENT,
        &access::DELEGATION,
    ],
};

/// Jobs of the service. All of it is state.
pub const SERVICE: Migration =
    Migration { name: "0013_service", text: include_str!("../migrations/0013_service.sql"), facts: &[] };

/// Webhooks, and the order in which jobs ended. All of it is state.
pub const WEBHOOKS: Migration =
    Migration { name: "0014_webhooks", text: include_str!("../migrations/0014_webhooks.sql"), facts: &[] };

/// What the screens of a run found, cleared by name.
pub const SCREENS: Migration = Migration {
    name: "0015_screens",
    text: include_str!("../migrations/0015_screens.sql"),
    facts: &[&screens::SCREEN_CLEARANCE],
};

/// What was printed to be signed, and what is attached to vouchers.
pub const PAPERS: Migration = Migration {
    name: "0016_papers",
    text: include_str!("../migrations/0016_papers.sql"),
    facts: &[&papers::PAPER_PRINT, &papers::attached::VOUCHER_ATTACHMENT],
};

/// What claimants are told and answer outside. All of it is state.
pub const CLAIMANTS: Migration =
    Migration { name: "0017_claimants", text: include_str!("../migrations/0017_claimants.sql"), facts: &[] };

/// Who opened personal data. A log, outside the books.
pub const READ_LOG: Migration =
    Migration { name: "0018_read_log", text: include_str!("../migrations/0018_read_log.sql"), facts: &[] };

/// Sign-in elsewhere, courts above, duties written down.
pub const ELSEWHERE: Migration = Migration {
    name: "0019_sign_in_elsewhere",
    text: include_str!("../migrations/0019_sign_in_elsewhere.sql"),
    facts: &[&access::upper::COURT_ABOVE],
};

/// Files that a request made. All of it is state.
pub const REQUEST_FILES: Migration =
    Migration { name: "0020_request_files", text: include_str!("../migrations/0020_request_files.sql"), facts: &[] };

/// Keys of programs that write wait for the person they act for.
pub const API_KEY_CONFIRMATION: Migration = Migration {
    name: "0021_api_key_confirmation",
    text: include_str!("../migrations/0021_api_key_confirmation.sql"),
    facts: &[],
};

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[
    schema::MIGRATION,
    COURT,
    PAYOUTS,
    RECONCILIATION,
    ASSETS,
    EXTRACTION,
    SALARY,
    MOVEMENTS,
    OBLIGATIONS,
    DEADLINES,
    CASH,
    SIGN_IN,
    SERVICE,
    WEBHOOKS,
    SCREENS,
    PAPERS,
    CLAIMANTS,
    READ_LOG,
    ELSEWHERE,
    REQUEST_FILES,
    API_KEY_CONFIRMATION,
];

/// Every fact table that the chain covers: the ledger's and those of the application.
#[must_use]
pub fn facts() -> Vec<&'static Table> {
    schema::FACTS.iter().chain(MIGRATIONS.iter().skip(1).flat_map(|step| step.facts)).copied().collect()
}

/// The steps that the database lacks, without changing it; all of them where there is no schema yet.
///
/// # Errors
/// `schema.newer`: a step that this program does not know. `schema.differs`: a step with another text. Such a
/// database belongs to another program or version, which may rely on rules that this one does not hold.
pub fn missing_steps(store: &mut Store) -> Outcome<Vec<&'static str>> {
    const HAS_STEPS: Statement = Statement::twin(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_step'",
        "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_step'",
    );
    let mut tx = store.snapshot()?;
    let has_steps = tx.query_one(HAS_STEPS, &[], |row| row.int(0))? > 0;
    let found = if has_steps {
        tx.query("SELECT name, digest FROM schema_step ORDER BY name", &[], |row| {
            Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))
        })?
    } else {
        Vec::new()
    };
    for (name, digest) in &found {
        let Some(step) = MIGRATIONS.iter().find(|step| step.name == name) else {
            return Err(Message::new("schema.newer").with("step", name).into());
        };
        if sha256(&[step.text.as_bytes()]).as_slice() != digest {
            return Err(Message::new("schema.differs").with("step", name).into());
        }
    }
    Ok(MIGRATIONS.iter().map(|step| step.name).filter(|name| !found.iter().any(|(known, _)| known == name)).collect())
}
