//! What a bank answers about a payment file (回盘, pain.002).

use rust_decimal::Decimal;

/// What became of a payment. What the bank does not say is unknown, never failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Paid, or accepted and settled.
    Paid,
    /// Refused: the money did not reach the payee.
    Failed,
    /// In hand, pending, unknown code: ask again.
    #[default]
    Unknown,
}

/// Why a payment failed, in our words; the bank's code and text stand beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// No such account, or a wrong number.
    AccountUnknown,
    /// Account closed, dormant.
    AccountClosed,
    /// Account blocked, frozen, reporting lost.
    AccountBlocked,
    /// Name and account do not belong together.
    NameDiffers,
    /// Wrong bank or bank code.
    BankUnknown,
    /// Above a limit, or the amount is not allowed.
    Limit,
    /// The payer's account was short.
    FundsShort,
    /// The bank took it for a duplicate.
    Duplicate,
    /// Another cause, in the bank's words.
    #[default]
    Other,
}

impl Cause {
    /// The cause behind a code of ISO 20022's list ExternalStatusReason1Code or ExternalReturnReason1Code.
    #[must_use]
    pub fn of_reason_code(code: &str) -> Self {
        match code {
            "AC01" | "AC03" => Self::AccountUnknown,
            "AC04" | "AC07" => Self::AccountClosed,
            "AC06" => Self::AccountBlocked,
            "BE01" => Self::NameDiffers,
            "RC01" | "RC04" | "AGNT" => Self::BankUnknown,
            "AM02" | "AM14" | "AM21" => Self::Limit,
            "AM04" => Self::FundsShort,
            "AM05" | "DUPL" => Self::Duplicate,
            code if code.starts_with("DU0") => Self::Duplicate,
            _ => Self::Other,
        }
    }
}

/// What an answer says as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The answer's own id, empty if none.
    pub id: String,
    /// Message id of the file that is answered, or the name of that file; empty if the answer does not say.
    pub original_message_id: String,
    /// State of the whole file (GrpSts), if said. [`State::Failed`]: every line of it failed.
    pub group: Option<State>,
    /// The bank's own code and text for it.
    pub group_code: String,
    /// Why, for a file refused as a whole.
    pub group_cause: Option<Cause>,
    /// The bank's own words for it.
    pub group_reason: String,
}

/// One line of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the file, from 1.
    pub place: u64,
    /// Our line key as given back, possibly cut; empty if the bank gives none.
    pub key: String,
    /// The serial number within the payment file, if given.
    pub serial: Option<u64>,
    /// The payee's account, if given; may be masked.
    pub account: String,
    /// The payee's name, if given.
    pub name: String,
    /// The amount, if given. Not negative.
    pub amount: Option<Decimal>,
    /// What became of it.
    pub state: State,
    /// The bank's code.
    pub code: String,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// The bank's words for it.
    pub reason: String,
}

impl Line {
    /// Makes it blank; what was allocated stays.
    pub fn clear(&mut self) {
        let Self { place, key, serial, account, name, amount, state, code, cause, reason } = self;
        (*place, *serial, *amount, *state, *cause) = (0, None, None, State::Unknown, None);
        for text in [key, account, name, code, reason] {
            text.clear();
        }
    }
}

/// What an answer declares about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foot {
    /// Number of lines of the answer, if declared.
    pub lines: Option<u64>,
    /// Number paid.
    pub paid: Option<u64>,
    /// Sum paid.
    pub paid_sum: Option<Decimal>,
    /// Number failed.
    pub failed: Option<u64>,
    /// Sum failed.
    pub failed_sum: Option<Decimal>,
}

/// What a reader hands on, one after another.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// The answer begins.
    Begin(&'a Head),
    /// A line.
    Line(&'a Line),
    /// The answer ends.
    End(&'a Foot),
}
