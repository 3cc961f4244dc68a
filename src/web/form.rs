//! Small forms: some fields, read into memory. One that is too large or cannot be read is told on a page.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::{Sorry, language_of};
use crate::Message;
use crate::service::server::BODY_BYTES_MAX;

/// What a form says. Taken last by a handler, so that whoever must be known is known before it is read.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Sorry;

    async fn from_request(request: Request, state: &S) -> Result<Self, Sorry> {
        let language = language_of(request.headers());
        let rejection = match axum::Form::<T>::from_request(request, state).await {
            Ok(axum::Form(given)) => return Ok(Self(given)),
            Err(rejection) => rejection,
        };
        Err(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let message = Message::new("web.too_large").with("max", BODY_BYTES_MAX);
                Sorry(message, StatusCode::PAYLOAD_TOO_LARGE, language)
            }
            _ => Sorry(Message::new("web.form_unreadable"), StatusCode::BAD_REQUEST, language),
        })
    }
}
