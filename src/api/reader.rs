//! The API for people to read: one page, made from the same data as the description.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::ROOT;
use super::endpoints::{Asks, ENDPOINTS, Endpoint};
use super::openapi::{is_read_by_get, is_value, must_be_given};
use super::values::{self, kind};
use crate::access::may;
use crate::cli::catalogue::{Entry, Kind, Parameter, Takes};
use crate::service::Service;
use crate::web::{Viewer, bare, language_of, page as page_for};
use crate::{Language, Message};

/// GET: the page. Anybody may read it: it says nothing of a court.
pub async fn page(State(service): State<Arc<Service>>, request: Request) -> Markup {
    let (mut parts, _) = request.into_parts();
    let language = language_of(&parts.headers);
    let title = Message::new("api.docs").text(language);
    let body = body(&service.entries, language);
    match Viewer::from_request_parts(&mut parts, &service).await {
        Ok(viewer) => page_for(&viewer, &title, &body),
        Err(_) => bare(language, &title, &body),
    }
}

fn body(entries: &[Entry], language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    let mut groups: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Local) {
        let word = entry.words.split(' ').next().unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == word) {
            Some((_, known)) => known.push(entry),
            None => groups.push((word, vec![entry])),
        }
    }
    html! {
        h1 { (t("api.docs")) }
        p { (t("api.about")) }
        ul {
            li { (t("api.about_key")) " " code { "Authorization: Bearer ankuan_…" } }
            li { (t("api.about_session")) }
            li { code { "Idempotency-Key" } " " (t("api.about_idempotency")) }
            li { code { "limit" } " " (t("api.about_limit")) " " code { "after" } " " (t("api.about_after")) }
            li { a href=(format!("{ROOT}/openapi.json")) { (t("api.docs_openapi")) } }
        }
        nav aria-label=(t("api.docs")) {
            p { @for (word, _) in &groups { a href=(format!("#{word}")) { code { (word) } } " " } }
        }
        section.card {
            h2 #resources { (t("api.docs_resources")) }
            @for endpoint in ENDPOINTS { (one_endpoint(endpoint, language)) }
        }
        @for (word, entries) in &groups {
            section.card {
                h2 id=(word) { code { (word) } }
                @for entry in entries { (one_command(entry, language)) }
            }
        }
    }
}

fn one_endpoint(endpoint: &Endpoint, language: Language) -> Markup {
    let method = if endpoint.asks == Asks::Shown { "GET" } else { "POST" };
    let place = format!("{ROOT}{}", endpoint.path);
    let key = "-H \"Authorization: Bearer $ANKUAN_KEY\"";
    let given = match endpoint.asks {
        Asks::Shown => key.to_owned(),
        Asks::Answer => {
            let data = json!({"agree": true});
            let key = "-b \"__Host-ankuan=$ANKUAN_SESSION\" -H \"X-Form-Token: $ANKUAN_FORM_TOKEN\"";
            format!("-X POST {key} \\\n  -H 'If-Match: \"…\"' \\\n  -H 'Content-Type: application/json' -d '{data}'")
        }
        Asks::Once => format!("-X POST {key} \\\n  -H \"Idempotency-Key: $(uuidgen)\""),
    };
    let curl = format!("curl {given} \\\n  \"$ANKUAN{place}\"");
    html! {
        details {
            summary { code { (method) " " (place) } " " (Message::new(endpoint.code).text(language)) }
            pre { (curl) }
        }
    }
}

fn one_command(entry: &Entry, language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    let place = format!("{ROOT}/{}", entry.words.replace(' ', "/"));
    let by_get = is_read_by_get(entry);
    let shown: Vec<&Parameter> = entry.parameters.iter().filter(|parameter| parameter.takes != Takes::Output).collect();
    html! {
        details {
            summary {
                code { (if by_get { "GET " } else { "POST " }) (place) } " " (entry.about(language))
                @if entry.kind == Kind::Long { " · " (t("api.docs_long")) }
                @if entry.second_person().is_some_and(|second| second.is_required) {
                    " · " (t("api.docs_second_person"))
                }
                @if entry.is_signed() { " · " (t("api.docs_signed")) }
                @if may::IN_PERSON.contains(&entry.words) { " · " (t("api.docs_in_person")) }
            }
            @if !shown.is_empty() {
                div.scroll { table {
                    thead { tr { th { (t("api.docs_parameters")) } th { (t("api.docs_type")) } th {} } }
                    tbody { @for parameter in shown { tr {
                        td { code { (parameter.name) } @if must_be_given(entry, parameter) { " " small { (t("api.docs_required")) } } }
                        td { (type_of(parameter, language)) }
                        td { (parameter.help(language)) }
                    } } }
                } }
            }
            pre { (example(entry, &place, by_get)) }
        }
    }
}

fn type_of(parameter: &Parameter, language: Language) -> String {
    let t = |code| Message::new(code).text(language);
    let one = match &parameter.takes {
        Takes::File => t("api.docs_file"),
        Takes::Choice(words) => words.join(" | "),
        Takes::Date => "YYYY-MM-DD".to_owned(),
        Takes::Yuan => "\"1234.56\"".to_owned(),
        _ => kind(parameter).to_owned(),
    };
    if parameter.is_list { format!("{one} ({})", t("api.docs_list")) } else { one }
}

/// What one types to try a command.
fn example(entry: &Entry, place: &str, by_get: bool) -> String {
    let given: Vec<&Parameter> = entry.parameters.iter().filter(|parameter| must_be_given(entry, parameter)).collect();
    let key = if may::IN_PERSON.contains(&entry.words) {
        "-b \"__Host-ankuan=$ANKUAN_SESSION\" -H \"X-Form-Token: $ANKUAN_FORM_TOKEN\""
    } else {
        "-H \"Authorization: Bearer $ANKUAN_KEY\""
    };
    if by_get {
        let values: Vec<String> = given
            .iter()
            .map(|parameter| {
                format!(" \\\n  --data-urlencode '{}={}'", parameter.name, plain(&sample(entry, parameter)))
            })
            .collect();
        return format!("curl -G {key} \"$ANKUAN{place}\"{}", values.concat());
    }
    let once = if entry.kind == Kind::Read { "" } else { " \\\n  -H \"Idempotency-Key: $(uuidgen)\"" };
    if given.iter().any(|parameter| parameter.takes == Takes::File) {
        let fields: Vec<String> = given
            .iter()
            .map(|parameter| match parameter.takes {
                Takes::File => format!(" \\\n  -F '{}=@{}.csv'", parameter.name, parameter.name),
                _ => format!(" \\\n  -F '{}={}'", parameter.name, plain(&sample(entry, parameter))),
            })
            .collect();
        return format!("curl {key}{once}{} \\\n  \"$ANKUAN{place}\"", fields.concat());
    }
    let mut members = Map::new();
    for parameter in given.into_iter().filter(|parameter| is_value(parameter)) {
        let one = sample(entry, parameter);
        members.insert(parameter.name.clone(), if parameter.is_list { json!([one]) } else { one });
    }
    if entry.is_signed() {
        members.insert(values::PASSWORD.to_owned(), json!("…"));
    }
    let data = Value::Object(members);
    format!("curl {key}{once} \\\n  -H 'Content-Type: application/json' -d '{data}' \\\n  \"$ANKUAN{place}\"")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sample(entry: &Entry, parameter: &Parameter) -> Value {
    match &parameter.takes {
        Takes::Flag => json!(true),
        Takes::Number => json!(1),
        Takes::Yuan => json!("1234.56"),
        Takes::Date => json!("2026-11-22"),
        Takes::Choice(words) => json!(words.first()),
        Takes::Text | Takes::Name | Takes::File | Takes::Output => match parameter.name.as_str() {
            "number" if entry.words.starts_with("bank-account ") => json!("1202020209900012345"),
            "case" | "number" => json!("（2026）浙0106执123号"),
            "run" => json!("P2026-0001"),
            _ => json!("…"),
        },
    }
}
