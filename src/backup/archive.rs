//! The file of a backup: a line that names it, then an LZ4 frame of blocks, each with its kind, its length and its bytes.
//! The last block is the digest of all before it.

use std::io::{self, Read, Write};

use lz4_flex::frame::{FrameDecoder, FrameEncoder, FrameInfo};
use ring::digest::{Context, SHA256};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::damaged;
use crate::{Failure, Message, Outcome};

/// First line of an archive.
const FILE_HEAD: &[u8] = b"ankuan-archive-1\n";

/// What stands behind the frame, and nothing behind that: without it, a cut in the mark that ends the frame would not
/// be seen.
const FILE_END: &[u8] = b"end\n";

/// How the archive begins: JSON.
pub const HEADER: u8 = b'H';
/// A table begins: JSON.
pub const TABLE: u8 = b'T';
/// Rows of the table that began last.
pub const ROWS: u8 = b'R';
/// What was in it: JSON.
pub const CONTENTS: u8 = b'C';
/// The digest of all blocks before it.
const DIGEST: u8 = b'D';

/// A block has about a megabyte, and a row at most a few; what claims more was not written by us.
const BLOCK_BYTES_MAX: usize = 256 << 20;

/// Writes an archive.
pub struct Writer<W: Write> {
    out: FrameEncoder<W>,
    digest: Context,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub fn begin(mut out: W) -> Outcome<Self> {
        out.write_all(FILE_HEAD)?;
        // The digest is of what was packed, and a changed byte may unpack to the same: the checksums are of the packed bytes.
        let info = FrameInfo::new().block_checksums(true);
        Ok(Self { out: FrameEncoder::with_frame_info(info, out), digest: Context::new(&SHA256) })
    }

    /// Adds a block.
    pub fn block(&mut self, kind: u8, bytes: &[u8]) -> Outcome<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?.to_be_bytes();
        for part in [&[kind][..], &length, bytes] {
            self.digest.update(part);
            self.out.write_all(part)?;
        }
        Ok(())
    }

    /// Adds a block of JSON.
    pub fn json(&mut self, kind: u8, value: &impl Serialize) -> Outcome<()> {
        let text = serde_json::to_vec(value).map_err(io::Error::from)?;
        self.block(kind, &text)
    }

    /// Ends it; returns what it was written to.
    pub fn end(mut self) -> Outcome<W> {
        let digest = self.digest.clone().finish();
        self.block(DIGEST, digest.as_ref())?;
        let mut out = self.out.finish().map_err(io::Error::other)?;
        out.write_all(FILE_END)?;
        Ok(out)
    }
}

/// A block that was read.
pub struct Block {
    /// Its kind.
    pub kind: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Block {
    /// As JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Outcome<T> {
        serde_json::from_slice(&self.bytes).map_err(|_| damaged().into())
    }
}

/// Reads an archive.
pub struct Reader<R: Read> {
    input: FrameDecoder<R>,
    digest: Context,
}

impl<R: Read> Reader<R> {
    /// Begins one.
    pub fn begin(mut input: R) -> Outcome<Self> {
        let mut head = [0; FILE_HEAD.len()];
        match input.read_exact(&mut head) {
            Ok(()) if head == FILE_HEAD => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => return Err(Message::new("backup.no_archive").into()),
        }
        Ok(Self { input: FrameDecoder::new(input), digest: Context::new(&SHA256) })
    }

    /// The next block.
    pub fn next(&mut self) -> Outcome<Block> {
        let mut head = [0; 5];
        self.read(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > BLOCK_BYTES_MAX {
            return Err(damaged().into());
        }
        // As much memory as bytes really come.
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        if read != length {
            return Err(damaged().into());
        }
        if kind != DIGEST {
            self.digest.update(&head);
            self.digest.update(&bytes);
        }
        Ok(Block { kind, bytes })
    }

    /// The next block, which must be JSON of a kind.
    pub fn json<T: DeserializeOwned>(&mut self, kind: u8) -> Outcome<T> {
        let block = self.next()?;
        if block.kind == kind { block.json() } else { Err(damaged().into()) }
    }

    /// That the archive ends here and is as it was written.
    pub fn end(mut self) -> Outcome<()> {
        let block = self.next()?;
        let digest = self.digest.clone().finish();
        let mut behind = Vec::new();
        let is_whole = block.kind == DIGEST
            && block.bytes == digest.as_ref()
            && self.input.read(&mut [0]).map_err(unreadable)? == 0
            && self.input.get_mut().take(FILE_END.len() as u64 + 1).read_to_end(&mut behind)? == FILE_END.len()
            && behind == FILE_END;
        if is_whole { Ok(()) } else { Err(damaged().into()) }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Outcome<()> {
        self.input.read_exact(bytes).map_err(unreadable)
    }
}

/// What does not unpack was changed or cut; a disk that cannot be read is something else.
fn unreadable(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::UnexpectedEof || error.raw_os_error().is_none() {
        return damaged().into();
    }
    error.into()
}
