//! `claims`: claimant lists.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ankuan_ledger::chain::hex;
use ankuan_ledger::{Amount, Store};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, yuan};
use crate::cases;
use crate::claims::record::{Import, StoredList, import_list, lists_of_case};
use crate::claims::{Problem, ProblemFile, Severity};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::request::{self, Answer};
use crate::request_files::{self, MadeFile};

/// Problems shown on the terminal; the file has them all.
const PROBLEMS_SHOWN: usize = 20;

/// Claimant lists.
#[derive(Clone, Debug, Subcommand)]
pub enum ClaimsCommand {
    /// 导入债权清单 · Read, check and store a claimant list
    Import(ImportArgs),
    /// 列出案件的清单 · Lists of a case
    List {
        /// 案号 · Case number
        #[arg(long)]
        case: String,
    },
}

/// What `claims import` takes.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// 清单文件（CSV、TXT、XLSX） · The list
    pub file: PathBuf,
    /// 案号 · Case the claims belong to
    #[arg(long)]
    pub case: String,
    /// 应有行数 · Rows the sender announced
    #[arg(long, value_name = "N")]
    pub expect_rows: Option<u64>,
    /// 应有合计（元） · Sum the sender announced, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub expect_sum: Option<Amount>,
    /// 问题清单写到此文件，可退回填报人 · Write every problem to this CSV, to send back
    #[arg(long, value_name = "FILE")]
    pub problems: Option<PathBuf>,
    /// 有无法确认的债权时仍导入，待登记留额 · Store the list although claims are broken; they block a distribution until a
    /// reserve is recorded
    #[arg(long)]
    pub keep_broken: bool,
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The list, when it was stored.
    pub list: StoredList,
    /// Problems by severity: file, claim, payment, warning.
    pub counts: [u64; 4],
    /// The first ones.
    pub shown: Vec<Problem>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`import_list`].
pub fn run(context: &Context, command: &ClaimsCommand) -> Outcome<()> {
    match command {
        ClaimsCommand::Import(args) => {
            let mut store = context.store()?;
            let imported = import(context, &mut store, &context.keys()?, args)?;
            print(context, args, &imported)
        }
        ClaimsCommand::List { case } => list(context, case),
    }
}

/// Imports a list; also the first step of the demo.
///
/// # Errors
/// Those of [`import_list`]; `claims_cli.broken_refused` without `--keep-broken`.
pub fn import(context: &Context, store: &mut Store, keys: &Keys, args: &ImportArgs) -> Outcome<Imported> {
    context.prove(store)?;
    let mut tx = store.begin()?;
    let acting = context.acting(&mut tx)?;
    let case = cases::find_case(&mut tx, context.book(), &args.case)?;
    let mut randomness = Randomness::system();
    let mut problem_file = args.problems.as_deref().map(ProblemsAside::new).transpose()?;
    let mut counts = [0_u64; 4];
    let mut shown = Vec::new();
    let mut write_failure = None;
    let size = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    let bar = context.output.progress(&Message::new("claims_cli.progress"), size / 120);
    let result = import_list(
        &mut tx,
        &acting,
        keys,
        &mut randomness,
        &Import { case_id: case.case_id, path: &args.file, expect_rows: args.expect_rows, expect_sum: args.expect_sum },
        &mut |problem| {
            counts[severity(problem.severity)] += 1;
            if let Some(file) = &mut problem_file
                && write_failure.is_none()
            {
                write_failure = file.out.write(&problem).err();
            }
            if shown.len() < PROBLEMS_SHOWN {
                shown.push(problem);
            }
        },
        &mut |row| bar.set(row),
    );
    bar.finish();
    if let Some(error) = write_failure {
        return Err(error.into());
    }
    if let Some(file) = problem_file {
        file.finish()?;
    }
    let list = match result {
        Ok(list) => list,
        Err(failure) => {
            show_problems(context, &shown, counts)?;
            return Err(failure);
        }
    };
    if !args.keep_broken && !list.already && list.broken > 0 {
        show_problems(context, &shown, counts)?;
        return Err(Message::new("claims_cli.broken_refused").with("count", list.broken).into());
    }
    let what = (&args.case, hex(&list.sha256), args.expect_rows, args.expect_sum, args.keep_broken);
    if let Some(request) = context.asked("claims.import", &what)? {
        let answer = Answer::new(&sentence(context, args, &list), json!({"list": list.list_id}));
        let is_again = request::take(&mut tx, &acting, &request, &answer)?;
        match &args.problems {
            // A list is read once, so what was found then is said again.
            Some(path) if is_again => {
                for kept in request_files::kept(&mut tx, keys, &acting, &request)? {
                    std::fs::write(path, kept.bytes).map_err(|error| Failure::of_file(path, &error))?;
                }
            }
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| Failure::of_file(path, &error))?;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let files = [MadeFile { name, bytes }];
                request_files::keep(&mut tx, keys, &mut randomness, &acting, &request, &files)?;
            }
            None => {}
        }
    }
    tx.commit()?;
    Ok(Imported { list, counts, shown })
}

/// The problem file is written aside and takes its name when it is whole.
struct ProblemsAside {
    out: ProblemFile<BufWriter<File>>,
    path: PathBuf,
    handle: File,
    temporary: tempfile::TempPath,
}

impl ProblemsAside {
    fn new(path: &Path) -> Outcome<Self> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (handle, temporary) = tempfile::Builder::new()
            .prefix(".problems")
            .tempfile_in(folder)
            .map_err(|error| Failure::of_file(path, &error))?
            .into_parts();
        let out = ProblemFile::new(BufWriter::new(handle.try_clone()?))?;
        Ok(Self { out, path: path.to_owned(), handle, temporary })
    }

    fn finish(self) -> Outcome<()> {
        self.out.finish()?;
        self.handle.sync_all()?;
        self.temporary.persist(&self.path).map_err(|error| Failure::of_file(&self.path, &error.error))
    }
}

const fn severity(severity: Severity) -> usize {
    match severity {
        Severity::File => 0,
        Severity::Claim => 1,
        Severity::Payment => 2,
        Severity::Warning => 3,
    }
}

const fn word(severity: Severity) -> Message {
    Message::new(match severity {
        Severity::File => "claims_cli.severity_file",
        Severity::Claim => "claims_cli.severity_claim",
        Severity::Payment => "claims_cli.severity_payment",
        Severity::Warning => "claims_cli.severity_warning",
    })
}

fn sentence(context: &Context, args: &ImportArgs, list: &StoredList) -> Message {
    Message::new(if list.already { "claims_cli.already" } else { "claims_cli.imported" })
        .with("file", context.shown(&args.file))
        .with("rows", list.rows)
        .with("total", list.total)
        .with("unsound", list.unsound)
        .with("broken", list.broken)
}

fn print(context: &Context, args: &ImportArgs, imported: &Imported) -> Outcome<()> {
    let list = &imported.list;
    context.output.object(&json!({
        "list": list.list_id,
        "already": list.already,
        "rows": list.rows,
        "broken": list.broken,
        "unsound_payments": list.unsound,
        "total_minor": list.total.minor(),
        "currency": "CNY",
        "sha256": hex(&list.sha256),
        "problems": {"claim": imported.counts[1], "payment": imported.counts[2], "warning": imported.counts[3]},
        "first_problems": imported.shown.iter().map(|problem| json!({
            "row": problem.row,
            "column": problem.column,
            "severity": problem.severity.as_str(),
            "code": problem.message.code,
            "message_zh": problem.message.text(crate::Language::Zh),
            "message_en": problem.message.text(crate::Language::En),
        })).collect::<Vec<_>>(),
    }))?;
    context.output.sentence(&sentence(context, args, list))?;
    if list.broken > 0 {
        context.output.sentence(&Message::new("claims_cli.broken_block").with("count", list.broken))?;
    }
    show_problems(context, &imported.shown, imported.counts)
}

fn show_problems(context: &Context, shown: &[Problem], counts: [u64; 4]) -> Outcome<()> {
    if shown.is_empty() || context.globals.json {
        return Ok(());
    }
    let language = context.output.language;
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|problem| {
            vec![
                if problem.row == 0 { String::new() } else { problem.row.to_string() },
                problem.column.clone().unwrap_or_default(),
                word(problem.severity).text(language),
                problem.message.code.to_owned(),
                problem.message.text(language),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("claims_cli.row")),
            Column::text(Message::new("claims_cli.column")),
            Column::text(Message::new("claims_cli.severity")),
            Column::text(Message::new("claims_cli.code")),
            Column::text(Message::new("claims_cli.problem")),
        ],
        &rows,
    )?;
    let all: u64 = counts.iter().sum();
    if all > shown.len() as u64 {
        let message = Message::new("claims_cli.more").with("shown", shown.len()).with("all", all);
        context.output.sentence(&message)?;
    }
    Ok(())
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let lists = context.read(|tx| {
        let case = cases::find_case(tx, context.book(), number)?;
        lists_of_case(tx, context.globals.court, case.case_id)
    })?;
    context.output.object(&json!({"lists": lists.iter().map(|list| json!({
        "list": list.list_id, "rows": list.rows, "broken": list.broken, "unsound_payments": list.unsound,
        "total_minor": list.total.minor(), "currency": "CNY", "sha256": hex(&list.sha256),
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = lists
        .iter()
        .map(|list| {
            vec![
                list.list_id.to_string(),
                list.rows.to_string(),
                list.broken.to_string(),
                list.unsound.to_string(),
                list.total.to_string(),
                ankuan_ledger::chain::hex(&list.sha256[..8]),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("claims_cli.list")),
            Column::number(Message::new("claims_cli.rows")),
            Column::number(Message::new("claims_cli.broken")),
            Column::number(Message::new("claims_cli.unsound")),
            Column::number(Message::new("claims_cli.total")),
            Column::text(Message::new("claims_cli.digest")),
        ],
        &rows,
    )?;
    Ok(())
}
