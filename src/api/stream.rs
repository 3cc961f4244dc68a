//! Files as they are read: a part at a time, whatever their size.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio_stream::wrappers::ReceiverStream;

use crate::service::Service;
use crate::web::parts;
use crate::{Outcome, web};

/// How long whoever fetches a file may take none of it: a connection to the database waits with them.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Gives each part of a file to whoever takes it.
type Take<'t> = &'t mut dyn FnMut(&[u8]) -> Outcome<()>;

/// Answers with a file that `read` reads. The last part is held back until the reading ended well, so a file that turns out
/// to be another one never arrives whole.
pub fn streamed(
    service: Arc<Service>,
    name: &str,
    media_type: &str,
    byte_count: Option<i64>,
    read: impl FnOnce(&Service, Take<'_>) -> Outcome<()> + Send + 'static,
) -> Response {
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(1);
    let runtime = tokio::runtime::Handle::current();
    tokio::spawn(async move {
        let work = move |service: &Arc<Service>| {
            let send = |part: std::io::Result<Bytes>| {
                let sent = runtime.block_on(async { tokio::time::timeout(STALLED_AFTER, sender.send(part)).await });
                matches!(sent, Ok(Ok(())))
            };
            let mut last: Option<Bytes> = None;
            let mut has_left = false;
            let outcome = read(service, &mut |part| {
                if let Some(part) = last.replace(Bytes::copy_from_slice(part))
                    && !send(Ok(part))
                {
                    has_left = true;
                    return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into());
                }
                Ok(())
            });
            match outcome {
                Ok(()) => {
                    let _taken = last.is_none_or(|part| send(Ok(part)));
                }
                Err(_) if has_left => {}
                Err(failure) => {
                    tracing::error!(failure = failure.for_log(), "a file could not be read");
                    let _taken = send(Err(std::io::Error::other("the file could not be read")));
                }
            }
            Ok(())
        };
        let _told = web::blocking(&service, work).await;
    });
    of_file(Body::from_stream(ReceiverStream::new(receiver)), name, media_type, byte_count)
}

/// An answer with the headers of a file.
#[must_use]
pub fn of_file(body: Body, name: &str, media_type: &str, byte_count: Option<i64>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let disposition = format!("attachment; filename*=UTF-8''{}", parts::escape(name).replace('/', "%2F"));
    for (header, value) in [
        (header::CONTENT_TYPE, Some(media_type.to_owned())),
        (header::CONTENT_DISPOSITION, Some(disposition)),
        (header::CONTENT_LENGTH, byte_count.map(|count| count.to_string())),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(header, value);
        }
    }
    response
}
