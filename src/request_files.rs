//! Files that a request made. What is recorded and what is written to a disk cannot be one transaction, so the bytes are kept
//! with what is recorded: a request that is done again, after its process died or its file was lost, gives the same files.

use std::path::Path;

use ankuan_ledger::Tx;
use ankuan_ledger::engine::Value;

use crate::access::Acting;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::request::Request;
use crate::service::jobs;
use crate::{Failure, Message, Outcome};

/// How long files are kept that no job takes over, in microseconds: they may hold codes, which count no longer than that.
pub const KEPT: i64 = crate::claimants::CODE_LASTS;

/// Bytes of a part: a row of a size that both databases take well.
const PART_BYTES: usize = 1 << 20;

/// A file that was made. Not printable: it may hold codes.
pub struct MadeFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl MadeFile {
    /// Whether it stands at a path already.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        std::fs::read(path).is_ok_and(|bytes| bytes == self.bytes)
    }
}

/// The only file of a request that makes one.
///
/// # Errors
/// `request.files_gone`: it was made so long ago that it is not kept any more.
pub fn only(files: Vec<MadeFile>) -> Result<MadeFile, Message> {
    files.into_iter().next().ok_or_else(|| Message::new("request.files_gone").with("days", KEPT / 86_400_000_000))
}

/// Keeps the files of a request, and removes those of all that were kept too long.
///
/// # Errors
/// `keys.*`; what the database says.
pub fn keep(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    acting: &Acting,
    request: &Request,
    files: &[MadeFile],
) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let over = acting.at.as_microsecond().saturating_sub(KEPT);
    tx.execute("DELETE FROM request_file WHERE court_id = $1 AND kept_at < $2", &[court_id.into(), over.into()])?;
    for file in files {
        let file_id = jobs::next_number(tx, court_id, "request_file")?;
        // An empty file has one empty part.
        let parts = file.bytes.chunks(PART_BYTES).chain(file.bytes.is_empty().then_some(&[][..]));
        for (part_no, part) in (1..).zip(parts) {
            let mut sealed = Vec::with_capacity(part.len() + 64);
            let nonce = randomness.bytes().map_err(std::io::Error::other)?;
            keys.seal(nonce, &place(court_id, file_id, part_no), part, &mut sealed)?;
            tx.execute(
                "INSERT INTO request_file (court_id, file_id, part_no, actor_id, operation, request_key, name, part, \
                 kept_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                &[
                    court_id.into(),
                    file_id.into(),
                    part_no.into(),
                    acting.actor.person_id.into(),
                    request.operation.into(),
                    request.key.as_str().into(),
                    file.name.as_str().into(),
                    Value::Bytes(&sealed),
                    acting.at.as_microsecond().into(),
                ],
            )?;
        }
    }
    Ok(())
}

/// The files of a request, as they were made; none where nothing is kept. They count as details that were opened.
///
/// # Errors
/// `keys.cannot_open`; what the database says.
pub fn kept(tx: &mut Tx<'_>, keys: &Keys, acting: &Acting, request: &Request) -> Outcome<Vec<MadeFile>> {
    let court_id = acting.actor.court_id;
    let mut files: Vec<MadeFile> = Vec::new();
    tx.each(
        "SELECT file_id, part_no, name, part FROM request_file \
         WHERE court_id = $1 AND actor_id = $2 AND request_key = $3 AND operation = $4 ORDER BY file_id, part_no",
        &[court_id.into(), acting.actor.person_id.into(), request.key.as_str().into(), request.operation.into()],
        |row| {
            let (file_id, part_no, mut sealed) = (row.int(0)?, row.int(1)?, row.bytes(3)?.to_vec());
            if part_no == 1 {
                keys.count_detail();
                files.push(MadeFile { name: row.text(2)?.to_owned(), bytes: Vec::new() });
            }
            let part = keys.open(&place(court_id, file_id, part_no), &mut sealed)?;
            if let Some(file) = files.last_mut() {
                file.bytes.extend_from_slice(part);
            }
            Ok::<(), Failure>(())
        },
    )?;
    Ok(files)
}

/// Removes the files of a request that nobody will do again.
///
/// # Errors
/// What the database says.
pub fn forget(tx: &mut Tx<'_>, court_id: i64, actor_id: i64, key: &str) -> Outcome<()> {
    tx.execute(
        "DELETE FROM request_file WHERE court_id = $1 AND actor_id = $2 AND request_key = $3",
        &[court_id.into(), actor_id.into(), key.into()],
    )?;
    Ok(())
}

fn place(court_id: i64, file_id: i64, part_no: i64) -> Vec<u8> {
    let mut place = b"request_file".to_vec();
    for number in [court_id, file_id, part_no] {
        place.extend_from_slice(&number.to_be_bytes());
    }
    place
}

/// What is sealed of requests.
pub(crate) const SEALED: Sealed = Sealed {
    table: "request_file",
    key: &["court_id", "file_id", "part_no"],
    column: "part",
    page: "SELECT court_id, file_id, part_no, part FROM request_file WHERE (court_id, file_id, part_no) > ($1, $2, $3) \
           ORDER BY court_id, file_id, part_no LIMIT 16",
    place: |row| Ok(place(row.int(0)?, row.int(1)?, row.int(2)?)),
};
