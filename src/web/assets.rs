//! Assets: what is known of debtors' property, the line of orders on each, and the salary that stays in use, by month.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::export::{self, FileKind};
use super::parts::{self, Cell, Grid, escape};
use super::{App, Sorry, Viewer, blocking, page};
use crate::assets::AssetKind;
use crate::assets::measures::load_many;
use crate::assets::register::{self, Asset};
use crate::cli::asset::{next_end, sums};
use crate::cli::catalogue::{Entry, Kind};
use crate::cli::output::Said;
use crate::service::{Answered, Asked as AskedOf};
use crate::{Message, books};

/// Assets of a page.
const ROWS_A_PAGE: usize = 50;

/// What the list is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    after: i64,
    #[serde(default, rename = "_as")]
    file: String,
}

impl Asked {
    fn includes(&self, asset: &Asset) -> bool {
        let text = self.q.trim();
        let is_named = text.is_empty()
            || asset.institution.contains(text)
            || asset.holder_name.contains(text)
            || asset.asset_id.to_string() == text;
        is_named && (self.kind.is_empty() || asset.kind.as_str() == self.kind)
    }
}

/// The assets, with what is frozen of each.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Sorry> {
    let book = books::case_money(viewer.session.actor.court_id);
    let file = FileKind::parse(&asked.file);
    let limit = if file.is_some() { usize::MAX } else { ROWS_A_PAGE };
    let query = (asked.q.clone(), asked.kind.clone());
    let after = asked.after;
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let all = register::assets(tx, book)?;
            let fits = all.into_iter().filter(|asset| asset.asset_id > after && asked.includes(asset));
            let shown: Vec<Asset> = fits.take(limit).collect();
            let ids: Vec<i64> = shown.iter().map(|asset| asset.asset_id).collect();
            let standings = load_many(tx, book, &ids)?;
            // Both in the order of the ids.
            Ok(shown.into_iter().zip(standings.into_iter().map(|(_, standing)| standing)).collect::<Vec<_>>())
        })
    });
    let found = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("column.id", true),
        ("assets.column_kind", false),
        ("assets.column_institution", false),
        ("assets.column_holder", false),
        ("web_books.orders", true),
        ("assets.column_frozen", true),
        ("assets.column_elsewhere", true),
        ("assets.column_deducted", true),
        ("assets.column_next_end", false),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for (asset, standing) in &found {
        let ((frozen, deducted), (elsewhere, _)) = (sums(standing, true), sums(standing, false));
        grid.push(vec![
            Cell::link(asset.asset_id, format!("/assets/{}", asset.asset_id)),
            asset.kind.message().text(viewer.language).into(),
            (&asset.institution).into(),
            (&asset.holder_name).into(),
            standing.records.len().into(),
            frozen.into(),
            elsewhere.into(),
            deducted.into(),
            next_end(standing).map_or_else(|| "—".to_owned(), |day| day.to_string()).into(),
        ]);
    }
    if let Some(kind) = file {
        return export::answer(&viewer, "assets", kind, &grid.said());
    }
    let (q, kind) = query;
    let title = viewer.t("web.nav_assets");
    let body = html! {
        h1 { (title) }
        nav.tabs {
            a href="/do/asset/add" { (viewer.t("web_books.add_asset")) }
            a href="/see/instructions/expected" { (viewer.t("web_books.instructions")) }
            a href="/see/deduction/list" { (viewer.t("web_books.deductions")) }
        }
        form.bar method="get" action="/assets" {
            label for="q" { (viewer.t("web_books.search_assets")) } input #q name="q" value=(q);
            label for="kind" { (viewer.t("assets.column_kind")) }
            select #kind name="kind" {
                option value="" {}
                @for one in AssetKind::ALL {
                    option value=(one.as_str()) selected[one.as_str() == kind] { (one.message().text(viewer.language)) }
                }
            }
            button { (viewer.t("web.show")) }
        }
        @if found.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
        @if let (true, Some((last, _))) = (found.len() == ROWS_A_PAGE, found.last()) {
            p.pager { a href=(format!("/assets?q={}&kind={}&after={}", escape(&q), escape(&kind), last.asset_id)) { (viewer.t("web_books.next")) } }
        }
        (export::links(&viewer))
    };
    Ok(page(&viewer, &title, &body).into_response())
}

/// One asset: its line of orders, what happened, and of a salary what each month left free and held.
///
/// # Errors
/// `assets.unknown`.
pub async fn show(State(service): App, viewer: Viewer, Path(asset_id): Path<i64>) -> Result<Markup, Sorry> {
    let (person, language) = (viewer.session.actor.clone(), viewer.language);
    let book = books::case_money(person.court_id);
    let found = blocking(&service, move |service| {
        let asset = service.read(|tx| register::find_asset(tx, book, asset_id))?;
        let ask = |words: &'static str| {
            let asked = AskedOf {
                words,
                values: vec![("asset".to_owned(), asset_id.to_string())],
                files: Vec::new(),
                password: None,
                language,
                request: None,
                return_to: String::new(),
            };
            match service.ask(&person, &asked)? {
                Answered::Ran(ran) => ran.outcome.map(|_| ran.said),
                Answered::Job(..) => Ok(Said::default()),
            }
        };
        let shown = ask("asset show")?;
        let salary = if asset.kind == AssetKind::Salary { Some(ask("salary show")?) } else { None };
        Ok((asset, shown, salary))
    });
    let (asset, shown, salary) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let title = format!("{} {asset_id} · {}", asset.kind.message().text(language), asset.holder_name);
    let body = html! {
        h1 { (title) }
        nav.tabs { a href="/assets" { (viewer.t("web.nav_assets")) } }
        (parts::said(&shown))
        @if let Some(salary) = &salary {
            h2 { (viewer.t("web_books.salary_by_month")) }
            (months_picture(&viewer, salary))
            (parts::said(salary))
        }
        nav.related aria-label=(viewer.t("web.related")) {
            h2 { (viewer.t("web_books.actions")) }
            ul { @for (entry, place) in actions(&service.entries, &viewer, &asset) {
                li { a href=(place) { (entry.title(language)) } }
            } }
        }
    };
    Ok(page(&viewer, &title, &body))
}

/// What can be done with an asset: the commands that take one.
fn actions<'e>(entries: &'e [Entry], viewer: &Viewer, asset: &Asset) -> Vec<(&'e Entry, String)> {
    let is_for_kind = |entry: &Entry| match entry.words {
        "surrender" => asset.kind == AssetKind::Policy,
        words if words.starts_with("salary") => asset.kind == AssetKind::Salary,
        _ => true,
    };
    let place = |entry: &Entry| {
        let words = entry.words.replace(' ', "/");
        format!("/do/{words}?asset={}&_next={}", asset.asset_id, escape(&viewer.path))
    };
    entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::Write | Kind::Long) && entry.parameter("asset").is_some())
        .filter(|entry| is_for_kind(entry))
        .map(|entry| (entry, place(entry)))
        .collect()
}

/// What a month of a salary account comes to.
struct Month {
    name: String,
    free: i64,
    held: i64,
    swept: i64,
}

fn months(salary: &Said) -> Vec<Month> {
    let sum = |list: &Value| {
        let amounts = list.as_array().into_iter().flatten();
        amounts.filter_map(|one| one["amount_minor"].as_i64()).fold(0_i64, i64::saturating_add)
    };
    let list = salary.object.as_ref().and_then(|object| object["months"].as_array()).cloned().unwrap_or_default();
    list.iter()
        .map(|month| Month {
            name: month["month"].as_str().unwrap_or_default().to_owned(),
            free: month["free_minor"].as_i64().unwrap_or(0),
            held: sum(&month["held"]),
            swept: sum(&month["swept"]),
        })
        .collect()
}

/// The months as bars: what was taken, what is held, what is free at the end of each.
fn months_picture(viewer: &Viewer, salary: &Said) -> Markup {
    const HEIGHT: i64 = 160;
    const STEP: i64 = 56;
    const SHOWN: usize = 18;
    let all = months(salary);
    let shown = &all[all.len().saturating_sub(SHOWN)..];
    let total = |month: &Month| month.free.max(0).saturating_add(month.held.max(0)).saturating_add(month.swept.max(0));
    let most = shown.iter().map(total).max().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    // Fen of a month fit in 128 bits times any height; what is drawn is cut to whole points.
    let high =
        |minor: i64| i64::try_from(i128::from(minor.max(0)) * i128::from(HEIGHT) / i128::from(most)).unwrap_or(0);
    let width = STEP * shown.len() as i64 + 16;
    let parts = [("swept", "web_books.swept"), ("held", "web_books.held"), ("free", "web_books.free")];
    html! {
        figure.bars {
            div.scroll {
                svg viewBox=(format!("0 0 {width} {}", HEIGHT + 40)) width=(width) height=(HEIGHT + 40) role="img"
                    aria-label=(viewer.t("web_books.salary_by_month")) {
                    @for (place, month) in shown.iter().enumerate() {
                        @let x = 12 + STEP * place as i64;
                        @let (swept, held, free) = (high(month.swept), high(month.held), high(month.free));
                        g {
                            title { (month_text(viewer, month)) }
                            rect.swept x=(x) y=(10 + HEIGHT - swept) width="32" height=(swept) {}
                            rect.held x=(x) y=(10 + HEIGHT - swept - held) width="32" height=(held) {}
                            rect.free x=(x) y=(10 + HEIGHT - swept - held - free) width="32" height=(free) {}
                            text x=(x + 16) y=(HEIGHT + 28) text-anchor="middle" font-size="11" { (month.name) }
                        }
                    }
                    line x1="4" y1=(10 + HEIGHT) x2=(width - 4) y2=(10 + HEIGHT) {}
                }
            }
            figcaption { @for (class, code) in parts { span.key { svg width="12" height="12" aria-hidden="true" { rect class=(class) width="12" height="12" {} } " " (viewer.t(code)) } } }
        }
    }
}

fn month_text(viewer: &Viewer, month: &Month) -> String {
    let amount = ankuan_ledger::Amount::from_minor;
    Message::new("web_books.month_text")
        .with("month", &month.name)
        .with("swept", amount(month.swept))
        .with("held", amount(month.held))
        .with("free", amount(month.free))
        .text(viewer.language)
}
