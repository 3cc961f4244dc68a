//! The monthly comparison (每月核对) of finance's detail ledger with the enforcement register, case by case.
//!
//! Source: 最高人民法院关于执行款物管理工作的规定, 法发〔2017〕6号, art. 3 (finance keeps the detail ledger, the executor
//! the register, and the two are compared every month).

use std::collections::BTreeMap;

use ankuan_ledger::Amount;
use ankuan_ledger::engine::{Error, Tx};
use jiff::civil::Date;

use crate::books;
use crate::cases;
use crate::failure::Outcome;
use crate::words::read_date;

/// One case in one month: what the register says and what the ledger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseMonth {
    /// The case.
    pub case_id: i64,
    /// Its present number.
    pub number: String,
    /// Register: receipts recorded or attributed to the case, deductions confirmed for it and movements into its
    /// funds, in the month.
    pub register_in: Amount,
    /// Ledger: what came into the case's funds, money that is still on its way included.
    pub ledger_in: Amount,
    /// Register: payment lines, shares set aside and fees of runs committed in the month, less those withdrawn, and
    /// movements out of its funds.
    pub register_out: Amount,
    /// Ledger: what left the case's funds.
    pub ledger_out: Amount,
    /// Ledger: what the case holds at the end of the month.
    pub closing: Amount,
}

impl CaseMonth {
    /// Whether both say the same.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.register_in == self.ledger_in && self.register_out == self.ledger_out
    }
}

/// Compares both books for a month, given by its first and last day. Cases without movement and money are left out.
///
/// # Errors
/// What the database says.
pub fn case_comparison(tx: &mut Tx<'_>, court_id: i64, (first, last): (Date, Date)) -> Outcome<Vec<CaseMonth>> {
    tx.expect_whole_tables()?;
    let book = books::case_money(court_id);
    let key = [court_id.into(), book.book_id.into()];
    let (from, until) = (first.to_string(), last.to_string());
    let mut months: BTreeMap<i64, CaseMonth> = BTreeMap::new();
    let plus = |sum: &mut Amount, minor: i64| {
        *sum = sum.plus(Amount::from_minor(minor)).ok_or_else(|| Error::Inconsistent("a sum overflows".into()))?;
        Ok::<(), Error>(())
    };

    // The register: what people recorded, by the accounting date of its voucher.
    let span = [key[0], key[1], from.as_str().into(), until.as_str().into()];
    for (column, text) in [
        (
            0,
            "SELECT r.case_id, r.amount_minor FROM receipt AS r JOIN voucher AS v ON v.court_id = r.court_id \
             AND v.book_id = r.book_id AND v.voucher_id = r.voucher_id \
             LEFT JOIN receipt_match AS m ON m.court_id = r.court_id AND m.book_id = r.book_id \
             AND m.receipt_id = r.receipt_id LEFT JOIN match_undo AS u ON u.court_id = m.court_id \
             AND u.book_id = m.book_id AND u.group_id = m.group_id WHERE r.court_id = $1 AND r.book_id = $2 \
             AND u.group_id IS NULL AND r.case_id IS NOT NULL AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            0,
            "SELECT a.case_id, r.amount_minor FROM receipt_attribution AS a JOIN receipt AS r ON r.court_id = a.court_id \
             AND r.book_id = a.book_id AND r.receipt_id = a.receipt_id JOIN voucher AS v ON v.court_id = a.court_id \
             AND v.book_id = a.book_id AND v.voucher_id = a.voucher_id WHERE a.court_id = $1 AND a.book_id = $2 \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            0,
            "SELECT d.case_id, d.amount_minor FROM deduction AS d JOIN voucher AS v ON v.court_id = d.court_id \
             AND v.book_id = d.book_id AND v.voucher_id = d.voucher_id WHERE d.court_id = $1 AND d.book_id = $2 \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            0,
            "SELECT f.case_id, f.amount_minor FROM deduction_difference AS f JOIN voucher AS v ON v.court_id = f.court_id \
             AND v.book_id = f.book_id AND v.voucher_id = f.voucher_id LEFT JOIN match_undo AS u \
             ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id \
             WHERE f.court_id = $1 AND f.book_id = $2 AND f.kind = 'surplus' AND u.group_id IS NULL \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            1,
            "SELECT f.case_id, f.amount_minor FROM deduction_difference AS f JOIN voucher AS v ON v.court_id = f.court_id \
             AND v.book_id = f.book_id AND v.voucher_id = f.voucher_id LEFT JOIN match_undo AS u \
             ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id \
             WHERE f.court_id = $1 AND f.book_id = $2 AND f.kind = 'shortfall' AND u.group_id IS NULL \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            1,
            "SELECT s.case_id, COALESCE(d.paid_minor + d.set_aside_minor, t.total_minor) FROM run_event AS e \
             JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
             JOIN run_source AS s ON s.court_id = e.court_id AND s.book_id = e.book_id AND s.run_id = e.run_id \
             LEFT JOIN distribution AS d ON d.court_id = s.court_id AND d.book_id = s.book_id \
             AND s.kind = 'distribution' AND d.distribution_id = s.source_id \
             LEFT JOIN sheet AS t ON t.court_id = s.court_id AND t.book_id = s.book_id AND s.kind = 'sheet' \
             AND t.sheet_id = s.source_id LEFT JOIN sheet_source AS o ON o.court_id = t.court_id \
             AND o.book_id = t.book_id AND o.sheet_id = t.sheet_id \
             WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'committed' AND s.kind <> 'reissue' \
             AND o.kind IS NULL \
             AND NOT EXISTS (SELECT 1 FROM set_aside_sheet AS x WHERE x.court_id = s.court_id \
             AND x.book_id = s.book_id AND s.kind = 'sheet' AND x.sheet_id = s.source_id) \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            1,
            // Set aside when a plan with objections was settled.
            "SELECT p.case_id, e.rest_minor FROM plan_event AS e JOIN plan AS p ON p.court_id = e.court_id \
             AND p.book_id = e.book_id AND p.plan_id = e.plan_id JOIN voucher AS v ON v.court_id = e.court_id \
             AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id WHERE e.court_id = $1 AND e.book_id = $2 \
             AND e.event = 'settled' AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            0,
            // Gone back to the case when an objection was decided.
            "SELECT p.case_id, e.rest_minor FROM plan_event AS e JOIN plan AS p ON p.court_id = e.court_id \
             AND p.book_id = e.book_id AND p.plan_id = e.plan_id JOIN voucher AS v ON v.court_id = e.court_id \
             AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id WHERE e.court_id = $1 AND e.book_id = $2 \
             AND e.event = 'decided' AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            2,
            // The voucher of a withdrawal names its run in its summary.
            "SELECT s.case_id, COALESCE(d.paid_minor + d.set_aside_minor, t.total_minor) FROM run AS r \
             JOIN voucher AS v ON v.court_id = r.court_id AND v.book_id = r.book_id AND v.event = 'payout_withdrawn' \
             AND v.summary = '撤回发放 ' || r.number \
             JOIN run_source AS s ON s.court_id = r.court_id AND s.book_id = r.book_id AND s.run_id = r.run_id \
             LEFT JOIN distribution AS d ON d.court_id = s.court_id AND d.book_id = s.book_id \
             AND s.kind = 'distribution' AND d.distribution_id = s.source_id \
             LEFT JOIN sheet AS t ON t.court_id = s.court_id AND t.book_id = s.book_id AND s.kind = 'sheet' \
             AND t.sheet_id = s.source_id LEFT JOIN sheet_source AS o ON o.court_id = t.court_id \
             AND o.book_id = t.book_id AND o.sheet_id = t.sheet_id \
             WHERE r.court_id = $1 AND r.book_id = $2 AND s.kind <> 'reissue' AND o.kind IS NULL \
             AND NOT EXISTS (SELECT 1 FROM set_aside_sheet AS x WHERE x.court_id = s.court_id \
             AND x.book_id = s.book_id AND s.kind = 'sheet' AND x.sheet_id = s.source_id) \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            0,
            "SELECT COALESCE(m.to_case_id, m.case_id), m.amount_minor FROM movement AS m JOIN voucher AS v \
             ON v.court_id = m.court_id AND v.book_id = m.book_id AND v.voucher_id = m.voucher_id \
             WHERE m.court_id = $1 AND m.book_id = $2 AND m.to_kind = 'case_funds' \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
        (
            1,
            "SELECT m.case_id, m.amount_minor FROM movement AS m JOIN voucher AS v \
             ON v.court_id = m.court_id AND v.book_id = m.book_id AND v.voucher_id = m.voucher_id \
             WHERE m.court_id = $1 AND m.book_id = $2 AND m.from_kind = 'case_funds' \
             AND v.accounting_date >= $3 AND v.accounting_date <= $4",
        ),
    ] {
        tx.each(text, &span, |row| {
            let month = months.entry(row.int(0)?).or_default();
            match column {
                0 => plus(&mut month.register_in, row.int(1)?),
                1 => plus(&mut month.register_out, row.int(1)?),
                _ => plus(&mut month.register_out, -row.int(1)?),
            }
        })?;
    }

    // The ledger: what moved on the accounts of case funds.
    let accounts: BTreeMap<i64, i64> = tx
        .query(
            "SELECT account_id, case_id FROM account WHERE court_id = $1 AND book_id = $2 AND kind = 'case_funds'",
            &key,
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?
        .into_iter()
        .collect();
    let dates: std::collections::HashMap<i64, Date> = tx
        .query("SELECT voucher_id, accounting_date FROM voucher WHERE court_id = $1 AND book_id = $2", &key, |row| {
            Ok((row.int(0)?, read_date(row, 1)?))
        })?
        .into_iter()
        .collect();
    tx.each(
        "SELECT voucher_id, debit_account_id, credit_account_id, amount_minor, reverses_entry_no FROM entry_line \
         WHERE court_id = $1 AND book_id = $2",
        &key,
        |row| {
            let Some(date) = dates.get(&row.int(0)?).filter(|date| **date <= last) else { return Ok(()) };
            let in_month = *date >= first;
            // A reversal takes back what it reverses: money in that goes again is less in, not more out.
            let is_reversal = row.opt_int(4)?.is_some();
            let amount = row.int(3)?;
            if let Some(case_id) = accounts.get(&row.int(2)?) {
                let month = months.entry(*case_id).or_default();
                plus(&mut month.closing, amount)?;
                match (in_month, is_reversal) {
                    (true, false) => plus(&mut month.ledger_in, amount)?,
                    (true, true) => plus(&mut month.ledger_out, -amount)?,
                    (false, _) => {}
                }
            }
            if let Some(case_id) = accounts.get(&row.int(1)?) {
                let month = months.entry(*case_id).or_default();
                plus(&mut month.closing, -amount)?;
                match (in_month, is_reversal) {
                    (true, false) => plus(&mut month.ledger_out, amount)?,
                    (true, true) => plus(&mut month.ledger_in, -amount)?,
                    (false, _) => {}
                }
            }
            Ok::<(), Error>(())
        },
    )?;
    let mut compared = Vec::with_capacity(months.len());
    for (case_id, mut month) in months {
        let sums = [month.register_in, month.ledger_in, month.register_out, month.ledger_out, month.closing];
        if sums.iter().all(|sum| *sum == Amount::ZERO) {
            continue;
        }
        month.case_id = case_id;
        cases::case_by_id(tx, book, case_id)?.current_number().clone_into(&mut month.number);
        compared.push(month);
    }
    Ok(compared)
}
