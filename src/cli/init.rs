//! `init`: create the schema and open a court.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Context;
use crate::chart::{self, NewCourt};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::request::Answer;
use crate::{Message, Outcome};

/// The largest chart: the default has 6 KB, and a mistaken file should not be read whole.
const CHART_BYTES_MAX: u64 = 1 << 20;

/// What `init` takes.
#[derive(Clone, Debug, Args)]
pub struct InitArgs {
    /// 法院名称 · The court's name, as printed on vouchers and files
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// 第一位管理员姓名 · Name of the first person, who becomes admin
    #[arg(long, value_name = "NAME")]
    pub admin: String,
    /// 会计科目与业务事项表 · Chart of accounts and event table (TOML); default: the built-in one
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
}

/// Creates what is missing and opens the court.
///
/// # Errors
/// Those of [`chart::open_court`]; `chart.unreadable`, `command.date_in_future`.
pub fn run(context: &Context, args: &InitArgs) -> Outcome<()> {
    context.refuse_future_date()?;
    let (chart_file, chart_text) = match &args.chart {
        Some(path) => (path.display().to_string(), read_chart(path)?),
        None => (chart::DEFAULT_FILE.to_owned(), chart::DEFAULT.to_owned()),
    };
    let new = NewCourt {
        court_id: context.globals.court,
        name: &args.name,
        admin_name: &args.admin,
        chart_file: &chart_file,
        chart_text: &chart_text,
    };
    // Nothing is made for a chart that cannot be used.
    chart::Chart::parse(&chart_file, &chart_text)?;
    let mut store = context.open()?;
    context.migrate(&mut store)?;
    let mut tx = store.begin()?;
    // Refuses a court that is there: nor are keys made for one that has its own.
    chart::open_court(&mut tx, &new, context.date(), context.clock().now())?;
    let key_path = context.key_path();
    let _usable =
        if key_path.exists() { Keys::read(&key_path)? } else { Keys::create(&key_path, &mut Randomness::system())? };
    tx.commit()?;
    let message = Message::new("command.court_opened")
        .with("name", &args.name)
        .with("court", context.globals.court)
        .with("admin", &args.admin)
        .with("database", context.shown_database());
    context.answer(&Answer::new(&message, json!({"court": context.globals.court, "name": args.name})))?;
    Ok(context.output.sentence(&Message::new("command.court_next").with("admin", &args.admin))?)
}

fn read_chart(path: &std::path::Path) -> Result<String, Message> {
    let unreadable =
        |detail: String| Message::new("chart.unreadable").with("file", path.display()).with("detail", detail);
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > CHART_BYTES_MAX {
        return Err(unreadable(format!("> {CHART_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}
