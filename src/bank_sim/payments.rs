//! Payment files as a bank takes them in: bytes to compact lines. Nothing is known of them but their layout.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use ankuan_ledger::Amount;
use encoding_rs::GB18030;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use ring::digest::{SHA256, digest};

use crate::{Failure, Message, Outcome};

/// The largest payment file taken. One file is held in memory while it is read; 5,000 payments take at most 6 MB.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The most payments of all files together: each keeps about a hundred bytes until the last day is written.
const MAX_LINES: usize = 5_000_000;
/// The most files in the folder; beyond that it is not the folder of a release.
const MAX_FILES: usize = 10_000;
/// Characters of a path of element names: pain.001 stays below 200, and nesting without end stops here.
const MAX_PATH: usize = 1_000;
/// How the names of the papers end that come with the files, for the person at the counter.
const TRANSMITTAL_SHEETS: [&str; 3] = ["-交接单.txt", "-transmittal.txt", "-transmittal.json"];
/// EndToEndId of ISO 20022.
const MAX_KEY: usize = 35;
/// Account numbers of ISO 20022.
const MAX_ACCOUNT: usize = 34;
/// Names of ISO 20022.
const MAX_NAME: usize = 140;

/// The layout of a payment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `generic-csv`: a heading names each column.
    Csv,
    /// `generic-txt`: H, D and T lines with vertical bars.
    Txt,
    /// pain.001.001.09.
    Pain001,
}

impl Format {
    /// What an answer in pain.002 calls the message it answers.
    pub const fn message_name(self) -> &'static str {
        match self {
            Self::Csv => "generic-csv",
            Self::Txt => "generic-txt",
            Self::Pain001 => "pain.001.001.09",
        }
    }
}

/// A payment file, read.
#[derive(Debug)]
pub struct PaymentFile {
    /// Its name in the folder.
    pub name: String,
    pub format: Format,
    /// Empty where the layout has none.
    pub message_id: String,
    /// PmtInfId; empty where the layout has none.
    pub block_id: String,
    /// Empty where the layout has none.
    pub payer_account: String,
    /// Empty where the layout has none.
    pub payer_name: String,
    pub lines: Vec<Line>,
    pub sum: Amount,
    /// Whether the totals that the file itself names are those of its lines; true where it names none.
    pub totals_tie: bool,
    pub sha256: [u8; 32],
    /// What is written in the lines, one after another: a line is a few numbers and no allocation of its own.
    text: String,
}

/// One payment: where its texts end within the file's text, and its numbers.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub serial: u32,
    pub amount: Amount,
    start: u32,
    key: u16,
    account: u16,
    name: u16,
    sub_account: u16,
}

/// The texts of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a> {
    pub key: &'a str,
    pub account: &'a str,
    pub name: &'a str,
    pub sub_account: &'a str,
}

impl PaymentFile {
    fn new(name: &str, format: Format, bytes: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self {
            name: name.to_owned(),
            format,
            message_id: String::new(),
            block_id: String::new(),
            payer_account: String::new(),
            payer_name: String::new(),
            lines: Vec::new(),
            sum: Amount::ZERO,
            totals_tie: true,
            sha256,
            text: String::new(),
        }
    }

    /// The name without its extension.
    pub fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }

    /// What the bank calls the file in an XML message (Max35Text): its message id, else its name without extension.
    pub fn batch_id(&self) -> String {
        let id = if self.message_id.is_empty() { self.stem() } else { &self.message_id };
        id.chars().take(MAX_KEY).collect()
    }

    pub fn texts(&self, line: &Line) -> Texts<'_> {
        let rest = &self.text[line.start as usize..];
        let (key, rest) = rest.split_at(line.key.into());
        let (account, rest) = rest.split_at(line.account.into());
        let (name, rest) = rest.split_at(line.name.into());
        Texts { key, account, name, sub_account: &rest[..line.sub_account.into()] }
    }

    /// The sub-account of all lines; empty when they differ.
    pub fn common_sub_account(&self) -> &str {
        let mut all = self.lines.iter().map(|line| self.texts(line).sub_account);
        let first = all.next().unwrap_or_default();
        if all.all(|other| other == first) { first } else { "" }
    }

    fn push(&mut self, place: u64, serial: &str, amount: Option<Amount>, texts: Texts<'_>) -> Result<(), Message> {
        let value =
            |what: &str| Message::new("bank_sim.value").with("file", &self.name).with("line", place).with("what", what);
        let amount = amount.filter(|amount| *amount > Amount::ZERO).ok_or_else(|| value("amount"))?;
        let serial = match serial {
            "" => u32::try_from(self.lines.len() + 1).ok(),
            _ => serial.parse().ok().filter(|_| serial.len() <= 9),
        };
        let serial = serial.ok_or_else(|| value("serial"))?;
        for (what, text, max, required) in [
            ("line key", texts.key, MAX_KEY, true),
            ("account", texts.account, MAX_ACCOUNT, true),
            ("name", texts.name, MAX_NAME, true),
            ("sub-account", texts.sub_account, MAX_NAME, false),
        ] {
            if !sound(text, max) || (required && text.is_empty()) {
                return Err(value(what));
            }
        }
        // What is checked above is far below 64 KiB a text, and a file below 4 GiB.
        let length = |text: &str| u16::try_from(text.len()).map_err(|_| value("length"));
        let line = Line {
            serial,
            amount,
            start: u32::try_from(self.text.len()).map_err(|_| value("length"))?,
            key: length(texts.key)?,
            account: length(texts.account)?,
            name: length(texts.name)?,
            sub_account: length(texts.sub_account)?,
        };
        let sum = self.sum.plus(amount).ok_or_else(|| value("amount"))?;
        for text in [texts.key, texts.account, texts.name, texts.sub_account] {
            self.text.push_str(text);
        }
        self.lines.push(line);
        self.sum = sum;
        Ok(())
    }
}

/// Whether a text can stand in every file the bank writes: no control characters, nothing that XML forbids, not too long.
pub fn sound(text: &str, max: usize) -> bool {
    let forbidden = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    !text.contains(forbidden) && (text.len() <= max || text.chars().count() <= max)
}

/// Yuan with at most two decimals, plain digits: `1234.50`.
pub fn fen_of_yuan(text: &str) -> Option<Amount> {
    let (yuan, fen) = text.split_once('.').unwrap_or((text, "00"));
    let fen = match fen.len() {
        1 => format!("{fen}0"),
        2 => fen.to_owned(),
        _ => return None,
    };
    fen_of_fen(yuan)?.minor().checked_mul(100)?.checked_add(fen_of_fen(&fen)?.minor()).map(Amount::from_minor)
}

fn fen_of_fen(text: &str) -> Option<Amount> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Amount::from_minor)).flatten()
}

/// Every payment file of a folder, in the order of the names. Transmittal sheets, hidden files and folders are no
/// payment files.
///
/// # Errors
/// `file.*`, `bank_sim.no_files`, `bank_sim.too_many_files`, `bank_sim.too_many_lines`, `bank_sim.same_stem`, and those
/// of [`read`].
pub fn read_folder(folder: &Path) -> Outcome<Vec<PaymentFile>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Failure::of_file(folder, &error))? {
        let path = entry.map_err(|error| Failure::of_file(folder, &error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            return Err(Message::new("bank_sim.file_name").with("file", path.display()).into());
        };
        let sheet = TRANSMITTAL_SHEETS.iter().any(|end| name.ends_with(end));
        if sheet || name.starts_with('.') || path.is_dir() {
            continue;
        }
        // What is no file might never end.
        if !path.is_file() {
            return Err(Message::new("bank_sim.format").with("file", name).into());
        }
        paths.push((name, path));
        if paths.len() > MAX_FILES {
            return Err(Message::new("bank_sim.too_many_files").with("max", MAX_FILES).into());
        }
    }
    if paths.is_empty() {
        return Err(Message::new("bank_sim.no_files").with("folder", folder.display()).into());
    }
    paths.sort_unstable();
    let mut files: Vec<PaymentFile> = Vec::with_capacity(paths.len());
    let mut lines = 0;
    for (name, path) in paths {
        let file = read(&name, &bytes_of(&path, MAX_FILE_BYTES)?)?;
        lines += file.lines.len();
        if lines > MAX_LINES {
            return Err(Message::new("bank_sim.too_many_lines").with("max", MAX_LINES).into());
        }
        // The names of the answers are made of the stem.
        if let Some(other) = files.iter().find(|other| other.stem() == file.stem()) {
            return Err(Message::new("bank_sim.same_stem").with("file", name).with("other", &other.name).into());
        }
        files.push(file);
    }
    Ok(files)
}

/// The bytes of a file that is not larger than `max`.
pub fn bytes_of(path: &Path, max: u64) -> Outcome<Vec<u8>> {
    let broken = |error| Failure::of_file(path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(broken)?.take(max + 1).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > max {
        return Err(Message::new("bank_sim.file_too_large").with("file", path.display()).with("max", max).into());
    }
    Ok(bytes)
}

/// Tells the layout of a payment file and reads it.
///
/// # Errors
/// `bank_sim.format` for another layout, `bank_sim.layout` for a broken one, `bank_sim.value` for a line that cannot be
/// paid as it is written.
pub fn read(name: &str, bytes: &[u8]) -> Result<PaymentFile, Message> {
    let unknown = || Message::new("bank_sim.format").with("file", name);
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let file = if body.starts_with(b"<") {
        read_pain001(PaymentFile::new(name, Format::Pain001, bytes), body)?
    } else {
        let text = if body.len() < bytes.len() {
            std::str::from_utf8(body).map(Into::into).map_err(|_| unknown())?
        } else {
            GB18030.decode_without_bom_handling_and_without_replacement(body).ok_or_else(unknown)?
        };
        let first = text.lines().next().unwrap_or_default();
        if first.starts_with("H|") {
            read_txt(PaymentFile::new(name, Format::Txt, bytes), &text)?
        } else if [NAME, ACCOUNT, AMOUNT, KEY].iter().all(|heading| first.contains(heading)) {
            read_csv(PaymentFile::new(name, Format::Csv, bytes), &text)?
        } else {
            return Err(unknown());
        }
    };
    if file.lines.is_empty() {
        return Err(layout(&file.name, 0));
    }
    for (text, max) in [
        (&file.message_id, MAX_KEY),
        (&file.block_id, MAX_KEY),
        (&file.payer_account, MAX_ACCOUNT),
        (&file.payer_name, MAX_NAME),
    ] {
        if !sound(text, max) {
            return Err(layout(&file.name, 1));
        }
    }
    Ok(file)
}

fn layout(file: &str, line: u64) -> Message {
    Message::new("bank_sim.layout").with("file", file).with("line", line)
}

const SERIAL: &str = "序号";
const NAME: &str = "收款人户名";
const ACCOUNT: &str = "收款人账号";
const AMOUNT: &str = "金额（元）";
const SUB_ACCOUNT: &str = "付款子账号";
const KEY: &str = "业务编号";

fn read_csv(mut file: PaymentFile, text: &str) -> Result<PaymentFile, Message> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|_| layout(&file.name, 1))?.clone();
    let column = |heading: &str| headings.iter().position(|cell| cell == heading);
    let (Some(name), Some(account), Some(amount), Some(key)) =
        (column(NAME), column(ACCOUNT), column(AMOUNT), column(KEY))
    else {
        return Err(layout(&file.name, 1));
    };
    let (serial, sub_account) = (column(SERIAL), column(SUB_ACCOUNT));
    let mut row = csv::StringRecord::new();
    let mut place = 1;
    while reader.read_record(&mut row).map_err(|_| layout(&file.name, place + 1))? {
        place += 1;
        let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or_default();
        let texts = Texts {
            key: cell(Some(key)),
            account: cell(Some(account)),
            name: cell(Some(name)),
            sub_account: cell(sub_account),
        };
        file.push(place, cell(serial), fen_of_yuan(cell(Some(amount))), texts)?;
    }
    Ok(file)
}

fn read_txt(mut file: PaymentFile, text: &str) -> Result<PaymentFile, Message> {
    let mut lines = (1..).zip(text.lines());
    let header: Vec<&str> = lines.next().map(|(_, line)| line.split('|').collect()).unwrap_or_default();
    let ["H", message, _date, payer_account, payer_name, count, total] = header.as_slice() else {
        return Err(layout(&file.name, 1));
    };
    file.message_id = (*message).to_owned();
    file.payer_account = (*payer_account).to_owned();
    file.payer_name = (*payer_name).to_owned();
    let mut trailer = None;
    for (place, line) in lines {
        let cells: Vec<&str> = line.split('|').collect();
        match cells.as_slice() {
            ["D", serial, account, name, _code, _company, amount, _purpose, key] if trailer.is_none() => {
                file.push(place, serial, fen_of_fen(amount), Texts { key, account, name, sub_account: "" })?;
            }
            ["T", count, total] if trailer.is_none() => trailer = Some((*count, *total)),
            _ => return Err(layout(&file.name, place)),
        }
    }
    // Without a trailer the file was cut short.
    let trailer = trailer.ok_or_else(|| layout(&file.name, 0))?;
    file.totals_tie = [(*count, *total), trailer]
        .iter()
        .all(|(count, total)| count.parse() == Ok(file.lines.len()) && fen_of_fen(total) == Some(file.sum));
    Ok(file)
}

/// What is gathered of a payment until its element ends.
#[derive(Default)]
struct Pending {
    key: String,
    account: String,
    name: String,
    sub_account: String,
    amount: String,
}

fn read_pain001(mut file: PaymentFile, bytes: &[u8]) -> Result<PaymentFile, Message> {
    let text = std::str::from_utf8(bytes).map_err(|_| Message::new("bank_sim.format").with("file", &file.name))?;
    let mut reader = Reader::from_str(text);
    // Names of the open elements, so that each text is known by its whole path.
    let (mut path, mut text) = (String::new(), String::new());
    let mut pending = Pending::default();
    let mut declared: Vec<(bool, String)> = Vec::new();
    let mut blocks = 0_u32;
    let mut closed = false;
    loop {
        let place = file.lines.len() as u64 + 1;
        let broken = || layout(&file.name, place);
        match reader.read_event().map_err(|_| broken())? {
            Event::Start(start) => {
                let name = start.local_name();
                let name = name.as_ref();
                if path.len() + name.len() >= MAX_PATH {
                    return Err(broken());
                }
                let attribute = |wanted: &str| {
                    start.try_get_attribute(wanted).ok().flatten().map(|attribute| attribute.value.into_owned())
                };
                if path.is_empty() {
                    let namespace = attribute("xmlns").unwrap_or_default();
                    if closed || name != "Document" || !namespace.ends_with(":pain.001.001.09") {
                        return Err(Message::new("bank_sim.format").with("file", &file.name));
                    }
                }
                if name == "InstdAmt" && attribute("Ccy").as_deref() != Some("CNY") {
                    return Err(broken());
                }
                if name == "PmtInf" {
                    blocks += 1;
                }
                path.push('/');
                path.push_str(name);
                text.clear();
            }
            Event::Empty(_) => {}
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => {
                // The five of XML and numbered characters; an entity of the file's own would be a declaration's.
                let character = reference.resolve_char_ref().map_err(|_| broken())?;
                let name = reference.xml10_content();
                match (character, resolve_predefined_entity(&name)) {
                    (Some(character), _) => text.push(character),
                    (None, Some(known)) => text.push_str(known),
                    (None, None) => return Err(broken()),
                }
            }
            Event::End(_) => {
                let of_file = path.strip_prefix("/Document/CstmrCdtTrfInitn/").unwrap_or_default();
                match of_file {
                    "GrpHdr/MsgId" => file.message_id = std::mem::take(&mut text),
                    "GrpHdr/NbOfTxs" | "PmtInf/NbOfTxs" => declared.push((true, std::mem::take(&mut text))),
                    "GrpHdr/CtrlSum" | "PmtInf/CtrlSum" => declared.push((false, std::mem::take(&mut text))),
                    "PmtInf/PmtInfId" => file.block_id = std::mem::take(&mut text),
                    "PmtInf/Dbtr/Nm" => file.payer_name = std::mem::take(&mut text),
                    "PmtInf/DbtrAcct/Id/Othr/Id" | "PmtInf/DbtrAcct/Id/IBAN" => {
                        file.payer_account = std::mem::take(&mut text);
                    }
                    "PmtInf/CdtTrfTxInf/PmtId/EndToEndId" => std::mem::swap(&mut pending.key, &mut text),
                    "PmtInf/CdtTrfTxInf/Amt/InstdAmt" => std::mem::swap(&mut pending.amount, &mut text),
                    "PmtInf/CdtTrfTxInf/Cdtr/Nm" => std::mem::swap(&mut pending.name, &mut text),
                    "PmtInf/CdtTrfTxInf/CdtrAcct/Id/Othr/Id" | "PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN" => {
                        std::mem::swap(&mut pending.account, &mut text);
                    }
                    "PmtInf/CdtTrfTxInf/InstrForDbtrAgt" => std::mem::swap(&mut pending.sub_account, &mut text),
                    "PmtInf/CdtTrfTxInf" => {
                        let texts = Texts {
                            key: &pending.key,
                            account: &pending.account,
                            name: &pending.name,
                            sub_account: &pending.sub_account,
                        };
                        file.push(place, "", fen_of_yuan(&pending.amount), texts)?;
                        for text in [
                            &mut pending.key,
                            &mut pending.account,
                            &mut pending.name,
                            &mut pending.sub_account,
                            &mut pending.amount,
                        ] {
                            text.clear();
                        }
                    }
                    _ => {}
                }
                text.clear();
                path.truncate(path.rfind('/').unwrap_or(0));
                closed |= path.is_empty();
            }
            // A declaration of types can name entities, and no bank needs one.
            Event::DocType(_) => return Err(broken()),
            Event::Eof if !path.is_empty() || !closed => return Err(broken()),
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    if blocks != 1 {
        return Err(Message::new("bank_sim.blocks").with("file", &file.name).with("count", blocks));
    }
    file.totals_tie = declared.iter().all(|(count, text)| {
        if *count { text.parse() == Ok(file.lines.len()) } else { fen_of_yuan(text) == Some(file.sum) }
    });
    Ok(file)
}
