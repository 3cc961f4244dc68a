//! Bounties (执行悬赏): announced at an applicant's request, won by the first who reports, and deducted from what that
//! applicant is due, or paid by an insurer. Who reported is not on record: a one-time code is, as a salted digest.
//!
//! Sources: 最高人民法院关于民事执行中财产调查若干问题的规定, arts. 21-24.

use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::cases::{self, Case, PartyRole};
use crate::claims::DocumentType;
use crate::claims::events::DETAILS_CONFIRMED_BY;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::PersonalDetail;
use crate::movements::CONFIRMED_BY;
use crate::payouts::sheet::PayeeKind;
use crate::payouts::sheets::{NewPayee, insert_payee};
use crate::words::read_date;
use crate::{Message, Outcome};

/// `bounty`
pub static BOUNTY: Table = Table {
    name: "bounty",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("bounty_id", Int),
        ("case_id", Int),
        ("applicant", Text),
        ("amount_minor", Int),
        ("basis_points", Int),
        ("insurer", Text),
        ("ruling", Text),
        ("announced_on", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["bounty_id"],
};

/// `bounty_clue`
pub static BOUNTY_CLUE: Table = Table {
    name: "bounty_clue",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("clue_id", Int),
        ("bounty_id", Int),
        ("about", Text),
        ("salt", Bytes),
        ("code_digest", Bytes),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["clue_id"],
};

/// `bounty_award`
pub static BOUNTY_AWARD: Table = Table {
    name: "bounty_award",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("award_id", Int),
        ("bounty_id", Int),
        ("clue_id", Int),
        ("realised_minor", Int),
        ("amount_minor", Int),
        ("evidence", Text),
        ("recorded_at", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("mark", Int),
    ],
    order: &["award_id"],
};

/// `bounty_draw`
pub static BOUNTY_DRAW: Table = Table {
    name: "bounty_draw",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("award_id", Int),
        ("payee_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The most characters of a text.
const TEXT_CHARS_MAX: usize = 500;

/// Letters of a code: no I, L, O, U, which are misread.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How much a bounty is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// So much.
    Amount(Amount),
    /// So many hundredths of a per cent of what is realised.
    BasisPoints(i64),
}

/// What a clue earns: `reward + rest = realised`, where the rest is what the applicant still gets of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reward {
    /// What the clue realised.
    pub realised: Amount,
    /// What the informer gets.
    pub reward: Amount,
    /// What is left of it.
    pub rest: Amount,
}

/// Reckons a reward: whole fen, never rounded up.
///
/// # Errors
/// `bounties.nothing` (it comes to nothing), `bounties.above_realised` (more than was realised: what exceeds it is for the
/// applicant to pay apart, art. 23).
pub fn reward(measure: Measure, realised: Amount) -> Result<Reward, Message> {
    let reward = match measure {
        Measure::Amount(amount) => amount,
        Measure::BasisPoints(points) => {
            let exact = i128::from(realised.minor()) * i128::from(points) / 10_000;
            Amount::from_minor(i64::try_from(exact).map_err(|_| Message::new("payouts.amounts_too_large"))?)
        }
    };
    if reward <= Amount::ZERO {
        return Err(Message::new("bounties.nothing").with("realised", realised));
    }
    if reward > realised {
        return Err(Message::new("bounties.above_realised").with("reward", reward).with("realised", realised));
    }
    let rest = realised.minus(reward).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
    Ok(Reward { realised, reward, rest })
}

/// A one-time code from random bytes: four groups of four letters.
#[must_use]
pub fn code_of(bytes: [u8; 10]) -> String {
    let (mut code, mut bits, mut held) = (String::new(), 0_u32, 0_u32);
    for byte in bytes {
        (bits, held) = ((bits << 8) | u32::from(byte), held + 8);
        while held >= 5 {
            held -= 5;
            if !code.is_empty() && code.len() % 5 == 4 {
                code.push('-');
            }
            code.push(char::from(LETTERS[((bits >> held) & 31) as usize]));
        }
    }
    code
}

/// A code as somebody types it: without hyphens and blanks, in capitals, misread letters as digits.
fn typed(code: &str) -> String {
    code.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

fn digest_of(salt: &[u8], code: &str) -> Digest {
    sha256(&[b"ankuan-bounty-code-1", salt, typed(code).as_bytes()])
}

/// A bounty as announced, with its clues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounty {
    /// Row.
    pub bounty_id: i64,
    /// Case.
    pub case_id: i64,
    /// Who asked for it and bears it.
    pub applicant: String,
    /// How much.
    pub measure: Measure,
    /// Who pays in the applicant's place; empty when nobody does.
    pub insurer: String,
    /// Number of the decision.
    pub ruling: String,
    /// When it was announced.
    pub announced_on: Date,
    /// What was reported, first to last.
    pub clues: Vec<Clue>,
}

/// A clue. Nothing tells who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clue {
    /// Row.
    pub clue_id: i64,
    /// The asset or place.
    pub about: String,
    /// The award: its row, and what was realised and earned.
    pub award: Option<(i64, Amount, Amount)>,
    /// Whether the code was shown.
    pub is_drawn: bool,
    /// The informer as a payee of the case, once drawn.
    pub payee_id: Option<i64>,
}

/// A bounty to be announced.
#[derive(Clone, Copy, Debug)]
pub struct NewBounty<'a> {
    /// The case.
    pub case: &'a Case,
    /// The applicant who asked for it.
    pub applicant: &'a str,
    /// How much.
    pub measure: Measure,
    /// Who insures it; empty when nobody does.
    pub insurer: &'a str,
    /// Number of the decision.
    pub ruling: &'a str,
    /// When it was announced.
    pub announced_on: Date,
}

/// Announces a bounty. Needs [`Role::Handler`].
///
/// # Errors
/// `bounties.text`, `bounties.measure`, `bounties.day_ahead`, `bounties.not_applicant`, `access.role_missing`.
pub fn announce(tx: &mut Tx<'_>, acting: &Acting, new: &NewBounty<'_>) -> Outcome<Bounty> {
    check_text("applicant", new.applicant)?;
    check_text("ruling", new.ruling)?;
    if !new.insurer.is_empty() {
        check_text("insurer", new.insurer)?;
    }
    let is_measure = match new.measure {
        Measure::Amount(amount) => amount > Amount::ZERO,
        Measure::BasisPoints(points) => (1..=10_000).contains(&points),
    };
    if !is_measure {
        return Err(Message::new("bounties.measure").into());
    }
    if new.announced_on > acting.date {
        return Err(Message::new("bounties.day_ahead").with("on", new.announced_on).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "bounty.announce")?;
    acting.require(tx, Role::Handler)?;
    let parties = cases::parties(tx, act.book(), new.case.case_id)?;
    let applicant = new.applicant.trim();
    if !parties.iter().any(|party| party.role == PartyRole::Applicant && party.name == applicant) {
        return Err(Message::new("bounties.not_applicant")
            .with("name", applicant)
            .with("case", new.case.current_number())
            .into());
    }
    let (amount, points) = match new.measure {
        Measure::Amount(amount) => (Some(amount.minor()), None),
        Measure::BasisPoints(points) => (None, Some(points)),
    };
    let bounty_id = act.take_ids(1);
    let on = new.announced_on.to_string();
    act.insert(
        tx,
        &BOUNTY,
        bounty_id,
        &[
            bounty_id.into(),
            new.case.case_id.into(),
            applicant.into(),
            amount.into(),
            points.into(),
            new.insurer.trim().into(),
            new.ruling.trim().into(),
            on.as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    let book = act.book();
    act.close(tx)?;
    find_bounty(tx, book, bounty_id)
}

/// Records a clue. Returns it with the code that the informer gets, of which only a salted digest is kept; and the clue
/// that reported the same before, if any. Needs [`Role::Handler`].
///
/// # Errors
/// `bounties.text`, `bounties.unknown`, `access.role_missing`.
pub fn report(
    tx: &mut Tx<'_>,
    acting: &Acting,
    randomness: &mut Randomness,
    bounty_id: i64,
    about: &str,
) -> Outcome<(Clue, String, Option<i64>)> {
    check_text("about", about)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "bounty.report")?;
    acting.require(tx, Role::Handler)?;
    let bounty = find_bounty(tx, act.book(), bounty_id)?;
    let salt: [u8; 16] = randomness.bytes().map_err(std::io::Error::other)?;
    let code = code_of(randomness.bytes().map_err(std::io::Error::other)?);
    let about = one_spaced(about);
    let before = bounty.clues.iter().find(|clue| clue.about == about).map(|clue| clue.clue_id);
    let clue_id = act.take_ids(1);
    act.insert(
        tx,
        &BOUNTY_CLUE,
        clue_id,
        &[
            clue_id.into(),
            bounty_id.into(),
            about.as_str().into(),
            Value::Bytes(&salt),
            Value::Bytes(&digest_of(&salt, &code)),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok((Clue { clue_id, about, award: None, is_drawn: false, payee_id: None }, code, before))
}

/// Awards a clue that realised something: proposed by a handler, confirmed by [`CONFIRMED_BY`]. The first who reported the
/// same thing wins (art. 23).
///
/// # Errors
/// `bounties.clue_unknown`, `bounties.text`, `bounties.awarded`, `bounties.reported_before`, those of [`reward`] and of the
/// two people.
pub fn award(
    tx: &mut Tx<'_>,
    acting: &Acting,
    clue_id: i64,
    realised: Amount,
    evidence: &str,
    confirmed_by: &Actor,
) -> Outcome<(Bounty, Reward)> {
    check_text("evidence", evidence)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "bounty.award")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, CONFIRMED_BY)?;
    let book = act.book();
    let (bounty, clue) = find_clue(tx, book, clue_id)?;
    if clue.award.is_some() {
        return Err(Message::new("bounties.awarded").with("clue", clue_id).into());
    }
    if let Some(first) = bounty.clues.iter().find(|one| one.about == clue.about && one.clue_id < clue_id) {
        return Err(Message::new("bounties.reported_before").with("clue", clue_id).with("first", first.clue_id).into());
    }
    let reward = reward(bounty.measure, realised)?;
    let award_id = act.take_ids(1);
    act.insert(
        tx,
        &BOUNTY_AWARD,
        award_id,
        &[
            award_id.into(),
            bounty.bounty_id.into(),
            clue_id.into(),
            realised.minor().into(),
            reward.reward.minor().into(),
            evidence.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
            confirmed_by.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok((find_bounty(tx, book, bounty.bounty_id)?, reward))
}

/// Where an informer is paid.
#[derive(Clone, Copy, Debug)]
pub struct DrawnTo<'a> {
    /// Kind of document.
    pub document_type: DocumentType,
    /// Who and where; sealed.
    pub detail: PersonalDetail<'a>,
    /// The paper that the account was taken from.
    pub basis: &'a str,
}

/// The informer shows the code, once, and becomes a payee of the case under a name that tells nothing; a sheet pays the
/// award from the applicant's money. Where an insurer pays, the code is used up and nothing of the case is touched.
///
/// # Errors
/// `bounties.clue_unknown`, `bounties.not_awarded`, `bounties.drawn`, `bounties.code_wrong`, `bounties.account_missing`,
/// `bounties.insurer_pays`, those of the payee's details and of the two people.
pub fn draw(
    tx: &mut Tx<'_>,
    acting: &Acting,
    (keys, randomness): (&Keys, &mut Randomness),
    clue_id: i64,
    code: &str,
    to: Option<&DrawnTo<'_>>,
    confirmed_by: &Actor,
) -> Outcome<Clue> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "bounty.draw")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, DETAILS_CONFIRMED_BY)?;
    let book = act.book();
    let (bounty, clue) = find_clue(tx, book, clue_id)?;
    let (salt, digest) = tx.query_one(
        "SELECT salt, code_digest FROM bounty_clue WHERE court_id = $1 AND book_id = $2 AND clue_id = $3",
        &[book.court_id.into(), book.book_id.into(), clue_id.into()],
        |row| Ok((row.bytes(0)?.to_vec(), row.digest(1)?)),
    )?;
    if digest_of(&salt, code) != digest {
        return Err(Message::new("bounties.code_wrong").with("clue", clue_id).into());
    }
    let (award_id, ..) = clue.award.ok_or_else(|| Message::new("bounties.not_awarded").with("clue", clue_id))?;
    if clue.is_drawn {
        return Err(Message::new("bounties.drawn").with("clue", clue_id).into());
    }
    let payee_id = match (to, bounty.insurer.is_empty()) {
        (Some(to), true) => {
            let case = cases::case_by_id(tx, book, bounty.case_id)?;
            let name = format!("悬赏线索人{clue_id}号");
            let new = NewPayee {
                case: &case,
                kind: PayeeKind::Informer,
                name: &name,
                document_type: to.document_type,
                detail: to.detail,
                basis: to.basis,
                confirmed_by,
            };
            Some(insert_payee(tx, &mut act, acting, keys, randomness, &new)?)
        }
        (None, false) => None,
        (None, true) => return Err(Message::new("bounties.account_missing").into()),
        (Some(_), false) => {
            return Err(Message::new("bounties.insurer_pays").with("insurer", &bounty.insurer).into());
        }
    };
    let id = act.take_ids(1);
    act.insert(
        tx,
        &BOUNTY_DRAW,
        id,
        &[
            id.into(),
            award_id.into(),
            payee_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(find_clue(tx, book, clue_id)?.1)
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn check_text(field: &str, text: &str) -> Result<(), Message> {
    let length = text.trim().chars().count();
    if length == 0 || length > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Message::new("bounties.text").with("field", field).with("max", TEXT_CHARS_MAX));
    }
    Ok(())
}

/// All bounties with their clues, oldest first.
///
/// # Errors
/// What the database says.
pub fn bounties(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Bounty>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let mut all = tx.query(
        "SELECT bounty_id, case_id, applicant, amount_minor, basis_points, insurer, ruling, announced_on FROM bounty \
         WHERE court_id = $1 AND book_id = $2 ORDER BY bounty_id",
        &key,
        |row| {
            let measure = match row.opt_int(3)? {
                Some(minor) => Measure::Amount(Amount::from_minor(minor)),
                None => Measure::BasisPoints(row.int(4)?),
            };
            Ok(Bounty {
                bounty_id: row.int(0)?,
                case_id: row.int(1)?,
                applicant: row.text(2)?.to_owned(),
                measure,
                insurer: row.text(5)?.to_owned(),
                ruling: row.text(6)?.to_owned(),
                announced_on: read_date(row, 7)?,
                clues: Vec::new(),
            })
        },
    )?;
    tx.each(
        "SELECT c.bounty_id, c.clue_id, c.about, a.award_id, a.realised_minor, a.amount_minor, d.id, d.payee_id \
         FROM bounty_clue AS c LEFT JOIN bounty_award AS a ON a.court_id = c.court_id AND a.book_id = c.book_id \
         AND a.clue_id = c.clue_id LEFT JOIN bounty_draw AS d ON d.court_id = c.court_id AND d.book_id = c.book_id \
         AND d.award_id = a.award_id WHERE c.court_id = $1 AND c.book_id = $2 ORDER BY c.clue_id",
        &key,
        |row| {
            let clue = Clue {
                clue_id: row.int(1)?,
                about: row.text(2)?.to_owned(),
                award: match row.opt_int(3)? {
                    Some(award_id) => {
                        Some((award_id, Amount::from_minor(row.int(4)?), Amount::from_minor(row.int(5)?)))
                    }
                    None => None,
                },
                is_drawn: row.opt_int(6)?.is_some(),
                payee_id: row.opt_int(7)?,
            };
            if let Ok(place) = all.binary_search_by_key(&row.int(0)?, |bounty| bounty.bounty_id) {
                all[place].clues.push(clue);
            }
            Ok::<(), ankuan_ledger::Error>(())
        },
    )?;
    Ok(all)
}

fn find_bounty(tx: &mut Tx<'_>, book: BookKey, bounty_id: i64) -> Outcome<Bounty> {
    let found = bounties(tx, book)?.into_iter().find(|bounty| bounty.bounty_id == bounty_id);
    Ok(found.ok_or_else(|| Message::new("bounties.unknown").with("bounty", bounty_id))?)
}

fn find_clue(tx: &mut Tx<'_>, book: BookKey, clue_id: i64) -> Outcome<(Bounty, Clue)> {
    for bounty in bounties(tx, book)? {
        if let Some(clue) = bounty.clues.iter().find(|clue| clue.clue_id == clue_id).cloned() {
            return Ok((bounty, clue));
        }
    }
    Err(Message::new("bounties.clue_unknown").with("clue", clue_id).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_it_may_be_typed() {
        let code = code_of([0, 255, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(code.len(), 19);
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
        let salt = [7; 16];
        let digest = digest_of(&salt, &code);
        assert_eq!(digest, digest_of(&salt, &code.to_lowercase().replace('-', " ").replace('0', "o")));
        assert_ne!(digest, digest_of(&[8; 16], &code), "the salt counts");
        assert_ne!(digest, digest_of(&salt, &code[..18]));
        assert_ne!(code_of([0; 10]), code_of([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn a_reward_is_exact_and_never_more_than_was_realised() {
        let minor = Amount::from_minor;
        let percent = |points, realised| reward(Measure::BasisPoints(points), minor(realised));
        // 5% of the sales on record of one court: 5,716,700 → 285,835.
        assert_eq!(percent(500, 571_670_000).unwrap().reward, minor(28_583_500));
        assert_eq!(percent(1, 9_999).unwrap_err().code, "bounties.nothing");
        let fixed = |amount, realised| reward(Measure::Amount(minor(amount)), minor(realised));
        assert_eq!(fixed(100, 100).unwrap().rest, Amount::ZERO);
        assert_eq!(fixed(101, 100).unwrap_err().code, "bounties.above_realised");
    }

    proptest! {
        #[test]
        fn reward_and_rest_are_what_was_realised(points in 1_i64..=10_000, realised in 1_i64..i64::MAX) {
            if let Ok(done) = reward(Measure::BasisPoints(points), Amount::from_minor(realised)) {
                prop_assert_eq!(done.reward.minor() + done.rest.minor(), realised);
            }
        }
    }
}
