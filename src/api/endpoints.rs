//! The endpoints that are no commands, as data: the description and the reader are made from it.

use utoipa::openapi::HttpMethod;

/// What an endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A page of a schema.
    Page(&'static str),
    /// One of a schema.
    One(&'static str),
    /// The bytes of a file.
    File,
    /// Server-sent events.
    Events,
    /// JSON, or text where that is asked for.
    Sheet,
}

/// What an endpoint is asked for, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// GET.
    Shown,
    /// POST with the second person's answer and the tag of what they saw.
    Answer,
    /// POST without a body, with the key by which the same request is known again.
    Once,
}

/// An endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// What it is asked for.
    pub asks: Asks,
    /// Below the root.
    pub path: &'static str,
    /// The code of what it is for.
    pub code: &'static str,
    /// What it answers.
    pub answers: Answers,
    /// Statuses besides those of every request.
    pub statuses: &'static [u16],
}

impl Endpoint {
    /// As the description names it.
    #[must_use]
    pub const fn method(&self) -> HttpMethod {
        match self.asks {
            Asks::Shown => HttpMethod::Get,
            Asks::Answer | Asks::Once => HttpMethod::Post,
        }
    }

    /// The names in its path.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

const fn get(path: &'static str, code: &'static str, answers: Answers, statuses: &'static [u16]) -> Endpoint {
    Endpoint { asks: Asks::Shown, path, code, answers, statuses }
}

/// All of them.
pub const ENDPOINTS: &[Endpoint] = &[
    get("/jobs", "api.do_jobs", Answers::Page("Job"), &[400]),
    get("/jobs/{job}", "api.do_job", Answers::One("Job"), &[304, 400, 404]),
    Endpoint {
        asks: Asks::Answer,
        path: "/jobs/{job}/answer",
        code: "api.do_job_answer",
        answers: Answers::One("Job"),
        statuses: &[400, 404, 409, 412, 413, 415, 422, 428],
    },
    get("/jobs/{job}/events", "api.do_job_events", Answers::Events, &[400, 404]),
    get("/jobs/{job}/files/{file}", "api.do_job_file", Answers::File, &[400, 404]),
    get("/cases", "api.do_cases", Answers::Page("Case"), &[400]),
    get("/cases/{number}/claims", "api.do_claims", Answers::Page("Claim"), &[400, 404, 422]),
    get("/runs", "api.do_runs", Answers::Page("Run"), &[400]),
    get("/runs/{number}", "api.do_run", Answers::One("Run"), &[400, 404]),
    get("/runs/{number}/lines", "api.do_lines", Answers::Page("RunLine"), &[400, 404]),
    get("/runs/{number}/files", "api.do_files", Answers::One("RunFiles"), &[400, 404]),
    get("/runs/{number}/files/{name}", "api.do_file", Answers::File, &[400, 404, 409]),
    Endpoint {
        asks: Asks::Once,
        path: "/runs/{number}/files/{name}",
        code: "api.do_hand_over",
        answers: Answers::File,
        statuses: &[400, 404, 409],
    },
    get("/runs/{number}/transmittal", "api.do_transmittal", Answers::Sheet, &[400, 404, 409]),
    get("/statements/{statement}/lines", "api.do_bank_lines", Answers::Page("BankLine"), &[400, 404]),
    get("/books/{book}/entries", "api.do_entries", Answers::Page("EntryLine"), &[400, 404]),
    get("/books/{book}/vouchers", "api.do_vouchers", Answers::Page("Voucher"), &[400, 404]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::catalogue::{COMMANDS, Kind};

    #[test]
    fn no_command_is_hidden_behind_an_endpoint() {
        for endpoint in ENDPOINTS {
            let first = endpoint.path.split('/').nth(1).unwrap();
            let is_command = |words: &str| words.split(' ').next() == Some(first);
            assert!(!COMMANDS.iter().any(|(words, kind)| *kind != Kind::Local && is_command(words)), "{first}");
        }
    }
}
