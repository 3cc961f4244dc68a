//! ISO 20022: statements (camt.052, camt.053, camt.054), answers (pain.002), control totals of payment files (pain.001).
//!
//! Any version from .02 on and camt.052.001.01; any prefix or none, with or without namespace, `Document` bare or in
//! an envelope. Most real files are not valid by their schema; what is not read is passed over.

mod camt;
mod pain;
mod tags;
mod xml;

use ankuan_reconciliation::statement::Kind;

use super::{Content, FileKind, Sink, Source, at_line};
use crate::Outcome;
use tags::Tag;
use xml::Xml;

/// Whether a file begins as XML does, in UTF-8 or UTF-16.
pub(super) fn is_xml(beginning: &[u8]) -> bool {
    let is_utf_16 = beginning.starts_with(b"\xff\xfe<\0") || beginning.starts_with(b"\xfe\xff\0<");
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    is_utf_16 || text.trim_ascii_start().starts_with(b"<")
}

const CAMT_052: &str = "camt.052";
const CAMT_053: &str = "camt.053";
const CAMT_054: &str = "camt.054";
const PAIN_001: &str = "pain.001";
const PAIN_002: &str = "pain.002";

/// A message that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Statements(Kind),
    Answer,
    Payments,
}

impl Body {
    /// By the element around the message. The first versions carry theirs in the name: `BkToCstmrAcctRptV01`.
    fn of(element: &str) -> Option<Self> {
        // Version .02 of these two names the element after the message.
        match element.get(..9) {
            Some("pain.001.") => return Some(Self::Payments),
            Some("pain.002.") => return Some(Self::Answer),
            _ => {}
        }
        let versionless = element.rsplit_once('V').filter(|(_, version)| version.parse::<u8>().is_ok());
        match versionless.map_or(element, |(name, _)| name) {
            "BkToCstmrStmt" => Some(Self::Statements(Kind::Booked)),
            "BkToCstmrAcctRpt" => Some(Self::Statements(Kind::Intraday)),
            "BkToCstmrDbtCdtNtfctn" => Some(Self::Statements(Kind::Detail)),
            "CstmrPmtStsRpt" => Some(Self::Answer),
            "CstmrCdtTrfInitn" => Some(Self::Payments),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Statements(Kind::Booked) => CAMT_053,
            Self::Statements(Kind::Intraday) => CAMT_052,
            Self::Statements(Kind::Detail) => CAMT_054,
            Self::Answer => PAIN_002,
            Self::Payments => PAIN_001,
        }
    }
}

/// Reads a file whose beginning was looked at.
///
/// # Errors
/// `reading.no_body`, `reading.other_message`, `reading.several_messages`, and those of the message.
pub(super) fn read(beginning: &[u8], source: &mut dyn Source, sink: &mut dyn Sink) -> Outcome<FileKind> {
    let xml = &mut Xml::open(beginning, source)?;
    read_messages(xml, sink).map_err(|failure| at_line(failure, xml.line()))
}

fn read_messages(xml: &mut Xml<'_>, sink: &mut dyn Sink) -> Outcome<FileKind> {
    let mut name = None;
    let mut read: Option<(Body, Content)> = None;
    let mut parent = None;
    while let Some(tag) = xml.walk()? {
        name = name.or_else(|| xml.message_name());
        let is_message = parent.replace(tag) == Some(Tag::Document);
        let Some(body) = Body::of(xml.name()) else {
            if is_message {
                let message = name.unwrap_or_else(|| xml.name().to_owned());
                return Err(xml.refuse("reading.other_message").with("message", message).into());
            }
            continue;
        };
        // Several statements may come in messages of their own; of answers and payment files one a file.
        if read.is_some_and(|(first, _)| first != body || !matches!(body, Body::Statements(_))) {
            return Err(xml.refuse("reading.several_messages").into());
        }
        let content = match body {
            Body::Statements(kind) => camt::read(xml, kind, sink)?,
            Body::Answer => pain::read_answer(xml, name.is_some(), sink)?,
            Body::Payments => pain::check_payments(xml)?,
        };
        read = Some((body, content));
    }
    let Some((body, content)) = read else { return Err(xml.refuse("reading.no_body").into()) };
    let name = name.filter(|name| name.starts_with(body.name())).unwrap_or_else(|| body.name().to_owned());
    Ok(FileKind { name, content })
}
