//! The connection of a store, which writes the pieces of a [`Bulk`](super::Bulk) on a thread of its own: while one piece
//! goes into the database the caller checks, decides and hashes the next. Any other use waits until it is back.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Driver, Error, Result, RowBytes, Table};

pub(super) struct Connection {
    /// Away while a piece is being written.
    driver: Option<Driver>,
    /// Begun with the first piece: an act of a few rows needs none.
    writer: Option<Writer>,
    /// The room of the last piece, for the next.
    room: RowBytes,
    /// Whether a thread of its own writes them.
    aside: bool,
}

struct Writer {
    pieces: SyncSender<Piece>,
    written: Receiver<(Piece, Result<()>)>,
}

struct Piece {
    driver: Driver,
    table: &'static Table,
    rows: RowBytes,
}

impl Connection {
    pub(super) fn new(driver: Driver) -> Self {
        Self { driver: Some(driver), writer: None, room: RowBytes::default(), aside: true }
    }

    /// The driver, once it is back. An error of the rows that were written meanwhile is told here.
    pub(super) fn driver(&mut self) -> Result<&mut Driver> {
        if self.driver.is_none() {
            let back = self.writer.as_ref().and_then(|writer| writer.written.recv().ok());
            let (piece, result) = back.ok_or_else(lost)?;
            self.driver = Some(piece.driver);
            self.room = piece.rows;
            self.room.clear();
            result?;
        }
        self.driver.as_mut().ok_or_else(lost)
    }

    /// Writes pieces on the caller's thread from now on.
    pub(super) const fn write_in_line(&mut self) {
        self.aside = false;
    }

    /// Takes the rows, has them written, and leaves room for the next ones.
    pub(super) fn insert_piece(&mut self, table: &'static Table, rows: &mut RowBytes) -> Result<()> {
        if !self.aside {
            self.driver()?.insert(table, rows)?;
            rows.clear();
            return Ok(());
        }
        self.driver()?;
        let writer = match self.writer.take() {
            Some(writer) => self.writer.insert(writer),
            None => self.writer.insert(Writer::begin()?),
        };
        let driver = self.driver.take().ok_or_else(lost)?;
        let rows = std::mem::replace(rows, std::mem::take(&mut self.room));
        writer.pieces.send(Piece { driver, table, rows }).map_err(|_| lost())
    }
}

impl Writer {
    /// The thread ends when the store is dropped. No transaction ends before its pieces are written, so none is lost.
    fn begin() -> Result<Self> {
        let (pieces, to_write) = sync_channel::<Piece>(1);
        let (done, written) = sync_channel(1);
        thread::Builder::new().name("ankuan-rows".to_owned()).spawn(move || {
            for mut piece in to_write {
                let result = piece.driver.insert(piece.table, &piece.rows);
                if done.send((piece, result)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { pieces, written })
    }
}

/// Only after a panic in a driver.
fn lost() -> Error {
    Error::Io(std::io::Error::other("the connection to the database was lost while rows were written"))
}
