//! Who has signed in on the command line: passwords asked for, proofs kept for the command, credentials made and ended.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use ankuan_ledger::Store;
use clap::{ArgMatches, Subcommand};
use serde_json::json;

use super::Context;
use super::catalogue::SECOND_PERSON;
use super::output::Column;
use super::{Words, words};
use crate::access::api_keys::{self, Scope};
use crate::access::credentials::{self, Proof};
use crate::access::signing::Signer;
use crate::access::{self, Actor};
use crate::clock::Randomness;
use crate::request::Answer;
use crate::{Failure, Language, Message, Outcome};

/// The password of who acts.
const PASSWORD: &str = "ANKUAN_PASSWORD";
/// The password of the second person, where a command names one.
const SECOND_PASSWORD: &str = "ANKUAN_SECOND_PASSWORD";
/// The new one, where a password changes.
const NEW_PASSWORD: &str = "ANKUAN_NEW_PASSWORD";

/// Who has proved to be the one that a command names. It prints nothing of the password.
#[derive(Clone)]
pub struct Proved {
    proof: Arc<Proof>,
    password: String,
}

impl fmt::Debug for Proved {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Proved({})", self.proof.actor.name)
    }
}

impl Proved {
    /// Who.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.proof.actor
    }

    /// Opens the signing key.
    ///
    /// # Errors
    /// Those of [`Proof::signer`].
    pub fn signer(&self) -> Outcome<Signer> {
        self.proof.signer(&self.password)
    }
}

/// The second person whom a command line names, if it does.
#[must_use]
pub fn second_named(matches: &ArgMatches) -> Option<String> {
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    SECOND_PERSON.iter().find_map(|id| innermost.try_get_one::<String>(id).ok().flatten().cloned())
}

/// Checks the passwords of who acts and of the second person, where the court has people who enrolled; none where it has
/// not. Takes the store and comes before any transaction: checking takes long, and a failure is recorded.
///
/// # Errors
/// `access.person_unknown`, `access.not_enrolled`, `command.password_missing`, and those of
/// [`credentials::check_password`].
pub fn prove(context: &Context, store: &mut Store, name: &str, second: Option<&str>) -> Outcome<Option<Proved>> {
    let court_id = context.globals.court;
    {
        let mut tx = store.snapshot()?;
        if !credentials::in_force(&mut tx, court_id)? {
            return Ok(None);
        }
        // Said plainly to whoever stands at the machine: names are no secret there.
        for name in [Some(name), second].into_iter().flatten() {
            let person = access::find_actor(&mut tx, court_id, name)?;
            if !credentials::is_enrolled(&mut tx, &person)? {
                return Err(credentials::not_enrolled(&person.name).into());
            }
        }
    }
    let password = own_password(context, name)?;
    let at = context.clock().now();
    let proof = credentials::check_password(store, court_id, name, &password, at)?;
    if let Some(second) = second.filter(|second| second.trim() != proof.actor.name) {
        let password =
            asked(context, SECOND_PASSWORD, None, &Message::new("command.password_of").with("name", second))?;
        credentials::check_password(store, court_id, second, &password, at)?;
    }
    Ok(Some(Proved { proof: Arc::new(proof), password }))
}

fn own_password(context: &Context, name: &str) -> Outcome<String> {
    let prompt = Message::new("command.password_of").with("name", name);
    asked(context, PASSWORD, context.globals.password_file.as_deref(), &prompt)
}

/// A password: out of a file, of the environment, or typed by a person.
fn asked(context: &Context, variable: &str, file: Option<&Path>, prompt: &Message) -> Outcome<String> {
    if let Some(path) = file {
        return first_line(path);
    }
    if let Ok(password) = std::env::var(variable) {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Message::new("command.password_missing").with("variable", variable).into());
    }
    Ok(rpassword::prompt_password(prompt.text(context.output.language))?)
}

/// A password that is chosen: whoever types it types it twice, for nobody can tell them later what they typed.
fn chosen(context: &Context, variable: &str, file: Option<&Path>, prompt: &Message) -> Outcome<String> {
    let password = asked(context, variable, file, prompt)?;
    let is_typed = file.is_none() && std::env::var_os(variable).is_none();
    if is_typed && asked(context, variable, file, &Message::new("command.password_again"))? != password {
        return Err(Message::new("command.passwords_differ").into());
    }
    Ok(password)
}

fn first_line(path: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// `person invite`
pub(super) fn invite(context: &Context, name: &str) -> Outcome<()> {
    let mut store = context.store()?;
    // Not by a request: its answer would be kept, and the code with it.
    let code = context.commit(&mut store, |tx, acting| {
        let person = access::find_actor(tx, acting.actor.court_id, name)?;
        credentials::invite(tx, acting, &person, &mut Randomness::system())
    })?;
    say_code(context, name, &code)
}

/// `person reset`
pub(super) fn reset(context: &Context, name: &str, reason: &str) -> Outcome<()> {
    let mut store = context.store()?;
    let code = context.commit(&mut store, |tx, acting| {
        let person = access::find_actor(tx, acting.actor.court_id, name)?;
        credentials::reset(tx, acting, &person, reason, &mut Randomness::system())
    })?;
    say_code(context, name, &code)
}

fn say_code(context: &Context, name: &str, code: &str) -> Outcome<()> {
    context.output.object(&json!({"name": name, "code": code}))?;
    context.output.sentence(&Message::new("command.invited").with("name", name).with("code", code))?;
    Ok(())
}

/// `person enrol`
pub(super) fn enrol(context: &Context, name: &str, code_file: &Path) -> Outcome<()> {
    let mut store = context.store()?;
    let keys = context.keys()?;
    let code = first_line(code_file)?;
    let prompt = Message::new("command.new_password_of").with("name", name);
    let password = chosen(context, PASSWORD, context.globals.password_file.as_deref(), &prompt)?;
    let made = credentials::enrol(
        &mut store,
        &keys,
        context.globals.court,
        name,
        &code,
        &password,
        context.clock().now(),
        &mut Randomness::system(),
    )?;
    let (secret, url) = (&made.totp_secret_base32, &made.otpauth_url);
    context.output.object(&json!({"name": made.actor.name, "totp_secret": secret, "otpauth_url": url}))?;
    let said = Message::new("command.enrolled").with("name", &made.actor.name).with("secret", secret).with("url", url);
    context.output.sentence(&said)?;
    Ok(())
}

/// `person totp`: the first code of who acts.
pub(super) fn confirm_totp(context: &Context, code: &str) -> Outcome<()> {
    let mut store = context.store()?;
    let keys = context.keys()?;
    let acting = context.acting_in(&mut store)?;
    credentials::confirm_totp(&mut store, &keys, &acting.actor, code, acting.at)?;
    said(context, &Message::new("command.totp_confirmed").with("name", &acting.actor.name))
}

/// `person password`: of who acts.
pub(super) fn change_password(context: &Context, new_file: Option<&Path>) -> Outcome<()> {
    let mut store = context.store()?;
    let Some(name) = &context.globals.acting_as else { return Err(Message::new("command.as_missing").into()) };
    let old = own_password(context, name)?;
    let new = chosen(context, NEW_PASSWORD, new_file, &Message::new("command.new_password_of").with("name", name))?;
    let (court_id, at) = (context.globals.court, context.clock().now());
    credentials::change_password(&mut store, court_id, name, &old, &new, at, &mut Randomness::system())?;
    said(context, &Message::new("command.password_changed").with("name", name))
}

/// `person lock-reset`
pub(super) fn lift_lock(context: &Context, name: &str) -> Outcome<()> {
    let mut store = context.store()?;
    context.commit(&mut store, |tx, acting| {
        let person = access::find_actor(tx, acting.actor.court_id, name)?;
        credentials::lift_lock(tx, acting, &person)
    })?;
    said(context, &Message::new("command.lock_lifted").with("name", name))
}

fn said(context: &Context, message: &Message) -> Outcome<()> {
    context.output.object(&json!({"message": message.text(Language::En)}))?;
    context.output.sentence(message)?;
    Ok(())
}

/// Keys with which programs act for a person.
#[derive(Clone, Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// 新增接口密钥 · Make a key; the secret is shown once
    Add {
        /// 人员姓名 · For whom it acts
        person: String,
        /// 用途 · What it is for
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// 权限，可多次给出：read 读取，write 记录，bank 导入银行文件 · What it may be used for; may be given again
        #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = scope())]
        scopes: Vec<Scope>,
        /// 有效天数 · Days it counts
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// 列出接口密钥 · List keys
    List,
    /// 本人确认接口密钥 · Confirm a key that acts for oneself
    ///
    /// 能记录或导入银行文件的密钥，由其所代表的本人确认后才有效。 · A key that may record or bring bank files counts only after
    /// the person it acts for has confirmed it.
    Confirm {
        /// 编号 · Its number
        key: i64,
    },
    /// 撤销接口密钥 · Revoke a key
    Revoke {
        /// 编号 · Its number
        key: i64,
    },
}

fn scope() -> Words<Scope> {
    words(Scope::parse, Scope::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`api_keys`].
pub fn run_api_key(context: &Context, command: &ApiKeyCommand) -> Outcome<()> {
    match command {
        ApiKeyCommand::Add { person, name, scopes, days } => {
            let mut store = context.store()?;
            let (key, secret) = context.commit(&mut store, |tx, acting| {
                let person = access::find_actor(tx, acting.actor.court_id, person)?;
                api_keys::create(tx, acting, &person, name, scopes, *days, &mut Randomness::system())
            })?;
            context.output.object(&json!({"key_id": key.key_id, "secret": secret, "waits": key.waits()}))?;
            let message = Message::new("command.api_key_made").with("key", key.key_id).with("secret", secret);
            context.output.sentence(&message)?;
            if let Err(unconfirmed) = key.require_confirmed() {
                context.output.sentence(&unconfirmed)?;
            }
            Ok(())
        }
        ApiKeyCommand::Confirm { key } => context.record("api_key.confirm", key, |tx, acting, _| {
            let key = api_keys::confirm(tx, acting, *key)?;
            let message = Message::new("command.api_key_confirmed").with("key", key.key_id).with("name", &key.name);
            Ok(Answer::new(&message, json!({"key_id": key.key_id})))
        }),
        ApiKeyCommand::List => list(context),
        ApiKeyCommand::Revoke { key } => {
            let mut store = context.store()?;
            context.commit(&mut store, |tx, acting| api_keys::revoke(tx, acting, *key))?;
            said(context, &Message::new("command.api_key_revoked").with("key", key))
        }
    }
}

fn list(context: &Context) -> Outcome<()> {
    let language = context.output.language;
    let at = context.clock().now();
    let keys = context.read(|tx| api_keys::all(tx, context.globals.court))?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for key in &keys {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let until = jiff::Timestamp::from_microsecond(key.expires_at).unwrap_or_default();
        let until = crate::clock::day_in_shanghai(until).to_string();
        let state = Message::new(match (key.is_live(at), key.waits()) {
            (false, _) => "command.key_over",
            (true, true) => "command.key_waits",
            (true, false) => "command.key_live",
        });
        rows.push(vec![
            key.key_id.to_string(),
            key.name.clone(),
            key.actor.name.clone(),
            scopes.join(", "),
            until.clone(),
            state.text(language),
        ]);
        objects.push(json!({
            "key_id": key.key_id, "name": key.name, "person": key.actor.name, "scopes": scopes,
            "expires_on": until, "is_live": key.is_live(at), "waits": key.waits(),
        }));
    }
    context.output.object(&json!({"api_keys": objects}))?;
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.key_name")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("column.scopes")),
            Column::text(Message::new("column.expires_on")),
            Column::text(Message::new("column.state")),
        ],
        &rows,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// Every option that names somebody is known here: as a second person, or as a name on a paper, a court, whoever
    /// fetched a file.
    #[test]
    fn no_second_person_is_overlooked() {
        const OTHERS: [&str; 3] = ["fetched_by", "officer", "ordered_by"];
        fn walk(command: &clap::Command, found: &mut Vec<String>) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                if id.ends_with("_by") || id.contains("officer") || id.contains("second") {
                    found.push(id.to_owned());
                }
            }
            for inner in command.get_subcommands() {
                walk(inner, found);
            }
        }
        let mut found = Vec::new();
        walk(&Cli::command(), &mut found);
        found.retain(|id| !SECOND_PERSON.contains(&id.as_str()) && !OTHERS.contains(&id.as_str()));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn the_second_person_is_found_in_any_command() {
        let named = |words: &[&str]| {
            let all = ["ankuan"].iter().chain(words).copied();
            second_named(&Cli::command().try_get_matches_from(all).expect("parses"))
        };
        assert_eq!(named(&["person", "list"]), None);
        let plan = named(&["plan", "settle", "7", "--confirmed-by", "李案款"]);
        assert_eq!(plan.as_deref(), Some("李案款"));
    }
}
