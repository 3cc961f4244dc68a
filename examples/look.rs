//! Looks at every page of the demo: pictures in both languages at the width of a desk and of a telephone, one sheet of them
//! all, and what a machine can find wrong. `scripts/look` runs it.

#[path = "look/looker.rs"]
mod looker;
#[path = "look/outside.rs"]
mod outside;
#[path = "look/places.rs"]
mod places;
#[allow(dead_code, reason = "the browser tests use the rest")]
#[path = "../tests/browser/webdriver.rs"]
mod webdriver;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use looker::{Looker, Sight};
use serde_json::Value;

type Trouble = Box<dyn std::error::Error>;

/// What can be looked at alone.
const PARTS: [&str; 7] = ["door", "office", "second", "papers", "acts", "roles", "claimants"];

fn main() -> Result<ExitCode, Trouble> {
    let mut arguments = std::env::args().skip(1);
    let (Some(program), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("give the program and the folder to write to: scripts/look does".into());
    };
    let (paths, parts): (Vec<String>, Vec<String>) = arguments.partition(|argument| argument.starts_with('/'));
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        return Err(format!("no part {unknown}: there are {}", PARTS.join(", ")).into());
    }
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let demo = serve(&program, &out.join("demo"))?;
    let Some(mut looker) = Looker::open(&demo.home, &out, paths)? else { return Ok(ExitCode::FAILURE) };

    // What broke is said in a line; the others are looked at all the same.
    std::panic::set_hook(Box::new(|info| {
        let said = info.payload_as_str().unwrap_or_default();
        eprintln!("{}", said.lines().take(4).collect::<Vec<_>>().join(" "));
    }));
    for part in PARTS.into_iter().filter(|part| is_wanted(part)) {
        let look = || match part {
            "door" => places::door(&mut looker),
            "office" => places::office(&mut looker, &demo.accounts, 1),
            "second" => places::office(&mut looker, &demo.accounts, 2),
            "papers" => places::papers(&mut looker, &demo.accounts),
            "acts" => places::acts(&mut looker, &demo.accounts),
            "roles" => places::roles(&mut looker, &demo.accounts),
            _ => outside::look(&mut looker, &program, &out),
        };
        match catch_unwind(AssertUnwindSafe(look)) {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => looker.broke(part, &trouble.to_string()),
            Err(_) => looker.broke(part, "it stopped"),
        }
    }
    report(&looker.sights, &out)
}

/// Writes what was seen, and says what is wrong with it.
fn report(sights: &[Sight], out: &Path) -> Result<ExitCode, Trouble> {
    let count: usize = sights.iter().map(|sight| sight.faults.len()).sum();
    std::fs::write(out.join("index.html"), sheet(sights))?;
    let mut report = String::new();
    for sight in sights.iter().filter(|sight| !sight.faults.is_empty()) {
        writeln!(report, "{} ({}, {})", sight.name, sight.language, sight.picture)?;
        for fault in &sight.faults {
            writeln!(report, "    {fault}")?;
        }
    }
    std::fs::write(out.join("faults.txt"), &report)?;
    print!("{report}");
    println!("{} pictures, {count} faults: {}", sights.len(), out.join("index.html").display());
    Ok(if count == 0 && !sights.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All pictures on one page.
fn sheet(sights: &[Sight]) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let mut out = String::from(
        "<!doctype html><meta charset=utf-8><title>ankuan</title><style>body{font:13px system-ui;display:flex;\
         flex-wrap:wrap;gap:16px;align-items:start}figure{margin:0;width:300px}img{width:100%;max-height:420px;\
         object-fit:cover;object-position:top;border:1px solid #999}li{color:#a00}</style>",
    );
    for sight in sights {
        let faults: String = sight.faults.iter().map(|fault| format!("<li>{}</li>", escape(fault))).collect();
        let (picture, name) = (&sight.picture, escape(&sight.name));
        out.push_str(&format!(
            "<figure><figcaption>{name} {}</figcaption><a href=\"{picture}\"><img loading=lazy alt=\"{name}\" \
             src=\"{picture}\"></a><ul>{faults}</ul></figure>",
            sight.language
        ));
    }
    out
}

/// A service that runs until it is let go.
struct Serving {
    process: Child,
    home: String,
    // Kept open, so that the service can go on writing.
    _said: BufReader<std::process::ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Serving {
    /// Starts what serves, and waits until it says where.
    fn start(command: &mut Command) -> Result<Self, Trouble> {
        let mut process = command
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut said = BufReader::new(process.stdout.take().ok_or("a pipe")?);
        let port = loop {
            let mut line = String::new();
            if said.read_line(&mut line)? == 0 {
                return Err("the service ended".into());
            }
            if let Some((_, rest)) = line.split_once("127.0.0.1:") {
                break rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            }
        };
        Ok(Self { process, home: format!("http://localhost:{port}"), _said: said })
    }
}

/// The demo, and who can sign in.
struct Demo {
    home: String,
    accounts: Vec<Value>,
    _serving: Serving,
}

fn serve(program: &str, folder: &Path) -> Result<Demo, Trouble> {
    let serving = Serving::start(
        Command::new(program).args(["serve", "--demo", "--listen", "127.0.0.1:0", "--dir"]).arg(folder),
    )?;
    let accounts: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("demo-accounts.json"))?)?;
    let accounts = accounts["accounts"].as_array().cloned().unwrap_or_default();
    Ok(Demo { home: serving.home.clone(), accounts, _serving: serving })
}
