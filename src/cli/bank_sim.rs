//! `bank-sim`: a bank to practise with.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::Args;
use jiff::civil::Date;

use super::output::Column;
use super::{Context, day, yuan};
use crate::Outcome;
use crate::bank_sim::{self, Debit, Options, ReplyFormat, StatementFormat};
use crate::message::Message;

/// What `bank-sim` takes.
#[derive(Clone, Debug, Args)]
pub struct BankSimArgs {
    /// 付款文件所在文件夹 · Folder of released payment files: generic-csv, generic-txt, pain001
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// 写入的文件夹，须为空 · Folder to write into; must be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// 随机种子 · Seed: the same seed and files give the same answers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 银行首日 · The bank's first day; --date where it is not given
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Option<Date>,
    /// 付款账号，文件中没有时必填 · The payer's account, where the files do not carry it
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// 付款户名 · Name of the payer's account, where the files do not carry it
    #[arg(long, value_name = "NAME")]
    pub holder: Option<String>,
    /// 期初余额（元） · Balance before the first day, in yuan; default: enough for all files
    #[arg(long, value_name = "AMOUNT", value_parser = yuan)]
    pub opening: Option<Amount>,
    /// 首日来款 CSV（金额,付款人,附言,交易流水号,子账户） · Credits of the first day
    #[arg(long, value_name = "FILE")]
    pub incoming: Option<PathBuf>,
    /// 拒付比例（千分比） · Lines rejected, per mille
    #[arg(long, default_value_t = 5, value_name = "PERMILLE", value_parser = permille())]
    pub reject: u16,
    /// 退票比例（千分比） · Paid lines that come back, per mille
    #[arg(long = "return", default_value_t = 3, value_name = "PERMILLE", value_parser = permille())]
    pub returned: u16,
    /// 付款后几日退票 · Days from payment to return
    #[arg(long, default_value_t = 2, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=60))]
    pub return_after: u16,
    /// 次日才有结果的比例（千分比） · Lines in hand until the next day, per mille
    #[arg(long, default_value_t = 0, value_name = "PERMILLE", value_parser = permille())]
    pub delay: u16,
    /// 回盘重复的比例（千分比） · Lines in a second copy of the answer, per mille; 1000: the whole file twice
    #[arg(long, default_value_t = 0, value_name = "PERMILLE", value_parser = permille())]
    pub duplicate: u16,
    /// 次日冲正的来款笔数 · Incoming credits taken back the next day
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub reverse: usize,
    /// 退票业务编号有误的比例（千分比） · Returns with a damaged line key, per mille
    #[arg(long, default_value_t = 0, value_name = "PERMILLE", value_parser = permille())]
    pub wrong_reference: u16,
    /// 利息和手续费 · The bank books interest and a charge of its own
    #[arg(long)]
    pub own_lines: bool,
    /// 扣款方式 · How the bank debits
    #[arg(long, value_enum, default_value_t)]
    pub debit: Debit,
    /// 回盘格式 · Form of the answers
    #[arg(long, value_enum, default_value_t)]
    pub reply: ReplyFormat,
    /// 对账单格式 · Form of the statements
    #[arg(long, value_enum, default_value_t)]
    pub statement: StatementFormat,
}

fn permille() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(0..=1_000)
}

/// Runs the bank. Opens no database.
///
/// # Errors
/// `bank_sim.no_day`, and those of [`bank_sim::simulate`].
pub fn run(context: &Context, args: &BankSimArgs) -> Outcome<()> {
    let from = args.from.or(context.globals.date).ok_or_else(|| Message::new("bank_sim.no_day"))?;
    let options = Options {
        seed: args.seed,
        from,
        account: args.account.clone(),
        holder: args.holder.clone(),
        opening: args.opening,
        reject: args.reject,
        returned: args.returned,
        return_after: args.return_after,
        delay: args.delay,
        duplicate: args.duplicate,
        reverse: args.reverse,
        wrong_reference: args.wrong_reference,
        own_lines: args.own_lines,
        debit: args.debit,
        reply: args.reply,
        statement: args.statement,
    };
    let report = bank_sim::simulate(&args.dir, args.incoming.as_deref(), &args.out, &options)?;
    context.output.object(&report)?;
    context.output.sentence(
        &Message::new("bank_sim.done")
            .with("account", &report.account)
            .with("files", report.files)
            .with("lines", report.lines)
            .with("written", report.written)
            .with("folder", args.out.display()),
    )?;
    let columns = [
        Column::text(Message::new("bank_sim.column_day")),
        Column::number(Message::new("bank_sim.column_files")),
        Column::number(Message::new("bank_sim.column_refused")),
        Column::number(Message::new("bank_sim.column_paid")),
        Column::number(Message::new("bank_sim.column_rejected")),
        Column::number(Message::new("bank_sim.column_returned")),
        Column::number(Message::new("bank_sim.column_opening")),
        Column::number(Message::new("bank_sim.column_debits")),
        Column::number(Message::new("bank_sim.column_credits")),
        Column::number(Message::new("bank_sim.column_closing")),
    ];
    let rows: Vec<Vec<String>> = report
        .days
        .iter()
        .map(|day| {
            vec![
                day.day.to_string(),
                day.files.to_string(),
                day.refused_files.to_string(),
                day.paid.to_string(),
                day.rejected.to_string(),
                day.returned.to_string(),
                day.opening_minor.to_string(),
                day.debits_minor.to_string(),
                day.credits_minor.to_string(),
                day.closing_minor.to_string(),
            ]
        })
        .collect();
    context.output.table(&columns, &rows)?;
    Ok(())
}
