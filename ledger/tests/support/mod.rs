//! A database of its own for each test, on both engines.

use std::sync::atomic::{AtomicU32, Ordering};

use ankuan_ledger::Store;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh database; it is dropped with the value.
pub struct Database {
    pub address: String,
    admin: Option<(String, String)>,
    /// Removed with the database; also for what has to lie beside it, as a key file.
    #[allow(dead_code, reason = "for the tests that run the program")]
    pub folder: tempfile::TempDir,
}

impl Database {
    /// A new SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("sqlite:{}", folder.path().join("book.db").display());
        Self { address, admin: None, folder }
    }

    /// A new database on the test server, or nothing where there is none.
    pub fn postgres() -> Option<Self> {
        let Ok(admin) = std::env::var("ANKUAN_TEST_POSTGRES") else {
            println!("skipped: ANKUAN_TEST_POSTGRES is not set (scripts/test sets it)");
            return None;
        };
        Some(Self::on(&admin))
    }

    /// A new database on a server, by the address of another of its databases.
    pub fn on(admin: &str) -> Self {
        Self::create(admin, "")
    }

    /// A database with the same content. Nobody may be connected to this one.
    #[allow(dead_code, reason = "for the tests that start many times from one state")]
    pub fn copy(&self) -> Self {
        if let Some((admin, name)) = &self.admin {
            return Self::create(admin, &format!("TEMPLATE {name}"));
        }
        let copy = Self::sqlite();
        let file = |database: &Self| database.address["sqlite:".len()..].to_owned();
        let log = format!("{}-wal", file(self));
        assert!(!std::path::Path::new(&log).exists(), "{log}: somebody is still connected");
        if std::path::Path::new(&file(self)).exists() {
            std::fs::copy(file(self), file(&copy)).expect("copies");
        }
        copy
    }

    fn create(admin: &str, template: &str) -> Self {
        let name = format!("ankuan_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut client = postgres::Client::connect(admin, postgres::NoTls).expect("the test server");
        client.batch_execute(&format!("CREATE DATABASE {name} {template}")).expect("a database");
        let (server, _) = admin.rsplit_once('/').expect("an address with a database");
        let address = format!("{server}/{name}");
        Self { address, admin: Some((admin.to_owned(), name)), folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn open(&self) -> Store {
        Store::open(&self.address).expect("opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((admin, name)) = &self.admin
            && let Ok(mut client) = postgres::Client::connect(admin, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Makes a test for each engine out of a function that takes a [`Database`].
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { super::$name(&$crate::support::Database::sqlite()); })*
        }
        mod on_postgres {
            $(#[test] fn $name() {
                if let Some(database) = $crate::support::Database::postgres() { super::$name(&database); }
            })*
        }
    };
}
