//! `claim`: what changes about a claim after its list.

use ankuan_ledger::Amount;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::output::Column;
use super::payee::{AccountArgs, ConfirmArgs, document_number, read_details};
use super::{Context, yuan};
use crate::access::{self, Acting};
use crate::bank;
use crate::cases;
use crate::claims::DocumentType;
use crate::claims::events::{self, ClaimRecord, NewDetails, NewPart, Statement, Which};
use crate::clock::Randomness;
use crate::documents::personal::PersonalDetail;
use crate::message::meaning;
use crate::request::Answer;
use crate::{Language, Message, Outcome};
use ankuan_ledger::Tx;

/// What changes about a claim.
#[derive(Clone, Debug, Subcommand)]
pub enum ClaimCommand {
    /// 列出待处理的债权（有误、有争议、逾期、账户不可用） · Claims that need attention
    List {
        /// 案号 · Case number
        case: String,
    },
    /// 显示债权及其变更 · Show a claim and what happened to it
    Show(ClaimArg),
    /// 确认有争议或逾期的债权 · Confirm a disputed or late claim
    Confirm(ChangeArgs),
    /// 登记争议 · Dispute a claim
    Dispute(ChangeArgs),
    /// 为有误的债权设预留 · Keep an amount for a broken claim
    Reserve {
        /// The claim, paper and second person.
        #[command(flatten)]
        change: ChangeArgs,
        /// 预留金额（元） · Amount kept, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
    },
    /// 更换收款信息 · Record new payment details
    Details {
        /// The claim, paper and second person.
        #[command(flatten)]
        change: ChangeArgs,
        /// The account.
        #[command(flatten)]
        account: AccountArgs,
    },
    /// 撤回债权 · Withdraw a claim
    Withdraw(ChangeArgs),
    /// 登记继承人、代理人等数名收款人 · Record several payees of one claim: heirs, agents
    Payees {
        /// The claim, paper and second person.
        #[command(flatten)]
        change: ChangeArgs,
        /// 份额,姓名,证件类别,证件号,账号,开户行[,联行号[,手机]]，每人一次 · One payee each
        // Read later: what clap refuses it prints, numbers and all.
        #[arg(
            long = "payee",
            value_name = "PART,NAME,KIND,NUMBER,ACCOUNT,BANK[,CODE[,TELEPHONE]]",
            required_unless_present = "details"
        )]
        payees: Vec<String>,
        /// 收款人文件（TOML，每人一段 [[payee]]），- 为标准输入 · File of payees (TOML, one [[payee]] each: part, name,
        /// document_type, document_number, account, bank, bank_code, telephone); - reads standard input
        #[arg(long, value_name = "FILE", conflicts_with = "payees")]
        details: Option<PathBuf>,
    },
}

/// A claim of a case.
#[derive(Clone, Debug, Args)]
pub struct ClaimArg {
    /// 案号 · Case number
    pub case: String,
    /// 债权人编号（名单所列） · The claimant's number in the list
    #[arg(required_unless_present = "claim")]
    pub claimant: Option<String>,
    /// 债权编号；名单编号重复或缺失时使用 · The claim's own number, where the list's is missing or shared
    #[arg(long, value_name = "ID", conflicts_with = "claimant")]
    pub claim: Option<i64>,
}

impl ClaimArg {
    fn which(&self) -> Which<'_> {
        match self.claim {
            Some(id) => Which::Id(id),
            None => Which::Number(self.claimant.as_deref().unwrap_or_default()),
        }
    }
}

/// A change of a claim.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArg,
    /// Paper and second person.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
}

/// A payee of a claim as it is typed, or stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PartRow {
    part: String,
    name: String,
    document_type: String,
    document_number: String,
    account: String,
    bank: String,
    bank_code: String,
    telephone: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFile {
    payee: Vec<PartRow>,
}

/// A payee of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PartArg {
    numerator: i64,
    denominator: i64,
    document_type: DocumentType,
    document_number: String,
    name: String,
    account: String,
    bank: String,
    bank_code: String,
    telephone: String,
}

/// A payee that is not one: which it is, counted from 1, and what is wrong. The value is not said; it may be a number
/// in the wrong place.
fn not_a_payee(place: usize, field: &str) -> Message {
    Message::new("claim.payee_form")
        .with("payee", place)
        .with("field", field)
        .with("known", DocumentType::ALL.map(DocumentType::as_str).join(", "))
}

fn typed_row(place: usize, text: &str) -> Result<PartRow, Message> {
    let fields: Vec<&str> = text.split([',', '，']).map(str::trim).collect();
    if !(6..=8).contains(&fields.len()) {
        return Err(not_a_payee(place, "count"));
    }
    let field = |place: usize| fields.get(place).copied().unwrap_or_default().to_owned();
    Ok(PartRow {
        part: field(0),
        name: field(1),
        document_type: field(2),
        document_number: field(3),
        account: field(4),
        bank: field(5),
        bank_code: field(6),
        telephone: field(7),
    })
}

fn part(place: usize, row: PartRow) -> Result<PartArg, Message> {
    let (numerator, denominator) = row.part.split_once('/').unwrap_or((&row.part, "1"));
    let whole = |text: &str| text.trim().parse().map_err(|_| not_a_payee(place, "part"));
    let document_type =
        DocumentType::from_code(&row.document_type).ok_or_else(|| not_a_payee(place, "document_type"))?;
    Ok(PartArg {
        numerator: whole(numerator)?,
        denominator: whole(denominator)?,
        document_type,
        document_number: document_number(document_type, &row.document_number),
        name: row.name,
        account: row.account,
        bank: row.bank,
        bank_code: row.bank_code,
        telephone: row.telephone,
    })
}

/// The payees of a command, typed or in a file.
fn parts(typed: &[String], file: Option<&Path>) -> Outcome<Vec<PartArg>> {
    let rows: Vec<PartRow> = match file {
        Some(path) => read_details::<PartFile>(path)?.payee,
        None => (1..).zip(typed).map(|(place, text)| typed_row(place, text)).collect::<Result<_, _>>()?,
    };
    Ok((1..).zip(rows).map(|(place, row)| part(place, row)).collect::<Result<_, _>>()?)
}

impl PartArg {
    fn new_part(&self) -> NewPart<'_> {
        let is_company = self.document_type == DocumentType::CreditCode;
        NewPart {
            numerator: self.numerator,
            denominator: self.denominator,
            document_type: self.document_type,
            detail: PersonalDetail {
                kind: if is_company { bank::PayeeKind::Company } else { bank::PayeeKind::Person },
                payee_name: &self.name,
                bank_name: &self.bank,
                bank_code: &self.bank_code,
                document_number: &self.document_number,
                account: &self.account,
                telephone: &self.telephone,
            },
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Those of [`events`].
pub fn run(context: &Context, command: &ClaimCommand) -> Outcome<()> {
    match command {
        ClaimCommand::List { case } => list(context, case),
        ClaimCommand::Show(claim) => show(context, claim),
        ClaimCommand::Confirm(args) => change(context, "claim.confirm", args, args, events::confirm_claim),
        ClaimCommand::Dispute(args) => change(context, "claim.dispute", args, args, events::dispute_claim),
        ClaimCommand::Withdraw(args) => change(context, "claim.withdraw", args, args, events::withdraw_claim),
        ClaimCommand::Reserve { change: args, amount } => {
            change(context, "claim.reserve", args, &(args, amount), |tx, acting, said| {
                events::reserve_claim(tx, acting, said, *amount)
            })
        }
        ClaimCommand::Details { change: args, account } => {
            let (keys, given) = (context.keys()?, account.read()?);
            change(context, "claim.details", args, &(args, account, &given), |tx, acting, said| {
                let claim = events::find_claim(tx, acting.actor.court_id, said.case, said.claim)?;
                let new = NewDetails { detail: given.detail(&claim.name, "") };
                events::change_claim_details(tx, acting, &keys, &mut Randomness::system(), said, &new)
            })
        }
        ClaimCommand::Payees { change: args, payees, details } => {
            let (keys, payees) = (context.keys()?, parts(payees, details.as_deref())?);
            change(context, "claim.payees", args, &(args, &payees), |tx, acting, said| {
                let parts: Vec<NewPart<'_>> = payees.iter().map(PartArg::new_part).collect();
                events::record_payees(tx, acting, &keys, &mut Randomness::system(), said, &parts)
            })
        }
    }
}

fn change(
    context: &Context,
    operation: &'static str,
    args: &ChangeArgs,
    asked: &impl std::fmt::Debug,
    work: impl FnOnce(&mut Tx<'_>, &Acting, &Statement<'_>) -> Outcome<ClaimRecord>,
) -> Outcome<()> {
    let book = context.book();
    context.record(operation, asked, |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.claim.case)?;
        let confirmed_by = access::find_actor(tx, book.court_id, &args.confirm.confirmed_by)?;
        let statement = Statement {
            case: &case,
            claim: args.claim.which(),
            reason: &args.confirm.reason,
            basis: &args.confirm.basis,
            confirmed_by: &confirmed_by,
        };
        let claim = work(tx, acting, &statement)?;
        let message = Message::new("claim.changed")
            .with("claimant", &claim.claimant_no)
            .with("name", &claim.name)
            .with_said("standing", |language| said("claim_standing", claim.standing.as_str(), language))
            .with("amount", claim.amount);
        Ok(Answer::new(&message, object(&claim)))
    })
}

fn object(claim: &ClaimRecord) -> serde_json::Value {
    json!({
        "claim_id": claim.claim_id, "row": claim.row_no, "claimant": claim.claimant_no, "name": claim.name,
        "document_type": claim.document_type, "amount_minor": claim.amount, "currency": "CNY",
        "standing": claim.standing.as_str(), "problem": claim.problem, "merged_into": claim.merged_into,
        "payees": claim.payees().iter().map(|payee| json!({
            "name": payee.payee_name, "numerator": payee.part.map(|part| part.0),
            "denominator": payee.part.map(|part| part.1),
        })).collect::<Vec<_>>(),
        "events": claim.events.iter().map(|event| json!({
            "id": event.id, "event": event.kind.as_str(), "amount_minor": event.amount, "reason": event.reason,
            "basis": event.basis, "proposed_by": event.proposed_by, "approved_by": event.approved_by,
        })).collect::<Vec<_>>(),
    })
}

/// A word of a list as it is shown.
fn said(list: &str, word: &str, language: Language) -> String {
    meaning(list, word, language).unwrap_or_else(|| word.to_owned())
}

/// What is wrong with a claim, in few words; the import said it at length.
fn problem(code: &str, language: Language) -> String {
    said("claim_problem", code.trim_start_matches("claims."), language)
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let (book, language) = (context.book(), context.output.language);
    let claims = context.read(|tx| {
        let case = cases::find_case(tx, book, number)?;
        events::open_claims(tx, book.court_id, &case)
    })?;
    context.output.object(&json!({"claims": claims.iter().map(object).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            vec![
                claim.claim_id.to_string(),
                claim.row_no.to_string(),
                claim.claimant_no.clone(),
                claim.name.clone(),
                claim.amount.to_string(),
                said("claim_standing", claim.standing.as_str(), language),
                claim.problem.as_deref().map(|code| problem(code, language)).unwrap_or_default(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::number(Message::new("claim.column_row")),
            Column::text(Message::new("claim.column_claimant")),
            Column::text(Message::new("column.name")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("claim.column_standing")),
            Column::text(Message::new("claim.column_problem")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, args: &ClaimArg) -> Outcome<()> {
    let (book, language) = (context.book(), context.output.language);
    let (claims, people) = context.read(|tx| {
        let case = cases::find_case(tx, book, &args.case)?;
        Ok((events::find_claims(tx, book.court_id, &case, args.which())?, access::people(tx, book.court_id)?))
    })?;
    context.output.object(&json!({"claims": claims.iter().map(object).collect::<Vec<_>>()}))?;
    let name_of = |id: i64| people.iter().find(|one| one.person_id == id).map_or("?", |one| one.name.as_str());
    for claim in &claims {
        let payees: Vec<String> = claim
            .payees()
            .iter()
            .filter_map(|payee| Some(format!("{} {}/{}", payee.payee_name.as_ref()?, payee.part?.0, payee.part?.1)))
            .collect();
        context.output.pairs(&[
            (Message::new("column.id"), claim.claim_id.to_string()),
            (Message::new("claim.column_row"), claim.row_no.to_string()),
            (Message::new("claim.column_claimant"), claim.claimant_no.clone()),
            (Message::new("column.name"), claim.name.clone()),
            (Message::new("column.amount"), claim.amount.to_string()),
            (Message::new("claim.column_standing"), said("claim_standing", claim.standing.as_str(), language)),
            (
                Message::new("claim.column_problem"),
                claim.problem.as_deref().map_or_else(|| "—".to_owned(), |code| problem(code, language)),
            ),
            (Message::new("claim.column_merged"), claim.merged_into.clone().unwrap_or_else(|| "—".to_owned())),
            (Message::new("claim.column_payees"), if payees.is_empty() { "—".to_owned() } else { payees.join("; ") }),
        ])?;
        let rows: Vec<Vec<String>> = claim
            .events
            .iter()
            .map(|event| {
                vec![
                    event.id.to_string(),
                    said("claim_event", event.kind.as_str(), language),
                    event.reason.clone(),
                    event.basis.clone(),
                    format!("{} / {}", name_of(event.proposed_by), name_of(event.approved_by)),
                ]
            })
            .collect();
        if !rows.is_empty() {
            context.output.table(
                &[
                    Column::number(Message::new("column.id")),
                    Column::text(Message::new("claim.column_event")),
                    Column::text(Message::new("claim.column_reason")),
                    Column::text(Message::new("sheet.column_basis")),
                    Column::text(Message::new("sheet.column_two_people")),
                ],
                &rows,
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payee_is_read_or_refused() {
        let read = |text: &str| typed_row(2, text).and_then(|row| part(2, row));
        let sound = "1/6，王芳，identity_card，11010519491231002x，6222020000000000015，中国工商银行";
        let payee = read(sound).expect("reads");
        assert_eq!((payee.numerator, payee.denominator), (1, 6));
        assert_eq!(payee.document_number, "11010519491231002X");
        for (wrong, field) in [
            ("", "count"),
            ("1/2,王芳", "count"),
            ("a/2,王芳,other,,622,工行", "part"),
            ("1/b,王芳,other,,622,工行", "part"),
            ("1/2,王芳,card,1,622,工行", "document_type"),
        ] {
            let known = DocumentType::ALL.map(DocumentType::as_str).join(", ");
            let said = [("payee", "2".to_owned()), ("field", field.to_owned()), ("known", known)];
            let message = read(wrong).expect_err("refused");
            assert_eq!((message.code, message.arguments), ("claim.payee_form", said.to_vec()), "{wrong}");
        }
    }
}
