//! What stands in each kind of form, from what is recorded.

use std::collections::HashMap;

use ankuan_ledger::chain::hex;
use ankuan_ledger::{BookKey, Tx};

use super::{Form, FormTable, PaperKind, Said, SignatureBox, Signed};
use crate::access::{self, Role};
use crate::books;
use crate::calculators::waterfall::class_text;
use crate::cases::{self, Case};
use crate::chart::{self, AccountKind, BankAccount};
use crate::clock;
use crate::deadlines::record::{court_rules, find_pause};
use crate::documents::keys::Keys;
use crate::documents::personal::{each_detail, mask};
use crate::failure::Outcome;
use crate::message::{Language, Message};
use crate::obligations::closing::{self, certificate};
use crate::obligations::plans::find_plan;
use crate::payouts::distribute::SetAside;
use crate::payouts::policy::Policy;
use crate::payouts::release::{as_recorded, files_of_run};
use crate::payouts::rounds::{find_distribution, shares_by_outcome};
use crate::payouts::runs::{self, Approval, Run};
use crate::payouts::sheet::{Head, PayeeKind, SheetSource};
use crate::payouts::sheets::{self, Line, Sheet};
use crate::payouts::signatures::signatures_of;
use crate::receipts::cash::{self, End};
use crate::receipts::{self, find_receipt};
use crate::report::{accounts, find_voucher};
use jiff::civil::Date;

/// Lines that a form lists; of more it says how many there are.
const LINES_MAX: usize = 200;

/// Hexadecimal digits of a signature that a form shows.
const SIGNATURE_SHOWN: usize = 16;

/// What a form is loaded with.
struct Loader<'l, 't> {
    tx: &'l mut Tx<'t>,
    keys: &'l Keys,
    book: BookKey,
    kind: PaperKind,
    subject: &'l str,
}

/// Loads a form of a kind about a subject, as of a day.
///
/// # Errors
/// `forms.subject` (no number where one is needed), those of what it is about (`sheets.unknown`, `runs.unknown`…),
/// `forms.nothing_of_kind` (the sheet pays nothing back, or nothing to the treasury), `forms.not_released`,
/// `obligations.closing_refused` and `obligations.closing_none`.
pub fn load(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, kind: PaperKind, subject: &str, on: Date) -> Outcome<Form> {
    let mut loader = Loader { tx, keys, book: books::case_money(court_id), kind, subject: subject.trim() };
    match kind {
        PaperKind::PayoutSheet | PaperKind::Refund | PaperKind::Treasury => loader.sheet(),
        PaperKind::PayoutRun => loader.run(),
        PaperKind::Pause => loader.pause(),
        PaperKind::Deposit => loader.deposit(),
        PaperKind::Receipt => loader.receipt(),
        PaperKind::CashReceipt => loader.cash(),
        PaperKind::Plan => loader.plan(),
        PaperKind::Distribution => loader.distribution(),
        PaperKind::Transmittal => loader.transmittal(),
        PaperKind::ClosingCertificate => loader.closing_certificate(on),
    }
}

impl Loader<'_, '_> {
    fn number(&self) -> Result<i64, Message> {
        self.subject.parse().map_err(|_| Message::new("forms.subject").with("subject", self.subject))
    }

    fn form(&mut self, subject: impl ToString) -> Outcome<Form> {
        Ok(Form {
            kind: self.kind,
            subject: subject.to_string(),
            court: chart::court_name(self.tx, self.book.court_id)?.unwrap_or_default(),
            fields: Vec::new(),
            amount: None,
            tables: Vec::new(),
            boxes: Vec::new(),
            notes: Vec::new(),
            stamp: None,
        })
    }

    fn case(&mut self) -> Outcome<Case> {
        match self.subject.parse() {
            Ok(case_id) => cases::case_by_id(self.tx, self.book, case_id),
            Err(_) => cases::find_case(self.tx, self.book, self.subject),
        }
    }

    fn case_number(&mut self, case_id: i64) -> Outcome<String> {
        Ok(cases::case_by_id(self.tx, self.book, case_id)?.current_number().to_owned())
    }

    fn person(&mut self, person_id: i64) -> Outcome<String> {
        Ok(access::person_by_id(self.tx, self.book.court_id, person_id)?.name)
    }

    fn bank_account(&mut self, bank_account_id: i64) -> Outcome<BankAccount> {
        let known = chart::bank_accounts(self.tx, self.book.court_id)?;
        let found = known.into_iter().find(|known| known.bank_account_id == bank_account_id);
        Ok(found.ok_or_else(|| ankuan_ledger::Error::Inconsistent("money without its bank account".to_owned()))?)
    }

    /// A box that somebody signed by recording what it is about.
    fn signed_box(&mut self, label: &'static str, person_id: i64, at: i64) -> Outcome<SignatureBox> {
        let name = self.person(person_id)?;
        let signed = Some(Signed { name, on_behalf_of: None, at, signature: None });
        Ok(SignatureBox { label: Message::new(label).into(), role: None, signed })
    }

    /// A box for each step of a run's approval rules, signed or not.
    fn approval_boxes(&mut self, run: &Run) -> Outcome<Vec<SignatureBox>> {
        let court_id = self.book.court_id;
        let all = runs::approvals(self.tx, court_id, run.run_id)?;
        // An approval of what the run was before it changed is none of what it is.
        let newest = all.last().map(|approval| approval.digest);
        let given: HashMap<i64, &Approval> = all
            .iter()
            .filter(|approval| Some(approval.digest) == newest)
            .map(|approval| (approval.step_no, approval))
            .collect();
        let signatures = signatures_of(self.tx, court_id, run.run_id)?;
        let content = runs::content(self.tx, court_id, run)?;
        let amount = content.paid.plus(content.set_aside).unwrap_or(content.paid);
        let mut boxes = Vec::new();
        for (step_no, step) in (1..).zip(Policy::parse(&run.policy)?.steps()) {
            let approval = given.get(&step_no);
            let role = approval.and_then(|given| Role::parse(&given.role)).unwrap_or_else(|| step.role(amount));
            let signed = match approval {
                None => None,
                Some(approval) => {
                    let signature = signatures.iter().find(|signature| signature.approval_id == approval.approval_id);
                    let shown = signature.map(|signature| {
                        // The suite's name is in front; what follows is the signature itself.
                        let bytes = &signature.signature[signature.signature.len().saturating_sub(64)..];
                        hex(bytes).chars().take(SIGNATURE_SHOWN).collect()
                    });
                    Some(Signed {
                        name: self.person(approval.approver_id)?,
                        on_behalf_of: approval.on_behalf_of_id.map(|id| self.person(id)).transpose()?,
                        at: approval.recorded_at,
                        signature: shown,
                    })
                }
            };
            boxes.push(SignatureBox { label: (&step.title).into(), role: Some(role.message()), signed });
        }
        Ok(boxes)
    }

    /// Where a payee's money goes: the bank, and the last four digits.
    fn account_of(&mut self, detail_id: i64) -> Outcome<String> {
        let mut found = String::new();
        each_detail(self.tx, self.keys, self.book, (detail_id, detail_id), &mut |_, detail, _| {
            found = format!("{} {}", detail.bank_name, mask(detail.account));
            Ok(())
        })?;
        Ok(found)
    }

    /// 执行款发放审批表, 退款审批表, 缴库单: all are of one sheet, the last two of part of its lines.
    fn sheet(&mut self) -> Outcome<Form> {
        let sheet = sheets::find_sheet(self.tx, self.book.court_id, self.number()?)?;
        let kind = self.kind;
        let belongs = |line: &&Line| match kind {
            PaperKind::Refund => matches!(line.head, Head::Surplus | Head::Return),
            PaperKind::Treasury => {
                line.kind == PayeeKind::Treasury
                    || line.head == Head::Remittance
                    || sheet.source == SheetSource::Treasury
            }
            _ => true,
        };
        let lines: Vec<&Line> = sheet.lines.iter().filter(belongs).collect();
        if lines.is_empty() {
            return Err(Message::new("forms.nothing_of_kind")
                .with("sheet", sheet.sheet_id)
                .with_term("kind", &kind.message())
                .into());
        }
        let mut form = self.form(sheet.sheet_id)?;
        form.amount = ankuan_ledger::Amount::sum(lines.iter().map(|line| line.amount));
        form.fields = self.sheet_fields(&sheet)?;
        let mut rows = Vec::new();
        for (place, line) in (1_i64..).zip(lines.iter().take(LINES_MAX)) {
            rows.push(vec![
                place.into(),
                line.head.message().into(),
                (&line.payee_name).into(),
                line.kind.message().into(),
                self.account_of(line.detail_id)?.into(),
                line.amount.into(),
                (&line.decision).into(),
            ]);
        }
        form.tables.push(FormTable {
            caption: "forms.lines",
            columns: vec![
                ("forms.place", true),
                ("forms.head", false),
                ("forms.payee", false),
                ("forms.payee_kind", false),
                ("forms.account", false),
                ("column.amount", true),
                ("forms.decision", false),
            ],
            rows,
        });
        note_more(&mut form, lines.len());
        form.boxes.push(self.signed_box("forms.handled", sheet.actor_id, sheet.recorded_at)?);
        match &sheet.run {
            Some((number, _)) => {
                let run = runs::find_run(self.tx, self.book.court_id, number)?;
                form.boxes.extend(self.approval_boxes(&run)?);
            }
            None => {
                form.notes.push(Message::new("forms.no_run"));
                form.boxes.extend(empty_boxes(&["forms.checks", "forms.approves"]));
            }
        }
        if kind == PaperKind::Treasury {
            form.boxes.extend(empty_boxes(&["forms.treasury_receives"]));
        }
        Ok(form)
    }

    fn sheet_fields(&mut self, sheet: &Sheet) -> Outcome<Vec<(&'static str, Said)>> {
        let case = cases::case_by_id(self.tx, self.book, sheet.case_id)?;
        let mut fields: Vec<(&'static str, Said)> = vec![
            ("column.case_number", case.current_number().into()),
            ("forms.case_title", (&case.title).into()),
            ("forms.sheet", sheet.sheet_id.into()),
            ("forms.source", sheet.source.message().into()),
            ("forms.receipt_no", sheet.receipt_id.into()),
            ("forms.recorded", clock::shown_in_shanghai(sheet.recorded_at).into()),
        ];
        // Another source's item may be no receipt.
        if sheet.source == SheetSource::CaseFunds
            && let Ok(receipt) = find_receipt(self.tx, self.book, sheet.receipt_id)
        {
            fields.push(("column.payer", receipt.payer_name.into()));
            fields.push(("forms.arrived", format!("{} · {}", receipt.arrived_on, receipt.amount).into()));
        }
        if let Some((number, _)) = &sheet.run {
            fields.push(("forms.run", number.into()));
        }
        Ok(fields)
    }

    fn run(&mut self) -> Outcome<Form> {
        let court_id = self.book.court_id;
        let run = runs::find_run(self.tx, court_id, self.subject)?;
        let content = runs::content(self.tx, court_id, &run)?;
        let account = self.bank_account(run.bank_account_id)?;
        let mut form = self.form(&run.number)?;
        form.amount = Some(content.paid);
        form.fields = vec![
            ("forms.run", (&run.number).into()),
            ("forms.title", (&run.title).into()),
            ("forms.paid_from", format!("{} {}", account.bank_name, account.number).into()),
            ("forms.count", content.line_count.into()),
            ("forms.set_aside", content.set_aside.into()),
            ("forms.content_digest", hex(&content.digest[..16]).into()),
        ];
        let mut rows = Vec::new();
        for (place, source) in (1_i64..).zip(run.sources.iter().take(LINES_MAX)) {
            rows.push(vec![
                place.into(),
                source.kind.message().into(),
                source.source_id.into(),
                self.case_number(source.case_id)?.into(),
            ]);
        }
        form.tables.push(FormTable {
            caption: "forms.sources",
            columns: vec![
                ("forms.place", true),
                ("forms.source_kind", false),
                ("forms.source_no", true),
                ("column.case_number", false),
            ],
            rows,
        });
        note_more(&mut form, run.sources.len());
        let maker = self.person(run.maker_id)?;
        form.fields.push(("forms.made_by", maker.into()));
        form.boxes = self.approval_boxes(&run)?;
        Ok(form)
    }

    fn pause(&mut self) -> Outcome<Form> {
        let pause = find_pause(self.tx, self.book, self.number()?)?;
        let rules = court_rules(self.tx, self.book.court_id)?.rules;
        let title = rules.of(pause.kind).title.clone();
        let title = Said::both(|language| title.text(language).to_owned());
        let mut form = self.form(pause.pause_id)?;
        form.fields = vec![
            ("forms.pause_no", pause.pause_id.into()),
            ("forms.deadline", title),
            ("forms.about", pause.subject_id.into()),
            ("forms.pause_from", pause.from.into()),
            ("forms.paper", (&pause.document).into()),
            ("forms.reason", (&pause.reason).into()),
        ];
        // Where the deadline is about money that came, the form says whose it is.
        if let Ok(receipt) = find_receipt(self.tx, self.book, pause.subject_id) {
            form.fields.push(("column.payer", (&receipt.payer_name).into()));
            form.fields.push(("forms.arrived", receipt.arrived_on.into()));
            if let Some(case_id) = receipt.owner_case_id() {
                form.fields.push(("column.case_number", self.case_number(case_id)?.into()));
            }
            form.amount = Some(receipt.amount);
        }
        match pause.resumed {
            Some((until, reason)) => {
                form.fields.push(("forms.pause_until", until.into()));
                form.fields.push(("forms.resumed_reason", reason.into()));
            }
            None => form.notes.push(Message::new("forms.still_paused")),
        }
        form.boxes = vec![
            self.signed_box("forms.proposed", pause.proposed_by, pause.recorded_at)?,
            self.signed_box("forms.approves", pause.approved_by, pause.recorded_at)?,
        ];
        Ok(form)
    }

    /// 提存: what a case has that could be deposited. That anything was is nowhere in the books, and the form says so.
    fn deposit(&mut self) -> Outcome<Form> {
        let case = self.case()?;
        let mut form = self.form(case.case_id)?;
        form.fields = case_fields(&case);
        let kinds = [AccountKind::Payable, AccountKind::SetAside, AccountKind::Deposited];
        let held: Vec<_> = accounts(self.tx, self.book)?
            .into_iter()
            .filter(|account| account.case_id == Some(case.case_id))
            .filter(|account| kinds.iter().any(|kind| kind.as_str() == account.kind))
            .collect();
        let is_deposited = held.iter().any(|account| {
            account.kind == AccountKind::Deposited.as_str() && account.posted != ankuan_ledger::Amount::ZERO
        });
        let chart = chart::load(self.tx, self.book.court_id)?;
        let name = |kind: &str| {
            AccountKind::parse(kind).map_or_else(
                || Said::from(kind),
                |kind| {
                    let rule = chart.kind(kind);
                    Said::both(|language| rule.name(language).to_owned())
                },
            )
        };
        form.tables.push(FormTable {
            caption: "forms.could_be_deposited",
            columns: vec![("column.code", false), ("column.name", false), ("column.balance", true)],
            rows: held
                .iter()
                .map(|account| vec![(&account.code).into(), name(&account.kind), account.posted.into()])
                .collect(),
        });
        if !is_deposited {
            form.notes.push(Message::new("forms.no_deposit"));
        }
        form.boxes = empty_boxes(&["forms.proposed", "forms.checks", "forms.approves"]);
        Ok(form)
    }

    fn receipt(&mut self) -> Outcome<Form> {
        let receipt = find_receipt(self.tx, self.book, self.number()?)?;
        let account = self.bank_account(receipt.bank_account_id)?;
        let voucher = find_voucher(self.tx, self.book, receipt.voucher_id)?;
        let mut form = self.form(receipt.receipt_id)?;
        form.amount = Some(receipt.amount);
        form.fields = vec![
            ("forms.receipt_no", receipt.receipt_id.into()),
            ("column.payer", (&receipt.payer_name).into()),
            ("forms.received_in", format!("{} {}", account.bank_name, account.number).into()),
            ("column.reference", (&receipt.bank_reference).into()),
            ("forms.arrived_on", receipt.arrived_on.into()),
            ("forms.value_date", receipt.value_date.into()),
            ("forms.remark", (&receipt.remark).into()),
            ("column.voucher", voucher_said(&voucher)),
        ];
        match receipt.owner_case_id() {
            Some(case_id) => {
                let case = cases::case_by_id(self.tx, self.book, case_id)?;
                form.fields.extend(case_fields(&case));
            }
            None => form.notes.push(Message::new("forms.unattributed")),
        }
        if !receipts::reversed_of(self.tx, self.book, [receipt.receipt_id])?.is_empty() {
            form.stamp = Some(Message::new("forms.reversed"));
        }
        form.boxes = vec![self.signed_box("forms.received", receipt.recorded_by, voucher.recorded_at)?];
        form.boxes.extend(empty_boxes(&["forms.payer_signs"]));
        Ok(form)
    }

    fn cash(&mut self) -> Outcome<Form> {
        let memorandum = BookKey { court_id: self.book.court_id, book_id: books::MEMORANDUM };
        let cash = cash::find(self.tx, memorandum, self.subject)?;
        let case = cases::case_by_id(self.tx, self.book, cash.case_id)?;
        let mut form = self.form(&cash.number)?;
        form.amount = Some(cash.amount);
        form.fields = vec![
            ("forms.cash_number", (&cash.number).into()),
            ("column.payer", (&cash.payer_name).into()),
            ("forms.taken_on", cash.taken_on.into()),
            ("forms.purpose", (&cash.purpose).into()),
        ];
        form.fields.extend(case_fields(&case));
        match &cash.end {
            None => form.notes.push(Message::new("forms.cash_open")),
            Some(End::Banked(receipt)) => form.notes.push(Message::new("forms.cash_banked").with("receipt", receipt)),
            Some(End::Void(reason)) => {
                form.stamp = Some(Message::new("forms.void"));
                form.notes.push(Message::new("forms.cash_void").with("reason", reason));
            }
        }
        for (label, person_id) in [("forms.officer", cash.officer_id), ("forms.second_officer", cash.second_officer_id)]
        {
            let name = self.person(person_id)?;
            form.fields.push((label, name.into()));
        }
        // Two officers and the payer sign by hand: the money passes between them, not through the program.
        form.boxes = empty_boxes(&["forms.officer", "forms.second_officer", "forms.payer_signs"]);
        Ok(form)
    }

    fn plan(&mut self) -> Outcome<Form> {
        let plan = find_plan(self.tx, self.book.court_id, self.number()?)?;
        let case = cases::case_by_id(self.tx, self.book, plan.case_id)?;
        let mut form = self.form(plan.plan_id)?;
        form.amount = Some(plan.pot);
        form.fields = vec![("forms.plan_no", plan.plan_id.into()), ("forms.paper", (&plan.document).into())];
        form.fields.extend(case_fields(&case));
        form.fields.extend([
            ("forms.as_of", Said::from(plan.as_of)),
            ("forms.waterfall", (&plan.waterfall).into()),
            ("forms.granted", plan.granted.into()),
            ("forms.surplus", plan.surplus.into()),
            ("forms.receipt_no", plan.receipt_id.into()),
            ("forms.parties", plan.parties.join("、").into()),
        ]);
        let mut rows = Vec::new();
        for line in plan.lines.iter().take(LINES_MAX) {
            let [costs, interest, principal] = line.claim;
            rows.push(vec![
                line.line_no.into(),
                (&line.creditor).into(),
                class_said(&plan.waterfall, &line.class),
                costs.into(),
                interest.into(),
                principal.into(),
                line.doubled.into(),
                line.granted()?.into(),
            ]);
        }
        form.tables.push(FormTable {
            caption: "forms.plan_lines",
            columns: vec![
                ("forms.place", true),
                ("forms.creditor", false),
                ("forms.class", false),
                ("forms.costs", true),
                ("forms.interest", true),
                ("forms.principal", true),
                ("forms.doubled", true),
                ("forms.granted", true),
            ],
            rows,
        });
        note_more(&mut form, plan.lines.len());
        let happened = plan.facts.iter().map(|fact| {
            vec![
                fact.on.into(),
                fact.step.message().into(),
                (&fact.party).into(),
                (&fact.document).into(),
                fact.last_day.map_or_else(|| Said::from(""), Said::from),
            ]
        });
        form.tables.push(FormTable {
            caption: "forms.happened",
            columns: vec![
                ("column.date", false),
                ("forms.step", false),
                ("forms.party", false),
                ("forms.paper", false),
                ("forms.last_day", false),
            ],
            rows: happened.collect(),
        });
        form.boxes = empty_boxes(&["forms.handled", "forms.panel", "forms.approves"]);
        Ok(form)
    }

    fn distribution(&mut self) -> Outcome<Form> {
        let court_id = self.book.court_id;
        let stored = find_distribution(self.tx, court_id, self.number()?)?;
        let case = cases::case_by_id(self.tx, self.book, stored.case_id)?;
        let mut form = self.form(stored.distribution_id)?;
        form.amount = Some(stored.pot);
        form.fields = vec![
            ("forms.distribution_no", stored.distribution_id.into()),
            ("distribute_cli.round", stored.round_no.into()),
        ];
        form.fields.extend(case_fields(&case));
        form.fields.extend([
            ("distribute_cli.claims_total", Said::from(stored.claim_total)),
            ("distribute_cli.paid", stored.paid.into()),
            ("distribute_cli.set_aside", stored.set_aside.into()),
            ("distribute_cli.carried", stored.carried.into()),
            ("forms.shares", stored.share_count.into()),
            ("forms.claims_digest", hex(&stored.claims_digest[..16]).into()),
        ]);
        let rows = shares_by_outcome(self.tx, court_id, &stored)?.into_iter().map(|sum| {
            let said = match (sum.outcome.as_str(), sum.reason.is_empty()) {
                ("pay", _) => Message::new("distribute_cli.paid").into(),
                ("set_aside", true) => Message::new("distribute_cli.set_aside").into(),
                ("carry", _) => Message::new("distribute_cli.carried").into(),
                _ => match SetAside::from_code(&sum.reason) {
                    Some(reason) => reason.message().into(),
                    None => Said::from(format!("{} {}", sum.outcome, sum.reason)),
                },
            };
            vec![said, sum.shares.into(), sum.claims.into(), sum.granted.into()]
        });
        let rows = rows.collect();
        form.tables.push(FormTable {
            caption: "forms.by_outcome",
            columns: vec![
                ("forms.outcome", false),
                ("forms.count", true),
                ("forms.claims", true),
                ("forms.granted", true),
            ],
            rows,
        });
        form.notes.push(Message::new("forms.list_apart"));
        form.boxes = empty_boxes(&["forms.handled", "forms.panel", "forms.approves"]);
        Ok(form)
    }

    fn transmittal(&mut self) -> Outcome<Form> {
        let court_id = self.book.court_id;
        let run = runs::find_run(self.tx, court_id, self.subject)?;
        let files = files_of_run(self.tx, court_id, run.run_id)?;
        if files.is_empty() {
            return Err(Message::new("forms.not_released").with("run", &run.number).into());
        }
        let account = self.bank_account(run.bank_account_id)?;
        let mut form = self.form(&run.number)?;
        form.amount = ankuan_ledger::Amount::sum(files.iter().map(|file| file.sum));
        form.fields = vec![
            ("forms.run", (&run.number).into()),
            ("forms.title", (&run.title).into()),
            ("forms.payer_name", (&account.holder_name).into()),
            ("forms.paid_from", format!("{} {}", account.bank_name, account.number).into()),
            ("forms.files", (files.len() as i64).into()),
            ("forms.count", files.iter().map(|file| file.line_count).sum::<i64>().into()),
            ("bank.transmittal.chain_head", as_recorded(self.tx, court_id, run.run_id)?.head.to_string().into()),
        ];
        form.tables.push(FormTable {
            caption: "forms.files",
            columns: vec![
                ("forms.place", true),
                ("forms.file", false),
                ("forms.count", true),
                ("column.amount", true),
                ("forms.sha256", false),
            ],
            rows: files
                .iter()
                .map(|file| {
                    vec![
                        file.file_no.into(),
                        (&file.name).into(),
                        file.line_count.into(),
                        file.sum.into(),
                        hex(&file.sha256).into(),
                    ]
                })
                .collect(),
        });
        form.boxes = self.approval_boxes(&run)?;
        form.boxes.extend(empty_boxes(&["forms.hands_over", "forms.bank_takes_over"]));
        Ok(form)
    }

    fn closing_certificate(&mut self, on: Date) -> Outcome<Form> {
        let case = self.case()?;
        let found = certificate(self.tx, self.book.court_id, &case, on)?;
        if let Some(refusal) = found.refusal(&closing::Rules::parse(closing::STANDARD)?) {
            return Err(refusal.into());
        }
        let mut form = self.form(case.case_id)?;
        form.fields = vec![
            ("column.case_number", found.numbers.join(" → ").into()),
            ("forms.case_title", (&found.title).into()),
            ("forms.as_of", on.into()),
            ("obligations.column_registered", found.registered.into()),
            ("obligations.column_accrued", found.accrued.into()),
            ("obligations.column_open", found.open.into()),
        ];
        form.notes.push(
            Message::new("obligations.certifies")
                .with("court", &form.court)
                .with("numbers", found.numbers.join(" → "))
                .with("title", &found.title)
                .with("on", found.on)
                .with("registered", found.registered)
                .with("accrued", found.accrued),
        );
        form.tables.push(FormTable {
            caption: "forms.obligations",
            columns: vec![
                ("obligations.column_obligation", true),
                ("obligations.column_creditor", false),
                ("obligations.column_debtor", false),
                ("obligations.column_document", false),
                ("obligations.column_registered", true),
                ("obligations.column_accrued", true),
                ("obligations.column_open", true),
            ],
            rows: found
                .closed
                .iter()
                .map(|one| {
                    vec![
                        one.obligation.obligation_id.into(),
                        (&one.obligation.creditor).into(),
                        (&one.obligation.debtor).into(),
                        (&one.obligation.document).into(),
                        one.obligation.total.into(),
                        one.accrued.into(),
                        one.open.into(),
                    ]
                })
                .collect(),
        });
        form.boxes = empty_boxes(&["forms.handled", "forms.approves", "forms.court_seal"]);
        Ok(form)
    }
}

fn case_fields(case: &Case) -> Vec<(&'static str, Said)> {
    vec![("column.case_number", case.current_number().into()), ("forms.case_title", (&case.title).into())]
}

fn class_said(waterfall: &str, class: &str) -> Said {
    Said::both(|language| class_text(Some(waterfall), class, language))
}

fn voucher_said(voucher: &crate::report::VoucherView) -> Said {
    let code = match voucher.kind.as_str() {
        "receipt" => "column.kind_receipt",
        "payment" => "column.kind_payment",
        _ => "column.kind_transfer",
    };
    let word = Message::new(code);
    Said::both(|language: Language| format!("{} {}-{}", voucher.month, word.text(language), voucher.number))
}

fn empty_boxes(labels: &[&'static str]) -> Vec<SignatureBox> {
    let empty = |label: &&'static str| SignatureBox { label: Message::new(label).into(), role: None, signed: None };
    labels.iter().map(empty).collect()
}

fn note_more(form: &mut Form, lines: usize) {
    if lines > LINES_MAX {
        form.notes.push(Message::new("forms.more").with("lines", lines).with("shown", LINES_MAX));
    }
}
