//! A payout run: lines from one or many cases, approved together. Draft → submitted → approved.
//!
//! What is approved is named by a digest. It is made of the digests that the chain already holds for the shares and
//! sheets of the run, and of every later event that would change what is paid; so a change after the submission, of
//! whatever size, gives another digest, and approvals of the old one do not count.

use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Error, RowBytes, Table, Tx, Value};
use ankuan_ledger::{Act, Amount};

use super::policy::{MAY_APPROVE, Policy, Step, court_policy};
use super::reissue;
use super::sheet::SheetSource;
use super::{sheets, signatures};
use crate::access::signing::{Signer, load_keyring};
use crate::access::{self, Acting, Role, may};
use crate::bank::Profile;
use crate::books;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::words::read_word;

/// `run`
pub static RUN: Table = Table {
    name: "run",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("run_id", Int),
        ("number", Text),
        ("title", Text),
        ("bank_account_id", Int),
        ("profile", Text),
        ("policy", Text),
        ("recorded_at", Int),
        ("maker_id", Int),
        ("mark", Int),
    ],
    order: &["run_id"],
};

/// `run_source`
pub static RUN_SOURCE: Table = Table {
    name: "run_source",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("run_id", Int),
        ("kind", Text),
        ("source_id", Int),
        ("case_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `run_event`
pub static RUN_EVENT: Table = Table {
    name: "run_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("run_id", Int),
        ("event", Text),
        ("digest", Bytes),
        ("line_count", Int),
        ("amount_minor", Int),
        ("voucher_id", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `approval`
pub static APPROVAL: Table = Table {
    name: "approval",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("approval_id", Int),
        ("run_id", Int),
        ("step_no", Int),
        ("role", Text),
        ("approver_id", Int),
        ("on_behalf_of_id", Int),
        ("principal_id", Int),
        ("maker_id", Int),
        ("digest", Bytes),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["approval_id"],
};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being put together.
    Draft,
    /// Waiting for approvals.
    Submitted,
    /// Every step has approved.
    Approved,
    /// The money has left the cases; nothing has gone to the bank.
    Committed,
    /// The files are with the bank.
    Released,
    /// Given up before commit.
    Cancelled,
    /// Reversed after commit, before release.
    Withdrawn,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Submitted,
        Self::Approved,
        Self::Committed,
        Self::Released,
        Self::Cancelled,
        Self::Withdrawn,
    ];

    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Draft => "runs.status_draft",
            Self::Submitted => "runs.status_submitted",
            Self::Approved => "runs.status_approved",
            Self::Committed => "runs.status_committed",
            Self::Released => "runs.status_released",
            Self::Cancelled => "runs.status_cancelled",
            Self::Withdrawn => "runs.status_withdrawn",
        })
    }
}

/// What a run pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A distribution of a case.
    Distribution,
    /// An ordinary payout sheet.
    Sheet,
    /// Payments that came back, to be made again.
    Reissue,
}

impl SourceKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Distribution => "runs.source_distribution",
            Self::Sheet => "runs.source_sheet",
            Self::Reissue => "runs.source_reissue",
        })
    }

    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Sheet => "sheet",
            Self::Reissue => "reissue",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Distribution, Self::Sheet, Self::Reissue].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A source of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Distribution or sheet.
    pub kind: SourceKind,
    /// Its row.
    pub source_id: i64,
    /// Its case.
    pub case_id: i64,
}

/// A run as stored.
#[derive(Debug, Clone)]
pub struct Run {
    /// Row.
    pub run_id: i64,
    /// What people see: P2026-0001.
    pub number: String,
    /// Title.
    pub title: String,
    /// Account it is paid from.
    pub bank_account_id: i64,
    /// The bank profile's text, as it was when the run was made.
    pub profile: String,
    /// The approval rules' text, likewise.
    pub policy: String,
    /// Who made it.
    pub maker_id: i64,
    /// Where it stands.
    pub status: Status,
    /// What it pays.
    pub sources: Vec<Source>,
}

impl Run {
    /// The bank profile.
    ///
    /// # Errors
    /// A profile that no longer reads.
    pub fn profile(&self) -> Outcome<Profile> {
        Ok(Profile::parse(&self.number, &self.profile)?)
    }

    /// Refuses unless the run stands where it must.
    ///
    /// # Errors
    /// `runs.wrong_status`.
    pub fn must_be(&self, wanted: Status) -> Outcome<()> {
        if self.status == wanted {
            return Ok(());
        }
        Err(Message::new("runs.wrong_status")
            .with("run", &self.number)
            .with_term("status", &self.status.message())
            .with_term("wanted", &wanted.message())
            .into())
    }
}

/// What a run contains at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Names exactly this content.
    pub digest: Digest,
    /// Lines to be paid.
    pub line_count: i64,
    /// What they come to.
    pub paid: Amount,
    /// Kept back with a reason.
    pub set_aside: Amount,
}

/// An approval as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Row.
    pub approval_id: i64,
    /// From 1.
    pub step_no: i64,
    /// Role it was given in.
    pub role: String,
    /// Who approved.
    pub approver_id: i64,
    /// Who delegated, if anybody.
    pub on_behalf_of_id: Option<i64>,
    /// What was approved.
    pub digest: Digest,
    /// What it came to, with what is set aside.
    pub amount_minor: i64,
    /// When, µs UTC.
    pub recorded_at: i64,
}

impl Approval {
    /// Whether a person approved, or was stood in for.
    fn involves(&self, person_id: i64) -> bool {
        self.approver_id == person_id || self.on_behalf_of_id == Some(person_id)
    }
}

/// Who made any part of a run: the run, its distributions and sheets, the payment details of its payees.
pub(super) fn makers(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<Vec<i64>> {
    let mut makers = vec![run.maker_id];
    for source in &run.sources {
        let text = match source.kind {
            SourceKind::Distribution => {
                "SELECT actor_id FROM distribution WHERE court_id = $1 AND book_id = $2 AND distribution_id = $3"
            }
            SourceKind::Sheet => {
                "SELECT actor_id FROM sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3 UNION \
                 SELECT p.proposed_by FROM sheet_line AS l JOIN payee AS p ON p.court_id = l.court_id \
                 AND p.book_id = l.book_id AND p.payee_id = l.payee_id \
                 WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3 UNION \
                 SELECT e.proposed_by FROM sheet_line AS l JOIN sheet AS s ON s.court_id = l.court_id \
                 AND s.book_id = l.book_id AND s.sheet_id = l.sheet_id JOIN claim_event AS e ON e.court_id = s.court_id \
                 AND e.book_id = s.book_id AND e.case_id = s.case_id AND e.claim_id = l.payee_id \
                 WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3"
            }
            SourceKind::Reissue => {
                "SELECT actor_id FROM reissue WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3"
            }
        };
        let key = [court_id.into(), books::CASE_MONEY.into(), source.source_id.into()];
        makers.extend(tx.query(text, &key, |row| row.int(0))?);
        // New payment details of a case are made by whoever proposed them; of a sheet only those of its payees count.
        if source.kind != SourceKind::Sheet {
            makers.extend(tx.query(
                "SELECT DISTINCT proposed_by FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $3",
                &[court_id.into(), books::CASE_MONEY.into(), source.case_id.into()],
                |row| row.int(0),
            )?);
        }
    }
    Ok(makers)
}

/// What a new run is.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Title.
    pub title: &'a str,
    /// Account it is paid from.
    pub bank_account_id: i64,
    /// Text of the bank profile.
    pub profile: &'a str,
    /// What it pays.
    pub sources: &'a [(SourceKind, i64)],
}

/// Puts a run together.
///
/// # Errors
/// `runs.empty`, `runs.source_unknown`, `runs.case_twice` (two distributions of one case), `runs.source_taken` (the
/// source stands in another run), the refusals of [`Policy::parse`] and of the profile.
pub fn draft(tx: &mut Tx<'_>, acting: &Acting, new: &NewRun<'_>) -> Outcome<Run> {
    Profile::parse("profile", new.profile)?;
    if new.sources.is_empty() {
        return Err(Message::new("runs.empty").into());
    }
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.draft")?;
    acting.require(tx, Role::Handler)?;
    let policy = court_policy(tx, court_id)?;
    Policy::parse(&policy)?;
    let run_id = act.take_ids(1);
    let year = acting.date.year();
    let of_year = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM run WHERE court_id = $1 AND book_id = $2 AND number LIKE $3",
        &[court_id.into(), books::CASE_MONEY.into(), format!("P{year}-%").as_str().into()],
        |row| row.int(0),
    )?;
    let number = format!("P{year}-{:04}", of_year + 1);
    act.insert(
        tx,
        &RUN,
        run_id,
        &[
            run_id.into(),
            number.as_str().into(),
            new.title.into(),
            new.bank_account_id.into(),
            new.profile.into(),
            policy.as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    let mut distributed = Vec::new();
    for (kind, source_id) in new.sources {
        let text = match kind {
            SourceKind::Distribution => {
                "SELECT case_id FROM distribution WHERE court_id = $1 AND book_id = $2 AND distribution_id = $3"
            }
            SourceKind::Sheet => "SELECT case_id FROM sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
            SourceKind::Reissue => {
                "SELECT case_id FROM reissue WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3"
            }
        };
        let key = [court_id.into(), books::CASE_MONEY.into(), (*source_id).into()];
        let case_id = tx
            .query_opt(text, &key, |row| row.int(0))?
            .ok_or_else(|| Message::new("runs.source_unknown").with("source", source_id))?;
        // The second would not know what the first one pays.
        if *kind == SourceKind::Distribution {
            if distributed.contains(&case_id) {
                return Err(Message::new("runs.case_twice").with("source", source_id).into());
            }
            distributed.push(case_id);
        }
        let taken = tx.query_opt(
            "SELECT r.number FROM open_source AS o JOIN run AS r ON r.court_id = o.court_id AND r.book_id = o.book_id \
             AND r.run_id = o.run_id WHERE o.court_id = $1 AND o.book_id = $2 AND o.kind = $3 AND o.source_id = $4",
            &[court_id.into(), books::CASE_MONEY.into(), kind.as_str().into(), (*source_id).into()],
            |row| Ok(row.text(0)?.to_owned()),
        )?;
        if let Some(other) = taken {
            return Err(Message::new("runs.source_taken")
                .with_term("kind", &kind.message())
                .with("source", source_id)
                .with("run", other)
                .into());
        }
        let id = act.take_ids(1);
        act.insert(
            tx,
            &RUN_SOURCE,
            id,
            &[id.into(), run_id.into(), kind.as_str().into(), (*source_id).into(), case_id.into()],
        )?;
        tx.execute(
            "INSERT INTO open_source (court_id, book_id, kind, source_id, run_id) VALUES ($1, $2, $3, $4, $5)",
            &[court_id.into(), books::CASE_MONEY.into(), kind.as_str().into(), (*source_id).into(), run_id.into()],
        )?;
    }
    tx.execute(
        "INSERT INTO run_state (court_id, book_id, run_id, status) VALUES ($1, $2, $3, 'draft')",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
    )?;
    act.close(tx)?;
    find_run(tx, court_id, &number)
}

/// A run by its number.
///
/// # Errors
/// `runs.unknown`.
pub fn find_run(tx: &mut Tx<'_>, court_id: i64, number: &str) -> Outcome<Run> {
    let found = tx.query_opt(
        "SELECT r.run_id, r.number, r.title, r.bank_account_id, r.profile, r.policy, r.maker_id, s.status \
         FROM run AS r JOIN run_state AS s ON s.court_id = r.court_id AND s.book_id = r.book_id AND s.run_id = r.run_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.number = $3",
        &[court_id.into(), books::CASE_MONEY.into(), number.into()],
        |row| {
            let status = row.text(7)?;
            let status = Status::ALL.into_iter().find(|known| known.as_str() == status);
            Ok(Run {
                run_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                title: row.text(2)?.to_owned(),
                bank_account_id: row.int(3)?,
                profile: row.text(4)?.to_owned(),
                policy: row.text(5)?.to_owned(),
                maker_id: row.int(6)?,
                status: status.ok_or_else(|| Error::Inconsistent("a run with an unknown status".into()))?,
                sources: Vec::new(),
            })
        },
    )?;
    let mut run = found.ok_or_else(|| Message::new("runs.unknown").with("run", number))?;
    run.sources = tx.query(
        "SELECT kind, source_id, case_id FROM run_source WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| {
            let kind = read_word(row, 0, SourceKind::parse)?;
            Ok(Source { kind, source_id: row.int(1)?, case_id: row.int(2)? })
        },
    )?;
    Ok(run)
}

/// Whether somebody has made nothing of a run and approved nothing of what stands in it now.
///
/// # Errors
/// What the database says.
pub fn has_no_part(tx: &mut Tx<'_>, court_id: i64, run: &Run, content: &Content, person_id: i64) -> Outcome<bool> {
    let given = approvals(tx, court_id, run.run_id)?;
    let has_approved = given.iter().any(|given| given.digest == content.digest && given.involves(person_id));
    Ok(!has_approved && !makers(tx, court_id, run)?.contains(&person_id))
}

/// The numbers of the runs that stand in one of some states, oldest first.
///
/// # Errors
/// What the database says.
pub fn numbers_in(tx: &mut Tx<'_>, court_id: i64, wanted: &[Status]) -> Outcome<Vec<String>> {
    let all = tx.query(
        "SELECT r.number, s.status FROM run AS r JOIN run_state AS s ON s.court_id = r.court_id AND s.book_id = r.book_id \
         AND s.run_id = r.run_id WHERE r.court_id = $1 AND r.book_id = $2 ORDER BY r.run_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
    )?;
    let is_wanted = |status: &str| wanted.iter().any(|wanted| wanted.as_str() == status);
    Ok(all.into_iter().filter(|(_, status)| is_wanted(status)).map(|(number, _)| number).collect())
}

/// The numbers of all runs, oldest first.
///
/// # Errors
/// What the database says.
pub fn run_numbers(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<String>> {
    Ok(tx.query(
        "SELECT number FROM run WHERE court_id = $1 AND book_id = $2 ORDER BY run_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?)
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// Row.
    pub run_id: i64,
    /// What people see.
    pub number: String,
    /// What it pays, in words.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// Number of the account it is paid from.
    pub bank_account: String,
    /// Who made it.
    pub maker: String,
    /// When (µs).
    pub made_at: i64,
    /// Lines and sum at its last step; none before it was submitted.
    pub last: Option<(i64, Amount)>,
}

/// A page of the runs behind an id, oldest first; or, with a number, that run.
///
/// # Errors
/// What the database says.
pub fn page(tx: &mut Tx<'_>, court_id: i64, number: Option<&str>, after: i64, most: i64) -> Outcome<Vec<RunView>> {
    Ok(tx.query(
        "SELECT r.run_id, r.number, r.title, s.status, b.number, p.name, r.recorded_at, e.line_count, e.amount_minor \
         FROM run AS r JOIN run_state AS s ON s.court_id = r.court_id AND s.book_id = r.book_id AND s.run_id = r.run_id \
         LEFT JOIN bank_account AS b ON b.court_id = r.court_id AND b.book_id = r.book_id AND b.bank_account_id = r.bank_account_id \
         LEFT JOIN person AS p ON p.court_id = r.court_id AND p.book_id = $5 AND p.person_id = r.maker_id \
         LEFT JOIN run_event AS e ON e.court_id = r.court_id AND e.book_id = r.book_id AND e.id = \
         (SELECT MAX(l.id) FROM run_event AS l \
          WHERE l.court_id = r.court_id AND l.book_id = r.book_id AND l.run_id = r.run_id) \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.run_id > $3 AND (CAST($6 AS TEXT) IS NULL OR r.number = $6) \
         ORDER BY r.run_id LIMIT $4",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            after.into(),
            most.into(),
            books::REGISTER.into(),
            number.into(),
        ],
        |row| {
            Ok(RunView {
                run_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                title: row.text(2)?.to_owned(),
                status: read_word(row, 3, |text| Status::ALL.into_iter().find(|known| known.as_str() == text))?,
                bank_account: row.opt_text(4)?.unwrap_or_default().to_owned(),
                maker: row.opt_text(5)?.unwrap_or_default().to_owned(),
                made_at: row.int(6)?,
                last: row.opt_int(7)?.zip(row.opt_int(8)?.map(Amount::from_minor)),
            })
        },
    )?)
}

/// What the run contains now.
///
/// # Errors
/// What the database says.
pub fn content(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<Content> {
    let key = |id: i64| [court_id.into(), books::CASE_MONEY.into(), Value::Int(id)];
    let mut basis = RowBytes::default();
    for text in [&run.profile, &run.policy] {
        basis.value(text.as_str().into());
    }
    basis.value(run.run_id.into());
    basis.value(run.bank_account_id.into());
    let (mut line_count, mut paid, mut set_aside) = (0, Amount::ZERO, Amount::ZERO);
    let overflow = || Error::Inconsistent("the sum of a run leaves the range of amounts".into());
    for source in &run.sources {
        basis.value(source.kind.as_str().into());
        basis.value(source.source_id.into());
        let (lines, pays, keeps, digest) = match source.kind {
            SourceKind::Distribution => tx.query_one(
                "SELECT d.share_count, d.paid_minor, d.set_aside_minor, p.digest FROM distribution AS d \
                 JOIN chain_part AS p ON p.court_id = d.court_id AND p.book_id = d.book_id \
                 AND p.table_name = 'share' AND p.first_id = d.first_share_id \
                 WHERE d.court_id = $1 AND d.book_id = $2 AND d.distribution_id = $3",
                &key(source.source_id),
                |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.digest(3)?)),
            )?,
            // A distribution without shares is refused, so there is always a part.
            SourceKind::Sheet => tx.query_one(
                "SELECT s.line_count, s.total_minor, p.digest FROM sheet AS s JOIN chain_part AS p \
                 ON p.court_id = s.court_id AND p.book_id = s.book_id AND p.table_name = 'sheet_line' \
                 AND p.first_id = s.sheet_id + 1 WHERE s.court_id = $1 AND s.book_id = $2 AND s.sheet_id = $3",
                &key(source.source_id),
                |row| Ok((row.int(0)?, row.int(1)?, 0, row.digest(2)?)),
            )?,
            SourceKind::Reissue => tx.query_one(
                "SELECT s.line_count, s.total_minor, p.digest FROM reissue AS s JOIN chain_part AS p \
                 ON p.court_id = s.court_id AND p.book_id = s.book_id AND p.table_name = 'reissue_line' \
                 AND p.first_id <= s.reissue_id + 1 AND p.last_id >= s.reissue_id + 1 \
                 WHERE s.court_id = $1 AND s.book_id = $2 AND s.reissue_id = $3",
                &key(source.source_id),
                |row| Ok((row.int(0)?, row.int(1)?, 0, row.digest(2)?)),
            )?,
        };
        basis.value(Value::Bytes(&digest));
        if source.kind == SourceKind::Sheet {
            // A sheet of case funds is named as it always was.
            let pays_from = sheets::source_of(tx, court_id, source.source_id)?;
            if pays_from != SheetSource::CaseFunds {
                basis.value(pays_from.as_str().into());
            }
        }
        line_count += lines;
        paid = paid.plus(Amount::from_minor(pays)).ok_or_else(overflow)?;
        set_aside = set_aside.plus(Amount::from_minor(keeps)).ok_or_else(overflow)?;
        // A list that came later: its claimants are not in the ratio, and who approves must know.
        for list_id in tx.query(
            "SELECT list_id FROM claim_list WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND list_id > $4 \
             ORDER BY list_id",
            &[court_id.into(), books::CASE_MONEY.into(), source.case_id.into(), source.source_id.into()],
            |row| row.int(0),
        )? {
            basis.value(list_id.into());
        }
        // New details, disputes, heirs: whatever came after the distribution changes what would be paid.
        for (id, mark) in tx.query(
            "SELECT id, mark FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND id > $4 ORDER BY id",
            &[court_id.into(), books::CASE_MONEY.into(), source.case_id.into(), source.source_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )? {
            basis.value(id.into());
            basis.value(mark.into());
        }
    }
    // What was sent back is another content when it is submitted again: no approval from before counts for it.
    for id in tx.query(
        "SELECT id FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 AND event = 'returned' ORDER BY id",
        &key(run.run_id),
        |row| row.int(0),
    )? {
        basis.value(id.into());
    }
    Ok(Content { digest: sha256(&[b"ankuan-run-1", basis.as_bytes()]), line_count, paid, set_aside })
}

/// Submits a run for approval; again after a change, which voids the approvals given before.
///
/// # Errors
/// `runs.wrong_status`, `runs.unchanged`.
pub fn submit(tx: &mut Tx<'_>, acting: &Acting, number: &str) -> Outcome<Content> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.submit")?;
    acting.require(tx, Role::Handler)?;
    let run = find_run(tx, acting.actor.court_id, number)?;
    let content = content(tx, acting.actor.court_id, &run)?;
    if matches!(run.status, Status::Submitted | Status::Approved) {
        if last_submission(tx, acting.actor.court_id, run.run_id)? == Some(content.digest) {
            return Err(Message::new("runs.unchanged").with("run", number).into());
        }
    } else {
        run.must_be(Status::Draft)?;
    }
    record_event(tx, &mut act, &run, "submitted", &content, None, "")?;
    set_status(tx, acting.actor.court_id, run.run_id, Status::Submitted)?;
    act.close(tx)?;
    Ok(content)
}

/// Refuses when the run is not what was submitted last: a change voids the approvals.
///
/// # Errors
/// `runs.changed`.
pub fn must_be_submitted(tx: &mut Tx<'_>, court_id: i64, run: &Run, content: &Content) -> Outcome<()> {
    if last_submission(tx, court_id, run.run_id)? == Some(content.digest) {
        return Ok(());
    }
    Err(Message::new("runs.changed").with("run", &run.number).into())
}

fn last_submission(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Option<Digest>> {
    let digests = tx.query(
        "SELECT digest FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 AND event = 'submitted' \
         ORDER BY id DESC LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| row.digest(0),
    )?;
    Ok(digests.first().copied())
}

/// What a run contained when it was committed; none before that.
///
/// # Errors
/// What the database says.
pub fn committed_digest(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Option<Digest>> {
    Ok(tx.query_opt(
        "SELECT digest FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 AND event = 'committed'",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| row.digest(0),
    )?)
}

/// The approvals of a run, of whatever content.
///
/// # Errors
/// What the database says.
pub fn approvals(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Vec<Approval>> {
    Ok(tx.query(
        "SELECT approval_id, step_no, role, approver_id, on_behalf_of_id, digest, amount_minor, recorded_at FROM approval \
         WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY approval_id",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| {
            Ok(Approval {
                approval_id: row.int(0)?,
                step_no: row.int(1)?,
                role: row.text(2)?.to_owned(),
                approver_id: row.int(3)?,
                on_behalf_of_id: row.opt_int(4)?,
                digest: row.digest(5)?,
                amount_minor: row.int(6)?,
                recorded_at: row.int(7)?,
            })
        },
    )?)
}

/// Approves the next step of a run. `digest` is what the approver has seen, when it was given; a person who ever had a
/// key signs with it.
///
/// # Errors
/// `runs.wrong_status`, `runs.changed` (the content is not what was submitted, or not what the approver names),
/// `runs.maker_approves`, `runs.approved_before`, `runs.signature_missing`, and those of [`access::require`].
pub fn approve(
    tx: &mut Tx<'_>,
    acting: &Acting,
    number: &str,
    seen: Option<Digest>,
    signer: Option<&Signer>,
) -> Outcome<(Step, Status)> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.approve")?;
    let run = find_run(tx, court_id, number)?;
    run.must_be(Status::Submitted)?;
    let content = content(tx, court_id, &run)?;
    let submitted = last_submission(tx, court_id, run.run_id)?;
    if submitted != Some(content.digest) || seen.is_some_and(|seen| seen != content.digest) {
        return Err(Message::new("runs.changed").with("run", number).into());
    }
    let person_id = acting.actor.person_id;
    let makers = makers(tx, court_id, &run)?;
    if makers.contains(&person_id) {
        return Err(Message::new("runs.maker_approves").with("person", &acting.actor.name).with("run", number).into());
    }
    let given: Vec<Approval> =
        approvals(tx, court_id, run.run_id)?.into_iter().filter(|given| given.digest == content.digest).collect();
    if given.iter().any(|given| given.involves(person_id)) {
        return Err(Message::new("runs.approved_before").with("person", &acting.actor.name).with("run", number).into());
    }
    let policy = Policy::parse(&run.policy)?;
    let amount = content.paid.plus(content.set_aside).unwrap_or(content.paid);
    let step = policy
        .steps()
        .get(given.len())
        .ok_or_else(|| Error::Inconsistent(format!("run {number} has more approvals than steps")))?;
    let standing = acting.require(tx, step.role(amount))?;
    let on_behalf_of = standing.on_behalf_of;
    let principal_id = on_behalf_of.unwrap_or(person_id);
    // Whoever stands in is two people: neither may have made or approved anything of this run.
    if makers.contains(&principal_id) || given.iter().any(|given| given.involves(principal_id)) {
        return Err(Message::new("runs.maker_approves").with("person", &acting.actor.name).with("run", number).into());
    }
    let approval = Approval {
        approval_id: act.take_ids(1),
        step_no: given.len() as i64 + 1,
        role: standing.role.as_str().to_owned(),
        approver_id: person_id,
        on_behalf_of_id: on_behalf_of,
        digest: content.digest,
        amount_minor: amount.minor(),
        recorded_at: acting.at.as_microsecond(),
    };
    act.insert(
        tx,
        &APPROVAL,
        approval.approval_id,
        &[
            approval.approval_id.into(),
            run.run_id.into(),
            approval.step_no.into(),
            approval.role.as_str().into(),
            person_id.into(),
            on_behalf_of.into(),
            principal_id.into(),
            run.maker_id.into(),
            Value::Bytes(&content.digest),
            amount.minor().into(),
            acting.at.as_microsecond().into(),
        ],
    )?;
    let keyring = load_keyring(tx, court_id)?;
    signatures::sign(tx, &mut act, &keyring, &run, &approval, signer)?;
    let complete = given.len() + 1 == policy.steps().len();
    let status = if complete { Status::Approved } else { Status::Submitted };
    set_status(tx, court_id, run.run_id, status)?;
    act.close(tx)?;
    Ok((step.clone(), status))
}

/// Refuses unless every step of the policy approved exactly this content, each by another person, none by the maker, and
/// signed where the person has a key.
///
/// # Errors
/// `runs.not_approved`.
pub fn must_be_approved(tx: &mut Tx<'_>, court_id: i64, run: &Run, content: &Content) -> Outcome<()> {
    let policy = Policy::parse(&run.policy)?;
    let given: Vec<Approval> =
        approvals(tx, court_id, run.run_id)?.into_iter().filter(|given| given.digest == content.digest).collect();
    let makers = makers(tx, court_id, run)?;
    let mut people: Vec<i64> = Vec::new();
    for approval in &given {
        people.push(approval.approver_id);
        people.extend(approval.on_behalf_of_id);
    }
    let involved = people.len();
    people.sort_unstable();
    people.dedup();
    let steps: Vec<i64> = given.iter().map(|given| given.step_no).collect();
    let (keyring, signed) = (load_keyring(tx, court_id)?, signatures::signatures_of(tx, court_id, run.run_id)?);
    let are_signed = given.iter().all(|given| {
        let signature = signed.iter().find(|signature| signature.approval_id == given.approval_id);
        signatures::is_signed(court_id, run, given, &keyring, signature)
    });
    let well = are_signed
        && steps.iter().copied().eq(1..=policy.steps().len() as i64)
        && people.len() == involved
        && !people.iter().any(|person| makers.contains(person));
    if well { Ok(()) } else { Err(Message::new("runs.not_approved").with("run", &run.number).into()) }
}

/// Gives a run up before it is committed; its sources are free again.
///
/// # Errors
/// `runs.wrong_status`.
pub fn cancel(tx: &mut Tx<'_>, acting: &Acting, number: &str, reason: &str) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.cancel")?;
    acting.require(tx, Role::Handler)?;
    let run = find_run(tx, court_id, number)?;
    if !matches!(run.status, Status::Draft | Status::Submitted | Status::Approved) {
        run.must_be(Status::Draft)?;
    }
    let content = content(tx, court_id, &run)?;
    record_event(tx, &mut act, &run, "cancelled", &content, None, reason)?;
    for source in run.sources.iter().filter(|source| source.kind == SourceKind::Reissue) {
        reissue::let_go(tx, court_id, source.source_id, false)?;
    }
    tx.execute(
        "DELETE FROM open_source WHERE court_id = $1 AND book_id = $2 AND run_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
    )?;
    set_status(tx, court_id, run.run_id, Status::Cancelled)?;
    act.close(tx)?;
    Ok(())
}

/// Sends a run back to whoever made it, for correction: it is a draft again with all its sheets, and every approval given
/// is void. Needs a role that may approve.
///
/// # Errors
/// `runs.reason_missing`, `runs.wrong_status`, `runs.no_approver`.
pub fn send_back(tx: &mut Tx<'_>, acting: &Acting, number: &str, reason: &str) -> Outcome<()> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Message::new("runs.reason_missing").into());
    }
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.send_back")?;
    let standings = access::roles_of(tx, &acting.actor, acting.today())?;
    if !standings.iter().any(|standing| MAY_APPROVE.contains(&standing.role)) {
        return Err(Message::new("runs.no_approver").with("person", &acting.actor.name).into());
    }
    let run = find_run(tx, court_id, number)?;
    if run.status != Status::Approved {
        run.must_be(Status::Submitted)?;
    }
    let content = content(tx, court_id, &run)?;
    record_event(tx, &mut act, &run, "returned", &content, None, reason)?;
    set_status(tx, court_id, run.run_id, Status::Draft)?;
    act.close(tx)?;
    Ok(())
}

/// Who may move the money of an approved run: finance, or the fund keeper.
///
/// # Errors
/// `access.roles_missing`, naming both.
pub(super) fn may_move_money(tx: &mut Tx<'_>, acting: &Acting) -> Outcome<()> {
    match acting.require_any(tx, [Role::FundKeeper, Role::Finance]) {
        Err(Failure::Refused(_)) => Err(may::why_not(&acting.actor.name, "payout release").into()),
        decided => decided.map(drop),
    }
}

pub(super) fn record_event(
    tx: &mut Tx<'_>,
    act: &mut Act,
    run: &Run,
    event: &str,
    content: &Content,
    voucher_id: Option<i64>,
    reason: &str,
) -> Outcome<()> {
    let id = act.take_ids(1);
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &RUN_EVENT,
        id,
        &[
            id.into(),
            run.run_id.into(),
            event.into(),
            Value::Bytes(&content.digest),
            content.line_count.into(),
            content.paid.minor().into(),
            voucher_id.into(),
            reason.into(),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(())
}

pub(super) fn set_status(tx: &mut Tx<'_>, court_id: i64, run_id: i64, status: Status) -> Outcome<()> {
    tx.execute(
        "UPDATE run_state SET status = $4 WHERE court_id = $1 AND book_id = $2 AND run_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into(), status.as_str().into()],
    )?;
    Ok(())
}
