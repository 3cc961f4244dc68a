//! Claimants outside: a case is paid and partly comes back, the listener shows each claimant theirs and nobody else's, a
//! corrected account comes back as a file and is paid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ankuan::bank_sim::Options;
use ankuan::claimants::codes::{self, COST};
use ankuan::claimants::corrections::{self, Correction, CorrectionState, Decision};
use ankuan::claimants::file::Exported;
use ankuan::claimants::keys::{PublicExportKey, court_keys};
use ankuan::claimants::letters::{self, Letter};
use ankuan::claimants::load::{Claimant, claimants_of};
use ankuan::claimants::messages::{self, MessageState, TEMPLATES, Template};
use ankuan::claimants::outside::{CLAIM_LOOKS_MAX, CORRECTIONS_MAX, Outside, Settings, router};
use ankuan::claimants::view::Seen;
use ankuan::claimants::{self};
use ankuan::claims::events;
use ankuan::claims::record::{Import, import_list};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::documents::rotation::reseal;
use ankuan::payouts::distribute::{Plan, Proof, Rule};
use ankuan::payouts::reissue::{self, NewReissue};
use ankuan::payouts::rounds;
use ankuan::payouts::runs::SourceKind;
use ankuan::{Language, Outcome};
use ankuan_ledger::Amount;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use jiff::{Timestamp, ToSpan};
use tower::ServiceExt as _;

use crate::circle::{Circle, PROFILE, yuan};
use crate::court::{COURT, FINANCE, HANDLER, KEEPER, NUMBER, at, code};
use crate::support::Database;

const CLAIMANTS: i64 = 24;
const ADDRESS: &str = "https://cx.example.gov.cn";

/// Claimant `n`: every third has no telephone, and claims differ so that fen are left over.
fn document(n: i64) -> String {
    format!("P{n:08}")
}

pub struct Case {
    pub circle: Circle,
    distribution: i64,
    proof: Proof,
    /// Codes by claim, as messages and letters told them.
    codes: BTreeMap<i64, String>,
    files: PathBuf,
    corrections: PathBuf,
}

struct Page {
    status: StatusCode,
    body: String,
}

impl Case {
    /// A case whose pot is distributed, committed and handed to the bank.
    pub fn paid(database: &Database) -> Self {
        let mut circle = Circle::without_payout(database);
        let pot = 4_444_401;
        circle.court.receive("FT-POT", pot, Some(&circle.case.clone())).expect("receives");
        let heading = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号";
        let rows: Vec<String> = (1..=CLAIMANTS)
            .map(|n| {
                let telephone = if n % 3 == 0 { String::new() } else { format!("138{n:08}") };
                let claim = yuan(100_000 + n * 12_347);
                format!(
                    "A{n},张三{n},其他,{},{claim},张三{n},62220200000{n:08},某银行,102100099996,{telephone}",
                    document(n)
                )
            })
            .collect();
        let path = circle.folder.path().join("list.csv");
        std::fs::write(&path, format!("{heading}\n{}\n", rows.join("\n"))).expect("writes");
        let case_id = circle.case.case_id;
        circle
            .act(HANDLER, |tx, acting, keys, random, _| {
                let import = Import { case_id, path: &path, expect_rows: None, expect_sum: None };
                import_list(tx, acting, keys, random, &import, &mut |_| (), &mut |_| ())
            })
            .expect("imports");
        let plan = Plan { rule: Rule::ProRata, smallest_payment: None, broken_claims: 0 };
        let (stored, proof) = circle
            .act(HANDLER, |tx, acting, _, _, _| rounds::record_distribution(tx, acting, case_id, None, &plan))
            .expect("distributes");
        circle.run = circle.send(&[(SourceKind::Distribution, stored.distribution_id)], PROFILE);
        let (files, corrections) = (circle.folder.path().join("outside"), circle.folder.path().join("corrections"));
        for folder in [&files, &corrections] {
            std::fs::create_dir_all(folder).expect("makes it");
        }
        Self { circle, distribution: stored.distribution_id, proof, codes: BTreeMap::new(), files, corrections }
    }

    /// The bank pays, refuses some and gives some back.
    fn bank_answers(&mut self) {
        let options = Options { reject: 150, returned: 150, ..self.circle.options() };
        let run = self.circle.run.clone();
        let bank = self.circle.bank(&run, &options, "44444.01,李四,案款,FT-POT,\n");
        for day in 0..=3 {
            assert!(self.circle.bank_day(&bank, day).left.is_empty());
        }
    }

    fn claimants(&mut self) -> Vec<Claimant> {
        let case = self.circle.case.clone();
        self.circle
            .act(HANDLER, |tx, acting, keys, _, _| claimants_of(tx, keys, COURT, &case, acting.at))
            .expect("loads")
    }

    pub fn queue(&mut self, template: &str, again: bool) -> messages::Queued {
        let case = self.circle.case.clone();
        let template = Template::find(TEMPLATES, template).expect("known");
        self.circle
            .act(HANDLER, |tx, acting, keys, random, _| {
                messages::queue(tx, keys, random, (COURT, &case), (&template, ADDRESS, again), acting.at)
            })
            .expect("queues")
    }

    /// Hands out what waits, and learns the codes that were told: as many as there were messages.
    fn hand_out(&mut self) -> Vec<messages::Outgoing> {
        let outgoing = self
            .circle
            .act(HANDLER, |tx, acting, keys, _, _| messages::take_out(tx, keys, COURT, false, acting.at))
            .expect("hands out");
        for one in &outgoing {
            let mut tx = self.circle.court.store.snapshot().expect("reads");
            let claim_id = tx
                .query_one(
                    "SELECT claim_id FROM claimant_message WHERE court_id = $1 AND message_id = $2",
                    &[COURT.into(), one.message_id.into()],
                    |row| row.int(0),
                )
                .expect("known");
            let told = one.text.split("查询码").nth(1).expect("a code").chars().take(11).collect::<String>();
            self.codes.insert(claim_id, told);
        }
        outgoing
    }

    /// A code for everybody: by message where there is a telephone, else by letter. Gives the letters.
    fn tell_everybody(&mut self) -> String {
        self.queue("share", false);
        self.hand_out();
        self.write_letters()
    }

    /// Letters for those without a telephone.
    fn write_letters(&mut self) -> String {
        let (case, all) = (self.circle.case.clone(), self.claimants());
        let without: Vec<&Claimant> = all.iter().filter(|one| one.telephone.is_empty()).collect();
        let made = self
            .circle
            .act(HANDLER, |tx, acting, keys, random, _| {
                claimants::make_codes(tx, keys, random, (COURT, &case), &without, acting.at)
            })
            .expect("makes codes");
        let letters: Vec<Letter<'_>> = made
            .iter()
            .map(|new| Letter { seen: &without[new.place].seen, code: Some((&new.code, new.expires_at)) })
            .collect();
        for new in &made {
            self.codes.insert(without[new.place].seen.claim_id, codes::shown(&new.code));
        }
        letters::file(Language::Zh, Some(ADDRESS), &letters)
    }

    fn export(&mut self) -> PathBuf {
        let case = self.circle.case.clone();
        let made = self
            .circle
            .act(HANDLER, |tx, acting, keys, random, _| claimants::export(tx, keys, random, (COURT, &case), acting.at))
            .expect("exports");
        let path = self.files.join(&made.name);
        std::fs::write(&path, &made.bytes).expect("writes");
        path
    }

    fn key(&mut self) -> PublicExportKey {
        self.circle
            .act(HANDLER, |tx, acting, keys, random, _| Ok(court_keys(tx, keys, random, COURT, acting.at)?.public()))
            .expect("a key")
    }

    fn settings(&mut self) -> Settings {
        Settings {
            files: self.files.clone(),
            public_key: self.key(),
            corrections: self.corrections.clone(),
            behind_proxy: false,
        }
    }

    fn now(&self) -> Timestamp {
        at().checked_add((24 * self.circle.day).hours()).expect("a time")
    }

    fn outside(&mut self) -> Arc<Outside> {
        let (settings, now) = (self.settings(), self.now());
        Arc::new(Outside::open(settings, Clock::fixed(now)).expect("opens"))
    }

    fn import(&mut self, path: &Path) -> Outcome<corrections::Imported> {
        let bytes = std::fs::read(path).expect("reads");
        self.circle.act(HANDLER, |tx, acting, keys, random, _| corrections::import(tx, acting, keys, random, &bytes))
    }

    fn accept(&mut self, correction_id: i64, second: &str, basis: Option<&str>) -> Outcome<events::ClaimRecord> {
        let confirmed_by = self.circle.court.person(second);
        self.circle.act(HANDLER, |tx, acting, keys, random, _| {
            let decision = Decision { correction_id, reason: "已电话核实", basis };
            corrections::accept(tx, acting, keys, random, &decision, &confirmed_by)
        })
    }
}

fn ask(outside: &Arc<Outside>, request: Request<Body>) -> Page {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let response = router(outside).oneshot(request).await.expect("answers");
        let status = response.status();
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("reads");
        Page { status, body: String::from_utf8(body.to_vec()).expect("UTF-8") }
    })
}

fn post(outside: &Arc<Outside>, path: &str, fields: &[(&str, &str)]) -> Page {
    let form: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", ankuan::web::parts::escape(value))).collect();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.join("&")))
        .expect("a request");
    ask(outside, request)
}

fn look(outside: &Arc<Outside>, path: &str, case: &str, document: &str, code: &str) -> Page {
    post(outside, path, &[("case", case), ("document", document), ("code", code)])
}

fn token(page: &Page) -> String {
    let rest = page.body.split("name=\"token\" value=\"").nth(1).expect("a token");
    rest.split('"').next().expect("its end").to_owned()
}

/// What an exported file shows to somebody with document and code.
fn opened(path: &Path, key: &PublicExportKey, document: &str, code: &str) -> Option<Seen> {
    let exported = Exported::read(std::fs::read(path).expect("reads"), key).expect("signed");
    let code = codes::read_code(code)?;
    let root = codes::root(COST, exported.code_salt(), &codes::read_document(document), &code).expect("a root");
    exported.open(&root).expect("opens").map(|(seen, _)| seen)
}

/// The page says of each what `distribute explain` says, and all pages together are the distribution.
fn everybody_sees_what_the_distribution_says(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    case.bank_answers();
    let path = case.export();
    let (outside, key) = (case.outside(), case.key());
    assert_eq!(outside.counts(), (1, CLAIMANTS as u64));
    let mut sum = 0;
    let mut paid = 0;
    for claimant in case.claimants() {
        let seen = &claimant.seen;
        let code = case.codes[&seen.claim_id].clone();
        let language = if seen.claim_id % 2 == 0 { Language::Zh } else { Language::En };
        let place = if language == Language::Zh { "/" } else { "/en" };
        // Half-width brackets and small letters are as good.
        let page = look(&outside, place, "(2026)浙0106执123号", &claimant.document_number, &code.to_lowercase());
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let explained = {
            let mut tx = case.circle.court.store.snapshot().expect("reads");
            rounds::explain_share(&mut tx, COURT, case.distribution, &seen.claimant_no).expect("explains")
        };
        assert_eq!(explained.len(), 1);
        for line in explained[0].lines() {
            let text = line.text(language);
            assert!(page.body.contains(&text), "{text} is not in {}", page.body);
        }
        assert!(page.body.contains(&seen.name) && page.body.contains(&explained[0].share.granted.to_string()));
        for other in 1..=CLAIMANTS {
            assert!(!page.body.contains(&document(other)), "a document number is shown");
            let name = format!("张三{other}");
            assert!(seen.name.starts_with(&name) || !page.body.contains(&format!("{name}，")), "{name} is shown");
        }
        let found = opened(&path, &key, &claimant.document_number, &code).expect("opens");
        assert_eq!(found, Seen { as_of: found.as_of, ..seen.clone() });
        sum += found.rounds[0].explanation.share.granted.minor();
        paid += found.figures().paid.minor();
        let payment = &found.payments[0];
        assert_eq!(payment.account.last_four, claimant.seen.account.last_four);
        assert_eq!(payment.sent_on, "2026-11-22");
        assert!(page.body.contains(&payment.said().text(language)));
    }
    let proof = &case.proof;
    assert_eq!(sum, proof.paid.minor() + proof.set_aside.minor() + proof.carried.minor());
    assert_eq!(sum, proof.pot.minor());
    let back: i64 = case.circle.returned().iter().map(|one| one.payment.amount.minor()).sum();
    assert!(back > 0 && paid == sum - back, "{paid} of {sum}, {back} came back");
}

/// Whatever does not fit is answered the same.
fn what_does_not_fit_is_answered_alike(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    case.export();
    let outside = case.outside();
    let all = case.claimants();
    let (one, other) = (&all[0], &all[1]);
    let (code, others) = (case.codes[&one.seen.claim_id].clone(), case.codes[&other.seen.claim_id].clone());
    let right = look(&outside, "/", NUMBER, &one.document_number, &code);
    assert_eq!(right.status, StatusCode::OK);
    let without_case = |page: &Page| page.body.replace("(2026)浙0106执9号", NUMBER).replace("什么", NUMBER);
    let wrong = look(&outside, "/", NUMBER, &one.document_number, "00000-00000");
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!wrong.body.contains(&one.seen.name));
    for (number, document, code) in [
        (NUMBER, one.document_number.as_str(), others.as_str()),
        (NUMBER, other.document_number.as_str(), code.as_str()),
        (NUMBER, "P99999999", code.as_str()),
        (NUMBER, "", ""),
        (NUMBER, one.document_number.as_str(), "not a code"),
        ("(2026)浙0106执9号", one.document_number.as_str(), code.as_str()),
        ("什么", one.document_number.as_str(), code.as_str()),
    ] {
        let page = look(&outside, "/", number, document, code);
        assert_eq!(page.status, wrong.status, "{number} {document} {code}");
        assert_eq!(without_case(&page), wrong.body, "{number} {document} {code}");
    }
    // Enough tries for one claim, and no more: not even with the right code, nor from elsewhere.
    for _ in 2..CLAIM_LOOKS_MAX {
        look(&outside, "/", NUMBER, &one.document_number, "00000-00000");
    }
    let locked = look(&outside, "/", NUMBER, &one.document_number, &code);
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!locked.body.contains(&one.seen.name));
    assert_eq!(look(&outside, "/", NUMBER, &other.document_number, &others).status, StatusCode::OK);
    // Without a token, or with one of another process, nothing can be given.
    let elsewhere = token(&right);
    let fields = |token| [("token", token), ("holder", "甲"), ("bank", "乙"), ("account", "1"), ("again", "1")];
    for given in ["", "00", &elsewhere[2..]] {
        assert_eq!(post(&outside, "/correction", &fields(given)).status, StatusCode::FORBIDDEN, "{given}");
    }
    let restarted = case.outside();
    assert_eq!(post(&restarted, "/correction", &fields(&elsewhere)).status, StatusCode::FORBIDDEN);
    assert!(std::fs::read_dir(&case.corrections).expect("reads").next().is_none());
    // When the code has ended, it opens nothing.
    let (settings, end) = (case.settings(), at().as_microsecond() + claimants::CODE_LASTS);
    let later = Clock::fixed(Timestamp::from_microsecond(end).expect("a time"));
    let outside = Arc::new(Outside::open(settings, later).expect("opens"));
    assert_eq!(look(&outside, "/", NUMBER, &other.document_number, &others).status, wrong.status);
}

/// What is not the court's is refused at the start, and what is stolen opens nothing.
fn a_file_is_the_courts_and_says_nothing_to_a_thief(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    let path = case.export();
    let (key, bytes) = (case.key(), std::fs::read(&path).expect("reads"));
    let open = |settings: Settings| Outside::open(settings, Clock::fixed(at())).map(|_| ());
    for place in [0, 25, 200, bytes.len() / 2, bytes.len() - 66, bytes.len() - 65, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        std::fs::write(&path, &changed).expect("writes");
        let settings = case.settings();
        assert_eq!(code(open(settings)), "claimants.file_signature", "byte {place}");
    }
    std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
    let settings = case.settings();
    assert_eq!(code(open(settings)), "claimants.file_signature");
    std::fs::write(&path, &bytes).expect("writes");
    let stranger = PublicExportKey::parse(&format!("01{}", "7f".repeat(32))).expect("has the form of one");
    let settings = Settings { public_key: stranger, ..case.settings() };
    assert_eq!(code(open(settings)), "claimants.file_signature");
    assert_eq!(PublicExportKey::parse("01").expect_err("none").code, "claimants.public_key");

    // Nothing of a person stands in it: not a name, number, amount or code.
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(NUMBER), "what everybody may know is there");
    let all = case.claimants();
    for claimant in &all {
        let seen = &claimant.seen;
        let granted = seen.rounds[0].explanation.share.granted;
        let told = case.codes[&seen.claim_id].clone();
        for text in [&seen.name, &claimant.document_number, &granted.to_string(), &told, &told.replace('-', "")] {
            assert!(!holds(text), "{text}");
        }
        assert!(!holds(&granted.minor().to_string()), "{granted}");
    }
    // With everybody's document numbers, and everybody's codes but one's own, nothing opens.
    for (one, other) in all.iter().zip(all.iter().cycle().skip(1)) {
        let own = case.codes[&one.seen.claim_id].clone();
        assert!(opened(&path, &key, &one.document_number, &own).is_some());
        assert!(opened(&path, &key, &other.document_number, &own).is_none());
    }
    // Another export of the same cannot be laid beside it: no tag stands in both.
    let second = std::fs::read(case.export()).expect("reads");
    let head = |bytes: &[u8]| {
        let length = u32::from_be_bytes(bytes[19..23].try_into().expect("four bytes")) as usize;
        23 + length
    };
    let tag = &bytes[head(&bytes)..head(&bytes) + 32];
    assert!(!second.windows(32).any(|window| window == tag));
    // All entries are as long as one another, whatever stands in them.
    assert_eq!((bytes.len() - head(&bytes) - 65) % CLAIMANTS as usize, 0);
    // A new code ends the old one with the next export; of two files the later counts.
    let claim_id = all[0].seen.claim_id;
    let old = case.codes[&claim_id].clone();
    case.queue("share", true);
    case.hand_out();
    case.export();
    let outside = case.outside();
    let document = all[0].document_number.clone();
    assert_eq!(look(&outside, "/", NUMBER, &document, &old).status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(look(&outside, "/", NUMBER, &document, &case.codes[&claim_id].clone()).status, StatusCode::OK);
}

/// From an account that the bank refused to money paid: given outside, checked by two, paid again.
fn a_corrected_account_is_paid(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    case.bank_answers();
    case.export();
    let outside = case.outside();
    let waiting: Vec<Claimant> = case.claimants().into_iter().filter(|one| one.waits_for_account).collect();
    assert_eq!(waiting.len(), case.circle.returned().len());
    let claimant = &waiting[0];
    let (seen, told) = (&claimant.seen, case.codes[&claimant.seen.claim_id].clone());
    let page = look(&outside, "/", NUMBER, &claimant.document_number, &told);
    assert!(page.body.contains("被银行退回") && page.body.contains(&seen.figures().back.to_string()));
    let token = token(&page);
    let give = |holder: &str, account: &str, again: &str| {
        let fields = [
            ("token", token.as_str()),
            ("holder", holder),
            ("bank", "新开银行"),
            ("account", account),
            ("again", again),
        ];
        post(&outside, "/correction", &fields)
    };
    for (holder, account, again) in
        [("", "6222021111111111", "6222021111111111"), (&seen.name, "账号", "账号"), (&seen.name, "6222021", "6222022")]
    {
        let refused = give(holder, account, again);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{holder} {account} {again}");
        assert!(refused.body.contains("新开银行"), "what was typed is kept");
    }
    assert!(std::fs::read_dir(&case.corrections).expect("reads").next().is_none());
    let done = give(&seen.name, "6222 0211 1111 1111", "6222021111111111");
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    // Another's name needs a paper; a third correction is the last.
    assert_eq!(give("李四", "6222029999999999", "6222029999999999").status, StatusCode::OK);
    for _ in 2..CORRECTIONS_MAX {
        assert_eq!(give(&seen.name, "6222023333333333", "6222023333333333").status, StatusCode::OK);
    }
    assert_eq!(give(&seen.name, "1", "1").status, StatusCode::TOO_MANY_REQUESTS);

    let files: Vec<PathBuf> = crate::circle::files_of(&case.corrections);
    assert_eq!(files.len(), CORRECTIONS_MAX as usize);
    for path in &files {
        let bytes = std::fs::read(path).expect("reads");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("622202") && !text.contains(&seen.name), "{text}");
        assert!(done.body.contains("回执"));
    }
    let imported: Vec<_> = files.iter().map(|path| case.import(path).expect("imports")).collect();
    assert!(imported.iter().all(|one| !one.already && one.proposal.state == CorrectionState::Proposed));
    assert!(case.import(&files[0]).expect("imports").already);
    let by_account = |end: &str| {
        let found = imported.iter().find(|one| one.proposal.new[2].ends_with(end)).expect("one of them");
        assert!(found.proposal.new[2].starts_with('*') && found.proposal.old[2].starts_with('*'));
        found.proposal.clone()
    };
    let (own, anothers, third) = (by_account("1111"), by_account("9999"), by_account("3333"));
    assert!(done.body.contains(&own.receipt));
    assert!(!own.is_of_another() && anothers.is_of_another());

    // Changed, or another court's: no correction.
    let bytes = std::fs::read(&files[0]).expect("reads");
    for place in [0, 20, 21, 60, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let path = case.circle.folder.path().join("changed");
        std::fs::write(&path, &changed).expect("writes");
        assert_eq!(code(case.import(&path)), "claimants.correction_unreadable", "byte {place}");
    }
    // Whoever has the outside machine, and no code of the claimant, can seal a file and prove nothing.
    let forged = case
        .circle
        .act(HANDLER, |tx, acting, keys, random, _| {
            let court = court_keys(tx, keys, random, COURT, acting.at)?;
            let given = corrections::Given { holder: &seen.name, bank: "某银行", account: "6222026666666666" };
            let ids = (COURT, own.case_id, own.claim_id, 1);
            let guessed = codes::root(COST, &[0; 16], &claimant.document_number, "0000000000")?;
            let made = Correction::new(ids, "20261125-FORGED".to_owned(), given, acting.at.as_microsecond(), &guessed)?;
            made.seal(&court.agreement_public(), random)
        })
        .expect("seals");
    let path = case.circle.folder.path().join("forged");
    std::fs::write(&path, forged).expect("writes");
    assert_eq!(code(case.import(&path)), "claimants.correction_not_proved");

    let before = code(case.circle.act(HANDLER, |tx, acting, _, _, _| {
        let bank_account_id = ankuan::chart::find_bank_account(tx, COURT, None)?.bank_account_id;
        reissue::record(tx, acting, &NewReissue { bank_account_id, run: None, case_id: None })
    }));
    assert_eq!(before, "reissue.not_corrected");
    assert_eq!(code(case.accept(own.correction_id, HANDLER, None)), "access.second_person_same");
    assert_eq!(code(case.accept(anothers.correction_id, KEEPER, None)), "claimants.correction_of_another");
    case.accept(own.correction_id, KEEPER, None).expect("accepts");
    assert_eq!(code(case.accept(own.correction_id, KEEPER, None)), "claimants.correction_decided");
    let refuse = |case: &mut Case, correction_id, reason: &str| {
        case.circle.act(HANDLER, |tx, acting, _, _, _| {
            corrections::refuse(tx, acting, &Decision { correction_id, reason, basis: None })
        })
    };
    assert_eq!(code(refuse(&mut case, anothers.correction_id, " ")), "claimants.reason_missing");
    refuse(&mut case, anothers.correction_id, "不是本人账户").expect("refuses");
    refuse(&mut case, third.correction_id, "重复").expect("refuses");
    assert_eq!(code(refuse(&mut case, third.correction_id, "重复")), "claimants.correction_decided");

    let decided = case
        .circle
        .act(HANDLER, |tx, _, keys, _, _| corrections::proposals(tx, keys, COURT, None, true))
        .expect("reads");
    let of = |id: i64| decided.iter().find(|one| one.correction_id == id).expect("kept");
    let (taken, left) = (of(own.correction_id), of(anothers.correction_id));
    assert_eq!(
        (taken.state, &taken.old),
        (CorrectionState::Accepted, &own.old),
        "the account that it took the place of"
    );
    assert_eq!((left.state, left.reason.as_str()), (CorrectionState::Refused, "不是本人账户"));
    let waiting = case.circle.act(HANDLER, |tx, _, keys, _, _| corrections::proposals(tx, keys, COURT, None, false));
    assert!(waiting.expect("reads").is_empty());

    let account = case.circle.court.bank_account();
    let new = NewReissue { bank_account_id: account.bank_account_id, run: None, case_id: None };
    let sources = case.circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new)).expect("records");
    let run = case.circle.send(&sources, PROFILE);
    let sent = crate::circle::files_of(&case.circle.folder.path().join(format!("files-{run}")));
    let written: String = sent
        .iter()
        .map(|path| encoding_rs::GB18030.decode(&std::fs::read(path).expect("reads")).0.into_owned())
        .collect();
    assert!(written.contains("6222021111111111"), "the file pays the new account: {written}");
    case.export();
    let outside = case.outside();
    let page = look(&outside, "/", NUMBER, &claimant.document_number, &told);
    assert!(page.body.contains("尾号1111") && page.body.contains("已重新安排付款"), "{}", page.body);
    let figures =
        case.claimants().into_iter().find(|one| one.seen.claim_id == own.claim_id).expect("there").seen.figures();
    assert_eq!((figures.on_way, figures.back), (figures.granted, Amount::ZERO));
}

/// Messages and letters: each claimant is told one code; what the provider answers is counted.
fn everybody_is_told_one_code(database: &Database) {
    let mut case = Case::paid(database);
    let queued = case.queue("share", false);
    let without = usize::try_from(CLAIMANTS / 3).expect("few");
    assert_eq!((queued.messages, queued.without_telephone, queued.already), (24 - without, without, 0));
    // A second time nobody is told again.
    let again = case.queue("share", false);
    assert_eq!((again.messages, again.already), (0, 24 - without));
    // With new codes, what waited with the old ones is gone.
    assert_eq!(case.queue("share", true).messages, 24 - without);
    let outgoing = case.hand_out();
    assert_eq!(outgoing.len(), queued.messages);
    assert_eq!(outgoing.iter().map(|one| usize::try_from(one.parts).expect("few")).sum::<usize>(), queued.parts);
    for one in &outgoing {
        assert_eq!(one.parts, messages::parts(&one.text) as i64);
        assert!(one.text.starts_with('【') && one.text.contains(NUMBER) && one.text.contains(ADDRESS), "{}", one.text);
    }
    let empty = case.circle.act(HANDLER, |tx, acting, keys, _, _| {
        messages::take_out(tx, keys, COURT, false, acting.at).map(|outgoing| outgoing.len())
    });
    assert_eq!(code(empty), "claimants.outbox_empty");
    let file = String::from_utf8(messages::outbox_file(&outgoing).expect("writes")).expect("UTF-8");
    assert_eq!(file.lines().count(), 1 + outgoing.len());
    let letters = case.write_letters();
    assert_eq!(letters.matches("<article").count(), without);
    let told: Vec<String> = case.codes.values().cloned().collect();
    assert_eq!(told.len(), 24);
    for told in &told {
        let (in_letters, in_messages) = (letters.matches(told.as_str()).count(), file.matches(told.as_str()).count());
        assert_eq!(in_letters + in_messages, 1, "{told}");
    }
    assert!(!letters.contains("P0000"), "a letter shows no document number");
    // The database knows no code.
    let mut tx = case.circle.court.store.snapshot().expect("reads");
    let digests = tx
        .query("SELECT code_digest FROM claimant_code WHERE court_id = $1", &[COURT.into()], |row| {
            Ok(row.bytes(0)?.to_vec())
        })
        .expect("reads");
    assert_eq!(digests.len(), 24);
    drop(tx);

    // Ten arrived, three failed, one unknown, two unanswered; and one that nobody sent.
    let mut lines = String::from("编号,状态,原因\n");
    for (place, one) in outgoing.iter().enumerate() {
        let state = match place {
            0..10 => "送达",
            10..13 => "失败",
            13 => "未知",
            _ => continue,
        };
        lines.push_str(&format!("{},{state},\n", one.message_id));
    }
    lines.push_str("999999,送达,\n");
    let answers = messages::read_answers(lines.as_bytes()).expect("reads");
    let (known, standing) = case
        .circle
        .act(FINANCE, |tx, acting, _, _, _| {
            let known = messages::record_answers(tx, COURT, &answers, acting.at)?;
            Ok((known, messages::arrival(tx, COURT, None)?))
        })
        .expect("records");
    assert_eq!(known, 14);
    let counts: Vec<(MessageState, i64)> = standing.counts.clone().into_iter().collect();
    use MessageState::{Arrived, Failed, Handed, Unknown};
    assert_eq!(counts, [(Handed, 2), (Arrived, 10), (Failed, 3), (Unknown, 1)]);
    assert_eq!((standing.handed(), standing.percent().as_str()), (16, "62.50%"));
    let kept = {
        let mut tx = case.circle.court.store.snapshot().expect("reads");
        tx.query_one(
            "SELECT COUNT(*) FROM claimant_message WHERE court_id = $1 AND sealed IS NOT NULL",
            &[COURT.into()],
            |row| row.int(0),
        )
        .expect("reads")
    };
    assert_eq!(kept, 6, "what has arrived is removed, code and all");
    // Those whose payment came back are told of it, once.
    case.bank_answers();
    let back = case.claimants().iter().filter(|one| one.waits_for_account && !one.telephone.is_empty()).count();
    assert_eq!(case.queue("returned", false).messages, back);
    assert_eq!(case.queue("returned", false).messages, 0);
}

/// Nobody but handler and fund keeper imports corrections, and a freeze, a set-aside share and heirs show as what they are.
fn what_stands_in_the_way_is_said(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    case.bank_answers();
    let back = case.circle.returned();
    let heirs_of = back[0].claim_id;
    case.circle.record_heirs(heirs_of);
    case.export();
    let outside = case.outside();
    let all = case.claimants();
    let claimant = all.iter().find(|one| one.seen.claim_id == heirs_of).expect("there");
    assert!(!claimant.seen.may_correct && !claimant.waits_for_account);
    let page = look(&outside, "/", NUMBER, &claimant.document_number, &case.codes[&heirs_of].clone());
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("/correction") && page.body.contains("数名收款人"), "{}", page.body);
    // A claim that is withdrawn is nobody's claim any more: it leaves the export.
    let other = back[1].claim_id;
    case.circle.change(other, |tx, acting, _, _, said| events::withdraw_claim(tx, acting, said)).expect("withdraws");
    case.export();
    let outside = case.outside();
    assert_eq!(outside.counts(), (1, CLAIMANTS as u64 - 1));
    let gone = all.iter().find(|one| one.seen.claim_id == other).expect("was there");
    let page = look(&outside, "/", NUMBER, &gone.document_number, &case.codes[&other].clone());
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = case.circle.act(FINANCE, |tx, acting, keys, random, _| {
        corrections::import(tx, acting, keys, random, b"whatever").map(|_| ())
    });
    assert_eq!(code(refused), "access.role_missing");
}

/// New keys of the court: the old ones open nothing any more, and nothing changes for anybody.
fn new_keys_of_the_court_change_nothing(database: &Database) {
    let mut case = Case::paid(database);
    case.tell_everybody();
    case.bank_answers();
    case.export();
    let waiting = case.claimants().into_iter().find(|one| one.waits_for_account).expect("one");
    let told = case.codes[&waiting.seen.claim_id].clone();
    let outside = case.outside();
    let page = look(&outside, "/", NUMBER, &waiting.document_number, &told);
    let token = token(&page);
    let account = "6222021111111111";
    let fields = [
        ("token", token.as_str()),
        ("holder", &waiting.seen.name),
        ("bank", "某银行"),
        ("account", account),
        ("again", account),
    ];
    assert_eq!(post(&outside, "/correction", &fields).status, StatusCode::OK);
    let file = crate::circle::files_of(&case.corrections).remove(0);
    let proposal = case.import(&file).expect("imports").proposal;
    case.queue("returned", true);
    let public = case.key();

    let (old, new) = (case.circle.folder.path().join("keys"), case.circle.folder.path().join("new-keys"));
    let keys = Keys::rotated(&old, &new, &mut Randomness::seeded(9)).expect("new keys");
    reseal(&mut case.circle.court.store, &keys, &mut |_| ()).expect("seals again");
    Keys::finish_rotation(&new).expect("finishes");
    case.circle.keys = Keys::read(&new).expect("keys");
    assert_eq!(case.key(), public);
    let back = case.hand_out();
    assert!(!back.is_empty());
    case.export();
    let outside = case.outside();
    let other = case.claimants().into_iter().find(|one| !one.waits_for_account).expect("one");
    let told = case.codes[&other.seen.claim_id].clone();
    assert_eq!(look(&outside, "/", NUMBER, &other.document_number, &told).status, StatusCode::OK);
    case.accept(proposal.correction_id, KEEPER, None).expect("accepts");
    case.circle.keys = Keys::read(&old).expect("the old ones");
    let refused = case
        .circle
        .act(HANDLER, |tx, acting, keys, random, _| court_keys(tx, keys, random, COURT, acting.at).map(|_| ()));
    assert_eq!(code(refused), "keys.cannot_open");
    case.circle.keys = Keys::read(&new).expect("keys");
}

/// Whoever has an old code and the machine outside may write any time into a correction: it counts only while the code did, and
/// only for some days.
fn an_old_code_proves_nothing(database: &Database) {
    const DAY: i64 = 86_400_000_000;
    let mut case = Case::paid(database);
    case.circle.day = 1;
    case.tell_everybody();
    let exported = Exported::read(std::fs::read(case.export()).expect("reads"), &case.key()).expect("signed");
    let claimant = case.claimants().remove(0);
    let told = codes::read_code(&case.codes[&claimant.seen.claim_id]).expect("a code");
    let document = codes::read_document(&claimant.document_number);
    let root = codes::root(COST, exported.code_salt(), &document, &told).expect("a root");
    let (made_at, case_id) = (case.now().as_microsecond(), case.circle.case.case_id);
    let ends_at = made_at + claimants::CODE_LASTS;
    let mut give = |given_at: i64, day: i64| {
        case.circle.day = day;
        let bytes = case.circle.act(HANDLER, |tx, acting, keys, random, _| {
            let court = court_keys(tx, keys, random, COURT, acting.at)?;
            let given =
                corrections::Given { holder: &claimant.seen.name, bank: "某银行", account: "6222021111111111" };
            let ids = (COURT, case_id, claimant.seen.claim_id, 1);
            let made = Correction::new(ids, format!("R-{given_at}"), given, given_at, &root)?;
            made.seal(&court.agreement_public(), random)
        });
        let path = case.circle.folder.path().join("given");
        std::fs::write(&path, bytes.expect("seals")).expect("writes");
        case.import(&path)
    };
    let on = |day: i64| made_at + (day - 1) * DAY;
    let last = 1 + claimants::CODE_LASTS / DAY;
    assert_eq!(on(last), ends_at);
    give(on(1), 1).expect("at once");
    assert_eq!(code(give(on(1) - 1, 1)), "claimants.correction_not_proved", "before there was a code");
    let not_yet = give(on(1) + 1, 1).expect_err("refused");
    assert_eq!(code::<()>(Err(not_yet)), "claimants.correction_not_yet");
    // Carried late, with a code that has ended meanwhile.
    give(ends_at - 1, last + claimants::CARRIED_DAYS - 1).expect("it counted then");
    assert_eq!(code(give(ends_at, last + 1)), "claimants.correction_not_proved", "it counted no more");
    assert_eq!(code(give(ends_at - 2, last + claimants::CARRIED_DAYS)), "claimants.correction_too_old");
    assert_eq!(code(give(i64::MIN, last)), "claimants.correction_unreadable");
    let Err(ankuan::Failure::Refused(refused)) = give(on(2), last) else { panic!("it is old") };
    let (zh, en) = (refused.text(Language::Zh), refused.text(Language::En));
    assert!(zh.contains("已超过14天") && zh.contains("2026-11-24"), "{zh}");
    assert!(en.contains("more than 14 days ago") && en.contains("2026-11-24"), "{en}");
    let Err(ankuan::Failure::Refused(refused)) = give(on(3), 2) else { panic!("it is to come") };
    let (zh, en) = (refused.text(Language::Zh), refused.text(Language::En));
    assert!(zh.contains("晚于现在") && zh.contains("2026-11-25"), "{zh}");
    assert!(en.contains("later than now") && en.contains("2026-11-25"), "{en}");
}

crate::on_both!(
    an_old_code_proves_nothing,
    new_keys_of_the_court_change_nothing,
    everybody_sees_what_the_distribution_says,
    what_does_not_fit_is_answered_alike,
    a_file_is_the_courts_and_says_nothing_to_a_thief,
    a_corrected_account_is_paid,
    everybody_is_told_one_code,
    what_stands_in_the_way_is_said,
);
