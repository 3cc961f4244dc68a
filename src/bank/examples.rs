//! Lines and headers for the tests of this folder, and the tests of whole files.

use super::profile::{Kind, SHIPPED};
use super::writer::{FileWriter, Rendered};
use super::*;
use encoding_rs::GB18030;
use proptest::prelude::*;
use std::io::Cursor;

pub(super) fn lines() -> Vec<PaymentLine<'static>> {
    let line = PaymentLine {
        line_number: 1,
        line_key: "R20261120001-1",
        payee_name: "张三",
        payee_account: "6222021234567890128",
        bank_name: "中国工商银行北京分行",
        bank_code: "102100099996",
        amount: Amount::from_minor(298_200),
        purpose: "案款",
        payee_kind: PayeeKind::Person,
        same_bank: true,
        payer_sub_account: "1202020119800000001",
        telephone: "13800000000",
    };
    vec![
        line,
        PaymentLine {
            line_number: 2,
            line_key: "R20261120001-2",
            payee_name: "𠮷田䶮",
            payee_account: "0012345678",
            amount: Amount::from_minor(5),
            purpose: "案款 (2021)浙01执1号",
            telephone: "",
            ..line
        },
        PaymentLine {
            line_number: 5,
            line_key: "R20261120001-5",
            payee_name: "阿卜杜拉·买买提",
            payee_account: "A-77",
            amount: Amount::from_minor(123_456_789),
            bank_code: "",
            payer_sub_account: "",
            ..line
        },
    ]
}

/// A header that fits the lines, whose group is that of the first.
pub(super) fn header(profile: &Profile, lines: &[PaymentLine<'_>], file_number: u32) -> FileHeader<'static> {
    FileHeader {
        message_id: "HZ2026112000001",
        created_at: "2026-11-20T08:30:00Z".parse().unwrap(),
        execution_date: "2026-11-20".parse().unwrap(),
        run_number: "2026-0007",
        file_number,
        group: profile.group(lines[0].same_bank, lines[0].payee_kind),
        payer_name: "杭州市中级人民法院",
        payer_account: "1202020119900012345",
        payer_bank_name: "中国工商银行杭州分行",
        payer_bank_code: "102331000000",
        lines: lines.len() as u64,
        sum: Amount::sum(lines.iter().map(|line| line.amount)).unwrap(),
    }
}

pub(super) fn render(
    profile: &Profile,
    header: &FileHeader<'_>,
    lines: &[PaymentLine<'_>],
) -> Result<(Vec<u8>, Rendered), BankFileError> {
    let mut out = Vec::new();
    let mut writer = FileWriter::begin(profile, *header, &mut out)?;
    for line in lines {
        writer.push(line)?;
    }
    let rendered = writer.finish()?;
    Ok((out, rendered))
}

/// A file as a person would see it.
fn shown(name: &str, bytes: &[u8]) -> String {
    if name == "icbc-like-xlsx" {
        return cells(bytes).iter().map(|row| row.join(" ¦ ")).collect::<Vec<_>>().join("\n");
    }
    if name == "pain001" {
        return String::from_utf8(bytes.to_vec()).unwrap().replace("><", ">\n<");
    }
    let (text, _, broken) = GB18030.decode(bytes);
    assert!(!broken);
    text.replace('\r', "␍")
}

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    use calamine::Reader;
    let mut book: calamine::Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let sheet = book.worksheet_range("Sheet1").unwrap();
    sheet
        .rows()
        .map(|row| {
            row.iter()
                .map(|cell| {
                    assert!(matches!(cell, calamine::Data::String(_) | calamine::Data::Empty), "{cell:?} is text");
                    cell.to_string()
                })
                .collect()
        })
        .collect()
}

#[test]
fn shipped_profiles() {
    for (name, _) in SHIPPED {
        let profile = Profile::shipped(name).unwrap();
        let header = header(&profile, &lines(), 1);
        let (bytes, rendered) = render(&profile, &header, &lines()).unwrap();
        assert_eq!((rendered.bytes, rendered.lines), (bytes.len() as u64, 3));
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        assert_eq!(rendered.sha256, digest.as_ref());
        let file_name = file_name(&profile, &header).unwrap();
        insta::assert_snapshot!(format!("profile_{name}"), format!("{file_name}\n\n{}", shown(name, &bytes)));
        assert_eq!(render(&profile, &header, &lines()).unwrap().0, bytes, "{name}: the same bytes again");
    }
}

#[test]
fn the_created_time_of_a_sheet_is_the_headers() {
    let profile = Profile::shipped("icbc-like-xlsx").unwrap();
    let mut header = header(&profile, &lines(), 1);
    let first = render(&profile, &header, &lines()).unwrap().0;
    header.created_at = "2026-11-21T08:30:00Z".parse().unwrap();
    assert_ne!(render(&profile, &header, &lines()).unwrap().0, first);
}

const FIXED: &str = r#"
name = "fixed"
format = "txt"
checked_against = "unverified"
file_name = "{file}.txt"
line_end = "lf"
[[header]]
cells = [{ text = "{count}", width = 6, align = "right", pad = "0" }, { text = "{payer_name}", width = 31, pad = "=" }]
[[columns]]
field = "payee_account"
width = 20
[[columns]]
field = "payee_name"
width = 20
[[columns]]
field = "amount"
width = 14
align = "right"
pad = "0"
"#;

#[test]
fn fixed_width_counts_bytes() {
    let profile = Profile::parse("fixed", FIXED).unwrap();
    let lines = lines();
    let (bytes, _) = render(&profile, &header(&profile, &lines, 1), &lines).unwrap();
    for line in bytes.split(|byte| *byte == b'\n').skip(1).take(3) {
        assert_eq!(line.len(), 54);
    }
    insta::assert_snapshot!(GB18030.decode(&bytes).0, @"
    000003杭州市中级人民法院=============
    6222021234567890128 张三                00000002982.00
    0012345678          𠮷田䶮            00000000000.05
    A-77                阿卜杜拉·买买提    00001234567.89
    ");
}

/// Renders the first example line, changed, and returns code and arguments of the refusal.
fn refusal(toml: &str, change: impl Fn(&mut PaymentLine<'static>)) -> Message {
    let profile = Profile::parse("test", toml).unwrap();
    let mut line = lines()[0];
    line.line_number = 17;
    change(&mut line);
    let header = header(&profile, &[line], 1);
    render(&profile, &header, &[line]).unwrap_err().message()
}

#[test]
fn a_value_that_does_not_fit_names_line_and_field() {
    let shipped = |name: &str| SHIPPED.iter().find(|(shipped, _)| *shipped == name).unwrap().1;
    let (csv, txt, pain) = (shipped("generic-csv"), shipped("generic-txt"), shipped("pain001"));
    let sheet = shipped("icbc-like-xlsx");
    let gbk = csv.replace("gb18030", "gbk");
    let unquoted = csv.replace("amount_unit", "quote = false\namount_unit");
    let zeros = FIXED.replace(
        "width = 20\n[[columns]]\nfield = \"payee_name\"",
        "width = 20\nalign = \"right\"\npad = \"0\"\n[[columns]]\nfield = \"payee_name\"",
    );
    let long: &str = "某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某某";
    type Change<'c> = &'c dyn Fn(&mut PaymentLine<'static>);
    let cases: [(&str, Change<'_>, &str, &str); 19] = [
        (csv, &|line| line.payee_name = "张\t三", "bank.value.invisible", "收款人户名"),
        (csv, &|line| line.payee_name = "张\u{E863}", "bank.value.no_character", "收款人户名"),
        (csv, &|line| line.payee_name = "张三 ", "bank.value.edge_space", "收款人户名"),
        (csv, &|line| line.purpose = "=HYPERLINK()", "bank.value.formula", "用途"),
        (sheet, &|line| line.telephone = "+8613800000000", "bank.value.formula", "短信通知手机号"),
        (sheet, &|line| line.bank_name = "", "bank.value.missing", "收款行"),
        (csv, &|line| line.payee_name = "", "bank.value.missing", "payee_name"),
        (csv, &move |line| line.payee_name = long, "bank.value.too_long", "收款人户名"),
        (csv, &|line| line.line_key = "123456789012345678901234567890123456", "bank.value.too_long", "line_key"),
        (csv, &|line| line.amount = Amount::ZERO, "bank.line.amount", ""),
        (&gbk, &|line| line.payee_name = "𠮷", "bank.value.not_in_encoding", "收款人户名"),
        (txt, &|line| line.purpose = "a|b", "bank.value.separator", "用途"),
        (&unquoted, &|line| line.purpose = "a,b", "bank.value.separator", "用途"),
        (&unquoted, &|line| line.purpose = "a\"b", "bank.value.separator", "用途"),
        (FIXED, &|line| line.payee_account = "123456789012345678901", "bank.value.too_long", "payee_account"),
        (&zeros, &|line| line.payee_account = "0012345678", "bank.value.padding", "payee_account"),
        (pain, &|line| line.payee_account = "12345678901234567890123456789012345", "bank.value.too_long", "CdtrAcct"),
        (
            pain,
            &|line| (line.same_bank, line.bank_code, line.bank_name) = (false, "", ""),
            "bank.value.missing",
            "CdtrAgt/MmbId",
        ),
        (pain, &|line| line.amount = Amount::from_minor(i64::MAX), "bank.pain001.amount", ""),
    ];
    for (toml, change, code, field) in cases {
        let message = refusal(toml, change);
        assert_eq!(message.code, code, "{message:?}");
        if !field.is_empty() {
            assert_eq!(message.arguments[0], ("line", "17".to_owned()), "{code}");
            assert_eq!(message.arguments[1], ("field", field.to_owned()), "{code}");
        }
    }
}

#[test]
fn a_file_that_is_not_what_its_header_says_is_refused() {
    let mut profile = Profile::shipped("generic-csv").unwrap();
    let lines = lines();
    let good = header(&profile, &lines, 1);
    let code = |profile: &Profile, header: FileHeader<'_>, lines: &[PaymentLine<'_>]| {
        render(profile, &header, lines).unwrap_err().message().code
    };
    assert_eq!(code(&profile, FileHeader { lines: 4, ..good }, &lines), "bank.file.totals");
    assert_eq!(code(&profile, FileHeader { sum: Amount::from_minor(1), ..good }, &lines), "bank.file.totals");
    assert_eq!(code(&profile, FileHeader { lines: 0, ..good }, &lines), "bank.file.empty");
    let other_bank = FileHeader { group: profile.group(false, PayeeKind::Person), ..good };
    assert_eq!(code(&profile, other_bank, &lines), "bank.line.group");
    let swapped = [lines[1], lines[0], lines[2]];
    assert_eq!(code(&profile, good, &swapped), "bank.line.order");
    assert_eq!(
        code(&Profile::shipped("generic-txt").unwrap(), FileHeader { payer_name: "a|b", ..good }, &lines),
        "bank.header_value"
    );
    profile.limits.lines_per_file = 2;
    assert_eq!(code(&profile, good, &lines), "bank.file.limit");
    profile.limits.lines_per_file = 3;
    profile.limits.amount_per_line = Some(Amount::from_minor(4));
    assert_eq!(code(&profile, good, &lines), "bank.line.amount");
}

#[test]
fn a_file_name_stays_in_its_folder() {
    let profile = Profile::shipped("generic-csv").unwrap();
    let good = header(&profile, &lines(), 3);
    assert_eq!(file_name(&profile, &good).unwrap(), "2026-0007-same-bank-persons-003.csv");
    for run_number in ["../x", "a\\b", ".x", "a\u{0}", "a:b"] {
        let message = file_name(&profile, &FileHeader { run_number, ..good }).unwrap_err();
        assert_eq!(message.code, "bank.header_value", "{run_number:?}");
    }
}

#[test]
fn a_failing_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let profile = Profile::shipped("generic-csv").unwrap();
    let lines = lines();
    let mut full = Full;
    let mut writer = FileWriter::begin(&profile, header(&profile, &lines, 1), &mut full).unwrap();
    for line in &lines {
        writer.push(line).unwrap();
    }
    assert!(matches!(writer.finish(), Err(BankFileError::Io(_))));
}

/// What a name, a bank or a purpose may hold: hanzi of every size, signs, quotation marks, separators, inner spaces.
fn value() -> impl Strategy<Value = String> {
    "[a-z张𠮷䶮é（]([a-z0-9张三𠮷䶮鑫é·,;|\"' （）-]{0,8}[a-z张𠮷\",])?"
}

proptest! {
    #[test]
    fn csv_reads_back(
        values in prop::collection::vec((value(), "[A-Z0-9]{1,32}", value(), value(), 1..=i64::MAX / 64), 1..20),
        separator in prop::sample::select(vec![",", ";", "\\t", "|"]),
        encoding in prop::sample::select(vec!["gb18030", "utf-8", "utf-8-bom"]),
    ) {
        let toml = SHIPPED[0].1.replace("gb18030", encoding).replace("line_end", &format!("separator = \"{separator}\"\nline_end"));
        let profile = Profile::parse("test", &toml).unwrap();
        let lines: Vec<_> = (1..).zip(&values).map(|(number, (name, account, bank, purpose, minor))| PaymentLine {
            line_number: number,
            payee_name: name,
            payee_account: account,
            bank_name: bank,
            purpose,
            amount: Amount::from_minor(*minor),
            ..self::lines()[0]
        }).collect();
        let (bytes, _) = render(&profile, &header(&profile, &lines, 1), &lines).unwrap();
        let text = if encoding == "gb18030" {
            GB18030.decode_without_bom_handling(&bytes).0.into_owned()
        } else {
            String::from_utf8(bytes).unwrap().trim_start_matches('\u{FEFF}').to_owned()
        };
        let delimiter = if separator == "\\t" { b'\t' } else { separator.as_bytes()[0] };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(rows.len(), lines.len());
        for (index, (row, line)) in rows.iter().zip(&lines).enumerate() {
            let minor = line.amount.minor();
            let expected = [
                &(index + 1).to_string(), line.payee_name, line.payee_account, line.bank_name, line.bank_code,
                &format!("{}.{:02}", minor / 100, minor % 100), line.purpose, line.payer_sub_account, line.line_key,
            ];
            prop_assert_eq!(row.iter().collect::<Vec<_>>(), expected);
        }
    }

    /// Whatever text comes: a file whose table reads back as it was, or a refusal; never a panic, never a changed value.
    #[test]
    fn any_text_is_carried_whole_or_refused(name in any::<String>(), profile in 0..SHIPPED.len()) {
        let profile = Profile::shipped(SHIPPED[profile].0).unwrap();
        let mut line = lines()[0];
        line.payee_name = &name;
        let header = header(&profile, &[line], 1);
        if let Ok((bytes, _)) = render(&profile, &header, &[line]) {
            let text = match profile.name.as_str() {
                "icbc-like-xlsx" => cells(&bytes)[1].join("\n"),
                "pain001" => quick_xml::escape::unescape(&String::from_utf8(bytes).unwrap()).unwrap().into_owned(),
                "generic-txt" => GB18030.decode_without_bom_handling(&bytes).0.into_owned(),
                // Where a CSV quotes, it doubles the quotation marks.
                _ => GB18030.decode_without_bom_handling(&bytes).0.replace("\"\"", "\""),
            };
            prop_assert!(text.contains(&name), "{text}");
        }
    }
}

#[test]
fn verification_carries_no_amount_and_takes_lines_without() {
    let profile = Profile::shipped("verify-csv").unwrap();
    assert_eq!(profile.kind, Kind::Verification);
    let mut lines = lines();
    lines[0].amount = Amount::ZERO;
    lines[1].same_bank = false;
    let (bytes, _) = render(&profile, &header(&profile, &lines, 1), &lines).unwrap();
    assert!(!shown("verify-csv", &bytes).contains("1234567.89"));
}
