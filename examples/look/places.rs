//! Which pages there are: by links, by lists, and by what one has to do to see them.

use ankuan::cli::catalogue::{Entry, Kind, entries};
use ankuan::clock::Clock;
use ankuan::papers::PaperKind;
use serde_json::{Value, json};

use crate::Trouble;
use crate::looker::Looker;
use crate::webdriver::Browser;

/// Everybody's in a demo.
const PASSWORD: &str = "ankuan-demo-2026";
/// Pages of one kind that are looked at: two cases, two runs.
const ALIKE_MAX: usize = 2;

/// Before anybody has signed in.
pub fn door(looker: &mut Looker) -> Result<(), Trouble> {
    looker.forget();
    for path in ["/sign-in", "/sign-in?next=/cases", "/enrol", "/api/docs"] {
        looker.look(path);
    }
    looker.look_refused("/no/such/page");
    looker.look_at("/sign-in, refused", "/sign-in", |browser, _| {
        browser.go("/sign-in");
        for (name, value) in [("name", "张三"), ("password", "wrong"), ("code", "000000")] {
            browser.fill("form.sign-in", name, value);
        }
        browser.press("form.sign-in button");
    });
    Ok(())
}

/// Every page that finance of a court can come to.
pub fn office(looker: &mut Looker, accounts: &[Value], court: i64) -> Result<(), Trouble> {
    sign_in(looker, accounts, court, "finance")?;
    let is_first = court == 1;
    let mut found: Vec<String> = vec!["/".to_owned()];
    if is_first {
        found.extend(["/jobs", "/actions", "/people", "/settings", "/account"].map(str::to_owned));
        // Every form, also those for other roles.
        let forms = entries().into_iter().filter(|entry| entry.kind != Kind::Local);
        found.extend(forms.map(|entry| format!("/do/{}", entry.words.replace(' ', "/"))));
    }
    found.extend(subjects(&looker.browser));
    for path in pages(looker, found, is_first) {
        looker.look(&path);
    }
    if is_first {
        for path in
            ["/cases/（2026）浙01执99999号", "/payouts/P2099-0001", "/assets/999999", "/jobs/999999", "/do/serve"]
        {
            looker.look_refused(path);
        }
    }
    Ok(())
}

/// Every form that can be filled with what both courts have.
pub fn papers(looker: &mut Looker, accounts: &[Value]) -> Result<(), Trouble> {
    for court in [1, 2] {
        sign_in(looker, accounts, court, "finance")?;
        let cases = column(&looker.browser, "/see/case/list", 1);
        let of_cases = |browser: &Browser, list: &str| -> Vec<String> {
            cases.iter().flat_map(|case| column(browser, &format!("/see/{list}/list?case={case}"), 0)).collect()
        };
        for kind in PaperKind::ALL {
            let browser = &looker.browser;
            let subjects = match kind {
                PaperKind::PayoutSheet | PaperKind::Refund | PaperKind::Treasury => of_cases(browser, "sheet"),
                PaperKind::PayoutRun | PaperKind::Transmittal => column(browser, "/see/payout/list", 0),
                PaperKind::Deposit | PaperKind::ClosingCertificate => cases.clone(),
                PaperKind::Receipt => column(browser, "/see/receipt/list", 0),
                PaperKind::CashReceipt => column(browser, "/see/cash/list", 0),
                PaperKind::Plan => of_cases(browser, "plan"),
                PaperKind::Distribution => of_cases(browser, "distribute"),
                PaperKind::Pause => (1..30).map(|number: i64| number.to_string()).collect(),
            };
            let paths: Vec<String> =
                subjects.iter().map(|subject| format!("/papers/{}/{}", kind.as_str(), escape(subject))).collect();
            for path in answering(&looker.browser, &paths, ALIKE_MAX) {
                looker.look(&path);
            }
        }
    }
    Ok(())
}

/// What one comes to by doing something: a job that ends well, one that is refused, one that waits, a form with a refusal.
pub fn acts(looker: &mut Looker, accounts: &[Value]) -> Result<(), Trouble> {
    sign_in(looker, accounts, 1, "finance")?;
    looker.look_at("/do/verify, done", "/do/verify", |browser, _| {
        browser.go("/do/verify");
        browser.press("form.command button");
        browser.until("document.readyState === 'complete' && !document.querySelector('[data-events]')", &[]);
    });
    looker.look_at("/do/receipt/record, refused", "/do/receipt/record", |browser, _| {
        browser.go("/do/receipt/record");
        for (name, value) in [("reference", "FT1"), ("amount", "十元"), ("value_date", "2026-01-05")] {
            browser.fill("form.command", name, value);
        }
        browser.press("form.command button");
    });
    sign_in(looker, accounts, 1, "handler")?;
    looker.look_at("/do/case/open, refused", "/do/case/open", |browser, _| {
        browser.go("/do/case/open");
        browser.fill("form.command", "number", "浙执1号");
        browser.fill("form.command", "title", "借款合同纠纷");
        browser.press("form.command button");
    });
    looker.look_at("/do/case/open, done", "/do/case/open", |browser, language| {
        browser.go("/do/case/open");
        browser.fill(
            "form.command",
            "number",
            if language == "zh" { "（2026）浙01执901号" } else { "（2026）浙01执902号" },
        );
        browser.fill("form.command", "title", "借款合同纠纷");
        browser.press("form.command button");
    });
    let list = std::env::temp_dir().join(format!("ankuan-look-{}.csv", std::process::id()));
    std::fs::write(
        &list,
        "债权编号,姓名,证件类型,证件号码,债权金额\n1,张三,身份证,330198194001010004,12.345\n1,李四,身份证,33,abc\n",
    )?;
    looker.look_at("/do/claims/import, refused", "/do/claims/import", |browser, _| {
        browser.go("/do/claims/import");
        browser.fill("form.command", "file", &list.display().to_string());
        browser.fill("form.command", "case", "（2026）浙01执901号");
        browser.press("form.command button");
        browser.until("document.readyState === 'complete' && !document.querySelector('[data-events]')", &[]);
    });
    std::fs::remove_file(&list)?;
    looker.look("/jobs");
    Ok(())
}

/// Pages that differ by who looks.
pub fn roles(looker: &mut Looker, accounts: &[Value]) -> Result<(), Trouble> {
    let pages =
        ["/", "/approvals", "/payouts", "/people", "/settings", "/account", "/jobs", "/actions", "/do/receipt/record"];
    for (court, role) in [
        (1, "bureau_head"),
        (1, "handler"),
        (1, "fund_keeper"),
        (1, "auditor"),
        (1, "cashier"),
        (1, "admin"),
        (2, "bureau_head"),
    ] {
        sign_in(looker, accounts, court, role)?;
        for path in pages {
            let name = format!("{path} ({role})");
            looker.look_at(&name, path, |browser, _| browser.go(path));
        }
        let runs = pages_of(&looker.browser, "/payouts", "a[href^=\"/payouts/\"]");
        for path in runs.into_iter().take(1) {
            let name = format!("{path} ({role})");
            looker.look_at(&name, &path, |browser, _| browser.go(&path));
        }
    }
    upper_court(looker, accounts)
}

/// Somebody of a court above looks at the books of the one below.
fn upper_court(looker: &mut Looker, accounts: &[Value]) -> Result<(), Trouble> {
    let does = |browser: &Browser, form: &str, values: &[(&str, &str)]| {
        browser.go(form);
        for (name, value) in values {
            browser.fill("form.command", name, value);
        }
        browser.press("form.command button");
    };
    sign_in(looker, accounts, 1, "admin")?;
    does(&looker.browser, "/do/person/grant", &[("name", "郑审计"), ("role", "upper_court")]);
    sign_in(looker, accounts, 2, "admin")?;
    does(&looker.browser, "/do/upper-court/add", &[("upper_court", "1"), ("document", "（2026）浙高法1号")]);
    sign_in(looker, accounts, 1, "auditor")?;
    looker.look_refused("/courts/3");
    for path in [
        "/courts",
        "/courts/2",
        "/courts/2/see/case/list",
        "/courts/2/see/case/show",
        "/courts/2/see/payout/list",
        "/courts/2/see/receipt/list",
        "/courts/2/see/ledger/trial-balance",
        "/courts/2/see/deadlines",
    ] {
        looker.look(path);
    }
    Ok(())
}

/// Signs in as somebody of a court with a role.
fn sign_in(looker: &mut Looker, accounts: &[Value], court: i64, role: &str) -> Result<(), Trouble> {
    looker.forget();
    let is_of = |account: &&Value| {
        account["court_id"] == court && account["roles"].as_array().is_some_and(|roles| roles.contains(&json!(role)))
    };
    let account = accounts.iter().find(is_of).ok_or_else(|| format!("nobody is {role}"))?;
    let text = |name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let secret = totp_rs::Secret::try_from_base32(text("totp_secret")).map_err(|error| format!("{error:?}"))?;
    let totp = totp_rs::Builder::new().with_secret(secret).build().map_err(|error| format!("{error:?}"))?;
    let browser = &looker.browser;
    // A code counts once: who signed in half a minute ago takes the next, which counts already.
    let now = u64::try_from(Clock::system().now().as_second())?;
    for later in [0, 30] {
        let code = totp.generate(now + later).to_string();
        browser.go("/sign-in");
        let court = court.to_string();
        for (name, value) in
            [("court", court.as_str()), ("name", &text("name")), ("password", PASSWORD), ("code", &code)]
        {
            browser.fill("form.sign-in", name, value);
        }
        browser.press("form.sign-in button");
        if browser.path() == "/" {
            looker.remember();
            return Ok(());
        }
    }
    Err(browser.text().into())
}

/// Every page that can be come to, few of a kind: what navigation and the list of all actions name, and what those lead to.
fn pages(looker: &Looker, mut found: Vec<String>, with_forms: bool) -> Vec<String> {
    let (mut kinds, mut at) = (Vec::<String>::new(), 0);
    for path in &found {
        kinds.push(kind_of(path));
    }
    while at < found.len() {
        for link in pages_of(&looker.browser, &found[at], "a[href]:not([download])") {
            let kind = kind_of(&link);
            let leaves = ["/language/", "/sign-in", "/sign-out"].iter().any(|start| link.starts_with(start));
            let is_file =
                ["_as=", ".csv", ".xlsx", "/files/", "/export", "format="].iter().any(|part| link.contains(part));
            // The forms are the same in every court.
            let is_again = !with_forms && link.starts_with("/do/");
            let known = kinds.iter().filter(|known| **known == kind).count();
            let most = if link.starts_with("/do/") { 1 } else { ALIKE_MAX };
            if !leaves && !is_file && !is_again && known < most && !found.contains(&link) {
                found.push(link);
                kinds.push(kind);
            }
        }
        at += 1;
    }
    found.retain(|path| looker.is_wanted(path));
    found
}

/// What stands in a column of a page's first table.
fn column(browser: &Browser, path: &str, place: usize) -> Vec<String> {
    browser.go(path);
    let script =
        "return [...document.querySelectorAll('main tbody tr')].map(row => row.cells[arguments[0]]?.innerText ?? '')";
    let cells = browser.run(script, &[json!(place)]);
    cells.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Where the links of a page lead.
fn pages_of(browser: &Browser, path: &str, links: &str) -> Vec<String> {
    browser.go(path);
    let script = "return [...document.querySelectorAll(arguments[0])]
        .filter(link => link.origin === location.origin && !link.href.includes('#'))
        .map(link => link.pathname + link.search)";
    let found = browser.run(script, &[json!(links)]);
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The first of some pages that are there.
fn answering(browser: &Browser, paths: &[String], most: usize) -> Vec<String> {
    let script = "const there = [];
                  for (const path of arguments[0]) {
                    if (there.length < arguments[1] && (await fetch(path)).ok) there.push(path);
                  }
                  return there;";
    let mut found: Vec<String> = Vec::new();
    // In parts: a script may not take long.
    for some in paths.chunks(10) {
        let there = browser.run_async(script, &[json!(some), json!(most - found.len())]);
        found.extend(there.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    found
}

/// The pages of commands that only show something about a case or a run, for the first of the court.
fn subjects(browser: &Browser) -> Vec<String> {
    let first = |path: &str, place: usize| column(browser, path, place).into_iter().next().unwrap_or_default();
    let known = [("case", first("/see/case/list", 1)), ("run", first("/see/payout/list", 0))];
    let about = |entry: &Entry| {
        let required = entry.parameters.iter().filter(|parameter| parameter.is_required);
        let given: Option<Vec<String>> = required
            .map(|parameter| {
                let (name, value) = known.iter().find(|(name, value)| *name == parameter.name && !value.is_empty())?;
                Some(format!("{name}={value}"))
            })
            .collect();
        let given = given.filter(|given| !given.is_empty() && entry.kind == Kind::Read)?;
        Some(format!("/see/{}?{}", entry.words.replace(' ', "/"), given.join("&")))
    };
    entries().iter().filter_map(about).collect()
}

/// A path without what differs between pages of one kind: numbers and names.
fn kind_of(path: &str) -> String {
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let differs = |part: &&str| part.contains('%') || part.chars().any(|character| character.is_ascii_digit());
    let place: Vec<&str> = place.split('/').map(|part| if differs(&part) { "*" } else { part }).collect();
    // A form that was filled from a page is still that form.
    let is_form = path.starts_with("/do/");
    let names: Vec<&str> = query.split('&').filter(|_| !is_form).filter_map(|pair| pair.split('=').next()).collect();
    format!("{}?{}", place.join("/"), names.join("&"))
}

/// A text as a part of a path.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F").replace('?', "%3F").replace('#', "%23")
}
