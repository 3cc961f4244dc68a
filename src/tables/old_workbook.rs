//! Rows of XLS tables: workbooks as written until 2007 (BIFF8, and BIFF5 in a code page), in a compound file.
//!
//! Read here and not by a library: that one (calamine) keeps a copy of its text for every cell and a place for every cell
//! of the rectangle that the cells span, so that a small file may ask for a hundred gigabytes; and it panics where a
//! record is shorter than it should be.

use std::io::{Read, Seek, SeekFrom};

use calamine::{DataRef, ExcelDateTime, ExcelDateTimeType};
use encoding_rs::{Encoding, GB18030, UTF_16LE, WINDOWS_1252};
use rust_decimal::Decimal;

use super::workbook::{DateText, put};
use super::{Fault, Record, Records, decimal};

/// Bytes of an XLS, which is read as a whole: the format allows 65,536 rows a sheet, which take some 30 MB.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Sheets of a workbook: the format leaves it to memory.
const SHEETS_MAX: usize = 1_000;

// Numbers of the records that are looked at.
const FORMULA: u16 = 0x0006;
const EOF: u16 = 0x000a;
const DATE_MODE: u16 = 0x0022;
const FILE_PASS: u16 = 0x002f;
const CONTINUE: u16 = 0x003c;
const CODE_PAGE: u16 = 0x0042;
const BOUND_SHEET: u16 = 0x0085;
const MULTIPLE_RK: u16 = 0x00bd;
const RICH_STRING: u16 = 0x00d6;
const EXTENDED_FORMAT: u16 = 0x00e0;
const SHARED_STRINGS: u16 = 0x00fc;
const LABEL_SHARED: u16 = 0x00fd;
const NUMBER: u16 = 0x0203;
const LABEL: u16 = 0x0204;
const BOOL_ERROR: u16 = 0x0205;
const STRING: u16 = 0x0207;
const RK: u16 = 0x027e;
const FORMAT: u16 = 0x041e;
const BEGIN: u16 = 0x0809;

/// An old workbook in memory.
pub(crate) struct OldWorkbook {
    stream: Vec<u8>,
    /// BIFF8 has letters in UTF-16, what is older in a code page.
    is_biff8: bool,
    code_page: &'static Encoding,
    is_1904: bool,
    /// By number of the extended format: whether it shows a date.
    shows_date: Vec<bool>,
    /// The shared texts, one behind the other, and where each ends.
    texts: String,
    text_ends: Vec<usize>,
    /// Name and place in the stream.
    sheets: Vec<(String, usize)>,
}

impl OldWorkbook {
    pub(crate) fn open<R: Read + Seek>(mut source: R) -> Result<Self, Fault> {
        if source.seek(SeekFrom::End(0))? > BYTES_MAX {
            return Err(Fault::TooLarge { limit: format!("{BYTES_MAX} B") });
        }
        source.rewind()?;
        let mut bytes = Vec::new();
        source.take(BYTES_MAX).read_to_end(&mut bytes)?;
        let stream = workbook_stream(&bytes).ok_or_else(|| damaged("no workbook inside"))?;
        drop(bytes);
        let mut workbook = Self {
            stream,
            is_biff8: true,
            code_page: WINDOWS_1252,
            is_1904: false,
            shows_date: Vec::new(),
            texts: String::new(),
            text_ends: Vec::new(),
            sheets: Vec::new(),
        };
        workbook.read_globals()?;
        Ok(workbook)
    }

    /// The names of the sheets, in order.
    pub(crate) fn sheets(&self) -> Vec<String> {
        self.sheets.iter().map(|(name, _)| name.clone()).collect()
    }

    /// What all sheets share.
    fn read_globals(&mut self) -> Result<(), Fault> {
        let stream = std::mem::take(&mut self.stream);
        let mut formats = Vec::new();
        let mut date_formats = Vec::new();
        let mut records = BiffRecords { stream: &stream, next: 0 };
        let mut pieces: Option<Vec<&[u8]>> = None;
        while let Some((kind, _, data)) = records.next() {
            if kind == CONTINUE {
                if let Some(pieces) = &mut pieces {
                    pieces.push(data);
                }
                continue;
            }
            if let Some(pieces) = pieces.take() {
                self.read_texts(pieces);
            }
            match kind {
                BEGIN => self.is_biff8 = u16_at(data, 0) == Some(0x0600),
                FILE_PASS => return Err(damaged("password")),
                CODE_PAGE => self.code_page = code_page(u16_at(data, 0)),
                DATE_MODE => self.is_1904 = u16_at(data, 0) == Some(1),
                FORMAT => {
                    let text = if self.is_biff8 { self.long_text(data, 2) } else { self.short_text(data, 2) };
                    if let (Some(number), Some(text)) = (u16_at(data, 0), text)
                        && shows_date(&text)
                    {
                        date_formats.push(number);
                    }
                }
                EXTENDED_FORMAT => formats.push(u16_at(data, 2).unwrap_or(0)),
                SHARED_STRINGS => pieces = Some(vec![data]),
                BOUND_SHEET => {
                    let place = u32_at(data, 0).and_then(|place| usize::try_from(place).ok());
                    // 0: cells; others are charts and macros.
                    if let (Some(place), Some(0)) = (place, data.get(5)) {
                        self.sheets.push((self.short_text(data, 6).unwrap_or_default(), place));
                    }
                    if self.sheets.len() > SHEETS_MAX {
                        return Err(Fault::TooLarge { limit: SHEETS_MAX.to_string() });
                    }
                }
                EOF => break,
                _ => {}
            }
        }
        date_formats.sort_unstable();
        self.shows_date = formats
            .iter()
            .map(|format| is_builtin_date(*format) || date_formats.binary_search(format).is_ok())
            .collect();
        self.stream = stream;
        Ok(())
    }

    /// The table of shared texts, over all its records. What is damaged ends it; cells that ask for more are refused.
    fn read_texts(&mut self, pieces: Vec<&[u8]>) {
        let mut cursor = Cursor { pieces, piece: 0, place: 8 };
        while cursor.text(&mut self.texts).is_some() {
            self.text_ends.push(self.texts.len());
        }
    }

    /// The text that a cell shares.
    fn shared(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        let end = *self.text_ends.get(number)?;
        let start = if number == 0 { 0 } else { self.text_ends[number - 1] };
        self.texts.get(start..end)
    }

    /// A text with two bytes of length at `at`.
    fn long_text(&self, data: &[u8], at: usize) -> Option<String> {
        let length = usize::from(u16_at(data, at)?);
        self.letters(data, at + 2, length)
    }

    /// A text with one byte of length at `at`.
    fn short_text(&self, data: &[u8], at: usize) -> Option<String> {
        let length = usize::from(*data.get(at)?);
        self.letters(data, at + 1, length)
    }

    fn letters(&self, data: &[u8], at: usize, length: usize) -> Option<String> {
        if !self.is_biff8 {
            let letters = data.get(at..at + length)?;
            return self.code_page.decode_without_bom_handling_and_without_replacement(letters).map(Into::into);
        }
        let mut text = String::new();
        let is_wide = data.get(at)? & 1 == 1;
        let bytes = data.get(at + 1..)?.get(..length << u8::from(is_wide))?;
        push_letters(&mut text, bytes, is_wide);
        Some(text)
    }

    /// The rows of a sheet.
    pub(crate) fn sheet(&self, name: &str, dates: DateText) -> Result<OldSheet<'_>, Fault> {
        let sheet = self.sheets.iter().find(|(other, _)| other == name);
        let (_, start) = sheet.ok_or_else(|| damaged(name))?;
        let mut records = BiffRecords { stream: &self.stream, next: *start };
        let mut cells = Vec::new();
        let mut depth = 0_u32;
        while let Some((kind, place, data)) = records.next() {
            match kind {
                // A chart in the sheet is a stream in the stream.
                BEGIN => depth = depth.saturating_add(1),
                EOF if depth <= 1 => break,
                EOF => depth -= 1,
                FORMULA | RICH_STRING | LABEL_SHARED | NUMBER | LABEL | BOOL_ERROR | RK if depth == 1 => {
                    let (row, column) = position(data)?;
                    cells.push(CellPlace { row, column, place });
                }
                MULTIPLE_RK if depth == 1 => {
                    let (row, first) = position(data)?;
                    let many = data.len().saturating_sub(6) / 6;
                    for column in (first..=u16::MAX).take(many) {
                        cells.push(CellPlace { row, column, place });
                    }
                }
                _ => {}
            }
        }
        // Writers keep rows in order but need not; of two cells in one place the later one counts.
        cells.sort_by_key(|cell| (cell.row, cell.column));
        Ok(OldSheet { workbook: self, cells, next: 0, dates })
    }

    fn format_shows_date(&self, data: &[u8], at: usize) -> bool {
        let format = u16_at(data, at).map(usize::from);
        format.and_then(|format| self.shows_date.get(format)).copied().unwrap_or(false)
    }

    fn value(&self, cell: &CellPlace) -> Option<CellValue<'_>> {
        let mut records = BiffRecords { stream: &self.stream, next: cell.place };
        let (kind, _, data) = records.next()?;
        Some(match kind {
            LABEL_SHARED => CellValue::Shared(self.shared(u32_at(data, 6)?)?),
            LABEL | RICH_STRING => CellValue::Text(self.long_text(data, 6)?),
            NUMBER => self.number(data, 4, f64::from_bits(u64_at(data, 6)?)),
            RK => self.rk(data, 4)?,
            MULTIPLE_RK => self.rk(data, 4 + 6 * usize::from(cell.column.checked_sub(u16_at(data, 2)?)?))?,
            BOOL_ERROR if data.get(7) == Some(&1) => CellValue::Text("#ERROR".to_owned()),
            BOOL_ERROR => CellValue::Bool(data.get(6) == Some(&1)),
            FORMULA if u16_at(data, 12)? != 0xffff => self.number(data, 4, f64::from_bits(u64_at(data, 6)?)),
            FORMULA => match data.get(6)? {
                // The text follows; one record of a shared formula may stand between.
                0 => {
                    let (kind, _, mut data) = records.next()?;
                    if kind != STRING {
                        (_, _, data) = records.next().filter(|(kind, ..)| *kind == STRING)?;
                    }
                    CellValue::Text(self.long_text(data, 0)?)
                }
                1 => CellValue::Bool(data.get(8) == Some(&1)),
                2 => CellValue::Text("#ERROR".to_owned()),
                _ => CellValue::Shared(""),
            },
            _ => return None,
        })
    }

    fn number(&self, data: &[u8], format_at: usize, number: f64) -> CellValue<'_> {
        if self.format_shows_date(data, format_at) {
            CellValue::Date(ExcelDateTime::new(number, ExcelDateTimeType::DateTime, self.is_1904))
        } else {
            CellValue::Number(number)
        }
    }

    /// A number in four bytes: 30 bits of it, whether it is whole, whether it is to be divided by a hundred.
    fn rk(&self, data: &[u8], at: usize) -> Option<CellValue<'_>> {
        let rk = u32_at(data, at + 2)?;
        let (hundredths, whole) = (rk & 1 == 1, rk & 2 == 2);
        #[expect(clippy::cast_possible_wrap, reason = "the sign is the highest of the 30 bits")]
        let stored = if whole { f64::from(rk as i32 >> 2) } else { f64::from_bits(u64::from(rk & !3) << 32) };
        if !hundredths {
            return Some(self.number(data, at, stored));
        }
        // Divided as a decimal, so that nothing is rounded.
        let divided = Decimal::from_str_exact(&decimal(stored)).ok()?.checked_div(Decimal::ONE_HUNDRED)?;
        Some(self.number(data, at, divided.to_string().parse().ok()?))
    }
}

/// Rows of a sheet of an old workbook.
pub(crate) struct OldSheet<'a> {
    workbook: &'a OldWorkbook,
    cells: Vec<CellPlace>,
    next: usize,
    dates: DateText,
}

/// Where a cell stands in the sheet, and its record in the stream.
struct CellPlace {
    row: u16,
    column: u16,
    place: usize,
}

enum CellValue<'a> {
    Shared(&'a str),
    Text(String),
    Number(f64),
    Date(ExcelDateTime),
    Bool(bool),
}

impl Records for OldSheet<'_> {
    fn next(&mut self, record: &mut Record) -> Result<Option<u64>, Fault> {
        record.clear();
        record.sparse = true;
        let Some(first) = self.cells.get(self.next) else { return Ok(None) };
        let row = first.row;
        let number = u64::from(row) + 1;
        while let Some(cell) = self.cells.get(self.next).filter(|cell| cell.row == row) {
            self.next += 1;
            if self.cells.get(self.next).is_some_and(|next| (next.row, next.column) == (row, cell.column)) {
                continue;
            }
            let value = self.workbook.value(cell).ok_or_else(|| damaged(&format!("row {number}")))?;
            let value = match &value {
                CellValue::Shared(text) => DataRef::SharedString(text),
                CellValue::Text(text) => DataRef::SharedString(text),
                CellValue::Number(number) => DataRef::Float(*number),
                CellValue::Date(date) => DataRef::DateTime(*date),
                CellValue::Bool(value) => DataRef::Bool(*value),
            };
            put(record, number, u32::from(cell.column), &value, self.dates)?;
        }
        Ok(Some(number))
    }
}

fn damaged(what: &str) -> Fault {
    Fault::unreadable(what)
}

fn position(data: &[u8]) -> Result<(u16, u16), Fault> {
    u16_at(data, 0).zip(u16_at(data, 2)).ok_or_else(|| damaged("a cell without a place"))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(data.get(at..)?.first_chunk().copied()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..)?.first_chunk().copied()?))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(data.get(at..)?.first_chunk().copied()?))
}

/// The letters of a code page; 936 is what Chinese programs write.
fn code_page(number: Option<u16>) -> &'static Encoding {
    if number == Some(936) { GB18030 } else { WINDOWS_1252 }
}

fn push_letters(text: &mut String, bytes: &[u8], is_wide: bool) {
    if is_wide {
        text.push_str(&UTF_16LE.decode_without_bom_handling(bytes).0);
    } else {
        // One byte a letter: the lower half of UTF-16.
        text.extend(bytes.iter().map(|byte| char::from(*byte)));
    }
}

/// Formats for dates that every workbook has, with those of Chinese ones.
fn is_builtin_date(format: u16) -> bool {
    matches!(format, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Whether a number format shows parts of a date, outside of what it quotes.
fn shows_date(format: &str) -> bool {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => while letters.next().is_some_and(|letter| letter != '"') {},
            '[' => while letters.next().is_some_and(|letter| letter != ']') {},
            '\\' | '_' | '*' => drop(letters.next()),
            'y' | 'Y' | 'd' | 'D' | 'm' | 'M' | 'h' | 'H' | 's' => return true,
            _ => {}
        }
    }
    false
}

/// Records of a stream: number, place, content.
struct BiffRecords<'a> {
    stream: &'a [u8],
    next: usize,
}

impl<'a> BiffRecords<'a> {
    fn next(&mut self) -> Option<(u16, usize, &'a [u8])> {
        let place = self.next;
        let kind = u16_at(self.stream, place)?;
        let length = usize::from(u16_at(self.stream, place + 2)?);
        let data = self.stream.get(place + 4..place + 4 + length)?;
        self.next = place + 4 + length;
        Some((kind, place, data))
    }
}

/// Goes over the shared texts, which run on from record to record.
struct Cursor<'a> {
    pieces: Vec<&'a [u8]>,
    piece: usize,
    place: usize,
}

impl<'a> Cursor<'a> {
    /// What is left of the present record; of the next one at its end.
    fn rest(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.pieces.get(self.piece)?.get(self.place..)?;
            if !rest.is_empty() {
                return Some(rest);
            }
            self.piece += 1;
            self.place = 0;
        }
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.rest()?.first_chunk().copied()?;
        self.place += N;
        Some(bytes)
    }

    fn skip(&mut self, mut length: usize) -> Option<()> {
        while length > 0 {
            let step = self.rest()?.len().min(length);
            self.place += step;
            length -= step;
        }
        Some(())
    }

    /// Appends the next text. Where one is cut by the end of a record, the next says anew how wide its letters are.
    fn text(&mut self, text: &mut String) -> Option<()> {
        let mut letters = usize::from(u16::from_le_bytes(self.bytes()?));
        let [flags] = self.bytes()?;
        let runs = if flags & 8 == 8 { u16::from_le_bytes(self.bytes()?) } else { 0 };
        let extra = if flags & 4 == 4 { u32::from_le_bytes(self.bytes()?) } else { 0 };
        let mut is_wide = flags & 1 == 1;
        while letters > 0 {
            let piece = self.piece;
            let mut rest = self.rest()?;
            if self.piece != piece {
                let [flags] = self.bytes()?;
                is_wide = flags & 1 == 1;
                rest = &rest[1..];
            }
            let width = 1 << u8::from(is_wide);
            let here = (rest.len() / width).min(letters);
            if here == 0 && !rest.is_empty() {
                return None;
            }
            push_letters(text, &rest[..here * width], is_wide);
            self.place += here * width;
            letters -= here;
        }
        self.skip(4 * usize::from(runs))?;
        self.skip(usize::try_from(extra).ok()?)
    }
}

/// The stream of the workbook in a compound file; `None` if there is none, or a chain leads astray.
fn workbook_stream(bytes: &[u8]) -> Option<Vec<u8>> {
    let shift = u16_at(bytes, 30).filter(|shift| matches!(shift, 9 | 12))?;
    let file = CompoundFile { bytes, sector: 1 << shift };
    let fat = file.fat()?;
    let directory = file.chain(&fat, u32_at(bytes, 48)?)?;
    let entries = || directory.as_chunks::<128>().0.iter();
    let size = |entry: &[u8; 128]| u32_at(entry, 120).and_then(|size| usize::try_from(size).ok());
    let named = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        entries().find(|entry| entry[66] == 2 && entry.starts_with(&wide))
    };
    let entry = named("Workbook").or_else(|| named("Book"))?;
    let mut stream = if size(entry)? < usize::try_from(u32_at(bytes, 56)?).ok()? {
        // Small streams lie in sectors of 64 bytes within the stream of the root.
        let root = entries().find(|entry| entry[66] == 5)?;
        let mini = file.chain(&fat, u32_at(root, 116)?)?;
        let mini_fat = numbers(&file.chain(&fat, u32_at(bytes, 60)?)?);
        let sector = |number: u32| {
            let start = usize::try_from(number).ok()?.checked_mul(64)?;
            mini.get(start..start.checked_add(64)?)
        };
        follow(&mini_fat, u32_at(entry, 116)?, sector)?
    } else {
        file.chain(&fat, u32_at(entry, 116)?)?
    };
    stream.truncate(size(entry)?);
    Some(stream)
}

struct CompoundFile<'a> {
    bytes: &'a [u8],
    sector: usize,
}

impl CompoundFile<'_> {
    fn sector(&self, number: u32) -> Option<&[u8]> {
        let start = usize::try_from(number).ok()?.checked_add(1)?.checked_mul(self.sector)?;
        let end = start.checked_add(self.sector)?.min(self.bytes.len());
        // The last one may be cut.
        self.bytes.get(start..end).filter(|sector| !sector.is_empty())
    }

    /// Which sector follows which.
    fn fat(&self) -> Option<Vec<u32>> {
        let mut sectors = numbers(self.bytes.get(76..512)?);
        let mut next = u32_at(self.bytes, 68)?;
        // Beyond 109 sectors, those of the table stand in a chain of its own, whose last number leads on.
        for _ in 0..self.bytes.len() / self.sector {
            if next >= 0xffff_fffa {
                break;
            }
            let mut more = numbers(self.sector(next)?);
            next = more.pop()?;
            sectors.append(&mut more);
        }
        let mut fat = Vec::new();
        for number in sectors.into_iter().filter(|number| *number < 0xffff_fffa) {
            // It has a number for each sector of the file, and hardly more.
            if fat.len() > 2 * (self.bytes.len() / self.sector) + self.sector {
                return None;
            }
            fat.extend(numbers(self.sector(number)?));
        }
        Some(fat)
    }

    fn chain(&self, fat: &[u32], first: u32) -> Option<Vec<u8>> {
        follow(fat, first, |number| self.sector(number))
    }
}

/// The sectors of a chain, one behind the other; `None` if it runs in a circle.
fn follow<'a>(table: &[u32], first: u32, sector: impl Fn(u32) -> Option<&'a [u8]>) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut next = first;
    for _ in 0..=table.len() {
        if next >= 0xffff_fffa {
            return Some(content);
        }
        content.extend_from_slice(sector(next)?);
        next = *table.get(usize::try_from(next).ok()?)?;
    }
    None
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor as Bytes;

    use proptest::prelude::*;

    use super::*;

    type Part = (u16, Vec<u8>);

    fn bytes(records: &[Part]) -> Vec<u8> {
        let mut stream = Vec::new();
        for (kind, data) in records {
            stream.extend(kind.to_le_bytes());
            stream.extend(u16::try_from(data.len()).unwrap().to_le_bytes());
            stream.extend(data);
        }
        stream
    }

    /// A stream in a compound file of sectors of 512 bytes: header, directory, table of sectors, stream.
    fn compound_file(stream: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 512];
        file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
        file[30] = 9;
        let sectors = stream.len().div_ceil(512);
        let fat_sectors = (sectors + 1).div_ceil(127);
        let put = |file: &mut Vec<u8>, at: usize, number: usize| {
            file[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
        };
        put(&mut file, 48, 0);
        put(&mut file, 56, 0);
        put(&mut file, 60, 0xffff_fffe);
        put(&mut file, 68, 0xffff_fffe);
        for place in 0..109 {
            put(&mut file, 76 + 4 * place, if place < fat_sectors { place + 1 } else { 0xffff_ffff });
        }
        let mut directory = vec![0; 512];
        for (place, letter) in "Workbook".encode_utf16().enumerate() {
            directory[2 * place..2 * place + 2].copy_from_slice(&letter.to_le_bytes());
        }
        directory[66] = 2;
        put(&mut directory, 116, fat_sectors + 1);
        put(&mut directory, 120, stream.len());
        file.extend(directory);
        let mut fat = vec![0xff; 512 * fat_sectors];
        for place in 1..=sectors {
            let next = if place == sectors { 0xffff_fffe } else { fat_sectors + place + 1 };
            put(&mut fat, 4 * (fat_sectors + place), next);
        }
        file.extend(fat);
        file.extend(stream);
        file.resize(file.len().next_multiple_of(512), 0);
        file
    }

    /// A workbook of one sheet.
    fn workbook(version: u16, globals: &[Part], cells: &[Part]) -> Vec<u8> {
        let begin = (BEGIN, [version.to_le_bytes(), [5, 0]].concat());
        let name: &[u8] = if version == 0x0600 { &[1, 0, b'S'] } else { &[1, b'S'] };
        let sheet = |place: u32| (BOUND_SHEET, [&place.to_le_bytes()[..], &[0, 0], name].concat());
        let head = |place| bytes(&[std::slice::from_ref(&begin), globals, &[sheet(place), (EOF, vec![])]].concat());
        let mut stream = head(u32::try_from(head(0).len()).unwrap());
        stream.extend(bytes(&[&[begin], cells, &[(EOF, vec![])]].concat()));
        compound_file(&stream)
    }

    /// Row, column, format, and what the kind of record has.
    fn cell(kind: u16, row: u16, column: u16, format: u16, rest: &[u8]) -> Part {
        let place = [row, column, format].map(u16::to_le_bytes).concat();
        (kind, [&place[..], rest].concat())
    }

    fn rows(file: &[u8]) -> Result<Vec<(u64, Vec<String>)>, Fault> {
        let workbook = OldWorkbook::open(Bytes::new(file))?;
        let sheets = workbook.sheets();
        let mut rows = Vec::new();
        for sheet in sheets {
            let mut records = workbook.sheet(&sheet, |date| date.to_string())?;
            let mut record = Record::default();
            while let Some(row) = records.next(&mut record)? {
                rows.push((row, record.cells().map(str::to_owned).collect()));
            }
        }
        Ok(rows)
    }

    fn one_row(version: u16, globals: &[Part], cells: &[Part]) -> Vec<String> {
        let mut rows = rows(&workbook(version, globals, cells)).unwrap();
        assert_eq!(rows.len(), 1);
        rows.remove(0).1
    }

    fn rk(number: i32, hundredths: bool) -> Vec<u8> {
        (number << 2 | 2 | i32::from(hundredths)).to_le_bytes().to_vec()
    }

    #[test]
    fn numbers_of_every_kind() {
        let as_float = |number: f64, hundredths: u32| {
            (u32::try_from(number.to_bits() >> 32).unwrap() & !3 | hundredths).to_le_bytes().to_vec()
        };
        let many = [&[0, 0, 4, 0][..], &[0, 0], &rk(7, false), &[0, 0], &rk(-1, true), &[5, 0]].concat();
        let cells = [
            cell(RK, 0, 0, 0, &rk(123_456, true)),
            cell(RK, 0, 1, 0, &rk(-5, false)),
            cell(RK, 0, 2, 0, &as_float(1.5, 0)),
            cell(RK, 0, 3, 0, &as_float(1.5, 1)),
            (MULTIPLE_RK, many),
            cell(NUMBER, 0, 6, 0, &0.1_f64.to_le_bytes()),
            cell(BOOL_ERROR, 0, 7, 0, &[1, 0]),
            cell(BOOL_ERROR, 0, 8, 0, &[7, 1]),
            cell(FORMULA, 0, 9, 0, &[&2.5_f64.to_le_bytes()[..], &[0; 8]].concat()),
        ];
        let wanted = ["1234.56", "-5", "1.5", "0.015", "7", "-0.01", "0.1", "TRUE", "#ERROR", "2.5"];
        assert_eq!(one_row(0x0600, &[], &cells), wanted);
    }

    #[test]
    fn dates_by_their_format() {
        let formats = [
            (FORMAT, [&[200, 0, 10, 0, 0][..], b"yyyy\"x\"/m/"].concat()),
            (FORMAT, [&[201, 0, 9, 0, 0][..], b"\"d\"[h]0.0"].concat()),
            (EXTENDED_FORMAT, vec![0, 0, 0, 0]),
            (EXTENDED_FORMAT, vec![0, 0, 14, 0]),
            (EXTENDED_FORMAT, vec![0, 0, 200, 0]),
            (EXTENDED_FORMAT, vec![0, 0, 201, 0]),
        ];
        let cells: Vec<Part> = (0..4).map(|format| cell(RK, 0, format, format, &rk(45_662, false))).collect();
        let date = ExcelDateTime::new(45_662.0, ExcelDateTimeType::DateTime, false).to_string();
        assert_eq!(one_row(0x0600, &formats, &cells), ["45662", &date, &date, "45662"]);
    }

    #[test]
    fn texts_shared_own_computed_and_in_a_code_page() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        // The second text is cut by the end of its record and goes on in narrow letters; runs and extras are passed over.
        let first = [&2_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), &[2, 0, 1], &wide("案款")].concat();
        let second = [&[4, 0, 13], &[1, 0, 2, 0, 0, 0][..], &wide("甲")].concat();
        let rest = [&[0], &b"abc"[..], &[9; 6]].concat();
        let globals = [(SHARED_STRINGS, [first, second].concat()), (CONTINUE, rest)];
        let computed = [&[0, 0, 0, 0, 0, 0, 0xff, 0xff][..], &[0; 8]].concat();
        let cells = [
            cell(LABEL_SHARED, 0, 1, 0, &1_u32.to_le_bytes()),
            cell(LABEL_SHARED, 0, 0, 0, &0_u32.to_le_bytes()),
            cell(LABEL, 0, 2, 0, &[&[2, 0, 1][..], &wide("乙丙")].concat()),
            cell(FORMULA, 0, 3, 0, &computed),
            (STRING, [&[3, 0, 0][..], b"sum"].concat()),
        ];
        assert_eq!(one_row(0x0600, &globals, &cells), ["案款", "甲abc", "乙丙", "sum"]);
        let gbk = GB18030.encode("交易日期").0;
        let label = cell(LABEL, 0, 0, 0, &[&[8, 0][..], &gbk].concat());
        assert_eq!(one_row(0x0500, &[(CODE_PAGE, 936_u16.to_le_bytes().to_vec())], &[label]), ["交易日期"]);
    }

    #[test]
    fn rows_come_in_order_and_the_later_of_two_cells_counts() {
        let number = |row, value| cell(RK, row, 0, 0, &rk(value, false));
        let found = rows(&workbook(0x0600, &[], &[number(9, 1), number(2, 2), number(9, 3)])).unwrap();
        assert_eq!(found, [(3, vec!["2".to_owned()]), (10, vec!["3".to_owned()])]);
    }

    #[test]
    fn bombs_and_locks_are_refused_or_harmless() {
        // Two cells that span four thousand million.
        let corners = [cell(RK, 0, 0, 0, &rk(1, false)), cell(RK, 0xffff, 0xffff, 0, &rk(2, false))];
        assert_eq!(rows(&workbook(0x0600, &[], &corners)).unwrap().len(), 2);
        // One long text in every cell of a row.
        let long = [&[0; 8][..], &4_000_u16.to_le_bytes(), &[0], &[b'x'; 4_000]].concat();
        let cells: Vec<Part> = (0..60).map(|column| cell(LABEL_SHARED, 4, column, 0, &[0; 4])).collect();
        let outcome = rows(&workbook(0x0600, &[(SHARED_STRINGS, long)], &cells));
        assert!(matches!(outcome, Err(Fault::TooLong { row: 5 })), "{outcome:?}");
        let locked = rows(&workbook(0x0600, &[(FILE_PASS, vec![0; 6])], &[]));
        assert!(matches!(locked, Err(Fault::Unreadable { .. })), "{locked:?}");
        let missing = rows(&workbook(0x0600, &[], &[cell(LABEL_SHARED, 0, 0, 0, &7_u32.to_le_bytes())]));
        assert!(matches!(missing, Err(Fault::Unreadable { .. })), "{missing:?}");
        // A chain of sectors that bites its tail.
        let mut circle = workbook(0x0600, &[], &[]);
        circle[512 + 512 + 8..512 + 512 + 12].copy_from_slice(&2_u32.to_le_bytes());
        assert!(matches!(rows(&circle), Err(Fault::Unreadable { .. })));
        let huge = std::io::Cursor::new(vec![0; usize::try_from(BYTES_MAX).unwrap() + 1]);
        assert!(matches!(OldWorkbook::open(huge), Err(Fault::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn a_damaged_workbook_is_answered(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let texts = [&[0; 8][..], &[2, 0, 0, b'a', b'b'], &[1, 0, 1, 7, 7]].concat();
            let cells = [
                cell(LABEL_SHARED, 0, 0, 0, &[0; 4]),
                cell(RK, 0, 1, 0, &rk(5, true)),
                cell(FORMULA, 1, 0, 0, &[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]),
                (STRING, vec![1, 0, 0, b'x']),
            ];
            let mut file = workbook(0x0600, &[(SHARED_STRINGS, texts)], &cells);
            for (place, byte) in damage {
                let place = place.index(file.len());
                file[place] = byte;
            }
            let _ = rows(&file);
            let _ = rows(&file[..cut.index(file.len())]);
        }
    }
}
