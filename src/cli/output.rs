//! How commands print: tables and pairs for people, one JSON object for programs, errors with their remedy.
//!
//! With `--json`, standard output carries exactly one JSON object whatever happens: the command's result, or
//! `{"error": {"code", "message_zh", "message_en", "remedy_zh", "remedy_en"}}` (the remedies only where there is
//! one). So a program reads one stream and tells the outcome by the exit code. Without `--json`, results go to standard
//! output and errors and progress to standard error.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    process::{ExitCode, Termination},
    sync::atomic::{AtomicU64, Ordering},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::{Language, Message};

/// How a command ended: its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: what was asked for is done.
    Done = 0,
    /// 1: a rule of the domain says no; also when `verify` found something wrong.
    Refused = 1,
    /// 2: the command line is wrong (clap's code as well), nothing was tried.
    Usage = 2,
    /// 3: something broke: disk, database, network, or a row that contradicts itself.
    Broke = 3,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    heading: Message,
    alignment: CellAlignment,
}

impl Column {
    /// A column of words, dates or identifiers: left-aligned.
    #[must_use]
    pub const fn text(heading: Message) -> Self {
        Self { heading, alignment: CellAlignment::Left }
    }

    /// A column of amounts or counts: right-aligned, so that units stand under units.
    #[must_use]
    pub const fn number(heading: Message) -> Self {
        Self { heading, alignment: CellAlignment::Right }
    }

    fn heading(&self, language: Language) -> Heading {
        Heading {
            code: self.heading.code.to_owned(),
            text: self.heading.text(language),
            is_number: self.alignment == CellAlignment::Right,
        }
    }
}

/// Where a command prints, in which language and form.
#[derive(Clone, Debug)]
pub struct Output {
    /// The language of what is for people. JSON carries both.
    pub language: Language,
    /// One JSON object instead of text (`--json`).
    pub json: bool,
    /// Where what is said is kept instead of printed: for the service, which shows it as a page or answers with it.
    kept: Option<Kept>,
}

/// What a command said, kept as values: the object for programs, and what people read, piece by piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The result for programs.
    pub object: Option<serde_json::Value>,
    /// What people read, in order.
    pub pieces: Vec<Piece>,
}

/// A piece of what people read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// A sentence or a line.
    Line(String),
    /// Labels with their values.
    Pairs(Vec<(String, String)>),
    /// A table.
    Table {
        /// Its columns.
        headings: Vec<Heading>,
        /// Its rows, a cell for each column.
        rows: Vec<Vec<String>>,
    },
}

/// A column of a table that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Its code in `locales/`: what the column is, whatever the language.
    pub code: String,
    /// In the reader's language.
    pub text: String,
    /// Whether its cells are amounts or counts.
    pub is_number: bool,
}

/// How far a long command is: steps done and steps in all, set by the loop that does them.
#[derive(Debug, Default)]
pub struct Reached {
    /// Steps done.
    pub done: AtomicU64,
    /// Steps in all; 0 while nothing is counted.
    pub total: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    said: Arc<Mutex<Said>>,
    reached: Arc<Reached>,
}

impl Output {
    /// Prints to the terminal.
    #[must_use]
    pub const fn printing(language: Language, json: bool) -> Self {
        Self { language, json, kept: None }
    }

    /// Keeps what is said, and shows in `reached` how far it is.
    #[must_use]
    pub fn keeping(language: Language, reached: Arc<Reached>) -> Self {
        Self { language, json: false, kept: Some(Kept { said: Arc::default(), reached }) }
    }

    /// What was kept so far; nothing when it was printed.
    #[must_use]
    pub fn said(&self) -> Said {
        self.kept.as_ref().map_or_else(Said::default, |kept| lock(&kept.said).clone())
    }

    fn keep(&self, add: impl FnOnce(&mut Said)) -> bool {
        let Some(kept) = &self.kept else { return false };
        add(&mut lock(&kept.said));
        true
    }

    /// Prints the command's result as one JSON object, but only with `--json`: over several lines when a person
    /// watches, else in one.
    ///
    /// # Errors
    /// Standard output cannot be written, or the value has no JSON form (a map whose keys are not text).
    pub fn object(&self, value: &impl Serialize) -> io::Result<()> {
        if self.kept.is_some() {
            let value = serde_json::to_value(value)?;
            self.keep(|said| said.object = Some(value));
            return Ok(());
        }
        if self.json { print(&json_text(value, io::stdout().is_terminal())?) } else { Ok(()) }
    }

    /// Prints a sentence, unless `--json`.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn sentence(&self, message: &Message) -> io::Result<()> {
        self.line(&message.text(self.language))
    }

    /// Prints a line that is already in the reader's language, unless `--json`.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn line(&self, text: &str) -> io::Result<()> {
        if self.json || self.keep(|said| said.pieces.push(Piece::Line(text.to_owned()))) {
            return Ok(());
        }
        print(&visible(text))
    }

    /// Prints a table, unless `--json`. Each row has one cell per column.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn table(&self, columns: &[Column], rows: &[Vec<String>]) -> io::Result<()> {
        let table = || Piece::Table {
            headings: columns.iter().map(|column| column.heading(self.language)).collect(),
            rows: rows.to_vec(),
        };
        if self.json || self.keep(|said| said.pieces.push(table())) {
            return Ok(());
        }
        print(&table_text(self.language, columns, rows))
    }

    /// Prints a block of labels and values, one pair a line with the values below each other, unless `--json`.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn pairs(&self, pairs: &[(Message, String)]) -> io::Result<()> {
        let texts = || pairs.iter().map(|(label, value)| (label.text(self.language), value.clone())).collect();
        if self.json || self.keep(|said| said.pieces.push(Piece::Pairs(texts()))) {
            return Ok(());
        }
        print(&pairs_text(self.language, pairs))
    }

    /// Says why a command did not do what was asked, and what helps: on standard error, or with `--json` as the
    /// object on standard output. A failure to print changes nothing: the exit code still tells.
    pub fn failure(&self, exit: Exit, message: &Message, remedy: Option<&Message>) -> Exit {
        let _unprintable = if self.json {
            let failure = Failure { error: FailureText::of(message, remedy) };
            json_text(&failure, io::stdout().is_terminal()).and_then(|text| print(&text))
        } else {
            writeln!(io::stderr(), "{}", failure_text(self.language, exit, message, remedy))
        };
        exit
    }

    /// A progress bar over `total` steps, on standard error; hidden with `--json` and when no person is watching.
    #[must_use]
    pub fn progress(&self, label: &Message, total: u64) -> Progress {
        if let Some(kept) = &self.kept {
            kept.reached.done.store(0, Ordering::Relaxed);
            kept.reached.total.store(total, Ordering::Relaxed);
            return Progress { bar: ProgressBar::hidden(), reached: Some(Arc::clone(&kept.reached)) };
        }
        if self.json || !io::stderr().is_terminal() {
            return Progress { bar: ProgressBar::hidden(), reached: None };
        }
        Progress::drawn_on(ProgressDrawTarget::stderr(), &label.text(self.language), total)
    }
}

/// What a panicking command said so far is still what it said.
fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A progress bar that shows the count it is given and guesses nothing. Dropped before [`Progress::finish`], it
/// stays where it stopped, so that one sees how far the work came.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    reached: Option<Arc<Reached>>,
}

impl Progress {
    fn drawn_on(target: ProgressDrawTarget, label: &str, total: u64) -> Self {
        // The template is a constant that a test draws; if it were wrong, the library's own would do.
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("#>-");
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style);
        let bar = bar.with_message(visible(label).into_owned()).with_finish(ProgressFinish::Abandon);
        Self { bar, reached: None }
    }

    /// Shows that `done` of the steps are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        if let Some(reached) = &self.reached {
            reached.done.store(done, Ordering::Relaxed);
        }
    }

    /// Shows all steps as done.
    pub fn finish(self) {
        if let Some(reached) = &self.reached {
            reached.done.store(reached.total.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.bar.finish();
    }
}

/// The most memory that this process has held at once, in bytes, as Linux counts it (`VmHWM` of proc(5)); `None`
/// where there is no such count.
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    peak_of_status(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The memory that this process holds now, in bytes (`VmRSS` of proc(5)); `None` where there is no such count.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    bytes_of_status(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn peak_of_status(status: &str) -> Option<u64> {
    bytes_of_status(status, "VmHWM:")
}

fn bytes_of_status(status: &str, name: &str) -> Option<u64> {
    let count = status.lines().find_map(|line| line.strip_prefix(name))?;
    // proc(5) prints kB and means 1,024 bytes.
    count.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[derive(Serialize)]
struct Failure {
    error: FailureText,
}

#[derive(Serialize)]
struct FailureText {
    code: &'static str,
    message_zh: String,
    message_en: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy_zh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy_en: Option<String>,
}

impl FailureText {
    fn of(message: &Message, remedy: Option<&Message>) -> Self {
        Self {
            code: message.code,
            message_zh: message.text(Language::Zh),
            message_en: message.text(Language::En),
            remedy_zh: remedy.map(|remedy| remedy.text(Language::Zh)),
            remedy_en: remedy.map(|remedy| remedy.text(Language::En)),
        }
    }
}

fn failure_text(language: Language, exit: Exit, message: &Message, remedy: Option<&Message>) -> String {
    let kind = match exit {
        Exit::Done | Exit::Refused => Message::new("cli.refused"),
        Exit::Usage => Message::new("cli.usage"),
        Exit::Broke => Message::new("cli.broke"),
    };
    let sentence = message.text(language);
    let mut text = format!("{} [{}]: {}", kind.text(language), message.code, visible(&sentence));
    if let Some(remedy) = remedy {
        let label = Message::new("cli.remedy").text(language);
        text.push_str(&format!("\n{label}: {}", visible(&remedy.text(language))));
    }
    text
}

fn table_text(language: Language, columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    // Lines of ASCII only: terminals in Chinese draw │ and ─ two columns wide, others one. And never folded to the
    // terminal's width, so that the same command prints the same text everywhere.
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    table.set_header(columns.iter().map(|column| aligned(&column.heading.text(language), column.alignment)));
    for row in rows {
        debug_assert_eq!(row.len(), columns.len(), "a row has one cell per column");
        table.add_row(row.iter().zip(columns).map(|(cell, column)| aligned(cell, column.alignment)));
    }
    table.to_string()
}

fn pairs_text(language: Language, pairs: &[(Message, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    for (label, value) in pairs {
        table.add_row([
            aligned(&format!("{}:", label.text(language)), CellAlignment::Left),
            aligned(value, CellAlignment::Left),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.trim_fmt()
}

fn aligned(text: &str, alignment: CellAlignment) -> Cell {
    Cell::new(visible(text)).set_alignment(alignment)
}

/// The text with everything escaped that a terminal would obey instead of show: control characters, and the
/// invisible ones that reorder or hide what is beside them. Names come out of files that anybody may have written.
fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn json_text(value: &impl Serialize, pretty: bool) -> io::Result<String> {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    text.map_err(io::Error::from)
}

fn print(text: &str) -> io::Result<()> {
    // Not println!, which panics when the reader has gone away (`ankuan … | head`).
    writeln!(io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Columns on a terminal, counted apart from the library that lays out: Chinese characters, their punctuation and
    /// full-width forms take two (Unicode Standard Annex 11, W and F), everything else here takes one.
    fn display_width(line: &str) -> usize {
        let is_wide = |character| {
            matches!(character, '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{33ff}' | '\u{3400}'..='\u{4dbf}'
                | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}'
                | '\u{ff01}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}')
        };
        line.chars().map(|character| if is_wide(character) { 2 } else { 1 }).sum()
    }

    fn assert_equally_wide(text: &str) {
        let widths: Vec<usize> = text.lines().map(display_width).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "widths {widths:?} of\n{text}");
    }

    fn payees() -> (Vec<Column>, Vec<Vec<String>>) {
        let columns = vec![
            Column::text(Message::new("cli.remedy")),
            Column::text(Message::new("cli.refused")),
            Column::number(Message::new("cli.broke")),
        ];
        let rows = [
            ["1", "王芳", "1,234.56"],
            ["22", "Zhang Wei", "0.05"],
            ["333", "阿卜杜拉·买买提（代理人）", "1,700,000,000.00"],
            ["4444", "𠮷野 Ltd.\u{1b}[31m", "12.00"],
        ];
        (columns, rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect())
    }

    #[test]
    fn chinese_does_not_push_columns_out_of_line() {
        let (columns, rows) = payees();
        for language in [Language::Zh, Language::En] {
            assert_equally_wide(&table_text(language, &columns, &rows));
        }
        insta::assert_snapshot!(table_text(Language::Zh, &columns, &rows), @r#"
        | 处理办法 | 拒绝                      |             出错 |
        |----------|---------------------------|------------------|
        | 1        | 王芳                      |         1,234.56 |
        | 22       | Zhang Wei                 |             0.05 |
        | 333      | 阿卜杜拉·买买提（代理人） | 1,700,000,000.00 |
        | 4444     | 𠮷野 Ltd.\u{1b}[31m       |            12.00 |
        "#);
    }

    #[test]
    fn a_table_without_rows_shows_its_headings() {
        let (columns, _) = payees();
        insta::assert_snapshot!(table_text(Language::En, &columns, &[]), @r#"
        | what to do | refused | error |
        |------------|---------|-------|
        "#);
    }

    #[test]
    fn values_of_pairs_stand_below_each_other() {
        let pairs = [
            (Message::new("cli.refused"), "(2021)浙01执1号".to_owned()),
            (Message::new("cli.remedy"), "1,700,000,000.00".to_owned()),
        ];
        let text = pairs_text(Language::Zh, &pairs);
        let starts: Vec<usize> =
            text.lines().map(|line| display_width(line.split(['(', '1']).next().unwrap())).collect();
        assert_eq!(starts, [10, 10], "in\n{text}");
        insta::assert_snapshot!(text, @r#"
        拒绝:     (2021)浙01执1号
        处理办法: 1,700,000,000.00
        "#);
    }

    #[test]
    fn failures_carry_code_sentence_and_remedy() {
        let message = Message::new("amount.decimals").with("text", "1.234");
        let remedy = Message::new("amount.empty");
        insta::assert_snapshot!(failure_text(Language::Zh, Exit::Refused, &message, Some(&remedy)), @r#"
        拒绝 [amount.decimals]: 金额“1.234”的小数超过两位；最小到分，请按原件写明，不作四舍五入
        处理办法: 金额是空的；请以元填写，例如 1,234.56
        "#);
        insta::assert_snapshot!(failure_text(Language::En, Exit::Broke, &message, None), @r#"error [amount.decimals]: the amount "1.234" has more than two decimals; the smallest unit is the fen, state it as in the original, nothing is rounded"#);
        let failure = Failure { error: FailureText::of(&message, None) };
        insta::assert_snapshot!(json_text(&failure, true).unwrap(), @r#"
        {
          "error": {
            "code": "amount.decimals",
            "message_zh": "金额“1.234”的小数超过两位；最小到分，请按原件写明，不作四舍五入",
            "message_en": "the amount \"1.234\" has more than two decimals; the smallest unit is the fen, state it as in the original, nothing is rounded"
          }
        }
        "#);
        assert!(!json_text(&failure, false).unwrap().contains('\n'), "one line for programs");
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = [Exit::Done, Exit::Refused, Exit::Usage, Exit::Broke].map(|exit| exit as u8);
        assert_eq!(codes, [0, 1, 2, 3]);
    }

    #[test]
    fn progress_shows_the_count_it_is_given() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let progress = Progress::drawn_on(target, "导入 claims", 170_000);
        progress.set(12_345);
        progress.bar.tick();
        progress.finish();
        let drawn = screen.drawn();
        assert!(drawn.contains("导入 claims") && drawn.contains("12,345/170,000"), "{drawn}");
        assert!(drawn.contains("170,000/170,000"), "{drawn}");
    }

    #[test]
    fn progress_is_hidden_from_programs() {
        let output = Output::printing(Language::Zh, true);
        assert!(output.progress(&Message::new("cli.refused"), 10).bar.is_hidden());
    }

    /// Keeps all that was drawn.
    #[derive(Clone, Debug, Default)]
    struct Screen(std::sync::Arc<std::sync::Mutex<String>>);

    impl Screen {
        fn drawn(&self) -> String {
            self.0.lock().unwrap().clone()
        }
    }

    impl indicatif::TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn peak_memory_is_read_from_the_kernels_line() {
        let status = "Name:\tankuan\nVmPeak:\t  999 kB\nVmHWM:\t  123456 kB\nVmRSS:\t  100 kB\n";
        assert_eq!(peak_of_status(status), Some(126_418_944));
        assert_eq!(peak_of_status("Name:\tankuan\n"), None);
        assert_eq!(peak_of_status("VmHWM:\t many\n"), None);
        #[cfg(target_os = "linux")]
        assert!(peak_rss_bytes().unwrap() > 100_000);
    }

    proptest! {
        #[test]
        fn any_names_keep_the_columns(
            names in prop::collection::vec("[a-z\u{4e00}-\u{9fa5}（）·\n\t\u{1b}\u{202e}\u{200b}0-9 ]{0,12}", 1..6),
        ) {
            let columns = [Column::text(Message::new("cli.remedy")), Column::number(Message::new("cli.broke"))];
            let rows: Vec<Vec<String>> = names.iter().map(|name| vec![name.clone(), "1.00".to_owned()]).collect();
            let text = table_text(Language::Zh, &columns, &rows);
            assert_equally_wide(&text);
            prop_assert_eq!(text.lines().count(), rows.len() + 2, "a cell stays on its line");
        }
    }
}
