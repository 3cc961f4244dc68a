//! The state of a run, and the order in which the rules get their turn.

use super::index::{Groups, Sorted};
use super::input::{Input, LineView, NO_DAY, NONE};
use super::names::Names;
use super::report::{
    Ambiguous, Candidate, Conflict, Difference, GaveUp, How, Lines, Match, Outcome, Report, RuleCount, Target,
};
use super::rules::{RuleKind, Rules};

/// As many candidates of a line are shown to a person.
pub(super) const SHOWN: usize = 5;

/// As many candidates of a line are looked at. A line with more is a person's in any case, and with all amounts equal
/// nobody walks a million rows for each of a million lines.
pub(super) const LOOKED_AT: usize = 64;

/// Where a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Matched,
    Ambiguous,
    InConflict,
}

/// What happened to a payment in this run: the lines, or [`NONE`].
#[derive(Clone, Copy)]
pub(super) struct PaymentState {
    pub debit: u32,
    pub returned: u32,
}

/// What happened to a file in this run.
#[derive(Clone, Copy)]
pub(super) struct FileState {
    /// The line that debited it, or [`NONE`].
    pub debit: u32,
    /// That debit was less what failed.
    pub less_failed: bool,
    /// The line that returned what failed, or [`NONE`].
    pub lump: u32,
    /// What one answer refused was returned by itself.
    pub in_parts: bool,
    /// Debited payment by payment, fen.
    pub taken_minor: i64,
    /// Of its failed payments, returned one by one, fen.
    pub returned_minor: i64,
}

pub(super) struct Run<'a> {
    pub input: &'a Input,
    pub rules: &'a Rules,
    /// Index of the rule whose turn it is.
    pub rule: u16,
    pub standing: Vec<Standing>,
    /// Lines that stand open, in order.
    pub open: Vec<u32>,
    pub payments: Vec<PaymentState>,
    pub files: Vec<FileState>,
    /// The line that returned what an answer refused, or [`NONE`].
    pub lumps: Vec<u32>,
    /// The line that each is used by, or [`NONE`].
    pub receipts: Vec<u32>,
    pub arrivals: Vec<u32>,
    pub credits: Vec<u32>,
    pub receivables: Vec<u32>,
    /// Payments by their key, kept from the debits for the credits.
    pub payment_keys: Option<Groups<&'a str>>,
    names: Names,
    /// Number of the name of each line; [`NONE`]: not asked for yet. Empty until the first is.
    line_names: Vec<u32>,
    pub matches: Vec<Match>,
    ambiguous: Vec<Ambiguous>,
    conflicts: Vec<Conflict>,
    pub gave_up: Vec<GaveUp>,
    counts: Vec<RuleCount>,
}

/// Applies the rules. `input` is in order.
pub(super) fn run(input: Input, rules: Rules) -> Report {
    let mut run = Run::new(&input, &rules);
    // What leaves the account first, so that a return finds what it returns whichever has the smaller id.
    for (index, rule) in rules.list.iter().enumerate() {
        run.rule = index as u16;
        match &rule.kind {
            RuleKind::LineKey { shortest_cut } => run.payment_debits(*shortest_cut),
            RuleKind::FileTotal { days, shortest_cut } => run.file_debits(*days, *shortest_cut),
            RuleKind::Sums { days, .. } => run.file_debits_by_payee(*days),
            _ => continue,
        }
        run.forget_settled();
    }
    for (index, rule) in rules.list.iter().enumerate() {
        run.rule = index as u16;
        match &rule.kind {
            RuleKind::LineKey { shortest_cut } => run.payment_returns(*shortest_cut),
            RuleKind::FileTotal { .. } => {}
            RuleKind::ReceiptReference {} => run.receipts_by_reference(),
            RuleKind::Arrival {} => run.arrivals(),
            RuleKind::LumpReturn { days, shortest_cut, own_names } => run.lump_returns(*days, *shortest_cut, own_names),
            RuleKind::Reversal { words, days } => run.reversals(words, *days),
            RuleKind::Interest { words, own_names } => run.interest(words, own_names),
            RuleKind::Charges { words, own_names, most_minor } => run.charges(words, own_names, *most_minor),
            RuleKind::Cards { words, days, most_fee_bp } => run.cards(words, *days, *most_fee_bp),
            RuleKind::Receivable {} => run.receivables(),
            RuleKind::AmountAndPayer { days } => run.receipts_by_payer(*days),
            RuleKind::Sums { days, parts, candidates, steps } => run.sums(*days, *parts, *candidates, *steps),
            RuleKind::SubAccount {} => run.sub_accounts(),
            RuleKind::CaseNumber {} => run.case_numbers(),
            RuleKind::Unattributed {} => run.unattributed(),
        }
        run.forget_settled();
    }
    let found = run.finish();
    Report { input, rules, ..found }
}

impl<'a> Run<'a> {
    fn new(input: &'a Input, rules: &'a Rules) -> Self {
        let unused = |rows: usize| vec![NONE; rows];
        Self {
            input,
            rules,
            rule: 0,
            standing: vec![Standing::Open; input.lines.len()],
            open: (0..input.lines.len() as u32).collect(),
            payments: vec![PaymentState { debit: NONE, returned: NONE }; input.payments.len()],
            files: vec![
                FileState {
                    debit: NONE,
                    less_failed: false,
                    lump: NONE,
                    in_parts: false,
                    taken_minor: 0,
                    returned_minor: 0
                };
                input.files.len()
            ],
            lumps: unused(input.lumps.len()),
            receipts: unused(input.receipts.len()),
            arrivals: unused(input.arrivals.len()),
            credits: unused(input.credits.len()),
            receivables: unused(input.receivables.len()),
            payment_keys: None,
            names: Names::default(),
            line_names: Vec::new(),
            // Most lines are one match; growing would move them all again and again.
            matches: Vec::with_capacity(input.lines.len()),
            ambiguous: Vec::new(),
            conflicts: Vec::new(),
            gave_up: Vec::new(),
            counts: vec![RuleCount::default(); rules.list.len()],
        }
    }

    fn forget_settled(&mut self) {
        self.open.retain(|line| self.standing[*line as usize] == Standing::Open);
    }

    /// Does something with every open line of a direction, in order.
    pub fn each(&mut self, credits: bool, mut act: impl FnMut(&mut Self, u32, LineView<'a>)) {
        let open = std::mem::take(&mut self.open);
        let input = self.input;
        for line in &open {
            let view = input.line(*line);
            let amount = view.amount_minor;
            if (if credits { amount > 0 } else { amount < 0 }) && self.is_open(*line) {
                act(self, *line, view);
            }
        }
        self.open = open;
    }

    /// As [`Self::each`], for credits which the bank does not flag as taking back a debit: new money.
    pub fn each_new_money(&mut self, mut act: impl FnMut(&mut Self, u32, LineView<'a>)) {
        self.each(true, |run, line, view| {
            if !view.is_reversal {
                act(run, line, view);
            }
        });
    }

    pub fn is_open(&self, line: u32) -> bool {
        self.standing[line as usize] == Standing::Open
    }

    /// Makes room before so many names are asked for.
    pub fn expect_names(&mut self, names: usize) {
        self.names.reserve(names);
    }

    pub fn name(&mut self, name: &str) -> u32 {
        self.names.number(name)
    }

    pub fn line_name(&mut self, line: u32) -> u32 {
        if self.line_names.is_empty() {
            self.line_names = vec![NONE; self.input.lines.len()];
        }
        if self.line_names[line as usize] == NONE {
            self.line_names[line as usize] = self.names.number(self.input.line(line).name());
        }
        self.line_names[line as usize]
    }

    /// A finding. `lines` in order; `item` is the row it is about, `number` what its evidence counts.
    pub fn settle(&mut self, lines: &[u32], outcome: Outcome, how: How, item: u32, number: u32) {
        for line in lines {
            self.standing[*line as usize] = Standing::Matched;
        }
        let id = |line: &u32| self.input.lines[*line as usize].line_id;
        let ids = if let [line] = lines {
            Lines::One(id(line))
        } else {
            let mut ids: Box<[i64]> = lines.iter().map(id).collect();
            ids.sort_unstable();
            Lines::Many(ids)
        };
        let count = &mut self.counts[usize::from(self.rule)];
        count.matches += 1;
        count.lines += lines.len() as u64;
        self.matches.push(Match { lines: ids, outcome, rule: self.rule, how, place: lines[0], item, number });
    }

    /// Leaves a line to a person, with what it may be.
    pub fn doubt(&mut self, line: u32, candidates: impl Iterator<Item = (Target, How, u32)>, more: bool) {
        self.standing[line as usize] = Standing::Ambiguous;
        let mut all: Vec<Candidate> = Vec::new();
        let mut more = more;
        for (target, how, item) in candidates {
            if all.len() == SHOWN {
                more = true;
                break;
            }
            all.push(Candidate { rule: self.rule, target, how, item });
        }
        self.counts[usize::from(self.rule)].ambiguous += 1;
        let line_id = self.input.lines[line as usize].line_id;
        self.ambiguous.push(Ambiguous { line_id, candidates: all.into(), more, place: line });
    }

    /// Leaves a line to a person, because it does not fit what it names.
    pub fn object(&mut self, line: u32, target: Target, difference: Difference, expected_minor: i64) {
        self.standing[line as usize] = Standing::InConflict;
        self.counts[usize::from(self.rule)].conflicts += 1;
        let row = &self.input.lines[line as usize];
        let (line_id, amount_minor) = (row.line_id, row.amount_minor);
        self.conflicts.push(Conflict { line_id, rule: self.rule, target, difference, amount_minor, expected_minor });
    }

    pub fn line_id(&self, line: u32) -> i64 {
        self.input.lines[line as usize].line_id
    }

    /// Row of a file by its id.
    pub fn files_by_id(&self) -> Sorted<i64> {
        Sorted::new(self.input.files.iter().zip(0..).map(|(file, row)| (file.file_id, 0, row)).collect())
    }

    /// Whether the money of a payment left the account, earlier or in this run.
    pub fn is_debited(&self, payment: u32, file: Option<u32>) -> bool {
        let row = &self.input.payments[payment as usize];
        if row.debited != NO_DAY || self.payments[payment as usize].debit != NONE {
            return true;
        }
        file.is_some_and(|file| {
            let state = &self.files[file as usize];
            let failed = row.answered == Some(super::Answer::Failed);
            self.input.files[file as usize].debited || (state.debit != NONE && !(state.less_failed && failed))
        })
    }

    fn finish(mut self) -> Report {
        self.matches.sort_by_key(|found| found.lines[0]);
        self.drop_used_candidates();
        self.ambiguous.sort_by_key(|line| line.line_id);
        self.conflicts.sort_by_key(|conflict| conflict.line_id);
        self.gave_up.sort_by_key(|search| (search.rule, search.line_id));
        let mut open_lines: Vec<i64> = self.open.iter().map(|line| self.line_id(*line)).collect();
        open_lines.sort_unstable();
        Report {
            matches: self.matches,
            ambiguous: self.ambiguous,
            conflicts: self.conflicts,
            open_lines,
            gave_up: self.gave_up,
            counts: self.counts,
            input: Input::default(),
            rules: Rules { list: Vec::new() },
        }
    }

    /// What another line has taken since is no candidate any more.
    fn drop_used_candidates(&mut self) {
        for line in &mut self.ambiguous {
            let is_free = |candidate: &Candidate| {
                let item = candidate.item as usize;
                match candidate.target {
                    Target::Receipt(_) => self.receipts[item] == NONE,
                    Target::Arrival(_) => self.arrivals[item] == NONE,
                    Target::Receivable(_) => self.receivables[item] == NONE,
                    Target::Payment(_) | Target::File(_) | Target::Line(_) | Target::Case(_) => true,
                }
            };
            if !line.candidates.iter().all(is_free) {
                line.candidates = line.candidates.iter().copied().filter(is_free).collect();
            }
        }
    }
}
