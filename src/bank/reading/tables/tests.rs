//! Real exports, every feature by files of our own, and what hostile files come to.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use ankuan_reconciliation::reply::{Cause, Line, State};
use ankuan_reconciliation::statement::Direction::{Credit, Debit};
use ankuan_reconciliation::statement::{Entry, Status};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as NewWorkbook};

use super::*;
use crate::Language;

/// All that a file says.
#[derive(Debug, Default)]
struct Heard {
    name: String,
    head: account::Head,
    entries: Vec<Entry>,
    foot: account::Foot,
    answer: answer::Head,
    lines: Vec<Line>,
    answer_foot: answer::Foot,
    problems: Vec<Problem>,
    ends: u32,
}

impl Sink for Heard {
    fn statement(&mut self, piece: account::Piece<'_>) -> Outcome<()> {
        match piece {
            account::Piece::Begin(head) => self.head = head.clone(),
            account::Piece::Entry(entry) => self.entries.push(entry.clone()),
            account::Piece::End(foot) => (self.foot, self.ends) = (foot.clone(), self.ends + 1),
        }
        Ok(())
    }

    fn reply(&mut self, piece: answer::Piece<'_>) -> Outcome<()> {
        match piece {
            answer::Piece::Begin(head) => self.answer = head.clone(),
            answer::Piece::Line(line) => self.lines.push(line.clone()),
            answer::Piece::End(foot) => (self.answer_foot, self.ends) = (foot.clone(), self.ends + 1),
        }
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

impl Heard {
    fn codes(&self) -> Vec<(u64, &str)> {
        self.problems
            .iter()
            .map(|problem| (problem.line, problem.message.code.trim_start_matches("reading.")))
            .collect()
    }

    /// Number and sum of the booked credits and debits.
    fn sums(&self) -> (usize, String, usize, String) {
        let of = |direction| {
            let side = || {
                self.entries.iter().filter(move |entry| entry.direction == direction && entry.status == Status::Booked)
            };
            (side().count(), side().map(|entry| entry.amount).sum::<Decimal>().to_string())
        };
        let ((credits, credit_sum), (debits, debit_sum)) = (of(Credit), of(Debit));
        (credits, credit_sum, debits, debit_sum)
    }

    fn balances(&self) -> (Option<String>, Option<String>) {
        let text = |balance: &Option<account::Balance>| balance.as_ref().map(|balance| balance.amount.to_string());
        (text(&self.foot.opening), text(&self.foot.closing))
    }

    fn days(&self) -> (Date, Date) {
        let days = || self.entries.iter().filter_map(|entry| entry.booking_date);
        (days().min().unwrap(), days().max().unwrap())
    }
}

fn try_read(bytes: &[u8], profile: Option<&str>) -> Result<Heard, Message> {
    let mut heard = Heard::default();
    match read("流水.csv", &mut Cursor::new(bytes), profile, &mut heard) {
        Ok(kind) => {
            assert_eq!(heard.ends, 1);
            Ok(Heard { name: kind.name, ..heard })
        }
        Err(Failure::Refused(message)) => Err(message),
        Err(Failure::Broken(error)) => panic!("{error}"),
    }
}

fn hear(bytes: &[u8]) -> Heard {
    try_read(bytes, None).unwrap_or_else(|message| panic!("{}", message.text(Language::En)))
}

fn hear_by(profile: &str, text: &str) -> Heard {
    try_read(text.as_bytes(), Some(profile)).unwrap_or_else(|message| panic!("{}", message.text(Language::En)))
}

fn refusal(bytes: &[u8], profile: Option<&str>) -> (&'static str, String) {
    let message = try_read(bytes, profile).expect_err("must be refused");
    (message.code.trim_start_matches("reading."), message.text(Language::En))
}

fn row_of(message: &str) -> bool {
    message.contains("ow 3")
}

/// An export that somebody else wrote; `None` where they are not at hand.
fn sample(path: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("ANKUAN_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = shared.join("bank-files/cn-double-entry-generator");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(std::fs::read(folder.join(path)).unwrap())
}

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

#[test]
fn boc() {
    let Some(bytes) = sample("boc/debit/example-boc-records.csv") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "boc-debit");
    assert_eq!(heard.codes(), []);
    assert_eq!((heard.head.account.as_str(), heard.head.currency.as_str()), ("3167", "CNY"));
    assert_eq!(heard.sums(), (4, "9821.00".into(), 13, "9394.30".into()));
    assert_eq!(heard.days(), (date(2025, 8, 1), date(2025, 8, 22)));
    // The newest row stands first.
    assert_eq!(heard.balances(), (Some("2813.58".into()), Some("3240.28".into())));
    assert_eq!(heard.foot.closing.as_ref().unwrap().date, Some(date(2025, 8, 22)));
    let wages = &heard.entries[11];
    assert_eq!((wages.place, wages.direction, wages.amount), (14, Credit, Decimal::new(577_100, 2)));
    assert_eq!((wages.code.as_str(), wages.text.as_str()), ("工资", ""));
    assert_eq!((wages.name.as_str(), wages.account.as_str()), ("美金数据有限公司", "4520******1924"));
}

#[test]
fn bocom() {
    let Some(bytes) = sample("bocom_debit/example-bocom_debit-records.csv") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "bocom-debit");
    assert_eq!(heard.sums(), (3, "11.25".into(), 3, "114.00".into()));
    assert_eq!(heard.days(), (date(2024, 2, 2), date(2025, 1, 1)));
    assert_eq!(heard.codes(), [(3, "table_balance_breaks")]);
    assert_eq!(heard.balances(), (None, None));
    assert_eq!(
        heard.entries[5].text,
        "网银在线（北京）科技有限公司 网上支付 基金理财产品申购 订单编号20250123123213213131321313131 肯特瑞小金库网银平台 交易流水号20250123123213213131321313131"
    );
}

/// A file that was cut between two rows reads like a whole one, but for the lines at its end.
#[test]
fn a_missing_foot_is_told() {
    let whole = "交易日期,收入,支出,余额\n2026-11-20,5.00,,5.00\n期末余额,5.00\n";
    let profile = "name = 'x'\nkind = 'statement'\nchecked_against = 'own'\nfooters = ['期末余额|{closing}']\n\
                   [columns]\nbooking_date = ['交易日期']\ncredit = ['收入']\ndebit = ['支出']\nbalance = ['余额']\n";
    assert_eq!(hear_by(profile, whole).codes(), []);
    let cut = whole.split_once("期末").map_or("", |(before, _)| before);
    assert_eq!(hear_by(profile, cut).codes(), [(0, "table_foot_missing")]);
    // Cut within its last cell, a row has as many cells as any other.
    assert_eq!(refusal(cut.trim_end_matches("0\n").as_bytes(), Some(profile)).0, "truncated");
}

#[test]
fn cmb() {
    let Some(bytes) = sample("cmb/debit/example-cmb-records.csv") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "cmb-debit");
    assert_eq!(heard.sums(), (1, "1234.00".into(), 4, "2013.14".into()));
    assert_eq!(heard.days(), (date(2024, 1, 1), date(2024, 1, 27)));
    assert_eq!(heard.codes(), [(4, "table_balance_breaks")]);
    assert_eq!(heard.head.currency, "CNY");
}

#[test]
fn icbc() {
    let Some(bytes) = sample("icbc/debit-v1/example-icbc-debit-v1-records.csv") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "icbc-debit");
    assert_eq!((heard.head.account.as_str(), heard.head.currency.as_str()), ("1234****9876", "CNY"));
    assert_eq!(heard.sums(), (5, "2841.74".into(), 6, "4241.08".into()));
    assert_eq!(heard.days(), (date(2023, 2, 8), date(2023, 5, 2)));
    // Balances are masked, and the totals were masked another way than the rows.
    assert_eq!(
        heard.codes(),
        [(8, "table_balance_unreadable"), (0, "table_declared_differs"), (0, "table_declared_differs")]
    );
    assert_eq!(heard.foot.declared.credit_sum, Some(Decimal::new(123_456, 2)));
    let first = &heard.entries[0];
    assert_eq!((first.direction, first.amount, first.code.as_str()), (Debit, Decimal::new(1340, 2), "消费"));
    assert_eq!((first.name.as_str(), first.sub_account.as_str()), ("深圳市财付通支付科技有限公司", "00000"));
}

#[test]
fn spdb() {
    let Some(bytes) = sample("spdb_debit/example-spdb_debit-records.xls") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "spdb-debit");
    assert_eq!(heard.codes(), []);
    assert_eq!(heard.head.account, "6200000000001230");
    assert_eq!((heard.head.from, heard.head.to), (Some(date(2025, 12, 1)), Some(date(2025, 12, 31))));
    assert_eq!(heard.sums(), (1, "10.00".into(), 3, "11.64".into()));
    assert_eq!(heard.days(), (date(2025, 12, 3), date(2025, 12, 5)));
    assert_eq!(heard.balances(), (Some("1985.21".into()), Some("1983.57".into())));
    assert_eq!(heard.entries[0].account, "12345678901236500");
}

#[test]
fn alipay() {
    let Some(bytes) = sample("alipay/example-alipay-records.csv") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "alipay");
    assert_eq!((heard.head.account.as_str(), heard.head.currency.as_str()), ("xx@gmail.com", "CNY"));
    assert_eq!((heard.head.from, heard.head.to), (Some(date(2023, 2, 10)), Some(date(2023, 2, 13))));
    assert_eq!(heard.entries.len(), 10);
    assert_eq!(heard.sums(), (1, "222228.50".into(), 4, "161.64".into()));
    assert_eq!(heard.days(), (date(2023, 1, 9), date(2023, 7, 10)));
    // 66 entries in all, 63 debits of 16.54, one credit of 28.50: the export was shortened and masked.
    assert_eq!(heard.codes(), [(0, "table_declared_differs"); 4]);
    assert_eq!(heard.foot.declared.credits, Some(1));
}

#[test]
fn wechat() {
    let Some(bytes) = sample("wechat/example-wechat-records.xlsx") else { return };
    let heard = hear(&bytes);
    assert_eq!(heard.name, "wechat");
    assert_eq!(heard.entries.len(), 27);
    assert_eq!(heard.sums(), (5, "28.49".into(), 11, "2904.53".into()));
    assert_eq!(heard.days(), (date(2017, 10, 20), date(2024, 6, 7)));
    assert_eq!((heard.head.from, heard.head.to), (Some(date(2019, 8, 1)), Some(date(2019, 9, 30))));
    assert_eq!(heard.codes()[0], (0, "table_other_sheets"));
    assert_eq!(heard.codes()[1..], [(0, "table_declared_differs"); 5]);
    assert_eq!(heard.entries[0].bank_reference, "3985734");
}

const STATEMENT: &str = "账号,3301 0001\r\n户名,某某法院\r\n币种,CNY\r\n起止日期,2026-11-22,2026-11-22\r\n期初余额,1000.00\r\n\
    交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n\
    2026-11-22,2026-11-22,,500.00,1500.00,赵甲,6222000000000001,转账,执行款 (2026)浙01执1号,F001,,JZ001\r\n\
    2026-11-22,2026-11-21,\"1,200.50\",,299.50,,,代发,案款 P20260001-001,F002,,\r\n\
    2026-11-22,2026-11-22,,0.50,300.00,钱乙,6222000000000002,冲正,退回,F003,P20260001-000000042,JZ001\r\n\
    合计,1,1200.50,2,500.50\r\n期末余额,300.00\r\n";

#[test]
fn the_generic_statement_says_everything() {
    for bytes in [gb18030(STATEMENT), STATEMENT.as_bytes().to_vec(), format!("\u{feff}{STATEMENT}").into_bytes()] {
        let heard = hear(&bytes);
        assert_eq!((heard.name.as_str(), heard.codes()), ("generic-statement-csv", vec![]));
        assert_eq!(heard.head.account, "33010001");
        assert_eq!(heard.head.kind, Some(account::Kind::Booked));
        assert_eq!(heard.head.to, Some(date(2026, 11, 22)));
        assert_eq!(heard.balances(), (Some("1000.00".into()), Some("300.00".into())));
        let declared = &heard.foot.declared;
        assert_eq!((declared.debits, declared.credits, declared.entries), (Some(1), Some(2), None));
        assert_eq!(heard.sums(), (2, "500.50".into(), 1, "1200.50".into()));
        let [receipt, batch, back] = &heard.entries[..] else { panic!() };
        assert_eq!((receipt.sub_account.as_str(), receipt.bank_reference.as_str()), ("JZ001", "F001"));
        assert_eq!((batch.own_reference.as_str(), batch.value_date), ("P20260001-001", Some(date(2026, 11, 21))));
        assert_eq!(
            (back.own_reference.as_str(), back.is_reversal, back.direction),
            ("P20260001-000000042", true, Credit)
        );
        assert_eq!(back.place, 9);
    }
}

/// The statement with a text replaced.
fn changed(from: &str, to: &str) -> Vec<u8> {
    assert!(STATEMENT.contains(from), "{from}");
    STATEMENT.replace(from, to).into_bytes()
}

#[test]
fn what_does_not_tie_is_told_with_its_place() {
    for (from, to, wanted) in [
        ("期初余额,1000.00", "期初余额,1000.01", vec![(0, "table_declared_differs"), (0, "table_balances_do_not_tie")]),
        ("期末余额,300.00", "期末余额,300.10", vec![(0, "table_declared_differs"), (0, "table_balances_do_not_tie")]),
        ("合计,1,1200.50", "合计,2,1200.50", vec![(0, "table_declared_differs")]),
        ("2,500.50", "2,500.51", vec![(0, "table_declared_differs")]),
        ("期初余额,1000.00", "期初余额,壹仟", vec![(5, "table_told_unreadable")]),
        ("299.50", "299.51", vec![(8, "table_balance_breaks")]),
        ("299.50", "***", vec![(8, "table_balance_unreadable")]),
        ("合计,1", "本页合计,1", vec![(10, "table_row_unknown")]),
        ("2026-11-21", "明日", vec![(8, "table_value_date")]),
    ] {
        assert_eq!(hear(&changed(from, to)).codes(), wanted, "{to}");
    }
}

#[test]
fn rows_that_cannot_be_trusted_are_refused_by_their_number() {
    for (from, to, code) in [
        ("\"1,200.50\"", "12OO.50", "table_amount"),
        ("\"1,200.50\"", "\"1,20.50\"", "table_amount"),
        ("\"1,200.50\"", "1.2005E+3", "table_amount"),
        ("\"1,200.50\"", "1,200.50", "table_row_long"),
        ("\"1,200.50\"", "", "table_amount"),
        ("\"1,200.50\",", "\"1,200.50\",3", "table_two_amounts"),
        ("\"1,200.50\"", "\"1,200.50\"9", "table_quote_misplaced"),
        ("2026-11-22,2026-11-21", "2026-11-32,2026-11-21", "table_date"),
        ("\"1,200.50\",,299.50,,,代发,案款 P20260001-001,F002,,", "\"1,200.50\"", "table_row_short"),
    ] {
        let (found, text) = refusal(&changed(from, to), None);
        assert_eq!(found, code, "{to}");
        assert!(text.starts_with("流水.csv: ") && text.contains("ow 8"), "{text}");
    }
}

const SIGNED: &str = "name = 'x'\nkind = 'statement'\nchecked_against = 'own'\ncurrency = 'CNY'\n[columns]\n\
    booking_date = ['日期']\namount = ['金额']\nbalance = ['余额']\ntext = ['摘要', '附言']\nown_account = ['本方账号']\n\
    currency = ['币种']\n";

/// By a profile of one's own with these lines before its columns.
fn signed(keys: &str) -> String {
    SIGNED
        .replace("[columns]", &format!("optional = ['balance', 'own_account', 'currency', 'text']\n{keys}\n[columns]"))
}

#[test]
fn rows_without_balances_in_between_and_blank_lines() {
    let heard =
        hear_by(&signed(""), "日期,金额,余额\n\n20260101,1.00,\n , ,\n2026/1/2,-3,8\n2026年1月3日 10:00,5.25,\n");
    assert_eq!(heard.codes(), []);
    assert_eq!(heard.balances(), (Some("10.00".into()), Some("13.25".into())));
    assert_eq!(heard.entries.iter().map(|entry| entry.place).collect::<Vec<_>>(), [3, 5, 6]);
}

#[test]
fn an_empty_statement_begins_and_ends() {
    let heard =
        hear_by(&signed("leading = ['账号:{account}', '余额:{opening}']"), "账号：001\n余额：5.00\n日期,金额\n");
    assert_eq!((heard.entries.len(), heard.head.account.as_str()), (0, "001"));
    assert_eq!(heard.balances(), (Some("5.00".into()), None));
}

#[test]
fn headings_are_known_in_full_width_with_spaces_and_on_every_page() {
    let heard = hear_by(&signed(""), "　日 期\t,金额 ,摘要,附言\n20260101,1,a,b\n日期,金额,摘要,附言\n20260102,2,,b\n");
    assert_eq!(heard.entries.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["a b", "b"]);
    assert_eq!(heard.codes(), []);
}

#[test]
fn numbers_that_are_kept_as_texts_lose_their_keeper() {
    let profile = signed("").replace("text =", "account = ['账号']\nname = ['户名']\ntext =");
    for account in ["=\"0622\"", "'0622", "\"0622\t\"", " 0622 ", "\"=\"\"0622\"\"\""] {
        let heard = hear_by(&profile, &format!("日期,金额,账号,户名\n=\"20260101\",1,{account},'甲\n"));
        assert_eq!((heard.entries[0].account.as_str(), heard.entries[0].name.as_str()), ("0622", "'甲"), "{account}");
    }
}

#[test]
fn separators_and_quotes_are_told_or_given() {
    for separator in ["\t", ";", ","] {
        let text = "日期,金额,摘要\n20260101,1.00,\"a\"\n".replace(',', separator);
        assert_eq!(hear_by(&signed(""), &text).entries[0].text, "a");
    }
    let text = "日期|金额|摘要\n20260101|1,000.00|\"a\n";
    let heard = hear_by(&signed("separator = '|'\nquote = false"), text);
    assert_eq!((heard.entries[0].amount, heard.entries[0].text.as_str()), (Decimal::new(100_000, 2), "\"a"));
    assert_eq!(refusal(text.as_bytes(), Some(&signed("separator = '|'"))).0, "table_unclosed_quote");
}

#[test]
fn an_encoding_that_is_given_is_not_guessed() {
    let bytes = gb18030("日期,金额,摘要\n20260101,1.00,案款\n");
    assert_eq!(try_read(&bytes, Some(&signed("encoding = 'gb18030'"))).unwrap().entries[0].text, "案款");
    assert_eq!(refusal(&bytes, Some(&signed("encoding = 'utf-8'"))).0, "table_encoding");
}

#[test]
fn amounts_in_fen() {
    let profile = signed("amount_unit = 'fen'");
    assert_eq!(hear_by(&profile, "日期,金额\n20260101,-12345\n").entries[0].signed(), Decimal::new(-12345, 2));
    assert_eq!(refusal("日期,金额\n20260101,1.5\n".as_bytes(), Some(&profile)).0, "table_amount");
}

#[test]
fn several_accounts_are_refused_and_several_currencies_told() {
    let text = "日期,金额,本方账号\n20260101,1,001\n20260101,1,002\n";
    let (code, text) = refusal(text.as_bytes(), Some(&signed("")));
    assert!(code == "table_two_accounts" && row_of(&text), "{text}");
    let heard = hear_by(&signed(""), "日期,金额,余额,币种\n20260101,1,1,人民币\n20260102,1,1,USD\n20260102,1,2,USD\n");
    assert_eq!(heard.codes(), [(3, "table_currencies")]);
    assert_eq!(heard.entries[1].currency, "USD");
    assert_eq!(heard.balances(), (None, None));
}

#[test]
fn red_figures_take_back_on_their_own_side() {
    let profile = "name = 'x'\nkind = 'statement'\nchecked_against = 'own'\nfooters = ['合计|{credit_sum}|{debit_sum}']\n\
        [columns]\nbooking_date = ['日期']\ncredit = ['收入']\ndebit = ['支出']\n";
    let heard = hear_by(profile, "日期,收入,支出\n20260101,,100\n20260102,0.00,-100\n20260103,7,0.00\n合计,7,0\n");
    assert_eq!(heard.codes(), []);
    let red = &heard.entries[1];
    assert_eq!((red.direction, red.amount, red.is_reversal), (Credit, Decimal::new(100, 0), true));
    assert!(!heard.entries[0].is_reversal && heard.entries[2].direction == Credit);
}

#[test]
fn marks_that_are_not_in_the_profile_are_refused() {
    let profile = "name = 'x'\nkind = 'statement'\nchecked_against = 'own'\n[columns]\nbooking_date = ['日期']\n\
        amount = ['金额']\nmark = ['方向']\n[marks]\ncredit = ['C', '来账']\ndebit = ['D', '往账']\n";
    let heard = hear_by(profile, "日期,金额,方向\n20260101,1,来账\n20260101,2, d \n");
    assert_eq!(heard.entries.iter().map(|entry| entry.direction).collect::<Vec<_>>(), [Credit, Debit]);
    let (code, text) = refusal("日期,金额,方向\n20260101,1,C\n20260101,2,X\n".as_bytes(), Some(profile));
    assert!(code == "table_mark" && row_of(&text), "{text}");
}

const REPLY: &str = "原文件,P20260001-001-all.csv\r\n批次号,P20260001-001\r\n\
    序号,业务编号,收款人账号,收款人户名,金额,状态码,状态说明\r\n\
    1,P20260001-000000001,6222 0000 0000 0001,赵甲,100.00,00,成功\r\n\
    2,P2026000,6222****0002,钱乙,200.00,01,账号户名不符\r\n\
    3,,6222000000000003,孙丙,300.00,02,处理中\r\n\
    4,附 P20260001-000000004 止,,李丁,400.00,09,待查\r\n\
    5,P20260001-000000005,,周戊,500.00,01,其他\r\n\
    合计,5,1,100.00,2,700.00\r\n";

#[test]
fn the_generic_reply_says_everything() {
    for bytes in [gb18030(REPLY), REPLY.as_bytes().to_vec()] {
        let heard = hear(&bytes);
        assert_eq!(heard.name, "generic-reply-csv");
        assert_eq!(heard.codes(), [(7, "table_state_unknown")]);
        assert_eq!(heard.answer.original_message_id, "P20260001-001");
        let [paid, failed, in_hand, unknown, other] = &heard.lines[..] else { panic!() };
        assert_eq!((paid.state, paid.account.as_str(), paid.serial), (State::Paid, "6222000000000001", Some(1)));
        assert_eq!(
            (failed.state, failed.cause, failed.key.as_str()),
            (State::Failed, Some(Cause::NameDiffers), "P2026000")
        );
        assert_eq!((failed.code.as_str(), failed.reason.as_str()), ("01", "账号户名不符"));
        assert_eq!((in_hand.state, in_hand.cause, in_hand.key.as_str()), (State::Unknown, None, ""));
        assert_eq!((unknown.state, unknown.key.as_str()), (State::Unknown, "P20260001-000000004"));
        assert_eq!((other.cause, other.amount), (Some(Cause::Other), Some(Decimal::new(50_000, 2))));
        assert_eq!(heard.answer_foot.failed_sum, Some(Decimal::new(70_000, 2)));
    }
    let without_id = REPLY.replace("批次号,P20260001-001", "批次号,");
    assert_eq!(hear(without_id.as_bytes()).answer.original_message_id, "P20260001-001-all.csv");
}

#[test]
fn a_reply_that_contradicts_itself_is_told_or_refused() {
    for (from, to, wanted) in [
        ("合计,5", "合计,6", "table_declared_differs"),
        ("100.00,2,700.00", "100.00,2,700.01", "table_declared_differs"),
        ("合计,5", "小计,5", "table_row_unknown"),
    ] {
        let heard = hear(REPLY.replace(from, to).as_bytes());
        assert!(heard.codes().iter().any(|(_, code)| *code == wanted), "{to}: {:?}", heard.codes());
        assert_eq!(heard.lines.len(), 5);
    }
    assert_eq!(refusal(REPLY.replace("200.00", "2OO.00").as_bytes(), None).0, "table_amount");
    assert_eq!(refusal(REPLY.replace("200.00", "-200.00").as_bytes(), None).0, "amount_negative");
    assert_eq!(refusal(REPLY.replace("钱乙,", "钱,乙,").as_bytes(), None).0, "table_row_long");
}

#[test]
fn causes_by_the_banks_codes_before_its_words() {
    let profile = "name = 'x'\nkind = 'reply'\nchecked_against = 'own'\n[columns]\nkey = ['编号']\nstate = ['状态']\n\
        reason_code = ['代码']\nreason = ['原因']\n[states]\npaid = ['成功']\nfailed = ['失败']\n[causes]\nlimit = ['E7']\n";
    let words =
        ["户名不符", "无此帐号", "账户已销户", "账户冻结", "超过限额", "余额不足", "重复提交", "行号错误", "？"];
    let rows: String = words.iter().map(|word| format!("K,失败,E1,{word}\n")).collect();
    let heard = hear_by(profile, &format!("编号,状态,代码,原因\nK,失败,e7,户名不符\nK,成功,,\n{rows}"));
    let causes: Vec<_> = heard.lines.iter().map(|line| line.cause).collect();
    let by_words = [
        Cause::NameDiffers,
        Cause::AccountUnknown,
        Cause::AccountClosed,
        Cause::AccountBlocked,
        Cause::Limit,
        Cause::FundsShort,
        Cause::Duplicate,
        Cause::BankUnknown,
        Cause::Other,
    ];
    let wanted = [Some(Cause::Limit), None].into_iter().chain(by_words.map(Some));
    assert_eq!(causes, wanted.collect::<Vec<_>>());
    assert_eq!(heard.lines[0].code, "e7");
}

/// A workbook of our own: dates as dates and as bare numbers, amounts with the noise of sums.
fn workbook() -> Vec<u8> {
    let mut workbook = NewWorkbook::new();
    workbook.add_worksheet().write(0, 0, "说明").unwrap();
    let sheet = workbook.add_worksheet();
    for (column, heading) in ["日期", "金额", "余额"].into_iter().enumerate() {
        sheet.write(2, u16::try_from(column).unwrap(), heading).unwrap();
    }
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let written = ExcelDateTime::from_ymd(2025, 1, 5).unwrap();
    sheet.write_datetime_with_format(3, 0, &written, &day).unwrap();
    sheet.write(3, 1, 1_234.560_000_000_000_1).unwrap();
    sheet.write(3, 2, 2000).unwrap();
    sheet.write(4, 0, 45_663).unwrap();
    sheet.write(4, 1, -0.07).unwrap();
    sheet.write(4, 2, 1999.93).unwrap();
    workbook.save_to_buffer().unwrap()
}

#[test]
fn only_the_first_sheets_of_a_workbook_are_looked_at_and_few_are_named() {
    let sheets = |before: usize, after: usize| {
        let mut workbook = NewWorkbook::new();
        for _ in 0..before {
            workbook.add_worksheet();
        }
        let sheet = workbook.add_worksheet();
        for (column, heading) in ["日期", "金额", "余额"].into_iter().enumerate() {
            sheet.write(0, u16::try_from(column).unwrap(), heading).unwrap();
        }
        for _ in 0..after {
            workbook.add_worksheet();
        }
        workbook.save_to_buffer().unwrap()
    };
    let heard = try_read(&sheets(SHEETS_MAX - 1, 3), Some(&signed(""))).unwrap();
    assert_eq!(heard.codes(), [(0, "table_other_sheets")]);
    let named = &heard.problems[0].message.arguments[1].1;
    assert_eq!(named.split('、').count(), SHEETS_TOLD_MAX, "{named}");
    assert_eq!(refusal(&sheets(SHEETS_MAX, 0), Some(&signed(""))).0, "table_no_heading");
}

#[test]
fn dates_and_numbers_of_a_workbook() {
    let heard = try_read(&workbook(), Some(&signed(""))).unwrap();
    assert_eq!(heard.codes(), [(0, "table_other_sheets")]);
    assert_eq!(heard.days(), (date(2025, 1, 5), date(2025, 1, 6)));
    assert_eq!(heard.sums(), (1, "1234.56".into(), 1, "0.07".into()));
    assert_eq!(heard.balances(), (Some("765.44".into()), Some("1999.93".into())));
    assert_eq!(heard.entries[1].place, 5);
}

#[test]
fn a_row_of_a_workbook_has_a_limit_too() {
    let mut workbook = NewWorkbook::new();
    let sheet = workbook.add_worksheet();
    for column in 0..4 {
        sheet.write(2, column, "x".repeat(30_000)).unwrap();
    }
    let (code, text) = refusal(&workbook.save_to_buffer().unwrap(), None);
    assert!(code == "table_row_too_long" && row_of(&text), "{text}");
}

#[test]
fn hostile_files_are_refused_with_a_remedy() {
    let heading = "日期,金额,余额\n";
    let endless = "x".repeat(3 * 1024 * 1024);
    let million_columns = ",".repeat(1_000_000);
    let many_columns = format!("日期,金额{}", ",x".repeat(COLUMNS_MAX));
    for (bytes, code) in [
        (vec![], "table_empty"),
        (endless.clone().into_bytes(), "table_row_too_long"),
        (format!("{heading}{endless}").into_bytes(), "table_row_too_long"),
        (million_columns.into_bytes(), "table_row_too_long"),
        (many_columns.into_bytes(), "table_too_many_columns"),
        (format!("{heading}20260101,\"1\n{}", "x\n".repeat(100_000)).into_bytes(), "table_unclosed_quote"),
        (format!("{heading}20260101,\"1").into_bytes(), "table_unclosed_quote"),
        (format!("{heading}20260101,1\0,1\n").into_bytes(), "table_nul_byte"),
        (b"\xff\xfe\xe5\x65".to_vec(), "table_utf_16"),
        ([heading.as_bytes(), b"20260101,1,\xff\xff\n"].concat(), "table_encoding"),
        (b"PK\x03\x04 and no archive".to_vec(), "table_workbook_unreadable"),
        (b"\xd0\xcf\x11\xe0 and no workbook".to_vec(), "table_workbook_unreadable"),
        ("甲,乙\n1,2\n".repeat(100).into_bytes(), "table_no_heading"),
        ("日期,乙\n".as_bytes().to_vec(), "table_columns_missing"),
        ("日期,金额,金额\n".as_bytes().to_vec(), "table_heading_twice"),
    ] {
        let (found, text) = refusal(&bytes, Some(&signed("")));
        assert_eq!(found, code, "{text}");
        assert!(!text.contains("%{"), "{text}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("xl/worksheets/sheet1.xml", options).unwrap();
    let zeros = vec![b'0'; 1024 * 1024];
    for _ in 0..1_100 {
        archive.write_all(&zeros).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 2 * 1024 * 1024);
    assert_eq!(refusal(&bytes, None).0, "table_workbook_too_large");
}

#[test]
fn a_file_of_nothing_but_problems_is_told_shortly() {
    let text = format!("日期,金额\n{}", "合计,x\n".repeat(5_000));
    let heard = hear_by(&signed(""), &text);
    assert_eq!(heard.problems.len(), 1_001);
    assert!(heard.problems[1_000].message.text(Language::En).starts_with("4000 more"));
}

#[test]
fn headings_that_fit_two_profiles_name_both() {
    let profiles = [Profile::parse(&signed("")).unwrap(), Profile::parse(&SIGNED.replace("'x'", "'y'")).unwrap()];
    let mut heard = Heard::default();
    let text = "日期,金额,余额,摘要,本方账号,币种\n";
    let outcome = read_by(&mut Cursor::new(text), &profiles, &mut Out { sink: &mut heard, told: 0 });
    let Err(Failure::Refused(message)) = outcome else { panic!() };
    assert!(message.code == "reading.table_profiles_fit" && message.text(Language::En).contains("x、y"));
}

#[test]
fn shipped_profiles_are_sound_and_none_fits_the_heading_of_another() {
    let profiles = Profile::shipped().unwrap_or_else(|_| panic!());
    for (profile, (name, toml)) in profiles.iter().zip(profile::SHIPPED) {
        assert_eq!(profile.name, name);
        assert!(profile.text.separator.is_none() && profile.text.encoding.is_none() && profile.text.quote);
        assert_eq!(shipped(name), Some(toml));
        let heading = headings(toml);
        let text = format!("{}\n", heading.join(","));
        assert_eq!(hear(text.as_bytes()).name, name, "{text}");
    }
}

/// The first heading of each column.
fn headings(toml: &str) -> Vec<String> {
    let parsed: toml::Table = toml::from_str(toml).unwrap();
    let columns = parsed["columns"].as_table().unwrap().values();
    columns.map(|headings| headings[0].as_str().unwrap().to_owned()).collect()
}

#[test]
fn profiles_that_do_not_fit_are_refused_by_their_key() {
    let good = signed("");
    for (from, to, wanted) in [
        ("kind = 'statement'", "kind = 'list'", "profile_syntax"),
        ("kind = 'statement'", "kind = 'statement'\nkeys = 1", "profile_syntax"),
        ("kind = 'statement'", "kind = 'reply'", "columns"),
        ("checked_against = 'own'", "checked_against = ''", "checked_against"),
        ("booking_date = ['日期']", "value_date = ['日期']", "columns"),
        ("amount = ['金额']", "credit = ['金额']", "columns"),
        ("amount = ['金额']", "amount = ['金额']\nmark = ['方向']", "marks"),
        ("amount = ['金额']", "amount = ['日期']", "columns"),
        ("amount = ['金额']", "amount = []", "columns"),
        ("optional = ['balance'", "optional = ['amount', 'balance'", "optional"),
        ("currency = 'CNY'", "currency = 'CNY'\nleading = ['{account}']", "leading"),
        ("currency = 'CNY'", "currency = 'CNY'\nfooters = ['合计{sum}']", "footers"),
        ("currency = 'CNY'", "currency = 'CNY'\nseparator = '，'", "separator"),
    ] {
        assert!(good.contains(from), "{from}");
        let (code, text) = refusal(b"x", Some(&good.replacen(from, to, 1)));
        assert!(code.starts_with("profile_") && (code == wanted || text.contains(wanted)), "{to}: {text}");
    }
    assert_eq!(refusal(b"x", Some(&"#".repeat(100_000))).0, "profile_too_large");
}

#[test]
fn every_code_has_a_text_in_both_languages() {
    let sources =
        [include_str!("mod.rs"), include_str!("profile.rs"), include_str!("reply.rs"), include_str!("statement.rs")];
    let opening = concat!('"', "reading.");
    let used: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.split("#[cfg(test)]\nmod tests {").next().unwrap().split(opening).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|code| code.starts_with("profile_") || code.starts_with("table_"))
        .collect();
    let written: BTreeSet<&str> = include_str!("../../../../locales/reading.yml")
        .lines()
        .filter_map(|line| line.strip_prefix("reading.")?.strip_suffix(':'))
        .filter(|code| code.starts_with("profile_") || code.starts_with("table_"))
        .collect();
    assert_eq!(used, written);
    let terms: Vec<&str> = Value::ALL.iter().map(|value| value.term().code.trim_start_matches("reading.")).collect();
    for code in used.iter().chain(&terms) {
        let code = format!("reading.{code}");
        let zh = rust_i18n::t!(code.as_str(), locale = "zh");
        let en = rust_i18n::t!(code.as_str(), locale = "en");
        assert!(zh != code.as_str() && en != code.as_str() && zh != en, "{code}: {zh} / {en}");
    }
}

/// A cell as the generic statement writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn text_cell() -> impl Strategy<Value = String> {
    // Letters of all byte lengths, separators, quotation marks, line ends inside; trimmed, as readers hand them on.
    "[a-z0-9中文龘𠮷,;\"\n|。（）]{0,12}".prop_map(|text| text.trim().to_owned())
}

prop_compose! {
    fn entry()(
        days in 0..3_000_i64,
        fen in -1_000_000_000_000_i64..1_000_000_000_000,
        texts in prop::array::uniform7(text_cell()),
    ) -> Entry {
        let [name, account, code, text, bank_reference, own_reference, sub_account] = texts;
        let booking_date = date(2020, 1, 1).checked_add(days.days()).ok();
        let amount = Decimal::new(fen.abs(), 2);
        Entry {
            direction: if fen < 0 { Debit } else { Credit },
            account: account.replace(char::is_whitespace, ""),
            is_reversal: false,
            booking_date, value_date: booking_date, amount, name, code, text, bank_reference, own_reference, sub_account,
            ..Entry::blank()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_old_workbook_is_answered(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let Some(mut bytes) = sample("spdb_debit/example-spdb_debit-records.xls") else { return Ok(()) };
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = try_read(&bytes, None);
    }

    #[test]
    fn a_generic_statement_comes_back_as_it_was_written(
        mut entries in prop::collection::vec(entry(), 0..20),
        opening in -1_000_000_000_i64..1_000_000_000,
        in_gb18030: bool,
    ) {
        let mut balance = Decimal::new(opening, 2);
        let mut text = STATEMENT.split_inclusive("子账户\r\n").next().unwrap()
            .replace("期初余额,1000.00", &format!("期初余额,{balance}"));
        for (row, entry) in (7..).zip(&mut entries) {
            balance += entry.signed();
            let amount = entry.amount.to_string();
            let (debit, credit) = if entry.direction == Debit { (amount.as_str(), "") } else { ("", amount.as_str()) };
            let day = entry.booking_date.unwrap();
            let cells = [&entry.name, &entry.account, &entry.code, &entry.text, &entry.bank_reference, &entry.own_reference, &entry.sub_account];
            let cells: Vec<String> = cells.into_iter().map(|cell| quoted(cell)).collect();
            text += &format!("{day},{day},{debit},{credit},{balance},{}\r\n", cells.join(","));
            entry.place = row;
        }
        text += &format!("期末余额,{balance}\r\n");
        let bytes = if in_gb18030 { gb18030(&text) } else { text.into_bytes() };
        let heard = try_read(&bytes, None).map_err(|message| TestCaseError::fail(message.text(Language::En)))?;
        prop_assert_eq!(&heard.entries, &entries);
        prop_assert_eq!(heard.codes(), vec![]);
        prop_assert_eq!(heard.foot.closing.unwrap().amount, balance);
        prop_assert_eq!(heard.foot.opening.unwrap().amount, Decimal::new(opening, 2));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for start in [&b""[..], "日期,金额,余额\n20260101,".as_bytes(), XLSX_MAGIC, OLD_WORKBOOK_MAGIC] {
            let _ = try_read(&[start, &bytes].concat(), Some(&signed("")));
        }
    }

    #[test]
    fn a_damaged_statement_is_answered(place in 0..STATEMENT.len(), byte: u8) {
        let mut bytes = STATEMENT.as_bytes().to_vec();
        bytes[place] = byte;
        let _ = try_read(&bytes, None);
        let _ = try_read(&bytes[..place], None);
    }
}
