//! Many rows at once.

use super::{Error, Kind, Result, Table, Tx, Value};

/// Rows are sent when this much has gathered: large enough that round trips do not count, small enough that memory
/// does not grow with the payout.
const SEND_AT_BYTES: usize = 1 << 20;

/// Rows as bytes, each as in PostgreSQL's binary `COPY`: the number of columns (2 bytes), then each column as its
/// length (4 bytes, −1 for no value) and its bytes; numbers are 8 bytes; all big-endian.
///
/// Without the number of columns and the last column (`mark`) they are the canonical form of a fact, which the chain
/// hashes.
#[derive(Debug, Default)]
pub struct RowBytes(Vec<u8>);

impl RowBytes {
    /// Begins a row of so many columns.
    pub fn begin(&mut self, columns: usize) {
        // A table has far fewer than 32,767 columns.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        self.0.extend_from_slice(&(columns as i16).to_be_bytes());
    }

    /// Adds the next column of the row.
    #[inline]
    pub fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.0.extend_from_slice(&(-1_i32).to_be_bytes()),
            Value::Int(number) => {
                let mut bytes = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
                bytes[4..].copy_from_slice(&number.to_be_bytes());
                self.0.extend_from_slice(&bytes);
            }
            Value::Text(text) => self.lengthy(text.as_bytes()),
            Value::Bytes(bytes) => self.lengthy(bytes),
        }
    }

    fn lengthy(&mut self, bytes: &[u8]) {
        // Values are bounded far below 2 GiB where they enter (documents are cut into chunks).
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        self.0.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// All bytes so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets the rows, keeps the room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows { rest: &self.0 }
    }
}

pub(super) struct Rows<'b> {
    rest: &'b [u8],
}

/// One row being read back; must be read to its end before the next.
pub(super) struct RowReader<'b, 'r> {
    rows: &'r mut Rows<'b>,
}

impl<'b> Rows<'b> {
    pub(super) fn next_row(&mut self) -> Option<RowReader<'b, '_>> {
        if self.rest.is_empty() {
            return None;
        }
        // A row that is cut short is noticed with its first value.
        self.rest = self.rest.get(2..).unwrap_or_default();
        Some(RowReader { rows: self })
    }
}

impl<'b> Rows<'b> {
    #[inline]
    fn next_value(&mut self, kind: Kind) -> Result<Value<'b>> {
        let short = || Error::Inconsistent("a row is shorter than its table".into());
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = i32::from_be_bytes(*length);
        let Ok(length) = usize::try_from(length) else {
            self.rest = rest;
            return Ok(Value::Null);
        };
        let (bytes, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        self.rest = rest;
        match kind {
            Kind::Int => Ok(Value::Int(i64::from_be_bytes(bytes.try_into().map_err(|_| short())?))),
            Kind::Text => std::str::from_utf8(bytes).map(Value::Text).map_err(|_| short()),
            Kind::Bytes => Ok(Value::Bytes(bytes)),
        }
    }
}

impl<'b> RowReader<'b, '_> {
    #[inline]
    pub(super) fn next_value(&mut self, kind: Kind) -> Result<Value<'b>> {
        self.rows.next_value(kind)
    }
}

/// A row that came by binary `COPY`: its bytes, and where each column ends in them.
#[derive(Debug)]
pub struct CopiedRow<'b> {
    /// Columns, each with its length before it.
    columns: &'b [u8],
    ends: &'b [usize],
}

impl<'b> CopiedRow<'b> {
    /// Reads where the columns end into `ends`, which it clears.
    pub(super) fn read(row: &'b [u8], ends: &'b mut Vec<usize>) -> Result<Self> {
        let short = || Error::Inconsistent("a row of COPY was cut short".into());
        let (count, columns) = row.split_first_chunk::<2>().ok_or_else(short)?;
        let mut end = 0;
        ends.clear();
        for _ in 0..i16::from_be_bytes(*count) {
            let length = columns.get(end..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(short)?;
            // −1 stands for no value and has no bytes.
            end += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            ends.push(end);
        }
        if end == columns.len() { Ok(Self { columns, ends }) } else { Err(short()) }
    }

    /// The first columns with their lengths, as they came.
    pub(super) fn leading(&self, columns: usize) -> Result<&'b [u8]> {
        let end = columns.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.columns.get(..end).ok_or_else(|| Error::Inconsistent("a row of COPY was cut short".into()))
    }

    #[inline]
    pub(super) fn value(&self, column: usize, kind: Kind) -> Result<Value<'b>> {
        let begin = if column == 0 { 0 } else { self.ends[column - 1] };
        Rows { rest: &self.columns[begin..self.ends[column]] }.next_value(kind)
    }
}

/// Rows on their way into one table. Sent in large pieces, each written by a thread of its own while the next gathers;
/// nothing is sure to be in the table before [`Bulk::finish`].
#[derive(Debug)]
pub struct Bulk {
    table: &'static Table,
    rows: RowBytes,
    count: u64,
}

impl Bulk {
    /// An empty bulk for a table.
    #[must_use]
    pub fn new(table: &'static Table) -> Self {
        Self { table, rows: RowBytes::default(), count: 0 }
    }

    /// Adds a row whose values stand in the order of the table's columns.
    ///
    /// # Errors
    /// As [`Tx::execute`], for a piece that was sent before.
    pub fn push(&mut self, tx: &mut Tx<'_>, values: &[Value<'_>]) -> Result<()> {
        debug_assert_eq!(values.len(), self.table.columns.len(), "{}", self.table.name);
        self.rows.begin(values.len());
        for value in values {
            self.rows.value(*value);
        }
        self.pushed(tx)
    }

    /// Adds a row that is already in the form of [`RowBytes`].
    ///
    /// # Errors
    /// As [`Bulk::push`].
    pub fn push_bytes(&mut self, tx: &mut Tx<'_>, row: &[u8]) -> Result<()> {
        self.rows.0.extend_from_slice(row);
        self.pushed(tx)
    }

    /// Takes over the rows of another bulk for the same table.
    ///
    /// # Errors
    /// As [`Bulk::push`].
    pub fn append(&mut self, tx: &mut Tx<'_>, other: Self) -> Result<()> {
        debug_assert!(std::ptr::eq(self.table, other.table), "{} and {}", self.table.name, other.table.name);
        self.rows.0.extend_from_slice(&other.rows.0);
        self.count += other.count;
        if self.rows.0.len() >= SEND_AT_BYTES { self.send(tx) } else { Ok(()) }
    }

    fn pushed(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.count += 1;
        if self.rows.0.len() >= SEND_AT_BYTES { self.send(tx) } else { Ok(()) }
    }

    fn send(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        crate::stop::at("bulk");
        tx.store.grown.insert(self.table.name);
        tx.store.connection.insert_piece(self.table, &mut self.rows)
    }

    /// Sends what is left; returns how many rows went in.
    ///
    /// # Errors
    /// As [`Bulk::push`].
    pub fn finish(self, tx: &mut Tx<'_>) -> Result<u64> {
        // Also where nothing is left: what was sent before must be in the table.
        let driver = tx.store.connection.driver()?;
        if !self.rows.0.is_empty() {
            crate::stop::at("bulk");
            driver.insert(self.table, &self.rows)?;
        }
        Ok(self.count)
    }
}
