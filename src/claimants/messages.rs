//! Text messages to claimants: made from a template with a new code, kept in an outbox, handed to the provider as a file,
//! and known to have arrived, failed or neither.

use std::collections::{BTreeMap, HashSet};

use ankuan_ledger::Tx;
use ankuan_ledger::engine::{RowBytes, Value};
use jiff::Timestamp;
use serde::Deserialize;

use super::load::{Claimant, claimants_of};
use super::{codes, keys as court, live_codes, make_codes, place, seal};
use crate::cases::Case;
use crate::clock::{Randomness, day_in_shanghai};
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::{read_word, words};

/// The templates that are built in.
pub const TEMPLATES: &str = include_str!("messages.toml");

/// UTF-16 units of one message, and of each part of a longer one: 140 bytes, less the 6 by which parts are put together
/// (3GPP TS 23.040).
const UNITS_OF_ONE: usize = 70;
const UNITS_OF_A_PART: usize = 67;

/// Parts of the longest message: what a template of a person's own may come to.
pub const PARTS_MAX: usize = 5;

words! {
    /// Where a message stands.
    MessageState {
        /// Nobody has it yet.
        Waiting = "waiting",
        /// In a file for the provider.
        Handed = "handed",
        /// The telephone has it.
        Arrived = "arrived",
        /// It will not arrive.
        Failed = "failed",
        /// The provider does not know.
        Unknown = "unknown",
    }
}

impl MessageState {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Waiting => "claimants.state_waiting",
            Self::Handed => "claimants.state_handed",
            Self::Arrived => "claimants.state_arrived",
            Self::Failed => "claimants.state_failed",
            Self::Unknown => "claimants.state_unknown",
        })
    }

    /// From a provider's answer.
    fn answered(text: &str) -> Option<Self> {
        match text.trim() {
            "arrived" | "送达" | "已送达" => Some(Self::Arrived),
            "failed" | "失败" | "未送达" => Some(Self::Failed),
            "unknown" | "未知" => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// Whom a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// Everybody without a code that counts.
    All,
    /// Those whose payment came back and waits for another account.
    Returned,
}

/// A text with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Whom it is for.
    pub to: To,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    template: Vec<Template>,
}

const PLACES: &[&str] = &["court", "case", "name", "code", "until", "address", "share", "back"];

impl Template {
    /// The template of a name in a file of templates.
    ///
    /// # Errors
    /// `claimants.templates` (not such a file), `claimants.template_unknown`, `claimants.template_place` (a place that
    /// nothing fills), `claimants.template_sender` (no sender in 【】 before it, or no code in it).
    pub fn find(text: &str, name: &str) -> Result<Self, Message> {
        let all: Templates = toml::from_str(text)
            .map_err(|error| Message::new("claimants.templates").with("detail", error.message().to_owned()))?;
        let known: Vec<String> = all.template.iter().map(|one| one.name.clone()).collect();
        let template = all.template.into_iter().find(|one| one.name == name).ok_or_else(|| {
            Message::new("claimants.template_unknown").with("name", name).with("known", known.join(", "))
        })?;
        for rest in template.text.split('{').skip(1) {
            let place = rest.split('}').next().unwrap_or_default();
            if !PLACES.contains(&place) {
                return Err(Message::new("claimants.template_place").with("name", name).with("place", place));
            }
        }
        if !template.text.starts_with('【') || !template.text.contains("{code}") {
            return Err(Message::new("claimants.template_sender").with("name", name));
        }
        Ok(template)
    }

    /// Filled in: each place once over the text, so that nothing a person wrote is read as a place.
    fn fill(&self, values: &[(&str, String)]) -> String {
        let mut pieces = self.text.split('{');
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (place, rest) = piece.split_once('}').unwrap_or((piece, ""));
            filled.extend(values.iter().filter(|(name, _)| *name == place).map(|(_, value)| value.as_str()));
            filled.push_str(rest);
        }
        filled
    }
}

/// How many messages the network makes of a text.
#[must_use]
pub fn parts(text: &str) -> usize {
    let units = text.encode_utf16().count();
    if units <= UNITS_OF_ONE { 1 } else { units.div_ceil(UNITS_OF_A_PART) }
}

/// What queueing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Messages made.
    pub messages: usize,
    /// What the network makes of them.
    pub parts: usize,
    /// Claimants of the template who have a code already, or were told already.
    pub already: usize,
    /// Claimants of the template without a telephone: a letter is for them.
    pub without_telephone: usize,
    /// Claimants of the template without a document number, by which they could be known.
    pub without_document: usize,
}

/// Fills the outbox for a case: for each claimant of the template a message with a new code.
///
/// # Errors
/// `claimants.message_long`; those of [`claimants_of`]; what the database says.
pub fn queue(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    (court_id, case): (i64, &Case),
    (template, address, again): (&Template, &str, bool),
    now: Timestamp,
) -> Outcome<Queued> {
    court::court_keys(tx, keys, randomness, court_id, now)?;
    let claimants = claimants_of(tx, keys, court_id, case, now)?;
    let live: HashSet<i64> = live_codes(tx, court_id, case.case_id, now)?.into_iter().map(|(claim, _)| claim).collect();
    let told: HashSet<i64> = tx
        .query(
            "SELECT claim_id FROM claimant_message WHERE court_id = $1 AND case_id = $2 AND template = $3 \
             AND state <> 'failed'",
            &[court_id.into(), case.case_id.into(), template.name.as_str().into()],
            |row| row.int(0),
        )?
        .into_iter()
        .collect();
    let mut queued = Queued::default();
    let mut wanted: Vec<&Claimant> = Vec::new();
    for claimant in &claimants {
        let claim_id = claimant.seen.claim_id;
        let (is_meant, is_told) = match template.to {
            To::All => (true, live.contains(&claim_id)),
            To::Returned => (claimant.waits_for_account, live.contains(&claim_id) && told.contains(&claim_id)),
        };
        match () {
            () if !is_meant => {}
            () if claimant.telephone.is_empty() => queued.without_telephone += 1,
            () if claimant.document_number.is_empty() => queued.without_document += 1,
            () if is_told && !again => queued.already += 1,
            () => wanted.push(claimant),
        }
    }
    let made = make_codes(tx, keys, randomness, (court_id, case), &wanted, now)?;
    let first = court::take_numbers(tx, court_id, made.len() as i64)?;
    for (message_id, new) in (first..).zip(&made) {
        let claimant = wanted[new.place];
        let text = filled(template, claimant, address, new)?;
        let count = parts(&text);
        if count > PARTS_MAX {
            return Err(Message::new("claimants.message_long").with("parts", count).with("max", PARTS_MAX).into());
        }
        queued.messages += 1;
        queued.parts += count;
        let mut plain = RowBytes::default();
        plain.value(claimant.telephone.as_str().into());
        plain.value(text.as_str().into());
        let sealed = seal(keys, randomness, &place("claimant_message", &[court_id, message_id]), plain.as_bytes())?;
        tx.execute(
            "INSERT INTO claimant_message (court_id, message_id, case_id, claim_id, template, sealed, parts, state, \
             cause, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', '', $8)",
            &[
                court_id.into(),
                message_id.into(),
                case.case_id.into(),
                claimant.seen.claim_id.into(),
                template.name.as_str().into(),
                Value::Bytes(&sealed),
                (count as i64).into(),
                now.as_microsecond().into(),
            ],
        )?;
    }
    Ok(queued)
}

fn filled(template: &Template, claimant: &Claimant, address: &str, new: &super::NewCode) -> Outcome<String> {
    let (seen, figures) = (&claimant.seen, claimant.seen.figures());
    let until = Timestamp::from_microsecond(new.expires_at).map_err(std::io::Error::other)?;
    let text = template.fill(&[
        ("court", seen.court.clone()),
        ("case", seen.case.clone()),
        ("name", seen.name.clone()),
        ("code", codes::shown(&new.code)),
        ("until", day_in_shanghai(until).to_string()),
        ("address", address.to_owned()),
        ("share", figures.granted.to_string()),
        ("back", figures.back.to_string()),
    ]);
    // One line: providers cut a text at its end.
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A message for the provider. Not printable: it has no `Debug` that shows it.
pub struct Outgoing {
    /// Its number.
    pub message_id: i64,
    /// To whom.
    pub telephone: String,
    /// What.
    pub text: String,
    /// What the network makes of it.
    pub parts: i64,
}

/// Takes what waits in the outbox; from then on it counts as handed to the provider. `again`: with what was handed before
/// and is not answered, where a file was lost.
///
/// # Errors
/// `claimants.outbox_empty`, `keys.cannot_open`; what the database says.
pub fn take_out(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, again: bool, now: Timestamp) -> Outcome<Vec<Outgoing>> {
    let rows = tx.query(
        "SELECT message_id, sealed, parts FROM claimant_message WHERE court_id = $1 AND sealed IS NOT NULL \
         AND (state = 'waiting' OR (state = 'handed' AND CAST($2 AS BIGINT) = 1)) ORDER BY message_id",
        &[court_id.into(), i64::from(again).into()],
        |row| Ok((row.int(0)?, row.bytes(1)?.to_vec(), row.int(2)?)),
    )?;
    if rows.is_empty() {
        return Err(Message::new("claimants.outbox_empty").into());
    }
    let mut outgoing = Vec::with_capacity(rows.len());
    for (message_id, mut sealed, parts) in rows {
        let plain = keys.open(&place("claimant_message", &[court_id, message_id]), &mut sealed)?;
        let unreadable = || ankuan_ledger::Error::Inconsistent(format!("message {message_id} cannot be read"));
        let [telephone, text] = texts(plain).ok_or_else(unreadable)?;
        keys.count_detail();
        outgoing.push(Outgoing { message_id, telephone, text, parts });
    }
    let values: Vec<Value<'_>> = outgoing
        .iter()
        .flat_map(|one| [court_id.into(), one.message_id.into(), "handed".into(), now.as_microsecond().into()])
        .collect();
    tx.update_many("claimant_message", &["court_id", "message_id"], &["state", "handed_at"], &values)?;
    Ok(outgoing)
}

/// Texts, each with its length before it.
pub(super) fn texts<const N: usize>(mut plain: &[u8]) -> Option<[String; N]> {
    let mut read = Vec::with_capacity(N);
    for _ in 0..N {
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
        plain = rest;
        read.push(std::str::from_utf8(text).ok()?.to_owned());
    }
    read.try_into().ok()
}

/// Writes a file for the provider: CSV in UTF-8. No cell begins as a formula would: a number with 00 for its plus sign,
/// a text with its sender in 【】.
///
/// # Errors
/// What the library says.
pub fn outbox_file(messages: &[Outgoing]) -> Outcome<Vec<u8>> {
    let mut out = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let failed = |error: csv::Error| std::io::Error::other(error.to_string());
    out.write_record(["编号", "手机号", "内容", "条数"]).map_err(failed)?;
    for one in messages {
        let telephone: String = one.telephone.replace('+', "00").chars().filter(char::is_ascii_digit).collect();
        out.write_record([&one.message_id.to_string(), &telephone, &one.text, &one.parts.to_string()])
            .map_err(failed)?;
    }
    Ok(out.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)
}

/// What is sealed of messages.
pub(crate) const SEALED: Sealed = Sealed {
    table: "claimant_message",
    key: &["court_id", "message_id"],
    column: "sealed",
    page: "SELECT court_id, message_id, sealed FROM claimant_message \
           WHERE (court_id, message_id) > ($1, $2) AND sealed IS NOT NULL ORDER BY court_id, message_id LIMIT 2000",
    place: |row| Ok(place("claimant_message", &[row.int(0)?, row.int(1)?])),
};

/// How messages stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// How many stand so.
    pub counts: BTreeMap<MessageState, i64>,
}

impl Arrival {
    fn count(&self, state: MessageState) -> i64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// Messages that were handed to the provider.
    #[must_use]
    pub fn handed(&self) -> i64 {
        self.counts.iter().filter(|(state, _)| **state != MessageState::Waiting).map(|(_, count)| count).sum()
    }

    /// The part of them that arrived, in percent with two decimals, rounded half up: `84.51%`.
    #[must_use]
    pub fn percent(&self) -> String {
        percent(self.count(MessageState::Arrived), self.handed())
    }
}

fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "-".to_owned();
    }
    let hundredths = (i128::from(part) * 20_000 + i128::from(whole)) / (i128::from(whole) * 2);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// How the messages of a case stand, or of the whole court.
///
/// # Errors
/// What the database says.
pub fn arrival(tx: &mut Tx<'_>, court_id: i64, case_id: Option<i64>) -> Outcome<Arrival> {
    let counts = tx.query(
        "SELECT state, COUNT(*) FROM claimant_message \
         WHERE court_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR case_id = $2) GROUP BY state",
        &[court_id.into(), case_id.into()],
        |row| Ok((read_word(row, 0, MessageState::parse)?, row.int(1)?)),
    )?;
    Ok(Arrival { counts: counts.into_iter().collect() })
}

/// An answer of the provider about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its number.
    pub message_id: i64,
    /// What became of it.
    pub state: MessageState,
    /// Why.
    pub cause: String,
}

/// Reads a provider's answer: CSV in UTF-8 or GB18030 with the columns 编号 (number), 状态 (state: 送达 arrived, 失败
/// failed, 未知 unknown) and, where it has one, 原因 (cause).
///
/// # Errors
/// `claimants.answer_columns`, `claimants.answer_row` with the row.
pub fn read_answers(bytes: &[u8]) -> Result<Vec<Answered>, Message> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::GB18030.decode(bytes).0,
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headings = reader.headers().cloned().map_err(|_| Message::new("claimants.answer_columns"))?;
    let column = |names: [&str; 2]| headings.iter().position(|heading| names.contains(&heading));
    let (Some(number), Some(state)) = (column(["编号", "number"]), column(["状态", "state"])) else {
        return Err(Message::new("claimants.answer_columns"));
    };
    let cause = column(["原因", "cause"]);
    let mut answers = Vec::new();
    for (row, record) in (2_u64..).zip(reader.records()) {
        let wrong = || Message::new("claimants.answer_row").with("row", row);
        let record = record.map_err(|_| wrong())?;
        let message_id = record.get(number).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let state = record.get(state).and_then(MessageState::answered).ok_or_else(wrong)?;
        let cause = cause.and_then(|column| record.get(column)).unwrap_or_default();
        answers.push(Answered { message_id, state, cause: cause.chars().take(200).collect() });
    }
    Ok(answers)
}

/// Records what became of messages; gives how many of the answers were about a message that was handed out. What has
/// arrived is removed from the outbox, code and all.
///
/// # Errors
/// What the database says.
pub fn record_answers(tx: &mut Tx<'_>, court_id: i64, answers: &[Answered], now: Timestamp) -> Outcome<u64> {
    let mut known = 0;
    for answer in answers {
        known += tx.execute(
            "UPDATE claimant_message SET state = $3, cause = $4, answered_at = $5, \
             sealed = CASE WHEN $3 = 'arrived' THEN NULL ELSE sealed END \
             WHERE court_id = $1 AND message_id = $2 AND state IN ('handed', 'unknown', 'failed')",
            &[
                court_id.into(),
                answer.message_id.into(),
                answer.state.as_str().into(),
                answer.cause.as_str().into(),
                now.as_microsecond().into(),
            ],
        )?;
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_as_the_network_counts() {
        for (units, count) in [(0, 1), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)] {
            assert_eq!(parts(&"款".repeat(units)), count, "{units}");
        }
        // A character outside the basic plane takes two units.
        assert_eq!(parts(&"𠮷".repeat(35)), 1);
        assert_eq!(parts(&"𠮷".repeat(36)), 2);
    }

    #[test]
    fn the_share_that_arrived_is_reckoned_in_whole_numbers() {
        let arrival = |arrived, failed, unknown| Arrival {
            counts: [
                (MessageState::Arrived, arrived),
                (MessageState::Failed, failed),
                (MessageState::Unknown, unknown),
                (MessageState::Waiting, 5),
            ]
            .into(),
        };
        // 69,439 messages, 58,681 arrived (Haidian's figures: 84.51%).
        assert_eq!(arrival(58_681, 758, 10_000).handed(), 69_439);
        assert_eq!(arrival(58_681, 758, 10_000).percent(), "84.51%");
        assert_eq!(arrival(1, 2, 0).percent(), "33.33%");
        assert_eq!(arrival(2, 1, 0).percent(), "66.67%");
        assert_eq!(arrival(7, 0, 0).percent(), "100.00%");
        assert_eq!(Arrival::default().percent(), "-");
    }

    #[test]
    fn a_template_is_filled_once_and_refused_where_it_is_wrong() {
        for name in ["share", "returned"] {
            Template::find(TEMPLATES, name).unwrap();
        }
        let read = |text: &str| {
            let file = format!("[[template]]\nname = \"x\"\nto = \"all\"\ntext = \"{text}\"\n");
            Template::find(&file, "x")
        };
        let template = read("【{court}】{name}：{code}").unwrap();
        let values = [("court", "某院".to_owned()), ("name", "{code}".to_owned()), ("code", "AB".to_owned())];
        assert_eq!(template.fill(&values), "【某院】{code}：AB");
        for (text, code) in [
            ("【{court}】{code}{telephone}", "claimants.template_place"),
            ("{court}{code}", "claimants.template_sender"),
            ("【{court}】", "claimants.template_sender"),
        ] {
            assert_eq!(read(text).unwrap_err().code, code, "{text}");
        }
        assert_eq!(Template::find(TEMPLATES, "y").unwrap_err().code, "claimants.template_unknown");
        assert_eq!(Template::find("[", "y").unwrap_err().code, "claimants.templates");
    }

    #[test]
    fn a_providers_answer_is_read_with_its_row_named() {
        let text = "编号,手机号,状态,原因\n3,138,送达,\n4,139,失败,空号\n5,137,未知,\n";
        let answers = read_answers(text.as_bytes()).unwrap();
        assert_eq!(answers, read_answers(&encoding_rs::GB18030.encode(text).0).unwrap());
        let states: Vec<_> = answers.iter().map(|one| (one.message_id, one.state, one.cause.as_str())).collect();
        use MessageState::{Arrived, Failed, Unknown};
        assert_eq!(states, [(3, Arrived, ""), (4, Failed, "空号"), (5, Unknown, "")]);
        assert_eq!(read_answers(b"a,b\n").unwrap_err().code, "claimants.answer_columns");
        let wrong = read_answers("number,state\n1,arrived\n2,perhaps\n".as_bytes()).unwrap_err();
        assert_eq!((wrong.code, wrong.arguments), ("claimants.answer_row", vec![("row", "3".to_owned())]));
    }
}
