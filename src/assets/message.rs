//! What institutions are told and answer, as files: JSON by `docs/schemas/`, and CSV. Amounts are decimal strings in yuan,
//! days are ISO dates. Pure.

use ankuan_ledger::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::rules::{Said, Verdict, WHOLE_BP};
use super::{Action, AssetKind, Basis};
use crate::amount::parse_yuan;
use crate::{Message, Outcome};

/// Names the form of an instruction.
pub const INSTRUCTION_SCHEMA: &str = "ankuan-instruction-1";

/// Names the form of an answer.
pub const ANSWER_SCHEMA: &str = "ankuan-answer-1";

/// A numbered message to an institution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// [`INSTRUCTION_SCHEMA`].
    pub schema: &'static str,
    /// `I2026-0001`
    pub number: String,
    /// Who orders.
    pub court: String,
    /// Who is told.
    pub institution: String,
    /// Day of the message.
    pub made_on: String,
    /// What is ordered, by number.
    pub orders: Vec<OrderLine>,
}

/// One order of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// The number under which it is to be answered.
    pub order: i64,
    /// freeze, renew, deduct, surrender, lift, query.
    pub action: &'static str,
    /// The freeze that it is about: the same for all orders on it. Of a query its own number.
    pub measure: i64,
    /// Case number.
    pub case: String,
    /// Number of the ruling or notice.
    pub ruling: String,
    /// Who carries it out.
    pub officer: String,
    /// preservation, enforcement.
    pub basis: &'static str,
    /// Day of the order.
    pub ordered_on: String,
    /// Of what.
    pub asset: AssetLine,
    /// Of a freeze or a deduction: how much, in yuan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Of a freeze: how much of it, per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<String>,
    /// Of a freeze: all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Of a freeze or renewal: how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<u16>,
    /// Of a frozen salary: what stays free each month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowance: Option<AllowanceLine>,
    /// Of a deduction or surrender: where the money is to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_to: Option<PayTo>,
}

/// The asset of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssetLine {
    /// Its kind.
    pub kind: &'static str,
    /// In whose name.
    pub holder: String,
    /// Its number.
    pub identifier: String,
}

/// Living allowance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllowanceLine {
    /// Each month, in yuan.
    pub monthly: String,
    /// Whether what was not drawn is carried over.
    pub carries_over: bool,
}

/// The court's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayTo {
    /// Number.
    pub account: String,
    /// Name.
    pub holder: String,
    /// Bank.
    pub bank: String,
    /// Bank code.
    pub bank_code: String,
}

/// Hundredths of a per cent as per cent with two decimals.
#[must_use]
pub fn percent(share_bp: i64) -> String {
    format!("{}.{:02}", share_bp / 100, share_bp % 100)
}

/// Headings of the CSV.
const HEADINGS: [&str; 20] = [
    "指令编号",
    "事项编号",
    "事项",
    "措施编号",
    "案号",
    "文书",
    "承办人",
    "依据",
    "日期",
    "财产类别",
    "户名",
    "账号或编号",
    "金额（元）",
    "份额（%）",
    "全部",
    "期限（月）",
    "每月生活费（元）",
    "生活费结转",
    "划入账号",
    "划入户名",
];

impl Instruction {
    /// As JSON, with a line feed at the end.
    ///
    /// # Errors
    /// None that the types allow.
    pub fn json(&self) -> Outcome<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// As CSV: UTF-8 with a mark, CRLF, one order a line.
    ///
    /// # Errors
    /// None that the types allow.
    pub fn csv(&self) -> Outcome<Vec<u8>> {
        let broken = |error: csv::Error| std::io::Error::other(error);
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::from("\u{feff}"));
        writer.write_record(HEADINGS).map_err(broken)?;
        for order in &self.orders {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let yes = |is: bool| if is { "是".to_owned() } else { String::new() };
            let pay_to = order.pay_to.as_ref();
            let row: [String; HEADINGS.len()] = [
                self.number.clone(),
                order.order.to_string(),
                order.action.to_owned(),
                order.measure.to_string(),
                order.case.clone(),
                order.ruling.clone(),
                order.officer.clone(),
                order.basis.to_owned(),
                order.ordered_on.clone(),
                order.asset.kind.to_owned(),
                order.asset.holder.clone(),
                order.asset.identifier.clone(),
                text(&order.amount),
                text(&order.share_percent),
                yes(order.whole),
                order.months.map(|months| months.to_string()).unwrap_or_default(),
                order.allowance.as_ref().map(|allowance| allowance.monthly.clone()).unwrap_or_default(),
                yes(order.allowance.as_ref().is_some_and(|allowance| allowance.carries_over)),
                pay_to.map(|account| account.account.clone()).unwrap_or_default(),
                pay_to.map(|account| account.holder.clone()).unwrap_or_default(),
            ];
            writer.write_record(&row).map_err(broken)?;
        }
        Ok(writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)
    }
}

/// An answer as read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFile {
    /// The instruction that it answers.
    pub instruction: String,
    /// Who answers.
    pub institution: String,
    /// Its lines.
    pub lines: Vec<AnswerLine>,
}

/// What is said of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerLine {
    /// In the file, from 1.
    pub line_no: usize,
    /// Order, result, day, amount or place.
    pub said: Said,
    /// The word of the result.
    pub result: &'static str,
    /// In the institution's words.
    pub reason: String,
    /// Of a deduction or surrender: under which name the money will come, where it is not the institution's.
    pub payer: String,
    /// Of a query: the share that was found, hundredths of a per cent.
    pub share_bp: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    schema: String,
    instruction: String,
    institution: String,
    answers: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    order: i64,
    result: String,
    on: String,
    #[serde(default)]
    amount: Option<String>,
    #[serde(default)]
    place: Option<i64>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    payer: Option<String>,
    #[serde(default)]
    share_percent: Option<String>,
}

/// Reads an answer: JSON, or CSV with the headings `指令编号,机构,事项编号,结果,日期,金额,轮候顺位,到期日,理由,付款户名` and,
/// where a share was found, `份额（%）`.
///
/// # Errors
/// `assets.answer_file` (neither, another schema, a field missing or unknown; with what is wrong), `assets.answer_line` (a
/// day, amount, place or result that cannot be; with the line), `assets.answer_empty`.
pub fn read_answer(bytes: &[u8]) -> Result<AnswerFile, Message> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong_file("UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw = if text.trim_start().starts_with('{') {
        serde_json::from_str::<RawAnswer>(text).map_err(wrong_file)?
    } else {
        read_csv(text)?
    };
    if raw.schema != ANSWER_SCHEMA {
        return Err(wrong_file(format!("schema {:?}, {ANSWER_SCHEMA:?}", raw.schema)));
    }
    if raw.answers.is_empty() {
        return Err(Message::new("assets.answer_empty"));
    }
    let lines = raw.answers.into_iter().enumerate().map(|(place, line)| line.read(place + 1));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok(AnswerFile { instruction: raw.instruction, institution: raw.institution.trim().to_owned(), lines })
}

fn wrong_file(detail: impl ToString) -> Message {
    Message::new("assets.answer_file").with("detail", detail.to_string())
}

const ANSWER_HEADINGS: [&str; 11] =
    ["指令编号", "机构", "事项编号", "结果", "日期", "金额", "轮候顺位", "到期日", "理由", "付款户名", "份额（%）"];

/// Headings that every answer has: the share came later and may be left out.
const ANSWER_HEADINGS_LEAST: usize = 10;

fn read_csv(text: &str) -> Result<RawAnswer, Message> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().map_err(wrong_file)?;
    let wanted = ANSWER_HEADINGS.iter().take(headings.len().max(ANSWER_HEADINGS_LEAST)).copied();
    if headings.iter().map(str::trim).ne(wanted) {
        return Err(wrong_file(ANSWER_HEADINGS.join(",")));
    }
    let mut raw = RawAnswer {
        schema: ANSWER_SCHEMA.to_owned(),
        instruction: String::new(),
        institution: String::new(),
        answers: Vec::new(),
    };
    for (place, record) in reader.records().enumerate() {
        let record = record.map_err(wrong_file)?;
        let cell = |column: usize| record.get(column).unwrap_or_default().trim().to_owned();
        let some = |column: usize| Some(cell(column)).filter(|text| !text.is_empty());
        let number = |column: usize| {
            let wrong = |_| wrong_line(place + 1, ANSWER_HEADINGS[column], cell(column));
            some(column).map(|text| text.parse::<i64>()).transpose().map_err(wrong)
        };
        let head = (cell(0), cell(1));
        if place > 0 && head != (raw.instruction.clone(), raw.institution.clone()) {
            return Err(wrong_line(place + 1, ANSWER_HEADINGS[0], head.0));
        }
        (raw.instruction, raw.institution) = head;
        raw.answers.push(RawLine {
            order: number(2)?.unwrap_or_default(),
            result: cell(3),
            on: cell(4),
            amount: some(5),
            place: number(6)?,
            until: some(7),
            reason: some(8),
            payer: some(9),
            share_percent: some(10),
        });
    }
    Ok(raw)
}

fn wrong_line(line: usize, field: &str, value: impl ToString) -> Message {
    let value = value.to_string();
    Message::new("assets.answer_line").with("line", line).with("field", field).with("value", value.escape_debug())
}

/// Per cent with up to two decimals, 0 to 100, in hundredths.
fn share_of(line_no: usize, text: &str) -> Result<i64, Message> {
    let share = parse_yuan(text).ok().map(Amount::minor).filter(|share| (0..=WHOLE_BP).contains(share));
    share.ok_or_else(|| wrong_line(line_no, "share_percent", text))
}

impl RawLine {
    fn read(self, line_no: usize) -> Result<AnswerLine, Message> {
        let day = |field: &str, text: &str| text.parse::<Date>().map_err(|_| wrong_line(line_no, field, text));
        let amount = self.amount.as_deref().map(parse_yuan).transpose();
        let amount = amount.map_err(|_| wrong_line(line_no, "amount", self.amount.clone().unwrap_or_default()))?;
        let needed = || amount.ok_or_else(|| wrong_line(line_no, "amount", ""));
        let (result, verdict) = match self.result.as_str() {
            "done" => ("done", Verdict::Done(amount)),
            "partly" => ("partly", Verdict::Partly(needed()?)),
            "waiting" => {
                let place = self.place.filter(|place| *place > 0);
                ("waiting", Verdict::Waiting(place.ok_or_else(|| wrong_line(line_no, "place", ""))?))
            }
            "refused" => ("refused", Verdict::Refused),
            "frozen" => ("frozen", Verdict::Frozen(needed()?)),
            "paid_elsewhere" => ("paid_elsewhere", Verdict::PaidElsewhere(needed()?)),
            other => return Err(wrong_line(line_no, "result", other)),
        };
        let reason = self.reason.unwrap_or_default().trim().to_owned();
        if matches!(verdict, Verdict::Refused | Verdict::PaidElsewhere(_)) && reason.is_empty() {
            return Err(wrong_line(line_no, "reason", ""));
        }
        let until = self.until.as_deref().map(|text| day("until", text)).transpose()?;
        let said = Said { order_id: self.order, verdict, on: day("on", &self.on)?, until };
        let payer = self.payer.unwrap_or_default().trim().to_owned();
        let share = self.share_percent.as_deref().map(|text| share_of(line_no, text)).transpose()?;
        Ok(AnswerLine { line_no, said, result, reason, payer, share_bp: share })
    }
}

impl OrderLine {
    /// An order as it stands in a message, but for what belongs to its action.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "all of them stand in the message")]
    pub fn new(
        order: i64,
        action: Action,
        measure: i64,
        case: String,
        ruling: String,
        officer: String,
        basis: Basis,
        ordered_on: Date,
        asset: (AssetKind, String, String),
    ) -> Self {
        Self {
            order,
            action: action.as_str(),
            measure,
            case,
            ruling,
            officer,
            basis: basis.as_str(),
            ordered_on: ordered_on.to_string(),
            asset: AssetLine { kind: asset.0.as_str(), holder: asset.1, identifier: asset.2 },
            amount: None,
            share_percent: None,
            whole: false,
            months: None,
            allowance: None,
            pay_to: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"schema":"ankuan-answer-1","instruction":"I2026-0001","institution":"某银行","answers":[
        {"order":7,"result":"partly","on":"2026-11-22","amount":"12.50","until":"2027-11-22"},
        {"order":8,"result":"refused","on":"2026-11-22","reason":"账户已注销"}]}"#;

    #[test]
    fn an_answer_reads_the_same_from_json_and_csv() {
        let csv = "\u{feff}指令编号,机构,事项编号,结果,日期,金额,轮候顺位,到期日,理由,付款户名\r\n\
                   I2026-0001,某银行,7,partly,2026-11-22,12.50,,2027-11-22,,\r\n\
                   I2026-0001,某银行,8,refused,2026-11-22,,,,账户已注销,\r\n";
        assert_eq!(read_answer(JSON.as_bytes()).unwrap(), read_answer(csv.as_bytes()).unwrap());
        // With the share that a query found, which came later.
        let json = JSON.replace("\"until\"", "\"share_percent\":\"12.5\",\"until\"");
        let csv =
            csv.replace("付款户名\r\n", "付款户名,份额（%）\r\n").replace("2027-11-22,,\r\n", "2027-11-22,,,12.5\r\n");
        let csv = csv.replace("账户已注销,\r\n", "账户已注销,,\r\n");
        let read = read_answer(json.as_bytes()).unwrap();
        assert_eq!(read.lines[0].share_bp, Some(1_250));
        assert_eq!(read, read_answer(csv.as_bytes()).unwrap());
    }

    #[test]
    fn a_wrong_answer_names_line_and_field() {
        for (from, to, code) in [
            ("ankuan-answer-1", "ankuan-answer-2", "assets.answer_file"),
            ("\"reason\"", "\"raeson\"", "assets.answer_file"),
            ("12.50", "12.505", "assets.answer_line"),
            ("\"amount\":\"12.50\",", "", "assets.answer_line"),
            ("账户已注销", " ", "assets.answer_line"),
            ("\"partly\"", "\"perhaps\"", "assets.answer_line"),
            ("\"partly\"", "\"waiting\"", "assets.answer_line"),
            ("2027-11-22", "2027-11-31", "assets.answer_line"),
            ("\"until\":\"2027-11-22\"", "\"share_percent\":\"100.01\"", "assets.answer_line"),
            ("\"partly\"", "\"paid_elsewhere\"", "assets.answer_line"),
        ] {
            let text = JSON.replacen(from, to, 1);
            assert_ne!(text, JSON);
            assert_eq!(read_answer(text.as_bytes()).unwrap_err().code, code, "{to}");
        }
        assert_eq!(read_answer(b"\xff").unwrap_err().code, "assets.answer_file");
        assert_eq!(read_answer(b"a,b\r\n").unwrap_err().code, "assets.answer_file");
    }
}
