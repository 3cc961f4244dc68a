//! Which files a run makes: pure, in one pass, in memory bounded by the number of files.

use super::profile::Profile;
use super::{PayeeKind, PaymentGroup};
use crate::message::Message;
use ankuan_ledger::Amount;
use std::collections::BTreeMap;

/// A file to be made: the lines of one group from first to last, in the run's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// The group; lines of other groups between first and last do not belong to the file.
    pub group: PaymentGroup,
    /// Number of its first line.
    pub first_line: u64,
    /// Number of its last line.
    pub last_line: u64,
    /// How many lines it has.
    pub lines: u64,
    /// What they come to, in fen.
    pub sum: Amount,
}

impl Profile {
    /// The group of a payment under this profile.
    #[must_use]
    pub fn group(&self, same_bank: bool, payee_kind: PayeeKind) -> PaymentGroup {
        PaymentGroup {
            same_bank: self.split.same_bank.then_some(same_bank),
            payee_kind: self.split.payee_kind.then_some(payee_kind),
        }
    }
}

/// Takes the lines of a run one by one and says at the end which files there are.
///
/// ```
/// # use ankuan::bank::{Planner, Profile, PayeeKind};
/// # use ankuan_ledger::Amount;
/// let profile = Profile::shipped("generic-csv").unwrap();
/// let mut planner = Planner::new(&profile, Amount::ZERO);
/// planner.push(1, profile.group(true, PayeeKind::Person), Amount::from_minor(100)).unwrap();
/// let files = planner.finish();
/// assert_eq!((files[0].lines, files[0].sum), (1, Amount::from_minor(100)));
/// ```
#[derive(Debug)]
pub struct Planner<'p> {
    profile: &'p Profile,
    day_total: Amount,
    last_line: Option<u64>,
    open: BTreeMap<PaymentGroup, PlannedFile>,
    full: Vec<PlannedFile>,
}

impl<'p> Planner<'p> {
    /// `sent_today`: what files under this profile already carry for the same execution date; counts against the limit
    /// per day.
    #[must_use]
    pub const fn new(profile: &'p Profile, sent_today: Amount) -> Self {
        Self { profile, day_total: sent_today, last_line: None, open: BTreeMap::new(), full: Vec::new() }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// Refusals, in this order: `bank.plan.order` (line numbers must rise), `bank.plan.amount` (zero or negative),
    /// `bank.plan.line_limit` (above the limit per line, or alone above the limit per file), `bank.plan.day_limit`.
    pub fn push(&mut self, line_number: u64, group: PaymentGroup, amount: Amount) -> Result<(), Message> {
        if self.last_line.is_some_and(|last| line_number <= last) {
            return Err(Message::new("bank.plan.order").with("line", line_number));
        }
        if amount <= Amount::ZERO {
            return Err(Message::new("bank.plan.amount").with("line", line_number).with("amount", amount));
        }
        let limits = &self.profile.limits;
        for limit in [limits.amount_per_line, limits.amount_per_file].into_iter().flatten() {
            if amount > limit {
                return Err(Message::new("bank.plan.line_limit")
                    .with("line", line_number)
                    .with("amount", amount)
                    .with("limit", limit)
                    .with("profile", &self.profile.name));
            }
        }
        self.day_total = self.day_total_with(line_number, amount)?;
        self.last_line = Some(line_number);

        let alone = PlannedFile { group, first_line: line_number, last_line: line_number, lines: 1, sum: amount };
        let Some(open) = self.open.get_mut(&group) else {
            self.open.insert(group, alone);
            return Ok(());
        };
        match open.sum.plus(amount) {
            Some(sum)
                if open.lines < limits.lines_per_file && limits.amount_per_file.is_none_or(|limit| sum <= limit) =>
            {
                *open = PlannedFile { last_line: line_number, lines: open.lines + 1, sum, ..*open };
            }
            _ => self.full.push(std::mem::replace(open, alone)),
        }
        Ok(())
    }

    /// The total of the day with one more amount; refuses what passes the limit, or the range when there is none.
    fn day_total_with(&self, line_number: u64, amount: Amount) -> Result<Amount, Message> {
        let limit = self.profile.limits.amount_per_day.unwrap_or(Amount::from_minor(i64::MAX));
        match self.day_total.plus(amount) {
            Some(total) if total <= limit => Ok(total),
            _ => Err(Message::new("bank.plan.day_limit")
                .with("line", line_number)
                .with("limit", limit)
                .with("profile", &self.profile.name)),
        }
    }

    /// The files, by group and then in the run's order; a file's number is its place in this list, from 1.
    #[must_use]
    pub fn finish(mut self) -> Vec<PlannedFile> {
        self.full.extend(self.open.into_values());
        self.full.sort_by_key(|file| (file.group, file.first_line));
        self.full
    }
}

/// The files for lines that are at hand as (line number, group, amount): see [`Planner`].
///
/// # Errors
/// As [`Planner::push`].
pub fn plan_files(
    profile: &Profile,
    sent_today: Amount,
    lines: impl IntoIterator<Item = (u64, PaymentGroup, Amount)>,
) -> Result<Vec<PlannedFile>, Message> {
    let mut planner = Planner::new(profile, sent_today);
    for (line_number, group, amount) in lines {
        planner.push(line_number, group, amount)?;
    }
    Ok(planner.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn profile(lines: u64, line: Option<i64>, file: Option<i64>, day: Option<i64>) -> Profile {
        let mut profile = Profile::shipped("generic-csv").unwrap();
        profile.limits.lines_per_file = lines;
        profile.limits.amount_per_line = line.map(Amount::from_minor);
        profile.limits.amount_per_file = file.map(Amount::from_minor);
        profile.limits.amount_per_day = day.map(Amount::from_minor);
        profile
    }

    fn refused(profile: &Profile, lines: &[(u64, i64)]) -> (&'static str, String) {
        let group = PaymentGroup::default();
        let lines = lines.iter().map(|(number, minor)| (*number, group, Amount::from_minor(*minor)));
        let message = plan_files(profile, Amount::from_minor(10), lines).unwrap_err();
        (message.code, message.arguments[0].1.clone())
    }

    #[test]
    fn refuses_with_the_line() {
        let limited = profile(2, Some(50), Some(100), Some(200));
        assert_eq!(refused(&limited, &[(1, 50), (7, 51)]), ("bank.plan.line_limit", "7".into()));
        assert_eq!(refused(&limited, &[(1, 50), (2, 50), (3, 50), (4, 41)]), ("bank.plan.day_limit", "4".into()));
        assert_eq!(refused(&limited, &[(1, 50), (1, 50)]), ("bank.plan.order", "1".into()));
        assert_eq!(refused(&limited, &[(1, 0)]), ("bank.plan.amount", "1".into()));
        let by_file = profile(2, None, Some(100), None);
        assert_eq!(refused(&by_file, &[(3, 101)]), ("bank.plan.line_limit", "3".into()));
        let unlimited = profile(2, None, None, None);
        assert_eq!(refused(&unlimited, &[(1, i64::MAX - 10), (2, 1)]), ("bank.plan.day_limit", "2".into()));
    }

    #[test]
    fn the_mass_payout_makes_34_files() {
        let profile = profile(5_000, None, None, None);
        let lines = (1..=170_000).map(|number| (number, PaymentGroup::default(), Amount::from_minor(1_000_000)));
        let files = plan_files(&profile, Amount::ZERO, lines).unwrap();
        assert_eq!(files.len(), 34);
        assert!(files.iter().all(|file| file.lines == 5_000));
    }

    /// The naive model: each group's lines as a list, cut greedily.
    fn model(lines: &[(u64, PaymentGroup, Amount)], max_lines: usize, max_sum: i64) -> Vec<PlannedFile> {
        let mut groups: Vec<PaymentGroup> = lines.iter().map(|line| line.1).collect();
        groups.sort();
        groups.dedup();
        let mut files = Vec::new();
        for group in groups {
            let mut rest: Vec<_> = lines.iter().filter(|line| line.1 == group).collect();
            while !rest.is_empty() {
                let sum = |count: usize| rest[..count].iter().map(|line| line.2.minor()).sum::<i64>();
                let count = (1..=rest.len().min(max_lines)).filter(|count| sum(*count) <= max_sum).max().unwrap();
                files.push(PlannedFile {
                    group,
                    first_line: rest[0].0,
                    last_line: rest[count - 1].0,
                    lines: count as u64,
                    sum: Amount::from_minor(sum(count)),
                });
                rest.drain(..count);
            }
        }
        files
    }

    proptest! {
        #[test]
        fn agrees_with_the_model(
            entries in prop::collection::vec((1_u64..4, any::<bool>(), any::<bool>(), 1_i64..=100), 0..60),
            max_lines in 1_usize..8,
            max_sum in 100_i64..400,
        ) {
            let profile = profile(max_lines as u64, None, Some(max_sum), None);
            let mut number = 0;
            let lines: Vec<_> = entries.iter().map(|(step, same_bank, person, minor)| {
                number += step;
                let kind = if *person { PayeeKind::Person } else { PayeeKind::Company };
                (number, profile.group(*same_bank, kind), Amount::from_minor(*minor))
            }).collect();
            let files = plan_files(&profile, Amount::ZERO, lines.iter().copied()).unwrap();
            prop_assert_eq!(files, model(&lines, max_lines, max_sum));
        }
    }
}
