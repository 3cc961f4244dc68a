//! `payee`: who is paid by ordinary payouts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::output::Column;
use super::{Context, Words, words};
use crate::access;
use crate::bank;
use crate::cases;
use crate::claims::DocumentType;
use crate::claims::events::{NewDetails, Statement, Which};
use crate::clock::Randomness;
use crate::documents::personal::PersonalDetail;
use crate::payouts::sheet::PayeeKind;
use crate::payouts::sheets::{self, NewPayee, Payee};
use crate::request::Answer;
use crate::{Failure, Message, Outcome};

/// Payees of ordinary payouts.
#[derive(Clone, Debug, Subcommand)]
pub enum PayeeCommand {
    /// 登记收款人及账户 · Add a payee with an account
    Add(AddArgs),
    /// 更换收款账户 · Record a payee's new account
    Details(DetailsArgs),
    /// 列出案件的收款人 · Payees of a case
    List {
        /// 案号 · Case number
        case: String,
    },
}

/// The largest file of details: far above [`crate::claims::events::PAYEES_MAX`] payees; a mistaken file is not read
/// whole.
const DETAILS_BYTES_MAX: u64 = 1 << 20;

/// An account, as a paper states it: option by option, or in a file. Options of a command can be seen by everybody on
/// the machine while it runs; a file or standard input cannot.
#[derive(Clone, Debug, Args)]
pub struct AccountArgs {
    /// 收款信息文件（TOML），- 为标准输入 · File of details (TOML: document_number, holder, account, bank, bank_code,
    /// telephone, company); - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["holder", "account", "bank", "bank_code", "telephone", "company"])]
    pub details: Option<PathBuf>,
    /// 户名；不填即收款人姓名 · Name of the account; default: the payee's name
    #[arg(long, value_name = "NAME")]
    pub holder: Option<String>,
    /// 账号 · Account number
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub account: String,
    /// 开户行 · Bank
    #[arg(long, value_name = "NAME", default_value = "")]
    pub bank: String,
    /// 联行号 · Bank code, 12 digits
    #[arg(long, value_name = "CODE", default_value = "")]
    pub bank_code: String,
    /// 手机号 · Telephone
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub telephone: String,
    /// 单位账户（对公） · The account of a company or another unit
    #[arg(long)]
    pub company: bool,
}

/// An account as it was given, in either way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    document_number: String,
    holder: Option<String>,
    account: String,
    bank: String,
    bank_code: String,
    telephone: String,
    company: bool,
}

impl AccountArgs {
    /// What was given, read from the file where one is named.
    ///
    /// # Errors
    /// Those of [`read_details`].
    pub fn read(&self) -> Outcome<Account> {
        if let Some(path) = &self.details {
            return read_details(path);
        }
        Ok(Account {
            document_number: String::new(),
            holder: self.holder.clone(),
            account: self.account.clone(),
            bank: self.bank.clone(),
            bank_code: self.bank_code.clone(),
            telephone: self.telephone.clone(),
            company: self.company,
        })
    }
}

impl Account {
    /// As details; the holder is this name unless another is given.
    #[must_use]
    pub fn detail<'a>(&'a self, name: &'a str, document_number: &'a str) -> PersonalDetail<'a> {
        PersonalDetail {
            kind: if self.company { bank::PayeeKind::Company } else { bank::PayeeKind::Person },
            payee_name: self.holder.as_deref().unwrap_or(name),
            bank_name: &self.bank,
            bank_code: &self.bank_code,
            document_number,
            account: &self.account,
            telephone: &self.telephone,
        }
    }
}

/// Reads details from a TOML file, or from standard input for `-`.
///
/// # Errors
/// `details.file`, naming the line and nothing that stands in it; what the file system says.
pub fn read_details<T: DeserializeOwned>(path: &Path) -> Outcome<T> {
    let is_input = path == Path::new("-");
    let failed = |error: std::io::Error| {
        if is_input { Failure::from(error) } else { Failure::of_file(path, &error) }
    };
    let refused = |line: usize| Message::new("details.file").with("file", path.display()).with("line", line);
    let mut bytes = Vec::new();
    let reader: Box<dyn Read> =
        if is_input { Box::new(std::io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
    reader.take(DETAILS_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > DETAILS_BYTES_MAX {
        return Err(refused(1).into());
    }
    let line_at = |place: usize| bytes[..place.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
    let text = std::str::from_utf8(&bytes).map_err(|error| refused(line_at(error.valid_up_to())))?;
    // What the parser says quotes the text, numbers and all.
    Ok(toml::from_str(text).map_err(|error| refused(line_at(error.span().map_or(0, |span| span.start))))?)
}

/// The paper and the second person of a change.
#[derive(Clone, Debug, Args)]
pub struct ConfirmArgs {
    /// 依据（文书或材料） · The paper it rests on
    #[arg(long, value_name = "PAPER")]
    pub basis: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
    /// 原因 · Why
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// What `payee add` takes.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// 案号 · Case number
    pub case: String,
    /// 类别：applicant 申请执行人，treasury 国库，debtor 被执行人，payer 交款人，other_court 其他法院，valuer 评估机构，
    /// tax_office 税务机关 · Who it is
    #[arg(value_parser = payee_kind())]
    pub kind: PayeeKind,
    /// 姓名或名称 · Name
    pub name: String,
    /// 证件类别：identity_card，credit_code，passport，hong_kong_macao_permit，taiwan_permit，permanent_residence，
    /// other · Kind of document
    #[arg(long, value_name = "KIND", value_parser = document_type(), default_value = "other")]
    pub document_type: DocumentType,
    /// 证件号码 · Document number
    #[arg(long, value_name = "NUMBER", default_value = "", conflicts_with = "details")]
    pub document_number: String,
    /// The account.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Paper and second person.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
}

/// What `payee details` takes.
#[derive(Clone, Debug, Args)]
pub struct DetailsArgs {
    /// 案号 · Case number
    pub case: String,
    /// 收款人编号 · Number of the payee
    pub payee: i64,
    /// The account.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Paper and second person.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
}

fn payee_kind() -> Words<PayeeKind> {
    words(PayeeKind::from_code, PayeeKind::ALL.map(PayeeKind::code))
}

/// A kind of document as an option of a command.
///
/// # Errors
/// The message, with the known words.
pub fn document_type() -> Words<DocumentType> {
    words(DocumentType::from_code, DocumentType::ALL.map(DocumentType::as_str))
}

/// A document number as it is kept: without blanks around it, an identity card's last letter as a capital.
#[must_use]
pub fn document_number(document_type: DocumentType, text: &str) -> String {
    let text = text.trim();
    if document_type == DocumentType::IdentityCard { text.to_ascii_uppercase() } else { text.to_owned() }
}

/// Runs the command.
///
/// # Errors
/// Those of [`sheets`].
pub fn run(context: &Context, command: &PayeeCommand) -> Outcome<()> {
    match command {
        PayeeCommand::Add(args) => add(context, args),
        PayeeCommand::Details(args) => details(context, args),
        PayeeCommand::List { case } => list(context, case),
    }
}

fn add(context: &Context, args: &AddArgs) -> Outcome<()> {
    let (book, keys, account) = (context.book(), context.keys()?, args.account.read()?);
    let given = if args.account.details.is_some() { &account.document_number } else { &args.document_number };
    context.record("payee.add", &(args, &account), |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.case)?;
        let confirmed_by = access::find_actor(tx, book.court_id, &args.confirm.confirmed_by)?;
        let number = document_number(args.document_type, given);
        let new = NewPayee {
            case: &case,
            kind: args.kind,
            name: &args.name,
            document_type: args.document_type,
            detail: account.detail(args.name.trim(), &number),
            basis: &args.confirm.basis,
            confirmed_by: &confirmed_by,
        };
        let payee = sheets::add_payee(tx, acting, &keys, &mut Randomness::system(), &new)?;
        let message = Message::new("payee.added")
            .with("payee", payee.payee_id)
            .with("name", &payee.name)
            .with("case", case.current_number());
        Ok(Answer::new(&message, object(&payee)))
    })
}

fn details(context: &Context, args: &DetailsArgs) -> Outcome<()> {
    let (book, keys, account) = (context.book(), context.keys()?, args.account.read()?);
    context.record("payee.details", &(args, &account), |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.case)?;
        let confirmed_by = access::find_actor(tx, book.court_id, &args.confirm.confirmed_by)?;
        let payee = sheets::find_payee(tx, book.court_id, &case, args.payee)?;
        let statement = Statement {
            case: &case,
            claim: Which::Id(args.payee),
            reason: &args.confirm.reason,
            basis: &args.confirm.basis,
            confirmed_by: &confirmed_by,
        };
        let new = NewDetails { detail: account.detail(&payee.name, "") };
        let random = &mut Randomness::system();
        let payee = sheets::change_payee_details(tx, acting, &keys, random, args.payee, &statement, &new)?;
        let message = Message::new("payee.details_changed").with("payee", payee.payee_id).with("name", &payee.name);
        Ok(Answer::new(&message, object(&payee)))
    })
}

fn object(payee: &Payee) -> serde_json::Value {
    json!({
        "payee_id": payee.payee_id, "case_id": payee.case_id, "kind": payee.kind.code(), "name": payee.name,
        "document_type": payee.document_type, "detail_id": payee.detail_id, "basis": payee.basis,
        "proposed_by": payee.proposed_by, "approved_by": payee.approved_by,
    })
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let book = context.book();
    let (payees, people) = context.read(|tx| {
        let case = cases::find_case(tx, book, number)?;
        Ok((sheets::payees_of_case(tx, book.court_id, case.case_id)?, access::people(tx, book.court_id)?))
    })?;
    context.output.object(&json!({"payees": payees.iter().map(object).collect::<Vec<_>>()}))?;
    let name_of = |id: i64| people.iter().find(|one| one.person_id == id).map_or("?", |one| one.name.as_str());
    let rows: Vec<Vec<String>> = payees
        .iter()
        .map(|payee| {
            vec![
                payee.payee_id.to_string(),
                payee.kind.message().text(context.output.language),
                payee.name.clone(),
                payee.basis.clone(),
                format!("{} / {}", name_of(payee.proposed_by), name_of(payee.approved_by)),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("sheet.column_kind")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("sheet.column_basis")),
            Column::text(Message::new("sheet.column_two_people")),
        ],
        &rows,
    )?;
    Ok(())
}
