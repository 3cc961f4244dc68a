//! Case numbers (案号) in all their spellings, with one normal form: `（2024）浙0106执恢123号之一`.
//!
//! Since 2016 (法〔2015〕137号) a number is year, court code, kind, serial: `（2024）浙01执123号`. Before, it was
//! year, a short name of the court, kind with 字, serial with 第: `（2015）杭下执民字第2741号`. What people write
//! differs in brackets (or none), full- and half-width digits, spaces, leading zeros, a 第 or 字第 carried over
//! from the old style, and in how a part is named (`号之一`, `之一号`, `-1号`). All of these give the same number.
//!
//! The closing 号 is required: banks cut remarks off, and `浙01执12` may be the beginning of `浙01执123号`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::message::Message;

/// The years a case number can have: no court of the People's Republic is older, and a later year is a slip.
pub const YEARS: std::ops::RangeInclusive<u16> = 1949..=2099;

/// The largest part number: 之九十九. More parts of one case than that are a slip.
pub const SUB_MAX: u8 = 99;

/// The most digits of a serial; the largest courts count some 100,000 cases a year and kind.
const SERIAL_DIGITS_MAX: usize = 9;

/// The most characters of court and kind together, old style included (浙杭萧执民恢字 has 7).
const WORD_CHARS_MAX: usize = 16;

/// How much of a wrong text a message repeats.
const QUOTE_CHARS_MAX: usize = 60;

/// First character of a court code: provinces, the Corps (兵), the military courts (军).
const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新兵军";

/// The court without a province.
const SUPREME_COURT: &str = "最高法";

/// Kinds in use before 2016, to tell the kind from the court's short name, which has no fixed length: the longest
/// that fits counts. One that is not here is split before its last two characters; text and equality do not
/// suffer, as the same text is always split the same way.
const OLD_KINDS: [&str; 52] = [
    "执",
    "执民",
    "执刑",
    "执商",
    "执行",
    "执知",
    "执恢",
    "执民恢",
    "执异",
    "执复",
    "执监",
    "执协",
    "执保",
    "执他",
    "执督",
    "执请",
    "执委",
    "执外异",
    "执裁",
    "执仲",
    "执公",
    "执非",
    "非执",
    "行执",
    "民执",
    "刑执",
    "商执",
    "知执",
    "诉保",
    "民初",
    "民终",
    "民申",
    "民再",
    "民提",
    "民监",
    "民一初",
    "民二初",
    "民三初",
    "民四初",
    "民一终",
    "民二终",
    "民三终",
    "商初",
    "商终",
    "知初",
    "知终",
    "刑初",
    "刑终",
    "行初",
    "行终",
    "民破",
    "破",
];

const OPENING: &str = "（(〔[［【〈﹙〖{｛";
const CLOSING: &str = "）)〕]］】〉﹚〗}｝";
const HYPHENS: &str = "-－–—‐‑−﹣";
const NUMERALS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// A case number in its normal form; equal when the case is the same, however it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber {
    year: u16,
    court: String,
    kind: String,
    serial: u32,
    sub: Option<u8>,
}

impl CaseNumber {
    /// The year of filing.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The court's code (`浙01`, `最高法`) or, in the old style, its short name (`杭下`), which may be empty: the
    /// Supreme Court had none.
    #[must_use]
    pub fn court(&self) -> &str {
        &self.court
    }

    /// The kind of case (`执`, `执保`, `执恢`); in the old style with 字 (`执民字`).
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the case is in enforcement (执, 执恢…): neither preserved (执保) nor urged before it (执前督促).
    #[must_use]
    pub fn is_of_enforcement(&self) -> bool {
        self.kind.contains('执') && !self.kind.ends_with('保') && !self.kind.contains("执前")
    }

    /// The serial in the year; above zero.
    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
    }

    /// The part (之一 is 1), 1 to [`SUB_MAX`].
    #[must_use]
    pub const fn sub(&self) -> Option<u8> {
        self.sub
    }

    /// Whether it is in the style used before 2016.
    #[must_use]
    pub fn is_old_style(&self) -> bool {
        self.kind.ends_with('字')
    }

    /// Reads a text that is a case number and nothing else.
    ///
    /// # Errors
    ///
    /// [`NumberRefusal`], naming the first part that is wrong.
    pub fn parse(text: &str) -> Result<Self, NumberRefusal> {
        let chars = fold(text);
        let refuse = |fault| NumberRefusal { fault, text: text.chars().take(QUOTE_CHARS_MAX).collect() };
        let mut scanner = Scanner { chars: &chars, at: 0 };
        scanner.skip_spaces();
        if scanner.peek().is_none() {
            return Err(refuse(NumberFault::Empty));
        }
        let number = scanner.number().map_err(refuse)?;
        scanner.skip_spaces();
        if scanner.peek().is_some() { Err(refuse(NumberFault::Trailing)) } else { Ok(number) }
    }

    /// The case numbers inside a text such as a bank's remark, in the order of the text, each once. What does not
    /// end in 号 is left out.
    #[must_use]
    pub fn find_all(text: &str) -> Vec<Self> {
        let chars = fold(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let after_digit = at > 0 && chars[at - 1].is_ascii_digit();
            let starts = OPENING.contains(chars[at]) || (chars[at].is_ascii_digit() && !after_digit);
            let mut scanner = Scanner { chars: &chars, at };
            match starts.then(|| scanner.number()) {
                Some(Ok(number)) => {
                    if !found.contains(&number) {
                        found.push(number);
                    }
                    at = scanner.at;
                }
                Some(Err(_)) | None => at += 1,
            }
        }
        found
    }
}

/// The normal form: full-width brackets, half-width digits, no spaces, no leading zeros, the part behind 号.
impl fmt::Display for CaseNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, court, kind, serial, sub } = self;
        let ordinal = if self.is_old_style() { "第" } else { "" };
        let mut text = format!("（{year}）{court}{kind}{ordinal}{serial}号");
        if let Some(sub) = sub {
            text.push('之');
            text.push_str(&to_numeral(*sub));
        }
        out.pad(&text)
    }
}

impl FromStr for CaseNumber {
    type Err = NumberRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// As its normal form.
impl Serialize for CaseNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which part of a case number is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// There is no text.
    Empty,
    /// No year in [`YEARS`] with four digits, or its bracket is not closed.
    Year,
    /// No court code: a province and two or four digits, or a province, or 最高法.
    Court,
    /// No kind of case behind the court.
    Kind,
    /// No serial, zero, or too many digits.
    Serial,
    /// No 号 behind the serial: the number may be cut off.
    NoEnd,
    /// The part is not 1 to [`SUB_MAX`].
    Sub,
    /// `12-15号` is several cases, not one.
    Several,
    /// Something follows the number.
    Trailing,
}

impl NumberFault {
    /// Every fault.
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::Year,
        Self::Court,
        Self::Kind,
        Self::Serial,
        Self::NoEnd,
        Self::Sub,
        Self::Several,
        Self::Trailing,
    ];

    const fn code(self) -> &'static str {
        match self {
            Self::Empty => "cases.number_empty",
            Self::Year => "cases.number_year",
            Self::Court => "cases.number_court",
            Self::Kind => "cases.number_kind",
            Self::Serial => "cases.number_serial",
            Self::NoEnd => "cases.number_no_end",
            Self::Sub => "cases.number_sub",
            Self::Several => "cases.number_several",
            Self::Trailing => "cases.number_trailing",
        }
    }
}

/// Why a text is not a case number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRefusal {
    /// The first part that is wrong.
    pub fault: NumberFault,
    /// The text as given, cut to a length that fits a message.
    pub text: String,
}

impl NumberRefusal {
    /// The refusal in words; its code is stable.
    #[must_use]
    pub fn message(&self) -> Message {
        Message::new(self.fault.code()).with("text", &self.text)
    }
}

/// The characters with full-width digits made half-width, and those that do not show left out.
fn fold(text: &str) -> Vec<char> {
    text.chars()
        .filter(|char| !matches!(char, '\u{200B}'..='\u{200F}' | '\u{FEFF}'))
        .map(|char| match char {
            '０'..='９' => char::from(b'0' + (char as u32 - '０' as u32) as u8),
            other => other,
        })
        .collect()
}

fn is_ideograph(char: char) -> bool {
    matches!(char, '\u{4E00}'..='\u{9FFF}')
}

/// A place in the folded text. Each step skips spaces before what it reads, and reads nothing when it fails.
struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, accept: impl Fn(char) -> bool) -> Option<char> {
        let start = self.at;
        self.skip_spaces();
        match self.peek().filter(|&char| accept(char)) {
            Some(char) => {
                self.at += 1;
                Some(char)
            }
            None => {
                self.at = start;
                None
            }
        }
    }

    /// Digits that stand together.
    fn digits(&mut self) -> String {
        let mut digits = String::new();
        let mut accept_spaces = true;
        while let Some(digit) = if accept_spaces {
            self.take(|char| char.is_ascii_digit())
        } else {
            self.peek().filter(char::is_ascii_digit).inspect(|_| self.at += 1)
        } {
            digits.push(digit);
            accept_spaces = false;
        }
        digits
    }

    /// Ideographs up to 第 or 号, at most [`WORD_CHARS_MAX`].
    fn word(&mut self) -> String {
        let mut word = String::new();
        for _ in 0..WORD_CHARS_MAX {
            match self.take(|char| is_ideograph(char) && char != '第' && char != '号') {
                Some(char) => word.push(char),
                None => break,
            }
        }
        word
    }

    fn number(&mut self) -> Result<CaseNumber, NumberFault> {
        let year = self.year()?;
        let (court, kind) = self.court_and_kind()?;
        self.take(|char| char == '第');
        let serial = self.serial()?;
        let sub_inside = self.sub_inside(serial)?;
        self.take(|char| char == '号').ok_or(NumberFault::NoEnd)?;
        let sub = match sub_inside {
            Some(sub) => Some(sub),
            None => self.sub_behind()?,
        };
        Ok(CaseNumber { year, court, kind, serial, sub })
    }

    fn year(&mut self) -> Result<u16, NumberFault> {
        let bracket = self.take(|char| OPENING.contains(char));
        let digits = self.digits();
        if digits.len() != 4 || (bracket.is_some() && self.take(|char| CLOSING.contains(char)).is_none()) {
            return Err(NumberFault::Year);
        }
        digits.parse().ok().filter(|year| YEARS.contains(year)).ok_or(NumberFault::Year)
    }

    /// Court and kind, up to 第 or the serial.
    fn court_and_kind(&mut self) -> Result<(String, String), NumberFault> {
        let word = self.word();
        if word.is_empty() {
            return Err(NumberFault::Court);
        }
        let after_word = self.at;
        let code = self.digits();
        let kind = self.word();
        if code.is_empty() || kind.is_empty() || kind.starts_with('之') {
            // No digits in the court: they were the serial, if any.
            self.at = after_word;
            return split_word(&word);
        }
        let is_court = word.chars().count() == 1 && PROVINCES.contains(&word) && matches!(code.len(), 2 | 4);
        if !is_court {
            return Err(NumberFault::Court);
        }
        // Only old numbers have 字; behind a court code it is a habit (浙01执字第5号).
        let kind = kind.strip_suffix('字').unwrap_or(&kind).to_owned();
        if kind.is_empty() { Err(NumberFault::Kind) } else { Ok((format!("{word}{code}"), kind)) }
    }

    fn serial(&mut self) -> Result<u32, NumberFault> {
        let digits = self.digits();
        let significant = digits.trim_start_matches('0');
        if significant.len() > SERIAL_DIGITS_MAX {
            return Err(NumberFault::Serial);
        }
        // An empty text is no number: neither a missing serial nor zero passes.
        significant.parse().map_err(|_| NumberFault::Serial)
    }

    /// The part between serial and 号: `-1`, `之一`.
    fn sub_inside(&mut self, serial: u32) -> Result<Option<u8>, NumberFault> {
        if self.take(|char| HYPHENS.contains(char)).is_some() {
            let digits = self.digits();
            let end: u32 = digits.parse().map_err(|_| NumberFault::Sub)?;
            // 12-15号 are four cases. A part is hardly ever larger than the serial.
            if end > serial {
                return Err(NumberFault::Several);
            }
            return checked_sub(&digits).map(Some);
        }
        self.sub_behind()
    }

    /// The part as `之一` or `之1`; nothing when 之 begins another word (号之前).
    fn sub_behind(&mut self) -> Result<Option<u8>, NumberFault> {
        let start = self.at;
        if self.take(|char| char == '之').is_none() {
            return Ok(None);
        }
        let digits = self.digits();
        if !digits.is_empty() {
            return checked_sub(&digits).map(Some);
        }
        let mut numeral = String::new();
        while let Some(char) = self.take(|char| char == '十' || NUMERALS[1..].contains(&char)) {
            numeral.push(char);
        }
        if numeral.is_empty() {
            self.at = start;
            return Ok(None);
        }
        (1..=SUB_MAX).find(|sub| to_numeral(*sub) == numeral).map(Some).ok_or(NumberFault::Sub)
    }
}

fn checked_sub(digits: &str) -> Result<u8, NumberFault> {
    digits.parse().ok().filter(|sub| (1..=SUB_MAX).contains(sub)).ok_or(NumberFault::Sub)
}

/// Court and kind where the court has no digits: the Supreme Court, a High Court, or the old style.
fn split_word(word: &str) -> Result<(String, String), NumberFault> {
    if let Some(old) = word.strip_suffix('字') {
        return split_old_word(old);
    }
    let court_bytes = if word.starts_with(SUPREME_COURT) {
        SUPREME_COURT.len()
    } else {
        word.chars().next().filter(|&first| PROVINCES.contains(first)).ok_or(NumberFault::Court)?.len_utf8()
    };
    let (court, kind) = word.split_at(court_bytes);
    if kind.is_empty() { Err(NumberFault::Kind) } else { Ok((court.to_owned(), kind.to_owned())) }
}

fn split_old_word(word: &str) -> Result<(String, String), NumberFault> {
    if word.is_empty() {
        return Err(NumberFault::Kind);
    }
    let known = OLD_KINDS.iter().filter(|kind| word.ends_with(**kind)).max_by_key(|kind| kind.len());
    let kind_bytes = match known {
        Some(kind) => kind.len(),
        None => word.chars().rev().take(2).map(char::len_utf8).sum(),
    };
    let (court, kind) = word.split_at(word.len() - kind_bytes);
    Ok((court.to_owned(), format!("{kind}字")))
}

/// 1 to 99 as 一, 十, 十二, 二十, 九十九.
fn to_numeral(number: u8) -> String {
    let (tens, ones) = (usize::from(number / 10), usize::from(number % 10));
    let mut numeral = String::new();
    if tens > 1 {
        numeral.push(NUMERALS[tens]);
    }
    if tens > 0 {
        numeral.push('十');
    }
    if ones > 0 {
        numeral.push(NUMERALS[ones]);
    }
    numeral
}

#[cfg(test)]
mod tests;
