use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::Amount;
use proptest::prelude::*;

use super::payments::{PaymentFile, read};
use super::plan::{GivenKey, Reason, decide};
use super::*;
use crate::bank::{FileHeader, FileWriter, PayeeKind, PaymentLine, Profile};
use crate::{Language, Message};

const FORMATS: [&str; 3] = ["generic-csv", "generic-txt", "pain001"];

/// A payment file as our own writer makes it: an implementation of the layout that this folder does not use.
fn written(profile: &str, message_id: &str, first_line: u64, amounts: &[i64]) -> Vec<u8> {
    let profile = Profile::shipped(profile).unwrap();
    let amounts: Vec<Amount> = amounts.iter().copied().map(Amount::from_minor).collect();
    let header = FileHeader {
        message_id,
        created_at: "2026-11-20T08:30:00Z".parse().unwrap(),
        execution_date: "2026-11-20".parse().unwrap(),
        run_number: "2026-0007",
        file_number: 1,
        group: profile.group(true, PayeeKind::Person),
        payer_name: "某某法院 & 执行局",
        payer_account: "1202020119900012345",
        payer_bank_name: "某银行",
        payer_bank_code: "102331000000",
        lines: amounts.len() as u64,
        sum: Amount::sum(amounts.iter().copied()).unwrap(),
    };
    let mut out = Vec::new();
    let mut writer = FileWriter::begin(&profile, header, &mut out).unwrap();
    for (line_number, amount) in (first_line..).zip(amounts) {
        let line = PaymentLine {
            line_number,
            line_key: &format!("P20260007-{line_number:09}"),
            payee_name: "阿卜杜拉·买买提<𠮷>",
            payee_account: &format!("62220212345{line_number:08}"),
            bank_name: "某银行",
            bank_code: "102100099996",
            amount,
            purpose: "案款",
            payee_kind: PayeeKind::Person,
            same_bank: true,
            payer_sub_account: "1202020119800000001",
            telephone: "",
        };
        writer.push(&line).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn file(name: &str, bytes: &[u8]) -> PaymentFile {
    read(name, bytes).unwrap()
}

fn code(name: &str, bytes: &[u8]) -> &'static str {
    read(name, bytes).unwrap_err().code
}

/// The text changed; GB 18030 or UTF-8 as it was.
fn changed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let utf8 = bytes.starts_with(b"<");
    let text = if utf8 { String::from_utf8(bytes.to_vec()).unwrap() } else { GB18030.decode(bytes).0.into_owned() };
    assert!(text.contains(from), "{from} is not in {text}");
    let text = text.replacen(from, to, 1);
    if utf8 { text.into_bytes() } else { GB18030.encode(&text).0.into_owned() }
}

fn day() -> Date {
    "2026-11-23".parse().unwrap()
}

#[test]
fn reads_what_the_writer_wrote() {
    for format in FORMATS {
        let file = file("a.b", &written(format, "M-1", 3, &[298_200, 5, 123_456_789]));
        assert_eq!((file.lines.len(), file.sum.minor(), file.totals_tie), (3, 123_754_994, true), "{format}");
        let amounts: Vec<i64> = file.lines.iter().map(|line| line.amount.minor()).collect();
        assert_eq!(amounts, [298_200, 5, 123_456_789], "{format}");
        assert_eq!(file.lines.iter().map(|line| line.serial).collect::<Vec<_>>(), [1, 2, 3]);
        let texts = file.texts(&file.lines[2]);
        assert_eq!(
            (texts.key, texts.account, texts.name),
            ("P20260007-000000005", "6222021234500000005", "阿卜杜拉·买买提<𠮷>"),
            "{format}"
        );
        assert_eq!(texts.sub_account.is_empty(), format == "generic-txt", "the layout has no column for it");
        if format != "generic-csv" {
            assert_eq!(
                (file.message_id.as_str(), file.payer_account.as_str(), file.payer_name.as_str()),
                ("M-1", "1202020119900012345", "某某法院 & 执行局")
            );
        }
    }
}

#[test]
fn refuses_what_it_does_not_take() {
    for profile in ["icbc-like-xlsx", "verify-csv"] {
        assert_eq!(code("a.b", &written(profile, "M-1", 1, &[100])), "bank_sim.format", "{profile}");
    }
    for bytes in [&b""[..], b"hello", b"\xFF\xFE\x00", b"{}", b"<", b"<html></html>", b"H"] {
        assert!(["bank_sim.format", "bank_sim.layout"].contains(&code("a.b", bytes)), "{bytes:?}");
    }
    let xml = written("pain001", "M-1", 1, &[100, 200]);
    for (from, to, wanted) in [
        ("pain.001.001.09", "pain.001.001.03", "bank_sim.format"),
        ("<Document", "<!DOCTYPE a [<!ENTITY b \"c\">]><Document", "bank_sim.layout"),
        ("某某法院 &amp;", "某某法院 &b;", "bank_sim.layout"),
        ("Ccy=\"CNY\"", "Ccy=\"USD\"", "bank_sim.layout"),
        ("</Document>", "", "bank_sim.layout"),
        ("</PmtInf>", "</PmtInf><PmtInf></PmtInf>", "bank_sim.blocks"),
        (">1.00<", ">-1.00<", "bank_sim.value"),
        (">1.00<", ">1.001<", "bank_sim.value"),
        ("<EndToEndId>P20260007-000000001", "<EndToEndId>", "bank_sim.value"),
        ("<EndToEndId>P20260007-000000001", "<EndToEndId>P20260007-0000000000000000000000000001", "bank_sim.value"),
        ("阿卜杜拉", "阿&#7;杜拉", "bank_sim.value"),
    ] {
        assert_eq!(code("a.xml", &changed(&xml, from, to)), wanted, "{to}");
    }
    let deep = changed(&xml, "<GrpHdr>", &"<GrpHdr>".repeat(100_000));
    assert_eq!(code("a.xml", &deep), "bank_sim.layout");

    let txt = written("generic-txt", "M-1", 1, &[100, 200]);
    for (from, to) in [("T|2|300\r\n", ""), ("D|2", "X|2"), ("D|2|", "D|"), ("T|2|300", "T|2|300\r\nD|3")] {
        assert_eq!(code("a.txt", &changed(&txt, from, to)), "bank_sim.layout", "{to}");
    }
    let csv = written("generic-csv", "", 1, &[100, 200]);
    assert_eq!(code("a.csv", &changed(&csv, ",2.00,", ",2.00,,")), "bank_sim.layout");
    assert_eq!(code("a.csv", &changed(&csv, ",2.00,", ",,")), "bank_sim.value");
    assert_eq!(code("a.csv", &changed(&csv, ",2.00,", ",99999999999999999999,")), "bank_sim.value");
}

#[test]
fn totals_that_do_not_tie_refuse_the_file_as_a_whole() {
    let txt = written("generic-txt", "M-1", 1, &[100, 200]);
    let xml = written("pain001", "M-1", 1, &[100, 200]);
    for bytes in [
        changed(&txt, "T|2|300", "T|2|301"),
        changed(&txt, "T|2|300", "T|3|300"),
        changed(&txt, "|2|300\r\n", "|2|299\r\n"),
        changed(&xml, "<NbOfTxs>2", "<NbOfTxs>3"),
        changed(&xml, "<CtrlSum>3.00", "<CtrlSum>3.01"),
        changed(&xml, "2.00</InstdAmt>", "2.10</InstdAmt>"),
    ] {
        let files = [file("a.x", &bytes)];
        let plan = decide(&files, &[], &Options::plain(day())).unwrap();
        assert_eq!(plan.files[0].refused, Some(Reason::Totals));
        assert!(plan.days[0].bookings.is_empty(), "no money moves");
    }
}

#[test]
fn nobody_is_paid_twice() {
    let first = written("pain001", "M-1", 1, &[100, 200]);
    let files = [
        file("a.xml", &first),
        file("b.xml", &first),
        file("c.xml", &written("pain001", "M-1", 3, &[100])),
        file("d.xml", &written("pain001", "M-2", 2, &[200, 300])),
    ];
    let plan = decide(&files, &[], &Options::plain(day())).unwrap();
    let refused: Vec<_> = plan.files.iter().map(|file| file.refused).collect();
    assert_eq!(refused, [None, Some(Reason::Duplicate), Some(Reason::Duplicate), None]);
    let ends: Vec<End> = plan.files[3].fates.iter().map(|fate| fate.end).collect();
    assert_eq!(ends, [End::Rejected(Reason::Duplicate), End::Paid], "the key of a.xml's second line again");
}

#[test]
fn files_beyond_the_balance_are_refused_as_a_whole() {
    let files =
        [1, 3].map(|line| file(&format!("{line}.xml"), &written("pain001", &line.to_string(), line, &[500, 500])));
    let mut options = Options { opening: Some(Amount::from_minor(1_999)), ..Options::plain(day()) };
    let plan = decide(&files, &[], &options).unwrap();
    assert_eq!([plan.files[0].refused, plan.files[1].refused], [None, Some(Reason::FundsShort)]);
    assert_eq!(plan.days[0].closing.minor(), 999);
    options.opening = Some(Amount::from_minor(2_000));
    let plan = decide(&files, &[], &options).unwrap();
    assert_eq!([plan.files[0].refused, plan.files[1].refused], [None, None]);
    assert_eq!(plan.days[0].closing, Amount::ZERO);
    options.opening = Some(Amount::from_minor(i64::MAX));
    let Err(Failure::Refused(message)) = decide(&files, &[], &options) else { panic!("no message carries that") };
    assert_eq!(message.code, "bank_sim.too_large");
}

#[test]
fn amounts_are_read_exactly() {
    for (text, fen) in
        [("1", Some(100)), ("1.5", Some(150)), ("0.05", Some(5)), ("92233720368547758.07", Some(i64::MAX))]
    {
        assert_eq!(fen_of_yuan(text).map(Amount::minor), fen, "{text}");
    }
    for text in ["", ".", "1.", ".5", "1.005", "-1", "+1", "1,000", "1e3", " 1", "１", "92233720368547758.08"] {
        assert_eq!(fen_of_yuan(text), None, "{text}");
    }
}

/// Every code of this folder has a text in both languages, and no text is left over.
#[test]
fn every_code_has_a_text_in_both_languages() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("payments.rs"),
        include_str!("plan.rs"),
        include_str!("../cli/bank_sim.rs"),
    ];
    let opening = concat!("Message::new(\"", "bank_sim.");
    let used: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| source.split(opening).skip(1))
        .map(|rest| ["bank_sim", rest.split('"').next().unwrap()].join("."))
        .collect();
    let written: BTreeSet<String> = include_str!("../../locales/bank_sim.yml")
        .lines()
        .filter(|line| line.starts_with("bank_sim."))
        .map(|line| line.trim_end_matches(':').to_owned())
        .collect();
    assert_eq!(used, written);
    for code in used {
        let message = Message::new(String::leak(code));
        let (zh, en) = (message.text(Language::Zh), message.text(Language::En));
        assert!(zh != en && zh != message.code && en != message.code, "{}", message.code);
    }
}

fn options() -> impl Strategy<Value = Options> {
    let share = || prop_oneof![Just(0_u16), 0..=1_000_u16, Just(1_000)];
    let debit = prop_oneof![Just(Debit::Whole), Just(Debit::LessFailed), Just(Debit::Each)];
    (any::<u64>(), share(), share(), share(), share(), 1..5_u16, 0..3_usize, any::<bool>(), debit).prop_map(
        |(seed, reject, returned, delay, wrong_reference, return_after, reverse, own_lines, debit)| Options {
            seed,
            reject,
            returned,
            return_after,
            delay,
            reverse,
            wrong_reference,
            own_lines,
            debit,
            ..Options::plain(day())
        },
    )
}

fn bank(options: Options, amounts: &[Vec<i64>], opening: Option<i64>) -> Bank {
    let files: Vec<PaymentFile> = (0_u64..)
        .zip(amounts)
        .map(|(place, amounts)| {
            let bytes = written("generic-txt", &format!("M{place}"), 1 + place * 100, amounts);
            file(&format!("{place}.txt"), &bytes)
        })
        .collect();
    let incoming: Vec<Incoming> = [1_050, 7]
        .iter()
        .map(|minor| Incoming {
            amount: Amount::from_minor(*minor),
            payer: "吴某".to_owned(),
            remark: String::new(),
            reference: String::new(),
            sub_account: String::new(),
        })
        .collect();
    let options = Options { opening: opening.map(Amount::from_minor), ..options };
    let plan = decide(&files, &incoming, &options).unwrap();
    Bank { account: "1".to_owned(), holder: String::new(), options, files, incoming, plan }
}

proptest! {
    #[test]
    fn books_tie_and_every_line_has_one_end(
        options in options(),
        amounts in prop::collection::vec(prop::collection::vec(1..1_000_000_i64, 1..20), 1..4),
        opening in prop::option::of(0..30_000_000_i64),
    ) {
        let bank = bank(options, &amounts, opening);
        prop_assert!(bank.check().is_ok());
        // Counted another way than `check` does: per payment, from the bookings that stand for it.
        let mut left: BTreeMap<(usize, usize), i64> = BTreeMap::new();
        let mut references = BTreeSet::new();
        for day in &bank.plan.days {
            for booking in &day.bookings {
                prop_assert!(references.insert(bank.reference(day.date, booking)));
                let lines: Vec<(usize, usize)> = match booking.what {
                    What::FileDebit { file, .. } | What::LumpReturn { file, .. } => {
                        bank.plan.lines_of(&bank.files, booking.what).map(|(line, _)| (file, line)).collect()
                    }
                    What::PaymentDebit { file, line } | What::Return { file, line } => vec![(file, line)],
                    _ => continue,
                };
                let sign = booking.signed.minor().signum();
                let sum: i64 = lines.iter().map(|(file, line)| bank.files[*file].lines[*line].amount.minor()).sum();
                prop_assert_eq!(sum * sign, booking.signed.minor());
                for place in lines {
                    *left.entry(place).or_default() -= sign;
                }
            }
        }
        for (file, planned) in bank.plan.files.iter().enumerate() {
            for (line, fate) in planned.fates.iter().enumerate() {
                let paid = i64::from(fate.end == End::Paid);
                prop_assert_eq!(left.get(&(file, line)).copied().unwrap_or(0), paid, "{:?}", fate);
            }
        }
    }

    #[test]
    fn books_that_do_not_tie_are_not_written(amount in prop::num::i64::ANY.prop_filter("not nothing", |by| *by != 0)) {
        let mut bank = bank(Options::plain(day()), &[vec![100, 200]], None);
        let booking = bank.plan.days[0].bookings.last_mut().unwrap();
        booking.signed = Amount::from_minor(booking.signed.minor().wrapping_add(amount));
        prop_assert!(bank.check().is_err());
    }

    #[test]
    fn a_damaged_key_is_never_the_key(key in "[A-Z0-9-]{1,35}", which: u8, by: u8) {
        prop_assert_ne!(GivenKey::Changed(which, by).of(&key), key.clone());
        prop_assert_eq!(GivenKey::Changed(which, by).of(&key).len() == key.len(), key.contains(|c: char| c.is_ascii_digit()));
        prop_assert_eq!(GivenKey::Cut.of(&key), &key[..key.len().min(12)]);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        format in prop::sample::select(&FORMATS[..]),
        cuts in prop::collection::vec((0..1_000_usize, 0..20_usize, prop::collection::vec(any::<u8>(), 0..4)), 1..4),
    ) {
        let mut bytes = written(format, "M-1", 1, &[100, 2_345]);
        for (at, length, with) in cuts {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, with);
        }
        if let Ok(file) = read("a.b", &bytes) {
            for line in &file.lines {
                prop_assert!(line.amount > Amount::ZERO && !file.texts(line).key.is_empty());
            }
        }
    }
}
