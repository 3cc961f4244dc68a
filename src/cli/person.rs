//! `person`: people, roles, delegation.

use std::path::PathBuf;

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, Words, day, sign_in, words};
use crate::access::{self, Role};
use crate::request::Answer;
use crate::{Message, Outcome};

/// People and their roles.
#[derive(Clone, Debug, Subcommand)]
pub enum PersonCommand {
    /// 增加人员 · Add a person
    Add {
        /// 姓名 · Name, unique in the court
        name: String,
    },
    /// 授予岗位 · Give a person a role
    Grant {
        /// 姓名 · Name
        name: String,
        /// 岗位：handler 承办人，fund_keeper 案款管理员，finance 财务，cashier 出纳，bureau_head 执行局长，
        /// vice_president 副院长，auditor 审计，upper_court 上级法院，admin 管理员 · Role
        #[arg(value_parser = role())]
        role: Role,
        /// 生效日期 · First day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Option<Date>,
        /// 依据 · The paper that says so
        #[arg(long, default_value = "")]
        document: String,
    },
    /// 收回岗位 · Take a role from a person
    Revoke {
        /// 姓名 · Name
        name: String,
        /// 岗位：handler 承办人，fund_keeper 案款管理员，finance 财务，cashier 出纳，bureau_head 执行局长，
        /// vice_president 副院长，auditor 审计，upper_court 上级法院，admin 管理员 · Role
        #[arg(value_parser = role())]
        role: Role,
        /// 失效日期 · First day without it; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Option<Date>,
        /// 依据 · The paper that says so
        #[arg(long, default_value = "")]
        document: String,
    },
    /// 委托代行 · Let one person stand in for another
    Delegate {
        /// 委托人 · Whose role it is
        from_person: String,
        /// 受托人 · Who stands in
        to_person: String,
        /// 岗位：handler 承办人，fund_keeper 案款管理员，finance 财务，cashier 出纳，bureau_head 执行局长，
        /// vice_president 副院长，auditor 审计，upper_court 上级法院，admin 管理员 · Role
        #[arg(value_parser = role())]
        role: Role,
        /// 起始日期 · First day
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Date,
        /// 截止日期（含） · Last day, included
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: Date,
        /// 依据 · The paper that says so
        #[arg(long)]
        document: String,
    },
    /// 邀请登记凭证 · Invite a person to enrol; prints a code that counts for seven days
    Invite {
        /// 姓名 · Name
        name: String,
    },
    /// 登记凭证：设定密码 · Enrol with the code; prints the secret of the second factor
    Enrol {
        /// 姓名 · Name
        name: String,
        /// 邀请码文件 · File whose first line is the code
        #[arg(long, value_name = "FILE")]
        code_file: PathBuf,
    },
    /// 启用动态口令 · Confirm the second factor with its first code
    Totp {
        /// 口令 · Code
        code: String,
    },
    /// 修改密码 · Change the password of who acts
    Password {
        /// 新密码文件 · File whose first line is the new one; else ANKUAN_NEW_PASSWORD, else it is asked for
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// 重置凭证 · End a person's password and key, and invite them again
    Reset {
        /// 姓名 · Name
        name: String,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 解除登录锁定 · Lift the lock of a person
    LockReset {
        /// 姓名 · Name
        name: String,
    },
    /// 列出人员 · List people with their roles on the accounting date
    List,
}

fn role() -> Words<Role> {
    words(Role::parse, Role::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`access`].
pub fn run(context: &Context, command: &PersonCommand) -> Outcome<()> {
    match command {
        PersonCommand::Add { name } => context.record("person.add", command, |tx, acting, _| {
            let person = access::add_person(tx, acting, name)?;
            let message = Message::new("command.person_added").with("name", &person.name);
            Ok(Answer::new(&message, json!({"person_id": person.person_id, "name": person.name})))
        }),
        PersonCommand::Grant { name, role, from, document } => {
            context.record("person.grant", command, |tx, acting, _| {
                let person = access::find_actor(tx, acting.actor.court_id, name)?;
                let from = from.unwrap_or(acting.date);
                access::grant(tx, acting, &person, *role, from, document)?;
                Ok(role_answer(Message::new("command.role_granted"), name, *role, from))
            })
        }
        PersonCommand::Revoke { name, role, from, document } => {
            context.record("person.revoke", command, |tx, acting, _| {
                let person = access::find_actor(tx, acting.actor.court_id, name)?;
                let from = from.unwrap_or(acting.date);
                access::revoke(tx, acting, &person, *role, from, document)?;
                Ok(role_answer(Message::new("command.role_revoked"), name, *role, from))
            })
        }
        PersonCommand::Delegate { from_person, to_person, role, from, until, document } => {
            context.record("person.delegate", command, |tx, acting, _| {
                let court_id = acting.actor.court_id;
                let lender = access::find_actor(tx, court_id, from_person)?;
                let stand_in = access::find_actor(tx, court_id, to_person)?;
                let made = access::delegate(tx, acting, &lender, &stand_in, *role, *from, *until, document)?;
                let message = Message::new("command.role_delegated")
                    .with("from", &lender.name)
                    .with("to", &stand_in.name)
                    .with_term("role", &role.message())
                    .with("first", from)
                    .with("last", until);
                Ok(Answer::new(&message, json!({"delegation_id": made.delegation_id})))
            })
        }
        PersonCommand::Invite { name } => sign_in::invite(context, name),
        PersonCommand::Enrol { name, code_file } => sign_in::enrol(context, name, code_file),
        PersonCommand::Totp { code } => sign_in::confirm_totp(context, code),
        PersonCommand::Password { new_password_file } => {
            sign_in::change_password(context, new_password_file.as_deref())
        }
        PersonCommand::Reset { name, reason } => sign_in::reset(context, name, reason),
        PersonCommand::LockReset { name } => sign_in::lift_lock(context, name),
        PersonCommand::List => list(context),
    }
}

fn role_answer(message: Message, name: &str, role: Role, from: Date) -> Answer {
    let message = message.with("name", name).with_term("role", &role.message()).with("date", from);
    Answer::new(&message, json!({"name": name, "role": role.as_str(), "from": from.to_string()}))
}

fn list(context: &Context) -> Outcome<()> {
    let (date, language) = (context.date(), context.output.language);
    let (people, roles) = context.read(|tx| {
        let court_id = context.globals.court;
        Ok((access::people(tx, court_id)?, access::load_roles(tx, court_id)?))
    })?;
    let name_of = |person_id: i64| {
        people.iter().find(|person| person.person_id == person_id).map_or("?", |person| person.name.as_str())
    };
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for person in &people {
        let standings = roles.of(person.person_id, date);
        let shown: Vec<String> = standings
            .iter()
            .map(|standing| match standing.on_behalf_of {
                None => standing.role.message().text(language),
                Some(other) => format!("{} ← {}", standing.role.message().text(language), name_of(other)),
            })
            .collect();
        rows.push(vec![person.person_id.to_string(), person.name.clone(), shown.join("; ")]);
        let standings: Vec<_> = standings
            .iter()
            .map(|standing| json!({"role": standing.role.as_str(), "on_behalf_of": standing.on_behalf_of}))
            .collect();
        objects.push(json!({"person_id": person.person_id, "name": person.name, "roles": standings}));
    }
    context.output.object(&json!({"date": date.to_string(), "people": objects}))?;
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("column.roles")),
        ],
        &rows,
    )?;
    Ok(())
}
