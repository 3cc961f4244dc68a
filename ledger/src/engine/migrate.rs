//! The schema, from one text.
//!
//! Migrations are written as PostgreSQL reads them. For SQLite three words are turned (`BIGINT`, `BYTEA`, and the
//! end of a table, which becomes `STRICT, WITHOUT ROWID`). What the engines write differently, the triggers that
//! keep facts from being changed, is made here for each fact table.

use super::{EngineKind, Error, Result, Store, Table, Tx};

/// A step of the schema: its name and its text.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_ledger`: the order and the subject.
    pub name: &'static str,
    /// Statements that both engines run after the words are turned.
    pub text: &'static str,
    /// Tables of this step that hold facts: rows are appended, never changed or deleted.
    pub facts: &'static [&'static Table],
}

impl Store {
    /// Brings the schema up to the given steps; returns the names of those that were missing. A step that stands
    /// in the database with another text is refused.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for a step that differs; else what the driver says. A step is whole or absent.
    pub fn migrate(&mut self, steps: &[Migration]) -> Result<Vec<&'static str>> {
        self.batch(
            "CREATE TABLE IF NOT EXISTS schema_step (name TEXT NOT NULL PRIMARY KEY, digest BLOB NOT NULL) STRICT",
            "CREATE TABLE IF NOT EXISTS schema_step (name TEXT NOT NULL PRIMARY KEY, digest BYTEA NOT NULL)",
        )?;
        let mut added = Vec::new();
        let mut tx = self.begin()?;
        // Two processes that start at once: the second waits here and finds the work done.
        if tx.engine() == EngineKind::Postgres {
            tx.store.batch("", "LOCK TABLE schema_step IN EXCLUSIVE MODE")?;
        }
        for step in steps {
            let digest = ring::digest::digest(&ring::digest::SHA256, step.text.as_bytes());
            let known = tx.query_opt("SELECT digest FROM schema_step WHERE name = $1", &[step.name.into()], |row| {
                Ok(row.bytes(0)?.to_vec())
            })?;
            match known {
                Some(known) if known == digest.as_ref() => continue,
                Some(_) => {
                    let message = format!("step {} of the schema differs from this program's", step.name);
                    return Err(Error::Inconsistent(message));
                }
                None => {}
            }
            tx.apply(step)?;
            tx.execute(
                "INSERT INTO schema_step (name, digest) VALUES ($1, $2)",
                &[step.name.into(), digest.as_ref().into()],
            )?;
            added.push(step.name);
        }
        if !added.is_empty() {
            tx.store.batch(SQLITE_STATISTICS, "")?;
        }
        tx.commit()?;
        Ok(added)
    }
}

impl Tx<'_> {
    fn apply(&mut self, step: &Migration) -> Result<()> {
        self.store.batch(&for_sqlite(step.text), step.text)?;
        for table in step.facts {
            let name = table.name;
            self.store.batch(
                &format!(
                    "CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name}
                         BEGIN SELECT RAISE(ABORT, 'constraint: {name}_is_fact'); END;
                     CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name}
                         BEGIN SELECT RAISE(ABORT, 'constraint: {name}_is_fact'); END;"
                ),
                &format!(
                    "CREATE OR REPLACE FUNCTION refuse_change_of_fact() RETURNS trigger LANGUAGE plpgsql AS $$
                         BEGIN RAISE EXCEPTION '%_is_fact', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$;
                     CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {name}
                         FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_fact();"
                ),
            )?;
        }
        Ok(())
    }
}

/// What SQLite's planner believes of every index. Left to itself it takes each column of a key for ten times as selective
/// as the one before it; here all keys begin with the court and the book, which are the same in nearly all rows of a
/// file, so it would read whole tables where an index by case stands ready. The figures are not counted but set: of a
/// million rows, columns of few values leave all (half, where the rows themselves lie in that order, so that a whole
/// table is read by its key), any other column leaves ten, and a unique key one. PostgreSQL counts for itself.
const SQLITE_STATISTICS: &str = r#"
    PRAGMA analysis_limit = 1;
    ANALYZE;
    DELETE FROM sqlite_stat1;
    INSERT INTO sqlite_stat1 (tbl, idx, stat)
        SELECT t.name, i.name, '1000000 ' || group_concat(CASE
            WHEN c.name IN ('court_id', 'book_id', 'bank_account_id', 'kind', 'event', 'month')
                THEN CASE i.origin WHEN 'pk' THEN '500000' ELSE '1000000' END
            WHEN i."unique" AND c.seqno = (SELECT MAX(seqno) FROM pragma_index_info(i.name)) THEN '1'
            ELSE '10' END, ' ' ORDER BY c.seqno)
        FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
        GROUP BY t.name, i.name;
    ANALYZE sqlite_schema;"#;

fn for_sqlite(text: &str) -> String {
    text.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB").replace("\n);", "\n) STRICT, WITHOUT ROWID;")
}
