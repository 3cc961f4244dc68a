//! `ledger`: accounts, balances, entries, vouchers, holds, reversals, closing.

use std::path::PathBuf;

use ankuan_ledger::chain::hex;
use ankuan_ledger::{Amount, BookKey, EntryNo, HoldId, ItemId, Tx, VoucherNumber};
use clap::{Subcommand, ValueEnum};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, Words, day, words, yuan};
use crate::chart::{self, AccountKind};
use crate::clock::Randomness;
use crate::papers::attached::{self, AttachmentKind};
use crate::report::{self, AccountView, EntryRange, EntryView, Sides, TrialBalance};
use crate::request::Answer;
use crate::{Language, Message, Outcome, bookkeeping, books, cases};

/// The books that people look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Book {
    /// 案款 · Case money
    CaseMoney,
    /// 备查簿 · What is frozen elsewhere: no money of the court
    Memorandum,
    /// 救助资金 · Relief funds
    Relief,
}

impl Book {
    /// Its key in a court.
    #[must_use]
    pub const fn key(self, court_id: i64) -> BookKey {
        let book_id = match self {
            Self::CaseMoney => books::CASE_MONEY,
            Self::Memorandum => books::MEMORANDUM,
            Self::Relief => books::RELIEF,
        };
        BookKey { court_id, book_id }
    }

    /// In JSON, and in links.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CaseMoney => "case_money",
            Self::Memorandum => "memorandum",
            Self::Relief => "relief",
        }
    }
}

/// The ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// 科目及当前余额 · Accounts with their present balances
    Accounts {
        /// 只列某案 · Only those of a case
        #[arg(long)]
        case: Option<String>,
        /// 包括余额为零的科目 · With those that have nothing
        #[arg(long)]
        all: bool,
        /// 账簿；备查簿与案款从不合计 · Which book; the memorandum and money are never added up
        #[arg(long, value_enum, default_value_t = Book::CaseMoney)]
        book: Book,
    },
    /// 某日终了余额 · Balances at the end of a day
    Balance {
        /// 日期；不填为记账日期 · The day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        as_of: Option<Date>,
        /// 账簿；备查簿与案款从不合计 · Which book; the memorandum and money are never added up
        #[arg(long, value_enum, default_value_t = Book::CaseMoney)]
        book: Book,
    },
    /// 分录 · Entries
    Entries {
        /// 只列某科目 · Only those that touch an account
        #[arg(long, value_name = "CODE")]
        account: Option<String>,
        /// 起始分录号 · First entry
        #[arg(long, default_value_t = 1, value_name = "ENTRY")]
        from: i64,
        /// 最多行数 · At most so many lines
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// 账簿；备查簿与案款从不合计 · Which book; the memorandum and money are never added up
        #[arg(long, value_enum, default_value_t = Book::CaseMoney)]
        book: Book,
    },
    /// 凭证 · A voucher with its entries
    Voucher {
        /// 凭证编号 · Number of the voucher's row
        voucher: i64,
        /// 最多行数 · At most so many lines
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// 账簿；备查簿与案款从不合计 · Which book; the memorandum and money are never added up
        #[arg(long, value_enum, default_value_t = Book::CaseMoney)]
        book: Book,
    },
    /// 科目余额表 · Trial balance
    TrialBalance {
        /// 起始日期；不填为当月一日 · First day; default: first of the accounting month
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Option<Date>,
        /// 截止日期；不填为记账日期 · Last day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: Option<Date>,
        /// 账簿；备查簿与案款从不合计 · Which book; the memorandum and money are never added up
        #[arg(long, value_enum, default_value_t = Book::CaseMoney)]
        book: Book,
    },
    /// 留存 · Set a part of a balance aside
    Hold {
        /// 科目代码 · Code of the account
        account: String,
        /// 明细（到账编号） · Item, such as a receipt
        #[arg(long, default_value_t = 0)]
        item: i64,
        /// 金额（元） · Amount, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 动用留存 · Post a part of a hold into another account
    Capture {
        /// 留存编号 · Number of the hold
        hold: i64,
        /// 转入科目代码 · Code of the account it goes to
        #[arg(long, value_name = "CODE")]
        into: String,
        /// 转入明细 · Item there
        #[arg(long, default_value_t = 0)]
        item: i64,
        /// 金额（元） · Amount, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 解除留存 · Give a part of a hold back
    Release {
        /// 留存编号 · Number of the hold
        hold: i64,
        /// 金额（元） · Amount, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 冲销 · Reverse an entry
    Reverse {
        /// 分录号 · Number of the entry
        entry: i64,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 结账 · Close a month
    CloseMonth {
        /// 月份，如 2026-11 · Month, such as 2026-11
        month: String,
    },
    /// 为凭证附上回单、裁定等 · Attach a paper to a voucher: the bank's receipt, a ruling
    Attach {
        /// 凭证编号 · Number of the voucher's row
        voucher: i64,
        /// 文件（PDF、图片等） · The file: PDF, picture
        file: PathBuf,
        /// 种类：receipt_of_bank 银行回单、ruling 裁定、other 其他 · What it is
        #[arg(long, value_parser = attachment_kind())]
        kind: AttachmentKind,
    },
    /// 未附回单或附件的凭证 · Vouchers that have no paper
    Unattached {
        /// 月份，如 2026-11；默认记账日期所在月 · Month; default: that of the accounting date
        #[arg(long, value_name = "YYYY-MM")]
        month: Option<String>,
        /// 只列某种凭证：收、付、转 · Only vouchers of a kind
        #[arg(long, value_parser = ["receipt", "payment", "transfer"])]
        kind: Option<String>,
        /// 最多行数 · At most so many lines
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
}

fn attachment_kind() -> Words<AttachmentKind> {
    words(AttachmentKind::parse, AttachmentKind::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`report`] and [`bookkeeping`].
pub fn run(context: &Context, command: &LedgerCommand) -> Outcome<()> {
    let book = context.book();
    match command {
        LedgerCommand::Accounts { case, all, book } => accounts(context, case.as_deref(), *all, *book),
        LedgerCommand::Balance { as_of, book } => balance(context, as_of.unwrap_or_else(|| context.date()), *book),
        LedgerCommand::Entries { account, from, limit, book } => {
            entries(context, account.as_deref(), *from, *limit, *book)
        }
        LedgerCommand::Voucher { voucher, limit, book } => show_voucher(context, *voucher, *limit, *book),
        LedgerCommand::TrialBalance { from, until, book } => {
            let until = until.unwrap_or_else(|| context.date());
            trial_balance(context, from.unwrap_or_else(|| until.first_of_month()), until, *book)
        }
        LedgerCommand::Hold { account, item, amount, reason } => {
            context.record("ledger.hold", command, |tx, acting, _| {
                let account = report::find_account(tx, book, account)?;
                let hold = bookkeeping::hold(tx, acting, &account, ItemId(*item), *amount, reason)?;
                let message = Message::new("command.held")
                    .with("hold", hold.0)
                    .with("amount", amount)
                    .with("code", &account.code);
                Ok(Answer::new(&message, json!({"hold_id": hold.0, "amount_minor": amount, "currency": "CNY"})))
            })
        }
        LedgerCommand::Capture { hold, into, item, amount, reason } => {
            context.record("ledger.capture", command, |tx, acting, _| {
                let into = report::find_account(tx, book, into)?;
                let entry = bookkeeping::capture(tx, acting, HoldId(*hold), &into, ItemId(*item), *amount, reason)?;
                let message = Message::new("command.captured")
                    .with("hold", hold)
                    .with("amount", amount)
                    .with("code", &into.code)
                    .with("entry", entry.0);
                Ok(Answer::new(&message, json!({"entry_no": entry.0, "amount_minor": amount, "currency": "CNY"})))
            })
        }
        LedgerCommand::Release { hold, amount, reason } => {
            context.record("ledger.release", command, |tx, acting, _| {
                bookkeeping::release(tx, acting, HoldId(*hold), *amount, reason)?;
                let message = Message::new("command.hold_released").with("hold", hold).with("amount", amount);
                Ok(Answer::new(&message, json!({"hold_id": hold, "amount_minor": amount, "currency": "CNY"})))
            })
        }
        LedgerCommand::Reverse { entry, reason } => context.record("ledger.reverse", command, |tx, acting, _| {
            let reversal = bookkeeping::reverse(tx, acting, EntryNo(*entry), reason)?;
            let message = Message::new("command.reversed").with("entry", entry).with("reversal", reversal.0);
            Ok(Answer::new(&message, json!({"entry_no": reversal.0, "reverses": entry})))
        }),
        LedgerCommand::CloseMonth { month } => context.record("ledger.close_month", command, |tx, acting, _| {
            bookkeeping::close_month(tx, acting, month)?;
            let message = Message::new("command.month_closed").with("month", month);
            Ok(Answer::new(&message, json!({"month": month})))
        }),
        LedgerCommand::Attach { voucher, file, kind } => {
            let keys = context.keys()?;
            let (_, sha256) = crate::documents::open_hashed(file)?;
            context.record("ledger.attach", &(voucher, kind, sha256), |tx, acting, _| {
                let randomness = &mut Randomness::system();
                let (found, document) = attached::attach(tx, acting, &keys, randomness, (*voucher, *kind), file)?;
                let message = Message::new("forms.attached")
                    .with("month", &found.month)
                    .with_term("kind", &kind_message(&found.kind))
                    .with("number", found.number);
                let fields = json!({"voucher_id": voucher, "document_id": document, "sha256": hex(&sha256)});
                Ok(Answer::new(&message, fields))
            })
        }
        LedgerCommand::Unattached { month, kind, limit } => {
            unattached(context, month.as_deref(), kind.as_deref(), *limit)
        }
    }
}

fn accounts(context: &Context, case: Option<&str>, all: bool, of: Book) -> Outcome<()> {
    let book = of.key(context.globals.court);
    let shown = context.read(|tx| {
        let case_id =
            case.map(|number| cases::find_case(tx, context.book(), number)).transpose()?.map(|case| case.case_id);
        let mut accounts = report::accounts(tx, book)?;
        accounts.retain(|account| {
            (case_id.is_none() || account.case_id == case_id)
                && (all || account.posted != Amount::ZERO || account.held != Amount::ZERO)
        });
        name_in_language(context, tx, accounts.iter_mut())?;
        Ok(accounts)
    })?;
    let objects: Vec<_> = shown
        .iter()
        .map(|account| {
            json!({
                "account_id": account.account_id, "code": account.code, "name": account.name, "kind": account.kind,
                "normal_side": account.normal_side.as_str(), "case_id": account.case_id,
                "balance_minor": account.posted, "held_minor": account.held, "currency": "CNY",
            })
        })
        .collect();
    context.output.object(&json!({"book": of.as_str(), "accounts": objects}))?;
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|account| {
            let side = side_word(context, account.normal_side.as_str());
            vec![account.code, account.name, side, account.posted.to_string(), account.held.to_string()]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("column.code")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("column.side")),
            Column::number(Message::new("column.balance")),
            Column::number(Message::new("column.held")),
        ],
        &rows,
    )?;
    Ok(())
}

fn read_trial_balance(context: &Context, from: Date, until: Date, of: Book) -> Outcome<TrialBalance> {
    context.read(|tx| {
        let mut made = report::trial_balance(tx, of.key(context.globals.court), from, until)?;
        name_in_language(context, tx, made.lines.iter_mut().map(|line| &mut line.account))?;
        Ok(made)
    })
}

/// Accounts are named in Chinese in the book; who reads English sees the chart's English names of their kinds. Programs
/// get the book's own.
fn name_in_language<'a>(
    context: &Context,
    tx: &mut Tx<'_>,
    accounts: impl Iterator<Item = &'a mut AccountView>,
) -> Outcome<()> {
    if context.output.json || context.output.language == Language::Zh {
        return Ok(());
    }
    let chart = chart::load(tx, context.globals.court)?;
    for account in accounts {
        if let Some(kind) = AccountKind::parse(&account.kind) {
            account.name.clone_from(&chart.kind(kind).en);
        }
    }
    Ok(())
}

fn side_word(context: &Context, side: &str) -> String {
    let message = if side == "debit" { Message::new("column.debit") } else { Message::new("column.credit") };
    message.text(context.output.language)
}

fn balance(context: &Context, as_of: Date, of: Book) -> Outcome<()> {
    // The closing balance of the one day is what the book had at its end.
    let made = read_trial_balance(context, as_of, as_of, of)?;
    let objects: Vec<_> = made
        .lines
        .iter()
        .map(|line| {
            json!({"code": line.account.code, "name": line.account.name, "debit_minor": line.closing.debit,
                   "credit_minor": line.closing.credit})
        })
        .collect();
    context.output.object(&json!({
        "book": of.as_str(), "as_of": as_of.to_string(), "accounts": objects, "debit_minor": made.closing.debit,
        "credit_minor": made.closing.credit, "currency": "CNY", "ties": made.ties(),
    }))?;
    let mut rows: Vec<Vec<String>> = made
        .lines
        .iter()
        .map(|line| {
            vec![
                line.account.code.clone(),
                line.account.name.clone(),
                line.closing.debit.to_string(),
                line.closing.credit.to_string(),
            ]
        })
        .collect();
    rows.push(total_row(context, &[made.closing]));
    context.output.table(
        &[
            Column::text(Message::new("column.code")),
            Column::text(Message::new("column.name")),
            Column::number(Message::new("column.debit")),
            Column::number(Message::new("column.credit")),
        ],
        &rows,
    )?;
    refuse_untied(&made)
}

fn total_row(context: &Context, pairs: &[Sides]) -> Vec<String> {
    let mut row = vec![Message::new("column.total").text(context.output.language), String::new()];
    row.extend(pairs.iter().flat_map(|sides| [sides.debit.to_string(), sides.credit.to_string()]));
    row
}

fn refuse_untied(made: &TrialBalance) -> Outcome<()> {
    if made.ties() {
        return Ok(());
    }
    // Every line has two sides, so this is a changed row, not a bookkeeping error.
    Err(ankuan_ledger::Error::Inconsistent("the totals of debit and credit differ: run `ankuan verify`".into()).into())
}

fn trial_balance(context: &Context, from: Date, until: Date, of: Book) -> Outcome<()> {
    let made = read_trial_balance(context, from, until, of)?;
    let pair = |sides: Sides| json!({"debit_minor": sides.debit, "credit_minor": sides.credit});
    let objects: Vec<_> = made
        .lines
        .iter()
        .map(|line| {
            json!({"code": line.account.code, "name": line.account.name, "opening": pair(line.opening),
                   "movement": pair(line.movement), "closing": pair(line.closing)})
        })
        .collect();
    context.output.object(&json!({
        "book": of.as_str(), "from": from.to_string(), "until": until.to_string(), "accounts": objects, "opening": pair(made.opening),
        "movement": pair(made.movement), "closing": pair(made.closing), "currency": "CNY", "ties": made.ties(),
    }))?;
    let mut rows: Vec<Vec<String>> = made
        .lines
        .iter()
        .map(|line| {
            let mut row = vec![line.account.code.clone(), line.account.name.clone()];
            for sides in [line.opening, line.movement, line.closing] {
                row.extend([sides.debit.to_string(), sides.credit.to_string()]);
            }
            row
        })
        .collect();
    rows.push(total_row(context, &[made.opening, made.movement, made.closing]));
    context.output.table(
        &[
            Column::text(Message::new("column.code")),
            Column::text(Message::new("column.name")),
            Column::number(Message::new("column.opening_debit")),
            Column::number(Message::new("column.opening_credit")),
            Column::number(Message::new("column.movement_debit")),
            Column::number(Message::new("column.movement_credit")),
            Column::number(Message::new("column.closing_debit")),
            Column::number(Message::new("column.closing_credit")),
        ],
        &rows,
    )?;
    refuse_untied(&made)
}

fn entries(context: &Context, account: Option<&str>, first: i64, limit: i64, of: Book) -> Outcome<()> {
    let book = of.key(context.globals.court);
    let shown = context.read(|tx| {
        let account = account.map(|code| report::find_account(tx, book, code)).transpose()?;
        let account_id = account.map(|account| account.account_id);
        report::entries(tx, book, EntryRange { first, last: i64::MAX, account_id, limit })
    })?;
    context
        .output
        .object(&json!({"book": of.as_str(), "entries": shown.iter().map(entry_object).collect::<Vec<_>>()}))?;
    entry_table(context, &shown)
}

fn entry_object(entry: &EntryView) -> serde_json::Value {
    json!({
        "entry_no": entry.entry_no, "line_no": entry.line_no, "voucher_id": entry.voucher_id, "debit": entry.debit,
        "debit_item": entry.debit_item, "credit": entry.credit, "credit_item": entry.credit_item,
        "amount_minor": entry.amount, "currency": "CNY", "reverses": entry.reverses,
    })
}

fn entry_table(context: &Context, shown: &[EntryView]) -> Outcome<()> {
    let item = |code: &str, item: i64| if item == 0 { code.to_owned() } else { format!("{code} / {item}") };
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|entry| {
            vec![
                entry.entry_no.to_string(),
                entry.voucher_id.to_string(),
                item(&entry.debit, entry.debit_item),
                item(&entry.credit, entry.credit_item),
                entry.amount.to_string(),
                entry.reverses.map_or_else(String::new, |entry| entry.to_string()),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.entry")),
            Column::number(Message::new("column.voucher")),
            Column::text(Message::new("column.debit")),
            Column::text(Message::new("column.credit")),
            Column::number(Message::new("column.amount")),
            Column::number(Message::new("column.reverses")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show_voucher(context: &Context, voucher_id: i64, limit: i64, of: Book) -> Outcome<()> {
    let book = of.key(context.globals.court);
    let (voucher, shown) = context.read(|tx| {
        let voucher = report::find_voucher(tx, book, voucher_id)?;
        let range = EntryRange { first: voucher.first_entry_no, last: voucher.last_entry_no, account_id: None, limit };
        let entries = report::entries(tx, book, range)?;
        Ok((voucher, entries))
    })?;
    context.output.object(&json!({
        "voucher_id": voucher.voucher_id, "month": voucher.month, "kind": voucher.kind, "number": voucher.number,
        "accounting_date": voucher.accounting_date.to_string(), "event": voucher.event, "summary": voucher.summary,
        "prepared_by": voucher.actor_name, "attachments": voucher.attachments, "total_minor": voucher.total,
        "currency": "CNY", "entries": shown.iter().map(entry_object).collect::<Vec<_>>(),
    }))?;
    let kind = kind_message(&voucher.kind).text(context.output.language);
    context.output.pairs(&[
        (Message::new("column.voucher"), format!("{} {kind} {}", voucher.month, voucher.number)),
        (Message::new("column.date"), voucher.accounting_date.to_string()),
        (Message::new("column.summary"), voucher.summary.clone()),
        (Message::new("column.prepared_by"), voucher.actor_name.clone()),
        (Message::new("column.attachments"), voucher.attachments.to_string()),
        (Message::new("column.total"), voucher.total.to_string()),
    ])?;
    entry_table(context, &shown)
}

/// The kind of a voucher in words.
#[must_use]
pub fn kind_message(kind: &str) -> Message {
    Message::new(match kind {
        "receipt" => "column.kind_receipt",
        "payment" => "column.kind_payment",
        _ => "column.kind_transfer",
    })
}

/// A voucher as the books name it, `2026-11 转-1`; empty where there is none.
#[must_use]
pub fn voucher_name(voucher: Option<&VoucherNumber>, language: Language) -> String {
    voucher.map_or_else(String::new, |voucher| {
        format!("{} {}-{}", voucher.month, kind_message(voucher.kind.as_str()).text(language), voucher.number)
    })
}

fn unattached(context: &Context, month: Option<&str>, kind: Option<&str>, limit: i64) -> Outcome<()> {
    let month = month.map_or_else(|| context.date().strftime("%Y-%m").to_string(), str::to_owned);
    let which = (month.as_str(), kind.unwrap_or_default());
    let found = context.read(|tx| report::books::vouchers_without_paper(tx, context.book(), which, limit))?;
    context.output.object(&json!({"month": month, "currency": "CNY", "vouchers": found.iter().map(|voucher| json!({
        "voucher_id": voucher.voucher_id, "kind": voucher.kind, "number": voucher.number,
        "accounting_date": voucher.accounting_date.to_string(), "summary": voucher.summary,
        "total_minor": voucher.total,
    })).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|voucher| {
            vec![
                voucher.voucher_id.to_string(),
                voucher.accounting_date.to_string(),
                format!("{}-{}", kind_message(&voucher.kind).text(language), voucher.number),
                voucher.summary.clone(),
                voucher.total.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("forms.voucher_row")),
            Column::text(Message::new("column.date")),
            Column::text(Message::new("column.voucher")),
            Column::text(Message::new("column.summary")),
            Column::number(Message::new("column.total")),
        ],
        &rows,
    )?;
    context.output.sentence(&Message::new("forms.unattached").with("month", month).with("count", found.len()))?;
    Ok(())
}
