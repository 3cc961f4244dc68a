//! The problems of a list as a file to send back to whoever made it.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::message::Language;

use super::{Problem, Severity};

/// Writes problems one by one as CSV: UTF-8 with a byte order mark, so that spreadsheets open it without asking.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front: its content comes from strangers.
pub struct ProblemFile<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> ProblemFile<W> {
    /// Begins the file with its heading.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        out.write_record(["行 row", "列 column", "影响 severity", "代码 code", "中文", "English"])?;
        Ok(Self { out })
    }

    /// Adds one problem.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, problem: &Problem) -> io::Result<()> {
        // Row 0 is the file as a whole.
        let row = if problem.row == 0 { String::new() } else { problem.row.to_string() };
        let chinese = problem.message.text(Language::Zh);
        let english = problem.message.text(Language::En);
        let severity = match problem.severity {
            Severity::File => "整份 whole list",
            Severity::Claim => "债权 claim",
            Severity::Payment => "付款 payment",
            Severity::Warning => "提示 warning",
        };
        let column = problem.column.as_deref().unwrap_or_default();
        let cells = [&row, column, severity, problem.message.code, &chinese, &english];
        Ok(self.out.write_record(cells.map(|cell| without_formula(cell).into_owned()))?)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the problems of a list; see [`ProblemFile`], which does the same while the list is being read.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_problem_file<'a>(problems: impl IntoIterator<Item = &'a Problem>, out: impl Write) -> io::Result<()> {
    let mut file = ProblemFile::new(out)?;
    for problem in problems {
        file.write(problem)?;
    }
    file.finish()
}

fn without_formula(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}
