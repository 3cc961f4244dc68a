//! The hash chain of a book: every stored field of every fact, in one canonical byte form.
//!
//! An act (one transaction) appends rows to fact tables, and one link. The rows that one act appends to one table, in
//! the order of their ids, form a running digest that begins anew with each act:
//!
//! ```text
//! d0   = SHA-256("ankuan-facts-1" ‖ table name)
//! d(n) = SHA-256(d(n-1) ‖ columns of row n)      all columns of the schema, in its order, but `mark`
//! mark = first eight bytes of d(n)               stored in the row, so that a changed row can be named
//! ```
//!
//! The last digest of each table goes into the link as a part, and each link's hash into the next:
//!
//! ```text
//! link = SHA-256("ankuan-link-1" ‖ 8 ‖ columns (court, book, link, act, actor, time, suite, previous hash)
//!                ‖ for each table, by name: 5 ‖ columns (table, first id, last id, rows, digest))
//! ```
//!
//! A column is its length (4 bytes, −1 for no value) and its bytes: a number 8 bytes in two's complement, a text
//! UTF-8, bytes as they are. 8 and 5 are the counts of columns, 2 bytes. All numbers are big-endian. That is a row of
//! PostgreSQL's binary `COPY`, whose count of columns the digest of a fact leaves out. The hash before the first link
//! is 32 zero bytes. `docs/verify_chain.py` computes all of it without this program.
//!
//! Whoever holds an earlier [`ChainHead`] can tell whether anything before it was changed, removed or slipped in.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};

use crate::engine::{RowBytes, Table, Value};

/// Names the algorithm and the byte form; a later suite stands beside it, never in its place.
pub const SUITE: &str = "sha256-copy-1";

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// The hash before the first link.
pub const GENESIS: Digest = [0; 32];

/// SHA-256 of the pieces, one after another.
#[must_use]
pub fn sha256(pieces: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(piece);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The running digest over the rows of one table.
#[derive(Debug, Clone)]
pub struct RunningDigest(Digest);

impl RunningDigest {
    /// Before the first row.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        Self(sha256(&[b"ankuan-facts-1", table.name.as_bytes()]))
    }

    /// Takes the next row (its canonical bytes) and returns its mark.
    pub fn take(&mut self, row: &[u8]) -> i64 {
        self.0 = sha256(&[&self.0, row]);
        let mut mark = [0; 8];
        mark.copy_from_slice(&self.0[..8]);
        i64::from_be_bytes(mark)
    }

    /// The digest of all rows so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

/// The rows of one table under one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Table.
    pub table_name: String,
    /// Smallest id.
    pub first_id: i64,
    /// Largest id.
    pub last_id: i64,
    /// Rows, which may be fewer than the ids or more (an entry of several lines).
    pub row_count: i64,
    /// Running digest after the last.
    pub digest: Digest,
}

/// A link without its hash.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    /// Court.
    pub court_id: i64,
    /// Book.
    pub book_id: i64,
    /// Number, from 1.
    pub link_no: i64,
    /// What was done.
    pub act: &'a str,
    /// Who did it.
    pub actor_id: i64,
    /// When, µs UTC.
    pub recorded_at: i64,
    /// [`SUITE`].
    pub suite: &'a str,
    /// Hash of the link before.
    pub previous_hash: Digest,
}

impl Link<'_> {
    /// The link's hash over its parts, which must be in the order of their tables' names.
    #[must_use]
    pub fn hash(&self, parts: &[Part]) -> Digest {
        let mut bytes = RowBytes::default();
        let mut row = |values: &[Value<'_>]| {
            bytes.begin(values.len());
            for value in values {
                bytes.value(*value);
            }
        };
        row(&[
            self.court_id.into(),
            self.book_id.into(),
            self.link_no.into(),
            self.act.into(),
            self.actor_id.into(),
            self.recorded_at.into(),
            self.suite.into(),
            Value::Bytes(&self.previous_hash),
        ]);
        for part in parts {
            row(&[
                part.table_name.as_str().into(),
                part.first_id.into(),
                part.last_id.into(),
                part.row_count.into(),
                Value::Bytes(&part.digest),
            ]);
        }
        sha256(&[b"ankuan-link-1", bytes.as_bytes()])
    }
}

/// The end of a book's chain at some moment: what is printed on manifests and kept by outsiders.
///
/// Written `ankuan:COURT:BOOK:LINK:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// Court.
    pub court_id: i64,
    /// Book.
    pub book_id: i64,
    /// Number of the last link; 0 for an empty chain.
    pub link_no: i64,
    /// Its hash.
    pub hash: Digest,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ankuan:{}:{}:{}:{}", self.court_id, self.book_id, self.link_no, hex(&self.hash))
    }
}

/// The text is not a head of a chain.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected ankuan:COURT:BOOK:LINK:HASH with a hash of 64 hexadecimal digits")]
pub struct NotAHead;

impl FromStr for ChainHead {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let mut fields = text.trim().split(':');
        if fields.next() != Some("ankuan") {
            return Err(NotAHead);
        }
        let mut number = || fields.next().and_then(|field| field.parse::<i64>().ok()).ok_or(NotAHead);
        let (court_id, book_id, link_no) = (number()?, number()?, number()?);
        let digits = fields.next().filter(|digits| digits.len() == 64 && digits.is_ascii()).ok_or(NotAHead)?;
        if fields.next().is_some() {
            return Err(NotAHead);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAHead)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAHead)?;
        }
        Ok(Self { court_id, book_id, link_no, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back() {
        let head = ChainHead { court_id: 1, book_id: 2, link_no: 3, hash: sha256(&[b"x"]) };
        assert_eq!(head.to_string().parse(), Ok(head));
        for bad in ["", "ankuan:1:2:3", "ankuan:1:2:3:zz", "ankuan:1:2:3:00:4"] {
            assert_eq!(bad.parse::<ChainHead>(), Err(NotAHead));
        }
    }
}
