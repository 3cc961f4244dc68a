//! XML as a stream of elements, with everything bounded that a hostile file could stretch.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::Event;

use super::super::Source;
use super::tags::Tag;
use crate::{Failure, Message, Outcome};

/// Read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The longest token: a tag with its attributes, a text, a comment. Remittance information has 140 characters.
const TOKEN_BYTES_MAX: usize = 1024 * 1024;

/// Messages nest some 15 deep, envelopes add a few.
const DEPTH_MAX: usize = 64;

/// What may be read for one piece (an entry with its details, a line of an answer): 1,000,000 details of 1 KiB each.
const PIECE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A file as a tree that is walked once: [`Xml::child`] opens the next element within the open one, and whoever
/// opened an element reads it to its end, with [`Xml::text`], [`Xml::skip`] or by asking for children until there are
/// none left.
pub(super) struct Xml<'s> {
    reader: Reader<Input<'s>>,
    /// The last token as it stands in the file.
    token: Vec<u8>,
    /// Length of the name, prefix included, when the last token opened an element.
    name_length: usize,
    text: String,
    depth: usize,
}

impl<'s> Xml<'s> {
    /// From the beginning of a file, which was looked at in order to tell the encoding.
    ///
    /// # Errors
    /// `reading.xml_encoding_unknown`; the file cannot be read.
    pub(super) fn open(beginning: &[u8], source: &'s mut dyn Source) -> Outcome<Self> {
        source.rewind()?;
        let encoding = encoding(beginning)?;
        let mut reader = Reader::from_reader(Input::new(source, encoding));
        reader.config_mut().expand_empty_elements = true;
        let token = Vec::with_capacity(1024);
        Ok(Self { reader, token, name_length: 0, text: String::new(), depth: 0 })
    }

    /// Opens the next element within the open one; `None` where the open one ends, and at the end of the file.
    ///
    /// # Errors
    /// `reading.truncated`, `reading.xml_malformed`, `reading.xml_entity`, `reading.xml_dtd`, `reading.xml_too_deep`,
    /// `reading.token_too_long`, `reading.piece_too_long`, `reading.xml_encoding`.
    pub(super) fn child(&mut self) -> Outcome<Option<Tag>> {
        loop {
            match self.token(Texts::Passed)? {
                Token::Open => return Ok(Some(self.tag())),
                Token::Close | Token::End => return Ok(None),
                Token::Text => {}
            }
        }
    }

    /// Opens the next element, wherever it stands; `None` at the end of the file.
    ///
    /// # Errors
    /// As [`Xml::child`].
    pub(super) fn walk(&mut self) -> Outcome<Option<Tag>> {
        loop {
            match self.token(Texts::Passed)? {
                Token::Open => return Ok(Some(self.tag())),
                Token::End => return Ok(None),
                Token::Close | Token::Text => {}
            }
        }
    }

    /// All text within the open element, trimmed, and its end: `<Dt><Dt>2014-12-31</Dt></Dt>` says the same as
    /// `<Dt>2014-12-31</Dt>`.
    ///
    /// # Errors
    /// As [`Xml::child`].
    pub(super) fn text(&mut self) -> Outcome<&str> {
        self.text.clear();
        let outside = self.depth - 1;
        while self.depth > outside {
            self.token(Texts::Taken)?;
            if self.text.len() > TOKEN_BYTES_MAX {
                return Err(self.refuse("reading.token_too_long").with("max", TOKEN_BYTES_MAX).into());
            }
        }
        Ok(self.text.trim())
    }

    /// As much of the last text as a sentence can quote.
    pub(super) fn last_text(&self) -> String {
        self.text.trim().chars().take(40).collect()
    }

    /// Passes over the rest of the open element.
    ///
    /// # Errors
    /// As [`Xml::child`].
    pub(super) fn skip(&mut self) -> Outcome<()> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.token(Texts::Passed)?;
        }
        Ok(())
    }

    /// Name, without prefix, of the element that was opened just now.
    pub(super) fn name(&self) -> &str {
        std::str::from_utf8(self.local_name()).unwrap_or_default()
    }

    #[inline]
    fn tag(&self) -> Tag {
        match Tag::of(&self.token[1..=self.name_length]) {
            // With a prefix, or not one that is read.
            Tag::Other => Tag::of(self.local_name()),
            tag => tag,
        }
    }

    fn local_name(&self) -> &[u8] {
        let name = &self.token[1..=self.name_length];
        let prefix = name.iter().rposition(|byte| *byte == b':').map_or(0, |colon| colon + 1);
        &name[prefix..]
    }

    /// The currency of the amount that was opened just now, empty if it has none.
    pub(super) fn currency(&self) -> &str {
        let Some(place) = self.token.windows(3).position(|window| window == b"Ccy") else { return "" };
        let mut rest = &self.token[place + 3..];
        while let [b'=' | b' ' | b'\t' | b'\n' | b'\r', behind @ ..] = rest {
            rest = behind;
        }
        rest.get(1..4)
            .and_then(|code| std::str::from_utf8(code).ok())
            .filter(|code| code.is_ascii())
            .unwrap_or_default()
    }

    /// The message and its version, `camt.053.001.08`, as some attribute of the element that was opened just now says:
    /// a namespace under any prefix, a Swiss one, a schema location, `Xmlns` written large.
    pub(super) fn message_name(&self) -> Option<String> {
        const SHAPE: &[u8] = b"aaaa.999.999.99";
        let is_name = |window: &&[u8]| {
            window.iter().zip(SHAPE).all(|(byte, shape)| match shape {
                b'a' => byte.is_ascii_lowercase(),
                b'9' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
        };
        let found = self.token.windows(SHAPE.len()).find(is_name)?;
        String::from_utf8(found.to_owned()).ok()
    }

    /// A refusal that says in which line of the file.
    pub(super) fn refuse(&self, code: &'static str) -> Message {
        Message::new(code).with("line", self.line())
    }

    /// The line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line()
    }

    /// What is read from here on is a piece of its own.
    pub(super) fn piece_begins(&mut self) {
        self.reader.get_mut().piece_begins();
    }

    /// The next token.
    ///
    /// The event is looked at where the reader leaves it: moving it would cost as much as finding it.
    #[inline]
    fn token(&mut self, texts: Texts) -> Outcome<Token> {
        self.token.clear();
        self.reader.get_mut().token_begins();
        let refused = match self.reader.read_event_into(&mut self.token) {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                self.name_length = start.name().0.len();
                self.depth += 1;
                if self.depth <= DEPTH_MAX {
                    return Ok(Token::Open);
                }
                Refused::TooDeep
            }
            Ok(Event::End(_)) => {
                self.depth -= 1;
                return Ok(Token::Close);
            }
            Ok(Event::Text(text)) => {
                if texts == Texts::Taken {
                    self.text.push_str(&text);
                }
                return Ok(Token::Text);
            }
            Ok(Event::CData(text)) => {
                if texts == Texts::Taken {
                    self.text.push_str(&text);
                }
                return Ok(Token::Text);
            }
            Ok(Event::GeneralRef(reference)) => {
                let character = match &*reference {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                if let Some(character) = character {
                    if texts == Texts::Taken {
                        self.text.push(character);
                    }
                    return Ok(Token::Text);
                }
                Refused::Entity(reference.chars().take(40).collect())
            }
            Ok(Event::Comment(_) | Event::PI(_) | Event::Decl(_)) => return Ok(Token::Text),
            Ok(Event::Eof) if self.depth == 0 => return Ok(Token::End),
            Ok(Event::Eof) => Refused::Truncated,
            Ok(Event::DocType(_)) => Refused::Dtd,
            Err(error) => Refused::Error(error),
        };
        Err(match refused {
            Refused::TooDeep => self.refuse("reading.xml_too_deep").with("max", DEPTH_MAX).into(),
            Refused::Entity(entity) => self.refuse("reading.xml_entity").with("entity", entity).into(),
            Refused::Truncated => self.refuse("reading.truncated").into(),
            Refused::Dtd => self.refuse("reading.xml_dtd").into(),
            Refused::Error(error) => self.refuse_error(&error),
        })
    }

    fn refuse_error(&self, error: &Error) -> Failure {
        let limit = self.reader.get_ref().limit;
        match error {
            Error::Io(_) if let Some((code, max)) = limit => self.refuse(code).with("max", max).into(),
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.refuse("reading.xml_encoding").into()
            }
            Error::Io(error) => io::Error::new(error.kind(), error.to_string()).into(),
            Error::Encoding(_) => self.refuse("reading.xml_encoding").into(),
            // The library finds these where the file ends within a tag or a comment.
            Error::Syntax(_) | Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
                self.refuse("reading.truncated").into()
            }
            other => self.refuse("reading.xml_malformed").with("detail", other).into(),
        }
    }
}

/// Why a token is refused.
enum Refused {
    TooDeep,
    Entity(String),
    Truncated,
    Dtd,
    Error(Error),
}

/// What becomes of texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    Taken,
    Passed,
}

enum Token {
    Open,
    Close,
    Text,
    End,
}

/// The encoding by byte order mark, else as declared, else UTF-8.
fn encoding(beginning: &[u8]) -> Result<&'static Encoding, Message> {
    if let Some((encoding, _)) = Encoding::for_bom(beginning) {
        return Ok(encoding);
    }
    // Declarations are ASCII in every encoding that needs one.
    let declaration = beginning.split(|byte| *byte == b'>').next().unwrap_or_default();
    let declaration = String::from_utf8_lossy(declaration);
    let Some((_, rest)) = declaration.split_once("encoding") else { return Ok(UTF_8) };
    let label = rest.trim_start_matches(['=', ' ', '\'', '"']).split(['\'', '"']).next().unwrap_or_default();
    Encoding::for_label(label.trim().as_bytes())
        // Whose declaration can be read a byte at a time is not in UTF-16, whatever it says.
        .map(|encoding| if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
        .ok_or_else(|| Message::new("reading.xml_encoding_unknown").with("encoding", label.trim()))
}

/// The file as UTF-8, in pieces; counts lines, and breaks off where a token or a piece is too long.
struct Input<'s> {
    source: &'s mut dyn Source,
    /// `None`: it is UTF-8 already, which the XML reader checks.
    decoder: Option<Decoder>,
    /// What was read and not decoded yet.
    raw: Vec<u8>,
    at_end: bool,
    buffer: Vec<u8>,
    start: usize,
    /// Line ends before `buffer`.
    lines: u64,
    /// Where the open token begins in the buffer, and its bytes in buffers before.
    token_start: usize,
    token_bytes: usize,
    piece_bytes: u64,
    /// The limit that was passed.
    limit: Option<(&'static str, u64)>,
}

impl<'s> Input<'s> {
    fn new(source: &'s mut dyn Source, encoding: &'static Encoding) -> Self {
        Self {
            source,
            decoder: (encoding != UTF_8).then(|| encoding.new_decoder_with_bom_removal()),
            raw: Vec::new(),
            at_end: false,
            buffer: Vec::with_capacity(CHUNK_BYTES),
            start: 0,
            lines: 0,
            token_start: 0,
            token_bytes: 0,
            piece_bytes: 0,
            limit: None,
        }
    }

    fn line(&self) -> u64 {
        self.lines + line_ends(&self.buffer[..self.start]) + 1
    }

    fn piece_begins(&mut self) {
        self.piece_bytes = 0;
    }

    fn token_begins(&mut self) {
        self.token_start = self.start;
        self.token_bytes = 0;
    }

    /// Takes in the next bytes. Limits are looked at here alone: a token that is too long fills many buffers.
    #[cold]
    fn refill(&mut self) -> io::Result<()> {
        self.token_bytes += self.buffer.len() - self.token_start;
        self.token_start = 0;
        if self.token_bytes > TOKEN_BYTES_MAX {
            self.limit = Some(("reading.token_too_long", TOKEN_BYTES_MAX as u64));
            return Err(io::Error::other("a token is too long"));
        }
        self.lines += line_ends(&self.buffer);
        self.start = 0;
        self.buffer.clear();
        self.piece_bytes += CHUNK_BYTES as u64;
        if self.piece_bytes > PIECE_BYTES_MAX {
            self.limit = Some(("reading.piece_too_long", PIECE_BYTES_MAX));
            return Err(io::Error::other("a piece is too long"));
        }
        let Some(decoder) = &mut self.decoder else {
            (&mut *self.source).take(CHUNK_BYTES as u64).read_to_end(&mut self.buffer)?;
            return Ok(());
        };
        // At most three bytes of UTF-8 for one of any other encoding.
        while self.buffer.is_empty() && !self.at_end {
            let read = (&mut *self.source).take(CHUNK_BYTES as u64 / 4).read_to_end(&mut self.raw)?;
            self.at_end = read == 0;
            self.buffer.resize(CHUNK_BYTES, 0);
            let (result, taken, written) =
                decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.buffer, self.at_end);
            self.buffer.truncate(written);
            self.raw.drain(..taken);
            if let DecoderResult::Malformed(..) = result {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not in the encoding"));
            }
        }
        Ok(())
    }
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(into.len());
        into[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Input<'_> {
    #[inline(always)]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.buffer.len() {
            self.refill()?;
        }
        Ok(&self.buffer[self.start..])
    }

    #[inline]
    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    // Sums of single bytes, as many as one byte can count: sixteen at a step.
    bytes.chunks(255).map(|some| u64::from(some.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}
