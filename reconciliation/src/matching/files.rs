//! Files as a whole: their debits, and the lump return of what failed.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::engine::{LOOKED_AT, Run};
use super::index::{Beginnings, Fixed, Groups, Sorted};
use super::input::{LineView, NO_DAY, NONE};
use super::names::Words;
use super::own::OwnWords;
use super::report::{Difference, How, Outcome, Target};
use super::rules::{RuleKind, Rules};

/// A sum that a file waits for.
#[derive(Clone, Copy)]
struct Awaited {
    amount_minor: i64,
    file: u32,
    less_failed: bool,
}

/// Words by which a debit says that it is the bank's own, or takes something back: no file is meant.
struct SpokenFor {
    reversals: Vec<Words>,
    charges: Vec<(OwnWords, i64)>,
}

impl SpokenFor {
    fn by(rules: &Rules) -> Self {
        let (mut reversals, mut charges) = (Vec::new(), Vec::new());
        for rule in &rules.list {
            match &rule.kind {
                RuleKind::Reversal { words, .. } => reversals.push(Words::new(words)),
                RuleKind::Charges { words, own_names, most_minor } => {
                    charges.push((OwnWords::new(words, own_names), *most_minor));
                }
                _ => {}
            }
        }
        Self { reversals, charges }
    }

    fn are_said(&mut self, view: LineView<'_>) -> bool {
        self.reversals.iter_mut().any(|words| words.are_in(&[view.code(), view.text()]))
            || self
                .charges
                .iter_mut()
                .any(|(words, most_minor)| view.amount_minor.saturating_neg() <= *most_minor && words.are_said(view))
    }
}

impl<'a> Run<'a> {
    /// What is still to be debited of a file: all of it, and without what failed where every answer is known.
    fn awaited_debits(&self, file: u32) -> impl Iterator<Item = Awaited> + use<> {
        let (row, state) = (&self.input.files[file as usize], &self.files[file as usize]);
        let whole = row.total_minor.saturating_sub(state.taken_minor);
        let less = (row.answered && row.failed_minor > 0).then(|| whole.saturating_sub(row.failed_minor));
        let awaited = move |amount_minor, less_failed| Awaited { amount_minor, file, less_failed };
        let open = !row.debited && state.debit == NONE;
        let both = [Some(awaited(whole, false)), less.map(|less| awaited(less, true))];
        both.into_iter().flatten().filter(move |awaited| open && awaited.amount_minor > 0)
    }

    /// What is still to be returned of what failed, once the whole was debited.
    fn awaited_return(&self, file: u32) -> Option<Awaited> {
        let (row, state) = (&self.input.files[file as usize], &self.files[file as usize]);
        let is_debited = row.debited || (state.debit != NONE && !state.less_failed);
        let amount_minor = row.failed_minor.saturating_sub(state.returned_minor);
        (is_debited && !row.failed_returned && state.lump == NONE && amount_minor > 0).then_some(Awaited {
            amount_minor,
            file,
            less_failed: false,
        })
    }

    /// Debits of files, by reference and then by amount.
    pub(super) fn file_debits(&mut self, days: i32, shortest_cut: usize) {
        if self.input.files.is_empty() {
            return;
        }
        for (file, lines) in self.lines_naming_files(false, shortest_cut) {
            self.debits_naming(file, &lines);
        }
        let files = 0..self.input.files.len() as u32;
        let awaited: Vec<Awaited> = files.flat_map(|file| self.awaited_debits(file)).collect();
        let mut spoken_for = SpokenFor::by(self.rules);
        self.by_amount(awaited, false, days, |view| !spoken_for.are_said(view));
    }

    /// The debits that name a file: one that fits, or all of them together; what is left over is a conflict.
    fn debits_naming(&mut self, file: u32, lines: &[u32]) {
        let input = self.input;
        let amount = |line: u32| -input.lines[line as usize].amount_minor;
        let all: i128 = lines.iter().map(|line| i128::from(amount(*line))).sum();
        let awaited: Vec<Awaited> = self.awaited_debits(file).collect();
        let single = awaited.iter().find_map(|awaited| {
            let line = lines.iter().find(|line| amount(**line) == awaited.amount_minor)?;
            Some((awaited, vec![*line]))
        });
        let together = || {
            let awaited = awaited.iter().find(|awaited| i128::from(awaited.amount_minor) == all)?;
            Some((awaited, lines.to_vec()))
        };
        if let Some((awaited, used)) = single.or_else(together) {
            let how = if used.len() == 1 { How::FileReference } else { How::FileParts };
            self.debit_file(&used, awaited, how, used.len() as u32);
        }
        let row = &input.files[file as usize];
        let state = self.files[file as usize];
        for line in lines {
            if !self.is_open(*line) {
                continue;
            }
            let whole = row.total_minor.saturating_sub(state.taken_minor);
            let difference = if row.debited {
                Difference::AlreadyDebited(None)
            } else if state.debit != NONE {
                Difference::AlreadyDebited(Some(self.line_id(state.debit)))
            } else {
                Difference::Amount
            };
            self.object(*line, Target::File(row.file_id), difference, whole);
        }
    }

    fn debit_file(&mut self, lines: &[u32], awaited: &Awaited, how: How, number: u32) {
        let state = &mut self.files[awaited.file as usize];
        state.debit = lines[0];
        state.less_failed = awaited.less_failed;
        let file_id = self.input.files[awaited.file as usize].file_id;
        let outcome = Outcome::FileDebited { file_id, less_failed: awaited.less_failed };
        self.settle(lines, outcome, how, awaited.file, number);
    }

    /// Credits of exactly what failed.
    pub(super) fn lump_returns(&mut self, days: i32, shortest_cut: usize, own_names: &[String]) {
        let input = self.input;
        let files = 0..input.files.len() as u32;
        let awaited: Vec<Awaited> = files.filter_map(|file| self.awaited_return(file)).collect();
        if input.files.is_empty() {
            return;
        }
        for (file, lines) in self.lines_naming_files(true, shortest_cut) {
            let row = &input.files[file as usize];
            let awaited = self.awaited_return(file);
            for line in lines {
                let amount = input.lines[line as usize].amount_minor;
                let state = self.files[file as usize];
                // What one answer refused comes back by itself where the bank decided on several days.
                if awaited.is_some() && state.lump == NONE && self.return_answer(line, file, amount) {
                    continue;
                }
                let state = self.files[file as usize];
                match awaited {
                    Some(awaited) if awaited.amount_minor == amount && state.lump == NONE && !state.in_parts => {
                        self.return_lump(line, file, How::LumpReference, 1);
                    }
                    _ => {
                        let difference = if state.lump != NONE {
                            Difference::AlreadyReturned(Some(self.line_id(state.lump)))
                        } else if row.failed_returned {
                            Difference::AlreadyReturned(None)
                        } else if row.debited || state.debit != NONE {
                            Difference::Amount
                        } else {
                            Difference::NotDebited
                        };
                        let expected = awaited.map_or(row.failed_minor, |awaited| awaited.amount_minor);
                        self.object(line, Target::File(row.file_id), difference, expected);
                    }
                }
            }
        }
        let mut own_names = Words::new(own_names);
        // Without a reference it must not be a payer's money: no case is named, and nobody but a bank or the court paid.
        self.by_amount(awaited, true, days, |view| {
            view.case_ids().is_empty() && (view.name().is_empty() || own_names.are_in(&[view.name()]))
        });
    }

    fn return_lump(&mut self, line: u32, file: u32, how: How, number: u32) {
        self.files[file as usize].lump = line;
        let file_id = self.input.files[file as usize].file_id;
        self.settle(&[line], Outcome::LumpReturned { file_id, answer_id: None }, how, file, number);
    }

    /// Returns what one answer refused of a file, where an answer of that sum is still open; equal ones in their order.
    fn return_answer(&mut self, line: u32, file: u32, amount: i64) -> bool {
        let input = self.input;
        let file_id = input.files[file as usize].file_id;
        let begin = input.lumps.partition_point(|lump| lump.file_id < file_id);
        let of_file = (begin..).zip(&input.lumps[begin..]).take_while(|(_, lump)| lump.file_id == file_id);
        let mut open = of_file.filter(|(row, lump)| lump.amount_minor == amount && self.lumps[*row] == NONE);
        let Some((row, lump)) = open.next() else { return false };
        self.lumps[row] = line;
        self.files[file as usize].in_parts = true;
        let outcome = Outcome::LumpReturned { file_id, answer_id: Some(lump.answer_id) };
        self.settle(&[line], outcome, How::LumpAnswer, file, 1);
        true
    }

    /// Open lines that name a file by message id or name, by file. One that names several goes to the one whose awaited
    /// sum it has; else it is ambiguous.
    fn lines_naming_files(&mut self, credits: bool, shortest_cut: usize) -> Vec<(u32, Vec<u32>)> {
        let input = self.input;
        let rows = input.files.len() as u32;
        // A file is two rows here: by its message id and by its name.
        let text = |row: u32| if row.is_multiple_of(2) { input.message_id(row / 2) } else { input.file_name(row / 2) };
        let texts = (0..2 * rows).rev().map(|row| (row, text(row))).filter(|(_, text)| !text.is_empty());
        let exact = Groups::new(2 * rows as usize, texts.clone());
        let mut beginnings = Beginnings::new(texts.map(|(row, text)| (0, text, row)));
        let mut named: Vec<(u32, u32)> = Vec::new();
        self.each(credits, |run, line, view| {
            let mut files: Vec<u32> = Vec::new();
            for given in view.names_given() {
                for row in exact.get(given).take(LOOKED_AT) {
                    if files.len() < LOOKED_AT && !files.contains(&(row / 2)) {
                        files.push(row / 2);
                    }
                }
            }
            if files.is_empty() {
                // What the bank cut short counts only where it can be one file.
                for given in view.keys().filter(|given| given.chars().count() >= shortest_cut) {
                    for row in beginnings.open(0, given, |_| true).take(LOOKED_AT) {
                        if files.len() < LOOKED_AT && !files.contains(&(row / 2)) {
                            files.push(row / 2);
                        }
                    }
                }
            }
            let fits = |file: &u32| run.is_awaited(*file, view.amount_minor);
            if files.len() > 1 && files.iter().any(fits) {
                files.retain(fits);
            }
            match files[..] {
                [] => {}
                [file] => named.push((file, line)),
                _ => {
                    let target = |file: u32| Target::File(input.files[file as usize].file_id);
                    run.doubt(line, files.iter().map(|file| (target(*file), How::FileReference, *file)), false);
                }
            }
        });
        named.sort_unstable();
        let by_file = named.chunk_by(|one, other| one.0 == other.0);
        by_file.map(|rows| (rows[0].0, rows.iter().map(|(_, line)| *line).collect())).collect()
    }

    fn is_awaited(&self, file: u32, amount_minor: i64) -> bool {
        if amount_minor > 0 {
            self.awaited_return(file).is_some_and(|awaited| awaited.amount_minor == amount_minor)
        } else {
            self.awaited_debits(file).any(|awaited| -awaited.amount_minor == amount_minor)
        }
    }

    /// Lines and awaited sums of equal amount within days of release. Where lines and files that may belong together are
    /// one and one they do; k and k are paired in order of booking and release; otherwise it is for a person.
    fn by_amount(
        &mut self,
        awaited: Vec<Awaited>,
        credits: bool,
        days: i32,
        mut counts: impl FnMut(LineView<'a>) -> bool,
    ) {
        let input = self.input;
        let mut by_amount = Vec::new();
        let amounts: Groups<i64> = Groups::new(
            awaited.len(),
            (0..awaited.len() as u32).rev().map(|row| (row, awaited[row as usize].amount_minor)),
        );
        self.each(credits, |_, line, view| {
            let amount = view.amount_minor.checked_abs().unwrap_or(0);
            if amounts.get(amount).next().is_some() && !view.is_reversal && counts(view) {
                by_amount.push((Reverse(amount), view.day, line));
            }
        });
        // The greatest first: of a file's two sums its whole.
        by_amount.sort_unstable();
        for lines in by_amount.chunk_by(|one, other| one.0 == other.0) {
            let lines: Vec<u32> = lines.iter().map(|(_, _, line)| *line).collect();
            let amount = input.lines[lines[0] as usize].amount_minor.abs();
            let is_free = |awaited: &Awaited| {
                let state = &self.files[awaited.file as usize];
                (if credits { state.lump } else { state.debit }) == NONE && !(credits && state.in_parts)
            };
            // In order of release, as the files are.
            let files: Vec<Awaited> = amounts.get(amount).map(|row| awaited[row as usize]).filter(is_free).collect();
            self.pair(&lines, &files, credits, days);
        }
    }

    fn pair(&mut self, lines: &[u32], files: &[Awaited], credits: bool, days: i32) {
        let input = self.input;
        let booked = |place: usize| lines.get(place).map_or(NO_DAY, |line| input.lines[*line as usize].day);
        let released = |place: usize| input.files[files[place].file as usize].released;
        let (mut line, mut file) = (0, 0);
        while line < lines.len() && file < files.len() {
            if booked(line) < released(file) {
                line += 1;
                continue;
            }
            if booked(line) > released(file).saturating_add(days) {
                file += 1;
                continue;
            }
            // Grow to everything that hangs together: lines within the days of a file, files within those of a line.
            let (mut last_line, mut last_file) = (line + 1, file + 1);
            loop {
                let until = released(last_file - 1).saturating_add(days);
                while last_line < lines.len() && booked(last_line) <= until {
                    last_line += 1;
                }
                if last_file < files.len() && released(last_file) <= booked(last_line - 1) {
                    last_file += 1;
                } else {
                    break;
                }
            }
            self.pair_component(&lines[line..last_line], &files[file..last_file], credits, days);
            (line, file) = (last_line, last_file);
        }
    }

    fn pair_component(&mut self, lines: &[u32], files: &[Awaited], credits: bool, days: i32) {
        let input = self.input;
        let fits = |line: u32, file: &Awaited| {
            let waited = input.lines[line as usize].day - input.files[file.file as usize].released;
            (0..=days).contains(&waited)
        };
        let is_paired = lines.len() == files.len() && lines.iter().zip(files).all(|(line, file)| fits(*line, file));
        if is_paired {
            let number = lines.len() as u32;
            for (line, file) in lines.iter().zip(files) {
                match (credits, number) {
                    (false, 1) => self.debit_file(&[*line], file, How::FileAmount, 1),
                    (false, _) => self.debit_file(&[*line], file, How::FilePaired, number),
                    (true, 1) => self.return_lump(*line, file.file, How::LumpAmount, 1),
                    (true, _) => self.return_lump(*line, file.file, How::LumpPaired, number),
                }
            }
            return;
        }
        let how = if credits { How::LumpAmount } else { How::FileAmount };
        let mut first = 0;
        for line in lines {
            while first + 1 < files.len() && !fits(*line, &files[first]) {
                first += 1;
            }
            let fitting = files[first..].iter().take(LOOKED_AT).filter(|file| fits(*line, file));
            let target = |file: &Awaited| (Target::File(input.files[file.file as usize].file_id), how, file.file);
            self.doubt(*line, fitting.map(target), false);
        }
    }

    /// Debits that are, one by one, the payments of a file by payee and amount: the bank booked them without our keys.
    pub(super) fn file_debits_by_payee(&mut self, days: i32) {
        let input = self.input;
        let awaits: Vec<Vec<Awaited>> =
            (0..input.files.len() as u32).map(|file| self.awaited_debits(file).collect()).collect();
        if awaits.iter().all(Vec::is_empty) {
            return;
        }
        let mut by_payee = Vec::new();
        let mut spoken_for = SpokenFor::by(self.rules);
        self.each(false, |run, line, view| {
            if view.is_reversal || spoken_for.are_said(view) {
                return;
            }
            let amount = view.amount_minor.checked_neg().unwrap_or(0);
            let name = run.line_name(line);
            if name != 0 {
                by_payee.push(((amount, false, i64::from(name)), view.day, line));
            }
            if view.account_index != 0 {
                by_payee.push(((amount, true, view.account_index), view.day, line));
            }
        });
        if by_payee.is_empty() {
            return;
        }
        let mut debits = Sorted::new(by_payee);
        let mut payments =
            Sorted::new((0..).zip(&input.payments).map(|(payment, row)| (row.file_id, 0, payment)).collect::<Vec<_>>());
        for (file, awaits) in (0..).zip(awaits) {
            let row = &input.files[file as usize];
            let of_file: Vec<u32> = payments
                .open(row.file_id, 0, 0, |payment| {
                    input.payments[payment as usize].debited == NO_DAY && self.payments[payment as usize].debit == NONE
                })
                .collect();
            for awaited in awaits {
                let mut lines = Vec::new();
                let mut taken: HashSet<u32, Fixed> = HashSet::default();
                let mut sum: i128 = 0;
                let is_part = |payment: &&u32| {
                    !awaited.less_failed || input.payments[**payment as usize].answered != Some(super::Answer::Failed)
                };
                for payment in of_file.iter().filter(is_part) {
                    let wanted = &input.payments[*payment as usize];
                    let name = i64::from(self.name(input.payee_name(*payment)));
                    let by = [(true, wanted.account_index), (false, name)];
                    let until = row.released.saturating_add(days);
                    let found = by.into_iter().filter(|(_, value)| *value != 0).find_map(|(is_account, value)| {
                        let key = (wanted.amount_minor, is_account, value);
                        let standing = &self.standing;
                        let is_open = |line: u32| standing[line as usize] == super::engine::Standing::Open;
                        // A payee with more equal payments than this in a file is a person's.
                        let mut open = debits.open(key, row.released, until, is_open).take(LOOKED_AT);
                        open.find(|line| !taken.contains(line))
                    });
                    let Some(line) = found else { break };
                    lines.push(line);
                    taken.insert(line);
                    sum += i128::from(wanted.amount_minor);
                }
                if lines.len() > 1 && sum == i128::from(awaited.amount_minor) {
                    lines.sort_unstable();
                    self.debit_file(&lines, &awaited, How::FileDebits, lines.len() as u32);
                    break;
                }
            }
        }
    }
}
