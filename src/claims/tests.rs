use std::collections::BTreeSet;
use std::io::Cursor;

use ankuan_ledger::Amount;
use proptest::prelude::*;
use rust_xlsxwriter::{Format, Workbook};

use super::*;
use crate::message::Language;

const HEADING: &str = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号\n";
const GOOD: &str =
    "A1,张三,身份证,11010519491231002X,100.00,张三,6222021234567890128,工商银行,102100099996,10012345678\n";
const OTHER: &str = "A2,李四,身份证,440524188001010014,250.50,,1202000000000000001,,,\n";

/// What reading a list came to, with the rows written down as text.
#[derive(Debug, PartialEq)]
struct Outcome {
    problems: Vec<Problem>,
    rows: Vec<String>,
    claims: Vec<ClaimState>,
    payments: Vec<PaymentState>,
    summary: Option<ListSummary>,
}

impl Outcome {
    fn codes(&self) -> Vec<&'static str> {
        self.problems.iter().map(|problem| problem.message.code).collect()
    }

    fn summary(&self) -> &ListSummary {
        self.summary.as_ref().unwrap_or_else(|| panic!("refused: {:?}", self.problems))
    }
}

fn read_with(bytes: &[u8], options: &ReadOptions<'_>) -> Outcome {
    let mut problems = Vec::new();
    let (mut rows, mut claims, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    let summary =
        read_list_from::<()>(Cursor::new(bytes), options, &mut |problem| problems.push(problem), &mut |row| {
            claims.push(row.claim);
            payments.push(row.payment);
            rows.push(format!("{row:?}"));
            Ok(())
        });
    if let Err(ListFailure::Refused(problem)) = &summary {
        assert_eq!(problems.last(), Some(problem.as_ref()), "what refuses is reported last");
    }
    Outcome { problems, rows, claims, payments, summary: summary.ok() }
}

fn read(text: &str) -> Outcome {
    read_with(text.as_bytes(), &ReadOptions::default())
}

/// A list of one row with one column replaced.
fn row_with(column: usize, value: &str) -> Outcome {
    let mut cells: Vec<&str> = GOOD.trim_end().split(',').collect();
    cells[column] = value;
    read(&format!("{}{}\n", HEADING.replace(',', "\t"), cells.join("\t")))
}

fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn sound(minor: i64) -> ClaimState {
    ClaimState::Sound(amount(minor))
}

/// A workbook with these cells: a number is written as one, `d` and a number as a date.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(*cells) {
            if let Some(text) = cell.strip_prefix('\'') {
                sheet.write_string(row, column, text).unwrap();
            } else if let Some(day) = cell.strip_prefix("d") {
                let date = Format::new().set_num_format("yyyy-mm-dd");
                sheet.write_number_with_format(row, column, day.parse::<f64>().unwrap(), &date).unwrap();
            } else {
                sheet.write_number(row, column, cell.parse::<f64>().unwrap()).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

const BOOK_HEADING: &[&str] = &["'债权编号", "'姓名", "'证件类型", "'证件号码", "'债权金额（元）", "'收款账号"];

#[test]
fn reads_a_plain_list() {
    let outcome = read(&format!("{HEADING}{GOOD}{OTHER}"));
    assert_eq!(outcome.problems, []);
    assert_eq!(outcome.claims, [sound(10_000), sound(25_050)]);
    assert_eq!(outcome.payments, [PaymentState::Sound, PaymentState::Sound]);
    let summary = outcome.summary();
    assert_eq!((summary.rows, summary.sound_claims, summary.heading_row), (2, 2, 1));
    assert_eq!((summary.sum, summary.sound_sum), (amount(35_050), amount(35_050)));
    assert_eq!(summary.format, ListFormat::Text { encoding: Encoding::Utf8, separator: ',' });
    insta::assert_snapshot!(outcome.rows.join("\n"), @r#"
    ClaimRow { row: 2, claimant_number: "A1", name: "张三", document_type: IdentityCard, document_number: "11010519491231002X", claim: Sound(Amount(10000)), standing: Confirmed, class: 1, fixed_amount: None, payee_name: "张三", account: "6222021234567890128", bank_name: "工商银行", bank_code: "102100099996", telephone: "10012345678", payment: Sound, same_person_as: None }
    ClaimRow { row: 3, claimant_number: "A2", name: "李四", document_type: IdentityCard, document_number: "440524188001010014", claim: Sound(Amount(25050)), standing: Confirmed, class: 1, fixed_amount: None, payee_name: "李四", account: "1202000000000000001", bank_name: "", bank_code: "", telephone: "", payment: Sound, same_person_as: None }
    "#);
}

#[test]
fn hashes_the_bytes_as_it_reads() {
    let text = format!("{HEADING}{GOOD}");
    let outcome = read(&text);
    let expected = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    assert_eq!(outcome.summary().sha256.as_slice(), expected.as_ref());
    assert_eq!(outcome.summary().bytes, text.len() as u64);
    let book =
        workbook(&[BOOK_HEADING, &["'A1", "'张三", "'身份证", "'11010519491231002X", "1", "'6222021234567890128"]]);
    let outcome = read_with(&book, &ReadOptions::default());
    assert_eq!(outcome.summary().sha256.as_slice(), ring::digest::digest(&ring::digest::SHA256, &book).as_ref());
}

#[test]
fn encodings_separators_and_line_ends_make_no_difference() {
    let plain = format!("某某案债权人名单\n制表日期 2026年1月1日\n\n{HEADING}{GOOD}{OTHER}");
    let expected = read(&plain);
    assert_eq!(expected.claims.len(), 2);
    for separator in [",", "\t", ";"] {
        for line_end in ["\n", "\r\n"] {
            let text = plain.replace(',', separator).replace('\n', line_end);
            let text = text.trim_end_matches(['\r', '\n']);
            let (gb18030, _, _) = encoding_rs::GB18030.encode(text);
            let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
            for bytes in [text.as_bytes(), &marked, &gb18030] {
                let outcome = read_with(bytes, &ReadOptions::default());
                assert_eq!(outcome.rows, expected.rows, "{separator:?} {line_end:?}");
                assert_eq!(outcome.problems, expected.problems);
            }
        }
    }
}

#[test]
fn english_headings_in_any_order() {
    let outcome = read(
        "Account;Claim_Amount;ID Number;Name;Claimant No.;Standing;Class;Fixed Amount\n\
         6222021234567890128;\"1,000.00\";11010519491231002x;Zhang San;7;late;2;10\n",
    );
    // `Claimant No.` has a full stop, which no known heading has.
    assert_eq!(outcome.codes(), ["claims.column_unknown", "claims.columns_missing"]);
    let outcome = read(
        "Account;Claim_Amount;ID Number;Name;Claimant No;Standing;Class;Fixed Amount\n\
         6222021234567890128;\"1,000.00\";11010519491231002x;Zhang San;7;late;2;10\n",
    );
    assert_eq!(outcome.codes(), ["claims.document_type_assumed"]);
    insta::assert_snapshot!(outcome.rows.join("\n"), @r#"ClaimRow { row: 2, claimant_number: "7", name: "Zhang San", document_type: IdentityCard, document_number: "11010519491231002X", claim: Sound(Amount(100000)), standing: Late, class: 2, fixed_amount: Some(Amount(1000)), payee_name: "Zhang San", account: "6222021234567890128", bank_name: "", bank_code: "", telephone: "", payment: Sound, same_person_as: None }"#);
}

#[test]
fn a_row_is_counted_as_a_spreadsheet_counts_it() {
    let text = format!("\"标题\n第二行\"\n\n{HEADING}\n{GOOD}A2,,,,,,,,,");
    let outcome = read(&text);
    assert_eq!(outcome.summary().heading_row, 3);
    assert!(outcome.rows[0].starts_with("ClaimRow { row: 5"), "{}", outcome.rows[0]);
    assert!(outcome.problems.iter().all(|problem| problem.row == 6), "{:?}", outcome.problems);
}

#[test]
fn payment_details_never_change_the_claim() {
    for account in ["", "6.22202E+18", "6222****0128", "６２２２", "-", &"1".repeat(33)] {
        let outcome = row_with(6, account);
        assert_eq!(outcome.claims, [sound(10_000)], "{account}");
        assert!(matches!(outcome.payments[0], PaymentState::Unsound(_)), "{account}");
        assert_eq!(outcome.summary().unsound_payments, 1);
        assert_eq!(outcome.summary().sound_sum, amount(10_000));
    }
    for (column, value) in [(5, "张\u{fffd}"), (5, "张\u{e5e5}"), (7, "银\u{7}行")] {
        let outcome = row_with(column, value);
        assert_eq!(outcome.claims, [sound(10_000)], "{value}");
        assert!(matches!(outcome.payments[0], PaymentState::Unsound(_)), "{value}");
    }
    for (column, value) in [(6, "6217000010001234567"), (8, "102100099995"), (9, "12"), (5, "王五")] {
        let outcome = row_with(column, value);
        assert_eq!(outcome.claims, [sound(10_000)]);
        assert_eq!(outcome.payments, [PaymentState::Sound], "only a warning: {value}");
        assert_eq!(outcome.summary().warnings, 1);
    }
}

#[test]
fn a_broken_claim_does_not_spoil_the_payment_details() {
    for (column, value) in
        [(0, ""), (1, "张\u{200b}三"), (3, "110105194912310021"), (4, "0"), (4, "１００"), (4, "1.005")]
    {
        let outcome = row_with(column, value);
        assert!(matches!(outcome.claims[0], ClaimState::Broken { .. }), "{value}");
        let renamed = column == 1;
        assert_eq!(outcome.payments, [PaymentState::Sound], "{value}");
        assert_eq!(outcome.problems.len(), 1 + usize::from(renamed), "{:?}", outcome.problems);
        assert_eq!(outcome.problems[0].row, 2);
        assert!(outcome.problems[0].column.is_some());
    }
    let outcome = row_with(4, "１００．５");
    assert_eq!(outcome.claims, [ClaimState::Broken { code: "claims.full_width", amount: Some(amount(10_050)) }]);
    assert_eq!((outcome.summary().sum, outcome.summary().sound_sum), (amount(10_050), Amount::ZERO));
}

#[test]
fn the_same_person_is_found_in_every_spelling() {
    let text = format!(
        "{HEADING}{GOOD}\
         B1,张三,身份证,11010519491231002x,1,张三,6222021234567890128,,,\n\
         B2,张三,身份证,110105491231002,2,张三,6222021234567890128,,,\n\
         B3,张四,身份证,11010519491231002X,3,张四,6222021234567890128,,,\n"
    );
    let outcome = read(&text);
    assert_eq!(
        outcome.codes(),
        [
            "claims.same_person",
            "claims.identity_old_form",
            "claims.same_person",
            "claims.document_other_name",
            "claims.account_other_name",
        ]
    );
    assert!(outcome.rows[1].contains("same_person_as: Some(2)"));
    assert!(outcome.rows[2].contains("same_person_as: Some(2)"));
    assert_eq!(outcome.summary().same_person_rows, 2);
    assert!(matches!(outcome.claims[3], ClaimState::Broken { code: "claims.document_other_name", .. }));
}

#[test]
fn duplicates_in_the_list_and_against_the_case() {
    let text = format!("{HEADING}{GOOD}{}{OTHER}", OTHER.replace("A2", "A1"));
    let outcome = read(&text);
    assert_eq!(outcome.codes(), ["claims.number_duplicate", "claims.same_person"]);
    let key = [7; 16];
    let in_case = HashSet::from([
        fingerprint(&key, FingerprintOf::ClaimantNumber, "A1"),
        fingerprint(&key, FingerprintOf::DocumentNumber, "440524188001010014"),
    ]);
    let options = ReadOptions { fingerprint_key: key, in_case: Some(&in_case), ..ReadOptions::default() };
    let outcome = read_with(format!("{HEADING}{GOOD}{OTHER}").as_bytes(), &options);
    assert_eq!(outcome.codes(), ["claims.number_in_case", "claims.person_in_case"]);
    assert_eq!(outcome.summary().broken_claims, 2);
    assert_ne!(
        fingerprint(&key, FingerprintOf::ClaimantNumber, "A1"),
        fingerprint(&[8; 16], FingerprintOf::ClaimantNumber, "A1")
    );
    let print = |number| fingerprint(&key, FingerprintOf::DocumentNumber, number);
    assert_eq!(print("110105491231002"), print("11010519491231002x"));
}

#[test]
fn a_file_that_was_cut_off() {
    let text = format!("{HEADING}{GOOD}{OTHER}");
    let options = ReadOptions { expect_rows: Some(2), expect_sum: Some(amount(35_050)), ..ReadOptions::default() };
    assert_eq!(read_with(text.as_bytes(), &options).problems, []);
    assert_eq!(read_with(text.trim_end().as_bytes(), &options).problems, []);
    let cut = read_with(format!("{HEADING}{GOOD}").as_bytes(), &options);
    assert_eq!(cut.codes(), ["claims.rows_differ", "claims.sum_differs"]);
    assert_eq!(cut.summary, None);
    let outcome = read(&format!("{text}合计,,,,350.50,,,,,\n"));
    assert_eq!(outcome.codes(), ["claims.total_row"]);
    assert_eq!(outcome.summary().rows, 2);
    assert_eq!(read(&format!("{text}合计,,,,350.51,,,,,\n")).codes(), ["claims.total_differs"]);
}

#[test]
fn numbers_of_a_workbook() {
    let book = workbook(&[
        &["'某某案债权人名单"],
        BOOK_HEADING,
        &["1", "'张三", "'身份证", "'11010519491231002X", "1234.56", "'6222021234567890128"],
        &["2", "'李四", "'身份证", "'440524188001010014", "1234.5600000000001", "6222021234567890128"],
        &["3", "'王五", "'护照", "123456789", "0.1", "'6222"],
        &["4", "'赵六", "'护照", "'E1", "1234.561", "'6222"],
        &["5", "'孙七", "'护照", "'E2", "d45000", "'6222"],
        &["6", "'周八", "'护照", "'E3", "'1,000.5"],
    ]);
    let outcome = read_with(&book, &ReadOptions::default());
    let found: Vec<(u64, &str)> = outcome.problems.iter().map(|problem| (problem.row, problem.message.code)).collect();
    assert_eq!(
        found,
        [
            (4, "claims.amount_noise"),
            (4, "claims.account_number_cell"),
            (5, "claims.document_number_cell"),
            (6, "claims.amount_decimals"),
            (6, "claims.account_other_name"),
            (7, "claims.amount_unreadable"),
            (7, "claims.account_other_name"),
            (8, "claims.account_empty"),
        ]
    );
    assert_eq!(outcome.claims[..2], [sound(123_456), sound(123_456)]);
    assert_eq!(outcome.claims[5], sound(100_050));
    assert_eq!(outcome.summary().heading_row, 2);
}

#[test]
fn the_sheet_with_the_heading_is_read() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("说明").unwrap().write_string(0, 0, "请先阅读").unwrap();
    let sheet = book.add_worksheet().set_name("名单").unwrap();
    for (column, heading) in (0_u16..).zip(BOOK_HEADING) {
        sheet.write_string(0, column, &heading[1..]).unwrap();
    }
    for (column, cell) in (0_u16..).zip(["A1", "张三", "身份证", "11010519491231002X", "5", "6222021234567890128"])
    {
        sheet.write_string(1, column, cell).unwrap();
    }
    let outcome = read_with(&book.save_to_buffer().unwrap(), &ReadOptions::default());
    assert_eq!(outcome.codes(), ["claims.other_sheets"]);
    assert_eq!(outcome.summary().format, ListFormat::Workbook { sheet: "名单".to_owned() });
}

#[test]
fn a_damaged_byte_in_utf_8_is_not_taken_for_gb18030() {
    let mut bytes = format!("{HEADING}{GOOD}{OTHER}").into_bytes();
    let place = bytes.windows(3).position(|window| window == "李".as_bytes()).unwrap();
    bytes[place + 1] = b'x';
    let outcome = read_with(&bytes, &ReadOptions::default());
    assert_eq!(outcome.codes(), ["claims.encoding"]);
    assert_eq!(outcome.problems[0].row, 3);
}

#[test]
fn a_long_list_is_read_across_pieces() {
    let mut text = HEADING.replace("债权编号", "claimantno").replace("姓名", "name");
    for index in 0..40_000 {
        text.push_str(&format!("{index},\"张\"\"三,{index}\",其他,D{index},1.00,,{index},,,\r\n"));
    }
    assert!(text.len() > 1_500_000);
    let outcome = read(&text);
    assert_eq!(outcome.problems, []);
    assert_eq!(outcome.summary().sum, amount(4_000_000));
    assert!(outcome.rows[39_999].contains("row: 40001") && outcome.rows[39_999].contains(r#"张\"三,39999"#));
}

#[test]
fn stops_when_the_caller_does() {
    let text = format!("{HEADING}{GOOD}{OTHER}");
    let mut seen = 0;
    let outcome = read_list_from(Cursor::new(text), &ReadOptions::default(), &mut |_| {}, &mut |_| {
        seen += 1;
        Err("full")
    });
    assert!(matches!(outcome, Err(ListFailure::Stopped("full"))));
    assert_eq!(seen, 1);
}

/// Lists of which each shows something that can be wrong; together they show everything.
fn faulty_lists() -> Vec<Outcome> {
    let huge_row = format!("{HEADING}{}", "x".repeat(RECORD_BYTES_MAX + 1));
    let many_columns = format!("{}{}\n", HEADING.trim_end(), ",x".repeat(tables::COLUMNS_MAX));
    let mut lists: Vec<Outcome> = [
        "",
        "\u{feff}",
        "a\0b",
        "谁,什么\n1,2\n",
        "债权编号,姓名\n",
        "债权编号,姓名,编号\n",
        HEADING,
        &huge_row,
        &many_columns,
        &format!("{HEADING}\"A1,张三\n{GOOD}"),
        &format!("{HEADING}A1,张三\n"),
        &format!("{HEADING}\"A1\"x,张三,,,,,,,,\n"),
        &format!("{HEADING}{GOOD}{OTHER}{}", GOOD.replace("A1", "A2")),
        &format!("{HEADING}{GOOD}{}", GOOD.replace("A1", "A2").replace("张三", "李四")),
        &format!("{HEADING}{GOOD}{}", GOOD.replace("A1", "A3")),
        &format!("{HEADING}{GOOD}合计,,,,1,,,,,\n"),
        &format!("{HEADING}{GOOD}合计,,,,,,,,,\n"),
        "债权编号,姓名,证件号码,债权金额,备注\n1,张三,E1,1,好\n",
        "债权编号,姓名,证件号码,债权金额,发放金额,状态,顺位\n1,张三,E1,1,2,未知,零\n",
    ]
    .into_iter()
    .map(read)
    .collect();
    for (column, value) in [
        (0, ""),
        (0, "1E5"),
        (1, ""),
        (1, "张\u{7}三"),
        (1, "张\u{e001}三"),
        (2, "驾驶证"),
        (2, ""),
        (3, ""),
        (3, "1.1E+17"),
        (3, "1101051949"),
        (3, "1101051949123100X2"),
        (3, "11010519490229002X"),
        (3, "110105194912310021"),
        (3, "110105491231002"),
        (4, ""),
        (4, "壹佰"),
        (4, "1.001"),
        (4, "-5"),
        (4, "1,5"),
        (4, "1E5"),
        (4, "9999999999999"),
        (4, "１"),
        (5, "李四"),
        (5, "李?"),
        (5, "李\u{e5e5}"),
        (6, ""),
        (6, "6E+18"),
        (6, "6222*"),
        (6, "6222 0212 3456 7890 128"),
        (6, "6222021234567890127"),
        (6, "111111111111111111111111111111111"),
        (7, &"行".repeat(141)),
        (8, "102100099995"),
        (9, "无"),
    ] {
        lists.push(row_with(column, value));
    }
    for code in ["9135", "91350100M000100Y44"] {
        lists.push(read(&format!("{HEADING}A1,某公司,统一社会信用代码,{code},1,,1,,,\n")));
    }
    let key = [0; 16];
    let in_case = HashSet::from([
        fingerprint(&key, FingerprintOf::ClaimantNumber, "A1"),
        fingerprint(&key, FingerprintOf::DocumentNumber, "440524188001010014"),
    ]);
    let options = ReadOptions {
        expect_rows: Some(3),
        expect_sum: Some(amount(1)),
        in_case: Some(&in_case),
        ..ReadOptions::default()
    };
    lists.push(read_with(format!("{HEADING}{GOOD}{OTHER}").as_bytes(), &options));
    let damaged = [HEADING.as_bytes(), b"A1,\xff\xff,,,,,,,,\n"].concat();
    let book =
        workbook(&[BOOK_HEADING, &["1", "'张三", "'护照", "123456789", "1234.5600000000001", "6222021234567890128"]]);
    let mut two_sheets = Workbook::new();
    two_sheets.add_worksheet();
    two_sheets.add_worksheet();
    let bomb = workbook_that_announces(u64::MAX);
    for bytes in [
        b"\xff\xfea\0".as_slice(),
        b"\xd0\xcf\x11\xe0\xa1\xb1",
        b"PK\x03\x04 and no more",
        &damaged,
        &book,
        &two_sheets.save_to_buffer().unwrap(),
        &bomb,
    ] {
        lists.push(read_with(bytes, &ReadOptions::default()));
    }
    lists
}

/// A workbook whose table of texts announces more than any memory holds.
fn workbook_that_announces(texts: u64) -> Vec<u8> {
    use std::io::Write;
    let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    package.start_file("xl/sharedStrings.xml", options).unwrap();
    write!(package, "<?xml version=\"1.0\"?><sst count=\"1\" uniqueCount=\"{texts}\"></sst>").unwrap();
    package.finish().unwrap().into_inner()
}

#[test]
fn every_code_is_given_and_speaks_both_languages() {
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for problem in faulty_lists().iter().flat_map(|outcome| &outcome.problems) {
        let message = &problem.message;
        given.insert(message.code);
        for language in [Language::Zh, Language::En] {
            let text = message.text(language);
            assert!(!text.contains("%{"), "an argument is missing: {text}");
            assert!(!text.contains(message.code), "no text for {}", message.code);
            let is_chinese = text.chars().any(|letter| letter == '。');
            assert_eq!(is_chinese, language == Language::Zh, "{text}");
        }
    }
    // These need a list too large for a test.
    let too_large = BTreeSet::from(["claims.sum_too_large", "claims.too_many_rows"]);
    for code in &too_large {
        let message = Message { code, arguments: vec![("limit", "1".to_owned())] };
        assert!(message.text(Language::Zh).contains('。') && message.text(Language::En).ends_with('.'));
    }
    let all: BTreeSet<&str> = codes::ALL.iter().copied().collect();
    assert_eq!(all.difference(&given).copied().collect::<BTreeSet<_>>(), too_large);
}

#[test]
fn a_zip_bomb_is_refused_before_it_unpacks() {
    use std::io::Write;
    let outcome = read_with(&workbook_that_announces(1 << 60), &ReadOptions::default());
    assert_eq!(outcome.codes(), ["claims.workbook_too_large"]);
    let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for part in 0..1_100 {
        package.start_file(format!("xl/{part}"), options).unwrap();
        package.write_all(b"0").unwrap();
    }
    let outcome = read_with(&package.finish().unwrap().into_inner(), &ReadOptions::default());
    assert_eq!(outcome.codes(), ["claims.workbook_too_large"]);
    // A part that says it is larger than it may be: the size stands in the last header of the package.
    let mut bytes = workbook_that_announces(1);
    let header = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[header + 24..header + 28].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let outcome = read_with(&bytes, &ReadOptions::default());
    assert_eq!(outcome.codes(), ["claims.workbook_too_large"]);
}

#[test]
fn the_problem_file_opens_in_a_spreadsheet_and_runs_nothing() {
    let outcome = read(
        "债权编号,姓名,证件号码,债权金额,收款账号,=cmd\nA1,张三,11010519491231002X,\"=1+1\",6.22202E+18,\nA2,李四,440524188001010014,1.005,1,\n",
    );
    let mut file = Vec::new();
    write_problem_file(&outcome.problems, &mut file).unwrap();
    let text = String::from_utf8(file).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    assert!(!text.contains(",=") && text.contains("'=cmd"));
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
}

#[test]
fn samples_are_sound_but_for_the_accounts() {
    let mut list = Vec::new();
    let written = sample::write_sample_list(&mut list, 5_000, 200, 1).unwrap();
    let outcome = read_with(&list, &ReadOptions::default());
    let summary = outcome.summary();
    assert_eq!((summary.rows, summary.broken_claims), (5_000, 0));
    assert_eq!((summary.unsound_payments, summary.sum), (written.bad_accounts, written.sum));
    assert!((60..140).contains(&written.bad_accounts), "{}", written.bad_accounts);
    assert_eq!(summary.same_person_rows + summary.warnings, 0);
    let bad: BTreeSet<&str> = outcome.codes().into_iter().collect();
    assert_eq!(bad, BTreeSet::from(["claims.account_characters", "claims.account_empty", "claims.account_scientific"]));
    let amounts: Vec<i64> = outcome
        .claims
        .iter()
        .map(|claim| match claim {
            ClaimState::Sound(amount) => amount.minor(),
            ClaimState::Broken { .. } => 0,
        })
        .collect();
    assert!(amounts.iter().all(|minor| (100_000..=500_000_000).contains(minor)));

    let (gb18030, _, _) = encoding_rs::GB18030.encode(std::str::from_utf8(&list[3..]).unwrap());
    assert_eq!(read_with(&gb18030, &ReadOptions::default()).rows, outcome.rows);

    let mut again = Vec::new();
    sample::write_sample_list(&mut again, 5_000, 200, 1).unwrap();
    assert_eq!(list, again);
    let head: Vec<&str> = std::str::from_utf8(&list).unwrap().lines().take(6).collect();
    insta::assert_snapshot!(head.join("\n"));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_with(&bytes, &ReadOptions::default());
        read_with(&[HEADING.as_bytes(), &bytes].concat(), &ReadOptions::default());
        read_with(&[b"PK\x03\x04".as_slice(), &bytes].concat(), &ReadOptions::default());
    }

    #[test]
    fn any_text_is_answered(text in "([\",;\t\r\n=×张0-9.E+x\u{200b}]|.){0,200}") {
        let outcome = read(&format!("{HEADING}{text}"));
        prop_assert!(outcome.summary.is_some() || !outcome.problems.is_empty());
        let broken = outcome.claims.iter().filter(|claim| matches!(claim, ClaimState::Broken { .. })).count();
        let named = outcome.problems.iter().filter(|problem| problem.severity == Severity::Claim).count();
        prop_assert!(broken <= named, "a claim is broken and nothing says why");
    }

    #[test]
    fn a_damaged_workbook_is_answered(place in 0_usize..6_000, value: u8) {
        let mut book = workbook(&[BOOK_HEADING, &["1", "'张三", "'护照", "'E1", "1.5", "'6222"]]);
        let place = place % book.len();
        book[place] = value;
        read_with(&book, &ReadOptions::default());
    }

    #[test]
    fn the_account_never_decides_about_the_claim(account in "[^\t\r\n\"\0]{0,40}") {
        let outcome = row_with(6, &account);
        prop_assert_eq!(&outcome.claims, &[sound(10_000)]);
    }
}
