//! `serve`: pages and API, from the database that is there.

mod demo;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Context;
use super::output::Column;
use crate::access::Role;
use crate::service::{DemoAccount, Service, server};
use crate::{Message, Outcome};

/// What `serve` takes.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// 监听地址 · Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", env = "ANKUAN_LISTEN")]
    pub listen: SocketAddr,
    /// 演示：造一个有数据的法院和可登录的人员 · Make a court to look at, with people who can sign in
    #[arg(long)]
    pub demo: bool,
    /// 演示数据文件夹 · Folder of the demo
    #[arg(long, value_name = "DIR", default_value = "demo-serve", requires = "demo")]
    pub dir: PathBuf,
}

/// Serves until it is told to stop.
///
/// # Errors
/// Those of [`Service::new`] and [`server::serve`].
pub fn run(context: &Context, args: &ServeArgs) -> Outcome<()> {
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("ANKUAN_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let mut context = context.clone();
    let accounts = if args.demo { demo::fill(&mut context, &args.dir)? } else { Vec::new() };
    if args.demo {
        show(&context, &accounts)?;
    }
    let service = Service::new(context.globals.clone(), context.clock(), accounts)?;
    server::serve(&service, args.listen, |address| {
        let address = format!("http://{address}");
        context.output.object(&serde_json::json!({"listening": address}))?;
        context.output.sentence(&Message::new("service.listening").with("address", address))?;
        Ok(())
    })
}

fn show(context: &Context, accounts: &[DemoAccount]) -> Outcome<()> {
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|account| {
            let roles: Vec<String> = account
                .roles
                .iter()
                .filter_map(|role| Some(Role::parse(role)?.message().text(context.output.language)))
                .collect();
            vec![account.court_id.to_string(), account.name.clone(), roles.join("、"), account.totp_secret.clone()]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("service.court")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("column.roles")),
            Column::text(Message::new("service.totp_secret")),
        ],
        &rows,
    )?;
    context.output.sentence(&Message::new("service.demo_accounts").with("password", demo::PASSWORD))?;
    Ok(())
}
