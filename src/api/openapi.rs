//! The description of the API, OpenAPI 3.1, made from the catalogue, the endpoints and the types that are answered.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter as Described, ParameterBuilder, ParameterIn, PathItem,
    PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response as Answered, ResponseBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Components, ComponentsBuilder, KnownFormat, ObjectBuilder, Schema,
    SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, OpenApiVersion, Ref, RefOr, Required, ServerBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::endpoints::{Answers, Asks, ENDPOINTS, Endpoint};
use super::{ROOT, cursor, files, jobs, problem, resources, values};
use crate::access::may;
use crate::cli::catalogue::{Entry, Kind, Parameter, Takes};
use crate::request::KEY_CHARS_MAX;
use crate::web::{App, SESSION_COOKIE};
use crate::{Language, Message};

/// Statuses that every request can have.
const EVERYWHERE: &[u16] = &[401, 403, 429, 500, 503];

/// Statuses that some requests can have.
const SOMEWHERE: &[u16] = &[304, 400, 404, 409, 412, 413, 415, 422, 428];

/// The tag of what is no command.
const TAG_OF_ENDPOINTS: &str = "resources";

/// GET: the description. Anybody may read it: it says nothing of a court.
pub async fn document(State(service): App) -> Response {
    static TEXT: OnceLock<Arc<str>> = OnceLock::new();
    let text = TEXT.get_or_init(|| description(&service.entries).to_json().unwrap_or_default().into());
    ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}

/// A text in both languages, Chinese first.
fn both(code: &'static str) -> String {
    let message = Message::new(code);
    format!("{}\n\n{}", message.text(Language::Zh), message.text(Language::En))
}

/// The description of these commands and all endpoints.
#[must_use]
pub fn description(entries: &[Entry]) -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut tags: Vec<&str> = vec![TAG_OF_ENDPOINTS];
    for endpoint in ENDPOINTS {
        paths = paths.path(endpoint.path, PathItem::new(endpoint.method(), of_endpoint(endpoint)));
    }
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Local) {
        let path = format!("/{}", entry.words.replace(' ', "/"));
        if is_read_by_get(entry) {
            paths = paths.path(&path, PathItem::new(HttpMethod::Get, read(entry)));
        }
        paths = paths.path(&path, PathItem::new(HttpMethod::Post, write(entry)));
        let tag = entry.words.split(' ').next().unwrap_or_default();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let info = InfoBuilder::new().title("案款 ankuan").version("1").description(Some(both("api.about"))).build();
    OpenApiBuilder::new()
        .openapi(OpenApiVersion::Version31)
        .info(info)
        .servers(Some([ServerBuilder::new().url(ROOT).build()]))
        .paths(paths)
        .components(Some(components()))
        .security(Some([
            SecurityRequirement::new::<_, [&str; 0], &str>("key", []),
            SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
        ]))
        .tags(Some(tags.into_iter().map(|tag| TagBuilder::new().name(tag).build())))
        .build()
}

/// Whether GET can give the command all that it needs: a file cannot stand in a query.
#[must_use]
pub fn is_read_by_get(entry: &Entry) -> bool {
    let needs_file = entry.parameters.iter().any(|parameter| parameter.takes == Takes::File && parameter.is_required);
    matches!(entry.kind, Kind::Read | Kind::ReadOrSet) && !needs_file
}

fn components() -> Components {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    add::<problem::Body>(&mut schemas);
    add::<jobs::Job>(&mut schemas);
    add::<jobs::Given>(&mut schemas);
    add::<files::Files>(&mut schemas);
    add::<resources::Case>(&mut schemas);
    add::<resources::Claim>(&mut schemas);
    add::<resources::Run>(&mut schemas);
    add::<resources::RunLine>(&mut schemas);
    add::<resources::BankLine>(&mut schemas);
    add::<resources::EntryLine>(&mut schemas);
    add::<resources::Voucher>(&mut schemas);
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("ankuan_…")
        .description(Some(both("api.about_key")))
        .build();
    let session = ApiKeyValue::with_description(SESSION_COOKIE.to_owned(), both("api.about_session"));
    let mut components = ComponentsBuilder::new();
    for status in EVERYWHERE.iter().chain(SOMEWHERE) {
        components = components.response(format!("Problem{status}"), problem_of(*status));
    }
    components
        .schemas_from_iter(schemas)
        .schema("CommandAnswer", anything(&both("api.about_answer")))
        .security_scheme("key", SecurityScheme::Http(key))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)))
        .build()
}

fn add<T: ToSchema + PartialSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// An object of any members.
fn anything(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn named(schema: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(schema))
}

fn of_endpoint(endpoint: &Endpoint) -> Operation {
    let mut operation = OperationBuilder::new()
        .tag(TAG_OF_ENDPOINTS)
        .operation_id(Some(endpoint.code.trim_start_matches("api.do_")))
        .summary(Some(Message::new(endpoint.code).text(Language::Zh)))
        .description(Some(both(endpoint.code)));
    for name in endpoint.path_parameters() {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text_schema().min_length(Some(1)).build()));
        operation = operation.parameter(parameter);
    }
    let ok = match endpoint.answers {
        Answers::Page(schema) => {
            for parameter in page_parameters() {
                operation = operation.parameter(parameter);
            }
            let next = text_schema().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
            let page = ObjectBuilder::new()
                .property("items", ArrayBuilder::new().items(named(schema)))
                .property("next", next)
                .required("items")
                .required("next");
            answered(both("api.about_page"))
                .content("application/json", ContentBuilder::new().schema(Some(page)).build())
        }
        Answers::One(schema) => json_of(named(schema), both("api.about_one")),
        Answers::File => answered(both("api.about_file"))
            .content("application/octet-stream", ContentBuilder::new().schema(Some(binary())).build()),
        Answers::Events => {
            answered(both("api.about_events")).content("text/event-stream", ContentBuilder::new().build())
        }
        Answers::Sheet => {
            let format = ParameterBuilder::new()
                .name("as")
                .parameter_in(ParameterIn::Query)
                .description(Some(both("api.about_as")))
                .schema(Some(text_schema().enum_values(Some(["json", "text"]))));
            operation = operation.parameter(format);
            json_of(RefOr::T(anything("").build().into()), both("api.about_sheet"))
                .content("text/plain", ContentBuilder::new().schema(Some(text_schema())).build())
        }
    };
    if endpoint.asks == Asks::Once {
        operation = operation.parameter(header_parameter("Idempotency-Key", "api.about_idempotency", true));
    }
    if endpoint.asks == Asks::Answer {
        let seen = header_parameter("If-Match", "api.about_if_match", false);
        let content = ContentBuilder::new().schema(Some(named("JobAnswer"))).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content);
        operation = operation.parameter(seen).request_body(Some(body.build())).security(in_person());
    }
    let ok = if endpoint.answers == Answers::One("Job") { ok.header("ETag", tag_header()) } else { ok };
    refused(operation.response("200", ok), endpoint.statuses).build()
}

/// What no key may do: by the session alone.
fn in_person() -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], &str>("session", [])
}

fn page_parameters() -> [Described; 2] {
    let whole = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(i32::try_from(cursor::LIMIT_MAX).unwrap_or(i32::MAX)))
        .default(Some(json!(cursor::LIMIT)));
    let query = |name: &str, code| {
        ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).description(Some(both(code)))
    };
    [
        query("limit", "api.about_limit").schema(Some(whole)).build(),
        query("after", "api.about_after").schema(Some(text_schema())).build(),
    ]
}

fn header_parameter(name: &str, code: &'static str, is_required: bool) -> ParameterBuilder {
    let longest = if name == "Idempotency-Key" { Some(KEY_CHARS_MAX) } else { None };
    // Visible ASCII: what a header can carry as it is.
    let schema = text_schema().min_length(Some(1)).max_length(longest).pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(both(code)))
        .schema(Some(schema))
}

fn read(entry: &Entry) -> Operation {
    let mut operation = about(entry, "get");
    for parameter in entry.parameters.iter().filter(|parameter| is_value(parameter)) {
        let described = ParameterBuilder::new()
            .name(&parameter.name)
            .parameter_in(ParameterIn::Query)
            .required(if parameter.is_required { Required::True } else { Required::False })
            .description(Some(help(parameter)))
            .schema(Some(schema_of(parameter)));
        operation = operation.parameter(described);
    }
    let ok = json_of(named("CommandAnswer"), both("api.about_ran"));
    refused(operation.response("200", ok), &[400, 404, 409, 422]).build()
}

fn write(entry: &Entry) -> Operation {
    let records = entry.kind != Kind::Read;
    let mut operation = about(entry, "post");
    if records {
        operation = operation.parameter(header_parameter("Idempotency-Key", "api.about_idempotency", true));
    }
    let has_file = entry.parameters.iter().any(|parameter| parameter.takes == Takes::File);
    let needs_file = entry.parameters.iter().any(|parameter| parameter.takes == Takes::File && parameter.is_required);
    // What needs nothing may come without a body.
    let needs_body = entry.is_signed() || entry.parameters.iter().any(|parameter| must_be_given(entry, parameter));
    let required = if needs_body { Required::True } else { Required::False };
    let mut body = RequestBodyBuilder::new().required(Some(required));
    if !needs_file {
        body = body.content("application/json", ContentBuilder::new().schema(Some(body_of(entry, false))).build());
    }
    if has_file {
        body = body.content("multipart/form-data", ContentBuilder::new().schema(Some(body_of(entry, true))).build());
    }
    operation = operation.request_body(Some(body.build()));
    if may::IN_PERSON.contains(&entry.words) {
        operation = operation.security(in_person());
    }
    let second = entry.second_person();
    if entry.kind == Kind::Long || second.is_some() {
        let place =
            HeaderBuilder::new().schema(Some(text_schema())).description(Some(both("api.about_location"))).build();
        let job = json_of(named("Job"), both("api.about_job")).header("Location", place).header("ETag", tag_header());
        operation = operation.response("202", job);
    }
    if entry.kind != Kind::Long && second.is_none_or(|second| !second.is_required) {
        operation = operation.response("200", json_of(named("CommandAnswer"), both("api.about_ran")));
    }
    refused(operation, &[400, 404, 409, 413, 415, 422]).build()
}

fn about(entry: &Entry, method: &str) -> OperationBuilder {
    let mut description = format!("{}\n\n{}", entry.about_zh, entry.about_en);
    if entry.second_person().is_some() {
        description = format!("{description}\n\n{}", both("api.about_second"));
    }
    if may::IN_PERSON.contains(&entry.words) {
        description = format!("{description}\n\n{}", both("api.about_in_person"));
    }
    OperationBuilder::new()
        .tag(entry.words.split(' ').next().unwrap_or_default())
        .operation_id(Some(format!("{method}_{}", entry.words.replace([' ', '-'], "_"))))
        .summary(Some(entry.about_zh.clone()))
        .description(Some(description))
}

/// Whether a parameter is given as a value: no file that is read or written.
#[must_use]
pub fn is_value(parameter: &Parameter) -> bool {
    !matches!(parameter.takes, Takes::File | Takes::Output)
}

fn help(parameter: &Parameter) -> String {
    format!("{}\n\n{}", parameter.help_zh, parameter.help_en)
}

/// Whether a request must name a parameter: a second person may agree without having been named.
#[must_use]
pub fn must_be_given(entry: &Entry, parameter: &Parameter) -> bool {
    let is_second = entry.second_person().is_some_and(|second| second.name == parameter.name);
    parameter.is_required && !is_second
}

fn body_of(entry: &Entry, with_files: bool) -> ObjectBuilder {
    let mut body = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    for parameter in &entry.parameters {
        let schema = match parameter.takes {
            Takes::Output => continue,
            Takes::File if !with_files => continue,
            _ => schema_of(parameter),
        };
        body = body.property(&parameter.name, schema);
        if must_be_given(entry, parameter) {
            body = body.required(&parameter.name);
        }
    }
    if entry.is_signed() {
        body = body
            .property(values::PASSWORD, text_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Password))))
            .required(values::PASSWORD);
    }
    body
}

fn text_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn binary() -> ObjectBuilder {
    text_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

fn schema_of(parameter: &Parameter) -> RefOr<Schema> {
    // No text of a person has a zero byte, and PostgreSQL takes none.
    let text = || text_schema().pattern(Some("^[^\\x00]*$"));
    let one = match &parameter.takes {
        Takes::Flag => ObjectBuilder::new().schema_type(Type::Boolean),
        Takes::Number => {
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        }
        // As amounts are written: 1234.56, without sign or exponent.
        Takes::Yuan => text_schema().pattern(Some("^[0-9]{1,12}(\\.[0-9]{1,2})?$")),
        Takes::Date => text_schema().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))),
        Takes::Choice(words) => text_schema().enum_values(Some(words.clone())),
        Takes::Name => text_schema().pattern(Some("^[A-Za-z0-9_-]+$")),
        Takes::File => binary(),
        Takes::Text | Takes::Output => text(),
    };
    let one =
        one.default(parameter.default.as_deref().filter(|_| !parameter.is_list).map(|text| typed(parameter, text)));
    if parameter.is_list {
        return ArrayBuilder::new().items(one).description(Some(help(parameter))).into();
    }
    one.description(Some(help(parameter))).into()
}

fn typed(parameter: &Parameter, text: &str) -> Value {
    match parameter.takes {
        Takes::Flag => json!(text == "true"),
        Takes::Number => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        _ => json!(text),
    }
}

fn answered(description: String) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

fn json_of(schema: RefOr<Schema>, description: String) -> ResponseBuilder {
    answered(description).content("application/json", ContentBuilder::new().schema(Some(schema)).build())
}

fn tag_header() -> utoipa::openapi::header::Header {
    HeaderBuilder::new().schema(Some(text_schema())).description(Some(both("api.about_etag"))).build()
}

/// With the problems that a request can have.
fn refused(mut operation: OperationBuilder, statuses: &[u16]) -> OperationBuilder {
    for status in EVERYWHERE.iter().chain(statuses) {
        let shared = Ref::from_response_name(format!("Problem{status}"));
        operation = operation.response(status.to_string(), RefOr::<Answered>::Ref(shared));
    }
    operation
}

fn problem_of(status: u16) -> Answered {
    if status == 304 {
        return answered(both("api.about_304")).build();
    }
    let code = axum::http::StatusCode::from_u16(status).map_or("api.title_refused", problem::title_of);
    answered(both(code))
        .content(problem::MEDIA_TYPE, ContentBuilder::new().schema(Some(named("Problem"))).build())
        .build()
}
