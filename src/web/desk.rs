//! The desk: what waits for me.

use axum::extract::State;
use maud::{Markup, html};

use super::{App, Sorry, Viewer, blocking, job, page};
use crate::access::{self, Actor};
use crate::service::jobs::{self, Job};

/// Shows the desk.
///
/// # Errors
/// What the database says.
pub async fn desk(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let me = viewer.session.actor.clone();
    let proposed = blocking(&service, move |service| {
        service.read(|tx| {
            let mut all = jobs::proposed(tx, me.court_id, me.person_id)?;
            all.retain(|job| service.named_second(job).is_none_or(|named| named == me.name));
            all.into_iter().map(|job| Ok((access::person_by_id(tx, me.court_id, job.person_id)?, job))).collect()
        })
    })
    .await
    .map_err(|failure| viewer.sorry(failure))?;
    let proposed: Vec<(Actor, Job)> = proposed;
    let title = viewer.t("web.nav_desk");
    let body = html! {
        h1 { (title) }
        section.card {
            h2 { (viewer.t("web.waits_for_my_word")) }
            @if proposed.is_empty() { p { (viewer.t("web.none")) } } @else { (job::table(&service, &viewer, &proposed)) }
        }
    };
    Ok(page(&viewer, &title, &body))
}
