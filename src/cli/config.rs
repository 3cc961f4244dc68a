//! Configuration from a file: what stands in it takes the place of an option's default, so a flag and then a variable of
//! the environment count before it, and the command line reads and says everything the same way.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::webhooks::targets::Target;
use crate::words::words;
use crate::{Failure, Message, Outcome};

/// The option by which the file is named, and its variable.
const OPTION: &str = "--config";
const VARIABLE: &str = "ANKUAN_CONFIG";

/// A file of configuration has a few lines.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    /// Text that passes a check.
    Text(fn(&str) -> bool),
    /// A list of such texts.
    Texts(fn(&str) -> bool),
    /// A whole number between two, both included.
    Number(i64, i64),
}

/// Every key: its name, whether it belongs to `serve` alone, what it takes.
const KEYS: &[(&str, bool, Takes)] = &[
    ("database", false, Takes::Text(is_database)),
    ("keys", false, Takes::Text(is_given)),
    ("wait", false, Takes::Number(1, 86_400)),
    ("webhook_targets", false, Takes::Texts(|text| text.parse::<Target>().is_ok())),
    ("webhook_authority_file", false, Takes::Text(is_given)),
    ("listen", true, Takes::Text(|text| text.parse::<std::net::SocketAddr>().is_ok())),
    ("origin", true, Takes::Text(|text| origin(text).is_ok())),
    ("tls_certificate", true, Takes::Text(is_given)),
    ("tls_key", true, Takes::Text(is_given)),
    ("trusted_proxy", true, Takes::Texts(|text| text.parse::<std::net::IpAddr>().is_ok())),
    ("log", true, Takes::Text(|text| log(text).is_ok())),
    ("connections", true, Takes::Number(4, 200)),
    ("workers", true, Takes::Number(1, 16)),
    ("metrics_token_file", true, Takes::Text(is_given)),
    ("oidc_issuer", true, Takes::Text(is_given)),
    ("oidc_client_id", true, Takes::Text(is_given)),
    ("oidc_client_secret_file", true, Takes::Text(is_given)),
    ("oidc_name_claim", true, Takes::Text(is_given)),
    ("oidc_court", true, Takes::Number(1, i64::MAX)),
    ("oidc_authority_file", true, Takes::Text(is_given)),
];

fn is_given(text: &str) -> bool {
    !text.is_empty()
}

fn is_database(text: &str) -> bool {
    ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

/// A scheme and a host, as browsers say where a form comes from.
///
/// # Errors
/// A path or anything else stands behind it.
pub fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_host = |host: &str| {
        let is_known = |character: char| character.is_ascii_alphanumeric() || "-.:[]".contains(character);
        !host.is_empty() && host.chars().all(is_known)
    };
    if host.is_some_and(is_host) { Ok(text.to_ascii_lowercase()) } else { Err("https://HOST[:PORT]".to_owned()) }
}

/// What is logged: a level, or as `tracing` reads it.
///
/// # Errors
/// It is neither.
pub fn log(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

words! {
    /// Where a setting was said.
    Source {
        /// On the command line.
        Flag = "flag",
        /// In the environment.
        Environment = "environment",
        /// In the file.
        File = "file",
        /// Nowhere.
        Default = "default",
    }
}

impl Source {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Flag => "config.from_flag",
            Self::Environment => "config.from_environment",
            Self::File => "config.from_file",
            Self::Default => "config.from_default",
        })
    }
}

/// What counts for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// What counts.
    pub value: String,
    /// Where it was said.
    pub source: Source,
}

/// What a file says: each key with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File(Vec<(&'static str, Vec<String>)>);

/// The file that a command line or the environment names.
#[must_use]
pub fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(text) = argument.to_str() else { continue };
        if text == "--" {
            break;
        }
        if text == OPTION {
            return rest.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix(OPTION).and_then(|rest| rest.strip_prefix('=')) {
            return Some(PathBuf::from(path));
        }
    }
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Reads a file.
///
/// # Errors
/// `file.*`, `config.unreadable`, `config.unknown_key`, `config.bad_value`, each with the line.
pub fn read(path: &Path) -> Outcome<File> {
    let bytes = crate::documents::read_small(path, FILE_BYTES_MAX)?;
    let unreadable =
        |detail: String| Message::new("config.unreadable").with("path", path.display()).with("detail", detail);
    let bytes = bytes.ok_or_else(|| unreadable(format!("> {FILE_BYTES_MAX} bytes")))?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    parse(&text).map_err(|message| Failure::from(message.with("path", path.display())))
}

fn parse(text: &str) -> Result<File, Message> {
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| Message::new("config.unreadable").with("detail", error))?;
    let mut file = Vec::new();
    for (name, value) in &table {
        let Some((key, _, takes)) = KEYS.iter().find(|(key, _, _)| key == name) else {
            let known: Vec<&str> = KEYS.iter().map(|(key, _, _)| *key).collect();
            return Err(Message::new("config.unknown_key")
                .with("key", name)
                .with("line", line_of(text, name))
                .with("known", known.join(", ")));
        };
        let Some(values) = values(value, *takes) else {
            return Err(Message::new("config.bad_value")
                .with("key", name)
                .with("line", line_of(text, name))
                // A database's address may hold a password.
                .with("value", if *key == "database" { "…".to_owned() } else { value.to_string() })
                .with_term("wanted", &Message::new(wanted(key))));
        };
        file.push((*key, values));
    }
    Ok(File(file))
}

fn values(value: &toml::Value, takes: Takes) -> Option<Vec<String>> {
    match (takes, value) {
        (Takes::Text(check), toml::Value::String(text)) if check(text) => Some(vec![text.clone()]),
        (Takes::Number(least, most), toml::Value::Integer(number)) if (least..=most).contains(number) => {
            Some(vec![number.to_string()])
        }
        (Takes::Texts(check), toml::Value::Array(texts)) => {
            texts.iter().map(|text| text.as_str().filter(|text| check(text)).map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// What a key wants, in words.
fn wanted(key: &str) -> &'static str {
    match key {
        "database" => "config.wants_database",
        "listen" => "config.wants_listen",
        "origin" => "config.wants_origin",
        "trusted_proxy" => "config.wants_addresses",
        "webhook_targets" => "config.wants_targets",
        "log" => "config.wants_level",
        "wait" => "config.wants_wait",
        "connections" => "config.wants_connections",
        "workers" => "config.wants_workers",
        _ => "config.wants_path",
    }
}

/// The line where a key stands, from 1.
fn line_of(text: &str, key: &str) -> usize {
    let is_key = |line: &str| {
        line.trim_start()
            .trim_start_matches(['[', '"', '\''])
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(['=', '.', ']']))
    };
    text.lines().position(is_key).map_or(1, |line| line + 1)
}

impl File {
    /// The command line's definition with what the file says as defaults.
    #[must_use]
    pub fn applied_to(&self, command: Command) -> Command {
        self.0.iter().fold(command, |command, (key, values)| {
            let is_of_serve = KEYS.iter().any(|(known, is_of_serve, _)| known == key && *is_of_serve);
            // Read once, as long as the process lives.
            let values: Vec<&'static str> = values.iter().map(|value| &*String::leak(value.clone())).collect();
            let set = |command: Command| command.mut_arg(*key, |argument| argument.default_values(values));
            if is_of_serve { command.mut_subcommand("serve", set) } else { set(command) }
        })
    }

    /// What counts for `serve`, and where it was said.
    #[must_use]
    pub fn settings(&self, matches: &ArgMatches) -> Vec<Setting> {
        let Some(serve) = matches.subcommand_matches("serve") else { return Vec::new() };
        KEYS.iter()
            .map(|(key, _, _)| {
                let values: Vec<String> = serve
                    .get_raw(key)
                    .map(|values| values.map(|value| value.to_string_lossy().into_owned()).collect())
                    .unwrap_or_default();
                let source = match serve.value_source(key) {
                    Some(ValueSource::CommandLine) => Source::Flag,
                    Some(ValueSource::EnvVariable) => Source::Environment,
                    _ if self.0.iter().any(|(known, _)| known == key) => Source::File,
                    _ => Source::Default,
                };
                Setting { key, value: values.join(", "), source }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Command as Asked, read_arguments};

    fn settings(file: &str, arguments: &[&str]) -> Vec<Setting> {
        let file = parse(file).expect("a file");
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        match read_arguments(&file, &arguments).expect("reads").1.command {
            Asked::Serve(args) => args.settings,
            other => panic!("{other:?}"),
        }
    }

    fn of<'s>(settings: &'s [Setting], key: &str) -> (&'s str, Source) {
        let found = settings.iter().find(|setting| setting.key == key).expect("a key");
        (&found.value, found.source)
    }

    #[test]
    fn every_key_is_an_option() {
        for (key, is_of_serve, _) in KEYS {
            let command = Cli::command();
            let place = if *is_of_serve { command.find_subcommand("serve").expect("serve") } else { &command };
            assert!(place.get_arguments().any(|argument| argument.get_id() == key), "{key}");
        }
    }

    #[test]
    fn a_flag_counts_before_the_file_and_the_file_before_the_default() {
        let file = "listen = \"0.0.0.0:443\"\nworkers = 4\ntrusted_proxy = [\"10.0.0.1\", \"::1\"]\ndatabase = \"sqlite:/x.db\"\n";
        let found = settings(file, &["ankuan", "serve", "--workers", "3"]);
        assert_eq!(of(&found, "listen"), ("0.0.0.0:443", Source::File));
        assert_eq!(of(&found, "workers"), ("3", Source::Flag));
        assert_eq!(of(&found, "trusted_proxy"), ("10.0.0.1, ::1", Source::File));
        assert_eq!(of(&found, "database"), ("sqlite:/x.db", Source::File));
        assert_eq!(of(&found, "connections"), ("16", Source::Default));
        let found = settings(file, &["ankuan", "--database", "sqlite:/y.db", "serve"]);
        assert_eq!(of(&found, "database"), ("sqlite:/y.db", Source::Flag));
        // Without a file nothing changes.
        assert!(Cli::try_parse_from(["ankuan", "serve"]).is_ok());
    }

    #[test]
    fn what_a_file_may_not_say_is_refused_with_its_line() {
        for (file, code, line) in [
            ("listen = \"127.0.0.1:1\"\n\nport = 80\n", "config.unknown_key", "3"),
            ("[serve]\nlisten = \"127.0.0.1:1\"\n", "config.unknown_key", "1"),
            ("workers = 2\nlisten = \"everywhere\"\n", "config.bad_value", "2"),
            ("workers = 0\n", "config.bad_value", "1"),
            ("workers = \"2\"\n", "config.bad_value", "1"),
            ("trusted_proxy = \"10.0.0.1\"\n", "config.bad_value", "1"),
            ("trusted_proxy = [\"a proxy\"]\n", "config.bad_value", "1"),
            ("origin = \"https://a.example/path\"\n", "config.bad_value", "1"),
            ("database = \"mysql://x\"\n", "config.bad_value", "1"),
        ] {
            let refused = parse(file).expect_err(file);
            assert_eq!(refused.code, code, "{file}");
            assert!(refused.arguments.contains(&("line", line.to_owned())), "{file}: {refused:?}");
        }
        assert_eq!(parse("listen = ").expect_err("no TOML").code, "config.unreadable");
    }
}
