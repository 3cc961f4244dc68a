//! `webhook`: other programs that are told what was recorded.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::Column;
use crate::access::{self, Role};
use crate::clock::{Randomness, shown_in_shanghai};
use crate::request::Answer;
use crate::webhooks::{self, Webhook, delivery::Attempt};
use crate::{Language, Message, Outcome};

/// Webhooks.
#[derive(Clone, Debug, Subcommand)]
pub enum WebhookCommand {
    /// 新增事件推送；密钥只显示一次 · Add a webhook; the secret is shown once
    Add {
        /// 接收网址，以 https 开头 · Where events are posted: https
        url: String,
        /// 推送哪些事件，可多次给出：all 为全部，payouts 为以 payouts. 开头的 · Events it is told of; may be given again: all, or the beginning of a name up to a dot
        #[arg(long = "event", required = true, value_name = "NAME")]
        events: Vec<String>,
    },
    /// 列出事件推送 · List webhooks
    List,
    /// 删除事件推送 · Remove a webhook
    Remove {
        /// 编号 · Its number
        webhook: i64,
    },
    /// 暂停推送 · Pause: nothing is sent until it is resumed
    Pause {
        /// 编号 · Its number
        webhook: i64,
    },
    /// 恢复推送，从停下处继续 · Resume, where it stood, at once
    Resume {
        /// 编号 · Its number
        webhook: i64,
    },
    /// 重发：从某一事件起再推送一遍 · Replay: tell it again from an event on
    Replay {
        /// 编号 · Its number
        webhook: i64,
        /// 从哪个事件起，如 1-1-482（法院-账簿-链节）或 1-job-12 · The first to be told again: 1-1-482 (court, book, link) or 1-job-12
        #[arg(long, value_name = "EVENT")]
        from: String,
    },
    /// 推送记录：最近的推送与结果 · What was sent last, and what came of it
    Deliveries {
        /// 编号 · Its number
        webhook: i64,
        /// 最多显示几条 · At most so many, the newest
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        most: u32,
    },
    /// 试推送一次，不含事件 · Send a ping, without events, to see whether it is accepted
    Test {
        /// 编号 · Its number
        webhook: i64,
    },
}

/// Runs the command.
///
/// # Errors
/// Those of [`webhooks`].
pub fn run(context: &Context, command: &WebhookCommand) -> Outcome<()> {
    let changed = |code: &'static str, webhook: i64| {
        Ok(Answer::new(&Message::new(code).with("webhook", webhook), json!({"webhook": webhook})))
    };
    match command {
        WebhookCommand::Add { url, events } => add(context, url, events),
        WebhookCommand::List => list(context),
        WebhookCommand::Remove { webhook } => context.record("webhook.remove", command, |tx, acting, _| {
            webhooks::remove(tx, acting, *webhook)?;
            changed("webhook.removed", *webhook)
        }),
        WebhookCommand::Pause { webhook } => context.record("webhook.pause", command, |tx, acting, _| {
            webhooks::pause(tx, acting, *webhook)?;
            changed("webhook.paused", *webhook)
        }),
        WebhookCommand::Resume { webhook } => context.record("webhook.resume", command, |tx, acting, _| {
            webhooks::resume(tx, acting, *webhook)?;
            changed("webhook.resumed", *webhook)
        }),
        WebhookCommand::Replay { webhook, from } => context.record("webhook.replay", command, |tx, acting, _| {
            webhooks::replay(tx, acting, *webhook, from)?;
            let said = Message::new("webhook.replayed").with("webhook", webhook).with("event", from);
            Ok(Answer::new(&said, json!({"webhook": webhook, "from": from})))
        }),
        WebhookCommand::Deliveries { webhook, most } => deliveries(context, *webhook, *most),
        WebhookCommand::Test { webhook } => test(context, *webhook),
    }
}

/// Not by a request: its answer would be kept, and the secret with it.
fn add(context: &Context, url: &str, events: &[String]) -> Outcome<()> {
    let keys = context.keys()?;
    let targets = context.globals.webhook_targets();
    let mut store = context.store()?;
    let (webhook_id, secret) = context.commit(&mut store, |tx, acting| {
        webhooks::add(tx, acting, &keys, &targets, url, events, &mut Randomness::system())
    })?;
    context.output.object(&json!({"webhook": webhook_id, "secret": secret}))?;
    context.output.sentence(&Message::new("webhook.added").with("webhook", webhook_id).with("secret", secret))?;
    Ok(())
}

/// Not by a request either: it is sent outside of any transaction, and again when it is asked again.
fn test(context: &Context, webhook_id: i64) -> Outcome<()> {
    let keys = context.keys()?;
    let sender = context.globals.webhook_sender()?;
    let mut store = context.store()?;
    let ping = context.commit(&mut store, |tx, acting| webhooks::begin_ping(tx, acting, &keys, webhook_id))?;
    let attempt = ping.send(&sender, context.clock());
    let mut tx = store.begin()?;
    ping.keep(&mut tx, &attempt)?;
    tx.commit()?;
    context.output.object(&object(&attempt))?;
    let said =
        Message::new(if attempt.sent.trouble.is_none() { "webhook.ping_accepted" } else { "webhook.ping_failed" });
    context.output.sentence(&said.with_said("outcome", |language| outcome(&attempt, language)))?;
    Ok(())
}

/// What came of an attempt, in words: `204`, `500 not accepted`.
#[must_use]
pub fn outcome(attempt: &Attempt, language: Language) -> String {
    let status = attempt.sent.status.map(|status| status.to_string());
    let trouble = attempt.sent.trouble.map(|trouble| trouble.message().text(language));
    [status, trouble].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn object(attempt: &Attempt) -> serde_json::Value {
    json!({
        "delivery": attempt.delivery, "first_event": attempt.first_event, "last_event": attempt.last_event,
        "events": attempt.event_count, "sent_at": shown_in_shanghai(attempt.sent_at), "status": attempt.sent.status,
        "trouble": attempt.sent.trouble.map(|trouble| trouble.as_str()), "took_micros": attempt.sent.took_micros,
    })
}

/// Refuses whoever has signed in without looking after it: the path of an address is often what its receiver goes by.
fn must_be_admin(context: &Context, tx: &mut ankuan_ledger::Tx<'_>) -> Outcome<()> {
    if let Some(person) = context.served_person() {
        access::require(tx, person, context.date(), Role::Admin)?;
    }
    Ok(())
}

/// What a webhook is told of, in words.
#[must_use]
pub fn events(webhook: &Webhook, language: Language) -> String {
    let text = webhook.filter.text();
    if text.is_empty() { Message::new("webhook.all_events").text(language) } else { text.replace(',', ", ") }
}

fn list(context: &Context) -> Outcome<()> {
    let language = context.output.language;
    let all = context.read(|tx| {
        must_be_admin(context, tx)?;
        webhooks::all(tx, context.globals.court)
    })?;
    let objects: Vec<_> = all
        .iter()
        .map(|webhook| {
            let names = webhook.filter.text();
            let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
            json!({
                "webhook": webhook.webhook_id, "url": webhook.url, "events": names, "state": webhook.state.as_str(),
                "behind": webhook.behind, "failures": webhook.failures, "person": webhook.person_id,
                "next_try_at": shown_in_shanghai(webhook.next_try_at), "added_at": shown_in_shanghai(webhook.added_at),
                "last": webhook.last.as_ref().map(object),
            })
        })
        .collect();
    context.output.object(&json!({"webhooks": objects}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|webhook| {
            vec![
                webhook.webhook_id.to_string(),
                webhook.url.clone(),
                events(webhook, language),
                webhook.state.message().text(language),
                webhook.behind.to_string(),
                webhook.failures.to_string(),
                webhook.last.as_ref().map_or_else(String::new, |last| shown_in_shanghai(last.sent_at)),
                webhook.last.as_ref().map_or_else(String::new, |last| outcome(last, language)),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("webhook.url_column")),
            Column::text(Message::new("webhook.events")),
            Column::text(Message::new("column.state")),
            Column::number(Message::new("webhook.behind")),
            Column::number(Message::new("webhook.failures")),
            Column::text(Message::new("webhook.sent_at")),
            Column::text(Message::new("webhook.outcome")),
        ],
        &rows,
    )?;
    Ok(())
}

fn deliveries(context: &Context, webhook_id: i64, most: u32) -> Outcome<()> {
    let language = context.output.language;
    let attempts = context.read(|tx| {
        must_be_admin(context, tx)?;
        webhooks::find(tx, context.globals.court, webhook_id)?;
        webhooks::attempts(tx, context.globals.court, webhook_id, most.into())
    })?;
    let objects: Vec<_> = attempts.iter().map(object).collect();
    context.output.object(&json!({"webhook": webhook_id, "deliveries": objects}))?;
    let rows: Vec<Vec<String>> = attempts
        .iter()
        .map(|attempt| {
            vec![
                shown_in_shanghai(attempt.sent_at),
                attempt.delivery.clone(),
                attempt.event_count.to_string(),
                attempt.first_event.clone(),
                attempt.last_event.clone(),
                outcome(attempt, language),
                (attempt.sent.took_micros / 1_000).to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("webhook.sent_at")),
            Column::text(Message::new("webhook.delivery")),
            Column::number(Message::new("webhook.event_count")),
            Column::text(Message::new("webhook.first_event")),
            Column::text(Message::new("webhook.last_event")),
            Column::text(Message::new("webhook.outcome")),
            Column::number(Message::new("webhook.took")),
        ],
        &rows,
    )?;
    Ok(())
}
