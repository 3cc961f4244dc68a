//! What came of a run. Sentences are made on demand: a million matches hold no million texts.

use std::ops::Deref;

use super::Rules;
use super::input::Input;

/// The bank lines of a match: mostly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    /// One line id.
    One(i64),
    /// Several, ascending.
    Many(Box<[i64]>),
}

impl Deref for Lines {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        match self {
            Self::One(line_id) => std::slice::from_ref(line_id),
            Self::Many(line_ids) => line_ids,
        }
    }
}

/// What the lines of a match are. Lists of ids are ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The debit of one payment.
    PaymentDebited {
        /// The payment.
        payment_id: i64,
    },
    /// The debit of several payments, listed in the entry.
    PaymentsDebited {
        /// The payments.
        payment_ids: Box<[i64]>,
    },
    /// One payment came back (退票).
    PaymentReturned {
        /// The payment.
        payment_id: i64,
    },
    /// Several payments came back, listed in the entry.
    PaymentsReturned {
        /// The payments.
        payment_ids: Box<[i64]>,
    },
    /// The debit of a file, in one line or several.
    FileDebited {
        /// The file.
        file_id: i64,
        /// Without the payments that failed by the bank's answers: they were never debited.
        less_failed: bool,
    },
    /// The failed payments of a file came back in one sum.
    LumpReturned {
        /// The file.
        file_id: i64,
        /// The answer that refused them, where only its payments came back.
        answer_id: Option<i64>,
    },
    /// The money of receipts that were recorded by hand.
    ReceiptLinked {
        /// The receipts: one, or several in one sum.
        receipt_ids: Box<[i64]>,
    },
    /// Expected money arrived.
    ArrivalArrived {
        /// What was expected: one, or several in one sum.
        expected_ids: Box<[i64]>,
    },
    /// New money for a case.
    CaseReceipt {
        /// The case.
        case_id: i64,
        /// The sub-account, where that said it.
        sub_account_id: Option<i64>,
    },
    /// New money, nobody knows for which case (待认领款).
    Unattributed,
    /// Takes an earlier credit back. Where that credit was itself an open line of this run, the match has both lines
    /// and nothing remains of either.
    Reversed {
        /// The credit that is taken back.
        line_id: i64,
        /// What it was booked as, earlier or in this run.
        receipt_id: Option<i64>,
    },
    /// The bank's interest.
    Interest,
    /// The bank's charges.
    Charges,
    /// Card takings in one sum.
    CardTakings {
        /// The receipts in it.
        receipt_ids: Box<[i64]>,
        /// What the bank kept, fen.
        fee_minor: i64,
    },
    /// Money to be recovered came back.
    Recovered {
        /// The receivable.
        id: i64,
    },
}

/// On what a finding rests: which sentence is its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Key,
    KeyCut,
    Keys,
    Details,
    ReceiptReference,
    ReceiptsReference,
    ReceiptPayer,
    ArrivalName,
    ArrivalAccount,
    ArrivalSubAccount,
    FileReference,
    FileParts,
    FileAmount,
    FilePaired,
    FileDebits,
    LumpReference,
    LumpAmount,
    LumpPaired,
    LumpAnswer,
    ReversalReference,
    ReversalAmount,
    Own,
    Cards,
    ReceivableName,
    ReceivableAccount,
    SubAccount,
    CaseNumber,
    SumOfReceipts,
    SumOfArrivals,
    PartsOfReceipt,
    PartsOfArrival,
    Unattributed,
}

/// A finding: these lines are that.
#[derive(Clone, Debug)]
pub struct Match {
    /// Line ids.
    pub lines: Lines,
    /// What they are.
    pub outcome: Outcome,
    /// Index of the rule in [`Rules::list`].
    pub rule: u16,
    pub(super) how: How,
    /// Row of the first line.
    pub(super) place: u32,
    /// Row of what it is about.
    pub(super) item: u32,
    /// What the evidence counts.
    pub(super) number: u32,
}

/// Something that a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A payment.
    Payment(i64),
    /// A file.
    File(i64),
    /// A receipt.
    Receipt(i64),
    /// Expected money.
    Arrival(i64),
    /// An earlier credit, or another line of the run: its line id.
    Line(i64),
    /// Money to be recovered.
    Receivable(i64),
    /// A case.
    Case(i64),
}

/// What a line may be, one of several.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Index of the rule in [`Rules::list`].
    pub rule: u16,
    /// What it may be.
    pub target: Target,
    pub(super) how: How,
    /// Row of the target.
    pub(super) item: u32,
}

/// A line that may be one of several things: a person decides.
#[derive(Clone, Debug)]
pub struct Ambiguous {
    /// The line.
    pub line_id: i64,
    /// What it may be, the first few. Without those that another line of the run has taken since, so perhaps none.
    pub candidates: Box<[Candidate]>,
    /// There are more than those.
    pub more: bool,
    /// Row of the line.
    pub(super) place: u32,
}

/// Where a line and what it names do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The amounts differ.
    Amount,
    /// A debit for what is debited already; by a line of this run, where it is one.
    AlreadyDebited(Option<i64>),
    /// A return of what was returned already; by a line of this run, where it is one.
    AlreadyReturned(Option<i64>),
    /// A return of what was never debited.
    NotDebited,
    /// A second line with the reference of a receipt that is linked to this line.
    AlreadyLinked(i64),
    /// The details of a batch entry: not all are payments of ours, or they do not add up.
    Details,
}

/// A line that names something which it does not fit: a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The line.
    pub line_id: i64,
    /// Index of the rule in [`Rules::list`].
    pub rule: u16,
    /// What it names.
    pub target: Target,
    /// What does not agree.
    pub difference: Difference,
    /// The line's amount, fen, signed.
    pub amount_minor: i64,
    /// What was expected, fen, not negative.
    pub expected_minor: i64,
}

/// A search that was given up: its lines stay as they were, and other sums may exist than those that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GaveUp {
    /// Index of the rule in [`Rules::list`].
    pub rule: u16,
    /// The first line it concerns.
    pub line_id: i64,
    /// How many candidates there were.
    pub candidates: usize,
    /// Steps made before giving up; 0: there were too many candidates to begin.
    pub steps: usize,
}

/// A sentence by its code, with its arguments; texts in `locales/matching.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// `matching.evidence.line_key` and so on.
    pub code: &'static str,
    /// Name and value of each `%{name}` of the text. Amounts in yuan with two decimals.
    pub arguments: Vec<(&'static str, String)>,
}

/// How much a rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// Matches.
    pub matches: u64,
    /// Lines in them.
    pub lines: u64,
    /// Lines left to a person as ambiguous.
    pub ambiguous: u64,
    /// Lines left to a person as conflicts.
    pub conflicts: u64,
}

/// What came of a run. Every line is in exactly one of `matches`, `ambiguous`, `conflicts` and `open_lines`.
#[derive(Clone, Debug)]
pub struct Report {
    /// By their first line id.
    pub matches: Vec<Match>,
    /// By line id.
    pub ambiguous: Vec<Ambiguous>,
    /// By line id.
    pub conflicts: Vec<Conflict>,
    /// Lines that no rule had anything to say about, ascending.
    pub open_lines: Vec<i64>,
    /// Searches given up, by rule and line id.
    pub gave_up: Vec<GaveUp>,
    /// What each rule did, by its index.
    pub counts: Vec<RuleCount>,
    pub(super) input: Input,
    pub(super) rules: Rules,
}

impl Report {
    /// The rules that were applied.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }
}
