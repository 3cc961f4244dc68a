//! `serve`: pages and API, from the database that is there.

mod afternoon;
mod demo;
mod elsewhere;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Context;
use super::config::{self, Setting};
use super::output::Column;
use crate::access::Role;
use crate::access::elsewhere::Elsewhere;
use crate::service::front::Front;
use crate::service::server::{self, Listen};
use crate::service::{DemoAccount, Service, Size, incoming};
use crate::{Failure, Message, Outcome};

/// What `serve` takes.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// 监听地址 · Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", env = "ANKUAN_LISTEN")]
    pub listen: SocketAddr,
    /// 对外网址，如 https://ankuan.example；填写后拒绝来自其他网站的表单 · Address by which people reach it; with it, forms of other sites are refused
    #[arg(long, value_name = "URL", env = "ANKUAN_ORIGIN", value_parser = config::origin)]
    pub origin: Option<String>,
    /// TLS 证书链（PEM） · Certificate chain for TLS (PEM)
    #[arg(long, value_name = "FILE", env = "ANKUAN_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// TLS 私钥（PEM） · Its private key (PEM)
    #[arg(long, value_name = "FILE", env = "ANKUAN_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// 可信代理的地址，可多个 · Address of a proxy whose X-Forwarded-For is believed; may be given again
    #[arg(long, value_name = "ADDRESS", env = "ANKUAN_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpAddr>,
    /// 日志级别：error、warn、info、debug · What is logged, to standard error as JSON
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "ANKUAN_LOG", value_parser = config::log)]
    pub log: String,
    /// 数据库连接数 · Connections to the database
    #[arg(long, value_name = "NUMBER", default_value_t = 16, env = "ANKUAN_CONNECTIONS",
          value_parser = clap::value_parser!(u16).range(4..=200))]
    pub connections: u16,
    /// 同时办理的任务数 · Jobs that run at once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, env = "ANKUAN_WORKERS",
          value_parser = clap::value_parser!(u16).range(1..=16))]
    pub workers: u16,
    /// 运行指标令牌文件；不填则 /metrics 只供本机读取 · File with the token for /metrics; without it only this machine reads them
    #[arg(long, value_name = "FILE", env = "ANKUAN_METRICS_TOKEN_FILE")]
    pub metrics_token_file: Option<PathBuf>,
    /// 只检查配置并显示生效的值 · Only check the configuration and show what counts
    #[arg(long)]
    pub check: bool,
    /// Sign-in at the court's provider.
    #[command(flatten)]
    pub elsewhere: elsewhere::ElsewhereArgs,
    /// 演示：造一个有数据的法院和可登录的人员 · Make a court to look at, with people who can sign in
    #[arg(long)]
    pub demo: bool,
    /// 演示数据文件夹 · Folder of the demo
    #[arg(long, value_name = "DIR", default_value = "demo-serve", requires = "demo")]
    pub dir: PathBuf,
    /// What counts and where it was said.
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// The shortest token that nobody guesses.
const TOKEN_LENGTH_MIN: usize = 16;

impl ServeArgs {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// `config.tls_together`, `config.token`, those of [`incoming::tls`].
    fn listen(&self) -> Outcome<Listen> {
        let tls = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(incoming::tls(certificate, key)?),
            (None, None) => None,
            _ => return Err(Message::new("config.tls_together").into()),
        };
        let metrics_token = self.metrics_token_file.as_deref().map(read_token).transpose()?;
        let front = Front { trusted_proxies: self.trusted_proxy.clone(), origin: self.origin.clone(), metrics_token };
        Ok(Listen { address: self.listen, tls, front })
    }
}

fn read_token(path: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?;
    let token = text.trim();
    if token.len() < TOKEN_LENGTH_MIN || !token.chars().all(|character| character.is_ascii_graphic()) {
        return Err(Message::new("config.token").with("path", path.display()).with("least", TOKEN_LENGTH_MIN).into());
    }
    Ok(token.to_owned())
}

/// Serves until it is told to stop.
///
/// # Errors
/// Those of [`ServeArgs::listen`], [`Service::new`] and [`server::serve`].
pub fn run(context: &Context, args: &ServeArgs) -> Outcome<()> {
    let listen = args.listen()?;
    if args.check {
        return show_settings(context, args);
    }
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new(&args.log))
        .init();
    let mut context = context.clone();
    let accounts = if args.demo { demo::fill(&mut context, &args.dir)? } else { Vec::new() };
    if args.demo {
        show(&context, &accounts)?;
    }
    let size = Size { connections: args.connections.into(), workers: args.workers.into() };
    let service = Service::of_size(context.globals.clone(), context.clock(), accounts, size)?;
    if let Some(settings) = args.elsewhere.settings(args.origin.as_deref())? {
        // Nobody has set it before.
        let _set = service.elsewhere.set(Elsewhere::new(settings)?);
    }
    let scheme = if listen.tls.is_some() { "https" } else { "http" };
    server::serve(&service, listen, |address| {
        let address = format!("{scheme}://{address}");
        context.output.object(&serde_json::json!({"listening": address}))?;
        context.output.sentence(&Message::new("service.listening").with("address", address))?;
        Ok(())
    })
}

/// What counts, and where it was said: no secret is among it.
fn show_settings(context: &Context, args: &ServeArgs) -> Outcome<()> {
    let value = |setting: &Setting| match setting.key {
        "database" => context.shown_database(),
        "keys" => context.key_path().display().to_string(),
        _ => setting.value.clone(),
    };
    let object: serde_json::Map<String, serde_json::Value> = args
        .settings
        .iter()
        .map(|setting| {
            let value = serde_json::json!({"value": value(setting), "from": setting.source.as_str()});
            (setting.key.to_owned(), value)
        })
        .collect();
    context.output.object(&object)?;
    let rows: Vec<Vec<String>> = args
        .settings
        .iter()
        .map(|setting| {
            let source = setting.source.message().text(context.output.language);
            vec![setting.key.to_owned(), value(setting), source]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("config.key")),
            Column::text(Message::new("config.value")),
            Column::text(Message::new("config.source")),
        ],
        &rows,
    )?;
    Ok(())
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
            vec![
                account.court_id.to_string(),
                account.name.clone(),
                context.output.language.list(&roles),
                account.totp_secret.clone(),
            ]
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
