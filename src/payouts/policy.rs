//! Who approves a run: the court's rules, as data. Only an admin sets them; a run keeps the text it was made under.

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Kind::{Bytes, Int};
use ankuan_ledger::engine::{Error, Table, Tx, Value};
use serde::Deserialize;

use crate::access::{Acting, Role};
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::words;

/// The approval rules that a court starts with.
pub const DEFAULT_POLICY: &str = include_str!("../../charts/approval.toml");

/// Fewer steps than this no setting allows: the maker and at least two others.
const STEPS_MIN: usize = 2;

/// Roles that a step may ask for: not who prepares payouts, not who only looks.
pub const MAY_APPROVE: [Role; 4] = [Role::Finance, Role::FundKeeper, Role::BureauHead, Role::VicePresident];

/// `approval_policy`
pub static APPROVAL_POLICY: Table = Table {
    name: "approval_policy",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("policy_id", Int),
        ("content", Bytes),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["policy_id"],
};

/// The approval rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    steps: Vec<Step>,
    screening: Screening,
}

words! {
    /// What the screens of a run ask for.
    Screening {
        /// Each hit is cleared by name before the run is committed or released.
        Clear = "clear",
        /// They only warn.
        Warn = "warn",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    /// [`Screening`]; a file that does not say it asks for clearance.
    screens: Option<String>,
    step: Vec<StepRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRow {
    title: String,
    roles: Vec<RoleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRow {
    role: String,
    from_minor: i64,
}

/// A step of the approval rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// 复核, 审批…
    pub title: String,
    /// Roles by the amount from which they are asked for, smallest first.
    roles: Vec<(Amount, Role)>,
}

impl Policy {
    /// Reads approval rules.
    ///
    /// # Errors
    /// `runs.policy`, naming the key and the remedy: fewer than two steps, an unknown role, a step that has no role
    /// for small amounts.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let wrong = |detail: String| Message::new("runs.policy").with("detail", detail);
        let raw: PolicyFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            wrong(format!("{}: {}", before.split('\n').count(), error.message()))
        })?;
        if raw.step.len() < STEPS_MIN {
            return Err(wrong(format!("step: {} < {STEPS_MIN}", raw.step.len())));
        }
        let screening = match raw.screens.as_deref() {
            None => Screening::Clear,
            Some(word) => Screening::parse(word).ok_or_else(|| wrong(format!("screens: {word:?}")))?,
        };
        let mut steps = Vec::new();
        for (place, step) in (1..).zip(raw.step) {
            let mut roles = Vec::new();
            for row in step.roles {
                let role = Role::parse(&row.role).ok_or_else(|| wrong(format!("step {place}: role {:?}", row.role)))?;
                roles.push((Amount::from_minor(row.from_minor), role));
            }
            if let Some((_, role)) = roles.iter().find(|(_, role)| !MAY_APPROVE.contains(role)) {
                return Err(wrong(format!("step {place}: role {:?}", role.as_str())));
            }
            roles.sort_by_key(|(from, _)| *from);
            if roles.first().is_none_or(|(from, _)| *from > Amount::ZERO) {
                return Err(wrong(format!("step {place}: from_minor = 0")));
            }
            steps.push(Step { title: step.title, roles });
        }
        Ok(Self { steps, screening })
    }

    /// What the screens ask for.
    #[must_use]
    pub const fn screening(&self) -> Screening {
        self.screening
    }

    /// The amounts above zero from which a step asks for another role.
    pub fn thresholds(&self) -> impl Iterator<Item = Amount> {
        self.steps.iter().flat_map(|step| step.roles.iter().map(|(from, _)| *from)).filter(|from| *from > Amount::ZERO)
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Step {
    /// The role that this step asks for at an amount.
    #[must_use]
    pub fn role(&self, amount: Amount) -> Role {
        let reached = self.roles.iter().rev().find(|(from, _)| *from <= amount);
        // `parse` refuses a step without a role from zero on.
        reached.unwrap_or(&self.roles[0]).1
    }
}

/// The approval rules of a court: the newest that an admin set, else [`DEFAULT_POLICY`].
///
/// # Errors
/// What the database says.
pub fn court_policy(tx: &mut Tx<'_>, court_id: i64) -> Outcome<String> {
    let newest = tx.query(
        "SELECT content FROM approval_policy WHERE court_id = $1 AND book_id = $2 ORDER BY policy_id DESC LIMIT 1",
        &[court_id.into(), books::REGISTER.into()],
        |row| Ok(row.bytes(0)?.to_vec()),
    )?;
    match newest.into_iter().next() {
        None => Ok(DEFAULT_POLICY.to_owned()),
        Some(content) => Ok(String::from_utf8(content)
            .map_err(|_| Error::Inconsistent(format!("the approval rules of court {court_id} are not UTF-8")))?),
    }
}

/// Sets the approval rules for runs made from now on. Needs [`Role::Admin`].
///
/// # Errors
/// `runs.policy`, `access.role_missing`.
pub fn set_policy(tx: &mut Tx<'_>, acting: &Acting, text: &str) -> Outcome<Policy> {
    let policy = Policy::parse(text)?;
    let mut act = acting.open_act(tx, books::REGISTER, "payouts.policy")?;
    acting.require(tx, Role::Admin)?;
    let policy_id = act.take_ids(1);
    act.insert(
        tx,
        &APPROVAL_POLICY,
        policy_id,
        &[
            policy_id.into(),
            Value::Bytes(text.as_bytes()),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(policy)
}
