//! People: who holds which role since when, who stands in for whom, credentials, keys of programs; and the forms that change
//! it, for administrators.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::civil::Date;
use maud::{Markup, html};

use super::{App, Sorry, Viewer, blocking, page, parts};
use crate::access::api_keys::{self, ApiKey, Scope};
use crate::access::credentials::{self, CredentialState};
use crate::access::{self, Actor, Role, Roles};
use crate::clock::{Randomness, shown_in_shanghai};

struct People {
    people: Vec<Actor>,
    roles: Roles,
    states: BTreeMap<i64, CredentialState>,
    keys: Vec<ApiKey>,
    today: Date,
}

/// Shows all people of the court.
///
/// # Errors
/// What the database says.
pub async fn show(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let read = blocking(&service, move |service| {
        let now = service.clock.now();
        service.read(|tx| {
            let mut keys = api_keys::all(tx, court_id)?;
            keys.retain(|key| key.is_live(now));
            Ok(People {
                people: access::people(tx, court_id)?,
                roles: access::load_roles(tx, court_id)?,
                states: credentials::states(tx, court_id, now)?,
                keys,
                today: service.clock.today_in_shanghai(),
            })
        })
    });
    let people = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("web.nav_people");
    let is_admin = viewer.may("person add");
    let body = html! {
        h1 { (title) }
        @if !is_admin { p.hint { (viewer.t("people.for_admins")) } }
        div.desk[!is_admin] { @for person in &people.people { (one(&viewer, &people, person, is_admin)) } }
        @if is_admin {
            section.card {
                h2 { (viewer.t("people.add")) }
                (form(&viewer, "person add", &[], &text(&viewer, "new", "name", "column.name", true)))
            }
            section.card {
                h2 { (viewer.t("people.delegate")) }
                p.hint { (viewer.t("people.delegate_hint")) }
                (form(&viewer, "person delegate", &[], &html! {
                    (person_choice(&viewer, &people, "from_person", "people.from_person"))
                    (person_choice(&viewer, &people, "to_person", "people.to_person"))
                    (role_choice(&viewer, "delegate", Role::ALL))
                    (date(&viewer, "delegate", "from", "people.from", true))
                    (date(&viewer, "delegate", "until", "people.until", true))
                    (text(&viewer, "delegate", "document", "people.document", true))
                }))
            }
        }
    };
    Ok(page(&viewer, &title, &body))
}

fn one(viewer: &Viewer, people: &People, person: &Actor, is_admin: bool) -> Markup {
    let id = person.person_id;
    let state = people.states.get(&id).cloned().unwrap_or_default();
    let held: Vec<(Role, Date)> =
        Role::ALL.iter().filter_map(|role| Some((*role, people.roles.since(id, *role, people.today)?))).collect();
    let name_of = |id: i64| people.people.iter().find(|other| other.person_id == id).map_or("?", |other| &other.name);
    let name = [("name", person.name.as_str())];
    html! {
        section.card id=(format!("person-{id}")) {
            h2 { (person.name) }
            dl.pairs {
                div { dt { (viewer.t("column.roles")) } dd {
                    @if held.is_empty() { (viewer.t("people.no_role")) }
                    ul.plain-list { @for (role, since) in &held { li {
                        (role.message().text(viewer.language)) " · " (viewer.t("people.since")) " " (parts::whole(since))
                    } } }
                } }
                @for lent in people.roles.delegations().iter().filter(|lent| lent.until_date >= people.today) {
                    @if lent.to_person_id == id {
                        div { dt { (viewer.t("people.stands_in")) } dd {
                            (name_of(lent.from_person_id)) " " (lent.role.message().text(viewer.language))
                            (viewer.language.in_brackets(&viewer.t("web.on_behalf"))) " " (lent.from_date) " – " (lent.until_date)
                            " · " (lent.document)
                        } }
                    }
                }
                div { dt { (viewer.t("people.credential")) } dd { (credential(viewer, &state)) } }
                @for key in people.keys.iter().filter(|key| key.actor.person_id == id) {
                    div { dt { (viewer.t("people.api_key")) } dd {
                        (key.name) " · " (key.scopes.iter().map(|scope| viewer.t(scope_code(*scope))).collect::<Vec<_>>().join(" / "))
                        " · " (viewer.t("account.until")) " " (shown_in_shanghai(key.expires_at))
                        @if key.waits() { " · " strong { (viewer.t("command.key_waits")) } }
                        @if is_admin {
                            (form_with(viewer, "api-key revoke", &[("key", &key.key_id.to_string())], &html! {},
                                "people.revoke_key"))
                        }
                    } }
                }
            }
            @if is_admin {
                details { summary { (viewer.t("people.change")) }
                    h3 { (viewer.t("people.grant")) }
                    (form(viewer, "person grant", &name, &html! {
                        (role_choice(viewer, &format!("grant-{id}"), Role::ALL))
                        (date(viewer, &format!("grant-{id}"), "from", "people.from", false))
                        (text(viewer, &format!("grant-{id}"), "document", "people.document", false))
                    }))
                    @if !held.is_empty() {
                        h3 { (viewer.t("people.revoke")) }
                        @let held: Vec<Role> = held.iter().map(|(role, _)| *role).collect();
                        (form(viewer, "person revoke", &name, &html! {
                            (role_choice(viewer, &format!("revoke-{id}"), &held))
                            (date(viewer, &format!("revoke-{id}"), "from", "people.ends_on", false))
                            (text(viewer, &format!("revoke-{id}"), "document", "people.document", false))
                        }))
                    }
                    @if state.is_enrolled {
                        h3 { (viewer.t("people.reset")) }
                        p.hint { (viewer.t("people.reset_hint")) }
                        (form(viewer, "person reset", &name,
                            &text(viewer, &format!("reset-{id}"), "reason", "people.reason", true)))
                        @if state.locked_until.is_some() { (form_with(viewer, "person lock-reset", &name, &html! {}, "people.unlock")) }
                        h3 { (viewer.t("people.new_key")) }
                        (form(viewer, "api-key add", &[("person", person.name.as_str())], &html! {
                            (text(viewer, &format!("key-{id}"), "name", "people.key_name", true))
                            (choice(viewer, &format!("key-{id}"), "scopes", "column.scopes",
                                &Scope::ALL.iter().map(|scope| (scope.as_str(), viewer.t(scope_code(*scope)))).collect::<Vec<_>>()))
                            (text(viewer, &format!("key-{id}"), "days", "people.days", false))
                        }))
                    } @else {
                        (form_with(viewer, "person invite", &name, &html! {}, "people.invite"))
                    }
                }
            }
        }
    }
}

const fn scope_code(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "people.scope_read",
        Scope::Write => "people.scope_write",
        Scope::Bank => "people.scope_bank",
    }
}

fn credential(viewer: &Viewer, state: &CredentialState) -> Markup {
    html! {
        @match (state.is_enrolled, state.invited_until) {
            (true, _) => (viewer.t("people.enrolled")),
            (false, Some(until)) => { (viewer.t("people.invited")) " " (shown_in_shanghai(until)) }
            (false, None) => (viewer.t("people.not_enrolled")),
        }
        @if let Some(until) = state.locked_until { " · " strong { (viewer.t("people.locked")) " " (shown_in_shanghai(until)) } }
    }
}

/// A form that gives a command and comes back to this page.
fn form(viewer: &Viewer, words: &str, known: &[(&str, &str)], fields: &Markup) -> Markup {
    form_with(viewer, words, known, fields, "web.submit")
}

/// As [`form`], with what its button says.
pub fn form_with(
    viewer: &Viewer,
    words: &str,
    known: &[(&str, &str)],
    fields: &Markup,
    button: &'static str,
) -> Markup {
    let request = Randomness::system().bytes::<16>().map(|bytes| ankuan_ledger::chain::hex(&bytes)).unwrap_or_default();
    html! {
        form.inline method="post" action=(format!("/do/{}", words.replace(' ', "/"))) enctype="multipart/form-data" {
            input type="hidden" name="_token" value=(viewer.form_token);
            input type="hidden" name="_request" value=(request);
            input type="hidden" name="_next" value=(viewer.path);
            @for (name, value) in known { input type="hidden" name=(name) value=(value); }
            (fields)
            button { (viewer.t(button)) }
        }
    }
}

fn labelled(viewer: &Viewer, id: &str, code: &'static str, control: &Markup) -> Markup {
    html! { div.field { label for=(id) { (viewer.t(code)) } (control) } }
}

/// A field of text.
pub fn text(viewer: &Viewer, place: &str, name: &str, code: &'static str, is_required: bool) -> Markup {
    let id = format!("{place}-{name}");
    labelled(viewer, &id, code, &html! { input id=(id) type="text" name=(name) required[is_required]; })
}

/// A field of a day.
pub fn date(viewer: &Viewer, place: &str, name: &str, code: &'static str, is_required: bool) -> Markup {
    let id = format!("{place}-{name}");
    labelled(viewer, &id, code, &html! { input id=(id) type="date" name=(name) required[is_required]; })
}

fn choice(viewer: &Viewer, place: &str, name: &str, code: &'static str, words: &[(&str, String)]) -> Markup {
    let id = format!("{place}-{name}");
    labelled(
        viewer,
        &id,
        code,
        &html! {
            select id=(id) name=(name) { @for (word, said) in words { option value=(word) { (said) } } }
        },
    )
}

fn role_choice(viewer: &Viewer, place: &str, roles: &[Role]) -> Markup {
    let words: Vec<(&str, String)> =
        roles.iter().map(|role| (role.as_str(), role.message().text(viewer.language))).collect();
    choice(viewer, place, "role", "people.role", &words)
}

fn person_choice(viewer: &Viewer, people: &People, name: &str, code: &'static str) -> Markup {
    let words: Vec<(&str, String)> =
        people.people.iter().map(|person| (person.name.as_str(), person.name.clone())).collect();
    choice(viewer, "delegate", name, code, &words)
}
