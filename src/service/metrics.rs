//! Figures of a running service, as Prometheus reads them. All of them are whole numbers; times are microseconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::{Service, jobs};
use crate::Outcome;
use crate::cli::output::resident_bytes;

/// Upper ends of the buckets, in microseconds: what nobody notices, what one does, and what is too long.
const BUCKETS: [u64; 8] = [1_000, 5_000, 25_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];

/// What is counted while the process lives.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// By method, pattern of the route, status.
    requests: BTreeMap<(String, String, u16), u64>,
    /// By pattern of the route.
    durations: BTreeMap<String, Durations>,
    sign_in_failures: u64,
    /// By how they ended.
    jobs_ended: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Durations {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum_micros: u64,
}

impl Metrics {
    /// A request was answered. `route` is the pattern, never the path: a path may name a case.
    pub fn answered(&self, method: &str, route: &str, status: u16, micros: u64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.requests.entry((method.to_owned(), route.to_owned(), status)).or_default() += 1;
        let durations = counted.durations.entry(route.to_owned()).or_default();
        durations.count += 1;
        durations.sum_micros = durations.sum_micros.saturating_add(micros);
        for (bucket, most) in durations.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(micros <= most);
        }
        if status == 401 && route == "/sign-in" {
            counted.sign_in_failures += 1;
        }
    }

    /// A job ended.
    pub fn job_ended(&self, state: jobs::State) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.jobs_ended.entry(state.as_str()).or_default() += 1;
    }
}

/// Everything as text, with what has to be asked of the database.
///
/// # Errors
/// What the database says.
pub fn text(service: &Service) -> Outcome<String> {
    let waiting = service.read(jobs::counts)?;
    let counted = service.metrics.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = String::new();
    let head = |out: &mut String, name: &str, kind: &str, help: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    };
    head(&mut out, "ankuan_requests_total", "counter", "Requests answered.");
    for ((method, route, status), count) in &counted.requests {
        let _ =
            writeln!(out, "ankuan_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}");
    }
    head(&mut out, "ankuan_request_microseconds", "histogram", "How long requests took.");
    for (route, durations) in &counted.durations {
        for (most, count) in BUCKETS.iter().zip(durations.buckets) {
            let _ = writeln!(out, "ankuan_request_microseconds_bucket{{route=\"{route}\",le=\"{most}\"}} {count}");
        }
        let Durations { count, sum_micros, .. } = durations;
        let _ = writeln!(
            out,
            "ankuan_request_microseconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}\n\
             ankuan_request_microseconds_sum{{route=\"{route}\"}} {sum_micros}\n\
             ankuan_request_microseconds_count{{route=\"{route}\"}} {count}"
        );
    }
    head(&mut out, "ankuan_sign_in_failures_total", "counter", "Sign-ins refused.");
    let _ = writeln!(out, "ankuan_sign_in_failures_total {}", counted.sign_in_failures);
    head(&mut out, "ankuan_jobs_ended_total", "counter", "Jobs that this process ended.");
    for (state, count) in &counted.jobs_ended {
        let _ = writeln!(out, "ankuan_jobs_ended_total{{state=\"{state}\"}} {count}");
    }
    head(&mut out, "ankuan_jobs", "gauge", "Jobs of the database that have not ended.");
    for (state, count) in &waiting {
        let _ = writeln!(out, "ankuan_jobs{{state=\"{}\"}} {count}", state.as_str());
    }
    let (leased, open) = service.pool.in_use();
    for (name, value, help) in [
        ("ankuan_connections_in_use", leased as u64, "Connections to the database that are in use."),
        ("ankuan_connections_open", open as u64, "Connections to the database that are open."),
        ("ankuan_workers", service.workers() as u64, "Threads that run jobs."),
        ("ankuan_resident_bytes", resident_bytes().unwrap_or(0), "Memory that the process holds."),
    ] {
        head(&mut out, name, "gauge", help);
        let _ = writeln!(out, "{name} {value}");
    }
    Ok(out)
}
