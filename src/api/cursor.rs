//! Pages by cursor: what is asked for continues behind the key of the last row, so that a page costs the same wherever it
//! lies and no row is shown twice or left out while others are added.

use axum::http::Uri;
use serde::Serialize;

use super::values;
use crate::Message;

/// Rows of a page where nothing is said.
pub const LIMIT: i64 = 100;
/// The most rows of a page.
pub const LIMIT_MAX: i64 = 1_000;

/// A page.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where it goes on: the `after` of the next page; none where it ends.
    pub next: Option<String>,
}

/// Which page is asked for; its key has `N` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk<const N: usize> {
    /// At most so many rows.
    pub limit: i64,
    /// Behind this key.
    pub after: Option<[i64; N]>,
}

impl<const N: usize> Walk<N> {
    /// Reads `limit` and `after`.
    ///
    /// # Errors
    /// `api.limit`, `api.cursor`, `api.query`.
    pub fn of_query(uri: &Uri) -> Result<Self, Message> {
        let mut walk = Self { limit: LIMIT, after: None };
        for (name, value) in values::of_query(uri)? {
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    walk.limit = limit.ok_or_else(|| Message::new("api.limit").with("max", LIMIT_MAX))?;
                }
                "after" => walk.after = Some(read(&value).ok_or_else(|| Message::new("api.cursor"))?),
                _ => return Err(Message::new("api.query").with("detail", name)),
            }
        }
        Ok(walk)
    }

    /// Rows to ask the database for: one more tells whether there is a next page.
    #[must_use]
    pub const fn one_more(self) -> i64 {
        self.limit + 1
    }

    /// A page of the rows that were found, one more than fit where there are.
    #[must_use]
    pub fn page<T>(self, mut found: Vec<T>, key: impl Fn(&T) -> [i64; N]) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| text(key(last)));
        Page { items: found, next }
    }
}

/// A key as a cursor. What it is made of is no promise.
fn text<const N: usize>(key: [i64; N]) -> String {
    let numbers: Vec<String> = key.iter().map(|number| format!("{number:x}")).collect();
    format!("c{}", numbers.join("."))
}

fn read<const N: usize>(text: &str) -> Option<[i64; N]> {
    let numbers: Option<Vec<i64>> =
        text.strip_prefix('c')?.split('.').map(|number| i64::from_str_radix(number, 16).ok()).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_visits_each_row_once() {
        let rows: Vec<i64> = (1..=23).map(|number| number * 7).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let walk = Walk { limit: 5, after };
            let behind = after.map_or(0, |[key]: [i64; 1]| key);
            let found = rows.iter().copied().filter(|row| *row > behind).take(6).collect();
            let page = walk.page(found, |row| [*row]);
            assert!(page.items.len() <= 5);
            seen.extend(page.items);
            let Some(next) = page.next else { break };
            after = Some(read(&next).unwrap());
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let of = |query: &str| Walk::<2>::of_query(&format!("/x?{query}").parse().unwrap()).map_err(|error| error.code);
        assert_eq!(of("after=c1.2f&limit=1000").unwrap(), Walk { limit: 1_000, after: Some([1, 47]) });
        for (query, code) in [
            ("limit=0", "api.limit"),
            ("limit=1001", "api.limit"),
            ("limit=x", "api.limit"),
            ("after=", "api.cursor"),
            ("after=c1", "api.cursor"),
            ("after=c1.2.3", "api.cursor"),
            ("after=cffffffffffffffff.1", "api.cursor"),
            ("page=2", "api.query"),
        ] {
            assert_eq!(of(query), Err(code), "{query}");
        }
    }
}
