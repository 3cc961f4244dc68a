//! `backup` and `restore`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ankuan_ledger::Store;
use ankuan_ledger::engine::EngineKind;
use clap::Args;
use serde_json::json;

use super::output::Exit;
use super::{Context, verify};
use crate::documents::keys::Keys;
use crate::service::guard::Guard;
use crate::{Failure, Message, Outcome, backup, clock, reads};

/// What `backup` takes.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// 备份文件；不覆盖已有文件 · The backup; a file that is there is not overwritten
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// What `restore` takes.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// 备份文件 · The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// 核验时不读取加密内容（无密钥时） · Leave sealed data out when it is verified, for whoever has no keys
    #[arg(long)]
    pub without_keys: bool,
}

/// Writes one moment of the database into a file, while it is being served.
///
/// # Errors
/// `backup.exists`, `command.no_database`; what the database or the file says.
pub fn run(context: &Context, args: &BackupArgs) -> Outcome<()> {
    let exists = || Message::new("backup.exists").with("path", args.out.display());
    if args.out.exists() {
        return Err(exists().into());
    }
    let mut store = context.open_existing()?;
    let folder = folder_of(&args.out);
    let of_file = |error: std::io::Error| Failure::of_file(&args.out, &error);
    // Whole under its name, or not there at all; readable by its owner only.
    let file = tempfile::Builder::new().prefix(".backup").tempfile_in(folder).map_err(of_file)?;
    let made_at = context.clock().now().as_microsecond();
    let mut log = if store.engine() == EngineKind::Sqlite { super::reads::open(context)? } else { None };
    let mut log = log.as_mut().map(Store::snapshot).transpose()?;
    let summary = backup::write(&mut store.snapshot()?, log.as_mut(), made_at, BufWriter::new(file.as_file()))?;
    drop(log);
    file.as_file().sync_all().map_err(of_file)?;
    file.persist_noclobber(&args.out).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::from(exists()),
        _ => of_file(error.error),
    })?;
    File::open(folder)?.sync_all()?;
    let rows: u64 = summary.contents.iter().map(|table| table.rows).sum();
    context.output.object(&json!({
        "file": args.out.display().to_string(),
        "rows": rows,
        "tables": summary.contents,
        "heads": summary.header.heads,
    }))?;
    let message = Message::new("backup.done").with("path", args.out.display()).with("rows", rows);
    context.output.sentence(&message)?;
    for head in &summary.header.heads {
        context.output.pairs(&[(Message::new("verify.head"), head.clone())])?;
    }
    context.output.sentence(&Message::new("backup.keys_apart").with("path", context.key_path().display()))?;
    Ok(())
}

/// Fills an empty database from a backup, and verifies every court in it.
///
/// # Errors
/// Those of [`backup::restore`]; `keys.missing`, `service.already_served`.
pub fn restore(context: &Context, args: &RestoreArgs) -> Outcome<Exit> {
    let file = File::open(&args.file).map_err(|error| Failure::of_file(&args.file, &error))?;
    // Known before the work is done.
    let keys = if args.without_keys { None } else { Some(Keys::read(&context.key_path())?) };
    let mut store = context.open()?;
    let guard = Guard::alone(&store, &context.globals.database)?;
    let is_beside = store.engine() == EngineKind::Sqlite;
    let wait = Duration::from_secs(context.globals.wait);
    let mut log = is_beside.then(|| reads::open(&context.globals.database, wait)).transpose()?;
    let summary = backup::restore(&mut store, log.as_mut(), BufReader::new(file))
        .map_err(|failure| failure.in_file(&args.file))?;
    // The steps that this program has and the backup had not.
    context.migrate(&mut store)?;
    let courts =
        store.snapshot()?.query("SELECT DISTINCT court_id FROM court ORDER BY court_id", &[], |row| row.int(0))?;
    let mut is_well = true;
    let mut reports = Vec::new();
    for court in courts {
        let mut of_court = context.clone();
        of_court.globals.court = court;
        let report = verify::check(&of_court, &mut store, keys.as_ref(), &[])?;
        is_well &= report.ok();
        verify::print_table(&of_court, &report)?;
        reports.push(json!({"court": court, "ok": report.ok(), "checks": verify::checks(&report),
            "heads": report.heads.iter().map(ToString::to_string).collect::<Vec<_>>()}));
    }
    drop(guard);
    let rows: u64 = summary.contents.iter().map(|table| table.rows).sum();
    context.output.object(&json!({
        "rows": rows,
        "made_at": summary.header.made_at,
        "heads": summary.header.heads,
        "verified": reports,
    }))?;
    let message = Message::new(if is_well { "backup.restored" } else { "backup.restored_not_well" });
    context.output.sentence(
        &message
            .with("rows", rows)
            .with("at", clock::shown_in_shanghai(summary.header.made_at))
            .with("database", context.shown_database()),
    )?;
    Ok(if is_well { Exit::Done } else { Exit::Refused })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
