//! Documents and personal data: content by digest, sealed, kept in the database.

pub mod keys;
pub mod personal;
pub mod rotation;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Bulk, Table, Tx, Value};
use ankuan_ledger::{Act, BookKey};
use ring::digest::{Context, SHA256};

use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// Bytes of a document sealed together: few rows for a large file, little memory for reading it.
const CHUNK_BYTES: usize = 1 << 20;

/// `document`
pub static DOCUMENT: Table = Table {
    name: "document",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("document_id", Int),
        ("kind", Text),
        ("name", Text),
        ("media_type", Text),
        ("byte_count", Int),
        ("sha256", Bytes),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["document_id"],
};

/// `document_chunk`
pub static DOCUMENT_CHUNK: Table = Table {
    name: "document_chunk",
    columns: &[("court_id", Int), ("book_id", Int), ("document_id", Int), ("chunk_no", Int), ("content", Bytes)],
    order: &["document_id", "chunk_no"],
};

/// What a document is, besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    /// What it is: claim_list, payment_file.
    pub kind: &'a str,
    /// File name.
    pub name: &'a str,
    /// Media type.
    pub media_type: &'a str,
}

/// A document as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// Row.
    pub document_id: i64,
    /// Length.
    pub byte_count: i64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// Stores a document: its fact in the act, its bytes compressed and sealed beside it.
///
/// # Errors
/// Reading the bytes, or the database.
pub fn store(
    tx: &mut Tx<'_>,
    act: &mut Act,
    keys: &Keys,
    randomness: &mut Randomness,
    new: &NewDocument<'_>,
    mut bytes: impl Read,
) -> Outcome<StoredDocument> {
    let BookKey { court_id, book_id } = act.book();
    let document_id = act.take_ids(1);
    let mut chunks = Bulk::new(&DOCUMENT_CHUNK);
    let mut digest = Context::new(&SHA256);
    let (mut byte_count, mut chunk_no) = (0_i64, 0_i64);
    let mut plain = Vec::with_capacity(CHUNK_BYTES);
    let mut sealed = Vec::new();
    loop {
        plain.clear();
        (&mut bytes).take(CHUNK_BYTES as u64).read_to_end(&mut plain)?;
        if plain.is_empty() {
            break;
        }
        digest.update(&plain);
        byte_count += plain.len() as i64;
        chunk_no += 1;
        let nonce = randomness.bytes().map_err(std::io::Error::other)?;
        sealed.clear();
        let packed = lz4_flex::compress_prepend_size(&plain);
        keys.seal(nonce, &place(document_id, chunk_no), &packed, &mut sealed)?;
        chunks
            .push(tx, &[court_id.into(), book_id.into(), document_id.into(), chunk_no.into(), Value::Bytes(&sealed)])?;
    }
    chunks.finish(tx)?;
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.finish().as_ref());
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &DOCUMENT,
        document_id,
        &[
            document_id.into(),
            new.kind.into(),
            new.name.into(),
            new.media_type.into(),
            byte_count.into(),
            Value::Bytes(&sha256),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(StoredDocument { document_id, byte_count, sha256 })
}

fn place(document_id: i64, chunk_no: i64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&document_id.to_be_bytes());
    place[8..].copy_from_slice(&chunk_no.to_be_bytes());
    place
}

/// What is sealed of documents.
pub(crate) const SEALED_CHUNKS: rotation::Sealed = rotation::Sealed {
    table: "document_chunk",
    key: &["court_id", "book_id", "document_id", "chunk_no"],
    column: "content",
    page: "SELECT court_id, book_id, document_id, chunk_no, content FROM document_chunk \
           WHERE (court_id, book_id, document_id, chunk_no) > ($1, $2, $3, $4) \
           ORDER BY court_id, book_id, document_id, chunk_no LIMIT 16",
    place: |row| Ok(place(row.int(2)?, row.int(3)?).to_vec()),
};

/// Reads a document chunk by chunk and checks its digest at the end.
///
/// # Errors
/// `documents.changed` when the bytes are not those that were stored; what `read` says.
pub fn each_chunk(
    tx: &mut Tx<'_>,
    keys: &Keys,
    book: BookKey,
    document_id: i64,
    read: &mut dyn FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<()> {
    let key = [book.court_id.into(), book.book_id.into(), document_id.into()];
    let stored = tx.query_one(
        "SELECT sha256 FROM document WHERE court_id = $1 AND book_id = $2 AND document_id = $3",
        &key,
        |row| row.digest(0),
    )?;
    let changed = || Message::new("documents.changed").with("document", document_id);
    let mut digest = Context::new(&SHA256);
    let mut scratch = Vec::new();
    let mut expected = 0;
    tx.each(
        "SELECT chunk_no, content FROM document_chunk WHERE court_id = $1 AND book_id = $2 AND document_id = $3 \
         ORDER BY chunk_no",
        &key,
        |row| {
            expected += 1;
            if row.int(0)? != expected {
                return Err(changed().into());
            }
            scratch.clear();
            scratch.extend_from_slice(row.bytes(1)?);
            let packed = keys.open(&place(document_id, expected), &mut scratch).map_err(|_| changed())?;
            let plain = lz4_flex::decompress_size_prepended(packed).map_err(|_| changed())?;
            digest.update(&plain);
            read(&plain)
        },
    )?;
    if digest.finish().as_ref() == stored { Ok(()) } else { Err(changed().into()) }
}

/// Refuses keys that do not open what the book has sealed so far: with them, new data would be lost to everybody who
/// holds the court's own.
///
/// # Errors
/// `keys.not_of_court`.
pub fn require_keys(tx: &mut Tx<'_>, keys: &Keys, book: BookKey) -> Outcome<()> {
    let sealed = tx.query_opt(
        "SELECT document_id, content FROM document_chunk WHERE court_id = $1 AND book_id = $2 AND chunk_no = 1 \
         ORDER BY document_id LIMIT 1",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.bytes(1)?.to_vec())),
    )?;
    let Some((document_id, mut content)) = sealed else { return Ok(()) };
    match keys.open(&place(document_id, 1), &mut content) {
        Ok(_) => Ok(()),
        Err(_) => Err(Message::new("keys.not_of_court").with("court", book.court_id).into()),
    }
}

/// A whole document, for what is small (a file of one bank batch).
///
/// # Errors
/// As [`each_chunk`].
pub fn read(tx: &mut Tx<'_>, keys: &Keys, book: BookKey, document_id: i64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    each_chunk(tx, keys, book, document_id, &mut |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(bytes)
}

/// A file at its beginning, and its digest: what was imported before is known before anything is stored.
///
/// # Errors
/// `file.*`, reading.
pub fn open_hashed(path: &Path) -> Outcome<(File, Digest)> {
    let of_file = |error: io::Error| Failure::of_file(path, &error);
    let mut file = File::open(path).map_err(of_file)?;
    // A folder opens like a file, and says so when it is read.
    let sha256 = sha256_of(&mut file).map_err(of_file)?;
    file.rewind().map_err(of_file)?;
    Ok((file, sha256))
}

/// All bytes of a small file; nothing beyond the most is read. `None`: it has more.
///
/// # Errors
/// `file.*`, reading.
pub fn read_small(path: &Path, bytes_max: u64) -> Outcome<Option<Vec<u8>>> {
    let of_file = |error: io::Error| Failure::of_file(path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(of_file)?.take(bytes_max + 1).read_to_end(&mut bytes).map_err(of_file)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Refuses a file that was written to while it was read: what is kept, what was understood and the digest by which it is
/// known again would be of different files.
///
/// # Errors
/// `file.changed`, reading.
pub fn must_be_unchanged(path: &Path, sha256: &Digest) -> Outcome<()> {
    let (_, now) = open_hashed(path)?;
    if now == *sha256 {
        return Ok(());
    }
    Err(Message::new("file.changed").with("path", path.display()).into())
}

fn sha256_of(mut bytes: impl Read) -> io::Result<Digest> {
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = bytes.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.finish().as_ref());
    Ok(sha256)
}
