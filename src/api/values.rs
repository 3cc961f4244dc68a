//! What a command is given, from JSON, a query or a form: each value as the kind that the catalogue says.

use axum::http::Uri;
use serde_json::{Map, Value};

use crate::Message;
use crate::cli::catalogue::{Entry, Parameter, Takes};

/// The member and field in which whoever signs gives their password again.
pub const PASSWORD: &str = "password";

/// Name and value.
pub type Values = Vec<(String, String)>;

/// From the members of a JSON object. Nothing is bent: a number is no text, a text no number.
///
/// # Errors
/// `api.value`, `service.file_is_uploaded`, `command.unknown_parameter`.
pub fn of_json(entry: &Entry, members: Map<String, Value>) -> Result<(Values, Option<String>), Message> {
    let (mut values, mut password) = (Values::new(), None);
    for (name, value) in members {
        if name == PASSWORD && entry.is_signed() {
            let Value::String(given) = value else { return Err(wrong(&name, "string")) };
            password = Some(given);
            continue;
        }
        let parameter = known(entry, &name)?;
        match value {
            Value::Array(items) if parameter.is_list => {
                for item in items {
                    values.push((name.clone(), text(parameter, item)?));
                }
            }
            _ if parameter.is_list => return Err(wrong(&name, "array")),
            value => values.push((name, text(parameter, value)?)),
        }
    }
    Ok((values, password))
}

/// From the fields of a query or form: a list is a field that comes several times.
///
/// # Errors
/// As [`of_json`].
pub fn of_fields(entry: &Entry, fields: Values) -> Result<(Values, Option<String>), Message> {
    let (mut values, mut password) = (Values::new(), None);
    for (name, value) in fields {
        if name == PASSWORD && entry.is_signed() {
            password = Some(value);
            continue;
        }
        let parameter = known(entry, &name)?;
        if parameter.takes == Takes::Flag && value != "true" && value != "false" {
            return Err(wrong(&name, "boolean"));
        }
        if !parameter.is_list && values.iter().any(|(given, _)| *given == name) {
            return Err(wrong(&name, kind(parameter)));
        }
        values.push((name, value));
    }
    Ok((values, password))
}

/// The fields of a query.
///
/// # Errors
/// `api.query`.
pub fn of_query(uri: &Uri) -> Result<Values, Message> {
    axum::extract::Query::<Values>::try_from_uri(uri)
        .map(|query| query.0)
        .map_err(|error| Message::new("api.query").with("detail", error))
}

fn known<'e>(entry: &'e Entry, name: &str) -> Result<&'e Parameter, Message> {
    let parameter = entry
        .parameter(name)
        .ok_or_else(|| Message::new("command.unknown_parameter").with("name", name).with("command", entry.words))?;
    match parameter.takes {
        Takes::File => Err(Message::new("service.file_is_uploaded").with("name", name)),
        Takes::Output => Err(Message::new("command.unknown_parameter").with("name", name).with("command", entry.words)),
        _ => Ok(parameter),
    }
}

fn text(parameter: &Parameter, value: Value) -> Result<String, Message> {
    match (&parameter.takes, value) {
        (Takes::Flag, Value::Bool(said)) => Ok(said.to_string()),
        (Takes::Number, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        (Takes::Text | Takes::Name | Takes::Yuan | Takes::Date | Takes::Choice(_), Value::String(text)) => Ok(text),
        _ => Err(wrong(&parameter.name, kind(parameter))),
    }
}

/// The JSON type of a parameter's value.
#[must_use]
pub const fn kind(parameter: &Parameter) -> &'static str {
    match parameter.takes {
        Takes::Flag => "boolean",
        Takes::Number => "integer",
        _ => "string",
    }
}

fn wrong(name: &str, kind: &str) -> Message {
    Message::new("api.value").with("name", name).with("kind", kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::catalogue::entries;

    fn of(words: &str) -> Entry {
        entries().into_iter().find(|entry| entry.words == words).unwrap()
    }

    fn read(words: &str, value: Value) -> Result<Values, &'static str> {
        let Value::Object(members) = value else { panic!("an object") };
        of_json(&of(words), members).map(|(values, _)| values).map_err(|message| message.code)
    }

    #[test]
    fn values_are_what_the_catalogue_says() {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut lists = read("payout draft", json!({"title": "甲", "sheets": [1, 2]})).unwrap();
        // The members of an object have no order; those of a list do.
        lists.sort_by_key(|(name, _)| name.clone());
        assert_eq!(lists, [own("sheets", "1"), own("sheets", "2"), own("title", "甲")]);
        for (words, wrong) in [
            ("payout draft", json!({"sheets": 1})),
            ("payout draft", json!({"sheets": ["1"]})),
            ("payout draft", json!({"sheets": [1.5]})),
            ("payout draft", json!({"title": 1})),
            ("payout draft", json!({"title": ["a"]})),
            ("payout draft", json!({"title": {}})),
            ("payout draft", json!({"title": null})),
        ] {
            assert_eq!(read(words, wrong.clone()).unwrap_err(), "api.value", "{wrong}");
        }
        assert_eq!(read("claims import", json!({"file": "/etc/passwd"})).unwrap_err(), "service.file_is_uploaded");
        assert_eq!(read("claims import", json!({"problems": "x"})).unwrap_err(), "command.unknown_parameter");
        assert_eq!(read("payout draft", json!({"password": "x"})).unwrap_err(), "command.unknown_parameter");
    }

    #[test]
    fn no_command_has_a_parameter_of_that_name() {
        assert!(entries().iter().all(|entry| entry.parameter(PASSWORD).is_none()));
    }
}
