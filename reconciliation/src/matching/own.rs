//! The bank's own lines: interest and charges, by words that are data.

use super::engine::Run;
use super::input::{LineView, NONE};
use super::names::{normalise, word_in};
use super::report::{How, Outcome};

/// Whether a line says one of the words in the bank's own voice.
///
/// A payer writes 本金及利息 into the remark as well, and a bank that hands over a debtor's deposit writes 扣划存款利息. So
/// a word counts where it is the bank's whole code; in the code, where the other party is a bank; in code or remark,
/// where there is no other party. It never counts where the line names a case.
pub(super) fn says(view: LineView<'_>, words: &[String], own_names: &[String], buffer: &mut String) -> bool {
    if !view.case_ids().is_empty() {
        return false;
    }
    let mut word_buffer = String::new();
    normalise(view.code(), buffer);
    let is_code = words.iter().any(|word| {
        normalise(word, &mut word_buffer);
        !word_buffer.is_empty() && word_buffer == *buffer
    });
    let nobody = view.name().is_empty() && view.account_index == 0;
    let is_bank = || word_in(own_names, &[view.name()], &mut String::new()).is_some();
    is_code
        || (nobody && word_in(words, &[view.code(), view.text()], buffer).is_some())
        || (is_bank() && word_in(words, &[view.code()], buffer).is_some())
}

impl Run<'_> {
    /// Interest: credits.
    pub(super) fn interest(&mut self, words: &[String], own_names: &[String]) {
        let mut buffer = String::new();
        self.each_new_money(|run, line, view| {
            if says(view, words, own_names, &mut buffer) {
                run.settle(&[line], Outcome::Interest, How::Own, NONE, 1);
            }
        });
    }

    /// Charges: debits, not above a sum.
    pub(super) fn charges(&mut self, words: &[String], own_names: &[String], most_minor: i64) {
        let mut buffer = String::new();
        self.each(false, |run, line, view| {
            let is_small = view.amount_minor.unsigned_abs() <= most_minor.unsigned_abs();
            if is_small && !view.is_reversal && says(view, words, own_names, &mut buffer) {
                run.settle(&[line], Outcome::Charges, How::Own, NONE, 1);
            }
        });
    }
}
