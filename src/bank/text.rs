//! What text may go to a bank, and its bytes in the encodings that banks take.

use crate::message::Message;
use encoding_rs::{EncoderResult, Encoding, GB18030, GBK};
use serde::Deserialize;

/// The encoding of a text file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TextEncoding {
    /// UTF-8 without mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-8 with a byte order mark, as spreadsheets like it.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// GB 18030: carries every character, rare names included.
    #[default]
    #[serde(rename = "gb18030")]
    Gb18030,
    /// GBK: the older subset; lacks many rare characters of names.
    #[serde(rename = "gbk")]
    Gbk,
}

impl TextEncoding {
    /// Appends the text's bytes.
    ///
    /// # Errors
    /// [`Flaw::NotInEncoding`] with the first character that the encoding lacks; `out` may then hold a part.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), Flaw> {
        match self {
            _ if text.is_ascii() => out.extend_from_slice(text.as_bytes()),
            Self::Utf8 | Self::Utf8Bom => out.extend_from_slice(text.as_bytes()),
            Self::Gb18030 => encode_with(GB18030, text, out)?,
            Self::Gbk => encode_with(GBK, text, out)?,
        }
        Ok(())
    }
}

fn encode_with(encoding: &'static Encoding, text: &str, out: &mut Vec<u8>) -> Result<(), Flaw> {
    let start = out.len();
    // No character takes more than four bytes, nor fewer than one in UTF-8.
    out.resize(start + text.len() * 4, 0);
    let (result, _, written) =
        encoding.new_encoder().encode_from_utf8_without_replacement(text, &mut out[start..], true);
    out.truncate(start + written);
    match result {
        EncoderResult::Unmappable(character) => Err(Flaw::NotInEncoding(character)),
        EncoderResult::InputEmpty | EncoderResult::OutputFull => Ok(()),
    }
}

/// How many bytes the text takes in GB 18030: what banks mean by the length of a name.
#[must_use]
pub fn gb18030_bytes(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { GB18030.encode(text).0.len() }
}

/// Why a value may not go into a file. Nothing is ever replaced or cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Empty where the bank needs a value.
    Missing,
    /// A control character, or one that is not seen: line break, tab, zero-width space, change of direction.
    Invisible(char),
    /// A code point without an agreed character: private use, noncharacter, or the mark of a failed conversion.
    NoCharacter(char),
    /// A character that the file's encoding lacks.
    NotInEncoding(char),
    /// Begins or ends with a space: invisible, lost in padding, and a name with it is another name.
    EdgeSpace,
    /// Begins like a formula, which a spreadsheet would run.
    Formula(char),
    /// Holds the separator or a quotation mark where the file has no quoting.
    Separator(char),
    /// Touches the padding with the same character: the bank could not tell where the value ends.
    Padding(char),
    /// Longer than the bank takes.
    TooLong {
        /// How long it is, in the unit of `max`.
        length: usize,
        /// The most: GB 18030 bytes in tables, characters in ISO 20022 messages.
        max: usize,
    },
}

impl Flaw {
    /// The refusal of a payment line's value.
    #[must_use]
    pub fn in_line(self, line_number: u64, field: &str) -> Message {
        let message = Message::new(match self {
            Self::Missing => "bank.value.missing",
            Self::Invisible(_) => "bank.value.invisible",
            Self::NoCharacter(_) => "bank.value.no_character",
            Self::NotInEncoding(_) => "bank.value.not_in_encoding",
            Self::EdgeSpace => "bank.value.edge_space",
            Self::Formula(_) => "bank.value.formula",
            Self::Separator(_) => "bank.value.separator",
            Self::Padding(_) => "bank.value.padding",
            Self::TooLong { .. } => "bank.value.too_long",
        })
        .with("line", line_number)
        .with("field", field);
        match self {
            Self::Missing | Self::EdgeSpace => message,
            // The code point only: an invisible character would not be seen, and a name need not be repeated.
            Self::Invisible(character)
            | Self::NoCharacter(character)
            | Self::NotInEncoding(character)
            | Self::Formula(character)
            | Self::Separator(character)
            | Self::Padding(character) => message.with("character", code_point(character)),
            Self::TooLong { length, max } => message.with("length", length).with("max", max),
        }
    }

    /// The refusal of a value that stands once in the file: in its header, trailer or name.
    #[must_use]
    pub fn in_header(self, field: &str) -> Message {
        Message::new("bank.header_value").with("field", field).with(
            "problem",
            match self {
                Self::Missing => "empty".to_owned(),
                Self::EdgeSpace => "space".to_owned(),
                Self::TooLong { length, max } => format!("{length} > {max}"),
                Self::Invisible(character)
                | Self::NoCharacter(character)
                | Self::NotInEncoding(character)
                | Self::Formula(character)
                | Self::Separator(character)
                | Self::Padding(character) => code_point(character),
            },
        )
    }
}

fn code_point(character: char) -> String {
    if character.is_ascii_graphic() {
        format!("{character} (U+{:04X})", u32::from(character))
    } else {
        format!("U+{:04X}", u32::from(character))
    }
}

/// Refuses what no bank file may carry, whatever its format.
///
/// # Errors
/// [`Flaw::Invisible`], [`Flaw::NoCharacter`], [`Flaw::EdgeSpace`].
pub fn check_text(text: &str) -> Result<(), Flaw> {
    if text.is_ascii() {
        if let Some(byte) = text.bytes().find(u8::is_ascii_control) {
            return Err(Flaw::Invisible(char::from(byte)));
        }
    } else {
        for character in text.chars() {
            match character {
                // Nearly all there is: punctuation from 、 and the hanzi of the first plane.
                '\u{3001}'..='\u{9FFF}' => {}
                _ if character.is_control() => return Err(Flaw::Invisible(character)),
                '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {
                    return Err(Flaw::Invisible(character));
                }
                '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{FFF9}'..='\u{FFFF}' | '\u{F0000}'.. => {
                    return Err(Flaw::NoCharacter(character));
                }
                _ if u32::from(character) & 0xFFFE == 0xFFFE => return Err(Flaw::NoCharacter(character)),
                _ => {}
            }
        }
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(Flaw::EdgeSpace);
    }
    Ok(())
}

/// Refuses text that a spreadsheet would run when the file is opened in one (OWASP, CSV injection), full-width signs
/// included, as Chinese spreadsheets take them for the same.
///
/// # Errors
/// [`Flaw::Formula`].
pub fn check_formula(text: &str) -> Result<(), Flaw> {
    match text.chars().next() {
        Some(sign @ ('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) => Err(Flaw::Formula(sign)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_rare_characters_as_the_standard_has_them() {
        // Bytes from another implementation (Python's gb18030 codec).
        for (text, bytes) in [("𠮷", &[0x95, 0x34, 0xB2, 0x35][..]), ("䶮", &[0xFE, 0x9F]), ("é", &[0xA8, 0xA6])] {
            let mut out = vec![b'|'];
            TextEncoding::Gb18030.encode(text, &mut out).unwrap();
            assert_eq!(&out[1..], bytes, "{text}");
            assert_eq!(gb18030_bytes(text), bytes.len());
        }
        assert_eq!(gb18030_bytes("张三a"), 5);
    }

    #[test]
    fn gbk_refuses_what_it_lacks() {
        assert_eq!(TextEncoding::Gbk.encode("张𠮷", &mut Vec::new()), Err(Flaw::NotInEncoding('𠮷')));
    }

    #[test]
    fn refuses_what_is_not_seen_or_has_no_meaning() {
        for text in ["a\tb", "a\nb", "\0", "张\u{200B}三", "张\u{85}三", "\u{202E}张", "\u{FEFF}张"] {
            assert!(matches!(check_text(text), Err(Flaw::Invisible(_))), "{text:?}");
        }
        for text in ["\u{E5E5}", "\u{FFFD}", "\u{FFFE}", "\u{1FFFF}", "\u{F0001}"] {
            assert!(matches!(check_text(text), Err(Flaw::NoCharacter(_))), "{text:?}");
        }
        for text in [" a", "a ", "张三\u{3000}"] {
            assert_eq!(check_text(text), Err(Flaw::EdgeSpace), "{text:?}");
        }
        for text in ["", "张 三", "阿卜杜拉·买买提", "𠮷", "a|b\"c"] {
            assert_eq!(check_text(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn refuses_formulas() {
        for text in ["=1+1", "+86", "-1", "@SUM", "＝1"] {
            assert!(check_formula(text).is_err());
        }
        assert_eq!(check_formula("a=1"), Ok(()));
        assert_eq!(check_formula(""), Ok(()));
    }
}
