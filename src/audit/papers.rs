//! Papers: forms are numbered and counted without gaps, and what is attached to a voucher exists with it.

use std::collections::HashMap;

use ankuan_ledger::engine::Tx;

use crate::books;
use crate::failure::Outcome;
use crate::papers::all_prints;

pub(super) fn papers(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let mut prints: HashMap<(String, String), (String, i64)> = HashMap::new();
    let mut numbers: HashMap<String, i64> = HashMap::new();
    for print in all_prints(tx, book)? {
        let of = (print.kind.as_str().to_owned(), print.subject.clone());
        let (number, printed) = prints.entry(of).or_insert_with(|| (print.number.clone(), 0));
        *printed += 1;
        if *number != print.number || *printed != print.print_no {
            return Ok(Some(format!("form {}: print {} does not follow", print.number, print.print_no)));
        }
        if print.print_no == 1 {
            let (series, count) = print.number.rsplit_once('-').unwrap_or_default();
            let last = numbers.entry(series.to_owned()).or_default();
            *last += 1;
            if count.parse() != Ok(*last) {
                return Ok(Some(format!("form {}: its number does not follow", print.number)));
            }
        }
    }
    let stray = tx.query(
        "SELECT a.id FROM voucher_attachment AS a \
         LEFT JOIN voucher AS v ON v.court_id = a.court_id AND v.book_id = a.book_id AND v.voucher_id = a.voucher_id \
         LEFT JOIN document AS d ON d.court_id = a.court_id AND d.book_id = a.book_id AND d.document_id = a.document_id \
         WHERE a.court_id = $1 AND a.book_id = $2 \
         AND (v.voucher_id IS NULL OR d.document_id IS NULL OR d.kind <> 'voucher_attachment') ORDER BY a.id LIMIT 1",
        &[court_id.into(), book.book_id.into()],
        |row| row.int(0),
    )?;
    Ok(stray.first().map(|id| format!("attachment {id} lacks its voucher or its document")))
}
