//! Pages of listings, as all faces print them.

use serde::Serialize;
use utoipa::ToSchema;

/// The length of a page if none is given.
pub const PAGE: u32 = 50;

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The place where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// A listing without pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// The page of the first `limit` rows; the query asked for [`one_more`], and that row shows that more follow.
    pub(super) fn of<Row>(
        limit: u32,
        mut rows: Vec<Row>,
        id: impl Fn(&Row) -> String,
        view: impl Fn(&Row) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(id);
        Self { items: rows.iter().map(view).collect(), next_cursor }
    }
}

/// The rows to query for a page of this length.
pub(super) fn one_more(limit: u32) -> u32 {
    limit.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_if_a_row_is_left() {
        for (rows, items, next) in [(0, 0, None), (1, 1, None), (2, 2, None), (3, 2, Some("1"))] {
            let page = Page::of(2, (0..rows).collect(), ToString::to_string, |row: &u32| *row);
            assert_eq!((page.items.len(), page.next_cursor.as_deref()), (items, next), "{rows} rows");
        }
        assert_eq!((one_more(2), one_more(u32::MAX)), (3, u32::MAX));
    }
}
