//! The afternoon of the demo's court: cases with sheets of today, in runs that wait for somebody, so that a newcomer sees
//! what an officer sees at four o'clock.

use ankuan_ledger::{Amount, Store};

use super::super::Context;
use crate::access::{self, Acting, Actor};
use crate::bank::{self, Profile};
use crate::cases::{self, Case, PartyRole};
use crate::chart;
use crate::claims::DocumentType;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::PersonalDetail;
use crate::failure::Outcome;
use crate::payouts::runs::{self, NewRun, SourceKind};
use crate::payouts::sheet::{Head, PayeeKind, SheetSource};
use crate::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use crate::receipts::{self, NewReceipt};

/// A payee of an invented case: name, account, who it is.
type To = (&'static str, &'static str, PayeeKind);

/// An invented case: number, title, money in (fen), the first payee, and a second one with an amount.
type Invented = (&'static str, &'static str, i64, To, Option<(To, i64)>);

/// The cases; what the second payee does not get goes to the first.
const CASES: [Invented; 6] = [
    ("（2026）浙01执311号", "买卖合同纠纷", 4_620_000, ("沈雨", "6222020000000311018", PayeeKind::Applicant), None),
    ("（2026）浙01执312号", "民间借贷纠纷", 8_850_000, ("陆文", "6222020000000312016", PayeeKind::Applicant), None),
    (
        "（2026）浙01执313号",
        "劳动争议",
        1_265_000,
        ("高洁", "6222020000000313014", PayeeKind::Applicant),
        Some((("示例用工有限公司", "3301040160313", PayeeKind::Debtor), 65_000)),
    ),
    // One account in two cases, under two names.
    ("（2026）浙01执314号", "房屋租赁纠纷", 2_400_000, ("姜涛", "6222020000000314012", PayeeKind::Applicant), None),
    ("（2026）浙01执315号", "物业服务纠纷", 380_000, ("姜滔", "6222020000000314012", PayeeKind::Applicant), None),
    ("（2026）浙01执316号", "机动车事故", 15_700_000, ("程晓", "6222020000000316017", PayeeKind::Applicant), None),
];

/// Which cases stand in which run; the last is left without one.
const RUNS: [(&str, &[usize]); 3] =
    [("下午发放（一）", &[0, 1]), ("下午发放（二）", &[2]), ("下午发放（三）", &[3, 4])];

/// Fills the first court's afternoon: receipts, sheets, runs that are submitted, and money whose case is not known.
///
/// # Errors
/// Those of the functions that the commands call.
pub fn fill(context: &Context, store: &mut Store, keys: &Keys, court_id: i64) -> Outcome<()> {
    let (at, date) = (context.clock().now(), context.clock().today_in_shanghai());
    let person = |store: &mut Store, name: &str| -> Outcome<Acting> {
        let actor = access::find_actor(&mut store.snapshot()?, court_id, name)?;
        Ok(Acting { actor, at, date })
    };
    let (handler, finance) = (person(store, "经办人")?, person(store, "复核人")?);
    let keeper = person(store, "案款管理员")?.actor;
    let mut open = store.begin()?;
    let tx = &mut open;
    let chart = chart::load(tx, court_id)?;
    let bank_account = chart::find_bank_account(tx, court_id, None)?;
    let receive = |tx: &mut ankuan_ledger::Tx<'_>, reference: &str, minor: i64, payer: &str, case: Option<&Case>| {
        let new = NewReceipt {
            bank_account: &bank_account,
            bank_reference: reference,
            value_date: date,
            arrived_on: date,
            amount: Amount::from_minor(minor),
            payer_name: payer,
            case_id: case.map(|case| case.case_id),
            sub_account: None,
            remark: "",
        };
        Ok::<_, crate::Failure>(receipts::record_receipt(tx, &finance, &chart, &new)?.receipt().receipt_id)
    };
    let mut sheets_made = Vec::new();
    for (number, title, minor, first, second) in CASES {
        let case = cases::open_case(tx, &handler, &chart, number, title, date)?;
        cases::add_party(tx, &handler, &case, PartyRole::Applicant, first.0)?;
        cases::add_party(tx, &handler, &case, PartyRole::Debtor, "示例贸易有限公司")?;
        let receipt_id = receive(tx, &format!("DEMO-{}", case.case_id), minor, "示例贸易有限公司", Some(&case))?;
        let rest = minor - second.map_or(0, |(_, minor)| minor);
        let mut lines = Vec::new();
        for (to, amount, head) in
            [Some((first, rest, Head::Principal)), second.map(|(to, minor)| (to, minor, Head::Surplus))]
                .into_iter()
                .flatten()
        {
            let payee_id = add_payee(tx, &handler, keys, &keeper, &case, to)?;
            let decision = to.2.needs_decision().then_some("（2026）浙01执313号之一");
            lines.push(NewLine { head, payee_id, amount: Amount::from_minor(amount), decision });
        }
        let new = NewSheet { case: &case, source: SheetSource::CaseFunds, receipt_id, lines: &lines };
        sheets_made.push(sheets::record_sheet(tx, &handler, &new)?.sheet_id);
    }
    let profile = Profile::shipped("generic-csv").map(|profile| profile.toml).unwrap_or_default();
    for (title, of) in RUNS {
        let sources: Vec<(SourceKind, i64)> = of.iter().map(|place| (SourceKind::Sheet, sheets_made[*place])).collect();
        let new = NewRun { title, bank_account_id: bank_account.bank_account_id, profile: &profile, sources: &sources };
        let run = runs::draft(tx, &handler, &new)?;
        runs::submit(tx, &handler, &run.number)?;
    }
    receive(tx, "DEMO-U1", 320_000, "俞敏", None)?;
    receive(tx, "DEMO-U2", 58_800, "示例物流有限公司", None)?;
    open.commit()?;
    Ok(())
}

fn add_payee(
    tx: &mut ankuan_ledger::Tx<'_>,
    handler: &Acting,
    keys: &Keys,
    keeper: &Actor,
    case: &Case,
    (name, account, kind): To,
) -> Outcome<i64> {
    let is_person = kind == PayeeKind::Applicant;
    let new = NewPayee {
        case,
        kind,
        name,
        document_type: DocumentType::Other,
        detail: PersonalDetail {
            kind: if is_person { bank::PayeeKind::Person } else { bank::PayeeKind::Company },
            payee_name: name,
            bank_name: "示范银行某支行",
            bank_code: "102100099996",
            document_number: "",
            account,
            telephone: "",
        },
        basis: "收款账户确认书",
        confirmed_by: keeper,
    };
    Ok(sheets::add_payee(tx, handler, keys, &mut Randomness::system(), &new)?.payee_id)
}
