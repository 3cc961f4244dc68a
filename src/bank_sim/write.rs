//! The files of the bank, and what they are written with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ankuan_ledger::Amount;
use encoding_rs::GB18030;
use jiff::civil::Date;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{Bank, reply, statement, truth};
use crate::amount::plain;
use crate::{Failure, Outcome};

/// Writes all days and the truth; returns how many files.
pub fn write(bank: &Bank, out: &Path) -> Outcome<u64> {
    let mut folder = Folder { path: out, written: 0 };
    for place in 0..bank.plan.days.len() {
        let path = out.join(bank.plan.days[place].date.to_string());
        fs::create_dir(&path).map_err(|error| Failure::of_file(&path, &error))?;
        let mut day = Folder { path: &path, written: 0 };
        reply::write_day(bank, place, &mut day)?;
        statement::write_day(bank, place, &mut day)?;
        folder.written += day.written;
    }
    // Last, so that it stands for all of it being there.
    folder.file("truth.json", |out| truth::write(bank, out))?;
    Ok(folder.written)
}

/// A folder that files are written to, never over another.
pub struct Folder<'a> {
    path: &'a Path,
    written: u64,
}

impl Folder<'_> {
    /// Writes one file.
    pub fn file(&mut self, name: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Outcome<()> {
        let path = self.path.join(name);
        let broken = |error: io::Error| Failure::of_file(&path, &error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Names and accounts of people, as in the payment files.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = BufWriter::with_capacity(64 * 1024, options.open(&path).map_err(broken)?);
        write(&mut out).and_then(|()| out.flush()).map_err(broken)?;
        self.written += 1;
        Ok(())
    }
}

/// A table in GB 18030 with CRLF.
pub struct Rows<W> {
    out: W,
    row: String,
}

impl<W: Write> Rows<W> {
    pub const fn new(out: W) -> Self {
        Self { out, row: String::new() }
    }

    pub fn row(&mut self, cells: &[&str]) -> io::Result<()> {
        self.row.clear();
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                self.row.push(',');
            }
            if cell.contains([',', '"']) {
                self.row.push('"');
                self.row.push_str(&cell.replace('"', "\"\""));
                self.row.push('"');
            } else {
                self.row.push_str(cell);
            }
        }
        self.row.push_str("\r\n");
        self.out.write_all(&GB18030.encode(&self.row).0)
    }
}

/// An ISO 20022 message.
pub struct Xml<W>(Writer<W>);

impl<W: Write> Xml<W> {
    /// Opens `Document` and the message in it.
    pub fn begin(out: W, namespace: &str, message: &str) -> io::Result<Self> {
        let mut xml = Self(Writer::new(out));
        xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let document = BytesStart::new("Document").with_attributes([("xmlns", namespace)]);
        xml.0.write_event(Event::Start(document))?;
        xml.open(message)?;
        Ok(xml)
    }

    pub fn end(&mut self, message: &str) -> io::Result<()> {
        self.close(message)?;
        self.close("Document")?;
        self.line()
    }

    /// A line break between elements, so that a person can look into the file.
    pub fn line(&mut self) -> io::Result<()> {
        self.0.get_mut().write_all(b"\n")
    }

    pub fn open(&mut self, name: &str) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name)))
    }

    pub fn close(&mut self, name: &str) -> io::Result<()> {
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with text, within others from the outermost: `["Sts", "Cd"]`. Not written when the text is empty, as
    /// no schema allows that.
    pub fn text(&mut self, names: &[&str], text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        for name in names {
            self.open(name)?;
        }
        self.0.write_event(Event::Text(BytesText::new(text)))?;
        for name in names.iter().rev() {
            self.close(name)?;
        }
        Ok(())
    }

    /// An amount without sign, in yuan.
    pub fn amount(&mut self, name: &str, amount: Amount) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name).with_attributes([("Ccy", "CNY")])))?;
        let text = plain(Amount::from_minor(amount.minor().abs()));
        self.0.write_event(Event::Text(BytesText::new(&text)))?;
        self.close(name)
    }

    /// Which way an amount goes.
    pub fn direction(&mut self, amount: Amount) -> io::Result<()> {
        self.text(&["CdtDbtInd"], if amount < Amount::ZERO { "DBIT" } else { "CRDT" })
    }
}

/// When the bank makes its files: in the evening, as there is no clock.
pub fn evening(day: Date) -> String {
    format!("{day}T18:00:00+08:00")
}
