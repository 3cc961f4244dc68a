//! `deadlines`: what must be done by when, for whom; pauses; the court's own rules.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::calc::put;
use super::output::Column;
use super::{Context, Words, day, words};
use crate::deadlines::record::{self, CourtRuleKind, NewPause};
use crate::deadlines::running::{Due, Worklist, worklist};
use crate::deadlines::{Alarm, Colour, DeadlineKind, Rule};
use crate::request::Answer;
use crate::{Message, Outcome, access, documents};

/// The largest file of rules that is read.
const RULES_BYTES_MAX: u64 = 1 << 20;

/// What `deadlines` takes.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DeadlinesArgs {
    /// 只列某承办人 · Only those of an officer
    #[arg(long, value_name = "NAME")]
    pub officer: Option<String>,
    /// 只列某色：overdue 红，due_soon 黄，running 绿，paused 暂停 · Only those of a colour
    #[arg(long, value_parser = colour())]
    pub colour: Option<Colour>,
    /// 只列某类期限，代码见 deadlines rules · Only those of a kind, named as in: deadlines rules
    #[arg(long, value_parser = kind())]
    pub kind: Option<DeadlineKind>,
    /// 只列某案 · Only those of a case, by its present number
    #[arg(long)]
    pub case: Option<String>,
    /// 五超：只列已逾期并计入五超的 · Only the five overdue alarms
    #[arg(long)]
    pub five: bool,
    /// 其他 · Pauses and rules
    #[command(subcommand)]
    pub command: Option<DeadlinesCommand>,
}

/// The commands beside the list.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadlinesCommand {
    /// 暂停计算，须审批 · Let a deadline rest; a second person approves
    Pause {
        /// 期限类别，代码见 deadlines rules · Kind, named as in: deadlines rules
        #[arg(value_parser = kind())]
        kind: DeadlineKind,
        /// 对象编号（列表中的编号） · Number of what it is about, as the list shows it
        subject: i64,
        /// 首个不计入的日期；不填为记账日期 · First day that does not count; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Option<Date>,
        /// 理由 · Why
        #[arg(long)]
        reason: String,
        /// 审批文书（延缓发放审批表） · The paper
        #[arg(long)]
        document: String,
        /// 审批人，不得与经办人相同 · Who approves it, another person than who acts
        #[arg(long, value_name = "NAME")]
        approved_by: String,
    },
    /// 恢复计算 · Let it go on
    Resume {
        /// 暂停编号 · Number of the pause
        pause: i64,
        /// 最后一个不计入的日期；不填为记账日期 · Last day that does not count; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: Option<Date>,
        /// 理由 · Why
        #[arg(long)]
        reason: String,
    },
    /// 期限规则：查看，或设定本院规则、节假日历 · Show the rules, or set the court's own and its calendar
    Rules {
        /// 本院期限规则（TOML） · The court's own rules
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
        /// 节假日与调休日历（TOML） · Days off and weekends worked
        #[arg(long, value_name = "FILE", conflicts_with = "set")]
        set_calendar: Option<PathBuf>,
    },
}

fn colour() -> Words<Colour> {
    words(Colour::parse, Colour::ALL.iter().map(|word| word.as_str()))
}

fn kind() -> Words<DeadlineKind> {
    words(DeadlineKind::parse, DeadlineKind::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`worklist`], [`record::pause`], [`record::resume`], [`record::set_rules`].
pub fn run(context: &Context, args: &DeadlinesArgs) -> Outcome<()> {
    match &args.command {
        None => list(context, args),
        Some(DeadlinesCommand::Pause { kind, subject, from, reason, document, approved_by }) => {
            let court_id = context.globals.court;
            context.record("deadlines.pause", &(kind, subject, from, reason, document, approved_by), |tx, acting, _| {
                let running = worklist(tx, court_id, acting.date)?;
                if !running.due.iter().any(|due| (due.deadline.kind, due.deadline.subject_id) == (*kind, *subject)) {
                    let message = Message::new("deadlines.none_runs").with("kind", kind.as_str());
                    return Err(message.with("subject", subject).into());
                }
                let new = NewPause {
                    kind: *kind,
                    subject_id: *subject,
                    from: from.unwrap_or(acting.date),
                    reason,
                    document,
                    approved_by: &access::find_actor(tx, court_id, approved_by)?,
                };
                let pause_id = record::pause(tx, acting, &running.by.rules, &new)?;
                let said = Message::new("deadlines.paused_now").with("pause", pause_id).with("from", new.from);
                Ok(Answer::new(&said, json!({"pause_id": pause_id, "from": new.from.to_string()})))
            })
        }
        Some(DeadlinesCommand::Resume { pause, until, reason }) => {
            context.record("deadlines.resume", &(pause, until, reason), |tx, acting, _| {
                let until = until.unwrap_or(acting.date);
                record::resume(tx, acting, *pause, until, reason)?;
                let said = Message::new("deadlines.resumed").with("pause", pause).with("until", until);
                Ok(Answer::new(&said, json!({"pause_id": pause, "until": until.to_string()})))
            })
        }
        Some(DeadlinesCommand::Rules { set: Some(path), .. }) => set(context, CourtRuleKind::Deadlines, path),
        Some(DeadlinesCommand::Rules { set_calendar: Some(path), .. }) => set(context, CourtRuleKind::Calendar, path),
        Some(DeadlinesCommand::Rules { .. }) => rules(context),
    }
}

fn set(context: &Context, kind: CourtRuleKind, path: &Path) -> Outcome<()> {
    let content = documents::read_small(path, RULES_BYTES_MAX)?
        .ok_or_else(|| Message::new("deadlines.rules_long").with("max", RULES_BYTES_MAX).in_file(path))?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    context.record("deadlines.rules", &(kind, &file, &content), |tx, acting, _| {
        record::set_rules(tx, acting, kind, &file, &content)?;
        let said = Message::new("deadlines.rules_set").with("file", &file);
        Ok(Answer::new(&said, json!({"kind": kind.as_str(), "file": file})))
    })
}

fn list(context: &Context, args: &DeadlinesArgs) -> Outcome<()> {
    let today = context.date();
    let mut found = context.read(|tx| worklist(tx, context.globals.court, today))?;
    let case =
        args.case.as_deref().map(|number| context.read(|tx| crate::cases::find_case(tx, context.book(), number)));
    let case_id = case.transpose()?.map(|case| case.case_id);
    let alarm_of = |found: &Worklist, due: &Due| {
        found.by.rules.of(due.deadline.kind).alarm().filter(|_| due.standing.colour == Colour::Overdue)
    };
    let due: Vec<Due> = std::mem::take(&mut found.due);
    let wanted = |due: &Due| {
        args.officer.as_ref().is_none_or(|officer| *officer == due.deadline.officer)
            && args.colour.is_none_or(|colour| colour == due.standing.colour)
            && args.kind.is_none_or(|kind| kind == due.deadline.kind)
            && case_id.is_none_or(|case_id| due.deadline.case_id == Some(case_id))
            && (!args.five || alarm_of(&found, due).is_some())
    };
    let due: Vec<Due> = due.into_iter().filter(wanted).collect();
    let count = |colour| due.iter().filter(|due| due.standing.colour == colour).count();
    let counts: Vec<(Colour, usize)> = Colour::ALL.iter().map(|colour| (*colour, count(*colour))).collect();
    let alarms: Vec<(Alarm, usize)> = Alarm::ALL
        .iter()
        .map(|alarm| (*alarm, due.iter().filter(|due| alarm_of(&found, due) == Some(*alarm)).count()))
        .collect();
    let mut unknown: Vec<i16> = due.iter().flat_map(|due| due.standing.unknown_years.clone()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let title = |kind| &found.by.rules.of(kind).title;
    context.output.object(&json!({
        "on": today.to_string(), "currency": "CNY",
        "counts": counts.iter().map(|(colour, count)| (colour.as_str().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "alarms": alarms.iter().map(|(alarm, count)| (alarm.as_str().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "calendar": found.by.calendar_file, "years_by_weekends_only": unknown,
        "deadlines": due.iter().map(|due| json!({
            "kind": due.deadline.kind.as_str(), "subject": due.deadline.subject_id, "colour": due.standing.colour.as_str(),
            "alarm": alarm_of(&found, due).map(Alarm::as_str), "case_id": due.deadline.case_id,
            "case_number": due.case_number, "officer": due.deadline.officer, "about": due.deadline.about,
            "amount_minor": due.deadline.amount, "from": due.deadline.from.to_string(),
            "last_day": due.standing.last_day.map(|day| day.to_string()), "days_left": due.standing.days_left,
            "pause": due.resting,
        })).collect::<Vec<_>>(),
    }))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = due
        .iter()
        .map(|due| {
            let Due { deadline, standing, .. } = due;
            vec![
                standing.colour.message().text(language),
                title(deadline.kind).text(language).to_owned(),
                deadline.subject_id.to_string(),
                due.case_number.clone(),
                deadline.officer.clone(),
                deadline.about.clone(),
                deadline.amount.map(|amount| amount.to_string()).unwrap_or_default(),
                deadline.from.to_string(),
                standing.last_day.map(|day| day.to_string()).unwrap_or_default(),
                standing.days_left.map(|days| days.to_string()).unwrap_or_default(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("deadlines.column_colour")),
            Column::text(Message::new("deadlines.column_what")),
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("deadlines.column_officer")),
            Column::text(Message::new("deadlines.column_about")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("deadlines.column_from")),
            Column::text(Message::new("deadlines.column_last_day")),
            Column::number(Message::new("deadlines.column_days_left")),
        ],
        &rows,
    )?;
    let mut pairs: Vec<(Message, String)> =
        counts.iter().map(|(colour, count)| (colour.message(), count.to_string())).collect();
    pairs.extend(alarms.iter().map(|(alarm, count)| (alarm.message(), count.to_string())));
    context.output.pairs(&pairs)?;
    if !unknown.is_empty() {
        let years = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        context.output.sentence(&Message::new("deadlines.weekends_only").with("years", years))?;
    }
    Ok(())
}

fn rules(context: &Context) -> Outcome<()> {
    let by = context.read(|tx| record::court_rules(tx, context.globals.court))?;
    let language = context.output.language;
    context.output.object(&json!({
        "version": by.rules.version, "file": by.file, "calendar": by.calendar_file,
        "rules": by.rules.all.iter().map(|rule| {
            let mut object = json!({
                "name": rule.name, "period": rule.period.map(|period| period.to_string()), "due_soon_days": rule.due_soon,
                "on_holiday": rule.on_holiday, "may_pause": rule.may_pause, "alarm": rule.alarm, "verified": rule.verified,
            });
            put(&mut object, "title", &rule.title);
            put(&mut object, "source", &rule.source);
            object
        }).collect::<Vec<_>>(),
    }))?;
    let said = |code| Message::new(code).text(language);
    let row = |rule: &Rule| {
        vec![
            rule.name.clone(),
            rule.title.text(language).to_owned(),
            rule.period.map_or_else(|| said("deadlines.by_fact"), |period| period.message().text(language)),
            rule.due_soon.to_string(),
            rule.on_holiday.message().text(language),
            rule.alarm().map(|alarm| alarm.message().text(language)).unwrap_or_default(),
            said(if rule.verified { "deadlines.verified" } else { "deadlines.unverified" }),
            rule.source.text(language).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = by.rules.all.iter().map(row).collect();
    context.output.table(
        &[
            Column::text(Message::new("deadlines.column_name")),
            Column::text(Message::new("deadlines.column_what")),
            Column::text(Message::new("deadlines.column_period")),
            Column::number(Message::new("deadlines.column_due_soon")),
            Column::text(Message::new("deadlines.column_on_holiday")),
            Column::text(Message::new("deadlines.column_alarm")),
            Column::text(Message::new("deadlines.column_verified")),
            Column::text(Message::new("deadlines.column_source")),
        ],
        &rows,
    )?;
    let file = |file: Option<String>, none: &'static str| file.unwrap_or_else(|| Message::new(none).text(language));
    context.output.pairs(&[
        (Message::new("deadlines.rules_file"), file(by.file, "deadlines.built_in")),
        (Message::new("deadlines.calendar_file"), file(by.calendar_file, "deadlines.no_calendar")),
    ])?;
    Ok(())
}
