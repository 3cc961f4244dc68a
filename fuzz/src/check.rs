//! What must hold whatever bytes a reader is given. The fuzzers call it with what they make up, and a test
//! (`tests/all/fuzz_corpus.rs`) with every file that is kept, on the stable toolchain.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use ankuan::bank::reading::{self, Content, FileKind, Problem, Sink};
use ankuan::claims::{self, ClaimState, ListFailure, ReadOptions};
use ankuan::receipts::opening;
use ankuan::{Failure, Language, Message, Outcome};
use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::statement::{Declared, Entry, Foot, Piece, Tally};
use ankuan_reconciliation::{reply, statement};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// What the bytes are given to, and how they are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The file of a bank as it is: statements in XML.
    Camt,
    /// The file of a bank as it is: answers and payment files in XML.
    Pain,
    /// The file of a bank as it is: MT940 and MT942.
    Mt,
    /// A byte that chooses the profile of a statement (or none), then the file.
    StatementTable,
    /// A byte that chooses the profile of an answer (or none), then the file.
    ReplyTable,
    /// The text of a profile, [`PART`], the file.
    Profile,
    /// A byte that chooses the profile, then a workbook, or sheet, shared texts, styles and workbook parted by [`PART`].
    Xlsx,
    /// A byte that chooses the profile, then a workbook, or the stream that stands in one.
    Xls,
    /// A list of opening balances.
    OpeningList,
    /// A list of claimants; XLSX in parts too, as above.
    ClaimantList,
}

/// Every format with the name of its fuzzer, which is that of its folders.
pub const FORMATS: [(&str, Format); 10] = [
    ("camt", Format::Camt),
    ("pain", Format::Pain),
    ("mt", Format::Mt),
    ("statement_table", Format::StatementTable),
    ("reply_table", Format::ReplyTable),
    ("profile", Format::Profile),
    ("xlsx", Format::Xlsx),
    ("xls", Format::Xls),
    ("opening_list", Format::OpeningList),
    ("claimant_list", Format::ClaimantList),
];

/// Parts what one input is made of.
pub const PART: &[u8] = b"\n%%%\n";

const STATEMENT_PROFILES: [&str; 8] = [
    include_str!("../../profiles/statements/alipay.toml"),
    include_str!("../../profiles/statements/boc-debit.toml"),
    include_str!("../../profiles/statements/bocom-debit.toml"),
    include_str!("../../profiles/statements/cmb-debit.toml"),
    include_str!("../../profiles/statements/generic-statement-csv.toml"),
    include_str!("../../profiles/statements/icbc-debit.toml"),
    include_str!("../../profiles/statements/spdb-debit.toml"),
    include_str!("../../profiles/statements/wechat.toml"),
];
const REPLY_PROFILES: [&str; 1] = [include_str!("../../profiles/replies/generic-reply-csv.toml")];

/// Reads the bytes twice, the second time in small pieces, and checks what comes of it.
///
/// # Panics
/// Where the reader breaks a promise.
pub fn check(format: Format, bytes: &[u8]) {
    match format {
        Format::Camt | Format::Pain | Format::Mt => check_file(bytes, None),
        Format::StatementTable => {
            let (profile, file) = chosen(&STATEMENT_PROFILES, bytes);
            check_file(file, profile);
        }
        Format::ReplyTable => {
            let (profile, file) = chosen(&REPLY_PROFILES, bytes);
            check_file(file, profile);
        }
        Format::Profile => {
            let mut parts = parts(bytes);
            let profile = String::from_utf8_lossy(parts.next().unwrap_or_default());
            check_file(parts.next().unwrap_or_default(), Some(&profile));
        }
        Format::Xlsx => {
            let (profile, file) = chosen(&STATEMENT_PROFILES, bytes);
            check_file(&workbook(file), profile);
        }
        Format::Xls => {
            let (profile, file) = chosen(&STATEMENT_PROFILES, bytes);
            check_file(&old_workbook(file), profile);
        }
        Format::OpeningList => check_opening_list(bytes),
        Format::ClaimantList if bytes.starts_with(b"<") => check_claimant_list(&workbook(bytes)),
        Format::ClaimantList => check_claimant_list(bytes),
    }
}

fn chosen<'a>(profiles: &[&'static str], bytes: &'a [u8]) -> (Option<&'static str>, &'a [u8]) {
    let Some((first, file)) = bytes.split_first() else { return (None, bytes) };
    (profiles.get(usize::from(*first) % (profiles.len() + 1)).copied(), file)
}

fn parts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at_end = false;
    std::iter::from_fn(move || {
        if at_end {
            return None;
        }
        let end = bytes.windows(PART.len()).position(|window| window == PART);
        at_end = end.is_none();
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        bytes = rest.get(PART.len()..).unwrap_or_default();
        Some(part)
    })
}

/// A file of a bank.
fn check_file(bytes: &[u8], profile: Option<&str>) {
    let whole = read_file(&mut Cursor::new(bytes), profile);
    let in_pieces = read_file(&mut InPieces::new(bytes), profile);
    assert_eq!(comparable(&whole), comparable(&in_pieces), "the same bytes are read alike however they come");
    assert_eq!(whole.pieces, in_pieces.pieces, "the same bytes are read alike however they come");

    whole.problems().for_each(|problem| check_text(&problem.message));
    match &whole.end {
        Err(refusal) => check_text(refusal),
        Ok(kind) => {
            assert!(!kind.name.is_empty(), "what was read has a name");
            let begun = |wanted: fn(&Owned) -> bool| whole.pieces.iter().filter(|piece| wanted(piece)).count();
            let statements = begun(|piece| matches!(piece, Owned::Begin(_)));
            let answers = begun(|piece| matches!(piece, Owned::AnswerBegin(_)));
            match kind.content {
                Content::Statement => assert!(statements > 0 && answers == 0, "statements: {:?}", whole.pieces),
                Content::Reply => assert!(statements == 0 && answers == 1, "one answer: {:?}", whole.pieces),
                Content::Payments { count, sum } => {
                    assert!(statements == 0 && answers == 0, "nothing goes to the sink: {:?}", whole.pieces);
                    assert!(count > 0 && !sum.is_sign_negative(), "{count} payments of {sum}");
                }
            }
        }
    }
    check_order(&whole.pieces, whole.end.is_ok());
    check_statements(&whole.pieces, whole.end.as_ref().ok());
    check_lines(&whole.pieces);
}

/// How a reading ended, without the words of a library, which may meet one damage or another first.
fn comparable(recorder: &Recorder) -> Result<FileKind, Message> {
    let mut end = recorder.end.clone();
    if let Err(refusal) = &mut end {
        refusal.arguments.retain(|(name, _)| *name != "reason");
    }
    end
}

fn read_file(source: &mut dyn reading::Source, profile: Option<&str>) -> Recorder {
    let mut recorder = Recorder { pieces: Vec::new(), end: Err(Message::new("")) };
    let end = reading::read("来文", source, profile, &mut recorder);
    recorder.end = end.map_err(|failure| match failure {
        Failure::Refused(message) => message,
        Failure::Broken(error) => panic!("what lies in memory cannot break: {error:?}"),
    });
    recorder
}

/// All that a reader handed on, in order, and how it ended.
struct Recorder {
    pieces: Vec<Owned>,
    end: Result<FileKind, Message>,
}

#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Begin(statement::Head),
    Entry(Box<Entry>),
    End(Foot),
    AnswerBegin(reply::Head),
    AnswerLine(Box<reply::Line>),
    AnswerEnd(reply::Foot),
    Problem(Problem),
}

impl Recorder {
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.pieces.iter().filter_map(|piece| match piece {
            Owned::Problem(problem) => Some(problem),
            _ => None,
        })
    }
}

impl Sink for Recorder {
    fn statement(&mut self, piece: Piece<'_>) -> Outcome<()> {
        self.pieces.push(match piece {
            Piece::Begin(head) => Owned::Begin(head.clone()),
            Piece::Entry(entry) => Owned::Entry(Box::new(entry.clone())),
            Piece::End(foot) => Owned::End(foot.clone()),
        });
        Ok(())
    }

    fn reply(&mut self, piece: reply::Piece<'_>) -> Outcome<()> {
        self.pieces.push(match piece {
            reply::Piece::Begin(head) => Owned::AnswerBegin(head.clone()),
            reply::Piece::Line(line) => Owned::AnswerLine(Box::new(line.clone())),
            reply::Piece::End(foot) => Owned::AnswerEnd(foot.clone()),
        });
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        self.pieces.push(Owned::Problem(problem));
    }
}

/// Begin, entries, end; a file that was refused may stop anywhere.
fn check_order(pieces: &[Owned], is_whole: bool) {
    let (mut in_statement, mut in_answer, mut answers) = (false, false, 0);
    for piece in pieces {
        match piece {
            Owned::Begin(head) => {
                assert!(!in_statement && !in_answer, "a statement begins where nothing is open");
                assert!(head.kind.is_some(), "a statement is of some kind");
                in_statement = true;
            }
            Owned::Entry(_) => assert!(in_statement, "an entry is one of a statement"),
            Owned::End(_) => assert!(std::mem::take(&mut in_statement), "what ends was begun"),
            Owned::AnswerBegin(_) => {
                assert!(!in_statement && !in_answer, "an answer begins where nothing is open");
                in_answer = true;
                answers += 1;
            }
            Owned::AnswerLine(_) => assert!(in_answer, "a line is one of an answer"),
            Owned::AnswerEnd(_) => assert!(std::mem::take(&mut in_answer), "what ends was begun"),
            Owned::Problem(_) => {}
        }
    }
    assert!(answers <= 1, "one answer a file");
    assert!(!is_whole || !in_statement && !in_answer, "what was begun is ended");
}

/// Amounts, places and sums of every statement; what is told of them where the file was read to its end.
fn check_statements(pieces: &[Owned], kind: Option<&FileKind>) {
    let mut tally = Some(Tally::default());
    let (mut credits, mut debits) = (Exact::default(), Exact::default());
    let mut place = 0;
    let mut told: Vec<&str> = Vec::new();
    for piece in pieces {
        match piece {
            Owned::Begin(_) => {
                (tally, credits, debits) = (Some(Tally::default()), Exact::default(), Exact::default());
                place = 0;
            }
            Owned::Entry(entry) => {
                assert!(entry.place > place, "entries stand one behind the other: {} after {place}", entry.place);
                place = entry.place;
                let of_details = entry.details.iter().filter_map(|detail| detail.amount);
                for amount in of_details.chain([entry.amount]) {
                    assert!(!amount.is_sign_negative() || amount.is_zero(), "no amount is negative: {entry:?}");
                }
                match entry.direction {
                    statement::Direction::Credit => credits.add(entry.amount),
                    statement::Direction::Debit => debits.add(entry.amount),
                }
                tally = tally.and_then(|mut tally| tally.take(entry).map(|()| tally));
            }
            Owned::End(foot) => {
                if let Some(tally) = &tally {
                    assert_eq!(credits, Exact::of(tally.credit_sum), "credits are summed exactly");
                    assert_eq!(debits, Exact::of(tally.debit_sum), "debits are summed exactly");
                }
                if let Some(kind) = kind {
                    check_told(kind, tally.as_ref(), foot, &told);
                }
                told.clear();
            }
            Owned::Problem(problem) => told.push(problem.message.code),
            _ => {}
        }
    }
}

/// Balances that do not tie and declared sums that differ are told, and others are not.
fn check_told(kind: &FileKind, tally: Option<&Tally>, foot: &Foot, told: &[&str]) {
    let count = |code| told.iter().filter(|told| **told == code).count();
    if ["camt.", "mt9"].iter().all(|standard| !kind.name.starts_with(standard)) {
        // A table tells the first thousand problems only, and the sums of its booked entries alone may be in range.
        if told.len() < 1_000
            && let Some(ties) = tally.and_then(|tally| tally.ties(foot))
        {
            let code = "reading.table_balances_do_not_tie";
            assert_eq!(count(code), usize::from(!ties), "{foot:?} {tally:?} {told:?}");
        }
        return;
    }
    let Some(tally) = tally else { panic!("the sums of a statement that was read to its end are in range") };
    let sum = exact_sum(tally.credit_sum, tally.debit_sum);
    let Declared { entries, credits, debits, credit_sum, debit_sum, sum: both } = &foot.declared;
    let differs = |said: &Option<u64>, found| said.is_some_and(|said| said != found);
    let sum_differs = |said: &Option<Decimal>, found| said.is_some_and(|said| Some(said) != found);
    for (code, is_so) in [
        ("reading.does_not_tie", tally.ties(foot) == Some(false)),
        ("reading.declared_entries", differs(entries, tally.entries)),
        ("reading.declared_credits", differs(credits, tally.credits)),
        ("reading.declared_debits", differs(debits, tally.debits)),
        ("reading.declared_credit_sum", sum_differs(credit_sum, Some(tally.credit_sum))),
        ("reading.declared_debit_sum", sum_differs(debit_sum, Some(tally.debit_sum))),
        ("reading.declared_sum", sum_differs(both, sum)),
    ] {
        assert_eq!(count(code), usize::from(is_so), "{code}: {foot:?} {tally:?} {told:?}");
    }
}

fn check_lines(pieces: &[Owned]) {
    let mut place = 0;
    for piece in pieces {
        let Owned::AnswerLine(line) = piece else { continue };
        assert!(line.place > place, "lines stand one behind the other: {} after {place}", line.place);
        place = line.place;
        assert!(line.amount.is_none_or(|amount| !amount.is_sign_negative() || amount.is_zero()), "{line:?}");
        assert_eq!(line.cause.is_some(), line.state == reply::State::Failed, "a failed line has a cause: {line:?}");
    }
}

/// A sum of decimals that nothing is rounded in: digits behind the point as numbers of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exact([i128; 29]);

impl Exact {
    fn of(number: Decimal) -> Self {
        let mut exact = Self::default();
        exact.add(number);
        exact
    }

    fn add(&mut self, number: Decimal) {
        self.0[number.scale() as usize] += number.mantissa();
        for place in (1..self.0.len()).rev() {
            let carried = self.0[place].div_euclid(10);
            self.0[place] -= 10 * carried;
            self.0[place - 1] += carried;
        }
    }
}

/// A code that has a sentence in both languages, whose every gap is filled.
fn check_text(message: &Message) {
    thread_local! {
        static GAPS: RefCell<BTreeMap<&'static str, BTreeSet<String>>> = const { RefCell::new(BTreeMap::new()) };
    }
    GAPS.with_borrow_mut(|known| {
        let gaps = known.entry(message.code).or_insert_with(|| {
            let texts = [Language::Zh, Language::En].map(|language| Message::new(message.code).text(language));
            for text in &texts {
                assert!(!text.is_empty() && !text.ends_with(message.code), "{} has no text: {text}", message.code);
            }
            assert_ne!(texts[0], texts[1], "{} is said in both languages", message.code);
            texts
                .iter()
                .flat_map(|text| text.split("%{").skip(1).filter_map(|rest| rest.split_once('}')))
                .map(|(gap, _)| gap.trim().to_owned())
                .collect()
        });
        for gap in gaps.iter() {
            assert!(message.arguments.iter().any(|(name, _)| name == gap), "{} lacks {gap}: {message:?}", message.code);
        }
    });
}

fn check_opening_list(bytes: &[u8]) {
    let day = Date::constant(2026, 11, 30);
    let read = opening::read_rows(bytes, day);
    assert_eq!(read, opening::read_rows(bytes, day), "the same bytes are read alike");
    let rows = match read {
        Ok(rows) => rows,
        Err(refusal) => return check_text(&refusal),
    };
    let mut row_no = 1;
    let mut references = BTreeSet::new();
    for row in &rows {
        assert!(row.row_no > row_no, "rows stand one behind the other: {} after {row_no}", row.row_no);
        row_no = row.row_no;
        assert!(row.amount.minor() > 0 && row.arrived_on <= day, "{row:?}");
        assert!(!row.reference.is_empty() && references.insert(&row.reference), "{row:?}");
    }
}

fn check_claimant_list(bytes: &[u8]) {
    let whole = read_claimants(Cursor::new(bytes));
    assert_eq!(whole, read_claimants(InPieces::new(bytes)), "the same bytes are read alike however they come");
    let (rows, problems, summary) = whole;
    problems.iter().for_each(|problem| check_text(&problem.message));
    let mut row = 0;
    let (mut sound, mut sum) = (0, 0);
    for (of_row, claim, _) in &rows {
        assert!(*of_row > row, "rows stand one behind the other: {of_row} after {row}");
        row = *of_row;
        match claim {
            ClaimState::Sound(amount) => {
                assert!(amount.minor() > 0, "a sound claim is of some amount");
                sound += 1;
                sum += i128::from(amount.minor());
            }
            ClaimState::Broken { code, .. } => {
                assert!(problems.iter().any(|problem| problem.row == row && problem.message.code == *code), "{code}");
            }
        }
    }
    let Some(summary) = summary else {
        assert!(problems.iter().any(|problem| problem.severity == claims::Severity::File), "a refusal is told");
        return;
    };
    assert_eq!(summary.rows, rows.len() as u64);
    assert_eq!((summary.sound_claims, summary.broken_claims), (sound, summary.rows - sound));
    assert_eq!(i128::from(summary.sound_sum.minor()), sum, "sound claims are summed exactly");
    assert!(summary.sum >= summary.sound_sum);
    assert_eq!(summary.bytes, bytes.len() as u64);
}

type Claimants = (Vec<(u64, ClaimState, String)>, Vec<claims::Problem>, Option<claims::ListSummary>);

fn read_claimants(source: impl Read + Seek) -> Claimants {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let read = claims::read_list_from::<()>(
        source,
        &ReadOptions::default(),
        &mut |problem| problems.push(problem),
        &mut |row| {
            rows.push((row.row, row.claim, format!("{row:?}")));
            Ok(())
        },
    );
    let summary = match read {
        Ok(summary) => Some(summary),
        Err(ListFailure::Refused(_)) => None,
        Err(failure) => panic!("what lies in memory cannot break: {failure:?}"),
    };
    (rows, problems, summary)
}

/// Gives a few bytes at a time, never the same number twice running.
struct InPieces<'a> {
    bytes: Cursor<&'a [u8]>,
    next: usize,
}

impl<'a> InPieces<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: Cursor::new(bytes), next: 0 }
    }
}

impl Read for InPieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.next = self.next % 61 + 1;
        let length = into.len().min(self.next);
        self.bytes.read(&mut into[..length])
    }
}

impl Seek for InPieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// The bytes where they are a package, else a package with them as its parts: checksums keep a fuzzer from changing
/// what is within one.
fn workbook(bytes: &[u8]) -> Vec<u8> {
    const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
    const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    const WORKBOOK: &[u8] = br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    const WORKBOOK_RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
    const TEXTS: &[u8] = br#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"#;
    const STYLES: &[u8] = br#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#;

    if bytes.starts_with(b"PK\x03\x04") {
        return bytes.to_vec();
    }
    let mut parts = parts(bytes);
    let [sheet, texts, styles, workbook] = [b"", TEXTS, STYLES, WORKBOOK]
        .map(|usual: &[u8]| parts.next().filter(|part| !part.is_empty()).unwrap_or(usual));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELATIONS.as_bytes()),
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", WORKBOOK_RELATIONS.as_bytes()),
        ("xl/styles.xml", styles),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        package.start_file(name, stored).expect("memory takes it");
        package.write_all(content).expect("memory takes it");
    }
    package.finish().expect("memory takes it").into_inner()
}

/// The bytes where they are a compound file, else one of sectors of 512 bytes around them: header, directory, table of
/// sectors, stream.
fn old_workbook(bytes: &[u8]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0";
    const END: u32 = 0xffff_fffe;
    if bytes.starts_with(MAGIC) {
        return bytes.to_vec();
    }
    let number = |number: usize| u32::try_from(number).expect("inputs are small").to_le_bytes();
    let put = |file: &mut Vec<u8>, at: usize, number: [u8; 4]| file[at..at + 4].copy_from_slice(&number);
    let sectors = bytes.len().div_ceil(512);
    let fat_sectors = (sectors + 1).div_ceil(127);
    let mut file = vec![0; 512];
    file[..4].copy_from_slice(MAGIC);
    file[30] = 9;
    put(&mut file, 60, END.to_le_bytes());
    put(&mut file, 68, END.to_le_bytes());
    for place in 0..109 {
        let sector = if place < fat_sectors { number(place + 1) } else { [0xff; 4] };
        put(&mut file, 76 + 4 * place, sector);
    }
    let mut directory = vec![0; 512];
    for (place, letter) in "Workbook".encode_utf16().enumerate() {
        directory[2 * place..2 * place + 2].copy_from_slice(&letter.to_le_bytes());
    }
    directory[66] = 2;
    put(&mut directory, 116, number(fat_sectors + 1));
    put(&mut directory, 120, number(bytes.len()));
    file.extend(directory);
    let mut fat = vec![0xff; 512 * fat_sectors];
    for place in 1..=sectors {
        let next = if place == sectors { END.to_le_bytes() } else { number(fat_sectors + place + 1) };
        put(&mut fat, 4 * (fat_sectors + place), next);
    }
    file.extend(fat);
    file.extend(bytes);
    file.resize(file.len().next_multiple_of(512), 0);
    file
}
