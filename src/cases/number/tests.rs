use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::message::Language;

fn normal(text: &str) -> String {
    CaseNumber::parse(text).unwrap_or_else(|refusal| panic!("{refusal:?}")).to_string()
}

fn fault(text: &str) -> NumberFault {
    CaseNumber::parse(text).map_err(|refusal| refusal.fault).unwrap_err()
}

#[test]
fn every_spelling_gives_the_same_number() {
    let spellings = [
        "（2024）浙01执123号",
        "(2024)浙01执123号",
        "〔2024〕浙01执123号",
        "[2024]浙01执123号",
        "［2024］浙01执123号",
        "【2024】浙01执123号",
        "(2024）浙01执123号",
        "2024浙01执123号",
        "（２０２４）浙０１执１２３号",
        " ( 2024 ) 浙 01 执 123 号 ",
        "（2024）\u{3000}浙01执\u{A0}123号",
        "（2024）浙01执00123号",
        "（2024）浙01执第123号",
        "（2024）浙01执字第123号",
        "\u{FEFF}（2024）浙01执123号\u{200B}",
    ];
    let numbers: HashSet<CaseNumber> = spellings.iter().map(|text| CaseNumber::parse(text).unwrap()).collect();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    assert_eq!(numbers.iter().next().unwrap().to_string(), "（2024）浙01执123号");
}

#[test]
fn the_parts_are_told_apart() {
    for (text, year, court, kind, serial, sub) in [
        ("（2024）浙01执123号", 2024, "浙01", "执", 123, None),
        ("(2024)浙01执保12号", 2024, "浙01", "执保", 12, None),
        ("（2023）浙0106执恢7号", 2023, "浙0106", "执恢", 7, None),
        ("（2023）浙0106执异7号之二", 2023, "浙0106", "执异", 7, Some(2)),
        ("（2022）浙执复15号", 2022, "浙", "执复", 15, None),
        ("（2021）最高法执监9号", 2021, "最高法", "执监", 9, None),
        ("(2017)最高法民他72号", 2017, "最高法", "民他", 72, None),
        ("（2019）桂10刑终314号", 2019, "桂10", "刑终", 314, None),
        ("(2015)杭下执民字第2741号", 2015, "杭下", "执民字", 2741, None),
        ("(2015)杭下执民字第2741-1号", 2015, "杭下", "执民字", 2741, Some(1)),
        ("(2014)浙杭执字第12号", 2014, "浙杭", "执字", 12, None),
        ("(2013)执监字第3号", 2013, "", "执监字", 3, None),
        ("(2013)西法听字第3号", 2013, "西", "法听字", 3, None),
        ("（2024）浙01执123号之十二", 2024, "浙01", "执", 123, Some(12)),
        ("（2024）浙01执123之一号", 2024, "浙01", "执", 123, Some(1)),
        ("（2022）浙执复15之一号", 2022, "浙", "执复", 15, Some(1)),
        ("（2024）浙01执123-1号", 2024, "浙01", "执", 123, Some(1)),
        ("（2024）浙01执123号之3", 2024, "浙01", "执", 123, Some(3)),
    ] {
        let number = CaseNumber::parse(text).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!(
            (number.year(), number.court(), number.kind(), number.serial(), number.sub()),
            (year, court, kind, serial, sub),
            "{text}"
        );
        assert_eq!(number.is_old_style(), kind.ends_with('字'));
    }
}

#[test]
fn the_normal_form_is_the_official_one() {
    assert_eq!(normal("(2015)杭下执民字2741号"), "（2015）杭下执民字第2741号");
    assert_eq!(normal("2024 浙01执 7-2号"), "（2024）浙01执7号之二");
    assert_eq!(normal("（2024）浙01执7号之二十一"), "（2024）浙01执7号之二十一");
    // A genuine old number of a High Court is another case than the new-style one.
    assert_ne!(normal("（2015）浙执字第5号"), normal("（2015）浙执5号"));
}

#[test]
fn each_fault_is_named() {
    for (text, expected) in [
        ("", NumberFault::Empty),
        ("  \u{3000}", NumberFault::Empty),
        ("浙01执123号", NumberFault::Year),
        ("（24）浙01执123号", NumberFault::Year),
        ("（2024浙01执123号", NumberFault::Year),
        ("（1900）浙01执123号", NumberFault::Year),
        ("（20244）浙01执123号", NumberFault::Year),
        ("（2024）", NumberFault::Court),
        ("（2024）01执123号", NumberFault::Court),
        ("（2024）杭01执123号", NumberFault::Court),
        ("（2024）浙1执123号", NumberFault::Court),
        ("（2024）浙010执123号", NumberFault::Court),
        ("（2024）杭执123号", NumberFault::Court),
        ("（2024）浙01字第123号", NumberFault::Kind),
        ("（2024）浙123号", NumberFault::Kind),
        ("（2024）最高法5号", NumberFault::Kind),
        ("（2024）字第5号", NumberFault::Kind),
        ("（2024）浙01执号", NumberFault::Serial),
        ("（2024）浙01执0号", NumberFault::Serial),
        ("（2024）浙01执1234567890号", NumberFault::Serial),
        ("（2024）浙01执123", NumberFault::NoEnd),
        ("（2024）浙01执123、124号", NumberFault::NoEnd),
        ("（2024）浙01执123.5号", NumberFault::NoEnd),
        ("（2024）浙01执123号之一百", NumberFault::Trailing),
        ("（2024）浙01执123号之一一", NumberFault::Sub),
        ("（2024）浙01执123-0号", NumberFault::Sub),
        ("（2024）浙01执123-号", NumberFault::Sub),
        ("（2024）浙01执123-100号", NumberFault::Sub),
        ("（2024）浙01执12-15号", NumberFault::Several),
        ("（2024）浙01执123号案款", NumberFault::Trailing),
        ("（2024）浙01执123号（2024）浙01执124号", NumberFault::Trailing),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
}

#[test]
fn each_fault_has_a_text_in_both_languages() {
    for fault in NumberFault::ALL {
        let message = NumberRefusal { fault, text: "abc".to_owned() }.message();
        let (zh, en) = (message.text(Language::Zh), message.text(Language::En));
        for text in [&zh, &en] {
            assert!(!text.contains(message.code) && !text.contains("%{"), "{text}");
        }
        assert_ne!(zh, en);
    }
}

#[test]
fn a_message_repeats_only_the_beginning_of_a_long_text() {
    let refusal = CaseNumber::parse(&"案".repeat(10_000)).unwrap_err();
    assert_eq!(refusal.text.chars().count(), QUOTE_CHARS_MAX);
}

#[test]
fn numbers_are_found_in_remarks() {
    for (remark, expected) in [
        ("付（2024）浙01执123号案款", vec!["（2024）浙01执123号"]),
        ("张三 执行款2024浙0106执恢 45号，尾款", vec!["（2024）浙0106执恢45号"]),
        (
            "(2023)浙01执保9号、（2024）浙01执123号之一；(2015)杭下执民字第2741号",
            vec!["（2023）浙01执保9号", "（2024）浙01执123号之一", "（2015）杭下执民字第2741号"],
        ),
        ("（2024）浙01执123号 重复 (2024)浙01执0123号", vec!["（2024）浙01执123号"]),
        ("（2024）浙01执123号之前的款项", vec!["（2024）浙01执123号"]),
        ("（（2024）浙01执123号）", vec!["（2024）浙01执123号"]),
        ("流水20240701 金额2024.05", vec![]),
        // Cut off: it may be 123.
        ("付款（2024）浙01执12", vec![]),
        // The year is the end of a longer number.
        ("12024浙01执123号", vec![]),
        ("", vec![]),
    ] {
        let found: Vec<String> = CaseNumber::find_all(remark).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{remark}");
    }
}

#[test]
fn json_is_the_normal_form() {
    let number = CaseNumber::parse("(2024)浙01执保12号").unwrap();
    assert_eq!(serde_json::to_string(&number).unwrap(), "\"（2024）浙01执保12号\"");
}

fn any_number() -> impl Strategy<Value = CaseNumber> {
    let courts = vec!["浙01", "浙0106", "沪0115", "兵0101", "京73", "浙", "最高法"];
    let kinds = vec!["执", "执保", "执恢", "执异", "执复", "民初", "非诉行审", "知民终"];
    let old_courts = vec!["杭下", "浙杭", "西", "甬北", ""];
    let old_kinds = vec!["执字", "执民字", "执恢字", "民一初字", "法听字"];
    let words = prop_oneof![
        (prop::sample::select(courts), prop::sample::select(kinds)),
        (prop::sample::select(old_courts), prop::sample::select(old_kinds)),
    ];
    (words, 1990_u16..2100, 1_u32..1_000_000, prop::option::of(1_u8..=SUB_MAX)).prop_map(
        |((court, kind), year, serial, sub)| CaseNumber {
            year,
            court: court.to_owned(),
            kind: kind.to_owned(),
            serial,
            sub,
        },
    )
}

/// The same number as somebody else would write it.
fn spell(number: &CaseNumber, brackets: usize, wide: bool, spaces: bool, zeros: usize, ordinal: bool) -> String {
    let (open, close) = [("（", "）"), ("(", ")"), ("〔", "〕"), ("[", "]"), ("【", "】"), ("", "")][brackets];
    let CaseNumber { year, court, kind, serial, .. } = number;
    let space = if spaces { " " } else { "" };
    let ordinal = if ordinal { "第" } else { "" };
    let sub = number.sub.map(|sub| format!("之{}", to_numeral(sub))).unwrap_or_default();
    let zeros = "0".repeat(zeros);
    let parts = [open, &year.to_string(), close, court, kind, ordinal, &format!("{zeros}{serial}"), "号", &sub];
    let text = parts.join(space);
    if !wide {
        return text;
    }
    text.chars()
        .map(|char| char.to_digit(10).map_or(char, |digit| char::from_u32('０' as u32 + digit).unwrap()))
        .collect()
}

#[test]
fn what_comes_before_a_case_is_no_enforcement() {
    for (kind, is_of_enforcement) in [
        ("执", true),
        ("执恢", true),
        ("执保", false),
        ("执前督", false),
        ("执前调", false),
        ("诉前调", false),
        ("诉前保", false),
        ("财保", false),
    ] {
        let number = CaseNumber::parse(&format!("（2026）浙0106{kind}5号")).unwrap();
        assert_eq!((number.kind(), number.is_of_enforcement()), (kind, is_of_enforcement));
    }
}

proptest! {
    #[test]
    fn the_normal_form_reads_back(number in any_number()) {
        prop_assert_eq!(CaseNumber::parse(&number.to_string()), Ok(number));
    }

    #[test]
    fn any_spelling_has_the_same_normal_form(
        number in any_number(), brackets in 0_usize..6, wide: bool, spaces: bool, zeros in 0_usize..4, ordinal: bool,
    ) {
        let text = spell(&number, brackets, wide, spaces, zeros, ordinal);
        prop_assert_eq!(CaseNumber::parse(&text), Ok(number.clone()), "{}", &text);
        prop_assert_eq!(CaseNumber::find_all(&format!("收到{text}执行款")), vec![number], "{}", &text);
    }

    #[test]
    fn no_text_panics_and_what_is_read_reads_back(text in "[（(〔2024）)浙杭01执字第号之一十\\- ]{0,24}") {
        if let Ok(number) = CaseNumber::parse(&text) {
            prop_assert_eq!(CaseNumber::parse(&number.to_string()), Ok(number));
        }
        for number in CaseNumber::find_all(&text) {
            prop_assert_eq!(CaseNumber::parse(&number.to_string()), Ok(number));
        }
    }

    #[test]
    fn no_text_at_all_panics(text in "\\PC{0,60}") {
        let _ = CaseNumber::parse(&text);
        let _ = CaseNumber::find_all(&text);
    }
}
