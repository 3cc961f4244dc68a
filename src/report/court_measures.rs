//! Measures of the court (质效指标) for any period, from the books alone.

use ankuan_ledger::{Amount, Tx};
use jiff::civil::Date;

use super::monthly_return::{AGE_BANDS, StageDays, age_band, stage_days};
use super::period::{average_hundredths, days_between, period_of_money};
use crate::books;
use crate::cases::case_by_id;
use crate::cases::progress::{Manner, MilestoneKind, milestones};
use crate::chart::AccountKind;
use crate::deadlines::running::worklist;
use crate::deadlines::{Colour, DeadlineKind};
use crate::failure::Outcome;
use crate::message::Message;
use crate::obligations::closing::certificate;
use crate::words::read_date;

/// A number of things and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountAndSum {
    /// How many.
    pub count: usize,
    /// Together.
    pub amount: Amount,
}

impl CountAndSum {
    /// With one more.
    ///
    /// # Errors
    /// `payouts.amounts_too_large`.
    pub fn add(&mut self, amount: Amount) -> Result<(), Message> {
        self.count += 1;
        self.amount = self.amount.plus(amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
        Ok(())
    }
}

/// The measures of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourtMeasures {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// 案款平均发放天数, with its stages.
    pub days: StageDays,
    /// 执行到位金额: what came into the funds of cases, and in how many.
    pub collected: CountAndSum,
    /// Cases closed (结案); ended for now (终本) are not among them.
    pub closed: usize,
    /// Of those: performed, or settled and performed.
    pub closed_performed: usize,
    /// Cases ended for now.
    pub ended_for_now: usize,
    /// 实际执结率 in hundredths of a per cent: closed as performed or settled ÷ closed and ended for now.
    pub enforcement_rate_bp: Option<i64>,
    /// 到位率 in hundredths of a per cent: performed ÷ owed, interest that ran included, of the cases closed or ended for now in
    /// the period that have obligations on record, as of its last day.
    pub share_collected_bp: Option<i64>,
    /// What those cases were about: how many, and what was owed.
    pub owed: CountAndSum,
    /// What of it was performed: through the account, outside, set off, waived or assigned.
    pub performed: Amount,
    /// 平均结案用时: days from filing to closing, in hundredths.
    pub days_to_close: Option<i64>,
    /// 待认领款 at the end of the period, by age: one for each of [`AGE_BANDS`], and one for older.
    pub unclaimed: [CountAndSum; AGE_BANDS.len() + 1],
    /// Freezes in force that end soon, or have ended, as of the last day.
    pub ending_soon: CountAndSum,
}

/// Share of two whole numbers in hundredths of a per cent, rounded half up; none of nothing.
#[must_use]
pub fn share_bp(part: i128, whole: i128) -> Option<i64> {
    if whole <= 0 {
        return None;
    }
    i64::try_from((part * 20_000 + whole).div_euclid(2 * whole)).ok()
}

/// Computes the measures.
///
/// # Errors
/// Those of [`period_of_money`] and [`worklist`].
pub fn court_measures(tx: &mut Tx<'_>, court_id: i64, from: Date, until: Date) -> Outcome<CourtMeasures> {
    let book = books::case_money(court_id);
    let period = period_of_money(tx, book, from, until)?;
    let mut collected = CountAndSum::default();
    for amount in period.collected.values().filter(|amount| **amount > Amount::ZERO) {
        collected.add(*amount)?;
    }
    let opened: std::collections::HashMap<i64, Date> = tx
        .query(
            "SELECT case_id, opened_on FROM court_case WHERE court_id = $1 AND book_id = $2",
            &[book.court_id.into(), book.book_id.into()],
            |row| Ok((row.int(0)?, read_date(row, 1)?)),
        )?
        .into_iter()
        .collect();
    let steps = milestones(tx, book, None)?;
    let in_period = |kind| {
        let all = steps.values().flatten();
        all.filter(move |step| step.kind == kind && step.on >= from && step.on <= until)
    };
    let closings: Vec<_> = in_period(MilestoneKind::Closed).collect();
    let closed_performed =
        closings.iter().filter(|step| matches!(step.manner, Some(Manner::Performed | Manner::Settled))).count();
    let ended_for_now = in_period(MilestoneKind::EndedForNow).count();
    let mut ended: Vec<i64> =
        closings.iter().copied().chain(in_period(MilestoneKind::EndedForNow)).map(|step| step.case_id).collect();
    ended.sort_unstable();
    ended.dedup();
    let (mut owed, mut open) = (CountAndSum::default(), Amount::ZERO);
    for case_id in ended {
        let case = case_by_id(tx, book, case_id)?;
        let certificate = certificate(tx, court_id, &case, until)?;
        if !certificate.closed.is_empty() {
            let too_large = || Message::new("payouts.amounts_too_large");
            owed.add(certificate.registered.plus(certificate.accrued).ok_or_else(too_large)?)?;
            open = open.plus(certificate.open).ok_or_else(too_large)?;
        }
    }
    let performed = owed.amount.minus(open).unwrap_or_default();
    let took = closings.iter().filter_map(|step| Some(days_between(*opened.get(&step.case_id)?, step.on)));
    let mut unclaimed = [CountAndSum::default(); AGE_BANDS.len() + 1];
    for one in period.unpaid.iter().filter(|one| one.kind == AccountKind::Unattributed) {
        let age = days_between(one.since, until);
        let band = age_band(age);
        unclaimed[band].add(one.amount)?;
    }
    let mut ending_soon = CountAndSum::default();
    for due in worklist(tx, court_id, until)?.due {
        if due.deadline.kind == DeadlineKind::FreezeEnd && due.standing.colour != Colour::Running {
            ending_soon.add(due.deadline.amount.unwrap_or(Amount::ZERO))?;
        }
    }
    Ok(CourtMeasures {
        from,
        until,
        days: stage_days(&period),
        collected,
        closed: closings.len(),
        closed_performed,
        ended_for_now,
        enforcement_rate_bp: share_bp(closed_performed as i128, (closings.len() + ended_for_now) as i128),
        share_collected_bp: share_bp(i128::from(performed.minor()), i128::from(owed.amount.minor())),
        owed,
        performed,
        days_to_close: average_hundredths(took),
        unclaimed,
        ending_soon,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_rounded_once() {
        // Jinan: 117,384,476.57 of 636,950,019.89 is 18.42915031… %.
        assert_eq!(share_bp(11_738_447_657, 63_695_001_989), Some(1843));
        assert_eq!(share_bp(1, 3), Some(3333));
        assert_eq!(share_bp(2, 3), Some(6667));
        assert_eq!(share_bp(0, 5), Some(0));
        assert_eq!(share_bp(1, 0), None);
    }
}
