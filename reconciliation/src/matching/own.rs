//! The bank's own lines: interest and charges, by words that are data.

use super::engine::Run;
use super::input::{LineView, NONE};
use super::names::Words;
use super::report::{How, Outcome};

/// The words of a rule about the bank's own lines.
pub(super) struct OwnWords {
    words: Words,
    own_names: Words,
}

impl OwnWords {
    pub fn new(words: &[String], own_names: &[String]) -> Self {
        Self { words: Words::new(words), own_names: Words::new(own_names) }
    }

    /// Whether a line says one of the words in the bank's own voice.
    ///
    /// A payer writes 本金及利息 into the remark as well, and a bank that hands over a debtor's deposit writes 扣划存款利息. So
    /// a word counts where it is the bank's whole code; in the code, where the other party is a bank; in code or remark,
    /// where there is no other party. It never counts where the line names a case.
    pub fn are_said(&mut self, view: LineView<'_>) -> bool {
        if !view.case_ids().is_empty() {
            return false;
        }
        let nobody = view.name().is_empty() && view.account_index == 0;
        self.words.are(view.code())
            || (nobody && self.words.are_in(&[view.code(), view.text()]))
            || (self.words.are_in(&[view.code()]) && self.own_names.are_in(&[view.name()]))
    }
}

impl Run<'_> {
    /// Interest: credits.
    pub(super) fn interest(&mut self, words: &[String], own_names: &[String]) {
        let mut words = OwnWords::new(words, own_names);
        self.each_new_money(|run, line, view| {
            if words.are_said(view) {
                run.settle(&[line], Outcome::Interest, How::Own, NONE, 1);
            }
        });
    }

    /// Charges: debits, not above a sum.
    pub(super) fn charges(&mut self, words: &[String], own_names: &[String], most_minor: i64) {
        let mut words = OwnWords::new(words, own_names);
        self.each(false, |run, line, view| {
            let is_small = view.amount_minor.unsigned_abs() <= most_minor.unsigned_abs();
            if is_small && !view.is_reversal && words.are_said(view) {
                run.settle(&[line], Outcome::Charges, How::Own, NONE, 1);
            }
        });
    }
}
