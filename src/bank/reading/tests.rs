//! The readers on files of our own making: what each says, what is refused, and what a hostile one costs.

use std::collections::BTreeSet;
use std::io::{self, Cursor, SeekFrom};
use std::path::Path;

use ankuan_reconciliation::reply::{Cause, State};
use ankuan_reconciliation::statement::{Direction, Entry, Foot, Kind, Status, Tally};
use proptest::prelude::*;

use super::*;
use crate::Failure;

#[derive(Debug, Default)]
struct Collected {
    statements: Vec<Statement>,
    reply: reply::Head,
    lines: Vec<reply::Line>,
    problems: Vec<Problem>,
}

#[derive(Debug, Default, PartialEq)]
struct Statement {
    head: statement::Head,
    entries: Vec<Entry>,
    foot: Option<Foot>,
}

impl Statement {
    fn ties(&self) -> Option<bool> {
        let mut tally = Tally::default();
        self.entries.iter().for_each(|entry| tally.take(entry).expect("small"));
        tally.ties(self.foot.as_ref().expect("ended"))
    }
}

impl Sink for Collected {
    fn statement(&mut self, piece: statement::Piece<'_>) -> Outcome<()> {
        use statement::Piece;
        match piece {
            Piece::Begin(head) => {
                assert!(self.statements.last().is_none_or(|last| last.foot.is_some()), "the one before has ended");
                self.statements.push(Statement { head: head.clone(), ..Statement::default() });
            }
            Piece::Entry(entry) => self.open().entries.push(entry.clone()),
            Piece::End(foot) => self.open().foot = Some(foot.clone()),
        }
        Ok(())
    }

    fn reply(&mut self, piece: reply::Piece<'_>) -> Outcome<()> {
        match piece {
            reply::Piece::Begin(head) => self.reply = head.clone(),
            reply::Piece::Line(line) => self.lines.push(line.clone()),
            reply::Piece::End(_) => {}
        }
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

impl Collected {
    fn open(&mut self) -> &mut Statement {
        self.statements.last_mut().expect("begun")
    }

    fn problems(&self) -> Vec<(&str, u64)> {
        self.problems.iter().map(|problem| (problem.message.code, problem.line)).collect()
    }
}

fn read_from(source: &mut dyn Source) -> Outcome<(FileKind, Collected)> {
    let mut collected = Collected::default();
    let kind = read("来文", source, None, &mut collected)?;
    Ok((kind, collected))
}

fn taken(file: impl AsRef<[u8]>) -> Collected {
    match read_from(&mut Cursor::new(file.as_ref())) {
        Ok((_, collected)) => collected,
        Err(failure) => panic!("{failure:?}"),
    }
}

fn refused(file: impl AsRef<[u8]>) -> Message {
    match read_from(&mut Cursor::new(file.as_ref())) {
        Err(Failure::Refused(message)) => message,
        other => panic!("not refused: {other:?}"),
    }
}

fn line_of(message: &Message) -> u64 {
    let line = message.arguments.iter().find(|(name, _)| *name == "line").expect("says the line");
    line.1.parse().expect("a number")
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn day(text: &str) -> Option<Date> {
    Some(text.parse().expect("a day"))
}

fn camt053(statements: &str) -> String {
    let namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"{namespace}\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M1</MsgId></GrpHdr>{statements}</BkToCstmrStmt></Document>"
    )
}

fn balance(code: &str, amount: &str, indicator: &str) -> String {
    format!(
        "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{amount}</Amt>\
         {indicator}<Dt><Dt>2026-11-20</Dt></Dt></Bal>"
    )
}

fn statement_of(content: &str) -> String {
    format!(
        "<Stmt><Id>S1</Id><ElctrncSeqNb>7</ElctrncSeqNb><Acct><Id><Othr><Id>1202 0201 1980</Id></Othr></Id>\
         <Ccy>CNY</Ccy></Acct>{content}</Stmt>"
    )
}

fn entry(amount: &str, indicator: &str, more: &str) -> String {
    format!("<Ntry><Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>{more}</Ntry>")
}

#[test]
fn a_statement_says_what_stands_in_it() {
    let details = "<Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-11-20T25:61:61</DtTm></BookgDt>\
        <ValDt><Dt>2026-11-21</Dt></ValDt><AcctSvcrRef>B-9</AcctSvcrRef>\
        <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn>\
        <Prtry><Cd>N1</Cd></Prtry></BkTxCd>\
        <NtryDtls><TxDtls><Refs><MsgId>F1</MsgId><EndToEndId>R1-1</EndToEndId></Refs><Amt Ccy=\"CNY\">2.50</Amt>\
        <RltdPties><Dbtr><Pty><Nm>王&#x82B3; &amp; <![CDATA[<李>]]></Nm></Pty></Dbtr>\
        <DbtrAcct><Id><Othr><Id>6222 0212</Id></Othr></Id></DbtrAcct><Cdtr><Pty><Nm>某法院</Nm></Pty></Cdtr></RltdPties>\
        <RmtInf><Ustrd>案款</Ustrd><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>RF1</Ref>\
        </CdtrRefInf></Strd></RmtInf><RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>销户</AddtlInf></RtrInf>\
        </TxDtls></NtryDtls><AddtlNtryInf>摘要</AddtlNtryInf>";
    let content = [
        balance("PRCD", "10", "<CdtDbtInd>DBIT</CdtDbtInd>"),
        balance("CLBD", "-7.5", ""),
        balance("CLAV", "nonsense", ""),
        entry("2.50", "CRDT", details),
        entry("99", "CRDT", "<Sts>PDNG</Sts>"),
    ];
    let file = camt053(&statement_of(&content.concat()));
    let collected = taken(&file);
    let [statement] = collected.statements.as_slice() else { panic!("one statement") };
    assert_eq!((statement.head.id.as_str(), statement.head.account.as_str()), ("S1", "120202011980"));
    assert_eq!((statement.head.kind, statement.head.sequence.as_str()), (Some(Kind::Booked), "7"));
    let [first, second] = statement.entries.as_slice() else { panic!("two entries") };
    assert_eq!((first.place, first.amount, first.direction), (1, decimal("2.50"), Direction::Credit));
    assert_eq!((first.booking_date, first.value_date), (day("2026-11-20"), day("2026-11-21")));
    assert_eq!((first.name.as_str(), first.account.as_str()), ("王芳 & <李>", "62220212"));
    assert_eq!((first.text.as_str(), first.code.as_str()), ("案款 RF1", "PMNT/ICDT/RRTN"));
    assert_eq!((first.own_reference.as_str(), first.bank_reference.as_str()), ("R1-1", "B-9"));
    assert_eq!(first.details[0].return_reason, "AC04 销户");
    assert_eq!(first.details[0].amount, Some(decimal("2.50")));
    assert_eq!((second.status, second.text.as_str(), second.details.len()), (Status::NotBooked, "", 0));
    let foot = statement.foot.as_ref().expect("ended");
    assert_eq!(foot.opening.as_ref().map(|balance| balance.amount), Some(decimal("-10")));
    assert_eq!(foot.closing.as_ref().map(|balance| balance.amount), Some(decimal("-7.5")));
    assert_eq!(statement.ties(), Some(true), "what is not booked does not count");
    assert_eq!(collected.problems(), []);
}

#[test]
fn namespaces_and_envelopes_change_nothing() {
    let plain = camt053(&statement_of(&entry("1", "CRDT", "<NtryDtls/>")));
    let expected = taken(&plain).statements;
    let namespace = " xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"";
    let prefixed = plain
        .replace("</", "\u{1}")
        .replace('<', "<n0:")
        .replace('\u{1}', "</n0:")
        .replace("<n0:?", "<?")
        .replace("xmlns=", "xmlns:n0=");
    let body = plain.split_once('\n').expect("a declaration").1;
    let variants = [
        plain.replace(namespace, ""),
        prefixed,
        format!("\u{feff}\n {body}"),
        format!("<Envelope><AppHdr><Fr>A</Fr></AppHdr>{body}</Envelope>"),
        plain.replace("BkToCstmrStmt", "BkToCstmrStmtV01"),
        plain.replace('\n', "\r"),
    ];
    for variant in variants {
        assert_eq!(taken(&variant).statements, expected, "{variant}");
    }
    let (kind, _) = read_from(&mut Cursor::new(plain.as_bytes())).expect("read");
    assert_eq!(kind.name, "camt.053.001.08");
}

#[test]
fn statements_of_one_file_are_kept_apart() {
    let one = statement_of(&entry("1.00001", "CRDT", "<RvslInd>true</RvslInd>"));
    let other = statement_of(&[balance("OPBD", "5", ""), entry("3", "DBIT", ""), balance("CLBD", "3", "")].concat());
    let collected = taken(camt053(&[one, other].concat()));
    assert_eq!(collected.statements.len(), 2);
    let first = &collected.statements[0].entries[0];
    assert_eq!((first.amount, first.is_reversal), (decimal("1.00001"), true));
    assert_eq!(first.direction, Direction::Credit, "a reversal's direction is taken as it stands");
    assert_eq!(collected.statements[0].ties(), None);
    assert_eq!(collected.statements[1].ties(), Some(false));
    assert_eq!(collected.problems(), [("reading.does_not_tie", 1)]);
}

#[test]
fn several_currencies_say_nothing_of_balances() {
    let foreign = entry("1", "CRDT", "").replace("CNY", "USD");
    let content = [balance("OPBD", "5", ""), balance("CLBD", "9", ""), foreign].concat();
    let collected = taken(camt053(&statement_of(&content)));
    assert_eq!(collected.statements[0].ties(), None);
    assert_eq!(collected.statements[0].entries[0].currency, "USD");
    assert_eq!(collected.problems(), []);
}

#[test]
fn declared_totals_that_differ_are_reported() {
    let summary = "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries><Sum>4</Sum></TtlNtries>\
        <TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>1.00</Sum></TtlCdtNtries></TxsSummry>";
    let content = [summary.to_owned(), entry("1", "CRDT", ""), entry("3", "DBIT", "")].concat();
    assert_eq!(taken(camt053(&statement_of(&content))).problems(), [("reading.declared_entries", 2)]);
}

#[test]
fn a_batch_is_one_entry_with_the_id_of_its_file() {
    let detail = |number: u32| {
        format!("<TxDtls><Refs><PmtInfId>P7</PmtInfId><EndToEndId>R1-{number}</EndToEndId></Refs></TxDtls>")
    };
    let many: String = (1..=3_000).map(detail).collect();
    let batch = "<Btch><MsgId>F7</MsgId><PmtInfId>P7</PmtInfId><NbOfTxs>3000</NbOfTxs></Btch>";
    let content = [
        entry("3000", "DBIT", &format!("<NtryDtls>{batch}{many}</NtryDtls>")),
        entry("3000", "DBIT", &format!("<NtryDtls>{batch}</NtryDtls>")),
        entry("3000", "DBIT", &format!("<NtryDtls>{many}</NtryDtls>")),
        entry("1", "DBIT", &format!("<NtryDtls>{batch}{}</NtryDtls>", detail(1))),
        entry("1", "DBIT", "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls>"),
    ];
    let collected = taken(camt053(&statement_of(&content.concat())));
    let found: Vec<(&str, usize)> = collected.statements[0]
        .entries
        .iter()
        .map(|entry| (entry.own_reference.as_str(), entry.details.len()))
        .collect();
    assert_eq!(found, [("F7", 3_000), ("F7", 0), ("P7", 3_000), ("R1-1", 1), ("", 1)]);
    let last = &collected.statements[0].entries[2].details[2_999];
    assert_eq!((last.end_to_end_id.as_str(), last.message_id.as_str()), ("R1-3000", "P7"));
}

#[test]
fn what_cannot_be_booked_on_is_refused() {
    let with_amount = |amount: &str| camt053(&statement_of(&entry(amount, "CRDT", "")));
    let without_direction = "<Stmt><Ntry><Amt>1</Amt></Ntry></Stmt>";
    for (file, code) in [
        (with_amount("-1.00"), "reading.amount_negative"),
        (with_amount("1,00"), "reading.amount"),
        (with_amount("1e3"), "reading.amount"),
        (with_amount("NaN"), "reading.amount"),
        (with_amount("."), "reading.amount"),
        (with_amount("1.2.3"), "reading.amount"),
        (with_amount(""), "reading.amount"),
        (with_amount("12345678901234567890123456789"), "reading.amount_too_long"),
        (camt053(&statement_of(&balance("OPBD", "x", ""))), "reading.amount"),
        (camt053(&statement_of(&balance("OPBD", "-1", "<CdtDbtInd>CRDT</CdtDbtInd>"))), "reading.amount_negative"),
        (camt053(&statement_of(&entry("1", "KREDIT", ""))), "reading.direction"),
        (camt053(without_direction), "reading.direction"),
        (camt053("<Stmt><Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry></Stmt>"), "reading.amount"),
        (camt053(&statement_of(&entry("9999999999999999999999999999", "CRDT", "").repeat(9))), "reading.sum_too_large"),
        (camt053(""), "reading.no_statement"),
        ("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"/>".to_owned(), "reading.no_body"),
        ("<html><body>404</body></html>".to_owned(), "reading.no_body"),
        (camt053("").replace("BkToCstmrStmt", "CstmrPmtCxlReq"), "reading.other_message"),
        ("<B><Document><CstmrPmtStsRpt/></Document></B>".to_owned(), "reading.reply_says_nothing"),
    ] {
        let message = refused(&file);
        assert_eq!(message.code, code, "{file}");
        assert!(line_of(&message) >= 1);
    }
    let other = refused(camt053("").replace("BkToCstmrStmt", "X").replace("camt.053.001.08", "camt.055.001.09"));
    assert!(other.text(crate::Language::En).contains("camt.055.001.09"));
}

#[test]
fn entities_and_document_types_are_refused() {
    let laughs =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<Document/>";
    assert_eq!(refused(laughs).code, "reading.xml_dtd");
    let file = camt053(&statement_of(&entry("1", "CRDT", "<AddtlNtryInf>\n\n&lol;</AddtlNtryInf>")));
    let message = refused(&file);
    assert_eq!((message.code, line_of(&message)), ("reading.xml_entity", 4));
    let skipped = camt053(&statement_of("<Unknown>&xxe;</Unknown>"));
    assert_eq!(refused(&skipped).code, "reading.xml_entity", "also where nothing is read");
}

#[test]
fn deep_nesting_is_refused() {
    let file = camt053(&"<A>".repeat(1_000_000));
    assert_eq!(refused(&file).code, "reading.xml_too_deep");
}

/// A file cut anywhere is refused, and what it says is where.
#[test]
fn a_file_that_breaks_off_is_refused() {
    let file = camt053(&statement_of(&entry("1", "CRDT", "\n<!-- 注 -->\n<AddtlNtryInf>a &amp; b</AddtlNtryInf>")));
    for length in "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".len()..file.len() {
        let message = refused(&file.as_bytes()[..length]);
        let expected = ["reading.truncated", "reading.no_body", "reading.xml_encoding", "reading.xml_malformed"];
        assert!(expected.contains(&message.code), "{} after {length} bytes", message.code);
    }
    let before_last = &file[..file.len() - 1];
    assert_eq!((refused(before_last).code, line_of(&refused(before_last))), ("reading.truncated", 4));
    assert_eq!(refused(file.replace("</Ntry>", "</Ntri>")).code, "reading.xml_malformed");
}

#[test]
fn other_encodings_are_read_as_declared() {
    let file = camt053(&statement_of(&entry("1", "CRDT", "<AddtlNtryInf>𠮷田䶮</AddtlNtryInf>")));
    let declared = |name: &str| file.replace("UTF-8", name);
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&file);
    let utf_16: Vec<u8> = declared("UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gb18030 = String::from_utf8_lossy(&gb18030).contains("UTF-8").then(|| {
        let (bytes, _, _) = encoding_rs::GB18030.encode("");
        let mut all = bytes.into_owned();
        all.extend_from_slice(&encoding_rs::GB18030.encode(&declared("gb18030")).0);
        all
    });
    for bytes in [gb18030.expect("ASCII stays"), [&b"\xff\xfe"[..], &utf_16].concat()] {
        assert_eq!(taken(&bytes).statements[0].entries[0].text, "𠮷田䶮");
    }
    let latin_1 = declared("ISO-8859-1").replace("𠮷田䶮", "M\u{1}ller").into_bytes();
    let latin_1: Vec<u8> = latin_1.into_iter().map(|byte| if byte == 1 { 0xfc } else { byte }).collect();
    assert_eq!(taken(&latin_1).statements[0].entries[0].text, "Müller");
    let undeclared = String::from_utf8_lossy(&latin_1).replace("ISO-8859-1", "UTF-8");
    let wrong: Vec<u8> =
        undeclared.replace('\u{fffd}', "\u{1}").bytes().map(|b| if b == 1 { 0xfc } else { b }).collect();
    assert_eq!(refused(&wrong).code, "reading.xml_encoding");
    assert_eq!(taken(declared("UTF-16")).statements[0].entries[0].text, "𠮷田䶮", "declared wrongly");
    assert_eq!(refused(declared("EBCDIC-CN")).code, "reading.xml_encoding_unknown");
}

/// A beginning, and then the same byte for ever; counts what was read.
struct Endless {
    beginning: Vec<u8>,
    byte: u8,
    place: u64,
    read: u64,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *into {
            let known = usize::try_from(self.place).ok().and_then(|place| self.beginning.get(place));
            *byte = known.copied().unwrap_or(self.byte);
            self.place += 1;
        }
        self.read += into.len() as u64;
        assert!(self.read < 8 * 1024 * 1024, "still reading");
        Ok(into.len())
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(place) = to else { panic!("only from the start") };
        self.place = place;
        Ok(place)
    }
}

#[test]
fn what_does_not_end_is_refused_soon() {
    let entry = camt053("<Stmt><Ntry><AddtlNtryInf>");
    let in_text = entry.split("</BkToCstmrStmt>").next().expect("a beginning");
    for (beginning, byte, code) in [
        (in_text, b'x', "reading.token_too_long"),
        (in_text, b'\n', "reading.token_too_long"),
        ("<Document xmlns=\"", b'x', "reading.token_too_long"),
        ("<Document><!-- ", b'-', "reading.token_too_long"),
        ("<Document><![CDATA[", b'x', "reading.token_too_long"),
        ("<Document>&", b'x', "reading.token_too_long"),
        (":20:X\n:61:", b'1', "reading.mt_line_too_long"),
        (":20:X\n:86:", b'\n', "reading.mt_field_too_long"),
    ] {
        let mut source = Endless { beginning: beginning.as_bytes().to_vec(), byte, place: 0, read: 0 };
        match read_from(&mut source) {
            Err(Failure::Refused(message)) => assert_eq!(message.code, code, "{beginning}"),
            other => panic!("{beginning}: {other:?}"),
        }
    }
    // Many short ones come to a long one.
    let many = "<Ustrd>案款</Ustrd>".repeat(10_000);
    let file = camt053(&statement_of(&entry_with_remittance(&many)));
    assert_eq!(refused(&file).code, "reading.field_too_long");
}

fn entry_with_remittance(remittance: &str) -> String {
    entry("1", "CRDT", &format!("<NtryDtls><TxDtls><RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls>"))
}

fn pain002(content: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>A1</MsgId></GrpHdr>{content}</CstmrPmtStsRpt></Document>"
    )
}

#[test]
fn an_answer_says_what_became_of_each_payment() {
    let line = |key: &str, status: &str, reason: &str| {
        format!(
            "<TxInfAndSts><OrgnlInstrId>I</OrgnlInstrId><OrgnlEndToEndId>{key}</OrgnlEndToEndId>{status}\
             <StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn><AddtlInf>说明</AddtlInf></StsRsnInf><OrgnlTxRef>\
             <Amt><InstdAmt Ccy=\"CNY\">1.50</InstdAmt></Amt><Cdtr><Nm>王芳</Nm></Cdtr></OrgnlTxRef></TxInfAndSts>"
        )
    };
    let lines = [
        line("R1-1", "<TxSts>RJCT</TxSts>", "AC04"),
        line("R1-2", "<TxSts>ACSC</TxSts>", "AC04"),
        line("R1-3", "<TxSts>PDNG</TxSts>", ""),
        line("R1-4", "<TxSts>XXXX</TxSts>", "AC01"),
        line("NOTPROVIDED", "", "DU03"),
    ];
    let file = pain002(&format!(
        "<OrgnlGrpInfAndSts><OrgnlMsgId>F1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>\
         <OrgnlPmtInfAndSts><OrgnlPmtInfId>P1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>{}</OrgnlPmtInfAndSts>",
        lines.concat()
    ));
    let collected = taken(&file);
    assert_eq!((collected.reply.id.as_str(), collected.reply.original_message_id.as_str()), ("A1", "F1"));
    assert_eq!((collected.reply.group, collected.reply.group_code.as_str()), (Some(State::Unknown), "PART"));
    let found: Vec<_> = collected.lines.iter().map(|line| (line.key.as_str(), line.state, line.cause)).collect();
    assert_eq!(
        found,
        [
            ("R1-1", State::Failed, Some(Cause::AccountClosed)),
            ("R1-2", State::Paid, None),
            ("R1-3", State::Unknown, None),
            ("R1-4", State::Unknown, None),
            ("I", State::Failed, Some(Cause::Duplicate)),
        ]
    );
    let first = &collected.lines[0];
    assert_eq!((first.reason.as_str(), first.code.as_str(), first.name.as_str()), ("AC04 说明", "RJCT", "王芳"));
    assert_eq!(first.amount, Some(decimal("1.50")));
    assert_eq!(collected.problems(), [("reading.reply_status", 4)]);
}

#[test]
fn a_block_without_lines_speaks_for_the_whole_only_where_all_say_the_same() {
    let block = |id: &str, status: &str| {
        format!(
            "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{id}</OrgnlPmtInfId><PmtInfSts>{status}</PmtInfSts>\
             <StsRsnInf><Rsn><Prtry>AM04</Prtry></Rsn></StsRsnInf></OrgnlPmtInfAndSts>"
        )
    };
    let same = taken(pain002(&[block("P1", "RJCT"), block("P2", "RJCT")].concat()));
    assert_eq!((same.reply.group, same.reply.group_cause), (Some(State::Failed), Some(Cause::FundsShort)));
    assert_eq!(same.problems(), []);
    let differing = taken(pain002(&[block("P1", "RJCT"), block("P2", "ACSC")].concat()));
    assert_eq!(differing.reply.group, None);
    assert_eq!(differing.problems(), [("reading.reply_block", 0), ("reading.reply_block", 0)]);
    let long = taken(pain002(&[block(&"号".repeat(2_000), "RJCT"), block("P2", "ACSC")].concat()));
    assert_eq!(long.problems[0].message.arguments[0].1.chars().count(), 1_000, "many such are kept");
}

fn pain001(count: &str, sum: &str, block: &str) -> String {
    let payment = "<CdtTrfTxInf><Amt><InstdAmt Ccy=\"CNY\">1.50</InstdAmt></Amt></CdtTrfTxInf>".repeat(2);
    format!(
        "<Document><CstmrCdtTrfInitn><GrpHdr><NbOfTxs>{count}</NbOfTxs><CtrlSum>{sum}</CtrlSum></GrpHdr>\
         <PmtInf><PmtInfId>P1</PmtInfId>{block}{payment}</PmtInf></CstmrCdtTrfInitn></Document>"
    )
}

#[test]
fn a_payment_file_that_contradicts_itself_is_refused() {
    let good = "<NbOfTxs>2</NbOfTxs><CtrlSum>3.0</CtrlSum><ReqdExctnDt><Dt>2026-11-20</Dt></ReqdExctnDt>";
    let (kind, _) = read_from(&mut Cursor::new(pain001("2", "3.00", good))).expect("read");
    assert_eq!(kind.content, Content::Payments { count: 2, sum: decimal("3") });
    for (file, code) in [
        (pain001("3", "3.00", good), "reading.control_count"),
        (pain001("2", "3.01", good), "reading.control_sum"),
        (pain001("zwei", "3.00", good), "reading.count"),
        (pain001("2", "3.00", "<NbOfTxs>1</NbOfTxs>"), "reading.control_count"),
        (pain001("2", "3.00", "<CtrlSum>2.99</CtrlSum>"), "reading.control_sum"),
        (pain001("2", "3.00", "<ReqdExctnDt>YYYY-MM-DD</ReqdExctnDt>"), "reading.execution_date"),
        (pain001("2", "3.00", "<ReqdExctnDt>2026-02-30</ReqdExctnDt>"), "reading.execution_date"),
    ] {
        assert_eq!(refused(&file).code, code, "{file}");
    }
}

#[test]
fn payment_files_of_our_own_are_read() {
    let snapshot = include_str!("../snapshots/ankuan__bank__examples__profile_pain001.snap");
    let file = snapshot.split_once("<?xml").expect("a file").1;
    let (kind, _) = read_from(&mut Cursor::new(format!("<?xml{file}"))).expect("read");
    assert_eq!(kind.name, "pain.001.001.09");
    assert_eq!(kind.content, Content::Payments { count: 3, sum: decimal("1237549.94") });
}

fn mt940(entries: &str) -> String {
    format!(
        "{{1:F01AAAACNBJXXXX0000000000}}{{2:O940AAAACNBJXXXXN}}{{4:\n:20:REF1\n:25:12020201\n:28C:5/1\n\
         :60F:C251231CNY100,\n{entries}:62F:C260102CNY95,5\n-}}{{5:}}\n"
    )
}

const MT_ENTRIES: &str = ":61:2512310102CY10,NTRFR1-1//B1\n附加\n:86:收款\n:61:251231RD5,NMSCNONREF//NONREF\n\
                          :61:251231dR,50NTRFR1-2\n:61:251231RCY19.00FMSCX\n";

#[test]
fn mt940_says_what_stands_in_it() {
    let collected = taken(mt940(MT_ENTRIES));
    let [statement] = collected.statements.as_slice() else { panic!("one statement") };
    assert_eq!((statement.head.id.as_str(), statement.head.account.as_str()), ("REF1", "12020201"));
    assert_eq!((statement.head.currency.as_str(), statement.head.sequence.as_str()), ("CNY", "5/1"));
    let found: Vec<_> = statement
        .entries
        .iter()
        .map(|entry| (entry.signed(), entry.is_reversal, entry.own_reference.as_str(), entry.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (decimal("10"), false, "R1-1", "NTRF"),
            (decimal("5"), true, "", "NMSC"),
            (decimal("-0.50"), false, "R1-2", "NTRF"),
            (decimal("-19.00"), true, "X", "FMSC"),
        ]
    );
    let first = &statement.entries[0];
    assert_eq!((first.booking_date, first.value_date), (day("2026-01-02"), day("2025-12-31")), "over the year's end");
    assert_eq!((first.place, first.bank_reference.as_str(), first.text.as_str()), (6, "B1", "收款"));
    assert_eq!(statement.ties(), Some(true));
    assert_eq!(collected.problems(), []);
}

#[test]
fn line_ends_and_blocks_change_nothing() {
    let plain = mt940(MT_ENTRIES);
    let expected = taken(&plain).statements;
    let places = |mut statements: Vec<Statement>| {
        for entry in statements.iter_mut().flat_map(|statement| &mut statement.entries) {
            entry.place = 0;
        }
        statements
    };
    let body = plain.split_once(":20:").expect("a tag").1.split("-}").next().expect("an end");
    let bare = format!("\u{1}\r\n\r\n:20:{body}-\u{3}");
    let expected = places(expected);
    let ends = ["\r\n", "\r", "@@"].map(|end| plain.replace('\n', end));
    for variant in
        ends.into_iter().chain([bare.clone(), format!("0000 01AAAA\n940 00\n{bare}"), format!("\u{feff}{bare}")])
    {
        assert_eq!(places(taken(&variant).statements), expected, "{variant}");
    }
}

#[test]
fn what_is_unreadable_in_an_mt940_is_reported_and_the_rest_read() {
    let entries =
        ":86:前\n:61:2602300301D1,NTRFA\n:61:26XX01C1,NTRFB\n:86:of the unreadable\n:61:260102C1,NTRFC\n:86:后\n";
    let file = mt940(entries).replace(":62F:C260102CNY95,5", ":62F:C26010295,5");
    let collected = taken(&file);
    let statement = &collected.statements[0];
    let found: Vec<_> = statement.entries.iter().map(|it| (it.own_reference.as_str(), it.text.as_str())).collect();
    assert_eq!(found, [("A", "前"), ("C", "后")]);
    assert_eq!((statement.entries[0].value_date, statement.entries[0].booking_date), (None, day("2026-03-01")));
    assert_eq!(statement.ties(), None);
    assert_eq!(collected.problems(), [("reading.mt_date", 7), ("reading.mt_line", 8), ("reading.mt_balance", 12)]);
}

#[test]
fn details_are_taken_apart_where_they_are_coded() {
    let entry = |details: &str| {
        taken(mt940(&format!(":61:260102C1,NTRFNONREF\n{details}\n"))).statements.remove(0).entries.remove(0)
    };
    let coded = entry(":86:166?00GUTSCHRIFT?100399?20EREF+R1-77MREF+9?21 SVWZ+案?\n22款?31622202?32王?33芳?99x");
    assert_eq!((coded.text.as_str(), coded.own_reference.as_str()), ("EREF+R1-77MREF+9 SVWZ+案款", "R1-77"));
    assert_eq!((coded.name.as_str(), coded.account.as_str()), ("王芳", "622202"));
    assert_eq!(entry(":86:105 what? no fields").text, "105 what? no fields");
    assert_eq!(entry(":86:one\ntwo\n:86:three").text, "one two three");
    assert_eq!(entry(":86:106?20AM 12-09-2014T16\n:26:37 x").text, "AM 12-09-2014T16:26:37 x");
    let ns = entry(":NS:01案款\n15王\n16芳\n340012");
    assert_eq!((ns.text.as_str(), ns.name.as_str(), ns.account.as_str()), ("案款", "王 芳", "0012"));
    // A full line was folded in the middle of a word.
    let folded = format!(":86:{}\nR1-5 end", "x".repeat(61));
    assert_eq!(entry(&folded).text, format!("{}R1-5 end", "x".repeat(61)));
    let latin_1 = b":20:A\n:61:260102C1,NTRF\n:86:M\xfcller\n";
    assert_eq!(taken(latin_1).statements[0].entries[0].text, "Müller");
}

#[test]
fn mt942_is_provisional_and_other_types_are_refused() {
    let file = ":20:A\n:25:1\n:34F:CNYD0,\n:13D:2611200930+0800\n:61:261120C1,NTRF\n:90D:0CNY0,\n:90C:2CNY1,\n";
    let (kind, collected) = read_from(&mut Cursor::new(file)).expect("read");
    assert_eq!((kind.name.as_str(), collected.statements[0].head.kind), ("mt942", Some(Kind::Intraday)));
    assert_eq!(collected.statements[0].head.currency, "CNY");
    assert_eq!(collected.problems(), [("reading.declared_credits", 7)]);
    let by_block = mt940(MT_ENTRIES).replace("{2:O940", "{2:O942");
    assert_eq!(taken(&by_block).statements[0].head.kind, Some(Kind::Intraday));
    let other = refused(mt940(MT_ENTRIES).replace("{2:O940", "{2:I103"));
    assert_eq!((other.code, line_of(&other)), ("reading.mt_other", 1));
    assert_eq!(refused(":NS:\n").code, "reading.unknown_format");
    assert_eq!(refused("1\n2\n3\n").code, "reading.table_no_heading");
    assert_eq!(refused("").code, "reading.table_empty");
}

/// Every code in the sources of this folder has a text in both languages, and no text is left over.
#[test]
fn every_code_has_a_text_in_both_languages() {
    fn codes(folder: &Path, used: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                codes(&entry, used);
            } else if entry.extension().is_some_and(|it| it == "rs") && !entry.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&entry).expect("a source");
                let shipped = source.split("#[cfg(test)]\nmod tests {").next().expect("a beginning");
                let behind = shipped.split(concat!('"', "reading.")).skip(1);
                used.extend(behind.map(|rest| ["reading", rest.split('"').next().expect("an end")].join(".")));
            }
        }
    }
    let mut used = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    codes(&sources.join("bank/reading"), &mut used);
    codes(&sources.join("cli"), &mut used);
    // Beginnings that codes are told apart or put together by; the terms among them are the affair of the tables' test.
    used.retain(|code| !matches!(code.as_str(), "reading." | "reading.table" | "reading.told_"));
    let written: BTreeSet<String> = include_str!("../../../locales/reading.yml")
        .lines()
        .filter(|line| line.starts_with("reading.") && !line.starts_with("reading.told_"))
        .map(|line| line.trim_end_matches(':').to_owned())
        .collect();
    assert_eq!(used, written);
    for code in &used {
        let zh = rust_i18n::t!(code.as_str(), locale = "zh");
        let en = rust_i18n::t!(code.as_str(), locale = "en");
        assert!(zh != code.as_str() && en != code.as_str() && zh != en, "{code}: {zh} / {en}");
    }
}

proptest! {
    #[test]
    fn amounts_are_read_as_they_stand(text in "[0-9]{1,14}(\\.[0-9]{0,10})?") {
        prop_assert_eq!(amount(&text), Ok(decimal(text.trim_end_matches('.'))));
    }

    #[test]
    fn days_are_read_as_the_calendar_knows_them(day in "20[0-9]{2}-[01][0-9]-[0-3][0-9]", rest in "(T[0-9:]{0,9}|Z|)") {
        prop_assert_eq!(date(&[day.clone(), rest].concat()), day.parse().ok());
    }

    /// Damaged files are read or refused; nothing else happens, and whatever begins ends.
    #[test]
    fn damage_never_breaks_the_readers(
        file in prop_oneof![
            Just(mt940(MT_ENTRIES)),
            Just(camt053(&statement_of(&[balance("OPBD", "5", ""), entry_with_remittance("<Ustrd>案</Ustrd>")].concat()))),
            Just(pain002("<OrgnlPmtInfAndSts><TxInfAndSts><TxSts>RJCT</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>")),
        ],
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = file.into_bytes();
        for (place, byte, how) in damage {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
        }
        match read_from(&mut Cursor::new(bytes)) {
            Ok((_, collected)) => prop_assert!(collected.statements.iter().all(|it| it.foot.is_some())),
            Err(Failure::Refused(message)) => prop_assert!(message.code.starts_with("reading.")),
            Err(Failure::Broken(error)) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_text_behind_a_tag_is_read_or_reported(text in "\\PC{0,60}", tag in "(61|86|60F|62F|90C|34F|28C|25|NS)") {
        let collected = taken(format!(":20:A\n:61:260102C1,NTRF\n:{tag}:{text}\n"));
        prop_assert_eq!(collected.statements.len(), 1);
    }
}
